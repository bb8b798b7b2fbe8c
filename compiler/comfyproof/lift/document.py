"""The data of a spec, in the order of the language, of the parts that were recognized."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..graph import Link, Node, Value
from ..spec.dollars import WHOLE
from ..stages.blocks import SAMPLING_FIELDS
from .assembly import FILES, Assembly, file_of, wants
from .found import FileInput, ModelFound, StageFound, Want
from .naming import Names, own_title

_LEAST_SHARED = 4  # settings in common that make `like` worth reading
_LONG = 16  # a text this long that stands twice is one thing said twice
_PASSING = ("save", "preview")
_INPUTS = {"positive": "prompt", "text": "prompt", "negative": "negative_prompt"}


@dataclass
class Writer:
    """Names the parts of a spec and writes them down as plain data."""

    parts: Assembly
    stages: dict[str, str] = field(default_factory=dict)
    nodes: dict[str, str] = field(default_factory=dict)
    models: dict[ModelFound, str] = field(default_factory=dict)
    inputs: dict[FileInput, str] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)

    def written(self, name: str) -> dict[str, Any]:
        """The whole spec."""
        self.names = Names(self.parts.catalog)
        self._name_all()
        stages = [part for part in self.parts.order if isinstance(part, StageFound)]
        nodes = [part for part in self.parts.order if isinstance(part, Node)]
        bodies = self._bodies(stages)
        raw = {self.nodes[node.id]: {node.type: dict(self._inputs(node))} for node in nodes}
        self._share_texts(bodies, nodes, raw)
        data: dict[str, Any] = {"comfyproof": 1, "name": name}
        inputs = {each: {"type": file.type, "default": escaped(file.file)} for file, each in self.inputs.items()}
        inputs |= {each: {"type": "text", "default": text} for text, each in self.texts.items()}
        models = {each: escaped(dict(model.fields)) for model, each in self.models.items()}
        sections = {"inputs": inputs, "models": models, "stages": bodies, "nodes": raw}
        return data | {section: content for section, content in sections.items() if content}

    def _name_all(self) -> None:
        graph = self.parts.graph
        self.kinds: dict[str, int] = {}
        for part in self.parts.order:
            for each in self._files_and_models(part):
                self._name_part(each)
            if isinstance(part, StageFound):
                self.kinds[part.kind] = self.kinds.get(part.kind, 0) + 1
        for part in self.parts.order:
            if isinstance(part, StageFound) and (own := self.names.stage(part, graph.nodes[part.anchor])):
                self.stages[part.anchor] = own
        for part in self.parts.order:
            if isinstance(part, Node):
                self.nodes[part.id] = self.names.node(part, self._role(part))

    def _files_and_models(self, part: StageFound | Node) -> Iterator[FileInput | ModelFound]:
        if isinstance(part, StageFound):
            yield from (each for each in part.parts() if isinstance(each, FileInput | ModelFound))
        elif (file := file_of(part)) is not None:
            yield file
        for want, flows in wants(part, self.parts.wires):
            ref = self.parts.ref(want, flows=flows)
            if ref is not None and isinstance(ref.to, FileInput | ModelFound):
                yield ref.to

    def _name_part(self, part: FileInput | ModelFound) -> None:
        if isinstance(part, ModelFound):
            if part not in self.models:
                self.models[part] = self.names.model(part)
        elif part not in self.inputs:
            loader = next(type for type, (_, kind) in FILES.items() if kind == part.type)
            title = own_title(Node("", loader, {}, part.title), self.parts.catalog)
            self.inputs[part] = self.names.input(part.type, title)

    def _role(self, node: Node) -> str:
        """What a node is taken for, where its class says less: the positive or the negative prompt."""
        roles = {name for _, name in self.parts.wires.takers.get(Link(node.id, 0), ())}
        return roles.pop() if len(roles) == 1 and roles <= {"positive", "negative"} else ""

    def _name_of(self, stage: StageFound) -> str:
        """A stage's name, given now where its kind alone would not tell it from others."""
        if stage.anchor not in self.stages and self.kinds[stage.kind] > 1:
            self.stages[stage.anchor] = self.names.numbered(stage.kind)
        return self.stages.get(stage.anchor, stage.kind)

    def _reference(self, want: Want, *, flows: bool = False) -> str | None:
        """A link as the language writes it, without the dollar."""
        ref = self.parts.ref(want, flows=flows)
        if ref is None:
            return None
        to = ref.to
        if isinstance(to, StageFound):
            name = self._name_of(to)
        elif isinstance(to, Node):
            name = self.nodes[to.id]
        else:
            name = self.models[to] if isinstance(to, ModelFound) else self.inputs[to]
        return name if ref.part is None else f"{name}.{ref.part}"

    def _share_texts(self, stages: list[dict[str, Any]], nodes: list[Node], raw: dict[str, dict[str, Any]]) -> None:
        """Makes inputs of the long texts that stand in several places."""
        said: dict[str, list[tuple[dict[str, Any], str, str]]] = {}
        for body in (body for stage in stages for body in stage.values()):
            for name in ("positive", "negative"):
                if isinstance(text := body.get(name), str):
                    said.setdefault(text, []).append((body, name, name))
        for node in nodes:
            inputs = raw[self.nodes[node.id]][node.type]
            for name, value in inputs.items():
                if isinstance(value, str) and self.parts.wires.wanted(node, name) == "STRING":
                    said.setdefault(value, []).append((inputs, name, self._role(node) or name))
        for text, places in said.items():
            if len(places) > 1 and len(text) >= _LONG and not WHOLE.fullmatch(text):
                role = places[0][2]
                self.texts[text] = self.names.input(_INPUTS.get(role, role), "")
                for body, name, _ in places:
                    body[name] = f"${self.texts[text]}"

    def _bodies(self, stages: list[StageFound]) -> list[dict[str, Any]]:
        bodies: dict[str, dict[str, Any]] = {}
        flowing: object = None
        for stage in stages:
            body: dict[str, Any] = {}
            if stage.source is not None:
                ref = self.parts.ref(stage.source, flows=True)
                given = (ref.to.anchor if isinstance(ref.to, StageFound) else (ref.to.id, ref.part)) if ref else None
                if given != flowing:
                    body["from"] = self._reference(stage.source, flows=True)
                flowing = given
            if stage.kind not in _PASSING:
                flowing = stage.anchor
            fields = {name: self._whole(name, self._field(value)) for name, value in stage.fields.items()}
            bodies[stage.anchor] = {**body, **fields}
        self._take_alike(stages, bodies)
        for stage in stages:  # names that others needed are all known by now
            if stage.anchor in self.stages:
                bodies[stage.anchor] = {"as": self.stages[stage.anchor], **bodies[stage.anchor]}
        return [{stage.kind: bodies[stage.anchor]} for stage in stages]

    def _take_alike(self, stages: list[StageFound], bodies: dict[str, dict[str, Any]]) -> None:
        """Lets a stage take the settings of an earlier one that it shares most with."""
        sampling = [stage for stage in stages if "model" in stage.fields]
        whole = {stage.anchor: dict(bodies[stage.anchor]) for stage in sampling}
        for n, stage in enumerate(sampling):
            own = whole[stage.anchor]
            best: tuple[int, StageFound | None, list[str]] = (_LEAST_SHARED - 1, None, [])
            for other in sampling[max(0, n - 20) : n]:
                theirs = {name: value for name, value in whole[other.anchor].items() if name in SAMPLING_FIELDS}
                if stage.kind == "generate":
                    theirs.pop("denoise", None)
                same = [name for name, value in theirs.items() if name in own and _same(own[name], value)]
                if theirs.keys() <= own.keys() and "model" in same and len(same) > best[0]:
                    best = (len(same), other, same)
            if best[1] is not None:
                kept = {name: value for name, value in own.items() if name not in best[2]}
                source = {"from": kept.pop("from")} if "from" in kept else {}
                bodies[stage.anchor] = {**source, "like": self._name_of(best[1]), **kept}

    def _field(self, value: Any) -> Any:
        if isinstance(value, Want):
            reference = self._reference(value)
            return None if reference is None else f"${reference}"
        if isinstance(value, FileInput):
            return f"${self.inputs[value]}"
        if isinstance(value, ModelFound):
            return self.models[value]
        if isinstance(value, Mapping):
            return {name: self._field(inner) for name, inner in value.items()}
        if isinstance(value, list):
            return [self._field(inner) for inner in value]
        return escaped(value)

    def _whole(self, name: str, value: Any) -> Any:
        """A stage's numbers as an author writes them: 2 and not 2.0; what a preprocessor is given stays as it is."""
        if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
            return int(value)
        if isinstance(value, dict) and name != "preprocess":
            return {key: self._whole(key, inner) for key, inner in value.items()}
        return [self._whole(name, each) for each in value] if isinstance(value, list) else value

    def _inputs(self, node: Node) -> Iterator[tuple[str, Any]]:
        file, reads = file_of(node), FILES.get(node.type, ("", ""))[0]
        for name, value in node.inputs.items():
            if file is not None and name == reads:
                yield name, f"${self.inputs[file]}"
            elif isinstance(value, Link):
                reference = self._reference(Want(value, self.parts.wires.wanted(node, name)))
                if reference is not None:
                    yield name, f"${reference}"
            else:
                yield name, escaped(value)


def escaped(value: Value | Any) -> Any:
    """A value as the language has to write it: a dollar begins a name there."""
    if isinstance(value, str):
        return value.replace("$", "$$")
    if isinstance(value, Mapping):
        return {name: escaped(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [escaped(inner) for inner in value]
    return value


def _same(one: Any, other: Any) -> bool:
    """Whether two values are equal to the type: 1 is not true."""
    return type(one) is type(other) and bool(one == other)

"""Spec to Graph: each stage becomes nodes, and names become links."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .catalog.nodes import NodeType
from .catalog.pinned import Catalog
from .diagnostics import Diagnostic, Path, Place, did_you_mean
from .graph import Asset, Graph, Link, Node, Secret, Value
from .spec.names import StageAt, Stages
from .spec.pipeline import RawNode, Spec, Step
from .stages.blocks import Reference
from .stages.loading import load_model
from .stages.models import Checkpoint, DiffusionModel, Experts
from .stages.site import HOLE, UNKNOWN_NAME, UNTOLD, WRONG_KIND, Flow, Latent, Pixels, Site, Workshop


def lower(spec: Spec, catalog: Catalog, findings: list[Diagnostic]) -> Graph:
    """The graph of a spec, its nodes in the order of the stages. What is wrong is added to `findings`."""
    return _Lowering(spec, catalog, findings).graph()


@dataclass
class _Lowering:
    spec: Spec
    catalog: Catalog
    findings: list[Diagnostic]

    def graph(self) -> Graph:
        spec = self.spec
        declared = {section: spec.document.get((section,)) for section in ("models", "nodes")}
        names = {key: set(data) if isinstance(data, Mapping) else set() for key, data in declared.items()}
        self.raw = {node.name: node for node in spec.nodes}
        self.broken_nodes = names["nodes"] - set(self.raw)
        broken_models = names["models"] - set(spec.models)
        self.workshop = Workshop(
            spec.models, broken_models, spec.holes, spec.document.place, self._refer, findings=self.findings
        )
        self.flows: dict[str, Flow] = {}
        self.before = Stages([])
        flow: Flow | None = None
        for step in spec.steps:
            flow = self._stage(step, flow)
            kind = str(step.path[2])
            self.before.add(StageAt(step.name, kind, step.path, step.name != kind))
        for node in spec.nodes:
            self._node(node)
        return Graph(self.workshop.nodes)

    def _stage(self, step: Step, before: Flow | None) -> Flow:
        flow: Flow = Pixels(HOLE)
        if step.block is not None:
            wanted = getattr(step.block, "from_", None)
            given = before if wanted is None else self._taken(step, wanted)
            flow = step.block.lower(Site(step.name, step.path, given, self.workshop, step.broken))
        self.flows[step.name] = flow
        return flow

    def _taken(self, step: Step, wanted: str) -> Flow:
        """What `from` names: a stage before this one, or a node's output."""
        word, _, output = wanted.partition(".")
        place = self.spec.document.place((*step.path, "from"))
        before = len(self.findings)
        if stage := self.before.meant(word, place, self.findings):
            return self._part(stage.name, output, place)
        if word in self.raw:
            link = self._slot(self.raw[word], output or None, place)
            return Latent(link, None) if self._type_of(self.raw[word], link.output) == "LATENT" else Pixels(link)
        if len(self.findings) == before and word not in self.broken_nodes:
            known = [*(stage.name for stage in self.before.all), *self.raw]
            message = f'nothing before this stage is named "{word}"'
            help = did_you_mean(word, known, "stages and nodes") or "name a stage before it, or a node"
            self.findings.append(UNKNOWN_NAME.at(place, message, help))
        return Pixels(HOLE)

    def _part(self, name: str, output: str, place: Place) -> Flow:
        """What a stage gives, or one of its last node's other outputs."""
        flow = self.flows[name]
        if output in ("", "image", "latent") or flow.link == HOLE:
            if output == "latent" and isinstance(flow, Pixels) and flow.link != HOLE:
                self.findings.append(UNTOLD.at(place, f'"{name}" gives a picture, and no latent', 'remove ".latent"'))
            return flow
        node = self.workshop.nodes.get(flow.link.node)
        declared = self.catalog.get(node.type) if node else None
        slot = _slot_named(declared, output) if declared else None
        if node is None or declared is None or slot is None:
            known = ["image", "latent", *(each.name for each in declared.outputs)] if declared else []
            self.findings.append(
                UNKNOWN_NAME.at(place, f'"{name}" has no output "{output}"', did_you_mean(output, known, "outputs"))
            )
            return Pixels(HOLE)
        if declared.outputs[slot].type == "LATENT":
            return (
                flow._replace(link=Link(node.id, slot))
                if isinstance(flow, Latent)
                else Latent(Link(node.id, slot), None)
            )
        return Pixels(Link(node.id, slot))

    def _type_of(self, node: RawNode, slot: int) -> str:
        declared = self.catalog.get(node.type)
        return declared.outputs[slot].type if declared and slot < len(declared.outputs) else "*"

    def _slot(self, node: RawNode, output: str | None, place: Place) -> Link:
        """A node's output by name, type or number; its first, where none is named."""
        if output is None:
            return Link(node.name, 0)
        declared = self.catalog.get(node.type)
        if _is_number(output):
            return Link(node.name, int(output))
        slot = _slot_named(declared, output) if declared else None
        if slot is None:
            known = [each.name for each in declared.outputs] if declared else []
            help = did_you_mean(output, known, "outputs") if declared else "name it by its number, such as .0"
            self.findings.append(UNKNOWN_NAME.at(place, f'"{node.name}" has no output "{output}"', help))
            return HOLE
        return Link(node.name, slot)

    def _node(self, raw: RawNode) -> None:
        place = self.spec.document.place
        inputs = {name: self._value(raw, name, value) for name, value in raw.inputs.items()}
        places = {name: place((*raw.path, name)) for name in inputs}
        origins = (place(raw.path, key=True),)
        self.workshop.nodes[raw.name] = Node(raw.name, raw.type, inputs, raw.name, raw.name, origins, places)

    def _value(self, raw: RawNode, name: str, value: Any) -> Value:
        path: Path = (*raw.path, name)
        place = self.spec.document.place(path)
        if any(hole[: len(path)] == path for hole in self.spec.holes):
            return HOLE
        declared = self.catalog.get(raw.type)
        kind = declared.inputs[name].type if declared and name in declared.inputs else "*"
        if isinstance(value, Reference):
            return self._wired(Site(raw.name, raw.path, None, self.workshop), value, kind, place)
        if isinstance(value, Asset):
            return self._loaded(raw, name, value, kind, place)
        if isinstance(value, Secret):
            return value
        if _holds_names(value):
            message = f'"{name}" holds a name within a list or mapping, where none can be wired'
            self.findings.append(WRONG_KIND.at(place, message, "give the name an input of its own"))
            return HOLE
        literal: Value = value
        return literal

    def _loaded(self, raw: RawNode, name: str, asset: Asset, wanted: str, place: Place) -> Value:
        """A file as its name where a node takes names of files, else through the node that loads it."""
        if wanted in ("COMBO", "STRING"):
            return asset
        if asset.kind != "image" or wanted not in ("IMAGE", "*"):
            message = f'an input of the type {asset.kind} cannot be put into "{name}", which takes {wanted}'
            self.findings.append(WRONG_KIND.at(place, message, "load it with a node of its own"))
            return HOLE
        return self.workshop.add(raw.name, raw.path, name, "LoadImage", {"image": asset}, {"image": name})

    def _refer(self, site: Site, wanted: Reference, kind: str, at: Path) -> Link:
        """The output that a stage's field means, which must be there before the stage."""
        place = self.spec.document.place((*site.path, *at))
        known = (*self.flows, *self.raw, *self.spec.models, *self.broken_nodes, *self.workshop.broken)
        if wanted.name not in known:
            message = f'nothing before this stage is named "{wanted.name}"'
            self.findings.append(UNKNOWN_NAME.at(place, message, "put the stage that gives it before this one"))
        return self._wired(site, wanted, kind, place)

    def _wired(self, site: Site, wanted: Reference, kind: str, place: Place) -> Link:
        """The output that a reference means, decoded where a picture is wanted of a latent."""
        if wanted.name in self.raw:
            return self._slot(self.raw[wanted.name], wanted.output, place)
        if wanted.name in self.flows:
            flow = self._part(wanted.name, wanted.output or "", place)
            if isinstance(flow, Latent) and (wanted.output == "image" or (kind == "IMAGE" and not wanted.output)):
                return Site(site.name, site.path, flow, self.workshop, site.broken).pixels()
            return flow.link
        if wanted.name in self.spec.models:
            return self._of_model(wanted, place)
        return HOLE  # of what could not be read, a finding has spoken

    def _of_model(self, wanted: Reference, place: Place) -> Link:
        block = self.spec.models[wanted.name]
        if not isinstance(block, Checkpoint | DiffusionModel | Experts):
            message = f'"{wanted.name}" is {block.kind}; only a diffusion model or checkpoint can be wired by name'
            self.findings.append(WRONG_KIND.at(place, message, "load it with a node of its own"))
            return HOLE
        parts = load_model(Site(wanted.name, ("models", wanted.name), None, self.workshop), wanted.name, block)
        found = {"model": parts.model, "clip": parts.clip, "vae": parts.vae}
        if parts.low is not None:
            found |= {"high": parts.model, "low": parts.low}
        if parts.known and (wanted.output or "model") not in found:
            message = f'a model has no output "{wanted.output}"'
            help = did_you_mean(wanted.output or "", found, "its outputs")
            self.findings.append(UNKNOWN_NAME.at(place, message, help))
        return found.get(wanted.output or "model", HOLE)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 9


def _slot_named(declared: NodeType, output: str) -> int | None:
    return int(output) if _is_number(output) else declared.output_index(output)


def _holds_names(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(_holds_names(inner) for inner in value.values())
    if isinstance(value, list):
        return any(_holds_names(inner) for inner in value)
    return isinstance(value, Reference | Asset | Secret)

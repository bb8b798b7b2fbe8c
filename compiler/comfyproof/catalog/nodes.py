"""Node types as a server describes them, in both spellings of a combo."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, TypeAlias

RawNodes: TypeAlias = Mapping[str, Mapping[str, Any]]

WIDGET_TYPES = frozenset({"INT", "FLOAT", "STRING", "BOOLEAN", "COMBO"})
MAX_DEPTH = 32


class UnreadableNode(ValueError):
    """A description of a node class that makes no sense; the message says why."""


class Input(NamedTuple):
    """One declared input of a node type.

    `options` are a combo's values, None where the catalog does not list them: files, or what a service offers.
    `checked` says whether a server compares a value with the options: it does for the old
    spelling (a list as the type), not for the new one (`"COMBO"` with `options`).
    """

    name: str
    type: str
    required: bool
    config: Mapping[str, Any]
    options: tuple[Any, ...] | None = None
    checked: bool = True
    folder: str | None = None

    @property
    def takes_link(self) -> bool:
        """Whether only a link makes sense here: the type is no widget's."""
        return self.type not in WIDGET_TYPES

    @property
    def default(self) -> Any:
        """What an editor puts into an input left alone; None where it has nothing to put."""
        if "default" in self.config:
            return self.config["default"]
        return self.options[0] if self.options and self.folder is None else None


class Output(NamedTuple):
    """One output slot of a node type."""

    name: str
    type: str


class NodeType(NamedTuple):
    """What a server says of one node class: the inputs it declares and the outputs it has.

    `own_id` says that the node is told its own id when it runs, so that two equal ones may differ.
    """

    name: str
    display_name: str
    category: str
    inputs: Mapping[str, Input]
    outputs: tuple[Output, ...]
    is_output: bool
    own_id: bool

    def output_index(self, name: str) -> int | None:
        """The slot of an output by its name or type, where just one has it; in other letter case if need be."""
        for slots in ([o.name for o in self.outputs], [o.type for o in self.outputs]):
            if slots.count(name) == 1:
                return slots.index(name)
        folded = name.casefold()
        alike = [n for n, o in enumerate(self.outputs) if folded in (o.name.casefold(), o.type.casefold())]
        return alike[0] if len(alike) == 1 else None


def read_node_type(name: str, raw: Any, files: Mapping[str, str]) -> NodeType:
    """One node class out of an /object_info answer; `files` maps its file inputs to model folders.

    Raises UnreadableNode.
    """
    if not isinstance(raw, Mapping) or _too_deep(raw):
        raise UnreadableNode("it is no mapping of a sensible depth")
    declared: dict[str, Input] = {}
    for section in ("required", "optional"):
        for input_name, spec in _section(raw, section).items():
            declared[input_name] = _read_input(input_name, spec, section == "required", files.get(input_name))
    return NodeType(
        name=name,
        display_name=_text(raw, "display_name") or name,
        category=_text(raw, "category"),
        inputs=declared,
        outputs=_read_outputs(raw),
        is_output=bool(raw.get("output_node")),
        own_id=any(spec == "UNIQUE_ID" or spec == ["UNIQUE_ID"] for spec in _section(raw, "hidden").values()),
    )


def split_spec(spec: Any) -> tuple[Any, Mapping[str, Any]]:
    """The type of a declared input and its settings; an input may be declared by its type alone."""
    if not isinstance(spec, list):
        return spec, {}
    config = spec[1] if len(spec) > 1 else {}
    return spec[0] if spec else "*", config if isinstance(config, Mapping) else {}


def _section(raw: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    sections = raw.get("input")
    if not isinstance(sections, Mapping) or not all(isinstance(each or {}, Mapping) for each in sections.values()):
        raise UnreadableNode("its inputs have no names")
    return sections.get(name) or {}


def _text(raw: Mapping[str, Any], key: str) -> str:
    text = raw.get(key) or ""
    if not isinstance(text, str):
        raise UnreadableNode(f'its "{key}" is no text')
    return text


def _read_outputs(raw: Mapping[str, Any]) -> tuple[Output, ...]:
    kinds, names = raw.get("output"), raw.get("output_name") or []
    if not isinstance(kinds, list) or not all(isinstance(kind, str | list) for kind in kinds):
        raise UnreadableNode("its outputs have no types")
    if not isinstance(names, list):
        raise UnreadableNode("its outputs have no names")
    types = ["COMBO" if isinstance(kind, list) else kind for kind in kinds]
    named = [*names[: len(types)], *types[len(names) :]]
    return tuple(Output(str(name or type), type) for name, type in zip(named, types, strict=True))


def _read_input(name: str, spec: Any, required: bool, folder: str | None) -> Input:
    kind, config = split_spec(spec)
    checked = isinstance(kind, list)
    if checked:
        options, kind = kind, "COMBO"
    else:
        options = config.get("options") if kind == "COMBO" else None
    if not isinstance(kind, str) or not isinstance(options, list | None):
        raise UnreadableNode(f'its input "{name}" has no type')
    for bound in (config.get("min"), config.get("max")):
        if kind in ("INT", "FLOAT") and not isinstance(bound, int | float | None):
            raise UnreadableNode(f'a bound of its input "{name}" is no number')
    if not options and (folder or "remote" in config):
        options = None
    return Input(name, kind, required, config, None if options is None else tuple(options), checked, folder)


def _too_deep(data: Any) -> bool:
    """Whether lists and mappings nest so deep that comparing or printing them could fail."""
    level = [data]
    for _ in range(MAX_DEPTH):
        inner = [child for each in level for child in (each.values() if isinstance(each, Mapping) else each)]
        level = [child for child in inner if isinstance(child, dict | list)]
        if not level:
            return False
    return True

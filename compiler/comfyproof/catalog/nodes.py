"""Node types as a server describes them, in both spellings of a combo."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

RawNodes: TypeAlias = Mapping[str, Mapping[str, Any]]

WIDGET_TYPES = frozenset({"INT", "FLOAT", "STRING", "BOOLEAN", "COMBO"})


@dataclass(frozen=True, slots=True)
class Input:
    """One declared input of a node type.

    `options` are a combo's values, None where they are files that the catalog does not list.
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


@dataclass(frozen=True, slots=True)
class Output:
    """One output slot of a node type."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class NodeType:
    """What a server says of one node class: the inputs it declares and the outputs it has."""

    name: str
    display_name: str
    category: str
    inputs: Mapping[str, Input]
    outputs: tuple[Output, ...]
    is_output: bool

    def output_index(self, name: str) -> int | None:
        """The slot of an output by its name or type, where just one has it."""
        for slots in ([o.name for o in self.outputs], [o.type for o in self.outputs]):
            if slots.count(name) == 1:
                return slots.index(name)
        return None


def read_node_type(name: str, raw: Mapping[str, Any], files: Mapping[str, str]) -> NodeType:
    """One node class out of an /object_info answer; `files` maps its file inputs to model folders."""
    declared: dict[str, Input] = {}
    for section in ("required", "optional"):
        for input_name, spec in (raw.get("input", {}).get(section) or {}).items():
            declared[input_name] = _read_input(input_name, spec, section == "required", files.get(input_name))
    types = [str(kind) if not isinstance(kind, list) else "COMBO" for kind in raw.get("output") or []]
    names = list(raw.get("output_name") or types)
    return NodeType(
        name=name,
        display_name=raw.get("display_name") or name,
        category=raw.get("category") or "",
        inputs=declared,
        outputs=tuple(Output(str(n or t), t) for n, t in zip(names, types, strict=False)),
        is_output=bool(raw.get("output_node")),
    )


def _read_input(name: str, spec: Any, required: bool, folder: str | None) -> Input:
    kind, config = (spec, {}) if not isinstance(spec, list) else (spec[0] if spec else "*", (*spec[1:], {})[0])
    if not isinstance(config, Mapping):
        config = {}
    options: tuple[Any, ...] | None = None
    checked = isinstance(kind, list)
    if checked:
        options, kind = tuple(kind), "COMBO"
    elif kind == "COMBO":
        options = tuple(config.get("options") or ())
    if kind == "COMBO" and not options and (folder or "remote" in config):
        options = None
    return Input(name, str(kind), required, config, options, checked, folder)

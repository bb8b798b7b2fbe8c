"""A graph as the facts are read from it: where a link comes from, and what a value is, through primitives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

from ..catalog.pinned import Catalog
from ..graph import Graph, Link, Node, Value

_DEEPEST = 64
_LARGEST = 10**15  # what is beyond it is no size, no number of steps and no strength
# Nodes that give what stands in one of their own inputs.
_PRIMITIVES = ("PrimitiveInt", "PrimitiveFloat", "PrimitiveString", "PrimitiveStringMultiline", "PrimitiveBoolean")
_PASSING = {"Reroute": ""}

Found = TypeVar("Found")


class Setting(NamedTuple):
    """A value that a node works with, and the input that an author sets it with; `value` is None where it is unknown.

    `by_link` says that it comes from another node.
    """

    value: Any
    node: Node
    input: str
    by_link: bool = False

    @property
    def number(self) -> float | None:
        """The value where it is a number with a meaning."""
        value = self.value
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        return value if abs(value) < _LARGEST else None

    @property
    def text(self) -> str | None:
        """The value where it is text."""
        return self.value if isinstance(self.value, str) else None


@dataclass
class View:
    """A graph with its catalog; what was found out once is kept."""

    graph: Graph
    catalog: Catalog

    def __post_init__(self) -> None:
        self._kept: dict[Any, Any] = {}

    def kept(self, key: Any, make: Callable[[], Found]) -> Found:
        """What `make` gives for a key, made once."""
        if key not in self._kept:
            self._kept[key] = make()
        found: Found = self._kept[key]
        return found

    def origin(self, value: Value | None) -> tuple[Node, int] | None:
        """The node and the output that a link comes from, past what only hands it on; None where it is no link."""
        for _ in range(_DEEPEST):
            node = self.graph.nodes.get(value.node) if type(value) is Link else None
            if node is None:
                return None
            assert type(value) is Link
            if node.type not in _PASSING:
                return node, value.output
            value = node.inputs.get(_PASSING[node.type], next(iter(node.inputs.values()), None))
        return None

    def setting(self, node: Node, name: str) -> Setting:
        """The value of a node's input; what the catalog says where it isn't given."""
        value = node.inputs.get(name)
        if value is None and name not in node.inputs:
            declared = self.catalog.get(node.type)
            wanted = declared.inputs.get(name) if declared else None
            return Setting(wanted.default if wanted and not wanted.required else None, node, name)
        if type(value) is not Link:
            return Setting(value, node, name)
        for _ in range(_DEEPEST):
            found = self.origin(value)
            if found is None or found[0].type not in _PRIMITIVES:
                break
            value = found[0].inputs.get("value")
            if not isinstance(value, Link):
                return Setting(value, node, name, by_link=True)
        return Setting(None, node, name, by_link=True)

    def output(self, node: Node, index: int) -> str:
        """The name of an output, small, empty where the catalog doesn't know it."""
        declared = self.catalog.get(node.type)
        if declared is None or not 0 <= index < len(declared.outputs):
            return ""
        return declared.outputs[index].name.casefold()

    def linked(self, node: Node, *types: str) -> list[str]:
        """The inputs of a node that take one of these types and are given a link."""
        declared = self.catalog.get(node.type)
        if declared is None:
            return []
        return [
            name
            for name, value in node.inputs.items()
            if type(value) is Link and (wanted := declared.inputs.get(name)) is not None and wanted.type in types
        ]

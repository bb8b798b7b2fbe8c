"""What a graph means, whatever its nodes are called and in which order they stand."""

from __future__ import annotations

import hashlib
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

from .catalog.nodes import Input, NodeType, UnreadableNode, read_node_type
from .catalog.pinned import Catalog
from .graph import Asset, Graph, Link, Node, Value

MAX_ROUNDS = 64  # two or three do for what people make

Edges: TypeAlias = Mapping[str, list[tuple[str, str]]]


def fingerprint(graph: Graph, catalog: Catalog | None = None) -> str:
    """The SHA-256 of what a graph means, in hex: the same for graphs that differ in ids, order and titles alone.

    Numbers are equal as they are to an editor, all of whose numbers are doubles; True is not 1. With a
    catalog, optional inputs at their default do not count, nor do values of inputs that a class does not
    declare; links to such inputs count, as a server follows them. What only another pairing of nodes
    that are exactly equal tells apart may have the same fingerprint.
    """
    parts = sorted(_sha("".join(sorted(colors))) for colors in _apart(Meaning(graph, catalog)))
    return _sha("".join(parts))


@dataclass(frozen=True)
class Meaning:
    """A graph as far as it counts. An id that only a link names is a node of no class."""

    graph: Graph
    catalog: Catalog | None = None

    @cached_property
    def values(self) -> Mapping[str, Mapping[str, Value]]:
        """The values of each node that count, by input."""
        return {id: dict(_values(node, self.catalog)) for id, node in self.graph.nodes.items()}

    @cached_property
    def links(self) -> Mapping[str, Mapping[str, Link]]:
        """The links of each node by input."""
        found: dict[str, dict[str, Link]] = {id: dict(node.links()) for id, node in self.graph.nodes.items()}
        for node in self.graph.nodes.values():
            for _, link in node.links():
                found.setdefault(link.node, {})
        return found

    @cached_property
    def looks(self) -> Mapping[str, str]:
        """What each node is on its own, its class and its values, as one hash."""
        looks = dict.fromkeys(self.links, _sha("missing"))
        for id, node in self.graph.nodes.items():
            looks[id] = _sha(encoded([node.type, dict(self.values[id])]))
        return looks

    @cached_property
    def colors(self) -> Mapping[str, str]:
        """A hash of each node and of all that it hangs together with: nodes of one color play the same part.

        A color takes in those of what feeds a node, all the way up, and of what it feeds, all the way
        down, again and again until no further colors come of it.
        """
        into, out = self.edges
        down, up = _order(into, out), _order(out, into)
        colors = self.looks
        known = 0
        for _ in range(MAX_ROUNDS):
            colors = _spread(_spread(colors, into, down), out, up)
            if (count := len(set(colors.values()))) <= known:
                break
            known = count
        return colors

    @cached_property
    def upstream(self) -> Mapping[str, str]:
        """A hash of each node and of all that feeds it."""
        into, out = self.edges
        return _spread(self.looks, into, _order(into, out))

    @cached_property
    def downstream(self) -> Mapping[str, str]:
        """A hash of each node and of all that it feeds."""
        into, out = self.edges
        return _spread(self.looks, out, _order(out, into))

    @cached_property
    def near(self) -> Mapping[str, str]:
        """A hash of each node and its neighbors."""
        into, out = self.edges
        return _spread(_spread(self.looks, into, ()), out, ())

    @cached_property
    def edges(self) -> tuple[Edges, Edges]:
        """What each node takes and what it gives: input and output as one label, and the other node."""
        into: dict[str, list[tuple[str, str]]] = {id: [] for id in self.links}
        out: dict[str, list[tuple[str, str]]] = {id: [] for id in self.links}
        for id, links in self.links.items():
            for name, link in links.items():
                label = encoded([name, link.output])
                into[id].append((label, link.node))
                out[link.node].append((label, id))
        return into, out


def _order(into: Edges, out: Edges) -> list[str]:
    """The nodes, each behind all that it takes something from; without those on cycles, and behind them."""
    waiting = {id: len(edges) for id, edges in into.items()}
    ordered = [id for id, count in waiting.items() if not count]
    for id in ordered:
        for _, other in out[id]:
            waiting[other] -= 1
            if not waiting[other]:
                ordered.append(other)
    return ordered


def _spread(colors: Mapping[str, str], edges: Edges, order: Iterable[str]) -> dict[str, str]:
    """New colors: of a node's own and those at its edges, which are new themselves but on cycles."""
    fresh: dict[str, str] = {}
    for id in order:
        fresh[id] = _mixed(colors[id], (f"{label}{fresh[other]}" for label, other in edges[id]))
    on_cycles = {
        id: _mixed(color, (f"{label}{fresh.get(other, colors[other])}" for label, other in edges[id]))
        for id, color in colors.items()
        if id not in fresh
    }
    return fresh | on_cycles


def _mixed(color: str, near: Iterable[str]) -> str:
    return _sha(color + "".join(sorted(near)))


def _apart(meaning: Meaning) -> Iterable[list[str]]:
    """The colors of the nodes, those of each part that hangs together on their own."""
    into, out = meaning.edges
    part: dict[str, int] = {}
    for start in into:
        waiting = [] if start in part else [start]
        while waiting:
            id = waiting.pop()
            if id not in part:
                part[id] = len(part) if id == start else part[start]
                waiting += [other for edges in (into, out) for _, other in edges[id]]
    parts: dict[int, list[str]] = defaultdict(list)
    for id, color in meaning.colors.items():
        parts[part[id]].append(color)
    return parts.values()


def _values(node: Node, catalog: Catalog | None) -> Iterator[tuple[str, Value]]:
    """The values of a node that count."""
    declared = catalog.get(node.type) if catalog else None
    for name, value in node.inputs.items():
        if isinstance(value, Link):
            continue
        if declared is not None:
            wanted = declared_input(declared, node, name)
            if wanted is None or (not wanted.required and value is not None and same(value, wanted.default)):
                continue
        yield name, value


def declared_input(declared: NodeType, node: Node, name: str) -> Input | None:
    """How a class declares an input of a node; None where it does not.

    Of a dynamic input it declares what is within too, such as "images.image2" or "mode.steps", the latter
    by the value that the node has for "mode".
    """
    first, *steps = name.split(".") if name not in declared.inputs else [name]
    found, path = declared.inputs.get(first), first
    for step in steps:
        if found is None:
            return None
        found, path = _within(found, node.inputs.get(path), step), f"{path}.{step}"
    return found


def _within(outer: Input, value: Value, name: str) -> Input | None:
    """How a dynamic input declares one that belongs to it."""
    if outer.type == "COMFY_DYNAMICCOMBO_V3":
        options = [each for each in _list(outer.config.get("options")) if isinstance(each, dict)]
        chosen = [each.get("inputs") for each in options if isinstance(value, Link) or each.get("key") == value]
        return next((found for each in chosen if (found := _read(each).get(name))), None)
    if outer.type == "COMFY_AUTOGROW_V3":
        template = outer.config.get("template")
        return _grown(template, name) if isinstance(template, dict) else None
    # How further kinds name what belongs to them is not known: better to count too much than too little.
    return Input(name, "*", True, {}) if outer.type.startswith("COMFY_DYNAMIC") else None


def _grown(template: Mapping[str, Any], name: str) -> Input | None:
    prefix = str(template.get("prefix"))
    numbered = name.startswith(prefix) and name.removeprefix(prefix).isdecimal()
    if not numbered and name not in _list(template.get("names")):
        return None
    return next(iter(_read(template.get("input")).values()), None)


def _read(inputs: Any) -> Mapping[str, Input]:
    try:
        return read_node_type("", {"input": inputs, "output": []}, {}).inputs
    except UnreadableNode:
        return {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def same(one: Value, other: Value) -> bool:
    """Whether two values mean the same."""
    return encoded(one) == encoded(other)


def encoded(value: Any) -> str:
    """A value as text, the same for values that mean the same: numbers as doubles, and mappings in any order."""
    found: list[str] = []
    waiting: list[Any] = [value]
    while waiting:  # not by recursion: how deep a value goes is up to its author
        match waiting.pop():
            case list() as items:
                found.append(f"[{len(items)} ")
                waiting += reversed(items)
            case dict() as entries:
                found.append(f"{{{len(entries)} ")
                waiting += (part for key in sorted(entries, reverse=True) for part in (entries[key], key))
            case bool() | None as word:
                found.append(f"{word} ")
            case int() | float() as number:
                found.append(f"{_double(number)!r} ")
            case other:  # a file or a secret is the text that a server gets
                text = other.name if isinstance(other, Asset) else str(other)
                found.append(f'"{len(text)} {text}')
    return "".join(found)


def _double(number: float) -> float:
    try:
        return float(number) + 0.0  # no zero is negative
    except OverflowError:
        return math.inf if number > 0 else -math.inf


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()

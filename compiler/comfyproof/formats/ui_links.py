"""Following links in the editor's JSON back to the node that gives the value: through reroutes, bypasses, subgraphs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from ..catalog.widgets import NEWER, Editor
from ..graph import Link
from .broken import BROKEN_WORKFLOW, Findings
from .ui_scopes import (
    BYPASSED,
    INPUT_SIDE,
    LOOSE_LINK,
    MUTED,
    RawNode,
    Scope,
)

# What the editor draws and no server runs.
VIRTUAL = frozenset({"Note", "MarkdownNote", "Reroute", "PrimitiveNode"})
MAX_STEPS = 10_000
MAX_ALL_STEPS = 1_000_000  # of all links together


@dataclass(frozen=True, slots=True)
class Held:
    """A value that stands in for a link: a primitive's, or one that an instance of a subgraph sets from outside.

    `raw` says that it goes to the server as it is, without what the widget in its place would make of it.
    """

    value: Any
    raw: bool


class Silenced:
    """The link comes from a muted node; the older editor takes the value under it away as well."""


SILENCED = Silenced()


class Reader(Protocol):
    """What following a link needs to know of the workflow it is in."""

    editor: Editor
    findings: Findings
    steps: int

    def child(self, scope: Scope, id: str) -> Scope | None:
        """The inside of a node that is an instance of a subgraph; None where it is none."""

    def slots(self, node: RawNode) -> list[tuple[str, str, Any]]:
        """The inputs of a node in the editor's order: name, type, link."""

    def output_type(self, node: RawNode, slot: int) -> str:
        """The type of an output."""

    def promoted(self, scope: Scope, slot: int) -> Held | None:
        """What an instance sets an input of its subgraph to, if it sets it."""


def follow(reader: Reader, scope: Scope, link: Any, wanted: str, asker: str) -> Link | Held | Silenced | None:
    """Where a link's value comes from, for an input of the type `wanted` of the node `asker`.

    None where it comes from nowhere, and whatever stands in the input stays.
    """
    start, first = scope, True
    for _ in range(MAX_STEPS):
        if reader.steps >= MAX_ALL_STEPS:
            message = f"its links lead through reroutes and bypassed nodes more than {MAX_ALL_STEPS:,} times"
            reader.findings.add(BROKEN_WORKFLOW, (), message)
            return None
        reader.steps += 1
        origin = scope.definition.links.get(link)
        if origin is None:
            _loose(reader, scope, link, asker)
            return None
        id, slot = origin
        if id == INPUT_SIDE and scope.parent is not None:
            outer = _outer_link(scope, slot)
            if outer is None:
                return reader.promoted(scope, slot)
            scope, link = scope.parent, outer
            continue
        node = scope.definition.nodes.get(id)
        if node is None:
            message = f'link {link} comes from the node "{id}", which is not there'
            path = scope.definition.node_path(asker) if scope is start else scope.definition.path
            reader.findings.add(BROKEN_WORKFLOW, path, message, "connect the input anew in the editor")
            return None
        if node["type"] == "PrimitiveNode":
            return _primitive(node) if first and _copies(reader, start, scope) else None
        found = _step(reader, scope, node, id, slot, wanted)
        if not isinstance(found, tuple):
            return found
        first = first and scope is not start
        scope, link = found
    reader.findings.add(
        BROKEN_WORKFLOW,
        start.definition.node_path(asker),
        "a link of this node leads round in a circle of reroutes or bypassed nodes",
        "connect the input anew in the editor",
    )
    return None


def _step(
    reader: Reader, scope: Scope, node: RawNode, id: str, slot: int, wanted: str
) -> Link | Silenced | tuple[Scope, Any] | None:
    """One step back through a node: the output itself, or the scope and link to go on with."""
    mode, kind = node.get("mode"), node["type"]
    if mode == MUTED and reader.editor == NEWER:
        return None
    if mode == MUTED and kind not in VIRTUAL and reader.child(scope, id) is None:
        return SILENCED
    if kind in VIRTUAL:
        inputs = node.get("inputs") or ()
        link = inputs[slot].get("link") if 0 <= slot < len(inputs) else None
        return None if link is None else (scope, link)
    if mode == BYPASSED:
        link = _bypassed(reader, scope, node, slot, wanted)
        return None if link is None else (scope, link)
    inner = reader.child(scope, id)
    if inner is None:
        return Link(scope.prefix + id, slot)
    outputs = inner.definition.outputs
    links = outputs[slot].get("linkIds") if 0 <= slot < len(outputs) else None
    return (inner, links[0]) if links else None


def _bypassed(reader: Reader, scope: Scope, node: RawNode, slot: int, wanted: str) -> Any:
    """The link that a bypassed node passes on as its output `slot`."""
    slots = reader.slots(node)
    if not slots:
        return None
    if wanted in ("", "*"):
        return slots[slot if slot < len(slots) else 0][2]
    given = reader.output_type(node, slot)

    def fits(kind: str) -> bool:
        return _compatible(kind, given) and _compatible(kind, wanted)

    if slot < len(slots) and fits(slots[slot][1]):
        return slots[slot][2]
    for _, kind, link in slots:
        if kind == wanted:
            return link
    return next((link for _, kind, link in slots if fits(kind)), None)


def _compatible(left: str, right: str) -> bool:
    if left in ("", "*") or right in ("", "*"):
        return True
    left, right = left.lower(), right.lower()
    return left == right or not set(left.split(",")).isdisjoint(right.split(","))


def _outer_link(scope: Scope, slot: int) -> Any:
    """The link into the instance that an input of its subgraph stands for."""
    found = outer_slot(scope, slot)
    return None if found is None else found.get("link")


def outer_slot(scope: Scope, slot: int) -> Mapping[str, Any] | None:
    """The instance's own input for an input of its subgraph, by name, else by position."""
    if scope.instance is None or not 0 <= slot < len(scope.definition.inputs):
        return None
    return scope.outer(scope.definition.inputs[slot].get("name"))


def _copies(reader: Reader, start: Scope, scope: Scope) -> bool:
    """Whether a primitive in one scope puts its value into an input in another."""
    return start is scope if reader.editor == NEWER else scope.parent is None


def _primitive(node: RawNode) -> Held | None:
    values = node.get("widgets_values")
    return Held(values[0], raw=False) if isinstance(values, list) and values else None


def _loose(reader: Reader, scope: Scope, link: Any, asker: str) -> None:
    reader.findings.add(
        LOOSE_LINK if reader.editor == NEWER else BROKEN_WORKFLOW,
        scope.definition.node_path(asker) if asker in scope.definition.nodes else scope.definition.path,
        f"link {link} is not in the table of links, so that nothing is connected here",
        "connect the input anew in the editor",
    )

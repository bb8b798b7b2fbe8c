"""What an instance of a subgraph sets inside it: inputs that stand for widgets, and widgets shown on the instance."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

from ..catalog.widgets import NEWER, Editor
from .ui_scopes import INPUT_SIDE, RawNode, Scope
from .ui_values import Plan, seated


class Reader(Protocol):
    """What this needs to know of the workflow."""

    editor: Editor

    def plan(self, kind: str) -> Plan | None:
        """How to read the nodes of a class."""

    def child(self, scope: Scope, id: str) -> Scope | None:
        """The inside of an instance."""

    def slots(self, node: RawNode) -> list[tuple[str, str, Any]]:
        """The inputs of a node in the editor's order."""


def promote(reader: Reader, scope: Scope, id: str) -> None:
    """Fills in what an instance, `id` in the scope above, sets: `scope.promoted` by input, `scope.given` by widget."""
    instance, parent = scope.instance, scope.parent
    assert instance is not None
    assert parent is not None
    values = instance.get("widgets_values")
    listed: list[Any] = values if isinstance(values, list) else []
    found: dict[int, Any] = {}
    for n, (slot, inner, widget) in enumerate(_shown(reader, scope)):
        found[slot] = listed[n] if n < len(listed) else _own_value(reader, scope, inner, widget)
    scope.promoted = found
    if reader.editor != NEWER:
        return
    for n, (inner, widget) in enumerate(_proxies(instance)):
        if n < len(listed):
            _set(scope, found, inner, widget, listed[n])
        elif inner in scope.definition.nodes and (inner, widget) not in scope.given:
            _set_own(reader, scope, inner, widget)
    # What the instance that this one lies in shows of it.
    for (node, widget), value in parent.given.items():
        if node == id:
            _set_by_name(scope, found, instance, widget, value)


def _set(scope: Scope, found: dict[int, Any], inner: str, widget: str, value: Any) -> None:
    if inner == "-1":
        for n in scope.definition.inputs_named(widget):
            found[n] = value
        return
    node = scope.definition.nodes.get(inner)
    for slot in (node.get("inputs") or ()) if node else ():
        if slot["name"] == widget and slot.get("link") is not None:
            origin = scope.definition.links.get(slot["link"])
            if origin and origin[0] == INPUT_SIDE:
                found[origin[1]] = value
                return
    scope.given[inner, widget] = value


def _set_by_name(scope: Scope, found: dict[int, Any], instance: RawNode, widget: str, value: Any) -> None:
    for n in scope.definition.inputs_named(widget):
        found[n] = value
        return
    for inner, name in _proxies(instance):
        if name == widget:
            _set(scope, found, inner, name, value)
            return


def _proxies(instance: RawNode) -> list[tuple[str, str]]:
    properties = instance.get("properties")
    listed = properties.get("proxyWidgets") if isinstance(properties, dict) else None
    if not isinstance(listed, list):
        return []
    return [(str(each[0]), str(each[1])) for each in listed if isinstance(each, list) and len(each) >= 2]


def _set_own(reader: Reader, scope: Scope, inner: str, widget: str) -> None:
    """A widget that an instance shows and has no value for: its own goes to the server as it stands."""
    value = _own_value(reader, scope, inner, widget)
    if value is not NOTHING:
        scope.given[inner, widget] = value


class Nothing:
    """There is no such value."""


NOTHING = Nothing()


def _own_value(reader: Reader, scope: Scope, inner: str, widget: str) -> Any:
    """The value of a widget in a subgraph as it stands in the file, else its default."""
    node = scope.definition.nodes[inner]
    plan = reader.plan(node["type"])
    if plan is None:
        nested = reader.child(scope, inner)
        for n in nested.definition.inputs_named(widget) if nested else ():
            if nested and nested.promoted and n in nested.promoted:
                return nested.promoted[n]
        return NOTHING
    values = seated(plan, node.get("widgets_values"))
    held = {seat.name: value for seat, value in zip(values.seats, values.values, strict=True)}
    return held.get(widget, NOTHING)


def _shown(reader: Reader, scope: Scope) -> Iterator[tuple[int, str, str]]:
    """The inputs of a subgraph that stand for a widget in it, each with that node and widget."""
    fed: dict[int, list[tuple[str, str]]] = {}
    for id, node in scope.definition.nodes.items():
        for slot in node.get("inputs") or ():
            origin = scope.definition.links.get(slot.get("link"))
            if origin and origin[0] == INPUT_SIDE:
                fed.setdefault(origin[1], []).append((id, slot["name"]))
    for n, each in enumerate(scope.definition.inputs):
        targets = fed.get(n, []) if reader.editor == NEWER else _by_index(reader, scope, each)
        found = next((target for target in targets if _is_widget(reader, scope, *target)), None)
        if found is not None:
            yield n, *found


def _by_index(reader: Reader, scope: Scope, slot: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Where the older editor takes the links of a subgraph's input to go: by the index in them, whatever is there."""
    for link in slot.get("linkIds") or ():
        target, index = scope.definition.targets.get(link, ("", None))
        node = scope.definition.nodes.get(target)
        slots = reader.slots(node) if node else []
        if isinstance(index, int) and 0 <= index < len(slots):
            yield target, slots[index][0]


def _is_widget(reader: Reader, scope: Scope, id: str, name: str) -> bool:
    node = scope.definition.nodes[id]
    plan = reader.plan(node["type"])
    if plan is not None:
        # A class that has lost the widget since keeps its place, so that no other gets its value.
        return name in plan.widgets or _marked(node, name)
    inner = reader.child(scope, id)
    if inner is None or inner.promoted is None:
        return _marked(node, name)
    return any(n in inner.promoted for n in inner.definition.inputs_named(name))


def _marked(node: RawNode, name: str) -> bool:
    """Whether the file itself calls an input a widget's."""
    return any(slot["name"] == name and slot.get("widget") for slot in node.get("inputs") or ())

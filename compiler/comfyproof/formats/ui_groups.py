"""Group nodes, the editor's older way to put several nodes into one, taken for subgraphs of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ..catalog.widgets import Widget
from .broken import BROKEN_WORKFLOW, Findings
from .ui_scopes import INPUT_SIDE, Definition, RawNode
from .ui_values import Plan

PREFIXES = ("workflow/", "workflow>")
_UPLOADS = ("IMAGEUPLOAD", "AUDIOUPLOAD")


def group_of(document: Mapping[str, Any], node: RawNode) -> Mapping[str, Any] | None:
    """What a node that is a group node stands for; None where it is none, or the file does not say."""
    kind = node["type"]
    if not kind.startswith(PREFIXES):
        return None
    extra = document.get("extra")
    groups = extra.get("groupNodes") if isinstance(extra, dict) else None
    found = groups.get(kind[len(PREFIXES[0]) :]) if isinstance(groups, dict) else None
    return found if isinstance(found, dict) else None


def group_definition(
    group: Mapping[str, Any],
    instance: RawNode,
    path: tuple[str | int, ...],
    plan_of: Callable[[str], Plan | None],
    findings: Findings,
) -> Definition | None:
    """A group node as a subgraph that only this instance uses, its values put into the nodes in it."""
    name = instance["type"]
    nodes = _nodes(group)
    if nodes is None:
        findings.add(BROKEN_WORKFLOW, ("extra", "groupNodes", name[len(PREFIXES[0]) :]), "a group node must have nodes")
        return None
    inner, outer = _split_links(group, len(nodes))
    definition = Definition(path, name, {}, {}, {})
    seen: dict[str, int] = {}
    for index, node in enumerate(nodes):
        slots = []
        for slot, raw in enumerate(node.get("inputs") or ()):
            id = len(definition.links) + 1
            if (index, slot) in inner:
                origin, output = inner[index, slot]
                definition.links[id] = (str(origin), output)
            else:
                definition.links[id] = (INPUT_SIDE, len(definition.inputs))
                definition.inputs.append({"name": _outer_name(node, raw, seen), "linkIds": [id]})
            slots.append({**raw, "link": id})
        definition.nodes[str(index)] = {**node, "id": index, "inputs": slots}
    for index, slot in _outputs(nodes, inner, outer):
        id = len(definition.links) + 1
        definition.links[id] = (str(index), slot)
        definition.outputs.append({"linkIds": [id]})
    _hand_out(definition, instance, plan_of)
    return definition


def _nodes(group: Mapping[str, Any]) -> list[RawNode] | None:
    listed = group.get("nodes")
    if not isinstance(listed, list) or not all(_is_node(each) for each in listed):
        return None
    return listed


def _is_node(node: Any) -> bool:
    if not isinstance(node, dict) or not isinstance(node.get("type"), str):
        return False
    slots = node.get("inputs") or []
    return isinstance(slots, list) and all(
        isinstance(each, dict) and isinstance(each.get("name"), str) for each in slots
    )


def _split_links(group: Mapping[str, Any], count: int) -> tuple[dict[tuple[int, int], tuple[int, int]], set[Any]]:
    """The links inside, from input to output, and the outputs that also go outside."""
    inner: dict[tuple[int, int], tuple[int, int]] = {}
    for link in group.get("links") or ():
        if isinstance(link, list) and len(link) >= 4 and all(type(each) is int for each in link[:4]):
            origin, output, target, slot = link[:4]
            if 0 <= origin < count and 0 <= target < count:
                inner[target, slot] = (origin, output)
    external = group.get("external")
    listed = external if isinstance(external, list) else []
    pairs = (each[:2] for each in listed if isinstance(each, list) and len(each) >= 2)
    return inner, {(node, slot) for node, slot in pairs if type(node) is int and type(slot) is int}


def _outputs(
    nodes: list[RawNode], inner: Mapping[tuple[int, int], tuple[int, int]], outer: set[Any]
) -> Iterator[tuple[int, int]]:
    used = set(inner.values())
    for index, node in enumerate(nodes):
        for slot in range(len(node.get("outputs") or ())):
            if (index, slot) not in used or (index, slot) in outer:
                yield index, slot


def _outer_name(node: RawNode, slot: Mapping[str, Any], seen: dict[str, int]) -> str:
    """What the editor calls an input of an inner node on the group: with the node's name once it is taken."""
    own = str(slot.get("label") or slot["name"])
    key = name = own
    if name in seen:
        title = str(node.get("title") or node["type"])
        key = name = f"{title} {own}"
        if name in seen:
            name = f"{title} {seen[name]} {own}"
    seen[key] = seen.get(key, 0) + 1
    return name


def _hand_out(definition: Definition, instance: RawNode, plan_of: Callable[[str], Plan | None]) -> None:
    """Puts the values of the instance, which are those of its inner nodes in a row, into these."""
    values = instance.get("widgets_values")
    if not isinstance(values, list):
        return
    at = 0
    for id, node in definition.nodes.items():
        plan = plan_of(node["type"])
        if plan is None:
            continue
        linked = {str(slot["name"]) for slot in node.get("inputs") or () if _is_inner(definition, slot.get("link"))}
        own = [*(node.get("widgets_values") or ())]
        for n, seat in enumerate(plan.seats):
            if _is_upload(seat.widget) or seat.name in linked:
                continue
            if at < len(values) and n <= len(own):
                own[n : n + 1] = [values[at]]
            at += 1
        definition.nodes[id] = {**node, "widgets_values": own}


def _is_inner(definition: Definition, link: Any) -> bool:
    return link is not None and definition.links[link][0] != INPUT_SIDE


def _is_upload(widget: Widget) -> bool:
    return widget.type in _UPLOADS

"""Workflows of ComfyUI's editor, written out in full from a short form of them.

A node is "Class" or [Class, values...] or a mapping of `type`, `values`, `mode` (mute, bypass), `title`,
`properties` and `in`: for each input that is linked, "node.output", or ">n" for input n of the subgraph it is in.
Anything else in the mapping goes into the node as it stands.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from typing import Any

from comfyproof.catalog.pinned import Catalog

MODES = {"mute": 2, "bypass": 4}
KEYS = ("type", "values", "mode", "in", "slots", "outputs")


def ui_workflow(case: Mapping[str, Any], catalog: Catalog) -> dict[str, Any]:
    """The workflow of a case, in version 0.4, or 1 where it says so."""
    names = {name: subgraph_id(name) for name in case.get("subgraphs", {})}
    nodes, links = _nodes(case["nodes"], catalog, names, case.get("subgraphs", {}), {})
    workflow: dict[str, Any] = {
        "last_node_id": 90,
        "last_link_id": 90,
        "nodes": nodes,
        "links": links,
        "groups": [],
        "config": {},
        "extra": case.get("extra", {}),
        "version": case.get("version", 0.4),
    }
    if names:
        workflow["definitions"] = {
            "subgraphs": [_subgraph(name, part, catalog, names, case) for name, part in case["subgraphs"].items()]
        }
    if workflow["version"] == 1:
        workflow["links"] = [_as_mapping(link) for link in links]
        workflow["state"] = {"lastGroupId": 0, "lastNodeId": 90, "lastLinkId": 90, "lastRerouteId": 0}
    workflow.update(case.get("file", {}))
    return workflow


def subgraph_id(name: str) -> str:
    """The id of a subgraph: one that is a UUID, since an editor takes no others."""
    return str(uuid.UUID(bytes=hashlib.md5(name.encode()).digest(), version=4))


def _nodes(
    short: Mapping[Any, Any],
    catalog: Catalog,
    names: Mapping[str, str],
    subgraphs: Mapping[str, Any],
    inputs: dict[str, list[int]],
) -> tuple[list[dict[str, Any]], list[list[Any]]]:
    links: list[list[Any]] = []
    nodes = []
    for number, (id, given) in enumerate(short.items()):
        node = _long(given)
        kind = node["type"]
        slots = node.get("slots") or _slots(kind, catalog, subgraphs)
        wanted = node.get("in", {})
        own = []
        for name, type, widget in [*slots, *((n, "*", False) for n in wanted if n not in {s[0] for s in slots})]:
            slot: dict[str, Any] = {"name": name, "type": type, "link": None}
            if widget:
                slot["widget"] = {"name": name}
            if name in wanted:
                slot["link"] = _link(wanted[name], id, len(own), type, links, inputs)
            own.append(slot)
        outputs = node.get("outputs") or _outputs(kind, catalog, subgraphs)
        nodes.append(
            {
                "id": id,
                "type": names.get(kind, kind),
                "pos": [300 * number, 100],
                "size": [270, 200],
                "flags": {},
                "order": number,
                "mode": MODES.get(node.get("mode", ""), node.get("mode", 0)),
                "inputs": own,
                "outputs": [{"name": name, "type": type, "links": []} for name, type in outputs],
                "properties": {"Node name for S&R": names.get(kind, kind)},
                **({"widgets_values": node["values"]} if "values" in node else {}),
                **{key: value for key, value in node.items() if key not in KEYS},
            }
        )
    for id, origin, output, *_ in links:
        for node in nodes:
            if node["id"] == origin and output < len(node["outputs"]):
                node["outputs"][output]["links"].append(id)
    return nodes, links


def _long(given: Any) -> dict[str, Any]:
    if isinstance(given, str):
        return {"type": given}
    return dict(given) if isinstance(given, Mapping) else {"type": given[0], "values": given[1:]}


def _link(source: str, target: Any, slot: int, type: str, links: list[list[Any]], inputs: dict[str, list[int]]) -> int:
    id = len(links) + 1
    if source.startswith(">"):
        inputs.setdefault(source[1:], []).append(id)
        links.append([id, -10, int(source[1:]), target, slot, type])
    else:
        origin, _, output = source.rpartition(".")
        links.append([id, int(origin) if origin.isdigit() else origin, int(output), target, slot, type])
    return id


def _slots(kind: str, catalog: Catalog, subgraphs: Mapping[str, Any]) -> list[tuple[str, str, bool]]:
    if kind in subgraphs:
        return [(each[0], each[1], len(each) > 2) for each in subgraphs[kind].get("inputs", [])]
    face = catalog.face(kind)
    if face is None:
        return []
    widgets = [(each.name, each.type, True) for each in face.widgets if each.declared]
    return [*((each.name, each.type, False) for each in face.sockets), *widgets]


def _outputs(kind: str, catalog: Catalog, subgraphs: Mapping[str, Any]) -> list[tuple[str, str]]:
    if kind in subgraphs:
        return [(each[0], each[1]) for each in subgraphs[kind].get("outputs", [])]
    known = catalog.get(kind)
    return [(each.name, each.type) for each in known.outputs] if known else []


def _subgraph(
    name: str, part: Mapping[str, Any], catalog: Catalog, names: Mapping[str, str], case: Mapping[str, Any]
) -> dict[str, Any]:
    fed: dict[str, list[int]] = {}
    nodes, links = _nodes(part["nodes"], catalog, names, case["subgraphs"], fed)
    outputs = []
    for n, (output, type, source) in enumerate(part.get("outputs", [])):
        origin, _, slot = source.rpartition(".")
        links.append([len(links) + 1, int(origin), int(slot), -20, n, type])
        outputs.append({"id": subgraph_id(f"{name} out {n}"), "name": output, "type": type, "linkIds": [len(links)]})
    inputs = [
        {"id": subgraph_id(f"{name} in {n}"), "name": each[0], "type": each[1], "linkIds": fed.get(str(n), [])}
        for n, each in enumerate(part.get("inputs", []))
    ]
    return {
        "id": names[name],
        "version": 1,
        "revision": 0,
        "name": name,
        "state": {"lastGroupId": 0, "lastNodeId": 90, "lastLinkId": 90, "lastRerouteId": 0},
        "config": {},
        "inputNode": {"id": -10, "bounding": [0, 0, 120, 60]},
        "outputNode": {"id": -20, "bounding": [900, 0, 120, 60]},
        "inputs": inputs,
        "outputs": outputs,
        "widgets": [],
        "nodes": nodes,
        "groups": [],
        "links": [_as_mapping(link) for link in links],
        "extra": {},
    }


def _as_mapping(link: list[Any]) -> dict[str, Any]:
    keys = ("id", "origin_id", "origin_slot", "target_id", "target_slot", "type")
    return dict(zip(keys, link, strict=True))

"""merge: one node for all that are equal, such as the loader of a model that several stages use."""

from __future__ import annotations

import json
from dataclasses import replace

from ..catalog.pinned import Catalog
from ..graph import Asset, Graph, Link, Node, Value


def merge_equal(graph: Graph, catalog: Catalog) -> Graph:
    """The graph with equal nodes made one, their origins united; nodes that give output stay apart."""
    survivor: dict[str, str] = {}
    first_of: dict[str, str] = {}
    origins = {id: node.origins for id, node in graph.nodes.items()}
    for id in graph.order:
        node = graph.nodes[id]
        key = _key(node, survivor)
        kept = first_of.setdefault(key, id) if _may_merge(node, catalog) else id
        survivor[id] = kept
        if kept != id:
            origins[kept] += tuple(place for place in node.origins if place not in origins[kept])
    merged = graph.renamed(lambda id: survivor.get(id, id))
    return Graph({id: replace(node, origins=origins[id]) for id, node in merged.nodes.items()})


def _may_merge(node: Node, catalog: Catalog) -> bool:
    declared = catalog.get(node.type)
    return declared is not None and not declared.is_output


def _key(node: Node, survivor: dict[str, str]) -> str:
    def plain(value: Value) -> object:
        if isinstance(value, Link):
            return ["link", survivor.get(value.node, value.node), value.output]
        return ["file", value.path] if isinstance(value, Asset) else ["value", value]

    return json.dumps([node.type, {name: plain(value) for name, value in node.inputs.items()}], sort_keys=True)

"""merge: one node for all that are equal, such as the loader of a model that several stages use."""

from __future__ import annotations

import json
from dataclasses import replace

from ..catalog.pinned import Catalog
from ..diagnostics import Place
from ..graph import Asset, Graph, Link, Node, Secret, Value


def merge_equal(graph: Graph, catalog: Catalog) -> Graph:
    """The graph with equal nodes made one, their origins united.

    Apart stay nodes that give output, those of unknown classes, and those that are told their own id.
    For the others a server's cache has one key for all that are equal, so that it computes them once
    anyhow; also where a class asks to be computed anew every time, which catalogs do not say.
    """
    survivor: dict[str, str] = {}
    first_of: dict[str, str] = {}
    origins: dict[str, dict[object, Place]] = {}
    for id in graph.order:
        node = graph.nodes[id]
        kept = first_of.setdefault(_key(node, survivor), id) if _may_merge(node, catalog) else id
        survivor[id] = kept
        united = origins.setdefault(kept, {})
        united.update((_identity(place), place) for place in node.origins if _identity(place) not in united)
    merged = graph.renamed(lambda id: survivor.get(id, id))
    return Graph({
        id: replace(node, origins=tuple(origins[id].values())) if id in origins else node
        for id, node in merged.nodes.items()
    })  # fmt: skip


def _may_merge(node: Node, catalog: Catalog) -> bool:
    declared = catalog.get(node.type)
    return declared is not None and not declared.is_output and not declared.own_id


def _identity(place: Place) -> object:
    """What tells a place from another; comparing two would compare the texts that they are in."""
    return (id(place.source), place.path, place.key)


def _key(node: Node, survivor: dict[str, str]) -> str:
    def plain(value: Value) -> object:
        if isinstance(value, Link):
            return ["link", survivor.get(value.node, value.node), value.output]
        if isinstance(value, Secret):
            return ["secret", value.parts]
        return ["file", value.path] if isinstance(value, Asset) else ["value", value]

    return json.dumps([node.type, {name: plain(value) for name, value in node.inputs.items()}], sort_keys=True)

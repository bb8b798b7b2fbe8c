"""defaults: give every required input that an author left out the value its node type declares."""

from __future__ import annotations

from dataclasses import replace

from ..catalog.pinned import Catalog
from ..graph import Graph, Node, Value


def fill_defaults(graph: Graph, catalog: Catalog) -> Graph:
    """The graph with required inputs filled, and inputs in the order in which their type declares them."""
    return Graph({id: _filled(node, catalog) for id, node in graph.nodes.items()})


def _filled(node: Node, catalog: Catalog) -> Node:
    declared = catalog.get(node.type)
    if declared is None:
        return node
    inputs: dict[str, Value] = {}
    for name, wanted in declared.inputs.items():
        if name in node.inputs:
            inputs[name] = node.inputs[name]
        elif wanted.required and wanted.default is not None:
            inputs[name] = wanted.default
    return replace(node, inputs={**inputs, **node.inputs})

"""defaults: give every required input that an author left out the value its node type declares."""

from __future__ import annotations

from dataclasses import replace

from ..catalog.nodes import Input
from ..catalog.pinned import Catalog
from ..graph import Graph, Node, Value


def fill_defaults(graph: Graph, catalog: Catalog) -> Graph:
    """The graph with required inputs filled, and inputs in the order in which their type declares them."""
    return Graph({id: _filled(node, catalog) for id, node in graph.nodes.items()})


def default_of(declared: Input) -> Value:
    """What an editor would put into an input left alone; None where it has nothing to put."""
    if "default" in declared.config:
        value: Value = declared.config["default"]
        return value
    if declared.options and declared.folder is None:
        first: Value = declared.options[0]
        return first
    return None


def _filled(node: Node, catalog: Catalog) -> Node:
    declared = catalog.get(node.type)
    if declared is None:
        return node
    inputs: dict[str, Value] = {}
    for name, wanted in declared.inputs.items():
        if name in node.inputs:
            inputs[name] = node.inputs[name]
        elif wanted.required and (value := default_of(wanted)) is not None:
            inputs[name] = value
    return replace(node, inputs={**inputs, **node.inputs})

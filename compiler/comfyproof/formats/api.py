"""API JSON: the form of a workflow that ComfyUI's server takes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..graph import Asset, Graph, Link, Node, Secret, Value


def to_api(graph: Graph) -> dict[str, Any]:
    """The prompt of a graph: id -> class, inputs and title."""
    return {
        node.id: {
            "class_type": node.type,
            "inputs": {name: _written(value) for name, value in node.inputs.items()},
            "_meta": {"title": node.title or node.type},
        }
        for node in graph.nodes.values()
    }


def dump_api(graph: Graph) -> str:
    """The prompt as text, the same bytes every time."""
    return json.dumps(to_api(graph), indent=2, ensure_ascii=False) + "\n"


def from_api(prompt: Mapping[str, Any]) -> Graph:
    """The graph of a well-formed prompt. Raises KeyError, TypeError for one that is not."""
    nodes = {}
    for id, node in prompt.items():
        inputs = {name: _read(value) for name, value in node["inputs"].items()}
        nodes[id] = Node(id, node["class_type"], inputs, (node.get("_meta") or {}).get("title", ""))
    return Graph(nodes)


def _written(value: Value) -> Any:
    if isinstance(value, Link):
        return [value.node, value.output]
    if isinstance(value, Asset):
        return value.name
    if isinstance(value, Secret):
        return str(value)
    # A server takes any list for a link; this is its way to say that one is a value.
    return {"__value__": value} if isinstance(value, list) else value


def _read(value: Any) -> Value:
    if isinstance(value, list):
        node, output = value
        return Link(node, output)
    if isinstance(value, dict) and set(value) == {"__value__"}:
        inner: Value = value["__value__"]
        return inner
    literal: Value = value
    return literal

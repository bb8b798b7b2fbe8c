"""API JSON: the form of a workflow that ComfyUI's server takes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from ..diagnostics import Diagnostic, Path, Place, Text
from ..graph import Asset, Graph, Link, Node, Secret, Value
from .broken import BROKEN_WORKFLOW, Findings


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


def read_api(prompt: Mapping[str, Any], source: Text, path: Path = ()) -> tuple[Graph, list[Diagnostic]]:
    """The graph of any prompt, with what is wrong in it; `path` is where the prompt stands in the text.

    What cannot be read is left out of the graph.
    """
    findings = Findings(source)
    nodes: dict[str, Node] = {}
    for id, raw in prompt.items():
        here: Path = (*path, id)
        if not isinstance(raw, Mapping) or not isinstance(raw.get("class_type"), str):
            message, help = f'node "{id}" has no class_type', "take the entry out, or say which class of node it is"
            findings.add(BROKEN_WORKFLOW, here, message, help)
            continue
        given = raw.get("inputs")
        if not isinstance(given, Mapping):
            findings.add(BROKEN_WORKFLOW, here, f'node "{id}" has no inputs', 'write "inputs": {} where it has none')
            continue
        inside: Path = (*here, "inputs")
        inputs = {
            name: value if type(value) in _PLAIN else _checked(value, name, inside, findings)
            for name, value in given.items()
        }
        places = _Places(source, inside, inputs)
        origins = (Place(source, (*here, "class_type")),)
        nodes[id] = Node(id, raw["class_type"], inputs, _title(raw), "", origins, places)
    return Graph(nodes), findings.found


class _Places(Mapping[str, Place]):
    """Where each input stands, made only when it is asked for."""

    def __init__(self, source: Text, path: Path, names: Mapping[str, Value]) -> None:
        self._source, self._path, self._names = source, path, names

    def __getitem__(self, name: str) -> Place:
        if name not in self._names:
            raise KeyError(name)
        return Place(self._source, (*self._path, name))

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def _title(raw: Mapping[str, Any]) -> str:
    meta = raw.get("_meta")
    title = meta.get("title") if isinstance(meta, Mapping) else None
    return title if isinstance(title, str) else ""


_PLAIN = frozenset((str, int, float, bool))


def _checked(value: Any, name: str, inside: Path, findings: Findings) -> Value:
    if not isinstance(value, list):
        return _read(value)
    if len(value) == 2 and isinstance(value[0], str) and type(value[1]) is int:
        return Link(value[0], value[1])
    message = f'"{name}" is a list and no link, which is a node\'s id as text and the number of an output'
    findings.add(BROKEN_WORKFLOW, (*inside, name), message, 'write a list that is a value as {"__value__": [...]}')
    return value


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

"""Secrets: values of the environment that a server gets, and nobody else is shown."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import replace

from ..diagnostics import Diagnostic
from ..graph import Graph, Node, Secret
from .rules import UNSET_SECRET


def unset_secrets(graph: Graph) -> list[Diagnostic]:
    """A finding for each secret whose variable is not set, where it was written."""
    return [
        UNSET_SECRET.at(
            node.place(name),
            f'the environment variable "{variable}" is not set',
            f"set it where you run this, as in {variable}=... comfyproof run",
        )
        for node, name, secret in _secrets(graph)
        for variable in secret.names
        if variable not in os.environ
    ]


def revealed(graph: Graph) -> Graph:
    """The graph as a server is to get it, with the values of its secrets. Raises KeyError."""
    nodes = {}
    for id, node in graph.nodes.items():
        inputs = {
            name: value.revealed(os.environ) if isinstance(value, Secret) else value
            for name, value in node.inputs.items()
        }
        nodes[id] = replace(node, inputs=inputs)
    return Graph(nodes)


def known_secrets(graph: Graph) -> Mapping[str, str]:
    """What must not be shown, and what stands for it."""
    return {
        os.environ[variable]: f"${{env:{variable}}}"
        for _, _, secret in _secrets(graph)
        for variable in secret.names
        if os.environ.get(variable)
    }


def hidden(text: str, known: Mapping[str, str]) -> str:
    """A text without the values of secrets, which a server may repeat in what it says."""
    for value in sorted(known, key=len, reverse=True):
        text = text.replace(value, known[value])
    return text


def without_secrets(findings: Iterable[Diagnostic], known: Mapping[str, str]) -> list[Diagnostic]:
    """The findings with no secret in their words."""
    return [replace(each, message=hidden(each.message, known), help=hidden(each.help, known)) for each in findings]


def _secrets(graph: Graph) -> Iterable[tuple[Node, str, Secret]]:
    for node in graph.nodes.values():
        for name, value in node.inputs.items():
            if isinstance(value, Secret):
                yield node, name, value

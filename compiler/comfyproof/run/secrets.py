"""Secrets: values of the environment that a server gets, and nobody else is shown."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import takewhile

from ..diagnostics import Diagnostic
from ..graph import Graph, Node, Secret
from .problems import clean
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
    """What must not be shown, in every spelling that a server or a message may give it, and what stands for it.

    A value of fewer than four characters is left alone: it would be found everywhere.
    """
    known = {}
    for _, _, secret in _secrets(graph):
        for variable in secret.names:
            value = os.environ.get(variable, "")
            spellings = (value, repr(value)[1:-1], json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1])
            for spelling in (each for one in spellings for each in (one, clean(one, len(one) + 1))):
                if len(value) >= _SHORTEST and spelling:
                    known[spelling] = f"${{env:{variable}}}"
    return known


_SHORTEST = 4
# As little of a secret as this is hidden too, where a message was cut in the middle of it.
_PART = 8


def hidden(text: str, known: Mapping[str, str]) -> str:
    """A text without the values of secrets, which a server may repeat in what it says."""
    for value in sorted(known, key=len, reverse=True):
        text = _without_beginnings(text.replace(value, known[value]), value, known[value])
    return text


def _without_beginnings(text: str, value: str, name: str) -> str:
    """The text without those beginnings of a value that stand right before an ellipsis."""
    at = text.find(value[:_PART]) if len(value) > _PART else -1
    while at >= 0:
        length = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(text[at:], value, strict=False)))
        if text.startswith(("…", "..."), at + length):
            text = text[:at] + name + text[at + length :]
        at = text.find(value[:_PART], at + 1)
    return text


def without_secrets(findings: Iterable[Diagnostic], known: Mapping[str, str]) -> list[Diagnostic]:
    """The findings with no secret in their words."""
    return [replace(each, message=hidden(each.message, known), help=hidden(each.help, known)) for each in findings]


def _secrets(graph: Graph) -> Iterable[tuple[Node, str, Secret]]:
    for node in graph.nodes.values():
        for name, value in node.inputs.items():
            if isinstance(value, Secret):
                yield node, name, value

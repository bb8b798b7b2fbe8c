"""What a spec cannot say, and what becomes of a node without it."""

from __future__ import annotations

import math
import re
from dataclasses import replace

from ..diagnostics import Diagnostic, Rule, Severity
from ..graph import Graph, Link, Node, Value
from ..texts.composed import MAX_DIGITS

UNSAYABLE = Rule(
    "CP228",
    "unsayable-workflow",
    Severity.ERROR,
    "A workflow holds something that a spec cannot say, so that what was imported is not all of it.",
)
RULES = (UNSAYABLE,)

MOST_OUTPUTS = 10**8  # a number behind a name has fewer digits than nine
_DEEPEST = 50  # within a text that nests 64 levels
# Control characters and halves of characters; tabs and line ends are meant.
_NO_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def sayable(graph: Graph, node: Node, findings: list[Diagnostic]) -> Node:
    """A node without the values that no spec can hold, each of which is a finding."""
    inputs = {}
    for name, value in node.inputs.items():
        why = _unsayable(name, 1)
        if why is None and isinstance(value, Link):
            there = value.node in graph.nodes and 0 <= value.output < MOST_OUTPUTS
            why = None if there else "takes from a node or output that is not there"
        elif why is None:
            why = _unsayable(value, 1)
        if why is None:
            inputs[name] = value
        else:
            message = f'"{name[:60]}" of {called(node)} {why}'
            findings.append(UNSAYABLE.at(node.place(name), message, "change it in the workflow, and import that"))
    if (why := _unsayable(node.type, 1)) is not None:
        message = f"the class of the node {node.id} {why}"
        findings.append(UNSAYABLE.at(node.place(), message, "take the node out, and import that"))
        return replace(node, type="Unsayable", inputs=inputs)
    return replace(node, inputs=inputs)


def _unsayable(value: Value, depth: int) -> str | None:
    """Why no spec can hold a value; None where one can."""
    if depth > _DEEPEST:
        return f"nests deeper than {_DEEPEST} levels"
    if isinstance(value, str):
        if found := _NO_TEXT.search(value):
            return f"holds the character U+{ord(found[0]):04X}, which no spec can hold"
    elif isinstance(value, float) and not math.isfinite(value):
        return "is no finite number"
    elif isinstance(value, int) and abs(value) >= 10**MAX_DIGITS:
        return f"is a number of more than {MAX_DIGITS} digits"
    elif isinstance(value, dict | list):
        inner = [*value, *value.values()] if isinstance(value, dict) else value
        return next((why for each in inner if (why := _unsayable(each, depth + 1)) is not None), None)
    return None


def called(node: Node) -> str:
    """A node as a person knows it: its id, and its title or else its class."""
    return f'{node.id} "{node.title}"' if node.title and node.title != node.type else f"{node.id} {node.type}"

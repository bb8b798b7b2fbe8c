"""All rules over graphs, in the order of their codes."""

from __future__ import annotations

from dataclasses import replace

from ..catalog.pinned import Catalog
from ..diagnostics import Diagnostic, NotExamined
from ..graph import Graph
from .rule import GraphRule
from .structure import STRUCTURE_RULES
from .values import VALUE_RULES

GRAPH_RULES: tuple[GraphRule, ...] = (*STRUCTURE_RULES, *VALUE_RULES)


def check(graph: Graph, catalog: Catalog) -> tuple[list[Diagnostic], list[NotExamined]]:
    """What the rules find in a graph, and what they could not examine."""
    findings: list[Diagnostic] = []
    not_examined: dict[NotExamined, None] = {}
    for each in GRAPH_RULES:
        for found in each.check(graph, catalog):
            if isinstance(found, NotExamined):
                not_examined[found] = None
            else:
                place = found.node.place(found.input)
                if place is not None and found.named:
                    place = replace(place, key=True)
                findings.append(each.rule.at(place, found.message, found.help))
    return findings, list(not_examined)

"""All rules over graphs, in the order of their codes."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from ..catalog.pinned import Catalog
from ..diagnostics import Diagnostic, NotExamined
from ..graph import Graph
from .rule import GraphRule
from .structure import STRUCTURE_RULES, unknown_node
from .values import VALUE_RULES

GRAPH_RULES: tuple[GraphRule, ...] = (*STRUCTURE_RULES, *VALUE_RULES)


def check(
    graph: Graph, catalog: Catalog, live: Collection[str] | None = None
) -> tuple[list[Diagnostic], list[NotExamined]]:
    """What the rules find in a graph, and what they could not examine.

    With `live`, nothing is said of the nodes that are not among these, but that their class is unknown.
    """
    findings: list[Diagnostic] = []
    not_examined: dict[NotExamined, None] = {}
    for each in GRAPH_RULES:
        for found in each.check(graph, catalog):
            if isinstance(found, NotExamined):
                not_examined[found] = None
            elif live is None or found.node.id in live or each is unknown_node:
                place = found.node.place(found.input)
                if place is not None and found.named:
                    place = replace(place, key=True)
                findings.append(each.rule.at(place, found.message, found.help))
    return findings, list(not_examined)


def live_nodes(graph: Graph, catalog: Catalog) -> set[str]:
    """The nodes that feed an output, which are all that a server looks at; a node of an unknown class may be one."""
    ends = [node.id for node in graph.nodes.values() if (known := catalog.get(node.type)) is None or known.is_output]
    return graph.upstream(ends)

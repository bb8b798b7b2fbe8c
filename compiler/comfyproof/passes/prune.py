"""prune: leave out the nodes that no output needs."""

from __future__ import annotations

from ..catalog.pinned import Catalog
from ..graph import Graph


def prune_unused(graph: Graph, catalog: Catalog) -> Graph:
    """The graph without the nodes that feed no output; a class the catalog does not know may be an output."""
    needed = graph.upstream(outputs(graph, catalog))
    return Graph({id: node for id, node in graph.nodes.items() if id in needed})


def outputs(graph: Graph, catalog: Catalog) -> list[str]:
    """The nodes that a server runs for their own sake, and those that may be such."""
    found = []
    for id, node in graph.nodes.items():
        declared = catalog.get(node.type)
        if declared is None or declared.is_output:
            found.append(id)
    return found

"""number: short ids in the order in which the nodes can run."""

from __future__ import annotations

from ..catalog.pinned import Catalog
from ..graph import Graph


def number_nodes(graph: Graph, catalog: Catalog) -> Graph:
    """The graph with ids "1", "2", ..., producers before consumers and else in the order of the stages."""
    numbers = {id: str(n) for n, id in enumerate(graph.order, 1)}
    renamed = graph.renamed(lambda id: numbers.get(id, id))
    return Graph(dict(sorted(renamed.nodes.items(), key=lambda item: int(item[0]) if item[0].isdigit() else 0)))

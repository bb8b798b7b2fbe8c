"""The passes in their order."""

from __future__ import annotations

from ..catalog.pinned import Catalog
from ..graph import Graph
from .defaults import fill_defaults
from .merge import merge_equal
from .number import number_nodes
from .prune import prune_unused

PASSES = (fill_defaults, merge_equal, prune_unused, number_nodes)


def run_passes(graph: Graph, catalog: Catalog) -> Graph:
    """The graph after every pass."""
    for each in PASSES:
        graph = each(graph, catalog)
    return graph

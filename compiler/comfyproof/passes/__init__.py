"""Graph to graph: fill what is left out, share what is equal, drop what nobody sees, number the rest.

Every pass is a function `(graph, catalog) -> graph`. Twice gives the same as once, origins are
kept, and what the graph computes does not change.
"""

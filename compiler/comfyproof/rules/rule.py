"""What a rule over graphs is: a function that yields what it found, and what it could not examine."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import NamedTuple, TypeAlias, TypeVar

from ..catalog.nodes import NodeType
from ..catalog.pinned import Catalog
from ..diagnostics import NotExamined, Removed, Rule, Severity
from ..graph import Graph, Node, Value

T = TypeVar("T")


class Remedy(NamedTuple):
    """What to write for a problem's value, or for its input's name where that is wrong; Removed for nothing.

    It is `safe` where a server does the very same with it, or could not run before and only this was meant.
    """

    value: Value | type[Removed]
    safe: bool = False


class Problem(NamedTuple):
    """Something wrong with a node, or with one input of it; `named` where it is the input's name that is wrong."""

    node: Node
    input: str | None
    message: str
    help: str = ""
    named: bool = False
    remedy: Remedy | None = None


Check: TypeAlias = "Callable[[Graph, Catalog], Iterator[Problem | NotExamined]]"


class GraphRule(NamedTuple):
    """A rule with the check that finds its problems.

    `classes` are the node classes without which it has nothing to say; none for one that concerns them all.
    `of_all` says that it also speaks of nodes that feed no output, at which a server never looks.
    """

    rule: Rule
    check: Check
    classes: frozenset[str] = frozenset()
    of_all: bool = False


def rule(
    code: str, name: str, severity: Severity, *, classes: Collection[str] = (), of_all: bool = False
) -> Callable[[Check], GraphRule]:
    """Makes a rule of a check; the check's docstring is the rule's page."""

    def make(check: Check) -> GraphRule:
        return GraphRule(Rule(code, name, severity, check.__doc__ or ""), check, frozenset(classes), of_all)

    return make


def kept(graph: Graph, catalog: Catalog, make: Callable[[Graph, Catalog], T]) -> T:
    """What is made of a graph, made once: kept with it as cached_property does, so that all rules share it."""
    key = make.__qualname__
    found: tuple[Catalog, T] | None = graph.__dict__.get(key)
    if found is None or found[0] is not catalog:
        found = graph.__dict__[key] = (catalog, make(graph, catalog))
    return found[1]


def known(graph: Graph, catalog: Catalog) -> list[tuple[Node, NodeType]]:
    """The nodes whose class the catalog has, with that."""
    return kept(graph, catalog, _known)


def _known(graph: Graph, catalog: Catalog) -> list[tuple[Node, NodeType]]:
    return [(node, declared) for node in graph.nodes.values() if (declared := catalog.get(node.type)) is not None]


def nodes_of(graph: Graph, classes: Collection[str]) -> Iterator[Node]:
    """The nodes of these classes."""
    for node in graph.nodes.values():
        if node.type in classes:
            yield node


def written(node: Node, name: str) -> bool:
    """Whether an author wrote an input, and did not leave its field out: then only its stage has a place."""
    if not node.stage:
        return True
    place = node.places.get(name)
    return place is None or all(place.span() != origin.span() for origin in node.origins)

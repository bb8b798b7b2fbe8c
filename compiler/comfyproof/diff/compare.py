"""Two graphs by what they mean: nodes added, removed, replaced and changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ..canonical import Meaning, fingerprint, same
from ..catalog.pinned import Catalog
from ..graph import Graph, Link, Node, Value
from .match import match


@dataclass(frozen=True, slots=True)
class Left:
    """An input that is left out, or counts as if it were."""


LEFT = Left()


@dataclass(frozen=True, slots=True)
class InputChange:
    """One input that differs. A link is one of the graph that it stands in."""

    name: str
    before: Value | Left
    after: Value | Left


@dataclass(frozen=True, slots=True)
class NodeChange:
    """One node that differs; of another class, where another stands in its place."""

    before: Node
    after: Node
    inputs: tuple[InputChange, ...]

    @property
    def replaced(self) -> bool:
        """Whether the class is another."""
        return self.before.type != self.after.type


@dataclass(frozen=True, slots=True)
class Difference:
    """What differs between two graphs. A node that is the same but for its id is no difference.

    `pairs` are the nodes of both, by their ids before. `between` tells of an added node which nodes it was put
    between, as (node it takes from, node it gives to), `bypassed` of a removed one which now take what it took; all
    by their ids after.
    """

    before: Graph
    after: Graph
    added: tuple[Node, ...]
    removed: tuple[Node, ...]
    changed: tuple[NodeChange, ...]
    pairs: Mapping[str, str]
    between: Mapping[str, tuple[tuple[str, str], ...]]
    bypassed: Mapping[str, tuple[tuple[str, str], ...]]

    @property
    def equal(self) -> bool:
        """Whether both mean the same."""
        return not (self.added or self.removed or self.changed)

    @property
    def unchanged(self) -> int:
        """How many nodes are the same in both."""
        return len(self.pairs) - len(self.changed)


def compare(before: Graph, after: Graph, catalog: Catalog | None = None) -> Difference:
    """What differs, in the order of the graph after; nothing exactly where both have the same fingerprint."""
    one, other = Meaning(before, catalog), Meaning(after, catalog)
    matched = match(one, other)
    pairs = {a: b for a, b in matched.items() if a in before.nodes and b in after.nodes}
    if fingerprint(before, catalog) == fingerprint(after, catalog):
        return Difference(before, after, (), (), (), pairs, {}, {})
    back = {b: a for a, b in pairs.items()}
    changed = []
    for b in _in_order(after):
        if b in back and (changes := _change(one, other, back[b], b, matched)):
            changed.append(changes)
    added = tuple(after.nodes[id] for id in _in_order(after) if id not in back)
    removed = tuple(before.nodes[id] for id in _in_order(before) if id not in pairs)
    return Difference(
        before, after, added, removed, tuple(changed), pairs,
        between={node.id: found for node in added if (found := _between(node, changed, pairs))},
        bypassed={node.id: found for node in removed if (found := _bypassed(node, changed, pairs))},
    )  # fmt: skip


def _in_order(graph: Graph) -> Iterable[str]:
    """All ids, producers before consumers; those on cycles last."""
    return dict.fromkeys((*graph.order, *graph.nodes))


def _change(one: Meaning, other: Meaning, a: str, b: str, matched: Mapping[str, str]) -> NodeChange | None:
    """What differs in a node, None where nothing does."""
    before, after = one.graph.nodes[a], other.graph.nodes[b]
    mine: Mapping[str, Value] = {**one.values[a], **one.links[a]}
    theirs: Mapping[str, Value] = {**other.values[b], **other.links[b]}
    if before.type != after.type:  # what one class has for a default, another may have to be told
        mine, theirs = before.inputs, after.inputs
    changes = tuple(
        InputChange(name, mine.get(name, LEFT), theirs.get(name, LEFT))
        for name in dict.fromkeys((*after.inputs, *before.inputs))
        if not _same(mine.get(name, LEFT), theirs.get(name, LEFT), matched)
    )
    return NodeChange(before, after, changes) if changes or before.type != after.type else None


def _same(old: Value | Left, new: Value | Left, matched: Mapping[str, str]) -> bool:
    if isinstance(old, Link) and isinstance(new, Link):
        return matched.get(old.node) == new.node and same(old.output, new.output)
    if isinstance(old, Link | Left) or isinstance(new, Link | Left):
        return old == new
    return same(old, new)


def _between(node: Node, changed: list[NodeChange], pairs: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Nodes that were linked directly, and are through an added node now."""
    sources = {link.node for _, link in node.links()}
    return tuple(dict.fromkeys(
        (pairs[change.before.node], each.after.id)
        for each in changed
        for change in each.inputs
        if isinstance(change.after, Link) and change.after.node == node.id
        and isinstance(change.before, Link) and pairs.get(change.before.node) in sources
    ))  # fmt: skip


def _bypassed(node: Node, changed: list[NodeChange], pairs: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Nodes that were linked through a removed one, and are directly now."""
    sources = {pairs.get(link.node) for _, link in node.links()}
    return tuple(dict.fromkeys(
        (change.after.node, each.after.id)
        for each in changed
        for change in each.inputs
        if isinstance(change.before, Link) and change.before.node == node.id
        and isinstance(change.after, Link) and change.after.node in sources
    ))  # fmt: skip

"""Which node of one graph is which of another, whatever their ids are."""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from itertools import product
from typing import TypeAlias

from ..canonical import Meaning, encoded

MAX_CANDIDATES = 2_500  # pairs looked at in one place; beyond it, only those that look promising
MAX_PLACES = 50  # nodes without a pair that take the same
ALIKE = 0.5  # the part of their values that two nodes share of which nothing else says that they are the same
_TEXT = 3  # what a text in common says, against a number in common

Keys: TypeAlias = Mapping[str, str]


def match(before: Meaning, after: Meaning) -> dict[str, str]:
    """The nodes of one graph that are nodes of the other still, by id, as well as one can tell.

    Nodes are paired first that have the same surroundings, in ever smaller ones; then what hangs on a pair at the same
    input; then what is alike. Both of a pair are of one class, but for a node that another stands in place of.
    """
    pairing = _Pairing(before, after)
    pairing.anchor(before.colors, after.colors)
    pairing.follow()
    pairing.pair_equal()
    for keys in ((before.upstream, after.upstream), (before.downstream, after.downstream), (before.near, after.near)):
        pairing.anchor(*keys)
        pairing.follow()
    for keys in (pairing.titles, pairing.looks):
        pairing.anchor(*keys)
        pairing.follow()
    pairing.follow(loosely=True)
    if pairing.keeps_ids:
        pairing.anchor(*pairing.ids)
        pairing.follow(loosely=True)
    pairing.pair_alike()
    pairing.anchor(*pairing.types)
    pairing.follow(loosely=True)
    pairing.pair_replaced()
    return pairing.found


class _Side:
    """One of the two graphs, with what is not paired yet."""

    def __init__(self, meaning: Meaning) -> None:
        self.meaning = meaning
        self.free = dict.fromkeys(meaning.links)  # a set in order
        self.into, self.out = meaning.edges
        nodes = meaning.graph.nodes
        # An id that only links name has no class.
        self.types = {id: f"class {nodes[id].type}" if id in nodes else "" for id in meaning.links}
        self.titles = {
            id: node.title for id, node in nodes.items() if node.title and node.title != node.type
        }  # fmt: skip

    @cached_property
    def weights(self) -> Mapping[str, dict[tuple[str, str], int]]:
        """The values of each node, and how much each says of what it is."""
        return {
            id: {(name, encoded(value)): _TEXT if isinstance(value, str) else 1 for name, value in values.items()}
            for id, values in self.meaning.values.items()
        }

    def beside(self, id: str) -> Mapping[tuple[bool, str], list[str]]:
        """What a node takes and gives that is not paired yet, by direction, input and output."""
        found: dict[tuple[bool, str], list[str]] = defaultdict(list)
        for upwards, edges in ((True, self.into), (False, self.out)):
            for label, other in edges[id]:
                if other in self.free:
                    found[upwards, label].append(other)
        return found

    def places(self, id: str) -> Iterator[tuple[str, str, str]]:
        """Where a node stands: which outputs of which nodes it takes, and which inputs of which nodes it gives to."""
        for link in self.meaning.links[id].values():
            yield "takes", link.node, encoded(link.output)
        for consumer in dict.fromkeys(consumer for _, consumer in self.out[id]):
            for name, link in self.meaning.links[consumer].items():
                if link.node == id:
                    yield "gives", consumer, name


class _Pairing:
    """Pairs of nodes, found one after the other."""

    def __init__(self, before: Meaning, after: Meaning) -> None:
        self.before, self.after = _Side(before), _Side(after)
        self.found: dict[str, str] = {}
        self._fresh: list[tuple[str, str]] = []

    @property
    def types(self) -> tuple[Keys, Keys]:
        """Each node's class."""
        return self.before.types, self.after.types

    @property
    def looks(self) -> tuple[Keys, Keys]:
        """Class and values."""
        return self.before.meaning.looks, self.after.meaning.looks

    @property
    def titles(self) -> tuple[Keys, Keys]:
        """Class and title, of nodes that have one."""
        one, other = (
            {id: encoded([side.types[id], title]) for id, title in side.titles.items()}
            for side in (self.before, self.after)
        )
        return one, other

    @property
    def ids(self) -> tuple[Keys, Keys]:
        """Class and id."""
        one, other = ({id: encoded([type, id]) for id, type in types.items()} for types in self.types)
        return one, other

    @property
    def keeps_ids(self) -> bool:
        """Whether ids say something: of most pairs, both nodes have the same one."""
        return 2 * sum(one == other for one, other in self.found.items()) >= len(self.found)

    def pair(self, one: str, other: str) -> None:
        """Two nodes are the same."""
        self.found[one] = other
        del self.before.free[one], self.after.free[other]
        self._fresh.append((one, other))

    def anchor(self, keys: Keys, theirs: Keys) -> None:
        """Pairs nodes with a key that one node in each graph has; of those with a common one, nodes of the same id."""
        there = _grouped(self.after.free, theirs)
        for key, ids in _grouped(self.before.free, keys).items():
            others = there.get(key, [])
            there_too = set(others)
            if len(ids) == len(others) == 1:
                self.pair(ids[0], others[0])
            for id in ids if len(ids) > 1 or len(others) > 1 else ():
                if id in there_too:
                    self.pair(id, id)

    def pair_equal(self) -> None:
        """Pairs nodes that play the same part, whichever of several it is, and all that hangs on each with it."""
        there = _grouped(self.after.free, self.after.meaning.colors)
        for color, ids in _grouped(self.before.free, self.before.meaning.colors).items():
            others = iter(there.get(color, ()))
            for one in ids:
                other = next((id for id in others if id in self.after.free), None) if one in self.before.free else None
                if other is not None:
                    self.pair(one, other)
                    self.follow()

    def follow(self, *, loosely: bool = False) -> None:
        """Pairs what hangs on pairs at the same input and output, the likeliest first.

        What looks alike, on the pairs found last; `loosely`, what is of one class, on all of them.
        """
        waiting = [*self.found.items()] if loosely else self._fresh
        heap: list[tuple[float, int, str, str]] = []
        number = 0
        while waiting or heap:
            for pair in waiting:
                for one, other in self._candidates(*pair, loosely):
                    number += 1
                    heapq.heappush(heap, (-self._likeness(one, other), number, one, other))
            waiting = []
            if heap:
                _, _, one, other = heapq.heappop(heap)
                if one in self.before.free and other in self.after.free:
                    self.pair(one, other)
                    waiting = [(one, other)]
        self._fresh = []

    def _candidates(self, one: str, other: str, loosely: bool) -> Iterator[tuple[str, str]]:
        theirs = self.after.beside(other)
        for place, ids in self.before.beside(one).items():
            if others := theirs.get(place):
                few = len(ids) * len(others) <= MAX_CANDIDATES
                yield from _alike(ids, others, *(self.types if loosely and few else self.looks))

    def _likeness(self, one: str, other: str) -> float:
        """How likely it is that two nodes of one class are the same."""
        title = self.before.titles.get(one)
        named = title is not None and title == self.after.titles.get(other)
        return 4 * self._shared(one, other) + 2 * (one == other) + 2 * named + self._links(one, other)

    def _shared(self, one: str, other: str) -> float:
        """The part of their values that two nodes share."""
        mine, theirs = (side.weights.get(id, {}) for side, id in ((self.before, one), (self.after, other)))
        everything = sum((mine | theirs).values())
        return sum(weight for each, weight in mine.items() if each in theirs) / everything if everything else 1.0

    def _links(self, one: str, other: str) -> int:
        """How many links of two nodes lead to the same nodes."""
        count = 0
        for mine, theirs in ((self.before.into, self.after.into), (self.before.out, self.after.out)):
            there = set(theirs[other])
            count += sum((label, self.found.get(end)) in there for label, end in mine[one])
        return count

    def pair_alike(self) -> None:
        """Pairs nodes of one class that share half of what they say, though nothing around them tells."""
        found = _alike(self.before.free, self.after.free, *self.types)
        scored = [(-self._shared(one, other), n, one, other) for n, (one, other) in enumerate(found)]
        for score, _, one, other in sorted(scored):
            if -score >= ALIKE and one in self.before.free and other in self.after.free:
                self.pair(one, other)
                self.follow()
        self.follow(loosely=True)

    def pair_replaced(self) -> None:
        """Pairs nodes of different classes of which one stands in place of the other, as long as there are any."""
        count = -1
        while count < len(self.found):
            count = len(self.found)
            shared = self._shared_places()
            for one, other in sorted(shared, key=lambda pair: -shared[pair].total()):
                free = one in self.before.free and other in self.after.free
                if free and self._in_its_place(one, other, shared[one, other]):
                    self.pair(one, other)

    def _shared_places(self) -> Mapping[tuple[str, str], Counter[str]]:
        """How often two nodes that have no pair take the same, and give to the same."""
        standing: dict[tuple[str, str, str], list[str]] = defaultdict(list)
        for id in self.after.free:
            for place in self.after.places(id):
                standing[place].append(id)
        shared: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        for one in self.before.free:
            for kind, end, name in self.before.places(one):
                for other in standing.get((kind, self.found.get(end, ""), name), ())[:MAX_PLACES]:
                    shared[one, other][kind] += 1
        return shared

    def _in_its_place(self, one: str, other: str, shared: Counter[str]) -> bool:
        """Whether a node has inputs like another, and gives and takes like it, as far as they give and take at all."""
        mine, theirs = (side.meaning.graph.nodes.get(id) for side, id in ((self.before, one), (self.after, other)))
        if mine is None or theirs is None:
            return False
        if 2 * len(set(mine.inputs) & set(theirs.inputs)) < min(len(mine.inputs), len(theirs.inputs)):
            return False
        gives = shared["gives"] > 0 or not (self.before.out[one] or self.after.out[other])
        takes = shared["takes"] > 0 or not (self.before.into[one] or self.after.into[other])
        return (gives and takes) or (one == other and self.keeps_ids)


def _alike(ids: Iterable[str], others: Iterable[str], keys: Keys, theirs: Keys) -> Iterator[tuple[str, str]]:
    """The pairs with the same key; where there are too many, one with another as they stand."""
    there = _grouped(others, theirs)
    for key, mine in _grouped(ids, keys).items():
        few = len(mine) * len(there.get(key, ())) <= MAX_CANDIDATES
        yield from product(mine, there.get(key, ())) if few else zip(mine, there[key], strict=False)


def _grouped(ids: Iterable[str], keys: Keys) -> Mapping[str, list[str]]:
    groups: dict[str, list[str]] = defaultdict(list)
    for id in ids:
        if id in keys:
            groups[keys[id]].append(id)
    return groups

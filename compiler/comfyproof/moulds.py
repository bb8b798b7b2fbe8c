"""A compiled form in which only the seeds are open: what others give for them is put in, and nothing compiled again.

Nobody looks at a seed. It goes from the spec into inputs of nodes, and neither a stage, a rule, a pass nor a plan asks
what number it is, but for whether it is one that a node takes and the editor can hold. So a form is compiled with two
sets of seeds that nothing else has, and what differs between the two is where the seeds go. Where anything else
differs, or a seed goes anywhere but into a field of that name, there is no mould, and every form is compiled by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, fields, is_dataclass, replace
from itertools import combinations
from typing import Any, NamedTuple, TypeAlias, cast

from pydantic import BaseModel

from .catalog.pinned import Catalog
from .diagnostics import Place
from .driver import Compiled, Program
from .graph import Graph, Node
from .spec.pipeline import Changes, RawNode, Spec

SEEDS = ("seed", "noise_seed")
# Up to here the editor holds a number exactly, so that no rule speaks of it.
LARGEST = 2**53


class Seed(NamedTuple):
    """A seed that a form sets, and where that was written."""

    value: Any
    place: Place


Fill: TypeAlias = "Callable[[Sequence[Seed], Changes], Any]"
With: TypeAlias = "Callable[[Sequence[Seed]], Changes]"


@dataclass(frozen=True)
class Mould:
    """What a form is compiled to, but for its seeds."""

    _fill: Fill

    def filled(self, seeds: Sequence[Seed], changes: Changes) -> Compiled:
        """What compiling the form with these plain seeds gives."""
        return cast(Compiled, self._fill(seeds, changes))


def mould_of(
    compile_form: Callable[[Changes], Compiled], with_seeds: With, seeds: Sequence[Seed], catalog: Catalog
) -> Mould | None:
    """The mould of a form; None where its seeds decide anything. `with_seeds` makes the form's changes with others."""
    # Numbers far from those that people write; one that stands in the spec as well makes no mould.
    first, second = (
        [Seed(2**52 + start + 2 * n, _marked(seed.place)) for n, seed in enumerate(seeds)] for start in (1237, 7841)
    )
    one, other = compile_form(with_seeds(first)), compile_form(with_seeds(second))
    if one.program is None or other.program is None:
        return None
    try:
        fill = _Comparison(first, second, catalog).whole(one, other)
    except _Unlike:
        return None
    return Mould(fill)


def _marked(place: Place) -> Place:
    """The place in a copy of its text, which is told from it by being another."""
    return place._replace(source=copy(place.source))


class _Unlike(Exception):
    """Two things differ in more than seeds."""


class _Comparison:
    """What differs between two things that were made with different seeds, as a function that puts in others."""

    def __init__(self, first: Sequence[Seed], second: Sequence[Seed], catalog: Catalog) -> None:
        self.values = {(one.value, two.value): n for n, (one, two) in enumerate(zip(first, second, strict=True))}
        self.sources = {
            (id(one.place.source), id(two.place.source)): (n, one.place)
            for n, (one, two) in enumerate(zip(first, second, strict=True))
        }
        self.marked = {id(seed.place.source) for seed in (*first, *second)}
        self.catalog = catalog
        self.known: dict[tuple[int, int], Fill | None] = {}

    def whole(self, one: Compiled, other: Compiled) -> Fill:
        """The function that makes a compiled form of seeds."""
        assert one.spec is not None
        assert one.graph is not None
        if self.differs(one.findings, other.findings) or self.differs(one.not_examined, other.not_examined):
            raise _Unlike
        opened = set()
        for node in one.graph.nodes.values():
            twin = other.graph.nodes.get(node.id) if other.graph else None
            opened |= {
                (node.id, name) for name, value in node.inputs.items() if twin and value != twin.inputs.get(name)
            }
        if not all(self._is_seed(one.graph.nodes[id], name) for id, name in opened) or _may_merge(one.graph, opened):
            raise _Unlike
        fill = self.differs(one.program, other.program)

        def whole(seeds: Sequence[Seed], changes: Changes) -> Compiled:
            program = cast(Program, fill(seeds, changes) if fill else one.program)
            return one._replace(spec=program.spec, program=program, graph=program.graph)

        return whole

    def _is_seed(self, node: Node, name: str) -> bool:
        declared = self.catalog.get(node.type)
        wanted = declared.inputs.get(name) if declared else None
        if wanted is None or wanted.type != "INT" or name not in SEEDS:
            return False
        return bool(wanted.config.get("min", 0) <= 0 and wanted.config.get("max", 0) >= LARGEST)

    def differs(self, one: Any, other: Any) -> Fill | None:
        """How a thing is made of seeds; None where they make no difference to it."""
        if one is other:
            return None
        pair = (id(one), id(other))
        if pair not in self.known:
            self.known[pair] = self._compared(one, other)
        return self.known[pair]

    def _compared(self, one: Any, other: Any) -> Fill | None:
        if type(one) is not type(other):
            raise _Unlike
        if isinstance(one, Place):
            return self._place(one, other)
        if isinstance(one, Changes):
            return lambda seeds, changes: changes
        if isinstance(one, Spec):
            return self._spec(one, other)
        if isinstance(one, BaseModel):
            return self._block(one, other)
        if isinstance(one, tuple) and hasattr(one, "_fields"):
            return self._named(one, other)
        if isinstance(one, tuple | list):
            return self._row(one, other)
        if isinstance(one, dict):
            return self._mapping(one, other)
        if is_dataclass(one):
            return self._record(one, other)
        if type(one) is int and (one, other) in self.values:
            n = self.values[one, other]
            return lambda seeds, changes: seeds[n].value
        if one != other:
            raise _Unlike
        return None

    def _place(self, one: Place, other: Place) -> Fill | None:
        marked = self.sources.get((id(one.source), id(other.source)))
        if marked is None:
            # Of a file that a spec takes over there is a text for every time that it was read.
            if one != other or self.marked & {id(one.source), id(other.source)}:
                raise _Unlike
            return None
        n, place = marked
        if not one.path == other.path == place.path or one.key != other.key:
            raise _Unlike
        return lambda seeds, changes: seeds[n].place._replace(key=one.key)

    def _spec(self, one: Spec, other: Spec) -> Fill | None:
        opened = self._fields(one, other)
        if not set(opened) <= {"changes", "document", "inputs", "steps", "nodes"}:
            raise _Unlike
        return self._made_anew(one, opened)

    def _record(self, one: Any, other: Any) -> Fill | None:
        return self._made_anew(one, self._fields(one, other))

    def _fields(self, one: Any, other: Any) -> dict[str, Fill]:
        pairs = ((each.name, getattr(one, each.name), getattr(other, each.name)) for each in fields(one))
        return {name: fill for name, mine, theirs in pairs if (fill := self.differs(mine, theirs)) is not None}

    @staticmethod
    def _made_anew(one: Any, opened: Mapping[str, Fill]) -> Fill | None:
        if not opened:
            return None
        return lambda seeds, changes: replace(one, **{name: fill(seeds, changes) for name, fill in opened.items()})

    def _block(self, one: BaseModel, other: BaseModel) -> Fill | None:
        names = type(one).model_fields
        pairs = ((name, self.differs(getattr(one, name), getattr(other, name))) for name in names)
        opened = {name: fill for name, fill in pairs if fill is not None}
        if not set(opened) <= set(SEEDS) or one.model_fields_set != other.model_fields_set:
            raise _Unlike
        if not opened:
            return None
        return lambda seeds, changes: one.model_copy(update={n: fill(seeds, changes) for n, fill in opened.items()})

    def _named(self, one: Any, other: Any) -> Fill | None:
        opened = self._fills(one, other)
        if isinstance(one, RawNode) and any(
            self.differs(value, other.inputs.get(name)) and name not in SEEDS for name, value in one.inputs.items()
        ):
            raise _Unlike
        if not opened:
            return None
        kind = type(one)

        def fill(seeds: Sequence[Seed], changes: Changes) -> Any:
            parts = list(one)
            for n, part in opened:
                parts[n] = part(seeds, changes)
            return tuple.__new__(kind, parts)

        return fill

    def _row(self, one: Any, other: Any) -> Fill | None:
        opened = self._fills(one, other)
        if not opened:
            return None
        kind = type(one)

        def fill(seeds: Sequence[Seed], changes: Changes) -> Any:
            parts = list(one)
            for n, part in opened:
                parts[n] = part(seeds, changes)
            return kind(parts)

        return fill

    def _fills(self, one: Sequence[Any], other: Sequence[Any]) -> list[tuple[int, Fill]]:
        if len(one) != len(other):
            raise _Unlike
        pairs = ((n, self.differs(mine, theirs)) for n, (mine, theirs) in enumerate(zip(one, other, strict=True)))
        return [(n, fill) for n, fill in pairs if fill is not None]

    def _mapping(self, one: Mapping[Any, Any], other: Mapping[Any, Any]) -> Fill | None:
        if list(one) != list(other):
            raise _Unlike
        pairs = ((key, self.differs(value, other[key])) for key, value in one.items())
        opened = [(key, fill) for key, fill in pairs if fill is not None]
        if not opened:
            return None

        def fill(seeds: Sequence[Seed], changes: Changes) -> dict[Any, Any]:
            made = dict(one)
            for key, part in opened:
                made[key] = part(seeds, changes)
            return made

        return fill


def _may_merge(graph: Graph, opened: set[tuple[str, str]]) -> bool:
    """Whether two nodes would be one with some seeds: those that are the same in all but these."""
    with_seeds = {id for id, _ in opened}

    def rest(node: Node) -> dict[str, Any]:
        return {name: value for name, value in node.inputs.items() if name not in SEEDS}

    return any(
        one.type == other.type and with_seeds & {one.id, other.id} and rest(one) == rest(other)
        for one, other in combinations(graph.nodes.values(), 2)
    )

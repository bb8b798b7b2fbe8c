"""The forms of a spec, compiled one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from .catalog.pinned import Catalog
from .diagnostics import Diagnostic, Place
from .driver import Compiled, compile_source, read
from .moulds import LARGEST, SEEDS, Mould, Seed, mould_of
from .source import Source, Words
from .spec.each import Row, patterns_over
from .spec.forms import Form, all_forms, changed_paths, changed_values
from .spec.inputs import Given
from .spec.matrix import Cell
from .spec.pipeline import Changes

MAX_MOULDS = 256


@dataclass(frozen=True)
class Variants:
    """A spec that was read once, of which any form can be compiled.

    `base` is the spec as it stands, of which inputs may lack a value; where it could not be read, there are no forms.
    `problems` are what is wrong with the patterns that it was read with.
    """

    file: str
    source: Source | None
    said: tuple[Diagnostic, ...]
    catalog: Catalog
    changes: Changes
    base: Compiled
    problems: tuple[Diagnostic, ...] = ()

    def forms(self) -> Iterator[Form]:
        """Every form, in the order in which they run, uncompiled."""
        return all_forms(self.base.spec, self.changes) if self.base.spec else iter(())

    def compiled(self, form: Form) -> Compiled:
        """One form compiled, with what is wrong in it: just what compiling it alone gives, and mostly sooner."""
        return self._moulds.compiled(form.changes)

    @cached_property
    def _moulds(self) -> _Moulds:
        declared = self.base.spec.document.get(("inputs",)) if self.base.spec else None
        blocks = declared if isinstance(declared, Mapping) else {}
        kinds = {name: each.get("type") for name, each in blocks.items() if isinstance(each, Mapping)}
        return _Moulds(self._alone, frozenset(name for name, kind in kinds.items() if kind == "seed"), self.catalog)

    def _alone(self, changes: Changes) -> Compiled:
        return compile_source(self.file, self.source, self.said, self.catalog, changes)

    def programs(self) -> Iterator[tuple[Form, Compiled]]:
        """Every form with what became of it."""
        for form in self.forms():
            yield form, self.compiled(form)

    def paths(self) -> list[str]:
        """The paths that any form sets otherwise than the spec."""
        return changed_paths(self.base.spec, self.changes) if self.base.spec else []

    def values(self, form: Form) -> dict[str, Any]:
        """What a form sets otherwise than the spec, by path."""
        return changed_values(self.base.spec, form) if self.base.spec else {}


class _Part(NamedTuple):
    """What a form is but for its seeds: the very objects that it is made of, by which it is known again."""

    key: tuple[Any, ...]
    kept: tuple[Any, ...]


@dataclass
class _Moulds:
    """Forms compiled, those that differ from one before in plain seeds alone by its mould.

    The first of a kind is compiled by itself, and only the second makes the mould, which costs two compilations.
    """

    alone: Callable[[Changes], Compiled]
    seed_inputs: frozenset[str]
    catalog: Catalog
    _made: dict[tuple[Any, ...], tuple[_Part, Mould | None, bool]] = field(default_factory=dict)

    def compiled(self, changes: Changes) -> Compiled:
        """What compiling a form by itself gives."""
        seeds = [*self._of_row(changes.row), *self._of_cell(changes.cell)]
        if not seeds:
            return self.alone(changes)
        part = self._part(changes)
        known = self._made.get(part.key)
        if known is None or not known[2]:
            mould = None if known is None else mould_of(self.alone, self._with(changes), seeds, self.catalog)
            if len(self._made) >= MAX_MOULDS:
                self._made.clear()
            self._made[part.key] = known = (part, mould, known is not None)
        return known[1].filled(seeds, changes) if known[1] is not None else self.alone(changes)

    def _of_row(self, row: Row | None) -> list[Seed]:
        values = row.values.items() if row else ()
        return [Seed(value, place) for name, (value, place, _) in values if self._is_open(name, value)]

    def _of_cell(self, cell: Cell | None) -> list[Seed]:
        return [
            Seed(value, place) for text, value, place in (cell.settings if cell else ()) if self._is_open(text, value)
        ]

    def _is_open(self, text: str, value: Any) -> bool:
        named = text in self.seed_inputs or text.rsplit(".", 1)[-1] in SEEDS
        return named and type(value) is int and 0 <= value <= LARGEST

    def _part(self, changes: Changes) -> _Part:
        row, cell = changes.row, changes.cell
        kept: list[Any] = [changes.inputs, changes.settings]
        named: list[Any] = [changes.variant, changes.needed, row is None, cell is None]
        for name, given in row.values.items() if row else ():
            opened = self._is_open(name, given.value)
            named.append((name, opened))
            kept.append(None if opened else given)
        for each in cell.settings if cell else ():
            opened = self._is_open(each.text, each.value)
            named.append((each.text, opened))
            kept.append(None if opened else each)
        return _Part((*named, *map(id, kept)), tuple(kept))

    def _with(self, changes: Changes) -> Callable[[Sequence[Seed]], Changes]:
        def made(seeds: Sequence[Seed]) -> Changes:
            left = iter(seeds)
            row, cell = changes.row, changes.cell
            if row is not None:
                values = {n: Given(*next(left)) if self._is_open(n, g.value) else g for n, g in row.values.items()}
                row = row._replace(values=values)
            if cell is not None:
                settings = [
                    s._replace(**next(left)._asdict()) if self._is_open(s.text, s.value) else s for s in cell.settings
                ]
                cell = cell._replace(settings=tuple(settings))
            return replace(changes, row=row, cell=cell)

        return made


def read_variants(
    file: str | Path, catalog: Catalog, changes: Changes, *, inputs: Sequence[str] = (), names: str | None = None
) -> Variants:
    """The forms of a spec; a Python file is run to read it.

    `inputs` are patterns of files, such as photos/*.png or image=photos/*.png, whose files are the rows, in place of
    what `each` says of that input. `names` is a template, in place of the spec's own.
    """
    source, said = read(file)
    if source is not None and names is not None and isinstance(source.data, dict):
        elsewhere = {**source.elsewhere, ("names",): Place(Words("--name", names))}
        source = replace(source, data={**source.data, "names": names}, elsewhere=elsewhere)
    unset = replace(changes, needed=False)
    base = compile_source(str(file), source, said, catalog, unset)
    problems: list[Diagnostic] = []
    if base.spec is not None and source is not None and inputs:
        source = patterns_over(source, base.spec.document, inputs, problems)
        base = compile_source(str(file), source, said, catalog, unset)
    return Variants(str(file), source, tuple(said), catalog, changes, base, tuple(problems))


def programs(file: str | Path, catalog: Catalog, changes: Changes) -> Iterator[tuple[Form, Compiled]]:
    """Every form of a spec with what became of it; none where the spec cannot be read."""
    return read_variants(file, catalog, changes).programs()

"""The forms of a spec: what `each`, `variants` and `matrix` make of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import product
from math import prod
from typing import Any, NamedTuple

from .naming import Taken, safe_file_name
from .pipeline import Changes, Spec


class Form(NamedTuple):
    """One form of a spec: its name, fit for a file's, and what makes it."""

    name: str
    changes: Changes


class Count(NamedTuple):
    """How many forms there are: rows, times variants, times cells of the matrix, each at least one.

    Not `exact`, cells that the matrix excludes are counted too.
    """

    rows: int
    variants: int
    cells: int
    exact: bool

    @property
    def total(self) -> int:
        """All of them."""
        return self.rows * self.variants * self.cells

    def __str__(self) -> str:
        named = [("row", self.rows), ("variant", self.variants), ("cell", self.cells)]
        parts = [f"{count:,} {what}{'' if count == 1 else 's'}" for what, count in named if count > 1]
        total = f"{'' if self.exact else 'up to '}{self.total:,} workflow{'' if self.total == 1 else 's'}"
        return f"{total}: {' x '.join(parts)}" if len(parts) > 1 else total


def count_forms(spec: Spec, changes: Changes, limit: int) -> Count:
    """How many forms there are, exact where the combinations of the matrix are no more than the limit."""
    variants = len(_variants(spec, changes))
    matrix = spec.matrix
    cells = (prod(len(axis) for axis in matrix.axes) if matrix.axes else 0) + len(matrix.included)
    exact = cells <= limit or not matrix.excluded
    if matrix.excluded and exact:
        cells = sum(1 for _ in matrix.cells())
    has_matrix = bool(matrix.axes or matrix.included)
    return Count(max(1, len(spec.rows)), variants, cells if has_matrix else 1, exact)


def most_forms(spec: Spec, changes: Changes) -> int:
    """How many forms there are at most: what the matrix excludes is counted too."""
    return max(1, count_forms(spec, changes, 0).total)


def all_forms(spec: Spec, changes: Changes) -> Iterator[Form]:
    """Every form that a batch runs: rows, times variants, times cells of the matrix.

    Each is called as the spec's template says, else by its row, variant and cell.
    """
    taken, template = Taken(), spec.names
    for n, (row, variant, cell) in enumerate(_combined(spec, changes), 1):
        made = replace(changes, row=row, variant=variant, cell=cell)
        if template is not None:
            name = template.name(made, spec.name, n)
        else:
            name = "-".join(part for part in (row and row.name, variant, cell and cell.name) if part)
        yield Form(taken.distinct(safe_file_name(name, spec.name)), made)


def _variants(spec: Spec, changes: Changes) -> tuple[str | None, ...]:
    return (changes.variant,) if changes.variant is not None or not spec.variants else spec.variants


def _combined(spec: Spec, changes: Changes) -> Iterator[tuple[Any, str | None, Any]]:
    for row, variant in product(spec.rows or (None,), _variants(spec, changes)):
        for cell in spec.matrix.cells() if spec.matrix.axes or spec.matrix.included else (None,):
            yield row, variant, cell


def changed_values(spec: Spec, form: Form) -> dict[str, Any]:
    """What a form sets otherwise than the spec, by path: its row's inputs, its variant's changes, its cell's values."""
    changes = form.changes
    values: dict[str, Any] = {name: given.value for name, given in changes.row.values.items()} if changes.row else {}
    variant = spec.document.get(("variants", changes.variant)) if changes.variant is not None else None
    values |= variant if isinstance(variant, Mapping) else {}
    values |= {each.text: each.value for each in changes.cell.settings} if changes.cell else {}
    return values


def changed_paths(spec: Spec, changes: Changes) -> list[str]:
    """The paths of those values in all forms, inputs of rows first and the matrix last."""
    found = [name for row in spec.rows for name in row.values]
    for each in _variants(spec, changes):
        found += spec.document.get(("variants", each)) or () if each is not None else ()
    cells = [*(axis[:1] for axis in spec.matrix.axes), *spec.matrix.included]
    return list(dict.fromkeys([*found, *(each.text for cell in cells for each in cell)]))


def single_changes(spec: Spec, changes: Changes) -> Iterator[Changes]:
    """Each variant, option of a choice, row, and value of the matrix by itself, where a run has not chosen."""
    if changes.variant is None:
        for variant in spec.variants:
            yield replace(changes, variant=variant)
    declared = spec.document.get(("inputs",))
    for name, block in (declared if isinstance(declared, Mapping) else {}).items():
        if isinstance(block, Mapping) and block.get("type") == "choice" and name not in changes.inputs:
            options = block.get("options")
            for option in options if isinstance(options, list | Mapping) else ():
                text = str(option).casefold() if isinstance(option, bool) else str(option)
                yield replace(changes, inputs={**changes.inputs, name: text})
    for row in spec.rows:
        yield replace(changes, row=row)
    for cell in spec.matrix.alone():
        yield replace(changes, cell=cell)

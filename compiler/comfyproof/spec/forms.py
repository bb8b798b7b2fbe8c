"""The forms of a spec: what `each`, `variants` and `matrix` make of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import product
from math import prod
from typing import Any, NamedTuple

from ..file_names import file_name
from .changes import address
from .document import Document
from .dollars import WHOLE
from .names import Stages, stages_of
from .naming import MAX_NAME, Taken, Template
from .pipeline import Changes, Spec

# What stands between the parts of a name.
_DASHES = ("-", "_", ".", " ")
_DEEPEST = 20


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
        own = {"row": row and row.name, "variant": variant, "cell": cell and cell.name, "spec": spec.name, "n": n}
        if template is not None:
            name = _as_template(template, made, own)
        else:
            name = "-".join(part for part in (own["row"], variant, own["cell"]) if part)
        yield Form(taken.distinct(file_name(name, MAX_NAME, file_name(spec.name, MAX_NAME, "form"))), made)


def _as_template(template: Template, changes: Changes, own: Mapping[str, Any]) -> str:
    """The name that a template gives a form; a field that has no value takes the dash beside it along."""
    made, bare = "", False
    for piece in template.pieces:
        if isinstance(piece, str):
            text = piece[1:] if bare and piece[0] in _DASHES else piece
        else:
            text = piece.text(own[piece.name] if piece.name in own else _value(template.document, piece.name, changes))
        if not isinstance(piece, str) and not text and made[-1:] in _DASHES:
            made = made[:-1]
        bare = not isinstance(piece, str) and not made and not text
        made += text
    return made


def _value(document: Document, text: str, changes: Changes, depth: int = 0) -> Any:
    """A path's value in a form: what the run sets, else the matrix, the variant, the row, the spec."""
    value = next(_said(document, text, changes), None)
    whole = WHOLE.fullmatch(value) if isinstance(value, str) else None
    if whole and not whole[2] and whole[1] in document.keys("inputs") and depth < _DEEPEST:
        return _value(document, whole[1], changes, depth + 1)
    return value


def _said(document: Document, text: str, changes: Changes) -> Iterator[Any]:
    yield from (value for path, value in reversed(list(changes.settings)) if path == text)
    if text in changes.inputs:
        yield changes.inputs[text]
    yield from (each.value for each in (changes.cell.settings if changes.cell else ()) if each.text == text)
    changed = document.get(("variants", changes.variant)) if changes.variant is not None else None
    if isinstance(changed, Mapping) and text in changed:
        yield changed[text]
    if changes.row is not None and text in changes.row.values:
        yield changes.row.values[text].value
    path = address(document, Stages(stages_of(document)), text, document.place(()), [])
    yield None if path is None else document.get(path)


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

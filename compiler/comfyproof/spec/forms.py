"""The forms of a spec: what `each`, `variants` and `matrix` make of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from math import prod
from typing import NamedTuple

from .names import distinct
from .pipeline import Changes, Spec

_UNSAFE = re.compile(r"[^\w.=,+-]+")


class Form(NamedTuple):
    """One form of a spec: its name, fit for a file's, and what makes it."""

    name: str
    changes: Changes


def most_forms(spec: Spec, changes: Changes) -> int:
    """How many forms there are at most: what the matrix excludes is counted too."""
    variants = 1 if changes.variant is not None else max(1, len(spec.variants))
    cells = prod(len(axis) for axis in spec.matrix.axes) if spec.matrix.axes else 0
    return max(1, len(spec.rows)) * variants * max(1, cells + len(spec.matrix.included))


def all_forms(spec: Spec, changes: Changes) -> Iterator[Form]:
    """Every form that a batch runs: rows, times variants, times cells of the matrix."""
    taken: set[str] = set()
    variants = (changes.variant,) if changes.variant is not None or not spec.variants else spec.variants
    for row in spec.rows or (None,):
        for variant in variants:
            for cell in spec.matrix.cells() if spec.matrix.axes or spec.matrix.included else (None,):
                parts = [row and row.name, variant, cell and cell.name]
                name = _UNSAFE.sub("_", "-".join(part for part in parts if part))[:120].strip(".") or spec.name
                yield Form(distinct(name, taken), replace(changes, row=row, variant=variant, cell=cell))


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

"""Linting one spec: as it stands, and with each variant, option, row and value of its matrix."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import islice

from .catalog.pinned import Catalog
from .diagnostics import Diagnostic, NotExamined, in_reading_order
from .driver import compile_source, read
from .python.file import is_python
from .spec.forms import single_changes
from .spec.pipeline import Changes

MAX_FORMS = 200
PYTHON_LEFT_ALONE = "a spec in Python is run to be read, which --run-python allows"


@dataclass(frozen=True)
class Examined:
    """What was found in one spec; `readable` is false where there was no text to look at."""

    file: str
    findings: tuple[Diagnostic, ...]
    not_examined: tuple[NotExamined, ...]
    readable: bool


def examine(file: str, catalog: Catalog, changes: Changes, *, run_python: bool = False) -> Examined:
    """What is wrong with a spec in any form that a run can ask for; inputs may lack a value.

    A spec in Python has to be run to be read, and is left alone without `run_python`.
    """
    if is_python(file) and not run_python:
        return Examined(file, (), (NotExamined(f'file "{file}"', PYTHON_LEFT_ALONE, kind="file"),), readable=False)
    changes = replace(changes, needed=False)
    source, said = read(file)
    base = compile_source(file, source, said, catalog, changes)
    findings, not_examined = list(base.findings), dict.fromkeys(base.not_examined)
    forms = single_changes(base.spec, changes) if base.spec else iter(())
    for form in islice(forms, MAX_FORMS):
        other = compile_source(file, source, said, catalog, form)
        findings += other.findings
        not_examined.update(dict.fromkeys(other.not_examined))
    if left := sum(1 for _ in forms):
        not_examined[NotExamined(f"{left} more forms of the spec", f"the first {MAX_FORMS} were looked at")] = None
    return Examined(file, tuple(in_reading_order(findings)), tuple(not_examined), base.readable)

"""Linting one spec: as it stands, in each of its variants, and with each option of its choices."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from .catalog.pinned import Catalog
from .diagnostics import Diagnostic, NotExamined, in_reading_order
from .driver import compile_spec
from .spec.pipeline import Changes, Spec

MAX_FORMS = 200


@dataclass(frozen=True)
class Examined:
    """What was found in one spec; `readable` is false where there was no text to look at."""

    file: str
    findings: tuple[Diagnostic, ...]
    not_examined: tuple[NotExamined, ...]
    readable: bool


def examine(file: str, catalog: Catalog, changes: Changes) -> Examined:
    """What is wrong with a spec in any form that a run can ask for; inputs may lack a value."""
    changes = replace(changes, needed=False)
    base = compile_spec(file, catalog, changes)
    findings, not_examined = list(base.findings), dict.fromkeys(base.not_examined)
    forms = list(_forms(base.spec, changes)) if base.spec else []
    for form in forms[:MAX_FORMS]:
        other = compile_spec(file, catalog, form)
        findings += other.findings
        not_examined.update(dict.fromkeys(other.not_examined))
    if len(forms) > MAX_FORMS:
        rest = NotExamined(f"{len(forms) - MAX_FORMS} variants and options", f"the first {MAX_FORMS} were looked at")
        not_examined[rest] = None
    return Examined(file, tuple(in_reading_order(findings)), tuple(not_examined), base.readable)


def _forms(spec: Spec, changes: Changes) -> Iterator[Changes]:
    """Each variant, then each option of each choice, where a run has not chosen."""
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

"""Findings as JSON, for programs."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from ..diagnostics import Diagnostic, NotExamined

SCHEMA = "comfyproof/findings/1"


def as_json(findings: Iterable[Diagnostic], examined: Iterable[str], not_examined: Iterable[NotExamined]) -> str:
    """The findings of some files as one JSON document."""
    document = {
        "schema": SCHEMA,
        "findings": [as_entry(finding) for finding in findings],
        "examined": list(examined),
        "not_examined": [as_gap(each) for each in not_examined],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def as_entry(finding: Diagnostic) -> dict[str, Any]:
    """One finding as data."""
    rule, place = finding.rule, finding.place
    entry: dict[str, Any] = {
        "code": rule.code,
        "name": rule.name,
        "severity": rule.severity.value,
        "message": finding.message,
        "help": finding.help,
        "file": place.source.file if place else None,
        "path": list(place.path) if place else None,
    }
    if place is not None:
        span = place.span()
        entry.update(line=span.line, column=span.column, end_line=span.end_line, end_column=span.end_column)
    return entry


def as_gap(gap: NotExamined) -> dict[str, str]:
    """What was not examined, as data."""
    return {"what": gap.what, "kind": gap.kind, "reason": gap.reason}

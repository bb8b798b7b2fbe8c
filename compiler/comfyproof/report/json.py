"""Findings as JSON, for programs: docs/reports.md says what it holds."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from ..diagnostics import Diagnostic, Fix, NotExamined
from ..texts.keys import masked
from .findings import Report

SCHEMA = "comfyproof/findings/1"
_BEYOND_ASCII = re.compile(r"[^\n -~]+|##")


def as_json(findings: Iterable[Diagnostic], examined: Iterable[str], not_examined: Iterable[NotExamined]) -> str:
    """The findings of some files as one JSON document."""
    document = {
        "schema": SCHEMA,
        "findings": [as_entry(finding) for finding in findings],
        "examined": list(examined),
        "not_examined": [as_gap(each) for each in not_examined],
    }
    return written(document, indent=2)


def as_ndjson(report: Report) -> str:
    """A line of JSON for every finding, every file that was examined, and all that was not."""
    return "".join(written({"schema": SCHEMA, **line}) for line in _lines(report))


def _lines(report: Report) -> Iterator[dict[str, Any]]:
    for finding in report.findings:
        yield {"finding": as_entry(finding)}
    for file in report.examined:
        yield {"examined": file}
    for gap in report.not_examined:
        yield {"not_examined": as_gap(gap)}


def as_entry(finding: Diagnostic) -> dict[str, Any]:
    """One finding as data; what it does not have is None."""
    rule, place = finding.rule, finding.place
    span = place.span() if place else None
    return {
        "code": rule.code,
        "name": rule.name,
        "severity": rule.severity.value,
        "message": masked(finding.message),
        "help": masked(finding.help),
        "file": place.source.file if place else None,
        "line": span.line if span else None,
        "column": span.column if span else None,
        "end_line": span.end_line if span else None,
        "end_column": span.end_column if span else None,
        "node": finding.node or None,
        "input": finding.input or None,
        "path": list(place.path) if place else None,
        "fix": _as_fix(finding.fix),
    }


def _as_fix(fix: Fix | None) -> dict[str, Any] | None:
    return None if fix is None else {"safe": fix.safe, "title": fix.title}


def as_gap(gap: NotExamined) -> dict[str, Any]:
    """What was not examined, as data; what it does not have is None."""
    return {
        "what": gap.what,
        "kind": gap.kind,
        "file": gap.file or None,
        "node": gap.node or None,
        "reason": gap.reason,
    }


def written(data: Any, indent: int | None = None) -> str:
    """Data as JSON, with a line's end, in which nothing commands a terminal or a build, or turns text around."""
    return _BEYOND_ASCII.sub(_escaped, json.dumps(data, indent=indent, ensure_ascii=False)) + "\n"


def _escaped(match: re.Match[str]) -> str:
    """The same text for who reads the JSON; only halves of characters, which have no UTF-8, are written out."""
    text = match[0]
    if text == "##":
        return r"#\u0023"
    return text if text.isprintable() else "".join(c if c.isprintable() else _as_number(ord(c)) for c in text)


def _as_number(code: int) -> str:
    if 0xD800 <= code < 0xE000:
        return f"\\\\u{code:04x}"
    return f"\\u{code:04x}" if code < 0x10000 else json.dumps(chr(code))[1:-1]

"""Findings as SARIF 2.1.0, for code scanning and for viewers that show the results of many tools."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import quote

from .. import __version__
from ..diagnostics import Diagnostic, Fix, NotExamined, Rule, Severity, Span
from ..texts.keys import masked
from .findings import Report, Where, fingerprints, from_here, message, places
from .json import written
from .text import clean, lines_of

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}


def as_sarif(report: Report) -> str:
    """The findings as one run of one tool, with the pages of the rules that found something."""
    rules = {finding.rule.code: finding.rule for finding in report.findings}
    index = {code: n for n, code in enumerate(rules)}
    fixes = _fixes(report.findings)
    results = [
        {**_result(finding, where, index[finding.rule.code], fingerprint), **fixes.get(number, {})}
        for number, ((finding, where), fingerprint) in enumerate(zip(places(report), fingerprints(report), strict=True))
    ]
    run = {
        "tool": {
            "driver": {
                "name": "comfyproof",
                "semanticVersion": __version__,
                "rules": [_descriptor(rule) for rule in rules.values()],
            }
        },
        "columnKind": "utf16CodeUnits",
        "newlineSequences": ["\r\n", "\n", "\r", "\x85", "\u2028", "\u2029"],
        "invocations": [_invocation(report.not_examined)],
        "artifacts": [
            {"location": {"uri": uri}, "roles": ["analysisTarget"]} for uri in dict.fromkeys(map(_uri, report.examined))
        ],
        "results": results,
    }
    return written({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2)


def _descriptor(rule: Rule) -> dict[str, Any]:
    """A rule with its page, whose first paragraph says in short what it is about."""
    first, _, _ = rule.doc.partition("\n\n")
    page = rule.doc or rule.name
    return {
        "id": rule.code,
        "name": rule.name,
        "shortDescription": {"text": " ".join(first.split()) or rule.name},
        "help": {"text": page, "markdown": page},
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
    }


def _result(finding: Diagnostic, where: Where | None, rule: int, fingerprint: str) -> dict[str, Any]:
    place = finding.place
    properties = {
        "node": finding.node,
        "input": finding.input,
        "path": list(place.path) if place else [],
        "help": masked(finding.help),
        "fix": ("safe" if finding.fix.safe else "unsafe") if finding.fix else None,
    }
    result: dict[str, Any] = {
        "ruleId": finding.rule.code,
        "ruleIndex": rule,
        "level": _LEVELS[finding.rule.severity],
        "message": _message(message(finding), finding.help),
        "partialFingerprints": {"comfyproof/1": fingerprint},
        "properties": {name: value for name, value in properties.items() if value},
    }
    if where is not None:  # GitHub refuses a report of which one result lacks a line
        region = _region(where.span, place.source.text) if place and where.span else {"startLine": 1}
        spot = {"artifactLocation": {"uri": _uri(where.file)}, "region": region}
        result["locations"] = [{"physicalLocation": spot}]
    return result


def _fixes(findings: Sequence[Diagnostic]) -> dict[int, dict[str, Any]]:
    """By the number of each finding that can be fixed in its text: what is to be replaced there."""
    texts: dict[tuple[str, str], dict[int, Fix]] = {}
    for number, finding in enumerate(findings):
        if finding.fix is not None and finding.place is not None:
            source = finding.place.source
            if all(edit.place.source.file == source.file for edit in finding.fix.edits):
                texts.setdefault((source.file, source.text), {})[number] = finding.fix
    found: dict[int, dict[str, Any]] = {}
    for (file, text), fixes in texts.items():
        from ..edits import replacements  # here, since most findings have none

        numbers = list(fixes)
        for at, changes in replacements(file, text, [fixes[number].edits for number in numbers]).items():
            replaced = [
                {"deletedRegion": _region(span, text), "insertedContent": {"text": new}} for span, new in changes
            ]
            fix = fixes[numbers[at]]
            found[numbers[at]] = {
                "fixes": [
                    {
                        "description": _message(fix.title),
                        "artifactChanges": [{"artifactLocation": {"uri": _uri(file)}, "replacements": replaced}],
                    }
                ]
            }
    return found


def _message(*texts: str) -> dict[str, str]:
    """A message that is nothing but text: a viewer would make links of brackets, and put values in for braces."""
    text = "\n".join(clean(each) for each in texts if each)
    return {"text": text.replace("](", "] (").replace("{", "{{").replace("}", "}}")}


def _region(span: Span, text: str) -> dict[str, int]:
    lines = lines_of(text)
    return {
        "startLine": span.line,
        "startColumn": _column(lines, span.line, span.column),
        "endLine": span.end_line,
        "endColumn": _column(lines, span.end_line, span.end_column),
    }


def _column(lines: list[str], line: int, column: int) -> int:
    """A column in UTF-16 code units, of which a character beyond U+FFFF is two."""
    before = lines[line - 1][: column - 1] if line <= len(lines) else ""
    return column if before.isascii() else column + sum(c > "\uffff" for c in before)


def _invocation(not_examined: Iterable[NotExamined]) -> dict[str, Any]:
    """What was not examined, as notes of the tool on its own run."""
    notes = [
        {"level": "note", "message": _message(f"not examined: {gap.what}: {gap.reason}"), **_in_file(gap)}
        for gap in not_examined
    ]
    return {"executionSuccessful": True, "toolExecutionNotifications": notes}


def _in_file(gap: NotExamined) -> dict[str, Any]:
    return {"locations": [{"physicalLocation": {"artifactLocation": {"uri": _uri(gap.file)}}}]} if gap.file else {}


def _uri(file: str) -> str:
    """A file as a URI: relative to the working folder, and absolute only where it lies elsewhere."""
    path = from_here(file)
    try:
        data = path.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        data = path.encode("utf-8", "replace")
    quoted = quote(data)
    return f"file:///{quoted.lstrip('/')}" if os.path.isabs(path) else quoted

"""Findings as lines: one each, for editors and for grep, and as the annotations of GitHub Actions."""

from __future__ import annotations

from ..diagnostics import Severity, Span
from .findings import Report, from_here, message, places
from .text import clean, clean_name, unexamined

_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}


def as_concise(report: Report) -> str:
    """A line a finding, as compilers write it: where, how bad it is, its code, and what is wrong."""
    lines = []
    for finding in report.findings:
        rule, where = finding.rule, ""
        if finding.place is not None:
            span = finding.place.span()
            where = f"{clean_name(finding.place.source.file)}:{span.line}:{span.column}: "
        lines.append(f"{where}{rule.severity.value}[{rule.code}] {clean(finding.message)}\n")
    return "".join(lines) + unexamined(report.not_examined)


def as_github(report: Report) -> str:
    """Workflow commands of GitHub Actions: an annotation for each finding, and a notice for what was not examined."""
    lines = []
    for finding, where in places(report):
        rule = finding.rule
        facts = {"file": from_here(where.file), **_stretch(where.span)} if where else {}
        facts["title"] = f"{rule.code} {rule.name}"
        said = "\n".join(clean(each) for each in (message(finding), finding.help) if each)
        lines.append(_command(_COMMANDS[rule.severity], facts, said))
    for line in unexamined(report.not_examined).splitlines():
        lines.append(_command("notice", {"title": "not examined"}, line.removeprefix("not examined: ")))
    return "".join(f"{line}\n" for line in lines)


def _stretch(span: Span | None) -> dict[str, str]:
    """GitHub wants columns only of what stands in one line; its last column is one of the stretch."""
    if span is None:
        return {}
    found = {"line": str(span.line), "endLine": str(span.end_line)}
    if span.line == span.end_line:
        found |= {"col": str(span.column), "endColumn": str(max(span.column, span.end_column - 1))}
    return found


def _command(command: str, facts: dict[str, str], said: str) -> str:
    told = (f"{name}={_escaped(clean(value)).replace(':', '%3A').replace(',', '%2C')}" for name, value in facts.items())
    return f"::{command} {','.join(told)}::{_escaped(said)}"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\n", "%0A")

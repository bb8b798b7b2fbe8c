"""Findings as text: the message, the author's own line with a caret, and one thing to do."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache

from ..diagnostics import Diagnostic, NotExamined, Severity
from ..texts.composed import LINE_END
from ..texts.keys import masked

_COLORS = {Severity.ERROR: "31;1", Severity.WARNING: "33;1", Severity.INFO: "36;1"}
MAX_WIDTH = 120
MAX_NAMED = 12


# Where GitHub Actions, Azure Pipelines and TeamCity find a command, anywhere in a line that a build prints.
_COMMAND = re.compile(r"##(?=[\w-]*\[)")


def clean(text: str) -> str:
    """Text from outside on one line, without what could command a terminal, or the service that runs a build.

    What looks like a key is not shown: reports are kept in logs that others read.
    """
    if not text.isprintable():
        text = "".join(c if c.isprintable() else " " if c.isspace() else f"\\x{ord(c):02x}" for c in text)
    text = masked(text)
    return _COMMAND.sub(r"#\\x23", text) if "##" in text else text


def clean_name(file: str) -> str:
    """A file's name, clean, that can begin a line: GitHub Actions obeys lines that begin with two colons."""
    name = clean(file)
    return f"./{name}" if name.lstrip().startswith(":") else name  # a colon follows


def render(findings: Iterable[Diagnostic], *, color: bool = False) -> str:
    """All findings, one block each."""
    return "\n".join(_block(finding, color) for finding in findings)


def summary(findings: Sequence[Diagnostic], not_examined: Sequence[NotExamined], *, color: bool = False) -> str:
    """What was not looked at, a line a reason, and in one line what was found in all."""
    counts = [(s, sum(1 for f in findings if f.rule.severity is s)) for s in Severity]
    said = [f"{n} {s.value}{'' if n == 1 or s is Severity.INFO else 's'}" for s, n in counts if n]
    return unexamined(not_examined, color=color) + (", ".join(said) or "no findings") + _fixable(findings) + "\n"


def _fixable(findings: Sequence[Diagnostic]) -> str:
    """How many of the findings can be fixed."""
    safe = sum(1 for each in findings if each.fix is not None and each.fix.safe)
    more = sum(1 for each in findings if each.fix is not None and not each.fix.safe)
    if safe and more:
        return f"; {safe} can be fixed with --fix, {more} more with --unsafe-fixes"
    if safe:
        return f"; {safe} can be fixed with --fix"
    return f"; {more} can be fixed with --fix --unsafe-fixes" if more else ""


def unexamined(not_examined: Sequence[NotExamined], *, color: bool = False) -> str:
    """What was not looked at, a line a reason; of many things the first, and how many more: JSON has them all."""
    reasons: dict[str, dict[str, None]] = {}
    for each in not_examined:
        reasons.setdefault(each.reason, {})[clean(each.what)] = None
    lines = [f"not examined: {_first_of(list(whats))}: {clean(why)}" for why, whats in reasons.items()]
    return "".join(_paint(line, "2", color) + "\n" for line in lines)


def _first_of(whats: list[str]) -> str:
    left = len(whats) - MAX_NAMED
    return ", ".join(whats) if left <= 1 else f"{', '.join(whats[:MAX_NAMED])} and {left} more"


def _block(finding: Diagnostic, color: bool) -> str:
    rule, place = finding.rule, finding.place
    where = ""
    excerpt: list[str] = []
    if place is not None:
        span = place.span()
        where = f"{clean_name(place.source.file)}:{span.line}:{span.column}: "
        excerpt = _excerpt(place.source.text, span.line, span.column, span.end_line, span.end_column, color)
    severity = _paint(rule.severity.value, _COLORS[rule.severity], color)
    lines = [f"{_paint(where, '1', color)}{severity}[{rule.code}]: {clean(finding.message)}{_mark(finding)}", *excerpt]
    if finding.help:
        lines.append(f"  {_paint('help:', '36', color)} {clean(finding.help)}")
    return "\n".join(lines) + "\n"


def _mark(finding: Diagnostic) -> str:
    """What shows that a finding can be fixed without a hand; surely, or at a guess."""
    return "" if finding.fix is None else " [fix]" if finding.fix.safe else " [unsafe fix]"


def _excerpt(text: str, line: int, column: int, end_line: int, end_column: int, color: bool) -> list[str]:
    rows = lines_of(text)
    if not 0 < line <= len(rows) or not rows[line - 1].strip():
        return []
    row = rows[line - 1]
    end = end_column if end_line == line else len(row.split(" #")[0].rstrip()) + 1
    start = column - 1
    if len(row) > MAX_WIDTH:  # show what is round the spot
        shift = max(0, min(start - 40, len(row) - MAX_WIDTH))
        row, start, end = row[shift : shift + MAX_WIDTH], start - shift, end - shift
    shown = clean(row)
    before, marked = _width(clean(row[:start])), max(1, _width(clean(row[start : max(start + 1, end - 1)])))
    gutter = len(str(line))
    return [
        f"{' ' * gutter} |",
        f"{line} | {shown}",
        f"{' ' * gutter} | {' ' * before}{_paint('^' * marked, '31;1', color)}",
    ]


@lru_cache(maxsize=8)  # a text with thousands of findings is split once
def lines_of(text: str) -> list[str]:
    """A text's lines, as the lines of a span are counted."""
    return LINE_END.split(text)


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 0 if unicodedata.combining(c) else 1 for c in text)


def _paint(text: str, code: str, color: bool) -> str:
    return f"\x1b[{code}m{text}\x1b[0m" if color and text else text

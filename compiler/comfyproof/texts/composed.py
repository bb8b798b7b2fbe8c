"""What both languages share: what they refuse, how much they take, and where things stand."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NoReturn, TypeAlias

from ..diagnostics import Diagnostic, Path, Place, Rule, Severity, Span, Spot

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

# Where YAML ends a line; positions in every text are counted in these lines.
LINE_END = re.compile("\r\n|[\n\r\x85\u2028\u2029]")

MAX_DEPTH = 64
MAX_VALUES = 50_000
MAX_DIGITS = 400

BROKEN_TEXT = Rule(
    "CP102",
    "broken-text",
    Severity.ERROR,
    "The text is not valid YAML (or JSON), so that nothing can be said of what it means.",
)
DUPLICATE_KEY = Rule(
    "CP103",
    "duplicate-key",
    Severity.ERROR,
    "A mapping has the same key twice. YAML readers silently keep one of them; which one, differs.",
)
UNSUPPORTED_TEXT = Rule(
    "CP104",
    "unsupported-text",
    Severity.ERROR,
    "Tags, several documents in a file, keys that are not text, numbers that are not finite "
    "and halves of characters have no place in a spec.",
)
TOO_LARGE = Rule(
    "CP105",
    "too-large",
    Severity.ERROR,
    "The text nests too deeply, holds too many values once its aliases are expanded, or has an absurdly long number.",
)
RULES = (BROKEN_TEXT, DUPLICATE_KEY, UNSUPPORTED_TEXT, TOO_LARGE)


class Refused(Exception):
    """The text cannot be read any further; the last of the findings says why."""

    def __init__(self, findings: list[Diagnostic]) -> None:
        super().__init__()
        self.findings = findings


@dataclass
class Composed:
    """A text in the making: what was found in it, and where each path stands, if that is wanted."""

    file: str
    text: str
    spans: dict[tuple[Path, bool], Span] | None = None
    findings: list[Diagnostic] = field(default_factory=list)

    def remember(self, path: Path, key: bool, span: Span) -> None:
        """Notes where a path's value, or key, stands."""
        if self.spans is not None:
            self.spans[path, key] = span

    def report(self, rule: Rule, span: Span, message: str, help: str = "") -> None:
        """Adds a finding."""
        self.findings.append(rule.at(Place(Spot(self.file, self.text, span)), message, help))

    def refuse(self, rule: Rule, span: Span, message: str, help: str = "") -> NoReturn:
        """Adds a finding, and ends the reading."""
        self.report(rule, span, message, help)
        raise Refused(self.findings)

"""Text in which every path has a position: reading files, and YAML without its surprises."""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

from .diagnostics import Diagnostic, Path, Place, Rule, Severity, Span, Spot

if TYPE_CHECKING:
    import yaml

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

MAX_BYTES = 4 * 2**20
MAX_DEPTH = 64
MAX_VALUES = 50_000
MAX_DIGITS = 400

UNREADABLE = Rule(
    "CP101",
    "unreadable-file",
    Severity.ERROR,
    "The file cannot be read as text: it is missing, no regular file, too large, or not UTF-8.",
)
BROKEN_YAML = Rule(
    "CP102", "broken-yaml", Severity.ERROR, "The text is not valid YAML, so that nothing can be said of what it means."
)
DUPLICATE_KEY = Rule(
    "CP103",
    "duplicate-key",
    Severity.ERROR,
    "A mapping has the same key twice. YAML readers silently keep one of them; which one, differs.",
)
UNSUPPORTED_YAML = Rule(
    "CP104",
    "unsupported-yaml",
    Severity.ERROR,
    "Tags, several documents in a file, keys that are not text, and numbers that are not finite have no place "
    "in a spec.",
)
TOO_LARGE = Rule(
    "CP105",
    "too-large",
    Severity.ERROR,
    "The text nests too deeply, holds too many values once its aliases are expanded, or has an absurdly long number.",
)
RULES = (UNREADABLE, BROKEN_YAML, DUPLICATE_KEY, UNSUPPORTED_YAML, TOO_LARGE)

# YAML 1.2's core schema: `no` and `on` are text, 012 is twelve, 1e3 is a number.
_INT = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_CONSTANTS: dict[str, Json] = {
    "": None,
    "~": None,
    "null": None,
    "Null": None,
    "NULL": None,
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
}

# What the parser's words mostly come from.
_HELP = {
    "cannot start any token": "indent with spaces, not tabs, and quote text that begins with a special sign",
    "expected ':'": "put a colon and a space after the name, on the line above if this one is right",
    "mapping values are not allowed": "quote text that holds a colon, and indent the line as those beside it",
    "expected hexdecimal": "write a path with / or in single quotes",
    "unknown escape": "write a path with / or in single quotes",
    "expected '-' indicator": 'begin each item of the list with "- "',
    "unexpected end of stream": "close the quote",
    "expected ',' or": "close the bracket",
    "expected <block end>": "indent the line as those beside it",
}


@dataclass(frozen=True)
class Source:
    """A text, what it says, and where each path of it stands."""

    file: str
    text: str
    data: Json = field(compare=False)

    @cached_property
    def _spans(self) -> dict[tuple[Path, bool], Span]:
        composer = _Composer(self.file, self.text, spans={})
        composer.compose()
        return composer.spans or {}

    def at(self, path: Path, *, key: bool = False) -> Span:
        """Where a path's value (or key) stands; the nearest thing around it if the path itself is not there."""
        if key and (path, True) in self._spans:
            return self._spans[path, True]
        while path and (path, False) not in self._spans:
            path = path[:-1]
        return self._spans.get((path, False), Span(1, 1, 1, 1))


@dataclass(frozen=True, slots=True)
class Words:
    """What an author gave as an option: NAME=VALUE, or a value alone."""

    file: str
    text: str

    def at(self, path: Path, *, key: bool = False) -> Span:
        """The name for a key; else the value, whatever its path."""
        name, equals, _ = self.text.partition("=")
        start = 0 if key or not equals else len(name) + 1
        return Span(1, start + 1, 1, (len(name) if key else len(self.text)) + 1)


class _Refused(Exception):
    """The text cannot be composed any further."""


def read_source(file: str | FilePath) -> tuple[Source | None, list[Diagnostic]]:
    """A YAML (or JSON) file as a Source, with what is wrong in it; None where it cannot be read at all."""
    name = str(file)
    try:
        text = _read_text(FilePath(file))
    except (OSError, ValueError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) and problem.strerror else str(problem)
        spot = Place(Spot(name, "", Span(1, 1, 1, 1)))
        return None, [UNREADABLE.at(spot, f'"{name}" cannot be read: {reason}')]
    return parse_source(name, text)


def _read_text(path: FilePath) -> str:
    facts = path.stat()
    if not stat.S_ISREG(facts.st_mode):
        raise ValueError("it is a folder" if stat.S_ISDIR(facts.st_mode) else "it is not a regular file")
    if facts.st_size > MAX_BYTES:
        raise ValueError(f"it has {facts.st_size:,} bytes, over the limit of {MAX_BYTES:,}")
    with path.open("rb") as stream:
        raw = stream.read(MAX_BYTES + 1)
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise ValueError("it is UTF-16; save it as UTF-8")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise ValueError(f"it is not UTF-8 (byte {problem.start})") from None
    if "\0" in text:
        raise ValueError("it holds NUL bytes; it is not a text file")
    return text


def parse_source(file: str, text: str) -> tuple[Source | None, list[Diagnostic]]:
    """A YAML text as a Source, with what is wrong in it; None where nothing can be made of it."""
    composer = _Composer(file, text)
    try:
        data = composer.compose()
    except _Refused:
        return None, composer.findings
    return Source(file, text, data), composer.findings


class _Composer:
    """Builds plain data from PyYAML's events; its own `compose` dies on deep nesting and keeps no positions."""

    def __init__(self, file: str, text: str, spans: dict[tuple[Path, bool], Span] | None = None) -> None:
        self.file, self.text, self.spans = file, text, spans
        self.findings: list[Diagnostic] = []
        self.anchors: dict[str, tuple[Json, int]] = {}
        self.values = 0

    def compose(self) -> Json:
        import yaml

        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        self.events: Iterator[yaml.Event] = yaml.parse(self.text, Loader=loader)
        try:
            return self._document()
        except yaml.MarkedYAMLError as problem:
            mark = problem.problem_mark or problem.context_mark
            what = str(problem.problem or problem.context)
            help = next((help for words, help in _HELP.items() if words in what), "")
            self._refuse(BROKEN_YAML, mark, mark, f"this is not valid YAML: {what}", help)
        except yaml.reader.ReaderError as problem:
            character = problem.character if isinstance(problem.character, int) else ord(problem.character[:1] or "?")
            self._refuse(BROKEN_YAML, None, None, f"character U+{character:04X} is not allowed in YAML")
        except ValueError as problem:  # a lone surrogate cannot be encoded for the C parser
            self._refuse(BROKEN_YAML, None, None, f"this is not valid YAML: {problem}")

    def _document(self) -> Json:
        from yaml import events

        data: Json = None
        documents = 0
        for event in self.events:
            if isinstance(event, events.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    self._refuse(
                        UNSUPPORTED_YAML,
                        event.start_mark,
                        event.end_mark,
                        "a second document begins here",
                        "keep one document a file",
                    )
                data = self._node(next(self.events), ())
        return data

    def _node(self, event: Any, path: Path) -> Json:
        from yaml import events

        if len(path) > MAX_DEPTH:
            self._refuse(TOO_LARGE, event.start_mark, event.end_mark, f"this nests deeper than {MAX_DEPTH} levels")
        before, start = self.values, event.start_mark
        self._count(event)
        if isinstance(event, events.AliasEvent):
            return self._alias(event, path)
        if getattr(event, "tag", None) is not None:
            self._report(UNSUPPORTED_YAML, event, f'the tag "{event.tag}" is not supported', "remove it")
        value: Json
        if isinstance(event, events.MappingStartEvent):
            value, end = self._mapping(path)
        elif isinstance(event, events.SequenceStartEvent):
            value, end = self._sequence(path)
        else:
            value, end = self._scalar(event), event.end_mark
        if event.anchor:
            self.anchors[event.anchor] = (value, self.values - before)
        self._remember(path, False, start, end)
        return value

    def _mapping(self, path: Path) -> tuple[Json, Any]:
        from yaml import events

        mapping: dict[str, Json] = {}
        event = next(self.events)
        while not isinstance(event, events.MappingEndEvent):
            if not isinstance(event, events.ScalarEvent):
                self._refuse(UNSUPPORTED_YAML, event.start_mark, event.end_mark, "a key must be text")
            key = event.value
            child = (*path, key)
            if key in mapping:
                self._report(DUPLICATE_KEY, event, f'"{key}" stands here a second time', "keep one of the two")
                spans, self.spans = self.spans, None
                self._node(next(self.events), child)
                self.spans = spans
            else:
                self._remember(child, True, event.start_mark, event.end_mark)
                mapping[key] = self._node(next(self.events), child)
            event = next(self.events)
        return mapping, event.end_mark

    def _sequence(self, path: Path) -> tuple[Json, Any]:
        from yaml import events

        items: list[Json] = []
        event = next(self.events)
        while not isinstance(event, events.SequenceEndEvent):
            items.append(self._node(event, (*path, len(items))))
            event = next(self.events)
        return items, event.end_mark

    def _alias(self, event: yaml.AliasEvent, path: Path) -> Json:
        if event.anchor not in self.anchors:
            self._refuse(BROKEN_YAML, event.start_mark, event.end_mark, f'the alias "*{event.anchor}" names nothing')
        value, size = self.anchors[event.anchor]
        self.values += size
        self._count(event)
        self._remember(path, False, event.start_mark, event.end_mark)
        return value

    def _scalar(self, event: yaml.ScalarEvent) -> Json:
        text: str = event.value
        if not event.implicit[0] or event.tag is not None:
            return text
        if text in _CONSTANTS:
            return _CONSTANTS[text]
        if len(text) > MAX_DIGITS and _FLOAT.fullmatch(text):
            self._report(TOO_LARGE, event, f"this number has {len(text)} digits")
            return 0
        if _INT.fullmatch(text):
            return int(text)
        if len(text) > MAX_DIGITS and _BASED.fullmatch(text):
            self._report(TOO_LARGE, event, f"this number has {len(text)} digits")
            return 0
        if _BASED.fullmatch(text):
            return int(text[2:], 8 if text[1] == "o" else 16)
        if _NOT_FINITE.fullmatch(text) or (_FLOAT.fullmatch(text) and abs(float(text)) == float("inf")):
            self._report(UNSUPPORTED_YAML, event, f'"{text}" is not a finite number')
            return 0
        return float(text) if _FLOAT.fullmatch(text) else text

    def _count(self, event: yaml.Event) -> None:
        self.values += 1
        if self.values > MAX_VALUES:
            self._refuse(
                TOO_LARGE,
                event.start_mark,
                event.end_mark,
                f"more than {MAX_VALUES:,} values, aliases expanded, stop here",
            )

    def _remember(self, path: Path, key: bool, start: Any, end: Any) -> None:
        if self.spans is not None:
            self.spans[path, key] = self._span(start, end)

    def _span(self, start: Any, end: Any) -> Span:
        if start is None or end is None:
            return Span(1, 1, 1, 1)
        return Span(start.line + 1, start.column + 1, end.line + 1, end.column + 1)

    def _report(self, rule: Rule, event: yaml.Event, message: str, help: str = "") -> None:
        spot = Spot(self.file, self.text, self._span(event.start_mark, event.end_mark))
        self.findings.append(rule.at(Place(spot), message, help))

    def _refuse(self, rule: Rule, start: Any, end: Any, message: str, help: str = "") -> NoReturn:
        spot = Spot(self.file, self.text, self._span(start, end))
        self.findings.append(rule.at(Place(spot), message, help))
        raise _Refused

"""YAML 1.2's core, without the surprises of YAML 1.1 and the dangers of its tags and aliases."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NoReturn

from ..diagnostics import Path, Rule, Span
from .composed import (
    BROKEN_TEXT,
    DUPLICATE_KEY,
    MAX_DEPTH,
    MAX_DIGITS,
    MAX_VALUES,
    TOO_LARGE,
    UNSUPPORTED_TEXT,
    Composed,
    Json,
)

if TYPE_CHECKING:
    import yaml

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

# What "C:\\base" in double quotes turns into; line ends and tabs are meant.
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")

_NOT_CLOSED = ("expected ',' or", "unexpected end of stream")
# What the parser's words mostly come from.
_HELP = {
    "cannot start any token": "indent with spaces, not tabs, and quote text that begins with a special sign",
    "expected ':'": "put a colon and a space after the name, on the line above if this one is right",
    "mapping values are not allowed": "quote text that holds a colon, and indent the line as those beside it",
    "expected hexdecimal": "write a path with / or in single quotes",
    "unknown escape": "write a path with / or in single quotes",
    "expected '-' indicator": 'begin each item of the list with "- "',
    "unexpected end of stream": "close the quote",
    "expected ',' or": "close the bracket, or put text that holds : , { or [ in quotes",
    "expected key": "indent the line as those beside it",
    "expected <block end>": "indent the line as those beside it, or put the whole text in quotes",
}


def compose_yaml(composed: Composed) -> Json:
    """The data of a YAML text. Raises Refused, after saying why."""
    return _Composer(composed).compose()


class _Composer:
    """Builds plain data from PyYAML's events; its own `compose` dies on deep nesting and keeps no positions."""

    def __init__(self, composed: Composed) -> None:
        self.composed = composed
        self.anchors: dict[str, tuple[Json, int]] = {}
        self.values = 0

    def compose(self) -> Json:
        import yaml

        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        self.events: Iterator[yaml.Event] = yaml.parse(self.composed.text, Loader=loader)
        try:
            return self._document()
        except yaml.MarkedYAMLError as problem:
            what = str(problem.problem or problem.context)
            mark = problem.problem_mark or problem.context_mark
            opened = problem.context_mark
            if opened and mark and opened.line < mark.line and any(words in what for words in _NOT_CLOSED):
                mark = opened  # where it begins says more than where the parser gave up
            help = next((help for words, help in _HELP.items() if words in what), "")
            self._refuse(BROKEN_TEXT, mark, mark, f"this is not valid YAML: {what}", help)
        except yaml.reader.ReaderError as problem:
            character = problem.character if isinstance(problem.character, int) else ord(problem.character[:1] or "?")
            self._refuse(BROKEN_TEXT, None, None, f"character U+{character:04X} is not allowed in YAML")
        except ValueError as problem:  # a lone surrogate cannot be encoded for the C parser
            self._refuse(BROKEN_TEXT, None, None, f"this is not valid YAML: {problem}")

    def _document(self) -> Json:
        from yaml import events

        data: Json = None
        documents = 0
        for event in self.events:
            if isinstance(event, events.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    self._refuse(
                        UNSUPPORTED_TEXT,
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
            tag = event.tag.replace("tag:yaml.org,2002:", "!!")
            self._report(UNSUPPORTED_TEXT, event, f'the tag "{tag}" is not supported', "remove it")
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
                self._refuse(UNSUPPORTED_TEXT, event.start_mark, event.end_mark, "a key must be text")
            key = event.value
            child = (*path, key)
            if key in mapping:
                self._report(DUPLICATE_KEY, event, f'"{key}" stands here a second time', "keep one of the two")
                spans, self.composed.spans = self.composed.spans, None
                self._node(next(self.events), child)
                self.composed.spans = spans
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
            self._refuse(
                BROKEN_TEXT,
                event.start_mark,
                event.end_mark,
                f'the alias "*{event.anchor}" names nothing',
                f"say what it stands for before it, with &{event.anchor}",
            )
        value, size = self.anchors[event.anchor]
        self.values += size
        self._count(event)
        self._remember(path, False, event.start_mark, event.end_mark)
        return value

    def _scalar(self, event: yaml.ScalarEvent) -> Json:
        text: str = event.value
        if not event.implicit[0] or event.tag is not None:
            if found := _CONTROL.search(text):
                message = f"this text holds the control character U+{ord(found[0]):04X}, which an escape made"
                self._report(UNSUPPORTED_TEXT, event, message, "write a path with / or in single quotes")
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
            self._report(UNSUPPORTED_TEXT, event, f'"{text}" is not a finite number', "write a number")
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
        self.composed.remember(path, key, _span(start, end))

    def _report(self, rule: Rule, event: yaml.Event, message: str, help: str = "") -> None:
        self.composed.report(rule, _span(event.start_mark, event.end_mark), message, help)

    def _refuse(self, rule: Rule, start: Any, end: Any, message: str, help: str = "") -> NoReturn:
        self.composed.refuse(rule, _span(start, end), message, help)


def _span(start: Any, end: Any) -> Span:
    if start is None or end is None:
        return Span(1, 1, 1, 1)
    return Span(start.line + 1, start.column + 1, end.line + 1, end.column + 1)

"""JSON, read by the library; only where something is wrong by a walk of our own, which says what and where."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Iterator
from functools import cached_property
from json import JSONDecodeError
from typing import Any, NoReturn, TypeAlias

from ..diagnostics import Path, Span
from .composed import (
    BROKEN_TEXT,
    DUPLICATE_KEY,
    LINE_END,
    MAX_DEPTH,
    MAX_DIGITS,
    TOO_LARGE,
    UNSUPPORTED_TEXT,
    Composed,
    Json,
)

_SPACE = re.compile(r"[ \t\n\r]*")
_NUMBER = re.compile(r"(-?(?:0|[1-9][0-9]*))(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_WORD = re.compile(r"true|false|null|NaN|-?Infinity")
_CONSTANTS: dict[str, Json] = {"true": True, "false": False, "null": None}
_ESCAPED_HALF = re.compile(r"\\u[dD][89a-fA-F]")
_HALF = re.compile(r"[\ud800-\udfff]")


_CHECK = "compare the brackets, quotes and commas round it"
_HELP = {
    "Expecting property name enclosed in double quotes": "put the name in double quotes, and no comma after the last",
    "Illegal trailing comma before end of object": "remove the comma",
    "Illegal trailing comma before end of array": "remove the comma",
    "Expecting ',' delimiter": "put a comma between the values, or close the bracket",
    "Expecting ':' delimiter": "put a colon after the name",
}


class NotJson(Exception):
    """The text is not JSON, and stops being so at `offset`."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.message, self.offset = message, offset

    def refuse(self, composed: Composed) -> NoReturn:
        """Says so of a text that was to be JSON."""
        said, offset = _as_of_late(composed.text, self.message, self.offset)
        span = _Lines(composed.text).span(offset, offset)
        message = f"{said[:1].lower()}{said[1:]}"
        composed.refuse(BROKEN_TEXT, span, f"this is not valid JSON: {message}", _HELP.get(said, _CHECK))


def _as_of_late(text: str, message: str, offset: int) -> tuple[str, int]:
    """What Python 3.13 says of a comma too many, and where; older ones speak of what does not follow it."""
    before = text[:offset].rstrip(" \t\r\n")
    inside = {"}": "object", "]": "array"}.get(text[offset : offset + 1])
    if message.startswith("Expecting") and "delimiter" not in message and before.endswith(",") and inside:
        return f"Illegal trailing comma before end of {inside}", len(before) - 1
    return message, offset


_WHOLE = "write both halves of it, or the character itself"


class _Amiss(Exception):
    """Something that the library reads and we do not."""


def compose_json(composed: Composed) -> Json:
    """The data of a JSON text. Raises NotJson, or Refused after saying why."""
    if not _ESCAPED_HALF.search(composed.text):
        try:
            data: Json = _DECODER.decode(composed.text)
            if not _is_deep(data):
                return data
        except JSONDecodeError as problem:
            raise NotJson(problem.msg, problem.pos) from None
        except (_Amiss, RecursionError):
            pass  # the walk says what it is
    return _Walk(composed).document()


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    mapping = dict(pairs)
    if len(mapping) != len(pairs):
        raise _Amiss
    return mapping


def _short(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise _Amiss
    return int(text)


def _finite(text: str) -> float:
    number = float(text)
    if abs(number) == float("inf") or len(text) > MAX_DIGITS:
        raise _Amiss
    return number


def _constant(text: str) -> NoReturn:
    raise _Amiss


_DECODER = json.JSONDecoder(object_pairs_hook=_once, parse_int=_short, parse_float=_finite, parse_constant=_constant)


def _is_deep(data: Json) -> bool:
    level = [data]
    for _ in range(MAX_DEPTH):
        parts = [each.values() if type(each) is dict else each if type(each) is list else () for each in level]
        level = [value for part in parts for value in part if type(value) is dict or type(value) is list]
        if not level:
            return False
    return True


# One part of a mapping or list: where its name begins and ends (twice where it begins, in a list), and its value.
_Part: TypeAlias = tuple[int, int, int, int]
# What is skipped is not kept, and a number of any length may be.
_SKIPPER = json.JSONDecoder(parse_int=str, parse_float=str)


class JsonPlaces:
    """Where the paths of a JSON text stand. A part is looked into only when a path leads through it."""

    def __init__(self, text: str) -> None:
        """Raises NotJson for a text that is none."""
        self._text, self._lines = text, _Lines(text)
        start = self._space(0)
        try:
            end = _SKIPPER.raw_decode(text, start)[1]
        except JSONDecodeError as problem:
            raise NotJson(problem.msg, problem.pos) from None
        except RecursionError:
            raise NotJson("it nests too deeply", start) from None
        if self._space(end) != len(text):
            raise NotJson("Extra data", end)
        self._root: _Part = (start, start, start, end)
        self._inside: dict[Path, dict[str | int, _Part]] = {}

    def find(self, path: Path, key: bool) -> Span | None:
        """Where a path's value (or name) stands, None where there is no such path, or it has no name."""
        part = self._root
        for n, step in enumerate(path):
            inside = self._parts(path[:n], part)
            if step not in inside:
                return None
            part = inside[step]
        start, end = part[:2] if key else part[2:]
        return None if key and start == end else self._lines.span(start, end)

    def _parts(self, path: Path, part: _Part) -> dict[str | int, _Part]:
        if path not in self._inside:
            self._inside[path] = dict(self._read(part[2]))
        return self._inside[path]

    def _read(self, at: int) -> Iterator[tuple[str | int, _Part]]:
        """The parts of the mapping or list that begins here; of two of one name, the first."""
        mapping = self._text[at] == "{"
        if not mapping and self._text[at] != "[":
            return
        seen: set[str | int] = set()
        at = self._space(at + 1)
        while self._text[at] not in "}]":
            start = end = at
            name: str | int = len(seen)
            if mapping:
                name, end = _SKIPPER.raw_decode(self._text, at)
                at = self._space(self._space(end) + 1)
            value = at
            at = _SKIPPER.raw_decode(self._text, at)[1]
            if name not in seen:
                yield name, (start, end, value, at)
            seen.add(name)
            at = self._space(at)
            at = self._space(at + 1) if self._text[at] == "," else at

    def _space(self, at: int) -> int:
        found = _SPACE.match(self._text, at)
        return found.end() if found else at


class _Lines:
    """Offsets of a text as lines and columns."""

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def starts(self) -> list[int]:
        return [0, *(found.end() for found in LINE_END.finditer(self.text))]

    def span(self, start: int, end: int) -> Span:
        return Span(*self._position(start), *self._position(end))

    def _position(self, offset: int) -> tuple[int, int]:
        line = bisect_right(self.starts, offset)
        return line, offset - self.starts[line - 1] + 1


class _Walk:
    """Reads a text and says what is wrong with it; its depth is bounded, so that it may call itself."""

    def __init__(self, composed: Composed) -> None:
        self.composed, self.text = composed, composed.text
        self.lines = _Lines(composed.text)
        self.at = 0

    def document(self) -> Json:
        self._space()
        data = self._value(())
        self._space()
        if self.at != len(self.text):
            raise NotJson("Extra data", self.at)
        return data

    def _space(self) -> None:
        found = _SPACE.match(self.text, self.at)
        assert found  # it matches nothing, too
        self.at = found.end()

    def _value(self, path: Path) -> Json:
        start, first = self.at, self.text[self.at : self.at + 1]
        if len(path) > MAX_DEPTH:
            span = self.lines.span(start, start + 1)
            self.composed.refuse(TOO_LARGE, span, f"this nests deeper than {MAX_DEPTH} levels")
        value: Json
        if first == "{":
            value = self._mapping(path)
        elif first == "[":
            value = self._sequence(path)
        elif first == '"':
            value = self._string()
        else:
            value = self._plain()
        return value

    def _mapping(self, path: Path) -> Json:
        mapping: dict[str, Json] = {}
        for start in self._items("}"):
            if self.text[start : start + 1] != '"':
                raise NotJson("Expecting property name enclosed in double quotes", start)
            key = self._string()
            span = self.lines.span(start, self.at)
            self._space()
            if self.text[self.at : self.at + 1] != ":":
                raise NotJson("Expecting ':' delimiter", self.at)
            self.at += 1
            self._space()
            if key in mapping:
                self.composed.report(DUPLICATE_KEY, span, f'"{key}" stands here a second time', "keep one of the two")
                self._value((*path, key))
            else:
                mapping[key] = self._value((*path, key))
        return mapping

    def _sequence(self, path: Path) -> Json:
        items: list[Json] = []
        for _ in self._items("]"):
            items.append(self._value((*path, len(items))))
        return items

    def _items(self, end: str) -> Iterator[int]:
        """Where each item of a mapping or list begins, up to its closing bracket."""
        self.at += 1
        self._space()
        if self.text[self.at : self.at + 1] == end:
            self.at += 1
            return
        while True:
            yield self.at
            self._space()
            found = self.text[self.at : self.at + 1]
            if found not in (",", end) or not found:
                raise NotJson("Expecting ',' delimiter", self.at)
            self.at += 1
            if found == end:
                return
            self._space()

    def _string(self) -> str:
        start = self.at
        try:
            text, self.at = _DECODER.raw_decode(self.text, start)
        except JSONDecodeError as problem:
            raise NotJson(problem.msg, problem.pos) from None
        if _HALF.search(text):
            self.composed.report(
                UNSUPPORTED_TEXT, self.lines.span(start, self.at), "this text holds half a character", _WHOLE
            )
            return _HALF.sub("\ufffd", text)
        return str(text)

    def _plain(self) -> Json:
        start = self.at
        found = _NUMBER.match(self.text, start) or _WORD.match(self.text, start)
        if found is None:
            raise NotJson("Expecting value", start)
        word, self.at = found[0], found.end()
        if word in _CONSTANTS:
            return _CONSTANTS[word]
        if len(word) > MAX_DIGITS:
            self.composed.report(TOO_LARGE, self.lines.span(start, self.at), f"this number has {len(word)} digits")
            return 0
        if word.lstrip("-").isdigit():
            return int(word)
        if abs(number := float(word)) < float("inf"):
            return number
        self.composed.report(
            UNSUPPORTED_TEXT, self.lines.span(start, self.at), f'"{word}" is not a finite number', "write a number"
        )
        return 0

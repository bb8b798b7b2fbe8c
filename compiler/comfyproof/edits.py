"""Edits of a text by path: only the spans of what changes are written anew, so that comments and layout stay."""

from __future__ import annotations

import json
import re
from bisect import bisect_left, bisect_right, insort
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from .diagnostics import Edit, Path, Removed, Span
from .source import Source, parse_source
from .texts.composed import LINE_END, Composed, Json
from .texts.json import JsonPlaces, NotJson
from .texts.yaml import compose_yaml

_IGNORE = re.compile(r"[ \t]*#[ \t]*comfyproof:[ \t]*ignore(?:-file)?[ \t]*\[([^\]\r\n]*)\][^\r\n]*")
_NEWLINE = re.compile(r"\r\n|[\r\n]")


class CannotEdit(Exception):
    """An edit that would change more than it names, or that the text leaves no room for."""


@dataclass(frozen=True, slots=True, order=True)
class _Change:
    """A stretch of a text, from one offset to another, and what comes in its place."""

    start: int
    end: int
    new: str


def edited(file: str, text: str, edits: Sequence[Edit]) -> str:
    """The text after the edits, which differs from it in what they name and in nothing else.

    Raises CannotEdit where that cannot be had: for text in block form, anchors and aliases, and edits that overlap.
    """
    source, _ = parse_source(file, text)
    if source is None:
        raise CannotEdit("the text cannot be read")
    editor = _Editor(source)
    changes = sorted({editor.change(edit) for edit in edits})
    for before, after in pairwise(changes):
        if after.start < before.end:
            raise CannotEdit("two edits overlap")
    made = text
    for change in reversed(changes):
        made = made[: change.start] + change.new + made[change.end :]
    again, _ = parse_source(file, made)
    if again is None or not _same(again.data, _expected(source.data, edits)):
        raise CannotEdit("more would change than what is meant")
    return made


def possible(file: str, text: str, groups: Sequence[Sequence[Edit]]) -> list[int]:
    """Which groups of edits the text leaves room for, by their numbers; of those that overlap, the first.

    From one reading of the text, so that a few edits that cannot be made do not cost a try of each of many.
    """
    source, _ = parse_source(file, text)
    if source is None:
        return []
    editor, taken, found = _Editor(source), list[_Change](), []
    for number, edits in enumerate(groups):
        try:
            changes = {editor.change(edit) for edit in edits}
        except CannotEdit:
            continue
        if all(_has_room(taken, change) for change in changes):
            found.append(number)
            for change in changes:
                insort(taken, change)
    return found


def replacements(file: str, text: str, groups: Sequence[Sequence[Edit]]) -> dict[int, list[tuple[Span, str]]]:
    """For the number of each group of edits that can be made: which stretches of the text go, and what comes there.

    Nothing where not all of these can be made together, so that each is known to change what it names and no more.
    """
    numbers = possible(file, text, groups)
    try:
        edited(file, text, [edit for number in numbers for edit in groups[number]])
    except CannotEdit:
        return {}
    source, _ = parse_source(file, text)
    assert source is not None
    editor = _Editor(source)
    changes = {number: sorted({editor.change(edit) for edit in groups[number]}) for number in numbers}
    return {number: [(editor.span(each), each.new) for each in found] for number, found in changes.items()}


def _has_room(taken: Sequence[_Change], change: _Change) -> bool:
    """Whether a change is one of those, which are in order, or touches none of them."""
    at = bisect_left(taken, change)
    if at < len(taken) and taken[at] == change:
        return True
    return (at == 0 or taken[at - 1].end <= change.start) and (at == len(taken) or change.end <= taken[at].start)


class _Editor:
    """Turns edits of one text into changes of stretches of it."""

    def __init__(self, source: Source) -> None:
        self.text = source.text
        self.starts = [0, *(found.end() for found in LINE_END.finditer(source.text))]
        self.spans: Mapping[tuple[Path, bool], Span] | None = None
        try:
            self.places = JsonPlaces(source.text)
        except NotJson:
            spans: dict[tuple[Path, bool], Span] = {}
            compose_yaml(Composed(source.file, source.text, spans))
            self.spans = spans

    def change(self, edit: Edit) -> _Change:
        if not isinstance(edit.place.source, Source):
            return self._comment(edit)
        path = edit.place.path
        if edit.value is Removed:
            return self._removed(path)
        start, end = self._stretch(path, edit.place.key)
        return _Change(start, end, self._written(self.text[start:end], edit.value, path))

    def span(self, change: _Change) -> Span:
        """The stretch of a change, in lines and columns."""
        (line, column), (end_line, end_column) = (
            (at := bisect_right(self.starts, offset), offset - self.starts[at - 1] + 1)
            for offset in (change.start, change.end)
        )
        return Span(line, column, end_line, end_column)

    def _find(self, path: Path, key: bool) -> Span | None:
        return self.places.find(path, key) if self.spans is None else self.spans.get((path, key))

    def _stretch(self, path: Path, key: bool) -> tuple[int, int]:
        span = self._find(path, key)
        if span is None:
            raise CannotEdit("it does not stand in this text by itself")
        return self._offsets(span)

    def _offsets(self, span: Span) -> tuple[int, int]:
        start = self.starts[span.line - 1] + span.column - 1
        return start, self.starts[span.end_line - 1] + span.end_column - 1

    def _written(self, old: str, value: Any, path: Path) -> str:
        """A value as the text writes values, in the quotes that the old one has."""
        if self.spans is None:
            return json.dumps(value, ensure_ascii=self.text.isascii())
        if not old or old[0] in "&*!|>[{":
            raise CannotEdit("it is written in a form that is left alone")
        if not isinstance(value, str):
            return json.dumps(value)
        if old[0] == "'" and value.isprintable():
            return "'" + value.replace("'", "''") + "'"
        if old[0] == '"' or not _is_plain(value):
            return json.dumps(value, ensure_ascii=False)
        return value

    def _removed(self, path: Path) -> _Change:
        if not path:
            raise CannotEdit("it is all there is")
        value = self._stretch(path, False)
        start, end = (self._stretch(path, True) if isinstance(path[-1], str) else value)[0], value[1]
        left, right = self._line(start, end)
        alone = not self.text[left:start].strip() and not self.text[end:right].strip(" \t\r\n,")
        behind = re.compile(r"[ \t\r\n]*,[ \t]*").match(self.text, end)
        before = re.compile(r",[ \t\r\n]*$").search(self.text, 0, start)
        if behind is not None:
            return _Change(left, right, "") if alone and behind.end() <= right else _Change(start, behind.end(), "")
        if self._in_flow(path):
            return _Change(before.start() if before else start, end, "")
        if not alone:
            raise CannotEdit("something else stands on its line")
        return _Change(left, right, "")

    def _in_flow(self, path: Path) -> bool:
        start, _ = self._stretch(path[:-1], False)
        return self.text[start : start + 1] in ("{", "[")

    def _line(self, start: int, end: int) -> tuple[int, int]:
        """Where the line of `start` begins, and where the next line after that of `end` does."""
        left = max(self.text.rfind("\n", 0, start), self.text.rfind("\r", 0, start)) + 1
        found = _NEWLINE.search(self.text, end)
        return left, found.end() if found else len(self.text)

    def _comment(self, edit: Edit) -> _Change:
        """One rule's name out of an ignore in a comment; where it is the only one, the whole comment."""
        start, end = self._offsets(edit.place.span())
        left, right = self._line(start, end)
        row = self.text[left:right]
        found = next((each for each in _IGNORE.finditer(row) if each.start() <= start - left < each.end()), None)
        if found is None:
            raise CannotEdit("there is no ignore")
        if len(re.findall(r"[^\s,]+", found[1])) > 1:
            word = re.compile(r"[ \t]*,?[ \t]*")
            ahead = word.match(self.text, end)
            if ahead is not None and self.text[ahead.end()] != "]":
                return _Change(start, ahead.end(), "")
            behind = re.compile(r"[ \t,]*$").search(self.text, left, start)
            return _Change(behind.start() if behind else start, end, "")
        if not row[: found.start()].strip():
            return _Change(left, right, "")
        return _Change(left + found.start(), left + found.end(), "")


def _is_plain(value: str) -> bool:
    """Whether a text needs no quotes in YAML, wherever it stands."""
    if not re.fullmatch(r"[A-Za-z_./][\w./ -]*", value) or value != value.strip():
        return False
    source, _ = parse_source("a.yaml", f"[{value}]")
    return source is not None and _same(source.data, [value])


def _expected(data: Json, edits: Sequence[Edit]) -> Json:
    """The data that the text has to say after the edits."""
    made: Any = json.loads(json.dumps(data))  # what aliases share is parted
    removed: list[tuple[Any, str | int]] = []
    try:
        for edit in edits:
            if isinstance(edit.place.source, Source):
                _put(made, edit, removed)
        for holder, last in sorted(removed, key=lambda pair: pair[1] if isinstance(pair[1], int) else 0, reverse=True):
            del holder[last]
    except (KeyError, IndexError, TypeError):
        raise CannotEdit("it does not stand in this text") from None
    return made  # type: ignore[no-any-return]


def _put(data: Any, edit: Edit, removed: list[tuple[Any, str | int]]) -> None:
    """Makes one edit in the data; what is to go is only noted, since it moves what stands behind it."""
    *around, last = edit.place.path
    holder = data
    for step in around:
        holder = holder[step]
    if edit.value is Removed:
        removed.append((holder, last))
    elif edit.place.key:
        if edit.value in holder:
            raise CannotEdit("the new name is taken")
        pairs = [(edit.value if name == last else name, value) for name, value in holder.items()]
        holder.clear()
        holder.update(pairs)
    else:
        holder[last] = edit.value


def _same(one: Json, other: Json) -> bool:
    """Whether two are equal to the kinds of their numbers and the order of their names."""
    return json.dumps(one) == json.dumps(other)

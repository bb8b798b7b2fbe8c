"""Text in which every path has a position: reading files, and what they say."""

from __future__ import annotations

import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path as FilePath
from typing import NamedTuple

from .diagnostics import Diagnostic, Path, Place, Rule, Severity, Span, Spot
from .texts.composed import RULES as TEXT_RULES
from .texts.composed import Composed, Json, Refused
from .texts.json import JsonPlaces, NotJson, compose_json
from .texts.yaml import compose_yaml

MAX_BYTES = 4 * 2**20

UNREADABLE = Rule(
    "CP101",
    "unreadable-file",
    Severity.ERROR,
    "The file cannot be read as text: it is missing, no regular file, too large, or not UTF-8.",
)
RULES = (UNREADABLE, *TEXT_RULES)


@dataclass(frozen=True)
class Source:
    """A text, what it says, and where each path of it stands; `elsewhere` are the paths that stand in other texts."""

    file: str
    text: str
    data: Json = field(compare=False)
    elsewhere: Mapping[Path, Place] = field(default_factory=dict, compare=False)

    @cached_property
    def _find(self) -> Callable[[Path, bool], Span | None]:
        try:
            return JsonPlaces(self.text).find
        except NotJson:
            spans: dict[tuple[Path, bool], Span] = {}
            compose_yaml(Composed(self.file, self.text, spans))
            return lambda path, key: spans.get((path, key))

    def at(self, path: Path, *, key: bool = False) -> Span:
        """Where a path's value (or key) stands; the nearest thing around it if the path itself is not there."""
        if key and (named := self._find(path, True)):
            return named
        while (found := self._find(path, False)) is None and path:
            path = path[:-1]
        return found or Span(1, 1, 1, 1)


class Words(NamedTuple):
    """What an author gave as an option: NAME=VALUE, or a value alone."""

    file: str
    text: str

    def at(self, path: Path, *, key: bool = False) -> Span:
        """The name for a key; else the value, whatever its path."""
        name, equals, _ = self.text.partition("=")
        start = 0 if key or not equals else len(name) + 1
        return Span(1, start + 1, 1, (len(name) if key else len(self.text)) + 1)


def read_source(file: str | FilePath) -> tuple[Source | None, list[Diagnostic]]:
    """A YAML or JSON file as a Source, with what is wrong in it; None where it cannot be read at all."""
    text, findings = read_text(file)
    return (None, findings) if text is None else parse_source(str(file), text)


def read_text(file: str | FilePath, limit: int = MAX_BYTES) -> tuple[str | None, list[Diagnostic]]:
    """A file's text, of so many bytes at most; None, with the finding that says why, where it cannot be read."""
    name = str(file)
    try:
        return _text(FilePath(file), limit), []
    except (OSError, ValueError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) and problem.strerror else str(problem)
        spot = Place(Spot(name, "", Span(1, 1, 1, 1)))
        return None, [UNREADABLE.at(spot, f'"{name}" cannot be read: {reason}')]


def _text(path: FilePath, limit: int) -> str:
    facts = path.stat()
    if not stat.S_ISREG(facts.st_mode):
        raise ValueError("it is a folder" if stat.S_ISDIR(facts.st_mode) else "it is not a regular file")
    if facts.st_size > limit:
        raise ValueError(f"it has {facts.st_size:,} bytes, over the limit of {limit:,}")
    with path.open("rb") as stream:  # what is asked for is put aside at once, and the limit is large
        raw = stream.read((facts.st_size or limit) + 1)
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
    """A YAML or JSON text as a Source, with what is wrong in it; None where nothing can be made of it."""
    try:
        data, composed = _compose(file, text)
    except Refused as refusal:
        return None, refusal.findings
    return Source(file, text, data), composed.findings


def _compose(file: str, text: str) -> tuple[Json, Composed]:
    """The data of a text. What is JSON is read as JSON: YAML's parser stops at long keys and astral characters."""
    composed = Composed(file, text)
    try:
        return compose_json(composed), composed
    except NotJson as problem:
        composed = Composed(file, text)
        if file.casefold().endswith(".json"):
            problem.refuse(composed)
    return compose_yaml(composed), composed

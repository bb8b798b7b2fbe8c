"""What can be wrong with a pipeline, where, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple, Protocol, TypeAlias

_LONGEST_NAME = 200
_CUTOFF = 0.6
_NEAR = 5

Path: TypeAlias = tuple[str | int, ...]


class Severity(StrEnum):
    """How bad a finding is: an error stops compilation, the others do not."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class Span(NamedTuple):
    """A stretch of text; lines and columns count from 1, the end is exclusive."""

    line: int
    column: int
    end_line: int
    end_column: int


class Text(Protocol):
    """Anything an author wrote that can say where a path of it stands."""

    @property
    def file(self) -> str:
        """What its author knows it by: a file, or an option."""

    @property
    def text(self) -> str:
        """All of it."""

    def at(self, path: Path, *, key: bool = False) -> Span:
        """Where a path's value, or key, stands."""


class Place(NamedTuple):
    """Where an author wrote something: a path in a text; with `key`, its name and not its value."""

    source: Text
    path: Path = ()
    key: bool = False

    def span(self) -> Span:
        """The stretch of text, found only now: places are made by the thousand, shown by the few."""
        return self.source.at(self.path, key=self.key)


class Spot(NamedTuple):
    """A text of which only one stretch is of interest, for what has no path yet."""

    file: str
    text: str
    span: Span

    def at(self, path: Path, *, key: bool = False) -> Span:
        """That one stretch, whatever the path."""
        return self.span


class Rule(NamedTuple):
    """One kind of finding; `written` is its page as it stands in the code."""

    code: str
    name: str
    severity: Severity
    written: str

    @property
    def doc(self) -> str:
        """Its page: what, why, and examples."""
        from inspect import cleandoc

        return cleandoc(self.written)

    def at(self, place: Place | None, message: str, help: str = "") -> Diagnostic:
        """A finding of this rule."""
        return Diagnostic(self, message, place, help)


class Removed:
    """What an edit has in place of a new value where what stands there is to go."""


class Edit(NamedTuple):
    """What is to stand at a place: a plain value, or for the place of a key its new name; with Removed, nothing."""

    place: Place
    value: bool | int | float | str | type[Removed]


class Fix(NamedTuple):
    """Edits that end a finding, made together or not at all; `title` says in a few words what they do.

    One is `safe` where a server does the very same afterwards, or could not run before and only one thing was meant.
    """

    edits: tuple[Edit, ...]
    safe: bool
    title: str


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding: what is wrong here, and one thing to do about it.

    `node` is the id of the node that it is about, `input` that node's input, where there is one. Ids are given anew
    on the way to a server, so that they make no two findings of one.
    """

    rule: Rule
    message: str
    place: Place | None
    help: str = ""
    node: str = field(default="", compare=False)
    input: str = field(default="", compare=False)
    fix: Fix | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class NotExamined:
    """Something a check could not look at; silence about it would read as a pass.

    `kind` is what it is: "node", "file", "value", "target" and the like. `file` is the file in which it stands, or that
    it is; `node` the id of the node.
    """

    what: str
    reason: str
    kind: str = field(default="", kw_only=True)
    file: str = field(default="", kw_only=True)
    node: str = field(default="", kw_only=True)


def in_reading_order(findings: Iterable[Diagnostic]) -> list[Diagnostic]:
    """The findings by file and position, each once."""

    def key(finding: Diagnostic) -> tuple[str, int, int, str, str]:
        if finding.place is None:
            return ("", 0, 0, finding.rule.code, finding.message)
        span = finding.place.span()
        return (finding.place.source.file, span.line, span.column, finding.rule.code, finding.message)

    found = list(findings)
    if len(found) < 2:
        return found  # where it stands need not be looked for yet
    return [pair[1] for pair in sorted({key(f): f for f in found}.items())]


def has_errors(findings: Iterable[Diagnostic]) -> bool:
    """Whether any finding stops compilation."""
    return any(finding.rule.severity is Severity.ERROR for finding in findings)


def edit_distance(left: str, right: str) -> int:
    """How many letters to insert, drop, replace or swap with their neighbour to get from one to the other."""
    before: list[int] = []
    row = list(range(len(right) + 1))
    for i, a in enumerate(left, 1):
        older, before, row = before, row, [i]
        for j, b in enumerate(right, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and a == right[j - 2] and b == left[i - 2]:
                cost = min(cost, older[j - 2] + 1)
            row.append(cost)
    return row[-1]


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known name that was probably meant, if one is near enough to say so."""
    return _nearest(word, tuple(known))


@lru_cache(maxsize=1000)
def _nearest(word: str, names: tuple[str, ...]) -> str | None:
    from difflib import SequenceMatcher  # here, since a start without a mistake does without it

    if len(word) > _LONGEST_NAME:
        return None
    word, known = word.casefold(), _known(names)
    near: list[tuple[float, str]] = []
    matcher = SequenceMatcher()
    matcher.set_seq2(word)
    # The best bounds first, so that few names need the costly look: a ratio never exceeds its bound.
    for bound, name in sorted(known.bounds(word), reverse=True):
        if len(near) == _NEAR and bound < near[-1][0]:
            break
        matcher.set_seq1(name)
        if (ratio := matcher.ratio()) >= _CUTOFF:
            near = sorted([*near, (ratio, name)], reverse=True)[:_NEAR]
    if not near:
        return None
    return known.folded[min((name for _, name in near), key=lambda name: edit_distance(word, name))]


class _Known(NamedTuple):
    """Names by their spelling in small letters, and the letters of each as bits, one for every further "a"."""

    folded: Mapping[str, str]
    bits: Mapping[tuple[str, int], int]
    letters: tuple[tuple[str, int], ...]

    def bounds(self, word: str) -> Iterator[tuple[float, str]]:
        """The names that share enough letters with a word, each with the highest ratio that these allow."""
        own = _as_bits(word, self.bits)
        for name, theirs in self.letters:
            bound = 2 * (own & theirs).bit_count() / ((len(word) + len(name)) or 1)
            if bound >= _CUTOFF:
                yield bound, name


@lru_cache(maxsize=16)
def _known(names: tuple[str, ...]) -> _Known:
    folded = {name.casefold(): name for name in reversed(names) if len(name) <= _LONGEST_NAME}
    bits: dict[tuple[str, int], int] = {}
    for name in folded:
        for each in _counted(name):
            bits.setdefault(each, len(bits))
    return _Known(folded, bits, tuple((name, _as_bits(name, bits)) for name in folded))


def _counted(word: str) -> Iterator[tuple[str, int]]:
    """The letters of a word, each with how many of it came before."""
    seen: dict[str, int] = {}
    for letter in word:
        seen[letter] = seen.get(letter, -1) + 1
        yield letter, seen[letter]


def _as_bits(word: str, bits: Mapping[tuple[str, int], int]) -> int:
    return sum(1 << bits[each] for each in _counted(word) if each in bits)


def did_you_mean(word: str, known: Iterable[str], what: str = "") -> str:
    """Help for a mistyped name: the nearest known one, else all of a short list, else nothing."""
    names = sorted(known)
    if near := nearest(word, names):
        return f'did you mean "{near}"?'
    if what and names and len(names) <= 12:
        return f"{what}: {', '.join(names)}"
    return ""

"""Patterns for paths, in the syntax of .gitignore, which decide as git does."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

_ANY_DEPTH = None  # a "**" between slashes


class Pattern(NamedTuple):
    """One line: what it was written as, what it matches, and whether it takes back what earlier ones matched.

    `segments` are what stands between the slashes; a pattern without a slash is for names at any depth.
    """

    text: str
    segments: tuple[re.Pattern[str] | None, ...]
    negated: bool = False
    folders_only: bool = False

    def matches(self, path: Sequence[str], is_folder: bool) -> bool:
        """Whether it is for just this path, given as its names from the patterns' folder down."""
        return (is_folder or not self.folders_only) and _match(self.segments, path)


class Patterns(NamedTuple):
    """Patterns of one file or setting, the last of which that matches a path decides."""

    patterns: tuple[Pattern, ...] = ()

    def deciding(self, path: Sequence[str], is_folder: bool = False) -> Pattern | None:
        """The pattern that decides on just this path, None where none is for it."""
        return next((each for each in reversed(self.patterns) if each.matches(path, is_folder)), None)

    def excluding(self, path: Sequence[str], is_folder: bool = False) -> Pattern | None:
        """The pattern by which a path, or a folder that it is in, is excluded; None where it is not.

        What lies in an excluded folder cannot be taken back.
        """
        for depth in range(1, len(path) + 1):
            found = self.deciding(path[:depth], is_folder or depth < len(path))
            if found is not None and not found.negated:
                return found
        return None


def read_patterns(lines: Iterable[str]) -> Patterns:
    """The patterns of these lines; empty ones and comments are none."""
    return Patterns(tuple(found for line in lines if (found := _read(line)) is not None))


def _read(line: str) -> Pattern | None:
    text = _without_trailing_spaces(line.rstrip("\r\n"))
    if not text or text.startswith("#"):
        return None
    negated = text.startswith("!")
    rest = text[1:] if negated else text
    folders_only = rest.endswith("/")
    rest = rest[:-1] if folders_only else rest
    if not rest and not folders_only:
        return None
    names = rest.split("/")
    if len(names) == 1:
        names = ["**", *names]
    elif not names[0]:
        names = names[1:]
    segments = tuple(_ANY_DEPTH if _is_deep(name, len(names)) else _compiled(name) for name in names)
    return Pattern(text, segments, negated, folders_only)


def _is_deep(name: str, count: int) -> bool:
    return count > 1 and len(name) > 1 and not name.strip("*")


def _without_trailing_spaces(text: str) -> str:
    """Without the spaces at its end that no backslash keeps."""
    kept = text.rstrip(" ")
    backslashes = len(kept) - len(kept.rstrip("\\"))
    return text[: len(kept) + 1] if backslashes % 2 and len(kept) < len(text) else kept


def _match(segments: Sequence[re.Pattern[str] | None], path: Sequence[str]) -> bool:
    """Whether segments match a path to its end; each name is tried once with each of them."""
    reached = {0}  # how many names may have been matched so far
    for n, segment in enumerate(segments):
        if segment is _ANY_DEPTH:
            # At the end it stands for what is in a folder, and so for one name at least.
            least = min(reached, default=len(path)) + (n == len(segments) - 1)
            reached = set(range(least, len(path) + 1))
        else:
            reached = {at + 1 for at in reached if at < len(path) and segment.fullmatch(path[at])}
    return len(path) in reached


_NOTHING = re.compile(r"(?!)")


@lru_cache(maxsize=1000)
def _compiled(name: str) -> re.Pattern[str]:
    """A pattern for one name of a path."""
    chunks = [""]  # between the stars
    at = 0
    while at < len(name):
        letter = name[at]
        at += 1
        if letter == "*":
            chunks.append("")
        elif letter == "?":
            chunks[-1] += "."
        elif letter == "[":
            found = _letters(name, at)
            if found is None:
                return _NOTHING
            letters, at = found
            chunks[-1] += letters
        elif letter == "\\":
            if at == len(name):
                return _NOTHING
            chunks[-1] += re.escape(name[at])
            at += 1
        else:
            chunks[-1] += re.escape(letter)
    first, *others = chunks
    if not others:
        return re.compile(first, re.DOTALL)
    # What a star has skipped once is not tried again: names that nearly match cost no more than others.
    middle = "".join(f"(?>.*?{chunk})" for chunk in others[:-1] if chunk)
    return re.compile(f"{first}{middle}.*{others[-1]}", re.DOTALL)


def _letters(name: str, at: int) -> tuple[str, int] | None:
    """A choice of letters in brackets that begins here, and where it ends; None where it does not."""
    negated = name[at : at + 1] in ("!", "^")
    at += negated
    parts: list[str] = []
    first = True
    while first or name[at : at + 1] != "]":
        first = False
        start, at = _letter(name, at)
        if not start:
            return None
        if name[at : at + 1] == "-" and name[at + 1 : at + 2] not in ("]", ""):
            end, at = _letter(name, at + 1)
            if not end:
                return None
            # git takes "[c-a]" for a "c".
            parts.append(f"{re.escape(start)}-{re.escape(end)}" if start <= end else re.escape(start))
        else:
            parts.append(re.escape(start))
    return f"[{'^' if negated else ''}{''.join(parts)}]", at + 1


def _letter(name: str, at: int) -> tuple[str, int]:
    at += name[at : at + 1] == "\\"
    return name[at : at + 1], at + 1

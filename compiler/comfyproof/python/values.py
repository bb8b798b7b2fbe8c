"""From Python's values to the plain data that a spec is made of."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any, SupportsIndex

from ..diagnostics import Path, Rule
from ..texts.composed import MAX_DEPTH, MAX_DIGITS, MAX_VALUES, TOO_LARGE, UNSUPPORTED_TEXT
from .calls import Mark, plain_name
from .handles import Handle, Stage, Use

_HALF = re.compile("[\ud800-\udfff]")
# What "C:\base" means in Python, without an r before it; line ends and tabs are meant.
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a value, at a path; or, with a mark, with the name that a call gives to something."""

    rule: Rule
    message: str
    path: Path = ()
    mark: Mark | None = None
    help: str = ""


@dataclass
class Values:
    """The values of one pipeline, as they come in: who wrote which, and what is wrong with them.

    Handles stay in the data until all names are known; `referred` are the numbers of the stages among them.
    """

    owner: object
    marks: dict[Path, Mark] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    referred: set[int] = field(default_factory=set)
    count: int = 0

    def put(self, value: Any, path: Path, mark: Mark) -> Any:
        """A value as plain data, remembered as written by a mark. Raises TypeError, ValueError."""
        self.marks[path] = mark
        return self._plain(value, path)

    def _plain(self, value: Any, path: Path) -> Any:
        self.count += 1
        if self.count > MAX_VALUES:
            raise ValueError(f"a pipeline holds at most {MAX_VALUES:,} values")
        if len(path) > MAX_DEPTH:
            raise ValueError(f'"{path[-1]}" nests deeper than {MAX_DEPTH} levels')
        if isinstance(value, Handle):
            return self._handle(value)
        if isinstance(value, Use):
            return self._use(value, path)
        if isinstance(value, str | PurePath):
            return self._text(value, path)
        if isinstance(value, Mapping):
            return {self._key(key, path): self._plain(inner, (*path, key)) for key, inner in value.items()}
        if isinstance(value, list | tuple):
            return [self._plain(inner, (*path, n)) for n, inner in enumerate(value)]
        return self._number(value, path)

    def _handle(self, handle: Handle) -> Handle:
        if handle.owner is not self.owner:
            raise ValueError(f'"{handle.name}" belongs to another pipeline')
        if isinstance(handle, Stage):
            self.referred.add(handle.number)
        return handle

    def _use(self, use: Use, path: Path) -> dict[str, Any]:
        self._handle(use.model)
        self.marks[path] = Mark(use.call)
        settings: dict[str, Any] = {"use": use.model.path}
        if use.strength is not None:
            settings["strength"] = self.put(use.strength, (*path, "strength"), Mark(use.call, 0))
        for argument, value in use.fields.items():
            name = plain_name(argument)
            settings[name] = self.put(value, (*path, name), Mark(use.call, argument))
        return settings

    def _text(self, value: str | PurePath, path: Path) -> str:
        # Of a text that is more than a text, such as a member of an enumeration, the text.
        text = value.as_posix() if isinstance(value, PurePath) else str.__str__(value)
        if _HALF.search(text):
            help = "write both halves of it, or the character itself"
            self.problems.append(Problem(UNSUPPORTED_TEXT, "this text holds half a character", path, help=help))
            return _HALF.sub("\ufffd", text)
        if found := _CONTROL.search(text):
            message = f"this text holds the control character U+{ord(found[0]):04X}"
            help = "write a path with /, or an r before it"
            self.problems.append(Problem(UNSUPPORTED_TEXT, message, path, help=help))
        return text

    def _key(self, key: Any, path: Path) -> str:
        if not isinstance(key, str):
            raise TypeError(f'a key of "{path[-1]}" is {key!r}, and must be text')
        return str.__str__(key)

    def _number(self, value: Any, path: Path) -> Any:
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, float):
            if math.isfinite(value):
                return float(value)
            self.problems.append(
                Problem(UNSUPPORTED_TEXT, f'"{float(value)}" is not a finite number', path, help="write a number")
            )
            return 0
        if isinstance(value, SupportsIndex):
            number = operator.index(value)
            if abs(number) < 10**MAX_DIGITS:
                return number
            self.problems.append(Problem(TOO_LARGE, f"this number has more than {MAX_DIGITS} digits", path))
            return 0
        raise TypeError(f'"{path[-1]}" is of the type {type(value).__name__}, which a pipeline cannot hold')

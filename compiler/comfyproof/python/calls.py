"""Calls in an author's Python file: which one is running, and what of it wrote which part of a pipeline."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from keyword import iskeyword
from types import CodeType, FrameType

_OWN_PACKAGE = __name__.partition(".")[0]


@dataclass(frozen=True, slots=True)
class Call:
    """A call that an author's code made: cheap to keep, since its position is found only when it is asked for."""

    code: CodeType
    instruction: int

    @property
    def file(self) -> str:
        """The file of the code, as Python names it."""
        return self.code.co_filename

    def stretch(self) -> tuple[int | None, int | None, int | None, int | None]:
        """First and last line, first and last column, as far as Python kept them."""
        positions = islice(self.code.co_positions(), self.instruction // 2, None)
        return next(positions, (None, None, None, None))


@dataclass(frozen=True, slots=True)
class Mark:
    """What wrote a part of a pipeline: an argument of a call, by name or number, else the call as a whole.

    `key` is the argument that gave the part its name; the argument's own keyword, or the function's name, where none
    did.
    """

    call: Call
    argument: str | int | None = None
    key: str | int | None = None


def running_call() -> Call:
    """The call by which an author's code came into this package."""
    frame: FrameType = sys._getframe(1)
    while frame.f_back is not None and is_ours(frame.f_globals):
        frame = frame.f_back
    return Call(frame.f_code, frame.f_lasti)


def is_ours(namespace: Mapping[str, object]) -> bool:
    """Whether a module is of this package, by the names in it."""
    return str(namespace.get("__name__", "")).partition(".")[0] == _OWN_PACKAGE


def plain_name(argument: str) -> str:
    """An argument as the language spells it: a word that Python keeps for itself is written with_ there."""
    return argument[:-1] if argument.endswith("_") and iskeyword(argument[:-1]) else argument

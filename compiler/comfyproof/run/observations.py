"""What a look at a server brings: observations, in words and as data, without what is nobody's business."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from .secrets import hidden


class State(StrEnum):
    """How things stand: fine, worth knowing, wrong, or not known."""

    OK = "ok"
    NOTE = "note"
    WRONG = "wrong"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Observation:
    """One thing that was looked at.

    `name` is what, `text` what was seen, `lines` the same in detail, `facts` for programs, and `help` one
    thing to do about it. `matters` is false where it is no loss that it is unknown.
    """

    name: str
    state: State
    text: str
    help: str = ""
    lines: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    matters: bool = True


@dataclass(frozen=True, slots=True)
class Deadlines:
    """How long to wait for what, in seconds: `nodes` and `folders` are for all of them together."""

    connect: float = 5.0
    read: float = 15.0
    nodes: float = 300.0
    folders: float = 120.0
    socket: float = 5.0


PATIENT = Deadlines()


def ok(name: str, text: str, **more: Any) -> Observation:
    """All is well."""
    return Observation(name, State.OK, text, **more)


def note(name: str, text: str, help: str = "", **more: Any) -> Observation:
    """Nothing is wrong, but it is good to know."""
    return Observation(name, State.NOTE, text, help, **more)


def wrong(name: str, text: str, help: str = "", **more: Any) -> Observation:
    """Something does not work."""
    return Observation(name, State.WRONG, text, help, **more)


def unknown(name: str, text: str, help: str = "", **more: Any) -> Observation:
    """It could not be found out."""
    return Observation(name, State.UNKNOWN, text, help, **more)


# A person's folder, with whatever leads to it, up to the person's name; names may have blanks on Windows.
_HOME = re.compile(
    r"""[^\s"'=]{0,200}?[\\/](?:home|users)[\\/](?:[^\\/"'\n]{1,64}(?=[\\/])|[^\\/\s"']{1,64})|(?<!\w)/root(?![\w-])""",
    re.IGNORECASE,
)


def without_homes(text: str) -> str:
    """The text with people's folders as ~: their names are in them."""
    return _HOME.sub("~", text)


def discreet(seen: Observation, secrets: Mapping[str, str]) -> Observation:
    """The observation without secrets and without the names of people's folders."""

    def told(value: Any) -> Any:
        if isinstance(value, str):
            return without_homes(hidden(value, secrets))
        if isinstance(value, Mapping):
            return {told(key): told(each) for key, each in value.items()}
        if isinstance(value, list | tuple):
            return [told(each) for each in value]
        return value

    lines = tuple(told(seen.lines))
    return replace(seen, text=told(seen.text), help=told(seen.help), lines=lines, facts=told(seen.facts))


def size(count: Any) -> str:
    """A number of bytes for people; empty where it is none."""
    if not isinstance(count, int | float) or isinstance(count, bool) or not 0 <= count < 2**63:
        return ""
    for unit, name in ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB")):
        if count >= unit:
            return f"{count / unit:.1f} {name}"
    return f"{count:.0f} bytes"


def counted(count: int, what: str, many: str = "") -> str:
    """A number of things, such as "1 file" and "3 files"."""
    return f"{count:,} {what if count == 1 else many or what + 's'}"


def some(names: list[str], most: int = 5) -> str:
    """The first few of some names."""
    return ", ".join(names[:most]) + (", ..." if len(names) > most else "")

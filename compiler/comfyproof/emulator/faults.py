"""The faults that the emulator can have on purpose: their names, what they do, and how they are written."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from ..diagnostics import nearest

# Where a fault of the wire can happen; /prompt means submissions alone.
ROUTES = (
    "/prompt", "/queue", "/history", "/jobs", "/view", "/upload/image", "/upload/mask", "/object_info",
    "/system_stats", "/models", "/embeddings", "/features", "/interrupt", "/free",
)  # fmt: skip
MAX_SECONDS = 86_400.0


@dataclass(frozen=True)
class Kind:
    """One kind of fault. `what` is what may stand behind its colon: ROUTE, NUMBER, SECONDS, CLASS, or nothing."""

    name: str
    what: str
    default: str
    says: str

    @property
    def form(self) -> str:
        """How it is written, with its default behind the colon."""
        return f"{self.name}[:{self.default or self.what}]" if self.what else self.name


_ROWS = (
    Kind("reset", "ROUTE", "/prompt", "the connection breaks, and nothing was done"),
    Kind("lost", "ROUTE", "/prompt", "what was asked is done, and the connection breaks instead of an answer"),
    Kind("hang", "ROUTE", "/prompt", "what was asked is done, and no answer comes"),
    Kind("404", "ROUTE", "/view", "HTTP 404 instead of an answer"),
    Kind("429", "ROUTE", "/prompt", "HTTP 429, to come again in a second"),
    Kind("500", "ROUTE", "/prompt", "HTTP 500, and nothing was done"),
    Kind("503", "ROUTE", "/prompt", "HTTP 503, as from a proxy without its server"),
    Kind("html", "ROUTE", "/prompt", "HTTP 200 with a login page instead of an answer"),
    Kind("redirect", "ROUTE", "/view", "HTTP 302 to another host's name"),
    Kind("cut", "ROUTE", "/view", "the connection breaks in the middle of the answer"),
    Kind("truncate", "ROUTE", "/history", "half of the answer, as if it were all"),
    Kind("endless", "ROUTE", "/view", "an answer that never ends"),
    Kind("ws-never", "", "", "no websocket opens"),
    Kind("ws-drop", "NUMBER", "5", "a websocket breaks after so many messages"),
    Kind("ws-silent", "NUMBER", "5", "a websocket stays open and says nothing after so many messages"),
    Kind("ws-noise", "", "", "messages come twice, among others that are no JSON or of other prompts"),
    Kind("partial", "", "", "one output of a prompt is refused, the rest runs: HTTP 200 with node_errors"),
    Kind("slow", "SECONDS", "1", "each node takes so much longer"),
    Kind("error", "CLASS", "", "a node fails; without a class the first one that runs a model"),
    Kind("oom", "CLASS", "", "the same, out of memory"),
    Kind("ansi", "CLASS", "", "the same, with a message that would take over a terminal or a CI log"),
    Kind("restart", "NUMBER", "1", "the server forgets all in the middle of the prompt of that number"),
    Kind("history-late", "NUMBER", "3", "for so many looks at /history a finished prompt is not there"),
    Kind("history-lost", "", "", "a finished prompt is never in /history"),
    Kind("blank", "", "", "what is saved is black"),
    Kind("swapped", "", "", "/view gives another picture of the same size"),
    Kind("bomb", "", "", "/view gives a small file that unpacks to 900 megapixels"),
    Kind("names", "", "", "saved files are called ../../NAME"),
)
FAULTS: Mapping[str, Kind] = {kind.name: kind for kind in _ROWS}


@dataclass(frozen=True)
class Fault:
    """A fault as it was asked for: its kind, what stands behind the colon or its default, and which time it happens."""

    kind: Kind
    what: str
    nth: int | None = None

    @property
    def number(self) -> int:
        """What stands behind the colon, where that is a NUMBER."""
        return int(self.what)

    @property
    def seconds(self) -> float:
        """What stands behind the colon, where that is SECONDS."""
        return float(self.what.removesuffix("s"))

    def __str__(self) -> str:
        what = f":{self.what}" if self.what else ""
        return f"{self.kind.name}{what}" + (f"@{self.nth}" if self.nth else "")


def parse(text: str) -> Fault:
    """A fault from FAULT[:WHAT][@N]. Raises ValueError, whose message says what is wrong with it."""
    rest, at, times = text.partition("@")
    name, colon, what = rest.partition(":")
    kind = FAULTS.get(name)
    if kind is None:
        near = nearest(name, FAULTS)
        raise ValueError(f'there is no fault "{name}"' + (f'; did you mean "{near}"?' if near else ""))
    if at and not (times.isdecimal() and 0 < int(times) < 10**9):
        raise ValueError(f'"{text}" says which time with "@{times}", which is no number from 1')
    if colon and not kind.what:
        raise ValueError(f'"{name}" takes nothing behind a colon')
    fault = Fault(kind, what if colon else kind.default, int(times) if at else None)
    if reason := _wrong(fault, written=bool(colon)):
        raise ValueError(f'"{text}" makes no sense: {reason}')
    return fault


def _wrong(fault: Fault, *, written: bool) -> str:
    """What is wrong with what stands behind the colon; nothing, where nothing is."""
    what, expected = fault.what, fault.kind.what
    if expected == "ROUTE" and what not in ROUTES:
        near = nearest(what, ROUTES)
        return f'"{what}" is not among {", ".join(ROUTES)}' + (f'; did you mean "{near}"?' if near else "")
    if expected == "NUMBER" and not (what.isdecimal() and int(what) < 10**9):
        return f'"{what}" is no number'
    if expected == "SECONDS":
        try:
            seconds = fault.seconds
        except ValueError:
            seconds = math.nan
        if not 0 <= seconds <= MAX_SECONDS:
            return f'"{what}" is no number of seconds'
    if expected == "CLASS" and written and not what:
        return "the class is missing"
    return ""

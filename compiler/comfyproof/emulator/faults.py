"""The faults that the emulator can have on purpose: their names, what they do, and how they are written."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from ..diagnostics import nearest

# Where a fault of the wire can happen; /prompt means submissions alone.
ROUTES = (
    "/prompt", "/queue", "/history", "/jobs", "/view", "/upload/image", "/upload/mask", "/object_info",
    "/system_stats", "/models", "/embeddings", "/features", "/interrupt", "/free",
)  # fmt: skip
MAX_SECONDS = 86_400.0
_TIMES = re.compile(r"(\d{1,9})(-(\d{1,9})?)?", re.ASCII)


@dataclass(frozen=True)
class Kind:
    """One kind of fault. `what` is what may stand behind its colon: ROUTE, NUMBER, SECONDS, CLASS, TEXT, or nothing."""

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
    Kind("502", "ROUTE", "/prompt", "HTTP 502, as from a proxy whose server broke off"),
    Kind("503", "ROUTE", "/prompt", "HTTP 503, as from a proxy without its server"),
    Kind("504", "ROUTE", "/prompt", "what was asked is done, and HTTP 504 comes instead of an answer"),
    Kind("retry-after", "TEXT", "soon", "HTTP 429 and 503 tell this as the time to come again"),
    Kind("html", "ROUTE", "/prompt", "HTTP 200 with a login page instead of an answer"),
    Kind("redirect", "ROUTE", "/view", "HTTP 302 to another host's name"),
    Kind("cut", "ROUTE", "/view", "the connection breaks in the middle of the answer"),
    Kind("truncate", "ROUTE", "/history", "half of the answer, as if it were all"),
    Kind("lie", "ROUTE", "/view", "the answer says that it is half as long as it is"),
    Kind("empty", "ROUTE", "/view", "HTTP 200 with an empty answer"),
    Kind("endless", "ROUTE", "/view", "an answer that never ends"),
    Kind("drip", "ROUTE", "/view", "the answer comes at a byte a second"),
    Kind("garbage", "ROUTE", "/history", "bytes that are no text instead of the answer"),
    Kind("nested", "ROUTE", "/history", "JSON that is 100,000 levels deep"),
    Kind("huge", "ROUTE", "/history", "200 MB of JSON"),
    Kind("odd", "ROUTE", "/history", "NaN, 1e400, half a surrogate and a key that comes twice in the answer's JSON"),
    Kind("flapping", "SECONDS", "1", "for so long all is well, then every connection breaks for as long, by turns"),
    Kind("ws-never", "", "", "no websocket opens"),
    Kind("ws-drop", "NUMBER", "5", "a websocket breaks after so many messages"),
    Kind("ws-silent", "NUMBER", "5", "a websocket stays open and says nothing after so many messages"),
    Kind("ws-noise", "", "", "messages come twice, among others that are no JSON or of other prompts"),
    Kind("partial", "", "", "one output of a prompt is refused, the rest runs: HTTP 200 with node_errors"),
    Kind("slow", "SECONDS", "1", "each node takes so much longer"),
    Kind("error", "CLASS", "", "a node fails; without a class the first one that runs a model"),
    Kind("oom", "CLASS", "", "the same, out of memory"),
    Kind("ansi", "CLASS", "", "the same, with a message that would take over a terminal or a CI log"),
    Kind("poison", "TEXT", "poison", "a prompt fails that has this text anywhere in it"),
    Kind("restart", "NUMBER", "1", "the server forgets all in the middle of the prompt of that number"),
    Kind("crash", "NUMBER", "1", "the process ends at once in the middle of the prompt of that number"),
    Kind("stuck", "NUMBER", "1", "the prompt of that number never ends, and cannot be interrupted"),
    Kind("again", "", "", "a prompt that has ended runs once more under its id, and its files get new names"),
    Kind("others", "NUMBER", "1", "so many prompts of somebody else come before a prompt, and after a restart"),
    Kind("upgrade", "NUMBER", "1", "after so many prompts it says that it is ComfyUI 0.99.0"),
    Kind("changed", "NUMBER", "1", "after so many prompts SaveImage needs an input more"),
    Kind("history-late", "NUMBER", "3", "for so many looks at /history a finished prompt is not there"),
    Kind("history-lost", "", "", "a finished prompt is never in /history"),
    Kind("forgetful", "NUMBER", "1", "the history keeps no more than so many prompts"),
    Kind("gone", "", "", "what a prompt saved is deleted as soon as it has ended"),
    Kind("blank", "", "", "what is saved is black"),
    Kind("small", "", "", "what is saved is half as wide and half as high"),
    Kind("more", "", "", "one picture more is saved"),
    Kind("fewer", "", "", "one picture less is saved"),
    Kind("swapped", "", "", "/view gives another picture of the same size"),
    Kind("flip", "", "", "/view gives the picture with one bit of its pixels' data flipped"),
    Kind("no-iend", "", "", "/view gives the picture without its last chunk"),
    Kind("trailing", "", "", "/view gives the picture and bytes behind its end"),
    Kind("page", "", "", "/view gives a login page, and says that it is a picture"),
    Kind("bomb", "", "", "/view gives a small file that unpacks to 900 megapixels"),
    Kind("names", "", "", "saved files are called ../../NAME"),
)
FAULTS: Mapping[str, Kind] = {kind.name: kind for kind in _ROWS}


@dataclass(frozen=True)
class Fault:
    """A fault as it was asked for: its kind, what stands behind the colon or its default, and when it happens.

    That is from the `first` to the `last` time that it could, or every time; 0 is for no end.
    """

    kind: Kind
    what: str
    first: int = 1
    last: int = 0

    def happens(self, time: int) -> bool:
        """Whether it happens the so-many-th time, counted from 1."""
        return self.first <= time and (time <= self.last or not self.last)

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
        one = self.first == self.last
        when = f"@{self.first}" + ("" if one else f"-{self.last or ''}") if (self.first, self.last) != (1, 0) else ""
        return f"{self.kind.name}{what}{when}"


def parse(text: str) -> Fault:
    """A fault from FAULT[:WHAT][@N[-[M]]]. Raises ValueError, whose message says what is wrong with it."""
    rest, at, times = text.rpartition("@") if "@" in text else (text, "", "")
    name, colon, what = rest.partition(":")
    kind = FAULTS.get(name)
    if kind is None:
        near = nearest(name, FAULTS)
        raise ValueError(f'there is no fault "{name}"' + (f'; did you mean "{near}"?' if near else ""))
    when = _TIMES.fullmatch(times) if at else None
    first = int(when[1]) if when else 1
    last = (int(when[3]) if when[3] else 0 if when[2] else first) if when else 0
    if at and not (when and 0 < first <= (last or first)):
        raise ValueError(f'"{text}" says which time with "@{times}", which is no number from 1, and no range as in 2-5')
    if colon and not kind.what:
        raise ValueError(f'"{name}" takes nothing behind a colon')
    fault = Fault(kind, what if colon else kind.default, first, last)
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
    if expected in ("CLASS", "TEXT") and written and not what:
        return f"the {expected.lower()} is missing"
    if expected == "TEXT" and not what.isprintable():
        return "the text holds what cannot be printed"
    return ""

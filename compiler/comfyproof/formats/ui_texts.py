"""What ComfyUI's editor works out in texts when it exports: comments, choices, and names in file names."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

_COMMENT = re.compile(r"/\*|//[^\n\r\u2028\u2029]*")
_BRACES = ("{", "}", "|")
_FILLED = re.compile(r"%([^%]+)%")
_UNSAFE = re.compile(r'[/?<>\\:*|"\x00-\x1f\x7f]')
_MAX_FILLED = 65_536  # no file name is that long, and one value can be asked for many thousand times
# The parts of %date:...% that ComfyUI's server can fill in itself; the others it has no word for.
_DATE = {"yyyy": "%year%", "MM": "%month%", "dd": "%day%", "hh": "%hour%", "mm": "%minute%", "ss": "%second%"}
_DATE_PART = re.compile(r"(y+|M+|d+|h+|m+|s+)")


def is_dynamic(text: str) -> bool:
    """Whether an editor would change a text with dynamic prompts on."""
    return "{" in text or "//" in text or "/*" in text or "\\" in text


def chosen(text: str) -> tuple[str, bool]:
    """A text without comments, the first of each {a|b} taken; and whether there was anything to choose from.

    A backslash at the very end comes out with "undefined" behind it, as it does from the editor.
    """
    kept, skipping = _Kept(), [False]
    choice = False
    text = _without_comments(text)
    at = 0
    while at < len(text):
        sign = text[at]
        at += 1
        if sign == "\\":
            if not skipping[-1]:
                kept.add(sign)
            sign = text[at] if at < len(text) else "undefined"
            at += 1
        elif sign == "{":
            kept.open()
            skipping.append(False)
            continue
        elif sign == "}" and len(skipping) > 1:
            skipping.pop()
            kept.close(drop=skipping[-1])
            continue
        elif sign == "|" and len(skipping) > 1:
            choice = skipping[-1] = True
            continue
        if not skipping[-1]:
            kept.add(sign)
    while len(skipping) > 1:
        skipping.pop()
        kept.close(drop=skipping[-1])
    kept.close()
    return "".join(kept.signs), choice


@dataclass(slots=True)
class _Kept:
    """What is kept of a text: its signs, where in them each open choice starts, and the braces behind backslashes.

    A brace is kept as its place and that of the next backslash that it takes.
    """

    signs: list[str] = field(default_factory=list)
    starts: list[int] = field(default_factory=lambda: [0])
    braces: list[tuple[int, int]] = field(default_factory=list)

    def add(self, sign: str) -> None:
        """One more sign."""
        if sign in _BRACES and self.signs and self.signs[-1] == "\\":
            self.braces.append((len(self.signs), len(self.signs) - 1))
        self.signs.append(sign)

    def open(self) -> None:
        """A choice starts here."""
        self.starts.append(len(self.signs))

    def close(self, *, drop: bool = False) -> None:
        """The last choice ends; each brace in it takes a backslash of it, before those of the text around it do."""
        start = self.starts.pop()
        waiting: list[tuple[int, int]] = []
        while self.braces and self.braces[-1][0] >= start:
            place, slash = self.braces.pop()
            if slash >= start:
                self.signs[slash] = ""
                slash -= 1
            if slash >= 0 and self.signs[slash] == "\\":
                waiting.append((place, slash))
        if drop:
            del self.signs[start:]
        else:
            self.braces += reversed(waiting)


def _without_comments(text: str) -> str:
    """A text without /* these */ and // those; a comment that nothing ends is none."""
    kept: list[str] = []
    at = look = 0
    last = text.rfind("*/")
    while found := _COMMENT.search(text, look):
        end = found.end()
        if found[0] == "/*":
            if last < end:
                look = found.start() + 1
                continue
            end = text.index("*/", end) + 2
        kept.append(text[at : found.start()])
        at = look = end
    return "".join((*kept, text[at:]))


def filled_in(text: str, value_of: Callable[[str, str], object]) -> tuple[str, list[str]]:
    """A file name with %Node.widget% filled in, and %date:...% said in the server's words.

    `value_of` gives the value of a node's widget by the names of both; None leaves the words as they are.
    Also gives the dates that the server has no words for, which stay.
    """
    left: list[str] = []
    room = _MAX_FILLED

    def fill(found: re.Match[str]) -> str:
        nonlocal room
        inside = found[1]
        if inside.startswith("date:"):
            said = _DATE_PART.sub(lambda part: _DATE.get(part[1], "\0"), inside.removeprefix("date:"))
            if "\0" not in said:
                return _UNSAFE.sub("_", said)
            left.append(found[0])
            return found[0]
        node, dot, widget = inside.partition(".")
        value = value_of(node, widget) if dot and "." not in widget else None
        told = None if value is None else as_text(value)
        if told is None or len(told) > room:
            return found[0]
        room -= len(told)
        return _UNSAFE.sub("_", told)

    return _FILLED.sub(fill, text), left


def as_text(value: object) -> str:
    """A value as JavaScript writes it into a text."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e21:
        return str(int(value))
    if isinstance(value, list):
        return ",".join(as_text(each) for each in value)
    return "[object Object]" if isinstance(value, dict) else str(value)

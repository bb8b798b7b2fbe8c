"""What ComfyUI's editor works out in texts when it exports: comments, choices, and names in file names."""

from __future__ import annotations

import re
from collections.abc import Callable

_COMMENT = re.compile(r"/\*.*?\*/|//[^\n\r\u2028\u2029]*", re.DOTALL)
_ESCAPED = re.compile(r"\\([{}|])")
_FILLED = re.compile(r"%([^%]+)%")
_UNSAFE = re.compile(r'[/?<>\\:*|"\x00-\x1f\x7f]')
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
    levels: list[list[str]] = [[]]  # what is kept of the text, and of each choice that is open
    skipping = [False]
    choice = False
    text = _COMMENT.sub("", text)
    at = 0
    while at < len(text):
        sign = text[at]
        at += 1
        if sign == "\\":
            sign += text[at] if at < len(text) else "undefined"
            at += 1
        elif sign == "{":
            levels.append([])
            skipping.append(False)
            continue
        elif sign == "}" and len(levels) > 1:
            _close(levels, skipping)
            continue
        elif sign == "|" and len(levels) > 1:
            choice = skipping[-1] = True
            continue
        if not skipping[-1]:
            levels[-1].append(sign)
    while len(levels) > 1:
        _close(levels, skipping)
    return _ESCAPED.sub(r"\1", "".join(levels[0])), choice


def _close(levels: list[list[str]], skipping: list[bool]) -> None:
    """Ends a choice; its backslashes are spent before those of the text around it."""
    inner = _ESCAPED.sub(r"\1", "".join(levels.pop()))
    skipping.pop()
    if not skipping[-1]:
        levels[-1].append(inner)


def filled_in(text: str, value_of: Callable[[str, str], object]) -> tuple[str, list[str]]:
    """A file name with %Node.widget% filled in, and %date:...% said in the server's words.

    `value_of` gives the value of a node's widget by the names of both; None leaves the words as they are.
    Also gives the dates that the server has no words for, which stay.
    """
    left: list[str] = []

    def fill(found: re.Match[str]) -> str:
        inside = found[1]
        if inside.startswith("date:"):
            said = _DATE_PART.sub(lambda part: _DATE.get(part[1], "\0"), inside.removeprefix("date:"))
            if "\0" not in said:
                return _UNSAFE.sub("_", said)
            left.append(found[0])
            return found[0]
        node, dot, widget = inside.partition(".")
        value = value_of(node, widget) if dot and "." not in widget else None
        return found[0] if value is None else _UNSAFE.sub("_", as_text(value))

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

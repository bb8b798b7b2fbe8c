"""Texts in which the web editor would take comments out and choose among {a|b}, written so that it does neither."""

from __future__ import annotations

import re

_SPECIAL = re.compile(r"\\+|[{}]|/[/*]+")


def escaped(text: str) -> str:
    r"""What to write into a dynamic text so that the editor exports `text` itself.

    A brace is written \{, and the second sign of // and /* as a choice of one, {/}. Only a text that
    ends in an odd number of backslashes cannot be held: the editor exports it with "undefined" at its end.
    """
    if "\\" not in text:
        return _SPECIAL.sub(lambda found: _plain(found[0]), text)
    parts: list[str] = []
    at = 0
    while found := _SPECIAL.search(text, at):
        parts.append(text[at : found.start()])
        at = found.end()
        if found[0][0] != "\\":
            parts.append(_plain(found[0]))
            continue
        after = text[at : at + 1]
        parts.append(_backslashes(len(found[0]), after))
        at += after in ("{", "}", "|") and bool(after)
        if after == "/" and len(found[0]) % 2:
            # The editor keeps a backslash with whatever follows, so the slash stands for itself.
            signs = re.match(r"/[/*]*", text[at:])
            assert signs is not None
            parts.append(_plain(signs[0]))
            at += len(signs[0])
    return "".join((*parts, text[at:]))


def holds(text: str) -> bool:
    """Whether a dynamic text can be written so that the editor exports it as it is."""
    return (len(text) - len(text.rstrip("\\"))) % 2 == 0


def _plain(signs: str) -> str:
    """A brace, or slashes and stars, none of them after a backslash."""
    if signs in ("{", "}"):
        return f"\\{signs}"
    written = signs[0]
    raw = written == "/"
    for sign in signs[1:]:
        written += f"{{{sign}}}" if raw else sign
        raw = sign == "/" and not raw
    return written


def _backslashes(count: int, after: str) -> str:
    """Some backslashes and the sign after them, where that is one that a backslash would take the meaning from.

    The editor keeps a backslash and what follows as a pair, and drops the backslash of a pair with
    a brace or bar only in the end, so that one before it falls to the brace.
    """
    if after not in ("{", "}", "|") or not after:
        return "\\" * count
    if count % 2 == 0:
        return "\\" * (count + 1) + after
    return "\\" * (count + 1) + ("{\\{}" if after == "{" else after)

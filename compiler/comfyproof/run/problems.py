"""What goes wrong between us and a server, as exceptions, and server text made safe to show."""

from __future__ import annotations

import re
import unicodedata

_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"  # colors, cursor
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"  # titles, clipboard, links
    r"|\x1b[ -/]*[0-~]?"
)
# What a CI runner takes as a command: `::error::` at the start of a line, `##[...]` and `##vso[...]` anywhere.
_COMMANDS = re.compile(r"^(:):|(#)#(?=\w*\[)")


def clean(text: object, limit: int = 500) -> str:
    """One line of a server's text without control sequences, cut to `limit` characters; empty if it is no text."""
    if isinstance(text, bytes):
        text = text[: 8 * limit].decode("utf-8", "replace")
    if isinstance(text, bool | int | float):
        text = str(text)
    if not isinstance(text, str):
        return ""
    bare = _ESCAPES.sub("", text[: 8 * limit])
    # Cf also holds the marks that turn the direction of text around.
    kept = "".join(
        " " if letter.isspace() else letter
        for letter in bare
        if letter.isspace() or unicodedata.category(letter)[0] != "C"
    )
    line = _COMMANDS.sub(r"\1\2 \1\2", " ".join(kept.split()))
    return line if len(line) <= limit else line[: limit - 1] + "…"


class ServerProblem(Exception):
    """A server did not do its part: `what` it did, and `help`, one thing to do about it."""

    def __init__(self, url: str, what: str, help: str) -> None:
        super().__init__(url, what, help)
        self.url, self.what, self.help = url, what, help

    def __str__(self) -> str:
        return f'"{self.url}" {self.what}'


class ServerUnreachable(ServerProblem):
    """No answer came, or none that is complete.

    `sent` tells that the request may have arrived all the same; `silent` that the server
    holds the connection and says nothing, as a busy one does.
    """

    def __init__(self, url: str, reason: str, help: str, *, sent: bool = False, silent: bool = False) -> None:
        super().__init__(url, f"cannot be reached: {reason}", help)
        self.sent, self.silent = sent, silent


class ServerUntrusted(ServerUnreachable):
    """Its certificate is not trusted: asking again changes nothing."""


class ServerMisbehaved(ServerProblem):
    """An answer came that a ComfyUI does not give; `status` is its HTTP status, 0 where that is not at fault.

    For `pause` seconds it wants to be left alone, it says; that may be any number, and is 0 where it says nothing.
    """

    def __init__(
        self,
        url: str,
        what: str,
        help: str = "Check that the address is a ComfyUI's.",
        status: int = 0,
        pause: float = 0.0,
    ) -> None:
        super().__init__(url, what, help)
        self.status, self.pause = status, pause

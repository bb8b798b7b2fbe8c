"""Names inside text: `${name}` is an input's value, `$$` a dollar."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from ..diagnostics import Diagnostic, Place, Rule, Severity
from ..stages.site import WRONG_KIND

MISPLACED_SECRET = Rule(
    "CP219",
    "misplaced-secret",
    Severity.ERROR,
    "A value of the environment is only put in when a prompt is sent, so that it never stands in a file. "
    "Names, prompts and settings are needed before.",
)
RULES = (MISPLACED_SECRET,)


def misplaced_secret(name: str, place: Place) -> Diagnostic:
    """The finding for a secret where none can stand; `name` begins with "env:"."""
    help = "put it into an input under nodes, which is where a server is given keys"
    return MISPLACED_SECRET.at(place, f'the secret "${{{name}}}" has no place here', help)


def file_in_text(name: str, place: Place) -> Diagnostic:
    """The finding for a file's name within a text; `name` is as it was written."""
    return WRONG_KIND.at(
        place, f'"{name}" is a file, and cannot be part of a text', "name it alone, where a file is wanted"
    )


NAME = r"[A-Za-z_][\w-]*"
WHOLE = re.compile(rf"\$({NAME})(?:\.(\w[\w -]*))?")
_DOLLAR = re.compile(r"\$\$|\$\{env:([A-Za-z_][A-Za-z0-9_]*)\}")
_INSIDE = re.compile(r"\$\$|\$\{([^{}]*)\}")


def bare_names(text: str) -> list[str]:
    """The names that stand inside a text behind a dollar alone, without braces."""
    return re.findall(rf"(?<!\$)\$({NAME})", text)


def split_secrets(text: str) -> list[str]:
    """Text and names of environment variables by turns, text first; one part where there are no `${env:NAME}`."""
    parts, at = [""], 0
    for found in _DOLLAR.finditer(text):
        if found[1]:
            parts[-1] += text[at : found.start()]
            parts += [found[1], ""]
            at = found.end()
    parts[-1] += text[at:]
    return parts


def fill_text(text: str, value_of: Callable[[str], Any]) -> str:
    """The text with the values of the names in it, as `value_of` gives them; None leaves a name as it stands."""

    def put(found: re.Match[str]) -> str:
        if found[0] == "$$":
            return "$"
        value = value_of(found[1].strip())
        return found[0] if value is None else as_text(value)

    return _INSIDE.sub(put, text)


def as_text(value: Any) -> str:
    """A value as an author would write it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return format(Decimal(repr(value)), "f").removesuffix(".0")
    return str(value)

"""Nodes on numbers and text."""

from __future__ import annotations

import json
from typing import Any

from .values import MAX_TEXT, Run, Shown, TooLarge


def _short(length: int) -> None:
    """Raises TooLarge for a text that would be longer than the emulator holds."""
    if length > MAX_TEXT:
        raise TooLarge(f"a text of {length} characters is longer than the emulator holds")


def primitive(run: Run, *, value: Any) -> tuple[Any]:
    """The value itself."""
    return (value,)


def string_concatenate(run: Run, *, string_a: str, string_b: str, delimiter: str) -> tuple[str]:
    """Two texts with something between them."""
    _short(len(string_a) + len(string_b) + len(delimiter))
    return (delimiter.join((string_a, string_b)),)


def string_replace(run: Run, *, string: str, find: str, replace: str) -> tuple[str]:
    """A text with each occurrence of another replaced."""
    _short(len(string) + string.count(find) * len(replace))
    return (string.replace(find, replace),)


def string_substring(run: Run, *, string: str, start: int, end: int) -> tuple[str]:
    """A stretch of a text."""
    return (string[start:end],)


def string_length(run: Run, *, string: str) -> tuple[int]:
    """How many characters a text has."""
    return (len(string),)


def string_trim(run: Run, *, string: str, mode: str) -> tuple[str]:
    """A text without the blanks around it."""
    trimmed = {"Left": string.lstrip, "Right": string.rstrip}.get(mode, string.strip)
    return (trimmed(),)


def case_converter(run: Run, *, string: str, mode: str) -> tuple[str]:
    """A text in capitals, in small letters, or with some capitals."""
    changed = {
        "UPPERCASE": string.upper,
        "lowercase": string.lower,
        "Capitalize": string.capitalize,
        "Title Case": string.title,
    }
    return (changed.get(mode, string.__str__)(),)


def string_contains(run: Run, *, string: str, substring: str, case_sensitive: bool) -> tuple[bool]:
    """Whether a text is part of another."""
    if not case_sensitive:
        string, substring = string.lower(), substring.lower()
    return (substring in string,)


def string_compare(run: Run, *, string_a: str, string_b: str, mode: str, case_sensitive: bool) -> tuple[bool]:
    """Whether a text begins with another, ends with it, or is the same."""
    if not case_sensitive:
        string_a, string_b = string_a.lower(), string_b.lower()
    if mode == "Equal":
        return (string_a == string_b,)
    return (string_a.startswith(string_b) if mode == "Starts With" else string_a.endswith(string_b),)


def preview_any(run: Run, *, source: Any = None) -> Shown:
    """A value as text, for the client to see: JSON where it can be, else as Python shows it."""
    if isinstance(source, str):
        text = source
    elif source is None or isinstance(source, (int, float)):
        text = str(source)
    else:
        try:
            text = json.dumps(source)
        except (TypeError, ValueError):
            text = str(source)
    return Shown({"text": [text[:100_000]]})

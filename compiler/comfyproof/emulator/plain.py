"""Nodes on numbers and text."""

from __future__ import annotations

from typing import Any

from .values import Run, Shown


def primitive(run: Run, *, value: Any) -> tuple[Any]:
    """The value itself."""
    return (value,)


def string_concatenate(run: Run, *, string_a: str, string_b: str, delimiter: str) -> tuple[str]:
    """Two texts with something between them."""
    return (delimiter.join((string_a, string_b)),)


def string_replace(run: Run, *, string: str, find: str, replace: str) -> tuple[str]:
    """A text with each occurrence of another replaced."""
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


def preview_any(run: Run, *, source: Any = None) -> Shown:
    """A value as text, for the client to see."""
    text = source if isinstance(source, str) else "None" if source is None else str(source)
    return Shown({"text": [text[:100_000]]})

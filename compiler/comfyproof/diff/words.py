"""What changed within a text, word by word."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import Literal, TypeAlias

MAX_WORDS = 1_000  # compared with each other, between what is the same at both ends; beyond it, lines are
LEAST_ALIKE = 0.3  # what two texts must have in common, for a reader to see one in the other
CONTEXT = 40  # letters shown of what is the same, on either side of a change

# A stretch of text that both texts have, or only the one before, or only the one after.
Part: TypeAlias = tuple[Literal["same", "gone", "new"], str]

_ITEMS = (re.compile(r"\w+|\s+|[^\w\s]"), re.compile(r"[^\n]*\n|[^\n]+"))


def word_changes(before: str, after: str) -> list[Part]:
    """Both texts as one row of parts; whole lines for very long ones, and the two as they are if they share little."""
    parts: list[Part] = []
    for pattern in _ITEMS:
        one, other = pattern.findall(before), pattern.findall(after)
        start = _common(one, other)
        end = _common(one[start:][::-1], other[start:][::-1])
        head, tail = "".join(one[:start]), "".join(one[len(one) - end :])
        one, other = one[start : len(one) - end], other[start : len(other) - end]
        parts = [("same", head), ("gone", "".join(one)), ("new", "".join(other)), ("same", tail)]
        if len(one) <= MAX_WORDS and len(other) <= MAX_WORDS:
            parts[1:3] = _compared(one, other)
            break
    kept = sum(len(text.strip()) for kind, text in parts if kind == "same")
    if kept < LEAST_ALIKE * max(len(before), len(after)):
        parts = [("gone", before), ("new", after)]
    return [part for part in parts if part[1]]


def shortened(parts: Sequence[Part]) -> list[Part]:
    """The parts with what is the same cut down to a few letters beside each change."""
    cut: list[Part] = []
    for n, (kind, text) in enumerate(parts):
        head = text[:CONTEXT] if n else ""
        tail = text[-CONTEXT:] if n < len(parts) - 1 else ""
        if kind == "same" and len(head) + len(tail) + len(" ... ") < len(text):
            text = " ... ".join((head, tail)).lstrip() if tail else f"{head} ..."
        cut.append((kind, text))
    return cut


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    """How many items two rows begin with in common."""
    return next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _compared(one: list[str], other: list[str]) -> list[Part]:
    found: list[Part] = []
    for kind, a, b, c, d in SequenceMatcher(None, one, other, autojunk=False).get_opcodes():
        if kind == "equal":
            found.append(("same", "".join(one[a:b])))
        else:
            found += [("gone", "".join(one[a:b])), ("new", "".join(other[c:d]))]
    return found

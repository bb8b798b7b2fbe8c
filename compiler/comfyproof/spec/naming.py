"""names: what the forms of a spec are called, as a template says, fit for a file's name on every system."""

from __future__ import annotations

import re
import unicodedata
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from ..diagnostics import Diagnostic, Place, did_you_mean
from .changes import SECTIONS, UNKNOWN_PATH, address
from .document import Document
from .dollars import as_text
from .names import Stages, stages_of
from .problems import WRONG_TYPE, WRONG_VALUE, describe

OF_A_FORM = ("row", "variant", "cell", "spec", "n")
PARTS = ("stem", "name", "suffix", "parent")
MAX_TEMPLATE = 1000
# Bytes: a file system has room for 255, and a number and a suffix follow.
MAX_NAME = 180
_FIELD = re.compile(r"\{([^{}:]*)(?::([^{}]*))?\}")
_FORMAT = re.compile(r"0?\d{0,2}(?:\.\d)?")
_NUMBER = re.compile(r"-?[0-9]{1,40}(?:\.[0-9]{1,40})?")


class Field(NamedTuple):
    """One field of a template: what it names, which part of a file's name it wants, and how numbers are written."""

    name: str
    part: str
    format: str

    def text(self, value: Any) -> str:
        """A value as it stands in a name; nothing for None."""
        if value is None:
            return ""
        if self.part:
            path = PurePosixPath(str(value).replace("\\", "/"))
            return str(path.parent if self.part == "parent" else getattr(path, self.part))
        return _written(value, self.format)


class Template(NamedTuple):
    """Text and fields, in order; `document` is the spec as it stands, whose paths they name."""

    pieces: tuple[str | Field, ...]
    document: Document


def read_names(document: Document, findings: list[Diagnostic]) -> Template | None:
    """The template that `names` says; None where it says nothing, or what cannot be."""
    text, place = document.get(("names",)), document.place(("names",))
    if text is None:
        return None
    help = "write it as {row}-{variant}-{refine.seed:04}"
    if not isinstance(text, str):
        findings.append(WRONG_TYPE.at(place, f'"names" should be text, not {describe(text)}', help))
        return None
    if not text.strip() or len(text) > MAX_TEMPLATE or set("{}") & set(_FIELD.sub("", text)):
        findings.append(WRONG_VALUE.at(place, f'"{text[:60]}" is no template for names', help))
        return None
    before, pieces, at = len(findings), [], 0
    for found in _FIELD.finditer(text):
        pieces += [text[at : found.start()], _field(document, found[1], found[2] or "", place, findings)]
        at = found.end()
    whole = tuple(piece for piece in [*pieces, text[at:]] if piece)
    return Template(whole, document) if len(findings) == before else None


def _field(document: Document, name: str, format: str, place: Place, findings: list[Diagnostic]) -> Field | None:
    if not _FORMAT.fullmatch(format):
        message = f'":{format}" is no way to write a number'
        findings.append(WRONG_VALUE.at(place, message, "write :04 for four digits, or :.2 for two after the point"))
    inputs = document.keys("inputs")
    head, _, part = name.partition(".")
    if head in inputs and part in PARTS:
        return Field(head, part, format)
    if name in (*OF_A_FORM, *inputs):
        return Field(name, "", format)
    stages = Stages(stages_of(document))
    if head in inputs or not (head in SECTIONS or stages.meant(head, place, [])):
        help = did_you_mean(name, [*OF_A_FORM, *inputs, *stages.words], "fields")
        if head in inputs:
            help = did_you_mean(part, PARTS, "parts of a file's name")
        findings.append(UNKNOWN_PATH.at(place, f'"{{{name}}}" is no field that a name can have', help))
        return None
    return Field(name, "", format) if address(document, stages, name, place, findings) else None


def _written(value: Any, format: str) -> str:
    if format and isinstance(value, str) and _NUMBER.fullmatch(value):  # tables and options hold text alone
        value = float(value) if "." in value else int(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return as_text(value)
    width, _, digits = format.partition(".")
    text = f"{value:.{digits}f}" if digits else as_text(value)
    return text.zfill(int(width)) if width.startswith("0") and len(width) > 1 else text.rjust(int(width or 0))


class Taken:
    """Names that are given once each, also on systems for which small and capital letters are the same."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}

    def distinct(self, name: str) -> str:
        """The name, numbered where another has it already; it is taken from then on."""
        free, count = name, self._counts.get(_folded(name), 0)
        while count and _folded(free := f"{name}-{count + 1}") in self._counts:
            count += 1
        self._counts[_folded(name)] = count + 1
        if free != name:
            self._counts.setdefault(_folded(free), 1)
        return free


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name.casefold())

"""use: what a spec takes over from other files, such as models that several pipelines share."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path as FilePath

from ..diagnostics import Diagnostic, Path, Place, Rule, Severity, did_you_mean
from ..source import UNREADABLE, read_source
from .document import Document
from .names import NAME_TWICE
from .problems import MISSING_FIELD, UNKNOWN_FIELD, WRONG_TYPE, describe

UNUSABLE = Rule(
    "CP218",
    "unusable-file",
    Severity.ERROR,
    "A file that a spec uses cannot be taken over: it is missing, no spec, or uses itself in a circle.",
)
RULES = (UNUSABLE,)

# Taken over name by name, or field by field; the spec's own come first.
SHARED = ("inputs", "models", "nodes", "variants", "verify", "target")
# What a file may say beside that, for use on its own.
OWN = ("comfyproof", "name", "use", "stages", "each", "matrix")
MAX_CHAIN = 16


def with_uses(document: Document, findings: list[Diagnostic]) -> tuple[Document, bool]:
    """The document with what it takes over from the files under `use`, and whether that is all of it."""
    if document.get(("use",)) is None:
        return document, True
    uses = _Uses(findings)
    merged = uses.merged(document, ())
    return merged, uses.whole


@dataclass
class _Uses:
    """Reads each file once, however many others use it."""

    findings: list[Diagnostic]
    read: dict[str, Document | None] = field(default_factory=dict)
    whole: bool = True

    def merged(self, document: Document, chain: tuple[str, ...]) -> Document:
        chain = (*chain, os.path.realpath(document.source.file))
        used = [each for path, name in self._names(document) if (each := self._used(document, path, name, chain))]
        givers: dict[Path, Document] = {}
        for each in used:
            for path in _shared(each):
                if path in givers:
                    self._twice(path, each, givers[path])
                elif document.get(path) is None and isinstance(document.get(path[:-1]), Mapping | None):
                    givers[path] = each
        for path, giver in givers.items():
            document = document.put(path, giver.get(path), giver.place(path), named=True)
        return document

    def _names(self, document: Document) -> Iterator[tuple[Path, str]]:
        names = document.get(("use",))
        for n, name in enumerate(names if isinstance(names, list) else [names]):
            path: Path = ("use", n) if isinstance(names, list) else ("use",)
            if isinstance(name, str) and name:
                yield path, name
            elif name is not None:
                message = f'"use" should name a file, and this is {describe(name)}'
                self.findings.append(WRONG_TYPE.at(document.place(path), message, "write it as use: models.yaml"))

    def _used(self, document: Document, path: Path, name: str, chain: tuple[str, ...]) -> Document | None:
        place = document.place(path)
        file = FilePath(place.source.file).parent / name
        real = os.path.realpath(file) if "\0" not in name else name
        if real in chain:
            message = f'"{name}" uses itself in a circle'
            self.findings.append(UNUSABLE.at(place, message, "move what they share into a file of its own"))
            self.whole = False
            return None
        if len(chain) >= MAX_CHAIN:
            message = f'"{name}" is used through more than {MAX_CHAIN} files'
            self.findings.append(UNUSABLE.at(place, message, "use it from nearer by"))
            self.whole = False
            return None
        if real not in self.read:
            self.read[real] = self._read(str(file), name, place, chain)
            self.whole = self.whole and self.read[real] is not None
        return self.read[real]

    def _read(self, file: str, name: str, place: Place, chain: tuple[str, ...]) -> Document | None:
        source, problems = read_source(file)
        if source is None and problems[0].rule is UNREADABLE:
            self.findings.append(
                UNUSABLE.at(place, problems[0].message, "say where it is, beginning at this file")
            )  # there is no text to point into
            return None
        self.findings += problems
        if source is None:
            return None
        document = Document(source, source.data)
        version = source.data.get("comfyproof") if isinstance(source.data, Mapping) else None
        if not isinstance(source.data, Mapping) or version != 1 or isinstance(version, bool):
            help = 'begin it with "comfyproof: 1"'
            self.findings.append(MISSING_FIELD.at(document.place(()), f'"{name}" is used by a spec, and is none', help))
            return None
        for key in source.data:
            if key not in (*SHARED, *OWN):
                help = did_you_mean(key, (*SHARED, *OWN), "fields")
                self.findings.append(UNKNOWN_FIELD.at(document.place((key,), key=True), f'unknown field "{key}"', help))
        for section in SHARED:
            if not isinstance(source.data.get(section), Mapping | None):
                message = f'"{section}" should be a mapping, not {describe(source.data[section])}'
                self.findings.append(WRONG_TYPE.at(document.place((section,)), message, "write it as name: value"))
                self.whole = False
        return self.merged(document, chain)

    def _twice(self, path: Path, later: Document, earlier: Document) -> None:
        place, first = later.place(path, key=True), earlier.place(path, key=True)
        if (place.source.file, place.path) == (first.source.file, first.path):
            return  # both have it from the same file
        where = f'"{first.source.file}" and "{place.source.file}"'
        message = f'"{path[-1]}" comes from both {where}'
        self.findings.append(NAME_TWICE.at(place, message, "say it in the spec itself, or in one of them"))


def _shared(document: Document) -> Iterator[Path]:
    """What a file gives: the names in its sections, and its stages."""
    for section in SHARED:
        yield from ((section, name) for name in document.keys(section))
    if document.get(("stages",)):
        yield ("stages",)

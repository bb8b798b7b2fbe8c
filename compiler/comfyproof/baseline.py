"""Baselines: the findings that a repository had when it was taken in, which are not reported again."""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any

from .diagnostics import Diagnostic, Place
from .selecting import is_fixed
from .source import Source

SCHEMA = "comfyproof/baseline/1"
MAX_BYTES = 64 * 2**20


class BaselineError(Exception):
    """A file is no baseline; what it says is why."""


@dataclass(frozen=True, slots=True, order=True)
class Entry:
    """One finding as a baseline knows it again: no line and no number of a list, which move when others come and go.

    `file` is seen from the baseline's folder, `at` the names on the way to the place, `message` a hash of it.
    """

    file: str
    code: str
    at: str
    message: str


@dataclass(frozen=True, slots=True)
class Held:
    """What a baseline does to findings: those it does not know, those it holds back, and its entries that are gone."""

    kept: tuple[Diagnostic, ...]
    held_back: tuple[Diagnostic, ...] = ()
    gone: tuple[Entry, ...] = ()


@dataclass(frozen=True)
class LookedAt:
    """Which files a run read to the end, and for which rules, by their codes, it looked in them."""

    files: Collection[str] = ()
    rule: Callable[[str], bool] = lambda code: True

    def of(self, entries: Iterable[Entry], folder: str) -> set[Entry]:
        """Those of these entries that would have been found again; what is in a file that is gone cannot be."""
        names = {_relative(file, folder) for file in self.files}
        asked = (each for each in entries if self.rule(each.code))
        return {each for each in asked if each.file in names or not os.path.lexists(os.path.join(folder, each.file))}


@dataclass(frozen=True)
class Baseline:
    """Findings with how often each is there, and the folder from which their files are named."""

    folder: str
    counts: Mapping[Entry, int]

    def hold(self, findings: Iterable[Diagnostic], looked_at: LookedAt) -> Held:
        """Takes out what was there before, and tells of what was looked at which of it is gone."""
        left = Counter(self.counts)
        kept, held_back = [], []
        for finding in findings:
            entry = None if is_fixed(finding.rule) else entry_of(finding, self.folder)
            if entry is not None and left[entry] > 0:
                left[entry] -= 1
                held_back.append(finding)
            else:
                kept.append(finding)
        sure = looked_at.of(left, self.folder)
        gone = (entry for entry in left.elements() if entry in sure)
        return Held(tuple(kept), tuple(held_back), tuple(sorted(gone)))

    def renewed(self, findings: Iterable[Diagnostic], looked_at: LookedAt) -> Baseline:
        """The baseline of these findings, and of those of this one that were not looked at."""
        counts = Counter(entry_of(each, self.folder) for each in findings if not is_fixed(each.rule))
        sure = looked_at.of(self.counts, self.folder)
        others = {each: count for each, count in self.counts.items() if each not in sure}
        return Baseline(self.folder, counts | Counter(others))

    def text(self) -> str:
        """The baseline as a file, the same for the same findings, one a line so that two can be merged."""
        rows = [
            json.dumps(
                {"file": each.file, "code": each.code, "at": each.at, "message": each.message}
                | ({"count": count} if count > 1 else {}),
                ensure_ascii=False,
            )
            for each, count in sorted(self.counts.items())
        ]
        inner = ",\n".join(f"    {row}" for row in rows)
        text = f'{{\n  "schema": "{SCHEMA}",\n  "findings": [\n{inner}\n  ]\n}}\n'.replace("[\n\n", "[\n")
        # A file's name may hold what is no character; written so, it is JSON again.
        return text.encode("utf-8", "backslashreplace").decode()


def empty_baseline(file: str | FilePath) -> Baseline:
    """The baseline of nothing that is to be in a file."""
    return Baseline(_folder_of(file), {})


def read_baseline(file: str | FilePath) -> Baseline:
    """The baseline in a file. Raises OSError, and BaselineError for what is none."""
    with open(file, "rb") as stream:
        raw = stream.read(MAX_BYTES + 1)
    if len(raw) > MAX_BYTES:
        raise BaselineError(f"it has more than {MAX_BYTES:,} bytes")
    try:
        document: Any = json.loads(raw)
    except (ValueError, RecursionError):
        raise BaselineError("it is not JSON") from None
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise BaselineError(f'its "schema" is not "{SCHEMA}"')
    entries = document.get("findings")
    if not isinstance(entries, list):
        raise BaselineError('it has no list "findings"')
    counts: Counter[Entry] = Counter()
    for n, each in enumerate(entries):
        parts = [each.get(name) for name in Entry.__slots__] if isinstance(each, dict) else [None]
        count = each.get("count", 1) if isinstance(each, dict) else None
        if not all(isinstance(part, str) for part in parts) or type(count) is not int or not 0 < count < 10**6:
            raise BaselineError(f"entry {n + 1} of its findings is none")
        counts[Entry(*map(str, parts))] += count
    return Baseline(_folder_of(file), counts)


def entry_of(finding: Diagnostic, folder: str) -> Entry:
    """How a baseline in a folder knows a finding."""
    hashed = hashlib.sha256(finding.message.encode(errors="surrogatepass")).hexdigest()[:16]
    if finding.place is None:
        return Entry("", finding.rule.code, "", hashed)
    file = _relative(finding.place.source.file, folder)
    return Entry(file, finding.rule.code, _steady(finding.place), hashed)


def _steady(place: Place) -> str:
    """The names on the way to a place; for a number in a list, what the item there is known by."""
    data: Any = place.source.data if isinstance(place.source, Source) else None
    names = []
    for step in place.path:
        inside = _inside(data, step)
        names.append(_known_by(inside) if isinstance(step, int) else step)
        data = inside
    return "/".join(names)


def _inside(data: Any, step: str | int) -> Any:
    if isinstance(data, dict):
        return data.get(str(step))
    return data[step] if isinstance(data, list) and isinstance(step, int) and 0 <= step < len(data) else None


def _known_by(item: Any) -> str:
    """What an item of a list is known by: a node's id, a stage's own name or kind; else nothing."""
    if not isinstance(item, dict):
        return "*"
    if isinstance(item.get("id"), int | str):
        return f"{item['id']}"
    if len(item) == 1:
        kind, fields = next(iter(item.items()))
        named = fields.get("as") if isinstance(fields, dict) else None
        return named if isinstance(named, str) else str(kind)
    return "*"


def _relative(file: str, folder: str) -> str:
    return os.path.relpath(file, folder).replace(os.sep, "/")


def _folder_of(file: str | FilePath) -> str:
    return os.path.dirname(os.path.abspath(file))

"""What was found in some files, and where that is for those who know the files only: a build, an editor."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ..diagnostics import Diagnostic, NotExamined, Span
from ..source import Words

# A workflow inside a picture, a sound or a video has its file's name with this behind it.
_PARTS = (" (prompt)", " (workflow)")


class Report(NamedTuple):
    """The findings in some files, the files that were examined, and what was not."""

    findings: Sequence[Diagnostic]
    examined: Sequence[str] = ()
    not_examined: Sequence[NotExamined] = ()


class Where(NamedTuple):
    """The file in which a finding stands, and where in it; `span` is None for the file as a whole."""

    file: str
    span: Span | None = None


def places(report: Report) -> Iterator[tuple[Diagnostic, Where | None]]:
    """Each finding with where it stands; what stands in no file is told of the first, and None where there is none."""
    examined = frozenset(report.examined)
    first = Where(report.examined[0]) if report.examined else None
    for finding in report.findings:
        place = finding.place
        if place is None or isinstance(place.source, Words):
            yield finding, first
            continue
        file = place.source.file
        whole = next((file.removesuffix(part) for part in _PARTS if file.endswith(part)), None)
        if whole is not None and whole in examined and file not in examined:
            yield finding, Where(whole)  # lines of what is inside are no lines of the file
        else:
            yield finding, Where(file, place.span())


def message(finding: Diagnostic) -> str:
    """What is wrong, with the option in which it is wrong, for who is not shown that."""
    source = finding.place.source if finding.place else None
    return f"{source.file} {source.text}: {finding.message}" if isinstance(source, Words) else finding.message


def from_here(file: str) -> str:
    """A file's path from the working folder, with forward slashes; one that lies elsewhere keeps its absolute path."""
    path = os.path.normpath(file)
    if os.path.isabs(path):
        here = os.getcwd()
        if path.startswith(os.path.join(here, "")):
            path = os.path.relpath(path, here)
    return path.replace(os.sep, "/")


def fingerprints(report: Report) -> Iterator[str]:
    """For each finding a text that stays the same when its line moves, and that no other finding has."""
    from hashlib import sha256

    seen: dict[tuple[str, str, str], int] = {}
    for finding in report.findings:
        file = from_here(finding.place.source.file) if finding.place else ""
        key = (finding.rule.code, file, message(finding))
        seen[key] = seen.get(key, 0) + 1
        yield sha256("\0".join((*key, str(seen[key]))).encode("utf-8", "surrogatepass")).hexdigest()

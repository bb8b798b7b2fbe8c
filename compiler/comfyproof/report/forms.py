"""The forms in which findings are reported, and what --report asks for."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ..diagnostics import did_you_mean
from .findings import Report


def _text(report: Report) -> str:
    from .text import render, summary

    blocks = render(report.findings)
    return (blocks and f"{blocks}\n") + summary(report.findings, report.not_examined)


def _concise(report: Report) -> str:
    from .lines import as_concise

    return as_concise(report)


def _json(report: Report) -> str:
    from .json import as_json

    return as_json(report.findings, report.examined, report.not_examined)


def _ndjson(report: Report) -> str:
    from .json import as_ndjson

    return as_ndjson(report)


def _github(report: Report) -> str:
    from .lines import as_github

    return as_github(report)


def _gitlab(report: Report) -> str:
    from .gitlab import as_gitlab

    return as_gitlab(report)


def _sarif(report: Report) -> str:
    from .sarif import as_sarif

    return as_sarif(report)


def _junit(report: Report) -> str:
    from .junit import as_junit

    return as_junit(report)


# What each form makes of a report; the libraries of a form are loaded when it is asked for.
REPORTS: Mapping[str, Callable[[Report], str]] = MappingProxyType(
    {
        "text": _text,
        "concise": _concise,
        "json": _json,
        "ndjson": _ndjson,
        "github": _github,
        "gitlab": _gitlab,
        "sarif": _sarif,
        "junit": _junit,
    }
)


class NoReport(ValueError):
    """What --report asks for cannot be; the message says why, `help` what to write instead."""

    def __init__(self, message: str, help: str) -> None:
        super().__init__(message)
        self.help = help


@dataclass(frozen=True, slots=True)
class Wanted:
    """A report to write: its form, and its file, which is "-" for standard output."""

    form: str
    file: str

    def written(self, report: Report) -> bytes:
        """What goes into the file, as UTF-8."""
        return REPORTS[self.form](report).encode()


def wanted_reports(options: Iterable[str]) -> list[Wanted]:
    """The reports that options of the form FORM:FILE ask for. Raises NoReport."""
    found: dict[str, Wanted] = {}
    for option in options:
        form, colon, file = option.partition(":")
        if form not in REPORTS:
            raise NoReport(f'there is no report "{form}"', did_you_mean(form, REPORTS, "there are"))
        if not colon or not file:
            raise NoReport(f'the report "{option}" names no file', f'write "{form}:FILE", or "{form}:-" to see it')
        key = file if file == "-" else os.path.realpath(file)
        if key in found:
            raise NoReport(f'two reports go to "{file}"', "give each a file of its own")
        found[key] = Wanted(form, file)
    return list(found.values())

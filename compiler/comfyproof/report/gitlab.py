"""Findings as GitLab shows them on a merge request: its code quality report."""

from __future__ import annotations

from ..diagnostics import Severity
from .findings import Report, fingerprints, from_here, message, places
from .json import written
from .text import clean

_SEVERITIES = {Severity.ERROR: "major", Severity.WARNING: "minor", Severity.INFO: "info"}


def as_gitlab(report: Report) -> str:
    """The findings as a code quality report, which has no words for what was not examined.

    What stands in no file, or in a file as a whole, is shown at its first line: GitLab knows nothing without one.
    """
    entries = []
    for (finding, where), fingerprint in zip(places(report), fingerprints(report), strict=True):
        rule, span, said = finding.rule, where.span if where else None, message(finding)
        entries.append(
            {
                "description": clean(f"{said}; {finding.help}" if finding.help else said),
                "check_name": f"{rule.code} {rule.name}",
                "fingerprint": fingerprint,
                "severity": _SEVERITIES[rule.severity],
                "location": {
                    "path": from_here(where.file) if where else ".",
                    "lines": {"begin": span.line, "end": span.end_line} if span else {"begin": 1},
                },
            }
        )
    return written(entries, indent=2)

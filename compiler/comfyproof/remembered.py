"""What was found in a workflow, as JSON keeps it, and back again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from .diagnostics import Diagnostic, Edit, Fix, NotExamined, Place, Removed, Rule
from .formats import broken, ui_rules, ui_scopes
from .lint import Examined
from .rules.registry import GRAPH_RULES
from .selecting import is_fixed
from .source import Source

_MOST = 100  # gaps and findings; what has more is looked at again
# What says of a gap what kind it is: of others, a value may stand in it.
_KINDS = ("file", "node")
# Findings on keys and passwords are not written anywhere.
_SECRET = "CP65"  # noqa: S105
_REMOVED = {"removed": True}


def as_entry(examined: Examined) -> dict[str, Any] | None:
    """What was found, as JSON; None for what is not to be kept, or could not be given back just so."""
    gaps, findings = examined.not_examined, examined.findings
    if not examined.readable or len(gaps) + len(findings) > _MOST or any(gap.kind not in _KINDS for gap in gaps):
        return None
    entries = [_as_finding(finding, examined) for finding in findings]
    if None in entries:
        return None
    return {"gaps": [[g.what, g.reason, g.kind, g.file, g.node] for g in gaps], "findings": entries}


def as_examined(entry: Any, file: str, content: bytes) -> Examined | None:
    """What was found in a file with this content; None for what is no such entry."""
    try:
        gaps = tuple(
            NotExamined(what, why, kind=k, file=f, node=n) for what, why, k, f, n in map(_texts, entry["gaps"])
        )
        if not entry["findings"]:
            return Examined(file, (), gaps, readable=True)
        text = content.decode("utf-8-sig")
        source = Source(file, text, json.loads(text))
        findings = tuple(_finding(each, source) for each in entry["findings"])
    except (KeyError, TypeError, ValueError, RecursionError):
        return None
    return Examined(file, findings, gaps, readable=True)


def _as_finding(finding: Diagnostic, examined: Examined) -> list[Any] | None:
    """A finding whose place, and whose fix's places, are in the one text that was read."""
    fix = finding.fix
    places = [finding.place, *(edit.place for edit in fix.edits if fix)] if fix else [finding.place]
    if is_fixed(finding.rule) or finding.rule.code.startswith(_SECRET) or finding.rule.code not in _rules():
        return None
    if not all(place is not None and any(place.source is text for text in examined.texts) for place in places):
        return None
    assert finding.place is not None
    place, about = _as_place(finding.place), [finding.node, finding.input]
    return [finding.rule.code, finding.message, place, finding.help, *about, None if fix is None else _as_fix(fix)]


def _as_place(place: Place) -> list[Any]:
    return [list(place.path), place.key]


def _as_fix(fix: Fix) -> list[Any]:
    edits = [[_as_place(edit.place), _REMOVED if edit.value is Removed else edit.value] for edit in fix.edits]
    return [edits, fix.safe, fix.title]


def _finding(entry: Any, source: Source) -> Diagnostic:
    """Raises ValueError, TypeError or KeyError for what is no finding."""
    code, message, place, help, node, input, fix = entry
    _texts([message, help, node, input])
    return Diagnostic(_rules()[code], message, _place(place, source), help, node, input, _fix(fix, source))


def _place(entry: Any, source: Source) -> Place:
    path, key = entry
    if not isinstance(path, list) or not all(type(step) in (str, int) for step in path) or type(key) is not bool:
        raise ValueError
    return Place(source, tuple(path), key)


def _fix(entry: Any, source: Source) -> Fix | None:
    if entry is None:
        return None
    edits, safe, title = entry
    _texts([title])
    made = (Edit(_place(place, source), Removed if value == _REMOVED else value) for place, value in edits)
    return Fix(tuple(made), bool(safe), title)


def _texts(entry: Any) -> list[str]:
    if not isinstance(entry, list) or not all(type(part) is str for part in entry):
        raise ValueError
    return entry


@cache
def _rules() -> Mapping[str, Rule]:
    """The rules that speak of workflows, by code."""
    reading = (*broken.RULES, *ui_rules.RULES, *ui_scopes.RULES)
    return {rule.code: rule for rule in (*reading, *(each.rule for each in GRAPH_RULES))}

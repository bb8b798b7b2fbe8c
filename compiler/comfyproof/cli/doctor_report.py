"""What doctor saw, as text for people and as a document for programs."""

from __future__ import annotations

import json
import platform
import sys
import textwrap
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from .. import __version__
from ..report.text import clean
from .exits import Exit

if TYPE_CHECKING:
    from ..run.doctor import Verdict
    from ..run.observations import Observation

_WIDTH = 100
_NAME, _STATE = 12, 8
_COLORS = {"ok": "32", "note": "36", "wrong": "31;1", "unknown": "33"}
EXITS = {
    "fine": Exit.FINE,
    "wrong": Exit.FINDINGS,
    "not examined": Exit.NOT_EXAMINED,
    "unreachable": Exit.UNREACHABLE,
}
_INDENT = " " * (_STATE + _NAME)


class Report:
    """What was seen, for people: an aligned line each, as soon as it is known."""

    def __init__(self, url: str, *, color: bool) -> None:
        self._url, self._color = url, color
        self._begun = False

    def show(self, seen: Observation) -> None:
        """Writes one observation."""
        self._begin()
        head = f"{_painted(f'{seen.state.value:{_STATE}}', _COLORS[seen.state.value], self._color)}{seen.name:{_NAME}}"
        first, *rest = _wrapped(seen.text)
        _write(f"{head}{first}")
        for line in rest:
            _write(f"{_INDENT}{line}")
        for text in (*seen.lines, *([f"help: {seen.help}"] if seen.help else [])):
            for n, line in enumerate(_wrapped(text, narrower=2)):
                _write(f"{_INDENT}{'  ' if n else ''}{line}")

    def end(self, verdict: Verdict) -> None:
        """Writes what it all comes to."""
        self._begin()
        color = {"fine": "32", "wrong": "31;1", "unreachable": "31;1"}.get(verdict.word, "33")
        _write(f"\n{_painted(clean(verdict.sentence), color, self._color)}")

    def _begin(self) -> None:
        if not self._begun:
            self._begun = True
            when = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
            _write(f"{clean(self._url)}, looked at on {when}")
            _write(f"by comfyproof {__version__}, Python {platform.python_version()} on {_system()}\n")


def _wrapped(text: str, narrower: int = 0) -> list[str]:
    width = _WIDTH - len(_INDENT) - narrower
    return textwrap.wrap(clean(text), width, break_long_words=False, break_on_hyphens=False) or [""]


def _write(line: str) -> None:
    click.echo(line)
    sys.stdout.flush()


def _painted(text: str, code: str, color: bool) -> str:
    return f"\x1b[{code}m{text}\x1b[0m" if color else text


def _system() -> str:
    return f"{platform.system() or 'an unknown system'} {platform.machine()}".rstrip()


def header(schema: str) -> dict[str, Any]:
    """What a document for programs begins with; docs/doctor.md says what is in it."""
    return {
        "schema": schema,
        "comfyproof": __version__,
        "python": platform.python_version(),
        "system": _system(),
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def examined(name: str, seen: Iterable[Observation], verdict: Verdict) -> dict[str, Any]:
    """What was seen of a server, for programs."""
    return {
        "server": name,
        "verdict": verdict.word,
        "sentence": verdict.sentence,
        "observations": [
            {
                "name": each.name,
                "state": each.state.value,
                "text": each.text,
                "lines": list(each.lines),
                "help": each.help,
                "matters": each.matters,
                "facts": dict(each.facts),
            }
            for each in seen
        ],
    }


def as_json(document: Mapping[str, Any]) -> str:
    """A document's text."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"

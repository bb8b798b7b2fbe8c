"""doctor: what a server can do, what is wrong with it, and whether it can run a spec."""

from __future__ import annotations

import json
import os
import platform
import sys
import textwrap
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from .. import __version__
from ..report.text import clean
from .exits import Exit
from .server import read_access, server_access
from .terminal import catalog_option, read_catalog_option, read_changes, spec_changes, wants_color
from .waiting import Waiting

if TYPE_CHECKING:
    from ..run.doctor import Verdict
    from ..run.observations import Observation

SCHEMA = "comfyproof/doctor/1"
_WIDTH = 100
_NAME, _STATE = 12, 8
_COLORS = {"ok": "32", "note": "36", "wrong": "31;1", "unknown": "33"}
_EXITS = {
    "fine": Exit.FINE,
    "wrong": Exit.FINDINGS,
    "not examined": Exit.NOT_EXAMINED,
    "unreachable": Exit.UNREACHABLE,
}
_INDENT = " " * (_STATE + _NAME)


@click.command("doctor")
@click.argument("arguments", nargs=-1, metavar="[URL] [SPEC]...", type=click.Path())
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="How to write what was seen.",
)
@server_access
@catalog_option
@spec_changes
def doctor_command(
    arguments: tuple[str, ...],
    form: str,
    catalog_file: str | None,
    inputs: tuple[str, ...],
    settings: tuple[str, ...],
    variant: str | None,
    **access: Any,
) -> int:
    """Say what a ComfyUI server can do and what is wrong with it, and whether it can run specs.

    Without URL, the variable COMFYPROOF_SERVER names the server. The server is only asked: nothing is queued,
    uploaded or changed. What is printed is made to be pasted into a report: it shows the address as you
    gave it, and neither values of --header and secrets nor the names of people's folders.

    Exit codes: 0 fine, 1 something is wrong or a spec does not fit, 3 something that matters could not be
    looked at, 4 no ComfyUI was reached.
    """
    from ..driver import compile_spec
    from ..run.doctor import examine, judged

    url, specs = _server_and_specs(arguments)
    allowed = read_access(**access)
    catalog = read_catalog_option(catalog_file)
    changes = read_changes(inputs, settings, variant)
    compiled = [compile_spec(spec, catalog, changes) for spec in specs]
    seen: list[Observation] = []
    report = Report(url, color=wants_color(sys.stdout))
    with Waiting("looking at ") as waiting:
        try:
            for each in examine(url, allowed, compiled, waiting.says):
                waiting.says("")
                seen.append(each)
                if form == "text":
                    report.show(each)
        except ValueError as problem:
            raise click.UsageError(str(problem)) from None
    verdict = judged(seen)
    if form == "json":
        sys.stdout.write(_as_json(url, seen, verdict))
    else:
        report.end(verdict)
    return _EXITS[verdict.word]


def _server_and_specs(arguments: Sequence[str]) -> tuple[str, Sequence[str]]:
    """The server's address, given first or by the environment, and the specs. Raises click.UsageError."""
    named = os.environ.get("COMFYPROOF_SERVER", "")
    if arguments and (not named or "://" in arguments[0]):
        return arguments[0], arguments[1:]
    if not named:
        raise click.UsageError("Name the server, as in: comfyproof doctor http://127.0.0.1:8188")
    return named, arguments


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


def _as_json(url: str, seen: Iterable[Observation], verdict: Verdict) -> str:
    """What was seen, for programs; docs/doctor.md says what is in it."""
    document = {
        "schema": SCHEMA,
        "comfyproof": __version__,
        "python": platform.python_version(),
        "system": _system(),
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "server": url,
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
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"

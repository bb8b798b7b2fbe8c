"""run: one picture, from a spec to a proof."""

from __future__ import annotations

import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .exits import Exit
from .terminal import (
    catalog_option,
    read_catalog_option,
    read_changes,
    show,
    show_summary,
    spec_changes,
    stop,
    wants_color,
)

if TYPE_CHECKING:
    from ..driver import Program
    from ..run.job import Run


@click.command("run")
@click.argument("spec")
@click.option(
    "--server",
    metavar="URL",
    envvar="COMFYPROOF_SERVER",
    show_envvar=True,
    help="A ComfyUI server; the emulator on this machine, unless given.",
)
@click.option(
    "--out",
    "out",
    metavar="FOLDER",
    default="out",
    show_default=True,
    help="Where to keep the pictures; every run gets a folder of its own in it.",
)
@click.option(
    "--timeout",
    metavar="SECONDS",
    type=click.FloatRange(min=1),
    default=6 * 3600.0,
    help="How long the job may take.  [default: 6 hours]",
)
@catalog_option
@spec_changes
def run_command(
    spec: str,
    server: str | None,
    out: str,
    timeout: float,
    catalog_file: str | None,
    inputs: tuple[str, ...],
    settings: tuple[str, ...],
    variant: str | None,
) -> int:
    """Run a spec on a server, and prove that the pictures are what it promises.

    Prints the paths of the pictures. Beside them lies run.json, the record of the run.
    """
    from ..driver import compile_spec
    from ..spec.inputs import MISSING_FILE

    compiled = compile_spec(spec, read_catalog_option(catalog_file), read_changes(inputs, settings, variant))
    # A file that is not there is said again, as an error, before anything is sent.
    show([finding for finding in compiled.findings if finding.rule is not MISSING_FILE], sys.stderr)
    if compiled.program is None:
        show_summary(compiled.findings, compiled.not_examined, sys.stderr)
        return Exit.FINDINGS if compiled.readable else Exit.NOT_EXAMINED
    with _server(server) as url:
        return _run(compiled.program, url, Path(out), timeout, emulated=server is None)


@contextmanager
def _server(url: str | None) -> Iterator[str]:
    """The server to run on: the one given, or an emulator for as long as the run takes."""
    if url is not None:
        yield url
        return
    from ..catalog.pinned import built_in
    from ..emulator.embedded import BRIEFLY, Emulator

    with (
        tempfile.TemporaryDirectory(prefix="comfyproof-") as folder,
        Emulator(Path(folder), catalog=built_in()) as started,
    ):
        click.echo(BRIEFLY, err=True)
        yield started.url


def _run(program: Program, url: str, out: Path, timeout: float, *, emulated: bool) -> int:
    from ..run.client import Client
    from ..run.execute import execute, new_run
    from ..run.problems import ServerProblem
    from ..run.waiting import Timeouts
    from .progress import Progress

    try:
        client = Client(url, timeouts=Timeouts(job=timeout))
    except ValueError as problem:
        raise click.UsageError(str(problem)) from None
    # As Ctrl-C: the prompt is withdrawn from the server, and the run is recorded.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    run = new_run(program, client)
    try:
        with client, Progress(program.spec, program.graph) as progress:
            execute(run, client, out, progress.tell)
    except ServerProblem as problem:
        _tell_what_is_left(run)
        stop(Exit.UNREACHABLE, str(problem), problem.help)
    except KeyboardInterrupt:
        _tell_what_is_left(run)
        stop(Exit.INTERRUPTED, "interrupted" + ("; the prompt is withdrawn from the server" if run.withdrawn else ""))
    except OSError as problem:
        _tell_what_is_left(run)
        where = f'"{problem.filename}": ' if problem.filename else ""
        stop(Exit.DISK, f"{where}{problem.strerror or problem}", "" if emulated else _where_pictures_are(run))
    return _report(run)


def _tell_what_is_left(run: Run) -> None:
    """What a run that was cut short has won, and where its record is."""
    for picture in run.pictures:
        click.echo(picture.path)
    if run.record:
        click.echo(f"the record is {run.record}", err=True)


def _where_pictures_are(run: Run) -> str:
    if run.verdict == "unfinished":
        return ""
    return f'the pictures of prompt "{run.prompt_id}" are still on {run.server}'


def _report(run: Run) -> int:
    from ..diagnostics import in_reading_order
    from ..report.text import unexamined
    from .progress import show_checks

    show(in_reading_order(run.findings), sys.stderr)
    if run.pictures:
        show_checks(run)
    sys.stderr.write(unexamined(run.not_examined, color=wants_color(sys.stderr)))
    for picture in run.pictures:
        click.echo(picture.path)
    if not run.good:
        click.echo(f"{run.verdict}; the record is {run.record}" if run.record else run.verdict, err=True)
    if run.verdict == "not fully examined":
        return Exit.NOT_EXAMINED
    return Exit.FINE if run.good else Exit.FINDINGS

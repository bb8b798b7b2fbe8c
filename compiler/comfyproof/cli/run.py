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

    compiled = compile_spec(spec, read_catalog_option(catalog_file), read_changes(inputs, settings, variant))
    show(compiled.findings, sys.stderr)
    if compiled.program is None:
        show_summary(compiled.findings, compiled.not_examined, sys.stderr)
        return Exit.FINDINGS if compiled.readable else Exit.NOT_EXAMINED
    with _server(server) as url:
        return _run(compiled.program, url, Path(out), timeout)


@contextmanager
def _server(url: str | None) -> Iterator[str]:
    """The server to run on: the one given, or an emulator for as long as the run takes."""
    if url is not None:
        yield url
        return
    from ..catalog.pinned import built_in
    from ..emulator.embedded import Emulator

    with tempfile.TemporaryDirectory(prefix="comfyproof-") as folder:
        emulator = Emulator(Path(folder), catalog=built_in())
        with emulator as started:
            click.echo(emulator.describe(), err=True)
            yield started.url


def _run(program: Program, url: str, out: Path, timeout: float) -> int:
    from ..run.client import Client
    from ..run.execute import execute
    from ..run.problems import ServerProblem
    from ..run.waiting import Timeouts
    from .progress import Progress

    try:
        client = Client(url, timeouts=Timeouts(job=timeout))
    except ValueError as problem:
        raise click.UsageError(str(problem)) from None
    # As Ctrl-C: the prompt is withdrawn from the server, and the run is recorded.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with client, Progress(program.spec, program.graph) as progress:
        try:
            run = execute(program, client, out, progress.tell)
        except ServerProblem as problem:
            progress.stop()
            stop(Exit.UNREACHABLE, str(problem), problem.help)
    return _report(run)


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
    return Exit.FINE if run.good else Exit.FINDINGS

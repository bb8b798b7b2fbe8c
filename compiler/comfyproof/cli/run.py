"""run: one picture, from a spec to a proof."""

from __future__ import annotations

import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .exits import Exit
from .server import open_client, read_access, server_access
from .terminal import (
    catalog_option,
    read_catalog_option,
    read_changes,
    show,
    show_summary,
    show_work,
    spec_changes,
    stop,
    wants_color,
)

if TYPE_CHECKING:
    from ..diagnostics import Diagnostic
    from ..driver import Program
    from ..run.client import Client
    from ..run.execute import Told
    from ..run.job import Run

_SLOW = 2.0  # seconds


@click.command("run")
@click.argument("spec", type=click.Path())
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
    type=click.Path(),
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
@server_access
@catalog_option
@spec_changes
def run_command(
    spec: str,
    server: str | None,
    out: str,
    timeout: float,
    headers: tuple[str, ...],
    certificate: str | None,
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

    access = read_access(headers, certificate)
    compiled = compile_spec(spec, read_catalog_option(catalog_file), read_changes(inputs, settings, variant))
    # A file that is not there is said again, as an error, before anything is sent.
    shown = [finding for finding in compiled.findings if finding.rule is not MISSING_FILE]
    show_work(shown, sys.stderr)
    if compiled.program is None:
        show_summary(compiled.findings, compiled.not_examined, sys.stderr)
        return Exit.FINDINGS if compiled.readable else Exit.NOT_EXAMINED
    with _server(server) as url, open_client(url, access, timeout) as client:
        return _run(compiled.program, client, Path(out), shown, emulated=server is None)


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


def _run(program: Program, client: Client, out: Path, shown: list[Diagnostic], *, emulated: bool) -> int:
    from ..run.execute import execute, new_run
    from ..run.problems import ServerProblem
    from .progress import Progress

    # As Ctrl-C: the prompt is withdrawn from the server, and the run is recorded.
    for sign in (signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])):
        if signal.getsignal(sign) is not signal.SIG_IGN:  # as under nohup
            signal.signal(sign, signal.default_int_handler)
    run = new_run(program, client)
    try:
        with Progress(program.spec, program.graph) as progress, _told_if_slow(progress.tell) as tell:
            execute(run, client, out, tell)
    except ServerProblem as problem:
        _tell_what_is_left(run)
        stop(Exit.UNREACHABLE, str(problem), problem.help)
    except KeyboardInterrupt:
        _tell_what_is_left(run)
        stop(Exit.INTERRUPTED, "interrupted" + _what_of_the_prompt(run))
    except OSError as problem:
        _tell_what_is_left(run)
        where = f'"{problem.filename}": ' if problem.filename else ""
        stop(Exit.DISK, f"{where}{problem.strerror or problem}", "" if emulated else _where_pictures_are(run))
    return _report(run, shown)


@contextmanager
def _told_if_slow(tell: Callable[[Told], None]) -> Iterator[Callable[[Told], None]]:
    """Hears the same, and says what is waited for where a server takes long over the preparations."""
    from ..run.execute import Phase

    message = "waiting for the server; one with many node packs takes minutes to describe its nodes"
    timer = threading.Timer(_SLOW, click.echo, (message,), {"err": True})
    timer.daemon = True

    def telling(told: Told) -> None:
        if isinstance(told, Phase):
            timer.start() if told.name == "prepare" else timer.cancel()
        tell(told)

    try:
        yield telling
    finally:
        timer.cancel()


def _tell_what_is_left(run: Run) -> None:
    """What a run that was cut short has won, and where its record is."""
    _print_paths(run)
    if run.record:
        click.echo(f"the record is {run.record}", err=True)


def _print_paths(run: Run) -> None:
    with suppress(BrokenPipeError):  # to whoever still listens, the exit code tells the rest
        for picture in run.pictures:
            click.echo(picture.path)


def _what_of_the_prompt(run: Run) -> str:
    """What became of a prompt that nobody waits for any more."""
    if run.withdrawn:
        return "; the prompt is withdrawn from the server"
    if "fetch" in run.seconds:
        return f'; what prompt "{run.prompt_id}" made is still on {run.server}'
    return f'; prompt "{run.prompt_id}" may still run on {run.server}' if run.verdict == "interrupted" else ""


def _where_pictures_are(run: Run) -> str:
    if run.verdict == "unfinished":
        return ""
    return f'the pictures of prompt "{run.prompt_id}" are still on {run.server}'


def _report(run: Run, shown: list[Diagnostic]) -> int:
    from ..diagnostics import in_reading_order
    from ..report.text import unexamined
    from .progress import show_checks

    show([finding for finding in in_reading_order(run.findings) if finding not in shown], sys.stderr)
    if run.pictures:
        show_checks(run)
    sys.stderr.write(unexamined(run.not_examined, color=wants_color(sys.stderr)))
    _print_paths(run)
    if not run.good:
        click.echo(f"{run.verdict}; the record is {run.record}" if run.record else run.verdict, err=True)
    if run.verdict == "not fully examined":
        return Exit.NOT_EXAMINED
    return Exit.FINE if run.good else Exit.FINDINGS

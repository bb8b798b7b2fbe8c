"""batch start: plans the jobs of a spec, runs them on the servers, and goes on where it was ended."""

from __future__ import annotations

import shlex
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple

import click

from .exits import Exit
from .server import read_servers, server_access, servers_option
from .terminal import catalog_option, read_catalog_option, read_changes, show_work, spec_changes, stop, wants_color

if TYPE_CHECKING:
    from ..batch.coordinator import Coordinator
    from ..batch.folder import BatchFolder
    from ..batch.identities import Identities
    from ..batch.jobs import Jobs
    from ..catalog.pinned import Catalog
    from ..fleet.servers import Server
    from ..spec.pipeline import Changes

ASKED_ABOVE = 1_000
MAX_JOBS = 200_000


class _Start(click.Command):
    """Says what is meant where a shell has put many files in place of a pattern."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        patterns = "--inputs" in args
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as problem:
            if patterns and "unexpected extra argument" in problem.message:
                message = "--inputs takes one pattern: put it in quotes, as in --inputs 'photos/*.png'"
                raise click.UsageError(message, ctx) from None
            raise


@click.command("start", cls=_Start, short_help="Run every form of SPEC, or go on with it.")
@click.argument("spec", type=click.Path())
@click.option(
    "--inputs",
    "patterns",
    metavar="[NAME=]PATTERN",
    multiple=True,
    help="Files to run the spec over, as in --inputs 'photos/*.png'.",
)
@servers_option
@click.option(
    "--out",
    type=click.Path(),
    metavar="FOLDER",
    default="out/batch",
    show_default=True,
    help="Where to keep the pictures; the same folder goes on with the same batch.",
)
@click.option("--name", "names", metavar="TEMPLATE", help="What to call the pictures, as in '{image.stem}-{variant}'.")
@click.option(
    "--ledger", metavar="URL", help="A PostgreSQL database, for several coordinators; SQLite in --out, unless given."
)
@click.option(
    "--models",
    metavar="FOLDER",
    type=click.Path(),
    help="A ComfyUI models folder: a job is another where a file in it has changed. Of names alone nobody can tell.",
)
@click.option("--fuse", is_flag=True, help="Run forms that share work as one prompt, where memory allows.")
@click.option("--dry-run", is_flag=True, help="Say what there is to do, and do nothing.")
@click.option("--save-plan", "plan_out", metavar="FILE", help="Write the plan to a file, and do nothing.")
@click.option("--plan", "plan_in", metavar="FILE", help="Do exactly what a saved plan says, or refuse.")
@click.option("--detailed-exitcode", is_flag=True, help="With --dry-run: 2 where there is something to do.")
@click.option("--yes", is_flag=True, help=f"Do not ask before a batch of more than {ASKED_ABOVE:,} jobs.")
@click.option(
    "--timeout",
    metavar="SECONDS",
    type=click.FloatRange(min=1),
    default=6 * 3600.0,
    help="How long a job may take.  [default: 6 hours]",
)
@click.option(
    "--patience",
    metavar="SECONDS",
    type=click.FloatRange(min=0),
    default=60.0,
    show_default=True,
    help="How long jobs stay with a server that is away.",
)
@click.option(
    "--wait",
    metavar="SECONDS",
    type=click.FloatRange(min=0),
    default=300.0,
    show_default=True,
    help="How long to wait where all servers are away.",
)
@click.option("--allow-drift", is_flag=True, help="Go on with a server that is updated meanwhile.")
@click.option("--events", metavar="FILE", help="Write what happens as NDJSON, for other programs; - is stdout.")
@click.option("--then", metavar="COMMAND", help="Run this at the end; the environment tells it how it went.")
@server_access
@catalog_option
@spec_changes
def start_command(
    spec: str,
    patterns: tuple[str, ...],
    servers: tuple[str, ...],
    out: str,
    names: str | None,
    ledger: str | None,
    models: str | None,
    fuse: bool,
    dry_run: bool,
    plan_out: str | None,
    plan_in: str | None,
    detailed_exitcode: bool,
    yes: bool,
    timeout: float,
    patience: float,
    wait: float,
    allow_drift: bool,
    events: str | None,
    then: str | None,
    headers: tuple[str, ...],
    certificate: str | None,
    catalog_file: str | None,
    inputs: tuple[str, ...],
    settings: tuple[str, ...],
    variant: str | None,
) -> int:
    """Run every row, variant and matrix cell of SPEC, and prove the pictures; go on where it was ended.

    A job that is done is not done again: the same command continues after whatever ended it. Ctrl-C finishes what
    runs; a second one leaves it to be found again.
    """
    from ..batch.coordinator import Coordinator, Terms
    from ..batch.folder import BatchFolder
    from ..fleet.needs import classes_of
    from ..fleet.placement import Placement
    from ..fleet.survey import survey

    changes = read_changes(inputs, settings, variant)
    jobs = _read_jobs(spec, read_catalog_option(catalog_file), changes, patterns, names, _models(models, out))
    if isinstance(jobs, Exit):
        return jobs
    ledger_url = _ledger(ledger, BatchFolder(Path(out)))
    intent = _Intent(dry_run or plan_out is not None, detailed_exitcode, plan_out, plan_in, yes)
    with ExitStack() as stack:
        fleet = stack.enter_context(_fleet(servers, headers, certificate))
        also = stack.enter_context(_events(events))
        seen = survey(fleet, classes_of({needs for needs, _ in jobs.sorts}))
        placement = Placement(seen, jobs.variants.catalog)
        terms = Terms(patience, wait, timeout, allow_drift)
        coordinator = Coordinator(
            BatchFolder(Path(out)),
            jobs,
            fleet,
            terms,
            placement,
            ledger_url,
            also,
            fuse=fuse,
            dry=dry_run and not plan_out,
        )
        code = _planned_and_run(coordinator, intent)
    if then and not intent.looks_only:
        _run_then(then, out, code, sys.stderr if events == "-" else None)
    return code


class _Intent(NamedTuple):
    """What is wanted besides running: only to look, a plan to write or to keep to, and not to be asked."""

    looks_only: bool
    detailed: bool
    plan_out: str | None
    plan_in: str | None
    yes: bool


def _read_jobs(
    spec: str,
    catalog: Catalog,
    changes: Changes,
    patterns: tuple[str, ...],
    names: str | None,
    models: Identities,
) -> Jobs | Exit:
    """The jobs of a spec; or the code to exit with where it is not sound, after saying why."""
    from ..batch.jobs import Jobs
    from ..diagnostics import in_reading_order
    from ..report.text import unexamined
    from ..spec.forms import count_forms
    from ..variants import read_variants
    from .waiting import Counting

    variants = read_variants(spec, catalog, changes, inputs=patterns, names=names)
    if variants.problems:
        show_work(variants.problems, sys.stderr)
        return Exit.FINDINGS
    if variants.base.spec is None or variants.base.program is None:
        from .compile import told

        return told(variants.base)
    count = count_forms(variants.base.spec, changes, MAX_JOBS)
    click.echo(str(count), err=True)
    if count.total > MAX_JOBS:
        stop(Exit.USAGE, f"that is over the limit of {MAX_JOBS:,}", "part the spec into several batches")
    jobs = Jobs(variants, models)
    with Counting("compiling") as counting:
        jobs.read(lambda done: counting.says(done, count.total))
    show_work(in_reading_order(jobs.findings), sys.stderr)
    if jobs.broken:
        few = ", ".join(f'"{name}"' for name in jobs.broken[:5]) + (", ..." if len(jobs.broken) > 5 else "")
        count_of = f"{len(jobs.broken):,} of {count.total:,}"
        stop(Exit.FINDINGS, f"{count_of} do not compile: {few}", "mend them, or leave them out")
    sys.stderr.write(unexamined(tuple(jobs.not_examined), color=wants_color(sys.stderr)))
    return jobs


def _models(folder: str | None, out: str) -> Identities:
    """Which model files are meant, as far as that can be read here."""
    from ..batch.folder import BatchFolder
    from ..batch.identities import Identities
    from ..weights.folders import BadTree, read_tree

    try:
        tree = read_tree(folder) if folder else None
    except BadTree as problem:
        raise click.UsageError(str(problem)) from None
    remembered = BatchFolder(Path(out)).own / "models.json"
    return Identities(tree, remembered, lambda name: click.echo(f"reading {name}", err=True))


def _ledger(given: str | None, folder: BatchFolder) -> str:
    """The ledger of a batch, as it was when it began; empty for SQLite in its folder."""
    from ..batch.folder import NoBatch
    from .batch_folder import postgresql, same_ledger

    try:
        before = str(folder.about().get("ledger") or "")
    except NoBatch:
        return postgresql(given or "")  # whether there can be one is for whoever makes it to say
    if given and not same_ledger(given, before):
        was = "in PostgreSQL, in another database" if before else "in the folder itself"
        help = "leave out --ledger, or choose another --out"
        stop(Exit.USAGE, f'the ledger of the batch in "{folder.out}" is {was}', help)
    return postgresql(given or before)


@contextmanager
def _fleet(wanted: tuple[str, ...], headers: tuple[str, ...], certificate: str | None) -> Iterator[tuple[Server, ...]]:
    """The servers that are wanted, or an emulator for as long as the batch takes where there are none."""
    import os

    from ..fleet.servers import SERVER, Server
    from .selection import read_settings_here

    if wanted or os.environ.get(SERVER) or read_settings_here({}).servers:
        yield read_servers(wanted, headers, certificate)
        return
    from ..catalog.pinned import built_in
    from ..emulator.embedded import BRIEFLY, Emulator

    with (
        tempfile.TemporaryDirectory(prefix="comfyproof-") as folder,
        Emulator(Path(folder), catalog=built_in()) as started,
    ):
        click.echo(BRIEFLY, err=True)
        yield (Server("emulator", started.url),)


@contextmanager
def _events(file: str | None) -> Iterator[Callable[[str], None] | None]:
    """Where events go besides the log of the batch."""
    if file is None:
        yield None
        return
    with ExitStack() as stack:
        stream: IO[str] = sys.stdout if file == "-" else stack.enter_context(open(file, "a", encoding="utf-8"))

        def write(line: str) -> None:
            with suppress(OSError, ValueError):  # who listens may go away; the batch goes on
                stream.write(line)
                stream.flush()

        yield write


def _planned_and_run(coordinator: Coordinator, intent: _Intent) -> int:
    """Shows what there is to do, does it unless only that was asked for, and says how it went."""
    from ..batch.coordinator import exit_of
    from ..batch.folder import Locked, NoBatch
    from ..batch.ledger import LedgerProblem
    from ..batch.plan import CACHED
    from .batch_plan import agreed
    from .batch_progress import BatchProgress, show_end

    try:
        with coordinator:
            plan = agreed(coordinator, intent.plan_out, intent.plan_in, yes=intent.yes, looks=intent.looks_only)
            if intent.looks_only:
                return Exit.USAGE if intent.detailed and not plan.idle else Exit.FINE
            done = plan.counts()[CACHED]
            with BatchProgress(len(plan.jobs), done) as progress, _stoppable(coordinator, progress.say):
                coordinator.tell = progress.tell
                ended = coordinator.run()
            show_end(coordinator, ended)
    except Locked as problem:
        stop(Exit.LOCKED, str(problem), "wait until it is done, or stop it")
    except NoBatch as problem:
        stop(Exit.DISK, str(problem), "choose another --out")
    except LedgerProblem as problem:
        stop(Exit.DISK, problem.what, problem.help)
    return exit_of(ended)


@contextmanager
def _stoppable(coordinator: Coordinator, say: Callable[[str], None]) -> Iterator[None]:
    """While it lasts, a sign to stop finishes what runs, and a second one leaves it."""

    def asked(sign: int, frame: object) -> None:
        coordinator.signs += 1
        words = "finishing what runs; once more leaves it" if coordinator.signs == 1 else "leaving it"
        say(f"stopping: {words}")

    signs = [signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]
    before = {sign: signal.signal(sign, asked) for sign in signs if signal.getsignal(sign) is not signal.SIG_IGN}
    try:
        yield
    finally:
        for sign, handler in before.items():
            signal.signal(sign, handler)


def _run_then(command: str, out: str, code: int, stdout: IO[str] | None) -> None:
    """Runs what is to be run at the end; its words stay out of a stdout that has events."""
    import os

    told = {"COMFYPROOF_BATCH": out, "COMFYPROOF_EXIT": str(int(code))}
    try:
        environment = {**os.environ, **told}
        done = subprocess.run(  # noqa: S603 - its user wrote it
            shlex.split(command), env=environment, stdout=stdout, check=False
        )
    except (OSError, ValueError) as problem:
        click.echo(f'warning: "{command}" cannot be run: {problem}', err=True)
        return
    if done.returncode:
        click.echo(f'warning: "{command}" ended with code {done.returncode}', err=True)

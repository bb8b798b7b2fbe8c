"""batch retry, cancel, verify and gc: what is done to a batch beside running it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..report.text import clean
from .batch_folder import Batch, batch_folder, opened
from .exits import Exit
from .server import read_servers, server_access
from .terminal import stop
from .waiting import Counting

if TYPE_CHECKING:
    from ..batch.ledger import Row
    from ..batch.upkeep import Examined, Leftover, Withdrawal

_SHOWN = 20


@click.command("retry", short_help="Have failed or cancelled jobs run again.")
@batch_folder
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--failed", is_flag=True, help="All jobs that failed.")
@click.option("--cancelled", is_flag=True, help="All jobs that were cancelled.")
def retry_command(folder: str, ledger_url: str | None, names: tuple[str, ...], failed: bool, cancelled: bool) -> int:
    """Have jobs that failed or were cancelled run again, by whoever works on the batch next.

    A NAME is that of a picture, or a pattern such as 'portrait-*'.
    """
    if not names and not failed and not cancelled:
        raise click.UsageError("say which jobs: --failed, --cancelled, or names")
    states = [state for state, wanted in (("failed", failed), ("cancelled", cancelled)) if wanted]
    with opened(folder, ledger_url, writes=True) as batch:
        batch.lock()
        again = {row.key: row for row in _rows(batch, ("failed", "cancelled"), names)} if names else {}
        if states:
            again.update({row.key: row for row in _rows(batch, states, ())})
        batch.ledger.retry(list(again))
        click.echo(f"{_jobs(len(again))} will be run again" if again else "there is nothing to run again")
        if again:
            click.echo("  help: give the command that started the batch", err=True)
    return Exit.FINE


@click.command("cancel", short_help="Cancel what is not done, or some jobs.")
@batch_folder
@click.argument("names", nargs=-1, metavar="[NAME]...")
@server_access
def cancel_command(
    folder: str, ledger_url: str | None, names: tuple[str, ...], headers: tuple[str, ...], certificate: str | None
) -> int:
    """Cancel what is not done, or the jobs of these names; what servers have of them already is withdrawn.

    A NAME is that of a picture, or a pattern such as 'portrait-*'. If somebody works on the batch, word is left there:
    what has not begun is cancelled, and what runs is finished.
    """
    from ..batch.folder import Locked
    from ..batch.upkeep import ask_to_cancel, cancel

    with opened(folder, ledger_url, writes=True) as batch:
        rows = _rows(batch, ("todo", "claimed", "failed") if names else ("todo", "claimed"), names)
        try:
            batch.lock(alone=True)
        except Locked:
            ask_to_cancel(batch.folder, _meant(batch, rows) if names else ("*",))
            click.echo("whoever works on the batch is asked to cancel them" if names else "the batch is asked to stop")
            return Exit.FINE
        withdrawn = cancel(batch.ledger, batch.id, rows)
        _log_cancelled(batch, rows)
        click.echo(f"{_jobs(len(rows))} cancelled" if rows else "there is nothing to cancel")
    return _withdraw(withdrawn, headers, certificate)


@click.command("verify", short_help="Hold every accepted file against the ledger.")
@batch_folder
@click.option("--redo", is_flag=True, help="Have the jobs of damaged files run again.")
@click.option("--update-names", is_flag=True, help="Give pictures the names again that they lack.")
def verify_command(folder: str, ledger_url: str | None, redo: bool, update_names: bool) -> int:
    """Hold every accepted file against the ledger: that it is there, has its sha256, decodes, and has its name.

    The exit code is 1 where something is not as it was accepted. With --redo, a damaged file is taken from its name if
    that is whole; else its job is run again by whoever works on the batch next, and what was altered is kept in
    DIR/.comfyproof/damaged until gc.
    """
    from ..batch.upkeep import examine, mend, name_again

    with opened(folder, ledger_url, writes=redo or update_names) as batch:
        if redo or update_names:
            batch.lock()
        damaged: list[Examined] = []
        unnamed, files = [], 0
        total = batch.ledger.counts().get("done", 0)
        with Counting("verifying") as counting:
            for files, each in enumerate(examine(batch.folder, batch.ledger, batch.store), 1):
                counting.says(files, max(total, files))
                if each.damage:
                    damaged.append(each)
                elif each.unnamed:
                    unnamed.append(each)
        _tell(damaged, unnamed)
        click.echo(f"{files:,} file{'s' * (files != 1)}: {_verdict(len(damaged), len(unnamed))}")
        code = Exit.FINDINGS if damaged or unnamed else Exit.FINE
        if redo and damaged:
            back, again = mend(batch.folder, batch.ledger, batch.store, damaged)
            click.echo(f"{back:,} taken from their names, {_jobs(again)} will be run again")
        if update_names:
            click.echo(f"{name_again(batch.folder, batch.ledger, batch.store):,} names given again")
            code = Exit.FINDINGS if damaged else Exit.FINE
    return code


@click.command("gc", short_help="Remove files that nobody needs any more.")
@batch_folder
@click.option("--dry-run", is_flag=True, help="Say what would be removed, and remove nothing.")
@click.option("--unnamed", is_flag=True, help="Forget the jobs, too, that the latest command does not name.")
def gc_command(folder: str, ledger_url: str | None, dry_run: bool, unnamed: bool) -> int:
    """Remove what nobody needs: files that no job of the ledger has, unfinished ones, evidence of mended failures.

    Pictures that were accepted stay, also those of jobs that the latest command does not name, unless --unnamed says
    otherwise.
    """
    from ..batch.upkeep import forget_unnamed, leftovers, remove

    with opened(folder, ledger_url, writes=True) as batch:
        batch.lock(alone=True)
        if unnamed and not dry_run:
            forgotten = forget_unnamed(batch.folder, batch.ledger, batch.store)
            click.echo(f"{_jobs(forgotten)} forgotten")
        found = leftovers(batch.folder, batch.ledger, batch.store, unnamed=unnamed)
        if not dry_run:
            remove(found)
        _say_removed(found, "would be removed" if dry_run else "removed", shown=dry_run)
    return Exit.FINE


def _rows(batch: Batch, states: Sequence[str], names: Sequence[str]) -> list[Row]:
    """The jobs that are in these states, of those that are named if some are."""
    from ..batch.upkeep import NoSuchName, in_states, keys_named
    from ..diagnostics import did_you_mean

    try:
        return in_states(batch.ledger, states, keys_named(batch.ledger, names) if names else None)
    except NoSuchName as problem:
        stop(Exit.USAGE, str(problem), did_you_mean(problem.name, problem.known, "names"))


def _meant(batch: Batch, rows: Sequence[Row]) -> list[str]:
    """All names of some jobs."""
    keys = {row.key for row in rows}
    return [name for name, key, _ in batch.ledger.names() if key in keys]


def _log_cancelled(batch: Batch, rows: Sequence[Row]) -> None:
    from ..batch.events import EventLog

    log = EventLog(batch.folder.events)
    for row in rows:
        log.tell("cancelled", job=row.key)
    log.close()


def _withdraw(withdrawn: Sequence[Withdrawal], headers: tuple[str, ...], certificate: str | None) -> int:
    """Takes prompts back from the servers that may have them; 4 where one cannot be reached."""
    from ..run.client import Client
    from ..run.problems import ServerProblem

    code = Exit.FINE
    for name in sorted({each.server for each in withdrawn}):
        prompts = [each.prompt_id for each in withdrawn if each.server == name]
        try:
            server = read_servers((name,), headers, certificate)[0]
            with Client(server.url, access=server.access) as client:
                for prompt_id in prompts:
                    client.cancel(prompt_id)
            continue
        except ServerProblem as problem:
            reason = str(problem)
        except click.exceptions.Exit:
            reason = "it is not known any more"
        click.echo(clean(f'warning: {len(prompts)} of its prompts may still run on "{name}": {reason}'), err=True)
        code = Exit.UNREACHABLE
    return code


def _tell(damaged: Sequence[Examined], unnamed: Sequence[Examined]) -> None:
    """Says what is wrong, of much of it the first."""
    for each in damaged[:_SHOWN]:
        click.echo(clean(f'damaged: "{each.name}" ({each.output.stage}): {each.damage}'))
    if len(damaged) > _SHOWN:
        click.echo(f"damaged: {len(damaged) - _SHOWN:,} more")
    for each in unnamed[:_SHOWN]:
        click.echo(clean(f"no file has the name: {', '.join(each.unnamed)}"))
    if len(unnamed) > _SHOWN:
        click.echo(f"no file has the name: {len(unnamed) - _SHOWN:,} more")


def _verdict(damaged: int, unnamed: int) -> str:
    parts = [f"{damaged:,} damaged"] * bool(damaged) + [f"{unnamed:,} not under their names"] * bool(unnamed)
    return ", ".join(parts) or "all as they were accepted"


def _say_removed(found: Sequence[Leftover], words: str, *, shown: bool) -> None:
    kinds: dict[str, list[int]] = {}
    for each in found:
        kinds.setdefault(each.what, []).append(each.bytes)
        if shown:
            click.echo(clean(f"{each.what}: {Path(each.path)}"))
    for what, sizes in kinds.items():
        click.echo(f"{len(sizes):,} x {what}, {_size(sum(sizes))}: {words}")
    if not found:
        click.echo("there is nothing to remove")


def _size(count: float) -> str:
    for unit in ("bytes", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} GiB"


def _jobs(count: int) -> str:
    return f"{count:,} job{'s' * (count != 1)}"

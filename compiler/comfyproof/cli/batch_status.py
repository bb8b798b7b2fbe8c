"""batch status: how a batch stands, once or for as long as it runs."""

from __future__ import annotations

import json
import shlex
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from ..report.text import clean
from .batch_folder import Batch, batch_folder, opened
from .exits import Exit
from .terminal import wants_color

if TYPE_CHECKING:
    from rich.console import Console, Group, RenderableType
    from rich.table import Table
    from rich.text import Text

    from ..batch.standing import Failure, ServerStanding, Standing

_FAST, _SLOW = 0.5, 5.0  # seconds between two looks, and between two lines where nobody looks on
_SHARE = 4
_REASONS = 10


@click.command("status", short_help="Say what is done, what is left, and why jobs failed.")
@batch_folder
@click.option("--watch", is_flag=True, help="Go on until nobody works on it any more; the code then says how it ended.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="How to write it; with --watch, JSON is a line for every look.",
)
def status_command(folder: str, ledger_url: str | None, watch: bool, form: str) -> int:
    """Say how the batch in DIR stands: what is done, what is left and how long it takes, and why jobs failed.

    Nothing is written, and whoever works on the batch is not disturbed. With --watch the exit code is 1 where jobs
    have failed or are left in the end; else it is 0 whatever the batch has come to.
    """
    with opened(folder, ledger_url) as batch:
        look = _looking(batch)
        if not watch:
            _show(look(), form, folder)
            return Exit.FINE
        live = form == "text" and sys.stdout.isatty()
        found = _watch_live(look, folder) if live else _watch_lines(look, form, folder)
        return Exit.FINDINGS if found.counts["done"] < found.jobs else Exit.FINE


def _looking(batch: Batch) -> Callable[[], Standing]:
    from ..batch.standing import Tail, standing

    tail = Tail(batch.folder)
    return lambda: standing(batch.folder, batch.ledger, batch.id, tail)


def _show(found: Standing, form: str, folder: str) -> None:
    if form == "json":
        from ..batch.standing import as_data

        click.echo(json.dumps(as_data(found), indent=2))
        return
    _console().print(_picture(found, folder))


def _watch_lines(look: Callable[[], Standing], form: str, folder: str) -> Standing:
    """A line every few seconds if something has changed, and everything at the end."""
    from ..batch.standing import as_data

    said, due = "", 0.0
    while True:
        begun = time.monotonic()
        found = look()
        line = json.dumps(as_data(found)) if form == "json" else _line(found)
        if not found.working:
            click.echo(line) if form == "json" else _show(found, form, folder)
            return found
        if line != said and time.monotonic() >= due:
            click.echo(line)
            sys.stdout.flush()
            said, due = line, time.monotonic() + _SLOW
        _rest(begun)


def _watch_live(look: Callable[[], Standing], folder: str) -> Standing:
    """The whole of it, drawn again and again in its place."""
    from rich.live import Live

    with Live(console=_console(), auto_refresh=False) as live:
        while True:
            begun = time.monotonic()
            found = look()
            live.update(_picture(found, folder), refresh=True)
            if not found.working:
                return found
            _rest(begun)


def _rest(begun: float) -> None:
    """Waits before the next look: longer where looking takes long, for others need the machine."""
    time.sleep(max(_FAST, _SHARE * (time.monotonic() - begun)))


def _line(found: Standing) -> str:
    left = f", {_duration(found.left)} left" if found.left and found.working else ""
    others = "".join(f", {found.counts[s]:,} {s}" for s in ("failed", "cancelled") if found.counts[s])
    return f"{found.counts['done']:,} of {found.jobs:,} done{others}{left}"


def _picture(found: Standing, folder: str) -> Group:
    """Everything that is known, for a terminal or a file."""
    from rich.console import Group
    from rich.text import Text

    parts: list[RenderableType] = [Text(_line(found), style="bold"), _bar(found), _facts(found)]
    if found.servers:
        parts.append(_servers(found.servers))
    parts += [_failure(failure) for failure in found.failures[:_REASONS]]
    if len(found.failures) > _REASONS:
        parts.append(Text(f"and {len(found.failures) - _REASONS} more reasons: --format json has them all"))
    if found.counts["failed"]:
        parts.append(
            Text(
                clean(f"  help: comfyproof batch retry {shlex.quote(folder)} --failed has them run again"), style="dim"
            )
        )
    return Group(*parts)


def _bar(found: Standing) -> Text:
    """How much is done, failed, cancelled, running and left, as parts of one line."""
    from rich.text import Text

    width, bar = 60, Text()
    for state, color, mark in _PARTS:
        bar.append(mark * round(width * found.counts.get(state, 0) / max(found.jobs, 1)), style=color)
    return bar


_PARTS = (
    ("done", "green", "█"),
    ("failed", "red", "▚"),
    ("cancelled", "yellow", "▒"),
    ("claimed", "cyan", "▓"),
    ("todo", "dim", "░"),
)


def _facts(found: Standing) -> Text:
    from rich.text import Text

    open = f"{found.counts['claimed']:,} claimed, {found.counts['todo']:,} to do" if found.open else "nothing to do"
    seen = f"; {found.unexamined:,} not fully examined" if found.unexamined else ""
    who = f"worked on by {clean(found.working)}" if found.working else "nobody works on it now"
    if found.open and not found.working and found.left:
        who += f"; about {_duration(found.left)} of work is left"
    return Text(f"{open}{seen}; {who}")


def _servers(servers: tuple[ServerStanding, ...]) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("server", overflow="fold")
    for column in ("done", "claimed", "seconds", "a minute"):
        table.add_column(column, justify="right")
    table.add_column("lane", overflow="fold")
    for each in servers:
        state = f"{each.state}: {each.reason}" if each.reason else each.state
        table.add_row(
            Text(clean(each.name)),
            f"{each.done:,}",
            f"{each.claimed:,}",
            "" if each.seconds is None else _figure(each.seconds),
            "" if each.per_minute is None else _figure(each.per_minute),
            Text(clean(state or each.holder), style="yellow" if state else ""),
        )
    return table


def _figure(value: float) -> str:
    """A number in as many digits as anyone looks at."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _failure(failure: Failure) -> Text:
    from rich.text import Text

    more = ", ..." if failure.jobs > len(failure.names) else ""
    names = ", ".join(map(clean, failure.names)) + more
    text = Text(f"{failure.jobs:,} x ", style="red")
    return text.append(clean(failure.reason), style="").append(f" ({names})", style="dim")


def _duration(seconds: float | None) -> str:
    """A time in words that a person would use."""
    if seconds is None:
        return "?"
    if seconds < 90:
        return f"{max(seconds, 1):.0f} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min"
    if seconds < 48 * 3600:
        return f"{seconds / 3600:.1f} h"
    return f"{seconds / 86400:.1f} days"


def _console() -> Console:
    from rich.console import Console

    color = wants_color(sys.stdout)
    if sys.stdout.isatty():
        return Console(no_color=not color, highlight=False)
    return Console(
        force_terminal=False, color_system="standard" if color else None, width=120, highlight=False, soft_wrap=True
    )

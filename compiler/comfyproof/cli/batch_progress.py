"""How a batch gets on: a bar on a terminal, a line now and then elsewhere; and what came of it."""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from ..report.text import clean
from .terminal import wants_color

if TYPE_CHECKING:
    from ..batch.coordinator import Coordinator, Ended

_FEW = 5
_PACE = 10.0  # seconds between lines where nobody looks at a bar


class BatchProgress:
    """Tells on stderr how many jobs are done; a context, for a terminal's bar must be taken down again."""

    def __init__(self, jobs: int, done: int) -> None:
        self._jobs, self._done, self._failed = jobs, done, 0
        self._lock = threading.Lock()
        self._next = time.monotonic() + _PACE
        console = Console(stderr=True, no_color=not wants_color(sys.stderr), highlight=False)
        self._bars: Bars | None = None
        if console.is_terminal:
            columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[failed]}", markup=False))
            self._bars = Bars(*columns, TimeElapsedColumn(), TimeRemainingColumn(), console=console)
            self._task = self._bars.add_task("", total=jobs, completed=done, failed="")

    def __enter__(self) -> Self:
        if self._bars is not None:
            self._bars.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._bars is not None:
            self._bars.stop()

    def tell(self, event: str, facts: Mapping[str, Any]) -> None:
        """Hears what happens, from any thread."""
        with self._lock:
            if event == "server":
                why = f": {facts['reason']}" if facts["reason"] else ""
                self.say(f'"{facts["server"]}" is {facts["state"]}{why}')
            elif event == "failed":
                self._failed += 1
            elif event == "done":
                self._done += 1
            else:
                return
            self._show()

    def _show(self) -> None:
        failed = f"{self._failed:,} failed" if self._failed else ""
        if self._bars is not None:
            self._bars.update(self._task, completed=self._done, failed=failed)
        elif time.monotonic() >= self._next:
            self._next = time.monotonic() + _PACE
            self.say(f"{self._done:,} of {self._jobs:,} done" + (f", {failed}" if failed else ""))

    def say(self, line: str) -> None:
        """Writes a line, above the bar where there is one."""
        if self._bars is not None:
            self._bars.console.print(clean(line), markup=False)
        else:
            click.echo(clean(line), err=True)


def show_end(coordinator: Coordinator, ended: Ended) -> None:
    """Says what came of a batch, and of what failed why."""
    parts = [f"{ended.done:,} done"]
    parts += [f"{ended.failed:,} failed"] if ended.failed else []
    parts += [f"{ended.left:,} left"] if ended.left else []
    parts += [f"{ended.unexamined:,} not fully examined"] if ended.unexamined else []
    if ended.failed:
        reasons = Counter(str(row.reason) for row in coordinator.ledger.rows() if row.state in ("failed", "cancelled"))
        for reason, count in reasons.most_common(_FEW):
            click.echo(clean(f"  {count:,} x {reason}"), err=True)
    for group in ended.repeated[:_FEW]:
        names = [coordinator.jobs.names[key][0] for key in group]
        shown = ", ".join(f'"{name}"' for name in names[:_FEW]) + (", ..." if len(names) > _FEW else "")
        click.echo(clean(f"warning: {len(names):,} pictures show exactly the same: {shown}"), err=True)
    if ended.repeated:
        click.echo("  help: look whether what is varied there, such as a seed, reaches the sampler", err=True)
    click.echo(f"{clean(str(coordinator.folder.out))}: {', '.join(parts)}", err=True)
    if ended.stop is not None:
        click.echo(clean(f"stopped: {ended.stop.reason}"), err=True)
        if ended.stop.help:
            click.echo(clean(f"  help: {ended.stop.help}"), err=True)

"""Progress by stage: bars on a terminal, a line a stage elsewhere; and the table of checks."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich import box
from rich.console import Console
from rich.progress import BarColumn, TaskID, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars
from rich.table import Table
from rich.text import Text

from ..report.text import clean
from ..run import events
from ..run.execute import Phase, Told
from ..verify.expected import Verdict
from .terminal import wants_color

if TYPE_CHECKING:
    from ..graph import Graph
    from ..run.job import Run
    from ..spec.pipeline import Spec

MODELS = "models"


class Progress:
    """How a run gets on, told on stderr; a context, for a terminal's bars must be taken down again."""

    def __init__(self, spec: Spec, graph: Graph) -> None:
        stages = [step.name for step in spec.steps] + [node.name for node in spec.nodes]
        self._stage_of = {id: node.stage if node.stage in stages else MODELS for id, node in graph.nodes.items()}
        used = set(self._stage_of.values())
        self._left = {
            stage: {id for id, owner in self._stage_of.items() if owner == stage}
            for stage in (MODELS, *stages)
            if stage in used
        }
        self._size = {stage: len(ids) for stage, ids in self._left.items()}
        self._console = _console()
        self._began: dict[str, float] = {}
        self._bars: Bars | None = None
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._bars = Bars(
                TextColumn("{task.description:12}", markup=False),
                BarColumn(),
                TaskProgressColumn(),
                TextColumn("{task.fields[doing]}", markup=False),
                TimeElapsedColumn(),
                console=self._console,
            )
            for stage, size in self._size.items():
                self._tasks[stage] = self._bars.add_task(clean(stage), total=size, start=False, doing="")
            self._bars.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def stop(self) -> None:
        """Takes the bars down, so that what follows is not drawn over."""
        if self._bars is not None:
            self._bars.stop()
            self._bars = None

    def tell(self, told: Told) -> None:
        """Shows what happened."""
        if isinstance(told, Phase):
            if told.name in ("fetch", "verify"):
                self._all_done()
        elif isinstance(told, events.Cached):
            for node in told.nodes:
                self._done(node)
        elif isinstance(told, events.NodeRunning):
            self._running(told.node_id, 0, "")
        elif isinstance(told, events.Progress):
            self._running(told.node_id, told.value / told.max, f"{told.value:.0f}/{told.max:.0f}")
        elif isinstance(told, events.NodeDone):
            self._done(told.node_id)

    def _running(self, node: str, part: float, doing: str) -> None:
        stage = self._stage_of.get(node)
        if stage is None:
            return
        if stage not in self._began:
            self._began[stage] = time.monotonic()
            if self._bars:
                self._bars.start_task(self._tasks[stage])
        if self._bars:
            # A node that works tile by tile counts anew with every tile; a bar that went back would alarm.
            bar = self._bars.tasks[self._tasks[stage]]
            done = self._size[stage] - len(self._left[stage]) + part
            self._bars.update(self._tasks[stage], completed=max(bar.completed, done), doing=doing)

    def _done(self, node: str) -> None:
        stage = self._stage_of.get(node)
        if stage is None or node not in self._left[stage]:
            return
        self._left[stage].discard(node)
        self._running(node, 0, "")
        if self._left[stage]:
            return
        if self._bars:
            self._bars.stop_task(self._tasks[stage])
        else:
            took = time.monotonic() - self._began[stage]
            self._console.print(f"{clean(stage)}: done ({took:.1f} s)", markup=False, highlight=False)

    def _all_done(self) -> None:
        """What the server did not speak of is done as well: its word on the whole is in."""
        for ids in self._left.values():
            for node in list(ids):
                self._done(node)


def show_checks(run: Run) -> None:
    """Writes the table of what was checked of each picture or video."""
    console = _console()
    whats = {picture.what for picture in run.pictures}
    what = (whats.pop() if len(whats) == 1 else "") or "file"
    title = f"{len(run.pictures)} {what}{'s' if len(run.pictures) != 1 else ''}: {run.verdict}"
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("verdict", "check", "expected", "measured"):
        table.add_column(column, overflow="fold")
    marks = {
        Verdict.PASSED: ("green", "passed"),
        Verdict.FAILED: ("red", "FAILED"),
        Verdict.NOT_EXAMINED: ("yellow", "not examined"),
    }
    for picture in run.pictures:
        if len(run.pictures) > 1:
            table.add_section()
            table.add_row("", _plain(picture.path.name), "", "")
        for check in picture.checks:
            color, word = marks[check.verdict]
            cells = (_plain(cell) for cell in (check.name, check.expected, check.measured))
            table.add_row(Text(word, style=color), *cells)
    console.print(table)


def _plain(text: str) -> Text:
    """A cell as it stands: no markup, and nothing that could command the terminal."""
    return Text(clean(text))


def _console() -> Console:
    color = wants_color(sys.stderr)
    if sys.stderr.isatty():
        return Console(stderr=True, no_color=not color)
    return Console(stderr=True, force_terminal=False, color_system="standard" if color else None)

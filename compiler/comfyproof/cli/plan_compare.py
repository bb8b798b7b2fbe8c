"""plan --compare: what a run took beside what is predicted of it, which the next prediction learns from."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .exits import Exit
from .plan_budget import Wanted, calibration_file, contract_of, told_by
from .terminal import stop

if TYPE_CHECKING:
    from ..catalog.pinned import Catalog
    from ..plan.predict import Plan, Stage

_MAX_BYTES = 64 * 2**20
_MOST_SECONDS = 10**9
_HEADS = ("stage", "what", "predicted", "measured", "ratio")


@dataclass(frozen=True)
class _Row:
    """The stages of one node: what they were predicted to take, and what the node took; seconds."""

    stage: str
    what: str
    predicted: float | None
    measured: float
    work: str = ""

    @property
    def ratio(self) -> float | None:
        """Measured over predicted."""
        return self.measured / self.predicted if self.predicted else None


def compare_run(file: str, catalog: Catalog, wanted: Wanted, form: str) -> int:
    """Shows it, and learns. Exits with 3 where the file is no record of a run with measurements."""
    from ..plan.given import plan_of

    record = _record(file)
    measured: Mapping[str, Any] = record["measured"]
    machine = contract_of(told_by(_stats(record), wanted), None).machine
    graph = _graph(record, file)
    plan = plan_of(graph, catalog, machine)
    rows = _rows(plan, measured.get("nodes") or {})
    most = measured.get("most_vram")
    peak = max((stage.peak for stage in plan.stages), default=None)
    if form == "json":
        found = {
            "schema": "comfyproof/comparison/1",
            "run": file,
            "nodes": [{**vars_of(row), "ratio": row.ratio} for row in rows],
            "vram": {"predicted": peak, "measured": most},
            "seconds": {"predicted": plan.seconds, "measured": sum(row.measured for row in rows)},
        }
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
    else:
        _show(plan, rows, peak, most)
    _learn(plan, rows, record)
    return Exit.FINE


def vars_of(row: _Row) -> dict[str, Any]:
    """A row as JSON has it."""
    return {"stage": row.stage, "what": row.what, "predicted": row.predicted, "measured": row.measured}


def _record(file: str) -> dict[str, Any]:
    try:
        with Path(file).open("rb") as stream:
            data = stream.read(_MAX_BYTES + 1)
        found = json.loads(data[: _MAX_BYTES + 1])
    except OSError as problem:
        stop(Exit.NOT_EXAMINED, f'"{file}" cannot be read: {problem.strerror}')
    except (ValueError, RecursionError):
        stop(Exit.NOT_EXAMINED, f'"{file}" is no record of a run', "name the run.json beside its pictures")
    sound = isinstance(found, dict) and isinstance(found.get("prompt"), dict)
    if not sound or not isinstance(found.get("measured"), dict) or not isinstance(found["measured"].get("nodes"), dict):
        stop(Exit.NOT_EXAMINED, f'"{file}" holds no measurements of a run', "name a run.json that this version wrote")
    return dict(found)


def _stats(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the server said of its machine before the run, as /system_stats has it."""
    before = record["measured"].get("before")
    before = before if isinstance(before, dict) else {}
    server = record.get("server")
    os_name = server.get("os") if isinstance(server, dict) else None
    return {"system": {"ram_total": before.get("ram_total"), "os": os_name}, "devices": [before]}


def _graph(record: Mapping[str, Any], file: str) -> Any:
    from ..formats.api import read_api
    from ..source import parse_source

    source, _ = parse_source(file, json.dumps(record["prompt"]))
    if source is None:
        stop(Exit.NOT_EXAMINED, f'the prompt in "{file}" cannot be read')
    graph, _ = read_api(record["prompt"], source)
    return graph


def _rows(plan: Plan, nodes: Mapping[str, Any]) -> list[_Row]:
    """The stages by node, beside the seconds that the node took."""
    by_node: dict[str, list[Stage]] = {}
    for stage in plan.stages:
        by_node.setdefault(stage.node.id, []).append(stage)
    rows = []
    for id, stages in by_node.items():
        told = nodes.get(id)
        seconds = told.get("seconds") if isinstance(told, dict) else None
        if not isinstance(seconds, int | float) or not 0 <= seconds < _MOST_SECONDS:
            continue
        predicted = None if any(s.seconds is None for s in stages) else sum(s.seconds or 0.0 for s in stages)
        kinds = dict.fromkeys(stage.kind for stage in stages)
        work = stages[0].work if len(kinds) == 1 else ""
        rows.append(_Row(stages[0].node.title or stages[0].node.type, " + ".join(kinds), predicted, seconds, work))
    return rows


def _show(plan: Plan, rows: list[_Row], peak: int | None, most: Any) -> None:
    from ..plan.contract import clock, gib
    from ..report.plan import columns, machine_words
    from ..report.text import clean

    click.echo(f"predicted and measured on {machine_words(plan)}\n")
    cells = [
        (
            clean(row.stage),
            row.what,
            "?" if row.predicted is None else clock(row.predicted),
            clock(row.measured),
            "" if row.ratio is None else f"{row.ratio:.2f}",
        )
        for row in rows
    ]
    click.echo("\n".join(columns([_HEADS, *cells], right=(2, 3, 4))))
    if isinstance(most, int) and 0 < most < 2**60 and peak is not None:
        click.echo(f"\nmost of the card in use: predicted {gib(peak)} GiB, seen {gib(most)} GiB")
        click.echo("  what was seen is looked at once a second, and has torch's own reserve in it")
    else:
        click.echo("\nthe server did not tell how much of the card was in use")


def _learn(plan: Plan, rows: list[_Row], record: Mapping[str, Any]) -> None:
    """Takes what the samplers took into account from now on; an emulator's times say nothing of a card."""
    from ..plan.calibration import read_calibration, write_calibration

    file = calibration_file()
    server = record.get("server")
    emulated = isinstance(server, dict) and server.get("stand_ins") is not None
    if file is None or emulated or not plan.machine.name:
        return
    before = after = read_calibration(file)
    for row in rows:
        if row.work and row.predicted:
            after = after.learned(plan.machine.name, row.work, row.predicted, row.measured)
    if after != before:
        write_calibration(after, file)
        new = [key for key, factor in after.factors.items() if before.factors.get(key) != factor]
        click.echo(f"learned from it: {', '.join(new)}", err=True)

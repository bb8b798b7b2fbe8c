"""The plan of a batch, shown, saved and kept to."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..batch.plan import CACHED, FAILED, RESUMABLE, TODO, UNPLACED, NotThePlan, Plan, dump, hold_to, plan_of
from ..report.text import clean
from ..run.folder import write_whole
from .exits import Exit
from .terminal import stop

if TYPE_CHECKING:
    from ..batch.coordinator import Coordinator

ASKED_ABOVE = 1_000
_MAX_PLAN = 256 * 2**20
_FEW = 5


def agreed(coordinator: Coordinator, plan_out: str | None, plan_in: str | None, *, yes: bool, looks: bool) -> Plan:
    """The plan, shown, and agreed to by whoever has to; exits where it is not."""
    plan = plan_of(coordinator)
    _show_servers(coordinator)
    show_plan(plan)
    _show_sharing(coordinator, plan)
    if plan_in is not None:
        _hold(plan, Path(plan_in))
    if plan_out is not None:
        write_whole(Path(plan_out), dump(plan).encode())
        click.echo(f"the plan is {clean(plan_out)}", err=True)
    counts = plan.counts()
    if not looks and counts[UNPLACED] and plan_in is None:
        if plan.idle:
            stop(Exit.FINDINGS, "no server can run any of the jobs", "look at the reasons above")
        click.echo(f"going on without the {counts[UNPLACED]:,} that no server can run", err=True)
    ahead = len(plan.jobs) - counts[CACHED] - counts[FAILED]
    if not looks and plan_in is None and not yes and ahead > ASKED_ABOVE:
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            stop(Exit.USAGE, f"{ahead:,} jobs are not begun unasked", "say --yes if so many are wanted")
        if not click.confirm("run them?", err=True):
            raise click.exceptions.Exit(Exit.USAGE)
    return plan


def _show_servers(coordinator: Coordinator) -> None:
    """Says what is odd about the servers."""
    from ..fleet.placement import differing

    seen = coordinator.placement.seen
    away = [f'"{each.server.name}" {each.problem}' for each in seen if not each.reachable]
    for said in [*away, *coordinator.placement.problems, differing(seen)]:
        if said:
            click.echo(clean(f"warning: {said}"), err=True)


def _show_sharing(coordinator: Coordinator, plan: Plan) -> None:
    """Says how much of the work is shared, where there are jobs to share it."""
    from ..ordering import shared

    ahead = {job.key for job in plan.jobs if job.what in (TODO, RESUMABLE)}
    profiles = [coordinator.jobs.profiles[key] for key in coordinator.jobs.keys if key in ahead]
    if len(profiles) > 1:
        click.echo(f"           {shared(profiles)}", err=True)


def _hold(plan: Plan, path: Path) -> None:
    try:
        with path.open("rb") as stream:
            saved = json.loads(stream.read(_MAX_PLAN))
        hold_to(plan, saved)
    except (OSError, ValueError, RecursionError) as problem:
        stop(Exit.USAGE, f'the plan "{path}" cannot be read: {getattr(problem, "strerror", None) or problem}')
    except NotThePlan as problem:
        stop(Exit.USAGE, f'the plan "{path}" does not hold: {problem}', "make a new one with --save-plan")


def show_plan(plan: Plan) -> None:
    """Says in numbers what there is to do, and why some of it cannot be."""
    for kind, count in plan.counts().items():
        if count:
            click.echo(f"  {count:>7,}  {kind}", err=True)
    if plan.seconds:
        servers = "1 server" if len(plan.servers) == 1 else f"{len(plan.servers):,} servers"
        click.echo(f"           about {duration(plan.seconds)} on {servers}", err=True)
    for kind in (FAILED, UNPLACED):
        reasons = Counter(job.reason for job in plan.jobs if job.what == kind)
        for reason, count in reasons.most_common(_FEW):
            click.echo(clean(f"  {kind}: {count:,} x {reason}"), err=True)
        if len(reasons) > _FEW:
            click.echo(f"  {kind}: {len(reasons) - _FEW:,} other reasons", err=True)


def duration(seconds: float) -> str:
    """Seconds as people say them."""
    if seconds < 90:
        return f"{max(seconds, 1):.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} hours"

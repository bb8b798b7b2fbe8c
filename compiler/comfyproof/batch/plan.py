"""What a batch is going to do, before it does it: job by job, and in numbers."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from statistics import median
from typing import Any, NamedTuple

from .coordinator import Coordinator
from .ledger import Row

SCHEMA = "comfyproof/batch-plan/1"
TODO, CACHED, RESUMABLE = "to do", "cached", "resumable"
FAILED, CANCELLED, UNPLACED = "failed before", "cancelled", "not placeable"
KINDS = (TODO, RESUMABLE, CACHED, FAILED, CANCELLED, UNPLACED)
_STATES = {"todo": TODO, "claimed": RESUMABLE, "done": CACHED, "failed": FAILED, "cancelled": CANCELLED}


class NotThePlan(Exception):
    """What there is to do is not what a saved plan says; the message says how."""


class Planned(NamedTuple):
    """One job: what is going to become of it, and why, where that is not plain."""

    key: str
    name: str
    what: str
    reason: str


class Plan(NamedTuple):
    """All jobs, and the seconds that those to be run will take; None where nothing like them was run yet."""

    batch: str
    servers: tuple[str, ...]
    jobs: tuple[Planned, ...]
    seconds: float | None

    def counts(self) -> dict[str, int]:
        """How many jobs there are of each kind."""
        found = dict.fromkeys(KINDS, 0)
        for job in self.jobs:
            found[job.what] += 1
        return found

    @property
    def idle(self) -> bool:
        """Whether there is nothing to run."""
        counts = self.counts()
        return not (counts[TODO] or counts[RESUMABLE])

    def as_data(self) -> dict[str, Any]:
        """The plan for a file."""
        jobs = [{"key": job.key, "name": job.name, "what": job.what} for job in self.jobs]
        return {"schema": SCHEMA, "batch": self.batch, "servers": list(self.servers), "jobs": jobs}


def plan_of(coordinator: Coordinator) -> Plan:
    """What a coordinator, that was entered, would do now."""
    rows = coordinator.settle_rows()
    jobs = tuple(_planned(row, coordinator) for row in rows)
    names = tuple(server.name for server in coordinator.servers)
    return Plan(coordinator.batch, names, jobs, _seconds(rows, jobs, len(names)))


def _planned(row: Row, coordinator: Coordinator) -> Planned:
    name = coordinator.jobs.names[row.key][0]
    what, reason = _STATES[row.state], row.reason or ""
    if row.state == "todo" and not coordinator.placeable(row.key):
        lacks = coordinator.lacks[coordinator.jobs.sort[row.key]]
        what, reason = UNPLACED, "; ".join(found[0].reason for found in lacks.values() if found)
    return Planned(row.key, name, what, reason)


def _seconds(rows: Sequence[Row], jobs: Iterable[Planned], servers: int) -> float | None:
    """How long it takes, by the medians of jobs with the same models."""
    known: dict[str, list[float]] = {}
    for row in rows:
        if row.state == "done" and row.seconds:
            known.setdefault(row.models, []).append(row.seconds)
    medians = {models: median(found) for models, found in known.items()}
    models = {row.key: row.models for row in rows}
    ahead = [models[job.key] for job in jobs if job.what in (TODO, RESUMABLE)]
    if not ahead or any(each not in medians for each in ahead):
        return None if ahead else 0.0
    return sum(medians[each] for each in ahead) / max(servers, 1)


def hold_to(plan: Plan, saved: Any) -> None:
    """Raises NotThePlan where a saved plan says anything else."""
    if not isinstance(saved, Mapping) or saved.get("schema") != SCHEMA:
        raise NotThePlan("it is no plan of a batch, or that of a newer comfyproof")
    now = plan.as_data()
    if saved.get("batch") != now["batch"]:
        raise NotThePlan("it is the plan of another batch, in another folder")
    if saved.get("servers") != now["servers"]:
        raise NotThePlan("it names other servers")
    then = {_shown(job) for job in saved.get("jobs") or () if isinstance(job, Mapping)}
    here = {_shown(job) for job in now["jobs"]}
    if missing := sorted(then - here):
        raise NotThePlan(f"it says {missing[0]}, and {len(missing) - 1:,} more, which no longer holds")
    if new := sorted(here - then):
        raise NotThePlan(f"it does not say {new[0]}, nor {len(new) - 1:,} more")


def _shown(job: Mapping[str, Any]) -> str:
    return f'"{job.get("name")}" is {job.get("what")} ({str(job.get("key"))[:12]})'


def dump(plan: Plan) -> str:
    """The plan as text, the same for the same state of things."""
    return json.dumps(plan.as_data(), indent=1, ensure_ascii=False) + "\n"

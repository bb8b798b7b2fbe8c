"""The desk that all lanes share: it hands out shards, takes results in, and decides what is to be tried again."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ..driver import Program
from ..fusing import MOST_FUSED, fuse_shard
from ..plan.machine import Machine
from .events import EventLog
from .failpoints import passed
from .folder import BatchFolder
from .ledger import Attempt, Ledger, LedgerProblem, Output, Row
from .retrying import Budget, Health, decide, since_asked_for
from .schedule import Scheduler
from .store import Store
from .view import place_names


class Shard(NamedTuple):
    """Jobs that a lane has taken; those that are `unsure` may be known to its server already."""

    id: str
    keys: tuple[str, ...]
    unsure: bool = False


class Stop(NamedTuple):
    """Why a batch ends before its jobs are done; `help` is one thing to do about it."""

    kind: str  # "interrupted", "disk", "ledger", "failing", "away" or "unplaced"
    reason: str
    help: str = ""


@dataclass
class Desk:
    """What the lanes of one coordinator share; every method may be called by any of them.

    `program` compiles a job. `placeable` tells which servers can run it; None stands for any.
    """

    batch: str
    coordinator: str
    folder: BatchFolder
    ledger: Ledger
    store: Store
    log: EventLog
    scheduler: Scheduler
    program: Callable[[str], Program]
    placeable: Callable[[str], Collection[str] | None]
    budget: Budget
    names: Callable[[str], Sequence[str]]
    tell: Callable[[str, Mapping[str, Any]], None]
    unsettled: set[str]
    health: Health = field(default_factory=Health)
    changed: threading.Condition = field(default_factory=threading.Condition)
    finished: threading.Event = field(default_factory=threading.Event)  # once it is over: who waits for that sleeps on
    stop: Stop | None = None
    leave: bool = False
    pending: dict[str, list[str]] = field(default_factory=dict)
    unsure: dict[str, set[str]] = field(default_factory=dict)  # by server: what it may know already
    groups: Mapping[str, int] = field(default_factory=dict)
    machine: Callable[[str], Machine | None] = lambda _: None
    turned_down: dict[str, set[str]] = field(default_factory=dict)
    gone: dict[str, str] = field(default_factory=dict)  # servers that get no more jobs, and why
    failed: int = 0

    @property
    def over(self) -> bool:
        """Whether there is nothing more to begin."""
        return self.stop is not None or not self.unsettled

    def end(self, stop: Stop) -> None:
        """Begins nothing more; what runs is still waited for."""
        with self.changed:
            if self.stop is None or stop.kind in ("disk", "ledger"):
                self.stop = stop
            self.finished.set()
            self.changed.notify_all()

    def say(self, event: str, **facts: Any) -> None:
        """Writes an event down, and tells whoever watches."""
        self.log.tell(event, **facts)
        self.tell(event, facts)

    # Shards.

    def next_shard(self, server: str) -> Shard | None:
        """The next jobs for a lane, now claimed for it; None where there are none."""
        with self.changed:
            if self.stop is not None:
                return None
            keys = self.scheduler.take(server)
            if not keys:
                return self._stolen(server)
            shard = str(uuid.uuid4())
            claimed = self.ledger.claim(keys, server, self.coordinator, shard)
            if not claimed:  # another coordinator was quicker
                return None
            self.say("claimed", shard=shard, server=server, jobs=claimed)
            return Shard(shard, tuple(claimed))

    def _stolen(self, server: str) -> Shard | None:
        pending = {each: [key for key in keys if key not in self.unsure[each]] for each, keys in self.pending.items()}
        victim, keys = self.scheduler.steal(server, {each: keys for each, keys in pending.items() if keys})
        if not keys:
            return None
        taken = set(keys)
        self.pending[victim][:] = [key for key in self.pending[victim] if key not in taken]
        shard = str(uuid.uuid4())
        self.ledger.move(keys, server, self.coordinator, shard)
        self.scheduler.moved(keys, server)
        self.say("claimed", shard=shard, server=server, jobs=list(keys), stolen_from=victim)
        self.changed.notify_all()
        return Shard(shard, tuple(keys))

    def take_back(self, keys: Sequence[str], server: str) -> Shard | None:
        """Claims again jobs that a lane has given back, those that nobody has taken; its server may know them."""
        with self.changed:
            free = [key for key in keys if self.scheduler.is_free(key)]
            shard = str(uuid.uuid4())
            claimed = self.ledger.claim(free, server, self.coordinator, shard) if free else []
            if not claimed:
                return None
            self.scheduler.moved(claimed, server)
            self.say("claimed", shard=shard, server=server, jobs=claimed)
            return Shard(shard, tuple(claimed), unsure=True)

    def release(self, keys: Sequence[str], server: str) -> None:
        """Gives jobs back that a lane will not come to."""
        if not keys:
            return
        with self.changed:
            self.ledger.release(keys, self.coordinator)
            self.scheduler.back(list(keys))
            self.say("released", server=server, jobs=list(keys))
            self.changed.notify_all()

    def may_prefetch(self, server: str) -> bool:
        """Whether a lane should have a second prompt waiting behind the one that runs."""
        with self.changed:
            return self.scheduler.may_prefetch(server)

    # Jobs that go in one prompt.

    def alike(self, key: str, waiting: Sequence[str]) -> list[str]:
        """Which of the waiting jobs share so much with one that they may go in one prompt with it."""
        group = self.groups.get(key)
        if group is None:
            return []
        return [each for each in waiting if self.groups.get(each) == group][: MOST_FUSED - 1]

    def party(self, row: Row, others: Sequence[Row]) -> list[Row]:
        """A job with those of the others that fit in one prompt with it; the rest go back to where they waited."""
        fresh = [each for each in others if not each.epoch]
        if row.epoch or not fresh:  # what failed together is tried alone
            self._put_back(row, others)
            return [row]
        graphs = []
        for each in [row, *fresh]:
            try:
                graphs.append(self.program(each.key).graph)
            except ValueError:
                self._put_back(row, others)
                return [row]
        catalog, machine = self.program(row.key).catalog, self.machine(str(row.server))
        size = len(fuse_shard([graphs], catalog, machine)[0].members)
        taken = {each.key for each in fresh[: size - 1]}
        self._put_back(row, [each for each in others if each.key not in taken])
        return [row, *fresh[: size - 1]]

    def _put_back(self, row: Row, others: Sequence[Row]) -> None:
        with self.changed:
            self.pending[str(row.server)][:0] = [each.key for each in others]

    # What becomes of jobs.

    def accept(self, row: Row, outputs: Sequence[Output], verdict: str, seconds: float) -> bool:
        """Takes in a job's verified files; false where the job was done already."""
        if not self.ledger.accept(row, outputs, verdict, seconds):
            for each in outputs:
                self.say("conflict", job=row.key, output=each.number, sha256=each.stored.sha256, server=row.server)
            self._settled(row.key, str(row.server), None)
            return False
        self.restate(row, outputs, verdict)
        place_names(self.folder, self.store, row.key, self.names(row.key), outputs)
        with self.changed:
            self.health.succeeded(row.key, str(row.server))
            self.budget.earn()
        self._settled(row.key, str(row.server), seconds)
        return True

    def restate(self, row: Row, outputs: Sequence[Output], verdict: str) -> None:
        """Writes down that a job is done, and with what."""
        for each in outputs:
            self.say(
                "accepted",
                job=row.key,
                output=each.number,
                sha256=each.stored.sha256,
                bytes=each.stored.bytes,
                ending=each.stored.ending,
                stage=each.stage,
                prompt_id=row.prompt_id,
                server=row.server,
            )
        passed("after-accepted")
        self.say("done", job=row.key, verdict=verdict)

    def went_wrong(self, row: Row, outcome: str, reason: str) -> bool:
        """Notes an attempt that did not come right, and whether its server is to free its memory first.

        The job is tried again where the retry table says so, and failed where it does not.
        """
        server, prompt_id = str(row.server), str(row.prompt_id)
        every = [(each.epoch, each.outcome, each.server) for each in self.ledger.attempts(row.key)]
        past = [each for each in since_asked_for(every, row.epoch) if each[0] != "fused"]
        able = self.placeable(row.key)
        if outcome == "fused":
            self._apart(row, reason)
            return False
        with self.changed:
            others = [each for each in self.scheduler.taking_part if able is None or each in able]
            decision = decide(outcome, past, others, server)
            if outcome != "lost":
                self._spend()
            state = "failed" if decision.action == "failed" else "todo"
            self.ledger.note(Attempt(row.key, row.epoch, prompt_id, server, outcome, reason), state)
            facts = {"job": row.key, "prompt_id": prompt_id, "server": server}
            self.say("lost", **facts) if outcome == "lost" else None
            self.say("attempt", **facts, outcome=outcome, reason=reason, epoch=row.epoch)
            if outcome not in ("lost", "interrupted", "refused"):
                self.health.failed(row.key, server)
            if state == "failed":
                self._failed(row, reason if not past else f"{reason} ({decision.reason})")
            else:
                self.scheduler.back([row.key], avoid=server if decision.action == "elsewhere" else None)
                self.changed.notify_all()
            return decision.free

    def _spend(self) -> None:
        with self.changed:
            if not self.budget.spend():
                self.end(Stop("failing", "too many jobs fail, and too few come right", _LOOK))

    def _apart(self, row: Row, reason: str) -> None:
        """Notes that a prompt for several jobs failed: each is to be tried alone, which says whose fault it was."""
        server, prompt_id = str(row.server), str(row.prompt_id)
        with self.changed:
            self.ledger.note(Attempt(row.key, row.epoch, prompt_id, server, "fused", reason), "todo")
            facts = {"job": row.key, "prompt_id": prompt_id, "server": server}
            self.say("attempt", **facts, outcome="fused", reason=reason, epoch=row.epoch)
            self.scheduler.back([row.key])
            self.changed.notify_all()

    def unfit(self, row: Row, reason: str, *, asked: bool = False) -> None:
        """Takes back a job that its server cannot run as it now is: for another, or failed where there is none.

        `asked` tells that it was asked to, and never took it.
        """
        server = str(row.server)
        with self.changed:
            if asked:
                self.health.failed(row.key, server)
            tried = self.turned_down.setdefault(row.key, set())
            tried.add(server)
            able = self.placeable(row.key)
            if any(each not in tried for each in self.scheduler.taking_part if able is None or each in able):
                self.ledger.release([row.key], self.coordinator)
                self.scheduler.back([row.key], avoid=server)
                self.say("released", server=server, jobs=[row.key], reason=reason)
                self.changed.notify_all()
                return
        self.fail(row, reason)

    def fail(self, row: Row, reason: str) -> None:
        """Notes a job as failed that no server can be asked to run."""
        self._spend()
        self.ledger.note(Attempt(row.key, row.epoch, str(row.prompt_id), str(row.server), "refused", reason), "failed")
        self._failed(row, reason)

    def cancel(self, keys: Sequence[str]) -> None:
        """Takes jobs out that have not begun; what a server has already is brought home."""
        with self.changed:
            waiting = {key for keys in self.pending.values() for key in keys}
            for each in self.pending.values():
                each[:] = [key for key in each if key not in keys]
            gone = [key for key in keys if key in waiting or self.scheduler.is_free(key)]
            self.ledger.cancel(gone)
            for key in gone:
                self.say("cancelled", job=key)
                self._settled(key, "", None)

    def _failed(self, row: Row, reason: str) -> None:
        self.say("failed", job=row.key, reason=reason)
        with self.changed:
            self.failed += 1
            self._settled(row.key, str(row.server), None)

    def _settled(self, key: str, server: str, seconds: float | None) -> None:
        with self.changed:
            self.unsettled.discard(key)
            if not self.unsettled:
                self.finished.set()
            self.scheduler.settled(key, server, seconds)
            self.changed.notify_all()

    def catch_up(self, rows: Sequence[Row]) -> None:
        """Takes note of what other coordinators have done, or have left to be done."""
        with self.changed:
            for row in rows:
                if row.state not in ("todo", "claimed"):
                    if row.key in self.unsettled:
                        self._settled(row.key, str(row.server), None)
                elif row.state == "todo":
                    self.scheduler.back([row.key])
                elif row.coordinator != self.coordinator and row.server is not None:
                    self.scheduler.moved([row.key], row.server)
            self.changed.notify_all()

    # Servers.

    def server(self, server: str, state: str, reason: str = "") -> None:
        """Notes that a server is away, back, quarantined or changed."""
        self.say("server", server=server, state=state, reason=reason)
        with self.changed:
            if state in ("changed", "quarantined"):
                self.gone[server] = f'"{server}" {_GONE[state]}: {reason}'
            taking_part = set(self.scheduler.taking_part)
            self.scheduler.lanes((taking_part | {server}) if state == "back" else (taking_part - {server}))
            self.changed.notify_all()

    def look_for_stranded(self, servers: Collection[str], away: Collection[str]) -> None:
        """Ends the batch where nothing is left but jobs that only servers can run that are `away` for long, or none."""
        with self.changed:
            left = set(servers) - set(self.gone)
            if not left and not away and self.unsettled:
                why = "; ".join(self.gone.values())
                help = _DRIFT if _GONE["changed"] in why else _DOCTOR
                self.end(Stop("away", f"no server is left that can be used: {why}", help))
                return
            stranded = self.scheduler.unplaced
            if len(stranded) < len(self.unsettled) or not stranded:
                return
            places = list(map(self.placeable, stranded))
            if any(able is None or left.intersection(able) for able in places):
                return
            count = f"{len(stranded):,} job{'s' * (len(stranded) > 1)}"
            if any(set(away).intersection(able or ()) for able in places):
                self.end(Stop("away", f"the servers that can run what is left ({count}) are away", _START))
            else:
                self.end(Stop("unplaced", f"no server can run what is left ({count})", _ABLE))

    def trouble(self, problem: OSError | LedgerProblem) -> None:
        """Ends the batch over its disk or its ledger, where nothing can be kept any more."""
        if isinstance(problem, LedgerProblem):
            self.end(Stop("ledger", problem.what, problem.help))
        else:
            where = f'"{problem.filename}": ' if problem.filename else ""
            self.end(Stop("disk", f"{where}{problem.strerror or problem}", _ROOM))

    def wait(self, seconds: float) -> None:
        """Waits until something has changed, or so long."""
        with self.changed:
            if not self.leave:
                self.changed.wait(seconds)

    def wait_until(self, over: Callable[[], bool], seconds: float) -> bool:
        """Whether something came to be within so many seconds."""
        end = time.monotonic() + seconds
        with self.changed:
            while not over() and (left := end - time.monotonic()) > 0:
                self.changed.wait(left)
            return over()


_LOOK = "look at the reasons with comfyproof batch status, then try them again with comfyproof batch retry --failed"
_GONE = {"changed": "is another than it was", "quarantined": "is not trusted any more"}
_DRIFT = "look at it with comfyproof doctor, and give the same command with --allow-drift to go on with it"
_DOCTOR = "look at the servers with comfyproof doctor, and give the same command"
_ABLE = "see with --dry-run what they lack, and name a server with --servers that has it"
_START = "start them, and give the same command"
_ROOM = "make room or give the right to write, and give the same command"

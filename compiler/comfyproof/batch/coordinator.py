"""The coordinator of a batch: opens its folder and ledger, keeps a lane for every server, and sees it to its end."""

from __future__ import annotations

import json
import os
import shutil
import socket
import tempfile
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from ..fleet.placement import Placement, Unplaced
from ..fleet.servers import Server
from ..fleet.survey import Surveyed
from ..ordering import shards
from ..plan.machine import Machine
from ..run.client import Client
from ..run.waiting import USUAL, Timeouts
from .desk import Desk, Shard, Stop
from .events import EventLog
from .failpoints import passed
from .folder import BatchFolder, Lock
from .jobs import Jobs, Sort
from .lane import Lane
from .ledger import Ledger, LedgerProblem, Output, Row, copy_ledger
from .retrying import Budget
from .schedule import Bundle, Scheduler
from .store import Store, Stored
from .view import place_names, rebuild

LEASE = 15.0  # seconds for which a lane is held
_BEAT = 4.0
_LOOK = 0.2
_ID = 36  # characters of a prompt's id, with which the name of its folder begins
_ITS_OWN = ("lost", "interrupted", "fused")  # what says nothing against running a job there again


class Ended(NamedTuple):
    """How a batch ended: jobs by what they came to, those that show the same, and why it stopped early, if it did."""

    done: int
    failed: int
    left: int
    unexamined: int
    repeated: tuple[tuple[str, ...], ...]
    stop: Stop | None


class Terms(NamedTuple):
    """How a batch is to be run; seconds all.

    `patience` is how long jobs stay with a server that is away, `wait` how long all servers may be away, `job` how
    long a job may take. Without `allow_drift`, a server that is updated meanwhile gets no more jobs.
    """

    patience: float = 60.0
    wait: float = 300.0
    job: float = USUAL.job
    allow_drift: bool = False


@dataclass
class Coordinator:
    """One process that works on a batch; `shared` where others may, with a ledger in PostgreSQL.

    Used as a context, which locks the folder. Raises Locked, NoBatch, LedgerProblem, OSError.
    """

    folder: BatchFolder
    jobs: Jobs
    servers: Sequence[Server]
    terms: Terms
    placement: Placement
    ledger_url: str = ""
    also: Callable[[str], None] | None = None
    tell: Callable[[str, Mapping[str, Any]], None] = lambda *_: None
    fuse: bool = False
    dry: bool = False  # only to look: in a folder nothing changes then
    id: str = field(default_factory=lambda: f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}")
    signs: int = 0  # how often a person has asked to stop
    _stack: ExitStack = field(default_factory=ExitStack)
    _held: set[str] = field(default_factory=set)
    _lanes: dict[str, Lane] = field(default_factory=dict)

    @property
    def shared(self) -> bool:
        """Whether others may work on the batch, too."""
        return bool(self.ledger_url)

    def __enter__(self) -> Coordinator:
        try:
            return self._enter_dry() if self.dry and not self.shared else self._enter()
        except BaseException:
            self._stack.close()
            raise

    def _enter(self) -> Coordinator:
        shown = _without_password(self.ledger_url) if self.shared else ""
        self.batch = self.folder.create(shown)
        self._stack.callback(Lock(self.folder, shared=self.shared).release)
        url = self.ledger_url or self.folder.ledger_url()
        restoring = self.folder.own / "restoring"  # until all of it is: a crash in the middle must not end it
        if not self.shared and self.folder.has_no_ledger():
            restoring.touch()
        self.ledger = Ledger(url, self.batch)
        self._stack.callback(self.ledger.close)
        self.store = Store(self.folder.objects)
        self.log = EventLog(self.folder.events, self.also)
        self._stack.callback(self.log.close)
        if not self.shared:
            shutil.rmtree(self.folder.work, ignore_errors=True)
            self.folder.work.mkdir()
            (self.folder.own / "cancel").unlink(missing_ok=True)  # it was meant for one that is gone
        if self.jobs.models is not None:
            self.jobs.models.remember()
        self.ledger.name_jobs(self.jobs.named())
        if restoring.exists():
            passed("before-restore")
            self._restore()
            restoring.unlink()
        return self

    def _enter_dry(self) -> Coordinator:
        """Looks at a copy of the ledger, of which nobody has to be kept out."""
        ledger = self.folder.own / "ledger.sqlite"
        scratch = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="comfyproof-")))
        self.batch = str(self.folder.about()["batch"]) if ledger.exists() else "new"
        if ledger.exists():
            copy_ledger(ledger, scratch / "ledger.sqlite")
        self.ledger = Ledger(f"sqlite:///{scratch / 'ledger.sqlite'}", self.batch)
        self._stack.callback(self.ledger.close)
        self.store = Store(self.folder.objects)
        self.ledger.name_jobs(self.jobs.named())
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _restore(self) -> None:
        """Takes into a new ledger what the log says is done and the store still has, as after a ledger was lost."""
        found: dict[str, list[dict[str, Any]]] = {}
        for event in read_events(self.folder):
            if event.get("event") == "accepted" and event.get("job") in self.jobs.forms:
                found.setdefault(event["job"], []).append(event)
            elif event.get("event") == "done" and (events := found.pop(str(event.get("job")), None)):
                with suppress(KeyError, TypeError):
                    self._restored(events, str(event["verdict"]))

    def _restored(self, events: Sequence[Mapping[str, Any]], verdict: str) -> None:
        outputs = [
            Output(e["job"], e["output"], Stored(e["sha256"], e["bytes"], e["ending"]), e["stage"], []) for e in events
        ]
        row = self.ledger.row(events[0]["job"])
        if row is not None and not any(self.store.damage(each.stored) for each in outputs):
            row = row._replace(server=events[0]["server"], prompt_id=events[0]["prompt_id"])
            self.ledger.accept(row, outputs, verdict, 0.0)

    # What there is to do.

    @cached_property
    def lacks(self) -> dict[Sort, Mapping[str, tuple[Unplaced, ...]]]:
        """What keeps each server from running jobs of each sort."""
        return self.jobs.lacks(self.placement)

    def placeable(self, key: str) -> Collection[str] | None:
        """The servers that can run a job, those that are away among them; those that may be too small if no other."""
        lacks = self.lacks[self.jobs.sort[key]]
        able = [name for name, found in lacks.items() if all(each.kind == "away" for each in found)]
        return able or [name for name, found in lacks.items() if not any(each.sure for each in found)]

    def _rows(self) -> list[Row]:
        """The rows of this command's jobs, also where another command has since named other jobs."""
        return [row for row in self.ledger.rows(all=True) if row.key in self.jobs.forms]

    def settle_rows(self) -> list[Row]:
        """The rows of the batch, once what the store has lost is to be done again."""
        lost = {o.key for o in self.ledger.outputs() if not self.store.has(o.stored)}
        rows = self._rows()
        again = [row.key for row in rows if row.state == "done" and row.key in lost]
        if again:
            self.ledger.redo(again)
            rows = self._rows()
        return rows

    def run(self) -> Ended:
        """Does what is to be done, until it is done or has to stop."""
        rows = self.settle_rows()
        todo = [row.key for row in rows if row.state in ("todo", "claimed")]
        desk = self._desk(rows)
        with ExitStack() as stack:
            if todo:
                stack.enter_context(self._engine(desk))
            names = [server.name for server in self.servers]
            desk.say("began", batch=self.batch, coordinator=self.id, jobs=len(rows), servers=names)
            self._tidy(desk, rows)
            del rows  # they are many, and soon old
            if todo:
                self._drive(desk)
        return self._ended(desk)

    def _desk(self, rows: Sequence[Row]) -> Desk:
        free = set(self.ledger.abandon([server.name for server in self.servers]))
        unsettled = {row.key for row in rows if row.state in ("todo", "claimed")}
        keys = [key for key in self.jobs.keys if key in unsettled]
        profiles = [self.jobs.profiles[key] for key in keys]
        cut = shards(profiles, range(len(keys)))
        groups: dict[str, int] = {}
        if self.fuse:
            together = [group for part in cut for group in part.groups]
            groups = {keys[n]: number for number, group in enumerate(together) for n in group}
        scheduler = Scheduler(
            [Bundle(tuple(keys[n] for n in group), part.model) for part in cut for group in part.groups], self.placeable
        )
        scheduler.lanes(server.name for server in self.servers)
        for row in rows:
            if row.state == "claimed" and row.key not in free:
                scheduler.moved([row.key], str(row.server))
        self._keep_away(scheduler, {row.key: row for row in rows if row.state == "todo" and row.epoch})
        return Desk(
            batch=self.batch,
            coordinator=self.id,
            folder=self.folder,
            ledger=self.ledger,
            store=self.store,
            log=self.log,
            scheduler=scheduler,
            program=self.jobs.program,
            placeable=self.placeable,
            budget=Budget(len(rows)),
            names=lambda key: self.jobs.names.get(key, []),
            tell=self.tell,
            unsettled=unsettled,
            groups=groups,
            machine=self._machine,
        )

    def _before(self, server: str) -> Surveyed | None:
        """What a server was when the batch was planned."""
        if self.terms.allow_drift:
            return None
        return next((seen for seen in self.placement.seen if seen.server.name == server), None)

    def _keep_away(self, scheduler: Scheduler, again: Mapping[str, Row]) -> None:
        """Lets jobs that failed on a server go to others first, as if no crash had come between."""
        for attempt in self.ledger.attempts() if again else ():
            row = again.get(attempt.key)
            if row is not None and row.epoch == attempt.epoch + 1 and attempt.outcome not in _ITS_OWN:
                scheduler.moved([row.key], attempt.server)
                scheduler.back([row.key], avoid=attempt.server)

    def _machine(self, server: str) -> Machine | None:
        return next((seen.machine for seen in self.placement.seen if seen.server.name == server), None)

    def _tidy(self, desk: Desk, rows: Sequence[Row]) -> None:
        """Says again what a crash kept from being said, and gives every done job its names."""
        said = _said(self.folder)
        for attempt in self.ledger.attempts():
            if attempt.prompt_id in said.sent and (attempt.key, str(attempt.epoch)) not in said.attempts:
                facts = {"job": attempt.key, "prompt_id": attempt.prompt_id, "server": attempt.server}
                desk.say("attempt", **facts, outcome=attempt.outcome, reason=attempt.reason, epoch=attempt.epoch)
        for row in rows:
            if row.state == "failed" and row.key not in said.failed:
                desk.say("failed", job=row.key, reason=str(row.reason))
        done = {row.key: row for row in rows if row.state == "done"}
        over = {row.prompt_id for row in done.values()} - {row.prompt_id for row in rows if row.state != "done"}
        for left in self.folder.work.iterdir():  # what others are about to verify stays
            if left.name[:_ID] in over:
                shutil.rmtree(left, ignore_errors=True)
        for key, outputs in _by_key(self.ledger.outputs()):
            if key in done:
                if said.done.get(key, "") != done[key].prompt_id:
                    desk.restate(done[key], outputs, str(done[key].verdict))
                if self.shared:  # a view that others add to is not made anew
                    place_names(self.folder, self.store, key, self.jobs.names.get(key, []), outputs)
        if not self.shared:
            rebuild(self.folder, self.ledger, self.store)

    # Lanes.

    @contextmanager
    def _engine(self, desk: Desk) -> Iterator[None]:
        from .engine import Engine

        url = self.ledger_url or self.folder.engine_url()
        file = None if self.shared else self.folder.own / "engine.sqlite"
        self.engine = Engine(url, file, self.id if self.shared else "comfyproof", self._run_shard)
        timeouts = Timeouts().within(self.terms.job)
        for server in self.servers:
            client = Client(server.url, access=server.access, timeouts=timeouts)
            self._lanes[server.name] = Lane(
                server,
                client,
                desk,
                self._start,
                self._holder(server.name),
                self.terms.patience,
                self._before(server.name),
            )
        yield
        if not desk.leave:
            self.engine.close()

    def _holder(self, name: str) -> Callable[[], bool]:
        return lambda: name in self._held

    def _start(self, shard: Shard, server: str) -> None:
        self.engine.start(shard.id, server, shard.keys)

    def _run_shard(self, shard: str, server: str, keys: Sequence[str]) -> dict[str, int]:
        """What the engine's step does: the lane has the shard, or the ledger has moved on."""
        lane = self._lanes.get(server)
        future: Future[dict[str, int]] | None = lane.outcome_of(shard) if lane else None
        return future.result() if future else {"left": len(keys)}

    def _drive(self, desk: Desk) -> None:
        beating = threading.Event()
        self._beat(desk)
        keeper = threading.Thread(target=self._keep, args=(desk, beating), name="comfyproof-keeper", daemon=True)
        if self.shared:
            keeper.start()
        for lane in self._lanes.values():
            lane.thread.start()
        while any(lane.thread.is_alive() for lane in self._lanes.values()) and not desk.leave:
            desk.finished.wait(_LOOK)
            self._look(desk)
            if desk.over:
                for lane in self._lanes.values():
                    lane.thread.join(_LOOK)
                    if self.signs > 1:
                        desk.leave = True
        beating.set()
        if self.shared and not desk.leave:
            keeper.join()
            for name in list(self._held):
                self.ledger.leave_lane(name, self.id)
        for lane in self._lanes.values():
            if lane.problem is not None:
                raise lane.problem

    def _look(self, desk: Desk) -> None:
        """Looks for reasons to stop."""
        if self.signs:
            desk.end(Stop("interrupted", "interrupted", "give the same command to go on"))
        if self.signs > 1:
            desk.leave = True
        self._cancel_asked(desk)
        with desk.changed:
            away = [lane.away_since for lane in self._lanes.values() if lane.name in desk.scheduler.taking_part]
            away += [lane.away_since for lane in self._lanes.values() if lane.away_since is not None]
        now = time.monotonic()
        if away and all(since is not None and now - since > self.terms.wait for since in away):
            reason = f"no server could be reached for {self.terms.wait:g} s"
            desk.end(Stop("away", reason, "start them, and give the same command"))
        waited_for = {n for n, a in self._lanes.items() if a.away_since and now - a.away_since > self.terms.wait}
        desk.look_for_stranded(set(self._lanes) - waited_for, waited_for)

    def _cancel_asked(self, desk: Desk) -> None:
        request = self.folder.own / "cancel"
        if not request.exists():
            return
        wanted = set(request.read_text("utf-8", "replace").split("\n"))
        request.unlink(missing_ok=True)
        keys = [key for key, names in self.jobs.names.items() if "*" in wanted or wanted.intersection(names)]
        desk.cancel([key for key in keys if key in desk.unsettled])

    # Sharing.

    def _keep(self, desk: Desk, ended: threading.Event) -> None:
        """Holds on to the lanes as long as this process lives, and takes over those of others that do not."""
        well = time.monotonic()
        while not ended.wait(_BEAT):
            try:
                self._beat(desk)
                self.ledger.abandon([server.name for server in self.servers])
                desk.catch_up(self._rows())
                well = time.monotonic()
            except Exception as problem:  # whatever it is, nobody may submit without a lane
                self._held.clear()
                if time.monotonic() - well > self.terms.wait:
                    desk.trouble(problem if isinstance(problem, LedgerProblem) else LedgerProblem(str(problem)))
                with suppress(OSError):
                    desk.say("ledger", state="away", reason=str(problem))

    def _beat(self, desk: Desk) -> None:
        for name, lane in self._lanes.items():
            if self.shared and not self.ledger.hold_lane(name, self.id, LEASE):
                self._held.discard(name)
                continue
            if name in self._held:
                continue
            shard = str(uuid.uuid4())
            if keys := self.ledger.adopt(name, self.id, shard, desk.unsettled):
                with desk.changed:
                    desk.scheduler.moved(keys, name)
                desk.say("claimed", shard=shard, server=name, jobs=keys, adopted=True)
                lane.adopt(Shard(shard, tuple(keys), unsure=True))
            self._held.add(name)

    def _ended(self, desk: Desk) -> Ended:
        rows = self._rows()
        counts = Counter(row.state for row in rows)
        left, failed = counts["todo"] + counts["claimed"], counts["failed"] + counts["cancelled"]
        unexamined = sum(row.verdict == "not fully examined" for row in rows)
        repeated = tuple(tuple(group) for group in self.ledger.repeated())
        for group in repeated:
            desk.say("repeated", jobs=list(group))
        ended = Ended(counts["done"], failed, left, unexamined, repeated, desk.stop)
        passed("before-end")
        desk.say("ended", done=ended.done, failed=ended.failed, left=ended.left, exit=exit_of(ended))
        passed("after-end")
        return ended


def exit_of(ended: Ended) -> int:
    """The exit code that says how a batch ended."""
    if ended.stop is not None and ended.stop.kind in _EXITS:
        return _EXITS[ended.stop.kind]
    if ended.failed or ended.left:
        return 1
    return 3 if ended.unexamined else 0


_EXITS = {"interrupted": 130, "disk": 6, "ledger": 6, "away": 4, "failing": 1}


def read_events(folder: BatchFolder) -> Iterator[dict[str, Any]]:
    """What a log holds, without what a crash has torn."""
    with suppress(FileNotFoundError), folder.events.open("rb") as lines:
        for line in lines:
            with suppress(ValueError, RecursionError):
                event = json.loads(line)
                if isinstance(event, dict):
                    yield event


class _Said(NamedTuple):
    """What the log says: which prompts were sent, which attempts at which jobs failed, which jobs are done by which."""

    sent: set[str]
    attempts: set[tuple[str, str]]
    failed: set[str]
    done: dict[str, Any]


def _said(folder: BatchFolder) -> _Said:
    said = _Said(set(), set(), set(), {})
    accepted: dict[str, Any] = {}
    for event in read_events(folder):
        kind, job = event.get("event"), str(event.get("job"))
        if kind in ("submitted", "found"):
            said.sent.add(str(event.get("prompt_id")))
        elif kind == "attempt":
            said.attempts.add((job, str(event.get("epoch"))))
        elif kind == "failed":
            said.failed.add(job)
        elif kind == "accepted":
            accepted[job] = event.get("prompt_id")
        elif kind == "done":
            said.done[job] = accepted.get(job)
    return said


def _by_key(outputs: Iterator[Output]) -> Iterator[tuple[str, list[Output]]]:
    key = ""
    found: list[Output] = []
    for output in outputs:
        if output.key != key and found:
            yield key, found
            found = []
        key = output.key
        found.append(output)
    if found:
        yield key, found


def _without_password(url: str) -> str:
    from sqlalchemy import make_url

    return make_url(url).set(password=None).render_as_string()

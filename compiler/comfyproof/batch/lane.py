"""One server's lane: a thread that keeps one prompt running there and one waiting, and brings home what they make."""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from ..catalog.pinned import Catalog
from ..driver import Program
from ..fleet.servers import Server
from ..fleet.survey import Surveyed, drift, look_again
from ..run.answers import Lost, Succeeded, TimedOut
from ..run.client import Client
from ..run.prepare import server_catalog
from ..run.problems import ServerMisbehaved, ServerProblem
from .desk import Desk, Shard, Stop
from .failpoints import passed
from .flight import Flight, Member, NotTaken, Unfit, board, submit, told
from .job import prompt_id_of
from .ledger import LedgerProblem, Row
from .retrying import Breaker, Refusals

AHEAD = 2  # prompts of ours on a server at most: one runs, one waits
_IDLE = 0.25  # seconds between looks for work that nobody announced
_STOPPING = 2.0  # seconds in which a server may stop what it is asked to stop


class Lane:
    """Runs jobs on one server until the desk has no more.

    `start` begins a shard's workflow, `holds` says whether this coordinator may submit there. `patience` is for how
    many seconds jobs stay with a server that is away. `before` is what the server was when the batch was planned, and
    has to stay; None where it may change.
    """

    def __init__(
        self,
        server: Server,
        client: Client,
        desk: Desk,
        start: Callable[[Shard, str], None],
        holds: Callable[[], bool],
        patience: float,
        before: Surveyed | None,
    ) -> None:
        self.server, self._client, self._desk = server, client, desk
        self._before = before
        self._start, self._holds, self._patience = start, holds, patience
        self._shards: dict[str, set[str]] = {}
        self._futures: dict[str, Future[dict[str, int]]] = {}
        self._waiting: list[str] = desk.pending.setdefault(server.name, [])
        self._unsure = desk.unsure.setdefault(server.name, set())
        self._flights: deque[Flight] = deque()
        self._uploads: dict[str, tuple[int, int, str]] = {}
        self._catalogs: dict[frozenset[str], Catalog] = {}
        self._system: Mapping[str, Any] = {}
        self._breaker = Breaker(random.Random())  # noqa: S311 - jitter
        self._orphans: dict[str, str] = {}  # jobs given back that the server may have, and their prompts
        self._stuck = ""  # a prompt that the server does not stop
        self._unsorted = self._retired = False
        self._refusals, self._freed = Refusals(), 0.0
        self.away_since: float | None = None
        self.problem: BaseException | None = None
        self.thread = threading.Thread(target=self._run, name=f"comfyproof-lane-{server.name}", daemon=True)

    @property
    def name(self) -> str:
        """The server's name."""
        return self.server.name

    # Shards.

    def adopt(self, shard: Shard) -> None:
        """Takes over jobs that are claimed already."""
        with self._desk.changed:
            self._shards[shard.id] = set(shard.keys)
            self._futures.setdefault(shard.id, Future())
            self._waiting += shard.keys
            if shard.unsure:
                self._unsure.update(shard.keys)
                self._unsorted = True
        self._start(shard, self.name)

    def outcome_of(self, shard: str) -> Future[dict[str, int]] | None:
        """What comes of a shard; None where this lane does not have it."""
        with self._desk.changed:
            return self._futures.get(shard)

    def _off(self, key: str, *, settled: bool = True) -> None:
        """A job is no longer this lane's; a shard without jobs is over."""
        with self._desk.changed:
            if settled:
                self._refusals.forget(key)
            for id, keys in list(self._shards.items()):
                keys.discard(key)
                mine = [each for each in self._waiting if each in keys]
                if not keys or not (mine or any(keys.intersection(flight.keys) for flight in self._flights)):
                    del self._shards[id]
                    self._futures.pop(id).set_result({"left": len(keys)})
                    passed("after-shard")

    def _run(self) -> None:
        desk = self._desk
        try:
            with self._client, self._client.listen():
                while not desk.leave:
                    try:
                        if not self._round():
                            break
                    except ServerProblem as problem:
                        self._away(problem)
        except (OSError, LedgerProblem) as problem:
            desk.trouble(problem)
        except BaseException as problem:  # told by the coordinator
            self.problem = problem
            desk.end(Stop("broken", repr(problem)))
        finally:
            self._give_up_shards()

    def _round(self) -> bool:
        """Does the next thing; false once there is nothing more to do."""
        if self._desk.over and not self._flights:  # a server that is away is not asked then
            return False
        self._fill()
        if self._flights:
            self._settle(self._flights[0])
        elif self._desk.over or self._retired:
            return False
        else:
            self._desk.wait(_IDLE)
        return True

    def _fill(self) -> None:
        """Sees to it that a prompt runs, and one waits behind it."""
        desk = self._desk
        if self._unsorted:
            self._sort()
        while len(self._flights) < AHEAD and desk.stop is None and not desk.leave and self._holds():
            if self._flights and not self._unsure and not desk.may_prefetch(self.name):
                return
            key = self._next()
            if key is None:
                return
            self._begin(key)

    def _sort(self) -> None:
        """Puts first what the server is known to have, so that there is never more of ours than one behind another."""
        queued = self._client.queued()
        with self._desk.changed:
            ids = {key: self._prompt_ids({key})[0] for key in self._waiting if key in self._unsure}
            known = [key for key, prompt_id in ids.items() if prompt_id in queued]
            self._desk.say("queue", server=self.name, prompts=[ids[key] for key in known])
            self._waiting[:] = [*known, *(key for key in self._waiting if key not in known)]
            self._unsorted = False

    def _next(self) -> str | None:
        if not self._waiting and (shard := self._desk.next_shard(self.name)) is not None:
            self.adopt(shard)
            self._is_unchanged()  # looked at only where there is work, which goes back if it is not
        with self._desk.changed:
            return self._waiting.pop(0) if self._waiting else None

    def _begin(self, key: str) -> None:
        """Submits a job, with others that share its work where that is wanted, or says why not."""
        desk, unsure = self._desk, key in self._unsure
        try:
            rows = self._party(key)
        except ServerProblem:
            with desk.changed:
                self._waiting.insert(0, key)
            raise
        if not rows:
            return
        keys = [row.key for row in rows]
        try:
            jobs = [(row, program) for row in rows if (program := self._program(row)) is not None]
            if not jobs:
                return
            catalog = self._catalog([program for _, program in jobs])
            flight = board(jobs, self._client, catalog, self._upload, desk.folder.work)
            self._unsure.update(keys)  # from here on the server may have it, whatever it answers
            state = submit(flight, unsure=unsure)
        except Unfit as problem:
            reason = str(problem)
            self._drop(rows, lambda row: desk.unfit(row, reason))
            return
        except NotTaken as problem:
            reason = str(problem)
            self._drop(rows, lambda row: self._judge(row, "refused", reason, alone=len(rows) == 1))
            return
        except ServerProblem as problem:
            if self._is_hopeless(key, problem):
                self._breaker.answered()
                reason = problem.what
                self._drop(rows, lambda row: desk.unfit(row, reason, asked=True))
                self._look_at_health()
                return
            with desk.changed:
                self._waiting[:0] = keys
            raise
        self._unsure.difference_update(keys)
        self.away_since = None
        self._flights.append(flight)
        for row in rows:
            if row.key not in desk.unsettled:
                continue
            facts = {"job": row.key, "prompt_id": row.prompt_id, "server": self.name, "epoch": row.epoch}
            if state == "absent":
                desk.say("submitted", **facts)
            else:
                desk.say("found", **facts, state=state)

    def _drop(self, rows: Sequence[Row], judge: Callable[[Row], None]) -> None:
        """Passes judgement on jobs that are not to be run here."""
        for row in rows:
            self._unsure.discard(row.key)
            judge(row)
            self._off(row.key)

    def _is_unchanged(self) -> bool:
        """Whether the server is what it was; from one that is another nothing more is wanted."""
        if self._before is None or self._retired:
            return not self._retired
        now = look_again(self._before)
        if not now.reachable:
            return True  # whoever asks it next will notice
        if self._before.reachable and (how := drift(self._before, now)):
            self._retired = True
            self._desk.server(self.name, "changed", how)
            self._give_back()
            return False
        self._before = now
        return True

    def _party(self, key: str) -> list[Row]:
        """The rows of a job and of those that go in one prompt with it, with the id of that prompt; none if it is over.

        What was sent together before a crash is looked for together after it.
        """
        desk = self._desk
        row = desk.ledger.row(key)
        if row is None or not self._is_ours(row):
            self._unsure.discard(key)
            self._off(key)
            return []
        own = prompt_id_of(desk.batch, key, row.epoch)
        if key in self._unsure and row.prompt_id not in (None, own):
            return self._together_again(row)
        rows = [row] if key in self._unsure else desk.party(row, self._take_like(row))
        if len(rows) == 1:
            return [row._replace(server=self.name, prompt_id=own)]
        prompt_id = prompt_id_of(desk.batch, "+".join(each.key for each in rows), row.epoch)
        desk.ledger.bind([each.key for each in rows], prompt_id)
        return [each._replace(server=self.name, prompt_id=prompt_id) for each in rows]

    def _together_again(self, row: Row) -> list[Row]:
        """All that a prompt was sent for, where the server knows it; those that are done come along for their part."""
        desk, prompt_id = self._desk, str(row.prompt_id)
        rows = desk.ledger.bound(prompt_id)
        known = self._client.sight(prompt_id)[0] != "absent"  # they wait here for as long as it does not answer
        with desk.changed:
            mine = {each.key for each in rows}
            self._waiting[:] = [key for key in self._waiting if key not in mine]
        if known:
            return [each._replace(server=self.name) for each in rows]
        keys = [each.key for each in rows if each.state == "claimed"]
        desk.ledger.bind(keys, None)
        with desk.changed:
            self._unsure.difference_update(keys)
            self._waiting[:0] = [key for key in keys if key != row.key]
        return self._party(row.key)

    def _take_like(self, row: Row) -> list[Row]:
        """The jobs that come next here and share the work of one, now taken from those that wait."""
        desk = self._desk
        with desk.changed:
            keys = desk.alike(row.key, [key for key in self._waiting if key not in self._unsure])
            self._waiting[:] = [key for key in self._waiting if key not in keys]
        return [each for key in keys if (each := desk.ledger.row(key)) is not None and self._is_ours(each)]

    def _is_ours(self, row: Row) -> bool:
        """Whether a job is still claimed for this lane: another may have taken it while this process was asleep."""
        return (row.server, row.coordinator, row.state) == (self.name, self._desk.coordinator, "claimed")

    def _program(self, row: Row) -> Program | None:
        try:
            return self._desk.program(row.key)
        except ValueError as problem:
            reason = str(problem)
            self._drop([row], lambda row: self._desk.fail(row, reason))
            return None

    def _is_hopeless(self, key: str, problem: ServerProblem) -> bool:
        """Whether a server that answers will not take a job or give its files, time and again."""
        return self._refusals.are_enough(key, problem.status if isinstance(problem, ServerMisbehaved) else 0)

    def _catalog(self, programs: Sequence[Program]) -> Catalog:
        """What the server says of the node classes of some graphs, asked once."""
        classes = frozenset(node.type for program in programs for node in program.graph.nodes.values())
        if classes not in self._catalogs:
            if not self._system:
                self._system = self._client.system_stats()
            self._catalogs[classes] = server_catalog(self._client, programs[0].graph, self._system)
        return self._catalogs[classes]

    def _upload(self, path: Path) -> str:
        """The name under which the server has a file, uploaded once."""
        facts = path.stat()
        size, changed, name = self._uploads.get(str(path), (-1, -1, ""))
        if (size, changed) != (facts.st_size, facts.st_mtime_ns):
            name = self._client.upload(path)
            self._uploads[str(path)] = (facts.st_size, facts.st_mtime_ns, name)
        return name

    def _settle(self, flight: Flight) -> None:
        """Waits for the prompt that runs, lets the next one begin, and then sees what the first came to."""
        try:
            outcome = flight.wait()
        except ServerMisbehaved as problem:
            if not self._refusals.are_enough(flight.keys[0], problem.status, passing=False):
                raise
            outcome = TimedOut(problem.what)  # it answers, and never tells what became of this one
        for member in flight.members:
            row = member.row
            if row.key in self._desk.unsettled:
                self._desk.say("executed", job=row.key, prompt_id=row.prompt_id, server=self.name)
        seconds = time.monotonic() - max(flight.begun, self._freed)
        self._freed = time.monotonic()
        self._flights.popleft()
        if isinstance(outcome, TimedOut):
            self._withdraw(flight, outcome)
            return
        if isinstance(outcome, Lost):
            self._forgotten()
            self._is_unchanged()  # whoever restarts a server may have updated it
        else:
            self._breaker.answered()
        try:
            self._fill()
            if isinstance(outcome, Succeeded):
                for member in flight.members:
                    self._bring_home(member, outcome, seconds / len(flight.members))
                return
        except ServerProblem:
            self._flights.appendleft(flight)  # found again once the server is back
            raise
        word, reason = told(outcome, flight)
        for member in flight.members:
            self._judge(member.row, word, reason, alone=len(flight.members) == 1)
            self._off(member.row.key)

    def _withdraw(self, flight: Flight, outcome: TimedOut) -> None:
        """Stops a prompt that takes too long; a server that does not stop it is as good as away."""
        word, reason = told(outcome, flight)
        try:
            self._client.cancel(flight.prompt_id)
            end = time.monotonic() + _STOPPING
            while (goes_on := flight.prompt_id in self._client.queued()) and time.monotonic() < end:
                self._desk.wait_until(lambda: self._desk.leave, _IDLE)
        except ServerProblem:
            goes_on = True
        for member in flight.members:
            self._judge(member.row, word, reason, alone=len(flight.members) == 1)
            self._off(member.row.key)
        if goes_on:
            self._stuck = flight.prompt_id
            raise ServerMisbehaved(self._client.url, "does not stop a prompt that took too long", "restart it")

    def _bring_home(self, member: Member, outcome: Succeeded, seconds: float) -> None:
        desk, row = self._desk, member.row
        if row.key not in desk.unsettled:  # done before a crash, in the same prompt
            self._off(row.key)
            return
        try:
            verdict, reason = member.bring_home(outcome, self._client)
        except ServerProblem as problem:
            if not self._is_hopeless(row.key, problem):
                raise
            verdict, reason = "gone", problem.what
        if verdict in ("verified", "not fully examined"):
            desk.accept(row, member.outputs(desk.store), verdict, seconds)
            member.landed()
            self._off(row.key)
            return
        if verdict in ("not-as-promised", "damaged"):
            member.keep_evidence(desk.folder.own / "failed" / f"{row.key[:16]}-{row.epoch}")
        member.landed()
        self._judge(row, verdict, reason, alone=True)
        self._off(row.key)

    def _judge(self, row: Row, word: str, reason: str, *, alone: bool) -> None:
        """Notes what became of a job; what several were sent for together is each one's own fault only once alone."""
        if row.key not in self._desk.unsettled:
            return
        free = self._desk.went_wrong(row, word if alone or word == "lost" else "fused", reason)
        if free:
            with contextlib.suppress(ServerProblem):  # whoever asks it next will notice
                self._client.free()
        self._look_at_health()

    def _look_at_health(self) -> None:
        if self._desk.health.quarantined(self.name) and self.name not in self._desk.gone:
            self._desk.server(self.name, "quarantined", "jobs fail here that succeed elsewhere")
            self._give_back()

    def _forgotten(self) -> None:
        """The server has lost a prompt: it may have lost what was uploaded, and whatever else it was."""
        self._uploads.clear()
        self._catalogs.clear()
        self._system = {}

    # A server that is away.

    def _away(self, problem: ServerProblem) -> None:
        """Waits for a server to come back; its jobs stay with it for as long as the patience lasts."""
        desk = self._desk
        with desk.changed:  # nobody knows what became of them
            self._unsorted = True
            flying = [key for flight in self._flights for key in flight.keys]
            self._unsure.update(flying)
            self._waiting[:0] = flying
            self._flights.clear()
        if self._stuck:  # what waits behind it would wait for ever
            self._give_back()
            self._withdraw_orphans()
        self._forgotten()
        since = self.away_since = self.away_since or time.monotonic()
        desk.server(self.name, "away", problem.what)
        while not desk.leave and not desk.over:
            self._breaker.failed(time.monotonic())
            desk.wait_until(lambda: desk.leave or desk.over, self._breaker.pause(time.monotonic()))
            if time.monotonic() - since > self._patience:
                self._give_back()
            try:
                self._system = self._client.system_stats()
                if self._stuck and self._stuck in self._client.queued():
                    continue
            except ServerProblem:
                self._refusals.was_away()
                continue
            self._stuck = ""
            self._refusals.was_there()
            quarantined = desk.health.quarantined(self.name)
            if self._is_unchanged() and not quarantined:
                if self._holds():
                    self._take_back()
                desk.server(self.name, "back")
            self._withdraw_orphans()
            return

    def _take_back(self) -> None:
        """Claims again what was given back and nobody has taken: the server may have it, or be done with it."""
        alone = [key for key, prompt_id in self._orphans.items() if [prompt_id] == self._prompt_ids({key})]
        if (shard := self._desk.take_back(alone, self.name)) is not None:
            for key in shard.keys:
                del self._orphans[key]
            self.adopt(shard)

    def _withdraw_orphans(self) -> None:
        """Withdraws what other lanes may have by now: it is not to be run twice."""
        for key, prompt_id in list(self._orphans.items()):
            with contextlib.suppress(ServerProblem):
                self._client.cancel(prompt_id)
                del self._orphans[key]

    def _give_back(self) -> None:
        """Lets other lanes have the jobs that wait here."""
        with self._desk.changed:
            keys = list(self._waiting)
            self._waiting.clear()
            self._orphans |= {key: self._prompt_ids({key})[0] for key in keys if key in self._unsure}
            self._unsure.difference_update(keys)
            for key in keys:
                self._off(key, settled=False)
        self._desk.release(keys, self.name)

    def _prompt_ids(self, keys: set[str]) -> list[str]:
        rows = [row for key in keys if (row := self._desk.ledger.row(key)) is not None]
        return [row.prompt_id or prompt_id_of(self._desk.batch, row.key, row.epoch) for row in rows]

    def _give_up_shards(self) -> None:
        desk = self._desk
        with desk.changed:
            # What the server may know of stays claimed for it, so that it is found again.
            fresh = [key for key in self._waiting if key not in self._unsure]
            broken = desk.stop is not None and desk.stop.kind in ("disk", "ledger", "broken")
            if not broken and not desk.leave:
                with contextlib.suppress(LedgerProblem, OSError):
                    desk.release(fresh, self.name)
            for id, keys in self._shards.items():
                self._futures[id].set_result({"left": len(keys)})
            self._shards.clear()
            self._futures.clear()

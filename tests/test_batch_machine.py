"""A batch under all that can happen to it, in any order: crashes, wipes, partitions, duplicates, a second client.

The ledger, the desk, the scheduler and the retry table are the real ones; servers are modelled, and lanes are as thin
as can be: each follows the protocol of a real one, a step at a time, in whatever order is thought up.
"""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from comfyproof.batch.desk import Desk
from comfyproof.batch.events import EventLog
from comfyproof.batch.folder import BatchFolder
from comfyproof.batch.job import prompt_id_of
from comfyproof.batch.ledger import Attempt, Ledger, NewJob, Output, Row
from comfyproof.batch.retrying import Budget
from comfyproof.batch.schedule import Bundle, Scheduler
from comfyproof.batch.store import Store, Stored

SERVERS = ("a", "b", "c")
BATCH = "batch"
AHEAD = 2
LONG = 1e6
# What a job is like: "bad" fails on server a alone, "killer" takes its server down, "hollow" makes a black picture.
NATURES = ("good", "good", "good", "poison", "killer", "bad", "hollow", "hungry", "vanishing")


CLIENT = st.integers(0, 1)
SERVER = st.integers(0, 2)
ACTION = st.sampled_from(["submit", "submit", "submit, answer lost", "look", "look", "look, out of order"])


class Unreachable(Exception):
    """A server that cannot be asked now."""


class ModelServer:
    """What a ComfyUI is to us: a queue and a history in memory, which take any id, and any id twice."""

    def __init__(self, world: World, name: str) -> None:
        self.world, self.name = world, name
        self.reachable, self.slow, self.freed = True, False, False
        self.queue: list[str] = []
        self.history: dict[str, str] = {}
        self._progress = 0

    def ask(self) -> None:
        if not self.reachable:
            raise Unreachable

    def knows(self, prompt_id: str) -> bool:
        self.ask()
        return prompt_id in self.queue or prompt_id in self.history

    def post(self, prompt_id: str) -> None:
        self.ask()
        self.queue.append(prompt_id)

    def withdraw(self, prompt_id: str) -> None:
        self.ask()
        if self.queue and self.queue[0] == prompt_id:
            self._progress = 0
        self.queue = [each for each in self.queue if each != prompt_id]

    def wipe(self) -> None:
        for prompt_id in {*self.queue, *self.history}:
            self.world.forgotten[self.world.job_of[prompt_id]] += 1
        self.queue, self.history, self._progress = [], {}, 0

    def tick(self) -> None:
        """The prompt that runs gets on."""
        if not self.queue:
            return
        prompt_id = self.queue[0]
        job = self.world.job_of[prompt_id]
        if self._progress == 0:
            self.world.runs[job] += 1
        self._progress += 1
        if self.slow and self._progress < 3:
            return
        nature, self._progress = self.world.natures[job], 0
        if nature == "killer":
            self.wipe()
            return
        self.queue.pop(0)
        starved = nature == "hungry" and not self.freed
        failed = nature == "poison" or (nature == "bad" and self.name == "a")
        self.history[prompt_id] = "oom" if starved else "error" if failed else "success"


class World:
    """The servers, and what only somebody who sees everything knows."""

    def __init__(self, servers: Sequence[str], natures: dict[str, str], models: dict[str, str]) -> None:
        self.natures, self.models = natures, models
        self.servers = {name: ModelServer(self, name) for name in servers}
        self.job_of: dict[str, str] = {}
        self.runs: Counter[str] = Counter()
        self.forgotten: Counter[str] = Counter()
        self.accepted: Counter[str] = Counter()
        self.asked_again: Counter[str] = Counter()
        self.cancelled: set[str] = set()
        self.seen: set[str] = set()

    def prompt_id(self, row: Row) -> str:
        made = prompt_id_of(BATCH, row.key, row.epoch)
        self.job_of[made] = row.key
        return made


class ModelLane:
    """One client's lane for one server."""

    def __init__(self, client: ModelClient, name: str) -> None:
        self.client, self.desk, self.name = client, client.desk, name
        self.server = client.world.servers[name]
        self.waiting = self.desk.pending.setdefault(name, [])
        self.desk.unsure.setdefault(name, set())  # here they are not among those that wait
        self.unsure: list[str] = []  # the server may know them
        self.flights: list[Row] = []
        self.orphans: list[str] = []
        self.away = self.quarantined = False

    def adopt(self, keys: list[str]) -> None:
        self.unsure += keys
        self.orphans += [
            each.prompt_id for each in self.desk.ledger.attempts() if (each.server, each.outcome) == (self.name, "lost")
        ]

    def step(self, action: str) -> None:
        if self.name not in self.client.held:
            return
        try:
            self.server.ask()
            if self.away:
                self.away = False
                if not self.quarantined:
                    self.desk.server(self.name, "back")
            while self.orphans:
                self.server.withdraw(self.orphans[-1])
                self.orphans.pop()
            self.find()
            if action.startswith("submit"):
                self.submit(answer_lost=action == "submit, answer lost")
            elif self.flights:
                self.look(self.flights[-1 if action == "look, out of order" else 0])
        except Unreachable:
            if not self.away:
                self.away = True
                self.unsure = [row.key for row in self.flights] + self.unsure
                self.flights.clear()
                self.desk.server(self.name, "away", "unreachable")

    def find(self) -> None:
        """Looks for what the server may know, before anything new is sent."""
        while self.unsure:
            row = self.mine(self.unsure[0])
            if row is not None and self.server.knows(str(row.prompt_id)):
                self.flights.append(row)
            elif row is not None:
                self.waiting.insert(0, row.key)
            self.unsure.pop(0)

    def mine(self, key: str) -> Row | None:
        row = self.desk.ledger.row(key)
        if row is None or (row.state, row.server, row.coordinator) != ("claimed", self.name, self.desk.coordinator):
            return None
        return row._replace(prompt_id=self.client.world.prompt_id(row))

    def submit(self, *, answer_lost: bool) -> None:
        if len(self.flights) >= AHEAD or (self.flights and not self.desk.may_prefetch(self.name)):
            return
        if not self.waiting and (shard := self.desk.next_shard(self.name)) is not None:
            self.waiting += shard.keys
        if not self.waiting:
            return
        row = self.mine(self.waiting.pop(0))
        if row is None:
            return
        self.server.post(str(row.prompt_id))
        if answer_lost:
            self.unsure.append(row.key)
        else:
            self.flights.append(row)

    def look(self, row: Row) -> None:
        """What came of a prompt, if anything did by now."""
        prompt_id = str(row.prompt_id)
        if not self.server.knows(prompt_id):
            self.flights.remove(row)
            self.wrong(row, "lost")
        elif outcome := self.server.history.get(prompt_id):
            self.flights.remove(row)
            nature = self.client.world.natures[row.key]
            if outcome != "success":
                self.wrong(row, outcome)
            elif nature == "hollow":
                self.wrong(row, "not as promised")
            elif nature == "vanishing" and row.key not in self.client.world.seen:
                self.client.world.seen.add(row.key)
                self.wrong(row, "gone")
            else:
                self.accept(row)

    def accept(self, row: Row, colour: str = "0") -> None:
        output = Output(row.key, 0, Stored(colour * 64, 1, ".png"), "save", [])
        self.client.world.accepted[row.key] += self.desk.accept(row, [output], "verified", 1.0)

    def wrong(self, row: Row, outcome: str) -> None:
        if self.desk.went_wrong(row, outcome, outcome):
            self.server.freed = True
        if self.desk.health.quarantined(self.name) and not self.quarantined:
            self.quarantined = True
            self.desk.server(self.name, "quarantined")
            self.release()

    def lose_patience(self) -> None:
        """Others are to run what a server that stays away was to: under another id what it may have begun."""
        if not self.away:
            return
        while self.unsure:
            if (row := self.mine(self.unsure.pop(0))) is not None:
                self.orphans.append(str(row.prompt_id))
                self.wrong(row, "lost")
        self.release()

    def release(self) -> None:
        keys, self.waiting[:] = list(self.waiting), []
        self.desk.release(keys, self.name)


class ModelClient:
    """One process: all that it knows besides the ledger is gone when it ends."""

    def __init__(self, world: World, folder: BatchFolder, bundles: list[Bundle], number: int) -> None:
        self.world = world
        self.ledger = Ledger(folder.ledger_url(), BATCH)
        self.ledger.name_jobs(NewJob(key, key, models, {}) for key, models in world.models.items())
        rows = list(self.ledger.rows())
        unsettled = {row.key for row in rows if row.state in ("todo", "claimed")}
        left = [Bundle(tuple(key for key in each.keys if key in unsettled), each.models) for each in bundles]
        self.scheduler = Scheduler(left, lambda key: None, most=4)
        self.scheduler.lanes(world.servers)
        for row in rows:
            if row.state == "claimed":
                self.scheduler.moved([row.key], str(row.server))
        self.desk = Desk(
            batch=BATCH, coordinator=f"client{number}", folder=folder, ledger=self.ledger, store=Store(folder.objects),
            log=EventLog(folder.events), scheduler=self.scheduler, program=lambda key: None,  # type: ignore[arg-type,return-value]
            placeable=lambda key: None, budget=Budget(10**6), names=lambda key: [], tell=lambda *_: None,
            unsettled=unsettled,
        )  # fmt: skip
        self.held: set[str] = set()
        self.lanes = {name: ModelLane(self, name) for name in world.servers}
        self.beat()

    def beat(self) -> None:
        """Holds on to lanes, takes over those of others, and learns what they did."""
        for name, lane in self.lanes.items():
            if not self.ledger.hold_lane(name, self.desk.coordinator, LONG):
                self.held.discard(name)
            elif name not in self.held:
                keys = self.ledger.adopt(name, self.desk.coordinator, "shard", self.desk.unsettled)
                self.scheduler.moved(keys, name)
                lane.adopt(keys)
                self.held.add(name)
        self.desk.catch_up(list(self.ledger.rows()))

    def crash(self) -> None:
        self.desk.log.close()
        self.ledger.close()


class BatchMachine(RuleBasedStateMachine):
    """Whatever happens, every job is settled in the end, and none is run twice without a reason."""

    def __init__(self) -> None:
        super().__init__()
        shared = Path("/dev/shm")
        self.out = Path(tempfile.mkdtemp(prefix="comfyproof-machine-", dir=shared if shared.is_dir() else None))
        self.folder = BatchFolder(self.out)
        self.folder.create("")
        self.clients: list[ModelClient] = []
        self.old: list[Row] = []
        self.number = 0

    @initialize(
        natures=st.lists(st.sampled_from(NATURES), min_size=4, max_size=12),
        size=st.integers(1, 4),
        n=st.integers(1, 3),
        servers=st.sampled_from([1, 2, 2, 3]),
    )
    def begin(self, natures: list[str], size: int, n: int, servers: int) -> None:
        keys = [f"job{number}" for number in range(len(natures))]
        models = {key: f"model{number // size % n}" for number, key in enumerate(keys)}
        self.world = World(SERVERS[:servers], dict(zip(keys, natures, strict=True)), models)
        self.parts = [
            Bundle(tuple(keys[start : start + size]), models[keys[start]]) for start in range(0, len(keys), size)
        ]
        self.start_client()
        self.ledger = Ledger(self.folder.ledger_url(), BATCH)

    def client(self, which: int) -> ModelClient:
        return self.clients[which % len(self.clients)]

    def name(self, server: int) -> str:
        return SERVERS[server % len(self.world.servers)]

    # Clients.

    @precondition(lambda self: len(self.clients) < 2)
    @rule()
    def start_client(self) -> None:
        self.number += 1
        self.clients.append(ModelClient(self.world, self.folder, self.parts, self.number))

    @precondition(lambda self: self.clients)
    @rule(which=CLIENT, server=SERVER, action=ACTION)
    def crash_client(self, which: int, server: int, action: str) -> None:
        self.client(which).lanes[self.name(server)].step(action)
        client = self.clients.pop(which % len(self.clients))
        for name in self.world.servers:  # after a while
            self.ledger.leave_lane(name, client.desk.coordinator)
        client.crash()

    @precondition(lambda self: self.clients)
    @rule(which=CLIENT)
    def beat(self, which: int) -> None:
        self.client(which).beat()

    @precondition(lambda self: len(self.clients) == 2)
    @rule(which=CLIENT, rounds=st.integers(0, 2), servers=st.sets(SERVER, min_size=1))
    def sleep_too_long(self, which: int, rounds: int, servers: set[int]) -> None:
        """A client that was stopped for so long that lanes of its went to the other; it does not know."""
        for server in servers:
            self.ledger.leave_lane(self.name(server), self.clients[which].desk.coordinator)
        self.clients[1 - which].beat()
        self.work(1 - which, rounds)
        self.work(which, rounds)

    # Lanes.

    @precondition(lambda self: self.clients)
    @rule(which=CLIENT, server=SERVER, actions=st.lists(ACTION, min_size=1, max_size=3))
    def step(self, which: int, server: int, actions: list[str]) -> None:
        for action in actions:
            self.client(which).lanes[self.name(server)].step(action)

    @precondition(lambda self: self.clients)
    @rule(which=CLIENT, rounds=st.integers(1, 3))
    def work(self, which: int, rounds: int) -> None:
        """A client's lanes and the servers do what there is to do."""
        for _ in range(rounds):
            for name, lane in self.client(which).lanes.items():
                lane.step("submit")
                lane.step("submit")
                self.check()
                self.world.servers[name].tick()
                lane.step("look")

    @precondition(lambda self: self.clients)
    @rule(which=CLIENT, data=st.data())
    def hear_again(self, which: int, data: st.DataObject) -> None:
        """What was heard of before is told once more, after all that has happened since."""
        attempts, rows = list(self.ledger.attempts()), list(self.ledger.rows())
        if attempts:
            self.ledger.note(data.draw(st.sampled_from(attempts)), "todo")
            assert list(self.ledger.attempts()) == attempts
        if done := [row for row in rows if row.state == "done"]:
            row = data.draw(st.sampled_from(done))
            outputs = list(self.ledger.outputs(row.key))
            self.client(which).lanes[str(row.server)].accept(row, colour="f")
            assert list(self.ledger.outputs(row.key)) == outputs
        assert list(self.ledger.rows()) == rows

    # Servers.

    @rule(server=SERVER, times=st.integers(1, 3))
    def tick(self, server: int, times: int) -> None:
        for _ in range(times):
            self.world.servers[self.name(server)].tick()

    @rule(server=SERVER, wiped=st.booleans(), patience=st.booleans(), back=st.booleans())
    def outage(self, server: int, wiped: bool, patience: bool, back: bool) -> None:
        """A server cannot be reached: what it knew is gone, or it goes on with it, unseen."""
        name = self.name(server)
        for client in self.clients:
            client.lanes[name].step("submit")
        self.world.servers[name].reachable = False
        if wiped:
            self.world.servers[name].wipe()
        for client in self.clients:
            client.lanes[name].step("look")
            if not patience:
                client.lanes[name].lose_patience()
        for which in range(len(self.clients)):
            self.work(which, 1)
        self.world.servers[name].reachable = back

    @rule(server=SERVER)
    def restart(self, server: int) -> None:
        """So quickly that nobody sees it away."""
        self.world.servers[self.name(server)].wipe()

    @rule(server=SERVER, slow=st.booleans())
    def change(self, server: int, slow: bool) -> None:
        """A server is reachable, and as fast as it is."""
        self.world.servers[self.name(server)].reachable = True
        self.world.servers[self.name(server)].slow = slow

    # People.

    @rule(data=st.data(), which=CLIENT)
    def cancel(self, data: st.DataObject, which: int) -> None:
        key = data.draw(st.sampled_from(sorted(self.world.natures)))
        if self.clients:
            self.client(which).desk.cancel([key])
        else:
            self.ledger.cancel([key])
        row = self.ledger.row(key)
        if row is not None and row.state == "cancelled":
            self.world.cancelled.add(key)

    @precondition(lambda self: not self.clients)
    @rule()
    def retry(self) -> None:
        keys = [row.key for row in self.ledger.rows() if row.state in ("failed", "cancelled")]
        self.ledger.retry(keys)
        self.world.asked_again.update(keys)
        self.world.cancelled.difference_update(keys)

    # What holds whatever happens.

    @invariant()
    def check(self) -> None:
        world, rows = self.world, list(self.ledger.rows())
        outputs = Counter(output.key for output in self.ledger.outputs())
        attempts = Counter(each.key for each in self.ledger.attempts())
        # At most one result of a job is accepted, and nothing is done without one.
        assert set(outputs.values()) | set((+world.accepted).values()) <= {1}
        assert {row.key for row in rows if row.state == "done"} == set(outputs) == set(+world.accepted)
        for server in world.servers.values():
            assert len(server.queue) <= AHEAD, f"{server.name} has {server.queue}"
        for row in rows:
            # Run again only where a server forgot it, or after a verdict that was noted or a person who asked for it.
            noted = attempts[row.key] + world.asked_again[row.key]
            assert world.runs[row.key] <= 1 + world.forgotten[row.key] + noted, row
            assert row.epoch == noted, row
            assert row.state != "failed" or attempts[row.key], row
            assert row.key not in world.cancelled or row.state in ("cancelled", "done"), row

    def teardown(self) -> None:
        try:
            if hasattr(self, "ledger"):
                self.finish()
        finally:
            for client in self.clients:
                client.crash()
            if hasattr(self, "ledger"):
                self.ledger.close()
            shutil.rmtree(self.out)

    def finish(self) -> None:
        """The servers are well again, and the same command is given until it is done."""
        for server in self.world.servers.values():
            server.reachable, server.slow = True, False
        while self.clients:
            self.crash_client(0, 0, "look")
        while self.unsettled():
            self.start_client()
            for _ in range(150):
                self.work(0, 1)
                if not self.unsettled():
                    break
            # One process gets to the end by itself, unless jobs that fail have cost it its servers.
            assert not self.unsettled() or any(lane.quarantined for lane in self.clients[0].lanes.values())
            self.crash_client(0, 0, "look")
        counts = self.ledger.counts()
        assert counts.get("done", 0) + counts.get("failed", 0) + counts.get("cancelled", 0) == len(self.world.natures)
        for row in self.ledger.rows():
            if self.world.natures[row.key] in ("poison", "killer", "hollow"):
                assert row.state in ("failed", "cancelled")
            outcomes = {each.outcome for each in self.ledger.attempts(row.key)}
            if not outcomes:
                assert row.state in ("done", "cancelled")
        assert set(self.world.accepted) >= {row.key for row in self.ledger.rows() if row.state == "done"}

    def unsettled(self) -> bool:
        return any(row.state in ("todo", "claimed") for row in self.ledger.rows())


TestBatch = BatchMachine.TestCase
_profile = settings()
TestBatch.settings = settings(
    max_examples=50 if _profile.derandomize else _profile.max_examples // 5, stateful_step_count=25
)


# What the machine has found, told shortly.


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = Ledger(f"sqlite:///{tmp_path}/ledger.sqlite", BATCH)
    ledger.name_jobs(NewJob(key, key, "krea", {}) for key in ("k", "l"))
    yield ledger
    ledger.close()


def test_who_slept_too_long_claims_nothing_for_a_lane_that_is_anothers(ledger: Ledger) -> None:
    assert ledger.hold_lane("a", "sleeper", -1.0)
    assert ledger.claim(["k"], "a", "sleeper", "s1") == ["k"]  # nobody else has it yet
    assert ledger.claim(["k"], "b", "other", "s0") == []
    assert ledger.hold_lane("a", "other", LONG)
    assert ledger.adopt("a", "other", "s2", ["k"]) == ["k"]
    assert ledger.claim(["l"], "a", "sleeper", "s3") == []
    assert ledger.claim(["l"], "b", "sleeper", "s4") == ["l"]


def test_nobody_gives_away_what_is_anothers_by_now(ledger: Ledger) -> None:
    ledger.claim(["k", "l"], "a", "sleeper", "s1")
    ledger.adopt("a", "other", "s2", ["k", "l"])
    ledger.move(["k"], "b", "sleeper", "s3")
    ledger.release(["l"], "sleeper")
    assert [(row.state, row.server, row.coordinator) for row in ledger.rows()] == [("claimed", "a", "other")] * 2
    ledger.move(["k"], "b", "other", "s4")
    ledger.release(["l"], "other")
    assert [(row.state, row.server, row.coordinator) for row in ledger.rows()] == [
        ("claimed", "b", "other"), ("todo", "a", None),
    ]  # fmt: skip


@pytest.mark.parametrize("state", ["todo", "failed"])
def test_what_was_cancelled_while_it_ran_is_not_run_again(ledger: Ledger, state: str) -> None:
    ledger.claim(["k"], "a", "me", "s1")
    ledger.cancel(["k"])
    ledger.note(Attempt("k", 0, "p", "a", "error", "it broke"), state)
    assert [(row.state, row.epoch) for row in ledger.rows()] == [("cancelled", 0), ("todo", 0)]
    assert list(ledger.attempts()) == []

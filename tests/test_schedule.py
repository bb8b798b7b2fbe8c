"""Which lane runs what: whole batches in virtual time, and the scheduler's promises one by one."""

from __future__ import annotations

import heapq
import random
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comfyproof.batch.retrying import Breaker, Budget, Health, decide, since_asked_for
from comfyproof.batch.schedule import Bundle, Scheduler

SERVERS = ("a", "b", "c", "d")
LOAD = 25.0


class Simulation:
    """Servers that run one prompt at a time, and a lane for each that does as a real one does, in virtual seconds.

    `times` says how many times slower than `seconds` a server is.
    """

    def __init__(
        self,
        bundles: Sequence[Bundle],
        *,
        servers: Sequence[str] = SERVERS,
        times: Mapping[str, float] | None = None,
        seconds: float = 4.0,
        load: float = LOAD,
        prefix: float = 0.0,
        placeable: Callable[[str], Collection[str] | None] = lambda key: None,
    ) -> None:
        self.models = {key: bundle.models for bundle in bundles for key in bundle.keys}
        self.bundle = {key: n for n, bundle in enumerate(bundles) for key in bundle.keys}
        self.scheduler = Scheduler(bundles, placeable)
        self.scheduler.lanes(servers)
        self.seconds, self.load, self.prefix = seconds, load, prefix
        self.times = {server: (times or {}).get(server, 1.0) for server in servers}
        self.waiting: dict[str, list[str]] = {server: [] for server in servers}
        self.queue: dict[str, list[str]] = {server: [] for server in servers}
        self.loaded: dict[str, str] = {}
        self.warm: dict[str, int] = {}
        self.now, self.loads, self.steals = 0.0, 0, 0
        self.ran: Counter[str] = Counter()
        self.where: dict[str, str] = {}
        self.most = 0
        self._events: list[tuple[float, int, str, str, float]] = []
        self._numbers = count()

    def run(self) -> float:
        """The seconds until all is done."""
        for server in self.queue:
            self._fill(server)
        while self._events:
            self.now, _, server, key, began = heapq.heappop(self._events)
            self.queue[server].remove(key)
            self.ran[key] += 1
            self.where[key] = server
            self.scheduler.settled(key, server, self.now - began)
            self._begin(server)
            for each in self.queue:  # those that stand idle look again
                if each == server or not self.queue[each]:
                    self._fill(each)
        return self.now

    def _fill(self, server: str) -> None:
        while len(self.queue[server]) < 2:
            if self.queue[server] and not self.scheduler.may_prefetch(server):
                return
            if not self.waiting[server]:
                self.waiting[server] = self.scheduler.take(server) or self._steal(server)
            if not self.waiting[server]:
                return
            self.queue[server].append(self.waiting[server].pop(0))
            self.most = max(self.most, len(self.queue[server]))
            if len(self.queue[server]) == 1:
                self._begin(server)

    def _steal(self, server: str) -> list[str]:
        victim, keys = self.scheduler.steal(server, {each: keys for each, keys in self.waiting.items() if keys})
        if keys:
            self.steals += 1
            assert self.waiting[victim][-len(keys) :] == keys
            del self.waiting[victim][-len(keys) :]
            self.scheduler.moved(keys, server)
        return keys

    def _begin(self, server: str) -> None:
        if not self.queue[server]:
            return
        key = self.queue[server][0]
        took = self.seconds * self.times[server]
        if self.loaded.get(server) != self.models[key]:
            self.loads += 1
            self.loaded[server] = self.models[key]
            took += self.load
        if self.warm.get(server) != self.bundle[key]:
            self.warm[server] = self.bundle[key]
            took += self.prefix
        heapq.heappush(self._events, (self.now + took, next(self._numbers), server, key, self.now))


def single(jobs: int, models: int) -> list[Bundle]:
    """Jobs with nothing in common but their models, in the order in which a matrix gives them."""
    return [Bundle((f"job{n}",), f"model{n % models}") for n in range(jobs)]


# Whole batches.


def test_a_thousand_jobs_of_five_checkpoints_load_each_as_rarely_as_can_be() -> None:
    simulation = Simulation(single(1000, 5))
    assert simulation.run() <= 1050 + 4
    assert simulation.loads == 8  # four servers with one each, and all four with the fifth
    assert set(simulation.ran.values()) == {1}
    assert len(simulation.ran) == 1000
    assert simulation.most == 2


@pytest.mark.parametrize("models", [1, 3, 5, 40])
def test_one_server_ten_times_slower_does_not_hold_the_others_up(models: int) -> None:
    simulation = Simulation(single(1000, models), times={"d": 10.0}, load=0.0)
    assert simulation.run() <= 1.05 * (1000 * 4 / 3.1)
    loading = Simulation(single(1000, models), times={"d": 10.0})
    assert loading.run() <= 1.3 * (1000 * 4 / 3.1 + models * LOAD / 4)
    assert set(loading.ran.values()) == {1}
    assert len(loading.ran) == 1000


def test_a_few_jobs_on_a_slow_server_are_taken_from_it() -> None:
    simulation = Simulation(single(100, 1), times={"d": 10.0}, load=0.0)
    assert simulation.run() <= 1.3 * (100 * 4 / 3.1)
    assert simulation.steals > 0


@pytest.mark.parametrize("prefix", [4.0, 20.0])
def test_jobs_that_share_a_beginning_stay_together(prefix: float) -> None:
    bundles = [Bundle(tuple(f"photo{n}-{tier}" for tier in "abc"), "krea") for n in range(20)]
    simulation = Simulation(bundles, prefix=prefix, load=0.0)
    ideal = 5 * (3 * 4 + prefix)
    assert simulation.run() <= ideal + prefix
    places = defaultdict(set)
    for key, server in simulation.where.items():
        places[key[:-2]].add(server)
    assert sum(map(len, places.values())) == 20  # none was run on two servers


def test_what_one_server_alone_can_run_is_not_left_for_last() -> None:
    only = {f"job{n}" for n in range(0, 1000, 10)}  # 100 of the jobs: some 400 s on server a
    bundles = [Bundle((f"job{n}",), "rare" if f"job{n}" in only else "usual") for n in range(1000)]
    simulation = Simulation(bundles, placeable=lambda key: {"a"} if key in only else None)
    assert simulation.run() <= 1.06 * (1000 * 4 / 4 + 2 * LOAD)
    assert {simulation.where[key] for key in only} == {"a"}


@pytest.mark.parametrize("models", [5, 100_000])
def test_ten_times_the_jobs_are_ten_times_the_work(models: int) -> None:
    assert calls(lambda: Simulation(single(10_000, models)).run()) < 12 * calls(
        lambda: Simulation(single(1000, models)).run()
    )


def test_jobs_that_come_back_are_no_more_work_for_being_many() -> None:
    def all_fail_once(jobs: int) -> None:
        made = Scheduler(single(jobs, 7), lambda key: None)
        made.lanes(SERVERS)
        for server in "ab":
            taken: list[str] = []
            while keys := made.take(server):
                taken += keys
            assert len(taken) == jobs
            made.back(taken, avoid=server)

    assert calls(lambda: all_fail_once(10_000)) < 12 * calls(lambda: all_fail_once(1000))


def calls(work: Callable[[], Any]) -> int:
    """How many calls of functions some work takes: it is the same on every machine."""
    made = 0

    def note(frame: Any, event: str, argument: Any) -> None:
        nonlocal made
        made += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(before)
    return made


# One by one.


def scheduler(*bundles: Bundle, lanes: Iterable[str] = SERVERS, **able: Collection[str]) -> Scheduler:
    made = Scheduler(bundles, lambda key: able.get(key))
    made.lanes(lanes)
    return made


def test_a_lane_stays_with_the_models_that_it_has_loaded() -> None:
    made = scheduler(Bundle(("x1",), "x"), *(Bundle((f"y{n}",), "y") for n in range(9)), Bundle(("x2",), "x"))
    made.moved(["x1"], "a")
    assert made.take("a") == ["x2"]
    assert set(made.take("b")) <= {f"y{n}" for n in range(9)}


def test_lanes_spread_over_models_before_they_share_them() -> None:
    made = scheduler(*single(120, 3))
    shards = {server: made.take(server) for server in SERVERS}
    models = {server: {int(key[3:]) % 3 for key in keys} for server, keys in shards.items()}
    assert all(len(each) == 1 for each in models.values())
    assert set.union(*models.values()) == {0, 1, 2}


def test_shards_get_smaller_towards_the_end() -> None:
    made = scheduler(*single(300, 1))
    sizes = []
    while keys := made.take("a"):
        sizes.append(len(keys))
    assert sizes[0] == 20
    assert sizes[-1] == 1
    assert sum(sizes) == 300
    assert sizes == sorted(sizes, reverse=True)


def test_a_bundle_is_not_split_to_fit_a_shard_and_a_long_one_is_cut() -> None:
    made = scheduler(Bundle(tuple(f"p{n}" for n in range(6)), "x"), lanes=["a", "b"])
    assert made.take("a") == [f"p{n}" for n in range(6)]
    made = scheduler(Bundle(tuple(f"p{n}" for n in range(45)), "x"), lanes=["a"])
    assert [len(made.take("a")) for _ in range(4)] == [20, 20, 5, 0]


def test_a_job_that_failed_on_a_server_is_run_on_another_if_there_is_one() -> None:
    made = scheduler(Bundle(("k",), "x"), lanes=["a", "b"])
    assert made.take("a") == ["k"]
    made.back(["k"], avoid="a")
    assert (made.left, made.take("a"), made.take("b")) == (1, [], ["k"])
    made.back(["k"], avoid="b")  # both are to be avoided: either will do
    assert made.take("a") == ["k"]
    made.back(["k"])
    made.lanes(["a"])
    assert made.take("a") == ["k"]


def test_a_lane_that_is_away_gets_nothing_and_what_only_it_can_run_is_told() -> None:
    made = scheduler(Bundle(("k", "l"), "x"), Bundle(("m",), "x"), lanes=["a", "b"], k=["a"], l=["a"])
    made.lanes(["b"])
    assert made.unplaced == ["k", "l"]
    assert made.taking_part == {"b"}
    assert made.take("a") == []
    assert made.take("b") == ["m"]
    assert made.take("b") == []
    assert made.steal("a", {"b": ["m"]}) == ("", [])
    made.lanes(["a", "b"])
    assert made.unplaced == []
    assert made.take("a") == ["k", "l"]


def test_a_job_is_handed_out_once_however_it_went_about() -> None:
    made = scheduler(Bundle(("k", "l"), "x"), lanes=["a", "b"])
    made.moved(["l"], "b")  # claimed for it before there was this scheduler
    assert made.left == 1
    made.back(["l"])
    made.back(["l"])
    assert made.left == 2
    assert sorted([*made.take("a"), *made.take("a")]) == ["k", "l"]
    assert made.take("b") == []
    made.settled("l", "a", 1.0)
    made.settled("l", "a", 1.0)
    made.back(["l", "k"])
    assert made.take("b") == ["k"]


def test_half_of_what_waits_on_a_lane_goes_to_an_idle_one() -> None:
    made = scheduler(*single(16, 1), lanes=["a", "b"])
    mine = [f"job{n}" for n in range(16)]
    made.moved(mine, "a")
    assert made.steal("b", {"a": mine}) == ("a", mine[8:])
    assert made.steal("a", {"a": mine}) == ("", [])


def test_nothing_is_taken_from_a_lane_that_would_be_done_sooner() -> None:
    made = scheduler(*single(40, 1), lanes=["a", "b"])
    for n in range(20, 30):
        made.moved([f"job{n}"], "a" if n % 2 else "b")
        made.settled(f"job{n}", "a" if n % 2 else "b", 1.0 if n % 2 else 50.0)
    made.moved(["job0", "job1"], "a")
    assert made.steal("b", {"a": ["job0", "job1"]}) == ("", [])
    made.moved(["job2", "job3"], "b")
    assert made.steal("a", {"b": ["job2", "job3"]}) == ("b", ["job2", "job3"])  # the slow one has another running


def test_whole_bundles_are_taken_and_the_lane_with_most_time_left_is_taken_from() -> None:
    made = scheduler(*(Bundle(tuple(f"{n}{tier}" for tier in "abc"), "x") for n in range(8)), lanes=["a", "b", "c"])
    few = ["0a", "0b", "0c"]
    many = [f"{n}{tier}" for n in range(1, 6) for tier in "abc"]
    made.moved(few, "a")
    made.moved(many, "b")
    victim, keys = made.steal("c", {"a": few, "b": many})
    assert victim == "b"
    assert keys == many[-len(keys) :]
    assert len(keys) in (6, 9)


def test_no_job_is_taken_to_where_it_cannot_run() -> None:
    made = scheduler(*(Bundle((key,), "x") for key in "klmn"), lanes=["a", "b"], n=["a"])
    made.moved("klmn", "a")
    assert made.steal("b", {"a": list("klmn")}) == ("", [])
    made = scheduler(*(Bundle((key,), "x") for key in "klmn"), lanes=["a", "b"], k=["a"], l=["a"], m=["a"])
    made.moved("klmn", "a")
    assert made.steal("b", {"a": list("klmn")}) == ("a", ["n"])


def test_no_second_prompt_waits_near_the_end_or_on_a_slow_server() -> None:
    made = scheduler(*single(40, 1), lanes=["a", "b"])
    assert made.may_prefetch("a")
    for n in range(10):
        made.moved([f"job{n}"], "a" if n % 2 else "b")
        made.settled(f"job{n}", "a" if n % 2 else "b", 1.0 if n % 2 else 10.0)
    assert made.may_prefetch("a")
    assert not made.may_prefetch("b")
    for n in range(10, 36):
        made.settled(f"job{n}", "a", 1.0)
    assert not made.may_prefetch("a")


@given(st.data())
def test_every_job_is_handed_out_and_none_twice(data: st.DataObject) -> None:
    """Whatever comes back, moves and goes away in between."""
    jobs = [f"k{n}" for n in range(data.draw(st.integers(1, 30)))]
    able: dict[str, Collection[str] | None] = {
        key: data.draw(st.sampled_from([None, ("a",), ("a", "b"), ("c", "d")])) for key in jobs
    }
    sizes = st.integers(1, 5)
    bundles, rest = [], jobs
    while rest:
        size = data.draw(sizes)
        bundles.append(Bundle(tuple(rest[:size]), data.draw(st.sampled_from("xyz"))))
        rest = rest[size:]
    made = Scheduler(bundles, lambda key: able[key], most=data.draw(st.integers(1, 20)))
    held: dict[str, list[str]] = {server: [] for server in SERVERS}
    open_ = set(jobs)
    for _ in range(data.draw(st.integers(0, 25))):
        server = data.draw(st.sampled_from(SERVERS))
        match data.draw(st.sampled_from(["take", "take", "steal", "back", "settle", "lanes"])):
            case "take":
                held[server] += (keys := made.take(server))
                assert not keys or server in made.taking_part
                assert all(server in (able[key] or SERVERS) for key in keys)
            case "steal":
                victim, keys = made.steal(server, held)
                if keys:
                    assert held[victim][-len(keys) :] == keys
                    assert all(server in (able[key] or SERVERS) for key in keys)
                    del held[victim][-len(keys) :]
                    held[server] += keys
                    made.moved(keys, server)
            case "back":
                made.back(held[server], avoid=data.draw(st.sampled_from([None, server])))
                held[server] = []
            case "settle" if held[server]:
                key = held[server].pop(0)
                open_.remove(key)
                made.settled(key, server, data.draw(st.sampled_from([None, 0.0, 1.0, 60.0])))
            case "lanes":
                made.lanes(data.draw(st.sets(st.sampled_from(SERVERS))))
        everywhere = [key for keys in held.values() for key in keys]
        assert len(everywhere) == len(set(everywhere))
        assert made.left == len(open_) - len(everywhere)
    made.lanes(SERVERS)
    assert made.unplaced == []
    for server in SERVERS:
        while keys := made.take(server):
            held[server] += keys
    assert sorted(key for keys in held.values() for key in keys) == sorted(open_)


# The retry table.


@pytest.mark.parametrize(
    ("outcome", "past", "servers", "action", "free"),
    [
        ("refused", [], "ab", "failed", False),
        ("error", [], "ab", "elsewhere", False),
        ("error", [], "a", "again", False),
        ("error", ["error"], "ab", "failed", False),
        ("oom", [], "ab", "again", True),
        ("oom", ["oom"], "ab", "elsewhere", False),
        ("oom", ["oom"], "a", "failed", False),
        ("oom", ["oom", "oom"], "ab", "failed", False),
        ("lost", [], "ab", "again", False),
        ("lost", ["lost"], "a", "again", False),
        ("lost", ["lost", "lost"], "ab", "failed", False),
        ("timeout", [], "ab", "elsewhere", False),
        ("timeout", ["timeout"], "ab", "failed", False),
        ("not-as-promised", [], "ab", "elsewhere", False),
        ("not-as-promised", [], "a", "failed", False),
        ("not as promised", ["not-as-promised"], "ab", "failed", False),
        ("interrupted", ["interrupted"], "ab", "again", False),
        ("interrupted", ["interrupted", "interrupted"], "ab", "failed", False),
        ("damaged", [], "ab", "again", False),
        ("damaged", ["damaged"], "ab", "elsewhere", False),
        ("gone", ["gone"], "a", "failed", False),
        ("gone", ["gone", "gone"], "ab", "failed", False),
        ("error", ["lost", "interrupted"], "ab", "elsewhere", False),  # each outcome has a count of its own
        ("lost", [], "", "again", False),  # the only server is away: it will be back
        ("unheard of", ["unheard of"], "ab", "failed", False),
    ],
)
def test_the_retry_table(outcome: str, past: list[str], servers: str, action: str, free: bool) -> None:
    decision = decide(outcome, [(each, "a") for each in past], list(servers), "a")
    assert (decision.action, decision.free) == (action, free)
    assert decision.reason.startswith(outcome.replace(" ", "-"))


@given(st.lists(st.sampled_from(["error", "oom", "lost", "timeout", "damaged", "gone", "interrupted", "refused"])))
def test_no_job_is_tried_without_end(outcomes: list[str]) -> None:
    past: list[tuple[str, str]] = []
    for outcome in outcomes:
        if decide(outcome, past, ["a", "b"], "a").action == "failed":
            break
        past.append((outcome, "a"))
    assert len(past) <= 13


def test_attempts_before_a_retry_was_asked_for_do_not_count() -> None:
    past = [(0, "error", "a"), (1, "error", "b"), (3, "oom", "a"), (4, "oom", "a")]
    assert since_asked_for(past, 5) == [("oom", "a"), ("oom", "a")]
    assert since_asked_for(past, 2) == [("error", "a"), ("error", "b")]
    assert since_asked_for(past, 3) == since_asked_for(past, 6) == since_asked_for([], 0) == []


def test_a_server_that_does_not_answer_is_asked_ever_more_rarely() -> None:
    breaker, now, pauses = Breaker(random.Random(1)), 1000.0, []
    assert breaker.state(now) == "closed"
    assert breaker.pause(now) == 0
    for _ in range(12):
        breaker.failed(now)
        pauses.append(breaker.pause(now))
        now += pauses[-1]
        assert breaker.pause(now) == 0
    for n, pause in enumerate(pauses):
        longest = min(60.0, 0.5 * 2**n)
        assert longest / 2 <= pause <= longest
    assert len({pause for pause in pauses if pause > 30}) > 1  # lanes don't come in step
    assert breaker.state(now) == "half-open"
    assert breaker.state(now - 1) == "open"
    for _ in range(2000):
        breaker.failed(now)
    assert breaker.pause(now) <= 60
    breaker.answered()
    assert breaker.state(now) == "closed"
    assert breaker.pause(now) == 0


def test_a_server_that_fails_what_others_do_is_left_alone() -> None:
    health = Health()
    for job in ("j1", "j2", "j3"):
        health.failed(job, "bad")
    assert not health.quarantined("bad")  # the jobs may be at fault
    for job in ("j1", "j1", "j2"):
        health.succeeded(job, "good")
    assert not health.quarantined("bad")
    health.succeeded("j3", "good")
    assert health.quarantined("bad")
    assert not health.quarantined("good")


def test_one_job_that_fails_time_and_again_is_no_fault_of_the_server() -> None:
    health = Health()
    for _ in range(3):
        health.failed("j1", "a")
        health.succeeded("j1", "b")
    health.failed("j2", "a")
    health.succeeded("j2", "a")  # out of memory, and then not
    assert not health.quarantined("a")


def test_a_server_on_which_everything_fails_is_left_alone_while_others_do_well() -> None:
    health = Health()
    for n in range(8):
        health.failed(f"j{n}", "a")
    assert not health.quarantined("a")
    health.succeeded("k", "b")
    assert health.quarantined("a")
    health.succeeded("j9", "a")
    assert not health.quarantined("a")


def test_retries_are_counted() -> None:
    for jobs, allowed in ((10, 20), (1000, 100)):
        budget = Budget(jobs)
        assert [budget.spend() for _ in range(allowed + 2)] == [True] * allowed + [False] * 2

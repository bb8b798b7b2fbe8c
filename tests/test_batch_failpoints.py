"""A batch that ends at each of its named points, as by a power cut, goes on: nothing is lost, nothing done twice."""

from __future__ import annotations

import contextlib
import signal
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest

import history_checker
from batch_rig import done_jobs, fleet, job_of_each_prompt, leftovers, told, wait_for, write_spec
from comfyproof.batch.failpoints import NAMES
from warm_command import WarmCommand
from watched_server import WatchedServer

JOBS = 4
TOGETHER = 4  # batches at a time
MOST = 60  # passages of one point


class Way(NamedTuple):
    """How a batch comes by a point: on which servers, with which options, after having ended at which other points.

    `larger` is a passage after the first that every such batch comes by. `stopped`: it is told to stop once it has
    begun.
    """

    larger: int = 0
    servers: str = "good"
    options: tuple[str, ...] = ()
    before: tuple[str, ...] = ()
    again: int = 1  # how often a job may run
    stopped: bool = False


EACH_JOB = Way(larger=3)
NOT_AS_PROMISED = Way(servers="small", again=2)
WAYS = {
    **dict.fromkeys(NAMES, Way()),
    "half-line": Way(larger=7),
    "after-adopt": Way(before=("after-submit",)),
    "after-bind": Way(options=("--fuse",)),
    **dict.fromkeys(("before-submit", "after-submit", "before-fetch"), EACH_JOB),
    **dict.fromkeys(("before-object", "half-object", "after-object", "before-commit", "after-commit"), EACH_JOB),
    **dict.fromkeys(("after-accepted", "before-name", "after-link", "after-name"), EACH_JOB),
    **dict.fromkeys(("before-evidence", "after-evidence", "before-note", "after-note"), NOT_AS_PROMISED),
    "after-release": Way(servers="slow", stopped=True),
}


class Rig:
    """Servers and the command, kept for all of the batches."""

    def __init__(self, folder: Path, command: WarmCommand, servers: Sequence[WatchedServer]) -> None:
        self.folder, self._command, self.watched = folder, command, servers
        self._spec = write_spec(folder, JOBS)
        urls = [server.url for server in servers]
        self._urls = {"good": urls[:2], "small": urls[2:], "slow": urls[3:]}

    def batch(self, out: Path, way: Way, ledger: str | None, point: str | None) -> tuple[int, str]:
        call = self._command.start(
            "batch", self._spec, "--servers", ",".join(self._urls[way.servers]), "--out", out, *way.options,
            *(["--ledger", ledger] if ledger else []), COMFYPROOF_FAIL=point,
        )  # fmt: skip
        if way.stopped and point:
            wait_for(lambda: "submitted" in told(out))
            call.send(signal.SIGINT)
        return call.finish()

    def ends_at(self, name: str, time: int, ledger: str | None = None) -> tuple[bool, list[str]]:
        """Whether a batch ends at the so-many-th passage of a point, and what is wrong once it has been finished."""
        way, out = WAYS[name], self.folder / f"{name}-{time}{'-postgres' if ledger else ''}"
        for point in way.before:
            self.batch(out, way, ledger, point)
        code, said = self.batch(out, way, ledger, f"{name}:{time}")
        ended = code == 9
        if ended or way.stopped:
            code, said = self.batch(out, way, ledger, None)
        wrong = [f"exit {code}: {said}"] if code else [*self._wrong(out, way, ledger)]
        return ended, [f"{name}:{time}: {each}" for each in wrong]

    def _wrong(self, out: Path, way: Way, ledger: str | None) -> Iterator[str]:
        done = done_jobs(out, ledger)
        if len(done) != JOBS or set(done.values()) != {1}:
            yield f"the ledger has {done}"
        if (names := sorted(path.name for path in out.glob("*.png"))) != [f"seed={n}.png" for n in range(1, JOBS + 1)]:
            yield f"the names are {names}"
        noted = (out / ".comfyproof" / "names").read_text().splitlines()
        if sorted(set(noted)) != names:
            yield f"the names that are noted as given are {noted}"
        yield from history_checker.check(out / ".comfyproof" / "events.ndjson", out, 0)
        yield from (f"{path} is left over" for path in leftovers(out))
        jobs = job_of_each_prompt(out)
        prompts = Counter(ran.prompt_id for server in self.watched for ran in server.ran())
        yield from (f"the prompt {id} ran {count} times" for id, count in prompts.items() if id in jobs and count > 1)
        ran = Counter(jobs[id] for id in prompts if id in jobs)
        yield from (f"the job {job} ran {count} times" for job, count in ran.items() if count > way.again)


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    folder = tmp_path_factory.mktemp("failpoints")
    with contextlib.ExitStack() as stack:
        good = stack.enter_context(fleet(folder, 2))
        (folder / "small").mkdir()
        small = stack.enter_context(fleet(folder / "small", 1, "small"))
        (folder / "slow").mkdir()
        slow = stack.enter_context(fleet(folder / "slow", 1, "slow:0.05"))
        yield Rig(folder, stack.enter_context(WarmCommand()), [*good, *small, *slow])


def test_a_batch_that_ends_at_any_point_goes_on(rig: Rig) -> None:
    """Each point is passed, and what ends there loses nothing; at a later passage, too."""
    cases = [(name, time) for name, way in WAYS.items() for time in (1, way.larger) if time]
    with ThreadPoolExecutor(TOGETHER) as pool:
        found = list(pool.map(lambda case: rig.ends_at(*case), cases))
    assert [each for _, wrong in found for each in wrong] == []
    assert [case for case, (ended, _) in zip(cases, found, strict=True) if not ended] == []


def test_a_batch_that_ends_at_every_passage_of_every_point(rig: Rig, request: pytest.FixtureRequest) -> None:
    """The long form: every passage of every point, until a batch passes untouched; with PostgreSQL as well."""
    if not request.config.getoption("--chaos"):
        return
    ledgers = [None, request.getfixturevalue("postgres")]

    def all_passages(case: tuple[str, str | None]) -> list[str]:
        name, ledger = case
        found = []
        for time in range(1, MOST):
            ended, wrong = rig.ends_at(name, time, ledger)
            found += wrong
            if not ended:
                return found
        return [*found, f"{name} is passed again and again"]

    with ThreadPoolExecutor(TOGETHER * 4) as pool:
        cases = [(name, ledger) for ledger in ledgers for name in NAMES]
        assert [each for found in pool.map(all_passages, cases) for each in found] == []

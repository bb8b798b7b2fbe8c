"""Faults that a reader of the batch found: each of these once ended or hung a batch."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from batch_rig import told, wait_for, write_spec
from comfyproof.batch.folder import BatchFolder
from comfyproof.batch.ledger import Ledger, LedgerProblem, NewJob
from counted_server import CountedServer
from postgres import Postgres
from warm_command import WarmCommand

JOBS = [NewJob(f"k{n:03}", f"n{n}", "sdxl", {}) for n in range(300)]


@pytest.fixture(scope="module")
def command() -> Iterator[WarmCommand]:
    with WarmCommand() as started:
        yield started


@pytest.fixture
def fresh(postgres: str, request: pytest.FixtureRequest) -> str:
    """A database without tables."""
    name = f"review_{abs(hash(request.node.name))}"
    with psycopg.connect(postgres.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return postgres.replace("/postgres?", f"/{name}?")


def together(*deeds: object) -> list[str]:
    """What goes wrong where several do something at the same time."""
    problems: list[str] = []
    ready = threading.Barrier(len(deeds))

    def run(deed: object) -> None:
        ready.wait()
        try:
            deed()  # type: ignore[operator]
        except LedgerProblem as problem:
            problems.append(problem.what)

    threads = [threading.Thread(target=run, args=(deed,)) for deed in deeds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return problems


def test_coordinators_that_begin_at_the_same_moment(fresh: str) -> None:
    def begin() -> None:
        ledger = Ledger(fresh, "batch")
        ledger.name_jobs(JOBS)
        ledger.close()

    assert together(*[begin] * 4) == []


def test_those_who_begin_in_one_folder_begin_one_batch(tmp_path: Path) -> None:
    for number in range(20):
        found: list[str] = []
        folder = BatchFolder(tmp_path / str(number))
        assert together(*[lambda folder=folder, found=found: found.append(folder.create(""))] * 4) == []
        assert len(found) == 4
        assert len(set(found)) == 1
        assert [path.name for path in folder.own.glob("batch*")] == ["batch.json"]


def test_those_who_change_the_same_jobs_in_other_orders_wait_for_one_another(fresh: str) -> None:
    ledgers = [Ledger(fresh, "batch") for _ in range(3)]
    ledgers[0].name_jobs(JOBS)
    keys = [job.key for job in JOBS]

    def claim(ledger: Ledger, server: str, keys: list[str]) -> None:
        for _ in range(3):
            ledger.release(ledger.claim(keys, server, server, "shard"), server)

    deeds = [
        lambda: claim(ledgers[0], "a", keys),
        lambda: claim(ledgers[1], "b", keys[::-1]),
        lambda: [ledgers[2].name_jobs(JOBS[::-1]) for _ in range(3)],
    ]
    assert together(*deeds) == []
    for ledger in ledgers:
        ledger.close()


def test_a_spec_that_is_edited_after_a_crash_and_back_again(command: WarmCommand, tmp_path: Path) -> None:
    with CountedServer(tmp_path / "server") as server:
        spec, out = write_spec(tmp_path, 4), tmp_path / "out"
        arguments = ["batch", str(spec), "--servers", server.url, "--out", str(out), "--yes"]
        before = spec.read_text()
        assert command.run(*arguments, COMFYPROOF_FAIL="after-submit:2")[0] == 9
        spec.write_text(before.replace("[1, 2, 3, 4]", "[11, 12]"))
        code, said = command.run(*arguments)
        assert code == 0, said
        spec.write_text(before)
        code, said = command.run(*arguments)
        assert code == 0, said
        assert len(server.began) == 6
        assert len(list(out.glob("*.png"))) == 4


def test_a_fused_prompt_that_cannot_be_looked_for_is_not_forgotten(command: WarmCommand, tmp_path: Path) -> None:
    with CountedServer(tmp_path / "one", "500:/history") as one, CountedServer(tmp_path / "two") as two:
        spec, out = write_spec(tmp_path, 1), tmp_path / "out"
        text = spec.read_text().replace("matrix:\n  refine.seed: [1]", "matrix:\n  refine.steps: [2, 3, 4]")
        spec.write_text(text)
        arguments = ["batch", str(spec), "--out", str(out), "--yes", "--fuse", "--patience", "0", "--timeout", "2"]
        assert command.run(*arguments, "--servers", one.url, COMFYPROOF_FAIL="after-submit:1")[0] == 9
        code, said = command.run(*arguments, "--servers", f"{one.url},{two.url}", "--wait", "5")
        assert code == 0, said


def test_a_coordinator_without_a_lane_whose_ledger_is_gone_for_good_ends(command: WarmCommand, tmp_path: Path) -> None:
    with CountedServer(tmp_path / "server") as server:
        with Postgres() as postgres:
            spec, out = write_spec(tmp_path, 2), tmp_path / "out"
            arguments = ["batch", str(spec), "--servers", server.url, "--out", str(out), "--yes", "--wait", "1"]
            arguments += ["--ledger", postgres.url]
            assert command.run(*arguments, COMFYPROOF_FAIL="after-plan")[0] == 9
            batch = json.loads((out / ".comfyproof" / "batch.json").read_bytes())["batch"]
            ledger = Ledger(postgres.url, batch)
            assert ledger.hold_lane(server.url, "another", 3600.0)
            ledger.close()
            call = command.start(*arguments)
            wait_for(lambda: "began" in told(out))
        code, said = call.finish(30)
        assert code == 6, said
        assert server.began == []


def test_a_server_that_never_tells_what_became_of_a_job(command: WarmCommand, tmp_path: Path) -> None:
    with CountedServer(tmp_path / "server", "500:/history") as server:
        spec, out = write_spec(tmp_path, 1), tmp_path / "out"
        arguments = ["batch", str(spec), "--servers", server.url, "--out", str(out), "--yes"]
        code, said = command.run(*arguments, "--patience", "0", "--timeout", "1")
        assert code == 1, said
        assert 1 <= len(server.began) <= 2


def test_each_coordinator_tells_of_its_own_jobs(command: WarmCommand, tmp_path: Path, fresh: str) -> None:
    """Another command that names other jobs of the batch meanwhile makes no success of a failure."""
    with CountedServer(tmp_path / "server", "error") as server:
        spec, out = write_spec(tmp_path, 2), tmp_path / "out"
        arguments = ["batch", str(spec), "--servers", server.url, "--out", str(out), "--yes", "--ledger", fresh]

        def name_others(_: int) -> None:
            batch = json.loads((out / ".comfyproof" / "batch.json").read_bytes())["batch"]
            other = Ledger(fresh, batch)
            other.name_jobs([])
            other.close()

        server.deed = name_others
        code, said = command.run(*arguments)
        assert code == 1, said

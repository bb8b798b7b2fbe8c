"""A batch that is told to stop, cancelled, or met by another: it ends as documented, and the same command goes on."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from batch_rig import assert_sound, closed_port, done_jobs, events, fleet, told, wait_for, write_spec
from warm_command import Call, WarmCommand
from watched_server import WatchedServer

JOBS = 4
ON_ONE_SERVER = 2  # that runs, and that waits


class Rig:
    """A server whose jobs take their time, and the command."""

    def __init__(self, command: WarmCommand, slow: Sequence[WatchedServer]) -> None:
        self.command, self.slow = command, slow

    def start(self, out: Path, *options: str, servers: str | None = None, jobs: int = JOBS) -> Call:
        spec = out.parent / "fire.yaml"
        if not spec.exists():
            write_spec(out.parent, jobs)
        urls = servers or ",".join(server.url for server in self.slow)
        return self.command.start("batch", spec, "--servers", urls, "--out", out, "--yes", *options)


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with contextlib.ExitStack() as stack:
        slow = stack.enter_context(fleet(tmp_path_factory.mktemp("slow"), 1, "slow:0.2"))
        yield Rig(stack.enter_context(WarmCommand()), slow)


def sent(out: Path) -> int:
    """How many prompts were submitted."""
    return sum(event["event"] == "submitted" for event in events(out))


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_sign_to_stop_finishes_what_runs(rig: Rig, tmp_path: Path, sign: signal.Signals) -> None:
    out = tmp_path / "out"
    call = rig.start(out)
    wait_for(lambda: sent(out) == ON_ONE_SERVER)
    call.send(sign)
    code, said = call.finish()
    assert (code, sent(out)) == (130, ON_ONE_SERVER), said
    assert len(done_jobs(out)) == ON_ONE_SERVER
    assert "stopping: finishing what runs; once more leaves it" in said
    assert f"{ON_ONE_SERVER} done, {JOBS - ON_ONE_SERVER} left" in said
    assert events(out)[-1]["exit"] == 130
    code, said = rig.start(out).finish()
    assert code == 0, said
    assert_sound(out, rig.slow, JOBS)


def test_a_second_sign_leaves_what_runs_to_be_found_again(rig: Rig, tmp_path: Path) -> None:
    out = tmp_path / "out"
    call = rig.start(out)
    wait_for(lambda: sent(out) == ON_ONE_SERVER)
    call.send(signal.SIGINT)
    wait_for(lambda: "finishing what runs" in call.said())
    call.send(signal.SIGINT)
    code, said = call.finish()
    assert code == 130, said
    assert "leaving it" in said
    before = len(events(out))
    done = len(done_jobs(out))
    assert done < ON_ONE_SERVER
    code, said = rig.start(out).finish()
    assert code == 0, said
    assert sum(event["event"] == "found" for event in events(out)[before:]) == ON_ONE_SERVER - done
    assert_sound(out, rig.slow, JOBS)


def test_a_sign_while_the_servers_are_asked_or_jobs_compiled(rig: Rig, tmp_path: Path) -> None:
    (tmp_path / "hung").mkdir()
    with fleet(tmp_path / "hung", 1, "hang:/system_stats") as hung:
        asked = rig.start(tmp_path / "out", servers=hung[0].url)
        (tmp_path / "many").mkdir()
        compiled = rig.start(tmp_path / "many" / "out", jobs=3_000)
        wait_for(lambda: "4 workflows" in asked.said())
        wait_for(lambda: "3,000 workflows" in compiled.said())
        for call in (asked, compiled):
            call.send(signal.SIGINT)
        for call in (asked, compiled):
            code, said = call.finish()
            assert code == 130, said
            assert "Traceback" not in said
    assert not (tmp_path / "out").exists()


def test_a_sign_while_all_servers_are_away(rig: Rig, tmp_path: Path) -> None:
    out = tmp_path / "out"
    call = rig.start(out, servers=f"http://127.0.0.1:{closed_port()}")
    wait_for(lambda: "server" in told(out))
    call.send(signal.SIGINT)
    code, said = call.finish(20)
    assert code == 130, said
    code, said = rig.start(out).finish()
    assert code == 0, said
    assert_sound(out, rig.slow, JOBS)


def test_servers_that_stay_away_are_not_waited_for_without_end(rig: Rig, tmp_path: Path) -> None:
    out = tmp_path / "out"
    code, said = rig.start(out, "--wait", "0", servers=f"http://127.0.0.1:{closed_port()}").finish(20)
    assert code == 4, said
    assert "no server could be reached for 0 s" in said
    assert "help: start them, and give the same command" in said


def test_whoever_listens_to_the_events_may_go_away(rig: Rig, tmp_path: Path) -> None:
    out, spec = tmp_path / "out", write_spec(tmp_path, JOBS)
    command = [sys.executable, "-m", "comfyproof", "batch", spec, "--servers", rig.slow[0].url, "--out", out]
    with subprocess.Popen([*command, "--events", "-"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert b'"began"' in process.stdout.readline()
        process.stdout.close()
        assert f"{JOBS} done" in process.stderr.read().decode()
    assert process.returncode == 0
    assert_sound(out, rig.slow, JOBS)


def test_another_command_on_the_same_folder_says_who_works_there(rig: Rig, tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = rig.start(out)
    wait_for(lambda: sent(out))
    code, said = rig.start(out).finish()
    assert code == 5, said
    assert f"process {first.pid} on {os.uname().nodename}, since 20" in said
    code, said = first.finish()
    assert code == 0, said
    assert_sound(out, rig.slow, JOBS)


def test_a_batch_that_is_cancelled_while_it_runs(rig: Rig, tmp_path: Path) -> None:
    out = tmp_path / "out"
    call = rig.start(out)
    wait_for(lambda: sent(out) == ON_ONE_SERVER)
    assert rig.command.run("batch", "cancel", out) == (0, "the batch is asked to stop\n")
    code, said = call.finish()
    assert code == 1, said
    assert f"{ON_ONE_SERVER} done, {JOBS - ON_ONE_SERVER} failed" in said
    assert sum(event["event"] == "cancelled" for event in events(out)) == JOBS - ON_ONE_SERVER
    assert rig.start(out).finish()[0] == 1  # until somebody wants them after all
    assert rig.command.run("batch", "retry", out, "--cancelled")[0] == 0
    code, said = rig.start(out).finish()
    assert code == 0, said
    assert_sound(out, rig.slow, JOBS)

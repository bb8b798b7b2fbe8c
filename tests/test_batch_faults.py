"""The faults of servers as a batch meets them: each job done once, or failed with its reason, and never for ever."""

from __future__ import annotations

import ast
import json
import signal
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import comfyproof
import history_checker
from chaos_proxy import ChaosProxy
from counted_server import CountedServer
from warm_command import Call, WarmCommand
from watched_server import WatchedServer
from watched_server import _free_port as free_port

SPEC = """\
comfyproof: 1
name: fire
inputs:
  image: {{type: image, default: photo.png}}
models:
  sdxl: {{checkpoint: sd_xl_base_1.0.safetensors}}
stages:
  - load: {{image: $image}}
  - refine: {{model: sdxl, positive: a cat, steps: 2, cfg: 5, denoise: 0.3, sampler: euler, scheduler: normal, seed: 1}}
  - save: {{prefix: fire}}
verify: {{size: 1x image, not_blank: true}}
"""
QUICK = ("--timeout", "3", "--patience", "0")  # a server that breaks off is given up at once


@pytest.fixture(scope="module")
def command() -> Iterator[WarmCommand]:
    with WarmCommand() as started:
        yield started


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as entered:
        yield entered


class Batch:
    """One batch over some servers: its command, and what it left behind."""

    def __init__(self, command: WarmCommand, folder: Path, urls: Sequence[str], jobs: int, forms: str = "") -> None:
        pixels = np.random.default_rng(1).integers(0, 255, (64, 64, 3), dtype="uint8")
        Image.fromarray(pixels).save(folder / "photo.png")
        spec = folder / "fire.yaml"
        spec.write_text(SPEC.format() + (forms or f"matrix:\n  refine.seed: {list(range(1, jobs + 1))}\n"))
        self.command, self.out, self.jobs = command, folder / "out", jobs
        self.arguments = ["batch", spec, "--servers", ",".join(urls), "--out", self.out, "--yes"]
        self.said = ""

    def start(self, *options: str) -> Call:
        return self.command.start(*self.arguments, *options)

    def run(self, *options: str) -> int:
        code, self.said = self.start(*options).finish()
        return code

    def events(self, kind: str) -> list[dict[str, Any]]:
        lines = (self.out / ".comfyproof" / "events.ndjson").read_text().splitlines()
        return [event for line in lines if (event := json.loads(line))["event"] == kind]

    def outcomes(self) -> Counter[str]:
        return Counter(event["outcome"] for event in self.events("attempt"))

    def is_proven(self, code: int, done: int | None = None) -> None:
        """What holds at every end: the promises, and so many pictures with so many names."""
        events = self.out / ".comfyproof" / "events.ndjson"
        assert history_checker.check(events, self.out, code) == []
        done = self.jobs if done is None else done
        assert len({event["job"] for event in self.events("done")}) == done, self.said
        assert len(list(self.out.glob("*.png"))) == done


def several(stack: ExitStack, folder: Path, *faults: Sequence[str]) -> list[CountedServer]:
    return [stack.enter_context(CountedServer(folder / f"server-{n}", *each)) for n, each in enumerate(faults)]


# Servers that go away, forget, or are others' too.


def test_a_server_killed_in_the_middle_of_a_job(command: WarmCommand, tmp_path: Path, stack: ExitStack) -> None:
    killed = WatchedServer(tmp_path, 9, "crash:2")
    stack.callback(killed.kill)
    killed.start()
    (other,) = several(stack, tmp_path, ["slow:0.02"])
    batch = Batch(command, tmp_path, [killed.url, other.url], 8)
    assert batch.run(*QUICK) == 0, batch.said
    batch.is_proven(0)
    kept = {event["prompt_id"] for event in batch.events("accepted") if event["server"] != other.url}
    assert kept <= {each.prompt_id for each in killed.ran()}
    assert len(set(other.succeeded())) == len(other.succeeded()) == 8 - len(kept)
    lost = killed.lives()[-1][-1].split()[1]  # what it last began
    assert lost in other.succeeded()


def test_a_server_that_restarts_and_knows_nothing(command: WarmCommand, tmp_path: Path, stack: ExitStack) -> None:
    (server,) = several(stack, tmp_path, ["restart:3", "others:2"])
    batch = Batch(command, tmp_path, [server.url], 4)
    assert batch.run() == 0, batch.said
    batch.is_proven(0)
    ours = {event["prompt_id"] for event in batch.events("submitted")}
    accepted = {event["prompt_id"] for event in batch.events("accepted")}
    lost = {event["job"] for event in batch.events("lost")}
    again = {event["job"] for event in batch.events("submitted") if event["epoch"]}
    assert again == lost
    assert lost
    assert len(ours) == 4 + len(lost)
    assert len(set(server.succeeded())) == len(server.succeeded())
    assert accepted <= set(server.succeeded())
    # Of the prompts of others that were in the queue after the restart, all came to their end.
    assert len(set(server.succeeded()) - ours) >= 2
    assert server.count("POST", "/interrupt") == 0
    assert not [each for each in server.asked if each.path in ("/queue", "/history") and b"clear" in each.body]


# The network.


@pytest.mark.parametrize("faults", [("ws-never",), ("ws-silent:3", "lost@2", "reset@4", "504@6", "ws-drop:3@1-3")])
def test_each_job_runs_once_whatever_the_server_answers(
    command: WarmCommand, tmp_path: Path, stack: ExitStack, faults: tuple[str, ...]
) -> None:
    (server,) = several(stack, tmp_path, faults)
    batch = Batch(command, tmp_path, [server.url], 5)
    assert batch.run() == 0, batch.said
    batch.is_proven(0)
    assert len(server.began) == len(set(server.began)) == 5
    assert batch.outcomes() == {}


def test_each_job_runs_once_over_a_bad_network(command: WarmCommand, tmp_path: Path, stack: ExitStack) -> None:
    (server,) = several(stack, tmp_path, ["slow:0.01"])
    proxy = stack.enter_context(ChaosProxy(server.url))

    def deed(number: int) -> None:
        if number == 1:
            proxy.poison("reset_peer", "down", only=b"POST /prompt", times=1)
        elif number == 4:
            proxy.cut()
        elif number == 5:
            proxy.poison("timeout", "down", only=b"GET /ws")

    server.deed = deed
    batch = Batch(command, tmp_path, [proxy.url], 6)
    assert batch.run() == 0, batch.said
    batch.is_proven(0)
    assert len(server.began) == len(set(server.began)) == 6


def test_all_servers_are_away(command: WarmCommand, tmp_path: Path, stack: ExitStack) -> None:
    server = CountedServer(tmp_path / "server", port=free_port())
    batch = Batch(command, tmp_path, [server.start()], 3)
    server.stop()
    assert batch.run(*QUICK, "--wait", "1") == 4, batch.said
    assert "start them, and give the same command" in batch.said
    batch.is_proven(4, 0)
    assert batch.events("ended")[-1]["left"] == 3
    stack.enter_context(server)
    assert batch.run(*QUICK, "--wait", "1") == 0, batch.said
    batch.is_proven(0)
    assert len(server.succeeded()) == 3


def test_what_a_server_did_while_it_was_away_for_long_is_not_done_again(
    command: WarmCommand, tmp_path: Path, stack: ExitStack
) -> None:
    (server,) = several(stack, tmp_path, ["slow:0.02"])
    proxy = stack.enter_context(ChaosProxy(server.url))
    batch = Batch(command, tmp_path, [proxy.url], 4)

    def heal() -> None:
        while not batch.events("released"):
            threading.Event().wait(0.05)
        proxy.cure()

    def deed(number: int) -> None:
        if number == 2:
            proxy.poison("reset_peer", "down")
            threading.Thread(target=heal, daemon=True).start()

    server.deed = deed
    assert batch.run("--timeout", "2", "--patience", "0") == 0, batch.said
    batch.is_proven(0)
    assert len(set(server.began)) == len(server.began) == 4
    assert server.count("POST", "/interrupt") == 0


def test_a_server_that_flaps(command: WarmCommand, tmp_path: Path, stack: ExitStack) -> None:
    (server,) = several(stack, tmp_path, ["flapping:0.4", "slow:0.05"])
    batch = Batch(command, tmp_path, [server.url], 4)
    assert batch.run("--timeout", "20") == 0, batch.said
    batch.is_proven(0)
    assert len(set(server.began)) == len(server.began) == 4
    assert batch.outcomes() == {}
    assert len(server.asked) < 250  # it is not asked without a pause, well or not


# Servers that fail jobs.


def test_out_of_memory(command: WarmCommand, tmp_path: Path, stack: ExitStack) -> None:
    (server,) = several(stack, tmp_path, ["oom@1"])
    batch = Batch(command, tmp_path, [server.url], 2)
    assert batch.run() == 0, batch.said
    batch.is_proven(0)
    assert batch.outcomes() == {"oom": 1}
    assert server.count("POST", "/free") == 1
    assert len(server.began) == 3


def test_out_of_memory_everywhere(command: WarmCommand, tmp_path: Path, stack: ExitStack) -> None:
    first, second = several(stack, tmp_path, ["oom"], ["oom"])
    batch = Batch(command, tmp_path, [first.url, second.url], 1)
    assert batch.run() == 1, batch.said
    batch.is_proven(1, 0)
    assert sorted([len(first.began), len(second.began)]) == [1, 2]
    assert first.count("POST", "/free") + second.count("POST", "/free") == 1
    (failed,) = batch.events("failed")
    assert "out of memory" in failed["reason"]


def test_poison_fails_on_two_servers_and_the_rest_is_done(
    command: WarmCommand, tmp_path: Path, stack: ExitStack
) -> None:
    servers = several(stack, tmp_path, *[["poison:hemlock"]] * 3)
    forms = "variants:\n  bad: {refine.positive: a cup of hemlock}\n" + "".join(
        f"  good{n}: {{refine.seed: {n}}}\n" for n in range(7)
    )
    batch = Batch(command, tmp_path, [server.url for server in servers], 8, forms)
    assert batch.run() == 1, batch.said
    batch.is_proven(1, 7)
    assert batch.outcomes() == {"error": 2}
    assert len({event["server"] for event in batch.events("attempt")}) == 2
    assert sum(len(server.began) for server in servers) == 9
    assert sum(server.count("POST", "/prompt") for server in servers) == 9
    assert "1 failed" in batch.said


def test_a_submission_that_is_answered_with_500(command: WarmCommand, tmp_path: Path, stack: ExitStack) -> None:
    first, second = several(stack, tmp_path, ["500"], [])
    batch = Batch(command, tmp_path, [first.url, second.url], 4)
    assert batch.run() == 0, batch.said
    batch.is_proven(0)
    assert not first.began
    assert first.count("POST", "/prompt") <= 12


def test_submissions_that_every_server_answers_with_500(command: WarmCommand, tmp_path: Path, stack: ExitStack) -> None:
    (server,) = several(stack, tmp_path, ["500"])
    batch = Batch(command, tmp_path, [server.url], 1)
    assert batch.run() == 1, batch.said
    batch.is_proven(1, 0)
    assert server.count("POST", "/prompt") == 3


def test_an_upload_that_never_comes_through(command: WarmCommand, tmp_path: Path, stack: ExitStack) -> None:
    (server,) = several(stack, tmp_path, ["reset:/upload/image"])
    batch = Batch(command, tmp_path, [server.url], 1)
    assert batch.run() == 1, batch.said
    batch.is_proven(1, 0)
    assert server.count("POST", "/upload/image") == 10  # five times, and each of them twice


def test_a_server_that_makes_black_pictures(command: WarmCommand, tmp_path: Path, stack: ExitStack) -> None:
    bad, good = several(stack, tmp_path, ["blank", "slow:0.01"], [])
    batch = Batch(command, tmp_path, [bad.url, good.url], 24)
    assert batch.run() == 0, batch.said
    batch.is_proven(0)
    assert {event["server"] for event in batch.events("accepted")} == {good.url}
    (quarantined,) = [event for event in batch.events("server") if event["state"] == "quarantined"]
    assert quarantined["server"] == bad.url
    assert len(bad.began) < 12
    assert len(good.began) == 24


def test_the_only_server_makes_black_pictures(command: WarmCommand, tmp_path: Path, stack: ExitStack) -> None:
    (server,) = several(stack, tmp_path, ["blank"])
    batch = Batch(command, tmp_path, [server.url], 30)
    assert batch.run() == 1, batch.said
    batch.is_proven(1, 0)
    assert "too many jobs fail" in batch.said
    assert 20 <= len(server.began) <= 24


def test_a_server_that_is_stuck(command: WarmCommand, tmp_path: Path, stack: ExitStack) -> None:
    stuck, other = several(stack, tmp_path, ["stuck:2"], ["slow:0.01"])
    batch = Batch(command, tmp_path, [stuck.url, other.url], 10)
    assert batch.run("--timeout", "3") == 0, batch.said
    batch.is_proven(0)
    assert len(stuck.began) == 2  # nothing more was fed to it
    assert batch.outcomes() == {"timeout": 1}
    (late,) = [event["job"] for event in batch.events("attempt")]
    assert {event["server"] for event in batch.events("accepted") if event["job"] == late} == {other.url}
    waited = {each.body for each in stuck.asked if each.path == "/queue" and each.method == "POST"}
    assert len(waited) >= 1  # and what waited behind it was taken out


def test_a_server_that_is_another_now(command: WarmCommand, tmp_path: Path, stack: ExitStack) -> None:
    (server,) = several(stack, tmp_path, ["upgrade:1", "restart:2"])
    batch = Batch(command, tmp_path, [server.url], 6)
    assert batch.run() == 4, batch.said
    batch.is_proven(4, len(batch.events("done")))
    # It gets neither what it lost nor what it was to have next, but for what was on its way to it.
    assert len(server.began) <= 3
    assert "it has ComfyUI 0.99.0, and had 0.3.64" in batch.said
    assert "--allow-drift" in batch.said
    assert batch.run("--allow-drift") == 0, batch.said
    batch.is_proven(0)


def test_a_server_ten_times_slower(command: WarmCommand, tmp_path: Path, stack: ExitStack) -> None:
    servers = several(stack, tmp_path, ["slow:0.2"], *[["slow:0.02"]] * 2)
    batch = Batch(command, tmp_path, [server.url for server in servers], 24)
    assert batch.run() == 0, batch.said
    batch.is_proven(0)
    assert len(servers[0].began) <= 3  # by turns it would be eight
    assert sum(len(server.began) for server in servers) == 24


# Results.


def test_somebody_elses_picture_is_not_accepted(command: WarmCommand, tmp_path: Path, stack: ExitStack) -> None:
    bad, good = several(stack, tmp_path, ["swapped"], [])
    batch = Batch(command, tmp_path, [bad.url, good.url], 4)
    assert batch.run() == 0, batch.said
    batch.is_proven(0)
    assert {event["server"] for event in batch.events("accepted")} == {good.url}


def test_a_file_that_is_gone_is_made_anew_once(command: WarmCommand, tmp_path: Path, stack: ExitStack) -> None:
    (server,) = several(stack, tmp_path, ["gone@1"])
    batch = Batch(command, tmp_path, [server.url], 2)
    assert batch.run() == 0, batch.said
    batch.is_proven(0)
    assert batch.outcomes() == {"gone": 1}
    assert len(set(server.succeeded())) == 3


def test_damaged_pictures(command: WarmCommand, tmp_path: Path, stack: ExitStack) -> None:
    (server,) = several(stack, tmp_path, ["flip@1-4", "no-iend@5-8", "trailing@9-12", "page@13-16"])
    batch = Batch(command, tmp_path, [server.url], 4)
    assert batch.run() == 1, batch.said
    batch.is_proven(1, 0)
    assert batch.outcomes() == {"damaged": 8}  # each was run twice
    assert server.count("GET", "/view") == 16  # and fetched twice each time
    assert len(batch.events("failed")) == 4
    kept = list((batch.out / ".comfyproof" / "failed").iterdir())
    assert len(kept) == 8
    assert all(len(list(folder.iterdir())) == 2 for folder in kept)  # the picture, and the record of it


def test_pictures_that_do_not_come_whole(command: WarmCommand, tmp_path: Path, stack: ExitStack) -> None:
    (server,) = several(stack, tmp_path, ["truncate:/view@1-4", "empty@5-"])
    batch = Batch(command, tmp_path, [server.url], 2)
    assert batch.run() == 1, batch.said
    batch.is_proven(1, 0)
    assert batch.outcomes() == {"damaged": 2, "gone": 4}
    assert len(set(server.succeeded())) == 6
    assert len(batch.events("failed")) == 2


def test_a_prompt_that_the_server_runs_twice(command: WarmCommand, tmp_path: Path, stack: ExitStack) -> None:
    (server,) = several(stack, tmp_path, ["again"])
    batch = Batch(command, tmp_path, [server.url], 3)
    assert batch.run() == 0, batch.said
    batch.is_proven(0)
    assert Counter(event["job"] for event in batch.events("accepted")).most_common(1)[0][1] == 1
    assert len(server.asked and [a for a in server.asked if (a.method, a.path) == ("POST", "/prompt")]) == 3


# What servers have, and old ones.


def test_jobs_that_only_some_servers_can_run(command: WarmCommand, tmp_path: Path, stack: ExitStack) -> None:
    def models(*names: str) -> dict[str, Sequence[str]]:
        return {"checkpoints": names}

    one = stack.enter_context(CountedServer(tmp_path / "a", models=models("sd_xl_base_1.0.safetensors")))
    two = stack.enter_context(
        CountedServer(tmp_path / "b", models=models("sd_xl_base_1.0.safetensors", "sdxl_other.safetensors"))
    )
    forms = "variants:\n" + "".join(
        f"  {name}{n}: {{refine.seed: {n}, models.sdxl.checkpoint: {file}.safetensors}}\n"
        for name, file in (("usual", "sd_xl_base_1.0"), ("other", "sdxl_other"), ("nowhere", "sdxl_nowhere"))
        for n in (1, 2)
    )
    batch = Batch(command, tmp_path, [one.url, two.url], 6, forms)
    assert batch.run() == 1, batch.said
    batch.is_proven(1, 4)
    assert 'lacks the model "sdxl_nowhere.safetensors"' in batch.said
    assert "no server can run what is left (2 jobs)" in batch.said
    where = {event["job"]: event["server"] for event in batch.events("accepted")}
    assert Counter(where.values())[two.url] >= 2
    assert batch.outcomes() == {}


def test_jobs_for_a_server_that_stays_away(command: WarmCommand, tmp_path: Path, stack: ExitStack) -> None:
    usual = {"checkpoints": ["sd_xl_base_1.0.safetensors"]}
    server = stack.enter_context(CountedServer(tmp_path / "server", models=usual))
    forms = "variants:\n  usual: {}\n  other: {models.sdxl.checkpoint: sdxl_other.safetensors}\n"
    batch = Batch(command, tmp_path, [server.url, f"http://127.0.0.1:{free_port()}"], 2, forms)
    assert batch.run(*QUICK, "--wait", "1") == 4, batch.said
    batch.is_proven(4, 1)
    assert "the servers that can run what is left (1 job) are away" in batch.said


def fused(text: str = "") -> str:
    return f"variants:\n  a: {{refine.steps: 2}}\n  b: {{refine.steps: 3{text}}}\n  c: {{refine.steps: 4}}\n"


def test_a_poisoned_member_of_a_fused_prompt(command: WarmCommand, tmp_path: Path, stack: ExitStack) -> None:
    (server,) = several(stack, tmp_path, ["poison:hemlock"])
    batch = Batch(command, tmp_path, [server.url], 3, fused(", refine.positive: hemlock"))
    assert batch.run("--fuse") == 1, batch.said
    batch.is_proven(1, 2)
    assert batch.outcomes() == {"fused": 3, "error": 2}
    assert len(server.began) == 1 + 2 + 2


def test_a_client_killed_while_a_fused_prompt_runs(command: WarmCommand, tmp_path: Path, stack: ExitStack) -> None:
    (server,) = several(stack, tmp_path, ["slow:0.05"])
    batch = Batch(command, tmp_path, [server.url], 3, fused())
    began = threading.Event()
    server.deed = lambda number: began.set()
    call = batch.start("--fuse")
    assert began.wait(60)
    call.send(signal.SIGKILL)
    call.finish()
    assert batch.run("--fuse") == 0, batch.said
    batch.is_proven(0)
    assert len(server.began) == 1


def test_a_client_killed_with_one_member_accepted(command: WarmCommand, tmp_path: Path, stack: ExitStack) -> None:
    (server,) = several(stack, tmp_path, [])
    batch = Batch(command, tmp_path, [server.url], 3, fused())
    code, _ = command.run(*batch.arguments, "--fuse", COMFYPROOF_FAIL="after-name:1")
    assert code == 9
    assert batch.run("--fuse") == 0, batch.said
    batch.is_proven(0)
    assert len(server.began) == 1


def test_an_old_server_has_ids_of_its_own(command: WarmCommand, tmp_path: Path, stack: ExitStack) -> None:
    server = stack.enter_context(CountedServer(tmp_path / "server", "slow:0.05", profile="0.3.43"))
    batch = Batch(command, tmp_path, [server.url], 4)
    began = threading.Event()
    server.deed = lambda number: number == 3 and began.set()
    call = batch.start()
    assert began.wait(60)
    call.send(signal.SIGKILL)
    call.finish()
    assert batch.run() == 0, batch.said
    batch.is_proven(0)
    assert len(server.began) == 4


# The time of day.

# Where it is asked for, and what for: to be shown, or to tell files apart.
SHOWN = {
    ("events.py", "tell"), ("flight.py", "board"), ("folder.py", "_now"), ("ledger.py", "_now"),
}  # fmt: skip


def test_nothing_waits_or_orders_by_the_time_of_day() -> None:
    found = set()
    for path in sorted((Path(comfyproof.__file__).parent / "batch").glob("*.py")):
        for function in ast.walk(ast.parse(path.read_text())):
            if isinstance(function, ast.FunctionDef):
                calls = (node.func for node in ast.walk(function) if isinstance(node, ast.Call))
                asked = {ast.unparse(call) for call in calls} & {"time.time", "datetime.now", "time.localtime"}
                found |= {(path.name, function.name)} if asked else set()
    assert found == SHOWN

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
from comfyproof.batch.job import prompt_id_of
from counted_server import CountedServer
from warm_command import Call, WarmCommand
from watched_server import WatchedServer

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
QUICK = ("--timeout", "2", "--patience", "0")  # a server that breaks off is given up at once


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
    ran = [each.prompt_id for each in killed.ran()] + other.succeeded()
    assert len(ran) == len(set(ran)) == 8
    lost = killed.lives()[-1][-1].split()[1]
    assert lost in other.succeeded()


def test_a_server_that_restarts_empty(command: WarmCommand, tmp_path: Path, stack: ExitStack) -> None:
    (server,) = several(stack, tmp_path, ["restart:2"])
    batch = Batch(command, tmp_path, [server.url], 4)
    assert batch.run() == 0, batch.said
    batch.is_proven(0)
    lost = {event["job"] for event in batch.events("lost")}
    again = {event["job"] for event in batch.events("submitted") if event["epoch"]}
    assert again == lost
    assert 1 <= len(lost) <= 2  # what ran, and what waited behind it
    assert len(server.succeeded()) == 4


def test_a_server_that_restarts_among_others(command: WarmCommand, tmp_path: Path, stack: ExitStack) -> None:
    (server,) = several(stack, tmp_path, ["restart:3", "others:2@1"])
    batch = Batch(command, tmp_path, [server.url], 3)
    assert batch.run() == 0, batch.said
    batch.is_proven(0)
    ours = {event["prompt_id"] for event in batch.events("submitted")}
    others = [id for id in server.succeeded() if id not in ours]
    assert len(others) >= 2
    assert len([id for id in server.succeeded() if id in ours]) == 3
    assert server.count("POST", "/interrupt") == 0
    assert not [each for each in server.asked if each.path in ("/queue", "/history") and b"clear" in each.body]


# The network.


@pytest.mark.parametrize("fault", ["ws-never", "ws-drop:3", "ws-silent:3", "lost@2", "reset@2", "504@2", "hang@2"])
def test_each_job_runs_once_whatever_the_network_does(
    command: WarmCommand, tmp_path: Path, stack: ExitStack, fault: str
) -> None:
    (server,) = several(stack, tmp_path, [fault])
    batch = Batch(command, tmp_path, [server.url], 4)
    assert batch.run("--timeout", "4") == 0, batch.said
    batch.is_proven(0)
    assert len(server.began) == len(set(server.began)) == 4
    assert batch.outcomes() == {}

"""What a run took: seconds by node, steps, and memory, as far as a server tells."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from comfyproof.catalog.pinned import built_in
from comfyproof.emulator.embedded import Emulator
from comfyproof.emulator.faults import parse
from comfyproof.run import events
from comfyproof.run.measured import Meter, used
from comfyproof.run.problems import ServerUnreachable
from conftest import ROOT, Command

PRODUCTION = ROOT / "specs/production_upscale_enhance.yaml"
GIB = 2**30


def measured(folder: Path) -> dict[str, Any]:
    (file,) = folder.rglob("run.json")
    found: dict[str, Any] = json.loads(file.read_text())
    return found


def test_every_node_has_its_seconds_and_samplers_their_steps(comfyproof: Command, tmp_path: Path) -> None:
    assert comfyproof("run", PRODUCTION).returncode == 0
    record = measured(tmp_path)
    nodes = record["measured"]["nodes"]
    kinds = {id: node["class_type"] for id, node in record["prompt"].items()}
    assert set(nodes) <= set(kinds)
    told = {kinds[id]: each for id, each in nodes.items()}
    assert told["KSampler"]["steps"] == 12
    assert told["UltimateSDUpscale"]["steps"] >= 16 * 12
    assert 0 < told["KSampler"]["seconds_a_step"] < told["KSampler"]["seconds"]
    assert sum(each["seconds"] for each in nodes.values()) <= record["seconds"]["execute"] + 0.5
    for moment in ("before", "after"):
        assert record["measured"][moment]["vram_total"] >= record["measured"][moment]["vram_free"] > 0


@pytest.mark.parametrize("fault", ["reset:/system_stats@2", "404:/system_stats@2", "html:/system_stats@2"])
def test_a_server_that_does_not_tell_is_no_reason_to_fail(fault: str, comfyproof: Command, tmp_path: Path) -> None:
    faults = [parse(fault)]
    with Emulator(tmp_path / "emulator", catalog=built_in(), faults=faults) as emulator:
        done = comfyproof("run", PRODUCTION, "--server", emulator.url)
    assert done.returncode == 0, done.stderr
    assert measured(tmp_path / "out")["verdict"] == "verified"


def stats(vram: Any, ram: Any = 8) -> dict[str, Any]:
    return {
        "system": {"ram_total": 32 * GIB, "ram_free": ram},
        "devices": [{"name": "card", "vram_total": 24 * GIB, "vram_free": vram}],
    }


def test_what_is_in_use() -> None:
    assert used(stats(4 * GIB, 8 * GIB)) == (20 * GIB, 24 * GIB)
    for odd in ({}, {"devices": [], "system": []}, {"devices": "x"}, stats("much", None), stats(25 * GIB, -1)):
        assert used(odd) == (None, None)


def test_a_server_that_is_silent_once_is_not_asked_again() -> None:
    asked = []

    def ask() -> dict[str, Any]:
        asked.append(1)
        raise ServerUnreachable("http://127.0.0.1:9", "is silent", "")

    meter = Meter(ask, pause=0)
    meter.begin(stats(4 * GIB))
    for node in "abc":
        meter.heard(events.NodeRunning(node))
    meter.end()
    assert (len(asked), meter.samples, dict(meter.after)) == (1, [], {})
    assert set(meter.nodes) == {"a", "b", "c"}


def test_steps_of_tiles_add_up() -> None:
    meter = Meter(lambda: stats(4 * GIB))
    meter.begin({})
    meter.heard(events.Cached(("loader",)))
    meter.heard(events.NodeRunning("tiles"))
    for _ in range(3):
        for value in (1.0, 2.0, 3.0, 4.0):
            meter.heard(events.Progress("tiles", value, 4.0))
    meter.heard(events.NodeDone("tiles"))
    assert (meter.nodes["tiles"].steps, meter.cached) == (12, ["loader"])

"""The batch command: what it plans, runs, keeps and says, on servers that do nothing wrong."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import requests
from PIL import Image

import history_checker
from comfyproof.catalog.pinned import built_in
from comfyproof.emulator.embedded import Emulator
from conftest import ROOT, Command
from warm_command import WarmCommand

TIERS = """\
comfyproof: 1
name: tiers
inputs:
  image: {type: image}
models:
  sdxl: {checkpoint: sd_xl_base_1.0.safetensors}
  siax: {upscale_model: 2x_small.pth}
stages:
  - load: {image: $image}
  - upscale: {with: siax, by: 2}
  - refine: {model: sdxl, positive: a cat, steps: 2, cfg: 5, denoise: 0.3, sampler: euler, scheduler: normal, seed: 1}
  - save: {prefix: tiers}
verify: {size: 2x image}
variants:
  conservative: {refine.denoise: 0.15}
  balanced: {}
  aggressive: {refine.denoise: 0.5}
"""


class Done(NamedTuple):
    """How the command ended, and all that it said."""

    returncode: int
    stderr: str


@pytest.fixture(scope="module")
def warm() -> Iterator[WarmCommand]:
    with WarmCommand() as started:
        yield started


@pytest.fixture
def run(warm: WarmCommand, tmp_path: Path) -> Callable[..., Done]:
    """Runs the command in the test's folder."""
    return lambda *arguments: Done(*warm.run(*arguments, cwd=tmp_path))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Emulator]:
    with Emulator(tmp_path / "server", catalog=built_in()) as started:
        yield started


def photographs(folder: Path, count: int) -> None:
    folder.mkdir()
    for number in range(count):
        pixels = np.random.default_rng(number).integers(0, 255, (32, 48, 3), dtype="uint8")
        Image.fromarray(pixels).save(folder / f"photo-{number:02}.png")


def tiers(tmp_path: Path, count: int) -> Path:
    photographs(tmp_path / "photos", count)
    (tmp_path / "tiers.yaml").write_text(TIERS)
    return tmp_path / "out"


def executions(server: Emulator, prompt_ids: set[str]) -> Counter[str]:
    """How often nodes of each class ran in these prompts, by the server's own history."""
    counted: Counter[str] = Counter()
    for id, entry in requests.get(f"{server.url}/history", timeout=10).json().items():
        if id in prompt_ids:
            graph: dict[str, Any] = entry["prompt"][2]
            cached = {
                node
                for kind, told in entry["status"]["messages"]
                if kind == "execution_cached"
                for node in told["nodes"]
            }
            counted.update(node["class_type"] for number, node in graph.items() if number not in cached)
    return counted


def events(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / ".comfyproof" / "events.ndjson").read_text().splitlines()]


def submitted(out: Path) -> set[str]:
    return {event["prompt_id"] for event in events(out) if event["event"] == "submitted"}


def assert_whole(out: Path, jobs: int) -> None:
    assert len(list(out.glob("*.png"))) == jobs
    assert history_checker.check(out / ".comfyproof" / "events.ndjson", out, 0) == []


def test_what_three_tiers_share_runs_once_a_photograph(
    tmp_path: Path, run: Callable[..., Done], server: Emulator
) -> None:
    out = tiers(tmp_path, 20)
    result = run("batch", "tiers.yaml", "--inputs", "photos/*.png", "--servers", server.url, "--out", out)
    assert result.returncode == 0, result.stderr
    assert_whole(out, 60)
    assert len(submitted(out)) == 60
    ran = executions(server, submitted(out))
    assert ran["KSampler"] == ran["SaveImage"] == 60
    assert ran["ImageUpscaleWithModel"] == 20
    assert ran["CheckpointLoaderSimple"] == ran["UpscaleModelLoader"] == 1


def test_fused_they_do_so_whatever_others_run_in_between(
    tmp_path: Path, run: Callable[..., Done], server: Emulator
) -> None:
    out = tiers(tmp_path, 20)
    over = threading.Event()
    other = {
        "1": {"class_type": "EmptyImage", "inputs": {"width": 8, "height": 8, "batch_size": 1, "color": 0}},
        "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "other"}},
    }

    def meanwhile() -> None:
        with requests.Session() as session:
            while not over.wait(0.005):
                if not session.get(f"{server.url}/queue", timeout=10).json()["queue_pending"]:
                    other["1"]["inputs"]["color"] += 1
                    session.post(f"{server.url}/prompt", json={"prompt": other}, timeout=10)

    thread = threading.Thread(target=meanwhile)
    thread.start()
    try:
        result = run("batch", "tiers.yaml", "--inputs", "photos/*.png", "--servers", server.url, "--out", out, "--fuse")
    finally:
        over.set()
        thread.join()
    assert result.returncode == 0, result.stderr
    assert_whole(out, 60)
    ours = submitted(out)
    assert len(ours) == 20
    ran = executions(server, ours)
    assert ran["KSampler"] == ran["SaveImage"] == 60
    assert ran["ImageUpscaleWithModel"] == ran["CheckpointLoaderSimple"] == 20
    # Others ran in between: without --fuse, the work would have been done three times.
    assert len(requests.get(f"{server.url}/history", timeout=10).json()) > 30


def test_what_is_done_is_not_done_again(tmp_path: Path, run: Callable[..., Done], server: Emulator) -> None:
    out = tiers(tmp_path, 2)
    command = ("batch", "tiers.yaml", "--inputs", "photos/*.png", "--servers", server.url, "--out", out)
    assert run(*command).returncode == 0
    before = submitted(out)
    again = run(*command)
    assert again.returncode == 0
    assert "6  cached" in again.stderr
    Image.new("RGB", (48, 32), "gray").save(tmp_path / "photos" / "photo-00.png")
    changed = run(*command, "--set", "refine.seed=2", "--variant", "balanced")
    assert changed.returncode == 0, changed.stderr
    assert "2  to do" in changed.stderr
    more = run(*command)
    assert "3  to do" in more.stderr
    assert "3  cached" in more.stderr
    assert len(before) == 6
    assert (out / "photo-01-balanced.png").exists()


def test_a_saved_plan_holds_or_is_refused(tmp_path: Path, run: Callable[..., Done], server: Emulator) -> None:
    out = tiers(tmp_path, 2)
    command = ("batch", "tiers.yaml", "--inputs", "photos/*.png", "--servers", server.url, "--out", out)
    assert run(*command, "--dry-run").returncode == 0
    assert run(*command, "--dry-run", "--detailed-exitcode").returncode == 2
    saved = run(*command, "--save-plan", "plan.json")
    assert saved.returncode == 0, saved.stderr
    assert requests.get(f"{server.url}/history", timeout=10).json() == {}
    other = run(*command, "--plan", "plan.json", "--variant", "balanced")
    assert other.returncode == 2
    assert 'the plan "plan.json" does not hold' in other.stderr
    assert requests.get(f"{server.url}/history", timeout=10).json() == {}
    assert run(*command, "--plan", "plan.json").returncode == 0
    assert_whole(out, 6)
    late = run(*command, "--plan", "plan.json")
    assert late.returncode == 2
    assert run(*command, "--dry-run", "--detailed-exitcode").returncode == 0


def test_other_programs_hear_what_happens(tmp_path: Path, comfyproof: Command, server: Emulator) -> None:
    out = tiers(tmp_path, 1)
    told = comfyproof(
        "batch", "tiers.yaml", "--inputs", "photos/*.png", "--servers", server.url, "--out", out,
        "--events", "-", "--then", "sh -c 'echo aside; echo $COMFYPROOF_BATCH $COMFYPROOF_EXIT > then.txt'",
    )  # fmt: skip
    assert told.returncode == 0, told.stderr
    assert [json.loads(line) for line in told.stdout.splitlines()] == events(out)
    assert (tmp_path / "then.txt").read_text().split() == [str(out), "0"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--inputs", "nothing/*.png"), 1, 'no file is found for "nothing/*.png"'),
        (("--inputs", "photos"), 1, '"photos" is a folder'),
        (("--inputs", "photos/none.png"), 1, 'no file is found for "photos/none.png"'),
        (("--inputs", "imag=photos/*.png"), 1, 'did you mean "image"?'),
        (("--inputs", "photos/a.png", "photos/b.png", "photos/c.png"), 2, "put it in quotes"),
    ],
)
def test_inputs_that_are_not_there_begin_nothing(
    tmp_path: Path, run: Callable[..., Done], words: tuple[str, ...], code: int, said: str
) -> None:
    out = tiers(tmp_path, 1)
    refused = run("batch", "tiers.yaml", "--out", out, *words)
    assert refused.returncode == code
    assert said in refused.stderr
    assert not out.exists()


def test_jobs_that_show_the_same_are_named(tmp_path: Path, run: Callable[..., Done], server: Emulator) -> None:
    Image.new("RGB", (32, 32)).save(tmp_path / "photo.png")
    Image.fromarray(np.random.default_rng(1).integers(0, 255, (32, 32, 3), dtype="uint8")).save(tmp_path / "photo.png")
    (tmp_path / "same.yaml").write_text(
        "comfyproof: 1\nname: same\ninputs: {image: {type: image, default: photo.png}}\nnodes:\n"
        "  picture: {LoadImage: {image: $image}}\n"
        "  small: {ImageScale: {image: $picture, upscale_method: area, width: 16, height: 16, crop: disabled}}\n"
        "  out: {SaveImage: {images: $small, filename_prefix: same}}\n"
        "matrix: {nodes.small.ImageScale.crop: [disabled, center], nodes.small.ImageScale.width: [16, 24]}\n"
    )
    result = run("batch", "same.yaml", "--servers", server.url, "--out", "out")
    assert result.returncode == 0, result.stderr
    assert (
        'warning: 2 pictures show exactly the same: "crop=disabled_width=16", "crop=center_width=16"' in result.stderr
    )


def test_a_model_that_is_replaced_makes_another_job(tmp_path: Path, run: Callable[..., Done], server: Emulator) -> None:
    out = tiers(tmp_path, 1)
    model = tmp_path / "models" / "checkpoints" / "sd_xl_base_1.0.safetensors"
    model.parent.mkdir(parents=True)
    model.write_bytes(b"one")
    command = (
        "batch",
        "tiers.yaml",
        "--inputs",
        "photos/*.png",
        "--servers",
        server.url,
        "--out",
        out,
        "--models",
        "models",
    )
    first = run(*command, "--dry-run")
    assert f"reading {model.name}" in first.stderr
    assert run(*command).returncode == 0
    again = run(*command, "--dry-run")
    assert "3  cached" in again.stderr
    assert "reading" not in again.stderr
    model.write_bytes(b"two")
    assert "3  to do" in run(*command, "--dry-run").stderr


def test_every_command_of_the_page(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "specs", tmp_path / "specs")
    page = (ROOT / "docs" / "batch.md").read_text()
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for block in re.findall(r"^```sh\n(.*?)^```", page, re.MULTILINE | re.DOTALL):
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", block], cwd=tmp_path, env={**os.environ, "PATH": path},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "pictures").glob("*.png"))) == 6

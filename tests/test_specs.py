"""Every spec that the project comes with: a server takes it, and a run of it is proven."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from comfyproof import load_catalog, server_verdict
from conftest import ROOT
from test_run import served

SPECS = sorted((ROOT / "specs").glob("*.yaml"))


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served(tmp_path_factory.mktemp("served")) as (url, _):
        yield url


def test_there_are_as_many_as_promised() -> None:
    assert len(SPECS) >= 14


@pytest.mark.parametrize("spec", SPECS, ids=lambda path: path.stem)
def test_a_server_takes_what_it_compiles_to(spec: Path) -> None:
    prompt = json.loads((ROOT / f"workflows/{spec.stem}.api.json").read_text())
    verdict = server_verdict(prompt, load_catalog("comfyui-0.3.64"))
    assert (verdict["accepted"], verdict["error"], verdict["node_errors"]) == (True, None, {})
    assert {(each["input"]) for each in verdict["not_examined"]} <= {
        "image", "ckpt_name", "unet_name", "clip_name", "clip_name1", "clip_name2", "clip_name3", "vae_name",
        "lora_name", "control_net_name", "model_name",
    }  # fmt: skip


@pytest.mark.parametrize("spec", SPECS, ids=lambda path: path.stem)
def test_a_run_of_it_is_proven(spec: Path, url: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "comfyproof", "run", str(spec), "--server", url, "--out", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    (record,) = tmp_path.rglob("run.json")
    assert json.loads(record.read_text())["verdict"] == "verified"

"""lint against what a machine has: a server, folders of model files, a catalog by its name."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from comfyproof.catalog.pinned import built_in
from comfyproof.emulator.embedded import Emulator
from conftest import Command

SPEC = """comfyproof: 1
models: {m: {checkpoint: sd_xl_base_1.0.safetensors}, ink: {lora: ink.safetensors}}
stages:
  - generate: {model: m, loras: [{use: ink, strength: 0.8}], positive: a house, negative: fog, size: 1024x1024}
  - save
"""


def tree(folder: Path, *files: str) -> Path:
    for file in files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_bytes(b"")
    return folder


def errors(done: subprocess.CompletedProcess[str]) -> list[tuple[str, str]]:
    findings = json.loads(done.stdout)["findings"]
    return [(each["message"], each["help"]) for each in findings if each["severity"] == "error"]


def unknown(done: subprocess.CompletedProcess[str]) -> list[str]:
    return [each["what"] for each in json.loads(done.stdout)["not_examined"]]


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    (tmp_path / "spec.yaml").write_text(SPEC)
    return tmp_path / "spec.yaml"


HAS = "checkpoints/sd_xl_base_1.0.safetensors"


@pytest.mark.parametrize(
    ("files", "message", "help"),
    [
        ((), '"ink.safetensors" is not in the folder "loras" of "models", of which there are none',
         'put the file into the folder "loras"'),
        (("loras/inc.safetensors",), '"ink.safetensors" is not in the folder "loras" of "models"',
         'did you mean "inc.safetensors"?'),
        (("loras/sdxl/ink.safetensors",), '"ink.safetensors" is not in the folder "loras" of "models"',
         'it lies there as "sdxl/ink.safetensors"'),
        (("controlnet/ink.safetensors", "loras/far-from-it.safetensors"),
         '"ink.safetensors" is not in the folder "loras" of "models"',
         'it lies in "controlnet", where "ControlNetLoader" reads it as "ink.safetensors"'),
    ],
)  # fmt: skip
def test_a_file_that_is_not_there(
    files: tuple[str, ...], message: str, help: str, spec: Path, comfyproof: Command
) -> None:
    tree(spec.parent / "models", HAS, *files)
    done = comfyproof("lint", spec, "--models", "models", "--select", "CP571", "--format", "json")
    assert (errors(done), done.returncode) == ([(message, help)], 1)
    assert not [what for what in unknown(done) if "safetensors" in what]


def test_folders_in_all_their_forms(spec: Path, comfyproof: Command) -> None:
    root = tree(spec.parent / "ComfyUI/models", HAS, "loras/ink.safetensors").parent
    tree(spec.parent / "elsewhere", "lora/ink.safetensors", "sd/sd_xl_base_1.0.safetensors")
    (spec.parent / "paths.yaml").write_text("there: {base_path: elsewhere, loras: lora, checkpoints: sd}\n")
    for models in (root, root / "models", "paths.yaml"):
        done = comfyproof("lint", spec, "--models", models, "--select", "CP571", "--format", "json")
        assert (errors(done), done.returncode) == ([], 0), models
    for nothing in ("nowhere", "spec.yaml", "."):
        done = comfyproof("lint", spec, "--models", nothing)
        assert (done.returncode, done.stdout) == (3, ""), nothing
        assert f'"{nothing}"' in done.stderr


def test_pictures_are_not_looked_for_in_model_folders(tmp_path: Path, comfyproof: Command) -> None:
    nodes = {"1": {"class_type": "LoadImage", "inputs": {"image": "cat.png"}},
             "2": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}}}  # fmt: skip
    (tmp_path / "flow.json").write_text(json.dumps(nodes))
    done = comfyproof("lint", "flow.json", "--models", tree(tmp_path / "models", HAS), "--format", "json")
    assert (errors(done), unknown(done)) == ([], ['file "cat.png"'])


def test_a_server_says_what_it_has(spec: Path, tmp_path: Path, comfyproof: Command) -> None:
    models = {"checkpoints": ["sd_xl_base_1.0.safetensors"], "loras": ["inks.safetensors"]}
    with Emulator(tmp_path / "emulator", catalog=built_in(), models=models) as emulator:
        done = comfyproof("lint", spec, "--server", emulator.url, "--format", "json")
        told = ('"ink.safetensors" is not among the server\'s loras', 'did you mean "inks.safetensors"?')
        assert (errors(done), done.returncode) == ([told], 1)
        tree(tmp_path / "models", HAS, "loras/ink.safetensors")
        done = comfyproof(
            "lint", spec, "--server", emulator.url, "--models", "models", "--select", "CP571", "--format", "json"
        )
        assert (errors(done), done.returncode) == ([], 0)


def test_an_emulator_without_model_files_leaves_them_open(emulator: Emulator, spec: Path, comfyproof: Command) -> None:
    done = comfyproof("lint", spec, "--server", emulator.url, "--format", "json")
    assert (errors(done), done.returncode) == ([], 0)
    assert unknown(done) == ['file "sd_xl_base_1.0.safetensors"', 'file "ink.safetensors"']


def test_a_server_that_cannot_be_asked(spec: Path, emulator: Emulator, comfyproof: Command) -> None:
    done = comfyproof("lint", spec, "--server", "http://127.0.0.1:9")
    assert (done.returncode, done.stdout) == (4, "")
    assert "nothing listens there" in done.stderr
    both = comfyproof("lint", spec, "--server", emulator.url, "--catalog", "comfyui-0.3.64")
    assert both.returncode == 2
    assert "name one of them" in both.stderr
    assert comfyproof("lint", spec, "--header", "A: b").returncode == 2


def test_a_catalog_by_its_name_has_all_there_is(tmp_path: Path, comfyproof: Command) -> None:
    flow = {"1": {"class_type": "SomeoneElsesNode", "inputs": {}}}
    (tmp_path / "flow.json").write_text(json.dumps(flow))
    assert comfyproof("lint", "flow.json").returncode == 0
    done = comfyproof("lint", "flow.json", "--catalog", "comfyui-0.3.64")
    assert done.returncode == 1
    assert '"SomeoneElsesNode"' in done.stdout
    (tmp_path / "comfyproof.toml").write_text('catalog = "comfyui-0.3.64"\n')
    assert comfyproof("lint", "flow.json").returncode == 1
    done = comfyproof("lint", "flow.json", "--catalog", "comfyui-0.3.46")
    assert done.returncode == 3
    assert 'did you mean "comfyui-0.3.64"?' in done.stderr

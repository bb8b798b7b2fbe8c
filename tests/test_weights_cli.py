"""comfyproof weights, as people call it."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from comfyproof.catalog.pinned import built_in
from comfyproof.cli.weights import weights_command
from comfyproof.emulator.embedded import Emulator
from conftest import Command
from model_files import esrgan, write_pickle


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    root = tmp_path / "ui" / "models"
    (root / "embeddings").mkdir(parents=True)
    (root / "loras").mkdir()
    text = b'{"emb_params":{"dtype":"F16","shape":[4,768],"data_offsets":[0,6144]}}'
    (root / "embeddings" / "mine.safetensors").write_bytes(len(text).to_bytes(8, "little") + text + b"\0" * 6144)
    return tmp_path / "ui"


def weights(*arguments: object) -> Result:
    return CliRunner().invoke(weights_command, [str(each) for each in arguments], standalone_mode=False)


def test_a_table(tree: Path) -> None:
    found = weights(tree)
    assert found.return_value == 0
    head, row, total = found.output.splitlines()
    assert head.split("  ")[0] == "file"
    assert row.split() == ["mine.safetensors", "embedding", "sd15", "F16", "3072", "6.1", "KiB"]
    assert total == "1 file, 6.1 KiB"


def test_json(tree: Path) -> None:
    for path in (tree, tree / "models", tree / "models" / "embeddings", tree / "models/embeddings/mine.safetensors"):
        found = weights(path, "--format", "json")
        (only,) = json.loads(found.output)["files"]
        assert only["path"] == str(tree / "models/embeddings/mine.safetensors")
        assert (only["kind"], only["families"], only["dtype"], only["parameters"]) == (
            "embedding",
            ["sd15"],
            "F16",
            3072,
        )
        assert only["detail"]["vectors"] == 4
        assert "problem" not in only


def test_what_is_wrong_is_said_and_counts(tree: Path) -> None:
    (tree / "models/loras/page.safetensors").write_bytes(b"<!DOCTYPE html>")
    with zipfile.ZipFile(tree / "models/loras/evil.pt", "w") as archive:
        archive.writestr("a/data.pkl", b"\x80\x02cposix\nsystem\nX\x02\0\0\0ls\x85R.")
    found = weights(tree)
    assert found.return_value == 1
    assert '"loras/page.safetensors" is a web page, not a model: the download failed' in found.output
    assert '"loras/evil.pt" runs code when it is loaded (posix.system), and would harm this computer' in found.output
    record = json.loads(weights(tree / "models/loras/evil.pt", "--format", "json").output)["files"][0]
    assert record["dangers"] == ["posix.system"]


def test_a_path_that_is_not_there(tree: Path) -> None:
    found = CliRunner().invoke(weights_command, [str(tree / "nowhere")])
    assert (found.exit_code, found.stderr) == (3, f'error: there is no file and no folder "{tree / "nowhere"}"\n')
    (tree / "x.yaml").write_text("[")
    assert CliRunner().invoke(weights_command, [str(tree / "x.yaml")]).exit_code == 3


def test_an_empty_folder(tree: Path) -> None:
    found = weights(tree / "models" / "loras")
    assert (found.return_value, found.output) == (0, "no model files\n")


def test_a_name_commands_no_terminal(tree: Path) -> None:
    (tree / "models/loras/\x1b[31mred.safetensors").write_bytes(b"x")
    assert "\x1b" not in weights(tree).output


def test_an_upscaler_says_by_how_much(comfyproof: Command, tmp_path: Path) -> None:
    write_pickle(tmp_path / "siax.pth", esrgan())
    assert "upscaler  ESRGAN, 4 times" in comfyproof("weights", "siax.pth").stdout


def test_a_server_lists_names_and_no_more(comfyproof: Command, tmp_path: Path) -> None:
    models = {"checkpoints": ["sd_xl_base_1.0.safetensors"], "loras": ["x\x1b[2J.safetensors"]}
    with Emulator(tmp_path / "emulator", catalog=built_in(), models=models) as emulator:
        done = comfyproof("weights", emulator.url)
        told = json.loads(comfyproof("weights", emulator.url, "--format", "json").stdout)
    assert done.returncode == 0
    assert "sd_xl_base_1.0.safetensors  checkpoints  sdxl" in done.stdout
    assert "\x1b" not in done.stdout
    assert {"folder": "checkpoints", "name": "sd_xl_base_1.0.safetensors", "family": "sdxl", "told_by": "name"} in told[
        "files"
    ]
    assert comfyproof("weights", "http://127.0.0.1:9").returncode == 4

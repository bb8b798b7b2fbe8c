"""The index of model files: what has not changed is not read again, and a broken index does no harm."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from comfyproof.weights import identify, read_header
from comfyproof.weights.index import look
from comfyproof.weights.networks import network


def model(path: Path, shapes: dict[str, Any], dtype: str = "F16", cut: int = 0) -> Path:
    entries, end = {}, 0
    for name, shape in shapes.items():
        size = 2
        for extent in shape:
            size *= extent
        entries[name] = {"dtype": dtype, "shape": shape, "data_offsets": [end, end + size]}
        end += size
    text = json.dumps(entries).encode()
    with path.open("wb") as stream:
        stream.write(len(text).to_bytes(8, "little") + text)
        stream.truncate(8 + len(text) + end - cut)
    return path


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("models")
    lora = {"lora_unet_x.lora_up.weight": (8, 4), "lora_unet_x.lora_down.weight": (4, 8), "lora_unet_x.alpha": ()}
    vae = {f"first_stage_model.{name}": [4 if side == -1 else side for side in shape]
           for name, shape in network("vae.kl").items() if min(shape, default=0) >= -1}  # fmt: skip
    unet = {f"model.diffusion_model.{name}": shape for name, shape in network("sd15").items()}
    return [
        model(folder / "lora.safetensors", lora),
        model(folder / "flux1-krea-dev.safetensors", dict(network("flux_dev")), "BF16"),
        model(folder / "sd15.safetensors", {**unet, **vae}),
        model(folder / "clip_l.safetensors", dict(network("te.clip_l"))),
        model(folder / "cut.safetensors", dict(network("te.t5xxl")), cut=100),
        folder / "not there.safetensors",
    ]


def rows(cache: Path) -> dict[str, tuple[Any, ...]]:
    if not (cache / "weights.sqlite").is_file():
        return {}
    with sqlite3.connect(cache / "weights.sqlite") as index:
        found = {row[0]: row[1:] for row in index.execute("select * from files")}
    index.close()
    return found


def test_the_index_says_what_reading_says(models: list[Path], tmp_path: Path) -> None:
    fresh = look(models)
    first, second = look(models, tmp_path), look(models, tmp_path)
    assert list(fresh) == list(first) == list(second) == [str(path) for path in models]
    assert fresh == first == second
    for path in models[:4]:
        assert second[str(path)].weights == identify(read_header(path), path.name)
    kinds = [each.weights.kind if each.weights else "" for each in second.values()]
    assert kinds == ["lora", "diffusion", "checkpoint", "text_encoder", "text_encoder", ""]
    assert [each.problem for each in second.values()] == ["", "", "", "", "truncated", "missing"]
    assert "100 of its" in second[str(models[4])].message


def test_what_has_not_changed_is_not_read_again(tmp_path: Path) -> None:
    path, cache = model(tmp_path / "x.safetensors", {"emb_params": (4, 768)}), tmp_path / "cache"

    def dtype() -> str:
        found = look([path], cache)[str(path)]
        return found.weights.dtype if found.weights else found.problem

    assert dtype() == "F16"
    facts = path.stat()
    # Same size, time and file: taken for unchanged, and so what is in it now is not seen.
    data = path.read_bytes().replace(b"F16", b"I16")
    with path.open("r+b") as stream:
        stream.write(data)
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert dtype() == "F16"
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns + 1))
    assert dtype() == "I16"
    other = model(tmp_path / "y.safetensors", {"emb_params": (4, 768)})
    os.utime(other, ns=(facts.st_atime_ns, facts.st_mtime_ns + 1))
    other.replace(path)
    assert dtype() == "F16"
    path.unlink()
    assert dtype() == "missing"


@pytest.mark.parametrize("what", [b"", b"not a database", b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_broken_index_is_begun_anew(models: list[Path], tmp_path: Path, what: bytes) -> None:
    whole = look(models, tmp_path)
    (tmp_path / "weights.sqlite").write_bytes(what)
    assert look(models, tmp_path) == whole
    assert look(models, tmp_path) == whole
    assert len(rows(tmp_path)) == 5


def test_an_index_of_other_code_is_not_believed(models: list[Path], tmp_path: Path) -> None:
    look(models, tmp_path)
    with sqlite3.connect(tmp_path / "weights.sqlite") as index:
        index.execute("pragma user_version = 1")
        index.execute("update files set told = ''")
    index.close()
    assert look(models[:1], tmp_path)[str(models[0])].weights.kind == "lora"


def test_an_index_that_cannot_be_written_is_done_without(models: list[Path], tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    found = look(models, tmp_path / "file" / "folder")
    assert found == look(models)


def test_names_that_are_no_text_are_read_every_time(models: list[Path], tmp_path: Path) -> None:
    odd = tmp_path / os.fsdecode(b"\xff\xfe.safetensors")
    odd.write_bytes(models[0].read_bytes())
    lying = tmp_path / "lying.safetensors"
    text = b'{"\\ud800": {"dtype": "F32", "shape": [1], "data_offsets": [0, 5]}}'
    lying.write_bytes(len(text).to_bytes(8, "little") + text)
    for _ in range(2):
        found = look([odd, lying, models[1]], tmp_path / "cache")
        assert [each.problem for each in found.values()] == ["", "bad_offsets", ""]
    assert list(rows(tmp_path / "cache")) == [str(models[1])]


def test_several_at_once(models: list[Path], tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from comfyproof.weights.index import look\n"
        "found = look(sys.argv[2:], Path(sys.argv[1])).values()\n"
        "print(*[each.weights.kind if each.weights else '-' for each in found])"
    )
    command = [sys.executable, "-c", code, str(tmp_path), *map(str, models)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    said = {each.communicate()[0] for each in running}
    assert said == {"lora diffusion checkpoint text_encoder text_encoder -\n"}
    assert len(rows(tmp_path)) == 5


def test_how_far_it_is(models: list[Path]) -> None:
    steps: list[tuple[int, int]] = []
    look(models, tell=lambda done, of: steps.append((done, of)))
    assert steps == [(number, 6) for number in range(1, 7)]

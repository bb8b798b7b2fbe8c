"""Catalogs: the built-in one, pinning, and answers that are none."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from comfyproof.catalog.files import FILE_INPUTS
from comfyproof.catalog.pinned import (
    BUILT_IN,
    CatalogError,
    built_in,
    pack,
    parse_catalog,
    pin,
    read_catalog,
    sha256_of,
)
from conftest import ROOT, Command

NODE = {
    "input": {
        "required": {
            "old": [["a", "b"], {"tooltip": "long prose"}],
            "new": ["COMBO", {"options": ["a", "b"], "tooltip": "long prose"}],
            "image": ["IMAGE"],
        },
        "optional": {"size": ["INT", {"default": 3, "min": 1}]},
        "hidden": {"unique_id": "UNIQUE_ID"},
    },
    "output": ["IMAGE", ["a", "b"]],
    "output_name": ["picture", "choice"],
    "output_node": True,
    "description": "long prose",
}


def test_the_built_in_catalog_is_what_its_hash_says() -> None:
    stored = json.loads(gzip.decompress(BUILT_IN.read_bytes()))
    assert stored["sha256"] == sha256_of(stored["nodes"]) == built_in().sha256
    assert len(built_in().names()) == 505
    assert built_in().provenance["comfyui"] == "0.3.64"
    assert not built_in().complete


def test_the_built_in_catalog_lists_nobody_s_files() -> None:
    for name, inputs in FILE_INPUTS.items():
        node = built_in().get(name)
        assert node is not None
        for each in inputs:
            if each in node.inputs:  # clip_name3 is not an input of every loader in the table
                assert node.inputs[each].options is None
                assert node.inputs[each].folder is not None
    text = gzip.decompress(BUILT_IN.read_bytes()).decode()
    assert ".safetensors" not in text


def test_both_spellings_of_a_combo() -> None:
    catalog = parse_catalog(json.dumps({"Both": NODE}).encode(), "x")
    node = catalog.get("Both")
    assert node is not None
    old, new = node.inputs["old"], node.inputs["new"]
    assert (old.type, new.type) == ("COMBO", "COMBO")
    assert old.options == new.options == ("a", "b")
    assert (old.checked, new.checked) == (True, False)  # a server compares the old spelling alone
    assert [o.type for o in node.outputs] == ["IMAGE", "COMBO"]
    assert node.inputs["image"].takes_link
    assert not node.inputs["size"].required
    assert "unique_id" not in node.inputs
    assert node.is_output


def test_pinning_is_stable_and_reads_back() -> None:
    packed = pin({"B": NODE, "A": NODE}, "mine", {"source": "test"})
    assert packed == pin({"A": NODE, "B": NODE}, "mine", {"source": "test"})
    assert b"long prose" not in packed
    for form in (packed, pack(packed)):
        catalog = parse_catalog(form, "file")
        assert (catalog.id, catalog.names(), catalog.complete, catalog.unlisted) == ("mine", ["A", "B"], True, "")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        b"null",
        b"{",
        b"\xff",
        b"[" * 100_000,
        b'{"A": 3}',
        b'{"A": {"input": {}}}',
        b'{"A": {"input": [], "output": []}}',
        b'{"A": {"input": {"required": 3}, "output": []}}',
        b'{"3": {"class_type": "X", "inputs": {}}}',
        b"\x1f\x8b garbage",
        b'{"format": "comfyproof/catalog/9"}',
        b'{"format": "comfyproof/catalog/1", "nodes": {}}',
    ],
)
def test_what_is_no_catalog(data: bytes) -> None:
    with pytest.raises(CatalogError):
        parse_catalog(data, "x")


def test_a_changed_catalog_is_refused(tmp_path: Path) -> None:
    packed = pin({"A": NODE}, "mine", {}).replace(b'"default":3', b'"default":4')
    with pytest.raises(CatalogError, match="changed after it was pinned"):
        parse_catalog(packed, "x")


def test_a_gzip_bomb_is_refused() -> None:
    with pytest.raises(CatalogError, match="larger than"):
        parse_catalog(gzip.compress(b" " * (70 * 2**20), 1), "x")


def test_pin_show_search(comfyproof: Command, tmp_path: Path) -> None:
    (tmp_path / "answer.json").write_text(json.dumps({"Mine": NODE}))
    assert comfyproof("catalog", "pin", "answer.json", "-o", "mine.json").returncode == 0
    assert read_catalog(tmp_path / "mine.json").names() == ["Mine"]
    shown = comfyproof("catalog", "show", "Mine", "--catalog", "mine.json").stdout
    assert "old: COMBO  one of a, b" in shown
    assert "out  1 choice: COMBO" in shown
    assert comfyproof("catalog", "search", "upscale", "model", "loader").stdout.startswith("UpscaleModelLoader")
    done = comfyproof("catalog", "show", "KSamplr")
    assert done.returncode == 1
    assert 'did you mean "KSampler"?' in done.stderr
    assert comfyproof("catalog", "show", "--catalog", "none.json").returncode == 3


def with_models(names: list[str]) -> Any:
    nodes = json.loads(gzip.decompress(BUILT_IN.read_bytes()))["nodes"]
    nodes["CheckpointLoaderSimple"]["input"]["required"]["ckpt_name"][0] = names
    return nodes


def test_a_catalog_with_files_finds_the_missing_one(comfyproof: Command, tmp_path: Path) -> None:
    (tmp_path / "mine.json").write_text(
        json.dumps(with_models(["sdxl/sd_xl_base_1.0.safetensors", "sd_xl_base_1.0_0.9vae.safetensors"]))
    )
    done = comfyproof("lint", ROOT / "specs/text_to_image.yaml", "--catalog", "mine.json")
    assert done.returncode == 1
    assert 'error[CP403]: "sd_xl_base_1.0.safetensors" is not among the server\'s checkpoints' in done.stdout
    assert "sdxl: {checkpoint: sd_xl_base_1.0.safetensors}" in done.stdout
    (tmp_path / "mine.json").write_text(json.dumps(with_models(["sd_xl_base_1.0.safetensors"])))
    done = comfyproof("lint", ROOT / "specs/text_to_image.yaml", "--catalog", "mine.json")
    assert (done.returncode, done.stdout) == (0, "no findings\n")


def test_an_unknown_class_is_an_error_with_a_catalog_of_one_s_own(
    comfyproof: Command, tmp_path: Path, root: Path
) -> None:
    (tmp_path / "mine.json").write_text(json.dumps(with_models([])))
    spec = root / "tests/cases/good_foreign.yaml"
    assert comfyproof("lint", spec).returncode == 0
    assert comfyproof("lint", spec, "--strict").returncode == 3
    assert 'there is no node "SomeoneElsesNode"' in comfyproof("lint", spec, "--catalog", "mine.json").stdout

"""What stages become: the wiring that a reader of the spec would expect."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from comfyproof.catalog.pinned import built_in
from comfyproof.diagnostics import Severity
from comfyproof.driver import compile_spec
from comfyproof.formats.api import to_api
from comfyproof.spec.pipeline import Changes
from conftest import ROOT

PHOTO = ROOT / "specs/photograph.jpg"
HEAD = f"""comfyproof: 1
inputs:
  a: {{type: image, default: {PHOTO}}}
  b: {{type: image, default: other/photograph.jpg}}
models:
  sdxl: {{checkpoint: sd_xl_base_1.0.safetensors}}
  again: {{checkpoint: sdxl_other.safetensors}}
  sd15: {{checkpoint: v1-5-pruned-emaonly-fp16.safetensors}}
  one: {{lora: one.safetensors}}
"""


def prompt_of(folder: Path, text: str, **changes: Any) -> dict[str, Any]:
    (folder / "other").mkdir(exist_ok=True)
    (folder / "other/photograph.jpg").write_bytes(PHOTO.read_bytes())
    (folder / "spec.yaml").write_text(HEAD + text)
    compiled = compile_spec(folder / "spec.yaml", built_in(), Changes({}, **changes))
    assert compiled.program is not None, compiled.findings
    return to_api(compiled.program.graph)


def trace(prompt: dict[str, Any], id: str) -> list[str]:
    """The classes along the picture's way, from a node back to its beginning."""
    node = prompt[id]
    way = [node["class_type"]]
    for name in ("images", "image", "pixels", "samples", "latent_image"):
        if isinstance(node["inputs"].get(name), list):
            return way + trace(prompt, node["inputs"][name][0])
    return way


def saved(prompt: dict[str, Any]) -> list[list[str]]:
    return [trace(prompt, id)[1:] for id, node in prompt.items() if node["class_type"] == "SaveImage"]


def test_a_latent_of_another_family_goes_through_pixels(tmp_path: Path) -> None:
    way = "stages: [{generate: {model: sdxl}}, {refine: {model: %s, denoise: 0.3}}, save]"
    crossing = ["VAEDecode", "KSampler", "VAEEncode", "VAEDecode", "KSampler", "EmptyLatentImage"]
    assert saved(prompt_of(tmp_path, way % "sd15")) == [crossing]
    assert saved(prompt_of(tmp_path, way % "again")) == [["VAEDecode", "KSampler", "KSampler", "EmptyLatentImage"]]


def test_looking_at_a_latent_does_not_change_it(tmp_path: Path) -> None:
    stages = "stages: [{generate: {model: sdxl}}, preview, {refine: {like: generate, denoise: 0.3}}, save]"
    assert saved(prompt_of(tmp_path, stages)) == [["VAEDecode", "KSampler", "KSampler", "EmptyLatentImage"]]


def test_the_same_lora_twice(tmp_path: Path) -> None:
    stages = "stages: [{generate: {model: sdxl, loras: [one, {use: one, strength: 0.3}]}}, save]"
    loras = [n["inputs"] for n in prompt_of(tmp_path, stages).values() if n["class_type"] == "LoraLoader"]
    assert [lora["strength_model"] for lora in loras] == [1.0, 0.3]


def test_a_stage_s_name_is_its_author_s(tmp_path: Path) -> None:
    stages = (
        "stages: [{load: {image: $a}}, {resize: {by: 2}}, {resize: {as: resize-2, by: 4}}, {save: {from: resize-2}}]"
    )
    prompt = prompt_of(tmp_path, stages)
    scales = [n["inputs"]["scale_by"] for n in prompt.values() if n["class_type"] == "ImageScaleBy"]
    assert scales == [2.0, 4.0]


def test_generate_takes_no_denoise_from_a_refinement(tmp_path: Path) -> None:
    stages = "stages: [{generate: {like: refine}}, {refine: {model: sdxl, denoise: 0.3, steps: 7}}, save]"
    samplers = [n["inputs"] for n in prompt_of(tmp_path, stages).values() if n["class_type"] == "KSampler"]
    assert [(each["steps"], each["denoise"]) for each in samplers] == [(7, 1.0), (7, 0.3)]


def test_files_of_one_name_stay_apart(tmp_path: Path) -> None:
    stages = "stages: [{load: {image: $a}}, {save: {as: x}}, {load: {as: other, image: $b}}, {save: {as: y}}]"
    names = [n["inputs"]["image"] for n in prompt_of(tmp_path, stages).values() if n["class_type"] == "LoadImage"]
    assert names == ["a-photograph.jpg", "b-photograph.jpg"]


def test_nodes_take_pictures_of_inputs_stages_and_nodes(tmp_path: Path) -> None:
    text = """stages: [{load: {image: $a}}]
nodes:
  mix: {ImageBlend: {image1: $load, image2: $b}}
  mask: {InvertMask: {mask: $load.MASK}}
  seen: {MaskToImage: {mask: $mask}}
  kept: {SaveImage: {images: $mix, filename_prefix: mix}}
  also: {SaveImage: {images: $seen.image, filename_prefix: seen}}
"""
    prompt = prompt_of(tmp_path, text)
    mix = next(n["inputs"] for n in prompt.values() if n["class_type"] == "ImageBlend")
    assert [prompt[mix[name][0]]["inputs"]["image"] for name in ("image1", "image2")] == [
        "a-photograph.jpg",
        "b-photograph.jpg",
    ]
    mask = next(n["inputs"]["mask"] for n in prompt.values() if n["class_type"] == "InvertMask")
    assert mask[1] == 1


def test_paths_may_make_blocks_that_the_spec_lacks(tmp_path: Path) -> None:
    text = "stages: [{load: {image: $a}}, save]"
    for path in ("verify.count", "save.verify.count", "verify.ssim.min"):
        settings = [(path, "1"), *([("verify.ssim.to", "$a")] if "ssim" in path else [])]
        prompt_of(tmp_path, text, settings=settings)


@pytest.mark.parametrize("settings", [[("models", "5")], [("nodes", "[1]")], [("stages.0.load", "3")]])
def test_what_settings_break_is_found(tmp_path: Path, settings: list[tuple[str, str]]) -> None:
    (tmp_path / "spec.yaml").write_text(HEAD + "stages: [{load: {image: $a}}, save]")
    compiled = compile_spec(tmp_path / "spec.yaml", built_in(), Changes({}, settings))
    assert compiled.program is None
    errors = {finding.rule.code for finding in compiled.findings if finding.rule.severity is Severity.ERROR}
    assert errors
    assert errors <= {"CP203", "CP206"}


def test_a_variant_s_paths_are_those_of_the_spec(tmp_path: Path) -> None:
    text = "stages: [{generate: {as: g, model: sdxl}}, save]\nvariants: {v: {g.as: h, g.steps: 5}}"
    prompt = prompt_of(tmp_path, text, variant="v")
    assert [n["inputs"]["steps"] for n in prompt.values() if n["class_type"] == "KSampler"] == [5]


@pytest.mark.parametrize("count", [950])
def test_large_specs_take_no_ages(tmp_path: Path, count: int) -> None:
    """Each of these took minutes when one step of the way was quadratic; a server follows no longer row of nodes."""
    chain = "".join(f"  - refine: {{as: r{n}, like: r{n - 1}, denoise: 0.5}}\n" for n in range(1, count))
    text = f"stages:\n  - refine: {{as: r0, model: sdxl, denoise: 0.5, from: l}}\n{chain}  - save\n"
    text = text.replace("stages:\n", "stages:\n  - load: {as: l, image: $a}\n")
    assert len(prompt_of(tmp_path, text)) == count + 6

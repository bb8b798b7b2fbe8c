"""Compiling: the same bytes every time, and just the graphs that workflows/ holds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from comfyproof.catalog.pinned import built_in
from comfyproof.driver import Program, compile_spec
from comfyproof.spec.pipeline import Changes
from conftest import ROOT, Command

SPECS = sorted((ROOT / "specs").glob("*.yaml"))


def compiled(file: Path, changes: Changes = Changes({})) -> Program:  # noqa: B008 - it is frozen
    program = compile_spec(file, built_in(), changes).program
    assert program is not None
    return program


@pytest.mark.parametrize("spec", SPECS, ids=lambda path: path.stem)
def test_workflows_are_what_specs_compile_to(spec: Path) -> None:
    workflow = ROOT / "workflows" / f"{spec.stem}.api.json"
    assert compiled(spec).text() == workflow.read_text(), "run: make workflows"


def test_no_workflow_without_a_spec() -> None:
    by_hand = {"as_documented"}  # what a write-up says, which no spec can say
    names = {path.name.split(".")[0] for path in (ROOT / "workflows").glob("*.json")}
    assert names - by_hand == {spec.stem for spec in SPECS}


def test_the_document_s_nodes() -> None:
    """The 13 nodes of the workflow's description, and the upscale-model loader that it forgot."""
    types = [
        node["class_type"]
        for node in json.loads(compiled(ROOT / "specs/production_upscale_enhance.yaml").text()).values()
    ]
    assert sorted(types) == sorted(
        [
            "LoadImage",
            "UltimateSDUpscale",
            "UNETLoader",
            "DualCLIPLoader",
            "CLIPTextEncode",
            "CLIPTextEncode",
            "LoraLoader",
            "VAEEncode",  # there is no node ImageToLatent, as the description calls it
            "KSampler",
            "VAELoader",
            "VAEDecode",
            "SaveImage",
            "PreviewImage",
            "UpscaleModelLoader",
        ]
    )


def test_the_same_bytes_in_every_process(comfyproof: Command) -> None:
    spec = ROOT / "specs/production_upscale_enhance.yaml"
    texts = {comfyproof("compile", spec, PYTHONHASHSEED=seed).stdout for seed in ("0", "1", "2")}
    assert texts == {compiled(spec).text()}


def values(program: Program, type: str, name: str) -> list[object]:
    return [node.inputs[name] for node in program.graph.nodes.values() if node.type == type]


@pytest.mark.parametrize(
    ("variant", "strength", "denoise", "steps"),
    [(None, 0.5, 0.3, 12), ("conservative", 0.3, 0.15, 8), ("aggressive", 0.8, 0.5, 20)],
)
def test_the_three_tiers(variant: str | None, strength: float, denoise: float, steps: int) -> None:
    program = compiled(ROOT / "specs/production_upscale_enhance.yaml", Changes({}, variant=variant))
    assert values(program, "LoraLoader", "strength_model") == [strength]
    assert values(program, "LoraLoader", "strength_clip") == [strength]
    for sampler in ("KSampler", "UltimateSDUpscale"):  # the upscaler takes the refiner's settings
        assert values(program, sampler, "denoise") == [denoise]
        assert values(program, sampler, "steps") == [steps]


def test_presets_and_settings_and_inputs() -> None:
    file = ROOT / "specs/production_upscale_enhance.yaml"
    program = compiled(
        file, Changes({"preset": "texture", "seed": "7"}, [("upscale.tile", "768"), ("save.prefix", "new")])
    )
    assert values(program, "CLIPTextEncode", "text")[0] == "smooth skin, fine details, crisp textures"
    assert values(program, "KSampler", "seed") == [7]
    assert values(program, "UltimateSDUpscale", "tile_width") == [768]
    assert values(program, "SaveImage", "filename_prefix") == ["new"]
    program = compiled(file, Changes({"prompt": "my own", "preset": "color"}))
    assert values(program, "CLIPTextEncode", "text")[0] == "my own"


def test_a_setting_comes_after_its_variant() -> None:
    changes = Changes({}, [("refine.denoise", "0.2")], "aggressive")
    program = compiled(ROOT / "specs/production_upscale_enhance.yaml", changes)
    assert values(program, "KSampler", "denoise") == [0.2]
    assert values(program, "KSampler", "steps") == [20]


def test_pixels_and_latents_are_converted_only_where_needed(root: Path) -> None:
    program = compiled(root / "tests/cases/good_hires.yaml")
    types = [node.type for node in program.graph.nodes.values()]
    assert types.count("VAEEncode") == 0
    assert types.count("VAEDecode") == 1
    assert "LoraLoaderModelOnly" in types  # a LoRA that leaves the text encoders alone
    decode = next(node for node in program.graph.nodes.values() if node.type == "VAEDecode")
    vae = decode.inputs["vae"]
    assert program.graph.nodes[vae.node].type == "VAELoader"  # type: ignore[union-attr]


def test_gguf_files_get_their_own_loaders(root: Path) -> None:
    types = [node.type for node in compiled(root / "tests/cases/good_gguf.yaml").graph.nodes.values()]
    assert {"UnetLoaderGGUF", "DualCLIPLoaderGGUF"} <= set(types)


def test_text_with_dollars(root: Path) -> None:
    assert "100% $5" in values(compiled(root / "tests/cases/good_gguf.yaml"), "CLIPTextEncode", "text")


def test_nodes_and_stages_mix(root: Path) -> None:
    program = compiled(root / "tests/cases/good_nodes.yaml")
    nodes = program.graph.nodes
    scale = next(node for node in nodes.values() if node.type == "ImageScaleBy")
    assert nodes[scale.inputs["image"].node].type == "ImageBlur"  # type: ignore[union-attr]
    mask = next(node for node in nodes.values() if node.type == "ImageToMask")
    assert nodes[mask.inputs["image"].node].type == "VAEDecode"  # type: ignore[union-attr]
    assert "unused" not in values(program, "CLIPTextEncode", "text")  # feeds no output
    assert values(program, "ImageBlur", "blur_radius") == [3]
    assert values(program, "SaveImage", "filename_prefix") == ["soft_3", "mask"]
    assert values(program, "ImageBlur", "sigma") == [1.0]  # the catalog's default


def test_a_list_for_an_unknown_node_is_no_link(root: Path) -> None:
    prompt = json.loads(compiled(root / "tests/cases/good_foreign.yaml").text())
    dream = next(node for node in prompt.values() if node["class_type"] == "SomeoneElsesNode")
    assert dream["inputs"]["words"] == {"__value__": ["a", "b"]}


def test_every_input_knows_its_line() -> None:
    program = compiled(ROOT / "specs/production_upscale_enhance.yaml", Changes({"seed": "9"}, [("refine.cfg", "3")]))
    lines = program.spec.document.source.text.splitlines()
    sampler = next(node for node in program.graph.nodes.values() if node.type == "KSampler")

    def shown(name: str) -> str:
        place = sampler.place(name)
        assert place is not None
        span = place.span()
        text = place.source.text if place.source.file != program.file else lines[span.line - 1]
        return f"{place.source.file if place.source.file.startswith('-') else ''}{text.strip()}"

    assert shown("denoise") == "denoise: 0.3"
    assert shown("sampler_name") == "sampler: euler"
    assert shown("seed") == "--inputseed=9"
    assert shown("cfg") == "--setrefine.cfg=3"
    loader = next(node for node in program.graph.nodes.values() if node.type == "UNETLoader")
    place = loader.place("unet_name")
    assert place is not None
    assert lines[place.span().line - 1].strip().startswith("diffusion_model: flux1-krea")
    vae = next(node for node in program.graph.nodes.values() if node.type == "VAELoader")
    assert len(vae.origins) == 1  # one loader, however many stages use it
    lora = next(node for node in program.graph.nodes.values() if node.type == "LoraLoader")
    assert [place.path[2] for place in lora.origins] == ["upscale", "refine"]  # and both stages asked for this one

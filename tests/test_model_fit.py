"""Model files that go together, as published models do, and those that do not: what the rules on their tensors say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from comfyproof.catalog.files import FILE_INPUTS
from comfyproof.catalog.listing import NO_MODELS, with_models
from comfyproof.catalog.pinned import Catalog, built_in, from_object_info
from comfyproof.diagnostics import NotExamined
from comfyproof.driver import compile_spec
from comfyproof.formats.api import read_api
from comfyproof.rules.registry import check
from comfyproof.source import parse_source
from comfyproof.spec.pipeline import Changes
from comfyproof.weights.shelf import read_shelf
from conftest import ROOT
from model_files import UNET, Tensors, controlnet, lora, of, vae, write_safetensors

RULES = {f"CP{number}" for number in range(572, 587)}
MODEL = "diffusion_model."


def wan_lora(*, pictures: bool) -> Tensors:
    """A LoRA on Wan's attention, with the layers for a picture's embedding that picture to video has."""
    layers = ("attn.k_img", "attn.v_img") if pictures else ()
    return lora("wan21_i2v_14b", prefix=MODEL, layers=("attn.q", "attn.k.", "attn.v.", "attn.o", *layers))


def in_old_names(tensors: Tensors) -> Tensors:
    """HunyuanVideo as its makers name its layers."""
    for new, old in (("_attn.qkv.", "_attn_qkv."), ("_attn.proj.", "_attn_proj."), ("_mod.lin.", "_mod.linear.")):
        tensors = {name.replace(new, old): tensor for name, tensor in tensors.items()}
    return tensors


FLUX2 = {**of("flux_dev", "F8_E4M3"), "single_stream_modulation.lin.weight": ("F8_E4M3", (9216, 3072))}
FILES: dict[str, Tensors] = {
    "diffusion_models/wan_t2v.safetensors": of("wan21_t2v_14b"),
    "diffusion_models/wan_i2v.safetensors": of("wan21_i2v_14b"),
    "diffusion_models/wan_small.safetensors": of("wan21_t2v_1.3b"),
    "diffusion_models/hunyuan.safetensors": in_old_names(of("hunyuan_video", "BF16")),
    "diffusion_models/flux.safetensors": of("flux_dev", "BF16"),
    "diffusion_models/flux2.safetensors": FLUX2,
    "diffusion_models/krea.safetensors": {**of("flux_dev", "F8_E4M3"), "scaled_fp8": ("F8_E4M3", (2,))},
    "loras/wan.safetensors": wan_lora(pictures=False),
    "loras/wan_pictures.safetensors": wan_lora(pictures=True),
    "loras/hunyuan.safetensors": lora("hunyuan_video", prefix=MODEL, layers=("_attn.qkv", "_attn.proj")),
    "loras/sdxl.safetensors": lora("sdxl", prefix=MODEL),
    "loras/peft.safetensors": lora("sdxl", prefix="unet."),
    "vae/flux2.safetensors": of("vae.hunyuan_refiner_flat", "BF16"),
    "vae/wan.safetensors": of("vae.wan21", "BF16"),
    "vae/flux.safetensors": vae(16),
    "text_encoders/t5.safetensors": of("te.t5xxl"),
    "text_encoders/umt5.safetensors": of("te.umt5xxl"),
    "text_encoders/young.safetensors": {**of("te.llama"), "model.embed_tokens.weight": ("F16", (151936, 2560))},
}


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    folder = tmp_path_factory.mktemp("models")
    for name, tensors in FILES.items():
        write_safetensors(folder / name, tensors)
    shelf = read_shelf(folder)
    return with_models(built_in(), shelf.listing, '"models"', shelf)


def picture(
    model: str, *, lora: str = "", vae: str = "", dtype: str = "default", clip: str = "", type: str = ""
) -> Any:
    """A prompt with these files, of which only the model is needed."""
    nodes: dict[str, Any] = {
        "model": {"UNETLoader": {"unet_name": f"{model}.safetensors", "weight_dtype": dtype}},
        "clip": {"CLIPLoader": {"clip_name": f"{clip or 't5'}.safetensors", "type": type or "chroma"}},
        "text": {"CLIPTextEncode": {"clip": ["clip", 0], "text": "a lighthouse"}},
        "latent": {"EmptySD3LatentImage": {"width": 1024, "height": 1024, "batch_size": 1}},
        "sampler": {
            "KSampler": {
                **{"model": ["lora" if lora else "model", 0], "positive": ["text", 0], "negative": ["text", 0]},
                **{"latent_image": ["latent", 0], "seed": 1, "steps": 20, "cfg": 1.0, "denoise": 1.0},
                **{"sampler_name": "euler", "scheduler": "simple"},
            }
        },
        "vae": {"VAELoader": {"vae_name": f"{vae or 'flux'}.safetensors"}},
    }
    if lora:
        named = {"model": ["model", 0], "lora_name": f"{lora}.safetensors", "strength_model": 1.0}
        nodes["lora"] = {"LoraLoaderModelOnly": named}
    if vae:
        nodes["decode"] = {"VAEDecode": {"samples": ["sampler", 0], "vae": ["vae", 0]}}
    return {id: {"class_type": name, "inputs": inputs} for id, each in nodes.items() for name, inputs in each.items()}


def examined(prompt: Any, catalog: Catalog) -> tuple[dict[str, str], list[NotExamined]]:
    source, _ = parse_source("prompt.json", json.dumps(prompt))
    assert source is not None
    graph, _ = read_api(prompt, source)
    found, gaps = check(graph, catalog)
    return {each.rule.code: each.message for each in found if each.rule.code in RULES}, gaps


@pytest.mark.parametrize(
    "prompt",
    [
        picture("wan_t2v", lora="wan_pictures", vae="wan", clip="umt5", type="wan"),
        picture("wan_i2v", lora="wan_pictures"),
        picture("hunyuan", lora="hunyuan"),
        picture("krea", dtype="fp8_e4m3fn_fast"),
        picture("flux", clip="umt5", type="a_younger_type"),
        picture("flux", clip="young", type="lumina2"),
    ],
)
def test_models_that_go_together_are_left_alone(prompt: Any, machine: Catalog) -> None:
    assert examined(prompt, machine)[0] == {}


@pytest.mark.parametrize(
    ("prompt", "code"),
    [
        (picture("wan_t2v", lora="sdxl"), "CP577"),
        (picture("wan_small", lora="wan"), "CP577"),
        (picture("flux", lora="hunyuan"), "CP578"),
        (picture("wan_t2v", vae="flux"), "CP579"),
        (picture("flux", vae="wan"), "CP579"),
        (picture("flux", clip="t5", type="wan"), "CP581"),
        (picture("krea", dtype="fp8_e5m2"), "CP585"),
        (picture("flux2", vae="flux2"), "CP586"),
    ],
)
def test_models_that_do_not_are_told(prompt: Any, code: str, machine: Catalog) -> None:
    assert examined(prompt, machine)[0].keys() == {code}


def test_a_picture_is_read_with_the_vae_of_the_model(machine: Catalog) -> None:
    for name, codes in (("wan", {"CP579"}), ("flux", set())):
        prompt = picture("flux", vae=name)
        del prompt["decode"]
        prompt["picture"] = {"class_type": "EmptyImage", "inputs": {"width": 512, "height": 512, "batch_size": 1}}
        prompt["latent"] = {"class_type": "VAEEncode", "inputs": {"pixels": ["picture", 0], "vae": ["vae", 0]}}
        assert examined(prompt, machine)[0].keys() == codes


def test_a_lora_that_does_nothing_is_told_with_what_it_is_for(machine: Catalog) -> None:
    assert "it is made for sdxl" in examined(picture("flux", lora="sdxl"), machine)[0]["CP577"]
    assert "names that ComfyUI does not know" in examined(picture("flux", lora="peft"), machine)[0]["CP577"]


def test_a_text_encoder_younger_than_comfyui_is_not_judged(machine: Catalog) -> None:
    gaps = examined(picture("flux", clip="young", type="lumina2"), machine)[1]
    assert ('file "young.safetensors"', "ComfyUI 0.3.64 has no text encoder of its family") in [
        (gap.what, gap.reason) for gap in gaps
    ]


def test_a_younger_comfyui_may_know_the_model(machine: Catalog) -> None:
    raw = json.loads(json.dumps(dict(built_in().raw)))
    raw["CLIPLoader"]["input"]["required"]["type"][0].append("flux2")
    shelf = machine.shelf
    assert shelf is not None
    younger = with_models(from_object_info(raw, "younger"), shelf.listing, '"models"', shelf)
    assert examined(picture("flux2", vae="flux2"), younger)[0] == {}


def sd_checkpoint(base: str, *encoders: str) -> Tensors:
    prefixes = ("conditioner.embedders.0.", "conditioner.embedders.1.") if len(encoders) > 1 else ("cond_stage_model.",)
    found = {**of(base, prefix=UNET), **vae(4, prefix="first_stage_model.")}
    for prefix, encoder in zip(prefixes, encoders, strict=True):
        found |= of(f"te.{encoder}", prefix=f"{prefix}transformer.")
    return found


# What the files of our specs are, by the start of their names in their folders.
PUBLISHED = {
    "checkpoints/sd_xl_base": lambda: sd_checkpoint("sdxl", "clip_l", "clip_g"),
    "checkpoints/v1-5": lambda: sd_checkpoint("sd15", "clip_l"),
    "controlnet/diffusers_xl": lambda: controlnet(2048),
    "diffusion_models/Chroma1": lambda: of("chroma", "F8_E4M3"),
    "diffusion_models/flux1-fill": lambda: of("flux_fill", "BF16"),
    "diffusion_models/flux1": lambda: of("flux_dev", "F8_E4M3"),
    "diffusion_models/qwen_image": lambda: of("qwen_image", "F8_E4M3"),
    "diffusion_models/sd3.5_large": lambda: of("sd35_large"),
    "diffusion_models/wan2.1_i2v": lambda: of("wan21_i2v_14b"),
    "diffusion_models/wan2.2_t2v": lambda: of("wan21_t2v_14b", "F8_E4M3"),
    "loras/FLUX": lambda: lora("flux_dev", 64, prefix=MODEL, layers=("blocks",)),
    "loras/Qwen": lambda: lora("qwen_image", prefix="transformer."),
    "loras/add-detail-xl": lambda: lora("sdxl", prefix=MODEL),
    "loras/sd_xl_offset": lambda: lora("sdxl", prefix=MODEL),
    "loras/wan2.2": lambda: wan_lora(pictures=False),
    "text_encoders/clip_g": lambda: of("te.clip_g"),
    "text_encoders/clip_l": lambda: of("te.clip_l"),
    "text_encoders/qwen_2.5": lambda: of("te.qwen25_7b", "F8_E4M3"),
    "text_encoders/t5xxl": lambda: of("te.t5xxl"),
    "text_encoders/umt5": lambda: of("te.umt5xxl", "F8_E4M3"),
    "vae/ae": lambda: vae(16),
    "vae/qwen_image": lambda: of("vae.wan21", "BF16"),
    "vae/sd3.5": lambda: vae(16),
    "vae/wan_2.1": lambda: of("vae.wan21", "BF16"),
}


def test_nothing_is_found_in_the_files_of_our_own_specs(tmp_path: Path) -> None:
    compiled = [
        compile_spec(file, built_in(), Changes({}, needed=False)) for file in sorted((ROOT / "specs").glob("*.yaml"))
    ]
    wanted = {
        (folder, str(node.inputs[name]))
        for each in compiled
        for node in (each.graph.nodes.values() if each.graph else ())
        for name, folder in FILE_INPUTS.get(node.type, {}).items()
        if folder not in NO_MODELS and name in node.inputs
    }
    assert len(wanted) > 30
    made = set()
    for folder, name in sorted(wanted):
        start = next((start for start in PUBLISHED if f"{folder}/{name}".startswith(start)), "")
        if start and not name.endswith(".gguf"):
            made.add(start)
            write_safetensors(tmp_path / folder / name, PUBLISHED[start]())
    assert made == set(PUBLISHED)
    shelf = read_shelf(tmp_path)
    catalog = with_models(built_in(), shelf.listing, '"models"', shelf)
    for each in compiled:
        found, _ = check(each.graph, catalog) if each.graph else ([], [])
        assert [one.message for one in found if one.rule.code in RULES] == [], each.file

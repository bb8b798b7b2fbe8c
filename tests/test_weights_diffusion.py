"""Diffusion models and checkpoints from headers, against what ComfyUI 0.3.64 concluded from the same tensors.

weights_truth.jsonl.gz has headers that keep only the tensors which its detectors look at, and its detectors' answers.
A repeated tensor is written once: "blocks.#.x" with the first number and how many, or with all numbers.
"""

from __future__ import annotations

import gzip
import json
from collections import Counter
from functools import lru_cache
from typing import Any

import pytest

from comfyproof.weights import Header, identify
from comfyproof.weights.checkpoints import as_checkpoint
from comfyproof.weights.diffusion import Diffusion, detect
from conftest import ROOT


@lru_cache(maxsize=1)
def truth() -> list[dict[str, Any]]:
    packed = (ROOT / "tests" / "weights_truth.jsonl.gz").read_bytes()
    return [json.loads(line) for line in gzip.decompress(packed).splitlines()]


def header_of(row: dict[str, Any]) -> Header:
    tensors = {}
    for name, dtype, shape, *numbers in row["tensors"]:
        if not numbers:
            tensors[name] = (dtype, shape)
            continue
        each = numbers[0]["at"] if isinstance(numbers[0], dict) else range(numbers[0][0], sum(numbers[0]))
        tensors |= {name.replace("#", str(number), 1): (dtype, shape) for number in each}
    return Header("safetensors", tensors, row["metadata"])


def told(model: Diffusion) -> dict[str, Any]:
    found = {
        **{"model_class": model.model_class, "unet_config": model.unet_config, "latent_format": model.latent.name},
        **{"memory_usage_factor": model.memory_usage_factor, "scaled_fp8": model.scaled_fp8 or None},
        **{"supported_inference_dtypes": list(model.supported_inference_dtypes), "layout": model.layout},
        **{"fp8_matmul_allowed": model.fp8_matmul_allowed, "base_model_class": model.base_model_class},
        **{"model_type": model.model_type or None, "model_type_possible": list(model.model_type_possible)},
        **{"parameters": model.parameters, "weight_dtype": model.weight_dtype},
    }
    return found


# Where noise is measured by a number in the file, ComfyUI's detector fails on a header without numbers.
def settled(expected: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in expected.items() if "edm_vpred" not in name or not key.startswith(("m", "b"))}


def test_the_truth_is_broad() -> None:
    classes = Counter(row[part]["model_class"] for row in truth() for part in ("checkpoint",) if row[part])
    bare = {row["unet"].get("model_class") for row in truth() if row["unet"]}
    assert len(truth()) > 380
    assert len({*classes, *bare} - {None}) >= 54


def test_checkpoints_are_read_as_comfyui_reads_them() -> None:
    for row in truth():
        found, expected = as_checkpoint(header_of(row)), row["checkpoint"]
        assert (found is None) == (expected is None), row["name"]
        if found is None:
            continue
        seen = told(found.diffusion) | {"vae_tensors": found.vae_tensors, "clip_tensors": found.clip_tensors}
        for key, value in settled(expected, row["name"]).items():
            assert seen[key] == value, (row["name"], key)


def test_diffusion_models_are_read_as_comfyui_reads_them() -> None:
    for row in truth():
        found, expected = detect(header_of(row)), row["unet"]
        if expected is None:
            assert found is None or not found.model_class, row["name"]
            continue
        if "as" in expected:
            expected = row["checkpoint"] | expected
        assert found is not None, row["name"]
        seen = told(found)
        for key, value in settled(expected, row["name"]).items():
            assert key in ("as", "vae_tensors", "clip_tensors") or seen[key] == value, (row["name"], key)


def flux(width: int = 64, *, text: int = 4096, guided: bool = True, **more: tuple[int, ...]) -> dict[str, Any]:
    tensors: dict[str, Any] = {
        f"double_blocks.{n}.img_attn.norm.key_norm.scale": ("BF16", (128,)) for n in range(19)
    } | {f"single_blocks.{n}.linear1.weight": ("BF16", (21504, 3072)) for n in range(38)}
    tensors |= {"img_in.weight": ("BF16", (3072, width)), "txt_in.weight": ("BF16", (3072, text))}
    if guided:
        tensors["guidance_in.in_layer.weight"] = ("BF16", (3072, 256))
    return tensors | {name: ("BF16", shape) for name, shape in more.items()}


@pytest.mark.parametrize(
    ("tensors", "families", "variants"),
    [
        (flux(), ("flux",), ("dev", "krea", "kontext")),
        (flux(384), ("flux",), ("fill",)),
        (flux(128), ("flux",), ("canny", "depth")),
        (flux(guided=False), ("flux-schnell",), ()),
        (flux(128, text=15360), ("flux2",), ()),
        (flux(128, **{"single_stream_modulation.lin.weight": (9, 9)}), ("flux2",), ()),
    ],
)
def test_the_models_of_flux(tensors: dict[str, Any], families: tuple[str, ...], variants: tuple[str, ...]) -> None:
    found = identify(Header("safetensors", tensors))
    assert (found.kind, found.families, found.variants, found.told_by) == ("diffusion", families, variants, "header")


def test_a_younger_family_is_named_with_what_comfyui_takes_it_for() -> None:
    tensors = {"cap_embedder.1.weight": ("BF16", (3840, 2560)), "cap_pad_token": ("BF16", (1, 3840))}
    found = identify(Header("safetensors", tensors))
    assert found.families == ("z-image",)
    assert (found.detail.model_class, found.detail.taken_for) == ("Lumina2", "lumina2")


def test_a_unet_that_comfyui_has_no_class_for_is_still_one() -> None:
    tensors = {
        "input_blocks.0.0.weight": ("F16", (320, 6, 3, 3)),
        "output_blocks.0.0.in_layers.0.weight": ("F16", (9,)),
    }
    context = {"input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight": ("F16", (320, 1024))}
    for more, families in (({}, ()), (context, ("sd2",))):
        found = identify(Header("safetensors", {**tensors, **more, "label_emb.0.0.weight": ("F16", (1280, 7))}))
        assert (found.kind, found.families, found.detail.model_class) == ("diffusion", families, "")


def test_metadata_then_the_name_narrow_what_the_header_leaves() -> None:
    spoken = Header("safetensors", flux(), {"modelspec.architecture": "Flux.1-dev-kontext"})
    assert identify(spoken, "flux1-krea-dev.safetensors").variants == ("kontext",)
    assert identify(spoken).told_by == "metadata"
    by_name = identify(Header("safetensors", flux()), "flux1-krea-dev_fp8.safetensors")
    assert (by_name.variants, by_name.told_by) == (("krea",), "name")
    # A name cannot make it what the header rules out.
    assert identify(Header("safetensors", flux(384)), "flux1-kontext-dev.safetensors").variants == ("fill",)
    assert identify(Header("safetensors", flux()), "sd_xl_base.safetensors").families == ("flux",)


def test_a_v_prediction_model_is_told_by_its_numbers_alone() -> None:
    row = next(row for row in truth() if row["name"] == "sd2_4")
    name = "output_blocks.11.1.transformer_blocks.0.norm1.bias"
    header = header_of(row)
    for values, expected in (((), ("", ("EPS", "V_PREDICTION"))), ((0.3, -0.3), ("V_PREDICTION", ()))):
        found = detect(Header("safetensors", header.tensors, values={name: values} if values else {}))
        assert found is not None
        assert (found.model_type, found.model_type_possible) == expected


def test_how_weights_are_packed() -> None:
    plain = flux()
    assert identify(Header("safetensors", {**plain, "scaled_fp8": ("F8_E4M3", (2,))})).quantisation == "fp8_scaled"
    small = {name: ("F8_E4M3", shape) for name, (_, shape) in plain.items()}
    assert identify(Header("safetensors", small)).quantisation == "fp8"
    state = {**plain, "double_blocks.0.img_mlp.0.weight.quant_state.bitsandbytes__nf4": ("U8", (80,))}
    assert identify(Header("safetensors", state)).quantisation == "nf4"
    stems = ("transformer_blocks.0.qkv_proj.", "single_transformer_blocks.0.qkv_proj.")
    packed = {stem + end: ("I8", (9, 9)) for stem in stems for end in ("qweight", "wscales")}
    found = identify(Header("safetensors", packed))
    assert (found.kind, found.families, found.quantisation) == ("diffusion", ("flux",), "nunchaku")
    blocks = {name: ("Q4_K", shape) for name, (_, shape) in plain.items()}
    assert identify(Header("gguf", blocks, {"general.architecture": "flux"})).quantisation == "Q4_K"


def test_a_gguf_of_a_text_encoder_is_no_diffusion_model() -> None:
    assert detect(Header("gguf", flux(), {"general.architecture": "llama"})) is None
    assert detect(Header("gguf", flux(), {})) is not None


def test_tensors_that_a_model_has_once_are_loaded_once() -> None:
    table = ("F16", (1000, 64))
    found = identify(Header("safetensors", {"shared.weight": table, "encoder.embed_tokens.weight": table}))
    assert (found.stored, found.resident) == (256_000, 128_000)

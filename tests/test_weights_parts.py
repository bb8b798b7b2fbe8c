"""Model files that are no diffusion model: against what ComfyUI 0.3.64 and spandrel 0.4.2 said of the same headers."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comfyproof.weights import clip_vision, controlnets, embeddings, style_models, text_encoders, upscalers, vaes
from comfyproof.weights.clip_loading import LOADERS, TYPES, better_type, clip_loader
from comfyproof.weights.header import Header
from comfyproof.weights.networks import Filled, Shape, fill, names, network
from conftest import ROOT

RECORDED = json.loads(gzip.decompress((ROOT / "tests" / "weights_parts.json.gz").read_bytes()))
DETECTORS = (clip_vision, controlnets, embeddings, style_models, text_encoders, upscalers, vaes)


def header(shapes: Mapping[str, Any], dtype: str = "F16", format: str = "safetensors") -> Header:
    return Header(format, {name: (dtype, tuple(shape)) for name, shape in shapes.items()})


def unfolded(entries: list[Any], prefix: str = "") -> Iterator[tuple[str, tuple[str, Shape]]]:
    """The tensors of a recorded file; a shape that ends in a dtype has that one."""
    for entry in entries:
        if len(entry) == 2:
            *shape, last = [*entry[1], "F32"] if not entry[1] or entry[1][-1] != "I64" else entry[1]
            yield prefix + entry[0], (last, tuple(shape))
        else:
            stem, first, count, body = entry
            for number in range(first, first + count):
                yield from unfolded(body, f"{prefix}{stem}{number}.")


def recorded(entries: list[Any], values: Mapping[str, list[float]] | None = None) -> Header:
    given_values = {name: tuple(numbers) for name, numbers in (values or {}).items()}
    return Header("safetensors", dict(unfolded(entries)), values=given_values)


# --- Text encoders.

TABLES = ("embed", "shared", "relative")


def encoder(name: str) -> Header:
    """A text encoder's file: a network of ComfyUI's as it is, or as its publisher changed it ("t5xxl_scaled")."""
    base, _, change = name.rpartition("_")
    known = {key.removeprefix("te.") for key in names()}
    if name in known:
        return header(network(f"te.{name}"))
    shapes = dict(network(f"te.{base}"))
    if change == "long":
        table = "text_model.embeddings.position_embedding.weight"
        shapes[table] = (248, shapes[table][1])
    elif change == "noproj":
        del shapes["text_projection.weight"]
    elif change == "spiece":
        shapes["spiece_model"] = (100,)
    elif change == "scaled":
        for tensor, shape in network(f"te.{base}").items():
            if len(shape) == 2 and tensor.endswith(".weight") and not any(part in tensor for part in TABLES):
                shapes[tensor.removesuffix("weight") + "scale_weight"] = ()
        shapes["scaled_fp8"] = (0,)
    return header(shapes)


FILES: dict[str, Header] = {}


def file(name: str) -> Header:
    if name not in FILES:
        FILES[name] = encoder(name)
    return FILES[name]


def test_clip_loaders_do_what_comfyui_did() -> None:
    """306 loads of one to four files: the class, the tokenizer, where each file went, what was left random."""
    wrong = []
    for files, kind, clip, tokenizer, parts, never in RECORDED["text_encoders"]:
        loaded = clip_loader([file(name) for name in files], kind)
        told: list[Any] = []
        for name, part in zip(files, loaded.files, strict=True):
            # ComfyUI counts a text projection that is missing, and then does without.
            lacks = part.into in ("clip_l", "clip_g") and "text_projection.weight" not in file(name)
            text = "none" if " has no " in part.error else part.error
            told.append(text or [part.into, part.missing + lacks, part.unexpected])
        if (loaded.clip, loaded.tokenizer, told, sorted(loaded.never_loaded)) != (
            clip,
            tokenizer,
            parts,
            sorted(never),
        ):
            wrong.append((files, kind, loaded))
    assert wrong == []


def test_silent_failures_are_told() -> None:
    """ComfyUI loads all of these without a word."""
    two_t5s = clip_loader([file("t5xxl"), file("t5xxl")], "flux")
    assert two_t5s.never_loaded == ("clip_l",)
    assert not two_t5s.sound
    t5_as_llama = clip_loader([file("clip_l"), file("t5xxl")], "hunyuan_video")
    assert t5_as_llama.files[1].all_missing
    assert clip_loader([file("clip_l"), file("t5xxl")], "flux").sound
    assert clip_loader([file("clip_l")], "flux").clip == "SD1ClipModel"
    assert clip_loader([file("t5xxl")], "wan").files[0].error == "shared.weight"


def test_every_offered_type_is_answered() -> None:
    for count, kinds in text_encoders.LOADER_TYPES.items():
        for kind in kinds:
            assert clip_loader([file("clip_l")] * count, kind).clip
    assert clip_loader([], "sd3").error
    assert clip_loader([None, header({})], "sdxl").files[0].all_missing
    assert set(LOADERS.values()) == set(text_encoders.LOADER_TYPES)


def test_a_better_type_is_named_where_it_matters() -> None:
    t5 = [file("t5xxl")]
    assert better_type(t5, "stable_diffusion", "chroma") == "chroma"
    assert better_type(t5, "pixart", "chroma") == ""  # the same class and tokenizer
    assert better_type(t5, "mochi", "mochi") == ""
    assert better_type([file("clip_l"), file("t5xxl")], "sdxl", "flux") == "flux"
    assert better_type([file("pile_t5xl")], "wan", "auraflow") == ""
    offered = {kind for kinds in text_encoders.LOADER_TYPES.values() for kind in kinds}
    assert set(TYPES.values()) - offered == {"hunyuan_dit"}


@pytest.mark.parametrize(
    ("vocabulary", "width", "families"),
    [
        (128256, 4096, ("hidream",)),
        (128320, 4096, ("hunyuan-video",)),
        (131072, 5120, ("flux2",)),
        (151936, 2560, ("z-image",)),
        (32768, 4096, ()),
    ],
)
def test_a_plain_llm_is_nobodys_encoder(vocabulary: int, width: int, families: tuple[str, ...]) -> None:
    norm = "model.layers.0.post_attention_layernorm.weight"
    found = text_encoders.detect(header({"model.embed_tokens.weight": (vocabulary, width), norm: (width,)}))
    assert found is not None
    assert (found.te_model, found.families) == ("LLAMA3_8", families)


@pytest.mark.parametrize(
    ("name", "model", "vocabulary", "width"),
    [
        ("clip_l", "CLIP_L", 49408, 768),
        ("clip_g", "CLIP_G", 49408, 1280),
        ("clip_h", "CLIP_H", 49408, 1024),
        ("t5xxl", "T5_XXL", 32128, 4096),
        ("umt5xxl", "T5_XXL", 256384, 4096),
        ("t5xxl_old", "T5_XXL_OLD", 32128, 1024),
        ("pile_t5xl", "T5_XL", 32128, 2048),
        ("t5base", "T5_BASE", 32128, 768),
        ("byt5_small", "BYT5_SMALL_GLYPH", 1510, 1472),
        ("gemma2_2b", "GEMMA_2_2B", 256000, 2304),
        ("gemma3_4b", "GEMMA_3_4B", 262208, 2560),
        ("qwen25_3b", "QWEN25_3B", 151936, 2048),
        ("qwen25_7b", "QWEN25_7B", 152064, 3584),
        ("llama", "LLAMA3_8", 128320, 4096),
    ],
)
def test_text_encoders(name: str, model: str, vocabulary: int, width: int) -> None:
    found = text_encoders.detect(file(name))
    assert found is not None
    assert (found.te_model, found.vocabulary, found.width) == (model, vocabulary, width)


def test_the_two_t5s_serve_other_families() -> None:
    for name, family, other in (("t5xxl", "flux", "wan"), ("umt5xxl", "wan", "flux")):
        found = text_encoders.detect(file(name))
        assert found is not None
        assert family in found.families
        assert other not in found.families


def test_dtypes_that_comfyui_reads() -> None:
    scaled = replace(file("t5xxl_scaled"), tensors={**file("t5xxl_scaled").tensors, "scaled_fp8": ("F8_E4M3", (0,))})
    found = text_encoders.detect(scaled)
    assert found is not None
    assert (found.dtype, found.scaled) == ("F16", "F8_E4M3")
    plain = text_encoders.detect(file("clip_l"))
    assert plain is not None
    assert (plain.dtype, plain.scaled) == ("", "")


def test_open_clip_names() -> None:
    tensors = {
        "positional_embedding": (77, 1280),
        "token_embedding.weight": (49408, 1280),
        "text_projection": (1280, 1000),
        "ln_final.weight": (1280,),
    }
    for layer in range(32):
        start = f"transformer.resblocks.{layer}."
        tensors |= {f"{start}ln_1.weight": (1280,), f"{start}mlp.c_fc.weight": (5120, 1280)}
        tensors[f"{start}attn.in_proj_weight"] = (3840, 1280)
    found = text_encoders.detect(header(tensors))
    assert found is not None
    assert found.te_model == "CLIP_G"
    assert found.shapes["text_model.encoder.layers.31.self_attn.v_proj.weight"] == (1280, 1280)
    assert found.shapes["text_projection.weight"] == (1000, 1280)


def test_gguf_text_encoders() -> None:
    tensors = {"token_embd.weight": ("Q4_K", (152064, 3584)), "blk.0.attn_k.bias": ("F32", (512,))}
    qwen = Header("gguf", tensors, {"general.architecture": "qwen2vl"})
    found = text_encoders.detect(qwen)
    assert found is not None
    assert (found.te_model, found.vocabulary) == ("QWEN25_7B", 152064)
    assert text_encoders.gguf_error(qwen) == ""
    assert "'flux'" in text_encoders.gguf_error(Header("gguf", {}, {"general.architecture": "flux"}))
    assert "llama.cpp" in text_encoders.gguf_error(Header("gguf", {}))
    assert (
        text_encoders.gguf_error(Header("gguf", {}, {"general.architecture": "clip", "general.type": "mmproj"})) == ""
    )
    gated = {"enc.blk.23.ffn_up.weight": ("Q8_0", (10240, 4096)), "token_embd.weight": ("F16", (256384, 4096))}
    umt5 = text_encoders.detect(Header("gguf", gated, {"general.architecture": "t5encoder"}))
    assert umt5 is not None
    assert umt5.families == ("wan", "wan22-5b")


# --- VAEs.


@pytest.mark.parametrize(("name", "tensors", "truth"), RECORDED["vaes"], ids=[case[0] for case in RECORDED["vaes"]])
def test_vaes(name: str, tensors: list[Any], truth: dict[str, Any]) -> None:
    found = vaes.detect(recorded(tensors))
    if truth["vae_class"] is None:
        assert found is None
        return
    assert found is not None
    told = {
        "vae_class": found.vae_class,
        "latent_channels": found.channels,
        "latent_dim": found.dim,
        "output_channels": found.output_channels,
        "spatial_up": found.up,
        "spatial_down": found.down,
        "temporal": found.temporal or None,
        "working_dtypes": list(found.dtypes),
        "not_video": found.not_video,
        "disable_offload": found.disable_offload,
        "missing": found.missing,
        "unexpected": found.unexpected,
    }
    assert told == {key: truth[key] for key in told}
    assert found.mismatch == ""
    if truth["dec"] is not None:
        assert found.decode_bytes(truth["sh"]) == truth["dec"]
    if truth["enc"] is not None:
        assert found.encode_bytes(truth["ps"]) == truth["enc"]


def test_a_vae_of_another_width_does_not_load() -> None:
    tensors = {**dict(network("vae.wan21")), "decoder.conv1.weight": (1, 1)}
    found = vaes.detect(header(tensors))
    assert found is not None
    assert found.mismatch == "decoder.conv1.weight"


def test_a_vae_under_a_prefix() -> None:
    tensors = {f"first_stage_model.{name}": shape for name, shape in network("vae.wan22").items()}
    assert vaes.detect(header(tensors)) is None
    found = vaes.detect(header(tensors), "first_stage_model.")
    assert found is not None
    assert (found.channels, found.up, found.families) == (48, 16, ("wan22-5b",))


# --- Upscalers.


@pytest.mark.parametrize(
    ("name", "tensors", "values", "truth"), RECORDED["upscalers"], ids=[case[0] for case in RECORDED["upscalers"]]
)
def test_upscalers(name: str, tensors: list[Any], values: dict[str, list[float]], truth: dict[str, Any]) -> None:
    found = upscalers.detect(recorded(tensors, values))
    assert found is not None
    told = {
        "arch": found.arch,
        "scale": found.scale,
        "input_channels": found.input_channels,
        "output_channels": found.output_channels,
        "supports_half": found.half,
        "supports_bfloat16": found.bfloat16,
        "tiling": found.tiling,
        "size_requirements": {
            "minimum": found.minimum,
            "multiple_of": found.multiple_of,
            "square": found.square,
        },
        "purpose": found.purpose,
        "single_image": found.single_image,
        "parameters": found.parameters,
    }
    assert told == {**told, **truth}


def test_spandrel_has_42_architectures() -> None:
    assert len(upscalers.ARCHITECTURES) == 42
    seen = {case[3]["arch"] for case in RECORDED["upscalers"]}
    assert seen == set(upscalers.ARCHITECTURES) - {"AuraSR"}


def test_shapes_that_make_no_sense_are_no_upscaler() -> None:
    many = "9" * 5000
    for tensors in (
        {"body.0.weight": (64, 3, 3, 3), "body.1.weight": (64,), f"body.{many}.bias": (48,)},
        {"body.0.weight": (64, 3), "body.1.weight": (64, 64)},
        {"initial.cnn.depthwise.weight": (-3, 1, 9, 9), "final_conv.pointwise.weight": (3,), f"upsampler.{many}.x": ()},
        {"model.0.weight": (64, 3, 3, 3), "model.1.sub.0.RDB1.conv1.0.weight": (), "model.9999.weight": (3,)},
        {"conv_1.sk.weight": (), "block_1.c1_r.sk.weight": (), "conv_cat.weight": (), "conv_2.sk.weight": (),
         "upsampler.0.weight": (7,)},
    ):  # fmt: skip
        found = upscalers.detect(header(tensors))
        assert found is None or found.arch == "SwiftSRGAN"


def test_a_scale_in_a_tensor_is_unknown_without_its_numbers() -> None:
    tensors = next(case[1] for case in RECORDED["upscalers"] if case[3]["arch"] == "MoESR")
    found = upscalers.detect(recorded(tensors))
    assert found is not None
    assert found.scale == 0


# --- The small kinds.

FLUX = "ldm.flux.controlnet.ControlNetFlux"
CONTROLNETS: list[tuple[dict[str, Shape], dict[str, Any]]] = [
    ({"after_proj_list.18.bias": (1408,)}, {"families": ("hunyuan-dit",), "latent_format": "SDXL", "ratio": 1}),
    (
        {"lora_controlnet": (0,), "input_blocks.1.1.transformer_blocks.0.attn2.to_k.down": (64, 2048)},
        {"control_class": "ControlLora", "families": ("sdxl",), "context": 2048},
    ),
    (
        {
            "controlnet_cond_embedding.conv_in.weight": (16, 3, 3, 3),
            "down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k.weight": (320, 768),
        },
        {"network_class": "cldm.cldm.ControlNet", "families": ("sd15",), "ratio": 8, "needs_vae": False},
    ),
    (
        {
            "control_model.zero_convs.0.0.weight": (320, 320, 1, 1),
            "control_model.input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight": (320, 1024),
        },
        {"families": ("sd2",), "context": 1024, "extra_conds": ("y",)},
    ),
    (
        {"controlnet_blocks.0.weight": (1,), "double_blocks.0.img_attn.norm.key_norm.scale": (128,)},
        {"network_class": FLUX, "latent_format": "", "ratio": 8, "extra_conds": ("y", "guidance")},
    ),
    (
        {"controlnet_blocks.0.weight": (1,), "controlnet_x_embedder.weight": (3072, 68)},
        {"network_class": FLUX, "latent_format": "Flux", "ratio": 1, "concat_mask": True, "needs_vae": True},
    ),
    (
        {
            "controlnet_blocks.0.weight": (1,),
            "controlnet_x_embedder.weight": (3072, 64),
            "controlnet_mode_embedder.weight": (10, 3072),
        },
        {"union": 10, "concat_mask": False},
    ),
    ({"controlnet_blocks.0.linear.weight": (1,)}, {"network_class": FLUX, "latent_format": ""}),
    (
        {
            "controlnet_blocks.0.weight": (1,),
            "transformer_blocks.0.img_mlp.net.0.proj.weight": (1,),
            "controlnet_x_embedder.weight": (3072, 68),
        },
        {"families": ("qwen-image",), "latent_format": "Wan21", "concat_mask": True, "extra_conds": ()},
    ),
    (
        {
            "controlnet_blocks.0.weight": (1,),
            "pos_embed_input.proj.weight": (1536, 17, 2, 2),
            "pos_embed.proj.weight": (1536, 16, 2, 2),
        },
        {"control_class": "ControlNet", "families": ("sd3",), "concat_mask": True, "variant": ""},
    ),
    (
        {
            "controlnet_blocks.0.weight": (1,),
            "pos_embed_input.proj.weight": (2432, 16, 2, 2),
            "transformer_blocks.0.adaLN_modulation.1.bias": (1,),
            "y_embedder.mlp.0.weight": (2432, 2432),
        },
        {"control_class": "ControlNetSD35", "variant": "sd35_large", "latent_format": "SD3"},
    ),
    ({"body.0.in_conv.weight": (1, 192, 1, 1)}, {"families": ("sd15",), "channels_in": 3}),
    (
        {"conv_in.weight": (320, 768, 3, 3), "body.0.block2.weight": (320, 320, 1, 1)},
        {"control_class": "T2IAdapter", "families": ("sdxl",), "channels_in": 3, "extra_conds": ()},
    ),
    (
        {"backbone.0.0.weight": (1, 6, 3, 3), "projections.0.0.weight": (1,)},
        {"families": ("cascade",), "ratio": 32, "channels_in": 6},
    ),
]


@pytest.mark.parametrize(("tensors", "expected"), CONTROLNETS)
def test_controlnets(tensors: dict[str, Shape], expected: dict[str, Any]) -> None:
    found = controlnets.detect(header(tensors))
    assert found is not None
    assert {key: getattr(found, key) for key in expected} == expected


def test_what_is_no_controlnet() -> None:
    assert controlnets.detect(header({"conv_in.weight": (320, 4, 3, 3)})) is None
    assert controlnets.detect(header({"backbone.0.0.weight": (24, 3, 3, 3), "mean": (3,)})) is None


@pytest.mark.parametrize(
    ("layers", "width", "positions", "config", "size"),
    [
        (48, 1664, 257, "clip_vision_config_g.json", 224),
        (32, 1280, 257, "clip_vision_config_h.json", 224),
        (24, 1024, 257, "clip_vision_config_vitl.json", 224),
        (24, 1024, 577, "clip_vision_config_vitl_336.json", 336),
        (27, 1152, 729, "clip_vision_siglip_384.json", 384),
        (27, 1152, 1024, "clip_vision_siglip_512.json", 512),
    ],
)
def test_clip_vision(layers: int, width: int, positions: int, config: str, size: int) -> None:
    tensors = {f"vision_model.encoder.layers.{layer}.layer_norm1.weight": (width,) for layer in range(layers)}
    tensors["vision_model.embeddings.position_embedding.weight"] = (positions, width)
    found = clip_vision.detect(header(tensors))
    assert found is not None
    assert (found.config, found.image_size, found.hidden_size, found.layers) == (config, size, width, layers)
    assert found.error == ""


def test_clip_vision_of_a_size_that_comfyui_lacks() -> None:
    tensors = {f"vision_model.encoder.layers.{layer}.layer_norm1.weight": (1152,) for layer in range(27)}
    tensors["vision_model.embeddings.position_embedding.weight"] = (196, 1152)
    found = clip_vision.detect(header(tensors))
    assert found is not None
    assert found.error
    other = {**dict.fromkeys(tensors, (1024,)), "vision_model.embeddings.position_embedding.weight": (50, 1024)}
    found = clip_vision.detect(header(other))
    assert found is not None
    assert "50x1024" in found.error


def test_open_clip_vision() -> None:
    tensors: dict[str, Shape] = {f"visual.transformer.resblocks.{n}.ln_1.weight": (1280,) for n in range(32)}
    tensors |= {"visual.transformer.resblocks.0.attn.in_proj_weight": (3840, 1280)}
    tensors |= {"visual.positional_embedding": (257, 1280)}
    found = clip_vision.detect(header(tensors))
    assert found is not None
    assert found.config == "clip_vision_config_h.json"


@pytest.mark.parametrize(("sign", "layers"), [("39", 40), ("23", 24)])
def test_dino(sign: str, layers: int) -> None:
    found = clip_vision.detect(header({f"encoder.layer.{sign}.layer_scale2.lambda1": (1536,)}))
    assert found is not None
    assert (found.model_type, found.layers) == ("dinov2", layers)


def test_style_models() -> None:
    redux = style_models.detect(header({"redux_down.weight": (4096, 12288)}))
    assert redux is not None
    assert (redux.style_class, redux.families) == ("ReduxImageEncoder", ("flux",))
    style = style_models.detect(header({"style_embedding": (1, 8, 1024)}))
    assert style is not None
    assert style.image_encoder == "vit_l"
    assert style_models.detect(header({"x": (1,)})) is None


def test_embeddings() -> None:
    both = embeddings.detect(header({"clip_l": (8, 768), "clip_g": (8, 1280)}))
    assert both is not None
    assert (both.vectors, both.families) == (8, ("sdxl",))
    assert both.loaded("clip_g") == (8, 1280)
    assert both.width("clip_h") == 768
    old = embeddings.detect(header({"emb_params": (4, 768)}))
    assert old is not None
    assert old.loaded("clip_g") == (4, 768)
    word = embeddings.detect(header({"<cat>": (1024,)}))
    assert word is not None
    assert (word.vectors, word.families) == (1, ("sd2",))
    for wrong in ({"emb_params": (4, 100)}, {"emb_params": (4, 768, 3)}, {"a": (4, 768), "b": (4, 768)}, {}):
        assert embeddings.detect(header(wrong)) is None


# --- What holds for all of them.

SHAPES = st.lists(st.integers(0, 70000), max_size=5).map(tuple)
ODD_NAMES = st.sampled_from(
    sorted(
        {
            *(sign for case in CONTROLNETS for sign in case[0]),
            *(name for case in RECORDED["upscalers"] for name in list(dict(unfolded(case[1])))[:6]),
            *(name for key in names() for name in list(network(key))[:8]),
            "model.0.weight", "model.99999999999.weight", "body.x.weight", "", ".", "...", "emb_params", "clip_l",
            "decoder.conv_in.weight", "decoder.conv_in.conv.weight", "post_quant_conv.weight", "redux_down.weight",
            "text_model.encoder.layers.22.mlp.fc1.weight", "transformer.resblocks.0.ln_1.weight",
            "transformer.resblocks.0.attn.in_proj_weight", "decoder.up_blocks.0.resnets.0.norm1.weight",
            "visual.transformer.resblocks.0.attn.in_proj_weight", "encoder.block.0.layer.0.SelfAttention.k.weight",
        }
    )
)  # fmt: skip


@given(st.dictionaries(ODD_NAMES, SHAPES, max_size=12), st.sampled_from(["safetensors", "gguf", "pth"]))
def test_odd_headers_raise_nothing(tensors: dict[str, Shape], format: str) -> None:
    odd = header(tensors, format=format)
    for detector in DETECTORS:
        detector.detect(odd)
        detector.detect(odd, "x.")
    clip_loader([odd, odd], "flux")


def test_networks_are_whole() -> None:
    for name in names():
        tensors = network(name)
        assert tensors
        assert fill(tensors, tensors) == Filled(0, 0)


@given(st.sets(st.integers(0, 196)), st.integers(0, 9))
def test_fill_counts(gone: set[int], more: int) -> None:
    whole = network("te.clip_l")
    given_tensors = {name: shape for number, (name, shape) in enumerate(whole.items()) if number not in gone}
    given_tensors |= {f"more.{number}": (1,) for number in range(more)}
    assert fill(whole, given_tensors) == Filled(len(gone), more)


def test_nobody_claims_another_kind() -> None:
    """The recorded files of one kind are not taken for another."""
    makers: dict[str, Callable[[], list[Header]]] = {
        "vaes": lambda: [recorded(case[1]) for case in RECORDED["vaes"] if case[2]["vae_class"]],
        "upscalers": lambda: [recorded(case[1]) for case in RECORDED["upscalers"]],
        "text_encoders": lambda: [header(network(key)) for key in names() if key.startswith("te.clip_")],
    }
    order = ("style_models", "controlnets", "embeddings", "vaes", "clip_vision", "text_encoders", "upscalers")
    by_name = {module.__name__.rpartition(".")[2]: module for module in DETECTORS}
    for kind, make in makers.items():
        for made in make():
            first = next((name for name in order if by_name[name].detect(made) is not None), "")
            assert first == kind

"""LoRAs: what of one ComfyUI 0.3.64 applies to each base, against its own key maps and patches."""

from __future__ import annotations

import gzip
import json
from math import prod
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from comfyproof.weights import loras
from comfyproof.weights.header import Header
from comfyproof.weights.keymaps import keymap, layout_of
from comfyproof.weights.lora_shapes import patches_of
from comfyproof.weights.networks import Shape, network
from conftest import ROOT

RECORDED = json.loads(gzip.decompress((ROOT / "tests" / "weights_parts.json.gz").read_bytes()))["loras"]
MAPS = {name: keymap(loras.known_base(name)) for name in ("sd15", "sdxl", "flux_dev", "sd3_medium", "pixart_sigma")}


def header(shapes: dict[str, Shape], values: dict[str, tuple[float, ...]] | None = None) -> Header:
    return Header("safetensors", {name: ("F16", shape) for name, shape in shapes.items()}, values=values or {})


def weight(base: str, alias: str) -> Shape | None:
    """The shape of the part of a base's weight that a name stands for."""
    name, rows = MAPS[base][alias]
    shape = loras.known_base(base).shape(name)
    return shape if shape is None or rows is None else (rows[1], *shape[1:])


def kohya(modules: dict[str, Shape], rank: int = 4) -> dict[str, Shape]:
    tensors: dict[str, Shape] = {}
    for name, shape in modules.items():
        tensors[f"{name}.lora_up.weight"] = (shape[0], rank)
        tensors[f"{name}.lora_down.weight"] = (rank, prod(shape[1:]))
        tensors[f"{name}.alpha"] = ()
    return tensors


@pytest.mark.parametrize(
    ("base", "tensors", "truth"), RECORDED, ids=[f"{n}-{case[0]}" for n, case in enumerate(RECORDED)]
)
def test_coverage_is_comfyuis(base: str, tensors: list[Any], truth: dict[str, list[int]]) -> None:
    """Random modules of every kind of adapter, some of wrong shape or name, given to all 27 bases."""
    lora = header({name: tuple(shape) for name, shape in tensors})
    for name in loras.BASES:
        covered = loras.coverage(lora, name)
        told = [
            covered.keys,
            covered.keys_not_loaded,
            covered.patches,
            covered.unet,
            covered.shape_ok,
            covered.shape_bad,
        ]
        if name in truth:
            assert told == truth[name], name
        else:
            assert covered.patches == 0, name
    assert set(loras.coverages(lora)) == set(truth)
    assert truth[base]


# Names in each map, as ComfyUI counts them, its text encoders left out.
SIZES = {
    **{"sd15": 2697, "sd21": 2697, "sdxl": 6970, "sd3_medium": 3072, "sd35_large": 5140, "sd35_medium": 3394},
    **{"flux_dev": 3103, "flux_schnell": 3097, "flux_fill": 3103, "chroma": 2895, "lumina2": 766, "auraflow": 983},
    **{"pixart_sigma": 1512, "hunyuandit12": 2606, "hunyuan_video": 1800, "ltxv_2b": 1114, "mochi": 2235},
    **{"wan21_t2v_1.3b": 1282, "wan21_t2v_14b": 1702, "wan21_i2v_14b": 2034, "wan22_ti2v_5b": 1282},
    **{"qwen_image": 6281, "hidream": 5527, "omnigen2": 1658, "cosmos_p2_2b_t2i": 1134, "cascade_c": 2972},
    "ace_step": 1742,
}


def test_maps_have_as_many_names_as_comfyuis() -> None:
    sizes = {name: len(keymap(loras.base_of(header(dict(network(name))), ()))) for name in loras.BASES}
    assert sizes == SIZES


@pytest.mark.parametrize(
    ("base", "alias", "target"),
    [
        ("sdxl", "lora_unet_down_blocks_1_attentions_0_proj_in",
         ("diffusion_model.input_blocks.4.1.proj_in.weight", None)),
        ("sdxl", "unet.mid_block.attentions.0.transformer_blocks.0.attn1.processor.to_out",
         ("diffusion_model.middle_block.1.transformer_blocks.0.attn1.to_out.0.weight", None)),
        ("sdxl", "lora_te2_text_model_encoder_layers_31_mlp_fc2",
         ("clip_g.transformer.text_model.encoder.layers.31.mlp.fc2.weight", None)),
        ("flux_dev", "transformer.single_transformer_blocks.3.proj_mlp",
         ("diffusion_model.single_blocks.3.linear1.weight", (9216, 12288))),
        ("flux_dev", "lora_te2_encoder_block_0_layer_0_SelfAttention_k",
         ("t5xxl.transformer.encoder.block.0.layer.0.SelfAttention.k.weight", None)),
        ("sd3_medium", "lora_transformer_transformer_blocks_0_attn_add_k_proj",
         ("diffusion_model.joint_blocks.0.context_block.attn.qkv.weight", (1536, 1536))),
        ("pixart_sigma", "base_model.model.transformer_blocks.2.attn2.to_v",
         ("diffusion_model.blocks.2.cross_attn.kv_linear.weight", (1152, 1152))),
    ],
)  # fmt: skip
def test_names_lead_to_weights(base: str, alias: str, target: object) -> None:
    assert MAPS[base][alias] == target


@settings(max_examples=40)
@given(st.sampled_from(sorted(MAPS)), st.data())
def test_a_lora_made_for_a_base_fits_it(base: str, data: st.DataObject) -> None:
    """Each module of the right shape is applied; one of a wrong shape is found, one of a wrong name refused."""
    aliases = data.draw(st.sets(st.sampled_from(sorted(MAPS[base])), min_size=1, max_size=12))
    modules = {}
    seen = set()
    for alias in aliases:
        shape = weight(base, alias)
        if shape and MAPS[base][alias] not in seen:
            seen.add(MAPS[base][alias])
            modules[alias] = shape
    if not modules:
        return
    covered = loras.coverage(header(kohya(modules)), base)
    assert covered.fits
    assert (covered.patches, covered.keys_not_loaded) == (len(modules), 0)
    first = min(modules)
    wrong = {**modules, first: (modules[first][0] + 1, *modules[first][1:])}
    spoiled = loras.coverage(header(kohya(wrong)), base)
    assert (spoiled.shape_bad, spoiled.fits) == (1, False)
    assert spoiled.example == MAPS[base][first][0]
    renamed = {f"{name}_x" if name == first else name: shape for name, shape in modules.items()}
    refused = loras.coverage(header(kohya(renamed)), base)
    assert refused.keys_not_loaded == 3
    assert refused.matched == len(modules) - 1


def test_a_base_at_hand_is_as_good_as_a_known_one() -> None:
    base = header(dict(network("flux_dev")))
    lora = header(kohya({"lora_unet_double_blocks_0_img_attn_qkv": (9216, 3072)}))
    assert loras.coverage(lora, base) == loras.coverage(lora, "flux_dev")
    assert loras.coverage(lora, base).fits
    smaller = header({name: shape for name, shape in network("flux_dev").items() if ".0." not in name})
    assert not loras.coverage(lora, smaller).matched
    assert loras.coverage(lora, header({})).patches == 0
    with pytest.raises(KeyError):
        loras.coverage(lora, "sd99")


def test_text_encoders_go_with_a_base_at_hand() -> None:
    unet = header(dict(network("sd15")))
    lora = header(kohya({"lora_te_text_model_encoder_layers_0_mlp_fc1": (3072, 768)}))
    assert loras.coverage(lora, loras.base_of(unet, ())).text_encoder == 0
    assert loras.coverage(lora, unet).text_encoder == 1
    assert loras.coverage(lora, "sd15").text_encoder == 1


def test_every_base_at_hand_is_told_from_its_own_names() -> None:
    """The same names and text encoders as the known base's, in a checkpoint as well."""
    for name in loras.BASES:
        known = loras.known_base(name)
        found = loras.base_of(
            header({f"model.diffusion_model.{tensor}": shape for tensor, shape in known.unet.items()})
        )
        assert found == known, name


def test_converted_names() -> None:
    control = {
        "img_in.lora_A.weight": (128, 128),
        "img_in.lora_B.weight": (3072, 128),
        "img_in.lora_B.bias": (3072,),
        "single_blocks.0.norm.key_norm.scale": (128,),
    }
    covered = loras.coverage(header(control), "flux_dev")
    assert (covered.keys, covered.keys_not_loaded, covered.converted) == (5, 0, True)
    assert covered.fits
    # Its first layer is padded from 64 to 128 inputs, which Fill's 384 are already above.
    assert loras.coverage(header(control), "flux_fill").example == "diffusion_model.img_in.weight"
    fun = kohya({"lora_unet__blocks_0_cross_attn_k": (1536, 1536), "lora_unet__blocks_1_ffn_0": (8960, 1536)})
    assert loras.coverage(header(fun), "wan21_t2v_1.3b").fits
    uso: dict[str, Shape] = {}
    for name, out in (("single_blocks.37.processor.qkv_lora", 9216), ("double_blocks.18.processor.qkv_lora2", 9216)):
        uso |= {f"{name}.up.weight": (out, 8), f"{name}.down.weight": (8, 3072)}
    assert loras.coverage(header(uso), "flux_dev").fits
    found = loras.detect(header(uso))
    assert found is not None
    assert (found.naming, loras.coverage(header(uso), "flux_dev").converted) == ("uso", True)


@pytest.mark.parametrize(
    ("tensors", "algorithms", "naming"),
    [
        (kohya({"lora_unet_mid_block_attentions_0_proj_in": (1280, 1280)}), ("lora",), "kohya"),
        ({"diffusion_model.x.lora_A.weight": (8, 4), "diffusion_model.x.lora_B.weight": (4, 8)}, ("lora",), "native"),
        ({"base_model.model.x.lora_A.weight": (8, 4), "base_model.model.x.lora_B.weight": (4, 8)}, ("lora",), "peft"),
        ({"transformer.x.lora_A.weight": (8, 4), "transformer.x.lora_B.weight": (4, 8)}, ("lora",), "diffusers"),
        ({"unet.x.processor.to_q_lora.up.weight": (4, 8)}, ("lora",), "diffusers"),
        ({"x.lora_A.default.weight": (8, 4), "x.lora_B.default.weight": (4, 8)}, ("lora",), "plain"),
        ({"lora_unet_x.hada_w1_a": (4, 8), "lora_unet_x.hada_w1_b": (8, 4)}, ("loha",), "kohya"),
        ({"lycoris_x.lokr_w1": (4, 4), "lycoris_x.lokr_w2_b": (8, 4)}, ("lokr",), "simpletuner"),
        ({"lora_unet_x.oft_blocks": (4, 80, 80)}, ("oft",), "kohya"),
        ({"lora_unet_x.oft_blocks": (2, 40, 8, 8)}, ("boft",), "kohya"),
        ({"lora_unet_x.a1.weight": (4, 8), "lora_unet_x.b1.weight": (4, 8)}, ("glora",), "kohya"),
        ({"diffusion_model.x.diff": (4,), "diffusion_model.x.diff_b": (4,)}, ("diff",), "native"),
        ({"double_blocks.0.processor.proj_lora1.down.weight": (8, 4)}, (), "xlabs"),
    ],
)
def test_styles(tensors: dict[str, Shape], algorithms: tuple[str, ...], naming: str) -> None:
    found = loras.detect(header(tensors))
    assert found is not None
    assert (found.algorithms, found.naming) == (algorithms, naming)


def test_what_is_told_of_a_lora() -> None:
    tensors = kohya({"lora_unet_output_blocks_11_1_proj_in": (320, 320)}, 16)
    tensors |= kohya({"lora_te_text_model_encoder_layers_0_mlp_fc1": (3072, 768)}, 8)
    tensors |= {
        "lora_unet_output_blocks_11_1_proj_in.dora_scale": (320, 1),
        "bundle_emb.cat.string_to_param.*": (4, 768),
    }
    found = loras.detect(header(tensors, {"lora_unet_output_blocks_11_1_proj_in.alpha": (8.0,)}))
    assert found is not None
    assert (found.modules, found.ranks, found.alphas) == (2, (8, 16), (8.0,))
    assert (found.dora, found.text_encoder, found.embeddings) == (True, True, 1)
    plain = loras.detect(header(kohya({"lora_unet_output_blocks_11_1_proj_in": (320, 320)})))
    assert plain is not None
    assert "sd15" in plain.families
    assert not plain.text_encoder


def test_modules_of_names_that_comfyui_does_not_know() -> None:
    """XLabs' names and the magnitudes of PEFT's DoRA belong to modules, but are refused."""
    start = "double_blocks.0.processor.proj_lora1"
    xlabs = header({f"{start}.down.weight": (8, 3072), f"{start}.up.weight": (3072, 8)})
    assert loras.coverage(xlabs, "flux_dev").modules == 1
    assert loras.coverage(xlabs, "flux_dev").keys_not_loaded == 2
    module = "diffusion_model.double_blocks.0.img_attn.proj"
    dora = {f"{module}.lora_A.weight": (8, 3072), f"{module}.lora_B.weight": (3072, 8)}
    dora[f"{module}.lora_magnitude_vector"] = (3072,)
    covered = loras.coverage(header(dora), "flux_dev")
    assert (covered.modules, covered.matched, covered.patches) == (1, 0, 1)


def test_bases_of_a_family() -> None:
    assert loras.bases_of("flux") == ("flux_dev", "flux_fill")
    assert loras.bases_of("nothing") == ()


def test_what_is_no_lora() -> None:
    assert loras.detect(header({"lora_controlnet": (0,), "input_blocks.1.0.in_layers.2.up": (320, 64)})) is None
    for name in ("flux_dev", "sdxl", "te.t5xxl", "vae.kl"):
        assert loras.detect(header(dict(network(name)))) is None


def test_ambiguous_loras_name_all_families() -> None:
    """ComfyUI applies these to either, though they were trained for one."""
    block = {"lora_unet_single_blocks_0_linear2": (3072, 15360)}
    found = loras.detect(header(kohya(block)))
    assert found is not None
    assert found.families == ("flux", "flux-schnell", "chroma", "hunyuan-video")


def test_the_wrong_family_is_refused() -> None:
    sdxl = header(kohya({"lora_unet_input_blocks_7_1_transformer_blocks_9_attn2_to_k": (1280, 2048)}))
    assert loras.coverage(sdxl, "flux_dev").share == 0
    assert loras.coverage(sdxl, "sdxl").share == 1


def test_a_half_module_is_a_crash_of_comfyuis() -> None:
    half = {"diffusion_model.img_in.lora_B.weight": (3072, 8)}
    assert loras.coverage(header(half), "flux_dev").shape_bad == 1


def test_hunyuan_image_has_no_names_of_its_own() -> None:
    video = network("hunyuan_video")
    assert layout_of(video) == "hunyuan-video"
    assert layout_of({name: shape for name, shape in video.items() if not name.startswith("vector_in.")}) == ""


SHAPES = st.lists(st.integers(0, 600), max_size=5).map(tuple)
SUFFIXES = st.sampled_from(sorted(loras._KNOWN))
TARGETS = st.sampled_from(
    [
        ("diffusion_model.input_blocks.0.0.weight", None),
        ("diffusion_model.out.0.bias", None),
        ("diffusion_model.time_embed.0.weight", (0, 9)),
        ("diffusion_model.none.weight", (5, 9)),
    ]
)


@given(st.dictionaries(SUFFIXES, SHAPES, max_size=12), TARGETS, st.none() | SHAPES)
def test_odd_modules_raise_nothing(tensors: dict[str, Shape], target: Any, reshape: Shape | None) -> None:
    patched, used = patches_of(tensors, target, loras.known_base("sd15"), reshape)
    assert used <= set(tensors)
    assert len(patched) <= 3


@given(st.dictionaries(st.text("ab._", max_size=6), SHAPES, max_size=4), SUFFIXES)
def test_odd_headers_raise_nothing(stems: dict[str, Shape], suffix: str) -> None:
    odd = header({stem + suffix: shape for stem, shape in stems.items()})
    loras.detect(odd)
    loras.coverages(odd)
    for name in odd.tensors:
        stem, rest = loras.split(name)
        assert stem + rest == name

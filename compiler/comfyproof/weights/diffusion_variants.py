"""Which of a family's models a file is, and the families that are younger than ComfyUI 0.3.64."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .diffusion_classes import ModelClass
from .header import Header

# Signs of families that 0.3.64 doesn't know: the start of a name that only they have.
_YOUNGER = (
    ("single_stream_modulation.", "flux2"),
    ("double_stream_modulation_img.", "flux2"),
    ("cap_pad_token", "z-image"),
    ("txt_in.text_norm", "qwen-image-2.1"),
    ("txtfusion.projector", "krea2"),
    ("av_ca_a2v_gate", "ltx2"),
    ("llm_adapter.", "anima"),
)
_YOUNGER_STARTS = frozenset(sign[0] for sign, _ in _YOUNGER)
_FLUX2_TEXT = (7680, 12288, 15360)  # Klein 4B, Klein 9B, dev: what comes from their text encoders
# Names of files that ComfyUI has no class for: packed by other tools, or in names that it doesn't rename.
_BY_NAMES = (
    (("single_transformer_blocks.0.", "transformer_blocks.0."), "flux"),
    (("transformer_blocks.0.img_mlp.", "transformer_blocks.0.txt_mlp."), "qwen-image"),
    (("transformer_blocks.0.attn.add_q_proj.", "norm_out.linear."), "sd3"),
)
_SIZES = {
    ("ltxv", "num_layers"): {28: "2b", 48: "13b"},
    ("cosmos", "model_channels"): {4096: "7b", 5120: "14b"},
    ("cosmos2", "model_channels"): {2048: "2b", 5120: "14b"},
}


def younger(header: Header) -> str:
    """The family of a model that ComfyUI 0.3.64 doesn't know; "" where there is no sign of one."""
    for name in header.tensors:
        if name[0:1] in _YOUNGER_STARTS:
            for sign, family in _YOUNGER:
                if name.startswith(sign):
                    return family
    if header.shape("cap_embedder.1.weight") == (3840, 2560):  # Lumina 2 is 2304 wide
        return "z-image"
    width = header.dim("txt_in.weight", 1) or header.dim("context_embedder.weight", 1)
    flux = "double_blocks.0.img_attn.norm.key_norm.scale" in header or "x_embedder.weight" in header
    return "flux2" if flux and width in _FLUX2_TEXT else ""


_UNETS = (
    ("input_blocks.0.0.weight", "output_blocks.0.0.in_layers.0.weight"),
    ("conv_in.weight", "up_blocks.0.resnets.0.conv1.weight", "time_embedding.linear_1.weight"),
)
_BY_CONTEXT = {768: "sd15", 1024: "sd2", 2048: "sdxl"}


def families_by_names(header: Header) -> tuple[str, ...] | None:
    """The family of a diffusion model that ComfyUI has no class for, () where only that is known; None for others."""
    for starts, family in _BY_NAMES:
        if all(header.has_under(start) for start in starts):
            return (family,)
    if not any(all(name in header for name in names) for names in _UNETS):
        return None
    if any(".time_stack." in name or ".temporal_transformer_blocks." in name for name in header.tensors):
        return ("svd",)
    context = next((header.dim(name, 1) for name in header.tensors if name.endswith(".attn2.to_k.weight")), 0)
    return (_BY_CONTEXT[context],) if context in _BY_CONTEXT else ()


def variants_of(chosen: ModelClass, config: Mapping[str, Any], whole: Header) -> tuple[str, ...]:
    """The models of a family that share this header, by short names; () where there is only one or none has a name."""
    if chosen.name in ("Flux", "WAN21_T2V", "WAN21_I2V", "WAN21_FunControl2V", "SD3"):
        return {"Flux": _flux, "SD3": _sd3}.get(chosen.name, _wan)(config)
    found = chosen.variants
    if chosen.name == "SDXL" and "edm_mean" in whole and "edm_std" in whole:
        found = ("playground-2.5",)
    if chosen.name in ("SD15", "SD20", "SDXL"):
        found = {9: ("inpaint",), 5: ("depth",), 8: ("ip2p",)}.get(config["in_channels"], found)
    if chosen.name == "Stable_Cascade_C" and config.get("c_cond") == 1536:
        found = ("stage-c-lite",)
    if chosen.name == "Stable_Cascade_B" and config.get("c_hidden", [0, 0])[1] == 576:
        found = ("stage-b-lite",)
    for (family, key), sizes in _SIZES.items():
        if chosen.family == family and config.get(key) in sizes:
            size = sizes[config[key]]
            found = tuple(f"{each}-{size}" for each in found) or (size,)
    return found


def _flux(config: Mapping[str, Any]) -> tuple[str, ...]:
    if config["in_channels"] == 32:
        return ("canny", "depth")
    if config["in_channels"] != 16:
        return ()
    return ("lite",) if config["depth"] < 19 else ("dev", "krea", "kontext")


def _sd3(config: Mapping[str, Any]) -> tuple[str, ...]:
    if config["x_block_self_attn_layers"]:
        return ("3.5-medium",)
    return ("3.5-large",) if config["depth"] == 38 else ("3-medium",) if config["depth"] == 24 else ()


def _wan(config: Mapping[str, Any]) -> tuple[str, ...]:
    large = config["dim"] == 5120
    if config["model_type"] == "i2v" and config["in_dim"] == 48:
        return ("fun-control",)
    if config["model_type"] == "i2v":
        if "flf_pos_embed_token_number" in config:
            return ("2.1-flf2v",)
        return ("2.1-i2v",) if large else ("fun-inpaint",)
    if config["in_dim"] == 16:
        return ("2.1-t2v", "2.2-t2v-high", "2.2-t2v-low") if large else ("2.1-t2v",)
    return {36: ("2.2-i2v-high", "2.2-i2v-low")}.get(config["in_dim"], ())

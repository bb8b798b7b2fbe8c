"""The config that ComfyUI 0.3.64 reads off a UNet, in the names of Stable Diffusion and in those of diffusers."""

from __future__ import annotations

from typing import Any

from .header import Header

Config = dict[str, Any]
_VIDEO = {
    **{"extra_ff_mix_layer": True, "use_spatial_context": True, "merge_strategy": "learned_with_images"},
    **{"merge_factor": 0.0, "video_kernel_size": [3, 1, 1]},
}


def unet_config(header: Header) -> Config | None:
    """The config of a UNet in the names of Stable Diffusion; None where there is none."""
    if "input_blocks.0.0.weight" not in header:
        return None
    config: Config = {"use_checkpoint": False, "image_size": 32, "use_spatial_transformer": True, "legacy": False}
    config["adm_in_channels"] = None
    if "label_emb.0.0.weight" in header:
        config |= {"num_classes": "sequential", "adm_in_channels": header.dim("label_emb.0.0.weight", 1)}
    channels = header.dim("input_blocks.0.0.weight", 0)
    out = header.dim("out.2.weight", 0) if "out.2.weight" in header else 4
    config |= {"in_channels": header.dim("input_blocks.0.0.weight", 1), "out_channels": out}
    config |= {"model_channels": channels, **_blocks(header, channels)}
    first = _first_attention(header)
    config |= {"use_linear_in_transformer": False, "context_dim": None}
    config |= {"use_temporal_resblock": False, "use_temporal_attention": False}
    if first:
        transformer = f"{first}1.transformer_blocks.0.attn2.to_k.weight"
        config["context_dim"] = header.dim(transformer, 1)
        config["use_linear_in_transformer"] = len(header.shape(f"{first}1.proj_in.weight")) == 2
        if _has_time(header, first, "attn1"):
            config |= {**_VIDEO, "use_temporal_resblock": True, "use_temporal_attention": True}
            config["disable_temporal_crossattention"] = not _has_time(header, first, "attn2")
    return config


def _blocks(header: Header, channels: int) -> Config:
    """The sizes of the blocks down, of the middle and of the blocks up, these from the last to the first."""
    resnets: list[int] = []
    widths: list[int] = []
    down: list[int] = []
    up: list[int] = []
    count, width = 0, 0
    blocks = header.count("input_blocks.")
    for number in range(blocks):
        here, there = f"input_blocks.{number}.", f"output_blocks.{blocks - number - 1}."
        if f"{here}0.op.weight" in header:
            resnets.append(count)
            widths.append(width)
            count, width = 0, 0
            up.append(_depth(header, there))
            continue
        if f"{here}0.in_layers.0.weight" in header:
            count += 1
            width = header.dim(f"{here}0.out_layers.3.weight", 0) // max(channels, 1)
            down.append(_depth(header, here))
        if f"{there}0.in_layers.0.weight" in header:
            up.append(_depth(header, there))
    if "middle_block.1.proj_in.weight" in header:
        middle = header.count("middle_block.1.transformer_blocks.")
    else:
        middle = -1 if "middle_block.0.in_layers.0.weight" in header else -2
    sizes = {"num_res_blocks": [*resnets, count], "channel_mult": [*widths, width]}
    return {**sizes, "transformer_depth": down, "transformer_depth_output": up, "transformer_depth_middle": middle}


def _depth(header: Header, block: str) -> int:
    return header.count(f"{block}1.transformer_blocks.")


def _first_attention(header: Header) -> str:
    """The first block down with a transformer in it; "" where none has one."""
    blocks = (f"input_blocks.{number}." for number in range(header.count("input_blocks.")))
    return next((b for b in blocks if f"{b}0.in_layers.0.weight" in header and _depth(header, b)), "")


def _has_time(header: Header, block: str, attention: str) -> bool:
    return any(f"{block}1.{stack}.0.{attention}.to_q.weight" in header for stack in ("time_stack", "time_mix_blocks"))


def diffusers_config(header: Header) -> Config | None:
    """The config of a UNet in diffusers' names; None where it is none of those that ComfyUI knows."""
    if "conv_in.weight" not in header:
        return None
    found: Config = {"transformer_depth": []}
    for block in range(header.count("down_blocks.")):
        attentions = header.count(f"down_blocks.{block}.attentions.")
        for attention in range(attentions):
            stem = f"down_blocks.{block}.attentions.{attention}.transformer_blocks."
            found["transformer_depth"].append(header.count(stem))
            if header.count(stem):
                found["context_dim"] = header.dim(f"{stem}0.attn2.to_k.weight", 1)
        if not attentions:
            found["transformer_depth"] += [0] * header.count(f"down_blocks.{block}.resnets.")
    found |= {"model_channels": header.dim("conv_in.weight", 0), "in_channels": header.dim("conv_in.weight", 1)}
    found["adm_in_channels"] = None
    for embedding in ("class_embedding", "add_embedding"):
        if f"{embedding}.linear_1.weight" in header:
            found["adm_in_channels"] = header.dim(f"{embedding}.linear_1.weight", 1)
            break
    return next((dict(known) for known in _KNOWN if all(known[key] == value for key, value in found.items())), None)


def _known(context: int, adm: int | None, down: list[int], up: list[int], middle: int, **more: Any) -> Config:
    levels = {6: 3, 8: 4, 3: 3}[len(down)]
    config: Config = {"use_checkpoint": False, "image_size": 32, "out_channels": 4, "use_spatial_transformer": True}
    config |= {"legacy": False, "adm_in_channels": adm, "dtype": None, "in_channels": 4, "model_channels": 320}
    config |= {"num_res_blocks": [len(down) // levels] * levels, "transformer_depth": down}
    config |= {"channel_mult": [1, 2, 4, 4][:levels], "transformer_depth_middle": middle, "context_dim": context}
    config |= {"use_linear_in_transformer": True, "num_head_channels": 64, "transformer_depth_output": up}
    config |= {"use_temporal_attention": False, "use_temporal_resblock": False}
    if adm not in (None, 4):
        config["num_classes"] = "sequential"
    config |= more
    if "num_heads" in config:
        config.pop("num_head_channels")
    return config


_FULL, _FULL_UP = [0, 0, 2, 2, 10, 10], [0, 0, 0, 2, 2, 2, 10, 10, 10]
_FOUR, _FOUR_UP = [1, 1, 1, 1, 1, 1, 0, 0], [1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0]
_FIRST: Config = {"use_linear_in_transformer": False, "num_heads": 8}
# In the order in which ComfyUI tries them.
_KNOWN = (
    _known(1024, 4, _FOUR, _FOUR_UP, 1, num_heads=8),  # Lotus
    _known(2048, 2816, _FULL, _FULL_UP, 10),
    _known(1280, 2560, [0, 0, 4, 4, 4, 4, 0, 0], [0, 0, 0, 4, 4, 4, 4, 4, 4, 0, 0, 0], 4, model_channels=384),
    _known(1024, None, _FOUR, _FOUR_UP, 1),
    _known(768, None, _FOUR, _FOUR_UP, 1, **_FIRST),
    _known(1024, 2048, _FOUR, _FOUR_UP, 1),
    _known(1024, 1536, _FOUR, _FOUR_UP, 1),
    _known(2048, 2816, [0, 0, 0, 0, 1, 1], [0, 0, 0, 0, 0, 0, 1, 1, 1], 1),
    _known(1, 2816, [0] * 6, [0] * 9, 0),
    _known(2048, 2816, _FULL, _FULL_UP, 10, in_channels=9),
    _known(2048, 2816, [0, 0, 2, 2, 4, 4], [0, 0, 0, 1, 1, 2, 10, 4, 4], -1),
    _known(2048, 2816, [0, 0, 1, 1, 2, 2], [0, 0, 0, 1, 1, 1, 2, 2, 2], -1),
    _known(2048, 2816, [0, 2, 5], [0, 0, 2, 2, 5, 5], -2),
    _known(2048, 2816, [0, 2, 6], [0, 0, 2, 2, 6, 6], 6),
    _known(1024, None, [1, 1, 1], [1] * 6, -2, disable_self_attentions=[True, False, False]),
    _known(768, None, [0, 1, 1], [0, 0, 1, 1, 1, 1], -2, use_linear_in_transformer=False),
    _known(2048, 2816, _FULL, _FULL_UP, 10, in_channels=8),
    _known(768, None, _FOUR, _FOUR_UP, 1, in_channels=9, **_FIRST),
)

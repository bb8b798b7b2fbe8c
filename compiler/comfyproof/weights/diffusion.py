"""Diffusion models: what ComfyUI 0.3.64 concludes from one's tensors, and what it really is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import prod
from statistics import pstdev
from typing import Any

from .diffusion_classes import LATENTS, Latent, ModelClass, class_of, memory_factor
from .diffusion_configs import config_of
from .diffusion_unet import diffusers_config
from .diffusion_variants import families_by_names, variants_of, younger
from .header import GGUF_BLOCKS, Header

_PREFIXES = ("model.diffusion_model.", "model.model.", "net.")
_SPREAD_KEY = "output_blocks.11.1.transformer_blocks.0.norm1.bias"
# What ComfyUI-GGUF takes as a diffusion model; without an architecture it looks at the names.
_GGUF_PICTURES = frozenset(
    {"flux", "sd1", "sdxl", "sd3", "aura", "hidream", "cosmos", "ltxv", "hyvid", "wan", "lumina2", "qwen_image"}
)
_GGUF_UNNAMED = (None, "", "pig", "cow")


@dataclass(frozen=True, slots=True)
class Diffusion:
    """A diffusion model.

    `model_class` is ComfyUI's name for it, "" where it knows none, with the config, latents, dtypes and memory factor
    that follow from it. `model_type` is how it measures noise, "" where the header leaves `model_type_possible`.
    `scaled_fp8` is the dtype of a scaled fp8 file, `layout` "native", "diffusers_dit" or "diffusers_unet", `prefix`
    what stands before its names. `taken_for` is the family that ComfyUI 0.3.64 takes one for that it doesn't know.
    """

    families: tuple[str, ...] = ()
    variants: tuple[str, ...] = ()
    model_class: str = ""
    unet_config: Mapping[str, Any] = field(default_factory=dict)
    latent: Latent | None = None
    memory_usage_factor: float = 0.0
    model_type: str = ""
    model_type_possible: tuple[str, ...] = ()
    base_model_class: str = ""
    supported_inference_dtypes: tuple[str, ...] = ()
    scaled_fp8: str = ""
    fp8_matmul_allowed: bool = False
    layout: str = "native"
    prefix: str = ""
    parameters: int = 0
    weight_dtype: str = ""
    taken_for: str = ""


def detect(header: Header, prefix: str = "") -> Diffusion | None:
    """What a loader of diffusion models makes of a file; None where it is none."""
    if header.format == "gguf" and not gguf_is_picture(header):
        return None
    bare = header.under(prefix or unet_prefix(header))
    found = prefix or (unet_prefix(header) if bare.tensors else "")
    bare = bare if bare.tensors else header
    if header.format == "gguf":
        bare = _gguf_shapes(bare)
    # This loader, unlike that of checkpoints, gives no metadata on.
    return _read(replace(bare, metadata={}), found)


def gguf_is_picture(header: Header) -> bool:
    """Whether ComfyUI-GGUF takes the architecture that a GGUF names, or its lack, for a diffusion model."""
    named = header.metadata.get("general.architecture")
    return named in _GGUF_PICTURES or named in _GGUF_UNNAMED


def unet_prefix(header: Header) -> str:
    """What stands before the names of the diffusion model in a checkpoint, as ComfyUI guesses it."""
    counts = dict.fromkeys(_PREFIXES, 0)
    for name in header.tensors:
        if name[:1] in "mn":  # spares the others three comparisons
            for prefix in _PREFIXES:
                if name.startswith(prefix):
                    counts[prefix] += 1
                    break
    most = max(counts, key=lambda prefix: counts[prefix])
    return most if counts[most] > 5 else "model."


def native(bare: Header, whole: Header, prefix: str) -> Diffusion | None:
    """What ComfyUI makes of the tensors `bare` without their prefix, in a file `whole`; None where it has no class."""
    config = config_of(bare)
    chosen = class_of(config, whole.__contains__) if config else None
    if config is None or chosen is None:
        return None
    return _conclude(chosen, config, bare, whole, prefix)


def _read(bare: Header, prefix: str) -> Diffusion | None:
    found = native(bare, bare, prefix)
    if found is None:
        from .diffusion_diffusers import renamed

        converted = renamed(bare)
        if converted is not None:
            found = native(converted, converted, prefix)
            layout = "diffusers_dit"
        else:
            found, layout = _diffusers_unet(bare, prefix), "diffusers_unet"
        if found is not None:
            dtype, parameters = bare.dtype, bare.parameters
            found = replace(found, layout=layout, parameters=parameters, weight_dtype=dtype)
    real = younger(bare)
    if found is None:
        families = (real,) if real else families_by_names(bare)
        if families is None:
            return None
        return Diffusion(families, prefix=prefix, parameters=bare.parameters, weight_dtype=bare.dtype)
    return replace(found, families=(real,), variants=(), taken_for=found.families[0]) if real else found


def _diffusers_unet(bare: Header, prefix: str) -> Diffusion | None:
    config = diffusers_config(bare)
    chosen = class_of(config, bare.__contains__) if config else None
    if config is None or chosen is None:
        return None
    last = "up_blocks.3.attentions.2.transformer_blocks.0.norm1.bias"
    seen = {_SPREAD_KEY: bare.tensors[last]} if last in bare else {}
    values = {_SPREAD_KEY: bare.values[last]} if last in bare.values else {}
    few = Header(bare.format, seen, values=values)
    return _conclude(chosen, config, few, few, prefix)


def _conclude(chosen: ModelClass, config: Mapping[str, Any], bare: Header, whole: Header, prefix: str) -> Diffusion:
    marker = bare.tensors.get("scaled_fp8")
    types = _noise(chosen, config, bare, whole)
    scaled = "" if marker is None else marker[0]
    return Diffusion(
        (chosen.family,),
        variants_of(chosen, config, whole),
        chosen.name,
        {**config, **chosen.extra},
        LATENTS[chosen.latent],
        memory_factor(chosen, config),
        types[0] if len(types) == 1 else "",
        types if len(types) > 1 else (),
        chosen.base,
        chosen.dtypes,
        "F8_E4M3" if scaled == "F32" else scaled,
        marker is not None and prod(marker[1]) != 2,
        "native",
        prefix,
        bare.parameters,
        bare.dtype,
    )


def _noise(chosen: ModelClass, config: Mapping[str, Any], bare: Header, whole: Header) -> tuple[str, ...]:
    """How the model measures noise; two answers where only the weights tell."""
    if chosen.family == "sdxl":
        if "edm_mean" in whole and "edm_std" in whole:
            return ("EDM",)
        if "edm_vpred.sigma_max" in whole:
            return ("V_PREDICTION_EDM",)
        return ("V_PREDICTION",) if "v_pred" in whole else ("EPS",)
    if chosen.name not in ("SD20", "SD21UnclipL", "SD21UnclipH"):
        return (chosen.type,)
    if config["in_channels"] != 4 or _SPREAD_KEY not in bare:
        return ("EPS",)
    values = bare.values.get(_SPREAD_KEY)
    if values and len(values) > 1:  # ComfyUI's own guess: the bias of a v-prediction model is spread wider
        return ("V_PREDICTION",) if pstdev(values) > 0.09 else ("EPS",)
    return ("EPS", "V_PREDICTION")


def _gguf_shapes(bare: Header) -> Header:
    """The shapes as ComfyUI-GGUF gives them on: without an architecture, SDXL's 1x1 convolutions lose their ones."""
    if bare.metadata.get("general.architecture") not in _GGUF_UNNAMED[:2] or "label_emb.0.0.weight" not in bare:
        return bare
    narrow = re.compile(r"\.proj_(in|out)\.weight$")
    tensors = {
        name: (dtype, shape[:2] if narrow.search(name) and set(shape[2:]) <= {1} else shape)
        for name, (dtype, shape) in bare.tensors.items()
    }
    return replace(bare, tensors=tensors)


def quantisation(header: Header) -> str:
    """How weights are packed: "fp8", "fp8_scaled", "nf4", "fp4", "nunchaku", "mixed", a type of GGUF's, or ""."""
    if header.format == "gguf":
        blocks = {each: count for each, count in header.numbers.items() if each in GGUF_BLOCKS}
        return max(blocks, key=lambda each: blocks[each], default="")
    ends = {name.rpartition(".")[2] for name in header.tensors}
    for mark, name in (("bitsandbytes__nf4", "nf4"), ("bitsandbytes__fp4", "fp4")):
        if mark in ends:
            return name
    if "qweight" in ends and ends & {"wscales", "smooth", "smooth_factor", "wtscale"}:
        return "nunchaku"
    if "scaled_fp8" in ends:
        return "fp8_scaled"
    if "weight_scale" in ends:
        return "mixed"
    return "fp8" if header.dtype.startswith("F8") else ""

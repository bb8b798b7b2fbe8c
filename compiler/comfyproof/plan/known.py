"""Known models: the header that a file of a well-known name would have, where the file is not at hand."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache

from ..facts.kinds import family_of, vae_latents
from ..weights import Header
from ..weights.networks import network

Guess = Callable[[str], Header | None]

_NETWORKS = {
    "sd15": "sd15",
    "sd2": "sd21",
    "sdxl": "sdxl",
    "flux": "flux_dev",
    "flux-schnell": "flux_schnell",
    "chroma": "chroma",
    "qwen-image": "qwen_image",
    "hidream": "hidream",
    "lumina2": "lumina2",
    "omnigen2": "omnigen2",
    "auraflow": "auraflow",
    "hunyuan-video": "hunyuan_video",
    "wan22-5b": "wan22_ti2v_5b",
    "wan": "wan21_t2v_14b",
    "ltxv": "ltxv_2b",
    "mochi": "mochi",
    "cosmos2": "cosmos_p2_2b_t2i",
}
_CLOSER = (  # a name that says more than the family
    ("sd3", re.compile(r"large", re.IGNORECASE), "sd35_large"),
    ("sd3", re.compile(r"3[._-]?5.*medium", re.IGNORECASE), "sd35_medium"),
    ("sd3", re.compile(r""), "sd3_medium"),
    ("flux", re.compile(r"fill", re.IGNORECASE), "flux_fill"),
    ("wan", re.compile(r"1[._]3b", re.IGNORECASE), "wan21_t2v_1.3b"),
    ("wan", re.compile(r"2[._]?1.*i2v", re.IGNORECASE), "wan21_i2v_14b"),
)
_ENCODERS = tuple(
    (re.compile(pattern, re.IGNORECASE), name)
    for pattern, name in (
        (r"umt5", "te.umt5xxl"),
        (r"t5[-_. ]?xxl|t5[-_]v1[_.]1[-_]xxl|google_t5", "te.t5xxl"),
        (r"clip[-_. ]?g", "te.clip_g"),
        (r"clip[-_. ]?l|vit-l-14|longclip", "te.clip_l"),
        (r"gemma[-_. ]?2", "te.gemma2_2b"),
        (r"gemma[-_. ]?3", "te.gemma3_4b"),
        (r"qwen[-_. ]?2[._]?5.*7b", "te.qwen25_7b"),
        (r"qwen[-_. ]?2[._]?5.*3b|qwen2", "te.qwen25_3b"),
        (r"llama", "te.llama"),
    )
)
# What a checkpoint of a family has beside the diffusion model: text encoders, channels of its VAE.
_CHECKPOINTS = {
    "sd15": (("te.clip_l",), 4),
    "sd2": (("te.clip_h",), 4),
    "sdxl": (("te.clip_l", "te.clip_g"), 4),
    "sd3": (("te.clip_l", "te.clip_g", "te.t5xxl"), 16),
    "flux": (("te.clip_l", "te.t5xxl"), 16),
    "flux-schnell": (("te.clip_l", "te.t5xxl"), 16),
    "lumina2": (("te.gemma2_2b",), 16),
    "auraflow": (("te.pile_t5xl",), 4),
}
# VAEs of which only the number of parameters is known here, with the tensors that ComfyUI tells them by.
_ROUGH: Mapping[str, tuple[int, tuple[str, ...]]] = {
    "wan21": (126892531, ("decoder.middle.0.residual.0.gamma",)),
    "wan22": (
        704700000,
        ("decoder.middle.0.residual.0.gamma", "decoder.upsamples.0.upsamples.0.residual.2.weight"),
    ),
    "hunyuan-video": (246478803, ("decoder.conv_in.conv.weight",)),
    "ltxv": (419194289, ("decoder.up_blocks.0.res_blocks.0.conv1.conv.weight",)),
    "mochi": (459000000, ("decoder.blocks.2.blocks.3.stack.5.weight",)),
}
_HALF = ("sd15", "sd2", "sdxl", "sd3", "wan", "auraflow")  # distributed in fp16, the others in bf16
_BLOCKS = re.compile(r"(?<![A-Z\d])(I?Q\d_(?:K|[01]|NL|XS))(?![\d])", re.IGNORECASE)


def known_diffusion(name: str) -> Header | None:
    """The header of a diffusion model by its file's name; None where the name tells nothing."""
    family, variant = family_of(name)
    found = next((net for kind, sign, net in _CLOSER if kind == family and sign.search(f"{name} {variant}")), None)
    found = found or _NETWORKS.get(family)
    return _header(found, _dtype(name, "F16" if family in _HALF else "BF16")) if found else None


def known_encoder(name: str) -> Header | None:
    """The header of a text encoder by its file's name; None where the name tells nothing."""
    found = encoder_kind(name)
    return _header(found, _dtype(name, "F16")) if found else None


def encoder_kind(name: str) -> str:
    """Which text encoder a file's name speaks of; "" where it tells nothing."""
    return next((net for sign, net in _ENCODERS if sign.search(name)), "")


def known_vae(name: str) -> Header | None:
    """The header of a VAE by its file's name; None where the name tells nothing."""
    latents = vae_latents(name)
    if latents is None:
        return None
    if latents.name in _ROUGH:
        return _rough(*_ROUGH[latents.name])
    return _vae(latents.channels) if latents.cell == 8 and not latents.pace else None


def known_checkpoint(name: str) -> tuple[Header, list[Header], Header] | None:
    """The three parts of a checkpoint by its file's name; None where the name tells nothing."""
    family, _ = family_of(name)
    diffusion = known_diffusion(name)
    if diffusion is None or family not in _CHECKPOINTS:
        return None
    encoders, channels = _CHECKPOINTS[family]
    dtype = _dtype(name, "F16")
    small = dtype.startswith("F8") or dtype == "scaled"
    texts = [_header(one, "F8_E4M3" if small and "t5" in one else "F16") for one in encoders]
    return diffusion, texts, _vae(channels)


def _dtype(name: str, otherwise: str) -> str:
    low = name.casefold()
    if low.endswith(".gguf"):
        blocks = _BLOCKS.search(name)
        return f"gguf:{blocks[1].upper()}" if blocks else "gguf:Q8_0"
    if "fp8" in low or "f8" in low:
        return "scaled" if "scaled" in low else "F8_E5M2" if "e5m2" in low else "F8_E4M3"
    if "bf16" in low:
        return "BF16"
    if "fp16" in low or "f16" in low:
        return "F16"
    return "F32" if "fp32" in low else otherwise


@lru_cache(maxsize=32)
def _header(name: str, dtype: str) -> Header:
    tensors: dict[str, tuple[str, tuple[int, ...]]] = {}
    shapes = network(name)
    if dtype.startswith("gguf:"):
        blocks = dtype.partition(":")[2]
        for tensor, shape in shapes.items():
            tensors[tensor] = (blocks if len(shape) > 1 and shape[-1] % 256 == 0 else "F32", shape)
        return Header("gguf", tensors)
    if dtype != "scaled":
        return Header("safetensors", {tensor: (dtype, shape) for tensor, shape in shapes.items()})
    plain = "F16" if name.startswith("te.") else "BF16"
    for tensor, shape in shapes.items():
        matrix = tensor.endswith(".weight") and len(shape) == 2 and not _table(tensor)
        tensors[tensor] = ("F8_E4M3" if matrix else plain, shape)
        if matrix:
            tensors[tensor.removesuffix("weight") + "scale_weight"] = ("F32", ())
    tensors["scaled_fp8"] = ("F8_E4M3", (0,))
    return Header("safetensors", tensors)


def _table(tensor: str) -> bool:
    return tensor.endswith(("shared.weight", "embed_tokens.weight", "token_embedding.weight", "_bias.weight"))


@lru_cache(maxsize=8)
def _vae(channels: int) -> Header:
    """The VAE of Stable Diffusion and Flux; the network's sizes below zero stand for the latent's channels."""
    sizes = {-1: channels, -2: 2 * channels, -3: channels, -6: 2 * channels}
    shapes = {
        tensor: tuple(sizes.get(side, side) for side in shape)
        for tensor, shape in network("vae.kl").items()
        if channels == 4 or "quant_conv" not in tensor
    }
    return Header("safetensors", {tensor: ("F32", shape) for tensor, shape in shapes.items()})


def _rough(parameters: int, telling: tuple[str, ...]) -> Header:
    """A VAE of so many parameters, in pieces of a usual size."""
    tensors = {f"decoder.piece.{at}.weight": ("BF16", (parameters // 48, 1, 1)) for at in range(48)}
    return Header("safetensors", {**dict.fromkeys(telling, ("BF16", (1, 16, 1, 1))), **tensors})

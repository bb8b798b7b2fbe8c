"""VAEs: which one ComfyUI 0.3.64 sees in a file, its latents, and the memory that ComfyUI sets aside for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from .header import Header
from .networks import Shape, fill, network

_BYTES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "F8_E4M3": 1, "F8_E5M2": 1}
_SD_OR_FLUX = ("sd3", "flux", "flux-schnell", "chroma", "lumina2", "hidream", "omnigen2", "z-image")
_SD_LIKE = ("sd15", "sd2", "sdxl", "sdxl-refiner", "auraflow", "pixart-alpha", "pixart-sigma", "hunyuan-dit")
_KL_FAMILIES = {4: _SD_LIKE, 16: _SD_OR_FLUX}


@dataclass(frozen=True, slots=True)
class Vae:
    """A VAE: `name` is the network, `vae_class` ComfyUI's class of it.

    Latents have `channels` and `dim` spatial axes (3 with time, 1 for sound); a cell of them is `up` pixels (samples
    for sound) when decoded and `down` when encoded; `temporal` pictures make one latent, 0 without time. `dtypes` are
    those that ComfyUI tries in turn. `missing` tensors keep random weights, `unexpected` are left out, `mismatch`
    names a tensor of another shape: ComfyUI raises then. `layout` is "native" or "diffusers". `families` are those
    that use such a VAE: where the header is the same for several, all.
    """

    name: str
    vae_class: str
    channels: int
    dim: int
    up: float
    down: float
    temporal: int
    dtypes: tuple[str, ...]
    output_channels: int = 3
    not_video: bool = False
    disable_offload: bool = False
    missing: int = 0
    unexpected: int = 0
    mismatch: str = ""
    parameters: int = 0
    layout: str = "native"
    families: tuple[str, ...] = ()

    def decode_bytes(self, shape: Sequence[int], dtype: str = "BF16") -> int:
        """The bytes that ComfyUI sets aside to decode latents of a shape (batch, channels, [frames,] height, width).

        Raises IndexError for a shape of fewer axes than the VAE has.
        """
        return int(_memory(self.name)[1](tuple(shape)) * _BYTES.get(dtype, 4))

    def encode_bytes(self, shape: Sequence[int], dtype: str = "BF16") -> int:
        """The bytes that ComfyUI sets aside to encode pixels of a shape (batch, channels, [frames,] height, width).

        Raises IndexError for a shape of fewer axes than the VAE has.
        """
        return int(_memory(self.name)[0](tuple(shape)) * _BYTES.get(dtype, 4))


_Estimate = Callable[[tuple[int, ...]], float]


def _tokens(layers: int, caches: int) -> _Estimate:
    return lambda shape: prod(shape[:3]) * (1 + caches * layers)


# Elements for encoding and for decoding, by network; those that aren't here have the KL's.
_MEMORY: Mapping[str, tuple[_Estimate, _Estimate]] = {
    "kl": (lambda s: 1767 * s[2] * s[3], lambda s: 2178 * s[2] * s[3] * 64),
    "hunyuan_image": (lambda s: 700 * s[2] * s[3], lambda s: 700 * s[2] * s[3] * 1024),
    "hunyuan_refiner_flat": (lambda s: 2800 * s[-2] * s[-1], lambda s: 2800 * s[-3] * s[-2] * s[-1] * 256),
    "oobleck": (lambda s: 1000 * s[2], lambda s: 1000 * s[2] * 2048),
    "mochi": (lambda s: 1.5 * max(s[2], 7) * s[3] * s[4] * 384, lambda s: 1000 * s[2] * s[3] * s[4] * 384),
    "ltxv": (lambda s: 70 * max(s[2], 7) * s[3] * s[4], lambda s: 900 * s[2] * s[3] * s[4] * 512),
    "hunyuan_refiner": (lambda s: 1400 * s[-2] * s[-1], lambda s: 1400 * s[-3] * s[-2] * s[-1] * 256),
    "hunyuan_video": (lambda s: 900 * max(s[2], 2) * s[3] * s[4], lambda s: 1500 * s[2] * s[3] * s[4] * 256),
    "cosmos": (lambda s: 50 * round((s[2] + 7) / 8) * 8 * s[3] * s[4], lambda s: 50 * s[2] * s[3] * s[4] * 512),
    "wan22": (lambda s: 3300 * s[3] * s[4], lambda s: 8000 * s[3] * s[4] * 256),
    "wan21": (lambda s: 6000 * s[3] * s[4], lambda s: 7000 * s[3] * s[4] * 64),
    "hunyuan3d": (_tokens(8, 0), _tokens(16, 2)),
    "ace": (lambda s: s[2] * 330, lambda s: s[2] * s[3] * 87000),
    "pixel": (lambda s: s[2] * s[3], lambda s: s[2] * s[3]),
    "mmaudio": (lambda s: 30 * s[2], lambda s: 90 * s[2] * 1411.2),
}


def _memory(name: str) -> tuple[_Estimate, _Estimate]:
    return _MEMORY.get(name.rstrip("012") if name.startswith("ltxv") else name, _MEMORY["kl"])


_HALF = ("F16", "BF16", "F32")
_BRAIN = ("BF16", "F16", "F32")
_KL = ("BF16", "F32")


def detect(header: Header, prefix: str = "") -> Vae | None:
    """The VAE that a file holds under a prefix; None where ComfyUI says that no VAE weights were detected."""
    tensors = header.under(prefix).tensors if prefix else header.tensors
    if "quantize.embedding.weight" in tensors or not any(name.startswith(_STARTS) for name in tensors):
        return None  # with a table to look codes up, it is a restorer of faces
    shapes: Mapping[str, Shape] = {name: shape for name, (_, shape) in tensors.items()}
    layout = "native"
    if "decoder.up_blocks.0.resnets.0.norm1.weight" in shapes:
        shapes, layout = _from_diffusers(shapes), "diffusers"
    found = _kl(shapes) if "decoder.conv_in.weight" in shapes else None
    found = _first(shapes) or found or _other(shapes, header.metadata)
    if found is None:
        return None
    start = found.pop("start", "")
    inner = found.pop("inner", 0)
    if start:
        shapes = {start + name: shape for name, shape in shapes.items()}
    filled, parameters = _filled(found["name"], shapes, found["channels"], inner)
    return Vae(**{"layout": layout, **found, **filled}, parameters=parameters)


_STARTS = (
    *("decoder.", "encoder.", "taesd_", "vquantizer.", "backbone.", "blocks.", "layers.", "geo_decoder.", "vocoder."),
    "pixel_space_vae",
)


def _vae(
    name: str, vae_class: str, channels: int, dim: int, cell: float, dtypes: tuple[str, ...], **more: Any
) -> dict[str, Any]:
    known = {"name": name, "vae_class": vae_class, "channels": channels, "dim": dim, "dtypes": dtypes}
    return {**known, "up": cell, "down": cell, "temporal": 0, **more}


def _first(shapes: Mapping[str, Shape]) -> dict[str, Any] | None:
    """The VAEs that ComfyUI asks for before the usual one."""
    if "decoder.mid.block_1.mix_factor" in shapes:
        return _vae("svd", "AutoencodingEngine", 4, 2, 8, _KL, families=("svd",))
    if "taesd_decoder.1.weight" in shapes:
        channels = _dim(shapes, "taesd_decoder.1.weight", 1)
        return _vae("taesd", "TAESD", channels, 2, 8, _KL, families=_KL_FAMILIES.get(channels, ()))
    if "vquantizer.codebook.weight" in shapes:
        return _vae("stage_a", "StageA", 4, 2, 4, _KL, families=("cascade",))
    coder = {"families": ("cascade",)}
    if "backbone.1.0.block.0.1.num_batches_tracked" in shapes:
        return _vae("stage_c", "StageC_coder", 16, 2, 8, _KL, down=32, start="encoder.", **coder)
    if "blocks.11.num_batches_tracked" in shapes:
        return _vae("stage_c", "StageC_coder", 16, 2, 8, _KL, start="previewer.", **coder)
    if "encoder.backbone.1.0.block.0.1.num_batches_tracked" in shapes:
        return _vae("stage_c", "StageC_coder", 16, 2, 8, _KL, down=32, **coder)
    return None


def _kl(shapes: Mapping[str, Shape]) -> dict[str, Any]:
    channels = _dim(shapes, "decoder.conv_in.weight", 1)
    if channels == 64:
        return _vae("hunyuan_image", "AutoencodingEngine", 64, 2, 32, _HALF, families=("hunyuan-image",))
    if channels == 32:
        video = {"temporal": 4, "not_video": True}
        return _vae("hunyuan_refiner_flat", "AutoencodingEngine", 32, 3, 16, _HALF, **video, families=("flux2",))
    small = "encoder.down.2.downsample.conv.weight" not in shapes and "decoder.up.3.upsample.conv.weight" not in shapes
    cell, end = (4, "_f4") if small else (8, "")
    families = () if small else _KL_FAMILIES.get(channels, ())
    if "post_quant_conv.weight" in shapes:
        inner = _dim(shapes, "post_quant_conv.weight", 1)
        return _vae(f"kl{end}", "AutoencoderKL", channels, 2, cell, _KL, families=families, inner=inner)
    return _vae(f"engine{end}", "AutoencodingEngine", channels, 2, cell, _KL, families=families)


def _other(shapes: Mapping[str, Shape], metadata: Mapping[str, Any]) -> dict[str, Any] | None:
    if "decoder.layers.1.layers.0.beta" in shapes:
        sound = {"output_channels": 2, "disable_offload": True, "families": ("stable-audio",)}
        return _vae("oobleck", "AudioOobleckVAE", 64, 1, 2048, _HALF, **sound)
    mochi = "blocks.2.blocks.3.stack.5.weight"
    attention = "layers.4.layers.1.attn_block.attn.qkv.weight"
    if any(name in shapes for name in (mochi, f"decoder.{mochi}", attention, f"encoder.{attention}")):
        start = "decoder." if mochi in shapes else "encoder." if attention in shapes else ""
        more = {"temporal": 6, "start": start, "families": ("mochi",)}
        return _vae("mochi", "VideoVAE", 12, 3, 8, ("F16", "F32"), **more)
    if "decoder.up_blocks.0.res_blocks.0.conv1.conv.weight" in shapes:
        return _ltxv(shapes, metadata)
    if "decoder.conv_in.conv.weight" in shapes:
        channels = _dim(shapes, "decoder.conv_in.conv.weight", 1)
        if channels == 32:
            video = {"temporal": 4, "not_video": True, "families": ("hunyuan-image-refiner",)}
            return _vae("hunyuan_refiner", "AutoencodingEngine", 64, 3, 16, _HALF, **video)
        inner = _dim(shapes, "post_quant_conv.weight", 1)
        video = {"temporal": 4, "inner": inner, "families": ("hunyuan-video",)}
        return _vae("hunyuan_video", "AutoencoderKL", channels, 3, 8, _BRAIN, **video)
    return _late(shapes)


def _ltxv(shapes: Mapping[str, Shape], metadata: Mapping[str, Any]) -> dict[str, Any]:
    version = 0
    if _dim(shapes, "decoder.up_blocks.0.res_blocks.0.conv1.conv.weight", 0) == 1024:
        version = 2 if "encoder.down_blocks.1.conv.conv.bias" in shapes else 1
    more = {"temporal": 8, "families": ("ltxv",)}
    return _vae(f"ltxv{version}", "VideoVAE", 128, 3, 32, _KL, **more)


def _late(shapes: Mapping[str, Shape]) -> dict[str, Any] | None:
    if "decoder.unpatcher3d.wavelets" in shapes:
        more: dict[str, Any] = {"temporal": 8, "families": ("cosmos",)}
        return _vae("cosmos", "CausalContinuousVideoTokenizer", 16, 3, 8, _KL, **more)
    if "decoder.middle.0.residual.0.gamma" in shapes:
        if "decoder.upsamples.0.upsamples.0.residual.2.weight" in shapes:
            return _vae("wan22", "WanVAE", 48, 3, 16, _BRAIN, temporal=4, families=("wan22-5b",))
        return _vae("wan21", "WanVAE", 16, 3, 8, _BRAIN, temporal=4, families=("wan", "qwen-image", "cosmos2"))
    if "geo_decoder.cross_attn_decoder.ln_1.bias" in shapes:
        return _vae("hunyuan3d", "ShapeVAE", 4, 1, 8, _HALF, families=("hunyuan3d",))
    if "vocoder.backbone.channel_layers.0.0.bias" in shapes:
        sound = {"output_channels": 2, "disable_offload": True, "families": ("ace-step",)}
        return _vae("ace", "MusicDCAE", 8, 2, 4096, _BRAIN, **sound)
    if "pixel_space_vae" in shapes:
        return _vae("pixel", "PixelspaceConversionVAE", 3, 2, 1, _KL, families=("chroma-radiance",))
    if "vocoder.activation_post.downsample.lowpass.filter" in shapes:
        return _vae("mmaudio", "AudioAutoencoder", 20, 1, 512 * (44100 / 16000), ("F32",), output_channels=2)
    return None


def _dim(shapes: Mapping[str, Shape], name: str, axis: int) -> int:
    shape = shapes.get(name, ())
    return shape[axis] if axis < len(shape) else 0


def _filled(name: str, shapes: Mapping[str, Shape], channels: int, inner: int) -> tuple[dict[str, Any], int]:
    """What loading the file into the network leaves, and the network's elements."""
    sizes = {-1: channels, -2: 2 * channels, -3: inner, -6: 2 * inner}
    target = {
        tensor: tuple(sizes.get(size, size) for size in shape) if min(shape, default=0) < 0 else shape
        for tensor, shape in network(f"vae.{name}").items()
    }
    filled = fill(target, shapes)
    left = {"missing": filled.missing, "unexpected": filled.unexpected, "mismatch": filled.mismatch}
    return left, sum(prod(shape) for shape in target.values())


# --- Diffusers' names of the usual VAE.

_MOVED = (
    ("conv_shortcut", "nin_shortcut"),
    ("conv_norm_out", "norm_out"),
    ("mid_block.attentions.0.", "mid.attn_1."),
    ("mid_block.resnets.0.", "mid.block_1."),
    ("mid_block.resnets.1.", "mid.block_2."),
)
_LEVELS = 4
_ATTENTION = (
    *(("group_norm.", "norm."), ("query.", "q."), ("key.", "k."), ("value.", "v."), ("proj_attn.", "proj_out.")),
    *(("to_q.", "q."), ("to_k.", "k."), ("to_v.", "v."), ("to_out.0.", "proj_out.")),
)


def _from_diffusers(shapes: Mapping[str, Shape]) -> Mapping[str, Shape]:
    return dict(_moved(name, shape) for name, shape in shapes.items())


def _moved(name: str, shape: Shape) -> tuple[str, Shape]:
    for level in range(_LEVELS):
        up = _LEVELS - 1 - level
        name = name.replace(f"encoder.down_blocks.{level}.resnets.", f"encoder.down.{level}.block.")
        name = name.replace(f"down_blocks.{level}.downsamplers.0.", f"down.{level}.downsample.")
        name = name.replace(f"up_blocks.{level}.upsamplers.0.", f"up.{up}.upsample.")
        name = name.replace(f"decoder.up_blocks.{level}.resnets.", f"decoder.up.{up}.block.")
    for old, new in _MOVED:
        name = name.replace(old, new)
    if ".attn_1." not in name:
        return name, shape
    for old, new in _ATTENTION:
        name = name.replace(old, new)
    # Linear layers become convolutions of one pixel.
    linear = name.endswith((".q.weight", ".k.weight", ".v.weight", ".proj_out.weight")) and len(shape) == 2
    return name, (*shape, 1, 1) if linear else shape

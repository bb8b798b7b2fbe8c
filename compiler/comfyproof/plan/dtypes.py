"""Which dtype ComfyUI 0.3.64 keeps a model in, and which it calculates in, on a given card."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..weights import Header
from .families import Family
from .machine import Machine
from .packing import Packing, Storage, packing_of

# As the text models of the first CLIPs, of old checkpoints and of OpenCLIP name it.
_CLIP_TABLES = tuple(f"{name}token_embedding.weight" for name in ("text_model.embeddings.", "embeddings.", ""))
_FP8 = ("F8_E4M3", "F8_E5M2", "F8_E8M0")


@dataclass(frozen=True, slots=True)
class Cast:
    """`kept` is the dtype of the weights, `manual` the one each layer casts to where the card cannot use it, `scaled`
    the dtype of linear layers in a scaled fp8 file; "" for none."""

    kept: str
    manual: str = ""
    scaled: str = ""

    @property
    def compute(self) -> str:
        """The dtype that is calculated in."""
        return self.manual or self.kept


def diffusion_cast(header: Header, family: Family, machine: Machine, chosen: str = "default") -> Cast:
    """How a diffusion model is kept; `chosen` is UNETLoader's weight_dtype."""
    scaled = _scaled(header)
    stored = "" if scaled or header.format == "gguf" else header.dtype
    asked = machine.unet_dtype
    if chosen.startswith("fp8"):
        asked = "F8_E5M2" if "e5m2" in chosen else "F8_E4M3"
    kept = asked or _kept(header.parameters, family.dtypes, stored, machine)
    return Cast(kept, _manual(kept, family.dtypes, machine), scaled)


def _scaled(header: Header) -> str:
    if "scaled_fp8" not in header:
        return ""
    dtype = header.tensors["scaled_fp8"][0]
    return dtype if dtype in _FP8 else "F8_E4M3"


def _kept(parameters: int, supported: Sequence[str], stored: str, machine: Machine) -> str:
    if stored in _FP8 and (machine.fp8 or parameters * 2 > machine.weights_room):
        return stored
    if stored == "F16" and "F16" in supported and machine.fp16:
        return "F16"
    for dtype in supported:
        if (dtype == "F16" and machine.fp16) or (dtype == "BF16" and machine.bf16):
            return dtype
    for dtype in supported:  # a card that calculates in neither may still keep the weights small
        if dtype == "F16" and machine.capability[0] == 6 and parameters * 4 > machine.weights_room:
            return dtype
    return "F32"


def _manual(kept: str, supported: Sequence[str], machine: Machine) -> str:
    if kept in ("F32", "F64") or (kept == "F16" and machine.fp16) or (kept == "BF16" and machine.bf16):
        return ""
    for dtype in supported:
        if (dtype == "F16" and machine.fp16) or (dtype == "BF16" and machine.bf16):
            return dtype
    return "F32"


def diffusion_packing(header: Header, family: Family, cast: Cast) -> Packing:
    """The modules of a diffusion model once it is loaded."""
    scales = 0
    if cast.scaled:
        scales = 4 if header.shape("scaled_fp8") == (2,) else 8
    return packing_of([("", header, Storage(cast.kept, cast.scaled, scales))], rest=family.buffers)


def text_packing(headers: Sequence[Header], machine: Machine) -> Packing:
    """The modules of the text encoders that one loader puts together."""
    parts = []
    for header in headers:
        dtype = machine.text_dtype or "F16"
        stored = header.dtype
        scaled = _scaled(header)
        if not scaled and stored in _FP8:
            dtype = stored
        parts.append((_prefix(header), header, Storage(dtype, scaled, 4 if scaled else 0)))
    return packing_of(parts, rest=4 * len(parts))


def _prefix(header: Header) -> str:
    """The name under which ComfyUI keeps an encoder: it decides between modules of one size."""
    if "encoder.block.0.layer.0.SelfAttention.q.weight" in header:
        wide = header.dim("shared.weight", 0)
        return "umt5xxl.transformer." if wide > 200000 else "t5xxl.transformer."
    for table in _CLIP_TABLES:
        if wide := header.dim(table, 1):
            return {768: "clip_l.transformer.", 1280: "clip_g.transformer."}.get(wide, "clip_h.transformer.")
    if header.has_under("visual."):
        return "qwen25_7b.transformer."
    return "gemma2_2b.transformer."


def text_kind(header: Header) -> str:
    """The kind of a text encoder, by ComfyUI's name for it: "clip_l", "t5xxl", "gemma2_2b" ..."""
    return _prefix(header).partition(".")[0]


def vae_dtype(working: Sequence[str], machine: Machine) -> str:
    """The dtype of a VAE that can work in these, best first."""
    if machine.vae_dtype:
        return machine.vae_dtype
    if machine.has("--cpu-vae") or machine.state == "cpu":
        return "F32"
    for dtype in working:
        if (dtype == "F16" and machine.fp16) or (dtype == "BF16" and machine.bf16):
            return dtype
    return "F32"

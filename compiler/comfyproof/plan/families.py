"""Families: what ComfyUI 0.3.64 knows of a diffusion model that decides its memory."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from ..weights import Header
from ..weights.diffusion import Diffusion, detect

# The noise schedule that a model carries with it, in bytes, by how it measures noise.
_SCHEDULES = {"FLUX": 40000, "FLOW": 4000, "EPS": 8000, "V_PREDICTION": 8000}
_SIZES = ("3.5-medium", "3-medium")
_XL_SCHEDULE = 40000  # SDXL has a second one, for the noise in its conditioning


@dataclass(frozen=True, slots=True)
class Family:
    """`name` is the family's in `facts.kinds`, `factor` what ComfyUI multiplies a latent's area with, `dtypes` what it
    would calculate in, best first; `buffers` are the bytes of its noise schedule, `frames` says whether its latents
    have a time axis, `size` which of a family's sizes it is, where they differ."""

    name: str
    factor: float
    dtypes: tuple[str, ...] = ("F16", "BF16", "F32")
    buffers: int = 8000
    frames: bool = False
    size: str = ""

    @property
    def sized(self) -> str:
        """The family and the size."""
        return f"{self.name} {self.size}" if self.size else self.name


UNKNOWN = Family("", 2.0)  # ComfyUI's own defaults


@lru_cache(maxsize=64)
def family_of(header: Header) -> Family:
    """What ComfyUI concludes from the tensors of a diffusion model; its defaults where nothing tells."""
    found = detect(header)
    if found is None or not found.model_class:
        return UNKNOWN
    name = found.families[0] if found.families else ""
    buffers = _XL_SCHEDULE if name.startswith("sdxl") else _SCHEDULES.get(found.model_type, 0)
    frames = found.latent is not None and found.latent.dimensions == 3
    return Family(
        name, found.memory_usage_factor, found.supported_inference_dtypes, buffers, frames, _size(name, found)
    )


def _size(name: str, found: Diffusion) -> str:
    if name == "wan" and found.memory_usage_factor < 1:
        return "1.3b"
    return next((size for size in _SIZES if name == "sd3" and size in found.variants), "")

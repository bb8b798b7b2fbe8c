"""Clock: how much a stage calculates, and how long a card takes for it.

Work is in TFLOP (a multiply and an add are two), counted on ComfyUI's own modules. Cards reach a part of their peak:
0.6 of it in transformers, which two published measurements agree with; 0.4 in convolutions, which none does yet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .gpus import Gpu

REACHED, REACHED_BY_CONVOLUTIONS = 0.6, 0.4
_FLUX_WIDE, _FLUX_BLOCKS = 3072, 57


@dataclass(frozen=True, slots=True)
class Work:
    """The work of one pass at a latent's area: a part that grows with the area, and attention, with its square."""

    area: float
    linear: float
    attention: float

    def at(self, area: float) -> float:
        """TFLOP at another area."""
        part = area / self.area
        return self.linear * part + self.attention * part * part


_MEGAPIXEL = 128 * 128
WORK: Mapping[str, Work] = {
    "sd15": Work(_MEGAPIXEL, 2.70, 1.97),
    "sd2": Work(_MEGAPIXEL, 2.70, 1.97),
    "sdxl": Work(_MEGAPIXEL, 5.98, 0.78),
    "sdxl-refiner": Work(_MEGAPIXEL, 5.98, 0.78),
    "sd3": Work(_MEGAPIXEL, 23.35, 6.9),
    "sd3 3.5-medium": Work(_MEGAPIXEL, 6.88, 4.1),
    "sd3 3-medium": Work(_MEGAPIXEL, 5.84, 2.8),
    "pixart-alpha": Work(_MEGAPIXEL, 4.2, 2.2),
    "pixart-sigma": Work(_MEGAPIXEL, 4.2, 2.2),
    "chroma": Work(_MEGAPIXEL, 59.7, 14.9),
    "auraflow": Work(_MEGAPIXEL, 35.6, 8.4),
    "lumina2": Work(_MEGAPIXEL, 19.0, 4.8),
    "qwen-image": Work(_MEGAPIXEL, 57.4, 13.2),
    "cosmos2": Work(_MEGAPIXEL, 13.6, 4.3),
    "wan": Work(131040, 785, 893),
    "wan 1.3b": Work(131040, 82, 201),
    "wan22-5b": Work(131040, 471, 536),
    "hunyuan-video": Work(120840, 414, 684),
    "ltxv": Work(4992, 16.4, 5.9),
}
_TWICE = frozenset(
    [
        "heun",
        "dpm_2",
        "dpm_2_ancestral",
        "dpmpp_2s_ancestral",
        "dpmpp_2s_ancestral_cfg_pp",
        "dpmpp_sde",
        "dpmpp_sde_gpu",
        "seeds_2",
        "sa_solver_pece",
    ]
)
_ENCODERS = {"t5xxl": 2.40, "umt5xxl": 4.8, "gemma2_2b": 1.3, "qwen25_7b": 4.0}


def sampling(family: str, area: float, words: int = 256) -> float:
    """TFLOP of one pass over one latent; `words` are the tokens of its text."""
    if family.startswith("flux"):
        image = area / 4
        tokens, wide = image + words, _FLUX_WIDE
        linear = 24 * wide**2 * tokens * _FLUX_BLOCKS + 2 * 128 * wide * image + 2 * 4096 * wide * words + 6.455e9
        return (linear + 4 * tokens**2 * wide * _FLUX_BLOCKS) / 1e12
    return WORK.get(family, Work(_MEGAPIXEL, 57.4, 13.2)).at(area)


def calls(sampler: str, steps: int) -> int:
    """How often a sampler asks its model in so many steps."""
    if sampler in _TWICE:
        return max(1, 2 * steps - 1)
    if sampler == "heunpp2":
        return max(1, 3 * steps - 3)
    return 3 * steps - 2 if sampler == "seeds_3" else steps


def coding(pixels: float, *, decode: bool) -> float:
    """TFLOP of a VAE of Stable Diffusion or Flux over so many pixels."""
    return (9.462 if decode else 4.132) * pixels / 1e6 + 4 * (pixels / 64) ** 2 * 512 / 1e12


def text(kinds: Sequence[tuple[str, str]]) -> float:
    """TFLOP of encoding a prompt."""
    return sum(_ENCODERS.get(kind, 0.02) for kind, _ in kinds)


def upscaling(pixels: float) -> float:
    """TFLOP of an ESRGAN of 23 blocks over so many pixels, with what its tiles share."""
    return 35.85e6 * pixels * (1088 / 1024) ** 2 / 1e12


def seconds(gpu: Gpu, work: float, *, convolutions: bool = False, single: bool = False) -> float:
    """How long a card calculates; `single` in fp32, where tensor cores give half."""
    reached = REACHED_BY_CONVOLUTIONS if convolutions else REACHED
    return work / (gpu.half * (0.5 if single else 1.0) * reached)


def casting(gpu: Gpu, weights: float) -> float:
    """Seconds in which fp8 weights are made 16 bits wide, at every pass."""
    return 5 * weights / (gpu.memory * 1e9)


def streaming(gpu: Gpu, weights: float) -> float:
    """Seconds in which weights come over the bus."""
    return weights / (gpu.bus * 1e9)

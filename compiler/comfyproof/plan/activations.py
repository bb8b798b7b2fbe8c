"""Activations: the most that lives at once beside the weights during one pass, in bytes.

Fitted to traces of ComfyUI 0.3.64's own forward passes on tensors without storage: fused attention, every tensor
rounded up to 512 bytes. What cuDNN, cuBLAS and the allocator take is in none of them, hence the band of a plan.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .dtypes import Cast
from .packing import size_of


@dataclass(frozen=True, slots=True)
class Line:
    """Bytes of 16-bit activations: `per` element of the latent's area, `each` beside it."""

    per: float
    each: float = 0

    def at(self, area: float, batch: int) -> float:
        """The bytes for `batch` latents of an area."""
        return batch * (self.per * area + self.each)


# By family and where it matters size, for one latent; area is height x width x frames of it.
LINES: Mapping[str, Line] = {
    "sd15": Line(16649.0, 119000),
    "sd2": Line(16649.0, 119000),
    "sdxl": Line(10088.0, 320000),
    "sdxl-refiner": Line(10088.0, 320000),
    "sd3": Line(25550.0, 10400000),
    "sd3 3.5-medium": Line(22304.0, 8000000),
    "sd3 3-medium": Line(14624.0, 7000000),
    "flux": Line(31043.0, 35410000),
    "flux-schnell": Line(31043.0, 35410000),
    "chroma": Line(32612.0, 39160000),
    "lumina2": Line(22014.0, 24920000),
    "omnigen2": Line(28552.0, 30280000),
    "qwen-image": Line(23200.0, 4990000),
    "auraflow": Line(18440.0, 20560000),
    "pixart-alpha": Line(6920.0, 3180000),
    "pixart-sigma": Line(6920.0, 3180000),
    "wan": Line(25921.0, 9570816),
    "wan 1.3b": Line(11584.0, 5807616),
    "wan22-5b": Line(19392.0, 7420416),
    "hunyuan-video": Line(31011.0, 35420000),
    "ltxv": Line(53568.0, 1627000),
    "cosmos2": Line(15648.0, 1102000),
}
_DEFAULT = Line(33000.0, 40000000)

# Where weights are cast at every pass, their copies count too: traced points (area, bytes for one, bytes for two).
Points = Sequence[tuple[int, int, int]]
CASTS: Mapping[tuple[str, str], Points] = {
    ("flux", "scaled"): (
        (4096, 272678400, 450971648),
        (4624, 290691584, 486996992),
        (16384, 652561920, 1116348416),
        (36864, 1193950720, 2359521280),
        (65536, 2069853696, 4139608064),
    ),
    ("flux", "cast"): (
        (4096, 233356800, 372328448),
        (4624, 247314944, 400243712),
        (16384, 558190080, 1088030720),
        (36864, 1179788800, 2359521280),
        (65536, 2069853696, 4139608064),
    ),
    ("chroma", "scaled"): (
        (4096, 282850304, 471314432),
        (4624, 301691392, 508995584),
        (16384, 682001408, 1175226368),
        (36864, 1255502848, 2482624512),
        (65536, 2176363520, 4352626688),
    ),
    ("chroma", "cast"): (
        (4096, 243528704, 392671232),
        (4624, 258314752, 422242304),
        (16384, 587629568, 1146908672),
        (36864, 1241340928, 2482624512),
        (65536, 2176363520, 4352626688),
    ),
    ("sd3", "scaled"): ((4096, 179269632, 265000000), (16384, 476016640, 882286080), (65536, 1697864704, 3395729408)),
    ("sd3", "cast"): ((4096, 159346688, 253933568), (16384, 441146368, 882286080), (65536, 1697864704, 3395729408)),
    ("qwen-image", "scaled"): (
        (4096, 186733056, 297961984),
        (4624, 199793664, 324083200),
        (16384, 465523200, 780044800),
        (36864, 865155584, 1730310656),
        (65536, 1530345984, 3060691456),
    ),
    ("wan", "cast"): (
        (4096, 330707456, 345731584),
        (4624, 332228096, 348637696),
        (16384, 437400064, 864336384),
        (36864, 965132800, 1920817664),
        (65536, 1708339712, 3399891456),
    ),
    ("hunyuan-video", "cast"): (
        (4096, 233225728, 372000000),
        (16384, 557665792, 1087000000),
        (36864, 1178609152, 2357161984),
        (86016, 2702861824, 5405723648),
    ),
    ("qwen-image", "cast"): (
        (4096, 156652032, 237799936),
        (4624, 166468608, 257433088),
        (16384, 385110528, 770208256),
        (36864, 860240384, 1720480256),
        (65536, 1525430784, 3050861056),
    ),
    ("wan", "scaled"): (
        (4096, 330717696, 359414272),
        (4624, 332238336, 385028608),
        (16384, 550646272, 870595072),
        (36864, 965122560, 1920807424),
        (65536, 1708329472, 3399881216),
    ),
}
_TEXT: Mapping[tuple[str, str], int] = {  # for the length that ComfyUI pads to
    ("clip_l", "F16"): 11357696,
    ("clip_g", "F16"): 29398528,
    ("t5xxl", "F16"): 228591616,
    ("t5xxl", "scaled"): 239077376,
    ("t5xxl", "F8_E4M3"): 530581504,
    ("umt5xxl", "scaled"): 411045888,
    ("umt5xxl", "F16"): 400000000,
    ("gemma2_2b", "F16"): 114036736,
    ("qwen25_7b", "scaled"): 298518528,
    ("qwen25_7b", "F16"): 230000000,
}


def sampling(family: str, cast: Cast, area: float, batch: int) -> int:
    """What one pass of a diffusion model takes, for `batch` latents of this area."""
    path = "scaled" if cast.scaled else "cast" if cast.kept.startswith("F8") else ""
    line = LINES.get(family, _DEFAULT)
    scale = size_of(cast.compute) / 2
    points = CASTS.get((family, path))
    if points and batch <= 2:
        return round(_between(points, area, batch) * scale)
    extra = 0 if not path else 126 << 20  # a copy of the largest matrix, where the family was not traced
    return round(line.at(area, batch) * scale + extra)


def _between(points: Points, area: float, batch: int) -> float:
    at = min(max(bisect_left(points, area, key=lambda point: point[0]), 1), len(points) - 1)
    low, high = points[at - 1], points[at]
    slope = (high[batch] - low[batch]) / (high[0] - low[0])
    return max(low[batch] + (area - low[0]) * slope, low[batch] * 0.5)


def encoding(encoders: Sequence[tuple[str, str]]) -> int:
    """What encoding a text takes: the most of (kind, dtype or "scaled") of each encoder; they run one by one."""
    return max((_TEXT.get(one, _TEXT.get((one[0], "F16"), 240000000)) for one in encoders), default=0)


def upscaling(tile: int, scale: float = 4) -> int:
    """What an ESRGAN of 23 blocks takes for one square tile, in fp32."""
    return round(512 * max(scale, 1) ** 2) * tile * tile

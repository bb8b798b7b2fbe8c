"""What a model's file name says for certain, and the errors of parts that do not fit.

Only the names under which models are published count, from their first letter on: what anybody may call anything says
nothing, and a workflow that runs on a real server must run here.
"""

from __future__ import annotations

import functools
import math
import re
from dataclasses import dataclass
from typing import Any

from .values import Latent, Part


@dataclass(frozen=True)
class Family:
    """What the models of a kind have in common.

    `channels`, `axes`, `cell` and `pace` are those of its latents. `decoder` is the shape of the first layer that a
    VAE decodes with, `text` how wide an encoded text is, and `unet` and `patches` are what a sampler's model takes
    in: a picture's channels, or its numbers in patches of two by two and what they become.
    """

    channels: int
    axes: int = 2
    cell: int = 8
    pace: int = 1
    decoder: tuple[int, int, int, int] | None = None
    text: int | None = None
    unet: int | None = None
    patches: tuple[int, int] | None = None


_SD = (4, 4, 1, 1)
_LARGE = (512, 16, 3, 3)
_SD1 = Family(4, decoder=_SD, text=768, unet=320)
_SDXL = Family(4, decoder=_SD, text=2048, unet=320)
_FLUX = Family(16, decoder=_LARGE, text=4096, patches=(64, 3072))
_WAN = Family(16, 3, pace=4)
_MODELS = (
    (r"(v1-5-pruned|sd[-_]?(v?1[._]5|15)[-_.])", _SD1),
    (r"v2-1_(512|768)", Family(4, decoder=_SD, text=1024, unet=320)),
    (r"sd_?xl_(base|turbo)", _SDXL),
    (r"sd3(\.5)?_(medium|large)", Family(16, decoder=_LARGE)),
    (r"flux[-_.]?1[-_.](dev|schnell|krea|fill|tiny|canny|depth|redux)", _FLUX),
    (r"wan2[._]2[-_]ti2v[-_]5b", Family(48, 3, 16, 4)),
    (r"wan2[._][12][-_](t2v|i2v|flf2v|vace)", _WAN),
    (r"qwen[-_]image[-_]", _WAN),
)
_VAES = (
    (r"(vae-ft-(mse|ema)|sdxl[-_.]vae)", Family(4, decoder=_SD)),
    (r"(taesd|taesdxl)$", Family(4, decoder=(64, 4, 3, 3))),
    (r"(taesd3|taef1)$", Family(16, decoder=(64, 16, 3, 3))),
    (r"ae\.(safetensors|sft)$", Family(16, decoder=_LARGE)),
    (r"sd3(\.5)?[-_.]vae", Family(16, decoder=_LARGE)),
    (r"wan[-_ .]?2[._]2[-_ .]vae", Family(48, 3, 16, 4)),
    (r"(wan[-_ .]?2[._]1[-_ .]vae|qwen[-_]image[-_]vae|hunyuan[-_]video[-_]vae)", _WAN),
    (r"hunyuan[-_]image[-_]2\.1[-_]vae", Family(64, cell=32)),
    (r"mochi[-_]vae", Family(12, 3, pace=6)),
    (r"cosmos[-_]cv8x8x8", Family(16, 3, pace=8)),
    (r"pixel_space$", Family(3, cell=1)),
)


@functools.lru_cache(maxsize=1024)
def family_of(kind: str, file: str) -> Family | None:
    """The family of a model of a kind, None where its name leaves it open. A checkpoint's VAE has its model's."""
    name = re.split(r"[\\/]", file)[-1].lower()
    known = _VAES + _MODELS if kind == "vae" else _MODELS
    return next((family for pattern, family in known if re.match(pattern, name)), None)


def check_decodes(family: Family | None, latent: Latent) -> None:
    """Raises RuntimeError for a latent with other channels than a VAE decodes."""
    if family is None or family.decoder is None or latent.axes != 2 or latent.channels in (None, family.channels):
        return
    raise RuntimeError(_convolution(family.decoder, latent.shape))


def _convolution(weight: tuple[int, ...], shape: tuple[Any, ...]) -> str:
    given = f"Given groups=1, weight of size {list(weight)}, expected input{list(shape)}"
    return f"{given} to have {weight[1]} channels, but got {shape[1]} channels instead"


def check_samples(family: Family | None, latent: Latent, parts: tuple[Part, ...], twice: bool) -> None:
    """Raises RuntimeError for a latent or a text that a sampler's model cannot take; it repairs an empty latent.

    `twice` says that it looks at what is wanted and at what is not.
    """
    if family is None:
        return
    batch = latent.batch * (1 + twice)
    height, width = latent.shape[-2:]
    if latent.picture is not None and latent.axes == 2 and latent.channels not in (None, family.channels):
        if family.unet:
            raise RuntimeError(_convolution((family.unet, 4, 3, 3), (batch, *latent.shape[1:])))
        if family.patches:
            tokens = batch * math.ceil((height or 1) / 2) * math.ceil((width or 1) / 2)
            raise RuntimeError(_product(tokens, (latent.channels or 0) * 4, *family.patches))
    for part in parts:
        if family.patches and family.text and part.width not in (None, family.text):
            rows = 77 * max(1, math.ceil(len(part.text.split()) / 60))
            raise RuntimeError(_product(rows * batch, part.width or 0, family.text, family.patches[1]))


def _product(rows: int, columns: int, taken: int, given: int) -> str:
    return f"mat1 and mat2 shapes cannot be multiplied ({rows}x{columns} and {taken}x{given})"

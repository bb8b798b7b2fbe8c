"""What is known of model families, and what a file's name says of the model in it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True, slots=True)
class Latents:
    """The latents of a family: channels, pixels to a cell, and whether they have a time axis (`pace` pictures each).

    Equal `name`s mean that a latent goes from one model to the other as it is.
    """

    name: str
    channels: int
    cell: int = 8
    pace: int = 0


SD = Latents("sd", 4)
SDXL = Latents("sdxl", 4)
SD3 = Latents("sd3", 16)
FLUX = Latents("flux", 16)
WAN21 = Latents("wan21", 16, 8, 4)
WAN22 = Latents("wan22", 48, 16, 4)
HUNYUAN = Latents("hunyuan-video", 16, 8, 4)


@dataclass(frozen=True, slots=True)
class Kind:
    """A family of models as ComfyUI 0.3.64 runs it.

    `noise` is how it measures noise: "flow", "flux" (flow with the shift as an exponent), "discrete", or "" where it
    is none of these; `shift` is the one it has without a node that sets another. `pixels` is the area it was trained
    on, 0 where it varies; `steps` and `cfg` are usual, `most` is a cfg above which it is known to burn. `guided` says
    that it reads a guidance beside cfg, `unet` that it is a UNet.
    """

    name: str
    latents: Latents
    noise: str
    shift: float = 0.0
    pixels: int = 0
    steps: int = 0
    cfg: float = 0.0
    most: float = 0.0
    guided: bool = False
    unet: bool = False


_MEGA = 1024 * 1024
_ALL = (
    Kind("sd15", SD, "discrete", pixels=512 * 512, steps=25, cfg=7.5, most=15, unet=True),
    Kind("sd2", SD, "discrete", steps=25, cfg=7.5, most=15, unet=True),
    Kind("sdxl", SDXL, "discrete", pixels=_MEGA, steps=30, cfg=5, most=12, unet=True),
    Kind("sdxl-refiner", SDXL, "discrete", cfg=5, most=12, unet=True),
    Kind("svd", SD, "", unet=True),
    Kind("cascade", Latents("cascade", 16, 32), ""),
    Kind("sd3", SD3, "flow", 3.0, _MEGA, 28, 4.5, 9),
    Kind("auraflow", SDXL, "flow", 1.73, _MEGA, 50, 3.5),
    Kind("flux", FLUX, "flux", 1.15, _MEGA, 28, 1, guided=True),
    Kind("flux-schnell", FLUX, "flow", 1.0, _MEGA, 4, 1),
    Kind("flux2", Latents("flux2", 128, 16), ""),
    Kind("chroma", FLUX, "flux", 1.15, _MEGA, 26, 3.5, 8),
    Kind("chroma-radiance", Latents("pixels", 3, 1), "flux", 1.15),
    Kind("qwen-image", WAN21, "flux", 1.15, 1328 * 1328, 20, 2.5, 7),
    Kind("hidream", FLUX, "flow", 3.0, _MEGA, 0, 0),
    Kind("lumina2", FLUX, "flow", 6.0, _MEGA, 30, 4),
    Kind("z-image", FLUX, "flow", 0.0, _MEGA),
    Kind("omnigen2", FLUX, "flow", 2.6, _MEGA, 0, 0),
    Kind("hunyuan-image", Latents("hunyuan-image", 64, 32), "flow", 5.0, 2048 * 2048, 50, 3.5),
    Kind("hunyuan-video", HUNYUAN, "flow", 7.0, guided=True, cfg=1),
    Kind("wan22-5b", WAN22, "flow", 8.0, steps=20, cfg=5, most=9),
    Kind("wan", WAN21, "flow", 8.0, steps=20, cfg=5, most=9),
    Kind("ltxv", Latents("ltxv", 128, 32, 8), "flow", 2.37),
    Kind("mochi", Latents("mochi", 12, 8, 6), "flow", 6.0),
    Kind("cosmos2", WAN21, ""),
    Kind("cosmos", Latents("cosmos", 16, 8, 8), ""),
    Kind("stable-audio", Latents("stable-audio", 64, 1), ""),
    Kind("ace-step", Latents("ace-step", 8, 1), "flow", 3.0),
    Kind("hunyuan3d", Latents("hunyuan3d", 64, 1), "flow", 1.0),
)
KINDS: Mapping[str, Kind] = {kind.name: kind for kind in _ALL}

# In the order in which they are tried: the surer sign first. The second word is the variant of the family.
_MODELS = tuple(
    (re.compile(pattern, re.IGNORECASE), family, variant)
    for pattern, family, variant in (
        # Younger than what is known here, and unlike their namesakes.
        (r"hunyuan[-_. ]?video[-_. ]?1[._]5|flux[-_. ]?3|wan[-_. ]?2[._]5|qwen[-_. ]?image[-_. ]?2(?!\d)", "", ""),
        (r"(?<![a-z])pid(?![a-z])|pixel", "", ""),
        (r"hunyuan[-_. ]?3d", "hunyuan3d", ""),
        (r"hunyuan[-_. ]?image(?!.*refiner)", "hunyuan-image", ""),
        (r"hunyuan[-_. ]?(video|i2v|t2v)", "hunyuan-video", ""),
        (r"flux[-_. ]?2(?!\d)", "flux2", ""),
        (r"z[-_. ]?image", "z-image", ""),
        (r"chroma.*radiance", "chroma-radiance", ""),
        (r"(?<![a-z])chroma", "chroma", ""),
        (r"schnell", "flux-schnell", ""),
        (r"flux.*krea", "flux", "krea"),
        (r"flux.*kontext", "flux", "kontext"),
        (r"flux.*(fill|onereward)", "flux", "fill"),
        (r"flux.*(canny|depth)", "flux", "control"),
        (r"flux.*dev", "flux", "dev"),
        (r"flux", "flux", ""),
        (r"qwen[-_. ]?image.*edit", "qwen-image", "edit"),
        (r"qwen[-_. ]?image", "qwen-image", ""),
        (r"hidream.*dev", "hidream", "dev"),
        (r"hidream.*fast", "hidream", "fast"),
        (r"hidream.*full", "hidream", "full"),
        (r"hidream", "hidream", ""),
        (r"lumina[-_. ]?(image[-_. ]?)?(v?2)", "lumina2", ""),
        (r"omnigen[-_. ]?2", "omnigen2", ""),
        (r"aura[-_. ]?flow", "auraflow", ""),
        (r"wan[-_. ]?2[._]?2.*5b|ti2v[-_. ]?5b", "wan22-5b", ""),
        (r"(?<![a-z])wan[-_. ]?(2|t2v|i2v|vace|fun)", "wan", ""),
        (r"ltx[-_. ]?(v|video)", "ltxv", ""),
        (r"mochi[-_. ]?(1|preview)", "mochi", ""),
        (r"cosmos[-_. ]?predict[-_. ]?2", "cosmos2", ""),
        (r"cosmos[-_. ]?1", "cosmos", ""),
        (r"stable[-_. ]?audio", "stable-audio", ""),
        (r"ace[-_. ]?step", "ace-step", ""),
        (r"stable[-_. ]?cascade", "cascade", ""),
        (r"(?<![a-z])svd(?![a-z])", "svd", ""),
        (r"(?<![a-z])sd[-_. ]?3|stable[-_. ]?diffusion[-_. ]?3", "sd3", ""),
        (r"sd_?xl_?refiner|xl.*refiner", "sdxl-refiner", ""),
        (r"sd_?xl|(?<!x)xl(?![a-z])|pony|illustrious|noobai", "sdxl", ""),
        (r"v2-1_|sd[-_]?v?2[-_.]1|512-inpainting|(?<![a-z\d])768-v", "sd2", ""),
        (r"sd[-_]?v?1[-_.]?5|v1-5|sd15", "sd15", ""),
    )
)

# Words for models and LoRAs that were taught to need few steps, with the steps that they were taught for.
_ACCELERATORS = tuple(
    (re.compile(pattern, re.IGNORECASE), word, steps)
    for pattern, word, steps in (
        (r"schnell", "schnell", 4),
        (r"turbo[-_. ]?alpha", "turbo", 8),
        (r"lightning", "lightning", 0),
        (r"light[-_. ]?x2v|lightx", "lightx2v", 4),
        (r"turbo(?![a-z])", "turbo", 0),
        (r"hyper[-_. ]?(sd|flux|\d)", "hyper", 0),
        (r"(?<![a-z])lcm(?![a-z])", "lcm", 0),
        (r"(?<![a-z])dmd\d?(?![a-z])", "dmd", 4),
        (r"(?<!un)(?<!de)(?<!un-)(?<!de-)distill", "distilled", 0),
        (r"causvid", "causvid", 0),
        (r"fusionx", "fusionx", 0),
        (r"(?<![a-z])(flash|rapid)(?![a-z])", "flash", 0),
        (r"fast[-_. ]?(wan|hunyuan|video)|(wan|hunyuan|hidream).*[-_. ]fast(?![a-z])", "fast", 0),
        (r"(?<![a-z])(tcd|pcm)(?![a-z])", "tcd", 0),
        (r"(?<!\d)\d{1,2}[-_. ]?steps?(?![a-z])", "few steps", 0),
    )
)
_STEPS = re.compile(r"(?<!\d)(\d{1,2})[-_. ]?steps?(?![a-z])", re.IGNORECASE)
_UNDONE = re.compile(r"(un|de)[-_. ]?distill", re.IGNORECASE)
_FACTOR = re.compile(r"(?<![a-z\d])(?:(\d{1,2})x|x(\d{1,2}))(?![a-z]*\d)", re.IGNORECASE)

_VAES = tuple(
    (re.compile(pattern, re.IGNORECASE), latents)
    for pattern, latents in (
        (r"^vae-ft-(mse|ema)", SD),
        (r"^sdxl[-_.]?vae", SDXL),
        (r"^ae\.(safetensors|sft)$|^flux[-_.]?(1[-_.])?vae", FLUX),
        (r"^sd3(\.5)?[-_.]vae", SD3),
        (r"^wan[-_ .]?2[._]2[-_ .]vae", WAN22),
        (r"^(wan[-_ .]?2[._]1[-_ .]vae|qwen[-_]image[-_]vae)", WAN21),
        (r"^hunyuan[-_]video[-_]vae", HUNYUAN),
        (r"^hunyuan[-_]image[-_]2\.1[-_]vae", KINDS["hunyuan-image"].latents),
        (r"^mochi[-_]vae", KINDS["mochi"].latents),
    )
)


@dataclass(frozen=True, slots=True)
class Accelerator:
    """What makes a model need few steps: the word in the file's name, and for how many steps, 0 where it isn't said."""

    word: str
    steps: int
    file: str


def _file(name: str) -> str:
    return re.split(r"[\\/]", name)[-1]


@lru_cache(maxsize=1024)
def family_of(name: str) -> tuple[str, str]:
    """The family, and its variant, that a diffusion model's file name speaks of; empty where it doesn't tell."""
    return next(((family, variant) for sign, family, variant in _MODELS if sign.search(_file(name))), ("", ""))


@lru_cache(maxsize=1024)
def accelerator_of(name: str) -> Accelerator | None:
    """What a model's or LoRA's file name says of being made for few steps."""
    file = _file(name)
    said = _STEPS.search(file)
    for sign, word, steps in _ACCELERATORS:
        if sign.search(file):
            return Accelerator(word, int(said[1]) if said else steps, file)
    return None


@lru_cache(maxsize=1024)
def undistilled(name: str) -> bool:
    """Whether a file's name says that the distillation of its model was undone."""
    return bool(_UNDONE.search(name))


@lru_cache(maxsize=1024)
def vae_latents(name: str) -> Latents | None:
    """The latents that a VAE of a published file name makes."""
    return next((latents for sign, latents in _VAES if sign.search(_file(name))), None)


@lru_cache(maxsize=1024)
def upscale_factor(name: str) -> int | None:
    """By how much an upscale model enlarges a side, as its file's name says: "4x-..." or "..._x2"."""
    found = {int(left or right) for left, right in _FACTOR.findall(_file(name).rsplit(".", 1)[0])}
    return found.pop() if len(found) == 1 and found <= {1, 2, 3, 4, 8, 16} else None

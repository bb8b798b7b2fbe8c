"""What is known of model families, and what a file's name says of the model in it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple


class Latents(NamedTuple):
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


class Kind(NamedTuple):
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

# The signs of a name in small letters: a word in it and, where that is not enough, a pattern that it matches as well.
# They are in the order in which they are tried, the surer sign first. What follows are a family and its variant.
_MODELS = (
    # Younger than what is known here, and unlike their namesakes.
    ("hunyuan", r"hunyuan[-_. ]?video[-_. ]?1[._]5", "", ""),
    ("flux", r"flux[-_. ]?3", "", ""),
    ("wan", r"wan[-_. ]?2[._]5", "", ""),
    ("qwen", r"qwen[-_. ]?image[-_. ]?2(?!\d)", "", ""),
    ("pid", r"(?<![a-z])pid(?![a-z])", "", ""),
    ("pixel", "", "", ""),
    ("hunyuan", r"hunyuan[-_. ]?3d", "hunyuan3d", ""),
    ("hunyuan", r"hunyuan[-_. ]?image(?!.*refiner)", "hunyuan-image", ""),
    ("hunyuan", r"hunyuan[-_. ]?(video|i2v|t2v)", "hunyuan-video", ""),
    ("flux", r"flux[-_. ]?2(?!\d)", "flux2", ""),
    ("image", r"z[-_. ]?image", "z-image", ""),
    ("chroma", r"chroma.*radiance", "chroma-radiance", ""),
    ("chroma", r"(?<![a-z])chroma", "chroma", ""),
    ("schnell", "", "flux-schnell", ""),
    ("flux", r"flux.*krea", "flux", "krea"),
    ("flux", r"flux.*kontext", "flux", "kontext"),
    ("flux", r"flux.*(fill|onereward)", "flux", "fill"),
    ("flux", r"flux.*(canny|depth)", "flux", "control"),
    ("flux", r"flux.*dev", "flux", "dev"),
    ("flux", "", "flux", ""),
    ("qwen", r"qwen[-_. ]?image.*edit", "qwen-image", "edit"),
    ("qwen", r"qwen[-_. ]?image", "qwen-image", ""),
    ("hidream", r"hidream.*dev", "hidream", "dev"),
    ("hidream", r"hidream.*fast", "hidream", "fast"),
    ("hidream", r"hidream.*full", "hidream", "full"),
    ("hidream", "", "hidream", ""),
    ("lumina", r"lumina[-_. ]?(image[-_. ]?)?(v?2)", "lumina2", ""),
    ("omnigen", r"omnigen[-_. ]?2", "omnigen2", ""),
    ("aura", r"aura[-_. ]?flow", "auraflow", ""),
    ("5b", r"wan[-_. ]?2[._]?2.*5b|ti2v[-_. ]?5b", "wan22-5b", ""),
    ("wan", r"(?<![a-z])wan[-_. ]?(2|t2v|i2v|vace|fun)", "wan", ""),
    ("ltx", r"ltx[-_. ]?(v|video)", "ltxv", ""),
    ("mochi", r"mochi[-_. ]?(1|preview)", "mochi", ""),
    ("cosmos", r"cosmos[-_. ]?predict[-_. ]?2", "cosmos2", ""),
    ("cosmos", r"cosmos[-_. ]?1", "cosmos", ""),
    ("stable", r"stable[-_. ]?audio", "stable-audio", ""),
    ("ace", r"ace[-_. ]?step", "ace-step", ""),
    ("stable", r"stable[-_. ]?cascade", "cascade", ""),
    ("svd", r"(?<![a-z])svd(?![a-z])", "svd", ""),
    ("sd", r"(?<![a-z])sd[-_. ]?3", "sd3", ""),
    ("stable", r"stable[-_. ]?diffusion[-_. ]?3", "sd3", ""),
    ("refiner", r"xl.*refiner|sd_?xl_?refiner", "sdxl-refiner", ""),
    ("xl", r"sd_?xl|(?<!x)xl(?![a-z])", "sdxl", ""),
    ("pony", "", "sdxl", ""),
    ("illustrious", "", "sdxl", ""),
    ("noobai", "", "sdxl", ""),
    ("v2-1_", "", "sd2", ""),
    ("sd", r"sd[-_]?v?2[-_.]1", "sd2", ""),
    ("512-inpainting", "", "sd2", ""),
    ("768-v", r"(?<![a-z\d])768-v", "sd2", ""),
    ("sd", r"sd[-_]?v?1[-_.]?5", "sd15", ""),
    ("v1-5", "", "sd15", ""),
)

# Signs of models and LoRAs that were taught to need few steps, with the steps that they were taught for.
_ACCELERATORS = (
    ("schnell", "", "schnell", 4),
    ("turbo", r"turbo[-_. ]?alpha", "turbo", 8),
    ("lightning", "", "lightning", 0),
    ("light", r"light[-_. ]?x2v|lightx", "lightx2v", 4),
    ("turbo", r"turbo(?![a-z])", "turbo", 0),
    ("hyper", r"hyper[-_. ]?(sd|flux|\d)", "hyper", 0),
    ("lcm", r"(?<![a-z])lcm(?![a-z])", "lcm", 0),
    ("dmd", r"(?<![a-z])dmd\d?(?![a-z])", "dmd", 4),
    ("distill", r"(?<!un)(?<!de)(?<!un-)(?<!de-)distill", "distilled", 0),
    ("causvid", "", "causvid", 0),
    ("fusionx", "", "fusionx", 0),
    ("flash", r"(?<![a-z])flash(?![a-z])", "flash", 0),
    ("rapid", r"(?<![a-z])rapid(?![a-z])", "flash", 0),
    ("fast", r"fast[-_. ]?(wan|hunyuan|video)|(wan|hunyuan|hidream).*[-_. ]fast(?![a-z])", "fast", 0),
    ("tcd", r"(?<![a-z])tcd(?![a-z])", "tcd", 0),
    ("pcm", r"(?<![a-z])pcm(?![a-z])", "tcd", 0),
    ("step", r"(?<!\d)\d{1,2}[-_. ]?steps?(?![a-z])", "few steps", 0),
)
_STEPS = r"(?<!\d)(\d{1,2})[-_. ]?steps?(?![a-z])"
_UNDONE = r"(un|de)[-_. ]?distill"
_FACTOR = r"(?<![a-z\d])(?:(\d{1,2})x|x(\d{1,2}))(?![a-z]*\d)"

_VAES = (
    ("vae-ft-", r"^vae-ft-(mse|ema)", SD),
    ("sdxl", r"^sdxl[-_.]?vae", SDXL),
    ("ae.s", r"^ae\.(safetensors|sft)$", FLUX),
    ("flux", r"^flux[-_.]?(1[-_.])?vae", FLUX),
    ("sd3", r"^sd3(\.5)?[-_.]vae", SD3),
    ("wan", r"^wan[-_ .]?2[._]2[-_ .]vae", WAN22),
    ("wan", r"^wan[-_ .]?2[._]1[-_ .]vae", WAN21),
    ("qwen", r"^qwen[-_]image[-_]vae", WAN21),
    ("hunyuan", r"^hunyuan[-_]video[-_]vae", HUNYUAN),
    ("hunyuan", r"^hunyuan[-_]image[-_]2\.1[-_]vae", KINDS["hunyuan-image"].latents),
    ("mochi", r"^mochi[-_]vae", KINDS["mochi"].latents),
)


class Accelerator(NamedTuple):
    """What makes a model need few steps: the word in the file's name, and for how many steps, 0 where it isn't said."""

    word: str
    steps: int
    file: str


def _file(name: str) -> str:
    return re.split(r"[\\/]", name)[-1]


def _shows(file: str, word: str, pattern: str) -> bool:
    """Whether a file's name in small letters bears a sign. `re` keeps the patterns that were needed, which are few."""
    return word in file and (not pattern or re.search(pattern, file) is not None)


@lru_cache(maxsize=1024)
def family_of(name: str) -> tuple[str, str]:
    """The family, and its variant, that a diffusion model's file name speaks of; empty where it doesn't tell."""
    file = _file(name).lower()
    found = ((family, variant) for word, pattern, family, variant in _MODELS if _shows(file, word, pattern))
    return next(found, ("", ""))


@lru_cache(maxsize=1024)
def accelerator_of(name: str) -> Accelerator | None:
    """What a model's or LoRA's file name says of being made for few steps."""
    file = _file(name)
    small = file.lower()
    for word, pattern, says, steps in _ACCELERATORS:
        if _shows(small, word, pattern):
            said = re.search(_STEPS, small)
            return Accelerator(says, int(said[1]) if said else steps, file)
    return None


@lru_cache(maxsize=1024)
def undistilled(name: str) -> bool:
    """Whether a file's name says that the distillation of its model was undone."""
    return _shows(name.lower(), "distill", _UNDONE)


@lru_cache(maxsize=1024)
def vae_latents(name: str) -> Latents | None:
    """The latents that a VAE of a published file name makes."""
    file = _file(name).lower()
    return next((latents for word, pattern, latents in _VAES if _shows(file, word, pattern)), None)


@lru_cache(maxsize=1024)
def upscale_factor(name: str) -> int | None:
    """By how much an upscale model enlarges a side, as its file's name says: "4x-..." or "..._x2"."""
    found = {int(left or right) for left, right in re.findall(_FACTOR, _file(name).lower().rsplit(".", 1)[0])}
    return found.pop() if len(found) == 1 and found <= {1, 2, 3, 4, 8, 16} else None

"""Model families: which loader type, latent and settings each wants."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Family:
    """What ComfyUI 0.3.64 wants for one family of diffusion models.

    `encoders` maps the number of text-encoder files to the `type` of the loader that takes so many.
    Steps, cfg and size are the family's usual ones, taken where an author says nothing.
    """

    name: str
    encoders: Mapping[int, str]
    empty_latent: str
    size: int
    steps: int
    cfg: float
    sampler: str
    scheduler: str
    guided: bool
    file_name: re.Pattern[str]


def _family(
    name: str,
    encoders: Mapping[int, str],
    latent: str,
    size: int,
    steps: int,
    cfg: float,
    sampler: str,
    scheduler: str,
    file_name: str,
    guided: bool = False,
) -> Family:
    pattern = re.compile(file_name, re.IGNORECASE)
    return Family(name, encoders, latent, size, steps, cfg, sampler, scheduler, guided, pattern)


# In the order in which file names are tried: the surer sign first.
FAMILIES: Mapping[str, Family] = {
    family.name: family
    for family in (
        _family("flux", {2: "flux"}, "EmptySD3LatentImage", 1024, 28, 1.0, "euler", "simple", r"flux", guided=True),
        _family(
            "sd3",
            {1: "sd3", 2: "sd3", 3: ""},
            "EmptySD3LatentImage",
            1024,
            28,
            4.5,
            "euler",
            "sgm_uniform",
            r"sd_?3|stable-?diffusion-?3",
        ),
        _family(
            "sdxl",
            {2: "sdxl"},
            "EmptyLatentImage",
            1024,
            30,
            5.0,
            "dpmpp_2m",
            "karras",
            r"sd_?xl|[-_]xl[-_.]|pony|illustrious|juggernaut-?xl",
        ),
        _family(
            "sd15",
            {1: "stable_diffusion"},
            "EmptyLatentImage",
            512,
            25,
            7.5,
            "dpmpp_2m",
            "karras",
            r"sd[-_]?v?1[-_.]?5|v1-5|sd15",
        ),
    )
}


def by_file_names(names: Sequence[str]) -> Family | None:
    """The family that the first telling file name speaks of; None where no name tells."""
    for name in names:
        for family in FAMILIES.values():
            if family.file_name.search(name):
                return family
    return None

"""Model families: which loader type, latent and settings each wants."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """What ComfyUI 0.3.64 wants for one family of diffusion models.

    `encoders` maps the number of text-encoder files to the `type` of the loader that takes so many;
    `encoder_names` is what an author knows them by.
    `latent` names the latents it works on: those of one name go from model to model as they are.
    Steps, cfg, size, shift and frames are the family's usual ones, taken where an author says
    nothing. `shifter` is the node that sets `shift`; with `shift` None the model's own holds.
    `guided` says that it takes a guidance beside cfg, `control_vae` that its ControlNets work on
    latents, `pads` whether its T5 is left to pad (ComfyUI's own workflow for
    Chroma sets it not to), `frames` how long its videos are: 0 for pictures.
    """

    name: str
    file_name: str
    encoders: Mapping[int, str]
    encoder_names: str
    latent: str
    empty_latent: str
    size: tuple[int, int]
    steps: int
    cfg: float
    sampler: str
    scheduler: str
    guided: bool = False
    shifter: str = ""
    shift: float | None = None
    control_vae: bool = False
    pads: bool = True
    frames: int = 0
    fps: float = 0.0

    @property
    def has_clip(self) -> bool:
        """Whether its prompts go through CLIP alone, of which layers can be skipped."""
        return self.latent in ("sd15", "sdxl")


_ALL = (
    Family(
        name="flux-schnell", encoder_names="CLIP-L and T5-XXL",
        file_name=r"schnell", encoders={2: "flux"}, latent="flux",
        empty_latent="EmptySD3LatentImage", size=(1024, 1024), steps=4, cfg=1.0, sampler="euler", scheduler="simple",
        shifter="ModelSamplingFlux", control_vae=True,
    ),
    Family(
        name="chroma", encoder_names="T5-XXL",
        file_name=r"(?<![a-z])chroma", encoders={1: "chroma"}, latent="flux",
        empty_latent="EmptySD3LatentImage", size=(1024, 1024), steps=26, cfg=3.5, sampler="euler", scheduler="beta",
        shifter="ModelSamplingAuraFlow", shift=1.0, pads=False,
    ),
    Family(
        name="flux", encoder_names="CLIP-L and T5-XXL",
        file_name=r"flux", encoders={2: "flux"}, latent="flux",
        empty_latent="EmptySD3LatentImage", size=(1024, 1024), steps=28, cfg=1.0, sampler="euler", scheduler="simple",
        guided=True, shifter="ModelSamplingFlux", control_vae=True,
    ),
    Family(
        name="qwen-image", encoder_names="Qwen2.5-VL 7B",
        file_name=r"qwen[-_ .]?image", encoders={1: "qwen_image"}, latent="qwen-image",
        empty_latent="EmptySD3LatentImage", size=(1328, 1328), steps=20, cfg=2.5, sampler="euler", scheduler="simple",
        shifter="ModelSamplingAuraFlow", shift=3.1, control_vae=True,
    ),
    Family(
        name="wan22-5b", encoder_names="UMT5-XXL",
        file_name=r"wan[-_ .]?2[._]?2.*5b|ti2v[-_ .]?5b", encoders={1: "wan"}, latent="wan22",
        empty_latent="Wan22ImageToVideoLatent", size=(1280, 704), steps=20, cfg=5.0, sampler="uni_pc",
        scheduler="simple", shifter="ModelSamplingSD3", shift=8.0, frames=121, fps=24.0,
    ),
    Family(
        name="wan", encoder_names="UMT5-XXL",
        file_name=r"(?<![a-z])wan(?![a-z])", encoders={1: "wan"}, latent="wan21",
        empty_latent="EmptyHunyuanLatentVideo", size=(832, 480), steps=20, cfg=5.0, sampler="uni_pc",
        scheduler="simple", shifter="ModelSamplingSD3", shift=8.0, frames=81, fps=16.0,
    ),
    Family(
        name="sd3", encoder_names="CLIP-L, CLIP-G and T5-XXL, or fewer of them",
        file_name=r"sd_?3|stable-?diffusion-?3", encoders={1: "sd3", 2: "sd3", 3: ""}, latent="sd3",
        empty_latent="EmptySD3LatentImage", size=(1024, 1024), steps=28, cfg=4.5, sampler="euler",
        scheduler="sgm_uniform", shifter="ModelSamplingSD3", control_vae=True,
    ),
    Family(
        name="sdxl", encoder_names="CLIP-L and CLIP-G",
        file_name=r"(?<!x)xl(?![a-z])|pony|illustrious", encoders={2: "sdxl"},
        latent="sdxl", empty_latent="EmptyLatentImage", size=(1024, 1024), steps=30, cfg=5.0, sampler="dpmpp_2m",
        scheduler="karras",
    ),
    Family(
        name="sd15", encoder_names="CLIP-L",
        file_name=r"sd[-_]?v?1[-_.]?5|v1-5|sd15", encoders={1: "stable_diffusion"}, latent="sd15",
        empty_latent="EmptyLatentImage", size=(512, 512), steps=25, cfg=7.5, sampler="dpmpp_2m", scheduler="karras",
    ),
)  # fmt: skip

# In the order in which file names are tried: the surer sign first.
FAMILIES: Mapping[str, Family] = {family.name: family for family in _ALL}


def by_file_names(names: Sequence[str]) -> Family | None:
    """The family that the first telling file name speaks of; None where no name tells."""
    for name in names:
        for family in FAMILIES.values():
            if re.search(family.file_name, name, re.IGNORECASE):
                return family
    return None

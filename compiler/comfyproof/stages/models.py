"""The model files of a pipeline, and the loader nodes that bring each in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import Field

from .blocks import Block
from .families import FAMILIES, Family, by_file_names


class Checkpoint(Block):
    """One file with a diffusion model, its text encoders and its VAE."""

    kind: ClassVar[str] = "a checkpoint"
    checkpoint: str = Field(description="a file in models/checkpoints")
    family: str | None = Field(default=None, description="the model's family, where its file name does not tell")
    vae: str | None = Field(default=None, description="a file in models/vae, instead of the checkpoint's own VAE")
    inpaint: bool | None = Field(
        default=None, description="whether it is made for inpainting, where its file name does not tell"
    )

    @property
    def files(self) -> tuple[str, ...]:
        """The files whose names may tell what it is."""
        return (self.checkpoint,)


class _InParts(Block):
    """What a diffusion model in files of its own needs beside them."""

    text_encoders: Annotated[tuple[str, ...], Field(strict=False, min_length=1, max_length=4)] = Field(
        description="files in models/text_encoders"
    )
    vae: str = Field(description="a file in models/vae")
    family: str | None = Field(default=None, description="the model's family, where its file names do not tell")
    dtype: str = Field(default="default", description="the type in which its weights are kept, such as fp8_e4m3fn")
    clip_vision: str | None = Field(default=None, description="a file in models/clip_vision, which sees first pictures")


class DiffusionModel(_InParts):
    """A diffusion model with its text encoders and VAE in files of their own."""

    kind: ClassVar[str] = "a diffusion model"
    diffusion_model: str = Field(description="a file in models/diffusion_models")
    inpaint: bool | None = Field(
        default=None, description="whether it is made for inpainting, where its file name does not tell"
    )

    @property
    def files(self) -> tuple[str, ...]:
        """The files whose names may tell what it is."""
        return (self.diffusion_model, *self.text_encoders)


class ExpertFiles(Block):
    """Two diffusion models that share the work: one for much noise, one for little."""

    high: str = Field(description="a file in models/diffusion_models, for much noise")
    low: str = Field(description="a file in models/diffusion_models, for little noise")
    switch: float = Field(
        default=0.875, gt=0, le=10_000, description="the noise level, below 1, or else the step at which low takes over"
    )


class Experts(_InParts):
    """A diffusion model in two parts, with its text encoders and VAE."""

    kind: ClassVar[str] = "a pair of experts"
    experts: ExpertFiles = Field(description="the two diffusion models, and when one takes over from the other")
    inpaint: ClassVar[bool] = False

    @property
    def files(self) -> tuple[str, ...]:
        """The files whose names may tell what it is."""
        return (self.experts.high, self.experts.low, *self.text_encoders)


class Lora(Block):
    """A LoRA file."""

    kind: ClassVar[str] = "a LoRA"
    lora: str = Field(description="a file in models/loras")


class ControlNet(Block):
    """A ControlNet, which makes a picture follow the lines, depth or pose of another."""

    kind: ClassVar[str] = "a ControlNet"
    controlnet: str = Field(description="a file in models/controlnet")


class UpscaleModel(Block):
    """An upscale model such as an ESRGAN."""

    kind: ClassVar[str] = "an upscale model"
    upscale_model: str = Field(description="a file in models/upscale_models")
    factor: float | None = Field(
        default=None, gt=0, le=16, description="how much it enlarges, where its name does not tell"
    )

    def known_factor(self) -> float | None:
        """How much it enlarges: as said, else as its name says (4x_..., ...x2plus)."""
        if self.factor is not None:
            return self.factor
        stem = self.upscale_model.replace("\\", "/").rsplit("/", 1)[-1]
        found = re.search(r"(?<![0-9a-z])(?:([1248])x|x([1248])(?![0-9]))", stem, re.IGNORECASE)
        return float(found[1] or found[2]) if found else None


SamplingModel = Checkpoint | DiffusionModel | Experts
ModelBlock = SamplingModel | Lora | ControlNet | UpscaleModel

# Each kind of model by the field that makes it that kind.
MODEL_KINDS: Mapping[str, type[ModelBlock]] = {
    "checkpoint": Checkpoint,
    "diffusion_model": DiffusionModel,
    "experts": Experts,
    "lora": Lora,
    "controlnet": ControlNet,
    "upscale_model": UpscaleModel,
}
_INPAINT = re.compile(r"inpaint|(?<![a-z])fill(?![a-z])", re.IGNORECASE)


def family_of(model: SamplingModel) -> Family | None:
    """The family that an author gave or that the file names tell; None where neither does."""
    if model.family is not None:
        return FAMILIES.get(model.family)
    return by_file_names(model.files)


def inpaints(model: SamplingModel) -> bool:
    """Whether a model was made for inpainting: as said, else as its first file's name says."""
    return bool(_INPAINT.search(model.files[0])) if model.inpaint is None else model.inpaint

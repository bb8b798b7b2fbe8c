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


class DiffusionModel(Block):
    """A diffusion model with its text encoders and VAE in files of their own."""

    kind: ClassVar[str] = "a diffusion model"
    diffusion_model: str = Field(description="a file in models/diffusion_models")
    text_encoders: Annotated[tuple[str, ...], Field(strict=False, min_length=1, max_length=4)] = Field(
        description="files in models/text_encoders"
    )
    vae: str = Field(description="a file in models/vae")
    family: str | None = Field(default=None, description="the model's family, where its file names do not tell")
    dtype: str = Field(default="default", description="the type in which its weights are kept, such as fp8_e4m3fn")


class Lora(Block):
    """A LoRA file."""

    kind: ClassVar[str] = "a LoRA"
    lora: str = Field(description="a file in models/loras")


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


ModelBlock = Checkpoint | DiffusionModel | Lora | UpscaleModel

# Each kind of model by the field that makes it that kind.
MODEL_KINDS: Mapping[str, type[ModelBlock]] = {
    "checkpoint": Checkpoint,
    "diffusion_model": DiffusionModel,
    "lora": Lora,
    "upscale_model": UpscaleModel,
}


def family_of(model: Checkpoint | DiffusionModel) -> Family | None:
    """The family that an author gave or that the file names tell; None where neither does."""
    if model.family is not None:
        return FAMILIES.get(model.family)
    if isinstance(model, Checkpoint):
        return by_file_names([model.checkpoint])
    return by_file_names([model.diffusion_model, *model.text_encoders])

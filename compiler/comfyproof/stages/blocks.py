"""What all blocks of the language share: strictness, and the field types that several stages use."""

from __future__ import annotations

import re
from typing import Annotated, Any, NamedTuple

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from ..graph import Asset

MAX_SEED = 2**64 - 1
MAX_SIDE = 16384  # ComfyUI's MAX_RESOLUTION


class Block(BaseModel):
    """A mapping of the language: unknown fields and wrong kinds of value are refused."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, arbitrary_types_allowed=True)


class Size(NamedTuple):
    """Width and height in pixels."""

    width: int
    height: int

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"


def read_size(value: Any) -> Any:
    """A Size from text like 1024x768."""
    if isinstance(value, Size):
        return value
    found = re.fullmatch(r"([0-9]{1,6})\s*[xX×]\s*([0-9]{1,6})", value) if isinstance(value, str) else None
    if not found:
        raise ValueError("it should be a width and a height such as 1024x768")
    size = Size(int(found[1]), int(found[2]))
    if not all(1 <= side <= MAX_SIDE for side in size):
        raise ValueError(f"each side must be from 1 to {MAX_SIDE} pixels")
    return size


def _read_picture(value: Any) -> Any:
    if not isinstance(value, Asset) or value.kind != "image":
        raise ValueError("it should name an input of the type image, such as $image")
    return value


PictureSize = Annotated[Size, BeforeValidator(read_size)]
Picture = Annotated[Asset, BeforeValidator(_read_picture)]
Seed = Annotated[int, Field(ge=0, le=MAX_SEED)]
Factor = Annotated[float, Field(gt=0, le=64)]
Denoise = Annotated[float, Field(ge=0, le=1)]


def _read_prefix(value: Any) -> Any:
    if isinstance(value, str):
        parts = value.replace("\\", "/").split("/")
        if ".." in parts or parts[0] == "" or ":" in parts[0]:
            raise ValueError("it must stay within the server's output folder")
    return value


Prefix = Annotated[str, BeforeValidator(_read_prefix), Field(min_length=1)]


def _read_lora(value: Any) -> Any:
    """A LoRA's name alone as its use at full strength."""
    return {"use": value} if isinstance(value, str) else value


class LoraUse(Block):
    """One LoRA at work in a stage."""

    use: str = Field(description="the name of a LoRA under models")
    strength: float = Field(default=1.0, ge=-100, le=100, description="how strongly it changes the diffusion model")
    clip: float | None = Field(
        default=None,
        ge=-100,
        le=100,
        description="how strongly it changes the text encoders; as the strength, unless said",
    )


class Stage(Block):
    """What every stage can say, whatever its kind."""

    as_: str | None = Field(default=None, alias="as", description="the name of this stage; its kind, unless said")


class Taking(Stage):
    """A stage that takes what another gives."""

    from_: str | None = Field(
        default=None,
        alias="from",
        description="the stage or node whose output this takes; the stage before, unless said",
    )


class Sampling(Stage):
    """The settings of a stage that samples with a diffusion model."""

    like: str | None = Field(
        default=None, description="a stage whose sampling settings hold here too, unless said otherwise"
    )
    model: str | None = Field(default=None, description="the name of a model under models")
    loras: Annotated[tuple[Annotated[LoraUse, BeforeValidator(_read_lora)], ...], Field(strict=False)] = Field(
        default=(), description="LoRAs, in order"
    )
    positive: str = Field(default="", description="the prompt")
    negative: str = Field(default="", description="what to steer away from; without effect at cfg 1")
    steps: int | None = Field(default=None, ge=1, le=10_000, description="sampling steps")
    cfg: float | None = Field(default=None, ge=0, le=100, description="classifier-free guidance scale")
    guidance: float | None = Field(
        default=None, ge=0, le=100, description="guidance of a guidance-distilled model such as Flux"
    )
    denoise: Denoise | None = Field(default=None, description="how much is sampled anew, from 0 to 1")
    sampler: str | None = Field(default=None, description="a sampler's name, such as euler")
    scheduler: str | None = Field(default=None, description="a scheduler's name, such as simple")
    seed: Seed = Field(default=0, description="the noise's seed")


# What `like` takes over: every setting of how to sample, nothing about which stage it is.
SAMPLING_FIELDS = tuple(name for name in Sampling.model_fields if name not in ("as_", "like"))

"""What all blocks of the language share: strictness, and the field types that several stages use."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from ..graph import Asset

MAX_SEED = 2**64 - 1
MAX_SIDE = 16384  # ComfyUI's MAX_RESOLUTION


class Block(BaseModel):
    """A mapping of the language: unknown fields and wrong kinds of value are refused."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, arbitrary_types_allowed=True, defer_build=True)


class Size(NamedTuple):
    """Width and height in pixels."""

    width: int
    height: int

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"


def text_like(pattern: str, words: str) -> Any:
    """How an author writes what a validator then reads: a text of the pattern. The JSON Schema says it so."""
    return Annotated[str, Field(pattern=pattern, json_schema_extra={"patternErrorMessage": f"it should be {words}"})]


# What read_size reads, but for the greatest side.
SIZE = r"^0{0,5}[1-9][0-9]{0,4}\s*[xX×]\s*0{0,5}[1-9][0-9]{0,4}$"


def read_size(value: Any) -> Any:
    """A Size from text like 1024x768."""
    if isinstance(value, Size):
        return value
    found = re.fullmatch(r"([0-9]{1,6})\s*[xX×]\s*([0-9]{1,6})", value) if isinstance(value, str) else None
    if not found:
        raise ValueError("write a width and a height, such as 1024x768")
    size = Size(int(found[1]), int(found[2]))
    if not all(1 <= side <= MAX_SIDE for side in size):
        raise ValueError(f"keep each side from 1 to {MAX_SIDE} pixels")
    return size


@dataclass(frozen=True, slots=True)
class Reference:
    """An output of a stage, node or model, wired by name; a stage under the name that no other has."""

    name: str
    output: str | None


def _read_picture(value: Any) -> Any:
    if not isinstance(value, Asset) or value.kind != "image":
        raise ValueError("name an input of the type image, such as $image")
    return value


def _read_video(value: Any) -> Any:
    if not isinstance(value, Asset) or value.kind != "video":
        raise ValueError("name an input of the type video, such as $clip")
    return value


def _read_any_picture(value: Any) -> Any:
    if isinstance(value, Reference) or (isinstance(value, Asset) and value.kind == "image"):
        return value
    raise ValueError("name an input of the type image, a stage or a node, such as $image")


def _read_any_mask(value: Any) -> Any:
    if isinstance(value, Reference) or (isinstance(value, Asset) and value.kind in ("mask", "image")):
        return value
    raise ValueError("name an input of the type mask, such as $mask, or an output such as $load.MASK")


PictureSize = Annotated[Size, BeforeValidator(read_size, json_schema_input_type=text_like(SIZE, "such as 1024x768"))]
Picture = Annotated[Asset, BeforeValidator(_read_picture)]
Video = Annotated[Asset, BeforeValidator(_read_video)]
AnyPicture = Annotated[Asset | Reference, BeforeValidator(_read_any_picture)]
AnyMask = Annotated[Asset | Reference, BeforeValidator(_read_any_mask)]
Seed = Annotated[int, Field(ge=0, le=MAX_SEED)]
Factor = Annotated[float, Field(gt=0, le=64)]
Denoise = Annotated[float, Field(ge=0, le=1)]


# A path without a root, a drive, or a way up.
_INSIDE = r"^(?![/\\]|[^/\\]*:|(.*[/\\])?\.\.([/\\]|$))"


def _read_prefix(value: Any) -> Any:
    if isinstance(value, str):
        parts = value.replace("\\", "/").split("/")
        if ".." in parts or parts[0] == "" or ":" in parts[0]:
            raise ValueError("name a place within the server's output folder, such as bees/picture")
    return value


Prefix = Annotated[
    str,
    BeforeValidator(_read_prefix, json_schema_input_type=text_like(_INSIDE, "a path within the output folder")),
    Field(min_length=1),
]


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
    expert: Literal["high", "low"] | None = Field(
        default=None, description="of a model with two experts: the one it is for; both, unless said"
    )


def _read_preprocessor(value: Any) -> Any:
    """A preprocessor's word as it is; any other one as a node class with its inputs."""
    if isinstance(value, str) and value in PREPROCESSORS:
        return {PREPROCESSORS[value]: {}}
    if isinstance(value, dict) and len(value) == 1 and isinstance(next(iter(value.values())), dict | None):
        return {node: inputs or {} for node, inputs in value.items()}
    words = " or ".join(PREPROCESSORS)
    raise ValueError(f"write {words}, or a node class with its inputs, such as {{Canny: {{low_threshold: 0.2}}}}")


# Words of the language for nodes of ComfyUI's own that make a control picture.
PREPROCESSORS = {"canny": "Canny", "invert": "ImageInvert"}
UNIONS = Literal[
    "auto",
    "openpose",
    "depth",
    "hed/pidi/scribble/ted",
    "canny/lineart/anime_lineart/mlsd",
    "normal",
    "segment",
    "tile",
    "repaint",
]


NodeCall = Annotated[dict[str, dict[str, Any] | None], Field(min_length=1, max_length=1)]
Preprocess = Annotated[
    dict[str, dict[str, Any]],
    BeforeValidator(_read_preprocessor, json_schema_input_type=Literal["canny", "invert"] | NodeCall),
]


class ControlUse(Block):
    """One ControlNet at work in a stage."""

    use: str = Field(description="the name of a ControlNet under models")
    image: AnyPicture | None = Field(
        default=None, description="the picture that controls, such as $pose; what flows in, unless said"
    )
    preprocess: Preprocess | None = Field(
        default=None, description="what makes the control picture of it: canny, invert, or a node class with its inputs"
    )
    strength: float = Field(default=1.0, ge=0, le=10, description="how strongly it controls")
    after: float = Field(default=0.0, ge=0, le=1, description="from which part of the sampling on, 0 to 1")
    until: float = Field(default=1.0, ge=0, le=1, description="up to which part of the sampling, 0 to 1")
    union: UNIONS | None = Field(default=None, description="what a union ControlNet is given, such as openpose")


class Stage(Block):
    """What every stage can say, whatever its kind."""

    as_: str | None = Field(
        default=None, alias="as", min_length=1, description="the name of this stage; its kind, unless said"
    )


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
    loras: Annotated[
        tuple[Annotated[LoraUse, BeforeValidator(_read_lora, json_schema_input_type=LoraUse | str)], ...],
        Field(strict=False),
    ] = Field(default=(), description="LoRAs, in order")
    positive: str = Field(default="", description="the prompt")
    negative: str = Field(default="", description="what to steer away from; without effect at cfg 1")
    steps: int | None = Field(default=None, ge=1, le=10_000, description="sampling steps")
    cfg: float | None = Field(default=None, ge=0, le=100, description="classifier-free guidance scale")
    guidance: float | None = Field(
        default=None, ge=0, le=100, description="guidance of a guidance-distilled model such as Flux"
    )
    shift: float | None = Field(
        default=None, gt=0, le=100, description="how far a flow model's noise levels are shifted up"
    )
    clip_skip: int | None = Field(
        default=None, ge=1, le=24, description="which of a CLIP's layers is the last, counted from the end"
    )
    control: Annotated[tuple[ControlUse, ...], Field(strict=False)] = Field(
        default=(), description="ControlNets, in order"
    )
    denoise: Denoise | None = Field(default=None, description="how much is sampled anew, from 0 to 1")
    sampler: str | None = Field(default=None, min_length=1, description="a sampler's name, such as euler")
    scheduler: str | None = Field(default=None, min_length=1, description="a scheduler's name, such as simple")
    seed: Seed = Field(default=0, description="the noise's seed")


# What `like` takes over: every setting of how to sample, nothing about which stage it is.
SAMPLING_FIELDS = tuple(name for name in Sampling.model_fields if name not in ("as_", "like"))

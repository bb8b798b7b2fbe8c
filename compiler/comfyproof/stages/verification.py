"""What must hold of a picture or video that a pipeline makes."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from .blocks import SIZE, Block, Picture, Size, read_size, text_like


class Times(Block):
    """A size as a multiple of an input's."""

    factor: float = Field(gt=0, le=64)
    of: str


def _read_relation(value: Any) -> Any:
    """`2x image` as Times; anything else as it is."""
    found = re.fullmatch(r"([0-9]*\.?[0-9]+)\s*[xX×]\s*\$?([A-Za-z_]\w*)", value) if isinstance(value, str) else None
    if found:
        return Times(factor=float(found[1]), of=found[2])
    try:
        return read_size(value)
    except ValueError:
        raise ValueError("write a size such as 2048x2048, or a multiple such as 2x image") from None


_TIMES = r"^[0-9]*\.?[0-9]+\s*[xX×]\s*\$?[A-Za-z_]([\w-]|[^\x00-\x7f])*$"
_SIZE_TEXT = text_like(f"{_TIMES}|{SIZE}", "a size such as 2048x2048, or a multiple such as 2x image")


class AtLeast(Block):
    """A lower bound on how alike two pictures are."""

    min: float = Field(ge=-1, le=1, description="the least structural similarity; 1 is the same picture")
    to: Picture = Field(description="the picture to compare with, such as $image")


class AtMost(Block):
    """An upper bound on how far colors moved."""

    max: float = Field(ge=0, le=100, description="the greatest mean difference of color (CIEDE2000)")
    to: Picture = Field(description="the picture to compare with, such as $image")


class Verification(Block):
    """The checks of a picture; whether it is whole, and made by the graph that was sent, is always checked."""

    count: int | None = Field(default=None, ge=0, le=10_000, description="how many pictures there must be")
    size: Annotated[Times | Size, BeforeValidator(_read_relation, json_schema_input_type=_SIZE_TEXT)] | None = Field(
        default=None, description="a size such as 2048x2048, or a multiple of an input such as 2x image"
    )
    aspect: Literal["kept"] | None = Field(default=None, description="kept: the proportions are those of the input")
    not_blank: bool = Field(default=True, description="whether the picture must show something")
    ssim: AtLeast | None = Field(default=None, description="how alike it must be to another picture, in structure")
    delta_e: AtMost | None = Field(default=None, description="how far its colors may be from another picture's")
    frames: int | None = Field(default=None, ge=1, le=16384, description="video: how many pictures long it must be")
    fps: float | None = Field(default=None, gt=0, le=1000, description="video: how many pictures a second it must have")

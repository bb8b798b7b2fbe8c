"""What a picture was promised to be, and the verdict of one check of that promise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path as FilePath
from typing import Any, TypeAlias


class Verdict(StrEnum):
    """What a check came to; what it could not look at is no pass."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_EXAMINED = "not examined"


@dataclass(frozen=True, slots=True)
class Check:
    """One promise, what was measured, and what to do where it was not kept."""

    name: str
    verdict: Verdict
    expected: str
    measured: str
    help: str = ""


@dataclass(frozen=True, slots=True)
class Exactly:
    """One size in pixels."""

    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Times:
    """A factor on both sides of another picture, give or take the rounding of latents."""

    factor: float
    reference: FilePath


@dataclass(frozen=True, slots=True)
class Bounds:
    """Pixels of one side, both ends included; None where it is open."""

    min: int | None = None
    max: int | None = None


@dataclass(frozen=True, slots=True)
class Within:
    """Bounds for each side."""

    width: Bounds = Bounds()
    height: Bounds = Bounds()


Size: TypeAlias = Exactly | Times | Within


@dataclass(frozen=True, slots=True)
class Similarity:
    """The least structural similarity (1 is the same picture) to another picture."""

    min: float
    reference: FilePath


@dataclass(frozen=True, slots=True)
class ColorShift:
    """The largest mean color difference (CIEDE2000; about 2 is just visible) to another picture."""

    max: float
    reference: FilePath


@dataclass(frozen=True, slots=True)
class Expected:
    """All that one picture or video was promised to be; that it is complete is always promised.

    `frames` and `fps` are a video's; its other promises are about its first frame.

    `prompt` is the prompt as it was sent: nodes by id, as ComfyUI's API takes them.
    """

    size: Size | None = None
    aspect_of: FilePath | None = None
    not_blank: bool = False
    ssim: Similarity | None = None
    delta_e: ColorShift | None = None
    prompt: Mapping[str, Any] | None = None
    frames: int | None = None
    fps: float | None = None

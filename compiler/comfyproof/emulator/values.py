"""What flows between the emulator's nodes, and what a running node may use."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .folders import Folders

# [batch, height, width, 3], 0 to 1
Picture: TypeAlias = NDArray[np.float32]
# [batch, height, width], 0 to 1
Mask: TypeAlias = NDArray[np.float32]

# All pictures of one output together; a 64 megapixel picture takes 0.8 GB as float32.
MAX_PIXELS = 64 * 10**6


class TooLarge(ValueError):
    """A picture beyond what the emulator holds in memory."""


class Interrupted(Exception):
    """Somebody asked for the running prompt to stop."""


@dataclass(frozen=True, eq=False)
class Latent:
    """A latent as the picture it stands for; `picture` is None while it is empty."""

    width: int
    height: int
    batch: int = 1
    picture: Picture | None = None
    mask: Mask | None = None


@dataclass(frozen=True)
class Model:
    """A loaded part of a model: its kind, its files, and the LoRAs put on it with their strengths."""

    kind: str
    files: tuple[str, ...]
    loras: tuple[tuple[str, float], ...] = ()

    @property
    def factor(self) -> int:
        """How many times larger an upscale model makes a picture, read from its name."""
        name = self.files[0].lower()
        for factor in (8, 4, 3, 2, 1):
            if f"{factor}x" in name or f"x{factor}" in name:
                return factor
        return 4


@dataclass(frozen=True)
class Conditioning:
    """An encoded text, and whatever was said about it since."""

    text: str
    settings: tuple[str, ...] = ()


@dataclass(frozen=True)
class StandIn:
    """A value of a type that the emulator gives no content to."""

    type: str
    origin: str


@dataclass(frozen=True)
class Shown:
    """A node's result that a client is shown: the `ui` part, and its outputs."""

    ui: Mapping[str, Any]
    outputs: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Step:
    """How far a node is; `preview` is drawn only where somebody may look at it."""

    value: int
    maximum: int
    preview: Callable[[], Picture] | None = None


@dataclass(frozen=True)
class Run:
    """What a running node may use: its folders, the prompt it is part of, and a way to say how far it is.

    `step` raises Interrupted. `session` are five letters that tell one server's previews from another's.
    """

    folders: Folders
    prompt: Mapping[str, Any]
    extra_pnginfo: Mapping[str, Any] | None
    step: Callable[[Step], None]
    session: str


def check_size(width: int, height: int, batch: int = 1) -> None:
    """Raises TooLarge for a picture that is too large, ValueError for one without pixels."""
    if width < 1 or height < 1 or batch < 1:
        raise ValueError(f"a picture of {width}x{height} (batch {batch}) has no pixels")
    if width * height * batch > MAX_PIXELS:
        limit = MAX_PIXELS // 10**6
        raise TooLarge(f"{width}x{height} (batch {batch}) is more than the {limit} megapixels that the emulator holds")


def random_from(*facts: object) -> np.random.Generator:
    """A random generator that depends on these facts alone."""
    digest = hashlib.sha256(repr(facts).encode("utf-8", "backslashreplace")).digest()
    return np.random.default_rng(int.from_bytes(digest[:16], "big"))

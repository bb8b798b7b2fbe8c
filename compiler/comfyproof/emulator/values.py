"""What flows between the emulator's nodes, and what a running node may use."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
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
# All samples of a sound together, and all characters of a text.
MAX_SAMPLES = 2**26
MAX_TEXT = 10**7
# The frames of a video that a sampler makes are windows over one picture, and take no memory of their own.
MAX_VIDEO_PIXELS = 2 * MAX_PIXELS


class TooLarge(ValueError):
    """A picture, a sound or a text beyond what the emulator holds in memory."""


class Interrupted(Exception):
    """Somebody asked for the running prompt to stop."""


@dataclass(frozen=True, eq=False)
class Latent:
    """A latent as the pictures it stands for; `picture` is None while it is empty.

    Each of a batch is a video of `frames` pictures. `first` and `last` are what an empty one is to begin and end with;
    `begun` is the sampling that left noise in it. `channels` is None where nobody can know. A latent pixel stands for
    `cell` pixels of a side; `axes` is 3 for a video, of which `pace` frames make a latent frame, and 1 for sound.
    `index` is each one's place in a batch, where noise is drawn by another one. Grey is nothing; what was added up may
    lie `beyond` black and white.
    """

    width: int
    height: int
    batch: int = 1
    picture: Picture | None = None
    mask: Mask | None = None
    frames: int = 1
    first: Picture | None = None
    last: Picture | None = None
    begun: Begun | None = None
    channels: int | None = None
    cell: int = 8
    axes: int = 2
    pace: int = 4
    index: tuple[int, ...] | None = None
    beyond: bool = False

    @property
    def latent_frames(self) -> int:
        """How many frames it has of its own; the first stands for one picture, each other one for `pace`."""
        return -(-(self.frames - 1) // self.pace) + 1

    @property
    def shape(self) -> tuple[int | None, ...]:
        """The shape that ComfyUI's tensor has: batch, channels, frames of a video, height, width."""
        sides = (self.latent_frames, self.height // self.cell, self.width // self.cell)
        return (self.batch, self.channels, *sides[3 - self.axes :])

    @property
    def count(self) -> int:
        """How many pictures it decodes to."""
        return self.batch * self.frames


@dataclass(frozen=True, eq=False)
class Begun:
    """A sampling that stopped on the way: from what, by how much so far, on what it depends, and what it came to.

    `left` is the share of noise that is still there.
    """

    latent: Latent
    denoise: float
    key: tuple[object, ...]
    picture: Picture
    left: float


@dataclass(frozen=True)
class Model:
    """A loaded part of a model: its kind, its files, the LoRAs on it with their strengths, and what else was set."""

    kind: str
    files: tuple[str, ...]
    loras: tuple[tuple[str, float], ...] = ()
    settings: tuple[str, ...] = ()

    @property
    def factor(self) -> int:
        """How many times larger an upscale model makes a picture, read from its name."""
        name = self.files[0].lower()
        for factor in (8, 4, 3, 2, 1):
            if f"{factor}x" in name or f"x{factor}" in name:
                return factor
        return 4


@dataclass(frozen=True, eq=False)
class Audio:
    """Sound: a waveform of [1, channels, samples], and how many samples a second."""

    waveform: NDArray[np.float32]
    rate: int


@dataclass(frozen=True, eq=False)
class Frames:
    """A video as its pictures, how many of them a second, and its sound."""

    images: Picture
    rate: Fraction
    audio: Audio | None = None


@dataclass(frozen=True)
class Clip:
    """A video in a file that nobody has opened yet."""

    path: Path


Video: TypeAlias = Frames | Clip


@dataclass(frozen=True, eq=False)
class Part:
    """An encoded text with what made it and what was done to it, and what it was told since, in ComfyUI's words.

    `width` is how many numbers stand for a token, None where nobody can know.
    """

    text: str
    settings: tuple[str, ...] = ()
    values: Mapping[str, Any] = field(default_factory=dict)
    width: int | None = None


@dataclass(frozen=True, eq=False)
class Conditioning:
    """What a model is guided by: encoded texts, one beside the other."""

    parts: tuple[Part, ...]

    def told(self, **values: Any) -> Conditioning:
        """The same with more said of each text."""
        return Conditioning(tuple(replace(part, values={**part.values, **values}) for part in self.parts))

    def noted(self, note: str) -> Conditioning:
        """The same with a note that sampling by it gives another picture."""
        return Conditioning(tuple(replace(part, settings=(*part.settings, note)) for part in self.parts))


@dataclass(frozen=True)
class StandIn:
    """A value of a type that the emulator gives no content to; `facts` tell what it was made from."""

    type: str
    origin: str
    facts: str = ""


@dataclass(frozen=True)
class Shown:
    """A node's result that a client is shown: the `ui` part, and its outputs."""

    ui: Mapping[str, Any]
    outputs: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Step:
    """How far a node is; `preview` is drawn only where somebody may look at it, and anew only where it is another."""

    value: int
    maximum: int
    preview: Callable[[], Picture] | None = None
    lossless: bool = False


@dataclass(frozen=True)
class Run:
    """What a running node may use: its folders, the prompt it is part of, and a way to say how far it is.

    `step` raises Interrupted. `session` are five letters that tell one server's previews from another's. `text` shows
    everybody a line or two.
    """

    folders: Folders
    prompt: Mapping[str, Any]
    extra_pnginfo: Mapping[str, Any] | None
    step: Callable[[Step], None]
    session: str
    text: Callable[[str], None]


def check_size(width: int, height: int, batch: int = 1, limit: int = MAX_PIXELS) -> None:
    """Raises TooLarge for a picture that is too large, ValueError for one without pixels."""
    if width < 1 or height < 1 or batch < 1:
        raise ValueError(f"a picture of {width}x{height} (batch {batch}) has no pixels")
    if width * height * batch > limit:
        held = f"{limit // 10**6} megapixels that the emulator holds"
        raise TooLarge(f"{width}x{height} (batch {batch}) is more than the {held}")


def random_from(*facts: object) -> np.random.Generator:
    """A random generator that depends on these facts alone."""
    digest = hashlib.sha256(repr(facts).encode("utf-8", "backslashreplace")).digest()
    return np.random.default_rng(int.from_bytes(digest[:16], "big"))


def facts_of(**values: Any) -> str:
    """A short text that is another one for any other values, pixels included."""
    digest = hashlib.sha256()
    for name, value in sorted(values.items()):
        digest.update(name.encode("utf-8", "backslashreplace"))
        _add(digest, value)
    return digest.hexdigest()[:16]


def _add(digest: hashlib._Hash, value: Any) -> None:
    if isinstance(value, np.ndarray):
        digest.update(repr(value.shape).encode())
        for one in value:  # a video's frames lie over each other in memory, and are never copied all at once
            digest.update(np.ascontiguousarray(one).data)
    elif isinstance(value, (Latent, Begun, Frames, Audio, Part, Conditioning)):
        for part in vars(value).values():
            _add(digest, part)
    elif isinstance(value, (list, tuple)):
        digest.update(f"{len(value)}".encode())
        for part in value:
            _add(digest, part)
    elif isinstance(value, Mapping):
        _add(digest, list(value.items()))
    else:
        digest.update(repr(value).encode("utf-8", "backslashreplace"))

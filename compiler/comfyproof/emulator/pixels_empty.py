"""Latents to sample from nothing, each as large as its family of models packs a picture, a video or a sound."""

from __future__ import annotations

import math
from collections.abc import Callable

from .pixels_latent import empty_of, whole_frames
from .values import Latent, Run, check_size


def _pictures(channels: int, cell: int = 8) -> Callable[..., tuple[Latent]]:
    def empty(run: Run, *, width: int, height: int, batch_size: int = 1) -> tuple[Latent]:
        return (empty_of(width, height, batch_size, 1, cell, channels),)

    return empty


def _videos(channels: int, pace: int, cell: int = 8) -> Callable[..., tuple[Latent]]:
    def empty(run: Run, *, width: int, height: int, length: int, batch_size: int = 1) -> tuple[Latent]:
        return (empty_of(width, height, batch_size, whole_frames(length, pace), cell, channels, 3, pace),)

    return empty


empty_latent_image = _pictures(4)
empty_sd3_latent_image = _pictures(16)
empty_hunyuan_image_latent = _pictures(64, 32)
empty_chroma_radiance_latent_image = _pictures(3, 1)
empty_hunyuan_latent_video = _videos(16, 4)
empty_mochi_latent_video = _videos(12, 6)
empty_cosmos_latent_video = _videos(16, 8)
empty_ltxv_latent_video = _videos(128, 8, 32)


def stable_cascade_empty_latent_image(
    run: Run, *, width: int, height: int, compression: int, batch_size: int = 1
) -> tuple[Latent, Latent]:
    """A small latent for the stage that thinks of a picture, and a larger one for the stage that draws it."""
    return (
        empty_of(width, height, batch_size, 1, compression, 16),
        empty_of(width, height, batch_size, 1, 4, 4),
    )


def empty_latent_audio(run: Run, *, seconds: float, batch_size: int) -> tuple[Latent]:
    """A latent of sound for Stable Audio."""
    return (_sound(round(seconds * 44100 / 2048 / 2) * 2, 1, batch_size, 64, 1),)


def empty_ace_step_latent_audio(run: Run, *, seconds: float, batch_size: int) -> tuple[Latent]:
    """The same for ACE-Step, which looks at it as at a picture."""
    return (_sound(math.floor(seconds * 44100 / 512 / 8), 16, batch_size, 8, 2),)


def _sound(length: int, height: int, batch: int, channels: int, axes: int) -> Latent:
    check_size(length * 8, height * 8, batch)
    return Latent(length * 8, height * 8, batch, channels=channels, axes=axes)

"""Nodes that put pictures beside each other, and over each other with their transparency."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import numpy as np

from .pixels_resize import fitted, resized
from .values import Mask, Picture, Run, check_size

_COLORS: Mapping[str, tuple[float, float, float]] = {
    "white": (1, 1, 1), "black": (0, 0, 0), "red": (1, 0, 0), "green": (0, 1, 0), "blue": (0, 0, 1),
}  # fmt: skip


def image_stitch(
    run: Run, *, image1: Picture, direction: str, match_image_size: bool, spacing_width: int, spacing_color: str,
    image2: Picture | None = None,
) -> tuple[Picture]:  # fmt: skip
    """Two pictures side by side, or one below the other; the last of the smaller batch is repeated."""
    if image2 is None:
        return (image1,)
    axis = 2 if direction in ("left", "right") else 1
    batch = max(len(image1), len(image2))
    first, second = _repeated(image1, batch), _repeated(image2, batch)
    if match_image_size:
        second = _matched(second, first, axis)
    else:
        border = 1.0 if spacing_color == "white" else 0.0
        across = max(first.shape[3 - axis], second.shape[3 - axis])
        first, second = _centered(first, 3 - axis, across, border), _centered(second, 3 - axis, across, border)
    channels = max(first.shape[3], second.shape[3])
    first, second = _opaque(first, channels), _opaque(second, channels)
    parts = [second, first] if direction in ("left", "up") else [first, second]
    gap = spacing_width + spacing_width % 2
    if gap:
        shape = [batch, *np.maximum(first.shape[1:3], second.shape[1:3]), 3]
        shape[axis] = gap
        check_size(shape[2], shape[1], batch)
        spacing = np.broadcast_to(np.array(_COLORS[spacing_color], np.float32), shape)
        parts.insert(1, _opaque(spacing, channels))
    size = [max(first.shape[1], second.shape[1]), max(first.shape[2], second.shape[2])]
    size[axis - 1] = first.shape[axis] + second.shape[axis] + gap
    check_size(size[1], size[0], batch)
    return (np.concatenate(parts, axis=axis),)


def _repeated(picture: Picture, batch: int) -> Picture:
    check_size(picture.shape[2], picture.shape[1], batch)
    return np.concatenate([picture, np.repeat(picture[-1:], batch - len(picture), axis=0)])


def _matched(picture: Picture, like: Picture, axis: int) -> Picture:
    """A picture in its own proportions, as high as another where it stands beside it, else as wide."""
    proportion = picture.shape[2] / picture.shape[1]
    height, width = like.shape[1:3]
    if axis == 2:
        return resized(picture, int(height * proportion), height, "lanczos")
    return resized(picture, width, int(width / proportion), "lanczos")


def _centered(picture: Picture, axis: int, size: int, border: float) -> Picture:
    missing = size - picture.shape[axis]
    pad = [(0, 0)] * 4
    pad[axis] = (missing // 2, missing - missing // 2)
    check_size(picture.shape[2] + sum(pad[2]), picture.shape[1] + sum(pad[1]), len(picture))
    return np.pad(picture, pad, constant_values=border)


def _opaque(picture: Picture, channels: int) -> Picture:
    """A picture with so many channels, of which those that it lacks are full."""
    return np.pad(picture, ((0, 0), (0, 0), (0, 0), (0, channels - picture.shape[3])), constant_values=1.0)


# Color times its opacity, and the opacity: of the source, of the destination, of the result.
_Blend: TypeAlias = Callable[[Picture, Mask, Picture, Mask], tuple[Picture, Mask]]


def _separable(blend: Callable[[Picture, Mask, Picture, Mask], Picture]) -> _Blend:
    """A blend whose result is opaque wherever one of the two is."""
    return lambda s, a, d, b: (blend(s, a, d, b), a + b - a * b)


_MODES: Mapping[str, _Blend] = {
    "ADD": lambda s, a, d, b: (np.clip(s + d, 0, 1), np.clip(a + b, 0, 1)),
    "CLEAR": lambda s, a, d, b: (np.zeros_like(d), np.zeros_like(b)),
    "DARKEN": _separable(lambda s, a, d, b: (1 - b) * s + (1 - a) * d + np.minimum(s, d)),
    "DST": lambda s, a, d, b: (d, b),
    "DST_ATOP": lambda s, a, d, b: (a * d + (1 - b) * s, a),
    "DST_IN": lambda s, a, d, b: (a * d, a * b),
    "DST_OUT": lambda s, a, d, b: ((1 - a) * d, (1 - a) * b),
    "DST_OVER": lambda s, a, d, b: (d + (1 - b) * s, b + (1 - b) * a),
    "LIGHTEN": _separable(lambda s, a, d, b: (1 - b) * s + (1 - a) * d + np.maximum(s, d)),
    "MULTIPLY": lambda s, a, d, b: (s * d, a * b),
    "OVERLAY": _separable(lambda s, a, d, b: np.where(2 * d < b, 2 * s * d, a * b - 2 * (b - s) * (a - d))),
    "SCREEN": _separable(lambda s, a, d, b: s + d - s * d),
    "SRC": lambda s, a, d, b: (s, a),
    "SRC_ATOP": lambda s, a, d, b: (b * s + (1 - a) * d, b),
    "SRC_IN": lambda s, a, d, b: (b * s, a * b),
    "SRC_OUT": lambda s, a, d, b: ((1 - b) * s, (1 - b) * a),
    "SRC_OVER": lambda s, a, d, b: (s + (1 - a) * d, a + (1 - a) * b),
    "XOR": lambda s, a, d, b: ((1 - b) * s + (1 - a) * d, (1 - b) * a + (1 - a) * b),
}


def porter_duff_image_composite(
    run: Run, *, source: Picture, source_alpha: Mask, destination: Picture, destination_alpha: Mask, mode: str
) -> tuple[Picture, Mask]:
    """Two pictures over each other, each with a mask of what is transparent, by one of the known rules."""
    batch = min(len(source), len(source_alpha), len(destination), len(destination_alpha))
    if source.shape[3] != destination.shape[3]:
        raise AssertionError("")  # without a word, as in ComfyUI
    height, width = destination.shape[1:3]
    over = fitted(source[:batch], width, height, "bicubic")
    a, b = (
        1 - fitted(alpha[:batch, ..., None], width, height, "bicubic") for alpha in (source_alpha, destination_alpha)
    )
    color, opacity = _MODES[mode](over * a, a, destination[:batch] * b, b)
    shown = np.where(opacity > 1e-5, color / np.where(opacity > 1e-5, opacity, 1), 0)
    return np.clip(shown, 0, 1).astype(np.float32), (1 - opacity)[..., 0]

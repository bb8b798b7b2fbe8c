"""Resampling as ComfyUI does it: PyTorch's rules for most methods, eight-bit Pillow for lanczos."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .values import Mask, Picture, check_size

# Per pixel of the result: which pixels of the source count, and how much.
_Taps: TypeAlias = tuple[NDArray[np.intp], NDArray[np.float32]]


def resized(picture: Picture, width: int, height: int, method: str = "lanczos") -> Picture:
    """A picture at another size, whatever becomes of its proportions. Raises TooLarge, ValueError."""
    check_size(width, height, picture.shape[0])
    if method != "lanczos" and picture.shape[1:3] == (height, width):
        return picture
    if method == "lanczos":
        return np.stack([_eight_bit(one, width, height) for one in picture])
    rows_first = picture.shape[1] * width > picture.shape[2] * height
    for axis, size in ((1, height), (2, width)) if rows_first else ((2, width), (1, height)):
        picture = _along(picture, axis, size, method)
    return picture


def _eight_bit(one: Picture, width: int, height: int) -> Picture:
    pixels = np.clip(one * 255.0, 0, 255).astype(np.uint8)
    small = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    scaled = np.asarray(small.resize((width, height), Image.Resampling.LANCZOS), dtype=np.float32) / np.float32(255.0)
    return scaled[..., None] if pixels.shape[2] == 1 else scaled


def _along(picture: Picture, axis: int, size: int, method: str) -> Picture:
    have = picture.shape[axis]
    if have == size:
        return picture
    if method == "area":
        return _averaged(picture, axis, size)
    indices, weights = _taps(have, size, method)
    shape = [1] * picture.ndim
    shape[axis] = size
    total = np.take(picture, indices[:, 0], axis)
    if weights.shape[1] == 1:
        return total
    total *= weights[:, 0].reshape(shape)
    for tap in range(1, weights.shape[1]):
        total += np.take(picture, indices[:, tap], axis) * weights[:, tap].reshape(shape)
    return total


def _taps(have: int, size: int, method: str) -> _Taps:
    scale = have / size
    at = (np.arange(size) + 0.5) * scale
    if method == "nearest-exact":
        return np.minimum(at.astype(np.intp), have - 1)[:, None], np.ones((size, 1), np.float32)
    at -= 0.5
    if method == "bilinear":
        at = np.maximum(at, 0.0)
    first = np.floor(at).astype(np.intp)
    part = at - first
    if method == "bilinear":
        indices = np.stack([first, first + 1], 1)
        weights = np.stack([1 - part, part], 1)
    else:
        indices = np.stack([first - 1, first, first + 1, first + 2], 1)
        weights = np.stack([_cubic(part + 1), _cubic(part), _cubic(1 - part), _cubic(2 - part)], 1)
    return np.clip(indices, 0, have - 1), weights.astype(np.float32)


def _cubic(x: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    """The convolution kernel of PyTorch's bicubic mode, for distances from 0 to 2."""
    a = -0.75
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = ((x - 5) * x + 8) * x * a - 4 * a
    found: NDArray[np.floating[Any]] = np.where(x <= 1, near, far)
    return found


def _averaged(picture: Picture, axis: int, size: int) -> Picture:
    """Each pixel of the result is the mean of all source pixels that it touches."""
    have = picture.shape[axis]
    first = np.arange(size) * have // size
    last = -(-(np.arange(size) + 1) * have // size)
    sums = np.cumsum(picture, axis=axis, dtype=np.float64)
    sums = np.concatenate([np.zeros_like(np.take(sums, [0], axis)), sums], axis)
    shape = [1] * picture.ndim
    shape[axis] = size
    means = (np.take(sums, last, axis) - np.take(sums, first, axis)) / (last - first).reshape(shape)
    result: Picture = means.astype(np.float32)
    return result


def as_masks(mask: Mask) -> Mask:
    """A mask with its batch dimension, whatever shape it came in."""
    return mask.reshape(-1, *mask.shape[-2:])


def resized_mask(mask: Mask, width: int, height: int) -> Mask:
    """A mask at another size."""
    scaled: Mask = resized(as_masks(mask)[..., None], width, height, "bilinear")[..., 0]
    return scaled


def alike_in_channels(under: Picture, over: Picture) -> tuple[Picture, Picture]:
    """Two pictures, the second without the channels that the first lacks. The first may get one too many."""
    missing = under.shape[3] - over.shape[3]
    if missing > 0:  # ComfyUI adds an opaque channel to the one that has more
        under = np.pad(under, ((0, 0), (0, 0), (0, 0), (0, 1)), constant_values=1.0)
    return under, over[..., : under.shape[3]]


def center_cropped(picture: Picture, width: int, height: int) -> Picture:
    """The middle of a picture in the proportions of another size."""
    have_height, have_width = picture.shape[1:3]
    have, want = have_width / have_height, width / height
    x = round((have_width - have_width * (want / have)) / 2) if have > want else 0
    y = round((have_height - have_height * (have / want)) / 2) if have < want else 0
    return picture[:, y : have_height - y, x : have_width - x]


def fitted(picture: Picture, width: int, height: int, method: str) -> Picture:
    """The middle of a picture at another size, in that one's proportions."""
    if method != "lanczos" and picture.shape[1:3] == (height, width):
        return picture
    return resized(center_cropped(picture, width, height), width, height, method)

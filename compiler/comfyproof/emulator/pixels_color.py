"""Nodes that change a picture's colors: fewer of them, brightness apart from hue, noise."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .values import Picture, Run

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
# How much of what blue and red have beyond the brightness is kept.
_BLUE, _RED = np.float32(0.564), np.float32(0.713)


def _only_rgb(picture: Picture) -> None:
    if picture.shape[3] != 3:
        batch, height, width, channels = picture.shape
        size = f"torch.Size([{batch}, {channels}, {height}, {width}])"
        raise ValueError(f"Input size must have a shape of (*, 3, H, W). Got {size}")


def image_rgb_to_yuv(run: Run, *, image: Picture) -> tuple[Picture, Picture, Picture]:
    """Brightness, and how much bluer and redder than that a picture is, each as a grey picture."""
    _only_rgb(image)
    luma = image @ _LUMA
    parts = (luma, (image[..., 2] - luma) * _BLUE + np.float32(0.5), (image[..., 0] - luma) * _RED + np.float32(0.5))
    y, u, v = (np.repeat(part[..., None], 3, axis=3) for part in parts)
    return y, u, v


def image_yuv_to_rgb(run: Run, *, Y: Picture, U: Picture, V: Picture) -> tuple[Picture]:  # noqa: N803
    """The picture that these three were."""
    y, u, v = (part.mean(axis=3) for part in (Y, U, V))
    blue, red = (u - np.float32(0.5)) / _BLUE, (v - np.float32(0.5)) / _RED
    green = -(_LUMA[0] * red + _LUMA[2] * blue) / _LUMA[1]
    picture: Picture = np.clip(np.stack([y + red, y + green, y + blue], axis=3), 0, 1)
    return (picture,)


def image_quantize(run: Run, *, image: Picture, colors: int, dither: str) -> tuple[Picture]:
    """A picture in few colors of its own, the rest mixed of them."""
    if image.shape[3] != 3:
        raise ValueError("Invalid mode for data type")
    return (np.stack([_quantized(one, colors, dither) for one in image]),)


def _quantized(one: Picture, colors: int, dither: str) -> Picture:
    levels = (one * np.float32(255.0)).astype(np.int64).astype(np.uint8)
    picture = Image.fromarray(levels)
    palette = picture.quantize(colors=colors)
    if dither.startswith("bayer"):
        count = len(palette.getpalette() or ()) // 3
        picture = Image.fromarray(_bayer(levels, 2 * 256 / count, int(dither.split("-")[1])))
    method = Image.Dither.FLOYDSTEINBERG if dither == "floyd-steinberg" else Image.Dither.NONE
    few = picture.quantize(palette=palette, dither=method).convert("RGB")
    return np.asarray(few, np.float32) / np.float32(255.0)


def _bayer(levels: NDArray[np.uint8], spread: float, order: int) -> NDArray[np.uint8]:
    """Levels raised and lowered by a pattern of `order` pixels a side."""
    pattern: NDArray[np.float64] = np.zeros((1, 1))
    for part in range(round(math.log2(order))):
        quarter = 4.0 ** -(part + 1)
        ups = np.array([[-1.5, 0.5], [1.5, -0.5]]) * quarter
        pattern = np.repeat(np.repeat(ups, len(pattern), 0), len(pattern), 1) + np.tile(pattern, (2, 2))
    raised = (spread * pattern + 0.5).astype(np.float32)
    height, width = levels.shape[:2]
    rows, columns = np.arange(height) % order, np.arange(width) % order
    lifted: NDArray[np.float32] = np.clip(levels + raised[rows][:, columns, None], 0, 255)
    return lifted.astype(np.uint8)


def image_add_noise(run: Run, *, image: Picture, seed: int, strength: float) -> tuple[Picture]:
    """A picture with noise on it, the same for the same seed."""
    noise = normal(seed, image.size).reshape(image.shape)
    return (np.clip(image + np.float32(strength) * noise, 0.0, 1.0),)


def normal(seed: int, count: int) -> NDArray[np.float32]:
    """PyTorch's random numbers of a seed, normally distributed."""
    generator = np.random.RandomState(seed & 0xFFFFFFFF)

    def words(number: int) -> NDArray[np.uint32]:
        return np.frombuffer(generator.bytes(4 * number), "<u4")

    if count < 16:
        return _few(words(4 * ((count + 1) // 2)), count)
    unit = (words(count) & 0xFFFFFF) * np.float32(2**-24)
    whole = count // 16 * 16
    found = _pairs(unit[:whole])
    if whole < count:  # the last sixteen are drawn anew
        last = _pairs((words(16) & 0xFFFFFF) * np.float32(2**-24))
        found = np.concatenate([found[: count - 16], last])
    return found


def _pairs(unit: NDArray[np.float32]) -> NDArray[np.float32]:
    """Of each sixteen, the first eight and the last make pairs (Box and Muller)."""
    halves = unit.reshape(-1, 2, 8)
    radius = np.sqrt(-2 * np.log1p(-halves[:, 0]))
    angle = np.float32(2 * math.pi) * halves[:, 1]
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1).reshape(-1).astype(np.float32)


def _few(words: NDArray[np.uint32], count: int) -> NDArray[np.float32]:
    """The same for less than sixteen, which PyTorch draws in double precision."""
    wide = words.reshape(-1, 2).astype(np.uint64)
    unit = ((wide[:, 0] << np.uint64(32) | wide[:, 1]) & np.uint64(2**53 - 1)).astype(np.float64) * 2.0**-53
    angle, radius = 2 * math.pi * unit[0::2], np.sqrt(-2 * np.log1p(-unit[1::2]))
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1).reshape(-1)[:count].astype(np.float32)

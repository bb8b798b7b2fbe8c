"""What sampling makes of a picture here: a gentle, coherent change, or a picture out of nothing."""

from __future__ import annotations

import colorsys

import numpy as np

from .pixels_image import blurred
from .pixels_resize import resized
from .values import Picture, random_from

# At full denoise: how much detail is added, and how far tone and hue drift across the picture.
DETAIL = np.float32(0.9)
DRIFT = np.float32(0.05)
GRAIN = np.float32(0.02)


def change_of(picture: Picture, denoise: float, *key: object, alike: bool = False) -> Picture:
    """A picture after sampling with this denoise; `key` is all that the result may depend on.

    `alike` says that several are the frames of one video, and change alike.
    """
    denoise = float(min(max(denoise, 0.0), 1.0))
    if denoise == 0.0:
        return picture
    shape = (1, *picture.shape[1:]) if alike else picture.shape
    changed = picture + np.float32(denoise) * _drift(picture, shape, key)
    changed += np.float32(denoise) * DETAIL * (picture - blurred(picture, 2, 1.0))
    changed += np.float32(denoise) * GRAIN * _grain(picture.shape, key)
    invented = max(0.0, (denoise - 0.5) * 2.0) ** 2
    if invented > 0:
        changed += np.float32(invented) * (synthetic(shape, key) - changed)
    return np.clip(changed, 0.0, 1.0, out=changed)


def _waves(shape: tuple[int, ...], cells: int, key: tuple[object, ...], salt: str) -> Picture:
    """Smooth random fields, one for each channel, -1 to 1, with features a `cells`-th of the picture."""
    batch, height, width = shape[:3]
    columns = max(2, round(cells * width / max(width, height)))
    rows = max(2, round(cells * height / max(width, height)))
    coarse = random_from(*key, salt).uniform(-1, 1, (batch, rows + 1, columns + 1, 3)).astype(np.float32)
    return resized(coarse, width, height, "bicubic")


def _drift(picture: Picture, shape: tuple[int, ...], key: tuple[object, ...]) -> Picture:
    field = _waves(shape, 5, key, "drift")
    # where a picture is black or white there is nothing to shift
    return DRIFT * field * (4.0 * picture * (1.0 - picture))


def _grain(shape: tuple[int, ...], key: tuple[object, ...]) -> Picture:
    """Fine noise, equal in all channels; made once for a tile and repeated, as nobody sees a period of 251."""
    tile = random_from(*key, "grain").standard_normal((251, 251)).astype(np.float32)
    rows, columns = -(-shape[1] // 251), -(-shape[2] // 251)
    return np.tile(tile, (rows, columns))[None, : shape[1], : shape[2], None]


def synthetic(shape: tuple[int, ...], key: tuple[object, ...]) -> Picture:
    """A smooth picture out of nothing: a sky, a sun, and hills that fade into the distance."""
    batch, height, width = shape[:3]
    random = random_from(*key, "scene")
    y = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    x = np.linspace(0, 1, width, dtype=np.float32)[None, :] * np.float32(width / height)
    result = np.empty((batch, height, width, 3), np.float32)
    for one in result:
        hue = random.uniform(0.5, 1.12)  # from cyan over blue and red to orange
        high, haze = _color(hue, 0.5, 0.6), _color(hue + random.uniform(0.03, 0.15), 0.3, 0.95)
        near = _color(hue + random.uniform(-0.15, 0.15), 0.55, 0.2)
        one[:] = high + (haze - high) * (y[..., None] / np.float32(0.7))
        sun_x, sun_y = random.uniform(0.2, 0.8) * width / height, random.uniform(0.15, 0.4)
        away = (x - np.float32(sun_x)) ** 2 + (y - np.float32(sun_y)) ** 2
        disc = np.clip((np.float32(0.06) - np.sqrt(away)) * np.float32(height / 4), 0, 1)
        glow = np.exp(-away / np.float32(0.03))
        one += np.float32(0.4) * np.minimum(disc + glow, 1.0)[..., None]
        for depth in range(5):
            _hill(one, x, y, depth, random, haze + (near - haze) * np.float32(0.2 + 0.2 * depth))
    result += np.float32(0.015) * _waves(result.shape, 60, key, "texture")[..., :1]
    return np.clip(result, 0.0, 1.0, out=result)


def _color(hue: float, saturation: float, value: float) -> Picture:
    return np.array(colorsys.hsv_to_rgb(hue % 1.0, saturation, value), np.float32)


def _hill(one: Picture, x: Picture, y: Picture, depth: int, random: np.random.Generator, color: Picture) -> None:
    line = np.full_like(x, 0.42 + 0.12 * depth)
    for wave in (2.1, 5.3, 13.7, 31.0):
        height, shift = random.uniform(0.3, 1.0) * 0.09 / wave**0.9, random.uniform(0, 6.28)
        line += np.float32(height) * np.sin(x * np.float32(wave) + np.float32(shift))
    cover = np.clip((y - line) * np.float32(one.shape[0] / 2), 0, 1)[..., None]
    one += cover * (color - one)

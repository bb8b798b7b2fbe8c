"""Videos out of nothing, or out of their first and last pictures: a window that moves over one large picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.lib.stride_tricks import as_strided

from .pixels_change import change_of, synthetic
from .pixels_resize import resized
from .values import Latent, Picture, random_from

# How much sampling changes a picture that a video is to begin or end with.
GENTLE = 0.1


def videos(latent: Latent, keys: Sequence[tuple[object, ...]]) -> Picture:
    """What an empty latent of videos is sampled to, each by its key; one frame is not like another."""
    made = [_video(latent, key) for key in keys]
    return made[0] if len(made) == 1 else np.concatenate(made)


def _video(latent: Latent, key: tuple[object, ...]) -> Picture:
    random = random_from(*key, "motion")
    step = (int(random.choice((-2, -1, 1, 2))), int(random.choice((-1, 0, 1))))
    first, last = _fitted(latent.first, latent), _fitted(latent.last, latent)
    frames = max(1, latent.frames - len(first[:-1]) - len(last[1:]))
    ends = []
    if len(first):
        ends.append(_leaving(first[-1:], frames, step, key))
    if len(last):
        ends.append(_leaving(last[:1], frames, (-step[0], -step[1]), key)[::-1])
    if not ends:
        return windows(synthetic(_canvas(latent, frames, step), key), frames, step)
    moving = ends[0] if len(ends) == 1 else _faded(*ends)
    if len(first) < 2 and len(last) < 2:
        return moving
    return np.concatenate([first[:-1], moving, last[1:]])[: latent.frames]


def _fitted(given: Picture | None, latent: Latent) -> Picture:
    """The pictures at the latent's size; none where none are given."""
    if given is None:
        return np.empty((0, latent.height, latent.width, 3), np.float32)
    return resized(given, latent.width, latent.height, "bilinear")


def _canvas(latent: Latent, frames: int, step: tuple[int, int]) -> tuple[int, int, int, int]:
    """The shape of a picture in which a window of the latent's size has room to move."""
    return 1, latent.height + abs(step[1]) * (frames - 1), latent.width + abs(step[0]) * (frames - 1), 3


def _leaving(picture: Picture, frames: int, step: tuple[int, int], key: tuple[object, ...]) -> Picture:
    """Frames that begin with a picture and move off over its mirror images."""
    across, down = (side * (frames - 1) for side in step)
    room = ((0, 0), (max(0, -down), max(0, down)), (max(0, -across), max(0, across)), (0, 0))
    wide = np.pad(picture, room, mode="symmetric")
    return windows(change_of(wide, GENTLE, *key), frames, step)


def windows(canvas: Picture, frames: int, step: tuple[int, int]) -> Picture:
    """Frames that share one picture's memory, each a step (right, down) further; nobody may write into them."""
    across, down = step
    height, width = canvas.shape[1] - abs(down) * (frames - 1), canvas.shape[2] - abs(across) * (frames - 1)
    begin = canvas[0, max(0, -down * (frames - 1)) :, max(0, -across * (frames - 1)) :]
    row, column, channel = begin.strides
    strides = (down * row + across * column, row, column, channel)
    return as_strided(begin, (frames, height, width, canvas.shape[3]), strides, writeable=False)


def _faded(beginning: Picture, end: Picture) -> Picture:
    """One video that becomes another."""
    result = np.empty(beginning.shape, np.float32)
    for number, share in enumerate(np.linspace(0, 1, len(result), dtype=np.float32)):
        result[number] = beginning[number] + share * (end[number] - beginning[number])
    return result

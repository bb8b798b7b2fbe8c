"""Nodes that reckon with latents, cut them and lay them over each other: each of their pixels is eight by eight here.

What moves, cuts, adds or multiplies is exact; what must fit one latent to another's size works on the pictures.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .pixels_image import blurred
from .pixels_latent import GREY, at_size, check_channels, picture_of
from .pixels_resize import resized, resized_mask
from .tensors import clash, odd_one
from .values import MAX_VIDEO_PIXELS, Latent, Mask, Picture, Run, check_size


def _signal(latent: Latent) -> Picture:
    """What a latent's pictures have beyond grey, which stands for zero."""
    return picture_of(latent) - GREY


def _repeated(latent: Latent, batch: int) -> Latent:
    """A batch cut, or repeated from its start, to so many."""
    if latent.batch == batch:
        return latent
    check_size(latent.width, latent.height, batch * latent.frames, MAX_VIDEO_PIXELS)
    if latent.picture is None:
        return replace(latent, batch=batch)
    which = np.arange(batch * latent.frames) % latent.count
    return replace(latent, batch=batch, picture=latent.picture[which])


def _reckoned(first: Latent, second: Latent, how: Callable[[Picture, Picture], Picture]) -> Latent:
    """A latent for each number of which something is reckoned from two; both empty give an empty one."""
    check_channels(first, second)
    second = _repeated(at_size(second, first), first.batch)
    if first.picture is None and second.picture is None:
        return first
    picture = how(_signal(first), _signal(second)) + GREY
    return replace(first, picture=picture, beyond=True, begun=None)


def latent_add(run: Run, *, samples1: Latent, samples2: Latent) -> tuple[Latent]:
    """The sum of two latents."""
    return (_reckoned(samples1, samples2, np.add),)


def latent_subtract(run: Run, *, samples1: Latent, samples2: Latent) -> tuple[Latent]:
    """The difference of two latents."""
    return (_reckoned(samples1, samples2, np.subtract),)


def latent_multiply(run: Run, *, samples: Latent, multiplier: float) -> tuple[Latent]:
    """A latent so many times as strong."""
    if samples.picture is None:
        return (samples,)
    return (replace(samples, picture=_signal(samples) * np.float32(multiplier) + GREY, beyond=True, begun=None),)


def _length(signal: Picture) -> Picture:
    found: Picture = np.sqrt(np.sum(signal * signal, axis=-1, keepdims=True))
    return found


def _over(signal: Picture, length: Picture) -> Picture:
    found: Picture = np.nan_to_num(signal / length, posinf=0.0, neginf=0.0)
    return found


def latent_interpolate(run: Run, *, samples1: Latent, samples2: Latent, ratio: float) -> tuple[Latent]:
    """A latent between two, its direction and its length each by itself."""
    share = np.float32(ratio)

    def between(a: Picture, b: Picture) -> Picture:
        one, other = _length(a), _length(b)
        mixed = _over(a, one) * share + _over(b, other) * (1 - share)
        found: Picture = _over(mixed, _length(mixed)) * (one * share + other * (1 - share))
        return found

    channels = samples1.channels
    if samples1.batch > 1 and channels is not None and samples1.batch != channels:
        raise clash(channels, samples1.batch, 1)  # ComfyUI divides each channel by a picture's lengths
    return (_reckoned(samples1, samples2, between),)


def latent_blend(run: Run, *, samples1: Latent, samples2: Latent, blend_factor: float) -> tuple[Latent]:
    """Two latents mixed. Raises RuntimeError for batches that don't fit."""
    share = np.float32(blend_factor)
    second = at_size(samples2, samples1, "bicubic")
    batch = max(samples1.batch, second.batch)
    if {samples1.batch, second.batch} - {1, batch}:
        raise clash(samples1.batch, second.batch, 0)
    first = _repeated(samples1, batch)
    return (_reckoned(first, second, lambda a, b: a * share + b * (1 - share)),)


def latent_concat(run: Run, *, samples1: Latent, samples2: Latent, dim: str) -> tuple[Latent]:
    """Two latents side by side, below each other, or one after the other. Raises RuntimeError where they don't fit."""
    first, second = samples1, _repeated(samples2, samples1.batch)
    axis = dim.strip("-")
    if axis == "t" and first.axes == 2:  # a picture has channels there
        channels = first.channels and second.channels and first.channels + second.channels
        return (replace(first, channels=channels or None),)
    order = (second, first) if dim.startswith("-") else (first, second)
    sides = {"y": ("width", -1), "x": ("height", -2), "t": ("width", -1)}
    other, behind = sides[axis]
    if getattr(first, other) != getattr(second, other):
        counted = len(first.shape)
        raise odd_one(counted + {"x": -1, "y": -2, "t": -3}[axis], order[0].shape[behind], order[1].shape[behind])
    return (_after(*order, first) if axis == "t" else _beside(*order, first, axis),)


def _beside(one: Latent, other: Latent, like: Latent, axis: str) -> Latent:
    if one.frames != other.frames:
        raise odd_one(4 if axis == "x" else 3, one.latent_frames, other.latent_frames)
    width = one.width + other.width if axis == "x" else one.width
    height = one.height + other.height if axis == "y" else one.height
    check_size(width, height, like.count, MAX_VIDEO_PIXELS)
    if one.picture is None and other.picture is None:
        return replace(like, width=width, height=height)
    picture = np.concatenate([picture_of(one), picture_of(other)], axis=2 if axis == "x" else 1)
    return replace(like, width=width, height=height, picture=picture, beyond=one.beyond or other.beyond, begun=None)


def _after(one: Latent, other: Latent, like: Latent) -> Latent:
    """One video after another; the first frame of the second is held as long as a latent frame lasts then."""
    frames = one.frames + other.frames + one.pace - 1
    check_size(like.width, like.height, like.batch * frames, MAX_VIDEO_PIXELS)
    if one.picture is None and other.picture is None:
        return replace(like, frames=frames)
    shape = (like.batch, -1, like.height, like.width, 3)
    first, second = picture_of(one).reshape(shape), picture_of(other).reshape(shape)
    held = np.repeat(second[:, :1], one.pace - 1, axis=1)
    picture = np.concatenate([first, held, second], axis=1).reshape(-1, *shape[2:])
    return replace(like, frames=frames, picture=picture, beyond=one.beyond or other.beyond, begun=None)


def latent_cut(run: Run, *, samples: Latent, dim: str, index: int, amount: int) -> tuple[Latent]:
    """A stretch of a latent's rows, columns or frames; an index below 0 counts from the end."""
    height, width = samples.shape[-2:] if samples.axes > 1 else (1, samples.shape[-1])
    have = {"x": width, "y": height, "t": samples.latent_frames if samples.axes == 3 else samples.channels}[dim]
    if have is None:
        return (samples,)
    first = min(index, have - 1) if index >= 0 else max(index, -have) + have
    count = min(have - first, amount)
    if dim == "t":
        return (cut_frames(samples, first, count) if samples.axes == 3 else replace(samples, channels=count),)
    part = slice(first * samples.cell, (first + count) * samples.cell)
    across = dim == "x"
    picture = samples.picture
    if picture is not None:
        picture = picture[:, :, part] if across else picture[:, part]
    side = {"width" if across else "height": count * samples.cell}
    return (replace(samples, picture=picture, begun=None, **side),)  # type: ignore[arg-type]


def cut_frames(latent: Latent, first: int, count: int) -> Latent:
    """Some of a video's latent frames. Raises ValueError where none are left."""
    if count < 1:
        raise ValueError("a video without frames cannot be held")
    frames = (count - 1) * latent.pace + 1
    if latent.picture is None:
        return replace(latent, frames=frames)
    start = first * latent.pace
    shape = (latent.batch, latent.frames, latent.height, latent.width, 3)
    if latent.batch == 1:
        picture = latent.picture[start : start + frames]
    else:
        picture = latent.picture.reshape(shape)[:, start : start + frames].reshape(-1, *shape[2:])
    return replace(latent, frames=frames, picture=picture, begun=None)


def trim_video_latent(run: Run, *, samples: Latent, trim_amount: int) -> tuple[Latent]:
    """A video without its first latent frames. Of a picture it takes rows, as ComfyUI does."""
    if samples.axes == 3:
        return (cut_frames(samples, trim_amount, samples.latent_frames - trim_amount),)
    left = samples.height - trim_amount * samples.cell
    if left < 1:
        raise ValueError("a picture without rows cannot be held")
    picture = None if samples.picture is None else samples.picture[:, -left:]
    return (replace(samples, height=left, picture=picture, begun=None),)


def latent_batch_seed_behavior(run: Run, *, samples: Latent, seed_behavior: str) -> tuple[Latent]:
    """A batch of which each gets the noise of the first, or its own."""
    if seed_behavior == "random":
        return (replace(samples, index=None),)
    first = (samples.index or (0,))[0]
    return (replace(samples, index=(first,) * samples.batch),)


def latent_composite(
    run: Run, *, samples_to: Latent, samples_from: Latent, x: int, y: int, feather: int
) -> tuple[Latent]:
    """A latent laid over another, softly where `feather` says so; places are in pixels."""
    cell = samples_to.cell
    across = _place(samples_from.width // cell, samples_to.width // cell, x // 8, 3)
    down = _place(samples_from.height // cell, samples_to.height // cell, y // 8, 2)
    if samples_from.batch not in (1, samples_to.batch):
        raise clash(samples_to.batch, samples_from.batch, 0)
    if not across or not down:
        return (samples_to,)
    rows = _ramp(down, feather // 8, y // 8 != 0, y // 8 + down < samples_to.height // cell)
    columns = _ramp(across, feather // 8, x // 8 != 0, x // 8 + across < samples_to.width // cell)
    kept = np.outer(rows, columns).repeat(cell, 0).repeat(cell, 1)[None, ..., None]
    return (_laid(samples_to, samples_from, x // 8 * cell, y // 8 * cell, kept),)


def _place(over: int, under: int, first: int, dimension: int) -> int:
    """How many of a latent's rows or columns lie on another one. Raises RuntimeError for a place far outside."""
    put = len(range(over)[: under - first])
    place = len(range(under)[first : first + over])
    if put != place and put != 1:
        raise clash(place, put, dimension)
    return place


def _ramp(length: int, soft: int, begins: bool, ends: bool) -> NDArray[np.float32]:
    """How far each row or column counts, less towards where it begins or ends."""
    ramp = np.ones(length, np.float32)
    steps = min(soft, length)
    rise = np.arange(1, steps + 1, dtype=np.float32) / max(soft, 1)
    if begins:
        ramp[:steps] *= rise
    if ends:
        ramp[length - steps :] *= rise[::-1]
    return ramp


def _laid(under: Latent, over: Latent, x: int, y: int, kept: Picture) -> Latent:
    """A latent with another one over it where `kept` says so, from a place in pixels on."""
    check_channels(under, over)
    if over.batch not in (1, under.batch):
        raise clash(under.batch, over.batch, 0)
    if under.picture is None and over.picture is None:
        return under
    height, width = kept.shape[1:3]
    result = picture_of(under).copy()
    place = result[:, y : y + height, x : x + width]
    put = picture_of(_repeated(over, under.batch))[:, :height, :width]
    place[:] = kept * put + (1 - kept) * place
    return replace(under, picture=result, beyond=under.beyond or over.beyond, begun=None)


def latent_composite_masked(
    run: Run, *, destination: Latent, source: Latent, x: int, y: int, resize_source: bool, mask: Mask | None = None
) -> tuple[Latent]:
    """A latent laid over another through a mask; places are in pixels."""
    cell = destination.cell
    if resize_source:
        picture = source.picture
        picture = None if picture is None else resized(picture, destination.width, destination.height, "bilinear")
        source = replace(source, width=destination.width, height=destination.height, picture=picture)
    source = _repeated(source, destination.batch)
    x, y = min(x // 8 * cell, destination.width), min(y // 8 * cell, destination.height)
    wide, high = min(source.width, destination.width - x), min(source.height, destination.height - y)
    if wide < 1 or high < 1:
        return (destination,)
    kept: Picture = np.ones((1, high, wide, 1), np.float32)
    if mask is not None:
        small = resized_mask(mask, source.width // cell, source.height // cell)
        small = small[np.arange(destination.batch) % len(small)]
        kept = small.repeat(cell, 1).repeat(cell, 2)[:, :high, :wide, None]
        kept = kept.repeat(destination.frames, 0)
    return (_laid(destination, source, x, y, kept),)


MAX_RADIUS = 64  # pixels; a wider blur looks much the same, and takes long


@dataclass(frozen=True)
class Operation:
    """Something to be done to a latent later."""

    name: str
    settings: tuple[float, ...]


def tonemap_reinhard(run: Run, *, multiplier: float) -> tuple[Operation]:
    """What keeps the strongest of a latent's numbers down."""
    return (Operation("tonemap", (multiplier,)),)


def sharpen(run: Run, *, sharpen_radius: int, sigma: float, alpha: float) -> tuple[Operation]:
    """What brings out a latent's details."""
    return (Operation("sharpen", (sharpen_radius, sigma, alpha)),)


def latent_apply_operation(run: Run, *, samples: Latent, operation: Operation) -> tuple[Latent]:
    """A latent after an operation. Raises RuntimeError for one that is smaller than the operation reaches."""
    if samples.picture is None:
        return (samples,)
    cell = samples.cell
    signal = _signal(samples)
    if operation.name == "tonemap":
        changed = _tonemapped(signal, *operation.settings)
    else:
        radius, sigma, alpha = int(operation.settings[0]), *operation.settings[1:]
        if radius >= min(samples.height, samples.width) // cell:
            raise RuntimeError(
                "Argument #4: Padding size should be less than the corresponding input dimension, "
                f"but got: padding ({radius}, {radius}) at dimension 3 of input {list(samples.shape)}"
            )
        changed = _sharpened(signal, min(radius * cell, MAX_RADIUS), sigma, alpha)
    return (replace(samples, picture=changed + GREY, beyond=True, begun=None),)


def _tonemapped(signal: Picture, multiplier: float) -> Picture:
    length = _length(signal) + np.float32(1e-10)
    each = (1, 2, 3)
    top = (length.std(axis=each, keepdims=True, ddof=1) * 5 + length.mean(axis=each, keepdims=True)) * multiplier
    shorter = length / top
    found: Picture = (signal / length * (shorter / (shorter + 1)) * top).astype(np.float32)
    return found


def _sharpened(signal: Picture, radius: int, sigma: float, alpha: float) -> Picture:
    length = _length(signal) + np.float32(1e-6)
    toward = signal / length
    found: Picture = length * (toward + np.float32(10 * alpha) * (toward - blurred(toward, radius, sigma * radius)))
    return found

"""Nodes that make and change masks, and lay pictures over each other through them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from .pixels_resize import alike_in_channels, as_masks, resized, resized_mask
from .tensors import check_alike, clash
from .values import Mask, Picture, Run, check_size


def image_to_mask(run: Run, *, image: Picture, channel: str) -> tuple[Mask]:
    """One channel as a mask."""
    return (image[..., ["red", "green", "blue", "alpha"].index(channel)],)


def image_color_to_mask(run: Run, *, image: Picture, color: int) -> tuple[Mask]:
    """A mask of the pixels of one color."""
    levels = np.round(np.clip(image, 0.0, 1.0) * 255.0).astype(np.int32)
    colors = (levels[..., 0] << 16) + (levels[..., 1] << 8) + levels[..., 2]
    return ((colors == color).astype(np.float32),)


def mask_to_image(run: Run, *, mask: Mask) -> tuple[Picture]:
    """A mask as a grey picture."""
    return (np.repeat(as_masks(mask)[..., None], 3, axis=3),)


def solid_mask(run: Run, *, value: float, width: int, height: int) -> tuple[Mask]:
    """A mask of one value."""
    check_size(width, height)
    return (np.full((1, height, width), value, np.float32),)


def invert_mask(run: Run, *, mask: Mask) -> tuple[Mask]:
    """A mask turned round."""
    return (1.0 - mask,)


def crop_mask(run: Run, *, mask: Mask, x: int, y: int, width: int, height: int) -> tuple[Mask]:
    """A rectangle out of a mask."""
    return (as_masks(mask)[:, y : y + height, x : x + width],)


def threshold_mask(run: Run, *, mask: Mask, value: float) -> tuple[Mask]:
    """A mask of zeros and ones."""
    return ((mask > value).astype(np.float32),)


def feather_mask(run: Run, *, mask: Mask, left: int, top: int, right: int, bottom: int) -> tuple[Mask]:
    """A mask that fades towards its edges."""
    masks = as_masks(mask).copy()
    for axis, count, sign in ((2, left, 1), (2, right, -1), (1, top, 1), (1, bottom, -1)):
        count = min(count, masks.shape[axis])
        # from the far edges ComfyUI counts 0, -1, -2: its first step falls on the near edge
        at = sign * np.arange(count)
        rates = (np.arange(1, count + 1) / max(count, 1)).astype(np.float32)
        if axis == 2:
            masks[:, :, at] *= rates
        else:
            masks[:, at] *= rates[:, None]
    return (masks,)


_OPERATIONS: Mapping[str, Callable[[Mask, Mask], Mask]] = {
    "multiply": lambda a, b: a * b,
    "add": lambda a, b: a + b,
    "subtract": lambda a, b: a - b,
    "and": lambda a, b: (a.round() != 0) & (b.round() != 0),
    "or": lambda a, b: (a.round() != 0) | (b.round() != 0),
    "xor": lambda a, b: (a.round() != 0) ^ (b.round() != 0),
}


def mask_composite(run: Run, *, destination: Mask, source: Mask, x: int, y: int, operation: str) -> tuple[Mask]:
    """A mask with another one worked into it."""
    result, over = as_masks(destination).copy(), as_masks(source)
    bottom, right = min(y + over.shape[1], result.shape[1]), min(x + over.shape[2], result.shape[2])
    under = result[:, y:bottom, x:right]
    over = over[:, : bottom - y, : right - x]
    check_alike(under.shape, over.shape)
    result[:, y:bottom, x:right] = _OPERATIONS[operation](under, over)
    return (np.clip(result, 0.0, 1.0),)


def image_composite_masked(
    run: Run, *, destination: Picture, source: Picture, x: int, y: int, resize_source: bool, mask: Mask | None = None
) -> tuple[Picture]:
    """A picture laid over another, through a mask."""
    destination, source = alike_in_channels(destination, source)
    result = destination.copy()
    height, width = result.shape[1:3]
    if resize_source:
        source = resized(source, width, height, "bilinear")
    over = _to_batch(source, result.shape[0])
    x, y = min(x, width), min(y, height)
    bottom, right = min(y + over.shape[1], height), min(x + over.shape[2], width)
    over = over[:, : bottom - y, : right - x]
    if over.shape[3] != result.shape[3]:
        raise clash(over.shape[3], result.shape[3], 1)
    kept: Mask | np.float32 = np.float32(1.0)
    if mask is not None:
        masks = _to_batch(resized_mask(mask, source.shape[2], source.shape[1]), result.shape[0])
        kept = masks[:, : bottom - y, : right - x, None]
    result[:, y:bottom, x:right] = kept * over + (1 - kept) * result[:, y:bottom, x:right]
    return (result,)


def _to_batch(values: Picture, batch: int) -> Picture:
    """The same number of pictures as another batch has: cut, or repeated from the start."""
    return values if values.shape[0] == batch else np.resize(values, (batch, *values.shape[1:]))


def join_image_with_alpha(run: Run, *, image: Picture, alpha: Mask) -> tuple[Picture]:
    """A picture with a mask as its transparency."""
    opaque = 1.0 - resized_mask(alpha, image.shape[2], image.shape[1])
    batch = min(image.shape[0], opaque.shape[0])
    return (np.concatenate([_to_batch(image, batch)[..., :3], _to_batch(opaque, batch)[..., None]], axis=3),)


def split_image_with_alpha(run: Run, *, image: Picture) -> tuple[Picture, Mask]:
    """A picture without its transparency, and that as a mask."""
    alpha = image[..., 3] if image.shape[3] > 3 else np.ones(image.shape[:3], np.float32)
    return image[..., :3], 1.0 - alpha

"""Growing and shrinking what is light in a picture or a mask, by squares and by diamonds, however large."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from .pixels_resize import as_masks
from .values import Mask, Picture, Run


def lightest(picture: Picture, axis: int, size: int, before: int) -> Picture:
    """For each pixel the lightest of `size` in a row, `before` of which are in front of it."""
    length = picture.shape[axis]
    pad = [(0, 0)] * picture.ndim
    pad[axis] = (before, size - before - 1)
    wide = np.pad(picture, pad, constant_values=-np.inf)

    def part(first: int, count: int) -> Picture:
        found: Picture = np.take(wide, range(first, first + count), axis) if axis else wide[first : first + count]
        return found

    done = 1
    while done < size:  # what covers `done` pixels, and the same some pixels further, cover up to twice as many
        step = min(done, size - done)
        count = wide.shape[axis] - step
        wide = np.maximum(part(0, count), part(step, count))
        done += step
    return part(0, length)


def _dilated(picture: Picture, size: int) -> Picture:
    before = (size - 1) // 2
    return lightest(lightest(picture, 1, size, before), 2, size, before)


def _eroded(picture: Picture, size: int) -> Picture:
    # of an even number, the odd one is on the other side
    return -lightest(lightest(-picture, 1, size, size // 2), 2, size, size // 2)


_OPERATIONS: Mapping[str, Callable[[Picture, int], Picture]] = {
    "erode": _eroded,
    "dilate": _dilated,
    "open": lambda picture, size: _dilated(_eroded(picture, size), size),
    "close": lambda picture, size: _eroded(_dilated(picture, size), size),
    "gradient": lambda picture, size: _dilated(picture, size) - _eroded(picture, size),
    "top_hat": lambda picture, size: picture - _dilated(_eroded(picture, size), size),
    "bottom_hat": lambda picture, size: _eroded(_dilated(picture, size), size) - picture,
}


def morphology(run: Run, *, image: Picture, operation: str, kernel_size: int) -> tuple[Picture]:
    """A picture whose light parts grow, shrink or stand out, by squares of so many pixels."""
    return (_OPERATIONS[operation](image, kernel_size),)


def grow_mask(run: Run, *, mask: Mask, expand: int, tapered_corners: bool) -> tuple[Mask]:
    """A mask that reaches some pixels further, or less far where `expand` is negative."""
    masks = as_masks(mask)
    far = min(abs(expand), sum(masks.shape[1:]))
    turned = masks if expand > 0 else -masks
    grown = _diamond(turned, far) if tapered_corners else _dilated(turned, 2 * far + 1)
    return (grown if expand > 0 else -grown,)


def _diamond(masks: Mask, far: int) -> Mask:
    """The lightest pixel within so many steps to the sides; a larger diamond is five smaller ones."""
    done = 0
    while done < far:
        step = min(max(done, 1), far - done)
        wide = np.pad(masks, ((0, 0), (step, step), (step, step)), mode="symmetric")
        height, width = masks.shape[1:]
        for y, x in ((0, step), (2 * step, step), (step, 0), (step, 2 * step)):
            masks = np.maximum(masks, wide[:, y : y + height, x : x + width])
        done += step
    return masks

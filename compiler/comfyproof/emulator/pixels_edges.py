"""Canny's edges as ComfyUI draws them, on the gradients of a blurred grey picture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .pixels_image import blurred
from .values import Mask, Picture, Run

# What keeps a root from being taken of nothing; it is the magnitude where there is no gradient.
_EPSILON = np.float32(1e-6)
# The neighbor in each eighth of a turn, down and to the right: from right over down to up and right.
_AROUND = ((0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1))


def canny(run: Run, *, image: Picture, low_threshold: float, high_threshold: float) -> tuple[Picture]:
    """White lines on black where a picture has edges: strong ones, and weak ones that touch a strong one."""
    if high_threshold < low_threshold:
        said = "Invalid input thresholds. low_threshold should be smaller than or equal to the high_threshold. Got: "
        raise ValueError(f"{said}{low_threshold}>{high_threshold}")
    grey = image[..., :3] @ np.array([0.299, 0.587, 0.114], np.float32)
    smooth = blurred(grey[..., None], 2, 1.0)[..., 0]
    edges = np.stack([_edges(one, low_threshold, high_threshold) for one in smooth])
    return (np.repeat(edges[..., None], 3, axis=3),)


def _edges(grey: Mask, low: float, high: float) -> Mask:
    from skimage.measure import label

    ridges = _ridges(grey)
    regions = label(ridges > low, connectivity=2)  # type: ignore[no-untyped-call]
    strong = np.unique(regions[ridges > high])
    return np.isin(regions, strong[strong > 0]).astype(np.float32)


def _ridges(grey: Mask) -> Mask:
    """The steepness where it is greater than on both sides across an edge, 0 elsewhere."""
    across, down = _gradients(grey)
    steepness = np.sqrt(across**2 + down**2 + _EPSILON)
    wide = np.pad(steepness, 1, constant_values=np.sqrt(_EPSILON))
    eighths = np.round(np.arctan2(down, across) * np.float32(4 / np.pi)).astype(np.intp) % 8
    highest = steepness > np.sqrt(_EPSILON)
    for ahead in (eighths, (eighths + 4) % 8):
        beside = _neighbors(wide, ahead)
        # of two that are equal, the left or the upper one is the edge
        highest &= np.where((ahead == 0) | (ahead == 2), steepness >= beside, steepness > beside)
    return np.where(highest, steepness, np.float32(0))


def _gradients(grey: Mask) -> tuple[Mask, Mask]:
    """How much lighter a picture grows to the right, and downwards (Sobel)."""
    wide = np.pad(grey, 1, mode="edge")
    columns = wide[:-2] + 2 * wide[1:-1] + wide[2:]
    rows = wide[:, :-2] + 2 * wide[:, 1:-1] + wide[:, 2:]
    return columns[:, 2:] - columns[:, :-2], rows[2:] - rows[:-2]


def _neighbors(wide: Mask, ahead: NDArray[np.intp]) -> Mask:
    """Each pixel's neighbor in its own direction, out of a picture with a border of one pixel."""
    height, width = ahead.shape
    around = [wide[1 + y : 1 + y + height, 1 + x : 1 + x + width] for y, x in _AROUND]
    return np.choose(ahead, around)

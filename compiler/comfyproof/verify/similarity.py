"""How like a reference a picture is: structure at no more than 512 px, color at half of that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .picture import Picture
from .shape import centered_crop

if TYPE_CHECKING:
    from PIL import Image

# Full size would cost seconds and judge grain that no two samplings share; color is judged at half of it.
SIDE = 512
# The window of structural similarity: a Gaussian of 1.5 px, cut off at 3.5 of its widths.
WINDOW = 11


@dataclass(frozen=True, slots=True)
class Pair:
    """A picture and what it is compared with, both RGB and of one size."""

    picture: Image.Image
    reference: Image.Image


@dataclass(frozen=True, slots=True)
class Structure:
    """Structural similarity of luma, 1 for the same picture, and the size in pixels at which it was found."""

    ssim: float
    size: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Difference:
    """CIEDE2000 over all pixels: the mean, and what 95 of 100 pixels stay below."""

    mean: float
    percentile_95: float


def pairs(picture: Picture, reference: Picture) -> tuple[Pair, ...]:
    """The picture beside the reference: all of it and, where that differs, the part that VAEEncode keeps.

    A crop of a few pixels shifts everything against the reference, and a shift of a single pixel
    halves the similarity of fine texture.
    """
    whole = (0, 0, *reference.size)
    crop = centered_crop(reference.size)
    boxes = [whole] if crop == whole or crop[0] == crop[2] or crop[1] == crop[3] else [whole, crop]
    return tuple(_pair(picture, reference, box) for box in boxes)


def _pair(picture: Picture, reference: Picture, box: tuple[int, int, int, int]) -> Pair:
    """The picture and a part of the reference at one size, to which neither is enlarged."""
    left, top, right, bottom = box
    longest = max(right - left, bottom - top)
    scale = min(SIDE, longest, max(picture.size)) / longest
    size = (max(1, round((right - left) * scale)), max(1, round((bottom - top) * scale)))
    # The pixels may be a smaller decoding than the size says.
    across, down = reference.pixels.width / reference.size[0], reference.pixels.height / reference.size[1]
    part = (left * across, top * down, right * across, bottom * down)
    return Pair(_resize(picture.pixels, size), _resize(reference.pixels, size, part))


def _resize(
    image: Image.Image, size: tuple[int, int], part: tuple[float, float, float, float] | None = None
) -> Image.Image:
    from PIL import Image

    # Hamming is as sharp as bicubic when it shrinks, at the cost of bilinear.
    return image.resize(size, Image.Resampling.HAMMING, part)


def structural_similarity(compared: Sequence[Pair]) -> Structure | None:
    """The best SSIM over some pairs; None if all are smaller than its window."""
    found = [Structure(_ssim(pair), pair.picture.size) for pair in compared if min(pair.picture.size) >= WINDOW]
    return max(found, key=lambda structure: structure.ssim, default=None)


def _ssim(pair: Pair) -> float:
    import numpy
    from skimage import metrics

    # Single precision halves the time and changes the fifth digit.
    picture, reference = (
        numpy.asarray(image.convert("L"), dtype=numpy.float32) for image in (pair.picture, pair.reference)
    )
    found = metrics.structural_similarity(  # type: ignore[no-untyped-call]
        picture, reference, data_range=255, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
    )
    return float(found)


def color_difference(compared: Sequence[Pair]) -> Difference:
    """The smallest color difference over some pairs; 0 for the same picture."""
    return min((_color_difference(pair) for pair in compared), key=lambda difference: difference.mean)


def _color_difference(pair: Pair) -> Difference:
    import numpy
    from skimage import color

    picture, reference = (color.rgb2lab(numpy.asarray(image.reduce(2))) for image in (pair.picture, pair.reference))
    distance = color.deltaE_ciede2000(picture, reference)  # type: ignore[no-untyped-call]
    return Difference(float(distance.mean()), float(numpy.percentile(distance, 95)))

"""Which sizes a promise allows, once latents have rounded them."""

from __future__ import annotations

from fractions import Fraction

from .expected import Bounds, Exactly, Size, Within

# Pixels along a side of one latent cell. VAEEncode crops to whole cells, centered; latents grow by whole
# cells; UltimateSDUpscale rounds its result to the nearest multiple.
CELL = 8


def allowed(size: Size, reference: tuple[int, int] | None) -> Within:
    """The bounds that a promised size comes to; `reference` is the size that a factor multiplies."""
    if isinstance(size, Within):
        return size
    if isinstance(size, Exactly):
        return Within(Bounds(size.width, size.width), Bounds(size.height, size.height))
    assert reference is not None
    width, height = (_multiplied(side, size.factor) for side in reference)
    return Within(width, height)


def _multiplied(side: int, factor: float) -> Bounds:
    """A side times a factor: exact where both are whole cells, else between the roundings down and up."""
    by = Fraction(str(factor))
    lowest = (side - side % CELL) * by // CELL * CELL
    highest = -(-side * by // CELL) * CELL
    return Bounds(int(lowest), int(highest))


def fits(size: tuple[int, int], bounds: Within) -> bool:
    """Whether both sides lie within their bounds."""
    return all(
        (side.min is None or length >= side.min) and (side.max is None or length <= side.max)
        for length, side in zip(size, (bounds.width, bounds.height), strict=True)
    )


def keeps_aspect(size: tuple[int, int], reference: tuple[int, int]) -> bool:
    """Whether one factor explains both sides, if VAEEncode may have cropped and latents may have rounded.

    Each side alone gives a range of factors: what the crop can have left of the reference on the one
    hand, less than a cell of rounding on the other. The aspect is kept where the two ranges meet.
    """
    ranges = [_factors(*sides) for sides in zip(size, reference, strict=True)]
    return max(low for low, _ in ranges) < min(high for _, high in ranges)


def _factors(side: int, reference: int) -> tuple[Fraction, Fraction]:
    cropped = reference - reference % CELL or reference
    rounding = CELL if side % CELL == 0 else 1
    return Fraction(side - rounding, reference), Fraction(side + rounding, cropped)


def centered_crop(size: tuple[int, int]) -> tuple[int, int, int, int]:
    """The part of a picture that VAEEncode keeps: left, top, right, bottom in pixels."""
    left, top = (side % CELL // 2 for side in size)
    return left, top, left + size[0] // CELL * CELL, top + size[1] // CELL * CELL


def in_words(bounds: Within) -> str:
    """Bounds as a person writes them."""
    if bounds.width == bounds.height == Bounds():
        return "any size"
    sides = (_side_in_words(bounds.width), _side_in_words(bounds.height))
    if all(side.isdigit() for side in sides):
        return "x".join(sides)
    return f"width {sides[0]}, height {sides[1]}"


def _side_in_words(side: Bounds) -> str:
    if side.min is None:
        return "any" if side.max is None else f"at most {side.max}"
    if side.max is None:
        return f"at least {side.min}"
    return str(side.min) if side.min == side.max else f"{side.min} to {side.max}"

"""Sizes and aspects that a promise allows, and those it doesn't."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comfyproof.verify.expected import Bounds, Exactly, Times, Within
from comfyproof.verify.shape import allowed, centered_crop, fits, in_words, keeps_aspect

REFERENCE = Path("portrait.png")


@pytest.mark.parametrize(
    ("factor", "reference", "words"),
    [
        (2, (1024, 768), "2048x1536"),
        (1.1, (1280, 1280), "1408x1408"),  # 1280 * 1.1 is a little more than 1408 in floating point
        (0.5, (512, 512), "256x256"),
        (1.5, (1000, 1000), "width 1496 to 1504, height 1496 to 1504"),
        (2, (1021, 767), "width 2032 to 2048, height 1520 to 1536"),
        (1, (1000, 1001), "width 1000, height 1000 to 1008"),
        (4, (7, 64), "width 0 to 32, height 256"),
    ],
)
def test_a_factor_allows_what_latents_round_to(factor: float, reference: tuple[int, int], words: str) -> None:
    assert in_words(allowed(Times(factor, REFERENCE), reference)) == words


@pytest.mark.parametrize(
    ("size", "bounds", "verdict"),
    [
        ((2048, 1536), Exactly(2048, 1536), True),
        ((1536, 2048), Exactly(2048, 1536), False),
        ((2048, 1537), Exactly(2048, 1536), False),
        ((512, 99999), Within(Bounds(min=512)), True),
        ((511, 99999), Within(Bounds(min=512)), False),
        ((512, 4097), Within(height=Bounds(max=4096)), False),
        ((512, 4096), Within(height=Bounds(max=4096)), True),
        ((1, 1), Within(), True),
    ],
)
def test_sizes_and_bounds(size: tuple[int, int], bounds: Exactly | Within, verdict: bool) -> None:
    assert fits(size, allowed(bounds, None)) is verdict


@pytest.mark.parametrize(
    ("bounds", "words"),
    [
        (Within(), "any size"),
        (Within(Bounds(512, 512), Bounds(768, 768)), "512x768"),
        (Within(Bounds(min=512)), "width at least 512, height any"),
        (Within(Bounds(512, 1024), Bounds(max=99)), "width 512 to 1024, height at most 99"),
    ],
)
def test_bounds_in_words(bounds: Within, words: str) -> None:
    assert in_words(bounds) == words


@pytest.mark.parametrize(
    ("size", "reference", "verdict"),
    [
        ((2048, 2048), (1024, 1024), True),
        ((2048, 2040), (1024, 1024), True),  # less than a cell of rounding on each side
        ((2048, 2032), (1024, 1024), False),
        ((2032, 1520), (1021, 767), True),  # both sides cropped, then doubled
        ((2048, 1536), (1021, 767), True),  # both sides doubled, then rounded
        ((1024, 1024), (1021, 767), False),
        ((768, 1024), (1024, 768), False),
        ((1500, 1000), (3000, 2000), True),
        ((1501, 1000), (3000, 2000), True),
        ((1501, 999), (3000, 2000), False),
        ((1501, 990), (3000, 2000), False),
        ((512, 512), (4000, 3000), False),
    ],
)
def test_aspect(size: tuple[int, int], reference: tuple[int, int], verdict: bool) -> None:
    assert keeps_aspect(size, reference) is verdict


sides = st.integers(64, 4096)
factors = st.integers(10, 400).map(lambda hundredths: hundredths / 100)


@given(st.tuples(sides, sides), factors)
def test_every_way_to_scale_fits_its_factor_and_keeps_the_aspect(size: tuple[int, int], factor: float) -> None:
    latent = tuple(round(side // 8 * factor) * 8 for side in size)
    pixels = tuple(round(side * factor) for side in size)
    tiled = tuple(round(side * factor / 8) * 8 for side in size)
    bounds = allowed(Times(factor, REFERENCE), size)
    for width, height in (latent, pixels, tiled):
        assert fits((width, height), bounds)
        if width and height:
            assert keeps_aspect((width, height), size)


@given(st.tuples(sides, sides))
def test_the_crop_keeps_whole_cells_in_the_middle(size: tuple[int, int]) -> None:
    left, top, right, bottom = centered_crop(size)
    assert (right - left) % 8 == (bottom - top) % 8 == 0
    for low, high, side in ((left, right, size[0]), (top, bottom, size[1])):
        assert low >= 0
        assert high <= side
        assert side - (high - low) < 8
        assert 0 <= (side - high) - low <= 1

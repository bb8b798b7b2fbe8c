"""Keyframes of hooks: how strongly something counts from which share of the steps on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from .values import Run, TooLarge

MAX_KEYFRAMES = 10_000


@dataclass(frozen=True)
class Keyframe:
    """From a share of the steps on a strength, for so many steps at least."""

    strength: float
    start_percent: float
    guarantee_steps: int


Keyframes: TypeAlias = tuple[Keyframe, ...]
_CURVES: Mapping[str, Callable[[NDArray[np.float64]], NDArray[np.float64]]] = {
    "linear": lambda x: x,
    "ease_in": lambda x: x**2,
    "ease_out": lambda x: 1 - (1 - x) ** 2,
    "ease_in_out": lambda x: (1 - np.cos(x * np.pi)) / 2,
}


def _with(before: Keyframes | None, more: Iterable[Keyframe]) -> tuple[Keyframes]:
    """All keyframes, those that begin first in front. Raises TooLarge."""
    frames = (*(before or ()), *more)
    if len(frames) > MAX_KEYFRAMES:
        raise TooLarge(f"more than {MAX_KEYFRAMES} keyframes are more than the emulator holds")
    return (tuple(sorted(frames, key=lambda frame: frame.start_percent)),)


def create_hook_keyframe(
    run: Run, *, strength_mult: float, start_percent: float, prev_hook_kf: Keyframes | None = None
) -> tuple[Keyframes]:
    """One more keyframe."""
    return _with(prev_hook_kf, [Keyframe(strength_mult, start_percent, 1)])


def create_hook_keyframes_interpolated(
    run: Run, *, strength_start: float, strength_end: float, interpolation: str, start_percent: float,
    end_percent: float, keyframes_count: int, print_keyframes: bool, prev_hook_kf: Keyframes | None = None,
) -> tuple[Keyframes]:  # fmt: skip
    """Keyframes from one strength to another, along a curve."""
    share = _CURVES[interpolation](np.linspace(0, 1, keyframes_count))
    return _spread(strength_start + (strength_end - strength_start) * share, start_percent, end_percent, prev_hook_kf)


def create_hook_keyframes_from_floats(
    run: Run, *, floats_strength: float | Iterable[float], start_percent: float, end_percent: float,
    print_keyframes: bool, prev_hook_kf: Keyframes | None = None,
) -> tuple[Keyframes]:  # fmt: skip
    """A keyframe for each of several strengths."""
    strengths = [floats_strength] if isinstance(floats_strength, int | float) else list(floats_strength)
    return _spread(np.array(strengths, np.float64), start_percent, end_percent, prev_hook_kf)


def _spread(strengths: NDArray[np.float64], start: float, end: float, before: Keyframes | None) -> tuple[Keyframes]:
    """Keyframes at even distances, of which the first counts for a step at least."""
    places = np.linspace(start, end, len(strengths))
    frames = zip(strengths, places, strict=True)
    return _with(before, [Keyframe(float(s), float(p), int(n == 0)) for n, (s, p) in enumerate(frames)])

"""Schedules: how much noise is left at each step. Those that need no model have the real numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .values import Latent, Run

_FIRST = 0.0001  # what a flipped schedule begins with instead of nothing


@dataclass(frozen=True, eq=False)
class Sigmas:
    """How much noise is left before each step and at the end, and which share of all noise the steps take away."""

    values: NDArray[np.float32]
    denoise: float = 1.0

    @property
    def steps(self) -> int:
        """How many steps it has."""
        return max(0, len(self.values) - 1)

    def part(self, values: NDArray[np.float32]) -> Sigmas:
        """Some of its steps, with their share of the noise."""
        part = Sigmas(values)
        return Sigmas(values, self.denoise * part.steps / self.steps if self.steps else 0.0)


def made_up(steps: int, denoise: float = 1.0) -> Sigmas:
    """A straight line, for a schedule that depends on a model. Without denoise there is nothing to do."""
    if denoise <= 0.0:
        return Sigmas(np.empty(0, np.float32), 0.0)
    return Sigmas(np.linspace(denoise, 0.0, steps + 1, dtype=np.float32), denoise)


def _ended(values: NDArray[Any]) -> tuple[Sigmas]:
    return (Sigmas(np.append(values, 0.0).astype(np.float32)),)


def _power(base: ArrayLike, exponent: float) -> NDArray[np.float64]:
    found: NDArray[np.float64] = np.power(np.asarray(base, np.float64), exponent)
    return found


def karras(run: Run, *, steps: int, sigma_max: float, sigma_min: float, rho: float) -> tuple[Sigmas]:
    """Steps that grow smaller towards the end."""
    if rho == 0:
        raise ZeroDivisionError("float division by zero")
    ends = _power([sigma_max, sigma_min], 1 / rho)
    return _ended(_power(ends[0] + np.linspace(0, 1, steps) * (ends[1] - ends[0]), rho))


def exponential(run: Run, *, steps: int, sigma_max: float, sigma_min: float) -> tuple[Sigmas]:
    """Steps that each leave the same share."""
    return polyexponential(run, steps=steps, sigma_max=sigma_max, sigma_min=sigma_min, rho=1.0)


def polyexponential(run: Run, *, steps: int, sigma_max: float, sigma_min: float, rho: float) -> tuple[Sigmas]:
    """The same with larger or smaller steps first. Raises ValueError for a sigma of 0."""
    high, low = math.log(sigma_max), math.log(sigma_min)
    return _ended(np.exp(_power(np.linspace(1, 0, steps), rho) * (high - low) + low))


def laplace(run: Run, *, steps: int, sigma_max: float, sigma_min: float, mu: float, beta: float) -> tuple[Sigmas]:
    """Steps that are smallest in the middle; it does not end with 0."""
    away = 0.5 - np.linspace(0, 1, steps, dtype=np.float32).astype(np.float64)
    values = np.exp(mu - beta * np.sign(away) * np.log(1 - 2 * np.abs(away) + 1e-5))
    return (Sigmas(np.minimum(np.maximum(values, sigma_min), sigma_max).astype(np.float32)),)


def vp(run: Run, *, steps: int, beta_d: float, beta_min: float, eps_s: float) -> tuple[Sigmas]:
    """The variance preserving schedule."""
    t = np.linspace(1, eps_s, steps)
    return _ended(np.sqrt(np.expm1(beta_d * t**2 / 2 + beta_min * t)))


def ltxv(
    run: Run, *, steps: int, max_shift: float, base_shift: float, stretch: bool, terminal: float,
    latent: Latent | None = None,
) -> tuple[Sigmas]:  # fmt: skip
    """A straight line bent by how much there is to sample, and stretched to end where it is told."""
    tokens = 4096 if latent is None else math.prod(side or 1 for side in latent.shape[2:])
    slope = (max_shift - base_shift) / (4096 - 1024)
    shift = np.float32(math.exp(tokens * slope + base_shift - slope * 1024))
    line = np.linspace(1, 0, steps + 1, dtype=np.float32)[:-1]
    one = np.float32(1)
    values = shift * (one / (shift + (one / line - one)))  # in the order that decides what is left of a single step
    if stretch:
        values = one - (one - values) / ((one - values[-1]) / np.float32(1 - terminal))
    return _ended(values)


def split(run: Run, *, sigmas: Sigmas, step: int) -> tuple[Sigmas, Sigmas]:
    """The first steps of a schedule, and the rest."""
    return sigmas.part(sigmas.values[: step + 1]), sigmas.part(sigmas.values[step:])


def split_denoise(run: Run, *, sigmas: Sigmas, denoise: float) -> tuple[Sigmas, Sigmas]:
    """The same, split so that the rest makes a share of the steps. A rest of no steps leaves nothing before it."""
    last = round(sigmas.steps * denoise)
    return sigmas.part(sigmas.values[: -last or 0]), sigmas.part(sigmas.values[-(last + 1) :])


def flip(run: Run, *, sigmas: Sigmas) -> tuple[Sigmas]:
    """A schedule from its end to its beginning."""
    values = sigmas.values[::-1].copy()
    if len(values) and values[0] == 0:
        values[0] = _FIRST
    return (Sigmas(values, sigmas.denoise),)


def set_first(run: Run, *, sigmas: Sigmas, sigma: float) -> tuple[Sigmas]:
    """A schedule that begins with so much noise. Raises IndexError for one without steps."""
    values = sigmas.values.copy()
    values[0] = sigma
    return (Sigmas(values, sigmas.denoise),)


def extend(
    run: Run, *, sigmas: Sigmas, steps: int, start_at_sigma: float, end_at_sigma: float, spacing: str
) -> tuple[Sigmas]:
    """A schedule each of whose steps within a range is cut into several."""
    start = math.inf if start_at_sigma < 0 else start_at_sigma
    between = np.linspace(0, 1, steps + 1)[1:-1]
    curved = {"cosine": np.sin(between * np.pi / 2), "sine": 1 - np.cos(between * np.pi / 2)}.get(spacing, between)
    values: list[NDArray[np.float64]] = []
    for now, then in zip(sigmas.values, sigmas.values[1:], strict=False):
        values.append(np.array([now]))
        if end_at_sigma <= now <= start:
            values.append(now + curved * (then - now))
    values.append(sigmas.values[-1:].astype(np.float64))
    return (Sigmas(np.concatenate(values).astype(np.float32), sigmas.denoise),)

"""How much noise is left before each step: ComfyUI's schedules, for the models whose noise scale is known.

Plain numbers, no arrays: a graph asks for one schedule or two.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

MAX_STEPS = 2000  # a longer one is not worked out
_LAST = 1e-5
# These samplers do without the last sigma but one, and get a longer schedule for it.
_DISCARDING = ("dpm_2", "dpm_2_ancestral", "uni_pc", "uni_pc_bh2")


@dataclass(frozen=True, slots=True)
class Noise:
    """A model's noise scale: "flow" and "flux" run from 1 to 0, "discrete" is that of Stable Diffusion up to XL."""

    kind: str
    shift: float = 1.0

    @property
    def flow(self) -> bool:
        """Whether a latent and noise are mixed in shares."""
        return self.kind in ("flow", "flux")

    def kept(self, sigma: float) -> float:
        """The share of a latent, of 1, in what sampling begins with at a sigma; the rest is noise."""
        return max(0.0, 1 - sigma) if self.flow else 1 / (1 + sigma)

    def at(self, part: float) -> float:
        """The sigma at a part, 0 to 1, of a model's time."""
        if self.kind == "discrete":
            table = _discrete()
            place = part * (len(table) - 1)
            low = min(int(place), len(table) - 2)
            share = place - low
            return math.exp((1 - share) * math.log(table[low]) + share * math.log(table[low + 1]))
        if part <= 0:
            return 0.0
        if self.kind == "flux":
            factor = math.exp(min(self.shift, 50.0))
            return factor / (factor + 1 / part - 1)
        return self.shift * part / (1 + (self.shift - 1) * part)

    @property
    def count(self) -> int:
        """How many sigmas its table has."""
        return 10_000 if self.kind == "flux" else 1000

    def entry(self, n: int) -> float:
        """One sigma of its table, the smallest first."""
        return _discrete()[n] if self.kind == "discrete" else self.at((n + 1) / self.count)


def sigmas(noise: Noise, scheduler: str, steps: int, denoise: float = 1.0, sampler: str = "") -> list[float] | None:
    """The sigmas before each step of a sampler, and the one at the end; none where nothing is to do.

    None where the schedule is not known, or too long to work out.
    """
    if scheduler not in _MAKERS or steps < 1 or not math.isfinite(denoise):
        return None
    if denoise <= 0:
        return []
    longer = steps / denoise
    total = steps if denoise > 0.9999 else int(longer) if longer <= MAX_STEPS else MAX_STEPS + 1
    if total > MAX_STEPS:
        return None
    discarding = sampler in _DISCARDING
    found = _made(scheduler, noise, total + discarding)
    if discarding:
        found = (*found[:-2], *found[-1:])
    return list(found if denoise > 0.9999 else found[-(steps + 1) :])


@lru_cache(maxsize=128)  # the forms of a spec, and a search for another denoise, ask for the same again and again
def _made(scheduler: str, noise: Noise, steps: int) -> tuple[float, ...]:
    return tuple(_MAKERS[scheduler](noise, steps))


@lru_cache(maxsize=1)
def _discrete() -> tuple[float, ...]:
    """The table of Stable Diffusion: the square roots of beta rise in a straight line."""
    left, found = 1.0, []
    first, last = math.sqrt(0.00085), math.sqrt(0.012)
    for n in range(1000):
        left *= 1 - (first + (last - first) * n / 999) ** 2
        found.append(math.sqrt((1 - left) / left))
    return tuple(found)


def _simple(noise: Noise, steps: int) -> list[float]:
    return [*(noise.entry(noise.count - 1 - int(n * noise.count / steps)) for n in range(steps)), 0.0]


def _ends(noise: Noise) -> tuple[float, float]:
    """The parts of time at which the even schedules begin and end: those of the largest and smallest sigma."""
    return (1.0, 0.0) if noise.kind == "discrete" else (noise.entry(noise.count - 1), noise.entry(0))


def _normal(noise: Noise, steps: int) -> list[float]:
    high, low = _ends(noise)
    # Where the smallest sigma is next to nothing it stands for the end, and one step more is made.
    ends = noise.at(low) < _LAST
    steps += ends
    found = [noise.at(high + (low - high) * n / max(1, steps - 1)) for n in range(steps)]
    return found if ends else [*found, 0.0]


def _sgm(noise: Noise, steps: int) -> list[float]:
    high, low = _ends(noise)
    return [*(noise.at(high + (low - high) * n / steps) for n in range(steps)), 0.0]


def _ddim(noise: Noise, steps: int) -> list[float]:
    found: list[float] = []
    if noise.entry(1) < _LAST:
        steps += 1
    else:
        found.append(0.0)
    found += [noise.entry(n) for n in range(1, noise.count, max(noise.count // steps, 1))]
    return found[::-1]


def _karras(noise: Noise, steps: int) -> list[float]:
    high, low = noise.entry(noise.count - 1) ** (1 / 7), noise.entry(0) ** (1 / 7)
    return [*((high + (low - high) * n / max(1, steps - 1)) ** 7 for n in range(steps)), 0.0]


def _exponential(noise: Noise, steps: int) -> list[float]:
    high, low = math.log(noise.entry(noise.count - 1)), math.log(noise.entry(0))
    return [*(math.exp(high + (low - high) * n / max(1, steps - 1)) for n in range(steps)), 0.0]


def _optimal(noise: Noise, steps: int) -> list[float]:
    high, low = math.atan(noise.entry(noise.count - 1)), math.atan(noise.entry(0))
    return [*(math.tan(high + (low - high) * n / max(1, steps - 1)) for n in range(steps)), 0.0]


def _beta(noise: Noise, steps: int) -> list[float]:
    found: list[float] = []
    last = -1
    for n in range(steps):
        entry = round(_beta_quantile(1 - n / steps) * (noise.count - 1))
        if entry != last:
            found.append(noise.entry(entry))
        last = entry
    return [*found, 0.0]


def _quadratic(noise: Noise, steps: int) -> list[float]:
    top = noise.entry(noise.count - 1)
    if steps == 1:
        return [top, 0.0]
    threshold, linear = 0.025, steps // 2
    rest = steps - linear
    bend = (linear - threshold * steps) / (linear * rest**2)
    slope = threshold / linear - 2 * (linear - threshold * steps) / rest**2
    line = [n * threshold / linear for n in range(linear)]
    curve = [bend * n**2 + slope * n + bend * linear**2 for n in range(linear, steps)]
    return [(1 - gone) * top for gone in [*line, *curve, 1.0]]


_POINTS = 512


@lru_cache(maxsize=1)
def _beta_sums() -> tuple[float, ...]:
    """The distribution beta(0.6, 0.6) summed up, at the sines squared of even angles, where it is smooth."""
    half = math.pi / 2 / _POINTS

    def height(n: float) -> float:
        return math.pow(max(0.0, math.sin(2 * n * half)), 0.2)

    sums = [0.0]
    for n in range(_POINTS):
        # The ends rise steeply, so each stretch is cut finer there by the midpoints of many parts.
        parts = 64 if n < 2 or n >= _POINTS - 2 else 4
        sums.append(sums[-1] + sum(height(n + (k + 0.5) / parts) for k in range(parts)) / parts)
    return tuple(each / sums[-1] for each in sums)


def _beta_quantile(share: float) -> float:
    from bisect import bisect_left

    sums = _beta_sums()
    upper = min(max(1, bisect_left(sums, share)), _POINTS)
    low, high = sums[upper - 1], sums[upper]
    place = upper - 1 + (share - low) / (high - low)
    return math.pow(math.sin(place * math.pi / 2 / _POINTS), 2)


_MAKERS: Mapping[str, Callable[[Noise, int], list[float]]] = {
    "simple": _simple,
    "sgm_uniform": _sgm,
    "karras": _karras,
    "exponential": _exponential,
    "ddim_uniform": _ddim,
    "beta": _beta,
    "normal": _normal,
    "linear_quadratic": _quadratic,
    "kl_optimal": _optimal,
}

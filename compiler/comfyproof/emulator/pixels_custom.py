"""The nodes that take sampling apart: noise, guiders, sigmas, and the samplers that put them together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .pixels_sample import sampled, told_by
from .values import Conditioning, Latent, Model, Run


@dataclass(frozen=True)
class Noise:
    """Where a sampler's noise comes from; None adds none."""

    seed: int | None


@dataclass(frozen=True)
class Guider:
    """What a sampler is guided by, as far as a result depends on it."""

    key: tuple[object, ...]


@dataclass(frozen=True)
class Sigmas:
    """Steps of a schedule, and which share of all noise they take away."""

    steps: int
    denoise: float


def random_noise(run: Run, *, noise_seed: int) -> tuple[Noise]:
    """Noise of a seed."""
    return (Noise(noise_seed),)


def disable_noise(run: Run) -> tuple[Noise]:
    """No noise."""
    return (Noise(None),)


def basic_guider(run: Run, *, model: Model, conditioning: Conditioning) -> tuple[Guider]:
    """A model guided by one conditioning."""
    return (Guider((model, told_by(conditioning))),)


def cfg_guider(run: Run, *, model: Model, positive: Conditioning, negative: Conditioning, cfg: float) -> tuple[Guider]:
    """A model guided by what is wanted and what is not."""
    return (Guider((model, told_by(positive), told_by(negative))),)


def scheduler(run: Run, *, steps: int, denoise: float = 1.0, **_: Any) -> tuple[Sigmas]:
    """A schedule of so many steps, whatever its curve."""
    return (Sigmas(steps if denoise > 0 else 0, denoise),)


def split_sigmas(run: Run, *, sigmas: Sigmas, step: int) -> tuple[Sigmas, Sigmas]:
    """The first steps of a schedule, and the rest."""
    first = min(step, sigmas.steps)
    return _share(sigmas, first), _share(sigmas, sigmas.steps - first)


def split_sigmas_denoise(run: Run, *, sigmas: Sigmas, denoise: float) -> tuple[Sigmas, Sigmas]:
    """The same, split so that the rest makes a share of the steps."""
    last = round(sigmas.steps * denoise)
    return _share(sigmas, sigmas.steps - last), _share(sigmas, last)


def _share(sigmas: Sigmas, steps: int) -> Sigmas:
    return Sigmas(steps, sigmas.denoise * steps / sigmas.steps if sigmas.steps else 0.0)


def sampler_custom_advanced(
    run: Run, *, noise: Noise, guider: Guider, sampler: Any, sigmas: Sigmas, latent_image: Latent
) -> tuple[Latent, Latent]:
    """A latent after sampling, twice: as it is, and as it would be at the end."""
    latent = sampled(run, latent_image, sigmas.denoise, 0, sigmas.steps, noise.seed, guider.key)
    return latent, latent


def sampler_custom(
    run: Run, *, model: Model, add_noise: bool, noise_seed: int, cfg: float, positive: Conditioning,
    negative: Conditioning, sampler: Any, sigmas: Sigmas, latent_image: Latent,
) -> tuple[Latent, Latent]:  # fmt: skip
    """The same with its parts spelled out."""
    key = (noise_seed, model, told_by(positive), told_by(negative))
    latent = sampled(run, latent_image, sigmas.denoise, 0, sigmas.steps, *key)
    return latent, latent

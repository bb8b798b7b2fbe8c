"""The nodes that take sampling apart: noise, guiders, sigmas, and the samplers that put them together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .pixels_sample import fitting, sampled, told_by
from .sigmas import Sigmas, made_up
from .values import Conditioning, Latent, Model, Run


@dataclass(frozen=True)
class Noise:
    """Where a sampler's noise comes from; None adds none."""

    seed: int | None


@dataclass(frozen=True, eq=False)
class Guider:
    """What a sampler is guided by, as far as a result depends on it."""

    key: tuple[object, ...]
    model: Model | None = None
    told: tuple[object, ...] = ()
    twice: bool = False


def random_noise(run: Run, *, noise_seed: int) -> tuple[Noise]:
    """Noise of a seed."""
    return (Noise(noise_seed),)


def disable_noise(run: Run) -> tuple[Noise]:
    """No noise."""
    return (Noise(None),)


def basic_guider(run: Run, *, model: Model, conditioning: Conditioning) -> tuple[Guider]:
    """A model guided by one conditioning."""
    return (Guider((model, told_by(conditioning)), model, (conditioning,)),)


def cfg_guider(run: Run, *, model: Model, positive: Conditioning, negative: Conditioning, cfg: float) -> tuple[Guider]:
    """A model guided by what is wanted and what is not."""
    return (Guider((model, told_by(positive), told_by(negative)), model, (positive, negative), cfg != 1.0),)


def scheduler(run: Run, *, steps: int, denoise: float = 1.0, **_: Any) -> tuple[Sigmas]:
    """A schedule of so many steps; a model would bend it."""
    return (made_up(steps, denoise),)


def sampler_custom_advanced(
    run: Run, *, noise: Noise, guider: Guider, sampler: Any, sigmas: Sigmas, latent_image: Latent
) -> tuple[Latent, Latent]:
    """A latent after sampling, twice: as it is, and as it would be at the end."""
    if sigmas.steps == 0:
        return latent_image, latent_image
    latent_image = fitting(latent_image, guider.model, guider.told, guider.twice)
    latent = sampled(run, latent_image, sigmas.denoise, 0, sigmas.steps, noise.seed, guider.key)
    return latent, latent


def sampler_custom(
    run: Run, *, model: Model, add_noise: bool, noise_seed: int, cfg: float, positive: Conditioning,
    negative: Conditioning, sampler: Any, sigmas: Sigmas, latent_image: Latent,
) -> tuple[Latent, Latent]:  # fmt: skip
    """The same with its parts spelled out."""
    if sigmas.steps == 0:
        return latent_image, latent_image
    key = (noise_seed, model, told_by(positive), told_by(negative))
    latent_image = fitting(latent_image, model, (positive, negative), cfg != 1.0)
    latent = sampled(run, latent_image, sigmas.denoise, 0, sigmas.steps, *key)
    return latent, latent

"""The stand-in for sampling: a gentle, coherent change of a picture, or a picture out of nothing.

No model runs. What is kept of the real thing: the same settings give the same picture, another seed,
prompt or model another one; the change grows with denoise, and reports its steps.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from PIL import Image

from .families import check_samples, family_of
from .pixels_change import change_of
from .pixels_latent import picture_of
from .pixels_motion import videos
from .pixels_resize import resized_mask
from .values import Begun, Conditioning, Latent, Mask, Model, Picture, Run, Step, facts_of, random_from

PREVIEW = 512
DRAWN = 60
ALL_SEEN = 250  # steps, of which each has a preview


def told_by(conditioning: object) -> object:
    """All of a conditioning that a result depends on: its text, and what else was said."""
    if not isinstance(conditioning, Conditioning):
        return str(conditioning)
    return tuple((part.text, part.settings, facts_of(**part.values)) for part in conditioning.parts)


def previews(before: Picture, after: Picture) -> Callable[[float], Picture]:
    """What a client sees under way: small, and noisy as long as it is not done."""
    height, width = after.shape[1:3]
    scale = min(1.0, PREVIEW / max(width, height))
    size = max(8, round(width * scale)), max(8, round(height * scale))
    first, last = _small(before, size), _small(after, size)
    noise = random_from("preview", size).standard_normal(last.shape).astype(np.float32)

    def at(done: float) -> Picture:
        left = np.float32((1.0 - done) * 0.25)
        seen: Picture = np.clip(first + np.float32(done) * (last - first) + left * noise, 0.0, 1.0)
        return seen

    return at


def _small(picture: Picture, size: tuple[int, int]) -> Picture:
    pixels = np.clip(picture[0] * 255.0, 0, 255).astype(np.uint8)
    small = Image.fromarray(pixels).resize(size, Image.Resampling.BOX, reducing_gap=1.0)
    return np.asarray(small, dtype=np.float32) / np.float32(255.0)


def take_steps(run: Run, steps: int, before: Picture, after: Picture) -> None:
    """Reports each step of a sampler with a preview. Raises Interrupted."""
    report(run, steps, previews(before, after))


def report(run: Run, steps: int, look: Callable[[float], Picture]) -> None:
    """Reports steps, each with a preview; of very many only some have one. At most some sixty are drawn.

    Raises Interrupted.
    """
    every = -(-steps // DRAWN)
    seen = partial(look, 1 / max(1, steps))
    for step in range(1, steps + 1):
        due = step % every == 0 or step in (1, steps)
        if due:
            seen = partial(look, step / steps)
        run.step(Step(step, steps, seen if due or steps <= ALL_SEEN else None))


def sampled(
    run: Run, latent: Latent, denoise: float, first: int, last: int, *key: object, left: float = 0.0, anew: bool = True
) -> Latent:
    """A latent after sampling; steps `first` to `last` are reported. An empty one is always invented.

    `left` is the share of noise that stays in it. Where it is not begun `anew`, a sampling that left some goes on.
    """
    begun = latent.begun
    before = latent
    if begun is not None and not anew and latent.picture is begun.picture:
        before = replace(begun.latent, mask=latent.mask)
        denoise, key = begun.denoise + denoise, (*begun.key, *key)
    if before.picture is None and denoise > 0:
        denoise = 1.0
    shown, after = picture_of(before), _after(before, denoise, key)
    if latent.mask is not None:
        after = shown + mask_of(latent)[..., None] * (after - shown)
    take_steps(run, max(0, last - first), shown, after)
    unfinished = Begun(before, denoise, key, after, left) if left > 0 else None
    return replace(latent, picture=after, first=None, last=None, begun=unfinished)


def fitting(latent: Latent, model: Model | None, told: Sequence[object], twice: bool) -> Latent:
    """A latent as a sampler takes it: with the model's channels and axes where it is empty.

    `twice` says that the model is to look at what is not wanted, too. Raises RuntimeError for what it cannot take.
    """
    family = family_of(model.kind, model.files[0]) if isinstance(model, Model) and model.files else None
    parts = tuple(part for one in told if isinstance(one, Conditioning) for part in one.parts)
    check_samples(family, latent, parts, twice)
    if family is None:
        return replace(latent, channels=None) if latent.picture is None else latent
    if family.axes == 3 and latent.axes == 2:
        latent = replace(latent, axes=3, pace=family.pace)
    return replace(latent, channels=family.channels) if latent.axes == family.axes else latent


def _after(latent: Latent, denoise: float, key: tuple[object, ...]) -> Picture:
    """Each of a batch after sampling: what it becomes depends on its place, whatever else is in the batch."""
    places = latent.index if latent.index is not None else range(latent.batch)
    keys = [(*key, place) if place else key for place in places]
    if latent.frames > 1 and denoise >= 1.0:
        return videos(latent, keys)
    picture, alike = picture_of(latent), latent.frames > 1
    if len(keys) == 1:
        return change_of(picture, denoise, *keys[0], alike=alike)
    parts = [slice(n * latent.frames, (n + 1) * latent.frames) for n in range(len(keys))]
    each = (change_of(picture[part], denoise, *key, alike=alike) for part, key in zip(parts, keys, strict=True))
    return np.concatenate(list(each))


def mask_of(latent: Latent) -> Mask:
    """A latent's mask at its size, one for each of its pictures; those that are missing repeat the others."""
    assert latent.mask is not None
    mask = resized_mask(latent.mask, latent.width, latent.height)
    if len(mask) in (1, latent.count):
        return mask
    if latent.frames > 1:  # in time it is stretched, as in space
        return mask[np.arange(latent.count) % latent.frames * len(mask) // latent.frames]
    return mask[np.arange(latent.count) % len(mask)]


def ksampler(
    run: Run, *, model: Model, seed: int, steps: int, cfg: float, sampler_name: str, scheduler: str,
    positive: Conditioning, negative: Conditioning, latent_image: Latent, denoise: float = 1.0,
) -> tuple[Latent]:  # fmt: skip
    """What KSampler would report, on a picture that changes with denoise."""
    key = (seed, told_by(positive), told_by(negative), model)
    latent_image = fitting(latent_image, model, (positive, negative), cfg != 1.0)
    return (sampled(run, latent_image, denoise, 0, steps, *key),)


def ksampler_advanced(
    run: Run, *, model: Model, add_noise: str, noise_seed: int, steps: int, cfg: float, sampler_name: str,
    scheduler: str, positive: Conditioning, negative: Conditioning, latent_image: Latent,
    start_at_step: int, end_at_step: int, return_with_leftover_noise: str,
) -> tuple[Latent]:  # fmt: skip
    """The same for a range of steps: their share of all steps is the denoise."""
    last = min(steps, end_at_step)
    latent_image = fitting(latent_image, model, (positive, negative), cfg != 1.0)
    if start_at_step >= last:
        return (latent_image,)
    left = 1.0 - last / steps if return_with_leftover_noise == "enable" else 0.0
    share = (last - start_at_step) / steps
    key = (noise_seed, told_by(positive), told_by(negative), model)
    anew = add_noise != "disable"
    return (sampled(run, latent_image, share, start_at_step, last, *key, left=left, anew=anew),)

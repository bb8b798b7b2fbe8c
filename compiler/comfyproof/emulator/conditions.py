"""Nodes that say more of an encoded text: where, when and how strongly it counts, and which texts count together."""

# ruff: noqa: N803 - inputs have the names that ComfyUI gives them

from __future__ import annotations

from dataclasses import replace
from typing import Any

from .pixels_resize import as_masks
from .values import Conditioning, Latent, Mask, Part, Run, TooLarge

# Doubled again and again, a handful of nodes would give billions of texts.
MAX_PARTS = 10_000
MAX_NOTE = 10_000


def both(first: Conditioning, second: Conditioning) -> Conditioning:
    """All texts of two. Raises TooLarge."""
    if len(first.parts) + len(second.parts) > MAX_PARTS:
        raise TooLarge(f"a conditioning of more than {MAX_PARTS} texts is more than the emulator holds")
    return Conditioning(first.parts + second.parts)


def combine(run: Run, *, conditioning_1: Conditioning, conditioning_2: Conditioning) -> tuple[Conditioning]:
    """Two conditionings side by side."""
    return (both(conditioning_1, conditioning_2),)


def concat(run: Run, *, conditioning_to: Conditioning, conditioning_from: Conditioning) -> tuple[Conditioning]:
    """Each text with the first of another conditioning behind it."""
    last = conditioning_from.parts[0]
    return (Conditioning(tuple(_joined(part, last, "concat") for part in conditioning_to.parts)),)


def average(
    run: Run, *, conditioning_to: Conditioning, conditioning_from: Conditioning, conditioning_to_strength: float
) -> tuple[Conditioning]:
    """Each text mixed with the first of another conditioning."""
    other = conditioning_from.parts[0]
    note = f"average {conditioning_to_strength}"
    return (Conditioning(tuple(_joined(part, other, note) for part in conditioning_to.parts)),)


def _joined(part: Part, other: Part, note: str) -> Part:
    more = f"{note} {other.text} {' '.join(other.settings)}"
    return replace(part, settings=(*part.settings, more[:MAX_NOTE]))


def zero_out(run: Run, *, conditioning: Conditioning) -> tuple[Conditioning]:
    """A conditioning whose texts say nothing."""
    return (Conditioning(tuple(replace(part, text="", settings=("zero",)) for part in conditioning.parts)),)


def set_area(
    run: Run, *, conditioning: Conditioning, width: int, height: int, x: int, y: int, strength: float
) -> tuple[Conditioning]:
    """A conditioning for a part of the picture; the area is in latent pixels."""
    area = (height // 8, width // 8, y // 8, x // 8)
    return (conditioning.told(area=area, strength=strength, set_area_to_bounds=False),)


def set_area_percentage(
    run: Run, *, conditioning: Conditioning, width: float, height: float, x: float, y: float, strength: float
) -> tuple[Conditioning]:
    """The same in shares of the picture."""
    area = ("percentage", height, width, y, x)
    return (conditioning.told(area=area, strength=strength, set_area_to_bounds=False),)


def set_area_percentage_video(
    run: Run, *, conditioning: Conditioning, width: float, height: float, temporal: float, x: float, y: float,
    z: float, strength: float,
) -> tuple[Conditioning]:  # fmt: skip
    """The same for a part of a video, in space and in time."""
    area = ("percentage", temporal, height, width, z, y, x)
    return (conditioning.told(area=area, strength=strength, set_area_to_bounds=False),)


def set_area_strength(run: Run, *, conditioning: Conditioning, strength: float) -> tuple[Conditioning]:
    """A conditioning that counts so much."""
    return (conditioning.told(strength=strength),)


def set_mask(
    run: Run, *, conditioning: Conditioning, mask: Mask, set_cond_area: str, strength: float
) -> tuple[Conditioning]:
    """A conditioning for what a mask marks."""
    return (_masked(conditioning, mask, set_cond_area, strength),)


def _masked(conditioning: Conditioning, mask: Mask | None, set_cond_area: str, strength: float) -> Conditioning:
    if mask is None:
        return conditioning
    bounds = set_cond_area != "default"
    return conditioning.told(mask=as_masks(mask), set_area_to_bounds=bounds, mask_strength=strength)


def set_timestep_range(run: Run, *, conditioning: Conditioning, start: float, end: float) -> tuple[Conditioning]:
    """A conditioning for some of the steps."""
    return (conditioning.told(start_percent=start, end_percent=end),)


def timesteps_range(
    run: Run, *, start_percent: float, end_percent: float
) -> tuple[tuple[float, float], tuple[float, float], tuple[float, float]]:
    """A range of steps, what is before it, and what is after it."""
    return (start_percent, end_percent), (0.0, start_percent), (end_percent, 1.0)


def _with_properties(
    conditioning: Conditioning, strength: float, set_cond_area: str, mask: Mask | None, hooks: Any, timesteps: Any
) -> Conditioning:
    told = _masked(_hooked(conditioning, hooks), mask, set_cond_area, strength)
    return told if timesteps is None else told.told(start_percent=timesteps[0], end_percent=timesteps[1])


def set_properties(
    run: Run, *, cond_NEW: Conditioning, strength: float, set_cond_area: str, mask: Mask | None = None,
    hooks: Any = None, timesteps: Any = None,
) -> tuple[Conditioning]:  # fmt: skip
    """A conditioning with a mask, hooks and a range of steps."""
    return (_with_properties(cond_NEW, strength, set_cond_area, mask, hooks, timesteps),)


def set_properties_and_combine(
    run: Run, *, cond: Conditioning, cond_NEW: Conditioning, **properties: Any
) -> tuple[Conditioning]:
    """The same beside another conditioning."""
    return (both(cond, *set_properties(run, cond_NEW=cond_NEW, **properties)),)


def pair_set_properties(
    run: Run, *, positive_NEW: Conditioning, negative_NEW: Conditioning, **properties: Any
) -> tuple[Conditioning, Conditioning]:
    """A pair of conditionings with a mask, hooks and a range of steps."""
    (positive,) = set_properties(run, cond_NEW=positive_NEW, **properties)
    (negative,) = set_properties(run, cond_NEW=negative_NEW, **properties)
    return positive, negative


def pair_set_properties_and_combine(
    run: Run, *, positive: Conditioning, negative: Conditioning, **properties: Any
) -> tuple[Conditioning, Conditioning]:
    """The same beside another pair."""
    new_positive, new_negative = pair_set_properties(run, **properties)
    return both(positive, new_positive), both(negative, new_negative)


def pair_combine(
    run: Run, *, positive_A: Conditioning, negative_A: Conditioning, positive_B: Conditioning, negative_B: Conditioning
) -> tuple[Conditioning, Conditioning]:
    """Two pairs of conditionings side by side."""
    return both(positive_A, positive_B), both(negative_A, negative_B)


def set_default_combine(
    run: Run, *, cond: Conditioning, cond_DEFAULT: Conditioning, hooks: Any = None
) -> tuple[Conditioning]:
    """A conditioning, and one for wherever it does not count."""
    return (both(cond, _hooked(cond_DEFAULT, hooks).told(default=True)),)


def pair_set_default_combine(
    run: Run, *, positive: Conditioning, negative: Conditioning, positive_DEFAULT: Conditioning,
    negative_DEFAULT: Conditioning, hooks: Any = None,
) -> tuple[Conditioning, Conditioning]:  # fmt: skip
    """The same for a pair."""
    (new_positive,) = set_default_combine(run, cond=positive, cond_DEFAULT=positive_DEFAULT, hooks=hooks)
    (new_negative,) = set_default_combine(run, cond=negative, cond_DEFAULT=negative_DEFAULT, hooks=hooks)
    return new_positive, new_negative


def stable_audio(
    run: Run, *, positive: Conditioning, negative: Conditioning, seconds_start: float, seconds_total: float
) -> tuple[Conditioning, Conditioning]:
    """A pair of conditionings with how long the sound is, and where it begins."""
    seconds = {"seconds_start": seconds_start, "seconds_total": seconds_total}
    return positive.told(**seconds), negative.told(**seconds)


def ltxv_conditioning(
    run: Run, *, positive: Conditioning, negative: Conditioning, frame_rate: float
) -> tuple[Conditioning, Conditioning]:
    """A pair of conditionings with how many frames a second are wanted."""
    return positive.told(frame_rate=frame_rate), negative.told(frame_rate=frame_rate)


def flux_guidance(run: Run, *, conditioning: Conditioning, guidance: float) -> tuple[Conditioning]:
    """The same conditioning with a guidance."""
    return (conditioning.told(guidance=guidance),)


def flux_disable_guidance(run: Run, *, conditioning: Conditioning) -> tuple[Conditioning]:
    """The same conditioning without any guidance."""
    return (conditioning.told(guidance=None),)


def kontext_reference_method(
    run: Run, *, conditioning: Conditioning, reference_latents_method: str
) -> tuple[Conditioning]:
    """The same conditioning with how several pictures are to be looked at."""
    method = "uxo" if "uxo" in reference_latents_method or "uso" in reference_latents_method else None
    return (conditioning.told(reference_latents_method=method or reference_latents_method),)


def _appended(conditioning: Conditioning, name: str, value: Any) -> Conditioning:
    """A conditioning with one more of what it may have several of."""
    each = (Conditioning((part,)).told(**{name: [*part.values.get(name, ()), value]}) for part in conditioning.parts)
    return Conditioning(tuple(one.parts[0] for one in each))


def _hooked(conditioning: Conditioning, hooks: Any) -> Conditioning:
    return conditioning if hooks is None else _appended(conditioning, "hooks", hooks)


def reference_latent(run: Run, *, conditioning: Conditioning, latent: Latent | None = None) -> tuple[Conditioning]:
    """The same conditioning with one more picture to go by."""
    return (conditioning if latent is None else _appended(conditioning, "reference_latents", latent),)

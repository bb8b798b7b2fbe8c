"""The sampler nodes: one, or two where two experts share the work."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..diagnostics import Path
from ..graph import Link, Value
from .blocks import Sampling
from .loading import Parts
from .site import UNTOLD, Site

# Which field each sampler input comes from, where the names differ.
SAMPLED_FIELDS: Mapping[str, str | Path] = {
    "sampler_name": "sampler",
    "vae": "model",
    "noise_seed": "seed",
    "latent_image": (),
}
MAX_STEPS = 10_000


def settled(settings: Sampling, loaded: Parts, positive: Link, negative: Link) -> dict[str, Value | None]:
    """The inputs that KSampler and its kin share, with the family's settings where an author gave none."""
    family = loaded.family
    return {
        "model": loaded.model,
        "positive": positive,
        "negative": negative,
        "seed": settings.seed,
        "steps": settings.steps if settings.steps is not None else family.steps,
        "cfg": settings.cfg if settings.cfg is not None else family.cfg,
        "sampler_name": settings.sampler or family.sampler,
        "scheduler": settings.scheduler or family.scheduler,
    }


def sampled(
    site: Site, settings: Sampling, loaded: Parts, prompts: tuple[Link, Link], latent: Link, denoise: float | None
) -> Link:
    """The latent that a stage samples, by denoise in part; a hole for denoise goes through as it is."""
    inputs = settled(settings, loaded, *prompts)
    if loaded.low is None:
        inputs = {**inputs, "latent_image": latent, "denoise": denoise}
        return site.add("sampler", "KSampler", inputs, SAMPLED_FIELDS)
    return _by_experts(site, settings, loaded, inputs, latent, 1.0 if denoise is None else denoise)


def _by_experts(
    site: Site, settings: Sampling, loaded: Parts, inputs: dict[str, Value | None], latent: Link, denoise: float
) -> Link:
    wanted = int(str(inputs["steps"]))
    if denoise <= 0:  # as KSampler does
        return latent
    # As KSampler reads denoise: the last steps of a longer schedule.
    total = wanted if denoise >= 1 else int(wanted / denoise)
    if total > MAX_STEPS:
        message = f"{wanted} steps at denoise {denoise:g} are the end of {total:,}, and ComfyUI takes {MAX_STEPS:,}"
        return site.report(UNTOLD, ("denoise",), message, 'raise "denoise"')
    first, switch = total - wanted, _switch(site, settings, loaded, total)
    shared = {name: value for name, value in inputs.items() if name not in ("model", "seed", "steps")}
    shared |= {"steps": total}
    fields = {**SAMPLED_FIELDS, "end_at_step": ("model",), "start_at_step": ("model",)}
    start = first
    for role, model, end in (("high sampler", loaded.model, switch), ("low sampler", loaded.low, total)):
        if end <= start:
            continue
        step = {
            **shared,
            "model": model,
            "add_noise": "enable" if start == first else "disable",
            "noise_seed": inputs["seed"],
            "latent_image": latent,
            "start_at_step": start,
            "end_at_step": end,
            "return_with_leftover_noise": "enable" if end < total else "disable",
        }
        latent, start = site.add(role, "KSamplerAdvanced", step, fields), end
    return latent


def _switch(site: Site, settings: Sampling, loaded: Parts, total: int) -> int:
    """The step at which the expert for little noise takes over."""
    if loaded.switch >= 1:
        if loaded.switch != int(loaded.switch):
            message = f'"switch" of "{settings.model}" is step {loaded.switch:g}, and steps are whole'
            site.report(UNTOLD, ("model",), message, f"say {int(loaded.switch)}, or a noise level below 1")
        return min(int(loaded.switch), total)
    scheduler = settings.scheduler or loaded.family.scheduler
    if scheduler not in _LEVELS:
        message = f'at which step "{scheduler}" comes to a noise level of {loaded.switch:g} is not known'
        help = f'say the step, as in switch: {max(1, total // 2)}, under "{settings.model}"'
        site.report(UNTOLD, ("scheduler",), message, help)
        return total
    shift = settings.shift if settings.shift is not None else loaded.family.shift or 1.0
    # These make a schedule one step longer, and leave out the last but one level.
    longer = total + ((settings.sampler or loaded.family.sampler) in _PENULTIMATE_DISCARDED)
    levels = (_LEVELS[scheduler](step, longer, shift) for step in range(total))
    return next((step for step, level in enumerate(levels) if level < loaded.switch), total)


_PENULTIMATE_DISCARDED = ("dpm_2", "dpm_2_ancestral", "uni_pc", "uni_pc_bh2")


def _simple(step: int, steps: int, shift: float) -> float:
    """The noise level at a step of the schedule `simple`, which takes every so many of 1000 times."""
    return _noise_level((1000 - int(step * (1000 / steps))) / 1000, shift)


def _sgm_uniform(step: int, steps: int, shift: float) -> float:
    """The noise level at a step of `sgm_uniform`: even times from the highest level to the lowest."""
    last = _noise_level(1 / 1000, shift)
    return _noise_level(1 - step / steps * (1 - last), shift)


# At which step which noise level is reached is known of these schedulers.
_LEVELS: Mapping[str, Callable[[int, int, float], float]] = {"simple": _simple, "sgm_uniform": _sgm_uniform}


def _noise_level(time: float, shift: float) -> float:
    """The noise level of a flow model at a time from 1 (noise) to 0, its schedule shifted."""
    return shift * time / (1 + (shift - 1) * time)

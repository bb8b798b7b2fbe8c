"""The facts of a graph in words, for people who ask what a linter sees in it."""

from __future__ import annotations

from collections.abc import Iterator

from .kinds import Latents
from .latents import Latent
from .models import Model
from .prompts import Prompt
from .read import Facts
from .samplers import Sampling

_LONGEST = 60


def describe(facts: Facts) -> list[str]:
    """Lines that say what reaches each sampler; one line where there is none."""
    lines = [line for sampling in facts.samplers for line in _sampler(sampling)]
    return lines or ["nothing here samples"]


def _sampler(sampling: Sampling) -> Iterator[str]:
    node = sampling.node
    yield f'"{node.title or node.id}" ({node.type})'
    yield f"  model: {_model(sampling.model)}"
    for name, prompt in (("positive", sampling.positive), ("negative", sampling.negative)):
        if prompt is not None:
            yield f"  {name}: {_prompt(prompt)}"
    if sampling.positive is not None and sampling.positive.guidance is not None:
        yield f"  guidance: {_value(sampling.positive.guidance.value)}"
    yield f"  {'picture' if sampling.tiled else 'latent'}: {_latent(sampling.latent)}"
    settings = (
        ("steps", sampling.steps),
        ("cfg", sampling.cfg),
        ("sampler", sampling.sampler),
        ("scheduler", sampling.scheduler),
        ("denoise", sampling.denoise),
    )
    said = [f"{name} {_value(setting.value)}" for name, setting in settings if setting is not None]
    if sampling.start is not None and sampling.end is not None:
        said.append(f"from step {_value(sampling.start.value)} to {_value(sampling.end.value)}")
    if said:
        yield f"  sampling: {', '.join(said)}"
    # Of an empty latent there is nothing to keep.
    if sampling.latent.source != "empty" and sampling.first is not None and sampling.kept is not None:
        yield f"  begins with: sigma {sampling.first:.3f}, which keeps {sampling.kept:.0%} of the latent"


def _model(model: Model) -> str:
    said = [f"{model.word}, by {model.reason}" if model.family else "of an unknown family"]
    said += [f'made for few steps ("{each.word}" in "{_short(each.file)}")' for each in model.accelerators]
    if model.shift is not None:
        said.append(f"shift {_value(model.shift.value)}")
    if model.opaque:
        said.append("through a node that is not known")
    return "; ".join(said)


def _prompt(prompt: Prompt) -> str:
    said = [f'"{_short(setting.text)}"' for setting in prompt.texts if (setting.text or "").strip()]
    if not said and prompt.empty:
        said.append("zeroed" if prompt.zeroed else "empty")
    if not prompt.complete:
        said.append("and what is not known" if said else "not known")
    if prompt.pictured:
        said.append("with pictures")
    return ", ".join(said)


def _latent(latent: Latent) -> str:
    begun = {
        "empty": "empty",
        "prepared": "prepared for the model",
        "picture": "of a picture",
        "sampler": "of another sampler",
        "": "of unknown origin",
    }
    said = [begun[latent.source]]
    if latent.latents is not None and latent.latents.name:
        said.append(_latents(latent.latents))
    if latent.size is not None:
        said.append(f"{latent.size[0]}x{latent.size[1]}")
    if latent.length is not None:
        said.append(f"{latent.length} frames")
    if latent.batch is not None and latent.batch > 1:
        said.append(f"batch of {latent.batch}")
    if latent.masked:
        said.append("masked")
    return ", ".join(said)


def _latents(latents: Latents) -> str:
    return f"{latents.name} with {latents.channels} channels"


def _value(value: object) -> str:
    return "not known" if value is None else _short(f"{value:g}" if isinstance(value, float) else str(value))


def _short(text: object) -> str:
    line = " ".join(str(text).split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 3]}..."

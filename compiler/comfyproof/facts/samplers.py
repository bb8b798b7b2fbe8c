"""What each sampler of a graph is told: model, prompts, latent, steps, cfg, denoise, and the noise it begins with."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..graph import Node
from .latents import Latent, latent_of, size_of
from .models import NO_MODEL, Model, model_of
from .prompts import Prompt, prompt_of
from .schedules import sigmas
from .view import Setting, View

TILED = ("UltimateSDUpscale", "UltimateSDUpscaleNoUpscale", "UltimateSDUpscaleCustomSample")
SAMPLER_TYPES = frozenset({"KSampler", "KSamplerAdvanced", "SamplerCustom", "SamplerCustomAdvanced", *TILED})
_GUIDERS = ("CFGGuider", "BasicGuider")


@dataclass(frozen=True, slots=True)
class Sampling:
    """One sampler with all that reaches it; a setting is None where the graph doesn't say it in a known way.

    `part` says that it runs only some steps of its schedule. `tiled` samplers work on a picture in tiles.
    """

    node: Node
    model: Model
    positive: Prompt | None
    negative: Prompt | None
    latent: Latent
    steps: Setting | None = None
    cfg: Setting | None = None
    denoise: Setting | None = None
    sampler: Setting | None = None
    scheduler: Setting | None = None
    start: Setting | None = None
    end: Setting | None = None
    noised: bool | None = True
    leftover: bool | None = False
    part: bool = False
    tiled: bool = False

    @property
    def amount(self) -> float | None:
        """Its denoise, where it is known."""
        return self.denoise.number if self.denoise else None

    @property
    def count(self) -> int | None:
        """Its steps, where they are known."""
        number = self.steps.number if self.steps else None
        return int(number) if number is not None and number >= 1 else None

    @property
    def strength(self) -> float | None:
        """Its cfg, where it is known."""
        return self.cfg.number if self.cfg else None

    def schedule(self, denoise: float | None = None) -> list[float] | None:
        """The sigmas of its schedule, at its own denoise or another; None where they are not known."""
        amount = self.amount if denoise is None else denoise
        if self.model.noise is None or self.model.opaque or self.count is None or amount is None:
            return None
        if self.scheduler is None or self.scheduler.text is None:
            return None
        name = self.sampler.text if self.sampler else None
        return sigmas(self.model.noise, self.scheduler.text, self.count, amount, name or "")

    @property
    def first(self) -> float | None:
        """The first sigma: how much noise it begins with."""
        found = self.schedule()
        return found[0] if found else None

    @property
    def kept(self) -> float | None:
        """The share of the latent, of 1, in what it begins with."""
        first = self.first
        return None if first is None or self.model.noise is None else self.model.noise.kept(first)


def sampler_of(view: View, node: Node) -> Sampling:
    """What a sampler is told."""
    if node.type == "SamplerCustomAdvanced":
        return _advanced(view, node)
    inputs = node.inputs
    taken = (
        model_of(view, inputs.get("model")),
        prompt_of(view, inputs.get("positive")),
        prompt_of(view, inputs.get("negative")),
        latent_of(view, inputs.get("latent_image")),
    )
    if node.type == "SamplerCustom":
        return _custom(view, node, Sampling(node, *taken, cfg=view.setting(node, "cfg")))
    found = Sampling(
        node,
        *taken,
        steps=view.setting(node, "steps"),
        cfg=view.setting(node, "cfg"),
        denoise=view.setting(node, "denoise"),
        sampler=view.setting(node, "sampler_name"),
        scheduler=view.setting(node, "scheduler"),
    )
    if node.type in TILED:
        return _in_tiles(view, node, found)
    return found if node.type == "KSampler" else _stretch(view, node, found)


def _in_tiles(view: View, node: Node, found: Sampling) -> Sampling:
    name = "upscaled_image" if node.type == "UltimateSDUpscaleNoUpscale" else "image"
    latent = Latent("picture", node, size=size_of(view, node.inputs.get(name)))
    found = replace(found, latent=latent, tiled=True)
    if node.inputs.get("custom_sigmas") is not None:
        found = replace(found, scheduler=None, steps=None, denoise=None)
    return found


def _stretch(view: View, node: Node, found: Sampling) -> Sampling:
    """KSamplerAdvanced: some steps of a whole schedule."""
    start, end = view.setting(node, "start_at_step"), view.setting(node, "end_at_step")
    count, first, last = found.count, start.number, end.number
    whole = count is not None and first == 0 and last is not None and last >= count
    return replace(
        found,
        start=start,
        end=end,
        denoise=Setting(1.0, node, "steps") if first == 0 else None,
        noised=_switched(view.setting(node, "add_noise")),
        leftover=_switched(view.setting(node, "return_with_leftover_noise")),
        part=not whole,
    )


def _switched(setting: Setting) -> bool | None:
    return {"enable": True, "disable": False}.get(setting.text or "")


def _advanced(view: View, node: Node) -> Sampling:
    latent = latent_of(view, node.inputs.get("latent_image"))
    noise = view.origin(node.inputs.get("noise"))
    noised = None if noise is None else {"RandomNoise": True, "DisableNoise": False}.get(noise[0].type)
    found = Sampling(node, NO_MODEL, None, None, latent, noised=noised)
    origin = view.origin(node.inputs.get("guider"))
    if origin and origin[0].type in _GUIDERS:
        guider = origin[0]
        basic = guider.type == "BasicGuider"
        found = replace(
            found,
            model=model_of(view, guider.inputs.get("model")),
            positive=prompt_of(view, guider.inputs.get("conditioning" if basic else "positive")),
            negative=None if basic else prompt_of(view, guider.inputs.get("negative")),
            cfg=Setting(1.0, guider, "conditioning") if basic else view.setting(guider, "cfg"),
        )
    return _custom(view, node, found)


def _custom(view: View, node: Node, found: Sampling) -> Sampling:
    """A sampler that is given its kind and its schedule by nodes."""
    select = view.origin(node.inputs.get("sampler"))
    if select and select[0].type == "KSamplerSelect":
        found = replace(found, sampler=view.setting(select[0], "sampler_name"))
    if node.type == "SamplerCustom":
        noised = view.setting(node, "add_noise").value
        found = replace(found, noised=noised if isinstance(noised, bool) else None)
    schedule = view.origin(node.inputs.get("sigmas"))
    if schedule is None or schedule[0].type != "BasicScheduler":
        return replace(found, part=True)
    maker = schedule[0]
    steps, denoise, scheduler = (view.setting(maker, name) for name in ("steps", "denoise", "scheduler"))
    # The schedule is that of the model which its own node is given.
    own = model_of(view, maker.inputs.get("model"))
    model = found.model
    if own.noise != model.noise:
        model = model._replace(noise=own.noise)
    return replace(found, steps=steps, denoise=denoise, scheduler=scheduler, model=model)

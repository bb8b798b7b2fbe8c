"""Stages that sample with a diffusion model, from their sampler back to model, prompts and settings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..graph import Link, Node
from ..stages.families import Family
from .found import ModelFound
from .loaders import Asked, Loaders, LoraAt, Peeled
from .prompts import Prompts, read_prompts
from .wires import Wires, number, text, wire


@dataclass(frozen=True)
class Sampled:
    """What a sampler node tells: the model, its family, and the fields that all sampling stages share."""

    model: ModelFound
    family: Family
    fields: dict[str, Any]
    vae: Link
    differential: bool


@dataclass(frozen=True)
class Context:
    """What a stage knows beside its sampler: its conditionings once taken out of what it adds, and its VAE."""

    positive: Link | None
    negative: Link | None
    vae: Link | None
    empty_latent: str = ""
    latent: str = ""
    video: bool | None = None
    extra: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True)
class Reader:
    """Reads samplers of one graph."""

    wires: Wires
    loaders: Loaders

    def sampled(self, node: Node, context: Context) -> Sampled | None:
        """The settings of a KSampler, or of an UltimateSDUpscale."""
        base = wire(node, "model")
        way = self.loaders.peeled(base) if base else None
        prompts = read_prompts(self.wires, context.positive, context.negative)
        settings = _settings(node)
        if way is None or prompts is None or settings is None:
            return None
        clip, skip = self._without_skip(prompts.clip)
        below = self.loaders.clip_below(clip, way.loras)
        if below is None or len(vaes := _vaes(context, prompts)) > 1:
            return None
        vae = next(iter(vaes), None)
        asked = _asked(context, prompts, skip is not None, [way], self._pads(below))
        found = self.loaders.model(way.base, below, vae, asked, dict(context.extra))
        if found is None:
            return None
        loras = [self._use(lora) for lora in way.loras]
        fields = _fields(found.model, loras, prompts, settings, skip, way, found.family)
        return Sampled(found.model, found.family, fields, found.model.outputs["vae"], way.differential)

    def by_experts(self, high: Node, low: Node, context: Context) -> Sampled | None:
        """The settings of two samplers that share the work, the second taking over from the first."""
        bases = [wire(node, "model") for node in (high, low)]
        ways = [self.loaders.peeled(base) if base else None for base in bases]
        prompts = read_prompts(self.wires, context.positive, context.negative)
        steps = _shared_steps(high, low)
        first, second = ways
        if first is None or second is None or prompts is None or steps is None:
            return None
        vaes = _vaes(context, prompts)
        vae = next(iter(vaes), None)
        clips = [lora for way in (first, second) for lora in way.loras if lora.clip is not None]
        if len(vaes) > 1 or clips or (first.shift, first.differential) != (second.shift, second.differential):
            return None
        asked = _asked(context, prompts, False, [first, second], self._pads(prompts.clip))
        found = self.loaders.experts(first.base, second.base, steps.switch, prompts.clip, vae, asked)
        if found is None:
            return None
        fields = _fields(found.model, self._of_experts(first, second), prompts, steps.fields, None, first, found.family)
        return Sampled(found.model, found.family, fields, found.model.outputs["vae"], first.differential)

    def _pads(self, clip: Link) -> bool:
        return self.wires.origin(clip, "T5TokenizerOptions") is None

    def _without_skip(self, clip: Link) -> tuple[Link, int | None]:
        node = self.wires.origin(clip, "CLIPSetLastLayer")
        layer, below = (number(node, "stop_at_clip_layer"), wire(node, "clip")) if node else (None, None)
        return (below, -layer) if isinstance(layer, int) and below is not None else (clip, None)

    def _use(self, lora: LoraAt, expert: str = "") -> Any:
        model = ModelFound("lora", {"lora": lora.file}, {}, self.wires.graph.nodes[lora.node].title)
        use: dict[str, Any] = {"use": model}
        if lora.strength != 1:
            use["strength"] = lora.strength
        if expert:
            use["expert"] = expert
        elif lora.clip != lora.strength:
            use["clip"] = lora.clip or 0
        return use if len(use) > 1 else model

    def _of_experts(self, first: Peeled, second: Peeled) -> list[Any]:
        """The LoRAs of both, said once where both have the same."""
        alike = [(lora.file, lora.strength) for lora in first.loras] == [
            (lora.file, lora.strength) for lora in second.loras
        ]
        if alike:
            return [_bare(self._use(lora, "high")) for lora in first.loras]
        uses = [self._use(lora, "high") for lora in first.loras]
        return uses + [self._use(lora, "low") for lora in second.loras]


@dataclass(frozen=True)
class _Steps:
    switch: int
    fields: dict[str, Any]


def _bare(use: dict[str, Any]) -> Any:
    """A LoRA's use, for both experts."""
    both = {name: value for name, value in use.items() if name != "expert"}
    return both if len(both) > 1 else both["use"]


def _asked(
    context: Context, prompts: Prompts, skips: bool, ways: Sequence[Peeled], pads: bool
) -> Asked:  # fmt: skip
    return Asked(
        shifters=tuple(way.shifter for way in ways),
        guided="guidance" in prompts.fields,
        clip_skip=skips,
        empty_latent=context.empty_latent,
        control_vae=prompts.control_vae,
        pads=pads,
        looks_at=prompts.looks_at,
        latent=context.latent,
        video=context.video,
    )


def _vaes(context: Context, prompts: Prompts) -> set[Link]:
    """The VAEs that take part, of which a model has one."""
    return {vae for vae in (context.vae, *prompts.vaes) if vae is not None}


def _settings(node: Node) -> dict[str, Any] | None:
    names = {"steps": "steps", "cfg": "cfg", "denoise": "denoise"}
    found: dict[str, Any] = {field: number(node, name) for field, name in names.items()}
    found |= {"sampler": text(node, "sampler_name"), "scheduler": text(node, "scheduler")}
    found["seed"] = number(node, "seed")
    return None if any(value is None for value in found.values()) else found


def _fields(
    model: ModelFound, loras: list[Any], prompts: Prompts, settings: dict[str, Any], skip: int | None, way: Peeled,
    family: Family,
) -> dict[str, Any]:  # fmt: skip
    """The fields in the order in which an author would write them, without what goes without saying."""
    fields: dict[str, Any] = {"model": model}
    if loras:
        fields["loras"] = loras
    fields |= {name: value for name, value in prompts.fields.items() if name in ("references", "control")}
    for name, words in (("positive", prompts.positive), ("negative", prompts.negative)):
        if words:
            fields[name] = words
    fields |= {name: settings[name] for name in ("steps", "cfg")}
    if "guidance" in prompts.fields:
        fields["guidance"] = prompts.fields["guidance"]
    if way.shifter and way.shift != family.shift:
        fields["shift"] = way.shift
    if skip is not None:
        fields["clip_skip"] = skip
    return fields | {name: settings[name] for name in ("denoise", "sampler", "scheduler", "seed")}


def _shared_steps(high: Node, low: Node) -> _Steps | None:
    """The settings of two samplers that are one schedule's halves; None where they are not."""
    for name in ("steps", "cfg", "sampler_name", "scheduler", "noise_seed", "positive", "negative"):
        if high.inputs.get(name) != low.inputs.get(name):
            return None
    total, first, switch = number(high, "steps"), number(high, "start_at_step"), number(high, "end_at_step")
    halves = (
        (high, {"add_noise": "enable", "return_with_leftover_noise": "enable"}),
        (low, {"add_noise": "disable", "return_with_leftover_noise": "disable", "start_at_step": switch}),
    )
    if any(node.inputs.get(name) != value for node, wanted in halves for name, value in wanted.items()):
        return None
    if not (isinstance(total, int) and isinstance(first, int) and isinstance(switch, int)):
        return None
    if not 0 <= first < switch < total or low.inputs.get("end_at_step") != total:
        return None
    steps = total - first
    denoise = next((d for n in range(1, 10) if (d := round(steps / total, n)) and int(steps / d) == total), None)
    if denoise is None:
        return None
    fields = {"steps": steps, "cfg": number(high, "cfg"), "denoise": denoise if first else 1.0}
    fields |= {"sampler": text(high, "sampler_name"), "scheduler": text(high, "scheduler")}
    fields["seed"] = number(high, "noise_seed")
    return None if any(value is None for value in fields.values()) else _Steps(switch, fields)

"""What the stages that sample have in common: a loaded model, its LoRAs, prompts, and a sampler's settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..diagnostics import Path, did_you_mean
from ..graph import Link, Value
from .blocks import Sampling
from .families import FAMILIES, Family
from .models import Checkpoint, DiffusionModel, Lora, family_of
from .site import HOLE, UNKNOWN_NAME, UNTOLD, WRONG_KIND, Site

# Which field each input of `sampled` comes from, where the names differ.
SAMPLED_FIELDS: Mapping[str, str | Path] = {"sampler_name": "sampler", "vae": "model"}


@dataclass(frozen=True, slots=True)
class Parts:
    """What a diffusion model consists of once loaded."""

    family: Family
    model: Link
    clip: Link
    vae: Link


def model_parts(site: Site, settings: Sampling) -> Parts | None:
    """The loaded model that a stage samples with, its LoRAs applied; None, with a finding, where it has none."""
    if settings.model is None:
        site.report(
            UNTOLD,
            (),
            f'"{site.name}" samples with a diffusion model, and none is named',
            'add "model", or take the settings of another stage with "like"',
        )
        return None
    block = site.find(settings.model, ("model",), Checkpoint, DiffusionModel)
    loaded = load_model(site, settings.model, block) if isinstance(block, Checkpoint | DiffusionModel) else None
    for n, use in enumerate(settings.loras):
        lora = site.find(use.use, ("loras", n, "use"), Lora)
        if loaded is not None and lora is not None:
            loaded = _with_lora(site, settings, loaded, lora, n)
    return loaded


def load_model(site: Site, name: str, block: Checkpoint | DiffusionModel) -> Parts | None:
    """A model's loaders; None, with a finding, where its family is not known."""
    family = family_of(block)
    if family is None:
        _untold_family(site, name, block)
        return None
    return _load(site, name, block, family)


def _untold_family(site: Site, name: str, block: Checkpoint | DiffusionModel) -> None:
    path: Path = ("models", name, "family")
    if block.family is not None:
        help = did_you_mean(block.family, FAMILIES, "families")
        finding = UNKNOWN_NAME.at(site.workshop.place(path), f'no model family is named "{block.family}"', help)
    else:
        finding = UNTOLD.at(
            site.workshop.place(path[:2]),
            f'the file names of "{name}" do not tell its family',
            f'add "family" to it, one of {", ".join(FAMILIES)}',
        )
    if finding not in site.workshop.findings:
        site.workshop.findings.append(finding)


def _load(site: Site, name: str, block: Checkpoint | DiffusionModel, family: Family) -> Parts:
    path: Path = ("models", name)
    add = site.workshop.add
    vae = HOLE
    if block.vae is not None:
        vae = add(name, path, "VAE", "VAELoader", {"vae_name": block.vae}, {"vae_name": "vae"})
    if isinstance(block, Checkpoint):
        link = add(
            name,
            path,
            "checkpoint",
            "CheckpointLoaderSimple",
            {"ckpt_name": block.checkpoint},
            {"ckpt_name": "checkpoint"},
        )
        return Parts(family, link, Link(link.node, 1), vae if block.vae else Link(link.node, 2))
    if block.diffusion_model.casefold().endswith(".gguf"):
        if "dtype" in block.model_fields_set:
            place = site.workshop.place((*path, "dtype"))
            site.workshop.findings.append(WRONG_KIND.at(place, "a GGUF file keeps its own types", 'remove "dtype"'))
        model = add(
            name,
            path,
            "diffusion model",
            "UnetLoaderGGUF",
            {"unet_name": block.diffusion_model},
            {"unet_name": "diffusion_model"},
        )
    else:
        model = add(
            name,
            path,
            "diffusion model",
            "UNETLoader",
            {"unet_name": block.diffusion_model, "weight_dtype": block.dtype},
            {"unet_name": "diffusion_model", "weight_dtype": "dtype"},
        )
    return Parts(family, model, _text_encoders(site, name, block, family), vae)


def _text_encoders(site: Site, name: str, block: DiffusionModel, family: Family) -> Link:
    files = block.text_encoders
    path: Path = ("models", name)
    if len(files) not in family.encoders:
        counts = " or ".join(str(count) for count in family.encoders)
        finding = UNTOLD.at(
            site.workshop.place((*path, "text_encoders")),
            f'"{name}" has {len(files)} text encoders; {family.name} takes {counts}',
        )
        if finding not in site.workshop.findings:
            site.workshop.findings.append(finding)
        return HOLE
    prefix = {1: "", 2: "Dual", 3: "Triple", 4: "Quadruple"}[len(files)]
    suffix = "GGUF" if any(file.casefold().endswith(".gguf") for file in files) else ""
    keys = ["clip_name"] if len(files) == 1 else [f"clip_name{n}" for n in range(1, len(files) + 1)]
    inputs: dict[str, Value | None] = dict(zip(keys, files, strict=True))
    inputs["type"] = family.encoders[len(files)] or None
    fields: dict[str, str | Path] = {key: ("text_encoders", n) for n, key in enumerate(keys)}
    return site.workshop.add(
        name, path, "text encoders", f"{prefix}CLIPLoader{suffix}", inputs, {**fields, "type": "family"}
    )


def _with_lora(site: Site, settings: Sampling, loaded: Parts, lora: Lora, n: int) -> Parts:
    use = settings.loras[n]
    uses = [each.use for each in settings.loras[: n + 1]].count(use.use)
    role = f"LoRA {use.use}" if uses == 1 else f"LoRA {use.use} {uses}"
    at: Path = ("loras", n)
    clip = use.strength if use.clip is None else use.clip
    inputs: dict[str, Value | None] = {
        "model": loaded.model,
        "clip": loaded.clip,
        "lora_name": lora.lora,
        "strength_model": use.strength,
        "strength_clip": clip,
    }
    fields: dict[str, str | Path] = {
        "model": "model",
        "clip": "model",
        "lora_name": (*at, "use"),
        "strength_model": (*at, "strength"),
        "strength_clip": (*at, "strength" if use.clip is None else "clip"),
    }
    if clip == 0:
        del inputs["clip"], inputs["strength_clip"]
        link = site.add(role, "LoraLoaderModelOnly", inputs, fields)
        return Parts(loaded.family, link, loaded.clip, loaded.vae)
    link = site.add(role, "LoraLoader", inputs, fields)
    return Parts(loaded.family, link, Link(link.node, 1), loaded.vae)


def prompts(site: Site, settings: Sampling, loaded: Parts) -> tuple[Link, Link]:
    """The positive and the negative conditioning."""
    positive = site.add(
        "positive",
        "CLIPTextEncode",
        {"text": settings.positive, "clip": loaded.clip},
        {"text": "positive", "clip": "model"},
    )
    if settings.guidance is not None:
        if not loaded.family.guided:
            site.report(
                WRONG_KIND,
                ("guidance",),
                f'"guidance" is for guidance-distilled models, and "{settings.model}" is {loaded.family.name}',
                'say "cfg" instead',
            )
        positive = site.add(
            "guidance",
            "FluxGuidance",
            {"conditioning": positive, "guidance": settings.guidance},
            {"conditioning": "positive"},
        )
    negative = site.add(
        "negative",
        "CLIPTextEncode",
        {"text": settings.negative, "clip": loaded.clip},
        {"text": "negative", "clip": "model"},
    )
    return positive, negative


def sampled(site: Site, settings: Sampling, loaded: Parts) -> dict[str, Value | None]:
    """The inputs that KSampler and its kin share, with the family's settings where an author gave none."""
    positive, negative = prompts(site, settings, loaded)
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

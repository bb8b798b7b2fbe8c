"""How a model is loaded: its files, its LoRAs, and what is set on it before it samples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from ..diagnostics import Diagnostic, Path, did_you_mean
from ..graph import Link, Value
from .blocks import LoraUse, Sampling
from .families import FAMILIES, Family
from .models import Checkpoint, DiffusionModel, Experts, Lora, SamplingModel, family_of
from .site import HOLE, UNKNOWN_NAME, UNTOLD, WRONG_KIND, Site

# What stands for a family that nobody told: nothing is said against it.
_UNTOLD = Family(
    name="", file_name="", encoders={}, encoder_names="", latent="", empty_latent="", size=(1024, 1024),
    steps=20, cfg=1.0, sampler="euler", scheduler="simple", guided=True, shifter="ModelSamplingSD3",
)  # fmt: skip


class Parts(NamedTuple):
    """What a diffusion model consists of once loaded; holes where it could not be.

    `low` is the second of two experts, which takes over from `model` at `switch`.
    """

    family: Family
    model: Link
    clip: Link
    vae: Link
    low: Link | None = None
    switch: float = 0.0
    block: SamplingModel | None = None

    @property
    def known(self) -> bool:
        """Whether there is a model at all."""
        return self.block is not None


_NO_PARTS = Parts(_UNTOLD, HOLE, HOLE, HOLE)


def model_parts(site: Site, settings: Sampling, *kinds: type[SamplingModel]) -> Parts:
    """The loaded model that a stage samples with, its LoRAs applied; holes, with a finding, where it has none."""
    loaded = _model(site, settings, kinds or (Checkpoint, DiffusionModel, Experts))
    for n, use in enumerate(settings.loras):
        lora = site.find(use.use, ("loras", n, "use"), Lora)
        if lora is not None and loaded.known:
            loaded = _with_lora(site, settings, loaded, lora, n)
    return _with_clip_skip(site, settings, _with_shift(site, settings, loaded)) if loaded.known else loaded


def _model(site: Site, settings: Sampling, kinds: tuple[type[SamplingModel], ...]) -> Parts:
    if settings.model is None:
        site.report(
            UNTOLD,
            (),
            f'"{site.name}" samples with a diffusion model, and none is named',
            'add "model", or take the settings of another stage with "like"',
        )
        return _NO_PARTS
    block = site.find(settings.model, ("model",), *kinds)
    return _NO_PARTS if block is None else load_model(site, settings.model, block)


def load_model(site: Site, name: str, block: SamplingModel) -> Parts:
    """A model's loaders; holes, with a finding, where its family is not known."""
    family = family_of(block)
    if family is None:
        _untold_family(site, name, block)
        return _NO_PARTS
    vae = HOLE
    if block.vae is not None:
        vae = site.workshop.add(
            name, ("models", name), "VAE", "VAELoader", {"vae_name": block.vae}, {"vae_name": "vae"}
        )
    if isinstance(block, Checkpoint):
        inputs, fields = {"ckpt_name": block.checkpoint}, {"ckpt_name": "checkpoint"}
        link = site.workshop.add(name, ("models", name), "checkpoint", "CheckpointLoaderSimple", inputs, fields)
        clip, own = Link(link.node, 1), Link(link.node, 2)
        return Parts(family, link, clip, vae if block.vae else own, block=block)
    if isinstance(block, DiffusionModel):
        model = _diffusion_model(site, name, block, block.diffusion_model, "diffusion model", ("diffusion_model",))
        return Parts(family, model, _text_encoders(site, name, block, family), vae, block=block)
    both = block.experts
    high = _diffusion_model(site, name, block, both.high, "high-noise expert", ("experts", "high"))
    low = _diffusion_model(site, name, block, both.low, "low-noise expert", ("experts", "low"))
    return Parts(family, high, _text_encoders(site, name, block, family), vae, low, both.switch, block)


def _once(site: Site, finding: Diagnostic) -> None:
    """Adds a finding on a model, which several stages may come upon."""
    if finding not in site.workshop.findings:
        site.workshop.findings.append(finding)


def _untold_family(site: Site, name: str, block: SamplingModel) -> None:
    path: Path = ("models", name, "family")
    if block.family is not None:
        help = did_you_mean(block.family, FAMILIES, "families")
        place = site.workshop.place(path)
        _once(site, UNKNOWN_NAME.at(place, f'no model family is named "{block.family}"', help))
    else:
        message = f'the file names of "{name}" do not tell its family'
        help = f'add "family" to it, one of {", ".join(FAMILIES)}'
        _once(site, UNTOLD.at(site.workshop.place(path[:2]), message, help))


def _diffusion_model(
    site: Site, name: str, block: DiffusionModel | Experts, file: str, role: str, at: Path
) -> Link:  # fmt: skip
    path: Path = ("models", name)
    if not file.casefold().endswith(".gguf"):
        inputs = {"unet_name": file, "weight_dtype": block.dtype}
        return site.workshop.add(name, path, role, "UNETLoader", inputs, {"unet_name": at, "weight_dtype": "dtype"})
    if "dtype" in block.model_fields_set:
        place = site.workshop.place((*path, "dtype"))
        _once(site, WRONG_KIND.at(place, "a GGUF file keeps its own types", 'remove "dtype"'))
    return site.workshop.add(name, path, role, "UnetLoaderGGUF", {"unet_name": file}, {"unet_name": at})


def _text_encoders(site: Site, name: str, block: DiffusionModel | Experts, family: Family) -> Link:
    files = block.text_encoders
    path: Path = ("models", name)
    if len(files) not in family.encoders:
        counts = " or ".join(str(count) for count in family.encoders)
        place = site.workshop.place((*path, "text_encoders"))
        have = f"{len(files)} text encoder{'' if len(files) == 1 else 's'}"
        message = f'"{name}" has {have}; the family {family.name} takes {counts}'
        _once(site, UNTOLD.at(place, message, f"name {family.encoder_names}"))
        return HOLE
    prefix = {1: "", 2: "Dual", 3: "Triple", 4: "Quadruple"}[len(files)]
    suffix = "GGUF" if any(file.casefold().endswith(".gguf") for file in files) else ""
    keys = ["clip_name"] if len(files) == 1 else [f"clip_name{n}" for n in range(1, len(files) + 1)]
    inputs: dict[str, Value | None] = dict(zip(keys, files, strict=True))
    inputs["type"] = family.encoders[len(files)] or None
    fields: dict[str, str | Path] = {key: ("text_encoders", n) for n, key in enumerate(keys)}
    loader = f"{prefix}CLIPLoader{suffix}"
    clip = site.workshop.add(name, path, "text encoders", loader, inputs, {**fields, "type": "family"})
    if family.pads:
        return clip
    options: Mapping[str, Value] = {"clip": clip, "min_padding": 0, "min_length": 0}
    return site.workshop.add(name, path, "tokenizer", "T5TokenizerOptions", options, {"clip": "text_encoders"})


def _with_lora(site: Site, settings: Sampling, loaded: Parts, lora: Lora, n: int) -> Parts:
    use = settings.loras[n]
    if use.expert is not None and loaded.low is None:
        message = f'"expert" is for models with two experts, and "{settings.model}" is one model'
        site.report(WRONG_KIND, ("loras", n, "expert"), message, 'remove "expert"')
    if use.clip is not None and loaded.low is not None:
        message = f'"clip" is for LoRAs with text encoder weights, which the experts of "{settings.model}" have none of'
        site.report(WRONG_KIND, ("loras", n, "clip"), message, 'remove "clip"')
    uses = [each.use for each in settings.loras[: n + 1]].count(use.use)
    role = f"LoRA {use.use}" if uses == 1 else f"LoRA {use.use} #{uses}"  # no name has a #
    if loaded.low is None:
        model, clip = _lora_node(site, use, lora, n, role, loaded.model, loaded.clip)
        return loaded._replace(model=model, clip=clip)
    # The experts' text encoder has no weights in their LoRAs.
    if use.expert != "low":
        loaded = loaded._replace(model=_lora_node(site, use, lora, n, f"{role} high", loaded.model, None)[0])
    if use.expert != "high" and loaded.low is not None:
        loaded = loaded._replace(low=_lora_node(site, use, lora, n, f"{role} low", loaded.low, None)[0])
    return loaded


def _lora_node(
    site: Site, use: LoraUse, lora: Lora, n: int, role: str, model: Link, clip: Link | None
) -> tuple[Link, Link]:
    at: Path = ("loras", n)
    clip_strength = use.strength if use.clip is None else use.clip
    inputs: dict[str, Value | None] = {
        "model": model,
        "clip": clip,
        "lora_name": lora.lora,
        "strength_model": use.strength,
        "strength_clip": clip_strength,
    }
    fields: dict[str, str | Path] = {
        "model": "model",
        "clip": "model",
        "lora_name": (*at, "use"),
        "strength_model": (*at, "strength"),
        "strength_clip": (*at, "strength" if use.clip is None else "clip"),
    }
    if clip is None or clip_strength == 0:
        del inputs["clip"], inputs["strength_clip"]
        return site.add(role, "LoraLoaderModelOnly", inputs, fields), clip or HOLE
    link = site.add(role, "LoraLoader", inputs, fields)
    return link, Link(link.node, 1)


def _with_shift(site: Site, settings: Sampling, loaded: Parts) -> Parts:
    family = loaded.family
    shift = settings.shift if settings.shift is not None else family.shift
    if settings.shift is not None and not family.shifter:
        message = f'"shift" is for flow models, and "{settings.model}" is of the family {family.name}'
        site.report(WRONG_KIND, ("shift",), message, 'remove "shift"')
    if shift is None or not family.shifter:
        return loaded
    model = _shifted(site, family, shift, loaded.model, "shift" if loaded.low is None else "shift high")
    low = loaded.low if loaded.low is None else _shifted(site, family, shift, loaded.low, "shift low")
    return loaded._replace(model=model, low=low)


def _shifted(site: Site, family: Family, shift: float, model: Link, role: str) -> Link:
    inputs: dict[str, Value | None] = {"model": model, "shift": shift}
    if family.shifter == "ModelSamplingFlux":  # its shift grows with the picture between two: equal ones hold for all
        inputs = {"model": model, "max_shift": shift, "base_shift": shift, "width": 1024, "height": 1024}
    fields: dict[str, str | Path] = {"max_shift": "shift", "base_shift": "shift", "width": (), "height": ()}
    return site.add(role, family.shifter, inputs, fields)


def _with_clip_skip(site: Site, settings: Sampling, loaded: Parts) -> Parts:
    if settings.clip_skip is None:
        return loaded
    if not loaded.family.has_clip:
        message = (
            f'"clip_skip" is for models with CLIP alone, and "{settings.model}" is of the family {loaded.family.name}'
        )
        site.report(WRONG_KIND, ("clip_skip",), message, 'remove "clip_skip"')
    inputs: Mapping[str, Value] = {"clip": loaded.clip, "stop_at_clip_layer": -settings.clip_skip}
    fields = {"clip": "model", "stop_at_clip_layer": "clip_skip"}
    return loaded._replace(clip=site.add("clip skip", "CLIPSetLastLayer", inputs, fields))

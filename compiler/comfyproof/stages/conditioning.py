"""What a model is to paint: prompts, guidance, the pictures it looks at, and the ControlNets it follows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..diagnostics import Path
from ..graph import Asset, Link, Value
from .blocks import ControlUse, Reference, Sampling
from .loading import Parts
from .models import ControlNet
from .site import HOLE, UNTOLD, WRONG_KIND, Site

_MOST_REFERENCES = 3  # as many as TextEncodeQwenImageEditPlus takes


def conditioning(
    site: Site, settings: Sampling, loaded: Parts, references: Sequence[Asset | Reference] = ()
) -> tuple[Link, Link]:
    """The positive and the negative conditioning of a stage."""
    positive, negative = _prompts(site, settings, loaded, references)
    if settings.guidance is not None:
        positive = _guided(site, settings, loaded, positive)
    for n, use in enumerate(settings.control):
        positive, negative = _controlled(site, use, n, loaded, positive, negative)
    return positive, negative


def _prompts(
    site: Site, settings: Sampling, loaded: Parts, references: Sequence[Asset | Reference]
) -> tuple[Link, Link]:
    pictures = [site.picture(each, ("references", n)) for n, each in enumerate(references)]
    if pictures and loaded.family.name == "qwen-image":
        return _edited(site, settings, loaded, pictures)
    positive = _text(site, "positive", settings.positive, loaded)
    negative = _text(site, "negative", settings.negative, loaded)
    if pictures and loaded.known:
        positive = _looking_at(site, settings, loaded, pictures, positive)
    return positive, negative


def _text(site: Site, role: str, text: str, loaded: Parts) -> Link:
    return site.add(role, "CLIPTextEncode", {"text": text, "clip": loaded.clip}, {"text": role, "clip": "model"})


def _edited(site: Site, settings: Sampling, loaded: Parts, pictures: list[Link]) -> tuple[Link, Link]:
    """Qwen-Image-Edit looks at its pictures where it reads the prompt."""
    if len(pictures) > _MOST_REFERENCES:
        message = f'"references" has {len(pictures)} pictures; Qwen-Image-Edit takes at most {_MOST_REFERENCES}'
        site.report(UNTOLD, ("references",), message)
        pictures = pictures[:_MOST_REFERENCES]
    keys = ["image"] if len(pictures) == 1 else [f"image{n}" for n in range(1, len(pictures) + 1)]
    node = "TextEncodeQwenImageEdit" if len(pictures) == 1 else "TextEncodeQwenImageEditPlus"
    seen: Mapping[str, Value] = dict(zip(keys, pictures, strict=True))
    fields: dict[str, str | Path] = {key: ("references", n) for n, key in enumerate(keys)}

    def encoded(role: str, text: str) -> Link:
        inputs = {"clip": loaded.clip, "prompt": text, "vae": loaded.vae, **seen}
        return site.add(role, node, inputs, {"clip": "model", "prompt": role, "vae": "model", **fields})

    return encoded("positive", settings.positive), encoded("negative", settings.negative)


def _looking_at(site: Site, settings: Sampling, loaded: Parts, pictures: list[Link], positive: Link) -> Link:
    """Flux Kontext takes its pictures as latents beside the prompt."""
    if loaded.family.name != "flux":
        family = f'"{settings.model}" is of the family {loaded.family.name}'
        message = f'"references" is for Flux Kontext and Qwen-Image-Edit, and {family}'
        return site.report(WRONG_KIND, ("references",), message, "load the picture, and refine it")
    for n, picture in enumerate(pictures, 1):
        at: Path = ("references", n - 1)
        fields: Mapping[str, str | Path] = {"image": at, "pixels": at, "latent": at, "conditioning": (), "vae": "model"}
        scaled = site.add(f"reference {n} size", "FluxKontextImageScale", {"image": picture}, fields)
        latent = site.add(f"reference {n} latent", "VAEEncode", {"pixels": scaled, "vae": loaded.vae}, fields)
        inputs = {"conditioning": positive, "latent": latent}
        positive = site.add(f"reference {n}", "ReferenceLatent", inputs, fields)
    return positive


def _guided(site: Site, settings: Sampling, loaded: Parts, positive: Link) -> Link:
    if not loaded.family.guided:
        site.report(
            WRONG_KIND,
            ("guidance",),
            f'"guidance" is for distilled models, and "{settings.model}" is of the family {loaded.family.name}',
            'say "cfg" instead',
        )
    inputs = {"conditioning": positive, "guidance": settings.guidance}
    return site.add("guidance", "FluxGuidance", inputs, {"conditioning": "positive"})


def _controlled(
    site: Site, use: ControlUse, n: int, loaded: Parts, positive: Link, negative: Link
) -> tuple[Link, Link]:  # fmt: skip
    at: Path = ("control", n)
    if use.after >= use.until:
        message = f'"{use.use}" works from {use.after:g} to {use.until:g}, which is never'
        site.report(UNTOLD, (*at, "until"), message, 'let "until" be more than "after"')
    block = site.find(use.use, (*at, "use"), ControlNet)
    net = HOLE
    if block is not None:
        inputs = {"control_net_name": block.controlnet}
        fields = {"control_net_name": "controlnet"}
        net = site.workshop.add(use.use, ("models", use.use), "ControlNet", "ControlNetLoader", inputs, fields)
    if use.union is not None:
        union: Mapping[str, Value] = {"control_net": net, "type": use.union}
        net = site.add(f"control {n + 1} union", "SetUnionControlNetType", union, {"type": (*at, "union")})
    link = site.add(
        f"control {n + 1}",
        "ControlNetApplyAdvanced",
        {
            "positive": positive,
            "negative": negative,
            "control_net": net,
            "image": _control_picture(site, use, n),
            "strength": use.strength,
            "start_percent": use.after,
            "end_percent": use.until,
            "vae": loaded.vae if loaded.family.control_vae else None,
        },
        {
            "positive": "positive",
            "negative": "negative",
            "control_net": (*at, "use"),
            "image": (*at, "image"),
            "strength": (*at, "strength"),
            "start_percent": (*at, "after"),
            "end_percent": (*at, "until"),
            "vae": "model",
        },
    )
    return link, Link(link.node, 1)


def _wired(site: Site, value: Any, at: Path) -> Value:
    """An input of a preprocessor: what a name in it stands for, else the value."""
    return site.picture(value, at) if isinstance(value, Asset | Reference) else value


def _control_picture(site: Site, use: ControlUse, n: int) -> Link:
    at: Path = ("control", n)
    if use.image is not None:
        picture = site.picture(use.image, (*at, "image"))
    elif site.given is not None:
        picture = site.pixels()
    else:
        message = f'"{use.use}" has no picture to control with'
        return site.report(UNTOLD, at, message, 'add "image", such as image: $pose')
    for node, inputs in (use.preprocess or {}).items():
        fields = {name: (*at, "preprocess", node, name) for name in inputs}
        given = {"image": picture, **{name: _wired(site, value, fields[name]) for name, value in inputs.items()}}
        picture = site.add(f"control {n + 1} preprocess", node, given, {"image": (*at, "preprocess"), **fields})
    return picture

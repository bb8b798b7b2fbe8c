"""Prompts and what is added to them, from a sampler's two conditionings back to the texts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from ..graph import Link, Node
from .found import Want
from .loaders import Loaders
from .wires import Wires, number, text, wire

_PREPROCESSORS = ("Canny", "ImageInvert")


@dataclass(frozen=True)
class Prompts:
    """What a sampler is told: both texts, their text encoders, and the fields of the language round them.

    `vaes` are the VAEs that take part, all of which must be the model's.
    """

    positive: str
    negative: str
    clip: Link
    fields: dict[str, Any] = field(default_factory=dict)
    vaes: tuple[Link, ...] = ()
    control_vae: bool | None = None
    looks_at: str = ""


def read_prompts(wires: Wires, positive: Link | None, negative: Link | None) -> Prompts | None:
    """The prompts behind two conditionings; None where they are more than a stage says."""
    if positive is None or negative is None:
        return None
    uses: list[dict[str, Any]] = []
    vaes: list[Link] = []
    steps = 0
    while node := wires.origin(positive, "ControlNetApplyAdvanced"):
        use = _control(wires, node)
        above, beside = wire(node, "positive"), wire(node, "negative")
        steps += 1
        if use is None or above is None or beside is None or negative != Link(node.id, 1) or steps > 100:
            return None
        vaes += [vae] if (vae := wire(node, "vae")) else []
        uses.insert(0, use)
        positive, negative = above, beside
    with_vae = None if not uses else len(vaes) == len(uses)
    if uses and vaes and not with_vae:
        return None
    fields: dict[str, Any] = {"control": uses} if uses else {}
    if node := wires.origin(positive, "FluxGuidance"):
        guidance, above = number(node, "guidance"), wire(node, "conditioning")
        if guidance is None or above is None:
            return None
        fields["guidance"], positive = guidance, above
    found = _texts(wires, positive, negative)
    if found is None:
        return None
    return replace(found, fields={**found.fields, **fields}, vaes=(*found.vaes, *vaes), control_vae=with_vae)


def _texts(wires: Wires, positive: Link, negative: Link) -> Prompts | None:
    node = wires.origin(positive, "TextEncodeQwenImageEdit", "TextEncodeQwenImageEditPlus")
    if node is not None:
        return _edited(node, wires.origin(negative, node.type))
    pictures: list[Want] = []
    vaes: list[Link] = []
    while node := wires.origin(positive, "ReferenceLatent"):
        encode = wires.origin(node.inputs.get("latent"), "VAEEncode")
        scale = wires.origin(encode.inputs.get("pixels"), "FluxKontextImageScale") if encode else None
        above = wire(node, "conditioning")
        picture, vae = (wire(scale, "image") if scale else None), (wire(encode, "vae") if encode else None)
        if above is None or picture is None or vae is None or len(pictures) > 100:
            return None
        pictures.insert(0, Want(picture, "IMAGE"))
        vaes.append(vae)
        positive = above
    one, other = wires.origin(positive, "CLIPTextEncode"), wires.origin(negative, "CLIPTextEncode")
    if one is None or other is None:
        return None
    words, against, clip = text(one, "text"), text(other, "text"), wire(one, "clip")
    if words is None or against is None or clip is None or clip != wire(other, "clip"):
        return None
    fields: dict[str, Any] = {"references": pictures} if pictures else {}
    return Prompts(words, against, clip, fields, tuple(vaes), looks_at="flux" if pictures else "")


def _edited(one: Node, other: Node | None) -> Prompts | None:
    """The prompts of Qwen-Image-Edit, which looks at its pictures where it reads them."""
    if other is None:
        return None
    keys = ["image"] if one.type == "TextEncodeQwenImageEdit" else ["image1", "image2", "image3"]
    pictures = [wire(one, key) for key in keys if key in one.inputs]
    words, against, clip, vae = text(one, "prompt"), text(other, "prompt"), wire(one, "clip"), wire(one, "vae")
    alike = all(one.inputs.get(key) == other.inputs.get(key) for key in ("clip", "vae", *keys))
    given = [picture for picture in pictures if picture is not None]
    plain = len(given) == len(pictures) and (len(given) == 1) == (len(keys) == 1)
    if words is None or against is None or clip is None or vae is None or not alike or not given or not plain:
        return None
    fields = {"references": [Want(picture, "IMAGE") for picture in given]}
    return Prompts(words, against, clip, fields, (vae,), looks_at="qwen-image")


def _control(wires: Wires, node: Node) -> dict[str, Any] | None:
    """One ControlNet at work."""
    net = wire(node, "control_net")
    union = None
    if typed := wires.origin(net, "SetUnionControlNetType"):
        union, net = text(typed, "type"), wire(typed, "control_net")
    model = Loaders(wires).simple(net, "ControlNetLoader", "control_net_name", "controlnet")
    picture = wire(node, "image")
    if model is None or picture is None:
        return None
    use: dict[str, Any] = {"use": model, "image": Want(picture, "IMAGE")}
    made = wires.origin(picture, *_PREPROCESSORS)
    if made is not None and len(wires.takers[picture]) == 1 and (below := wire(made, "image")):
        settings = {name: value for name, value in made.inputs.items() if name != "image"}
        if not any(isinstance(value, Link) for value in settings.values()):
            use["image"] = Want(below, "IMAGE")
            use["preprocess"] = {made.type: settings} if settings else "invert"
    use |= dict(_extent(node))
    return {**use, "union": union} if union is not None else use


def _extent(node: Node) -> Iterator[tuple[str, Any]]:
    """How strongly and when a ControlNet works, where it is not what goes without saying."""
    for name, key, usual in (("strength", "strength", 1), ("after", "start_percent", 0), ("until", "end_percent", 1)):
        value = number(node, key)
        if value is not None and value != usual:
            yield name, value

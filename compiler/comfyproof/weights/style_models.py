"""Style models: Flux Redux and the style adapter of SD1."""

from __future__ import annotations

from dataclasses import dataclass

from .header import Header


@dataclass(frozen=True, slots=True)
class StyleModel:
    """A style model: `style_class` is ComfyUI's class, `image_encoder` the picture encoder whose output it takes."""

    style_class: str
    image_encoder: str
    families: tuple[str, ...]


def detect(header: Header, prefix: str = "") -> StyleModel | None:
    """The style model of a file; None if it is none."""
    if f"{prefix}style_embedding" in header.tensors:
        return StyleModel("StyleAdapter", "vit_l", ("sd15",))
    if f"{prefix}redux_down.weight" in header.tensors:
        return StyleModel("ReduxImageEncoder", "siglip_384", ("flux",))
    return None

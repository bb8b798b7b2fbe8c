"""CLIP vision: which picture encoder ComfyUI 0.3.64 sees in a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from .header import Header
from .networks import Shape


@dataclass(frozen=True, slots=True)
class ClipVision:
    """A picture encoder: `config` is ComfyUI's for it, `model_type` the kind of network.

    Pictures are scaled to `image_size` pixels a side; the outputs are `hidden_size` wide. `error` says why loading
    raises, "" if it does not.
    """

    config: str
    model_type: str
    image_size: int
    hidden_size: int
    layers: int
    positions: int
    error: str = ""
    families: tuple[str, ...] = ()


_CLIP = "clip_vision_model"
_G = ClipVision("clip_vision_config_g.json", _CLIP, 224, 1664, 48, 257)
_H = ClipVision("clip_vision_config_h.json", _CLIP, 224, 1280, 32, 257)
_L = ClipVision("clip_vision_config_vitl.json", _CLIP, 224, 1024, 24, 257)
_L336 = ClipVision("clip_vision_config_vitl_336.json", _CLIP, 336, 1024, 24, 577)
_LLAVA = ClipVision("clip_vision_config_vitl_336_llava.json", _CLIP, 336, 1024, 24, 577)
_SIGLIP = {
    729: ClipVision("clip_vision_siglip_384.json", "siglip_vision_model", 384, 1152, 27, 729),
    1024: ClipVision("clip_vision_siglip_512.json", "siglip_vision_model", 512, 1152, 27, 1024),
}
_DINO = {
    "encoder.layer.39.layer_scale2.lambda1": ClipVision("dino2_giant.json", "dinov2", 518, 1536, 40, 1370),
    "encoder.layer.23.layer_scale2.lambda1": ClipVision("dino2_large.json", "dinov2", 518, 1024, 24, 1370),
}
_LAYER = "vision_model.encoder.layers.{}.layer_norm1.weight"
_POSITIONS = "vision_model.embeddings.position_embedding.weight"
_JOINT = "transformer.resblocks.0.attn.in_proj_weight"


def detect(header: Header, prefix: str = "") -> ClipVision | None:
    """The picture encoder that a file holds under a prefix; None if ComfyUI sees none."""
    tensors = header.under(prefix).tensors
    shapes: Mapping[str, Shape] = {name: shape for name, (_, shape) in tensors.items()} if _maybe(tensors) else {}
    start = "visual." if f"visual.{_JOINT}" in shapes else "" if prefix and _JOINT in shapes else None
    if start is not None:
        shapes = _from_open_clip(shapes, start)
    found = _config(shapes)
    if found is None or found.error:
        return found
    positions = shapes.get(_POSITIONS, shapes.get("embeddings.position_embeddings", ()))
    if positions and positions[-2:] != (found.positions, found.hidden_size):
        size = "x".join(map(str, positions))
        error = f"The position table is {size}, not {found.positions}x{found.hidden_size}."
        return replace(found, error=error)
    return found


def _maybe(tensors: Mapping[str, object]) -> bool:
    signs = (_LAYER.format(22), _LAYER.format(30), f"visual.{_JOINT}", _JOINT, *_DINO)
    return any(sign in tensors for sign in signs)


def _config(shapes: Mapping[str, Shape]) -> ClipVision | None:
    if _LAYER.format(47) in shapes:
        return _G
    if _LAYER.format(30) in shapes:
        return _H
    if _LAYER.format(22) not in shapes:
        return next((found for sign, found in _DINO.items() if sign in shapes), None)
    positions = (shapes.get(_POSITIONS) or (0,))[0]
    if shapes.get(_LAYER.format(0), ())[:1] == (1152,):
        unknown = ClipVision("", "siglip_vision_model", 0, 1152, 27, positions, "ComfyUI has no SigLIP of this size.")
        return _SIGLIP.get(positions, unknown)
    if positions == _L336.positions:
        return _LLAVA if "multi_modal_projector.linear_1.bias" in shapes else _L336
    return _L


def _from_open_clip(shapes: Mapping[str, Shape], start: str) -> Mapping[str, Shape]:
    """The few names of an OpenCLIP picture encoder that tell which one it is, as Transformers has them."""
    renamed = dict(shapes)
    layer = 0
    while f"{start}transformer.resblocks.{layer}.ln_1.weight" in shapes:
        renamed[_LAYER.format(layer)] = shapes[f"{start}transformer.resblocks.{layer}.ln_1.weight"]
        layer += 1
    if f"{start}positional_embedding" in shapes:
        renamed[_POSITIONS] = shapes[f"{start}positional_embedding"]
    return renamed

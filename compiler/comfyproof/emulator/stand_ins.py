"""What a node class that nobody wrote a function for gives: values of the right types, labelled as made up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from ..catalog.nodes import NodeType
from .pixels_custom import Guider, Noise, Sigmas
from .values import MAX_PIXELS, Conditioning, Latent, Model, Picture, Run, Shown, StandIn, check_size

SIDE = 512


def stand_in(kind: NodeType) -> Callable[..., tuple[Any, ...] | Shown]:
    """A function for a class: an output is an input of its type where there is one, else something made up."""

    def made_up(run: Run, **inputs: Any) -> tuple[Any, ...] | Shown:
        for name in inputs:
            if name not in kind.inputs:
                raise TypeError(f"{kind.name} got an unexpected keyword argument '{name}'")
        outputs = tuple(_output(kind, output.type, inputs) for output in kind.outputs)
        return Shown({"text": [f"stand-in: {kind.name}"]}, outputs) if kind.is_output else outputs

    return made_up


def _first(kind: NodeType, type: str, inputs: Mapping[str, Any]) -> Any:
    names = (name for name, declared in kind.inputs.items() if declared.type == type)
    return next((inputs[name] for name in names if inputs.get(name) is not None), None)


def _output(kind: NodeType, type: str, inputs: Mapping[str, Any]) -> Any:
    same = _first(kind, type, inputs)
    if type == "IMAGE":
        return _labelled(kind.name, same if isinstance(same, np.ndarray) else None)
    if type == "LATENT" and {"width", "height"} <= inputs.keys():
        return _latent(inputs)
    if same is not None:
        return same
    facts = repr(sorted((name, str(value)[:1000]) for name, value in inputs.items()))
    files = (kind.name, *(str(inputs[n]) for n, declared in kind.inputs.items() if declared.folder and n in inputs))
    made: Mapping[str, Callable[[], Any]] = {
        "MASK": lambda: _mask(_first(kind, "IMAGE", inputs)),
        "LATENT": lambda: Latent(SIDE, SIDE),
        "MODEL": lambda: Model("diffusion_model", files),
        "CLIP": lambda: Model("text_encoders", files),
        "VAE": lambda: Model("vae", files),
        "UPSCALE_MODEL": lambda: Model("upscale_model", files),
        "CONDITIONING": lambda: Conditioning(facts),
        "GUIDER": lambda: Guider((facts,)),
        "NOISE": lambda: Noise(0),
        "SIGMAS": lambda: Sigmas(int(inputs.get("steps", 20)), float(inputs.get("denoise", 1.0))),
        "INT": lambda: 0,
        "FLOAT": lambda: 0.0,
        "BOOLEAN": lambda: False,
        "STRING": lambda: f"stand-in: {kind.name}",
    }
    return made.get(type, lambda: StandIn(type, kind.name))()


def _latent(inputs: Mapping[str, Any]) -> Latent:
    """An empty latent of the size asked for, with as many of the frames asked for as fit."""
    width, height = max(8, int(inputs["width"]) // 8 * 8), max(8, int(inputs["height"]) // 8 * 8)
    frames = int(inputs.get("length", inputs.get("video_frames", inputs.get("batch_size", 1))))
    frames = max(1, min(frames, MAX_PIXELS // (width * height)))
    check_size(width, height, frames)
    return Latent(width, height, frames)


def _mask(like: Any) -> Any:
    shape = like.shape[:3] if isinstance(like, np.ndarray) else (1, 64, 64)
    return np.zeros(shape, np.float32)


def _labelled(name: str, like: Picture | None) -> Picture:
    """A picture with its class's name on it, of the size of another or 512x512."""
    batch, height, width = (1, SIDE, SIDE) if like is None else like.shape[:3]
    check_size(width, height, batch)
    base = np.full((height, width, 3), 0.35, np.float32) if like is None else like[0, ..., :3]
    drawn = Image.fromarray(np.clip(base * 255.0, 0, 255).astype(np.uint8))
    size = max(10, min(width, height) // 16)
    ImageDraw.Draw(drawn).text(
        (width / 2, height / 2), f"stand-in: {name}", fill="white", anchor="mm", font_size=size, stroke_width=2,
        stroke_fill="black",
    )  # fmt: skip
    picture = np.asarray(drawn, dtype=np.float32) / np.float32(255.0)
    return np.repeat(picture[None], batch, axis=0)

"""What a node class that nobody wrote a function for gives: values of the right types, labelled as made up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from ..catalog.nodes import NodeType, Output
from .models import conditioned
from .pixels_custom import Guider, Noise, Sigmas
from .values import (
    MAX_VIDEO_PIXELS,
    Conditioning,
    Frames,
    Latent,
    Model,
    Picture,
    Run,
    Shown,
    StandIn,
    check_size,
    facts_of,
)

SIDE = 512
RATE = 16


def stand_in(kind: NodeType) -> Callable[..., tuple[Any, ...] | Shown]:
    """A function for a class: an output is an input of its type where there is one, else something made up.

    A model or a conditioning is handed on with a note of what the node was given: with other settings it gives
    another picture.
    """

    def made_up(run: Run, **inputs: Any) -> tuple[Any, ...] | Shown:
        for name in inputs:
            if name not in kind.inputs:
                raise TypeError(f"{kind.name} got an unexpected keyword argument '{name}'")
        outputs = tuple(_output(kind, output, inputs) for output in kind.outputs)
        return Shown({"text": [f"stand-in: {kind.name}"]}, outputs) if kind.is_output else outputs

    return made_up


def _same(kind: NodeType, output: Output, inputs: Mapping[str, Any]) -> Any:
    """The input that comes out again: the one of the output's own name, else the first of its type."""
    names = [name for name, declared in kind.inputs.items() if declared.type == output.type]
    names.sort(key=lambda name: name != output.name)
    return next((inputs[name] for name in names if inputs.get(name) is not None), None)


def _output(kind: NodeType, output: Output, inputs: Mapping[str, Any]) -> Any:
    same = _same(kind, output, inputs)
    if output.type == "IMAGE":
        return _labelled(kind.name, same if isinstance(same, np.ndarray) else None)
    if output.type == "LATENT" and {"width", "height"} <= inputs.keys():
        return _latent(inputs)
    if isinstance(same, Model):
        return replace(same, settings=(*same.settings, f"{kind.name} {_facts(same, inputs)}"))
    if isinstance(same, Conditioning):
        return conditioned(same, kind.name, _facts(same, inputs))
    return same if same is not None else _made(kind, output.type, inputs)


def _facts(same: Any, inputs: Mapping[str, Any]) -> str:
    """What a node was given besides what it hands on."""
    return facts_of(**{name: value for name, value in inputs.items() if value is not same})


def _made(kind: NodeType, type: str, inputs: Mapping[str, Any]) -> Any:
    files = (kind.name, *(str(inputs[n]) for n, declared in kind.inputs.items() if declared.folder and n in inputs))
    image = next((value for value in inputs.values() if isinstance(value, np.ndarray) and value.ndim == 4), None)
    made: Mapping[str, Callable[[], Any]] = {
        "MASK": lambda: _mask(image),
        "LATENT": lambda: Latent(SIDE, SIDE),
        "MODEL": lambda: Model("diffusion_model", files),
        "CLIP": lambda: Model("text_encoders", files),
        "VAE": lambda: Model("vae", files),
        "UPSCALE_MODEL": lambda: Model("upscale_model", files),
        "CONTROL_NET": lambda: Model("controlnet", files),
        "CONDITIONING": lambda: Conditioning(facts_of(**inputs)),
        "GUIDER": lambda: Guider((facts_of(**inputs),)),
        "NOISE": lambda: Noise(0),
        "SIGMAS": lambda: Sigmas(int(inputs.get("steps", 20)), float(inputs.get("denoise", 1.0))),
        "VIDEO": lambda: Frames(np.repeat(_labelled(kind.name, image), 2, axis=0), Fraction(RATE)),
        "INT": lambda: 0,
        "FLOAT": lambda: 0.0,
        "BOOLEAN": lambda: False,
        "STRING": lambda: f"stand-in: {kind.name}",
    }
    return made.get(type, lambda: StandIn(type, kind.name, facts_of(**inputs)))()


def _latent(inputs: Mapping[str, Any]) -> Latent:
    """An empty latent of the size asked for, with as many of the frames asked for as fit."""
    width, height = max(8, int(inputs["width"]) // 8 * 8), max(8, int(inputs["height"]) // 8 * 8)
    check_size(width, height)
    frames = int(inputs.get("length", inputs.get("video_frames", 1)))
    frames = max(1, min(frames, MAX_VIDEO_PIXELS // (width * height)))
    batch = max(1, min(int(inputs.get("batch_size", 1)), MAX_VIDEO_PIXELS // (width * height * frames)))
    return Latent(width, height, batch, frames=frames)


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

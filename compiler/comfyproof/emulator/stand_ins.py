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
from .pixels_custom import Guider, Noise
from .pixels_latent import empty_of, whole_frames
from .pixels_resize import fitted
from .shapes import stand_in_drawing, stand_in_mesh
from .sigmas import made_up
from .values import (
    MAX_VIDEO_PIXELS,
    Audio,
    Conditioning,
    Frames,
    Latent,
    Model,
    Part,
    Picture,
    Run,
    Shown,
    StandIn,
    check_size,
    facts_of,
)

SIDE = 512
_KINDS = ("diffusion_model", "text_encoders", "vae")
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
        return _latent(kind.name, inputs)
    if isinstance(same, Model):
        several = sum(isinstance(value, Model) and value.kind == same.kind for value in inputs.values()) > 1
        files = (kind.name, *same.files) if several and same.kind in _KINDS else same.files  # it may be any of them
        return replace(same, files=files, settings=(*same.settings, f"{kind.name} {_facts(same, inputs)}"))
    if isinstance(same, Latent):
        return replace(same, channels=None)  # what a node that nobody knows makes of it, nobody knows
    if isinstance(same, StandIn):
        return StandIn(same.type, kind.name, facts_of(**inputs))
    if isinstance(same, Conditioning):
        told = conditioned(same, kind.name, _facts(same, inputs))
        return Conditioning(tuple(replace(part, width=None) for part in told.parts))
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
        "CONDITIONING": lambda: Conditioning((Part(facts_of(**inputs)),)),
        "GUIDER": lambda: Guider((facts_of(**inputs),)),
        "NOISE": lambda: Noise(0),
        "SIGMAS": lambda: made_up(int(inputs.get("steps", 20)), float(inputs.get("denoise", 1.0))),
        "VIDEO": lambda: Frames(np.repeat(_labelled(kind.name, image), 2, axis=0), Fraction(RATE)),
        "AUDIO": _tone,
        "HOOK_KEYFRAMES": lambda: (),
        "TIMESTEPS_RANGE": lambda: (0.0, 1.0),
        "SVG": lambda: stand_in_drawing(kind.name),
        "MESH": stand_in_mesh,
        "INT": lambda: 0,
        "FLOAT": lambda: 0.0,
        "BOOLEAN": lambda: False,
        "STRING": lambda: f"stand-in: {kind.name}",
    }
    return made.get(type, lambda: StandIn(type, kind.name, facts_of(**inputs)))()


# The latents that classes make: channels, axes, frames that make a latent frame, pixels of a side that make one.
_LATENTS: Mapping[str, tuple[int, int, int, int]] = {
    **dict.fromkeys(("StableZero123_Conditioning", "StableZero123_Conditioning_Batched"), (4, 2, 1, 8)),
    "SV3D_Conditioning": (4, 2, 1, 8),
    "SVD_img2vid_Conditioning": (4, 2, 1, 8),
    "CosmosImageToVideoLatent": (16, 3, 8, 8),
    "CosmosPredict2ImageToVideoLatent": (16, 3, 4, 8),
    "HunyuanImageToVideo": (16, 3, 4, 8),
    "LTXVImgToVideo": (128, 3, 8, 32),
    **dict.fromkeys(
        (
            "WanAnimateToVideo", "WanCameraImageToVideo", "WanFunControlToVideo", "WanHuMoImageToVideo",
            "WanPhantomSubjectToVideo", "WanSoundImageToVideo", "WanTrackToVideo",
        ),
        (16, 3, 4, 8),
    ),
}  # fmt: skip


def _latent(name: str, inputs: Mapping[str, Any]) -> Latent:
    """An empty latent of the size asked for, with as many of the frames asked for as fit.

    A picture to begin with is what its videos begin with.
    """
    channels, axes, pace, cell = _LATENTS.get(name, (None, 2, 4, 8))
    width, height = (max(cell, int(inputs[side]) // cell * cell) for side in ("width", "height"))
    check_size(width, height)
    frames = int(inputs.get("length", inputs.get("video_frames", 1)))
    frames = max(1, min(frames, MAX_VIDEO_PIXELS // (width * height)))
    if axes == 3:
        frames = whole_frames(frames, pace)
    batch = max(1, min(int(inputs.get("batch_size", 1)), MAX_VIDEO_PIXELS // (width * height * frames)))
    latent = empty_of(width, height, batch, frames, cell, channels, axes, pace)
    if frames == 1:
        return latent
    first, last = (_end(inputs.get(f"{side}_image"), latent) for side in ("start", "end"))
    return replace(latent, first=first, last=last)


def _end(given: Any, latent: Latent) -> Picture | None:
    """The pictures that a video is to begin or to end with, at its size."""
    if not isinstance(given, np.ndarray) or given.ndim != 4:
        return None
    return fitted(given[: latent.frames, ..., :3], latent.width, latent.height, "bilinear")


def _tone() -> Audio:
    """A second of a soft tone."""
    t = np.arange(44100, dtype=np.float32) * np.float32(2 * np.pi * 440 / 44100)
    return Audio(np.repeat(np.float32(0.1) * np.sin(t)[None, None], 2, axis=1), 44100)


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

"""Nodes that read pictures from files and write them: LoadImage, LoadImageMask, SaveImage, PreviewImage."""

from __future__ import annotations

import hashlib
import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps, ImageSequence, PngImagePlugin

from .folders import Folders, save_place
from .values import MAX_PIXELS, Mask, Picture, Run, Shown, TooLarge, check_size

MAX_FRAMES = 256
_HASH_BLOCK = 1 << 20


def load_image(run: Run, *, image: str) -> tuple[Picture, Mask]:
    """A picture and its mask (1 where the picture is transparent); every frame of an animation."""
    return _read(run.folders.annotated(image))


def load_image_output(run: Run, *, image: str) -> tuple[Picture, Mask]:
    """The same; its names are annotated with [output] by the editor, plain ones mean the input folder."""
    return _read(run.folders.annotated(image))


def load_image_mask(run: Run, *, image: str, channel: str) -> tuple[Mask]:
    """One channel of a picture as a mask; alpha turned round as LoadImage gives it."""
    with _open(run.folders.annotated(image)) as opened:
        picture = _flat(ImageOps.exif_transpose(opened)).convert("RGBA")
    values = np.asarray(picture.getchannel(channel[0].upper()), dtype=np.float32) / 255.0
    return ((1.0 - values if channel == "alpha" else values)[None],)


def file_hash(folders: Folders, name: Any) -> str:
    """The SHA-256 of an input file's bytes. Raises OSError, ValueError, AttributeError as reading it would."""
    digest = hashlib.sha256()
    with folders.annotated(name).open("rb") as stream:
        while block := stream.read(_HASH_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def save_image(run: Run, *, images: Picture, filename_prefix: str = "ComfyUI") -> Shown:
    """PNG files in the output folder with the prompt in them."""
    return _save(run, images, "output", filename_prefix, compress_level=4)


def preview_image(run: Run, *, images: Picture) -> Shown:
    """PNG files in the temp folder."""
    return _save(run, images, "temp", f"ComfyUI_temp_{run.session}", compress_level=1)


def _open(path: Path) -> Image.Image:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        opened = Image.open(path)
    check_size(*opened.size)
    return opened


def _flat(picture: Image.Image) -> Image.Image:
    """Sixteen-bit grey as eight bits."""
    return picture.point(lambda value: value * (1 / 255)) if picture.mode == "I" else picture


def _read(path: Path) -> tuple[Picture, Mask]:
    pictures: list[Picture] = []
    masks: list[Mask] = []
    pixels = 0
    with _open(path) as opened:
        several = opened.format != "MPO"
        for frame in ImageSequence.Iterator(opened):
            picture = _flat(ImageOps.exif_transpose(frame))
            colors = np.asarray(picture.convert("RGB"), dtype=np.float32)
            if pictures and colors.shape != pictures[0].shape:
                continue
            pixels += colors.shape[0] * colors.shape[1]
            if pixels > MAX_PIXELS or len(pictures) >= MAX_FRAMES:
                raise TooLarge(f'"{path.name}" has more frames than the emulator holds')
            pictures.append(colors / np.float32(255.0))
            masks.append(_transparency(picture))
            if not several:
                break
    return np.stack(pictures), np.stack(masks)


def _transparency(picture: Image.Image) -> Mask:
    if picture.mode == "P" and "transparency" in picture.info:
        picture = picture.convert("RGBA")
    if "A" not in picture.getbands():
        return np.zeros((64, 64), np.float32)
    alpha: Mask = 1.0 - np.asarray(picture.getchannel("A"), dtype=np.float32) / 255.0
    return alpha


def _metadata(run: Run) -> PngImagePlugin.PngInfo:
    """What ComfyUI writes into a PNG: the prompt as it was run, then each key of extra_pnginfo."""
    info = PngImagePlugin.PngInfo()
    info.add_text("prompt", json.dumps(run.prompt))
    for key, value in (run.extra_pnginfo or {}).items():
        info.add_text(key, json.dumps(value))
    return info


def _save(run: Run, images: Picture, kind: str, prefix: str, compress_level: int) -> Shown:
    height, width = images[0].shape[:2]
    place = save_place(run.folders, kind, prefix, width, height)
    saved = []
    for number, picture in enumerate(images):
        name = place.name.replace("%batch_num%", str(number))
        file = f"{name}_{place.counter + number:05}_.png"
        pixels = np.clip(picture * 255.0, 0, 255).astype(np.uint8)
        target = run.folders.inside(kind, place.subfolder, file)
        Image.fromarray(pixels).save(target, pnginfo=_metadata(run), compress_level=compress_level)
        saved.append({"filename": file, "subfolder": place.subfolder, "type": kind})
    return Shown({"images": saved})

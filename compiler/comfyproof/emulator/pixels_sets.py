"""Nodes that read the pictures of a whole folder, and those that show what an editor has captured."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from .models import clip_text_encode
from .pixels_files import load_image, open_picture
from .values import MAX_PIXELS, Clip, Conditioning, Mask, Model, Picture, Run, Shown, TooLarge, Video

_ENDINGS = (".png", ".jpg", ".jpeg", ".webp")


def load_image_set(run: Run, *, folder: str, resize_method: str) -> tuple[Picture]:
    """All pictures of a folder below the input folder, at the size of the first. Raises ValueError."""
    at = run.folders.inside("input", folder)
    return (_read(_pictures_of(at), resize_method),)


def load_image_text_set(
    run: Run, *, folder: str, clip: Model | None, resize_method: str, width: int | None = None,
    height: int | None = None,
) -> tuple[Picture, Conditioning]:  # fmt: skip
    """The same with the texts that lie beside them; a folder "3_cat" in it counts three times."""
    at = run.folders.inside("input", folder)
    found: list[Path] = []
    for name in sorted(os.listdir(at)):
        if name.lower().endswith(_ENDINGS):
            found.append(at / name)
        elif (at / name).is_dir():
            times = name.split("_")[0]
            inside = _pictures_of(at / name)
            repeat = int(times) if times.isdecimal() else 1
            if repeat * len(inside) > MAX_PIXELS // 64:
                raise TooLarge(f'"{name}" has more pictures than the emulator holds')
            found += inside * repeat
    size = (width, height) if -1 not in (width, height) and width and height else None
    pictures = _read(found, resize_method, size)
    texts = [path.with_suffix(".txt") for path in found]
    captions = [text.read_text("utf-8")[:100_000].strip() if text.exists() else "" for text in texts]
    told = [part for caption in captions for part in clip_text_encode(run, clip=clip, text=caption)[0].parts]
    return pictures, Conditioning(tuple(told))


def _pictures_of(folder: Path) -> list[Path]:
    return [folder / name for name in sorted(os.listdir(folder)) if name.lower().endswith(_ENDINGS)]


def _read(paths: Iterable[Path], method: str, size: tuple[int, int] | None = None) -> Picture:
    pictures: list[Picture] = []
    pixels = 0
    for path in paths:
        with open_picture(path) as opened:
            picture = (opened.point(lambda value: value * (1 / 255)) if opened.mode == "I" else opened).convert("RGB")
        size = size or picture.size
        pixels += size[0] * size[1]
        if pixels > MAX_PIXELS:
            raise TooLarge("a folder has more pictures than the emulator holds")
        if picture.size != size:
            picture = _fitted(picture, size, method)
        pictures.append(np.asarray(picture, np.float32) / np.float32(255.0))
    if not pictures:
        raise ValueError("No valid images found in input")
    return np.stack(pictures)


def _fitted(picture: Image.Image, size: tuple[int, int], method: str) -> Image.Image:
    if method == "None":
        raise ValueError(
            "Your input image size does not match the first image in the dataset. Either select a valid resize "
            "method or use the same size for all images."
        )
    if method == "Crop":
        return picture.crop((0, 0, *size))
    return picture.resize(size, Image.Resampling.LANCZOS)


def webcam_capture(run: Run, *, image: Any, **_: Any) -> tuple[Picture]:
    """The picture that a camera took in somebody's editor."""
    return load_image(run, image=image)[:1]


def load_3d(
    run: Run, *, model_file: str, image: Mapping[str, Any], **_: Any
) -> tuple[Picture, Mask, str, Picture, Picture, Any, Video | None]:
    """What an editor has drawn of a 3D model: picture, mask, normals, lines, camera and a recording."""
    picture, mask, normal = (load_image(run, image=image[name]) for name in ("image", "mask", "normal"))
    lines = load_image(run, image=image["lineart"])[0]
    return picture[0], mask[1], model_file, normal[0], lines, image["camera_info"], _recording(run, image)


def load_3d_animation(
    run: Run, *, model_file: str, image: Mapping[str, Any], **_: Any
) -> tuple[Picture, Mask, str, Picture, Any, Video | None]:
    """The same of a moving one, without its lines."""
    picture, mask, normal = (load_image(run, image=image[name]) for name in ("image", "mask", "normal"))
    return picture[0], mask[1], model_file, normal[0], image["camera_info"], _recording(run, image)


def _recording(run: Run, image: Mapping[str, Any]) -> Clip | None:
    return Clip(run.folders.annotated(image["recording"])) if image["recording"] != "" else None


def preview_3d(run: Run, *, model_file: str, camera_info: Any = None) -> Shown:
    """A 3D model's file and where to look at it from, for an editor to show."""
    return Shown({"result": [model_file, camera_info]})

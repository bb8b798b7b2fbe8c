"""Nodes that read pictures from files and write them: LoadImage, LoadImageMask, SaveImage, PreviewImage."""

from __future__ import annotations

import hashlib
import json
import warnings
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps, ImageSequence, PngImagePlugin

from .folders import Folders, save_place
from .pixels_resize import as_masks
from .values import MAX_PIXELS, Mask, Picture, Run, Shown, Step, TooLarge, check_size

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
    with open_picture(run.folders.annotated(image)) as opened:
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


def file_time(folders: Folders, name: Any) -> float:
    """When an input file was last written, by which ComfyUI tells one video from another. Raises as `file_hash`."""
    return folders.annotated(name).stat().st_mtime


def save_image(run: Run, *, images: Picture, filename_prefix: str = "ComfyUI") -> Shown:
    """PNG files in the output folder with the prompt in them."""
    return _save(run, images, "output", filename_prefix, compress_level=4)


def save_animated_png(run: Run, *, images: Picture, filename_prefix: str, fps: float, compress_level: int) -> Shown:
    """One animated PNG in the output folder, with the prompt in chunks of its own kind."""
    info = PngImagePlugin.PngInfo()
    for key, value in {"prompt": run.prompt, **(run.extra_pnginfo or {})}.items():
        info.add(b"comf", key.encode("latin-1") + b"\0" + json.dumps(value).encode("latin-1"), after_idat=True)
    return _save_animated(run, images, filename_prefix, fps, ".png", pnginfo=info, compress_level=compress_level)


def save_animated_webp(
    run: Run, *, images: Picture, filename_prefix: str, fps: float, lossless: bool, quality: int, method: str
) -> Shown:
    """One animated WebP in the output folder, with the prompt among its Exif tags."""
    exif = Image.Exif()
    exif[0x0110] = f"prompt:{json.dumps(run.prompt)}"
    for number, (key, value) in enumerate((run.extra_pnginfo or {}).items()):
        exif[0x010F - number] = f"{key}:{json.dumps(value)}"
    effort = {"fastest": 0, "slowest": 6}.get(method, 4)
    return _save_animated(
        run, images, filename_prefix, fps, ".webp", exif=exif, lossless=lossless, quality=quality, method=effort
    )


def _save_animated(run: Run, images: Picture, prefix: str, fps: float, ending: str, **settings: Any) -> Shown:
    place = save_place(run.folders, "output", prefix, images.shape[2], images.shape[1])
    file = f"{place.name}_{place.counter:05}_{ending}"
    target = run.folders.inside("output", place.subfolder, file)
    first, *others = (_eight_bits(picture) for picture in images)
    first.save(target, save_all=True, append_images=others, duration=int(1000.0 / fps), **settings)
    saved = [{"filename": file, "subfolder": place.subfolder, "type": "output"}]
    return Shown({"images": saved, "animated": [True]})


def mask_preview(run: Run, *, mask: Mask) -> Shown:
    """A mask as a grey PNG in the temp folder."""
    picture = np.repeat(as_masks(mask)[..., None], 3, axis=3)
    return _save(run, picture, "temp", f"ComfyUI_temp_{run.session}", compress_level=4)


def save_image_websocket(run: Run, *, images: Picture) -> tuple[()]:
    """Each picture as a lossless preview over the websocket, and no file. Raises Interrupted."""
    for number, picture in enumerate(images):
        run.step(Step(number, len(images), partial(_itself, picture), lossless=True))
    return ()


def _itself(picture: Picture) -> Picture:
    return picture


def preview_image(run: Run, *, images: Picture) -> Shown:
    """PNG files in the temp folder."""
    return _save(run, images, "temp", f"ComfyUI_temp_{run.session}", compress_level=1)


def open_picture(path: Path) -> Image.Image:
    """A picture whose size is known and fit to be read. Raises OSError, TooLarge."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns of large pictures; what is too large is refused below
        opened = Image.open(path)
    try:
        check_size(*opened.size)
    except ValueError:
        opened.close()
        raise
    return opened


def _flat(picture: Image.Image) -> Image.Image:
    """Sixteen-bit grey as eight bits."""
    return picture.point(lambda value: value * (1 / 255)) if picture.mode == "I" else picture


def _read(path: Path) -> tuple[Picture, Mask]:
    pictures: list[Picture] = []
    masks: list[Mask] = []
    pixels = 0
    with open_picture(path) as opened:
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


def _eight_bits(picture: Picture) -> Image.Image:
    return Image.fromarray(np.clip(picture * np.float32(255.0), 0, 255).astype(np.uint8))


def _save(run: Run, images: Picture, kind: str, prefix: str, compress_level: int) -> Shown:
    height, width = images[0].shape[:2]
    place = save_place(run.folders, kind, prefix, width, height)
    saved = []
    for number, picture in enumerate(images):
        name = place.name.replace("%batch_num%", str(number))
        file = f"{name}_{place.counter + number:05}_.png"
        target = run.folders.inside(kind, place.subfolder, file)
        _eight_bits(picture).save(target, pnginfo=_metadata(run), compress_level=compress_level)
        saved.append({"filename": file, "subfolder": place.subfolder, "type": kind})
    return Shown({"images": saved})

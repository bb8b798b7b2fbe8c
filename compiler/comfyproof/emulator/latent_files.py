"""Latents in files: ComfyUI's format, with the picture that a latent stands for beside its numbers."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from .folders import save_place
from .pixels_latent import GREY
from .values import MAX_VIDEO_PIXELS, Latent, Run, Shown, TooLarge, check_size

MAX_HEADER = 10 * 2**20
_PICTURE = "comfyproof_picture"
_TYPES = {"F32": "<f4", "F16": "<f2", "U8": "u1"}
_OLD_SCALE = np.float32(1 / 0.18215)  # a latent without a version was saved so many times smaller


def save_latent(run: Run, *, samples: Latent, filename_prefix: str = "latents/ComfyUI") -> Shown:
    """A latent in the output folder, with the prompt in it."""
    place = save_place(run.folders, "output", filename_prefix, 0, 0)
    file = f"{place.name}_{place.counter:05}_.latent"
    texts = {"prompt": run.prompt, **(run.extra_pnginfo or {}), "comfyproof": [samples.cell, samples.pace]}
    tensors: dict[str, NDArray[Any]] = {
        "latent_tensor": _numbers(samples),
        "latent_format_version_0": np.empty(0, np.float32),
    }
    if samples.picture is not None:
        tensors[_PICTURE] = np.clip(samples.picture * np.float32(255), 0, 255).round().astype(np.uint8)
    target = run.folders.inside("output", place.subfolder, file)
    _write(target, tensors, {key: json.dumps(value) for key, value in texts.items()})
    return Shown({"latents": [{"filename": file, "subfolder": place.subfolder, "type": "output"}]})


def _numbers(latent: Latent) -> NDArray[np.float32]:
    """Numbers in the real shape: the mean colors of each latent pixel, the other channels empty."""
    shape = tuple(4 if side is None else side for side in latent.shape)
    if math.prod(shape) > MAX_VIDEO_PIXELS:
        raise TooLarge("a latent is larger than the emulator writes")
    numbers = np.zeros(shape, np.float32)
    if latent.picture is None:
        return numbers
    batch, times, cell = latent.batch, latent.latent_frames, latent.cell
    which = np.add.outer(np.arange(batch) * latent.frames, np.arange(times) * latent.pace).reshape(-1)
    height, width = latent.height // cell, latent.width // cell
    means = np.stack(
        [latent.picture[n].reshape(height, cell, width, cell, 3).mean(axis=(1, 3)) for n in which]
    )  # fmt: skip
    signal = np.moveaxis(means.reshape(batch, times, height, width, 3) - GREY, -1, 1)
    for _ in range(3 - latent.axes):
        signal = signal[:, :, 0]
    numbers[:, :3] = signal[:, : shape[1]]
    return numbers


def _write(path: Path, tensors: Mapping[str, NDArray[Any]], metadata: Mapping[str, str]) -> None:
    header: dict[str, Any] = {"__metadata__": metadata}
    offset = 0
    for name, tensor in tensors.items():
        kind = "U8" if tensor.dtype == np.uint8 else "F32"
        header[name] = {"dtype": kind, "shape": tensor.shape, "data_offsets": [offset, offset + tensor.nbytes]}
        offset += tensor.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    with path.open("wb") as stream:
        stream.write(struct.pack("<Q", len(text)) + text)
        for tensor in tensors.values():
            stream.write(tensor.tobytes())


def load_latent(run: Run, *, latent: str) -> tuple[Latent]:
    """A latent in the input folder. Raises OSError, TooLarge, ValueError for what is no such file."""
    path = run.folders.annotated(latent)
    try:
        with path.open("rb") as stream:
            return (_loaded(stream),)
    except (KeyError, TypeError, struct.error) as problem:
        raise ValueError(f'"{path.name}" is no latent: {problem!r}') from None


def _loaded(stream: BinaryIO) -> Latent:
    (length,) = struct.unpack("<Q", stream.read(8))
    if length > MAX_HEADER:
        raise TooLarge("its header is larger than the emulator reads")
    header = json.loads(stream.read(length))
    start = 8 + length
    numbers = _tensor(stream, start, header["latent_tensor"])
    cell, pace = json.loads(header.get("__metadata__", {}).get("comfyproof", "[8, 4]"))
    empty = _empty(numbers.shape, int(cell), int(pace))
    if not numbers.any():
        return empty
    if _PICTURE not in header:
        scale = np.float32(1) if "latent_format_version_0" in header else _OLD_SCALE
        return _pictured(empty, numbers * scale)
    picture = _tensor(stream, start, header[_PICTURE]).astype(np.float32) / np.float32(255)
    if picture.shape != (empty.count, empty.height, empty.width, 3):
        raise ValueError("its picture has another size than its numbers")
    return replace(empty, picture=picture)


def _tensor(stream: BinaryIO, start: int, told: Mapping[str, Any]) -> NDArray[np.float32]:
    kind, shape = np.dtype(_TYPES[told["dtype"]]), [int(side) for side in told["shape"]]
    if not 0 < math.prod(shape) <= 3 * MAX_VIDEO_PIXELS or min(shape) < 1:
        raise TooLarge("a latent is larger than the emulator holds")
    stream.seek(start + int(told["data_offsets"][0]))
    data = stream.read(math.prod(shape) * kind.itemsize)
    return np.frombuffer(data, kind).reshape(shape).astype(np.float32)


def _empty(shape: Sequence[int], cell: int, pace: int) -> Latent:
    """A latent of a tensor's shape: a sound's, a picture's or a video's."""
    if not 3 <= len(shape) <= 5 or not 1 <= cell <= 1024 or not 1 <= pace <= 64:
        raise ValueError(f"a latent of {len(shape)} dimensions")
    height = shape[-2] if len(shape) > 3 else 1
    frames = (shape[2] - 1) * pace + 1 if len(shape) == 5 else 1
    check_size(shape[-1] * cell, height * cell, shape[0] * frames, MAX_VIDEO_PIXELS)
    return Latent(
        shape[-1] * cell, height * cell, shape[0], frames=frames, channels=shape[1], cell=cell, pace=pace,
        axes=len(shape) - 2,
    )  # fmt: skip


def _pictured(empty: Latent, numbers: NDArray[np.float32]) -> Latent:
    """A latent of numbers that some model made: its first three channels, as there is nothing to decode them."""
    few = numbers[:, [min(n, numbers.shape[1] - 1) for n in range(3)]]
    few = few.reshape(empty.batch, 3, empty.latent_frames, empty.height // empty.cell, -1)
    times = -(-np.arange(empty.frames) // empty.pace)
    pictures = np.moveaxis(few, 1, -1)[:, times].reshape(empty.count, *few.shape[3:], 3)
    picture = pictures.repeat(empty.cell, 1).repeat(empty.cell, 2) + GREY
    return replace(empty, picture=picture, beyond=True)

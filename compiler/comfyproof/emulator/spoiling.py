"""What the emulator's faults make of pictures and of answers: other pictures, damaged files, JSON that is too much."""

from __future__ import annotations

import io
import json
import struct
import zlib
from typing import Any

import numpy as np
from PIL import Image, ImageChops, PngImagePlugin

from ..png import SIGNATURE

BOMB_SIDE = 30_000
PAGE = "<!DOCTYPE html><html><head><title>Log in</title></head><body><form>Please log in.</form></body></html>"
GARBAGE = bytes(range(128, 256)) * 8
NESTED = b"[" * 100_000 + b"]" * 100_000
HUGE_BYTES = 200 * 2**20
_ODD = b'"odd": [NaN, -Infinity, 1e400, "\\ud800"], "odd": {"odd": null}'


def spoiled_values(fault: str, inputs: dict[str, Any]) -> dict[str, Any]:
    """What a node is given to save, with the fault "blank", "small", "more" or "fewer"."""
    return {name: _spoiled(fault, value) if isinstance(value, np.ndarray) else value for name, value in inputs.items()}


def _spoiled(fault: str, value: Any) -> Any:
    if fault == "blank":
        return np.zeros_like(value)
    if value.ndim != 4:  # no row of pictures
        return value
    if fault == "small":
        return value[:, ::2, ::2]
    return np.concatenate([value, value[-1:]]) if fault == "more" else value[:-1]


def spoiled_file(fault: str, data: bytes) -> bytes:
    """A picture's file with the fault "swapped", "bomb", "flip", "no-iend", "trailing" or "page"."""
    if fault == "swapped":
        return other_picture(data)
    if fault == "bomb":
        return bomb()
    if fault == "page":
        return PAGE.encode()
    if fault == "trailing":
        return data + b"and so on" * 100
    if fault == "no-iend":
        return data.removesuffix(_chunk(b"IEND", b""))
    at = max(data.find(b"IDAT"), 0) + 16
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :] if at < len(data) else data


def odd_json(body: bytes) -> bytes:
    """An answer's JSON object with what no JSON should hold in it, and not every reader can bear."""
    if not body.startswith(b"{"):
        return body
    rest = body[1:].lstrip()
    return b"{" + _ODD + (b"" if rest.startswith(b"}") else b", ") + rest


def huge_piece() -> bytes:
    """A mebibyte of JSON that may stand in a list before other values."""
    return b"0," * 2**19


def other_picture(data: bytes) -> bytes:
    """Another picture of the same size and format, with somebody else's prompt."""
    info = PngImagePlugin.PngInfo()
    info.add_text("prompt", json.dumps({"1": {"class_type": "EmptyImage", "inputs": {"color": 1}}}))
    buffer = io.BytesIO()
    with Image.open(io.BytesIO(data)) as opened:
        other = ImageChops.invert(opened.convert("RGB")).transpose(Image.Transpose.ROTATE_180)
        other.save(buffer, opened.format, **({"pnginfo": info} if opened.format == "PNG" else {}))
    return buffer.getvalue()


def bomb() -> bytes:
    """A PNG of black and white that takes little and claims much."""
    row = bytes(1 + BOMB_SIDE // 8 + (BOMB_SIDE % 8 > 0))
    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(row * 100) for _ in range(BOMB_SIDE // 100)) + packer.flush()
    header = struct.pack(">IIBBBBB", BOMB_SIDE, BOMB_SIDE, 1, 0, 0, 0, 0)
    return SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", packed) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(body, zlib.crc32(kind)))

"""How large a picture file is, from its first bytes: PNG, JPEG, WebP, GIF and BMP."""

from __future__ import annotations

import os
import stat
import struct
from pathlib import Path
from typing import BinaryIO, TypeAlias

Size: TypeAlias = "tuple[int, int]"

_MOST_SEGMENTS = 1000
_NO_FRAME = (0xC4, 0xC8, 0xCC)  # markers among those of frames that are none


def picture_size(file: str | Path) -> Size | None:
    """The width and height of a picture in pixels; None where the file does not tell, is not there or is no file."""
    try:
        if not stat.S_ISREG(os.stat(file).st_mode):
            return None
        with open(file, "rb") as stream:
            width, height = _read(stream)
    except (OSError, ValueError, struct.error):
        return None
    return (width, height) if width > 0 and height > 0 else None


def _read(stream: BinaryIO) -> Size:
    head = stream.read(30)
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return struct.unpack(">II", head[16:24])
    if head.startswith(b"GIF8"):
        return struct.unpack("<HH", head[6:10])
    if head.startswith(b"BM"):
        width, height = struct.unpack("<ii", head[18:26])
        return width, abs(height)
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return _webp(head)
    if head.startswith(b"\xff\xd8"):
        stream.seek(2)
        return _jpeg(stream)
    raise ValueError


def _webp(head: bytes) -> Size:
    if head[12:16] == b"VP8X":
        width, height = (int.from_bytes(head[at : at + 3], "little") + 1 for at in (24, 27))
        return width, height
    if head[12:16] == b"VP8L":
        bits = int.from_bytes(head[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if head[12:16] == b"VP8 ":
        width, height = struct.unpack("<HH", head[26:30])
        return width & 0x3FFF, height & 0x3FFF
    raise ValueError


def _jpeg(stream: BinaryIO) -> Size:
    """The size in the first frame, past what stands before it."""
    for _ in range(_MOST_SEGMENTS):
        marker, kind, length = struct.unpack(">BBH", stream.read(4))
        if marker != 0xFF or length < 2:
            break
        if 0xC0 <= kind <= 0xCF and kind not in _NO_FRAME:
            _, height, width = struct.unpack(">BHH", stream.read(5))
            return width, height
        stream.seek(length - 2, os.SEEK_CUR)
    raise ValueError

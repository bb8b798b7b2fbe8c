"""PNG files as a row of chunks: is it whole, and which prompt was embedded in it."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MAX_TEXT = 32 * 2**20


class BrokenPng(ValueError):
    """Bytes that are no whole PNG file; the message says why."""


@dataclass(frozen=True, slots=True)
class Header:
    """What a PNG says of its picture before any pixel."""

    width: int
    height: int
    bit_depth: int
    color_type: int


def chunks(data: bytes) -> Iterator[tuple[str, bytes]]:
    """The chunks with their types, each with its checksum tested, up to IEND. Raises BrokenPng."""
    if not data.startswith(SIGNATURE):
        raise BrokenPng("it does not begin as a PNG file")
    at = len(SIGNATURE)
    while at < len(data):
        if at + 12 > len(data):
            raise BrokenPng(f"it ends within a chunk at byte {at}")
        (length,) = struct.unpack_from(">I", data, at)
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        end = at + 12 + length
        if end > len(data):
            raise BrokenPng(f"it ends within a chunk at byte {at}")
        if zlib.crc32(body, zlib.crc32(kind)) != struct.unpack_from(">I", data, end - 4)[0]:
            raise BrokenPng(f"the checksum of the chunk at byte {at} is wrong")
        name = kind.decode("latin-1")
        yield name, body
        if name == "IEND":
            return
        at = end
    raise BrokenPng("it ends without its last chunk")


def header(data: bytes) -> Header:
    """The size and pixel format. Raises BrokenPng."""
    for kind, body in chunks(data):
        if kind != "IHDR" or len(body) < 13:
            break
        return Header(*struct.unpack_from(">IIBB", body))
    raise BrokenPng("it does not begin with its header")


def texts(data: bytes) -> Mapping[str, str]:
    """The text chunks (tEXt, zTXt, iTXt, ComfyUI's comf) by keyword. Raises BrokenPng."""
    found: dict[str, str] = {}
    for kind, body in chunks(data):
        keyword, _, rest = body.partition(b"\0")
        if kind in ("tEXt", "comf"):  # SaveAnimatedPNG has a chunk of its own for the same
            found[keyword.decode("latin-1")] = rest.decode("latin-1")
        elif kind == "zTXt":
            found[keyword.decode("latin-1")] = _inflate(rest[1:]).decode("latin-1")
        elif kind == "iTXt":
            packed = rest[:1] == b"\1"
            text = rest[2:].split(b"\0", 2)[-1]
            found[keyword.decode("latin-1")] = (_inflate(text) if packed else text).decode("utf-8", "replace")
    return found


def embedded_prompt(data: bytes) -> Any:
    """The prompt that ComfyUI embedded, as parsed JSON; None where there is none. Raises BrokenPng."""
    text = texts(data).get("prompt")
    if text is None:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise BrokenPng("its embedded prompt is not JSON") from None


def _inflate(packed: bytes) -> bytes:
    inflater = zlib.decompressobj()
    try:
        text = inflater.decompress(packed, MAX_TEXT)
    except zlib.error as problem:
        raise BrokenPng(f"a compressed text in it is damaged: {problem}") from None
    if inflater.unconsumed_tail:
        raise BrokenPng("a compressed text in it is absurdly long")
    return text

"""PNG files as a row of chunks: is it whole, and which prompt was embedded in it."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MAX_TEXT = 32 * 2**20  # bytes, of all texts together
MAX_KEYWORD = 79  # of the PNG specification
# SaveAnimatedPNG has a chunk of its own, "comf", for what others put into tEXt.
TEXT_KINDS = ("tEXt", "zTXt", "iTXt", "comf")


class BrokenPng(ValueError):
    """Bytes that are no whole PNG file; the message says why."""


class Header(NamedTuple):
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
    """The text chunks (tEXt, zTXt, iTXt, ComfyUI's comf) by keyword. Raises BrokenPng, also for absurdly long ones."""
    return _texts(data, None)


def _texts(data: bytes, wanted: str | None) -> dict[str, str]:
    found: dict[str, str] = {}
    left = MAX_TEXT
    for kind, body in chunks(data):
        if kind not in TEXT_KINDS or wanted not in (None, keyword_of(body)):
            continue
        text = unpacked(kind, body, left)
        left -= len(text)
        found[keyword_of(body)] = text.decode("utf-8", "replace") if kind == "iTXt" else text.decode("latin-1")
    return found


def keyword_of(body: bytes) -> str:
    """What a text chunk calls its text."""
    return body[:MAX_KEYWORD].partition(b"\0")[0].decode("latin-1")


def unpacked(kind: str, body: bytes, limit: int = MAX_TEXT) -> bytes:
    """The text of a text chunk, of so many bytes at most. Raises BrokenPng."""
    rest = body.partition(b"\0")[2]
    packed = kind == "zTXt" or (kind == "iTXt" and rest[:1] == b"\1")
    if kind == "zTXt":
        rest = rest[1:]
    elif kind == "iTXt":
        rest = rest[2:].split(b"\0", 2)[-1]
    text = _inflate(rest, limit) if packed else rest
    if len(text) > limit:
        raise BrokenPng("the texts in it are absurdly long")
    return text


def embedded_prompt(data: bytes) -> Any:
    """The prompt that ComfyUI embedded, as parsed JSON; None where there is none. Raises BrokenPng."""
    text = _texts(data, "prompt").get("prompt")
    if text is None:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise BrokenPng("its embedded prompt is not JSON") from None


def _inflate(packed: bytes, limit: int) -> bytes:
    """A compressed text, of one that is longer than the limit one byte more than that."""
    try:
        return zlib.decompressobj().decompress(packed, limit + 1)
    except zlib.error as problem:
        raise BrokenPng(f"a compressed text in it is damaged: {problem}") from None

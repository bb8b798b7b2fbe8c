"""Pictures: PNG, WebP, JPEG and SVG."""

from __future__ import annotations

import zlib

from .. import png as format
from .exif import exif_texts
from .window import MAX_JSON, BrokenFile, Texts, Window, decoded

_MAX_EXIF = 32 * 2**20


def png(file: Window) -> Texts:
    """The text chunks of a PNG, without a look at its picture."""
    at, left = len(format.SIGNATURE), format.MAX_TEXT
    while True:
        length, kind = file.number(at, 4), file.take(at + 4, 4)
        name, end = kind.decode("latin-1"), at + 12 + length
        if name in format.TEXT_KINDS:
            body = file.take(at + 8, length)
            if zlib.crc32(body, zlib.crc32(kind)) != file.number(end - 4, 4):
                raise BrokenFile(f"the checksum of the chunk at byte {at} is wrong")
            try:
                text = format.unpacked(name, body, left)
            except format.BrokenPng as problem:
                raise BrokenFile(str(problem)) from None
            left -= len(text)
            yield format.keyword_of(body), decoded(text)
        elif name == "IEND":
            return
        at = end


def webp(file: Window) -> Texts:
    """The Exif texts of a WebP."""
    at = 12
    while at < file.size:
        kind, length = file.take(at, 4), file.number(at + 4, 4, "little")
        if kind == b"EXIF":
            yield from exif_texts(file.take(at + 8, min(length, _MAX_EXIF)))
        at += 8 + length + length % 2


def jpeg(file: Window) -> Texts:
    """The Exif texts of a JPEG."""
    at = 2
    while True:
        mark, kind = file.take(at, 2)
        if mark != 0xFF:
            raise BrokenFile(f"there is no segment at byte {at}")
        if kind in (0xDA, 0xD9):  # pixels or the end
            return
        length = file.number(at + 2, 2)
        if kind == 0xE1 and length >= 8 and (body := file.take(at + 4, length - 2)).startswith(b"Exif\0\0"):
            yield from exif_texts(body)
        at += 2 + length


def svg(file: Window) -> Texts:
    """The text that ComfyUI puts into the metadata of an SVG."""
    text = decoded(file.take(0, min(file.size, MAX_JSON)))
    start = text.find("<![CDATA[", max(text.find("<metadata"), 0))
    end = text.find("]]>", start)
    if 0 <= start < end:
        yield "comment", text[start + len("<![CDATA[") : end]

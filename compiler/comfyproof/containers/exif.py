"""Exif: the texts in a picture's tags."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

from .window import MAX_BYTES, BrokenFile, Texts, decoded

_BYTES, _ASCII, _UNDEFINED, _UTF8 = 1, 2, 7, 129
_EXIF_IFD, _USER_COMMENT = 0x8769, 0x9286
# ComfyUI writes "prompt:{...}" and "workflow:{...}" into whatever tags; packs of nodes, into others, in capitals too.
_NAMED = re.compile(r"\s*(prompt|workflow)\s*:", re.IGNORECASE)


def exif_texts(data: bytes) -> Texts:
    """The texts by the name that each begins with, those without one as comments. Raises BrokenFile."""
    data = data.removeprefix(b"Exif\0\0")
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(data[:4])
    if order is None:
        raise BrokenFile("its Exif part does not begin as one")
    for text in _texts(data, order):
        named = _NAMED.match(text)
        yield (named[1].lower(), text[named.end() :]) if named else ("comment", text)


def _texts(data: bytes, order: str) -> Iterator[str]:
    left = MAX_BYTES
    tables = [_at(data, order, "I", 4)]
    for start in tables:
        for n in range(_at(data, order, "H", start)):
            place = start + 2 + 12 * n
            tag, kind = _at(data, order, "H", place), _at(data, order, "H", place + 2)
            count = _at(data, order, "I", place + 4)
            if tag == _EXIF_IFD and len(tables) == 1:
                tables.append(_at(data, order, "I", place + 8))
            if kind not in (_ASCII, _UTF8) and not (tag == _USER_COMMENT and kind in (_BYTES, _UNDEFINED)):
                continue
            start_of = place + 8 if count <= 4 else _at(data, order, "I", place + 8)
            if start_of + count > len(data):
                raise BrokenFile("its Exif part ends within a text")
            left -= count
            if left < 0:  # many tags may share one text
                raise BrokenFile("the texts in it are absurdly long")
            body = data[start_of : start_of + count]
            yield _comment(body, order) if tag == _USER_COMMENT else decoded(body.rstrip(b"\0"))


def _at(data: bytes, order: str, kind: str, place: int) -> int:
    try:
        number: int = struct.unpack_from(order + kind, data, place)[0]
    except struct.error:
        raise BrokenFile("its Exif part ends within a table") from None
    return number


def _comment(body: bytes, order: str) -> str:
    """A comment, which says in eight bytes how it is written; but not always in which order of bytes."""
    written, text = body[:8], body[8:]
    if written != b"UNICODE\0":
        return decoded(text if written.rstrip(b"\0") in (b"ASCII", b"") else body).strip("\0")
    if text[:1] == b"\0" or (text[1:2] != b"\0" and order == ">"):
        return text.decode("utf-16-be", "replace")
    return text.decode("utf-16-le", "replace")

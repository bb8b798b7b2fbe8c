"""Sounds: FLAC, Ogg (Opus, Vorbis) and MP3."""

from __future__ import annotations

import struct

from .window import BrokenFile, Texts, Window, decoded

_VORBIS_COMMENT = 4
_UNSYNCHRONISED, _EXTENDED = 0x80, 0x40
_ENCODINGS = ("latin-1", "utf-16", "utf-16-be", "utf-8")


def flac(file: Window) -> Texts:
    """The comments of a FLAC."""
    at, last = 4, False
    while not last:
        head, length = file.number(at, 1), file.number(at + 1, 3)
        last = head >= 0x80
        if head & 0x7F == _VORBIS_COMMENT:
            yield from _comments(file.take(at + 4, length))
        at += 4 + length


def ogg(file: Window) -> Texts:
    """The comments of an Opus or Vorbis sound, which are its second packet."""
    packets = [bytearray(), bytearray()]
    at, serial, number = 0, None, 0
    while number < 2:
        if file.take(at, 4) != b"OggS":
            raise BrokenFile(f"there is no page at byte {at}")
        sizes, owner = file.take(at + 27, file.number(at + 26, 1)), file.number(at + 14, 4)
        serial = owner if serial is None else serial
        at += 27 + len(sizes)
        if owner == serial:
            body, start = file.take(at, sum(sizes)), 0
            for size in sizes:
                if number < 2:
                    packets[number] += body[start : start + size]
                start += size
                number += size < 255  # a packet ends where a piece is not full
        at += sum(sizes)
    for begin in (b"OpusTags", b"\x03vorbis"):
        if packets[1].startswith(begin):
            yield from _comments(bytes(packets[1].removeprefix(begin)))


def _comments(data: bytes) -> Texts:
    """Vorbis comments: a program's name, and texts that say their names themselves."""
    try:
        (at,) = struct.unpack_from("<I", data, 0)
        at += 4
        (count,) = struct.unpack_from("<I", data, at)
        for _ in range(count):
            at += 4
            (length,) = struct.unpack_from("<I", data, at)
            name, _, text = data[at + 4 : at + 4 + length].partition(b"=")
            if at + 4 + length > len(data):
                raise BrokenFile("it ends within a comment")
            at += length
            yield decoded(name), decoded(text)
    except struct.error:
        raise BrokenFile("it ends within its comments") from None


def mp3(file: Window) -> Texts:
    """The texts that users name, and comments, in the ID3 tag at the beginning of an MP3."""
    if file.size < 10 or file.take(0, 3) != b"ID3":
        return
    version, flags, end = file.number(3, 1), file.number(5, 1), 10 + _synchsafe(file.take(6, 4))
    if end > file.size:
        raise BrokenFile("it ends within its texts")
    at = 10
    if flags & _EXTENDED:
        at += _synchsafe(file.take(10, 4)) if version == 4 else 4 + file.number(10, 4)
    while at + 10 <= end and (kind := file.take(at, 4)).strip(b"\0"):
        length = _synchsafe(file.take(at + 4, 4)) if version == 4 else file.number(at + 4, 4)
        if at + 10 + length > end:
            raise BrokenFile(f"it ends within a part at byte {at}")
        if kind in (b"TXXX", b"COMM"):
            body = file.take(at + 10, length)
            yield _named(kind, body.replace(b"\xff\0", b"\xff") if flags & _UNSYNCHRONISED else body)
        at += 10 + length


def _synchsafe(data: bytes) -> int:
    number = 0
    for byte in data:
        number = number << 7 | byte & 0x7F
    return number


def _named(kind: bytes, body: bytes) -> tuple[str, str]:
    """A text and its name, in one of four encodings that the first byte tells; comments have a language before it."""
    encoding = _ENCODINGS[min(body[0], 3)] if body else "latin-1"
    text = body[4:] if kind == b"COMM" else body[1:]
    name, _, value = text.decode(encoding, "replace").partition("\0")
    return ("comment" if kind == b"COMM" else name), value.lstrip("\ufeff").rstrip("\0")

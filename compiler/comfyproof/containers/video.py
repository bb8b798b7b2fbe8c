"""Videos: MP4 and QuickTime, WebM and Matroska."""

from __future__ import annotations

from collections.abc import Iterator

from .window import BrokenFile, Texts, Window, decoded

_BY_CODE = {b"\xa9cmt": "comment", b"\xa9des": "comment", b"desc": "comment"}
_SEGMENT, _TAGS, _TAG, _SIMPLE_TAG = 0x18538067, 0x1254C367, 0x7373, 0x67C8
_NAME, _STRING = 0x45A3, 0x4487


def mp4(file: Window) -> Texts:
    """The metadata of an MP4: under names of any kind, as ffmpeg writes them if told to, and the comment."""
    for kind, start, end in _boxes(file, 0, file.size):
        if kind == b"moov":
            yield from _movie(file, start, end)


def _movie(file: Window, start: int, end: int, *, inner: bool = False) -> Texts:
    for kind, at, to in _boxes(file, start, end):
        if kind == b"udta" and not inner:
            yield from _movie(file, at, to, inner=True)
        elif kind == b"meta":
            yield from _metadata(file, at, to)
        elif kind in _BY_CODE:  # QuickTime's way: a length, a language, and the text
            yield _BY_CODE[kind], decoded(file.take(at + 4, min(file.number(at, 2), to - at - 4)))


def _metadata(file: Window, start: int, end: int) -> Texts:
    if end - start >= 8 and file.take(start + 4, 4) != b"hdlr":  # four bytes of flags first, but not in QuickTime
        start += 4
    names: list[str] = []
    for kind, start_of, end_of in _boxes(file, start, end):
        if kind == b"keys":
            names = [decoded(file.take(at, to - at)) for _, at, to in _boxes(file, start_of + 8, end_of)]
        elif kind == b"ilst":
            for item, at, to in _boxes(file, start_of, end_of):
                yield from _item(file, item, names, at, to)


def _item(file: Window, code: bytes, names: list[str], start: int, end: int) -> Texts:
    number = int.from_bytes(code, "big")
    name = names[number - 1] if 0 < number <= len(names) else _BY_CODE.get(code, "")
    for kind, at, to in _boxes(file, start, end):
        if kind == b"name":
            name = decoded(file.take(at + 4, to - at - 4))
        elif kind == b"data" and name:
            yield name, decoded(file.take(at + 8, to - at - 8))


def _boxes(file: Window, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """The boxes between two positions: the kind of each, and where its contents begin and end."""
    while start + 8 <= end:
        size, kind, head = file.number(start, 4), file.take(start + 4, 4), 8
        if size == 1:
            size, head = file.number(start + 8, 8), 16
        elif size == 0:
            size = end - start
        if size < head or start + size > end:
            raise BrokenFile(f"it ends within a part at byte {start}")
        yield kind, start + head, start + size
        start += size


def matroska(file: Window) -> Texts:
    """The tags of a WebM or Matroska file."""
    for segment, start, end in _elements(file, 0, file.size):
        if segment == _SEGMENT:
            for kind, at, to in _elements(file, start, end):
                if kind == _TAGS:
                    yield from _tags(file, at, to)


def _tags(file: Window, start: int, end: int) -> Texts:
    for tag, at, to in _elements(file, start, end):
        for simple, inner, inner_end in _elements(file, at, to) if tag == _TAG else ():
            if simple == _SIMPLE_TAG:
                parts = {kind: (a, b) for kind, a, b in _elements(file, inner, inner_end) if kind in (_NAME, _STRING)}
                if len(parts) == 2:
                    name, text = (decoded(file.take(a, b - a)) for a, b in (parts[_NAME], parts[_STRING]))
                    yield name, text


def _elements(file: Window, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """The elements between two positions; one of an unknown size, as in a live recording, goes on to the end."""
    while start < end:
        kind, width = _number(file, start, 4, marked=True)
        size, size_width = _number(file, start + width, 8, marked=False)
        begin = start + width + size_width
        unknown = size == (1 << 7 * size_width) - 1
        until = end if unknown else begin + size
        if until > end:
            raise BrokenFile(f"it ends within a part at byte {start}")
        yield kind, begin, until
        start = until


def _number(file: Window, at: int, longest: int, *, marked: bool) -> tuple[int, int]:
    """A number of a width that its first byte tells, and the width; `marked` if that mark is part of it."""
    first = file.number(at, 1)
    width = 9 - first.bit_length()
    if width > longest:
        raise BrokenFile(f"there is no element at byte {at}")
    number = file.number(at, width)
    return number if marked else number & ((1 << 7 * width) - 1), width

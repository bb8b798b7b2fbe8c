"""A file of which only parts are read, each inside of it, and all of them together of a bounded size."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO, TypeAlias

MAX_BYTES = 64 * 2**20  # read of one file in all
MAX_PARTS = 100_000
MAX_JSON = 8 * 2**20  # bytes of a text that is parsed, which takes many times its size

# What a reader gives: texts under the names that they have in the file.
Texts: TypeAlias = Iterator[tuple[str, str]]


class BrokenFile(ValueError):
    """A file that is not what it begins as; the message says why."""


class Window:
    """A file whose parts are read by position. Reading beyond its end, or absurdly much, raises BrokenFile."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.size = stream.seek(0, 2)
        self._bytes, self._parts = MAX_BYTES, MAX_PARTS

    def take(self, at: int, count: int) -> bytes:
        """So many bytes from a position on."""
        if at < 0 or count < 0 or at + count > self.size:
            raise BrokenFile(f"it ends within a part at byte {at}")
        self._bytes -= count
        self._parts -= 1
        if self._bytes < 0:
            raise BrokenFile("the texts in it are absurdly long")
        if self._parts < 0:
            raise BrokenFile("it has absurdly many parts")
        self._stream.seek(at)
        data = self._stream.read(count)
        if len(data) < count:  # it was cut while it was read
            raise BrokenFile(f"it ends within a part at byte {at}")
        return data

    def number(self, at: int, count: int, order: Any = "big") -> int:
        """A number of so many bytes at a position."""
        return int.from_bytes(self.take(at, count), order)


def decoded(text: bytes) -> str:
    """Text as UTF-8, which most programs write where Latin-1 is due too; else as that."""
    try:
        return text.decode()
    except UnicodeDecodeError:
        return text.decode("latin-1")

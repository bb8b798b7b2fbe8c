"""Headers of GGUF files, read by hand and held against the file's length."""

from __future__ import annotations

import struct
from math import prod
from typing import IO, Any

from .header import BITS, BadHeader, Header, Tensor

_TYPES = {
    **{0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 6: "Q5_0", 7: "Q5_1", 8: "Q8_0", 9: "Q8_1", 10: "Q2_K", 11: "Q3_K"},
    **{12: "Q4_K", 13: "Q5_K", 14: "Q6_K", 15: "Q8_K", 16: "IQ2_XXS", 17: "IQ2_XS", 18: "IQ3_XXS", 19: "IQ1_S"},
    **{20: "IQ4_NL", 21: "IQ3_S", 22: "IQ2_S", 23: "IQ4_XS", 24: "I8", 25: "I16", 26: "I32", 27: "I64", 28: "F64"},
    **{29: "IQ1_M", 30: "BF16", 34: "TQ1_0", 35: "TQ2_0", 39: "MXFP4", 40: "NVFP4", 41: "Q1_0"},
}
_NUMBERS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_TEXT, _ARRAY = 8, 9
_MOST_TENSORS = 100_000
_MOST_KEYS = 10_000
_MOST_NAME = 1 << 16
_MOST_TEXT = 1 << 22
_MOST_ITEMS = 1 << 22  # vocabularies have some 260,000
_KEPT_ITEMS = 64
_MOST_ELEMENTS = 1 << 48
_SHAPES = "comfy.gguf.orig_shape."


def read_gguf(stream: IO[bytes], size: int) -> Header:
    """The header of an open GGUF file of `size` bytes; shapes in PyTorch's order. Raises BadHeader."""
    cursor = _Cursor(stream)
    magic, version = cursor.take(4), cursor.number("I")
    if magic != b"GGUF" or version not in (2, 3):
        what = "of the other byte order" if version in (2 << 24, 3 << 24) else f"of version {version}"
        raise BadHeader("no_gguf", f"is a GGUF file {what}, which ComfyUI does not read")
    tensors, keys = cursor.number("Q"), cursor.number("Q")
    if tensors > _MOST_TENSORS or keys > _MOST_KEYS:
        raise BadHeader("header_too_large", f"announces {tensors} tensors and {keys} keys, which no model has")
    metadata: dict[str, Any] = {}
    for _ in range(keys):
        name = cursor.text(_MOST_NAME)
        if name in metadata:
            raise BadHeader("name_twice", f'has the key "{name[:80]}" twice')
        metadata[name] = cursor.value(cursor.number("I"))
    found, places = _tensors(cursor, tensors, metadata)
    alignment = metadata.get("general.alignment", 32)
    if type(alignment) is not int or alignment <= 0:
        raise BadHeader("bad_header", "has an alignment that cannot be")
    start = -(-cursor.at // alignment) * alignment
    shown = {name: value for name, value in metadata.items() if not name.startswith(_SHAPES)}
    header = Header("gguf", found, shown, size=size)
    _check_places(found, places, size - start, header)
    return header


def _tensors(cursor: _Cursor, count: int, metadata: dict[str, Any]) -> tuple[dict[str, Tensor], dict[str, int]]:
    found: dict[str, Tensor] = {}
    places: dict[str, int] = {}
    for _ in range(count):
        name = cursor.text(_MOST_NAME)
        dimensions = cursor.number("I")
        if dimensions > 8:
            raise BadHeader("bad_shape", f'gives "{name[:80]}" {dimensions} dimensions')
        shape = cursor.numbers("Q", dimensions)
        if prod(shape) >= _MOST_ELEMENTS:
            raise BadHeader("bad_shape", f'gives "{name[:80]}" a shape that cannot be')
        kind, place = cursor.number("I"), cursor.number("Q")
        if kind not in _TYPES:
            raise BadHeader("unknown_dtype", f'has "{name[:80]}" in a type that is not known ({kind})')
        if name in found:
            raise BadHeader("name_twice", f'has the name "{name[:80]}" twice')
        found[name] = (_TYPES[kind], _true_shape(metadata.get(f"{_SHAPES}{name}"), shape))
        places[name] = place
    return found, places


def _true_shape(told: Any, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape that the metadata tells of a tensor, where it has as many elements; else the tensor's own."""
    extents = told if isinstance(told, tuple) else ()
    whole = extents and all(type(each) is int and each >= 0 for each in extents)
    return extents if whole and prod(extents) == prod(shape) else shape[::-1]


def _check_places(found: dict[str, Tensor], places: dict[str, int], room: int, header: Header) -> None:
    """Checks that no tensor lies over another and that the file has them all."""
    end = 0
    for name in sorted(places, key=lambda each: places[each]):
        dtype, shape = found[name]
        if places[name] < end:
            raise BadHeader("bad_offsets", "has tensors that lie over each other")
        end = places[name] + int(prod(shape) * BITS[dtype]) // 8
    if end > max(room, 0):
        raise BadHeader("truncated", f"is cut off: {end - max(room, 0)} of its {end} bytes are missing", header)


class _Cursor:
    """Reads numbers and texts one after the other; a file that ends too early is cut off."""

    def __init__(self, stream: IO[bytes]) -> None:
        self.stream = stream
        self.at = 0

    def take(self, count: int) -> bytes:
        data = self.stream.read(count)
        if len(data) < count:
            raise BadHeader("truncated", "is cut off in its header")
        self.at += count
        return data

    def number(self, kind: str) -> int:
        return self.numbers(kind, 1)[0]

    def numbers(self, kind: str, count: int) -> tuple[int, ...]:
        return struct.unpack(f"<{count}{kind}", self.take(count * struct.calcsize(kind)))

    def text(self, most: int) -> str:
        length = self.number("Q")
        if length > most:
            raise BadHeader("header_too_large", f"has a name or text of {length} bytes in its header")
        return self.take(length).decode("utf-8", "replace")

    def value(self, kind: int) -> Any:
        """A value; of a long list only its first values."""
        if kind == _TEXT:
            return self.text(_MOST_TEXT)
        if kind in _NUMBERS:
            return self.number(_NUMBERS[kind])
        if kind != _ARRAY:
            raise BadHeader("bad_header", f"has a value of an unknown kind ({kind}) in its header")
        kind, count = self.number("I"), self.number("Q")
        if count > _MOST_ITEMS or (kind not in _NUMBERS and kind != _TEXT):
            raise BadHeader("header_too_large", f"has a list of {count} values of kind {kind} in its header")
        if kind == _TEXT:
            texts = tuple(self.text(_MOST_TEXT) for _ in range(min(count, _KEPT_ITEMS)))
            for _ in range(count - len(texts)):
                self.text(_MOST_TEXT)
            return texts
        size = struct.calcsize(_NUMBERS[kind])
        kept = self.numbers(_NUMBERS[kind], min(count, _KEPT_ITEMS))
        self.take((count - len(kept)) * size)
        return kept

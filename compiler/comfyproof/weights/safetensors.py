"""Headers of safetensors files, read by hand and held against the file's length."""

from __future__ import annotations

import hashlib
import json
import struct
from collections import OrderedDict
from dataclasses import replace
from typing import IO, Any

from .header import BITS, BadHeader, Header, Tensor

_MOST = 100_000_000  # what the format allows
_MOST_READ = 32 << 20  # no published model comes near it, and the memory for it stays small
_MOST_PLAIN = 4 << 20
_MOST_ITEMS = 2_000_000  # each takes some 60 bytes of memory
_MOST_TENSORS = 100_000  # some 700 bytes each
_MOST_VALUES = 4096
# The small tensors whose numbers ComfyUI looks at, by the end of their names.
_VALUES = (
    "edm_vpred.sigma_max",
    "edm_vpred.sigma_min",
    "control_type",
    "output_blocks.11.1.transformer_blocks.0.norm1.bias",
)
_FORMATS = {"F64": "d", "F32": "f", "F16": "e", "I64": "q", "I32": "i", "I16": "h", "I8": "b", "U8": "B"}


def read_safetensors(stream: IO[bytes], size: int) -> Header:
    """The header of an open safetensors file of `size` bytes. Raises BadHeader."""
    start = stream.read(8)
    if len(start) < 8:
        raise BadHeader("truncated", "is cut off before its header")
    length = int.from_bytes(start, "little")
    if length > _MOST:
        raise BadHeader("no_safetensors", "is no safetensors file: what should be its header is too large")
    if length > size - 8:
        raise BadHeader("truncated", f"is cut off in its header: {length} bytes of it are announced, {size - 8} there")
    if length > _MOST_READ:
        raise BadHeader("header_too_large", f"has a header of {length >> 20} MiB, which no model needs")
    text = stream.read(length)
    if len(text) < length:
        raise BadHeader("changed", "became shorter while it was read")
    items = sum(map(text.count, (b"{", b"[", b","))) if length > _MOST_PLAIN else 0
    if items > _MOST_ITEMS or (items and text.count(b"{") > _MOST_TENSORS):
        raise BadHeader("header_too_large", "has a header of more items than any model has tensors")
    metadata, tensors, spans, structure = _known(text) or _told(text)
    header = Header("safetensors", tensors, metadata, size=size, structure=structure)
    _check_spans(spans, size - 8 - length, header)
    found = [name for name in tensors if name.endswith(_VALUES)]
    values = {name: value for name in found if (value := _values(stream, 8 + length, tensors[name], spans[name]))}
    return replace(header, values=values) if values else header


_Told = tuple[dict[str, Any], dict[str, Tensor], dict[str, tuple[int, int]], bytes]
_START = b'{"__metadata__":'
_MOST_REMEMBERED = 200_000  # tensors, of some 300 bytes each
_remembered: OrderedDict[bytes, _Told] = OrderedDict()


def _known(text: bytes) -> _Told | None:
    """What a header says whose tensors are those of a file that was read before, as a collection's often are."""
    digest, metadata = _digest(text)
    told = _remembered.get(digest) if digest else None
    if told is None:
        return None
    _remembered.move_to_end(digest)
    return metadata, *told[1:]


def _digest(text: bytes) -> tuple[bytes, dict[str, Any]]:
    """A digest of what follows the metadata, which writers put first; b"" where it isn't so."""
    metadata: Any = {}
    rest = text
    if text.startswith(_START):
        try:
            shown = text.decode()
            metadata, end = json.JSONDecoder().raw_decode(shown, len(_START))
            rest = shown[end:].encode()
        except (ValueError, RecursionError):
            return b"", {}
    if not isinstance(metadata, dict) or b'"__metadata__"' in rest:
        return b"", {}
    return hashlib.blake2b(rest.rstrip(b" "), digest_size=16).digest(), metadata


def _told(text: bytes) -> _Told:
    entries = _parse(text)
    metadata = entries.pop("__metadata__", {})
    if not isinstance(metadata, dict):
        raise BadHeader("bad_header", "has something other than names and texts as its metadata")
    tensors, spans = _tensors(entries)
    if text.count(b'"data_offsets"') != len(tensors):
        _refuse_twice(text)
    digest, _ = _digest(text)
    told = metadata, tensors, spans, digest
    if digest:
        _remembered[digest] = told
        while sum(len(each[1]) for each in _remembered.values()) > _MOST_REMEMBERED and len(_remembered) > 1:
            _remembered.popitem(last=False)
    return told


def _parse(text: bytes) -> dict[str, Any]:
    try:
        entries = json.loads(text)
    except (ValueError, RecursionError):
        raise BadHeader("bad_header", "has a header that is no JSON") from None
    if not isinstance(entries, dict):
        raise BadHeader("bad_header", "has a header without names")
    return entries


def _tensors(entries: dict[str, Any]) -> tuple[dict[str, Tensor], dict[str, tuple[int, int]]]:
    """The tensors, and where the bytes of each are; what an entry says of its size must be true."""
    tensors: dict[str, Tensor] = {}
    spans: dict[str, tuple[int, int]] = {}
    bits = BITS
    for name, entry in entries.items():
        try:
            dtype, shape, (first, last) = entry["dtype"], entry["shape"], entry["data_offsets"]
            count = 1
            for extent in shape:
                if type(extent) is not int or extent < 0:
                    raise BadHeader("bad_shape", f'gives "{_short(name)}" a shape that cannot be')
                count *= extent
            right = (
                type(first) is int and type(last) is int and first >= 0 and (last - first) * 8 == count * bits[dtype]
            )
        except (TypeError, KeyError, ValueError, OverflowError):
            raise BadHeader("bad_entry", f'describes "{_short(name)}" in a way that cannot be read') from None
        if not right:
            raise BadHeader("bad_offsets", f'gives "{_short(name)}" {_say(first, last)}, which is not its size')
        tensors[name] = (dtype, tuple(shape))
        spans[name] = (first, last)
    return tensors, spans


def _say(first: Any, last: Any) -> str:
    whole = type(first) is int and type(last) is int and 0 <= first <= last < 1 << 63
    return f"{last - first} bytes" if whole else "a place that cannot be"


def _short(name: str) -> str:
    return name if len(name) <= 80 else f"{name[:77]}..."


def _refuse_twice(text: bytes) -> None:
    """Refuses a header that has a name twice; of these JSON keeps the last, and readers may differ."""
    seen: set[str] = set()

    def note(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            names = [name for name, _ in pairs]
            seen.update(name for name in found if names.count(name) > 1)
        return found

    json.loads(text, object_pairs_hook=note)
    if seen:
        raise BadHeader("name_twice", f'has the name "{_short(min(seen))}" twice')


def _check_spans(spans: dict[str, tuple[int, int]], room: int, header: Header) -> None:
    """Checks that the tensors lie one behind the other and fill the file."""
    end = 0
    ordered = sorted(spans.values())
    for first, last in ordered:
        if first != end:
            what = "lie over each other" if first < end else "leave a hole between them"
            raise BadHeader("bad_offsets", f"has tensors that {what}")
        end = last
    if end > room:
        raise BadHeader("truncated", f"is cut off: {end - room} of its {end} bytes of tensors are missing", header)
    if end < room:
        raise BadHeader("too_long", f"has {room - end} bytes more than its header says: ComfyUI cannot load it", header)


def _values(stream: IO[bytes], start: int, tensor: Tensor, span: tuple[int, int]) -> tuple[float, ...]:
    dtype, first, last = tensor[0], span[0], span[1]
    if last - first > _MOST_VALUES or dtype not in {*_FORMATS, "BF16"}:
        return ()
    stream.seek(start + first)
    data = stream.read(last - first)
    if dtype == "BF16":
        data, dtype = b"".join(b"\0\0" + data[at : at + 2] for at in range(0, len(data), 2)), "F32"
    count = len(data) // struct.calcsize(_FORMATS[dtype])
    return tuple(map(float, struct.unpack_from(f"<{count}{_FORMATS[dtype]}", data)))

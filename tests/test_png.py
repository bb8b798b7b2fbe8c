"""PNG files as rows of chunks, whole and damaged, and the texts in them."""

from __future__ import annotations

import contextlib
import json
import struct
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comfyproof.png import MAX_TEXT, SIGNATURE, BrokenPng, embedded_prompt, texts

ABSURD = zlib.compress(bytes(MAX_TEXT + 1), 9)
HALF = zlib.compress(b" " * (MAX_TEXT // 2 + 1), 9)


def png(*chunks: tuple[bytes, bytes]) -> bytes:
    """A file of these chunks; no picture is in it."""
    parts = [SIGNATURE]
    for kind, body in (*chunks, (b"IEND", b"")):
        parts.append(struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)))
    return b"".join(parts)


def packed(keyword: bytes, text: bytes) -> tuple[bytes, bytes]:
    return (b"zTXt", keyword + b"\0\0" + text)


@pytest.mark.parametrize(
    "chunk",
    [
        (b"tEXt", b"prompt\0" + b'{"1": {}}'),
        (b"comf", b"prompt\0" + b'{"1": {}}'),
        packed(b"prompt", zlib.compress(b'{"1": {}}')),
        (b"iTXt", b"prompt\0\0\0en\0eingabe\0" + b'{"1": {}}'),
        (b"iTXt", b"prompt\0\1\0en\0eingabe\0" + zlib.compress(b'{"1": {}}')),
    ],
)
def test_a_prompt_in_every_kind_of_text(chunk: tuple[bytes, bytes]) -> None:
    data = png((b"tEXt", b"other\0x"), chunk)
    assert embedded_prompt(data) == {"1": {}}
    assert dict(texts(data)) == {"other": "x", "prompt": '{"1": {}}'}


@pytest.mark.parametrize("many", [[ABSURD], [HALF, HALF], [HALF, zlib.compress(b""), HALF]])
def test_texts_are_bounded_together(many: list[bytes]) -> None:
    data = png(*(packed(b"prompt", text) for text in many))
    for read in (texts, embedded_prompt):
        with pytest.raises(BrokenPng, match="absurdly long"):
            read(data)


def test_a_text_that_just_fits() -> None:
    fitting = json.dumps("x" * (MAX_TEXT - 2)).encode()
    assert len(embedded_prompt(png(packed(b"prompt", zlib.compress(fitting))))) == MAX_TEXT - 2


def test_only_the_prompt_is_unpacked_for_the_prompt() -> None:
    data = png(*(packed(b"other%d" % n, ABSURD) for n in range(20)), (b"tEXt", b"prompt\0{}"))
    tracemalloc.start()
    try:
        assert embedded_prompt(data) == {}
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()
    assert embedded_prompt(png(packed(b"workflow", b"damaged"))) is None


@given(st.binary(max_size=60), st.sampled_from([b"tEXt", b"zTXt", b"iTXt", b"comf"]))
def test_any_text_chunk_is_read_or_refused(body: bytes, kind: bytes) -> None:
    with contextlib.suppress(BrokenPng):
        assert len(texts(png((kind, body)))) == 1

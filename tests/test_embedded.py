"""What ComfyUI embeds in its files: files of a real one, of packs of nodes, damaged ones and hostile ones.

`embedded/` holds what the save nodes of ComfyUI 0.3.64 wrote; the two longer sounds are cut off behind their texts.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import struct
import time
import tracemalloc
import zlib
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from comfyproof.containers.window import MAX_JSON, MAX_PARTS, BrokenFile
from comfyproof.embedded import HEAD, Embedded, kind_of, read_embedded
from comfyproof.png import MAX_TEXT
from test_png import png

FILES = sorted((Path(__file__).parent / "embedded").iterdir())
KINDS = {
    ".png": "PNG", ".webp": "WebP", ".mp4": "MP4", ".webm": "WebM", ".flac": "FLAC", ".opus": "Ogg",
    ".mp3": "MP3", ".latent": "safetensors", ".glb": "glTF", ".svg": "SVG",
}  # fmt: skip
PROMPT, WORKFLOW = '{"1": {"class_type": "Größe", "inputs": {"x": NaN}}}', '{"nodes": [], "x": "中: \\"y\\""}'
SETTINGS = "a cat: a picture\nNegative prompt: dog\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_what_comfyui_saves(file: Path) -> None:
    found = read_embedded(file)
    assert found.kind == kind_of(file.read_bytes()[:HEAD]) == KINDS[file.suffix]
    assert found.prompt
    assert found.workflow
    assert found.parameters is None
    assert all("class_type" in node for node in json.loads(found.prompt).values())
    assert json.loads(found.workflow)["note"] == 'grüße "x" 中'
    assert read_embedded(file.read_bytes()) == read_embedded(str(file)) == found


def test_every_kind_is_among_those_files() -> None:
    assert {file.suffix for file in FILES} == set(KINDS)


def picture(form: str, tags: dict[int, Any], comment: bytes | None = None) -> bytes:
    exif = Image.Exif()
    exif.update(tags)
    if comment is not None:
        exif.get_ifd(0x8769)[0x9286] = comment
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, form, exif=exif)
    return buffer.getvalue()


BOTH = json.dumps({"prompt": json.loads(PROMPT), "workflow": WORKFLOW})


@pytest.mark.parametrize("form", ["JPEG", "WEBP"])
@pytest.mark.parametrize(
    ("tags", "comment"),
    [
        ({0x010F: f"prompt:{PROMPT}".encode(), 0x010E: f"workflow:{WORKFLOW}".encode()}, None),
        ({0x010F: f"Prompt: {PROMPT}".encode(), 0x010E: f"Workflow: {WORKFLOW}".encode()}, b"ASCII\0\0\0a cat"),
        ({0x0110: f"prompt:{PROMPT}".encode()}, b"UNICODE\0" + f"workflow:{WORKFLOW}".encode("utf-16-be")),
        ({0x0110: f"prompt:{PROMPT}".encode()}, b"UNICODE\0" + f"workflow:{WORKFLOW}".encode("utf-16-le")),
        ({}, b"UNICODE\0" + BOTH.encode("utf-16-be")),
        ({}, b"ASCII\0\0\0" + BOTH.encode()),
        ({}, BOTH.encode()),
    ],
)
def test_what_packs_of_nodes_write_into_pictures(form: str, tags: dict[int, Any], comment: bytes | None) -> None:
    found = read_embedded(picture(form, tags, comment))
    assert str(json.loads(found.prompt or "")) == str(json.loads(PROMPT))
    assert json.loads(found.workflow or "") == json.loads(WORKFLOW)


@pytest.mark.parametrize("ending", ["mp4", "mov", "webm", "mkv"])
def test_what_packs_of_nodes_write_into_videos(ending: str) -> None:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format={"mkv": "matroska"}.get(ending, ending)) as target:
        target.metadata["comment"] = BOTH
        stream: Any = target.add_stream("libvpx-vp9" if ending in ("webm", "mkv") else "h264", rate=Fraction(8))
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        target.mux(stream.encode(av.VideoFrame(64, 64, "yuv420p")))
        target.mux(stream.encode(None))
    found = read_embedded(buffer.getvalue())
    assert str(json.loads(found.prompt or "")) == str(json.loads(PROMPT))
    assert found.workflow == WORKFLOW


@pytest.mark.parametrize(
    "data",
    [
        png((b"tEXt", b"parameters\0" + SETTINGS.encode())),
        picture("JPEG", {}, b"UNICODE\0" + SETTINGS.encode("utf-16-be")),
        png((b"tEXt", b"invokeai_metadata\0" + SETTINGS.encode())),
    ],
)
def test_settings_of_another_program_are_known_as_such(data: bytes) -> None:
    found = read_embedded(data)
    assert (found.prompt, found.workflow, found.parameters) == (None, None, SETTINGS)


@pytest.mark.parametrize(
    "data",
    [
        png(),
        png((b"tEXt", b"Software\0gimp")),
        picture("JPEG", {0x010F: "Canon"}, b"ASCII\0\0\0{not JSON"),
        picture("WEBP", {}, b"ASCII\0\0\0[1]"),
        b"\xff\xfb\x90\x00" + bytes(100),
        b"<svg/>" + bytes(20),
    ],
)
def test_a_file_without_any(data: bytes) -> None:
    assert read_embedded(data) == Embedded(kind_of(data[:HEAD]) or "")


def test_text_that_is_utf8_where_latin1_is_due() -> None:
    for text in (PROMPT.encode(), PROMPT.encode("latin-1")):
        assert read_embedded(png((b"tEXt", b"prompt\0" + text))).prompt == PROMPT


def test_of_two_prompts_the_last_counts() -> None:
    assert read_embedded(png((b"tEXt", b"prompt\0old"), (b"tEXt", b"prompt\0new"))).prompt == "new"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_file_cut_off_anywhere(file: Path) -> None:
    data, whole = file.read_bytes(), read_embedded(file)
    for length in range(len(data)):
        with contextlib.suppress(BrokenFile):
            found = read_embedded(data[:length])
            assert found.prompt in (None, whole.prompt)
            assert found.workflow in (None, whole.workflow)


@given(st.sampled_from(FILES), st.lists(st.tuples(st.integers(0, 2000), st.binary(min_size=1, max_size=8)), max_size=4))
def test_a_file_with_damage(file: Path, damages: list[tuple[int, bytes]]) -> None:
    data = bytearray(file.read_bytes())
    for at, other in damages:
        data[at % len(data) : at % len(data) + len(other)] = other
    with contextlib.suppress(BrokenFile):
        read_embedded(bytes(data))


@given(st.sampled_from([file.read_bytes()[:HEAD] for file in FILES] + [b"\xff\xd8\xff", b""]), st.binary(max_size=200))
def test_any_bytes(head: bytes, rest: bytes) -> None:
    with contextlib.suppress(BrokenFile):
        read_embedded(head + rest)


def exif_webp(exif: bytes) -> bytes:
    return b"RIFF\0\0\0\0WEBPEXIF" + struct.pack("<I", len(exif)) + exif


def tags(*entries: tuple[int, int, int, int], next: int = 8) -> bytes:
    table = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + table + struct.pack("<I", next)


def box(kind: bytes, *inner: bytes) -> bytes:
    body = b"".join(inner)
    return struct.pack(">I", len(body) + 8) + kind + body


def nested(kind: bytes, depth: int) -> bytes:
    body = b""
    for _ in range(depth):
        body = box(kind, body)
    return body


FTYP = box(b"ftyp", b"isom\0\0\0\0")
EBML = b"\x1a\x45\xdf\xa3\x80"
HOSTILE = {
    "a zTXt bomb": (png((b"zTXt", b"prompt\0\0" + zlib.compress(bytes(MAX_TEXT + 1), 9))), "absurdly long"),
    "a text that is no zlib": (png((b"zTXt", b"prompt\0\0nonsense")), "damaged"),
    "a chunk with a wrong checksum": (png((b"tEXt", b"prompt\0{}"))[:-13] + b"x" + png()[-12:], "checksum"),
    "a chunk of 4 GiB": (png()[:8] + b"\xff\xff\xff\xfftEXt" + bytes(60), "it ends within a part at byte 16"),
    "a table of tags beyond the end": (exif_webp(b"II*\0\xff\xff\xff\xff" + bytes(20)), "ends within a table"),
    "a table of tags that is its own inner one": (exif_webp(tags((0x8769, 4, 1, 8))), None),
    "a tag that says more than there is": (exif_webp(tags((0x110, 2, 10**6, 8))), "ends within a text"),
    "tags that share one long text": (
        exif_webp(tags(*[(0x110, 2, 2**20, 8)] * 60_000) + bytes(2**20)),
        "absurdly long",
    ),
    "a box larger than its file": (FTYP + b"\0\xff\0\0moov" + bytes(50), "ends within a part at byte 16"),
    "a box smaller than its own head": (FTYP + b"\0\0\0\x07moov" + bytes(50), "ends within a part at byte 16"),
    "100,000 boxes inside each other": (FTYP + box(b"moov", nested(b"udta", 100_000)), None),
    "many empty boxes": (FTYP + box(b"free") * MAX_PARTS, "absurdly many"),
    "many empty elements": (EBML + b"\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff" + b"\xec\x80" * MAX_PARTS,
                            "absurdly many"),
    "an element without a width": (EBML + b"\0" * 50, "no element at byte 5"),
    "an element within itself": (EBML + b"\x18\x53\x80\x67\xff" + b"\x12\x54\xc3\x67\xff" * 50, None),
    "pages that are never full": (b"".join([b"OggS" + bytes(22) + b"\xff" + b"\xff" * 255 + bytes(255 * 255)] * 1100),
                                  "absurdly long"),
    "a page of nothing": (b"OggS" + bytes(23) + b"OggX" + bytes(40), "no page at byte 27"),
    "comments that count more than there are": (
        b"fLaC\x84\0\0\x10" + struct.pack("<IIII", 0, 2**32 - 1, 0, 0), "ends within its comments",
    ),
    "a comment longer than the block": (
        b"fLaC\x84\0\0\x0c" + struct.pack("<III", 0, 1, 2**31), "ends within a comment",
    ),
    "an ID3 tag longer than the file": (b"ID3\4\0\0\x7f\x7f\x7f\x7f" + bytes(50), "ends within its texts"),
    "a header of 4 GiB": (struct.pack("<Q", 2**32) + b"{" + bytes(50), "ends within a part at byte 8"),
    "a header too long to parse": (struct.pack("<Q", MAX_JSON + 1) + b"{" + bytes(MAX_JSON), "over the limit"),
    "a header that nests deeply": (
        struct.pack("<Q", 200_005) + b'{"a":' + b"[" * 200_000, "not JSON",
    ),
    "a header that is a list": (b"glTF\2\0\0\0\0\0\0\0\2\0\0\0JSON[]" + bytes(20), "no mapping"),
    "a mesh without a description": (b"glTF\2\0\0\0\0\0\0\0\2\0\0\0BIN\0[]" + bytes(20), "its description"),
    "another kind of file": (b'{"1": {"class_type": "X"}}', "of no kind"),
    "nothing": (b"", "of no kind"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file(name: str) -> None:
    data, said = HOSTILE[name]
    begun = time.process_time()
    tracemalloc.start()
    try:
        if said is None:
            assert read_embedded(data).prompt is None
        else:
            with pytest.raises(BrokenFile, match=said):
                read_embedded(data)
        assert tracemalloc.get_traced_memory()[1] < 200 * 2**20
    finally:
        tracemalloc.stop()
    assert time.process_time() - begun < 20


def test_a_bomb_of_comments_is_not_parsed() -> None:
    data = picture("WEBP", {0x010F: b"prompt:{}"}, b"ASCII\0\0\0{" + b" " * MAX_JSON + b"}")
    assert read_embedded(data).prompt == "{}"


def test_a_large_file_is_not_read_as_a_whole(tmp_path: Path) -> None:
    """One of 5 GB, nearly all of which is a hole, with its texts at the end."""
    file = tmp_path / "large.mp4"
    video = (Path(__file__).parent / "embedded" / "video.mp4").read_bytes()
    begin = video.index(b"moov") - 4
    with file.open("wb") as stream:
        stream.write(FTYP + struct.pack(">I4sQ", 1, b"mdat", 5 * 10**9))
        stream.seek(len(FTYP) + 5 * 10**9)
        stream.write(video[begin:])
    begun = time.process_time()
    assert read_embedded(file).prompt == read_embedded(video).prompt
    assert time.process_time() - begun < 2


def test_what_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for file in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(BrokenFile, match="not a regular file"):
            read_embedded(file)
    with pytest.raises(FileNotFoundError):
        read_embedded(tmp_path / "none.png")

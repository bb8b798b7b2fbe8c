"""Which bytes are a whole picture: cut, flipped, padded, enormous, or no picture at all."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import textwrap
import zlib

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from comfyproof.verify.checks import verify_picture
from comfyproof.verify.expected import Check, Expected, Verdict
from comfyproof.verify.picture import decode_result


def texture(width: int, height: int, mode: str = "RGB") -> Image.Image:
    """Noise over a gradient: nothing in it repeats."""
    down, across = numpy.mgrid[0:height, 0:width]
    slopes = numpy.stack([across * 200 / width, down * 200 / height, (across + down) * 90 / width], axis=-1)
    noise = numpy.random.default_rng(7).integers(0, 50, slopes.shape)
    return Image.fromarray((slopes + noise).clip(0, 255).astype(numpy.uint8)).convert(mode)


def encoded(image: Image.Image, format: str = "PNG", **options: object) -> bytes:
    """A picture as a file's bytes."""
    stream = io.BytesIO()
    image.save(stream, format, **options)
    return stream.getvalue()


def chunk(kind: bytes, body: bytes) -> bytes:
    """A PNG chunk with the right checksum."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_of(width: int, height: int, rows: bytes, interlace: int = 0, extra: bytes = b"") -> bytes:
    """A PNG with these rows of 8-bit RGB in it, however many they are."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, interlace)
    body = chunk(b"IHDR", head) + extra + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def interlaced_rows(image: Image.Image) -> bytes:
    """The rows of the seven passes of an interlaced PNG."""
    pixels = numpy.asarray(image)
    passes = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
    parts = (pixels[y::down, x::across] for x, y, across, down in passes)
    return b"".join(b"\0" + row.tobytes() for part in parts if part.size for row in part)


def complete(data: bytes) -> Check:
    """The check that is always made, and made first."""
    check = verify_picture(data, Expected())[0]
    assert check.name == "complete"
    return check


PICTURE = texture(40, 28)
FILES = {"PNG": encoded(PICTURE), "JPEG": encoded(PICTURE, "JPEG"), "WEBP": encoded(PICTURE, "WEBP")}


@pytest.mark.parametrize("format", FILES)
def test_a_whole_picture_is_complete_and_says_what_it_is(format: str) -> None:
    check = complete(FILES[format])
    assert check.verdict is Verdict.PASSED
    assert check.help == ""
    assert "40x28" in check.measured
    assert f"{len(FILES[format]):,} bytes" in check.measured
    assert ("no checksums" in check.measured) is (format != "PNG")


@pytest.mark.parametrize("format", FILES)
@given(data=st.data())
def test_a_picture_cut_anywhere_is_never_complete(format: str, data: st.DataObject) -> None:
    whole = FILES[format]
    kept = data.draw(st.integers(0, len(whole) - 1))
    assert complete(whole[:kept]).verdict is Verdict.FAILED


@pytest.mark.parametrize("format", FILES)
def test_a_picture_cut_near_its_end_is_never_complete(format: str) -> None:
    whole = FILES[format]
    assert {complete(whole[:-lost]).verdict for lost in range(1, 30)} == {Verdict.FAILED}


@given(st.integers(0, len(FILES["PNG"]) - 1), st.integers(1, 255))
def test_a_png_with_a_flipped_byte_is_never_complete(at: int, bits: int) -> None:
    flipped = bytearray(FILES["PNG"])
    flipped[at] ^= bits
    assert complete(bytes(flipped)).verdict is Verdict.FAILED


@pytest.mark.parametrize("format", ["JPEG", "WEBP"])
@given(data=st.data())
def test_a_flipped_byte_never_makes_it_raise(format: str, data: st.DataObject) -> None:
    flipped = bytearray(FILES[format])
    flipped[data.draw(st.integers(0, len(flipped) - 1))] ^= data.draw(st.integers(1, 255))
    check = complete(bytes(flipped))
    assert check.verdict is Verdict.PASSED or check.measured


@given(st.sampled_from([b"", *(whole[:40] for whole in FILES.values())]), st.binary(max_size=200))
def test_no_bytes_make_it_raise(start: bytes, rest: bytes) -> None:
    assert complete(start + rest).verdict is Verdict.FAILED


@pytest.mark.parametrize("format", FILES)
@pytest.mark.parametrize("tail", [b"\0", b"<html>", FILES["PNG"]], ids=["zero", "text", "picture"])
def test_bytes_after_the_end_are_not_accepted(format: str, tail: bytes) -> None:
    assert complete(FILES[format] + tail).verdict is Verdict.FAILED


@pytest.mark.parametrize("interlace", [0, 1], ids=["plain", "interlaced"])
@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_a_png_whose_pixels_end_early_is_not_complete(interlace: int, share: float) -> None:
    """Its chunks and checksums are right, and Pillow fills up the rest with black."""
    rows = interlaced_rows(PICTURE) if interlace else b"".join(b"\0" + row.tobytes() for row in numpy.asarray(PICTURE))
    assert complete(png_of(40, 28, rows, interlace)).verdict is Verdict.PASSED
    check = complete(png_of(40, 28, rows[: int(share * len(rows))], interlace))
    assert check.verdict is Verdict.FAILED
    assert f"of {len(rows):,} bytes" in check.measured


@pytest.mark.parametrize("size", [(1, 1), (3, 5), (8, 8), (9, 2), (40, 28)])
def test_interlaced_pictures_of_every_shape_are_complete(size: tuple[int, int]) -> None:
    image = PICTURE.resize(size)
    data = png_of(*size, interlaced_rows(image), interlace=1)
    assert complete(data).verdict is Verdict.PASSED
    assert decode_result(data).pixels.tobytes() == image.tobytes()


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
def test_every_pixel_format_is_decoded_to_rgb(mode: str) -> None:
    image = texture(40, 28, mode)
    assert decode_result(encoded(image)).pixels.tobytes() == image.convert("RGB").tobytes()


def test_sixteen_bits_are_scaled_to_eight() -> None:
    levels = numpy.linspace(0, 65535, 40 * 28).reshape(28, 40).astype(numpy.uint16)
    pixels = numpy.asarray(decode_result(encoded(Image.fromarray(levels))).pixels)
    assert (pixels[:, :, 0] == levels // 257).all()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "it is empty"),
        (b"<html><body>502 Bad Gateway</body></html>", "a text (HTML or JSON)"),
        (b'\n{"error": "not found"}', "a text (HTML or JSON)"),
        (b"GIF89a" + bytes(40), "neither PNG, JPEG nor WebP"),
        (b"\x89PNG\r\n\x1a\n", "it ends without its last chunk"),
        (FILES["PNG"][:-12], "it ends without its last chunk"),
        (FILES["PNG"] + b"xy", "its end is at byte "),
        (FILES["WEBP"][:-1], f"it has {len(FILES['WEBP']) - 1} of {len(FILES['WEBP'])} bytes"),
        (FILES["WEBP"] + b"x", "its end is at byte "),
        (FILES["JPEG"][:-1], "does not end with the marker"),
        (png_of(0, 0, b""), "cannot be decoded"),
        (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", b"short") + chunk(b"IEND", b""), "does not begin with its header"),
    ],
)
def test_a_refusal_says_why(data: bytes, words: str) -> None:
    check = complete(data)
    assert check.verdict is Verdict.FAILED
    assert check.help
    assert words in check.measured


def resized(file: bytes, at: int, *fields: bytes) -> bytes:
    """A file whose header tells another size."""
    size = b"".join(fields)
    return file[:at] + size + file[at + len(size) :]


def bombs() -> dict[str, bytes]:
    """Small files whose headers promise pictures of gigabytes."""
    jpeg, lossless, lossy = FILES["JPEG"], encoded(PICTURE, "WEBP", lossless=True), FILES["WEBP"]
    extended = encoded(PICTURE.convert("RGBA"), "WEBP", exif=b"Exif\0\0II*\0")
    assert (extended[12:16], lossless[12:16], lossy[12:16]) == (b"VP8X", b"VP8L", b"VP8 ")
    return {
        "png": png_of(60000, 60000, bytes(1000)),
        "jpeg": resized(jpeg, jpeg.index(b"\xff\xc0") + 5, struct.pack(">HH", 60000, 60000)),
        "webp": resized(lossy, 26, struct.pack("<HH", 16383, 16383)),
        "webp lossless": resized(lossless, 21, struct.pack("<I", 16382 | 16382 << 14)),
        "webp extended": resized(extended, 24, b"\xff\xff\0", b"\xff\xff\0"),
    }


@pytest.mark.parametrize("name", bombs())
def test_a_bomb_is_refused_by_its_header(name: str) -> None:
    check = complete(bombs()[name])
    size = {"png": 60000, "jpeg": 60000, "webp extended": 65536}.get(name, 16383)
    assert check.verdict is Verdict.FAILED
    assert check.measured.startswith(f"its header says {size}x{size}, over the limit of ")


def test_a_bomb_costs_no_memory() -> None:
    program = """
        import resource, sys
        from PIL import JpegImagePlugin, PngImagePlugin, WebPImagePlugin
        from comfyproof.verify.checks import verify_picture
        from comfyproof.verify.expected import Expected
        files = [bytes.fromhex(line) for line in sys.stdin.read().split()]
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        verdicts = {verify_picture(data, Expected())[0].verdict for data in files}
        print(*verdicts, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
    """
    given = "\n".join(data.hex() for data in bombs().values())
    command = [sys.executable, "-c", textwrap.dedent(program)]
    ran = subprocess.run(command, input=given, capture_output=True, text=True, check=True)
    verdict, grown = ran.stdout.split()
    assert verdict == "failed"
    assert int(grown) < 50_000  # KiB; the smallest of these pictures would take a hundred times that


def test_a_jpeg_with_countless_scans_is_refused() -> None:
    data = encoded(PICTURE, "JPEG", progressive=True)
    starts = [at for at in range(len(data)) if data[at : at + 2] == b"\xff\xda"]
    last, end = starts[-1], len(data) - 2
    assert complete(data).verdict is Verdict.PASSED
    check = complete(data[:last] + data[last:end] * 200 + data[end:])
    assert check.verdict is Verdict.FAILED
    assert "scans" in check.measured


@pytest.mark.parametrize("kind", [b"zTXt", b"iCCP"])
def test_damage_beside_the_pixels_does_not_hide_them(kind: bytes) -> None:
    rows = b"".join(b"\0" + row.tobytes() for row in numpy.asarray(PICTURE))
    bomb = chunk(kind, b"x\0\0" + zlib.compress(bytes(40 * 2**20)))
    assert complete(png_of(40, 28, rows, extra=bomb)).verdict is Verdict.PASSED

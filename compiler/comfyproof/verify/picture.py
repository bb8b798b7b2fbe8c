"""Pictures out of bytes that nobody vouches for: decoded whole and within bounds, or refused with the reason."""

from __future__ import annotations

import io
import stat
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path as FilePath
from typing import TYPE_CHECKING

from .. import png

if TYPE_CHECKING:
    from PIL import Image

# Decoding the largest picture takes about 1 GiB: Pillow keeps two copies of a PNG and four of a WebP.
MAX_PIXELS = 2**27
MAX_WEBP_PIXELS = 2**26
MAX_BYTES = 2**28
# A progressive JPEG is decoded once more for every scan; encoders write about ten.
MAX_SCANS = 100
# Similarity looks at 512 px; a reference decoded at no less than twice that loses nothing it would see.
REFERENCE_SIDE = 1024

_MAGICS: dict[str, tuple[bytes, ...]] = {
    "PNG": (png.SIGNATURE,),
    "JPEG": (b"\xff\xd8\xff",),
    "BMP": (b"BM",),
    "GIF": (b"GIF87a", b"GIF89a"),
    "TIFF": (b"II*\0", b"MM\0*"),
}
_EXIF_ORIENTATION = 0x0112
_SIDEWAYS = (5, 6, 7, 8)
# All that makes up the pixels: comments and profiles, however large or damaged, never reach the decoder.
_PIXEL_CHUNKS = frozenset({"IHDR", "PLTE", "tRNS", "eXIf", "IDAT", "IEND"})
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
# Adam7: where each of the seven passes of an interlaced PNG starts, and its steps (x, y, step x, step y).
_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


class BrokenPicture(ValueError):
    """Bytes that are no whole picture, or one too large to decode; the message says why."""


class Undecoded(ValueError):
    """Bytes that may be whole, and are not decoded to their end here; the message says why."""


@dataclass(frozen=True, slots=True)
class Motion:
    """What a video has beside its first frame.

    `fps` is measured by the times of its frames; each of them may be off by `grain` seconds. `still` says that all
    frames are the same. `shown` is the first frame that shows something, else the first. `prompt` is the text that is
    embedded as such.
    """

    codec: str
    frames: int
    fps: float
    grain: float
    still: bool
    shown: Image.Image
    prompt: str | None = None


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded picture, turned upright as LoadImage does it, or the first frame of a video.

    `size` is the picture's own in pixels; `pixels` are 8-bit RGB, perhaps a smaller decoding of it.
    `transparent` says that nothing of it can be seen.
    """

    format: str
    size: tuple[int, int]
    pixels: Image.Image
    transparent: bool
    motion: Motion | None = None


def decode_result(data: bytes) -> Picture:
    """The picture in a file that came back, with every byte of it accounted for. Raises BrokenPicture."""
    with _refusing():
        kind, image = _open(data, _END)
        _END[kind](data)
        return _decode(kind, image)


def decode_reference(file: FilePath) -> Picture:
    """The picture in a file of the author's, large JPEGs at a reduced size. Raises BrokenPicture."""
    data = _read(file)
    with _refusing():
        kind, image = _open(data, _OPEN)
        return _decode(kind, image, REFERENCE_SIDE)


@contextmanager
def _refusing() -> Iterator[None]:
    try:
        yield
    except BrokenPicture:
        raise
    except png.BrokenPng as problem:
        raise BrokenPicture(str(problem)) from None
    except Exception as problem:  # Pillow answers damaged bytes with whatever the damage led to
        text = str(problem) or type(problem).__name__
        raise BrokenPicture(f"it cannot be decoded: {text[:200]}") from None


def _read(file: FilePath) -> bytes:
    try:
        facts = file.stat()
        if stat.S_ISREG(facts.st_mode) and facts.st_size <= MAX_BYTES:
            with file.open("rb") as stream:
                return stream.read(facts.st_size)  # memory is put aside for all that is asked for
    except (OSError, ValueError) as problem:
        raise BrokenPicture(getattr(problem, "strerror", None) or str(problem)) from None
    if stat.S_ISREG(facts.st_mode):
        raise BrokenPicture(f"it has {facts.st_size:,} bytes, over the limit of {MAX_BYTES:,}")
    raise BrokenPicture("it is not a regular file")


def format_of(data: bytes) -> str:
    """The picture format that a file's first bytes speak of; empty where it is none that is known here."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WebP"
    return next((kind for kind, magics in _MAGICS.items() if data.startswith(magics)), "")


def is_animated(data: bytes) -> bool:
    """Whether a file begins as a WebP of several frames."""
    return format_of(data) == "WebP" and data[12:16] == b"VP8X" and len(data) > 20 and bool(data[20] & 2)


def _open(data: bytes, kinds: Collection[str]) -> tuple[str, Image.Image]:
    """The format, one of those wanted, and the picture, of which only the header was looked at."""
    kind = format_of(data)
    if kind in kinds:
        return kind, _OPEN[kind](data)
    if not data:
        raise BrokenPicture("it is empty")
    if data.lstrip()[:1] in (b"<", b"{", b"["):
        raise BrokenPicture("it is a text (HTML or JSON), not a picture")
    raise BrokenPicture("it is neither PNG, JPEG nor WebP")


# The classes are called directly: Image.open would guess formats, and its own limit is a global of the process.
def _open_png(data: bytes) -> Image.Image:
    from PIL import PngImagePlugin

    head = png.header(data)
    _refuse_large(head.width, head.height)
    kept, at = [png.SIGNATURE], len(png.SIGNATURE)
    for kind, body in png.chunks(data):
        end = at + 12 + len(body)
        if kind in _PIXEL_CHUNKS:
            kept.append(data[at:end])
        at = end
    return PngImagePlugin.PngImageFile(io.BytesIO(b"".join(kept)))


def _open_jpeg(data: bytes) -> Image.Image:
    from PIL import JpegImagePlugin

    if data.count(b"\xff\xda") > MAX_SCANS:
        raise BrokenPicture(f"it has more than {MAX_SCANS} scans")
    image = JpegImagePlugin.JpegImageFile(io.BytesIO(data))
    _refuse_large(*image.size)
    return image


def _open_webp(data: bytes) -> Image.Image:
    from PIL import WebPImagePlugin

    _refuse_large(*_webp_size(data), MAX_WEBP_PIXELS)
    if len(data) < _webp_length(data):
        raise BrokenPicture(f"it has {len(data):,} of {_webp_length(data):,} bytes")
    return WebPImagePlugin.WebPImageFile(io.BytesIO(data))


def _open_plain(kind: str, data: bytes) -> Image.Image:
    from PIL import BmpImagePlugin, GifImagePlugin, TiffImagePlugin

    plugins: dict[str, Callable[[io.BytesIO], Image.Image]] = {
        "BMP": BmpImagePlugin.BmpImageFile,
        "GIF": GifImagePlugin.GifImageFile,
        "TIFF": TiffImagePlugin.TiffImageFile,
    }
    image = plugins[kind](io.BytesIO(data))
    _refuse_large(*image.size)
    return image


# The last three only inputs have: LoadImage takes them, and no node of ComfyUI's saves them.
_OPEN: dict[str, Callable[[bytes], Image.Image]] = {
    "PNG": _open_png,
    "JPEG": _open_jpeg,
    "WebP": _open_webp,
    "BMP": partial(_open_plain, "BMP"),
    "GIF": partial(_open_plain, "GIF"),
    "TIFF": partial(_open_plain, "TIFF"),
}


def _webp_size(data: bytes) -> tuple[int, int]:
    """The canvas, read before Pillow, which makes room for it as soon as it opens the file."""
    kind = data[12:16]
    if kind == b"VP8X":
        return 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
    if kind == b"VP8L":
        packed = int.from_bytes(data[21:25], "little")
        return 1 + (packed & 0x3FFF), 1 + (packed >> 14 & 0x3FFF)
    return int.from_bytes(data[26:28], "little") & 0x3FFF, int.from_bytes(data[28:30], "little") & 0x3FFF


def _refuse_large(width: int, height: int, limit: int = MAX_PIXELS) -> None:
    if width * height > limit:
        raise BrokenPicture(f"its header says {width}x{height}, over the limit of {limit:,} pixels")


def _decode(kind: str, image: Image.Image, side: int | None = None) -> Picture:
    from PIL import ImageOps

    width, height = image.size
    if side is not None:
        scale = side / max(width, height)
        image.draft(None, (max(1, round(width * scale)), max(1, round(height * scale))))
    image.load()
    sideways = image.getexif().get(_EXIF_ORIENTATION) in _SIDEWAYS
    ImageOps.exif_transpose(image, in_place=True)
    transparent = "A" in image.getbands() and image.getextrema()[-1] == (0, 0)
    return Picture(kind, (height, width) if sideways else (width, height), _rgb(image), transparent)


def _rgb(image: Image.Image) -> Image.Image:
    """The pixels as 8-bit RGB, without their transparency, as LoadImage takes them."""
    if not image.mode.startswith("I"):
        return image if image.mode == "RGB" else image.convert("RGB")
    # Pillow would clip 16 bits to 8 where they have to be scaled.
    import numpy
    from PIL import Image

    return Image.fromarray((numpy.asarray(image) // 257).astype(numpy.uint8)).convert("RGB")


def _end_of_png(data: bytes) -> None:
    parts, end = [], len(png.SIGNATURE)
    for kind, body in png.chunks(data):
        end += 12 + len(body)
        if kind in ("IHDR", "IDAT"):
            parts.append(body)
    _refuse_more(data, end)
    needed = _png_bytes(parts[0])
    found = _inflated(parts[1:], needed)
    # Pillow leaves what is missing black and says nothing.
    if found < needed:
        raise BrokenPicture(f"its pixels end early: {found:,} of {needed:,} bytes")


def _png_bytes(header: bytes) -> int:
    """How many bytes the pixels have once inflated, each row with its filter byte."""
    width, height = (int.from_bytes(header[at : at + 4], "big") for at in (0, 4))
    bits = header[8] * _CHANNELS.get(header[9], 0)
    passes = _PASSES if header[12] else ((0, 0, 1, 1),)
    total = 0
    for x, y, step_x, step_y in passes:
        columns, rows = -(-(width - x) // step_x), -(-(height - y) // step_y)
        if columns > 0 and rows > 0:
            total += rows * (1 + -(-columns * bits // 8))
    return total


def _inflated(parts: Iterable[bytes], needed: int) -> int:
    """How many bytes come out, counted in small pieces and no further than needed."""
    inflater, found = zlib.decompressobj(), 0
    for part in parts:
        waiting = part
        while waiting and found < needed and not inflater.eof:
            found += len(inflater.decompress(waiting, 2**20))
            waiting = inflater.unconsumed_tail
    return found if found >= needed else found + len(inflater.flush())


def _end_of_jpeg(data: bytes) -> None:
    if not data.endswith(b"\xff\xd9"):
        raise BrokenPicture("it does not end with the marker of a JPEG's end")


def _end_of_webp(data: bytes) -> None:
    _refuse_more(data, _webp_length(data))


def _webp_length(data: bytes) -> int:
    length = int.from_bytes(data[4:8], "little")
    return 8 + length + length % 2


def _refuse_more(data: bytes, end: int) -> None:
    if end != len(data):
        raise BrokenPicture(f"its end is at byte {end:,} of {len(data):,}")


_END = {"PNG": _end_of_png, "JPEG": _end_of_jpeg, "WebP": _end_of_webp}

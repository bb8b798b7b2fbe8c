"""What GET /view gives of a picture besides its own bytes: a smaller encoding, or some of its channels."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image, PngImagePlugin

from .pixels_files import open_picture
from .values import check_size


def preview(path: Path, wanted: str, channel: str) -> tuple[bytes, str]:
    """A picture as WebP or JPEG, as in "webp;90", and its media type. Raises OSError, ValueError."""
    pieces = wanted.split(";")
    kind, quality = pieces[0], pieces[-1]
    if kind not in ("webp", "jpeg") or "a" in channel:
        kind = "webp"
    with open_picture(path) as opened:
        picture: Image.Image = opened
        if kind == "jpeg" or channel == "rgb":
            picture = picture.convert("RGB")
        buffer = io.BytesIO()
        picture.save(buffer, kind, quality=int(quality) if quality.isdigit() else 90)
    return buffer.getvalue(), f"image/{kind}"


def channels(path: Path, channel: str) -> tuple[bytes, str]:
    """A picture without its transparency ("rgb") or nothing but that ("a"), as PNG. Raises OSError, ValueError."""
    with open_picture(path) as picture:
        if channel == "rgb":
            result = picture.convert("RGB")
        else:
            alpha = picture.getchannel("A") if "A" in picture.getbands() else Image.new("L", picture.size, 255)
            result = Image.new("RGBA", picture.size)
            result.putalpha(alpha)
        buffer = io.BytesIO()
        result.save(buffer, "PNG")
    return buffer.getvalue(), "image/png"


def masked(path: Path, mask: bytes, suffix: str) -> bytes:
    """A picture with the transparency of another of its size, and its texts, as `suffix` says.

    Raises OSError, and ValueError for a format that has no transparency or is none.
    """
    kind = Image.registered_extensions().get(suffix.lower(), "")
    with open_picture(path) as original, Image.open(io.BytesIO(mask)) as other:
        texts = PngImagePlugin.PngInfo()
        for key, text in getattr(original, "text", {}).items():
            texts.add_text(key, text)
        check_size(*other.size)
        result = original.convert("RGBA")
        result.putalpha(other.convert("RGBA").getchannel("A"))
    buffer = io.BytesIO()
    result.save(buffer, kind or "none", compress_level=4, pnginfo=texts)
    return buffer.getvalue()

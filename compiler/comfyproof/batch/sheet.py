"""Contact sheets: the pictures of a batch side by side with their names below, a hundred on a page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import islice
from math import ceil, sqrt
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ..verify.kinds import PICTURE, VIDEO, kind_of
from ..verify.picture import BrokenPicture, Undecoded, decode_reference
from ..verify.video import decode_video

if TYPE_CHECKING:
    from PIL import Image, ImageDraw, ImageFont

PAGE = 100
_ACROSS = 10
_SIDE = 240  # pixels of a thumbnail's longer side
_GAP = 20
_MARGIN = 56
_HEAD = 92
_LABEL = 34
# Decoding lets the other thread run; more would need the memory of more large pictures at once.
_THREADS = 2
_PAPER, _INK, _FAINT = "#f6f5f2", "#23231f", "#8d8b84"
_EDGE, _TILE = "#dcdad3", "#e9e7e1"
_COLORS = {"failed": "#b3402e", "cancelled": "#a97b1f", "not fully examined": "#a97b1f", "damaged": "#b3402e"}
# With letters of many scripts, where the system has them; Pillow's own has Latin ones.
_FONTS = ("DejaVuSans.ttf", "NotoSans-Regular.ttf", "Arial Unicode.ttf", "arial.ttf", "Arial.ttf")
_WIDE_FONTS = ("NotoSansCJK-Regular.ttc", "Arial Unicode.ttf", "PingFang.ttc", "msgothic.ttc", "YuGothM.ttc")
_WIDE = "\u2e80"


class Tile(NamedTuple):
    """One place on a sheet: a file of a job, or the job's state where it has none."""

    name: str
    state: str
    file: Path | None


class Page(NamedTuple):
    """One sheet of several, and what is written on top of it."""

    title: str
    subtitle: str
    tiles: Sequence[Tile]


def pages(tiles: Iterator[Tile], title: str, said: str, total: int) -> Iterator[Page]:
    """The tiles on as many pages as they need, each headed by a title and what is `said`; `total` counts the tiles."""
    count = ceil(total / PAGE)
    number = 0
    while part := list(islice(tiles, PAGE)):
        number += 1
        yield Page(title, f"{said} · page {number} of {count}" if count > 1 else said, part)


def draw(page: Page) -> Image.Image:
    """One page, drawn; holds its thumbnails, and at most two pictures at full size."""
    from PIL import Image, ImageDraw

    with ThreadPoolExecutor(_THREADS) as pool:
        thumbs = list(pool.map(_thumb, page.tiles))
    across = min(_ACROSS, max(1, ceil(sqrt(len(page.tiles) * 1.4))))
    rows = [range(at, min(at + across, len(thumbs))) for at in range(0, len(thumbs), across)]
    heights = [max(image.height if (image := thumbs[n][0]) else 0 for n in row) for row in rows]
    heights = [height or _SIDE * 2 // 3 for height in heights]
    width = 2 * _MARGIN + across * _SIDE + (across - 1) * _GAP
    height = _MARGIN + _HEAD + sum(heights) + len(rows) * (_LABEL + _GAP) + _MARGIN - _GAP
    sheet = Image.new("RGB", (width, height), _PAPER)
    pen = ImageDraw.Draw(sheet)
    _heading(pen, page, width)
    top = _MARGIN + _HEAD
    for row, tall in zip(rows, heights, strict=True):
        for column, n in enumerate(row):
            left = _MARGIN + column * (_SIDE + _GAP)
            _tile(sheet, pen, (left, top, tall), page.tiles[n], *thumbs[n])
        top += tall + _LABEL + _GAP
    return sheet


def _heading(pen: ImageDraw.ImageDraw, page: Page, width: int) -> None:
    room = width - 2 * _MARGIN
    pen.text((_MARGIN, _MARGIN), _fitting(pen, page.title, _font(page.title, 30), room), _INK, _font(page.title, 30))
    font = _font(page.subtitle, 17)
    pen.text((_MARGIN, _MARGIN + 44), _fitting(pen, page.subtitle, font, room), _FAINT, font)


def _tile(
    sheet: Image.Image,
    pen: ImageDraw.ImageDraw,
    at: tuple[int, int, int],
    tile: Tile,
    thumb: Image.Image | None,
    word: str,
) -> None:
    """Draws a thumbnail at the foot of its place, so that names stand close below; else a word in its place."""
    left, top, tall = at
    middle = left + _SIDE // 2
    if thumb is not None:
        x, y = left + (_SIDE - thumb.width) // 2, top + tall - thumb.height
        sheet.paste(thumb, (x, y))
        pen.rectangle((x - 1, y - 1, x + thumb.width, y + thumb.height), outline=_EDGE)
    else:
        pen.rectangle((left, top, left + _SIDE - 1, top + tall - 1), fill=_TILE, outline=_EDGE)
        pen.text((middle, top + tall // 2), word, _COLORS.get(word, _FAINT), _font(word, 17), anchor="mm")
    font = _font(tile.name, 14)
    color = _COLORS.get(tile.state)
    room = _SIDE - (14 if color else 0)
    name = _fitting(pen, tile.name, font, room)
    half = pen.textlength(name, font) / 2
    if color:
        dot = middle - half - 7
        pen.ellipse((dot - 4, top + tall + 14, dot + 4, top + tall + 22), fill=color)
    pen.text((middle + (7 if color else 0), top + tall + 18), name, _INK, font, anchor="mm")


def _thumb(tile: Tile) -> tuple[Image.Image | None, str]:
    """A file made small, or a word for what there is in its place."""
    from PIL import Image

    if tile.file is None:
        return None, tile.state
    try:
        with tile.file.open("rb") as stream:
            kind = kind_of(stream.read(2**17))
        if kind == VIDEO:
            picture = decode_video(tile.file.read_bytes())
        elif kind == PICTURE:
            picture = decode_reference(tile.file)
        else:
            return None, kind or "file"
    except OSError:
        return None, "missing"
    except (BrokenPicture, Undecoded):
        return None, "damaged"
    image = picture.motion.shown if picture.motion else picture.pixels
    small = image.convert("RGB")
    scale = _SIDE / max(small.size)
    if scale < 1:
        size = (max(1, round(small.width * scale)), max(1, round(small.height * scale)))
        small = small.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
    return small, ""


def _font(text: str, size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    from PIL import ImageFont

    wide = any(letter >= _WIDE for letter in text)
    found = (_opened(name, size) for name in ((*_WIDE_FONTS, *_FONTS) if wide else _FONTS))
    return next((font for font in found if font), None) or ImageFont.load_default(size)


@cache
def _opened(name: str, size: int) -> ImageFont.FreeTypeFont | None:
    from PIL import ImageFont

    try:
        return ImageFont.truetype(name, size)
    except OSError:
        return None


def _fitting(pen: ImageDraw.ImageDraw, text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, room: int) -> str:
    """A text on one line that is no wider than so many pixels; what makes names differ is often at their end."""
    text = "".join(letter if letter.isprintable() else " " for letter in text)
    if pen.textlength(text, font) <= room:
        return text
    low, high = 1, len(text)
    while low < high:  # the most letters that fit, half of them from each end
        count = (low + high + 1) // 2
        if pen.textlength(_shortened(text, count), font) <= room:
            low = count
        else:
            high = count - 1
    return _shortened(text, low)


def _shortened(text: str, count: int) -> str:
    return f"{text[: (count + 1) // 2]}…{text[len(text) - count // 2 :]}"

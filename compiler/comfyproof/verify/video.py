"""Videos out of bytes that nobody vouches for: every frame decoded, within bounds, or refused with the reason."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from . import blank
from .picture import BrokenPicture, Motion, Picture, Undecoded, decode_result, is_animated

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream
    from PIL import Image

MAX_BYTES = 2**30
MAX_PIXELS = 2**25  # of one frame
MAX_FRAMES = 20_000
MAX_SECONDS = 300.0  # of decoding

# What ComfyUI writes, or copies from what it was given; no other decoder ever sees the bytes.
CODECS = {"h264": "h264", "vp9": "vp9", "vp8": "vp8", "hevc": "hevc", "av1": "av1", "libdav1d": "av1"}
_EBML, _SEGMENT = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"
# Of 255 levels of a frame of 32 pixels a side: what differs by no more is the same frame, encoded twice.
_SAME, _SIDE = 3, 32


def is_video(data: bytes) -> bool:
    """Whether a file's first bytes speak of an MP4, a WebM or an animated WebP."""
    return data[4:8] == b"ftyp" or data.startswith(_EBML) or is_animated(data)


def decode_video(data: bytes) -> Picture:
    """The first frame of a video, all of whose frames were decoded. Raises BrokenPicture, Undecoded."""
    if len(data) > MAX_BYTES:
        raise Undecoded(f"it has {len(data):,} bytes, over the limit of {MAX_BYTES:,}")
    try:
        if is_animated(data):
            return _decode_webp(data)
        kind = "WebM" if data.startswith(_EBML) else "MP4"
        (_end_of_webm if kind == "WebM" else _end_of_mp4)(data)
        return _decode(kind, data)
    except (BrokenPicture, Undecoded):
        raise
    except Exception as problem:  # damaged bytes lead a decoder to whatever they lead it to
        text = getattr(problem, "strerror", None) or str(problem) or type(problem).__name__
        raise BrokenPicture(f"it cannot be decoded: {text[:200]}") from None


def _end_of_mp4(data: bytes) -> None:
    """Follows the boxes of the file to its end. Raises BrokenPicture."""
    at, kinds = 0, set()
    while at < len(data):
        size, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        head = 16 if size == 1 else 8
        if size == 1:
            size = int.from_bytes(data[at + 8 : at + 16], "big")
        if at + head > len(data) or (size and at + size > len(data)):
            raise BrokenPicture(f"it ends within a box at byte {at:,}")
        if 0 < size < head:
            raise BrokenPicture(f"the box at byte {at:,} has an impossible length")
        kinds.add(kind)
        at = at + size if size else len(data)
    if b"moov" not in kinds:
        raise BrokenPicture("it ends without the box that tells where its frames are")


def _end_of_webm(data: bytes) -> None:
    """Compares the length that its elements tell with the file's. Raises BrokenPicture."""
    head = _element(data, 4)
    at = head[0] + (head[1] or 0)
    if data[at : at + 4] != _SEGMENT:
        raise BrokenPicture("no segment of frames follows its header")
    begin, length = _element(data, at + 4)
    if length is None:
        raise BrokenPicture("its length was never filled in, as where its writer was stopped")
    if begin + length > len(data):
        raise BrokenPicture(f"it has {len(data):,} of {begin + length:,} bytes")
    if begin + length < len(data):
        raise BrokenPicture(f"its end is at byte {begin + length:,} of {len(data):,}")


def _element(data: bytes, at: int) -> tuple[int, int | None]:
    """Where an element's content begins, and its length; None where that was left open."""
    first = data[at] if at < len(data) else 0
    if first == 0:
        raise BrokenPicture(f"it ends within an element at byte {at:,}")
    width = 9 - first.bit_length()
    raw = int.from_bytes(data[at : at + width], "big")
    length = raw & ((1 << 7 * width) - 1)
    return at + width, None if length == (1 << 7 * width) - 1 else length


def _decode(kind: str, data: bytes) -> Picture:
    import av

    # The format is given, never guessed: a playlist would have other files and addresses opened.
    limits = {"codec_whitelist": ",".join(CODECS), "max_pixels": str(MAX_PIXELS)}
    form = "matroska" if kind == "WebM" else "mp4"
    with av.open(io.BytesIO(data), "r", format=form, options=limits, metadata_errors="replace") as source:
        stream = _stream(source)
        reel = _Reel(kind, (stream.width, stream.height))
        for frame in _frames(source, stream):
            reel.add((frame.width, frame.height), frame.time, frame.to_image, partial(_small, frame))
        codec = CODECS[stream.codec_context.name]
        rate = float(stream.average_rate or stream.guessed_rate or 0)
        return reel.picture(codec, rate, _prompt(source.metadata))


def _small(frame: Any) -> Any:
    return frame.reformat(width=_SIDE, height=_SIDE, format="gray").to_ndarray().astype(int)


def _decode_webp(data: bytes) -> Picture:
    from PIL import WebPImagePlugin

    first = decode_result(data)
    with WebPImagePlugin.WebPImageFile(io.BytesIO(data)) as image:
        count = getattr(image, "n_frames", 1)
        reel, watch = _Reel("WebP", image.size, grain=0.001), _Watch()
        for number in range(count):
            image.seek(number)
            image.load()
            watch.saw(number + 1)
            frame = image.convert("RGB")
            begin = image.info.get("timestamp", 0) / 1000
            reel.add(frame.size, begin, frame.copy, partial(_small_of, frame))
    return replace(first, motion=reel.picture("", 0.0, None).motion)


def _small_of(frame: Image.Image) -> Any:
    import numpy
    from PIL import Image

    return numpy.asarray(frame.convert("L").resize((_SIDE, _SIDE), Image.Resampling.BOX), dtype=int)


def _stream(source: InputContainer) -> VideoStream:
    if not source.streams.video:
        raise BrokenPicture("it has no pictures")
    stream = source.streams.video[0]
    context: Any = stream.codec_context
    if context is None or context.name not in CODECS:
        name = getattr(context, "name", "unknown")
        raise Undecoded(f'its codec, "{name[:20]}", is none of {", ".join(sorted(set(CODECS.values())))}')
    if stream.width * stream.height == 0:
        raise BrokenPicture(f"its frames are damaged, or larger than the limit of {MAX_PIXELS:,} pixels")
    if stream.width * stream.height > MAX_PIXELS:
        size = f"{stream.width}x{stream.height}"
        raise BrokenPicture(f"its header says {size}, over the limit of {MAX_PIXELS:,} pixels")
    context.options = {"max_pixels": str(MAX_PIXELS)}
    return stream


@dataclass
class _Watch:
    """Looks at how long decoding takes and how much comes of it."""

    end: float = field(default_factory=lambda: time.monotonic() + MAX_SECONDS)

    def saw(self, frames: int) -> None:
        """Raises Undecoded for too many frames, or too much time."""
        if frames > MAX_FRAMES:
            raise Undecoded(f"it has more than {MAX_FRAMES:,} frames, and the rest was not looked at")
        if time.monotonic() > self.end:
            raise Undecoded(f"decoding it takes more than {MAX_SECONDS:.0f} s; its first {frames:,} frames are whole")


def _frames(source: InputContainer, stream: VideoStream) -> Iterator[Any]:
    """Every frame. Raises BrokenPicture for one that is damaged or missing, Undecoded for too many."""
    packets = hidden = frames = 0
    watch = _Watch()
    for packet in source.demux(stream):
        packets += packet.size > 0
        hidden += packet.size > 0 and packet.is_discard  # an edit list leaves it out
        for frame in packet.decode():
            frames += 1
            if frame.is_corrupt:
                raise BrokenPicture(f"its frame {frames:,} is damaged")
            yield frame
        watch.saw(frames)
    wanted = max(packets, stream.frames, _lasting(source, stream)) - hidden
    if 0 < frames < wanted:
        raise BrokenPicture(f"only {frames:,} of its {wanted:,} frames can be decoded")


def _lasting(source: InputContainer, stream: VideoStream) -> int:
    """How many frames fill a WebM's time, at least: it counts none, and damage in it is skipped without a word."""
    counted = "matroska" not in source.format.name or source.streams.audio
    if counted or not source.duration or not stream.average_rate:
        return 0
    return int(source.duration / 1_000_000 * stream.average_rate) - 1


def _prompt(metadata: dict[str, str]) -> str | None:
    # WebM knows its keys in capitals only
    return next((text for key, text in metadata.items() if key.lower() == "prompt"), None)


@dataclass
class _Reel:
    """What is kept of the frames as they go by; `grain` is how exact their times are, None for whole milliseconds."""

    kind: str
    size: tuple[int, int]
    grain: float | None = None
    frames: int = 0
    begin: float | None = None
    end: float = 0.0
    first: Image.Image | None = None
    shown: Image.Image | None = None
    small: Any = None
    still: bool = True

    def add(
        self, size: tuple[int, int], at: float | None, image: Callable[[], Image.Image], small: Callable[[], Any]
    ) -> None:
        """Looks at a frame, as far as it tells anything new. Raises BrokenPicture where its size is another."""
        self.frames += 1
        if size != self.size:
            was, now = ("x".join(map(str, each)) for each in (self.size, size))
            raise BrokenPicture(f"its frames are {was}, and frame {self.frames:,} is {now}")
        if at is not None:
            self.begin, self.end = at if self.begin is None else self.begin, at
        if self.still:
            seen = small()
            self.small = seen if self.small is None else self.small
            self.still = bool(abs(seen - self.small).max() <= _SAME)
        if self.shown is None:
            picture = Picture(self.kind, size, image(), False)
            self.first = self.first or picture.pixels
            self.shown = None if blank.spread(picture).flat else picture.pixels

    def picture(self, codec: str, rate: float, prompt: str | None) -> Picture:
        """The first frame, with what was seen of all; `rate` counts for a single one. Raises BrokenPicture for none."""
        if self.first is None:
            raise BrokenPicture("it has no frames")
        between = self.frames - 1
        took = self.end - self.begin if self.begin is not None else 0.0
        fps = between / took if between and took > 0 else rate
        grain = self.grain if self.grain is not None else 0.001 / max(1, between)
        motion = Motion(codec, self.frames, fps, grain, self.still, self.shown or self.first, prompt)
        return Picture(self.kind, self.size, self.first, False, motion)

"""What ComfyUI embeds in the files that it saves: the prompt that made one, and the workflow in the editor."""

from __future__ import annotations

import io
import json
import re
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from .containers.models import glb, safetensors
from .containers.pictures import jpeg, png, svg, webp
from .containers.sound import flac, mp3, ogg
from .containers.video import matroska, mp4
from .containers.window import MAX_JSON, BrokenFile, Texts, Window

HEAD = 16  # bytes that tell the kind of a file

# kind -> how such a file begins, and who reads it
_KINDS: dict[str, tuple[re.Pattern[bytes], Callable[[Window], Texts]]] = {
    "PNG": (re.compile(rb"\x89PNG\r\n\x1a\n"), png),
    "WebP": (re.compile(rb"RIFF....WEBP", re.DOTALL), webp),
    "JPEG": (re.compile(rb"\xff\xd8\xff"), jpeg),
    "MP4": (re.compile(rb"....(ftyp(?!avi|hei|mif|msf)|moov|mdat|wide|free)", re.DOTALL), mp4),
    "WebM": (re.compile(rb"\x1a\x45\xdf\xa3"), matroska),
    "FLAC": (re.compile(rb"fLaC"), flac),
    "Ogg": (re.compile(rb"OggS"), ogg),
    "MP3": (re.compile(rb"ID3|\xff[\xe2-\xe7\xf2-\xf7\xfa\xfb]"), mp3),
    "glTF": (re.compile(rb"glTF"), glb),
    "safetensors": (re.compile(rb".{5}\0\0\0\{", re.DOTALL), safetensors),
    "SVG": (re.compile(rb"(\xef\xbb\xbf)?\s*<(svg|\?xml|!DOCTYPE svg|!--)"), svg),
}
# Names under which other programs tell what a picture was made with; none of it is a workflow.
_FOREIGN = ("parameters", "invokeai_metadata", "sd-metadata", "dream")
_SETTINGS = re.compile(r"^.*\bSteps: \d+, ", re.MULTILINE)


class Embedded(NamedTuple):
    """What a file says of its making, as text: the API JSON that ran, the UI JSON of the editor.

    `parameters` are what other programs write there: settings in words, not a workflow.
    """

    kind: str
    prompt: str | None = None
    workflow: str | None = None
    parameters: str | None = None


def kind_of(head: bytes) -> str | None:
    """The kind of a file by its first HEAD bytes, None where it is none that could have anything embedded."""
    return next((kind for kind, (begin, _) in _KINDS.items() if begin.match(head)), None)


def read_embedded(file: str | Path | bytes) -> Embedded:
    """What is embedded in a file, or in its bytes, without a look at its pixels, sounds and tensors.

    A file that is cut off behind the texts is read; of texts that occur twice, the last counts.
    Raises OSError, and BrokenFile for one that is damaged or of another kind.
    """
    if isinstance(file, bytes):
        return _read(io.BytesIO(file))
    if not stat.S_ISREG(Path(file).stat().st_mode):  # a pipe would be waited for
        raise BrokenFile("it is not a regular file")
    with Path(file).open("rb") as stream:
        return _read(stream)


def _read(stream: BinaryIO) -> Embedded:
    kind = kind_of(stream.read(HEAD))
    if kind is None:
        raise BrokenFile("it is of no kind that ComfyUI embeds workflows in")
    found: dict[str, str] = {}
    try:
        for name, text in _KINDS[kind][1](Window(stream)):
            found.update(_told(name.casefold(), text))
    except BrokenFile:
        if not found:
            raise
    return Embedded(kind, found.get("prompt"), found.get("workflow"), found.get("parameters"))


def _told(name: str, text: str) -> dict[str, str]:
    """What one text of a file tells."""
    if name in ("prompt", "workflow"):
        return {name: text}
    if name in _FOREIGN:
        return {"parameters": text}
    if name != "comment":
        return {}
    if text.lstrip()[:1] == "{" and len(text) <= MAX_JSON:
        return _unwrapped(text)
    return {"parameters": text} if _SETTINGS.search(text) else {}


def _unwrapped(text: str) -> dict[str, str]:
    """The two texts of a comment that holds both as JSON, as several packs of nodes write it."""
    try:
        found: Any = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    both = {name: found[name] for name in ("prompt", "workflow") if found.get(name)}
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in both.items()}

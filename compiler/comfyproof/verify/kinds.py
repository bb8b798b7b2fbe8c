"""Kinds of files by their first bytes: what they are, and the endings they get here."""

from __future__ import annotations

import re

from .picture import format_of
from .video import is_video

PICTURE, VIDEO, SOUND, MODEL, LATENT, DRAWING = "picture", "video", "sound", "3D model", "latent", "drawing"

_SOUNDS = {b"fLaC": ".flac", b"ID3": ".mp3", b"OggS": ".ogg"}
_LATENT = re.compile(rb"\{[^\0]{0,100000}?\"latent_tensor\"", re.DOTALL)
_DRAWING = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]{0,200}>\s*)?(?:<!--.{0,2000}?-->\s*)?<svg[\s>]", re.DOTALL)
_HEAD = 2**17
# Endings by which a server's file is known to be of a kind, whatever its node.
_NAMED = {
    PICTURE: (".png", ".jpg", ".jpeg", ".webp"),
    VIDEO: (".mp4", ".webm", ".mkv", ".mov"),
    SOUND: (".flac", ".mp3", ".opus", ".ogg", ".wav"),
    MODEL: (".glb",),
    LATENT: (".latent",),
}
# What no bytes tell apart; nothing on a desktop runs a file with one of these endings.
_PLAIN = frozenset(
    {".obj", ".ply", ".stl", ".fbx", ".gltf", ".usdz", ".splat", ".txt", ".json", ".csv", ".srt", ".vtt", ".npy"}
    | {".npz", ".exr", ".hdr", ".mid", ".aac", ".m4a", ".bvh", ".log", ".md", ".yaml", ".safetensors"}
)


def kind_of(data: bytes) -> str:
    """What a file is by its first bytes; empty where they say nothing."""
    if is_video(data):
        return VIDEO
    if format_of(data):
        return PICTURE
    return {".glb": MODEL, ".latent": LATENT, ".svg": DRAWING}.get(ending := _ending(data), SOUND if ending else "")


def named(filename: str) -> str:
    """What a server's file claims to be by its name; empty where that says nothing."""
    name = filename.casefold()
    return next((kind for kind, endings in _NAMED.items() if name.endswith(endings)), "")


def ending_of(data: bytes, filename: str) -> str:
    """A file's ending by its bytes; of a server's own only one that is known to be harmless."""
    if kind := format_of(data):
        return {"JPEG": ".jpg"}.get(kind, f".{kind.casefold()}")
    if data.startswith(b"\x1a\x45\xdf\xa3"):
        return ".webm"
    if data[4:8] == b"ftyp":
        return ".mp4"
    claimed = "." + filename.rpartition(".")[2].casefold()
    return _ending(data) or (claimed if claimed in _PLAIN and not _is_page(data) else ".bin")


def _ending(data: bytes) -> str:
    """The ending of what is neither picture nor video; empty where the bytes say nothing."""
    for magic, ending in _SOUNDS.items():
        if data.startswith(magic):
            return ".opus" if ending == ".ogg" and b"OpusHead" in data[:200] else ending
    if data[:4] == b"RIFF" and data[8:12] == b"WAVE":
        return ".wav"
    if len(data) > 3 and data[0] == 0xFF and data[1] & 0xE6 == 0xE2 and data[2] >> 4 not in (0, 15):
        return ".mp3"  # without tags it begins with its first frame, of layer III
    if data.startswith(b"glTF"):
        return ".glb"
    if data[8:9] == b"{" and _LATENT.match(data, 8, _HEAD):
        return ".latent"
    return ".svg" if _DRAWING.match(data, 0, _HEAD) else ""


def _is_page(data: bytes) -> bool:
    """Whether a file is a web page, which a browser would run."""
    return bool(re.search(rb"<(?:!doctype|html|script|svg)", data[:2000], re.IGNORECASE))

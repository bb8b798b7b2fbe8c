"""Sounds, 3D models and latents out of bytes that nobody vouches for: whole, or refused with the reason."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .kinds import LATENT, MODEL, SOUND, ending_of
from .picture import BrokenPicture, Undecoded
from .video import MAX_SECONDS

MAX_HEADER = 2**25
MAX_SAMPLES = 2**31  # of one channel
# What ComfyUI writes; no other decoder ever sees the bytes.
_FORMS = {".flac": "flac", ".mp3": "mp3", ".opus": "ogg", ".ogg": "ogg", ".wav": "wav"}
_CODECS = "flac,mp3float,mp3,opus,libopus,vorbis,pcm_s16le,pcm_s24le,pcm_s32le,pcm_f32le"
_LAST_PAGE = 4


@dataclass(frozen=True, slots=True)
class File:
    """A whole file: what is told of it, its embedded prompt, and of a sound the highest level (1 is full scale)."""

    told: str
    prompt: str | None = None
    peak: float | None = None


def examine(kind: str, data: bytes) -> File:
    """A file of this kind, looked at to its end. Raises BrokenPicture, and Undecoded where it cannot be looked at."""
    if not data:
        raise BrokenPicture("it is empty")
    if kind in (SOUND, MODEL, LATENT) and data.lstrip()[:1] in (b"<", b"["):
        raise BrokenPicture(f"it is a text (HTML or JSON), not a {kind}")
    try:
        if kind == SOUND:
            return _sound(data)
        if kind == MODEL:
            return _model(data)
        if kind == LATENT:
            return _latent(data)
    except (BrokenPicture, Undecoded):
        raise
    except Exception as problem:  # damaged bytes lead a decoder to whatever they lead it to
        text = getattr(problem, "strerror", None) or str(problem) or type(problem).__name__
        raise BrokenPicture(f"it cannot be decoded: {text[:200]}") from None
    raise Undecoded("nothing here knows how to look into a file of this kind")


def _sound(data: bytes) -> File:
    import av

    ending = ending_of(data, "")
    form = _FORMS.get(ending)
    if form is None:
        raise BrokenPicture("it is neither FLAC, MP3, Opus nor WAV")
    if ending == ".wav" and len(data) < (length := 8 + int.from_bytes(data[4:8], "little")):
        raise BrokenPicture(f"it has {len(data):,} of {length:,} bytes")
    if ending == ".mp3":
        _end_of_mp3(data)
    if form == "ogg":
        _end_of_ogg(data)
    options = {"codec_whitelist": _CODECS}
    with av.open(io.BytesIO(data), "r", format=form, options=options, metadata_errors="replace") as source:
        if not source.streams.audio:
            raise BrokenPicture("it has no sound")
        stream = source.streams.audio[0]
        if ending == ".flac":  # every frame of it has a checksum, which is only looked at if asked for
            stream.codec_context.options = {"err_detect": "crccheck+explode"}
        samples, peak, until = 0, 0.0, time.monotonic() + MAX_SECONDS
        for frame in source.decode(stream):
            if frame.is_corrupt:
                raise BrokenPicture(f"it is damaged after {samples / frame.sample_rate:.2f} s")
            samples += frame.samples
            peak = max(peak, _level(frame.to_ndarray()))
            if samples > MAX_SAMPLES or time.monotonic() > until:
                raise Undecoded(f"it is long: its first {samples / frame.sample_rate:.0f} s are whole")
        rate, channels = stream.codec_context.sample_rate, stream.codec_context.channels
        metadata = {**source.metadata, **stream.metadata}
    wanted = int.from_bytes(data[21:26], "big") & (2**36 - 1) if ending == ".flac" else 0
    if samples < wanted or not samples:
        raise BrokenPicture(f"only {samples:,} of its {wanted:,} samples can be decoded")
    prompt = next((text for key, text in metadata.items() if key.casefold() == "prompt"), None)
    told = ", ".join(
        (
            "Opus" if ending == ".opus" else ending[1:].upper(),
            f"{channels} channel{'s' * (channels != 1)}",
            f"{rate:,} Hz",
            f"{samples / rate:.2f} s",
            f"{len(data):,} bytes" + "; the format has no checksums" * (ending in (".mp3", ".wav")),
        )
    )
    return File(told, prompt, peak)


def _level(samples: Any) -> float:
    """The highest level in some samples, of full scale."""
    import numpy

    if not samples.size:
        return 0.0
    highest = float(numpy.abs(samples.astype(numpy.float64)).max())
    return highest / -float(numpy.iinfo(samples.dtype).min) if samples.dtype.kind == "i" else highest


def _end_of_mp3(data: bytes) -> None:
    """Compares the length that its first frame may tell, after the tags, with the file's. Raises BrokenPicture."""
    begin = 0
    if data.startswith(b"ID3"):
        begin = 10 + sum((byte & 127) << shift for byte, shift in zip(data[6:10], (21, 14, 7, 0), strict=False))
    at = max(data.find(mark, begin, begin + 200) for mark in (b"Xing", b"Info"))
    if at < 0 or data[at + 7] & 2 == 0:
        return
    told = at + 8 + 4 * (data[at + 7] & 1)
    length = begin + int.from_bytes(data[told : told + 4], "big")
    if len(data) < length:
        raise BrokenPicture(f"it has {len(data):,} of {length:,} bytes")


def _end_of_ogg(data: bytes) -> None:
    """Follows the pages of an Ogg file to its last. Raises BrokenPicture."""
    at = last = 0
    while at < len(data):
        if data[at : at + 4] != b"OggS" or at + 27 > len(data):
            raise BrokenPicture(f"it ends within a page at byte {at:,}")
        last, table = data[at + 5] & _LAST_PAGE, data[at + 27 : at + 27 + data[at + 26]]
        at += 27 + data[at + 26] + sum(table)
    if at != len(data) or not last:
        raise BrokenPicture("it ends without its last page")


def _model(data: bytes) -> File:
    """Follows the chunks of a binary glTF."""
    length = int.from_bytes(data[8:12], "little")
    if not data.startswith(b"glTF"):
        raise BrokenPicture("it is no binary glTF")
    if length != len(data):
        raise BrokenPicture(f"it has {len(data):,} of {length:,} bytes")
    size, at = int.from_bytes(data[12:16], "little"), 20
    if data[16:20] != b"JSON" or at + size > length:
        raise BrokenPicture("it does not begin with its description")
    described, at = _json(data[at : at + size]), at + size
    while at < length:
        at += 8 + int.from_bytes(data[at : at + 4], "little")
    if at != length:
        raise BrokenPicture("it ends within a chunk")
    meshes = described.get("meshes")
    count = len(meshes) if isinstance(meshes, list) else 0
    asset = described.get("asset")
    extras = asset.get("extras") if isinstance(asset, Mapping) else None
    prompt = extras.get("prompt") if isinstance(extras, Mapping) else None
    told = f"GLB, {count} mesh{'es' * (count != 1)}, {length:,} bytes; the format has no checksums"
    return File(told, prompt if isinstance(prompt, str) else None)


def _latent(data: bytes) -> File:
    """Compares what the header of a safetensors file says of its tensors with its length."""
    size = int.from_bytes(data[:8], "little")
    if size > min(MAX_HEADER, len(data) - 8):
        raise BrokenPicture("it ends within its header")
    header = _json(data[8 : 8 + size])
    metadata = header.pop("__metadata__", None)
    tensors = {name: each for name, each in header.items() if isinstance(each, Mapping)}
    latent = tensors.get("latent_tensor")
    if latent is None:
        raise BrokenPicture("it holds no latent")
    end = 8 + size + max(int(each["data_offsets"][1]) for each in tensors.values())
    if end != len(data):
        raise BrokenPicture(f"its end is at byte {end:,} of {len(data):,}")
    shape = "x".join(str(int(side)) for side in list(latent["shape"])[:6])
    prompt = metadata.get("prompt") if isinstance(metadata, Mapping) else None
    told = f"latent, {shape}, {len(data):,} bytes; the format has no checksums"
    return File(told, prompt if isinstance(prompt, str) else None)


def _json(data: bytes) -> dict[str, Any]:
    found = json.loads(data[:MAX_HEADER])
    if not isinstance(found, dict):
        raise BrokenPicture("its header is no mapping")
    return found

"""Sound: read from files and written to them with PyAV, as ComfyUI does, cut, joined and mixed."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from .folders import save_place
from .pixels_video import open_media
from .tensors import odd_one
from .values import MAX_SAMPLES, Audio, Latent, Model, Run, Shown, TooLarge

# [batch, channels, samples], -1 to 1
Waveform: TypeAlias = NDArray[np.float32]

_OPUS_RATES = (8000, 12000, 16000, 24000, 48000)
_BLOCK = 1 << 20
_BYTES = {"64k": 64_000, "96k": 96_000, "128k": 128_000, "192k": 192_000, "320k": 320_000}


def check_length(samples: float) -> None:
    """Raises TooLarge for more samples than the emulator holds, of all channels together."""
    if not samples <= MAX_SAMPLES:
        raise TooLarge("a sound is longer than the emulator holds")


def load_audio(run: Run, *, audio: Any) -> tuple[Audio]:
    """The first sound of a file. Raises ValueError where there is none, TooLarge."""
    return (sound_of(run.folders.annotated(audio)),)


def sound_of(path: Path) -> Audio:
    """The first sound of a file. Raises ValueError where there is none, TooLarge."""
    import av

    try:
        source = open_media(path)
    except av.error.ArgumentError:  # a file of a kind that holds no sound, a picture for one
        raise ValueError("No audio stream found in the file.") from None
    with source:
        if not source.streams.audio:
            raise ValueError("No audio stream found in the file.")
        stream = source.streams.audio[0]
        parts: list[NDArray[Any]] = []
        samples = 0
        for frame in source.decode(stream):
            part = frame.to_ndarray()
            samples += part.size
            check_length(samples)
            parts.append(part if part.shape[0] == stream.channels else part.reshape(-1, stream.channels).T)
        if not parts:
            raise ValueError("No audio frames decoded.")
        waveform = np.concatenate(parts, axis=1)
        if waveform.dtype.kind == "i":
            waveform = waveform / np.float32(2 ** (8 * waveform.dtype.itemsize - 1))
        elif waveform.dtype.kind == "u":
            raise ValueError(f"Unsupported wav dtype: torch.{waveform.dtype}")
        return Audio(waveform[None].astype(np.float32), stream.codec_context.sample_rate or 1)


def save_audio(run: Run, *, audio: Audio, filename_prefix: str = "audio/ComfyUI") -> Shown:
    """A FLAC for each of a batch, in the output folder, with the prompt in it."""
    return _save(run, audio, "output", filename_prefix, "flac")


def save_audio_mp3(run: Run, *, audio: Audio, filename_prefix: str = "audio/ComfyUI", quality: str = "V0") -> Shown:
    """The same as MP3."""
    return _save(run, audio, "output", filename_prefix, "mp3", quality)


def save_audio_opus(run: Run, *, audio: Audio, filename_prefix: str = "audio/ComfyUI", quality: str = "128k") -> Shown:
    """The same as Opus, at one of the rates that it knows."""
    return _save(run, audio, "output", filename_prefix, "opus", quality)


def preview_audio(run: Run, *, audio: Audio) -> Shown:
    """A FLAC for each of a batch, in the temp folder."""
    return _save(run, audio, "temp", f"ComfyUI_temp_{run.session}", "flac")


def _save(run: Run, audio: Audio, kind: str, prefix: str, format: str, quality: str = "") -> Shown:
    place = save_place(run.folders, kind, prefix, 0, 0)
    if format == "opus":
        audio = resampled(audio, next((rate for rate in _OPUS_RATES if rate >= audio.rate), _OPUS_RATES[-1]))
    saved = []
    for number, waveform in enumerate(audio.waveform):
        name = place.name.replace("%batch_num%", str(number))
        file = f"{name}_{place.counter + number:05}_.{format}"
        path = run.folders.inside(kind, place.subfolder, file)
        _write(path, waveform, audio.rate, format, quality, {"prompt": run.prompt, **(run.extra_pnginfo or {})})
        saved.append({"filename": file, "subfolder": place.subfolder, "type": kind})
    return Shown({"audio": saved})


def _write(
    path: Path, waveform: NDArray[np.float32], rate: int, format: str, quality: str, metadata: dict[str, Any]
) -> None:
    import av

    layout = "mono" if waveform.shape[0] == 1 else "stereo"
    codec = {"opus": "libopus", "mp3": "libmp3lame"}.get(format, format)
    with av.open(str(path), "w", format=format) as target:
        for key, value in metadata.items():
            target.metadata[key] = json.dumps(value)
        stream: Any = target.add_stream(codec, rate=rate, layout=layout)
        if quality == "V0":
            stream.codec_context.qscale = 1
        elif quality:
            stream.bit_rate = _BYTES[quality]
        mixed = np.ascontiguousarray(waveform.T.reshape(1, -1))
        frame = av.AudioFrame.from_ndarray(mixed, format="flt", layout=layout)
        frame.sample_rate, frame.pts = rate, 0
        target.mux(stream.encode(frame))
        target.mux(stream.encode(None))


def empty_audio(run: Run, *, duration: float, sample_rate: int, channels: int) -> tuple[Audio]:
    """Silence. Raises TooLarge, ValueError for a length below nothing."""
    samples = duration * sample_rate
    check_length(samples * channels)
    if samples < 0:
        raise ValueError(f"silence of {duration} seconds at {sample_rate} samples a second has no samples")
    return (Audio(np.zeros((1, channels, round(samples)), np.float32), sample_rate),)


def trim_audio(run: Run, *, audio: Audio, start_index: float, duration: float) -> tuple[Audio]:
    """A stretch of a sound, in seconds; a start below 0 counts from the end."""
    length = audio.waveform.shape[2]
    start = round(start_index * audio.rate) + (length if start_index < 0 else 0)
    start = max(0, min(start, length - 1))
    end = max(0, min(start + round(duration * audio.rate), length))
    if start >= end:
        raise ValueError("AudioTrim: Start time must be less than end time and be within the audio length.")
    return (replace(audio, waveform=audio.waveform[..., start:end]),)


def split_channels(run: Run, *, audio: Audio) -> tuple[Audio, Audio]:
    """The left and the right channel."""
    if audio.waveform.shape[1] != 2:
        raise ValueError("AudioSplit: Input audio has only one channel.")
    left, right = audio.waveform[:, :1], audio.waveform[:, 1:]
    return replace(audio, waveform=left), replace(audio, waveform=right)


def concat_audio(run: Run, *, audio1: Audio, audio2: Audio, direction: str) -> tuple[Audio]:
    """Two sounds one after the other, in stereo."""
    first, second = _alike(_stereo(audio1), _stereo(audio2))
    check_length(first.waveform.size + second.waveform.size)
    order = (first, second) if direction == "after" else (second, first)
    if len(first.waveform) != len(second.waveform):
        raise odd_one(2, len(order[0].waveform), len(order[1].waveform))
    return (replace(first, waveform=np.concatenate([one.waveform for one in order], axis=2)),)


def _stereo(audio: Audio) -> Audio:
    return replace(audio, waveform=np.repeat(audio.waveform, 2, axis=1)) if audio.waveform.shape[1] == 1 else audio


def _alike(first: Audio, second: Audio) -> tuple[Audio, Audio]:
    """Both at the higher rate of the two."""
    rate = max(first.rate, second.rate)
    return resampled(first, rate), resampled(second, rate)


_MERGES: Mapping[str, Callable[[Waveform, Waveform], Waveform]] = {
    "add": lambda one, other: one + other,
    "subtract": lambda one, other: one - other,
    "multiply": lambda one, other: one * other,
    "mean": lambda one, other: (one + other) * np.float32(0.5),
}


def merge_audio(run: Run, *, audio1: Audio, audio2: Audio, merge_method: str) -> tuple[Audio]:
    """Two sounds at the same time, as long as the first; quieter where they would be too loud."""
    first, second = _alike(audio1, audio2)
    one, other = first.waveform, second.waveform[..., : first.waveform.shape[2]]
    other = np.pad(other, ((0, 0), (0, 0), (0, one.shape[2] - other.shape[2])))
    mixed = _MERGES[merge_method](one, other)
    loudest = np.abs(mixed).max()
    return (replace(first, waveform=mixed / loudest if loudest > 1.0 else mixed),)


def adjust_volume(run: Run, *, audio: Audio, volume: int) -> tuple[Audio]:
    """A sound louder by so many decibels."""
    return (audio if volume == 0 else replace(audio, waveform=audio.waveform * np.float32(10 ** (volume / 20))),)


def resampled(audio: Audio, rate: int) -> Audio:
    """A sound at another rate, by a windowed sinc over six of the slower one's samples. Raises TooLarge."""
    if rate == audio.rate:
        return audio
    common = math.gcd(rate, audio.rate)
    have, want = audio.rate // common, rate // common
    base = min(have, want) * 0.99
    width = math.ceil(6 * have / base)
    length = audio.waveform.shape[2]
    count = length // have + 1
    check_length(audio.waveform.size * want / have + want * (2 * width + have))
    t = (np.arange(-width, width + have)[None] / have - np.arange(want)[:, None] / want) * base
    t = np.clip(t, -6, 6)
    taps = (np.sinc(t) * np.cos(t * np.pi / 12) ** 2 * base / have).astype(np.float32)
    wide = np.pad(audio.waveform, ((0, 0), (0, 0), (width, width + have)))
    views = sliding_window_view(wide, 2 * width + have, axis=2)[:, :, ::have]
    parts = [views[:, :, first : first + _BLOCK // want + 1] @ taps.T for first in range(0, count, _BLOCK // want + 1)]
    found = np.concatenate(parts, axis=2).reshape(*wide.shape[:2], -1)
    return Audio(found[..., : math.ceil(want * length / have)], rate)


def vae_decode_audio(run: Run, *, samples: Latent, vae: Model) -> tuple[Audio]:
    """A soft chord as long as the latent says; no model runs."""
    length = samples.width // samples.cell * (2048 if samples.axes == 1 else 4096)
    check_length(length * samples.batch * 2)
    t = np.arange(length, dtype=np.float32) / np.float32(44100)
    tones = np.array([220.0, 277.18, 329.63], np.float32)[:, None]
    chord = np.float32(0.1) * np.sin(np.float32(2 * np.pi) * tones * t).sum(axis=0)
    waveform = np.broadcast_to(chord.astype(np.float32), (samples.batch, 2, length))
    return (Audio(waveform, 44100),)


def vae_encode_audio(run: Run, *, audio: Audio, vae: Model) -> tuple[Latent]:
    """A latent as long as a sound."""
    length = max(1, round(audio.waveform.shape[2] * 44100 / audio.rate / 2048))
    check_length(length * 8 * 8 * audio.waveform.shape[0])
    return (Latent(length * 8, 8, audio.waveform.shape[0], axes=1),)

"""Nodes that make videos: read from files and written to them with PyAV, as ComfyUI does; and latents of videos."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .families import family_of
from .folders import save_place
from .models import conditioned
from .pixels_latent import cell_of, empty_of, whole_frames
from .pixels_resize import fitted
from .values import (
    MAX_PIXELS,
    MAX_SAMPLES,
    Audio,
    Clip,
    Conditioning,
    Frames,
    Latent,
    Mask,
    Model,
    Picture,
    Run,
    Shown,
    TooLarge,
    Video,
    check_size,
    facts_of,
)

if TYPE_CHECKING:
    from av.container import InputContainer, OutputContainer
    from av.video.stream import VideoStream

MAX_FRAMES = 4096
# Containers alone: a playlist would have files and addresses opened that its writer chose.
_FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,gif,mpegts,flv,ogg,asf,mp3,wav,flac,aac,aiff"
_ENCODERS: Mapping[str, tuple[str, str, Mapping[str, str]]] = {
    "vp9": ("libvpx-vp9", "yuv420p", {}),
    "av1": ("libsvtav1", "yuv420p10le", {"preset": "6"}),
}


def load_video(run: Run, *, file: str) -> tuple[Clip]:
    """A video in the input folder, which is opened where its frames are wanted."""
    return (Clip(run.folders.annotated(file)),)


def get_video_components(run: Run, *, video: Video) -> tuple[Picture, Audio | None, float]:
    """The frames of a video, its sound, None where it has none, and its frames a second."""
    frames = _opened(video)
    return frames.images, frames.audio, float(frames.rate)


def create_video(run: Run, *, images: Picture, fps: float, audio: Any = None) -> tuple[Frames]:
    """Pictures as a video; the sound of a node that is a stand-in is none."""
    return (Frames(images, Fraction(fps), audio if isinstance(audio, Audio) else None),)


def save_video(
    run: Run, *, video: Video, filename_prefix: str = "video/ComfyUI", format: str = "auto", codec: str = "auto"
) -> Shown:
    """An MP4 in the output folder with the prompt in it; a file that is one already keeps its streams."""
    if isinstance(video, Clip):
        return _save_file(run, video, filename_prefix, format, codec)
    height, width = video.images.shape[1:3]
    path, shown = _place(run, filename_prefix, width, height, ".mp4")
    _write_mp4(path, video, {**(run.extra_pnginfo or {}), "prompt": run.prompt})
    return shown


def _save_file(run: Run, video: Clip, prefix: str, format: str, codec: str) -> Shown:
    import av

    metadata = {**(run.extra_pnginfo or {}), "prompt": run.prompt}
    with open_media(video.path) as source:
        stream = _stream(source, video.path)
        path, shown = _place(run, prefix, stream.width, stream.height, ".mp4")
        other_format = format != "auto" and format not in source.format.name.split(",")
        if not other_format and codec in ("auto", stream.codec.name):
            with av.open(str(path), "w", options={"movflags": "use_metadata_tags"}) as target:
                _copy(source, target, metadata)
            return shown
    _write_mp4(path, _opened(video), metadata)
    return shown


def _copy(source: InputContainer, target: OutputContainer, metadata: Mapping[str, Any]) -> None:
    """The streams of a file as they are, under the file's own metadata and further ones."""
    target.metadata.update({key: value for key, value in source.metadata.items() if key not in metadata})
    target.metadata.update({k: v if isinstance(v, str) else json.dumps(v) for k, v in metadata.items()})
    streams = {
        stream.index: target.add_stream_from_template(stream, opaque=True)
        for stream in (*source.streams.video, *source.streams.audio)
    }
    for packet in source.demux():
        if packet.stream.index in streams and packet.dts is not None:
            packet.stream = streams[packet.stream.index]
            target.mux(packet)


def save_webm(run: Run, *, images: Picture, codec: str, fps: float, filename_prefix: str, crf: float) -> Shown:
    """A WebM in the output folder with the prompt in it."""
    import av

    path, shown = _place(run, filename_prefix, images.shape[2], images.shape[1], ".webm")
    encoder, form, options = _ENCODERS[codec]
    with av.open(str(path), "w") as target:
        for key, value in {"prompt": run.prompt, **(run.extra_pnginfo or {})}.items():
            target.metadata[key] = json.dumps(value)
        stream: Any = target.add_stream(encoder, rate=Fraction(round(fps * 1000), 1000))
        stream.width, stream.height, stream.pix_fmt = images.shape[2], images.shape[1], form
        stream.bit_rate = 0
        stream.options = {"crf": str(crf), **options}
        _encode(target, stream, images)
    return shown


def _write_mp4(path: Path, video: Frames, metadata: Mapping[str, Any]) -> None:
    import av

    with av.open(str(path), "w", options={"movflags": "use_metadata_tags"}) as target:
        for key, value in metadata.items():
            target.metadata[key] = json.dumps(value)
        rate = Fraction(round(video.rate * 1000), 1000)
        stream: Any = target.add_stream("h264", rate=rate)
        stream.width, stream.height, stream.pix_fmt = video.images.shape[2], video.images.shape[1], "yuv420p"
        sound: Any = target.add_stream("aac", rate=video.audio.rate) if video.audio else None
        _encode(target, stream, video.images)
        if video.audio and sound is not None:
            _encode_sound(target, sound, video.audio, math.ceil(video.audio.rate / rate * len(video.images)))


def _encode(target: OutputContainer, stream: VideoStream, images: Picture) -> None:
    from av import VideoFrame

    for one in images:
        pixels = np.clip(one[..., :3] * np.float32(255.0), 0, 255).astype(np.uint8)
        frame = VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
        target.mux(stream.encode(frame.reformat(format=stream.pix_fmt)))
    target.mux(stream.encode(None))


def _encode_sound(target: OutputContainer, stream: Any, audio: Audio, samples: int) -> None:
    from av import AudioFrame

    waveform = audio.waveform[:, :, :samples]
    mixed = np.ascontiguousarray(np.moveaxis(waveform, 2, 1).reshape(1, -1), dtype=np.float32)
    frame = AudioFrame.from_ndarray(mixed, format="flt", layout="mono" if waveform.shape[1] == 1 else "stereo")
    frame.sample_rate, frame.pts = audio.rate, 0
    target.mux(stream.encode(frame))
    target.mux(stream.encode(None))


def _place(run: Run, prefix: str, width: int, height: int, ending: str) -> tuple[Path, Shown]:
    """Where a video goes, and what a client is shown of it."""
    place = save_place(run.folders, "output", prefix, width, height)
    file = f"{place.name}_{place.counter:05}_{ending}"
    saved = [{"filename": file, "subfolder": place.subfolder, "type": "output"}]
    return run.folders.inside("output", place.subfolder, file), Shown({"images": saved, "animated": [True]})


def open_media(path: Path) -> InputContainer:
    """A file of video or sound, of the kinds that name no other file. Raises OSError, av.FFmpegError."""
    import av

    options = {"format_whitelist": _FORMATS, "protocol_whitelist": "file"}
    return av.open(str(path), container_options=options, metadata_errors="replace")


def _stream(source: InputContainer, path: Path) -> VideoStream:
    """The first video stream, whose frames are fit to be decoded. Raises ValueError, TooLarge."""
    if not source.streams.video:
        raise ValueError(f"No video stream found in file '{path}'")
    stream = source.streams.video[0]
    check_size(stream.width, stream.height)
    return stream


def _opened(video: Video) -> Frames:
    if isinstance(video, Frames):
        return video
    with open_media(video.path) as source:
        stream = _stream(source, video.path)
        frames = np.stack(list(_decoded(source, stream, video.path.name))).astype(np.float32)
        frames /= np.float32(255.0)
        source.seek(0)
        return Frames(frames, Fraction(stream.average_rate or 1), _sound(source))


def _decoded(source: InputContainer, stream: VideoStream, name: str) -> Iterable[Any]:
    pixels = 0
    for number, frame in enumerate(source.decode(stream)):
        pixels += frame.width * frame.height
        if pixels > MAX_PIXELS or number >= MAX_FRAMES:
            raise TooLarge(f'"{name}" has more frames than the emulator holds')
        yield frame.to_ndarray(format="rgb24")


def _sound(source: InputContainer) -> Audio | None:
    """The waveform of the last sound stream that has any."""
    audio = None
    for stream in source.streams.audio:
        parts, samples = [], 0
        for frame in source.decode(stream):
            parts.append(frame.to_ndarray())
            samples += parts[-1].size
            if samples > MAX_SAMPLES:
                raise TooLarge("a sound is longer than the emulator holds")
        if parts:
            audio = Audio(np.concatenate(parts, axis=1)[None].astype(np.float32), stream.rate or 1)
    return audio


def wan_image_to_video(
    run: Run, *, positive: Conditioning, negative: Conditioning, vae: Model, width: int, height: int, length: int,
    batch_size: int, start_image: Picture | None = None, clip_vision_output: Any = None,
) -> tuple[Conditioning, Conditioning, Latent]:  # fmt: skip
    """An empty latent of videos that are to begin with a picture, or with several."""
    latent = empty_of(width, height, batch_size, whole_frames(length), channels=16, axes=3)
    first = None if start_image is None else fitted(start_image[:length], width, height, "bilinear")
    facts = facts_of(first=first, seen=clip_vision_output)
    told = conditioned(positive, "video", facts), conditioned(negative, "video", facts)
    return (*told, replace(latent, first=first))


def wan_first_last_frame_to_video(
    run: Run, *, positive: Conditioning, negative: Conditioning, vae: Model, width: int, height: int, length: int,
    batch_size: int, start_image: Picture | None = None, end_image: Picture | None = None,
    clip_vision_start_image: Any = None, clip_vision_end_image: Any = None,
) -> tuple[Conditioning, Conditioning, Latent]:  # fmt: skip
    """An empty latent of videos that are to begin and to end with a picture."""
    cell = cell_of(vae)[1]
    family = family_of(vae.kind, vae.files[0])
    channels = family.channels if family else None
    latent = empty_of(width, height, batch_size, whole_frames(length), cell, channels, 3)
    first = None if start_image is None else fitted(start_image[:length], width, height, "bilinear")
    last = None if end_image is None else fitted(end_image[-length:], width, height, "bilinear")
    facts = facts_of(first=first, last=last, seen=(clip_vision_start_image, clip_vision_end_image))
    told = conditioned(positive, "video", facts), conditioned(negative, "video", facts)
    return (*told, replace(latent, first=first, last=last))


def wan22_image_to_video_latent(
    run: Run, *, vae: Model, width: int, height: int, length: int, batch_size: int, start_image: Picture | None = None
) -> tuple[Latent]:
    """The same for Wan 2.2 5B, whose latents are coarser; without a picture there is one video, whatever was asked."""
    frames = whole_frames(length)
    if start_image is None:
        return (empty_of(width, height, 1, frames, 16, 48, 3),)
    first = fitted(start_image[:length], width, height, "bilinear")
    return (replace(empty_of(width, height, batch_size, frames, 16, 48, 3), first=first),)


def wan_vace_to_video(
    run: Run, *, positive: Conditioning, negative: Conditioning, vae: Model, width: int, height: int, length: int,
    batch_size: int, strength: float, control_video: Picture | None = None, control_masks: Mask | None = None,
    reference_image: Picture | None = None,
) -> tuple[Conditioning, Conditioning, Latent, int]:  # fmt: skip
    """An empty latent of videos to be made like another one; a picture to go by is a latent frame in front."""
    trim = 0 if reference_image is None else 1
    latent = empty_of(width, height, batch_size, whole_frames(length) + 4 * trim, channels=16, axes=3)
    facts = facts_of(video=control_video, masks=control_masks, like=reference_image, strength=strength)
    return conditioned(positive, "vace", facts), conditioned(negative, "vace", facts), latent, trim


def ltxv_preprocess(run: Run, *, image: Picture, img_compression: int) -> tuple[Picture]:
    """Pictures after a passage through H.264, with sides of an even length."""
    return (np.stack([_compressed(one, img_compression) for one in image]),)


def _compressed(one: Picture, crf: int) -> Picture:
    import av

    if crf == 0:
        return one
    levels = (one[: one.shape[0] // 2 * 2, : one.shape[1] // 2 * 2] * np.float32(255.0)).astype(np.uint8)
    stored = io.BytesIO()
    with av.open(stored, "w", format="mp4") as target:
        stream: Any = target.add_stream("libx264", rate=1, options={"crf": str(crf), "preset": "veryfast"})
        stream.height, stream.width = levels.shape[:2]
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(levels), format="rgb24")
        target.mux(stream.encode(frame.reformat(format="yuv420p")))
        target.mux(stream.encode())
    stored.seek(0)
    with av.open(stored, "r") as source:
        shown = next(source.decode(video=0)).to_ndarray(format="rgb24")
    return shown.astype(np.float32) / np.float32(255.0)

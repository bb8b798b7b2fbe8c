"""Nodes that read and write files besides pictures and videos, called as the emulator calls them."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from comfyproof.catalog.pinned import built_in
from comfyproof.emulator.folders import Folders
from comfyproof.emulator.hooks import Keyframe
from comfyproof.emulator.table import function_of
from comfyproof.emulator.values import Audio, Latent, Run, Shown


@pytest.fixture
def run(tmp_path: Path) -> Run:
    for name in ("input", "output", "temp"):
        (tmp_path / name).mkdir()
    return Run(
        Folders(tmp_path), {"1": {"class_type": "é"}}, {"workflow": {}}, lambda step: None, "abcde", lambda text: None
    )


def called(run: Run, name: str, **inputs: Any) -> Any:
    kind = built_in().get(name)
    assert kind is not None
    return function_of(kind)(run, **inputs)


def saved(run: Run, name: str, key: str, **inputs: Any) -> list[Path]:
    """The files that a node writes."""
    shown = called(run, name, **inputs)
    assert isinstance(shown, Shown)
    return [run.folders.inside(file["type"], file["subfolder"], file["filename"]) for file in shown.ui[key]]


def tone(batch: int = 1, channels: int = 2, rate: int = 48000) -> Audio:
    wave = np.sin(np.arange(4000, dtype=np.float32) * 0.1)
    return Audio(np.broadcast_to(0.5 * wave, (batch, channels, 4000)).astype(np.float32), rate)


@pytest.mark.parametrize(
    ("name", "ending", "settings", "loss"),
    [
        ("SaveAudio", ".flac", {}, 1e-4), ("SaveAudioMP3", ".mp3", {"quality": "320k"}, 0.2),
        ("SaveAudioOpus", ".opus", {"quality": "128k"}, 0.2),
    ],
)  # fmt: skip
def test_a_sound_comes_back_from_its_file(
    run: Run, name: str, ending: str, settings: dict[str, str], loss: float
) -> None:
    files = saved(run, name, "audio", audio=tone(batch=2), filename_prefix="audio/x", **settings)
    assert [file.name for file in files] == [f"x_00001_{ending}", f"x_00002_{ending}"]
    (run.folders.inside("input", f"x{ending}")).write_bytes(files[0].read_bytes())
    (loaded,) = called(run, "LoadAudio", audio=f"x{ending}")
    assert (loaded.rate, *loaded.waveform.shape[:2]) == (48000, 1, 2)
    middle = slice(1500, 2500)  # a codec may begin with a little silence
    lag = range(1300)
    best = min(np.abs(loaded.waveform[..., n + 1500 : n + 2500] - tone().waveform[..., middle]).mean() for n in lag)
    assert best < loss


def test_a_picture_is_no_sound(run: Run) -> None:
    Image.new("RGB", (8, 8)).save(run.folders.inside("input", "photo.png"))
    with pytest.raises(ValueError, match=r"^No audio stream found in the file\.$"):
        called(run, "LoadAudio", audio="photo.png")


def folder_of(run: Run, *heights: int) -> None:
    folder = run.folders.inside("input", "set")
    folder.mkdir()
    for number, height in enumerate(heights):
        Image.new("RGB", (6, height), (255, 0, 0)).save(folder / f"{number}.png")


@pytest.mark.parametrize(("method", "last_row"), [("Stretch", 1.0), ("Crop", 0.0), ("Pad", 1.0)])
def test_a_folder_s_pictures_have_the_size_of_the_first(run: Run, method: str, last_row: float) -> None:
    folder_of(run, 8, 4)
    (pictures,) = called(run, "LoadImageSetFromFolderNode", folder="set", resize_method=method)
    assert pictures.shape == (2, 8, 6, 3)
    assert pictures[1, -1, 0, 0] == last_row


def test_a_folder_of_several_sizes_needs_a_method(run: Run) -> None:
    folder_of(run, 8, 4)
    with pytest.raises(ValueError, match="does not match the first image"):
        called(run, "LoadImageSetFromFolderNode", folder="set", resize_method="None")


def test_a_mesh_is_written_as_binary_gltf(run: Run) -> None:
    (mesh,) = called(run, "VoxelToMesh", voxel=None, algorithm="surface net", threshold=0.6)
    (file,) = saved(run, "SaveGLB", "3d", mesh=mesh, filename_prefix="mesh/x")
    data = file.read_bytes()
    magic, version, length, told, kind = struct.unpack("<4sIII4s", data[:20])
    assert (magic, version, length, kind) == (b"glTF", 2, len(data), b"JSON")
    header = json.loads(data[20 : 20 + told])
    assert json.loads(header["asset"]["extras"]["prompt"]) == run.prompt
    assert struct.unpack("<I4s", data[20 + told : 28 + told])[1] == b"BIN\0"
    assert header["buffers"][0]["byteLength"] == len(data) - 28 - told
    assert header["accessors"][1]["count"] == mesh.faces.size


def test_a_drawing_carries_its_prompt(run: Run) -> None:
    (drawing,) = called(run, "RecraftVectorizeImageNode", image=np.zeros((1, 8, 8, 3), np.float32))
    (file,) = saved(run, "SaveSVGNode", "images", svg=drawing, filename_prefix="svg/x")
    text = file.read_text("utf-8")
    assert text.startswith("<svg")
    assert json.dumps(run.prompt["1"]["class_type"]) in text


def test_h264_leaves_its_marks(run: Run) -> None:
    picture = np.linspace(0, 1, 33 * 41 * 3, dtype=np.float32).reshape(1, 33, 41, 3)
    near, far = (called(run, "LTXVPreprocess", image=picture, img_compression=crf)[0] for crf in (10, 51))
    assert near.shape == far.shape == (1, 32, 40, 3)
    assert np.abs(near - picture[:, :32, :40]).mean() < np.abs(far - picture[:, :32, :40]).mean()
    assert called(run, "LTXVPreprocess", image=picture, img_compression=0)[0].shape == picture.shape


def test_keyframes_are_in_the_order_of_their_steps(run: Run) -> None:
    (late,) = called(run, "CreateHookKeyframe", strength_mult=0.5, start_percent=0.6)
    spread = {"strength_start": 0.0, "strength_end": 1.0, "interpolation": "ease_in", "print_keyframes": False}
    (frames,) = called(
        run, "CreateHookKeyframesInterpolated", **spread, start_percent=0.0, end_percent=1.0, keyframes_count=3,
        prev_hook_kf=late,
    )  # fmt: skip
    assert frames == (Keyframe(0.0, 0.0, 1), Keyframe(0.25, 0.5, 0), Keyframe(0.5, 0.6, 1), Keyframe(1.0, 1.0, 0))


def test_nobody_knows_the_channels_behind_a_stand_in(run: Run) -> None:
    (latent,) = called(run, "EmptyLatentImage", width=64, height=64)
    (noisy,) = called(run, "AddNoise", model=None, noise=None, sigmas=None, latent_image=latent)
    assert isinstance(noisy, Latent)
    assert (latent.channels, noisy.channels) == (4, None)

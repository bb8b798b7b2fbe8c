"""Whole runs of videos, and of what is told to a model beside its prompt, on the emulator: from a spec to a proof."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import av
import numpy
import pytest
from PIL import Image, ImageFilter

from comfyproof.run.results import SAVING
from comfyproof.stages.save import Save
from conftest import ROOT, Command

SPECS = ROOT / "specs"


@pytest.fixture(scope="session")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The photograph, small enough for a quick run, its sides no multiples of 8."""
    file = tmp_path_factory.mktemp("photo") / "photo.png"
    Image.open(SPECS / "photograph.jpg").resize((199, 134), Image.Resampling.LANCZOS).save(file)
    return file


@pytest.fixture(scope="session")
def mask(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("mask") / "mask.png"
    Image.open(SPECS / "mask.png").resize((199, 134)).save(file)
    return file


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nine frames of waves that move, 12 a second."""
    file = tmp_path_factory.mktemp("clip") / "clip.mp4"
    down, across = numpy.mgrid[0:96, 0:128]
    with av.open(str(file), "w") as container:
        track = container.add_stream("h264", rate=12)
        track.width, track.height, track.pix_fmt = 128, 96, "yuv420p"
        for shift in range(9):
            waves = [numpy.sin((across + 3 * shift) / (9 + n)) * numpy.cos(down / (11 + n)) for n in range(3)]
            pixels = (numpy.stack(waves, -1) * 100 + 127).astype(numpy.uint8)
            container.mux(track.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(track.encode(None))
    return file


def record_in(folder: Path) -> dict[str, Any]:
    (file,) = folder.rglob("run.json")
    record: dict[str, Any] = json.loads(file.read_text())
    return record


def checks_in(stderr: str) -> dict[str, str]:
    """The verdict of each check in the table."""
    found = re.findall(r"^ *(passed|FAILED|not examined) +(\w+)", stderr, re.MULTILINE)
    return {name: verdict for verdict, name in found}


def test_a_video_from_a_prompt(comfyproof: Command, tmp_path: Path) -> None:
    small = ("--set", "generate.size=160x96", "--set", "generate.frames=9")
    promised = ("--set", "verify.frames=9", "--set", "verify.fps=16", "--set", "verify.size=160x96")
    done = comfyproof("run", SPECS / "text_to_video.yaml", *small, *promised)
    assert done.returncode == 0, done.stderr
    names = ["count", "complete", "size", "frames", "fps", "not_blank", "prompt"]
    assert checks_in(done.stderr) == dict.fromkeys(names, "passed")
    assert "1 video: verified" in done.stderr
    assert done.stdout == "out/text_to_video/0001/bee.mp4\n"
    record = record_in(tmp_path)
    (made,) = record["pictures"]
    assert record["verdict"] == "verified"
    told = {check["name"]: (check["expected"], check["measured"]) for check in made["checks"]}
    assert told["count"] == ("1 video", "1 video")
    assert told["complete"][0] == "a whole video"
    assert told["complete"][1].startswith("MP4 (h264), 160x96, 9 frames, 16 fps, ")
    with av.open(str(tmp_path / done.stdout.strip())) as container:
        frames = [frame.to_ndarray(format="rgb24").astype(int) for frame in container.decode(video=0)]
    assert abs(frames[0] - frames[8]).mean() > 1


def test_a_photograph_that_moves(comfyproof: Command, tmp_path: Path, photo: Path) -> None:
    small = ("--set", "generate.size=160x96", "--set", "generate.frames=5")
    promised = ("--set", "verify.frames=5", "--set", "verify.fps=16")
    inputs = ("--input", f"image={photo}")
    done = comfyproof("run", SPECS / "image_to_video.yaml", *small, *promised, *inputs)
    assert done.returncode == 0, done.stderr
    names = ["count", "complete", "frames", "fps", "not_blank", "prompt"]
    assert checks_in(done.stderr) == dict.fromkeys(names, "passed")
    assert done.stdout == "out/image_to_video/0001/bee.webp\n"
    with Image.open(tmp_path / done.stdout.strip()) as opened:
        assert (opened.size, opened.n_frames) == ((160, 96), 5)


@pytest.mark.parametrize("name", ["flux_fill", "inpaint"])
def test_a_part_of_a_picture_anew(comfyproof: Command, tmp_path: Path, photo: Path, mask: Path, name: str) -> None:
    inputs = ("--input", f"image={photo}", "--input", f"mask={mask}")
    done = comfyproof("run", SPECS / f"{name}.yaml", *inputs)
    assert done.returncode == 0, done.stderr
    assert record_in(tmp_path)["verdict"] == "verified"
    with Image.open(tmp_path / done.stdout.strip()) as opened, Image.open(photo) as before, Image.open(mask) as wanted:
        left, top = ((whole - side) // 2 for whole, side in zip(before.size, opened.size, strict=True))
        box = (left, top, left + opened.width, top + opened.height)
        change = abs(numpy.asarray(opened, int) - numpy.asarray(before.crop(box).convert("RGB"), int)).mean(axis=2)
        marked = wanted.crop(box).convert("L")
    reached = marked.filter(ImageFilter.MaxFilter(2 * 40 + 1))  # the spec lets the mask grow, and softens it
    assert change[numpy.asarray(marked) > 128].mean() > 20
    assert change[numpy.asarray(reached) == 0].max() <= 1


VIDEO_SPEC = """comfyproof: 1
inputs: {{clip: {{type: video, default: {clip}}}, seed: {{type: seed, default: 1}}}}
models:
  wan:
    diffusion_model: wan2.1_t2v_1.3B_fp16.safetensors
    text_encoders: [umt5_xxl_fp8_e4m3fn_scaled.safetensors]
    vae: wan_2.1_vae.safetensors
stages:
  - load: {{video: $clip}}
  - resize: {{size: 96x64}}
  - save: {{as: kept, prefix: a/small, format: webm}}
  - refine: {{from: resize, model: wan, positive: waves, steps: 4, cfg: 1, denoise: 0.3, seed: $seed}}
  - save: {{as: redrawn, prefix: redrawn}}
  - save: {{as: stills, from: resize, prefix: still, format: png, verify: {{count: 9}}}}
verify: {{size: 96x64}}
"""


def test_a_video_goes_through(comfyproof: Command, tmp_path: Path, clip: Path) -> None:
    (tmp_path / "through.yaml").write_text(VIDEO_SPEC.format(clip=clip))
    promised = [f"{stage}.verify.{what}" for stage in ("kept", "redrawn") for what in ("frames=9", "fps=12")]
    done = comfyproof("run", "through.yaml", *(word for each in promised for word in ("--set", each)))
    assert done.returncode == 0, done.stderr
    made = [Path(line) for line in done.stdout.split()]
    assert [path.name for path in made[:2]] == ["small.webm", "redrawn.mp4"]
    assert [path.suffix for path in made[2:]] == [".png"] * 9
    assert "11 files: verified" in done.stderr
    record = record_in(tmp_path)
    counted = [c["expected"] for p in record["pictures"] for c in p["checks"] if c["name"] == "count"]
    assert counted == ["1 video", "1 video", "9 pictures"]


def test_a_video_that_is_not_as_promised(comfyproof: Command, tmp_path: Path, clip: Path) -> None:
    (tmp_path / "wrong.yaml").write_text(VIDEO_SPEC.format(clip=clip))
    done = comfyproof("run", "wrong.yaml", "--set", "kept.verify.frames=8", "--set", "redrawn.verify.fps=24")
    assert done.returncode == 1
    assert '"frames" of "kept": expected 8 frames, measured 9 frames' in done.stderr
    assert '"fps" of "redrawn": expected 24 frames a second, measured 12 frames a second' in done.stderr
    assert "kept.verify.frames=8" in done.stderr
    assert record_in(tmp_path)["verdict"] == "not as promised"


def test_a_video_with_odd_sides_fails_where_the_author_wrote_it(
    comfyproof: Command, tmp_path: Path, clip: Path
) -> None:
    (tmp_path / "odd.yaml").write_text(
        f"comfyproof: 1\ninputs: {{clip: {{type: video, default: {clip}}}}}\n"
        "stages:\n  - load: {video: $clip}\n  - resize: {size: 95x64}\n  - save\n"
    )
    done = comfyproof("run", "odd.yaml")
    assert done.returncode == 1
    assert "odd.yaml:6:5: error[CP803]" in done.stderr
    assert "libx264" in done.stderr
    assert record_in(tmp_path)["verdict"] == "failed"


def test_every_format_of_save_is_counted() -> None:
    """Each class that the stage lowers to is known as one that saves pictures or videos."""
    formats = {"png": "SaveImage", "mp4": "SaveVideo", "webm": "SaveWEBM", "webp": "SaveAnimatedWEBP"}
    declared = str(Save.model_fields["format"].annotation)
    assert all(f"'{form}'" in declared for form in formats)
    assert set(formats.values()) <= SAVING.keys()

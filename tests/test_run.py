"""Whole runs on the emulator: from a spec to proven pictures, and what a user sees when something goes wrong."""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from PIL import Image

from comfyproof import png
from conftest import ROOT, Command

PROGRAM = [sys.executable, "-m", "comfyproof"]
PRODUCTION = ROOT / "specs/production_upscale_enhance.yaml"
FILES = {
    "diffusion_models": ["flux1-krea-dev_fp8_scaled.safetensors"],
    "text_encoders": ["clip_l.safetensors", "t5xxl_fp16.safetensors"],
    "vae": ["ae.safetensors"],
    "loras": ["FLUX.1-Turbo-Alpha.safetensors"],
    "upscale_models": ["4x_NMKD-Siax_200k.pth"],
}


@pytest.fixture(scope="session")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The photograph, small enough for a quick run."""
    file = tmp_path_factory.mktemp("photo") / "photo.png"
    Image.open(ROOT / "specs/photograph.jpg").resize((192, 128), Image.Resampling.LANCZOS).save(file)
    return file


@contextmanager
def served(folder: Path, *options: object) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The emulator in a process of its own."""
    command = [*PROGRAM, "serve", "--port", "0", "--folder", str(folder / "emulator"), *map(str, options)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip(), process
    finally:
        process.terminate()
        process.wait(20)
        process.stdout.close()


def models_folder(folder: Path, without: Sequence[str] = ()) -> Path:
    for kind, names in FILES.items():
        (folder / "models" / kind).mkdir(parents=True)
        for name in names:
            if name not in without:
                (folder / "models" / kind / name).touch()
    return folder / "models"


def record_in(folder: Path) -> dict[str, Any]:
    (file,) = folder.rglob("run.json")
    record: dict[str, Any] = json.loads(file.read_text())
    return record


def test_the_main_job(comfyproof: Command, tmp_path: Path, photo: Path) -> None:
    done = comfyproof("run", PRODUCTION, "--input", f"image={photo}")
    assert done.returncode == 0, done.stderr
    (path,) = done.stdout.split()
    picture = (tmp_path / path).read_bytes()
    assert path == "out/production_upscale_enhance/0001/upscale_enhanced.png"
    assert (png.header(picture).width, png.header(picture).height) == (384, 256)
    assert re.findall(r"^(\w+): done", done.stderr, re.MULTILINE) == [
        "models",
        "load",
        "upscale",
        "refine",
        "save",
        "preview",
    ]
    checks = re.findall(r"^ *(passed|FAILED|not examined) +(\w+)", done.stderr, re.MULTILINE)
    assert checks == [
        ("passed", name) for name in ["count", "complete", "size", "aspect", "not_blank", "ssim", "delta_e", "prompt"]
    ]
    assert "emulator of ComfyUI 0.3.64" in done.stderr
    record = record_in(tmp_path)
    assert record["schema"] == "comfyproof/run/1"
    assert record["verdict"] == "verified"
    assert record["prompt"] == png.embedded_prompt(picture) | record["prompt"]
    assert record["pictures"][0]["file"] == "upscale_enhanced.png"
    assert record["server"]["stand_ins"]
    assert len(record["prompt"]) == 14
    uploaded = record["prompt"]["1"]["inputs"]["image"]
    assert re.fullmatch(r"comfyproof-[0-9a-f]{16}\.png", uploaded)
    assert [file.name for file in sorted((tmp_path / path).parent.iterdir())] == ["run.json", "upscale_enhanced.png"]


def test_every_run_has_a_folder_of_its_own(comfyproof: Command, tmp_path: Path, photo: Path) -> None:
    spec = ROOT / "specs/upscale.yaml"
    paths = [comfyproof("run", spec, "--input", f"image={photo}").stdout.strip() for _ in range(2)]
    assert paths == ["out/upscale/0001/upscaled.png", "out/upscale/0002/upscaled.png"]


@pytest.mark.parametrize("name", ["text_to_image", "image_to_image", "upscale_enhance_sound"])
def test_the_other_specs(comfyproof: Command, tmp_path: Path, photo: Path, name: str) -> None:
    inputs = () if name == "text_to_image" else ("--input", f"image={photo}")
    done = comfyproof("run", ROOT / f"specs/{name}.yaml", *inputs)
    assert done.returncode == 0, done.stderr
    assert record_in(tmp_path)["verdict"] == "verified"


def test_a_picture_that_is_not_as_promised(comfyproof: Command, tmp_path: Path, photo: Path) -> None:
    done = comfyproof("run", PRODUCTION, "--input", f"image={photo}", "--set", "verify.size=64x64")
    assert done.returncode == 1
    assert 'error[CP901]: "size" of "save": expected 64x64, measured 384x256' in done.stderr
    assert "verify.size=64x64" in done.stderr  # the line that promised it
    assert (tmp_path / done.stdout.strip()).exists()  # what was won is kept
    assert record_in(tmp_path)["verdict"] == "not as promised"


def test_a_wrong_model_name(comfyproof: Command, tmp_path: Path, photo: Path) -> None:
    models = models_folder(tmp_path, without=["4x_NMKD-Siax_200k.pth", "ae.safetensors"])
    (models / "vae/ae2.safetensors").touch()
    with served(tmp_path, "--models", models) as (url, _):
        done = comfyproof("run", PRODUCTION, "--input", f"image={photo}", "--server", url)
        queue = requests.get(f"{url}/history", timeout=10).json()
    assert done.returncode == 1
    assert '"ae.safetensors" is not among the server\'s vae' in done.stderr
    assert "    vae: ae.safetensors\n" in done.stderr
    assert 'help: did you mean "ae2.safetensors"?' in done.stderr
    # ComfyUI itself would take this one and fail in the middle of the run.
    assert '"4x_NMKD-Siax_200k.pth" is not among the server\'s upscale_models' in done.stderr
    assert queue == {}
    assert not (tmp_path / "out").exists()


def test_a_server_without_the_node_pack(comfyproof: Command, tmp_path: Path, photo: Path) -> None:
    comfyproof("catalog", "pin", ROOT / "compiler/comfyproof/catalog/comfyui-0.3.64.json.gz", "-o", "small.json")
    pinned = json.loads((tmp_path / "small.json").read_text())["nodes"]
    del pinned["UltimateSDUpscale"]
    (tmp_path / "small.json").write_text(json.dumps(pinned))
    with served(tmp_path, "--catalog", tmp_path / "small.json") as (url, _):
        done = comfyproof("run", PRODUCTION, "--input", f"image={photo}", "--server", url)
    assert done.returncode == 1
    assert 'there is no node "UltimateSDUpscale"' in done.stderr
    assert 'help: install the node pack "ComfyUI_UltimateSDUpscale" on the server' in done.stderr
    assert "- upscale: {with: siax" in done.stderr


SLOW_STAGES = """models: {m: {checkpoint: sd_xl_base_1.0.safetensors}}
stages:
  - generate: {model: m, size: 1024x1024, steps: 10000, batch: 4}
  - save
"""
SLOW = f"comfyproof: 1\n{SLOW_STAGES}"


def started(command: Sequence[object], cwd: Path) -> subprocess.Popen[str]:
    return subprocess.Popen([*PROGRAM, *map(str, command)], cwd=cwd, stderr=subprocess.PIPE,
                            stdout=subprocess.PIPE, text=True, env={**os.environ, "NO_COLOR": "1"})  # fmt: skip


def until(true: Callable[[], Any], seconds: float = 30) -> Any:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := true():
            return found
        time.sleep(0.05)
    raise AssertionError("it did not come to pass")


def running(url: str) -> list[Any]:
    queue: list[Any] = requests.get(f"{url}/queue", timeout=10).json()["queue_running"]
    return queue


def test_the_server_is_killed_in_the_middle(tmp_path: Path) -> None:
    (tmp_path / "slow.yaml").write_text(SLOW)
    with served(tmp_path) as (url, server):
        client = started(["run", "slow.yaml", "--server", url], tmp_path)
        until(lambda: running(url))
        server.kill()
        out, err = client.communicate(timeout=60)
    assert client.returncode == 4, err
    assert "cannot be reached" in err
    assert "help: " in err
    assert "Traceback" not in err
    assert out == ""
    record = record_in(tmp_path)
    assert record["verdict"].startswith("unfinished: ")
    assert record["prompt_id"] in err
    assert [path.name for path in tmp_path.rglob("out/**/*") if path.is_file()] == ["run.json"]


def test_a_server_that_is_not_there(comfyproof: Command, tmp_path: Path) -> None:
    done = comfyproof("run", ROOT / "specs/text_to_image.yaml", "--server", "http://127.0.0.1:9")
    assert done.returncode == 4
    assert done.stderr.startswith('error: "http://127.0.0.1:9" cannot be reached')
    assert "\n  help: " in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("address", ["127.0.0.1:8188", "ftp://x", "http://", "file:///etc/passwd"])
def test_an_address_that_is_none(comfyproof: Command, address: str) -> None:
    done = comfyproof("run", ROOT / "specs/text_to_image.yaml", "--server", address)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_by_its_user(tmp_path: Path, sign: signal.Signals) -> None:
    (tmp_path / "slow.yaml").write_text(SLOW)
    with served(tmp_path) as (url, _):
        client = started(["run", "slow.yaml", "--server", url], tmp_path)
        (entry,) = until(lambda: running(url))
        client.send_signal(sign)
        _, err = client.communicate(timeout=60)
        assert client.returncode == 130, err
        assert "interrupted; the prompt is withdrawn from the server" in err
        assert "the record is " in err
        until(lambda: not running(url))
        history = requests.get(f"{url}/history", timeout=10).json()
    assert [message[0] for message in history[entry[1]]["status"]["messages"]][-1] == "execution_interrupted"
    assert record_in(tmp_path)["verdict"] == "interrupted"
    assert "Traceback" not in err


def limited(bytes_: int) -> Callable[[], None]:
    """No file may grow beyond this, as on a disk that is full."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_, bytes_))


def test_a_full_disk(tmp_path: Path, photo: Path) -> None:
    with served(tmp_path) as (url, _):
        done = subprocess.run(
            [*PROGRAM, "run", str(ROOT / "specs/upscale.yaml"), "--input", f"image={photo}", "--server", url],
            cwd=tmp_path, capture_output=True, text=True, preexec_fn=limited(20_000), check=False,
            env={**os.environ, "NO_COLOR": "1", "PYTHONDONTWRITEBYTECODE": "1"},
        )  # fmt: skip
    assert done.returncode == 6, done.stderr
    assert "upscaled.png" in done.stderr
    assert "File too large" in done.stderr
    assert f"are still on {url}" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert [path.name for path in (tmp_path / "out").rglob("*") if path.is_file()] in ([], ["run.json"])


def test_a_node_that_fails_on_the_server(comfyproof: Command, tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(
        "comfyproof: 1\n"
        "stages:\n"
        "  - save: {from: crop}\n"
        "nodes:\n"
        "  empty: {EmptyImage: {width: 64, height: 64}}\n"
        "  text: {CLIPTextEncode: {text: a, clip: $lora.1}}\n"
        "  lora: {CheckpointLoaderSimple: {ckpt_name: sd_xl_base_1.0.safetensors}}\n"
        "  crop: {ImageFromBatch: {image: $empty, batch_index: 0, length: 1}}\n"
        "  bad: {SaveImage: {images: $empty, filename_prefix: $where}}\n"
        "  up: {PrimitiveString: {value: ../../out}}\n"
        "  where: {StringConcatenate: {string_a: $up, string_b: side, delimiter: ''}}\n"
    )
    done = comfyproof("run", "spec.yaml")
    assert done.returncode == 1
    assert "error[CP803]" in done.stderr
    assert "spec.yaml:9:9" in done.stderr
    assert "bad: {SaveImage" in done.stderr
    assert record_in(tmp_path)["verdict"] == "failed"


@pytest.mark.parametrize("good", ["", SLOW_STAGES], ids=["400", "200"])
def test_a_refusal_that_only_the_server_can_give(comfyproof: Command, tmp_path: Path, good: str) -> None:
    """LoadImage's own validation runs on the server. With a good output beside it, the refusal comes with a 200."""
    (tmp_path / "spec.yaml").write_text(
        "comfyproof: 1\n"
        "nodes:\n"
        "  there: {LoadImage: {image: sub/none.png}}\n"
        "  kept: {SaveImage: {images: $there, filename_prefix: x}}\n"
        f"{good}"
    )
    with served(tmp_path) as (url, _):
        done = comfyproof("run", "spec.yaml", "--server", url)
        until(lambda: not running(url))
        history = requests.get(f"{url}/history", timeout=10).json()
    assert done.returncode == 1
    assert "error[CP802]" in done.stderr
    assert "spec.yaml:3:30" in done.stderr
    assert "none.png" in done.stderr
    assert not any(entry["status"]["completed"] for entry in history.values())  # what was accepted is withdrawn


def test_an_input_that_is_not_there(comfyproof: Command, tmp_path: Path) -> None:
    done = comfyproof("run", PRODUCTION, "--input", "image=none.png")
    assert done.returncode == 1
    assert "error[CP801]" in done.stderr
    assert not (tmp_path / "out").exists()


def test_the_graph_of_a_run_is_the_compiled_one_but_for_its_names(
    comfyproof: Command, tmp_path: Path, photo: Path
) -> None:
    comfyproof("run", PRODUCTION, "--input", f"image={photo}", "--variant", "aggressive")
    compiled = json.loads(
        comfyproof("compile", PRODUCTION, "--input", f"image={photo}", "--variant", "aggressive").stdout
    )
    record = record_in(tmp_path)
    sent = record["prompt"]
    assert sent["1"]["inputs"].pop("image") != compiled["1"]["inputs"].pop("image")
    prefix = sent["13"]["inputs"].pop("filename_prefix")
    assert prefix == f"{compiled['13']['inputs'].pop('filename_prefix')}_{record['prompt_id'][:8]}"
    assert sent == compiled
    assert record["variant"] == "aggressive"


def test_nowhere_to_keep_the_pictures(comfyproof: Command, tmp_path: Path, photo: Path) -> None:
    (tmp_path / "file").touch()
    done = comfyproof("run", ROOT / "specs/upscale.yaml", "--input", f"image={photo}", "--out", "file")
    assert done.returncode == 6
    assert "file" in done.stderr
    assert "Traceback" not in done.stderr


def test_nowhere_to_keep_the_pictures_is_known_before_anything_is_sent(
    comfyproof: Command, tmp_path: Path, photo: Path
) -> None:
    (tmp_path / "file").touch()
    with served(tmp_path) as (url, _):
        done = comfyproof(
            "run", ROOT / "specs/upscale.yaml", "--input", f"image={photo}", "--out", "file", "--server", url
        )
        assert requests.get(f"{url}/history", timeout=10).json() == {}
    assert done.returncode == 6


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty"])
def test_a_damaged_picture_is_not_sent(comfyproof: Command, tmp_path: Path, photo: Path, damage: str) -> None:
    """ComfyUI would load it as black, and the finished picture would be blamed."""
    data = bytearray(photo.read_bytes())
    if damage == "flipped":
        data[len(data) // 2] ^= 1
    (tmp_path / "bad.png").write_bytes(
        b"" if damage == "empty" else data[: len(data) // 2] if damage == "cut" else data
    )
    done = comfyproof("run", ROOT / "specs/upscale.yaml", "--input", "image=bad.png")
    assert done.returncode == 1
    assert 'error[CP801]: the file "bad.png" cannot be read' in done.stderr


@pytest.mark.parametrize("form", ["bmp", "gif", "tiff", "webp", "jpg"])
def test_every_form_of_picture_is_compared(comfyproof: Command, tmp_path: Path, photo: Path, form: str) -> None:
    Image.open(photo).convert("RGB").save(tmp_path / f"photo.{form}")
    loose = ("--set", "verify.ssim.min=0.5", "--set", "verify.delta_e.max=30")
    done = comfyproof("run", ROOT / "specs/upscale.yaml", "--input", f"image=photo.{form}", *loose)
    assert done.returncode == 0, done.stderr
    assert record_in(tmp_path)["verdict"] == "verified"


def test_a_promise_that_could_not_be_examined_is_no_proof(comfyproof: Command, tmp_path: Path) -> None:
    """Of a picture of one pixel no structural similarity can be told."""
    Image.new("RGB", (1, 1), (200, 30, 30)).save(tmp_path / "dot.png")
    done = comfyproof("run", ROOT / "specs/upscale.yaml", "--input", "image=dot.png", "--set", "verify.not_blank=false")
    assert done.returncode == 3
    assert "not fully examined" in done.stderr
    record = record_in(tmp_path)
    assert record["verdict"] == "not fully examined"
    assert any(each["what"].startswith('"ssim"') for each in record["not_examined"])


def test_the_record_says_all_that_decided_the_run(comfyproof: Command, tmp_path: Path, photo: Path) -> None:
    spec = ROOT / "specs/upscale.yaml"
    comfyproof("run", spec, "--input", f"image={photo}", "--set", "upscale.by=4", "--set", "verify.size=4x image")
    record = record_in(tmp_path)
    assert record["settings"] == [{"path": "upscale.by", "value": "4"}, {"path": "verify.size", "value": "4x image"}]
    assert record["spec"]["text"] == spec.read_text()


def test_pictures_are_named_in_the_order_of_the_spec(comfyproof: Command, tmp_path: Path, photo: Path) -> None:
    (tmp_path / "spec.yaml").write_text(
        f"comfyproof: 1\ninputs: {{image: {{type: image, default: {photo}}}}}\n"
        "stages:\n  - load: {image: $image}\n  - save: {as: large, prefix: a/x}\n"
        "  - resize: {by: 0.5}\n  - save: {as: small, prefix: b/x}\n"
    )
    done = comfyproof("run", "spec.yaml")
    assert [Path(line).name for line in done.stdout.split()] == ["x.png", "x-2.png"]
    assert [picture["stage"] for picture in record_in(tmp_path)["pictures"]] == ["large", "small"]

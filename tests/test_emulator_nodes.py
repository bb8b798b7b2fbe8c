"""Every class of the catalog runs on the emulator, and what it gives can be used as what it is said to be."""

from __future__ import annotations

import functools
import io
import re
from collections.abc import Iterator, Mapping
from typing import Any

import av
import numpy as np
import pytest

from comfyproof.catalog.nodes import Input, NodeType
from comfyproof.catalog.pinned import built_in
from comfyproof.emulator.embedded import Emulator
from emulator_client import Client, failure, picture

CATALOG = built_in()
WIDGETS = {"INT": 1, "FLOAT": 1.0, "STRING": "a cat", "BOOLEAN": False}
SMALL = {
    "width": 64, "height": 64, "length": 9, "steps": 2, "video_frames": 5, "batch_size": 1, "seconds": 1.0,
    "duration": 0.1, "tile_width": 64, "tile_height": 64, "resolution": 64, "elevation_batch": 1,
}  # fmt: skip
SEEN = {
    "image": "photo.png",
    "mask": "photo.png",
    "normal": "photo.png",
    "lineart": "photo.png",
    "recording": "clip.mp4",
}
# What an input takes that no catalog tells: files in the input folder, what an editor captures, a list of numbers.
FILES: Mapping[tuple[str, str], Any] = {
    ("LoadAudio", "audio"): "sound.flac", ("RecordAudio", "audio"): "sound.flac", ("LoadVideo", "file"): "clip.mp4",
    ("LoadLatent", "latent"): "kept.latent", ("WebcamCapture", "image"): "photo.png",
    ("Load3D", "image"): {**SEEN, "camera_info": {}}, ("Load3DAnimation", "image"): {**SEEN, "camera_info": {}},
    ("Load3D", "model_file"): "3d/model.glb", ("Load3DAnimation", "model_file"): "3d/model.glb",
    ("LoadImageSetFromFolderNode", "folder"): "set", ("LoadImageTextSetFromFolderNode", "folder"): "set",
    ("LoadImageSetFromFolderNode", "resize_method"): "None",
    ("LoadImageTextSetFromFolderNode", "resize_method"): "None",
    ("GeminiInputFiles", "file"): "photo.png", ("OpenAIInputFiles", "file"): "photo.png",
    ("CheckpointLoader", "config_name"): "v1-inference.yaml", ("DiffusersLoader", "model_path"): "model",
    ("CreateHookKeyframesFromFloats", "floats_strength"): 0.5, ("CreateVideo", "audio"): ["EmptyAudio", 0],
    ("LTXVAddGuide", "latent"): ["EmptyLTXVLatentVideo", 0], ("LTXVCropGuides", "latent"): ["EmptyLTXVLatentVideo", 0],
}  # fmt: skip
# What is quickest to get a value of a type from.
GIVERS = {"IMAGE": "LoadImage", "MASK": "SolidMask", "LATENT": "EmptyLatentImage", "AUDIO": "EmptyAudio",
          "VIDEO": "CreateVideo", "CONDITIONING": "CLIPTextEncode", "MODEL": "UNETLoader", "CLIP": "CLIPLoader",
          "VAE": "VAELoader", "SIGMAS": "KarrasScheduler"}  # fmt: skip
# Where a result of a type is used, so that it has to be one.
USES = {
    "IMAGE": ("SaveImage", {"images": None, "filename_prefix": "image"}), "MASK": ("MaskPreview", {"mask": None}),
    "AUDIO": ("SaveAudio", {"audio": None, "filename_prefix": "audio"}),
    "VIDEO": ("SaveVideo", {"video": None, "filename_prefix": "video", "format": "auto", "codec": "auto"}),
    "LATENT": ("SaveLatent", {"samples": None, "filename_prefix": "latent"}),
    "SVG": ("SaveSVGNode", {"svg": None, "filename_prefix": "drawing"}),
    "MESH": ("SaveGLB", {"mesh": None, "filename_prefix": "mesh"}),
}  # fmt: skip
SHOWS = {"INT": r"-?\d+", "FLOAT": r"-?\d+\.\d+", "BOOLEAN": "True|False", "STRING": "(?s).*"}


def sound() -> bytes:
    """A short FLAC."""
    stream = io.BytesIO()
    with av.open(stream, "w", format="flac") as target:
        track: Any = target.add_stream("flac", rate=8000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 4096), np.float32), format="flt", layout="mono")
        frame.sample_rate, frame.pts = 8000, 0
        target.mux(track.encode(frame))
        target.mux(track.encode(None))
    return stream.getvalue()


def video() -> bytes:
    """Two frames as MP4."""
    stream = io.BytesIO()
    with av.open(stream, "w", format="mp4") as target:
        track: Any = target.add_stream("h264", rate=8)
        track.width, track.height, track.pix_fmt = 64, 48, "yuv420p"
        for level in (40, 200):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), level, np.uint8), format="rgb24")
            target.mux(track.encode(frame))
        target.mux(track.encode(None))
    return stream.getvalue()


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with Emulator(tmp_path_factory.mktemp("emulator"), catalog=CATALOG) as started:
        yield started


@pytest.fixture(scope="module")
def client(emulator: Emulator) -> Iterator[Client]:
    """A client of an emulator with a file of each kind."""
    client = Client(emulator.url)
    client.upload(picture())
    client.upload(picture(), subfolder="set")
    client.upload(sound(), name="sound.flac")
    client.upload(video(), name="clip.mp4")
    client.upload(b"glTF", name="model.glb", subfolder="3d")
    entry = client.run({"1": empty(), "2": use(["1", 0], "LATENT")})
    client.upload(client.view(entry["outputs"]["2"]["latents"][0]), name="kept.latent")
    yield client
    client.http.close()


def empty() -> dict[str, Any]:
    return {"class_type": "EmptyLatentImage", "inputs": {"width": 64, "height": 64, "batch_size": 1}}


def use(link: list[Any], type: str) -> dict[str, Any]:
    """A node that a value of a type is used by."""
    name, inputs = USES.get(type, ("PreviewAny", {"source": None}))
    return {"class_type": name, "inputs": {key: link if value is None else value for key, value in inputs.items()}}


def kind_of(name: str) -> NodeType:
    kind = CATALOG.get(name)
    assert kind is not None
    return kind


@functools.cache
def giver_of(types: str) -> tuple[str, int] | None:
    """The class that a value of a type is got from with the fewest links, and which of its outputs that is."""
    type = types.split(",")[0]
    given = [n for n in CATALOG.raw if type in [output.type for output in kind_of(n).outputs]]
    if not given:
        return None
    cheapest = min(given, key=lambda n: (bool(CATALOG.raw[n].get("api_node")), len(links_of(n)), n))
    name = GIVERS.get(type, cheapest)
    return name, [output.type for output in kind_of(name).outputs].index(type)


def links_of(name: str) -> list[Input]:
    return [each for each in kind_of(name).inputs.values() if each.required and each.takes_link]


def add(prompt: dict[str, Any], name: str) -> str:
    """Adds a node with all that it needs, one of each class, and gives its id."""
    if name in prompt:
        return name
    prompt[name] = {"class_type": name, "inputs": {}}
    for declared in kind_of(name).inputs.values():
        value = FILES.get((name, declared.name))
        if isinstance(value, list):
            value = [add(prompt, value[0]), value[1]]
        if value is None and not declared.required:
            continue
        prompt[name]["inputs"][declared.name] = value if value is not None else value_of(prompt, declared)
    return name


def value_of(prompt: dict[str, Any], declared: Input) -> Any:
    if declared.takes_link and declared.type != "*":
        giver = giver_of(declared.type)
        return {} if giver is None else [add(prompt, giver[0]), giver[1]]
    if declared.type == "*":
        return [add(prompt, "PrimitiveInt"), 0]
    if declared.folder is not None:
        return {"input": "photo.png", "output": "photo.png [input]"}.get(declared.folder, "any.safetensors")
    if declared.name in SMALL and declared.type in ("INT", "FLOAT"):
        return max(min(SMALL[declared.name], declared.config.get("max", 64)), declared.config.get("min", 0))
    value = declared.default
    return value if value is not None else WIDGETS.get(declared.type, "any.safetensors")


def prompt_of(name: str) -> dict[str, Any]:
    """A prompt round a class, in which each of its outputs is used."""
    prompt: dict[str, Any] = {}
    add(prompt, name)
    for slot, output in enumerate(kind_of(name).outputs):
        prompt[f"use {slot}"] = use([name, slot], output.type)
    return prompt


def unlike(name: str, outputs: Mapping[str, Any]) -> Iterator[str]:
    """What of a class's results was not shown as what it is said to be."""
    for slot, output in enumerate(kind_of(name).outputs):
        shown = outputs.get(f"use {slot}")
        if shown is None or not any(shown.values()):
            yield f"{name}: nothing came of {output.name}"
        elif output.type in SHOWS and not re.fullmatch(SHOWS[output.type], shown["text"][0]):
            yield f"{name}: {output.name} is {shown['text'][0]!r}"
        elif output.type not in {*SHOWS, *USES} and shown["text"][0] in ("None", "null"):
            yield f"{name}: {output.name} is nothing"


def test_every_class_runs(client: Client) -> None:
    """A prompt round each, with the least that it needs; they are queued all at once, and looked at afterwards."""
    wrong: list[str] = []
    asked = {}
    with client.listening() as (sid, socket):
        for name in CATALOG.raw:
            answer = client.post("/prompt", {"prompt": prompt_of(name), "client_id": sid}).json()
            if "error" in answer or answer["node_errors"]:
                wrong.append(f"{name}: {answer}"[:300])
            else:
                asked[name] = answer["prompt_id"]
        socket.until_done(asked[list(asked)[-1]])
    for name, prompt_id in asked.items():
        entry = client.get(f"/history/{prompt_id}").json()[prompt_id]
        if entry["status"]["status_str"] != "success":
            told = failure(entry)
            wrong.append(f"{name}: {told['node_type']}: {told['exception_type']} {told['exception_message']}"[:300])
        wrong += unlike(name, entry["outputs"])
    assert wrong == []
    assert len(asked) == 505

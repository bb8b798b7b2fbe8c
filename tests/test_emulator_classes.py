"""Each node class of the catalog runs on the emulator, and gives as many values as it declares, of these types."""

from __future__ import annotations

import json
import shutil
import struct
import wave
from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from comfyproof.catalog.nodes import Input, NodeType
from comfyproof.catalog.pinned import Catalog, built_in
from comfyproof.emulator.calls import each, merged
from comfyproof.emulator.embedded import Emulator
from comfyproof.emulator.folders import Folders
from comfyproof.emulator.hooks import Keyframe
from comfyproof.emulator.pixels_arithmetic import Operation
from comfyproof.emulator.pixels_custom import Guider, Noise
from comfyproof.emulator.pixels_video import save_video
from comfyproof.emulator.shapes import Drawing, Mesh
from comfyproof.emulator.sigmas import Sigmas
from comfyproof.emulator.table import function_of
from comfyproof.emulator.values import Audio, Clip, Conditioning, Frames, Latent, Model, Run, StandIn
from emulator_client import Client, failure, picture

CATALOG: Catalog = built_in()
KINDS: Mapping[str, NodeType] = {name: kind for name in CATALOG.raw if (kind := CATALOG.get(name)) is not None}
TOGETHER = 40  # classes of one prompt

IS: Mapping[str, Callable[[Any], bool]] = {
    "IMAGE": lambda value: isinstance(value, np.ndarray) and value.ndim == 4 and value.dtype == np.float32,
    "MASK": lambda value: isinstance(value, np.ndarray) and value.ndim in (2, 3) and value.dtype == np.float32,
    "LATENT": lambda value: isinstance(value, Latent),
    "CONDITIONING": lambda value: isinstance(value, Conditioning),
    "MODEL": lambda value: isinstance(value, Model),
    "CLIP": lambda value: isinstance(value, Model),
    "VAE": lambda value: isinstance(value, Model),
    "UPSCALE_MODEL": lambda value: isinstance(value, Model),
    "CONTROL_NET": lambda value: isinstance(value, Model),
    "AUDIO": lambda value: isinstance(value, Audio),
    "VIDEO": lambda value: isinstance(value, Frames | Clip),
    "SIGMAS": lambda value: isinstance(value, Sigmas),
    "GUIDER": lambda value: isinstance(value, Guider),
    "NOISE": lambda value: isinstance(value, Noise),
    "INT": lambda value: type(value) is int,
    "FLOAT": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "BOOLEAN": lambda value: type(value) is bool,
    "STRING": lambda value: isinstance(value, str),
    "TIMESTEPS_RANGE": lambda value: isinstance(value, tuple) and len(value) == 2,
    "HOOK_KEYFRAMES": lambda value: isinstance(value, tuple) and all(isinstance(one, Keyframe) for one in value),
    "LATENT_OPERATION": lambda value: isinstance(value, Operation),
    "LOAD3D_CAMERA": lambda value: isinstance(value, dict),
    "SVG": lambda value: isinstance(value, Drawing),
    "MESH": lambda value: isinstance(value, Mesh),
}
# A silent video has no sound, and nothing was recorded in an editor.
NOTHING = {("GetVideoComponents", "AUDIO"), ("Load3D", "VIDEO"), ("Load3DAnimation", "VIDEO")}

# What is asked for where several classes would do.
MAKES = {
    "*": "EmptyImage", "IMAGE": "LoadImage", "LATENT": "EmptyLatentImage", "CONDITIONING": "CLIPTextEncode",
    "AUDIO": "LoadAudio", "VIDEO": "CreateVideo", "HOOKS": "CreateHookLora",
}  # fmt: skip

# What an editor's own parts put into inputs that no node has an output for.
SHOTS = {"image": "photo.png", "mask": "photo.png", "normal": "photo.png", "recording": "", "camera_info": {}}
GIVEN: Mapping[str, Any] = {
    "LOAD_3D": {**SHOTS, "lineart": "photo.png"}, "LOAD_3D_ANIMATION": SHOTS, "AUDIO_RECORD": "sound.wav",
    "WEBCAM": "photo.png", "FLOATS": 0.5,
}  # fmt: skip
FILES = {
    "LoadAudio": "sound.wav", "LoadVideo": "video.mp4", "LoadImage": "photo.png", "LoadImageMask": "photo.png",
    "LoadImageOutput": "photo.png", "LoadLatent": "kept.latent", "Load3D": "3d/cube.glb",
    "Load3DAnimation": "3d/cube.glb", "LoadImageSetFromFolderNode": "shots", "LoadImageTextSetFromFolderNode": "shots",
}  # fmt: skip


def literal(name: str, declared: Input) -> Any:
    """What an editor would put into an input."""
    if declared.type in GIVEN:
        return GIVEN[declared.type]
    if declared.options:
        return declared.default if declared.default in declared.options else declared.options[0]
    if declared.type == "COMBO":
        endings = {"configs": ".yaml", "diffusers": "/model"}
        return FILES.get(name, "any" + endings.get(declared.folder or "", ".safetensors"))
    if declared.default is not None:
        return declared.default
    if declared.type in ("INT", "FLOAT"):
        return max(0, declared.config.get("min", 0))
    return {"BOOLEAN": False, "STRING": "words"}[declared.type]


def linked(declared: Input) -> bool:
    return declared.takes_link and declared.type not in GIVEN


def links(kind: NodeType) -> list[Input]:
    return [declared for declared in kind.inputs.values() if declared.required and linked(declared)]


def producer(type: str) -> tuple[str, int]:
    """The class, and its output, that gives a type and needs the fewest links."""
    wanted = type.split(",")[0]
    found = [
        (MAKES.get(wanted) != name, len(links(kind)), len(kind.inputs), name, slot)
        for name, kind in KINDS.items()
        for slot, output in enumerate(kind.outputs)
        if wanted in (output.type, "*")
    ]
    return min(found)[3:]


class Maker:
    """A prompt that grows by classes, each with what it needs, or with all that it takes."""

    def __init__(self, everything: bool) -> None:
        self.prompt: dict[str, Any] = {}
        self.everything = everything

    def show(self, name: str) -> None:
        """Adds a class, by whose name it goes, with something behind each of its outputs."""
        self.prompt[name] = {"class_type": name, "inputs": self.inputs(KINDS[name], self.everything)}
        for slot in range(len(KINDS[name].outputs)):
            self.prompt[f"{name} {slot}"] = {"class_type": "PreviewAny", "inputs": {"source": [name, slot]}}

    def inputs(self, kind: NodeType, everything: bool) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for declared in kind.inputs.values():
            if not linked(declared):
                found[declared.name] = literal(kind.name, declared)
            elif declared.required or everything:
                found[declared.name] = self.source(declared.type)
        return found

    def source(self, type: str) -> list[Any]:
        """A link to what makes a type, which is added once."""
        name, slot = producer(type)
        id = f"made by {name}"
        if id not in self.prompt:
            self.prompt[id] = {"class_type": name, "inputs": self.inputs(KINDS[name], everything=False)}
        return [id, slot]


def prompt_of(names: Sequence[str], *, everything: bool = False) -> dict[str, Any]:
    maker = Maker(everything)
    for name in names:
        maker.show(name)
    return maker.prompt


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A client of an emulator that has a picture, a sound and a video."""
    folder = tmp_path_factory.mktemp("classes")
    with Emulator(folder, catalog=CATALOG) as started:
        client = Client(started.url)
        furnish(folder)
        yield client
        client.http.close()


def furnish(folder: Path) -> None:
    """Puts the files that loaders read into an emulator's folder."""
    files = {"photo.png": picture(), "shots/photo.png": picture(), "shots/photo.txt": b"a photo", "3d/cube.glb": b""}
    for name, data in {**files, "kept.latent": latent()}.items():
        (folder / "input" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "input" / name).write_bytes(data)
    with wave.open(str(folder / "input" / "sound.wav"), "wb") as sound:
        sound.setnchannels(2)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(4 * 800))
    frames = Frames(np.zeros((3, 48, 64, 3), np.float32), Fraction(8))
    name = save_video(running(folder), video=frames, filename_prefix="video").ui["images"][0]["filename"]
    shutil.move(folder / "output" / name, folder / "input" / "video.mp4")


def latent() -> bytes:
    """A saved latent of 1x4x4x4 zeros."""
    tensors = {"latent_tensor": ([1, 4, 4, 4], [0, 256]), "latent_format_version_0": ([0], [256, 256])}
    header = {name: {"dtype": "F32", "shape": s, "data_offsets": o} for name, (s, o) in tensors.items()}
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + bytes(256)


def running(folder: Path, prompt: Mapping[str, Any] | None = None) -> Run:
    return Run(Folders(folder), prompt or {}, None, lambda step: None, "abcde", lambda text: None)


def ran(client: Client, prompt: Mapping[str, Any]) -> dict[str, Any]:
    """The history entry of a prompt that nothing is wrong with."""
    with client.listening() as (sid, socket):
        answer = client.post("/prompt", {"prompt": prompt, "client_id": sid}).json()
        assert answer.get("error") is None, answer
        assert answer["node_errors"] == {}
        socket.until_done(answer["prompt_id"])
        entry: dict[str, Any] = client.get(f"/history/{answer['prompt_id']}").json()[answer["prompt_id"]]
        return entry


@pytest.mark.parametrize("everything", [False, True])
def test_each_class_runs(client: Client, everything: bool) -> None:
    """Many classes in one prompt; one that fails is told, and the others run without it."""
    failed: dict[str, str] = {}
    names = sorted(KINDS)
    for first in range(0, len(names), TOGETHER):
        left = names[first : first + TOGETHER]
        entry = ran(client, prompt_of(left, everything=everything))
        while entry["status"]["status_str"] != "success":
            blamed = failure(entry)
            assert blamed["node_id"] in left, blamed
            left.remove(blamed["node_id"])
            failed[blamed["node_id"]] = f"{blamed['exception_type']}: {blamed['exception_message'].strip()}"
            entry = ran(client, prompt_of(left, everything=everything))
    assert failed == {}


def outputs_of(run: Run, prompt: Mapping[str, Any], id: str, known: dict[str, list[list[Any]]]) -> list[list[Any]]:
    """The outputs of a node of a prompt, each as the list of its values."""
    if id not in known:
        kind = KINDS[prompt[id]["class_type"]]
        given: dict[str, Sequence[Any]] = {}
        for key, value in prompt[id]["inputs"].items():
            link = isinstance(value, list)
            given[key] = outputs_of(run, prompt, value[0], known)[value[1]] if link else (value,)
        results = each(kind, given, partial(function_of(kind), run))
        known[id], _ = merged(results, CATALOG.raw[kind.name].get("output_is_list") or ())
    return known[id]


def fits(name: str, type: str, value: Any) -> bool:
    """Whether a value is of a declared type; one that the emulator gives no content to says its type itself."""
    if value is None:
        return (name, type) in NOTHING
    if type in IS:
        return IS[type](value)
    return isinstance(value, StandIn) and value.type == type


@pytest.mark.parametrize("everything", [False, True])
def test_each_class_gives_what_it_declares(tmp_path: Path, everything: bool) -> None:
    furnish(tmp_path)
    prompt = prompt_of(sorted(KINDS), everything=everything)
    run = running(tmp_path, prompt)
    known: dict[str, list[list[Any]]] = {}
    wrong = []
    for name, kind in KINDS.items():
        outputs = outputs_of(run, prompt, name, known)
        if len(outputs) != len(kind.outputs):
            wrong.append(f"{name} gives {len(outputs)} outputs, not {len(kind.outputs)}")
        for output, values in zip(kind.outputs, outputs, strict=False):
            odd = [value for value in values if not fits(name, output.type, value)]
            wrong += [f"{name}: {output.name} is {value!r:.60}" for value in odd]
    assert wrong == []

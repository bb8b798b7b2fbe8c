"""The client against the emulator: a whole job, from upload to picture."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from comfyproof.catalog.pinned import built_in
from comfyproof.emulator.embedded import Emulator
from comfyproof.png import embedded_prompt
from comfyproof.run.answers import Refusal, Submission, Succeeded
from comfyproof.run.client import Client
from comfyproof.run.events import Cached, Event, NodeDone, NodeRunning, Started
from scripted_server import ignore, new_id


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with Emulator(tmp_path_factory.mktemp("emulated"), catalog=built_in()) as emulator, Client(emulator.url) as client:
        yield client


@pytest.fixture
def uploaded(client: Client, tmp_path: Path) -> str:
    file = tmp_path / "in.png"
    Image.new("RGB", (8, 8), (200, 10, 30)).save(file)
    return client.upload(file)


def scaled(image: str, width: Any, prefix: str = "comfyproof/test") -> dict[str, Any]:
    scale = {"image": ["1", 0], "upscale_method": "bilinear", "width": width, "height": 16, "crop": "disabled"}
    return {
        "1": {"class_type": "LoadImage", "inputs": {"image": image}},
        "2": {"class_type": "ImageScale", "inputs": scale},
        "3": {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "filename_prefix": prefix}},
    }


def test_a_picture_comes_back_that_says_what_made_it(client: Client, uploaded: str) -> None:
    prompt_id, prompt = new_id(), scaled(uploaded, 24)
    heard: list[Event] = []
    with client.listen():
        assert client.submit(prompt, prompt_id) == Submission(prompt_id, answered=True)
        outcome = client.wait(prompt_id, heard.append)
    assert isinstance(outcome, Succeeded)
    (file,) = outcome.outputs
    assert (file.node_id, file.subfolder, file.type, file.key) == ("3", "comfyproof", "output", "images")
    data = client.fetch(file, limit_bytes=10_000)
    with Image.open(io.BytesIO(data)) as picture:
        assert picture.size == (24, 16)
    assert embedded_prompt(data)["2"] == prompt["2"]
    # Of the events none is promised, but what comes is true.
    assert {NodeRunning, NodeDone, Started, Cached} >= {type(event) for event in heard}


def test_the_same_id_does_not_run_twice(client: Client, uploaded: str) -> None:
    prompt_id = new_id()
    first = scaled(uploaded, 8)
    client.submit(first, prompt_id)
    before = client.wait(prompt_id, ignore)
    assert client.submit(first, prompt_id) == Submission(prompt_id, answered=False)
    assert client.wait(prompt_id, ignore) == before


def test_a_refusal_names_the_input(client: Client, uploaded: str) -> None:
    refusal = client.submit(scaled(uploaded, -1), new_id())
    assert isinstance(refusal, Refusal)
    assert [(error.node_id, error.input_name, error.type) for error in refusal.nodes] == [
        ("2", "width", "value_smaller_than_min")
    ]


def test_a_prompt_good_only_in_part_is_refused(client: Client, uploaded: str) -> None:
    prompt = scaled(uploaded, "x")
    prompt["4"] = {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}}
    refusal = client.submit(prompt, new_id())
    assert isinstance(refusal, Refusal)
    assert [error.type for error in refusal.nodes] == ["invalid_input_type"]


def test_a_missing_class_is_told_with_its_node(client: Client, uploaded: str) -> None:
    prompt = scaled(uploaded, 8)
    prompt["2"]["class_type"] = "Nope"
    refusal = client.submit(prompt, new_id())
    assert isinstance(refusal, Refusal)
    assert [(error.node_id, error.class_type, error.type) for error in refusal.nodes] == [
        ("2", "Nope", "missing_node_type")
    ]


def test_node_types_and_stats_are_a_comfyuis(client: Client) -> None:
    assert list(client.node_types(["KSampler", "Nope"])) == ["KSampler"]
    assert client.system_stats()["system"]["comfyui_version"]

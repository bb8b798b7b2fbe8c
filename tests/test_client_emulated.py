"""The client against the emulator in each of its versions: a whole job, from upload to picture, and what ends one."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from PIL import Image

from comfyproof.catalog.pinned import built_in
from comfyproof.emulator.embedded import Emulator
from comfyproof.emulator.profiles import PROFILES
from comfyproof.png import embedded_prompt
from comfyproof.run.answers import Interrupted, Refusal, Submission, Succeeded
from comfyproof.run.client import Client
from comfyproof.run.events import Cached, Event, NodeDone, NodeRunning, Started
from scripted_server import ignore, new_id


@pytest.fixture(scope="module", params=sorted(PROFILES))
def client(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    folder = tmp_path_factory.mktemp("emulated")
    with Emulator(folder, catalog=built_in(), profile=request.param) as emulator, Client(emulator.url) as client:
        yield client


def takes_ids(client: Client) -> bool:
    """Whether the server runs prompts under our ids."""
    return bool(client.system_stats()["system"]["comfyui_version"] != "0.3.43")


def submitted(client: Client, prompt: dict[str, Any]) -> str:
    """The server's id of a prompt that it took."""
    prompt_id = new_id()
    submission = client.submit(prompt, prompt_id)
    assert isinstance(submission, Submission)
    assert submission.answered
    assert (submission.prompt_id == prompt_id) is takes_ids(client)
    return submission.prompt_id


def sampled(steps: int, seed: int = 0) -> dict[str, Any]:
    """A prompt that takes a while."""
    sampler = {"model": ["1", 0], "positive": ["2", 0], "negative": ["2", 0], "latent_image": ["3", 0], "seed": seed,
               "steps": steps, "cfg": 1.0, "sampler_name": "euler", "scheduler": "simple", "denoise": 1.0}  # fmt: skip
    return {
        "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "a.safetensors"}},
        "2": {"class_type": "CLIPTextEncode", "inputs": {"clip": ["1", 1], "text": "x"}},
        "3": {"class_type": "EmptyLatentImage", "inputs": {"width": 1024, "height": 1024, "batch_size": 4}},
        "4": {"class_type": "KSampler", "inputs": sampler},
        "5": {"class_type": "VAEDecode", "inputs": {"samples": ["4", 0], "vae": ["1", 2]}},
        "6": {"class_type": "SaveImage", "inputs": {"images": ["5", 0], "filename_prefix": "slow"}},
    }


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
    prompt = scaled(uploaded, 24)
    heard: list[Event] = []
    with client.listen():
        outcome = client.wait(submitted(client, prompt), heard.append)
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
    prompt_id = submitted(client, scaled(uploaded, 8))
    before = client.wait(prompt_id, ignore)
    if takes_ids(client):  # else ours is known only as long as the prompt is in the queue
        assert client.submit(scaled(uploaded, 8), prompt_id) == Submission(prompt_id, answered=False)
    assert client.wait(prompt_id, ignore) == before


def test_one_websocket_serves_one_prompt_after_the_other(client: Client, uploaded: str) -> None:
    told: list[list[Event]] = []
    with client.listen():
        for width in range(8, 14):
            told.append([])
            outcome = client.wait(submitted(client, scaled(uploaded, width, f"many/{width}")), told[-1].append)
            assert isinstance(outcome, Succeeded)
            assert outcome.outputs[0].filename.startswith(f"{width}_")
    assert all(NodeDone("3") in events for events in told)
    assert all(events.count(Started()) == 1 for events in told)


def test_a_refusal_names_the_input(client: Client, uploaded: str) -> None:
    refusal = client.submit(scaled(uploaded, -1), new_id())
    assert isinstance(refusal, Refusal)
    assert [(error.node_id, error.input_name, error.type) for error in refusal.nodes] == [
        ("2", "width", "value_smaller_than_min")
    ]


def queued(client: Client) -> list[str]:
    """The ids of all that the server runs, and has still to run."""
    queue = requests.get(f"{client.url}/queue", timeout=10).json()
    return [item[1] for item in queue["queue_running"] + queue["queue_pending"]]


def test_what_waits_and_what_runs_is_cancelled_and_nothing_else(client: Client) -> None:
    ours, theirs, behind = (submitted(client, sampled(10_000, seed)) for seed in (1, 2, 3))
    client.cancel(behind)
    assert isinstance(client.wait(behind, ignore), Interrupted)
    client.cancel(theirs)
    assert queued(client) == [ours]
    client.cancel(ours)
    assert isinstance(client.wait(ours, ignore), Interrupted)
    assert queued(client) == []


@pytest.mark.parametrize("place", [0, 1])
def test_a_prompt_whose_id_never_came_is_cancelled_by_ours(client: Client, place: int) -> None:
    theirs = submitted(client, sampled(10_000, 4)) if place else ""
    prompt_id = new_id()
    submission = client.submit(sampled(10_000, 5), prompt_id)
    assert isinstance(submission, Submission)
    client.cancel(prompt_id)
    assert isinstance(client.wait(submission.prompt_id, ignore), Interrupted)
    assert queued(client) == [theirs] * place
    if place:
        client.cancel(theirs)
        client.wait(theirs, ignore)


def test_a_prompt_good_only_in_part_is_refused(client: Client, uploaded: str) -> None:
    prompt = scaled(uploaded, "x")
    prompt["4"] = {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}}
    busy = submitted(client, sampled(10_000))
    refusal = client.submit(prompt, new_id())
    assert isinstance(refusal, Refusal)
    assert [error.type for error in refusal.nodes] == ["invalid_input_type"]
    assert client.find(busy) == busy
    assert queued(client) == [busy]
    client.cancel(busy)
    assert isinstance(client.wait(busy, ignore), Interrupted)


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

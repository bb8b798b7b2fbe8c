"""Programs that others wrote for ComfyUI work with the emulator as they are."""

from __future__ import annotations

import asyncio
import io
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import requests
import websocket
from PIL import Image
from websockets.asyncio.client import connect as connect_async
from websockets.sync.client import connect

from comfyproof.catalog.pinned import built_in
from comfyproof.emulator.embedded import Emulator
from comfyproof.emulator.faults import parse
from emulator_client import TIMEOUT, copy_prompt, picture, sampling_prompt

PROGRAMS = Path(sys.executable).parent


class Door:
    """Where programs are told the way to the internet is. It lets nobody through and counts who knocks."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.asked: list[bytes] = []
        self._thread = threading.Thread(target=self._answer, daemon=True)
        self._thread.start()

    def _answer(self) -> None:
        while True:
            try:
                caller, _ = self._listener.accept()
            except OSError:
                return
            with caller:
                caller.settimeout(TIMEOUT)
                self.asked.append(caller.recv(4096).split(b"\r\n")[0])

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(TIMEOUT)


@pytest.fixture(scope="module")
def door() -> Iterator[Door]:
    door = Door()
    yield door
    door.close()


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with Emulator(tmp_path_factory.mktemp("emulator"), catalog=built_in()) as emulator:
        files = {"image": ("photo.png", picture())}
        requests.post(f"{emulator.url}/upload/image", files=files, timeout=TIMEOUT).raise_for_status()
        yield emulator


@pytest.fixture
def address(emulator: Emulator) -> Iterator[str]:
    """Where the emulator listens, which is there after a test as before."""
    yield emulator.url.removeprefix("http://")
    answer = requests.post(f"{emulator.url}/prompt", json={"prompt": copy_prompt("after")}, timeout=TIMEOUT)
    assert answer.json()["node_errors"] == {}


@pytest.fixture
def program(door: Door, tmp_path: Path) -> Iterator[Callable[..., subprocess.CompletedProcess[str]]]:
    """Runs somebody's program in an empty home, cut off from the internet and asked to tell nobody of it."""
    ways = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"), door.url)
    home = {
        "HOME": str(tmp_path),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }
    quiet = {"DO_NOT_TRACK": "1", "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1", "NO_COLOR": "1"}

    def run(*command: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            list(map(str, command)), cwd=tmp_path, capture_output=True, text=True, timeout=TIMEOUT, check=False,
            stdin=subprocess.DEVNULL, env={**os.environ, **ways, **home, **quiet},
        )  # fmt: skip

    yield run
    assert door.asked == []


def size_at(url: str) -> tuple[int, int]:
    """The size of the picture at an address."""
    with Image.open(io.BytesIO(requests.get(url, timeout=TIMEOUT).content)) as opened:
        return opened.size


# --- comfy-cli --------------------------------------------------------------------------------------------------------


def drawn(prefix: str) -> dict[str, Any]:
    """`copy_prompt` as an editor keeps it: nodes at places, their widgets in order, and links in a list."""

    def node(id: int, kind: str, inputs: list[Any], outputs: list[Any], widgets: list[Any]) -> dict[str, Any]:
        return {
            "id": id, "type": kind, "pos": [300 * id, 0], "size": [270, 130], "flags": {}, "order": id - 1, "mode": 0,
            "inputs": inputs, "outputs": outputs, "properties": {"Node name for S&R": kind}, "widgets_values": widgets,
        }  # fmt: skip

    image = {"name": "IMAGE", "type": "IMAGE"}
    mask = {"name": "MASK", "type": "MASK", "links": None}
    return {
        "id": "0b6bb9a6-7c40-4a7e-8d2c-9f9d6a3f1c55", "revision": 0, "last_node_id": 3, "last_link_id": 2,
        "nodes": [
            node(1, "LoadImage", [], [{**image, "links": [1]}, mask], ["photo.png", "image"]),
            node(2, "ImageScale", [{"name": "image", "type": "IMAGE", "link": 1}], [{**image, "links": [2]}],
                 ["bilinear", 40, 24, "disabled"]),
            node(3, "SaveImage", [{"name": "images", "type": "IMAGE", "link": 2}], [], [prefix]),
        ],
        "links": [[1, 1, 0, 2, 0, "IMAGE"], [2, 2, 0, 3, 0, "IMAGE"]],
        "groups": [], "config": {}, "extra": {}, "version": 0.4,
    }  # fmt: skip


def comfy(address: str, file: Path) -> list[object]:
    host, port = address.split(":")
    return [PROGRAMS / "comfy", "run", "--workflow", file, "--wait", "--host", host, "--port", port]


@pytest.mark.parametrize(
    ("workflow", "size"), [(copy_prompt("api"), (32, 32)), (drawn("ui"), (40, 24))], ids=["api", "ui"]
)
def test_comfy_cli_runs_a_workflow(
    program: Callable[..., subprocess.CompletedProcess[str]],
    address: str,
    tmp_path: Path,
    workflow: Any,
    size: tuple[int, int],
) -> None:
    (tmp_path / "workflow.json").write_text(json.dumps(workflow))
    done = program(*comfy(address, tmp_path / "workflow.json"), "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    *told, end = map(json.loads, done.stdout.splitlines())
    assert (end["ok"], end["data"]["status"]) == (True, "completed")
    (url,) = end["data"]["outputs"]
    assert size_at(url) == size
    assert {event["node"] for event in told if event["type"] == "executed"} == {"3"}


def test_comfy_cli_tells_people_the_same(
    program: Callable[..., subprocess.CompletedProcess[str]], address: str, tmp_path: Path
) -> None:
    (tmp_path / "workflow.json").write_text(json.dumps(copy_prompt("people")))
    first, *rest = comfy(address, tmp_path / "workflow.json")
    done = program(first, "--no-json", *rest)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "/view?filename=people_00001_.png" in done.stdout.replace("\n", "")


def test_comfy_cli_meets_a_fault(program: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path) -> None:
    with Emulator(tmp_path / "emulator", catalog=built_in(), faults=[parse("oom:ImageScale")]) as failing:
        (tmp_path / "emulator/input/photo.png").write_bytes(picture())
        (tmp_path / "workflow.json").write_text(json.dumps(copy_prompt()))
        done = program(*comfy(failing.url.removeprefix("http://"), tmp_path / "workflow.json"), "--json")
    assert done.returncode == 1
    end = json.loads(done.stdout.splitlines()[-1])
    assert end["ok"] is False
    assert "out of memory" in json.dumps(end["error"])


# --- a library that submits and fetches -------------------------------------------------------------------------------

SIMPLIFIED = """
import sys
from comfy_api_simplified import ComfyApiWrapper, ComfyWorkflowWrapper
api = ComfyApiWrapper(sys.argv[1])
workflow = ComfyWorkflowWrapper("workflow.json")
print(api.upload_image("own.png")["name"])
workflow.set_node_param("Shrink", "width", 24)
workflow.set_node_param("Load", "image", "default_upload_folder/own.png")
for name, data in api.queue_and_wait_images(workflow, "Save").items():
    print(name, data[:8] == bytes([137, 80, 78, 71, 13, 10, 26, 10]))
print(api.get_queue(), api.get_history("nobody"), "system" in api.get_system_stats())
"""


def test_comfy_api_simplified_uploads_runs_and_fetches(
    program: Callable[..., subprocess.CompletedProcess[str]], address: str, tmp_path: Path
) -> None:
    prompt = copy_prompt("simplified")
    for id, title in (("1", "Load"), ("2", "Shrink"), ("3", "Save")):
        prompt[id]["_meta"] = {"title": title}
    (tmp_path / "workflow.json").write_text(json.dumps(prompt))
    (tmp_path / "own.png").write_bytes(picture(seed=7))
    done = program(sys.executable, "-c", SIMPLIFIED, f"http://{address}")
    idle = "{'queue_running': [], 'queue_pending': []} {} True"
    assert done.stdout.splitlines() == ["own.png", "simplified_00001_.png True", idle], done.stderr


# --- websocket libraries ----------------------------------------------------------------------------------------------


def heard_by_websocket_client(url: str, submit: Callable[[], str]) -> list[str | bytes]:
    socket_ = websocket.create_connection(url, timeout=TIMEOUT)
    try:
        return until_done(submit(), iter(socket_.recv, None))
    finally:
        socket_.close()


def heard_by_websockets(url: str, submit: Callable[[], str]) -> list[str | bytes]:
    with connect(url, proxy=None) as socket_:
        return until_done(submit(), iter(lambda: socket_.recv(TIMEOUT), None))


def heard_by_websockets_async(url: str, submit: Callable[[], str]) -> list[str | bytes]:
    @asynccontextmanager
    async def messages() -> AsyncIterator[AsyncIterator[Any]]:
        async with connect_async(url, proxy=None) as socket_:
            yield aiter(socket_)

    return asyncio.run(until_done_async(messages, submit))


def heard_by_aiohttp(url: str, submit: Callable[[], str]) -> list[str | bytes]:
    @asynccontextmanager
    async def messages() -> AsyncIterator[AsyncIterator[Any]]:
        async with aiohttp.ClientSession() as session, session.ws_connect(url, compress=15) as socket_:
            yield (message.data async for message in socket_)

    return asyncio.run(until_done_async(messages, submit))


def is_end(message: str | bytes, prompt_id: str) -> bool:
    if isinstance(message, bytes):
        return False
    said = json.loads(message)
    return bool(said["type"] == "executing" and said["data"] == {"node": None, "prompt_id": prompt_id})


def until_done(prompt_id: str, messages: Iterator[str | bytes]) -> list[str | bytes]:
    """The messages up to the last one of a prompt."""
    heard = []
    for message in messages:
        heard.append(message)
        if is_end(message, prompt_id):
            break
    return heard


async def until_done_async(messages: Callable[[], Any], submit: Callable[[], str]) -> list[str | bytes]:
    heard: list[str | bytes] = []
    async with asyncio.timeout(TIMEOUT), messages() as coming:
        prompt_id = await asyncio.to_thread(submit)
        async for message in coming:
            heard.append(message)
            if is_end(message, prompt_id):
                return heard
    return heard


@pytest.mark.parametrize(
    "hear", [heard_by_websocket_client, heard_by_websockets, heard_by_websockets_async, heard_by_aiohttp]
)
def test_a_websocket_library_hears_a_prompt_from_beginning_to_end(
    address: str, hear: Callable[[str, Callable[[], str]], list[str | bytes]]
) -> None:
    name = hear.__name__

    def submit() -> str:
        prompt = sampling_prompt(steps=2, seed=len(name))
        prompt["8"]["inputs"]["filename_prefix"] = name
        body = {"prompt": prompt, "client_id": name}
        return str(requests.post(f"http://{address}/prompt", json=body, timeout=TIMEOUT).json()["prompt_id"])

    heard = hear(f"ws://{address}/ws?clientId={name}", submit)
    texts = [json.loads(message) for message in heard if isinstance(message, str)]
    assert texts[0]["data"]["sid"] == name
    kinds = [text["type"] for text in texts if text["type"] not in ("status", "progress_state", "executing")]
    assert kinds == ["execution_start", "execution_cached", "progress", "progress", "executed", "execution_success"]
    assert [text["data"]["node"] for text in texts if text["type"] == "executing"][-4:] == ["6", "7", "8", None]
    previews = [message for message in heard if isinstance(message, bytes)]
    assert [preview[:10] for preview in previews] == [b"\0\0\0\1\0\0\0\1\xff\xd8"] * 2

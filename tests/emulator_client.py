"""Talking to an emulator as any client would: prompts, a socket that remembers, and a few requests."""

from __future__ import annotations

import contextlib
import io
import json
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import requests
import websocket
from PIL import Image

TIMEOUT = 60


def picture(width: int = 64, height: int = 48, seed: int = 1) -> bytes:
    """A PNG with something to see on it."""
    y, x = np.mgrid[0:height, 0:width]
    waves = [np.sin(x / (5 + seed + n)) * np.cos(y / (7 + n)) for n in range(3)]
    pixels = (np.stack(waves, -1) * 100 + 127).astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def copy_prompt(prefix: str = "out", width: int = 32, **more: Any) -> dict[str, Any]:
    """Three nodes without any model."""
    scale = {"image": ["1", 0], "upscale_method": "bilinear", "width": width, "height": 32, "crop": "disabled"}
    return {
        "1": {"class_type": "LoadImage", "inputs": {"image": "photo.png"}},
        "2": {"class_type": "ImageScale", "inputs": {**scale, **more}},
        "3": {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "filename_prefix": prefix}},
    }


def sampling_prompt(steps: int = 3, seed: int = 1, denoise: float = 0.3, **changes: Any) -> dict[str, Any]:
    """A picture redrawn by a checkpoint: eight nodes, one of them a KSampler."""
    sampler = {
        "model": ["1", 0], "positive": ["2", 0], "negative": ["3", 0], "latent_image": ["5", 0], "seed": seed,
        "steps": steps, "cfg": 7.0, "sampler_name": "euler", "scheduler": "normal", "denoise": denoise,
    }  # fmt: skip
    return {
        "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "any.safetensors"}},
        "2": {"class_type": "CLIPTextEncode", "inputs": {"clip": ["1", 1], "text": "a cat"}},
        "3": {"class_type": "CLIPTextEncode", "inputs": {"clip": ["1", 1], "text": ""}},
        "4": {"class_type": "LoadImage", "inputs": {"image": "photo.png"}},
        "5": {"class_type": "VAEEncode", "inputs": {"pixels": ["4", 0], "vae": ["1", 2]}},
        "6": {"class_type": "KSampler", "inputs": {**sampler, **changes}},
        "7": {"class_type": "VAEDecode", "inputs": {"samples": ["6", 0], "vae": ["1", 2]}},
        "8": {"class_type": "SaveImage", "inputs": {"images": ["7", 0], "filename_prefix": "sampled"}},
    }


def endless_prompt() -> dict[str, Any]:
    """A prompt that runs until somebody stops it: it has 210,000 steps."""
    prompt = sampling_prompt(steps=10_000)
    for n in range(20):
        prompt[f"more{n}"] = {**prompt["6"], "inputs": {**prompt["6"]["inputs"], "seed": n + 100}}
        prompt[f"more{n}"]["inputs"]["latent_image"] = [f"more{n - 1}" if n else "6", 0]
    prompt["7"]["inputs"]["samples"] = ["more19", 0]
    return prompt


class Socket:
    """A websocket that keeps what it hears."""

    def __init__(self, url: str, client_id: str, **flags: bool) -> None:
        address = url.replace("http", "ws", 1) + "/ws?clientId=" + client_id
        self.socket = websocket.create_connection(address, timeout=TIMEOUT)
        self.heard: list[Any] = []
        if flags:
            self.socket.send(json.dumps({"type": "feature_flags", "data": flags}))

    def until(self, wanted: Callable[[Any], bool]) -> list[Any]:
        """All messages so far, once one comes that is wanted; binary ones are bytes."""
        while True:
            message = self.socket.recv()
            self.heard.append(json.loads(message) if isinstance(message, str) else message)
            if wanted(self.heard[-1]):
                return self.heard

    def until_done(self, prompt_id: str) -> list[Any]:
        """All messages up to the one that ends a prompt."""
        return self.until(lambda m: is_event(m, "executing", node=None, prompt_id=prompt_id))

    def close(self) -> None:
        self.socket.close()


def is_event(message: Any, kind: str, **data: Any) -> bool:
    """Whether a message is of a kind and says these things."""
    if not isinstance(message, dict) or message["type"] != kind:
        return False
    return all(key in message["data"] and message["data"][key] == value for key, value in data.items())


class Client:
    """Requests to one server."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.http = requests.Session()

    def get(self, path: str, **params: Any) -> requests.Response:
        return self.http.get(self.url + path, params=params, timeout=TIMEOUT)

    def post(self, path: str, body: Any = None, **options: Any) -> requests.Response:
        return self.http.post(self.url + path, json=body, timeout=TIMEOUT, **options)

    def upload(self, data: bytes, name: str = "photo.png", **fields: str) -> requests.Response:
        files = {"image": (name, data)}
        return self.http.post(self.url + "/upload/image", files=files, data=fields, timeout=TIMEOUT)

    def submit(self, prompt: Any, **more: Any) -> str:
        """The id of a prompt that was accepted."""
        answer = self.post("/prompt", {"prompt": prompt, **more})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["prompt_id"])

    @contextlib.contextmanager
    def listening(self, client_id: str | None = None, **flags: bool) -> Iterator[tuple[str, Socket]]:
        """A client id and its socket, which has heard its first status."""
        sid = client_id or uuid.uuid4().hex
        socket = Socket(self.url, sid, **flags)
        try:
            socket.until(lambda m: is_event(m, "status", sid=sid))
            if flags:
                socket.until(lambda m: is_event(m, "feature_flags"))
            yield sid, socket
        finally:
            socket.close()

    def run(self, prompt: Any, **more: Any) -> dict[str, Any]:
        """The history entry of a prompt that ran."""
        with self.listening() as (sid, socket):
            prompt_id = self.submit(prompt, client_id=sid, **more)
            socket.until_done(prompt_id)
            entry: dict[str, Any] = self.get(f"/history/{prompt_id}").json()[prompt_id]
            return entry

    def view(self, image: dict[str, str]) -> bytes:
        """The bytes of a picture out of a history entry."""
        answer = self.get("/view", **image)
        assert answer.status_code == 200
        return answer.content

    def pixels(self, prompt: Any) -> Any:
        """The first picture that a prompt saves, as an array of bytes."""
        entry = self.run(prompt)
        assert entry["status"]["status_str"] == "success", entry["status"]["messages"][-1]
        saved = [image for output in entry["outputs"].values() for image in output.get("images", ())]
        with Image.open(io.BytesIO(self.view(saved[0]))) as opened:
            return np.asarray(opened)


def failure(entry: dict[str, Any]) -> dict[str, Any]:
    """What an execution_error in a history entry says."""
    ((kind, data),) = entry["status"]["messages"][-1:]
    assert kind == "execution_error"
    return dict(data)

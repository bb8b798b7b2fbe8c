"""Measures what the client adds to a trivial prompt, beside a websocket client written by hand.

A prompt makes one picture of 64x64. What counts is the time from the prompt at hand to the picture's bytes at hand,
less what the server itself says that the execution took. Without an address it starts an emulator of its own:

    python benchmarks/client_overhead.py [http://127.0.0.1:8188]
"""

from __future__ import annotations

import http.client
import json
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode, urlsplit

import websocket

from comfyproof.run.answers import Submission, Succeeded
from comfyproof.run.client import Client

PROMPTS = 60
ROUNDS = 5
LIMIT = 2**24


def trivial(n: int) -> dict[str, Any]:
    """A picture of one colour that no prompt before had."""
    colour = {"width": 64, "height": 64, "batch_size": 1, "color": n % 2**24}
    return {
        "1": {"class_type": "EmptyImage", "inputs": colour},
        "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "bench"}},
    }


class ByHand:
    """The least that a websocket client can do: one socket and one connection, kept; no look at anything else."""

    def __init__(self, url: str) -> None:
        host = urlsplit(url).netloc
        self.id = uuid.uuid4().hex
        self.socket = websocket.create_connection(f"ws://{host}/ws?clientId={self.id}", timeout=60)
        self.http = http.client.HTTPConnection(host, timeout=60)

    def ask(self, method: str, path: str, body: bytes | None = None) -> bytes:
        """The body of an answer, whatever its status."""
        self.http.request(method, path, body, {"Content-Type": "application/json"} if body else {})
        return self.http.getresponse().read()

    def run(self, prompt: dict[str, Any]) -> tuple[str, bytes]:
        """The id of a prompt and the bytes of its picture."""
        taken = self.ask("POST", "/prompt", json.dumps({"prompt": prompt, "client_id": self.id}).encode())
        prompt_id = json.loads(taken)["prompt_id"]
        while True:
            message = self.socket.recv()
            if isinstance(message, str):
                told = json.loads(message)
                if told["type"] == "executing" and told["data"] == {"node": None, "prompt_id": prompt_id}:
                    break
        history = json.loads(self.ask("GET", f"/history/{prompt_id}"))
        image = history[prompt_id]["outputs"]["2"]["images"][0]
        return prompt_id, self.ask("GET", "/view?" + urlencode(image))

    def close(self) -> None:
        """Closes the socket and the connection."""
        self.socket.close()
        self.http.close()


class Ours:
    """comfyproof's client, one for all prompts."""

    def __init__(self, url: str) -> None:
        self.client = Client(url)
        self.listener = self.client.listen()
        self.listener.__enter__()

    def run(self, prompt: dict[str, Any]) -> tuple[str, bytes]:
        """The id of a prompt and the bytes of its picture."""
        prompt_id = str(uuid.uuid4())
        taken = self.client.submit(prompt, prompt_id, new=True)
        assert isinstance(taken, Submission), taken
        outcome = self.client.wait(taken.prompt_id, lambda event: None)
        assert isinstance(outcome, Succeeded), outcome
        return prompt_id, self.client.fetch(outcome.outputs[0], limit_bytes=LIMIT)

    def close(self) -> None:
        """Stops listening and closes the connection."""
        self.listener.__exit__(None, None, None)
        self.client.close()


def once(make: Callable[[str], ByHand | Ours], url: str, prompt: dict[str, Any]) -> tuple[str, bytes]:
    """A prompt by a client made for it alone, as a command runs one."""
    made = make(url)
    try:
        return made.run(prompt)
    finally:
        made.close()


def execution_seconds(url: str, prompt_ids: list[str]) -> float:
    """What the server says that executing these prompts took, all in all; it tells milliseconds."""
    host = urlsplit(url).netloc
    total = 0
    for prompt_id in prompt_ids:
        connection = http.client.HTTPConnection(host, timeout=60)
        connection.request("GET", f"/history/{prompt_id}")
        entry = json.loads(connection.getresponse().read())[prompt_id]
        connection.close()
        at = {kind: data["timestamp"] for kind, data in entry["status"]["messages"]}
        total += at["execution_success"] - at["execution_start"]
    return total / 1000


def overhead(url: str, run: Callable[[dict[str, Any]], tuple[str, bytes]], first: int) -> float:
    """Seconds per prompt over the server's own execution."""
    ids, began = [], time.perf_counter()
    for n in range(first, first + PROMPTS):
        prompt_id, data = run(trivial(n))
        assert data.startswith(b"\x89PNG")
        ids.append(prompt_id)
    spent = time.perf_counter() - began
    return (spent - execution_seconds(url, ids)) / PROMPTS


def measured(url: str) -> dict[tuple[str, str], list[float]]:
    """Seconds of each client, kept and anew for each prompt; all in turn in every round."""
    found: dict[tuple[str, str], list[float]] = {}
    number = time.time_ns() % 2**23
    for _ in range(ROUNDS):
        for name, make in (("by hand", ByHand), ("comfyproof", Ours)):
            kept = make(url)
            kept.run(trivial(number))
            found.setdefault(("kept for all", name), []).append(overhead(url, kept.run, number + 1))
            kept.close()
            number += PROMPTS + 1
            anew = lambda prompt, make=make: once(make, url, prompt)  # noqa: E731
            found.setdefault(("one for each", name), []).append(overhead(url, anew, number))
            number += PROMPTS
    return found


@contextmanager
def server() -> Iterator[str]:
    """The server named on the command line, or an emulator in a process of its own."""
    if sys.argv[1:]:
        yield sys.argv[1].rstrip("/")
        return
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "comfyproof", "serve", "--port", "0", "--folder", folder]
        emulator = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert emulator.stdout is not None
        try:
            yield next(line.strip() for line in emulator.stdout if line.startswith("http://"))
        finally:
            emulator.terminate()
            emulator.wait()


def main() -> None:
    """Prints the table."""
    with server() as url:
        found = measured(url)
    print(
        f"{'overhead a prompt (median of ' + str(ROUNDS) + ')':36}{'by hand ms':>12}{'comfyproof ms':>15}{'ratio':>8}"
    )
    for kind in ("kept for all", "one for each"):
        hand, ours = (statistics.median(found[kind, name]) * 1000 for name in ("by hand", "comfyproof"))
        print(f"{'a client ' + kind:36}{hand:12.1f}{ours:15.1f}{ours / hand:8.2f}")


if __name__ == "__main__":
    main()

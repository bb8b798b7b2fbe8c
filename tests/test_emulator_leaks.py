"""What the emulator opens it closes: descriptors and threads, while it runs and when it stops."""

from __future__ import annotations

import gc
import os
import sys
import threading
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from comfyproof.catalog.pinned import built_in
from comfyproof.emulator.embedded import Emulator
from emulator_client import Client, Socket, copy_prompt, is_event, picture

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="descriptors are counted in /proc")


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def settled(count: Callable[[], int], wanted: int) -> int:
    """The count once it is as wanted: a server hears of a closed connection a moment later."""
    waiting = threading.Event()
    for _ in range(200):
        if count() <= wanted:
            break
        waiting.wait(0.05)
    return count()


def visit(client: Client, n: int) -> None:
    """What clients do: prompts that run, fail and are refused, uploads, views, sockets closed and dropped."""
    client.upload(picture(seed=n), f"up-{n}.png")
    entry = client.run(copy_prompt(f"leak-{n}", 32 + n % 8))
    client.view(entry["outputs"]["3"]["images"][0])
    client.get("/view", preview="webp;90", **entry["outputs"]["3"]["images"][0])
    client.post("/prompt", {"prompt": copy_prompt(width=-1)})
    failed = client.run({**copy_prompt("../outside")})
    assert failed["status"]["status_str"] == "error"
    dropped = Socket(client.url, uuid.uuid4().hex)
    dropped.until(lambda m: is_event(m, "status"))
    dropped.socket.shutdown()


def test_nothing_is_left_open(tmp_path: Path) -> None:
    gc.collect()  # what tests before this one in the same process have left is not to be closed in the middle of it
    threads, before = threading.active_count(), descriptors()
    with Emulator(tmp_path, catalog=built_in()) as emulator:
        client = Client(emulator.url)
        client.upload(picture())
        for n in range(3):
            visit(client, n)
        working = descriptors()
        for n in range(40):
            visit(client, n)
        assert settled(descriptors, working) <= working
        client.http.close()
    assert settled(threading.active_count, threads) == threads
    assert settled(descriptors, before) <= before

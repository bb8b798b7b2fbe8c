"""Ctrl-C while a server has our prompt: it is withdrawn, and where that cannot be done, this is said, and at once."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from comfyproof.catalog.pinned import built_in
from scripted_server import Call, ScriptedServer, hangs, normally

SPEC = """comfyproof: 1
nodes:
  grey: {EmptyImage: {width: 8, height: 8, batch_size: 1, color: 9}}
  kept: {SaveImage: {images: $grey, filename_prefix: kept}}
"""


class Heard:
    """Something that happens on the server, for a test to wait for."""

    def __init__(self) -> None:
        self._happened = threading.Event()

    def __call__(self, call: Call) -> None:
        self._happened.set()
        normally(call)

    def then_hangs(self, call: Call) -> None:
        self._happened.set()
        hangs(call)

    def wait(self) -> None:
        assert self._happened.wait(30)


@contextmanager
def run_on(server: ScriptedServer, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A run that goes on until it is stopped; given out once the server has its prompt and was asked for it."""
    (folder / "spec.yaml").write_text(SPEC)
    server.nodes, server.keep_running = dict(built_in().raw), True
    looked = Heard()
    server.script["GET /queue"] = [looked]
    command = [sys.executable, "-m", "comfyproof", "run", "spec.yaml", "--server", server.url]
    process = subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True)
    try:
        looked.wait()
        yield process
    finally:
        process.kill()
        process.communicate()


def ended(process: subprocess.Popen[str]) -> str:
    """What it said, having been interrupted."""
    began = time.monotonic()
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130, said
    assert time.monotonic() - began < 4
    assert "Traceback" not in said
    return said


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGHUP])
def test_it_is_withdrawn_and_only_it(server: ScriptedServer, tmp_path: Path, sign: signal.Signals) -> None:
    server.pending = [[9, "theirs", {}, {}, []]]
    with run_on(server, tmp_path) as process:
        process.send_signal(sign)
        said = ended(process)
    (ours,) = (item[1] for item in server.running)
    assert "interrupted; the prompt is withdrawn from the server" in said
    assert server.asked("POST /interrupt") == [b'{"prompt_id": "%b"}' % ours.encode()]
    assert server.asked("POST /queue") == [b'{"delete": ["%b"]}' % ours.encode()]
    assert [item[1] for item in server.pending] == ["theirs"]


def test_a_second_ctrl_c_waits_for_nothing(server: ScriptedServer, tmp_path: Path) -> None:
    asked = Heard()
    with run_on(server, tmp_path) as process:
        server.script["POST /queue"] = [asked.then_hangs]
        process.send_signal(signal.SIGINT)
        asked.wait()
        process.send_signal(signal.SIGINT)
        said = ended(process)
    assert f'prompt "{server.running[0][1]}" may still run on {server.url}' in said
    assert "the record is " in said


def test_a_server_that_is_gone_is_not_waited_for(server: ScriptedServer, tmp_path: Path) -> None:
    with run_on(server, tmp_path) as process:
        server.stop()
        process.send_signal(signal.SIGINT)
        said = ended(process)
        server.start()
    assert f'prompt "{server.running[0][1]}" may still run on {server.url}' in said


def test_a_server_that_takes_its_time_is_said_to(server: ScriptedServer, tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(SPEC)
    server.nodes = dict(built_in().raw)

    def later(call: Call) -> None:
        server.gone.wait(3)
        call.answer()

    server.script["GET /object_info/"] = [later]
    command = [sys.executable, "-m", "comfyproof", "run", "spec.yaml", "--server", server.url]
    done = subprocess.run(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True, timeout=60)
    assert done.stderr.count("waiting for the server; one with many node packs") == 1

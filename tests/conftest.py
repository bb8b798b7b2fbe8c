"""What the tests share: where the project is, and how to run its command."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from comfyproof.catalog.pinned import built_in
from comfyproof.emulator.embedded import Emulator
from comfyproof.run.client import Client
from postgres import MISSING, Postgres, programs
from scripted_server import QUICK, ScriptedServer
from warm_command import WarmCommand

# A shell that starts tests in the background has them ignore Ctrl-C, and so would every process that they start.
signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).parent.parent
# What commands keep for the next time is not kept in the home of whoever runs the tests.
os.environ["XDG_CACHE_HOME"] = tempfile.mkdtemp(prefix="comfyproof-tests-")
Command = Callable[..., subprocess.CompletedProcess[str]]


# The same examples every time, so that a red test speaks of a change; `make fuzz` is the one that goes looking.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.register_profile("search", max_examples=5000, deadline=None)
settings.load_profile("repeatable")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--chaos", action="store_true", help="the long form of the tests that kill processes")
    parser.addoption("--dice", type=int, default=1, help="what decides when they kill")


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """An emulator for the tests of one file."""
    with Emulator(tmp_path_factory.mktemp("emulator"), catalog=built_in()) as started:
        yield started


@pytest.fixture(scope="session")
def warm_command() -> Iterator[WarmCommand]:
    """A process that has imported the command, and forks one for every call."""
    with WarmCommand() as started:
        yield started


@pytest.fixture
def comfyproof(tmp_path: Path, warm_command: WarmCommand) -> Command:
    """Runs the command in a process of its own, in an empty folder."""

    def run(
        *arguments: object, cwd: Path | None = None, timeout: float = 120, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        set_here = {**os.environ, "NO_COLOR": "1", **environment}
        if any(name.startswith("PYTHON") for name in environment):  # which Python reads as it starts
            return subprocess.run(
                [sys.executable, "-m", "comfyproof", *map(str, arguments)],
                cwd=cwd or tmp_path, capture_output=True, text=True, timeout=timeout, check=False, env=set_here,
            )  # fmt: skip
        call = warm_command.start(*arguments, cwd=cwd or tmp_path, apart=True, **set_here)
        code, out = call.finish(timeout)
        return subprocess.CompletedProcess(list(map(str, arguments)), code, out, call.complained())

    return run


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """A server that does what a test tells it to."""
    with ScriptedServer() as server:
        yield server


@pytest.fixture
def client(server: ScriptedServer) -> Iterator[Client]:
    """A client of that server, which waits for nothing long."""
    with Client(server.url, timeouts=QUICK) as client:
        yield client


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of a PostgreSQL database."""
    if programs() is None:
        if os.environ.get("CI"):
            pytest.fail(MISSING)
        pytest.skip(MISSING)
    with Postgres() as started:
        yield started.url

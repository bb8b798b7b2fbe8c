"""The command as processes that need not import it first: one that has all of it forks one for every call.

    python warm_command.py SOCKET

A call is one line of JSON on a connection: `arguments`, `environment` (what is changed, None: not set), `said` (the
file for its outputs), perhaps `complained` (another file for what it writes to stderr), and perhaps `limit`, the most
bytes that a file may have. The answers are the id of the process and, when it has ended, its code.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib
import json
import os
import pkgutil
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn

# What commands import besides our own.
OTHERS = (
    "aiohttp.web", "jsonschema", "networkx", "numpy", "PIL.Image", "PIL.PngImagePlugin", "psycopg", "requests",
    "rich.console", "skimage.metrics", "sqlalchemy.dialects.sqlite", "wsproto",
)  # fmt: skip


class Call:
    """One process of the command, from its start to its end."""

    def __init__(self, address: str, request: dict[str, Any]) -> None:
        self._connection = socket.socket(socket.AF_UNIX)
        self._connection.connect(address)
        self._connection.sendall(json.dumps(request).encode() + b"\n")
        self._said = Path(request["said"])
        self.pid = int(self._connection.recv(16))
        self.code: int | None = None

    def said(self) -> str:
        """What it has said so far."""
        return self._said.read_text()

    def complained(self) -> str:
        """What it has said on stderr so far, where that is kept apart."""
        return Path(f"{self._said}-err").read_text()

    def send(self, sign: int) -> None:
        """Sends a signal to it."""
        os.kill(self.pid, sign)

    def finish(self, seconds: float = 60.0) -> tuple[int, str]:
        """Its code, negative where a signal ended it, and all that it said. Raises TimeoutError."""
        if self.code is None:
            self._connection.settimeout(seconds)
            try:
                self.code = int(self._connection.recv(16))
            except TimeoutError:
                raise TimeoutError(self.said()[-2000:]) from None
            self._connection.close()
        return self.code, self.said()

    def close(self) -> None:
        """Ends it, if it has not ended."""
        if self.code is None:
            with contextlib.suppress(ProcessLookupError):
                self.send(signal.SIGKILL)
            self.finish()


class WarmCommand:
    """The process that forks; a context, with which all of its calls end, too."""

    def __enter__(self) -> WarmCommand:
        self._folder = Path(tempfile.mkdtemp(prefix="warm-"))
        self._address = str(self._folder / "socket")
        self._process = subprocess.Popen(
            [sys.executable, __file__, self._address], stdout=subprocess.PIPE, text=True,
            env={**os.environ, "NO_COLOR": "1", "OPENBLAS_NUM_THREADS": "1"},
        )  # fmt: skip
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"
        self._calls: list[Call] = []
        return self

    def start(
        self,
        *arguments: object,
        cwd: Path | None = None,
        limit: int | None = None,
        apart: bool = False,
        **environment: str | None,
    ) -> Call:
        """A process of the command. No file that it writes may have more than `limit` bytes.

        `apart`: what it says on stderr is kept apart from what it says on stdout.
        """
        said = str(self._folder / f"{len(self._calls)}-{os.urandom(4).hex()}")
        request = {
            "arguments": list(map(str, arguments)), "environment": environment, "limit": limit, "said": said,
            "complained": f"{said}-err" if apart else None, "cwd": str(cwd) if cwd else None,
        }  # fmt: skip
        call = Call(self._address, request)
        self._calls.append(call)
        return call

    def run(
        self, *arguments: object, cwd: Path | None = None, limit: int | None = None, **environment: str | None
    ) -> tuple[int, str]:
        """The code and the words of a process that ran to its end."""
        return self.start(*arguments, cwd=cwd, limit=limit, **environment).finish()

    def __exit__(self, *_: object) -> None:
        for call in self._calls:
            call.close()
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
        for path in self._folder.iterdir():
            path.unlink()
        self._folder.rmdir()


def _be(request: dict[str, Any], main: Any) -> None:
    """What the new process does: it becomes the command."""
    for name, value in request["environment"].items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    said = os.open(request["said"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(said, 1)
    os.dup2(said, 2)
    os.close(said)
    if request["complained"]:
        os.dup2(os.open(request["complained"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), 2)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    if request["cwd"]:
        os.chdir(request["cwd"])
    if request["limit"]:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (request["limit"], request["limit"]))
    _ends(main, request["arguments"])


def _ends(main: Any, arguments: Sequence[str]) -> NoReturn:
    """The command and the end of its interpreter, but that nothing is cleared away: it takes longer than the rest."""
    try:
        main(arguments)
        code: Any = 0
    except SystemExit as end:
        code = end.code
    except BaseException:
        traceback.print_exc()
        code = 1
    if isinstance(code, str):
        print(code, file=sys.stderr)
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code if isinstance(code, int) else bool(code))


def _serve(connection: socket.socket, main: Any) -> None:
    """Forks the process, which ends as the interpreter does, and waits for that."""
    with connection.makefile() as lines:
        request = json.loads(lines.readline())
    pid = os.fork()
    if not pid:
        connection.close()
        _be(request, main)
    connection.sendall(f"{pid}\n".encode())
    _, status = os.waitpid(pid, 0)
    with contextlib.suppress(BrokenPipeError):
        connection.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())
    os._exit(0)


def _all_of(package: str) -> Iterator[str]:
    """The modules of a package, at any depth."""
    found = importlib.import_module(package)
    for module in pkgutil.walk_packages(found.__path__, f"{package}."):
        if not module.name.endswith("__main__"):
            yield module.name


def main(arguments: Sequence[str]) -> None:
    for name in (*OTHERS, *_all_of("comfyproof")):
        importlib.import_module(name)
    importlib.import_module("comfyproof.catalog.pinned").built_in()
    command = importlib.import_module("comfyproof.cli.main").main
    assert len(os.listdir("/proc/self/task")) == 1  # a fork keeps one thread only
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(arguments[0])
    listener.listen()
    print("ready", flush=True)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those that wait
    while True:
        connection, _ = listener.accept()
        if not os.fork():
            listener.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _serve(connection, command)
        connection.close()


if __name__ == "__main__":
    main(sys.argv[1:])

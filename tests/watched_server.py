"""An emulator in a process of its own that can be killed, and a log of what it ran that outlives it.

    python watched_server.py PORT FOLDER LOG [FAULT ...]

The log holds `start PID`, `begin ID` and `end ID OUTCOME`, each written before the server goes on.
"""

from __future__ import annotations

import contextlib
import os
import random
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import NamedTuple

from comfyproof.catalog.pinned import built_in
from comfyproof.emulator.embedded import Emulator
from comfyproof.emulator.faults import parse
from comfyproof.emulator.watching import Passage


class Ran(NamedTuple):
    """One prompt that ran to its end, on which server, in which of its lives."""

    prompt_id: str
    server: int
    life: int


class WatchedServer:
    """One server of a fleet: started, killed and started again at the same address."""

    def __init__(self, folder: Path, number: int, *faults: str) -> None:
        self.number, self._folder, self._faults = number, folder / f"server-{number}", faults
        self.log = folder / f"server-{number}.log"
        self._port = _free_port()
        self.url = f"http://127.0.0.1:{self._port}"
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__, str(self._port), str(self._folder), str(self.log), *self._faults],
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self._process.stdout is not None
        assert self._process.stdout.readline().strip() == self.url

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            assert self._process.stdout is not None
            self._process.stdout.close()
            self._process = None

    def lives(self) -> list[list[str]]:
        """What the log says of each of its lives."""
        found: list[list[str]] = []
        for line in self.log.read_text().splitlines():
            found.append([]) if line.startswith("start ") else found[-1].append(line)
        return found

    def ran(self) -> list[Ran]:
        """The prompts that ran to their end."""
        return [
            Ran(line.split()[1], self.number, life)
            for life, lines in enumerate(self.lives())
            for line in lines
            if line.startswith("end ") and line.endswith(" success")
        ]


def _free_port() -> int:
    """A port that stays free while its server is dead: not one of those that the system gives to connections."""
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as taken, contextlib.suppress(OSError):
            taken.bind(("127.0.0.1", port))
            return port


def main() -> None:
    port, folder, log, *faults = sys.argv[1:]
    stream = open(log, "a", buffering=1)  # noqa: SIM115 - as long as the process lives
    stream.write(f"start {os.getpid()}\n")

    def watch(passage: Passage) -> None:
        word = f"begin {passage.id}" if passage.outcome is None else f"end {passage.id} {passage.outcome}"
        stream.write(word.replace("\n", " ") + "\n")

    server = Emulator(
        Path(folder), catalog=built_in(), port=int(port), faults=[parse(each) for each in faults], watch=watch
    )
    print(server.start(), flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main()

"""The folder of a batch: where its ledger, its objects and its log lie, and who works in it."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import uuid
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from ..run.folder import write_whole
from .failpoints import passed

SCHEMA = "comfyproof/batch/1"
OWN = ".comfyproof"


class NoBatch(Exception):
    """A folder holds no batch, or one that cannot be read; the message says why."""


class Locked(Exception):
    """Somebody else works on the batch; the message says who."""


class BatchFolder(NamedTuple):
    """OUT, with human names in it, and OUT/.comfyproof, with everything else."""

    out: Path

    @property
    def own(self) -> Path:
        """Where everything but the pictures' names lies."""
        return self.out / OWN

    @property
    def objects(self) -> Path:
        """The content-addressed store."""
        return self.own / "objects"

    @property
    def work(self) -> Path:
        """Where files lie before they are verified; swept when a coordinator starts."""
        return self.own / "work"

    @property
    def events(self) -> Path:
        """The log of events, one JSON object a line."""
        return self.own / "events.ndjson"

    def ledger_url(self) -> str:
        """The ledger of a batch that was given no other: SQLite in the folder."""
        return f"sqlite:///{(self.own / 'ledger.sqlite').resolve()}"

    def engine_url(self) -> str:
        """Where the engine keeps its workflows, unless the ledger is PostgreSQL."""
        return f"sqlite:///{(self.own / 'engine.sqlite').resolve()}"

    def about(self) -> dict[str, Any]:
        """What batch.json says: `batch`, its id, and `ledger`, without a password. Raises NoBatch."""
        path = self.own / "batch.json"
        try:
            about = json.loads(path.read_bytes())
        except FileNotFoundError:
            raise NoBatch(f'there is no batch in "{self.out}"') from None
        except (OSError, ValueError, RecursionError) as problem:
            raise NoBatch(f'"{path}" cannot be read: {getattr(problem, "strerror", None) or problem}') from None
        if not isinstance(about, dict) or about.get("schema") != SCHEMA or not isinstance(about.get("batch"), str):
            raise NoBatch(f'"{path}" is no description of a batch, or that of a newer comfyproof')
        return about

    def create(self, ledger: str) -> str:
        """The id of the batch in this folder, a new one if there was none. Raises NoBatch, OSError."""
        self.objects.mkdir(parents=True, exist_ok=True)
        self.work.mkdir(exist_ok=True)
        if (self.own / "batch.json").exists():
            return str(self.about()["batch"])
        passed("after-folder")
        batch = str(uuid.uuid4())
        about = {"schema": SCHEMA, "batch": batch, "ledger": ledger}
        write_whole(self.own / "batch.json", (json.dumps(about, indent=2) + "\n").encode())
        passed("after-batch")
        return batch


class Lock:
    """The right to work on a batch, alone or shared; the kernel takes it back when the process ends, however it ends.

    Raises Locked.
    """

    def __init__(self, folder: BatchFolder, *, shared: bool) -> None:
        # A shared lock keeps out those who want to be alone, and is for coordinators with a common ledger.
        self._file = (folder.own / "lock").open("a+")
        try:
            fcntl.flock(self._file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except OSError:
            self._file.seek(0)
            who = self._file.read(300).strip()
            self._file.close()
            raise Locked(f'somebody else works on the batch in "{folder.out}"' + (f": {who}" if who else "")) from None
        self._file.truncate(0)
        self._file.write(f"process {os.getpid()} on {socket.gethostname()}, since {_now()}\n")
        self._file.flush()

    def release(self) -> None:
        """Gives the right back."""
        with suppress(OSError, ValueError):
            self._file.truncate(0)
        self._file.close()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")

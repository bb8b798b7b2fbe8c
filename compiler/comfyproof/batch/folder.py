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
from urllib.parse import quote

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
        return sqlite_url(self.own / "ledger.sqlite")

    def has_no_ledger(self) -> bool:
        """Whether there is no ledger here, or an empty one; what an old one has left beside it is cleared away."""
        path = self.own / "ledger.sqlite"
        if path.exists() and (not path.is_file() or path.stat().st_size):
            return False
        for end in ("-wal", "-shm"):
            path.with_name(path.name + end).unlink(missing_ok=True)
        return True

    def engine_url(self) -> str:
        """Where the engine keeps its workflows, unless the ledger is PostgreSQL."""
        return sqlite_url(self.own / "engine.sqlite")

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
        for path in [self.own, *(self.own.iterdir() if self.own.is_dir() else ())]:
            if path.is_symlink():  # what lies there would be written, wherever that is
                raise NoBatch(f'"{path}" is a link')
        self.objects.mkdir(parents=True, exist_ok=True)
        self.work.mkdir(exist_ok=True)
        if (self.own / "batch.json").exists():
            return str(self.about()["batch"])
        passed("after-folder")
        batch = str(uuid.uuid4())
        about = {"schema": SCHEMA, "batch": batch, "ledger": ledger}
        mine = self.own / f"batch-{batch}.json"
        write_whole(mine, (json.dumps(about, indent=2) + "\n").encode())
        try:
            os.link(mine, self.own / "batch.json")
        except FileExistsError:  # another began at the same moment: it is one batch
            pass
        except OSError:  # no links here
            mine.replace(self.own / "batch.json")
        mine.unlink(missing_ok=True)
        passed("after-batch")
        return str(self.about()["batch"])


def sqlite_url(path: Path, **options: str) -> str:
    """The address of a database in a file, whatever it is called."""
    from sqlalchemy import URL

    # As a URI within one: what else a folder may be called, such as a?b#c, would end the path.
    file = f"file:{quote(str(path.resolve()))}"
    return URL.create("sqlite", database=file, query={**options, "uri": "true"}).render_as_string()


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

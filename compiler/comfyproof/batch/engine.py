"""DBOS Transact under the batch: one shard is one durable workflow, whose one step hands it to a lane.

The ledger is the truth about jobs. What the engine adds is that whoever looks into its tables, by SQL or by DBOS's own
tools, sees every shard that was begun, where, and what came of it; a workflow that a crash left behind is run again
when its executor is, and finds that the ledger has moved on.
"""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from contextlib import closing
from pathlib import Path
from typing import Any

from dbos import DBOS, DBOSConfig, Serializer, SetWorkflowID

from .ledger import told

_FORMAT = "comfyproof-1"  # fixed: a newer comfyproof goes on with the workflows of an older one
_THREADS = 256

_run: Callable[[str, str, Sequence[str]], dict[str, int]] | None = None


class _Json(Serializer):
    """JSON in the engine's tables: whoever opens another's ledger must not run what stands in it, as a pickle would."""

    def serialize(self, data: Any) -> str:
        """Data as text."""
        return json.dumps(data, default=str)

    def deserialize(self, serialized_data: str) -> Any:
        """Text as data."""
        return json.loads(serialized_data)

    def name(self) -> str:
        """What the tables call it."""
        return "json"


@DBOS.step(name="comfyproof.run_shard")
def _run_shard(shard: str, server: str, keys: list[str]) -> dict[str, int]:
    assert _run is not None
    return _run(shard, server, keys)


@DBOS.workflow(name="comfyproof.shard", max_recovery_attempts=None)
def _shard(shard: str, server: str, keys: list[str]) -> dict[str, int]:
    return _run_shard(shard, server, keys)


class Engine:
    """The workflows of one coordinator; one at a time in a process. Raises LedgerProblem.

    `file` is where SQLite keeps them, if it does. `run` runs a shard on a server and returns what came of it, in small
    numbers; it is called in threads.
    """

    def __init__(
        self, url: str, file: Path | None, executor: str, run: Callable[[str, str, Sequence[str]], dict[str, int]]
    ) -> None:
        global _run
        _run = run
        self._running: set[Future[Any]] = set()
        for name in ("dbos", "sqlalchemy"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        if file is not None:
            _prepare(file)
        config: DBOSConfig = {
            "name": "comfyproof",
            "system_database_url": url,
            "application_version": _FORMAT,
            "executor_id": executor,
            "serializer": _Json(),
            "log_level": "CRITICAL",
            "enable_otlp": False,
            "notification_listener_polling_interval_sec": 0.1,  # it ends when it has looked, which `close` waits for
            "max_executor_threads": _THREADS,
        }
        DBOS(config=config)
        with told():
            DBOS.launch()

    def start(self, shard: str, server: str, keys: Sequence[str]) -> None:
        """Begins the workflow of a shard."""
        with told(), SetWorkflowID(shard):
            handle = DBOS.start_workflow(_shard, shard, server, list(keys))
        future: Future[Any] | None = getattr(handle, "future", None)
        if future is not None:
            self._running.add(future)
            future.add_done_callback(self._running.discard)

    def close(self) -> None:
        """Waits for the workflows to note what came of them, and closes the tables."""
        wait(list(self._running), timeout=5)  # DBOS itself would look once a second
        DBOS.destroy()


def _prepare(file: Path) -> None:
    """Makes the tables quick to write; those that are damaged are set aside, for nothing is only there."""
    try:
        with closing(sqlite3.connect(file)) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
            whole = connection.execute("PRAGMA quick_check(1)").fetchone() == ("ok",)
    except sqlite3.DatabaseError:
        whole = False
    if not whole:
        file.replace(file.with_name(f"{file.name}.damaged"))
        for end in ("-wal", "-shm"):
            file.with_name(file.name + end).unlink(missing_ok=True)
        with closing(sqlite3.connect(file)) as connection:
            connection.execute("PRAGMA journal_mode=WAL")

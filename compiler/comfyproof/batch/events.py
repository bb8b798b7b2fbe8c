"""The log of a batch: what happened, one JSON object a line, for other programs and for whoever checks us."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .failpoints import passed


class EventLog:
    """Appends events to a file, each line in one write, so that several coordinators can share it.

    `also` hears each line, too. Raises OSError.
    """

    def __init__(self, path: Path, also: Callable[[str], None] | None = None) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW
        self._file = os.open(path, flags, 0o644)
        self._also = also
        self._path = path
        self._torn = False
        if not _ends_whole(path):
            os.write(self._file, b"\n")  # a process was ended in the middle of a line

    def tell(self, event: str, **facts: Any) -> None:
        """Adds an event."""
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = json.dumps({"at": at, "event": event, **facts}, ensure_ascii=True) + "\n"
        data = line.encode()
        passed("half-line", lambda: os.write(self._file, data[: len(data) // 2]))
        # Nothing follows half a line but the next beginning, which ends it.
        if self._torn or os.write(self._file, data) < len(data):
            self._torn = True
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._path))
        if self._also is not None:
            self._also(line)

    def close(self) -> None:
        """Ends the log, with all of it on disk."""
        os.fsync(self._file)
        os.close(self._file)


def _ends_whole(path: Path) -> bool:
    with path.open("rb") as stream:
        if stream.seek(0, os.SEEK_END) == 0:
            return True
        stream.seek(-1, os.SEEK_END)
        return stream.read(1) == b"\n"

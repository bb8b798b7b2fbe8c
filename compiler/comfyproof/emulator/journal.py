"""What the emulator has done, in lines, as its clients may read and follow it."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime

from .events import Hub

MOST = 300
SIZE: Mapping[str, int] = {"cols": 80, "rows": 24}


class Journal:
    """The last lines, and who wants to hear of new ones; safe to use from any thread."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._lock = threading.Lock()
        self._entries: deque[Mapping[str, str]] = deque(maxlen=MOST)
        self._followers: set[str] = set()

    def write(self, line: str) -> None:
        """Adds a line, and sends it to who follows."""
        entry = {"t": datetime.now(UTC).isoformat(), "m": line + "\n"}
        with self._lock:
            self._entries.append(entry)
            followers = list(self._followers)
        for sid in followers:
            self._hub.send("logs", {"entries": [entry], "size": SIZE}, sid)

    def entries(self) -> list[Mapping[str, str]]:
        """The lines, oldest first, each with its time under "t" and its text under "m"."""
        with self._lock:
            return list(self._entries)

    def follow(self, sid: str) -> None:
        """Sends new lines to a client from now on; those whose sockets are gone are forgotten."""
        with self._lock:
            self._followers = {each for each in self._followers if each in self._hub.sockets} | {sid}

    def leave(self, sid: str) -> None:
        """Sends a client none any more."""
        with self._lock:
            self._followers.discard(sid)

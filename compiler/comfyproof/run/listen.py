"""Listening on a server's websocket, in a thread of its own: nothing it does or fails to do can hold up a prompt."""

from __future__ import annotations

import contextlib
import threading
from types import TracebackType
from typing import Self
from urllib.parse import quote

from .access import OPEN, Access
from .channel import TEXT, Channel
from .events import read_message
from .problems import ServerProblem
from .waiting import Inbox
from .wire import Wire

_LONGEST_START = 2.0
_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 10.0


class Listener:
    """A websocket that is kept open while it is entered, and fills the inbox with what it hears.

    It may stay entered for one prompt after the other. Once it broke, it is opened again under the same
    client id; a ComfyUI may stay silent on it then.
    """

    def __init__(self, url: str, client_id: str, inbox: Inbox, seconds: float, access: Access = OPEN) -> None:
        self._wire = Wire(url, seconds, access)
        self._path = f"/ws?clientId={quote(client_id)}"
        self._inbox, self._seconds = inbox, seconds
        self._tried, self._closing = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="comfyproof-listen", daemon=True)
        self._channel: Channel | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        self._tried.wait(min(self._seconds, _LONGEST_START))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._closing.set()
        if self._channel is not None:
            self._channel.abort()
        self._thread.join(timeout=1.0)

    def _run(self) -> None:
        pause = _FIRST_PAUSE
        with contextlib.closing(self._wire):
            while not self._closing.is_set():
                with contextlib.suppress(ServerProblem, OSError, ValueError):  # a hint must never be fatal
                    self._channel = self._wire.websocket(self._path, self._seconds)
                    with contextlib.closing(self._channel):
                        self._tried.set()
                        self._hear(self._channel)
                self._tried.set()
                self._closing.wait(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)

    def _hear(self, channel: Channel) -> None:
        while not self._closing.is_set():
            kind, data = channel.receive()
            prompt_id, told = read_message(data) if kind == TEXT else ("", [])
            if told:
                self._inbox.put(prompt_id, told)

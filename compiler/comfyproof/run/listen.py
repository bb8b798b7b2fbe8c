"""Listening on a server's websocket, in a thread of its own: nothing it does or fails to do can hold up a prompt."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

from websocket import ABNF, WebSocket, WebSocketException

from .events import read_message
from .waiting import Inbox

MAX_MESSAGE = 16 * 2**20
_LONGEST_START = 2.0
_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 10.0


class Listener:
    """A websocket that is kept open while it is entered, and fills the inbox with what it hears.

    Once it broke, it is opened again under the same client id; a ComfyUI may stay silent on it then.
    """

    def __init__(self, url: str, client_id: str, inbox: Inbox, seconds: float) -> None:
        self._url = f"ws{url.removeprefix('http')}/ws?clientId={quote(client_id)}"
        self._inbox, self._seconds = inbox, seconds
        self._tried, self._closing = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="comfyproof-listen", daemon=True)
        self._socket: Any = WebSocket()

    def __enter__(self) -> Self:
        self._thread.start()
        self._tried.wait(min(self._seconds, _LONGEST_START))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._closing.set()
        self._socket.abort()
        self._thread.join(timeout=1.0)

    def _run(self) -> None:
        pause = _FIRST_PAUSE
        while not self._closing.is_set():
            self._socket = WebSocket(skip_utf8_validation=True)
            # The library meets a server's nonsense with exceptions of many kinds; a hint must never be fatal.
            with contextlib.suppress(Exception):
                self._listen()
            self._socket.shutdown()
            self._tried.set()
            self._closing.wait(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _listen(self) -> None:
        cap = self._socket.frame_buffer.recv = _Cap(self._socket.frame_buffer.recv)
        self._socket.connect(self._url, timeout=self._seconds, suppress_origin=True, redirect_limit=0)
        self._socket.settimeout(None)
        self._tried.set()
        kind = ABNF.OPCODE_PING
        while kind != ABNF.OPCODE_CLOSE and not self._closing.is_set():
            cap.size = 0
            kind, data = self._socket.recv_data()
            prompt_id, told = read_message(data) if kind == ABNF.OPCODE_TEXT else ("", [])
            for event in told:
                with contextlib.suppress(queue.Full):
                    self._inbox.put_nowait((prompt_id, event))


class _Cap:
    """Gives up on a message without end, which the library would gather for ever."""

    def __init__(self, receive: Callable[[int], bytes]) -> None:
        self._receive = receive
        self.size = 0

    def __call__(self, size: int) -> bytes:
        data = self._receive(size)
        self.size += len(data)
        if self.size > MAX_MESSAGE:
            raise WebSocketException("this message has no end")
        return data

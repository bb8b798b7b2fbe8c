"""A websocket on a connection that is opened like any request: messages of bounded size, answered pings."""

from __future__ import annotations

import contextlib
import io
import socket
import time
from collections.abc import Iterator
from typing import Any

from wsproto.connection import Connection, ConnectionType
from wsproto.events import CloseConnection, Message, Ping, Pong, TextMessage
from wsproto.events import Event as WireEvent
from wsproto.utilities import generate_accept_token, generate_nonce

MAX_MESSAGE = 16 * 2**20
TEXT, BINARY, PING, PONG = 1, 2, 9, 10
_PIECE = 2**16
# What keeps coming may take longer than it was allowed: for each so many bytes a second more.
SLOWEST = 64 * 2**10
# A connection whose other end is gone without a word is noticed after a minute, and opened anew.
_KEEP_ALIVE = (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3))


class Timed(io.RawIOBase):
    """A socket's bytes with one deadline for all of them: a byte now and then must not hold us for ever.

    A slow network is no reason to give up a large file: what comes fast enough moves the deadline. Of silence there is
    never more than was allowed for the whole.
    """

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        self._raw = sock.makefile("rb", buffering=0)
        self.allow(sock.gettimeout())

    def allow(self, seconds: float | None) -> None:
        """Sets the deadline, so many seconds from now; None for none."""
        self._allowed, self._last = seconds, time.monotonic()
        self._end = self._last + (seconds or 0.0)

    def readable(self) -> bool:
        """True."""
        return True

    def readinto(self, buffer: Any, /) -> int | None:
        """How many bytes came. Raises OSError, TimeoutError after the deadline."""
        left = self._left()
        if left is not None and left <= 0:
            raise TimeoutError("the answer took too long")
        self.socket.settimeout(left)
        # Not from the file: once something did not come in time, it gives nothing ever after.
        count = self.socket.recv_into(buffer)
        self._last = time.monotonic()
        self._end += count / SLOWEST
        return count

    def _left(self) -> float | None:
        return None if self._allowed is None else min(self._end, self._last + self._allowed) - time.monotonic()

    def close(self) -> None:
        """Lets go of the socket."""
        self._raw.close()
        super().close()


class Channel:
    """An open websocket; `stream` reads what `timed` brings, and `owner` closes the connection when it is closed."""

    def __init__(self, stream: io.BufferedReader, timed: Timed, owner: Any) -> None:
        self._stream, self._timed, self._owner = stream, timed, owner
        self._protocol = Connection(ConnectionType.CLIENT)
        self._waiting: Iterator[WireEvent] = iter(())
        self._message: list[bytes] = []
        timed.socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in _KEEP_ALIVE:
            if hasattr(socket, name):
                timed.socket.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)

    def receive(self, seconds: float | None = None) -> tuple[int, bytes]:
        """The kind and the bytes of the next message; of a ping, too, which is answered.

        Raises OSError: TimeoutError when it did not come in time, another where nothing more will.
        """
        self._timed.allow(seconds)
        while True:
            for event in self._waiting:
                if (told := self._told(event)) is not None:
                    return told
            data = self._stream.read1(_PIECE)
            if not data:
                raise ConnectionError("it broke off")
            self._protocol.receive_data(data)
            self._waiting = self._protocol.events()

    def _told(self, event: WireEvent) -> tuple[int, bytes] | None:
        """What an event brings to its end: a message, a ping or the answer to one."""
        if isinstance(event, Ping):
            self._timed.socket.sendall(self._protocol.send(event.response()))
            return PING, bytes(event.payload)
        if isinstance(event, Pong):
            return PONG, bytes(event.payload)
        if isinstance(event, CloseConnection):
            raise ConnectionError("the server closes it")
        if not isinstance(event, Message):
            return None
        data = event.data
        self._message.append(data.encode() if isinstance(data, str) else bytes(data))
        if sum(map(len, self._message)) > MAX_MESSAGE:
            raise ConnectionError(f"it says more than {MAX_MESSAGE >> 20} MiB at once")
        if not event.message_finished:
            return None
        message, self._message = b"".join(self._message), []
        return (TEXT if isinstance(data, str) else BINARY), message

    def send(self, text: str) -> None:
        """Sends a message. Raises OSError."""
        self._timed.socket.sendall(self._protocol.send(TextMessage(text)))

    def ping(self) -> None:
        """Asks for a pong. Raises OSError."""
        self._timed.socket.sendall(self._protocol.send(Ping()))

    def abort(self) -> None:
        """Ends the connection, also for a thread that is just reading from it."""
        with contextlib.suppress(OSError):
            # Not that of a TLS socket, which would take its state from under the reader.
            socket.socket.shutdown(self._timed.socket, socket.SHUT_RDWR)

    def close(self) -> None:
        """Closes the connection."""
        self.abort()
        self._owner.close()


def new_key() -> str:
    """What a request for a websocket names, for the answer to prove that it is one to this request."""
    return generate_nonce().decode()


def proof_of(key: str) -> str:
    """What the answer to a request with this key must say."""
    return generate_accept_token(key.encode()).decode()

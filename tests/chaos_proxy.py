"""A TCP proxy on loopback whose network can be made bad while it runs: toxics as toxiproxy names them.

A toxic works on what goes one way, "up" to the server or "down" to the client, of every connection or of those whose
last request begins in a certain way. `amount` is the toxic's own measure.

- latency: each piece arrives so many seconds later
- bandwidth: no more than so many bytes a second
- slow_close: an end arrives so many seconds later
- timeout: nothing arrives, and nobody is told; after so many seconds the connection is closed, after 0 never
- reset_peer: instead of arriving, the next piece resets the connection on both sides
- limit_data: after so many bytes the connection is closed
- slicer: what arrives comes in pieces of so many bytes, with `pause` seconds between them
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from dataclasses import dataclass, field, replace
from typing import Literal, Self, TypeAlias
from urllib.parse import urlsplit

Way: TypeAlias = Literal["up", "down"]
KINDS = ("latency", "bandwidth", "slow_close", "timeout", "reset_peer", "limit_data", "slicer")
_PIECE = 2**16


@dataclass(frozen=True)
class Toxic:
    """One thing that is wrong with a network; `times` says how many pieces it may meet, 0 stands for all."""

    kind: str
    way: Way
    amount: float = 0.0
    pause: float = 0.0
    only: bytes = b""
    times: int = 0


@dataclass(eq=False)
class _Link:
    """A connection: to a client and to the server, and what it asked for last."""

    streams: dict[Way, asyncio.StreamWriter]  # by the way that what is written goes
    asked: bytes = b""
    passed: dict[Way, int] = field(default_factory=lambda: {"up": 0, "down": 0})


class ChaosProxy:
    """Stands before a server. `connections`, `sent` and `received` count them, and bytes that arrived up and down."""

    def __init__(self, upstream: str) -> None:
        address = urlsplit(upstream)
        self._upstream = (address.hostname or "", address.port or 80)
        self.connections = self.sent = self.received = 0
        self._toxics: dict[str, Toxic] = {}
        self._changed = threading.Lock()
        self._links: set[_Link] = set()
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="chaos-proxy")
        self.url = ""

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(self, *why: object) -> None:
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join()

    def poison(self, kind: str, way: Way = "down", amount: float = 0.0, **more: object) -> None:
        """Makes the network bad from now on, for open connections too. A toxic of a kind replaces the one before."""
        assert kind in KINDS, kind
        with self._changed:
            self._toxics[kind] = replace(Toxic(kind, way, amount), **more)  # type: ignore[arg-type]

    def cure(self, *kinds: str) -> None:
        """Makes the network good again, in these respects or in all. What has been held back is gone."""
        with self._changed:
            for kind in kinds or tuple(self._toxics):
                self._toxics.pop(kind, None)

    def cut(self) -> None:
        """Resets all connections, as a router that restarts does."""
        for link in list(self._links):
            self._loop.call_soon_threadsafe(_reset, link)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._main())
        finally:
            self._loop.close()

    async def _main(self) -> None:
        self._ended = asyncio.Event()
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=_PIECE)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        self._ready.set()
        await self._ended.wait()
        server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            answers, server = await asyncio.open_connection(*self._upstream, limit=_PIECE)
        except OSError:
            writer.transport.abort()
            return
        link = _Link({"up": server, "down": writer})
        self._links.add(link)
        try:
            async with asyncio.TaskGroup() as pumps:
                pumps.create_task(self._pump(link, reader, "up"))
                pumps.create_task(self._pump(link, answers, "down"))
        except asyncio.CancelledError:
            pass  # the proxy ends
        finally:
            self._links.discard(link)
            for stream in link.streams.values():
                stream.close()

    async def _pump(self, link: _Link, reader: asyncio.StreamReader, way: Way) -> None:
        try:
            while data := await reader.read(_PIECE):
                if way == "up" and data[:8].split(b" ")[0].isalpha() and b" HTTP/1.1\r\n" in data[:2000]:
                    link.asked = data[:200]
                if not await self._passed(link, way, data):
                    return
            if slow := self._toxic(link, way, "slow_close"):
                await asyncio.sleep(slow.amount)
            if link.streams[way].can_write_eof():
                link.streams[way].write_eof()
        except OSError:  # one side broke off, of which the other is told
            _reset(link)

    async def _passed(self, link: _Link, way: Way, data: bytes) -> bool:
        """Passes a piece on as the network is now; false where the connection is over."""
        if self._toxic(link, way, "reset_peer"):
            _reset(link)
            return False
        if stalled := self._toxic(link, way, "timeout"):
            return await self._stalled(link, way, stalled.amount)
        if latency := self._toxic(link, way, "latency"):
            await asyncio.sleep(latency.amount)
        limit = self._toxic(link, way, "limit_data")
        left = max(int(limit.amount) - link.passed[way], 0) if limit else len(data)
        await self._write(link, way, data[:left])
        if left < len(data):
            for stream in link.streams.values():
                stream.close()
            return False
        return True

    async def _stalled(self, link: _Link, way: Way, seconds: float) -> bool:
        """Lets nothing arrive any more; the connection stays, without a word, or is closed after a while."""
        await asyncio.sleep(seconds) if seconds else await self._ended.wait()
        for stream in link.streams.values():
            stream.close()
        return False

    async def _write(self, link: _Link, way: Way, data: bytes) -> None:
        slicer = self._toxic(link, way, "slicer")
        bandwidth = self._toxic(link, way, "bandwidth")
        size = int(slicer.amount) if slicer else max(int(bandwidth.amount / 20), 1) if bandwidth else len(data)
        for at in range(0, len(data), size or 1):
            piece = data[at : at + size]
            link.streams[way].write(piece)
            await link.streams[way].drain()
            link.passed[way] += len(piece)
            if way == "up":
                self.sent += len(piece)
            else:
                self.received += len(piece)
            pause = (slicer.pause if slicer else 0.0) + (len(piece) / bandwidth.amount if bandwidth else 0.0)
            if pause:
                await asyncio.sleep(pause)

    def _toxic(self, link: _Link, way: Way, kind: str) -> Toxic | None:
        """The toxic of a kind that a connection meets now."""
        with self._changed:
            toxic = self._toxics.get(kind)
            if toxic is None or toxic.way != way or not link.asked.startswith(toxic.only):
                return None
            if toxic.times == 1:
                del self._toxics[kind]
            elif toxic.times:
                self._toxics[kind] = replace(toxic, times=toxic.times - 1)
            return toxic


def _reset(link: _Link) -> None:
    for stream in link.streams.values():
        raw = stream.get_extra_info("socket")
        with contextlib.suppress(OSError):
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        stream.transport.abort()

"""Websockets of the emulator's clients, and who gets which message."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import struct
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import aiohttp
import numpy as np
from aiohttp import web
from PIL import Image

from .values import Picture

PREVIEW_IMAGE, TEXT, PREVIEW_IMAGE_WITH_METADATA = 1, 3, 4
JPEG, PNG = 1, 2
SEND_TIMEOUT = 5.0
AHEAD = 64  # messages that a run may be ahead of those who listen


class Hub:
    """The sockets by client id. `send` and `preview` may be called from any thread, the rest from the loop's."""

    def __init__(self, loop: asyncio.AbstractEventLoop, *, states: bool = True) -> None:
        self.loop = loop
        self._states = states
        self.sockets: dict[str, web.WebSocketResponse] = {}
        self.features: dict[str, Mapping[str, Any]] = {}
        self.client_id: str | None = None
        self.last_node: str | None = None
        self._messages: asyncio.Queue[tuple[str | bytes, str | None]] = asyncio.Queue()
        self._turn = asyncio.Lock()
        self._behind = 0
        self.edit: Callable[[web.WebSocketResponse, str | bytes], Sequence[str | bytes]] | None = None
        self._delivered = threading.Condition()

    async def join(self, socket: web.WebSocketResponse, sid: str, status: Callable[[], Mapping[str, Any]]) -> None:
        """Takes a socket in. The first that it hears is the queue's status, and the node that runs for it."""
        async with self._turn:
            self.sockets[sid], self.features[sid] = socket, {}
            await self._give(socket, json.dumps({"type": "status", "data": {"status": status(), "sid": sid}}))
            if self.client_id == sid and self.last_node is not None:
                await self._give(socket, json.dumps({"type": "executing", "data": {"node": self.last_node}}))

    def send(self, event: str, data: Mapping[str, Any], sid: str | None = None) -> None:
        """Sends a message to one client, or to all; to nobody where that client has no socket."""
        if self.has_listeners(sid) and (self._states or event != "progress_state"):
            self._post(json.dumps({"type": event, "data": data}), sid)

    def has_listeners(self, sid: str | None) -> bool:
        """Whether a message would reach anybody."""
        return sid in self.sockets if sid is not None else bool(self.sockets)

    def knows_metadata(self, sid: str | None) -> bool:
        """Whether a client said that it reads previews with metadata."""
        return bool(self.features.get(sid or "", {}).get("supports_preview_metadata"))

    def preview(self, picture: bytes, node: str, prompt_id: str, sid: str | None) -> None:
        """Sends an encoded preview, in the newer form where the client knows it."""
        is_png = picture.startswith(b"\x89PNG")
        if not self.knows_metadata(sid):
            self._post(struct.pack(">II", PREVIEW_IMAGE, PNG if is_png else JPEG) + picture, sid)
            return
        facts = {**node_facts(node, prompt_id), "image_type": "image/png" if is_png else "image/jpeg"}
        text = json.dumps(facts).encode()
        self._post(struct.pack(">II", PREVIEW_IMAGE_WITH_METADATA, len(text)) + text + picture, sid)

    def text(self, text: str, node: str) -> None:
        """Sends a text that a node shows. ComfyUI sends it to everybody, whoever's prompt it is."""
        if self.has_listeners(None):
            id = node.encode("utf-8", "backslashreplace")
            self._post(struct.pack(">II", TEXT, len(id)) + id + text.encode("utf-8", "backslashreplace"), None)

    def wait(self) -> None:
        """Waits for those who listen, where a run is too far ahead of them. Not for the loop's own thread."""
        time.sleep(0)  # a run that computes next to nothing would keep the others from their turn
        with self._delivered:
            self._delivered.wait_for(lambda: self._behind < AHEAD, SEND_TIMEOUT)

    async def rest(self) -> None:
        """Waits until all is delivered, or for as long as one message may take."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SEND_TIMEOUT):
                while self._behind > 0:
                    await asyncio.sleep(0.01)

    def _post(self, message: str | bytes, sid: str | None) -> None:
        with contextlib.suppress(RuntimeError):  # the loop may be closed by now
            self.loop.call_soon_threadsafe(self._messages.put_nowait, (message, sid))
            with self._delivered:
                self._behind += 1

    async def publish(self) -> None:
        """Delivers messages in order, for ever."""
        while True:
            message, sid = await self._messages.get()
            async with self._turn:
                await self._deliver(message, sid)
            with self._delivered:
                self._behind -= 1
                self._delivered.notify_all()

    async def _deliver(self, message: str | bytes, sid: str | None) -> None:
        for socket in [self.sockets.get(sid)] if sid is not None else list(self.sockets.values()):
            if socket is not None:
                await self._give(socket, message)

    async def _give(self, socket: web.WebSocketResponse, message: str | bytes) -> None:
        for edited in (message,) if self.edit is None else self.edit(socket, message):
            await _send(socket, edited)


def encoded(picture: Picture, *, lossless: bool = False) -> bytes:
    """A preview's bytes: a JPEG, or a PNG."""
    buffer = io.BytesIO()
    image = Image.fromarray(np.clip(picture * 255.0, 0, 255).astype(np.uint8))
    if lossless:
        image.save(buffer, "PNG", compress_level=1)
    else:
        image.save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


async def _send(socket: web.WebSocketResponse, message: str | bytes) -> None:
    """Sends to one socket; one that does not read for long is dropped, so that it stops nobody else."""
    try:
        send = socket.send_str(message) if isinstance(message, str) else socket.send_bytes(message)
        await asyncio.wait_for(send, SEND_TIMEOUT)
    except (ConnectionError, RuntimeError, aiohttp.ClientError):
        pass
    except TimeoutError:
        with contextlib.suppress(ConnectionError, RuntimeError, TimeoutError, aiohttp.ClientError):
            await asyncio.wait_for(socket.close(), SEND_TIMEOUT)


def node_facts(node: str, prompt_id: str) -> dict[str, Any]:
    """How messages name a node; the emulator expands no nodes, so all its names are one."""
    return {
        "node_id": node,
        "prompt_id": prompt_id,
        "display_node_id": node,
        "parent_node_id": None,
        "real_node_id": node,
    }

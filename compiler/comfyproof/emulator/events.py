"""Websockets of the emulator's clients, and who gets which message."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import struct
from collections.abc import Mapping
from typing import Any

import aiohttp
import numpy as np
from aiohttp import web
from PIL import Image

from .values import Picture

PREVIEW_IMAGE, PREVIEW_IMAGE_WITH_METADATA = 1, 4
SEND_TIMEOUT = 5.0


class Hub:
    """The sockets by client id. `send` and `preview` may be called from any thread, the rest from the loop's."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.sockets: dict[str, web.WebSocketResponse] = {}
        self.features: dict[str, Mapping[str, Any]] = {}
        self.client_id: str | None = None
        self.last_node: str | None = None
        self._messages: asyncio.Queue[tuple[str | bytes, str | None]] = asyncio.Queue()

    def send(self, event: str, data: Mapping[str, Any], sid: str | None = None) -> None:
        """Sends a message to one client, or to all; to nobody where that client has no socket."""
        if self.has_listeners(sid):
            self._post(json.dumps({"type": event, "data": data}), sid)

    def has_listeners(self, sid: str | None) -> bool:
        """Whether a message would reach anybody."""
        return sid in self.sockets if sid is not None else bool(self.sockets)

    def knows_metadata(self, sid: str | None) -> bool:
        """Whether a client said that it reads previews with metadata."""
        return bool(self.features.get(sid or "", {}).get("supports_preview_metadata"))

    def preview(self, picture: Picture, node: str, prompt_id: str, sid: str | None) -> None:
        """Sends a preview as JPEG, in the newer form where the client knows it."""
        buffer = io.BytesIO()
        Image.fromarray(np.clip(picture * 255.0, 0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=95)
        if not self.knows_metadata(sid):
            self._post(struct.pack(">II", PREVIEW_IMAGE, 1) + buffer.getvalue(), sid)
            return
        facts = {**node_facts(node, prompt_id), "image_type": "image/jpeg"}
        text = json.dumps(facts).encode()
        self._post(struct.pack(">II", PREVIEW_IMAGE_WITH_METADATA, len(text)) + text + buffer.getvalue(), sid)

    def _post(self, message: str | bytes, sid: str | None) -> None:
        with contextlib.suppress(RuntimeError):  # the loop may be closed by now
            self.loop.call_soon_threadsafe(self._messages.put_nowait, (message, sid))

    async def publish(self) -> None:
        """Delivers messages in order, for ever."""
        while True:
            message, sid = await self._messages.get()
            for socket in [self.sockets.get(sid)] if sid is not None else list(self.sockets.values()):
                if socket is not None:
                    await _deliver(socket, message)


async def _deliver(socket: web.WebSocketResponse, message: str | bytes) -> None:
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

"""How the emulator's faults happen: to answers, to websockets, and to nodes that run."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import socket
import struct
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from aiohttp import web
from PIL import Image, ImageChops, PngImagePlugin

from ..catalog.nodes import NodeType
from ..png import SIGNATURE
from .faults import Fault
from .folders import split_annotation
from .parts import Handler, Parts
from .queue import Item
from .table import Function
from .values import Interrupted, Shown

BOMB_SIDE = 30_000
_PAGE = "<!DOCTYPE html><html><head><title>Log in</title></head><body><form>Please log in.</form></body></html>"
_STATUS = {
    "404": "Not Found",
    "429": "Too Many Requests",
    "500": "Internal Server Error",
    "503": "Service Unavailable",
}
_NODE_FAULTS = ("error", "oom", "ansi")
_RAISED = {
    "error": "The emulator was asked to fail here.",
    "ansi": "\x1b[2J\x1b]0;taken over\x07\r\n::error file=here::not from your CI\n##vso[task.complete]",
}


class OutOfMemoryError(RuntimeError):
    """What PyTorch raises where a GPU's memory is full; clients are told its own module."""


OutOfMemoryError.__module__ = "torch"


@dataclass
class _Live:
    """A fault and how often it could have happened so far."""

    fault: Fault
    count: int = 0

    def due(self) -> bool:
        """Whether it happens this time."""
        self.count += 1
        return self.fault.nth in (None, self.count)


def attach(faults: Sequence[Fault], parts: Parts) -> None:
    """Lets faults happen in a server that has not started."""
    failing = _Failing([_Live(fault) for fault in faults], parts)
    parts.middlewares = (*parts.middlewares, failing.middleware)
    parts.submitted = failing.submitted
    parts.ended = failing.ended
    parts.hub.edit = failing.messages
    parts.executor.around = failing.around


class _Failing:
    """The faults of one server. The first of several that are due at once happens."""

    def __init__(self, live: Sequence[_Live], parts: Parts) -> None:
        self.live, self.parts = live, parts
        self._looks: dict[str, int] = {}
        self._heard: dict[web.WebSocketResponse, tuple[_Live | None, int]] = {}
        self._prompts = 0
        self._turn: int | None = None
        self._forgotten: set[int] = set()

    def _due(self, *names: str, where: Callable[[Fault], bool] = lambda fault: True) -> Fault | None:
        """The fault of these kinds that happens now; each that fits counts this time."""
        due = [each.fault for each in self.live if each.fault.kind.name in names and where(each.fault) and each.due()]
        return due[0] if due else None

    # Answers

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Lets faults happen to an answer."""
        path = request.path.removeprefix("/api")
        if path == "/ws":
            if self._due("ws-never"):
                return web.Response(status=403)
            return await handler(request)
        fault = self._of_route(request.method, path)
        if fault is not None and (early := _instead(fault, request)) is not None:
            return early
        answer = await handler(request)
        if path.startswith(("/history", "/jobs")) and request.method == "GET":
            answer = self._history(answer)
        elif path == "/view" and answer.status == 200:
            answer = await self._picture(request, answer)
        return answer if fault is None else await self._spoiled(fault, request, answer)

    def _of_route(self, method: str, path: str) -> Fault | None:
        def meets(fault: Fault) -> bool:
            if fault.kind.what != "ROUTE":
                return False
            return path == fault.what or (path.startswith(fault.what + "/") and fault.what != "/prompt")

        if path == "/prompt" and method != "POST":
            return None
        names = {each.fault.kind.name for each in self.live}
        return self._due(*names, where=meets)

    async def _spoiled(self, fault: Fault, request: web.Request, answer: web.StreamResponse) -> web.StreamResponse:
        """An answer to what has been done, with a fault of the wire."""
        if fault.kind.name == "lost":
            return _broken(request)
        if fault.kind.name == "hang":
            while request.transport is not None and not request.transport.is_closing():
                await asyncio.sleep(0.1)
            return answer
        body = await self._bytes(request, answer)
        half = body[: len(body) // 2]
        if fault.kind.name == "truncate":
            return web.Response(status=answer.status, body=half, content_type=answer.content_type)
        stream = web.StreamResponse(status=answer.status)
        stream.content_type = answer.content_type
        if fault.kind.name == "cut":
            stream.content_length = len(body)
        await stream.prepare(request)
        await stream.write(half if fault.kind.name == "cut" else body)
        if fault.kind.name == "cut":
            return _broken(request, stream)
        while True:
            await stream.write(bytes(2**16))

    async def _bytes(self, request: web.Request, answer: web.StreamResponse) -> bytes:
        """An answer's body; a picture's is the file's."""
        if isinstance(answer, web.Response):
            return bytes(answer.body) if isinstance(answer.body, (bytes, bytearray)) else b""
        name, kind = split_annotation(request.query["filename"])
        kind = kind or request.query.get("type", "output")
        path = self.parts.folders.inside(kind, request.query.get("subfolder", ""), os.path.basename(name))
        return await asyncio.to_thread(path.read_bytes)

    def _history(self, answer: web.StreamResponse) -> web.StreamResponse:
        """A look at what has ended, without what is late or lost."""
        if not isinstance(answer, web.Response) or answer.status != 200 or not answer.text:
            return answer
        told = json.loads(answer.text)
        if "status" in told:  # one of /jobs
            return _no_job() if self._hides_job(told) else answer
        if "jobs" in told:
            left = [job for job in told["jobs"] if not self._hides_job(job)]
            return web.json_response({**told, "jobs": left})
        return web.json_response({id: entry for id, entry in told.items() if not self._hidden(id)})

    def _hides_job(self, job: Mapping[str, Any]) -> bool:
        return job["status"] not in ("pending", "in_progress") and self._hidden(job["id"])

    def _hidden(self, id: str) -> bool:
        if id not in self._looks:
            lost, late = self._due("history-lost"), self._due("history-late")
            self._looks[id] = -1 if lost else late.number if late else 0
        left = self._looks[id]
        self._looks[id] = max(left - 1, 0) if left >= 0 else -1
        return left != 0

    async def _picture(self, request: web.Request, answer: web.StreamResponse) -> web.StreamResponse:
        """A picture, or what comes in its place."""
        if not answer.content_type.startswith("image/"):
            return answer
        fault = self._due("swapped", "bomb")
        if fault is None:
            return answer
        if fault.kind.name == "bomb":
            return web.Response(body=await asyncio.to_thread(_bomb), content_type="image/png")
        body = await asyncio.to_thread(_other_picture, await self._bytes(request, answer))
        return web.Response(body=body, content_type=answer.content_type)

    # Websockets

    def messages(self, socket: web.WebSocketResponse, message: str | bytes) -> Sequence[str | bytes]:
        """What a socket gets to hear instead of a message."""
        if socket not in self._heard:
            self._heard = {known: heard for known, heard in self._heard.items() if not known.closed}
            names = ("ws-drop", "ws-silent", "ws-noise")
            self._heard[socket] = (next((e for e in self.live if e.fault.kind.name in names and e.due()), None), 0)
        live, count = self._heard[socket]
        self._heard[socket] = (live, count + 1)
        if live is None:
            return (message,)
        if live.fault.kind.name == "ws-noise":
            return (*_noise(count), message, message)
        if count < live.fault.number:
            return (message,)
        if live.fault.kind.name == "ws-drop":
            _break(socket)
        return ()

    # Prompts

    def submitted(self, body: bytes) -> bytes:
        """A submission; of a partial one, an output without what it needs."""
        try:
            sent = json.loads(body)
            nodes = dict(sent["prompt"])
            types = {id: node["class_type"] for id, node in nodes.items()}
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return body  # it is refused as it stands
        if not self._due("partial"):
            return body
        catalog = self.parts.served()
        outputs = [id for id, name in types.items() if (kind := catalog.get(str(name))) and kind.is_output]
        if len(outputs) > 1:
            nodes[outputs[-1]] = {**nodes[outputs[-1]], "inputs": {}}
        else:
            nodes["partial"] = {"class_type": "PreviewImage", "inputs": {}}
        return json.dumps({**sent, "prompt": nodes}).encode()

    def ended(self, item: Item, entry: dict[str, Any]) -> dict[str, Any] | None:
        """A prompt's entry for the history; nothing where the server has restarted meanwhile."""
        if item.turn not in self._forgotten:
            return entry
        self._forgotten.discard(item.turn)
        return None

    # Nodes

    def around(self, function: Function, item: Item, kind: NodeType) -> Function:
        """A node's function with what goes wrong in it."""
        if item.turn != self._turn:
            self._turn = item.turn
            self._prompts += 1
            restart = self._due("restart", where=lambda fault: fault.number == self._prompts)
        else:
            restart = None
        slow = self._due("slow")
        blank = self._due("blank") if kind.is_output or kind.name == "CreateVideo" else None
        names = self._due("names") if kind.is_output else None
        fails = self._due(*_NODE_FAULTS, where=lambda fault: self._meets(fault, item, kind))

        def failing(*run: Any, **inputs: Any) -> tuple[Any, ...] | Shown:
            if slow is not None:
                self._wait(slow.seconds)
            if restart is not None:
                self._restart(item)
            if fails is not None:
                raise _problem(fails)
            if blank is not None:
                inputs = {name: _black(value) for name, value in inputs.items()}
            result = function(*run, **inputs)
            return _renamed(result) if names is not None else result

        return failing

    def _meets(self, fault: Fault, item: Item, kind: NodeType) -> bool:
        """Whether a node is of the class that a fault names; without one, whether a model runs in it, if in any."""
        if fault.what:
            return fault.what == kind.name
        nodes = (self.parts.executor.catalog.get(node["class_type"]) for node in item.prompt.values())
        return _runs_a_model(kind) or not any(other is not None and _runs_a_model(other) for other in nodes)

    def _wait(self, seconds: float) -> None:
        """Waits, unless the prompt is interrupted or the server stops."""
        executor, end = self.parts.executor, time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if executor.interrupt.wait(min(left, 0.05)) or executor.stopping.is_set():
                executor.interrupt.clear()
                raise Interrupted

    def _restart(self, item: Item) -> None:
        """Forgets prompts and results and breaks all websockets, as the end of a process would."""
        parts = self.parts
        self._forgotten.add(item.turn)
        sockets = list(parts.hub.sockets.values())
        parts.hub.sockets.clear()
        for each in sockets:
            parts.hub.loop.call_soon_threadsafe(_break, each)
        parts.queue.wipe()
        parts.queue.forget_all()
        parts.queue.ask_free()
        parts.counter.next = 0
        raise Interrupted


def _instead(fault: Fault, request: web.Request) -> web.StreamResponse | None:
    """The answer to a request that is not looked at."""
    name = fault.kind.name
    if name == "reset":
        return _broken(request)
    if name == "html":
        return web.Response(text=_PAGE, content_type="text/html")
    if name == "redirect":
        return web.Response(status=302, headers={"Location": _elsewhere(request)})
    if name in _STATUS:
        headers = {"Retry-After": "1"} if name == "429" else None
        return web.Response(status=int(name), text=f"{name} {_STATUS[name]}", headers=headers)
    return None


def _no_job() -> web.Response:
    return web.json_response({"error": "Job not found"}, status=404)


def _elsewhere(request: web.Request) -> str:
    """The same request's address under another name of this host."""
    other = {"127.0.0.1": "localhost", "localhost": "127.0.0.1"}.get(request.url.host or "", "elsewhere.invalid")
    return str(request.url.with_host(other))


def _broken(request: web.Request, answer: web.StreamResponse | None = None) -> web.StreamResponse:
    """Breaks a request's connection; what it gives reaches nobody."""
    transport = request.transport
    if transport is not None:
        raw = transport.get_extra_info("socket")
        if raw is not None:  # no goodbye, as from a process that ended
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    return answer if answer is not None else web.Response()


def _break(socket_: web.WebSocketResponse) -> None:
    """Breaks a websocket without a word."""
    raw = socket_.get_extra_info("socket")
    if raw is not None:
        with contextlib.suppress(OSError):  # it may be gone already
            raw.shutdown(socket.SHUT_RDWR)


def _noise(count: int) -> tuple[str | bytes, ...]:
    """Messages that no client can use."""
    other = {"node": None, "prompt_id": "00000000-0000-4000-8000-000000000000"}
    kinds: tuple[str | bytes, ...] = (
        "{",
        json.dumps({"type": "executing", "data": other}),
        json.dumps({"type": "something.new", "data": {"value": [1, {"a": None}]}}),
        struct.pack(">I", 99) + b"\xff\x00",
        json.dumps(["no", "object"]),
        json.dumps({"type": "execution_error", "data": {**other, "exception_message": "not yours"}}),
    )
    return (kinds[count % len(kinds)],)


def _runs_a_model(kind: NodeType) -> bool:
    """Whether a model turns into pictures or latents here, which is where a GPU's memory goes."""
    given, made = {each.type for each in kind.inputs.values()}, {each.type for each in kind.outputs}
    return bool(given & {"MODEL", "GUIDER", "UPSCALE_MODEL"} and made & {"IMAGE", "LATENT"})


def _problem(fault: Fault) -> Exception:
    if fault.kind.name == "oom":
        return OutOfMemoryError(
            "CUDA out of memory. Tried to allocate 9.00 GiB. GPU 0 has a total capacity of 8.00 GiB of which 0 bytes "
            "is free. The emulator was asked to have no memory left here."
        )
    return RuntimeError(_RAISED[fault.kind.name])


def _black(value: Any) -> Any:
    return np.zeros_like(value) if isinstance(value, np.ndarray) else value


def _renamed(result: tuple[Any, ...] | Shown) -> tuple[Any, ...] | Shown:
    """What a node shows, with names that lead out of any folder."""
    if not isinstance(result, Shown):
        return result

    def renamed(shown: Any) -> Any:
        if isinstance(shown, Mapping) and "filename" in shown:
            return {**shown, "filename": f"../../{shown['filename']}"}
        return shown

    ui = {
        key: [renamed(each) for each in found] if isinstance(found, list) else found for key, found in result.ui.items()
    }
    return replace(result, ui=ui)


def _other_picture(data: bytes) -> bytes:
    """Another picture of the same size and format, with somebody else's prompt."""
    info = PngImagePlugin.PngInfo()
    info.add_text("prompt", json.dumps({"1": {"class_type": "EmptyImage", "inputs": {"color": 1}}}))
    buffer = io.BytesIO()
    with Image.open(io.BytesIO(data)) as opened:
        other = ImageChops.invert(opened.convert("RGB")).transpose(Image.Transpose.ROTATE_180)
        other.save(buffer, opened.format, **({"pnginfo": info} if opened.format == "PNG" else {}))
    return buffer.getvalue()


def _bomb() -> bytes:
    """A PNG of black and white that takes little and claims much."""
    row = bytes(1 + BOMB_SIDE // 8 + (BOMB_SIDE % 8 > 0))
    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(row * 100) for _ in range(BOMB_SIDE // 100)) + packer.flush()
    header = struct.pack(">IIBBBBB", BOMB_SIDE, BOMB_SIDE, 1, 0, 0, 0, 0)
    return SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", packed) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(body, zlib.crc32(kind)))

"""Answers and connections that the emulator breaks on purpose."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct

from aiohttp import web

from .spoiling import HUGE_BYTES, huge_piece


async def streamed(name: str, request: web.Request, answer: web.StreamResponse, body: bytes) -> web.StreamResponse:
    """An answer that is cut, dripping, endless, or longer than it says."""
    stream = web.StreamResponse(status=answer.status)
    stream.content_type = answer.content_type
    half = len(body) // 2
    if name != "endless":
        stream.content_length = half if name == "lie" else len(body)
    await stream.prepare(request)
    if name == "drip":
        for at in range(len(body)):
            await stream.write(body[at : at + 1])
            await asyncio.sleep(1)
        return stream
    await stream.write(body if name == "endless" else body[:half])
    if name == "cut":
        return broken(request, stream)
    if name == "lie":
        await stream.write_eof()
        if request.transport is not None:
            request.transport.write(body[half:])
        return stream
    while True:
        await stream.write(bytes(2**16))


async def huge(request: web.Request) -> web.StreamResponse:
    """An answer of 200 MB."""
    stream = web.StreamResponse()
    stream.content_type = "application/json"
    await stream.prepare(request)
    await stream.write(b"[")
    piece = huge_piece()
    for _ in range(HUGE_BYTES // len(piece)):
        await stream.write(piece)
    await stream.write(b"0]")
    return stream


def elsewhere(request: web.Request) -> str:
    """The same request's address under another name of this host."""
    other = {"127.0.0.1": "localhost", "localhost": "127.0.0.1"}.get(request.url.host or "", "elsewhere.invalid")
    return str(request.url.with_host(other))


def broken(request: web.Request, answer: web.StreamResponse | None = None) -> web.StreamResponse:
    """Breaks a request's connection; what it gives reaches nobody."""
    transport = request.transport
    if transport is not None:
        raw = transport.get_extra_info("socket")
        if raw is not None:  # no goodbye, as from a process that ended
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    return answer if answer is not None else web.Response()


def break_socket(socket_: web.WebSocketResponse) -> None:
    """Breaks a websocket without a word."""
    raw = socket_.get_extra_info("socket")
    if raw is not None:
        with contextlib.suppress(OSError):  # it may be gone already
            raw.shutdown(socket.SHUT_RDWR)


def noise(count: int) -> tuple[str | bytes, ...]:
    """Messages that no client can use."""
    other = {"node": None, "prompt_id": "00000000-0000-4000-8000-000000000000"}
    kinds: tuple[str | bytes, ...] = (
        "{",
        '{"type": "progress", "data": {"value": NaN, "max": 1e400, "node": "\\ud800", "node": "1", "prompt_id": null}}',
        json.dumps({"type": "executing", "data": other}),
        json.dumps({"type": "something.new", "data": {"value": [1, {"a": None}]}}),
        struct.pack(">I", 99) + b"\xff\x00",
        json.dumps(["no", "object"]),
        json.dumps({"type": "execution_error", "data": {**other, "exception_message": "not yours"}}),
    )
    return (kinds[count % len(kinds)],)

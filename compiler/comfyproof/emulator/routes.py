"""The HTTP routes and the websocket of the emulator."""

from __future__ import annotations

import asyncio
import json
import uuid
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web

from ..verdict import SERVER_TROUBLE
from .parts import MAX_BODY, Handler, Parts, Route
from .routes_editor import editor_routes
from .routes_files import file_routes
from .routes_internal import internal_routes
from .routes_jobs import job_routes
from .routes_models import FEATURES, model_routes
from .routes_user import user_routes
from .submit import MAX_WAITING, Refusal, read, too_large

MAX_SOCKETS = 1000
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}
_FRONT_PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>comfyproof emulator</title></head>
<body style="font: 16px/1.5 sans-serif; max-width: 40em; margin: 4em auto; padding: 0 1em">
<h1>An emulator of ComfyUI</h1>
<p>This address answers programs as a ComfyUI does: its queue, events and refusals are real, and so are the pixels of
image nodes; no model runs. <a href="system_stats">What is real and what is a stand-in</a>,
<a href="queue">the queue</a>, <a href="history">the history</a>.</p></body></html>
"""


def application(parts: Parts) -> web.Application:
    """The web application: most routes are also under /api, as in ComfyUI, and every GET is a HEAD too."""
    app = web.Application(client_max_size=MAX_BODY, middlewares=[*parts.middlewares, _guard])
    shared = [*_queue_routes(parts), *model_routes(parts), *file_routes(parts), *user_routes(parts)]
    table = [(method, prefix + path, handler) for method, path, handler in shared for prefix in ("", "/api")]
    table += internal_routes(parts)
    if parts.profile.has_jobs:
        table += job_routes(parts)
    if parts.editor:
        table += editor_routes(parts.editor)
    else:  # ComfyUI looks for any other path among its editor's files
        table += [("GET", "/", _front_page), ("GET", "/api/", _front_page), ("GET", "/{path:.*}", _nowhere)]
    for method, path, handler in table:
        app.router.add_route(method, path, handler)
        if method == "GET":
            app.router.add_route("HEAD", path, handler)
    return app


def _queue_routes(parts: Parts) -> list[Route]:
    routes = Routes(parts)
    return [
        ("GET", "/ws", routes.websocket),
        ("GET", "/prompt", routes.get_prompt),
        ("POST", "/prompt", routes.post_prompt),
        ("GET", "/queue", routes.get_queue),
        ("POST", "/queue", routes.post_queue),
        ("GET", "/history", routes.get_history),
        ("GET", "/history/{prompt_id}", routes.get_history_entry),
        ("POST", "/history", routes.post_history),
        ("POST", "/interrupt", routes.post_interrupt),
        ("POST", "/free", routes.post_free),
    ]


async def _front_page(request: web.Request) -> web.Response:
    """What a person sees who opens the address in a browser."""
    return web.Response(text=_FRONT_PAGE, content_type="text/html", headers={"Cache-Control": "no-cache"})


async def _nowhere(request: web.Request) -> web.Response:
    return web.Response(status=404, content_type="application/octet-stream" if request.method == "GET" else None)


def _is_foreign(request: web.Request) -> bool:
    """Whether a browser sends this for a page of another site, which must not reach a server on this machine."""
    origin = request.headers.get("Origin")
    if origin is None:
        return False
    try:
        host, page = urlsplit("//" + request.headers.get("Host", "")), urlsplit(origin)
        ports = (host.port, page.port)
    except ValueError:
        return True
    if host.hostname not in _LOOPBACK or not page.hostname:
        return False
    return host.hostname != page.hostname or (None not in ports and ports[0] != ports[1])


@web.middleware
async def _guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuses foreign pages, and answers as ComfyUI does where there is no route or a handler fails."""
    if _is_foreign(request):
        return web.Response(status=403)
    if request.method == "OPTIONS":
        return web.Response()
    try:
        return await handler(request)
    except (web.HTTPException, ConnectionError, asyncio.CancelledError):
        raise
    except Exception:  # a request may be wrong in any way; the server lives on
        return _trouble()


def _trouble() -> web.Response:
    return web.Response(status=500, text=SERVER_TROUBLE)


class Routes:
    """The handlers, one a route."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.counter = parts.counter

    async def websocket(self, request: web.Request) -> web.StreamResponse:
        """A client's socket. The first to close takes the registration of its id with it, as in ComfyUI."""
        hub = self.parts.hub
        if len(hub.sockets) >= MAX_SOCKETS:
            return web.Response(status=503)
        socket = web.WebSocketResponse(timeout=1.0, max_msg_size=2**20)
        await socket.prepare(request)
        sid = request.query.get("clientId", "") or uuid.uuid4().hex
        try:
            await hub.join(socket, sid, self.parts.queue.status)
            first = True
            async for message in socket:
                if message.type == aiohttp.WSMsgType.TEXT:
                    first = self._heard(sid, message.data, first)
        finally:
            hub.sockets.pop(sid, None)
            hub.features.pop(sid, None)
        return socket

    def _heard(self, sid: str, text: str, first: bool) -> bool:
        """Takes a client's message; only the first one that is JSON may negotiate features."""
        try:
            data = json.loads(text)
        except (ValueError, RecursionError):
            return first
        told = self.parts.profile.tells_features and isinstance(data, dict)
        if first and told and data.get("type") == "feature_flags":
            flags = data.get("data", {})
            self.parts.hub.features[sid] = flags if isinstance(flags, dict) else {}
            self.parts.hub.send("feature_flags", FEATURES, sid)
        return False

    async def get_prompt(self, request: web.Request) -> web.Response:
        """How many prompts wait or run."""
        return web.json_response(self.parts.queue.status())

    async def post_prompt(self, request: web.Request) -> web.Response:
        """Validates and queues a prompt."""
        parts = self.parts
        body = await request.read()
        parts.journal.write("got prompt")
        if parts.submitted is not None:
            body = parts.submitted(body)
        answer = read(body, self.counter, parts.served(), parts.files(), parts.profile)
        if isinstance(answer, Refusal):
            if isinstance(answer.body, str):
                return web.Response(status=answer.status, text=answer.body)
            return web.json_response(answer.body, status=answer.status)
        if parts.queue.remaining() > MAX_WAITING:
            refusal = too_large(f"more than {MAX_WAITING:,} prompts wait")
            return web.json_response(refusal.body, status=refusal.status)
        queued = parts.queue.put(answer.number, answer.id, answer.prompt, answer.extra_data, answer.outputs)
        if not queued:
            return _trouble()
        return web.json_response({"prompt_id": answer.id, "number": answer.number, "node_errors": answer.node_errors})

    async def get_queue(self, request: web.Request) -> web.Response:
        """Running and waiting prompts."""
        running, waiting = self.parts.queue.shown()
        return web.json_response({"queue_running": running, "queue_pending": waiting})

    async def post_queue(self, request: web.Request) -> web.Response:
        """Takes waiting prompts out of the queue: all, or some by id."""
        body = await request.json()
        if _get(body, "clear"):
            self.parts.queue.wipe()
        for id in _listed(body, "delete"):
            self.parts.queue.delete(id)
        return web.Response()

    async def get_history(self, request: web.Request) -> web.Response:
        """Finished prompts, oldest first."""
        limit = request.query.get("max_items")
        offset = request.query.get("offset") if self.parts.profile.has_offsets else None
        chosen = self.parts.queue.history(
            int(limit) if limit is not None else None, int(offset) if offset is not None else -1
        )
        return web.json_response(chosen)

    async def get_history_entry(self, request: web.Request) -> web.Response:
        """One finished prompt, or an empty object."""
        return web.json_response(self.parts.queue.entry(request.match_info["prompt_id"]))

    async def post_history(self, request: web.Request) -> web.Response:
        """Forgets finished prompts: all, or some by id."""
        body = await request.json()
        if _get(body, "clear"):
            self.parts.queue.forget_all()
        for id in _listed(body, "delete"):
            self.parts.queue.forget(id)
        return web.Response()

    async def post_interrupt(self, request: web.Request) -> web.Response:
        """Stops the running prompt, or only if it is the one named."""
        try:
            body = await request.json()
        except json.JSONDecodeError:
            body = {}
        wanted = body.get("prompt_id") if self.parts.profile.interrupts_one else None
        if not wanted or wanted == self.parts.queue.running_id():
            self.parts.executor.interrupt.set()
        return web.Response()

    async def post_free(self, request: web.Request) -> web.Response:
        """Empties the cache; models need no unloading here."""
        body = await request.json()
        body.get("unload_models", False)
        if body.get("free_memory", False):
            self.parts.queue.ask_free()
        return web.Response()


def _listed(body: Any, key: str) -> Any:
    """What a key lists. Raises TypeError for what is no list, null for one."""
    return body[key] if key in body else ()  # noqa: SIM401 - a list or a text has `in` too


def _get(body: Any, key: str) -> Any:
    """A key's value; of a body that is no object, nothing."""
    return body[key] if key in body else None  # noqa: SIM401 - a list or a text has `in` too

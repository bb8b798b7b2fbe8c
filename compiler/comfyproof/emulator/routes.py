"""The HTTP routes and the websocket of the emulator."""

from __future__ import annotations

import asyncio
import hashlib
import json
import mimetypes
import os
import sys
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web

from ..catalog.pinned import Catalog
from ..verdict import SERVER_TROUBLE, Files
from .events import Hub
from .execution import Executor
from .folders import Folders, Outside, split_annotation
from .queue import PromptQueue
from .submit import Counter, Refusal, read
from .views import channels, preview

MAX_BODY = 100 * 2**20
FEATURES = {"supports_preview_metadata": True, "max_upload_size": MAX_BODY}
_UNSAFE_TYPES = {"text/html", "text/html-sandboxed", "application/xhtml+xml", "text/javascript", "text/css"}
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}


@dataclass
class Parts:
    """What the routes work on."""

    hub: Hub
    queue: PromptQueue
    executor: Executor
    served: Callable[[], Catalog]
    folders: Folders
    listing: Mapping[str, Any]
    files: Callable[[], Files]
    about: Mapping[str, Any]
    counter: Counter = field(default_factory=Counter)


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def application(parts: Parts) -> web.Application:
    """The web application: every route also under /api, as in ComfyUI."""
    app = web.Application(client_max_size=MAX_BODY, middlewares=[_guard])
    routes = Routes(parts)
    table: list[tuple[str, str, Handler]] = [
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
        ("GET", "/object_info", routes.get_object_info),
        ("GET", "/object_info/{node_class}", routes.get_object_info_class),
        ("GET", "/system_stats", routes.get_system_stats),
        ("GET", "/features", routes.get_features),
        ("GET", "/models", routes.get_models),
        ("GET", "/models/{folder}", routes.get_model_folder),
        ("GET", "/embeddings", routes.get_embeddings),
        ("GET", "/view", routes.get_view),
        ("POST", "/upload/image", routes.post_upload),
    ]
    for method, path, handler in table:
        for prefix in ("", "/api"):
            app.router.add_route(method, prefix + path, handler)
            if method == "GET" and path != "/ws":
                app.router.add_route("HEAD", prefix + path, handler)
    return app


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
    except web.HTTPNotFound:
        return web.Response(status=404)
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
        socket = web.WebSocketResponse(timeout=1.0, max_msg_size=2**20)
        await socket.prepare(request)
        sid = request.query.get("clientId", "") or uuid.uuid4().hex
        hub.sockets[sid], hub.features[sid] = socket, {}
        try:
            hub.send("status", {"status": self.parts.queue.status(), "sid": sid}, sid)
            if hub.client_id == sid and hub.last_node is not None:
                hub.send("executing", {"node": hub.last_node}, sid)
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
        if first and isinstance(data, dict) and data.get("type") == "feature_flags":
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
        answer = read(await request.read(), self.counter, parts.served(), parts.files())
        if isinstance(answer, Refusal):
            if isinstance(answer.body, str):
                return web.Response(status=answer.status, text=answer.body)
            return web.json_response(answer.body, status=answer.status)
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
        for id in _get(body, "delete") or ():
            self.parts.queue.delete(id)
        return web.Response()

    async def get_history(self, request: web.Request) -> web.Response:
        """Finished prompts, oldest first."""
        limit, offset = request.query.get("max_items"), request.query.get("offset")
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
        for id in _get(body, "delete") or ():
            self.parts.queue.forget(id)
        return web.Response()

    async def post_interrupt(self, request: web.Request) -> web.Response:
        """Stops the running prompt, or only if it is the one named."""
        try:
            body = await request.json()
        except json.JSONDecodeError:
            body = {}
        wanted = body.get("prompt_id")
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

    async def get_object_info(self, request: web.Request) -> web.Response:
        """All node classes."""
        return web.json_response(dict(self.parts.served().raw))

    async def get_object_info_class(self, request: web.Request) -> web.Response:
        """One node class, or an empty object."""
        name = request.match_info["node_class"]
        raw = self.parts.served().raw
        return web.json_response({name: raw[name]} if name in raw else {})

    async def get_system_stats(self, request: web.Request) -> web.Response:
        """What a client may know of this server; that it is an emulator too."""
        memory = _memory()
        device = {"name": "cpu", "type": "cpu", "index": None, "vram_total": memory, "vram_free": memory}
        system = {
            "os": os.name,
            "ram_total": memory,
            "ram_free": memory,
            "comfyui_version": "0.3.64",
            "required_frontend_version": "1.27.10",
            "installed_templates_version": "0.1.95",
            "required_templates_version": "0.1.95",
            "python_version": sys.version,
            "pytorch_version": "none",
            "embedded_python": False,
            "argv": ["comfyproof emulator"],
            "comfyproof_emulator": self.parts.about,
        }
        devices = [{**device, "torch_vram_total": memory, "torch_vram_free": memory}]
        return web.json_response({"system": system, "devices": devices})

    async def get_features(self, request: web.Request) -> web.Response:
        """What the server offers beyond the oldest clients' needs."""
        return web.json_response(FEATURES)

    async def get_models(self, request: web.Request) -> web.Response:
        """The model folders."""
        return web.json_response(list(self.parts.listing))

    async def get_model_folder(self, request: web.Request) -> web.Response:
        """The files in one of them."""
        folder = request.match_info["folder"]
        if folder not in self.parts.listing:
            return web.Response(status=404)
        return web.json_response(list(self.parts.listing[folder]))

    async def get_embeddings(self, request: web.Request) -> web.Response:
        """The embeddings without their endings."""
        return web.json_response([os.path.splitext(name)[0] for name in self.parts.listing["embeddings"]])

    async def get_view(self, request: web.Request) -> web.StreamResponse:
        """A picture's bytes."""
        query = request.query
        if "filename" not in query:
            return web.Response(status=404)
        name, kind = split_annotation(query["filename"])
        if not name or name[0] == "/" or ".." in name:
            return web.Response(status=400)
        kind = kind or query.get("type", "output")
        if kind not in ("input", "output", "temp"):
            return web.Response(status=400)
        try:
            path = self.parts.folders.inside(kind, query.get("subfolder", ""), os.path.basename(name))
        except Outside:
            return web.Response(status=403)
        if not path.is_file():
            return web.Response(status=404)
        disposition = f'filename="{_header_safe(path.name)}"'
        channel = query.get("channel", "")
        if "preview" in query or channel in ("rgb", "a"):
            body, content_type = (
                preview(path, query["preview"], channel) if "preview" in query else channels(path, channel)
            )
            return web.Response(body=body, content_type=content_type, headers={"Content-Disposition": disposition})
        content_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        if content_type in _UNSAFE_TYPES:
            content_type = "application/octet-stream"
        headers = {"Content-Disposition": disposition, "Content-Type": content_type}
        return web.FileResponse(path, headers=headers)

    async def post_upload(self, request: web.Request) -> web.Response:
        """Takes a file into the input folder; one of the same name and other content gets another name."""
        fields = await request.post()
        upload = fields.get("image")
        kind = str(fields.get("type", "input"))
        if not isinstance(upload, web.FileField):
            return web.Response(status=400) if upload is None else _trouble()
        if kind not in ("input", "output", "temp") or not upload.filename:
            return _trouble()
        subfolder = str(fields.get("subfolder", ""))
        try:
            target = self.parts.folders.inside(kind, os.path.normpath(subfolder), upload.filename)
        except Outside:
            return web.Response(status=400)
        data = upload.file.read()
        folder = self.parts.folders.inside(kind, os.path.normpath(subfolder))
        folder.mkdir(parents=True, exist_ok=True)
        if str(fields.get("overwrite")) not in ("true", "1"):
            target, is_there = _free_name(target, data)
            if is_there:
                return web.json_response({"name": target.name, "subfolder": subfolder, "type": kind})
        target.write_bytes(data)
        return web.json_response({"name": target.name, "subfolder": subfolder, "type": kind})


def _get(body: Any, key: str) -> Any:
    """A key's value; of a body that is no object, nothing."""
    return body[key] if key in body else None  # noqa: SIM401 - a list or a text has `in` too


def _free_name(target: Path, data: bytes) -> tuple[Path, bool]:
    """A name for an upload beside what is there, and whether the same bytes are there already."""
    candidate, number = target, 0
    while candidate.exists():
        if candidate.is_file() and hashlib.sha256(candidate.read_bytes()).digest() == hashlib.sha256(data).digest():
            return candidate, True
        number += 1
        candidate = target.with_name(f"{target.stem} ({number}){target.suffix}")
    return candidate, False


def _header_safe(name: str) -> str:
    return "".join(c if c.isprintable() and c.isascii() and c not in '"\\' else "_" for c in name)


def _memory() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return 8 * 2**30

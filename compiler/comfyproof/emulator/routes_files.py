"""Files that go up and come back: uploads, masks, and /view."""

from __future__ import annotations

import hashlib
import json
import mimetypes
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeAlias

from aiohttp import web

from ..verdict import SERVER_TROUBLE
from .folders import TYPES, Outside, is_file, split_annotation
from .parts import Parts, Route
from .views import channels, masked, preview

_UNSAFE_TYPES = {"text/html", "text/html-sandboxed", "application/xhtml+xml", "text/javascript", "text/css"}
MAX_NAME = 255
Keep: TypeAlias = Callable[[bytes, Path], object]


def file_routes(parts: Parts) -> list[Route]:
    """The routes."""
    routes = _Files(parts)
    return [
        ("GET", "/view", routes.get_view),
        ("POST", "/upload/image", routes.post_image),
        ("POST", "/upload/mask", routes.post_mask),
    ]


class _Files:
    def __init__(self, parts: Parts) -> None:
        self.folders = parts.folders

    async def get_view(self, request: web.Request) -> web.StreamResponse:
        """A file's bytes, or a picture smaller encoded or without some of its channels."""
        path = self._viewed(request)
        if isinstance(path, web.Response):
            return path
        query, channel = request.query, request.query.get("channel", "")
        disposition = f'filename="{_header_safe(path.name)}"'
        if "preview" in query or channel in ("rgb", "a"):
            body, kind = preview(path, query["preview"], channel) if "preview" in query else channels(path, channel)
            return web.Response(body=body, content_type=kind, headers={"Content-Disposition": disposition})
        content_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        if content_type in _UNSAFE_TYPES:
            content_type = "application/octet-stream"
        return web.FileResponse(path, headers={"Content-Disposition": disposition, "Content-Type": content_type})

    def _viewed(self, request: web.Request) -> Path | web.Response:
        query = request.query
        if "filename" not in query:
            return web.Response(status=404)
        name, kind = split_annotation(query["filename"])
        if not name or name[0] == "/" or ".." in name:
            return web.Response(status=400)
        kind = kind or query.get("type", "output")
        if kind not in TYPES:
            return web.Response(status=400)
        try:
            path = self.folders.inside(kind, query.get("subfolder", ""), os.path.basename(name))
        except Outside:
            return web.Response(status=403)
        return path if is_file(path) else web.Response(status=404)

    async def post_image(self, request: web.Request) -> web.Response:
        """Takes a file into a folder; one of the same name and other content gets another name."""
        async with _form(request) as fields:
            return self._taken(fields, lambda data, target: target.write_bytes(data))

    async def post_mask(self, request: web.Request) -> web.Response:
        """Keeps a picture that is there already, with the transparency of the one that comes, under a name of its own.

        Where there is no such picture, ComfyUI says that all is well and keeps nothing.
        """
        async with _form(request) as fields:

            def keep(data: bytes, target: Path) -> None:
                original = self._original(json.loads(str(fields["original_ref"])))
                if original is not None:
                    target.write_bytes(masked(original, data, target.suffix))

            return self._taken(fields, keep)

    def _original(self, reference: Any) -> Path | None:
        """The picture that a mask is for; None where the reference leads nowhere. Raises KeyError."""
        name, kind = split_annotation(reference["filename"])
        kind = kind or reference.get("type", "output")
        if not name or name[0] == "/" or ".." in name or kind not in TYPES:
            return None
        try:
            path = self.folders.inside(kind, reference.get("subfolder", ""), name)
        except Outside:
            return None
        return path if is_file(path) else None

    def _taken(self, fields: Any, keep: Keep) -> web.Response:
        upload = fields.get("image")
        kind, subfolder = fields.get("type", "input"), fields.get("subfolder", "")
        if not isinstance(upload, web.FileField):
            return web.Response(status=400) if upload is None else _trouble()
        if kind not in TYPES or not upload.filename or not isinstance(subfolder, str):
            return _trouble()
        try:
            folder = self.folders.inside(kind, os.path.normpath(subfolder))
            target = self.folders.inside(kind, os.path.normpath(subfolder), upload.filename)
        except Outside:
            return web.Response(status=400)
        if len(os.fsencode(target.name)) > MAX_NAME or target.is_dir():
            return _trouble()
        data = upload.file.read()
        folder.mkdir(parents=True, exist_ok=True)
        is_there = False
        if str(fields.get("overwrite")) not in ("true", "1"):
            target, is_there = _free_name(target, data)
        if not is_there:
            keep(data, target)
        return web.json_response({"name": target.name, "subfolder": subfolder, "type": kind})


@asynccontextmanager
async def _form(request: web.Request) -> AsyncIterator[Any]:
    """What a form holds; its files are closed in the end, however many there are."""
    fields = await request.post()
    try:
        yield fields
    finally:
        for value in fields.values():
            if isinstance(value, web.FileField):
                value.file.close()


def _trouble() -> web.Response:
    return web.Response(status=500, text=SERVER_TROUBLE)


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

"""The routes that ComfyUI keeps for its own web editor, under /internal."""

from __future__ import annotations

import os

from aiohttp import web

from .folders import TYPES
from .journal import SIZE
from .parts import Parts, Route


def internal_routes(parts: Parts) -> list[Route]:
    """The routes; none of them is there under /api."""
    routes = _Internal(parts)
    return [
        ("GET", "/internal/logs", routes.get_logs),
        ("GET", "/internal/logs/raw", routes.get_raw_logs),
        ("PATCH", "/internal/logs/subscribe", routes.patch_subscription),
        ("GET", "/internal/folder_paths", routes.get_folder_paths),
        ("GET", "/internal/files/{kind}", routes.get_files),
    ]


class _Internal:
    def __init__(self, parts: Parts) -> None:
        self.parts = parts

    async def get_logs(self, request: web.Request) -> web.Response:
        """The journal as one text."""
        lines = (f"{entry['t']} - {entry['m']}" for entry in self.parts.journal.entries())
        return web.json_response("".join(lines))

    async def get_raw_logs(self, request: web.Request) -> web.Response:
        """The journal line by line."""
        return web.json_response({"entries": self.parts.journal.entries(), "size": SIZE})

    async def patch_subscription(self, request: web.Request) -> web.Response:
        """Sends a client new lines of the journal, or none any more."""
        body = await request.json()
        client = str(body["clientId"])
        if body["enabled"]:
            self.parts.journal.follow(client)
        else:
            self.parts.journal.leave(client)
        return web.Response()

    async def get_folder_paths(self, request: web.Request) -> web.Response:
        """Where the files of each model folder would be, as paths that mean nothing outside this server."""
        return web.json_response({folder: [f"models/{folder}"] for folder in self.parts.listing})

    async def get_files(self, request: web.Request) -> web.Response:
        """The files right in one of its folders, newest first."""
        kind = request.match_info["kind"]
        if kind not in TYPES:
            return web.json_response({"error": "Invalid directory type"}, status=400)
        with os.scandir(self.parts.folders.of(kind)) as found:
            files = [(entry.stat().st_mtime, entry.name) for entry in found if entry.is_file()]
        return web.json_response([name for _, name in sorted(files, key=lambda each: -each[0])])

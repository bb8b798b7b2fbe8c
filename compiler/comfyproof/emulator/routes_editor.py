"""The files of ComfyUI's web editor, for a person's browser."""

from __future__ import annotations

import mimetypes
from pathlib import Path

from aiohttp import web

from .editor import SCRIPT, Editor
from .folders import is_file
from .parts import Route

# A machine's own table may call a script text/plain, and then no browser runs it.
_TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "application/javascript",
    ".json": "application/json",
    ".mjs": "application/javascript",
    ".svg": "image/svg+xml",
    ".wasm": "application/wasm",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
}

# A browser may keep a file, but another version of the editor has others of the same names.
_ASK_AGAIN = {"Cache-Control": "no-cache"}


def editor_routes(editor: Editor) -> list[Route]:
    """The routes. They take every path that no other has, so they come last."""
    routes = _Editor(editor)
    return [
        ("GET", "/global_subgraphs", routes.get_subgraphs),
        ("GET", "/api/global_subgraphs", routes.get_subgraphs),
        ("GET", SCRIPT, routes.get_script),
        ("GET", "/templates/{path:.*}", routes.get_template),
        ("GET", "/api/{path:.*}", routes.get_nothing),
        ("GET", "/{path:.*}", routes.get_file),
    ]


class _Editor:
    def __init__(self, editor: Editor) -> None:
        self.editor = editor

    async def get_subgraphs(self, request: web.Request) -> web.Response:
        """The subgraphs that node packs bring along: none."""
        return web.json_response({})

    async def get_script(self, request: web.Request) -> web.Response:
        """What opens a workflow in the editor."""
        return web.Response(text=self.editor.script(), content_type=_TYPES[".js"], headers=_ASK_AGAIN)

    async def get_nothing(self, request: web.Request) -> web.Response:
        """Its files are not under /api."""
        return _nothing()

    async def get_file(self, request: web.Request) -> web.StreamResponse:
        """One of the editor's files; its page where no name is asked for."""
        return _file(self.editor.files, request.match_info["path"] or "index.html")

    async def get_template(self, request: web.Request) -> web.StreamResponse:
        """A workflow to start from, its picture, or the list of all."""
        folder, path = self.editor.templates, request.match_info["path"]
        if folder is None:
            return web.json_response([]) if path == "index.json" else _nothing()
        return _file(folder, path)


def _file(folder: Path, name: str) -> web.StreamResponse:
    """A file of a folder."""
    try:
        path = (folder / name.lstrip("/")).resolve()
    except (OSError, ValueError):
        return _nothing()
    if not path.is_relative_to(folder) or not is_file(path):
        return _nothing()
    kind = _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return web.FileResponse(path, headers={"Content-Type": kind, **_ASK_AGAIN})


def _nothing() -> web.Response:
    return web.Response(status=404, content_type="application/octet-stream")

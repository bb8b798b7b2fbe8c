"""Settings, users and what a web editor keeps for them: files in a folder `user` beside the pictures."""

from __future__ import annotations

import json
import os
import re
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from aiohttp import web

from .folders import Outside, is_file, write_whole
from .parts import Parts, Route

SETTINGS = "comfy.settings.json"
USER = "default"
MAX_FILES = 10_000


def user_routes(parts: Parts) -> list[Route]:
    """The routes."""
    settings, users, data = _Settings(parts), _Users(), _Userdata(parts)
    return [
        ("GET", "/settings", settings.get_all),
        ("POST", "/settings", settings.post_all),
        ("GET", "/settings/{id}", settings.get_one),
        ("POST", "/settings/{id}", settings.post_one),
        ("GET", "/users", users.get),
        ("POST", "/users", users.post),
        ("GET", "/userdata", data.get_listing),
        ("GET", "/v2/userdata", data.get_tree),
        ("GET", "/userdata/{file}", data.get_file),
        ("POST", "/userdata/{file}", data.post_file),
        ("DELETE", "/userdata/{file}", data.delete_file),
        ("POST", "/userdata/{file}/move/{dest}", data.post_move),
    ]


def _is_there(path: Path) -> bool:
    """Whether there is a file or folder; there is none of a name that none can have."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


class _Settings:
    def __init__(self, parts: Parts) -> None:
        self._folders = parts.folders

    def _file(self) -> Path:
        return self._folders.inside("user", USER, SETTINGS)

    def _read(self) -> dict[str, Any]:
        try:
            found = json.loads(self._file().read_bytes())
        except (OSError, ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}

    def _write(self, settings: Mapping[str, Any]) -> None:
        write_whole(self._file(), json.dumps(settings, indent=4).encode())

    async def get_all(self, request: web.Request) -> web.Response:
        """All settings."""
        return web.json_response(self._read())

    async def get_one(self, request: web.Request) -> web.Response:
        """One setting, null where it was never set."""
        return web.json_response(self._read().get(request.match_info["id"]))

    async def post_all(self, request: web.Request) -> web.Response:
        """Sets some of them."""
        self._write({**self._read(), **await request.json()})
        return web.Response()

    async def post_one(self, request: web.Request) -> web.Response:
        """Sets one."""
        self._write({**self._read(), request.match_info["id"]: await request.json()})
        return web.Response()


class _Users:
    """There is one user, whatever is added: the emulator is for one person."""

    def __init__(self) -> None:
        self._added: list[str] = []

    async def get(self, request: web.Request) -> web.Response:
        """That this server keeps files for its one user."""
        return web.json_response({"storage": "server", "migrated": True})

    async def post(self, request: web.Request) -> web.Response:
        """An id for a name, and no user."""
        name = (await request.json())["username"]
        if name in self._added:
            return web.json_response({"error": "Duplicate username."}, status=400)
        if not name.strip():
            raise ValueError("a user needs a name")
        self._added = [*self._added[-100:], name]
        return web.json_response(f"{re.sub('[^a-zA-Z0-9_-]+', '-', name.strip())}_{uuid.uuid4()}")


class _Userdata:
    def __init__(self, parts: Parts) -> None:
        self._folders = parts.folders

    def _root(self) -> Path:
        return self._folders.inside("user", USER)

    def _path(self, name: str) -> Path:
        """A file of the user. Raises Outside."""
        path = self._folders.inside("user", USER, unquote(name))
        if not path.is_relative_to(self._root()):
            raise Outside(name)
        return path

    def _asked(self, request: web.Request, key: str = "file") -> Path | web.Response:
        try:
            return self._path(request.match_info[key])
        except Outside:
            return web.Response(status=403)

    def _facts(self, path: Path, base: Path) -> dict[str, Any]:
        facts = path.stat()
        times = {"modified": facts.st_mtime, "created": facts.st_ctime}
        return {"path": path.relative_to(base).as_posix(), "size": facts.st_size, **times}

    async def get_listing(self, request: web.Request) -> web.Response:
        """The files of a folder: names, names in pieces, or facts."""
        query = request.query
        if not query.get("dir"):
            return web.Response(status=400, text="Directory not provided")
        try:
            folder = self._path(query["dir"])
        except Outside:
            return web.Response(status=403, text="Invalid directory")
        if not folder.exists():
            return web.Response(status=404, text="Directory not found")

        def says(key: str) -> bool:
            return query.get(key, "").lower() == "true"

        found = folder.rglob("*") if says("recurse") else folder.glob("*")
        files = [path for path in found if path.is_file() and not path.name.startswith(".")][:MAX_FILES]
        if says("full_info"):
            return web.json_response([self._facts(path, folder) for path in files])
        names = [path.relative_to(folder).as_posix() for path in files]
        return web.json_response([[name, *name.split("/")] for name in names] if says("split") else names)

    async def get_tree(self, request: web.Request) -> web.Response:
        """All files and folders below a folder, folders first."""
        root = self._root()
        try:
            folder = self._path(request.query.get("path", ""))
        except Outside:
            return web.Response(status=400, text="Invalid path requested")
        if not folder.exists():
            if folder == root:
                return web.json_response([])
            return web.Response(status=404, text="Requested path not found")
        if not folder.is_dir():
            return web.Response(status=400, text="Requested path is not a directory")
        entries: list[dict[str, Any]] = []
        for path in list(folder.rglob("*"))[:MAX_FILES]:
            entry = {"name": path.name, "path": path.relative_to(root).as_posix()}
            if path.is_dir():
                entries.append({**entry, "type": "directory"})
            elif path.is_file():
                facts = path.stat()
                entries.append({**entry, "type": "file", "size": facts.st_size, "modified": facts.st_mtime})
        return web.json_response(sorted(entries, key=lambda e: (e["type"] != "directory", e["name"].lower())))

    async def get_file(self, request: web.Request) -> web.StreamResponse:
        """A file's bytes."""
        path = self._asked(request)
        if isinstance(path, web.Response):
            return path
        if _is_there(path) and path.is_dir():
            return web.Response(status=403)
        return web.FileResponse(path) if is_file(path) else web.Response(status=404)

    async def post_file(self, request: web.Request) -> web.Response:
        """Keeps a file."""
        path = self._asked(request)
        if isinstance(path, web.Response):
            return path
        if request.query.get("overwrite") == "false" and _is_there(path):
            return web.Response(status=409, text="File already exists")
        try:
            write_whole(path, await request.read())
        except OSError:
            return web.Response(status=400, reason='Invalid filename. Please avoid special characters like :\\/*?"<>|')
        return self._kept(path, request)

    def _kept(self, path: Path, request: web.Request) -> web.Response:
        facts = self._facts(path, self._root())
        return web.json_response(facts if request.query.get("full_info", "").lower() == "true" else facts["path"])

    async def delete_file(self, request: web.Request) -> web.Response:
        """Deletes a file."""
        path = self._asked(request)
        if isinstance(path, web.Response):
            return path
        if not _is_there(path):
            return web.Response(status=404)
        path.unlink()
        return web.Response(status=204)

    async def post_move(self, request: web.Request) -> web.Response:
        """Moves a file."""
        source, target = self._asked(request), self._asked(request, "dest")
        if isinstance(source, web.Response):
            return source
        if not _is_there(source):
            return web.Response(status=404)
        if isinstance(target, web.Response):
            return target
        if request.query.get("overwrite") == "false" and target.exists():
            return web.Response(status=409, text="File already exists")
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(source, target)
        return self._kept(target, request)

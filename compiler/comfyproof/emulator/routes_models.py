"""What the server has: nodes, model files, extensions, features, and what it says of itself."""

from __future__ import annotations

import os
import sys
from typing import Any

from aiohttp import web

from ..catalog.pinned import Catalog
from .editor import SCRIPT
from .parts import MAX_BODY, Parts, Route

FEATURES = {"supports_preview_metadata": True, "max_upload_size": MAX_BODY}
_NO_EXPERIMENT = ("configs", "custom_nodes")


def model_routes(parts: Parts) -> list[Route]:
    """The routes."""
    routes = _Models(parts)
    table: list[Route] = [
        ("GET", "/object_info", routes.get_object_info),
        ("GET", "/object_info/{node_class}", routes.get_object_info_class),
        ("GET", "/system_stats", routes.get_system_stats),
        ("GET", "/models", routes.get_models),
        ("GET", "/models/{folder}", routes.get_model_folder),
        ("GET", "/embeddings", routes.get_embeddings),
        ("GET", "/view_metadata/{folder}", routes.get_metadata),
        ("GET", "/experiment/models", routes.get_folders),
        ("GET", "/experiment/models/{folder}", routes.get_folder),
        ("GET", "/experiment/models/preview/{folder}/{index}/{file:.*}", routes.get_preview),
        ("GET", "/extensions", routes.get_extensions),
        ("GET", "/workflow_templates", routes.get_nothing_yet),
        ("GET", "/i18n", routes.get_nothing_yet),
    ]
    if parts.profile.tells_features:
        table.append(("GET", "/features", routes.get_features))
    return table


class _Models:
    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self._encoded: tuple[Catalog | None, bytes] = (None, b"")

    async def get_object_info(self, request: web.Request) -> web.Response:
        """All node classes, encoded once for every change of them."""
        served = self.parts.served()
        if self._encoded[0] is not served:
            answer = web.json_response(dict(served.raw))
            assert isinstance(answer.body, bytes)
            self._encoded = (served, answer.body)
        return web.Response(body=self._encoded[1], content_type="application/json", charset="utf-8")

    async def get_object_info_class(self, request: web.Request) -> web.Response:
        """One node class, or an empty object."""
        name = request.match_info["node_class"]
        raw = self.parts.served().raw
        return web.json_response({name: raw[name]} if name in raw else {})

    async def get_system_stats(self, request: web.Request) -> web.Response:
        """What a client may know of this server; that it is an emulator too."""
        profile, memory = self.parts.profile, _memory()
        device = {"name": "cpu", "type": "cpu", "index": None, "vram_total": memory, "vram_free": memory}
        system: dict[str, Any] = {
            "os": os.name,
            "ram_total": memory,
            "ram_free": memory,
            "comfyui_version": profile.version,
            "python_version": sys.version,
            "pytorch_version": "none",
            "embedded_python": False,
            "argv": ["comfyproof emulator"],
            "comfyproof_emulator": self.parts.about,
        }
        if profile.tells_features:
            editor = self.parts.editor
            system["required_frontend_version"] = editor.version if editor else profile.frontend
            system["installed_templates_version"] = None
            system["required_templates_version"] = profile.templates
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

    async def get_metadata(self, request: web.Request) -> web.Response:
        """Nothing: model files are names here, without anything in them."""
        return web.Response(status=404)

    async def get_preview(self, request: web.Request) -> web.Response:
        """Nothing either; a folder's index counts from 0, and each has one."""
        if int(request.match_info["index"]) not in (0, -1):
            raise IndexError("there is no such folder")
        return web.Response(status=404)

    async def get_folders(self, request: web.Request) -> web.Response:
        """The model folders and where they would be."""
        folders = [folder for folder in self.parts.listing if folder not in _NO_EXPERIMENT]
        return web.json_response([{"name": folder, "folders": [f"models/{folder}"]} for folder in folders])

    async def get_folder(self, request: web.Request) -> web.Response:
        """The files of one of them, of no size and no age."""
        folder = request.match_info["folder"]
        if folder not in self.parts.listing:
            return web.Response(status=404)
        facts = {"pathIndex": 0, "modified": 0.0, "created": 0.0, "size": 0}
        return web.json_response([{"name": name, **facts} for name in self.parts.listing[folder]])

    async def get_extensions(self, request: web.Request) -> web.Response:
        """The scripts that a web editor is to load: one, where it has workflows to open."""
        editor = self.parts.editor
        return web.json_response([SCRIPT] if editor and editor.workflows else [])

    async def get_nothing_yet(self, request: web.Request) -> web.Response:
        """What node packs bring along for a web editor: nothing."""
        return web.json_response({})


def _memory() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return 8 * 2**30

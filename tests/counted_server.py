"""An emulator that counts what it is asked and what it runs, and does a deed when a prompt begins."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from aiohttp import web

from comfyproof.catalog.pinned import built_in
from comfyproof.emulator.embedded import Emulator
from comfyproof.emulator.faults import parse
from comfyproof.emulator.parts import Handler, Parts
from comfyproof.emulator.watching import Passage


class Asked(NamedTuple):
    """One request, without the /api before its path."""

    method: str
    path: str
    body: bytes


class CountedServer(Emulator):
    """One server of a fleet. `asked` are the requests, `began` the ids of prompts, `ended` ids with outcomes."""

    def __init__(
        self,
        folder: Path,
        *faults: str,
        deed: Callable[[int], object] = lambda number: None,
        models: Mapping[str, Sequence[str]] | None = None,
        profile: str = "0.3.64",
        port: int = 0,
    ) -> None:
        super().__init__(
            folder, catalog=built_in(), models=models, profile=profile, port=port,
            faults=[parse(each) for each in faults], watch=self._saw,
        )  # fmt: skip
        self.deed = deed
        self.asked: list[Asked] = []
        self.began: list[str] = []
        self.ended: list[tuple[str, str]] = []
        self._both = threading.Lock()

    def count(self, method: str, path: str) -> int:
        """How often something was asked."""
        return sum(each.method == method and each.path == path for each in self.asked)

    def succeeded(self) -> list[str]:
        """The ids of the prompts that ran to their end."""
        return [id for id, outcome in self.ended if outcome == "success"]

    def _parts(self, loop: asyncio.AbstractEventLoop) -> Parts:
        parts = super()._parts(loop)

        @web.middleware
        async def noted(request: web.Request, handler: Handler) -> web.StreamResponse:
            body = await request.read() if request.content_type == "application/json" else b""
            self.asked.append(Asked(request.method, request.path.removeprefix("/api"), body))
            return await handler(request)

        parts.middlewares = (noted, *parts.middlewares)
        return parts

    def _saw(self, passage: Passage) -> None:
        if not passage.id:
            return
        with self._both:
            if passage.outcome is not None:
                self.ended.append((passage.id, passage.outcome))
                return
            self.began.append(passage.id)
            number = len(self.began)
        self.deed(number)

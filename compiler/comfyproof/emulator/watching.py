"""Telling somebody who watches a server of the prompts that come and go."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from aiohttp import web

from .parts import Handler


@dataclass(frozen=True)
class Passage:
    """A prompt that begins to run, has ended, or was refused.

    `outcome` is None at the beginning, "success" or "interrupted" at the end, else what went wrong.
    """

    id: str
    nodes: int
    seconds: float = 0.0
    outcome: str | None = None


Watch: TypeAlias = Callable[[Passage], None]


def outcome(entry: Mapping[str, Any]) -> str:
    """How a prompt ended, from its history entry."""
    for kind, facts in reversed(entry["status"]["messages"]):
        if kind == "execution_interrupted":
            return "interrupted"
        if kind == "execution_error":
            where = f"{facts['node_type']} ({facts['node_id']}): " if facts.get("node_id") is not None else ""
            return f"{where}{str(facts['exception_message']).strip()}"
    return str(entry["status"]["status_str"])


def refusals(watch: Watch) -> Callable[[web.Request, Handler], Any]:
    """A middleware that tells of submissions that are not taken."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        answer = await handler(request)
        path = request.path.removeprefix("/api")
        if request.method == "POST" and path == "/prompt" and answer.status >= 400:
            watch(_refused(answer))
        return answer

    return middleware


def _refused(answer: web.StreamResponse) -> Passage:
    reason = ""
    if isinstance(answer, web.Response) and answer.content_type == "application/json" and answer.text:
        error = json.loads(answer.text).get("error", {})
        reason = f": {error.get('message') or error.get('type')}" if isinstance(error, dict) else f": {error}"
    return Passage("", 0, outcome=f"refused with HTTP {answer.status}{reason}")

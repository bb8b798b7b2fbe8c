"""The jobs of newer ComfyUIs: prompts in the queue and in the history, told in one form, and cancelled by id."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from aiohttp import web

from .parts import Parts, Route
from .submit import is_uuid

STATES = ("pending", "in_progress", "completed", "failed", "cancelled")
_SORTS = ("created_at", "execution_duration")
_SHOWN = ("images", "video", "audio", "3d", "text")
_ENDS = ("execution_success", "execution_error", "execution_interrupted")


def job_routes(parts: Parts) -> list[Route]:
    """The routes; they are there under /api alone."""
    routes = _Jobs(parts)
    return [
        ("GET", "/api/jobs", routes.get_jobs),
        ("GET", "/api/jobs/{id}", routes.get_job),
        ("POST", "/api/jobs/{id}/cancel", routes.post_cancel),
        ("POST", "/api/jobs/cancel", routes.post_cancel_many),
    ]


class _Wrong(Exception):
    """A query that makes no sense, and why."""


class _Jobs:
    def __init__(self, parts: Parts) -> None:
        self.parts = parts

    async def get_jobs(self, request: web.Request) -> web.Response:
        """The jobs, sorted, filtered and in portions."""
        query = request.query
        try:
            states = _states(query.get("status"))
            sort_by = _one_of(query, "sort_by", _SORTS)
            descending = _one_of(query, "sort_order", ("desc", "asc")) == "desc"
            limit = _number(query, "limit")
            offset = max(0, _number(query, "offset") or 0)
            if limit is not None and limit <= 0:
                raise _Wrong("limit must be a positive integer")
        except _Wrong as problem:
            return web.json_response({"error": str(problem)}, status=400)
        found = [job for job in self._all() if job["status"] in states]
        if workflow := query.get("workflow_id"):
            found = [job for job in found if job.get("workflow_id") == workflow]
        found.sort(key=_created if sort_by == "created_at" else _duration, reverse=descending)
        shown = found[offset:] if limit is None else found[offset : offset + limit]
        more = offset + len(shown) < len(found)
        pages = {"offset": offset, "limit": limit, "total": len(found), "has_more": more}
        return web.json_response({"jobs": shown, "pagination": pages})

    async def get_job(self, request: web.Request) -> web.Response:
        """One job with all its outputs."""
        id = request.match_info["id"]
        entry = self.parts.queue.entry(id).get(id)
        if entry is not None:
            _, _, prompt, extra_data, _ = entry["prompt"]
            more = {
                "outputs": entry["outputs"],
                "execution_status": entry["status"],
                "workflow": {"prompt": prompt, "extra_data": extra_data},
            }
            return web.json_response({**_finished(id, entry), **more})
        for state, item in self._waiting():
            if item[1] == id:
                workflow = {"prompt": item[2], "extra_data": item[3]}
                return web.json_response({**_waiting(item, state), "workflow": workflow})
        return web.json_response({"error": "Job not found"}, status=404)

    async def post_cancel(self, request: web.Request) -> web.Response:
        """Whether a job was stopped or taken out of the queue."""
        return web.json_response({"cancelled": self._cancelled(request.match_info["id"])})

    async def post_cancel_many(self, request: web.Request) -> web.Response:
        """Whether any of several jobs was."""
        try:
            body = await request.json()
        except json.JSONDecodeError:
            return web.json_response({"error": "Request body must be valid JSON"}, status=400)
        ids = body.get("job_ids") if isinstance(body, dict) else None
        if not isinstance(ids, list):
            return web.json_response({"error": "job_ids must be a list"}, status=400)
        wrong = [id if isinstance(id, str) else repr(id) for id in ids if not is_uuid(id)]
        if wrong:
            return web.json_response({"error": "job_ids contains invalid id(s)", "invalid_ids": wrong}, status=400)
        cancelled = [self._cancelled(id) for id in ids]
        return web.json_response({"cancelled": any(cancelled)})

    def _cancelled(self, id: str) -> bool:
        if self.parts.queue.running_id() == id:
            self.parts.executor.interrupt.set()
            return True
        _, waiting = self.parts.queue.shown()
        self.parts.queue.delete(id)
        return any(item[1] == id for item in waiting)

    def _waiting(self) -> Iterator[tuple[str, list[Any]]]:
        running, waiting = self.parts.queue.shown()
        yield from (("in_progress", item) for item in running)
        yield from (("pending", item) for item in waiting)

    def _all(self) -> Iterator[dict[str, Any]]:
        yield from (_waiting(item, state) for state, item in self._waiting())
        yield from (_finished(id, entry) for id, entry in self.parts.queue.history().items())


def _states(text: str | None) -> set[str]:
    wanted = {state.strip().lower() for state in (text or "").split(",") if state.strip()}
    if wrong := sorted(wanted - set(STATES)):
        raise _Wrong(f"Invalid status value(s): {', '.join(wrong)}. Valid values: {', '.join(STATES)}")
    return wanted or set(STATES)


def _one_of(query: Mapping[str, str], key: str, values: tuple[str, ...]) -> str:
    value = query.get(key, values[0]).lower()
    if value not in values:
        raise _Wrong(f"{key} must be {' or '.join(repr(each) for each in sorted(values))}")
    return value


def _number(query: Mapping[str, str], key: str) -> int | None:
    try:
        return int(query[key]) if key in query else None
    except ValueError:
        raise _Wrong(f"{key} must be an integer") from None


def _created(job: Mapping[str, Any]) -> float:
    return float(job.get("create_time") or 0)


def _duration(job: Mapping[str, Any]) -> float:
    begun, ended = job.get("execution_start_time"), job.get("execution_end_time")
    return float(ended - begun) if begun and ended else 0.0


def _told(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The facts that there are."""
    return {key: value for key, value in facts.items() if value is not None}


def _about(item: list[Any]) -> dict[str, Any]:
    extra = item[3] if isinstance(item[3], dict) else {}
    info = extra.get("extra_pnginfo")
    workflow = info.get("workflow") if isinstance(info, dict) else None
    return {
        "priority": item[0],
        "create_time": extra.get("create_time"),
        "workflow_id": workflow.get("id") if isinstance(workflow, dict) else None,
    }


def _waiting(item: list[Any], state: str) -> dict[str, Any]:
    counts = {"outputs_count": 0, "previewable_outputs_count": 0}
    return _told({"id": item[1], "status": state, **_about(item), **counts})


def _finished(id: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    messages: dict[str, Any] = dict(entry["status"]["messages"])
    ended: Mapping[str, Any] = next((messages[kind] for kind in _ENDS if kind in messages), {})
    state = "completed" if entry["status"]["status_str"] == "success" else "failed"
    outputs = list(_outputs(entry["outputs"]))
    seen = [output for output in outputs if output["mediaType"] in _SHOWN]
    saved = [output for output in seen if output.get("type") == "output"]
    return _told(
        {
            "id": id,
            "status": "cancelled" if "execution_interrupted" in messages else state,
            **_about(entry["prompt"]),
            "execution_start_time": messages.get("execution_start", {}).get("timestamp"),
            "execution_end_time": ended.get("timestamp"),
            "execution_error": messages.get("execution_error"),
            "outputs_count": len(outputs),
            "previewable_outputs_count": len(seen),
            "preview_output": next(iter([*saved, *seen]), None),
        }
    )


def _outputs(outputs: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The files that nodes gave."""
    for node, shown in outputs.items():
        for kind, items in shown.items():
            for item in items if isinstance(items, list | tuple) and kind != "animated" else ():
                if isinstance(item, dict):
                    yield {**item, "nodeId": node, "mediaType": item.get("mediaType", kind)}

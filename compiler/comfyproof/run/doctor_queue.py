"""What a server is busy with: prompts that run and wait, and how many it remembers."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

from .observations import Deadlines, Observation, counted, note, ok, unknown
from .problems import ServerProblem
from .wire import MAX_LIST, Wire

# What ComfyUI keeps at most; whoever has more does not know what is meant by an offset.
_FULL = 10_000
_LONG = 1800.0
_MANY = 50


def look_at_queue(wire: Wire, limits: Deadlines) -> Iterator[Observation]:
    """What runs and what waits."""
    try:
        data = wire.json(wire.get("/queue", limits.read, MAX_LIST), "a request for its queue")
    except ServerProblem as problem:
        yield unknown("queue", problem.what, problem.help)
        return
    yield of_queue(data, time.time())


def of_queue(data: Any, now: float) -> Observation:
    """A queue in words; `now` is the time since the epoch in seconds."""
    running, waiting = (_items(data, f"queue_{where}") for where in ("running", "pending"))
    if running is None or waiting is None:
        return unknown("queue", "it has a queue that is none", "Check that the address is a ComfyUI's.")
    facts: dict[str, Any] = {"running": len(running), "waiting": len(waiting)}
    text = f"{len(running)} running, {len(waiting)} waiting"
    taken = [since for item in running if (since := _taken(item)) is not None and 0 <= now - since < 10 * 365 * 86400]
    if taken:
        facts["running_since_seconds"] = round(now - min(taken))
        minutes = (now - min(taken)) / 60
        text += f"; what runs was taken {counted(round(minutes), 'minute')} ago"
        if now - min(taken) > _LONG:
            help = "Look at the server's log: a prompt can be stuck while the server answers."
            return note("queue", text, help, facts=facts)
    elif running:
        text += "; since when is not told"
    if len(waiting) >= _MANY:
        return note("queue", text, "What is sent now comes after them.", facts=facts)
    return ok("queue", text, facts=facts)


def look_at_history(wire: Wire, limits: Deadlines) -> Observation:
    """How many prompts the server remembers, found by asking for one of them here and there."""
    try:
        count = _remembered(wire, limits.read)
    except ServerProblem as problem:
        return unknown("history", problem.what, problem.help)
    if count is None:
        return unknown("history", "it does not tell how many prompts it remembers", matters=False)
    return ok("history", f"{counted(count, 'prompt')} remembered", facts={"prompts": count})


def _remembered(wire: Wire, seconds: float) -> int | None:
    if _has(wire, 2 * _FULL, seconds):
        return None
    low, high = 0, 1  # the history has more than low - 1 prompts, and not more than high, once that is found
    while _has(wire, high - 1, seconds):
        if high > 2 * _FULL:
            return None
        low, high = high, 2 * high
    while low < high - 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _has(wire, middle - 1, seconds) else (low, middle)
    return low


def _has(wire: Wire, offset: int, seconds: float) -> bool:
    """Whether the history goes on beyond so many prompts. Raises ServerProblem."""
    answer = wire.get("/history", seconds, MAX_LIST, {"max_items": "1", "offset": str(offset)})
    return bool(wire.json(answer, "a request for its history"))


def _items(data: Any, key: str) -> list[Any] | None:
    items = data.get(key) if isinstance(data, Mapping) else None
    return items if isinstance(items, list) else None


def _taken(item: Any) -> float | None:
    """When a prompt was taken, where the server notes that: newer ones do, in milliseconds."""
    extra = item[3] if isinstance(item, list) and len(item) > 3 and isinstance(item[3], Mapping) else {}
    since = extra.get("create_time")
    return (
        since / 1000 if isinstance(since, int | float) and not isinstance(since, bool) and abs(since) < 1e15 else None
    )

"""What a server tells over its websocket about a running prompt, as events."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from .problems import clean

_MOST = 20_000


@dataclass(frozen=True, slots=True)
class Started:
    """The prompt has left the queue."""


@dataclass(frozen=True, slots=True)
class Cached:
    """These nodes need not run: the server still has what they gave."""

    nodes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NodeRunning:
    """A node has begun."""

    node_id: str


@dataclass(frozen=True, slots=True)
class Progress:
    """A node has done `value` of `max` steps; one that works tile by tile begins again with every tile."""

    node_id: str
    value: float
    max: float


@dataclass(frozen=True, slots=True)
class NodeDone:
    """A node has finished."""

    node_id: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The server says that the prompt is over; how, is for the history to say."""

    how: str


Event: TypeAlias = "Started | Cached | NodeRunning | Progress | NodeDone"
Told: TypeAlias = "Event | Ended"

_ENDINGS = ("execution_success", "execution_error", "execution_interrupted")


def read_message(text: str | bytes) -> tuple[str, list[Told]]:
    """The prompt that a message is about, and what it says of it; an empty list where it is of no use."""
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        return "", []
    data = message.get("data") if isinstance(message, Mapping) else None
    if not isinstance(data, Mapping) or not isinstance(data.get("prompt_id"), str):
        return "", []
    return data["prompt_id"], list(_told(message.get("type"), data))


def _told(kind: Any, data: Mapping[str, Any]) -> Iterator[Told]:
    if kind == "execution_start":
        yield Started()
    elif kind == "execution_cached" and isinstance(data.get("nodes"), list):
        yield Cached(tuple(_id(node) for node in data["nodes"][:_MOST]))
    elif kind == "executing":
        node = _id(data.get("display_node") or data.get("node"))
        yield NodeRunning(node) if node else Ended("idle")
    elif kind == "executed":
        yield NodeDone(_id(data.get("display_node") or data.get("node")))
    elif kind == "progress":
        yield from _progress(_id(data.get("node")), data)
    elif kind == "progress_state" and isinstance(data.get("nodes"), Mapping):
        for node, state in list(data["nodes"].items())[:_MOST]:
            if isinstance(state, Mapping):
                yield from _state(_id(state.get("display_node_id") or node), state)
    elif kind in _ENDINGS:
        yield Ended(kind)


def _state(node: str, state: Mapping[str, Any]) -> Iterator[Told]:
    if state.get("state") == "running":
        yield NodeRunning(node)
        if state.get("value"):
            yield from _progress(node, state)
    elif state.get("state") == "finished":
        yield NodeDone(node)


def _progress(node: str, data: Mapping[str, Any]) -> Iterator[Told]:
    value, most = data.get("value"), data.get("max")
    # JSON as Python reads it has NaN and infinity, and integers that no float can hold.
    if isinstance(value, int | float) and isinstance(most, int | float) and 0 <= value <= most <= 1e15 and most:
        yield Progress(node, float(value), float(most))


def _id(node: Any) -> str:
    return clean(node, 100)


class Story:
    """One prompt's events, each told once, however often and in whatever order they arrive."""

    def __init__(self) -> None:
        self._told: set[Told] = set()
        self._progress: dict[str, Progress] = {}

    def is_news(self, event: Told) -> bool:
        """Whether this was not known; it is from now on."""
        if isinstance(event, Progress | NodeRunning) and NodeDone(event.node_id) in self._told:
            return False
        if isinstance(event, Progress):
            known = self._progress.get(event.node_id)
            if known == event or (known is None and len(self._progress) >= _MOST):
                return False
            self._progress[event.node_id] = event
            return True
        if event in self._told or len(self._told) >= _MOST:
            return False
        self._told.add(event)
        return True

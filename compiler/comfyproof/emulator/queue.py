"""The queue of prompts and the history of those that ran."""

from __future__ import annotations

import copy
import heapq
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

MAX_HISTORY = 10_000
_SECRETS = ("auth_token_comfy_org", "api_key_comfy_org")


@dataclass(frozen=True, order=True)
class Item:
    """A prompt in the queue; the lowest number runs first, then the lowest id."""

    number: float
    id: str
    turn: int
    prompt: dict[str, Any] = field(compare=False)
    extra_data: Any = field(compare=False)
    outputs: list[str] = field(compare=False)

    def shown(self) -> list[Any]:
        """As /queue and /history show it."""
        return [self.number, self.id, self.prompt, self.extra_data, self.outputs]


class PromptQueue:
    """Waiting, running and finished prompts; safe to use from any thread. `changed` is called after each change."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._lock = threading.RLock()
        self._ready = threading.Condition(self._lock)
        self._waiting: list[Item] = []
        self._running: Item | None = None
        self._history: dict[str, dict[str, Any]] = {}
        self._turn = 0
        self._closed = False
        self._free = False

    def put(self, number: float, id: str, prompt: dict[str, Any], extra_data: Any, outputs: list[str]) -> bool:
        """Queues a prompt; false where another of the same number and id waits, over which ComfyUI stumbles."""
        with self._lock:
            same = [item for item in self._waiting if (item.number, item.id) == (number, id)]
            clash = any((item.prompt, item.extra_data) != (prompt, extra_data) for item in same)
            heapq.heappush(self._waiting, Item(number, id, self._turn, prompt, extra_data, outputs))
            self._turn += 1
            self._ready.notify()
        if not clash:
            self._changed()
        return not clash

    def get(self) -> Item | None:
        """The next prompt, which then counts as running; None when there is something else to do or the end."""
        with self._ready:
            while not self._waiting and not self._closed and not self._free:
                self._ready.wait()
            if self._closed or not self._waiting:
                return None
            self._running = heapq.heappop(self._waiting)
            # running it writes into the prompt, which others read meanwhile
            item = replace(self._running, prompt=copy.deepcopy(self._running.prompt))
        self._changed()
        return item

    def done(self, entry: dict[str, Any] | None) -> None:
        """Puts the running prompt into the history with what came of it; without that, forgets it."""
        with self._lock:
            item = self._running
            assert item is not None
            self._running = None
            if entry is not None:
                self._remember(item, entry)
        self._changed()

    def _remember(self, item: Item, entry: dict[str, Any]) -> None:
        shown = item.shown()
        if isinstance(shown[3], dict):
            shown[3] = {key: value for key, value in shown[3].items() if key not in _SECRETS}
        if len(self._history) > MAX_HISTORY:
            self._history.pop(next(iter(self._history)))
        self._history[item.id] = {"prompt": shown, **entry}

    def remaining(self) -> int:
        """How many prompts wait or run."""
        with self._lock:
            return len(self._waiting) + (self._running is not None)

    def status(self) -> dict[str, Any]:
        """The same as messages and GET /prompt tell it."""
        return {"exec_info": {"queue_remaining": self.remaining()}}

    def running_id(self) -> str | None:
        """The id of the running prompt."""
        with self._lock:
            return self._running.id if self._running else None

    def shown(self) -> tuple[list[Any], list[Any]]:
        """Running and waiting prompts; the waiting ones in no order to rely on."""
        with self._lock:
            running = [self._running.shown()] if self._running else []
            return running, [item.shown() for item in self._waiting]

    def delete(self, id: Any) -> None:
        """Takes a waiting prompt out of the queue."""
        with self._lock:
            for index, item in enumerate(self._waiting):
                if item.id == id:
                    del self._waiting[index]
                    heapq.heapify(self._waiting)
                    break
            else:
                return
        self._changed()

    def wipe(self) -> None:
        """Takes all waiting prompts out of the queue."""
        with self._lock:
            self._waiting.clear()
        self._changed()

    def history(self, limit: int | None = None, offset: int = -1) -> dict[str, Any]:
        """The finished prompts, oldest first; with a limit and no offset the latest."""
        with self._lock:
            if offset < 0 and limit is not None:
                offset = len(self._history) - limit
            chosen: dict[str, Any] = {}
            for index, (id, entry) in enumerate(self._history.items()):
                if index >= offset:
                    chosen[id] = entry
                    if limit is not None and len(chosen) >= limit:
                        break
            return chosen

    def entry(self, id: str) -> dict[str, Any]:
        """One finished prompt under its id, or nothing."""
        with self._lock:
            return {id: self._history[id]} if id in self._history else {}

    def forget(self, id: Any) -> None:
        """Drops a prompt from the history. Raises TypeError for an id that cannot be one, a list for example."""
        with self._lock:
            self._history.pop(id, None)

    def forget_all(self) -> None:
        """Drops the history."""
        with self._lock:
            self._history = {}

    def ask_free(self) -> None:
        """Asks the worker to empty its cache as soon as it is idle."""
        with self._lock:
            self._free = True
            self._ready.notify()

    def take_free(self) -> bool:
        """Whether that was asked, once."""
        with self._lock:
            asked, self._free = self._free, False
            return asked

    @property
    def closed(self) -> bool:
        """Whether the end has come."""
        return self._closed

    def close(self) -> None:
        """Ends the worker's waiting for ever."""
        with self._lock:
            self._closed = True
            self._ready.notify_all()

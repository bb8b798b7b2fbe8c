"""In which order ComfyUI runs the nodes of a prompt: outputs as soon as they can be had."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..verdict import is_link


class Pending:
    """The nodes still to run, in the order in which ComfyUI's walk from the outputs meets them.

    An output runs as soon as it can, and so does what is early: a node that mostly waits for another machine.
    """

    def __init__(
        self,
        prompt: Mapping[str, Any],
        outputs: Sequence[str],
        cached: Callable[[str], bool],
        is_output: Callable[[str], bool],
        is_early: Callable[[str], bool],
    ) -> None:
        self._is_output, self._is_early = is_output, is_early
        self._waits_for: dict[str, set[str]] = {}
        self._feeds: dict[str, list[str]] = {}
        for output in outputs:
            self._add(prompt, output, cached)

    def _add(self, prompt: Mapping[str, Any], output: str, cached: Callable[[str], bool]) -> None:
        stack = [output]
        while stack:
            id = stack.pop()
            if id in self._waits_for:
                continue
            links = [value[0] for value in prompt[id]["inputs"].values() if is_link(value)]
            needed = [source for source in links if not cached(source)]
            self._waits_for[id] = set(needed)
            for source in needed:
                feeds = self._feeds.setdefault(source, [])
                if id not in feeds:
                    feeds.append(id)
            stack += needed

    def __bool__(self) -> bool:
        return bool(self._waits_for)

    def pick(self) -> str | None:
        """The node to run now; None where all that is left waits for itself."""
        ready = [id for id, needed in self._waits_for.items() if not needed]
        for id in ready:
            if self._is_output(id) or self._is_early(id):
                return id
        for depth in (1, 2):
            for id in ready:
                if self._leads_to_output(id, depth):
                    return id
        return ready[0] if ready else None

    def _leads_to_output(self, id: str, depth: int) -> bool:
        reached = [id]
        for _ in range(depth):
            reached = [fed for source in reached for fed in self._feeds.get(source, ()) if fed in self._waits_for]
        return any(self._is_output(fed) for fed in reached)

    def first(self) -> str:
        """The first node left, to blame for a cycle."""
        return next(iter(self._waits_for))

    def ran(self, id: str) -> None:
        """Takes a node off."""
        del self._waits_for[id]
        for fed in self._feeds.get(id, ()):
            if fed in self._waits_for:
                self._waits_for[fed].discard(id)

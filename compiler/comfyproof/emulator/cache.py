"""What the emulator keeps of the last prompt: results under the signature of a node and all that feeds it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from ..verdict import is_link

# What two nodes have in common that are the same to ComfyUI, and the number that stands for it. Numbers are compared
# instead of what they stand for: a node's facts hold the numbers of those that feed it.
Numbers: TypeAlias = dict[Hashable, int]

MAX_BEHIND = 980  # nodes in a row that a real server's worker can still follow


@dataclass
class Cache:
    """Outputs and `ui` results of the last prompt's nodes. Node ids don't matter, only what a node is and gets.

    An output is the list of its values: one for each time that its node ran.
    """

    outputs: dict[int, Sequence[Sequence[Any]]] = field(default_factory=dict)
    shown: dict[int, Mapping[str, Any]] = field(default_factory=dict)
    keys: Mapping[str, int] = field(default_factory=dict)
    _numbers: Numbers = field(default_factory=dict)
    _new: Iterator[int] = field(default_factory=itertools.count)

    def set_prompt(
        self, prompt: Mapping[str, Any], changed: Callable[[str], Any], own_id: Callable[[str], bool]
    ) -> None:
        """Makes a new prompt the last one, and drops every result that it does not share.

        `changed` is a node's IS_CHANGED value; `own_id` says whether its id counts.
        """
        used: Numbers = {}

        def number(facts: Hashable) -> int:
            if facts not in used:
                known = self._numbers.get(facts)
                used[facts] = next(self._new) if known is None else known
            return used[facts]

        self.keys = _shared(prompt, _alike(prompt, changed, own_id, number), number)
        self._numbers = used
        kept = set(self.keys.values())
        self.outputs = {key: value for key, value in self.outputs.items() if key in kept}
        self.shown = {key: value for key, value in self.shown.items() if key in kept}

    def get(self, id: str) -> Sequence[Sequence[Any]] | None:
        """A node's outputs, None where they are not known."""
        return self.outputs.get(self.keys.get(id, -1))

    def ui(self, id: str) -> Mapping[str, Any] | None:
        """What a client was shown of a node, with its `meta`."""
        return self.shown.get(self.keys.get(id, -1))

    def put(self, id: str, outputs: Sequence[Sequence[Any]], ui: Mapping[str, Any] | None) -> None:
        """Keeps a node's results."""
        self.outputs[self.keys[id]] = outputs
        if ui is not None:
            self.shown[self.keys[id]] = ui

    def clear(self) -> None:
        """Forgets everything."""
        self.outputs, self.shown, self.keys, self._numbers = {}, {}, {}, {}


def _alike(
    prompt: Mapping[str, Any],
    changed: Callable[[str], Any],
    own_id: Callable[[str], bool],
    number: Callable[[Hashable], int],
) -> dict[str, int]:
    """The same number for nodes of one class with the same values, fed by such nodes.

    What hangs on a cycle is like nothing else.
    """
    found: dict[str, int] = {}
    under_way: set[str] = set()
    stack = list(prompt)
    while stack:
        id = stack[-1]
        if id in found or id not in prompt:
            stack.pop()
            continue
        missing = [other for other in _feeding(prompt, id) if other not in found and other not in under_way]
        if missing and id not in under_way:
            under_way.add(id)
            stack += missing
            continue
        stack.pop()
        under_way.discard(id)
        facts: list[Hashable] = [prompt[id]["class_type"], _frozen(changed(id)), id if own_id(id) else None]
        for name, value in sorted(prompt[id]["inputs"].items()):
            if is_link(value):
                facts.append((name, found.get(value[0], object()), value[1]))
            else:
                facts.append((name, _frozen(value)))
        found[id] = number(tuple(facts))
    return found


def _shared(prompt: Mapping[str, Any], alike: dict[str, int], number: Callable[[Hashable], int]) -> dict[str, int]:
    """A number for each node that also tells whether two that feed it are one node or two of a kind.

    ComfyUI counts a node's ancestors: two loaders of one file are another prompt than one loader used twice.
    """
    if len(set(alike.values())) == len(alike):
        return alike
    return {id: _apart(prompt, id, alike, number) for id in alike}


def _apart(prompt: Mapping[str, Any], id: str, alike: Mapping[str, int], number: Callable[[Hashable], int]) -> int:
    order: dict[str, int] = {}
    stack = [iter(_feeding(prompt, id))]
    while stack:
        other = next(stack[-1], None)
        if other is None:
            stack.pop()
        elif other not in order:
            order[other] = len(order)
            stack.append(iter(_feeding(prompt, other)))
    if len({alike[other] for other in order}) == len(order):
        return alike[id]
    links = tuple(tuple(order[fed] for fed in _feeding(prompt, other)) for other in (id, *order))
    return number((alike[id], links))


def too_long(prompt: Mapping[str, Any]) -> str | None:
    """A node behind which there is more than ComfyUI's recursion can follow when it looks for cached results, if any.

    It looks behind each node of a prompt, by all links, those too that no validation has followed.
    """
    if len(prompt) <= MAX_BEHIND:
        return None
    for id in prompt:
        seen = {id}
        stack = [iter(_feeding(prompt, id))]
        while stack:
            other = next(stack[-1], None)
            if other is None:
                stack.pop()
            elif other not in seen:
                seen.add(other)
                stack.append(iter(_feeding(prompt, other)))
                if len(stack) > MAX_BEHIND + 1:
                    return id
    return None


def _feeding(prompt: Mapping[str, Any], id: str) -> list[str]:
    """The nodes that a node links to, by its inputs' names."""
    links = [value[0] for _, value in sorted(prompt[id]["inputs"].items()) if is_link(value)]
    return [other for other in links if other in prompt]


def _frozen(value: Any) -> Hashable:
    """A value to be compared as Python compares it: 1 is True and 1.0, and NaN is nothing but itself."""
    if isinstance(value, dict):
        return frozenset((key, _frozen(item)) for key, item in value.items())
    if isinstance(value, list):
        return tuple(_frozen(item) for item in value)
    frozen: Hashable = value
    return frozen

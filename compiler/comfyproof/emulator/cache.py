"""What the emulator keeps of the last prompt: results under the signature of a node and all that feeds it."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..verdict import is_link


@dataclass
class Cache:
    """Outputs and `ui` results of the last prompt's nodes. Node ids don't matter, only what a node is and gets."""

    outputs: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    shown: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)

    def set_prompt(self, keys: Mapping[str, str]) -> None:
        """Takes over the signatures of a new prompt and drops every result that it does not share."""
        self.keys = dict(keys)
        used = set(keys.values())
        self.outputs = {key: value for key, value in self.outputs.items() if key in used}
        self.shown = {key: value for key, value in self.shown.items() if key in used}

    def get(self, id: str) -> tuple[Any, ...] | None:
        """A node's outputs, None where they are not known."""
        return self.outputs.get(self.keys.get(id, ""))

    def ui(self, id: str) -> Mapping[str, Any] | None:
        """What a client was shown of a node, with its `meta`."""
        return self.shown.get(self.keys.get(id, ""))

    def put(self, id: str, outputs: tuple[Any, ...], ui: Mapping[str, Any] | None) -> None:
        """Keeps a node's results."""
        self.outputs[self.keys[id]] = outputs
        if ui is not None:
            self.shown[self.keys[id]] = ui

    def clear(self) -> None:
        """Forgets everything."""
        self.outputs, self.shown, self.keys = {}, {}, {}


def signatures(
    prompt: Mapping[str, Any], changed: Callable[[str], Any], own_id: Callable[[str], bool]
) -> dict[str, str]:
    """The signature of every node. `changed` is a node's IS_CHANGED value; `own_id` says whether its id counts."""
    found: dict[str, str] = {}
    under_way: set[str] = set()
    stack = list(prompt)
    while stack:
        id = stack[-1]
        if id in found or id not in prompt:
            stack.pop()
            continue
        inputs = prompt[id]["inputs"]
        linked = [value[0] for value in inputs.values() if is_link(value)]
        missing = [other for other in linked if other in prompt and other not in found and other not in under_way]
        if missing and id not in under_way:
            under_way.add(id)
            stack += missing
            continue
        stack.pop()
        under_way.discard(id)
        found[id] = _signature(id, prompt[id], found, changed(id), own_id(id))
    return found


def _signature(id: str, node: Mapping[str, Any], found: Mapping[str, str], changed: Any, own_id: bool) -> str:
    facts: list[Any] = [node["class_type"], _stable(changed), id if own_id else None]
    for name, value in sorted(node["inputs"].items()):
        if is_link(value):
            facts.append((name, found.get(value[0], _unique()), value[1]))
        else:
            facts.append((name, _stable(value)))
    return hashlib.sha256(repr(facts).encode("utf-8", "backslashreplace")).hexdigest()


def _stable(value: Any) -> Any:
    """A value that prints the same for what ComfyUI takes as equal, and never twice for NaN."""
    if isinstance(value, dict):
        return sorted((key, _stable(item)) for key, item in value.items())
    if isinstance(value, list):
        return [_stable(item) for item in value]
    if isinstance(value, float):
        return _unique() if value != value else value
    return value


def _unique() -> str:
    return uuid.uuid4().hex

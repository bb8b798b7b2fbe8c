"""Whether the prompt embedded in a picture means the same as the one that was sent."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

MAX_SHOWN = 60


def difference(sent: Mapping[str, Any], embedded: Any) -> str | None:
    """The first node or input that differs, in words; None where both mean the same.

    The order of nodes doesn't count, nor what a node has beside its class and inputs: "_meta", and the
    "is_changed" that ComfyUI adds.
    """
    if not isinstance(embedded, Mapping):
        return "what is embedded is no mapping of nodes"
    for id, node in sent.items():
        if id not in embedded:
            return f"{_node(id, node)} is missing"
        if found := _node_difference(node, embedded[id]):
            return f"{_node(id, node)}: {found}"
    for id, node in embedded.items():
        if id not in sent:
            return f"{_node(id, node)} was not sent"
    return None


def _node_difference(sent: Any, embedded: Any) -> str | None:
    sent_type, embedded_type = _field(sent, "class_type", None), _field(embedded, "class_type", None)
    if sent_type != embedded_type:
        return f"class {_shown(sent_type)} was sent, {_shown(embedded_type)} is embedded"
    sent_inputs, embedded_inputs = _field(sent, "inputs", {}), _field(embedded, "inputs", {})
    for name, value in sent_inputs.items():
        if name not in embedded_inputs:
            return f"input {_shown(name)} is missing"
        found = embedded_inputs[name]
        if not _means(value, found):
            return f"input {_shown(name)}: {_shown(value)} was sent, {_shown(found)} is embedded"
    for name in embedded_inputs:
        if name not in sent_inputs:
            return f"input {_shown(name)} was not sent"
    return None


def _field(node: Any, name: str, otherwise: Any) -> Any:
    value = node.get(name, otherwise) if isinstance(node, Mapping) else otherwise
    return value if not isinstance(otherwise, Mapping) or isinstance(value, Mapping) else otherwise


def _means(sent: Any, embedded: Any) -> bool:
    """Whether a server that got the one value would embed the other.

    It turns a literal into the declared type of its input, int(), float(), str() or bool(), before it
    runs and embeds it. The type of what is embedded tells which of them it was.
    """
    if isinstance(sent, list | tuple):  # a link, which is not coerced
        return _same(sent, embedded)
    literal, found = _unwrapped(sent), _unwrapped(embedded)
    return _same(literal, found) or _coerced(literal, found)


def _unwrapped(value: Any) -> Any:
    """A literal without the wrapper that tells a list from a link."""
    return value["__value__"] if isinstance(value, Mapping) and "__value__" in value else value


def _same(left: Any, right: Any) -> bool:
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return left.keys() == right.keys() and all(_same(value, right[name]) for name, value in left.items())
    if isinstance(left, list | tuple) and isinstance(right, list | tuple):
        return len(left) == len(right) and all(map(_same, left, right))
    if isinstance(left, float) and isinstance(right, float) and math.isnan(left):
        return math.isnan(right)  # embedded as it is, and not equal to itself
    return bool(left == right)


def _coerced(sent: Any, embedded: Any) -> bool:
    if not isinstance(embedded, bool | int | float | str):
        return False
    try:
        return _same(type(embedded)(sent), embedded)
    except (TypeError, ValueError, OverflowError):
        return False


def _node(id: str, node: Any) -> str:
    return f"node {_shown(id)} ({_shown(_field(node, 'class_type', '?')).strip(chr(34))})"


def _shown(value: Any) -> str:
    """A value on one line; control characters in it are spelled out, since it may come from anybody's file."""
    try:
        text = json.dumps(value, default=str)
    except (RecursionError, ValueError):
        text = "a value too deep to show"
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}..."

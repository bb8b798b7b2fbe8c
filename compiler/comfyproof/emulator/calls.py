"""How a node is called: with the values that reach it, once for each where a list of them does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ..catalog.nodes import NodeType
from ..catalog.pinned import Catalog
from ..verdict import is_link
from .cache import Cache
from .values import Shown

MAX_SHOWN = 100_000
# The classes that take lists whole. A server's /object_info does not tell.
_TAKE_LISTS = {"RebatchImages", "RebatchLatents"}


def hidden(catalog: Catalog, name: str) -> Mapping[str, tuple[str, bool]]:
    """What a class gets besides its inputs, by name: its kind, and whether it comes as an argument.

    The newer node interface has it elsewhere than among the arguments.
    """
    declared = catalog.raw[name]["input"].get("hidden") or {}
    return {key: (spec[0], False) if isinstance(spec, list) else (spec, True) for key, spec in declared.items()}


def links(node: Mapping[str, Any], kind: NodeType, cache: Cache) -> dict[str, Sequence[Any]]:
    """The values of a node's inputs: what links bring, None where they bring nothing, and declared literals."""
    found: dict[str, Sequence[Any]] = {}
    for name, value in node["inputs"].items():
        if is_link(value):
            outputs = cache.get(value[0])
            found[name] = outputs[value[1]] if outputs is not None and value[1] < len(outputs) else (None,)
        elif name in kind.inputs:
            found[name] = (value,)
    return found


def check_known(kind: NodeType, names: Iterable[str]) -> None:
    """Raises TypeError for an input that the class does not have; only a link to one comes so far."""
    for name in names:
        if name not in kind.inputs:
            raise TypeError(f"{kind.name}.execute() got an unexpected keyword argument '{name}'")


def each(
    kind: NodeType, given: Mapping[str, Sequence[Any]], call: Callable[..., tuple[Any, ...] | Shown]
) -> list[tuple[Any, ...] | Shown]:
    """The results of all calls of a node. A list that is too short repeats its last value."""
    if kind.name in _TAKE_LISTS:
        return [call(**given)]
    count = max(map(len, given.values()), default=0)
    if count == 0:
        return [call()]
    return [call(**{name: v[n if n < len(v) else -1] for name, v in given.items()}) for n in range(count)]


def merged(
    results: Sequence[tuple[Any, ...] | Shown], lists: Sequence[bool]
) -> tuple[list[list[Any]], Mapping[str, Any] | None]:
    """A node's outputs, each as the list of its values, and what a client is shown."""
    shown = [result.ui for result in results if isinstance(result, Shown)]
    ui = {key: [item for part in shown for item in part[key]] for key in shown[0]} if shown else None
    rows = [result.outputs if isinstance(result, Shown) else result for result in results]
    outputs = []
    for slot in range(len(rows[0])):
        values = [row[slot] for row in rows]
        if slot < len(lists) and lists[slot]:
            values = [item for value in values for item in (value if isinstance(value, list) else [value])]
        outputs.append(values)
    return outputs, ui


def described(given: Mapping[str, Sequence[Any]]) -> dict[str, list[Any]]:
    """What a node was given, as clients are told of it when it fails: plain values, and anything else as text."""
    return {name: [_short(value) for value in values] for name, values in given.items()}


def _short(value: Any) -> Any:
    if value is None or isinstance(value, (bool, int, float)):
        return value
    try:
        return str(value)[:MAX_SHOWN]
    except (ValueError, RecursionError):
        return f"<{type(value).__name__}>"

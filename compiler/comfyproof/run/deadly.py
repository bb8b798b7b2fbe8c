"""What must not be sent to a ComfyUI: it would take the prompt and stop working, for everybody, without a word."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .answers import NodeError, Refusal
from .problems import clean

# ComfyUI's own copying of a prompt ends at about 900 levels; no node wants a tenth of it.
MAX_DEPTH = 200
# What it validates it follows for 978 nodes in a row, and what it does not validate it follows no further.
MAX_CHAIN = 978


def deadly(prompt: Mapping[str, Any]) -> Refusal | None:
    """Why a prompt is known to stop a server's work, if it is."""
    errors = tuple(error for node_id, node in prompt.items() for error in _of_node(str(node_id), node, prompt))
    if not errors and len(prompt) > MAX_CHAIN:
        errors = tuple(_too_long(prompt))
    if not errors:
        return None
    messages = {
        "link_to_missing_node": "the prompt links to nodes that it does not have",
        "no_inputs": "the prompt has nodes without inputs, over which a ComfyUI stops working",
        "nested_too_deep": "the prompt nests values so deep that a ComfyUI stops working over it",
        "not_a_number": "the prompt has numbers that are none",
        "chain_too_long": "the prompt has more nodes in a row than a ComfyUI surely follows",
    }
    kind = next(kind for kind in messages if any(error.type == kind for error in errors))
    return Refusal(kind, messages[kind], "", errors)


def _of_node(node_id: str, node: Any, prompt: Mapping[str, Any]) -> Iterator[NodeError]:
    kind = clean(node.get("class_type"), 200) if isinstance(node, Mapping) else ""

    def error(type: str, text: str, name: str = "") -> NodeError:
        return NodeError(clean(node_id), kind, type, text, "", clean(name))

    inputs = node.get("inputs") if isinstance(node, Mapping) else None
    if not isinstance(inputs, Mapping):
        yield error("no_inputs", "it has no inputs, not even none: write an empty object")
        return
    for name, value in inputs.items():
        target = _linked(value)
        if target is not None and target not in prompt:
            text = f'"{clean(name)}" takes an output of node "{clean(target)}", which the prompt does not have'
            yield error("link_to_missing_node", text, name)
        wrong = _unsendable(value)
        if wrong == "nested_too_deep":
            yield error(wrong, f'"{clean(name)}" nests values deeper than {MAX_DEPTH} levels', name)
        elif wrong:
            yield error(wrong, f'"{clean(name)}" holds a number that JSON cannot write, such as infinity', name)


def _too_long(prompt: Mapping[str, Any]) -> Iterator[NodeError]:
    """The nodes behind which there are too many, the first of each row; of a circle, all."""
    feeding = {id: {_linked(value) for value in node["inputs"].values()} - {None} for id, node in prompt.items()}
    fed: dict[str, list[str]] = {id: [] for id in prompt}
    for id, sources in feeding.items():
        for source in sources:
            fed[str(source)].append(id)
    lengths = {id: 1 for id, sources in feeding.items() if not sources}
    missing = {id: len(sources) for id, sources in feeding.items()}
    waiting = list(lengths)
    for id in waiting:
        for after in fed[id]:
            missing[after] -= 1
            lengths[after] = max(lengths.get(after, 0), lengths[id] + 1)
            if not missing[after]:
                waiting.append(after)
    for id, node in prompt.items():
        if missing[id] or lengths[id] == MAX_CHAIN + 1:
            kind = clean(node.get("class_type"), 200)
            yield NodeError(clean(id), kind, "chain_too_long", f"more than {MAX_CHAIN} nodes lead up to it", "", "")


def _linked(value: Any) -> str | None:
    """The node that a server takes a value to name: what it unwraps from a `__value__`, it takes for a link as well."""
    if isinstance(value, Mapping) and "__value__" in value:
        value = value["__value__"]
    if isinstance(value, list | tuple) and len(value) == 2 and isinstance(value[0], str):
        return value[0] if isinstance(value[1], int | float) else None
    return None


def _unsendable(value: Any) -> str:
    """What forbids sending a value; empty where nothing does."""
    level = [value]
    for _ in range(MAX_DEPTH):
        if any(isinstance(item, float) and (item != item or item in (float("inf"), float("-inf"))) for item in level):
            return "not_a_number"
        level = [
            child
            for item in level
            for child in (
                item.values() if isinstance(item, Mapping) else item if isinstance(item, list | tuple) else ()
            )
        ]
        if not level:
            return ""
    return "nested_too_deep"

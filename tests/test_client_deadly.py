"""What stops a ComfyUI's work is not sent to one."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comfyproof.catalog.pinned import built_in
from comfyproof.emulator.submit import kills_worker
from comfyproof.run.deadly import MAX_CHAIN, MAX_DEPTH, deadly
from comfyproof.verdict import answer

GOOD: dict[str, Any] = {
    "1": {"class_type": "EmptyImage", "inputs": {"width": 8, "height": 8, "batch_size": 1, "color": 0}},
    "2": {"class_type": "ImageInvert", "inputs": {"image": ["1", 0]}},
    "3": {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "filename_prefix": "a"}},
}
ODD = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats() | st.sampled_from(["1", "2", "9", "x", ""]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(st.sampled_from(["1", "3", "9", ""]), st.integers(0, 1) | st.booleans()).map(list)
        | inner.map(lambda value: {"__value__": value})
        | st.dictionaries(st.sampled_from(["__value__", "a"]), inner, max_size=2)
    ),
    max_leaves=6,
)
WRAPPED = st.sampled_from([{"__value__": ["9", 0]}, {"__value__": ["1", 0]}, {"__value__": {"__value__": ["9", 0]}}])


def accepted(prompt: Mapping[str, Any]) -> str | None:
    """What would stop the worker of a server that takes a prompt; None also where it takes none."""
    given = answer(prompt, built_in())
    return kills_worker(given, {}) if given.status == 200 and given.good_outputs else None


@given(st.sampled_from(["1", "2", "3"]), st.sampled_from(["width", "image", "images", "extra", "other"]), ODD | WRAPPED)
def test_what_a_server_would_die_of_is_not_sent(node: str, name: str, value: Any) -> None:
    prompt = copy.deepcopy(GOOD)
    prompt[node]["inputs"][name] = value
    if accepted(prompt):
        assert deadly(prompt)


@given(st.sampled_from(["1", "2", "3"]), st.sampled_from([None, [], "x", 5, {}]))
def test_nodes_without_inputs_are_not_sent(node: str, inputs: Any) -> None:
    prompt = {**GOOD, node: {"class_type": GOOD[node]["class_type"], "inputs": inputs}}
    assert (deadly(prompt) is not None) is (inputs != {})


@given(st.dictionaries(st.text(max_size=3), ODD | st.dictionaries(st.sampled_from(["class_type", "inputs"]), ODD)))
def test_whatever_is_sent_can_be_sent(prompt: dict[str, Any]) -> None:
    if deadly(prompt) is None:
        json.dumps(prompt, allow_nan=False)


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize("depth", [10, MAX_DEPTH - 1, MAX_DEPTH, 5000])
def test_values_may_nest_a_little(depth: int) -> None:
    prompt = {**GOOD, "1": {"class_type": "EmptyImage", "inputs": {"deep": nested(depth)}}}
    refusal = deadly(prompt)
    if depth < MAX_DEPTH:
        assert refusal is None
    else:
        assert refusal is not None
        assert [(error.node_id, error.input_name) for error in refusal.nodes] == [("1", "deep")]


def chain(length: int) -> dict[str, Any]:
    """Nodes in a row, the last of which comes first in the text."""
    prompt = {
        str(n): {"class_type": "ImageInvert", "inputs": {"image": [str(n - 1), 0], "mask": [str(max(n // 2, 1)), 0]}}
        for n in range(length, 1, -1)
    }
    return {**prompt, "1": {"class_type": "EmptyImage", "inputs": {}}}


def test_nodes_in_a_row_are_counted() -> None:
    assert deadly(chain(MAX_CHAIN)) is None
    refusal = deadly(chain(MAX_CHAIN + 3))
    assert refusal is not None
    assert refusal.type == "chain_too_long"
    assert [error.node_id for error in refusal.nodes] == [str(MAX_CHAIN + 1)]


def test_a_long_circle_is_not_sent() -> None:
    prompt = chain(MAX_CHAIN + 3)
    prompt["1"]["inputs"]["image"] = [str(MAX_CHAIN + 3), 0]
    refusal = deadly(prompt)
    assert refusal is not None
    assert len(refusal.nodes) == MAX_CHAIN + 3


def test_many_nodes_side_by_side_are_sent() -> None:
    rows = {f"{row}-{id}": {**node, "inputs": {**node["inputs"]}} for row in range(500) for id, node in GOOD.items()}
    for id, node in rows.items():
        row = id.partition("-")[0]
        node["inputs"] = {
            name: [f"{row}-{value[0]}", 0] if isinstance(value, list) else value
            for name, value in node["inputs"].items()
        }
    assert deadly(rows) is None

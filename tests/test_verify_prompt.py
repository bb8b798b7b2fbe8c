"""Two prompts that mean the same, and two that don't."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comfyproof.verify.prompt import difference

SENT: dict[str, Any] = {
    "1": {"class_type": "LoadImage", "inputs": {"image": "in.png"}, "_meta": {"title": "My Loader"}},
    "2": {"class_type": "ImageScale", "inputs": {"image": ["1", 0], "width": "20", "height": 20, "crop": "disabled"}},
    "3": {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "filename_prefix": "out"}},
}


def node(**inputs: Any) -> dict[str, Any]:
    """A prompt of one node with these inputs."""
    return {"7": {"class_type": "KSampler", "inputs": inputs}}


def test_what_comfyui_0_3_64_embeds_means_what_was_sent() -> None:
    embedded = copy.deepcopy(SENT)
    embedded["1"]["is_changed"] = ["c96a668ebcc547bd911e2301a1091b7cf8351af47458b3b4c207309e41189d8d"]
    embedded["2"]["inputs"]["width"] = 20
    assert difference(SENT, json.loads(json.dumps(embedded))) is None


@pytest.mark.parametrize(
    ("sent", "embedded"),
    [
        (2, 2.0),  # FLOAT
        (3.9, 3),  # INT
        ("32", 32),
        ("0.5", 0.5),
        (True, 1),
        (1, True),  # BOOLEAN
        ("false", True),
        (5, "5"),  # STRING
        (None, "None"),
        ({"a": 1}, "{'a': 1}"),
        ({"__value__": [1, 2]}, [1, 2]),
        ({"__value__": [1, 2]}, "[1, 2]"),
        ({"__value__": "32"}, 32),
        ({"__value__": [1, 2]}, {"__value__": [1, 2]}),  # an undeclared input stays as it is
        (["4", 0], ["4", 0]),
        (["4", False], ["4", 0]),
        (float("nan"), float("nan")),
        (2**64 - 1, 2**64 - 1),
        ({"on": True, "lora": "x"}, {"lora": "x", "on": True}),
        (None, None),
    ],
)
def test_coerced_values_mean_the_same(sent: object, embedded: object) -> None:
    assert difference(node(x=sent), node(x=embedded)) is None


@pytest.mark.parametrize(
    ("sent", "embedded", "words"),
    [
        (42, 43, "42 was sent, 43 is embedded"),
        (0.3, 0.30001, "0.3 was sent"),
        (2**64 - 1, 2**64 - 2, "18446744073709551614 is embedded"),
        ("a cat", "a dog", '"a cat" was sent, "a dog" is embedded'),
        ("abc", 7, '"abc" was sent'),
        (["4", 0], ["5", 0], '["4", 0] was sent, ["5", 0] is embedded'),
        (["4", 0], ["4", 1], '["4", 1] is embedded'),
        (["4", 0], "['4', 0]", "was sent"),  # a link is never made a text
        ([1, 2], [1, 2, 3], "[1, 2, 3] is embedded"),
        ({"a": 1}, {"a": 1, "b": 2}, '"b": 2'),
        (None, 0, "null was sent, 0 is embedded"),
        (float("inf"), 3, "Infinity was sent"),
        (10**400, 1.5, "was sent"),
        (0.0, float("nan"), "NaN is embedded"),
        (float("nan"), 0.0, "NaN was sent"),
    ],
)
def test_a_different_value_is_named(sent: object, embedded: object, words: str) -> None:
    found = difference(node(ok=1, x=sent, later=1), node(ok=1, x=embedded, later=2))
    assert found is not None
    assert found.startswith('node "7" (KSampler): input "x": ')
    assert words in found


def without(*path: str) -> Any:
    """What was sent, less one thing in it."""
    changed = copy.deepcopy(SENT)
    inner: Any = changed
    for key in path[:-1]:
        inner = inner[key]
    del inner[path[-1]]
    return changed


@pytest.mark.parametrize(
    ("embedded", "words"),
    [
        (None, "what is embedded is no mapping of nodes"),
        ([SENT], "what is embedded is no mapping of nodes"),
        ({}, 'node "1" (LoadImage) is missing'),
        (without("3"), 'node "3" (SaveImage) is missing'),
        (without("2", "inputs", "width"), 'node "2" (ImageScale): input "width" is missing'),
        (without("2", "inputs"), 'node "2" (ImageScale): input "image" is missing'),
        (without("2", "class_type"), 'node "2" (ImageScale): class "ImageScale" was sent, null is embedded'),
        ({**SENT, "2": None}, 'node "2" (ImageScale): class "ImageScale" was sent, null is embedded'),
        ({**SENT, "2": {**SENT["2"], "inputs": [1]}}, 'node "2" (ImageScale): input "image" is missing'),
        ({**SENT, "9": {"class_type": "Extra", "inputs": {}}}, 'node "9" (Extra) was not sent'),
        ({**SENT, "1": {**SENT["1"], "class_type": "Other"}}, 'class "LoadImage" was sent, "Other" is embedded'),
        (
            {**SENT, "3": {**SENT["3"], "inputs": {**SENT["3"]["inputs"], "mask": ["1", 1]}}},
            'node "3" (SaveImage): input "mask" was not sent',
        ),
    ],
)
def test_a_different_graph_is_named(embedded: object, words: str) -> None:
    found = difference(SENT, embedded)
    assert found is not None
    assert words in found


def test_order_of_nodes_and_inputs_does_not_count() -> None:
    turned = {id: {**SENT[id], "inputs": dict(reversed(SENT[id]["inputs"].items()))} for id in reversed(SENT)}
    assert difference(SENT, turned) is None


def test_what_is_shown_is_short_and_holds_no_control_characters() -> None:
    hostile = {"7\x1b[2J": {"class_type": "\x1b]0;x\x07" * 100, "inputs": {}}}
    found = difference({}, hostile)
    assert found is not None
    assert "\x1b" not in found
    assert "\x07" not in found
    assert len(found) < 200


def test_a_value_nested_beyond_reason_is_only_different() -> None:
    deep: Any = 0
    for _ in range(100_000):
        deep = [deep]
    found = difference(node(x=1), node(x=deep))
    assert found is not None
    assert "too deep to show" in found
    while deep:  # unwound here: freeing it at once would recurse as deeply
        deep = deep[0]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=3), json_values, max_size=4))
def test_a_prompt_means_itself_after_json(inputs: dict[str, Any]) -> None:
    assert difference(node(**{"seed": 1, **inputs}), json.loads(json.dumps(node(**{"seed": 1, **inputs})))) is None


@given(json_values, json_values)
def test_no_value_makes_it_raise(sent: Any, embedded: Any) -> None:
    found = difference(node(x=sent), node(x=embedded))
    assert found is None or "\n" not in found
    assert difference(node(x=1), embedded) is not None

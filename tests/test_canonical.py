"""Fingerprints: what keeps one, and what changes it."""

from __future__ import annotations

import random
import time
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comfyproof.canonical import declared_input, encoded, fingerprint
from comfyproof.catalog.pinned import Catalog, built_in, from_object_info
from comfyproof.formats.api import from_api
from comfyproof.graph import Asset, Graph, Link, Node, Secret, Value

LITERALS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=5,
)


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Small graphs with cycles, equal nodes, and links to nothing."""
    ids = [str(n) for n in range(draw(st.integers(1, 7)))]
    links = st.builds(Link, st.sampled_from([*ids, "gone"]), st.integers(0, 2))
    inputs = st.dictionaries(st.sampled_from("abc"), links | links | LITERALS, max_size=3)
    return Graph({id: Node(id, draw(st.sampled_from("XYZ")), draw(inputs)) for id in ids})


def shuffled(graph: Graph, seed: int) -> Graph:
    """The same graph with other ids and titles, its nodes and their inputs in another order."""
    chance = random.Random(seed)
    ids = [*graph.nodes]
    chance.shuffle(ids)
    names = {id: f"n{n}" for n, id in enumerate(ids)}
    renamed = graph.renamed(lambda id: names.get(id, id)).nodes
    nodes = {}
    for id in chance.sample([*renamed], len(renamed)):
        inputs = chance.sample([*renamed[id].inputs.items()], len(renamed[id].inputs))
        nodes[id] = replace(renamed[id], inputs=dict(inputs), title=f"title {id}", stage="s")
    return Graph(nodes)


@given(graphs(), st.integers())
def test_ids_titles_and_order_do_not_count(graph: Graph, seed: int) -> None:
    assert fingerprint(shuffled(graph, seed)) == fingerprint(graph)


@given(graphs(), st.data())
def test_any_other_change_counts(graph: Graph, data: st.DataObject) -> None:
    node = graph.nodes[data.draw(st.sampled_from([*graph.nodes]), "node")]
    name = data.draw(st.sampled_from("abc"), "input")
    old = node.inputs.get(name)
    other: Value = (
        replace(old, output=old.output + 1) if isinstance(old, Link) else data.draw(LITERALS.filter(bool), "value")
    )
    changes = [replace(node, type=node.type + "'"), replace(node, inputs={**node.inputs, "new": 1})]
    if name not in node.inputs or encoded(other) != encoded(old):
        changes.append(replace(node, inputs={**node.inputs, name: other}))
    if name in node.inputs:
        changes.append(replace(node, inputs={key: value for key, value in node.inputs.items() if key != name}))
    for changed in changes:
        assert fingerprint(Graph({**graph.nodes, node.id: changed})) != fingerprint(graph)
    without = Graph({id: each for id, each in graph.nodes.items() if each is not node})
    assert fingerprint(without) != fingerprint(graph)


def rewired(*links: tuple[str, str]) -> Graph:
    """Three pictures, and a blend of two for each link."""
    nodes = {id: Node(id, "EmptyImage", {"width": n}) for n, id in enumerate("abc")}
    return Graph(nodes | {f"{a}{b}": Node(f"{a}{b}", "Blend", {"x": Link(a, 0), "y": Link(b, 0)}) for a, b in links})


def test_where_a_link_comes_from_counts() -> None:
    assert fingerprint(rewired(("a", "b"))) != fingerprint(rewired(("b", "a")))
    assert fingerprint(rewired(("a", "b"), ("b", "c"))) != fingerprint(rewired(("a", "b"), ("a", "c")))


def test_sharing_counts() -> None:
    one = {"a": Node("a", "Noise", {}), "b": Node("b", "Noise", {})}
    both = Node("c", "Blend", {"x": Link("a", 0), "y": Link("b", 0)})
    same = replace(both, inputs={"x": Link("a", 0), "y": Link("a", 0)})
    assert fingerprint(Graph({**one, "c": both})) != fingerprint(Graph({**one, "c": same}))


def ring(*sizes: int) -> Graph:
    nodes = {}
    for part, size in enumerate(sizes):
        for n in range(size):
            nodes[f"{part}.{n}"] = Node(f"{part}.{n}", "N", {})
            inputs = {"x": Link(f"{part}.{n}", 0), "y": Link(f"{part}.{(n + 1) % size}", 0)}
            nodes[f"{part}.b{n}"] = Node(f"{part}.b{n}", "Blend", inputs)
    return Graph(nodes)


def row(*values: int) -> Graph:
    """Numbers side by side, each two of them joined by a node."""
    nodes = {f"n{n}": Node(f"n{n}", "N", {"v": value}) for n, value in enumerate(values)}
    for n in range(1, len(values)):
        nodes[f"b{n}"] = Node(f"b{n}", "Blend", {"x": Link(f"n{n - 1}", 0), "y": Link(f"n{n}", 0)})
    return Graph(nodes)


def test_what_is_far_away_counts() -> None:
    """Two rows in which every number has the same neighbors, and their neighbors too."""
    one, other = (
        row(1, 0, 0, 0, 0, 2, 0, 0, 0, 0, 3, 0, 0, 0, 0, 4),
        row(1, 0, 0, 0, 0, 3, 0, 0, 0, 0, 2, 0, 0, 0, 0, 4),
    )
    assert fingerprint(one) != fingerprint(other)


def test_parts_that_do_not_hang_together_count() -> None:
    assert fingerprint(ring(6)) != fingerprint(ring(3, 3))
    assert fingerprint(ring(3, 6)) == fingerprint(ring(6, 3))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, 1.0),
        (2**64 - 1, 18446744073709552000),
        (0.0, -0.0),
        pytest.param(10**400, 10**500, id="beyond all doubles"),
        ({"a": 1, "b": [2]}, {"b": [2.0], "a": 1}),
        (Asset("/home/x/photo.png", "photo.png"), "photo.png"),
        (Secret(("key ", "KEY", "")), "key ${env:KEY}"),
    ],
)
def test_values_that_mean_the_same(one: Value, other: Value) -> None:
    assert encoded(one) == encoded(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, True),
        (0, False),
        (1, "1"),
        (None, "None"),
        ("a", ["a"]),
        ([], {}),
        ([["a"], "b"], [["a", "b"]]),
        ({"a": "b"}, {"b": "a"}),
        ({"a": {"b": 1}}, {"a": {}, "b": 1}),
        ("a\ud800", "a\ud801"),
        (2**53, 2**53 + 2),
    ],
)
def test_values_that_do_not(one: Value, other: Value) -> None:
    assert encoded(one) != encoded(other)


def single(kind: str, /, **inputs: Any) -> Graph:
    return Graph({"1": Node("1", kind, inputs)})


def test_with_a_catalog_optional_inputs_at_their_default_do_not_count() -> None:
    catalog = built_in()
    left_out = fingerprint(single("CLIPLoader", clip_name="x", type="flux"), catalog)
    assert fingerprint(single("CLIPLoader", clip_name="x", type="flux", device="default"), catalog) == left_out
    assert fingerprint(single("CLIPLoader", clip_name="x", type="flux", device="cpu"), catalog) != left_out
    # what is required counts at its default too: a server refuses a node without it
    assert fingerprint(single("EmptyImage", width=512), catalog) != fingerprint(single("EmptyImage"), catalog)


def test_with_a_catalog_values_of_undeclared_inputs_do_not_count() -> None:
    catalog = built_in()
    plain, more = single("EmptyImage", width=64), single("EmptyImage", width=64, upload="image")
    assert fingerprint(plain, catalog) == fingerprint(more, catalog)
    assert fingerprint(plain) != fingerprint(more)
    assert fingerprint(single("Unknown", a=1), catalog) != fingerprint(single("Unknown"), catalog)
    # a server gives a node what an undeclared link brings
    linked = single("EmptyImage", width=64, further=Link("1", 0))
    assert fingerprint(linked, catalog) != fingerprint(plain, catalog)


@pytest.fixture(scope="module")
def dynamic() -> Catalog:
    inner = {"key": "x", "inputs": {"required": {"deep": ["FLOAT", {}]}}}
    options = [
        {"key": "a", "inputs": {"required": {"steps": ["INT", {}]}, "optional": {"low": ["INT", {"default": 3}]}}},
        {"key": "b", "inputs": {"required": {"sub": ["COMFY_DYNAMICCOMBO_V3", {"options": [inner]}]}}},
        "no option",
    ]
    image = {"input": {"required": {"image": ["IMAGE", {}]}}}
    inputs = {
        "mode": ["COMFY_DYNAMICCOMBO_V3", {"options": options}],
        "images": ["COMFY_AUTOGROW_V3", {"template": {**image, "prefix": "image"}}],
        "named": ["COMFY_AUTOGROW_V3", {"template": {**image, "names": ["left", "right"]}}],
        "other": ["COMFY_DYNAMICSLOT_V3", {}],
        "odd": ["COMFY_AUTOGROW_V3", {"template": 3}],
        "odder": ["COMFY_DYNAMICCOMBO_V3", {"options": 3}],
    }
    return from_object_info({"T": {"input": {"required": inputs}, "output": []}}, "dynamic")


@pytest.mark.parametrize(
    ("inputs", "name", "type"),
    [
        ({"mode": "a"}, "mode", "COMFY_DYNAMICCOMBO_V3"),
        ({"mode": "a"}, "mode.steps", "INT"),
        ({"mode": "b"}, "mode.steps", None),
        ({"mode": Link("1", 0)}, "mode.steps", "INT"),
        ({"mode": "b", "mode.sub": "x"}, "mode.sub.deep", "FLOAT"),
        ({"mode": "b", "mode.sub": "y"}, "mode.sub.deep", None),
        ({"mode": "a"}, "mode.steps.deep", None),
        ({}, "images.image12", "IMAGE"),
        ({}, "images.image", None),
        ({}, "images.picture1", None),
        ({}, "named.left", "IMAGE"),
        ({}, "named.up", None),
        ({}, "other.anything", "*"),
        ({}, "odd.x", None),
        ({}, "odder.x", None),
        ({}, "nothing.x", None),
        ({}, "nothing" + "." * 100_000, None),
    ],
)
def test_what_a_dynamic_input_declares(dynamic: Catalog, inputs: dict[str, Value], name: str, type: str | None) -> None:
    declared = dynamic.get("T")
    assert declared is not None
    found = declared_input(declared, Node("1", "T", inputs), name)
    assert (found and found.type) == type


def test_what_a_dynamic_input_declares_counts(dynamic: Catalog) -> None:
    def of(**inputs: Value) -> str:
        return fingerprint(single("T", mode="a", **inputs), dynamic)

    assert of(**{"mode.steps": 4}) != of(**{"mode.steps": 5})
    assert of(**{"mode.low": 3}) == of() != of(**{"mode.low": 4})
    assert of(**{"mode.none": 3}) == of()


def test_five_thousand_nodes_take_little_time() -> None:
    def chain(last: int) -> Graph:
        nodes = {"0": Node("0", "N", {"seed": last})}
        for n in range(1, 5000):
            nodes[str(n)] = Node(str(n), "N", {"x": Link(str(n - 1), 0)})
        return Graph(nodes)

    def wheel(turned: bool) -> Graph:
        nodes = dict(chain(1).nodes)
        nodes["0"] = Node("0", "N", {"x": Link("4999", 1 if turned else 0)})
        return Graph(nodes)

    begun = time.process_time()
    assert len({fingerprint(each) for each in (chain(1), chain(2), wheel(True), wheel(False))}) == 4
    assert time.process_time() - begun < 15


def test_a_deep_value_is_no_trouble() -> None:
    value: Any = 1
    for _ in range(100_000):
        value = [value]
    assert fingerprint(single("N", x=value)) != fingerprint(single("N", x=[value]))


def test_a_prompt_and_its_copy() -> None:
    prompt = {
        "3": {"class_type": "ImageInvert", "inputs": {"image": ["1", 0]}},
        "1": {"class_type": "EmptyImage", "inputs": {"width": 8, "color": 0}, "_meta": {"title": "Black"}},
    }
    copy = {
        "a": {"class_type": "EmptyImage", "inputs": {"color": 0.0, "width": 8}},
        "b": {"class_type": "ImageInvert", "inputs": {"image": ["a", 0]}},
    }
    assert fingerprint(from_api(prompt)) == fingerprint(from_api(copy))

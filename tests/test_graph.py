"""Graphs, their passes, and the form in which a server takes them."""

from __future__ import annotations

import difflib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comfyproof.catalog.pinned import Catalog, built_in
from comfyproof.diagnostics import Place, Span, Spot, edit_distance, nearest
from comfyproof.formats.api import from_api, to_api
from comfyproof.graph import Graph, Link, Node, Value
from comfyproof.passes.merge import merge_equal
from comfyproof.passes.pipeline import PASSES, run_passes

IMAGE_NODES = ("ImageInvert", "ImageSharpen", "ImageScaleBy", "SaveImage", "PreviewImage")
LITERALS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.lists(st.integers())


@st.composite
def graphs(draw: Callable[..., int]) -> Graph:
    """Graphs of image nodes, without cycles and with equal nodes among them."""
    nodes: dict[str, Node] = {"start": Node("start", "EmptyImage", {"width": 8, "height": 8})}
    for n in range(draw(st.integers(1, 12))):
        type = IMAGE_NODES[draw(st.integers(0, len(IMAGE_NODES) - 1))]
        giving = [id for id, node in nodes.items() if node.type not in ("SaveImage", "PreviewImage")]
        source = Link(giving[draw(st.integers(0, len(giving) - 1))], 0)
        inputs: dict[str, Value] = {"images" if type in ("SaveImage", "PreviewImage") else "image": source}
        if type == "ImageScaleBy":
            inputs["scale_by"] = draw(st.sampled_from([0.5, 2.0]))
        nodes[f"n{n}"] = Node(f"n{n}", type, inputs)
    return Graph(nodes)


@given(graphs())
def test_passes_twice_give_the_same_as_once(graph: Graph) -> None:
    once = run_passes(graph, built_in())
    assert run_passes(once, built_in()) == once


def meaning(graph: Graph, id: str) -> object:
    """What a node computes, whatever ids the nodes have."""
    node = graph.nodes[id]
    inputs = {n: (meaning(graph, v.node), v.output) if isinstance(v, Link) else v for n, v in node.inputs.items()}
    return (node.type, tuple(sorted(inputs.items())))


def outputs(graph: Graph) -> list[str]:
    return sorted(
        repr(meaning(graph, node.id)) for node in graph.nodes.values() if node.type in ("SaveImage", "PreviewImage")
    )


@pytest.mark.parametrize("each", PASSES[1:], ids=lambda each: each.__name__)
@given(graph=graphs())
def test_no_pass_changes_what_is_computed(each: Callable[[Graph, Catalog], Graph], graph: Graph) -> None:
    graph = PASSES[0](graph, built_in())
    assert outputs(each(graph, built_in())) == outputs(graph)


@given(graphs())
def test_every_node_comes_after_what_it_takes_from(graph: Graph) -> None:
    numbered = run_passes(graph, built_in())
    for node in numbered.nodes.values():
        assert all(int(link.node) < int(node.id) for _, link in node.links())
    assert list(numbered.nodes) == [str(n) for n in range(1, len(numbered.nodes) + 1)]


@given(graphs())
def test_no_two_nodes_but_outputs_are_equal(graph: Graph) -> None:
    merged = run_passes(graph, built_in())
    inner = [
        repr(meaning(merged, id)) for id, node in merged.nodes.items() if node.type not in ("SaveImage", "PreviewImage")
    ]
    assert len(inner) == len(set(inner))


@given(graphs(), st.dictionaries(st.text(), LITERALS))
def test_api_json_and_back(graph: Graph, values: dict[str, Value]) -> None:
    odd = Node("odd", "Odd", values, "a title")
    graph = Graph({**graph.nodes, "odd": odd})
    back = from_api(to_api(graph))
    assert {id: (n.type, dict(n.inputs)) for id, n in back.nodes.items()} == {
        id: (n.type, dict(n.inputs)) for id, n in graph.nodes.items()
    }
    assert back.nodes["odd"].title == "a title"


def test_a_cycle_is_left_out_of_the_order() -> None:
    graph = Graph({
        "a": Node("a", "A", {"x": Link("b", 0)}),
        "b": Node("b", "B", {"x": Link("a", 0)}),
        "c": Node("c", "C", {"x": Link("b", 0)}),
        "d": Node("d", "D", {"x": Link("e", 0)}),
        "e": Node("e", "E", {}),
    })  # fmt: skip
    assert graph.order == ("e", "d")
    assert graph.upstream(["c"]) == {"a", "b", "c"}
    assert {(a, b) for a, b in graph.nx().edges()} == {("b", "a"), ("a", "b"), ("b", "c"), ("e", "d")}


@st.composite
def tangles(draw: Callable[..., list[tuple[int, int]]]) -> Graph:
    """Graphs of any shape: with cycles, and with consumers that stand before their producers."""
    links = draw(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=20))
    taken: dict[int, list[int]] = {n: [] for n in range(10)}
    for producer, consumer in links:
        taken[consumer].append(producer)
    return Graph({
        str(n): Node(str(n), "X", {f"i{k}": Link(str(producer), 0) for k, producer in enumerate(producers)})
        for n, producers in taken.items()
    })  # fmt: skip


@given(tangles())
def test_of_all_that_can_come_next_the_first_that_stands_there_comes(graph: Graph) -> None:
    wanted: list[str] = []
    while ready := [i for i in graph.nodes if i not in wanted and all(p in wanted for p in graph.producers(i))]:
        wanted.append(ready[0])
    assert list(graph.order) == wanted
    for id, consumers in graph.consumers.items():
        assert consumers == tuple(other for other in graph.nodes if id in graph.producers(other))


def test_merging_unites_origins_each_once() -> None:
    here, there = (Spot(file, "text", Span(1, 1, 1, 1)) for file in "ab")
    first, same, other = Place(here, ("x",)), Place(here, ("x",)), Place(there, ("x",))
    nodes = [
        Node("a", "EmptyImage", {}, origins=(first,)),
        Node("b", "EmptyImage", {}, origins=(same, other)),
        Node("c", "EmptyImage", {}, origins=(other, Place(here, ("x",), key=True))),
    ]
    merged = merge_equal(Graph({node.id: node for node in nodes}), built_in())
    assert merged.nodes["a"].origins == (first, other, Place(here, ("x",), key=True))
    assert list(merged.nodes) == ["a"]


def test_nodes_that_are_told_their_own_id_stay_apart() -> None:
    classes = [name for name in built_in().names() if (kind := built_in().get(name)) and kind.own_id]
    inner = next(name for name in classes if (kind := built_in().get(name)) and not kind.is_output)
    nodes = {id: Node(id, inner, {}) for id in "ab"} | {id: Node(id, "EmptyImage", {}) for id in "cd"}
    assert list(merge_equal(Graph(nodes), built_in()).nodes) == ["a", "b", "c"]


def plainly_nearest(word: str, names: list[str]) -> str | None:
    folded = {name.casefold(): name for name in reversed(names)}
    near = difflib.get_close_matches(word.casefold(), folded, n=5, cutoff=0.6)
    return folded[min(near, key=lambda name: edit_distance(word.casefold(), name))] if near else None


NAMES = built_in().names()
MISTYPED = st.builds(
    lambda word, at, letters: word[:at] + letters + word[at + 1 :],
    st.sampled_from(NAMES),
    st.integers(0, 12),
    st.text("aeLo5", max_size=2),
)


SHORT = st.text(min_size=1, max_size=5)


@given(MISTYPED | SHORT, st.lists(st.sampled_from(NAMES) | SHORT, max_size=20))
def test_the_nearest_name_is_what_a_plain_search_finds(word: str, names: list[str]) -> None:
    assert nearest(word, names) == plainly_nearest(word, names)


def test_the_nearest_of_many_names_and_of_long_ones() -> None:
    assert nearest("KSamplr", NAMES) == plainly_nearest("KSamplr", NAMES) == "KSampler"
    assert nearest("x" * 100_000, ["x" * 99_999, *NAMES]) is None

"""Graphs, their passes, and the form in which a server takes them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comfyproof.catalog.pinned import Catalog, built_in
from comfyproof.formats.api import from_api, to_api
from comfyproof.graph import Graph, Link, Node, Value
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

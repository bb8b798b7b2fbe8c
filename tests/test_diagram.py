"""Diagrams: Mermaid whose every line is one of the forms it may have, and SVG that is XML and nothing but a picture."""

from __future__ import annotations

import json
import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comfyproof.catalog.pinned import built_in
from comfyproof.driver import compile_spec
from comfyproof.formats.api import from_api
from comfyproof.formats.diagram import dump_mermaid, dump_svg
from comfyproof.formats.looks import Kind, kind_of, short, telling
from comfyproof.graph import Graph, Link, Node
from comfyproof.spec.pipeline import Changes
from conftest import ROOT

SVG = "{http://www.w3.org/2000/svg}"
# No quote, bracket, angle or backtick can be in a label: all but these is written as a number.
LABEL = r'"(?:[\w .,:/+()-]|#\d+;|<br/>)*"'
MERMAID = re.compile(
    rf"flowchart LR|  subgraph s\d+\[{LABEL}\]|  end"
    rf"| {{2,4}}n\d+(?:\[{LABEL}\]|\[\({LABEL}\)\]|\(\[{LABEL}\]\))"
    r"|  n\d+ --> n\d+|  linkStyle \d+(?:,\d+)* stroke:#[0-9a-f]{6},stroke-width:2px"
    r"|  classDef [a-z]+ fill:#[0-9a-f]{6},stroke:#[0-9a-f]{6},color:#1c1c1c|  class n\d+(?:,n\d+)* [a-z]+"
)


def production() -> Graph:
    compiled = compile_spec(ROOT / "specs" / "production_upscale_enhance.yaml", built_in(), Changes({}))
    assert compiled.program is not None
    return compiled.program.graph


def test_mermaid_of_the_production_workflow() -> None:
    lines = dump_mermaid(production(), built_in()).splitlines()
    assert lines[0] == "flowchart LR"
    assert [line for line in lines if "subgraph" in line][:3] == [
        '  subgraph s1["load"]', '  subgraph s2["siax"]', '  subgraph s3["krea"]'
    ]  # fmt: skip
    assert '    n1[("load: image<br/>photograph.jpg")]' in lines
    assert '    n8["upscale: negative<br/>blurry, artifacts, oversharpened"]' in lines
    assert '    n13(["save<br/>upscale_enhanced"])' in lines
    assert "  n11 --> n12" in lines
    assert "  class n8 negative" in lines


def test_svg_of_the_production_workflow() -> None:
    graph = production()
    root = ElementTree.fromstring(dump_svg(graph, built_in()))
    assert root.tag == f"{SVG}svg"
    texts = [text.text for text in root.iter(f"{SVG}text")]
    assert {"load", "krea", "refine", "upscale: upscaler", "euler, 12 steps", "photograph.jpg"} <= set(texts)
    assert "IMAGE" in texts  # the key to the colours
    boxes = [group.find(f"{SVG}rect") for group in root.iter(f"{SVG}g")]
    assert len(boxes) == len(graph.nodes)
    links = sum(1 for node in graph.nodes.values() for _ in node.links())
    assert len([path for path in root.iter(f"{SVG}path") if path.get("class") == "link"]) == links
    left, top, width, height = map(float, (root.get("viewBox") or "").split())
    for box in boxes:
        assert box is not None
        x, y, wide, high = (float(box.get(key) or "nan") for key in ("x", "y", "width", "height"))
        assert left < x < x + wide < left + width
        assert top < y < y + high < top + height


@pytest.mark.parametrize("file", sorted((ROOT / "workflows").glob("*.api.json")), ids=lambda file: file.name)
def test_every_workflow_has_its_diagrams(file: object) -> None:
    graph = from_api(json.loads((ROOT / "workflows" / str(file)).read_text(encoding="utf-8")))
    for dump in (dump_mermaid, dump_svg):
        assert dump(graph, built_in()) == dump(graph, built_in())
    check(graph)


def check(graph: Graph) -> None:
    lines = dump_mermaid(graph, built_in()).splitlines()
    assert [line for line in lines if not MERMAID.fullmatch(line)] == []
    text = dump_svg(graph, built_in())
    root = ElementTree.fromstring(text.encode())
    tags = {element.tag.removeprefix(SVG) for element in root.iter()}
    assert tags <= {"svg", "style", "rect", "path", "text", "circle", "g", "title"}
    named = {name for element in root.iter() for name in element.attrib}
    assert not [name for name in named if name.startswith("on") or "href" in name]
    assert not re.search(r"https?:", text.replace("http://www.w3.org/2000/svg", ""))


NASTY = st.text(max_size=20) | st.sampled_from(
    [
        '"]',
        "<script>alert(1)</script>",
        "end",
        "`**x**`",
        "%%{init}%%",
        "a\nb",
        "]]>",
        "&amp;",
        "\x00",
        "\ud800",
        "x;y#1;",
    ]
)


@given(
    st.lists(
        st.tuples(
            NASTY, NASTY, st.sampled_from(["CLIPTextEncode", "LoadImage", "Nobody", "SaveImage", "KSampler"]), NASTY
        ),
        max_size=8,
    ),
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(0, 3)), max_size=12),
)
def test_no_name_or_value_breaks_a_diagram(
    nodes: list[tuple[str, str, str, str]], links: list[tuple[int, int, int]]
) -> None:
    made = {}
    for n, (title, stage, type, value) in enumerate(nodes):
        inputs = {f"in{m}": Link(str(source), slot) for m, (source, target, slot) in enumerate(links) if target == n}
        text = {"CLIPTextEncode": "text", "LoadImage": "image"}.get(type, "filename_prefix")
        made[str(n)] = Node(str(n), type, {text: value.replace("http", ""), **inputs}, title, stage)
    check(Graph(made))


def test_kinds_and_telling_values() -> None:
    graph = production()
    kinds = {node.title: kind_of(graph, node, built_in()) for node in graph.nodes.values()}
    assert kinds["krea: VAE"] == Kind.LOAD
    assert kinds["upscale: positive"] == Kind.POSITIVE
    assert kinds["upscale: negative"] == Kind.NEGATIVE
    assert kinds["refine: sampler"] == Kind.SAMPLE
    assert kinds["refine: decode"] == Kind.OTHER
    assert kinds["save"] == Kind.OUTPUT
    declared = built_in().get("DualCLIPLoader")
    loader = Node(
        "1", "DualCLIPLoader", {"clip_name1": "a/b.safetensors", "clip_name2": "c.safetensors", "type": "flux"}
    )
    assert telling(loader, declared) == "b.safetensors, c.safetensors"
    assert short("a  b\nc" * 100, 10) == "a b ca b…"


def test_a_text_is_negative_only_where_it_goes_to_nothing_else() -> None:
    api = {
        "1": {"class_type": "CLIPTextEncode", "inputs": {"text": "bees"}},
        "2": {"class_type": "ConditioningZeroOut", "inputs": {"conditioning": ["1", 0]}},
        "3": {"class_type": "FluxGuidance", "inputs": {"conditioning": ["1", 0], "guidance": 2.5}},
        "5": {"class_type": "CLIPTextEncode", "inputs": {"text": "blur"}},
        "6": {"class_type": "ControlNetApplyAdvanced", "inputs": {"positive": ["3", 0], "negative": ["5", 0]}},
        "4": {"class_type": "KSampler", "inputs": {"positive": ["6", 0], "negative": ["6", 1]}},
        "7": {"class_type": "KSampler", "inputs": {"positive": ["3", 0], "negative": ["2", 0]}},
    }
    graph = from_api(api)
    assert kind_of(graph, graph.nodes["1"], built_in()) == Kind.POSITIVE
    assert kind_of(graph, graph.nodes["5"], built_in()) == Kind.NEGATIVE

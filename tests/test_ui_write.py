"""UI JSON as it is written: by the editor's rules, readable, and the same graph when it is read back.

`editor_texts.json` has texts with dynamic prompts and what ComfyUI's editors, 1.27.10 and 1.58.1, exported of each,
with the first of all choices taken.
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comfyproof.catalog.pinned import Catalog, built_in, from_object_info
from comfyproof.catalog.widgets import NEWER, OLDER, Editor
from comfyproof.driver import compile_spec
from comfyproof.formats.api import from_api
from comfyproof.formats.ui_escape import escaped, holds
from comfyproof.formats.ui_read import UiReader
from comfyproof.formats.ui_texts import chosen
from comfyproof.formats.ui_write import draw, dump_ui, to_ui
from comfyproof.graph import Asset, Graph, Link, Node, Secret
from comfyproof.spec.pipeline import Changes
from conftest import ROOT

HERE = Path(__file__).parent
WORKFLOWS = sorted((ROOT / "workflows").glob("*.api.json"))
TEXTS: dict[str, str] = json.loads((HERE / "editor_texts.json").read_text(encoding="utf-8"))
RECORDED = [json.loads(line) for line in gzip.decompress((HERE / "editor_nodes.jsonl.gz").read_bytes()).splitlines()]
MADE_UP = from_object_info({row["class"]: row["raw"] for row in RECORDED if "raw" in row}, "made up")
TITLE = 30
# Recorded under a longer title of the editor's own, and with sockets that stand for missing widgets.
OTHERWISE = {"LatentBatch", "A_multi"}


def graph_of(**nodes: dict[str, Any]) -> Graph:
    return from_api({id: {"class_type": node.pop("type"), "inputs": node} for id, node in nodes.items()})


def read_back(ui: dict[str, Any], catalog: Catalog, editor: Editor = NEWER) -> Graph:
    """The graph that the reader makes of a workflow, without a word about it."""
    graph, findings = UiReader(catalog, editor).read(ui)
    assert findings == []
    assert graph is not None
    return graph


def plain(graph: Graph) -> dict[str, tuple[str, dict[str, Any]]]:
    """What has to be equal after a round trip: the classes and inputs, the links as they are."""
    return {id: (node.type, dict(node.inputs)) for id, node in graph.nodes.items()}


def node_of(ui: dict[str, Any], id: Any) -> dict[str, Any]:
    found: dict[str, Any] = next(node for node in ui["nodes"] if node["id"] == id)
    return found


def check_form(ui: dict[str, Any]) -> None:
    """That the parts of a workflow agree with each other, and that no two nodes overlap."""
    nodes = {node["id"]: node for node in ui["nodes"]}
    assert len(nodes) == len(ui["nodes"])
    assert ui["version"] == 0.4
    assert ui["last_node_id"] >= max((id for id in nodes if isinstance(id, int)), default=0)
    assert [link[0] for link in ui["links"]] == list(range(1, ui["last_link_id"] + 1))
    for id, source, output, target, slot, type in ui["links"]:
        assert id in nodes[source]["outputs"][output]["links"]
        assert nodes[target]["inputs"][slot]["link"] == id
        assert isinstance(type, str)
    linked = [slot["link"] for node in ui["nodes"] for slot in node["inputs"] if slot["link"] is not None]
    assert sorted(linked) == [link[0] for link in ui["links"]]
    assert sorted(node["order"] for node in ui["nodes"]) == list(range(len(nodes)))
    boxes = [(*node["pos"], *node["size"], node["id"]) for node in ui["nodes"]]
    for n, (x, y, width, height, id) in enumerate(boxes):
        for other_x, other_y, other_width, other_height, other in boxes[:n]:
            beside = x >= other_x + other_width or other_x >= x + width
            below = y - TITLE >= other_y + other_height or other_y - TITLE >= y + height
            assert beside or below, (id, other)


@pytest.mark.parametrize("editor", [OLDER, NEWER])
@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name.partition(".")[0])
def test_every_workflow_comes_back_as_it_was(file: Path, editor: Editor) -> None:
    graph = from_api(json.loads(file.read_text(encoding="utf-8")))
    drawn = draw(graph, built_in(), file.name)
    assert drawn.findings == ()
    check_form(drawn.ui)
    assert json.loads(drawn.text()) == drawn.ui
    back = read_back(json.loads(drawn.text()), built_in(), editor)
    assert set(back.nodes) == set(graph.nodes)
    for id, node in graph.nodes.items():
        assert back.nodes[id].type == node.type
        assert back.nodes[id].title == node.title
        # The editor also sends what was left to its default.
        assert dict(node.inputs).items() <= dict(back.nodes[id].inputs).items()
        assert len(list(back.nodes[id].links())) == len(list(node.links()))


def test_nodes_are_no_smaller_than_the_editor_makes_them() -> None:
    small = []
    for row in RECORDED:
        catalog = MADE_UP if "raw" in row else built_in()
        declared = catalog.get(row["class"])
        if declared is None or row[NEWER] is None or row["class"] in OTHERWISE:
            continue
        node = Node("1", row["class"], {}, declared.display_name)
        width, height = to_ui(Graph({"1": node}), catalog)["nodes"][0]["size"]
        for editor in (OLDER, NEWER):
            least = row[editor]["min"]
            # Sockets and widgets of the newer schema are not there yet, or look otherwise, in the older editor.
            if (width < least[0] or height < least[1]) and (editor == NEWER or "raw" not in row):
                small.append((row["class"], editor, (width, height), least))
    assert small == []


def test_stages_are_groups_and_their_names_titles() -> None:
    compiled = compile_spec(ROOT / "specs" / "production_upscale_enhance.yaml", built_in(), Changes({}))
    assert compiled.program is not None
    ui = to_ui(compiled.program.graph, built_in(), "production_upscale_enhance.yaml")
    check_form(ui)
    assert [group["title"] for group in ui["groups"]] == [
        "load",
        "siax",
        "krea",
        "upscale",
        "refine",
        "save",
        "preview",
    ]
    inside: dict[str, list[str]] = {group["title"]: [] for group in ui["groups"]}
    for node in ui["nodes"]:
        x, y = node["pos"]
        for group in ui["groups"]:
            left, top, width, height = group["bounding"]
            if left <= x <= left + width and top <= y <= top + height:
                inside[group["title"]].append(node["title"])
    assert inside["refine"] == ["refine: encode", "refine: sampler", "refine: decode"]
    assert inside["krea"] == ["krea: VAE", "krea: diffusion model", "krea: text encoders"]
    order = {group["title"]: group["bounding"][0] for group in ui["groups"]}
    assert order["load"] < order["upscale"] < order["refine"] < order["save"]
    note = ui["nodes"][-1]
    assert note["type"] == "Note"
    assert "production_upscale_enhance.yaml" in note["widgets_values"][0]
    colors = {node["title"]: node.get("color") for node in ui["nodes"]}
    assert colors["upscale: positive"] == "#232"
    assert colors["upscale: negative"] == "#322"


def test_the_same_graph_gives_the_same_bytes() -> None:
    graph = from_api(json.loads(WORKFLOWS[0].read_text(encoding="utf-8")))
    assert dump_ui(graph, built_in(), "x") == dump_ui(graph, built_in(), "x")
    assert "Note" not in dump_ui(graph, built_in())


def test_widget_values_are_complete() -> None:
    graph = graph_of(
        a={"type": "LoadImage", "image": "bee.png"},
        b={"type": "KSampler", "seed": 7, "steps": 3, "model": ["c", 0]},
        c={"type": "CheckpointLoaderSimple", "ckpt_name": "x.safetensors"},
    )
    drawn = draw(graph, built_in())
    assert node_of(drawn.ui, "a")["widgets_values"] == ["bee.png", "image"]
    assert node_of(drawn.ui, "b")["widgets_values"] == [7, "fixed", 3, 8.0, "euler", "simple", 1.0]
    # A server refuses what is left out here; the editor would send defaults.
    said = [finding.message for finding in drawn.findings]
    assert said == [
        f'"KSampler" has no "{name}", and the editor would send its default'
        for name in ("cfg", "sampler_name", "scheduler", "denoise")
    ]


def test_a_linked_widget_is_a_socket_and_keeps_a_value() -> None:
    graph = graph_of(
        one={"type": "PrimitiveInt", "value": 20},
        two={"type": "KSampler", "seed": 7, "steps": ["one", 0], "cfg": 1.0, "sampler_name": "euler",
             "scheduler": "simple", "denoise": 1.0},
    )  # fmt: skip
    ui = to_ui(graph, built_in())
    slots = {slot["name"]: slot for slot in node_of(ui, "two")["inputs"]}
    assert slots["steps"] == {"name": "steps", "type": "INT", "link": 1, "widget": {"name": "steps"}}
    assert node_of(ui, "two")["widgets_values"] == [7, "fixed", 20, 1.0, "euler", "simple", 1.0]
    assert read_back(ui, built_in()).nodes["two"].inputs["steps"] == Link("one", 0)


@pytest.mark.parametrize(
    ("id", "kept"),
    [("7", 7), ("load_image", "load_image"), ("12:3", None), ("007", None), ("0", None), ("-1", None), ("", None),
     ("__proto__", None), ("a b", None), ("99999999999999999999", None)],
)  # fmt: skip
def test_ids_stay_where_the_editor_takes_them(id: str, kept: object) -> None:
    graph = graph_of(**{id: {"type": "LoadImage", "image": "x.png"}}, last={"type": "PreviewImage", "images": [id, 0]})
    ui = to_ui(graph, built_in())
    check_form(ui)
    assert ui["nodes"][0]["id"] == (1 if kept is None else kept)


def test_files_and_secrets_are_written_as_a_server_is_told_them() -> None:
    nodes = {
        "1": Node("1", "LoadImage", {"image": Asset("/home/me/x.png", "x-1234.png")}),
        "2": Node("2", "CLIPTextEncode", {"text": Secret(("a ", "TOKEN", "")), "clip": Link("3", 1)}),
        "3": Node("3", "CheckpointLoaderSimple", {"ckpt_name": "x.safetensors"}),
    }
    ui = to_ui(Graph(nodes), built_in())
    assert node_of(ui, 1)["widgets_values"][0] == "x-1234.png"
    assert read_back(ui, built_in()).nodes["2"].inputs["text"] == "a ${env:TOKEN}"


@pytest.mark.parametrize(
    ("node", "said"),
    [
        ({"type": "CLIPTextEncode", "text": "ends in \\"}, "undefined"),
        ({"type": "CLIPTextEncode", "text": 5}, "as text"),
        ({"type": "LoadImage", "image": "x.png", "odd": 1}, "is no input of the class"),
        ({"type": "PreviewImage", "images": 5}, "only takes a link"),
        ({"type": "PreviewImage", "images": ["nowhere", 0]}, "does not exist"),
        ({"type": "PreviewImage", "images": ["x", 10**9]}, "does not exist"),
        ({"type": "RandomNoise", "noise_seed": 2**53 + 1}, "rounds"),
        ({"type": "LoadImage", "image": None}, "default in place of the empty"),
        ({"type": "SaveImage", "filename_prefix": "%date:yyyy%/a"}, "a date or a value"),
        ({"type": "NoSuchClass", "a": 1, "b": [2]}, "is not in the catalog"),
    ],
)
def test_what_the_editor_would_change_is_said(node: dict[str, Any], said: str) -> None:
    api = {"x": {"class_type": node["type"], "inputs": {k: v for k, v in node.items() if k != "type" and v != [2]}}}
    drawn = draw(from_api(api), built_in())
    check_form(drawn.ui)
    assert [said in finding.message for finding in drawn.findings] == [True]
    assert all(finding.help for finding in drawn.findings)


def test_a_class_that_nobody_knows_keeps_its_links_and_values() -> None:
    graph = graph_of(
        a={"type": "LoadImage", "image": "x.png"},
        b={"type": "Strange", "picture": ["a", 0], "strength": 0.5, "mode": "soft"},
        c={"type": "PreviewImage", "images": ["b", 2]},
    )
    ui = to_ui(graph, built_in())
    check_form(ui)
    strange = node_of(ui, "b")
    assert strange["inputs"] == [{"name": "picture", "type": "IMAGE", "link": 1}]
    assert strange["widgets_values"] == [0.5, "soft"]
    assert len(strange["outputs"]) == 3


def test_inputs_of_the_newer_schema_follow_their_combo() -> None:
    graph = graph_of(
        a={"type": "TDynCombo", "mode": "b", "mode.s": "hey", "mode.img": ["b", 0], "tail": 0.25},
        b={"type": "A_prefix", "images.image0": ["d", 0], "images.image4": ["d", 0], "n": 2},
        d={"type": "TMulti", "tags": {"__value__": ["x", "z"]}, "lst": "q"},
    )
    drawn = draw(graph, MADE_UP)
    check_form(drawn.ui)
    assert drawn.findings == ()
    assert node_of(drawn.ui, "a")["widgets_values"] == ["b", "hey", 0.25]
    assert plain(read_back(drawn.ui, MADE_UP)) == plain(graph)


@pytest.mark.parametrize("text", sorted(TEXTS), ids=ascii)
def test_dynamic_texts_are_read_as_the_editor_reads_them(text: str) -> None:
    assert chosen(text)[0] == TEXTS[text]


@given(st.text(st.sampled_from("\\{}|/*ab \n"), max_size=30) | st.text(max_size=30))
def test_a_dynamic_text_comes_out_of_the_editor_as_it_was(text: str) -> None:
    assert (chosen(escaped(text))[0] == text) == holds(text)


CLASSES = ["LoadImage", "CLIPTextEncode", "KSampler", "EmptyLatentImage", "VAEDecode", "CheckpointLoaderSimple",
           "SaveImage", "ImageScale", "LoraLoader", "PrimitiveInt", "StringConcatenate", "LatentComposite"]  # fmt: skip


@st.composite
def graphs(draw_one: st.DrawFn) -> Graph:
    """Graphs of well-known classes, all widgets set, links wherever a type fits, also back in circles."""
    types = draw_one(st.lists(st.sampled_from(CLASSES), max_size=12))
    given_by: dict[str, list[Link]] = {}
    for id, type in enumerate(types, 1):
        declared = built_in().get(type)
        assert declared is not None
        for slot, output in enumerate(declared.outputs):
            given_by.setdefault(output.type, []).append(Link(str(id), slot))
    values: dict[str, st.SearchStrategy[Any]] = {
        "INT": st.integers(-(2**53), 2**53),
        "FLOAT": st.floats(allow_nan=False, allow_infinity=False),
        "STRING": st.text(st.sampled_from("ab{}|/*\\ é\n"), max_size=12).map(lambda text: text + "."),
        "BOOLEAN": st.booleans(),
        "COMBO": st.text(min_size=1, max_size=6),
    }
    stages = st.sampled_from(["", "one", "two"])
    nodes = {}
    for id, type in enumerate(types, 1):
        declared = built_in().get(type)
        assert declared is not None
        inputs: dict[str, Any] = {}
        for name, spec in declared.inputs.items():
            links = given_by.get(spec.type, [])
            if spec.type not in values:
                if links and draw_one(st.booleans()):
                    inputs[name] = draw_one(st.sampled_from(links))
            else:
                linked = links and draw_one(st.integers(0, 3)) == 0
                inputs[name] = draw_one(st.sampled_from(links) if linked else values[spec.type])
        nodes[str(id)] = Node(str(id), type, inputs, stage=draw_one(stages))
    return Graph(nodes)


@given(graphs())
def test_what_is_written_is_read_back_as_the_same_graph(graph: Graph) -> None:
    drawn = draw(graph, built_in(), "a test")
    assert drawn.findings == ()
    check_form(drawn.ui)
    back, findings = UiReader(built_in()).read(json.loads(drawn.text()))
    assert back is not None
    assert plain(back) == plain(graph), findings

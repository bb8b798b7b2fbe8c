"""The editor's JSON becomes the graph that the editor itself would send, and nothing is lost without a word."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from comfyproof.canonical import fingerprint
from comfyproof.catalog.pinned import built_in, from_object_info
from comfyproof.formats.api import from_api, to_api
from comfyproof.formats.ui_read import UiReader
from comfyproof.formats.ui_texts import chosen
from comfyproof.rules.registry import check
from comfyproof.source import parse_source
from comfyproof.workflow import WorkflowReader
from conftest import Command
from ui_workflow import ui_workflow

FILE = yaml.load((Path(__file__).parent / "ui_cases.yaml").read_text(encoding="utf-8"), yaml.CSafeLoader)
CATALOG = from_object_info({**built_in().raw, **FILE["classes"]}, "cases")
CASES: dict[str, Any] = FILE["cases"]
EDITORS = [("1.58", "expect"), ("1.27", "older")]


def api_of(short: dict[str, Any]) -> dict[str, Any]:
    return {id: {"class_type": kind, "inputs": inputs} for id, (kind, inputs) in short.items()}


@pytest.mark.parametrize(("editor", "key"), EDITORS)
@pytest.mark.parametrize("name", CASES)
def test_a_workflow_is_what_the_editor_sends(name: str, editor: Any, key: str) -> None:
    case = CASES[name]
    graph, findings = UiReader(CATALOG, editor).read(ui_workflow(case, CATALOG))
    expected = case.get(key, case["expect"])
    if expected is None:
        assert any(finding.rule.code == "CP111" for finding in findings)
        return
    assert graph is not None
    assert fingerprint(graph, CATALOG) == fingerprint(from_api(api_of(expected)), CATALOG), to_api(graph)


def read(workflow: Any, **options: Any) -> tuple[Any, list[str]]:
    source, said = parse_source("workflow.json", json.dumps(workflow, indent=1))
    assert source is not None
    assert said == []
    graph, findings = UiReader(built_in()).read(workflow, source, **options)
    lines = source.text.splitlines()
    return graph, [
        f"{finding.rule.code} {finding.message} @ {lines[finding.place.span().line - 1].strip()}"
        for finding in findings
        if finding.place is not None
    ]


def broken(change: Any) -> list[str]:
    workflow = ui_workflow(CASES["a subgraph"], CATALOG)
    change(workflow)
    return read(workflow)[1]


def at(value: Any) -> Any:
    """Sets a path of a workflow to a value, by way of a function."""

    def path(*steps: Any) -> Any:
        def change(workflow: Any) -> None:
            for step in steps[:-1]:
                workflow = workflow[step]
            workflow[steps[-1]] = value

        return change

    return path


INNER = ("definitions", "subgraphs", 0)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (at(5)("nodes", 0), "CP111 a node must be a mapping @ 5,"),
        (at(None)("nodes", 0, "id"), 'CP111 the node has no "id" that is a number or text @ {'),
        (at(True)("nodes", 0, "id"), 'CP111 the node has no "id" that is a number or text @ {'),
        (at(2)("nodes", 0, "id"), 'CP111 the id "2" is there twice @ "id": 2,'),
        (at(7)("nodes", 0, "type"), 'CP111 the node has no "type" @ {'),
        (at({})("nodes", 1, "inputs"), 'CP111 the "inputs" of the node must be a list @ {'),
        (at([1])("nodes", 1, "inputs"), 'CP111 each of the "inputs" of the node must be a mapping with a name @ {'),
        (
            at(1.5)("nodes", 1, "inputs", 0, "link"),
            'CP111 the "link" of the input "image" must be the id of a link @ {',
        ),
        (at("x")("nodes", 0, "outputs"), 'CP111 the "outputs" of the node must be a list @ {'),
        (at("x")("links"), 'CP111 the "links" must be a list @ "links": "x",'),
        (at(None)("links", 0), "CP111 a link must be a list of six parts, or a mapping @ null,"),
        (
            at([1, 1, "0", 2, 0, "IMAGE"])("links", 0),
            "CP111 a link must name its id, both of its nodes and the output @ [",
        ),
        (at(55)("links", 0, 1), 'CP111 link 1 comes from the node "55", which is not there @ {'),
        (at(99)("nodes", 2, "inputs", 0, "link"), "CP112 link 99 is not in the table of links, so that nothing is"),
        (at({})(*INNER[:2]), 'CP111 the definitions of subgraphs must be a list @ "subgraphs": {}'),
        (at(5)(*INNER), "CP111 a subgraph must be a mapping with an id @ 5"),
        (at({})(*INNER, "inputs"), 'CP111 the "inputs" of a subgraph must be a list @ "inputs": {},'),
        (at(5)(*INNER, "outputs", 0), 'CP111 each of the "outputs" must be a mapping with links @ 5'),
        (at([[1]])(*INNER, "inputs", 0, "linkIds"), 'CP111 each of the "inputs" must be a mapping with links @ {'),
        (at([{}])(*INNER, "outputs", 0, "linkIds"), 'CP111 each of the "outputs" must be a mapping with links @ {'),
        (at({})(*INNER, "nodes"), 'CP111 the workflow has no list of "nodes" @ {'),
    ],
)
def test_what_is_broken_is_said_at_its_place(change: Any, said: str) -> None:
    found = broken(change)
    assert any(each.startswith(said) for each in found), found


def test_a_subgraph_that_holds_itself_is_an_error() -> None:
    workflow = ui_workflow(CASES["subgraphs in subgraphs"], CATALOG)
    outer, inner = workflow["definitions"]["subgraphs"]
    inner["nodes"][0]["type"] = outer["id"]
    assert [each for each in read(workflow)[1] if each.startswith("CP113")] == [
        f'CP113 the subgraph "Outer" holds itself @ "type": "{outer["id"]}",'
    ]


def test_links_that_go_round_are_an_error() -> None:
    workflow = ui_workflow(CASES["reroutes"], CATALOG)
    workflow["links"][0][1] = 3
    assert any("leads round in a circle" in each for each in read(workflow)[1])


def test_subgraphs_of_subgraphs_of_many_are_bounded() -> None:
    """Each of twenty subgraphs holds the next one twice: a million nodes, were nobody counting."""
    subgraphs: dict[str, Any] = {f"S{n}": {"nodes": {1: f"S{n + 1}", 2: f"S{n + 1}"}} for n in range(20)}
    subgraphs["S20"] = {"nodes": {1: ["LoadImage", "a.png", "image"]}}
    workflow = ui_workflow({"nodes": {1: "S0"}, "subgraphs": subgraphs}, CATALOG)
    started = time.process_time()
    _, found = read(workflow)
    assert any("more than 50,000 nodes" in each for each in found)
    assert time.process_time() - started < 30


def test_an_unknown_class_is_an_error_that_names_what_to_do() -> None:
    workflow = ui_workflow({"nodes": {1: {"type": "LoadImagge", "values": ["a.png"]}}}, CATALOG)
    _, findings = UiReader(built_in()).read(workflow)
    assert [(f.rule.code, f.help) for f in findings] == [("CP114", 'did you mean "LoadImage"?')]
    node = {"type": "FancyBlur", "values": [1], "properties": {"cnr_id": "fancy-pack"}}
    _, findings = UiReader(built_in()).read(ui_workflow({"nodes": {1: node}}, CATALOG))
    assert '"fancy-pack"' in findings[0].help


UNKNOWN = {
    "type": "FancyBlur",
    "values": [5, "randomize", 0.5, "x", "image"],
    "slots": [["picture", "IMAGE", False], ["seed", "INT", True], ["size", "FLOAT", True], ["name", "STRING", True]],
    "in": {"picture": "1.0"},
}


def test_an_unknown_class_is_kept_with_the_values_that_the_file_names() -> None:
    case = {
        "nodes": {
            1: ["LoadImage", "a.png", "image"],
            2: UNKNOWN,
            3: {"type": "SaveImage", "in": {"images": "2.0"}, "values": ["o"]},
        }
    }
    case["nodes"][2] = {**UNKNOWN, "outputs": [["IMAGE", "IMAGE"]]}
    graph, found = read(ui_workflow(case, CATALOG), keep_unknown=True)
    assert to_api(graph)["2"]["inputs"] == {"seed": 5, "size": 0.5, "name": "x", "picture": ["1", 0]}
    assert to_api(graph)["3"]["inputs"]["images"] == ["2", 0]
    assert [each.split(" @ ")[0] for each in found] == [
        'CP115 "FancyBlur" is not in the catalog and was kept: its values are named after its inputs'
    ]


def test_an_unknown_class_without_names_for_its_values_says_so() -> None:
    graph, found = read(ui_workflow({"nodes": {1: ["FancyBlur", 5, "x"]}}, CATALOG), keep_unknown=True)
    assert to_api(graph)["1"]["inputs"] == {"UNKNOWN": 5, "UNKNOWN_1": "x"}
    assert "which values are which is not known" in found[0]


SAMPLER = ["KSampler", 1, "fixed", 20, 8, "euler", "normal", 1]


@pytest.mark.parametrize(
    ("node", "said"),
    [
        (
            ["KSampler", 1, "fixed", "many", 8, "euler", "normal", 1],
            'CP121 "steps" of "KSampler" cannot be "many" @ "many",',
        ),
        (
            ["KSampler", 1, "fixed", 20, 8, "eular", "normal", 1],
            'CP121 "sampler_name" of "KSampler" cannot be "eular" @ "eular",',
        ),
        ([*SAMPLER, 9], 'CP120 "KSampler" has 7 widgets here; the last of the values is left out'),
        (
            ["CLIPTextEncode", "a {b|c}"],
            'CP117 "text" leaves a choice; the first of each is taken here @ "a {b|c}"',
        ),
        (["CLIPTextEncode", "ends in \\"], 'CP123 the editor sends "text" with "undefined" at its end'),
        (["SaveImage", "%date:yy-M%"], 'CP118 only the editor fills in "%date:yy-M%", and a server leaves it as it is'),
        ({"type": "KSampler", "values": {"seed": 4}}, 'CP120 the values of "KSampler" stand by name, which the editor'),
        (
            ["Load3D", "a.glb", "", 512, 512],
            'CP119 the editor draws the "image" of "Load3D" when it sends',
        ),
    ],
)
def test_what_the_editor_passes_over_is_said_at_its_place(node: Any, said: str) -> None:
    found = read(ui_workflow({"nodes": {1: node}}, CATALOG))[1]
    assert any(each.startswith(said) for each in found), found


def test_a_good_workflow_gets_no_finding() -> None:
    for name in (
        "version 0.4",
        "a subgraph",
        "bypass",
        "a primitive",
        "values without those of sockets, in a new file",
    ):
        _, findings = UiReader(CATALOG).read(ui_workflow(CASES[name], CATALOG))
        assert findings == []


def test_dates_are_left_to_the_server() -> None:
    graph, found = read(ui_workflow({"nodes": {1: ["SaveImage", "%date:yyyy-MM-dd%/x"]}}, CATALOG))
    assert graph.nodes["1"].inputs["filename_prefix"] == "%year%-%month%-%day%/x"
    assert found == []


def test_names_of_older_days_are_read() -> None:
    graph, _ = read(ui_workflow({"nodes": {1: ["T2IAdapterLoader", "x"], 2: ["ConditioningAverage ", 0.25]}}, CATALOG))
    assert [node.type for node in graph.nodes.values()] == ["ControlNetLoader", "ConditioningAverage"]


def test_a_place_is_that_of_the_value_and_of_the_link() -> None:
    workflow = ui_workflow(CASES["a widget that is linked"], CATALOG)
    source, _ = parse_source("workflow.json", json.dumps(workflow, indent=1))
    assert source is not None
    graph, _ = UiReader(built_in()).read(workflow, source)
    assert graph is not None
    node = graph.nodes["2"]
    assert {name: place.path for name, place in node.places.items()} == {
        "height": ("nodes", 1, "widgets_values", 1),
        "batch_size": ("nodes", 1, "widgets_values", 2),
        "color": ("nodes", 1, "widgets_values", 3),
        "width": ("nodes", 1, "inputs", 0, "link"),
    }


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-20, 20) | st.floats(allow_nan=False) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


@given(st.data())
def test_no_change_of_a_workflow_breaks_the_reader(data: st.DataObject) -> None:
    """Whatever stands anywhere in the file, the reader gives a graph or says why not."""
    name = data.draw(st.sampled_from(sorted(CASES)))
    workflow = ui_workflow(CASES[name], CATALOG)
    for _ in range(data.draw(st.integers(1, 3))):
        part: Any = workflow
        for _ in range(data.draw(st.integers(1, 7))):
            keys = list(part) if isinstance(part, dict) else list(range(len(part)))
            if not keys:
                break
            key = data.draw(st.sampled_from(keys))
            if isinstance(part[key], dict | list) and data.draw(st.booleans()):
                part = part[key]
                continue
            part[key] = data.draw(JSON)
            break
    for editor in ("1.58", "1.27"):
        graph, findings = UiReader(CATALOG, editor).read(workflow, keep_unknown=data.draw(st.booleans()))  # type: ignore[arg-type]
        assert graph is not None or findings
        if graph is not None:
            json.dumps(to_api(graph))


def test_a_file_of_any_kind_is_read_or_refused(tmp_path: Path) -> None:
    reader = WorkflowReader(built_in())
    kinds = {}
    for name, text in {
        "ui.json": json.dumps(ui_workflow(CASES["version 0.4"], CATALOG)),
        "api.json": '{"1": {"class_type": "LoadImage", "inputs": {"image": "a.png"}}}',
        "sent.json": '{"client_id": "x", "prompt": {"1": {"class_type": "LoadImage", "inputs": {"image": "a.png"}}}}',
        "spec.json": '{"comfyproof": 1}',
        "spec.yaml": "comfyproof: 1",
        "other.json": '{"name": "package"}',
        "empty.json": "{}",
        "broken.json": '{"nodes": [',
        "list.json": "[1]",
    }.items():
        (tmp_path / name).write_text(text)
        found = reader.read(str(tmp_path / name))
        kinds[name] = (found.kind, found.graph is not None, [each.rule.code for each in found.findings])
    assert kinds == {
        "ui.json": ("ui", True, []),
        "api.json": ("api", True, []),
        "sent.json": ("api", True, []),
        "spec.json": ("spec", False, []),
        "spec.yaml": ("spec", False, []),
        "other.json": ("", False, ["CP110"]),
        "empty.json": ("", False, ["CP110"]),
        "broken.json": ("", False, ["CP102"]),
        "list.json": ("", False, ["CP110"]),
    }


def test_a_file_of_a_hundred_megabytes_is_refused_at_once(tmp_path: Path) -> None:
    file = tmp_path / "huge.json"
    with file.open("wb") as stream:
        stream.write(b'{"nodes": [')
        stream.truncate(100 * 2**20)
    found = WorkflowReader(built_in()).read(str(file))
    assert not found.readable
    assert "over the limit" in found.findings[0].message


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ('{"inputs": {}}', 'node "1" has no class_type'),
        ("5", 'node "1" has no class_type'),
        ('{"class_type": "LoadImage"}', 'node "1" has no inputs'),
        ('{"class_type": "LoadImage", "inputs": {"image": [1, 2, 3]}}', '"image" is a list and no link'),
    ],
)
def test_broken_api_json_is_said_at_its_place(tmp_path: Path, entry: str, said: str) -> None:
    file = tmp_path / "api.json"
    file.write_text(f'{{"0": {{"class_type": "PreviewImage", "inputs": {{}}}},\n"1": {entry}}}')
    found = WorkflowReader(built_in()).read(str(file)).findings
    assert [(each.place.span().line if each.place else 0) for each in found] == [2]
    assert said in found[0].message


@pytest.mark.parametrize("external", [[[[1], [2]]], [[{}]], [[]], [5], {}])
def test_a_group_node_with_outputs_of_any_kind_is_read(external: Any) -> None:
    node = {"type": "LoadImage", "inputs": [], "outputs": [{"name": "IMAGE"}], "widgets_values": ["a.png", "image"]}
    workflow = {
        "nodes": [{"id": 1, "type": "workflow>pair"}],
        "extra": {"groupNodes": {"pair": {"nodes": [node], "links": [], "external": external}}},
    }
    assert [each.type for each in read(workflow)[0].nodes.values()] == ["LoadImage"]


def test_comments_that_nothing_ends_are_read_in_time() -> None:
    text = "/* " * 300_000 + "// gone\n" + "/* kept"
    started = time.process_time()
    graph, _ = read(ui_workflow({"nodes": {1: ["CLIPTextEncode", text]}}, CATALOG))
    assert graph.nodes["1"].inputs["text"] == "/* " * 300_000 + "\n" + "/* kept"
    assert time.process_time() - started < 5


@pytest.mark.parametrize("inner", ["x", "\\\\", "\\{"])
def test_choices_in_choices_are_read_in_time(inner: str) -> None:
    started = time.process_time()
    text, choice = chosen("{" * 200_000 + inner * 200_000 + "}" * 200_000)
    assert len(text) >= 200_000
    assert not choice
    assert time.process_time() - started < 5


def test_file_names_with_many_names_in_them_are_read_in_time() -> None:
    nodes: dict[int, Any] = {n: ["CLIPTextEncode", "x"] for n in range(2, 2000)}
    started = time.process_time()
    graph, _ = read(ui_workflow({"nodes": {**nodes, 1: ["SaveImage", "%KSampler.seed%" * 50_000]}}, CATALOG))
    assert graph.nodes["1"].inputs["filename_prefix"] == "%KSampler.seed%" * 50_000
    assert time.process_time() - started < 5


def test_subgraphs_of_nothing_are_bounded() -> None:
    subgraphs: dict[str, Any] = {f"S{n}": {"nodes": {1: f"S{n + 1}", 2: f"S{n + 1}"}} for n in range(25)}
    subgraphs["S25"] = {"nodes": {1: "Note"}}
    started = time.process_time()
    _, found = read(ui_workflow({"nodes": {1: "S0"}, "subgraphs": subgraphs}, CATALOG))
    assert any("more than 50,000 nodes" in each for each in found)
    assert time.process_time() - started < 5


def test_group_nodes_of_many_are_bounded() -> None:
    notes = [{"type": "Note", "inputs": [{"name": "a"}]}] * 1_000
    groups = {"g": {"nodes": notes, "links": [], "external": []}}
    started = time.process_time()
    nodes = [{"id": n, "type": "workflow>g"} for n in range(2_000)]
    assert any("more than 50,000 nodes" in each for each in read({"nodes": nodes, "extra": {"groupNodes": groups}})[1])
    assert time.process_time() - started < 5


def test_links_through_many_reroutes_are_bounded() -> None:
    slot = {"name": "", "type": "*"}
    nodes: list[Any] = [{"id": n, "type": "Reroute", "inputs": [{**slot, "link": n}]} for n in range(1, 5_000)]
    wanted = [{"name": "clip", "type": "CLIP", "link": 5_000}]
    nodes += [{"id": n, "type": "CLIPTextEncode", "inputs": wanted} for n in range(10_000, 11_000)]
    links = [[n, n - 1, 0, n, 0, "*"] for n in range(1, 5_001)]
    started = time.process_time()
    assert any("1,000,000 times" in each for each in read({"nodes": nodes, "links": links})[1])
    assert time.process_time() - started < 10


def test_links_that_only_the_table_knows_are_read_in_time() -> None:
    inputs = [{"name": f"i{n}", "type": "IMAGE"} for n in range(10_000)]
    nodes = [
        {"id": 1, "type": "Somebodys", "inputs": inputs},
        {"id": 2, "type": "LoadImage", "widgets_values": ["a.png"]},
    ]
    links = [[n, 2, 0, 1, n, "IMAGE"] for n in range(10_000)]
    started = time.process_time()
    graph, _ = read({"nodes": nodes, "links": links}, keep_unknown=True)
    assert len(list(graph.nodes["1"].links())) == 10_000
    assert time.process_time() - started < 5


def test_what_is_wrong_in_a_subgraph_is_said_once() -> None:
    subgraphs = {"S": {"nodes": {1: ["KSampler", 1, "fixed", "many", 8, "euler", "normal", 1]}}}
    found = read(ui_workflow({"nodes": {1: "S", 2: "S"}, "subgraphs": subgraphs}, CATALOG))[1]
    assert len([each for each in found if each.startswith("CP121")]) == 1


def test_a_text_that_is_used_ten_thousand_times_is_bounded() -> None:
    subgraphs = {"S": {"nodes": {1: ["CLIPTextEncode", "x" * 2**20]}}}
    nodes = dict.fromkeys(range(1, 1_000), "S")
    graph, found = read(ui_workflow({"nodes": nodes, "subgraphs": subgraphs}, CATALOG))
    assert len(graph.nodes) <= 64
    assert any("hold more than 67,108,864 characters" in each for each in found)
    inputs = [{"name": f"i{n}", "link": 1} for n in range(5_000)]
    workflow = ui_workflow({"nodes": dict.fromkeys(range(1, 1_000), "S"), "subgraphs": subgraphs}, CATALOG)
    workflow["definitions"]["subgraphs"][0]["nodes"] = [{"id": 1, "type": "CLIPTextEncode", "inputs": inputs}]
    assert any("hold more than 67,108,864 characters" in each for each in read(workflow)[1])
    started = time.process_time()
    subgraphs = {"S": {"nodes": {1: ["CLIPTextEncode", "{a|b}" * 20_000]}}}
    read(ui_workflow({"nodes": dict.fromkeys(range(1, 3_000), "S"), "subgraphs": subgraphs}, CATALOG))
    assert time.process_time() - started < 5
    words = "%A.text%" * 1000
    nodes = {1: {"type": "CLIPTextEncode", "title": "A", "values": ["x" * 2**20]}, 2: ["SaveImage", words]}
    assert read(ui_workflow({"nodes": nodes}, CATALOG))[0].nodes["2"].inputs["filename_prefix"] == words


@given(st.text(alphabet="/* a\n", max_size=40))
def test_comments_are_those_of_the_editor(text: str) -> None:
    """Its own pattern, which takes too long for some texts, has the last word."""
    assert chosen(text)[0] == re.sub(r"/\*[\s\S]*?\*/|//.*", "", text)


def test_a_workflow_without_an_output_is_an_error(tmp_path: Path, comfyproof: Command) -> None:
    """A server refuses it, though it has no node that a server would look at."""
    (tmp_path / "none.json").write_text('{"1": {"class_type": "LoadImage", "inputs": {"image": "a.png"}}}')
    done = comfyproof("lint", "none.json")
    assert done.returncode == 1
    assert "error[CP307]: no node saves or shows anything" in done.stdout
    (tmp_path / "unknown.json").write_text('{"1": {"class_type": "SomebodysSaver", "inputs": {}}}')
    assert comfyproof("lint", "unknown.json").returncode == 0


def test_help_names_nodes_as_the_workflow_does(tmp_path: Path, comfyproof: Command) -> None:
    """Ten thousand such links are looked at in seconds."""
    prompt: dict[str, Any] = {"1": {"class_type": "LoadImage", "inputs": {"image": "a.png"}, "_meta": {"title": "Cat"}}}
    empty = {"class_type": "EmptyLatentImage", "inputs": {"width": 64, "height": 64, "batch_size": 1}}
    wrong = {"class_type": "PreviewImage", "inputs": {"images": ["2", 0]}}
    (tmp_path / "wrong.json").write_text(json.dumps({**prompt, "2": empty, "3": wrong}))
    assert 'help: take it from what gives IMAGE: "Cat"' in comfyproof("lint", "wrong.json").stdout
    many = {
        str(n): {"class_type": "CLIPTextEncode", "inputs": {"text": "x", "clip": ["2", 0]}} for n in range(3, 10_003)
    }
    graph = from_api({"2": empty, **many})
    started = time.process_time()
    assert sum(finding.rule.code == "CP304" for finding in check(graph, built_in())[0]) == 10_000
    assert time.process_time() - started < 10


def test_lint_finds_what_is_wrong_in_workflows(tmp_path: Path, comfyproof: Command) -> None:
    nodes = {1: ["LoadImage", "a.png", "image"], 2: {"type": "SaveImage", "values": ["x"], "in": {"images": "1.1"}}}
    (tmp_path / "bad.json").write_text(json.dumps(ui_workflow({"nodes": nodes}, CATALOG), indent=1))
    done = comfyproof("lint", "bad.json")
    assert done.returncode == 1
    assert 'error[CP304]: "images" of "SaveImage" takes IMAGE, and "LoadImage" gives MASK' in done.stdout
    assert '"link": 1' in done.stdout


@pytest.mark.parametrize("order", [None, [], "z", {"required": "z"}, {"required": [["z"]]}])
def test_a_server_that_describes_its_nodes_oddly_is_read(order: Any) -> None:
    """Only the order of its inputs is lost."""
    forced = {**FILE["classes"]["Forced"], "input_order": order}
    catalog = from_object_info({"Forced": forced}, "odd")
    workflow = ui_workflow({"nodes": {1: ["Forced", 9, 8, "cc", 0.75]}}, catalog)
    graph, _ = UiReader(catalog).read(workflow)
    assert graph is not None
    assert graph.nodes["1"].inputs == {"b": 8, "d": 0.75}

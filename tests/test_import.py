"""import: every workflow becomes a spec that compiles to an equal graph, and a short one where it can."""

from __future__ import annotations

import json
import time
import zlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comfyproof.canonical import fingerprint
from comfyproof.catalog.pinned import Catalog, built_in
from comfyproof.driver import compile_source, compile_spec
from comfyproof.formats.api import from_api, to_api
from comfyproof.graph import Graph, Link, Node, Value
from comfyproof.importing import Imported, import_graph
from comfyproof.lift.as_python import dump_python
from comfyproof.lift.limits import UNSAYABLE
from comfyproof.passes.pipeline import run_passes
from comfyproof.source import parse_source
from comfyproof.spec.pipeline import Changes
from conftest import ROOT, Command

CASES = sorted((ROOT / "tests/import").glob("*.api.json"))
WORKFLOWS = sorted((ROOT / "workflows").glob("*.api.json"))
PNG = b"\x89PNG\r\n\x1a\n"


def graph_of(file: Path) -> Graph:
    return from_api(json.loads(file.read_text(encoding="utf-8")))


def imported(graph: Graph, catalog: Catalog | None = None) -> Imported:
    return import_graph(graph, catalog or built_in(), "imported", "imported.yaml")


def compiled(text: str) -> Graph:
    source, findings = parse_source("imported.yaml", text)
    made = compile_source("imported.yaml", source, findings, built_in(), Changes({}))
    assert made.program is not None, [finding.message for finding in made.findings]
    return from_api(to_api(made.program.graph))


def kinds(data: Mapping[str, Any]) -> list[str]:
    return [next(iter(stage)) for stage in data.get("stages", ())]


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda path: path.name.split(".")[0])
def test_a_compiled_spec_comes_back_as_its_stages(file: Path) -> None:
    graph = graph_of(file)
    found = imported(graph)
    spec = compile_spec(ROOT / f"specs/{file.name.split('.')[0]}.yaml", built_in(), Changes({})).spec
    assert spec is not None
    assert found.equal
    assert not any(note.startswith("left out") for note in found.notes)
    assert fingerprint(compiled(found.text), built_in()) == fingerprint(graph, built_in())
    assert sorted(kinds(found.lifted.data)) == sorted(str(step.path[2]) for step in spec.steps)
    assert {type for body in found.lifted.data.get("nodes", {}).values() for type in body} == {
        node.type for node in spec.nodes
    }
    unused = {"siax"} if spec.name == "looks" else set()
    assert set(found.lifted.data.get("models", ())) == set(spec.models) - unused


@pytest.mark.parametrize("file", CASES, ids=lambda path: path.name.split(".")[0])
def test_case(file: Path) -> None:
    """What comes of a workflow, to the letter: a person is to like it."""
    found = import_graph(graph_of(file), built_in(), file.name.split(".")[0], "case.yaml", (f"From {file.name}.",))
    assert found.equal
    assert found.text == file.with_name(file.name.replace(".api.json", ".yaml")).read_text(encoding="utf-8")
    assert found.python() == file.with_name(file.name.replace(".api.json", ".py.txt")).read_text(encoding="utf-8")


def test_the_page_shows_what_the_command_does(comfyproof: Command, tmp_path: Path) -> None:
    page = (ROOT / "docs/import.md").read_text(encoding="utf-8")
    (tmp_path / "two_passes.api.json").write_bytes((ROOT / "tests/import/two_passes.api.json").read_bytes())
    done = comfyproof("import", "two_passes.api.json")
    assert (done.returncode, f"```yaml\n{done.stdout}```" in page) == (0, True)
    assert f"```text\n{done.stderr}```" in page


def test_the_python_form_gives_the_same_bytes(tmp_path: Path) -> None:
    for file in (*WORKFLOWS, *CASES):
        found = imported(graph_of(file))
        (tmp_path / "imported.yaml").write_text(found.text, encoding="utf-8")
        (tmp_path / "imported.py").write_text(found.python() or "", encoding="utf-8")
        one = compile_spec(tmp_path / "imported.yaml", built_in(), Changes({})).program
        other = compile_spec(tmp_path / "imported.py", built_in(), Changes({})).program
        assert one is not None, file
        assert other is not None, file
        assert one.text() == other.text(), file


# Graphs that nobody drew: the compiled specs, changed here and there.

VALUES: Mapping[type, list[Value]] = {
    bool: [True, False],
    int: [0, 1, 2, 8, 1024, 10_000, -1, 2**53 + 1],
    float: [0.0, 0.5, 1.0, 1e-7, -2.5],
    str: [
        "",
        "$image",
        "${seed} $$",
        "a cat: sitting # here",
        "one\ntwo\n",
        " no ",
        "012",
        "1e3",
        "folder/a.png",
        "é 🐝",
    ],
}
GRAPHS = [graph_of(file) for file in WORKFLOWS]


@st.composite
def changed(draw: st.DrawFn) -> Graph:
    """A compiled spec with a few inputs changed, rewired, taken out, or nodes doubled."""
    nodes = dict(draw(st.sampled_from(GRAPHS)).nodes)
    for _ in range(draw(st.integers(1, 4))):
        node = nodes[draw(st.sampled_from(sorted(nodes)))]
        if not node.inputs:
            continue
        name = draw(st.sampled_from(sorted(node.inputs)))
        inputs, value = dict(node.inputs), node.inputs[name]
        if draw(st.integers(0, 5)) == 0:
            del inputs[name]
        elif isinstance(value, Link):
            inputs[name] = draw(st.sampled_from(alike(nodes, value)))
        else:
            inputs[name] = draw(st.sampled_from(VALUES[type(value)]))
        nodes[node.id] = replace(node, inputs=inputs)
        if draw(st.integers(0, 4)) == 0:
            double = replace(
                nodes[node.id], id=f"{node.id}:1", title=draw(st.sampled_from(["", "load", "An idea", "標題"]))
            )
            nodes[double.id] = double
    return Graph(nodes)


def alike(nodes: Mapping[str, Node], link: Link) -> list[Link]:
    """The outputs of the same type, those of nodes behind it too: cycles are graphs as well."""

    def outputs(id: str) -> tuple[Any, ...]:
        declared = built_in().get(nodes[id].type)
        return declared.outputs if declared else ()

    wanted = outputs(link.node)[link.output].type
    return [Link(id, n) for id in sorted(nodes) for n, each in enumerate(outputs(id)) if each.type == wanted]


@given(changed())
def test_any_graph_comes_back_equal(graph: Graph) -> None:
    found = imported(graph)
    assert found.equal, [finding.message for finding in found.findings]
    assert fingerprint(found.graph, built_in()) == fingerprint(run_passes(named_apart(graph), built_in()), built_in())


@st.composite
def drawn(draw: st.DrawFn) -> Graph:
    """Nodes of any classes of the catalog, each linked to what came before where the types allow."""
    catalog, nodes = built_in(), dict[str, Node]()
    outputs: dict[str, list[Link]] = {}
    for n in range(draw(st.integers(1, 12))):
        declared = catalog.get(draw(st.sampled_from(CLASSES)))
        assert declared is not None
        inputs: dict[str, Value] = {}
        for name, wanted in declared.inputs.items():
            if links := outputs.get(wanted.type):
                inputs[name] = draw(st.sampled_from(links))
            elif not wanted.takes_link and (wanted.required or draw(st.booleans())):
                kind = {"INT": int, "FLOAT": float, "BOOLEAN": bool}.get(wanted.type, str)
                inputs[name] = draw(st.sampled_from([*(wanted.options or ()), *VALUES[kind]]))
        nodes[str(n)] = Node(
            str(n), declared.name, inputs, draw(st.sampled_from(["", declared.display_name, "An idea"]))
        )
        for slot, output in enumerate(declared.outputs):
            outputs.setdefault(output.type, []).append(Link(str(n), slot))
    return Graph(nodes)


CLASSES = built_in().names()


@given(drawn())
def test_a_graph_of_any_classes_comes_back_equal(graph: Graph) -> None:
    found = imported(graph)
    said = [finding.message for finding in found.findings if finding.rule is UNSAYABLE]
    assert found.equal == bool(found.graph.nodes), said
    assert len(said) == (not found.graph.nodes)


def named_apart(graph: Graph) -> Graph:
    """The graph under ids that the passes give none."""
    return graph.renamed(lambda id: f"node {id}")


TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"], include_characters="\n\t\r\x85"), max_size=30)
LEAVES = (
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False) | TEXTS
)
TREES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3))
NODES = st.dictionaries(TEXTS.filter(bool), TREES, max_size=5)


@given(NODES, st.sampled_from(["ImageBlur", "Text Multiline 📝", "a: b", "{x}", "class", "KSampler"]))
def test_every_value_comes_back_to_the_type(inputs: Mapping[str, Any], type: str) -> None:
    graph = Graph({"7": Node("7", "SomeoneElsesNode", {}), "8": Node("8", type, {**inputs, "takes": Link("7", 3)})})
    catalog = replace(built_in(), raw={})
    found = imported(graph, catalog)
    assert found.equal, [finding.message for finding in found.findings]
    source, findings = parse_source("imported.yaml", found.text)
    assert source is not None
    assert not findings
    assert source.data == found.lifted.data
    assert json.dumps(source.data, sort_keys=True) == json.dumps(found.lifted.data, sort_keys=True)


@given(NODES)
def test_the_python_form_says_every_value(inputs: Mapping[str, Any]) -> None:
    data = {
        "comfyproof": 1,
        "name": "said",
        "nodes": {"a": {"Some Node": inputs}, "b": {"Other": {"x": "$a.OUT", "y": "$a"}}},
    }
    text = dump_python(data)
    if text is None:
        return
    namespace: dict[str, Any] = {}
    exec(compile(text, "said.py", "exec"), namespace)
    assert json.dumps(namespace["p"].source().data, sort_keys=True) == json.dumps(data, sort_keys=True)


# What a person gives the command.


def chunk(kind: bytes, body: bytes) -> bytes:
    return len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big")


def small() -> dict[str, Any]:
    return json.loads((ROOT / "workflows/upscale.api.json").read_text(encoding="utf-8"))


def test_a_workflow_goes_to_standard_output(comfyproof: Command, tmp_path: Path) -> None:
    (tmp_path / "enlarge.api.json").write_text(json.dumps(small()))
    done = comfyproof("import", "enlarge.api.json")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("# Imported from enlarge.api.json.\ncomfyproof: 1\nname: enlarge\n")
    assert done.stderr.splitlines() == [
        'a run wants these files beside the spec, or others by --input: "photograph.jpg"',
        "5 nodes: 5 in 3 stages and 1 model",
    ]


def test_a_file_is_written_in_the_form_of_its_name_and_never_over_another(comfyproof: Command, tmp_path: Path) -> None:
    (tmp_path / "enlarge.json").write_text(json.dumps(small()))
    for name in ("enlarge.yaml", "enlarge.py"):
        assert comfyproof("import", "enlarge.json", "-o", name).returncode == 0
        again = comfyproof("compile", name)
        assert fingerprint(from_api(json.loads(again.stdout)), built_in()) == fingerprint(from_api(small()), built_in())
        (tmp_path / name).write_text("edited")
        refused = comfyproof("import", "enlarge.json", "-o", name)
        assert (refused.returncode, refused.stdout) == (2, "")
        assert f'"{name}" is there already' in refused.stderr
        assert (tmp_path / name).read_text() == "edited"
    mixed = comfyproof("import", "enlarge.json", "--to", "python", "-o", "other.yaml")
    assert mixed.returncode == 2
    assert not (tmp_path / "other.yaml").exists()


def test_the_editors_json_and_a_picture_are_imported(comfyproof: Command, tmp_path: Path) -> None:
    ui = {
        "last_node_id": 2, "last_link_id": 1, "version": 0.4, "groups": [], "links": [[1, 1, 0, 2, 0, "IMAGE"]],
        "nodes": [
            {"id": 1, "type": "LoadImage", "pos": [0, 0], "size": [9, 9], "flags": {}, "order": 0, "mode": 0,
             "outputs": [{"name": "IMAGE", "type": "IMAGE", "links": [1]}], "widgets_values": ["bee.png", "image"]},
            {"id": 2, "type": "SaveImage", "pos": [9, 9], "size": [9, 9], "flags": {}, "order": 1, "mode": 0,
             "inputs": [{"name": "images", "type": "IMAGE", "link": 1}], "widgets_values": ["kept"]},
        ],
    }  # fmt: skip
    (tmp_path / "bee.json").write_text(json.dumps(ui))
    header = chunk(b"IHDR", b"\0\0\0\1\0\0\0\1\x08\0\0\0\0")
    prompt = chunk(b"tEXt", b"prompt\0" + json.dumps(small()).encode("latin-1"))
    (tmp_path / "bee.png").write_bytes(PNG + header + prompt + chunk(b"IDAT", b"") + chunk(b"IEND", b""))
    drawn, made = comfyproof("import", "bee.json"), comfyproof("import", "bee.png")
    assert drawn.returncode == 0, drawn.stderr
    assert "  - load: {image: $image}\n  - save: {prefix: kept}\n" in drawn.stdout
    assert made.returncode == 0, made.stderr
    assert "  - upscale: {with: siax, by: 2}\n" in made.stdout


@pytest.mark.parametrize(
    ("name", "text", "code", "said"),
    [
        ("none.json", None, 3, "cannot be read"),
        ("cut.json", '{"1": {"class_type": "LoadImage", "inp', 1, "error[CP102]"),
        ("list.json", "[1, 2]", 1, "no workflow"),
        ("other.json", '{"a": 1}', 1, "no workflow"),
        ("deep.json", "[" * 100_000, 1, "error[CP105]"),
        ("classless.json", '{"1": {"class_type": "SaveImage", "inputs": {}}, "2": {"inputs": {}}}', 1, "no class_type"),
        ("photo.png", "\x89PNG no picture", 3, "cannot be read"),
        ("spec.yaml", "comfyproof: 1\nstages: []\n", 2, "is a spec"),
    ],
)
def test_what_is_no_workflow_is_told(
    comfyproof: Command, tmp_path: Path, name: str, text: str | None, code: int, said: str
) -> None:
    if text is not None:
        (tmp_path / name).write_text(text, encoding="latin-1")
    done = comfyproof("import", name)
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_what_a_spec_cannot_say_is_told_and_written_only_when_asked(comfyproof: Command, tmp_path: Path) -> None:
    prompt = {
        "1": {"class_type": "LoadImage", "inputs": {"image": "bee.png"}},
        "2": {"class_type": "ImageBlend", "inputs": {"image1": ["1", 0], "image2": ["9", 0], "blend_factor": 0.5,
                                                     "blend_mode": "bell \u0007"}},
        "3": {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "filename_prefix": "kept"}},
    }  # fmt: skip
    (tmp_path / "broken.json").write_text(json.dumps(prompt, indent=1))
    done = comfyproof("import", "broken.json")
    assert (done.returncode, done.stdout) == (1, "")
    assert "broken.json:" in done.stderr
    assert '"image2" of 2 ImageBlend takes from a node' in done.stderr
    assert "U+0007" in done.stderr
    partial = comfyproof("import", "broken.json", "--partial")
    assert partial.returncode == 1
    assert "  - save: {from: image_blend, prefix: kept}\n" in partial.stdout
    assert "  image_blend: {ImageBlend: {image1: $image, blend_factor: 0.5, blend_mode: normal}}\n" in partial.stdout
    assert 'filled in with what goes without saying: "blend_mode" of 2 ImageBlend' in partial.stderr


def test_a_workflow_that_a_server_refuses_is_imported_with_what_is_wrong_in_it(
    comfyproof: Command, tmp_path: Path
) -> None:
    prompt = small()
    blur = {"class_type": "ImageBlur", "inputs": {"image": ["9", 0], "blur_radius": 99, "sigma": 1.0}}
    last = next(node for node in prompt.values() if node["class_type"] == "SaveImage")
    prompt["9"], prompt["10"] = blur, {**blur, "inputs": {**blur["inputs"], "image": last["inputs"]["images"]}}
    last["inputs"]["images"] = ["9", 0]
    (tmp_path / "circle.json").write_text(json.dumps(prompt, indent=1))
    done = comfyproof("import", "circle.json")
    assert done.returncode == 1
    assert "error[CP402]" in done.stderr
    assert "error[CP306]" in done.stderr
    assert "image_blur: {ImageBlur: {image: $image_blur, blur_radius: 99, sigma: 1.0}}" in done.stdout


@pytest.mark.parametrize("shape", ["chain", "star", "stages"])
def test_a_thousand_nodes_take_a_moment(shape: str) -> None:
    nodes = {"0": Node("0", "LoadImage", {"image": "bee.png"})}
    for n in range(1, 1000):
        before = Link("0" if shape == "star" else str(n - 1), 0)
        inputs: dict[str, Value] = {"image": before, "upscale_method": "area", "scale_by": 1 + n / 1000}
        kind = "ImageScaleBy" if shape == "stages" else "ImageBlur"
        blur: dict[str, Value] = {"image": before, "blur_radius": 1 + n % 31, "sigma": n / 1000}
        nodes[str(n)] = Node(str(n), kind, inputs if shape == "stages" else blur)
        if shape == "star":
            nodes[f"s{n}"] = Node(f"s{n}", "PreviewImage", {"images": Link(str(n), 0)})
    nodes["end"] = Node("end", "SaveImage", {"images": Link("999", 0), "filename_prefix": "end"})
    started = time.process_time()
    found = imported(Graph(nodes))
    assert found.equal
    assert time.process_time() - started < 20

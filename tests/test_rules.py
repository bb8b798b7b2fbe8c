"""Every rule has a page; the Bad and Good of each page do what they say; every code is used once."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from comfyproof.catalog.pinned import Catalog, built_in, from_object_info
from comfyproof.diagnostics import Severity
from comfyproof.graph import Graph, Link, Node, Value
from comfyproof.lint import Examiner
from comfyproof.rulebook import RULES
from comfyproof.rules.registry import GRAPH_RULES, check
from comfyproof.rules.rule import GraphRule
from conftest import ROOT, Command
from rule_examples import CATALOG, codes, examples, found_in


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.mark.parametrize("each", GRAPH_RULES, ids=lambda each: each.rule.name)
def test_the_examples_of_a_rule(each: GraphRule, tmp_path: Path, models: Path) -> None:
    rule = each.rule
    shown = examples(rule)
    assert list(shown) == ["Bad", "Good"], "a page has a Bad and a Good example"
    assert codes(found_in(tmp_path, rule, shown["Bad"], models), rule) == [rule.code]
    assert codes(found_in(tmp_path, rule, shown["Good"], models), rule) == []
    source = rule.doc.split("\n\nBad:")[0].split("\n\n")[-1]
    assert source.startswith("Source: "), "a page says last, before its examples, how this is known"


def test_codes_and_names_are_unique_and_well_formed() -> None:
    assert len({rule.code for rule in RULES}) == len(RULES)
    assert len({rule.name for rule in RULES}) == len(RULES)
    for rule in RULES:
        assert re.fullmatch(r"CP[1-9]\d\d", rule.code)
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", rule.name)
        assert len(rule.doc) > 30


def test_every_rule_that_is_raised_is_listed() -> None:
    raised = set()
    for file in (ROOT / "compiler").rglob("*.py"):
        raised |= set(re.findall(r'"(CP\d{3})"', file.read_text()))
    assert raised == {rule.code for rule in RULES}


def test_explain(comfyproof: Command) -> None:
    assert "ImageBlurr" in comfyproof("explain", "CP301").stdout
    assert comfyproof("explain", "unknown-node").stdout == comfyproof("explain", "cp301").stdout
    done = comfyproof("explain", "CP999")
    assert done.returncode == 2
    assert 'there is no rule "CP999"' in done.stderr
    assert [line.split()[0] for line in comfyproof("rules").stdout.splitlines()] == [rule.code for rule in RULES]


def found(graph: Graph, catalog: Catalog) -> list[tuple[str, str | None]]:
    findings, _ = check(graph, catalog)
    return [(finding.rule.code, finding.message) for finding in findings]


def test_an_undeclared_input_is_an_error_only_where_the_class_is_known_well() -> None:
    load = Node("l", "EmptyImage", {})
    inputs: dict[str, Value] = {"image": Link("l", 0), "image_2": Link("l", 0)}
    save = Node("s", "SaveImage", {"images": Link("b", 0), "filename_prefix": "x"})
    for kind, code, severity in (("ImageBlur", "CP302", "error"), ("PackImageBlur", "CP308", "warning")):
        graph = Graph({"l": load, "b": Node("b", kind, inputs), "s": save})
        findings, _ = check(graph, CATALOG)
        assert [(f.rule.code, f.rule.severity) for f in findings] == [(code, Severity(severity))]


@pytest.mark.parametrize(
    ("kind", "name", "value", "right"),
    [
        ("LoadImage", "image", "x.png", False),
        ("LoadImage", "image", "x.png [output]", True),
        ("LoadImage", "image", "x.png [draft]", False),
        ("LoadImageMask", "image", "sub/x.png", True),
        ("LoadVideo", "file", "x.mp4 [output]", True),
        ("LoadVideo", "file", "sub/x.mp4", True),
        ("LoadVideo", "file", "x.mp4", False),
        ("LoadAudio", "audio", "sub/x.wav", True),
        ("LoadLatent", "latent", "x.latent [temp]", True),
        ("CheckpointLoaderSimple", "ckpt_name", "sub/x.safetensors", False),
        ("Load3D", "model_file", "sub/x.glb", False),  # a server takes only what it lists there
    ],
)
def test_uploaded_files_that_no_list_holds(kind: str, name: str, value: str, right: bool) -> None:
    spec = {"required": {name: [["listed"], {}]}}
    catalog = from_object_info({kind: {**built_in().raw[kind], "input": spec}}, "x")
    listed = Graph({"1": Node("1", kind, {name: "listed"})})
    code = "CP571" if name == "ckpt_name" else "CP403"
    assert code not in dict(found(listed, catalog))
    assert (code not in dict(found(Graph({"1": Node("1", kind, {name: value})}), catalog))) is right


def test_what_was_not_examined_says_of_which_kind_it_is() -> None:
    bare = {"input": {"required": {"bare": ["COMBO"]}}, "output": ["IMAGE"]}
    catalog = replace(built_in(), raw={**built_in().raw, "Bare": bare}, _read={})
    nodes = [
        Node("1", "SomeoneElsesNode", {}),
        Node("2", "CheckpointLoaderSimple", {"ckpt_name": "x"}),
        Node("3", "Bare", {"bare": "x"}),
    ]
    _, unknown = check(Graph({node.id: node for node in nodes}), catalog)
    assert [each.kind for each in unknown] == ["node", "value", "file"]
    assert unknown[1].reason == "the catalog lists no values for it"


@pytest.mark.parametrize("mode", [None, 2])
def test_a_canvas_with_nothing_to_run_is_an_error(mode: int | None, tmp_path: Path) -> None:
    node = {"id": 1, "type": "EmptyImage", "mode": mode, "inputs": [], "outputs": [], "widgets_values": [64, 64, 1, 0]}
    file = tmp_path / "canvas.json"
    file.write_text(json.dumps({"nodes": [node] if mode else [], "links": [], "version": 0.4}))
    findings = Examiner(built_in()).file(str(file)).findings
    assert [(each.rule.code, each.message) for each in findings] == [("CP307", "no node is left to run")]

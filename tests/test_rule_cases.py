"""Every case in rules/ is a sound graph with a change: one that makes a defect, or nearly does.

a name for it:
  graph: sd15                      # a graph of rules/bases.yaml
  set: {sampler.cfg: 30}          # inputs, as JSON has them
  add: {again: {SaveImage: {images: [decode, 0], filename_prefix: x}}}
  remove: [negative, sampler.cfg] # nodes and inputs
  files: {loras: [ink.safetensors]}   # what the server has, where that matters
  models: true                    # the machine has the model files of example_models(), with true headers
  find: {CP631: lora.lora_name}   # all that is found, and where: a node, an input of one, or a list of them
  near: CP631                     # instead of find: the rule that has nothing to say here, nor has any other
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from comfyproof.catalog.files import FILE_INPUTS
from comfyproof.catalog.listing import with_models
from comfyproof.catalog.pinned import Catalog, built_in
from comfyproof.formats.api import read_api
from comfyproof.lint import Examiner
from comfyproof.rules.registry import GRAPH_RULES, check, live_nodes
from comfyproof.source import parse_source
from comfyproof.weights.shelf import read_shelf
from model_files import example_models

FOLDER = Path(__file__).parent / "rules"
BASES: dict[str, dict[str, Any]] = yaml.safe_load((FOLDER / "bases.yaml").read_text())
CASES: dict[str, dict[str, Any]] = {
    f"{file.stem}: {name}": case
    for file in sorted(FOLDER.glob("*.yaml"))
    if file.stem != "bases"
    for name, case in yaml.safe_load(file.read_text()).items()
}


def prompt_of(nodes: dict[str, Any]) -> dict[str, Any]:
    return {
        id: {"class_type": kind, "inputs": dict(inputs)} for id, node in nodes.items() for kind, inputs in node.items()
    }


def changed(case: dict[str, Any]) -> dict[str, Any]:
    prompt = prompt_of({**BASES[case["graph"]], **case.get("add", {})})
    for path, value in case.get("set", {}).items():
        id, _, name = path.partition(".")
        prompt[id]["inputs"][name] = value
    for path in case.get("remove", []):
        id, _, name = path.partition(".")
        del (prompt[id]["inputs"] if name else prompt)[name or id]
    return prompt


def listing(files: dict[str, list[str]]) -> Catalog:
    raw = dict(built_in().raw)
    for kind, inputs in FILE_INPUTS.items():
        sections = {
            section: {
                name: [files[inputs[name]], {}] if inputs.get(name) in files else spec
                for name, spec in declared.items()
            }
            for section, declared in raw[kind]["input"].items()
        }
        raw[kind] = {**raw[kind], "input": sections}
    return replace(built_in(), raw=raw, _read={}, _faces={})


def found(folder: Path, prompt: dict[str, Any], catalog: Catalog) -> dict[str, list[str]]:
    file = folder / "workflow.json"
    file.write_text(json.dumps(prompt))
    places = defaultdict(list)
    for finding in Examiner(catalog).file(str(file)).findings:
        id, *rest = (finding.place.path if finding.place else ()) or ("",)
        places[finding.rule.code].append(".".join([str(id), *map(str, rest[1:])]))
    return {code: sorted(each) for code, each in places.items()}


@pytest.mark.parametrize("base", BASES)
def test_nothing_is_wrong_with_a_base(base: str, tmp_path: Path) -> None:
    assert found(tmp_path, prompt_of(BASES[base]), built_in()) == {}


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    shelf = read_shelf(example_models(tmp_path_factory.mktemp("models")))
    return with_models(built_in(), shelf.listing, '"models"', shelf)


@pytest.mark.parametrize("name", CASES)
def test_case(name: str, tmp_path: Path, machine: Catalog) -> None:
    case = CASES[name]
    assert ("find" in case) != ("near" in case)
    assert set(case) <= {"graph", "set", "add", "remove", "files", "models", "find", "near"}
    catalog = machine if "models" in case else listing(case["files"]) if "files" in case else built_in()
    wanted = {code: sorted([at] if isinstance(at, str) else at) for code, at in case.get("find", {}).items()}
    assert found(tmp_path, changed(case), catalog) == wanted


# What no workflow that ComfyUI saved can have, or none that one would write down; their pages have examples.
WITHOUT = {"CP308", "CP312", "CP404"}


def test_every_rule_has_a_defect_and_there_are_as_many_near_misses() -> None:
    rules = {each.rule.code for each in GRAPH_RULES}
    defects = {code for case in CASES.values() for code in case.get("find", {})}
    near = [case["near"] for case in CASES.values() if "near" in case]
    assert rules - defects == WITHOUT
    assert rules - set(near) == WITHOUT
    assert set(near) <= rules
    assert sum("find" in case for case in CASES.values()) >= 120
    assert len(near) >= 120


INPUTS = [
    (base, id, name)
    for base, nodes in BASES.items()
    for id, node in nodes.items()
    for inputs in node.values()
    for name in inputs
]
TEXTS = ["", "(", "a:1", "../..", "\\", "C:\\", "%", "embedding:", "nan", "x.gguf", "/home/a/", "[1, 2]", "é" * 300]
ODD = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False))
    | st.sampled_from(TEXTS)
    | st.text(max_size=20)
    | st.tuples(st.sampled_from(["model", "sampler", "save", "nobody"]), st.integers(-2, 5)).map(list),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=6,
)


@given(st.sampled_from(INPUTS), st.sampled_from(INPUTS), ODD, ODD, st.booleans())
def test_nothing_odd_makes_a_rule_fail(
    first: tuple[str, str, str], second: tuple[str, str, str], one: Any, other: Any, listed: bool
) -> None:
    prompt = prompt_of(BASES[first[0]])
    prompt[first[1]]["inputs"][first[2]] = one
    prompt.setdefault(second[1], {"class_type": "KSampler", "inputs": {}})["inputs"][second[2]] = other
    source, _ = parse_source("workflow.json", json.dumps(prompt))
    assert source is not None
    graph, _ = read_api(prompt, source)
    catalog = listing({"loras": ["ink.safetensors"]}) if listed else built_in()
    for live in (None, live_nodes(graph, catalog)):
        for finding in check(graph, catalog, live)[0]:
            assert finding.message
            assert finding.place is not None
            assert finding.place.span().line


@pytest.mark.parametrize("odd", [["a"], {"a": 1}, None, [["a", 0]]])
def test_a_picture_that_is_shown_and_saved_may_be_odd(odd: Any) -> None:
    prompt = prompt_of(BASES["sdxl"])
    prompt["shown"] = {"class_type": "PreviewImage", "inputs": {"images": odd}}
    prompt["kept"] = {"class_type": "SaveImage", "inputs": {"images": odd, "filename_prefix": "kept"}}
    assert Examiner(built_in()).text("flow.json", json.dumps(prompt)).findings

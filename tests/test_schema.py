"""The JSON Schema says of a spec what the language says: it refuses nothing else, and misses what it must."""

from __future__ import annotations

import copy
import json
import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from comfyproof.catalog.pinned import Catalog, built_in, from_object_info
from comfyproof.diagnostics import Diagnostic
from comfyproof.driver import compile_spec
from comfyproof.source import Source, parse_source
from comfyproof.spec.pipeline import FIELDS, Changes, read_spec
from comfyproof.spec.schema import as_text, language_schema
from conftest import ROOT, Command
from test_cases import announced
from test_shape import CLI, HEAVY, loaded

# What a text says by itself, before any name is looked up and any node made.
STRUCTURE = {"CP201", "CP202", "CP203", "CP204", "CP205", "CP215"}
SPECS = sorted((ROOT / "specs").rglob("*.yaml"))
CASES = sorted((ROOT / "tests/cases").glob("*.yaml"))
# What is only worth knowing ("I") makes no spec unsound.
SOUND = [*SPECS, *(case for case in CASES if all(kind == "I" for _, kind, *_ in announced(case.read_text())))]
LINT = Changes({}, needed=False)
Path_ = tuple[str | int, ...]


def schema(*, nodes: bool = False) -> Any:
    return language_schema(built_in(), nodes=nodes)


@cache
def validator(*, nodes: bool = False) -> Draft7Validator:
    return Draft7Validator(schema(nodes=nodes))


@cache
def data_of(file: Path) -> Any:
    source, _ = parse_source(str(file), file.read_text())
    return source and source.data


def structural(file: Path, data: Any) -> tuple[list[Diagnostic], list[Diagnostic]]:
    """What the language finds in the structure of some data, and all that it finds in reading them."""
    findings: list[Diagnostic] = []
    read_spec(Source(str(file), "", data), LINT, findings)
    return [finding for finding in findings if finding.rule.code in STRUCTURE], findings


def parts(each: Any) -> Iterator[Any]:
    yield each
    for inner in each.values() if isinstance(each, dict) else each if isinstance(each, list) else ():
        yield from parts(inner)


@pytest.mark.parametrize("nodes", [False, True])
def test_it_is_of_draft_7(nodes: bool) -> None:
    Draft7Validator.check_schema(schema(nodes=nodes))
    for part in parts(schema(nodes=nodes)):
        if isinstance(part, dict):
            assert not {"$ref", "$defs", "prefixItems"} & set(part)
            if isinstance(options := part.get("enum"), list):  # else the language server takes it for no schema
                assert len({(isinstance(each, bool), each) for each in options}) == len(options)


@pytest.mark.parametrize("nodes", [False, True])
def test_every_property_says_what_it_is_for(nodes: bool) -> None:
    count = 0
    for part in parts(schema(nodes=nodes)):
        for branch in ("else", "then"):  # which say more of a property described beside them
            part = part if not isinstance(part, dict) else {**part, branch: None}
        if isinstance(part, dict) and part.get("type") in ("object", ["object", "null"]):
            for name, field in part.get("properties", {}).items():
                count += 1
                assert field.get("description"), name
    assert count > 150


def test_it_has_all_fields_of_the_language() -> None:
    assert set(schema()["properties"]) == set(FIELDS)


@pytest.mark.parametrize("nodes", [False, True])
@pytest.mark.parametrize("file", SOUND, ids=lambda path: path.stem)
def test_what_is_sound_fits(file: Path, nodes: bool) -> None:
    assert [error.message for error in validator(nodes=nodes).iter_errors(data_of(file))] == []


# What no schema can see, by the beginning of the message: it lies between a default and what it must go with.
UNSEEN = {
    ("input_defaults", '"e" is 1.5; it must be at most 1'),
    ("inputs", '"many" is 9; it must be at most 5'),
    ("inputs", '"pick" is the text "gren", which is not one of its options'),
}


def test_what_is_wrong_in_the_cases_is_refused_where_it_stands() -> None:
    seen, unseen = 0, set()
    for case in CASES:
        data = data_of(case)
        if data is None:
            continue
        errors = {tuple(error.absolute_path) for error in validator().iter_errors(data)}
        for finding in structural(case, data)[0]:
            path = finding.place.path if finding.place else ()
            if path in errors or path[:-1] in errors:
                seen += 1
            else:
                unseen.add((case.stem, finding.message))
    assert unseen == UNSEEN
    assert seen >= 30


ODD = [None, True, -1, 0, 1.5, 2**70, "", "odd", "7", "$nobody", "${x} a", [], {}, ["odd"], [1], {"odd": 1}]


def paths(data: Any, at: Path_ = ()) -> Iterator[Path_]:
    yield at
    for key, inner in data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ():
        yield from paths(inner, (*at, key))


def at(data: Any, path: Path_) -> Any:
    for step in path:
        data = data[step]
    return data


def mistakes(data: Any, path: Path_) -> Iterator[Any]:
    """The data with one thing wrong at a path: odd values, a field missing, one misspelled, and one too many."""
    *head, last = path
    for odd in ODD:
        changed = copy.deepcopy(data)
        at(changed, tuple(head))[last] = copy.deepcopy(odd)
        yield changed
    changed = copy.deepcopy(data)
    del at(changed, tuple(head))[last]
    yield changed
    if isinstance(last, str):
        changed = copy.deepcopy(data)
        block = at(changed, tuple(head))
        renamed = {f"{key}{key[-1]}" if key == last else key: value for key, value in block.items()}
        block.clear()
        block.update(renamed)
        yield changed
    if isinstance(at(data, path), dict):
        changed = copy.deepcopy(data)
        at(changed, path)["extra"] = 1
        yield changed


def why_unseen(finding: Diagnostic, data: Any, file: str) -> str:
    """Why a schema cannot see what the language finds; empty where it should."""
    path = finding.place.path if finding.place else ()
    if finding.place and finding.place.source.file != file:
        return "what stands in another file"
    if path[:1] == ("inputs",) and path[-1:] == ("default",):
        return "a default and what it must go with"
    if finding.rule.code == "CP202" and "like" in at(data, path):
        return "a field that the stage under `like` lacks, too"
    value = at(data, path)
    return "what stands behind a name" if isinstance(value, str) and "$" in value else ""


def agreed(file: Path, data: Any, tmp_path: Path) -> str:
    """Whether schema and language agree on some data: yes, else why not. Neither may be wrong."""
    found, all_found = structural(file, data)
    fits = validator().is_valid(data)
    if not validator(nodes=True).is_valid(data) and not all_found:
        # What the schema refuses of nodes and samplers, the language finds when it compiles.
        text = tmp_path / "spec.json"
        text.write_text(json.dumps(data))
        assert [f for f in compile_spec(text, built_in(), LINT).findings if f.rule.code != "CP223"], data
        return "yes" if fits else "values that a node lists"
    if not fits:
        return "yes" if found else "findings of other kinds"
    reasons = {why_unseen(finding, data, str(file)) for finding in found}
    assert "" not in reasons, (data, found)
    return min(reasons, default="yes")


@pytest.mark.parametrize("name", ["pose_and_edges", "production_upscale_enhance", "good_defaults", "good_nodes"])
def test_one_mistake_anywhere(name: str, tmp_path: Path) -> None:
    (file,) = (file for file in SOUND if file.stem == name)
    data = data_of(file)
    answers = [agreed(file, wrong, tmp_path) for path in paths(data) if path for wrong in mistakes(data, path)]
    assert answers.count("yes") > 0.93 * len(answers) > 500


@given(st.sampled_from(SOUND), st.data())
def test_some_mistakes_anywhere(tmp_path_factory: pytest.TempPathFactory, file: Path, draw: st.DataObject) -> None:
    data = data_of(file)
    for _ in range(draw.draw(st.integers(1, 3))):
        within = [path for path in paths(data) if path]
        if within:
            data = draw.draw(st.sampled_from(list(mistakes(data, draw.draw(st.sampled_from(within))))))
    agreed(file, data, tmp_path_factory.getbasetemp())


def test_one_mistake_is_one_message() -> None:
    """An editor shows each error of the schema; a misspelled field in a list of alternatives would give many."""
    for wrong, place in [
        ({"stages": [{"genrate": {}}]}, "stages/0"),
        ({"stages": [{"generate": {"stepps": 3}}]}, "stages/0/generate"),
        ({"stages": [{"generate": {"steps": "many"}}]}, "stages/0/generate/steps"),
        ({"stages": [{"generate": {"loras": [{"use": "x", "strenght": 1}]}}]}, "stages/0/generate/loras/0"),
        ({"stages": [{"refine": {}}]}, "stages/0/refine"),
        ({"stages": ["refine"]}, "stages/0"),
        ({"stages": [3]}, "stages/0"),
        ({"stages": ["save"], "models": {"m": {"chekpoint": "x"}}}, "models/m"),
        ({"stages": ["save"], "models": {"m": {"checkpoint": "x", "vea": "y"}}}, "models/m"),
        ({"stages": ["save"], "models": {"m": 3}}, "models/m"),
        ({"stages": ["save"], "nodes": {"n": {"A": {}, "B": {}}}}, "nodes/n"),
        ({"stages": ["save"], "inputs": {"i": {"type": "int", "default": "x"}}}, "inputs/i/default"),
    ]:
        errors = ["/".join(map(str, e.absolute_path)) for e in validator().iter_errors({"comfyproof": 1, **wrong})]
        assert errors == [place]


@pytest.mark.parametrize(("like", "fits"), [({"like": "a"}, True), ({}, False)])
def test_what_like_takes_over_need_not_be_said(like: Any, fits: bool) -> None:
    stages = [{"generate": {"as": "base", "model": "m"}}, {"refine": {"as": "a", "like": "base", "denoise": 0.5}}]
    again = {"refine": {"as": "b", "model": "m", **like}}
    data = {"comfyproof": 1, "models": {"m": {"checkpoint": "sdxl"}}, "stages": [*stages, again]}
    assert (structural(Path("x"), data)[0] == []) is fits
    assert validator().is_valid(data) is fits


def mine() -> Catalog:
    names = ("KSampler", "CheckpointLoaderSimple", "LoadImage", "VAELoader", "CLIPLoader")
    raw = copy.deepcopy({name: built_in().raw[name] for name in names})
    raw["CheckpointLoaderSimple"]["input"]["required"]["ckpt_name"][0] = ["b.safetensors", "a.safetensors"]
    raw["CLIPLoader"]["input"]["required"]["clip_name"][0] = ["t5.safetensors"]
    raw["KSampler"]["input"]["required"]["sampler_name"][0] = ["euler", "my_own"]
    pack = {"input": {"required": {"size": ["INT", {"min": 8, "max": 64}], "mode": [["a", "b"]], "on": ["BOOLEAN"]}}}
    return from_object_info({**raw, "Mine": {**pack, "output": ["IMAGE"], "name": "Mine"}}, "mine")


@pytest.mark.parametrize(
    ("node", "fits"),
    [
        ({"Mine": {"size": 8, "mode": "a", "on": True}}, True),
        ({"Mine": {"size": "$x.INT", "mode": "$x", "on": "$x.0"}}, True),
        ({"Mine": None}, True),
        ({"Mine": {"more": 3}}, True),  # of other packs, nobody knows
        ({"LoadImage": {"image": "new.png"}}, True),
        ({"VAEDecode": {}}, False),
        ({"LoadImage": {"imgae": "new.png"}}, False),
        ({"Mine": {"size": 7}}, False),
        ({"Mine": {"size": "8"}}, False),
        ({"Mine": {"mode": "c"}}, False),
        ({"Mine": {"on": 1}}, False),
        ({"KSampler": {"model": 3}}, False),
        ({"KSampler": {"model": "$sdxl.model", "sampler_name": "my_own"}}, True),
        ({"KSampler": {"sampler_name": "heun"}}, False),
    ],
)
def test_the_nodes_of_a_catalog(node: Any, fits: bool) -> None:
    assert (
        Draft7Validator(language_schema(mine(), nodes=True)).is_valid({"comfyproof": 1, "nodes": {"n": node}}) is fits
    )


def test_files_are_offered_and_never_refused() -> None:
    found = language_schema(mine(), nodes=True)
    checkpoint = found["properties"]["models"]["additionalProperties"]["then"]["properties"]["checkpoint"]
    assert checkpoint["anyOf"][0] == {"enum": ["a.safetensors", "b.safetensors"]}
    assert "t5.safetensors" in as_text(found)
    for name in ("a.safetensors", "new.safetensors", "$file"):
        data = {"comfyproof": 1, "models": {"m": {"checkpoint": name}}, "stages": ["save"]}
        assert Draft7Validator(found).is_valid(data)
    assert "safetensors" not in as_text(language_schema(mine()))


def test_the_samplers_are_the_catalog_s() -> None:
    found = Draft7Validator(language_schema(mine()))
    for name, fits in (("my_own", True), ("heun", False), ("$sampler", True), (None, True)):
        assert found.is_valid({"comfyproof": 1, "stages": [{"generate": {"sampler": name}}]}) is fits


def test_the_committed_one_is_fresh() -> None:
    assert (ROOT / "docs/comfyproof.schema.json").read_text() == as_text(schema()), "run: make schema"
    for spec in SPECS:
        named = re.match(r"# yaml-language-server: \$schema=(\S+)\n", spec.read_text())
        assert named, f"{spec.name} does not begin with the line that names its schema"
        assert (spec.parent / named[1]).resolve() == ROOT / "docs/comfyproof.schema.json"


def test_the_command(comfyproof: Command, tmp_path: Path) -> None:
    assert comfyproof("schema").stdout == as_text(schema())
    assert json.loads(comfyproof("schema", "--nodes").stdout) == schema(nodes=True)
    assert comfyproof("schema", "--catalog", "none.json").returncode == 3
    (tmp_path / "answer.json").write_text(json.dumps(mine().raw))
    text = (ROOT / "docs/editors.md").read_text()
    for line in re.findall(r"^comfyproof .*", text, re.MULTILINE):
        done = comfyproof(*shlex.split(line.replace("http://127.0.0.1:8188", "answer.json"))[1:])
        assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "comfyproof.schema.json").read_text()) == language_schema(mine(), nodes=True)


def test_the_command_loads_no_more_than_it_needs() -> None:
    assert loaded(CLI.format("'schema', '-o', '/dev/null'")) & HEAVY <= {"pydantic", "yaml"}

"""The verdict on a prompt is the one that ComfyUI gives."""

from __future__ import annotations

import copy
import functools
import json
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from comfyproof.catalog.pinned import built_in
from comfyproof.verdict import SERVER_TROUBLE, Files, answer, is_link, server_verdict

TABLE = yaml.safe_load((Path(__file__).parent / "verdict_cases.yaml").read_text(encoding="utf-8"))
FILES = Files(
    {
        "input": ["photo.png", "people/eva.png"],
        "output": ["out_00001_.png"],
        "temp": [],
        "vae": ["ae.safetensors"],
        "upscale_models": ["4x.pth"],
    }
)


def changed(prompt: Any, case: dict[str, Any]) -> Any:
    if "prompt" in case:
        return case["prompt"]
    prompt = copy.deepcopy(prompt)
    for path, value in case.get("set", {}).items():
        *way, last = path.split(".")
        at = prompt
        for key in way:
            at = at[key]
        at[last] = copy.deepcopy(value)
    for path in case.get("drop", []):
        *way, last = path.split(".")
        at = prompt
        for key in way:
            at = at[key]
        del at[last]
    return prompt


def faults(node_errors: dict[str, Any]) -> dict[str, dict[str, list[str]]]:
    found: dict[str, dict[str, list[str]]] = {}
    for node, told in node_errors.items():
        for error in told["errors"]:
            found.setdefault(node, {}).setdefault(error["type"], []).append(error["details"])
    return found


@pytest.mark.parametrize("name", TABLE["cases"])
def test_case(name: str) -> None:
    case = TABLE["cases"][name]
    prompt = changed(TABLE["base"], case)
    before = copy.deepcopy(prompt)
    verdict = server_verdict(prompt, built_in(), FILES, targets=case.get("targets"))
    told = answer(prompt, built_in(), FILES, targets=case.get("targets"))
    assert repr(prompt) == repr(before)
    status = case.get("status", 400 if "error" in case else 200)
    assert (told.status, verdict["accepted"]) == (status, status == 200)
    good = case.get("good", ["save"] if status == 200 else [])
    assert sorted(told.good_outputs) == verdict["good_outputs"] == good
    assert (verdict["error"] or {}).get("type") == case.get("error")
    if "details" in case:
        assert (verdict["error"] or {}).get("details") == [case["details"]]
    if "exception" in case:
        assert f"{verdict['exception']}: {verdict['exception_message']}" == case["exception"]
    assert (verdict["exception"] is None) == (status != 500)
    assert faults(verdict["node_errors"]) == case.get("errors", {})
    assert [f"{left['node']}.{left['input']}" for left in verdict["not_examined"]] == case.get("unknown", [])
    for path, value in case.get("kept", {}).items():
        node, _, input_name = path.split(".")
        kept = told.prompt[node]["inputs"][input_name]
        assert (kept, type(kept)) == (value, type(value))


def test_the_body_is_what_http_gives() -> None:
    refused = answer(changed(TABLE["base"], {"set": {"scale.inputs.width": -1}}), built_in(), FILES)
    assert refused.body == {
        "error": {
            "type": "prompt_outputs_failed_validation",
            "message": "Prompt outputs failed validation",
            "details": "",
            "extra_info": {},
        },
        "node_errors": {
            "scale": {
                "errors": [
                    {
                        "type": "value_smaller_than_min",
                        "message": "Value -1 smaller than min of 0",
                        "details": "width",
                        "extra_info": {
                            "input_name": "width",
                            "input_config": ["INT", {"default": 512, "min": 0, "max": 16384, "step": 1}],
                            "received_value": -1,
                        },
                    }
                ],
                "dependent_outputs": ["save"],
                "class_type": "ImageScale",
            }
        },
    }
    assert answer(None, built_in()).body == SERVER_TROUBLE


def test_a_long_list_is_not_shown() -> None:
    names = [f"{n}.safetensors" for n in range(21)]
    prompt = {
        "1": {"class_type": "VAELoader", "inputs": {"vae_name": "x"}},
        "2": {"class_type": "VAEDecode", "inputs": {"samples": None, "vae": ["1", 0]}},
        "3": {"class_type": "PreviewImage", "inputs": {"images": ["2", 0]}},
    }
    body = answer(prompt, built_in(), Files({"vae": names})).body
    assert isinstance(body, dict)
    (error,) = body["node_errors"]["1"]["errors"]
    assert error["details"] == "vae_name: 'x' not in (list of length 22)"
    assert error["extra_info"]["input_config"] is None


def test_without_files_every_name_counts_as_present() -> None:
    verdict = server_verdict(TABLE["base"], built_in())
    assert verdict["accepted"]
    assert [(left["node"], left["value"]) for left in verdict["not_examined"]] == [("load", "photo.png")]


def test_an_ending_is_enough_where_any_file_counts() -> None:
    files = Files({"input": ["photo.png"], "vae": ["a.pt"]}, {"vae": (".safetensors",)})

    def accepted(name: str) -> bool:
        prompt = {
            "1": {"class_type": "VAELoader", "inputs": {"vae_name": name}},
            "2": {"class_type": "VAEDecode", "inputs": {"samples": None, "vae": ["1", 0]}},
            "3": {"class_type": "PreviewImage", "inputs": {"images": ["2", 0]}},
        }
        return server_verdict(prompt, built_in(), files)["accepted"]

    assert [accepted(name) for name in ("a.pt", "b.pt", "B.SafeTensors", "b.txt")] == [True, False, True, False]


@pytest.mark.parametrize(
    ("files", "there"),
    [
        ({"input": ["a/x.png"]}, ["a/x.png", "a", "a/../a/x.png"]),
        ({"output": {"x.png"}, "temp": iter(["y.png"])}, ["x.png [output]", "y.png [temp]", "../output/x.png"]),
        (["x.png", "input/y.png", "output/z.png", "temp/t.png", "d/"], ["x.png", "y.png", "z.png [output]", "d"]),
        ((), ["", ".", "..", "../..", "/", "[temp]"]),
    ],
)
def test_files_may_be_given_in_many_ways(files: Any, there: list[str]) -> None:
    absent = ["X.png", "x.png/", "no/../x.png", "a/x.png/..", "../x.png", "../loras/x.png", "/etc/hosts", "x\0", "é"]
    names = [*there, *absent]
    prompt = {name: {"class_type": "LoadImage", "inputs": {"image": name}} for name in names}
    prompt |= {f"save {name}": {"class_type": "PreviewImage", "inputs": {"images": [name, 0]}} for name in names}
    verdict = server_verdict(prompt, built_in(), files)
    assert verdict["good_outputs"] == sorted(f"save {name}" for name in there)
    assert verdict["not_examined"] == []


def test_files_may_be_a_folder(tmp_path: Path) -> None:
    for name in ("input/a/x.png", "temp/y.png"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).touch()

    def accepted(name: str, files: Any) -> bool:
        return server_verdict(changed(TABLE["base"], {"set": {"load.inputs.image": name}}), built_in(), files)[
            "accepted"
        ]

    for files in (tmp_path, str(tmp_path)):
        names = ["a/x.png", "y.png [temp]", "a", "x.png", "y.png", "y.png [output]"]
        assert [accepted(name, files) for name in names] == [True, True, True, False, False, False]
    assert not accepted("x.png", tmp_path / "nowhere")


@pytest.mark.parametrize(
    "value",
    [
        10**400,
        float("nan"),
        "9" * 1_000_000,
        "1" * 1_000_000 + "x",
        {"__value__": "x" * 1_000_000},
        functools.reduce(lambda inner, _: {"x": inner}, range(100_000), {}),
        functools.reduce(lambda inner, _: [inner], range(100_000), []),
    ],
    ids=["long", "nan", "digits", "no digits", "text", "deep", "deep list"],
)
def test_hostile_values(value: Any) -> None:
    inputs = {"image": ["0", 0], "upscale_method": value, "width": value, "height": value, "crop": value}
    load = {"class_type": "LoadImage", "inputs": {"image": value}}
    save = {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": value}}
    scale = {"class_type": "ImageScale", "inputs": inputs}
    for odd in (scale, {"class_type": value, "inputs": value}, {"class_type": "ImageScale", "inputs": value}, value):
        assert not server_verdict({"0": load, "1": odd, "2": save}, built_in(), ["x.png"])["accepted"]
    assert not server_verdict(value, built_in())["accepted"]


def test_a_large_prompt_takes_no_more_than_its_share() -> None:
    saves = {f"s{n}": {"class_type": "PreviewImage", "inputs": {"images": [str(n), 0]}} for n in range(30_000)}
    bad = {str(n): {"class_type": "EmptyImage", "inputs": {"width": -1}} for n in range(30_000)}
    start = time.process_time()
    verdict = server_verdict({**saves, **bad, **chain(20_000)}, built_in())
    assert len(verdict["node_errors"]) >= 10_000
    assert time.process_time() - start < 10  # it takes half a second; what grows with the square takes minutes


def test_nothing_outside_exists_for_a_closed_server() -> None:
    prompt = changed(TABLE["base"], {"set": {"load.inputs.image": "../../etc/hosts"}})
    assert not server_verdict(prompt, built_in(), Files({"input": []}, closed=True))["accepted"]


def chain(length: int) -> dict[str, Any]:
    black = {"width": 8, "height": 8, "batch_size": 1, "color": 0}
    prompt: dict[str, Any] = {"0": {"class_type": "EmptyImage", "inputs": black}}
    for n in range(1, length):
        prompt[str(n)] = {"class_type": "ImageInvert", "inputs": {"image": [str(n - 1), 0]}}
    prompt["end"] = {"class_type": "PreviewImage", "inputs": {"images": [str(length - 1), 0]}}
    return prompt


# Over HTTP a real server takes 984 nodes of classes of the older kind; it blames one a little way up from the limit.
@pytest.mark.parametrize(("length", "blamed"), [(500, None), (984, None), (985, "5"), (3000, "2020")])
def test_a_chain_may_be_long_but_not_endless(length: int, blamed: str | None) -> None:
    verdict = server_verdict(chain(length), built_in())
    assert verdict["accepted"] == (blamed is None)
    text = "maximum recursion depth exceeded while calling a Python object"
    told = {"exception_during_inner_validation": [text]}
    assert faults(verdict["node_errors"]) == ({blamed: told} if blamed else {})


@pytest.mark.parametrize(
    ("value", "expected"),
    [(["1", 0], True), (["1", True], True), (["1", 0.5], True), ([1, 0], False), (["1", "0"], False), (["1"], False)],
)
def test_a_link_is_a_text_and_a_number(value: Any, expected: bool) -> None:
    assert is_link(value) is expected


# What the two special validators of paid nodes say, and those that see types.
@pytest.mark.parametrize(
    ("ratio", "complaint"),
    [("16:9", None), ("1:5", "cannot reduce to any less"), ("9:2", "greater than 4:1"), ("a:b", "must contain numbers"),
     ("wide", "in the format X:Y"), ("1:0", "division by zero")],
)  # fmt: skip
def test_a_class_judges_its_own_inputs(ratio: str, complaint: str | None) -> None:
    node = {"prompt": "x", "prompt_upsampling": False, "seed": 0, "aspect_ratio": ratio, "raw": False}
    prompt = {
        "1": {"class_type": "FluxProUltraImageNode", "inputs": node},
        "2": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}},
    }
    told = json.dumps(server_verdict(prompt, built_in())["node_errors"])
    assert (complaint or "{}") in told


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(["scale", "load"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
classes = st.sampled_from(["LoadImage", "ImageScale", "SaveImage", "KSampler", "PreviewAny", "TripoConversionNode"])
input_names = st.sampled_from(["image", "images", "width", "crop", "seed", "source", "filename_prefix", "__value__"])
links = st.tuples(st.sampled_from("abc"), st.integers(-2, 3)).map(list)
nodes = st.fixed_dictionaries(
    {"class_type": classes},
    optional={"inputs": st.dictionaries(input_names, links | json_values, max_size=5) | json_values},
)


@given(
    prompt=st.dictionaries(st.sampled_from("abcd"), nodes, max_size=4) | json_values,
    targets=st.none() | json_values,
)
def test_it_never_raises_and_leaves_the_prompt_alone(prompt: Any, targets: Any) -> None:
    before = repr(prompt)
    told = answer(prompt, built_in(), targets=targets)
    verdict = server_verdict(prompt, built_in(), targets=targets)
    assert repr(prompt) == before
    assert told.status in (200, 400, 500)
    assert verdict["accepted"] == bool(verdict["good_outputs"]) == (told.status == 200)
    assert (verdict["error"] is None) == (told.status != 400)
    assert (verdict["exception"] is None) == (told.status != 500)
    json.dumps([told.body, verdict])


@given(values=st.dictionaries(st.sampled_from(["width", "height", "crop", "upscale_method"]), json_values, max_size=3))
def test_what_a_server_keeps_it_accepts_again(values: dict[str, Any]) -> None:
    prompt = changed(TABLE["base"], {"set": {f"scale.inputs.{name}": value for name, value in values.items()}})
    once = answer(prompt, built_in())
    if once.status == 200:
        again = answer(once.prompt, built_in())
        assert again.status == 200
        assert repr(again.prompt) == repr(once.prompt)

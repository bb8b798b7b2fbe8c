"""The verdict on a prompt is the one that ComfyUI gives."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from comfyproof.catalog.pinned import built_in
from comfyproof.verdict import SERVER_TROUBLE, Files, is_link, server_verdict

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
    assert repr(prompt) == repr(before)
    status = case.get("status", 400 if "error" in case else 200)
    assert (verdict["status"], verdict["accepted"]) == (status, status == 200)
    assert verdict["good_outputs"] == (["save"] if status == 200 else [])
    assert (verdict["error"] or {}).get("type") == case.get("error")
    if "details" in case:
        assert (verdict["error"] or {}).get("details") == case["details"]
    assert faults(verdict["node_errors"]) == case.get("errors", {})
    assert [f"{left['node']}.{left['input']}" for left in verdict["not_examined"]] == case.get("unknown", [])
    for path, value in case.get("kept", {}).items():
        node, _, input_name = path.split(".")
        kept = verdict["prompt"][node]["inputs"][input_name]
        assert (kept, type(kept)) == (value, type(value))


def test_the_body_is_what_http_gives() -> None:
    refused = server_verdict(changed(TABLE["base"], {"set": {"scale.inputs.width": -1}}), built_in(), FILES)
    assert refused["body"] == {
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
    assert server_verdict(None, built_in())["body"] == SERVER_TROUBLE


def test_a_long_list_is_not_shown() -> None:
    names = [f"{n}.safetensors" for n in range(21)]
    prompt = {
        "1": {"class_type": "VAELoader", "inputs": {"vae_name": "x"}},
        "2": {"class_type": "VAEDecode", "inputs": {"samples": None, "vae": ["1", 0]}},
        "3": {"class_type": "PreviewImage", "inputs": {"images": ["2", 0]}},
    }
    (error,) = server_verdict(prompt, built_in(), Files({"vae": names}))["node_errors"]["1"]["errors"]
    assert error["details"] == "vae_name: 'x' not in (list of length 21)"
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


def test_a_chain_may_be_long_but_not_endless() -> None:
    assert server_verdict(chain(500), built_in())["accepted"]
    refused = server_verdict(chain(3000), built_in())
    assert not refused["accepted"]
    assert "maximum recursion depth exceeded" in json.dumps(refused["node_errors"])


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
    verdict = server_verdict(prompt, built_in(), targets=targets)
    assert repr(prompt) == before
    assert verdict["status"] in (200, 400, 500)
    assert verdict["accepted"] == bool(verdict["good_outputs"]) == (verdict["status"] == 200)
    assert (verdict["error"] is None) == (verdict["status"] != 400)
    json.dumps(verdict["body"])


@given(values=st.dictionaries(st.sampled_from(["width", "height", "crop", "upscale_method"]), json_values, max_size=3))
def test_what_a_server_keeps_it_accepts_again(values: dict[str, Any]) -> None:
    prompt = changed(TABLE["base"], {"set": {f"scale.inputs.{name}": value for name, value in values.items()}})
    once = server_verdict(prompt, built_in())
    if once["accepted"]:
        again = server_verdict(once["prompt"], built_in())
        assert again["accepted"]
        assert repr(again["prompt"]) == repr(once["prompt"])

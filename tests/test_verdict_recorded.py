"""The verdict on nearly a thousand odd prompts is, word for word, what a real ComfyUI 0.3.64 said of them."""

from __future__ import annotations

import copy
import gzip
import json
from collections import Counter
from pathlib import Path
from typing import Any

from comfyproof import load_catalog, server_verdict
from comfyproof.emulator.models import with_files
from record_verdicts import FILES, RECORDED

CASES = [json.loads(line) for line in gzip.decompress(RECORDED.read_bytes()).splitlines()]


def plain(verdict: Any) -> dict[str, Any]:
    """A verdict in the recording's shorter form."""
    error, exception = verdict["error"], verdict["exception"]
    return {
        "accepted": verdict["accepted"],
        "good_outputs": verdict["good_outputs"],
        "error": error and [error["type"], error["message"], error["details"]],
        "node_errors": {
            id: [node["class_type"], sorted([e["type"], e["input"] or "", e["details"]] for e in node["errors"])]
            for id, node in verdict["node_errors"].items()
        },
        "exception": exception and [exception, verdict["exception_message"]],
    }


def differences(name: Any) -> list[Any]:
    catalog = load_catalog(name)
    wrong = []
    for number, case in enumerate(CASES):
        before = copy.deepcopy(case["prompt"])
        verdict = server_verdict(case["prompt"], catalog, FILES)
        assert repr(case["prompt"]) == repr(before)
        if verdict["not_examined"] or plain(verdict) != case["verdict"]:
            wrong.append((number, plain(verdict), case["verdict"], verdict["not_examined"]))
    return wrong


def test_as_recorded() -> None:
    assert differences("comfyui-0.3.64") == []


def test_as_recorded_by_what_a_server_says_of_its_nodes(tmp_path: Path) -> None:
    said = with_files(load_catalog("comfyui-0.3.64"), FILES, FILES["input"])
    file = tmp_path / "object_info.json"
    file.write_text(json.dumps(said.raw), encoding="utf-8")
    assert differences(file) == []


def test_the_recording_has_every_kind_of_answer() -> None:
    verdicts = [case["verdict"] for case in CASES]
    errors = Counter(e[0] for v in verdicts for _, errors in v["node_errors"].values() for e in errors)
    refusals = Counter(v["error"][0] for v in verdicts if v["error"])
    assert len(CASES) > 900
    assert set(refusals) == {"invalid_prompt", "prompt_no_outputs", "prompt_outputs_failed_validation"}
    assert set(errors) == {
        "bad_linked_input",
        "custom_validation_failed",
        "exception_during_inner_validation",
        "exception_during_validation",
        "invalid_input_type",
        "required_input_missing",
        "return_type_mismatch",
        "value_bigger_than_max",
        "value_not_in_list",
        "value_smaller_than_min",
    }
    assert min(errors.values()) > 5
    assert sum(v["accepted"] for v in verdicts) > 100
    assert sum(v["accepted"] and bool(v["node_errors"]) for v in verdicts) > 20
    assert sum(v["exception"] is not None for v in verdicts) > 5

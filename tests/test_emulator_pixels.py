"""Nodes of the emulator give what a real ComfyUI gave for the same inputs, to 1/255."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from comfyproof.catalog.pinned import built_in
from comfyproof.emulator.folders import Folders
from comfyproof.emulator.sigmas import Sigmas
from comfyproof.emulator.table import function_of, is_stand_in
from comfyproof.emulator.values import Audio, Conditioning, Latent, Part, Run, Shown
from pixel_cases import CASES, cases, numbers, unpacked

RECORDED = Path(__file__).parent / "pixels_recorded.jsonl.gz"
CELL, PACE = 8, 4
# A sum of many products comes out a little different in another order, and a rounding of a color with it.
ONE = 1.0 / 255
# Errors that are told in the same words.
SAID = ("Audio", "Input size", "Invalid", "Sizes of tensors", "The size of tensor")
# Not real in all cases: ComfyUI mixes up channels and pictures of a batch.
PARTLY = ["LatentInterpolate"]


def recorded() -> Iterator[dict[str, Any]]:
    with gzip.open(RECORDED, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


RESULTS: dict[str, list[dict[str, Any]]] = {}
for entry in recorded():
    RESULTS.setdefault(entry["class"], []).append(entry)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(Folders(tmp_path), {}, None, lambda step: None, "abcde", lambda text: None)


def blocks(samples: Any) -> Any:
    """A latent's numbers as pictures: each is eight pixels a side, and grey is zero."""
    if samples.ndim == 5:  # the first latent frame is a frame, each other one four
        times = -(-np.arange((samples.shape[2] - 1) * PACE + 1) // PACE)
        samples = np.moveaxis(samples[:, :, times], 2, 1).reshape(-1, samples.shape[1], *samples.shape[3:])
    return np.moveaxis(samples, 1, -1).repeat(CELL, 1).repeat(CELL, 2) + np.float32(0.5)


def given(spec: Any) -> Any:
    """An input as the emulator has it."""
    if isinstance(spec, list):
        return [given(item) for item in spec]
    if not isinstance(spec, dict):
        return spec
    if spec["kind"] == "range":
        return tuple(spec["values"])
    if spec["kind"] == "sigmas":
        return Sigmas(np.array(spec["values"], np.float32))
    if spec["kind"] == "told":
        parts = (Part(f"{spec['seed'] * 10 + n}", (), dict(spec["values"])) for n in range(spec["parts"]))
        return Conditioning(tuple(parts))
    array = numbers(spec)
    if spec["kind"] == "sound":
        return Audio(array, spec["rate"])
    if spec["kind"] == "latent":
        batch, channels, *times, height, width = array.shape
        frames = (times[0] - 1) * PACE + 1 if times else 1
        mask = numbers({**spec, "low": 0, "high": 1}, spec["mask"]) if "mask" in spec else None
        axes = len(array.shape) - 2
        size = width * CELL, height * CELL, batch
        return Latent(*size, blocks(array), mask, frames, channels=channels, axes=axes, pace=PACE)
    return array


def check_array(found: Any, told: Mapping[str, Any]) -> None:
    wanted = unpacked(told)
    assert found.shape == wanted.shape
    assert np.abs(np.nan_to_num(np.clip(found, -8, 8)) - wanted).max(initial=0.0) <= ONE


def check_latent(found: Latent, told: Mapping[str, Any]) -> None:
    wanted = unpacked(told["latent"])
    assert found.shape == wanted.shape
    if found.picture is None:
        assert not wanted.any()
    else:
        shown = found.picture[np.arange(found.count) % found.frames % PACE == 0]  # those between are of our making
        expected = blocks(wanted)[np.arange(found.count) % found.frames % PACE == 0]
        assert np.abs(shown - expected).max() <= ONE
    index = told["index"]
    assert (None if found.index is None else list(found.index)) == index
    if told["mask"] is None:
        assert found.mask is None or found.mask.min() == 1.0
    else:
        assert found.mask is not None
        check_array(found.mask[:, None], told["mask"])


def check(found: Any, told: Any) -> None:
    """Raises AssertionError where a result is not what was recorded."""
    if isinstance(found, Sigmas):
        assert found.values.tolist() == pytest.approx(told["numbers"], rel=1e-5, abs=1e-6)
    elif isinstance(found, Conditioning):
        assert [float(part.text) for part in found.parts] == [id for id, _ in told["told"]]
        for part, (_, values) in zip(found.parts, told["told"], strict=True):
            assert part.values.keys() == values.keys()
            for name, value in part.values.items():
                check(value, values[name])
    elif isinstance(found, Audio):
        assert found.rate == told["rate"]
        check_array(found.waveform, told["sound"])
    elif isinstance(found, Latent) and "pixels" in told:  # ComfyUI keeps a latent's numbers alone here
        check_latent(found, {"latent": told["pixels"], "mask": None, "index": None})
    elif isinstance(found, Latent):
        check_latent(found, told)
    elif isinstance(found, np.ndarray):
        check_array(found, told["pixels"])
    elif isinstance(found, list | tuple):
        assert len(found) == len(told)
        for one, wanted in zip(found, told, strict=True):
            check(one, wanted)
    else:
        assert (type(found), found) == (type(told), told)


def empty(outputs: Any) -> bool:
    """Whether a node gave a picture or a latent without pixels, which the emulator refuses."""
    told = [output for output in outputs if isinstance(output, dict)]
    return any(0 in output.get(kind, {}).get("shape", ()) for output in told for kind in ("pixels", "latent"))


def other_words(entry: Mapping[str, Any], problem: Exception) -> bool:
    """Whether an error says something else than it did; what LatentComposite says depends on how it reckons."""
    said: str = entry["error"][1]
    return said.startswith(SAID) and str(problem) != said and entry["class"] != "LatentComposite"


def test_the_recording_is_of_these_cases() -> None:
    asked = [(name, json.loads(json.dumps(inputs))) for name, inputs in cases()]
    assert asked == [(entry["class"], entry["inputs"]) for entry in recorded()]


@pytest.mark.parametrize("name", RESULTS)
def test_a_node_gives_what_comfyui_gave(name: str, run: Run) -> None:
    kind = built_in().get(name)
    assert kind is not None
    wrong = []
    for number, entry in enumerate(RESULTS[name]):
        inputs = {key: given(spec) for key, spec in entry["inputs"].items()}
        try:
            with np.errstate(all="ignore"):
                outputs = function_of(kind)(run, **inputs)
        except Exception as problem:
            if "error" not in entry and not empty(entry["outputs"]):
                wrong.append(f"case {number} fails: {problem!r} {entry['inputs']}")
            elif "error" in entry and other_words(entry, problem):
                wrong.append(f"case {number} says {problem}, not {entry['error'][1]}")
            continue
        if "error" in entry:
            wrong.append(f"case {number} does not fail: {entry['error']} {entry['inputs']}")
            continue
        try:
            assert not isinstance(outputs, Shown)
            check(list(outputs), entry["outputs"])
        except AssertionError as difference:
            wrong.append(f"case {number}: {str(difference)[:200]} {entry['inputs']}")
    assert wrong == []


def test_all_of_these_are_called_real() -> None:
    assert [name for name, _, _ in CASES if is_stand_in(name)] == PARTLY

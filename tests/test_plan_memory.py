"""The memory simulator against recordings of ComfyUI 0.3.64's own loading code.

`memory_recordings.json.gz` has 143 scenarios, with the headers of their files: `load_models_gpu`, `free_memory` and the
patchers of ComfyUI and ComfyUI-GGUF ran on models without storage, on a card that was only a meter. How many bytes are
where is theirs; so are the activations, which were traced.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from comfyproof.plan.families import family_of
from comfyproof.plan.machine import GIB, MIB, Machine, flags
from comfyproof.plan.packing import Module, Packing
from comfyproof.plan.policy_0_3_64 import Card, Model
from comfyproof.plan.replay import replay
from comfyproof.weights import Header

TRACED = {"activation_bytes", "peak_bytes", "tiled_fallback_activation_bytes"}


@cache
def recordings() -> tuple[dict[str, Header], list[tuple[int, dict[str, Any], list[dict[str, Any]]]]]:
    packed = (Path(__file__).parent / "memory_recordings.json.gz").read_bytes()
    found = json.loads(gzip.decompress(packed))
    headers = {
        name: Header(kind, {tensor: (dtype, tuple(shape)) for tensor, dtype, shape in unfolded(entries)})
        for name, (kind, entries) in found["files"].items()
    }
    return headers, [(number, scenario, events) for number, scenario, events in found["scenarios"]]


def unfolded(entries: list[Any], prefix: str = "") -> Iterator[tuple[str, str, list[int]]]:
    """A repeat is [stem, first, count, body]; everything else is [name, dtype, shape]."""
    for entry in entries:
        if len(entry) == 3:
            yield prefix + entry[0], entry[1], entry[2]
        else:
            stem, first, count, body = entry
            for number in range(first, first + count):
                yield from unfolded(body, f"{prefix}{stem}{number}.")


def families() -> list[str]:
    return sorted({scenario["family"] for _, scenario, _ in recordings()[1]})


@pytest.mark.parametrize("family", families())
def test_every_byte_is_where_comfyui_puts_it(family: str) -> None:
    headers, scenarios = recordings()
    wrong = []
    for number, scenario, events in scenarios:
        if scenario["family"] != family:
            continue
        found = replay(scenario, headers)
        if [event["event"] for event in found] != [event["event"] for event in events]:
            wrong.append(f"{number}: {[event['event'] for event in found]}")
        for event, recorded in zip(found, events, strict=False):
            for field in recorded.keys() - TRACED - {"activation_note"}:
                if event.get(field) != recorded[field]:
                    wrong.append(f"{number} {recorded['event']} {field}: {event.get(field)}, not {recorded[field]}")
            extra = event.keys() - recorded.keys() - {"peak_low", "peak_high"} - TRACED
            wrong += [f"{number} {recorded['event']}: {field} should not be there" for field in sorted(extra)]
    assert not wrong, "\n".join(wrong[:20])


@pytest.mark.parametrize("family", families())
def test_traced_peaks_lie_in_the_band(family: str) -> None:
    headers, scenarios = recordings()
    for number, scenario, events in scenarios:
        if scenario["family"] != family:
            continue
        for event, recorded in zip(replay(scenario, headers), events, strict=True):
            if recorded["peak_bytes"] is None:
                assert event["peak_bytes"] is None
                continue
            assert event["peak_low"] <= recorded["peak_bytes"] <= event["peak_high"], (number, recorded["event"])
            assert event["activation_bytes"] == pytest.approx(recorded["activation_bytes"], rel=0.01)


def test_modules_are_packed_largest_first_and_given_back_smallest_first() -> None:
    packing = Packing(tuple(Module(size * MIB, f"m{size}") for size in (400, 300, 200, 100)))
    card = Card(Machine(vram=4 * GIB, context=0))
    model = Model("model", packing)
    card.known.append(model)
    card.load([model], required=0, minimum=3 * GIB - 400 * MIB)
    assert model.resident == 1000 * MIB
    assert not model.partial

    card.make_room(4 * GIB - 550 * MIB)
    assert model.resident == 400 * MIB  # 100, 200, and 300 because the first two are not more than 450
    assert model.largest_streamed == 300 * MIB
    assert card.loaded == [model]

    card.make_room(4 * GIB)
    assert model.resident == 0
    assert card.loaded == []


def test_half_loaded_models_make_room_before_whole_ones() -> None:
    card = Card(Machine(vram=8 * GIB, context=0))
    large, small = (Model(name, Packing((Module(size, name),))) for name, size in (("l", 4 * GIB), ("s", GIB)))
    card.known += [large, small]
    card.load([small])
    card.load([large])
    card.make_room(4 * GIB - MIB)
    assert (large.resident, small.resident) == (4 * GIB, 0)

    card.load([small])
    large.unload(0)
    card.make_room(8 * GIB - MIB)
    assert card.loaded == [] or card.loaded == [small]


@pytest.mark.parametrize(
    ("words", "machine"),
    [
        ("", Machine(GIB)),
        ("--highvram --port 8188", Machine(GIB, state="high")),
        ("--gpu-only", Machine(GIB, state="high", gpu_only=True)),
        ("--reserve-vram 2", Machine(GIB, reserve=2 * GIB)),
        ("--reserve-vram=0.5 --novram", Machine(GIB, reserve=0.5 * GIB, state="no")),
        ("--fp8_e4m3fn-unet --fp16-vae", Machine(GIB, unet_dtype="F8_E4M3", vae_dtype="F16")),
    ],
)
def test_flags(words: str, machine: Machine) -> None:
    assert replace(Machine(GIB), **flags(words)) == machine  # type: ignore[arg-type]


def test_a_reserve_that_is_no_number_is_told() -> None:
    with pytest.raises(ValueError, match='"--reserve-vram" needs a number of GiB, not "much"'):
        flags("--reserve-vram much")


def test_windows_reserves_more() -> None:
    assert Machine(16 * GIB, windows=True).reserved == 700 * MIB
    assert Machine(12 * GIB, windows=True).reserved == 600 * MIB
    assert Machine(12 * GIB).reserved == 400 * MIB


def test_what_no_tensor_tells_has_comfyuis_default() -> None:
    assert family_of(Header("safetensors", {"some.weight": ("F16", (4, 4))})).factor == 2.0

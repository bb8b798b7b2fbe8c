"""The emulator does what a real ComfyUI 0.3.64 did: recorded conversations are played to it, and compared.

What is known to differ is in `conformance/differences.yaml`, and in docs/contract.md.
"""

from __future__ import annotations

import fnmatch
import gzip
import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from comfyproof.catalog.pinned import built_in
from comfyproof.emulator.embedded import Emulator
from conversation import Names, Player, differences, furnish, told

HERE = Path(__file__).parent / "conformance"
DOCS = Path(__file__).parent.parent / "docs" / "contract.md"
MODELS = {
    "checkpoints": ["sd15_tiny.safetensors"],
    "diffusion_models": [
        "flux1-krea-dev_fp8_scaled.safetensors", "flux1-tiny-1x0_bf16.safetensors",
        "flux1-tiny-1x0_fp8_scaled.safetensors",
    ],
    "loras": ["FLUX.1-Turbo-Alpha.safetensors", "bogus_keys.safetensors"],
    "text_encoders": ["clip_l.safetensors", "t5xxl_fp8_e4m3fn.safetensors"],
    "upscale_models": ["2x_tiny.pth", "4x_NMKD-Siax_200k.pth"],
    "vae": ["ae.safetensors"],
    "vae_approx": ["taef1_decoder.safetensors", "taef1_encoder.safetensors"],
}  # fmt: skip
CONVERSATIONS = [
    json.loads(line) for file in sorted(HERE.glob("*.gz")) for line in gzip.decompress(file.read_bytes()).splitlines()
]
SESSIONS = sorted({one["session"] for one in CONVERSATIONS})
KNOWN = yaml.safe_load((HERE / "differences.yaml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, list[str]]]:
    """How each conversation differs, by session."""
    return {session: dict(play(session, tmp_path_factory.mktemp("session"))) for session in SESSIONS}


def play(session: str, folder: Path) -> Iterator[tuple[str, list[str]]]:
    """The conversations of a session, each with how the emulator differs."""
    furnish(folder / "input")
    names = Names()
    with Emulator(folder, catalog=built_in(), models=MODELS) as emulator:
        for one in CONVERSATIONS:
            if one["session"] == session:
                yield one["name"], compared(one, emulator.url, names)


def compared(one: dict[str, Any], url: str, names: Names) -> list[str]:
    stretch, expected = one.get("stretch"), one["expected"]
    got = told(Player(url, stretch).play(one["steps"]), names, stretch=stretch, only=one.get("only", ()))
    got["sockets"] = {name: got["sockets"].get(name) for name in expected["sockets"]}
    if one.get("tail"):
        for name, views in expected["sockets"].items():
            got["sockets"][name] = {view: got["sockets"][name][view][-len(lines) :] for view, lines in views.items()}
    return differences(expected, got)


def covers(known: dict[str, str], name: str, difference: str) -> bool:
    """Whether it is this known difference."""
    return fnmatch.fnmatchcase(name, known["conversations"]) and re.search(known["at"], difference) is not None


@pytest.mark.parametrize("session", SESSIONS)
def test_conforms(found: dict[str, dict[str, list[str]]], session: str) -> None:
    unknown = {
        name: [one for one in different if not any(covers(known, name, one) for known in KNOWN)]
        for name, different in found[session].items()
    }
    assert {name: different for name, different in unknown.items() if different} == {}


@pytest.mark.parametrize("known", KNOWN, ids=[known["what"] for known in KNOWN])
def test_what_is_known_to_differ_still_does(found: dict[str, dict[str, list[str]]], known: dict[str, str]) -> None:
    everything = [(name, one) for session in found.values() for name, different in session.items() for one in different]
    assert any(covers(known, name, one) for name, one in everything)


def test_the_contract_lists_what_differs() -> None:
    text = DOCS.read_text(encoding="utf-8").partition("## What the emulator does differently")[2].partition("\n## ")[0]
    rows = [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in text.splitlines() if line[:1] == "|"]
    assert rows[2:] == [(known["what"], known["reason"]) for known in KNOWN]


def test_the_recordings_are_many_and_of_every_kind() -> None:
    names = {re.sub(r"/.*", "", one["name"]) for one in CONVERSATIONS if one["session"] != "our own"}
    assert len(names) == 38
    assert Counter(one["session"] == "our own" for one in CONVERSATIONS)[True] >= 60
    said = json.dumps([one["expected"] for one in CONVERSATIONS])
    for kind in ("cached", "error", "interrupted", "success", "start"):
        assert f"execution_{kind} <p" in said
    assert sum(one["name"].startswith("g_") for one in CONVERSATIONS) == 143

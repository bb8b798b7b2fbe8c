"""Sounds, 3D models and latents: whole ones are told apart from damaged ones, and what is unknown is said to be."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comfyproof.verify.checks import verify_file
from comfyproof.verify.expected import Expected, Verdict
from comfyproof.verify.kinds import DRAWING, LATENT, MODEL, PICTURE, SOUND, VIDEO, ending_of, kind_of, named
from run_faults import mesh, sound, video

SENT = {"1": {"class_type": "SaveAudio", "inputs": {}}}
SOUNDS = {
    ".flac": sound("flac", "flac"),
    ".mp3": sound("mp3", "libmp3lame"),
    ".opus": sound("opus", "libopus"),
    ".wav": sound("wav", "pcm_s16le"),
}
SVG = b"<?xml version='1.0'?>\n<!-- drawn -->\n<svg xmlns='http://www.w3.org/2000/svg'></svg>"


def latent(**metadata: str) -> bytes:
    """A file as SaveLatent writes it."""
    tensors = {"latent_tensor": {"dtype": "F32", "shape": [1, 4, 8, 8], "data_offsets": [0, 1024]}}
    head = json.dumps({"__metadata__": metadata, **tensors}).encode()
    return struct.pack("<Q", len(head)) + head + bytes(1024)


FILES = {**SOUNDS, ".glb": mesh(), ".latent": latent()}
KINDS = {**dict.fromkeys(SOUNDS, SOUND), ".glb": MODEL, ".latent": LATENT}


SOMETHING = Expected(not_blank=True)


def verdicts(data: bytes, what: str = "", expected: Expected = SOMETHING) -> dict[str, Verdict]:
    return {check.name: check.verdict for check in verify_file(data, expected, what)}


@pytest.mark.parametrize("ending", FILES)
def test_a_whole_file_is_known_by_its_bytes(ending: str) -> None:
    data = FILES[ending]
    assert (kind_of(data), ending_of(data, "x.exe"), named(f"X{ending.upper()}")) == (
        KINDS[ending],
        ending,
        KINDS[ending],
    )
    (complete,) = verify_file(data, Expected(), "")
    assert complete.verdict is Verdict.PASSED
    assert f"{len(data):,} bytes" in complete.measured


@pytest.mark.parametrize("ending", FILES)
@pytest.mark.parametrize(
    "damage",
    [lambda data: data[: len(data) // 2], lambda data: data[:-10], lambda data: b"<html></html>", lambda d: b""],
)
def test_a_damaged_file_is_refused(ending: str, damage: Callable[[bytes], bytes]) -> None:
    (complete,) = verify_file(damage(FILES[ending]), Expected(), KINDS[ending])
    assert complete.verdict is Verdict.FAILED
    assert complete.help


@pytest.mark.parametrize("ending", [".flac", ".opus", ".glb", ".latent"])
def test_bytes_behind_the_end_are_found_where_the_format_tells_its_end(ending: str) -> None:
    found = verdicts(FILES[ending] + b"x" * 9, KINDS[ending], Expected())
    assert found["complete"] is (Verdict.PASSED if ending == ".flac" else Verdict.FAILED)


def test_one_bit_flipped_in_a_flac() -> None:
    data = bytearray(SOUNDS[".flac"])
    data[len(data) * 3 // 4] ^= 1  # the first half of a short one is padding
    assert verdicts(bytes(data), SOUND)["complete"] is Verdict.FAILED


def test_silence_is_nothing() -> None:
    assert verdicts(sound("flac", "flac", 0.0))["not_blank"] is Verdict.FAILED
    (_, heard) = verify_file(SOUNDS[".flac"], SOMETHING, SOUND)
    assert (heard.verdict, heard.measured) == (Verdict.PASSED, "its peak is -6.0 dB")


@pytest.mark.parametrize(
    ("metadata", "verdict"),
    [({"prompt": json.dumps(SENT)}, Verdict.PASSED), ({"prompt": "{}"}, Verdict.FAILED), ({}, Verdict.NOT_EXAMINED)],
)
def test_the_prompt_in_a_file(metadata: dict[str, str], verdict: Verdict) -> None:
    assert verdicts(latent(**metadata), "", Expected(prompt=SENT))["prompt"] is verdict


@pytest.mark.parametrize("data", [SVG, b"ply\n", b"MZ\x90\0", b"", b"\0" * 100])
def test_what_is_unknown_is_said_to_be(data: bytes) -> None:
    assert verdicts(data)["complete"] is (Verdict.NOT_EXAMINED if data else Verdict.FAILED)
    assert verdicts(data, PICTURE)["complete"] is Verdict.FAILED


def test_kinds_and_endings() -> None:
    assert (kind_of(SVG), ending_of(SVG, "x")) == (DRAWING, ".svg")
    assert (kind_of(video()), ending_of(video(), "x")) == (VIDEO, ".mp4")
    assert ending_of(b"ply\n", "../cloud.PLY") == ".ply"
    for name in ("setup.exe", "page.html", "x.ply/../../etc/passwd", "a.lnk", "desktop.ini", ""):
        assert ending_of(b"ply\n", name) == ".bin"
    assert ending_of(b"<!DOCTYPE html><script>", "notes.txt") == ".bin"


@given(st.sampled_from(list(FILES)), st.binary(max_size=40), st.integers(0, 10_000))
def test_no_bytes_make_it_raise(ending: str, junk: bytes, at: int) -> None:
    data = FILES[ending]
    at %= len(data)
    for each in (data[:at] + junk + data[at:], data[:at] + junk, junk):
        for what in ("", KINDS[ending]):
            assert verify_file(each, Expected(prompt=SENT), what)

"""Any text becomes the name of a file, on every system."""

from __future__ import annotations

import unicodedata

from hypothesis import example, given
from hypothesis import strategies as st

from comfyproof.file_names import cut, file_name
from comfyproof.run.folder import safe_name

DEVICES = ("con", "prn", "aux", "nul", "com1", "lpt9")


@given(st.text(max_size=300), st.integers(20, 190))
@example("../../etc/passwd", 190)
@example("C:\\con.txt", 190)
@example("NUL", 190)
@example("東京" * 100, 190)
@example("\ud800 ", 190)
@example("नमस्ते दुनिया", 190)
def test_every_name_is_that_of_a_file(text: str, max_bytes: int) -> None:
    name = file_name(text, max_bytes)
    assert file_name(name, max_bytes) == name
    assert 0 < len(name.encode()) <= max_bytes
    assert name == unicodedata.normalize("NFC", name)
    assert name.isprintable()
    assert name[0] not in ".-"
    assert name[-1] != "."
    assert not set(name) & set('/\\:*?"<>| ')
    assert name.split(".")[0].casefold() not in DEVICES


def test_letters_of_all_scripts_are_kept() -> None:
    for name in ("портрет", "東京-夜景", "नमस्ते", "Ärger_ñ=0.3,b+1"):
        assert file_name(name, 190) == unicodedata.normalize("NFC", name)


def test_of_nothing_the_fallback_is_the_name() -> None:
    assert [file_name(text, 80, "form") for text in ("", "..", "/", "_ _")] == ["form"] * 4


def test_a_path_is_called_by_its_last_part() -> None:
    assert safe_name("a/b\\c d.png", "picture") == "c_d.png"


@given(st.text("ä漢a"), st.integers(0, 40))
def test_what_is_cut_is_a_beginning_and_as_long_as_it_can_be(text: str, max_bytes: int) -> None:
    found = cut(text, max_bytes)
    assert text.startswith(found)
    assert len(found.encode()) <= max_bytes
    assert found == text or len(text[: len(found) + 1].encode()) > max_bytes

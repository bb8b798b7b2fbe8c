"""The cache of verdicts: what it gives back is what was found, and nothing that can happen to it is an error."""

from __future__ import annotations

import json
import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from comfyproof.caching import FILE, CachingExaminer, cache_folder
from comfyproof.catalog.pinned import built_in
from comfyproof.formats.api import dump_api, from_api
from comfyproof.lint import Examined, Examiner
from comfyproof.report.findings import Report
from comfyproof.report.forms import REPORTS
from comfyproof.report.text import render

CLEAN: dict[str, Any] = {
    "load": {"class_type": "LoadImage", "inputs": {"image": "in.png"}},
    "soft": {"class_type": "ImageBlur", "inputs": {"image": ["load", 0], "blur_radius": 3, "sigma": 1.0}},
    "save": {"class_type": "SaveImage", "inputs": {"images": ["soft", 0], "filename_prefix": "soft"}},
}
WRONG = {
    **CLEAN,
    "soft": {"class_type": "ImageBlur", "inputs": {"image": ["load", 0], "blur_radius": 99, "sigma": 1.0}},
}


def written(path: Path, prompt: dict[str, Any]) -> str:
    path.write_text(dump_api(from_api(prompt)), encoding="utf-8")
    return str(path)


def looked_at(folder: Path, file: str, examiner: Examiner | None = None) -> tuple[Examined | None, Examined]:
    """What is known of a file before it is examined, and what is found."""
    with CachingExaminer(examiner or Examiner(built_in()), folder) as caching:
        return caching.known(file), caching.file(file)


def shown(examined: Examined) -> tuple[Any, ...]:
    return examined.file, examined.findings, examined.not_examined, examined.readable, examined.whole


def test_a_clean_file_is_known_again_with_what_was_not_examined(tmp_path: Path) -> None:
    file, folder = written(tmp_path / "x.json", CLEAN), tmp_path / "cache"
    before, first = looked_at(folder, file)
    known, second = looked_at(folder, file)
    assert before is None
    assert known is not None
    assert shown(first) == shown(second) == shown(Examiner(built_in()).file(file))
    assert first.not_examined
    assert not first.findings


def test_a_file_with_findings_is_known_again_with_all_that_is_said_of_them(tmp_path: Path) -> None:
    file, folder = written(tmp_path / "x.json", WRONG), tmp_path / "cache"
    looked_at(folder, file)
    known, _ = looked_at(folder, file)
    anew = Examiner(built_in()).file(file)
    assert known is not None
    assert known.findings
    assert any(finding.fix for finding in anew.findings)
    for form in ("concise", "json", "ndjson", "github", "gitlab", "sarif", "junit"):
        write = REPORTS[form]
        assert write(Report(known.findings, [file], known.not_examined)) == write(
            Report(anew.findings, [file], anew.not_examined)
        )
    assert render(known.findings) == render(anew.findings)
    assert [(f.node, f.input, f.fix) for f in known.findings] == [(f.node, f.input, f.fix) for f in anew.findings]


def test_nothing_of_a_key_is_kept(tmp_path: Path) -> None:
    key = "sk-proj-" + "a1B2c3D4" * 6
    prompt = {**CLEAN, "save": {"class_type": "SaveImage", "inputs": {"images": ["soft", 0], "filename_prefix": key}}}
    file, folder = written(tmp_path / "x.json", prompt), tmp_path / "cache"
    assert any(finding.rule.code == "CP651" for finding in looked_at(folder, file)[1].findings)
    assert not (folder / FILE).exists()


def test_another_content_name_catalog_or_editor_is_another_thing(tmp_path: Path) -> None:
    file, folder = written(tmp_path / "x.json", CLEAN), tmp_path / "cache"
    looked_at(folder, file)
    for catalog in (
        replace(built_in(), sha256="0" * 64),
        replace(built_in(), unlisted=""),
        replace(built_in(), lister="models"),
    ):
        assert looked_at(tmp_path / "cache", file, Examiner(catalog))[0] is None
    facts = os.stat(file)
    written(tmp_path / "x.json", {**CLEAN, "load": {"class_type": "LoadImage", "inputs": {"image": "on.png"}}})
    os.utime(file, ns=(facts.st_atime_ns, facts.st_mtime_ns))  # the same size and time
    assert looked_at(folder, file)[0] is None
    assert looked_at(folder, written(tmp_path / "y.json", CLEAN))[0] is None


def test_a_file_that_is_another_one_when_it_is_kept_is_not_known(tmp_path: Path) -> None:
    for first in (json.dumps({"scripts": {}}), dump_api(from_api(CLEAN))):
        file, caching = tmp_path / "x.json", CachingExaminer(Examiner(built_in()), tmp_path / "cache")
        file.write_text(first)
        with caching:
            examined = caching.examiner.file(str(file), alone=False)
            assert not examined.findings
            written(file, WRONG)  # somebody else, before it is read for its hash
            caching.keep(str(file), examined, alone=False)
        with CachingExaminer(Examiner(built_in()), tmp_path / "cache") as caching:
            assert caching.file(str(file), alone=False).findings


@pytest.mark.parametrize("word", ["comfyproof", "\\u0063omfyproof"])
def test_a_file_with_an_ignore_is_read_for_it(word: str, tmp_path: Path) -> None:
    text = json.dumps({**CLEAN, "soft": {**CLEAN["soft"], "_meta": {"WORD": {"ignore": ["CP402"]}}}})
    (tmp_path / "x.json").write_text(text.replace("WORD", word))
    looked_at(tmp_path / "cache", str(tmp_path / "x.json"))
    known, found = looked_at(tmp_path / "cache", str(tmp_path / "x.json"))
    assert known is None
    assert found.texts


def test_specs_and_what_is_no_regular_file_are_not_kept(tmp_path: Path) -> None:
    spec = tmp_path / "x.yaml"
    spec.write_text(
        "comfyproof: 1\ninputs: {image: {type: image, default: in.png}}\nstages: [{load: {image: $image}}]\n"
    )
    (tmp_path / "folder.json").mkdir()
    for file in (str(spec), str(tmp_path / "folder.json"), str(tmp_path / "none.json")):
        looked_at(tmp_path / "cache", file)
        assert looked_at(tmp_path / "cache", file)[0] is None
    assert not (tmp_path / "cache" / FILE).exists()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"[" * 100_000,
        b"[]",
        b'{"format": "comfyproof/verdicts/2", "verdicts": {}}',
        b'{"format": "comfyproof/verdicts/1", "verdicts": 3}',
    ],
)
def test_a_broken_cache_is_none(content: bytes, tmp_path: Path) -> None:
    file, folder = written(tmp_path / "x.json", CLEAN), tmp_path / "cache"
    folder.mkdir(mode=0o700)
    (folder / FILE).write_bytes(content)
    known, found = looked_at(folder, file)
    assert known is None
    assert not found.findings
    assert looked_at(folder, file)[0] is not None  # and it is mended


PLACE: list[Any] = [["soft", "inputs"], False]


@pytest.mark.parametrize(
    "entry",
    [
        3, "clean", None, [3], {"a": 1}, {"gaps": [], "findings": 3}, {"gaps": [["a"]], "findings": []},
        {"gaps": [["a", "b", "c", "d", 5]], "findings": []},
        {"gaps": [], "findings": [["CP402", "m", PLACE, "h", "n", "i"]]},
        {"gaps": [], "findings": [["CP999", "m", PLACE, "h", "n", "i", None]]},
        {"gaps": [], "findings": [["CP402", 3, PLACE, "h", "n", "i", None]]},
        {"gaps": [], "findings": [["CP402", "m", [["a", 1.5], False], "h", "n", "i", None]]},
        {"gaps": [], "findings": [["CP402", "m", PLACE, "h", "n", "i", [[[PLACE]], True, "t"]]]},
    ],
)  # fmt: skip
def test_a_broken_entry_is_none(entry: Any, tmp_path: Path) -> None:
    file, folder = written(tmp_path / "x.json", CLEAN), tmp_path / "cache"
    looked_at(folder, file)
    kept = json.loads((folder / FILE).read_text())
    (folder / FILE).write_text(json.dumps({**kept, "verdicts": dict.fromkeys(kept["verdicts"], entry)}))
    assert looked_at(folder, file)[0] is None


def test_a_cache_that_others_may_write_is_none(tmp_path: Path) -> None:
    file, folder = written(tmp_path / "x.json", CLEAN), tmp_path / "cache"
    looked_at(folder, file)
    assert (folder.stat().st_mode & 0o777, (folder / FILE).stat().st_mode & 0o777) == (0o700, 0o600)
    folder.chmod(0o777)
    assert looked_at(folder, file)[0] is None


def test_a_cache_that_cannot_be_is_no_error(tmp_path: Path) -> None:
    file = written(tmp_path / "x.json", CLEAN)
    assert not looked_at(Path(file) / "cache", file)[1].findings
    with CachingExaminer(Examiner(built_in()), None) as caching:
        assert caching.known(file) is None
        assert not caching.file(file).findings


def _look(arguments: tuple[str, str]) -> None:
    looked_at(Path(arguments[0]), arguments[1])


def test_processes_that_write_at_once_leave_a_whole_cache(tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    files = [written(tmp_path / f"{n}.json", CLEAN) for n in range(12)]
    with ProcessPoolExecutor(4) as pool:
        list(pool.map(_look, [(str(folder), file) for file in files]))
    assert json.loads((folder / FILE).read_text())["verdicts"]
    assert [each.name for each in folder.iterdir()] == [FILE]
    assert any(looked_at(folder, file)[0] for file in files)


def test_it_lies_with_the_user_s_caches(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "comfyproof"
    monkeypatch.setenv("XDG_CACHE_HOME", "elsewhere")
    assert cache_folder() is None

"""Which files are meant: patterns decide as git does, and what is passed over is said."""

from __future__ import annotations

import io
import os
import subprocess
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from comfyproof.diagnostics import NotExamined
from comfyproof.gathering import Excluding, Gathered, gather, read_stream
from comfyproof.patterns import read_patterns

# Every kind of name and folder that the pieces of patterns below are about.
TREE = """
a b ab abc a.js b.json .x #a !a
d/a d/b d/ab d/a.js d/.x
d/a/x d/b/a d/ab/b
e/a/b/a e/a/b/abc e/b/a/b.json e/x/a e/x/x/b
ab/a/a ab/ab/ab
"""
PIECES = ["a", "b", "c", "d", "e", "x", "*", "**", "***", "?", "/", "/", "[ab]", "[!a]", "[^b]", "[a-c]", "[c-a]",
          "[a-]", "[]a]", "[", "\\", "\\*", "!", "#", " ", ".js", ".json", ".x"]  # fmt: skip


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("repository")
    subprocess.run(["git", "init", "--quiet", folder], check=True)
    paths = [Path(name) for name in TREE.split()]
    for path in paths:
        if any(path in other.parents for other in paths):
            continue
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).touch()
    return folder


def excluded_by_git(repository: Path, paths: list[str]) -> set[str]:
    asked = "\0".join(paths)
    command = ["git", "-C", repository, "-c", "core.excludesFile=", "check-ignore", "-z", "--stdin", "--no-index"]
    done = subprocess.run(command, input=asked, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    return set(filter(None, done.stdout.split("\0")))


def everything(folder: Path) -> list[str]:
    found = (path.relative_to(folder).as_posix() for path in folder.rglob("*"))
    return sorted(path for path in found if not path.startswith(".git"))


@given(st.lists(st.lists(st.sampled_from(PIECES), min_size=1, max_size=6).map("".join), min_size=1, max_size=3))
@settings(max_examples=150)
def test_patterns_decide_as_git_does(repository: Path, lines: list[str]) -> None:
    # Of a choice with a slash in it, and of two slashes in a row, git has its own idea.
    lines = [line for line in lines if "//" not in line and not ("[" in line and "/" in line.split("[", 1)[1])]
    (repository / ".gitignore").write_text("\n".join(lines) + "\n")
    paths = everything(repository)
    patterns = read_patterns(lines)
    found = {path for path in paths if patterns.excluding(path.split("/"), (repository / path).is_dir())}
    assert found == excluded_by_git(repository, paths)


def test_ignore_files_of_several_folders_decide_as_git_does(repository: Path) -> None:
    """With files of the same content under git's name, git says the same of the whole tree."""
    texts = {"": "a*\n!ab\n*.json\n/e/x/\n", "d": "!a\nb\n", "e": "!*.json\n/a/b/a\n", "e/x": "!a\n"}
    for folder, text in texts.items():
        for name in (".gitignore", ".comfyproofignore"):
            (repository / folder / name).write_text(text)
    excluding = Excluding(repository)
    paths = everything(repository)
    found = {p for p in paths if excluding.reason(str(repository / p), is_folder=(repository / p).is_dir())}
    for folder in texts:
        (repository / folder / ".comfyproofignore").unlink()
    assert found == excluded_by_git(repository, paths)
    assert 5 < len(found) < len(paths) - 5


def test_a_pattern_of_many_stars_costs_little() -> None:
    patterns = read_patterns(["a*" * 40 + "b", "**/" * 40 + "b"])
    started = time.process_time()
    assert not patterns.excluding(["a" * 250] * 40)
    assert time.process_time() - started < 1


def names(found: Gathered) -> list[str]:
    return [file for file, _ in found.files]


@pytest.fixture
def flows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with files in several folders, in which the process stands."""
    for name in ("top.json", "flows/a.json", "flows/b.yaml", "flows/old/c.json", "flows/old/d.JSON", "flows/note.txt",
                 ".venv/lib/x.json", "flows/.hidden.json", "other/e.yml"):  # fmt: skip
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("{}")
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_folders_files_and_patterns(flows: Path) -> None:
    nothing = Excluding(flows)
    assert names(gather(["."], nothing)) == [
        "flows/a.json", "flows/b.yaml", "flows/old/c.json", "flows/old/d.JSON", "other/e.yml", "top.json"
    ]  # fmt: skip
    assert gather(["flows/old"], nothing).files == (("flows/old/c.json", False), ("flows/old/d.JSON", False))
    assert gather(["flows/note.txt"], nothing).files == (("flows/note.txt", True),)
    assert gather([".venv"], nothing).files == ((".venv/lib/x.json", False),)
    assert gather(["flows/*.json", "*.json"], nothing).files == (("flows/a.json", False), ("top.json", False))
    assert names(gather(["**/*.json"], nothing)) == ["flows/a.json", "flows/old/c.json", "top.json"]
    assert names(gather([f"{flows}/fl?ws/**"], nothing)) == [
        str(flows / "flows" / name) for name in ("a.json", "b.yaml", "note.txt", "old/c.json", "old/d.JSON")
    ]
    assert gather(["flows/*.json", "flows/a.json", "flows/a.json"], nothing).files == (("flows/a.json", True),)
    assert gather(["-"], nothing).files == (("-", True),)
    assert gather(["gone.json"], nothing).files == (("gone.json", True),)
    found = gather(["*.py", "gone/*.json", "flows"], nothing, [".png"])
    assert (found.files, found.passed_over, found.empty) == ((), (), ("*.py", "gone/*.json", "flows"))


def test_a_file_whose_name_looks_like_a_pattern(flows: Path) -> None:
    Path("photo[1].json").touch()
    assert gather(["photo[1].json"], Excluding(flows)).files == (("photo[1].json", True),)


def test_links_round_in_circles_are_not_followed(flows: Path) -> None:
    os.symlink("..", "flows/old/up")
    os.symlink(".", "flows/old/here")
    os.symlink(flows / "other", "flows/linked")
    assert len(gather(["."], Excluding(flows)).files) == 6
    assert names(gather(["**/*.json"], Excluding(flows))) == ["flows/a.json", "flows/old/c.json", "top.json"]
    assert names(gather(["flows/linked"], Excluding(flows))) == ["flows/linked/e.yml"]


def gap(kind: str, path: str, reason: str) -> NotExamined:
    return NotExamined(f'{kind} "{path}"', reason, kind="excluded", file=path if kind == "file" else "")


def test_what_is_passed_over_is_said_with_its_reason(flows: Path) -> None:
    Path(".comfyproofignore").write_text("# drafts\nold/\n*.yml\n")
    found = gather(["."], Excluding(flows, read_patterns(["b.*"]), "comfyproof.toml:3"))
    assert names(found) == ["flows/a.json", "top.json"]
    excluded = 'excluded by "{}" in {}'.format
    own = ".comfyproofignore"
    assert set(found.passed_over) == {
        gap("file", "flows/b.yaml", excluded("b.*", "exclude (comfyproof.toml:3)")),
        gap("folder", "flows/old", excluded("old/", own)),
        gap("file", "other/e.yml", excluded("*.yml", own)),
    }
    # Named files too, since other programs name them by the hundred; many are counted.
    named = gather(["flows/old/c.json", "flows/old/d.JSON", "top.json", "flows/old"], Excluding(flows))
    assert names(named) == ["top.json"]
    assert named.passed_over == (NotExamined("3 files and folders", excluded("old/", own), kind="excluded"),)
    assert named.empty == ()


def test_an_ignore_file_of_another_repository_does_not_count(flows: Path) -> None:
    Path(".comfyproofignore").write_text("*.json\n")
    Path("flows/.git").touch()  # as a submodule has it
    assert names(gather(["."], Excluding(flows), [".json"])) == [
        "flows/a.json", "flows/old/c.json", "flows/old/d.JSON"
    ]  # fmt: skip


def test_a_folder_that_cannot_be_looked_into_is_not_clean(flows: Path) -> None:
    at = os.open(flows / "flows/old", os.O_RDONLY)
    for _ in range(30):  # which makes a longer path than the system takes
        os.mkdir("x" * 200, dir_fd=at)
        inner = os.open("x" * 200, os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = inner
    os.close(at)
    found = gather([str(flows / "flows/old/xx*/**")], Excluding(flows))
    assert (found.files, found.empty) == ((), ())
    found = gather(["flows/old"], Excluding(flows))
    assert names(found) == ["flows/old/c.json", "flows/old/d.JSON"]
    (gap,) = found.unreadable
    assert gap.reason == "it cannot be looked into: File name too long"


def test_a_folder_deeper_than_python_calls(flows: Path) -> None:
    deep = "/".join(["x"] * 1500)
    assert Excluding(flows, read_patterns(["x/x/"]), "here").reason(f"{deep}/a.json", is_folder=False)
    assert Excluding(flows).reason(f"{deep}/a.json", is_folder=False) is None


def test_standard_input() -> None:
    def read(raw: bytes) -> tuple[str | None, str]:
        text, findings = read_stream(io.BytesIO(raw), "flow.json", 100)
        return text, "".join(finding.message for finding in findings)

    assert read(b"\xef\xbb\xbf{}") == ("{}", "")
    assert read(b"x" * 101) == (None, '"flow.json" cannot be read: it has more than 100 bytes')
    assert read(b"\x89PNG") == (None, '"flow.json" cannot be read: it is not UTF-8 (byte 0)')
    assert read(b"a\0") == (None, '"flow.json" cannot be read: it holds NUL bytes, as no text does')

"""Every command in the README and in CONTRIBUTING works, in a copy of the project."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from comfyproof.catalog.files import FILE_INPUTS
from conftest import ROOT
from test_run import served

README = (ROOT / "README.md").read_text()


def blocks(language: str, text: str = README) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project without its history, its environment the one these tests run in."""
    folder = tmp_path_factory.mktemp("copy") / "comfyproof"
    left_out = (".git", ".venv", "out", "build", "__pycache__", ".*_cache", ".hypothesis", "*.egg-info")
    shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(*left_out))
    (folder / ".venv").mkdir()
    for path in Path(sys.prefix).iterdir():
        if path.name not in (".demo", ".test"):
            (folder / ".venv" / path.name).symlink_to(path)
    for stamp in (".demo", ".test"):  # as new as can be: make must not install the copy into this environment
        (folder / ".venv" / stamp).touch()
    for example in blocks("yaml"):
        name = re.match(r"# (\S+\.yaml)", example)
        assert name, "an example begins with its file's name"
        (folder / name[1]).write_text(example)
    return folder


def bash(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = ["bash", "-euo", "pipefail", "-c", script]
    # Not what a make that runs these tests says to the makes it starts.
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")} | {"NO_COLOR": "1"}
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=environment)


def test_the_two_commands(copy: Path) -> None:
    demo, test = [line.split("#")[0].strip() for line in blocks("sh")[0].splitlines()]
    assert (demo, test) == ("make demo", "make test")
    done = bash(demo, copy)
    assert done.returncode == 0, done.stderr
    assert "verified" in done.stderr
    picture = done.stdout.splitlines()[-1]
    assert (copy / picture).is_file()
    planned = bash("make -n test", copy).stdout  # running it here would run this test again
    for part in ("ruff check", "mypy", "pytest"):
        assert part in planned


def model_files() -> set[tuple[str, str]]:
    """The model files that the specs name, each with its folder."""
    return {
        (folder, node["inputs"][key])
        for workflow in (ROOT / "workflows").glob("*.api.json")
        for node in json.loads(workflow.read_text()).values()
        for key, folder in FILE_INPUTS.get(node["class_type"], {}).items()
        if folder != "input" and key in node["inputs"]
    }


def test_every_other_command(copy: Path, tmp_path: Path) -> None:
    models = tmp_path / "models"
    for folder, name in model_files():
        (models / folder).mkdir(parents=True, exist_ok=True)
        (models / folder / name).touch()
    activate = blocks("sh")[1].splitlines()[0]
    second = tmp_path / "second"
    second.mkdir()
    with served(tmp_path, "--models", models) as (url, _), served(second, "--models", models) as (other, _):
        for block in blocks("sh")[1:]:
            for line in block.splitlines():
                real = line.replace("http://127.0.0.1:8188", url).replace("http://127.0.0.1:8189", other)
                done = bash(f"{activate}\n{real}", copy)
                assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"


def test_the_links_lead_somewhere() -> None:
    for file in (ROOT / "README.md", *(ROOT / "docs").glob("*.md"), ROOT / "specs/README.md"):
        for target in re.findall(r"\]\(([^)#]+)\)", file.read_text()):
            assert (file.parent / target).exists() or target.startswith("https://"), f"{file.name}: {target}"


def test_the_exit_codes_are_those_of_the_code() -> None:
    from comfyproof.cli.exits import Exit

    listed = README.split("Exit codes: ")[1].split("\n\n")[0]
    said = {int(part.split()[0]) for part in listed.replace("\n", " ").split("·")}
    assert said == {int(code) for code in Exit}


def test_the_commands_are_those_of_the_program() -> None:
    from comfyproof.cli.main import COMMANDS

    assert set(re.findall(r"`(\w+)`", "\n".join(re.findall(r"^\| (`.*?) \|", README, re.MULTILINE)))) == set(COMMANDS)

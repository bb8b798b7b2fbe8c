"""What other programs run: the hook before a commit, in a real repository, and the steps of the GitHub Action."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from conftest import ROOT

GOOD = """comfyproof: 1
models: {m: {checkpoint: sd_xl_base_1.0.safetensors}}
stages:
  - generate: {model: m, sampler: euler, positive: a house, negative: fog}
  - save
"""
BAD = GOOD.replace("euler", "eulr")
(HOOK,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
ACTION = yaml.safe_load((ROOT / "action.yml").read_text())
# pre-commit's names of types; a hook that asks for others has to say here how their files end.
TYPES = {"yaml": (".yaml", ".yml"), "json": (".json",)}
ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
    "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    "NO_COLOR": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    **{f"GIT_{who}_{what}": "a@b.c" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
}


def git(repository: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = ["git", "-C", repository, *words]
    return subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=False)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository that calls the hook's entry before every commit, as pre-commit does: with the staged files."""
    assert git(tmp_path, "init", "--quiet").returncode == 0
    endings = "|".join(re.escape(end) for type in HOOK["types_or"] for end in TYPES[type])
    hook = tmp_path / ".git/hooks/pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(
        "#!/bin/sh\nset -e\n"
        "git diff --cached --name-only --diff-filter=ACMR -z > .git/staged\n"
        f"grep -z -E '({endings})$' .git/staged | xargs -0 -r {HOOK['entry']}\n"
    )
    hook.chmod(0o755)
    return tmp_path


def test_the_hook_lets_through_what_is_sound_and_nothing_else(repository: Path) -> None:
    (repository / "good.yaml").write_text(GOOD)
    (repository / "package.json").write_text('{"name": "x"}\n')
    (repository / ".pre-commit-config.yaml").write_text("repos: []\n")
    (repository / "README.md").write_text("comfyproof: 1\n")
    (repository / "bad.yaml").write_text(BAD)  # not staged
    git(repository, "add", "good.yaml", "package.json", ".pre-commit-config.yaml", "README.md")
    done = git(repository, "commit", "--quiet", "-m", "good")
    assert done.returncode == 0, done.stdout + done.stderr
    git(repository, "add", "bad.yaml")
    done = git(repository, "commit", "--quiet", "-m", "bad")
    assert done.returncode == 1
    assert "bad.yaml:4:35: error[CP403]" in done.stdout + done.stderr
    assert git(repository, "rev-list", "--count", "HEAD").stdout == "1\n"
    (repository / ".comfyproofignore").write_text("bad.yaml\n")
    assert git(repository, "commit", "--quiet", "-m", "excluded").returncode == 0


def test_the_hook_is_one_that_pre_commit_can_install() -> None:
    assert HOOK.keys() <= {"id", "name", "description", "entry", "language", "types_or", "require_serial"}
    assert HOOK["language"] == "python"
    assert (ROOT / "pyproject.toml").is_file()
    scripts = re.search(r"\[project\.scripts\]\n(\w+) = ", (ROOT / "pyproject.toml").read_text())
    assert scripts
    assert HOOK["entry"].split()[0] == scripts[1]


def run(step: str, folder: Path, place: Path, **inputs: str) -> tuple[int, str]:
    """Runs a step of the Action in a folder as GitHub would: its code, and what it said."""
    values = {name: each["default"] for name, each in ACTION["inputs"].items()} | inputs
    found = next(each for each in ACTION["runs"]["steps"] if each["name"] == step)
    assert "${{" not in found["run"], "what a caller writes must not become a part of the script"
    environment = {
        **{name: value for name, value in ENVIRONMENT.items() if name != "PYTHONPATH"},
        "GITHUB_ACTION_PATH": str(place / "action"), "RUNNER_TEMP": str(place / "temporary"),
        "GITHUB_STEP_SUMMARY": str(place / "summary.md"),
        # What this environment has already needs no download: it has the packages, and what builds this one.
        "PIP_NO_DEPS": "1", "PIP_NO_BUILD_ISOLATION": "0", "PIP_NO_INDEX": "1",
        **{
            name: re.sub(r"\$\{\{ inputs\.([a-z-]+) \}\}", lambda found: values[found[1]], text)
            for name, text in found.get("env", {}).items()
        },
    }  # fmt: skip
    script = place / "step.sh"
    script.write_text(found["run"])
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", script]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the Action is checked out and installed; its steps are these two and no others."""
    place = tmp_path_factory.mktemp("runner")
    (place / "action").mkdir()
    (place / "temporary").mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE", "action.yml"):
        shutil.copy(ROOT / name, place / "action")
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
    shutil.copytree(ROOT / "compiler", place / "action/compiler", ignore=ignored)
    assert [step["name"] for step in ACTION["runs"]["steps"]] == ["Install", "Lint"]
    code, said = run("Install", place, place)
    assert code == 0, said
    assert (place / "temporary/comfyproof/comfyproof/cli/lint.py").is_file()
    return place


def test_the_action_lints_and_leaves_a_summary(tmp_path: Path, installed: Path) -> None:
    (tmp_path / "flows of mine").mkdir()
    (tmp_path / "flows of mine/good.yaml").write_text(GOOD)
    (tmp_path / "package.json").write_text("{}")
    summary = installed / "summary.md"
    summary.write_text("")
    code, said = run("Lint", tmp_path, installed)
    assert code == 0, said
    assert "no findings" in summary.read_text()
    (tmp_path / "flows of mine/bad.yaml").write_text(BAD)
    summary.write_text("")
    code, said = run("Lint", tmp_path, installed)
    assert code == 1
    assert "::error file=flows of mine/bad.yaml,line=4" in said
    told = summary.read_text()
    assert 'error[CP403]: "eulr" is not among' in told
    assert (told[:20], told.rstrip()[-20:]) == ("~" * 20, "~" * 20)
    assert run("Lint", tmp_path, installed, files="*/*.yaml", arguments="--ignore\nCP403")[0] == 0


def test_what_a_caller_of_the_action_writes_is_never_a_command(tmp_path: Path, installed: Path) -> None:
    (tmp_path / "$(touch pwned).yaml").write_text(GOOD)
    files = "$(touch pwned).yaml\n`touch pwned`.json\n--help; touch pwned\n"
    code, said = run("Lint", tmp_path, installed, files=files, arguments="--strict\n\n")
    assert code == 3
    for name in ("`touch pwned`.json", "--help; touch pwned"):
        assert f'"{name}" cannot be read' in said
    assert not (tmp_path / "pwned").exists()

"""lint's options, settings, ignores and baselines, as a person or a build gives them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import ROOT, Command

SPEC = """comfyproof: 1
models: {m: {checkpoint: sd_xl_base_1.0.safetensors}}
stages:
  - generate: {model: m, sampler: eulr, positive: a house, negative: fog}
  - save
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A repository with a spec that has one mistake, a workflow that has one, and files of other programs."""
    (tmp_path / ".git").mkdir()
    (tmp_path / "flows/old").mkdir(parents=True)
    (tmp_path / "spec.yaml").write_text(SPEC)
    flow = {"1": {"class_type": "EmptyImage", "inputs": {"width": 0, "height": 8, "batch_size": 1, "color": 0}},
            "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "x"}}}  # fmt: skip
    (tmp_path / "flows/old/flow.json").write_text(json.dumps(flow, indent=1))
    (tmp_path / "package.json").write_text('{"name": "x"}\n')
    (tmp_path / "compose.yml").write_text("services: {a: {image: b}}\n")
    (tmp_path / "chart.yaml").write_text("a: {{ .Values.b }}\n")
    return tmp_path


def found(done: subprocess.CompletedProcess[str]) -> list[str]:
    """The errors by code and file."""
    findings = json.loads(done.stdout)["findings"]
    return [f"{each['code']} {each['file']}" for each in findings if each["severity"] == "error"]


def test_a_folder_with_files_of_other_programs(project: Path, comfyproof: Command) -> None:
    done = comfyproof("lint", ".", "--format", "json")
    assert (found(done), done.returncode) == (["CP402 flows/old/flow.json", "CP403 spec.yaml"], 1)
    gaps = {each["what"]: each["reason"] for each in json.loads(done.stdout)["not_examined"]}
    assert gaps['file "package.json"'] == "it is no workflow"
    assert gaps['file "compose.yml"'] == gaps['file "chart.yaml"'] == "it is no spec"
    assert comfyproof("lint", "package.json").returncode == 1
    assert comfyproof("lint", "package.json", "compose.yml", "--skip-others").returncode == 0
    (project / "typo.yaml").write_text("comfyprof: 1\nstages: []\n")
    assert {"CP201 typo.yaml", "CP202 typo.yaml"} & set(found(comfyproof("lint", ".", "--format", "json")))


def test_select_and_ignore(project: Path, comfyproof: Command) -> None:
    def errors(*arguments: str) -> list[str]:
        return [line.split()[0] for line in found(comfyproof("lint", ".", "--format", "json", *arguments))]

    assert errors("--select", "CP403") == ["CP403"]
    assert errors("--select", "CP3,value-range") == ["CP402"]
    assert errors("--ignore", "CP403", "--ignore", "value-range") == []
    assert errors("--select", "CP4", "--ignore", "CP402") == ["CP403"]
    done = comfyproof("lint", ".", "--ignore", "vale-range")
    assert (done.returncode, done.stdout) == (2, "")
    assert 'there is no rule "vale-range"' in done.stderr
    assert 'did you mean "value-range"?' in done.stderr
    (project / "broken.json").write_text("{")
    assert errors("--select", "CP3") == ["CP102"]


def test_settings_hold_and_flags_stand_above_them(project: Path, comfyproof: Command) -> None:
    (project / "pyproject.toml").write_text(
        '[tool.comfyproof]\nselect = ["CP4"]\nfail-on = "warning"\nexclude = ["spec.yaml"]\n'
        '[tool.comfyproof.per-file-ignores]\n"old/" = ["CP402"]\n'
    )
    done = comfyproof("lint", ".")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "no findings")
    assert 'not examined: file "spec.yaml": excluded by "spec.yaml" in exclude (pyproject.toml:4)' in done.stdout
    assert comfyproof("lint", "..", cwd=project / "flows/old").returncode == 0
    done = comfyproof("lint", ".", "--exclude", "flows/", "--select", "CP403", "--format", "json")
    assert found(done) == ["CP403 spec.yaml"]
    (project / "comfyproof.toml").write_text("selekt = []\n")
    done = comfyproof("lint", ".")
    assert done.returncode == 2
    assert 'comfyproof.toml:1:1: error[CP190]: "selekt" is no setting' in done.stderr
    assert comfyproof("config", "show").returncode == 2


def test_the_catalog_of_the_settings(project: Path, comfyproof: Command) -> None:
    (project / "comfyproof.toml").write_text('catalog = "none.json"\n')
    done = comfyproof("lint", "../spec.yaml", cwd=project / "flows")
    assert done.returncode == 3
    assert f'the catalog "{project}/none.json" cannot be read' in done.stderr


def test_nothing_excluded_is_called_clean(project: Path, comfyproof: Command) -> None:
    (project / ".comfyproofignore").write_text("*\n")
    for argument in (".", "**/*.json", "flows"):
        done = comfyproof("lint", argument)
        assert (done.returncode, done.stdout) == (3, ""), argument
        assert 'nothing is left to look at: all is excluded by "*" in .comfyproofignore' in done.stderr
    done = comfyproof("lint", "spec.yaml")  # as pre-commit names it
    assert done.returncode == 0
    assert 'not examined: file "spec.yaml": excluded by "*" in .comfyproofignore' in done.stdout
    assert comfyproof("lint", "flows/*.py").returncode == 2


def test_inline_ignores(project: Path, comfyproof: Command) -> None:
    (project / "spec.yaml").write_text(
        SPEC.replace("negative: fog}", "negative: fog}  # comfyproof: ignore[CP403] ours")
    )
    done = comfyproof("lint", "spec.yaml")
    assert done.returncode == 0
    assert done.stderr == "1 finding ignored where it stands\n"
    (project / "spec.yaml").write_text("# comfyproof: ignore-file[CP402]\n" + SPEC)
    done = comfyproof("lint", "spec.yaml", "--fail-on", "warning")
    assert done.returncode == 1
    assert "spec.yaml:1:27: warning[CP191]" in done.stdout


def test_a_baseline(project: Path, comfyproof: Command) -> None:
    baseline = ("--baseline", "baseline.json", "--select", "CP402,CP403")
    assert comfyproof("lint", ".", *baseline).returncode == 2
    assert comfyproof("lint", ".", "--write-baseline").returncode == 2
    done = comfyproof("lint", ".", *baseline, "--write-baseline")
    assert (done.returncode, done.stderr) == (0, '"baseline.json" holds 2 findings now\n')
    done = comfyproof("lint", ".", *baseline)
    assert (done.returncode, done.stderr) == (0, '"baseline.json" holds back 2 findings\n')
    (project / "spec.yaml").write_text("# moved\n" + SPEC.replace("eulr", "heun_"))
    done = comfyproof("lint", ".", *baseline)
    assert done.returncode == 1
    assert 'error[CP403]: "heun_" is not among' in done.stdout
    assert '1 finding of "baseline.json" is not there any more:\n  spec.yaml: CP403 at stages/generate/' in done.stderr
    (project / "broken.json").write_text("{")
    done = comfyproof("lint", "broken.json", *baseline, "--write-baseline")
    assert done.returncode == 1  # nothing takes in what could not be read
    assert len(json.loads((project / "baseline.json").read_text())["findings"]) == 2
    done = comfyproof("lint", ".", "--baseline", "spec.yaml", "--write-baseline")
    assert done.returncode == 2
    assert '"spec.yaml" is no baseline' in done.stderr


def test_standard_input(project: Path) -> None:
    def lint(text: bytes, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        command = [sys.executable, "-m", "comfyproof", "lint", "-", *arguments]
        return subprocess.run(command, input=text, cwd=project, capture_output=True, check=False)

    done = lint(SPEC.encode(), "--stdin-filename", "draft.yaml")
    assert done.returncode == 1
    assert done.stdout.startswith(b"draft.yaml:4:35: error[CP403]")
    assert lint(SPEC.replace("eulr", "euler").encode()).returncode == 0
    done = lint((project / "flows/old/flow.json").read_bytes())
    assert (done.returncode, b"stdin:5:13: error[CP402]" in done.stdout) == (1, True)
    assert lint((ROOT / "workflows/upscale.ui.json").read_bytes()).returncode == 0
    assert lint(b"\x89PNG\r\n").returncode == 3
    assert lint(b"p = 1", "--stdin-filename", "a.py").returncode == 3
    assert lint(b"").returncode == 1


@pytest.mark.parametrize(("code", "said"), [("CP501", True), ("CP901", False)])
def test_an_ignore_of_what_lint_itself_looks_for_is_unused(
    project: Path, comfyproof: Command, code: str, said: bool
) -> None:
    """Of what only a picture can show, nobody knows yet."""
    (project / "spec.yaml").write_text(SPEC.replace("eulr", "euler") + f"# comfyproof: ignore-file[{code}] tried out\n")
    done = comfyproof("lint", "spec.yaml")
    assert ("CP191" in done.stdout) is said, done.stdout

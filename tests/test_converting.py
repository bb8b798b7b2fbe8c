"""compile with workflows: any form out of any other, files and folders, and what cannot be converted is named."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from comfyproof.canonical import fingerprint
from comfyproof.catalog.pinned import built_in
from comfyproof.formats.api import from_api
from comfyproof.formats.ui_write import dump_ui
from conftest import ROOT, Command
from ui_workflow import ui_workflow

WORKFLOWS = ROOT / "workflows"
MAIN = "production_upscale_enhance"
BLURS = {
    "nodes": {
        1: ["LoadImage", "a.png", "image"],
        2: {"type": "PackBlur", "in": {"picture": "1.0"}, "slots": [["picture", "IMAGE", False]], "values": [3]},
    }
}


def mark(prompt: str | dict[str, Any]) -> str:
    return fingerprint(from_api(json.loads(prompt) if isinstance(prompt, str) else prompt), built_in())


@pytest.mark.parametrize("spec", sorted((ROOT / "specs").glob("*.yaml")), ids=lambda path: path.stem)
def test_the_editor_s_workflows_are_what_specs_compile_to(spec: Path, comfyproof: Command) -> None:
    done = comfyproof("compile", spec, "--to", "ui")
    assert done.returncode == 0
    assert done.stdout == (WORKFLOWS / f"{spec.stem}.ui.json").read_text(), "run: make workflows"


def test_no_workflow_of_the_editor_without_a_spec() -> None:
    specs = {path.stem for path in (ROOT / "specs").glob("*.yaml")}
    assert {path.name.split(".")[0] for path in WORKFLOWS.glob("*.ui.json")} == specs


def test_a_folder_becomes_a_folder(tmp_path: Path, comfyproof: Command) -> None:
    source = tmp_path / "mine"
    (source / "deep").mkdir(parents=True)
    shutil.copy(WORKFLOWS / "upscale.ui.json", source / "one.json")
    shutil.copy(WORKFLOWS / "looks.api.json", source / "deep" / "two.json")
    shutil.copy(ROOT / "tests/embedded/image.png", source / "three.png")
    done = comfyproof("compile", "mine", "--to", "api", "-o", "out")
    assert done.returncode == 0, done.stderr
    assert sorted(str(path.relative_to(tmp_path)) for path in (tmp_path / "out").rglob("*.json")) == [
        "out/deep/two.json",
        "out/one.json",
        "out/three.json",
    ]
    assert mark((tmp_path / "out/one.json").read_text()) == mark((WORKFLOWS / "upscale.api.json").read_text())
    assert mark((tmp_path / "out/deep/two.json").read_text()) == mark((WORKFLOWS / "looks.api.json").read_text())
    assert done.stderr.splitlines()[-1] == "out: 3 written"


def test_what_cannot_be_converted_is_named_and_the_others_are_written(tmp_path: Path, comfyproof: Command) -> None:
    source = tmp_path / "mine"
    source.mkdir()
    shutil.copy(WORKFLOWS / "upscale.ui.json", source / "good.json")
    (source / "unknown.json").write_text(json.dumps(ui_workflow(BLURS, built_in()), indent=1))
    (source / "package.json").write_text('{"name": "x"}')
    (source / "cut.json").write_text('{"nodes": [')
    done = comfyproof("compile", "mine", "-o", "out")
    assert done.returncode == 1
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["good.json"]
    assert 'error[CP114]: there is no node "PackBlur" in the catalog' in done.stderr
    assert '"type": "PackBlur"' in done.stderr
    assert "CP110" not in done.stderr
    assert "mine/cut.json:1:12: error[CP102]" in done.stderr
    assert done.stderr.splitlines()[-1] == "out: 1 written, 2 not; left alone, since no workflow is in them: 1"
    named = comfyproof("compile", "mine/good.json", "mine/package.json", "-o", "named")
    assert named.returncode == 1
    assert "error[CP110]: this is no workflow of ComfyUI" in named.stderr


def test_a_folder_in_the_folder_is_not_read_again(tmp_path: Path, comfyproof: Command) -> None:
    shutil.copy(WORKFLOWS / "upscale.ui.json", tmp_path / "one.json")
    for _ in range(2):
        assert comfyproof("compile", ".", "-o", "out").returncode == 0
    assert [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.json")] == ["one.json", "out/one.json"]


def test_two_files_of_one_name_do_not_become_one(tmp_path: Path, comfyproof: Command) -> None:
    shutil.copy(WORKFLOWS / "upscale.ui.json", tmp_path / "one.json")
    (tmp_path / "other").mkdir()
    shutil.copy(WORKFLOWS / "looks.ui.json", tmp_path / "other/one.json")
    done = comfyproof("compile", "one.json", "other/one.json", "-o", "out")
    assert done.returncode == 1
    assert 'not written: "other/one.json": "one.json" has its name' in done.stderr
    assert mark((tmp_path / "out/one.json").read_text()) == mark((WORKFLOWS / "upscale.api.json").read_text())


@pytest.mark.parametrize("output", ["out", "new/"])
def test_a_file_goes_into_a_folder_under_its_name(tmp_path: Path, comfyproof: Command, output: str) -> None:
    (tmp_path / "out").mkdir()
    assert comfyproof("compile", WORKFLOWS / "upscale.ui.json", "-o", output).returncode == 0
    written = (tmp_path / output / "upscale.ui.json").read_text()
    assert mark(written) == mark((WORKFLOWS / "upscale.api.json").read_text())


def test_a_workflow_is_never_written_over(tmp_path: Path, comfyproof: Command) -> None:
    """A compiled one has lost what only the editor knows: places, groups, notes."""
    text = (WORKFLOWS / "upscale.ui.json").read_text()
    for name in ("one.json", "two.json"):
        (tmp_path / "mine").mkdir(exist_ok=True)
        (tmp_path / "mine" / name).write_text(text)
    (tmp_path / "link.json").symlink_to("mine/one.json")
    for files, output, code in (
        (["mine/one.json"], "mine/one.json", 2),
        (["mine/one.json"], "link.json", 2),
        (["mine/one.json"], "mine", 1),
        (["mine/one.json", "mine/two.json"], "mine", 1),
        (["mine"], "mine", 2),
        (["mine"], ".", 2),
    ):
        done = comfyproof("compile", *files, "-o", output)
        assert done.returncode == code, done.stderr
        assert "is read" in done.stderr
        assert [(tmp_path / "mine" / name).read_text() for name in ("one.json", "two.json")] == [text, text]
    for _ in range(2):
        assert comfyproof("compile", "mine", "-o", "out").returncode == 0


@pytest.mark.parametrize("command", ["lint", "compile"])
@pytest.mark.parametrize("option", [("--input", "image=a.png"), ("--set", "upscale.by=3"), ("--variant", "x")])
def test_what_changes_specs_is_refused_for_workflows(comfyproof: Command, command: str, option: Any) -> None:
    done = comfyproof(command, WORKFLOWS / "upscale.ui.json", *option)
    assert done.returncode == 2
    assert "--input, --set and --variant are for specs" in done.stderr


def test_a_name_that_is_no_text_stops_nothing(tmp_path: Path, comfyproof: Command) -> None:
    name = tmp_path / os.fsdecode(b"bad\xff.json")
    shutil.copy(WORKFLOWS / "upscale.ui.json", name)
    for form in ("ui", "yaml", "python", "svg", "mermaid"):
        done = comfyproof("compile", name, "--to", form)
        assert done.returncode == 0, done.stderr
    done = comfyproof("import", name)
    assert done.returncode == 0, done.stderr
    assert "# Imported from bad\\udcff.json." in done.stdout


def test_folders_in_a_folder_are_no_files(tmp_path: Path, comfyproof: Command) -> None:
    (tmp_path / "mine/folder.json").mkdir(parents=True)
    shutil.copy(WORKFLOWS / "upscale.ui.json", tmp_path / "mine/one.json")
    assert comfyproof("lint", "mine").returncode == 0


def test_a_kept_node_is_said(tmp_path: Path, comfyproof: Command) -> None:
    (tmp_path / "unknown.json").write_text(json.dumps(ui_workflow(BLURS, built_in()), indent=1))
    done = comfyproof("compile", "unknown.json", "--keep-unknown")
    assert done.returncode == 0
    assert json.loads(done.stdout)["2"]["inputs"] == {"UNKNOWN": 3, "picture": ["1", 0]}
    assert 'warning[CP115]: "PackBlur" is not in the catalog and was kept' in done.stderr


def test_the_older_editor_is_followed_on_request(tmp_path: Path, comfyproof: Command) -> None:
    nodes = {
        1: {"type": "PrimitiveInt", "mode": "mute", "values": [33, "fixed"]},
        2: {"type": "EmptyImage", "values": [512, 512, 1, 0], "in": {"width": "1.0"}},
    }
    (tmp_path / "muted.json").write_text(json.dumps(ui_workflow({"nodes": nodes}, built_in())))
    newer, older = (comfyproof("compile", "muted.json", "--editor", each).stdout for each in ("1.58", "1.27"))
    assert json.loads(newer)["2"]["inputs"]["width"] == 512
    assert "width" not in json.loads(older)["2"]["inputs"]


@pytest.mark.parametrize("form", ["yaml", "python"])
def test_a_workflow_becomes_a_spec_that_compiles_to_it(tmp_path: Path, comfyproof: Command, form: str) -> None:
    name = {"yaml": "spec.yaml", "python": "spec.py"}[form]
    done = comfyproof("compile", WORKFLOWS / f"{MAIN}.ui.json", "--to", form, "-o", name)
    assert done.returncode == 0, done.stderr
    again = comfyproof("compile", name)
    assert mark(again.stdout) == mark((WORKFLOWS / f"{MAIN}.api.json").read_text())


def test_a_diagram_of_anything(comfyproof: Command) -> None:
    assert comfyproof("compile", ROOT / f"specs/{MAIN}.yaml", "--to", "mermaid").stdout.startswith("flowchart LR")
    assert comfyproof("compile", WORKFLOWS / "looks.ui.json", "--to", "svg").stdout.startswith("<svg")


def test_every_form_of_a_spec_for_the_editor(tmp_path: Path, comfyproof: Command) -> None:
    done = comfyproof("compile", ROOT / "specs/looks.yaml", "--all", "--to", "ui", "-o", "looks")
    assert done.returncode == 0, done.stderr
    files = list((tmp_path / "looks").glob("*.ui.json"))
    assert len(files) > 1
    assert all(json.loads(file.read_text())["version"] == 0.4 for file in files)


def test_several_files_want_a_folder(comfyproof: Command) -> None:
    done = comfyproof("compile", WORKFLOWS / "looks.ui.json", WORKFLOWS / "upscale.ui.json")
    assert done.returncode == 2
    assert "name it with -o FOLDER" in done.stderr


def test_lint_of_a_folder_passes_over_what_is_no_workflow(tmp_path: Path, comfyproof: Command) -> None:
    shutil.copy(WORKFLOWS / "text_to_image.ui.json", tmp_path / "one.json")
    (tmp_path / "package.json").write_text('{"name": "x"}')
    done = comfyproof("lint", ".")
    assert done.returncode == 0, done.stdout
    assert 'not examined: file "package.json": it is no workflow' in done.stdout
    named = comfyproof("lint", "package.json")
    assert named.returncode == 1
    assert "CP110" in named.stdout


def test_lint_of_a_picture(comfyproof: Command) -> None:
    done = comfyproof("lint", ROOT / "tests/embedded/image.png")
    assert done.returncode == 0, done.stdout
    assert "no findings" in done.stdout


def test_a_picture_without_a_workflow(tmp_path: Path, comfyproof: Command) -> None:
    picture = ROOT / "specs/photograph.jpg"
    done = comfyproof("lint", picture)
    assert done.returncode == 1
    assert "has no workflow in it" in done.stdout


def test_a_prompt_with_nan_beside_its_inputs_is_read(tmp_path: Path, comfyproof: Command) -> None:
    """As ComfyUI once wrote them into pictures."""
    prompt = json.loads((WORKFLOWS / "upscale.api.json").read_text())
    next(iter(prompt.values()))["is_changed"] = [float("nan")]
    (tmp_path / "old.json").write_text(json.dumps(prompt))
    assert comfyproof("lint", "old.json").returncode == 0


def test_the_same_bytes_in_every_process(tmp_path: Path, comfyproof: Command) -> None:
    for form in ("ui", "mermaid", "svg", "yaml"):
        texts = {
            comfyproof("compile", WORKFLOWS / f"{MAIN}.ui.json", "--to", form, PYTHONHASHSEED=seed).stdout
            for seed in ("0", "1")
        }
        assert len(texts) == 1
        assert texts != {""}


def test_what_the_editor_cannot_hold_is_said(tmp_path: Path, comfyproof: Command) -> None:
    prompt = {"1": {"class_type": "CLIPTextEncode", "inputs": {"text": "ends in \\", "clip": ["2", 1]}}}
    prompt["2"] = {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "m.safetensors"}}
    (tmp_path / "api.json").write_text(json.dumps(prompt))
    done = comfyproof("compile", "api.json", "--to", "ui")
    assert "warning[CP122]" in done.stderr
    assert dump_ui(from_api(prompt), built_in()) != ""

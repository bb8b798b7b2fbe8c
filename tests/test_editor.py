"""`serve --editor`: ComfyUI's own web editor on the emulator, in a real browser, as judge of what we write."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from comfyproof.canonical import fingerprint
from comfyproof.catalog.files import FILE_INPUTS
from comfyproof.catalog.pinned import built_in
from comfyproof.cli.opening import read_opening
from comfyproof.formats.api import from_api
from conftest import ROOT, Command
from editor_page import EditorPage, browser, opened
from test_serve import TIMEOUT, Serving

SPECS = sorted((ROOT / "specs").glob("*.yaml"))
MAIN = "production_upscale_enhance"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """The command with every spec of ours, the main one first."""
    files = sorted(SPECS, key=lambda spec: spec.stem != MAIN)
    with Serving(tmp_path_factory.mktemp("served"), "--editor", "--port", "0", *files) as serving:
        yield serving


@pytest.fixture(scope="module")
def editor(served: Serving) -> Iterator[EditorPage]:
    if browser() is None and not os.environ.get("CI"):
        pytest.skip("no Chromium on this machine: nothing was opened in ComfyUI's editor")
    with opened(served.url) as page:
        yield page


def test_the_first_workflow_is_open_and_the_others_are_in_its_list(editor: EditorPage) -> None:
    editor.until(f"app.extensionManager.workflow.activeWorkflow?.filename == '{MAIN}'")
    assert editor.look("app.extensionManager.workflow.openWorkflows.map(each => each.filename)") == [MAIN]
    saved = editor.look("app.extensionManager.workflow.workflows.map(each => each.filename)")
    assert sorted(saved) == [spec.stem for spec in SPECS]


@pytest.mark.parametrize("name", [spec.stem for spec in SPECS])
def test_a_compiled_workflow_opens_and_comes_out_as_compiled(editor: EditorPage, name: str) -> None:
    loaded = editor.load(workflow(name))
    assert loaded.complaints == []
    assert loaded.overlaps() == []
    compiled = json.loads((ROOT / "workflows" / f"{name}.api.json").read_text())
    # The editor sends optional inputs at their defaults too.
    assert fingerprint(from_api(loaded.prompt), built_in()) == fingerprint(from_api(compiled), built_in())
    assert {id: without_more(node, compiled.get(id)) for id, node in loaded.prompt.items()} == compiled


def without_more(node: dict[str, Any], compiled: dict[str, Any] | None) -> dict[str, Any]:
    """A node without the inputs that it does not have as compiled."""
    wanted = compiled["inputs"] if compiled else node["inputs"]
    return {**node, "inputs": {name: value for name, value in node["inputs"].items() if name in wanted}}


def workflow(name: str) -> dict[str, Any]:
    """A spec compiled to UI JSON, as it is committed."""
    found: dict[str, Any] = json.loads((ROOT / "workflows" / f"{name}.ui.json").read_text())
    return found


def test_what_is_wrong_with_a_workflow_is_noticed_here(editor: EditorPage) -> None:
    ui = workflow("upscale")
    first = ui["nodes"][0]
    for node in ui["nodes"]:
        node["pos"] = first["pos"]
    first["type"] = "NoSuchNode"
    with editor.another() as page:
        loaded = page.load(ui)
    # One generation of the editor opens a dialog with its name, the other marks it.
    assert any(complaint == str(first["id"]) or "NoSuchNode" in complaint for complaint in loaded.complaints)
    assert len(loaded.overlaps()) > 1


def test_run_brings_the_picture_back(editor: EditorPage, served: Serving) -> None:
    editor.load(workflow("image_to_image"))
    editor.press_run()
    editor.until("app.graph.nodes.find(node => node.type == 'SaveImage').imgs?.[0].naturalWidth")
    editor.until("heard.includes('execution_success')")
    assert {"progress", "b_preview", "executed"} <= set(editor.look("heard"))
    (job,) = requests.get(f"{served.url}/api/jobs", timeout=TIMEOUT).json()["jobs"]
    assert job["status"] == "completed"
    shown = editor.look("app.graph.nodes.find(node => node.type == 'SaveImage').imgs[0].src")
    assert job["preview_output"]["filename"] in shown


def test_what_the_server_refuses_is_shown_at_its_node(editor: EditorPage) -> None:
    editor.load(workflow(MAIN))
    node = editor.look("(() => { const n = app.graph.nodes.find(n => n.type == 'LoadImage');"
                       " n.widgets[0].value = 'nowhere.png'; return String(n.id); })()")  # fmt: skip
    editor.press_run()
    editor.until("Object.keys(app.lastNodeErrors ?? {}).length")
    assert editor.look("Object.keys(app.lastNodeErrors)") == [node]


# --- without a browser ------------------------------------------------------------------------------------------------


def test_its_files_come_last_and_from_their_folder_alone(served: Serving) -> None:
    def get(path: str) -> requests.Response:
        return requests.get(served.url + path, timeout=TIMEOUT)

    page = get("/")
    assert page.headers["Content-Type"].startswith("text/html")
    assert "ComfyUI" in page.text
    assert get("/scripts/app.js").headers["Content-Type"] == "application/javascript"
    assert "KSampler" in get("/object_info").json()
    assert get("/api/global_subgraphs").json() == {}
    assert get("/api/system_stats").json()["system"]["required_frontend_version"]
    for path in ("/api/", "/api/scripts/app.js", "/nowhere", "/..%2f__init__.py", "/assets", "/%00", "/" + "a" * 3000):
        assert get(path).status_code == 404, path


def test_models_that_its_workflows_name_are_listed(served: Serving) -> None:
    listed = requests.get(f"{served.url}/object_info", timeout=TIMEOUT).json()
    named = 0
    for spec in SPECS:
        for node in json.loads((ROOT / "workflows" / f"{spec.stem}.api.json").read_text()).values():
            for name in FILE_INPUTS.get(node["class_type"], {}).keys() & node["inputs"].keys():
                declared = listed[node["class_type"]]["input"]["required"][name]
                options = declared[0] if isinstance(declared[0], list) else declared[1]["options"]
                assert node["inputs"][name] in options
                named += 1
    assert named > 50


def test_any_form_of_a_workflow_is_shown(tmp_path: Path) -> None:
    api = ROOT / "workflows" / "upscale.api.json"
    (tmp_path / "mine.json").write_text('{"nodes": [], "links": [], "version": 0.4}')
    with Serving(tmp_path, "--editor", "--port", "0", api, tmp_path / "mine.json", tmp_path / "mine.json") as serving:
        kept = tmp_path / "emulator" / "user" / "default"
        assert sorted(file.name for file in (kept / "workflows").iterdir()) == [
            "mine (2).json", "mine.json", "upscale.api.json",
        ]  # fmt: skip
        assert (kept / "workflows" / "mine.json").read_bytes() == (tmp_path / "mine.json").read_bytes()
        drawn = json.loads((kept / "workflows" / "upscale.api.json").read_bytes())
        assert {node["type"] for node in drawn["nodes"]} >= {"LoadImage", "SaveImage"}
        assert serving.ended(signal.SIGTERM)[0] == 0


def test_nodes_of_any_type_are_shown(tmp_path: Path) -> None:
    """The editor has its own way with what is wrong in its files."""
    text = json.dumps({"nodes": [{"id": n, "type": kind} for n, kind in enumerate((None, 5, [1], {}, "VAELoader"))]})
    (tmp_path / "odd.json").write_text(text)
    assert read_opening([str(tmp_path / "odd.json")], built_in()).workflows == {"odd": text.encode()}


def test_what_cannot_be_shown_is_said(comfyproof: Command, tmp_path: Path) -> None:
    (tmp_path / "broken.yaml").write_text("comfyproof: 1\nstages: [{lode: {}}]\n")
    (tmp_path / "other.json").write_text("[1, 2]")
    for files, code, said in (
        (["broken.yaml"], 1, '"broken.yaml" does not compile'),
        (["other.json"], 1, '"other.json" cannot be shown'),
        (["nowhere.json"], 3, '"nowhere.json" cannot be read'),
    ):
        done = comfyproof("serve", "--editor", *files)
        assert (done.returncode, done.stdout) == (code, "")
        assert said in done.stderr
    done = comfyproof("serve", "other.json")
    assert (done.returncode, "add --editor" in done.stderr) == (2, True)


def test_without_its_package_one_learns_what_to_install(comfyproof: Command, tmp_path: Path) -> None:
    (tmp_path / "comfyui_frontend_package").mkdir()
    (tmp_path / "comfyui_frontend_package" / "__init__.py").touch()
    done = comfyproof("serve", "--editor", PYTHONPATH=str(tmp_path))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        'error: ComfyUI\'s web editor is in the package "comfyui-frontend-package", which is not installed\n'
        "  help: pip install 'comfyproof[editor]'\n"
    )

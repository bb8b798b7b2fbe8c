"""What tests/ui_cases.yaml says of ComfyUI's editor is what the editor itself does, in a real browser."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from importlib.metadata import version

import pytest
from playwright.sync_api import Error

from comfyproof.canonical import fingerprint
from comfyproof.formats.api import from_api
from editor_page import EditorPage, browser, opened
from test_serve import Serving
from test_ui_read import CASES, CATALOG, api_of
from ui_workflow import ui_workflow

OLD = version("comfyui-frontend-package").startswith("1.27.")


@pytest.fixture(scope="module")
def editor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EditorPage]:
    if browser() is None and not os.environ.get("CI"):
        pytest.skip("no Chromium on this machine: the cases were not held to ComfyUI's editor")
    folder = tmp_path_factory.mktemp("cases")
    (folder / "nodes.json").write_text(json.dumps(dict(CATALOG.raw)))
    (folder / "first.json").write_text(json.dumps(ui_workflow(CASES["version 0.4"], CATALOG)))
    served = Serving(folder, "--editor", "--port", "0", "--catalog", folder / "nodes.json", folder / "first.json")
    with served as serving, opened(serving.url) as page:
        page.look("Math.random = () => 0")  # of a choice in a text, the cases have the first
        yield page


@pytest.mark.parametrize("name", CASES)
def test_the_editor_sends_what_the_case_says(editor: EditorPage, name: str) -> None:
    case = CASES[name]
    expected = case.get("older", case["expect"]) if OLD else case["expect"]
    if expected is None:
        with pytest.raises(Error):
            editor.load(ui_workflow(case, CATALOG))
        return
    prompt = editor.load(ui_workflow(case, CATALOG)).prompt
    assert fingerprint(from_api(prompt), CATALOG) == fingerprint(from_api(api_of(expected)), CATALOG), prompt

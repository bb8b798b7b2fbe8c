"""Real workflows, out of the packages that ship them, become the graphs that ComfyUI's own editor makes of them.

conversions.json holds, for each workflow whose classes are known, the hash of its file and the fingerprints of what
comfyui-frontend-package 1.58.1 and 1.27.10 export with this catalog.
"""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from comfyproof.canonical import fingerprint
from comfyproof.catalog.pinned import built_in
from comfyproof.catalog.widgets import OLDER
from comfyproof.formats.api import from_api, to_api
from comfyproof.formats.ui_read import UiReader
from comfyproof.formats.ui_rules import KEPT_UNKNOWN, MISFIT_VALUE
from comfyproof.formats.ui_write import to_ui
from comfyproof.importing import import_graph
from comfyproof.rules.registry import check, live_nodes
from conftest import ROOT

PACKAGES = ROOT / "build" / "packages"
EXPECTED: dict[str, dict[str, list[str]]] = json.loads((Path(__file__).parent / "conversions.json").read_text())
# What the linter finds in them is really wrong: values that have moved, of nodes that have changed since.
MISTAKEN = {
    "api_moonvalley_video_to_video_motion_transfer",
    "api_moonvalley_video_to_video_pose_control",
    "api_rodin_gen2",
}


@pytest.fixture(scope="module")
def workflows() -> dict[str, tuple[Any, list[str]]]:
    """Each workflow by its name, with its hashes."""
    found = {}
    for package, expected in EXPECTED.items():
        name, _, version = package.partition("==")
        wheels = list(PACKAGES.glob(f"{name.replace('-', '_')}-{version}-*.whl"))
        if not wheels and not os.environ.get("CI"):
            pytest.skip(f"no {package} in build/packages, where make packages puts it: no real workflow was converted")
        with zipfile.ZipFile(wheels[0]) as wheel:
            found.update({name: (json.loads(text), expected[name]) for name, text in _texts(wheel, expected)})
    assert len(found) == sum(len(expected) for expected in EXPECTED.values())
    return found


def _texts(wheel: zipfile.ZipFile, expected: dict[str, list[str]]) -> Iterator[tuple[str, bytes]]:
    for member in wheel.namelist():
        name = Path(member).stem
        if member.endswith(".json") and name in expected:
            text = wheel.read(member)
            if hashlib.sha256(text).hexdigest() == expected[name][0]:
                yield name, text


def test_every_workflow_is_what_the_editor_sends(workflows: dict[str, tuple[Any, list[str]]]) -> None:
    catalog = built_in()
    newer, older = UiReader(catalog), UiReader(catalog, OLDER)
    wrong = []
    for name, (workflow, (_, new, old)) in workflows.items():
        for reader, wanted in ((newer, new), (older, old)):
            graph, _ = reader.read(workflow)
            assert graph is not None
            if fingerprint(graph, catalog) != wanted:
                wrong.append((name, reader.editor))
    assert wrong == []


def test_the_linter_does_not_cry_wolf(workflows: dict[str, tuple[Any, list[str]]]) -> None:
    """Errors where a workflow is wrong itself; warnings of a negative prompt that nothing reads, at a cfg of 1."""
    catalog = built_in()
    reader = UiReader(catalog)
    errors, warnings = set(), []
    for name, (workflow, _) in workflows.items():
        graph, findings = reader.read(workflow)
        assert graph is not None
        found, _ = check(graph, catalog, live_nodes(graph, catalog))
        said = [each for each in [*findings, *found] if each.rule not in (MISFIT_VALUE, KEPT_UNKNOWN)]
        errors |= {name for each in said if each.rule.severity == "error"}
        warnings += [each.rule.code for each in said if each.rule.severity == "warning"]
    assert errors == MISTAKEN
    assert set(warnings) == {"CP503"}
    assert len(warnings) <= 0.3 * len(workflows)


def test_what_is_written_for_the_editor_reads_back_the_same(workflows: dict[str, tuple[Any, list[str]]]) -> None:
    catalog = built_in()
    reader = UiReader(catalog)
    wrong = []
    for name, (workflow, _) in workflows.items():
        graph, _ = reader.read(workflow)
        assert graph is not None
        again, _ = reader.read(to_ui(graph, catalog))
        if again is None or fingerprint(again, catalog) != fingerprint(graph, catalog):
            wrong.append(name)
    assert wrong == []


def test_imported_workflows_compile_to_the_same_graphs(workflows: dict[str, tuple[Any, list[str]]]) -> None:
    catalog = built_in()
    reader = UiReader(catalog)
    unequal = {}
    for name, (workflow, _) in workflows.items():
        graph, _ = reader.read(workflow)
        assert graph is not None
        imported = import_graph(from_api(to_api(graph)), catalog, name, f"{name}.yaml")
        if not imported.equal:
            unequal[name] = [finding.message for finding in imported.findings]
    assert unequal == {}

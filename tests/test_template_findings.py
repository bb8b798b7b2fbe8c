"""What lint finds in the templates that ComfyUI comes with is listed, with why it is right; there is little of it."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import pytest
import yaml

from comfyproof.catalog.pinned import built_in
from comfyproof.diagnostics import Diagnostic, Severity
from comfyproof.lint import Examiner
from conftest import ROOT

PACKAGES = ROOT / "build" / "packages"
LISTED: dict[str, dict[str, str]] = yaml.safe_load(Path(__file__).with_name("template_findings.yaml").read_text())
COUNT = 172


@pytest.fixture(scope="module")
def findings() -> dict[str, list[Diagnostic]]:
    """What is found in each template, besides infos."""
    wheels = list(PACKAGES.glob("comfyui_workflow_templates-0.1.95-*.whl"))
    if not wheels and not os.environ.get("CI"):
        pytest.skip("no comfyui-workflow-templates==0.1.95 in build/packages, where make packages puts it")
    found, examiner = {}, Examiner(built_in())
    with zipfile.ZipFile(wheels[0]) as wheel:
        for member in wheel.namelist():
            if Path(member).suffix == ".json" and '"nodes"' in (text := wheel.read(member).decode()):
                examined = examiner.text(Path(member).name, text)
                found[Path(member).stem] = [
                    each for each in examined.findings if each.rule.severity is not Severity.INFO
                ]
    return found


def test_what_is_found_is_listed_and_nothing_else(findings: dict[str, list[Diagnostic]]) -> None:
    assert len(findings) == COUNT
    assert {name: {each.rule.code for each in found} for name, found in findings.items() if found} == {
        name: set(codes) for name, codes in LISTED.items()
    }


def test_there_are_few_warnings_and_a_reason_for_each(findings: dict[str, list[Diagnostic]]) -> None:
    warnings = [each for found in findings.values() for each in found if each.rule.severity is Severity.WARNING]
    assert len(warnings) <= 0.3 * COUNT
    assert all(why for codes in LISTED.values() for why in codes.values())

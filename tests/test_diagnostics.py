"""What an author reads: for every mistake in tests/diagnostics/ the whole report as it stands beside it.

`make golden` writes the reports anew; read the difference before you commit it.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from comfyproof.catalog.pinned import built_in
from comfyproof.lint import Examiner
from comfyproof.report.text import render, summary
from comfyproof.spec.pipeline import Changes
from conftest import ROOT

FOLDER = ROOT / "tests" / "diagnostics"
MISTAKES = sorted(path for path in FOLDER.iterdir() if path.suffix in (".yaml", ".json", ".py"))


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda path: path.name)
def test_report(mistake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(FOLDER)
    examined = Examiner(built_in(), Changes({}), run_python=True).file(mistake.name)
    report = render(examined.findings) + "\n" + summary(examined.findings, examined.not_examined)
    golden = mistake.with_suffix(".out")
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(report, encoding="utf-8")
    assert report == golden.read_text(encoding="utf-8")
    assert examined.findings or examined.not_examined
    for finding in examined.findings:
        assert finding.help, f"{finding.rule.code} says nothing to do: {finding.message}"
        assert finding.place is not None


def test_there_are_as_many_as_promised() -> None:
    assert len(MISTAKES) >= 60
    assert {path.stem for path in MISTAKES} == {path.stem for path in FOLDER.glob("*.out")}

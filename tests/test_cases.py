"""Every spec in cases/ gets the findings that its own comments announce, and no others."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from comfyproof.catalog.pinned import built_in
from comfyproof.driver import compile_spec
from comfyproof.spec.pipeline import Changes

CASES = sorted((Path(__file__).parent / "cases").glob("*.yaml"))
COMMENT = re.compile(r"# ([EWI]): (.*)$")


def announced(text: str) -> list[tuple[int, str, str, str]]:
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        if comment := COMMENT.search(line):
            for each in comment[2].split(" & "):
                code, _, message = each.partition(" ")
                found.append((number, comment[1], code, message))
    return sorted(found)


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_case(case: Path) -> None:
    wanted = announced(case.read_text())
    compiled = compile_spec(case, built_in(), Changes({}))
    found = []
    for finding in compiled.findings:
        line = finding.place.span().line if finding.place else 0
        found.append((line, finding.rule.severity.value[0].upper(), finding.rule.code, finding.message))
    found.sort()
    assert [each[:3] for each in found] == [each[:3] for each in wanted], found
    for one, other in zip(found, wanted, strict=True):
        assert one[3].startswith(other[3])
    assert (compiled.program is None) == any(each[1] == "E" for each in wanted)


def test_there_are_good_and_bad_cases() -> None:
    good = [case for case in CASES if not announced(case.read_text())]
    assert len(good) >= 5
    assert len(CASES) - len(good) >= 15

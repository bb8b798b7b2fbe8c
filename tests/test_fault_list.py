"""Every fault of the list has a test that holds it, and every test that the list names is there."""

from __future__ import annotations

import ast
import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from conftest import ROOT
from run_faults import CASES

HERE = Path(__file__).parent
FAULTS: list[dict[str, Any]] = yaml.safe_load((HERE / "faults.yaml").read_text())
NAMED = re.compile(r"(test_\w+\.py)::(test_\w+)(\[.+\])?")


@cache
def names_in(file: str) -> Counter[str]:
    """The names of a file's tests."""
    body = ast.parse((HERE / file).read_text()).body
    return Counter(node.name for node in body if isinstance(node, ast.FunctionDef))


def test_all_faults_are_on_the_list_once() -> None:
    assert [row["fault"] for row in FAULTS] == list(range(1, 57))
    assert all(set(row) <= {"fault", "says", "tests", "batch", "planned"} for row in FAULTS)
    assert len({row["says"] for row in FAULTS}) == 56


@pytest.mark.parametrize("row", FAULTS, ids=lambda row: str(row["fault"]))
def test_a_fault_has_tests_that_exist(row: dict[str, Any]) -> None:
    assert row["tests"] or row.get("batch"), "nothing holds it"
    assert bool(row.get("planned")) <= bool(row.get("batch")), "only what a batch is to hold may be planned"
    cases = {f"[{case.number}-{case.name}]".replace(" ", "-") for case in CASES}
    for name in row["tests"]:
        found = NAMED.fullmatch(name)
        assert found is not None, name
        file, test, case = found.groups()
        assert names_in(file)[test] == 1, name
        assert case is None or case in cases, name


def test_every_case_of_a_run_is_of_a_fault_on_the_list() -> None:
    held = {row["fault"] for row in FAULTS if any("test_run_faults.py::" in test for test in row["tests"])}
    assert {case.number for case in CASES} <= held


def test_the_page_tells_every_fault() -> None:
    page = (ROOT / "docs/reliability.md").read_text()
    for row in FAULTS:
        assert f"| {row['fault']} | {row['says']} |" in page, row["fault"]

"""import: what any form of any stage compiles to is read as that stage again."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from comfyproof.catalog.pinned import built_in
from comfyproof.driver import compile_source
from comfyproof.formats.api import from_api, to_api
from comfyproof.importing import import_graph
from comfyproof.source import parse_source
from comfyproof.spec.pipeline import Changes
from conftest import ROOT

CASES = yaml.safe_load((ROOT / "tests/import/forms.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("form", CASES["forms"])
def test_stages_come_back(form: str) -> None:
    source, findings = parse_source("written.yaml", CASES["head"] + CASES["forms"][form])
    assert source is not None
    program = compile_source("written.yaml", source, findings, built_in(), Changes({})).program
    assert program is not None
    found = import_graph(from_api(to_api(program.graph)), built_in(), form, "imported.yaml")
    assert found.equal
    assert found.lifted.nodes == {}
    assert kinds(found.lifted.data) == kinds(source.data)


def kinds(data: Any) -> list[str]:
    return sorted(next(iter(stage)) for stage in data["stages"])

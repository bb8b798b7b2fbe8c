"""Every rule has a page; the Bad and Good of each page do what they say; every code is used once."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest
import yaml

from comfyproof.catalog.pinned import built_in
from comfyproof.driver import RULES as COMPILE_RULES
from comfyproof.driver import compile_spec
from comfyproof.rules.registry import GRAPH_RULES
from comfyproof.run.rules import RULES as RUN_RULES
from comfyproof.spec.pipeline import Changes
from conftest import ROOT, Command

RULES = (*COMPILE_RULES, *RUN_RULES)
FRAME = {
    "comfyproof": 1,
    "inputs": {"image": {"type": "image", "default": str(ROOT / "specs/photograph.jpg")}},
    "stages": [{"load": {"image": "$image"}}, {"save": {"prefix": "kept"}}],
}


def codes(folder: Path, part: str) -> list[str]:
    file = folder / "spec.yaml"
    file.write_text(yaml.safe_dump({**FRAME, **yaml.safe_load(part)}))
    return sorted({finding.rule.code for finding in compile_spec(file, built_in(), Changes({})).findings})


@pytest.mark.parametrize("each", GRAPH_RULES, ids=lambda each: each.rule.name)
def test_the_examples_of_a_rule(each, tmp_path: Path) -> None:
    examples = dict(re.findall(r"^(Bad|Good):\n\n((?:    .*\n?)+)", each.rule.doc, re.MULTILINE))
    assert set(examples) == {"Bad", "Good"}, "a page has a Bad and a Good example"
    assert codes(tmp_path, textwrap.dedent(examples["Bad"])) == [each.rule.code]
    assert codes(tmp_path, textwrap.dedent(examples["Good"])) == []


def test_codes_and_names_are_unique_and_well_formed() -> None:
    assert len({rule.code for rule in RULES}) == len(RULES)
    assert len({rule.name for rule in RULES}) == len(RULES)
    for rule in RULES:
        assert re.fullmatch(r"CP[1-9]\d\d", rule.code)
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", rule.name)
        assert len(rule.doc) > 30


def test_every_rule_that_is_raised_is_listed() -> None:
    raised = set()
    for file in (ROOT / "compiler").rglob("*.py"):
        raised |= set(re.findall(r'"(CP\d{3})"', file.read_text()))
    assert raised == {rule.code for rule in RULES}


def test_explain(comfyproof: Command) -> None:
    assert "ImageBlurr" in comfyproof("explain", "CP301").stdout
    assert comfyproof("explain", "unknown-node").stdout == comfyproof("explain", "cp301").stdout
    done = comfyproof("explain", "CP999")
    assert done.returncode == 2
    assert 'there is no rule "CP999"' in done.stderr
    assert [line.split()[0] for line in comfyproof("rules").stdout.splitlines()] == [rule.code for rule in RULES]

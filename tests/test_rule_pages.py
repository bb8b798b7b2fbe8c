"""docs/rules/ is what docs/rules.py makes of the rules."""

from __future__ import annotations

import importlib.util
import re

from comfyproof.rulebook import RULES
from conftest import ROOT

FOLDER = ROOT / "docs" / "rules"


def test_the_pages_are_those_of_the_rules() -> None:
    spec = importlib.util.spec_from_file_location("rule_pages", ROOT / "docs" / "rules.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    made = module.pages()
    assert sorted(made) == sorted(file.name for file in FOLDER.iterdir())
    for name, text in made.items():
        assert (FOLDER / name).read_text(encoding="utf-8") == text, f"{name} is old; run: make pages"


def test_every_page_says_how_its_rule_is_known_and_leads_somewhere() -> None:
    index = (FOLDER / "README.md").read_text()
    for rule in RULES:
        text = (FOLDER / f"{rule.code}.md").read_text()
        assert text.startswith(f"# {rule.code} {rule.name}\n")
        assert re.search(r"^Source: \S", text, re.MULTILINE), rule.code
        assert index.count(f"[{rule.code}]({rule.code}.md)") == 1
    for file in FOLDER.iterdir():
        for target in re.findall(r"\]\(([^)#]+)\)", file.read_text()):
            assert (FOLDER / target).exists(), f"{file.name}: {target}"

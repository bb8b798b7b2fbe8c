"""The examples on the pages of rules, and what is found in each of them."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import yaml

from comfyproof.catalog.listing import with_models
from comfyproof.catalog.pinned import Catalog, built_in
from comfyproof.diagnostics import Diagnostic, Rule
from comfyproof.driver import compile_spec
from comfyproof.lint import Examiner
from comfyproof.rules.fitting import FITTING_RULES
from comfyproof.rules.missing import MISSING_RULES
from comfyproof.rules.model_files import MODEL_FILE_RULES
from comfyproof.spec.pipeline import Changes
from comfyproof.weights.shelf import read_shelf
from conftest import ROOT
from model_files import example_models

# What of a spec an example leaves out.
FRAME = {
    "comfyproof": 1,
    "inputs": {"image": {"type": "image", "default": "photograph.jpg"}},
    "stages": [{"load": {"image": "$image"}}, {"save": {"prefix": "kept"}}],
}
# What the pages are tried on: the built-in catalog, and a node pack that has its classes as Pack...
PACK = {f"Pack{name}": node for name, node in built_in().raw.items() if name in ("ImageBlur", "ImageSharpen")}
CATALOG = replace(built_in(), raw={**built_in().raw, **PACK}, _read={})
AND_SO_ON = re.compile(r"( *)# and so on, up to\n *(\w+)_(\d+): (.*?)_\d+(.*)")
ON_FILES = {each.rule for each in (*MISSING_RULES, *MODEL_FILE_RULES, *FITTING_RULES)}


@cache
def machine(models: Path) -> Catalog:
    """The catalog of a machine with the model files of the pages, which are made in a folder."""
    shelf = read_shelf(example_models(models))
    return with_models(CATALOG, shelf.listing, '"models"', shelf)


def examples(rule: Rule) -> dict[str, str]:
    """The Bad and the Good example of a rule, as far as its page has them."""
    found = re.findall(r"^(Bad|Good):\n\n((?:    .*\n?|\n(?=    ))+)", rule.doc, re.MULTILINE)
    return {name: textwrap.dedent(text).rstrip() + "\n" for name, text in found}


def found_in(folder: Path, rule: Rule, example: str, models: Path) -> Sequence[Diagnostic]:
    """What is found in an example: a workflow as it is, a part of a spec with the rest of it behind."""
    catalog = machine(models) if rule in ON_FILES else CATALOG
    if example.startswith("{"):
        file = folder / "workflow.json"
        file.write_text(example)
        return Examiner(catalog).file(str(file)).findings
    text = AND_SO_ON.sub(_filled_in, example)
    rest = {name: value for name, value in FRAME.items() if name not in yaml.safe_load(text)}
    file = folder / "spec.yaml"
    (folder / "photograph.jpg").write_bytes((ROOT / "specs/photograph.jpg").read_bytes())
    file.write_text(text + yaml.safe_dump(rest, sort_keys=False))
    return compile_spec(file, catalog, Changes({})).findings


def codes(findings: Collection[Diagnostic], rule: Rule) -> list[str]:
    """The rules that found something; a page shows a node or two, which need not feed anything."""
    return sorted({each.rule.code for each in findings if each.rule is rule or each.rule.code != "CP311"})


def _filled_in(found: re.Match[str]) -> str:
    """A row of nodes of which a page has the first and the last."""
    indent, name, last, before, after = found.groups()
    return "\n".join(f"{indent}{name}_{n}: {before}_{n - 1}{after}" for n in range(2, int(last) + 1))

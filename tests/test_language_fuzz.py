"""Whatever a spec's text is, the answer is a graph or findings, and no traceback."""

from __future__ import annotations

import copy
import tempfile
from pathlib import Path
from typing import Any

import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from comfyproof.catalog.pinned import built_in
from comfyproof.diagnostics import has_errors
from comfyproof.driver import Compiled, compile_spec
from comfyproof.report.json import as_json
from comfyproof.report.text import render, summary
from comfyproof.spec.pipeline import Changes
from conftest import ROOT

TEXTS = [path.read_text() for path in sorted((ROOT / "specs").glob("*.yaml"))]
PRODUCTION = (ROOT / "specs/production_upscale_enhance.yaml").read_text()
TREES = [yaml.safe_load(text) for text in TEXTS]
ODD = st.sampled_from(
    [None, True, -1, 0, 1.5, 2**70, "", "$", "$x", "${", "$$", "load", "\x1b[2J", "é" * 300, [], {}, [[]], {"a": {}}]
)


def examined(text: str, changes: Changes = Changes({})) -> Compiled:  # noqa: B008 - it is frozen
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "spec.yaml"
        file.write_bytes(text.encode("utf-8", "surrogatepass"))
        compiled = compile_spec(file, built_in(), changes)
        shown = render(compiled.findings) + summary(compiled.findings, compiled.not_examined)
        as_json(compiled.findings, [compiled.file], compiled.not_examined)
    assert (compiled.program is None) == has_errors(compiled.findings)
    assert "\x1b" not in shown
    return compiled


@given(st.sampled_from(TEXTS), st.data())
def test_damaged_text(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 40)))
    examined(text[:start] + data.draw(st.text(max_size=12)) + text[end:])


@given(st.sampled_from(TREES), st.data())
def test_odd_values_anywhere(tree: Any, data: st.DataObject) -> None:
    tree = yaml.safe_load(yaml.safe_dump(tree))
    for _ in range(data.draw(st.integers(1, 3))):
        at = tree
        while isinstance(at, dict | list) and at:
            key = data.draw(st.sampled_from(sorted(at) if isinstance(at, dict) else range(len(at))))
            if not isinstance(at[key], dict | list) or not at[key] or data.draw(st.integers(0, 3)) == 0:
                at[key] = copy.deepcopy(data.draw(ODD))
                break
            at = at[key]
    examined(yaml.safe_dump(tree, allow_unicode=True))


@given(
    st.dictionaries(st.sampled_from(["image", "seed", "prompt", "preset", "nobody"]), st.text(max_size=20), max_size=3),
    st.lists(
        st.tuples(
            st.sampled_from(
                [
                    "refine.denoise",
                    "refine",
                    "stages.0",
                    "models.krea.vae",
                    "verify.size",
                    "x.y",
                    "",
                    "stages",
                    "inputs.seed",
                ]
            ),
            st.text(max_size=20),
        ),
        max_size=3,
    ),
    st.sampled_from([None, "conservative", "nobody"]),
)
@example({"seed": "0\x1f"}, [], None)
def test_odd_options(inputs: dict[str, str], options: list[tuple[str, str]], variant: str | None) -> None:
    examined(PRODUCTION, Changes(inputs, options, variant))

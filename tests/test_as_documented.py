"""A write-up of a production workflow has 56 faults: those that its files show are found, each where it stands."""

from __future__ import annotations

import re
from functools import cache

import pytest

from comfyproof.catalog.pinned import built_in
from comfyproof.diagnostics import Diagnostic
from comfyproof.lint import Examiner
from conftest import ROOT

WORKFLOW = "workflows/as_documented.json"
SPEC = "specs/production_upscale_enhance.yaml"
LORA = "stages.2.refine.loras.0"
TIERS = "variants.{}.refine"

# The number of a fault in docs/as_documented.md: what finds it, in which file, where, and with which words.
FOUND = [
    (1, "CP316", WORKFLOW, "8.class_type", 'no "ImageToLatent"'),
    (2, "CP303", WORKFLOW, "2.class_type", 'needs the input "vae"'),
    (2, "CP316", WORKFLOW, "8.class_type", "takes pixels and vae"),
    (3, "CP303", WORKFLOW, "2.class_type", 'needs the input "model"'),
    (3, "CP303", WORKFLOW, "2.class_type", 'needs the input "positive"'),
    (3, "CP303", WORKFLOW, "2.class_type", 'needs the input "negative"'),
    (3, "CP315", WORKFLOW, "2.class_type", '"seed", "steps", "cfg", "sampler_name"'),
    (4, "CP401", WORKFLOW, "2.inputs.upscale_model", "link it to what gives UPSCALE_MODEL"),
    (5, "CP302", WORKFLOW, "2.inputs.tile_size", 'did you mean "tile_width"?'),
    (5, "CP314", WORKFLOW, "2.inputs.tile_overlap", 'no input "tile_overlap"'),
    (6, "CP624", WORKFLOW, "7.inputs.strength_clip", "nothing takes the text encoder from here"),
    (7, "CP315", WORKFLOW, "9.class_type", '"seed", "scheduler"'),
    (8, "CP508", WORKFLOW, "9.inputs.positive", "so it is 3.5"),
    (8, "CP508", SPEC, "inputs.prompt.default", "so it is 3.5"),
    (14, "CP562", SPEC, "stages.1.upscale.by", "its model enlarges 4 times"),
    (18, "CP627", WORKFLOW, "7.inputs.strength_clip", "strength_clip does nothing"),
    (19, "CP545", WORKFLOW, "7.inputs.lora_name", "was made of Flux dev"),
    (19, "CP545", SPEC, f"{LORA}.use", "was made of Flux dev"),
    (22, "CP518", SPEC, "stages.2.refine.denoise", "keeps 42% of the picture"),
    (23, "CP518", SPEC, "stages.2.refine.denoise", "takes all 12 steps"),
    (23, "CP501", SPEC, "stages.2.refine.cfg", "each step takes twice the time"),
    (24, "CP501", WORKFLOW, "9.inputs.cfg", "colours are pushed too far"),
    (24, "CP501", SPEC, "stages.2.refine.cfg", "colours are pushed too far"),
    (25, "CP501", SPEC, "stages.2.refine.cfg", "set cfg to 1"),
    (26, "CP501", SPEC, "stages.2.refine.cfg", "nothing reads the negative prompt then"),
    (27, "CP611", WORKFLOW, "5.inputs.text", "only pushes the picture away"),
    (27, "CP611", SPEC, "inputs.prompt.default", "only pushes the picture away"),
    (28, "CP544", WORKFLOW, "7.inputs.strength_model", "at 0.5 about 18 are needed, and there are 12"),
    (28, "CP544", SPEC, f"{LORA}.strength", "at 0.5 about 18 are needed, and there are 12"),
    (29, "CP559", SPEC, "stages.2.refine", "2048x2048 in one piece"),
    (30, "CP563", SPEC, "stages.1.upscale.tile", "tiles of 544x544 pixels"),
    (31, "CP544", SPEC, f"{TIERS.format('conservative')}.loras.turbo.strength", "at 0.3 about 22 are needed"),
    (32, "CP518", SPEC, f"{TIERS.format('conservative')}.denoise", "a sigma of 0.360"),
    (32, "CP519", SPEC, f"{TIERS.format('aggressive')}.denoise", "a sigma of 0.76"),
    (37, "CP569", SPEC, "stages.2.refine", "17.0 GiB"),
    (48, "CP643", WORKFLOW, "12.inputs.filename_prefix", "write %year%-%month%-%day%"),
    (51, "CP559", SPEC, "stages.2.refine", "refine it in tiles"),
    (55, "CP647", WORKFLOW, "13.class_type", "saves this picture, and shows it, too"),
    (56, "CP315", WORKFLOW, "4.class_type", 'add "type"; its default is "sdxl"'),
    (56, "CP633", WORKFLOW, "4.inputs.clip_name1", "name a file of such a type"),
]


@cache
def findings(file: str) -> tuple[Diagnostic, ...]:
    return Examiner(built_in()).file(str(ROOT / file)).findings


@pytest.mark.parametrize("fault", FOUND, ids=lambda fault: f"{fault[0]}-{fault[1]}-{fault[3]}")
def test_a_fault_is_found(fault: tuple[int, str, str, str, str]) -> None:
    _, code, file, path, words = fault
    found = [
        f"{each.message}\n{each.help}"
        for each in findings(file)
        if each.rule.code == code and each.place and ".".join(map(str, each.place.path)) == path
    ]
    assert any(words in text for text in found), found


def test_every_finding_is_one_of_these_faults_and_says_what_to_do() -> None:
    told = {(code, file, path) for _, code, file, path, _ in FOUND}
    for file in (WORKFLOW, SPEC):
        for each in findings(file):
            assert each.place
            assert each.place.span().line > 1
            assert each.message
            assert each.help
            path = ".".join(map(str, each.place.path)).replace("clip_name2", "clip_name1")
            assert (each.rule.code, file, path) in told, each.message


def test_they_are_many_and_listed_in_the_docs() -> None:
    faults = {number for number, *_ in FOUND}
    assert len(faults) >= 25
    assert sum(len(findings(file)) for file in (WORKFLOW, SPEC)) >= 25
    text = (ROOT / "docs/as_documented.md").read_text()
    rows = re.findall(r"^\| (\d+) \|.*\| (.*) \|$", text, re.MULTILINE)
    assert sorted(int(number) for number, _ in rows) == list(range(1, 57))
    listed = {int(number): set(re.findall(r"CP\d{3}", by)) for number, by in rows}
    assert {number: codes for number, codes in listed.items() if codes} == {
        number: {code for other, code, *_ in FOUND if other == number} for number in faults
    }

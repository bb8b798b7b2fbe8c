"""docs/language.md says what the language is: every field and family of it, and every example of it holds."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from comfyproof.catalog.pinned import built_in
from comfyproof.lint import Examiner
from comfyproof.spec.pipeline import FIELDS, Changes
from comfyproof.stages.families import FAMILIES
from comfyproof.stages.models import MODEL_KINDS
from comfyproof.stages.vocabulary import STAGES
from conftest import ROOT

PAGE = (ROOT / "docs/language.md").read_text()
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)

# What the examples are parts of.
FRAME = """
comfyproof: 1
inputs:
  image: {type: image, default: photograph.jpg}
  pose: {type: image, default: photograph.jpg}
  mask: {type: mask, default: mask.png}
  prompt: {type: text, default: ""}
  seed: {type: seed, default: 1}
models:
  sdxl: {checkpoint: sd_xl_base_1.0.safetensors}
  turbo: {lora: ink.safetensors}
  canny: {controlnet: canny.safetensors}
stages:
  - load: {image: $image}
  - refine: {model: sdxl, denoise: 0.3, loras: [turbo], positive: $prompt, seed: $seed}
  - save
"""


def parts(example: str) -> list[dict[str, object]]:
    """An example as what it puts into the frame; each of several `each:` by itself."""
    pieces = re.split(r"(?m)^(?=each:)", example) if example.count("\neach:") else [example]
    found = []
    for piece in filter(None, pieces):
        data = yaml.safe_load(piece)
        if isinstance(data, list):
            data = {"stages": [{"load": {"image": "$image"}}, *data, "save"]}
        if "control" in data:
            stage = {"model": "sdxl", **data}
            data = {"stages": [{"generate": stage}, "save"]}
        found.append(data)
    return found


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda text: text.split("\n")[0][:40])
def test_an_example_holds(example: str, tmp_path: Path) -> None:
    for file in ("photograph.jpg", "mask.png"):
        (tmp_path / file).symlink_to(ROOT / "specs" / file)
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/one.png").symlink_to(ROOT / "specs/mask.png")
    (tmp_path / "photos/one.txt").write_text("a caption")
    (tmp_path / "jobs.csv").write_text("prompt,seed\na bee,1\n")
    (tmp_path / "studio").mkdir()
    for name in ("models", "checks"):
        (tmp_path / f"studio/{name}.yaml").write_text("comfyproof: 1\nverify: {}\n")
    (tmp_path / "specs").mkdir()
    folder = tmp_path / "specs" if "../studio" in example else tmp_path
    for file in ("photograph.jpg", "mask.png"):
        (tmp_path / "specs" / file).symlink_to(ROOT / "specs" / file)
    frame = yaml.safe_load(FRAME)
    for data in parts(example):
        whole = {**frame, **{key: value for key, value in data.items() if key not in ("inputs", "models")}}
        for section in ("inputs", "models"):
            whole[section] = {**frame[section], **data.get(section, {})}
        if "turbo" in data.get("models", {}):  # a LoRA for Flux, and the frame's model is none
            whole["models"] |= {"turbo": frame["models"]["turbo"], "flux_turbo": data["models"]["turbo"]}
        (folder / "spec.yaml").write_text(yaml.safe_dump(whole, sort_keys=False))
        examined = Examiner(built_in(), Changes({})).file(str(folder / "spec.yaml"))
        assert [(f.rule.code, f.message) for f in examined.findings] == []


def test_every_word_is_there() -> None:
    words = {f"`{name}`" for name in [*STAGES, *FAMILIES, *(field for field in FIELDS if field != "comfyproof")]}
    for block in STAGES.values():
        words |= {f"`{info.alias or name}`" for name, info in block.model_fields.items()} - {"`as`", "`from`", "`like`"}
    said = set(re.findall(r"`(\w[\w-]*)(?=[`:])", PAGE)) | set(re.findall(r"(?<=[{ ,])(\w[\w-]*):", "".join(EXAMPLES)))
    assert {word.strip("`") for word in words} - said == set()
    assert set(MODEL_KINDS) - said == set()


def test_the_table_of_families_is_the_families() -> None:
    table = PAGE.split("| family |")[1].split("\n\n")[0]
    for family in FAMILIES.values():
        row = next(line for line in table.splitlines() if line.startswith(f"| `{family.name}` |"))
        assert f"{family.size[0]}x{family.size[1]}" in row
        assert f"| {family.steps}, {family.cfg:g} |" in row
        assert family.encoder_names.removesuffix(" of them") in row
        assert (f"{family.frames} frames, {family.fps:g} a second" in row) == bool(family.frames)
        for word, there in {
            "`guidance`": family.guided,
            "`shift`": bool(family.shifter),
            "`clip_skip`": family.has_clip,
            "unpadded": not family.pads,
        }.items():
            assert (word in row) == there, (family.name, word)
        assert family.shift is None or f"`shift`, {family.shift:g}" in row

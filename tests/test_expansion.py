"""What `use`, `each`, `matrix` and `variants` make of a spec, and what is said where they cannot."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comfyproof.catalog.pinned import built_in
from comfyproof.driver import compile_source, compile_spec, read
from comfyproof.formats.api import to_api
from comfyproof.lint import MAX_FORMS, Examiner
from comfyproof.spec.forms import Form, all_forms
from comfyproof.spec.pipeline import Changes
from conftest import ROOT, Command

BASE = """comfyproof: 1
inputs:
  image: {type: image, default: photo.jpg}
  prompt: {type: text, default: plain}
  seed: {type: seed, default: 7}
models:
  sdxl: {checkpoint: sd_xl_base_1.0.safetensors}
stages:
  - load: {image: $image}
  - refine: {model: sdxl, denoise: 0.5, positive: $prompt, seed: $seed}
  - save
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("photo.jpg", "photos/b.jpg", "photos/a.jpg", "photos/deep/c.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).symlink_to(ROOT / "specs/photograph.jpg")
    (tmp_path / "photos/a.txt").write_text("first\n")
    (tmp_path / "photos/b.txt").write_text("second")
    return tmp_path


def forms(folder: Path, text: str, **changes: Any) -> list[tuple[Form, dict[str, Any]]]:
    """Every form of a spec with its settings of the sampler and the picture."""
    file = folder / "spec.yaml"
    file.write_text(BASE + text)
    source, said = read(file)
    base = compile_source(str(file), source, said, built_in(), Changes(changes.pop("inputs", {}), **changes))
    assert base.spec is not None, base.findings
    assert not base.findings
    made = []
    for form in all_forms(base.spec, base.spec.changes):
        compiled = compile_source(str(file), source, said, built_in(), form.changes)
        assert compiled.program is not None, compiled.findings
        prompt = to_api(compiled.program.graph)
        found: dict[str, Any] = {}
        for node in prompt.values():
            inputs = node["inputs"]
            if node["class_type"] == "KSampler":
                found |= {key: inputs[key] for key in ("seed", "denoise", "steps")}
                found["text"] = prompt[inputs["positive"][0]]["inputs"]["text"]
            if node["class_type"] == "LoadImage":
                found["image"] = inputs["image"]
        made.append((form, found))
    return made


def codes(folder: Path, text: str) -> list[tuple[str, str]]:
    file = folder / "spec.yaml"
    file.write_text(BASE + text)
    return [(f.rule.code, f.message) for f in compile_spec(file, built_in(), Changes({})).findings]


def test_a_row_for_every_file_that_matches_with_its_caption_beside_it(folder: Path) -> None:
    found = forms(folder, 'each: {image: photos/*.jpg, prompt: {file: "{image.stem}.txt"}}\n')
    assert [form.name for form, _ in found] == ["a", "b"]
    assert [(made["image"], made["text"]) for _, made in found] == [("a.jpg", "first"), ("b.jpg", "second")]


def test_patterns_reach_into_folders(folder: Path) -> None:
    found = forms(folder, 'each: {image: "photos/**/*.jpg"}\n')
    assert [made["image"] for _, made in found] == ["a.jpg", "b.jpg", "c.jpg"]


def test_parts_of_a_row_s_value_name_its_file(folder: Path) -> None:
    (folder / "photos/a.jpg.txt").write_text("beside")
    for pattern in ("{image.name}.txt", "{image.stem}{image.suffix}.txt"):
        found = forms(folder, f'each: {{image: photos/a.*g, prompt: {{file: "{pattern}"}}}}\n')
        assert [made["text"] for _, made in found] == ["beside"]
    (folder / "a bee").write_text("  whole\n")
    found = forms(folder, 'each: {seed: [1], prompt: {file: "a bee"}}\n')
    assert [made["text"] for _, made in found] == ["  whole"]
    (folder / "photo.jpg.txt").write_text("bare")
    assert [
        made["text"] for _, made in forms(folder, 'each: {image: "photo.jp[g]", prompt: {file: "{image}.txt"}}\n')
    ] == ["bare"]


@pytest.mark.parametrize("pattern", ["/**/*", "loop/**/*.jpg", "**/*.none"])
def test_a_pattern_is_bounded(folder: Path, pattern: str) -> None:
    (folder / "loop").mkdir()
    for n in range(6):
        (folder / f"loop/{n}").symlink_to(folder / "loop")
    text = BASE + f'each: {{image: "{pattern}"}}\n'
    (folder / "spec.yaml").write_text(text)
    codes = {f.rule.code for f in compile_spec(folder / "spec.yaml", built_in(), Changes({})).findings}
    assert codes <= {"CP225", "CP226"}
    assert codes or pattern.startswith("/")  # how much there is, is the machine's own


def test_rows_of_lists_go_together(folder: Path) -> None:
    found = forms(folder, "each: {prompt: [a bee, a fox], seed: [1, 2]}\n")
    assert [(made["text"], made["seed"]) for _, made in found] == [("a bee", 1), ("a fox", 2)]
    assert [form.name for form, _ in found] == ["0001", "0002"]


@pytest.mark.parametrize(
    ("name", "table"),
    [
        ("jobs.csv", 'prompt,seed\n"a bee, flying",1\n"two\nlines",2\n'),
        ("jobs.tsv", 'prompt\tseed\na bee, flying\t1\n"two\nlines"\t2\n'),
        ("jobs.jsonl", '{"prompt": "a bee, flying", "seed": 1}\n\n{"prompt": "two\\nlines", "seed": 2}\n'),
    ],
)
def test_rows_of_a_table(folder: Path, name: str, table: str) -> None:
    (folder / name).write_text(table)
    found = forms(folder, f"each: {{rows: {name}}}\n")
    assert [(made["text"], made["seed"]) for _, made in found] == [("a bee, flying", 1), ("two\nlines", 2)]


def test_files_in_a_table_lie_beside_it(folder: Path) -> None:
    (folder / "photos/jobs.csv").write_text("image\nb.jpg\n")
    assert [made["image"] for _, made in forms(folder, "each: {rows: photos/jobs.csv}\n")] == ["b.jpg"]
    (folder / "photos/jobs.csv").write_text("image\nzz.jpg\n")
    examined = Examiner(built_in(), Changes({})).file(str(folder / "spec.yaml"))
    (finding,) = examined.findings
    assert finding.rule.code == "CP223"
    assert finding.place is not None
    assert (finding.place.source.file, finding.place.span().line) == (str(folder / "photos/jobs.csv"), 2)


def test_the_matrix_is_every_combination_less_and_more(folder: Path) -> None:
    text = """matrix:
  refine.seed: [1, 2]
  refine.denoise: [0.2, 0.4]
  exclude: [{refine.seed: 2, refine.denoise: 0.2}]
  include: [{refine.seed: 9, refine.steps: 5}]
"""
    found = [(made["seed"], made["denoise"]) for _, made in forms(folder, text)]
    assert found == [(1, 0.2), (1, 0.4), (2, 0.4), (9, 0.5)]


def test_rows_times_variants_times_matrix(folder: Path) -> None:
    text = """each: {prompt: [a, b]}
variants: {light: {refine.denoise: 0.1}, strong: {refine.denoise: 0.9}}
matrix: {seed: [1, 2]}
"""
    found = forms(folder, text)
    assert [(m["text"], m["denoise"], m["seed"]) for _, m in found] == [
        (text, denoise, seed) for text in "ab" for denoise in (0.1, 0.9) for seed in (1, 2)
    ]
    assert [form.name for form, _ in found][:3] == ["0001-light-seed=1", "0001-light-seed=2", "0001-strong-seed=1"]
    chosen = forms(folder, text, variant="light")
    assert len(chosen) == 4


def test_the_last_word_is_the_run_s(folder: Path) -> None:
    text = "each: {seed: [1]}\nvariants: {v: {refine.steps: 5, prompt: v}}\nmatrix: {refine.steps: [6]}\n"
    ((_, made),) = forms(folder, text)
    assert (made["seed"], made["steps"], made["text"]) == (1, 6, "v")
    ((_, made),) = forms(folder, text, settings=(("refine.steps", "7"), ("seed", "8")))
    assert (made["steps"], made["seed"]) == (7, 8)
    ((_, made),) = forms(folder, "each: {seed: [1]}\nmatrix: {seed: [7]}\n")
    assert made["seed"] == 7  # the default's own value, said by the matrix
    ((_, made),) = forms(folder, "each: {seed: [1]}\nmatrix: {seed: [9]}\n", inputs={"prompt": "said"})
    assert (made["seed"], made["text"]) == (9, "said")


def test_changes_of_a_form_follow_each_other(folder: Path) -> None:
    """A matrix changes the LoRA that it names, also where a variant has put another in its place."""
    text = """variants: {turned: {refine.loras: [{use: b}, {use: a}], refine.loras.b.clip: 0.5}}
matrix: {refine.loras.b.strength: [0.1]}
"""
    base = BASE.replace("denoise: 0.5,", "denoise: 0.5, loras: [a, b],")
    base = base.replace("stages:", "  a: {lora: a.safetensors}\n  b: {lora: b.safetensors}\nstages:")
    (folder / "spec.yaml").write_text(base + text)
    source, said = read(folder / "spec.yaml")
    spec = compile_source("spec.yaml", source, said, built_in(), Changes({})).spec
    assert spec is not None
    (form,) = all_forms(spec, Changes({}))
    program = compile_source("spec.yaml", source, said, built_in(), form.changes).program
    assert program is not None
    loras = [node["inputs"] for node in to_api(program.graph).values() if node["class_type"] == "LoraLoader"]
    assert [(i["lora_name"], i["strength_model"], i["strength_clip"]) for i in loras] == [
        ("b.safetensors", 0.1, 0.5), ("a.safetensors", 1.0, 1.0),
    ]  # fmt: skip


def test_a_variant_that_takes_away_what_it_changes_is_a_finding(folder: Path) -> None:
    text = "variants: {v: {refine.loras: [], refine.loras.a.strength: 0.3}}\n"
    assert [code for code, _ in codes(folder, text)] == ["CP206"]


ALIKE = st.sampled_from(["a.png", "x/a.png", "a-2.png", "a-2-2.png", "a", "A.png", "a b.png", "a_b.png"])
names = st.lists(ALIKE, max_size=8) | st.lists(
    st.text(st.characters(codec="utf-8", exclude_categories=("Cs",)), max_size=12), max_size=6
)


@given(prompts=names)
def test_every_form_has_a_name_of_its_own_that_a_file_can_have(
    tmp_path_factory: pytest.TempPathFactory, prompts: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("names")
    file = folder / "spec.yaml"
    file.write_text(BASE)
    source, said = read(file)
    assert source is not None
    data = {**source.data, "each": {"prompt": [*prompts, "x"], "seed": list(range(len(prompts) + 1))}}  # type: ignore[dict-item]
    from dataclasses import replace

    base = compile_source(str(file), replace(source, data=data), said, built_in(), Changes({}))
    assert base.spec is not None
    found = [form.name for form in all_forms(base.spec, Changes({}))]
    assert len(found) == len(set(found)) == len(prompts) + 1
    for name in found:
        (folder / name).touch()
        assert (folder / name).parent == folder


def test_lint_looks_at_each_row_and_each_value(folder: Path) -> None:
    file = folder / "spec.yaml"
    file.write_text(BASE + "each: {seed: [1, -2]}\nmatrix: {refine.denoise: [0.5, 1.5]}\n")
    examined = Examiner(built_in(), Changes({})).file(str(file))
    found = [(f.rule.code, f.place.span().line, f.place.span().column) for f in examined.findings if f.place]
    assert found == [("CP204", 12, 18), ("CP204", 13, 32)]


def test_lint_says_what_it_left_out(folder: Path) -> None:
    file = folder / "spec.yaml"
    file.write_text(BASE + f"each: {{seed: {list(range(MAX_FORMS + 5))}}}\n")
    examined = Examiner(built_in(), Changes({})).file(str(file))
    (left,) = [each for each in examined.not_examined if "more forms" in each.what]
    assert left.what == "5 more forms of the spec"


def test_compile_all_writes_what_it_can(folder: Path, comfyproof: Command) -> None:
    (folder / "spec.yaml").write_text(BASE + "matrix: {refine.denoise: [0.2, 2, 0.4]}\n")
    done = comfyproof("compile", "spec.yaml", "--all", "-o", "made", cwd=folder)
    assert done.returncode == 1
    assert sorted(path.name for path in (folder / "made").iterdir()) == [
        "denoise=0.2.api.json", "denoise=0.4.api.json", "index.csv", "index.json",
    ]  # fmt: skip
    assert '"denoise" is 2' in done.stderr
    assert comfyproof("compile", "spec.yaml", "--all", cwd=folder).returncode == 2


def test_too_many_forms_are_not_begun(folder: Path, comfyproof: Command) -> None:
    axes = "".join(f"  {name}: {list(range(1, 1000))}\n" for name in ("seed", "refine.steps", "refine.cfg"))
    (folder / "spec.yaml").write_text(BASE + "matrix:\n" + axes)
    done = comfyproof("compile", "spec.yaml", "--all", "-o", "made", cwd=folder)
    assert done.returncode == 2
    assert "997,002,999 workflows" in done.stderr
    assert not (folder / "made").exists()


@pytest.mark.parametrize("exclude", ["[{refine.steps: 1}, {refine.steps: 2}]", "[{}]"])
def test_a_matrix_that_leaves_nothing_says_so(folder: Path, exclude: str) -> None:
    found = codes(folder, f"matrix: {{refine.steps: [1, 2], exclude: {exclude}}}\n")
    assert [code for code, _ in found] in (["CP227"], ["CP203"])


def used(folder: Path, own: str, **files: str) -> list[tuple[str, str, int]]:
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(f"comfyproof: 1\n{text}")
    (folder / "spec.yaml").write_text(f"comfyproof: 1\n{own}")
    findings = compile_spec(folder / "spec.yaml", built_in(), Changes({})).findings
    return [(f.rule.code, Path(f.place.source.file).name, f.place.span().line) for f in findings if f.place]


def test_a_spec_takes_over_what_it_does_not_say_itself(folder: Path) -> None:
    shared = """models:
  sdxl: {checkpoint: sd_xl_base_1.0.safetensors}
  other: {checkpoint: sd_xl_other.safetensors}
inputs: {prompt: {type: text, default: theirs}}
verify: {not_blank: true}
stages: [{generate: {model: sdxl, positive: $prompt}}, save]
variants: {fast: {generate.steps: 5}}
"""
    assert used(folder, "use: shared.yaml\nmodels: {sdxl: {checkpoint: sd_xl_mine.safetensors}}\n", shared=shared) == []
    compiled = compile_spec(folder / "spec.yaml", built_in(), Changes({}, variant="fast"))
    assert compiled.program is not None
    prompt = to_api(compiled.program.graph).values()
    assert [node["inputs"]["ckpt_name"] for node in prompt if "ckpt_name" in node["inputs"]] == [
        "sd_xl_mine.safetensors"
    ]
    assert [node["inputs"]["steps"] for node in prompt if "steps" in node["inputs"]] == [5]


def test_a_mistake_in_a_used_file_is_shown_there(folder: Path) -> None:
    shared = "models:\n  sdxl: {checkpoint: sd_xl_base_1.0.safetensors, vea: x}\nstage: []\n"
    own = "use: shared.yaml\nstages: [{generate: {model: sdxl}}, save]\n"
    assert used(folder, own, shared=shared) == [("CP201", "shared.yaml", 3), ("CP201", "shared.yaml", 4)]


def test_files_of_a_used_file_lie_beside_it(folder: Path) -> None:
    (folder / "photos/shared.yaml").write_text("comfyproof: 1\ninputs: {image: {type: image, default: a.jpg}}\n")
    assert used(folder, "use: photos/shared.yaml\nstages: [{load: {image: $image}}, save]\n") == []


def test_two_files_may_not_say_one_name(folder: Path) -> None:
    lora = "models:\n  l: {lora: %s.safetensors}\n"
    own = "use: [one.yaml, two.yaml]\nstages: [{load: {image: $image}}, save]\n"
    image = "inputs: {image: {type: image, default: photo.jpg}}\n"
    assert used(folder, own, one=lora % "a", two=lora % "b" + image) == [("CP216", "two.yaml", 3)]
    both = "use: base.yaml\n"
    assert used(folder, own, one=both, two=both, base=lora % "a" + image) == []


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("folder", "it is a folder"),
        ("pipe", "not a regular file"),
        ("loop.yaml", "symbolic links"),
        ("none.yaml", "No such file"),
        ("utf16.yaml", "UTF-16"),
        ("binary.yaml", "not UTF-8"),
        ("nul.yaml", "NUL"),
        ("large.yaml", "over the limit"),
        ("spec.yaml", "circle"),
        ("again.yaml", "circle"),
    ],
)
def test_what_cannot_be_used(folder: Path, name: str, reason: str) -> None:
    (folder / "folder").mkdir()
    os.mkfifo(folder / "pipe")
    (folder / "loop.yaml").symlink_to("loop.yaml")
    (folder / "again.yaml").symlink_to("spec.yaml")
    (folder / "utf16.yaml").write_bytes("comfyproof: 1".encode("utf-16"))
    (folder / "binary.yaml").write_bytes(b"\xff\xff")
    (folder / "nul.yaml").write_bytes(b"comfyproof: 1\n\0")
    with (folder / "large.yaml").open("wb") as stream:
        stream.truncate(100 * 2**20)
    ((code, message),) = codes(folder, f"use: {name}\n")
    assert code == "CP218"
    assert reason in message


def test_a_long_chain_of_files_ends(folder: Path) -> None:
    for n in range(40):
        (folder / f"f{n}.yaml").write_text(f"comfyproof: 1\nuse: f{n + 1}.yaml\n")
    ((code, message),) = codes(folder, "use: f0.yaml\n")
    assert code == "CP218"
    assert "more than 16 files" in message


@pytest.mark.parametrize(
    ("table", "line", "code"),
    [
        ("prompt,sede\na,1\n", 1, "CP222"),
        ("prompt,seed\na,1\nb\n", 3, "CP225"),
        ('prompt,seed\n"a,1\n', 2, "CP225"),
        ("prompt\0\n", None, "CP225"),
        ("prompt,prompt\na,b\n", 1, "CP225"),
        ("", None, "CP226"),
    ],
)
def test_tables_that_cannot_be_read(folder: Path, table: str, line: int | None, code: str) -> None:
    (folder / "jobs.csv").write_text(table)
    (folder / "spec.yaml").write_text(BASE + "each: {rows: jobs.csv}\n")
    (finding,) = compile_spec(folder / "spec.yaml", built_in(), Changes({})).findings
    assert finding.rule.code == code
    assert finding.place is not None
    assert line is None or (Path(finding.place.source.file).name, finding.place.span().line) == ("jobs.csv", line)

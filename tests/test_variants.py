"""Many forms of one spec: compiled together just as alone, under names of their own, in a folder with an index."""

from __future__ import annotations

import contextlib
import csv
import hashlib
import json
import os
import pty
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from comfyproof.catalog.pinned import built_in
from comfyproof.cli.compile_all import compile_all
from comfyproof.driver import Compiled, compile_source, read
from comfyproof.lint import Examiner
from comfyproof.spec.forms import count_forms
from comfyproof.spec.naming import Taken
from comfyproof.spec.pipeline import Changes
from comfyproof.variants import Variants, programs, read_variants
from conftest import ROOT, Command

BASE = """comfyproof: 1
inputs:
  image: {type: image, default: photo.jpg}
  prompt: {type: text, default: plain}
  seed: {type: seed, default: 7}
  steps: {type: int, default: 9}
models:
  sdxl: {checkpoint: sd_xl_base_1.0.safetensors}
stages:
  - load: {image: $image}
  - refine: {model: sdxl, denoise: 0.5, positive: $prompt, seed: $seed, steps: $steps}
  - save
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("photo.jpg", "photos/b.jpg", "photos/a.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).symlink_to(ROOT / "specs/photograph.jpg")
    return tmp_path


def variants(folder: Path, text: str, base: str = BASE, **options: Any) -> Variants:
    file = folder / "spec.yaml"
    file.write_text(base + text)
    return read_variants(file, built_in(), Changes({}), **options)


def names(found: Variants) -> list[str]:
    assert not found.problems
    assert not any(f.rule.severity == "error" for f in found.base.findings), found.base.findings
    return [form.name for form in found.forms()]


def told(found: Variants) -> list[tuple[str, str, str]]:
    return [(f.rule.code, f.message, f.help) for f in [*found.base.findings, *found.problems]]


def seeds(found: Variants) -> list[int]:
    made = []
    for _, compiled in found.programs():
        assert compiled.program is not None
        inputs = [node.inputs for node in compiled.program.graph.nodes.values() if node.type == "KSampler"]
        made += [each["seed"] for each in inputs]
    return made  # type: ignore[return-value]


# --- compiled together as alone -------------------------------------------------------------------------------------

PLAIN = st.sampled_from([0, 1, 2, 3, 7, 9, 2**52 + 1237, 2**53])
ODD = st.sampled_from([2**53 + 1, 2**64 - 1, -1, 2**64, True, "1", 1.0, None])
STAGES = (
    "{generate: {model: sdxl, as: made, positive: $prompt, seed: $seed}}",
    "{generate: {model: sdxl, as: again, positive: $prompt, seed: 1}}",
    "{refine: {from: load, model: sdxl, as: first, denoise: 0.4, seed: $noise}}",
    "{refine: {from: load, model: sdxl, as: second, denoise: 0.4, seed: $seed}}",
    "{refine: {model: sdxl, as: alike, like: main}}",
    "{refine: {model: sdxl, as: odd, denoise: 0.4, steps: $few, seed: 1}}",
    "{save: {as: kept, prefix: 'a_${noise}'}}",
    "{preview: {}}",
)
NODES = (
    "shown: {PreviewImage: {images: $first}}",
    "blurred: {ImageBlur: {image: $load, blur_radius: $few, sigma: 1}}",
    "wide: {EmptyLatentImage: {width: 512, height: 512, batch_size: $few}}",
    "noise_of: {RandomNoise: {noise_seed: $noise}}",
    "more_noise: {RandomNoise: {noise_seed: $seed}}",
    "counted: {PrimitiveInt: {value: $noise}}",
    "told: {PreviewAny: {source: $noise}}",
)
PATHS = ("seed", "noise", "few", "main.seed", "nodes.noise_of.RandomNoise.noise_seed")


@st.composite
def specs(draw: st.DrawFn) -> str:
    """A spec whose seeds go many ways, some of which a mould must refuse."""
    text = BASE.replace("refine: {", "refine: {as: main, ").replace(
        "  steps: {type", "  noise: {type: seed, default: $seed}\n  few: {type: seed, default: 3}\n  steps: {type"
    )
    stages = draw(st.lists(st.sampled_from(STAGES), unique=True, max_size=4))
    text = text.replace("  - save\n", "".join(f"  - {stage}\n" for stage in stages) + "  - save\n")
    nodes = draw(st.lists(st.sampled_from(NODES), unique=True, max_size=3))
    if any("first" in node for node in nodes) and STAGES[2] not in stages:
        nodes = []
    if nodes:
        text += "nodes:\n" + "".join(f"  {node}\n" for node in nodes)
    values = st.lists(PLAIN, min_size=2, max_size=4) | st.lists(PLAIN | ODD, min_size=1, max_size=4)
    known = PATHS if NODES[3] in nodes else PATHS[:-1]
    matrix = {path: draw(values) for path in draw(st.lists(st.sampled_from(known), unique=True, max_size=2))}
    if draw(st.booleans()):
        matrix["main.denoise"] = draw(st.lists(st.sampled_from([0.1, 0.5, 1, 2]), min_size=1, max_size=2))
    if matrix:
        text += yaml.safe_dump({"matrix": matrix})
    if draw(st.booleans()):
        text += "variants: {one: {main.steps: 5}, two: {seed: 4}, off: {main.seed: $steps}}\n"
    if draw(st.booleans()):
        text += yaml.safe_dump({"each": {"seed": draw(values)}})
    return text


def known(compiled: Compiled) -> tuple[Any, ...]:
    """All of a compiled form, that of its findings too which their equality leaves out."""
    return (compiled, [(f.node, f.input, f.fix) for f in compiled.findings])


@given(text=specs())
@settings(max_examples=60)
def test_a_form_is_compiled_as_it_is_alone(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    folder = tmp_path_factory.mktemp("forms")
    (folder / "photo.jpg").symlink_to(ROOT / "specs/photograph.jpg")
    file = folder / "spec.yaml"
    file.write_text(text)
    source, said = read(file)
    for n, (form, compiled) in enumerate(programs(file, built_in(), Changes({}))):
        alone = compile_source(str(file), source, said, built_in(), form.changes)
        assert known(compiled) == known(alone), form.name
        if alone.program is not None:
            assert compiled.program is not None
            assert compiled.program.text() == alone.program.text()
        if n == 40:
            break


WAYS = """  - refine: {from: load, as: first, model: sdxl, denoise: 0.4, seed: $noise}
  - save: {as: kept, prefix: first}
  - refine: {from: load, as: second, model: sdxl, denoise: 0.4, seed: $seed}
  - save
"""


@pytest.mark.parametrize(
    ("more", "moulds"),
    [
        ("matrix: {noise: [1, 2, 3]}", False),  # nodes of which one is left where their seeds are the same
        ("matrix: {noise: [1, 2, 3], second.denoise: [0.5]}", True),
        ("matrix: {noise: [7, 7, 8, 7]}", False),
        ("matrix: {main.seed: [1, 2, 3]}", True),
        ("matrix: {main.seed: [1, 2, 3]}\nnodes: {told: {PreviewAny: {source: $noise}}}", True),
        ("matrix: {noise: [1, 2, 3], second.denoise: [0.5]}\nnodes: {told: {PreviewAny: {source: $noise}}}", False),
        ("matrix: {noise: [1, 2, 3], second.denoise: [0.5], kept.prefix: ['a_${noise}']}", False),
        ("matrix: {noise: [1, 2, 3], second.denoise: [0.5], main.steps: [$noise]}", False),
        ("matrix: {noise: [1, 2, -3, 4, 5], second.denoise: [0.5]}", True),
    ],
)
def test_seeds_that_decide_something_are_compiled_with(folder: Path, more: str, moulds: bool) -> None:
    base = BASE.replace("refine: {", "refine: {as: main, ").replace("  - save\n", WAYS)
    found = variants(
        folder, more + "\n", base.replace("  steps: {type", "  noise: {type: seed, default: 7}\n  steps: {type")
    )
    source, said = read(found.file)
    for form, compiled in found.programs():
        assert known(compiled) == known(compile_source(found.file, source, said, built_in(), form.changes))
    assert {mould is not None for _, mould, second in found._moulds._made.values() if second} == {moulds}


@pytest.mark.parametrize("spec", sorted((ROOT / "specs").glob("*.yaml")), ids=lambda path: path.stem)
def test_the_seeds_of_every_spec_are_filled_in(spec: Path) -> None:
    """What is compiled alone is compiled once for the mould's kind, twice for the mould, and never again."""
    source, said = read(spec)
    found = read_variants(spec, built_in(), Changes({}))
    assert found.base.spec is not None
    inputs = found.base.spec.document.get(("inputs",)) or {}
    seed = next((name for name, block in inputs.items() if block.get("type") == "seed"), None)
    if seed is None:
        return
    data = {**source.data, "matrix": {seed: [0, 1, 2**53, 5]}}  # type: ignore[dict-item, union-attr]
    data.pop("each", None)
    data.pop("variants", None)
    made = replace(found, source=replace(source, data=data))  # type: ignore[type-var]
    base = compile_source(str(spec), made.source, said, built_in(), Changes({}, needed=False))
    made = replace(made, base=base)
    for form, compiled in made.programs():
        assert known(compiled) == known(compile_source(str(spec), made.source, said, built_in(), form.changes))
    assert [mould is not None for _, mould, _ in made._moulds._made.values()] == [True]


# --- series and rows ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("matrix: {seed: {from: 1, count: 3}}", [1, 2, 3]),
        ("matrix: {seed: {from: 9, to: 5, step: -2}}", [9, 7, 5]),
        ("matrix: {seed: {from: 3, to: 8, step: 5}}", [3, 8]),
        ("each: {prompt: [a, b], seed: {from: 100}}", [100, 101]),
        ("each: {prompt: [a, b], seed: {from: 5, to: 6}}", [5, 6]),
        ("each: {seed: {from: 5, count: 2}}", [5, 6]),
    ],
)
def test_a_series_is_counted(folder: Path, text: str, wanted: list[int]) -> None:
    assert seeds(variants(folder, text + "\n")) == wanted


def test_steps_are_added_as_they_are_written(folder: Path) -> None:
    found = variants(folder, "matrix: {refine.denoise: {from: 0.1, to: 0.7, step: 0.1}}\n")
    assert [found.values(form)["refine.denoise"] for form in found.forms()] == [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]


def test_a_seed_from_a_hash_stays_when_rows_come_and_go(folder: Path) -> None:
    def of(prompts: str, base: str = "7") -> list[int]:
        return seeds(variants(folder, f"each: {{prompt: [{prompts}], seed: {{hash: {base}}}}}\n"))

    first = of("a, b")
    assert of("x, b, a, a")[1:3] == first[::-1]
    assert len({*of("x, b, a, a"), *of("a, b", "8"), *of("a, b", "'7'")}) == 8
    assert first == [5631464202795128, 2222346855306759]  # on every machine, in every version
    (folder / "jobs.csv").write_text("prompt\na\nb\n")
    assert seeds(variants(folder, "each: {rows: jobs.csv, seed: {hash: 7}}\n")) == first
    assert seeds(variants(folder, "matrix: {seed: {hash: 7, count: 2}}\n")) == [2670677245457781, 7512078038756501]


@pytest.mark.parametrize(
    ("text", "code", "says"),
    [
        ("matrix: {seed: {form: 1, count: 3}}", "CP201", 'did you mean "from"?'),
        ("matrix: {seed: {from: 1}}", "CP205", 'add "count"'),
        ("matrix: {seed: {}}", "CP205", "a series begins"),
        ("matrix: {seed: {from: 1, to: 9, step: 0}}", "CP205", "no step of 0 leads from 1 to 9"),
        ("matrix: {seed: {from: 1, to: 9, step: -1}}", "CP205", "no step of -1"),
        ("matrix: {seed: {from: 0, to: 1, step: 1.0e-300}}", "CP204", "more than 100,000"),
        ("matrix: {seed: {hash: 1.5, count: 2}}", "CP203", "a number or text"),
        ("matrix: {seed: {hash: 1, from: 2}}", "CP205", "do not go together"),
        ("matrix: {seed: {from: 1, count: 200000}}", "CP204", "from 1 to 100,000"),
        ("matrix: {seed: {from: true, count: 2}}", "CP203", "not true"),
        ("matrix: {refine.sed: {from: 1, count: 2}}", "CP206", 'did you mean "seed"?'),
        ("matrix: {refin.seed: [1]}", "CP206", 'did you mean "refine"?'),
        ("variants: {v: {refine.denoies: 0.5}}", "CP206", 'did you mean "denoise"?'),
        ("each: {prompt: [a], sed: {from: 1}}", "CP222", 'did you mean "seed"?'),
        ("each: {prompt: [a], seed: {from: 1, count: 2}}", "CP225", "differ in number"),
        ('names: "{varint}"', "CP206", 'did you mean "variant"?'),
        ('names: "{refine.sed}"', "CP206", 'did you mean "seed"?'),
        ('names: "{refin.seed}"', "CP206", "refin"),
        ('names: "{image.stm}"', "CP206", 'did you mean "stem"?'),
        ('names: "{row"', "CP205", "no template"),
        ('names: "{seed:x}"', "CP205", "no way to write a number"),
        ("names: [a]", "CP203", "should be text"),
    ],
)
def test_what_is_wrong_is_said(folder: Path, text: str, code: str, says: str) -> None:
    ((found, message, help),) = told(variants(folder, text + "\n"))
    assert found == code
    assert says in f"{message} {help}"


def test_patterns_of_the_command_line_are_the_rows(folder: Path) -> None:
    text = 'each: {image: [photo.jpg], prompt: {file: "{image.stem}.txt"}, seed: {from: 5}, steps: [3]}\n'
    for name in "ab":
        (folder / f"photos/{name}.txt").write_text(f"a caption of {name}")
    with contextlib.chdir(folder / "photos"):
        for inputs in (["*.jpg"], ["image=*.jpg"], ["a.jpg", "./b.jpg", "a.jpg"], ["../photos/?.jpg"]):
            found = variants(folder, text, inputs=inputs)
            assert names(found) == ["a", "b"]
            assert seeds(found) == [5, 6]
            rows = [found.values(form) for form in found.forms()]
            assert [(Path(row["image"]).name, row["prompt"]) for row in rows] == [
                ("a.jpg", "a caption of a"),
                ("b.jpg", "a caption of b"),
            ]
            for _, compiled in found.programs():
                assert not any(f.rule.code == "CP223" for f in compiled.findings)  # the picture is there


@pytest.mark.parametrize(
    ("inputs", "says"),
    [
        ("none/*.jpg", "no file is found"),
        ("imge=*.jpg", 'did you mean "image"?'),
        ("prompt=*.txt", "no input"),
    ],
)
def test_patterns_that_name_nothing(folder: Path, inputs: str, says: str) -> None:
    problems = variants(folder, "", inputs=[inputs]).problems
    assert any(says in f"{f.message} {f.help}" for f in problems)


def test_a_pattern_says_for_which_input_it_is(folder: Path) -> None:
    base = BASE.replace("inputs:\n", "inputs:\n  mask: {type: mask, default: photo.jpg}\n")
    (problem,) = variants(folder, "", base, inputs=["*.jpg"]).problems
    assert (problem.message, problem.help) == (
        "the spec has 2 inputs that take a file", "say for which it is, as in mask=*.jpg",
    )  # fmt: skip


# --- names ----------------------------------------------------------------------------------------------------------

MANY = """each: {image: photos/*.jpg}
variants: {soft: {}, "B/c": {refine.steps: 5}}
matrix: {seed: [1, 20], refine.denoise: [0.25]}
"""


@pytest.mark.parametrize(
    ("template", "wanted"),
    [
        ("{row}-{variant}-{seed:04}", ["a-soft-0001", "a-soft-0020", "a-B_c-0001"]),
        ("{image.stem}_{refine.denoise:.1}_{n}", ["a_0.2_1", "a_0.2_2", "a_0.2_3"]),
        ("{n:03}{cell}", ["001seed=1_denoise=0.25", "002seed=20_denoise=0.25", "003seed=1_denoise=0.25"]),
        ("{spec}-{refine.seed}", ["spec-1", "spec-20", "spec-1-2"]),
        ("{refine.steps}.{image.name}", ["9.a.jpg", "9.a.jpg-2", "5.a.jpg"]),
        ("con", ["_con", "_con-2", "_con-3"]),
        ("../../{row}", ["_.._a", "_.._a-2", "_.._a-3"]),
    ],
)
def test_names_are_as_their_template_says(folder: Path, template: str, wanted: list[str]) -> None:
    found = variants(folder, MANY + f'names: "{template}"\n')
    assert names(found)[:3] == wanted
    assert names(variants(folder, MANY, names=template)) == names(found)


def test_a_field_without_a_value_takes_its_dash_along(folder: Path) -> None:
    template = 'names: "{row}-{variant}-{seed}"\n'
    assert names(variants(folder, template)) == ["7"]
    assert names(variants(folder, template + "each: {prompt: [x]}\n")) == ["0001-7"]


def test_numbers_of_a_table_are_numbers(folder: Path) -> None:
    (folder / "jobs.csv").write_text("seed\n3\n12\n")
    assert names(variants(folder, 'each: {rows: jobs.csv}\nnames: "{seed:04}"\n')) == ["0003", "0012"]


def test_names_that_only_capitals_tell_apart_are_numbered(folder: Path) -> None:
    found = variants(folder, 'matrix: {prompt: [Ab, aB, "a b", "a\\u0308", "\\u00e4"]}\nnames: "{prompt}"\n')
    assert names(found) == ["Ab", "aB-2", "a_b", "ä", "ä-2"]


@given(st.lists(st.sampled_from(["b", "a", "A", "a-2", "A-2", "a-2-2"]), max_size=16))
def test_names_are_given_once_each(wanted: list[str]) -> None:
    taken = Taken()
    found = [taken.distinct(each) for each in wanted]
    assert len({each.casefold() for each in found}) == len(found)


def test_many_of_one_name_are_numbered_soon() -> None:
    taken = Taken()
    found = [taken.distinct("same") for _ in range(50_000)]
    assert found[-1] == "same-50000"
    assert len(set(found)) == 50_000


# --- the folder -----------------------------------------------------------------------------------------------------

MATRIX = "matrix: {seed: [1, 2], prompt: ['=1+2', '-5', '@x']}\nnames: '{n}'\n"


def write(folder: Path, text: str, *forms: str, code: int = 0) -> Path:
    (folder / "spec.yaml").write_text(BASE + text)
    made = folder / "made"
    spec = str(folder / "spec.yaml")
    assert compile_all(spec, built_in(), Changes({}), forms or ("api",), made, None, False) == code
    return made


def index(made: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((made / "index.json").read_text())["workflows"]
    return found


def test_the_index_has_every_file_and_its_hash(folder: Path) -> None:
    made = write(folder, MATRIX, "api", "ui")
    entries = index(made)
    assert {entry["file"] for entry in entries} == {p.name for p in made.iterdir()} - {"index.json", "index.csv"}
    assert len(entries) == 12
    for entry in entries:
        assert hashlib.sha256((made / entry["file"]).read_bytes()).hexdigest() == entry["sha256"]
    assert entries[0]["values"] == {"seed": 1, "prompt": "=1+2"}
    with (made / "index.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["prompt"] for row in rows[:6:2]] == ["'=1+2", "-5", "'@x"]
    assert [(row["file"], row["sha256"], row["seed"]) for row in rows] == [
        (entry["file"], entry["sha256"], str(entry["values"]["seed"])) for entry in entries
    ]


def test_the_same_bytes_every_time(folder: Path) -> None:
    first = {path.name: path.read_bytes() for path in write(folder, MATRIX).iterdir()}
    assert {path.name: path.read_bytes() for path in write(folder, MATRIX).iterdir()} == first


def test_no_stale_file_looks_current(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    made = write(folder, MATRIX)
    (made / "own.api.json").write_text("{}")
    (made / "2.api.json").write_text("changed")
    (made / "3.api.json").unlink()
    (made / "4.api.json").rename(folder / "mine")
    (made / "4.api.json").symlink_to(folder / "mine")
    made = write(folder, "matrix: {seed: [1]}\nnames: '{n}'\n")
    assert {path.name for path in made.iterdir()} == {
        "1.api.json", "2.api.json", "4.api.json", "own.api.json", "index.json", "index.csv",
    }  # fmt: skip
    said = capfd.readouterr().err
    assert "removed, since the spec makes them no more: 2" in said
    for name in ("2.api.json", "4.api.json"):
        assert f'left alone, since it was changed: "{made / name}"' in said
    assert [entry["file"] for entry in index(made)] == ["1.api.json"]


def test_what_a_stopped_run_wrote_is_known_to_the_next(folder: Path) -> None:
    made = write(folder, MATRIX)
    entries = index(made)
    (made / "index.json").unlink()
    # What it had noted already, and not yet put in place.
    entries[:0] = [{**entry, "sha256": "0" * 64} for entry in entries[:3]]
    (made / ".index.part").write_text("".join(json.dumps(entry) + "\n" for entry in entries) + '{"file": "torn')
    made = write(folder, "names: only\n")
    assert {path.name for path in made.iterdir()} == {"only.api.json", "index.json", "index.csv"}


@pytest.mark.parametrize("name", ["../kept", "sub/kept", "/kept", "..", ".", "C:kept", "", "x\0y", 5, None])
def test_an_index_of_anyone_s_takes_nothing_away(folder: Path, name: object) -> None:
    made = folder / "made"
    (made / "sub").mkdir(parents=True)
    for path in (folder / "kept", made / "sub/kept"):
        path.write_text("")
    empty = hashlib.sha256(b"").hexdigest()
    lines = [json.dumps({"file": name, "sha256": empty}), "[" * 100_000, "5", "\udcff"]
    (made / "index.json").write_bytes("\n".join(lines).encode("utf-8", "surrogateescape"))
    write(folder, "")
    assert (folder / "kept").exists()
    assert (made / "sub/kept").exists()


def test_an_error_in_one_form_does_not_stop_others(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    made = write(folder, "matrix: {refine.denoise: [0.2, 2, 0.4]}\nnames: '{n}'\n", code=1)
    assert [entry["name"] for entry in index(made)] == ["1", "3"]
    assert json.loads((made / "index.json").read_text())["not_written"] == ["2"]
    assert '"denoise" is 2' in capfd.readouterr().err


def test_the_count_says_what_is_multiplied(folder: Path) -> None:
    def said(text: str, limit: int = 1000) -> str:
        spec = variants(folder, text).base.spec
        assert spec is not None
        return str(count_forms(spec, Changes({}), limit))

    axes = "seed: {from: 1, count: 10}, refine.steps: [1, 2], exclude: [{seed: 1}]"
    text = "each: {prompt: [a, b]}\nvariants: {v: {}, w: {}, x: {}}\n" + f"matrix: {{{axes}}}\n"
    assert said(text) == "108 workflows: 2 rows x 3 variants x 18 cells"
    assert said(text, 10) == "up to 120 workflows: 2 rows x 3 variants x 20 cells"
    assert said("matrix: {seed: {from: 1, count: 1200}}\n") == "1,200 workflows"
    assert said("") == "1 workflow"


LARGE = "matrix: {seed: {from: 1, count: 1001}}\n"


def test_many_are_refused_where_nobody_can_be_asked(folder: Path, comfyproof: Command) -> None:
    (folder / "spec.yaml").write_text(BASE + LARGE)
    done = comfyproof("compile", "spec.yaml", "--all", "-o", "made", cwd=folder)
    assert done.returncode == 2
    assert "1,001 workflows" in done.stderr
    assert "--yes" in done.stderr
    assert not (folder / "made").exists()
    assert comfyproof("compile", "spec.yaml", "--all", "-o", "made", "--yes", cwd=folder).returncode == 0
    assert len(list((folder / "made").iterdir())) == 1003


@pytest.mark.parametrize(("answer", "code"), [(b"n\n", 2), (b"y\n", 0)])
def test_many_are_asked_about_on_a_terminal(folder: Path, answer: bytes, code: int) -> None:
    (folder / "spec.yaml").write_text(BASE + LARGE)
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "comfyproof", "compile", "spec.yaml", "--all", "-o", "made"]
    with subprocess.Popen(command, cwd=folder, stdin=theirs, stderr=theirs, stdout=theirs) as process:
        os.close(theirs)
        os.write(ours, answer)
        assert process.wait(60) == code
    os.close(ours)
    assert (folder / "made").exists() == (code == 0)


@pytest.mark.parametrize("options", [["--name", "{n}"], ["--to", "both"]])
def test_options_of_all_alone(folder: Path, comfyproof: Command, options: list[str]) -> None:
    (folder / "spec.yaml").write_text(BASE)
    done = comfyproof("compile", "spec.yaml", *options, cwd=folder)
    assert done.returncode == 2
    assert "--all" in done.stderr


# --- the page -------------------------------------------------------------------------------------------------------

PAGE = (ROOT / "docs/variants.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def test_every_snippet_of_the_page_holds(tmp_path: Path) -> None:
    whole, parts = blocks("yaml")
    (tmp_path / "photos").mkdir()
    for name in ("harbour", "lake"):
        (tmp_path / f"photos/{name}.jpg").symlink_to(ROOT / "specs/photograph.jpg")
    (tmp_path / "tiers.yaml").write_text(whole)
    scripts = Path(shutil.which("comfyproof") or sys.executable).parent
    environment = {**os.environ, "NO_COLOR": "1", "LC_ALL": "C", "PATH": f"{scripts}:{os.environ['PATH']}"}
    for block in blocks("console"):
        for step in re.split(r"(?m)^\$ ", block)[1:]:
            command, _, wanted = step.partition("\n")
            done = subprocess.run(
                ["bash", "-c", f"{command} 2>&1"],
                cwd=tmp_path,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
            assert sorted(done.stdout.splitlines()) == sorted(wanted.splitlines()), command
    for part in re.split(r"(?m)^(?=each:|matrix:)", parts):
        data = {**yaml.safe_load(whole), **(yaml.safe_load(part) or {})}
        (tmp_path / "part.yaml").write_text(yaml.safe_dump(data))
        assert Examiner(built_in(), Changes({})).file(str(tmp_path / "part.yaml")).findings == ()

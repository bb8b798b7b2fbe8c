"""Fixes: what they make of a text, what they leave as it is, and files that are written whole or not at all.

A case in fixes/ is one of rules/ with what is to be done to it:
  rename: {save.filename_prefix: prefix}  # an input under another name
  type: {decode: VaeDecode}               # a node of another class
  safe: {sampler.steps: 20}               # what stands there after safe fixes, `gone` for nothing
  unsafe: {sampler.steps: 20}             # the same, and safe fixes leave the text as it is; {} where nothing fixes it
"""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from comfyproof.catalog.pinned import Catalog, built_in
from comfyproof.diagnostics import Diagnostic, Edit, Fix, Place, Removed, Severity
from comfyproof.edits import CannotEdit, edited
from comfyproof.fixing import FileChanged, fix_file, fix_text, told
from comfyproof.ignores import judge
from comfyproof.lint import Examiner
from comfyproof.rulebook import RULES
from comfyproof.rules.coercion import converted_value
from comfyproof.selecting import Selection
from comfyproof.source import parse_source
from conftest import Command
from test_rule_cases import INPUTS, ODD, changed, listing

CASES: dict[str, dict[str, Any]] = yaml.safe_load((Path(__file__).parent / "fixes/values.yaml").read_text())


class Look:
    """What counts of what is found in a text."""

    def __init__(self, file: str, catalog: Catalog | None = None) -> None:
        self.file, self.examiner = file, Examiner(catalog or built_in())

    def __call__(self, text: str) -> Sequence[Diagnostic]:
        examined = self.examiner.text(self.file, text)
        return judge(examined.findings, examined.texts, Selection(), lambda: RULES).kept


def prompt_of(case: dict[str, Any]) -> dict[str, Any]:
    prompt = changed(case)
    for path, new in case.get("rename", {}).items():
        id, _, name = path.partition(".")
        prompt[id]["inputs"] = {new if key == name else key: value for key, value in prompt[id]["inputs"].items()}
    for id, kind in case.get("type", {}).items():
        prompt[id]["class_type"] = kind
    return prompt


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("indent", [None, 3])
def test_case(name: str, indent: int | None) -> None:
    case = CASES[name]
    assert ("safe" in case) != ("unsafe" in case)
    prompt = prompt_of(case)
    text = json.dumps(prompt, indent=indent)
    look = Look("flow.json", listing(case["files"]) if "files" in case else None)
    wanted = json.loads(text)
    for path, value in case.get("safe", case.get("unsafe")).items():
        id, _, key = path.partition(".")
        if not key:
            wanted[id]["class_type"] = value
        elif value == "gone":
            del wanted[id]["inputs"][key]
        else:
            wanted[id]["inputs"][key] = value
    safe = fix_text("flow.json", text, look, unsafe=False)
    if "unsafe" in case:
        assert safe.text == text
        assert not safe.applied
    fixed = fix_text("flow.json", text, look, unsafe="unsafe" in case)
    assert json.loads(fixed.text) == wanted
    assert not fixed.undone
    again = fix_text("flow.json", fixed.text, look, unsafe="unsafe" in case)
    assert again.text == fixed.text
    if wanted != json.loads(text):
        assert {type(f.fix) for f in fixed.applied} == {Fix}


SPEC = """# a lighthouse, for the office
comfyproof: 1
name: x
inputs: {how: {type: text, default: Euler}, many: {type: int, default: 30}}
models:
  sdxl: {checkpoint: sd_xl_base_1.0.safetensors} # the usual
stages:
  - generate:
      model: sdxl
      positive: a lighthouse   # not a ship
      negative: 'fog'
      size: 1024x1024
      sampler:   "Euler"  # calm
      scheduler: 'Karras' # Karras et al.
  - save: {prefix: kept} # comfyproof: ignore[CP641] long ago
"""
AFTER = (
    SPEC.replace('"Euler"  #', '"euler"  #')
    .replace("'Karras'", "'karras'")
    .replace(" # comfyproof: ignore[CP641] long ago", "")
)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_spec_keeps_its_comments_quotes_and_line_ends(end: str) -> None:
    fixed = fix_text("a.yaml", SPEC.replace("\n", end), Look("a.yaml"), unsafe=False)
    assert fixed.text == AFTER.replace("\n", end)
    assert [each.rule.code for each in fixed.applied] == ["CP403", "CP403", "CP191"]


def test_a_value_that_comes_from_elsewhere_is_left_alone() -> None:
    for spec in (
        SPEC.replace('"Euler"  #', "$how  #"),
        SPEC.replace('"Euler"  #', '"${how}"  #'),
        SPEC.replace("name: x\n", "name: x\n").replace("'Karras'", "$how"),
    ):
        fixed = fix_text("a.yaml", spec, Look("a.yaml"), unsafe=True)
        assert "default: Euler" in fixed.text
        assert "how}" in fixed.text or "$how" in fixed.text


SHARED = """comfyproof: 1
name: x
models:
  flux: {diffusion_model: flux1-dev.safetensors, text_encoders: [clip_l.safetensors, t5.safetensors], vae: ae.sft}
  base: {checkpoint: BASE}
stages:
  - generate: {as: one, model: base, size: 1024x1024, positive: a ship, negative: fog, cfg: 5, scheduler: karras}
  - refine: {as: two, like: one, model: flux, denoise: 0.5}
  - save: {prefix: x}
"""


def test_a_value_of_two_stages_is_changed_only_where_both_say_so() -> None:
    one = SHARED.replace("BASE", "sd_xl_base_1.0.safetensors")
    assert {"CP501", "CP512"} <= {each.rule.code for each in Look("a.yaml")(one)}
    assert fix_text("a.yaml", one, Look("a.yaml"), unsafe=True).text == one
    alone = one.replace("  - refine: {as: two, like: one, model: flux, denoise: 0.5}\n", "")
    variant = f"{alone}variants: {{other: {{one.model: flux}}}}\n"
    assert fix_text("a.yaml", variant, Look("a.yaml"), unsafe=True).text == variant
    both = one.replace("model: base", "model: flux")
    assert "cfg: 1, " in fix_text("a.yaml", both, Look("a.yaml"), unsafe=True).text


IGNORES = {
    "# comfyproof: ignore[CP641, CP403] why": "# comfyproof: ignore[CP403] why",
    "# comfyproof: ignore[CP403,CP641] why": "# comfyproof: ignore[CP403] why",
    "# comfyproof: ignore[CP403, CP641, CP642]": "# comfyproof: ignore[CP403]",
}


@pytest.mark.parametrize("comment", IGNORES)
def test_of_an_ignore_what_is_of_use_stays(comment: str) -> None:
    spec = SPEC.replace("# calm", comment).replace(" # comfyproof: ignore[CP641] long ago", "")
    fixed = fix_text("a.yaml", spec, Look("a.yaml"), unsafe=False)
    assert f'sampler:   "Euler"  {IGNORES[comment]}\n' in fixed.text


def test_an_ignore_in_json_is_taken_out_and_the_rest_stays() -> None:
    prompt = prompt_of({"graph": "sd15"})
    prompt["save"]["_meta"] = {"title": "kept", "comfyproof": {"ignore": ["CP403"], "reason": "why"}}
    text = json.dumps(prompt, indent=2)
    fixed = fix_text("flow.json", text, Look("flow.json"), unsafe=False)
    del prompt["save"]["_meta"]["comfyproof"]
    assert json.loads(fixed.text) == prompt


def test_the_editors_json_and_a_wrapped_prompt() -> None:
    prompt = prompt_of({"graph": "sd15", "set": {"sampler.sampler_name": "Euler"}})
    text = json.dumps({"prompt": prompt, "client_id": "x"})
    fixed = fix_text("flow.json", text, Look("flow.json"), unsafe=False)
    assert fixed.text == text.replace('"Euler"', '"euler"')
    flow = {
        "nodes": [
            {"id": 1, "type": "EmptyImage", "inputs": [], "outputs": [{"name": "IMAGE", "type": "IMAGE", "links": [1]}],
             "widgets_values": ["512", 512, 1, 0]},
            {"id": 2, "type": "SaveImage", "inputs": [{"name": "images", "type": "IMAGE", "link": 1}],
             "widgets_values": ["kept"]},
        ],
        "links": [[1, 1, 0, 2, 0, "IMAGE"]],
    }  # fmt: skip
    text = json.dumps(flow, indent=1)
    fixed = fix_text("flow.json", text, Look("flow.json"), unsafe=False)
    assert fixed.text == text.replace('"512"', "512")


def test_a_fix_that_does_harm_is_undone() -> None:
    text = json.dumps(prompt_of({"graph": "sd15", "set": {"sampler.steps": "20", "sampler.cfg": "7"}}))
    look = Look("flow.json")

    def harmful(now: str) -> Sequence[Diagnostic]:
        source, _ = parse_source("flow.json", now)
        assert source is not None
        bad = Fix((Edit(Place(source, ("sampler", "inputs", "steps")), "many"),), True, 'write "many"')
        return [
            Diagnostic(f.rule, f.message, f.place, f.help, f.node, f.input, bad if f.input == "steps" else f.fix)
            if f.rule is converted_value.rule
            else f
            for f in look(now)
        ]

    fixed = fix_text("flow.json", text, harmful, unsafe=False)
    assert fixed.text == text.replace('"cfg": "7"', '"cfg": 7')
    assert [each.input for each in fixed.undone] == ["steps"]


def test_what_could_not_be_seen_before_is_no_harm() -> None:
    flow = {
        "1": {"class_type": "loadimage", "inputs": {"image": "a.png"}},
        "2": {"class_type": "imageblur", "inputs": {"image": ["1", 0], "blur_radius": "wide", "sigma": 1.0}},
        "3": {
            "class_type": "ImageSharpen",
            "inputs": {"image": ["2", 0], "SHARPEN_RADIUS": 99, "sigma": 1, "alpha": 1},
        },
        "4": {"class_type": "SaveImage", "inputs": {"images": ["3", 0], "filename_prefix": "a"}},
    }
    fixed = fix_text("flow.json", json.dumps(flow), Look("flow.json"), unsafe=False)
    made = json.loads(fixed.text)
    assert [made[id]["class_type"] for id in "12"] == ["LoadImage", "ImageBlur"]
    assert made["3"]["inputs"]["sharpen_radius"] == 99
    assert fixed.undone == ()
    assert {(each.rule.code, each.input) for each in fixed.left if each.rule.severity is Severity.ERROR} == {
        ("CP401", "blur_radius"),
        ("CP402", "sharpen_radius"),
    }


def test_findings_that_contradict_each_other_are_left() -> None:
    text = '{"a": 1}'
    source, _ = parse_source("a.json", text)
    assert source is not None
    place = Place(source, ("a",))
    found = [
        Diagnostic(converted_value.rule, f"{n}", place, fix=Fix((Edit(place, n),), True, f"write {n}")) for n in (2, 3)
    ]
    assert fix_text("a.json", text, lambda now: found, unsafe=True).text == text


# A document by its tree, written with comments and odd layout.
SCALARS = st.one_of(
    st.integers(-999, 999),
    st.booleans(),
    st.sampled_from(["Euler", "a b", "it's", "x: y", "# no", "é", "", "true", "-", "12", "a\\b", "*x", "[", "~", '"']),
    st.text("ab'\":#{}[], \\-é", max_size=6),
)
NAMES = st.sampled_from(["a", "b", "c d", "é", "1", "x#y", "on"])
TREES = st.dictionaries(
    NAMES,
    st.recursive(
        SCALARS,
        lambda inner: st.dictionaries(NAMES, inner, min_size=1, max_size=3) | st.lists(inner, min_size=1, max_size=3),
        max_leaves=6,
    ),
    min_size=1,
    max_size=3,
)


def quoted(value: Any, quotes: str) -> str:
    if isinstance(value, str):
        if quotes == "'":
            return "'" + value.replace("'", "''") + "'"
        if quotes == "" and re.fullmatch("[A-Za-z]{2,}", value) and value.lower() not in ("on", "true"):
            return value
    return json.dumps(value, ensure_ascii=False)


def in_yaml(tree: Any, quotes: str, indent: str = "") -> str:
    lines = []
    items = tree.items() if isinstance(tree, dict) else ((None, each) for each in tree)
    for n, (name, value) in enumerate(items):
        head = f"{indent}{'-' if name is None else quoted(name, quotes) + ':'}"
        note = f" # note {len(indent)} {n}"
        if isinstance(value, dict | list):
            lines.append(f"{head}{note}\n{in_yaml(value, quotes, indent + '   ')}")
        else:
            lines.append(f"{indent}# above\n{head}   {quoted(value, quotes)}{note}\n")
    return "".join(lines)


def paths(tree: Any) -> list[tuple[str | int, ...]]:
    items = tree.items() if isinstance(tree, dict) else enumerate(tree)
    found: list[tuple[str | int, ...]] = []
    for step, value in items:
        found += [(step, *rest) for rest in paths(value)] if isinstance(value, dict | list) else [(step,)]
    return found


def put(tree: Any, path: tuple[str | int, ...], value: Any) -> Any:
    made = json.loads(json.dumps(tree))
    holder = made
    for step in path[:-1]:
        holder = holder[step]
    if value is Removed:
        del holder[path[-1]]
    else:
        holder[path[-1]] = value
    return made


@given(TREES, SCALARS, st.data(), st.sampled_from(["", "'", '"', "json", "wide"]), st.sampled_from(["\n", "\r\n"]))
def test_an_edit_changes_its_path_and_nothing_else(tree: Any, new: Any, data: Any, how: str, end: str) -> None:
    path = data.draw(st.sampled_from(paths(tree)))
    value = data.draw(st.sampled_from([new, Removed]))
    text = json.dumps(tree, indent=3 if how == "wide" else None) if how in ("json", "wide") else in_yaml(tree, how)
    file, text = ("a.json" if how in ("json", "wide") else "a.yaml"), text.replace("\n", end)
    source, said = parse_source(file, text)
    assert source is not None
    assert (source.data, said) == (tree, [])
    try:
        made = edited(file, text, [Edit(Place(source, path), value)])
    except CannotEdit:
        assert value is Removed
        assert file == "a.yaml"
        return
    again, _ = parse_source(file, made)
    assert again is not None
    assert json.dumps(again.data) == json.dumps(put(tree, path, value))
    assert made.count(end) == made.count("\n")
    if value is not Removed:
        assert [*re.findall(r"#[^'\"\n]*(?=\n)", made)] == [*re.findall(r"#[^'\"\n]*(?=\n)", text)] or "#" in str(
            [*tree, new, text]
        )
        assert made.count("\n") == text.count("\n")


@pytest.mark.parametrize(
    ("before", "value", "after"),
    [
        ("'a'", "it's", "'it''s'"),
        ('"a"', "it's", '"it\'s"'),
        ("a", "it's", '"it\'s"'),
        ("a", "b c", "b c"),
        ("a", "12", '"12"'),
        ("'20'", 20, "20"),
        ("a", "true", '"true"'),
        ("'a'", "new\nline", '"new\\nline"'),
    ],
)
def test_the_quotes_of_the_old_value_are_kept(before: str, value: Any, after: str) -> None:
    text = f"x: {before} # why\n"
    source, _ = parse_source("a.yaml", text)
    assert source is not None
    assert edited("a.yaml", text, [Edit(Place(source, ("x",)), value)]) == f"x: {after} # why\n"


@settings(max_examples=40)
@given(st.sampled_from(INPUTS), ODD, st.booleans())
def test_fixing_twice_is_fixing_once_whatever_stands_there(at: tuple[str, str, str], odd: Any, unsafe: bool) -> None:
    prompt = changed({"graph": at[0]})
    prompt[at[1]]["inputs"][at[2]] = odd
    fixed = fix_text("flow.json", json.dumps(prompt), Look("flow.json"), unsafe=unsafe)
    assert parse_source("flow.json", fixed.text)[0] is not None
    assert fix_text("flow.json", fixed.text, Look("flow.json"), unsafe=unsafe).text == fixed.text


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("a: &x 1\nb: *x\n", ("a",)),
        ("a: &x 1\nb: *x\n", ("b",)),
        ("a: &x {c: 1}\nb: *x\n", ("a", "c")),
        ("a: &x {c: 1}\nb: *x\n", ("b", "c")),
        ("a: |\n  text\n", ("a",)),
        ("a: >-\n  text\n", ("a",)),
        ("a:\n", ("a",)),
        ("a: 1\n", ("z",)),
    ],
)
def test_what_cannot_be_edited_alone_is_refused(text: str, path: tuple[str, ...]) -> None:
    source, _ = parse_source("a.yaml", text)
    assert source is not None
    with pytest.raises(CannotEdit):
        edited("a.yaml", text, [Edit(Place(source, path), 2)])


def test_a_file_keeps_its_mark_mode_and_links(tmp_path: Path) -> None:
    real, link = tmp_path / "real.yaml", tmp_path / "link.yaml"
    real.write_bytes(b"\xef\xbb\xbf" + SPEC.replace("\n", "\r\n").encode())
    real.chmod(0o640)
    link.symlink_to(real)
    shown = fix_file(str(link), Look(str(link)), unsafe=False, write=False)
    assert shown.changed
    assert b"Karras'" in real.read_bytes()
    fix_file(str(link), Look(str(link)), unsafe=False, write=True)
    assert real.read_bytes() == b"\xef\xbb\xbf" + AFTER.replace("\n", "\r\n").encode()
    assert link.is_symlink()
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    assert sorted(each.name for each in tmp_path.iterdir()) == ["link.yaml", "real.yaml"]


def test_a_file_that_changed_meanwhile_is_left(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(SPEC)
    look = Look(str(file))

    def slow(text: str) -> Sequence[Diagnostic]:
        file.write_text("# mine now\n")
        return look(text)

    with pytest.raises(FileChanged):
        fix_file(str(file), slow, unsafe=False, write=True)
    assert file.read_text() == "# mine now\n"


DIFF = """--- a/a.yaml
+++ b/a.yaml
@@ -10,6 +10,6 @@
       positive: a lighthouse   # not a ship
       negative: 'fog'
       size: 1024x1024
-      sampler:   "Euler"  # calm
-      scheduler: 'Karras' # Karras et al.
-  - save: {prefix: kept} # comfyproof: ignore[CP641] long ago
+      sampler:   "euler"  # calm
+      scheduler: 'karras' # Karras et al.
+  - save: {prefix: kept}
"""


def test_the_command(tmp_path: Path, comfyproof: Command) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(SPEC)
    done = comfyproof("lint", "--diff", "a.yaml")
    assert (done.stdout, done.returncode) == (DIFF, 1)
    assert "would fix 3 findings in 1 file" in done.stderr
    assert file.read_text() == SPEC
    assert comfyproof("lint", "--unsafe-fixes", "a.yaml").returncode == 2
    done = comfyproof("lint", "--fix", "a.yaml")
    assert (file.read_text(), done.returncode) == (AFTER, 0)
    assert "fixed 3 findings in 1 file" in done.stderr
    done = comfyproof("lint", "--diff", "a.yaml")
    assert (done.stdout, done.returncode) == ("", 0)


ODD_FILES: dict[str, bytes] = {
    "with a blank.yaml": SPEC.encode(),
    'quotes "\\ and\na line.yaml': SPEC.encode(),
    os.fsdecode(b"bytes\xff\x1b[31m.yaml"): SPEC.encode(),
    "mark.yaml": b"\xef\xbb\xbf" + SPEC.replace("\n", "\r\n").encode(),
    "returns.yaml": SPEC.replace("\n", "\r").encode(),
    "separators.yaml": SPEC.replace("# calm", "# calm \x85#\u2028# calmer").encode(),
    "folder/unended.yaml": SPEC.rstrip("\n").encode(),
    "first.json": b'\xef\xbb\xbf{"comfyproof": 1, "models": {"sd": {"checkpoint": "v1-5-pruned-emaonly.safetensors"}}, '
    b'"stages": [{"generate": {"model": "sd", "sampler": "Euler"}}, {"save": {"prefix": "a"}}]}',
}


def test_what_is_shown_applies_and_gives_what_fixing_gives(tmp_path: Path, comfyproof: Command) -> None:
    for name, content in ODD_FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    command = [sys.executable, "-m", "comfyproof", "lint", "--diff", "."]
    shown = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    assert (shown.returncode, b"\x1b" in shown.stdout.split(b"@@")[0]) == (1, False)
    other = tmp_path / "applied"
    other.mkdir()
    for name, content in ODD_FILES.items():
        (other / name).parent.mkdir(exist_ok=True)
        (other / name).write_bytes(content)
    subprocess.run(["git", "init", "-q"], cwd=other, check=True)
    subprocess.run(["git", "apply", "--whitespace=nowarn"], cwd=other, input=shown.stdout, check=True)
    assert comfyproof("lint", "--fix", ".", "--exclude", "applied/").returncode == 0
    for name, content in ODD_FILES.items():
        assert (other / name).read_bytes() == (tmp_path / name).read_bytes() != content, name


def test_what_changes_in_a_file_that_cannot_be_read_is_not_nothing(tmp_path: Path, comfyproof: Command) -> None:
    (tmp_path / "a.yaml").write_text(SPEC)
    (tmp_path / "broken.json").write_text('{"a":')
    for file, said in (("broken.json", "CP102"), ("nosuch.json", "nosuch.json")):
        done = comfyproof("lint", "--diff", "a.yaml", file)
        assert (done.returncode, said in done.stderr, done.stdout) == (3, True, DIFF)


def test_a_file_that_is_read_only_is_left(tmp_path: Path, comfyproof: Command) -> None:
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text(SPEC)
    (tmp_path / "b.yaml").chmod(0o444)
    done = comfyproof("lint", "--fix", "a.yaml", "b.yaml")
    assert (done.returncode, (tmp_path / "b.yaml").read_text()) == (6, SPEC)
    assert done.stderr.startswith('fixed 3 findings in 1 file\nerror: "b.yaml" cannot be written: it is read-only\n')


def test_a_file_of_two_names_is_fixed_once(tmp_path: Path, comfyproof: Command) -> None:
    (tmp_path / "a.yaml").write_text(SPEC)
    (tmp_path / "link.yaml").symlink_to("a.yaml")
    assert comfyproof("lint", "--diff", ".").stdout == DIFF
    done = comfyproof("lint", "--fix", ".")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "no findings")
    assert "fixed 3 findings in 1 file" in done.stderr
    assert (tmp_path / "a.yaml").read_text() == AFTER


def test_what_cannot_be_edited_does_not_keep_the_rest_from_it() -> None:
    head = "comfyproof: 1\nmodels:\n  sd: {checkpoint: v1-5-pruned-emaonly.safetensors}\nstages:\n"
    stage = (
        "  - generate: {{as: g{0}, model: sd, positive: a, sampler: {1}Euler}}\n  - save: {{as: s{0}, prefix: p{0}}}\n"
    )
    text = head + "".join(stage.format(n, f"&a{n} " if n < 150 else "") for n in range(151))
    fixed = fix_text("a.yaml", text, Look("a.yaml"), unsafe=False)
    assert fixed.text == text.replace("sampler: Euler", "sampler: euler") != text
    assert told([fixed], unsafe=False) == "fixed 1 finding in 1 file"


def test_thousands_of_findings_take_their_time_once() -> None:
    case = next(iter(CASES.values()))
    flow = prompt_of({**case, "rename": {}, "type": {}})
    sampler = next(node for node in flow.values() if node["class_type"] == "KSampler")
    for n in range(1500):
        changes = {"steps": "20", "sampler_name": "Euler", "cfg": "7"}
        flow[f"s{n}"] = {**sampler, "inputs": {**sampler["inputs"], **changes}}
        flow[f"d{n}"] = {"class_type": "PreviewImage", "inputs": {"images": [f"v{n}", 0]}}
        flow[f"v{n}"] = {"class_type": "VAEDecode", "inputs": {"samples": [f"s{n}", 0], "vae": ["loader", 2]}}
    before = time.process_time()
    fixed = fix_text("flow.json", json.dumps(flow), Look("flow.json"), unsafe=False)
    assert len(fixed.applied) >= 4500
    assert time.process_time() - before < 10


def test_a_report_says_what_can_be_fixed(tmp_path: Path, comfyproof: Command) -> None:
    (tmp_path / "a.yaml").write_text(SPEC.replace("steps", "steps").replace("1024x1024", "1024x1024\n      cfg: 30"))
    said = comfyproof("lint", "a.yaml").stdout
    assert '"Euler" is not among the values of "sampler" [fix]\n' in said
    assert "pictures burn [unsafe fix]\n" in said
    assert said.endswith("; 3 can be fixed with --fix, 1 more with --unsafe-fixes\n")
    found = json.loads(comfyproof("lint", "a.yaml", "--format", "json").stdout)["findings"]
    assert {"safe": True, "title": 'write "euler"'} in [each["fix"] for each in found]


def test_standard_input_is_fixed_onto_standard_output() -> None:
    command = [sys.executable, "-m", "comfyproof", "lint", "--fix", "-", "--stdin-filename", "a.yaml"]
    done = subprocess.run(command, input=SPEC, capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == (AFTER, 0)
    assert "fixed 3 findings" in done.stderr


@pytest.mark.parametrize(
    "text",
    [b'{"a": ', b"{}", b'{"3": {"class_type": "Nope", "inputs": {}}}', b"\xff\xfe", b"other: 1\r\n", b"\0", b""],
)
def test_what_cannot_be_fixed_goes_through_as_it_came(text: bytes) -> None:
    command = [sys.executable, "-m", "comfyproof", "lint", "--fix", "-", "--stdin-filename", "flow.json"]
    done = subprocess.run(command, input=text, capture_output=True, check=False)
    assert done.stdout == text


def test_the_mark_of_standard_input_stays() -> None:
    command = [sys.executable, "-m", "comfyproof", "lint", "--fix", "-", "--stdin-filename", "a.yaml"]
    done = subprocess.run(command, input=b"\xef\xbb\xbf" + SPEC.encode(), capture_output=True, check=False)
    assert done.stdout == b"\xef\xbb\xbf" + AFTER.encode()

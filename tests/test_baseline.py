"""Baselines: what was there is not reported again, whatever moves, and what is gone is told."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comfyproof.baseline import Baseline, BaselineError, LookedAt, empty_baseline, entry_of, read_baseline
from comfyproof.catalog.pinned import built_in
from comfyproof.diagnostics import Diagnostic, Place, Rule, Severity
from comfyproof.lint import Examiner
from comfyproof.source import Source

RULE = Rule("CP403", "value-not-in-list", Severity.ERROR, "")
OTHER = Rule("CP402", "value-range", Severity.ERROR, "")
UNREAD = Rule("CP102", "broken-text", Severity.ERROR, "")


def found(file: Path) -> tuple[Diagnostic, ...]:
    return tuple(f for f in Examiner(built_in()).file(str(file)).findings if f.rule.code in ("CP301", "CP402", "CP403"))


def make_baseline(findings: Iterable[Diagnostic], file: str | Path) -> Baseline:
    return empty_baseline(file).renewed(findings, LookedAt())


def saved(baseline: Baseline, file: Path) -> Baseline:
    """What is read back of a baseline that was written."""
    file.write_text(baseline.text())
    return read_baseline(file)


SPEC = """comfyproof: 1
models: {m: {checkpoint: sd_xl_base_1.0.safetensors}}
stages:
  - generate: {model: m, sampler: eulr, positive: x, negative: y}
  - refine: {as: hires, model: m, sampler: eulr, denoise: 0.3, positive: x, negative: y}
  - save
"""


def test_a_spec_changes_round_its_findings(tmp_path: Path) -> None:
    spec = tmp_path / "spec.yaml"
    spec.write_text(SPEC)
    before = found(spec)
    assert len(before) == 2
    baseline = saved(make_baseline(before, tmp_path / "baseline.json"), tmp_path / "baseline.json")
    for text in (
        SPEC,
        SPEC.replace("stages:\n", "\n# moved\n\nstages:\n  - load: {image: a.png}\n"),
        SPEC.replace("denoise: 0.3", "denoise: 0.4").replace("model: m, sampler", "sampler"),
    ):
        spec.write_text(text)
        held = baseline.hold(found(spec), LookedAt([str(spec)]))
        assert (held.kept, len(held.held_back), held.gone) == ((), 2, ())
    # Another mistake, even a like one at the same place, is new; what was mended is gone.
    spec.write_text(SPEC.replace("hires, model: m, sampler: eulr", "hires, model: m, sampler: heun_"))
    held = baseline.hold(found(spec), LookedAt([str(spec)]))
    assert ['"heun_" is not among' in finding.message for finding in held.kept] == [True]
    assert len(held.held_back) == 1
    assert [(entry.file, entry.code, entry.at) for entry in held.gone] == [
        ("spec.yaml", "CP403", "stages/hires/refine/sampler")
    ]


def test_nodes_are_known_by_their_ids(tmp_path: Path) -> None:
    """The editor saves nodes in another order, the server's form has them by id; neither moves a finding."""
    drawn = json.loads((Path(__file__).parent.parent / "workflows/upscale.ui.json").read_text())
    for node in drawn["nodes"]:
        node["type"] = node["type"].replace("SaveImage", "SaveImag").replace("LoadImage", "LoadImag")
    file = tmp_path / "flow.json"
    file.write_text(json.dumps(drawn))
    baseline = saved(make_baseline(found(file), tmp_path / "b.json"), tmp_path / "b.json")
    assert sum(baseline.counts.values()) >= 2
    drawn["nodes"].reverse()
    file.write_text(json.dumps(drawn, indent=2))
    held = baseline.hold(found(file), LookedAt([str(file)]))
    assert (held.kept, held.gone) == ((), ())


def finding(rule: Rule, message: str, source: Source, *path: str | int) -> Diagnostic:
    return Diagnostic(rule, message, Place(source, path))


def test_one_more_of_the_same_is_new(tmp_path: Path) -> None:
    source = Source(str(tmp_path / "a.yaml"), "", {"each": [1, 1, 1]})
    two = [finding(RULE, "the same", source, "each", n) for n in range(2)]
    baseline = saved(make_baseline(two, tmp_path / "b.json"), tmp_path / "b.json")
    third = finding(RULE, "the same", source, "each", 2)
    held = baseline.hold([*two, third], LookedAt([source.file]))
    assert (held.kept, held.held_back, held.gone) == ((third,), tuple(two), ())
    held = baseline.hold(two[:1], LookedAt([source.file]))
    assert (held.kept, len(held.held_back), len(held.gone)) == ((), 1, 1)


def test_gone_is_only_what_was_looked_at_or_has_no_file_any_more(tmp_path: Path) -> None:
    for name in ("a.json", "b.json"):
        (tmp_path / name).write_text("{}")
    sources = {name: Source(str(tmp_path / name), "", {}) for name in ("a.json", "b.json", "deleted.json")}
    baseline = make_baseline([finding(RULE, "x", each) for each in sources.values()], tmp_path / "base.json")
    held = baseline.hold([], LookedAt([sources["a.json"].file]))
    assert [entry.file for entry in held.gone] == ["a.json", "deleted.json"]


def test_it_is_renewed_for_what_was_looked_at(tmp_path: Path) -> None:
    """Neither a look at one file nor one for some rules forgets what stands in the others, or of the others."""
    for name in ("a.json", "b.json"):
        (tmp_path / name).write_text("{}")
    a, b = (Source(str(tmp_path / name), "", {}) for name in ("a.json", "b.json"))
    old = make_baseline([finding(RULE, "1", a), finding(OTHER, "2", a), finding(RULE, "3", b)], tmp_path / "base.json")
    new = old.renewed([finding(RULE, "4", a)], LookedAt([a.file], lambda code: code == "CP403"))
    assert sorted((each.file, each.code) for each in new.counts) == [
        ("a.json", "CP402"), ("a.json", "CP403"), ("b.json", "CP403")
    ]  # fmt: skip
    assert new.hold([finding(RULE, "1", a)], LookedAt()).kept
    assert not new.hold([finding(RULE, "4", a)], LookedAt()).kept
    gone = new.hold([], LookedAt([a.file], lambda code: code == "CP402")).gone
    assert [each.code for each in gone] == ["CP402"]


def test_what_could_not_be_read_is_in_no_baseline(tmp_path: Path) -> None:
    source = Source(str(tmp_path / "a.yaml"), "", {})
    broken = finding(UNREAD, "not YAML", source)
    baseline = make_baseline([broken, finding(RULE, "x", source)], tmp_path / "b.json")
    assert [entry.code for entry in baseline.counts] == ["CP403"]
    forged = Baseline(str(tmp_path), {entry_of(broken, str(tmp_path)): 1})
    assert forged.hold([broken], LookedAt([source.file])).kept == (broken,)


def test_it_holds_from_every_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "flows").mkdir()
    (tmp_path / "flows/spec.yaml").write_text(SPEC)
    monkeypatch.chdir(tmp_path)
    Path("baseline.json").write_text(make_baseline(found(Path("flows/spec.yaml")), "baseline.json").text())
    monkeypatch.chdir(tmp_path / "flows")
    held = read_baseline("../baseline.json").hold(found(Path("spec.yaml")), LookedAt(["spec.yaml"]))
    assert (held.kept, len(held.held_back)) == ((), 2)


def test_the_file_is_the_same_for_the_same_findings_and_has_one_a_line(tmp_path: Path) -> None:
    source = Source(str(tmp_path / "a.yaml"), "", {})
    findings = [finding(RULE, "b", source, "x"), finding(OTHER, "a\n", source), finding(RULE, "b", source, "x")]
    text = make_baseline(findings, tmp_path / "b.json").text()
    assert text == make_baseline(findings[::-1], tmp_path / "b.json").text()
    document = json.loads(text)
    assert document["schema"] == "comfyproof/baseline/1"
    assert [(each["code"], each.get("count")) for each in document["findings"]] == [("CP402", None), ("CP403", 2)]
    assert len(text.splitlines()) == 4 + 2 + 1
    assert json.loads(make_baseline([], tmp_path / "b.json").text())["findings"] == []
    odd = finding(RULE, "x", Source(str(tmp_path / "\udc80ü.json"), "", {}))
    baseline = make_baseline([odd], tmp_path / "b.json")
    assert saved(baseline, tmp_path / "b.json").hold([odd], LookedAt([])).held_back == (odd,)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "it is not JSON"),
        ("[" * 100_000, "it is not JSON"),
        ("[]", 'its "schema" is not "comfyproof/baseline/1"'),
        ('{"schema": "comfyproof/baseline/2", "findings": []}', 'its "schema" is not "comfyproof/baseline/1"'),
        ('{"schema": "comfyproof/baseline/1"}', 'it has no list "findings"'),
        ('{"schema": "comfyproof/baseline/1", "findings": [3]}', "entry 1 of its findings is none"),
        *(
            (json.dumps({"schema": "comfyproof/baseline/1", "findings": [entry]}), "entry 1 of its findings is none")
            for entry in (
                {"file": "a", "code": "CP1", "at": "b"},
                {"file": "a", "code": "CP1", "at": ["b"], "message": "x"},
                {"file": "a", "code": "CP1", "at": "b", "message": "x", "count": 0},
                {"file": "a", "code": "CP1", "at": "b", "message": "x", "count": True},
                {"file": "a", "code": "CP1", "at": "b", "message": "x", "count": 10**9},
            )
        ),
    ],
)
def test_what_is_no_baseline_says_why(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "b.json").write_text(text)
    with pytest.raises(BaselineError) as refusal:
        read_baseline(tmp_path / "b.json")
    assert str(refusal.value) == why


steps = st.one_of(st.integers(-2, 5), st.sampled_from(["nodes", "x", "ü", "a/b"]))
data = st.recursive(
    st.one_of(st.none(), st.integers(), st.text(max_size=3)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(["nodes", "x", "id", "as"]), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(
    st.lists(st.tuples(st.sampled_from([RULE, OTHER]), st.text(max_size=3), st.lists(steps, max_size=4)), max_size=8),
    data,
)
def test_a_baseline_holds_back_just_what_it_was_made_of(
    findings: Sequence[tuple[Rule, str, list[str | int]]], content: Any
) -> None:
    source = Source(os.path.abspath("some/flow.json"), "", content)
    made = [finding(rule, message, source, *path) for rule, message, path in findings]
    baseline = make_baseline(made, "baseline.json")
    held = baseline.hold(reversed(made), LookedAt([source.file]))
    assert (held.kept, len(held.held_back), held.gone) == ((), len(made), ())
    assert len(baseline.hold([], LookedAt([source.file])).gone) == len(made)
    rows = json.loads(baseline.text())["findings"]
    assert sum(row.get("count", 1) for row in rows) == len(made)

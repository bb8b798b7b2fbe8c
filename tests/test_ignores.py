"""Ignores in the text itself: where they reach, and that those of no use are found."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from comfyproof.catalog.pinned import built_in
from comfyproof.diagnostics import Diagnostic, Place, Rule, Severity
from comfyproof.ignores import MAX_IGNORES, Judged, judge
from comfyproof.lint import Examiner
from comfyproof.python.source import PythonSource
from comfyproof.rulebook import RULES
from comfyproof.selecting import Selection, code_of, is_fixed, nearest_rule
from comfyproof.source import Source, parse_source

HEAD = "comfyproof: 1\nmodels: {m: {checkpoint: sd_xl_base_1.0.safetensors}}\nstages:\n"
# What these tests are about; other rules find what they find.
ABOUT = ("CP19", "CP301", "CP402", "CP403")


def linted(file: Path, text: str, selection: Selection | None = None, undecided: Sequence[str] = ()) -> Judged:
    """What lint makes of a file with this text."""
    file.write_text(text)
    source, _ = parse_source(str(file), text)
    texts = [source] if source else []
    found = Examiner(built_in(), run_python=True).file(str(file)).findings
    return judge(found, texts, selection or Selection(select=ABOUT), lambda: RULES, undecided)


def said(judged: Judged) -> list[tuple[str, int]]:
    return [(finding.rule.code, finding.place.span().line) for finding in judged.kept if finding.place]


def messages(judged: Judged) -> list[str]:
    return [f"{finding.message}; {finding.help}" for finding in judged.kept]


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    return tmp_path / "spec.yaml"


def test_a_comment_on_the_line_or_alone_above_it(spec: Path) -> None:
    stage = "  - generate: {{model: m, sampler: eulr}}{}\n  - save\n".format
    assert said(linted(spec, HEAD + stage(""))) == [("CP403", 4)]
    for text in (
        HEAD + stage("  # comfyproof: ignore[CP403] made up"),
        HEAD + stage(" # comfyproof:ignore [ cp403 ]"),
        HEAD + "  # comfyproof: ignore[value-not-in-list] by its name\n" + stage(""),
        HEAD + "  # comfyproof: ignore[CP4] a family\n\n  # another comment\n" + stage(""),
        HEAD + stage("") + "# comfyproof: ignore-file[CP403]\n",
    ):
        judged = linted(spec, text)
        assert (said(judged), [finding.rule.code for finding in judged.ignored]) == ([], ["CP403"]), text


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_lines_are_counted_whatever_ends_them(spec: Path, end: str) -> None:
    text = HEAD + "  - generate:\n      model: m\n      # comfyproof: ignore[CP403]\n      sampler: eulr\n  - save\n"
    assert said(linted(spec, text.replace("\n", end))) == []


def test_a_comment_reaches_no_other_line_and_no_other_rule(spec: Path) -> None:
    text = HEAD + "  # comfyproof: ignore[CP403]\n  - generate:\n      model: m\n      sampler: eulr\n  - save\n"
    assert said(linted(spec, text)) == [("CP191", 4), ("CP403", 7)]
    text = HEAD + "  - generate: {model: m, sampler: eulr}  # comfyproof: ignore[CP402]\n  - save\n"
    assert said(linted(spec, text)) == [("CP403", 4), ("CP191", 4)]


def test_each_rule_of_an_ignore_is_told_by_itself(spec: Path) -> None:
    text = HEAD + "  - generate: {model: m, sampler: eulr}  # comfyproof: ignore[CP403, CP402 ,CP999]\n  - save\n"
    judged = linted(spec, text)
    assert [(f.rule.code, f.place.span().column) for f in judged.kept if f.place] == [("CP191", 70), ("CP192", 77)]
    assert messages(judged) == [
        '"CP402" is ignored, but not found here; take the ignore out',
        'there is no rule "CP999" to ignore; see "comfyproof rules" for their codes and names',
    ]


@pytest.mark.parametrize(
    ("comment", "message"),
    [
        ("ignore", 'this ignore names no rule, and ignores nothing; write "# comfyproof: ignore[CP403] why"'),
        ("ignore[] why", 'this ignore names no rule, and ignores nothing; write "# comfyproof: ignore[CP403] why"'),
        ("ignore[CP403", 'this ignore has no closing bracket, and ignores nothing; write "# comfyproof: ignore['),
        ("ignroe[CP403]", '"ignroe" is nothing to write here; did you mean "ignore"?'),
        ("ignorefile[CP403]", '"ignorefile" is nothing to write here; did you mean "ignore-file"?'),
        ("ignore[vale-range]", 'there is no rule "vale-range" to ignore; did you mean "value-range"?'),
        ("ignore[CP102]", '"CP102" cannot be ignored: it says that the file cannot be read as it stands; mend'),
    ],
)
def test_an_ignore_that_ignores_nothing_says_so(spec: Path, comment: str, message: str) -> None:
    judged = linted(spec, HEAD + f"  - generate: {{model: m}}  # comfyproof: {comment}\n  - save\n")
    assert said(judged) == [("CP192", 4)]
    assert messages(judged)[0].startswith(message)


def test_what_only_looks_like_an_ignore(spec: Path) -> None:
    text = HEAD + (
        "  - generate:  # comfyproof: 1 is the version; see comfyproof: ignore[CP403]\n"
        '      {model: m, positive: "a # comfyproof: ignore[CP403]",\n'
        "       negative: 'b\n         # comfyproof: ignore[CP402]', sampler: euler}\n"
        "  - refine:\n      model: m\n      denoise: 0.3\n      positive: |\n        # comfyproof: ignore[CP999]\n"
        "  - save\n"
    )
    assert said(linted(spec, text)) == []


def test_nothing_is_unused_where_the_rule_could_not_speak(spec: Path) -> None:
    text = HEAD + "  - generate: {model: m}  # comfyproof: ignore[CP403]\n  - save\n"
    assert said(linted(spec, text)) == [("CP191", 4)]
    assert said(linted(spec, text, Selection(ABOUT, ("CP191",)))) == []
    assert said(linted(spec, text, Selection(("CP301", "CP19")))) == []
    assert said(linted(spec, text, undecided=("CP40",))) == []
    assert said(linted(spec, text.replace("stages:", "stages: {"))) == [("CP102", 4)]


def test_what_could_not_be_read_is_never_ignored(spec: Path) -> None:
    for text in (
        f"{HEAD}  - generate: {{  # comfyproof: ignore-file[CP1]\n",
        f"# comfyproof: ignore[CP1]\n{HEAD} - {{",
    ):
        judged = linted(spec, text, Selection(select=("CP3",), ignore=("CP1",)))
        assert [finding.rule.code for finding in judged.kept] == ["CP102"]
        assert judged.ignored == ()
    fixed = {rule.name for rule in RULES if is_fixed(rule)}
    assert {"unreadable-file", "broken-text", "no-workflow", "broken-workflow", "unknown-class"} <= fixed
    assert all(rule.severity is Severity.ERROR for rule in RULES if rule.name in fixed)


def test_in_a_spec_in_python(tmp_path: Path) -> None:
    text = (
        "from comfyproof import Pipeline\n"
        'p = Pipeline("x")  # comfyproof: ignore[CP403]\n'
        'm = p.model("m", checkpoint="sd_xl_base_1.0.safetensors")\n'
        'p.generate(model=m, positive="# comfyproof: ignore[CP402]",\n'
        '           sampler="eulr")  # comfyproof: ignore[CP403]\n'
        "p.save()\n"
    )
    file = tmp_path / "spec.py"
    found = Examiner(built_in(), run_python=True)
    file.write_text(text)
    findings = found.file(str(file)).findings
    assert isinstance(findings[0].place.source if findings[0].place else None, PythonSource)
    judged = judge(findings, [], Selection(), lambda: RULES)
    assert said(judged) == [("CP191", 2)]


def node(kind: str, meta: Any = None, **inputs: Any) -> dict[str, Any]:
    return {"class_type": kind, "inputs": inputs, **({} if meta is None else {"_meta": meta})}


def prompt(meta: Any) -> dict[str, Any]:
    """API JSON in which one value is out of range at the first node, and one at the second."""
    return {
        "1": node("EmptyImage", {"title": "one", **meta}, width=0, height=8, batch_size=1, color=0),
        "2": node("ImageScaleBy", image=["1", 0], upscale_method="bicubic", scale_by=99.0),
        "3": node("SaveImage", images=["2", 0], filename_prefix="x"),
    }


@pytest.mark.parametrize("wrapped", [False, True])
def test_in_api_json_the_meta_of_a_node_holds_for_it_alone(tmp_path: Path, wrapped: bool) -> None:
    def found(meta: Any) -> list[tuple[str, tuple[str | int, ...]]]:
        data = {"prompt": prompt(meta)} if wrapped else prompt(meta)
        judged = linted(tmp_path / "flow.json", json.dumps(data, indent=1))
        before = int(wrapped)
        return [(f.rule.code, f.place.path[before:]) for f in judged.kept if f.place]

    first, second = ("CP402", ("1", "inputs", "width")), ("CP402", ("2", "inputs", "scale_by"))
    assert found({}) == [first, second]
    assert found({"comfyproof": {"ignore": ["CP402"], "reason": "made so"}}) == [second]
    assert found({"comfyproof": {"ignore": "value-range"}}) == [second]
    unused = ("CP191", ("1", "_meta", "comfyproof", "ignore", 1))
    assert set(found({"comfyproof": {"ignore": ["CP4", "CP301"]}})) == {second, unused}
    for broken in ([], {}, [402], None, ["CP402", 1]):
        at = ("1", "_meta", "comfyproof", "ignore")
        assert ("CP192", at) in found({"comfyproof": {"ignore": broken}})
    assert found({"comfyproof": {"other": 1}}) == found({"comfyproof": 3}) == [first, second]


def test_in_the_editors_json(tmp_path: Path) -> None:
    """A node's properties hold for it; those of the file stand in extra. Both are what the editor keeps on saving."""
    drawn = json.loads((Path(__file__).parent.parent / "workflows/upscale.ui.json").read_text())
    by_type = {each["type"]: each for each in drawn["nodes"]}
    save, load = by_type["SaveImage"], by_type["LoadImage"]
    file = tmp_path / "flow.json"
    clean = said(linted(file, json.dumps(drawn, indent=1)))
    save["type"] = "SaveImag"
    assert "CP301" in {code for code, _ in said(linted(file, json.dumps(drawn, indent=1)))} - {c for c, _ in clean}
    load["properties"]["comfyproof"] = {"ignore": ["CP301"]}
    codes = [code for code, _ in said(linted(file, json.dumps(drawn, indent=1)))]
    assert "CP301" in codes
    assert "CP191" in codes
    save["properties"]["comfyproof"] = {"ignore": ["CP301"], "reason": "ours"}
    del load["properties"]["comfyproof"]
    assert said(linted(file, json.dumps(drawn, indent=1))) == clean
    del save["properties"]["comfyproof"]
    drawn.setdefault("extra", {})["comfyproof"] = {"ignore": ["CP301"]}
    assert said(linted(file, json.dumps(drawn, indent=1))) == clean


def test_the_longest_of_select_and_ignore_decides() -> None:
    def counted(**given: tuple[str, ...]) -> set[str]:
        selection = Selection(**given)
        return {rule.code for rule in RULES if selection.counts(rule, "x.json") and not is_fixed(rule)}

    everything = counted()
    assert counted(select=("CP",)) == everything
    assert counted(select=("CP4",)) == {code for code in everything if code.startswith("CP4")}
    assert counted(ignore=("CP4",)) == {code for code in everything if not code.startswith("CP4")}
    assert counted(select=("CP4",), ignore=("CP402",)) == counted(select=("CP4",)) - {"CP402"}
    assert counted(select=("CP402",), ignore=("CP4",)) == {"CP402"}
    assert counted(select=("CP402",), ignore=("CP402",)) == set()


def test_the_names_of_rules() -> None:
    meant = {"CP403": "CP403", " cp403": "CP403", "Value-Range": "CP402", "CP4": "CP4", "cp": "CP"}
    assert {word: code_of(word, RULES) for word in meant} == meant
    assert [code_of(word, RULES) for word in ("CP49", "CP4033", "", "C", "value")] == [None] * 5
    assert nearest_rule("vale-range", RULES) == 'did you mean "value-range"?'


def test_thousands_of_ignores_and_findings_take_no_time(spec: Path) -> None:
    rule = Rule("CP403", "value-not-in-list", Severity.ERROR, "")
    many = 20_000
    text = "\n".join(["a: 1  # comfyproof: ignore[CP403, x]"] * many)
    source = Source(str(spec), text, {})
    findings = [Diagnostic(rule, f"{n}", Place(source, (f"{n}",))) for n in range(2000)]
    started = time.process_time()
    judged = judge(findings, [], Selection(), lambda: RULES)
    assert time.process_time() - started < 10
    assert len(judged.ignored) + len(judged.kept) <= len(findings) + MAX_IGNORES
    deep: Any = {"_meta": {"comfyproof": {"ignore": ["CP403"]}}}
    for _ in range(60):
        deep = {"a": [deep] * 2, "_meta": []} if _ < 8 else {"a": deep}
    assert linted(spec.with_suffix(".json"), json.dumps({**prompt({}), "9": deep})).kept

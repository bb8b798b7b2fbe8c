"""Findings in every form: the same set in each, texts that mean harm, and how long ten thousand take.

With UPDATE_GOLDEN=1 the test writes tests/reports anew; read the difference before you commit it.
"""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote_to_bytes

import jsonschema
import junitparser
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from comfyproof.catalog.pinned import built_in
from comfyproof.diagnostics import Diagnostic, Edit, Fix, NotExamined, Place, Removed, Rule, Severity, Span, Spot
from comfyproof.edits import edited
from comfyproof.graph import Graph, Node
from comfyproof.report.findings import Report, fingerprints, from_here
from comfyproof.report.forms import REPORTS, NoReport, Wanted, wanted_reports
from comfyproof.report.text import clean
from comfyproof.rules.registry import check
from comfyproof.source import Words, parse_source
from conftest import ROOT

FOLDER = ROOT / "tests" / "reports"
SARIF = jsonschema.Draft4Validator(json.loads((ROOT / "tests/sarif_2_1_0.json").read_text()))
FINDINGS = jsonschema.Draft7Validator(json.loads((ROOT / "docs/findings.schema.json").read_text()))

PAGE = """A value is not among those that its input takes.

A server refuses the prompt.

Bad:

    nodes: {soft: {ImageBlur: {image: $load}}}
"""
WRONG = Rule("CP901", "wrong-value", Severity.ERROR, PAGE)
DOUBTFUL = Rule("CP902", "doubtful-value", Severity.WARNING, "A value is seldom meant.")
TOLD = Rule("CP903", "denoise-in-words", Severity.INFO, "")

SPEC = 'comfyproof: 1\nstages:\n  - prompt: {text: "😀😀 at dusk", style: none}\n  - save: {prefix: [a,\n      b]}\n'
SAMPLER = '{"class_type": "KSampler", "inputs": {"cfg": 9}}'
API = f'{{\n  "3": {SAMPLER},\n  "4": {SAMPLER}\n}}\n'


def place(file: str, text: str, *path: str | int, key: bool = False) -> Place:
    source, findings = parse_source(file, text)
    assert source is not None, findings
    return Place(source, path, key)


def mixed() -> Report:
    """One finding of each kind: in a spec, in a workflow, in a picture, about an option, and about nothing to show."""
    spec, api = "specs/äh no #1.yaml", "flow.json"
    style = place(spec, SPEC, "stages", 0, "prompt", "style")
    inside = place("out/picture.png (prompt)", API, "3", "inputs", "cfg")
    return Report(
        (
            WRONG.at(None, "the models cannot be counted"),
            WRONG.at(Place(Words("--input", "seed=-1")), '"seed" takes at least 0', "give it 0 or more"),
            WRONG.at(style, '"none" is no style: 100%, [here](http://x), {0}', "take one"),
            DOUBTFUL.at(place(spec, SPEC, "stages", 1, "save", "prefix"), "a list, over two lines"),
            Diagnostic(DOUBTFUL, "cfg 9 is high", place(api, API, "3", "inputs", "cfg"), "take 5", "3", "cfg"),
            Diagnostic(DOUBTFUL, "cfg 9 is high", place(api, API, "4", "inputs", "cfg"), "take 5", "4", "cfg"),
            Diagnostic(TOLD, "denoise 0.3 keeps 70 %", place(api, API, "3", key=True), "", "3"),
            Diagnostic(WRONG, "not in a line of the picture", inside, "", "3", "cfg"),
        ),
        (spec, api, "out/picture.png", "good.json"),
        (
            NotExamined('file "a.safetensors"', "no server was named", kind="file", file=api, node="3"),
            NotExamined('file "b.safetensors"', "no server was named", kind="file", file=api, node="4"),
            NotExamined('file "run.py"', "a spec in Python is run to be read", kind="file", file="run.py"),
            NotExamined("target", "memory and time are not predicted yet", kind="target"),
        ),
    )  # fmt: skip


@pytest.mark.parametrize("form", REPORTS)
def test_the_same_findings_in_every_form(form: str) -> None:
    golden = FOLDER / f"mixed.{form}"
    report = REPORTS[form](mixed())
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(report, encoding="utf-8")
    assert report == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize("form", REPORTS)
def test_no_findings_at_all(form: str) -> None:
    check_form(form, Report((), ("a.json",)))
    check_form(form, Report(()))


# What readers of each form make of it. The commands are found as the runner of GitHub Actions finds them: "::" at the
# start of a line, "##[" anywhere in it.


def commands(text: str) -> Iterator[tuple[str, dict[str, str], str]]:
    """The workflow commands that a build on GitHub would obey: their name, properties and message."""
    for line in text.splitlines():
        if line.lstrip().startswith("::"):
            command, _, data = line.lstrip()[2:].partition("::")
            name, _, told = command.partition(" ")
            pairs = (each.split("=", 1) for each in told.split(",") if "=" in each)
            decoded = {key: unescaped(value, ("%3A", ":"), ("%2C", ",")) for key, value in pairs}
            yield name, decoded, unescaped(data)
        else:
            assert not re.search(r"##[\w-]*\[", line), line


def unescaped(text: str, *more: tuple[str, str]) -> str:
    for code, sign in (("%0D", "\r"), ("%0A", "\n"), *more, ("%25", "%")):
        text = text.replace(code, sign)
    return text


def check_form(form: str, report: Report) -> None:
    """That a report in this form is well-formed, has every finding, and nothing in it that commands."""
    text = REPORTS[form](report)
    assert text.encode() == Wanted(form, "-").written(report)
    assert all(c.isprintable() or c == "\n" for c in text), ascii(text)
    if form != "github":
        assert list(commands(text)) == []
    CHECKS[form](text, report)


def check_text(text: str, report: Report) -> None:
    assert len(re.findall(r"(?:error|warning|info)\[CP9", text)) >= len(report.findings)


def check_concise(text: str, report: Report) -> None:
    lines = text.splitlines()
    assert len(lines) == len(report.findings) + len({gap.reason for gap in report.not_examined})
    for line, finding in zip(lines, report.findings, strict=False):
        assert line.endswith(f"{finding.rule.severity}[{finding.rule.code}] {clean(finding.message)}")


def check_json(text: str, report: Report) -> None:
    document = json.loads(text)
    FINDINGS.validate(document)
    check_entries(document["findings"], document["examined"], document["not_examined"], report)


def check_ndjson(text: str, report: Report) -> None:
    lines = [json.loads(line) for line in text.splitlines()]
    assert len(lines) == len(report.findings) + len(report.examined) + len(report.not_examined)
    assert {line["schema"] for line in lines} <= {"comfyproof/findings/1"}
    parts = [[line[key] for line in lines if key in line] for key in ("finding", "examined", "not_examined")]
    check_entries(*parts, report)


def check_entries(findings: list, examined: list, not_examined: list, report: Report) -> None:
    assert [e["message"] for e in findings] == [halves_written(f.message) for f in report.findings]
    assert [e["node"] for e in findings] == [halves_written(f.node) or None for f in report.findings]
    assert examined == [halves_written(file) for file in report.examined]
    assert [(e["what"], e["reason"]) for e in not_examined] == [
        (halves_written(gap.what), halves_written(gap.reason)) for gap in report.not_examined
    ]


def halves_written(text: str) -> str:
    """A half of a character has no UTF-8, and stands as its number; all else is as it was."""
    return re.sub("[\ud800-\udfff]", lambda half: f"\\u{ord(half[0]):04x}", text)


def check_github(text: str, report: Report) -> None:
    found = list(commands(text))
    assert len(found) == len(text.splitlines())
    assert len(found) == len(report.findings) + len({gap.reason for gap in report.not_examined})
    names = {"error": "error", "warning": "warning", "info": "notice"}
    for (name, told, said), finding in zip(found, report.findings, strict=False):
        assert name == names[finding.rule.severity]
        assert told["title"] == f"{finding.rule.code} {finding.rule.name}"
        assert set(told) <= {"file", "line", "endLine", "col", "endColumn", "title"}
        assert said.endswith("\n".join(clean(each) for each in (finding.message, finding.help) if each))
        if "col" in told:
            assert told["line"] == told["endLine"]


def check_gitlab(text: str, report: Report) -> None:
    entries = json.loads(text)
    assert len(entries) == len(report.findings)
    assert len({entry["fingerprint"] for entry in entries}) == len(entries)
    for entry in entries:
        assert set(entry) == {"description", "check_name", "fingerprint", "severity", "location"}
        assert entry["severity"] in ("info", "minor", "major", "critical", "blocker")
        assert entry["location"]["path"]
        assert entry["location"]["lines"]["begin"] >= 1


def check_sarif(text: str, report: Report) -> None:
    document = json.loads(text)
    SARIF.validate(document)
    (run,) = document["runs"]
    assert len(run["results"]) == len(report.findings)
    for result, finding in zip(run["results"], report.findings, strict=True):
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"] == finding.rule.code
        assert "](" not in result["message"]["text"]
        assert not re.search(r"(?<!\{)(?:\{\{)*\{[0-9]+\}", result["message"]["text"])
    notes = run["invocations"][0]["toolExecutionNotifications"]
    assert len(notes) == len(report.not_examined)
    assert len(run["artifacts"]) == len({from_here(file) for file in report.examined})
    for uri in re.findall(r'"uri": "(.*)"', text):
        assert re.fullmatch(r"(?:file:///)?(?:[\w.~/-]|%[0-9A-F]{2})*", uri, re.ASCII), uri
        unquote_to_bytes(uri)


def check_junit(text: str, report: Report) -> None:
    suites = junitparser.JUnitXml.fromstring(text.encode())
    cases = [case for suite in suites for case in suite]
    results = [result for case in cases for result in case.result]
    errors = sum(finding.rule.severity is Severity.ERROR for finding in report.findings)
    assert sum(isinstance(result, junitparser.Failure) for result in results) == errors == suites.failures
    skipped = sum(isinstance(result, junitparser.Skipped) for result in results)
    assert skipped == len(report.not_examined) == suites.skipped
    assert len(cases) == suites.tests >= len(report.findings) + len(report.not_examined)
    assert {clean(from_here(file)) for file in report.examined if file} <= {suite.name for suite in suites}


CHECKS = {
    "text": check_text,
    "concise": check_concise,
    "json": check_json,
    "ndjson": check_ndjson,
    "github": check_github,
    "gitlab": check_gitlab,
    "sarif": check_sarif,
    "junit": check_junit,
}

HOSTILE = [
    "\n::error::injected",
    "x\r\n::set-output name=a::b",
    "::stop-commands::token",
    "::add-mask::e",
    " \u2003::error::after blanks",
    "##[set-env name=PATH]x",
    "###[error]x and ####[error]y",
    "##vso[task.setvariable variable=x]y",
    "##teamcity[buildStatus status='SUCCESS']",
    "\x1b[2J\x1b]0;title\x07\x9b31m",
    "a\u202eb\u2066c\u200bd\ufeff",
    "%0A::error::%25 , : ; =",
    "line\u2028separators\u2029and\x85next\x0bline",
    "]]></failure><!-- & \"quotes\" 'too' <script>alert(1)</script>",
    "\x00\x01\x08\x0c\x1f\x7f\ufffe\uffff",
    "\ud800 half \udfff",
    "[click](javascript:alert(1)) {0} {{1}} }{",
    "section_start:0:x\r\x1b[0Ka",
    "\U000e0001\U0001f600 tags and smileys",
    "../../etc/passwd",
    "/absolute/file name.json",
    "C:\\flows\\a.json",
    "a:b.json",
    "//server/share",
    "=x,line=1.json",
    ":",
    "",
]


@pytest.mark.parametrize("form", REPORTS)
@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_texts_that_mean_harm(text: str, form: str) -> None:
    check_form(form, everywhere(text))


@pytest.mark.parametrize("form", REPORTS)
def test_a_key_is_in_no_report(form: str) -> None:
    key = "hf_abcdefghijklmnopqrstuvwxyzABCDEFGH"
    text = f'"token": "{key}"'
    spot = Place(Spot("a.json", f"first\n{text}\n", Span(2, 11, 2, 11 + len(key))), ("inputs", "token"))
    report = REPORTS[form](
        Report((Diagnostic(WRONG, f'"{key}" is wrong', spot, f'not "{key}"', "1", "token"),), ("a.json",))
    )
    assert key not in report
    assert "hf_a***" in report
    if form == "text":
        line, marks = report.splitlines()[2:4]
        assert line.index("hf_a") == marks.index("^")


def everywhere(text: str) -> Report:
    """A report in which a text stands wherever one from outside can."""
    spot = Place(Spot(text, f"first\n{text}\n", Span(2, 1, 2, len(text) + 1)), ("inputs", text))
    return Report(
        (
            Diagnostic(WRONG, text, spot, text, text, text),
            Diagnostic(DOUBTFUL, f'"{text}"', Place(Words("--set", f"{text}={text}")), text),
            Diagnostic(TOLD, text, None, text),
        ),
        (text, "other.json"),
        (NotExamined(text, text, file=text, node=text), NotExamined(text, text, kind=text)),
    )


texts = st.text() | st.sampled_from(HOSTILE) | st.text(alphabet="#[]():%{}\n\r\x1b :,=/\\.x", max_size=12)


@given(texts, texts, texts, st.sampled_from([WRONG, DOUBTFUL, TOLD]), st.tuples(st.integers(1, 5), st.integers(1, 40)))
@settings(max_examples=60)
def test_any_text_is_well_formed_in_every_form(
    file: str, message: str, text: str, rule: Rule, where: tuple[int, int]
) -> None:
    line, column = where
    spot = Place(Spot(file, text, Span(line, column, line, column + 1)))
    report = Report(
        [Diagnostic(rule, message, spot, text, text, message), Diagnostic(rule, text, None)],
        [file, text],
        [NotExamined(message, text, file=file)],
    )
    for form in REPORTS:
        check_form(form, report)


def test_files_are_named_from_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    inside, outside = str(tmp_path / "a b" / "ü?.json"), str(tmp_path.parent / "c.json")
    report = Report([WRONG.at(place(file, API), "wrong") for file in (inside, outside, "./x//y.json", "../z.json")])
    assert [told["file"] for _, told, _ in commands(REPORTS["github"](report))] == [
        "a b/ü?.json",
        outside,
        "x/y.json",
        "../z.json",
    ]
    results = json.loads(REPORTS["sarif"](report))["runs"][0]["results"]
    uris = [each["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for each in results]
    assert uris[0] == "a%20b/%C3%BC%3F.json"
    assert uris[1] == f"file://{outside}"
    assert uris[2:] == ["x/y.json", "../z.json"]


def test_a_fingerprint_stays_when_the_line_moves() -> None:
    def prints(text: str) -> list[str]:
        at = [place("flow.json", text, id, "inputs", "cfg") for id in ("3", "4")]
        return list(fingerprints(Report([DOUBTFUL.at(each, "cfg 9 is high") for each in at])))

    assert prints(API) == prints("\n\n" + API.replace("inputs", "inputs"))
    assert len(set(prints(API))) == 2
    other = Report([WRONG.at(place("flow.json", API, "3"), "cfg 9 is high")])
    assert not set(prints(API)) & set(fingerprints(other))


FIXABLE = """# 😀
comfyproof: 1
stages:
  - generate: {positive: "😀 at dusk", sampler: Eule, steps: "2", model: &m sdxl, scheduler: *m, seed: 1}
  - save:
      prefix: a  # comfyproof: ignore[CP901, CP902]
      quality: 3
"""


def fixing(path: tuple[str | int, ...], value: bool | int | float | str | type[Removed]) -> Diagnostic:
    at = place("a.yaml", FIXABLE, *path)
    return Diagnostic(WRONG, "wrong", at, "mend it", fix=Fix((Edit(at, value),), False, f"write {value}"))


def test_what_sarif_says_of_fixes_is_what_fixing_does() -> None:
    stage = ("stages", 0, "generate")
    ignore = Place(Spot("a.yaml", FIXABLE, Span(6, 46, 6, 51)))
    findings = (
        fixing((*stage, "sampler"), "euler"),
        fixing((*stage, "scheduler"), "karras"),  # an alias, which is left alone
        WRONG.at(place("a.yaml", FIXABLE, *stage, "seed"), "nothing to fix"),
        fixing((*stage, "steps"), 2),
        fixing(("stages", 1, "save", "quality"), Removed),
        Diagnostic(WRONG, "unused", ignore, fix=Fix((Edit(ignore, Removed),), True, "remove it")),
    )
    report = Report(findings, ("a.yaml",))
    text = REPORTS["sarif"](report)
    check_sarif(text, report)
    results = json.loads(text)["runs"][0]["results"]
    assert [number for number, result in enumerate(results) if "fixes" in result] == [0, 3, 4, 5]
    made = FIXABLE.encode("utf-16-le").split("\n".encode("utf-16-le"))
    for result in reversed(results):
        for fix in result.get("fixes", ()):
            (change,) = fix["artifactChanges"]
            (replaced,) = change["replacements"]
            assert change["artifactLocation"]["uri"] == "a.yaml"
            region, new = replaced["deletedRegion"], replaced["insertedContent"]["text"].encode("utf-16-le")
            start, end = region["startLine"] - 1, region["endLine"] - 1
            left = made[start][: 2 * region["startColumn"] - 2] + new + made[end][2 * region["endColumn"] - 2 :]
            made[start : end + 1] = [left]
    wanted = edited("a.yaml", FIXABLE, [edit for n in (0, 3, 4, 5) for edit in findings[n].fix.edits])  # type: ignore[union-attr]
    assert "\n".encode("utf-16-le").join(made).decode("utf-16-le") == wanted
    assert "prefix: a  # comfyproof: ignore[CP901]\n" in wanted


def test_columns_in_sarif_are_utf16() -> None:
    report = Report([WRONG.at(place("spec.yaml", SPEC, "stages", 0, "prompt", "style"), "no style")])
    (finding,) = json.loads(REPORTS["json"](report))["findings"]
    (result,) = json.loads(REPORTS["sarif"](report))["runs"][0]["results"]
    region = result["locations"][0]["physicalLocation"]["region"]
    row = SPEC.split("\n")[2]
    assert row[finding["column"] - 1 : finding["end_column"] - 1] == "none"
    units = row.encode("utf-16-le")
    assert units[2 * region["startColumn"] - 2 : 2 * region["endColumn"] - 2].decode("utf-16-le") == "none"


def test_an_option_is_shown_in_the_first_file() -> None:
    report = Report([WRONG.at(Place(Words("--input", "seed=-1")), "at least 0")], ["spec.yaml", "other.yaml"])
    ((_, told, said),) = commands(REPORTS["github"](report))
    assert (told["file"], said) == ("spec.yaml", "--input seed=-1: at least 0")
    assert json.loads(REPORTS["gitlab"](report))[0]["location"] == {"path": "spec.yaml", "lines": {"begin": 1}}
    (result,) = json.loads(REPORTS["sarif"](report))["runs"][0]["results"]
    assert result["locations"] == [
        {"physicalLocation": {"artifactLocation": {"uri": "spec.yaml"}, "region": {"startLine": 1}}}
    ]


def test_rules_say_of_which_node_and_input() -> None:
    nodes = {"7": Node("7", "SaveImag", {}), "9": Node("9", "KSampler", {"steps": "many"}), "11": Node("11", "Odd", {})}
    findings, gaps = check(Graph(nodes), built_in())
    about = {(finding.rule.code, finding.node, finding.input) for finding in findings}
    assert ("CP301", "7", "") in about
    assert any(node == "9" and input == "steps" for _, node, input in about)
    assert [gap.node for gap in gaps if gap.kind == "node"] == ["11"]


@pytest.mark.parametrize("form", REPORTS)
def test_ten_thousand_findings(form: str) -> None:
    source = place("big.json", json.dumps({str(n): {"inputs": {"cfg": n}} for n in range(10_000)}, indent=1)).source
    findings = [
        Diagnostic(WRONG, f"cfg {n} is no {n}", Place(source, (str(n), "inputs", "cfg")), "take 5", str(n), "cfg")
        for n in range(10_000)
    ]
    source.at(("0",))
    began = time.process_time()
    text = REPORTS[form](Report(findings, ["big.json"]))
    took = time.process_time() - began
    assert took < 5, f"{took:.2f} s"
    assert text.count("cfg 9999 is no 9999") >= 1


def test_report_options() -> None:
    assert wanted_reports(["sarif:out.sarif", "junit:a:b.xml", "json:-"]) == [
        Wanted("sarif", "out.sarif"),
        Wanted("junit", "a:b.xml"),
        Wanted("json", "-"),
    ]
    for options, said, help in (
        (["sraif:x"], 'no report "sraif"', 'did you mean "sarif"?'),
        (["quux:x"], 'no report "quux"', "there are: concise, github, gitlab, json, junit, ndjson, sarif, text"),
        (["sarif"], "names no file", "sarif:FILE"),
        (["sarif:"], "names no file", "sarif:FILE"),
        (["sarif:x", "json:./x"], "two reports", "a file of its own"),
        (["sarif:-", "json:-"], "two reports", "a file of its own"),
    ):
        with pytest.raises(NoReport, match=said) as caught:
            wanted_reports(options)
        assert help in caught.value.help


def test_forms_load_only_what_they_need() -> None:
    program = (
        "import sys; from comfyproof.report.forms import REPORTS; from comfyproof.report.findings import Report; "
        "REPORTS['concise'](Report(())); print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not {"xml.etree.ElementTree", "hashlib", "comfyproof.report.sarif"} & set(done.stdout.split())


def test_a_report_survives_a_narrow_terminal() -> None:
    """Every form is UTF-8 text without halves of characters, whatever the files are named."""
    for form in REPORTS:
        io.TextIOWrapper(io.BytesIO(), encoding="utf-8").write(REPORTS[form](everywhere("\udc80.json")))

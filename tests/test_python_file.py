"""Specs in Python files: where their findings stand, and what running them does and does not do."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from comfyproof.catalog.pinned import built_in
from comfyproof.driver import compile_spec
from comfyproof.lint import Examiner
from comfyproof.python.file import read_python
from comfyproof.report.text import render
from comfyproof.spec.pipeline import Changes
from conftest import ROOT, Command
from test_cases import announced
from test_shape import CLI, HEAVY, loaded

FOLDER = Path(__file__).parent / "python_cases"
CASES = sorted(path for path in FOLDER.glob("*.py") if not path.name.startswith("shared_"))


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_case(case: Path) -> None:
    wanted = [(case.name, *each) for each in announced(case.read_text())]
    for shared in sorted(FOLDER.glob("shared_*.py")):
        if shared.stem in case.read_text():
            wanted += [(shared.name, *each) for each in announced(shared.read_text())]
    compiled = compile_spec(case, built_in(), Changes({}))
    found = []
    for finding in compiled.findings:
        assert finding.place is not None
        name, line = Path(finding.place.source.file).name, finding.place.span().line
        assert finding.place.source.file == str(case) or name != case.name
        found.append((name, line, finding.rule.severity.value[0].upper(), finding.rule.code, finding.message))
    found.sort()
    assert [each[:4] for each in found] == [each[:4] for each in sorted(wanted)], render(compiled.findings)
    for one, other in zip(found, sorted(wanted), strict=True):
        assert one[4].startswith(other[4]) or other[4] in one[4]


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_the_caret_stands_under_what_is_named(case: Path) -> None:
    """What a finding quotes first is what stands above its carets, wherever the text holds it as it is."""
    for finding in compile_spec(case, built_in(), Changes({})).findings:
        assert finding.place is not None
        span = finding.place.span()
        line = finding.place.source.text.splitlines()[span.line - 1]
        marked = line[span.column - 1 : span.end_column - 1 if span.end_line == span.line else None]
        if finding.rule.code in ("CP201", "CP403", "CP215"):
            word = re.findall('"(.*?)"', finding.message)[0]
            assert marked.strip("\"'") == word or word not in line, (marked, finding.message)
        if finding.rule.code == "CP204" and (value := re.search(r"is (-?\d+);", finding.message)):
            assert marked in (value[1], "denoise", "**changed"[2:], 'float("inf")'), (marked, finding.message)


def spec(folder: Path, text: str, name: str = "spec.py") -> Path:
    (folder / name).write_text(textwrap.dedent(text))
    return folder / name


SOUND = """
    from comfyproof import Pipeline
    p = Pipeline("sound")
    p.generate(model=p.model("m", checkpoint="sd_xl_base_1.0.safetensors"), steps=30)
    p.save()
"""


def test_the_caret(comfyproof: Command, tmp_path: Path) -> None:
    spec(tmp_path, SOUND.replace("steps=30", 'negative="ünder", stepps=30'))
    done = comfyproof("compile", "spec.py")
    assert done.returncode == 1
    assert done.stdout == ""
    assert (
        'spec.py:4:91: error[CP201]: unknown field "stepps"\n'
        "  |\n"
        '4 | p.generate(model=p.model("m", checkpoint="sd_xl_base_1.0.safetensors"), negative="ünder", stepps=30)\n'
        "  |                                                                                           ^^^^^^\n"
        '  help: did you mean "steps"?\n'
    ) in done.stderr


BROKEN = [
    ("p = Pipeline(\n", 1, 13, "CP106", "this is not valid Python: '(' was never closed"),
    ("def f():\nreturn 1\n", 2, 1, "CP106", "this is not valid Python: expected an indented block"),
    ("x = 1\ny = 'é' + unknown\n", 2, 11, "CP107", "the file stops here: NameError: name 'unknown' is not defined"),
    ("def f(): return 1 / 0\n\nx = f()\n", 1, 17, "CP107", "the file stops here: ZeroDivisionError"),
    ("import json\nx = json.loads('{')\n", 2, 5, "CP107", "the file stops here: JSONDecodeError"),
    ("import json\ndef f(x): return f(x)\nf(1)\n", 2, 18, "CP107", "the file stops here: RecursionError"),
    ("import sys\nif True:\n    sys.exit(0)\n", 3, 5, "CP107", "the file ends the process here"),
    ("raise SystemExit\n", 1, 1, "CP107", "the file ends the process here"),
    ("class Odd(BaseException):\n  def __str__(self): raise ValueError\nraise Odd\n", 3, 1, "CP107", "stops here: Odd"),
    ("import nothing_of_this_name\n", 1, 1, "CP107", "the file stops here: ModuleNotFoundError"),
    ("from comfyproof import Pipeline\np = Pipeline()\np.save({1})\n", 3, 1, "CP107", "the file stops here: TypeError"),
    ("x = 1\n", 1, 1, "CP108", '"spec.py" defines no pipeline'),
    ("from comfyproof import Pipeline\ndef f(): return Pipeline()\nf()\n", 1, 1, "CP108", '"spec.py" defines no'),
    ("from comfyproof import Pipeline\np = Pipeline()\nq = Pipeline()\n", 3, 5, "CP109", 'pipelines here: "p", "q"'),
    ("x = " + "(" * 300 + ")" * 300, 1, 205, "CP106", "this is not valid Python: too many nested parentheses"),
    ("x = '\ud800'", 1, 1, "CP101", '"spec.py" cannot be read: it is not UTF-8'),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line", "column", "code", "message"), BROKEN, ids=[row[0][:20] for row in BROKEN])
def test_a_broken_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, line: int, column: int, code: str, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("spec.py").write_bytes(text.encode("utf-8", "surrogatepass"))
    source, findings = read_python("spec.py")
    assert source is None
    (finding,) = findings
    assert finding.place is not None
    assert finding.rule.code == code
    assert message in finding.message
    span = finding.place.span()
    assert (span.line, span.column) == (line, column), render(findings)


def test_where_python_keeps_no_columns_the_line_is_shown(tmp_path: Path) -> None:
    spec(tmp_path, SOUND.replace("steps=30", "steps=0"))
    command = [sys.executable, "-X", "no_debug_ranges", "-m", "comfyproof", "compile", "spec.py"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.stderr.startswith('spec.py:4:1: error[CP204]: "steps" is 0')


def test_exit_codes(comfyproof: Command, tmp_path: Path) -> None:
    spec(tmp_path, SOUND)
    spec(tmp_path, "x =", "broken.py")
    spec(tmp_path, "1 / 0", "failing.py")
    for command in ("compile", "run"):
        for name, code in (("broken.py", 1), ("failing.py", 1), ("none.py", 3)):
            done = comfyproof(command, name)
            assert done.returncode == code
            assert "Traceback" not in done.stderr
    assert comfyproof("compile", "spec.py").returncode == 0
    assert comfyproof("compile", "spec.py", "--set", "generate.steps=0").returncode == 1


def test_an_exception_in_a_module_beside_it_is_shown_there(comfyproof: Command, tmp_path: Path) -> None:
    spec(tmp_path, "import beside")
    spec(tmp_path, "x = 1\ny = 1 / 0", "beside.py")
    assert (
        "beside.py:2:5: error[CP107]: the file stops here: ZeroDivisionError" in comfyproof("compile", "spec.py").stderr
    )
    spec(tmp_path, "x = 1\ny = (", "beside.py")
    assert "beside.py:2:5: error[CP106]: this is not valid Python" in comfyproof("compile", "spec.py").stderr


def test_what_the_author_prints_goes_to_standard_error(comfyproof: Command, tmp_path: Path) -> None:
    spec(tmp_path, SOUND + "    print('from the spec')\n    import os; os.system('echo from a child')\n")
    done = comfyproof("compile", "spec.py")
    assert [node["class_type"] for node in json.loads(done.stdout).values()].count("KSampler") == 1
    assert "from the spec" in done.stderr
    assert "from a child" in done.stderr
    done = comfyproof("lint", "spec.py", "--run-python", "--format", "json")
    assert json.loads(done.stdout)["examined"] == ["spec.py"]


def test_what_is_printed_in_process(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert read_python(spec(tmp_path, SOUND + "    print('from the spec')\n"))[1] == []
    assert capsys.readouterr() == ("", "from the spec\n")


def test_running_a_spec_in_python(comfyproof: Command, tmp_path: Path) -> None:
    spec(tmp_path, SOUND)
    done = comfyproof("run", "spec.py")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / done.stdout.strip()).is_file()


def test_the_file_is_run_as_a_program_of_its_own(tmp_path: Path) -> None:
    """It sees itself, and what lies beside it; nothing of it stays, and the next file gets its own modules."""
    before = (list(sys.path), sys.argv, os.getcwd(), set(sys.modules))
    for name, steps in (("one", 3), ("two", 4)):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "settings.py").write_text(f"STEPS = {steps}\n")
        file = spec(
            folder,
            f"""
            from __future__ import annotations
            import os, sys
            from dataclasses import dataclass
            from comfyproof import Pipeline
            import settings
            assert __name__ != "__main__"
            assert __file__ == sys.argv[0] == {str(folder / "spec.py")!r}, sys.argv
            assert len(sys.argv) == 1
            os.chdir("/")
            @dataclass
            class Settings:
                steps: int
            p = same = Pipeline()
            m = p.model("m", checkpoint="sd_xl_base_1.0.safetensors")
            p.generate(model=m, steps=Settings(settings.STEPS).steps)
            p.save()
        """,
        )
        program = compile_spec(file, built_in(), Changes({})).program
        assert program is not None
        assert [n.inputs["steps"] for n in program.graph.nodes.values() if "steps" in n.inputs] == [steps]
    assert (list(sys.path), sys.argv, os.getcwd()) == before[:3]
    assert "settings" not in set(sys.modules) - before[3]


def test_a_spec_beside_an_installation_leaves_that_alone() -> None:
    """In the folder of the project itself, packages are not the author's modules."""
    file = ROOT / f"spec_of_test_{os.getpid()}.py"
    try:
        spec(ROOT, SOUND, file.name)
        program = f"from comfyproof.python.file import read_python; read_python({str(file)!r})\nimport sys\n"
        loaded(program + "assert 'comfyproof.pipeline' in sys.modules")
        spec(ROOT, "from comfyproof import Pipeline\np = Pipeline(stages=3)", file.name)
        (finding,) = read_python(file)[1]
        assert finding.place is not None
        assert Path(finding.place.source.file).name == file.name
    finally:
        file.unlink()


def test_lint_runs_no_python_unless_told_to(comfyproof: Command, tmp_path: Path) -> None:
    spec(
        tmp_path, SOUND + "    print('x', end='', file=open('was_run', 'a'))\n    p.variant('a')\n    p.variant('b')\n"
    )
    (tmp_path / "spec.yaml").write_text("comfyproof: 1\nstages:\n  - generate\n")
    done = comfyproof("lint", "spec.py")
    assert done.returncode == 3
    assert 'not examined: file "spec.py": a spec in Python is run to be read, which --run-python allows' in done.stdout
    assert json.loads(comfyproof("lint", "spec.py", "--format", "json").stdout)["examined"] == []
    assert "spec.py" not in comfyproof("lint", ".").stdout
    assert not (tmp_path / "was_run").exists()
    assert comfyproof("lint", "spec.py", "--run-python").returncode == 0
    assert (tmp_path / "was_run").read_text() == "x"  # once, however many variants there are
    done = comfyproof("lint", ".", "--run-python", "--format", "json")
    assert json.loads(done.stdout)["examined"] == ["spec.py", "spec.yaml"]


def test_lint_looks_at_every_variant(tmp_path: Path) -> None:
    file = spec(tmp_path, SOUND + "    p.variant('fast', {'generate.steps': 0})\n")
    assert compile_spec(file, built_in(), Changes({})).findings == ()
    (finding,) = Examiner(built_in(), Changes({}), run_python=True).file(str(file)).findings
    assert finding.place is not None
    assert finding.place.span().line == 6


def test_files_are_found_beside_the_spec(tmp_path: Path) -> None:
    file = spec(
        tmp_path,
        SOUND + "    p.load(image=p.input('image', type='image', default='here.png'), as_='more')\n    p.preview()\n",
    )
    assert [finding.rule.code for finding in compile_spec(file, built_in(), Changes({})).findings] == ["CP223"]
    (tmp_path / "here.png").write_bytes(b"")
    assert compile_spec(file, built_in(), Changes({})).findings == ()


@pytest.mark.parametrize("ends", ["\r\n", "\r"])
def test_other_line_ends_and_a_byte_order_mark(tmp_path: Path, ends: str) -> None:
    text = textwrap.dedent(SOUND).replace("steps=30", "\n    negative='\u2028é',\n    steps=0").replace("\n", ends)
    (tmp_path / "spec.py").write_bytes(b"\xef\xbb\xbf" + text.encode())
    (finding,) = compile_spec(tmp_path / "spec.py", built_in(), Changes({})).findings
    assert "6 |" not in render([finding]).splitlines()[2]  # \u2028 ends a line in every text
    assert render([finding]).splitlines()[2].endswith("|     steps=0)")


def test_a_change_of_the_file_after_it_was_imported(tmp_path: Path) -> None:
    """Positions are then what they were, as far as they can be told: nothing breaks."""
    import linecache

    spec(tmp_path, "def add(p):\n    p.save(\n        prefx=3)\n", "later.py")
    file = spec(
        tmp_path,
        SOUND
        + "    import later\n    later.add(p)\n    import pathlib; pathlib.Path(later.__file__).write_text('(')\n",
    )
    linecache.clearcache()
    (finding,) = compile_spec(file, built_in(), Changes({})).findings
    assert finding.rule.code == "CP201"
    assert "later.py:2:1" in render([finding])


@pytest.mark.parametrize(
    ("code", "allowed"),
    [
        ("import comfyproof; comfyproof.Pipeline('x').load()", set()),
        (CLI.format("'compile', 'tests/python_specs/text_to_image.py', '-o', '-'"), {"pydantic", "yaml"}),
    ],
)
def test_start_up_loads_nothing_heavy(code: str, allowed: set[str]) -> None:
    assert loaded(code) & HEAVY <= allowed

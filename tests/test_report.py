"""Findings as text, and how a run gets on: the right line of an odd text, and nothing that commands a terminal."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

import pytest

from comfyproof.diagnostics import Diagnostic, NotExamined, Place, Rule, Severity
from comfyproof.report.text import render, unexamined
from comfyproof.source import parse_source

RULE = Rule("CP999", "test", Severity.ERROR, "A test.")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\x85", "\u2028", "\u2029"], ids=ascii)
def test_the_excerpt_shows_the_line_that_was_meant(end: str) -> None:
    source, _ = parse_source("spec", end.join(["first: 1", "second: {a: 5}", "third: 3", ""]))
    assert source is not None
    assert render([Diagnostic(RULE, "wrong", Place(source, ("second", "a")))]) == (
        "spec:2:13: error[CP999]: wrong\n"
        "  |\n"
        "2 | second: {a: 5}\n"
        "  |             ^\n"
    )  # fmt: skip


def test_what_was_not_examined_cannot_command_a_terminal() -> None:
    text = unexamined([NotExamined("a\x1b[2J", "b\x1b[2J", kind="file")])
    assert text == "not examined: a\\x1b[2J: b\\x1b[2J\n"


PROGRAM = """
from pathlib import Path
from types import SimpleNamespace as Facts
from comfyproof.cli.progress import Progress, show_checks
from comfyproof.graph import Graph, Node
from comfyproof.run import events
from comfyproof.verify.expected import Verdict
stage = "x[/b]" + chr(27) + "[2J"
spec = Facts(steps=[Facts(name=stage)], nodes=[])
with Progress(spec, Graph({"1": Node("1", "A", {}, stage=stage)})) as progress:
    progress.tell(events.NodeRunning("1"))
    progress.tell(events.NodeDone("1"))
check = Facts(verdict=Verdict.FAILED, name="[bold]size[/]", expected="[/]" + chr(27) + "[2J", measured="m" + chr(92))
show_checks(Facts(pictures=[Facts(path=Path("[b].png"), checks=[check], what="picture")] * 2, verdict="failed"))
"""


@pytest.mark.parametrize("terminal", [False, True])
def test_names_in_progress_and_checks_are_shown_as_they_are(terminal: bool) -> None:
    environment = {**os.environ, "NO_COLOR": "1", "COLUMNS": "100", "TERM": "xterm"}
    ours, theirs = pty.openpty() if terminal else os.pipe()
    with os.fdopen(theirs, "wb") as error:
        done = subprocess.run([sys.executable, "-c", PROGRAM], stderr=error, env=environment, timeout=60, check=False)
    shown = os.read(ours, 100_000).decode()
    os.close(ours)
    assert done.returncode == 0, shown
    assert "x[/b]\\x1b[2J" in shown
    assert "[bold]size[/]" in shown
    assert "[/]\\x1b[2J" in shown
    assert "[b].png" in shown
    assert "\x1b[2J" not in shown

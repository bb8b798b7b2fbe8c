"""What reads specs opens no connection, whatever it is asked to do with them."""

from __future__ import annotations

import subprocess
import sys

import pytest

from conftest import ROOT

# Python itself tells of every socket that is connected or bound, and of every name that is looked up.
PROGRAM = """
import sys
told = []
sys.addaudithook(lambda event, _: told.append(event) if event.startswith("socket.") else None)
from comfyproof.cli.main import main
try:
    main(sys.argv[1:])
except SystemExit as end:
    print(end.code, *[event for event in told if event != "socket.gethostname"], file=sys.stderr)
"""
SPEC = "specs/production_upscale_enhance.yaml"


@pytest.mark.parametrize(
    "command",
    [
        ("lint", SPEC, "workflows/production_upscale_enhance.ui.json"),
        ("compile", SPEC, "-o", "-"),
        ("plan", SPEC, "--gpu", "rtx-3090"),
    ],
    ids=lambda command: command[0],
)
def test_what_reads_specs_opens_no_connection(command: tuple[str, ...]) -> None:
    run = [sys.executable, "-c", PROGRAM, *command]
    done = subprocess.run(run, capture_output=True, text=True, check=True, cwd=ROOT, timeout=120)
    assert done.stderr.splitlines()[-1] in ("0", "1"), done.stderr


def test_a_connection_would_be_noticed() -> None:
    run = [sys.executable, "-c", PROGRAM, "doctor", "http://127.0.0.1:1"]
    done = subprocess.run(run, capture_output=True, text=True, check=True, cwd=ROOT, timeout=120)
    assert "socket.connect" in done.stderr

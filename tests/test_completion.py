"""Completion in a real shell, as a person's ~/.bashrc has it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import Command

ASK = """
eval "$(comfyproof completion bash)"
COMP_WORDS=({words}); COMP_CWORD=$(( ${{#COMP_WORDS[@]}} - 1 ))
_comfyproof_completion comfyproof
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("comfyproof comp", {"compile", "completion"}),
        ("comfyproof lint --bas", {"--baseline"}),
        ("comfyproof lint --select CP571", {"CP571"}),
        ("comfyproof lint --ignore CP301,model-file-m", {"CP301,model-file-missing"}),
        ("comfyproof explain unknown-n", {"unknown-name", "unknown-node"}),
        ("comfyproof catalog show KSampler", {"KSampler", "KSamplerAdvanced", "KSamplerSelect"}),
    ],
)
def test_bash_completes(words: str, wanted: set[str], tmp_path: Path) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", ASK.format(words=words)],
        cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True, env={**os.environ, "PATH": path},
    )  # fmt: skip
    assert set(done.stdout.split()) == wanted, done.stderr


def test_other_shells(comfyproof: Command) -> None:
    for shell in ("zsh", "fish"):
        done = comfyproof("completion", shell)
        assert (done.returncode, "_COMFYPROOF_COMPLETE" in done.stdout) == (0, True)
    assert comfyproof("completion", "tcsh").returncode == 2

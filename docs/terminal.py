"""Draws docs/terminal.svg, the picture in the README, from what the commands really print."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).parent.parent
WIDTH = 104
SPEC = "specs/production_upscale_enhance.yaml"
# Three misspellings, and one thing of many that no server minds: a page has room for no more.
LINT = "lint my.yaml --select CP2,CP4,CP501"
MISTAKES = {"with: siax": "with: siacks", "steps: 12": "stepps: 12", "sampler: euler": "sampler: eulr"}


def said(*arguments: str, cwd: str | Path = ROOT) -> str:
    """What a command prints, in color."""
    done = subprocess.run(
        [sys.executable, "-m", "comfyproof", *arguments], cwd=cwd, text=True, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env={**os.environ, "FORCE_COLOR": "1", "COLUMNS": str(WIDTH), "NO_COLOR": ""},
    )  # fmt: skip
    return done.stdout


def main() -> None:
    """Writes the picture."""
    console = Console(record=True, width=WIDTH, file=open(os.devnull, "w"))  # noqa: SIM115
    with tempfile.TemporaryDirectory() as folder:
        spec = (ROOT / SPEC).read_text()
        for sound, mistaken in MISTAKES.items():
            assert sound in spec
            spec = spec.replace(sound, mistaken)
        (Path(folder) / "my.yaml").write_text(spec)
        shutil.copy(ROOT / "specs/photograph.jpg", folder)
        lint = said(*LINT.split(), cwd=folder).split("not examined")[0].rstrip("\x1b[2m\n")
        run = said("run", SPEC, "--out", folder).replace(folder, "out")
    run = run[run.index("models: done") :]
    run = run[: run.index("not examined")].rstrip("\x1b[2m\n") + "\n" + run.splitlines()[-1]
    for command, output in ((LINT, lint), (f"run {SPEC}", run)):
        console.print(Text(f"$ comfyproof {command}", style="bold"))
        console.print(Text.from_ansi(output))
        console.print()
    svg = console.export_svg(title="comfyproof")
    (ROOT / "docs/terminal.svg").write_text("\n".join(line.rstrip() for line in svg.splitlines()) + "\n")


if __name__ == "__main__":
    main()

"""Measures what it costs to start comfyproof, in CPU time, beside a click program that does nothing."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
ROUNDS = 21
LINT = ["-m", "comfyproof", "lint"]
BARE_CLICK = '''
import click


@click.command()
@click.option("--name", help="Whom to greet.")
def main(name):
    """Greets."""
    click.echo(name)


main()
'''


def child_seconds(arguments: list[str]) -> float:
    """User and system seconds of one Python process."""
    # With compiled modules, as after an installation.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL, env=environment, cwd=ROOT)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def best_of(rounds: int, commands: dict[str, list[str]]) -> dict[str, float]:
    """The least seconds of each; all in turn in every round, so that a busy moment hits all alike."""
    found = {name: float("inf") for name in commands}
    for _ in range(rounds):
        for name, arguments in commands.items():
            found[name] = min(found[name], child_seconds(arguments))
    return found


def main() -> None:
    """Prints the table."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "bare.py"
        script.write_text(BARE_CLICK, encoding="utf-8")
        commands = {
            "python -c pass": ["-c", "pass"],
            "python -c 'import comfyproof'": ["-c", "import comfyproof"],
            "a bare click program --help": [str(script), "--help"],
            "python -m comfyproof --help": ["-m", "comfyproof", "--help"],
            "lint of a workflow": [*LINT, "workflows/production_upscale_enhance.api.json"],
            "lint of a spec": [*LINT, "specs/text_to_image.yaml"],
            "lint of a spec with a target": [*LINT, "specs/production_upscale_enhance.yaml"],
        }
        found = best_of(ROUNDS, commands)
    peer = found["a bare click program --help"]
    print(f"{'start (best of ' + str(ROUNDS) + ')':32}{'CPU ms':>8}{'to bare click':>15}")
    for name, seconds in found.items():
        print(f"{name:32}{seconds * 1000:8.1f}{seconds / peer:15.2f}")


if __name__ == "__main__":
    main()

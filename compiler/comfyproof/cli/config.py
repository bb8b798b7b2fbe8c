"""config: which settings hold, and where each comes from."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from .exits import Exit
from .terminal import all_rules, show

_WIDE = 80  # letters of a line behind which the origins still stand in a column


@click.group("config")
def config_command() -> None:
    """Show the settings that hold here: of comfyproof.toml, [tool.comfyproof] in pyproject.toml, and the defaults."""


@config_command.command("show")
@click.option("--origin", is_flag=True, help="Say where each setting comes from, too.")
def show_command(origin: bool) -> int:
    """Show every setting as it holds in this folder, as TOML.

    The settings are those of the nearest folder that has some, up to the top of the repository. An option on the
    command line stands above them.
    """
    from ..config import DEFAULTS, read_settings
    from ..report.text import clean

    settings, findings = read_settings(Path.cwd(), {}, all_rules)
    if settings is None:
        show(findings, sys.stderr)
        return Exit.USAGE
    lines = {name: f"{name} = {as_toml(settings.shown(name))}" for name in DEFAULTS}
    width = max(len(line) for line in lines.values() if len(line) <= _WIDE) if origin else 0
    for name, line in lines.items():
        click.echo(clean(f"{line:{width}}  # {settings[name].origin}" if origin else line))
    return Exit.FINE


def as_toml(value: Any) -> str:
    """A setting's value as TOML would have it, on one line."""
    if isinstance(value, dict):
        inner = ", ".join(f"{json.dumps(key, ensure_ascii=False)} = {as_toml(each)}" for key, each in value.items())
        return f"{{{inner}}}"
    return json.dumps(value, ensure_ascii=False)

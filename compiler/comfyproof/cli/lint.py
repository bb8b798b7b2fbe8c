"""lint: what is wrong with specs and workflows."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .exits import Exit
from .terminal import (
    catalog_option,
    editor_option,
    read_catalog_option,
    read_changes,
    refuse_changes,
    show,
    show_summary,
    spec_changes,
)

if TYPE_CHECKING:
    from ..catalog.widgets import Editor


@click.command("lint")
@click.argument("files", nargs=-1, required=True)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="How to write the findings.",
)
@click.option(
    "--fail-on",
    type=click.Choice(["error", "warning", "info"]),
    default="error",
    show_default=True,
    help="Exit with 1 on findings as bad as this.",
)
@click.option("--strict", is_flag=True, help="Exit with 3 if a node could not be examined.")
@click.option("--run-python", is_flag=True, help="Also lint specs in Python, which are run to read them.")
@catalog_option
@editor_option
@spec_changes
def lint_command(
    files: tuple[str, ...],
    form: str,
    fail_on: str,
    strict: bool,
    run_python: bool,
    catalog_file: str | None,
    editor: Editor,
    inputs: tuple[str, ...],
    settings: tuple[str, ...],
    variant: str | None,
) -> int:
    """Say what is wrong with specs and workflows, without running anything.

    FILES are specs, workflows as ComfyUI exports and saves them, pictures that it made, and folders of specs and
    workflows. No server is asked, and nothing is executed but, with --run-python, the specs in Python.
    """
    from ..lint import Examiner
    from ..report.json import as_json
    from ..workflow import WorkflowReader

    catalog = read_catalog_option(catalog_file)
    changes = read_changes(inputs, settings, variant) if inputs or settings or variant is not None else None
    if changes is not None:
        refuse_changes(files, WorkflowReader(catalog, editor))
    examined = Examiner(catalog, changes, run_python=run_python, editor=editor)
    compiled = [examined.file(file, alone=named) for file, named in _sources(files, run_python)]
    findings = [finding for each in compiled for finding in each.findings]
    unknown = list(dict.fromkeys(each for one in compiled for each in one.not_examined))
    if form == "json":
        sys.stdout.write(as_json(findings, [each.file for each in compiled if each.readable], unknown))
    else:
        show(findings, sys.stdout)
        show_summary(findings, unknown, sys.stdout)
    ranks = {"error": 0, "warning": 1, "info": 2}
    if not all(each.readable for each in compiled):
        return Exit.NOT_EXAMINED
    if any(ranks[finding.rule.severity] <= ranks[fail_on] for finding in findings):
        return Exit.FINDINGS
    return Exit.NOT_EXAMINED if strict and any(each.kind == "node" for each in unknown) else Exit.FINE


def _sources(files: tuple[str, ...], run_python: bool) -> list[tuple[str, bool]]:
    """The files, and the specs and workflows in the folders among them, each once, and whether it was named itself."""
    found: dict[str, bool] = {}
    suffixes = (".yaml", ".yml", ".json", *((".py",) if run_python else ()))
    for file in files:
        if not Path(file).is_dir():
            found[file] = True
            continue
        paths = (path for path in Path(file).rglob("*") if path.suffix.casefold() in suffixes and not path.is_dir())
        inside = sorted(map(str, paths))
        if not inside:
            raise click.UsageError(f'there is no spec (.yaml) and no workflow (.json) in the folder "{file}"')
        for each in inside:
            found.setdefault(each, False)
    return list(found.items())

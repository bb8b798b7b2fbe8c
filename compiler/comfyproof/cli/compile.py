"""compile: a spec as a workflow that ComfyUI takes."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .exits import Exit
from .terminal import (
    catalog_option,
    read_catalog_option,
    read_changes,
    show,
    show_summary,
    spec_changes,
    stop,
    wants_color,
)

if TYPE_CHECKING:
    from ..catalog.pinned import Catalog
    from ..driver import Compiled
    from ..spec.pipeline import Changes


MAX_FORMS = 100_000


@click.command("compile")
@click.argument("spec")
@click.option("--to", "form", type=click.Choice(["api"]), default="api", show_default=True, help="The form to write.")
@click.option("-o", "--output", metavar="FILE", help="Where to write it; standard output, unless given.")
@click.option("--all", "every", is_flag=True, help="Write every row, variant and matrix cell into the folder of -o.")
@catalog_option
@spec_changes
def compile_command(
    spec: str,
    form: str,
    output: str | None,
    every: bool,
    catalog_file: str | None,
    inputs: tuple[str, ...],
    settings: tuple[str, ...],
    variant: str | None,
) -> int:
    """Compile a spec to API JSON, which ComfyUI's server takes.

    The same spec gives the same bytes every time. Findings go to standard error.
    """
    from ..driver import compile_spec

    catalog, changes = read_catalog_option(catalog_file), read_changes(inputs, settings, variant)
    if every:
        if output in (None, "-"):
            raise click.UsageError("--all writes several files: say into which folder with -o FOLDER")
        return _compile_all(spec, catalog, changes, Path(str(output)))
    compiled = compile_spec(spec, catalog, changes)
    if (code := _told(compiled)) is not Exit.FINE or compiled.program is None:
        return code
    if output in (None, "-"):
        # JSON is UTF-8, whatever the terminal's encoding.
        sys.stdout.buffer.write(compiled.program.text().encode())
    else:
        from ..run.folder import write_whole

        write_whole(Path(str(output)), compiled.program.text().encode())
    return Exit.FINE


def _told(compiled: Compiled) -> Exit:
    """Whether there is a program, after saying what was found and what was not examined."""
    from ..report.text import unexamined

    show(compiled.findings, sys.stderr)
    if compiled.program is None:
        show_summary(compiled.findings, compiled.not_examined, sys.stderr)
        return Exit.FINDINGS if compiled.readable else Exit.NOT_EXAMINED
    sys.stderr.write(unexamined(compiled.not_examined, color=wants_color(sys.stderr)))
    return Exit.FINE


def _compile_all(spec: str, catalog: Catalog, changes: Changes, folder: Path) -> int:
    """Writes each form of a spec that compiles, and says what keeps the others from it."""
    from ..driver import compile_source, read
    from ..run.folder import write_whole
    from ..spec.forms import all_forms, most_forms

    source, said = read(spec)
    base = compile_source(spec, source, said, catalog, replace(changes, needed=False))
    if base.spec is None or base.program is None:
        return _told(base)
    if (count := most_forms(base.spec, changes)) > MAX_FORMS:
        stop(
            Exit.USAGE,
            f"this makes {count:,} workflows, over the limit of {MAX_FORMS:,}",
            "leave out values of the matrix",
        )
    written = failed = 0
    for form in all_forms(base.spec, changes):
        compiled = compile_source(spec, source, said, catalog, form.changes)
        if compiled.program is None:
            failed += 1
            click.echo(f"{form.name}:", err=True)
            show(compiled.findings, sys.stderr)
            continue
        write_whole(folder / f"{form.name}.api.json", compiled.program.text().encode())
        written += 1
    click.echo(f"{folder}: {written} workflow{'' if written == 1 else 's'}", err=True)
    if failed:
        click.echo(f"{failed} not written, for the findings above", err=True)
    return Exit.FINDINGS if failed else Exit.FINE

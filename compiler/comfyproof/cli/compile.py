"""compile: a spec as a workflow that ComfyUI takes."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from .exits import Exit
from .terminal import catalog_option, read_catalog_option, read_changes, show, show_summary, spec_changes, wants_color


@click.command("compile")
@click.argument("spec")
@click.option("--to", "form", type=click.Choice(["api"]), default="api", show_default=True, help="The form to write.")
@click.option("-o", "--output", metavar="FILE", help="Where to write it; standard output, unless given.")
@catalog_option
@spec_changes
def compile_command(
    spec: str,
    form: str,
    output: str | None,
    catalog_file: str | None,
    inputs: tuple[str, ...],
    settings: tuple[str, ...],
    variant: str | None,
) -> int:
    """Compile a spec to API JSON, which ComfyUI's server takes.

    The same spec gives the same bytes every time. Findings go to standard error.
    """
    from ..driver import compile_spec
    from ..report.text import unexamined

    compiled = compile_spec(spec, read_catalog_option(catalog_file), read_changes(inputs, settings, variant))
    show(compiled.findings, sys.stderr)
    if compiled.program is None:
        show_summary(compiled.findings, compiled.not_examined, sys.stderr)
        return Exit.FINDINGS if compiled.readable else Exit.NOT_EXAMINED
    sys.stderr.write(unexamined(compiled.not_examined, color=wants_color(sys.stderr)))
    if output in (None, "-"):
        # JSON is UTF-8, whatever the terminal's encoding.
        sys.stdout.buffer.write(compiled.program.text().encode())
    else:
        from ..run.folder import write_whole

        write_whole(Path(str(output)), compiled.program.text().encode())
    return Exit.FINE

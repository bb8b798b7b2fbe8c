"""import: a workflow of ComfyUI's as a spec."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .exits import Exit
from .terminal import catalog_option, editor_option, read_catalog_option, show, stop, wants_color

if TYPE_CHECKING:
    from ..catalog.widgets import Editor
    from ..importing import Imported
    from ..workflow import Workflow

_SUFFIXES = {"yaml": (".yaml", ".yml"), "python": (".py",)}


@click.command("import")
@click.argument("file", type=click.Path())
@click.option("--to", "form", type=click.Choice(list(_SUFFIXES)), help="The form to write; as -o ends, else yaml.")
@click.option(
    "-o", "--output", type=click.Path(), metavar="FILE", help="Where to write it; standard output, unless given."
)
@click.option("--keep-unknown", is_flag=True, help="Take nodes of unknown classes as far as the file tells them.")
@click.option("--partial", is_flag=True, help="Write the spec also where it is not the whole workflow.")
@editor_option
@catalog_option
def import_command(
    file: str,
    form: str | None,
    output: str | None,
    keep_unknown: bool,
    partial: bool,
    editor: Editor,
    catalog_file: str | None,
) -> int:
    """Import a workflow of ComfyUI's as a spec.

    FILE is API JSON, the JSON that ComfyUI's editor saves, or a picture, sound or video with one of them in it. The
    spec is compiled to prove that it gives the same graph. Findings go to standard error.
    """
    form = _form(form, output)
    catalog = read_catalog_option(catalog_file)
    from ..importing import import_graph, shown_name, spec_name
    from ..workflow import WorkflowReader

    workflow = WorkflowReader(catalog, editor, keep_unknown).read(file)
    if workflow.kind == "spec":
        stop(Exit.USAGE, f'"{file}" is a spec, and no workflow of ComfyUI\'s', "compile it")
    if workflow.graph is None or not (workflow.sound or partial):
        show(workflow.findings, sys.stderr)
        return Exit.FINDINGS if workflow.readable else Exit.NOT_EXAMINED
    target = output if output not in (None, "-") else None
    name = spec_name(file)
    shown = target or f"{name}{_SUFFIXES[form][0]}"
    imported = import_graph(workflow.graph, catalog, name, shown, (f"Imported from {shown_name(Path(file).name)}.",))
    _tell(workflow, imported)
    if not imported.equal and not partial:
        click.echo("nothing was written: --partial writes what a spec can say", err=True)
        return Exit.FINDINGS
    text = imported.text if form == "yaml" else imported.python()
    if text is None:
        stop(Exit.FINDINGS, "an input of a node has a name that Python cannot write", "import it with --to yaml")
    _write(text, target)
    return Exit.FINDINGS if _wrong(workflow, imported) else Exit.FINE


def _form(form: str | None, output: str | None) -> str:
    """The form to write, after checking that a file can be written and is named as its form wants."""
    suffix = Path(output or "").suffix.casefold()
    meant = next((each for each, suffixes in _SUFFIXES.items() if suffix in suffixes), None)
    if output not in (None, "-"):
        if form is not None and meant is not None and form != meant:
            raise click.UsageError(f'-o "{output}" is not the name of a spec in {form}')
        if Path(str(output)).exists():
            stop(Exit.USAGE, f'"{output}" is there already', "take another name, or remove it: it may be edited")
    return form or meant or "yaml"


def _tell(workflow: Workflow, imported: Imported) -> None:
    """Says what was found, what was left out or taken for granted, and what became of the nodes."""
    from ..report.text import clean, unexamined

    show([*workflow.findings, *imported.findings], sys.stderr)
    unknown = [each for each in imported.not_examined if each.kind != "file"]  # which files there are, a run says
    sys.stderr.write(unexamined(unknown, color=wants_color(sys.stderr)))
    for line in (*imported.notes, imported.summary()):
        click.echo(clean(line), err=True)


def _wrong(workflow: Workflow, imported: Imported) -> bool:
    from ..diagnostics import has_errors

    return has_errors((*workflow.findings, *imported.findings))


def _write(text: str, target: str | None) -> None:
    if target is None:
        # A spec is UTF-8, whatever the terminal's encoding.
        sys.stdout.buffer.write(text.encode())
    else:
        from ..run.folder import write_whole

        write_whole(Path(target), text.encode())

"""compile: specs and workflows as what ComfyUI takes, and in other forms."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .exits import Exit
from .terminal import (
    catalog_option,
    editor_options,
    read_catalog_option,
    read_changes,
    refuse_changes,
    show_summary,
    show_work,
    spec_changes,
    wants_color,
)

if TYPE_CHECKING:
    from ..catalog.widgets import Editor
    from ..converting import Converted, Graphs
    from ..driver import Compiled


FORMS = ("api", "ui", "yaml", "python", "mermaid", "svg", "both")


@click.command("compile")
@click.argument("files", nargs=-1, required=True, type=click.Path())
@click.option(
    "--to",
    "form",
    type=click.Choice(FORMS),
    default="api",
    show_default=True,
    help="What to write: for the server, for the editor, a spec, or a diagram; with --all also both of the first two.",
)
@click.option("-o", "--output", metavar="PATH", help="The file to write, or the folder for several; else stdout.")
@click.option("--all", "every", is_flag=True, help="Write every row, variant and matrix cell of a spec into -o.")
@click.option("--name", metavar="TEMPLATE", help="With --all: what they are called, such as {row}-{variant}-{seed:04}.")
@click.option("--yes", is_flag=True, help="With --all: write more than 1,000 without asking.")
@catalog_option
@editor_options
@spec_changes
def compile_command(
    files: tuple[str, ...],
    form: str,
    output: str | None,
    every: bool,
    name: str | None,
    yes: bool,
    catalog_file: str | None,
    editor: Editor,
    keep_unknown: bool,
    inputs: tuple[str, ...],
    settings: tuple[str, ...],
    variant: str | None,
) -> int:
    """Compile specs and workflows to API JSON, which ComfyUI's server takes, or to another form.

    FILES are specs, workflows as ComfyUI exports and saves them, pictures that it made, and folders of these.
    A workflow becomes just what ComfyUI's editor would send; lint says what is wrong with it. The same file gives
    the same bytes every time. Findings go to standard error.
    """
    from ..converting import Graphs
    from ..workflow import WorkflowReader

    catalog = read_catalog_option(catalog_file)
    changes = read_changes(inputs, settings, variant) if every or inputs or settings or variant is not None else None
    folder = None if output in (None, "-") else Path(str(output))
    if every and changes is not None:
        if folder is None or len(files) > 1:
            raise click.UsageError("--all writes several files of one spec: say into which folder with -o FOLDER")
        from .compile_all import compile_all

        return compile_all(files[0], catalog, changes, ("api", "ui") if form == "both" else (form,), folder, name, yes)
    if name is not None or form == "both":
        raise click.UsageError(f"{'--name' if name is not None else '--to both'} is for --all, which writes several")
    reader = WorkflowReader(catalog, editor, keep_unknown)
    graphs = Graphs(reader, changes)
    if changes is not None:
        refuse_changes(files, reader)
    several = len(files) > 1 or Path(files[0]).is_dir()
    if several and (folder is None or folder.is_file()):
        raise click.UsageError("several files are written into a folder: name it with -o FOLDER")
    if folder is not None and (several or folder.is_dir() or str(output).endswith("/")):
        return _compile_several(files, graphs, form, folder)
    if folder is not None and _same(folder, files[0]):
        raise click.UsageError(f'-o "{output}" is the file that is read: name another one')
    converted = graphs.convert(files[0], form)
    if (code := told(converted)) is not Exit.FINE or converted.text is None:
        return code
    if folder is None:
        # JSON is UTF-8, whatever the terminal's encoding.
        sys.stdout.buffer.write(converted.text.encode())
    else:
        from ..run.folder import write_whole

        write_whole(folder, converted.text.encode())
    return Exit.FINE


def told(converted: Converted | Compiled) -> Exit:
    """Whether there is something to write, after saying what was found and what was not examined."""
    from ..diagnostics import has_errors
    from ..report.text import unexamined

    show_work(converted.findings, sys.stderr)
    if has_errors(converted.findings) or not converted.readable:
        show_summary(converted.findings, converted.not_examined, sys.stderr)
        return Exit.FINDINGS if converted.readable else Exit.NOT_EXAMINED
    sys.stderr.write(unexamined(converted.not_examined, color=wants_color(sys.stderr)))
    return Exit.FINE


def _compile_several(files: tuple[str, ...], graphs: Graphs, form: str, folder: Path) -> int:
    """Writes each file that can be converted under its own name, and says what keeps the others from it."""
    from ..converting import SUFFIXES
    from ..diagnostics import has_errors
    from ..run.folder import write_whole

    written: dict[Path, str] = {}
    failed = unreadable = left_alone = 0
    sources = list(_sources(files, folder))
    read = {Path(file).resolve() for file, _, _ in sources}
    for file, name, named in sources:
        target = (folder / name).with_suffix(SUFFIXES[form])
        converted = graphs.convert(file, form)
        if not named and not converted.is_workflow:
            left_alone += 1
            continue
        show_work(converted.findings, sys.stderr)
        if converted.text is None or has_errors(converted.findings):
            failed, unreadable = failed + 1, unreadable + (not converted.readable)
            click.echo(f'not written: "{_clean(file)}"', err=True)
        elif target in written:
            failed += 1
            click.echo(f'not written: "{_clean(file)}": "{_clean(written[target])}" has its name', err=True)
        elif target.resolve() in read:
            failed += 1
            click.echo(f'not written: "{_clean(file)}": "{_clean(str(target))}" is a file that is read', err=True)
        else:
            write_whole(target, converted.text.encode())
            written[target] = file
    said = f", {failed} not" if failed else ""
    said += f"; left alone, since no workflow is in them: {left_alone}" if left_alone else ""
    click.echo(f"{_clean(str(folder))}: {len(written)} written{said}", err=True)
    if failed:
        return Exit.NOT_EXAMINED if unreadable == failed else Exit.FINDINGS
    return Exit.FINE


def _same(path: Path, file: str) -> bool:
    """Whether a path leads to a file, by way of links too."""
    return path.is_file() and Path(file).is_file() and path.samefile(file)


def _sources(files: tuple[str, ...], output: Path) -> Iterator[tuple[str, str, bool]]:
    """Each file, the name that it keeps below the output folder, and whether it was named itself."""
    from ..converting import files_in

    for file in files:
        if not Path(file).is_dir():
            yield file, Path(file).name, True
            continue
        if output.exists() and Path(file).resolve().is_relative_to(output.resolve()):
            raise click.UsageError(f'-o "{output}" is the folder that is read, or holds it: name another one')
        inside = files_in(Path(file), output if output.exists() else None)
        if not inside:
            raise click.UsageError(f'there is no spec and no workflow in the folder "{file}"')
        for each in inside:
            yield each, str(Path(each).relative_to(file)), False


def _clean(text: str) -> str:
    from ..report.text import clean

    return clean(text)

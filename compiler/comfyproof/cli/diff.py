"""diff: what differs between two workflows."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from .exits import Exit
from .terminal import catalog_option, editor_option, read_catalog_option, show, stop, wants_color

if TYPE_CHECKING:
    from ..catalog.widgets import Editor
    from ..converting import Graphs
    from ..graph import Graph


@click.command("diff")
@click.argument("before", type=click.Path())
@click.argument("after", type=click.Path())
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "markdown"]),
    default="text",
    show_default=True,
    help="How to write the difference; markdown is for pull requests.",
)
@editor_option
@catalog_option
def diff_command(before: str, after: str, form: str, editor: Editor, catalog_file: str | None) -> int:
    """Say what differs between two workflows, by what they mean.

    BEFORE and AFTER are specs, API JSON, the editor's JSON, or pictures, videos and sounds that ComfyUI saved, in any
    mixture; /dev/null is an empty workflow. Node ids, titles and order make no difference, and neither do places on
    the canvas. Exit code 1 says that they differ.
    """
    from ..converting import Graphs
    from ..diff.compare import compare
    from ..report.changes import as_json, as_markdown, as_text
    from ..workflow import WorkflowReader

    catalog = read_catalog_option(catalog_file)
    graphs = Graphs(WorkflowReader(catalog, editor, keep_unknown=True), needed=False)
    difference = compare(_graph(before, graphs), _graph(after, graphs), catalog)
    files = (before, after)
    if form == "json":
        text = as_json(difference, files)
    elif form == "markdown":
        text = as_markdown(difference, files, catalog)
    else:
        text = as_text(difference, files, catalog, color=wants_color(sys.stdout))
    sys.stdout.write(text)
    return Exit.FINE if difference.equal else Exit.FINDINGS


def _graph(file: str, graphs: Graphs) -> Graph:
    """The graph of a file; exits with 3 where there is none that says all that the file says."""
    from ..graph import Graph

    if file == os.devnull:
        return Graph({})
    found = graphs.graph(file)
    show(found.findings, sys.stderr)
    if found.graph is None or not found.sound:
        stop(Exit.NOT_EXAMINED, f'"{file}" cannot be compared')
    return found.graph

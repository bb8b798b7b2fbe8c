"""lint: what is wrong with specs and workflows."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .exits import Exit
from .fixes import Fixing, Stream, fix_examined, fixing_options
from .machine import machine_options, read_machine
from .selection import gather_files, hold_back, read_settings_here, selection_options, what_counts
from .terminal import (
    editor_option,
    read_changes,
    refuse_changes,
    show,
    show_summary,
    spec_changes,
)

if TYPE_CHECKING:
    from ..caching import CachingExaminer
    from ..catalog.widgets import Editor
    from ..lint import Examined, Examiner
    from ..report.findings import Report
    from ..report.forms import Wanted
    from ..spec.pipeline import Changes
    from ..workflow import WorkflowReader

FORMS = ("text", "concise", "json", "ndjson", "github", "gitlab", "sarif", "junit")
# Where there are fewer, reading what is known takes longer than looking at them.
_MANY = 20
_RANKS = {"error": 0, "warning": 1, "info": 2}


@click.command("lint")
@click.argument("files", nargs=-1, required=True, type=click.Path())
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMS),
    default="text",
    show_default=True,
    help="How to write the findings.",
)
@click.option(
    "--report",
    "reports",
    metavar="FORM:FILE",
    multiple=True,
    help="Also write the findings into a file, such as sarif:findings.sarif.",
)
@click.option(
    "--fail-on",
    type=click.Choice(["error", "warning", "info"]),
    help="Exit with 1 on findings as bad as this; error, unless set.",
)
@click.option(
    "--facts", is_flag=True, help="Also show what the rules know of each file: families, sizes, first sigmas."
)
@click.option("--strict", is_flag=True, help="Exit with 3 if a node could not be examined.")
@click.option(
    "--no-cache", is_flag=True, help="Look anew at workflows that have not changed since they were looked at."
)
@click.option("--run-python", is_flag=True, help="Also lint specs in Python, which are run to read them.")
@fixing_options
@selection_options
@machine_options
@editor_option
@spec_changes
def lint_command(
    files: tuple[str, ...],
    form: str,
    reports: tuple[str, ...],
    fail_on: str | None,
    facts: bool,
    strict: bool,
    no_cache: bool,
    run_python: bool,
    fixing: Fixing | None,
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    exclude: tuple[str, ...],
    skip_others: bool,
    stdin_filename: str,
    baseline: str | None,
    write_baseline: bool,
    catalog_file: str | None,
    server: str | None,
    models: str | None,
    headers: tuple[str, ...],
    certificate: str | None,
    editor: Editor,
    inputs: tuple[str, ...],
    settings: tuple[str, ...],
    variant: str | None,
) -> int:
    """Say what is wrong with specs and workflows, without running anything.

    FILES are specs, workflows as ComfyUI exports and saves them, pictures that it made, folders of specs and
    workflows, patterns such as "flows/**/*.json", and - for standard input. No server is asked but the one that
    --server names, and nothing is executed but, with --run-python, the specs in Python.
    """
    from ..gathering import IN_FOLDERS
    from ..lint import Examiner
    from ..report.findings import Report
    from ..workflow import MAX_BYTES, WorkflowReader

    wanted = _wanted(reports)
    flags = {"select": select, "ignore": ignore, "exclude": exclude}
    held = read_settings_here({**flags, "fail-on": fail_on, "strict": strict, "catalog": catalog_file})
    catalog = read_machine(catalog_file if server else held.catalog, server, models, headers, certificate)
    changes = read_changes(inputs, settings, variant) if inputs or settings or variant is not None else None
    if changes is not None:
        refuse_changes(files, WorkflowReader(catalog, editor))
    examiner = Examiner(catalog, changes, run_python=run_python, editor=editor)
    gathered = gather_files(files, held, (*IN_FOLDERS, *((".py",) if run_python else ())))
    named = [(file, is_named and not skip_others) for file, is_named in gathered.files]
    stream = Stream(stdin_filename, sys.stdin.buffer.read(MAX_BYTES + 1)) if "-" in files else None
    examined = _examined(examiner, named, stream, cached=not no_cache)
    examined = fix_examined(examined, examiner, held, fixing, stream, gathered.unreadable)
    findings = what_counts([(each.findings, each.texts) for each in examined], held)
    findings = hold_back(baseline, write_baseline, findings, [each.file for each in examined if each.whole], held)
    of_files = (replace(gap, file=gap.file or each.file) for each in examined for gap in each.not_examined)
    unknown = list(dict.fromkeys((*gathered.passed_over, *gathered.unreadable, *of_files)))
    _write(Report(findings, [each.file for each in examined if each.readable], unknown), form, wanted)
    if facts:
        _show_facts([file for file, _ in gathered.files if file != "-"], WorkflowReader(catalog, editor), changes)
    if gathered.unreadable or not all(each.readable for each in examined):
        return Exit.NOT_EXAMINED
    if any(_RANKS[finding.rule.severity] <= _RANKS[held.fail_on] for finding in findings):
        return Exit.FINDINGS
    return Exit.NOT_EXAMINED if held.strict and any(each.kind == "node" for each in unknown) else Exit.FINE


def _examined(
    examiner: Examiner, files: Sequence[tuple[str, bool]], stream: Stream | None, *, cached: bool
) -> list[Examined]:
    """What is wrong with each file, the names each with whether it stands alone; "-" is the stream."""
    from .waiting import Counting

    found: list[Examined] = []
    with Counting("looking at files") as counting, _looker(examiner, cached and len(files) >= _MANY) as looker:
        for file, alone in files:
            given = _stdin(examiner, stream) if file == "-" and stream else looker.file(file, alone=alone)
            found.append(given)
            counting.says(len(found), len(files))
    return found


def _looker(examiner: Examiner, cached: bool) -> AbstractContextManager[Examiner | CachingExaminer]:
    """What looks at files: an examiner, or one that knows again what it has seen."""
    if not cached:
        return nullcontext(examiner)
    from ..caching import CachingExaminer, cache_folder

    return CachingExaminer(examiner, cache_folder())


def _show_facts(files: list[str], reader: WorkflowReader, changes: Changes | None) -> None:
    """Says on stderr what is known of each file, before any rule looks at it."""
    from ..converting import Graphs
    from ..facts.describe import describe
    from ..facts.read import facts_of
    from ..report.text import clean

    graphs = Graphs(reader, changes)
    for file in files:
        graph = graphs.graph(file).graph
        lines = describe(facts_of(graph, graphs.catalog)) if graph else ["nothing, since it has no graph"]
        click.echo("\n".join(clean(line) for line in (f"facts of {file}:", *lines)), err=True)


def _wanted(options: tuple[str, ...]) -> list[Wanted]:
    """The reports that --report asks for. Raises click.UsageError for one that makes no sense."""
    if not options:
        return []
    from ..report.forms import NoReport, wanted_reports

    try:
        return list(wanted_reports(options))
    except NoReport as problem:
        raise click.UsageError(f"{problem}. {problem.help}" if problem.help else str(problem)) from None


def _write(report: Report, form: str, wanted: list[Wanted]) -> None:
    """Writes the findings to stdout, and into the files that were asked for."""
    if form == "text":  # the only one with colors in it
        show(report.findings, sys.stdout)
        show_summary(list(report.findings), list(report.not_examined), sys.stdout)
    else:
        from ..report.forms import REPORTS

        sys.stdout.write(REPORTS[form](report))
    for each in wanted:
        if each.file == "-":
            sys.stdout.flush()
            sys.stdout.buffer.write(each.written(report))
        else:
            from ..run.folder import write_whole

            write_whole(Path(each.file), each.written(report))


def _stdin(examiner: Examiner, stream: Stream) -> Examined:
    """What is wrong with the text on standard input."""
    from ..gathering import read_stream
    from ..lint import Examined
    from ..workflow import MAX_BYTES

    text, said = read_stream(BytesIO(stream.read), stream.name, MAX_BYTES)
    if text is None:
        return Examined(stream.name, tuple(said), (), readable=False)
    return examiner.text(stream.name, text)

"""Linting a file: a spec in each of the forms that a run can ask for, or a workflow as ComfyUI saved it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import islice

from .catalog.pinned import Catalog
from .catalog.widgets import NEWER, Editor
from .diagnostics import Diagnostic, NotExamined, in_reading_order
from .driver import compile_source, read
from .formats.ui_rules import KEPT_UNKNOWN, MISFIT_VALUE
from .python.file import is_python
from .rules.registry import check, live_nodes
from .spec.forms import single_changes
from .spec.pipeline import Changes
from .workflow import Workflow, WorkflowReader

MAX_FORMS = 200
PYTHON_LEFT_ALONE = "a spec in Python is run to be read, which --run-python allows"


@dataclass(frozen=True)
class Examined:
    """What was found in one file; `readable` is false where there was no text to look at."""

    file: str
    findings: tuple[Diagnostic, ...]
    not_examined: tuple[NotExamined, ...]
    readable: bool


# The rules say the same of these, as a server would, and with the same place.
_SAID_BY_RULES = (KEPT_UNKNOWN, MISFIT_VALUE)


def examine(
    file: str, catalog: Catalog, changes: Changes, *, run_python: bool = False, editor: Editor = NEWER
) -> Examined:
    """What is wrong with a file: a workflow that ComfyUI saved, or a spec in any form that a run can ask for.

    The inputs of a spec may lack a value. A spec in Python has to be run to be read, and is left alone without
    `run_python`. Workflows of ComfyUI's editor are read as that generation of it would.
    """
    workflow = WorkflowReader(catalog, editor, keep_unknown=True).read(file)
    if workflow.kind != "spec":
        return _examine_workflow(workflow, catalog)
    return _examine_spec(file, catalog, changes, run_python)


def _examine_workflow(workflow: Workflow, catalog: Catalog) -> Examined:
    findings = [finding for finding in workflow.findings if finding.rule not in _SAID_BY_RULES]
    not_examined: list[NotExamined] = []
    if workflow.graph is not None:
        found, not_examined = check(workflow.graph, catalog, live_nodes(workflow.graph, catalog))
        findings += found
    return Examined(workflow.file, tuple(in_reading_order(findings)), tuple(not_examined), workflow.readable)


def _examine_spec(file: str, catalog: Catalog, changes: Changes, run_python: bool) -> Examined:
    if is_python(file) and not run_python:
        return Examined(file, (), (NotExamined(f'file "{file}"', PYTHON_LEFT_ALONE, kind="file"),), readable=False)
    changes = replace(changes, needed=False)
    source, said = read(file)
    base = compile_source(file, source, said, catalog, changes)
    findings, not_examined = list(base.findings), dict.fromkeys(base.not_examined)
    forms = single_changes(base.spec, changes) if base.spec else iter(())
    for form in islice(forms, MAX_FORMS):
        other = compile_source(file, source, said, catalog, form)
        findings += other.findings
        not_examined.update(dict.fromkeys(other.not_examined))
    if left := sum(1 for _ in forms):
        not_examined[NotExamined(f"{left} more forms of the spec", f"the first {MAX_FORMS} were looked at")] = None
    return Examined(file, tuple(in_reading_order(findings)), tuple(not_examined), base.readable)

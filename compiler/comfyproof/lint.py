"""Linting a file: a spec in each of the forms that a run can ask for, or a workflow as ComfyUI saved it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING

from .catalog.pinned import Catalog
from .catalog.widgets import NEWER, Editor
from .diagnostics import Diagnostic, NotExamined, in_reading_order
from .formats.ui_rules import KEPT_UNKNOWN, MISFIT_VALUE
from .rules.registry import check, live_nodes
from .workflow import NO_WORKFLOW, Workflow, WorkflowReader

if TYPE_CHECKING:
    from .spec.pipeline import Changes

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


@dataclass(frozen=True)
class Examiner:
    """Looks at one file after the other, against one catalog.

    `changes` are for specs, whose inputs may lack a value; None stands for none. A spec in Python has to be run to be
    read, and is left alone without `run_python`. Workflows of ComfyUI's editor are read as that generation of it would.
    """

    catalog: Catalog
    changes: Changes | None = None
    run_python: bool = False
    editor: Editor = NEWER

    @cached_property
    def _reader(self) -> WorkflowReader:
        return WorkflowReader(self.catalog, self.editor, keep_unknown=True)

    def file(self, file: str, *, alone: bool = True) -> Examined:
        """What is wrong with a file: a workflow that ComfyUI saved, or a spec in any form that a run can ask for.

        One that is neither is an error where it stands `alone`, and was not found among others in a folder.
        """
        workflow = self._reader.read(file)
        if workflow.kind == "spec":
            return _examine_spec(file, self.catalog, self.changes, self.run_python)
        if not alone and any(finding.rule is NO_WORKFLOW for finding in workflow.findings):
            return Examined(file, (), (NotExamined(f'file "{file}"', "it is no workflow", kind="file"),), readable=True)
        return _examine_workflow(workflow, self.catalog)


def _examine_workflow(workflow: Workflow, catalog: Catalog) -> Examined:
    findings = [finding for finding in workflow.findings if finding.rule not in _SAID_BY_RULES]
    not_examined: list[NotExamined] = []
    if workflow.graph is not None:
        found, not_examined = check(workflow.graph, catalog, live_nodes(workflow.graph, catalog))
        findings += found
    return Examined(workflow.file, tuple(in_reading_order(findings)), tuple(not_examined), workflow.readable)


def _examine_spec(file: str, catalog: Catalog, changes: Changes | None, run_python: bool) -> Examined:
    # Here, since a workflow does without the language, which takes longer to load than a workflow to lint.
    from .driver import compile_source, read
    from .python.file import is_python
    from .spec.forms import single_changes
    from .spec.pipeline import Changes

    if is_python(file) and not run_python:
        return Examined(file, (), (NotExamined(f'file "{file}"', PYTHON_LEFT_ALONE, kind="file"),), readable=False)
    changes = replace(changes or Changes({}), needed=False)
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

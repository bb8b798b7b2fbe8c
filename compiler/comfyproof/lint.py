"""Linting a file: a spec in each of the forms that a run can ask for, or a workflow as ComfyUI saved it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from .catalog.pinned import Catalog
from .catalog.widgets import NEWER, Editor
from .diagnostics import (
    Diagnostic,
    NotExamined,
    Place,
    Span,
    Spot,
    Text,
    edit_distance,
    has_errors,
    in_reading_order,
)
from .formats.ui_rules import FILLED_LATER, KEPT_UNKNOWN, MISFIT_VALUE
from .rules.registry import check, live_nodes
from .rules.structure import no_output
from .selecting import is_fixed
from .source import Source, parse_source
from .workflow import NO_WORKFLOW, SPEC_SUFFIXES, Workflow, WorkflowReader

if TYPE_CHECKING:
    from .spec.pipeline import Changes

MAX_FORMS = 200
PYTHON_LEFT_ALONE = "a spec in Python is run to be read, which --run-python allows"


class Examined(NamedTuple):
    """What was found in one file; `readable` is false where there was no text to look at.

    `texts` are what was read of it and may hold ignores.
    """

    file: str
    findings: tuple[Diagnostic, ...]
    not_examined: tuple[NotExamined, ...]
    readable: bool
    texts: tuple[Text, ...] = ()

    @property
    def whole(self) -> bool:
        """Whether it was read to the end, so that a finding which is not here is not in it."""
        return self.readable and not any(is_fixed(finding.rule) for finding in self.findings)


# The rules say the same of these, as a server would, and with the same place.
_EMPTY = ("no node is left to run", "take what is to run out of mute, or add nodes")
_SAID_BY_RULES = (KEPT_UNKNOWN, MISFIT_VALUE, FILLED_LATER)


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
            return self._spec(file, alone)
        if not alone and any(finding.rule is NO_WORKFLOW for finding in workflow.findings):
            return Examined(file, (), (NotExamined(f'file "{file}"', "it is no workflow", kind="file"),), readable=True)
        return _examine_workflow(workflow, self.catalog)

    def text(self, name: str, text: str) -> Examined:
        """What is wrong with a text that is in no file, under a name; a spec in Python has to be in one."""
        suffix = Path(name).suffix.casefold()
        if suffix == ".py":
            gap = NotExamined(f'file "{name}"', "a spec in Python is read from a file", kind="file")
            return Examined(name, (), (gap,), readable=False)
        workflow = self._reader.text(name, text)
        if workflow.kind == "spec" or suffix in SPEC_SUFFIXES:
            return _examine_spec(name, *parse_source(name, text), self.catalog, self.changes)
        return _examine_workflow(workflow, self.catalog)

    def _spec(self, file: str, alone: bool) -> Examined:
        # Here, since a workflow does without the language, which takes longer to load than a workflow to lint.
        from .driver import read
        from .python import is_python

        if is_python(file) and not self.run_python:
            return Examined(file, (), (NotExamined(f'file "{file}"', PYTHON_LEFT_ALONE, kind="file"),), readable=False)
        source, said = read(file)
        if not alone and _is_foreign(source, said):
            return Examined(file, (), (NotExamined(f'file "{file}"', "it is no spec", kind="file"),), readable=True)
        return _examine_spec(file, source, said, self.catalog, self.changes)


def _is_foreign(source: Source | None, said: Sequence[Diagnostic]) -> bool:
    """Whether a YAML file is another program's: it does not say, nor tries to say, that it is a spec."""
    if source is None:
        return all(finding.place and "comfyproof" not in finding.place.source.text for finding in said)
    keys = source.data if isinstance(source.data, dict) else ()
    return not any(key == "comfyproof" or edit_distance(key[:20].casefold(), "comfyproof") <= 2 for key in keys)


def _examine_workflow(workflow: Workflow, catalog: Catalog) -> Examined:
    findings = [finding for finding in workflow.findings if finding.rule not in _SAID_BY_RULES]
    if workflow.graph is not None and not workflow.graph.nodes and not has_errors(findings):
        findings.append(no_output.rule.at(Place(Spot(workflow.file, "", Span(1, 1, 1, 1))), *_EMPTY))
    not_examined: list[NotExamined] = []
    if workflow.graph is not None:
        found, not_examined = check(workflow.graph, catalog, live_nodes(workflow.graph, catalog))
        # What could not be read has been said; that no server can take it, either, need not be.
        unread = {finding.place.path for finding in findings if finding.place and is_fixed(finding.rule)}
        findings += [each for each in found if each.place is None or each.place.path not in unread]
    texts = _texts(workflow)
    return Examined(workflow.file, tuple(in_reading_order(findings)), tuple(not_examined), workflow.readable, texts)


def _texts(workflow: Workflow) -> tuple[Text, ...]:
    """What a workflow was read from; not what is in a picture, where nobody can mend an ignore."""
    nodes = workflow.graph.nodes.values() if workflow.graph else ()
    place = next((place for node in nodes if (place := node.place())), None)
    return (place.source,) if place and place.source.file == workflow.file else ()


def _of_one_form(finding: Diagnostic) -> Diagnostic:
    """A finding in one form of a spec, without a guessed fix of what stands in all of them."""
    fix, path = finding.fix, finding.place.path if finding.place else ()
    return finding if fix is None or fix.safe or path[:1] == ("variants",) else replace(finding, fix=None)


def _examine_spec(
    file: str, source: Source | None, said: Sequence[Diagnostic], catalog: Catalog, changes: Changes | None
) -> Examined:
    from .driver import compile_source
    from .spec.forms import single_changes
    from .spec.pipeline import Changes

    changes = replace(changes or Changes({}), needed=False)
    base = compile_source(file, source, said, catalog, changes)
    findings, not_examined = list(base.findings), dict.fromkeys(base.not_examined)
    forms = single_changes(base.spec, changes) if base.spec else iter(())
    for form in islice(forms, MAX_FORMS):
        other = compile_source(file, source, said, catalog, form)
        findings[:0] = map(_of_one_form, other.findings)  # in front, since of two alike the last is kept
        not_examined.update(dict.fromkeys(other.not_examined))
    if left := sum(1 for _ in forms):
        not_examined[NotExamined(f"{left} more forms of the spec", f"the first {MAX_FORMS} were looked at")] = None
    texts = () if source is None else (source,)
    return Examined(file, tuple(in_reading_order(findings)), tuple(not_examined), base.readable, texts)

"""Compiling one spec: the one place that knows the order of things, and the list of all rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from . import config as config_module
from . import ignores as ignores_module
from . import source as source_module
from . import workflow as workflow_module
from .catalog.pinned import Catalog
from .diagnostics import Diagnostic, NotExamined, Rule, has_errors, in_reading_order
from .formats import broken as broken_module
from .formats import ui_rules as ui_rules_module
from .formats import ui_scopes as ui_scopes_module
from .formats import ui_write_nodes as ui_write_nodes_module
from .formats.api import dump_api
from .graph import Graph
from .lift import limits as limits_module
from .lower import lower
from .passes.pipeline import run_passes
from .python import file as python_module
from .rules.reach import unreachable_node
from .rules.registry import GRAPH_RULES, check
from .rules.structure import no_output
from .source import Source, read_source
from .spec import changes as changes_module
from .spec import dollars as dollars_module
from .spec import each as each_module
from .spec import filling as filling_module
from .spec import inputs as inputs_module
from .spec import likes as likes_module
from .spec import matrix as matrix_module
from .spec import names as names_module
from .spec import pipeline as pipeline_module
from .spec import problems as problems_module
from .spec import uses as uses_module
from .spec.pipeline import Changes, Spec, read_spec
from .stages import site as site_module

RULES: tuple[Rule, ...] = tuple(
    sorted(
        (
            *source_module.RULES,
            *config_module.RULES,
            *ignores_module.RULES,
            *python_module.RULES,
            *workflow_module.RULES,
            *broken_module.RULES,
            *ui_scopes_module.RULES,
            *ui_rules_module.RULES,
            *ui_write_nodes_module.RULES,
            *limits_module.RULES,
            *problems_module.RULES,
            *changes_module.RULES,
            *names_module.RULES,
            *filling_module.RULES,
            *likes_module.RULES,
            *pipeline_module.RULES,
            *site_module.RULES,
            *inputs_module.RULES,
            *dollars_module.RULES,
            *each_module.RULES,
            *matrix_module.RULES,
            *uses_module.RULES,
            *(each.rule for each in GRAPH_RULES),
        ),
        key=lambda rule: rule.code,
    )
)


_OF_THE_WHOLE = (no_output.rule, unreachable_node.rule)
# What may only be missing because a file that has it could not be taken over.
_OF_NAMES = (site_module.UNKNOWN_NAME, changes_module.UNKNOWN_PATH, inputs_module.UNKNOWN_INPUT)


@dataclass(frozen=True)
class Program:
    """A spec compiled: the graph that a server can run, and all that it was made from.

    `not_examined` holds what no server can tell either, once it is asked for its nodes and files.
    """

    file: str
    spec: Spec
    graph: Graph
    catalog: Catalog
    not_examined: tuple[NotExamined, ...]

    def text(self) -> str:
        """The graph as API JSON, the same bytes every time."""
        return dump_api(self.graph)


@dataclass(frozen=True)
class Compiled:
    """What became of a spec.

    `program` is None where an error stopped it, `spec` where it is none; `readable` is false where there was no text.
    """

    file: str
    spec: Spec | None
    program: Program | None
    findings: tuple[Diagnostic, ...]
    not_examined: tuple[NotExamined, ...]
    readable: bool = True


def compile_spec(file: str | Path, catalog: Catalog, changes: Changes) -> Compiled:
    """A spec's graph, or all that is wrong with it; a Python file is run to read it."""
    return compile_source(str(file), *read(file), catalog, changes)


def read(file: str | Path) -> tuple[Source | None, list[Diagnostic]]:
    """What a spec says, in either of its forms, with what is wrong in it; None where nothing can be made of it."""
    return python_module.read_python(file) if python_module.is_python(file) else read_source(file)


def compile_source(
    file: str, source: Source | None, findings: Sequence[Diagnostic], catalog: Catalog, changes: Changes
) -> Compiled:
    """The graph of a spec that was read, or all that is wrong with it, `findings` being what reading it found."""
    if source is None:
        unreadable = any(finding.rule is source_module.UNREADABLE for finding in findings)
        return Compiled(file, None, None, tuple(in_reading_order(findings)), (), not unreadable)
    return _compile(file, source, list(findings), catalog, changes)


def _compile(file: str, source: Source, findings: list[Diagnostic], catalog: Catalog, changes: Changes) -> Compiled:
    program = None
    not_examined: list[NotExamined] = []
    spec = read_spec(source, changes, findings)
    if spec is not None:
        lowered = lower(spec, catalog, findings)
        found, not_examined = check(lowered, catalog)
        # What is missing may stand in a part that could not be read, and what is left over may be for it.
        broken = has_errors(findings)
        unread = {_start(finding) for finding in findings if finding.place} if broken else set()
        findings += [
            finding
            for finding in found
            if not broken or (finding.rule not in _OF_THE_WHOLE and _start(finding) not in unread)
        ]
        if spec.incomplete:
            findings = [finding for finding in findings if finding.rule not in _OF_NAMES]
        unplanned = (
            ()
            if spec.target is None
            else (NotExamined("target", "memory and time are not predicted yet", kind="target"),)
        )
        not_examined += [*spec.not_examined, *unplanned]
        if not has_errors(findings):
            program = Program(file, spec, run_passes(lowered, catalog), catalog, unplanned)
    return Compiled(file, spec, program, tuple(in_reading_order(findings)), tuple(not_examined))


def _start(finding: Diagnostic) -> tuple[str, int, int] | None:
    """Where a finding begins: what could not be read stands at a value that nobody gave, of which no rule may speak."""
    if finding.place is None:
        return None
    span = finding.place.span()
    return finding.place.source.file, span.line, span.column

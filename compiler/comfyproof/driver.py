"""Compiling one spec: the one place that knows the order of things."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from .catalog.pinned import Catalog
from .diagnostics import Diagnostic, NotExamined, Place, has_errors, in_reading_order
from .formats.api import dump_api
from .graph import Graph
from .lower import lower
from .passes.pipeline import run_passes
from .python import is_python
from .rules.reach import unreachable_node
from .rules.registry import check
from .rules.structure import no_output
from .source import UNREADABLE, Source, read_source
from .spec.changes import UNKNOWN_PATH
from .spec.inputs import UNKNOWN_INPUT
from .spec.pipeline import Changes, Spec, read_spec
from .stages.site import UNKNOWN_NAME

_OF_THE_WHOLE = (no_output.rule, unreachable_node.rule)
# What may only be missing because a file that has it could not be taken over.
_OF_NAMES = (UNKNOWN_NAME, UNKNOWN_PATH, UNKNOWN_INPUT)


class Program(NamedTuple):
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


class Compiled(NamedTuple):
    """What became of a spec.

    `program` is None where an error stopped it, `spec` where it is none; `readable` is false where there was no text.
    `graph` is there also where nothing is wrong but that its target is too small.
    """

    file: str
    spec: Spec | None
    program: Program | None
    findings: tuple[Diagnostic, ...]
    not_examined: tuple[NotExamined, ...]
    readable: bool = True
    graph: Graph | None = None


def compile_spec(file: str | Path, catalog: Catalog, changes: Changes) -> Compiled:
    """A spec's graph, or all that is wrong with it; a Python file is run to read it."""
    return compile_source(str(file), *read(file), catalog, changes)


def read(file: str | Path) -> tuple[Source | None, list[Diagnostic]]:
    """What a spec says, in either of its forms, with what is wrong in it; None where nothing can be made of it."""
    if not is_python(file):
        return read_source(file)
    from .python.file import read_python  # here, since most specs are in YAML

    return read_python(file)


def compile_source(
    file: str, source: Source | None, findings: Sequence[Diagnostic], catalog: Catalog, changes: Changes
) -> Compiled:
    """The graph of a spec that was read, or all that is wrong with it, `findings` being what reading it found."""
    if source is None:
        unreadable = any(finding.rule is UNREADABLE for finding in findings)
        return Compiled(file, None, None, tuple(in_reading_order(findings)), (), not unreadable)
    return _compile(file, source, list(findings), catalog, changes)


def _compile(file: str, source: Source, findings: list[Diagnostic], catalog: Catalog, changes: Changes) -> Compiled:
    program = graph = None
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
        graph = None if has_errors(findings) else run_passes(lowered, catalog)
        unplanned = _held_against_target(spec, graph, catalog, findings) if spec.target is not None else ()
        not_examined += [*spec.not_examined, *unplanned]
        if graph is not None and not has_errors(findings):
            program = Program(file, spec, graph, catalog, unplanned)
    return Compiled(file, spec, program, tuple(in_reading_order(findings)), tuple(not_examined), graph=graph)


def _held_against_target(
    spec: Spec, graph: Graph | None, catalog: Catalog, findings: list[Diagnostic]
) -> tuple[NotExamined, ...]:
    """Adds what breaks the target of a spec; what of it could not be examined."""
    # Here, since most specs name no target, and planning takes long to load.
    from .plan.contract import ODD_TARGET, NoContract, judged, read_contract, unknown
    from .plan.given import plan_of

    assert spec.target is not None
    target = spec.document.get(("target",))

    def at(field: str) -> Place | None:
        return spec.document.place(("target", field)) if field in target else None

    try:
        contract = read_contract(spec.target)
    except NoContract as problem:
        findings.append(ODD_TARGET.at(at(problem.field), str(problem), problem.help))
        return ()
    if contract is None:
        return (NotExamined("target", 'it names no card and no memory: give "gpu" or "vram"', kind="target"),)
    if graph is None:
        return (NotExamined("target", "what has errors is not planned", kind="target"),)
    plan = plan_of(graph, catalog, contract.machine)
    findings += judged(plan, contract, at)
    return tuple(unknown(plan, contract))


def _start(finding: Diagnostic) -> tuple[str, int, int] | None:
    """Where a finding begins: what could not be read stands at a value that nobody gave, of which no rule may speak."""
    if finding.place is None:
        return None
    span = finding.place.span()
    return finding.place.source.file, span.line, span.column

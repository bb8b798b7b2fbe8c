"""plan: what a pipeline takes of a machine, before it runs there."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from .exits import Exit
from .machine import machine_options, read_machine
from .plan_budget import Wanted, budget_options, contract_of, learned, of_server
from .terminal import read_changes, show_work, spec_changes, stop

if TYPE_CHECKING:
    from ..catalog.pinned import Catalog
    from ..graph import Graph
    from ..plan.contract import Contract
    from ..plan.predict import Plan

F = TypeVar("F", bound=Callable[..., Any])


@click.command("plan")
@click.argument("file", type=click.Path(), required=False)
@budget_options
@click.option("--fit", is_flag=True, help="Look for the least harmful changes that make it fit whole.")
@click.option(
    "--compare",
    "run",
    type=click.Path(),
    metavar="RUN",
    help="A run's record (run.json): show what was measured beside what is predicted, and learn from it.",
)
@click.option("--html", type=click.Path(), metavar="FILE", help="Also write a page with a timeline of the card.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@machine_options
@spec_changes
def plan_command(
    file: str | None,
    gpu: str | None,
    vram: str | None,
    ram: str | None,
    flags: str,
    windows: bool,
    fit: bool,
    run: str | None,
    html: str | None,
    form: str,
    catalog_file: str | None,
    server: str | None,
    models: str | None,
    headers: tuple[str, ...],
    certificate: str | None,
    inputs: tuple[str, ...],
    settings: tuple[str, ...],
    variant: str | None,
) -> int:
    """Say what a spec or workflow takes of a machine: memory by stage, what is left in RAM, and time.

    The machine is that of --gpu or --vram, of --server, or the spec's target. Nothing is run: ComfyUI's own way of
    loading models is replayed on their sizes. Those come from the files of --models, else from the names of
    well-known files, which is said.

    Exit codes: 0 it fits, 1 it does not or takes more than the spec's target allows, 3 it could not be planned.
    """
    if (file is None) == (run is None):
        raise click.UsageError("give a spec or workflow, or a run with --compare")
    catalog = read_machine(catalog_file, server, models, headers, certificate)
    wanted = Wanted(gpu, vram, ram, flags, windows)
    if run is not None:
        from .plan_compare import compare_run

        return compare_run(run, catalog, wanted, form)
    assert file is not None
    found = _read(file, catalog, read_changes(inputs, settings, variant))
    told = wanted if server is None else of_server(wanted, server, headers, certificate)
    contract = contract_of(told, found.contract)
    plan = _planned(found.graph, catalog, contract.machine)
    if html is not None:
        from ..report.timeline import timeline
        from ..run.folder import write_whole

        write_whole(Path(html), timeline(plan, found.name, contract.seconds).encode())
    if form == "json":
        from ..report.plan import plan_as_data

        sys.stdout.write(json.dumps(plan_as_data(plan, found.name), indent=2, ensure_ascii=False) + "\n")
    else:
        from ..report.plan import plan_lines

        click.echo("\n".join(plan_lines(plan, found.name)))
    if fit:
        from .plan_fit import show_fitting

        plan = show_fitting(found.graph, catalog, contract.machine, plan)
    return _judged(plan, contract)


def _judged(plan: Plan, contract: Contract) -> int:
    """What a plan comes to, after saying on stderr what breaks the contract."""
    from ..diagnostics import has_errors
    from ..plan.contract import judged

    findings = judged(plan, contract, lambda field: None)
    show_work(findings, sys.stderr)
    if has_errors(findings) or not plan.fits:
        return Exit.FINDINGS
    return Exit.NOT_EXAMINED if plan.unknown else Exit.FINE


@dataclass(frozen=True)
class _Found:
    """What is planned: a graph by its name, and the contract of its spec, if it has one."""

    name: str
    graph: Graph
    contract: Contract | None = None


def _read(file: str, catalog: Catalog, changes: Any) -> _Found:
    """The graph of a file; exits where there is none."""
    from ..plan.contract import NoContract, read_contract
    from ..workflow import WorkflowReader

    reader = WorkflowReader(catalog, keep_unknown=True)
    workflow = reader.read(file)
    if workflow.kind != "spec":
        if workflow.graph is None:
            show_work(workflow.findings, sys.stderr)
            stop(Exit.FINDINGS if workflow.readable else Exit.NOT_EXAMINED, f'"{file}" cannot be planned')
        return _Found(Path(file).stem, workflow.graph)
    from ..driver import compile_spec

    compiled = compile_spec(file, catalog, replace(changes, needed=False))
    if compiled.graph is None or compiled.spec is None:
        show_work(compiled.findings, sys.stderr)
        stop(Exit.FINDINGS if compiled.readable else Exit.NOT_EXAMINED, f'"{file}" does not compile')
    target = compiled.spec.target
    try:
        return _Found(compiled.spec.name, compiled.graph, read_contract(target) if target else None)
    except NoContract:
        show_work(compiled.findings, sys.stderr)
        return _Found(compiled.spec.name, compiled.graph)


def _planned(graph: Graph, catalog: Catalog, machine: Any) -> Plan:
    """The plan, with what was learned of the card before."""
    from ..plan.given import plan_of

    return plan_of(graph, catalog, machine, learned())

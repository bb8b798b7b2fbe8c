"""doctor: what servers can do, what is wrong with them, and whether they can run a spec."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from .doctor_report import EXITS, Report, as_json, examined, header
from .selection import read_settings_here
from .server import read_servers, server_access, servers_option
from .terminal import catalog_option, read_catalog_option, read_changes, spec_changes, wants_color
from .waiting import Waiting

if TYPE_CHECKING:
    from ..catalog.pinned import Catalog
    from ..driver import Compiled
    from ..fleet.servers import Server
    from ..run.observations import Observation
    from ..spec.pipeline import Changes

SCHEMA = "comfyproof/doctor/1"


@click.command("doctor")
@click.argument("arguments", nargs=-1, metavar="[SERVER]... [SPEC]...", type=click.Path())
@servers_option
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="How to write what was seen.",
)
@server_access
@catalog_option
@spec_changes
def doctor_command(
    arguments: tuple[str, ...],
    servers: tuple[str, ...],
    form: str,
    catalog_file: str | None,
    inputs: tuple[str, ...],
    settings: tuple[str, ...],
    variant: str | None,
    **access: Any,
) -> int:
    """Say what ComfyUI servers can do and what is wrong with them, and whether they can run specs.

    A SERVER is an address, or a name of comfyproof.toml; of several, a table in the end shows them side by side.
    Without any, the variable COMFYPROOF_SERVER names them, else they are all of comfyproof.toml. The servers are only
    asked: nothing is queued, uploaded or changed. What is printed is made to be pasted into a report: it shows the
    address as you gave it, and neither values of --header and secrets nor the names of people's folders.

    Exit codes: 0 fine, 1 something is wrong or a spec does not fit, 3 something that matters could not be
    looked at, 4 no ComfyUI was reached.
    """
    named, specs = _servers_and_specs(arguments)
    fleet = read_servers((*servers, *named), **access)
    catalog = read_catalog_option(catalog_file)
    changes = read_changes(inputs, settings, variant)
    compiled = [_compiled(spec, catalog, changes) for spec in specs]
    try:
        if len(fleet) > 1:
            from .doctor_fleet import examine_all

            return examine_all(fleet, compiled, form)
        return _examine_one(fleet[0], compiled, form)
    except ValueError as problem:  # of authorities that are not there
        raise click.UsageError(str(problem)) from None


def _compiled(file: str, catalog: Catalog, changes: Changes) -> Compiled:
    """A spec as it stands; of one with rows, whose inputs have their values there, the first."""
    from ..driver import compile_spec

    compiled = compile_spec(file, catalog, replace(changes, needed=False))
    rows = compiled.spec.rows if compiled.spec is not None else ()
    return compile_spec(file, catalog, replace(changes, row=rows[0] if rows else None))


def _examine_one(server: Server, compiled: Sequence[Compiled], form: str) -> int:
    """What a server can do, told as soon as it is known."""
    from ..run.doctor import examine, judged

    seen: list[Observation] = []
    report = Report(server.name, color=wants_color(sys.stdout))
    with Waiting("looking at ") as waiting:
        for each in examine(server.url, server.access, compiled, waiting.says):
            waiting.says("")
            seen.append(each)
            if form == "text":
                report.show(each)
    verdict = judged(seen)
    if form == "json":
        sys.stdout.write(as_json({**header(SCHEMA), **examined(server.name, seen, verdict)}))
    else:
        report.end(verdict)
    return EXITS[verdict.word]


def _servers_and_specs(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """The arguments that name servers, and those that name specs: what looks like a file is one."""
    servers = [each for each in arguments if "://" in each or _is_name(each)]
    return servers, [each for each in arguments if each not in servers]


def _is_name(argument: str) -> bool:
    """Whether an argument is a server's name in the settings rather than a file."""
    if argument.startswith("label:"):
        return True
    if os.path.exists(argument) or argument.casefold().endswith((".yaml", ".yml", ".json", ".py", ".png")):
        return False
    known = read_settings_here({}).servers
    # What is neither the one nor the other is a name that was mistyped, where there are some.
    return argument in known or (bool(known) and not os.path.splitext(argument)[1] and os.sep not in argument)

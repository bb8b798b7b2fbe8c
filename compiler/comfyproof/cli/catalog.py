"""catalog: which nodes there are."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .completion import complete_nodes
from .exits import Exit
from .server import open_client, read_access, server_access
from .terminal import catalog_option, read_catalog_option, stop

if TYPE_CHECKING:
    from ..catalog.nodes import Input
    from ..catalog.pinned import Catalog
    from ..run.access import Access

_SHOWN = ("default", "min", "max", "step")


@click.group("catalog")
def catalog_command() -> None:
    """Show, search and pin catalogs: which nodes a ComfyUI has, with their inputs and outputs."""


@catalog_command.command("show")
@click.argument("node", required=False, shell_complete=complete_nodes)
@catalog_option
def show_command(node: str | None, catalog_file: str | None) -> int:
    """Show a node's inputs and outputs, or else what the catalog is."""
    from ..diagnostics import did_you_mean

    catalog = read_catalog_option(catalog_file)
    _say_left_out(catalog)
    if node is None:
        _say(f"{catalog.id}: {len(catalog.raw)} nodes, sha256 {catalog.sha256}")
        for key, value in catalog.provenance.items():
            _say(f"  {key}: {', '.join(map(str, value)) if isinstance(value, list) else value}")
        return Exit.FINE
    found = catalog.get(node)
    if found is None and node in catalog.left_out:
        stop(Exit.NOT_EXAMINED, f'{catalog.id} describes "{node}" in a way that cannot be read')
    if found is None:
        stop(Exit.FINDINGS, f'there is no node "{node}" in {catalog.id}', did_you_mean(node, catalog.names()))
    _say(f"{found.name}  {found.display_name} ({found.category}){'  output node' if found.is_output else ''}")
    for each in found.inputs.values():
        _say(f"  in   {each.name}: {each.type}{'' if each.required else ' (optional)'}  {_facts(each)}".rstrip())
    for slot, output in enumerate(found.outputs):
        _say(f"  out  {slot} {output.name}: {output.type}")
    return Exit.FINE


@catalog_command.command("search")
@click.argument("words", nargs=-1, required=True)
@catalog_option
def search_command(words: tuple[str, ...], catalog_file: str | None) -> int:
    """List the nodes in whose name, title, category or types all WORDS occur."""
    from ..catalog.pinned import search

    found = search(read_catalog_option(catalog_file), words)
    for node in found:
        _say(f"{node.name}  {node.display_name} ({node.category})")
    return Exit.FINE if found else Exit.FINDINGS


@catalog_command.command("pin")
@click.argument("source", type=click.Path())
@click.option(
    "-o",
    "--output",
    type=click.Path(),
    metavar="FILE",
    default="catalog.json",
    show_default=True,
    help="Where to write it.",
)
@server_access
def pin_command(source: str, output: str, headers: tuple[str, ...], certificate: str | None) -> int:
    """Pin the catalog of a server (its URL) or of a saved /object_info answer (a file).

    Lint and compile against it with --catalog FILE. Commit it: then everybody, and CI, checks against
    the same nodes and files without a server.
    """
    from ..catalog.pinned import pin
    from ..run.folder import write_whole

    is_server = source.startswith(("http://", "https://"))
    catalog, provenance = _fetch(source, read_access(headers, certificate)) if is_server else _read(source)
    _say_left_out(catalog)
    write_whole(Path(output), pin(catalog, Path(output).stem, provenance))
    _say(f"{output}: {len(catalog.raw)} nodes", err=True)
    return Exit.FINE


@catalog_command.command("stubs")
@click.argument("catalog_file", metavar="[CATALOG]", required=False, type=click.Path())
@click.option(
    "-o",
    "--output",
    type=click.Path(),
    metavar="FILE",
    help="Where to write it, or a folder; standard output, unless given.",
)
def stubs_command(catalog_file: str | None, output: str | None) -> int:
    """Write a CATALOG's nodes as typed Python signatures, so that editors complete and check them.

    CATALOG is a pinned catalog or a saved /object_info answer; the built-in one, unless given, whose
    signatures are part of this package.
    """
    from ..python.node_stubs import node_stubs
    from ..run.folder import write_whole

    catalog = read_catalog_option(catalog_file)
    _say_left_out(catalog)
    text = node_stubs(catalog).encode()
    if output in (None, "-"):
        sys.stdout.buffer.write(text)
        return Exit.FINE
    path = Path(str(output))
    write_whole(path / "nodes.pyi" if path.is_dir() else path, text)
    return Exit.FINE


def _fetch(url: str, access: Access) -> tuple[Catalog, dict[str, Any]]:
    from ..catalog.pinned import CatalogError, from_object_info
    from ..run.problems import ServerProblem
    from ..run.secrets import hidden

    client = open_client(url, access)
    try:
        system = client.system_stats().get("system") or {}
        catalog = from_object_info(client.all_node_types(), url)
    except ServerProblem as problem:
        stop(Exit.UNREACHABLE, hidden(str(problem), access.secrets()), problem.help)
    except CatalogError as problem:
        stop(Exit.NOT_EXAMINED, f'"{url}" gives no catalog: {problem}')
    return catalog, {"source": client.url, "comfyui": str(system.get("comfyui_version", "unknown"))}


def _read(file: str) -> tuple[Catalog, dict[str, Any]]:
    catalog = read_catalog_option(file)
    return catalog, {**catalog.provenance, "source": Path(file).name}


def _facts(declared: Input) -> str:
    """What more a catalog says of an input: its values, its default and its bounds."""
    values = f"a file in {declared.folder}" if declared.folder else ""
    if declared.options:
        values = f"one of {', '.join(map(str, declared.options))}"
    config = [f"{key} {json.dumps(declared.config[key])}" for key in _SHOWN if key in declared.config]
    return "  ".join(filter(None, [values, *config]))


def _say_left_out(catalog: Catalog) -> None:
    if catalog.left_out:
        first, more = ", ".join(catalog.left_out[:10]), ", ..." if len(catalog.left_out) > 10 else ""
        count = len(catalog.left_out)
        what = "1 class cannot be read and is" if count == 1 else f"{count} classes cannot be read and are"
        _say(f"note: {what} left out: {first}{more}", err=True)


def _say(line: str, *, err: bool = False) -> None:
    """Writes a line; the names in a catalog are a stranger's, and could command a terminal."""
    from ..report.text import clean

    click.echo(clean(line), err=err)

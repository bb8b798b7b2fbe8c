"""catalog: which nodes there are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from .exits import Exit
from .terminal import catalog_option, read_catalog_option, stop


@click.group("catalog")
def catalog_command() -> None:
    """Show, search and pin catalogs: which nodes a ComfyUI has, with their inputs and outputs."""


@catalog_command.command("show")
@click.argument("node", required=False)
@catalog_option
def show_command(node: str | None, catalog_file: str | None) -> int:
    """Show a node's inputs and outputs, or else what the catalog is."""
    from ..diagnostics import did_you_mean

    catalog = read_catalog_option(catalog_file)
    if node is None:
        click.echo(f"{catalog.id}: {len(catalog.raw)} nodes, sha256 {catalog.sha256}")
        for key, value in catalog.provenance.items():
            click.echo(f"  {key}: {', '.join(value) if isinstance(value, list) else value}")
        return Exit.FINE
    found = catalog.get(node)
    if found is None:
        stop(Exit.FINDINGS, f'there is no node "{node}" in {catalog.id}', did_you_mean(node, catalog.names()))
    click.echo(f"{found.name}  {found.display_name} ({found.category}){'  output node' if found.is_output else ''}")
    for each in found.inputs.values():
        config = {key: value for key, value in each.config.items() if key in ("default", "min", "max", "step")}
        values = (
            f"one of {', '.join(map(str, each.options))}"
            if each.options
            else f"a file in {each.folder}"
            if each.folder
            else ""
        )
        facts = "  ".join(filter(None, [values, *(f"{key} {json.dumps(value)}" for key, value in config.items())]))
        click.echo(f"  in   {each.name}: {each.type}{'' if each.required else ' (optional)'}  {facts}".rstrip())
    for slot, output in enumerate(found.outputs):
        click.echo(f"  out  {slot} {output.name}: {output.type}")
    return Exit.FINE


@catalog_command.command("search")
@click.argument("words", nargs=-1, required=True)
@catalog_option
def search_command(words: tuple[str, ...], catalog_file: str | None) -> int:
    """List the nodes in whose name, title, category or types all WORDS occur."""
    from ..catalog.pinned import search

    found = search(read_catalog_option(catalog_file), words)
    for node in found:
        click.echo(f"{node.name}  {node.display_name} ({node.category})")
    return Exit.FINE if found else Exit.FINDINGS


@catalog_command.command("pin")
@click.argument("source")
@click.option("-o", "--output", metavar="FILE", default="catalog.json", show_default=True, help="Where to write it.")
def pin_command(source: str, output: str) -> int:
    """Pin the catalog of a server (its URL) or of a saved /object_info answer (a file).

    Lint and compile against it with --catalog FILE. Commit it: then everybody, and CI, checks against
    the same nodes and files without a server.
    """
    from ..catalog.pinned import CatalogError, pin
    from ..run.folder import write_whole

    try:
        data, provenance = _fetch(source) if source.startswith(("http://", "https://")) else _read(source)
        packed = pin(data, Path(output).stem, provenance)
    except CatalogError as problem:
        stop(Exit.NOT_EXAMINED, f'"{source}" gives no catalog: {problem}')
    write_whole(Path(output), packed)
    click.echo(f"{output}: {len(data)} nodes", err=True)
    return Exit.FINE


def _fetch(url: str) -> tuple[Any, dict[str, Any]]:
    from ..run.client import Client
    from ..run.problems import ServerProblem

    try:
        client = Client(url)
        system = client.system_stats().get("system") or {}
        return client.all_node_types(), {"source": url, "comfyui": str(system.get("comfyui_version", "unknown"))}
    except ServerProblem as problem:
        stop(Exit.UNREACHABLE, str(problem), problem.help)


def _read(file: str) -> tuple[Any, dict[str, Any]]:
    catalog = read_catalog_option(file)
    return catalog.raw, {**catalog.provenance, "source": Path(file).name}

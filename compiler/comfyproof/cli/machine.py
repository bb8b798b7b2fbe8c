"""The options for what a machine has: its nodes and model files, from a catalog, a server or folders."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from .exits import Exit
from .server import open_client, read_access, server_access
from .terminal import catalog_option, read_catalog_option, stop

if TYPE_CHECKING:
    from ..catalog.pinned import Catalog

F = TypeVar("F", bound=Callable[..., Any])


def machine_options(command: F) -> F:
    """The options --catalog, --server with --header and --certificate, and --models."""
    for option in (
        click.option(
            "--models",
            type=click.Path(),
            metavar="DIR",
            help="A folder of model files as ComfyUI has it, or an extra_model_paths.yaml: look for model files there.",
        ),
        server_access,
        click.option("--server", metavar="URL", help="Ask this server which nodes and files it has."),
        catalog_option,
    ):
        command = option(command)
    return command


def read_machine(
    catalog: str | None,
    server: str | None,
    models: str | None,
    headers: Sequence[str] = (),
    certificate: str | None = None,
) -> Catalog:
    """The nodes and files of the machine that these options name. Exits where it cannot be asked or read.

    Raises click.UsageError for options that contradict each other.
    """
    if server is None:
        if headers or certificate:
            raise click.UsageError("--header and --certificate are for a server, and --server names none")
        found = read_catalog_option(catalog)
    elif catalog is not None:
        raise click.UsageError("--catalog and --server both say which nodes there are: name one of them")
    else:
        found = _asked(server, headers, certificate)
    return found if models is None else _with_models(found, models)


def _asked(url: str, headers: Sequence[str], certificate: str | None) -> Catalog:
    """What a server says of its nodes and files."""
    from ..catalog.pinned import CatalogError
    from ..run.prepare import whole_catalog
    from ..run.problems import ServerProblem
    from ..run.secrets import hidden
    from .waiting import Waiting

    access = read_access(headers, certificate)
    with open_client(url, access) as client, Waiting("waiting for ") as waiting:
        waiting.says(f"{client.url} to describe its nodes")
        try:
            return whole_catalog(client)
        except ServerProblem as problem:
            stop(Exit.UNREACHABLE, hidden(str(problem), access.secrets()), problem.help)
        except CatalogError as problem:
            stop(Exit.NOT_EXAMINED, f'"{url}" gives no catalog: {problem}')


def _with_models(catalog: Catalog, folder: str) -> Catalog:
    """The catalog with the model files that are found there, after saying what could not be read."""
    from ..caching import cache_folder
    from ..catalog.listing import with_models
    from ..report.text import clean
    from ..weights.folders import BadTree
    from ..weights.shelf import read_shelf

    try:
        shelf = read_shelf(folder, cache_folder())
    except BadTree as problem:
        stop(Exit.NOT_EXAMINED, str(problem))
    for line in shelf.tree.problems:
        click.echo(clean(f"warning: {line}"), err=True)
    return with_models(catalog, shelf.listing, f'"{folder}"', shelf)

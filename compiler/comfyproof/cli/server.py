"""The options for reaching a server: what it wants to know of us."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from .exits import Exit

if TYPE_CHECKING:
    from ..fleet.servers import Server
    from ..run.access import Access
    from ..run.client import Client

F = TypeVar("F", bound=Callable[..., Any])
TOKEN = "COMFYPROOF_TOKEN"  # noqa: S105 - the name of a variable


def server_access(command: F) -> F:
    """The options --header and --certificate."""
    for option in (
        click.option(
            "--certificate",
            type=click.Path(),
            metavar="FILE",
            help="A PEM file with a certificate and its key, for a server that asks for one.",
        ),
        click.option(
            "--header",
            "headers",
            metavar="'NAME: VALUE'",
            multiple=True,
            help=f"Send this with every request; ${{env:VARIABLE}} in VALUE keeps a secret off the command line. "
            f"{TOKEN} in the environment is sent as a bearer token.",
        ),
    ):
        command = option(command)
    return command


def servers_option(command: F) -> F:
    """The option --servers."""
    return click.option(
        "--servers",
        metavar="URL,NAME,...",
        multiple=True,
        help="The servers: addresses, or names and label:LABEL of those in comfyproof.toml; all of those unless given.",
    )(command)


def read_servers(wanted: Sequence[str], headers: Sequence[str], certificate: str | None) -> tuple[Server, ...]:
    """The servers that are wanted, none twice, after warning of what is odd about them.

    Exits where settings or names make no sense; raises click.UsageError for --header and --certificate.
    """
    from ..fleet.servers import BadFleet, read_fleet
    from ..report.text import clean
    from .selection import read_settings_here
    from .terminal import show

    settings = read_settings_here({})
    try:
        fleet = read_fleet(settings, wanted, headers, certificate)
    except BadFleet as problem:
        show(problem.findings, sys.stderr)
        raise click.exceptions.Exit(Exit.USAGE) from None
    except ValueError as problem:
        raise click.UsageError(str(problem)) from None
    for warning in fleet.warnings:
        click.echo(clean(f"warning: {warning}"), err=True)
    return fleet.servers


def read_access(headers: Sequence[str], certificate: str | None) -> Access:
    """Those options, read. Raises click.UsageError."""
    from ..run.access import Access, read_certificate, read_header

    try:
        found = dict(read_header(text, os.environ) for text in headers)
        token = os.environ.get(TOKEN, "").strip()
        if token and "authorization" not in {name.casefold() for name in found}:
            found.update([read_header(f"Authorization: Bearer ${{env:{TOKEN}}}", os.environ)])
        return Access(found, read_certificate(Path(certificate)) if certificate else None)
    except ValueError as problem:
        raise click.UsageError(str(problem)) from None


def open_client(url: str, access: Access, job_seconds: float | None = None) -> Client:
    """A client for a server. Warns where credentials would go unencrypted. Raises click.UsageError."""
    from ..run.client import Client
    from ..run.waiting import USUAL
    from ..run.wire import is_loopback

    try:
        client = Client(url, access=access, timeouts=USUAL if job_seconds is None else USUAL.within(job_seconds))
    except ValueError as problem:
        raise click.UsageError(str(problem)) from None
    if access.headers and client.url.startswith("http:") and not is_loopback(client.url):
        click.echo(
            "warning: the headers go to the server unencrypted; give its address as https: if it has one", err=True
        )
    return client

"""weights URL: which model files a server lists; of what they are, it tells nothing but the names."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import click

from .exits import Exit
from .server import open_client, read_access
from .terminal import stop

_HEADS = ("file", "folder", "family by its name")


def show_server(url: str, headers: Sequence[str], certificate: str | None, form: str) -> int:
    """Lists a server's model files. Exits with 4 where it cannot be asked."""
    from ..report.plan import columns
    from ..report.text import clean

    folders, unread = _listed(url, headers, certificate)
    rows = [(folder, name, _family(name)) for folder, names in folders.items() for name in names]
    if form == "json":
        files = [{"folder": f, "name": n, "family": family or None, "told_by": "name"} for f, n, family in rows]
        click.echo(json.dumps({"server": url, "files": files, "unread_folders": unread}, indent=2))
    else:
        cells = [(clean(name), clean(folder), family or "-") for folder, name, family in rows]
        click.echo("\n".join(columns([_HEADS, *cells])))
        click.echo("a server tells the names of its files alone; name the folder itself to know what is in them")
    if unread:
        stop(Exit.NOT_EXAMINED, f"{unread} of its folders could not be looked into", "ask again when it is idle")
    return Exit.FINE


def _listed(url: str, headers: Sequence[str], certificate: str | None) -> tuple[Mapping[str, list[str]], int]:
    from ..run.problems import ServerProblem
    from ..run.secrets import hidden
    from .waiting import Waiting

    access = read_access(headers, certificate)
    with open_client(url, access) as client, Waiting("waiting for ") as waiting:
        waiting.says(f"{client.url} to list its model files")
        try:
            return client.model_files()
        except ServerProblem as problem:
            stop(Exit.UNREACHABLE, hidden(str(problem), access.secrets()), problem.help)


def _family(name: str) -> str:
    from ..facts.kinds import family_of

    return " ".join(family_of(name)).strip()

"""serve: the emulator, for whoever wants to talk to it."""

from __future__ import annotations

from pathlib import Path

import click

from .exits import Exit
from .terminal import catalog_option, read_catalog_option, stop


@click.command("serve")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8188, show_default=True, help="The port; 0 takes a free one."
)
@click.option("--folder", default="emulator", show_default=True, help="Where its input, output and temp folders are.")
@click.option(
    "--models",
    metavar="FOLDER",
    help="A ComfyUI models folder: only the files in it exist then. Else any file name is taken for present.",
)
@catalog_option
def serve_command(host: str, port: int, folder: str, models: str | None, catalog_file: str | None) -> int:
    """Serve the emulator, a small ComfyUI on this machine.

    It has ComfyUI's routes, queue, events and refusals, and computes real pixels for image nodes.
    No model runs in it: what stands in for them it says when it starts. Ctrl-C stops it.
    """
    from ..emulator.embedded import Emulator, serve

    if models is not None and not Path(models).is_dir():
        raise click.UsageError(f'there is no folder "{models}"')
    emulator = Emulator(
        Path(folder),
        catalog=read_catalog_option(catalog_file),
        host=host,
        port=port,
        models=_listing(Path(models)) if models else None,
    )
    try:
        serve(emulator, lambda url: click.echo(f"{url}\n{emulator.describe()}", err=True))
    except OSError as problem:
        if problem.filename is not None:  # its folder, and no address
            raise
        stop(Exit.USAGE, f'"{host}:{port}" cannot be listened on: {problem.strerror}', "choose another with --port")
    return Exit.FINE


def _listing(folder: Path) -> dict[str, list[str]]:
    """The files of each folder of a models folder, as ComfyUI lists them."""
    listing = {}
    for each in sorted(path for path in folder.iterdir() if path.is_dir()):
        names = (path for path in each.rglob("*") if path.is_file() and not path.name.startswith("."))
        listing[each.name] = sorted(path.relative_to(each).as_posix() for path in names)
    return listing

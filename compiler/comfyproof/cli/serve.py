"""serve: the emulator, for whoever wants to talk to it."""

from __future__ import annotations

import contextlib
import errno
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from ..emulator.faults import FAULTS, Fault, parse
from ..emulator.profiles import PROFILES, USUAL
from .exits import Exit
from .terminal import catalog_option, read_catalog_option, stop

if TYPE_CHECKING:
    from ..catalog.pinned import Catalog
    from ..emulator.editor import Editor
    from ..emulator.watching import Passage

_SHOWN_ID = 8
_SHOWN_OUTCOME = 160


class _Serve(click.Command):
    """The command with its faults in a table at the end of its help."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Faults; @N behind it is for the N-th time only, @N-M for the N-th to the M-th"):
            formatter.write_dl([(kind.form, kind.says) for kind in FAULTS.values()])


@click.command("serve", cls=_Serve)
@click.argument("files", nargs=-1, metavar="[FILE]...", type=click.Path())
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8188, show_default=True, help="The port; 0 takes a free one."
)
@click.option("--folder", default="emulator", show_default=True, help="Where its input, output and temp folders are.")
@click.option(
    "--models",
    type=click.Path(),
    metavar="FOLDER",
    help="A ComfyUI models folder: only the files in it exist then. Else any file name is taken for present.",
)
@click.option(
    "--comfyui",
    type=click.Choice(list(PROFILES)),
    default=USUAL.version,
    show_default=True,
    help="The version of ComfyUI to play.",
)
@click.option("--fail", "faults", metavar="FAULT", multiple=True, help="A fault to have on purpose, such as 503@1.")
@click.option("--editor", is_flag=True, help="Serve ComfyUI's own web editor too.")
@catalog_option
def serve_command(
    files: tuple[str, ...],
    host: str,
    port: int,
    folder: str,
    models: str | None,
    comfyui: str,
    faults: tuple[str, ...],
    editor: bool,
    catalog_file: str | None,
) -> int:
    """Serve the emulator, a small ComfyUI on this machine.

    With --editor, ComfyUI's own web editor is at the address. Each FILE is among its workflows, the first one open: a
    spec, or a workflow in any form that ComfyUI saves.

    It has ComfyUI's routes, queue, events and refusals, and computes real pixels for image nodes.
    No model runs in it: what stands in for them it says when it starts. The first line on stdout is its address.
    Ctrl-C stops it, and so does SIGTERM: exit code 0.
    """
    from ..emulator.embedded import Emulator, serve

    if models is not None and not Path(models).is_dir():
        raise click.UsageError(f'there is no folder "{models}"')
    if files and not editor:
        raise click.UsageError("a FILE is opened in the web editor: add --editor")
    installed = _installed() if editor else None
    catalog = read_catalog_option(catalog_file)
    if installed is not None and files:
        installed = _opened(installed, files, catalog, Path(folder))
    emulator = Emulator(
        Path(folder),
        catalog=catalog,
        host=host,
        port=port,
        models=_listing(Path(models)) if models else None,
        profile=comfyui,
        faults=_read_faults(faults, catalog),
        watch=_tell if sys.stderr.isatty() else None,
        editor=installed,
    )

    def started(url: str) -> None:
        click.echo(url)
        click.echo(f"{emulator.describe()}\nCtrl-C stops it.", err=True)

    try:
        serve(emulator, started)
    except BrokenPipeError:
        raise  # nobody reads our address, which is not for the address to answer for
    except OSError as problem:
        if problem.filename is not None:  # its folder, and no address
            raise
        _refuse(f"{host}:{port}", problem)
    return Exit.FINE


def _installed() -> Editor:
    """The web editor; exits with 2 where its package is not installed."""
    from ..emulator.editor import installed_editor

    found = installed_editor()
    if found is None:
        stop(
            Exit.USAGE,
            'ComfyUI\'s web editor is in the package "comfyui-frontend-package", which is not installed',
            "pip install 'comfyproof[editor]'",
        )
    return found


def _opened(editor: Editor, files: tuple[str, ...], catalog: Catalog, folder: Path) -> Editor:
    """The editor with these specs and workflows in it, and what they read in the input folder. Raises OSError."""
    from ..run.folder import write_whole
    from .opening import read_opening

    opening = read_opening(files, catalog)
    for name, file in opening.inputs.items():
        write_whole(folder / "input" / name, file.read_bytes())
    return replace(editor, workflows=opening.workflows, models=opening.models)


def _read_faults(texts: tuple[str, ...], catalog: Catalog) -> list[Fault]:
    """The faults asked for. Raises click.UsageError."""
    from ..diagnostics import nearest

    faults = []
    for text in texts:
        try:
            fault = parse(text)
        except ValueError as problem:
            raise click.UsageError(f"--fail: {problem}") from None
        if fault.kind.what == "CLASS" and fault.what and catalog.get(fault.what) is None:
            near = nearest(fault.what, catalog.raw)
            hint = f'; did you mean "{near}"?' if near else ""
            raise click.UsageError(f'--fail: there is no node class "{fault.what}"{hint}')
        faults.append(fault)
    return faults


def _refuse(address: str, problem: OSError) -> NoReturn:
    """Says why an address cannot be had."""
    if problem.errno == errno.EADDRINUSE:
        stop(Exit.USAGE, f'"{address}" cannot be listened on: another program does', "choose another with --port")
    stop(Exit.USAGE, f'"{address}" cannot be listened on: {problem.strerror}', "choose others with --host and --port")


def _tell(passage: Passage) -> None:
    """A line for a prompt that comes, goes, or is refused."""
    from ..report.text import clean

    nodes = f"{passage.nodes} {'node' if passage.nodes == 1 else 'nodes'}"
    if passage.outcome is None:
        line = f"{clean(passage.id[:_SHOWN_ID])}  {nodes} ..."
    elif not passage.id:
        line = clean(passage.outcome)
    else:
        ended = clean(passage.outcome)[:_SHOWN_OUTCOME]
        line = f"{clean(passage.id[:_SHOWN_ID])}  {nodes} in {passage.seconds:.1f} s: {ended}"
    with contextlib.suppress(OSError, ValueError):  # a terminal that is gone must not end the server's work
        click.echo(line, err=True)


def _listing(folder: Path) -> dict[str, list[str]]:
    """The files of each folder of a models folder, as ComfyUI lists them."""
    listing = {}
    for each in sorted(path for path in folder.iterdir() if path.is_dir()):
        names = (path for path in each.rglob("*") if path.is_file() and not path.name.startswith("."))
        listing[each.name] = sorted(path.relative_to(each).as_posix() for path in names)
    return listing

"""The command line's entry: which commands there are, loaded only when one is called."""

from __future__ import annotations

import gc
import importlib
import io
import os
import sys
from typing import Any, NoReturn

import click

from .. import __version__
from .exits import Exit

# command -> (module, what it is for)
COMMANDS = {
    "lint": ("lint", "Say what is wrong with specs and workflows, without running anything."),
    "compile": ("compile", "Compile specs and workflows to what ComfyUI takes, and to other forms."),
    "import": ("import_", "Import a workflow of ComfyUI's as a spec."),
    "diff": ("diff", "Say what differs between two workflows."),
    "plan": ("plan", "Say what a spec or workflow takes of a machine: memory by stage, and time."),
    "run": ("run", "Run a spec on a server and prove the pictures."),
    "batch": ("batch", "Run every form of a spec on many servers, and prove the pictures."),
    "doctor": ("doctor", "Say what a server can do, and what is wrong with it."),
    "serve": ("serve", "Serve the emulator, a small ComfyUI on this machine."),
    "weights": ("weights", "Say what model files are, from their headers alone."),
    "catalog": ("catalog", "Show, search and pin catalogs of nodes."),
    "schema": ("schema", "Write the JSON Schema of specs, for editors."),
    "config": ("config", "Show the settings that hold here, and where each comes from."),
    "explain": ("explain", "Explain a rule by its code."),
    "rules": ("explain", "List all rules."),
    "completion": ("completion", "Write what a shell needs to complete commands, options, files and rules."),
}


# What the core installation leaves out.
RUN_PACKAGES = ("aiohttp", "av", "numpy", "PIL", "skimage", "wsproto")
BATCH_PACKAGES = ("dbos", "psycopg", "sqlalchemy")


# What a command makes lives until it ends, for the most part: to look it through for garbage while a file is examined
# takes nearly as long as the examination.
_LITTLE_GARBAGE = 100_000


class _ReaderGone(Exception):
    """Nobody reads our output any more, as after `| head`."""


class _LazyGroup(click.Group):
    """A group that knows its commands' names and purposes, and imports one when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"comfyproof.cli.{COMMANDS[cmd_name][0]}")
        command: click.Command = getattr(module, f"{cmd_name}_command")
        return command

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:  # click would make it exit code 1, which means findings here
            raise _ReaderGone from None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from ..diagnostics import nearest

            near = nearest(args[0], COMMANDS)
            hint = f' Did you mean "{near}"?' if near else ""
            ctx.fail(f'No such command "{args[0]}".{hint}')
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, purpose) for name, (_, purpose) in COMMANDS.items()])


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="comfyproof")
def cli() -> None:
    """Compile, prove and run ComfyUI pipelines written as code.

    \b
    comfyproof lint specs/                     what is wrong, before it costs anything
    comfyproof run spec.yaml                   one picture on the built-in emulator
    comfyproof run spec.yaml --server URL      the same on a real ComfyUI

    Exit codes: 0 fine, 1 findings or failed jobs, 2 usage, 3 not examined, 4 server unreachable,
    5 locked by another run, 6 disk or ledger, 130 interrupted.
    """


def main(argv: list[str] | None = None) -> NoReturn:
    """Runs a command and exits with its code."""
    gc.set_threshold(_LITTLE_GARBAGE)
    _prepare_streams()
    code: Any = Exit.FINE
    try:
        code = cli.main(argv, prog_name="comfyproof", standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.Abort:
        code = Exit.INTERRUPTED
    except click.ClickException as problem:
        problem.show()
        code = problem.exit_code
    except KeyboardInterrupt:
        click.echo("interrupted", err=True)
        code = Exit.INTERRUPTED
    except (_ReaderGone, BrokenPipeError):
        pass  # the code is what the command came to, if it came that far
    except ModuleNotFoundError as problem:
        extra = "run" if problem.name in RUN_PACKAGES else "batch" if problem.name in BATCH_PACKAGES else ""
        if not extra:
            raise
        click.echo(f'error: this needs the package "{problem.name}", which is not installed', err=True)
        click.echo(f"  help: pip install 'comfyproof[{extra}]'", err=True)
        code = Exit.USAGE
    except OSError as problem:
        from ..report.text import clean

        name = f'"{problem.filename}": ' if problem.filename else ""
        click.echo(f"error: {clean(f'{name}{problem.strerror or problem}')}", err=True)
        code = Exit.DISK
    try:
        sys.stdout.flush()
    except OSError:  # Python would complain of it once more on closing
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(int(code or 0))


def _prepare_streams() -> None:
    """Lets every text be written: to a terminal of another encoding with escapes, and to a closed stream not at all."""
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    elif isinstance(sys.stderr, io.TextIOWrapper):
        heard_or_not = io.BufferedWriter(_Stderr(sys.stderr.fileno(), "wb", closefd=False))
        sys.stderr = io.TextIOWrapper(heard_or_not, sys.stderr.encoding, line_buffering=True)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


class _Stderr(io.FileIO):
    """What a command says beside its results: that nobody hears it must not end its work."""

    def write(self, data: Any, /) -> int:
        try:
            return super().write(data)
        except BrokenPipeError:
            return len(data)

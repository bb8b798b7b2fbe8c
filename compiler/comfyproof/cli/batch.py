"""batch: every form of a spec on every server of a fleet, with nothing lost and nothing done twice."""

from __future__ import annotations

import importlib
from typing import Any

import click

from ..diagnostics import nearest

# The commands beside starting one, with the module of each.
COMMANDS = {
    "status": "batch_status",
    "retry": "batch_upkeep",
    "cancel": "batch_upkeep",
    "export": "batch_export",
    "verify": "batch_upkeep",
    "gc": "batch_upkeep",
}
START = "start"


class _BatchGroup(click.Group):
    """Starts a batch, unless the first word is one of the other commands."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [START, *COMMANDS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name == START:
            from .batch_start import start_command

            return start_command
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"comfyproof.cli.{COMMANDS[cmd_name]}")
        command: click.Command = getattr(module, f"{cmd_name}_command")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in (START, *COMMANDS):
            first = args[0]
            near = nearest(first, COMMANDS)
            if near and "." not in first and not first.startswith("-"):
                ctx.fail(f'There is no spec and no command "{first}". Did you mean "{near}"?')
            args = [START, *args]
        return super().resolve_command(ctx, args)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        # Options in front of the spec are those of starting.
        if args and args[0].startswith("-") and args[0] not in ("-h", "--help"):
            args = [START, *args]
        return super().parse_args(ctx, args)


@click.group("batch", cls=_BatchGroup, no_args_is_help=True, subcommand_metavar="SPEC | COMMAND ...")
def batch_command() -> Any:
    """Run every form of a spec on a fleet of servers, with nothing lost and nothing done twice.

    `comfyproof batch SPEC --inputs 'photos/*.png' --servers URL,URL --out DIR` starts a batch, and goes on with it
    after whatever ended it. The commands look at a batch, and look after it.
    """

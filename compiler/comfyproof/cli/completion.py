"""completion: what a shell needs to complete our commands, and what it completes rules and nodes with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

SHELLS = ("bash", "zsh", "fish")
_VARIABLE = "_COMFYPROOF_COMPLETE"


@click.command("completion", short_help="Write what a shell needs to complete commands, options, files and rules.")
@click.argument("shell", type=click.Choice(SHELLS))
def completion_command(shell: str) -> int:
    """Write what a SHELL needs to complete commands, options, files, rules and nodes.

    \b
    eval "$(comfyproof completion bash)"                                       in ~/.bashrc
    eval "$(comfyproof completion zsh)"                                        in ~/.zshrc
    comfyproof completion fish > ~/.config/fish/completions/comfyproof.fish    once
    """
    from click.shell_completion import get_completion_class

    from .exits import Exit
    from .main import cli

    complete = get_completion_class(shell)
    assert complete is not None
    click.echo(complete(cli, {}, "comfyproof", _VARIABLE).source())
    return Exit.FINE


def complete_rules(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The rules whose code or name begins so; behind a comma, the next one of a list."""
    from click.shell_completion import CompletionItem

    from .terminal import all_rules

    before, comma, begun = incomplete.rpartition(",")
    words = [(word, rule) for rule in all_rules() for word in (rule.code, rule.name)]
    found = [(word, rule) for word, rule in words if word.casefold().startswith(begun.casefold())]
    if not begun:
        found = [(word, rule) for word, rule in found if word == rule.code]
    return [
        CompletionItem(f"{before}{comma}{word}", help=rule.name if word == rule.code else rule.code)
        for word, rule in found
    ]


def complete_nodes(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The node classes of the built-in catalog whose names begin so."""
    from click.shell_completion import CompletionItem

    from ..catalog.pinned import built_in

    catalog = built_in()
    return [
        CompletionItem(name, help=str(catalog.raw[name].get("display_name", "")))
        for name in catalog.names()
        if name.casefold().startswith(incomplete.casefold())
    ]

"""explain and rules: what each rule means."""

from __future__ import annotations

import click

from .exits import Exit
from .terminal import stop


@click.command("explain")
@click.argument("code")
def explain_command(code: str) -> int:
    """Explain the rule with the CODE (CP301) or name (unknown-node)."""
    from ..diagnostics import did_you_mean
    from ..driver import RULES

    for rule in RULES:
        if code.casefold() in (rule.code.casefold(), rule.name):
            click.echo(f"{rule.code} {rule.name} ({rule.severity.value})\n\n{rule.doc}")
            return Exit.FINE
    known = [name for rule in RULES for name in (rule.code, rule.name)]
    stop(Exit.USAGE, f'there is no rule "{code}"', did_you_mean(code, known))


@click.command("rules")
def rules_command() -> int:
    """List all rules with their codes and severities."""
    from ..driver import RULES

    for rule in RULES:
        click.echo(f"{rule.code}  {rule.severity.value:7}  {rule.name}")
    return Exit.FINE

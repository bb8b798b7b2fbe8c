"""explain and rules: what each rule means."""

from __future__ import annotations

import click

from .completion import complete_rules
from .exits import Exit
from .terminal import all_rules, stop


@click.command("explain")
@click.argument("code", shell_complete=complete_rules)
def explain_command(code: str) -> int:
    """Explain the rule with the CODE (CP301) or name (unknown-node)."""
    from ..diagnostics import did_you_mean

    for rule in all_rules():
        if code.casefold() in (rule.code.casefold(), rule.name):
            click.echo(f"{rule.code} {rule.name} ({rule.severity.value})\n\n{rule.doc}")
            return Exit.FINE
    known = [name for rule in all_rules() for name in (rule.code, rule.name)]
    stop(Exit.USAGE, f'there is no rule "{code}"', did_you_mean(code, known))


@click.command("rules")
def rules_command() -> int:
    """List all rules with their codes and severities."""
    for rule in all_rules():
        click.echo(f"{rule.code}  {rule.severity.value:7}  {rule.name}")
    return Exit.FINE

"""explain and rules: what each rule means."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .exits import Exit
from .terminal import stop

if TYPE_CHECKING:
    from ..diagnostics import Rule


@click.command("explain")
@click.argument("code")
def explain_command(code: str) -> int:
    """Explain the rule with the CODE (CP301) or name (unknown-node)."""
    from ..diagnostics import did_you_mean

    for rule in _rules():
        if code.casefold() in (rule.code.casefold(), rule.name):
            click.echo(f"{rule.code} {rule.name} ({rule.severity.value})\n\n{rule.doc}")
            return Exit.FINE
    known = [name for rule in _rules() for name in (rule.code, rule.name)]
    stop(Exit.USAGE, f'there is no rule "{code}"', did_you_mean(code, known))


@click.command("rules")
def rules_command() -> int:
    """List all rules with their codes and severities."""
    for rule in _rules():
        click.echo(f"{rule.code}  {rule.severity.value:7}  {rule.name}")
    return Exit.FINE


def _rules() -> tuple[Rule, ...]:
    from ..driver import RULES
    from ..run.rules import RULES as RUN_RULES

    return (*RULES, *RUN_RULES)

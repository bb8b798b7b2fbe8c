"""What counts: the options, settings, ignores and baseline that decide which files lint looks at, and what it says."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from .completion import complete_rules
from .exits import Exit
from .terminal import all_rules, show, stop

if TYPE_CHECKING:
    from ..baseline import Baseline
    from ..config import Settings
    from ..diagnostics import Diagnostic, Rule, Text
    from ..gathering import Gathered

F = TypeVar("F", bound=Callable[..., Any])

_RULES = "Rules by code, family or name, such as CP403,CP5,value-range."


def selection_options(command: F) -> F:
    """The options --select, --ignore, --exclude, --skip-others, --stdin-filename, --baseline and --write-baseline."""
    for option in (
        click.option("--write-baseline", is_flag=True, help="Write all findings that there are now into the baseline."),
        click.option(
            "--baseline",
            type=click.Path(),
            metavar="FILE",
            help="Say nothing of the findings in FILE, which --write-baseline wrote.",
        ),
        click.option(
            "--stdin-filename", metavar="NAME", default="stdin", help='What to call standard input, which is "-".'
        ),
        click.option(
            "--skip-others",
            is_flag=True,
            help="Pass over named files that are neither specs nor workflows, as in folders.",
        ),
        click.option(
            "--exclude",
            metavar="PATTERN",
            multiple=True,
            help="Pass over files and folders, in .gitignore's syntax.",
        ),
        click.option(
            "--ignore", shell_complete=complete_rules, metavar="RULES", multiple=True, help=f"Leave out rules. {_RULES}"
        ),
        click.option(
            "--select",
            shell_complete=complete_rules,
            metavar="RULES",
            multiple=True,
            help=f"Look for these rules only. {_RULES}",
        ),
    ):
        command = option(command)
    return command


def read_settings_here(flags: Mapping[str, Any]) -> Settings:
    """The settings that hold in this folder under these flags; exits where something in them is not known."""
    from ..config import read_settings

    listed = {name: _split(value) if name in ("select", "ignore") else value for name, value in flags.items()}
    settings, findings = read_settings(Path.cwd(), listed, all_rules)
    if settings is None:
        show(findings, sys.stderr)
        raise click.exceptions.Exit(Exit.USAGE)
    return settings


def _split(given: Iterable[str]) -> tuple[str, ...]:
    return tuple(word.strip() for each in given for word in each.split(",") if word.strip())


def gather_files(arguments: Sequence[str], settings: Settings, suffixes: Sequence[str]) -> Gathered:
    """The files that are meant. Exits where there is none; raises click.UsageError for an argument without any."""
    from ..gathering import Excluding, gather

    gathered = gather(arguments, Excluding(*settings.exclude), suffixes)
    if gathered.empty:
        first = gathered.empty[0]
        where = f'in the folder "{first}"' if Path(first).is_dir() else f'that "{first}" is for'
        raise click.UsageError(f"there is no spec (.yaml) and no workflow (.json) {where}")
    # Of files that another program named, it is for that one to know what is left; a folder was to be looked at.
    if not gathered.files and not gathered.unreadable and any(not Path(argument).is_file() for argument in arguments):
        reasons = ", ".join(dict.fromkeys(each.reason for each in gathered.passed_over))
        stop(Exit.NOT_EXAMINED, f"nothing is left to look at: all is {reasons}", "take the pattern out, or narrow it")
    return gathered


# What only a machine's model files, a server, or a picture that came back, can show.
UNDECIDED = ("CP57", "CP58", "CP59", "CP8", "CP9")


def what_counts(
    examined: Iterable[tuple[Sequence[Diagnostic], Sequence[Text]]], settings: Settings
) -> list[Diagnostic]:
    """The findings that count, of files with what was read of each, after saying how many their own texts ignore."""
    from ..ignores import judge

    kept: list[Diagnostic] = []
    ignored = 0
    for findings, texts in examined:
        judged = judge(findings, texts, settings.selection, all_rules, UNDECIDED)
        kept += judged.kept
        ignored += len(judged.ignored)
    if ignored:
        _say(f"{_counted(ignored, 'finding')} ignored where {'it stands' if ignored == 1 else 'they stand'}")
    return kept


def hold_back(
    file: str | None, write: bool, findings: Sequence[Diagnostic], examined: Sequence[str], settings: Settings
) -> list[Diagnostic]:
    """The findings that a baseline does not know, after saying how many it does; with `write`, it comes to know all.

    `examined` are the files that were read to the end.
    """
    if file is None:
        if write:
            raise click.UsageError("--write-baseline writes the baseline of --baseline FILE: name it")
        return list(findings)
    from ..baseline import LookedAt
    from ..selecting import is_fixed

    baseline = _read_baseline(file, write)
    looked_at = LookedAt(examined, _looked_for(settings))
    if write:
        from ..run.folder import write_whole

        renewed = baseline.renewed(findings, looked_at)
        write_whole(Path(file), renewed.text().encode())
        _say(f'"{file}" holds {_counted(sum(renewed.counts.values()), "finding")} now')
        return [finding for finding in findings if is_fixed(finding.rule)]
    held = baseline.hold(findings, looked_at)
    _say(f'"{file}" holds back {_counted(len(held.held_back), "finding")}')
    if held.gone:
        told = [f"{each.file}: {each.code} at {each.at or 'the file'}" for each in held.gone[:_TOLD]]
        more = [f"and {len(held.gone) - _TOLD} more"] if len(held.gone) > _TOLD else []
        are = "is" if len(held.gone) == 1 else "are"
        _say(f'{_counted(len(held.gone), "finding")} of "{file}" {are} not there any more:', *told, *more)
        _say("  help: take them out with --write-baseline")
    return list(held.kept)


_TOLD = 10


def _read_baseline(file: str, write: bool) -> Baseline:
    """The baseline in a file, an empty one where it is about to be written; exits where it is none."""
    from ..baseline import BaselineError, empty_baseline, read_baseline

    try:
        return read_baseline(file)
    except FileNotFoundError as problem:
        if write:
            return empty_baseline(file)
        stop(Exit.USAGE, f'there is no baseline "{file}": {problem.strerror}', "make it with --write-baseline")
    except OSError as problem:
        stop(Exit.USAGE, f'the baseline "{file}" cannot be read: {problem.strerror or problem}')
    except BaselineError as problem:
        stop(Exit.USAGE, f'"{file}" is no baseline: {problem}', "name another file, or take this one away")


def _looked_for(settings: Settings) -> Callable[[str], bool]:
    """Whether a rule, by its code, would have said what it knows; one that there is not any more, has."""
    known: dict[str, Rule] = {}

    def is_looked_for(code: str) -> bool:
        known.update({} if known else {rule.code: rule for rule in all_rules()})
        counts = code not in known or settings.selection.counts(known[code], "")
        return counts and not code.startswith(UNDECIDED)

    return is_looked_for


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _say(*lines: str) -> None:
    from ..report.text import clean

    for n, line in enumerate(lines):
        click.echo(clean(f"  {line}" if n else line), err=True)

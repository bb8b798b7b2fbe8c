"""How the commands talk: colors where a person looks, findings on stderr or stdout, and the options they share."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from .exits import Exit

if TYPE_CHECKING:
    from ..catalog.pinned import Catalog
    from ..diagnostics import Diagnostic, NotExamined, Rule
    from ..spec.pipeline import Changes
    from ..workflow import WorkflowReader

F = TypeVar("F", bound=Callable[..., Any])


def wants_color(stream: IO[str]) -> bool:
    """Whether to color what goes to a stream: a terminal, unless the environment says otherwise."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def show(findings: Iterable[Diagnostic], stream: IO[str]) -> None:
    """Writes findings as text."""
    from ..report.text import render

    text = render(findings, color=wants_color(stream))
    if text:
        stream.write(text + "\n")


def show_work(findings: Iterable[Diagnostic], stream: IO[str]) -> None:
    """Writes what was changed in reading, and what asks for something to be done; lint says the rest, too."""
    from ..diagnostics import Severity

    shown = [f for f in findings if f.rule.severity is not Severity.INFO or f.rule.code.startswith("CP1")]
    show(shown, stream)


def show_summary(findings: Sequence[Diagnostic], not_examined: Sequence[NotExamined], stream: IO[str]) -> None:
    """Writes how many findings there are, and what was not examined."""
    from ..report.text import summary

    stream.write(summary(findings, not_examined, color=wants_color(stream)))


def spec_changes(command: F) -> F:
    """The options --input, --set and --variant."""
    for option in (
        click.option("--variant", metavar="NAME", help="The variant to take; the spec as it stands, unless given."),
        click.option(
            "--set",
            "settings",
            metavar="PATH=VALUE",
            multiple=True,
            help="Set any path of the spec, such as refine.denoise=0.2.",
        ),
        click.option(
            "--input",
            "inputs",
            metavar="NAME=VALUE",
            multiple=True,
            help="Set an input of the spec, such as image=photo.png.",
        ),
    ):
        command = option(command)
    return command


def read_changes(inputs: Sequence[str], settings: Sequence[str], variant: str | None) -> Changes:
    """Those options, read. Raises click.UsageError for one without a name or an equals sign."""
    from ..spec.inputs import parse_assignment
    from ..spec.pipeline import Changes

    def pairs(option: str, texts: Sequence[str]) -> list[tuple[str, str]]:
        found = [(text, parse_assignment(text)) for text in texts]
        for text, pair in found:
            if pair is None:
                raise click.UsageError(f'{option} "{text}" is not of the form NAME=VALUE')
        return [pair for _, pair in found if pair]

    return Changes(dict(pairs("--input", inputs)), tuple(pairs("--set", settings)), variant)


def refuse_changes(files: Sequence[str], reader: WorkflowReader) -> None:
    """Raises click.UsageError where those options could change nothing, since all files are workflows."""
    kinds = ["" if Path(file).is_dir() else reader.read(file).kind for file in files]
    if all(kind in ("api", "ui") for kind in kinds):
        raise click.UsageError(
            f'--input, --set and --variant are for specs, and "{files[0]}" is a workflow: import it, or change it there'
        )


def catalog_option(command: F) -> F:
    """The option --catalog."""
    return click.option(
        "--catalog",
        "catalog_file",
        metavar="FILE|NAME",
        type=click.Path(),
        help="A pinned catalog, a saved /object_info answer, or the built-in one by its name, "
        "which then holds all there is; else the built-in one.",
    )(command)


def editor_option(command: F) -> F:
    """The option --editor."""
    return click.option(
        "--editor",
        type=click.Choice(["1.58", "1.27"]),
        default="1.58",
        show_default=True,
        help="Read the editor's own files as this version of it would.",
    )(command)


def editor_options(command: F) -> F:
    """The options --editor and --keep-unknown."""
    return editor_option(
        click.option(
            "--keep-unknown",
            is_flag=True,
            help="Convert nodes that the catalog does not have as far as the file itself says what they are.",
        )(command)
    )


def read_catalog_option(file: str | None) -> Catalog:
    """The catalog of that option; exits with 3 where it cannot be read.

    A class that is missing in the built-in one may exist elsewhere, but not where that one was named.
    """
    from ..catalog.pinned import BUILT_IN_NAME, CatalogError, built_in, load_catalog
    from ..diagnostics import nearest

    if file is None:
        return built_in()
    try:
        catalog = load_catalog(file)
        return catalog if catalog.complete else replace(catalog, complete=True)
    except OSError as problem:
        if near := nearest(file, [BUILT_IN_NAME]):
            stop(Exit.NOT_EXAMINED, f'there is no catalog "{file}"', f'did you mean "{near}"?')
        stop(Exit.NOT_EXAMINED, f'the catalog "{file}" cannot be read: {problem.strerror or problem}')
    except CatalogError as problem:
        stop(Exit.NOT_EXAMINED, f'"{file}" is no catalog: {problem}')


def all_rules() -> tuple[Rule, ...]:
    """Every rule there is."""
    from ..rulebook import RULES

    return RULES


def stop(code: Exit, message: str, help: str = "") -> NoReturn:
    """Says why, and exits."""
    from ..report.text import clean

    click.echo(f"error: {clean(message)}", err=True)
    if help:
        click.echo(f"  help: {clean(help)}", err=True)
    raise click.exceptions.Exit(code)

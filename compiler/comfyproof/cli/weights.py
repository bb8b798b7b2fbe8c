"""weights: what model files are."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

from .exits import Exit
from .server import server_access
from .terminal import stop
from .waiting import Counting

if TYPE_CHECKING:
    from ..weights import Weights
    from ..weights.index import Found

_NUMBERS = 4  # from which column on
_HEADS = ("file", "kind", "family", "stored as", "parameters", "size")


@click.command("weights")
@click.argument("paths", metavar="PATH...", nargs=-1, required=True)
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True)
@server_access
def weights_command(paths: tuple[str, ...], format_: str, headers: tuple[str, ...], certificate: str | None) -> int:
    """Say what model files are: kind, family, precision and size, from their headers alone.

    A PATH is a model file, a folder, a ComfyUI folder or its models folder, or an extra_model_paths.yaml; or the URL
    of a server, which tells nothing of its files but their names. Nothing in a file is executed. What was found out is
    kept in the user's cache, so that an unchanged file is not read again.

    Exit codes: 0 fine, 1 a file is broken or would execute something, 3 something could not be looked at, 4 no server
    was reached.
    """
    if paths[0].startswith(("http://", "https://")):
        if len(paths) > 1:
            raise click.UsageError("a server is looked at alone")
        from .weights_server import show_server

        return show_server(paths[0], headers, certificate, format_)
    from ..caching import cache_folder
    from ..weights.index import look

    with Counting("reading model files") as count:
        found = list(look(_files(paths), cache_folder(), count.says).values())
    if format_ == "json":
        click.echo(json.dumps({"files": [_record(each) for each in found]}, indent=2))
    else:
        _show(found)
    bad = any(each.problem or (each.weights and each.weights.calls) for each in found)
    return Exit.FINDINGS if bad else Exit.FINE


def _files(paths: Sequence[str]) -> list[str]:
    """The model files that the paths stand for, each once."""
    from ..weights.folders import BadTree

    found: dict[str, None] = {}
    for path in paths:
        try:
            found |= dict.fromkeys(os.path.abspath(each) for each in _files_of(path))
        except BadTree as problem:
            stop(Exit.NOT_EXAMINED, str(problem))
    return list(found)


def _files_of(path: str) -> Iterator[str]:
    from ..weights.folders import BadTree, model_files, read_tree

    if os.path.isdir(path):
        try:
            tree = read_tree(path)
        except BadTree:
            tree = None
        problems: list[str] = []
        yield from (model_files(path, problems) if tree is None else (os.fspath(each) for each in tree.models()))
        for problem in [*problems, *(tree.problems if tree else ())]:
            _say(f"note: {problem}", err=True)
    elif path.endswith((".yaml", ".yml")):
        yield from (os.fspath(each) for each in read_tree(path).models())
    elif os.path.lexists(path):
        yield path
    else:
        stop(Exit.NOT_EXAMINED, f'there is no file and no folder "{path}"')


def _record(found: Found) -> dict[str, Any]:
    weights = found.weights
    record: dict[str, Any] = {"path": found.path, "size": found.size}
    if found.problem:
        record |= {"problem": found.problem, "message": found.message}
    return record | (_plain(weights) if weights else {})


def _plain(value: Any) -> Any:
    """A value as JSON has it."""
    from dataclasses import fields, is_dataclass

    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: _plain(getattr(value, each.name)) for each in fields(value) if each.compare}
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, (list, tuple)) else value


def _show(found: list[Found]) -> None:
    if not found:
        return _say("no model files")
    shared = os.path.commonpath([os.path.dirname(each.path) for each in found])
    rows = [_HEADS, *(_row(each, shared) for each in found)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADS))]
    for row in rows:
        cells = [
            cell.rjust(width) if at >= _NUMBERS else cell.ljust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        _say("  ".join(cells).rstrip())
    for each in found:
        name = os.path.relpath(each.path, shared)
        if each.problem:
            _say(f'"{name}" {each.message}')
        elif each.weights and each.weights.calls:
            what = "would harm this computer" if each.weights.dangers else "is refused by PyTorch"
            _say(f'"{name}" runs code when it is loaded ({", ".join(each.weights.calls[:5])}), and {what}')
    many = "1 file" if len(found) == 1 else f"{len(found)} files"
    _say(f"{many}, {_bytes(sum(each.size for each in found))}")


def _row(found: Found, shared: str) -> tuple[str, ...]:
    name, weights = os.path.relpath(found.path, shared), found.weights
    if weights is None:
        return (name, found.problem, "", "", "", _bytes(found.size))
    packed = weights.quantisation if weights.quantisation != weights.dtype else ""
    kept = f"{weights.dtype} ({packed})" if packed else weights.dtype
    return (
        name,
        weights.kind.replace("_", " "),
        _family(weights),
        kept,
        _count(weights.parameters),
        _bytes(found.size),
    )


def _count(parameters: int) -> str:
    for unit, size in (("B", 1_000_000_000), ("M", 1_000_000)):
        if parameters >= size:
            return f"{parameters / size:.2f} {unit}"
    return str(parameters)


def _family(weights: Weights) -> str:
    if weights.kind == "upscaler":
        scale = f", {weights.detail.scale} times" if weights.detail.scale else ""
        return f"{weights.detail.arch}{scale}"
    families = " or ".join(weights.families[:4]) + (" ..." if len(weights.families) > 4 else "")
    variants = " or ".join(weights.variants)
    told = "" if weights.told_by == "header" else f" (by its {weights.told_by})"
    return f"{families} {variants}".strip() + told


def _bytes(count: int) -> str:
    for unit, size in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} B"


def _say(line: str, *, err: bool = False) -> None:
    """Writes a line; the names of files are a stranger's, and could command a terminal."""
    from ..report.text import clean

    click.echo(clean(line), err=err)

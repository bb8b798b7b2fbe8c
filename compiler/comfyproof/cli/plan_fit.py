"""plan --fit: the least harmful changes that make a pipeline fit, as a patch of its spec."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ..catalog.pinned import Catalog
    from ..diagnostics import Edit, Text
    from ..graph import Graph
    from ..plan.fitting import Change, Fitting
    from ..plan.machine import Machine
    from ..plan.predict import Plan
    from ..weights import Header

_CHOICE = ("diffusion_models", "unet_gguf", "text_encoders", "clip_gguf")
_MOST_FILES = 400


def show_fitting(graph: Graph, catalog: Catalog, machine: Machine, plan: Plan) -> Plan:
    """Says what each cheap change does alone, and which set of them is enough; the plan with that, or the given one."""
    from ..plan.fitting import fits, fits_whole
    from ..report.plan import verdict

    fitting = _fitting(graph, catalog, machine)
    click.echo("")
    if fits_whole(plan):
        click.echo("nothing needs to change: it fits whole")
        return plan
    for change, alone in fitting.effects():
        click.echo(f"  {_effect(plan, alone)}: {change.words}")
    found = fitting.least(fits_whole)
    if found is None and not plan.fits:
        found = fitting.least(fits)
    if found is None:
        click.echo("no set of these makes it fit whole")
        return plan
    changes, after = found
    click.echo(f"\nthe least of them that is enough: {'; '.join(change.words for change in changes)}")
    click.echo(f"then {verdict(after)}\n")
    click.echo("".join(_patch(graph, changes)), nl=False)
    return after


def _effect(plan: Plan, alone: Plan) -> str:
    """What a change does alone, in the terms that a person cares for."""
    from ..plan.contract import clock, gib
    from ..plan.machine import GIB

    if plan.fits != alone.fits:
        return "fits" if alone.fits else "no longer fits"
    saved, whole = plan.offloaded - alone.offloaded, plan.whole - alone.whole
    quicker = (plan.seconds or 0) - (alone.seconds or 0)
    said = []
    if abs(saved) >= 2**26:
        said.append(f"{gib(abs(saved))} GiB {'less' if saved > 0 else 'more'} left off the card")
    elif abs(whole) >= 2**26:
        said.append(f"{gib(abs(whole))} GiB {'less' if whole > 0 else 'more'} needed to hold it whole")
    if abs(plan.ram - alone.ram) >= GIB / 2:
        lower = plan.ram > alone.ram
        said.append(f"{gib(abs(plan.ram - alone.ram))} GiB of RAM {'less' if lower else 'more'}")
    if plan.seconds and abs(quicker) > 0.02 * plan.seconds:
        said.append(f"{clock(abs(quicker))} {'quicker' if quicker > 0 else 'slower'}")
    return ", ".join(said) or "does not help"


def _fitting(graph: Graph, catalog: Catalog, machine: Machine) -> Fitting:
    from ..plan.fitting import Fitting
    from ..plan.given import headers_of, pictures_of

    shelf = catalog.shelf
    headers: dict[str, Header] = dict(headers_of(graph, catalog))
    files: list[str] = []
    for folder in _CHOICE if shelf is not None else ():
        assert shelf is not None
        for name in shelf.listing.get(folder, ())[:_MOST_FILES]:
            header = shelf.header(folder, name)
            if header is not None:
                files.append(name)
                headers[name] = header
    return Fitting(graph, catalog, machine, headers, files, pictures_of(graph))


def _patch(graph: Graph, changes: Sequence[Change]) -> Iterator[str]:
    """The changes as a patch of the author's text; what has no place of its own there, in words."""
    from ..diagnostics import Edit
    from ..edits import CannotEdit, edited

    by_text: dict[str, tuple[Text, dict[tuple[str | int, ...], Edit]]] = {}
    left: list[str] = []
    for change in changes:
        for id, name, value in change.inputs:
            node = graph.nodes.get(id)
            place = node.places.get(name) if node else None
            # A spec names a file, and its loader follows; a workflow names the loader, too.
            follows = place is not None and place.path[:1] == ("models",)
            others = [type for each, type in change.types if graph.nodes[each].type != type and not follows]
            if place is None or others:
                left.append(", ".join((change.words, *(f'loaded with "{type}"' for type in others))))
                break
            by_text.setdefault(place.source.file, (place.source, {}))[1][place.path] = Edit(place, value)
    for text, edits in by_text.values():
        try:
            yield from _difference(text, edited(text.file, text.text, list(edits.values())))
        except CannotEdit as problem:
            left += [f"{text.file}: {'.'.join(map(str, path))} = {edit.value}" for path, edit in edits.items()]
            left.append(f"({problem})")
    for words in dict.fromkeys(left):
        yield f"by hand: {words}\n"


def _difference(text: Text, after: str) -> Iterator[str]:
    import difflib

    from ..report.text import clean, clean_name

    name = clean_name(text.file).lstrip("/")
    lines: Mapping[str, list[str]] = {"before": text.text.splitlines(), "after": after.splitlines()}
    for line in difflib.unified_diff(lines["before"], lines["after"], f"a/{name}", f"b/{name}", lineterm=""):
        yield f"{clean(line)}\n"

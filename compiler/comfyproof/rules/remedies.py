"""Remedies as fixes: where what a rule would write instead is an author's own literal, and stands for nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from ..diagnostics import Diagnostic, Edit, Fix, Place, Removed
from ..graph import Graph, Node
from ..source import Source
from .rule import Problem, Remedy

_NOT_TEXT = (".py", " (prompt)", " (workflow)")  # a program, and what stands in a picture


def fix_of(graph: Graph, found: Problem, place: Place | None) -> Fix | None:
    """The fix of a problem with a remedy; None where its place holds anything but the value that is wrong."""
    remedy, name, node = found.remedy, found.input, found.node
    if remedy is None or place is None or _is_of_many(place):
        return None
    if name is None:  # the class itself
        if isinstance(remedy.value, str) and (place.path[-1:] in (("class_type",), ("type",))):
            return _written(place, remedy, found.named) if _holds(place, node.type) else None
        return None
    if name not in node.places or not (found.named or _holds(place, node.inputs.get(name))):
        return None
    # One value for several inputs may be wrong for one of them alone.
    own = node.inputs[name]
    if any(each != name or other.inputs.get(each) != own for other, each in _takers(graph, place)):
        return None
    return _written(place, remedy, found.named)


def agreed(graph: Graph, findings: Sequence[Diagnostic]) -> list[Diagnostic]:
    """The findings, without a guessed fix of a value that other nodes take, too, and of which nothing is said there."""
    alike: dict[tuple[str, Place | None, Fix | None], set[str]] = {}
    for each in findings:
        if _is_guess(each):
            alike.setdefault((each.rule.code, each.place, each.fix), set()).add(each.node)
    kept = []
    for each in findings:
        if _is_guess(each) and each.place is not None:
            takers = {node.id for node, _ in _takers(graph, each.place)}
            if len(takers) > 1 and not takers <= alike[each.rule.code, each.place, each.fix]:
                each = replace(each, fix=None)
        kept.append(each)
    return kept


def _is_guess(finding: Diagnostic) -> bool:
    """Whether a finding has a fix of a value that is not safe."""
    return finding.fix is not None and not finding.fix.safe and finding.place is not None and not finding.place.key


def _takers(graph: Graph, place: Place) -> Iterator[tuple[Node, str]]:
    """The inputs that come from a place."""
    for node, name in graph.takers.get(place.path, ()):
        if node.places[name].source is place.source:
            yield node, name


def _written(place: Place, remedy: Remedy, named: bool) -> Fix | None:
    value = remedy.value
    if value is Removed:
        return Fix((Edit(place._replace(key=False), Removed),), remedy.safe, f'remove "{place.path[-1]}"')
    if not isinstance(value, bool | int | float | str):
        return None
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        value = int(value) if not isinstance(_value(place), float) else value
    return Fix((Edit(place, value),), remedy.safe, f"{'name it' if named else 'write'} {_shown(value)}")


def _shown(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)


def _is_of_many(place: Place) -> bool:
    """Whether a place is not a value's own: an input's default, a link of the editor's, or in another program."""
    source, path = place.source, place.path
    if not isinstance(source, Source) or source.elsewhere or source.file.endswith(_NOT_TEXT):
        return True
    return path[:1] in (("inputs",), ()) or path[-1:] == ("link",)


def _holds(place: Place, value: object) -> bool:
    """Whether the text itself has just this value there."""
    data = _value(place)
    numbers = (type(data), type(value)) in ((int, float), (float, int))  # 30 of a stage is 30.0 of a node
    return (type(data) is type(value) or numbers) and bool(data == value)


def _value(place: Place) -> Any:
    assert isinstance(place.source, Source)
    data: Any = place.source.data
    for step in place.path:
        if not isinstance(data, dict | list):
            return None
        try:
            data = data[step]  # type: ignore[index]
        except (KeyError, IndexError, TypeError):
            return None
    return data

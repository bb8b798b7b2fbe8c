"""A spec's data as it stands after variants, options and inputs were put into it, each value with its place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from ..diagnostics import Path, Place
from ..source import Source


class Moved(NamedTuple):
    """Where a value really comes from; `named` where its key comes from there too."""

    place: Place
    named: bool


@dataclass(frozen=True)
class Document:
    """Data, and for each path the place in a text where an author wrote it."""

    source: Source
    data: Any
    moved: Mapping[Path, Moved] = field(default_factory=dict)

    def place(self, path: Path, *, key: bool = False) -> Place:
        """Where a path's value (or key) was written: in the spec, on the command line, in a variant."""
        for cut in range(len(path), -1, -1):
            moved = self.moved.get(path[:cut])
            if moved is None or (key and cut == len(path) and not moved.named):
                continue
            return Place(moved.place.source, moved.place.path + path[cut:], key)
        return Place(self.source, path, key)

    def get(self, path: Path) -> Any:
        """The value at a path, None where there is nothing."""
        value = self.data
        for step in path:
            inside = (
                step in value if isinstance(value, Mapping) else isinstance(value, list) and step in range(len(value))
            )
            if not inside:
                return None
            value = value[step]
        return value

    def keys(self, section: str) -> list[str]:
        """The names in a section, none where it is no mapping."""
        data = self.get((section,))
        return list(data) if isinstance(data, Mapping) else []

    def put(self, path: Path, value: Any, place: Place, *, named: bool) -> Document:
        """The document with a value that comes from elsewhere."""
        moved = {at: m for at, m in self.moved.items() if at[: len(path)] != path}
        return replace(self, data=_put(self.data, path, value), moved={**moved, path: Moved(place, named)})


def document_of(source: Source) -> Document:
    """A source's data, each path where it stands: in the source's own text, or in another that it is made of."""
    return Document(source, source.data, {path: Moved(place, True) for path, place in source.elsewhere.items()})


def _put(data: Any, path: Path, value: Any) -> Any:
    if not path:
        return value
    step, rest = path[0], path[1:]
    if isinstance(data, list):
        assert isinstance(step, int)
        return [*data[:step], _put(data[step], rest, value), *data[step + 1 :]]
    whole = data if isinstance(data, Mapping) else {}
    return {**whole, step: _put(whole.get(step), rest, value)}

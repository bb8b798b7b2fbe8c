"""matrix: every combination of some values at some paths, less those excluded, with those included."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any, NamedTuple

from ..diagnostics import Diagnostic, Path, Place, Rule, Severity, did_you_mean
from .changes import UNKNOWN_PATH, address
from .document import Document
from .dollars import as_text
from .names import Stages, stages_of
from .problems import WRONG_TYPE, describe
from .series import values_of

NOTHING_LEFT = Rule(
    "CP227", "nothing-left", Severity.WARNING, "What a matrix excludes is everything, so that there is nothing to run."
)
RULES = (NOTHING_LEFT,)


class Setting(NamedTuple):
    """One value for one path, and where it was written."""

    text: str
    value: Any
    place: Place


class Cell(NamedTuple):
    """One combination, and what it is called."""

    name: str
    settings: tuple[Setting, ...]


class Matrix(NamedTuple):
    """The values of each path, and what is excluded and included."""

    axes: tuple[tuple[Setting, ...], ...]
    excluded: tuple[Mapping[str, Any], ...]
    included: tuple[tuple[Setting, ...], ...]

    def cells(self) -> Iterator[Cell]:
        """The combinations in order, the last path's values changing first."""
        if self.axes:
            for settings in product(*self.axes):
                values = {each.text: each.value for each in settings}
                if not any(
                    all(text in values and values[text] == wanted for text, wanted in each.items())
                    for each in self.excluded
                ):
                    yield _cell(settings)
        yield from (_cell(settings) for settings in self.included)

    def alone(self) -> Iterator[Cell]:
        """Each value of each path by itself: what a linter looks at, where all combinations are too many."""
        for axis in self.axes:
            yield from (_cell((each,)) for each in axis)
        yield from (_cell(settings) for settings in self.included)


def _cell(settings: tuple[Setting, ...]) -> Cell:
    parts = [f"{each.text.rsplit('.', 1)[-1]}={as_text(each.value)}" for each in settings]
    return Cell("_".join(parts), settings)


def with_cell(document: Document, cell: Cell | None, findings: list[Diagnostic]) -> Document:
    """The document with a combination's values in it, wherever a variant has moved what its paths lead to."""
    for each in cell.settings if cell else ():
        path = address(document, Stages(stages_of(document)), each.text, each.place, findings)
        document = document.put(path, each.value, each.place, named=True) if path else document
    return document


def read_matrix(document: Document, findings: list[Diagnostic]) -> Matrix:
    """The combinations that `matrix` says; an empty one where it says nothing."""
    matrix = document.get(("matrix",))
    if not isinstance(matrix, Mapping):
        if matrix is not None:
            message = f'"matrix" should be a mapping of paths to lists of values, not {describe(matrix)}'
            help = "write it as path: [value, value]"
            findings.append(WRONG_TYPE.at(document.place(("matrix",)), message, help))
        return Matrix((), (), ())
    return _Reading(document, Stages(stages_of(document)), findings).matrix(matrix)


@dataclass
class _Reading:
    document: Document
    stages: Stages
    findings: list[Diagnostic]

    def matrix(self, matrix: Mapping[str, Any]) -> Matrix:
        axes = tuple(axis for text in matrix if text not in ("exclude", "include") for axis in self._axis(text))
        known = [text for text in matrix if text not in ("exclude", "include")]
        excluded = [each for path, each in self._list("exclude") if self._names_axes(path, each, known)]
        included = [
            tuple(self._setting(text, value, (*path, text)) for text, value in each.items())
            for path, each in self._list("include")
        ]
        whole = tuple(tuple(s for s in each if s is not None) for each in included)
        made = Matrix(axes, tuple(excluded), whole)
        if axes and next(made.cells(), None) is None:
            place = self.document.place(("matrix",), key=True)
            self.findings.append(NOTHING_LEFT.at(place, "the matrix leaves nothing to run", "exclude less of it"))
        return made

    def _axis(self, text: str) -> Iterator[tuple[Setting, ...]]:
        path: Path = ("matrix", text)
        values = self.document.get(path)
        if isinstance(values, Mapping):
            place = self.document.place(path)
            series = values_of(self.document, path, self.findings)
            if series and self._setting(text, series[0], path, key=path) is not None:
                yield tuple(Setting(text, value, place) for value in series)
            return
        if not isinstance(values, list) or not values:
            message = f'"{text}" should be a list of values, not {describe(values)}'
            place = self.document.place(path)
            help = "write it as [value, value], or as {from: 1, count: 20}"
            self.findings.append(WRONG_TYPE.at(place, message, help))
            return
        first = self._setting(text, values[0], (*path, 0), key=path)
        if first is not None:
            rest = [Setting(text, value, self.document.place((*path, n))) for n, value in enumerate(values)]
            yield tuple(rest)

    def _setting(self, text: str, value: Any, at: Path, key: Path | None = None) -> Setting | None:
        place = self.document.place(key or at, key=True)
        path = address(self.document, self.stages, text, place, self.findings)
        return Setting(text, value, self.document.place(at)) if path else None

    def _list(self, name: str) -> Iterator[tuple[Path, Mapping[str, Any]]]:
        wanted = self.document.get(("matrix", name))
        if wanted is not None and not isinstance(wanted, list):
            message = f'"{name}" should be a list of combinations, not {describe(wanted)}'
            place = self.document.place(("matrix", name))
            self.findings.append(WRONG_TYPE.at(place, message, "write it as [{path: value}]"))
            return
        for n, each in enumerate(wanted or ()):
            path: Path = ("matrix", name, n)
            if isinstance(each, Mapping) and each:
                yield path, each
            else:
                message = f"a combination is a mapping of paths to values, and this is {describe(each)}"
                self.findings.append(WRONG_TYPE.at(self.document.place(path), message, "write it as {path: value}"))

    def _names_axes(self, path: Path, each: Mapping[str, Any], known: list[str]) -> bool:
        unknown = [text for text in each if text not in known]
        for text in unknown:
            place = self.document.place((*path, text), key=True)
            help = did_you_mean(text, known, "paths")
            self.findings.append(UNKNOWN_PATH.at(place, f'"{text}" is none of the paths of the matrix', help))
        return not unknown

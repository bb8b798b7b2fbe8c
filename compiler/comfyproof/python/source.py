"""A pipeline's data as a Source whose positions are those of an author's Python calls."""

from __future__ import annotations

import linecache
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ..diagnostics import Path, Place, Span
from ..source import Source
from .calls import Mark
from .positions import Module


@dataclass(frozen=True)
class PythonSource(Source):
    """What was written in one Python file of a pipeline; the parts from other files stand in `elsewhere`.

    `written_in` is the file as Python names it.
    """

    written_in: str = ""
    marks: Mapping[Path, Mark] = field(default_factory=dict, compare=False)

    @cached_property
    def module(self) -> Module:
        """The text and what stands where in it, read only when a position is asked for."""
        return Module(self.text)

    def at(self, path: Path, *, key: bool = False) -> Span:
        """Where a path's value (or key) was written; the nearest thing around it if the path itself is not there."""
        for cut in range(len(path), -1, -1):
            mark = self.marks.get(path[:cut])
            if mark is not None and mark.call.file == self.written_in:
                return self.module.span(mark, path[cut:], key=key)
        return Span(1, 1, 1, 1)


def source_of(
    marks: Mapping[Path, Mark], data: Any, written_in: str, file: str | None = None, text: str | None = None
) -> PythonSource:
    """The source of the file that a pipeline is known by; what other files wrote of it stands elsewhere."""
    elsewhere: dict[Path, Place] = {}
    name = _shown(written_in) if file is None else file
    main = PythonSource(name, _text(written_in) if text is None else text, data, elsewhere, written_in, marks)
    sources = {written_in: main}
    files: dict[Path, str] = {}
    for path in sorted(marks, key=len):
        own = files[path] = marks[path].call.file
        around = (files[path[:cut]] for cut in range(len(path) - 1, -1, -1) if path[:cut] in files)
        if own == next(around, written_in):
            continue
        if own not in sources:
            sources[own] = PythonSource(_shown(own), _text(own), None, {}, own, marks)
        elsewhere[path] = Place(sources[own], path)
    return main


def _text(file: str) -> str:
    return "".join(linecache.getlines(file))


def _shown(file: str) -> str:
    """A file as a person would name it from here."""
    here = os.getcwd() + os.sep
    return file.removeprefix(here)

"""A pipeline as an author's Python code writes it down, call by call."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

from ..diagnostics import Diagnostic, Path, Place
from ..spec.document import document_of
from ..texts.composed import DUPLICATE_KEY
from .calls import Mark, plain_name, running_call
from .handles import Handle, Model, Node, Stage
from .methods import Methods
from .nodes import Nodes
from .source import PythonSource, source_of
from .values import Problem, Values

# What calls make, and so no section to be given whole.
_MADE = {
    "comfyproof": "it is always 1",
    "inputs": "call input",
    "models": "call model",
    "stages": "call each by its kind, as in load(image=image)",
    "nodes": "call node, or each by its class under nodes",
    "verify": "call verify",
    "variants": "call variant",
}


class Draft(Methods):
    """The data of a spec in the making, with the call that wrote each part of it."""

    def __init__(self, name: str | None = None, /, **sections: Any) -> None:
        call = running_call()
        self._data: dict[str, Any] = {"comfyproof": 1}
        self._values = Values(self)
        self._values.marks[()] = Mark(call)
        if name is not None:
            self._data["name"] = self._values.put(name, ("name",), Mark(call, 0))
        for argument, value in sections.items():
            section = plain_name(argument)
            if section in _MADE:
                raise TypeError(f'"{section}" is not given here: {_MADE[section]}')
            self._data[section] = self._values.put(value, (section,), Mark(call, argument))

    def variant(self, name: str, changes: Mapping[str, Any] | None = None, /) -> None:
        """Declares a named set of changes, by path: {"refine.denoise": 0.15}."""
        mark = Mark(running_call(), 1, key=0)
        if self._is_new("variants", name, mark):
            section = self._data.setdefault("variants", {})
            section[name] = self._values.put({} if changes is None else changes, ("variants", name), mark)

    @property
    def nodes(self) -> Nodes:
        """Every node class as a method: nodes.ImageBlur(image=loaded, blur_radius=3)."""
        return Nodes(self._node)

    def node(self, type: str, /, *, as_: str | None = None, **inputs: Any) -> Node:
        """Adds a node by its class, whatever that is called; `as_` gives it a name."""
        return self._node(type, as_, inputs, 0)

    def source(self) -> PythonSource:
        """The data with its places, as the rest of the language reads it."""
        return self.read()[0]

    def read(self, file: str | None = None, text: str | None = None) -> tuple[PythonSource, list[Diagnostic]]:
        """That source, with what is wrong in it; of the file that declares the pipeline, unless another was run."""
        made_in = self._values.marks[()].call.file
        written_in = made_in if file is None else os.path.abspath(file)
        main = source_of(dict(self._values.marks), self._finished(), written_in, file, text)
        return main, [self._said(problem, main) for problem in self._values.problems]

    def _said(self, problem: Problem, main: PythonSource) -> Diagnostic:
        place = document_of(main).place(problem.path)
        if problem.mark is not None:
            file = problem.mark.call.file
            shown = (main.file, main.text) if file == main.written_in else (None, None)
            place = Place(source_of({(): problem.mark}, None, file, *shown), (), key=True)
        return problem.rule.at(place, problem.message, problem.help)

    def _declare(self, section: str, name: str, fields: Mapping[str, Any]) -> None:
        mark = Mark(running_call(), key=0)
        if self._is_new(section, name, mark):
            self._values.marks[section, name] = mark
            self._data.setdefault(section, {})[name] = self._fields(fields, (section, name), mark)

    def _is_new(self, section: str, name: str, mark: Mark) -> bool:
        if not isinstance(name, str):
            raise TypeError(f"a name is text, and not {name!r}")
        if name not in self._data.get(section, {}):
            return True
        message = f'"{name}" stands here a second time'
        self._values.problems.append(Problem(DUPLICATE_KEY, message, mark=mark, help="keep one of the two"))
        return False

    def _verify(self, fields: Mapping[str, Any]) -> None:
        mark = Mark(running_call())
        self._values.marks.setdefault(("verify",), mark)
        self._data.setdefault("verify", {}).update(self._fields(fields, ("verify",), mark))

    def _stage(self, kind: str, fields: Mapping[str, Any]) -> Stage:
        mark = Mark(running_call())
        stages = self._data.setdefault("stages", [])
        number = len(stages)
        self._values.marks["stages", number] = self._values.marks["stages", number, kind] = mark
        body = self._fields(fields, ("stages", number, kind), mark)
        stages.append({kind: body})
        name = body.get("as")
        return Stage(self, name if isinstance(name, str) else kind, number=number)

    def _node(self, type: str, name: str | None, inputs: Mapping[str, Any], key: int | None) -> Node:
        mark = Mark(running_call(), key=key)
        if not isinstance(type, str):
            raise TypeError(f"a node's class is text, and not {type!r}")
        path: Path = ("nodes", self._free_name(type) if name is None else name)
        named = Mark(mark.call, key=key if name is None else "as_")
        if self._is_new("nodes", str(path[1]) if name is None else name, named):
            self._values.marks[path] = named
            self._values.marks[(*path, type)] = mark
            self._data.setdefault("nodes", {})[path[1]] = {type: self._fields(inputs, (*path, type), mark)}
        return Node(self, str(path[1]))

    def _fields(self, fields: Mapping[str, Any], path: Path, mark: Mark) -> dict[str, Any]:
        return {
            plain_name(argument): self._values.put(value, (*path, plain_name(argument)), Mark(mark.call, argument))
            for argument, value in fields.items()
        }

    def _free_name(self, type: str) -> str:
        """A name for a node that was given none: its class, with a number where that is taken."""
        word = re.sub(r"[^\w-]", "_", type)
        word = word if re.match(r"[A-Za-z_]", word) else f"node_{word}"
        taken, name, number = self._names(), word, 1
        while name in taken:
            number += 1
            name = f"{word}-{number}"
        return name

    def _names(self) -> set[str]:
        """The names that an author has given so far."""
        given = {name for section in ("inputs", "models", "nodes") for name in self._data.get(section, {})}
        for stage in self._data.get("stages", ()):
            for body in stage.values():
                given |= {body["as"]} if isinstance(body.get("as"), str) else set()
        return given

    def _finished(self) -> dict[str, Any]:
        """The data with names in the place of handles."""
        names = self._stage_names()
        data: dict[str, Any] = {key: _named(value, (key,), names) for key, value in self._data.items()}
        for number in self._values.referred:
            kind, body = next(iter(data["stages"][number].items()))
            if names[number] != kind and "as" not in body:
                data["stages"][number] = {kind: {"as": names[number], **body}}
        return data

    def _stage_names(self) -> dict[int, str]:
        """What each stage that is referred to is called: its kind, where that means nothing else."""
        taken = self._names()
        kinds = [next(iter(stage)) for stage in self._data.get("stages", ())]
        names: dict[int, str] = {}
        for number in sorted(self._values.referred):
            kind = kinds[number]
            own = self._data["stages"][number][kind].get("as")
            name, count = kind, kinds[:number].count(kind)
            while not isinstance(own, str) and (name in taken or (name == kind and kinds.count(kind) > 1)):
                count += 1
                name = f"{kind}-{count}"
            names[number] = own if isinstance(own, str) else name
            taken.add(names[number])
        return names


def _named(value: Any, path: Path, names: Mapping[int, str]) -> Any:
    if isinstance(value, Stage):
        return f"${names[value.number]}{'' if value.part is None else f'.{value.part}'}"
    if isinstance(value, Model) and path[0] == "stages" and value.part is None:
        return value.name  # what a variant's path can name, as in refine.loras.turbo
    if isinstance(value, Handle):
        return f"${value.path}"
    if isinstance(value, dict):
        return {key: _named(inner, (*path, key), names) for key, inner in value.items()}
    if isinstance(value, list):
        return [_named(inner, (*path, n), names) for n, inner in enumerate(value)]
    return value

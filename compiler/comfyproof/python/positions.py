"""Where a call's arguments, and what is in them, stand in the text of a Python file."""

from __future__ import annotations

import ast
import re
import warnings
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

from ..diagnostics import Path, Span
from ..texts.composed import LINE_END, MAX_DEPTH
from .calls import Call, Mark

_PYTHON_LINE_END = re.compile(r"\r\n|[\n\r]")
# Line and column where something begins, line and column where it ends, as Python counts them.
_Stretch: TypeAlias = tuple[int, int, int, int]


@dataclass(frozen=True)
class Module:
    """The text of one Python file, and what stands where in it."""

    text: str

    def span(self, mark: Mark, rest: Path, *, key: bool) -> Span:
        """Where a mark's argument stands, or what `rest` leads to within it; with `key`, its name."""
        call = self._node(mark.call)
        if call is None:
            return self._line(mark.call)
        if key and not rest:
            return self._spot(self._key(call, mark))
        if mark.argument is None:
            return self._spot(_whole(call))
        value = _argument(call, mark.argument) or next(self._unpacked(call, mark.argument), None)
        return self._spot(self._inside(value, rest, key=key) if isinstance(value, ast.expr) else _whole(call))

    def stretch(self, call: Call) -> Span:
        """Where an instruction stands, whatever it does."""
        line, end_line, column, end_column = call.stretch()
        if line is None or end_line is None or column is None or end_column is None:
            return self._line(call)
        return self._spot((line, column, end_line, end_column))

    def at(self, line: int, column: int, end_line: int, end_column: int) -> Span:
        """A stretch in Python's lines and in letters from 0, as a span."""
        start = self._starts[min(line, len(self._starts)) - 1] + column
        end = self._starts[min(end_line, len(self._starts)) - 1] + end_column
        return Span(*self._place(start), *self._place(max(start, end)))

    def _node(self, call: Call) -> ast.Call | None:
        """The call in the syntax tree that an instruction came from."""
        line, end_line, column, end_column = call.stretch()
        if line is None or end_line is None or column is None or end_column is None:
            return None
        start, end = (line, column), (end_line, end_column)
        # Of a method on a line of its own, Python keeps where its name begins, and not where the call does.
        found = [node for node in self._calls if _start(node) <= start and end <= _end(node)]
        exact = [node for node in found if (_start(node), _end(node)) == (start, end)]
        return max(exact or found, key=_start, default=None)

    def _key(self, call: ast.Call, mark: Mark) -> _Stretch:
        if mark.key is not None:
            given = _argument(call, mark.key)
            return _whole(call) if given is None else _whole(given)
        if isinstance(mark.argument, str):
            for keyword in call.keywords:
                if keyword.arg == mark.argument:
                    return _whole(keyword)
            return next(map(_whole, self._unpacked(call, mark.argument, key=True)), _whole(call))
        return _name(call.func) if isinstance(call.func, ast.Attribute) else _whole(call.func)

    def _unpacked(self, call: ast.Call, name: str | int, *, key: bool = False) -> Iterator[ast.expr | ast.keyword]:
        """What an argument that came with `**settings` was written as; the unpacking itself, if that cannot be told."""
        unpacked = [keyword.value for keyword in call.keywords if keyword.arg is None]
        for value in reversed(unpacked):
            found = self._item(value, name, key=key)
            if found is not None:
                yield found
        untold = [value for value in unpacked if not isinstance(self._meant(value), ast.Dict | ast.Call)]
        yield from untold[:1] if len(untold) == 1 else ()

    def _inside(self, value: ast.expr, rest: Path, *, key: bool) -> _Stretch:
        """What a path leads to within a value, or the nearest thing around it."""
        for n, step in enumerate(rest):
            if key and n == len(rest) - 1:
                named = self._item(value, step, key=True)
                return _whole(value if named is None else named)
            inner = self._item(value, step)
            if not isinstance(inner, ast.expr):
                break
            value = inner
        return _whole(value)

    def _item(
        self, value: ast.expr, step: str | int, *, key: bool = False, most: int = MAX_DEPTH
    ) -> ast.expr | ast.keyword | None:
        """An item of a list or mapping as it is written in the text; of a mapping, with `key`, its key.

        `most` is how many mappings it is looked for through: names may be made of each other.
        """
        value = self._meant(value)
        if isinstance(value, ast.List | ast.Tuple) and isinstance(step, int):
            plain = not any(isinstance(each, ast.Starred) for each in value.elts[: step + 1])
            return value.elts[step] if plain and step < len(value.elts) else None
        if isinstance(value, ast.Dict):
            for name, inner in reversed(list(zip(value.keys, value.values, strict=True))):
                if name is None:
                    found = self._item(inner, step, key=key, most=most - 1) if most else None
                    if found is not None:
                        return found
                elif isinstance(name, ast.Constant) and name.value == step:
                    return name if key else inner
        if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == "dict":
            for keyword in value.keywords:
                if keyword.arg is not None and keyword.arg == step:
                    return keyword if key else keyword.value
        return None

    def _meant(self, value: ast.expr) -> ast.expr:
        """What a name stands for, where it is given a value once in the file, and only read then."""
        if not isinstance(value, ast.Name):
            return value
        given = self._given.get(value.id, [])
        return given[0] if len(given) == 1 and value.id not in self._changed else value

    @cached_property
    def _tree(self) -> ast.AST | None:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # Python gave them when the file was run
                return ast.parse(self.text)
        except (SyntaxError, ValueError, RecursionError):
            return None  # it was changed after it was run

    @cached_property
    def _calls(self) -> list[ast.Call]:
        return [node for node in ast.walk(self._tree) if isinstance(node, ast.Call)] if self._tree else []

    @cached_property
    def _given(self) -> dict[str, list[ast.expr]]:
        """What is assigned to each name alone."""
        found: dict[str, list[ast.expr]] = {}
        for node in ast.walk(self._tree) if self._tree else ():
            if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
                found.setdefault(node.targets[0].id, []).append(node.value)
        return found

    @cached_property
    def _changed(self) -> set[str]:
        """The names that something else happens to: another assignment, an item set, a method called."""
        changed: set[str] = set()
        stores: dict[str, int] = {}
        for node in ast.walk(self._tree) if self._tree else ():
            if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
                stores[node.id] = stores.get(node.id, 0) + 1
            elif isinstance(node, ast.arg):
                changed.add(node.arg)
            elif isinstance(node, ast.alias):
                changed.add(node.asname or node.name)
            elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                changed.add(node.value.id)
            elif isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name):
                changed |= {node.value.id} if not isinstance(node.ctx, ast.Load) else set()
        return changed | {name for name, count in stores.items() if count > 1}

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *(found.end() for found in _PYTHON_LINE_END.finditer(self.text))]

    @cached_property
    def _line_starts(self) -> list[int]:
        return [0, *(found.end() for found in LINE_END.finditer(self.text))]

    def _place(self, at: int) -> tuple[int, int]:
        """The line and column, from 1, of a letter; lines end where they do in every other text."""
        line = bisect_right(self._line_starts, at)
        return line, at - self._line_starts[line - 1] + 1

    def _spot(self, stretch: _Stretch) -> Span:
        line, column, end_line, end_column = stretch
        return self.at(line, self._letters(line, column), end_line, self._letters(end_line, end_column))

    def _letters(self, line: int, column: int) -> int:
        """A column in letters; Python counts bytes."""
        start = self._starts[min(line, len(self._starts)) - 1]
        text = self.text[start : start + column]  # a byte is at most a letter
        return len(text.encode("utf-8", "surrogatepass")[:column].decode("utf-8", "replace"))

    def _line(self, call: Call) -> Span:
        """The whole line of a call, where Python was told to keep no columns, or the file was changed."""
        number = min(call.stretch()[0] or 1, len(self._starts))
        row = _PYTHON_LINE_END.split(self.text)[number - 1]
        return self.at(number, len(row) - len(row.lstrip()), number, len(row.rstrip()))


def _argument(call: ast.Call, wanted: str | int) -> ast.expr | None:
    """An argument by its name or number, where it is written in the call itself."""
    if isinstance(wanted, int):
        plain = not any(isinstance(each, ast.Starred) for each in call.args[: wanted + 1])
        return call.args[wanted] if plain and wanted < len(call.args) else None
    return next((keyword.value for keyword in call.keywords if keyword.arg == wanted), None)


def _start(node: ast.expr) -> tuple[int, int]:
    return node.lineno, node.col_offset


def _end(node: ast.expr) -> tuple[int, int]:
    return node.end_lineno or node.lineno, node.end_col_offset or 0


def _whole(node: ast.expr | ast.keyword) -> _Stretch:
    """All of a value; of an argument given by name, the name."""
    if isinstance(node, ast.keyword):
        return (node.lineno, node.col_offset, node.lineno, node.col_offset + len((node.arg or "**").encode()))
    return (*_start(node), *_end(node))


def _name(attribute: ast.Attribute) -> _Stretch:
    """The last name of a dotted one."""
    line, column = _end(attribute)
    return (line, column - len(attribute.attr.encode()), line, column)

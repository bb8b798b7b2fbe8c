"""A spec's data as a Python script: the same pipeline, written down call by call."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from keyword import iskeyword, issoftkeyword
from typing import Any

from ..spec.dollars import WHOLE
from ..spec.filling import NAME_FIELDS
from .as_yaml import quoted, seen

WIDTH = 110
_INDENT = "    "
_NAME = 16  # room for what stands before a value
_TAKEN = {"p", "Pipeline"}


def dump_python(data: Mapping[str, Any], comments: Sequence[str] = ()) -> str | None:
    """The script that gives the same data; None where a node's input has a name that no argument can have."""
    return _Script(data).text(comments)


@dataclass
class _Script:
    data: Mapping[str, Any]
    handles: dict[str, str] = field(default_factory=dict)

    def text(self, comments: Sequence[str]) -> str | None:
        self.stages = list(self.data.get("stages", ()))
        self.nodes = list(self.data.get("nodes", {}).items())
        if any(_unsayable(name) for _, body in self.nodes for inputs in body.values() for name in inputs):
            return None
        lines = [f"# {seen(comment)}" for comment in comments]
        lines += ["from comfyproof import Pipeline", "", f"p = Pipeline({_literal(self.data['name'])})"]
        for section, call in (("inputs", "p.input"), ("models", "p.model")):
            entries = self.data.get(section, {})
            lines += [""] * bool(entries)
            for name, fields in entries.items():
                lines += self._call(self._handle(name), call, [_literal(name), *self._arguments(fields, ())])
        lines.append("")
        for statement in self._body():
            lines += statement
        return "\n".join(lines) + "\n"

    def _body(self) -> Iterator[list[str]]:
        """The stages and the nodes, each in their order, what is named before what names it."""
        self.kinds = [next(iter(stage)) for stage in self.stages]
        known = {name for name, _ in self.nodes} | {self._stage_name(n) for n in range(len(self.stages))}
        used = {word for part in [*self.stages, *(body for _, body in self.nodes)] for word in _words(part)}
        stages, nodes = 0, 0
        while stages < len(self.stages) or nodes < len(self.nodes):
            stage = self.stages[stages] if stages < len(self.stages) else None
            node = self.nodes[nodes] if nodes < len(self.nodes) else None
            waits = [bool((_words(part) & known) - set(self.handles)) for part in (stage, node and node[1])]
            if stage is not None and (node is None or not waits[0] or waits[1]):
                yield self._stage(stages, used)
                stages += 1
            elif node is not None:
                yield self._node(node[0], node[1], used)
                nodes += 1

    def _stage_name(self, number: int) -> str:
        body = next(iter(self.stages[number].values()))
        return str(body.get("as", self.kinds[number]))

    def _stage(self, number: int, used: set[str]) -> list[str]:
        kind, name = self.kinds[number], self._stage_name(number)
        arguments = self._arguments(self.stages[number][kind], ("stages",))
        alone = self.kinds.count(kind) == 1 or name != kind
        return self._call(self._handle(name) if alone and name in used else "", f"p.{kind}", arguments)

    def _node(self, name: str, body: Mapping[str, Any], used: set[str]) -> list[str]:
        type, inputs = next(iter(body.items()))
        arguments = [f"as_={_literal(name)}", *self._arguments(inputs, ("nodes",))]
        target = self._target(name, used)
        if type.isidentifier() and type.isascii() and not type.startswith("_") and not iskeyword(type):
            return self._call(target, f"p.nodes.{type}", arguments)
        return self._call(target, "p.node", [_literal(type), *arguments])

    def _target(self, name: str, used: set[str]) -> str:
        return self._handle(name) if name in used else ""

    def _handle(self, name: str) -> str:
        """The variable that stands for a name from here on."""
        word = re.sub(r"\W", "_", name.replace("-", "_"))
        word = f"{word}_" if iskeyword(word) or issoftkeyword(word) or word in _TAKEN else word
        taken = set(self.handles.values())
        while word in taken:
            word += "_"
        self.handles[name] = word
        return word

    def _arguments(self, fields: Mapping[str, Any], path: tuple[str, ...]) -> list[str]:
        """The fields as arguments in their order, those with odd names out of a mapping."""
        written = []
        for odd, names in groupby(fields, key=lambda name: not _argument(name)):
            if odd:
                inner = {name: fields[name] for name in names}
                written.append(f"**{self._value(inner, path)}")
            else:
                written += [f"{_argument(name)}={self._value(fields[name], (*path, name))}" for name in names]
        return written

    def _value(self, value: Any, path: tuple[str, ...], indent: int = 1) -> str:
        """A value as an expression, over several lines where one would be too long."""
        if isinstance(value, Mapping):
            parts = [f"{_literal(key)}: {self._value(each, (*path, key), indent + 1)}" for key, each in value.items()]
            return _grouped("{", parts, "}", indent)
        if isinstance(value, list):
            return _grouped("[", [self._item(each, path, indent + 1) for each in value], "]", indent)
        return self._word(value, path, indent) if isinstance(value, str) else repr(value)

    def _item(self, value: Any, path: tuple[str, ...], indent: int) -> str:
        """An item of a list; a LoRA or ControlNet at work by the model's own method."""
        if path == ("stages", "loras") and isinstance(value, Mapping) and value.get("use") in self.handles:
            strength = [self._value(value["strength"], path)] if "strength" in value else []
            others = {name: inner for name, inner in value.items() if name not in ("use", "strength")}
            return f"{self.handles[value['use']]}.at({', '.join([*strength, *self._arguments(others, path)])})"
        return self._value(value, path, indent)

    def _word(self, text: str, path: tuple[str, ...], indent: int) -> str:
        """A text, or the variable of what it names."""
        names = path[:1] == ("stages",) and (path[-1] in NAME_FIELDS or path[-1] == "loras")
        found = WHOLE.fullmatch(f"${text}" if names else text)
        if found is None or found[1] not in self.handles:
            return _long(text, indent)
        handle = self.handles[found[1]]
        if not found[2]:
            return handle
        return f"{handle}.output({found[2] if found[2].isdecimal() else _literal(found[2])})"

    def _call(self, target: str, function: str, arguments: Sequence[str]) -> list[str]:
        lead = f"{target} = {function}" if target else function
        line = f"{lead}({', '.join(arguments)})"
        if len(line) <= WIDTH and "\n" not in line:
            return [line]
        return [f"{lead}(", *(f"{_INDENT}{argument}," for argument in arguments), ")"]


def _words(part: Any) -> set[str]:
    """The names that a stage or node names, as far as they stand alone."""
    found: set[str] = set()
    waiting = [("", part)]
    while waiting:
        key, value = waiting.pop()
        if isinstance(value, str):
            whole = WHOLE.fullmatch(f"${value}" if key in (*NAME_FIELDS, "loras") else value)
            found |= {whole[1]} if whole else set()
        elif isinstance(value, Mapping):
            waiting += value.items()
        elif isinstance(value, list):
            waiting += [(key, each) for each in value]
    return found


def _argument(name: str) -> str:
    """A field as an argument; nothing where it cannot be one."""
    if not name.isidentifier() or not name.isascii():
        return ""
    return f"{name}_" if iskeyword(name) else name


def _unsayable(name: str) -> bool:
    """Whether an input's name means something else as an argument."""
    return name == "as_" or (name.endswith("_") and iskeyword(name[:-1]))


def _literal(text: str) -> str:
    """A text as Python writes it, in double quotes."""
    return quoted(text)


def _grouped(left: str, parts: Sequence[str], right: str, indent: int) -> str:
    """A mapping or list, an item a line where one line would be too long."""
    line = f"{left}{', '.join(parts)}{right}"
    if len(line) + len(_INDENT) * indent <= WIDTH - _NAME and "\n" not in line:
        return line
    inner = "".join(f"{_INDENT * (indent + 1)}{part},\n" for part in parts)
    return f"{left}\n{inner}{_INDENT * indent}{right}"


def _long(text: str, indent: int) -> str:
    """A text, in pieces one below the other where one line would be too long."""
    margin = _INDENT * (indent + 1)
    most = WIDTH - len(margin) - 2
    if len(text) <= most - _NAME and "\n" not in text[:-1]:
        return _literal(text)
    pieces = [piece for line in text.splitlines(keepends=True) for piece in _pieces(line, most)]
    if len(pieces) < 2:
        return _literal(text)
    return "(\n" + "".join(f"{margin}{_literal(piece)}\n" for piece in pieces) + f"{_INDENT * indent})"


def _pieces(line: str, most: int) -> Iterator[str]:
    """A line in pieces that end behind a space, each as long as it can be."""
    start = 0
    while len(line) - start > most:
        end = line.rfind(" ", start, start + most) + 1
        if end <= start:
            break
        yield line[start:end]
        start = end
    yield line[start:]

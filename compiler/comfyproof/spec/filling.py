"""What `$name` stands for: an input's value, or the output of a stage, node or model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..diagnostics import Diagnostic, Path, Rule, Severity, did_you_mean
from ..graph import Asset, Secret
from ..stages.blocks import Reference
from ..stages.site import UNKNOWN_NAME
from .document import Document, Moved
from .dollars import WHOLE, bare_names, file_in_text, fill_text, misplaced_secret, split_secrets
from .inputs import InputValue
from .names import Stages

# Fields whose value is a name; `$name` is as good there.
NAME_FIELDS = ("from", "like", "model", "use", "with")


BARE_NAME = Rule(
    "CP217",
    "bare-name-in-text",
    Severity.WARNING,
    "A name with a dollar stands inside a text, where only the form with braces is replaced.",
)
RULES = (BARE_NAME,)


@dataclass
class Filling:
    """Puts values and references where `$name` stands.

    `unset` are inputs without a value, of which a finding has spoken; `holes` are the paths where nothing
    could be put.
    """

    document: Document
    inputs: Mapping[str, InputValue]
    unset: frozenset[str]
    others: frozenset[str]
    stages: Stages
    findings: list[Diagnostic]
    holes: set[Path] = field(default_factory=set)

    def filled(self, sections: tuple[str, ...]) -> Document:
        """The document with the names in some sections replaced."""
        self.moved = dict(self.document.moved)
        data = dict(self.document.data)
        for section in sections:
            if section in data:
                data[section] = self._value(data[section], (section,))
        return Document(self.document.source, data, self.moved)

    def _value(self, value: Any, path: Path) -> Any:
        if isinstance(value, str):
            return self._text(value, path)
        if isinstance(value, Mapping):
            return {key: self._value(inner, (*path, key)) for key, inner in value.items()}
        if isinstance(value, list):
            return [self._value(inner, (*path, n)) for n, inner in enumerate(value)]
        return value

    def _text(self, text: str, path: Path) -> Any:
        if "$" not in text:
            return text
        whole = WHOLE.fullmatch(text)
        if whole is None:
            self._warn_of_bare(text, path)
            parts = split_secrets(text)
            if len(parts) > 1 and self._may_be_secret(path):
                filled = [fill_text(part, lambda name: self._inside(name, path)) for part in parts[::2]]
                parts[::2] = filled
                return Secret(tuple(parts))
            return fill_text(text, lambda name: self._inside(name, path))
        name, output = whole[1], whole[2]
        takes_name = path[-1] in NAME_FIELDS or path[-2:-1] == ("loras",)
        if path[0] == "stages" and takes_name and name not in self.inputs:
            return text.removeprefix("$")  # the field takes a name, and what it means is its own to say
        if name in self.inputs and output is None:
            found = self.inputs[name]
            self.moved[path] = Moved(found.place, False)
            return found.value
        place = self.document.place(path)
        if stage := self.stages.meant(name, place, self.findings):
            return Reference(stage.name, output)
        if name in self.others:
            return Reference(name, output)
        self.holes.add(path)
        if name not in self.unset and name not in self.stages.words:
            known = [*self.inputs, *self.unset, *self.others, *self.stages.words]
            help = did_you_mean(name, known, "names") or "name an input, a stage, a model or a node"
            self.findings.append(UNKNOWN_NAME.at(place, f'"${name}" names no input, stage or node', help))
        return text

    def _may_be_secret(self, path: Path) -> bool:
        """Whether a secret can stand at a path: in a node's input, where it goes to the server and nowhere else."""
        return path[0] == "nodes" and len(path) > 3

    def _warn_of_bare(self, text: str, path: Path) -> None:
        """A `$name` amid text stays as it is, which is seldom meant where an input has that name."""
        for name in bare_names(text) if path[-1] != "size" else ():
            if name in self.inputs or name in self.unset:
                message = f'"${name}" stands inside text, and stays as it is'
                help = f"write ${{{name}}} for its value, or $${name} for these letters"
                self.findings.append(BARE_NAME.at(self.document.place(path), message, help))

    def _inside(self, name: str, path: Path) -> Any:
        """What `${name}` stands for within text; None, with a finding, where it can be nothing."""
        place = self.document.place(path)
        if name in self.inputs:
            value = self.inputs[name].value
            if not isinstance(value, Asset):
                return value
            self.findings.append(file_in_text(f"${{{name}}}", place))
        elif name.startswith("env:"):
            self.findings.append(misplaced_secret(name, place))
        elif name not in self.unset:
            help = did_you_mean(name, [*self.inputs, *self.unset], "inputs") or 'declare it under "inputs"'
            self.findings.append(UNKNOWN_NAME.at(place, f'"${{{name}}}" names no input', help))
        self.holes.add(path)
        return None

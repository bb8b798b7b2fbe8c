"""The inputs of a spec: what a run may set, and the values it has."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path as FilePath
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BeforeValidator, Field

from ..diagnostics import Diagnostic, NotExamined, Path, Place, Rule, Severity, did_you_mean
from ..graph import Asset
from ..source import Words
from ..stages.blocks import MAX_SEED, Block
from ..stages.site import UNKNOWN_NAME
from .document import Document
from .dollars import WHOLE, file_in_text, fill_text, misplaced_secret
from .problems import OUT_OF_RANGE, WRONG_TYPE, WRONG_VALUE, bound_in_words, describe, read_block

UNSET_INPUT = Rule("CP221", "unset-input", Severity.ERROR, "An input has neither a default nor a value from the run.")
UNKNOWN_INPUT = Rule(
    "CP222", "unknown-spec-input", Severity.ERROR, "A value was given for an input that the spec does not have."
)
MISSING_FILE = Rule(
    "CP223",
    "missing-input-file",
    Severity.WARNING,
    "The file that an input names is not there. Compiling goes on without it; a run cannot.",
)
INPUT_CYCLE = Rule("CP224", "input-cycle", Severity.ERROR, "The defaults of inputs are made of each other in a circle.")
RULES = (UNSET_INPUT, UNKNOWN_INPUT, MISSING_FILE, INPUT_CYCLE)

MAX_CHAIN = 50
FILES = ("image", "mask", "video", "audio")
_WHOLE_NUMBER = re.compile(r"[-+]?[0-9]{1,40}")


def _read_options(value: Any) -> Any:
    values = value.values() if isinstance(value, Mapping) else value
    if not isinstance(value, list | Mapping) or not all(isinstance(each, str | int | float | bool) for each in values):
        raise ValueError("write a list of values, or a mapping of names to values")
    return value


_Option = str | int | float | bool
_Options = list[_Option] | dict[str, _Option]


class InputBlock(Block):
    """One input: its type, and its value where a run sets none."""

    type: Literal["image", "mask", "video", "audio", "text", "int", "float", "bool", "choice", "seed"] = Field(
        description="what kind of value it takes"
    )
    default: Any = Field(default=None, description="its value where a run sets none")
    options: Annotated[Any, BeforeValidator(_read_options, json_schema_input_type=_Options)] = Field(
        default=(), description="choice: a list, or a mapping of names to what they stand for"
    )
    min: float | None = Field(default=None, description="int, float: the least value")
    max: float | None = Field(default=None, description="int, float: the greatest value")
    help: str = Field(default="", description="what it is for")


class Given(NamedTuple):
    """A value that a row gives an input; `as_text` where it stands in a table that knows nothing but text."""

    value: Any
    place: Place
    as_text: bool = False


class InputValue(NamedTuple):
    """What an input stands for in this compilation, and where it was said."""

    value: Any
    place: Place


def parse_assignment(text: str) -> tuple[str, str] | None:
    """The two sides of name=value; None where there is no name or no equals sign."""
    name, equals, value = text.partition("=")
    return (name.strip(), value) if equals and name.strip() else None


@dataclass
class Inputs:
    """The inputs of a document, with the values that a run gives them as text, and a row by name.

    With `needed`, an input without a value is an error; else something stands in for it, and is said to.
    """

    document: Document
    given: Mapping[str, str]
    row: Mapping[str, Given]
    needed: bool
    findings: list[Diagnostic]
    not_examined: list[NotExamined]

    def read(self) -> Mapping[str, InputValue]:
        """The value of every input that has one: as given, else its default."""
        declared = self.document.get(("inputs",))
        declared = declared if isinstance(declared, Mapping) else {}
        self.values: dict[str, InputValue | None] = {}
        self.open: list[str] = []
        self.blocks: dict[str, InputBlock] = {}
        for name in declared:
            block = read_block(InputBlock, self.document, ("inputs", name), self.findings)
            if block is not None:
                self.blocks[name] = block
        for name in self.blocks:
            self._value(name)
        for name, text in self.given.items():
            if name not in declared:
                place = Place(Words("--input", f"{name}={text}"), (), key=True)
                help = did_you_mean(name, declared, "inputs")
                self.findings.append(UNKNOWN_INPUT.at(place, f'the spec has no input "{name}"', help))
        return {name: self._unique(name, found) for name, found in self.values.items() if found is not None}

    def _value(self, name: str) -> InputValue | None:
        """An input's value; the defaults that it is made of come first."""
        if name not in self.values:
            self.open.append(name)
            self.values[name] = None
            self.values[name] = self._made(name, self.blocks[name])
            self.open.pop()
        return self.values[name]

    def _made(self, name: str, block: InputBlock) -> InputValue | None:
        value, place = self._said(name, block)
        if value is None and block.default is not None and name not in (*self.given, *self.row):
            return None  # a finding has said why
        if value is None:
            return self._unset(name, block)
        problem = _problem(name, block, value)
        if problem is not None:
            self.findings.append(replace(problem, place=place))
            return None
        if block.type in FILES and not isinstance(value, Asset):
            value = self._asset(name, block.type, FilePath(place.source.file).parent / value, value, place)
        elif block.type == "choice" and isinstance(block.options, Mapping):
            key = next(key for key in block.options if str(key) == str(value))
            return InputValue(block.options[key], self.document.place(("inputs", name, "options", key)))
        return InputValue(value, place)

    def _said(self, name: str, block: InputBlock) -> tuple[Any, Place]:
        """The value that a run gives, else the row, else the default."""
        if name in self.given:
            return _parse(block, self.given[name]), Place(Words("--input", f"{name}={self.given[name]}"))
        if name in self.row:
            given = self.row[name]
            return _parse(block, given.value) if given.as_text else given.value, given.place
        place = self.document.place(("inputs", name, "default"))
        return self._default(block.default, place), place

    def _default(self, default: Any, place: Place) -> Any:
        """A default, made of other inputs where it names any; None, with a finding, where that cannot be."""
        if not isinstance(default, str) or "$" not in default:
            return default
        whole = WHOLE.fullmatch(default)
        if whole and not whole[2]:
            return self._other(whole[1], place)
        missing: list[str] = []

        def value_of(other: str) -> Any:
            value = self._other(other, place)
            if isinstance(value, Asset):
                self.findings.append(file_in_text(other, place))
            if value is None or isinstance(value, Asset):
                missing.append(other)
                return None
            return value

        filled = fill_text(default, value_of)
        return None if missing else filled

    def _other(self, name: str, place: Place) -> Any:
        if len(self.open) > MAX_CHAIN:
            message = f'"{self.open[0]}" is made of others through more than {MAX_CHAIN} inputs'
            self.findings.append(WRONG_VALUE.at(place, message, "give one of them a value of its own"))
            return None
        if name in self.open:
            names = " -> ".join(f'"{each}"' for each in [*self.open[self.open.index(name) :], name])
            message = f"these inputs are made of each other: {names}"
            self.findings.append(INPUT_CYCLE.at(place, message, "give one of them a value of its own"))
            return None
        if name.startswith("env:"):
            self.findings.append(misplaced_secret(name, place))
            return None
        if name not in self.blocks:
            help = did_you_mean(name, self.blocks, "inputs")
            self.findings.append(UNKNOWN_NAME.at(place, f'"${name}" names no input', help))
            return None
        found = self._value(name)
        return found.value if found else None

    def _unset(self, name: str, block: InputBlock) -> InputValue | None:
        path: Path = ("inputs", name)
        place = self.document.place(path, key=True)
        if self.needed:
            help = f"pass --input {name}=..., or add a default"
            if self.document.get(("each",)) is not None:
                help = f"pass --input {name}=...: rows under each are for compile --all and batch"
            self.findings.append(UNSET_INPUT.at(place, f'the input "{name}" has no value', help))
            return None
        self.not_examined.append(NotExamined(f'input "{name}"', "it has no value until a run gives it one"))
        stand_ins: Mapping[str, Any] = {"text": "", "seed": 0, "bool": False}
        value = Asset("", name, block.type) if block.type in FILES else stand_ins.get(block.type)
        return None if value is None else InputValue(value, place)

    def _asset(self, name: str, kind: str, path: FilePath, written: str, place: Place) -> Asset:
        if not os.path.isfile(path):  # unlike Path.is_file, for any text at all
            message = f'the file "{written}" of the input "{name}" is not there'
            self.findings.append(MISSING_FILE.at(place, message, f"pass --input {name}=FILE, or correct the path"))
        return Asset(str(path), path.name, kind)

    def _unique(self, name: str, found: InputValue) -> InputValue:
        """The value, under a file name that no other file of the spec has."""
        value = found.value
        if not isinstance(value, Asset):
            return found
        others = [each.value for each in self.values.values() if each and isinstance(each.value, Asset)]
        same = [other for other in others if other.name == value.name and other.path != value.path]
        return InputValue(replace(value, name=f"{name}-{value.name}"), found.place) if same else found


def _parse(block: InputBlock, text: str) -> Any:
    """A value from the command line, as its input's type reads it; the text itself where that fails."""
    if block.type in ("int", "seed"):
        bare = text.strip()  # of more than int() would strip by itself
        return int(bare) if _WHOLE_NUMBER.fullmatch(bare) else text
    if block.type == "float":
        try:
            return float(text)
        except ValueError:
            return text
    if block.type == "bool":
        return {"true": True, "false": False}.get(text.casefold(), text)
    if block.type == "choice":
        words = {
            str(option).casefold() if isinstance(option, bool) else str(option): option for option in block.options
        }
        return words.get(text, text)
    return text


def _problem(name: str, block: InputBlock, value: Any) -> Diagnostic | None:
    """What is wrong with a value for its input; its place is the caller's to say."""
    kinds: Mapping[str, tuple[type | tuple[type, ...], str]] = {
        "int": (int, "a whole number"), "seed": (int, "a whole number"), "float": ((int, float), "a number"),
        "bool": (bool, "true or false"), "choice": ((str, int, float, bool), "one of its options"),
    }  # fmt: skip
    kind, words = kinds.get(block.type, (str, f"a file: {block.type}" if block.type in FILES else "text"))
    if block.type in FILES and isinstance(value, Asset):
        return None
    if not isinstance(value, kind) or (isinstance(value, bool) and block.type not in ("bool", "choice")):
        return WRONG_TYPE.at(None, f'"{name}" should be {words}, not {describe(value)}', f"give it {words}")
    if block.type == "choice":
        named = isinstance(block.options, Mapping)
        if not any(str(value) == str(o) and (named or type(value) is type(o)) for o in block.options):
            options = [str(option) for option in block.options]
            message = f'"{name}" is {describe(value)}, which is not one of its options'
            return WRONG_VALUE.at(None, message, did_you_mean(str(value), options, "options"))
    elif isinstance(value, int | float) and not isinstance(value, bool):
        return _out_of_range(name, block, value)
    elif isinstance(value, str) and any(c == "\0" or "\ud800" <= c <= "\udfff" for c in value):
        return WRONG_VALUE.at(None, f'"{name}" holds what is no text', "write it as plain text")
    return None


def _out_of_range(name: str, block: InputBlock, value: float) -> Diagnostic | None:
    low, high = (0, MAX_SEED) if block.type == "seed" else (block.min, block.max)
    if not math.isfinite(value):
        return OUT_OF_RANGE.at(None, f'"{name}" is {value}, which is no number to compute with', "write a number")
    if (low is not None and value < low) or (high is not None and value > high):
        bounds = [
            f"{word} {bound_in_words(bound)}"
            for word, bound in (("at least", low), ("at most", high))
            if bound is not None
        ]
        message = f'"{name}" is {describe(value)}; it must be {" and ".join(bounds)}'
        return OUT_OF_RANGE.at(None, message, "choose another value, or other bounds under inputs")
    return None

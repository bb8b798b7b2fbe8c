"""The inputs of a spec: what a run may set, and the values it has."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path as FilePath
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from ..diagnostics import Diagnostic, Place, Rule, Severity, did_you_mean
from ..graph import Asset
from ..source import Words
from ..stages.blocks import MAX_SEED, Block
from .document import Document
from .problems import OUT_OF_RANGE, WRONG_TYPE, WRONG_VALUE, describe, read_block

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
RULES = (UNSET_INPUT, UNKNOWN_INPUT, MISSING_FILE)

FILES = ("image", "mask", "video", "audio")


def _read_options(value: Any) -> Any:
    values = value.values() if isinstance(value, Mapping) else value
    if not isinstance(value, list | Mapping) or not all(isinstance(each, str | int | float | bool) for each in values):
        raise ValueError("it should be a list of values, or a mapping of names to values")
    return value


class InputBlock(Block):
    """One input: its type, and its value where a run sets none."""

    type: Literal["image", "mask", "video", "audio", "text", "int", "float", "bool", "choice", "seed"] = Field(
        description="what kind of value it takes"
    )
    default: Any = Field(default=None, description="its value where a run sets none")
    options: Annotated[Any, BeforeValidator(_read_options)] = Field(
        default=(), description="choice: a list, or a mapping of names to what they stand for"
    )
    min: float | None = Field(default=None, description="int, float: the least value")
    max: float | None = Field(default=None, description="int, float: the greatest value")
    help: str = Field(default="", description="what it is for")


@dataclass(frozen=True, slots=True)
class InputValue:
    """What an input stands for in this compilation, and where it was said."""

    value: Any
    place: Place


def parse_assignment(text: str) -> tuple[str, str] | None:
    """The two sides of name=value; None where there is no name or no equals sign."""
    name, equals, value = text.partition("=")
    return (name.strip(), value) if equals and name.strip() else None


def read_inputs(document: Document, given: Mapping[str, str], findings: list[Diagnostic]) -> Mapping[str, InputValue]:
    """The value of every input: as given (text, from the command line), else its default."""
    declared = document.get(("inputs",))
    declared = declared if isinstance(declared, Mapping) else {}
    values: dict[str, InputValue] = {}
    for name in declared:
        block = read_block(InputBlock, document, ("inputs", name), findings)
        if block is not None and (value := _value(document, name, block, given, values, findings)):
            values[name] = value
    for name, text in given.items():
        if name not in declared:
            place = Place(Words("--input", f"{name}={text}"), (), key=True)
            findings.append(
                UNKNOWN_INPUT.at(place, f'the spec has no input "{name}"', did_you_mean(name, declared, "inputs"))
            )
    return values


def _value(
    document: Document,
    name: str,
    block: InputBlock,
    given: Mapping[str, str],
    earlier: Mapping[str, InputValue],
    findings: list[Diagnostic],
) -> InputValue | None:
    if name in given:
        text = given[name]
        place = Place(Words("--input", f"{name}={text}"))
        value, folder = _parse(block, text), FilePath()
    else:
        place = document.place(("inputs", name, "default"))
        value, folder = block.default, FilePath(document.source.file).parent
        if isinstance(value, str) and value.startswith("$") and value[1:] in earlier:
            value = earlier[value[1:]].value
    if value is None:
        place = document.place(("inputs", name), key=True)
        findings.append(
            UNSET_INPUT.at(place, f'the input "{name}" has no value', f"pass --input {name}=..., or add a default")
        )
        return None
    problem = _problem(name, block, value)
    if problem is not None:
        findings.append(replace(problem, place=place))
        return None
    if block.type in FILES:
        path = folder / value
        if not os.path.isfile(path):  # unlike Path.is_file, for any text at all
            findings.append(MISSING_FILE.at(place, f'the file "{value}" of the input "{name}" is not there'))
        value = Asset(str(path), path.name)
    elif isinstance(block.options, Mapping):
        value = block.options[value]
    return InputValue(value, place)


def _parse(block: InputBlock, text: str) -> Any:
    """A value from the command line, as its input's type reads it; the text itself where that fails."""
    try:
        if block.type in ("int", "seed"):
            return int(text)
        if block.type == "float":
            return float(text)
    except ValueError:
        return text
    if block.type == "bool":
        return {"true": True, "false": False}.get(text.casefold(), text)
    if block.type == "choice":
        return next((option for option in block.options if str(option) == text), text)
    return text


def _problem(name: str, block: InputBlock, value: Any) -> Diagnostic | None:
    """What is wrong with a value for its input; its place is the caller's to say."""
    kinds: Mapping[str, tuple[type | tuple[type, ...], str]] = {
        "int": (int, "a whole number"),
        "seed": (int, "a whole number"),
        "float": ((int, float), "a number"),
        "bool": (bool, "true or false"),
        "choice": ((str, int, float, bool), "one of its options"),
    }
    kind, words = kinds.get(block.type, (str, "a file's name" if block.type in FILES else "text"))
    if not isinstance(value, kind) or (isinstance(value, bool) and block.type not in ("bool", "choice")):
        return WRONG_TYPE.at(None, f'"{name}" should be {words}, not {describe(value)}')
    if block.type == "choice":
        if value not in block.options:
            options = [str(option) for option in block.options]
            return WRONG_VALUE.at(
                None,
                f'"{name}" is {describe(value)}, which is not one of its options',
                did_you_mean(str(value), options, "options"),
            )
    elif isinstance(value, int | float) and not isinstance(value, bool):
        low, high = (0, MAX_SEED) if block.type == "seed" else (block.min, block.max)
        if (low is not None and value < low) or (high is not None and value > high) or value != value:
            bounds = " and ".join(
                f"{word} {bound}" for word, bound in (("at least", low), ("at most", high)) if bound is not None
            )
            return OUT_OF_RANGE.at(None, f'"{name}" is {describe(value)}; it must be {bounds}')
    elif isinstance(value, str) and "\0" in value:
        return WRONG_VALUE.at(None, f'"{name}" holds a NUL character')
    return None

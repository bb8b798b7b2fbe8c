"""Blocks as JSON Schema: each field as an author writes it, before anything is put in for a name.

JSON Schema's bounds and patterns speak of numbers and texts alone. So one schema says "a whole number of at
least 1, or a text that is a name", and a mistake gets one message, where alternatives would give one each.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, models_json_schema
from pydantic_core import core_schema as core

from ..graph import Asset
from ..stages.blocks import Reference

Schema: TypeAlias = dict[str, Any]

# As `NAME` of dollars.py; JavaScript's \w is ASCII's alone.
_NAME = r"[A-Za-z_]([\w-]|[^\x00-\x7f])*"
NAME = rf"^{_NAME}$"
INPUT = rf"^\${_NAME}$"
OUTPUT = rf"^\${_NAME}(\.[^.]+)?$"
FILLED = rf"{INPUT}|\$\{{"  # what an input's value takes the place of, or stands within

_REFERENCES = {
    Asset: (INPUT, "it should name an input, such as $image"),
    Reference: (OUTPUT, "it should name an input, a stage or an output, such as $image or $load.MASK"),
}


class _Plain(GenerateJsonSchema):
    """Blocks in which nothing stands for anything else."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def model_schema(self, schema: core.ModelSchema) -> Schema:
        return _without(super().model_schema(schema), "title")

    def default_schema(self, schema: core.WithDefaultSchema) -> Schema:
        absent = schema.get("default") in (None, ())  # an editor would put it in, and nobody writes it
        return self.generate_inner(schema["schema"]) if absent else super().default_schema(schema)

    def literal_schema(self, schema: core.LiteralSchema) -> Schema:
        return {"enum": list(schema["expected"])}


class _Filled(_Plain):
    """Blocks in which `$name` may stand for a value, and `${name}` within a text."""

    def int_schema(self, schema: core.IntSchema) -> Schema:
        return or_name(super().int_schema(schema), INPUT, "a whole number")

    def float_schema(self, schema: core.FloatSchema) -> Schema:
        return or_name(super().float_schema(schema), INPUT, "a number")

    def bool_schema(self, schema: core.BoolSchema) -> Schema:
        return or_name(super().bool_schema(schema), INPUT, "true or false")

    def literal_schema(self, schema: core.LiteralSchema) -> Schema:
        return one_of(schema["expected"], FILLED)

    def str_schema(self, schema: core.StringSchema) -> Schema:
        found = super().str_schema(schema)
        return {**found, "pattern": f"{found['pattern']}|{FILLED}"} if "pattern" in found else found

    def dataclass_schema(self, schema: core.DataclassSchema) -> Schema:
        pattern, words = _REFERENCES[schema["cls"]]
        return {"type": "string", "pattern": pattern, "patternErrorMessage": words}


def or_name(schema: Schema, pattern: str, words: str) -> Schema:
    """A schema that a text of the pattern fits, too: it stands for a value that will."""
    said = {"pattern": pattern, "patternErrorMessage": f"it should be {words}, or a name such as $value"}
    return {**schema, "type": [schema["type"], "string"], **said}


def one_of(options: Iterable[Any], pattern: str) -> Schema:
    """One of some values, or a text of the pattern; an alternative, since editors complete nothing else."""
    once = {(isinstance(each, bool), each): each for each in options}
    return {"anyOf": [{"enum": list(once.values())}, {"type": "string", "pattern": pattern}]}


def blocks_schema(blocks: Iterable[type[BaseModel]], *, filled: bool) -> list[Schema]:
    """The schema of each block, without references from one to another."""
    models = list(blocks)
    generator = _Filled if filled else _Plain
    found, defined = models_json_schema([(each, "validation") for each in models], schema_generator=generator)
    return [_inlined(found[each, "validation"], defined["$defs"]) for each in models]


def _inlined(schema: Any, defined: Mapping[str, Schema]) -> Any:
    """A schema with what it refers to in it: before 2019, nothing beside a `$ref` counted, such as a description."""
    if isinstance(schema, list):
        return [_inlined(each, defined) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        target = defined[schema["$ref"].rsplit("/", 1)[-1]]
        return _inlined({**target, **_without(schema, "$ref")}, defined)
    inner = {key: each if key in ("default", "enum") else _inlined(each, defined) for key, each in schema.items()}
    return {**_without(inner, "anyOf"), **_merged(inner["anyOf"])} if "anyOf" in inner else inner


def _merged(options: Iterable[Schema]) -> Schema:
    """Alternatives as few as can be: texts of several patterns are one, and so are values of several types."""
    apart: list[Schema] = []
    patterns: dict[str, Schema] = {}
    types: list[str] = []
    for option in (inner for each in options for inner in each.get("anyOf", [each])):
        if option.keys() == {"type"}:
            types += option["type"] if isinstance(option["type"], list) else [option["type"]]
        elif option.get("type") == "string" and "pattern" in option:
            patterns[option["pattern"]] = option
        elif option not in apart:
            apart.append(option)
    if OUTPUT in patterns:  # which an input's name fits, too
        patterns.pop(INPUT, None)
    if patterns:
        apart.append({**list(patterns.values())[-1], "pattern": "|".join(patterns)})
    if types == ["null"] and "type" in apart[-1]:
        apart.append(or_null(apart.pop()))
    elif types:
        apart.append({"type": types})
    return apart[0] if len(apart) == 1 else {"anyOf": apart}


def or_null(schema: Schema) -> Schema:
    """A schema that has a type, and that null fits, too."""
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    return {**schema, "type": [*types, "null"]}


def _without(schema: Mapping[str, Any], key: str) -> Schema:
    return {each: value for each, value in schema.items() if each != key}

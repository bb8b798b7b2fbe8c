"""What pydantic found wrong in a block, said in the language's own words and at the author's place."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from ..diagnostics import Diagnostic, Path, Place, Rule, Severity, did_you_mean
from ..graph import Asset
from .document import Document

UNKNOWN_FIELD = Rule("CP201", "unknown-field", Severity.ERROR, "A block has a field that the language does not know.")
MISSING_FIELD = Rule("CP202", "missing-field", Severity.ERROR, "A block lacks a field that it cannot do without.")
WRONG_TYPE = Rule("CP203", "wrong-type", Severity.ERROR, "A value is of another type than its field takes.")
OUT_OF_RANGE = Rule("CP204", "out-of-range", Severity.ERROR, "A value lies outside what its field takes.")
WRONG_VALUE = Rule("CP205", "wrong-value", Severity.ERROR, "A value is not one that its field takes.")
RULES = (UNKNOWN_FIELD, MISSING_FIELD, WRONG_TYPE, OUT_OF_RANGE, WRONG_VALUE)

_TYPES = {
    "int": "a whole number",
    "float": "a number",
    "string": "text",
    "bool": "true or false",
    "tuple": "a list",
    "list": "a list",
    "dict": "a mapping",
    "model": "a mapping",
    "is_instance": "a mapping",
}
_BOUNDS = {
    "greater_than_equal": ("at least", "ge"),
    "less_than_equal": ("at most", "le"),
    "greater_than": ("more than", "gt"),
    "less_than": ("less than", "lt"),
    "multiple_of": ("a multiple of", "multiple_of"),
}

B = TypeVar("B", bound=BaseModel)


def read_block(
    model: type[B], document: Document, path: Path, findings: list[Diagnostic], holes: Collection[Path] = ()
) -> B | None:
    """The block at a path, or None with the findings that say why not; a path in `holes` was complained of already."""
    data = document.get(path)
    try:
        return model.model_validate({} if data is None else data)
    except ValidationError as refusal:
        errors = refusal.errors(include_url=False)
    for error in errors:
        at = (*path, *_plain(error["loc"], data))
        if not any(at[: len(hole)] == hole for hole in holes):
            findings.append(_diagnostic(error, at, model, document))
    if all(error["type"] == "extra_forbidden" and len(error["loc"]) == 1 for error in errors):
        # What an unknown field was to say nobody knows; the rest can still be looked at.
        unknown = {error["loc"][0] for error in errors}
        return model.model_validate({name: value for name, value in data.items() if name not in unknown})
    return None


def describe(value: Any) -> str:
    """A value in a message: quoted text, or what it is."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f'the text "{value if len(value) <= 60 else value[:57] + "..."}"'
    if isinstance(value, int | float):
        return f"{value:.12g}" if isinstance(value, float) else str(value) if abs(value) < 10**24 else "a huge number"
    if isinstance(value, Asset):
        return "a file"
    return "a mapping" if isinstance(value, Mapping) else "a list" if isinstance(value, list) else "a reference"


def _plain(location: tuple[int | str, ...], data: Any) -> Iterator[int | str]:
    """A location without the names pydantic adds for the members of a union."""
    for step in location:
        known = (isinstance(data, Mapping) and step in data) or (isinstance(data, list) and isinstance(step, int))
        if known:
            data = data[step] if isinstance(data, Mapping) or int(step) < len(data) else None
            yield step
        elif isinstance(data, Mapping) or data is None:
            yield step
            data = 0


def _diagnostic(error: Any, at: Path, model: type[BaseModel], document: Document) -> Diagnostic:
    kind, name, value = error["type"], _named(at), error["input"]
    block = _named(at[:-1]) or "the spec"
    context: Mapping[str, Any] = error.get("ctx") or {}
    place: Callable[..., Place] = document.place
    if kind == "extra_forbidden":
        fields = _fields(model, error["loc"][:-1])
        return UNKNOWN_FIELD.at(place(at, key=True), f'unknown field "{name}"', did_you_mean(name, fields, "fields"))
    if kind == "missing":
        return MISSING_FIELD.at(place(at[:-1], key=True), f'"{block}" needs "{name}"', f'add "{name}"')
    if kind in _BOUNDS:
        words, key = _BOUNDS[kind]
        return OUT_OF_RANGE.at(place(at), f'"{name}" is {describe(value)}; it must be {words} {describe(context[key])}')
    if kind == "literal_error":
        options = [option.strip().strip("'") for option in context["expected"].replace(" or ", ", ").split(", ")]
        help = did_you_mean(str(value), options, "one of")
        return WRONG_VALUE.at(place(at), f'"{name}" is {describe(value)}, which it does not take', help)
    if kind == "value_error":
        return WRONG_VALUE.at(place(at), f'"{name}" is {describe(value)}; {context["error"]}')
    if kind.endswith("_type"):
        wanted = _TYPES.get(kind.removesuffix("_type"), "something else")
        help = "write it without quotes" if isinstance(value, str) and "number" in wanted and _numeric(value) else ""
        if wanted == "text" and isinstance(value, int | float):
            help = "write it in quotes"
        return WRONG_TYPE.at(place(at), f'"{name}" should be {wanted}, not {describe(value)}', help)
    if kind == "string_too_short":
        return WRONG_VALUE.at(place(at), f'"{name}" is empty')
    return WRONG_VALUE.at(place(at), f'"{name}": {error["msg"][:1].lower()}{error["msg"][1:]}')


def _named(path: Path) -> str:
    """What a path's end is called in a message: its name, or which item of what."""
    if path and isinstance(path[-1], int):
        return f"{path[-2]}[{path[-1]}]" if len(path) > 1 else str(path[-1])
    return str(path[-1]) if path else ""


def _fields(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """The names of the fields of the block within a block that a location leads to."""
    for step in location:
        for name, info in model.model_fields.items():
            if step == (info.alias or name):
                inner = [part for part in _types_in(info.annotation) if issubclass(part, BaseModel)]
                model = inner[0] if inner else model
    return [info.alias or name for name, info in model.model_fields.items()]


def _types_in(annotation: Any) -> Iterator[type]:
    if isinstance(annotation, type):
        yield annotation
    for part in getattr(annotation, "__args__", ()):
        yield from _types_in(part)


def _numeric(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True

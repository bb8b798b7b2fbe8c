"""What pydantic found wrong in a block, said in the language's own words and at the author's place."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from functools import lru_cache
from typing import Any, Optional, TypeVar

from pydantic import BaseModel, Field, ValidationError, create_model
from pydantic.fields import FieldInfo

from ..diagnostics import Diagnostic, Path, Place, Rule, Severity, did_you_mean, nearest
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
    block, errors = _validated(model, document.get(path))
    if block is not None:
        return block
    _tell(errors, model, document, path, findings, holes)
    if all(error["type"] == "extra_forbidden" and len(error["loc"]) == 1 for error in errors):
        # What an unknown field was to say nobody knows; the rest can still be looked at.
        return _validated(model, _without(document.get(path), errors))[0]
    return None


def read_in_part(
    model: type[B], document: Document, path: Path, findings: list[Diagnostic], holes: set[Path]
) -> tuple[B | None, frozenset[str]]:
    """What can be read of the block at a path, and the names of its fields that could not be, which become holes."""
    data = document.get(path)
    block, errors = _validated(model, data)
    broken: set[str] = set()
    for _ in range(_MOST_ROUNDS):
        if block is not None:
            break
        _tell(errors, model, document, path, findings, holes)
        if not isinstance(data, Mapping):
            break
        holes |= {(*path, *_plain(error["loc"], data)) for error in errors}
        broken |= {_meant_for(model, error) for error in errors} - {""}
        data = _without(data, errors)
        # A field that is missing, or was left out just now, is none that can be asked for.
        block, errors = _validated(_forgiving(model), data)
    return block, frozenset(broken)


def _meant_for(model: type[BaseModel], error: Any) -> str:
    """The field of a block that an error leaves without a value: for an unknown one, that which it probably is."""
    name = str(error["loc"][0])
    return name if error["type"] != "extra_forbidden" or len(error["loc"]) > 1 else nearest(name, _words(model)) or ""


def _words(model: type[BaseModel]) -> list[str]:
    return [info.alias or name for name, info in model.model_fields.items()]


# Leaving out what is wrong can lay bare what is wrong behind it.
_MOST_ROUNDS = 3


def _validated(model: type[B], data: Any) -> tuple[B | None, list[Any]]:
    try:
        return model.model_validate({} if data is None else data), []
    except ValidationError as refusal:
        return None, refusal.errors(include_url=False)


def _tell(
    errors: list[Any], model: type[BaseModel], document: Document, path: Path, findings: list[Diagnostic],
    holes: Collection[Path],
) -> None:  # fmt: skip
    data = document.get(path)
    for error in errors:
        at = (*path, *_plain(error["loc"], data))
        if not any(at[: len(hole)] == hole for hole in holes):
            findings.append(_diagnostic(error, at, model, document))


def _without(data: Any, errors: list[Any]) -> Any:
    """The data without what errors speak of: an item's field where it can be named, else the whole field."""
    fields: set[Any] = set()
    for error in errors:
        location = tuple(_plain(error["loc"], data))
        if error["type"] == "missing":
            location = location[:-1]
        if len(location) == 1:
            fields.add(location[0])
        elif location:
            data = _cut(data, location)
    return {name: value for name, value in data.items() if name not in fields}


def _cut(data: Any, location: tuple[int | str, ...]) -> Any:
    if isinstance(data, Mapping) and location[0] in data:
        rest = _cut(data[location[0]], location[1:]) if len(location) > 1 else None
        kept = {key: value for key, value in data.items() if key != location[0]}
        return kept if rest is None else {**data, location[0]: rest}
    if isinstance(data, list) and isinstance(location[0], int) and location[0] < len(data) and len(location) > 1:
        inner = _cut(data[location[0]], location[1:])
        return None if inner is None else [*data[: location[0]], inner, *data[location[0] + 1 :]]
    return None  # an item of a list cannot be left out: those behind it would take its place


@lru_cache(maxsize=100)
def _forgiving(model: type[B]) -> type[B]:
    """The block with no field required."""
    fields: dict[str, Any] = {
        name: (Optional[info.annotation], _optional(info))  # noqa: UP045 - an annotation is a value here
        for name, info in model.model_fields.items()
        if info.is_required()
    }
    return create_model(model.__name__, __base__=model, **fields) if fields else model


def _optional(info: FieldInfo) -> Any:
    return Field(default=None, alias=info.alias, description=info.description)


def describe(value: Any) -> str:
    """A value in a message: quoted text, or what it is."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f'the text "{value if len(value) <= 60 else value[:57] + "..."}"'
    if isinstance(value, int | float):
        if isinstance(value, float):
            return f"{value:.1f}" if value.is_integer() and abs(value) < 10**12 else f"{value:.12g}"
        return str(value) if abs(value) < 10**24 else "a huge number"
    if isinstance(value, Asset):
        return "a file"
    if isinstance(value, Mapping):
        return "a mapping" if value else "an empty mapping"
    if isinstance(value, list):
        return "a list" if value else "an empty list"
    return "a reference"


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
        fields = fields_at(model, tuple(_plain(error["loc"][:-1], None))) or []
        return UNKNOWN_FIELD.at(place(at, key=True), f'unknown field "{name}"', did_you_mean(name, fields, "fields"))
    if kind == "missing":
        return MISSING_FIELD.at(place(at[:-1], key=True), f'"{block}" needs "{name}"', f'add "{name}"')
    if kind in _BOUNDS:
        words, key = _BOUNDS[kind]
        message = f'"{name}" is {describe(value)}; it must be {words} {bound_in_words(context[key])}'
        return OUT_OF_RANGE.at(place(at), message, _range(model, error["loc"]))
    if kind == "literal_error":
        options = [option.strip().strip("'") for option in context["expected"].replace(" or ", ", ").split(", ")]
        help = did_you_mean(str(value), options, "one of")
        return WRONG_VALUE.at(place(at), f'"{name}" is {describe(value)}, which it does not take', help)
    if kind == "value_error":
        return WRONG_VALUE.at(place(at), f'"{name}" cannot be {describe(value)}', str(context["error"]))
    if kind.endswith("_type"):
        wanted = _TYPES.get(kind.removesuffix("_type"), "something else")
        return WRONG_TYPE.at(
            place(at), f'"{name}" should be {wanted}, not {describe(value)}', _rewritten(wanted, value)
        )
    if kind == "string_too_short":
        return WRONG_VALUE.at(place(at), f'"{name}" is empty', f'give "{name}" a text')
    return WRONG_VALUE.at(place(at), f'"{name}": {error["msg"][:1].lower()}{error["msg"][1:]}', "write another value")


def bound_in_words(value: Any) -> str:
    """A bound in a message: one that is whole has no point."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def _rewritten(wanted: str, value: Any) -> str:
    """What to do about a value of the wrong type."""
    if isinstance(value, str) and "number" in wanted and _numeric(value):
        return "write it without quotes"
    if wanted == "text" and isinstance(value, int | float):
        return "write it in quotes"
    forms = {"a list": "write it as [value, value]", "a mapping": "write it as {field: value}"}
    return forms.get(wanted, f"give it {wanted}")


def _range(model: type[BaseModel], location: tuple[int | str, ...]) -> str:
    """What a field's bounds are, for a value beyond one of them."""
    info = _info(model, location)
    marks: dict[str, Any] = {}
    for each in info.metadata if info else ():
        marks |= {name: getattr(each, name) for name in ("ge", "gt", "le", "lt", "multiple_of") if hasattr(each, name)}
    low, high = marks.get("ge", marks.get("gt")), marks.get("le", marks.get("lt"))
    words = f"choose a value from {bound_in_words(low)} to {bound_in_words(high)}"
    if None in (low, high):
        words = f"choose a value of {bound_in_words(low)} or more" if high is None else "choose a smaller value"
    return words if "multiple_of" not in marks else f"{words}, a multiple of {marks['multiple_of']}"


def _named(path: Path) -> str:
    """What a path's end is called in a message: its name, or which item of what."""
    if path and isinstance(path[-1], int):
        return f"{path[-2]}[{path[-1]}]" if len(path) > 1 else str(path[-1])
    return str(path[-1]) if path else ""


def fields_at(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str] | None:
    """The names of the fields of the block that a location leads to; None where it leads to none."""
    for step in location:
        if isinstance(step, int):
            continue
        info = _info(model, (step,))
        inner = [part for part in _types_in(info.annotation) if issubclass(part, BaseModel)] if info else []
        if not inner:
            return None
        model = inner[0]
    return _words(model)


def _info(model: type[BaseModel], location: tuple[int | str, ...]) -> FieldInfo | None:
    """The field that a location leads to, within blocks in blocks."""
    found: FieldInfo | None = None
    for step in location:
        if found is not None and not isinstance(step, int):
            inner = [part for part in _types_in(found.annotation) if issubclass(part, BaseModel)]
            model = inner[0] if inner else model
        for name, info in model.model_fields.items():
            if step == (info.alias or name):
                found = info
    return found


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

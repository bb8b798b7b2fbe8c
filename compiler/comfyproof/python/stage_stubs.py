"""methods.pyi: the language's blocks as typed signatures, so that editors complete and check a spec in Python."""

from __future__ import annotations

import types
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from ..spec.inputs import InputBlock
from ..stages.models import MODEL_KINDS
from ..stages.verification import Verification
from ..stages.vocabulary import STAGES
from .stubs import Argument, argument_name, header, method, shown_default

FILE = Path(__file__).with_name("methods.pyi")
_IMPORTS = (
    "from collections.abc import Mapping, Sequence",
    "from typing import Any, Literal, Required, TypedDict, overload",
    "",
    "from .handles import Handle, Input, Model, Stage, Use",
)


def stage_stubs() -> str:
    """The text of methods.pyi, the same every time for the same blocks."""
    blocks: dict[str, type[BaseModel]] = {}
    methods = [_named("input", [InputBlock], "Input", blocks), _named("model", MODEL_KINDS.values(), "Model", blocks)]
    methods.append(_method("verify", Verification, "None", blocks, required=False))
    methods += [_method(argument_name(kind), block, "Stage", blocks) for kind, block in STAGES.items()]
    parts = [header("make stubs", "What a pipeline's methods take.", _IMPORTS)]
    done: set[str] = set()
    while left := [name for name in sorted(blocks) if name not in done]:  # a block may hold others
        for name in left:
            done.add(name)
            parts.append(_typed_dict(name, blocks[name], blocks))
    parts.append("class Methods:\n" + "\n".join(methods))
    return "\n".join(parts)


def _named(word: str, kinds: Iterable[type[BaseModel]], returns: str, blocks: dict[str, type[BaseModel]]) -> str:
    """A method whose first argument is a name, once for every kind of thing it declares."""
    written = [_method(word, kind, returns, blocks).replace("self,", "self, name: str, /,", 1) for kind in kinds]
    written = [
        text.replace("        self, name: str, /,\n", "        self,\n        name: str,\n        /,\n")
        for text in written
    ]
    return "\n".join(written if len(written) == 1 else [f"    @overload\n{text}" for text in written])


def _method(
    word: str, block: type[BaseModel], returns: str, blocks: dict[str, type[BaseModel]], *, required: bool = True
) -> str:
    fields = _fields(block)
    likable = "like" in fields  # what another stage may have is not to be asked for
    arguments, doc = [], [block.__doc__ or word]
    for name, info in fields.items():
        needed = required and info.is_required() and not likable
        default = None if needed else shown_default(... if info.is_required() else info.default)
        arguments.append(Argument(argument_name(name), _field_type(info, blocks), default))
        doc.append(f"{argument_name(name)}: {info.description or ''}".rstrip(": "))
    return method(word, arguments, returns, [doc[0], *(["", *doc[1:]] if doc[1:] else [])])


def _typed_dict(name: str, block: type[BaseModel], blocks: dict[str, type[BaseModel]]) -> str:
    """A block within a block, which is written as a mapping; in this form, since a field may be called `from`."""
    items = []
    for field, info in _fields(block).items():
        type = _field_type(info, blocks)
        items.append(f'"{field}": {f"Required[{type}]" if info.is_required() else type}')
    return f'{name} = TypedDict("{name}", {{{", ".join(items)}}}, total=False)\n'


def _fields(block: type[BaseModel]) -> Mapping[str, FieldInfo]:
    return {info.alias or name: info for name, info in block.model_fields.items()}


def _field_type(info: FieldInfo, blocks: dict[str, type[BaseModel]]) -> str:
    return _union(_parts(_written(info.metadata, info.annotation), blocks))


def _union(parts: Iterable[str]) -> str:
    """Alternatives, each once, None at the end."""
    once = dict.fromkeys(parts)
    return " | ".join(sorted(once, key=lambda part: part == "None"))


def _written(metadata: Iterable[Any], annotation: Any) -> Any:
    """What an author writes for a value: as its validator says, else its own type."""
    for each in metadata:
        said = getattr(each, "json_schema_input_type", PydanticUndefined)
        if said is not PydanticUndefined:
            return said
    return annotation


def _parts(annotation: Any, blocks: dict[str, type[BaseModel]]) -> Iterator[str]:
    """The alternatives of a type, a handle among them: `$name` can stand for any value."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if annotation is None or annotation is types.NoneType:
        yield "None"
    elif origin is Annotated:
        yield from _parts(_written(arguments[1:], arguments[0]), blocks)
    elif origin in (Union, types.UnionType):
        for each in arguments:
            yield from _parts(each, blocks)
    elif origin is Literal:
        yield f"Literal[{', '.join(map(repr, arguments))}]"
        yield "Handle"
    elif origin in (tuple, list):
        yield f"Sequence[{_union(_parts(arguments[0], blocks))}]"
    elif origin is dict:
        yield f"Mapping[str, {_union(_parts(arguments[1], blocks))}]"
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        name = f"_{annotation.__name__}"
        blocks[name] = annotation
        yield name
        if "use" in annotation.model_fields:
            yield "Use"
    elif annotation in (str, int, float, bool):
        yield annotation.__name__
        yield "Handle"
    else:
        yield "Any" if annotation is Any else "Handle"


if __name__ == "__main__":
    FILE.write_text(stage_stubs(), encoding="utf-8")

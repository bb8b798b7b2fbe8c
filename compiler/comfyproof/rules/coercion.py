"""Rules on values that a server takes and makes something else of, without a word."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..catalog.nodes import Input
from ..catalog.pinned import Catalog
from ..diagnostics import NotExamined, Severity
from ..graph import Graph, Node, Value
from .rule import Problem, Remedy, nodes_of, rule
from .values import EXACT, KINDS, cast, doubtful, shown, taken, within


@rule("CP411", "altered-value", Severity.WARNING)
def altered_value(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """A value is of another kind than its input takes, and a server makes something else of it without a word.

    3.9 becomes 3 where a whole number is wanted, true becomes 1, and null becomes the text "None".

    Source: ComfyUI 0.3.64, `validate_inputs` in `execution.py`: int, float, str and bool of the value.

    Bad:

        nodes: {soft: {ImageBlur: {image: $load, blur_radius: 3.9}}}

    Good:

        nodes: {soft: {ImageBlur: {image: $load, blur_radius: 4}}}
    """
    for node, wanted, value, made in _converted(graph, catalog):
        if not _same(value, made):
            message = f'"{wanted.name}" is given {shown(value)}, and a server makes {shown(made)} of it'
            yield Problem(node, wanted.name, message, f"give it {KINDS[wanted.type][1]}", remedy=_kept_as(value, made))


@rule("CP412", "converted-value", Severity.INFO)
def converted_value(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """A value is written as another kind than its input takes, and a server converts it to what was meant.

    "20" becomes 20, and 1 becomes true. Other programs that read workflows may not be so kind.

    Source: ComfyUI 0.3.64, `validate_inputs` in `execution.py`: int, float, str and bool of the value.

    Bad:

        nodes: {soft: {ImageBlur: {image: $load, blur_radius: "3"}}}

    Good:

        nodes: {soft: {ImageBlur: {image: $load, blur_radius: 3}}}
    """
    for node, wanted, value, made in _converted(graph, catalog):
        if _same(value, made):
            message = f'"{wanted.name}" is given {shown(value)}, and a server makes {shown(made)} of it'
            yield Problem(node, wanted.name, message, f"write {shown(made)}", remedy=Remedy(made, safe=True))


@rule("CP413", "unchecked-value", Severity.WARNING, classes=("PrimitiveInt", "PrimitiveFloat"))
def unchecked_value(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """A number comes over a link and lies outside the bounds of the input that takes it.

    A server holds only plain values to the bounds; what comes over a link it takes, and the node fails over it, or does
    what nobody tried.

    Source: ComfyUI 0.3.64, `validate_inputs` in `execution.py`; seen on a server.

    Bad:

        nodes:
          wide: {PrimitiveInt: {value: 99}}
          soft: {ImageBlur: {image: $load, blur_radius: $wide}}

    Good:

        nodes:
          wide: {PrimitiveInt: {value: 9}}
          soft: {ImageBlur: {image: $load, blur_radius: $wide}}
    """
    for giver in nodes_of(graph, ("PrimitiveInt", "PrimitiveFloat")):
        value = giver.inputs.get("value")
        if isinstance(value, bool) or not isinstance(value, int | float):
            continue
        for id in graph.consumers[giver.id]:
            declared = catalog.get(graph.nodes[id].type)
            for name, link in graph.nodes[id].links():
                wanted = declared.inputs.get(name) if declared and link.node == giver.id else None
                if wanted is None or wanted.type not in ("INT", "FLOAT"):
                    continue
                low, high = wanted.config.get("min"), wanted.config.get("max")
                if (low is not None and value < low) or (high is not None and value > high):
                    message = f'"{name}" of "{graph.nodes[id].type}" takes {low} to {high}, and is given {value}'
                    yield Problem(
                        giver,
                        "value",
                        message,
                        "no server checks what comes over a link: choose another value",
                        remedy=within(wanted, value),
                    )


@rule("CP414", "rounded-seed", Severity.INFO)
def rounded_seed(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """A whole number is larger than a web editor can hold exactly, so that it becomes another one there.

    ComfyUI's editor is written in JavaScript, which knows all whole numbers up to 2^53 only. A server uses the
    number as it stands; opened in the editor and run again, the picture is another one.

    Source: ECMAScript, `Number.MAX_SAFE_INTEGER`.

    Bad:

        models: {sdxl: {checkpoint: sd_xl_base_1.0.safetensors}}
        stages:
          - generate: {model: sdxl, size: 1024x1024, positive: a lighthouse, negative: blurry, seed: 9007199254740993}
          - save: {}

    Good:

        models: {sdxl: {checkpoint: sd_xl_base_1.0.safetensors}}
        stages:
          - generate: {model: sdxl, size: 1024x1024, positive: a lighthouse, negative: blurry, seed: 9007199254740992}
          - save: {}
    """
    for node, wanted, value in doubtful(graph, catalog):
        if type(value) is int and not -EXACT <= value <= EXACT and (read := _in_javascript(value)) != value:
            message = f"ComfyUI's editor reads {value} as {read}"
            yield Problem(node, wanted.name, message, f"choose one up to {EXACT}, or write {read}", remedy=Remedy(read))


COERCION_RULES = (altered_value, converted_value, unchecked_value, rounded_seed)


def _converted(graph: Graph, catalog: Catalog) -> Iterator[tuple[Node, Input, Value, Any]]:
    """The values that a server converts: each with its node, its input, and what becomes of it."""
    for node, wanted, value in doubtful(graph, catalog):
        kinds = KINDS.get(wanted.type)
        if kinds is not None and type(value) not in kinds[0] and taken(wanted.type, value):
            made = cast(wanted.type, value)
            if made is not None:
                yield node, wanted, value, made


def _kept_as(value: Value, made: Any) -> Remedy | None:
    """What a server makes of a number, written down; of what is none, nobody meant that."""
    return Remedy(made, safe=True) if isinstance(value, int | float) else None


def _same(value: Value, made: Any) -> bool:
    """Whether what a server makes of a value is what was meant by it."""
    if isinstance(value, bool) or value is None or isinstance(value, list | dict):
        return False
    if isinstance(made, bool):
        return value in (0, 1) or str(value).strip().casefold() in ("true", "yes", "on", "1")
    return isinstance(value, str) or isinstance(made, str) or bool(value == made)


def _in_javascript(value: int) -> int:
    """The number that JavaScript prints after reading a whole number: the shortest that is the same to it."""
    from decimal import Decimal  # here, since it is rarely needed

    try:
        return int(Decimal(repr(float(value))))
    except OverflowError:
        return value  # it lies outside of all bounds, which is another finding

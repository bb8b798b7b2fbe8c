"""Rules on plain values: is each one that its input takes?"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeAlias

from ..catalog.listing import NO_MODELS
from ..catalog.nodes import Input
from ..catalog.pinned import Catalog
from ..diagnostics import NotExamined, Severity, did_you_mean, edit_distance, nearest
from ..files import IO_FOLDERS
from ..graph import Asset, Graph, Link, Node, Secret, Value
from ..validators import VALIDATORS
from .rule import Problem, Remedy, kept, known, rule

KINDS: dict[str, tuple[tuple[type, ...], str]] = {
    "INT": ((int,), "a whole number"),
    "FLOAT": ((int, float), "a number"),
    "STRING": ((str,), "text"),
    "BOOLEAN": ((bool,), "true or false"),
}
EXACT = 2**53  # beyond it JavaScript knows only some of the whole numbers
_ANNOTATIONS = tuple(f"[{folder}]" for folder in IO_FOLDERS)


@rule("CP401", "value-type", Severity.ERROR)
def value_type(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """A value is of another type than its input takes.

    A server refuses it, or makes the opposite of it: "false" becomes true. What it converts to something near is
    told by CP411 and CP412.

    Source: ComfyUI 0.3.64, `validate_inputs` in `execution.py` ("invalid_input_type").

    Bad:

        nodes: {soft: {ImageBlur: {image: $load, blur_radius: wide}}}

    Good:

        nodes: {soft: {ImageBlur: {image: $load, blur_radius: 3}}}
    """
    for node, wanted, value in doubtful(graph, catalog):
        # A type that no node gives belongs to a widget of the editor's, and its values are plain.
        if wanted.type in KINDS:
            kinds, words = KINDS[wanted.type]
            if type(value) in kinds and (value == value or isinstance(value, str)):
                continue
            if not taken(wanted.type, value):
                message = f'"{word(node, wanted)}" should be {words}, not {shown(value)}'
                yield Problem(node, wanted.name, message, f"give it {words}", remedy=_meant(wanted.type, value))
        elif wanted.takes_link and wanted.type in catalog.given:
            yield Problem(
                node,
                wanted.name,
                f'"{wanted.name}" of "{node.type}" takes a link of the type {wanted.type}, not {shown(value)}',
                "name what it comes from, such as $load" if node.stage else f"link it to what gives {wanted.type}",
            )


@rule("CP402", "value-range", Severity.ERROR)
def value_range(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """A number lies outside the bounds that its input declares; a server refuses it.

    Source: ComfyUI 0.3.64, `validate_inputs` in `execution.py` ("value_smaller_than_min", "value_bigger_than_max").

    Bad:

        nodes: {soft: {ImageBlur: {image: $load, blur_radius: 99}}}

    Good:

        nodes: {soft: {ImageBlur: {image: $load, blur_radius: 9}}}
    """
    for node, wanted, value in doubtful(graph, catalog):
        if wanted.type not in ("INT", "FLOAT"):
            continue
        if type(value) is not int and type(value) is not float:
            value = cast(wanted.type, value)
            if value is None:
                continue
        low, high = wanted.config.get("min"), wanted.config.get("max")
        help = f"choose a value from {low} to {high}" if None not in (low, high) else "choose another value"
        if low is not None and value < low:
            message = f'"{word(node, wanted)}" is {value}; "{node.type}" takes at least {low}'
            yield Problem(node, wanted.name, message, help, remedy=within(wanted, value))
        if high is not None and value > high:
            message = f'"{word(node, wanted)}" is {value}; "{node.type}" takes at most {high}'
            yield Problem(node, wanted.name, message, help, remedy=within(wanted, value))


@rule("CP403", "value-not-in-list", Severity.ERROR)
def value_not_in_list(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """A value is not one of those that its input lists: samplers, schedulers, modes, and on a server its pictures.

    Servers check the older spelling of such lists only; with the newer one a wrong value is accepted and
    the node fails when it runs. Both are checked here.

    Source: ComfyUI 0.3.64, `validate_inputs` in `execution.py` ("value_not_in_list").

    Bad:

        nodes: {small: {ImageScaleBy: {image: $load, upscale_method: lanczoss}}}

    Good:

        nodes: {small: {ImageScaleBy: {image: $load, upscale_method: lanczos}}}
    """
    for node, wanted, value in doubtful(graph, catalog):
        if wanted.type != "COMBO" or isinstance(value, Asset) or wanted.config.get("multiselect"):
            continue
        if isinstance(value, Secret):
            reason = "it is a secret, put in only when it is sent"
            yield NotExamined(f'value of "{wanted.name}"', reason, kind="value", node=node.id)
            continue
        if wanted.folder is not None and wanted.folder not in NO_MODELS:
            continue  # a model file, of which CP571 speaks
        if wanted.options is None:
            if wanted.folder is None:
                remote = "remote" in wanted.config
                reason = (
                    "its values are known to another service only" if remote else "the catalog lists no values for it"
                )
                yield NotExamined(f'value "{value}"', reason, kind="value", node=node.id)
            elif catalog.unlisted:
                yield NotExamined(f'file "{value}"', catalog.unlisted, kind="file", node=node.id)
            else:
                message = f'"{value}" is not among the server\'s {wanted.folder}: it has none'
                yield Problem(node, wanted.name, message, f'put the file into the server\'s folder "{wanted.folder}"')
        elif value not in wanted.options and not _is_uploaded(node, wanted, value):
            options = [str(option) for option in wanted.options]
            what = f"the server's {wanted.folder}" if wanted.folder else f'the values of "{word(node, wanted)}"'
            help = did_you_mean(str(value), options, "there are") or _list_them(node, wanted)
            remedy = spelled(str(value), options)
            yield Problem(node, wanted.name, f'"{value}" is not among {what}', help, remedy=remedy)


@rule("CP404", "secret-in-pictures", Severity.WARNING)
def secret_in_pictures(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """A secret goes to a server that writes it into every picture: the whole prompt stands in a PNG's metadata.

    ComfyUI does so unless it was started with `--disable-metadata`.

    Source: ComfyUI 0.3.64, `SaveImage` in `nodes.py`.

    Bad:

        nodes: {ask: {SomeoneElsesNode: {image: $load, key: "${env:SERVICE_KEY}"}}}

    Good:

        nodes: {ask: {SomeoneElsesNode: {image: $load, key_file: service.key}}}
    """
    if not any(node.type in _WRITERS for node in graph.nodes.values()):
        return
    for node in graph.nodes.values():
        for name, value in node.inputs.items():
            if isinstance(value, Secret):
                yield Problem(
                    node,
                    name,
                    f'the secret "{value.names[0]}" will stand in the metadata of every picture that is saved',
                    "keep it on the server, or start the server with --disable-metadata",
                )


# Of core's nodes, those that write the prompt into the files they save.
_WRITERS = ("SaveImage", "PreviewImage", "SaveAnimatedPNG", "SaveAnimatedWEBP", "SaveWEBM", "SaveVideo")

VALUE_RULES = (value_type, value_range, value_not_in_list, secret_in_pictures)


def spelled(word: str, known: Iterable[str]) -> Remedy | None:
    """The known name for a word: surely where only case or slashes differ, else at a guess where it is within two."""
    names, plain = tuple(known), word.replace("\\", "/").casefold()
    same = [name for name in names if name.replace("\\", "/").casefold() == plain]
    if len(same) == 1:
        return Remedy(same[0], safe=True)
    near = None if same else nearest(word, sorted(names))
    return Remedy(near) if near and edit_distance(near.casefold(), word.casefold()) <= 2 else None


def within(wanted: Input, value: float) -> Remedy | None:
    """The bound of an input that is nearest to a number outside of them."""
    low, high = wanted.config.get("min"), wanted.config.get("max")
    if low is not None and value < low:
        return Remedy(low)
    return Remedy(high) if high is not None and value > high else None


def _meant(kind: str, value: Value) -> Remedy | None:
    """What a text surely says that a server does not take: "20.0" for 20, and at a guess "false" for false."""
    if not isinstance(value, str):
        return None
    if kind == "BOOLEAN" and value.strip().casefold() in ("false", "no", "off", "0"):
        return Remedy(False)
    if kind == "INT" and re.fullmatch(r"\s*[-+]?[0-9]{1,19}\.0*\s*", value):
        return Remedy(int(value.strip().partition(".")[0]), safe=True)
    return None


_CASTS: dict[str, Callable[[Any], Any]] = {"INT": int, "FLOAT": float, "STRING": str, "BOOLEAN": bool}
_FALSE = ("false", "no", "off", "0", "")


def cast(kind: str, value: Value) -> Any:
    """What a server makes of a plain value for an input of a kind, None where it refuses it."""
    if kind not in _CASTS or isinstance(value, Link | Asset | Secret):
        return None
    try:
        return _CASTS[kind](value)
    except (TypeError, ValueError, OverflowError):
        return None


def taken(kind: str, value: Value) -> bool:
    """Whether a server makes something of a value that is not quite another thing."""
    if isinstance(value, Secret):
        return kind == "STRING"
    if kind == "BOOLEAN" and isinstance(value, str):
        return value.strip().casefold() not in _FALSE
    made = cast(kind, value)
    return made is not None and made == made and abs(made) != float("inf") if kind == "FLOAT" else made is not None


def _is_uploaded(node: Node, wanted: Input, value: Any) -> bool:
    """Whether a name leads to where the server lists no files but looks when asked: an annotated or a nested one."""
    validator = VALIDATORS.get(node.type)
    if validator is None or wanted.name not in validator.inputs or wanted.folder not in IO_FOLDERS:
        return False
    return isinstance(value, str) and ("/" in value or value.endswith(_ANNOTATIONS))


def word(node: Node, wanted: Input) -> str:
    """What the author calls an input: the field of a stage that it comes from, else its own name."""
    place = node.places.get(wanted.name)
    last = place.path[-1] if place and place.path[:1] == ("stages",) else wanted.name
    return last if isinstance(last, str) else wanted.name


def _list_them(node: Node, wanted: Input) -> str:
    return f"comfyproof catalog show {node.type} lists what there is" if not wanted.folder else "put the file there"


_Literal: TypeAlias = "tuple[Node, Input, Value]"


def doubtful(graph: Graph, catalog: Catalog) -> list[_Literal]:
    """The plain values of declared inputs, but for those that are just what their input takes."""
    return kept(graph, catalog, _doubtful)


def _doubtful(graph: Graph, catalog: Catalog) -> list[_Literal]:
    return [
        (node, wanted, value)
        for node, declared in known(graph, catalog)
        for name, value in node.inputs.items()
        if type(value) is not Link
        and (wanted := declared.inputs.get(name)) is not None
        and not _plainly_fine(wanted, value)
    ]


def _plainly_fine(wanted: Input, value: Value) -> bool:
    kind, given = wanted.type, type(value)
    if kind == "STRING":
        return given is str
    if kind == "COMBO":
        return given is str and wanted.options is not None and value in wanted.options
    if kind == "BOOLEAN":
        return given is bool
    if kind in KINDS and isinstance(value, int | float) and (given is int or (given is float and kind == "FLOAT")):
        low, high = wanted.config.get("min"), wanted.config.get("max")
        return low is not None and high is not None and bool(low <= value <= high) and abs(value) <= EXACT
    return False


_WORDS = {None: "null", True: "true", False: "false"}


def shown(value: Value) -> str:
    """A value as a message has it."""
    if isinstance(value, Asset):
        return "a file"
    if isinstance(value, Secret):
        return "a secret"
    if isinstance(value, str):
        return f'"{value}"'
    return _WORDS.get(value, str(value)) if value is None or isinstance(value, bool) else str(value)

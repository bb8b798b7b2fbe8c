"""Rules on plain values: is each one that its input takes?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..catalog.nodes import Input
from ..catalog.pinned import Catalog
from ..diagnostics import NotExamined, Severity, did_you_mean
from ..files import IO_FOLDERS
from ..graph import Asset, Graph, Link, Node, Secret, Value
from ..validators import VALIDATORS
from .rule import Problem, rule

_KINDS: dict[str, tuple[tuple[type, ...], str]] = {
    "INT": ((int,), "a whole number"),
    "FLOAT": ((int, float), "a number"),
    "STRING": ((str,), "text"),
    "BOOLEAN": ((bool,), "true or false"),
}
_ANNOTATIONS = tuple(f"[{folder}]" for folder in IO_FOLDERS)


@rule("CP401", "value-type", Severity.ERROR)
def value_type(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """A value is of another type than its input takes.

    A server would convert some of these in silence ("false" becomes true, 3.9 becomes 3) and refuse others.

    Bad:

        nodes: {soft: {ImageBlur: {image: $load, blur_radius: wide}}}

    Good:

        nodes: {soft: {ImageBlur: {image: $load, blur_radius: 3}}}
    """
    given = {str(kind) for node in catalog.raw.values() for kind in node["output"]}
    for node, wanted, value in _literals(graph, catalog):
        # A type that no node gives belongs to a widget of the editor's, and its values are plain.
        if wanted.takes_link and wanted.type in given:
            yield Problem(
                node,
                wanted.name,
                f'"{wanted.name}" of "{node.type}" takes a link of the type {wanted.type}, not {_shown(value)}',
                "name what it comes from, such as $load",
            )
        elif wanted.type in _KINDS:
            kinds, words = _KINDS[wanted.type]
            if isinstance(value, Secret) and wanted.type == "STRING":
                continue
            if not isinstance(value, kinds) or (isinstance(value, bool) and wanted.type != "BOOLEAN"):
                message = f'"{_word(node, wanted)}" should be {words}, not {_shown(value)}'
                yield Problem(node, wanted.name, message, f"give it {words}")


@rule("CP402", "value-range", Severity.ERROR)
def value_range(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """A number lies outside the bounds that its input declares; a server refuses it.

    Bad:

        nodes: {soft: {ImageBlur: {image: $load, blur_radius: 99}}}

    Good:

        nodes: {soft: {ImageBlur: {image: $load, blur_radius: 9}}}
    """
    for node, wanted, value in _literals(graph, catalog):
        if wanted.type not in ("INT", "FLOAT") or isinstance(value, bool) or not isinstance(value, int | float):
            continue
        low, high = wanted.config.get("min"), wanted.config.get("max")
        help = f"choose a value from {low} to {high}" if None not in (low, high) else "choose another value"
        if low is not None and value < low:
            message = f'"{_word(node, wanted)}" is {value}; "{node.type}" takes at least {low}'
            yield Problem(node, wanted.name, message, help)
        if high is not None and value > high:
            message = f'"{_word(node, wanted)}" is {value}; "{node.type}" takes at most {high}'
            yield Problem(node, wanted.name, message, help)


@rule("CP403", "value-not-in-list", Severity.ERROR)
def value_not_in_list(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """A value is not one of those that its input lists: samplers, schedulers, modes, and on a server its files.

    Servers check the older spelling of such lists only; with the newer one a wrong value is accepted and
    the node fails when it runs. Both are checked here.

    Bad:

        nodes: {small: {ImageScaleBy: {image: $load, upscale_method: lanczoss}}}

    Good:

        nodes: {small: {ImageScaleBy: {image: $load, upscale_method: lanczos}}}
    """
    for node, wanted, value in _literals(graph, catalog):
        if wanted.type != "COMBO" or isinstance(value, Asset) or wanted.config.get("multiselect"):
            continue
        if isinstance(value, Secret):
            yield NotExamined(f'value of "{wanted.name}"', "it is a secret, put in only when it is sent", kind="value")
            continue
        if wanted.options is None:
            if wanted.folder is None:
                remote = "remote" in wanted.config
                reason = (
                    "its values are known to another service only" if remote else "the catalog lists no values for it"
                )
                yield NotExamined(f'value "{value}"', reason, kind="value")
            elif catalog.unlisted:
                yield NotExamined(f'file "{value}"', catalog.unlisted, kind="file")
            else:
                message = f'"{value}" is not among the server\'s {wanted.folder}: it has none'
                yield Problem(node, wanted.name, message, f'put the file into the server\'s folder "{wanted.folder}"')
        elif value not in wanted.options and not _is_uploaded(node, wanted, value):
            options = [str(option) for option in wanted.options]
            what = f"the server's {wanted.folder}" if wanted.folder else f'the values of "{_word(node, wanted)}"'
            help = did_you_mean(str(value), options, "there are") or _list_them(node, wanted)
            yield Problem(node, wanted.name, f'"{value}" is not among {what}', help)


@rule("CP404", "secret-in-pictures", Severity.WARNING)
def secret_in_pictures(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """A secret goes to a server that writes it into every picture: the whole prompt stands in a PNG's metadata.

    ComfyUI does so unless it was started with `--disable-metadata`.

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


def _is_uploaded(node: Node, wanted: Input, value: Any) -> bool:
    """Whether a name leads to where the server lists no files but looks when asked: an annotated or a nested one."""
    validator = VALIDATORS.get(node.type)
    if validator is None or wanted.name not in validator.inputs or wanted.folder not in IO_FOLDERS:
        return False
    return isinstance(value, str) and ("/" in value or value.endswith(_ANNOTATIONS))


def _word(node: Node, wanted: Input) -> str:
    """What the author calls an input: the field of a stage that it comes from, else its own name."""
    place = node.places.get(wanted.name)
    last = place.path[-1] if place and place.path[:1] == ("stages",) else wanted.name
    return last if isinstance(last, str) else wanted.name


def _list_them(node: Node, wanted: Input) -> str:
    return f"comfyproof catalog show {node.type} lists what there is" if not wanted.folder else "put the file there"


def _literals(graph: Graph, catalog: Catalog) -> Iterator[tuple[Node, Input, Value]]:
    for node in graph.nodes.values():
        declared = catalog.get(node.type)
        for name, value in node.inputs.items():
            if declared is not None and name in declared.inputs and not isinstance(value, Link):
                yield node, declared.inputs[name], value


def _shown(value: Value) -> str:
    if isinstance(value, Asset):
        return "a file"
    if isinstance(value, Secret):
        return "a secret"
    return (
        f'"{value}"'
        if isinstance(value, str)
        else "true"
        if value is True
        else "false"
        if value is False
        else str(value)
    )

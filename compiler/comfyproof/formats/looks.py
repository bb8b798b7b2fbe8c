"""What a person sees of a node: what kind it is, and the value that tells it from others of its class."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from ..catalog.nodes import NodeType
from ..catalog.pinned import Catalog
from ..graph import Asset, Graph, Link, Node, Secret, Value

_LONGEST = 60
_FARTHEST = 100  # nodes that are looked through for where a text ends up
# Values that say much of a node in few words, the first that it has; {} is the value.
_TELLING = (
    ("upscale_by", "{}x"),
    ("scale_by", "{}x"),
    ("guidance", "guidance {}"),
    ("shift", "shift {}"),
    ("strength", "strength {}"),
    ("fps", "{} fps"),
    ("filename_prefix", "{}"),
    ("value", "{}"),
)


class Kind(StrEnum):
    """What a node is for."""

    LOAD = "load"
    POSITIVE = "positive"
    NEGATIVE = "negative"
    SAMPLE = "sample"
    OUTPUT = "output"
    OTHER = "other"


def kind_of(graph: Graph, node: Node, catalog: Catalog) -> Kind:
    """What a node is for; a text is positive or negative by the input that it gets to in the end."""
    declared = catalog.get(node.type)
    if declared is None:
        return Kind.OTHER
    if declared.is_output:
        return Kind.OUTPUT
    if any(each.folder for each in declared.inputs.values()) or any(
        each.config.get("image_upload") for each in declared.inputs.values()
    ):
        return Kind.LOAD
    if any(each.type == "CONDITIONING" for each in declared.outputs) and _prompt(node, declared) is not None:
        return _side(graph, node)
    if {"sampler_name", "steps"} <= declared.inputs.keys() or {"sigmas", "latent_image"} <= declared.inputs.keys():
        return Kind.SAMPLE
    return Kind.OTHER


def telling(node: Node, declared: NodeType | None) -> str:
    """The value that a reader wants to know of a node first, on one line; empty where none stands out."""
    if declared is None:
        return ""
    files = [
        text_of(node.inputs[each.name]) for each in declared.inputs.values() if _is_file(node, each.name, declared)
    ]
    if files:
        return short(", ".join(file.replace("\\", "/").rpartition("/")[2] for file in files))
    prompt = _prompt(node, declared)
    if prompt:
        return short(prompt)
    given = {name: value for name, value in node.inputs.items() if not isinstance(value, Link)}
    if {"steps", "sampler_name"} <= given.keys():
        return short(f"{text_of(given['sampler_name'])}, {text_of(given['steps'])} steps")
    if {"width", "height"} <= given.keys():
        return short(f"{text_of(given['width'])} x {text_of(given['height'])}")
    for name, form in _TELLING:
        if name in given and given[name] not in ("", None):
            return short(form.format(text_of(given[name])))
    return ""


def short(text: str, longest: int = _LONGEST) -> str:
    """The beginning of a text on one line."""
    line = " ".join(text[: 4 * longest].split())
    return line if len(line) <= longest else line[: longest - 1].rstrip() + "…"


def text_of(value: Value) -> str:
    """A value as a person would write it."""
    if isinstance(value, Asset):
        return value.name
    if isinstance(value, float):
        return f"{value:g}"
    return str(value) if isinstance(value, str | int | Secret) else ""


def _is_file(node: Node, name: str, declared: NodeType) -> bool:
    value, spec = node.inputs.get(name), declared.inputs[name]
    named = isinstance(value, Asset) or (isinstance(value, str) and value != "")
    return named and bool(spec.folder or isinstance(value, Asset) or _uploads(spec.config))


def _uploads(config: Mapping[str, object]) -> bool:
    return any(config.get(f"{kind}_upload") for kind in ("image", "video", "audio", "file"))


def _prompt(node: Node, declared: NodeType) -> str | None:
    """The first text of a node that is written in an area, None where it has no such input."""
    found = None
    for name, spec in declared.inputs.items():
        if spec.type == "STRING" and spec.config.get("multiline") and name in node.inputs:
            value = node.inputs[name]
            found = found or ("" if isinstance(value, Link) else text_of(value))
    return found


def _side(graph: Graph, node: Node) -> Kind:
    """Positive, unless a text gets to inputs called negative alone."""
    waiting, seen = [node.id], {node.id}
    negative = False
    for current in waiting:
        for consumer in graph.consumers[current]:
            names = [name for name, link in graph.nodes[consumer].links() if link.node == current]
            if any("positive" in name for name in names):
                return Kind.POSITIVE
            if any("negative" in name for name in names):
                negative = True
            elif consumer not in seen and len(seen) < _FARTHEST:
                seen.add(consumer)
                waiting.append(consumer)
    return Kind.NEGATIVE if negative else Kind.POSITIVE

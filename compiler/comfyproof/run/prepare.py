"""From a compiled graph to the prompt for one server: its files, its names, its slashes."""

from __future__ import annotations

import stat
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..catalog.pinned import Catalog, CatalogError, from_object_info, without_files
from ..diagnostics import Diagnostic, NotExamined, has_errors
from ..formats.api import to_api
from ..graph import Asset, Graph, Node, Value
from ..passes.defaults import fill_defaults
from ..rules.registry import check
from .client import MAX_UPLOAD, Client
from .rules import UNREADABLE_INPUT
from .secrets import revealed, unset_secrets


@dataclass(frozen=True)
class Prepared:
    """What a server is to run: the graph as it knows it, and as a prompt; `sent` has its secrets in it."""

    graph: Graph
    prompt: Mapping[str, Any]
    sent: Mapping[str, Any]
    findings: tuple[Diagnostic, ...]
    not_examined: tuple[NotExamined, ...]


def prepare(graph: Graph, client: Client, prompt_id: str, system: Mapping[str, Any]) -> Prepared:
    """The graph held against a server's own nodes and files, its inputs uploaded. Raises ServerProblem.

    `system` is what the server says of itself. With errors among the findings nothing was uploaded, and
    the prompt is not to be sent.
    """
    return prepared(graph, server_catalog(client, graph, system), client.upload, prompt_id)


def prepared(graph: Graph, catalog: Catalog, upload: Callable[[Path], str], prompt_id: str) -> Prepared:
    """The same with the server's catalog at hand; `upload` gives the name under which the server has a file."""
    graph, findings, not_examined = held(graph, catalog)
    sent: Mapping[str, Any] = {}
    if not has_errors(findings):
        graph = _with_prefixes(_uploaded(graph, upload), catalog, prompt_id)
        sent = to_api(revealed(graph))
    return Prepared(graph, to_api(graph), sent, tuple(findings), tuple(not_examined))


def held(graph: Graph, catalog: Catalog) -> tuple[Graph, list[Diagnostic], list[NotExamined]]:
    """The graph as a server with this catalog knows it, what is wrong with it there, and what could not be examined."""
    # A server newer than the catalog compiled against may want inputs that were unknown then.
    graph = fill_defaults(_with_slashes(graph, catalog), catalog)
    findings, not_examined = check(graph, catalog)
    return graph, [*findings, *_unreadable(graph), *unset_secrets(graph)], not_examined


def new_prompt_id() -> str:
    """A fresh id in the one form that every ComfyUI takes."""
    return str(uuid.uuid4())


def own_suffix(prompt_id: str) -> str:
    """What a run adds to file name prefixes on the server, to make them its own."""
    return f"_{prompt_id[:8]}"


def server_catalog(client: Client, graph: Graph, system: Mapping[str, Any]) -> Catalog:
    """The node types of a server that a graph uses, with the files it lists. Raises ServerProblem."""
    types = client.node_types(node.type for node in graph.nodes.values())
    try:
        catalog = from_object_info(types, client.url)
    except CatalogError:  # it has none of the classes, or describes them in a way that cannot be read
        catalog = Catalog(client.url, "", {}, left_out=tuple(types))
    return _with_its_files(catalog, system)


def whole_catalog(client: Client) -> Catalog:
    """All node types of a server, with the files it lists. Raises ServerProblem, CatalogError."""
    system = client.system_stats()
    return _with_its_files(from_object_info(client.all_node_types(), client.url), system)


def _with_its_files(catalog: Catalog, system: Mapping[str, Any]) -> Catalog:
    emulator = system["system"].get("comfyproof_emulator")
    if isinstance(emulator, Mapping) and emulator.get("takes_any_file"):
        return without_files(catalog, "the emulator has no model files and takes any name for present")
    return catalog


def _changed(graph: Graph, change: Callable[[Node, str, Value], Value]) -> Graph:
    nodes = {}
    for id, node in graph.nodes.items():
        nodes[id] = replace(node, inputs={name: change(node, name, value) for name, value in node.inputs.items()})
    return Graph(nodes)


def _with_slashes(graph: Graph, catalog: Catalog) -> Graph:
    """File names with the separator that the server itself uses: a Windows server lists backslashes."""

    def change(node: Node, name: str, value: Value) -> Value:
        declared = catalog.get(node.type)
        wanted = declared.inputs.get(name) if declared else None
        if wanted is None or not wanted.options or not isinstance(value, str) or value in wanted.options:
            return value
        return next((o for o in wanted.options if isinstance(o, str) and _same_path(o, value)), value)

    return _changed(graph, change)


def _same_path(left: str, right: str) -> bool:
    return left.replace("\\", "/") == right.replace("\\", "/")


def _with_prefixes(graph: Graph, catalog: Catalog, prompt_id: str) -> Graph:
    """File name prefixes of this run alone: the node saves anew then, though the server may have the rest cached."""

    def change(node: Node, name: str, value: Value) -> Value:
        declared = catalog.get(node.type)
        if name == "filename_prefix" and isinstance(value, str) and declared is not None and declared.is_output:
            return value + own_suffix(prompt_id)
        return value

    return _changed(graph, change)


def assets(graph: Graph) -> dict[Path, tuple[Node, str]]:
    """The files that a graph reads, each with one input that reads it."""
    found: dict[Path, tuple[Node, str]] = {}
    for node in graph.nodes.values():
        for name, value in node.inputs.items():
            if isinstance(value, Asset):
                found.setdefault(Path(value.path), (node, name))
    return found


def _unreadable(graph: Graph) -> list[Diagnostic]:
    findings = []
    for path, (node, name) in assets(graph).items():
        asset = node.inputs[name]
        assert isinstance(asset, Asset)
        reason = _why_unreadable(path, asset.kind)
        if reason:
            message = f'the file "{path}" cannot be read: {reason}'
            findings.append(UNREADABLE_INPUT.at(node.place(name), message, "pass another with --input"))
    return findings


def _why_unreadable(path: Path, kind: str) -> str:
    """Why a file is of no use; empty where nothing speaks against it. A server shows a damaged picture as black."""
    try:
        facts = path.stat()
        if not stat.S_ISREG(facts.st_mode):
            return "it is a folder" if stat.S_ISDIR(facts.st_mode) else "it is not a regular file"
        if facts.st_size > MAX_UPLOAD:
            return f"it has {facts.st_size:,} bytes, over the limit of {MAX_UPLOAD:,}"
        with path.open("rb") as stream:
            magic = stream.read(12)
    except (OSError, ValueError) as problem:
        return str(getattr(problem, "strerror", None) or problem)
    if not magic:
        return "it is empty"
    from ..verify.picture import BrokenPicture, decode_reference, format_of

    if kind == "image" and format_of(magic):  # of another format a server may well know more
        try:
            decode_reference(path)
        except BrokenPicture as problem:
            return str(problem)
    return ""


def _uploaded(graph: Graph, upload: Callable[[Path], str]) -> Graph:
    names = {path: upload(path) for path in assets(graph)}
    return _changed(graph, lambda _node, _name, value: names[Path(value.path)] if isinstance(value, Asset) else value)

"""What `serve --editor` shows: specs and workflows as UI JSON, with the files that they name."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .exits import Exit
from .terminal import show, show_work, stop

if TYPE_CHECKING:
    from ..catalog.pinned import Catalog
    from ..graph import Graph
    from ..workflow import WorkflowReader

_WEIGHTS = (".safetensors", ".sft", ".ckpt", ".pt", ".pth", ".bin", ".gguf")


@dataclass
class Opening:
    """UI JSON by name, the model files it names by folder, and the files that it reads by the name it has for them."""

    workflows: dict[str, bytes] = field(default_factory=dict)
    models: dict[str, list[str]] = field(default_factory=dict)
    inputs: dict[str, Path] = field(default_factory=dict)


def read_opening(files: Sequence[str], catalog: Catalog) -> Opening:
    """What these files hold; exits where one of them cannot be shown."""
    from ..workflow import SPEC_SUFFIXES, WorkflowReader

    opening, reader = Opening(), WorkflowReader(catalog)
    for file in files:
        if Path(file).suffix.casefold() in SPEC_SUFFIXES:
            text = _compiled(file, reader, opening)
        else:
            text = _workflow(file, reader)
        opening.workflows[_free(Path(file).stem, opening.workflows)] = text
        for folder, name in _models(json.loads(text)):
            opening.models.setdefault(folder, []).append(name)
    return opening


def _workflow(file: str, reader: WorkflowReader) -> bytes:
    """A workflow: what the editor saved as it is, any other drawn anew."""
    found = reader.read(file)
    if found.kind == "ui" and (text := _as_saved(file)):
        return text
    show(found.findings, sys.stderr)
    if found.graph is None:
        stop(Exit.FINDINGS if found.readable else Exit.NOT_EXAMINED, f'"{file}" cannot be shown in the editor')
    return _drawn(file, found.graph, reader.catalog)


def _as_saved(file: str) -> bytes | None:
    """The text of a file that is UI JSON and nothing else."""
    try:
        text = Path(file).read_bytes()
        found = json.loads(text)
    except (OSError, ValueError, RecursionError):
        return None
    return text if isinstance(found, dict) and "nodes" in found else None


def _compiled(file: str, reader: WorkflowReader, opening: Opening) -> bytes:
    """What a spec compiles to; the files that it reads are noted."""
    from ..converting import Graphs
    from ..graph import Asset
    from ..run.prepare import assets

    found = Graphs(reader).graph(file)
    show_work(found.findings, sys.stderr)
    if found.graph is None:
        stop(Exit.FINDINGS if found.readable else Exit.NOT_EXAMINED, f'"{file}" does not compile')
    graph = found.graph
    for path, (node, name) in assets(graph).items():
        asset = node.inputs[name]
        assert isinstance(asset, Asset)
        opening.inputs[asset.name] = path
    return _drawn(file, graph, reader.catalog)


def _drawn(file: str, graph: Graph, catalog: Catalog) -> bytes:
    from ..formats.ui_write import draw

    drawn = draw(graph, catalog, file)
    show(drawn.findings, sys.stderr)
    return drawn.text().encode()


def _models(ui: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The model files that nodes of a workflow name, each with its folder."""
    from ..catalog.files import FILE_INPUTS

    definitions = ui.get("definitions")
    inner = definitions.get("subgraphs") if isinstance(definitions, dict) else None
    for scope in (ui, *(inner if isinstance(inner, list) else ())):
        nodes = scope.get("nodes") if isinstance(scope, dict) else None
        for node in nodes if isinstance(nodes, list) else ():
            type = node.get("type") if isinstance(node, dict) else None
            if not isinstance(type, str):
                continue
            values = node.get("widgets_values")
            named = [value for value in values if isinstance(value, str)] if isinstance(values, list) else []
            for folder in dict.fromkeys(FILE_INPUTS.get(type, {}).values()):
                yield from ((folder, name) for name in named if name.endswith(_WEIGHTS) and folder != "configs")


def _free(name: str, taken: Mapping[str, bytes]) -> str:
    """A name that no other workflow has."""
    names = (name, *(f"{name} ({n})" for n in range(2, len(taken) + 3)))
    return next(each for each in names if each not in taken)

"""lift: the spec of a graph."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from ..catalog.pinned import Catalog
from ..graph import Graph, Node
from .assembly import Assembly
from .document import Writer
from .found import StageFound


@dataclass(frozen=True)
class Lifted:
    """A spec as plain data, in the order of the language, and what it was read from.

    `stages` are the ids of the nodes that each stage ends in, in the order of the stages; `models` the loader of
    each model, and `nodes` the node of each of `nodes:`, by name. What takes from a node that is not there is left
    out: a spec cannot say it.
    """

    data: Mapping[str, Any]
    stages: tuple[str, ...]
    models: Mapping[str, str]
    nodes: Mapping[str, str]


def lift(graph: Graph, catalog: Catalog, name: str, refused: Collection[str] = ()) -> Lifted:
    """The spec of a graph as the passes leave it: stages where it holds what they lower to, nodes for the rest.

    A stage is a guess that whoever asks has to prove, by compiling. `refused` are the ids of nodes that no stage
    may end in, and of loaders that no model may be made of. What feeds no output is left out.
    """
    parts = Assembly(graph, catalog, frozenset(refused))
    writer = Writer(parts)
    data = writer.written(name)
    stages = tuple(part.anchor for part in parts.order if isinstance(part, StageFound))
    models = {each: found.outputs["model"].node for found, each in writer.models.items() if "model" in found.outputs}
    nodes = {writer.nodes[part.id]: part.id for part in parts.order if isinstance(part, Node)}
    return Lifted(data, stages, models, nodes)

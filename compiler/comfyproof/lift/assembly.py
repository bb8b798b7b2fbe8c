"""From what was recognized to the data of a spec: what is needed, in which order, and under which names."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..catalog.pinned import Catalog
from ..graph import Graph, Link, Node
from .found import FileInput, StageFound, Want
from .limits import MOST_OUTPUTS
from .loaders import Loaders
from .stages import Stages, file_input
from .wires import Wires

# The nodes that read a file of the author's: input and type.
FILES: Mapping[str, tuple[str, str]] = {
    "LoadImage": ("image", "image"),
    "LoadImageMask": ("image", "mask"),
    "LoadVideo": ("file", "video"),
    "LoadAudio": ("audio", "audio"),
}


@dataclass(frozen=True)
class Ref:
    """What a link is in a spec: an output of a stage, node or model, or a file's input."""

    to: Any
    part: str | None = None


@dataclass
class Assembly:
    """The parts that the outputs of a graph need, and what each link between them is."""

    graph: Graph
    catalog: Catalog
    refused: Collection[str]
    order: list[StageFound | Node] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.wires = Wires(self.graph, self.catalog)
        self.loaders = Loaders(self.wires, self.refused)
        self.stages = Stages(self.wires, self.loaders, self.refused).read()
        self.models: dict[Link, Ref] = {}
        for model in [*self.loaders.found.values(), *self.loaders.unused()]:
            for part, link in model.outputs.items():
                self.models.setdefault(link, Ref(model, part))
        self._follow()

    def _follow(self) -> None:
        """Puts what the outputs need in order, what flows into a part before it; no recursion, chains are long."""
        depth: dict[str, int] = {}
        for id in self.graph.order:
            depth[id] = 1 + max((depth.get(each, 0) for each in self.graph.producers(id)), default=0)
        place = {id: n for n, id in enumerate(self.graph.nodes)}
        ends = [id for id, node in self.graph.nodes.items() if self._ends(node)]
        sinks = sorted(ends, key=lambda id: (depth.get(id, 0), place[id]))
        seen: set[str] = set()
        for sink in sinks:
            waiting: list[tuple[StageFound | Node, bool]] = [(self._part(sink), False)]
            while waiting:
                part, done = waiting.pop()
                key = part.anchor if isinstance(part, StageFound) else f"node {part.id}"
                if done:
                    self.order.append(part)
                elif key not in seen:
                    seen.add(key)
                    waiting.append((part, True))
                    waiting += [(needed, False) for needed in reversed(self._needs(part))]

    def _ends(self, node: Node) -> bool:
        """Whether a server runs a node for its own sake; one of an unknown class may be such."""
        declared = self.catalog.get(node.type)
        return declared is None or declared.is_output

    def _part(self, id: str) -> StageFound | Node:
        return self.stages.sinks.get(id) or self.graph.nodes[id]

    def _needs(self, part: StageFound | Node) -> list[StageFound | Node]:
        """The parts that a part takes from, what flows into it last, so that it comes right before it."""
        refs = [self.ref(want, flows=flows) for want, flows in wants(part, self.wires)]
        found = [ref.to for ref in refs if ref is not None and isinstance(ref.to, StageFound | Node)]
        flows_in = isinstance(part, StageFound) and part.source is not None
        return [*found[1:], *found[:1]] if flows_in else found

    def ref(self, want: Want, *, flows: bool = False) -> Ref | None:
        """What a link is called; None where it comes from nowhere."""
        link, type = want.link, want.type
        node = self.graph.nodes.get(link.node)
        if node is None or not 0 <= link.output < MOST_OUTPUTS:
            return None
        if type == "PIXELS":
            return Ref(node)
        if not flows and node.type == "LoadImage" and link.output == 0 and type in ("IMAGE", "*"):
            file = file_input(node, "image", "image")
            if file is not None and node.id not in self.refused:
                return Ref(file)
        return self._of_stage(want, node, flows) or self.models.get(link) or Ref(node, self._slot(node, link.output))

    def _of_stage(self, want: Want, node: Node, flows: bool) -> Ref | None:
        for type, part in (("IMAGE", "image"), ("LATENT", "latent")):
            if found := self.stages.giving(want.link, type):
                return Ref(found, None if flows or want.type == type else part)
        found = self.stages.flows.get(Link(node.id, 0))
        name = self._slot(node, want.link.output)
        return Ref(found, name) if found is not None and want.link.output and name not in ("image", "latent") else None

    def _slot(self, node: Node, output: int) -> str | None:
        """What an output is called: nothing for the first, its name where it has one of its own, else its number."""
        if output == 0:
            return None
        declared = self.catalog.get(node.type)
        name = declared.outputs[output].name if declared and 0 <= output < len(declared.outputs) else ""
        plain = name.isascii() and name.replace("_", "").isalnum() and not name.isdecimal()
        return name if declared and plain and declared.output_index(name) == output else str(output)


def wants(part: StageFound | Node, wires: Wires) -> Iterator[tuple[Want, bool]]:
    """The outputs that a part takes, and whether each is what flows into it."""
    if isinstance(part, StageFound):
        for each in part.parts():
            if isinstance(each, Want):
                yield each, each is part.source
        return
    for name, link in part.links():
        yield Want(link, wires.wanted(part, name)), False


def file_of(node: Node) -> FileInput | None:
    """The file that a node reads, if it is one that a run may exchange."""
    if node.type not in FILES:
        return None
    name, type = FILES[node.type]
    return file_input(node, name, type)

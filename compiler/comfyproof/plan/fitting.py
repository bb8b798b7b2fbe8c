"""Fitting: the cheap changes that make a graph fit a machine, and what each of them does alone."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

from ..catalog.pinned import Catalog
from ..facts.kinds import family_of
from ..graph import Graph, Link, Node
from ..weights import Header
from . import known
from .machine import Machine
from .predict import Plan, predict

_ENCODER_INPUTS = ("clip_name", "clip_name1", "clip_name2", "clip_name3", "clip_name4")
_TILED_DECODE = {"tile_size": 512, "overlap": 64, "temporal_size": 64, "temporal_overlap": 8}
_LEAST_TILE, _LEAST_SIDE = 256, 512
_MOST = 10  # changes that are tried together: two to their number are the plans


@dataclass(frozen=True, slots=True)
class Change:
    """A change to inputs of nodes: `inputs` are (node, input, value) each, `types` the classes that nodes become.

    `harm` orders changes by what they cost the picture, from 1; `words` say what is done.
    """

    words: str
    harm: int
    inputs: tuple[tuple[str, str, Any], ...]
    types: tuple[tuple[str, str], ...] = ()

    def on(self, graph: Graph) -> Graph:
        """The graph with the change made."""
        nodes = dict(graph.nodes)
        for id, type in self.types:
            nodes[id] = replace(nodes[id], type=type)
        for id, name, value in self.inputs:
            nodes[id] = replace(nodes[id], inputs={**nodes[id].inputs, name: value})
        return Graph(nodes)


@dataclass(frozen=True)
class Fitting:
    """A graph to be fitted to a machine; `files` are the names of model files that are there to choose from."""

    graph: Graph
    catalog: Catalog
    machine: Machine
    models: Mapping[str, Header]
    files: Collection[str] = ()
    pictures: Mapping[str, tuple[int, int]] | None = None

    def plan(self, *changes: Change) -> Plan:
        """The plan with these changes made."""
        graph = self.graph
        for change in changes:
            graph = change.on(graph)
        return predict(graph, self.catalog, self.machine, self.models, self.pictures)

    def changes(self) -> tuple[Change, ...]:
        """What could be changed, the least harm first."""
        found = [change for make in _MAKERS for change in make(self)]
        return tuple(sorted(found, key=lambda change: change.harm)[:_MOST])

    def effects(self) -> tuple[tuple[Change, Plan], ...]:
        """Each change with the plan that it alone gives, to show which help and which do not."""
        return tuple((change, self.plan(change)) for change in self.changes())

    def least(self, enough: Callable[[Plan], bool]) -> tuple[tuple[Change, ...], Plan] | None:
        """The changes of least harm in all after which a plan is enough, with it; None where none are.

        No change is needed where the graph is enough as it is.
        """
        changes = self.changes()
        sets = [chosen for count in range(len(changes) + 1) for chosen in combinations(changes, count)]
        for chosen in sorted(sets, key=lambda chosen: (sum(change.harm for change in chosen), len(chosen))):
            plan = self.plan(*chosen)
            if enough(plan):
                return chosen, plan
        return None


def fits(plan: Plan) -> bool:
    """Every stage runs."""
    return plan.fits


def fits_whole(plan: Plan) -> bool:
    """Every stage runs, with nothing of its own model in RAM and without tiles for want of room."""
    return plan.fits and not plan.offloaded and not any(stage.tiled for stage in plan.stages)


def _unguided(fitting: Fitting) -> Iterator[Change]:
    inputs = [
        (node.id, "cfg", 1.0)
        for node in fitting.graph.nodes.values()
        if isinstance(cfg := node.inputs.get("cfg"), int | float) and not isinstance(cfg, bool) and cfg != 1
    ]
    if inputs:
        yield Change("cfg 1, which leaves the negative prompt out", 2, tuple(inputs))


def _smaller_models(fitting: Fitting) -> Iterator[Change]:
    for node in fitting.graph.nodes.values():
        name = node.inputs.get("unet_name")
        if not isinstance(name, str):
            continue
        for ending, loader, harm in (("safetensors", "UNETLoader", 3), ("gguf", "UnetLoaderGGUF", 4)):
            found = _smaller(fitting, name, ending, known.known_diffusion, _family)
            if found:
                words = f'the smaller "{found}" in place of "{name}"'
                types = ((node.id, loader),) if node.type in ("UNETLoader", "UnetLoaderGGUF") else ()
                yield Change(words, harm, ((node.id, "unet_name", found),), types)


def _family(name: str) -> str:
    family, variant = family_of(name)
    return f"{family} {variant}" if family else ""


def _smaller_encoders(fitting: Fitting) -> Iterator[Change]:
    for node in fitting.graph.nodes.values():
        for field in _ENCODER_INPUTS:
            name = node.inputs.get(field)
            if isinstance(name, str) and (
                found := _smaller(fitting, name, "safetensors", known.known_encoder, known.encoder_kind)
            ):
                yield Change(f'the smaller "{found}" in place of "{name}"', 1, ((node.id, field, found),))


def _smaller(fitting: Fitting, name: str, ending: str, header: known.Guess, kind: Callable[[str], str]) -> str:
    """The largest file with an ending that is of the same kind and smaller; "" for none."""

    def size(file: str) -> int:
        read = fitting.models.get(file) or header(file)
        return read.stored if read else 0

    mine, family = size(name), kind(name)
    if not (mine and family):
        return ""
    alike = [file for file in fitting.files if file.casefold().endswith(f".{ending}") and kind(file) == family]
    return max((file for file in alike if 0 < size(file) < mine * 0.9), key=size, default="")


def _tiled_vae(fitting: Fitting) -> Iterator[Change]:
    nodes = [node for node in fitting.graph.nodes.values() if node.type == "VAEDecode"]
    if nodes:
        inputs = tuple((node.id, name, value) for node in nodes for name, value in _TILED_DECODE.items())
        yield Change("the VAE decodes in tiles", 2, inputs, tuple((node.id, "VAEDecodeTiled") for node in nodes))


def _smaller_tiles(fitting: Fitting) -> Iterator[Change]:
    for node in fitting.graph.nodes.values():
        wide, high = _side(node, "tile_width"), _side(node, "tile_height")
        if min(wide, high) > _LEAST_TILE:
            less = wide * 3 // 4 // 8 * 8, high * 3 // 4 // 8 * 8
            yield Change(
                f"tiles of {less[0]}x{less[1]} in place of {wide}x{high}",
                3,
                ((node.id, "tile_width", less[0]), (node.id, "tile_height", less[1])),
            )


def _smaller_pictures(fitting: Fitting) -> Iterator[Change]:
    for node in fitting.graph.nodes.values():
        wide, high = _side(node, "width"), _side(node, "height")
        if node.type.startswith("Empty") and min(wide, high) > _LEAST_SIDE:
            less = wide * 3 // 4 // 16 * 16, high * 3 // 4 // 16 * 16
            yield Change(
                f"{less[0]}x{less[1]} in place of {wide}x{high}",
                8,
                ((node.id, "width", less[0]), (node.id, "height", less[1])),
            )
        factor = node.inputs.get("upscale_by")
        if isinstance(factor, int | float) and factor > 1.5:
            yield Change(f"upscaled by 1.5 in place of {factor:g}", 8, ((node.id, "upscale_by", 1.5),))


def _side(node: Node, name: str) -> int:
    value = node.inputs.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool | Link) else 0


_MAKERS: tuple[Callable[[Fitting], Iterator[Change]], ...] = (
    _smaller_encoders,
    _unguided,
    _tiled_vae,
    _smaller_models,
    _smaller_tiles,
    _smaller_pictures,
)

"""Fusing the graphs of several jobs into one prompt, in which what they have in common is there once.

A ComfyUI keeps the last prompt's results alone: one prompt of another client in between, and a job's prefix is computed
anew. Within a prompt nobody comes in between. The price is that what fails one job of a prompt fails all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

from .catalog.pinned import Catalog
from .graph import Graph, Node
from .passes.merge import merge_equal
from .passes.number import number_nodes
from .passes.prune import outputs, prune_unused

if TYPE_CHECKING:
    from .plan.machine import Machine
    from .plan.predict import Plan

MOST_FUSED = 8
# Where nobody knows what memory there is, or what the models take.
MOST_UNPLANNED = 4


class Fused(NamedTuple):
    """A prompt for several jobs, or for one that stands alone.

    `members` are the indices of the jobs' graphs among those given. `nodes` says for each of them which of this graph's
    nodes is which of its own, `outputs` for each output node of this graph which member it belongs to, as an index into
    `members`, and its id there. `why` says what kept more jobs out, and is empty where nothing did.
    """

    graph: Graph
    members: tuple[int, ...]
    nodes: tuple[Mapping[str, str], ...]
    outputs: Mapping[str, tuple[int, str]]
    why: str = ""

    def part(self, member: int) -> Graph:
        """What of the graph is a member's own and shared with others; the ids are this graph's."""
        wanted = set(self.nodes[member].values())
        return Graph({id: node for id, node in self.graph.nodes.items() if id in wanted})


def fuse(graphs: Sequence[Graph], catalog: Catalog) -> Fused:
    """The graphs as one, whether or not that is wise: equal nodes are one, output nodes are kept apart.

    Each node does in it what it does in the graph that it comes from.
    """
    if len(graphs) == 1:
        alone = {id: (0, id) for id in outputs(graphs[0], catalog)}
        return Fused(graphs[0], (0,), ({id: id for id in graphs[0].nodes},), alone)
    before = {f"{n} {id}": (n, id) for n, graph in enumerate(graphs) for id in graph.nodes}
    nodes: dict[str, Node] = {}
    for n, graph in enumerate(graphs):
        nodes.update(graph.renamed(f"{n} {{}}".format).nodes)
    merged = prune_unused(merge_equal(Graph(nodes), catalog), catalog)
    numbered = number_nodes(merged, catalog)
    numbers = dict(zip(merged.order, numbered.nodes, strict=True))
    found: list[dict[str, str]] = [{} for _ in graphs]
    own: dict[str, tuple[int, str]] = {}
    for id in outputs(merged, catalog):
        n, start = own[numbers[id]] = before[id]
        _follow(graphs[n], start, numbered, numbers[id], found[n])
    return Fused(numbered, tuple(range(len(graphs))), tuple(found), own)


def hindrance(graph: Graph, catalog: Catalog) -> str:
    """Why a graph had better run on its own; empty where nothing speaks against a prompt with others."""
    if len(graph.order) < len(graph.nodes):
        return "its nodes form a cycle"
    for node in graph.nodes.values():
        if reason := _unfit(node, graph, catalog):
            return f'"{node.type}" {reason}'
    return ""


def _unfit(node: Node, graph: Graph, catalog: Catalog) -> str:
    declared, raw = catalog.get(node.type), catalog.raw.get(node.type, {})
    if declared is None:
        return "is not known to the catalog"
    if any(link.node not in graph.nodes for _, link in node.links()):
        return "has a link to a node that is not there"
    if declared.own_id:
        return "is told its own id, which is another in a prompt with others"
    if raw.get("input_is_list") or any(raw.get("output_is_list") or ()):
        return "makes several runs of the nodes behind it"
    if raw.get("api_node"):
        return "asks a service, which would be paid again if another job of the prompt failed"
    if node.type == "SaveImageWebsocket":
        return "sends its pictures without saying which job they are of"
    return ""


def fuse_shard(
    groups: Sequence[Sequence[Graph]], catalog: Catalog, machine: Machine | None = None, most: int = MOST_FUSED
) -> list[Fused]:
    """Prompts for the jobs of a shard, in their order: as many jobs in each as are of use to each other and fit.

    A group is only divided where it is too large for a prompt. A prompt has to fit where its jobs do, leave no more of
    a model in RAM than they do, and have room for its pictures. Without a machine, or where a model is not known,
    nobody can tell, and few jobs go in one. `members` count the jobs of all groups. What fails as one prompt is to be
    tried again one by one.
    """
    graphs = [graph for group in groups for graph in group]
    ends = set(accumulate(len(group) for group in groups))
    found: list[Fused] = []
    start = 0
    while start < len(graphs):
        count, why = _reach(graphs[start:], catalog, most)
        count = _whole(start, count, ends)
        if count > 1:
            count, why = _fitting(graphs[start : start + count], catalog, machine, why)
            count = _whole(start, count, ends)
        one = fuse(graphs[start : start + count], catalog)
        found.append(one._replace(members=tuple(range(start, start + count)), why=why))
        start += count
    return found


def _whole(start: int, count: int, ends: set[int]) -> int:
    """The largest count of jobs up to this one that divides no group; the count itself where none does."""
    return next((n for n in range(count, 0, -1) if start + n in ends), count)


def _reach(graphs: Sequence[Graph], catalog: Catalog, most: int) -> tuple[int, str]:
    """How many graphs from the first on may go in one prompt, whatever memory it takes, and why no more."""
    for n, graph in enumerate(graphs):
        if why := hindrance(graph, catalog):
            return max(n, 1), why if n == 0 else f"the next runs alone: {why}"
        if n == max(most, 1):
            return n, f"{n} jobs are as many as go in one prompt"
        if n and not _in_common(graphs[n - 1], graph, catalog):
            return n, "the next has nothing in common with it"
    return len(graphs), ""


def _in_common(one: Graph, other: Graph, catalog: Catalog) -> bool:
    fused = fuse((one, other), catalog)
    return len(fused.graph.nodes) < len(one.nodes) + len(other.nodes)


def _fitting(graphs: Sequence[Graph], catalog: Catalog, machine: Machine | None, why: str) -> tuple[int, str]:
    """How many of the graphs fit in one prompt, and why no more."""
    if machine is None:
        return _few(graphs, why, "no machine is known")
    from .plan.given import plan_of  # here, since without --fuse nothing is planned

    alone = [plan_of(graph, catalog, machine) for graph in graphs]
    if unknown := next((plan.unknown for plan in alone if plan.unknown), ()):
        return _few(graphs, why, f'nothing is known of "{unknown[0]}"')
    if _problem(alone[0], alone[:1]):
        return 1, "not even this one has room"
    least, count = 1, len(graphs)
    reason = ""
    while least < count:  # between them, since what fits does so with fewer jobs
        tried = count if not reason else (least + count + 1) // 2
        problem = _problem(plan_of(fuse(graphs[:tried], catalog).graph, catalog, machine), alone[:tried])
        if problem:
            count, reason = tried - 1, problem
        else:
            least = tried
    return count, reason or why


def _few(graphs: Sequence[Graph], why: str, reason: str) -> tuple[int, str]:
    if len(graphs) <= MOST_UNPLANNED:
        return len(graphs), why
    return MOST_UNPLANNED, f"{reason}, so what more would take is unknown"


def _problem(fused: Plan, alone: Sequence[Plan]) -> str:
    """What speaks against a prompt for several jobs; empty where nothing does."""
    if not fused.fits:
        stage = fused.decides
        return f'more do not fit on the card at "{stage.name}"' if stage else "more do not fit on the card"
    if fused.offloaded > max(plan.offloaded for plan in alone):
        return "with more, less of a model fits on the card"
    if fused.ram > fused.machine.ram:
        return "more do not fit in RAM"
    return ""


def _follow(graph: Graph, start: str, fused: Graph, there: str, found: dict[str, str]) -> None:
    """Notes which node of a fused graph is which node of its own, from one on and back to all that feeds it."""
    waiting = [(start, there)]
    while waiting:
        id, other = waiting.pop()
        if id in found:
            continue
        found[id] = other
        behind = dict(fused.nodes[other].links())
        waiting += [
            (link.node, behind[name].node) for name, link in graph.nodes[id].links() if link.node in graph.nodes
        ]

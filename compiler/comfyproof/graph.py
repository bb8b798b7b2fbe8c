"""The graph of nodes and links that everything else reads: frozen, with the places it came from."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

from .diagnostics import Path, Place

if TYPE_CHECKING:
    import networkx

# How many nodes in a row ComfyUI follows before its own recursion fails, over HTTP.
MAX_CHAIN = 985


@dataclass(frozen=True, slots=True)
class Link:
    """An output of a node, as the input of another takes it."""

    node: str
    output: int


@dataclass(frozen=True, slots=True)
class Asset:
    """A file of the author's that a node reads, uploaded under its content's hash before a run.

    `path` is where it lies on this machine, `name` what it is called in a compiled workflow.
    """

    path: str
    name: str
    kind: str = "image"


@dataclass(frozen=True, slots=True)
class Secret:
    """Text with environment variables in it, whose values are put in only when it is sent to a server.

    `parts` are text and names of variables by turns, text first.
    """

    parts: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The environment variables."""
        return self.parts[1::2]

    def __str__(self) -> str:
        return "".join(f"${{env:{part}}}" if n % 2 else part for n, part in enumerate(self.parts))

    def revealed(self, environment: Mapping[str, str]) -> str:
        """The text with the values in it. Raises KeyError."""
        return "".join(environment[part] if n % 2 else part for n, part in enumerate(self.parts))


Literal: TypeAlias = "bool | int | float | str | list[Literal] | dict[str, Literal] | None"
Value: TypeAlias = "Literal | Link | Asset | Secret"


@dataclass(frozen=True, slots=True)
class Node:
    """One node: its class, its inputs in the order they were given, and where an author asked for it."""

    id: str
    type: str
    inputs: Mapping[str, Value]
    title: str = ""
    stage: str = ""
    origins: tuple[Place, ...] = ()
    places: Mapping[str, Place] = field(default_factory=dict)

    def links(self) -> Iterator[tuple[str, Link]]:
        """The inputs that are links."""
        for name, value in self.inputs.items():
            if type(value) is Link:
                yield name, value

    def place(self, input_name: str | None = None) -> Place | None:
        """Where an input, or else the node itself, was written."""
        if input_name is not None and input_name in self.places:
            return self.places[input_name]
        return self.origins[0] if self.origins else None


@dataclass(frozen=True)
class Graph:
    """Nodes by id. A pass never changes one; it builds another."""

    nodes: Mapping[str, Node]

    @cached_property
    def consumers(self) -> Mapping[str, tuple[str, ...]]:
        """The nodes that take something from each node."""
        found: dict[str, list[str]] = {id: [] for id in self.nodes}
        for consumer, producers in self._producers.items():
            for producer in producers:
                found[producer].append(consumer)
        return {id: tuple(ids) for id, ids in found.items()}

    @cached_property
    def takers(self) -> Mapping[Path, list[tuple[Node, str]]]:
        """The inputs that come from each path of a text, of whichever text that is."""
        found: dict[Path, list[tuple[Node, str]]] = {}
        for node in self.nodes.values():
            for name, place in node.places.items():
                found.setdefault(place.path, []).append((node, name))
        return found

    def producers(self, id: str) -> list[str]:
        """The nodes that a node takes something from, in the order of its inputs."""
        return self._producers[id]

    @cached_property
    def _producers(self) -> Mapping[str, list[str]]:
        nodes = self.nodes
        return {
            id: list(
                dict.fromkeys(
                    value.node for value in node.inputs.values() if type(value) is Link and value.node in nodes
                )
            )
            for id, node in nodes.items()
        }

    @cached_property
    def order(self) -> tuple[str, ...]:
        """The ids with producers before consumers, else as they stand; nodes on a cycle are left out."""
        consumers = self.consumers
        waiting = {id: len(producers) for id, producers in self._producers.items()}
        ids = list(self.nodes)
        position = {id: n for n, id in enumerate(ids)}
        ready = [position[id] for id, count in waiting.items() if count == 0]
        ordered: list[str] = []
        while ready:
            ordered.append(ids[heapq.heappop(ready)])
            for consumer in consumers[ordered[-1]]:
                waiting[consumer] -= 1
                if waiting[consumer] == 0:
                    heapq.heappush(ready, position[consumer])
        return tuple(ordered)

    def upstream(self, ids: Iterator[str] | list[str]) -> set[str]:
        """These nodes and all that feed them."""
        found: set[str] = set()
        waiting = list(ids)
        while waiting:
            id = waiting.pop()
            if id not in found:
                found.add(id)
                waiting.extend(self.producers(id))
        return found

    def renamed(self, new_id: Callable[[str], str]) -> Graph:
        """The same graph under other ids; ids that become equal become one node, the first."""
        nodes: dict[str, Node] = {}
        for node in self.nodes.values():
            inputs = {
                name: Link(new_id(value.node), value.output)
                if isinstance(value, Link) and value.node in self.nodes
                else value
                for name, value in node.inputs.items()
            }
            nodes.setdefault(new_id(node.id), replace(node, id=new_id(node.id), inputs=inputs))
        return Graph(nodes)

    def nx(self) -> networkx.MultiDiGraph[str]:
        """A networkx view, for what explains or compares graphs."""
        import networkx

        view: networkx.MultiDiGraph[str] = networkx.MultiDiGraph()
        for node in self.nodes.values():
            view.add_node(node.id, type=node.type)
        for node in self.nodes.values():
            for name, link in node.links():
                if link.node in self.nodes:
                    view.add_edge(link.node, node.id, output=link.output, input=name)
        return view

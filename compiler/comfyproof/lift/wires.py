"""A graph as its reader looks at it: what a link comes from, and who takes an output."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ..catalog.pinned import Catalog
from ..graph import Graph, Link, Node, Value


@dataclass(frozen=True)
class Wires:
    """Questions about the links of a graph."""

    graph: Graph
    catalog: Catalog

    @cached_property
    def takers(self) -> Mapping[Link, tuple[tuple[str, str], ...]]:
        """Who takes each output: node and input."""
        found: dict[Link, list[tuple[str, str]]] = {}
        for node in self.graph.nodes.values():
            for name, link in node.links():
                found.setdefault(link, []).append((node.id, name))
        return {link: tuple(takers) for link, takers in found.items()}

    def origin(self, value: Value | None, *types: str, output: int = 0) -> Node | None:
        """The node that an input's value comes from, if it is the given output of a node of these classes."""
        if not isinstance(value, Link) or value.output != output:
            return None
        node = self.graph.nodes.get(value.node)
        return node if node is not None and node.type in types else None

    def type_of(self, link: Link) -> str:
        """The declared type of an output; "*" where the catalog does not tell."""
        node = self.graph.nodes.get(link.node)
        declared = self.catalog.get(node.type) if node else None
        known = declared is not None and 0 <= link.output < len(declared.outputs)
        return declared.outputs[link.output].type if declared and known else "*"

    def wanted(self, node: Node, name: str) -> str:
        """The declared type of an input; "*" where the catalog does not tell."""
        declared = self.catalog.get(node.type)
        return declared.inputs[name].type if declared and name in declared.inputs else "*"

    def vae_behind(self, latent: Link) -> Link | None:
        """The VAE that first decodes a latent, or what samplers and the like make of it."""
        seen: set[Link] = set()
        waiting = [latent]
        for link in waiting:
            for id, _ in self.takers.get(link, ()):
                node = self.graph.nodes[id]
                if node.type in ("VAEDecode", "VAEDecodeTiled") and isinstance(vae := node.inputs.get("vae"), Link):
                    return vae
                made = Link(id, 0)
                if self.type_of(made) == "LATENT" and made not in seen:
                    seen.add(made)
                    waiting.append(made)
        return None


def text(node: Node, name: str) -> str | None:
    """An input's value if it is text."""
    value = node.inputs.get(name)
    return value if isinstance(value, str) else None


def number(node: Node, name: str) -> Any:
    """An input's value if it is a number."""
    value = node.inputs.get(name)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def wire(node: Node, name: str) -> Link | None:
    """An input's value if it is a link."""
    value = node.inputs.get(name)
    return value if isinstance(value, Link) else None

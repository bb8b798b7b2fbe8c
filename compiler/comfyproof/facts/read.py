"""All facts of a graph, read once and only as far as somebody asks."""

from __future__ import annotations

from functools import cached_property

from ..catalog.pinned import Catalog
from ..graph import Graph, Node, Value
from .kinds import Latents
from .latents import Latent, Size, factor_of, latent_of, size_of, vae_of
from .models import Model, model_of
from .prompts import Prompt, prompt_of
from .samplers import SAMPLER_TYPES, Sampling, sampler_of
from .view import Setting, View

_KEY = "_facts"


class Facts:
    """What flows where in one graph, as far as the graph decides it; what it does not decide is None or empty."""

    def __init__(self, graph: Graph, catalog: Catalog) -> None:
        self.view = View(graph, catalog)

    @cached_property
    def samplers(self) -> tuple[Sampling, ...]:
        """Every sampler, in the order of the nodes."""
        view = self.view
        return tuple(sampler_of(view, node) for node in view.graph.nodes.values() if node.type in SAMPLER_TYPES)

    def model(self, value: Value | None) -> Model:
        """The model that a link brings."""
        return model_of(self.view, value)

    def latent(self, value: Value | None) -> Latent:
        """The latent that a link brings."""
        return latent_of(self.view, value)

    def prompt(self, value: Value | None) -> Prompt | None:
        """What the conditioning of a link holds."""
        return prompt_of(self.view, value)

    def size(self, value: Value | None) -> Size | None:
        """The size in pixels of the picture that a link brings."""
        return size_of(self.view, value)

    def factor(self, value: Value | None) -> int | None:
        """By how much the upscale model that a link brings enlarges a side."""
        return factor_of(self.view, value)

    def vae(self, value: Value | None) -> Latents | None:
        """The latents of the VAE that a link brings."""
        return vae_of(self.view, value)

    def setting(self, node: Node, name: str) -> Setting:
        """The value of a node's input, through primitives."""
        return self.view.setting(node, name)


def read_facts(graph: Graph, catalog: Catalog) -> Facts:
    """The facts of a graph; nothing is read before it is asked for."""
    return Facts(graph, catalog)


def facts_of(graph: Graph, catalog: Catalog) -> Facts:
    """The same, kept with the graph, so that all who ask share them."""
    kept = graph.__dict__.get(_KEY)
    if isinstance(kept, Facts) and kept.view.catalog is catalog:
        return kept
    # As cached_property does: the graph is frozen, and this says nothing that it does not say itself.
    facts = graph.__dict__[_KEY] = Facts(graph, catalog)
    return facts

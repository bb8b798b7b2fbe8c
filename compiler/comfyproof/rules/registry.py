"""All rules over graphs, in the order of their codes."""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache

from ..catalog.pinned import Catalog
from ..diagnostics import Diagnostic, NotExamined, has_errors
from ..graph import Graph
from .coercion import COERCION_RULES
from .denoise import DENOISE_RULES
from .files import FILE_RULES
from .fitting import FITTING_RULES
from .guidance import GUIDANCE_RULES
from .latents import LATENT_RULES
from .loras import LORA_RULES
from .matching import MATCHING_RULES
from .missing import MISSING_RULES
from .model_files import MODEL_FILE_RULES
from .output import OUTPUT_RULES
from .prompts import PROMPT_RULES
from .reach import REACH_RULES, reached, unreachable_node
from .remedies import agreed, fix_of
from .rule import GraphRule, kept
from .sampling import SAMPLING_RULES
from .security import SECURITY_RULES
from .sizes import SIZE_RULES
from .stretches import STRETCH_RULES
from .structure import STRUCTURE_RULES
from .tiles import TILE_RULES
from .values import VALUE_RULES

GRAPH_RULES: tuple[GraphRule, ...] = (
    *STRUCTURE_RULES,
    *REACH_RULES,
    *VALUE_RULES,
    *COERCION_RULES,
    *GUIDANCE_RULES,
    *DENOISE_RULES,
    *STRETCH_RULES,
    *SAMPLING_RULES,
    *MATCHING_RULES,
    *LATENT_RULES,
    *SIZE_RULES,
    *TILE_RULES,
    *PROMPT_RULES,
    *LORA_RULES,
    *FILE_RULES,
    *MISSING_RULES,
    *MODEL_FILE_RULES,
    *FITTING_RULES,
    *OUTPUT_RULES,
    *SECURITY_RULES,
)


def check(
    graph: Graph, catalog: Catalog, live: Collection[str] | None = None
) -> tuple[list[Diagnostic], list[NotExamined]]:
    """What the rules find in a graph, and what they could not examine.

    With `live`, only the rules that are of all nodes speak of those that are not among these.
    """
    findings: list[Diagnostic] = []
    not_examined: dict[NotExamined, None] = {}
    for each in _concerned(frozenset(node.type for node in graph.nodes.values())):
        for found in each.check(graph, catalog):
            if isinstance(found, NotExamined):
                not_examined[found] = None
            elif live is None or found.node.id in live or each.of_all:
                place = found.node.place(found.input)
                if place is not None and found.named:
                    place = place._replace(key=True)
                about = (found.node.id, found.input or "")
                fix = fix_of(graph, found, place) if found.remedy else None
                findings.append(Diagnostic(each.rule, found.message, place, found.help, *about, fix))
    if has_errors(findings):  # what stands unused may have to do with them
        findings = [finding for finding in findings if finding.rule is not unreachable_node.rule]
    return agreed(graph, findings), list(not_examined)


@lru_cache(maxsize=4096)
def _concerned(classes: frozenset[str]) -> tuple[GraphRule, ...]:
    """The rules that have something to say of a graph with these node classes."""
    return tuple(each for each in GRAPH_RULES if not each.classes or each.classes & classes)


def live_nodes(graph: Graph, catalog: Catalog) -> set[str]:
    """The nodes that feed an output, which are all that a server looks at; a node of an unknown class may be one."""
    return kept(graph, catalog, reached)

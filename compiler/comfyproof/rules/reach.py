"""Rules on what a graph reaches: is every node of use, and can a server follow the row of them?"""

from __future__ import annotations

from collections.abc import Iterator

from ..catalog.pinned import Catalog
from ..diagnostics import NotExamined, Severity
from ..graph import MAX_CHAIN, Graph
from .rule import Problem, kept, known, rule


@rule("CP311", "unreachable-node", Severity.INFO, of_all=True)
def unreachable_node(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """A node feeds nothing that is saved or shown, so that a server never runs it.

    A server looks at its class and at nothing else of it, so that mistakes in it go unseen, too. Said of the last node
    of such a row, with how many stand before it that nothing else takes from.

    Source: ComfyUI 0.3.64, `validate_prompt` in `execution.py`: validation and execution begin at the outputs.

    Bad:

        nodes: {soft: {ImageBlur: {image: $load}}}

    Good:

        nodes: {soft: {ImageBlur: {image: $load}}}
        stages: [{load: {image: $image}}, {save: {from: soft}}]
    """
    live = kept(graph, catalog, reached)
    if len(live) == len(graph.nodes) or not any(declared.is_output for _, declared in known(graph, catalog)):
        return  # without any output there is another finding, or one that is not known
    if any(link.node not in graph.nodes for id in live for _, link in graph.nodes[id].links()):
        return  # what a broken link was to come from may be any of the others
    for node in graph.nodes.values():
        if node.id in live or graph.consumers[node.id]:
            continue
        before = len(graph.upstream([node.id]) - live) - 1
        rest = f", nor {before} more that only lead{'s' if before == 1 else ''} to it" if before else ""
        message = f'nothing that is saved or shown needs "{node.title or node.type}"{rest}'
        yield Problem(node, None, message, "take it out, or link it to what it is for")


@rule("CP312", "chain-too-long", Severity.ERROR)
def chain_too_long(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """More nodes stand in a row than a server can follow.

    A ComfyUI follows links by recursion, and Python ends that after a thousand calls: with some 980 nodes in a row it
    refuses the prompt with "maximum recursion depth exceeded", or takes it and stops working.

    Source: seen on ComfyUI 0.3.64; docs/contract.md has the numbers.

    Bad:

        nodes:
          soft_1: {ImageBlur: {image: $load}}
          # and so on, up to
          soft_1000: {ImageBlur: {image: $soft_999}}

    Good:

        nodes: {soft: {ImageBlur: {image: $load}}}
    """
    if len(graph.nodes) <= MAX_CHAIN:
        return
    lengths: dict[str, int] = {}
    for id in graph.order:
        lengths[id] = 1 + max((lengths[producer] for producer in graph.producers(id)), default=0)
        if lengths[id] == MAX_CHAIN + 1:
            message = f"more than {MAX_CHAIN} nodes in a row lead up to this one"
            yield Problem(
                graph.nodes[id], None, message, "save the picture on the way, and go on from it in a second run"
            )


def reached(graph: Graph, catalog: Catalog) -> set[str]:
    """The nodes that feed an output, which are all that a server looks at; a node of an unknown class may be one."""
    ends = [node.id for node in graph.nodes.values() if (each := catalog.get(node.type)) is None or each.is_output]
    if len(graph.order) == len(graph.nodes) and all(map(graph.consumers.get, graph.nodes.keys() - ends)):
        return set(graph.nodes)  # what is no output feeds something, without a circle: in the end an output
    return graph.upstream(ends)


REACH_RULES = (unreachable_node, chain_too_long)

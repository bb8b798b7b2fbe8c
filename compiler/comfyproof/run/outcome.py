"""What a server says of a job that did not come right, as findings at the author's own lines."""

from __future__ import annotations

from ..diagnostics import Diagnostic
from ..graph import Graph
from .answers import Failed, Interrupted, Lost, NodeError, Outcome, Refusal, Succeeded, TimedOut
from .rules import INTERRUPTED, LOST, NODE_FAILED, OUT_OF_MEMORY, REFUSED, TIMED_OUT


def refused(refusal: Refusal, graph: Graph) -> list[Diagnostic]:
    """Why a server does not run a prompt, each reason where the input was written."""
    if not refusal.nodes:
        details = f": {refusal.details}" if refusal.details else ""
        return [REFUSED.at(None, f"the server refuses the prompt: {refusal.message}{details}")]
    return [_node_error(error, graph) for error in refusal.nodes]


def _node_error(error: NodeError, graph: Graph) -> Diagnostic:
    node = graph.nodes.get(error.node_id)
    title = node.title if node else error.class_type or error.node_id
    details = f" ({error.details})" if error.details and error.details != error.input_name else ""
    message = f'the server refuses "{title}": {error.message}{details}'
    return REFUSED.at(node.place(error.input_name or None) if node else None, message)


def went_wrong(outcome: Outcome, graph: Graph) -> list[Diagnostic]:
    """Why a prompt that was taken did not succeed; empty if it did."""
    if isinstance(outcome, Succeeded):
        return []
    if isinstance(outcome, Failed):
        return [_failed(outcome, graph)]
    if isinstance(outcome, Interrupted):
        node = graph.nodes.get(outcome.node_id)
        return [INTERRUPTED.at(node.place() if node else None, "the prompt was stopped on the server", "run it again")]
    rule, help = {
        Lost: (LOST, "run it again; what the server forgot is not done"),
        TimedOut: (TIMED_OUT, "look at the server: it may still be at work on it"),
    }[type(outcome)]
    assert isinstance(outcome, Lost | TimedOut)
    return [rule.at(None, outcome.reason, help)]


def _failed(outcome: Failed, graph: Graph) -> Diagnostic:
    node = graph.nodes.get(outcome.node_id)
    title = node.title if node else outcome.node_type or outcome.node_id
    place = node.place() if node else None
    if outcome.out_of_memory:
        message = f'"{title}" ran out of memory: {outcome.message}'
        return OUT_OF_MEMORY.at(place, message, "make the picture or its tiles smaller, or free the server's memory")
    return NODE_FAILED.at(place, f'"{title}" failed: {outcome.exception_type}: {outcome.message}')

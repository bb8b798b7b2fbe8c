"""What a server says of a job that did not come right, as findings at the author's own lines."""

from __future__ import annotations

from ..diagnostics import Diagnostic
from ..graph import Graph
from .answers import Failed, Interrupted, Lost, NodeError, Outcome, Refusal, Succeeded
from .job import Run
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


def went_wrong(outcome: Outcome, run: Run) -> list[Diagnostic]:
    """Why a prompt that was taken did not succeed; empty if it did."""
    graph = run.graph
    if isinstance(outcome, Succeeded):
        return []
    if isinstance(outcome, Failed):
        return [_failed(outcome, graph)]
    if isinstance(outcome, Interrupted):
        node = graph.nodes.get(outcome.node_id)
        return [INTERRUPTED.at(node.place() if node else None, "the prompt was stopped on the server", "run it again")]
    if isinstance(outcome, Lost):
        return [LOST.at(None, outcome.reason, "run it again; what the server forgot is not done")]
    if run.withdrawn:
        message = f"{outcome.reason}, and was withdrawn from the server"
        return [TIMED_OUT.at(None, message, "give it more time with --timeout, or look what holds the server up")]
    return [TIMED_OUT.at(None, outcome.reason, "look at the server: it may still be at work on it")]


def _failed(outcome: Failed, graph: Graph) -> Diagnostic:
    node = graph.nodes.get(outcome.node_id)
    title = node.title if node else outcome.node_type or outcome.node_id
    place = node.place() if node else None
    if outcome.out_of_memory:
        which, help = _memory(outcome)
        return OUT_OF_MEMORY.at(place, f'"{title}" ran out of {which}: {outcome.message}', help)
    if not title:
        return NODE_FAILED.at(None, outcome.message, "look into the server's log for the reason")
    said = ": ".join(part for part in (outcome.exception_type, outcome.message) if part)
    return NODE_FAILED.at(place, f'"{title}" failed: {said or "the server does not say why"}')


def _memory(outcome: Failed) -> tuple[str, str]:
    """Which memory a node ran out of, and what to do about it."""
    kind = outcome.exception_type.rpartition(".")[2]
    # What a graphics card lacks is told by an exception of its library, what the machine lacks by the system.
    if kind in ("MemoryError", "OSError") or "DefaultCPUAllocator" in outcome.message:
        return "the machine's memory", "load fewer models in one pipeline, or give the machine more memory"
    return "memory", "make the picture or its tiles smaller, or take a smaller model file"

"""The rules of what can go wrong once a server takes part."""

from __future__ import annotations

from ..diagnostics import Rule, Severity

UNREADABLE_INPUT = Rule(
    "CP801", "unreadable-input", Severity.ERROR, "A file that the pipeline reads cannot be read, so nothing can be run."
)
REFUSED = Rule(
    "CP802", "server-refused", Severity.ERROR, "A server refuses the prompt, or a part of it, before running anything."
)
NODE_FAILED = Rule("CP803", "node-failed", Severity.ERROR, "A node raised an exception while a server ran it.")
OUT_OF_MEMORY = Rule("CP804", "out-of-memory", Severity.ERROR, "A node ran out of memory on the server.")
INTERRUPTED = Rule("CP805", "interrupted", Severity.ERROR, "Somebody else stopped the prompt on the server.")
LOST = Rule("CP806", "prompt-lost", Severity.ERROR, "The server took the prompt and no longer knows it.")
TIMED_OUT = Rule("CP807", "timed-out", Severity.ERROR, "The prompt was not done in the time it had.")
NO_RESULT = Rule("CP808", "no-result", Severity.ERROR, "The server says that all went well, and there is no picture.")
UNSET_SECRET = Rule(
    "CP809",
    "unset-secret",
    Severity.ERROR,
    "The environment lacks a value that a node is to be given, so nothing is sent.",
)
NOT_AS_PROMISED = Rule(
    "CP901", "not-as-promised", Severity.ERROR, "A picture came back, and it is not what the spec promises of it."
)
RULES = (
    UNREADABLE_INPUT, REFUSED, NODE_FAILED, OUT_OF_MEMORY, INTERRUPTED, LOST, TIMED_OUT, NO_RESULT,
    UNSET_SECRET, NOT_AS_PROMISED,
)  # fmt: skip

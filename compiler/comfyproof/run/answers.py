"""What a server's answers mean: refusals, and how a prompt ended."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from .problems import clean

_MOST = 1000
_DEEP = 4
_NODE_ID = re.compile(r"Node ID '#(.{1,100})'")
_CLASS = re.compile(r"because node (.{1,200}) does not exist")
_OUT_OF_MEMORY = re.compile(
    r"out of memory|out_of_(?:device_|host_)?memory|allocation on device|not enough (?:gpu )?(?:video )?memory|"
    r"can(?:.|no)t allocate memory|alloc_failed|bad_alloc|invalid buffer size",
    re.I,
)


@dataclass(frozen=True, slots=True)
class NodeError:
    """One thing that a server finds wrong with a node; `input_name` is empty where it names none."""

    node_id: str
    class_type: str
    type: str
    message: str
    details: str
    input_name: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a prompt does not run."""

    type: str
    message: str
    details: str
    nodes: tuple[NodeError, ...]


@dataclass(frozen=True, slots=True)
class Submission:
    """A prompt that a server has taken.

    `prompt_id` is the server's own where it is too old to take ours. `answered` is false where
    the server was found to have the prompt already: nobody has seen then whether it left out a
    part of it, so compare the outputs with those asked for.
    """

    prompt_id: str
    answered: bool


@dataclass(frozen=True, slots=True)
class OutputFile:
    """A file that a node left on the server, named as /view wants it; the names are no paths of this machine."""

    node_id: str
    filename: str
    subfolder: str
    type: str
    key: str


@dataclass(frozen=True, slots=True)
class OutputText:
    """A text that a node gave."""

    node_id: str
    key: str
    text: str


@dataclass(frozen=True, slots=True)
class Succeeded:
    """The prompt ran to its end."""

    outputs: tuple[OutputFile, ...]
    texts: tuple[OutputText, ...]


@dataclass(frozen=True, slots=True)
class Failed:
    """A node raised an exception; all texts are safe to show."""

    node_id: str
    node_type: str
    exception_type: str
    message: str
    traceback: tuple[str, ...]
    out_of_memory: bool


@dataclass(frozen=True, slots=True)
class Interrupted:
    """Somebody stopped the prompt, at a node if it had begun."""

    node_id: str


@dataclass(frozen=True, slots=True)
class Lost:
    """The server knows nothing of the prompt any more."""

    reason: str


@dataclass(frozen=True, slots=True)
class TimedOut:
    """We stopped waiting; the prompt may still run."""

    reason: str


Outcome: TypeAlias = "Succeeded | Failed | Interrupted | Lost | TimedOut"


def read_refusal(data: Any) -> Refusal | None:
    """Why a server did not take a prompt, or not all of it; None where its answer has nothing against it."""
    if not isinstance(data, Mapping):
        return None
    nodes = sorted(_node_errors(data.get("node_errors")), key=_reading_order)
    error = data.get("error")
    if isinstance(error, Mapping):
        nodes = nodes or list(_missing_node(error))
        return Refusal(
            clean(error.get("type"), 100), clean(error.get("message")), clean(error.get("details")), tuple(nodes)
        )
    if error:
        return Refusal("", clean(error), "", tuple(nodes))
    if nodes:
        return Refusal("partly_refused", "the server would run only a part of the prompt", "", tuple(nodes))
    return None


def _node_errors(data: Any) -> Iterator[NodeError]:
    for node_id, record in list(_mapping(data).items())[:_MOST]:
        class_type = clean(_mapping(record).get("class_type"), 200)
        errors = [error for error in _sequence(_mapping(record).get("errors")) if isinstance(error, Mapping)]
        for error in errors[:_MOST] or [{}]:
            yield NodeError(
                clean(node_id, 100),
                class_type,
                clean(error.get("type"), 100),
                clean(error.get("message")),
                clean(error.get("details")),
                clean(_mapping(error.get("extra_info")).get("input_name"), 200),
            )


def _missing_node(error: Mapping[str, Any]) -> Iterator[NodeError]:
    """The node in an error that has no node_errors beside it: named in words by 0.3, in `extra_info` later."""
    if error.get("type") not in ("invalid_prompt", "missing_node_type"):
        return
    extra, message, details = (
        _mapping(error.get("extra_info")),
        clean(error.get("message")),
        clean(error.get("details")),
    )
    named = _NODE_ID.search(details)
    node_id = clean(extra.get("node_id"), 100) or (named[1] if named else "")
    if not node_id:
        return
    unknown = _CLASS.search(message)
    class_type = clean(extra.get("class_type"), 200) or (unknown[1] if unknown else "")
    yield NodeError(
        node_id, class_type, "missing_node_type" if class_type else "missing_class_type", message, details, ""
    )


def _reading_order(error: NodeError) -> tuple[int, str, str, str]:
    # A server's own order comes from sets and differs from start to start.
    return (len(error.node_id), error.node_id, error.input_name, error.type)


def read_outcome(entry: Mapping[str, Any]) -> Outcome:
    """How a prompt ended, from its entry in the history.

    The messages decide: `status_str` says "error" for an interrupt, and can be the previous prompt's.
    """
    status = _mapping(entry.get("status"))
    messages = dict(_messages(status.get("messages")))
    if error := messages.get("execution_error"):
        return _failed(error)
    if (stop := messages.get("execution_interrupted")) is not None:
        return Interrupted(clean(stop.get("node_id"), 100))
    outputs = _mapping(entry.get("outputs"))
    # Servers of before August 2024 have no such message, and a status may be null.
    if "execution_success" in messages or status.get("status_str") == "success" or (not status and outputs):
        return Succeeded(tuple(dict.fromkeys(_files(outputs))), tuple(_texts(outputs)))
    return Failed("", "", "", "the server does not say why the prompt did not finish", (), False)


def _failed(error: Mapping[str, Any]) -> Failed:
    kind, message = clean(error.get("exception_type"), 200), clean(error.get("exception_message"), 2000)
    frames = [text for text in _sequence(error.get("traceback"))[:_MOST] if isinstance(text, str)]
    lines = [line for text in frames for line in text[:5000].splitlines() if line.strip(" ~^")]
    memory = kind.endswith(("OutOfMemoryError", "MemoryError")) or bool(_OUT_OF_MEMORY.search(message))
    return Failed(
        clean(error.get("node_id"), 100),
        clean(error.get("node_type"), 200),
        kind,
        message,
        tuple(" " * min(len(line) - len(line.lstrip(" ")), 8) + clean(line) for line in lines[-200:]),
        memory,
    )


def _messages(data: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for message in _sequence(data):
        if isinstance(message, list) and len(message) == 2 and isinstance(message[0], str):
            yield message[0], _mapping(message[1])


def _files(outputs: Mapping[str, Any]) -> Iterator[OutputFile]:
    for node_id, key, value in _listed(outputs):
        if isinstance(value, Mapping) and isinstance(value.get("filename"), str) and value["filename"]:
            subfolder, type = value.get("subfolder"), value.get("type")
            yield OutputFile(
                str(node_id),
                value["filename"],
                subfolder if isinstance(subfolder, str) else "",
                type if isinstance(type, str) else "output",
                key,
            )


def _texts(outputs: Mapping[str, Any]) -> Iterator[OutputText]:
    for node_id, key, value in _listed(outputs):
        if isinstance(value, str):
            yield OutputText(str(node_id), key, value)


def _listed(outputs: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """Everything that stands in a list of a node's outputs, under whatever key."""
    waiting = [(node_id, str(key), value, 0) for node_id, ui in outputs.items() for key, value in _mapping(ui).items()]
    waiting.reverse()
    while waiting:
        node_id, key, value, depth = waiting.pop()
        if isinstance(value, Mapping) and depth < _DEEP:
            waiting += [(node_id, str(inner), item, depth + 1) for inner, item in reversed(list(value.items()))]
        for item in _sequence(value):
            yield node_id, key, item


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _sequence(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []

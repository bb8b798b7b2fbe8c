"""POST /prompt: from a request's body to an answer and, where it is accepted, a prompt for the queue."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..catalog.pinned import Catalog
from ..verdict import SERVER_TROUBLE, Answer, Files, answer, is_link

MAX_DEPTH = 200
MAX_NODES = 20_000


@dataclass(frozen=True)
class Submission:
    """A prompt that was accepted."""

    number: float
    id: str
    prompt: dict[str, Any]
    extra_data: Any
    outputs: list[str]
    node_errors: Mapping[str, Any]


@dataclass(frozen=True)
class Refusal:
    """What a request is answered with instead."""

    status: int
    body: Any


TROUBLE = Refusal(500, SERVER_TROUBLE)
_NO_PROMPT = {"type": "no_prompt", "message": "No prompt provided", "details": "No prompt provided", "extra_info": {}}


class Counter:
    """The number that the next prompt gets: it counts up with each request, even a refused one."""

    def __init__(self) -> None:
        self.next = 0

    def number(self, body: Any) -> float:
        """The number for a request's body. Raises TypeError and ValueError where the server fails over it."""
        if "number" in body:
            return float(body["number"])
        number = self.next
        self.next += 1
        to_front = body["front"] if "front" in body else False  # noqa: SIM401 - a list or a text has `in` too
        return -number if to_front else number


def read(raw: bytes, counter: Counter, catalog: Catalog, files: Files) -> Submission | Refusal:
    """What becomes of a request's body."""
    try:
        body = json.loads(raw.decode())
        number = counter.number(body)
        if "prompt" not in body:
            return Refusal(400, {"error": _NO_PROMPT, "node_errors": {}})
        prompt_id = str(body["prompt_id"]) if "prompt_id" in body else str(uuid.uuid4())
        prompt = body["prompt"]
    except (ValueError, TypeError, OverflowError, RecursionError):
        return TROUBLE
    if too_deep(body):
        return _too_large(f"it nests values deeper than {MAX_DEPTH} levels")
    if isinstance(prompt, dict) and len(prompt) > MAX_NODES:
        return _too_large(f"it has more than {MAX_NODES:,} nodes")
    given = answer(prompt, catalog, files, targets=body.get("partial_execution_targets"))
    try:
        extra_data = body.get("extra_data", {})
        if "client_id" in body:
            extra_data["client_id"] = body["client_id"]
    except TypeError:
        return TROUBLE
    if given.status != 200 or isinstance(given.body, str):
        return Refusal(given.status, given.body)
    if reason := kills_worker(given, extra_data):
        return _refused(reason)
    return Submission(number, prompt_id, given.prompt, extra_data, list(given.good_outputs), given.body["node_errors"])


def kills_worker(accepted: Answer, extra_data: Any) -> str | None:
    """Why an accepted prompt would end a real server, or its worker without a word, if it would."""
    if not isinstance(extra_data, (dict, list, str)):
        return "its extra_data is neither an object nor a list"
    if isinstance(extra_data, dict) and isinstance(extra_data.get("client_id"), (dict, list)):
        return "its client_id is a list or an object"
    prompt = accepted.prompt
    for id, node in prompt.items():
        if not isinstance(node.get("inputs"), dict):
            return f'node "{id}" has no inputs object'
    waiting, seen = list(accepted.good_outputs), set()
    while waiting:
        id = waiting.pop()
        if id in seen:
            continue
        seen.add(id)
        for name, value in prompt[id]["inputs"].items():
            if is_link(value):
                if value[0] not in prompt:
                    return f'the undeclared input "{name}" of node "{id}" links to node "{value[0]}", which is missing'
                waiting.append(value[0])
    return None


def _refused(reason: str) -> Refusal:
    error = {
        "type": "would_stop_worker",
        "message": f"A real ComfyUI would take this prompt and stop working over it: {reason}.",
        "details": reason,
        "extra_info": {},
    }
    return Refusal(400, {"error": error, "node_errors": {}})


def _too_large(reason: str) -> Refusal:
    error = {"type": "too_large", "message": f"The emulator does not take this: {reason}.", "details": reason}
    return Refusal(400, {"error": {**error, "extra_info": {}}, "node_errors": {}})


def too_deep(value: Any) -> bool:
    """Whether a JSON value nests deeper than the emulator follows."""
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            child
            for item in level
            for child in (item.values() if isinstance(item, dict) else item if isinstance(item, list) else ())
            if isinstance(child, (dict, list))
        ]
        if not level:
            return False
    return True

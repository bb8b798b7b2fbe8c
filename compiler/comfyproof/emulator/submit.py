"""POST /prompt: from a request's body to an answer and, where it is accepted, a prompt for the queue."""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..catalog.pinned import Catalog
from ..verdict import SERVER_TROUBLE, Answer, Files, answer, is_link
from .cache import MAX_BEHIND, too_long
from .profiles import USUAL, Profile

MAX_DEPTH = 200
MAX_NODES = 20_000
MAX_WAITING = 10_000


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
_NODE_ID = re.compile(r"Node ID '#(.*)'")
_NO_UUID = {
    "type": "invalid_prompt_id",
    "message": "prompt_id must be a valid UUID",
    "details": "prompt_id must be a UUID string in canonical lowercase hyphenated form; "
    "omit it to let the server generate one",
    "extra_info": {},
}
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


def read(
    raw: bytes, counter: Counter, catalog: Catalog, files: Files, profile: Profile = USUAL
) -> Submission | Refusal:
    """What becomes of a request's body."""
    try:
        body = json.loads(raw.decode())
        number = counter.number(body)
        if "prompt" not in body:
            return Refusal(400, {"error": _NO_PROMPT, "node_errors": {}})
        prompt_id = _id(body, profile)
        prompt = body["prompt"]
    except (ValueError, TypeError, OverflowError, RecursionError):
        return TROUBLE
    if prompt_id is None:
        return Refusal(400, {"error": _NO_UUID, "node_errors": {}})
    if too_deep(body):
        return too_large(f"it nests values deeper than {MAX_DEPTH} levels")
    if isinstance(prompt, dict) and len(prompt) > MAX_NODES:
        return too_large(f"it has more than {MAX_NODES:,} nodes")
    targets = body.get("partial_execution_targets") if profile.takes_targets else None
    given = answer(prompt, catalog, files, targets=targets)
    try:
        extra_data = body.get("extra_data", {})
        if "client_id" in body:
            extra_data["client_id"] = body["client_id"]
    except TypeError:
        return TROUBLE
    if profile.has_jobs and isinstance(extra_data, dict):
        extra_data["create_time"] = time.time_ns() // 10**6
    if given.status != 200 or isinstance(given.body, str):
        return Refusal(given.status, _renamed(given.body, prompt) if profile.names_missing_node else given.body)
    if reason := kills_worker(given, extra_data):
        return _refused(reason)
    return Submission(number, prompt_id, given.prompt, extra_data, list(given.good_outputs), given.body["node_errors"])


def _id(body: Mapping[str, Any], profile: Profile) -> str | None:
    """A prompt's id: the client's, or one of our own; None where the client's is none."""
    if not profile.takes_ids or "prompt_id" not in body or (profile.wants_uuids and body["prompt_id"] is None):
        return str(uuid.uuid4())
    return str(body["prompt_id"]) if not profile.wants_uuids or is_uuid(body["prompt_id"]) else None


def is_uuid(value: Any) -> bool:
    """Whether a prompt's id is a UUID in the one spelling that newer ComfyUIs take."""
    try:
        return isinstance(value, str) and str(uuid.UUID(value)) == value
    except ValueError:
        return False


def _renamed(body: Any, prompt: Any) -> Any:
    """A refusal over a node that cannot be had, as newer ComfyUIs word it."""
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict) or error["type"] != "invalid_prompt" or not isinstance(prompt, dict):
        return body
    found = _NODE_ID.search(error["details"])
    node = prompt.get(found[1]) if found else None
    if found is None or not isinstance(node, dict):
        return body
    meta = node.get("_meta")
    title = meta.get("title") if isinstance(meta, dict) else None
    kind = node.get("class_type")
    what = f"'{title or kind}'" if title or kind else f"ID '#{found[1]}'"
    message = f"Node {what} not found. The custom node may not be installed."
    if not kind:
        message = f"Node {what} has no class_type. The workflow may be corrupted or a custom node is missing."
    extra = {"node_id": found[1], "class_type": kind, "node_title": title}
    return {**body, "error": {**error, "type": "missing_node_type", "message": message, "extra_info": extra}}


def kills_worker(accepted: Answer, extra_data: Any) -> str | None:
    """Why an accepted prompt would end a real server, or its worker without a word, if it would."""
    if not isinstance(extra_data, (dict, list, str)):
        return "its extra_data is neither an object nor a list"
    if not isinstance(extra_data, dict) and "client_id" in extra_data:
        return "its extra_data speaks of a client_id and is no object"
    if isinstance(extra_data, dict) and isinstance(extra_data.get("client_id"), (dict, list)):
        return "its client_id is a list or an object"
    prompt = accepted.prompt
    for id, node in prompt.items():
        if not isinstance(node.get("inputs"), dict):
            return f'node "{id}" has no inputs object'
    if (id := too_long(prompt)) is not None:
        return f'behind node "{id}" more than {MAX_BEHIND} nodes follow each other'
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


def too_large(reason: str) -> Refusal:
    """The answer to what a real server might take, and this one doesn't."""
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

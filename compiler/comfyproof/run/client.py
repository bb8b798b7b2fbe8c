"""A client for one ComfyUI server: upload, submit, wait, fetch, cancel."""

from __future__ import annotations

import contextlib
import hashlib
import json
import queue
import re
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

from urllib3.filepost import encode_multipart_formdata

from ..catalog.nodes import RawNodes
from .answers import NodeError, Outcome, OutputFile, Refusal, Submission, read_refusal
from .events import Event
from .listen import Listener
from .problems import ServerMisbehaved, ServerProblem, ServerUnreachable, clean
from .waiting import USUAL, Inbox, Patience, Sighting, Timeouts, Vigil
from .wire import MAX_LIST, Body, Wire

MAX_UPLOAD = 2**30
# Under this key a prompt carries our id to a server that gives it one of its own (ComfyUI before 0.3.45).
TAG = "comfyproof_prompt_id"
_TAGGED = 32
_INBOX = 2000
_PLAIN_ID = re.compile(r"[0-9A-Za-z_.-]{1,100}")
_SUFFIX = re.compile(r"\.[0-9A-Za-z]{1,10}")
# Statuses that leave open whether a prompt was taken: a proxy's, or an answer that broke on its way.
_UNCLEAR = (200, 502, 503, 504)


class Client:
    """One ComfyUI server, under a client id of our own.

    Not for several threads at once, but for `cancel`. Raises ValueError for an address that is none.
    """

    def __init__(self, url: str, *, timeouts: Timeouts = USUAL) -> None:
        self._wire = Wire(url, timeouts.connect)
        self._timeouts = timeouts
        self._inbox: Inbox = queue.Queue(_INBOX)
        self._cancelled: set[str] = set()
        self.url = self._wire.url
        self.client_id = str(uuid.uuid4())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connections to the server."""
        self._wire.close()

    def listen(self) -> Listener:
        """A context in which the websocket brings events; enter it before submitting."""
        return Listener(self.url, self.client_id, self._inbox, self._timeouts.connect)

    def system_stats(self) -> Mapping[str, Any]:
        """What the server says of itself: versions, memory, devices. Raises ServerProblem."""
        answer = self._wire.get("/system_stats", self._timeouts.read)
        stats = self._wire.json(answer, "a request for its versions")
        if not isinstance(stats, dict) or not isinstance(stats.get("system"), dict):
            raise ServerMisbehaved(self.url, "does not tell its versions as a ComfyUI does")
        return stats

    def node_types(self, classes: Iterable[str]) -> RawNodes:
        """The /object_info of these node classes, without those that the server lacks. Raises ServerProblem."""
        found = {}
        # Dots are taken out of an address on its way; no class is called so.
        for name in dict.fromkeys(classes):
            if name not in ("", ".", ".."):
                answer = self._wire.get(f"/object_info/{_quoted(name)}", self._timeouts.read, MAX_LIST)
                data = self._wire.json(answer, f'a question about node class "{clean(name, 100)}"')
                node = data.get(name) if isinstance(data, dict) else None
                if node is not None and not (isinstance(node, dict) and isinstance(node.get("input"), dict)):
                    raise ServerMisbehaved(self.url, f'describes node class "{clean(name, 100)}" as no ComfyUI does')
                if node is not None:
                    found[name] = node
        return found

    def all_node_types(self) -> RawNodes:
        """The whole /object_info, which a server with many node packs takes minutes to make. Raises ServerProblem."""
        answer = self._wire.get("/object_info", self._timeouts.transfer, MAX_LIST)
        data = self._wire.json(answer, "a question about all its nodes")
        if not isinstance(data, dict):
            raise ServerMisbehaved(self.url, "describes its nodes as no ComfyUI does")
        return data

    def upload(self, path: Path) -> str:
        """The name under which the server now has this file among its inputs. Raises OSError, ServerProblem.

        The file goes under a name made of its content's hash, so that nothing else can have that name.
        """
        data = _read(path)
        suffix = path.suffix.lower() if _SUFFIX.fullmatch(path.suffix) else ""
        name = f"comfyproof-{hashlib.sha256(data).hexdigest()[:16]}{suffix}"
        body, kind = encode_multipart_formdata({"image": (name, data, "application/octet-stream"), "type": "input"})
        answer = self._wire.post("/upload/image", Body(body, kind, self._timeouts.transfer), self._timeouts.read)
        stored = self._wire.json(answer, f'the upload of "{clean(path.name, 100)}"')
        if not isinstance(stored, dict) or not _is_plain(stored.get("name")):
            raise ServerMisbehaved(self.url, "stored an upload under a name that is no plain file name")
        folders = str(stored.get("subfolder") or "").strip("/")
        if folders and not all(_is_plain(folder) for folder in folders.split("/")):
            raise ServerMisbehaved(self.url, "stored an upload in a folder outside its inputs")
        return f"{folders}/{stored['name']}" if folders else str(stored["name"])

    def submit(self, prompt: Mapping[str, Any], prompt_id: str) -> Submission | Refusal:
        """The prompt as taken by the server, or why it is not. Raises ServerProblem.

        `prompt_id` is a UUID. Submitting twice under one id runs the prompt once: whatever the server
        has of that id already, even a failure, stands. A prompt that would run only in part is
        withdrawn and refused, and so is, unsent, one that is known to kill ComfyUI's worker.
        """
        if str(uuid.UUID(prompt_id)) != prompt_id:
            raise ValueError(f'"{prompt_id}" is not in the lower-case form of a UUID that every ComfyUI takes')
        if refusal := _deadly(prompt):
            return refusal
        if known := self.find(prompt_id):
            return Submission(known, answered=False)
        ids = {"prompt_id": prompt_id, "client_id": self.client_id, "extra_data": {TAG: prompt_id}}
        body = Body(json.dumps({"prompt": prompt, **ids}).encode(), seconds=self._timeouts.transfer)
        try:
            return self._post_prompt(body)
        except ServerProblem as problem:
            if not _may_have_arrived(problem):
                raise
        if known := self._find_after_all(prompt_id):
            return Submission(known, answered=False)
        return self._post_prompt(body)

    def find(self, prompt_id: str) -> str | None:
        """The id under which the server has a prompt, waiting, running or done; else None. Raises ServerProblem."""
        return self._look(prompt_id).prompt_id or None

    def wait(self, prompt_id: str, on_event: Callable[[Event], None]) -> Outcome:
        """How a submitted prompt ended; `on_event` hears of it on the way. Raises ServerProblem.

        Within `listen` there are events, and the end is noticed at once. Stopping to wait stops
        nothing on the server: that is `cancel`.
        """
        vigil = Vigil(prompt_id, self._look, self._inbox, Patience(self._timeouts), self._cancelled)
        return vigil.until_over(on_event)

    def fetch(self, file: OutputFile, *, limit_bytes: int) -> bytes:
        """The bytes of a file that the server made, complete. Raises ServerProblem."""
        where = {"filename": file.filename, "subfolder": file.subfolder, "type": file.type}
        shown = f'"{clean(file.filename, 100)}"'
        if not all(text.isprintable() for text in where.values()):
            raise ServerMisbehaved(self.url, f"made a file of an impossible name, {shown}")
        answer = self._wire.get("/view", self._timeouts.transfer, limit_bytes, where)
        if answer.status == 404:
            help = "Run the prompt again with another file name prefix: the file was deleted after it was made."
            raise ServerMisbehaved(self.url, f"no longer has its file {shown}", help, 404)
        if answer.status != 200:
            raise self._wire.refused(answer, f"the request for its file {shown}")
        if not answer.body:
            raise ServerMisbehaved(self.url, f"gives its file {shown} as empty", "Look whether its disk is full.")
        return answer.body

    def cancel(self, prompt_id: str) -> None:
        """Takes a prompt out of the queue, or stops it if it runs; others' prompts go on. Raises ServerProblem."""
        self._cancelled.add(prompt_id)
        self._tell("/queue", {"delete": [prompt_id]})
        # Before 0.3.57 an interrupt stops whatever runs, so it must be ours.
        if self._look(prompt_id).where == "running":
            self._tell("/interrupt", {"prompt_id": prompt_id})

    def _tell(self, path: str, request: Mapping[str, Any]) -> None:
        answer = self._wire.post(path, Body(json.dumps(request).encode()), self._timeouts.read)
        if answer.status != 200:
            raise self._wire.refused(answer, "a request to stop a prompt")

    def _post_prompt(self, body: Body) -> Submission | Refusal:
        answer = self._wire.post_once("/prompt", body, self._timeouts.read)
        if answer.status not in (200, 400):
            raise self._wire.refused(answer, "a prompt")
        data = self._wire.parse(answer, "a prompt")
        refusal = read_refusal(data)
        if answer.status == 400:
            return refusal or Refusal("", "the server gives no reason for its refusal", clean(answer.body, 200), ())
        prompt_id = data.get("prompt_id") if isinstance(data, dict) else None
        if not isinstance(prompt_id, str) or not _PLAIN_ID.fullmatch(prompt_id):
            raise ServerMisbehaved(self.url, "took a prompt and gave it no id", status=200)
        if refusal is None:
            return Submission(prompt_id, answered=True)
        with contextlib.suppress(ServerProblem):  # the refusal is what there is to mend
            self.cancel(prompt_id)
        return refusal

    def _find_after_all(self, prompt_id: str) -> str | None:
        """The server's id of a prompt whose submission it never answered; None once it surely has none."""
        patience = Patience(self._timeouts)
        while True:
            try:
                sighting = self._look(prompt_id)
                if sighting.prompt_id:
                    return sighting.prompt_id
                if patience.is_lost(sighting):
                    return self._tagged(prompt_id)
            except ServerProblem as problem:
                problem.what += f'; prompt "{prompt_id}" was submitted there and may be unfinished'
                patience.failed(problem)
            time.sleep(min(0.25, self._timeouts.lost))

    def _look(self, prompt_id: str) -> Sighting:
        """Where the prompt is now; the history is read again, for it may come there from the queue in between."""
        return self._in_history(prompt_id) or self._in_queue(prompt_id) or self._in_history(prompt_id) or _NOWHERE

    def _in_history(self, prompt_id: str) -> Sighting | None:
        answer = self._wire.get(f"/history/{_quoted(prompt_id)}", self._timeouts.read)
        history = self._wire.json(answer, "a request for its history")
        if not isinstance(history, dict):
            raise ServerMisbehaved(self.url, "has a history that is none")
        entry = history.get(prompt_id)
        return Sighting("history", prompt_id, entry, ()) if isinstance(entry, dict) else None

    def _in_queue(self, prompt_id: str) -> Sighting | None:
        queued = self._wire.json(self._wire.get("/queue", self._timeouts.read, MAX_LIST), "a request for its queue")
        if not isinstance(queued, dict):
            raise ServerMisbehaved(self.url, "has a queue that is none")
        items = {where: _items(queued.get(f"queue_{where}")) for where in ("running", "pending")}
        running = tuple(sorted(id for id, _ in items["running"]))
        for where, found in items.items():
            for id, tag in found:
                if prompt_id in (id, tag):
                    return Sighting(where, id, {}, running)
        return None

    def _tagged(self, prompt_id: str) -> str | None:
        answer = self._wire.get("/history", self._timeouts.read, MAX_LIST, {"max_items": str(_TAGGED)})
        history = self._wire.json(answer, "a request for its history")
        entries = history.items() if isinstance(history, dict) else ()
        items = [item for _, entry in entries if isinstance(entry, dict) for item in _items([entry.get("prompt")])]
        return next((id for id, tag in items if tag == prompt_id), None)


_NOWHERE = Sighting("", "", {}, ())


def _items(data: Any) -> list[tuple[str, str]]:
    """The ids of a queue's items, the server's beside ours."""
    found = []
    for item in data if isinstance(data, list) else []:
        if isinstance(item, list) and len(item) > 1 and isinstance(item[1], str):
            extra = item[3] if len(item) > 3 and isinstance(item[3], dict) else {}
            found.append((item[1], str(extra.get(TAG, ""))))
    return found


def _may_have_arrived(problem: ServerProblem) -> bool:
    if isinstance(problem, ServerUnreachable):
        return problem.sent
    return isinstance(problem, ServerMisbehaved) and problem.status in _UNCLEAR


def _deadly(prompt: Mapping[str, Any]) -> Refusal | None:
    """Links to nodes that are not there: in an input that a node does not declare, one kills ComfyUI's worker."""
    errors = []
    for node_id, node in prompt.items():
        inputs = node.get("inputs") if isinstance(node, Mapping) else None
        for name, value in inputs.items() if isinstance(inputs, Mapping) else ():
            target = _linked(value)
            if target is not None and target not in prompt:
                text = f'"{clean(name)}" takes an output of node "{clean(target)}", which the prompt does not have'
                kind = clean(node.get("class_type"), 200)
                errors.append(NodeError(clean(node_id), kind, "link_to_missing_node", text, "", clean(name)))
    if not errors:
        return None
    return Refusal("link_to_missing_node", "the prompt links to nodes that it does not have", "", tuple(errors))


def _linked(value: Any) -> str | None:
    """The node that a server takes a value to name: what it unwraps from a `__value__`, it takes for a link as well."""
    if isinstance(value, Mapping) and "__value__" in value:
        value = value["__value__"]
    if isinstance(value, list | tuple) and len(value) == 2 and isinstance(value[0], str):
        return value[0] if isinstance(value[1], int | float) else None
    return None


def _is_plain(name: Any) -> bool:
    if not isinstance(name, str) or not 0 < len(name) <= 255:
        return False
    return name.isprintable() and not set(name) & set('/\\:*?"<>|') and name.strip(". ") != ""


def _quoted(name: str) -> str:
    return quote(name.encode("utf-8", "replace"), safe="")


def _read(path: Path) -> bytes:
    if not path.is_file():
        raise FileNotFoundError(2, "no such file" if not path.exists() else "not a regular file", str(path))
    with path.open("rb") as stream:
        data = stream.read(MAX_UPLOAD + 1)
    if len(data) > MAX_UPLOAD:
        raise OSError(27, f"larger than {MAX_UPLOAD >> 20} MiB", str(path))
    return data

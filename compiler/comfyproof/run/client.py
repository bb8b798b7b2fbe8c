"""A client for one ComfyUI server: upload, submit, wait, fetch, cancel."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import time
import unicodedata
import uuid
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

from urllib3.filepost import encode_multipart_formdata

from ..catalog.nodes import RawNodes
from .access import OPEN, Access
from .answers import Outcome, OutputFile, Refusal, Submission, read_refusal
from .deadly import deadly
from .events import Event
from .listen import Listener
from .problems import ServerMisbehaved, ServerProblem, ServerUnreachable, clean
from .waiting import ASKED_TOO_OFTEN, USUAL, Inbox, Patience, Sighting, State, Timeouts, Vigil
from .wire import MAX_LIST, Body, Wire

MAX_UPLOAD = 2**30
# Under this key a prompt carries our id to a server that gives it one of its own (ComfyUI before 0.3.45).
TAG = "comfyproof_prompt_id"
_TAGGED = 32
_CANCEL_SECONDS = 5.0
_FIRST_REST = 0.1
# From so many classes on, one question about all of them is quicker than one about each.
_MANY_CLASSES = 40
_PLAIN_ID = re.compile(r"[0-9A-Za-z_.-]{1,100}")
_SUFFIX = re.compile(r"\.[0-9A-Za-z]{1,10}")
# Statuses that leave open whether a prompt was taken: a proxy's, or an answer that broke on its way.
_UNCLEAR = (200, 502, 503, 504)


class Client:
    """One ComfyUI server, under a client id of our own.

    Not for several threads at once, but for `cancel`. Raises ValueError for an address that is none.
    """

    def __init__(self, url: str, *, access: Access = OPEN, timeouts: Timeouts = USUAL) -> None:
        self._wire = Wire(url, timeouts.connect, access)
        self._access, self._timeouts = access, timeouts
        self._inbox = Inbox()
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
        return Listener(self.url, self.client_id, self._inbox, self._timeouts.connect, self._access)

    def secrets(self) -> Mapping[str, str]:
        """What must not be shown of how the server is reached, and what stands for it."""
        return self._access.secrets()

    def system_stats(self) -> Mapping[str, Any]:
        """What the server says of itself: versions, memory, devices. Raises ServerProblem."""
        answer = self._wire.get("/system_stats", self._timeouts.read)
        stats = self._wire.json(answer, "a request for its versions")
        if not isinstance(stats, dict) or not isinstance(stats.get("system"), dict):
            raise ServerMisbehaved(self.url, "does not tell its versions as a ComfyUI does")
        return stats

    def node_types(self, classes: Iterable[str]) -> RawNodes:
        """The /object_info of these node classes, without those that the server lacks. Raises ServerProblem."""
        # Dots are taken out of an address on its way; no class is called so.
        wanted = [name for name in dict.fromkeys(classes) if name not in ("", ".", "..")]
        answered = self.all_node_types() if len(wanted) > _MANY_CLASSES else None
        found = {}
        for name in wanted:
            node = (answered if answered is not None else self._node_type(name)).get(name)
            if node is not None and not (isinstance(node, dict) and isinstance(node.get("input"), dict)):
                raise ServerMisbehaved(self.url, f'describes node class "{clean(name, 100)}" as no ComfyUI does')
            if node is not None:
                found[name] = node
        return found

    def _node_type(self, name: str) -> Mapping[str, Any]:
        # While a server describes all its nodes to somebody else, it answers nothing, for minutes.
        answer = self._wire.get(f"/object_info/{_quoted(name)}", self._timeouts.transfer, MAX_LIST)
        data = self._wire.json(answer, f'a question about node class "{clean(name, 100)}"')
        return data if isinstance(data, dict) else {}

    def all_node_types(self) -> RawNodes:
        """The whole /object_info, which a server with many node packs takes minutes to make. Raises ServerProblem."""
        answer = self._wire.get("/object_info", self._timeouts.transfer, MAX_LIST)
        data = self._wire.json(answer, "a question about all its nodes")
        if not isinstance(data, dict):
            raise ServerMisbehaved(self.url, "describes its nodes as no ComfyUI does")
        return data

    def model_files(self) -> tuple[Mapping[str, list[str]], int]:
        """The names of its model files by folder, and how many folders it did not list. Raises ServerProblem."""
        from .doctor_models import folders_of
        from .observations import PATIENT

        return folders_of(self._wire, PATIENT)

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

    def submit(self, prompt: Mapping[str, Any], prompt_id: str, *, new: bool = False) -> Submission | Refusal:
        """The prompt as taken by the server, or why it is not. Raises ServerProblem.

        `prompt_id` is a UUID; `new` says that it was made just now, so that no server can have it.
        Submitting twice under one id runs the prompt once: whatever the server has of that id already,
        even a failure, stands. A prompt that would run only in part is withdrawn and refused, and so is,
        unsent, one that is known to kill ComfyUI's worker.
        """
        if str(uuid.UUID(prompt_id)) != prompt_id:
            raise ValueError(f'"{prompt_id}" is not in the lower-case form of a UUID that every ComfyUI takes')
        if refusal := deadly(prompt):
            return refusal
        if not new and (known := self.find(prompt_id)):
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

    def sight(self, prompt_id: str) -> tuple[State, str]:
        """Where a prompt of ours is, which may be long over, and the id that the server has for it."""
        seen = self._look(prompt_id)
        if seen.prompt_id or not (own := self._tagged(prompt_id)):
            return seen.state, seen.prompt_id
        return "terminal", own

    def wait(self, prompt_id: str, on_event: Callable[[Event], None]) -> Outcome:
        """How a submitted prompt ended; `on_event` hears of it on the way. Raises ServerProblem.

        Within `listen` there are events, and the end is noticed at once. Stopping to wait stops
        nothing on the server: that is `cancel`.
        """
        self._inbox.expect(prompt_id)
        vigil = Vigil(prompt_id, self._look, self._inbox, Patience(self._timeouts), self._cancelled)
        try:
            return vigil.until_over(on_event)
        finally:
            self._inbox.forget(prompt_id)

    def expect(self, prompt_id: str) -> None:
        """Keeps what is told of a prompt from now on until it is waited for, though others are waited for before."""
        self._inbox.expect(prompt_id)

    def fetch(self, file: OutputFile, *, limit_bytes: int) -> bytes:
        """The bytes of a file that the server made, complete. Raises ServerProblem."""
        where = {"filename": file.filename, "subfolder": file.subfolder, "type": file.type}
        shown = f'"{clean(file.filename, 100)}"'
        # Marks that join or turn letters are in many a name; a control character is in none.
        if any(unicodedata.category(letter) in ("Cc", "Cs") for text in where.values() for letter in text):
            raise ServerMisbehaved(self.url, f"made a file of an impossible name, {shown}")
        answer = self._wire.fetch("/view", self._timeouts.transfer, limit_bytes, where)
        if answer.status == 404:
            help = "Run it again: the file was deleted after it was made."
            raise ServerMisbehaved(self.url, f"no longer has its file {shown}", help, 404)
        if answer.status != 200:
            raise self._wire.refused(answer, f"the request for its file {shown}")
        if not answer.body:
            raise ServerMisbehaved(self.url, f"gives its file {shown} as empty", "Look whether its disk is full.")
        return answer.body

    def patience(self) -> Patience:
        """How long to bear with this server's failures, from now on."""
        return Patience(self._timeouts)

    def cancel(self, prompt_id: str) -> None:
        """Takes a prompt out of the queue, or stops it if it runs; others' prompts go on. Raises ServerProblem.

        Takes some seconds at most, for it is somebody at a terminal who waits.
        """
        self._cancelled.add(prompt_id)
        end = time.monotonic() + min(self._timeouts.read, _CANCEL_SECONDS)

        def left() -> float:
            return max(end - time.monotonic(), 0.1)

        self._tell("/queue", {"delete": [prompt_id]}, left())
        seen = self._look(prompt_id, left)
        if seen.state == "pending":  # a server with ids of its own has it under another
            self._cancelled.add(seen.prompt_id)
            self._tell("/queue", {"delete": [seen.prompt_id]}, left())
            seen = self._look(seen.prompt_id, left)
        # Before 0.3.57 an interrupt stops whatever runs, so it must be ours.
        if seen.state == "running" and not self._cancels_job(seen.prompt_id, left()):
            self._tell("/interrupt", {"prompt_id": seen.prompt_id}, left())

    def free(self) -> None:
        """Asks the server to unload its models before its next prompt. Raises ServerProblem."""
        self._tell("/free", {"unload_models": True, "free_memory": True}, self._timeouts.read)

    def _cancels_job(self, prompt_id: str, seconds: float) -> bool:
        """Whether the server stops exactly this prompt, as newer ones can be asked to."""
        path = f"/api/jobs/{_quoted(prompt_id)}/cancel"
        with contextlib.suppress(ServerMisbehaved):  # those of before 0.36 do not know what this is
            data = self._wire.json(self._wire.post(path, Body(b"{}"), seconds), "a request to cancel")
            return isinstance(data, dict) and data.get("cancelled") is True
        return False

    def _tell(self, path: str, request: Mapping[str, Any], seconds: float) -> None:
        answer = self._wire.post(path, Body(json.dumps(request).encode()), seconds)
        if answer.status != 200:
            raise self._wire.refused(answer, f"a request to {path}")

    def _post_prompt(self, body: Body) -> Submission | Refusal:
        answer = self._wire.post_once("/prompt", body, self._timeouts.read)
        patience, rest = self.patience(), _FIRST_REST
        while answer.status == ASKED_TOO_OFTEN:
            problem = self._wire.refused(answer, "a prompt")
            patience.failed(problem)
            rest = patience.rest(problem, rest)
            time.sleep(rest)
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

    def queued(self) -> frozenset[str]:
        """The ids of all prompts that run or wait on the server, ours in our spelling. Raises ServerProblem."""
        queued = self._wire.json(self._wire.get("/queue", self._timeouts.read, MAX_LIST), "a request for its queue")
        if not isinstance(queued, dict):
            raise ServerMisbehaved(self.url, "has a queue that is none")
        items = [*_items(queued.get("queue_running")), *_items(queued.get("queue_pending"))]
        return frozenset(id for item in items for id in item if id)

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

    def _look(self, prompt_id: str, left: Callable[[], float] | None = None) -> Sighting:
        """Where the prompt is now; the history is read again, for it may come there from the queue in between."""
        for look in (self._in_history, self._in_queue, self._in_history):
            if seen := look(prompt_id, left() if left else self._timeouts.read):
                return seen
        return Sighting("absent")

    def _in_history(self, prompt_id: str, seconds: float) -> Sighting | None:
        answer = self._wire.get(f"/history/{_quoted(prompt_id)}", seconds)
        history = self._wire.json(answer, "a request for its history")
        if not isinstance(history, dict):
            raise ServerMisbehaved(self.url, "has a history that is none")
        entry = history.get(prompt_id)
        return Sighting("terminal", prompt_id, entry) if isinstance(entry, dict) else None

    def _in_queue(self, prompt_id: str, seconds: float) -> Sighting | None:
        queued = self._wire.json(self._wire.get("/queue", seconds, MAX_LIST), "a request for its queue")
        if not isinstance(queued, dict):
            raise ServerMisbehaved(self.url, "has a queue that is none")
        items: dict[State, list[tuple[str, str]]] = {
            "running": _items(queued.get("queue_running")),
            "pending": _items(queued.get("queue_pending")),
        }
        running = tuple(sorted(id for id, _ in items["running"]))
        for state, found in items.items():
            for id, tag in found:
                if prompt_id in (id, tag):
                    return Sighting(state, id, running=running)
        return None

    def _tagged(self, prompt_id: str) -> str | None:
        answer = self._wire.get("/history", self._timeouts.read, MAX_LIST, {"max_items": str(_TAGGED)})
        history = self._wire.json(answer, "a request for its history")
        entries = history.items() if isinstance(history, dict) else ()
        items = [item for _, entry in entries if isinstance(entry, dict) for item in _items([entry.get("prompt")])]
        return next((id for id, tag in items if tag == prompt_id), None)


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
        bytes = os.fstat(stream.fileno()).st_size
        if bytes > MAX_UPLOAD:
            raise OSError(27, f"larger than {MAX_UPLOAD >> 20} MiB", str(path))
        return stream.read(bytes)  # memory is put aside for all that is asked for

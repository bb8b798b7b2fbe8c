"""How the emulator's faults happen: to answers, to websockets, and to nodes that run."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import json
import os
import signal
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from aiohttp import web

from ..catalog.nodes import NodeType
from ..catalog.pinned import Catalog
from .breaking import break_socket, broken, elsewhere, huge, noise, streamed
from .faults import Fault
from .folders import Outside, split_annotation
from .parts import Handler, Parts
from .queue import Item
from .spoiling import GARBAGE, NESTED, PAGE, odd_json, spoiled_file, spoiled_values
from .table import Function
from .values import Interrupted, Shown

_STATUS = {
    "404": "Not Found",
    "429": "Too Many Requests",
    "500": "Internal Server Error",
    "502": "Bad Gateway",
    "503": "Service Unavailable",
    "504": "Gateway Timeout",
}
_SAVED = ("blank", "small", "more", "fewer")
_PICTURES = ("swapped", "bomb", "flip", "no-iend", "trailing", "page")
_SOCKETS = ("ws-drop", "ws-silent", "ws-noise")
_LATER_VERSION = "0.99.0"
_CHANGED_CLASS = "SaveImage"
_ENDS = ("restart", "crash", "stuck")
_NODE_FAULTS = ("error", "oom", "ansi")
_RAISED = {
    "error": "The emulator was asked to fail here.",
    "poison": "The emulator was asked to fail over this prompt.",
    "ansi": "\x1b[2J\x1b]0;taken over\x07\r\n::error file=here::not from your CI\n##vso[task.complete]",
}


class OutOfMemoryError(RuntimeError):
    """What PyTorch raises where a GPU's memory is full; clients are told its own module."""


OutOfMemoryError.__module__ = "torch"


@dataclass
class _Live:
    """A fault and how often it could have happened so far."""

    fault: Fault
    count: int = 0

    def due(self) -> bool:
        """Whether it happens this time."""
        self.count += 1
        return self.fault.happens(self.count)


def attach(faults: Sequence[Fault], parts: Parts) -> None:
    """Lets faults happen in a server that has not started."""
    failing = _Failing([_Live(fault) for fault in faults], parts)
    parts.middlewares = (*parts.middlewares, failing.middleware)
    parts.submitted = failing.submitted
    parts.ended = failing.ended
    parts.hub.edit = failing.messages
    parts.executor.around = failing.around
    parts.served = failing.served


class _Failing:
    """The faults of one server. The first of several that are due at once happens."""

    def __init__(self, live: Sequence[_Live], parts: Parts) -> None:
        self.live, self.parts = live, parts
        self._really_served = parts.served
        self._served: tuple[Catalog | None, Catalog | None] = (None, None)
        self._began = time.monotonic()
        self._looks: dict[str, int] = {}
        self._heard: dict[web.WebSocketResponse, tuple[_Live | None, int]] = {}
        self._prompts = 0
        self._turn: int | None = None
        self._text = ""
        self._forgotten: set[int] = set()
        self._repeated: set[str] = set()
        self._finished = 0

    def _due(self, *names: str, where: Callable[[Fault], bool] = lambda fault: True) -> Fault | None:
        """The fault of these kinds that happens now; each that fits counts this time."""
        due = [each.fault for each in self.live if each.fault.kind.name in names and where(each.fault) and each.due()]
        return due[0] if due else None

    def _has(self, name: str) -> Fault | None:
        """A fault of this kind, which is there all the time."""
        return next((each.fault for each in self.live if each.fault.kind.name == name), None)

    # Answers

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Lets faults happen to an answer."""
        path = request.path.removeprefix("/api")
        if (flapping := self._has("flapping")) and (time.monotonic() - self._began) // flapping.seconds % 2:
            return broken(request)
        if path == "/ws":
            if self._due("ws-never"):
                return web.Response(status=403)
            return await handler(request)
        fault = self._of_route(request.method, path)
        if fault is not None and (early := await self._instead(fault, request)) is not None:
            return early
        answer = await handler(request)
        if path == "/system_stats":
            answer = self._stats(answer)
        if path.startswith(("/history", "/jobs")) and request.method == "GET":
            answer = self._history(answer)
        elif path == "/view" and answer.status == 200:
            answer = await self._picture(request, answer)
        return answer if fault is None else await self._spoiled(fault, request, answer)

    def _of_route(self, method: str, path: str) -> Fault | None:
        def meets(fault: Fault) -> bool:
            if fault.kind.what != "ROUTE":
                return False
            return path == fault.what or (path.startswith(fault.what + "/") and fault.what != "/prompt")

        if path == "/prompt" and method != "POST":
            return None
        names = {each.fault.kind.name for each in self.live}
        return self._due(*names, where=meets)

    async def _spoiled(self, fault: Fault, request: web.Request, answer: web.StreamResponse) -> web.StreamResponse:
        """An answer to what has been done, with a fault of the wire."""
        name = fault.kind.name
        if name == "lost":
            return broken(request)
        if name == "504":
            return web.Response(status=504, text=f"504 {_STATUS[name]}")
        if name == "hang":
            while request.transport is not None and not request.transport.is_closing():
                await asyncio.sleep(0.1)
            return answer
        if name in ("empty", "garbage"):
            body = GARBAGE if name == "garbage" else b""
            return web.Response(status=answer.status, body=body, content_type=answer.content_type)
        body = await self._bytes(request, answer)
        if name in ("truncate", "odd"):
            body = odd_json(body) if name == "odd" else body[: len(body) // 2]
            return web.Response(status=answer.status, body=body, content_type=answer.content_type)
        return await streamed(name, request, answer, body)

    async def _bytes(self, request: web.Request, answer: web.StreamResponse) -> bytes:
        """An answer's body; a picture's is the file's."""
        if isinstance(answer, web.Response):
            return bytes(answer.body) if isinstance(answer.body, (bytes, bytearray)) else b""
        name, kind = split_annotation(request.query["filename"])
        kind = kind or request.query.get("type", "output")
        path = self.parts.folders.inside(kind, request.query.get("subfolder", ""), os.path.basename(name))
        return await asyncio.to_thread(path.read_bytes)

    def _history(self, answer: web.StreamResponse) -> web.StreamResponse:
        """A look at what has ended, without what is late or lost."""
        if not isinstance(answer, web.Response) or answer.status != 200 or not answer.text:
            return answer
        told = json.loads(answer.text)
        if "status" in told:  # one of /jobs
            return _no_job() if self._hides_job(told) else answer
        if "jobs" in told:
            left = [job for job in told["jobs"] if not self._hides_job(job)]
            return web.json_response({**told, "jobs": left})
        return web.json_response({id: entry for id, entry in told.items() if not self._hidden(id)})

    def _hides_job(self, job: Mapping[str, Any]) -> bool:
        return job["status"] not in ("pending", "in_progress") and self._hidden(job["id"])

    def _hidden(self, id: str) -> bool:
        if id not in self._looks:
            lost, late = self._due("history-lost"), self._due("history-late")
            self._looks[id] = -1 if lost else late.number if late else 0
        left = self._looks[id]
        self._looks[id] = max(left - 1, 0) if left >= 0 else -1
        return left != 0

    async def _picture(self, request: web.Request, answer: web.StreamResponse) -> web.StreamResponse:
        """A picture, or what comes in its place."""
        if not answer.content_type.startswith("image/"):
            return answer
        fault = self._due(*_PICTURES)
        if fault is None:
            return answer
        body = await asyncio.to_thread(spoiled_file, fault.kind.name, await self._bytes(request, answer))
        return web.Response(body=body, content_type="image/png" if fault.kind.name == "bomb" else answer.content_type)

    def _stats(self, answer: web.StreamResponse) -> web.StreamResponse:
        """What it says of itself, as another version once it is one."""
        upgrade = self._has("upgrade")
        if upgrade is None or self._finished < upgrade.number or not isinstance(answer, web.Response):
            return answer
        told = json.loads(answer.text or "{}")
        told["system"]["comfyui_version"] = _LATER_VERSION
        return web.json_response(told)

    def served(self) -> Catalog:
        """The catalog, with an input more once a class has changed; the same object until there are others."""
        catalog, changed = self._really_served(), self._has("changed")
        if changed is None or self._finished < changed.number:
            return catalog
        if self._served[0] is not catalog:
            node = copy.deepcopy(dict(catalog.raw[_CHANGED_CLASS]))
            node["input"].setdefault("required", {})["needed_now"] = ["STRING", {}]
            raw = {**catalog.raw, _CHANGED_CLASS: node}
            self._served = (catalog, replace(catalog, raw=raw, _read={}))
        found = self._served[1]
        assert found is not None
        return found

    async def _instead(self, fault: Fault, request: web.Request) -> web.StreamResponse | None:
        """The answer to a request that is not looked at."""
        name = fault.kind.name
        if name == "reset":
            return broken(request)
        if name == "html":
            return web.Response(text=PAGE, content_type="text/html")
        if name == "redirect":
            return web.Response(status=302, headers={"Location": elsewhere(request)})
        if name == "nested":
            return web.Response(body=NESTED, content_type="application/json")
        if name == "huge":
            return await huge(request)
        if name in _STATUS and name != "504":
            later = self._has("retry-after")
            told = later.what if later and name in ("429", "503") else "1" if name == "429" else None
            headers = {"Retry-After": told} if told else None
            return web.Response(status=int(name), text=f"{name} {_STATUS[name]}", headers=headers)
        return None

    # Websockets

    def messages(self, socket: web.WebSocketResponse, message: str | bytes) -> Sequence[str | bytes]:
        """What a socket gets to hear instead of a message."""
        if socket not in self._heard:
            self._heard = {known: heard for known, heard in self._heard.items() if not known.closed}
            self._heard[socket] = (next((e for e in self.live if e.fault.kind.name in _SOCKETS and e.due()), None), 0)
        live, count = self._heard[socket]
        self._heard[socket] = (live, count + 1)
        if live is None:
            return (message,)
        if live.fault.kind.name == "ws-noise":
            return (*noise(count), message, message)
        if count < live.fault.number:
            return (message,)
        if live.fault.kind.name == "ws-drop":
            break_socket(socket)
        return ()

    # Prompts

    def submitted(self, body: bytes) -> bytes:
        """A submission; of a partial one, an output without what it needs."""
        try:
            sent = json.loads(body)
            nodes = dict(sent["prompt"])
            types = {id: node["class_type"] for id, node in nodes.items()}
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return body  # it is refused as it stands
        if others := self._due("others"):
            self._add_others(others.number)
        if not self._due("partial"):
            return body
        catalog = self.parts.served()
        outputs = [id for id, name in types.items() if (kind := catalog.get(str(name))) and kind.is_output]
        if len(outputs) > 1:
            nodes[outputs[-1]] = {**nodes[outputs[-1]], "inputs": {}}
        else:
            nodes["partial"] = {"class_type": "PreviewImage", "inputs": {}}
        return json.dumps({**sent, "prompt": nodes}).encode()

    def _add_others(self, count: int) -> None:
        """Puts prompts of somebody else into the queue."""
        for _ in range(count):
            number = self.parts.counter.number({})
            empty = {"width": 64, "height": 64, "batch_size": 1, "color": int(number) + 1}
            prompt = {
                "1": {"class_type": "EmptyImage", "inputs": empty},
                "2": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}},
            }
            self.parts.queue.put(number, str(uuid.uuid4()), prompt, {"client_id": "somebody-else"}, ["2"])

    def ended(self, item: Item, entry: dict[str, Any]) -> dict[str, Any] | None:
        """A prompt's entry for the history; nothing where the server has restarted meanwhile."""
        if item.turn in self._forgotten:
            self._forgotten.discard(item.turn)
            return None
        queue = self.parts.queue
        self._finished += 1
        if self._due("gone"):
            self._delete(entry)
        if item.id not in self._repeated and self._due("again"):
            self._repeated.add(item.id)
            queue.ask_free()  # or it would only show its old files once more
            queue.put(item.number, item.id, item.prompt, item.extra_data, item.outputs)
        if forgetful := self._has("forgetful"):
            known = list(queue.history())
            for id in known[: max(len(known) - max(forgetful.number - 1, 0), 0)]:
                queue.forget(id)
        return entry

    def _delete(self, entry: Mapping[str, Any]) -> None:
        for shown in entry["outputs"].values():
            for file in shown.get("images", ()):
                with contextlib.suppress(Outside, OSError):  # other faults may have made the name one that is none
                    self.parts.folders.inside(file["type"], file["subfolder"], file["filename"]).unlink()

    # Nodes

    def around(self, function: Function, item: Item, kind: NodeType) -> Function:
        """A node's function with what goes wrong in it."""
        ends = None
        if item.turn != self._turn:
            self._turn = item.turn
            self._prompts += 1
            self._text = json.dumps(item.prompt, ensure_ascii=False)
            ends = self._due(*_ENDS, where=lambda fault: fault.number == self._prompts)
            if ends is not None and ends.kind.name == "stuck":  # before the node looks whether it is interrupted
                self._end(ends, item)
        slow = self._due("slow")
        saved = self._due(*_SAVED) if kind.is_output or kind.name == "CreateVideo" else None
        names = self._due("names") if kind.is_output else None
        poison = self._due("poison", where=lambda fault: fault.what in self._text)
        fails = self._due(*_NODE_FAULTS, where=lambda fault: self._meets(fault, item, kind)) or poison

        def failing(*run: Any, **inputs: Any) -> tuple[Any, ...] | Shown:
            if slow is not None:
                self._wait(slow.seconds)
            if ends is not None:
                self._end(ends, item)
            if fails is not None:
                raise _problem(fails)
            if saved is not None:
                inputs = spoiled_values(saved.kind.name, inputs)
            result = function(*run, **inputs)
            return _renamed(result) if names is not None else result

        return failing

    def _end(self, fault: Fault, item: Item) -> None:
        """Ends more than a node. Raises Interrupted, if it comes back at all."""
        if fault.kind.name == "crash":
            os.kill(os.getpid(), signal.SIGKILL)
        if fault.kind.name == "stuck":
            self.parts.executor.stopping.wait()
            raise Interrupted
        self._restart(item)

    def _meets(self, fault: Fault, item: Item, kind: NodeType) -> bool:
        """Whether a node is of the class that a fault names; without one, whether a model runs in it, if in any."""
        if fault.what:
            return fault.what == kind.name
        nodes = (self.parts.executor.catalog.get(node["class_type"]) for node in item.prompt.values())
        return _runs_a_model(kind) or not any(other is not None and _runs_a_model(other) for other in nodes)

    def _wait(self, seconds: float) -> None:
        """Waits, unless the prompt is interrupted or the server stops."""
        executor, end = self.parts.executor, time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if executor.interrupt.wait(min(left, 0.05)) or executor.stopping.is_set():
                executor.interrupt.clear()
                raise Interrupted

    def _restart(self, item: Item) -> None:
        """Forgets prompts and results and breaks all websockets, as the end of a process would."""
        parts = self.parts
        self._forgotten.add(item.turn)
        sockets = list(parts.hub.sockets.values())
        parts.hub.sockets.clear()
        for each in sockets:
            parts.hub.loop.call_soon_threadsafe(break_socket, each)
        parts.queue.wipe()
        parts.queue.forget_all()
        parts.queue.ask_free()
        parts.counter.next = 0
        if others := self._has("others"):
            self._add_others(others.number)
        raise Interrupted


def _no_job() -> web.Response:
    return web.json_response({"error": "Job not found"}, status=404)


def _runs_a_model(kind: NodeType) -> bool:
    """Whether a model turns into pictures or latents here, which is where a GPU's memory goes."""
    given, made = {each.type for each in kind.inputs.values()}, {each.type for each in kind.outputs}
    return bool(given & {"MODEL", "GUIDER", "UPSCALE_MODEL"} and made & {"IMAGE", "LATENT"})


def _problem(fault: Fault) -> Exception:
    if fault.kind.name == "oom":
        return OutOfMemoryError(
            "CUDA out of memory. Tried to allocate 9.00 GiB. GPU 0 has a total capacity of 8.00 GiB of which 0 bytes "
            "is free. The emulator was asked to have no memory left here."
        )
    return RuntimeError(_RAISED[fault.kind.name])


def _renamed(result: tuple[Any, ...] | Shown) -> tuple[Any, ...] | Shown:
    """What a node shows, with names that lead out of any folder."""
    if not isinstance(result, Shown):
        return result

    def renamed(shown: Any) -> Any:
        if isinstance(shown, Mapping) and "filename" in shown:
            return {**shown, "filename": f"../../{shown['filename']}"}
        return shown

    ui = {
        key: [renamed(each) for each in found] if isinstance(found, list) else found for key, found in result.ui.items()
    }
    return replace(result, ui=ui)

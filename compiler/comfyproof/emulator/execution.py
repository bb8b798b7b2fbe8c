"""Runs one prompt at a time, with the events, the cache and the errors of a real server."""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..catalog.nodes import NodeType
from ..catalog.pinned import Catalog
from ..verdict import is_link
from .cache import Cache
from .calls import check_known, described, each, hidden, links, merged
from .events import Hub, encoded, node_facts
from .folders import Folders
from .order import Pending
from .pixels_files import file_hash, file_time
from .queue import Item
from .table import Function, function_of, is_stand_in
from .values import Interrupted, Run, Shown, Step, random_from

_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def _content_of(name: str) -> Callable[[Folders, Mapping[str, Any]], Any]:
    return lambda folders, inputs: file_hash(folders, inputs.get(name))


# The classes that say whether they have changed though their inputs have not, and how they tell.
_CHANGING: Mapping[str, Callable[[Folders, Mapping[str, Any]], Any]] = {
    **dict.fromkeys(("LoadImage", "LoadImageMask", "LoadImageOutput", "WebcamCapture"), _content_of("image")),
    "LoadAudio": _content_of("audio"),
    "LoadLatent": _content_of("latent"),
    "LoadVideo": lambda folders, inputs: file_time(folders, inputs.get("file")),
    "SaveImageWebsocket": lambda folders, inputs: time.time(),
}


@dataclass(frozen=True)
class _Failed(Exception):
    """A node that could not run: what the client is told of it."""

    node: str
    details: Mapping[str, Any]


@dataclass
class _Job:
    """One prompt on its way: what was said of it, and how far its nodes are."""

    item: Item
    client: str | None
    hub: Hub
    messages: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    nodes: dict[str, dict[str, Any]] = field(default_factory=dict)
    executed: list[str] = field(default_factory=list)

    def say(self, event: str, data: Mapping[str, Any], *, to_all: bool = False) -> None:
        """Records a message and sends it to the prompt's client; without one, to all or to nobody."""
        stamped = {**data, "timestamp": int(time.time() * 1000)}
        self.messages.append((event, stamped))
        if self.client is not None or to_all:
            self.hub.send(event, stamped, self.client)

    def tell(self, event: str, data: Mapping[str, Any]) -> None:
        """Sends a message that only the prompt's own client gets, and no record keeps."""
        if self.client is not None:
            self.hub.send(event, {**data, "prompt_id": self.item.id}, self.client)

    def progress(self, node: str, value: float, maximum: float, state: str) -> None:
        """Says how far a node is, with all nodes before it."""
        facts = {"value": value, "max": maximum, "state": state, **node_facts(node, self.item.id)}
        self.nodes[node] = facts
        self.hub.send("progress_state", {"prompt_id": self.item.id, "nodes": self.nodes}, self.client)

    def finished(self, node: str) -> None:
        """Says that a node is done."""
        maximum = self.nodes[node]["max"] if node in self.nodes else 1
        self.progress(node, maximum, maximum, "finished")


class Executor:
    """Runs prompts one after the other and keeps the results of the last one."""

    def __init__(
        self, hub: Hub, catalog: Catalog, folders: Folders, models: Mapping[str, Sequence[str]] | None
    ) -> None:
        self.hub, self.catalog, self.folders, self.models = hub, catalog, folders, models
        self.cache = Cache()
        self.interrupt = threading.Event()
        self.stopping = threading.Event()
        self.session = f"{time.time_ns()}"
        self.around: Callable[[Function, Item, NodeType], Function] | None = None
        self._succeeded = True
        self._seen: tuple[Any, bytes] = (None, b"")

    def forget(self) -> None:
        """Empties the cache, as /free does."""
        self.cache.clear()
        self._succeeded = True

    def run(self, item: Item) -> dict[str, Any]:
        """Runs a prompt and gives its history entry; whatever goes wrong in a node is part of it."""
        self.interrupt.clear()
        job = _Job(item, _client_of(item.extra_data), self.hub)
        self.hub.client_id = job.client
        job.say("execution_start", {"prompt_id": item.id})
        self._stage(job)
        self._run_all(job)
        self.hub.last_node = None
        ui = {id: found for id in item.prompt if (found := self.cache.ui(id)) is not None}
        return {
            "outputs": {id: found["output"] for id, found in ui.items()},
            "status": {
                "status_str": "success" if self._succeeded else "error",
                "completed": self._succeeded,
                "messages": [list(message) for message in job.messages],
            },
            "meta": {id: found["meta"] for id, found in ui.items()},
            "comfyproof": {"stand_ins": self._stand_ins(item.prompt)},
        }

    def failed(self, item: Item, problem: Exception) -> dict[str, Any]:
        """The history entry of a prompt that failed outside any node, for a reason nobody thought of."""
        facts = {"prompt_id": item.id, "node_id": None, "node_type": None, **_described(problem, {})}
        message = ["execution_error", {**facts, "executed": [], "current_outputs": []}]
        status = {"status_str": "error", "completed": False, "messages": [message]}
        return {"outputs": {}, "status": status, "meta": {}, "comfyproof": {"stand_ins": []}}

    def _stand_ins(self, prompt: Mapping[str, Any]) -> list[str]:
        return sorted({node["class_type"] for node in prompt.values() if is_stand_in(node["class_type"])})

    def _kind(self, node: Mapping[str, Any]) -> NodeType:
        kind = self.catalog.get(node["class_type"])
        assert kind is not None  # no prompt with an unknown class is queued
        return kind

    def _stage(self, job: _Job) -> None:
        prompt = job.item.prompt
        self.cache.set_prompt(
            prompt,
            changed=lambda id: self._changed(prompt[id]),
            own_id=lambda id: ("UNIQUE_ID", True) in hidden(self.catalog, prompt[id]["class_type"]).values(),
        )
        cached = [id for id in prompt if self.cache.get(id) is not None]
        job.say("execution_cached", {"nodes": cached, "prompt_id": job.item.id})

    def _changed(self, node: dict[str, Any]) -> Any:
        """A node's IS_CHANGED value, which ComfyUI writes into the prompt (and so into the PNG)."""
        name = node["class_type"]
        if name not in _CHANGING:
            return False
        if "is_changed" not in node:
            try:
                check_known(self._kind(node), [key for key, value in node["inputs"].items() if is_link(value)])
                node["is_changed"] = [_CHANGING[name](self.folders, node["inputs"])]
            except Exception:  # as in ComfyUI: whatever it is, the node counts as changed
                node["is_changed"] = float("nan")
        return node["is_changed"]

    def _run_all(self, job: _Job) -> None:
        prompt = job.item.prompt
        pending = Pending(
            prompt,
            job.item.outputs,
            lambda id: self.cache.get(id) is not None,
            lambda id: self._kind(prompt[id]).is_output,
            lambda id: bool(self.catalog.raw[prompt[id]["class_type"]].get("api_node")),
        )
        try:
            while pending:
                id = pending.pick()
                if id is None:  # ComfyUI leaves its success as the last node had it
                    job.say("execution_error", self._blame(job, pending.first(), _CYCLE))
                    return
                self._succeeded = False
                self._run_node(job, id)
                self._succeeded = True
                pending.ran(id)
        except _Failed as failed:
            job.say("execution_error", self._blame(job, failed.node, failed.details))
        except Interrupted as stopped:
            job.say("execution_interrupted", self._blame(job, str(stopped), {}, outputs=False), to_all=True)
        else:
            job.say("execution_success", {"prompt_id": job.item.id})

    def _blame(self, job: _Job, id: str, details: Mapping[str, Any], *, outputs: bool = True) -> dict[str, Any]:
        facts = {
            "prompt_id": job.item.id,
            "node_id": id,
            "node_type": job.item.prompt[id]["class_type"],
            "executed": list(job.executed),
            **details,
        }
        return {**facts, "current_outputs": list(job.item.prompt)} if outputs else facts

    def _run_node(self, job: _Job, id: str) -> None:
        if self.cache.get(id) is not None:
            shown = self.cache.ui(id) or {}
            job.tell("executed", {"node": id, "display_node": id, "output": shown.get("output")})
            job.finished(id)
            return
        job.progress(id, 0.0, 1.0, "running")
        given: dict[str, Sequence[Any]] = {}
        try:
            given = self._given(job, id)
            self.hub.last_node = id if job.client is not None else None
            job.tell("executing", {"node": id, "display_node": id})
            outputs, ui = self._results(job, id, given)
        except Interrupted:
            raise Interrupted(id) from None
        except Exception as problem:  # a node may fail in any way; the server lives on
            raise _Failed(id, _described(problem, given)) from None
        kept = None
        if ui:
            meta = {"node_id": id, "display_node": id, "parent_node": None, "real_node_id": id}
            kept = {"meta": meta, "output": ui}
            job.tell("executed", {"node": id, "display_node": id, "output": ui})
        self.cache.put(id, outputs, kept)
        job.finished(id)
        job.executed.append(id)

    def _given(self, job: _Job, id: str) -> dict[str, Sequence[Any]]:
        """All that a node gets, hidden things too."""
        node, extra_data = job.item.prompt[id], job.item.extra_data
        given = links(node, self._kind(node), self.cache)
        for name, (kind, argument) in hidden(self.catalog, node["class_type"]).items():
            pnginfo = extra_data.get("extra_pnginfo") if kind == "EXTRA_PNGINFO" else None
            if argument:
                given[name] = ({"PROMPT": job.item.prompt, "UNIQUE_ID": id}.get(kind, pnginfo),)
        return given

    def _results(
        self, job: _Job, id: str, given: Mapping[str, Sequence[Any]]
    ) -> tuple[list[list[Any]], Mapping[str, Any] | None]:
        node = job.item.prompt[id]
        kind = self._kind(node)
        secret = hidden(self.catalog, kind.name)
        function = function_of(kind)
        if self.around is not None:
            function = self.around(function, job.item, kind)
        letters = random_from(self.session, id).integers(0, len(_LETTERS), 5)
        kinds = [name for name, _ in secret.values()]
        run = Run(
            folders=self.folders,
            prompt=job.item.prompt,
            extra_pnginfo=job.item.extra_data.get("extra_pnginfo") if "EXTRA_PNGINFO" in kinds else None,
            step=lambda step: self._step(job, id, step),
            session="".join(_LETTERS[letter] for letter in letters),
            text=lambda text: self.hub.text(text, id),
        )

        def call(**values: Any) -> tuple[Any, ...] | Shown:
            self._check_interrupt(id)
            check_known(kind, values)
            self._check_files(kind, values)
            with np.errstate(all="ignore"):  # what a prompt makes of its numbers is no news to this machine's user
                return function(run, **values)

        visible = {name: values for name, values in given.items() if name not in secret}
        return merged(each(kind, visible, call), self.catalog.raw[kind.name].get("output_is_list") or ())

    def _check_files(self, kind: NodeType, inputs: Mapping[str, Any]) -> None:
        """A file that validation let pass and loading does not find."""
        if self.models is None:
            return
        for declared in kind.inputs.values():
            listed = self.models.get(declared.folder or "")
            name = inputs.get(declared.name)
            if listed is not None and not declared.checked and name is not None and name not in listed:
                raise FileNotFoundError(f"Model in folder '{declared.folder}' with filename '{name}' not found.")

    def _check_interrupt(self, id: str) -> None:
        if self.interrupt.is_set() or self.stopping.is_set():
            self.interrupt.clear()
            raise Interrupted(id)

    def _step(self, job: _Job, id: str, step: Step) -> None:
        self._check_interrupt(id)
        self.hub.wait()
        prompt_id, client = job.item.id, job.client
        job.progress(id, step.value, step.maximum, "running")
        seen = step.preview is not None and self.hub.has_listeners(client)
        metadata = self.hub.knows_metadata(client)
        if seen and metadata:
            self.hub.preview(self._picture(step), id, prompt_id, client)
        data = {"value": step.value, "max": step.maximum, "prompt_id": prompt_id, "node": id}
        self.hub.send("progress", data, client)
        if seen and not metadata:
            self.hub.preview(self._picture(step), id, prompt_id, client)

    def _picture(self, step: Step) -> bytes:
        """A step's preview, drawn once for all steps that show the same."""
        if self._seen[0] is not step.preview:
            assert step.preview is not None
            self._seen = (step.preview, encoded(step.preview(), lossless=step.lossless))
        return self._seen[1]


_CYCLE: Mapping[str, Any] = {
    "exception_message": "Dependency cycle detected",
    "exception_type": "graph.DependencyCycleError",
    "traceback": [],
    "current_inputs": [],
}


def _client_of(extra_data: Any) -> str | None:
    client = extra_data.get("client_id") if isinstance(extra_data, dict) else None
    return None if client is None else str(client)


def _described(problem: Exception, given: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
    """An exception as clients are told of it: a message, its type and where it arose, and what the node was given."""
    kind = type(problem)
    module = "" if kind.__module__ == "builtins" else kind.__module__ + "."
    return {
        "exception_message": f"{problem}\n",
        "exception_type": module + kind.__qualname__,
        "traceback": traceback.format_tb(problem.__traceback__),
        "current_inputs": described(given),
    }

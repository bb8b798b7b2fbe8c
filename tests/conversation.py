"""A conversation with a server: played step by step, and told in a form in which two of them can be compared.

The steps are lists, so that they can be kept as data:

    ["open", "A", {"supports_preview_metadata": true}]      a websocket under the client id A, and its features
    ["send", {"method": "POST", "path": "/prompt", "json": {...}}]
    ["done", "p1"]                                           the first prompt that was accepted is over
    ["hear", "A", "progress", 3]                             A has heard three messages that begin so when told
    ["say", "A", "text"]                                     A sends a text
    ["close", "A"]
    ["entry"]                                                the history entry of the last prompt
    ["picture", "p1"]                                        what is written into the first PNG of a prompt

In what is sent, `<A>` is the client id of A, `<p1>` the id of the first prompt. The answer to a request that is
"quiet" is not compared.
"""

from __future__ import annotations

import io
import itertools
import json
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
from PIL import Image

from comfyproof import png
from emulator_client import TIMEOUT, Socket

Step = Sequence[Any]
_WITHOUT_CLIENT = "nobody"


@dataclass
class Heard:
    """What came of a conversation: requests with their answers, and what each websocket heard."""

    http: list[dict[str, Any]] = field(default_factory=list)
    sockets: dict[str, list[Any]] = field(default_factory=dict)
    pictures: list[dict[str, Any]] = field(default_factory=list)
    clients: dict[str, str] = field(default_factory=dict)

    def aliases(self) -> dict[str, str]:
        """What stands for the ids of this conversation, longer ids first."""
        found = {id: f"<{name}>" for name, id in self.clients.items()}
        found |= {id: f"<p{n}>" for n, id in reversed(list(enumerate(self.prompts(), 1))) if len(id) > 4}
        return dict(sorted(found.items(), key=lambda pair: -len(pair[0])))

    def prompts(self) -> list[str]:
        """The ids of the prompts that were accepted, in order."""
        answers = [e["answer"] for e in self.http if e["path"].endswith("/prompt") and e["method"] == "POST"]
        return [str(a["json"]["prompt_id"]) for a in answers if a["status"] == 200]


class Player:
    """Plays steps to a server. Raises AssertionError where a step cannot be played."""

    def __init__(self, url: str, stretch: Sequence[int] | None = None) -> None:
        self.url, self.stretch = url, stretch
        self.heard = Heard()
        self.http = requests.Session()
        self.open: dict[str, Socket] = {}
        self.owner: dict[str, str] = {}

    def play(self, steps: Sequence[Step]) -> Heard:
        """Plays all steps and hangs up."""
        try:
            for name, *rest in steps:
                getattr(self, "do_" + name)(*rest)
        finally:
            for name in list(self.open):
                self.do_close(name)
            self.http.close()
        return self.heard

    def do_open(self, name: str, flags: Mapping[str, bool] | None = None) -> None:
        id = name.rstrip("'")  # A and A' are two sockets of one client
        self.heard.clients.setdefault(id, f"{id}-{uuid.uuid4().hex}")
        socket = Socket(self.url, self.heard.clients[id], **flags or {})
        self.open[name] = socket
        self.heard.sockets[name] = socket.heard
        self.do_hear(name, "status", 1)
        if flags:
            self.do_hear(name, "features", 1)

    def do_say(self, name: str, text: str) -> None:
        self.open[name].socket.send(text)

    def do_close(self, name: str) -> None:
        self.open.pop(name).close()

    def do_hear(self, name: str, start: str, count: int = 1) -> None:
        wanted = self.actual(start)
        socket = self.open[name]
        left = count - sum(line(message).startswith(wanted) for message in socket.heard)
        while left > 0:
            socket.until(lambda message: line(message).startswith(wanted))
            left -= 1

    def do_send(self, request: Mapping[str, Any]) -> None:
        accepted = len(self.heard.prompts())
        submits = request["method"] == "POST" and request["path"].endswith("/prompt")
        client = (request.get("json") or {}).get("client_id") if isinstance(request.get("json"), dict) else None
        owner = str(client).strip("<>") if str(client).strip("<>") in self.open else _WITHOUT_CLIENT
        if submits and owner == _WITHOUT_CLIENT:
            self.open[owner] = Socket(self.url, uuid.uuid4().hex)
            self.open[owner].until(lambda message: line(message).startswith("status"))
        self.heard.http.append({**request, "answer": self.answer(request)})
        if len(self.heard.prompts()) > accepted:
            self.owner[f"p{accepted + 1}"] = owner
        elif submits and owner == _WITHOUT_CLIENT:
            self.do_close(owner)

    def do_done(self, prompt: str) -> None:
        owner = self.owner.get(prompt)
        if owner is None:  # it was not accepted, which its answer says
            return
        if owner == _WITHOUT_CLIENT:
            self.open[owner].until(lambda message: line(message) == "status 0")
            self.do_close(owner)
        else:
            self.do_hear(owner, f"executing <{prompt}> null")

    def do_entry(self) -> None:
        """Looks up the last prompt in the history."""
        id = (self.heard.prompts() or [""])[-1]
        entries = self.http.get(self.url + "/history", timeout=TIMEOUT).json()
        self.heard.http.append({"method": "GET", "path": "entry", "answer": {"entry": entries.get(id)}})

    def do_picture(self, prompt: str) -> None:
        """Looks into the first PNG that a prompt saved."""
        id = self.actual(f"<{prompt}>")
        outputs = self.http.get(f"{self.url}/history/{id}", timeout=TIMEOUT).json()[id]["outputs"]
        image = next(iter(outputs.values()))["images"][0]
        data = self.http.get(self.url + "/view", params=image, timeout=TIMEOUT).content
        with Image.open(io.BytesIO(data)) as opened:
            self.heard.pictures.append({
                "mode": opened.mode,
                "size": list(opened.size),
                "texts": dict(opened.text),
                "chunks": [kind for kind, _ in png.chunks(data)],
            })  # fmt: skip

    def actual(self, text: str) -> str:
        """A text with the ids of this conversation in place of their names."""
        for name, id in self.heard.clients.items():
            text = text.replace(f"<{name}>", id)
        for number, id in enumerate(self.heard.prompts(), 1):
            text = text.replace(f"<p{number}>", id)
        return text

    def answer(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Sends a request, and what came back."""
        options: dict[str, Any] = {"headers": dict(request.get("headers") or {})}
        if "json" in request:
            text = self.actual(json.dumps(request["json"]))
            if self.stretch:
                text = text.replace(*(f'"steps": {steps}' for steps in self.stretch))
            options["data"] = text.encode()
        elif "text" in request:
            options["data"] = self.actual(request["text"]).encode("utf-8", "surrogateescape")
        elif "files" in request:
            files = {key: (name, _content(letter)) for key, (name, letter) in request["files"].items()}
            options["files"] = {**{key: (None, value) for key, value in request["fields"].items()}, **files}
        url = self.url + self.actual(request["path"])
        got = self.http.request(request["method"], url, timeout=TIMEOUT, allow_redirects=False, **options)
        told: dict[str, Any] = {"status": got.status_code, "type": got.headers.get("Content-Type")}
        kind = (told["type"] or "").partition(";")[0]
        if kind == "application/json":
            told["json"] = got.json()
        elif kind.startswith("text/") or not got.content:
            told["text"] = got.text
        else:
            told["bytes"] = got.content[:4].hex()
        return told


def _content(letter: str) -> bytes:
    """What is uploaded under a letter: a text, a mask or a picture of that letter's own shade."""
    if letter == "T":
        return b"hello"
    mode, colour = ("RGBA", (0, 0, 0, 100)) if letter == "M" else ("RGB", (ord(letter), 0, 0))
    image = Image.new(mode, (4, 4), colour)
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


def furnish(folder: Path) -> None:
    """Puts the pictures of the recorded servers into an input folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, side, mode in [("in64.png", 64, "RGB"), ("in256.png", 256, "RGB"), ("rgba64.png", 64, "RGBA")]:
        picture = Image.radial_gradient("L").resize((side, side)).convert(mode)
        picture.save(folder / name, "PNG")


def line(message: Any) -> str:
    """A websocket message in one line."""
    if isinstance(message, (bytes, bytearray)):
        return _binary(bytes(message))
    kind, data = message["type"], message["data"]
    if kind == "status":
        return f"status {data['status']['exec_info']['queue_remaining']}{' sid' if 'sid' in data else ''}"
    if kind == "feature_flags":
        return "features " + _plain(data)
    at = f" {data['prompt_id']}" if "prompt_id" in data else ""
    if kind == "executing":
        node = "null" if data["node"] is None else data["node"]
        known = set(data) <= {"node", "display_node", "prompt_id"} and data.get("display_node", data["node"]) == node
        return f"executing{at} {node}" if known or data["node"] is None else f"executing {_plain(data)}"
    if kind == "progress":
        return f"progress{at} {data['node']} {data['value']:g}/{data['max']:g}"
    if kind == "progress_state":
        return f"state{at} " + _states(data["nodes"])
    rest = {key: value for key, value in data.items() if key not in ("prompt_id", "timestamp")}
    stamped = "" if ("timestamp" in data) == (kind in _STAMPED) else " (timestamp)"
    return f"{kind}{at} {_plain(rest)}{stamped}"


_STAMPED = {
    "execution_start", "execution_cached", "execution_success", "execution_error", "execution_interrupted",
}  # fmt: skip


def _states(nodes: Mapping[str, Any]) -> str:
    """The node that a progress_state is about: the last, where all before it are finished."""
    told = [f"{id}:{node['value']:g}/{node['max']:g}:{node['state']}" for id, node in nodes.items()]
    finished = all(node["state"] == "finished" and node["value"] == node["max"] for node in list(nodes.values())[:-1])
    names = all(
        (node["node_id"], node["display_node_id"], node["real_node_id"], node["parent_node_id"]) == (id, id, id, None)
        for id, node in nodes.items()
    )
    if finished and names and nodes:
        return f"{len(nodes)} nodes, {told[-1]}"
    return _plain(nodes)


def _binary(message: bytes) -> str:
    event, about = int.from_bytes(message[:4], "big"), int.from_bytes(message[4:8], "big")
    if event == 1:
        return f"preview {about} {_magic(message[8:])}"
    if event == 3:
        return f"text {message[8 : 8 + about].decode()}: {message[8 + about :].decode()!r}"
    if event == 4:
        facts = json.loads(message[8 : 8 + about])
        return f"preview with {_plain(facts)} {_magic(message[8 + about :])}"
    return f"binary {event}"


def _magic(data: bytes) -> str:
    return "JPEG" if data[:2] == b"\xff\xd8" else "PNG" if data[:4] == b"\x89PNG" else "unknown"


def _plain(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


@dataclass
class Names:
    """The names of files, numbered in the order in which they come up, one series for each prefix."""

    known: dict[str, dict[str, int]] = field(default_factory=dict)

    def of(self, match: re.Match[str]) -> str:
        """A name with its place in its series for its counter."""
        prefix = re.sub(r"ComfyUI_temp_[a-z]{5}", "ComfyUI_temp_?", match[1])
        series = self.known.setdefault(prefix, {})
        return f"{prefix}_#{series.setdefault(match[0], len(series) + 1)}_"


_FILE = re.compile(r'([^"/\\]*?)_(\d{5})_(?=\.)')
_HASH = re.compile(r"\b[0-9a-f]{64}\b")
_PATH = re.compile(r"'/[^']*/([^'/]+)'")
_DATE = re.compile(r"\b\d{4}-\d\d-\d\d(?=_)")
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{6,}")
_STEPS = re.compile(r"state (\S+) \d+ nodes, (.+):[1-9]\d*/\d+:running|progress (\S+) (.+) \d+/\d+|preview.*")


def told(
    heard: Heard, names: Names, *, stretch: Sequence[int] | None = None, only: Sequence[str] = ()
) -> dict[str, Any]:
    """A conversation without what another time, server or machine makes different.

    `stretch` is how many steps a sampler has, and how many when it is played, so that there is time to break in: how
    many of them were reported is left out then. `only` are the kinds of message to keep.
    """
    aliases = heard.aliases()

    def text(value: Any) -> Any:
        dumped = json.dumps(value, sort_keys=True, ensure_ascii=False)
        for id, alias in aliases.items():
            dumped = dumped.replace(id, alias)
        dumped = json.dumps(json.loads(dumped), sort_keys=True, ensure_ascii=False)
        if stretch:
            dumped = dumped.replace(*(f'"steps": {steps}' for steps in reversed(stretch)))
        dumped = _DATE.sub("(date)", _HASH.sub("(hash)", _ADDRESS.sub("0x", dumped)))
        return json.loads(_FILE.sub(names.of, _PATH.sub(r"'(folder)/\1'", dumped)))

    answers = [text(_settled(exchange["answer"])) for exchange in heard.http if not exchange.get("quiet")]
    sockets = {}
    for name, messages in heard.sockets.items():
        lines = [text(line(_settled(m) if isinstance(m, dict) else m)) for m in messages]
        lines = [one for one in lines if not only or one.startswith(tuple(only))]
        events = [one for one in lines if not one.startswith("status")]
        turns = [one for one in lines if one.startswith(("status", "execution_")) or one.endswith(" null")]
        short = [one.partition(">")[0] + ">" if one.startswith("execution_") else one for one in turns]
        sockets[name] = {"events": _loosened(events) if stretch else events, "turns": short}
    pictures = [text(picture) for picture in heard.pictures]
    return {"answers": answers, "sockets": sockets, "pictures": pictures}


def _loosened(events: Sequence[str]) -> list[str]:
    """Events with a sampler's steps as one line: which kinds of message there were."""
    found: list[str] = []
    events = [re.sub(r":(\d+)/\1:finished", ":all:finished", one) for one in events]
    for steps, group in itertools.groupby(events, lambda one: _STEPS.fullmatch(one) is not None):
        if steps:
            found.append("steps: " + ", ".join(sorted({one.split()[0] for one in group})))
        else:
            found += group
    return found


def _settled(value: Any) -> Any:
    """A JSON value without times and paths, and with what is a set in the server as a sorted list."""
    if isinstance(value, list):
        return [_settled(item) for item in value]
    if not isinstance(value, dict):
        return value
    found = {}
    for key, item in value.items():
        if key == "timestamp":
            item = 0
        elif key == "traceback" and isinstance(item, (list, str)):
            item = "some lines" if item else []
        elif key == "current_inputs" and isinstance(item, dict):
            item = {name: _shown(values) for name, values in item.items()}
        elif key in ("executed", "current_outputs", "nodes", "dependent_outputs") and _is_ids(item):
            item = sorted(item)
        elif key == "errors" and isinstance(item, list):
            item = sorted((_settled(one) for one in item), key=_plain)
        elif key == "prompt" and isinstance(item, list) and len(item) == 5:
            item = [*(_settled(part) for part in item[:4]), sorted(item[4])]
        elif key in ("queue_running", "queue_pending"):
            item = [[*(_settled(part) for part in one[:4]), sorted(one[4])] for one in item]
        else:
            item = _settled(item)
        found[key] = item
    return found


def _is_ids(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _shown(values: Any) -> Any:
    """What a failed node was given: plain values as they are, a text of anything else as its presence."""
    if not isinstance(values, list):
        return values
    return ["(shown)" if isinstance(v, str) and re.search(r"[\[{(<]", v) else v for v in values]


def differences(expected: Any, got: Any, at: str = "") -> list[str]:
    """Where two told conversations differ: a path, what was expected, and what came."""
    if isinstance(expected, dict) and isinstance(got, dict):
        keys = [*expected, *(key for key in got if key not in expected)]
        return [
            found
            for key in keys
            for found in differences(expected.get(key, "(absent)"), got.get(key, "(absent)"), f"{at}.{key}")
        ]
    if isinstance(expected, list) and isinstance(got, list):
        found = []
        for number, (one, other) in enumerate(itertools.zip_longest(expected, got, fillvalue="(absent)")):
            if one != other:
                found += differences(one, other, f"{at}[{number}]")
        return found
    same = expected == got and type(expected) is type(got)
    return [] if same else [f"{at.lstrip('.')}: {_plain(expected)} is {_plain(got)}"]

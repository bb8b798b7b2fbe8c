"""Makes expectations for `test_conformance.py` out of recorded conversations with a real ComfyUI 0.3.64.

    python tests/record_conformance.py FOLDER

A recording has the requests with their answers in order, and the websocket messages, but not when a request was sent,
nor what ran before. PLANS says that. What is written is what `conversation.told` keeps of it: no ids, times, counters.
"""

from __future__ import annotations

import gzip
import json
import re
import struct
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from conversation import Heard, Names, told

HERE = Path(__file__).parent / "conformance"
SD15 = "d_interrupt_global"  # its prompt: a checkpoint and a KSampler of 200 steps
TINY = "a3_tiny_no_models"
NEXT, REST, STOP = ["next"], ["rest"], ["quiet", "/interrupt", {}]
ONE = [["open", "A"], NEXT, ["done", "p1"], REST]
STOPPED = [["open", "A"], NEXT, ["hear", "A", "progress"], NEXT, ["done", "p1"], REST]
HISTORY = [part for n in range(5) for part in (["post", "k_history_queue", n], ["done", f"p{n + 1}"])]
PNG = [NEXT, ["done", "p1"], ["picture", "p1"]]

VIEWED = {
    "1": {"class_type": "LoadImage", "inputs": {"image": "rgba64.png"}},
    "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "viewsub/v"}},
}

# By session, one server each, in the order in which they were made: the steps of each recording, and how to read it.
# "stretch" are steps of samplers that are more when played, so that there is time to break in; "only" are the kinds of
# message that were recorded; "tail" is for what was recorded of a conversation that had begun before.
PLANS: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    "production": {name: {} for name in (
        "a_good_run_production_256", "b_fully_cached_production_256", "core_variant_production_64_to_128",
        "a_good_run_production_64_to_128", "b_fully_cached_production_64_to_128",
        "c_partly_cached_denoise_changed_production_64_to_128",
        "a_good_run_production_64_to_128_bf16_taef1_bogus_lora", "c2_denoise_changed_bf16_taef1",
        "x_production_256_to_512_bf16_taef1",
    )},
    "checkpoint": {
        "a_good_run_sd15": {}, "b_fully_cached_sd15": {}, "c_partly_cached_denoise_changed_sd15": {},
        "a2_good_run_sd15_supports_preview_metadata_flag": {
            "steps": [["open", "A", {"supports_preview_metadata": True}], NEXT, ["done", "p1"], REST],
        },
        "a3_tiny_no_models": {}, "b3_tiny_fully_cached": {}, "a4_no_client_id_ws_sees": {
            "steps": [["open", "A"], NEXT, ["done", "p1"], ["hear", "A", "status 0", 2], REST],
        },
        "f_execution_error_vae_channel_mismatch": {}, "f2_execution_error_sd15_latent_into_flux_vae": {},
        "f3_execution_error_clip_none": {},
    },
    "queue": {
        "d_interrupt_global": {"steps": STOPPED, "stretch": [200, 10_000]},
        "d_interrupt_with_prompt_id": {"steps": STOPPED, "stretch": [200, 10_000]},
        "d_interrupt_empty_body": {"steps": STOPPED, "stretch": [200, 10_000]},
        "d_interrupt_unknown_then_pending_then_running_id": {
            "steps": [["open", "A"], NEXT, ["hear", "A", "progress"], NEXT, NEXT, NEXT, NEXT, NEXT, ["done", "p1"],
                      ["done", "p2"], REST],
            "stretch": [200, 10_000],
        },
        "d_interrupt_while_idle_then_run": {"steps": [["open", "A"], NEXT, NEXT, ["done", "p1"], REST]},
        "d_interrupt_bad_bodies": {
            "steps": [["open", "A"], ["post", SD15, 0], ["hear", "A", "progress"], NEXT, NEXT, ["done", "p1"]],
            "stretch": [200, 10_000], "tail": True,
        },
        "e_queue_delete_and_clear": {
            "steps": [["open", "A"], NEXT, ["hear", "A", "progress"], REST, STOP, ["done", "p1"]],
            "stretch": [150, 10_000],
        },
        "e_front_and_number_order": {
            "steps": [["open", "A"], NEXT, ["hear", "A", "progress"], REST, STOP, ["done", "p3"]],
            "stretch": [6, 10_000], "only": ["status", "execution_start"],
        },
        "h_reconnect_same_clientId_after_drop": {
            "steps": [["open", "A"], NEXT, ["hear", "A", "progress", 3], ["close", "A"], ["open", "A'"],
                      ["hear", "A'", "executing <p1> null"]],
            "stretch": [40, 3_000],
        },
        "h_second_ws_same_clientId_while_first_open": {
            "steps": [["open", "A"], NEXT, ["hear", "A", "preview"], ["open", "A'"],
                      ["hear", "A'", "executing <p1> null"]],
            "stretch": [25, 1_000],
        },
        "h_stale_first_socket_closed_second_still_gets_messages": {
            "steps": [["open", "A"], ["open", "A'"], ["close", "A"], NEXT, ["done", "p1"]],
        },
        "i_two_clients": {
            "steps": [["open", "A"], ["open", "B"], NEXT, ["hear", "A", "progress"], NEXT, ["done", "p1"],
                      ["done", "p2"], ["hear", "A", "status 0", 2]],
            "stretch": [3, 1_000],
        },
        "k_history_queue": {
            "steps": [["quiet", "/history", {"clear": True}], ["quiet", "/free", {"free_memory": True}], ["open", "A"],
                      *HISTORY, *[NEXT] * 20, ["open", "B"], ["post", "k_history_queue", 4, "<B>"],
                      ["done", "p6"], REST],
            "number": 23,
        },
        "k_free_burst_of_4_posts_then_rerun_still_cached_lost_wakeup": {
            "steps": [NEXT, NEXT, NEXT, NEXT, ["open", "A"], NEXT, ["done", "p1"]],
        },
        "k_free_single_posts_effect_on_cache": {
            "steps": [["quiet", "/free", {"free_memory": True}], ["open", "A"],
                      ["post", TINY, 0], ["done", "p1"], ["post", TINY, 0], ["done", "p2"],
                      ["quiet", "/free", {"unload_models": True}], ["post", TINY, 0], ["done", "p3"],
                      ["quiet", "/free", {"free_memory": True}], ["post", TINY, 0], ["done", "p4"],
                      ["quiet", "/free", {"unload_models": True, "free_memory": True}],
                      ["post", TINY, 0], ["done", "p5"]],
            "only": ["execution_cached"],
        },
        "l_png_metadata/plain": {"steps": PNG}, "l_png_metadata/with_workflow": {"steps": PNG},
        "l_png_metadata_disable_metadata/plain": {"steps": PNG},
        "l_png_metadata_disable_metadata/with_workflow": {"steps": PNG},
    },
    "uploads": {"j_upload_view": {"steps": [["quiet", "/prompt", {"prompt": VIEWED}], ["done", "p1"], REST]}},
    "prompts": {"g_validation_all_cases/": {}},
    "prompts after a restart": {
        "g_validation_all_cases/extra_data_list": {}, "g_validation_all_cases/extra_data_null_KILLS_WORKER": {},
    },
}  # fmt: skip

_SOCKETS = {
    "ws": "A", "ws_A": "A", "ws_B": "B", "ws_first": "A", "ws_second": "A'", "ws_second_after": "A'",
    "ws_after_clear_rerun_of_last": "B",
}  # fmt: skip
# What was uploaded in turn, as `conversation.CONTENTS` has it: the recordings have the names, not the bytes.
_UPLOADED = "AABBCDEABABAAAAAAA-A-TA-MMMMM"


@dataclass
class Recording:
    """One recording in one shape, whatever its file looks like."""

    exchanges: list[dict[str, Any]]
    sockets: dict[str, list[Any]]
    ids: list[str]
    prompts: list[dict[str, Any]] = field(default_factory=list)
    pictures: list[dict[str, Any]] = field(default_factory=list)


def read(folder: Path) -> dict[str, Recording]:
    """All recordings of a folder by name; one of several conversations gives several."""
    found = {}
    for path in sorted(folder.glob("*.json")):
        raw = json.loads(path.read_text(encoding="utf-8"))
        if "cases" in raw:
            found |= {f"{path.stem}/{case['case']}": _case(case) for case in raw["cases"]}
        elif path.stem.startswith("l_"):
            found |= {f"{path.stem}/{key}": _picture(value) for key, value in raw.items()}
        elif isinstance(raw, list):
            found[path.stem] = _cached_only(raw)
        else:
            found[path.stem] = _whole(raw)
    return found


def _whole(raw: Mapping[str, Any]) -> Recording:
    exchanges = [_exchange(entry["request"], entry["response"]) for entry in raw["http"]]
    for exchange, letter in zip(exchanges, _UPLOADED, strict=False):
        for file in exchange.get("files", {}).values():
            file[1] = letter
    if "history" in raw and "status" in raw["history"]:
        exchanges.append(_exchange({"method": "GET", "path": "/history/<p1>", "body": None}, raw["history"]))
    sockets = {_SOCKETS[key]: [_message(m) for m in raw[key] if "exception" not in m] for key in raw if key in _SOCKETS}
    if "ws_second_after" in raw:  # the recording begins after what every socket hears first
        sockets["A'"] = [{"type": "status", "data": {"status": {"exec_info": {"queue_remaining": 0}}, "sid": "<A>"}}]
    messages = [m["data"] for heard in sockets.values() for m in heard if isinstance(m, dict)]
    ids = [*raw.get("ids", []), *(data["prompt_id"] for data in messages if "prompt_id" in data)]
    first = raw["http"][0]
    listed = first["response"]["json"].values() if first["request"]["path"] == "/history" else []
    return Recording(exchanges, sockets, list(dict.fromkeys(ids)), [entry["prompt"][2] for entry in listed])


def _case(case: Mapping[str, Any]) -> Recording:
    exchanges = [_exchange(case["request"], case["response"])]
    if "history" in case:
        entry = case["history"]
        if "status" in entry and "headers" in entry:
            exchanges.append(_exchange({"method": "GET", "path": "/history/<p1>", "body": None}, entry))
        else:
            exchanges.append({"method": "GET", "path": "entry", "answer": {"entry": entry}})
    return Recording(exchanges, {}, [])


def _picture(raw: Mapping[str, Any]) -> Recording:
    answer = {"status": 200, "json": {"prompt_id": "some-prompt-id"}}
    chunks = [kind for kind, _ in raw["png_chunks"]]
    picture = {"mode": raw["mode"], "size": raw["size"], "texts": raw["text"], "chunks": chunks}
    return Recording([{**_request(raw["request"]), "quiet": True, "answer": answer}], {}, [], pictures=[picture])


def _cached_only(raw: list[Any]) -> Recording:
    ids = [f"prompt-number-{n}" for n in range(len(raw))]
    data = [{"nodes": lists[0], "prompt_id": id, "timestamp": 0} for id, (_, lists) in zip(ids, raw, strict=True)]
    return Recording([], {"A": [{"type": "execution_cached", "data": one} for one in data]}, ids)


def _exchange(request: Mapping[str, Any], response: Mapping[str, Any]) -> dict[str, Any]:
    answer = {"status": response["status"], "type": response["headers"].get("Content-Type")}
    for key in ("json", "text"):
        if key in response:
            answer[key] = response[key]
    if "bytes" in response:
        answer["bytes"] = response["bytes"].partition("first16=")[2][:8]
    return {**_request(request), "answer": answer}


def _request(raw: Mapping[str, Any]) -> dict[str, Any]:
    request: dict[str, Any] = {"method": raw["method"], "path": raw["path"].replace("<ComfyUI>", "/")}
    body, kind = raw["body"], raw.get("headers", {}).get("Content-Type")
    if "files" in raw:
        files = {key: [name.replace("<path>", "/a/b.png"), ""] for key, (name, *_) in raw["files"].items()}
        request |= {"fields": raw["fields"], "files": files}
    elif isinstance(body, str):
        request |= {"text": "{}" if body.startswith("<") else body, "headers": {"Content-Type": kind}}
    elif body is not None:
        request |= {"json": body, "headers": {"Content-Type": kind}}
    return request


def _message(raw: Mapping[str, Any]) -> Any:
    """A websocket message as a client gets it; of a picture its first bytes."""
    if "text" in raw:
        return raw["text"]
    facts = raw["binary"]
    picture = bytes.fromhex(facts["payload_magic"])
    if facts["event"] == 4:
        about = json.dumps(facts["metadata"]).encode()
        return struct.pack(">II", 4, len(about)) + about + picture
    return struct.pack(">II", facts["event"], facts["image_type"]) + picture


class Plan:
    """What is played for one recording, and what is expected then."""

    def __init__(self, recordings: Mapping[str, Recording], name: str, plan: Mapping[str, Any]) -> None:
        self.recordings, self.name, self.plan = recordings, name, plan
        self.recording = recordings[name]
        self.left = list(self.recording.exchanges)
        answered = [str(e["answer"].get("json", {}).get("prompt_id")) for e in self.left if e["path"] == "/prompt"]
        self.unanswered = [id for id in self.recording.ids if id not in answered]
        self.heard = Heard(sockets=self.recording.sockets, pictures=self.recording.pictures)
        self.steps: list[Any] = []

    def made(self, names: Names) -> dict[str, Any]:
        """The conversation as data."""
        for step in self.plan.get("steps") or self.usual():
            self.take(step)
        assert not self.left, self.name
        opened = {step[1].rstrip("'") for step in self.steps if step[0] == "open"}
        self.heard.clients = dict(zip(sorted(opened), _clients(self.recording), strict=False))
        aliases = self.heard.aliases()
        for steps in self.plan.get("stretch", ())[:1]:
            assert f'"steps": {steps}' in json.dumps(self.steps), self.name
        reading = {key: self.plan[key] for key in ("stretch", "only", "tail") if key in self.plan}
        steps = json.dumps(in_order(self.steps, [exchange["answer"] for exchange in self.recording.exchanges]))
        for id, alias in aliases.items():
            steps = steps.replace(json.dumps(id)[1:-1], alias)
        expected = told(self.heard, names, **{key: reading[key] for key in ("stretch", "only") if key in reading})
        return {"name": self.name, **reading, "steps": json.loads(steps), "expected": expected}

    def usual(self) -> list[list[Any]]:
        """The steps of most: a prompt, its end, what was asked then."""
        first = self.recording.exchanges[0]
        runs = first["path"] == "/prompt" and first["answer"].get("status") == 200 and "KILLS" not in self.name
        opened = [["open", "A"]] if self.recording.sockets else []
        return [*opened, NEXT, *([["done", "p1"]] if runs else []), REST]

    def take(self, step: list[Any]) -> None:
        """Turns a step of the plan into steps to play."""
        kind, *rest = step
        if kind == "rest":
            while self.left:
                self.take(NEXT)
        elif kind == "next":
            exchange = self.left.pop(0)
            self.heard.http.append(exchange)
            request = {key: value for key, value in exchange.items() if key != "answer"}
            self.steps.append(["entry"] if exchange["path"] == "entry" else ["send", request])
        elif kind in ("post", "quiet"):
            path, body = ("/prompt", self.prompt(*rest)) if kind == "post" else rest
            request = {"method": "POST", "path": path, "json": body, "quiet": True}
            id = self.unanswered.pop(0) if path == "/prompt" and self.unanswered else "no-recorded-id"
            self.heard.http.append({**request, "answer": {"status": 200, "json": {"prompt_id": id}}})
            self.steps.append(["send", request])
        else:
            self.steps.append(step)

    def prompt(self, name: str, number: int, client: str = "<A>") -> dict[str, Any]:
        """The body of a prompt out of a recording."""
        found = self.recordings[name]
        prompt = found.prompts[number] if found.prompts else found.exchanges[number]["json"]["prompt"]
        return {"prompt": prompt, "client_id": client}


def _clients(recording: Recording) -> list[str]:
    bodies = [e["json"] for e in recording.exchanges if isinstance(e.get("json"), dict)]
    said = re.findall(r'"client_id": "([0-9a-f]{32}x?)"', json.dumps(recording.exchanges))
    return list(dict.fromkeys([*(b["client_id"] for b in bodies if isinstance(b.get("client_id"), str)), *said]))


def in_order(steps: list[list[Any]], answers: list[Any]) -> list[list[Any]]:
    """Steps with the outputs of each prompt in the order that the recorded server gave them, as the emulator keeps it.

    ComfyUI has them in a set, whose order is another one at each start.
    """
    orders: list[list[str]] = []

    def look(value: Any) -> None:
        if isinstance(value, list) and len(value) == 5 and isinstance(value[4], list) and isinstance(value[2], dict):
            orders.append(value[4])
        elif isinstance(value, (dict, list)):
            for item in value.values() if isinstance(value, dict) else value:
                look(item)

    look(answers)
    return [_in_order(step, [order for order in orders if len(order) > 1]) for step in steps]


def _in_order(step: list[Any], orders: list[list[str]]) -> list[Any]:
    body = step[1].get("json") if step[0] == "send" else None
    prompt = body.get("prompt") if isinstance(body, dict) else None
    if not isinstance(prompt, dict):
        return step
    for order in orders:
        if set(order) <= set(prompt):
            others = {id: node for id, node in prompt.items() if id not in order}
            prompt = {**others, **{id: prompt[id] for id in order}}
    return [step[0], {**step[1], "json": {**body, "prompt": prompt}}]


def _fill(plan: Plan, made: Mapping[str, Any], counted: int) -> tuple[list[Any], int]:
    """Requests before a conversation, so that its prompts get the numbers that were recorded; and the number after."""
    first, takes = plan.plan.get("number"), 0
    for exchange in plan.heard.http:
        if exchange["method"] != "POST" or exchange["path"] != "/prompt":
            continue
        body = exchange.get("json", exchange.get("text"))
        if body in ("", "{bad json") or (isinstance(body, str) and body.startswith("\ufeff")):
            continue
        if isinstance(body, dict) and "number" in body:
            continue
        number = (exchange["answer"].get("json") or {}).get("number")
        if number is not None and first is None:
            first = abs(number) - takes
        takes += 1
    missing = 0 if first is None else first - counted
    assert missing >= 0, (made["name"], first, counted)
    filler = ["send", {"method": "POST", "path": "/prompt", "json": {}, "quiet": True}]
    return [filler] * missing, counted + missing + takes


def sessions(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """The conversations of each session."""
    recordings = read(folder)
    used: set[str] = set()
    found: dict[str, list[dict[str, Any]]] = {}
    for session, plans in reversed(PLANS.items()):
        names, counted, conversations = Names(), 0, []
        for name, plan in plans.items():
            wanted = [n for n in recordings if n == name or (name.endswith("/") and n.startswith(name))]
            for one in [n for n in wanted if n not in used]:
                used.add(one)
                played = Plan(recordings, one, plan)
                made = played.made(names)
                filler, counted = _fill(played, made, counted)
                conversations.append({**made, "steps": filler + made["steps"]})
        found[session] = conversations
    assert used == set(recordings), set(recordings) - used
    return dict(reversed(found.items()))


def write(name: str, found: Mapping[str, list[dict[str, Any]]]) -> None:
    """Writes conversations, one a line."""
    lines = [json.dumps({"session": s, **c}, separators=(",", ":")) for s, made in found.items() for c in made]
    data = gzip.compress(("\n".join(lines) + "\n").encode(), 9, mtime=0)
    (HERE / name).write_bytes(data)
    print(f"{name}: {len(lines)} conversations, {len(data):,} bytes")


def main() -> None:
    """Writes the expectations."""
    write("recorded.jsonl.gz", sessions(Path(sys.argv[1])))


if __name__ == "__main__":
    main()

"""The client of one server: what it asks, and what it makes of the answers."""

from __future__ import annotations

import hashlib
import json
import time
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from comfyproof.run.answers import Interrupted, NodeError, OutputFile, Refusal, Submission
from comfyproof.run.client import TAG, Client
from comfyproof.run.problems import ServerMisbehaved, ServerUnreachable
from scripted_server import (
    DONE,
    OUTPUT,
    PROMPT,
    QUICK,
    Call,
    Play,
    ScriptedServer,
    does_but_says,
    ignore,
    new_id,
    ran,
    says,
)

# What the server is and has.


@pytest.mark.parametrize(
    "url",
    ["ftp://host", "http://", "127.0.0.1:8188", "http://host:99999", "http://host:0", "http://ho st", "http://host/?a=1",
     "http://me:secret@host", "http://me@host", "http://[::1", "", "http://host/#x", "http://ho\x1bst"],
)  # fmt: skip
def test_an_address_that_is_none_is_refused_without_showing_a_password(url: str) -> None:
    with pytest.raises(ValueError, match="address") as refused:
        Client(url)
    assert "secret" not in str(refused.value)
    assert "\x1b" not in str(refused.value)


def test_an_address_may_have_a_folder_and_a_slash_at_its_end() -> None:
    assert Client("http://[::1]:8188/comfy/").url == "http://[::1]:8188/comfy"


def test_every_client_has_its_own_id() -> None:
    assert Client("http://a").client_id != Client("http://a").client_id


def test_a_server_tells_its_versions(server: ScriptedServer, client: Client) -> None:
    assert client.system_stats()["system"]["comfyui_version"] == "0.3.64"
    server.script["GET /system_stats"] = [says(200, {"status": "ok"})]
    with pytest.raises(ServerMisbehaved, match="versions"):
        client.system_stats()


def test_node_types_are_asked_for_by_their_quoted_names_and_absent_ones_left_out(
    server: ScriptedServer, client: Client
) -> None:
    odd = "Größe/von 50%2F?#"
    node = {"input": {"required": {}}, "output": []}
    server.nodes = {"KSampler": node, odd: node}
    assert client.node_types(["KSampler", odd, "Absent", "..", ".", "", "KSampler"]) == {"KSampler": node, odd: node}
    asked = [path for _, path, _ in server.log]
    assert asked[:2] == ["/object_info/KSampler", "/object_info/Gr%C3%B6%C3%9Fe%2Fvon%2050%252F%3F%23"]
    assert len(asked) == 3


def test_a_node_type_that_is_none_is_the_servers_fault(server: ScriptedServer, client: Client) -> None:
    server.nodes = {"KSampler": {"output": []}}
    with pytest.raises(ServerMisbehaved, match='"KSampler"'):
        client.node_types(["KSampler"])


# Uploads.


def test_an_upload_goes_under_a_name_made_of_its_content(
    server: ScriptedServer, client: Client, tmp_path: Path
) -> None:
    data = bytes(range(256)) * 300
    file = tmp_path / "my portrait \u202egnp.PNG"
    file.write_bytes(data)
    name = f"comfyproof-{hashlib.sha256(data).hexdigest()[:16]}.png"
    assert client.upload(file) == name
    (body,) = server.asked("POST /upload/image")
    assert data in body
    assert b'name="type"\r\n\r\ninput\r\n' in body
    assert b"portrait" not in body


def test_the_name_that_the_server_gives_an_upload_is_the_one_that_counts(
    server: ScriptedServer, client: Client, tmp_path: Path
) -> None:
    file = tmp_path / "a.png"
    file.write_bytes(b"a")
    server.stored_as = {"name": "a (1).png", "subfolder": "x/y/", "type": "input"}
    assert client.upload(file) == "x/y/a (1).png"


NO_NAMES = ["../a.png", "a/b", "..", "", 5, "a\u202e.png", "a\n", "C:a", "x" * 300]
NO_FOLDERS = ["../b", "a//b", "a/../b"]


@pytest.mark.parametrize(
    "stored", [["a"], *({"name": n} for n in NO_NAMES), *({"name": "a", "subfolder": f} for f in NO_FOLDERS)]
)
def test_an_upload_stored_under_a_name_that_is_none_is_refused(
    server: ScriptedServer, client: Client, tmp_path: Path, stored: Any
) -> None:
    file = tmp_path / "a.png"
    file.write_bytes(b"a")
    server.stored_as = stored
    with pytest.raises(ServerMisbehaved, match="stored an upload"):
        client.upload(file)


def test_what_is_no_file_is_not_uploaded(server: ScriptedServer, client: Client, tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.png", Path("/dev/zero")):
        with pytest.raises(FileNotFoundError):
            client.upload(path)
    assert not server.log


def test_an_upload_that_is_too_large_for_the_server_says_so(
    server: ScriptedServer, client: Client, tmp_path: Path
) -> None:
    file = tmp_path / "a.png"
    file.write_bytes(b"a")
    server.script["POST /upload/image"] = [says(413, b"Maximum request body size 104857600 exceeded")]
    with pytest.raises(ServerMisbehaved, match="HTTP 413: Maximum") as problem:
        client.upload(file)
    assert "--max-upload-size" in problem.value.help


# Submitting.


def test_a_prompt_is_sent_with_our_ids(server: ScriptedServer, client: Client) -> None:
    assert ran(client) == DONE
    (body,) = server.asked("POST /prompt")
    request = json.loads(body)
    assert request["prompt"] == PROMPT
    assert request["client_id"] == client.client_id
    assert request["extra_data"]["comfyproof_prompt_id"] == request["prompt_id"]
    assert "number" not in request


def test_an_id_that_newer_servers_refuse_is_not_sent(server: ScriptedServer, client: Client) -> None:
    for prompt_id in (new_id().upper(), "7", uuid.uuid4().hex):
        with pytest.raises(ValueError, match="UUID"):
            client.submit(PROMPT, prompt_id)
    assert not server.log


@pytest.mark.parametrize("where", ["history", "running", "pending"])
def test_a_prompt_that_the_server_has_is_not_sent_again(server: ScriptedServer, client: Client, where: str) -> None:
    prompt_id, item = new_id(), [1, "", {}, {}, []]
    item[1] = prompt_id
    if where == "history":
        server.history[prompt_id] = {"prompt": item, "outputs": {}, "status": None}
    else:
        getattr(server, where).append(item)
    assert client.submit(PROMPT, prompt_id) == Submission(prompt_id, answered=False)
    assert not server.asked("POST /prompt")


@pytest.mark.parametrize("link", [["7", 0], ["7", 1.5], {"__value__": ["7", 0]}, ("7", 0), ["7", True]])
def test_a_link_to_a_missing_node_would_kill_the_worker_and_is_not_sent(
    server: ScriptedServer, client: Client, link: Any
) -> None:
    prompt = {**PROMPT, "1": {"class_type": "EmptyImage", "inputs": {"undeclared": link}}}
    refusal = client.submit(prompt, new_id())
    assert isinstance(refusal, Refusal)
    assert refusal.type == "link_to_missing_node"
    assert [(error.node_id, error.input_name) for error in refusal.nodes] == [("1", "undeclared")]
    assert not server.log


@pytest.mark.parametrize("value", [[7, 0], ["7", "0"], ["7"], ["7", 0, 0], {"a": ["7", 0]}, "7"])
def test_a_value_that_no_server_takes_for_a_link_is_sent(client: Client, value: Any) -> None:
    prompt = {**PROMPT, "1": {"class_type": "EmptyImage", "inputs": {"value": value}}}
    assert isinstance(client.submit(prompt, new_id()), Submission)


DEEP: Any = []
for _ in range(300):
    DEEP = [DEEP]


@pytest.mark.parametrize(
    ("node", "kind", "name"),
    [
        ({"class_type": "EmptyImage"}, "no_inputs", ""),
        ({"class_type": "EmptyImage", "inputs": None}, "no_inputs", ""),
        (None, "no_inputs", ""),
        ({"class_type": "EmptyImage", "inputs": {"width": float("nan")}}, "not_a_number", "width"),
        ({"class_type": "EmptyImage", "inputs": {"a": {"b": [float("-inf")]}}}, "not_a_number", "a"),
        ({"class_type": "EmptyImage", "inputs": {"a": DEEP}}, "nested_too_deep", "a"),
    ],
)
def test_what_else_stops_a_servers_work_is_not_sent(
    server: ScriptedServer, client: Client, node: Any, kind: str, name: str
) -> None:
    refusal = client.submit({**PROMPT, "1": node}, new_id())
    assert isinstance(refusal, Refusal)
    assert refusal.type == kind
    assert [(error.node_id, error.input_name) for error in refusal.nodes] == [("1", name)]
    assert not server.log


def test_a_new_id_is_not_looked_for(server: ScriptedServer, client: Client) -> None:
    prompt_id = new_id()
    assert client.submit(PROMPT, prompt_id, new=True) == Submission(prompt_id, answered=True)
    assert [path for _, path, _ in server.log] == ["/prompt"]


ERROR = {"type": "value_smaller_than_min", "message": "Value -1 smaller than min of 0", "details": "width",
         "extra_info": {"input_name": "width", "received_value": -1}}  # fmt: skip
MISSING = ("Cannot execute because node Nope does not exist.", "Node ID '#2'")
NO_CLASS = ("Cannot execute because a node is missing the class_type property.", "Node ID '#2'")
NEWER = ("Node 'My node' not found. The custom node may not be installed.", "")
REFUSALS = {
    "an error of a node": (
        {"error": {"type": "prompt_outputs_failed_validation", "message": "m", "details": ""},
         "node_errors": {"2": {"errors": [ERROR], "class_type": "ImageScale", "dependent_outputs": ["3"]}}},
        [NodeError("2", "ImageScale", ERROR["type"], ERROR["message"], "width", "width")],
    ),
    "a missing class, 0.3": (
        {"error": {"type": "invalid_prompt", "message": MISSING[0], "details": MISSING[1]}, "node_errors": {}},
        [NodeError("2", "Nope", "missing_node_type", *MISSING, "")],
    ),
    "no class, 0.3": (
        {"error": {"type": "invalid_prompt", "message": NO_CLASS[0], "details": NO_CLASS[1]}, "node_errors": {}},
        [NodeError("2", "", "missing_class_type", *NO_CLASS, "")],
    ),
    "a missing class, newer": (
        {"error": {"type": "missing_node_type", "message": NEWER[0], "details": "",
                   "extra_info": {"node_id": "2", "class_type": "Nope", "node_title": "My node"}}, "node_errors": {}},
        [NodeError("2", "Nope", "missing_node_type", *NEWER, "")],
    ),
    "a cycle": ({"error": {"type": "prompt_outputs_failed_validation", "message": "m"}, "node_errors": {}}, []),
    "a proxy's": ({"error": "no such \x1b[31mworkspace"}, []),
    "nothing": ({}, []),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSALS)
def test_a_refusal_names_the_nodes_at_fault(server: ScriptedServer, client: Client, case: str) -> None:
    answer, nodes = REFUSALS[case]
    server.script["POST /prompt"] = [says(400, answer)]
    refusal = client.submit(PROMPT, new_id())
    assert isinstance(refusal, Refusal)
    assert list(refusal.nodes) == nodes
    assert refusal.message
    assert "\x1b" not in refusal.message


def test_node_errors_come_in_the_same_order_from_every_server(server: ScriptedServer, client: Client) -> None:
    def record(*names: str) -> dict[str, Any]:
        return {"errors": [{**ERROR, "extra_info": {"input_name": name}} for name in names], "class_type": "A"}

    answers = [
        {"error": {"type": "t"}, "node_errors": {"10": record("b", "a"), "9": record("c")}},
        {"error": {"type": "t"}, "node_errors": {"9": record("c"), "10": record("a", "b")}},
    ]
    server.script["POST /prompt"] = [says(400, answer) for answer in answers]
    first, second = client.submit(PROMPT, new_id()), client.submit(PROMPT, new_id())
    assert first == second
    assert isinstance(first, Refusal)
    assert [(error.node_id, error.input_name) for error in first.nodes] == [("9", "c"), ("10", "a"), ("10", "b")]


@pytest.mark.parametrize("where", ["running", "pending"])
def test_a_prompt_accepted_in_part_is_refused_and_withdrawn(server: ScriptedServer, client: Client, where: str) -> None:
    server.keep_running = True
    prompt_id = new_id()
    record = {"2": {"errors": [ERROR], "class_type": "ImageScale"}}

    def half(call: Call) -> None:
        call.reply()
        if where == "pending":
            server.running, server.pending = [], server.running
        call.send(200, json.dumps({"prompt_id": prompt_id, "number": 1, "node_errors": record}).encode())

    server.script["POST /prompt"] = [half]
    refusal = client.submit(PROMPT, prompt_id)
    assert isinstance(refusal, Refusal)
    assert [error.input_name for error in refusal.nodes] == ["width"]
    assert [json.loads(body) for body in server.asked("POST /queue")] == [{"delete": [prompt_id]}]
    interrupts = [json.loads(body) for body in server.asked("POST /interrupt")]
    assert interrupts == ([{"prompt_id": prompt_id}] if where == "running" else [])


def test_the_id_of_a_server_that_takes_none_of_ours_is_the_one_to_wait_for(
    server: ScriptedServer, client: Client
) -> None:
    server.own_ids = True
    submitted = client.submit(PROMPT, new_id())
    assert submitted == Submission("own-1", answered=True)
    assert client.wait("own-1", ignore) == DONE


@pytest.mark.parametrize("answer", [{"prompt_id": "../x"}, {"prompt_id": None}, {}, [], {"prompt_id": "a" * 200}])
def test_a_server_that_gives_a_prompt_no_id_misbehaves(server: ScriptedServer, client: Client, answer: Any) -> None:
    server.script["POST /prompt"] = [says(200, answer)] * 2
    with pytest.raises(ServerMisbehaved, match="gave it no id"):
        client.submit(PROMPT, new_id())


# Cancelling.


def test_cancelling_touches_nobody_elses_prompt(server: ScriptedServer, client: Client) -> None:
    prompt_id = new_id()
    other, waiting = [1, "other", {}, {}, []], [2, "waiting", {}, {}, []]
    server.running, server.pending = [other], [[3, prompt_id, {}, {}, []], waiting]
    client.cancel(prompt_id)
    assert (server.running, server.pending) == ([other], [waiting])
    assert not server.asked("POST /interrupt")
    assert client.wait(prompt_id, ignore) == Interrupted("")


def test_cancelling_stops_our_own_prompt_by_its_id(server: ScriptedServer, client: Client) -> None:
    prompt_id = new_id()
    server.running = [[1, prompt_id, {}, {}, []]]

    def stops(call: Call) -> None:
        server.finish(prompt_id, [["execution_interrupted", {"node_id": "5"}]], "error")
        call.answer()

    server.script["POST /interrupt"] = [stops]
    client.cancel(prompt_id)
    assert [json.loads(body) for body in server.asked("POST /interrupt")] == [{"prompt_id": prompt_id}]
    assert client.wait(prompt_id, ignore) == Interrupted("5")


def test_a_server_that_can_cancel_one_prompt_is_asked_to(server: ScriptedServer, client: Client) -> None:
    prompt_id = new_id()
    server.running = [[1, prompt_id, {}, {}, []]]

    def stops(call: Call) -> None:
        server.finish(prompt_id, [["execution_interrupted", {"node_id": "5"}]], "error")
        says(200, {"cancelled": True})(call)

    server.script[f"POST /api/jobs/{prompt_id}/cancel"] = [stops]
    client.cancel(prompt_id)
    assert not server.asked("POST /interrupt")
    assert client.wait(prompt_id, ignore) == Interrupted("5")


@pytest.mark.parametrize("answer", [says(200, {"cancelled": False}), says(200, b"<html>"), says(302), says(405)])
def test_a_server_that_cannot_cancel_one_prompt_interrupts_it(
    server: ScriptedServer, client: Client, answer: Play
) -> None:
    prompt_id = new_id()
    server.running = [[1, prompt_id, {}, {}, []]]
    server.script[f"POST /api/jobs/{prompt_id}/cancel"] = [answer]
    client.cancel(prompt_id)
    assert server.asked("POST /interrupt") == [json.dumps({"prompt_id": prompt_id}).encode()]


@pytest.mark.parametrize("where", ["pending", "running"])
def test_a_prompt_under_an_id_of_the_servers_own_is_cancelled(
    server: ScriptedServer, client: Client, where: str
) -> None:
    prompt_id = new_id()
    setattr(server, where, [[1, "own-1", {}, {TAG: prompt_id}, []], [2, "own-2", {}, {TAG: "another"}, []]])
    client.cancel(prompt_id)
    asked = server.asked("POST /interrupt")
    assert asked == ([json.dumps({"prompt_id": "own-1"}).encode()] if where == "running" else [])
    assert [item[1] for item in server.pending] == (["own-2"] if where == "pending" else [])


def test_cancelling_does_not_take_long_whatever_the_server_does(server: ScriptedServer) -> None:
    prompt_id = new_id()
    server.running = [[1, prompt_id, {}, {}, []]]

    def slowly(call: Call) -> None:
        server.gone.wait(0.3)
        call.answer()

    for route in ("POST /queue", "GET /queue", "GET /history/", f"POST /api/jobs/{prompt_id}/cancel"):
        server.script[route] = [slowly] * 5
    began = time.monotonic()
    with Client(server.url, timeouts=replace(QUICK, read=0.7)) as client, pytest.raises(ServerUnreachable):
        client.cancel(prompt_id)
    assert time.monotonic() - began < 1.2
    assert not server.asked("POST /interrupt")


def test_cancelling_comes_too_late_for_a_prompt_that_is_done(server: ScriptedServer, client: Client) -> None:
    prompt_id = new_id()
    client.submit(PROMPT, prompt_id)
    client.cancel(prompt_id)
    assert client.wait(prompt_id, ignore) == DONE


def test_a_server_that_refuses_to_cancel_misbehaves(server: ScriptedServer, client: Client) -> None:
    server.script["POST /queue"] = [does_but_says(403)]
    with pytest.raises(ServerMisbehaved, match="HTTP 403"):
        client.cancel(new_id())


def test_many_classes_are_asked_for_at_once(server: ScriptedServer, client: Client) -> None:
    nodes = {f"Class{n}": {"input": {}} for n in range(60)}
    server.script["GET /object_info"] = [says(200, {**nodes, "Another": {"input": {}}})]
    assert client.node_types([*nodes, "NotThere"]) == nodes
    assert len(server.log) == 1


# Fetching.


def test_a_file_is_fetched_by_exactly_its_names(server: ScriptedServer, client: Client) -> None:
    file = OutputFile("9", "größe & 100%+?#.png", "comfyproof/a b", "temp", "images")
    server.files[file.filename, file.subfolder, file.type] = b"data"
    assert client.fetch(file, limit_bytes=4) == b"data"


def test_a_file_of_a_hostile_name_is_asked_for_and_never_written(
    server: ScriptedServer, client: Client, tmp_path: Path
) -> None:
    server.script["GET /view"] = [says(400)]
    before = sorted(tmp_path.iterdir())
    with pytest.raises(ServerMisbehaved, match="HTTP 400"):
        client.fetch(OutputFile("9", "../../etc/passwd", str(tmp_path), "output", "images"), limit_bytes=100)
    assert sorted(tmp_path.iterdir()) == before


def test_a_file_that_is_gone_is_told_apart(client: Client) -> None:
    with pytest.raises(ServerMisbehaved, match="no longer has its file") as problem:
        client.fetch(OUTPUT, limit_bytes=100)
    assert problem.value.status == 404


def test_a_file_may_not_be_larger_than_allowed(server: ScriptedServer, client: Client) -> None:
    server.files["a_00001_.png", "", "output"] = b"x" * 1001
    with pytest.raises(ServerMisbehaved, match="more than"):
        client.fetch(OUTPUT, limit_bytes=1000)
    assert len(client.fetch(OUTPUT, limit_bytes=1001)) == 1001


def test_an_empty_file_is_none(server: ScriptedServer, client: Client) -> None:
    server.files["a_00001_.png", "", "output"] = b""
    with pytest.raises(ServerMisbehaved, match="empty"):
        client.fetch(OUTPUT, limit_bytes=1000)


@pytest.mark.parametrize("name", ["نمی\u200cخواهم.png", "👩\u200d🎨.png", "a\u202eb.png", "a%2e%2e&b.png"])
def test_a_file_of_any_possible_name_is_fetched(server: ScriptedServer, client: Client, name: str) -> None:
    server.files[name, "", "output"] = b"x"
    assert client.fetch(OutputFile("9", name, "", "output", "images"), limit_bytes=1000) == b"x"


@pytest.mark.parametrize("name", ["a\0.png", "a\ud800.png", "a\n.png"])
def test_a_file_of_an_impossible_name_is_not_asked_for(server: ScriptedServer, client: Client, name: str) -> None:
    with pytest.raises(ServerMisbehaved, match="impossible name"):
        client.fetch(OutputFile("9", name, "", "output", "images"), limit_bytes=1000)
    assert not server.log

"""The websocket is only a hint: prompts end whatever it does."""

from __future__ import annotations

import json

import pytest

from comfyproof.run.client import Client
from comfyproof.run.events import Event, NodeRunning, Started
from scripted_server import DONE, PROMPT, Call, Play, ScriptedServer, dribbles, hangs, ignore, new_id, says


def drops(call: Call) -> None:
    call.upgrade()


def stays_silent(call: Call) -> None:
    """Takes the connection and never answers the handshake."""
    hangs(call)


def is_no_websocket(call: Call) -> None:
    dribbles(b"HTTP/1.1 101 Yes\r\nUpgrade: \xff\r\n\r\n\xff\xff\xff", 0)(call)


def never_ends(call: Call) -> None:
    call.upgrade()
    call.wfile.write(b"\x81\x7f" + (2**40).to_bytes(8, "big"))
    poured = call.pour(b"x" * 2**16, 2**27)
    call.scripted.files["poured", "", ""] = str(poured).encode()
    call.scripted.looks = 1


def redirects(call: Call) -> None:
    says(302, b"", Location=call.scripted.url.replace("http", "ws") + "/elsewhere")(call)


SOCKETS: dict[str, Play] = {
    "refused": says(403),
    "redirected": redirects,
    "unanswered": stays_silent,
    "dropped": drops,
    "no websocket": is_no_websocket,
    "without end": never_ends,
}


@pytest.mark.parametrize("case", SOCKETS)
def test_a_prompt_ends_whatever_the_websocket_does(server: ScriptedServer, client: Client, case: str) -> None:
    server.script["GET /ws"] = [SOCKETS[case]] + [says(403)] * 20
    server.looks = 10**6 if case == "without end" else 4
    prompt_id = new_id()
    with client.listen():
        client.submit(PROMPT, prompt_id)
        assert client.wait(prompt_id, ignore) == DONE
    assert not server.asked("GET /elsewhere")
    server.stop()
    server.start()
    assert int(server.files.get(("poured", "", ""), b"0")) < 2**26


def test_a_prompt_ends_though_the_websocket_says_nothing(server: ScriptedServer, client: Client) -> None:
    server.looks = 4
    prompt_id = new_id()
    with client.listen():
        client.submit(PROMPT, prompt_id)
        assert list(server.sockets) == [client.client_id]
        assert client.wait(prompt_id, ignore) == DONE


GARBAGE = [
    b"", b"{", b"null", b"[]", b"7", b"\xff\xfe\x80", b"[" * 100_000, b'{"type":5,"data":{"prompt_id":"ID"}}',
    b'{"type":"progress","data":{"prompt_id":"ID","value":1e400,"max":NaN,"node":"1"}}',
    b'{"type":"progress","data":{"prompt_id":"ID","value":"5","max":{},"node":["1"]}}',
    b'{"type":"progress_state","data":{"prompt_id":"ID","nodes":{"1":null,"2":{"state":5}}}}',
    b'{"type":"execution_cached","data":{"prompt_id":"ID","nodes":{"a":1}}}',
    b'{"type":"executing","data":{"prompt_id":{"a":1},"node":"1"}}', b'{"type":"executing","data":null}',
]  # fmt: skip


def test_nonsense_on_the_websocket_is_passed_over(server: ScriptedServer, client: Client) -> None:
    prompt_id = new_id()
    server.keep_running = True
    heard: list[Event] = []

    def hear(event: Event) -> None:
        heard.append(event)
        server.finish(prompt_id)

    with client.listen():
        client.submit(PROMPT, prompt_id)
        for call in list(server.sockets.values()):
            for data in GARBAGE:
                call.frame(data.replace(b"ID", prompt_id.encode()))
                call.frame(data, opcode=2)
        server.tell("executing", {"prompt_id": prompt_id, "node": "\x1b[31m7\u202e"})
        assert client.wait(prompt_id, hear) == DONE
    assert heard == [NodeRunning("7")]


def test_a_websocket_that_drops_is_opened_again_under_the_same_id(server: ScriptedServer, client: Client) -> None:
    prompt_id = new_id()
    server.keep_running = True
    heard: list[Event] = []

    def again(call: Call) -> None:
        call.scripted.script["GET /ws"] = []
        call.upgrade()
        call.frame(json.dumps({"type": "execution_start", "data": {"prompt_id": prompt_id}}).encode())
        call.rfile.read(1)

    def hear(event: Event) -> None:
        heard.append(event)
        server.finish(prompt_id)

    server.script["GET /ws"] = [drops, again]
    with client.listen():
        client.submit(PROMPT, prompt_id)
        assert client.wait(prompt_id, hear) == DONE
    assert heard == [Started()]
    asked = [path for method, path, _ in server.log if path.startswith("/ws")]
    assert asked == [f"/ws?clientId={client.client_id}"] * 2


def test_a_flood_of_events_does_not_hold_up_a_prompt(server: ScriptedServer, client: Client) -> None:
    prompt_id = new_id()
    server.looks = 3
    sent = []

    def floods(call: Call) -> None:
        call.upgrade()
        message = json.dumps({"type": "executing", "data": {"prompt_id": "other", "node": "1"}}).encode()
        sent.append(call.pour(b"\x81" + bytes([len(message)]) + message, 2**24))

    server.script["GET /ws"] = [floods]
    with client.listen():
        client.submit(PROMPT, prompt_id)
        assert client.wait(prompt_id, ignore) == DONE
    server.stop()
    server.start()
    assert sent[0] < 2**24

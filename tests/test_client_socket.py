"""The websocket is only a hint: prompts end whatever it does."""

from __future__ import annotations

import json
import threading

import pytest

from comfyproof.run.client import Client
from comfyproof.run.events import Event, NodeRunning, Started
from comfyproof.run.listen import Listener
from comfyproof.run.waiting import Inbox
from scripted_server import DONE, PROMPT, Call, Play, ScriptedServer, dribbles, hangs, ignore, new_id, normally, says


def drops(call: Call) -> None:
    call.upgrade()


def stays_silent(call: Call) -> None:
    """Takes the connection and never answers the handshake."""
    hangs(call)


def is_no_websocket(call: Call) -> None:
    dribbles(b"HTTP/1.1 101 Yes\r\nUpgrade: \xff\r\n\r\n\xff\xff\xff", 0)(call)


def never_ends(call: Call) -> None:
    call.upgrade()
    for _ in range(300):
        call.frame(b"x" * 2**16, 1 if not _ else 0, last=False)
    poured(call, b"x" * 2**16)


def announces_too_much(call: Call) -> None:
    call.upgrade()
    call.wfile.write(b"\x81\x7f" + (2**40).to_bytes(8, "big"))
    poured(call, b"x" * 2**16)


def flies_flags_without_end(call: Call) -> None:
    """Answers the handshake with headers and no end to them."""
    call.wfile.write(b"HTTP/1.1 101 Switching Protocols\r\n")
    poured(call, b"X-More: yes\r\n")


def refuses_without_end(call: Call) -> None:
    call.send_response(403)
    call.send_header("Content-Length", str(2**40))
    call.end_headers()
    poured(call, b"x" * 2**16)


def proves_nothing(call: Call) -> None:
    """Switches protocols without having read the key that it was to prove."""
    call.wfile.write(
        b"HTTP/1.1 101 Yes\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n"
    )
    poured(call, b"\x82\x01x")


def masks(call: Call) -> None:
    """Speaks as only a client does."""
    call.upgrade()
    poured(call, b"\x81\x80\x82\x00\x82\x00" * 2**12)


def pings_without_end(call: Call) -> None:
    call.upgrade()
    call.scripted.looks = 1
    call.pour(b"\x89\x7d" + b"x" * 125, 2**25)


def poured(call: Call, data: bytes) -> None:
    """Pours until the client hangs up, and lets the prompt end then."""
    call.scripted.files["poured", "", ""] = str(call.pour(data, 2**27)).encode()
    call.scripted.looks = 1


def says_what_is_no_text(call: Call) -> None:
    call.upgrade()
    call.frame(b"\xff\xfe\x80")
    call.rfile.read(1)


def redirects(call: Call) -> None:
    says(302, b"", Location=call.scripted.url.replace("http", "ws") + "/elsewhere")(call)


SOCKETS: dict[str, Play] = {
    "refused": says(403),
    "redirected": redirects,
    "unanswered": stays_silent,
    "dropped": drops,
    "no websocket": is_no_websocket,
    "no text": says_what_is_no_text,
    "without end": never_ends,
    "too much": announces_too_much,
    "headers without end": flies_flags_without_end,
    "refused without end": refuses_without_end,
    "no proof": proves_nothing,
    "masked": masks,
    "pings without end": pings_without_end,
}
ENDLESS = ("without end", "too much", "headers without end", "refused without end", "no proof", "masked")


@pytest.mark.parametrize("case", SOCKETS)
def test_a_prompt_ends_whatever_the_websocket_does(server: ScriptedServer, client: Client, case: str) -> None:
    server.script["GET /ws"] = [SOCKETS[case]] + [says(403)] * 20
    server.looks = 10**6 if case in ENDLESS else 4
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
    b"", b"{", b"null", b"[]", b"7", b"[" * 100_000, b'{"type":5,"data":{"prompt_id":"ID"}}',
    b'{"type":"progress","data":{"prompt_id":"ID","value":1e400,"max":NaN,"node":"1"}}',
    b'{"type":"progress","data":{"prompt_id":"ID","value":"5","max":{},"node":["1"]}}',
    b'{"type":"progress_state","data":{"prompt_id":"ID","nodes":{"1":null,"2":{"state":5}}}}',
    b'{"type":"execution_cached","data":{"prompt_id":"ID","nodes":{"a":1}}}',
    b'{"type":"executing","data":{"prompt_id":{"a":1},"node":"1"}}', b'{"type":"executing","data":null}',
]  # fmt: skip


def test_a_message_may_come_in_parts_with_a_ping_between_them(server: ScriptedServer, client: Client) -> None:
    server.keep_running = True
    prompt_id = new_id()
    heard: list[Event] = []
    answered: list[bytes] = []

    def in_parts(call: Call) -> None:
        call.upgrade()
        text = json.dumps({"type": "executing", "data": {"prompt_id": prompt_id, "node": "9" * 70}}).encode()
        call.frame(text[:40], last=False)
        call.frame(b"who?", 9)
        call.frame(text[40:], 0)
        head = call.rfile.read(6)
        answered.append(bytes(byte ^ head[2 + n % 4] for n, byte in enumerate(call.rfile.read(head[1] & 127))))
        call.rfile.read(1)

    def hear(event: Event) -> None:
        heard.append(event)
        server.finish(prompt_id)

    server.script["GET /ws"] = [in_parts]
    with client.listen():
        client.submit(PROMPT, prompt_id)
        assert client.wait(prompt_id, hear) == DONE
    assert heard == [NodeRunning("9" * 70)]
    server.stop()
    server.start()
    assert answered == [b"who?"]


def test_a_cookie_of_the_handshake_is_not_kept(server: ScriptedServer, client: Client) -> None:
    def gives_a_cookie(call: Call) -> None:
        says(403, b"", Set_Cookie="a=b; Domain=127.0.0.1")(call)

    server.script["GET /ws"] = [gives_a_cookie, normally]
    with client.listen():
        server.opened.wait(20)
    assert "Cookie" not in server.socket_headers[0]


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


def test_of_events_that_nobody_reads_the_newest_are_kept(server: ScriptedServer) -> None:
    all_sent = threading.Event()

    def floods(call: Call) -> None:
        call.upgrade()
        for number in range(5000):
            call.frame(json.dumps({"type": "executing", "data": {"prompt_id": "p", "node": str(number)}}).encode())
        call.frame(b"read?", 9)
        call.rfile.read(1)  # the answer: all that came before is read, too
        all_sent.set()
        call.rfile.read(100)

    server.script["GET /ws"] = [floods]
    inbox = Inbox()
    with Listener(server.url, "me", inbox, 5):
        assert all_sent.wait(30)
    assert list(inbox.rest("p")) == [[NodeRunning(str(number))] for number in range(3000, 5000)]


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

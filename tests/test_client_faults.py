"""The client against a server and a network that do not do what they should."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from comfyproof.run.answers import Lost, Submission
from comfyproof.run.client import Client
from comfyproof.run.problems import ServerMisbehaved, ServerProblem, ServerUnreachable
from comfyproof.run.waiting import Timeouts
from scripted_server import (
    DONE,
    OUTPUT,
    PROMPT,
    QUICK,
    Call,
    Play,
    ScriptedServer,
    does_and_hangs,
    does_and_resets,
    does_but_says,
    dribbles,
    hangs,
    ignore,
    new_id,
    normally,
    resets,
    says,
    truncates,
)

HASTY = replace(QUICK, read=0.5, transfer=0.5)
JSON_OK = b"HTTP/1.1 200 OK\r\nContent-Length: 24\r\n\r\n"


@pytest.fixture
def hasty(server: ScriptedServer) -> Iterator[Client]:
    with Client(server.url, timeouts=HASTY) as client:
        yield client


def running(server: ScriptedServer, client: Client) -> str:
    """The id of a prompt that the server has begun."""
    server.keep_running = True
    prompt_id = new_id()
    assert client.submit(PROMPT, prompt_id) == Submission(prompt_id, answered=True)
    return prompt_id


# No answer, or not a whole one.


def test_a_server_that_is_not_there_cannot_be_reached() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with Client(f"http://127.0.0.1:{port}") as client, pytest.raises(ServerUnreachable) as problem:
        client.system_stats()
    assert str(problem.value) == f'"http://127.0.0.1:{port}" cannot be reached: nothing listens there'
    assert problem.value.help.startswith("Start ComfyUI")
    assert not problem.value.sent


@pytest.mark.parametrize("host", ["nowhere.invalid", "a" * 70])
def test_a_host_that_nobody_knows_cannot_be_reached(host: str) -> None:
    with Client(f"http://{host}:8188") as client, pytest.raises(ServerUnreachable, match="no host of that name"):
        client.system_stats()


def test_a_plain_server_has_no_tls(server: ScriptedServer) -> None:
    with Client(f"https://127.0.0.1:{server.port}") as client, pytest.raises(ServerUnreachable, match="TLS"):
        client.system_stats()


def test_a_server_that_says_nothing_is_given_up(server: ScriptedServer, hasty: Client) -> None:
    server.script["GET /system_stats"] = [hangs]
    with pytest.raises(ServerUnreachable, match=r"no complete answer came in 0\.5 s") as problem:
        hasty.system_stats()
    assert problem.value.silent
    assert len(server.log) == 1


@pytest.mark.parametrize("data", [b"HTTP/1.1 200 OK\r\nX: " + b"y" * 60 + b"\r\n\r\n{}", JSON_OK + b" " * 24])
def test_an_answer_byte_by_byte_is_given_up(server: ScriptedServer, hasty: Client, data: bytes) -> None:
    server.script["GET /system_stats"] = [dribbles(data, 0.02)]
    with pytest.raises(ServerUnreachable, match="no complete answer") as problem:
        hasty.system_stats()
    assert problem.value.silent


@pytest.mark.parametrize("fault", [truncates, resets])
def test_an_answer_that_breaks_is_asked_for_again_once(server: ScriptedServer, client: Client, fault: Play) -> None:
    server.script["GET /system_stats"] = [fault]
    assert client.system_stats()["devices"] == []
    server.script["GET /system_stats"] = [fault, fault]
    with pytest.raises(ServerUnreachable, match="broke off"):
        client.system_stats()


def test_a_kept_connection_may_have_been_closed(server: ScriptedServer, client: Client) -> None:
    client.system_stats()
    server.stop()
    server.start()
    assert client.system_stats()["devices"] == []


def test_a_server_that_describes_its_nodes_to_somebody_else_is_waited_for(server: ScriptedServer) -> None:
    def later(call: Call) -> None:
        server.gone.wait(0.4)
        call.answer()

    server.nodes["A"] = {"input": {}}
    server.script["GET /object_info/"] = [later]
    with Client(server.url, timeouts=replace(QUICK, read=0.2)) as client:
        assert list(client.node_types(["A"])) == ["A"]


# Answers that no ComfyUI gives.


@pytest.mark.parametrize(
    "body", [b"<html>\x1b[2JHello</html>", b"", b"{", b"[" * 100_000, b"\xff\xfe", b"1" * 5000 + b"x"]
)
def test_what_is_not_json_is_said_to_be(server: ScriptedServer, client: Client, body: bytes) -> None:
    server.script["GET /system_stats"] = [says(200, body)]
    with pytest.raises(ServerMisbehaved, match="not JSON") as problem:
        client.system_stats()
    assert str(problem.value).isprintable()
    assert len(str(problem.value)) < 300


@pytest.mark.parametrize(("status", "help"), [(404, "address"), (401, "login"), (500, "log"), (405, "address")])
def test_an_answer_of_the_wrong_status_says_what_to_check(
    server: ScriptedServer, client: Client, status: int, help: str
) -> None:
    server.script["GET /system_stats"] = [says(status, b"Oops\r\n::error::no")]
    with pytest.raises(ServerMisbehaved, match=f"HTTP {status}: Oops ::error::no") as problem:
        client.system_stats()
    assert help in problem.value.help


def test_what_does_not_speak_http_is_said_not_to(server: ScriptedServer, client: Client) -> None:
    server.script["GET /system_stats"] = [dribbles(b"SSH-2.0-OpenSSH_9.2p1\r\n", 0)] * 2
    with pytest.raises(ServerMisbehaved, match="does not speak HTTP"):
        client.system_stats()


def test_headers_without_end_are_not_gathered(server: ScriptedServer, client: Client) -> None:
    sent = []

    def pours(call: Call) -> None:
        call.wfile.write(b"HTTP/1.1 200 OK\r\n")
        sent.append(call.pour(b"X-More: yes\r\n" * 1000, 2**26))

    server.script["GET /system_stats"] = [pours, pours]
    with pytest.raises(ServerProblem):
        client.system_stats()
    server.stop()
    server.start()
    assert all(poured < 2**24 for poured in sent)


def test_a_redirect_is_not_followed_and_not_read(server: ScriptedServer, client: Client) -> None:
    sent = []

    def redirects(call: Call) -> None:
        call.send_response(302)
        call.send_header("Location", f"{server.url}/elsewhere\x1b[31m")
        call.end_headers()
        sent.append(call.pour(b"x" * 2**16, 2**26))

    server.script["GET /system_stats"] = [redirects]
    with pytest.raises(ServerMisbehaved, match=r'redirects to "http://127.0.0.1:\d+/elsewhere"'):
        client.system_stats()
    assert len(server.log) == 1
    server.stop()
    server.start()
    assert sent[0] < 2**26


def test_an_answer_without_end_is_cut_off(server: ScriptedServer, client: Client) -> None:
    sent = []

    def pours(call: Call) -> None:
        call.send_response(200)
        call.end_headers()
        sent.append(call.pour(b" " * 2**16, 2**27))

    server.script["GET /system_stats"] = [pours]
    with pytest.raises(ServerMisbehaved, match="more than 16 MiB"):
        client.system_stats()
    server.stop()
    server.start()
    assert sent[0] < 2**26


def test_an_answer_packed_unasked_is_not_unpacked(server: ScriptedServer, client: Client) -> None:
    server.script["GET /system_stats"] = [says(200, b"\x1f\x8b", Content_Encoding="gzip")]
    with pytest.raises(ServerMisbehaved, match='"gzip"'):
        client.system_stats()


def test_an_upload_that_breaks_is_sent_again(server: ScriptedServer, client: Client, tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    file.write_bytes(b"a" * 100_000)
    server.script["POST /upload/image"] = [does_and_resets]
    assert client.upload(file).startswith("comfyproof-")
    assert len(server.asked("POST /upload/image")) == 2


# A submission whose answer does not come.


@pytest.mark.parametrize(
    "fault",
    [does_and_resets, does_and_hangs, truncates, does_but_says(200, b"{"), does_but_says(502), does_but_says(504)],
)
def test_a_prompt_whose_answer_is_lost_is_found_and_runs_once(
    server: ScriptedServer, hasty: Client, fault: Play
) -> None:
    server.script["POST /prompt"] = [fault]
    prompt_id = new_id()
    assert hasty.submit(PROMPT, prompt_id) == Submission(prompt_id, answered=False)
    assert hasty.wait(prompt_id, ignore) == DONE
    assert server.taken == len(server.asked("POST /prompt")) == 1


@pytest.mark.parametrize("fault", [resets, hangs, says(503), says(200, b"")])
def test_a_prompt_that_did_not_arrive_is_sent_once_more(server: ScriptedServer, hasty: Client, fault: Play) -> None:
    server.script["POST /prompt"] = [fault]
    prompt_id = new_id()
    assert hasty.submit(PROMPT, prompt_id) == Submission(prompt_id, answered=True)
    assert server.taken == 1
    assert len(server.asked("POST /prompt")) == 2


def test_a_prompt_that_appears_late_is_not_sent_again(server: ScriptedServer, client: Client) -> None:
    server.script["POST /prompt"] = [does_and_resets]
    server.script["GET /history/"] = [normally] * 2 + [says(200, {})] * 2
    prompt_id = new_id()
    assert client.submit(PROMPT, prompt_id) == Submission(prompt_id, answered=False)
    assert server.taken == 1


@pytest.mark.parametrize("fault", [says(500, b"Server got itself in trouble"), says(403), says(302)])
def test_a_prompt_that_the_server_clearly_did_not_take_is_not_sent_again(
    server: ScriptedServer, client: Client, fault: Play
) -> None:
    server.script["POST /prompt"] = [fault]
    with pytest.raises(ServerMisbehaved):
        client.submit(PROMPT, new_id())
    assert len(server.asked("POST /prompt")) == 1


def test_a_prompt_that_gets_no_answer_twice_is_given_up(server: ScriptedServer, client: Client) -> None:
    server.script["POST /prompt"] = [resets, resets]
    with pytest.raises(ServerUnreachable, match="broke off"):
        client.submit(PROMPT, new_id())
    assert len(server.asked("POST /prompt")) == 2


def test_a_server_that_dies_while_a_prompt_is_submitted_may_have_it(server: ScriptedServer, client: Client) -> None:
    prompt_id = new_id()
    server.script["POST /prompt"] = [does_and_resets]
    server.script["GET /history/"] = [normally, normally] + [resets] * 200
    with pytest.raises(ServerUnreachable, match=f'"{prompt_id}" was submitted there and may be unfinished'):
        client.submit(PROMPT, prompt_id)
    assert len(server.asked("POST /prompt")) == 1


@pytest.mark.parametrize("keep_running", [True, False])
def test_a_server_with_ids_of_its_own_is_asked_for_ours_by_a_tag(
    server: ScriptedServer, client: Client, keep_running: bool
) -> None:
    server.own_ids, server.keep_running = True, keep_running
    server.script["POST /prompt"] = [does_and_resets]
    assert client.submit(PROMPT, new_id()) == Submission("own-1", answered=False)
    assert server.taken == 1


def test_a_refused_connection_handled_by_the_caller_does_not_hide_that_a_prompt_was_sent(
    server: ScriptedServer, client: Client
) -> None:
    server.script["POST /prompt"] = [does_and_resets]
    try:
        raise ConnectionRefusedError
    except ConnectionRefusedError:
        client.submit(PROMPT, new_id())
    assert server.taken == 1


# A server that goes away while we wait.


def test_a_server_that_dies_leaves_a_prompt_that_may_be_unfinished(server: ScriptedServer, client: Client) -> None:
    prompt_id = running(server, client)
    server.stop()
    try:
        with pytest.raises(ServerUnreachable) as problem:
            client.wait(prompt_id, ignore)
    finally:
        server.start()
    assert "nothing listens there" in str(problem.value)
    assert f'prompt "{prompt_id}" was submitted there and may be unfinished' in str(problem.value)


@pytest.mark.parametrize("knows", [True, False])
def test_a_server_that_comes_back_still_knows_the_prompt_or_has_lost_it(server: ScriptedServer, knows: bool) -> None:
    with Client(server.url, timeouts=Timeouts(grace=20, lost=0.1)) as client:
        prompt_id = running(server, client)

        def restarts(call: Call) -> None:
            server.script["GET /history/"] = [resets] * 3
            call.reset()
            if knows:
                server.finish(prompt_id)
            else:
                server.forget()

        server.script["GET /history/"] = [restarts]
        outcome = client.wait(prompt_id, ignore)
    if knows:
        assert outcome == DONE
    else:
        assert isinstance(outcome, Lost)
        assert "the server restarted" in outcome.reason


@pytest.mark.parametrize(
    "fault", [resets, truncates, says(502), says(500), says(200, b"<html>"), says(200, []), says(429), says(302)]
)
def test_a_burst_of_faults_is_borne_while_a_prompt_runs(server: ScriptedServer, fault: Play) -> None:
    with Client(server.url, timeouts=Timeouts(grace=20, lost=5)) as client:
        prompt_id = running(server, client)
        server.looks = 1
        server.script["GET /history/"] = [fault]
        server.script["GET /queue"] = [fault]
        assert client.wait(prompt_id, ignore) == DONE


def test_a_fault_that_stays_is_reported_after_the_grace(server: ScriptedServer, client: Client) -> None:
    prompt_id = running(server, client)
    server.script["GET /history/"] = [says(500)] * 200
    with pytest.raises(ServerMisbehaved, match=r"HTTP 500.*may be unfinished"):
        client.wait(prompt_id, ignore)


def test_a_server_too_busy_to_answer_is_not_dead(server: ScriptedServer) -> None:
    with Client(server.url, timeouts=Timeouts(read=0.2, grace=0)) as client:
        prompt_id = running(server, client)
        server.looks = 2
        server.script["GET /history/"] = [hangs, hangs]
        assert client.wait(prompt_id, ignore) == DONE


# Files that do not come whole.


def test_a_file_that_breaks_off_is_fetched_again_once(server: ScriptedServer, client: Client) -> None:
    server.files["a_00001_.png", "", "output"] = b"x" * 10_000
    server.script["GET /view"] = [truncates]
    assert len(client.fetch(OUTPUT, limit_bytes=10_000)) == 10_000
    server.script["GET /view"] = [truncates, resets]
    with pytest.raises(ServerUnreachable, match="broke off"):
        client.fetch(OUTPUT, limit_bytes=10_000)


def test_a_file_without_end_is_cut_off(server: ScriptedServer, client: Client) -> None:
    def pours(call: Call) -> None:
        call.send_response(200)
        call.end_headers()
        call.pour(b"x" * 2**16, 2**27)

    server.script["GET /view"] = [pours]
    with pytest.raises(ServerMisbehaved, match="more than"):
        client.fetch(OUTPUT, limit_bytes=2**20)


@pytest.mark.parametrize("fault", [says(500), says(302, b"", Location="http://169.254.169.254/"), hangs])
def test_a_file_that_does_not_come_is_the_servers_fault(server: ScriptedServer, hasty: Client, fault: Any) -> None:
    server.script["GET /view"] = [fault]
    with pytest.raises(ServerProblem):
        hasty.fetch(OUTPUT, limit_bytes=100)
    assert len(server.log) == 1


@pytest.mark.parametrize("reads", [True, False])
def test_sending_has_a_deadline_too(tmp_path: Path, reads: bool) -> None:
    file = tmp_path / "large.bin"
    file.write_bytes(bytes(30_000_000))
    received, gone = [0], threading.Event()

    def read_slowly() -> None:
        connection, _ = slow.accept()
        while not gone.wait(0.02):
            received[0] += len(connection.recv(2**16)) if reads else 0
        connection.close()

    timeouts = Timeouts(connect=5 if reads else 0.3, transfer=0.5 if reads else 60)
    with socket.create_server(("127.0.0.1", 0)) as slow:
        thread = threading.Thread(target=read_slowly)
        thread.start()
        url = f"http://127.0.0.1:{slow.getsockname()[1]}"
        with Client(url, timeouts=timeouts) as client, pytest.raises(ServerUnreachable, match="no complete answer"):
            client.upload(file)
        gone.set()
        thread.join()
    assert received[0] < 30_000_000

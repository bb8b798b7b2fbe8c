"""The client over a network that goes bad, and against the emulator's faults: one run on the GPU, and an end to it."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos_proxy import ChaosProxy
from comfyproof.catalog.pinned import built_in
from comfyproof.emulator.embedded import Emulator
from comfyproof.emulator.faults import parse
from comfyproof.run.answers import Failed, Interrupted, Lost, Outcome, OutputFile, Submission, Succeeded, TimedOut
from comfyproof.run.client import Client
from comfyproof.run.events import Event, Started
from comfyproof.run.problems import ServerMisbehaved, ServerProblem, ServerUnreachable, ServerUntrusted
from comfyproof.run.waiting import Patience, Timeouts
from comfyproof.run.wire import pause_of
from conftest import ROOT
from odd_server import OddServer, comfyui
from scripted_server import (
    CERTIFICATE,
    DONE,
    OUTPUT,
    PROMPT,
    QUICK,
    Call,
    ScriptedServer,
    hangs,
    ignore,
    new_id,
    ran,
    says,
)
from test_serve import Serving

EXPIRED = Path(__file__).with_name("expired.pem")
HASTY = replace(QUICK, read=0.5, transfer=0.5)
BORNE = replace(QUICK, grace=15)


@pytest.fixture
def proxy(server: ScriptedServer) -> Iterator[ChaosProxy]:
    with ChaosProxy(server.url) as proxy:
        yield proxy


@contextmanager
def behind(proxy: ChaosProxy, timeouts: Timeouts = QUICK) -> Iterator[Client]:
    with Client(proxy.url, timeouts=timeouts) as client:
        yield client


@contextmanager
def failing(folder: Path, *faults: str, timeouts: Timeouts = QUICK) -> Iterator[Client]:
    """A client of an emulator with faults."""
    known = [parse(fault) for fault in faults]
    with Emulator(folder, catalog=built_in(), faults=known) as emulator, Client(emulator.url, timeouts=timeouts) as c:
        yield c


def small(prefix: str = "kept", color: int = 1) -> dict[str, Any]:
    """A prompt of two nodes, and no model."""
    empty = {"width": 64, "height": 64, "batch_size": 1, "color": color}
    return {
        "1": {"class_type": "EmptyImage", "inputs": empty},
        "9": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": prefix}},
    }


def outcome_of(client: Client, prompt: dict[str, Any]) -> Outcome:
    prompt_id = new_id()
    submission = client.submit(prompt, prompt_id)
    assert isinstance(submission, Submission)
    return client.wait(submission.prompt_id, ignore)


# The network.


def test_a_prompt_runs_over_a_slow_network(proxy: ChaosProxy) -> None:
    proxy.poison("latency", "down", 0.02)
    proxy.poison("slicer", "up", 500)
    with behind(proxy) as client, client.listen():
        assert ran(client) == DONE


@pytest.mark.parametrize(("way", "arrived"), [("up", 1), ("down", 1)])
def test_a_reset_in_the_middle_of_a_submission_makes_one_run(
    server: ScriptedServer, proxy: ChaosProxy, way: Any, arrived: int
) -> None:
    proxy.poison("reset_peer", way, only=b"POST /prompt", times=1)
    prompt_id = new_id()
    with behind(proxy) as client:
        assert client.submit(PROMPT, prompt_id) == Submission(prompt_id, answered=way == "up")
        assert client.wait(prompt_id, ignore) == DONE
    assert server.taken == len(server.asked("POST /prompt")) == arrived


def test_a_submission_that_never_comes_through_whole_runs_nothing(server: ScriptedServer, proxy: ChaosProxy) -> None:
    large = {**PROMPT, "1": {"class_type": "EmptyImage", "inputs": {"text": "x" * 500_000}}}
    proxy.poison("limit_data", "up", 100_000, only=b"POST /prompt")
    prompt_id = new_id()
    with behind(proxy) as client:
        with pytest.raises(ServerUnreachable):
            client.submit(large, prompt_id)
        assert server.taken == 0
        proxy.cure()
        assert client.submit(large, prompt_id) == Submission(prompt_id, answered=True)
    assert server.taken == 1


def test_a_websocket_that_is_cut_is_opened_again_and_the_result_comes_once(
    server: ScriptedServer, proxy: ChaosProxy
) -> None:
    server.keep_running = True
    heard: list[Event] = []

    def hear(event: Event) -> None:
        heard.append(event)
        server.opened.clear()
        proxy.cut()
        assert server.opened.wait(20)  # again
        server.finish(prompt_id)
        server.tell("execution_success", {"prompt_id": prompt_id})

    with behind(proxy, BORNE) as client, client.listen():
        assert server.opened.wait(20)  # who is not there yet is not told
        prompt_id = new_id()
        client.submit(PROMPT, prompt_id)
        server.tell("execution_start", {"prompt_id": prompt_id})
        assert client.wait(prompt_id, hear) == DONE
    assert heard == [Started()]
    assert server.taken == 1


def test_a_websocket_that_is_half_open_costs_no_result(server: ScriptedServer, proxy: ChaosProxy) -> None:
    server.keep_running = True
    with behind(proxy) as client, client.listen():
        prompt_id = new_id()
        client.submit(PROMPT, prompt_id)
        proxy.poison("timeout", "down", only=b"GET /ws")
        server.tell("execution_start", {"prompt_id": prompt_id})
        server.looks = 3
        server.keep_running = False
        assert client.wait(prompt_id, ignore) == DONE


def test_connections_that_are_half_open_are_given_up_and_others_opened(
    server: ScriptedServer, proxy: ChaosProxy
) -> None:
    server.keep_running = True
    with behind(proxy, replace(HASTY, grace=15)) as client:
        prompt_id = new_id()
        client.submit(PROMPT, prompt_id)
        before = proxy.connections
        proxy.poison("timeout", "down", times=2)
        server.keep_running, server.looks = False, 1
        assert client.wait(prompt_id, ignore) == DONE
        assert 2 <= proxy.connections - before < 8


def test_a_large_file_over_a_slow_network_may_take_longer_than_a_file_may(
    server: ScriptedServer, proxy: ChaosProxy
) -> None:
    server.files["a_00001_.png", "", "output"] = data = os.urandom(300_000)
    proxy.poison("bandwidth", "down", 250_000)
    with behind(proxy, HASTY) as client:
        began = time.monotonic()
        assert client.fetch(OUTPUT, limit_bytes=300_000) == data
        assert time.monotonic() - began > 2 * HASTY.transfer


def test_a_file_that_hardly_comes_is_given_up(server: ScriptedServer, proxy: ChaosProxy) -> None:
    server.files["a_00001_.png", "", "output"] = os.urandom(300_000)
    proxy.poison("bandwidth", "down", 10_000)
    with behind(proxy, HASTY) as client:
        began = time.monotonic()
        with pytest.raises(ServerUnreachable, match="no complete answer"):
            client.fetch(OUTPUT, limit_bytes=300_000)
        assert time.monotonic() - began < 15  # of the thirty that it would take


def test_a_file_that_came_fast_and_stops_is_given_up(server: ScriptedServer) -> None:
    def stops(call: Call) -> None:
        call.send_response(200)
        call.send_header("Content-Length", "1000000")
        call.end_headers()
        call.wfile.write(bytes(900_000))  # for which 14 seconds would be allowed
        hangs(call)

    server.script["GET /view"] = [stops]
    with Client(server.url, timeouts=HASTY) as client:
        began = time.monotonic()
        with pytest.raises(ServerUnreachable, match="no complete answer"):
            client.fetch(OUTPUT, limit_bytes=10**6)
        assert time.monotonic() - began < 10


# A server that wants to be left alone.


@pytest.mark.parametrize("after", ["0", "-5", "1000000000", "9" * 400, "soon", "", "Wed, 21 Oct 2015 07:28:00 GMT"])
def test_a_prompt_is_sent_again_after_429_whatever_it_says_of_the_time(
    server: ScriptedServer, client: Client, after: str
) -> None:
    server.script["POST /prompt"] = [says(429, b"", Retry_After=after)]
    began = time.monotonic()
    assert ran(client) == DONE
    assert time.monotonic() - began < 15
    assert (server.taken, len(server.asked("POST /prompt"))) == (1, 2)


def test_the_time_that_it_says_is_waited_for(server: ScriptedServer) -> None:
    server.script["POST /prompt"] = [says(429, b"", Retry_After="1")]
    with Client(server.url, timeouts=BORNE) as client:
        began = time.monotonic()
        assert ran(client) == DONE
    assert time.monotonic() - began >= 1


@pytest.mark.parametrize("status", [429, 503])
def test_while_a_prompt_runs_the_time_is_waited_for_too(server: ScriptedServer, status: int) -> None:
    server.keep_running = True
    asked: list[float] = []

    def later(call: Call) -> None:
        asked.append(time.monotonic())
        says(status, b"", Retry_After="100")(call)

    def ends(call: Call) -> None:
        asked.append(time.monotonic())
        server.finish(prompt_id)
        call.answer()

    with Client(server.url, timeouts=replace(QUICK, grace=0.7)) as client:
        prompt_id = new_id()
        client.submit(PROMPT, prompt_id)
        server.script["GET /history/"] = [later, ends]
        assert client.wait(prompt_id, ignore) == DONE
    assert 0.7 <= asked[1] - asked[0] < 50


def test_a_server_that_always_wants_to_be_left_alone_is_given_up(server: ScriptedServer, client: Client) -> None:
    server.script["POST /prompt"] = [says(429, b"", Retry_After="0")] * 50
    with pytest.raises(ServerMisbehaved, match="HTTP 429") as problem:
        client.submit(PROMPT, new_id())
    assert problem.value.status == 429
    assert len(server.asked("POST /prompt")) < 5


def test_a_time_to_come_again_is_read() -> None:
    assert [pause_of(text) for text in ("7", " 7 ", "1e3", "-1", "nan", "inf")] == [7, 7, 0, 0, 0, 0]
    in_an_hour = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 3600))
    assert 3590 < pause_of(in_an_hour) <= 3600
    assert pause_of("Wed, 21 Oct 2015 07:28:00 GMT") == pause_of("Wed, 21 Oct 99999 07:28:00 -0000") == 0


@given(st.text())
def test_any_time_to_come_again_is_a_number(text: str) -> None:
    assert pause_of(text) >= 0


# Certificates.


@pytest.mark.parametrize(
    ("certificate", "host", "trusted", "reason", "help"),
    [
        (CERTIFICATE, "127.0.0.1", False, "self-signed certificate", "REQUESTS_CA_BUNDLE"),
        (EXPIRED, "127.0.0.1", True, "certificate has expired", "renewed"),
        (CERTIFICATE, "127.1", True, "127.1", "the name that the certificate is for"),
    ],
)
def test_a_certificate_that_is_wrong_is_said_to_be_and_not_asked_for_again(
    monkeypatch: pytest.MonkeyPatch, certificate: Path, host: str, trusted: bool, reason: str, help: str
) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    if trusted:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    with OddServer(comfyui({}), tls=True, certificate=certificate) as server, ChaosProxy(server.url) as proxy:
        url = f"https://{host}:{proxy.url.rpartition(':')[2]}"
        with Client(url, timeouts=BORNE) as client, pytest.raises(ServerUntrusted, match=reason) as problem:
            client.wait(new_id(), ignore)
        assert help in problem.value.help
        assert (proxy.connections, server.log) == (1, [])


def test_no_patience_with_a_certificate() -> None:
    with pytest.raises(ServerUntrusted):
        Patience(BORNE).failed(ServerUntrusted("https://x", "its certificate is not trusted", ""))


# What the emulator can do.


@pytest.mark.parametrize(
    ("fault", "complaint"),
    [
        ("huge:/object_info", "more than 64 MiB"),
        ("nested:/object_info", "what is not JSON"),
        ("garbage:/object_info", "what is not JSON"),
        ("empty:/object_info", "what is not JSON: nothing"),
        ("truncate:/object_info", "what is not JSON"),
        ("html:/object_info", "what is not JSON"),
        ("hang:/object_info", "no complete answer"),
        ("drip:/object_info", "no complete answer"),
    ],
)
def test_nodes_that_are_not_told_as_they_should_be(tmp_path: Path, fault: str, complaint: str) -> None:
    tracemalloc.start()
    try:
        with failing(tmp_path, fault, timeouts=HASTY) as client, pytest.raises(ServerProblem, match=complaint):
            client.node_types(["SaveImage"])
        assert tracemalloc.get_traced_memory()[1] < 300 * 2**20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("fault", ["odd", "odd:/queue", "garbage@1-3", "empty:/history@1-3", "nested:/queue@1-2"])
def test_odd_answers_do_not_hold_up_a_prompt(tmp_path: Path, fault: str) -> None:
    with failing(tmp_path, fault, timeouts=BORNE) as client:
        prompt_id = new_id()
        assert client.submit(small(), prompt_id, new=True) == Submission(prompt_id, answered=True)
        assert isinstance(client.wait(prompt_id, ignore), Succeeded)


def test_a_prompt_ends_on_a_server_that_flaps(tmp_path: Path) -> None:
    emulator = Emulator(tmp_path, catalog=built_in(), faults=[parse("flapping:0.4"), parse("slow:0.5")])
    with emulator, ChaosProxy(emulator.url) as proxy, behind(proxy, replace(BORNE, lost=2)) as client, client.listen():
        assert isinstance(outcome_of(client, small()), Succeeded)
        assert proxy.connections < 150  # and no storm


def test_a_server_that_crashes_leaves_a_prompt_that_may_be_unfinished(tmp_path: Path) -> None:
    with (
        Serving(tmp_path, "--port", "0", "--fail", "crash", "--fail", "slow:0.2", stderr=subprocess.DEVNULL) as serving,
        Client(serving.url, timeouts=QUICK) as client,
    ):
        prompt_id = new_id()
        client.submit(small(), prompt_id)
        with pytest.raises(ServerUnreachable, match=f'"{prompt_id}" was submitted there and may be unfinished'):
            client.wait(prompt_id, ignore)


def test_a_server_that_restarts_among_others_has_lost_a_prompt_and_they_keep_theirs(tmp_path: Path) -> None:
    with failing(tmp_path, "others:3@2-", "restart") as client:
        outcome = outcome_of(client, small())
        assert isinstance(outcome, Lost)
        theirs = [outcome_of(client, small("again")), *(client.wait(id, ignore) for id in _known(client))]
        assert len(theirs) == 1 + 3 + 3 + 1
        assert all(isinstance(each, Succeeded) for each in theirs)


def _known(client: Client) -> list[str]:
    return list(client._wire.json(client._wire.get("/history", 5), "history"))


def test_a_history_that_keeps_little_makes_a_prompt_lost_and_not_done(tmp_path: Path) -> None:
    with failing(tmp_path, "forgetful:1") as client:
        first, second = new_id(), new_id()
        client.submit(small("a"), first, new=True)
        client.submit(small("b"), second, new=True)
        assert isinstance(client.wait(second, ignore), Succeeded)
        assert isinstance(client.wait(first, ignore), Lost)


def test_a_prompt_that_is_stuck_is_waited_for_no_longer_than_allowed(tmp_path: Path) -> None:
    with failing(tmp_path, "stuck", timeouts=replace(QUICK, no_progress=0.5)) as client:
        prompt_id = new_id()
        client.submit(small(), prompt_id)
        outcome = client.wait(prompt_id, ignore)
        assert isinstance(outcome, TimedOut)
        client.cancel(prompt_id)
        assert client.find(prompt_id) == prompt_id  # nothing stops it


def test_a_poisoned_prompt_and_one_out_of_memory_are_told_apart(tmp_path: Path) -> None:
    with failing(tmp_path, "poison:bad", "oom@3") as client:
        poisoned, large, sound = (outcome_of(client, small(name)) for name in ("bad", "large", "sound"))
        assert isinstance(poisoned, Failed)
        assert isinstance(large, Failed)
        assert (poisoned.out_of_memory, large.out_of_memory) == (False, True)
        assert isinstance(sound, Succeeded)


def test_a_prompt_that_ran_twice_has_its_first_files_too(tmp_path: Path) -> None:
    with failing(tmp_path, "again") as client:
        prompt_id, outcome = new_id(), None
        client.submit(small(), prompt_id, new=True)
        end = time.monotonic() + 20
        second = Succeeded((OutputFile("9", "kept_00002_.png", "", "output", "images"),), ())
        while outcome != second and time.monotonic() < end:
            outcome = client.wait(prompt_id, ignore)
        assert outcome == second
        first = replace(second.outputs[0], filename="kept_00001_.png")
        assert client.fetch(first, limit_bytes=10**6) == client.fetch(second.outputs[0], limit_bytes=10**6)


@pytest.mark.parametrize(("fault", "same"), [("lie@1", False), ("cut@1", True), ("drip@1", None)])
def test_after_a_file_that_came_wrong_the_next_answer_is_right(tmp_path: Path, fault: str, same: bool | None) -> None:
    with failing(tmp_path, fault, timeouts=HASTY) as client:
        outcome = outcome_of(client, small())
        assert isinstance(outcome, Succeeded)
        (file,) = outcome.outputs
        if same is None:
            with pytest.raises(ServerUnreachable):
                client.fetch(file, limit_bytes=10**6)
        else:
            first = client.fetch(file, limit_bytes=10**6)
            assert (first == client.fetch(file, limit_bytes=10**6)) is same
        assert client.system_stats()["system"]["comfyui_version"] == "0.3.64"


def test_what_was_saved_and_deleted_is_made_anew_under_another_prefix(tmp_path: Path) -> None:
    with failing(tmp_path, "gone@1") as client:
        outcome = outcome_of(client, small())
        assert isinstance(outcome, Succeeded)
        with pytest.raises(ServerMisbehaved, match="no longer has its file"):
            client.fetch(outcome.outputs[0], limit_bytes=10**6)
        cached = outcome_of(client, small())
        assert isinstance(cached, Succeeded)
        assert cached.outputs == outcome.outputs
        anew = outcome_of(client, small("kept_anew"))
        assert isinstance(anew, Succeeded)
        assert client.fetch(anew.outputs[0], limit_bytes=10**6)


def test_an_interrupt_by_somebody_else_is_told_apart_from_a_failure(tmp_path: Path) -> None:
    with failing(tmp_path, "slow:30") as client, Client(client.url, timeouts=QUICK) as somebody:
        prompt_id = new_id()
        client.submit(small(), prompt_id)
        while somebody.sight(prompt_id)[0] != "running":  # one that waits is taken out, and leaves no word
            time.sleep(0.01)
        somebody.cancel(prompt_id)
        assert isinstance(client.wait(prompt_id, ignore), Interrupted)


# What is bounded, and by what.


def test_no_wait_asks_for_the_time_of_day() -> None:
    """A clock that jumps by a day must end no wait and begin none: only a Retry-After is about the time of day."""
    asking = {}
    for path in (ROOT / "compiler/comfyproof/run").glob("*.py"):
        text = path.read_text()
        if count := text.count("time.time()") + text.count(".now("):
            asking[path.name] = count
    # A record and a new run say when they were made; `doctor` compares the server's clock.
    assert {name: n for name, n in asking.items() if not name.startswith("doctor")} == {
        "execute.py": 1,
        "wire.py": 1,
    }


def test_the_largest_picture_that_is_looked_at_has_its_bounds() -> None:
    program = """
        import resource, struct, sys, time, zlib
        from comfyproof.verify.checks import verify_picture
        from comfyproof.verify.expected import Expected
        side = 11585
        def chunk(kind, body):
            return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        row = bytes(1) + bytes(range(256)) * 6
        packed = zlib.compress(row[: 1 + (side + 7) // 8] * side, 1)
        header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
        data = b"\\x89PNG\\r\\n\\x1a\\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")
        began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        verdict = verify_picture(data, Expected())[0].verdict
        print(verdict, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, time.monotonic() - began)
    """
    command = [sys.executable, "-c", textwrap.dedent(program)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    verdict, grown, seconds = done.stdout.split()
    assert verdict == "passed"
    assert int(grown) < 1_200_000  # KiB
    assert float(seconds) < 30

"""Waiting for a prompt: how it ended, what is heard on the way, and what is only a hint."""

from __future__ import annotations

import itertools
import threading
import time
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from comfyproof.run.answers import (
    Failed,
    Interrupted,
    Lost,
    OutputFile,
    OutputText,
    Succeeded,
    TimedOut,
)
from comfyproof.run.client import Client
from comfyproof.run.events import Cached, Ended, Event, NodeDone, NodeRunning, Progress, Started, Told
from comfyproof.run.problems import ServerMisbehaved, ServerUnreachable
from comfyproof.run.waiting import Inbox, Patience, Sighting, Timeouts, Vigil
from scripted_server import DONE, IMAGE, PROMPT, QUICK, Call, ScriptedServer, ignore, new_id, ran, says

# How prompts end.


def test_polling_alone_sees_the_end(server: ScriptedServer, client: Client) -> None:
    server.looks = 4
    assert ran(client) == DONE


def test_a_prompt_that_moves_from_queue_to_history_between_two_reads_is_not_lost(
    server: ScriptedServer, client: Client
) -> None:
    server.keep_running = True
    prompt_id = new_id()
    client.submit(PROMPT, prompt_id)

    def finishes(call: Call) -> None:
        server.finish(prompt_id)
        call.answer()

    server.script["GET /queue"] = [finishes]
    asked = len(server.log)
    assert client.wait(prompt_id, ignore) == DONE
    assert len(server.log) - asked == 3


def failure(**fields: Any) -> list[Any]:
    error = {"node_id": "6", "node_type": "VAEDecode", "exception_type": "RuntimeError", "exception_message": "bad\n"}
    return [["execution_start", {}], ["execution_error", {**error, **fields}]]


TRACE = ['  File "/x/nodes.py", line 5, in run\n    a()\n    ^^^\n', "\x1b]0;owned\x07::error::no\n", 5]
ENDS: dict[str, tuple[list[Any], str, Any]] = {
    "success": ([["execution_success", {}]], "success", DONE),
    "success with the status of the prompt before": ([["execution_success", {}]], "error", DONE),
    "success of an old server": ([["execution_start", {}], ["execution_cached", {}]], "success", DONE),
    "error": (
        failure(traceback=TRACE), "error",
        Failed("6", "VAEDecode", "RuntimeError", "bad",
               ('  File "/x/nodes.py", line 5, in run', "    a()", ": :error::no"), False),
    ),
    "error with the status of the prompt before": (
        failure(), "success", Failed("6", "VAEDecode", "RuntimeError", "bad", (), False),
    ),
    "interrupt": ([["execution_interrupted", {"node_id": "5"}]], "error", Interrupted("5")),
    "error without a message": ([["execution_start", {}]], "error",
                                Failed("", "", "", "the server does not say why the prompt did not finish", (), False)),
    "messages that are none": ([None, ["execution_error"], {"a": 1}, [1, 2]], "success", DONE),
}  # fmt: skip


@pytest.mark.parametrize("case", ENDS)
def test_the_messages_say_how_a_prompt_ended(server: ScriptedServer, client: Client, case: str) -> None:
    messages, status, outcome = ENDS[case]
    prompt_id = new_id()
    server.keep_running = True
    client.submit(PROMPT, prompt_id)
    server.finish(prompt_id, messages, status)
    assert client.wait(prompt_id, ignore) == outcome


@pytest.mark.parametrize("outputs", [{"9": IMAGE}, {}])
def test_a_status_may_be_missing(server: ScriptedServer, client: Client, outputs: Any) -> None:
    prompt_id = new_id()
    server.history[prompt_id] = {"prompt": [], "outputs": outputs, "status": None}
    assert isinstance(client.wait(prompt_id, ignore), Succeeded if outputs else Failed)


@pytest.mark.parametrize(
    ("kind", "text", "memory"),
    [
        ("torch.OutOfMemoryError", "Allocation on device ", True),
        ("torch.cuda.OutOfMemoryError", "x", True),
        ("RuntimeError", "CUDA error: out of memory", True),
        ("RuntimeError", "MPS backend out of memory (MPS allocated: 1 GB)", True),
        ("RuntimeError", "[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory", True),
        ("RuntimeError", "HIP out of memory. Tried to allocate 2.00 GiB", True),
        ("RuntimeError", "DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes", True),
        ("RuntimeError", "There is not enough GPU video memory available!", True),
        ("RuntimeError", "Native API returns: 39 (UR_RESULT_ERROR_OUT_OF_DEVICE_MEMORY)", True),
        ("RuntimeError", "cuDNN error: CUDNN_STATUS_ALLOC_FAILED", True),
        ("RuntimeError", "Invalid buffer size: 19.49 GB", True),
        ("OSError", "[Errno 12] Cannot allocate memory", True),
        ("numpy._core._exceptions._ArrayMemoryError", "Unable to allocate 9 GiB for an array", True),
        ("MemoryError", "", True),
        ("RuntimeError", "no such file: memory.safetensors", False),
        ("RuntimeError", "mat1 and mat2 shapes cannot be multiplied", False),
    ],
)
def test_running_out_of_memory_is_told_apart(
    server: ScriptedServer, client: Client, kind: str, text: str, memory: bool
) -> None:
    prompt_id = new_id()
    messages = failure(exception_type=kind, exception_message=text)
    server.history[prompt_id] = {"outputs": {}, "status": {"status_str": "error", "messages": messages}}
    outcome = client.wait(prompt_id, ignore)
    assert isinstance(outcome, Failed)
    assert outcome.out_of_memory is memory


def test_files_are_found_under_any_key(server: ScriptedServer, client: Client) -> None:
    def file(name: str, **more: Any) -> dict[str, Any]:
        return {"filename": name, "subfolder": "s", "type": "output", **more}

    prompt_id = new_id()
    outputs = {
        "1": {"images": [file("a.png"), file("a.png"), file("v.mp4")], "animated": [True]},
        "2": {"gifs": [file("b.mp4", fullpath="/etc/passwd")], "text": ["hello", "two"], "count": 3},
        "3": {"result": {"audio": [file("c.flac", type="temp")]}, "images": [{"filename": 5}, {"filename": ""}, None]},
        "4": {"images": [{"filename": "../../d.png"}]},
        "5": None,
    }
    server.history[prompt_id] = {"outputs": outputs, "status": {"status_str": "success", "messages": []}}
    assert client.wait(prompt_id, ignore) == Succeeded(
        (
            OutputFile("1", "a.png", "s", "output", "images"),
            OutputFile("1", "v.mp4", "s", "output", "images"),
            OutputFile("2", "b.mp4", "s", "output", "gifs"),
            OutputFile("3", "c.flac", "s", "temp", "audio"),
            OutputFile("4", "../../d.png", "", "output", "images"),
        ),
        (OutputText("2", "text", "hello"), OutputText("2", "text", "two")),
    )


def test_a_prompt_that_the_server_forgot_is_lost(server: ScriptedServer, client: Client) -> None:
    server.keep_running = True
    prompt_id = new_id()
    client.submit(PROMPT, prompt_id)
    server.forget()
    outcome = client.wait(prompt_id, ignore)
    assert isinstance(outcome, Lost)
    assert "restart" not in outcome.reason


def test_one_look_that_misses_the_prompt_does_not_make_it_lost(server: ScriptedServer) -> None:
    server.looks = 3
    with Client(server.url, timeouts=Timeouts(lost=5)) as client:
        prompt_id = new_id()
        client.submit(PROMPT, prompt_id)
        server.script["GET /queue"] = [says(200, {"queue_running": [], "queue_pending": []})] * 2
        assert client.wait(prompt_id, ignore) == DONE


def test_waiting_ends_when_the_job_takes_too_long(server: ScriptedServer) -> None:
    server.keep_running = True
    for limits in (Timeouts(job=0.1), Timeouts(no_progress=0.1)):
        with Client(server.url, timeouts=limits) as client:
            outcome = ran(client)
        assert isinstance(outcome, TimedOut)
        assert "0.1 s" in outcome.reason
        server.forget()
    assert not server.asked("POST /interrupt")


def test_others_getting_on_is_progress_for_a_prompt_that_waits_behind_them() -> None:
    patience = Patience(Timeouts(no_progress=0.2))
    for running in ("a", "b"):
        time.sleep(0.15)
        patience.is_lost(Sighting("pending", "mine", running=(running,)))
    assert patience.ran_out() is None
    time.sleep(0.2)
    patience.is_lost(Sighting("pending", "mine", running=("b",)))
    assert patience.ran_out() is not None


def test_a_prompt_that_was_seen_in_between_is_not_lost() -> None:
    patience = Patience(Timeouts(lost=0.05))
    nowhere = Sighting("absent")
    assert not patience.is_lost(nowhere)
    assert not patience.is_lost(Sighting("running", "mine", running=("mine",)))
    time.sleep(0.06)
    assert not patience.is_lost(nowhere)
    time.sleep(0.06)
    assert patience.is_lost(nowhere)


# Events.


def test_what_was_told_before_the_end_is_heard_though_the_end_is_seen_first() -> None:
    inbox = Inbox()
    for event in (Started(), NodeRunning("9"), Ended("execution_success"), NodeDone("9")):
        inbox.put("mine", [event])
    done = Sighting("terminal", "mine", {"outputs": {"9": IMAGE}})
    heard: list[Event] = []
    assert Vigil("mine", lambda _: done, inbox, Patience(QUICK), set()).until_over(heard.append) == DONE
    assert heard == [Started(), NodeRunning("9"), NodeDone("9")]


HINTS = st.sampled_from(
    [Started(), Cached(("1",)), NodeRunning("9"), Progress("9", 1, 4), Progress("9", 3, 4), NodeDone("9"),
     Ended("execution_success"), Ended("execution_error"), Ended("execution_interrupted"), Ended("idle")]
)  # fmt: skip
SEEN = st.sampled_from(
    [Sighting("running", "mine", running=("mine",)), Sighting("pending", "mine", running=("theirs",)),
     Sighting("absent"), ServerUnreachable("http://x", "it broke off", "", sent=True),
     ServerUnreachable("http://x", "silence", "", sent=True, silent=True),
     ServerMisbehaved("http://x", "was asked too often", status=429),
     ServerMisbehaved("http://x", "is busy", status=503)]
)  # fmt: skip


@given(
    st.lists(st.tuples(st.sampled_from(["mine", "theirs"]), HINTS), max_size=30),
    st.lists(SEEN, max_size=3),
    st.sampled_from([ENDS["success"], ENDS["error"], ENDS["interrupt"]]),
)
@settings(max_examples=20)
def test_no_hint_and_no_bad_look_decides_how_a_prompt_ended(
    hints: list[tuple[str, Told]], looks: list[Any], end: tuple[list[Any], str, Any]
) -> None:
    messages, status, outcome = end
    inbox = Inbox()
    for prompt_id, event in hints:
        inbox.put(prompt_id, [event])
    left = iter(looks)
    entry = {"outputs": {"9": IMAGE}, "status": {"status_str": status, "messages": messages}}

    def look(prompt_id: str) -> Sighting:
        seen = next(left, Sighting("terminal", "mine", entry))
        if isinstance(seen, Exception):
            raise seen
        return seen

    heard: list[Event] = []
    patience = Patience(Timeouts(grace=20, lost=20, job=20, no_progress=20))
    assert Vigil("mine", look, inbox, patience, set()).until_over(heard.append) == outcome
    once = [event for event in heard if not isinstance(event, Progress)]
    assert len(once) == len(set(once))
    assert {type(event) for event in heard} <= {type(event) for prompt_id, event in hints if prompt_id == "mine"}


def test_who_asks_too_often_asks_less_and_goes_on(server: ScriptedServer) -> None:
    server.keep_running = True
    prompt_id = new_id()
    asked: list[float] = []

    def too_often(call: Call) -> None:
        asked.append(time.monotonic())
        says(429)(call)

    def ends(call: Call) -> None:
        server.finish(prompt_id)
        call.answer()

    with Client(server.url, timeouts=replace(QUICK, grace=0)) as client:
        client.submit(PROMPT, prompt_id)
        server.script["GET /history/"] = [*[too_often] * 5, ends]
        assert client.wait(prompt_id, ignore) == DONE
    pauses = [after - before for before, after in itertools.pairwise(asked)]
    assert pauses == sorted(pauses)
    assert pauses[-1] > 0.35


def test_events_tell_what_happens_until_the_end(server: ScriptedServer, client: Client) -> None:
    server.keep_running = True
    prompt_id = new_id()
    heard: list[Event] = []

    def hear(event: Event) -> None:
        heard.append(event)
        if event == NodeDone("9"):
            server.finish(prompt_id)
            server.tell("executing", {"node": None, "prompt_id": prompt_id})

    states = {"9": {"state": "running", "value": 1, "max": 4}, "8.0": {"state": "finished", "display_node_id": "8"}}
    with client.listen():
        client.submit(PROMPT, prompt_id)
        for _ in range(2):
            server.tell("status", {"status": {"exec_info": {"queue_remaining": 1}}})
            server.tell("execution_start", {"prompt_id": prompt_id})
            server.tell("execution_cached", {"nodes": ["1"], "prompt_id": prompt_id})
            server.tell("executing", {"node": "77", "prompt_id": "somebody-elses"})
            server.tell("executing", {"node": "2"})
            server.tell("executing", {"node": "9", "display_node": "9", "prompt_id": prompt_id})
            server.tell("progress_state", {"prompt_id": prompt_id, "nodes": states})
            server.tell("progress", {"value": 2, "max": 4, "node": "9", "prompt_id": prompt_id})
            server.tell("progress", {"value": 2, "max": 4, "node": "9", "prompt_id": prompt_id})
            server.tell("progress", {"value": float("nan"), "max": 4, "node": "9", "prompt_id": prompt_id})
            server.tell("executed", {"node": "9", "output": IMAGE, "prompt_id": prompt_id})
        assert client.wait(prompt_id, hear) == DONE
    told = [Started(), Cached(("1",)), NodeRunning("9"), Progress("9", 1, 4), NodeDone("8"), Progress("9", 2, 4)]
    assert heard == [*told, NodeDone("9")]
    assert "Origin" not in server.socket_headers[0]


def test_an_early_word_of_success_is_only_a_hint(server: ScriptedServer, client: Client) -> None:
    server.looks = 5
    prompt_id = new_id()
    with client.listen():
        client.submit(PROMPT, prompt_id)
        server.tell("execution_success", {"prompt_id": prompt_id})
        assert client.wait(prompt_id, ignore) == DONE


def test_what_a_listener_of_events_raises_ends_the_waiting(server: ScriptedServer, client: Client) -> None:
    server.keep_running = True
    prompt_id = new_id()

    def stop(event: Event) -> None:
        raise KeyboardInterrupt

    with client.listen():
        client.submit(PROMPT, prompt_id)
        server.tell("execution_start", {"prompt_id": prompt_id})
        with pytest.raises(KeyboardInterrupt):
            client.wait(prompt_id, stop)
    assert not [thread for thread in threading.enumerate() if thread.name == "comfyproof-listen"]

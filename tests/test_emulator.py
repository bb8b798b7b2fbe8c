"""The emulator answers, runs and refuses as a ComfyUI 0.3.64 does."""

from __future__ import annotations

import io
import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from websocket import WebSocketTimeoutException

from comfyproof import png
from comfyproof.catalog.pinned import built_in
from comfyproof.emulator.embedded import Emulator
from emulator_client import (
    Client,
    Socket,
    copy_prompt,
    endless_prompt,
    failure,
    is_event,
    picture,
    sampling_prompt,
)

MODELS = {"checkpoints": ["b.safetensors", "a.safetensors"], "upscale_models": ["2x_small.pth"], "loras": []}


@pytest.fixture
def client(emulator: Emulator) -> Iterator[Client]:
    """A client of an emulator that has forgotten what it ran and has one picture."""
    client = Client(emulator.url)
    client.post("/free", {"free_memory": True})
    client.upload(picture(), overwrite="true")
    yield client
    client.http.close()


@pytest.fixture
def listed(tmp_path: Path) -> Iterator[Client]:
    """A client of an emulator that has certain model files and no others."""
    with Emulator(tmp_path, catalog=built_in(), models=MODELS) as started:
        client = Client(started.url)
        client.upload(picture())
        yield client
        client.http.close()


def story(messages: list[Any]) -> list[str]:
    """Messages in short, one line each."""
    told = []
    for message in messages:
        if isinstance(message, bytes):
            told.append(f"preview {int.from_bytes(message[:4], 'big')}")
            continue
        kind, data = message["type"], message["data"]
        if kind == "status":
            told.append(f"status {data['status']['exec_info']['queue_remaining']}")
        elif kind == "progress_state":
            states = (f"{n}:{s['value']:g}/{s['max']:g}:{s['state']}" for n, s in data["nodes"].items())
            told.append("state " + " ".join(states))
        elif kind == "progress":
            told.append(f"progress {data['node']} {data['value']}/{data['max']}")
        elif kind == "execution_cached":
            told.append("cached " + " ".join(data["nodes"]))
        else:
            told.append(f"{kind} {data.get('node', '')}".rstrip())
    return told


def wait_running(client: Client, prompt_id: str, socket: Socket) -> None:
    socket.until(lambda m: is_event(m, "progress", prompt_id=prompt_id))


# --- events -----------------------------------------------------------------------------------------------------------


def test_events_come_in_comfyui_s_order(client: Client) -> None:
    with client.listening() as (sid, socket):
        prompt_id = client.submit(copy_prompt("order"), client_id=sid)
        heard = socket.until_done(prompt_id)
    assert story(heard) == [
        "status 0", "status 1", "status 1", "execution_start", "cached ",
        "state 1:0/1:running", "executing 1", "state 1:1/1:finished",
        "state 1:1/1:finished 2:0/1:running", "executing 2", "state 1:1/1:finished 2:1/1:finished",
        "state 1:1/1:finished 2:1/1:finished 3:0/1:running", "executing 3", "executed 3",
        "state 1:1/1:finished 2:1/1:finished 3:1/1:finished",
        "execution_success", "status 0", "executing None",
    ]  # fmt: skip
    (executed,) = [m for m in heard if is_event(m, "executed")]
    assert executed["data"] == {
        "node": "3",
        "display_node": "3",
        "prompt_id": prompt_id,
        "output": {"images": [{"filename": "order_00001_.png", "subfolder": "", "type": "output"}]},
    }


def test_outputs_are_run_as_soon_as_they_can_be(client: Client) -> None:
    prompt = copy_prompt("early")
    prompt["0"] = {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}}
    prompt["9"] = {"class_type": "ImageInvert", "inputs": {"image": ["2", 0]}}
    prompt["3"]["inputs"]["images"] = ["9", 0]
    with client.listening() as (sid, socket):
        heard = socket.until_done(client.submit(prompt, client_id=sid))
    assert [m["data"]["node"] for m in heard if is_event(m, "executing")][:-1] == ["1", "0", "2", "9", "3"]


def test_a_sampler_reports_its_steps_with_previews(client: Client) -> None:
    with client.listening() as (sid, socket):
        heard = socket.until_done(client.submit(sampling_prompt(steps=2), client_id=sid))
    steps = [line for line in story(heard) if line.startswith(("progress", "preview"))]
    assert steps == ["progress 6 1/2", "preview 1", "progress 6 2/2", "preview 1"]
    preview = next(m for m in heard if isinstance(m, bytes))
    with Image.open(io.BytesIO(preview[8:])) as opened:
        assert (opened.format, opened.size) == ("JPEG", (64, 48))


def test_a_client_that_asks_gets_previews_with_metadata(client: Client) -> None:
    with client.listening(supports_preview_metadata=True) as (sid, socket):
        prompt_id = client.submit(sampling_prompt(steps=1, seed=5), client_id=sid)
        heard = socket.until_done(prompt_id)
    told = story(heard)
    assert told.index("preview 4") == told.index("progress 6 1/1") - 1
    preview = next(m for m in heard if isinstance(m, bytes))
    length = int.from_bytes(preview[4:8], "big")
    assert json.loads(preview[8 : 8 + length]) == {
        "node_id": "6", "prompt_id": prompt_id, "display_node_id": "6", "parent_node_id": None, "real_node_id": "6",
        "image_type": "image/jpeg",
    }  # fmt: skip
    assert preview[8 + length :].startswith(b"\xff\xd8\xff")


def test_without_a_client_id_only_progress_is_told_to_all(client: Client) -> None:
    with client.listening() as (_, socket):
        client.submit(copy_prompt("nobody", width=31))
        heard = socket.until(lambda m: is_event(m, "status", status={"exec_info": {"queue_remaining": 0}}))
        while not any(is_event(m, "progress_state") for m in heard):
            heard = socket.until(lambda m: is_event(m, "status", status={"exec_info": {"queue_remaining": 0}}))
    assert {m["type"] for m in heard} == {"status", "progress_state"}


def test_two_clients_hear_of_their_own_prompts(client: Client) -> None:
    with client.listening() as (one, first), client.listening() as (two, second):
        mine = client.submit(sampling_prompt(), client_id=one)
        yours = client.submit(copy_prompt("yours"), client_id=two)
        first.until_done(mine)
        heard = second.until_done(yours)
    assert not any(isinstance(m, bytes) for m in heard)
    assert {m["data"]["prompt_id"] for m in heard if m["type"] != "status"} == {yours}
    told = [m for m in first.heard if isinstance(m, dict) and m["type"] != "status"]
    assert {m["data"]["prompt_id"] for m in told} == {mine}


def test_a_client_that_comes_back_hears_where_its_prompt_is(client: Client) -> None:
    with client.listening() as (sid, socket):
        prompt_id = client.submit(endless_prompt(), client_id=sid)
        wait_running(client, prompt_id, socket)
    with client.listening(sid) as (_, again):
        heard = again.until(lambda m: is_event(m, "executing"))
        assert heard[-1]["data"].keys() == {"node"}
        client.post("/interrupt")
        again.until_done(prompt_id)


def test_the_first_socket_of_an_id_takes_the_second_with_it(client: Client) -> None:
    with client.listening() as (sid, first), client.listening(sid) as (_, second):
        first.close()
        with client.listening() as (other, third):
            third.until_done(client.submit(copy_prompt("closed"), client_id=other))
            client.submit(copy_prompt("closed"), client_id=sid)
            third.until(lambda m: is_event(m, "status", status={"exec_info": {"queue_remaining": 0}}))
        second.socket.settimeout(0.2)
        with pytest.raises(WebSocketTimeoutException):
            second.until(lambda m: is_event(m, "executed"))


# --- cache ------------------------------------------------------------------------------------------------------------


def cached(entry: dict[str, Any]) -> list[str]:
    return next(list(data["nodes"]) for kind, data in entry["status"]["messages"] if kind == "execution_cached")


def test_a_repeated_prompt_gives_its_old_files(client: Client, emulator: Emulator) -> None:
    first = client.run(copy_prompt("again"))
    with client.listening() as (sid, socket):
        heard = socket.until_done(client.submit(copy_prompt("again"), client_id=sid))
    assert story(heard)[3:7] == ["execution_start", "cached 1 2 3", "executed 3", "state 3:1/1:finished"]
    again = next(m["data"]["output"] for m in heard if is_event(m, "executed"))
    assert again == first["outputs"]["3"]
    assert client.get("/view", filename="again_00002_.png").status_code == 404


def test_node_ids_do_not_matter_to_the_cache(client: Client) -> None:
    client.run(copy_prompt("ids"))
    renamed = json.loads(json.dumps(copy_prompt("ids")).replace('"1"', '"one"').replace('"2"', '"two"'))
    assert cached(client.run(renamed)) == ["one", "two", "3"]


def test_a_changed_input_runs_what_depends_on_it(client: Client) -> None:
    client.run(sampling_prompt(seed=1))
    assert cached(client.run(sampling_prompt(seed=2))) == ["1", "2", "3", "4", "5"]


def test_an_undeclared_input_counts(client: Client) -> None:
    client.run(copy_prompt("note"))
    assert cached(client.run(copy_prompt("note", note=1))) == ["1"]


def test_only_the_last_prompt_is_kept(client: Client) -> None:
    client.run(copy_prompt("kept"))
    client.run(sampling_prompt())
    assert cached(client.run(copy_prompt("kept"))) == ["1"]


def test_a_changed_file_is_read_again(client: Client) -> None:
    client.run(copy_prompt("file"))
    client.upload(picture(seed=3), overwrite="true")
    assert cached(client.run(copy_prompt("file"))) == []


def test_free_memory_empties_the_cache(client: Client) -> None:
    client.run(copy_prompt("free"))
    client.post("/free", {"unload_models": True})
    assert cached(client.run(copy_prompt("free"))) == ["1", "2", "3"]
    client.post("/free", {"free_memory": True})
    assert cached(client.run(copy_prompt("free"))) == []


# --- queue, history, interrupt ----------------------------------------------------------------------------------------


@pytest.fixture
def blocked(client: Client) -> Iterator[tuple[Client, str]]:
    """A client whose server is busy with a prompt."""
    with client.listening() as (sid, socket):
        prompt_id = client.submit(endless_prompt(), client_id=sid)
        wait_running(client, prompt_id, socket)
        yield client, prompt_id
        client.post("/queue", {"clear": True})
        client.post("/interrupt")
        socket.until_done(prompt_id)


def test_the_queue_tells_what_runs_and_what_waits(blocked: tuple[Client, str]) -> None:
    client, running = blocked
    waiting = client.submit(copy_prompt("waits"), extra_data={"extra_pnginfo": {"a": 1}}, client_id="somebody")
    queue = client.get("/queue").json()
    assert [item[1] for item in queue["queue_running"]] == [running]
    ((number, id, prompt, extra_data, outputs),) = queue["queue_pending"]
    assert (id, prompt, outputs) == (waiting, copy_prompt("waits"), ["3"])
    assert extra_data == {"extra_pnginfo": {"a": 1}, "client_id": "somebody"}
    assert number == queue["queue_running"][0][0] + 1
    assert client.get("/prompt").json() == {"exec_info": {"queue_remaining": 2}}
    assert client.get(f"/history/{waiting}").json() == {}


def test_waiting_prompts_can_be_taken_out(blocked: tuple[Client, str]) -> None:
    client, running = blocked
    first, second, third = (client.submit(copy_prompt(f"out{n}")) for n in range(3))
    client.post("/queue", {"delete": [second, running, "no such id", 5, None]})
    assert {item[1] for item in client.get("/queue").json()["queue_pending"]} == {first, third}
    client.post("/queue", {"clear": True})
    assert client.get("/queue").json()["queue_pending"] == []
    assert client.get("/prompt").json()["exec_info"]["queue_remaining"] == 1


def test_lower_numbers_run_first(client: Client) -> None:
    with client.listening() as (sid, socket):
        blocker = client.submit(endless_prompt(), client_id=sid)
        wait_running(client, blocker, socket)
        names: dict[str, Any] = {"last": {"number": 10**6}, "front": {"front": True}, "first": {"number": "-1e6"}}
        ids = {name: client.submit(copy_prompt(name), client_id=sid, **how) for name, how in names.items()}
        client.post("/interrupt", {"prompt_id": blocker})
        heard = socket.until_done(ids["last"])
    started = [m["data"]["prompt_id"] for m in heard if is_event(m, "execution_start")]
    assert started == [blocker, ids["first"], ids["front"], ids["last"]]


def test_an_interrupt_may_name_its_prompt(client: Client) -> None:
    with client.listening() as (sid, socket):
        prompt_id = client.submit(endless_prompt(), client_id=sid)
        wait_running(client, prompt_id, socket)
        waiting = client.submit(copy_prompt("waiting"), client_id=sid)
        for other in ("no such id", waiting):
            assert client.post("/interrupt", {"prompt_id": other}).status_code == 200
        assert client.get("/queue").json()["queue_running"][0][1] == prompt_id
        client.post("/interrupt", {"prompt_id": prompt_id})
        heard = socket.until_done(prompt_id)
        socket.until_done(waiting)
    (interrupted,) = [m["data"] for m in heard if is_event(m, "execution_interrupted")]
    assert (interrupted["node_id"], interrupted["node_type"]) == ("6", "KSampler")
    assert interrupted.keys() == {"prompt_id", "node_id", "node_type", "executed", "timestamp"}
    status = client.get(f"/history/{prompt_id}").json()[prompt_id]["status"]
    assert (status["status_str"], status["completed"]) == ("error", False)
    assert [kind for kind, _ in status["messages"]][-1] == "execution_interrupted"
    assert client.get(f"/history/{waiting}").json()[waiting]["status"]["status_str"] == "success"


def test_an_interrupt_is_seen_between_nodes(client: Client) -> None:
    prompt = copy_prompt("between", width=512)
    for n in range(100):
        blur = {"image": [f"n{n - 1}" if n else "2", 0], "blur_radius": 31, "sigma": 1.0}
        prompt[f"n{n}"] = {"class_type": "ImageBlur", "inputs": blur}
    prompt["2"]["inputs"]["height"] = 512
    prompt["3"]["inputs"]["images"] = ["n99", 0]
    with client.listening() as (sid, socket):
        prompt_id = client.submit(prompt, client_id=sid)
        socket.until(lambda m: is_event(m, "executing", node="n0"))
        client.post("/interrupt")
        heard = socket.until_done(prompt_id)
    assert any(is_event(m, "execution_interrupted") for m in heard)


def test_an_idle_interrupt_stops_nothing_later(client: Client) -> None:
    assert client.http.post(client.url + "/interrupt", timeout=10).status_code == 200
    assert client.run(copy_prompt("idle"))["status"]["status_str"] == "success"


def test_history_has_what_came_of_a_prompt(client: Client) -> None:
    secrets = {"auth_token_comfy_org": "a", "api_key_comfy_org": "b", "note": "c"}
    with client.listening() as (sid, socket):
        prompt_id = client.submit(copy_prompt("told", width="32"), client_id=sid, extra_data=secrets)
        socket.until_done(prompt_id)
    entry = client.get(f"/history/{prompt_id}").json()[prompt_id]
    number, id, prompt, extra_data, outputs = entry["prompt"]
    assert isinstance(number, int)
    assert (id, prompt, outputs) == (prompt_id, copy_prompt("told", width=32), ["3"])
    assert extra_data == {"note": "c", "client_id": sid}
    assert entry["outputs"] == {"3": {"images": [{"filename": "told_00001_.png", "subfolder": "", "type": "output"}]}}
    assert entry["meta"] == {"3": {"node_id": "3", "display_node": "3", "parent_node": None, "real_node_id": "3"}}
    assert entry["status"]["status_str"] == "success"
    assert entry["status"]["completed"] is True
    assert [kind for kind, _ in entry["status"]["messages"]] == [
        "execution_start", "execution_cached", "execution_success",
    ]  # fmt: skip


def test_history_can_be_paged_and_forgotten(client: Client) -> None:
    client.post("/history", {"clear": True})
    for n in range(4):
        client.run(copy_prompt("page"), prompt_id=f"id{n}")
    assert list(client.get("/history").json()) == ["id0", "id1", "id2", "id3"]
    assert list(client.get("/history", max_items=2).json()) == ["id2", "id3"]
    assert list(client.get("/history", max_items=2, offset=1).json()) == ["id1", "id2"]
    assert list(client.get("/history", offset=3).json()) == ["id3"]
    assert client.get("/history", max_items="x").status_code == 500
    client.post("/history", {"delete": ["id1", 7, None]})
    assert list(client.get("/history").json()) == ["id0", "id2", "id3"]
    assert client.get("/history/id1").json() == {}


def test_a_prompt_id_is_any_text_and_may_come_twice(client: Client) -> None:
    client.post("/history", {"clear": True})
    for given_id, known in ((42, "42"), (None, "None"), ("42", "42")):
        assert client.submit(copy_prompt("id"), prompt_id=given_id) == known
    client.run(copy_prompt("id", width=29))
    assert list(client.get("/history").json())[:2] == ["42", "None"]


# --- refusals ---------------------------------------------------------------------------------------------------------


def test_a_bad_prompt_is_refused_with_the_verdict(client: Client) -> None:
    answer = client.post("/prompt", {"prompt": copy_prompt(width=-1)})
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "prompt_outputs_failed_validation"
    assert answer.json()["node_errors"]["2"]["errors"][0]["message"] == "Value -1 smaller than min of 0"


def test_a_partly_bad_prompt_runs_its_good_outputs(client: Client) -> None:
    prompt = copy_prompt("partly")
    prompt["4"] = {"class_type": "PreviewImage", "inputs": {}}
    answer = client.post("/prompt", {"prompt": prompt}).json()
    assert list(answer["node_errors"]) == ["4"]
    assert client.run(prompt)["prompt"][4] == ["3"]


def test_a_prompt_without_prompt_is_refused(client: Client) -> None:
    for body in ({}, [], "text"):
        answer = client.post("/prompt", body)
        assert (answer.status_code, answer.json()["error"]["type"]) == (400, "no_prompt")


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b"\xef\xbb\xbf{}", b"\xff", b"7", b"null", b'{"prompt": null}', b'{"prompt": [1]}',
     b'{"number": "x", "prompt": {}}', b'{"number": null}', b'{"prompt": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"],
)  # fmt: skip
def test_what_breaks_the_server_s_reading_is_its_trouble(client: Client, raw: bytes) -> None:
    answer = client.http.post(client.url + "/prompt", data=raw, timeout=10)
    assert (answer.status_code, answer.text) == (500, "500 Internal Server Error\n\nServer got itself in trouble")


def test_a_prompt_that_would_stop_the_worker_is_refused(client: Client) -> None:
    dangling = copy_prompt(ghost=["99", 0])
    unreachable = {**copy_prompt(), "9": {"class_type": "ImageInvert", "inputs": None}}
    links = ({"n": [f"n{number - 1}", 0]} if number else {} for number in range(982))
    row = {f"n{number}": {"class_type": "PrimitiveInt", "inputs": link} for number, link in enumerate(links)}
    bodies = [{"prompt": dangling}, {"prompt": unreachable}, {"prompt": {**copy_prompt(), **row}}]
    for more in ({"extra_data": None}, {"extra_data": 5}, {"extra_data": ["client_id"]}, {"client_id": []}):
        bodies.append({"prompt": copy_prompt(), **more})
    for body in bodies:
        answer = client.post("/prompt", body)
        assert (answer.status_code, answer.json()["error"]["type"]) == (400, "would_stop_worker")
    assert client.run(copy_prompt("alive"))["status"]["completed"]


def test_too_much_is_refused(client: Client) -> None:
    deep: Any = 1
    for _ in range(300):
        deep = [deep]
    many = {str(n): {"class_type": "PreviewAny", "inputs": {}} for n in range(20_001)}
    for prompt in (copy_prompt(note=deep), many):
        answer = client.post("/prompt", {"prompt": prompt})
        assert (answer.status_code, answer.json()["error"]["type"]) == (400, "too_large")


def test_the_same_number_and_id_twice_is_trouble(blocked: tuple[Client, str]) -> None:
    client, _ = blocked
    body = {"number": 5, "prompt_id": "same"}
    prompts = [copy_prompt(), copy_prompt(), copy_prompt("other")]  # twice the very same is none
    assert [client.post("/prompt", {**body, "prompt": p}).status_code for p in prompts] == [200, 200, 500]


def test_a_page_of_another_site_is_kept_out(client: Client) -> None:
    for origin, status in (("http://example.com", 403), ("http://localhost:1", 403), (client.url, 200), ("null", 200)):
        answer = client.http.get(client.url + "/prompt", headers={"Origin": origin}, timeout=10)
        assert (origin, answer.status_code) == (origin, status)


def test_unknown_routes_and_methods(client: Client) -> None:
    assert (client.get("/no/such/route").status_code, client.get("/no/such/route").content) == (404, b"")
    assert client.http.put(client.url + "/prompt", timeout=10).status_code == 405
    assert client.http.options(client.url + "/prompt", timeout=10).status_code == 200
    assert client.http.head(client.url + "/queue", timeout=10).status_code == 200
    assert client.get("/ws").status_code == 400


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6) | st.sampled_from(["1", "2", "3"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
nodes = st.fixed_dictionaries(
    {"class_type": st.sampled_from(["EmptyImage", "PreviewImage", "ImageScale", "PreviewAny", "GrowMask", "Canny"])},
    optional={
        "inputs": st.dictionaries(
            st.sampled_from(["width", "height", "images", "image", "source", "batch_size", "color", "mask"]),
            st.tuples(st.sampled_from("1234"), st.integers(-1, 1)).map(list) | st.integers(0, 64) | json_values,
            max_size=4,
        ),
        "_meta": json_values,
        "is_changed": json_values,
    },
)
bodies = json_values | st.fixed_dictionaries(
    {"prompt": st.dictionaries(st.sampled_from("1234"), nodes, min_size=1) | json_values},
    optional=dict.fromkeys(("client_id", "prompt_id", "extra_data", "front", "partial_execution_targets"), json_values),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=bodies, path=st.sampled_from(["/prompt"] * 6 + ["/queue", "/history", "/interrupt", "/free"]))
def test_it_outlives_any_body(client: Client, body: Any, path: str) -> None:
    raw = json.dumps(body)
    answer = client.http.post(client.url + path, data=raw, timeout=30)
    assert answer.status_code in (200, 400, 500)
    assert client.get("/prompt").status_code == 200


def test_after_any_body_the_worker_lives(client: Client) -> None:
    assert client.run(copy_prompt("survived"))["status"]["completed"]
    told = [data for entry in client.get("/history").json().values() for _, data in entry["status"]["messages"]]
    assert all(data["node_id"] is not None for data in told if "exception_type" in data)


# --- files ------------------------------------------------------------------------------------------------------------


def test_an_upload_keeps_apart_what_differs(client: Client) -> None:
    names = [client.upload(picture(seed=n), "up.png").json()["name"] for n in (1, 1, 2, 2, 3)]
    assert names == ["up.png", "up.png", "up (1).png", "up (1).png", "up (2).png"]
    assert client.upload(picture(seed=4), "up.png", overwrite="true").json()["name"] == "up.png"
    assert client.upload(picture(seed=5), "up.png", overwrite="True").json()["name"] == "up (3).png"
    assert client.view({"filename": "up.png", "type": "input"}) == picture(seed=4)


def test_an_upload_may_go_elsewhere(client: Client) -> None:
    told = client.upload(picture(), "sub.png", subfolder="a/b", type="temp").json()
    assert told == {"name": "sub.png", "subfolder": "a/b", "type": "temp"}
    assert client.view({"filename": "sub.png", "subfolder": "a/b", "type": "temp"}) == picture()


def test_an_upload_stays_inside(client: Client, emulator: Emulator) -> None:
    assert client.upload(b"x", "../../evil.png").status_code == 400
    assert client.upload(b"x", "evil.png", subfolder="../../x").status_code == 400
    assert client.upload(b"x", "evil.png", subfolder="/etc").status_code == 400
    assert client.upload(b"x", "evil.png", type="bogus").status_code == 500
    assert client.upload(b"x", "new/evil.png").status_code == 500
    assert client.post("/upload/image").status_code == 400
    assert client.http.post(client.url + "/upload/image", files={"other": ("a", b"x")}, timeout=10).status_code == 400


@pytest.mark.parametrize(
    ("query", "status"),
    [({}, 404), ({"filename": ""}, 400), ({"filename": "gone.png"}, 404), ({"filename": "../x.png"}, 400),
     ({"filename": "a..b.png"}, 400), ({"filename": "/etc/hosts"}, 400), ({"filename": "x", "type": "bogus"}, 400),
     ({"filename": "x", "subfolder": "../.."}, 403), ({"filename": "hosts", "subfolder": "/etc"}, 403),
     ({"filename": "x\0y"}, 403), ({"filename": "photo.png"}, 404), ({"filename": "photo.png", "type": "input"}, 200),
     ({"filename": "photo.png [input]"}, 200), ({"filename": "nowhere/photo.png", "type": "input"}, 200)],
)  # fmt: skip
def test_view_answers(client: Client, query: dict[str, str], status: int) -> None:
    assert client.get("/view", **query).status_code == status


def test_a_link_out_of_the_folders_leads_nowhere(client: Client, emulator: Emulator, tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_bytes(picture())
    told = client.get("/system_stats").json()
    assert told["system"]["argv"] == ["comfyproof emulator"]
    inputs = Path(emulator.describe() and emulator.folder) / "input"
    (inputs / "way_out.png").symlink_to(tmp_path / "secret.png")
    assert client.get("/view", filename="way_out.png", type="input").status_code == 403
    prompt = copy_prompt("link")
    prompt["1"]["inputs"]["image"] = "way_out.png"
    assert "outside" in failure(client.run(prompt))["exception_message"]


def test_view_can_shrink_a_picture(client: Client) -> None:
    for preview, kind in (("webp;50", "WEBP"), ("jpeg", "JPEG"), ("png", "WEBP")):
        answer = client.get("/view", filename="photo.png", type="input", preview=preview)
        with Image.open(io.BytesIO(answer.content)) as opened:
            assert (opened.format, opened.size) == (kind, (64, 48))
    for channel, mode in (("rgb", "RGB"), ("a", "RGBA")):
        answer = client.get("/view", filename="photo.png", type="input", channel=channel)
        with Image.open(io.BytesIO(answer.content)) as opened:
            assert (opened.format, opened.mode) == ("PNG", mode)
    client.upload(b"<script>", "page.html")
    answer = client.get("/view", filename="page.html", type="input")
    assert answer.headers["Content-Type"] == "application/octet-stream"


def test_a_saved_picture_carries_its_prompt(client: Client) -> None:
    workflow = {"nodes": [], "ü": "é"}
    prompt = copy_prompt("meta", width="32", note="kept")
    prompt["2"]["_meta"] = {"title": "T"}
    entry = client.run(prompt, extra_data={"extra_pnginfo": {"workflow": workflow, "mine": 1}})
    data = client.view(entry["outputs"]["3"]["images"][0])
    texts = png.texts(data)
    assert list(texts) == ["prompt", "workflow", "mine"]
    assert texts["workflow"] == json.dumps(workflow)
    embedded = png.embedded_prompt(data)
    assert texts["prompt"] == json.dumps(embedded)
    (file_hash,) = embedded["1"].pop("is_changed")
    assert len(file_hash) == 64
    prompt["2"]["inputs"]["width"] = 32
    assert embedded == prompt
    assert "is_changed" not in entry["prompt"][2]["1"]


def test_a_save_prefix_may_name_folders_and_sizes(client: Client) -> None:
    saved = [
        client.run(copy_prompt(prefix))["outputs"]["3"]["images"][0]
        for prefix in ("a/b/%width%x%height%", "a/b/%width%x%height%_", "plain", "plain", "", "a%batch_num%")
    ]
    names = [(image["subfolder"], image["filename"]) for image in saved]
    assert names[:2] == [("a/b", "32x32_00001_.png"), ("a/b", "32x32__00001_.png")]
    assert names[4:] == [("", "._00001_.png"), ("", "a0_00001_.png")]


def test_counters_go_on(client: Client, emulator: Emulator) -> None:
    (emulator.folder / "output" / "count_00041_.png").write_bytes(b"")
    (emulator.folder / "output" / "counter_00099_.png").write_bytes(b"")
    assert client.run(copy_prompt("count"))["outputs"]["3"]["images"][0]["filename"] == "count_00042_.png"


@pytest.mark.parametrize("prefix", ["../../evil", "/evil", "a/../../../evil"])
def test_a_save_prefix_stays_inside(client: Client, prefix: str) -> None:
    assert "outside" in failure(client.run(copy_prompt(prefix)))["exception_message"]


def test_a_picture_bomb_is_refused(client: Client) -> None:
    stream = io.BytesIO()
    Image.new("1", (12_000, 12_000)).save(stream, "PNG")
    client.upload(stream.getvalue(), "bomb.png")
    prompt = copy_prompt("bomb")
    prompt["1"]["inputs"]["image"] = "bomb.png"
    assert "64 megapixels" in failure(client.run(prompt))["exception_message"]
    client.upload(b"not a picture", "text.png")
    prompt["1"]["inputs"]["image"] = "text.png"
    assert "cannot identify image file" in failure(client.run(prompt))["exception_message"]
    assert client.get("/view", filename="bomb.png", type="input", preview="webp").status_code == 500


# --- what runs and what it says of itself -----------------------------------------------------------------------------


def test_an_error_in_a_node_is_told_with_all_facts(client: Client) -> None:
    prompt = copy_prompt("wrong", ghost=["1", 0])
    prompt["4"] = {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "side"}}
    entry = client.run(prompt)
    told = failure(entry)
    assert (told["node_id"], told["node_type"], told["exception_type"]) == ("2", "ImageScale", "TypeError")
    assert "unexpected keyword argument 'ghost'" in told["exception_message"]
    assert told["exception_message"].endswith("\n")
    assert told["executed"] == ["1", "4"]
    assert told["current_outputs"] == list(prompt)
    assert told["current_inputs"]["width"] == [32]
    assert all(isinstance(line, str) for line in told["traceback"])
    assert list(entry["outputs"]) == ["4"]
    assert entry["status"]["status_str"] == "error"


def test_a_cycle_through_an_undeclared_link_ends_the_prompt(client: Client) -> None:
    prompt = copy_prompt("cycle")
    prompt["1"]["inputs"]["ghost"] = ["2", 0]
    assert "Dependency cycle" in failure(client.run(prompt))["exception_message"]


def test_any_node_of_the_catalog_runs(client: Client) -> None:
    prompt = {
        "1": {"class_type": "LoadImage", "inputs": {"image": "photo.png"}},
        "2": {"class_type": "Morphology", "inputs": {"image": ["1", 0], "operation": "dilate", "kernel_size": 3}},
        "3": {"class_type": "CLIPVisionLoader", "inputs": {"clip_name": "any.safetensors"}},
        "4": {"class_type": "CLIPVisionEncode", "inputs": {"clip_vision": ["3", 0], "image": ["2", 0], "crop": "none"}},
        "5": {"class_type": "PreviewAny", "inputs": {"source": ["4", 0]}},
        "6": {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "filename_prefix": "stand_in"}},
    }
    entry = client.run(prompt)
    assert entry["status"]["status_str"] == "success"
    assert "CLIPVisionEncode" in entry["outputs"]["5"]["text"][0]
    assert entry["comfyproof"]["stand_ins"] == ["CLIPVisionEncode", "CLIPVisionLoader", "PreviewAny"]
    with Image.open(io.BytesIO(client.view(entry["outputs"]["6"]["images"][0]))) as opened:
        assert opened.size == (64, 48)


def test_a_stand_in_hands_on_what_it_gets(client: Client) -> None:
    prompt = sampling_prompt()
    prompt["9"] = {"class_type": "CLIPSetLastLayer", "inputs": {"clip": ["1", 1], "stop_at_clip_layer": -2}}
    prompt["10"] = {"class_type": "PreviewAny", "inputs": {"source": ["9", 0]}}
    assert "any.safetensors" in client.run(prompt)["outputs"]["10"]["text"][0]


def test_it_says_what_it_is(client: Client, emulator: Emulator) -> None:
    system = client.get("/system_stats").json()["system"]
    assert system["comfyui_version"] == "0.3.64"
    assert system["argv"] == ["comfyproof emulator"]
    about = system["comfyproof_emulator"]
    assert "sampling" in about["stand_ins"]
    assert about["takes_any_file"] is True
    assert "no model runs" in emulator.describe()


def test_it_offers_what_a_server_offers(client: Client) -> None:
    info = client.get("/object_info").json()
    assert info.keys() == built_in().raw.keys()
    assert info["UNETLoader"]["input"]["required"]["unet_name"][0]
    assert "photo.png" in info["LoadImage"]["input"]["required"]["image"][0]
    assert "photo.png" not in info["LoadAudio"]["input"]["required"]["audio"][0]
    assert client.get("/api/object_info/KSampler").json() == {"KSampler": info["KSampler"]}
    assert client.get("/object_info/NoSuchNode").json() == {}
    assert client.get("/features").json() == {"supports_preview_metadata": True, "max_upload_size": 104857600}
    assert "checkpoints" in client.get("/models").json()
    vaes = client.get("/models/vae").json()
    assert info["VAELoader"]["input"]["required"]["vae_name"][0] == [*vaes, "pixel_space"]
    assert client.get("/models/no_such_folder").status_code == 404
    assert client.get("/embeddings").json() == []


def test_only_listed_models_exist(listed: Client) -> None:
    assert listed.get("/models/checkpoints").json() == ["a.safetensors", "b.safetensors"]
    refused = listed.post("/prompt", {"prompt": sampling_prompt()}).json()
    (error,) = refused["node_errors"]["1"]["errors"]
    assert error["details"] == "ckpt_name: 'any.safetensors' not in ['a.safetensors', 'b.safetensors']"
    prompt = {
        "1": {"class_type": "UpscaleModelLoader", "inputs": {"model_name": "9x.pth"}},
        "2": {"class_type": "LoadImage", "inputs": {"image": "photo.png"}},
        "3": {"class_type": "ImageUpscaleWithModel", "inputs": {"upscale_model": ["1", 0], "image": ["2", 0]}},
        "4": {"class_type": "PreviewImage", "inputs": {"images": ["3", 0]}},
    }
    told = failure(listed.run(prompt))
    assert told["exception_message"] == "Model in folder 'upscale_models' with filename '9x.pth' not found.\n"
    prompt["1"]["inputs"]["model_name"] = "2x_small.pth"
    assert listed.pixels(prompt).shape == (96, 128, 3)


def test_an_empty_listing_has_nothing(tmp_path: Path) -> None:
    with Emulator(tmp_path, catalog=built_in(), models={}) as started:
        client = Client(started.url)
        prompt = {
            "1": {"class_type": "UpscaleModelLoader", "inputs": {"model_name": "2x.pth"}},
            "2": {"class_type": "PreviewAny", "inputs": {"source": ["1", 0]}},
        }
        assert "not found" in failure(client.run(prompt))["exception_message"]
        client.http.close()


def test_a_name_needs_a_fitting_ending_at_least(client: Client) -> None:
    prompt = sampling_prompt()
    prompt["1"]["inputs"]["ckpt_name"] = "notes.txt"
    assert client.post("/prompt", {"prompt": prompt}).status_code == 400


# --- starting and stopping --------------------------------------------------------------------------------------------


def test_it_starts_and_stops_and_starts_again(tmp_path: Path) -> None:
    emulator = Emulator(tmp_path, catalog=built_in())
    for _ in range(2):
        url = emulator.start()
        client = Client(url)
        assert client.get("/prompt").status_code == 200
        client.http.close()
        emulator.stop()
    emulator.stop()


def test_it_stops_while_a_prompt_runs(tmp_path: Path) -> None:
    emulator = Emulator(tmp_path, catalog=built_in())
    client = Client(emulator.start())
    client.upload(picture())
    with client.listening() as (sid, socket):
        wait_running(client, client.submit(endless_prompt(), client_id=sid), socket)
        emulator.stop()
    client.http.close()
    with pytest.raises(OSError, match="refused"):
        socket_to(emulator.url)


def socket_to(url: str) -> None:
    host, port = url.removeprefix("http://").split(":")
    socket.create_connection((host, int(port)), timeout=5).close()


def test_a_taken_port_is_an_error(emulator: Emulator, tmp_path: Path) -> None:
    port = int(emulator.url.rsplit(":", 1)[1])
    with pytest.raises(OSError, match="address"):
        Emulator(tmp_path, catalog=built_in(), port=port).start()


SERVE = """
import sys
from pathlib import Path
from comfyproof.catalog.pinned import built_in
from comfyproof.emulator.embedded import Emulator, serve
serve(Emulator(Path(sys.argv[1]), catalog=built_in()), lambda url: print(url, flush=True))
print("stopped", flush=True)
"""


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_serve_ends_with_a_signal(tmp_path: Path, sign: signal.Signals) -> None:
    command = [sys.executable, "-c", SERVE, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        client = Client(process.stdout.readline().strip())
        with client.listening():
            assert client.http.post(client.url + "/prompt", data=b"{", timeout=10).status_code == 500
            process.send_signal(sign)
            output, errors = process.communicate(timeout=30)
        client.http.close()
    assert (output, errors, process.returncode) == ("stopped\n", "", 0)


# --- pixels -----------------------------------------------------------------------------------------------------------


def test_the_same_settings_give_the_same_picture(client: Client) -> None:
    first = client.pixels(sampling_prompt())
    client.post("/free", {"free_memory": True})
    assert np.array_equal(first, client.pixels(sampling_prompt()))
    for change in ({"seed": 2}, {"denoise": 0.6}, {"positive": ["3", 0]}):
        assert not np.array_equal(first, client.pixels(sampling_prompt(**change)))
    steps = client.pixels(sampling_prompt(steps=4))
    assert np.array_equal(first, steps)


def test_denoise_is_how_much_changes(client: Client) -> None:
    plain = client.pixels(sampling_prompt(denoise=0.0)).astype(int)
    with Image.open(io.BytesIO(picture())) as opened:
        assert np.abs(plain - np.asarray(opened)).max() <= 1
    changes = [np.abs(client.pixels(sampling_prompt(denoise=d)) - plain).mean() for d in (0.1, 0.3, 0.6, 1.0)]
    assert changes == sorted(changes)
    assert changes[0] < 3 < 10 < changes[3]


def test_nothing_becomes_a_picture(client: Client) -> None:
    empty = {"class_type": "EmptyLatentImage", "inputs": {"width": 128, "height": 96, "batch_size": 2}}
    shown = client.pixels({**sampling_prompt(denoise=1.0), "5": empty})
    assert shown.shape == (96, 128, 3)
    assert shown.std() > 20
    assert client.pixels({**sampling_prompt(denoise=0.5), "5": empty}).std() > 20
    other = client.pixels({**sampling_prompt(denoise=1.0, seed=9), "5": empty})
    assert np.abs(shown.astype(int) - other).mean() > 5


def test_a_mask_keeps_what_it_covers(client: Client) -> None:
    prompt = sampling_prompt(denoise=1.0, latent_image=["m", 0])
    prompt["s"] = {"class_type": "SolidMask", "inputs": {"value": 0.0, "width": 64, "height": 48}}
    prompt["m"] = {"class_type": "SetLatentNoiseMask", "inputs": {"samples": ["5", 0], "mask": ["s", 0]}}
    with Image.open(io.BytesIO(picture())) as opened:
        assert np.abs(client.pixels(prompt).astype(int) - np.asarray(opened)).max() <= 1


def test_a_vae_crops_to_eights(client: Client) -> None:
    client.upload(picture(71, 53), "odd.png", overwrite="true")
    prompt = sampling_prompt(denoise=0.0)
    prompt["4"]["inputs"]["image"] = "odd.png"
    with Image.open(io.BytesIO(picture(71, 53))) as opened:
        middle = np.asarray(opened)[2:50, 3:67]
    assert np.abs(client.pixels(prompt).astype(int) - middle).max() <= 1


def tiled(**changes: Any) -> dict[str, Any]:
    prompt = sampling_prompt()
    settings = {
        "image": ["4", 0], "model": ["1", 0], "positive": ["2", 0], "negative": ["3", 0], "vae": ["1", 2],
        "upscale_by": 2.1, "seed": 1, "steps": 2, "cfg": 2.0, "sampler_name": "euler", "scheduler": "simple",
        "denoise": 0.3, "upscale_model": ["u", 0], "mode_type": "Linear", "tile_width": 64, "tile_height": 64,
        "mask_blur": 8, "tile_padding": 32, "seam_fix_mode": "None", "seam_fix_denoise": 1.0, "seam_fix_width": 64,
        "seam_fix_mask_blur": 8, "seam_fix_padding": 16, "force_uniform_tiles": True, "tiled_decode": False,
        "batch_size": 1,
    }  # fmt: skip
    prompt["u"] = {"class_type": "UpscaleModelLoader", "inputs": {"model_name": "4x_any.pth"}}
    prompt["6"] = {"class_type": "UltimateSDUpscale", "inputs": {**settings, **changes}}
    prompt["8"]["inputs"]["images"] = ["6", 0]
    return prompt


def test_ultimate_sd_upscale_has_the_real_sizes_and_steps(client: Client) -> None:
    with client.listening() as (sid, socket):
        heard = socket.until_done(client.submit(tiled(), client_id=sid))
    progress = [line for line in story(heard) if line.startswith("progress")]
    # the upscale model's one tile, then 3 x 2 tiles of two steps
    assert progress == ["progress 6 1/1"] + ["progress 6 1/2", "progress 6 2/2"] * 6
    # 64 and 48 by 2.1, each to the nearest multiple of 8
    assert client.pixels(tiled(seed=2)).shape == (104, 136, 3)
    assert "batch_size" in failure(client.run(tiled(batch_size=2, force_uniform_tiles=False)))["exception_message"]


def test_redrawing_stays_close_to_the_picture(client: Client) -> None:
    from skimage.color import deltaE_ciede2000, rgb2lab
    from skimage.metrics import structural_similarity

    client.upload(picture(256, 192), overwrite="true")
    redrawn = client.pixels(tiled(upscale_by=2.0, tile_width=256, tile_height=256))
    with Image.open(io.BytesIO(picture(256, 192))) as opened:
        plain = np.asarray(opened.resize((512, 384), Image.Resampling.LANCZOS))
    assert structural_similarity(plain, redrawn, channel_axis=2) > 0.85
    assert deltaE_ciede2000(rgb2lab(plain), rgb2lab(redrawn)).mean() < 3


def test_a_split_sampler_is_a_sampler(client: Client) -> None:
    prompt = sampling_prompt()
    prompt["n"] = {"class_type": "RandomNoise", "inputs": {"noise_seed": 4}}
    prompt["g"] = {"class_type": "BasicGuider", "inputs": {"model": ["1", 0], "conditioning": ["2", 0]}}
    prompt["k"] = {"class_type": "KSamplerSelect", "inputs": {"sampler_name": "euler"}}
    sigmas = {"model": ["1", 0], "scheduler": "simple", "steps": 6, "denoise": 1.0}
    prompt["b"] = {"class_type": "BasicScheduler", "inputs": sigmas}
    prompt["c"] = {"class_type": "SplitSigmas", "inputs": {"sigmas": ["b", 0], "step": 4}}
    parts = {"noise": ["n", 0], "guider": ["g", 0], "sampler": ["k", 0], "sigmas": ["c", 1], "latent_image": ["5", 0]}
    prompt["6"] = {"class_type": "SamplerCustomAdvanced", "inputs": parts}
    with client.listening() as (sid, socket):
        heard = socket.until_done(client.submit(prompt, client_id=sid))
    assert "progress 6 2/2" in story(heard)
    assert any(is_event(m, "execution_success") for m in heard)

"""`serve` as people and their own clients meet it: what it says, how it ends, and the faults it has on purpose."""

from __future__ import annotations

import contextlib
import io
import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
import websocket
from PIL import Image

from comfyproof import png
from comfyproof.catalog.pinned import built_in
from comfyproof.emulator.embedded import Emulator
from comfyproof.emulator.faults import FAULTS, ROUTES, parse
from comfyproof.emulator.profiles import PROFILES
from conftest import ROOT, Command
from emulator_client import TIMEOUT, Client, copy_prompt, endless_prompt, failure, is_event, picture, sampling_prompt

PROGRAM = [sys.executable, "-m", "comfyproof", "serve"]


class Serving:
    """`comfyproof serve` in a process of its own, with what it has said so far."""

    def __init__(self, folder: Path, *options: object, stderr: Any = subprocess.PIPE) -> None:
        command = [*PROGRAM, "--folder", str(folder / "emulator"), *map(str, options)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, text=True)
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().strip()

    def ended(self, *signs: signal.Signals) -> tuple[int, str, str]:
        """Its exit code and all that it said, after some signals."""
        for sign in signs:
            self.process.send_signal(sign)
        output, errors = self.process.communicate(timeout=TIMEOUT)
        return self.process.returncode, output, errors or ""

    def __enter__(self) -> Serving:
        return self

    def __exit__(self, *_: object) -> None:
        with self.process:
            self.process.kill()


@contextlib.contextmanager
def failing(folder: Path, *faults: str, profile: str = "0.3.64") -> Iterator[Client]:
    """A client of an emulator with faults, which has one picture."""
    known = [parse(fault) for fault in faults]
    with Emulator(folder, catalog=built_in(), faults=known, profile=profile) as emulator:
        client = Client(emulator.url)
        client.upload(picture())
        try:
            yield client
        finally:
            client.http.close()


def ended(client: Client, prompt_id: str) -> None:
    """Waits until a prompt is no longer in the queue."""
    until(lambda: prompt_id not in client.get("/queue").text)


def until(condition: Callable[[], bool]) -> None:
    """Asks until something is so."""
    end = time.monotonic() + TIMEOUT
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def answers(client: Client) -> bool:
    """Whether the server still runs prompts, asked by somebody else."""
    other = Client(client.url)
    try:
        return other.get("/system_stats").status_code == 200 and other.get("/object_info/KSampler").json() != {}
    finally:
        other.http.close()


# --- what it says, and how it ends ------------------------------------------------------------------------------------


def test_the_address_is_all_that_stdout_gets(tmp_path: Path) -> None:
    with Serving(tmp_path, "--port", "0", "--fail", "503@2", "--fail", "slow:0.1") as serving:
        assert requests.get(f"{serving.url}/system_stats", timeout=TIMEOUT).status_code == 200
        code, output, errors = serving.ended(signal.SIGINT)
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+", serving.url)
    assert (code, output) == (0, "")
    assert errors.splitlines() == [
        f'An emulator of ComfyUI 0.3.64, with its files in "{tmp_path}/emulator"; no model runs.',
        "Real: image, mask and sound nodes, and sizes, text, sigmas and conditioning values, video files, "
        "queue, cache and events, refusals, metadata in saved files.",
        "Stand-ins: sampling, video models, upscale models, text encoders, VAE, any other node; "
        "/system_stats says what for.",
        "Faults on purpose: 503:/prompt@2, slow:0.1.",
        "Ctrl-C stops it.",
    ]


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_in_the_middle_of_a_prompt_and_its_port_is_free(tmp_path: Path, sign: signal.Signals) -> None:
    with Serving(tmp_path, "--port", "0") as serving:
        client = Client(serving.url)
        client.upload(picture())
        with client.listening() as (sid, socket_):
            prompt_id = client.submit(endless_prompt(), client_id=sid)
            socket_.until(lambda m: is_event(m, "progress", prompt_id=prompt_id))
            serving.process.send_signal(sign)
            heard = socket_.until(lambda m: is_event(m, "execution_interrupted", prompt_id=prompt_id))
            opcode, data = last_frame(socket_.socket)
        client.http.close()
        code, _, errors = serving.ended()
    assert heard
    assert (opcode, int.from_bytes(data[:2], "big")) == (websocket.ABNF.OPCODE_CLOSE, 1001)
    assert code == 0
    assert "Traceback" not in errors
    port = serving.url.rsplit(":", 1)[1]
    with Serving(tmp_path, "--port", port) as again:
        assert again.url == serving.url
        assert again.ended(signal.SIGTERM)[0] == 0


def last_frame(socket_: websocket.WebSocket) -> tuple[int, bytes]:
    """What a websocket hears at the end."""
    while True:
        frame = socket_.recv_frame()
        if frame.opcode == websocket.ABNF.OPCODE_CLOSE:
            return frame.opcode, frame.data


def test_a_second_ctrl_c_ends_it_at_once(tmp_path: Path) -> None:
    with Serving(tmp_path, "--port", "0") as serving, socket.socket() as silent:
        silent.settimeout(TIMEOUT)
        host, port = serving.url.removeprefix("http://").split(":")
        silent.connect((host, int(port)))  # a websocket that never says goodbye holds the end up
        silent.sendall(b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                       b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n")  # fmt: skip
        assert silent.recv(4096).startswith(b"HTTP/1.1 101")
        serving.process.send_signal(signal.SIGINT)
        while b"\x03\xe9" not in (heard := silent.recv(4096)):  # the frame with 1001
            assert heard
        code, _, errors = serving.ended(signal.SIGINT)
    assert code == -signal.SIGINT
    assert "Traceback" not in errors


def test_a_port_that_is_taken(comfyproof: Command) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = comfyproof("serve", "--port", port)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f'error: "127.0.0.1:{port}" cannot be listened on: another program does\n  help: choose another with --port\n'
    )


def test_on_a_terminal_each_prompt_has_its_lines(tmp_path: Path) -> None:
    terminal, end = pty.openpty()
    told = bytearray()
    with Serving(tmp_path, "--port", "0", "--fail", "ansi:ImageInvert", stderr=end) as serving:
        os.close(end)
        reader = threading.Thread(target=read_all, args=(terminal, told))
        reader.start()
        client = Client(serving.url)
        client.upload(picture())
        prompt = copy_prompt()
        prompt["2"] = {"class_type": "ImageInvert", "inputs": {"image": ["1", 0]}}
        ids = [client.submit(copy_prompt()), client.submit(prompt)]
        unknown = {"1": {"class_type": "\x1b[2J", "inputs": {}}}
        assert client.post("/prompt", {"prompt": unknown}).status_code == 400
        for id in ids:
            ended(client, id)
        client.http.close()
        assert serving.ended(signal.SIGINT)[0] == 0
        reader.join(TIMEOUT)
    os.close(terminal)
    lines = told.decode().replace("\r\n", "\n").split("Ctrl-C stops it.\n")[1].splitlines()
    shown = sorted(re.sub(r"\d\.\d s", "0.0 s", line) for line in lines if line != "^C")
    assert shown == sorted([
        f"{ids[0][:8]}  3 nodes ...",
        f"{ids[0][:8]}  3 nodes in 0.0 s: success",
        f"{ids[1][:8]}  3 nodes ...",
        f"{ids[1][:8]}  3 nodes in 0.0 s: ImageInvert (2): \\x1b[2J\\x1b]0;taken over\\x07  "
        "::error file=here::not from your CI #\\x23vso[task.complete]",
        "refused with HTTP 400: Cannot execute because node \\x1b[2J does not exist.",
    ])  # fmt: skip


def read_all(terminal: int, into: bytearray) -> None:
    with contextlib.suppress(OSError):  # its other end is closed
        while data := os.read(terminal, 4096):
            into += data


def test_the_documented_script_runs_a_client_against_it(tmp_path: Path) -> None:
    page = (ROOT / "docs/emulator.md").read_text()
    (script,) = [block for block in re.findall(r"```sh\n(.*?)```", page, re.DOTALL) if "your_client.py" in block]
    (tmp_path / "your_client.py").write_text(
        "import sys, urllib.request\nprint(urllib.request.urlopen(sys.argv[1] + '/queue').read().decode())\n"
    )
    where = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(["sh", "-euc", f"{script}\nwait $server"], cwd=tmp_path, env=where, capture_output=True,
                          text=True, timeout=TIMEOUT, check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"queue_running": [], "queue_pending": []}
    assert "An emulator of ComfyUI" in done.stderr


# --- what is written behind --fail ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("ws-drp", 'there is no fault "ws-drp"; did you mean "ws-drop"?'),
        ("", 'there is no fault ""'),
        ("503@0", '"503@0" says which time with "@0", which is no number from 1'),
        ("503@", '"503@" says which time with "@", which is no number from 1'),
        ("503@5-2", '"503@5-2" says which time with "@5-2", which is no number from 1, and no range as in 2-5'),
        ("poison:", '"poison:" makes no sense: the text is missing'),
        ("503:/histry", 'did you mean "/history"?'),
        ("blank:5", '"blank" takes nothing behind a colon'),
        ("ws-drop:many", '"ws-drop:many" makes no sense: "many" is no number'),
        ("ws-drop:", '"ws-drop:" makes no sense: "" is no number'),
        ("slow:-1", '"slow:-1" makes no sense: "-1" is no number of seconds'),
        ("slow:nan", '"slow:nan" makes no sense: "nan" is no number of seconds'),
        ("oom:", '"oom:" makes no sense: the class is missing'),
        ("oom:KSamplr", 'there is no node class "KSamplr"; did you mean "KSampler"?'),
    ],
)
def test_a_fault_that_makes_no_sense(comfyproof: Command, text: str, reason: str) -> None:
    done = comfyproof("serve", "--fail", text)
    assert done.returncode == 2
    assert reason in done.stderr.replace("\n", " ")


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_reads_as_it_is_written(name: str) -> None:
    assert str(parse(str(parse(name)))) == str(parse(name))
    for when in ("@3", "@2-5", "@2-"):
        assert str(parse(f"{name}{when}")) == f"{parse(name)}{when}"


def test_help_and_documentation_list_every_fault(comfyproof: Command) -> None:
    told = " ".join(comfyproof("serve", "--help").stdout.split())
    page = (ROOT / "docs/emulator.md").read_text()
    for kind in FAULTS.values():
        assert f" {kind.form} {kind.says} " in f"{told} ", kind
        assert f"| `{kind.form}` | {kind.says} |" in page, kind


def test_faults_happen_on_routes_that_exist(tmp_path: Path) -> None:
    with failing(tmp_path, profile="0.36.0") as client:
        for route in ROUTES:
            here = f"{client.url}/api{route}?filename=photo.png&type=input"
            codes = {client.http.request(method, here, timeout=TIMEOUT).status_code for method in ("HEAD", "POST")}
            assert not codes <= {404, 405}, route


# --- faults of the wire -----------------------------------------------------------------------------------------------


def test_a_connection_that_breaks_before_or_after(tmp_path: Path) -> None:
    with failing(tmp_path, "reset@1", "lost@2") as client:
        with pytest.raises(requests.ConnectionError):
            client.submit(copy_prompt(), prompt_id="a")
        assert client.get("/history").json() == {}
        with pytest.raises(requests.ConnectionError):
            client.submit(copy_prompt(), prompt_id="b")
        ended(client, "b")
        assert list(client.get("/history").json()) == ["b"]
        assert client.submit(copy_prompt(), prompt_id="c") == "c"


def test_an_answer_that_does_not_come(tmp_path: Path) -> None:
    with failing(tmp_path, "hang:/history@1") as client:
        with pytest.raises(requests.ReadTimeout):
            client.http.get(client.url + "/history", timeout=0.3)
        assert client.get("/history").json() == {}


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_status_instead_of_an_answer(tmp_path: Path, status: int) -> None:
    with failing(tmp_path, f"{status}@1", f"{status}@2") as client:
        for _ in range(2):
            answer = client.post("/prompt", {"prompt": copy_prompt()})
            assert answer.status_code == status
            assert answer.headers.get("Retry-After") == ("1" if status == 429 else None)
        assert client.get("/prompt").json() == {"exec_info": {"queue_remaining": 0}}
        client.submit(copy_prompt())


def test_pages_redirects_and_half_answers(tmp_path: Path) -> None:
    faults = ("html", "redirect:/queue", "truncate:/object_info", "cut:/models")
    with failing(tmp_path, *faults) as client:
        page = client.post("/prompt", {"prompt": copy_prompt()})
        assert (page.status_code, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
        assert "log in" in page.text
        redirect = client.http.get(client.url + "/api/queue?x=1", allow_redirects=False, timeout=TIMEOUT)
        assert redirect.status_code == 302
        assert redirect.headers["Location"] == client.url.replace("127.0.0.1", "localhost") + "/api/queue?x=1"
        half = client.get("/object_info/KSampler")
        assert half.headers["Content-Type"].startswith("application/json")
        assert len(half.content) == int(half.headers["Content-Length"])
        with pytest.raises(ValueError, match="line 1"):
            half.json()
        with pytest.raises(requests.RequestException, match=r"Incomplete|Connection broken"):
            client.get("/models/loras")


def saved(client: Client, prompt: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """What ran and the first picture that it saved."""
    entry = client.run(prompt)
    images = [image for output in entry["outputs"].values() for image in output["images"]]
    return entry, images[0]


def test_pictures_that_are_gone_cut_or_endless(tmp_path: Path) -> None:
    with failing(tmp_path, "404@1", "cut@2", "truncate:/view@3", "endless@4") as client:
        _, image = saved(client, copy_prompt())
        assert client.get("/view", **image).status_code == 404
        with pytest.raises(requests.RequestException):
            client.get("/view", **image)
        half = client.view(image)
        with client.http.get(client.url + "/view", params=image, stream=True, timeout=TIMEOUT) as endless:
            body = endless.raw.read(2**22)
        whole = client.view(image)
        assert half == whole[: len(whole) // 2]
        assert len(body) == 2**22
        assert body.startswith(whole)
        with pytest.raises(png.BrokenPng):
            list(png.chunks(half))


# --- faults of the websocket ------------------------------------------------------------------------------------------


def test_a_websocket_that_never_opens(tmp_path: Path) -> None:
    with failing(tmp_path, "ws-never@1") as client:
        with pytest.raises(websocket.WebSocketBadStatusException, match="403"), client.listening():
            pass
        client.run(copy_prompt())


def test_a_websocket_that_breaks(tmp_path: Path) -> None:
    with failing(tmp_path, "ws-drop:3@1") as client:
        with client.listening() as (sid, socket_):
            prompt_id = client.submit(copy_prompt(), client_id=sid)
            with pytest.raises(websocket.WebSocketConnectionClosedException):
                socket_.until_done(prompt_id)
            assert len(socket_.heard) == 3
        client.run(copy_prompt())


def test_a_websocket_that_falls_silent(tmp_path: Path) -> None:
    with failing(tmp_path, "ws-silent:3@1") as client:
        with client.listening() as (sid, socket_):
            ended(client, client.submit(copy_prompt(), client_id=sid))
            socket_.socket.ping("still there?")
            heard = []
            while (frame := socket_.socket.recv_frame()).opcode != websocket.ABNF.OPCODE_PONG:
                heard.append(json.loads(frame.data))
            assert len(heard) <= 2  # the first of three was heard before
            assert all(is_event(message, "status") for message in heard)
        client.run(copy_prompt())


def test_a_websocket_full_of_noise(tmp_path: Path) -> None:
    with failing(tmp_path, "ws-noise") as client:
        address = client.url.replace("http", "ws", 1) + "/ws?clientId=me"
        noisy = websocket.create_connection(address, timeout=TIMEOUT)
        prompt_id = client.submit(copy_prompt(), client_id="me")
        heard: list[Any] = []
        while sum('"execution_success"' in str(message) for message in heard) < 2:
            heard.append(noisy.recv())
        noisy.close()
        texts = [text for text in heard if isinstance(text, str) and prompt_id in text]
        assert all(text in texts[:n] or text in texts[n + 1 :] for n, text in enumerate(texts[:-1]))
        assert "{" in heard
        assert any(isinstance(message, bytes) for message in heard)
        assert client.get(f"/history/{prompt_id}").json()[prompt_id]["status"]["status_str"] == "success"


# --- faults of prompts and their nodes --------------------------------------------------------------------------------


@pytest.mark.parametrize("outputs", [1, 2])
def test_a_prompt_of_which_one_output_is_refused(tmp_path: Path, outputs: int) -> None:
    prompt = copy_prompt("kept")
    if outputs == 2:
        prompt["9"] = {"class_type": "PreviewImage", "inputs": {"images": ["2", 0]}}
    with failing(tmp_path, "partial@1") as client:
        answer = client.post("/prompt", {"prompt": prompt}).json()
        (refused,) = answer["node_errors"]
        assert refused == ("9" if outputs == 2 else "partial")
        assert answer["node_errors"][refused]["errors"][0]["type"] == "required_input_missing"
        ended(client, answer["prompt_id"])
        assert list(client.get("/history").json()[answer["prompt_id"]]["outputs"]) == ["3"]
        assert client.post("/prompt", {"prompt": prompt}).json()["node_errors"] == {}


def test_a_node_that_takes_longer_can_be_interrupted(tmp_path: Path) -> None:
    with failing(tmp_path, "slow:3600@1") as client:
        with client.listening() as (sid, socket_):
            prompt_id = client.submit(copy_prompt(), client_id=sid)
            socket_.until(lambda m: is_event(m, "executing", node="1"))
            client.post("/interrupt", {"prompt_id": prompt_id})
            socket_.until(lambda m: is_event(m, "execution_interrupted", prompt_id=prompt_id, node_id="1"))
        assert client.run(copy_prompt())["status"]["completed"]


def test_nodes_that_fail(tmp_path: Path) -> None:
    with failing(tmp_path, "error:ImageScale@1", "oom@1", "ansi:SaveImage@1") as client:
        failed = failure(client.run(sampling_prompt()))
        assert (failed["node_id"], failed["exception_type"]) == ("6", "torch.OutOfMemoryError")
        assert failed["exception_message"].startswith("CUDA out of memory. Tried to allocate")
        failed = failure(client.run(copy_prompt()))
        assert (failed["node_type"], failed["exception_type"]) == ("ImageScale", "RuntimeError")
        failed = failure(client.run(copy_prompt()))
        assert failed["exception_message"].startswith("\x1b[2J")
        assert "\n::error " in failed["exception_message"]
        assert client.run(copy_prompt())["status"]["completed"]


def test_without_a_model_the_first_node_fails(tmp_path: Path) -> None:
    with failing(tmp_path, "oom") as client:
        assert failure(client.run(copy_prompt()))["node_id"] == "1"


def test_a_server_that_restarts_in_the_middle(tmp_path: Path) -> None:
    with failing(tmp_path, "restart:2") as client:
        client.run(copy_prompt())
        with client.listening() as (sid, socket_):
            prompt_id = client.submit(copy_prompt("other"), client_id=sid)
            with pytest.raises(websocket.WebSocketConnectionClosedException):
                socket_.until_done(prompt_id)
        ended(client, prompt_id)
        assert client.get("/history").json() == {}
        answer = client.post("/prompt", {"prompt": copy_prompt("other"), "prompt_id": prompt_id}).json()
        assert answer["number"] == 0
        ended(client, prompt_id)
        assert list(client.get("/history").json()) == [prompt_id]


# --- faults of the history and of pictures ----------------------------------------------------------------------------


def test_a_prompt_that_is_late_in_the_history_or_never_there(tmp_path: Path) -> None:
    with failing(tmp_path, "history-late:2@1", "history-lost@2") as client:
        for id in ("late", "lost", "sound"):
            client.submit(copy_prompt(id), prompt_id=id)
            ended(client, id)
        looks = [client.get("/history/late").json() for _ in range(3)]
        assert [list(look) for look in looks] == [[], [], ["late"]]
        for _ in range(5):
            assert client.get("/history/lost").json() == {}
        assert list(client.get("/history").json()) == ["late", "sound"]


def test_a_job_that_is_late_or_never_there(tmp_path: Path) -> None:
    ids = [f"00000000-0000-4000-8000-00000000000{n}" for n in range(3)]
    with failing(tmp_path, "history-late:2@1", "history-lost@2", profile="0.36.0") as client:
        for id in ids:
            client.submit(copy_prompt(id), prompt_id=id)
            ended(client, id)
        looks = [client.get(f"/api/jobs/{ids[0]}") for _ in range(3)]
        assert [look.status_code for look in looks] == [404, 404, 200]
        assert looks[0].json() == {"error": "Job not found"}
        assert client.get(f"/api/jobs/{ids[1]}").status_code == 404
        assert {job["id"] for job in client.get("/api/jobs").json()["jobs"]} == {ids[0], ids[2]}


@pytest.mark.parametrize("version", PROFILES)
def test_it_says_which_version_it_plays(tmp_path: Path, version: str) -> None:
    with Serving(tmp_path, "--port", "0", "--comfyui", version) as serving:
        told = requests.get(f"{serving.url}/system_stats", timeout=TIMEOUT).json()
        errors = serving.ended(signal.SIGTERM)[2]
    assert told["system"]["comfyui_version"] == version
    assert errors.startswith(f"An emulator of ComfyUI {version}, ")


def test_what_is_saved_is_black(tmp_path: Path) -> None:
    with failing(tmp_path, "blank@1") as client:
        _, image = saved(client, copy_prompt())
        data = client.view(image)
        assert json.loads(png.texts(data)["prompt"])["3"]["class_type"] == "SaveImage"
        with Image.open(io.BytesIO(data)) as opened:
            assert (opened.size, np.asarray(opened).max()) == ((32, 32), 0)
        assert client.pixels(copy_prompt("again")).max() > 0


def test_pictures_of_others_and_of_nobody(tmp_path: Path) -> None:
    with failing(tmp_path, "swapped@1", "bomb@2") as client:
        _, image = saved(client, copy_prompt())
        other, bomb, own = (client.view(image) for _ in range(3))
        with Image.open(io.BytesIO(other)) as swapped, Image.open(io.BytesIO(own)) as true:
            assert swapped.size == true.size
            assert not np.array_equal(np.asarray(swapped), np.asarray(true))
        assert "SaveImage" not in png.texts(other)["prompt"]
        header = png.header(bomb)
        assert (header.width, header.height) == (30_000, 30_000)
        assert len(bomb) < 2**20
        with pytest.raises(Image.DecompressionBombError):
            Image.open(io.BytesIO(bomb))


def test_names_that_lead_out_of_a_folder(tmp_path: Path) -> None:
    with failing(tmp_path, "names@1") as client:
        entry, image = saved(client, copy_prompt())
        assert image["filename"] == "../../out_00001_.png"
        assert client.get("/view", **image).status_code == 400
        assert saved(client, copy_prompt("more"))[1]["filename"] == "more_00001_.png"
        assert entry["status"]["completed"]


def test_all_at_once_and_it_still_answers(tmp_path: Path) -> None:
    lasting = {"crash", "stuck", "flapping", "changed", "forgetful"}
    kinds = {name: kind for name, kind in FAULTS.items() if name not in lasting}
    faults = [f"{name}:KSampler@1" if kind.what == "CLASS" else f"{name}@1" for name, kind in kinds.items()]
    with failing(tmp_path, *faults) as client:
        for n in range(8):
            with contextlib.suppress(requests.RequestException):
                client.http.post(client.url + "/prompt", json={"prompt": copy_prompt(str(n))}, timeout=0.5)
            with contextlib.suppress(requests.RequestException):
                client.http.get(client.url + "/history", timeout=0.5)
        assert answers(client)
        until(lambda: client.get("/queue").json() == {"queue_running": [], "queue_pending": []})
        for id in ("never to be seen", "sound"):
            client.submit(copy_prompt(id), prompt_id=id)
            ended(client, id)
            client.get("/history")
        assert client.get("/history/sound").json()["sound"]["status"]["completed"]

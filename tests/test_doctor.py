"""doctor: each thing it looks at, on servers of all kinds; and nothing in its report that is nobody's business."""

from __future__ import annotations

import contextlib
import io
import json
import os
import pty
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from email.utils import formatdate
from pathlib import Path
from time import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from comfyproof.catalog.pinned import built_in
from comfyproof.cli.doctor_report import Report
from comfyproof.driver import Compiled, compile_spec
from comfyproof.emulator.embedded import Emulator
from comfyproof.run.access import OPEN, Access
from comfyproof.run.client import Client
from comfyproof.run.doctor import examine, judged
from comfyproof.run.doctor_address import Reached, look_at_clock
from comfyproof.run.doctor_models import of_folders, of_slashes
from comfyproof.run.doctor_nodes import of_nodes
from comfyproof.run.doctor_queue import of_queue
from comfyproof.run.doctor_socket import look_at_websocket, speaks
from comfyproof.run.doctor_system import look_at_prompt_ids, look_at_system
from comfyproof.run.observations import Deadlines, Observation, State, without_homes
from comfyproof.run.prepare import prepare
from comfyproof.run.wire import Answer
from comfyproof.spec.pipeline import Changes
from conftest import ROOT, Command
from odd_server import CERTIFICATE, OddServer, comfyui, history, says, stats
from scripted_server import ScriptedServer

MODELS = {
    "checkpoints": ["sd_xl_base_1.0.safetensors"], "loras": [], "vae": ["ae.safetensors", "sd_xl_lost.safetensors"],
    "text_encoders": [], "diffusion_models": [], "upscale_models": ["4x.pth"], "controlnet": [],
}  # fmt: skip
# For what is not about nodes: half a megabyte of them takes its time.
FEW = {name: built_in().raw[name] for name in ("KSampler", "SaveImage", "LoadImage")}
QUICK = Deadlines(connect=2, read=2, nodes=5, folders=3, socket=0.5)
SPEC = """
comfyproof: 1
name: small
models:
  sdxl: {checkpoint: CHECKPOINT}
stages:
  - generate: {model: sdxl, positive: a hill, size: 1024x1024, steps: 20, seed: 1}
  - save: {prefix: small}
"""


def look(
    url: str, access: Access = OPEN, specs: tuple[Compiled, ...] = (), limits: Deadlines = QUICK
) -> list[Observation]:
    return list(examine(url, access, specs, lambda _: None, limits))


def of(seen: list[Observation], name: str) -> Observation:
    return next(each for each in seen if each.name == name)


def told(seen: list[Observation]) -> str:
    """The report that a person gets."""
    with contextlib.redirect_stdout(io.StringIO()) as out:
        report = Report("http://127.0.0.1:8188", color=False)
        for each in seen:
            report.show(each)
        report.end(judged(seen))
    return out.getvalue()


def spec(folder: Path, checkpoint: str, text: str = SPEC) -> Compiled:
    file = folder / "small.yaml"
    file.write_text(text.replace("CHECKPOINT", checkpoint))
    return compile_spec(file, built_in(), Changes({}, (), None))


@pytest.fixture(scope="module")
def healthy() -> Iterator[OddServer]:
    """A ComfyUI as it should be, but for its websocket."""
    with OddServer(comfyui(MODELS)) as server:
        yield server


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    models = {**MODELS, "embeddings": []}
    with Emulator(tmp_path_factory.mktemp("emulator"), catalog=built_in(), models=models) as started:
        yield started


def test_an_emulator_is_fine_and_says_that_it_is_one(emulator: Emulator, tmp_path: Path) -> None:
    seen = look(emulator.url, specs=(spec(tmp_path, "sd_xl_base_1.0.safetensors"),))
    names = [each.name for each in seen if each.name not in ("options", "folders")]
    assert names == [
        "name", "port", "http", "round trip", "login", "clock", "version", "emulator", "python", "memory", "device",
        "websocket", "prompt ids", "queue", "history", "nodes", "packs", "core nodes", "models", "slashes", "uploads",
        "disk", "spec",
    ]  # fmt: skip
    assert judged(seen).word == "fine"
    assert of(seen, "websocket").text.startswith("opens, speaks and tells its features; round trip")
    assert of(seen, "emulator").facts == {"takes_any_file": False}
    assert of(seen, "core nodes").state is State.OK
    assert of(seen, "queue").facts == {"running": 0, "waiting": 0}
    assert of(seen, "history").facts == {"prompts": 0}
    assert of(seen, "models").facts["files"]["checkpoints"] == 1
    assert of(seen, "spec").facts["fits"] is True


def test_a_real_server_is_described(healthy: OddServer) -> None:
    seen = look(healthy.url)
    assert of(seen, "version").text == "ComfyUI 0.3.64; made for version 1.27.10 of the editor"
    assert of(seen, "python").text == "Python 3.11.7, PyTorch 2.5.1+cu124, on Linux or macOS"
    assert of(seen, "memory").text == "RAM 32.0 GiB, 16.0 GiB of it free"
    assert of(seen, "device").text == (
        "cuda:0 NVIDIA GeForce RTX 3090 : cudaMallocAsync, 24.0 GiB, 20.0 GiB of it free; PyTorch holds 1.0 GiB"
    )
    assert of(seen, "packs").facts["packs"] == {
        "ComfyUI-GGUF": 6, "ComfyUI_UltimateSDUpscale": 3, "websocket_image_save": 1,
    }  # fmt: skip
    assert of(seen, "models").text == "4 files: checkpoints 1, vae 2, upscale_models 1"
    assert of(seen, "models").lines == ("empty: loras, text_encoders, diffusion_models, controlnet",)
    assert of(seen, "disk").state is State.UNKNOWN
    assert of(seen, "uploads").facts == {"most_bytes": 100 * 2**20}
    assert judged(seen).word == "fine"


def test_nothing_is_sent_but_questions(healthy: OddServer, tmp_path: Path) -> None:
    healthy.log.clear()
    look(healthy.url, specs=(spec(tmp_path, "sd_xl_base_1.0.safetensors"),))
    assert {method for method, _, _ in healthy.log} == {"GET"}
    assert any(path.startswith("/object_info/") for _, path, _ in healthy.log)


def test_without_a_websocket_it_says_what_that_means(healthy: OddServer) -> None:
    seen = of(look(healthy.url), "websocket")
    assert seen.state is State.NOTE
    assert seen.text.startswith("it does not open: the answer is HTTP 404; a run looks again and again then")
    assert '"Upgrade"' in seen.help


def test_a_silent_websocket_is_told_apart() -> None:
    with ScriptedServer() as server:
        seen = of(look(server.url), "websocket")
    assert seen.state is State.NOTE
    assert "it opens, and says nothing in 0.5 s" in seen.text


def test_the_websocket_of_an_older_server_works(tmp_path: Path) -> None:
    """It never tells features, and is heard all the same after that was waited for."""
    with Emulator(tmp_path, catalog=built_in(), profile="0.3.43") as server:
        seen = look_at_websocket(server.url, OPEN, Deadlines(socket=0.2))
    assert seen.state is State.OK
    assert seen.text.startswith("opens, speaks and tells no features, as older ones do not; round trip")
    assert speaks(server.url, OPEN, 0.2) is False


# What answers there, by what stands in the report.
STRANGERS: Mapping[str, tuple[Any, str, str]] = {
    "login page": (
        says(b"<!DOCTYPE html><title>Studio: sign in</title><input type=password>", Server="nginx"),
        'a login page answers titled "Studio: sign in", and no ComfyUI (it calls itself "nginx")',
        "Give the login with --header or --certificate, or go round it.",
    ),
    "another site": (
        says(b"<html><title>It works!</title>"),
        'a web page answers titled "It works!", and no ComfyUI',
        "Check the address, its port and its folder.",
    ),
    "basic login": (
        says(b"no", 401, WWW_Authenticate='Basic realm="canary"'),
        'something in front of it asks for a login of the kind "Basic"',
        "Give the login with --header or --certificate, or go round it.",
    ),
    "barred": (says(b"", 403), "the way is barred: HTTP 403", "Give the login"),
    "redirect to a login": (
        says(b"", 302, Location="https://id.example/oauth/start?state=canary"),
        'redirects to "https://id.example/oauth/start": something in front of it asks for a login',
        "Give the login",
    ),
    "redirect": (
        says(b"", 301, Location="https://elsewhere.example/comfy"),
        'redirects to "https://elsewhere.example/comfy"',
        "Use the address of the ComfyUI itself.",
    ),
    "proxy without a server": (
        says(b"<html><title>502 Bad Gateway</title>", 502),
        "a proxy answers, and no ComfyUI behind it: HTTP 502",
        "Look whether ComfyUI runs",
    ),
    "other JSON": (says({"hello": 1}), 'no ComfyUI answers, but: {"hello": 1}', "Check the address"),
    "nothing": (says(b""), "no ComfyUI answers, but: nothing", "Check the address"),
    "no JSON": (says(b"\x1b[31mOllama is running"), "no ComfyUI answers, but: Ollama is running", "Check the address"),
    "a list": (says([1, 2]), "no ComfyUI answers, but: [1, 2]", "Check the address"),
    "nested too deeply": (says(b"[" * 100_000), "no ComfyUI answers, but: [[[[", "Check the address"),
    "no such page": (says(b"", 404), "no ComfyUI answers: HTTP 404", "Check the address"),
    "system of another kind": (says({"system": []}), "no ComfyUI answers, but:", "Check the address"),
}


@pytest.mark.parametrize("kind", STRANGERS)
def test_what_answers_in_place_of_a_comfyui(kind: str) -> None:
    answer, text, help = STRANGERS[kind]
    with OddServer({"*": answer}) as server:
        seen = look(server.url)
    assert [each.name for each in seen] == ["name", "port", "http"]
    assert seen[-1].text.startswith(text)
    assert seen[-1].help.startswith(help)
    assert judged(seen).word == "unreachable"
    assert "canary" not in told(seen)
    assert "\x1b" not in told(seen)


def test_where_nothing_listens() -> None:
    with socket.socket() as taken:  # bound and not listening: nobody else gets the port
        taken.bind(("127.0.0.1", 0))
        seen = look(f"http://127.0.0.1:{taken.getsockname()[1]}")
    assert [each.name for each in seen] == ["name", "port"]
    assert seen[-1].text.endswith("nothing listens there")
    assert judged(seen).word == "unreachable"


def test_a_name_that_nobody_knows() -> None:
    seen = look("http://no-such-host.invalid:8188")
    assert [(each.name, each.state) for each in seen] == [("name", State.WRONG)]


def test_a_server_that_says_nothing() -> None:
    with OddServer({}) as server:
        server.answers["/system_stats"] = server.hangs
        seen = look(server.url, limits=Deadlines(connect=1, read=0.3))
    assert seen[-1].text == "no complete answer came in 0.3 s"


def test_plain_http_at_a_port_that_speaks_tls() -> None:
    with OddServer(comfyui(MODELS), tls=True) as server:
        seen = look(server.url.replace("https:", "http:"))
    assert seen[-1].text == "it speaks TLS, and no plain HTTP"
    assert seen[-1].help == "Begin the address with https:"


def test_a_certificate_that_nobody_signed(comfyproof: Command) -> None:
    with OddServer(comfyui(MODELS), tls=True) as server:
        done = comfyproof("doctor", server.url)
        assert done.returncode == 4
        assert "wrong   tls         its certificate is not trusted (self-signed certificate)" in done.stdout
        trusted = comfyproof("doctor", server.url, REQUESTS_CA_BUNDLE=str(CERTIFICATE))
    assert trusted.returncode == 0
    assert "ok      tls         its certificate is trusted, and valid for" in trusted.stdout
    assert "TLSv1.3" in trusted.stdout


def with_answer(path: str, answer: Any, name: str) -> Observation:
    with OddServer({**comfyui(MODELS, FEW), path: answer}) as server:
        return of(look(server.url), name)


def test_a_clock_that_is_an_hour_off() -> None:
    late = with_answer("/system_stats", says(stats(), Date=formatdate(time() - 3600, usegmt=True)), "clock")
    assert late.state is State.NOTE
    assert late.text == "1.0 h behind ours"
    assert -3605 < late.facts["seconds_ahead"] < -3595
    early = with_answer("/system_stats", says(stats(), Date=formatdate(time() + 90, usegmt=True)), "clock")
    assert "ahead of ours" in early.text


def test_a_clock_is_known_as_well_as_the_answer_is_quick() -> None:
    reached = Reached(stats(), Answer(200, b"", {"Date": formatdate(time() - 7, usegmt=True)}), time(), took=20.0)
    slow = look_at_clock(reached)
    assert (slow.state, slow.text) == (State.OK, "as ours, within 10 s; its time zone is not told")
    assert look_at_clock(replace(reached, took=0.1)).state is State.NOTE


@pytest.mark.parametrize("date", ["", "yesterday", "Thu, 01 Jan 99999 00:00:00 GMT"])
def test_a_date_that_is_none(date: str) -> None:
    seen = with_answer("/system_stats", says(stats(), Date=date), "clock")
    assert (seen.state, seen.matters) == (State.UNKNOWN, False)


def test_a_windows_server_writes_backslashes(tmp_path: Path) -> None:
    files = ["xl\\sd_xl_base_1.0.safetensors"]
    nodes = json.loads(json.dumps(dict(built_in().raw)))
    nodes["CheckpointLoaderSimple"]["input"]["required"]["ckpt_name"][0] = files
    with OddServer(comfyui({**MODELS, "checkpoints": files}, nodes)) as server:
        server.answers["/system_stats"] = says(stats(os="nt", embedded_python=True))
        seen = look(server.url, specs=(spec(tmp_path, "xl/sd_xl_base_1.0.safetensors"),))
    assert of(seen, "slashes").text.startswith("\\ between folders and files")
    assert of(seen, "python").text.endswith("on Windows, the portable package")
    assert of(seen, "spec").state is State.OK


@pytest.mark.parametrize("count", [0, 1, 2, 3, 7, 8, 100, 10_000])
def test_a_history_is_counted_without_reading_it(count: int) -> None:
    with OddServer({**comfyui(MODELS, FEW), "/history": history(count)}) as server:
        seen = of(look(server.url), "history")
        assert len([path for _, path, _ in server.log if path.startswith("/history")]) < 32
    assert seen.facts == {"prompts": count}


def test_a_history_that_knows_no_offset() -> None:
    seen = with_answer("/history", history(5, offsets=False), "history")
    assert (seen.state, seen.matters) == (State.UNKNOWN, False)


def test_what_runs_for_long() -> None:
    now = 1_800_000_000.0
    item = [1, "id", {}, {"create_time": (now - 7200) * 1000}, []]
    seen = of_queue({"queue_running": [item], "queue_pending": [item] * 2}, now)
    assert seen.state is State.NOTE
    assert seen.text == "1 running, 2 waiting; what runs was taken 120 minutes ago"
    undated = of_queue({"queue_running": [[1, "id", {}, {}, []]], "queue_pending": []}, now)
    assert undated.text == "1 running, 0 waiting; since when is not told"


@pytest.mark.parametrize(
    ("version", "state", "text"),
    [
        ("0.3.43", State.NOTE, "it gives its own, being older than 0.3.45"),
        ("v0.3.45", State.OK, "ours are taken, by its version"),
        ("0.36.0", State.OK, "ours are taken, by its version; /api/jobs is served"),
        (None, State.UNKNOWN, "its version does not tell whether it takes ours"),
        ("a fork", State.UNKNOWN, "its version does not tell whether it takes ours"),
    ],
)
def test_prompt_ids_by_version(version: Any, state: State, text: str) -> None:
    seen = next(iter(look_at_prompt_ids(stats(comfyui_version=version), True)))
    assert seen.state is state
    assert seen.text.startswith(text)


def test_a_list_of_jobs_is_looked_for(healthy: OddServer) -> None:
    jobs = says({"jobs": [], "pagination": {"total": 0}})
    assert with_answer("/api/jobs", jobs, "prompt ids").facts == {"own_ids": True, "jobs": True}
    assert of(look(healthy.url), "prompt ids").facts == {"own_ids": True, "jobs": False}


def test_an_interrupt_that_stops_whatever_runs() -> None:
    names = [each.name for each in look_at_prompt_ids(stats(comfyui_version="0.3.56"), None)]
    assert names == ["prompt ids", "interrupts"]


ARGV = [
    "/home/canary/ComfyUI/main.py", "--listen", "10.9.8.7", "--port", "8188", "--disable-metadata", "--fast",
    "--base-directory=C:\\Users\\Canary Smith\\ComfyUI", "--some-token", "canary", "--other=canary", "--cache-none",
    "--extra-model-paths-config", "/Users/canary/paths.yaml", "positional-canary",
]  # fmt: skip


def test_how_it_was_started_without_names_and_tokens() -> None:
    seen = [each for each in look_at_system(stats(argv=ARGV)) if each.name == "options"]
    assert seen[0].text == (
        "--listen ADDRESS --port 8188 --disable-metadata --fast --base-directory=~\\ComfyUI --some-token ... "
        "--other=... --cache-none --extra-model-paths-config ~/paths.yaml ..."
    )
    assert [each.text.split(":")[0] for each in seen[1:]] == ["--disable-metadata", "--cache-none", "--fast"]
    assert "canary" not in str(seen).lower()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("/home/bob/ComfyUI/main.py", "~/ComfyUI/main.py"),
        ("C:\\Users\\John Doe\\ComfyUI", "~\\ComfyUI"),
        ('open "/root/.ssh/key" now', 'open "~/.ssh/key" now'),
        ("--x=/mnt/c/users/bob/y", "--x=~/y"),
        ("/export/home/bob", "~"),
        ("/opt/comfy/models", "/opt/comfy/models"),
        ("/rooted/x", "/rooted/x"),
    ],
)
def test_home_folders_lose_their_names(text: str, shown: str) -> None:
    assert without_homes(text) == shown


def test_who_may_come_in(healthy: OddServer) -> None:
    assert of(look(healthy.url), "login").text == "none; asked on this machine"
    listening = with_answer("/system_stats", says(stats(argv=["main.py", "--listen"])), "login")
    assert (listening.state, "(--listen)" in listening.text) == (State.NOTE, True)
    alone = with_answer("/system_stats", says(stats(argv=["main.py", "--listen", "127.0.0.1"])), "login")
    assert alone.state is State.OK


def test_a_login_that_is_asked_for_and_one_that_is_not(healthy: OddServer) -> None:
    access = Access({"Authorization": "Bearer canary-token"})
    seen = look(healthy.url, access)
    assert of(seen, "login").text == "it answers without one as well"
    assert "canary" not in told(seen) + str([each.facts for each in seen])


def test_secrets_that_a_server_repeats_are_not_shown() -> None:
    said = stats(comfyui_version="0.3.64 Bearer canary-token", argv=["main.py", "--port", "canary-token"])
    with OddServer({**comfyui(MODELS, FEW), "/system_stats": says(said)}) as server:
        seen = look(server.url, Access({"Authorization": "Bearer canary-token"}))
        assert {headers.get("Authorization") for _, _, headers in server.log} == {"Bearer canary-token", None}
    assert "canary" not in told(seen) + json.dumps([dict(each.facts) for each in seen])


def test_no_escape_and_no_command_of_a_server_gets_through() -> None:
    nasty = "\x1b[2J\x1b]0;title\x07\u202e##[error]"
    said = stats(comfyui_version=nasty, os=nasty, python_version=nasty, pytorch_version=nasty, argv=[nasty, nasty])
    said["devices"] = [{"name": nasty, "type": nasty, "vram_total": nasty}]
    nodes = {nasty: {**built_in().raw["KSampler"], "python_module": f"custom_nodes.{nasty}"}, f"{nasty}b": nasty}
    answers = {**comfyui({nasty: [nasty]}, nodes), "/system_stats": says(said)}
    with OddServer(answers) as server:
        text = told(look(server.url))
    assert not set("\x1b\x07\u202e") & set(text)
    assert "##[" not in text


def test_a_spec_is_held_against_the_server_as_a_run_would_hold_it(emulator: Emulator, tmp_path: Path) -> None:
    program = (compiled := spec(tmp_path, "sd_xl_base_1.safetensors")).program
    assert program is not None
    seen = of(look(emulator.url, specs=(compiled,)), "spec")
    with Client(emulator.url) as client:
        prepared = prepare(program.graph, client, "00000000-0000-4000-8000-000000000000", client.system_stats())
    assert seen.state is State.WRONG
    assert [each["message"] for each in seen.facts["findings"]] == [each.message for each in prepared.findings]
    assert seen.facts["missing"] == {"classes": [], "files": {"checkpoints": ["sd_xl_base_1.safetensors"]}}
    assert "line 5: error[CP571]" in seen.lines[0]
    assert 'did you mean "sd_xl_base_1.0.safetensors"?' in seen.lines[0]


def test_a_file_that_lies_in_another_folder(emulator: Emulator, tmp_path: Path) -> None:
    seen = look(emulator.url, specs=(spec(tmp_path, "sd_xl_lost.safetensors"),))
    hint = '"sd_xl_lost.safetensors" is looked for in "checkpoints"; there is "sd_xl_lost.safetensors" in "vae"'
    assert hint in of(seen, "spec").lines


def test_a_picture_that_is_too_large_for_the_server(tmp_path: Path) -> None:
    text = "comfyproof: 1\nname: x\ninputs: {image: {type: image, default: FILE}}\nstages:\n"
    text += "  - load: {image: $image}\n  - save: {}\n"
    picture = tmp_path / "noise.png"
    Image.effect_noise((64, 64), 50).convert("RGB").save(picture)
    compiled = spec(tmp_path, "", text.replace("FILE", str(picture)))
    with OddServer({**comfyui(MODELS, FEW), "/features": says({"max_upload_size": 1000})}) as server:
        seen = look(server.url, specs=(compiled,))
    assert of(seen, "spec").state is State.WRONG
    assert "the server takes 1000 bytes (--max-upload-size)" in of(seen, "spec").lines[-1]


def test_what_several_specs_miss_together(emulator: Emulator, tmp_path: Path) -> None:
    specs = tuple(spec(tmp_path, name) for name in ("sd_xl_one.safetensors", "sd_xl_two.safetensors"))
    missing = look(emulator.url, specs=specs)[-1]
    assert missing.name == "missing"
    assert missing.facts["files"] == {"checkpoints": ["sd_xl_one.safetensors", "sd_xl_two.safetensors"]}


def test_a_server_of_other_nodes() -> None:
    nodes = json.loads(json.dumps(dict(built_in().raw)))
    del nodes["KSampler"]
    nodes["BrandNew"] = {**nodes["VAEDecode"], "name": "BrandNew"}
    nodes["VAEEncode"]["input"]["required"]["more"] = ["INT", {"default": 1}]
    nodes["Broken"] = {"input": 3}
    seen = list(of_nodes(nodes, 1000, 40.0))
    assert [each.name for each in seen] == ["nodes", "nodes", "packs", "core nodes"]
    assert seen[0].state is State.NOTE  # 40 s is long
    assert seen[1].text == "1 class described in a way that cannot be read: Broken"
    assert {key: seen[3].facts[key] for key in ("missing", "added", "changed")} == {
        "missing": ["KSampler"], "added": ["BrandNew"], "changed": ["VAEEncode"],
    }  # fmt: skip


def test_folders_that_are_missing_or_have_older_names() -> None:
    seen = list(of_folders({"checkpoints": ["a"], "unet": [], "clip": [], "vae": []}, 0, emulated=False))
    assert seen[1].text == "missing: loras, upscale_models, controlnet"
    assert '"clip" for "text_encoders", "unet" for "diffusion_models"' in seen[2].text


def test_a_server_without_a_list_of_folders_goes_by_its_nodes(tmp_path: Path) -> None:
    nodes = json.loads(json.dumps(dict(built_in().raw)))
    nodes["VAELoader"]["input"]["required"]["vae_name"][0] = ["ae.safetensors"]
    with OddServer({**comfyui({}, nodes), "/models": says(b"", 404)}) as server:
        seen = of(look(server.url), "models")
    assert seen.facts["files"]["vae"] == 1


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/queue", "queue"),
        ("/object_info", "nodes"),
        ("/history", "history"),
        ("/prompt", "round trip"),
        ("/models/vae", "models"),
    ],
)
def test_one_answer_that_never_comes_leaves_the_rest(path: str, name: str) -> None:
    with OddServer(comfyui(MODELS, FEW)) as server:
        server.answers[path] = server.hangs
        seen = look(server.url, limits=Deadlines(connect=1, read=0.3, nodes=0.3, folders=1, socket=0.3))
    assert of(seen, name).state is State.UNKNOWN
    assert seen[-1].name == "disk"
    assert judged(seen).word == "not examined"


SENSELESS = [b"", b"\xff\xfe", b"null", b"[]", b"{}", b"NaN", b"1e999", b'{"a":' * 5000, b"[[1]]", b'"x"', b"<html>"]


@pytest.mark.parametrize("status", [200, 500])
@pytest.mark.parametrize("body", SENSELESS)
def test_senseless_answers_are_survived(status: int, body: bytes, tmp_path: Path) -> None:
    with OddServer({"/system_stats": says(stats()), "*": says(body, status)}) as server:
        seen = look(server.url, specs=(spec(tmp_path, "x.safetensors"),))
    assert told(seen)
    assert judged(seen).word in ("not examined", "wrong")


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)


def some_of(*keys: str) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(st.sampled_from(keys), ANY, max_size=len(keys))


SYSTEM = some_of(*stats()["system"], "comfyproof_emulator")
DEVICE = some_of("name", "type", "vram_total", "vram_free", "torch_vram_total")


@given(st.fixed_dictionaries({"system": SYSTEM | ANY, "devices": st.lists(DEVICE | ANY, max_size=3) | ANY}))
def test_any_system_stats_can_be_told(data: dict[str, Any]) -> None:
    assert told([*look_at_system(data), *look_at_prompt_ids(data, None)])


NODE = some_of("input", "output", "output_name", "name", "python_module", "output_node")
INPUTS = st.fixed_dictionaries({"required": st.dictionaries(st.text(max_size=5), ANY, max_size=3)})
NAMES = st.sampled_from(["KSampler", "VAELoader", "Mine"])


@given(st.dictionaries(NAMES, NODE | ANY | st.fixed_dictionaries({"input": INPUTS, "output": ANY})) | ANY)
def test_any_object_info_can_be_told(data: Any) -> None:
    assert told(list(of_nodes(data, 1, 0.1)))


@given(st.fixed_dictionaries({"queue_running": st.lists(st.lists(ANY, max_size=5)) | ANY, "queue_pending": ANY}) | ANY)
def test_any_queue_can_be_told(data: Any) -> None:
    assert told([of_queue(data, 1e9)])


@given(st.dictionaries(st.text(max_size=20), st.lists(st.text(max_size=20), max_size=4), max_size=5))
def test_any_folders_can_be_told(folders: dict[str, list[str]]) -> None:
    seen = [*of_folders(folders, 0, emulated=False), of_slashes([n for files in folders.values() for n in files], "")]
    assert told(seen)


def test_the_command_and_its_exit_codes(healthy: OddServer, comfyproof: Command, tmp_path: Path) -> None:
    (tmp_path / "good.yaml").write_text(SPEC.replace("CHECKPOINT", "nope.safetensors"))
    (tmp_path / "bad.yaml").write_text("comfyproof: 1\nname: x\nstages: [{generat: {}}]\n")
    codes = {
        (): 0,
        ("good.yaml",): 1,
        ("bad.yaml",): 1,
        ("absent.yaml",): 3,
    }
    found = {specs: comfyproof("doctor", *specs, COMFYPROOF_SERVER=healthy.url).returncode for specs in codes}
    assert found == codes
    assert comfyproof("doctor", COMFYPROOF_SERVER="").returncode == 2
    assert comfyproof("doctor", "http://me:secret@127.0.0.1").returncode == 2


def test_the_report_as_text_and_as_json(healthy: OddServer, comfyproof: Command) -> None:
    text = comfyproof("doctor", healthy.url)
    assert text.stdout.startswith(f"{healthy.url}, looked at on 20")
    assert "\nok      version     ComfyUI 0.3.64;" in text.stdout
    assert text.stdout.endswith("\n\nNothing is wrong. The notes are good to know.\n")
    assert text.stderr == ""
    assert max(map(len, text.stdout.splitlines())) <= 100
    document = json.loads(comfyproof("doctor", healthy.url, "--format", "json").stdout)
    assert list(document) == [
        "schema", "comfyproof", "python", "system", "when", "server", "verdict", "sentence", "observations",
    ]  # fmt: skip
    assert document["schema"] == "comfyproof/doctor/1"
    assert document["verdict"] == "fine"
    names = [each["name"] for each in document["observations"]]
    assert [line[8:20].strip() for line in text.stdout.splitlines()[3:-2] if line[:1] != " "] == names
    assert set(document["observations"][0]) == {"name", "state", "text", "lines", "help", "matters", "facts"}


def test_secrets_of_a_spec_stay_hidden(comfyproof: Command, tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(
        "comfyproof: 1\nname: x\ninputs: {image: {type: image, default: a.png}}\n"
        "stages: [{load: {image: $image}}, {save: {}}]\n"
        'nodes: {ask: {Strange: {key: "${env:CANARY}", image: $load}}}\n'
    )
    with OddServer({**comfyui(MODELS, FEW), "/queue": says(b"the-canary-value", 500)}) as server:
        done = comfyproof("doctor", server.url, "s.yaml", "--header", "X-Key: other-canary", CANARY="the-canary-value")
        assert any("other-canary" in headers.values() for _, _, headers in server.log)
    assert "canary" not in done.stdout + done.stderr


def test_through_a_proxy_and_without_its_password(healthy: OddServer, comfyproof: Command) -> None:
    proxy = healthy.url.replace("http://", "http://me:canary@")
    done = comfyproof("doctor", "http://comfy.invalid:8188", http_proxy=proxy, HTTP_PROXY=proxy, no_proxy="")
    assert done.returncode == 0
    assert f'note    proxy       asked through the proxy "{healthy.url.removeprefix("http://")}"' in done.stdout
    assert "note    tls         none: what is sent and what comes back can be read on the way" in done.stdout
    assert "note    login       none: whoever reaches it can run prompts" in done.stdout
    assert "canary" not in done.stdout + done.stderr


def test_on_a_terminal_it_says_what_it_waits_for() -> None:
    with OddServer(comfyui(MODELS)) as server:
        server.answers["/object_info"] = server.hangs
        ours, theirs = pty.openpty()
        command = [sys.executable, "-m", "comfyproof", "doctor", server.url]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=theirs, env={**os.environ, "NO_COLOR": "1"}
        ) as run:
            os.close(theirs)
            heard = b""
            while b"all nodes" not in heard:
                heard += os.read(ours, 1000)
            run.terminate()
            assert run.stdout is not None
            run.stdout.read()
        os.close(ours)
    assert b"looking at all nodes, which may take minutes ..." in heard


NAMED = """
[servers.studio-1]
url = "{}"
token = "${{env:STUDIO}}"
labels = ["mine"]
[servers.studio-2]
url = "{}"
[servers.studio-3]
url = "http://127.0.0.1:9"
"""


@pytest.fixture
def named(emulator: Emulator, tmp_path: Path) -> Iterator[OddServer]:
    """Three servers with names: one is fine, one of another version lacks a model, and one is not there."""
    other = stats(comfyui_version="0.3.43", os="nt")
    answers = comfyui({**MODELS, "checkpoints": []}, dict(built_in().raw))

    def late(query: Mapping[str, str]) -> Any:
        return says(other, Date=formatdate(time() - 60, usegmt=True))

    with OddServer({**answers, "/system_stats": late}) as server:
        (tmp_path / "comfyproof.toml").write_text(NAMED.format(emulator.url, server.url))
        (tmp_path / "small.yaml").write_text(SPEC.replace("CHECKPOINT", "sd_xl_base_1.0.safetensors"))
        yield server


def test_several_servers_side_by_side(named: OddServer, comfyproof: Command) -> None:
    done = comfyproof("doctor", "small.yaml", STUDIO="canary-token")
    assert done.returncode == 1
    table, rest = done.stdout.splitlines()[-10:-6], done.stdout.splitlines()[-6:]
    assert [re.sub(r"-(59|60|61) s", "-60 s", " ".join(line.split())) for line in table] == [
        "server verdict ComfyUI websocket prompt ids slashes clock specs",
        "studio-1 fine 0.3.64 works ours / as ours 1 of 1 fit",
        "studio-2 wrong 0.3.43 does not work its own \\ -60 s 0 of 1 fit",
        "studio-3 unreachable",
    ]
    assert rest == [
        "",
        '"studio-2" lacks in "checkpoints": sd_xl_base_1.0.safetensors',
        "they run different ComfyUIs (0.3.43, 0.3.64): the same job may give another picture",
        "disk: no ComfyUI tells how much room there is",
        "",
        "Something is wrong with 2 of 3 servers: studio-2, studio-3.",
    ]
    assert done.stdout.count(", looked at on 20") == 3
    assert "canary" not in done.stdout + done.stderr
    assert named.url not in done.stdout  # it is named as the settings name it


def test_several_servers_for_programs(named: OddServer, emulator: Emulator, comfyproof: Command) -> None:
    done = comfyproof("doctor", "label:mine", named.url, "small.yaml", "--format", "json", STUDIO="x")
    document = json.loads(done.stdout)
    assert (done.returncode, document["schema"], document["verdict"]) == (1, "comfyproof/doctor-fleet/1", "wrong")
    assert [(each["server"], each["verdict"]) for each in document["servers"]] == [
        ("studio-1", "fine"), ("studio-2", "wrong"),
    ]  # fmt: skip
    summary = document["servers"][1]["summary"]
    assert -65 < summary.pop("seconds_ahead") < -55
    assert summary == {
        "comfyui": "0.3.43", "websocket": False, "own_ids": False, "slash": "\\", "disk_free_bytes": None,
        "fits": {"small.yaml": False},
        "missing": {"classes": [], "files": {"checkpoints": ["sd_xl_base_1.0.safetensors"]}},
    }  # fmt: skip
    one = comfyproof(
        "doctor", "studio-1", emulator.url.replace("127.0.0.1", "localhost"), "--format", "json", STUDIO="x"
    )
    assert json.loads(one.stdout)["schema"] == "comfyproof/doctor/1"
    assert 'is the same server as "studio-1": it is used once' in one.stderr


@pytest.mark.usefixtures("named")
def test_servers_that_cannot_be_used(comfyproof: Command) -> None:
    mistyped = comfyproof("doctor", "studio-7", STUDIO="x")
    assert (mistyped.returncode, mistyped.stdout) == (2, "")
    assert 'there is no server "studio-7"' in mistyped.stderr
    unset = comfyproof("doctor", "--servers", "studio-1")
    assert unset.returncode == 2
    assert 'the environment variable "STUDIO" of the header "Authorization" is not set' in unset.stderr
    gone = comfyproof("doctor", "studio-3", "http://127.0.0.1:7", "--format", "json")
    assert gone.returncode == 4
    assert json.loads(gone.stdout)["sentence"] == "None of 2 servers was reached."
    absent = comfyproof("doctor", "https://127.0.0.1:9", "studio-3", REQUESTS_CA_BUNDLE="no-such.pem")
    assert absent.returncode == 2
    assert "no-such.pem" in absent.stderr


def test_of_a_spec_with_rows_the_first_is_looked_at(comfyproof: Command, emulator: Emulator, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "specs", tmp_path / "specs")
    spec = (tmp_path / "specs" / "looks.yaml").read_text().replace(", default: photograph.jpg", "")
    (tmp_path / "specs" / "rows.yaml").write_text(spec)
    looked = comfyproof("doctor", emulator.url, "specs/rows.yaml")
    assert "has no value" not in looked.stdout
    assert "among the server's loras, of which there are none" in " ".join(looked.stdout.split())

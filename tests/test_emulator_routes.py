"""The emulator's routes besides prompts and their queue: files, masks, settings, user data, logs, jobs, versions."""

from __future__ import annotations

import io
import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from comfyproof.catalog.pinned import built_in
from comfyproof.emulator.embedded import Emulator
from emulator_client import Client, copy_prompt, endless_prompt, is_event, picture

SIDE = 32


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("emulator")


@pytest.fixture(scope="module")
def client(folder: Path) -> Iterator[Client]:
    with Emulator(folder, catalog=built_in()) as emulator:
        made = Client(emulator.url)
        made.upload(picture())
        yield made


def playing(folder: Path, profile: str) -> Iterator[Client]:
    with Emulator(folder, catalog=built_in(), profile=profile) as emulator:
        made = Client(emulator.url)
        made.upload(picture())
        yield made


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    yield from playing(tmp_path_factory.mktemp("old"), "0.3.43")


@pytest.fixture(scope="module")
def new(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    yield from playing(tmp_path_factory.mktemp("new"), "0.36.0")


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/extensions", []),
        ("/workflow_templates", {}),
        ("/i18n", {}),
        ("/users", {"storage": "server", "migrated": True}),
        ("/settings", {}),
        ("/settings/Never.Set", None),
        ("/experiment/models/upscale_models", [
            {"name": name, "pathIndex": 0, "modified": 0.0, "created": 0.0, "size": 0}
            for name in ("4x-UltraSharp.pth", "4x_NMKD-Siax_200k.pth", "RealESRGAN_x2.pth")
        ]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("prefix", ["", "/api"])
def test_small_answers(client: Client, prefix: str, path: str, answer: Any) -> None:
    found = client.get(prefix + path)
    assert (found.status_code, found.json()) == (200, answer)
    head = client.http.head(client.url + prefix + path, timeout=10)
    assert (head.status_code, head.content) == (200, b"")


@pytest.mark.parametrize(
    ("method", "path", "status", "kind", "body"),
    [
        ("GET", "/nowhere", 404, "application/octet-stream", b""),
        ("GET", "/experiment/models/nowhere", 404, "", b""),
        ("GET", "/view_metadata/loras?filename=a.safetensors", 404, "", b""),
        ("GET", "/api/internal/logs", 404, "application/octet-stream", b""),
        ("DELETE", "/prompt", 405, "text/plain", b"405: Method Not Allowed"),
        ("GET", "/ws", 400, "text/plain", None),
        ("OPTIONS", "/prompt", 200, "", b""),
        ("GET", "/userdata", 400, "text/plain", b"Directory not provided"),
        ("GET", "/userdata?dir=../..", 403, "text/plain", b"Invalid directory"),
        ("GET", "/userdata?dir=nowhere", 404, "text/plain", b"Directory not found"),
        ("GET", "/v2/userdata?path=..%2F..", 400, "text/plain", b"Invalid path requested"),
        ("GET", "/v2/userdata?path=nowhere", 404, "text/plain", b"Requested path not found"),
        ("GET", "/userdata/..%2F..%2Finput%2Fphoto.png", 403, "", b""),
        ("GET", "/userdata/%252E%252E%252Finput", 403, "", b""),
        ("DELETE", "/userdata/nothing.json", 404, "", b""),
        ("POST", "/userdata/nothing.json/move/other.json", 404, "", b""),
        ("POST", "/settings", 500, "text/plain", b"500 Internal Server Error\n\nServer got itself in trouble"),
        ("GET", "/internal/files/nowhere", 400, "application/json", b'{"error": "Invalid directory type"}'),
        ("GET", "/api/jobs", 404, "application/octet-stream", b""),
    ],
)
def test_refusals(client: Client, method: str, path: str, status: int, kind: str, body: bytes | None) -> None:
    found = client.http.request(method, client.url + path, timeout=10)
    assert found.status_code == status
    assert found.headers.get("Content-Type", "").partition(";")[0] == kind
    assert body is None or found.content == body


def test_a_person_who_opens_the_address_learns_what_it_is(client: Client) -> None:
    page = client.get("/")
    assert "An emulator of ComfyUI" in page.text
    assert page.headers["Content-Type"].startswith("text/html")


def test_settings_are_kept_and_survive_a_file_that_is_broken(client: Client, folder: Path) -> None:
    assert client.post("/settings", {"A": 1, "B": [2]}).status_code == 200
    assert client.post("/settings/C", {"deep": True}).status_code == 200
    assert client.get("/settings").json() == {"A": 1, "B": [2], "C": {"deep": True}}
    assert client.get("/api/settings/B").json() == [2]
    (folder / "user" / "default" / "comfy.settings.json").write_text("{")
    assert client.get("/settings").json() == {}


def test_user_data_goes_in_and_out(client: Client) -> None:
    def put(name: str, data: bytes, **query: str) -> Any:
        return client.http.post(f"{client.url}/userdata/{name}", data=data, params=query, timeout=10)

    assert put("workflows%2Fone.json", b"{}").json() == "workflows/one.json"
    assert put("workflows%2Fdeep%2Ftwo.json", b"[]", full_info="true").json()["size"] == 2
    assert put("workflows%2Fone.json", b"x", overwrite="false").status_code == 409
    assert client.get("/userdata/workflows%2Fone.json").content == b"{}"
    assert client.get("/userdata", dir="workflows").json() == ["one.json"]
    listed = client.get("/userdata", dir="workflows", recurse="true", split="true").json()
    assert sorted(listed) == [["deep/two.json", "deep", "two.json"], ["one.json", "one.json"]]
    (info,) = client.get("/userdata", dir="workflows", full_info="true").json()
    assert {"path", "size", "modified", "created"} == set(info)
    tree = client.get("/v2/userdata?path=workflows").json()
    assert [(each["type"], each["path"]) for each in tree] == [
        ("directory", "workflows/deep"), ("file", "workflows/one.json"), ("file", "workflows/deep/two.json"),
    ]  # fmt: skip
    move = client.http.post(f"{client.url}/userdata/workflows%2Fone.json/move/workflows%2Fthree.json", timeout=10)
    assert move.json() == "workflows/three.json"
    assert client.http.delete(f"{client.url}/userdata/workflows%2Fthree.json", timeout=10).status_code == 204
    assert client.get("/userdata", dir="workflows").json() == []


def test_a_link_out_of_the_user_folder_is_not_followed(client: Client, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    (folder / "user" / "default").mkdir(parents=True, exist_ok=True)
    (folder / "user" / "default" / "way").symlink_to(tmp_path)
    assert client.get("/userdata/way%2Fsecret.txt").status_code == 403
    assert client.http.post(f"{client.url}/userdata/way%2Fmine.txt", data=b"x", timeout=10).status_code == 403
    assert sorted(each.name for each in tmp_path.iterdir()) == ["secret.txt"]


def test_a_name_becomes_an_id_once(client: Client) -> None:
    assert client.post("/users", {"username": "A person"}).json().startswith("A-person_")
    again = client.post("/users", {"username": "A person"})
    assert (again.status_code, again.json()) == (400, {"error": "Duplicate username."})


def original() -> bytes:
    stream, texts = io.BytesIO(), PngImagePlugin.PngInfo()
    texts.add_text("prompt", "{}")
    Image.new("RGB", (SIDE, SIDE), (200, 20, 30)).save(stream, "PNG", pnginfo=texts)
    return stream.getvalue()


def mask(side: int = SIDE) -> bytes:
    stream, alpha = io.BytesIO(), np.zeros((side, side, 4), np.uint8)
    alpha[: side // 2, :, 3] = 255
    Image.fromarray(alpha).save(stream, "PNG")
    return stream.getvalue()


def masked(client: Client, data: bytes, name: str, **fields: str) -> Any:
    files = {"image": (name, data)}
    return client.http.post(client.url + "/upload/mask", files=files, data=fields, timeout=10)


def test_a_mask_becomes_the_transparency_of_its_picture(client: Client) -> None:
    client.upload(original(), "of.png")
    reference = json.dumps({"filename": "of.png", "type": "input"})
    assert masked(client, mask(), "m.png", original_ref=reference).json()["name"] == "m.png"
    with Image.open(io.BytesIO(client.get("/view", filename="m.png", type="input").content)) as opened:
        assert opened.text == {"prompt": "{}"}  # type: ignore[attr-defined]
        pixels = np.asarray(opened)
    assert (pixels[0, 0].tolist(), pixels[-1, -1].tolist()) == ([200, 20, 30, 255], [200, 20, 30, 0])


@pytest.mark.parametrize(
    ("reference", "status"),
    [
        (None, 500),
        ({"filename": "nothing.png", "type": "input"}, 200),
        ({"filename": "../of.png", "type": "input"}, 200),
        ({"filename": "of.png", "type": "elsewhere"}, 200),
        ({"type": "input"}, 500),
    ],
)
def test_a_mask_for_nothing_is_not_kept(client: Client, folder: Path, reference: Any, status: int) -> None:
    fields = {} if reference is None else {"original_ref": json.dumps(reference)}
    assert masked(client, mask(), "for-nothing.png", **fields).status_code == status
    assert not (folder / "input" / "for-nothing.png").exists()


def test_a_mask_of_another_size_is_trouble(client: Client, folder: Path) -> None:
    client.upload(original(), "of.png")
    reference = json.dumps({"filename": "of.png", "type": "input"})
    assert masked(client, mask(2 * SIDE), "large.png", original_ref=reference).status_code == 500
    assert not (folder / "input" / "large.png").exists()


@pytest.mark.parametrize("name", ["x" * 300 + ".png", "a\0b.png", ".", "sub/.."])
def test_a_name_that_no_file_can_have_is_trouble(client: Client, folder: Path, name: str) -> None:
    before = sorted((folder / "input").iterdir())
    assert client.upload(b"x", name).status_code in (400, 500)
    assert sorted((folder / "input").iterdir()) == before


def test_a_file_that_somebody_puts_there_is_seen_at_once(client: Client, folder: Path) -> None:
    for name in ("first.png", "second.png"):
        (folder / "input" / name).write_bytes(picture())
        options = client.get("/object_info/LoadImage").json()["LoadImage"]["input"]["required"]["image"][0]
        assert name in options
    (folder / "input" / "first.png").unlink()
    every = client.get("/object_info").json()["LoadImage"]["input"]["required"]["image"][0]
    assert "second.png" in every
    assert "first.png" not in every


def test_what_was_done_is_told_to_who_asks(client: Client) -> None:
    with client.listening() as (sid, socket):
        for enabled in (True, False):
            body = {"clientId": sid, "enabled": enabled}
            url = client.url + "/internal/logs/subscribe"
            assert client.http.patch(url, json=body, timeout=10).status_code == 200
            if enabled:
                client.submit(copy_prompt("logged"))
                (entry,) = socket.until(lambda m: is_event(m, "logs"))[-1]["data"]["entries"]
                assert entry["m"] == "got prompt\n"
    raw = client.get("/internal/logs/raw").json()
    assert entry in raw["entries"]
    assert "got prompt" in client.get("/internal/logs").json()
    assert client.get("/internal/folder_paths").json()["loras"] == ["models/loras"]


def test_its_files_are_listed_newest_first(client: Client) -> None:
    client.run(copy_prompt("listed"))
    assert client.get("/internal/files/output").json()[0] == "listed_00001_.png"
    assert "photo.png" in client.get("/internal/files/input").json()


# Versions.


def test_an_old_server_gives_ids_of_its_own_and_knows_little(old: Client) -> None:
    mine = str(uuid.uuid4())
    assert old.submit(copy_prompt(), prompt_id=mine) != mine
    assert old.get("/features").status_code == 404
    system = old.get("/system_stats").json()["system"]
    assert system["comfyui_version"] == "0.3.43"
    assert "required_frontend_version" not in system
    with old.listening() as (sid, socket):
        socket.socket.send(json.dumps({"type": "feature_flags", "data": {}}))
        socket.until_done(old.submit(copy_prompt("old", 40), client_id=sid))
        kinds = {message["type"] for message in socket.heard}
    assert not {"progress_state", "feature_flags"} & kinds
    assert {"executing", "executed", "execution_success"} <= kinds


def test_an_old_server_stops_whatever_runs(old: Client) -> None:
    with old.listening() as (sid, socket):
        prompt_id = old.submit(endless_prompt(), client_id=sid)
        socket.until(lambda m: is_event(m, "progress"))
        old.post("/interrupt", {"prompt_id": "somebody else's"})
        socket.until_done(prompt_id)


SOME = uuid.UUID("0123cdef-4567-4abc-9def-0123456789ab")


@pytest.mark.parametrize("id", ["mine", str(SOME).upper(), SOME.hex, 7, "", ["a"]])
def test_a_new_server_wants_ids_in_one_spelling(new: Client, id: Any) -> None:
    answer = new.post("/prompt", {"prompt": copy_prompt(), "prompt_id": id})
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "invalid_prompt_id"


def test_a_new_server_names_the_node_that_it_lacks(new: Client) -> None:
    prompt = {**copy_prompt(), "9": {"class_type": "NoSuchNode", "inputs": {}, "_meta": {"title": "Mine"}}}
    error = new.post("/prompt", {"prompt": prompt}).json()["error"]
    assert error["type"] == "missing_node_type"
    assert error["extra_info"] == {"node_id": "9", "class_type": "NoSuchNode", "node_title": "Mine"}


def test_a_new_server_tells_of_its_jobs(new: Client) -> None:
    done = new.submit(copy_prompt("job"), prompt_id=str(uuid.uuid4()))
    with new.listening() as (sid, socket):
        running = new.submit(endless_prompt(), client_id=sid, extra_data={"extra_pnginfo": {"workflow": {"id": "w"}}})
        waiting = new.submit(copy_prompt("later"))
        socket.until(lambda m: is_event(m, "progress"))
        found = {job["id"]: job for job in new.get("/api/jobs").json()["jobs"]}
        assert [found[id]["status"] for id in (done, running, waiting)] == ["completed", "in_progress", "pending"]
        assert found[done]["preview_output"]["filename"] == "job_00001_.png"
        assert found[done]["execution_start_time"] <= found[done]["execution_end_time"]
        assert found[running]["workflow_id"] == "w"
        assert new.get("/api/jobs", status="pending").json()["pagination"] == {
            "offset": 0, "limit": None, "total": 1, "has_more": False,
        }  # fmt: skip
        assert len(new.get("/api/jobs", limit=1).json()["jobs"]) == 1
        assert new.get(f"/api/jobs/{done}").json()["outputs"]["3"]["images"][0]["filename"] == "job_00001_.png"
        for id in (waiting, running):
            assert new.post(f"/api/jobs/{id}/cancel").json() == {"cancelled": True}
        socket.until_done(running)
    assert new.post(f"/api/jobs/{waiting}/cancel").json() == {"cancelled": False}
    assert new.get(f"/api/jobs/{waiting}").status_code == 404
    assert new.get(f"/api/jobs/{running}").json()["status"] == "cancelled"


@pytest.mark.parametrize(
    "query",
    [
        {"status": "dreaming"},
        {"limit": "0"},
        {"limit": "x"},
        {"offset": "x"},
        {"sort_by": "name"},
        {"sort_order": "up"},
    ],
)
def test_a_question_about_jobs_that_makes_no_sense_is_refused(new: Client, query: dict[str, str]) -> None:
    answer = new.get("/api/jobs", **query)
    assert answer.status_code == 400
    assert next(iter(query)).partition("_")[0] in answer.json()["error"].casefold()

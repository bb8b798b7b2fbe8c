"""The faults of the emulator that come from outside a job: a network, a disk, a process, and other people."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
import requests
import urllib3
from PIL import Image

from comfyproof import png
from comfyproof.emulator.faults import parse
from emulator_client import TIMEOUT, Client, copy_prompt, failure, picture
from test_serve import Serving, ended, failing, saved, until

IDS = [f"00000000-0000-4000-8000-00000000000{n}" for n in range(6)]


def test_a_fault_happens_in_its_range() -> None:
    one, some, on, always = (parse(f"503{when}") for when in ("@2", "@2-3", "@3-", ""))
    happens = [[fault.happens(time) for fault in (one, some, on, always)] for time in range(1, 5)]
    assert happens == [
        [False, False, False, True],
        [True, True, False, True],
        [False, True, True, True],
        [False, False, True, True],
    ]


def test_statuses_of_a_proxy(tmp_path: Path) -> None:
    with failing(tmp_path, "502@1", "429@2", "503@3", "504@4", "retry-after:Wed, 21 Oct 2015 07:28:00 GMT") as client:
        answers = [client.post("/prompt", {"prompt": copy_prompt(), "prompt_id": id}) for id in IDS[:4]]
        assert [answer.status_code for answer in answers] == [502, 429, 503, 504]
        told = [answer.headers.get("Retry-After") for answer in answers]
        assert told == [None, *["Wed, 21 Oct 2015 07:28:00 GMT"] * 2, None]
        ended(client, IDS[3])
        assert list(client.get("/history").json()) == IDS[3:4]  # only the last one was done


def test_answers_that_are_no_answers(tmp_path: Path) -> None:
    faults = ("empty:/queue", "garbage:/models", "nested:/object_info", "odd:/system_stats")
    with failing(tmp_path, *faults) as client:
        assert client.get("/queue").content == b""
        with pytest.raises(ValueError):  # noqa: PT011 - whatever a reader of JSON raises
            client.get("/models/loras").json()
        with pytest.raises(RecursionError):
            json.loads(client.get("/object_info").content)
        text = client.get("/system_stats").text
        assert text.count('"odd"') == 3
        assert "1e400" in text
        assert json.loads(text)["system"]["comfyui_version"] == "0.3.64"


def test_two_hundred_megabytes(tmp_path: Path) -> None:
    with failing(tmp_path, "huge") as client:
        answer = client.http.get(client.url + "/history", stream=True, timeout=TIMEOUT)
        assert sum(map(len, answer.iter_content(2**20))) == 200 * 2**20 + 3


def test_answers_that_lie_and_drip(tmp_path: Path) -> None:
    with failing(tmp_path, "lie@1", "drip@2") as client:
        _, image = saved(client, copy_prompt())
        half = requests.get(client.url + "/view", params=image, timeout=TIMEOUT).content  # spoils its connection
        with client.http.get(client.url + "/view", params=image, stream=True, timeout=0.3) as dripping:
            first = dripping.raw.read(1)
            with pytest.raises(urllib3.exceptions.ReadTimeoutError):
                dripping.raw.read(1)
        whole = client.view(image)
        assert (half, first) == (whole[: len(whole) // 2], whole[:1])


def test_pictures_that_are_damaged_where_it_hardly_shows(tmp_path: Path) -> None:
    with failing(tmp_path, "flip@1", "no-iend@2", "trailing@3", "page@4", "empty@5") as client:
        _, image = saved(client, copy_prompt())
        flipped, endless, trailing, page, empty, whole = (client.view(image) for _ in range(6))
        assert sum(a != b for a, b in zip(flipped, whole, strict=True)) == 1
        with pytest.raises(png.BrokenPng, match="checksum"):
            list(png.chunks(flipped))
        assert endless == whole[:-12]
        assert trailing.startswith(whole)
        assert len(trailing) > len(whole)
        assert b"Log in" in page
        assert empty == b""


@pytest.mark.parametrize(("fault", "count", "size"), [("small", 1, (16, 16)), ("more", 2, (32, 32)), ("fewer", 0, ())])
def test_another_size_or_number_is_saved(tmp_path: Path, fault: str, count: int, size: tuple[int, ...]) -> None:
    with failing(tmp_path, f"{fault}@1") as client:
        entry = client.run(copy_prompt())
        images = [image for output in entry["outputs"].values() for image in output["images"]]
        assert len(images) == count
        for image in images:
            with Image.open(io.BytesIO(client.view(image))) as opened:
                assert opened.size == size
        assert len(saved(client, copy_prompt("again"))[0]["outputs"]["3"]["images"]) == 1


def test_a_poisoned_prompt_fails_and_no_other(tmp_path: Path) -> None:
    with failing(tmp_path, "poison:b\u00f6se") as client:
        assert failure(client.run(copy_prompt("b\u00f6se")))["exception_message"].endswith("over this prompt.\n")
        assert client.run(copy_prompt("gut"))["status"]["completed"]
        assert not client.run(copy_prompt("b\u00f6se"))["status"]["completed"]


def test_a_prompt_that_runs_a_second_time(tmp_path: Path) -> None:
    with failing(tmp_path, "again@1") as client:
        client.submit(copy_prompt(), prompt_id=IDS[0])

        def names() -> list[str]:
            entry = client.get(f"/history/{IDS[0]}").json().get(IDS[0])
            return [file["filename"] for file in entry["outputs"]["3"]["images"]] if entry else []

        until(lambda: names() == ["out_00002_.png"])
        ended(client, IDS[0])
        assert names() == ["out_00002_.png"]


def test_what_was_saved_is_gone_and_a_repeated_prompt_does_not_bring_it_back(tmp_path: Path) -> None:
    with failing(tmp_path, "gone@1") as client:
        _, image = saved(client, copy_prompt())
        assert client.get("/view", **image).status_code == 404
        assert saved(client, copy_prompt())[1] == image  # from the cache
        assert client.get("/view", **image).status_code == 404
        assert client.get("/view", **saved(client, copy_prompt("other"))[1]).status_code == 200


def test_a_short_history(tmp_path: Path) -> None:
    with failing(tmp_path, "forgetful:2") as client:
        for n, id in enumerate(IDS[:4]):
            client.submit(copy_prompt(str(n)), prompt_id=id)
            ended(client, id)
        assert list(client.get("/history").json()) == IDS[2:4]


def test_prompts_of_others_come_before_and_after_a_restart(tmp_path: Path) -> None:
    with failing(tmp_path, "others:2@1", "restart:3") as client:
        client.submit(copy_prompt(), prompt_id=IDS[0])  # the third to run
        until(lambda: client.get("/queue").json() == {"queue_running": [], "queue_pending": []})
        history = client.get("/history").json()
        assert len(history) == 2
        assert IDS[0] not in history
        assert {entry["prompt"][3]["client_id"] for entry in history.values()} == {"somebody-else"}


def test_it_becomes_another_version(tmp_path: Path) -> None:
    def version(client: Client) -> Any:
        return client.get("/system_stats").json()["system"]["comfyui_version"]

    def needed(client: Client) -> Any:
        return client.get("/object_info/SaveImage").json()["SaveImage"]["input"]["required"].get("needed_now")

    with failing(tmp_path, "upgrade:1", "changed:2") as client:
        assert (version(client), needed(client)) == ("0.3.64", None)
        client.run(copy_prompt("1"))
        assert (version(client), needed(client)) == ("0.99.0", None)
        client.run(copy_prompt("2"))
        assert (version(client), needed(client)) == ("0.99.0", ["STRING", {}])
        answer = client.post("/prompt", {"prompt": copy_prompt("3")})
        assert answer.status_code == 400
        assert answer.json()["node_errors"]["3"]["errors"][0]["extra_info"]["input_name"] == "needed_now"


def test_a_prompt_that_nothing_stops(tmp_path: Path) -> None:
    with failing(tmp_path, "stuck") as client:
        client.submit(copy_prompt(), prompt_id=IDS[0])
        until(lambda: bool(client.get("/queue").json()["queue_running"]))
        client.post("/interrupt", {"prompt_id": IDS[0]})
        client.submit(copy_prompt("next"), prompt_id=IDS[1])
        queue = client.get("/queue").json()
        assert [[item[1] for item in queue[key]] for key in ("queue_running", "queue_pending")] == [IDS[:1], IDS[1:2]]


def test_well_and_not_well_by_turns(tmp_path: Path) -> None:
    def reached(client: Client) -> bool:
        try:
            return bool(client.get("/queue").json()) and client.http.cookies is not None
        except requests.ConnectionError:
            return False

    with failing(tmp_path, "flapping:0.3") as client:
        for wanted in (True, False, True, False):
            until(lambda wanted=wanted: reached(client) == wanted)  # type: ignore[misc]


def test_a_process_that_crashes(tmp_path: Path) -> None:
    with Serving(tmp_path, "--port", "0", "--fail", "crash:2", stderr=subprocess.DEVNULL) as serving:
        client = Client(serving.url)
        client.upload(picture())
        client.run(copy_prompt())
        with contextlib.suppress(requests.ConnectionError):  # it may be quicker than its answer
            client.submit(copy_prompt("second"))
        assert serving.process.wait(TIMEOUT) == -signal.SIGKILL
        client.http.close()
    assert not os.path.exists(tmp_path / "emulator/output/second_00001_.png")

"""Whatever is sent to the emulator, it lives on, and nothing is written outside its folder."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import requests
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from comfyproof.catalog.pinned import built_in
from comfyproof.emulator.embedded import Emulator
from emulator_client import Client, copy_prompt, picture

METHODS = ("GET", "POST", "PATCH", "DELETE", "PUT", "HEAD")
ROUTES = (
    "/prompt", "/queue", "/history", "/interrupt", "/free", "/upload/image", "/upload/mask", "/view", "/settings",
    "/users", "/userdata", "/v2/userdata", "/internal/logs/subscribe", "/api/jobs", "/api/jobs/cancel", "/models",
    "/experiment/models/preview", "/object_info", "/view_metadata", "/nowhere", "",
)  # fmt: skip
NAMES = st.sampled_from(
    ["..", "../../x", "/etc/passwd", "a\0b", "%2e%2e", "\u202egnp.exe", "x" * 5000, "~", ".", "", "C:\\x", "photo.png"]
) | st.text(max_size=20)
KEYS = st.sampled_from(
    ["prompt", "prompt_id", "client_id", "number", "front", "extra_data", "clear", "delete", "username", "clientId",
     "enabled", "job_ids", "free_memory", "unload_models", "partial_execution_targets", "class_type", "inputs"]
) | NAMES  # fmt: skip
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | NAMES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)
QUERIES = st.dictionaries(
    st.sampled_from(["filename", "type", "subfolder", "preview", "channel", "max_items", "offset", "dir", "path",
                     "overwrite", "full_info", "recurse", "status", "limit", "sort_by"]),
    NAMES | st.sampled_from(["input", "webp;90", "jpeg;-1", "rgb", "a", "-1", "99999999999999999999", "true"]),
    max_size=4,
)  # fmt: skip
FILES = st.dictionaries(
    st.sampled_from(["image", "original_ref", "type", "subfolder", "overwrite"]),
    NAMES | st.tuples(NAMES, st.binary(max_size=30)) | st.just(("photo.png", picture())),
    max_size=5,
)
ALIVE = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def client(home: Path) -> Iterator[Client]:
    with Emulator(home / "emulator", catalog=built_in(), profile="0.36.0") as emulator:
        made = Client(emulator.url)
        made.upload(picture())
        yield made
        # After all of that it still does its work.
        assert made.run(copy_prompt("after"))["status"]["status_str"] == "success"


def is_well(client: Client, home: Path) -> None:
    """It answers, and there is nothing beside its folder."""
    assert client.get("/prompt").status_code == 200
    assert [each.name for each in home.iterdir()] == ["emulator"]
    kinds = {each.name for each in (home / "emulator").iterdir()}
    assert kinds <= {"input", "output", "temp", "user"}


def encoded(value: Any) -> bytes:
    return json.dumps(value).encode("utf-8", "surrogatepass")


@ALIVE
@given(
    st.sampled_from(["GET", "POST", "PATCH", "DELETE", "PUT", "HEAD"]), st.sampled_from(ROUTES), NAMES, QUERIES, VALUES
)
@example("POST", "/prompt", "", {}, {"prompt": {"1": {"class_type": "SaveImage", "inputs": None}}})
@example("POST", "/history", "", {}, {"delete": [["a"], {}]})
@example("POST", "/queue", "", {}, {"delete": [["a"], {}]})
@example("GET", "/api/jobs", "", {"limit": "99999999999999999999", "offset": "-1"}, None)
def test_any_request_is_answered(
    client: Client, home: Path, method: str, route: str, more: str, query: dict[str, str], body: Any
) -> None:
    path = route + (f"/{quote(more.encode('utf-8', 'replace'), safe='')}" if more else "")
    with contextlib.suppress(requests.exceptions.ChunkedEncodingError):
        answer = client.http.request(method, client.url + path, params=query, data=encoded(body), timeout=20)
        assert b"Traceback" not in answer.content
    is_well(client, home)


# Where a later field of a form cannot be read, aiohttp leaves the files of earlier ones to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@ALIVE
@given(st.sampled_from(["/upload/image", "/upload/mask"]), FILES)
def test_any_form_is_answered(client: Client, home: Path, route: str, form: dict[str, Any]) -> None:
    files = {key: value for key, value in form.items() if isinstance(value, tuple)}
    fields = {key: value for key, value in form.items() if isinstance(value, str)}
    answer = client.http.post(client.url + route, files=files, data=fields, timeout=20)
    assert answer.status_code in (200, 400, 403, 500)
    is_well(client, home)


@ALIVE
@given(st.binary(max_size=200))
@example(b"GET /prompt HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n")
@example(b"POST /prompt HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n")
@example(b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
         b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n\xff\xff\xff\xff\xff")  # fmt: skip
def test_any_bytes_are_borne(client: Client, home: Path, data: bytes) -> None:
    port = int(client.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ConnectionError):
            while connection.recv(2**16):
                pass
    is_well(client, home)

"""One job against everything that can go wrong with it, as a person at a terminal meets it.

Everything is real: the command in a process of its own, an emulator, and a proxy before it that has the faults.
"""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from comfyproof.catalog.pinned import built_in
from comfyproof.emulator.embedded import Emulator
from comfyproof.run.results import SAVING, SHOWING, TELLING, UNTOLD
from conftest import ROOT, Command
from misbehaving import Proxy
from odd_server import CERTIFICATE, OddServer
from odd_server import says as replies
from run_faults import BUSY, CASES, RECORD, SECRET, SMALL, TEXT, TWO, Case
from scripted_server import Play, ScriptedServer, hangs, resets, says
from test_run import PROGRAM, until

ENVIRONMENT = {**os.environ, "NO_COLOR": "1", "COLUMNS": "200", "PROOF_KEY": SECRET}
CI_COMMAND = re.compile(r"^\s*::|##(vso)?\[", re.MULTILINE)


@dataclass(frozen=True)
class Seen:
    """What came of a run: its exit code, what it wrote, which files it left, and the record as data and as text."""

    exit: int
    stdout: str
    stderr: str
    files: tuple[str, ...]
    record: dict[str, Any]
    text: str
    given: int
    taken: int


@contextmanager
def proxied(folder: Path, script: dict[str, list[Play]] | None = None) -> Iterator[Proxy]:
    """An emulator behind a proxy, which misbehaves as scripted."""
    with Emulator(folder / "emulator", catalog=built_in()) as emulator, Proxy(emulator=emulator) as proxy:
        proxy.script.update(script or {})
        yield proxy


def prepared(folder: Path, spec: str = SMALL) -> Path:
    """A folder to run a spec in, with the photograph that it reads; all that a run leaves must lie in its `out`."""
    work = folder / "work"
    work.mkdir(parents=True)
    Image.open(ROOT / "specs/photograph.jpg").resize((48, 32)).save(work / "photo.png")
    (work / "spec.yaml").write_text(spec.replace("PHOTO", "photo.png"))
    return work


def seen(work: Path, done: subprocess.CompletedProcess[str], proxy: Proxy) -> Seen:
    files = tuple(sorted(path.name for path in work.glob("out/spec/0001/*")))
    record = work / "out/spec/0001/run.json"
    text = record.read_text() if record.exists() else "{}"
    return Seen(done.returncode, done.stdout, done.stderr, files, json.loads(text), text, proxy.given, proxy.taken)


def command(url: str, *options: object) -> list[str]:
    return [*PROGRAM, "run", "spec.yaml", "--server", url, *map(str, options)]


def run_case(case: Case, folder: Path) -> tuple[Seen, list[str]]:
    """What came of a case, and the files that it left beside the folder of its run."""
    work = prepared(folder, case.spec)
    with proxied(folder, {route: list(plays) for route, plays in case.script.items()}) as proxy:
        done = subprocess.run(
            command(proxy.url, *case.options), cwd=work, env=ENVIRONMENT, capture_output=True, text=True, timeout=90,
            check=False,
        )  # fmt: skip
    expected = {work / "photo.png", work / "spec.yaml"}
    everywhere = {path for path in folder.rglob("*") if path.is_file() or path.is_symlink()}
    outside = everywhere - expected - set((work / "out/spec/0001").glob("*"))
    strays = [str(path) for path in outside if not path.is_relative_to(folder / "emulator")]
    return seen(work, done, proxy), strays


@pytest.fixture(scope="module")
def outcomes(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Future[tuple[Seen, list[str]]]]]:
    """The cases, under way: much of their time is waiting, so that several go on at once."""
    wanted = {
        item.callspec.params["case"].name: item.callspec.params["case"]
        for item in request.session.items
        if getattr(item, "function", None) is test_a_fault
    }
    pool = ThreadPoolExecutor(3)
    try:
        yield {name: pool.submit(run_case, case, tmp_path_factory.mktemp("case")) for name, case in wanted.items()}
    finally:
        pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.number}-{case.name}".replace(" ", "-"))
def test_a_fault(outcomes: dict[str, Future[tuple[Seen, list[str]]]], case: Case) -> None:
    found, strays = outcomes[case.name].result()
    assert found.exit == case.exit, found.stderr
    for words in case.says:
        assert words in found.stderr
    assert found.files == case.files
    assert strays == []
    assert found.given == case.given
    assert found.taken <= 1  # never a second run on a GPU
    everything = found.stdout + found.stderr
    assert "Traceback" not in everything
    assert all(letter.isprintable() or letter == "\n" for letter in everything)
    assert not CI_COMMAND.search(everything)
    assert SECRET not in everything + found.text
    assert all(letter.isprintable() or letter == "\n" for letter in found.text)
    assert found.stderr.count("CP404") == (case.spec in (SMALL, TWO))  # what was said is not said again
    paths = [f"out/spec/0001/{name}" for name in case.files if name != "run.json"]
    assert sorted(found.stdout.splitlines()) == paths
    if case.exit in (4, 6):
        assert "\n  help: " in found.stderr
    assert (found.record.get("verdict") == "verified") == (case.exit == 0)


def test_the_names_of_the_cases_are_told_apart() -> None:
    assert len({case.name for case in CASES}) == len(CASES) >= 45


# A server that dies, as a process does.


def test_a_server_that_is_killed_and_comes_back_has_lost_the_job(tmp_path: Path) -> None:
    work = prepared(tmp_path, BUSY)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    serve = [*PROGRAM, "serve", "--port", str(port), "--folder", str(tmp_path / "emulator")]

    def server() -> subprocess.Popen[str]:
        process = subprocess.Popen(serve, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert process.stdout is not None
        assert process.stdout.readline().startswith("http:")
        return process

    first = server()
    client = subprocess.Popen(
        command(f"http://127.0.0.1:{port}"), cwd=work, env=ENVIRONMENT, stderr=subprocess.PIPE, text=True
    )
    assert client.stderr is not None
    assert client.stderr.readline() == "models: done (0.0 s)\n"
    first.kill()
    second = server()
    _, err = client.communicate(timeout=60)
    for process in (first, second):
        process.kill()
        process.communicate()
    assert client.returncode == 1, err
    assert "error[CP806]: the server restarted, it seems" in err
    assert "help: run it again; what the server forgot is not done" in err


# Its user, and those who read what it writes.


@dataclass(frozen=True)
class Moment:
    """When a run is stopped: as soon as the server was asked this, and does so."""

    name: str
    asked: str
    script: dict[str, list[Play]]
    says: str
    spec: str = BUSY
    given: int = 1


MOMENTS = [
    Moment("prepare", "GET /object_info/", {"GET /object_info/": [hangs]}, "interrupted\n", given=0),
    Moment("upload", "POST /upload/image", {"POST /upload/image": [hangs]}, "interrupted\n", SMALL, given=0),
    Moment("submit", "POST /prompt", {"POST /prompt": [hangs]}, "is withdrawn from the server", given=0),
    Moment("execute", "GET /queue", {}, "is withdrawn from the server"),
    Moment("fetch", "GET /view", {"GET /view": [hangs]}, "made is still on http://127.0.0.1:", SMALL),
]


def stopped(tmp_path: Path, moment: Moment, *signs: signal.Signals) -> tuple[int, str, Proxy]:
    """The exit code and stderr of a run that gets these signals, each as soon as the one before has been heard."""
    work = prepared(tmp_path, moment.spec)
    with proxied(tmp_path, moment.script) as proxy:
        client = subprocess.Popen(command(proxy.url), cwd=work, env=ENVIRONMENT, stderr=subprocess.PIPE, text=True)
        until(lambda: proxy.asked(moment.asked))
        client.send_signal(signs[0])
        for sign in signs[1:]:
            until(lambda: proxy.asked("POST /queue"))
            client.send_signal(sign)
        _, err = client.communicate(timeout=30)
    return client.returncode, err, proxy


@pytest.mark.parametrize("moment", MOMENTS, ids=lambda moment: moment.name)
def test_stopped_by_its_user(tmp_path: Path, moment: Moment) -> None:
    code, err, proxy = stopped(tmp_path, moment, signal.SIGINT)
    assert code == 130, err
    assert moment.says in err
    assert "Traceback" not in err
    assert proxy.given == moment.given
    assert (len(proxy.asked("POST /queue")) == 1) == ("withdrawn" in moment.says)


def test_stopped_by_a_terminal_that_closes(tmp_path: Path) -> None:
    code, err, proxy = stopped(tmp_path, MOMENTS[3], signal.SIGHUP)
    assert code == 130, err
    assert "is withdrawn from the server" in err
    assert len(proxy.asked("POST /queue")) == 1


def test_stopped_twice_it_does_not_wait_for_the_server(tmp_path: Path) -> None:
    moment = Moment("twice", "GET /queue", {"POST /queue": [hangs]}, "")
    code, err, _ = stopped(tmp_path, moment, signal.SIGINT, signal.SIGINT)
    assert code == 130, err
    assert "may still run on http://127.0.0.1:" in err
    assert "Traceback" not in err


def test_stopped_when_the_server_is_gone(tmp_path: Path) -> None:
    moment = Moment("gone", "GET /queue", {"POST /queue": [resets] * 9}, "")
    code, err, _ = stopped(tmp_path, moment, signal.SIGINT)
    assert code == 130, err
    assert "may still run on" in err


def test_a_job_that_takes_too_long_is_withdrawn(tmp_path: Path) -> None:
    work = prepared(tmp_path, BUSY)
    with proxied(tmp_path) as proxy:
        done = subprocess.run(
            command(proxy.url, "--timeout", 1), cwd=work, env=ENVIRONMENT, capture_output=True, text=True, check=False
        )
        assert len(proxy.asked("POST /queue")) == 1
    assert done.returncode == 1
    assert "error[CP807]: it did not end in 1 s, and was withdrawn from the server" in done.stderr
    assert "help: give it more time with --timeout" in done.stderr


@pytest.mark.parametrize(("streams", "set_", "exit"), [
    ("stdout", "verify.size=8x8", 1),
    ("both", "verify.not_blank=true", 0),
])  # fmt: skip
def test_a_reader_that_is_gone_changes_nothing(tmp_path: Path, streams: str, set_: str, exit: int) -> None:
    work = prepared(tmp_path)
    reader, writer = os.pipe()
    os.close(reader)
    with proxied(tmp_path) as proxy:
        done = subprocess.run(
            command(proxy.url, "--set", set_), cwd=work, env=ENVIRONMENT, text=True, check=False, stdout=writer,
            stderr=writer if streams == "both" else subprocess.PIPE,
        )  # fmt: skip
    os.close(writer)
    assert done.returncode == exit, done.stderr
    assert (proxy.taken, proxy.asked("POST /queue")) == (1, [])
    assert json.loads((work / "out/spec/0001/run.json").read_text())["verdict"].startswith(
        "not as promised" if exit else "verified"
    )


def test_a_reader_that_is_gone_does_not_make_a_failure_a_success(tmp_path: Path) -> None:
    work = prepared(tmp_path)
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        command("http://127.0.0.1:9"), cwd=work, env=ENVIRONMENT, check=False, stdout=writer, stderr=writer
    )
    os.close(writer)
    assert done.returncode == 4


# Disks and folders.


def limited(size: int) -> Callable[[], None]:
    """No file may grow beyond this, as on a disk that is full."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def test_a_disk_with_room_for_the_picture_and_not_for_the_record(tmp_path: Path) -> None:
    work = prepared(tmp_path, SMALL + "# " + 20_000 * "x" + "\n")  # the record holds the spec
    with proxied(tmp_path) as proxy:
        done = subprocess.run(
            command(proxy.url), cwd=work, env={**ENVIRONMENT, "PYTHONDONTWRITEBYTECODE": "1"}, capture_output=True,
            text=True, check=False, preexec_fn=limited(10_000),
        )  # fmt: skip
    found = seen(work, done, proxy)
    assert found.exit == 6, found.stderr
    assert found.files == ("kept.png",)
    assert found.stdout == "out/spec/0001/kept.png\n"
    assert 'run.json": File too large' in found.stderr
    assert found.taken == 1


def test_a_link_that_lies_where_the_folder_would_is_not_followed(tmp_path: Path) -> None:
    work = prepared(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    (work / "out/spec").mkdir(parents=True)
    (work / "out/spec/0001").symlink_to(tmp_path / "elsewhere")
    (work / "out/spec/0002").symlink_to(tmp_path / "nowhere")
    with proxied(tmp_path) as proxy:
        done = subprocess.run(
            command(proxy.url), cwd=work, env=ENVIRONMENT, capture_output=True, text=True, check=False
        )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "out/spec/0003/kept.png\n"
    assert os.listdir(tmp_path / "elsewhere") == []
    assert not (tmp_path / "nowhere").exists()


# Addresses.


@pytest.fixture(scope="module")
def secure() -> Iterator[OddServer]:
    with OddServer({"*": replies({"error": "no"}, status=404)}, tls=True) as server:
        yield server


def run_on(tmp_path: Path, url: str, **environment: str) -> str:
    """What a run on a server that it cannot use says."""
    work = prepared(tmp_path)
    done = subprocess.run(
        command(url, "--timeout", 5), cwd=work, env={**ENVIRONMENT, **environment}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 4, done.stderr
    assert not (work / "out").exists()
    return done.stderr


def test_a_certificate_that_nobody_vouches_for(tmp_path: Path, secure: OddServer) -> None:
    err = run_on(tmp_path, secure.url)
    assert "its certificate is not trusted (self-signed certificate)" in err
    assert "help: Let REQUESTS_CA_BUNDLE name its authority" in err
    assert secure.log == []


def test_a_certificate_of_another_host(tmp_path: Path, secure: OddServer) -> None:
    url = f"https://127.1:{secure.url.rpartition(':')[2]}"  # the same address, by a name that the certificate lacks
    err = run_on(tmp_path, url, REQUESTS_CA_BUNDLE=str(CERTIFICATE), NO_PROXY="*")
    assert "its certificate is not trusted" in err
    assert "127.1" in err.partition("not trusted")[2]
    assert secure.log == []


def test_http_to_a_port_that_speaks_https(tmp_path: Path, secure: OddServer) -> None:
    err = run_on(tmp_path, secure.url.replace("https:", "http:"))
    assert "help: " in err


def test_https_to_a_port_that_speaks_http(tmp_path: Path, server: ScriptedServer) -> None:
    err = run_on(tmp_path, server.url.replace("http:", "https:"))
    assert "the TLS connection failed" in err
    assert "help: Check whether its address begins with http:" in err


def test_a_host_that_nobody_knows(tmp_path: Path) -> None:
    assert "no host of that name is known" in run_on(tmp_path, "http://nowhere.invalid:8188")


@pytest.mark.parametrize("route", ["POST /prompt", "GET /view"])
def test_a_redirect_takes_no_credentials_elsewhere(tmp_path: Path, server: ScriptedServer, route: str) -> None:
    work = prepared(tmp_path)
    elsewhere = says(307, b"", Location=f"http://localhost:{server.port}/steal")
    with proxied(tmp_path, {route: [elsewhere] * 9, "GET /ws": [elsewhere] * 9}) as proxy:
        done = subprocess.run(
            command(proxy.url), cwd=work, env={**ENVIRONMENT, "COMFYPROOF_TOKEN": "t0ken-of-mine"},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 4, done.stderr
    assert "redirects to" in done.stderr
    assert "t0ken-of-mine" not in done.stdout + done.stderr
    assert server.log == []


# Which nodes leave what.


def test_every_node_that_ends_a_graph_is_known() -> None:
    """A node that saves in a way nobody here knows of would be taken for one that failed, or for one that did not."""
    catalog = built_in()
    ends = {name for name in catalog.raw if (kind := catalog.get(name)) and kind.is_output}
    assert ends == SAVING.keys() | SHOWING.keys() | TELLING | UNTOLD


def test_a_text_is_kept_in_the_record(comfyproof: Command, tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(TEXT)
    done = comfyproof("run", "spec.yaml")
    assert done.returncode == 3, done.stderr
    assert 'not examined: the text of "told": nothing is promised of it' in done.stderr
    record = json.loads((tmp_path / "out/spec/0001/run.json").read_text())
    assert record["texts"] == [{"stage": "told", "key": "text", "text": "hello"}]


def test_a_node_that_does_not_tell_its_file_is_said_not_to(comfyproof: Command, tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(
        "comfyproof: 1\nnodes:\n  all: {CheckpointLoaderSimple: {ckpt_name: sd_xl_base_1.0.safetensors}}\n"
        "  merged: {ModelSave: {model: $all, filename_prefix: m}}\n"
    )
    done = comfyproof("run", "spec.yaml")
    assert done.returncode == 3, done.stderr
    assert 'not examined: the file of "merged": "ModelSave" does not tell where on the server it saves' in done.stderr
    assert [path.name for path in (tmp_path / "out/spec/0001").iterdir()] == list(RECORD)

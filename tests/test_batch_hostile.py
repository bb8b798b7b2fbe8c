"""A batch in a world that breaks: full disks, torn files, servers that lie; the documented code, and nothing lost."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import history_checker
from batch_rig import closed_port, done_jobs, events, leftovers, write_spec
from comfyproof.catalog.pinned import built_in
from comfyproof.emulator.embedded import Emulator
from comfyproof.emulator.faults import parse
from comfyproof.emulator.watching import Passage
from warm_command import WarmCommand

JOBS = 3


class Rig:
    """The command, and a server that tells what it runs."""

    def __init__(self, command: WarmCommand, server: str, ran: Counter[str]) -> None:
        self.command, self.server, self.ran = command, server, ran

    def batch(
        self, out: Path, *options: object, limit: int | None = None, server: str = "", **environment: str
    ) -> tuple[int, str]:
        spec = out.parent / "fire.yaml"
        if not spec.exists():
            write_spec(out.parent, JOBS)
        return self.command.run(
            "batch", spec, "--servers", server or self.server, "--out", out, *options, limit=limit, **environment
        )

    def finished(self, folder: Path) -> Path:
        """A batch that is done."""
        code, said = self.batch(folder / "out")
        assert code == 0, said
        return folder / "out"

    def assert_ends(self, out: Path, code: int, *words: str, **options: object) -> None:
        """That the batch ends with a code and some words, and without a traceback."""
        ended, said = self.batch(out, **options)  # type: ignore[arg-type]
        assert ended == code, said
        assert [each for each in words if each not in said] == [], said
        assert "Traceback" not in said

    def assert_sound(self, out: Path, jobs: int = JOBS) -> None:
        """That all is done, each job once, and each by one run."""
        assert list(done_jobs(out).values()) == [1] * jobs
        assert history_checker.check(out / ".comfyproof" / "events.ndjson", out, 0) == []
        assert leftovers(out) == []
        assert len(list(out.glob("*.png"))) == jobs
        sent = {event["prompt_id"] for event in events(out) if event.get("prompt_id")}
        assert {id: self.ran[id] for id in sent if self.ran[id] != 1} == {}


@contextlib.contextmanager
def emulator(folder: Path, ran: Counter[str], *faults: str) -> Iterator[str]:
    """A server that counts in `ran` what it has run."""

    def watch(passage: Passage) -> None:
        if passage.outcome is not None:
            ran[passage.id] += 1

    folder.mkdir()
    with Emulator(folder, catalog=built_in(), faults=[parse(each) for each in faults], watch=watch) as started:
        yield started.url


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    ran: Counter[str] = Counter()
    folder = tmp_path_factory.mktemp("server")
    with WarmCommand() as command, emulator(folder / "files", ran) as server:
        yield Rig(command, server, ran)


# A disk that fills.


@pytest.mark.parametrize("limit", [1_000, 30_000, 100_000, 200_000, 400_000])
def test_a_disk_that_fills_ends_a_batch_which_goes_on_once_there_is_room(rig: Rig, tmp_path: Path, limit: int) -> None:
    """No file may be longer than that: at first the ledger does not fit, at last only a picture."""
    out, spec = tmp_path / "out", write_spec(tmp_path, JOBS)
    pixels = np.random.default_rng(1).integers(0, 255, (500, 500, 3), dtype="uint8")
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    assert spec.exists()
    rig.assert_ends(out, 6, limit=limit)
    rig.assert_ends(out, 0)
    rig.assert_sound(out)


def a_file(out: Path) -> None:
    out.write_text("mine")


def a_file_within(out: Path) -> None:
    out.mkdir()
    (out / ".comfyproof").write_text("mine")


def a_file_for_the_store(out: Path) -> None:
    (out / ".comfyproof").mkdir(parents=True)
    (out / ".comfyproof" / "objects").write_text("mine")


def a_folder_for_the_log(out: Path) -> None:
    (out / ".comfyproof" / "events.ndjson").mkdir(parents=True)


def a_folder_for_the_ledger(out: Path) -> None:
    (out / ".comfyproof" / "ledger.sqlite").mkdir(parents=True)


def a_folder_for_the_lock(out: Path) -> None:
    (out / ".comfyproof" / "lock").mkdir(parents=True)


def a_folder_for_the_id(out: Path) -> None:
    (out / ".comfyproof" / "batch.json").mkdir(parents=True)


def no_json(out: Path) -> None:
    (out / ".comfyproof").mkdir(parents=True)
    (out / ".comfyproof" / "batch.json").write_text('{"schema": "comfypr')


def nested(out: Path) -> None:
    (out / ".comfyproof").mkdir(parents=True)
    (out / ".comfyproof" / "batch.json").write_text("[" * 100_000)


def newer(out: Path) -> None:
    (out / ".comfyproof").mkdir(parents=True)
    (out / ".comfyproof" / "batch.json").write_text('{"schema": "comfyproof/batch/2", "batch": "b"}')


FOLDERS = (".comfyproof", ".comfyproof/objects", ".comfyproof/work")
FILES = tuple(f".comfyproof/{name}" for name in ("lock", "ledger.sqlite", "engine.sqlite", "events.ndjson", "names"))


def links_elsewhere(name: str) -> Callable[[Path], None]:
    def link(out: Path) -> None:
        target = out.parent / "elsewhere" / "thing"
        target.parent.mkdir()
        target.mkdir() if name in FOLDERS else target.write_text("mine")
        (out / name).parent.mkdir(parents=True)
        (out / name).symlink_to(target)

    return link


@pytest.mark.parametrize(
    ("breaks", "word"),
    [
        (a_file, "Not a directory"),
        (a_file_within, "Not a directory"),
        (a_file_for_the_store, "File exists"),
        (a_folder_for_the_log, "Is a directory"),
        (a_folder_for_the_ledger, "the ledger cannot be used"),
        (a_folder_for_the_lock, "Is a directory"),
        (a_folder_for_the_id, "cannot be read"),
        (no_json, "cannot be read"),
        (nested, "cannot be read"),
        (newer, "newer comfyproof"),
        *((links_elsewhere(name), "is a link") for name in (*FOLDERS, *FILES)),
    ],
)  # fmt: skip
def test_a_folder_that_cannot_be_used(rig: Rig, tmp_path: Path, breaks: Callable[[Path], None], word: str) -> None:
    out = tmp_path / "out"
    breaks(out)
    write_spec(tmp_path, JOBS)
    before = {path: path.is_file() and path.read_bytes() for path in tmp_path.rglob("*")}
    rig.assert_ends(out, 6, word)
    now = {path: path.is_file() and path.read_bytes() for path in tmp_path.rglob("*")}
    assert {path: data for path, data in before.items() if now.get(path) != data} == {}
    elsewhere = tmp_path / "elsewhere"
    assert {path for path in now if elsewhere in path.parents} <= set(before)


# What was written before, and is no longer what it was.


@pytest.fixture(scope="module")
def done(rig: Rig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A batch that is done, in a folder with its spec."""
    folder = tmp_path_factory.mktemp("done")
    rig.assert_ends(folder / "out", 0)
    return folder


@pytest.fixture
def out(done: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return shutil.copytree(done, tmp_path / "done") / "out"


def overwritten(file: Path) -> None:
    with file.open("r+b") as stream:
        stream.seek(4096)
        stream.write(b"\xa5" * 8192)


def halved(file: Path) -> None:
    data = file.read_bytes()
    file.write_bytes(data[: len(data) // 2 // 4096 * 4096 - 100])


def no_database(file: Path) -> None:
    file.write_text("It was the best of times, it was the worst of times. " * 99)


TORN = (overwritten, halved, no_database)


def runs(rig: Rig) -> int:
    """How many prompts the server has run."""
    return sum(rig.ran.values())


@pytest.mark.parametrize("tear", TORN)
def test_a_ledger_that_is_torn_is_made_again_from_the_store(rig: Rig, out: Path, tear: Callable[[Path], None]) -> None:
    ledger = out / ".comfyproof" / "ledger.sqlite"
    tear(ledger)
    before = runs(rig)
    rig.assert_ends(out, 6, "move it away and give the same command: what is verified is found again in the store")
    ledger.rename(out.parent / "ledger.sqlite")
    rig.assert_ends(out, 0)
    assert runs(rig) == before
    rig.assert_sound(out)


@pytest.mark.parametrize("point", ["before-plan:1", "after-plan:1", "before-restore:1", "after-commit:2"])
def test_a_ledger_that_is_lost_again_while_it_is_made(rig: Rig, out: Path, point: str) -> None:
    (out / ".comfyproof" / "ledger.sqlite").write_bytes(b"")
    before = runs(rig)
    rig.assert_ends(out, 9, COMFYPROOF_FAIL=point)
    rig.assert_ends(out, 0)
    assert runs(rig) == before
    rig.assert_sound(out)


def test_a_ledger_of_a_newer_comfyproof(rig: Rig, out: Path) -> None:
    with contextlib.closing(sqlite3.connect(out / ".comfyproof" / "ledger.sqlite")) as connection:
        connection.execute("UPDATE comfyproof_batch SET format = 99")
        connection.commit()
    rig.assert_ends(out, 6, "the ledger is of a newer comfyproof")


@pytest.mark.parametrize("tear", TORN)
def test_an_engine_that_is_torn_is_made_anew(rig: Rig, out: Path, tear: Callable[[Path], None]) -> None:
    tear(out / ".comfyproof" / "engine.sqlite")
    code, said = rig.batch(out, "--set", "refine.steps=3")
    assert code == 0, said
    assert (out / ".comfyproof" / "engine.sqlite.damaged").exists()
    assert list(done_jobs(out).values()) == [1] * 2 * JOBS
    assert len(list(out.glob("*.png"))) == JOBS  # those that the command names


def log_without_its_end(log: Path) -> None:
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join(lines[:-3]) + lines[-3][:30])


def no_log(log: Path) -> None:
    log.unlink()


def log_with_nonsense(log: Path) -> None:
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join([*lines[:-1], b"[" * 100_000, b"\n"]))


@pytest.mark.parametrize("tear", [log_without_its_end, no_log, log_with_nonsense])
def test_a_log_that_is_torn_is_completed(rig: Rig, out: Path, tear: Callable[[Path], None]) -> None:
    tear(out / ".comfyproof" / "events.ndjson")
    before = runs(rig)
    rig.assert_ends(out, 0)
    assert runs(rig) == before
    assert sum(event["event"] == "done" for event in events(out)) == JOBS
    rig.assert_sound(out)


def objects(out: Path) -> list[Path]:
    """What is in the store."""
    return sorted((out / ".comfyproof" / "objects").glob("*/*"))


def name_of(out: Path, data: bytes) -> Path:
    """The name of a picture."""
    return next(path for path in out.glob("*.png") if path.read_bytes() == data)


def test_an_object_that_is_deleted_is_made_again(rig: Rig, out: Path) -> None:
    gone = objects(out)[0]
    name_of(out, gone.read_bytes()).unlink()
    gone.unlink()
    code, said = rig.command.run("batch", "verify", out)
    assert code == 1, said
    before = runs(rig)
    rig.assert_ends(out, 0)
    assert runs(rig) == before + 1
    assert list(done_jobs(out).values()) == [1] * JOBS
    assert len(objects(out)) == JOBS
    assert rig.command.run("batch", "verify", out)[0] == 0


def test_an_object_that_is_altered_is_found_and_made_again(rig: Rig, out: Path) -> None:
    altered = objects(out)[0]
    data = bytearray(altered.read_bytes())
    name = name_of(out, data)
    data[-20] ^= 1
    for path in (altered, name):  # they were one file
        path.write_bytes(data)
    code, said = rig.command.run("batch", "verify", out)
    assert code == 1, said
    assert rig.command.run("batch", "verify", out, "--redo")[0] == 1
    before = runs(rig)
    rig.assert_ends(out, 0)
    assert runs(rig) == before + 1
    assert list(done_jobs(out).values()) == [1] * JOBS
    assert rig.command.run("batch", "verify", out, "--update-names")[0] == 0


def test_a_store_whose_folders_are_links_is_not_written(rig: Rig, tmp_path: Path) -> None:
    out, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    elsewhere.mkdir()
    store = out / ".comfyproof" / "objects"
    store.mkdir(parents=True)
    for number in range(256):
        (store / f"{number:02x}").symlink_to(elsewhere)
    rig.assert_ends(out, 6, "is a link")
    assert list(elsewhere.iterdir()) == []
    for path in store.iterdir():
        path.unlink()
    rig.assert_ends(out, 0)
    rig.assert_sound(out)


def test_what_stands_where_a_name_should_be_stays(rig: Rig, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (tmp_path / "mine.png").write_text("mine")
    (out / "seed=1.png").symlink_to(tmp_path / "mine.png")
    (out / "seed=2.png").symlink_to(tmp_path / "nothing.png")
    (out / "seed=3.png").mkdir()
    rig.assert_ends(out, 0)
    assert (tmp_path / "mine.png").read_text() == "mine"
    assert not (tmp_path / "nothing.png").exists()
    named = [path for path in out.glob("seed=[123]-*.png") if not path.is_symlink()]
    assert sorted(path.name[:7] for path in named) == ["seed=1-", "seed=2-", "seed=3-"]


# A server that lies.


@pytest.mark.parametrize(
    ("fault", "word"),
    [
        ("bomb", "pixels"),
        ("endless", ""),
        ("redirect", "redirects to"),
        ("page", ""),
        ("names", "HTTP 400"),
    ],
)
def test_a_server_that_lies(rig: Rig, tmp_path: Path, fault: str, word: str) -> None:
    """Nothing of it is accepted, nothing is written outside, and another server does it."""
    out = tmp_path / "batch" / "out"
    out.parent.mkdir()
    write_spec(out.parent, 1)
    with emulator(tmp_path / "server", rig.ran, fault) as server:
        here = {path for path in tmp_path.rglob("*") if tmp_path / "server" not in path.parents}
        code, said = rig.batch(out, server=server)
    now = {path for path in tmp_path.rglob("*") if tmp_path / "server" not in path.parents}
    assert {path for path in now - here if out != path and out not in path.parents} == set()
    assert "Traceback" not in said
    assert code == 1, said
    assert word in said
    assert list(out.glob("*.png")) == []
    code, said = rig.command.run("batch", "retry", out, "--failed")
    assert code == 0, said
    rig.assert_ends(out, 0)
    rig.assert_sound(out, 1)


# Secrets.

SECRET, TOKEN, PASSWORD = "s3cr3t-0451-env", "t0ken-0451-header", "pa55-0451-ledger"


def secret_spec(folder: Path) -> None:
    spec = write_spec(folder, 2)
    text = 'text: {PrimitiveString: {value: "key ${env:PROOF_KEY}"}}'
    spec.write_text(spec.read_text() + f"nodes:\n  told: {{PreviewAny: {{source: $text}}}}\n  {text}\n")


@pytest.mark.parametrize("fault", [None, "small", "error:PreviewAny"])
def test_secrets_are_nowhere(rig: Rig, tmp_path: Path, postgres: str, fault: str | None) -> None:
    """Neither a header's, nor the ledger's password; and what the environment holds only where the server put it."""
    out = tmp_path / "out"
    secret_spec(tmp_path)
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(emulator(tmp_path / "server", rig.ran, fault)) if fault else rig.server
        ledger = postgres.replace("tests@", f"tests:{PASSWORD}@")
        options = ("--header", f"Authorization: Bearer {TOKEN}", "--ledger", ledger, "--events", tmp_path / "events")
        code, said = rig.batch(out, *options, server=server, PROOF_KEY=SECRET)
    assert code == (1 if fault else 0), said
    status = rig.command.run("batch", "status", out, "--format", "json", "--ledger", ledger)[1]
    told = said + status + (tmp_path / "events").read_text()
    assert [word for word in (SECRET, TOKEN, PASSWORD) if word in told] == []
    canaries = [TOKEN.encode(), PASSWORD.encode()]
    assert history_checker.check(out / ".comfyproof" / "events.ndjson", out, code, canaries=canaries) == []
    if not fault:  # it was used
        assert all(SECRET.encode() in picture.read_bytes() for picture in out.glob("*.png"))
    texts = [path for path in out.rglob("*") if path.is_file() and path.suffix != ".png"]
    assert [path for path in texts if SECRET.encode() in path.read_bytes()] == []


def test_a_ledger_that_cannot_be_reached_does_not_tell_its_password(rig: Rig, tmp_path: Path) -> None:
    ledger = f"postgresql+psycopg://tests:{PASSWORD}@127.0.0.1:{closed_port()}/nowhere"
    write_spec(tmp_path, 2)
    code, said = rig.batch(tmp_path / "out", "--ledger", ledger)
    assert code == 6, said
    assert PASSWORD not in said
    assert "Traceback" not in said
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and PASSWORD.encode() in path.read_bytes()]

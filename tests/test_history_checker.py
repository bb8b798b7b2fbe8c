"""The checker of histories: content with a batch that kept its promises, and with none that broke one."""

from __future__ import annotations

import hashlib
import json
import os
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import history_checker
from history_checker import check

SERVER, OTHER = "http://a:8188", "http://b:8188"


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def picture(shade: int, prompt_id: str = "", *, pixels: bytes | None = None) -> bytes:
    """A PNG of four grey pixels, with the prompt that a save node of ours would leave in it."""
    save = {"class_type": "SaveImage", "inputs": {"filename_prefix": f"kept_{prompt_id[:8]}"}}
    packed = zlib.compress(bytes([0, shade, shade] * 2)) if pixels is None else pixels
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", 2, 2, 8, 0, 0, 0, 0))
        + (chunk(b"tEXt", b"prompt\0" + json.dumps({"9": save}).encode()) if prompt_id else b"")
        + chunk(b"IDAT", packed)
        + chunk(b"IEND", b"")
    )


def id_of(job: str, epoch: int = 0) -> str:
    return f"{int(job[1:]):04x}{epoch:04x}-0000-4000-8000-000000000000"


@dataclass
class Batch:
    """A folder and a log, written by hand."""

    folder: Path
    lines: list[dict[str, Any]] = field(default_factory=list)

    @property
    def own(self) -> Path:
        return self.folder / ".comfyproof"

    def tell(self, event: str, **facts: Any) -> None:
        self.lines.append({"at": "2026-01-01T00:00:00.000+00:00", "event": event, **facts})

    def begin(self, jobs: int) -> None:
        self.tell("began", batch="b", coordinator="c", jobs=jobs, servers=[SERVER, OTHER])

    def send(self, job: str, server: str = SERVER, epoch: int = 0) -> None:
        self.tell("submitted", job=job, prompt_id=id_of(job, epoch), server=server, epoch=epoch)

    def accept(self, job: str, data: bytes | None = None, epoch: int = 0, output: str = "save-1") -> Path:
        """Keeps a picture for a job; gives the object's path."""
        data = picture(int(job[1:]) + 1, id_of(job, epoch)) if data is None else data
        hash = hashlib.sha256(data).hexdigest()
        path = self.own / "objects" / hash[:2] / f"{hash[2:]}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        name = f"{job}-{output}.png"
        (self.folder / name).unlink(missing_ok=True)
        os.link(path, self.folder / name)
        facts = {"bytes": len(data), "file": name, "prompt_id": id_of(job, epoch), "server": SERVER}
        self.tell("accepted", job=job, output=output, sha256=hash, **facts)
        return path

    def do(self, job: str, server: str = SERVER, epoch: int = 0) -> Path:
        self.send(job, server, epoch)
        path = self.accept(job, epoch=epoch)
        self.tell("done", job=job, verdict="verified")
        return path

    def end(self, done: int, failed: int = 0, left: int = 0, exit: int = 0) -> None:
        self.tell("ended", done=done, failed=failed, left=left, exit=exit)

    def judged(self, ended: int | None = 0, after: bytes = b"", **options: Any) -> list[str]:
        events = self.own / "events.ndjson"
        events.parent.mkdir(exist_ok=True)
        events.write_bytes("".join(json.dumps(line) + "\n" for line in self.lines).encode() + after)
        return check(events, self.folder, ended, **options)


@pytest.fixture
def batch(tmp_path: Path) -> Batch:
    folder = tmp_path / "out"
    folder.mkdir()
    return Batch(folder)


# What is as it should be.


def all_well(batch: Batch) -> None:
    batch.begin(3)
    batch.tell("claimed", shard="s1", server=SERVER, jobs=["j1", "j2"])
    batch.send("j1")
    batch.send("j2")
    batch.accept("j1")
    batch.tell("done", job="j1", verdict="verified")
    batch.send("j3")
    for job in ("j2", "j3"):
        batch.accept(job)
        batch.tell("done", job=job, verdict="verified")
    batch.end(3)


def killed_and_resumed(batch: Batch) -> None:
    """Killed with one prompt that ran on and one whose sending was only noted; a result is told of once more."""
    batch.begin(3)
    batch.send("j1")
    batch.accept("j1")
    batch.send("j2")
    batch.send("j3")
    batch.begin(3)
    batch.accept("j1")
    batch.tell("done", job="j1", verdict="verified")
    batch.tell("found", job="j2", prompt_id=id_of("j2"), server=SERVER, state="running")
    batch.send("j3")
    for job in ("j2", "j3"):
        batch.accept(job)
        batch.tell("done", job=job, verdict="verified")
    batch.end(3)


def forgotten_and_done_again(batch: Batch) -> None:
    batch.begin(2)
    batch.send("j1")
    batch.send("j2")
    batch.tell("server", server=SERVER, state="away", reason="nothing listens there")
    batch.tell("lost", job="j1", prompt_id=id_of("j1"), server=SERVER)
    batch.tell("attempt", job="j2", prompt_id=id_of("j2"), server=SERVER, outcome="oom", reason="no memory")
    batch.do("j1", OTHER, 1)
    batch.do("j2", OTHER, 1)
    batch.tell("conflict", job="j1", output="save-1", sha256="0" * 64, other="1" * 64)
    batch.end(2)


def failed_and_tried_again(batch: Batch) -> None:
    batch.begin(1)
    batch.send("j1")
    batch.tell("attempt", job="j1", prompt_id=id_of("j1"), server=SERVER, outcome="error", reason="bad")
    batch.tell("failed", job="j1", reason="bad")
    batch.end(0, failed=1, exit=1)
    batch.begin(1)
    batch.do("j1", epoch=1)
    batch.end(1)


def taken_from_the_store(batch: Batch) -> None:
    batch.begin(1)
    batch.accept("j1")
    batch.tell("done", job="j1", verdict="verified")
    batch.end(1)


@pytest.mark.parametrize(
    "history", [all_well, killed_and_resumed, forgotten_and_done_again, failed_and_tried_again, taken_from_the_store]
)
def test_a_good_history(batch: Batch, history: Callable[[Batch], None]) -> None:
    history(batch)
    assert batch.judged(0, canaries=[b"canary"]) == []


@pytest.mark.parametrize("lines", range(1, 13))
def test_a_good_history_is_good_wherever_it_is_cut(batch: Batch, lines: int) -> None:
    all_well(batch)
    del batch.lines[lines:]
    assert [each for each in batch.judged(None) if "was never accepted" not in each] == []


def test_a_line_torn_by_a_kill(batch: Batch) -> None:
    batch.begin(1)
    assert batch.judged(None, after=b'{"at": "2026-01-0') == []
    batch.do("j1")
    batch.end(1)
    first, rest = batch.lines[:1], batch.lines
    batch.lines = rest
    text = json.dumps(first[0]).encode() + b'\n{"at": "20\n' + b"".join(json.dumps(e).encode() + b"\n" for e in rest)
    (batch.own / "events.ndjson").write_bytes(text)
    assert check(batch.own / "events.ndjson", batch.folder, 0) == []


# What is not.


def flipped(batch: Batch) -> None:
    batch.begin(1)
    path = batch.do("j1")
    data = bytearray(path.read_bytes())
    data[-20] ^= 1
    path.write_bytes(data)
    batch.end(1)


def cut(batch: Batch) -> None:
    one(batch, picture(1, id_of("j1"))[:-12])


def trailed(batch: Batch) -> None:
    one(batch, picture(1, id_of("j1")) + b"more")


def wrong_checksum(batch: Batch) -> None:
    data = bytearray(picture(1, id_of("j1")))
    data[-1] ^= 1
    one(batch, bytes(data))


def no_pixels(batch: Batch) -> None:
    one(batch, picture(1, id_of("j1"), pixels=b"no pixels"))


def a_page(batch: Batch) -> None:
    one(batch, b"<html>")


def of_another_prompt(batch: Batch) -> None:
    one(batch, picture(1, id_of("j7")))


def one(batch: Batch, data: bytes) -> None:
    batch.begin(1)
    batch.send("j1")
    batch.accept("j1", data)
    batch.tell("done", job="j1", verdict="verified")
    batch.end(1)


def deleted(batch: Batch) -> None:
    batch.begin(1)
    batch.do("j1").unlink()
    batch.end(1)


def linked(batch: Batch) -> None:
    batch.begin(1)
    path = batch.do("j1")
    path.rename(path.parent.parent.parent / "elsewhere.png")
    path.symlink_to(path.parent.parent.parent / "elsewhere.png")
    batch.end(1)


def another_size(batch: Batch) -> None:
    all_well(batch)
    next(line for line in batch.lines if line["event"] == "accepted")["bytes"] += 1


def accepted_twice(batch: Batch) -> None:
    batch.begin(1)
    batch.send("j1")
    batch.accept("j1")
    batch.accept("j1", picture(9, id_of("j1")))
    batch.tell("done", job="j1", verdict="verified")
    batch.end(1)


def accepted_twice_the_same(batch: Batch) -> None:
    batch.begin(1)
    batch.send("j1")
    batch.accept("j1")
    batch.accept("j1")
    batch.tell("done", job="j1", verdict="verified")
    batch.end(1)


def another_after_a_kill(batch: Batch) -> None:
    batch.begin(1)
    batch.send("j1")
    batch.accept("j1")
    batch.begin(1)
    batch.accept("j1", picture(9, id_of("j1")))
    batch.tell("done", job="j1", verdict="verified")
    batch.end(1)


def done_without_result(batch: Batch) -> None:
    batch.begin(1)
    batch.send("j1")
    batch.tell("done", job="j1", verdict="verified")
    batch.end(1)


def result_without_done(batch: Batch) -> None:
    batch.begin(1)
    batch.send("j1")
    batch.accept("j1")
    batch.end(0, left=1, exit=130)


def sent_twice(batch: Batch) -> None:
    batch.begin(1)
    batch.send("j1")
    batch.do("j1", OTHER, 1)
    batch.end(1)


def sent_to_two(batch: Batch) -> None:
    batch.begin(1)
    batch.send("j1")
    batch.do("j1", OTHER)
    batch.end(1)


def sent_again_after_a_kill(batch: Batch) -> None:
    batch.begin(1)
    batch.send("j1")
    batch.begin(1)
    batch.do("j1", SERVER, 1)
    batch.end(1)


def sent_when_done(batch: Batch) -> None:
    batch.begin(1)
    batch.do("j1")
    batch.send("j1")
    batch.end(1)


def sent_twice_by_one(batch: Batch) -> None:
    batch.begin(1)
    batch.send("j1")
    batch.do("j1")
    batch.end(1)


def back_in_epochs(batch: Batch) -> None:
    batch.begin(1)
    batch.send("j1", epoch=1)
    batch.tell("lost", job="j1", prompt_id=id_of("j1", 1), server=SERVER)
    batch.do("j1")
    batch.end(1)


def never_sent(batch: Batch) -> None:
    batch.begin(1)
    batch.tell("lost", job="j1", prompt_id=id_of("j1"), server=SERVER)
    batch.do("j1")
    batch.end(1)


def of_a_prompt_never_sent(batch: Batch) -> None:
    batch.begin(1)
    batch.send("j1")
    batch.accept("j1", epoch=3)
    batch.tell("done", job="j1", verdict="verified")
    batch.end(1)


def three_at_once(batch: Batch) -> None:
    batch.begin(3)
    for job in ("j1", "j2", "j3"):
        batch.send(job)
    for job in ("j1", "j2", "j3"):
        batch.accept(job)
        batch.tell("done", job=job, verdict="verified")
    batch.end(3)


def success_with_failures(batch: Batch) -> None:
    batch.begin(1)
    batch.send("j1")
    batch.tell("failed", job="j1", reason="bad")
    batch.end(0, failed=1)


def success_with_some_missing(batch: Batch) -> None:
    batch.begin(2)
    batch.do("j1")
    batch.end(1)


def success_with_one_forgotten(batch: Batch) -> None:
    batch.begin(1)
    batch.tell("claimed", shard="s", server=SERVER, jobs=["j1", "j2"])
    batch.do("j1")
    batch.end(1)


def more_than_done(batch: Batch) -> None:
    batch.begin(2)
    batch.do("j1")
    batch.end(2, left=1, exit=1)


def fails_when_done(batch: Batch) -> None:
    batch.begin(1)
    batch.do("j1")
    batch.tell("failed", job="j1", reason="bad")
    batch.end(1)


def done_when_failed(batch: Batch) -> None:
    batch.begin(1)
    batch.send("j1")
    batch.tell("failed", job="j1", reason="bad")
    batch.accept("j1")
    batch.tell("done", job="j1", verdict="verified")
    batch.end(1)


def a_stray(batch: Batch) -> None:
    all_well(batch)
    (batch.folder / "stray.png").write_bytes(picture(200))


def a_link_out(batch: Batch) -> None:
    all_well(batch)
    (batch.folder / "j1.png").symlink_to("/etc/hostname")


def a_name_outside(batch: Batch) -> None:
    all_well(batch)
    next(line for line in batch.lines if line["event"] == "accepted")["file"] = "../j1.png"


def a_name_gone(batch: Batch) -> None:
    all_well(batch)
    (batch.folder / "j1-save-1.png").unlink()


def a_name_of_others(batch: Batch) -> None:
    all_well(batch)
    (batch.folder / "j1-save-1.png").unlink()
    os.link(batch.folder / "j2-save-1.png", batch.folder / "j1-save-1.png")


def a_half_object(batch: Batch) -> None:
    all_well(batch)
    (batch.own / "objects" / "00").mkdir(exist_ok=True)
    (batch.own / "objects" / "00" / f"{'0' * 62}.png").write_bytes(b"half")


def unknown_outcome(batch: Batch) -> None:
    batch.begin(1)
    batch.send("j1")
    batch.tell("attempt", job="j1", prompt_id=id_of("j1"), server=SERVER, outcome="whatever", reason="")
    batch.end(0, left=1, exit=1)


def no_server(batch: Batch) -> None:
    batch.begin(1)
    batch.tell("submitted", job="j1", prompt_id=id_of("j1"), epoch=0)
    batch.end(0, left=1, exit=1)


def no_hash(batch: Batch) -> None:
    all_well(batch)
    next(line for line in batch.lines if line["event"] == "accepted")["sha256"] = "../../etc/passwd"


def a_job_that_is_none(batch: Batch) -> None:
    all_well(batch)
    batch.lines[2]["job"] = {}


BROKEN: dict[Callable[[Batch], None], str] = {
    flipped: "has other bytes",
    cut: "no whole picture: it ends too early",
    trailed: "no whole picture: 4 bytes follow its end",
    wrong_checksum: "the checksum of the chunk",
    no_pixels: "its pixels cannot be unpacked",
    a_page: "it is no PNG",
    of_another_prompt: "was made by another prompt",
    deleted: "is not in the store",
    linked: "is not in the store",
    another_size: "bytes, not",
    accepted_twice: "a second accepted result",
    accepted_twice_the_same: "a second accepted result",
    another_after_a_kill: "a second accepted result",
    done_without_result: "is done and has no accepted result",
    result_without_done: "nobody says what became of the job",
    sent_twice: "nobody has said what became of",
    sent_to_two: "has the same prompt",
    sent_again_after_a_kill: "comes to epoch 1 without a verdict on epoch 0",
    sent_when_done: "is sent though it is done",
    sent_twice_by_one: "is sent twice to",
    back_in_epochs: "goes back from epoch 1 to 0",
    never_sent: "is judged and was never sent",
    of_a_prompt_never_sent: "which was never sent for it",
    three_at_once: "3 prompts are under way",
    success_with_failures: "success is told, with 1 failed",
    success_with_some_missing: "1 of 2 jobs are done",
    success_with_one_forgotten: "success is told, and j2 is not done",
    more_than_done: "2 are told to be done, and 1 are",
    fails_when_done: "fails though it is done",
    done_when_failed: "is done after it had failed",
    a_stray: '"stray.png" was never accepted',
    a_link_out: '"j1.png" is a link',
    a_name_outside: '"../j1.png" is a name outside the folder',
    a_name_gone: '"j1-save-1.png" was accepted and is not in the folder',
    a_name_of_others: '"j1-save-1.png" has other bytes',
    a_half_object: "in the store has other bytes",
    unknown_outcome: '"whatever" is no outcome',
    no_server: '"submitted" does not say server',
    no_hash: "whose sha256 is none",
    a_job_that_is_none: "of a wrong kind",
}


@pytest.mark.parametrize("history", BROKEN, ids=lambda history: history.__name__)
def test_a_broken_promise(batch: Batch, history: Callable[[Batch], None]) -> None:
    history(batch)
    said = batch.judged(batch.lines[-1]["exit"])
    assert any(BROKEN[history] in each for each in said), said


def test_a_line_torn_in_the_middle(batch: Batch) -> None:
    all_well(batch)
    batch.judged()
    events = batch.own / "events.ndjson"
    lines = events.read_bytes().splitlines(keepends=True)
    events.write_bytes(b"".join([*lines[:4], lines[4][:9] + b"\n", *lines[4:]]))
    assert check(events, batch.folder, 0) == ["line 5 of the log is no event, and no new beginning follows it"]


@pytest.mark.parametrize(("ended", "words"), [(1, "exits with 1 and says 0"), (0, "does not say that it ended")])
def test_an_exit_code_that_does_not_fit(batch: Batch, ended: int, words: str) -> None:
    all_well(batch)
    if ended == 0:
        batch.lines.pop()
    assert [words in each for each in batch.judged(ended)] == [True]


def test_a_secret_in_the_folder(batch: Batch) -> None:
    all_well(batch)
    batch.lines[1]["reason"] = "s3cret-0451"
    said = batch.judged(0, canaries=[b"s3cret-0451"])
    assert said == ['a secret is in ".comfyproof/events.ndjson"']


def test_no_log_at_all(batch: Batch) -> None:
    assert check(batch.own / "events.ndjson", batch.folder, None) == [
        "the log cannot be read: No such file or directory"
    ]


def test_it_is_a_command_that_knows_nothing_of_what_it_judges(batch: Batch) -> None:
    text = Path(history_checker.__file__).read_text()
    assert not [line for line in text.splitlines() if "import" in line and "comfyproof" in line]
    all_well(batch)
    batch.judged()

    def run(*options: str) -> tuple[int, str]:
        command = [sys.executable, "-I", history_checker.__file__, str(batch.folder), *options]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        return done.returncode, done.stdout

    assert run("--exit", "0") == (0, "all promises kept\n")
    assert run("--exit", "1") == (1, "it exits with 1 and says 0\n")

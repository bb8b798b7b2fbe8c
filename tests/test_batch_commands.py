"""The commands on a batch beside starting it: status, retry, cancel, export, verify, gc."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image

from batch_folders import Made, new_batch, picture
from comfyproof.batch.folder import Lock, Locked
from comfyproof.batch.job import prompt_id_of
from comfyproof.batch.standing import Tail, standing, worked_on
from comfyproof.batch.upkeep import ask_to_cancel, examine
from comfyproof.catalog.pinned import built_in
from comfyproof.cli.main import main
from comfyproof.emulator.embedded import Emulator
from comfyproof.emulator.faults import FAULTS, Fault
from conftest import Command
from postgres import Postgres
from scripted_server import ScriptedServer, new_id

A, B, C, D = ("a" * 64, "b" * 64, "c" * 64, "d" * 64)


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Made]:
    """Two jobs done, one failed, one still to do."""
    batch = new_batch(tmp_path / "out", {A: ["first"], B: ["second"], C: ["third"], D: ["fourth"]}, {"seed": 1})
    batch.done(A, ["first"], picture("a"))
    batch.done(B, ["second"], picture("b"), picture("b2"), seconds=4.0)
    batch.failed(C, '"KSampler" failed: tried to allocate 2.5 GiB')
    yield batch
    batch.ledger.close()


def called(*arguments: object, code: int = 0) -> str:
    """What a command prints, on stdout and stderr, in this process."""
    heard = io.StringIO()
    with contextlib.redirect_stdout(heard), contextlib.redirect_stderr(heard), pytest.raises(SystemExit) as end:
        main(["batch", *map(str, arguments)])
    assert end.value.code == code, heard.getvalue()
    return heard.getvalue()


def states(batch: Made) -> dict[str, str]:
    return {row.key: row.state for row in batch.ledger.rows()}


# Status.


def test_status(made: Made) -> None:
    made.ledger.claim([D], "three", "desk:1:a", "s")
    made.log(
        {"event": "began", "batch": made.batch},
        {"event": "server", "server": "two", "state": "away", "reason": "it does not answer"},
        {"event": "server", "server": "three", "state": "away", "reason": "it does not answer"},
        {"event": "server", "server": "three", "state": "back", "reason": ""},
    )
    with made.folder.events.open("ab") as log:
        log.write(b'[1]\nnot json "server"\n{"event": "server", "server": "one", "state": "quar')
    text = called("status", made.folder.out)
    assert "2 of 4 done, 1 failed" in text
    assert "nobody works on it now" in text
    assert '1 x "KSampler" failed: tried to allocate 2.5 GiB (third)' in text
    assert "away: it does not answer" in text
    data = json.loads(called("status", made.folder.out, "--format", "json"))
    assert data["schema"] == "comfyproof/batch-status/1"
    assert data["counts"] == {"todo": 0, "claimed": 1, "done": 2, "failed": 1, "cancelled": 0}
    servers = {server["name"]: server for server in data["servers"]}
    assert (servers["one"]["done"], servers["one"]["seconds"]) == (2, 3.0)
    assert (servers["two"]["state"], servers["three"]["state"]) == ("away", None)
    assert data["seconds_left"] == 3.0  # one job, which a server has that takes so long
    assert data["working"] is None


def test_reasons_that_differ_in_numbers_are_one(made: Made) -> None:
    made.failed(D, '"KSampler" failed: tried to allocate 17.0 GiB')
    found = standing(made.folder, made.ledger, made.batch, Tail(made.folder))
    assert [(failure.jobs, failure.names) for failure in found.failures] == [(2, ("third", "fourth"))]


def test_status_tells_who_works_and_disturbs_nobody(made: Made) -> None:
    lock = Lock(made.folder, shared=False)
    assert str(os.getpid()) in worked_on(made.folder)
    assert f"process {os.getpid()}" in called("status", made.folder.out)
    with pytest.raises(Locked):  # it is still locked
        Lock(made.folder, shared=False)
    lock.release()
    assert worked_on(made.folder) == ""
    (made.folder.own / "lock").write_text("process 1 on elsewhere, since then\n")  # whoever it was, was killed
    assert worked_on(made.folder) == ""


def test_status_watches_until_the_batch_ends(made: Made, comfyproof: Command) -> None:
    lock = Lock(made.folder, shared=False)
    command = [sys.executable, "-m", "comfyproof", "batch", "status", str(made.folder.out), "--watch"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as watching:
        assert watching.stdout is not None
        assert watching.stdout.readline().startswith("2 of 4 done, 1 failed")
        made.done(D, ["fourth"], picture("d"))
        lock.release()
        assert "3 of 4 done, 1 failed" in watching.stdout.read()
        assert watching.wait() == 1
    made.ledger.close()


def test_status_writes_nothing(made: Made) -> None:
    made.ledger.close()
    files = [path for path in made.folder.out.rglob("*") if path.is_file() and "sqlite-" not in path.name]
    before = {path: path.stat().st_mtime_ns for path in files}
    called("status", made.folder.out)
    called("export", made.folder.out, "--to", "json")
    called("verify", made.folder.out)
    assert {path: path.stat().st_mtime_ns for path in files} == before
    assert {path for path in made.folder.out.rglob("*") if path.is_file() and "sqlite-" not in path.name} == set(files)


# Retry and cancel.


def test_retry(made: Made) -> None:
    assert "1 job will be run again" in called("retry", made.folder.out, "--failed")
    row = made.ledger.row(C)
    assert row is not None
    assert (row.state, row.epoch) == ("todo", 2)
    assert "nothing to run again" in called("retry", made.folder.out, "--failed")
    made.ledger.cancel([C, D])
    assert "2 jobs will be run again" in called("retry", made.folder.out, "*th*r*", "fourth")
    assert 'did you mean "fourth"' in called("retry", made.folder.out, "fuorth", code=2)
    called("retry", made.folder.out, code=2)


def test_nobody_meddles_while_somebody_works(made: Made) -> None:
    lock = Lock(made.folder, shared=False)
    for command in (["retry", "--failed"], ["gc"], ["gc", "--dry-run"], ["verify", "--redo"]):
        assert f"process {os.getpid()}" in called(command[0], made.folder.out, *command[1:], code=5)
    assert "asked" in called("cancel", made.folder.out, "fourth")
    assert "asked" in called("cancel", made.folder.out, "th*")
    assert (made.folder.own / "cancel").read_text() == "fourth\nthird\n"
    ask_to_cancel(made.folder, ["*"])
    assert (made.folder.own / "cancel").read_text() == "fourth\nthird\n*\n"
    assert states(made)[D] == "todo"
    lock.release()


def test_cancel_withdraws_what_servers_have(made: Made) -> None:
    with ScriptedServer() as server:
        made.ledger.claim([D], server.url, "desk:1:a", "s")
        ours, others = prompt_id_of(made.batch, D, 0), new_id()
        server.pending = [[0, ours, {}, {}, []], [1, others, {}, {}, []]]
        assert "1 job cancelled" in called("cancel", made.folder.out)
        assert [item[1] for item in server.pending] == [others]
    assert states(made) == {A: "done", B: "done", C: "failed", D: "cancelled"}


def test_a_prompt_of_several_jobs_goes_on_while_one_is_wanted(tmp_path: Path) -> None:
    batch = new_batch(tmp_path / "out", {A: ["a"], B: ["b"]})
    with ScriptedServer() as server:
        together = new_id()
        server.pending = [[0, together, {}, {}, []]]
        batch.ledger.claim([A, B], server.url, "desk:1:a", "s")
        batch.ledger.bind([A, B], together)
        called("cancel", batch.folder.out, "a")
        assert [item[1] for item in server.pending] == [together]
        called("cancel", batch.folder.out)
        assert server.pending == []
    batch.ledger.close()


def test_cancel_tells_what_it_could_not_withdraw(made: Made) -> None:
    made.ledger.claim([D], "http://127.0.0.1:9", "desk:1:a", "s")
    assert 'may still run on "http://127.0.0.1:9"' in called("cancel", made.folder.out, code=4)
    assert states(made)[D] == "cancelled"
    assert '"cancelled"' in made.folder.events.read_text()


def test_with_a_ledger_for_several(tmp_path: Path) -> None:
    with Postgres() as postgres:
        batch = new_batch(tmp_path / "out", {A: ["first"], C: ["third"]}, url=postgres.url)
        batch.done(A, ["first"], picture("a"))
        batch.failed(C, "out of memory")
        assert batch.ledger.hold_lane("two", "elsewhere:1:a", 60)
        out = batch.folder.out
        assert "worked on by elsewhere:1:a" in called("status", out)
        assert "elsewhere:1:a" in called("gc", out, code=5)
        assert "asked" in called("cancel", out)
        assert "1 job will be run again" in called("retry", out, "--failed")
        assert "1 file: all as they were accepted" in called("verify", out, "--ledger", postgres.url)
        batch.ledger.leave_lane("two", "elsewhere:1:a")
        assert "nobody works on it now" in called("status", out)
        assert "nothing to remove" in called("gc", out)
        assert "1 job cancelled" in called("cancel", out)
        batch.ledger.close()
    assert "the ledger cannot be used" in called("status", out, code=6)


# Export.


def test_export_as_json(made: Made) -> None:
    data = json.loads(called("export", made.folder.out, "--to", "json"))
    assert data["schema"] == "comfyproof/batch-export/1"
    assert [job["name"] for job in data["jobs"]] == ["first", "second", "third", "fourth"]
    first, second, third, _ = data["jobs"]
    assert (first["changes"], first["attempts"], third["attempts"]) == ({"seed": 1}, 1, 1)
    assert first["outputs"][0]["file"] == "first.png"
    assert first["outputs"][0]["checks"][0]["measured"] == "PNG"
    assert [output["stage"] for output in second["outputs"]] == ["base", "save"]
    assert third["reason"] == '"KSampler" failed: tried to allocate 2.5 GiB'


@given(st.text(max_size=40))
@example("=HYPERLINK(0)")
@example(" +1+1")
@example("\t@SUM(A1)")
@example("-0.5")
def test_no_cell_is_a_formula(text: str) -> None:
    from comfyproof.batch.exporting import _cell

    cell = str(_cell(text))
    assert cell.removeprefix("'") == text.replace("\0", "").removeprefix("'")
    try:
        float(text)
    except ValueError:
        assert not cell.lstrip().startswith(("=", "+", "-", "@"))


def test_export_as_csv(tmp_path: Path) -> None:
    batch = new_batch(tmp_path / "out", {A: ["=1+1"], B: ["b"]}, {"name": "=cmd", "text": 'a "b",\nc', "cfg": -0.5})
    batch.done(A, ["=1+1"], picture("a"), picture("a2"))
    called("export", batch.folder.out, "--to", "csv", "-o", tmp_path / "table.csv")
    with (tmp_path / "table.csv").open(newline="", encoding="utf-8") as stream:
        lines = list(csv.DictReader(stream))
    assert [line["name"] for line in lines] == ["'=1+1", "'=1+1", "b"]
    assert {line["name (varied)"] for line in lines} == {"'=cmd"}
    assert (lines[0]["text"], lines[0]["cfg"]) == ('a "b",\nc', "-0.5")
    assert (batch.folder.out / lines[1]["file"].removeprefix("'")).read_bytes() == picture("a2")
    assert lines[0]["checks"] == "complete: passed, PNG"
    batch.ledger.close()


def test_contact_sheet(made: Made, tmp_path: Path) -> None:
    said = called("export", made.folder.out, "--to", "sheet", "-o", tmp_path / "sheet.png")
    assert said.strip() == str(tmp_path / "sheet.png")
    with Image.open(tmp_path / "sheet.png") as sheet:
        colors = sheet.convert("RGB").getcolors(2**24) or []
    seen = {color for count, color in colors if count > 1000}
    for text in ("a", "b", "b2"):  # each picture is on it
        with Image.open(io.BytesIO(picture(text))) as image:
            assert image.getpixel((90, 60)) in seen
    called("export", made.folder.out, "--to", "sheet", "-o", tmp_path / "sheet.gif", code=2)


def test_many_pictures_take_several_pages(tmp_path: Path) -> None:
    names = {f"{n:064x}": [f"n{n}"] for n in range(101)}
    batch = new_batch(tmp_path / "out", names)
    called("export", batch.folder.out, "--to", "sheet", "-o", tmp_path / "sheet.jpg")
    assert sorted(path.name for path in tmp_path.glob("*.jpg")) == ["sheet-001.jpg", "sheet-002.jpg"]
    batch.ledger.close()


# Verify.


def test_verify(made: Made) -> None:
    assert "3 files: all as they were accepted" in called("verify", made.folder.out)
    (made.folder.out / "first.png").unlink()
    assert "no file has the name: first" in called("verify", made.folder.out, code=1)
    assert "1 names given again" in called("verify", made.folder.out, "--update-names")
    assert (made.folder.out / "first.png").read_bytes() == picture("a")


def test_a_damaged_file_is_run_again(made: Made) -> None:
    with (made.folder.out / "second-save.png").open("r+b") as stream:  # a second name of the object itself
        stream.seek(60)
        stream.write(b"xxxx")
    assert 'damaged: "second" (save): altered' in called("verify", made.folder.out, code=1)
    assert states(made)[B] == "done"
    assert "1 job will be run again" in called("verify", made.folder.out, "--redo", code=1)
    assert states(made)[B] == "todo"
    assert not list(made.folder.out.glob("second*"))
    assert [path.read_bytes()[60:64] for path in (made.folder.own / "damaged").iterdir()] == [b"xxxx"]
    assert "1 file: all as they were accepted" in called("verify", made.folder.out)
    made.done(B, ["second"], picture("b"), picture("b2"))  # the same bytes once more
    assert "3 files: all as they were accepted" in called("verify", made.folder.out)


def test_a_lost_file_is_taken_from_its_name(made: Made) -> None:
    (output,) = made.ledger.outputs(A)
    made.store.path(output.stored).unlink()
    assert 'damaged: "first" (base): missing' in called("verify", made.folder.out, code=1)
    assert "1 taken from their names, 0 jobs" in called("verify", made.folder.out, "--redo", code=1)
    assert "all as they were accepted" in called("verify", made.folder.out)
    assert states(made)[A] == "done"


def test_what_does_not_decode_is_damaged(made: Made) -> None:
    made.done(D, ["fourth"], picture("d")[:-20])  # whoever accepted it, it is no whole picture
    damaged = [each for each in examine(made.folder, made.ledger, made.store) if each.damage]
    assert [each.name for each in damaged] == ["fourth"]
    assert damaged[0].damage not in ("missing", "altered")


# Leftovers.


def test_gc(made: Made) -> None:
    own = made.folder.own
    kept = set(made.folder.out.rglob("*.png"))
    orphan = made.folder.objects / "ff" / "0000.png"
    orphan.parent.mkdir(exist_ok=True)
    evidence, open_evidence = own / "failed" / f"{A[:16]}-0", own / "failed" / f"{C[:16]}-0"
    left = (orphan, made.folder.objects / "ff" / ".x.png.part", made.folder.work / "j" / "x.png", evidence / "run.json")
    for path in (*left, open_evidence / "run.json", made.folder.out / ".first.png.part"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"1234")
    (made.folder.out / ".mine.part").write_bytes(b"mine")
    said = called("gc", made.folder.out, "--dry-run")
    assert "2 x object, 8 bytes: would be removed" in said
    assert all(path.exists() for path in left)
    assert "1 x evidence of a failure, 4 bytes: removed" in called("gc", made.folder.out)
    assert not any(path.exists() for path in (*left, made.folder.out / ".first.png.part", orphan.parent))
    assert all(path.exists() for path in kept)
    assert open_evidence.exists()
    assert (made.folder.out / ".mine.part").exists()
    assert "nothing to remove" in called("gc", made.folder.out)


def test_gc_keeps_jobs_that_are_no_longer_named_unless_told(made: Made) -> None:
    from comfyproof.batch.ledger import NewJob

    made.ledger.name_jobs([NewJob(A, "first", "model", {})])
    assert "nothing to remove" in called("gc", made.folder.out)
    assert "2 x object" in called("gc", made.folder.out, "--dry-run", "--unnamed")
    assert "3 jobs forgotten" in called("gc", made.folder.out, "--unnamed")
    assert sorted(path.name for path in made.folder.out.glob("*.png")) == ["first.png"]
    assert len(list(made.store.all())) == 1
    assert "1 file: all as they were accepted" in called("verify", made.folder.out)


# With a batch that was really run.


SPEC = """
comfyproof: 1
name: tiny
inputs: {seed: {type: seed, default: 1}}
models: {sd: {checkpoint: v1-5-pruned-emaonly.safetensors}}
stages:
  - generate: {model: sd, size: 64x64, positive: a cat, steps: 1, seed: $seed}
  - save: {prefix: tiny}
matrix: {seed: [1, 2, 3, 4, 5]}
"""


def test_a_batch_is_cancelled_mended_and_brought_to_its_end(tmp_path: Path, comfyproof: Command) -> None:
    begun = threading.Event()
    (tmp_path / "spec.yaml").write_text(SPEC)
    out = tmp_path / "out"
    faults = [Fault(FAULTS["slow"], "2", last=1)]  # the first node alone
    with Emulator(tmp_path / "emulator", catalog=built_in(), faults=faults, watch=lambda _: begun.set()) as emulator:
        words = ["batch", "spec.yaml", "--servers", emulator.url, "--out", str(out)]
        command = [sys.executable, "-m", "comfyproof", *words]
        with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.DEVNULL) as run:
            assert begun.wait(60)
            assert "asked to stop" in called("cancel", out)
            assert run.wait(60) == 1
        counts = json.loads(called("status", out, "--format", "json"))["counts"]
        assert counts["done"] + counts["cancelled"] == 5
        assert counts["cancelled"] >= 3  # one ran, and one was queued behind it
        assert "will be run again" in called("retry", out, "--cancelled")
        with (out / "seed=1.png").open("r+b") as stream:
            stream.write(b"!")
        assert "1 job will be run again" in called("verify", out, "--redo", code=1)
        assert not (out / "seed=1.png").exists()
        assert comfyproof(*words).returncode == 0
    data = json.loads(called("export", out, "--to", "json"))
    assert [(job["name"], job["verdict"]) for job in data["jobs"]] == [(f"seed={n}", "verified") for n in range(1, 6)]
    assert (out / "seed=1.png").read_bytes().startswith(b"\x89PNG")
    assert (out / ".comfyproof" / "events.ndjson").read_text().count('"submitted"') == 6
    assert "5 files: all as they were accepted" in called("verify", out)


# What is no batch, or a broken one.


COMMANDS = (
    ("status",), ("retry", "--failed"), ("cancel",), ("export", "--to", "csv"), ("verify",), ("gc",),
)  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_broken_batches(made: Made, tmp_path: Path, command: tuple[str, ...]) -> None:
    name, *options = command
    made.ledger.close()
    out, own = made.folder.out, made.folder.own
    assert f'there is no batch in "{tmp_path}"' in called(name, tmp_path, *options, code=3)
    assert 'did you mean "' in called(name, tmp_path / "oot", *options, code=3)
    assert f'did you mean "{out}"' in called(name, own, *options, code=3)
    ledger = own / "ledger.sqlite"
    whole = ledger.read_bytes()
    ledger.write_bytes(whole[:700] + b"\xff" * 4000 + whole[5000:])
    for leftover in own.glob("ledger.sqlite-*"):
        leftover.unlink()
    assert "help: move it away" in called(name, out, *options, code=6)
    ledger.write_bytes(b"no database at all" * 100)
    assert "help: move it away" in called(name, out, *options, code=6)
    ledger.unlink()
    assert "there is no ledger" in called(name, out, *options, code=6)
    assert not ledger.exists()
    (own / "batch.json").write_text('{"schema": "comfyproof/batch/2", "batch": "x"}')
    assert "newer comfyproof" in called(name, out, *options, code=3)
    (own / "batch.json").write_text("[" * 100_000)
    called(name, out, *options, code=3)


def test_a_ledger_that_cannot_be_reached_tells_no_password(made: Made) -> None:
    for address in ("postgresql://me:s3cret@127.0.0.1:9/x", "postgresql://me:s3@cret@127.0.0.1:9/x"):
        said = called("status", made.folder.out, "--ledger", address, code=6)
        assert "the ledger cannot be used" in said
        assert "s3" not in said
        assert "cret" not in said
    called("status", made.folder.out, "--ledger", "mysql://me@host/x", code=2)
    assert "s3cret" not in called("status", made.folder.out, "--ledger", "postgresql://me:s3cret@host:port/x", code=2)

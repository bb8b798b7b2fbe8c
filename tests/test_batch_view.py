"""The names of a batch's files: safe, never in anybody's way, and rebuilt from the ledger."""

from __future__ import annotations

import os
import shutil
import tempfile
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest

from batch_folders import Made, new_batch, picture
from comfyproof.batch.ledger import NewJob
from comfyproof.batch.store import Store
from comfyproof.batch.view import place_names, rebuild
from comfyproof.file_names import file_name

A, B, C, D = ("a" * 64, "b" * 64, "c" * 64, "d" * 64)


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Made]:
    """Two jobs done, the second with two files, and one still to do."""
    batch = new_batch(tmp_path / "out", {A: ["first"], B: ["second"], D: ["fourth"]})
    batch.done(A, ["first"], picture("a"))
    batch.done(B, ["second"], picture("b"), picture("b2"))
    yield batch
    batch.ledger.close()


def test_names_lead_to_objects(made: Made) -> None:
    out = made.folder.out
    assert sorted(path.name for path in out.iterdir()) == [
        ".comfyproof", "first.png", "second-base.png", "second-save.png",
    ]  # fmt: skip
    assert (out / "first.png").read_bytes() == picture("a")
    assert (out / "first.png").stat().st_nlink == 2
    outputs = list(made.ledger.outputs(B))
    again = place_names(made.folder, made.store, B, ["second"], outputs)
    assert [path.name for path in again] == ["second-base.png", "second-save.png"]


def test_what_is_in_the_way_stands(made: Made, tmp_path: Path) -> None:
    out, elsewhere = made.folder.out, tmp_path / "elsewhere.txt"
    elsewhere.write_text("mine")
    (out / "fourth.png").symlink_to(elsewhere)
    (out / f"fourth-{D[:8]}.png").write_text("mine as well")
    made.done(D, ["fourth"], picture("d"))
    assert (out / f"fourth-{D[:16]}.png").read_bytes() == picture("d")
    assert elsewhere.read_text() == "mine"
    assert (out / f"fourth-{D[:8]}.png").read_text() == "mine as well"
    for taken in (D[:16], D[:32]):
        (out / f"fifth-{taken}.png").mkdir()
    (out / "fifth.png").mkdir()
    (out / f"fifth-{D[:8]}.png").mkdir()
    with pytest.raises(FileExistsError):
        place_names(made.folder, made.store, D, ["fifth"], list(made.ledger.outputs(D)))


def test_names_of_other_jobs_do_not_hide_one_another(tmp_path: Path) -> None:
    # "x" with a stage "base" would be called as the job "x-base" is; both forms of an é are one letter to people.
    forms = [unicodedata.normalize(form, "é") for form in ("NFC", "NFD")]
    batch = new_batch(tmp_path / "out", {A: ["x-base"], B: ["x"], C: [forms[0]], D: [forms[1]]})
    batch.done(A, ["x-base"], picture("a"))
    batch.done(B, ["x"], picture("b"), picture("b2"))
    batch.done(C, [forms[0]], picture("c"))
    batch.done(D, [forms[1]], picture("d"))
    found = {path.name: path.read_bytes() for path in batch.folder.out.glob("*.png")}
    assert found == {
        "x-base.png": picture("a"), f"x-base-{B[:8]}.png": picture("b"), "x-save.png": picture("b2"),
        "é.png": picture("c"), f"é-{D[:8]}.png": picture("d"),
    }  # fmt: skip


def test_the_longest_names_fit(made: Made) -> None:
    name = "東" * 200
    (made.folder.out / f"{file_name(name, 190)}.png").touch()
    (made.folder.out / f"{file_name(name, 190)}-{B[:8]}.png").touch()
    outputs = [output._replace(stage="東" * 100) for output in made.ledger.outputs(B)]
    assert len({*place_names(made.folder, made.store, B, [name], outputs[:1])}) == 1
    assert len({*place_names(made.folder, made.store, B, [name], outputs)}) == 2


def test_the_view_is_rebuilt(made: Made) -> None:
    out = made.folder.out
    shutil.copyfile(out / "first.png", out / "my favourite.png")
    os.link(out / "first.png", out / "linked by me.png")
    (out / "second-save.png").unlink()
    made.ledger.name_jobs([NewJob(B, "renamed", "model", {}), NewJob(D, "fourth", "model", {})])
    assert rebuild(made.folder, made.ledger, made.store) == (2, 2, 2)
    assert {path.name for path in out.glob("*.png")} == {
        "renamed-base.png", "renamed-save.png", "my favourite.png", "linked by me.png",
    }  # fmt: skip
    assert rebuild(made.folder, made.ledger, made.store) == (2, 0, 0)


def test_where_there_are_no_links_files_are_copied(made: Made) -> None:
    shared = Path("/dev/shm")
    if not shared.is_dir() or shared.stat().st_dev == made.folder.out.stat().st_dev:
        pytest.fail("this needs a second file system at /dev/shm")
    with tempfile.TemporaryDirectory(dir=shared) as other:
        shutil.copytree(made.folder.objects, Path(other) / "objects")
        store, outputs = Store(Path(other) / "objects"), list(made.ledger.outputs(A))
        (made.folder.out / "first.png").unlink()
        for _ in range(2):
            (path,) = place_names(made.folder, store, A, ["first"], outputs)
            assert path.name == "first.png"
            assert path.read_bytes() == picture("a")
            assert path.stat().st_nlink == 1

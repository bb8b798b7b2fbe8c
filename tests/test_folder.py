"""Files written whole, and names that are safe as file names."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

from comfyproof.run.folder import write_whole


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_replaced_file_keeps_who_may_read_it(tmp_path: Path) -> None:
    file = tmp_path / "kept"
    file.write_bytes(b"old")
    for wanted in (0o600, 0o664):
        file.chmod(wanted)
        write_whole(file, b"new")
        assert (mode(file), file.read_bytes()) == (wanted, b"new")
    plain = tmp_path / "plain"
    plain.touch()
    write_whole(tmp_path / "sub/new", b"x")
    assert mode(tmp_path / "sub/new") == mode(plain)
    assert sorted(os.listdir(tmp_path)) == ["kept", "plain", "sub"]


def test_a_name_of_the_length_that_a_file_system_allows(tmp_path: Path) -> None:
    write_whole(tmp_path / ("n" * 255), b"x")
    assert os.listdir(tmp_path) == ["n" * 255]
    with pytest.raises(OSError, match="name too long") as refused:
        write_whole(tmp_path / ("n" * 256), b"x")
    assert refused.value.filename == str(tmp_path / ("n" * 256))
    assert os.listdir(tmp_path) == ["n" * 255]


def test_several_writers_of_one_file_leave_one_whole_file(tmp_path: Path) -> None:
    file = tmp_path / "one"
    contents = [bytes([n]) * 200_000 for n in range(4)]
    problems: list[BaseException] = []

    def write(data: bytes) -> None:
        try:
            for _ in range(5):
                write_whole(file, data)
        except BaseException as problem:
            problems.append(problem)

    writers = [threading.Thread(target=write, args=(data,)) for data in contents]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert problems == []
    assert file.read_bytes() in contents
    assert os.listdir(tmp_path) == ["one"]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("target")
    write_whole(tmp_path / "link", b"x")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_bytes() == b"x"

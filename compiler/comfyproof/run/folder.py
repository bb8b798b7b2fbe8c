"""Files written whole or not at all, and a folder of its own for every run."""

from __future__ import annotations

import os
import re
import secrets
import stat
from contextlib import suppress
from pathlib import Path

from ..file_names import file_name

MAX_NAME = 80  # bytes: a file system has room for 255, and a suffix follows


def write_whole(path: Path, data: bytes) -> None:
    """Puts a file in place once all of it is on disk; on an error nothing is left of it. Raises OSError.

    A file that it replaces passes on who may read and write it.
    """
    if path.exists() and not path.is_file():  # a device or pipe is written to, never replaced
        path.write_bytes(data)
        return
    path = path.resolve()  # a link stays a link
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".comfyproof-{secrets.token_hex(8)}")
    try:
        with part.open("xb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        if path.exists():
            part.chmod(stat.S_IMODE(path.stat().st_mode))
        os.replace(part, path)
    except BaseException as problem:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        if isinstance(problem, OSError) and problem.errno is not None:
            raise OSError(problem.errno, problem.strerror, str(path)) from None
        raise


def new_run_folder(parent: Path) -> Path:
    """A new folder 0001, 0002, ... in `parent`: making a folder is atomic, so that two runs never share one."""
    parent.mkdir(parents=True, exist_ok=True)
    taken = [int(path.name) for path in parent.iterdir() if re.fullmatch(r"[0-9]{4,9}", path.name)]
    number = max(taken, default=0)
    while True:
        number += 1
        folder = parent / f"{number:04}"
        with suppress(FileExistsError):
            folder.mkdir()
            return folder


def safe_name(text: str, fallback: str) -> str:
    """A file name of at most 80 bytes made of the last part of a text."""
    return file_name(text.replace("\\", "/").rsplit("/", 1)[-1], MAX_NAME, fallback)

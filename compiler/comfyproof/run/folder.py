"""Files written whole or not at all, and a folder of its own for every run."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path


def write_whole(path: Path, data: bytes) -> None:
    """Puts a file in place once all of it is on disk; on an error nothing is left of it. Raises OSError."""
    if path.exists() and not path.is_file():  # a device or pipe is written to, never replaced
        path.write_bytes(data)
        return
    path = path.resolve()  # a link stays a link
    part = path.with_name(f".{path.name}.part")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with part.open("wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(part, path)
    except BaseException as problem:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        if isinstance(problem, OSError) and problem.errno is not None and problem.filename is None:
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
    """A file name made of the last part of a text: letters, digits, dot, dash and underscore alone."""
    last = text.replace("\\", "/").rsplit("/", 1)[-1]
    name = re.sub(r"[^\w.-]+", "_", last).strip("._ ")[:80]
    return name or fallback

"""The emulator's input, output and temp folders: names that stay inside them, and the next free one."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

TYPES = ("input", "output", "temp")


class Outside(ValueError):
    """A name that leads out of the folder it is meant for."""


@dataclass(frozen=True)
class Folders:
    """Where a server keeps its pictures: one folder with `input`, `output` and `temp` in it."""

    root: Path

    def create(self) -> None:
        """Makes the folders where they are missing. Raises OSError."""
        for kind in TYPES:
            (self.root / kind).mkdir(parents=True, exist_ok=True)

    def of(self, kind: str) -> Path:
        """One of the three folders, without symbolic links in its own path."""
        return (self.root / kind).resolve()

    def inside(self, kind: str, *parts: str) -> Path:
        """A path within a folder. Raises Outside."""
        base = self.of(kind)
        if any("\0" in part for part in parts):
            raise Outside("a name holds a NUL byte")
        path = Path(os.path.abspath(base.joinpath(*parts)))
        if not path.resolve().is_relative_to(base):
            raise Outside(f'"{os.path.join(*parts)}" lies outside the {kind} folder')
        return path

    def annotated(self, name: str, kind: str = "input") -> Path:
        """The file that a name means, with or without "[output]" and the like behind it. Raises Outside."""
        name, found = split_annotation(name)
        return self.inside(found or kind, name)


def is_file(path: Path) -> bool:
    """Whether there is such a file; there is none of a name that no file can have."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def write_whole(path: Path, data: bytes) -> None:
    """Puts a file in place once all of it is written. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


class Names(Mapping[str, tuple[str, ...]]):
    """The files in the three folders and below, looked up when asked for.

    A folder is read anew only when its time of change tells of one.
    """

    def __init__(self, folders: Folders) -> None:
        self._folders = folders
        self._seen: dict[str, tuple[int, tuple[str, ...], tuple[str, ...]]] = {}
        self._found: dict[str, tuple[str, ...]] = {}

    def __iter__(self) -> Iterator[str]:
        return iter(TYPES)

    def __len__(self) -> int:
        return len(TYPES)

    def __contains__(self, kind: object) -> bool:
        return kind in TYPES

    def __getitem__(self, kind: str) -> tuple[str, ...]:
        """The files of one of the three, as paths relative to it, sorted; the same object until there are others."""
        if kind not in TYPES:
            raise KeyError(kind)
        found: list[str] = []
        changed = self._gather(str(self._folders.of(kind)), "", found)
        if changed or kind not in self._found:
            names = tuple(sorted(found))
            if names != self._found.get(kind):
                self._found[kind] = names
        return self._found[kind]

    def _gather(self, folder: str, prefix: str, found: list[str]) -> bool:
        """Adds the files of a folder and below; whether any of these folders had to be read."""
        changed = False
        waiting = [(folder, prefix)]
        while waiting:
            at, before = waiting.pop()
            known = self._seen.get(at)
            time_of_change = _time_of_change(at)
            if known is None or known[0] != time_of_change:
                changed = True
                known = (time_of_change, *_entries(at))
                self._seen[at] = known
            found += [before + name for name in known[1]]
            waiting += [(f"{at}/{name}", f"{before}{name}/") for name in known[2]]
        return changed


# Within one tick of a file system's clock a folder may change twice and tell of it once.
_TICK = 50_000_000


def _time_of_change(folder: str) -> int:
    """When a folder last changed; -1 where that is so fresh that it may change again unnoticed."""
    try:
        at = os.stat(folder).st_mtime_ns
    except OSError:
        return 0
    return at if time.time_ns() - at > _TICK else -1 - time.monotonic_ns()


def _entries(folder: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The files and the folders in a folder."""
    try:
        with os.scandir(folder) as found:
            entries = list(found)
            folders = tuple(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
            return tuple(entry.name for entry in entries if not entry.is_dir()), folders
    except OSError:
        return (), ()


def split_annotation(name: str) -> tuple[str, str | None]:
    """A file name and the folder annotated behind it: "x.png [output]" is x.png in output."""
    for kind in TYPES:
        if name.endswith(f"[{kind}]"):
            return name[: -len(kind) - 3], kind
    return name, None


@dataclass(frozen=True, slots=True)
class SavePlace:
    """Where the pictures of one node go: folder, subfolder as clients name it, base name, first counter."""

    folder: Path
    subfolder: str
    name: str
    counter: int


def save_place(folders: Folders, kind: str, prefix: str, width: int, height: int) -> SavePlace:
    """The next free place for a save prefix, whose folder is then there. Raises Outside, OSError."""
    path = os.path.normpath(_expanded(prefix, width, height))
    subfolder, name = os.path.split(path)
    folder = folders.inside(kind, subfolder)
    folder.mkdir(parents=True, exist_ok=True)
    taken = [_counter(other, name) for other in os.listdir(folder)]
    return SavePlace(folder, subfolder, name, max(taken, default=0) + 1)


def _counter(file: str, name: str) -> int:
    """The counter in a saved picture's name; 0 for a file of another name."""
    if not file.startswith(name + "_"):
        return 0
    digits = file[len(name) + 1 :].split("_")[0]
    return int(digits) if digits.isdecimal() else 0


def _expanded(prefix: str, width: int, height: int) -> str:
    now = time.localtime()
    tokens = {
        "width": str(width),
        "height": str(height),
        "year": str(now.tm_year),
        "month": f"{now.tm_mon:02}",
        "day": f"{now.tm_mday:02}",
        "hour": f"{now.tm_hour:02}",
        "minute": f"{now.tm_min:02}",
        "second": f"{now.tm_sec:02}",
    }
    for token, text in tokens.items():
        prefix = prefix.replace(f"%{token}%", text)
    return prefix

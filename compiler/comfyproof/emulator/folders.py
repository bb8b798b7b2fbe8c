"""The emulator's input, output and temp folders: names that stay inside them, and the next free one."""

from __future__ import annotations

import os
import time
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

    def names(self, kind: str) -> list[str]:
        """The files in a folder and below, as paths relative to it, sorted."""
        base = self.of(kind)
        found = []
        for at, _, files in os.walk(base):
            found += [(Path(at) / file).relative_to(base).as_posix() for file in files]
        return sorted(found)


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

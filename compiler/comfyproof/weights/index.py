"""An index of model files, so that a file that has not changed is not read again."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, fields, is_dataclass
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any

from .. import __version__
from .header import BadHeader
from .identify import Weights, identify
from .reading import read_header

_FILE = "weights.sqlite"
_FEW = 100  # up to so many are looked up one by one
_WAIT = 2.0  # seconds for another process that is writing
_SCHEMA = """
create table if not exists files (path text primary key, size integer, changed integer, inode integer,
    problem text, told text) without rowid
"""
_Stamp = tuple[int, int, int]


@lru_cache(maxsize=1)
def _version() -> int:
    """A number for this code, so that what other code noted of a file is found out anew."""
    try:
        with os.scandir(os.path.dirname(__file__)) as entries:
            code = sorted(
                (each.name, each.stat().st_size, each.stat().st_mtime_ns) for each in entries if each.is_file()
            )
    except OSError:  # in an archive, say
        code = []
    return zlib.crc32(repr((__version__, code)).encode()) >> 1


@dataclass(frozen=True, slots=True)
class Found:
    """A file of an index: what it is, or what is wrong with it (`problem` for machines, `message` for people)."""

    path: str
    size: int
    problem: str = ""
    message: str = ""
    told: str = ""

    @property
    def weights(self) -> Weights | None:
        """What the file is; None where it is no whole model file and says nothing of itself."""
        return _unpacked(json.loads(self.told)) if self.told else None


def look(
    paths: Iterable[str | Path], folder: Path | None = None, tell: Callable[[int, int], None] | None = None
) -> dict[str, Found]:
    """What each of some files is, in their order; only those are read that are new or changed since the last time.

    `folder` is where the index is kept; without one, or where it cannot be written, everything is read. A broken
    index is begun anew. `tell` is called with how many of how many files are done. Raises nothing for a file: what
    is wrong with one is in what is found of it.
    """
    names = [os.path.abspath(path) for path in paths]
    known = _read_index(folder, list(filter(_is_text, names))) if folder else {}
    found: dict[str, Found] = {}
    fresh: list[tuple[Any, ...]] = []
    for number, name in enumerate(names):
        stamp = _stamp(name)
        row = known.get(name)
        if row and stamp and row[:3] == stamp:
            problem, _, message = row[3].partition(" ")
            found[name] = Found(name, stamp[0], problem, message, row[4])
        else:
            found[name] = each = _examined(name, stamp)
            if stamp and each.problem != "changed" and _is_text(name + each.message):
                fresh.append((name, *stamp, f"{each.problem} {each.message}".strip(), each.told))
        if tell:
            tell(number + 1, len(names))
    if folder and fresh:
        _write_index(folder, fresh)
    return found


def _stamp(name: str) -> _Stamp | None:
    """What changes when a file does; None where it is no plain file."""
    try:
        found = os.stat(name)
    except (OSError, ValueError):
        return None
    return (found.st_size, found.st_mtime_ns, found.st_ino) if stat.S_ISREG(found.st_mode) else None


def _is_text(name: str) -> bool:
    """Whether an index can hold a name: what a disk has need not be text in any encoding."""
    return name.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in name)


def _examined(name: str, stamp: _Stamp | None) -> Found:
    size = stamp[0] if stamp else 0
    try:
        header = read_header(name)
    except BadHeader as problem:
        weights = identify(problem.header, os.path.basename(name)) if problem.header else None
        told = json.dumps(_packed(weights)) if weights else ""
        return Found(name, size, problem.problem, str(problem), told)
    return Found(name, size, told=json.dumps(_packed(identify(header, os.path.basename(name)))))


def _read_index(folder: Path, names: Sequence[str]) -> Mapping[str, tuple[int, int, int, str, str]]:
    """What is noted of these files, and of others where there are many of them."""
    file = folder / _FILE
    if not file.is_file():
        return {}
    try:
        with closing(sqlite3.connect(file, timeout=_WAIT)) as index:
            if index.execute("pragma user_version").fetchone()[0] != _version():
                raise sqlite3.DatabaseError
            return {row[0]: row[1:] for row in _rows(index, names) if _is_row(row)}
    except sqlite3.OperationalError:  # busy: read the files instead
        return {}
    except (sqlite3.DatabaseError, OSError):
        _remove(file)
        return {}


def _rows(index: sqlite3.Connection, names: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    if len(names) > _FEW:
        yield from index.execute("select * from files")
        return
    for name in names:
        yield from index.execute("select * from files where path = ?", (name,))


def _is_row(row: tuple[Any, ...]) -> bool:
    return len(row) == 6 and all(isinstance(each, int) for each in row[1:4]) and isinstance(row[5], str)


def _write_index(folder: Path, rows: list[tuple[Any, ...]]) -> None:
    """Adds rows in one transaction; where that isn't possible the files are read again the next time."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(folder / _FILE, timeout=_WAIT)) as index, index:
            index.execute(_SCHEMA)
            index.execute(f"pragma user_version = {_version()}")
            index.executemany("insert or replace into files values (?, ?, ?, ?, ?, ?)", rows)
    except sqlite3.OperationalError:
        return
    except (sqlite3.DatabaseError, OSError):
        _remove(folder / _FILE)


def _remove(file: Path) -> None:
    try:
        file.unlink(missing_ok=True)
    except OSError:
        return


def _packed(value: Any) -> Any:
    """A value as JSON has it; dataclasses by name, tuples apart from lists, what only helps to compute left out."""
    if is_dataclass(value) and not isinstance(value, type):
        held = {each.name: _packed(getattr(value, each.name)) for each in fields(value) if each.compare}
        return {"=": f"{type(value).__module__.rpartition('.')[2]}.{type(value).__name__}", **held}
    if isinstance(value, tuple):
        return {"()": [_packed(each) for each in value]}
    if isinstance(value, Mapping):
        return {"{}": [[_packed(key), _packed(each)] for key, each in value.items()]}
    return [_packed(each) for each in value] if isinstance(value, list) else value


def _unpacked(value: Any) -> Any:
    if isinstance(value, list):
        return [_unpacked(each) for each in value]
    if not isinstance(value, dict):
        return value
    if "()" in value:
        return tuple(_unpacked(each) for each in value["()"])
    if "{}" in value:
        return {_unpacked(key): _unpacked(each) for key, each in value["{}"]}
    module, _, name = value["="].partition(".")
    held = {key: _unpacked(each) for key, each in value.items() if key != "="}
    return getattr(import_module(f".{module}", __package__), name)(**held)

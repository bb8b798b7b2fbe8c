"""The names that people see: OUT/NAME.png, each a second name of an object in the store, and all replaceable.

A name is made of what specs and rows say, so it is made safe here, and what somebody else has put in the way stands.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from ..file_names import cut, file_name
from ..run.folder import write_whole
from .failpoints import passed
from .folder import BatchFolder
from .ledger import Ledger, Output
from .store import Store, Stored, link_or_copy, sha256_of

# Bytes of a name without its ending: a file system has room for 255, and ".NAME-KEY.ending.part" must fit as well.
_MAX_STEM = 190
_MAX_STAGE = 50
_KEY_PARTS = (8, 16, 32)


class Rebuilt(NamedTuple):
    """What became of a view: how many names stand, how many of them are new, and how many old ones were removed."""

    names: int
    placed: int
    removed: int


def place_names(
    folder: BatchFolder, store: Store, key: str, names: Sequence[str], outputs: Sequence[Output]
) -> list[Path]:
    """The files by which people find a job's outputs: OUT/NAME.png, or of several OUT/NAME-STAGE.png for each.

    Where something else has the name already, a part of the job's key is added. What is there already is left, and
    nothing is ever overwritten. Raises OSError.
    """
    passed("before-name")
    all_wanted = list(_wanted(names, outputs))
    firsts = [next(_candidates(folder.out, wanted, key, output.stored)) for wanted, output in all_wanted]
    # Noted before they are there: after a crash in between nobody would know that they are ours.
    ahead = {path.name for path in firsts if not os.path.lexists(path)}
    _note(folder, sorted(ahead))
    placed = []
    new = []
    for wanted, output in all_wanted:
        path, made = _place(folder.out, store, wanted, key, output.stored)
        placed.append(path)
        if made and path.name not in ahead:
            new.append(path.name)
        passed("after-link")
    _note(folder, new)
    passed("after-name")
    return placed


def placed_names(
    folder: BatchFolder, store: Store, key: str, names: Sequence[str], outputs: Sequence[Output]
) -> list[Path | None]:
    """Where a job's outputs can be found by name, in the order of `place_names`; None where a name is missing."""
    return [
        next((p for p in _candidates(folder.out, wanted, key, output.stored) if _is(p, store, output.stored)), None)
        for wanted, output in _wanted(names, outputs)
    ]


def remove_names(
    folder: BatchFolder, store: Store, key: str, names: Sequence[str], outputs: Sequence[Output]
) -> list[Path]:
    """Takes a job's outputs' names away, also those of objects that were altered. Gives what was removed."""
    removed = []
    for wanted, output in _wanted(names, outputs):
        for path in _candidates(folder.out, wanted, key, output.stored):
            if _same_file(path, store.path(output.stored)) or _is(path, store, output.stored):
                path.unlink(missing_ok=True)
                removed.append(path)
    return removed


def rebuild(folder: BatchFolder, ledger: Ledger, store: Store) -> Rebuilt:
    """Makes the names those of the jobs that the latest command names.

    Names that were given before and that no job has now are removed, if what stands there is an object of the store and
    nothing of somebody else's. A job whose objects are not all there is passed over. Raises OSError, LedgerProblem.
    """
    names = names_by_key(ledger)
    stand: set[str] = set()
    waiting: list[tuple[str, list[Output]]] = []
    for key, outputs in outputs_by_key(ledger):
        if key in names:
            found = placed_names(folder, store, key, names[key], outputs)
            stand.update(path.name for path in found if path)
            if None in found and all(store.has(output.stored) for output in outputs):
                waiting.append((key, outputs))
    removed = _remove_old(folder, store, stand)
    placed = 0
    for key, outputs in waiting:
        paths = {path.name for path in place_names(folder, store, key, names[key], outputs)}
        placed += len(paths - stand)
        stand |= paths
    write_whole(_record(folder), "".join(f"{name}\n" for name in sorted(stand)).encode())
    return Rebuilt(len(stand), placed, removed)


def names_by_key(ledger: Ledger) -> dict[str, list[str]]:
    """What the jobs of the latest command are called, in order of name."""
    names: dict[str, list[str]] = {}
    for name, key, _ in ledger.names():
        names.setdefault(key, []).append(name)
    return {key: sorted(found) for key, found in names.items()}


def outputs_by_key(ledger: Ledger) -> Iterator[tuple[str, list[Output]]]:
    """The accepted outputs, those of a job together."""
    for key, found in groupby(ledger.outputs(), lambda output: output.key):
        yield key, list(found)


def _wanted(names: Sequence[str], outputs: Sequence[Output]) -> Iterator[tuple[str, Output]]:
    """The stems that a job's outputs should have, by each of its names."""
    for name in names:
        stems: set[str] = set()
        for output in outputs:
            stem, count = file_name(name, _MAX_STEM), 1
            if len(outputs) > 1:
                stage = file_name(output.stage, _MAX_STAGE)
                stem = f"{cut(stem, _MAX_STEM - _MAX_STAGE)}-{stage}"
            free = stem
            while free in stems:
                count += 1
                free = f"{stem}-{count}"
            stems.add(free)
            yield free, output


def _candidates(out: Path, stem: str, key: str, stored: Stored) -> Iterator[Path]:
    ending = stored.ending if re.fullmatch(r"\.[0-9A-Za-z]{1,15}", stored.ending) else ""
    yield out / f"{stem}{ending}"
    for length in _KEY_PARTS:
        yield out / f"{stem}-{file_name(key[:length], _MAX_STEM)}{ending}"


def _place(out: Path, store: Store, stem: str, key: str, stored: Stored) -> tuple[Path, bool]:
    """The first of the candidates that is this object or can be made so, and whether it was made."""
    path = out
    for path in _candidates(out, stem, key, stored):
        try:
            os.link(store.path(stored), path, follow_symlinks=False)
        except FileNotFoundError:
            raise
        except FileExistsError:
            if _is(path, store, stored):
                return path, False
        except OSError:  # no links here, or no more of them
            if _is(path, store, stored):
                return path, False
            if not path.is_symlink() and not path.exists():
                link_or_copy(store.path(stored), path)
                return path, True
        else:
            return path, True
    raise FileExistsError(errno.EEXIST, "something else is in the way", str(path))


def _is(path: Path, store: Store, stored: Stored) -> bool:
    """Whether a file is an object, as a second name of it or as a copy."""
    if _same_file(path, store.path(stored)):
        return True
    with suppress(OSError):
        facts = path.lstat()
        if stat.S_ISREG(facts.st_mode) and facts.st_size == stored.bytes:
            return sha256_of(path) == stored.sha256
    return False


def _same_file(path: Path, other: Path) -> bool:
    with suppress(OSError):
        return os.path.samestat(path.lstat(), other.lstat())
    return False


def _record(folder: BatchFolder) -> Path:
    """Where it is noted which names were given: what people put beside them is not ours to remove."""
    return folder.own / "names"


def _note(folder: BatchFolder, names: Iterable[str]) -> None:
    if text := "".join(f"{name}\n" for name in names):
        file = os.open(_record(folder), os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o644)
        try:
            os.write(file, text.encode())
        finally:
            os.close(file)


def _remove_old(folder: BatchFolder, store: Store, stand: set[str]) -> int:
    """Removes the names that were given and are no longer, and gives how many those were."""
    try:
        given = _record(folder).read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return 0
    old = [name for name in set(given) - stand if Path(name).name == name and "\0" not in name]
    if not old:
        return 0
    objects = _objects(store)
    removed = 0
    for name in old:
        path = folder.out / name
        if _is_object(path, objects):
            path.unlink()
            removed += 1
    return removed


def _objects(store: Store) -> Mapping[int, set[str]]:
    """The sha256 of the objects by their sizes."""
    found: dict[int, set[str]] = {}
    for path in store.all():
        with suppress(OSError):
            found.setdefault(path.stat().st_size, set()).add(path.parent.name + path.stem)
    return found


def _is_object(path: Path, objects: Mapping[int, set[str]]) -> bool:
    with suppress(OSError):
        facts = path.lstat()
        if stat.S_ISREG(facts.st_mode) and facts.st_size in objects:
            return sha256_of(path) in objects[facts.st_size]
    return False

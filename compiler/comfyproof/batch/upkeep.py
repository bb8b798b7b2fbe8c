"""Looking after a batch: jobs run again or cancelled, files held against the ledger, leftovers removed."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from fnmatch import fnmatchcase
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from ..run.folder import write_whole
from ..verify.checks import verify_file
from ..verify.expected import Expected, Verdict
from .folder import BatchFolder
from .job import prompt_id_of
from .ledger import Ledger, Output, Row
from .store import Store, Stored, link_or_copy, sha256_of
from .view import names_by_key, outputs_by_key, placed_names, rebuild, remove_names

# Decoding lets other threads run; more of them would need the memory of more large pictures at once.
_THREADS = 2
_AHEAD = 8
# The first part of a job's key, and the number of the attempt.
_EVIDENCE = re.compile(r"[0-9a-f]{16}-[0-9]+")
_PART = re.compile(r"\..+\.part|\.comfyproof-[0-9a-f]{16}")


class NoSuchName(Exception):
    """No job is called so; `known` are the names that there are."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        super().__init__(f'no job of the batch is called "{name}"')
        self.name, self.known = name, known


# Jobs by name.


def keys_named(ledger: Ledger, wanted: Iterable[str]) -> list[str]:
    """The jobs that are called so, each once; a name may be a pattern with * and ?. Raises NoSuchName."""
    known = {name: key for name, key, _ in ledger.names()}
    found: dict[str, None] = {}
    for name in wanted:
        if name in known:
            found[known[name]] = None
            continue
        matching = [key for each, key in known.items() if fnmatchcase(each, name)] if set(name) & set("*?[") else []
        if not matching:
            raise NoSuchName(name, tuple(known))
        found.update(dict.fromkeys(matching))
    return list(found)


def in_states(ledger: Ledger, states: Sequence[str], keys: Iterable[str] | None = None) -> list[Row]:
    """The jobs of the latest command that are in one of these states, all of them or some."""
    among = None if keys is None else set(keys)
    return [row for row in ledger.rows() if row.state in states and (among is None or row.key in among)]


# Cancelling.


class Withdrawal(NamedTuple):
    """A prompt that a server may still have, of a job that nobody wants any more."""

    server: str
    prompt_id: str


def cancel(ledger: Ledger, batch: str, rows: Sequence[Row]) -> list[Withdrawal]:
    """Cancels jobs that are not done, and gives what is to be withdrawn from servers. Raises LedgerProblem."""
    keys = {row.key for row in rows}
    found: dict[str, Withdrawal] = {}
    for row in rows:
        if row.state != "claimed" or row.server is None:
            continue
        ids = [prompt_id_of(batch, row.key, row.epoch)]
        # What was sent together goes on as long as one of the jobs is wanted.
        if row.prompt_id and all(each.key in keys or each.state != "claimed" for each in ledger.bound(row.prompt_id)):
            ids.append(row.prompt_id)
        found.update((id, Withdrawal(row.server, id)) for id in ids)
    ledger.cancel(keys)
    return list(found.values())


def ask_to_cancel(folder: BatchFolder, names: Iterable[str]) -> None:
    """Asks whoever works on the batch to cancel the jobs of these names, or with "*" all. Raises OSError."""
    path = folder.own / "cancel"
    before: list[str] = []
    with suppress(FileNotFoundError):
        before = path.read_text("utf-8", "replace").splitlines()
    write_whole(path, "".join(f"{name}\n" for name in dict.fromkeys((*before, *names))).encode())


# Verifying.


class Examined(NamedTuple):
    """One accepted output, looked at again: what is wrong with its object, and the names that do not lead to it.

    `damage` is "missing", "altered", or why it cannot be decoded; empty where it is whole.
    """

    key: str
    name: str
    output: Output
    damage: str
    unnamed: tuple[str, ...] = ()


def examine(folder: BatchFolder, ledger: Ledger, store: Store) -> Iterator[Examined]:
    """Every accepted output, held against the ledger and decoded. Raises LedgerProblem."""
    names = names_by_key(ledger)
    with ThreadPoolExecutor(_THREADS) as pool:
        jobs = outputs_by_key(ledger)
        # A few at a time: the ledger may know of more outputs than memory should hold.
        while part := list(islice(jobs, _AHEAD)):
            outputs = [output for _, found in part for output in found]
            damages = dict(
                zip(map(_place, outputs), pool.map(lambda o: _damage(store, o.stored), outputs), strict=True)
            )
            for key, found in part:
                yield from _held(folder, store, key, names.get(key, []), found, damages)


def _held(
    folder: BatchFolder,
    store: Store,
    key: str,
    names: Sequence[str],
    outputs: Sequence[Output],
    damages: dict[tuple[str, int], str],
) -> Iterator[Examined]:
    """A job's outputs beside their names."""
    called = names[0] if names else key[:16]
    lost: dict[int, list[str]] = {}
    for name in names:
        paths = placed_names(folder, store, key, [name], outputs)
        for output, path in zip(outputs, paths, strict=True):
            if path is None:
                lost.setdefault(output.number, []).append(name)
    for output in outputs:
        yield Examined(key, called, output, damages[_place(output)], tuple(lost.get(output.number, ())))


def _place(output: Output) -> tuple[str, int]:
    return output.key, output.number


def _damage(store: Store, stored: Stored) -> str:
    """What is wrong with an object."""
    if damage := store.damage(stored):
        return damage
    try:
        complete = verify_file(store.path(stored).read_bytes(), Expected(), "")[0]
    except OSError as problem:
        return problem.strerror or "unreadable"
    return complete.measured if complete.verdict is Verdict.FAILED else ""


def mend(folder: BatchFolder, ledger: Ledger, store: Store, damaged: Sequence[Examined]) -> tuple[int, int]:
    """Gives damaged objects back: from their names where these are whole, else by having their jobs run again.

    What is damaged is moved aside, not removed: somebody may have altered it on purpose. Gives how many objects are
    back, and how many jobs are to be run. Raises LedgerProblem, OSError.
    """
    names = names_by_key(ledger)
    hurt = {each.key for each in damaged}
    outputs = {key: found for key, found in outputs_by_key(ledger) if key in hurt}
    back = 0
    again: dict[str, None] = {}
    for each in damaged:
        if _restored(folder, store, each, names.get(each.key, []), outputs[each.key]):
            back += 1
        else:
            again[each.key] = None
    for key in again:
        remove_names(folder, store, key, names.get(key, []), outputs[key])
    for each in damaged:
        if each.key in again and store.damage(each.output.stored):
            _move_aside(folder, store.path(each.output.stored))
    ledger.redo(again)
    return back, len(again)


def _restored(
    folder: BatchFolder, store: Store, each: Examined, names: Sequence[str], outputs: Sequence[Output]
) -> bool:
    """Whether an object could be taken from a name of it, which file systems without links have as a copy."""
    if each.damage not in ("missing", "altered"):
        return False
    if not store.damage(each.output.stored):  # another job has the very same file
        return True
    numbers = [output.number for _ in names for output in outputs]
    for number, path in zip(numbers, placed_names(folder, store, each.key, names, outputs), strict=True):
        if number == each.output.number and path is not None:
            with suppress(OSError):
                if sha256_of(path) == each.output.stored.sha256:
                    _move_aside(folder, store.path(each.output.stored))
                    target = store.path(each.output.stored)
                    target.parent.mkdir(parents=True, exist_ok=True)
                    link_or_copy(path, target)
                    return True
    return False


def _move_aside(folder: BatchFolder, path: Path) -> None:
    if path.is_symlink() or path.exists():
        aside = folder.own / "damaged"
        aside.mkdir(exist_ok=True)
        os.replace(path, aside / f"{path.parent.name}{path.name}")


def name_again(folder: BatchFolder, ledger: Ledger, store: Store) -> int:
    """Gives every output the names that it lacks, and how many those were. Raises LedgerProblem, OSError."""
    return rebuild(folder, ledger, store).placed


# Removing what nobody needs.


class Leftover(NamedTuple):
    """A file or folder that nobody needs, what it is, and its bytes."""

    path: Path
    what: str
    bytes: int


def leftovers(folder: BatchFolder, ledger: Ledger, store: Store, *, unnamed: bool = False) -> list[Leftover]:
    """What can be removed from the folder of a batch on which nobody works.

    With `unnamed`, the objects of jobs that the latest command does not name are among them. Raises LedgerProblem.
    """
    rows = list(ledger.rows(all=True))
    gone = {row.key for row in rows if row.position < 0} if unnamed else set()
    unsettled = {row.key[:16] for row in rows if row.state != "done"}
    needed = {store.path(output.stored) for output in ledger.outputs() if output.key not in gone}
    found = [Leftover(path, "object", _bytes(path)) for path in store.all() if path not in needed]
    found += [Leftover(path, "unfinished file", _bytes(path)) for path in _parts(folder)]
    found += [Leftover(path, "work", _bytes(path)) for path in _inside(folder.work)]
    found += [Leftover(path, "damaged file", _bytes(path)) for path in _inside(folder.own / "damaged")]
    failures = (path for path in _inside(folder.own / "failed") if _EVIDENCE.fullmatch(path.name))
    evidence = [path for path in failures if path.name[:16] not in unsettled]
    return found + [Leftover(path, "evidence of a failure", _bytes(path)) for path in evidence]


def forget_unnamed(folder: BatchFolder, ledger: Ledger, store: Store) -> int:
    """Takes the jobs that the latest command does not name out of the ledger; gives how many those were.

    Their names go first, while the store still tells whose they are. Raises LedgerProblem, OSError.
    """
    rebuild(folder, ledger, store)
    keys = [row.key for row in ledger.rows(all=True) if row.position < 0]
    ledger.forget(keys)
    return len(keys)


def remove(found: Iterable[Leftover]) -> None:
    """Removes leftovers. Raises OSError."""
    for each in found:
        if each.path.is_dir() and not each.path.is_symlink():
            shutil.rmtree(each.path)
        else:
            each.path.unlink(missing_ok=True)
        with suppress(OSError):  # an object's folder, once it is empty
            if each.what == "object":
                each.path.parent.rmdir()


def _parts(folder: BatchFolder) -> Iterator[Path]:
    """Files that a crash left half written, under names that only we give."""
    try:
        given = {f".{name}.part" for name in (folder.own / "names").read_text("utf-8", "replace").splitlines()}
    except OSError:
        given = set()
    for path in sorted(folder.out.glob(".*.part")):
        if path.name in given and path.is_file() and not path.is_symlink():
            yield path
    for path in _inside(folder.own):
        if _PART.fullmatch(path.name) and path.is_file() and not path.is_symlink():
            yield path


def _inside(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() and not folder.is_symlink() else []


def _bytes(path: Path) -> int:
    """The bytes of a file, or of all in a folder."""
    if path.is_dir() and not path.is_symlink():
        return sum(_bytes(inside) for inside in path.rglob("*") if not inside.is_dir() or inside.is_symlink())
    with suppress(OSError):
        return path.lstat().st_size
    return 0

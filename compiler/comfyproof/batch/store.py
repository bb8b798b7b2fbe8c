"""The content-addressed store: every file under the sha256 of its bytes, whole and on disk, or not at all."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from ..png import SIGNATURE, BrokenPng, chunks
from .failpoints import passed

_CHUNK = 2**20


class Stored(NamedTuple):
    """One file of the store."""

    sha256: str
    bytes: int
    ending: str


class Store:
    """A folder of objects, objects/ab/cdef....png; whoever names one by its hash gets those bytes or none."""

    def __init__(self, objects: Path) -> None:
        self._objects = objects

    def path(self, stored: Stored) -> Path:
        """Where an object lies."""
        return self._objects / stored.sha256[:2] / f"{stored.sha256[2:]}{stored.ending}"

    def take(self, file: Path) -> Stored:
        """Takes in a file that was verified and is on disk; it stays where it is, too. Raises OSError."""
        stored = Stored(sha256_of(file), file.stat().st_size, file.suffix)
        path = self.path(stored)
        passed("before-object")
        if self.damage(stored):  # mostly since it is not there; what somebody altered is put right
            new = not path.parent.exists()
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.parent.is_symlink():
                raise OSError(errno.ELOOP, "is a link", str(path.parent))
            link_or_copy(file, path)
            _sync_folder(path.parent)
            if new:
                _sync_folder(self._objects)
        passed("after-object")
        return stored

    def has(self, stored: Stored) -> bool:
        """Whether an object is there, with as many bytes; `damage` looks at the bytes themselves."""
        with suppress(OSError):
            return self.path(stored).stat().st_size == stored.bytes
        return False

    def damage(self, stored: Stored) -> str:
        """What is wrong with an object: "missing", "altered", or nothing."""
        try:
            return "" if sha256_of(self.path(stored)) == stored.sha256 else "altered"
        except OSError:
            return "missing"

    def all(self) -> Iterator[Path]:
        """Every file in the store."""
        for path in sorted(self._objects.glob("??/*")):
            if path.is_file():
                yield path


def sha256_of(path: Path) -> str:
    """The sha256 of a file's bytes, in hexadecimal. Raises OSError."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def pixels_of(path: Path) -> str:
    """A hash of what a PNG file shows, whatever its metadata say; empty for other files. Raises OSError."""
    data = path.read_bytes()
    if not data.startswith(SIGNATURE):
        return ""
    digest = hashlib.sha256()
    with suppress(BrokenPng):
        for kind, body in chunks(data):
            if kind in ("IHDR", "PLTE", "IDAT", "fdAT"):
                digest.update(body)
    return digest.hexdigest()[:32]


def link_or_copy(source: Path, target: Path) -> None:
    """Gives a file a second name, as a hard link where the file system has them. Raises OSError.

    What stood there before is replaced at once: nobody meets half a file.
    """
    part = target.with_name(f".{target.name}.part")
    part.unlink(missing_ok=True)
    try:
        os.link(source, part)
    except OSError:
        shutil.copyfile(source, part, follow_symlinks=False)
        with part.open("rb") as stream:
            os.fsync(stream.fileno())
    passed("half-object")
    os.replace(part, target)
    part.unlink(missing_ok=True)  # a replacement by another name of the same file leaves both


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

"""What was found before, and is so still: verdicts of `lint` by the content of the files.

Only workflows in JSON are kept: nothing but the text, the catalog and the rules decides on them, while a spec reads
other files. Of a workflow itself nothing is kept but what a finding or a gap says of it, and nothing of keys.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any

from . import __version__
from .lint import Examined, Examiner
from .remembered import as_entry, as_examined

FORMAT = "comfyproof/verdicts/1"
FILE = "verdicts.json"
MAX_ENTRIES = 50_000
MAX_BYTES = 32 * 2**20
_MAX_TEXT = 4 * 2**20
# What may be an ignore, plain or with letters escaped, is to be looked at for whether it is of use.
_MAY_IGNORE = re.compile(rb"comfyproof|\\u00[67]")


@dataclass
class CachingExaminer:
    """An examiner that knows again what it found, in this run or an earlier one.

    Leaving it as a context writes down what it found. A cache that cannot be read or written is none: nothing is raised
    for it.
    """

    examiner: Examiner
    folder: Path | None
    _found: dict[str, dict[str, Any]] = field(default_factory=dict)

    def __enter__(self) -> CachingExaminer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, at: TracebackType | None
    ) -> None:
        self.save()

    def file(self, file: str, *, alone: bool = True) -> Examined:
        """What `Examiner.file` gives."""
        return self.known(file, alone=alone) or self.keep(file, self.examiner.file(file, alone=alone), alone=alone)

    def known(self, file: str, *, alone: bool = True) -> Examined | None:
        """What was found of a file with this name and content; None where that was not kept."""
        content = self._content(file)
        if content is None:
            return None
        entry = self._known.get(self._key(file, content, alone))
        return None if entry is None else as_examined(entry, file, content)

    def keep(self, file: str, examined: Examined, *, alone: bool = True) -> Examined:
        """Notes what was found of a file just now, if it is to be kept, and gives it back."""
        entry = as_entry(examined)
        if entry is not None:
            content = self._content(file)
            # A text that changed while it was looked at is not the one that was.
            if content is not None and not _MAY_IGNORE.search(content) and _is_read(examined, content):
                self._found[self._key(file, content, alone)] = entry
        return examined

    def save(self) -> None:
        """Writes down what is new, beside what other processes have written meanwhile; the oldest is dropped."""
        if not self._found or self.folder is None:
            return
        verdicts = {**_read(self.folder), **self._found}
        kept = dict(list(verdicts.items())[-MAX_ENTRIES:])
        with suppress(OSError, ValueError):
            _write(self.folder, json.dumps({"format": FORMAT, "verdicts": kept}, separators=(",", ":")).encode())
            self._known.update(self._found)
            self._found.clear()

    @cached_property
    def _known(self) -> dict[str, Any]:
        return {} if self.folder is None else _read(self.folder)

    def _content(self, file: str) -> bytes | None:
        """The bytes of a file whose verdict may be kept."""
        if self._settings is None or not file.endswith(".json"):
            return None
        try:
            facts = os.stat(file)
            if not stat.S_ISREG(facts.st_mode) or facts.st_size > _MAX_TEXT:
                return None
            with open(file, "rb", buffering=0) as stream:
                return stream.read(facts.st_size + 1)  # no more, since memory is put aside for all that is asked for
        except (OSError, ValueError):
            return None

    def _key(self, file: str, content: bytes, alone: bool) -> str:
        assert self._settings is not None
        hashed = self._settings.copy()
        hashed.update(f"{file}\0{alone}\0".encode("utf-8", "surrogateescape"))
        hashed.update(content)
        return str(hashed.hexdigest())

    @cached_property
    def _settings(self) -> Any:
        """A hash begun with all that decides beside the text; None where that is not known."""
        catalog = self.examiner.catalog
        # Which model files a folder has, and what is in them, changes under us.
        code = None if self.folder is None or catalog.lister else _code()
        if code is None:
            return None
        decides = (code, catalog.sha256, catalog.id, catalog.unlisted, catalog.complete, catalog.left_out)
        return hashlib.blake2b(repr((*decides, self.examiner.editor)).encode(), digest_size=16)


def cache_folder() -> Path | None:
    """Where this user's programs keep what they can make again; None where that is nowhere."""
    if named := os.environ.get("XDG_CACHE_HOME" if os.name != "nt" else "LOCALAPPDATA"):
        # The standard wants a relative one to be ignored.
        return Path(named) / "comfyproof" if os.path.isabs(named) else None
    try:
        home = Path.home()
    except RuntimeError:
        return None
    return home / ("Library/Caches" if sys.platform == "darwin" else ".cache") / "comfyproof"


def _code() -> str | None:
    """What tells this program from one with other rules, also while somebody works on them.

    Sizes and times of its files take a thousandth of a second, reading them all twenty times that.
    """
    found: list[tuple[str, int, int]] = []
    waiting = [os.path.dirname(__file__)]
    try:
        while waiting:
            with os.scandir(waiting.pop()) as entries:
                for each in entries:
                    if each.name.endswith((".py", ".gz")):
                        facts = each.stat()
                        found.append((each.path, facts.st_size, facts.st_mtime_ns))
                    elif each.is_dir() and each.name != "__pycache__":
                        waiting.append(each.path)
    except OSError:
        return None  # in an archive, say
    return repr((__version__, sys.version, sorted(found)))


def _is_read(examined: Examined, content: bytes) -> bool:
    """Whether a text that was examined is this one; of what is no workflow the text isn't kept, and so nobody knows."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return False
    return bool(examined.texts) and all(each.text == text for each in examined.texts)


def _read(folder: Path) -> dict[str, Any]:
    """The entries by their hashes; none where there is no cache of this user's that can be read."""
    try:
        if not _is_own(folder) or not (folder / FILE).is_file():
            return {}
        with (folder / FILE).open("rb") as stream:
            packed = stream.read(MAX_BYTES + 1)
        data = json.loads(packed) if len(packed) <= MAX_BYTES else None
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        return {}
    verdicts = data.get("verdicts")
    return verdicts if isinstance(verdicts, dict) else {}


def _is_own(folder: Path) -> bool:
    """Whether nobody else can have put a verdict here."""
    facts = folder.stat()
    return os.name == "nt" or (facts.st_uid == os.getuid() and not facts.st_mode & (stat.S_IWGRP | stat.S_IWOTH))


def _write(folder: Path, data: bytes) -> None:
    """Puts the file in its place, whole; others who read it meanwhile have the old one. Raises OSError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if len(data) > MAX_BYTES or not _is_own(folder):
        return
    part = folder / f"{FILE}.{os.getpid()}"
    try:
        with open(
            os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0), 0o600), "wb"
        ) as to:
            to.write(data)
        os.replace(part, folder / FILE)
    finally:
        part.unlink(missing_ok=True)

"""Which files are meant: files, folders and patterns of names, without what ignore files and settings exclude."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, NamedTuple

from .diagnostics import Diagnostic, NotExamined, Place, Span, Spot
from .patterns import Patterns, read_patterns
from .source import UNREADABLE, read_text

IGNORE_FILE = ".comfyproofignore"
STDIN = "-"
IN_FOLDERS = (".yaml", ".yml", ".json")
MAX_IGNORE_BYTES = 2**20


class _Below(NamedTuple):
    """Patterns for what lies below a folder, and where they are from."""

    folder: str
    patterns: Patterns
    origin: str

    def parts(self, path: str) -> list[str]:
        return path[len(self.folder) :].strip(os.sep).split(os.sep)


class _Folder(NamedTuple):
    """Why a folder is passed over, if it is, and the ignore files that count in it, the nearest first."""

    reason: str | None
    files: tuple[_Below, ...]


class Excluding:
    """What is passed over: by the setting `exclude`, and by ignore files, up to the top of the repository."""

    def __init__(self, folder: Path, patterns: Patterns | None = None, origin: str = "") -> None:
        """Patterns for what lies below a folder, and where they are from; ignore files lie where they lie."""
        self._own = _Below(str(folder.absolute()), patterns or Patterns(), f"exclude ({origin})")
        self._folders: dict[str, _Folder] = {}

    def reason(self, path: str, *, is_folder: bool) -> str | None:
        """Why a path is passed over, None where it is not."""
        whole = os.path.abspath(path)
        return self._reason(whole, is_folder, self._folder(os.path.dirname(whole)))

    def _reason(self, path: str, is_folder: bool, around: _Folder) -> str | None:
        if around.reason is not None:
            return around.reason
        own = self._own
        if own.patterns.patterns and path.startswith(own.folder.rstrip(os.sep) + os.sep):
            decided = own.patterns.deciding(own.parts(path), is_folder)
            if decided and not decided.negated:
                return f'"{decided.text}" in {own.origin}'
        for each in around.files:
            decided = each.patterns.deciding(each.parts(path), is_folder)
            if decided:
                return None if decided.negated else f'"{decided.text}" in {each.origin}'
        return None

    def _folder(self, path: str) -> _Folder:
        """What holds in a folder, kept: thousands of files lie in one."""
        missing = []
        while path not in self._folders and os.path.dirname(path) != path:
            missing.append(path)
            path = os.path.dirname(path)
        around = self._folders.get(path) or _Folder(None, tuple(_ignore_file(path)))
        for each in reversed(missing):
            inherited = () if os.path.lexists(os.path.join(each, ".git")) else around.files
            reason = self._reason(each, True, around)
            around = self._folders[each] = _Folder(reason, (*_ignore_file(each), *inherited))
        return around


def _ignore_file(folder: str) -> Iterator[_Below]:
    file = Path(folder, IGNORE_FILE)
    text = read_text(file, MAX_IGNORE_BYTES)[0] if os.path.isfile(file) else None
    if text and (patterns := read_patterns(text.splitlines())).patterns:
        here = Path.cwd()
        yield _Below(folder, patterns, str(file.relative_to(here) if file.is_relative_to(here) else file))


class Gathered(NamedTuple):
    """The files that are meant, each once and whether it was named itself, and what was passed over.

    `unreadable` are folders that could not be looked into, `empty` the folders and patterns that hold no file to look
    at, and none that was passed over.
    """

    files: tuple[tuple[str, bool], ...]
    passed_over: tuple[NotExamined, ...] = ()
    unreadable: tuple[NotExamined, ...] = ()
    empty: tuple[str, ...] = ()


def gather(arguments: Sequence[str], excluding: Excluding, suffixes: Sequence[str] = IN_FOLDERS) -> Gathered:
    """What is meant by arguments: files, folders, patterns such as "flows/**/*.json", and "-" for standard input.

    Folders are searched for files with these suffixes. What begins with a dot is not looked into, nor are links to
    folders, which may lead round in circles.
    """
    gathering = _Gathering(excluding, tuple(suffixes))
    empty = [argument for argument in arguments if not gathering.take(argument)]
    over = (_passed_over(paths, reason) for reason, paths in gathering.reasons.items())
    return Gathered(tuple(gathering.files.items()), tuple(over), tuple(gathering.unreadable), tuple(empty))


def _passed_over(paths: Mapping[str, bool], reason: str) -> NotExamined:
    why = f"excluded by {reason}"
    if len(paths) > 1:
        return NotExamined(f"{len(paths)} files and folders", why, kind="excluded")
    ((path, is_folder),) = paths.items()
    if is_folder:
        return NotExamined(f'folder "{path}"', why, kind="excluded")
    return NotExamined(f'file "{path}"', why, kind="excluded", file=path)


@dataclass
class _Gathering:
    """Files with whether each was named itself; by its reason, what was passed over, and whether it is a folder."""

    excluding: Excluding
    suffixes: tuple[str, ...]
    files: dict[str, bool] = field(default_factory=dict)
    reasons: dict[str, dict[str, bool]] = field(default_factory=dict)
    unreadable: list[NotExamined] = field(default_factory=list)

    def take(self, argument: str) -> bool:
        """Takes what an argument means; whether there was anything, and be it passed over."""
        if argument == STDIN or (os.path.lexists(argument) and not os.path.isdir(argument)):
            if argument == STDIN or not self._is_passed_over(argument, is_folder=False):
                self.files[argument] = True
            return True
        if os.path.isdir(argument):
            if self._is_passed_over(argument, is_folder=True):
                return True
            return self._walk(argument, lambda parts: parts[-1].casefold().endswith(self.suffixes))
        if not _MAGIC.search(argument):
            self.files[argument] = True  # which reading it will say is not there
            return True
        return self._match(argument)

    def _match(self, argument: str) -> bool:
        """Takes the files that a pattern of names is for."""
        names = argument.replace(os.sep, "/").split("/")
        fixed = next(n for n, name in enumerate(names) if _MAGIC.search(name))
        folder = "/".join(names[:fixed]) or ("/" if argument.startswith("/") else "")
        rest = names[fixed:]
        pattern = read_patterns(["/" + "/".join(rest)]).patterns
        deepest = None if "**" in rest else len(rest)
        return bool(pattern) and self._walk(folder, lambda parts: pattern[0].matches(parts, False), deepest)

    def _walk(self, folder: str, wanted: Callable[[Sequence[str]], bool], deepest: int | None = None) -> bool:
        found: list[str] = []
        some = False
        before = len(self.unreadable)
        start = str(Path(folder))
        folder = "" if start == os.curdir else start
        for here, folders, names in os.walk(start, onerror=self._note_unreadable):
            below = os.path.relpath(here, start)
            parts = () if below == os.curdir else tuple(below.split(os.sep))
            inside = [name for name in sorted(folders) if deepest is None or len(parts) + 1 < deepest]
            folders[:] = []
            for name in (each for each in inside if not each.startswith(".")):
                path = os.path.join(folder, *parts, name)
                if self._is_passed_over(path, is_folder=True):
                    some = True
                else:
                    folders.append(name)
            for name in names:
                if not name.startswith(".") and wanted((*parts, name)):
                    path = os.path.join(folder, *parts, name)
                    some = True
                    if not self._is_passed_over(path, is_folder=False):
                        found.append(path)
        for path in sorted(found):
            self.files.setdefault(path, False)
        return some or len(self.unreadable) > before

    def _note_unreadable(self, problem: OSError) -> None:
        if not isinstance(problem, FileNotFoundError | NotADirectoryError):
            why = f"it cannot be looked into: {problem.strerror or problem}"
            self.unreadable.append(NotExamined(f'folder "{problem.filename}"', why, kind="file"))

    def _is_passed_over(self, path: str, *, is_folder: bool) -> bool:
        reason = self.excluding.reason(path, is_folder=is_folder)
        if reason is not None:
            self.reasons.setdefault(reason, {})[path] = is_folder
        return reason is not None


_MAGIC = re.compile(r"[*?\[]")


def read_stream(stream: BinaryIO, name: str, limit: int) -> tuple[str | None, list[Diagnostic]]:
    """The text of a stream, of so many bytes at most, under a name; None, with why, where it is no text."""
    raw = stream.read(limit + 1)
    reason = f"it has more than {limit:,} bytes" if len(raw) > limit else ""
    try:
        text = raw.decode("utf-8-sig")
        reason = reason or ("it holds NUL bytes, as no text does" if "\0" in text else "")
    except UnicodeDecodeError as problem:
        text, reason = "", reason or f"it is not UTF-8 (byte {problem.start})"
    if not reason:
        return text, []
    place = Place(Spot(name, "", Span(1, 1, 1, 1)))
    return None, [UNREADABLE.at(place, f'"{name}" cannot be read: {reason}', "name a picture as a file")]

"""Which files a ComfyUI server has, as far as they are known."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TypeAlias

IO_FOLDERS = ("input", "output", "temp")


class Unsure(Exception):
    """Only the server itself can say; the message says why."""


@dataclass(frozen=True)
class Files:
    """Which files a server has.

    `names` lists them by folder: model folders such as "loras", and "input", "output" and "temp"
    with paths relative to them; a name that ends in "/" is a folder. A folder that is not in it is
    unknown. In the folders of `endings` any name with one of the endings counts as present too.
    `closed` says that a path that leads out of the three folders finds nothing; else that is unknown.
    """

    names: Mapping[str, Sequence[str]] = field(default_factory=dict)
    endings: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    closed: bool = False

    def holds(self, name: str) -> bool:
        """Whether a file or folder that an input names is there. Raises Unsure."""
        folder = "input"
        for annotated in IO_FOLDERS:
            if name.endswith(f"[{annotated}]"):
                name, folder = name[: -len(annotated) - 3], annotated
                break
        if "\0" in name:
            return False
        steps = name.split("/")
        if name.startswith("/") or folder not in self.names:
            return self._outside(steps)
        return self._leads(folder, steps)

    def _leads(self, folder: str, steps: Sequence[str]) -> bool:
        """Whether steps from a folder lead somewhere, taken as Linux takes them: each from a folder that is there."""
        way = [folder]
        for n, step in enumerate(steps):
            if way and self._tree.get("/".join(way)) is False:
                return False
            if step == "..":
                if not way:
                    return self._outside(steps[n:])
                way.pop()
            elif step not in ("", "."):
                way.append(step)
                # the three folders lie beside each other, so "../output/x.png" is a way from one to another
                if way[0] not in IO_FOLDERS or way[0] not in self.names:
                    return self._outside(steps[n:])
                if "/".join(way) not in self._tree:
                    return False
        return True

    def _outside(self, steps: Iterable[str]) -> bool:
        if all(step in ("", ".", "..") for step in steps):  # a folder that all others lie in
            return True
        if self.closed:
            return False
        raise Unsure("it lies outside the folders that are known")

    @cached_property
    def _tree(self) -> Mapping[str, bool]:
        """Every path below and with the three folders, and whether it is a folder itself."""
        tree = dict.fromkeys(IO_FOLDERS, True)
        for folder in IO_FOLDERS:
            for name in self.names.get(folder, ()):
                parts = [part for part in name.split("/") if part]
                for n in range(1, len(parts)):
                    tree["/".join([folder, *parts[:n]])] = True
                tree.setdefault("/".join([folder, *parts]), name.endswith("/"))
        return tree


KnownFiles: TypeAlias = "Files | Mapping[str, Iterable[str]] | Iterable[str] | str | os.PathLike[str]"


def known_files(given: KnownFiles | None) -> Files | None:
    """The files of a server from what a caller knows of them: a folder on disk, names by folder, or plain names.

    A plain name lies in `input`, unless it begins with `input/`, `output/` or `temp/`. What is not named is not there.
    """
    if given is None or isinstance(given, Files):
        return given
    names: dict[str, list[str]] = {folder: [] for folder in IO_FOLDERS}
    if isinstance(given, Mapping):
        names.update({str(folder).strip("/"): list(inside) for folder, inside in given.items()})
    elif isinstance(given, str | os.PathLike):
        names.update({folder: list(_listed(Path(given, folder))) for folder in IO_FOLDERS})
    else:
        for name in given:
            folder, _, inside = name.partition("/")
            if folder not in IO_FOLDERS:
                folder, inside = "input", name
            names[folder].append(inside)
    return Files(names, closed=True)


def _listed(folder: Path) -> Iterator[str]:
    for at, inner, files in os.walk(folder):
        way = os.path.relpath(at, folder).replace(os.sep, "/") + "/"
        way = "" if way == "./" else way
        yield from (f"{way}{name}/" for name in inner)
        yield from (f"{way}{name}" for name in files)

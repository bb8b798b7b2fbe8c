"""Which model files are meant by their names: the sha256 of those that can be read here."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from ..catalog.files import FILE_INPUTS
from ..catalog.listing import NO_MODELS
from ..graph import Graph
from ..run.folder import write_whole
from ..weights.folders import ModelFolders
from .store import sha256_of


class Identities:
    """The identities of the model files under a models folder; None stands for no folder, and then names have to do.

    They are remembered in a file, by path, size and time: gigabytes are read once. `tell` hears what is being read.
    """

    def __init__(self, tree: ModelFolders | None, remembered: Path, tell: Callable[[str], None]) -> None:
        self._tree, self._file, self._tell = tree, remembered, tell
        self._known: dict[str, tuple[int, int, str]] = {}
        self._new = False
        if tree is not None:
            with suppress(OSError, ValueError, TypeError):
                known = json.loads(remembered.read_bytes())
                self._known = {path: (int(size), int(time), str(sha)) for path, (size, time, sha) in known.items()}

    def of(self, graph: Graph) -> dict[str, str]:
        """By folder and name, the sha256 of each model file of a graph that is there. Raises OSError."""
        if self._tree is None:
            return {}
        found = {}
        for node in graph.nodes.values():
            for name, folder in FILE_INPUTS.get(node.type, {}).items():
                value = node.inputs.get(name)
                if folder in NO_MODELS or not isinstance(value, str):
                    continue
                path = self._tree.path(folder, value)
                if path is not None and path.is_file():
                    found[f"{folder}/{value}"] = self._sha256(path)
        return found

    def _sha256(self, path: Path) -> str:
        facts = path.stat()
        size, time, known = self._known.get(str(path), (-1, -1, ""))
        if (size, time) != (facts.st_size, facts.st_mtime_ns):
            self._tell(path.name)
            known = sha256_of(path)
            self._known[str(path)] = (facts.st_size, facts.st_mtime_ns, known)
            self._new = True
        return known

    def remember(self) -> None:
        """Writes down what was read. Raises OSError."""
        if self._new:
            write_whole(self._file, json.dumps(self._known, indent=1).encode())
            self._new = False

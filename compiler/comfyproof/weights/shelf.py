"""The model files of one machine: where each lies, and what it is, found out when somebody asks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from .folders import ModelFolders, read_tree
from .header import BadHeader, Header
from .identify import Weights
from .index import Found, look
from .reading import read_header

# Files of these kinds are listed apart from the others of their folder.
_BESIDE = {"diffusion_models": "unet_gguf", "text_encoders": "clip_gguf"}


class Shelf:
    """The model files that the loaders of a machine offer. What was found out of a file once is kept."""

    def __init__(self, tree: ModelFolders, index: Path | None = None) -> None:
        self.tree = tree
        self._index = index
        self._found: dict[str, Found] = {}
        self._headers: dict[str, Header | None] = {}

    @property
    def listing(self) -> Mapping[str, tuple[str, ...]]:
        """The names that the loaders list, by folder."""
        return {folder: tuple(files) for folder, files in self.tree.files.items()}

    def path(self, folder: str, name: str) -> Path | None:
        """The file that a loader opens for a name; None where there is none."""
        return self.tree.path(folder, name) or self.tree.path(_BESIDE.get(folder, folder), name)

    def found(self, folder: str, name: str) -> Found | None:
        """What a file is, or what is wrong with it; None where there is none."""
        path = self.path(folder, name)
        if path is None:
            return None
        key = str(path)
        if key not in self._found:
            (self._found[key],) = look([key], self._index).values()
        return self._found[key]

    def weights(self, folder: str, name: str) -> Weights | None:
        """What a file is; None where it is not there, or cannot be read."""
        found = self.found(folder, name)
        return found.weights if found and not found.problem else None

    def header(self, folder: str, name: str) -> Header | None:
        """The tensors of a file; None where it is not there, or cannot be read."""
        path = self.path(folder, name)
        if path is None:
            return None
        key = str(path)
        if key not in self._headers:
            try:
                self._headers[key] = read_header(path)
            except BadHeader:
                self._headers[key] = None
        return self._headers[key]


def read_shelf(path: str | Path, index: Path | None = None) -> Shelf:
    """The model files of a ComfyUI folder, its `models` folder, or an extra_model_paths.yaml. Raises BadTree.

    `index` is the folder where what they are is kept for the next time.
    """
    return Shelf(read_tree(path), index)

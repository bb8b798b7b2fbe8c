"""Which model files a ComfyUI sees: its models folder and extra_model_paths.yaml, read as ComfyUI 0.3.64 reads them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SUFFIXES = frozenset({".ckpt", ".pt", ".pt2", ".bin", ".pth", ".safetensors", ".pkl", ".sft"})
_GGUF = frozenset({".gguf"})
_EVERY: frozenset[str] = frozenset()

# The folders of each kind below `models`, first the one that wins where two hold the same name.
_FOLDERS: Mapping[str, tuple[str, ...]] = {
    **{"checkpoints": (), "loras": (), "vae": (), "clip_vision": (), "style_models": (), "embeddings": ()},
    "text_encoders": ("text_encoders", "clip"),
    "diffusion_models": ("unet", "diffusion_models"),
    **{"vae_approx": (), "gligen": (), "upscale_models": (), "hypernetworks": (), "photomaker": ()},
    "controlnet": ("controlnet", "t2i_adapter"),
    **{"model_patches": (), "audio_encoders": (), "configs": (), "classifiers": (), "diffusers": ()},
}
_SUFFIXES = {"configs": frozenset({".yaml"}), "classifiers": frozenset({""}), "diffusers": frozenset({"folder"})}
_OLD_NAMES = {"unet": "diffusion_models", "clip": "text_encoders"}
# What ComfyUI's own saving nodes write is found again, too.
_OUTPUT = ("checkpoints", "clip", "vae", "diffusion_models", "loras")
# ComfyUI-GGUF looks for its files where the others are.
_GGUF_KINDS = {"unet_gguf": "diffusion_models", "clip_gguf": "text_encoders"}
_MOST_YAML = 1 << 20


class BadTree(Exception):
    """A path that is no models folder and no extra_model_paths.yaml; the message says why."""


@dataclass(frozen=True, slots=True)
class ModelFolders:
    """The model files that a ComfyUI offers in its loaders.

    `folders` are the folders of each kind in the order in which they are searched, `files` the names of each kind as
    the loaders list them, with the file that each opens. `problems` says what could not be read, `outside` are the
    links that lead out of the folders; ComfyUI follows them, and so they are followed here.
    """

    source: str
    folders: Mapping[str, tuple[str, ...]]
    files: Mapping[str, Mapping[str, Path]]
    problems: tuple[str, ...] = ()
    outside: tuple[str, ...] = ()

    def names(self, kind: str) -> tuple[str, ...]:
        """The names that a loader of a kind lists, sorted; `unet` and `clip` are old names of kinds."""
        return tuple(self.files.get(_OLD_NAMES.get(kind, kind), ()))

    def path(self, kind: str, name: str) -> Path | None:
        """The file that a loader of a kind opens for a name; None where there is none."""
        return self.files.get(_OLD_NAMES.get(kind, kind), {}).get(name)

    def models(self) -> tuple[Path, ...]:
        """Every model file once, by kind: what loaders of models list, and not configs or what nodes keep for us."""
        kinds = (files for kind, files in self.files.items() if kind in _FOLDERS or kind in _GGUF_KINDS)
        paths = (path for files in kinds for path in files.values() if path.suffix.lower() in SUFFIXES | _GGUF)
        return tuple(dict.fromkeys(paths))

    def holding(self, name: str) -> tuple[str, ...]:
        """The kinds in which there is a file of this name, whatever folder it is in below them."""
        last = os.path.basename(name.replace("\\", "/"))
        held = ((kind, {os.path.basename(each) for each in files}) for kind, files in self.files.items())
        return tuple(kind for kind, names in held if last in names)


@dataclass(slots=True)
class _Places:
    """The folders found so far, by kind, with the suffixes that count there."""

    folders: dict[str, list[str]] = field(default_factory=dict)
    suffixes: dict[str, frozenset[str]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)

    def add(self, kind: str, folder: str, first: bool = False) -> None:
        kind = _OLD_NAMES.get(kind, kind)
        folders = self.folders.setdefault(kind, [])
        self.suffixes.setdefault(kind, _suffixes(kind))
        if folder in folders and first:
            folders.remove(folder)
        if folder not in folders:
            folders.insert(0 if first else len(folders), folder)


def read_tree(path: str | Path) -> ModelFolders:
    """The model files of a ComfyUI folder, of its `models` folder, or of an extra_model_paths.yaml.

    A ComfyUI folder is read with the extra_model_paths.yaml in it. Raises BadTree.
    """
    source = os.fspath(path)
    places = _Places()
    if os.path.isfile(source):
        _add_yaml(places, source)
    elif os.path.isdir(source):
        _add_folder(places, os.path.realpath(source), source)
    else:
        raise BadTree(f'there is no folder and no file "{source}"')
    for kind, like in _GGUF_KINDS.items():
        if like in places.folders:
            places.folders[kind] = places.folders[like]
            places.suffixes[kind] = _GGUF
    files = _files(places)
    folders = {kind: tuple(found) for kind, found in places.folders.items()}
    return ModelFolders(source, folders, files, tuple(dict.fromkeys(places.problems)), _outside(places))


def model_files(folder: str, problems: list[str]) -> Iterator[str]:
    """The model files in any folder and below it, sorted; what cannot be read is added to the problems."""
    names = (name for name in _walk(folder, problems) if os.path.splitext(name)[1].lower() in SUFFIXES | _GGUF)
    yield from (os.path.join(folder, name) for name in sorted(names))


def _outside(places: _Places) -> tuple[str, ...]:
    """The links below the folders that lead to somewhere else."""
    roots = {os.path.realpath(folder) + os.sep for folders in places.folders.values() for folder in folders}
    away = (link for link in places.links if not os.path.realpath(link).startswith(tuple(roots)))
    return tuple(dict.fromkeys(link for link in away if os.path.exists(link) and not _holds(link, roots)))


def _holds(link: str, roots: set[str]) -> bool:
    return any(root.startswith(os.path.realpath(link) + os.sep) for root in roots)


def _suffixes(kind: str) -> frozenset[str]:
    """The suffixes that ComfyUI lists for a kind; of one that it doesn't know it lists every file."""
    return _SUFFIXES.get(kind, SUFFIXES if kind in _FOLDERS else _EVERY)


def _add_folder(places: _Places, folder: str, shown: str) -> None:
    root = folder if os.path.isdir(os.path.join(folder, "models")) else ""
    models = os.path.join(folder, "models") if root else folder
    below = {name: names or (name,) for name, names in _FOLDERS.items()}
    if not root and not any(os.path.isdir(os.path.join(models, each)) for names in below.values() for each in names):
        raise BadTree(f'"{shown}" has no folder of models in it, such as "checkpoints" or "loras"')
    for kind, names in below.items():
        for each in names:
            places.add(kind, os.path.join(models, each))
    if not root:
        return
    extra = os.path.join(root, "extra_model_paths.yaml")
    if os.path.isfile(extra):
        _add_yaml(places, extra)
    for kind in _OUTPUT:
        places.add(kind, os.path.join(root, "output", kind))


def _add_yaml(places: _Places, file: str) -> None:
    """Adds the folders that an extra_model_paths.yaml names, relative to base_path, and that to the file."""
    beside = os.path.dirname(os.path.abspath(file))
    for title, section in _sections(file).items():
        if section is None:
            continue
        if not isinstance(section, dict):
            raise BadTree(f'"{file}" has no folders in "{title}", where ComfyUI expects them')
        section = dict(section)
        base = section.pop("base_path", None)
        first = bool(section.pop("is_default", False))
        if base is not None and not isinstance(base, str):
            raise BadTree(f'"{file}" has no text as base_path of "{title}"')
        if base is not None:
            base = os.path.join(beside, os.path.expandvars(os.path.expanduser(base)))
            base = base if os.path.isabs(base) else os.path.abspath(base)
        for kind, lines in section.items():
            if not isinstance(lines, str):
                raise BadTree(f'"{file}" has no text as "{kind}" of "{title}": ComfyUI does not start with it')
            for line in filter(None, lines.split("\n")):
                places.add(str(kind), os.path.normpath(os.path.join(base or beside, line)), first)


def _sections(file: str) -> dict[Any, Any]:
    import yaml

    try:
        with open(file, "rb") as stream:
            text = stream.read(_MOST_YAML + 1)
        if len(text) > _MOST_YAML:
            raise BadTree(f'"{file}" is larger than 1 MiB, which no extra_model_paths.yaml is')
        found = yaml.safe_load(text.decode("utf-8"))
    except OSError as problem:
        raise BadTree(f'"{file}" cannot be read: {problem.strerror}') from None
    except (yaml.YAMLError, ValueError, RecursionError):
        raise BadTree(f'"{file}" is no YAML that ComfyUI could read') from None
    if not isinstance(found, dict):
        raise BadTree(f'"{file}" is no extra_model_paths.yaml: that has sections with folders in them')
    return found


def _files(places: _Places) -> dict[str, dict[str, Path]]:
    """The files of each kind; a folder that serves several kinds is walked once."""
    walked: dict[str, list[str]] = {}
    files: dict[str, dict[str, Path]] = {}
    for kind, folders in places.folders.items():
        if kind == "custom_nodes":
            continue
        suffixes = places.suffixes[kind]
        found: dict[str, Path] = {}
        for folder in folders:
            if folder not in walked:
                walked[folder] = list(_walk(folder, places.problems, places.links))
            for name in walked[folder]:
                if not suffixes or os.path.splitext(name)[1].lower() in suffixes:
                    whole = os.path.join(folder, name)
                    # A link that leads nowhere is listed, and passed over where another folder has the name.
                    if name not in found or not found[name].is_file():
                        found[name] = Path(whole)
        files[kind] = dict(sorted(found.items()))
    return files


def _walk(folder: str, problems: list[str], links: list[str] | None = None) -> Iterator[str]:
    """The names of the files below a folder, relative to it, through links too; a link to a folder above ends there."""
    if not os.path.isdir(folder):
        return
    stack: list[tuple[str, str, frozenset[tuple[int, int]]]] = [(folder, "", frozenset())]
    while stack:
        whole, name, above = stack.pop()
        try:
            here = os.stat(whole)
            entries = list(os.scandir(whole))
        except OSError as problem:
            problems.append(f'"{whole}" cannot be read: {problem.strerror}')
            continue
        if (here.st_dev, here.st_ino) in above:
            problems.append(f'"{whole}" is a link to a folder that it is in')
            continue
        above = above | {(here.st_dev, here.st_ino)}
        for entry in entries:
            try:
                is_folder = entry.is_dir()
            except OSError:
                is_folder = False
            below = os.path.join(name, entry.name)
            if entry.is_symlink():
                if links is not None:
                    links.append(entry.path)
                if not is_folder and not os.path.exists(entry.path):
                    problems.append(f'"{entry.path}" is a link to nowhere')
            if is_folder and entry.name != ".git":
                stack.append((entry.path, below, above))
            elif not is_folder:
                yield below

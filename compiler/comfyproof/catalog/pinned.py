"""Pinned catalogs: reading the built-in one and others, and pinning a server's."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .files import FILE_INPUTS
from .nodes import NodeType, RawNodes, UnreadableNode, read_node_type, split_spec
from .widgets import NEWER, Editor, Face, read_face

if TYPE_CHECKING:
    from ..weights.shelf import Shelf

BUILT_IN_NAME = "comfyui-0.3.64"
BUILT_IN = Path(__file__).with_name(f"{BUILT_IN_NAME}.json.gz")
FORMAT = "comfyproof/catalog/1"
MAX_BYTES = 64 * 2**20
# What a person reads in the editor; no rule does, and it is most of an answer's bytes.
_PROSE = ("tooltip", "description")


class CatalogError(ValueError):
    """A file or answer that is no catalog; the message says why."""


@dataclass(frozen=True)
class Catalog:
    """The node types of one server.

    `unlisted` says why it lists nobody's files, and is empty where it does; `lister` names the folder whose model files
    it lists all the same, and `shelf` holds them. `complete` is false for the built-in catalog alone: a class that is
    missing there may well exist elsewhere. `left_out` names the classes that the server has and describes in a way that
    cannot be read.
    """

    id: str
    sha256: str
    raw: RawNodes = field(repr=False)
    unlisted: str = ""
    lister: str = ""
    shelf: Shelf | None = field(default=None, repr=False, compare=False)
    complete: bool = True
    provenance: Mapping[str, Any] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    _read: dict[str, NodeType] = field(default_factory=dict, repr=False, compare=False)
    _faces: dict[tuple[str, Editor], Face] = field(default_factory=dict, repr=False, compare=False)

    def get(self, name: str) -> NodeType | None:
        """A node class, or None where the catalog has none of that name."""
        known = self._read.get(name)
        if known is None and name in self.raw:
            known = self._read[name] = read_node_type(name, self.raw[name], FILE_INPUTS.get(name, {}))
        return known

    def face(self, name: str, editor: Editor = NEWER) -> Face | None:
        """The sockets and widgets of a node class in the web editor, or None where there is none of that name."""
        key = (name, editor)
        if key not in self._faces and name in self.raw:
            self._faces[key] = read_face(self.raw[name], editor)
        return self._faces.get(key)

    @cached_property
    def given(self) -> frozenset[str]:
        """The types of value that some class gives."""
        return frozenset(str(kind) for node in self.raw.values() for kind in node["output"])

    def names(self) -> list[str]:
        """The node classes, sorted."""
        return sorted(self.raw)


class _Lines(Mapping[str, Mapping[str, Any]]):
    """The classes of a pinned catalog, which has a line for each: a file to lint needs few of them."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = {line[1 : line.index('":')]: line for line in lines}
        self._read: dict[str, Mapping[str, Any]] = {}

    def __getitem__(self, name: str) -> Mapping[str, Any]:
        if name not in self._read:
            self._read[name] = json.loads(self._lines[name].partition(":")[2].rstrip(","))
        return self._read[name]

    def __contains__(self, name: object) -> bool:
        return name in self._lines

    def __iter__(self) -> Iterator[str]:
        return iter(self._lines)

    def __len__(self) -> int:
        return len(self._lines)


@cache
def built_in() -> Catalog:
    """ComfyUI 0.3.64 with UltimateSDUpscale and the GGUF loaders, without any model file."""
    # Neither its hash is worked out nor what cannot be read looked for, which tests have done.
    about, *lines, end = _unpack(BUILT_IN.read_bytes()).decode().rstrip().split("\n")
    data = json.loads(about + end)
    pinned = _read_pinned({**data, "nodes": _Lines(lines)}, BUILT_IN.name, data["sha256"])
    return replace(pinned, complete=False)


def read_catalog(file: str | Path) -> Catalog:
    """A pinned catalog or a raw /object_info answer, gzipped or not. Raises OSError, CatalogError."""
    path = Path(file)
    if not path.is_file():
        raise FileNotFoundError(2, "no such file" if not path.exists() else "not a regular file", str(file))
    with path.open("rb") as stream:
        packed = stream.read(MAX_BYTES + 1)
    return parse_catalog(packed, path.name)


def load_catalog(name_or_file: str | Path) -> Catalog:
    """The built-in catalog by its name, comfyui-0.3.64, or else a file's. Raises OSError, CatalogError."""
    return built_in() if str(name_or_file) == BUILT_IN_NAME else read_catalog(name_or_file)


def parse_catalog(packed: bytes, name: str) -> Catalog:
    """A catalog from a file's bytes. Raises CatalogError."""
    data = _parse_json(_unpack(packed))
    if isinstance(data, dict) and str(data.get("format", "")).startswith("comfyproof/catalog/"):
        pinned = _read_pinned(data, name)
        nodes, unreadable = _readable(pinned.raw)
        return replace(pinned, raw=nodes, left_out=tuple(sorted({*pinned.left_out, *unreadable})))
    return from_object_info(data, name)


def from_object_info(data: Any, id: str) -> Catalog:
    """The catalog of a raw /object_info answer. Raises CatalogError where it describes no class as a server does."""
    readable, left_out = _readable(_by_name(data))
    nodes = _without_prose(readable)
    return Catalog(id, sha256_of(nodes), nodes, provenance={"source": id}, left_out=left_out)


def without_files(catalog: Catalog, why: str) -> Catalog:
    """The catalog with nothing said of which files exist."""
    return replace(catalog, raw=_without_files(catalog.raw), unlisted=why, _read={}, _faces={})


def _read_pinned(data: Mapping[str, Any], name: str, sha256: str = "") -> Catalog:
    """The catalog of pinned data; with the hash of its nodes where that is known."""
    if data["format"] != FORMAT:
        raise CatalogError(f'its format is "{data["format"]}"; this version reads "{FORMAT}"')
    nodes = _by_name(data.get("nodes"))
    provenance, left_out = data.get("provenance") or {}, data.get("left_out") or []
    if not isinstance(provenance, dict) or not isinstance(left_out, list):
        raise CatalogError("it does not say where it comes from")
    found = sha256 or sha256_of(nodes)
    if data.get("sha256") != found:
        raise CatalogError("its nodes do not match its sha256: the file was changed after it was pinned")
    unlisted = "" if data.get("lists_files", True) else "no server or model folder was named to look for it"
    id, names = str(data.get("id", name)), tuple(map(str, left_out))
    return Catalog(id, found, nodes, unlisted, provenance=provenance, left_out=names)


def pin(catalog: Catalog, id: str, provenance: Mapping[str, Any]) -> bytes:
    """The bytes of a pinned catalog under a new id, the same every time for the same node types."""
    nodes = dict(sorted(catalog.raw.items()))
    pinned = {
        "format": FORMAT,
        "id": id,
        "sha256": sha256_of(nodes),
        "lists_files": not catalog.unlisted,
        "provenance": dict(provenance),
        **({"left_out": catalog.left_out} if catalog.left_out else {}),
    }
    # A line for each class: so two catalogs can be compared line by line, and one class be read without the others.
    lines = ",\n".join(f"{_dumped(name)}:{_dumped(node)}" for name, node in nodes.items())
    text = f'{_dumped(pinned)[:-1]},"nodes":{{\n{lines}\n}}}}\n'
    return text.encode("utf-8", "surrogatepass")  # which is how json reads half a character back


def _dumped(data: Any) -> str:
    return json.dumps(data, separators=(",", ":"), ensure_ascii=False)


def pack(pinned: bytes) -> bytes:
    """Gzipped bytes without a time stamp in them."""
    return gzip.compress(pinned, 9, mtime=0)


def sha256_of(nodes: RawNodes) -> str:
    """The hash of the node types, however they were formatted. Raises CatalogError."""
    try:
        text = json.dumps(dict(nodes), sort_keys=True, separators=(",", ":"))
    except RecursionError:
        raise CatalogError("it nests too deeply") from None
    from hashlib import sha256  # here, since the built-in catalog's is known

    return sha256(text.encode()).hexdigest()


def search(catalog: Catalog, words: Iterable[str]) -> list[NodeType]:
    """The node classes in whose name, title, category or types every word occurs."""
    wanted = [word.casefold() for word in words]
    found = []
    for name in catalog.names():
        node = catalog.get(name)
        assert node is not None
        types = [i.type for i in node.inputs.values()] + [o.type for o in node.outputs]
        text = " ".join((name, node.display_name, node.category, *types)).casefold()
        if all(word in text for word in wanted):
            found.append(node)
    return found


def _unpack(packed: bytes) -> bytes:
    if len(packed) > MAX_BYTES:
        raise CatalogError(f"it is larger than {MAX_BYTES >> 20} MiB")
    if not packed.startswith(b"\x1f\x8b"):
        return packed
    import io
    import zlib

    try:
        with gzip.open(io.BytesIO(packed)) as stream:
            data = stream.read(MAX_BYTES + 1)
    except (OSError, EOFError, zlib.error) as problem:
        raise CatalogError(f"it is damaged: {problem}") from None
    return _unpack(data) if len(data) > MAX_BYTES else data


def _parse_json(text: bytes) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as problem:
        raise CatalogError(f"it is not JSON: {problem}") from None


def _by_name(data: Any) -> RawNodes:
    if not isinstance(data, Mapping) or not data:
        raise CatalogError("it is no /object_info answer: that maps node classes to their inputs")
    return data


def _readable(nodes: RawNodes) -> tuple[RawNodes, tuple[str, ...]]:
    """The classes that can be read, and the names of the others. Raises CatalogError where none can."""
    problems: dict[str, str] = {}
    for name, node in nodes.items():
        try:
            read_node_type(name, node, {})
        except UnreadableNode as problem:
            problems[name] = str(problem)
    if len(problems) == len(nodes):
        name, why = next(iter(problems.items()))
        raise CatalogError(f'it is no /object_info answer: no class in it can be read; of "{name}", {why}')
    return {name: node for name, node in nodes.items() if name not in problems}, tuple(sorted(problems))


def _each_input(nodes: RawNodes, change: Callable[[str, str, Any], Any]) -> RawNodes:
    changed = {}
    for name, node in sorted(nodes.items()):
        sections = {
            section: {key: change(name, key, spec) for key, spec in (declared or {}).items()}
            for section, declared in node["input"].items()
        }
        changed[name] = {**node, "input": sections}
    return changed


def _without_prose(nodes: RawNodes) -> RawNodes:
    def change(_name: str, _key: str, spec: Any) -> Any:
        if isinstance(spec, list) and len(spec) > 1 and isinstance(spec[1], dict):
            return [spec[0], {k: v for k, v in spec[1].items() if k not in _PROSE}, *spec[2:]]
        return spec

    kept = {
        name: {k: v for k, v in node.items() if k not in (*_PROSE, "output_tooltips")} for name, node in nodes.items()
    }
    return _each_input(kept, change)


def _without_files(nodes: RawNodes) -> RawNodes:
    def change(name: str, key: str, spec: Any) -> Any:
        kind, config = split_spec(spec)
        if key not in FILE_INPUTS.get(name, {}) or not (isinstance(kind, list) or kind == "COMBO"):
            return spec
        return [[], config] if isinstance(kind, list) else [kind, {**config, "options": []}]

    return _each_input(nodes, change)

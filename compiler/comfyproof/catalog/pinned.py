"""Pinned catalogs: reading the built-in one and others, and pinning a server's."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from .files import FILE_INPUTS
from .nodes import NodeType, RawNodes, read_node_type

BUILT_IN = Path(__file__).with_name("comfyui-0.3.64.json.gz")
FORMAT = "comfyproof/catalog/1"
MAX_BYTES = 64 * 2**20
# What a person reads in the editor; no rule does, and it is most of an answer's bytes.
_PROSE = ("tooltip", "description")


class CatalogError(ValueError):
    """A file or answer that is no catalog; the message says why."""


@dataclass(frozen=True)
class Catalog:
    """The node types of one server.

    `unlisted` says why it lists nobody's model files, and is empty where it does. `complete` is false
    for the built-in catalog alone: a class that is missing there may well exist elsewhere.
    """

    id: str
    sha256: str
    raw: RawNodes = field(repr=False)
    unlisted: str = ""
    complete: bool = True
    provenance: Mapping[str, Any] = field(default_factory=dict)
    _read: dict[str, NodeType] = field(default_factory=dict, repr=False, compare=False)

    def get(self, name: str) -> NodeType | None:
        """A node class, or None where the catalog has none of that name."""
        if name not in self._read and name in self.raw:
            self._read[name] = read_node_type(name, self.raw[name], FILE_INPUTS.get(name, {}))
        return self._read.get(name)

    def names(self) -> list[str]:
        """The node classes, sorted."""
        return sorted(self.raw)


@cache
def built_in() -> Catalog:
    """ComfyUI 0.3.64 with UltimateSDUpscale and the GGUF loaders, without any model file."""
    return replace(read_catalog(BUILT_IN), complete=False)


def read_catalog(file: str | Path) -> Catalog:
    """A pinned catalog or a raw /object_info answer, gzipped or not. Raises OSError, CatalogError."""
    path = Path(file)
    if not path.is_file():
        raise FileNotFoundError(2, "no such file" if not path.exists() else "not a regular file", str(file))
    with path.open("rb") as stream:
        packed = stream.read(MAX_BYTES + 1)
    return parse_catalog(packed, path.name)


def parse_catalog(packed: bytes, name: str) -> Catalog:
    """A catalog from a file's bytes. Raises CatalogError."""
    data = _parse_json(_unpack(packed))
    if isinstance(data, dict) and str(data.get("format", "")).startswith("comfyproof/catalog/"):
        return _read_pinned(data, name)
    return from_object_info(data, name)


def from_object_info(data: Any, id: str) -> Catalog:
    """The catalog of a raw /object_info answer. Raises CatalogError."""
    nodes = _without_prose(_well_formed(data))
    return Catalog(id, sha256_of(nodes), nodes, provenance={"source": id})


def without_files(catalog: Catalog, why: str) -> Catalog:
    """The catalog with nothing said of which files exist."""
    return Catalog(catalog.id, catalog.sha256, _without_files(catalog.raw), why, catalog.complete, catalog.provenance)


def _read_pinned(data: Mapping[str, Any], name: str) -> Catalog:
    if data["format"] != FORMAT:
        raise CatalogError(f'its format is "{data["format"]}"; this version reads "{FORMAT}"')
    nodes = _well_formed(data.get("nodes"))
    provenance = data.get("provenance") or {}
    found = sha256_of(nodes)
    if data.get("sha256") != found:
        raise CatalogError("its nodes do not match its sha256: the file was changed after it was pinned")
    unlisted = "" if data.get("lists_files", True) else "no server or model folder was named to look for it"
    return Catalog(str(data.get("id", name)), found, nodes, unlisted, provenance=provenance)


def pin(data: Any, id: str, provenance: Mapping[str, Any], *, keep_files: bool = True) -> bytes:
    """The bytes of a pinned catalog, the same every time for the same answer. Raises CatalogError."""
    nodes = _without_prose(_well_formed(data))
    if not keep_files:
        nodes = _without_files(nodes)
    pinned = {
        "format": FORMAT,
        "id": id,
        "sha256": sha256_of(nodes),
        "lists_files": keep_files,
        "provenance": dict(provenance),
        "nodes": nodes,
    }
    return (json.dumps(pinned, indent=None, separators=(",", ":"), ensure_ascii=False) + "\n").encode()


def pack(pinned: bytes) -> bytes:
    """Gzipped bytes without a time stamp in them."""
    return gzip.compress(pinned, 9, mtime=0)


def sha256_of(nodes: RawNodes) -> str:
    """The hash of the node types, however they were formatted."""
    return hashlib.sha256(json.dumps(nodes, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


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


def _well_formed(data: Any) -> RawNodes:
    """The node types of an answer from outside, or the reason why it is none."""
    if not isinstance(data, dict) or not data:
        raise CatalogError("it is no /object_info answer: that maps node classes to their inputs")
    for name, node in data.items():
        sections = node.get("input") if isinstance(node, dict) else None
        if not isinstance(sections, dict) or not isinstance(node.get("output"), list):
            raise CatalogError(f'it is no /object_info answer: "{name}" has no inputs and outputs')
        for section in sections.values():
            if section is not None and not isinstance(section, dict):
                raise CatalogError(f'it is no /object_info answer: the inputs of "{name}" have no names')
    return data


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
        if key not in FILE_INPUTS.get(name, {}):
            return spec
        if isinstance(spec[0], list):
            return [[], *spec[1:]]
        return [spec[0], {**spec[1], "options": []}, *spec[2:]]

    return _each_input(nodes, change)

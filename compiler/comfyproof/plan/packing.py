"""Packing: what a model takes on the card, module by module, from the header of its file and a dtype."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import prod

from ..weights import Header
from ..weights.header import BITS

_BYTES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "F8_E4M3": 1, "F8_E5M2": 1, "F8_E8M0": 1}
_TABLES = ("shared", "embed_tokens", "token_embedding", "position_embedding", "relative_attention_bias")


@dataclass(frozen=True, slots=True, order=True)
class Module:
    """A module that is moved as a whole; `merged` are the bytes of its matrix, which a LoRA changes, and `streams`
    whether it can stay in RAM and be copied over at every pass."""

    size: int
    name: str
    streams: bool = True
    merged: int = 0


@dataclass(frozen=True)
class Packing:
    """A model's modules, largest first, and what it has beside them (buffers, loose parameters), in bytes."""

    modules: tuple[Module, ...]
    rest: int = 0

    @cached_property
    def size(self) -> int:
        """All of it, in bytes."""
        return self.rest + sum(module.size for module in self.modules)


@dataclass(frozen=True, slots=True)
class Storage:
    """How the tensors of a model are kept: `dtype` of all, `matrices` where linear layers have another one with
    `scales` bytes of scales each."""

    dtype: str
    matrices: str = ""
    scales: int = 0


def packing_of(parts: Sequence[tuple[str, Header, Storage]], rest: int = 0) -> Packing:
    """The packing of a model that is made of files: (prefix of its names, header, storage) each."""
    return _packed(tuple(parts), rest)


@lru_cache(maxsize=64)  # a spec is planned in each of its forms, with the same models
def _packed(parts: tuple[tuple[str, Header, Storage], ...], rest: int) -> Packing:
    modules: list[Module] = []
    for prefix, header, storage in parts:
        found, loose = _modules(prefix, header, storage)
        modules += found
        rest += loose
    return Packing(tuple(sorted(modules, reverse=True)), rest)


@lru_cache(maxsize=64)
def _modules(prefix: str, header: Header, storage: Storage) -> tuple[list[Module], int]:
    groups: dict[str, dict[str, tuple[str, tuple[int, ...]]]] = {}
    loose = 0
    for name, (dtype, shape) in header.tensors.items():
        if name == "scaled_fp8" or name in header.shared:
            continue
        module, _, parameter = name.rpartition(".")
        if parameter in ("scale_weight", "scale_input"):
            continue
        groups.setdefault(module, {})[parameter] = (dtype, shape)
    parents = _parents(groups)
    largest = _largest(header) if header.format == "gguf" else ""
    modules = []
    for module, tensors in groups.items():
        made = _module(prefix + module, tensors, header, storage, module == largest)
        if module in parents:
            loose += made.size
        else:
            modules.append(made)
    return modules, loose


def _parents(groups: dict[str, dict[str, tuple[str, tuple[int, ...]]]]) -> set[str]:
    """The modules that have others inside: ComfyUI never moves their own parameters alone."""
    found = {""}
    for module in groups:
        above = module.rpartition(".")[0]
        while above and above not in found:
            found.add(above)
            above = above.rpartition(".")[0]
    return found


def _module(
    name: str, tensors: dict[str, tuple[str, tuple[int, ...]]], header: Header, storage: Storage, largest: bool
) -> Module:
    matrix = tensors.get("weight")
    linear = matrix is not None and len(matrix[1]) == 2 and name.rpartition(".")[2] not in _TABLES
    if header.format == "gguf":
        return _quantised(name, tensors, storage, linear, largest)
    dtype = storage.matrices if linear and storage.matrices else storage.dtype
    if name.endswith("patch_embedding") and matrix is not None and len(matrix[1]) == 5:
        dtype = "F32"  # Wan builds this one in fp32 always
    size = sum(prod(shape) * _BYTES[dtype] for _, shape in tensors.values())
    merged = prod(matrix[1]) * _BYTES[dtype] if linear and matrix else 0
    return Module(size + (storage.scales if linear else 0), name, _streams(tensors), merged)


def _quantised(
    name: str, tensors: dict[str, tuple[str, tuple[int, ...]]], storage: Storage, linear: bool, largest: bool
) -> Module:
    size = 0
    for dtype, shape in tensors.values():
        bits = BITS.get(dtype, 32) if linear or dtype not in _BYTES else 8 * _BYTES[storage.dtype]
        size += int(prod(shape) * bits) // 8
    if largest and "weight" in tensors:
        size += prod(tensors["weight"][1]) * 2  # room for one dequantised copy
    return Module(size, name, _streams(tensors))


def _largest(header: Header) -> str:
    best, found = 0.0, ""
    for name, (dtype, shape) in header.tensors.items():
        stored = prod(shape) * BITS.get(dtype, 32)
        if dtype not in ("F32", "F16") and stored > best:
            best, found = stored, name
    return found.rpartition(".")[0]


def _streams(tensors: dict[str, tuple[str, tuple[int, ...]]]) -> bool:
    """Whether a module is built from ComfyUI's own layers: norms by root mean square often are not."""
    if "bias" in tensors:
        return True
    return "weight" in tensors and len(tensors["weight"][1]) > 1


@lru_cache(maxsize=8)
def size_of(dtype: str) -> int:
    """The bytes of an element."""
    return _BYTES[dtype]

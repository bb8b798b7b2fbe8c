"""Header: what a model file says of its tensors, without the tensors."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import prod
from typing import Any

Tensor = tuple[str, tuple[int, ...]]
_NUMBER = re.compile(r"(?<![^.])[0-9]{1,6}(?=\.)")

# Bits an element takes, by the names that safetensors, PyTorch pickles and GGUF use. Blocks of GGUF have their
# scales in them, so that bits are not whole numbers.
BITS: Mapping[str, float] = {
    **{"F64": 64, "I64": 64, "U64": 64, "C64": 64, "F32": 32, "I32": 32, "U32": 32, "C128": 128},
    **{"F16": 16, "BF16": 16, "I16": 16, "U16": 16, "I8": 8, "U8": 8, "BOOL": 8},
    **{"F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8},
    **{"F4": 4, "F4_E2M1": 4, "F6_E2M3": 6, "F6_E3M2": 6},
    **{"Q4_0": 4.5, "Q4_1": 5, "Q5_0": 5.5, "Q5_1": 6, "Q8_0": 8.5, "Q8_1": 10, "Q2_K": 2.625, "Q3_K": 3.4375},
    **{"Q4_K": 4.5, "Q5_K": 5.5, "Q6_K": 6.5625, "Q8_K": 9.125, "IQ2_XXS": 2.0625, "IQ2_XS": 2.3125},
    **{"IQ3_XXS": 3.0625, "IQ1_S": 1.5625, "IQ4_NL": 4.5, "IQ3_S": 3.4375, "IQ2_S": 2.5625, "IQ4_XS": 4.25},
    **{"IQ1_M": 1.75, "TQ1_0": 1.6875, "TQ2_0": 2.0625, "MXFP4": 4.25, "NVFP4": 4.5, "Q1_0": 1.125},
}
GGUF_BLOCKS = frozenset(name for name in BITS if name.startswith(("Q", "IQ", "TQ", "MXFP", "NVFP")))


@dataclass(frozen=True, eq=False)
class Header:
    """The tensors of a model file by name, in the file's order, as (dtype, shape) with PyTorch's order of dimensions.

    `format` is "safetensors", "gguf" or "pth" (a pickle). Dtypes are named as safetensors and GGUF name them: "F16",
    "BF16", "F8_E4M3", "Q4_K". `values` has the numbers of the few small tensors that ComfyUI looks into; `shared` the
    tensors that are another tensor's bytes, with that tensor's name; `calls` the names that a pickle uses and PyTorch
    refuses to look up; `wrap` the key under which a pickle keeps its tensors; `size` the bytes of the file, 0 where
    there is no file; `structure` is equal where names, dtypes and shapes are, b"" where that isn't known.
    """

    format: str
    tensors: Mapping[str, Tensor]
    metadata: Mapping[str, Any] = field(default_factory=dict)
    values: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    shared: Mapping[str, str] = field(default_factory=dict)
    calls: tuple[str, ...] = ()
    wrap: str = ""
    size: int = 0
    structure: bytes = b""

    def __post_init__(self) -> None:
        for _, shape in self.tensors.values():
            if type(shape) is not tuple:  # JSON has lists
                plain = {name: (str(dtype), tuple(shape)) for name, (dtype, shape) in self.tensors.items()}
                object.__setattr__(self, "tensors", plain)
                break

    def __contains__(self, name: str) -> bool:
        return name in self.tensors

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape of a tensor; () where there is none of that name."""
        found = self.tensors.get(name)
        return found[1] if found else ()

    def dim(self, name: str, axis: int) -> int:
        """The size of a tensor along an axis; 0 where there is no such tensor or axis."""
        shape = self.shape(name)
        return shape[axis] if -len(shape) <= axis < len(shape) else 0

    def under(self, prefix: str) -> Header:
        """The tensors whose names start with a prefix, without it."""
        if not prefix:
            return self
        cut = len(prefix)
        return Header(
            self.format,
            {name[cut:]: tensor for name, tensor in self.tensors.items() if name.startswith(prefix)},
            self.metadata,
            {name[cut:]: value for name, value in self.values.items() if name.startswith(prefix)},
            size=self.size,
        )

    def has_under(self, prefix: str) -> bool:
        """Whether there is a tensor whose name starts with a prefix."""
        return any(name.startswith(prefix) for name in self.tensors)

    def count(self, stem: str) -> int:
        """How many of stem0, stem1, stem2 ... are there without a gap, each followed by a dot."""
        found = self._numbered.get(stem, set())
        number = 0
        while number in found:
            number += 1
        return number

    @cached_property
    def _numbered(self) -> Mapping[str, set[int]]:
        """The numbers that follow each stem: "blocks." -> {0, 1, 2}."""
        found: dict[str, set[int]] = {}
        for module in {name.rpartition(".")[0]: None for name in self.tensors}:
            for number in _NUMBER.finditer(f"{module}."):
                found.setdefault(module[: number.start()], set()).add(int(number[0]))
        return found

    @cached_property
    def numbers(self) -> Mapping[str, int]:
        """The elements of the file by dtype."""
        counts: dict[str, int] = {}
        for name, (dtype, shape) in self.tensors.items():
            if name not in self.shared:
                counts[dtype] = counts.get(dtype, 0) + prod(shape)
        return counts

    @property
    def dtype(self) -> str:
        """The dtype that most elements have; "" where there are none."""
        return max(self.numbers, key=lambda dtype: self.numbers[dtype], default="")

    @property
    def parameters(self) -> int:
        """How many elements there are, those that tensors share once."""
        return sum(self.numbers.values())

    @property
    def stored(self) -> int:
        """The bytes of the tensors, those that they share once."""
        return sum(int(count * BITS.get(dtype, 32)) // 8 for dtype, count in self.numbers.items())


class BadHeader(Exception):
    """A file that is no model file, or not a whole one: `problem` is a short name for machines.

    `header` is what it still says of itself where it is only cut short.
    """

    def __init__(self, problem: str, message: str, header: Header | None = None) -> None:
        super().__init__(message)
        self.problem = problem
        self.header = header

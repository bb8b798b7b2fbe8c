"""What PyTorch says of values whose sizes do not fit each other."""

from __future__ import annotations

from collections.abc import Sequence


def clash(first: object, second: object, dimension: int) -> RuntimeError:
    """Two that cannot be reckoned with, as their sizes differ there."""
    size = f"The size of tensor a ({first}) must match the size of tensor b ({second})"
    return RuntimeError(f"{size} at non-singleton dimension {dimension}")


def odd_one(dimension: int, first: object, second: object, number: int = 1) -> RuntimeError:
    """Values that cannot be put together along a dimension, as one of them has another size elsewhere."""
    return RuntimeError(
        f"Sizes of tensors must match except in dimension {dimension}. Expected size {first} but got size {second} "
        f"for tensor number {number} in the list."
    )


def check_alike(first: Sequence[int], second: Sequence[int]) -> None:
    """Raises RuntimeError for shapes of which neither is repeated to fit the other: the last that differs is named."""
    for dimension in reversed(range(len(first))):
        sizes = first[dimension], second[dimension]
        if sizes[0] != sizes[1] and 1 not in sizes:
            raise clash(*sizes, dimension)

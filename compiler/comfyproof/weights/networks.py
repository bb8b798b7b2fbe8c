"""networks: the tensors of well-known networks, and what a file leaves missing when it is loaded into one."""

from __future__ import annotations

import gzip
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

Shape = tuple[int, ...]

# A repeat in the data is [stem, first, count, body]; everything else is [name, shape].
_TENSOR = 2


@lru_cache(maxsize=1)
def _table() -> Mapping[str, Any]:
    packed = (files(__package__) / "networks.json.gz").read_bytes()
    table: dict[str, Any] = json.loads(gzip.decompress(packed))
    return table


def _unfold(entries: list[Any], prefix: str) -> Iterator[tuple[str, Shape]]:
    for entry in entries:
        if len(entry) == _TENSOR:
            yield prefix + entry[0], tuple(entry[1])
        else:
            stem, first, count, body = entry
            for number in range(first, first + count):
                yield from _unfold(body, f"{prefix}{stem}{number}.")


def names() -> Collection[str]:
    """The networks that are known: bases of LoRAs as they are, "te." before text encoders, "vae." before VAEs."""
    return _table().keys()


@lru_cache(maxsize=64)
def network(name: str) -> Mapping[str, Shape]:
    """The tensors of a network by name, in the network's order.

    A VAE's sizes that follow the latent's channels z are -1 for z, -2 for 2z, -3 and -6 for the inner width and its
    double. Raises KeyError for a name that isn't known.
    """
    return dict(_unfold(_table()[name], ""))


@dataclass(frozen=True, slots=True)
class Filled:
    """A file loaded into a network: tensors of the network not in the file, and the other way round.

    `mismatch` is the first tensor of another shape than the network's, "" where all fit: ComfyUI raises then.
    """

    missing: int
    unexpected: int
    mismatch: str = ""


def fill(target: Mapping[str, Shape], given: Mapping[str, Shape]) -> Filled:
    """What is missing, left over and of another shape when `given` is loaded into `target`."""
    missing, counters, mismatch = 0, 0, ""
    for name, shape in target.items():
        found = given.get(name)
        if found is None and name.endswith(".num_batches_tracked"):
            counters += 1  # PyTorch sets these itself
        elif found is None:
            missing += 1
        elif found != shape and not mismatch and not (shape == () and len(found) == 1 and found[0]):
            mismatch = name
    return Filled(missing, len(given) - (len(target) - missing - counters), mismatch)

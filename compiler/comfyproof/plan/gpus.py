"""GPUs: what consumer and data-centre cards of NVIDIA have, as their maker states it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..diagnostics import did_you_mean
from .machine import GIB, Machine


@dataclass(frozen=True, slots=True)
class Gpu:
    """A card: GiB of memory, compute capability, dense TFLOPS in 16 bits and in fp8 (0 for none), GB/s of its memory
    and of the bus to it."""

    name: str
    vram: float
    capability: tuple[int, int]
    half: float
    fp8: float
    memory: float
    bus: float = 10.0


# Dense, with fp32 accumulation, which halves a GeForce's tensor cores.
_CARDS = """
gtx-1080-ti 11 6.1 11.3 0 484
rtx-2060 6 7.5 26 0 336
rtx-2070 8 7.5 30 0 448
rtx-2080 8 7.5 40 0 448
rtx-2080-ti 11 7.5 54 0 616
rtx-3050 8 8.6 18 0 224
rtx-3060 12 8.6 25.6 0 360
rtx-3060-ti 8 8.6 32 0 448
rtx-3070 8 8.6 41 0 448
rtx-3070-ti 8 8.6 43 0 608
rtx-3080 10 8.6 59.5 0 760
rtx-3080-12gb 12 8.6 61 0 912
rtx-3080-ti 12 8.6 68 0 912
rtx-3090 24 8.6 71.2 0 936
rtx-3090-ti 24 8.6 80 0 1008
rtx-4060 8 8.9 30 60 272
rtx-4060-ti 8 8.9 44.1 88 288
rtx-4060-ti-16gb 16 8.9 44.1 88 288
rtx-4070 12 8.9 58.3 117 504
rtx-4070-super 12 8.9 71 142 504
rtx-4070-ti 12 8.9 80 160 504
rtx-4070-ti-super 16 8.9 88 176 672
rtx-4080 16 8.9 97.5 195 717
rtx-4080-super 16 8.9 104 209 736
rtx-4090 24 8.9 165.2 330 1008
rtx-5060 8 12.0 38 77 448
rtx-5060-ti 8 12.0 47 95 448
rtx-5060-ti-16gb 16 12.0 47 95 448
rtx-5070 12 12.0 61.7 123 672
rtx-5070-ti 16 12.0 87.9 176 896
rtx-5080 16 12.0 112.6 225 960
rtx-5090 32 12.0 209.5 419 1792
rtx-a4000 16 8.6 76.7 0 448
rtx-a5000 24 8.6 111 0 768
rtx-a6000 48 8.6 155 0 768
rtx-4000-ada 20 8.9 96 192 360
rtx-6000-ada 48 8.9 364 728 960
rtx-pro-6000 96 12.0 503 1007 1792
t4 16 7.5 65 0 320
v100 32 7.0 125 0 900
v100-16gb 16 7.0 125 0 900
a10 24 8.6 125 0 600
a10g 24 8.6 70 0 600
a40 48 8.6 150 0 696
a100 80 8.0 312 0 2039
a100-40gb 40 8.0 312 0 1555
l4 24 8.9 121 242 300
l40 48 8.9 181 362 864
l40s 48 8.9 362 733 864
h100 80 9.0 989 1979 3350
h200 141 9.0 989 1979 4800
b200 180 10.0 2250 4500 8000
"""


def _read() -> dict[str, Gpu]:
    found = {}
    for line in _CARDS.split("\n"):
        if line:
            name, vram, capability, half, fp8, memory = line.split()
            major, minor = capability.split(".")
            found[name] = Gpu(name, float(vram), (int(major), int(minor)), float(half), float(fp8), float(memory))
    return found


GPUS: Mapping[str, Gpu] = _read()


def gpu_named(name: str) -> Gpu:
    """A card by its name, spelled freely: "RTX 3090", "rtx-3090", "NVIDIA GeForce RTX 3090".

    Raises ValueError, with the nearest name, where there is none.
    """
    words = name.casefold().replace("_", "-").replace(" ", "-")
    for drop in ("nvidia-", "geforce-", "tesla-", "quadro-", "-pcie", "-sxm"):
        words = words.replace(drop, "")
    words = words if words in GPUS or f"rtx-{words}" not in GPUS else f"rtx-{words}"
    if words in GPUS:
        return GPUS[words]
    near = did_you_mean(words, GPUS)
    raise ValueError(f'no card "{name}" is known' + (f"; {near}" if near else ""))


def machine_with(gpu: Gpu, ram: int = 32 * GIB, **rest: object) -> Machine:
    """A machine with this card."""
    return Machine(int(gpu.vram * GIB), ram, capability=gpu.capability, name=gpu.name, **rest)  # type: ignore[arg-type]

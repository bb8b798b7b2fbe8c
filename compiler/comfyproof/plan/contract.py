"""The contract: is a plan within what its target allows? What breaks it is a finding at the target."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Protocol

from ..diagnostics import Diagnostic, NotExamined, Place, Rule, Severity
from .gpus import gpu_named, machine_with
from .machine import GIB, MIB, Machine
from .predict import Plan, Stage

WILL_NOT_FIT = Rule(
    "CP701",
    "will-not-fit",
    Severity.ERROR,
    """A stage needs more of the card than the target has, weights in RAM and tiles counted in: the run ends there.

    Said only where the model files are at hand, and what the stage takes was traced; else CP707 says it.

    Source: ComfyUI 0.3.64's own loading policy, replayed on the sizes of the models; docs/memory.md.""",
)
LITTLE_ROOM = Rule(
    "CP702",
    "fits-with-weights-in-ram",
    Severity.WARNING,
    """The target's card does not hold a stage's model whole: what is left in RAM is copied over at every step.

    It works, and costs time. Only what is more than a tenth of the model is told, and nothing where the target has a
    time that is kept.

    Source: ComfyUI 0.3.64's own loading policy, replayed on the sizes of the models; docs/memory.md.""",
)
WILL_PAGE = Rule(
    "CP703",
    "will-page-on-windows",
    Severity.WARNING,
    """A stage needs more of the card than it has. Linux stops there; the driver on Windows moves the card's memory to
    RAM and back, a hundred times slower.

    Source: NVIDIA's driver for Windows; a report of 322 seconds a step in place of 1.6 on a full RTX 3090.""",
)
RAM_SHORT = Rule(
    "CP704",
    "ram-short",
    Severity.WARNING,
    """The models and pictures that ComfyUI keeps in RAM are more than the target has, and the machine will swap.

    Source: ComfyUI 0.3.64, which keeps models that are not on the card in RAM; docs/memory.md.""",
)
TOO_SLOW = Rule(
    "CP705",
    "too-slow",
    Severity.WARNING,
    """A run is expected to take longer than the target allows.

    Source: the operations that each pass needs, and the card's maker's figures; docs/memory.md says how far off such a
    time may be.""",
)
ODD_TARGET = Rule(
    "CP706",
    "odd-target",
    Severity.ERROR,
    """Something in `target` is not understood: a card that is not known, a size or a time that is none.

    Cards are written as in rtx-3090, memory as in 24 GiB, times as in 5 min.

    Source: docs/language.md.""",
)
MAY_NOT_FIT = Rule(
    "CP707",
    "may-not-fit",
    Severity.WARNING,
    """A stage is expected to need more of the card than the target has, and something in that is a guess: a model file
    that is told by its name alone, or a stage of a kind that was never traced.

    With the files at hand (`--models`) it is told for sure.

    Source: ComfyUI 0.3.64's own loading policy, replayed on the sizes of the models; docs/memory.md.""",
)
RULES = (WILL_NOT_FIT, LITTLE_ROOM, WILL_PAGE, RAM_SHORT, TOO_SLOW, ODD_TARGET, MAY_NOT_FIT)

_UNITS = {"": GIB, "g": GIB, "gb": 10**9, "gib": GIB, "m": MIB, "mb": 10**6, "mib": MIB}
_SECONDS = {"s": 1, "sec": 1, "second": 1, "m": 60, "min": 60, "minute": 60, "h": 3600, "hour": 3600}
_AMOUNT = re.compile(r"\s*(\d{1,9}(?:\.\d{1,9})?)\s*([a-z]*)\s*", re.IGNORECASE)
_PART = 0.1  # of a model in RAM, from which on it is worth a word
_CAPABILITY = (8, 6)


class Wanted(Protocol):
    """What a target says, as text; None for nothing."""

    @property
    def gpu(self) -> str | None:
        """A card."""

    @property
    def vram(self) -> str | None:
        """The card's memory."""

    @property
    def ram(self) -> str | None:
        """The machine's memory."""

    @property
    def time(self) -> str | None:
        """How long a run may take."""


@dataclass(frozen=True, slots=True)
class Contract:
    """A machine, and how many seconds a run may take on it; None for any number."""

    machine: Machine
    seconds: float | None = None


class NoContract(ValueError):
    """A target that makes no sense: which `field` of it, and the message says why."""

    def __init__(self, field: str, message: str, help: str = "") -> None:
        super().__init__(message)
        self.field = field
        self.help = help


def read_contract(target: Wanted) -> Contract | None:
    """What a target demands; None where it names no card and no memory. Raises NoContract."""
    seconds = None if target.time is None else parse_seconds(target.time)
    ram = 32 * GIB if target.ram is None else parse_bytes("ram", target.ram)
    vram = None if target.vram is None else parse_bytes("vram", target.vram)
    if target.gpu is not None:
        try:
            machine = machine_with(gpu_named(target.gpu), ram)
        except ValueError as problem:
            message, _, near = str(problem).partition("; ")
            raise NoContract("gpu", message, near or 'name one such as "rtx-3090", or give "vram"') from None
        return Contract(machine if vram is None else replace(machine, vram=vram), seconds)
    if vram is None:
        return None
    return Contract(Machine(vram, ram, capability=_CAPABILITY), seconds)


def parse_bytes(field: str, text: str) -> int:
    """An amount of memory such as "24 GiB". Raises NoContract."""
    found = _AMOUNT.fullmatch(text)
    unit = _UNITS.get(found[2].casefold()) if found else None
    if found is None or unit is None or not 0 < float(found[1]) * unit < 2**60:
        raise NoContract(field, f'"{text}" is no amount of memory', 'write it as in "24 GiB"')
    return int(float(found[1]) * unit)


def parse_seconds(text: str) -> float:
    """A time such as "5 min", in seconds. Raises NoContract."""
    found = _AMOUNT.fullmatch(text)
    unit = _SECONDS.get(found[2].casefold()) or _SECONDS.get(found[2].casefold().rstrip("s")) if found else None
    if found is None or unit is None or float(found[1]) <= 0:
        raise NoContract("time", f'"{text}" is no time', 'write it as in "5 min"')
    return float(found[1]) * unit


def judged(plan: Plan, contract: Contract, at: Callable[[str], Place | None]) -> list[Diagnostic]:
    """What in a plan breaks a contract; `at` gives the place of a field of the target.

    Where nothing is known of a model file, its stages are not in the plan, and neither is what they break.
    """
    return list(_judged(plan, contract, at))


def unknown(plan: Plan, contract: Contract) -> list[NotExamined]:
    """Why a contract could not be held against all of a plan."""
    files = [
        NotExamined(f'target for "{file}"', "nothing is known of its size", kind="target") for file in plan.unknown
    ]
    if not plan.stages and not files:
        return [NotExamined("target", "no stage runs a model", kind="target")]
    if contract.seconds is not None and plan.seconds is None and not files:
        files.append(NotExamined("the time of the target", 'how long a run takes depends on the "gpu"', kind="target"))
    return files


def _judged(plan: Plan, contract: Contract, at: Callable[[str], Place | None]) -> Iterator[Diagnostic]:
    card = _card(contract.machine)
    memory = at("vram") or at("gpu")
    stops = next((stage for stage in plan.stages if stage.stops), None)
    in_time = contract.seconds is not None and plan.seconds is not None and plan.seconds <= contract.seconds
    if stops is not None:
        rule = WILL_PAGE if plan.pages else WILL_NOT_FIT if _is_sure(plan, stops) else MAY_NOT_FIT
        message = f'"{stops.name}" needs {gib(stops.peak)} GiB ({stops.kind}), and {card} has {gib(plan.machine.vram)}'
        yield rule.at(memory, message, "comfyproof plan --fit says what would make it fit")
    elif not in_time and (short := _most_in_ram(plan)) is not None:
        message = f'{card} leaves {gib(short.offloaded)} GiB of the model of "{short.name}" in RAM'
        yield LITTLE_ROOM.at(memory, message, f"{gib(short.whole)} GiB would hold it whole; see comfyproof plan --fit")
    if plan.ram > contract.machine.ram:
        message = (
            f"models and pictures take about {gib(plan.ram)} GiB of RAM, and there are {gib(contract.machine.ram)}"
        )
        yield RAM_SHORT.at(at("ram") or memory, message, "take smaller text encoders, or more memory")
    if contract.seconds is not None and plan.seconds is not None and plan.seconds > contract.seconds:
        message = f"a run is expected to take {clock(plan.seconds)}, and may take {clock(contract.seconds)}"
        yield TOO_SLOW.at(at("time"), message, "comfyproof plan shows where the time goes")


def _is_sure(plan: Plan, stops: Stage) -> bool:
    """Whether nothing that was guessed decides that a stage does not fit, nor the band of its peak."""
    known = not plan.guessed and not plan.unknown and stops.traced
    return known and (stops.oom == "weights" or stops.low > plan.machine.vram)


def _most_in_ram(plan: Plan) -> Stage | None:
    """The stage that leaves most of its model in RAM, where that is worth a word."""
    found = max(plan.stages, key=lambda stage: stage.offloaded, default=None)
    if found is None:
        return None
    size = found.offloaded + max(found.resident.values(), default=0)
    return found if found.offloaded > _PART * size else None


def _card(machine: Machine) -> str:
    return f'the card "{machine.name}"' if machine.name else "the card"


def gib(amount: float) -> str:
    """Bytes in GiB, as short as they make sense."""
    found = amount / GIB
    return f"{found:.0f}" if found >= 100 or found == int(found) else f"{found:.1f}"


def clock(seconds: float) -> str:
    """Seconds in the units that people say them in."""
    if seconds < 90:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min" if seconds >= 600 else f"{seconds / 60:.1f} min"
    return f"{seconds / 3600:.1f} h"

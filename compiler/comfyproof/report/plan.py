"""A plan for people, as a table by stage with a bar of the card, and for machines as JSON."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from ..plan.contract import clock, gib
from ..plan.machine import GIB
from ..plan.predict import Plan, Stage
from .text import clean_name

SCHEMA = "comfyproof/plan/1"
_HEADS = ("stage", "what", "on the card, GiB", "peak", "in RAM", "at once", "times", "time")
_RIGHT = (3, 4, 5, 6, 7)
_BAR = 56
_FILLS = "█▓▒"
_LONGEST = 22
_ENDING = re.compile(r"\.(?:safetensors|sft|gguf|ckpt|pth?|bin)\b", re.IGNORECASE)


def plan_lines(plan: Plan, name: str) -> list[str]:
    """The table, the bar of the stage that decides, and what it all comes to; lines without their ends."""
    lines = [f"{clean_name(name)} on {machine_words(plan)}", ""]
    lines += columns([_HEADS, *(_row(stage) for stage in plan.stages)], _RIGHT)
    if (stage := plan.decides) is not None:
        lines += ["", *_bar(plan, stage)]
    return [*lines, "", *_sentences(plan)]


def machine_words(plan: Plan) -> str:
    """The machine of a plan: its card, and its memory."""
    machine = plan.machine
    card = f"{machine.name}, {gib(machine.vram)} GiB" if machine.name else f"a card of {gib(machine.vram)} GiB"
    state = f", --{machine.state}vram" if machine.state not in ("normal", "cpu") else ""
    return f"{card}{state}, {gib(machine.ram)} GiB of RAM{', Windows' if machine.windows else ''}"


def short(file: str) -> str:
    """A model file's name as a table has room for it."""
    name = clean_name(file.replace("\\", "/").rpartition("/")[2])
    stem = _ENDING.sub("", name) or name
    return stem if len(stem) <= _LONGEST else f"{stem[: _LONGEST - 1]}…"


def verdict(plan: Plan) -> str:
    """Whether a plan fits, in a sentence."""
    stops = next((stage for stage in plan.stages if stage.stops), None)
    if stops is not None:
        end = "Windows would page" if plan.pages else "the run ends"
        return (
            f'it does not fit: "{clean_name(stops.name)}" ({stops.kind}) needs {gib(stops.peak)} GiB, and {end} there'
        )
    if not plan.stages:
        return "no stage of it runs a model"
    tiled = "".join(f', and "{clean_name(s.name)}" ({s.kind}) falls back to tiles' for s in plan.stages if s.tiled)
    if plan.offloaded >= GIB / 20:
        return f"it fits with {gib(plan.offloaded)} GiB of weights left in RAM{tiled}"
    return f"it fits{tiled}"


def plan_as_data(plan: Plan, name: str) -> dict[str, Any]:
    """A plan as JSON has it: bytes and seconds; docs/memory.md says what is in it."""
    machine, decides = plan.machine, plan.decides
    return {
        "schema": SCHEMA,
        "name": name,
        "machine": {
            "gpu": machine.name or None,
            "vram": machine.vram,
            "ram": machine.ram,
            "compute_capability": ".".join(map(str, machine.capability)),
            "state": machine.state,
            "windows": machine.windows,
        },
        "fits": plan.fits,
        "complete": plan.complete,
        "verdict": verdict(plan),
        "decides": decides.name if decides else None,
        "whole": plan.whole,
        "least": plan.least,
        "offloaded": plan.offloaded,
        "ram": plan.ram,
        "seconds": plan.seconds,
        "guessed": list(plan.guessed),
        "unknown": list(plan.unknown),
        "stages": [_stage_as_data(stage) for stage in plan.stages],
    }


def _stage_as_data(stage: Stage) -> dict[str, Any]:
    return {
        "stage": stage.name,
        "kind": stage.kind,
        "node": stage.node.id,
        "peak": {"low": stage.low, "likely": stage.peak, "high": stage.high},
        "static": stage.static,
        "resident": dict(stage.resident),
        "offloaded": stage.offloaded,
        "asked": stage.asked,
        "batch": stage.batch,
        "passes": stage.passes,
        "times": stage.times,
        "tiled": stage.tiled,
        "out_of_memory": stage.oom or None,
        "whole": stage.whole,
        "least": stage.least,
        "ram": stage.ram,
        "seconds": stage.seconds,
    }


def _row(stage: Stage) -> tuple[str, ...]:
    held = ", ".join(f"{short(name)} {gib(size)}" for name, size in stage.resident.items() if size >= GIB / 20)
    band = gib(stage.low) if gib(stage.low) == gib(stage.high) else f"{gib(stage.low)}-{gib(stage.high)}"
    what = stage.kind + (" in tiles" if stage.tiled else "") + (", out of memory" if stage.stops else "")
    return (
        clean_name(stage.name),
        what,
        held or "-",
        band,
        gib(stage.offloaded) if stage.offloaded >= GIB / 20 else "-",
        {2: "both", 1: "one"}.get(stage.batch, "-"),
        str(stage.times),
        "?" if stage.seconds is None else clock(stage.seconds),
    )


def columns(rows: Sequence[tuple[str, ...]], right: Sequence[int] = ()) -> Iterator[str]:
    """Rows of cells as aligned lines; the columns of `right` end at the same place, the others begin there."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = (
            cell.rjust(width) if at in right else cell.ljust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        yield "  ".join(cells).rstrip()


def _bar(plan: Plan, stage: Stage) -> Iterator[str]:
    """What fills the card in a stage: a bar with a mark where the card ends, and a legend."""
    parts = [(f"{short(name)} {gib(size)}", size) for name, size in stage.resident.items() if size]
    context = plan.machine.context
    parts = [(f"CUDA {gib(context)}", context), *parts, ("work", max(0, stage.high - stage.static))]
    scale = _BAR / max(plan.machine.vram, sum(size for _, size in parts))
    filled, legend = "", []
    for at, (words, size) in enumerate(parts):
        fill = "░" if words == "work" else _FILLS[at % len(_FILLS)]
        filled += fill * max(1, round(size * scale))
        legend.append(f"{fill} {words}")
    end = round(plan.machine.vram * scale)
    bar = (filled[:end].ljust(end, "·") + "|" + filled[end:]) if end <= _BAR else filled
    yield f"the card in the stage that decides, {clean_name(stage.name)} ({stage.kind}):"
    yield f"  {bar} {gib(plan.machine.vram)} GiB"
    yield f"  {'   '.join(legend)} up to {gib(max(0, stage.high - stage.static))}"


def _sentences(plan: Plan) -> Iterator[str]:
    yield verdict(plan)
    if (stage := plan.decides) is not None:
        name = clean_name(stage.name)
        if stage.offloaded >= GIB / 20:
            peak = f"{gib(stage.low)} to {gib(stage.high)} GiB"
            yield f'"{name}" peaks at {peak} because {gib(stage.offloaded)} GiB of its model are not on the card'
        yield f'{gib(plan.whole)} GiB would hold "{name}" whole, {gib(plan.least)} GiB is the least'
    swaps = ": it will swap" if plan.ram > plan.machine.ram else ""
    yield f"RAM: about {gib(plan.ram)} of {gib(plan.machine.ram)} GiB{swaps}"
    if plan.seconds is not None:
        yield f"time: about {clock(plan.seconds)}, without loading from disk"
    elif plan.stages:
        yield "time: not known without the card's name"
    if plan.guessed:
        yield f"told by their names alone: {', '.join(map(clean_name, plan.guessed))}"
    if plan.unknown:
        yield f"not examined: {', '.join(map(clean_name, plan.unknown))}: nothing is known of these files"

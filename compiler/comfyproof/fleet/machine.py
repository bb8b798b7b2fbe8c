"""The machine that a server says it runs on, as a plan knows machines."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..plan.gpus import gpu_named, machine_with
from ..plan.machine import MIB, Machine, flags

_MOST = 2**60  # bytes; whoever says more is not believed


def machine_of(stats: Mapping[str, Any]) -> Machine | None:
    """The machine of a /system_stats answer; None where it names no card, or no memory of one."""
    system, devices = stats.get("system"), stats.get("devices")
    device = devices[0] if isinstance(devices, list) and devices else None
    if not isinstance(system, Mapping) or not isinstance(device, Mapping) or device.get("type") == "cpu":
        return None
    vram, ram = _bytes(device.get("vram_total")), _bytes(system.get("ram_total"))
    name = str(device.get("name", "")).removeprefix("cuda:0 ").partition(" : ")[0]
    try:
        machine = machine_with(gpu_named(name[:100]))
    except ValueError:  # not in our table: its memory is what counts most
        machine = Machine(vram)
    if not vram and not machine.name:
        return None
    argv = system.get("argv")
    started = [each for each in argv if isinstance(each, str)] if isinstance(argv, list) else []
    found = replace(
        machine, vram=vram or machine.vram, ram=ram or machine.ram, windows=system.get("os") in ("nt", "win32")
    )
    try:
        return replace(found, **flags(shlex.join(started[1:200])))  # type: ignore[arg-type]
    except ValueError:
        return found


def _bytes(said: Any) -> int:
    """An amount of memory in whole MiB, as little of it changes from start to start; 0 where it is none."""
    sensible = isinstance(said, int) and not isinstance(said, bool) and MIB <= said < _MOST
    return said // MIB * MIB if sensible else 0

"""The options for a plan's machine: what its card, its memory and its ComfyUI are."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from .exits import Exit
from .terminal import stop

if TYPE_CHECKING:
    from ..plan.calibration import Calibration
    from ..plan.contract import Contract

F = TypeVar("F", bound=Callable[..., Any])


def budget_options(command: F) -> F:
    """The options --gpu, --vram, --ram, --flags and --windows."""
    for option in (
        click.option("--windows", is_flag=True, help="It runs Windows, which keeps more of the card for itself."),
        click.option("--flags", default="", metavar="WORDS", help='What ComfyUI is started with, such as "--lowvram".'),
        click.option("--ram", metavar="SIZE", help="Its memory, such as 32GiB."),
        click.option("--vram", metavar="SIZE", help="The memory of its card, such as 12GiB."),
        click.option("--gpu", metavar="NAME", help="Its card, such as rtx-3090."),
    ):
        command = option(command)
    return command


@dataclass(frozen=True)
class Wanted:
    """The machine that the options name, as far as they do."""

    gpu: str | None
    vram: str | None
    ram: str | None
    flags: str
    windows: bool
    time: str | None = None


def contract_of(wanted: Wanted, of_spec: Contract | None) -> Contract:
    """The contract that options name, else that of the spec. Raises click.UsageError where neither does."""
    from ..plan.contract import Contract, NoContract, parse_bytes, read_contract
    from ..plan.machine import flags

    try:
        named = read_contract(wanted)
        ram = None if wanted.ram is None else parse_bytes("ram", wanted.ram)
        words: Mapping[str, Any] = flags(wanted.flags)
    except NoContract as problem:
        raise click.UsageError(f"--{problem.field}: {problem}{f'; {problem.help}' if problem.help else ''}") from None
    except ValueError as problem:
        raise click.UsageError(f"--flags: {problem}") from None
    found = named or of_spec
    if found is None:
        raise click.UsageError(
            'name the machine, as in --gpu rtx-3090, --vram 12GiB, --server URL, or a spec\'s "target"'
        )
    machine = replace(found.machine, **words)
    if ram is not None:
        machine = replace(machine, ram=ram)
    if wanted.windows:
        machine = replace(machine, windows=True)
    return Contract(machine, found.seconds if named is None else of_spec.seconds if of_spec else None)


def learned() -> Calibration:
    """What runs have taught of cards on this machine."""
    from ..plan.calibration import Calibration, read_calibration

    file = calibration_file()
    return Calibration() if file is None else read_calibration(file)


def calibration_file() -> Path | None:
    """Where what was learned is kept; None where that is nowhere."""
    from ..caching import cache_folder

    folder = cache_folder()
    return folder / "calibration.json" if folder else None


def of_server(wanted: Wanted, url: str, headers: tuple[str, ...], certificate: str | None) -> Wanted:
    """The machine that a server says it is on, but for what the options say of it."""
    from ..run.problems import ServerProblem
    from ..run.secrets import hidden
    from .server import open_client, read_access

    access = read_access(headers, certificate)
    with open_client(url, access) as client:
        try:
            stats = client.system_stats()
        except ServerProblem as problem:
            stop(Exit.UNREACHABLE, hidden(str(problem), access.secrets()), problem.help)
    return told_by(stats, wanted)


def told_by(stats: Mapping[str, Any], wanted: Wanted) -> Wanted:
    """The machine that /system_stats tells of, but for what the options say of it."""
    from ..plan.contract import NoContract, read_contract

    system = stats.get("system") if isinstance(stats.get("system"), dict) else {}
    devices = stats.get("devices")
    device = devices[0] if isinstance(devices, list) and devices and isinstance(devices[0], dict) else {}
    assert isinstance(system, dict)
    card = str(device.get("name", "")).removeprefix("cuda:0 ").partition(" : ")[0]
    sizes = {"vram": device.get("vram_total"), "ram": system.get("ram_total")}
    told = {
        name: f"{size >> 20} MiB" for name, size in sizes.items() if isinstance(size, int) and 2**20 <= size < 2**60
    }
    argv = system.get("argv")
    found = replace(
        wanted,
        gpu=wanted.gpu or (card if device.get("type") == "cuda" else None),
        vram=wanted.vram or (told.get("vram") if not wanted.gpu else None),
        ram=wanted.ram or told.get("ram"),
        flags=wanted.flags or (shlex.join(map(str, argv[1:])) if isinstance(argv, list) else ""),
        windows=wanted.windows or system.get("os") in ("nt", "win32"),
    )
    try:
        read_contract(found)
    except NoContract as problem:  # a card that is not in our table: its memory is what counts most
        if problem.field == "gpu" and wanted.gpu is None:
            return replace(found, gpu=None)
    return found

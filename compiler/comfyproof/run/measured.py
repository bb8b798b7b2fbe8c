"""What a run took, measured: the seconds of each node, and the machine's memory while they ran."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .events import Cached, Event, NodeDone, NodeRunning, Progress
from .problems import ServerProblem

# A server answers one question at a time, and what it spends on ours it cannot spend on others.
_PAUSE = 1.0
_MAX_SAMPLES = 2000
_KEYS = ("name", "type", "vram_total", "vram_free", "torch_vram_total", "torch_vram_free")


@dataclass(frozen=True, slots=True)
class Sample:
    """What of the memory was in use at a moment, in bytes; `node` is the one that ran. None is what nobody told."""

    seconds: float
    node: str
    vram: int | None
    ram: int | None


@dataclass(slots=True)
class NodeTime:
    """How long a node ran, and its steps, where it told them: `stepping` seconds for the steps after the first."""

    seconds: float = 0.0
    steps: int = 0
    stepping: float = 0.0

    @property
    def seconds_a_step(self) -> float | None:
        """Seconds for a step, without the first one, before which models are loaded."""
        return self.stepping / (self.steps - 1) if self.steps > 1 else None


@dataclass
class Meter:
    """Measures a run by what its server tells; `ask` gives its /system_stats.

    It looks at the memory when something happens, at most once in `pause` seconds: a peak between two looks is not
    seen. A server that once does not answer is not asked again.
    """

    ask: Callable[[], Mapping[str, Any]]
    pause: float = _PAUSE
    before: Mapping[str, Any] = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)
    nodes: dict[str, NodeTime] = field(default_factory=dict)
    cached: list[str] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    _node: str = ""
    _began: float = 0.0
    _stepped: float | None = None
    _done: float = 0.0
    _start: float = 0.0
    _asked: float = 0.0
    _silent: bool = False

    def begin(self, stats: Mapping[str, Any]) -> None:
        """The server is about to get the prompt; `stats` is what it said of itself just before."""
        self.before = stats
        self._start = self._asked = time.monotonic()

    def heard(self, event: Event) -> None:
        """Something happened on the server just now."""
        now = time.monotonic()
        if isinstance(event, Cached):
            self.cached += event.nodes
        elif isinstance(event, NodeRunning):
            self._turn(event.node_id, now)
        elif isinstance(event, NodeDone) and event.node_id == self._node:
            self._turn("", now)
        elif isinstance(event, Progress) and event.node_id == self._node:
            self._step(event.value, now)
        if now - self._asked >= self.pause:
            self._look(now)

    def end(self) -> None:
        """The prompt is over."""
        self._turn("", time.monotonic())
        if not self._silent:
            self.after = self._stats()

    def _turn(self, node: str, now: float) -> None:
        if node == self._node:
            return
        if self._node:
            self.nodes.setdefault(self._node, NodeTime()).seconds += now - self._began
        self._node, self._began, self._stepped, self._done = node, now, None, 0.0

    def _step(self, value: float, now: float) -> None:
        """Counts steps; a node that works tile by tile begins again with every tile."""
        known = self.nodes.setdefault(self._node, NodeTime())
        new = value - self._done if value > self._done else value
        if self._stepped is not None:
            known.stepping += now - self._stepped
        known.steps += int(new)
        self._done, self._stepped = value, now

    def _look(self, now: float) -> None:
        if self._silent or len(self.samples) >= _MAX_SAMPLES:
            return
        vram, ram = used(self._stats())
        # A server without a word of its memory is not asked for it again.
        self._silent = self._silent or (vram is None and ram is None)
        if not self._silent:
            self.samples.append(Sample(round(now - self._start, 2), self._node, vram, ram))
        self._asked = time.monotonic()

    def _stats(self) -> Mapping[str, Any]:
        try:
            return self.ask()
        except ServerProblem:
            self._silent = True
            return {}


def used(stats: Mapping[str, Any]) -> tuple[int | None, int | None]:
    """The bytes in use on the first device and in the machine's memory, as /system_stats tells; None if it doesn't."""
    system, device = _system(stats), _device(stats)
    return _difference(device, "vram_total", "vram_free"), _difference(system, "ram_total", "ram_free")


def measurements(meter: Meter) -> dict[str, Any]:
    """What was measured, for the record of a run: seconds, and bytes."""
    vram = [sample.vram for sample in meter.samples if sample.vram is not None]
    ram = [sample.ram for sample in meter.samples if sample.ram is not None]
    return {
        "nodes": {
            id: {
                "seconds": round(each.seconds, 3),
                **({"steps": each.steps} if each.steps else {}),
                **({"seconds_a_step": round(a_step, 4)} if (a_step := each.seconds_a_step) is not None else {}),
            }
            for id, each in meter.nodes.items()
        },
        "cached": meter.cached,
        "before": _memory(meter.before),
        "after": _memory(meter.after),
        "most_vram": max(vram, default=None),
        "most_ram": max(ram, default=None),
        "samples": [[each.seconds, each.node, each.vram, each.ram] for each in meter.samples],
    }


def _memory(stats: Mapping[str, Any]) -> dict[str, Any]:
    system, device = _system(stats), _device(stats)
    told = {key: _plain(device[key]) for key in _KEYS if key in device}
    return {**told, **{key: _plain(system[key]) for key in ("ram_total", "ram_free") if key in system}}


def _system(stats: Mapping[str, Any]) -> Mapping[str, Any]:
    system = stats.get("system")
    return system if isinstance(system, Mapping) else {}


def _device(stats: Mapping[str, Any]) -> Mapping[str, Any]:
    devices = stats.get("devices")
    first = devices[0] if isinstance(devices, list) and devices else None
    return first if isinstance(first, Mapping) else {}


def _plain(value: Any) -> Any:
    """A number, or a short text: what a server tells may be anything."""
    return value if isinstance(value, int | float) else str(value)[:100]


def _difference(told: Mapping[str, Any], whole: str, free: str) -> int | None:
    total, left = told.get(whole), told.get(free)
    if not isinstance(total, int) or not isinstance(left, int) or not 0 <= left <= total:
        return None
    return total - left

"""The loading policy of ComfyUI 0.3.64, replayed on bytes: who is on the card, who makes room, what stays in RAM.

Later versions load otherwise and get a module of their own, with the same two classes.
"""

from __future__ import annotations

from collections.abc import Sequence

from .machine import MIB, Machine
from .packing import Packing

VERSION = "0.3.64"
_ENDLESS = 1e32
_FLOOR = 128 * MIB


class Model:
    """A model as ComfyUI's patcher sees it. `loaded` is what its books say, `resident` what is really on the card."""

    def __init__(self, name: str, packing: Packing, *, on_cpu: bool = False, stays: bool = False) -> None:
        self.name = name
        self.packing = packing
        self.size = packing.size
        self.on_cpu = on_cpu  # calculated on the CPU
        self.stays = stays  # what is unloaded stays on the card: --highvram
        self.moved = stays  # whether its device is the card
        self.loaded = 0
        self.partial = False
        self.wanted: int = 0  # which patches it should carry, 0 for none
        self.carried: int | None = None  # which it does
        count = len(packing.modules)
        self._on = [stays] * count
        self._patched = [False] * count
        self.rest = stays
        self.resident = self.size if stays else 0

    def release(self) -> None:
        """What is on the card is counted elsewhere until the model is held."""
        self.resident = 0

    def hold(self) -> None:
        """The whole model is made on the card, before ComfyUI keeps books of it."""
        self._on = [True] * len(self._on)
        self.rest, self.resident, self.moved = True, self.size, True

    @property
    def largest_streamed(self) -> int:
        """The largest module that is copied to the card at every pass, in bytes."""
        for module, on in zip(self.packing.modules, self._on, strict=True):
            if not on and module.streams:
                return module.size
        return 0

    @property
    def backup(self) -> int:
        """The unpatched matrices that are kept in RAM because a LoRA was merged into their copies, in bytes."""
        if not self.wanted:
            return 0
        return sum(
            module.merged for module, patched in zip(self.packing.modules, self._patched, strict=True) if patched
        )

    def load(self, extra: float) -> None:
        """Bring up to `extra` more bytes onto the card, largest modules first."""
        if self.carried is not None and self.carried != self.wanted:
            extra += self.loaded
            self._leave()
        if not self.partial and self.loaded > 0:
            return
        budget = self.loaded + extra
        self._fill(budget, budget > self.size)

    def _fill(self, budget: float, full: bool) -> None:
        count, streamed = 0, False
        for at, module in enumerate(self.packing.modules):
            if full or count + module.size < budget:
                count += module.size
                if not self._on[at]:
                    self._on[at] = True
                    self.resident += module.size
                self._patched[at] = True
            elif module.streams:
                streamed = True
        self.partial = streamed
        if full and not streamed:
            self._on = [True] * len(self._on)
            self.rest, self.resident, count = True, self.size, self.size
        if self.on_cpu:
            self.resident = 0
        self.loaded = count
        self.moved = True
        self.carried = self.wanted

    def unload(self, need: float) -> float:
        """Take the smallest modules off the card until more than `need` is free; the bytes that gave."""
        freed = 0
        modules = self.packing.modules
        for at in range(len(modules) - 1, -1, -1):
            if need < freed:
                break
            if self._patched[at]:
                self._patched[at] = False
                freed += modules[at].size
                if not self.stays:
                    self._on[at] = False
                    self.resident -= modules[at].size
        self.partial = True
        self.loaded -= freed
        return freed

    def detach(self) -> None:
        """Take the whole model off the card."""
        self._leave()

    def _leave(self) -> None:
        count = len(self._on)
        self._patched = [False] * count
        if not self.stays:
            self._on = [False] * count
            self.rest, self.resident, self.moved = False, 0, False
        self.loaded, self.partial, self.carried = 0, False, None


class Card:
    """The card and ComfyUI's list of loaded models, the last used first."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.known: list[Model] = []  # every model there is, loaded or not
        self.loaded: list[Model] = []
        self.other = 0  # bytes outside ComfyUI's books

    @property
    def static(self) -> int:
        """What is on the card between passes, in bytes."""
        return self.machine.context + self.other + sum(model.resident for model in self.known)

    @property
    def free(self) -> int:
        """What a stage could still take, in bytes; below zero where the card is over-full."""
        return self.machine.vram - self.static

    def need(self, required: float, minimum: float | None) -> tuple[float, float]:
        """What ComfyUI wants free for a stage that asks for so much, and the least it goes on with."""
        least, reserved = self.machine.least, self.machine.reserved
        extra = max(least, required + reserved)
        return extra, extra if minimum is None else max(least, minimum + reserved)

    def make_room(self, need: float) -> None:
        """Unload models until more than `need` bytes are free: half-loaded ones first, then small ones."""
        order = sorted(
            (model.loaded - model.size, model.size, at) for at, model in enumerate(self.loaded) if not model.on_cpu
        )
        gone = []
        for _, _, at in order:
            model = self.loaded[at]
            if not self.machine.has("--disable-smart-memory"):
                missing = need - self.free
                if missing < 0:
                    break
                if missing < model.loaded and model.unload(missing) >= missing:
                    continue
            model.detach()
            gone.append(model)
        self.loaded = [model for model in self.loaded if model not in gone]

    def load(
        self, models: Sequence[Model], required: float = 0, minimum: float | None = None, *, full: bool = False
    ) -> None:
        """Load what a stage uses, with the bytes it asks for beside the weights."""
        extra, least = self.need(required, minimum)
        self.loaded = [model for model in self.loaded if model not in models]
        weights = sum(model.size - model.loaded if model.moved else model.size for model in models if not model.on_cpu)
        if any(not model.on_cpu for model in models):
            self.make_room(weights * 1.1 + extra)
            if self.free < least:
                self.make_room(least)
        for model in models:
            model.load(self._budget(model, least, full))
            self.loaded.insert(0, model)

    def _budget(self, model: Model, least: float, full: bool) -> float:
        state = self.machine.state
        if model.on_cpu or state in ("high", "cpu"):
            return _ENDLESS
        if state == "no":
            return 0.1
        if full:
            return _ENDLESS
        free = self.free + model.loaded
        return max(0.1, max(_FLOOR, free - least, min(0, free - self.machine.least)) - model.loaded)

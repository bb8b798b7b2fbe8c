"""Simulation: the stages of a pipeline run one after another on a card that is only a meter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod

from ..weights import Header
from . import activations, vaes
from .dtypes import Cast, diffusion_cast, diffusion_packing, text_kind, text_packing, vae_dtype
from .families import Family
from .machine import GIB, MIB, Machine
from .packing import Packing, Storage, packing_of, size_of
from .policy_0_3_64 import Card, Model

_REFER = ("flux", "flux-schnell", "omnigen2", "qwen-image")  # families whose models look at other latents
ESRGAN = 66791948  # 23 blocks in fp32, bytes


@dataclass(frozen=True, slots=True)
class Diffusion:
    """A loaded diffusion model."""

    model: Model
    family: Family
    cast: Cast
    parameters: int


@dataclass(frozen=True, slots=True)
class Encoders:
    """The text encoders that one loader put together; `kinds` are (kind, dtype) of each."""

    model: Model
    kinds: tuple[tuple[str, str], ...]
    parameters: int


@dataclass(frozen=True, slots=True)
class Coder:
    """A loaded VAE."""

    model: Model
    vae: vaes.Vae
    dtype: str


@dataclass(frozen=True, slots=True)
class Moment:
    """The card after a stage has loaded what it needs, and what its heaviest pass takes; all in bytes.

    `required` and `minimum` are what ComfyUI asks for, None where it does not; `extra` and `least` the same with its
    reserve. `before` and `after` are free bytes. `activation` is None where nothing runs. `batch` says how many
    conditionings go in one pass, `calls` how many passes make a step. `oom` is "weights" or "activations" where the
    card is too small, and `tiled` what the stage takes in its smallest pieces, such as tiles. `merging` is what putting
    LoRAs into the largest matrix takes, before anything is sampled.
    """

    kind: str
    before: int
    after: int
    static: int
    resident: Mapping[str, int]
    offloaded: Mapping[str, int]
    order: tuple[str, ...]
    other: int
    required: float | None = None
    minimum: float | None = None
    extra: float | None = None
    least: float | None = None
    activation: int | None = None
    traced: bool = True
    streamed: int = 0
    batch: int = 0
    calls: int = 0
    backup: int = 0
    oom: str = ""
    tiled: int | None = None
    merging: int = 0

    @property
    def part(self) -> int:
        """What it takes beside weights in its smallest pieces."""
        return self.activation or 0 if self.tiled is None else self.tiled

    @property
    def peak(self) -> int | None:
        """The most that is on the card during the stage."""
        return None if self.activation is None else self.static + self.activation

    @property
    def low(self) -> int:
        """The lower end of the band in which the peak lies."""
        return self.static + round((self.activation or 0) * 0.95)

    @property
    def high(self) -> int:
        """The upper end: workspaces, the allocator's rounding and a module on its way to the card."""
        share = 1.5 if self.kind == "text_encode" else 1.25  # a prompt may be longer than the usual one
        return self.static + max(round((self.activation or 0) * share) + self.streamed, self.merging)

    @property
    def stops(self) -> bool:
        """Whether the run ends here."""
        return bool(self.oom) and not self.falls_back

    @property
    def falls_back(self) -> bool:
        """Whether it goes on in tiles: a VAE in its own, an upscale model in smaller ones."""
        return self.oom == "activations" and self.kind in ("vae_encode", "vae_decode", "upscale")


class Simulation:
    """One run of ComfyUI on one machine."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.card = Card(machine)

    # Loaders: what fits well goes straight to the card.

    def diffusion(self, name: str, header: Header, family: Family, chosen: str = "default") -> Diffusion:
        """A diffusion model as its loader leaves it, known to the card or not yet on it."""
        cast = diffusion_cast(header, family, self.machine, chosen)
        model = Model(
            name,
            diffusion_packing(header, family, cast),
            on_cpu=self.machine.state == "cpu",
            stays=self.machine.state == "high",
        )
        return Diffusion(model, family, cast, header.parameters)

    def load_diffusion(self, loaded: Diffusion) -> Moment | None:
        """Load a diffusion model from a file of its own; a moment where it goes to the card at once."""
        before = self.card.free
        self.card.known.append(loaded.model)
        return self._moment("load_unet_direct", before) if loaded.model.stays else None

    def load_checkpoint(self, loaded: Diffusion, encoders: Encoders | None) -> list[Moment]:
        """Load a diffusion model and text encoders out of one file; a moment for each that goes to the card at once."""
        card, unet = self.card, loaded.model
        size = size_of(loaded.cast.kept) * loaded.parameters
        straight = unet.stays or (
            self.machine.state not in ("no", "cpu") and card.free > self.machine.ram and size < card.free
        )
        if straight:
            unet.release()
            card.other += unet.size
        card.known.append(unet)
        found = self.load_encoders(encoders) if encoders else None
        moments = [found] if found else []
        if straight and not (found and found.stops):
            before = card.free
            card.other -= unet.size
            unet.hold()
            card.load([unet], full=True)
            moments.append(self._moment("load_unet_direct", before))
        return moments

    def encoders(self, name: str, headers: Sequence[Header]) -> Encoders:
        """Text encoders as their loader makes them."""
        machine = self.machine
        on_cpu = not machine.gpu_only and (machine.state in ("low", "no", "cpu") or not machine.fp16)
        kinds = tuple(
            (text_kind(text), "scaled" if "scaled_fp8" in text else text.dtype.replace("BF16", "F16"))
            for text in headers
        )
        model = Model(name, text_packing(headers, machine), on_cpu=on_cpu, stays=machine.gpu_only)
        return Encoders(model, kinds, sum(header.parameters for header in headers))

    def load_encoders(self, loaded: Encoders) -> Moment | None:
        """Load text encoders; a moment where they go to the card at once."""
        card, size = self.card, loaded.parameters * size_of(self.machine.text_dtype or "F16")
        free = card.free
        card.known.append(loaded.model)
        if loaded.model.on_cpu:
            card.load([loaded.model], full=True)
        elif loaded.model.stays or (size > GIB and free > self.machine.ram * 0.5 and size * 1.2 < free):
            card.load([loaded.model], full=True)
            return self._moment("load_text_encoder_direct", free)
        return None

    def coder(self, name: str, header: Header) -> Coder:
        """A VAE as its loader makes it, and known to the card."""
        machine = self.machine
        vae = vaes.vae_of(header)
        dtype = vae_dtype(vae.working, machine)
        on_cpu = machine.has("--cpu-vae") or machine.state == "cpu"
        model = Model(name, packing_of([("", header, Storage(dtype))]), on_cpu=on_cpu, stays=machine.gpu_only)
        self.card.known.append(model)
        return Coder(model, vae, dtype)

    def control(self, name: str, packing: Packing) -> Model:
        """A ControlNet, known to the card."""
        model = Model(name, packing, on_cpu=self.machine.state == "cpu", stays=self.machine.state == "high")
        self.card.known.append(model)
        return model

    # Stages

    def encode_text(self, encoders: Encoders) -> Moment:
        """Encode a text."""
        before = self.card.free
        self.card.load([encoders.model])
        taken = 0 if encoders.model.on_cpu else activations.encoding(encoders.kinds)
        return self._moment("text_encode", before, 0, active=encoders.model, activation=taken)

    def upscale(self, pixels: int, side: int, scale: float = 4, weights: int = ESRGAN) -> Moment:
        """Enlarge images of so many pixels in all with an upscale model, in tiles of `side`."""
        card = self.card
        needed = weights + 512 * 512 * 3 * 4 * max(scale, 1) * 384.0 + pixels * 3 * 4
        before = card.free
        card.make_room(needed)
        card.other += weights
        taken = activations.upscaling(min(512, side), scale)
        tile = activations.upscaling(128, scale)
        moment = self._moment("upscale", before, needed, activation=taken, asks=False, tiled=min(taken, tile))
        card.other -= weights
        return moment

    def run_vae(self, coder: Coder, shape: vaes.Shape, *, decode: bool, count: int = 1, tile: int = 0) -> Moment:
        """Encode `count` images (frames, height, width in pixels), or decode latents; `tile` pixels at a time if not 0.

        ComfyUI asks for the whole image all the same.
        """
        vae, dtype = coder.vae, coder.dtype
        needed = vaes.needed(vae, dtype, shape, decode=decode)
        before = self.card.free
        self.card.load([coder.model], needed)
        across = vae.across if decode else 1
        if tile:
            small = tile // across
            shape = (shape[0], min(shape[1], small), min(shape[2], small))
        together = min(count, max(1, int(self.card.free / max(1.0, needed)))) if shape[0] == 1 else 1
        taken = vaes.taken(vae, dtype, shape, decode=decode) * together
        side = 512 // across if vae.name == "kl" else 256 // across
        part = vaes.taken(vae, dtype, (shape[0], side, side), decode=decode)
        return self._moment(
            "vae_decode" if decode else "vae_encode",
            before,
            needed,
            active=coder.model,
            activation=0 if coder.model.on_cpu else taken,
            traced=vaes.traced(vae, dtype),
            tiled=min(part, taken),
        )

    def sample(
        self,
        loaded: Diffusion,
        shape: Sequence[int],
        *,
        count: int = 1,
        guided: bool = True,
        controls: Sequence[Model] = (),
        references: tuple[int, int] = (0, 0),
    ) -> Moment:
        """Sample `count` latents of this shape (height, width, or frames before them); `guided` where cfg is not 1.

        `references` are the cells of the latents that the positive and the negative conditioning refer to.
        """
        cast, family, area = loaded.cast, loaded.family, prod(shape)

        def needed(batch: int, referred: int) -> float:
            return ((batch * count * area + referred) * size_of(cast.compute) * 0.01 * family.factor) * MIB

        references = references if family.name in _REFER else (0, 0)
        required, minimum = needed(2, sum(references)), needed(1, max(references))
        before = self.card.free
        self.card.load([*controls, loaded.model], required, minimum)
        batch = 2 if guided and needed(2, sum(references)) * 1.5 < self.card.free else 1
        taken = activations.sampling(family.sized, cast, area + max(references), batch * count)
        return self._moment(
            "sample",
            before,
            required,
            minimum,
            active=loaded.model,
            activation=0 if loaded.model.on_cpu else taken,
            traced=cast.compute != "F32" and family.sized in activations.LINES,
            batch=batch,
            calls=2 if guided and batch == 1 else 1,
            backup=loaded.model.backup,
            merging=self._merging(loaded),
        )

    def _merging(self, loaded: Diffusion) -> int:
        """A LoRA is put in by way of four copies of the matrix in fp32; ComfyUI-GGUF does so at every pass."""
        if not loaded.model.wanted or loaded.model.on_cpu:
            return 0
        kept = size_of(loaded.cast.scaled or loaded.cast.kept)
        return max((module.merged for module in loaded.model.packing.modules), default=0) // kept * 16

    def _moment(
        self,
        kind: str,
        before: int,
        required: float | None = None,
        minimum: float | None = None,
        *,
        active: Model | None = None,
        activation: int | None = None,
        asks: bool = True,
        traced: bool = True,
        batch: int = 0,
        calls: int = 0,
        backup: int = 0,
        tiled: int | None = None,
        merging: int = 0,
    ) -> Moment:
        card = self.card
        extra, least = card.need(required, minimum) if required is not None and asks else (None, None)
        static = card.static
        oom = ""
        if static > self.machine.vram:
            oom = "weights"
        elif activation is not None and static + activation > self.machine.vram:
            oom = "activations"
        listed = [model for model in card.loaded if not model.on_cpu and not model.stays]
        return Moment(
            kind,
            before,
            card.free,
            static,
            {model.name: model.resident for model in card.known},
            {model.name: model.size - model.resident for model in listed},
            tuple(model.name for model in card.loaded),
            card.other,
            required,
            minimum,
            extra,
            least,
            activation,
            traced,
            0 if active is None or active.on_cpu else active.largest_streamed,
            batch,
            calls,
            backup,
            oom,
            tiled,
            merging,
        )

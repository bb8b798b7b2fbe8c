"""Predict: what a graph takes on a machine, stage by stage, before it runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import prod

from ..catalog.pinned import Catalog
from ..graph import Graph, Node
from ..weights import Header
from . import activations, clock, known
from .calibration import Calibration
from .families import family_of
from .gpus import GPUS, Gpu
from .jobs import Job, Picture, jobs_of
from .machine import GIB, MIB, Machine
from .packing import Module, Packing, Storage, packing_of
from .policy_0_3_64 import Model
from .simulation import ESRGAN, Coder, Diffusion, Encoders, Moment, Simulation

NONE = Calibration()
_BASE_RAM = int(2.5 * GIB)  # Python, torch and CUDA's own
_SIMULATED_TILES = 3  # from the second on, every tile finds the card as the one before left it
# ControlNets whose file is not at hand, by the family of the model: bytes in 16 bits.
_CONTROLS = {"sd15": 722_000_000, "sd2": 728_000_000, "sdxl": 2_502_000_000, "flux": 6_600_000_000}
_PREFIXES = ("model.diffusion_model.", "diffusion_model.", "model.model.", "net.")
_VAES = ("first_stage_model.", "vae.")
_TEXTS = (
    "cond_stage_model.transformer.",
    "cond_stage_model.model.",
    "conditioner.embedders.0.transformer.",
    "conditioner.embedders.0.model.",
    "conditioner.embedders.1.model.",
)


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of a run. Bytes unless said otherwise.

    `low` and `high` are the band in which its `peak` on the card lies, `resident` what is on the card by model, and
    `offloaded` what of its own model stays in RAM and is copied over at each of its `passes`. `batch` is 2 where both
    conditionings go in one pass. `oom` is what does not fit, "weights", "activations" or "", and `tiled` says that a
    VAE goes on in tiles then, or an upscale model in smaller ones. `asked` is what ComfyUI wants free beside the
    weights. `whole` is the card that would hold its own models whole, with one conditioning at a time, `least` the
    smallest on which it runs at all. `seconds` is for all its `times`, None without a known card; `work` is what a
    calibration knows it by, and `traced` says that what it takes beside the weights is no guess.
    """

    name: str
    kind: str
    node: Node
    low: int
    peak: int
    high: int
    static: int
    resident: Mapping[str, int]
    offloaded: int = 0
    asked: int = 0
    batch: int = 0
    passes: int = 1
    times: int = 1
    tiled: bool = False
    oom: str = ""
    whole: int = 0
    least: int = 0
    seconds: float | None = None
    ram: int = 0
    work: str = ""
    traced: bool = True

    @property
    def stops(self) -> bool:
        """Whether the run ends here."""
        return bool(self.oom) and not self.tiled

    @property
    def samples(self) -> bool:
        """Whether a diffusion model works here."""
        return self.kind.endswith("sample")


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run takes. `guessed` are files told by their names alone, `unknown` those of which nothing is known."""

    machine: Machine
    stages: tuple[Stage, ...]
    guessed: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether something is known of every model file."""
        return not self.unknown

    @property
    def fits(self) -> bool:
        """Whether every stage runs, if need be with weights in RAM."""
        return not any(stage.stops for stage in self.stages)

    @property
    def pages(self) -> bool:
        """Whether Windows would page the card's memory, which costs a hundredfold, where Linux stops."""
        return self.machine.windows and any(stage.oom for stage in self.stages)

    @property
    def decides(self) -> Stage | None:
        """The stage that needs most: the first that does not fit, else the one that would fill the largest card."""
        stops = next((stage for stage in self.stages if stage.stops), None)
        return stops or max(self.stages, key=lambda stage: stage.whole, default=None)

    @property
    def offloaded(self) -> int:
        """The most weights that a sampler's model leaves in RAM, to come over the bus at every pass, in bytes."""
        return max((stage.offloaded for stage in self.stages if stage.samples), default=0)

    @property
    def whole(self) -> int:
        """The card that would need to leave nothing of a stage's own model in RAM, in bytes."""
        return max((stage.whole for stage in self.stages), default=0)

    @property
    def least(self) -> int:
        """The smallest card on which it runs at all, nearly everything in RAM, in bytes."""
        return max((stage.least for stage in self.stages), default=0)

    @property
    def ram(self) -> int:
        """The most RAM that ComfyUI takes, in bytes."""
        return max((stage.ram for stage in self.stages), default=0)

    @property
    def seconds(self) -> float | None:
        """How long it all takes; None where the card is not known."""
        if any(stage.seconds is None for stage in self.stages):
            return None
        return sum(stage.seconds or 0.0 for stage in self.stages)


def predict(
    graph: Graph,
    catalog: Catalog,
    machine: Machine,
    models: Mapping[str, Header] | None = None,
    pictures: Mapping[str, tuple[int, int]] | None = None,
    calibration: Calibration = NONE,
) -> Plan:
    """The plan of a graph on a machine.

    `models` are the headers of model files by the names that the graph uses; other files are told by their names.
    `pictures` are the sizes of the images that it loads; 1024 x 1024 where it isn't known. `calibration` is what was
    learned of the card's speed.
    """
    return _Run(machine, models or {}, calibration).plan(jobs_of(graph, catalog, pictures))


@dataclass
class _Run:
    machine: Machine
    models: Mapping[str, Header]
    calibration: Calibration
    stages: list[Stage] = field(default_factory=list)
    guessed: dict[str, None] = field(default_factory=dict)
    unknown: dict[str, None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.simulation = Simulation(self.machine)
        self.gpu: Gpu | None = GPUS.get(self.machine.name)
        self.diffusions: dict[str, Diffusion] = {}
        self.encoders: dict[str, Encoders] = {}
        self.coders: dict[str, Coder] = {}
        self.controls: dict[str, str] = {}
        self.control_models: dict[str, Model] = {}
        self.patches: dict[tuple[str, ...], int] = {(): 0}
        self.images = 0
        self.loading = 0  # the most RAM since the last stage

    def plan(self, jobs: list[Job]) -> Plan:
        for job in jobs:
            if job.kind.startswith("load"):
                self._load(job)
                self.loading = max(self.loading, self._ram())
            else:
                self._run(job)
        return Plan(self.machine, tuple(self.stages), tuple(self.guessed), tuple(self.unknown))

    # Loading

    def _load(self, job: Job) -> None:
        id, run = job.node.id, self.simulation
        if job.kind == "load checkpoint":
            self._load_checkpoint(job)
        elif job.kind == "load model":
            header = self._header(job.files[0], known.known_diffusion)
            if header:
                header = _part(header, _PREFIXES)
                loaded = run.diffusion(self._name(job.files[0]), header, family_of(header), job.dtype)
                self.diffusions[id] = loaded
                self._direct(job, [run.load_diffusion(loaded)])
        elif job.kind == "load text encoders":
            headers = [self._header(file, known.known_encoder) for file in job.files]
            found = [header for header in headers if header]
            if found:
                self.encoders[id] = encoders = run.encoders(self._name(job.files[-1]), found)
                self._direct(job, [run.load_encoders(encoders)])
        elif job.kind == "load vae":
            header = self._header(job.files[0], known.known_vae)
            if header:
                self.coders[id] = run.coder(self._name(job.files[0]), header)
        else:
            self.controls[id] = job.files[0]

    def _load_checkpoint(self, job: Job) -> None:
        id, file, run = job.node.id, job.files[0], self.simulation
        header = self.models.get(file)
        parts = _parts(header) if header else known.known_checkpoint(file)
        if parts is None:
            self.unknown[file] = None
            return
        if not header:
            self.guessed[file] = None
        diffusion, texts, vae = parts
        name = self._name(file)
        self.diffusions[id] = loaded = run.diffusion(name, diffusion, family_of(diffusion))
        encoders = run.encoders(f"{name} (text)", texts) if texts else None
        if encoders:
            self.encoders[id] = encoders
        self._direct(job, run.load_checkpoint(loaded, encoders))
        if vae.tensors:
            self.coders[id] = run.coder(f"{name} (VAE)", vae)

    def _header(self, file: str, guess: known.Guess) -> Header | None:
        header = self.models.get(file)
        if header is None:
            header = guess(file)
            (self.guessed if header else self.unknown)[file] = None
        return header

    def _name(self, file: str) -> str:
        """A name for a model that no other has."""
        taken = {model.name for model in self.simulation.card.known}
        name, number = file, 2
        while name in taken:
            name, number = f"{file} #{number}", number + 1
        return name

    def _direct(self, job: Job, moments: list[Moment | None] | list[Moment]) -> None:
        """Only a load that does not fit is a stage of its own."""
        for moment in moments:
            if moment and moment.oom:
                self._stage(job, "load", moment, 0)

    # Running

    def _run(self, job: Job) -> None:
        run, loader = self.simulation, job.loaders[0] if job.loaders else ""
        if job.kind == "encode text":
            if encoders := self.encoders.get(loader):
                encoders.model.wanted = self._patched(job.patches)
                moment = run.encode_text(encoders)
                work = clock.text(encoders.kinds)
                self._stage(job, "text encode", moment, encoders.model.size, self._seconds(work))
        elif job.kind == "upscale":
            pixels = job.picture.width * job.picture.height
            moment = run.upscale(pixels * job.picture.count, max(job.picture.width, job.picture.height), job.scale)
            work = clock.upscaling(pixels) * job.picture.count
            self.images += round(pixels * job.scale**2 * 12 * job.picture.count)
            self._stage(job, "upscale", moment, ESRGAN, self._seconds(work, convolutions=True, single=True))
        elif job.kind == "sample":
            if loaded := self.diffusions.get(loader):
                self._sample(job, loaded, "sample")
        elif job.kind == "tiles":
            self._tiles(job)
        elif coder := self.coders.get(loader):
            self._code(job, coder, decode=job.kind == "vae decode", kind=job.kind)

    def _patched(self, patches: tuple[str, ...]) -> int:
        return self.patches.setdefault(patches, len(self.patches))

    def _sample(self, job: Job, loaded: Diffusion, kind: str, times: int = 1) -> None:
        run, picture, family = self.simulation, job.picture, loaded.family
        loaded.model.wanted = self._patched(job.patches)
        controls = [self._control(id, family.name) for id in job.loaders[1:] if id in self.controls]
        shape = self._latent(picture, loaded)
        cells = job.references[0] // 64, job.references[1] // 64
        moment = run.sample(
            loaded, shape, count=picture.count, guided=job.cfg != 1.0, controls=controls, references=cells
        )
        area = prod(shape) + max(cells)
        passes = clock.calls(job.sampler, job.steps) * moment.calls
        work = clock.sampling(family.sized, area) * (moment.batch or 1) * picture.count
        seconds = self._passes(loaded, moment, work, passes)
        size = loaded.model.size + sum(control.size for control in controls)
        one = activations.sampling(family.sized, loaded.cast, area, picture.count)
        moment = replace(moment, tiled=one + max((module.size for module in loaded.model.packing.modules), default=0))
        self._stage(job, kind, moment, size + one - (moment.activation or 0), seconds, times, passes)

    def _passes(self, loaded: Diffusion, moment: Moment, work: float, passes: int) -> float | None:
        if self.gpu is None:
            return None
        each = clock.seconds(self.gpu, work) + clock.streaming(self.gpu, moment.offloaded.get(loaded.model.name, 0))
        if loaded.cast.scaled or loaded.cast.manual:
            each += clock.casting(self.gpu, loaded.parameters)
        return each * passes

    def _latent(self, picture: Picture, loaded: Diffusion) -> tuple[int, ...]:
        coder = next(iter(self.coders.values()), None)
        vae = coder.vae if coder else None
        across, along = (vae.across, vae.along) if vae and vae.name != "kl" else (8, 4)
        frames = (picture.frames - 1) // along + 1
        sides = max(1, picture.height // across), max(1, picture.width // across)
        return (frames, *sides) if loaded.family.frames else sides

    def _control(self, id: str, family: str) -> Model:
        """A ControlNet, made when it is first used, for then its model's family is known."""
        if id not in self.control_models:
            file = self.controls[id]
            header = self.models.get(file)
            if header:
                packing = packing_of([("", header, Storage("F16"))])
            else:
                self.guessed[file] = None
                size = _CONTROLS.get(family, 2 * GIB)
                packing = Packing(tuple(Module(size // 64, f"block{at:02}") for at in range(64)))
            self.control_models[id] = self.simulation.control(self._name(file), packing)
        return self.control_models[id]

    def _tiles(self, job: Job) -> None:
        loaded, coder = self.diffusions.get(job.loaders[0]), self.coders.get(job.vae)
        if loaded is None or coder is None:
            return
        first = len(self.stages)
        for left in range(job.times, max(0, job.times - _SIMULATED_TILES), -1):
            times = left if left == job.times - _SIMULATED_TILES + 1 else 1
            self._code(job, coder, decode=False, kind="tile vae encode", times=times)
            self._sample(job, loaded, "tile sample", times)
            self._code(job, coder, decode=True, kind="tile vae decode", times=times)
        self.stages[first:] = _merged(self.stages[first:])

    def _code(self, job: Job, coder: Coder, *, decode: bool, kind: str, times: int = 1) -> None:
        picture, vae = job.picture, coder.vae
        shape = (picture.frames, picture.height, picture.width)
        if decode:
            frames = (picture.frames - 1) // max(1, vae.along) + 1
            shape = (frames, max(1, picture.height // vae.across), max(1, picture.width // vae.across))
        moment = self.simulation.run_vae(coder, shape, decode=decode, count=picture.count, tile=job.tile)
        pixels = picture.width * picture.height
        work = clock.coding(pixels, decode=decode) * picture.count * picture.frames
        self.images += pixels * 12 * picture.count * picture.frames if decode else 0
        self._stage(job, kind, moment, coder.model.size, self._seconds(work, convolutions=True), times)

    def _seconds(self, work: float, *, convolutions: bool = False, single: bool = False) -> float | None:
        return clock.seconds(self.gpu, work, convolutions=convolutions, single=single) if self.gpu else None

    def _ram(self) -> int:
        known = self.simulation.card.known
        return _BASE_RAM + self.images + sum(model.size - model.resident + model.backup for model in known)

    def _stage(
        self,
        job: Job,
        kind: str,
        moment: Moment,
        size: int,
        seconds: float | None = 0.0,
        times: int = 1,
        passes: int = 1,
    ) -> None:
        card = self.simulation.card
        ram, self.loading = max(self.loading, self._ram()), 0
        active = card.loaded[0].name if card.loaded else ""
        work = kind.removeprefix("tile ")
        if work == "sample":
            work = f"sample {self.diffusions[job.loaders[0]].family.sized}"
        self.stages.append(
            Stage(
                job.node.stage or job.node.title or job.node.type,
                kind,
                job.node,
                moment.low,
                moment.peak or moment.static,
                moment.high,
                moment.static,
                {name: size for name, size in moment.resident.items() if size},
                moment.offloaded.get(active, 0) if kind != "upscale" else 0,
                int(moment.required or 0),
                moment.batch,
                passes,
                times,
                moment.falls_back,
                moment.oom,
                self.machine.context + size + (moment.activation or 0),
                self.machine.context + min(size, 128 * MIB) + moment.part,
                None if seconds is None else seconds * times * self.calibration.factor(self.machine.name, work),
                ram,
                work,
                moment.traced,
            )
        )


def _merged(stages: list[Stage]) -> list[Stage]:
    """The stages of tiles with those that find the card alike as one."""
    found: dict[tuple[object, ...], Stage] = {}
    for stage in stages:
        key = (stage.kind, stage.static, stage.high)
        seen = found.get(key)
        if seen is None:
            found[key] = stage
        else:
            seconds = None if seen.seconds is None or stage.seconds is None else seen.seconds + stage.seconds
            found[key] = replace(seen, times=seen.times + stage.times, seconds=seconds, ram=max(seen.ram, stage.ram))
    return list(found.values())


def _part(header: Header, prefixes: tuple[str, ...]) -> Header:
    """The tensors under the first of these prefixes that a file has, or all of them."""
    return next((header.under(prefix) for prefix in prefixes if header.has_under(prefix)), header)


def _parts(header: Header) -> tuple[Header, list[Header], Header]:
    """The diffusion model, the text encoders and the VAE in a checkpoint."""
    diffusion = _part(header, _PREFIXES)
    vae = next((header.under(prefix) for prefix in _VAES if header.has_under(prefix)), Header(header.format, {}))
    named = {
        ".".join([*name.split(".")[:3], ""]): None
        for name in header.tensors
        if name.startswith("text_encoders.") and ".transformer." in name
    }
    prefixes = [*(prefix for prefix in _TEXTS if header.has_under(prefix)), *named]
    return diffusion, [header.under(prefix) for prefix in prefixes], vae

"""Where a stage is turned into nodes: what flows in, which models there are, and who wrote what."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias, TypeVar

from ..diagnostics import Diagnostic, Path, Place, Rule, Severity, did_you_mean
from ..graph import Link, Node, Value
from .blocks import LoraUse, Sampling
from .families import FAMILIES, Family
from .models import Checkpoint, DiffusionModel, Lora, ModelBlock, family_of

HOLE = Link("", 0)  # stands for what could not be made; a finding has said why

UNKNOWN_NAME = Rule(
    "CP211", "unknown-name", Severity.ERROR, "A name is used for a model, stage, node or input that nobody defines."
)
WRONG_KIND = Rule("CP212", "wrong-kind", Severity.ERROR, "A name stands for another kind of thing than is wanted here.")
UNTOLD = Rule(
    "CP213",
    "untold-setting",
    Severity.ERROR,
    "The compiler needs to know something that neither the spec nor a file's name tells, such as a model's family.",
)
NOTHING_FLOWS = Rule(
    "CP214", "nothing-flows", Severity.ERROR, "A stage takes a picture or latent, and nothing before it gives one."
)
RULES = (UNKNOWN_NAME, WRONG_KIND, UNTOLD, NOTHING_FLOWS)


@dataclass(frozen=True, slots=True)
class Pixels:
    """A picture flows."""

    link: Link


@dataclass(frozen=True, slots=True)
class Latent:
    """A latent flows, and with it the VAE that can decode it, where one is known."""

    link: Link
    vae: Link | None


Flow: TypeAlias = Pixels | Latent
M = TypeVar("M", bound=ModelBlock)


@dataclass(frozen=True, slots=True)
class Parts:
    """What a diffusion model consists of once loaded."""

    family: Family
    model: Link
    clip: Link
    vae: Link


@dataclass
class Workshop:
    """The nodes made so far and the findings on the way; one for a whole lowering."""

    models: Mapping[str, ModelBlock]
    place: Callable[[Path], Place]
    nodes: dict[str, Node] = field(default_factory=dict)
    findings: list[Diagnostic] = field(default_factory=list)

    def add(
        self,
        owner: str,
        path: Path,
        role: str,
        type: str,
        inputs: Mapping[str, Value | None],
        fields: Mapping[str, str | Path],
    ) -> Link:
        """A node's first output; `fields` names, per input, the field of the block at `path` that it comes from."""
        id = f"{owner}.{role.replace(' ', '_')}"
        given = {name: value for name, value in inputs.items() if value is not None}
        places = {}
        for name in given:
            at = fields.get(name, name)
            places[name] = self.place((*path, *((at,) if isinstance(at, str) else at)))
        self.nodes[id] = Node(
            id, type, given, owner if owner == role else f"{owner}: {role}", owner, (self.place(path),), places
        )
        return Link(id, 0)


@dataclass
class Site:
    """One stage in the making."""

    name: str
    path: Path
    given: Flow | None
    workshop: Workshop

    def add(
        self, role: str, type: str, inputs: Mapping[str, Value | None], fields: Mapping[str, str | Path] | None = None
    ) -> Link:
        """A node's first output, the node belonging to this stage."""
        return self.workshop.add(self.name, self.path, role, type, inputs, fields or {})

    def report(self, rule: Rule, at: Path, message: str, help: str = "") -> Link:
        """A hole, after saying why it is one."""
        self.workshop.findings.append(rule.at(self.workshop.place((*self.path, *at)), message, help))
        return HOLE

    def pixels(self) -> Link:
        """The picture that flows in, decoded where a latent does."""
        if isinstance(self.given, Pixels):
            return self.given.link
        if self.given is None:
            return self._nothing("a picture")
        if self.given.vae is None:
            return self.report(
                UNTOLD,
                (),
                f'"{self.name}" takes a picture, and what flows here is a latent of a node whose VAE is not known',
                "decode it with a VAEDecode node first",
            )
        link = self.given.link
        if link == HOLE:
            return HOLE
        source = self.workshop.nodes.get(link.node)
        owner = source.stage if source else link.node
        origin = source.origins[0].path if source and source.origins else self.path
        return self.workshop.add(
            owner,
            origin,
            "decode",
            "VAEDecode",
            {"samples": link, "vae": self.given.vae},
            {"samples": (), "vae": ("model",)},
        )

    def latent(self, vae: Link) -> Link:
        """The latent that flows in, encoded where a picture does."""
        if isinstance(self.given, Latent):
            return self.given.link
        if self.given is None:
            return self._nothing("a picture or latent")
        return self.add("encode", "VAEEncode", {"pixels": self.given.link, "vae": vae}, {"pixels": (), "vae": "model"})

    def _nothing(self, what: str) -> Link:
        return self.report(
            NOTHING_FLOWS,
            (),
            f'"{self.name}" takes {what}, and nothing before it gives one',
            'put "load" or "generate" before it',
        )

    def find(self, name: str, at: Path, *kinds: type[M]) -> M | None:
        """The model of that name, if it is of a kind wanted; else None, with a finding."""
        block = self.workshop.models.get(name)
        if isinstance(block, kinds):
            return block
        if block is not None:
            wanted = " or ".join(each.kind for each in kinds)
            self.report(WRONG_KIND, at, f'"{name}" is {block.kind}, and {wanted} is wanted here')
            return None
        fitting = [key for key, each in self.workshop.models.items() if isinstance(each, kinds)]
        help = did_you_mean(name, fitting, "models that fit here") or 'define it under "models"'
        self.report(UNKNOWN_NAME, at, f'no model is named "{name}"', help)
        return None

    def parts(self, settings: Sampling) -> Parts | None:
        """The loaded model that a stage samples with, its LoRAs applied; None, with a finding, where it has none."""
        if settings.model is None:
            self.report(
                UNTOLD,
                (),
                f'"{self.name}" samples with a diffusion model, and none is named',
                'add "model", or take the settings of another stage with "like"',
            )
            return None
        block = self.find(settings.model, ("model",), Checkpoint, DiffusionModel)
        loaded = self.loaded(settings.model, block) if isinstance(block, Checkpoint | DiffusionModel) else None
        for n, use in enumerate(settings.loras):
            lora = self.find(use.use, ("loras", n, "use"), Lora)
            if loaded is not None and lora is not None:
                loaded = self._with_lora(loaded, use, lora, n)
        return loaded

    def loaded(self, name: str, block: Checkpoint | DiffusionModel) -> Parts | None:
        """A model's loaders; None, with a finding, where its family is not known."""
        family = family_of(block)
        if family is None:
            self._untold_family(name, block)
            return None
        return self._load(name, block, family)

    def _untold_family(self, name: str, block: Checkpoint | DiffusionModel) -> None:
        path: Path = ("models", name, "family")
        if block.family is not None:
            help = did_you_mean(block.family, FAMILIES, "families")
            finding = UNKNOWN_NAME.at(self.workshop.place(path), f'no model family is named "{block.family}"', help)
        else:
            finding = UNTOLD.at(
                self.workshop.place(path[:2]),
                f'the file names of "{name}" do not tell its family',
                f'add "family" to it, one of {", ".join(FAMILIES)}',
            )
        if finding not in self.workshop.findings:
            self.workshop.findings.append(finding)

    def _load(self, name: str, block: Checkpoint | DiffusionModel, family: Family) -> Parts:
        path: Path = ("models", name)
        add = self.workshop.add
        vae = HOLE
        if block.vae is not None:
            vae = add(name, path, "VAE", "VAELoader", {"vae_name": block.vae}, {"vae_name": "vae"})
        if isinstance(block, Checkpoint):
            link = add(
                name,
                path,
                "checkpoint",
                "CheckpointLoaderSimple",
                {"ckpt_name": block.checkpoint},
                {"ckpt_name": "checkpoint"},
            )
            return Parts(family, link, Link(link.node, 1), vae if block.vae else Link(link.node, 2))
        if block.diffusion_model.endswith(".gguf"):
            model = add(
                name,
                path,
                "diffusion model",
                "UnetLoaderGGUF",
                {"unet_name": block.diffusion_model},
                {"unet_name": "diffusion_model"},
            )
        else:
            model = add(
                name,
                path,
                "diffusion model",
                "UNETLoader",
                {"unet_name": block.diffusion_model, "weight_dtype": block.dtype},
                {"unet_name": "diffusion_model", "weight_dtype": "dtype"},
            )
        return Parts(family, model, self._text_encoders(name, block, family), vae)

    def _text_encoders(self, name: str, block: DiffusionModel, family: Family) -> Link:
        files = block.text_encoders
        path: Path = ("models", name)
        if len(files) not in family.encoders:
            counts = " or ".join(str(count) for count in family.encoders)
            finding = UNTOLD.at(
                self.workshop.place((*path, "text_encoders")),
                f'"{name}" has {len(files)} text encoders; {family.name} takes {counts}',
            )
            if finding not in self.workshop.findings:
                self.workshop.findings.append(finding)
            return HOLE
        prefix = {1: "", 2: "Dual", 3: "Triple", 4: "Quadruple"}[len(files)]
        suffix = "GGUF" if any(file.endswith(".gguf") for file in files) else ""
        keys = ["clip_name"] if len(files) == 1 else [f"clip_name{n}" for n in range(1, len(files) + 1)]
        inputs: dict[str, Value | None] = dict(zip(keys, files, strict=True))
        inputs["type"] = family.encoders[len(files)] or None
        fields: dict[str, str | Path] = {key: ("text_encoders", n) for n, key in enumerate(keys)}
        return self.workshop.add(
            name, path, "text encoders", f"{prefix}CLIPLoader{suffix}", inputs, {**fields, "type": "family"}
        )

    def _with_lora(self, loaded: Parts, use: LoraUse, lora: Lora, n: int) -> Parts:
        at: Path = ("loras", n)
        clip = use.strength if use.clip is None else use.clip
        inputs: dict[str, Value | None] = {
            "model": loaded.model,
            "clip": loaded.clip,
            "lora_name": lora.lora,
            "strength_model": use.strength,
            "strength_clip": clip,
        }
        fields: dict[str, str | Path] = {
            "model": "model",
            "clip": "model",
            "lora_name": (*at, "use"),
            "strength_model": (*at, "strength"),
            "strength_clip": (*at, "strength" if use.clip is None else "clip"),
        }
        if clip == 0:
            del inputs["clip"], inputs["strength_clip"]
            link = self.add(f"LoRA {use.use}", "LoraLoaderModelOnly", inputs, fields)
            return Parts(loaded.family, link, loaded.clip, loaded.vae)
        link = self.add(f"LoRA {use.use}", "LoraLoader", inputs, fields)
        return Parts(loaded.family, link, Link(link.node, 1), loaded.vae)

    def prompts(self, settings: Sampling, loaded: Parts) -> tuple[Link, Link]:
        """The positive and the negative conditioning."""
        positive = self.add(
            "positive",
            "CLIPTextEncode",
            {"text": settings.positive, "clip": loaded.clip},
            {"text": "positive", "clip": "model"},
        )
        if settings.guidance is not None:
            if not loaded.family.guided:
                self.report(
                    WRONG_KIND,
                    ("guidance",),
                    f'"guidance" is for guidance-distilled models, and "{settings.model}" is {loaded.family.name}',
                    'say "cfg" instead',
                )
            positive = self.add(
                "guidance",
                "FluxGuidance",
                {"conditioning": positive, "guidance": settings.guidance},
                {"conditioning": "positive"},
            )
        negative = self.add(
            "negative",
            "CLIPTextEncode",
            {"text": settings.negative, "clip": loaded.clip},
            {"text": "negative", "clip": "model"},
        )
        return positive, negative

    def sampled(self, settings: Sampling, loaded: Parts) -> dict[str, Value | None]:
        """The inputs that KSampler and its kin share, with the family's settings where an author gave none."""
        positive, negative = self.prompts(settings, loaded)
        family = loaded.family
        return {
            "model": loaded.model,
            "positive": positive,
            "negative": negative,
            "seed": settings.seed,
            "steps": settings.steps if settings.steps is not None else family.steps,
            "cfg": settings.cfg if settings.cfg is not None else family.cfg,
            "sampler_name": settings.sampler or family.sampler,
            "scheduler": settings.scheduler or family.scheduler,
        }


# Which field each of those inputs comes from, where the names differ.
SAMPLED_FIELDS: Mapping[str, str | Path] = {"sampler_name": "sampler", "vae": "model"}

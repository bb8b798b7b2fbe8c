"""Where a stage is turned into nodes: what flows in, which models there are, and who wrote what."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias, TypeVar

from ..diagnostics import Diagnostic, Path, Place, Rule, Severity, did_you_mean
from ..graph import Link, Node, Value
from .models import ModelBlock

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
    """A latent flows, and with it the VAE that can decode it and the family it is of, where they are known."""

    link: Link
    vae: Link | None
    family: str | None = None


Flow: TypeAlias = Pixels | Latent
M = TypeVar("M", bound=ModelBlock)


@dataclass
class Workshop:
    """The nodes made so far and the findings on the way; one for a whole lowering.

    `broken` are names of models of which a finding has said that nothing can be made of them.
    """

    models: Mapping[str, ModelBlock]
    broken: Collection[str]
    place: Callable[[Path], Place]
    nodes: dict[str, Node] = field(default_factory=dict)
    findings: list[Diagnostic] = field(default_factory=list)
    paths: dict[str, Path] = field(default_factory=dict)

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
        self.paths.setdefault(owner, path)
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
        origin = self.workshop.paths.get(owner, self.path)
        return self.workshop.add(
            owner,
            origin,
            "decode",
            "VAEDecode",
            {"samples": link, "vae": self.given.vae},
            {"samples": (), "vae": ("model",)},
        )

    def latent(self, vae: Link, family: str) -> Link:
        """The latent that flows in, encoded where a picture does, or a latent that another family made."""
        if isinstance(self.given, Latent) and self.given.family in (None, family):
            return self.given.link
        if self.given is None:
            return self._nothing("a picture or latent")
        return self.add("encode", "VAEEncode", {"pixels": self.pixels(), "vae": vae}, {"pixels": (), "vae": "model"})

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
        if name in self.workshop.broken:
            return None
        if block is not None:
            wanted = " or ".join(each.kind for each in kinds)
            self.report(WRONG_KIND, at, f'"{name}" is {block.kind}, and {wanted} is wanted here')
            return None
        fitting = [key for key, each in self.workshop.models.items() if isinstance(each, kinds)]
        help = did_you_mean(name, fitting, "models that fit here") or 'define it under "models"'
        self.report(UNKNOWN_NAME, at, f'no model is named "{name}"', help)
        return None

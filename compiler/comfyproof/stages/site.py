"""Where a stage is turned into nodes: what flows in, which models there are, and who wrote what."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias, TypeVar

from ..diagnostics import Diagnostic, Path, Place, Rule, Severity, did_you_mean
from ..graph import Asset, Link, Node, Value
from .blocks import Reference
from .models import ModelBlock

# The fields that decide what others mean.
_DECISIVE = frozenset({"model", "method", "with", "from", "like", "mask", "image", "video", "size", "by", "start"})
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


class Motion(NamedTuple):
    """What makes pictures a video: how many a second, and the sound, where there is one."""

    fps: float | Link
    audio: Link | None = None


class Pixels(NamedTuple):
    """A picture flows, or the frames of a video."""

    link: Link
    motion: Motion | None = None


class Latent(NamedTuple):
    """A latent flows, and with it the VAE that can decode it and the kind of latent it is, where they are known.

    `masked` says that it carries a mask, which every sampler behind it would keep to.
    """

    link: Link
    vae: Link | None
    kind: str | None = None
    motion: Motion | None = None
    masked: bool = False


Flow: TypeAlias = Pixels | Latent
M = TypeVar("M", bound=ModelBlock)


@dataclass
class Workshop:
    """The nodes made so far and the findings on the way; one for a whole lowering.

    `broken` are names of models, and `holes` paths, of which a finding has said that nothing can be
    made of them. `refer` gives the output that a reference means, as the type that is wanted.
    """

    models: Mapping[str, ModelBlock]
    broken: Collection[str]
    holes: Collection[Path]
    place: Callable[[Path], Place]
    refer: Callable[[Site, Reference, str, Path], Link]
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
        given: dict[str, Value] = {}
        places = {}
        for name, value in inputs.items():
            at = fields.get(name, name)
            source = (*path, *((at,) if isinstance(at, str) else at))
            if value is not None or source in self.holes:
                given[name] = HOLE if value is None or self.is_hole(source) else value
                places[name] = self.place(source)
        self.nodes[id] = Node(
            id, type, given, owner if owner == role else f"{owner}: {role}", owner, (self.place(path),), places
        )
        return Link(id, 0)

    def is_hole(self, path: Path) -> bool:
        """Whether a finding has said that nothing can be made of what stands at a path."""
        return any(path[:cut] in self.holes for cut in range(len(path), 0, -1)) if self.holes else False


@dataclass
class Site:
    """One stage in the making.

    `broken` are the fields of it that could not be read: what depends on them is not spoken of.
    """

    name: str
    path: Path
    given: Flow | None
    workshop: Workshop
    broken: Collection[str] = ()

    @property
    def motion(self) -> Motion | None:
        """What makes a video of what flows in, where it is one."""
        return self.given.motion if self.given else None

    def add(
        self, role: str, type: str, inputs: Mapping[str, Value | None], fields: Mapping[str, str | Path] | None = None
    ) -> Link:
        """A node's first output, the node belonging to this stage."""
        return self.workshop.add(self.name, self.path, role, type, inputs, fields or {})

    def report(self, rule: Rule, at: Path, message: str, help: str = "") -> Link:
        """A hole, after saying why it is one; in silence where a field that could not be read may be the reason."""
        depends = self.broken if not at else _DECISIVE.intersection(self.broken)
        return HOLE if depends else self._say(rule, at, message, help)

    def _say(self, rule: Rule, at: Path, message: str, help: str) -> Link:
        if not self.workshop.is_hole((*self.path, *at)):
            self.workshop.findings.append(rule.at(self.workshop.place((*self.path, *at)), message, help))
        return HOLE

    def pixels(self) -> Link:
        """The picture that flows in, decoded where a latent does."""
        if isinstance(self.given, Pixels):
            return self.given.link
        if self.given is None:
            return self._nothing("a picture")
        return self.decoded(self.given)

    def decoded(self, latent: Latent) -> Link:
        """The picture of a latent."""
        if latent.vae is None:
            return self.report(
                UNTOLD,
                (),
                f'"{self.name}" takes a picture, and what flows here is a latent of a node whose VAE is not known',
                "decode it with a VAEDecode node first",
            )
        if latent.link == HOLE:
            return HOLE
        source = self.workshop.nodes.get(latent.link.node)
        owner = source.stage if source else latent.link.node
        origin = self.workshop.paths.get(owner, self.path)
        return self.workshop.add(
            owner,
            origin,
            "decode",
            "VAEDecode",
            {"samples": latent.link, "vae": latent.vae},
            {"samples": (), "vae": ("model",)},
        )

    def latent(self, vae: Link, kind: str | None, *, masked: bool = False) -> Link:
        """The latent that flows in, encoded where a picture does, or a latent of another kind.

        A mask that it carries is lifted, unless it is `masked` anew.
        """
        given = self.given
        if isinstance(given, Latent) and given.kind in (None, kind):
            return self._unmasked(given.link) if given.masked and not masked else given.link
        if given is None:
            return self._nothing("a picture or latent")
        return self.add("encode", "VAEEncode", {"pixels": self.pixels(), "vae": vae}, {"pixels": (), "vae": "model"})

    def _unmasked(self, latent: Link) -> Link:
        """The latent under a mask that lets all of it through: an earlier stage's would hold here too."""
        whole = self.add("whole mask", "SolidMask", {"value": 1.0, "width": 64, "height": 64})
        return self.add("unmask", "SetLatentNoiseMask", {"samples": latent, "mask": whole}, {"samples": (), "mask": ()})

    def picture(self, wanted: Asset | Reference, at: Path) -> Link:
        """A picture that a field names: a file of the author's, or what a stage or node gives."""
        if isinstance(wanted, Reference):
            return self.workshop.refer(self, wanted, "IMAGE", at)
        return self.add(f"{_role(at)} image", "LoadImage", {"image": wanted}, {"image": at})

    def mask(self, wanted: Asset | Reference, at: Path) -> Link:
        """A mask that a field names; of a picture in a file, what is white."""
        if isinstance(wanted, Reference):
            return self.workshop.refer(self, wanted, "MASK", at)
        inputs: Mapping[str, Value] = {"image": wanted, "channel": "red"}
        return self.add(_role(at), "LoadImageMask", inputs, {"image": at, "channel": at})

    def _nothing(self, what: str) -> Link:
        if "from" in self.broken:
            return HOLE
        return self._say(
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
        fitting = [key for key, each in self.workshop.models.items() if isinstance(each, kinds)]
        if block is not None:
            wanted = " or ".join(each.kind for each in kinds)
            known = f"models that fit here: {', '.join(fitting)}" if fitting else f'define {wanted} under "models"'
            self._say(WRONG_KIND, at, f'"{name}" is {block.kind}, and {wanted} is wanted here', known)
            return None
        help = did_you_mean(name, fitting, "models that fit here") or 'define it under "models"'
        self._say(UNKNOWN_NAME, at, f'no model is named "{name}"', help)
        return None


def _role(at: Path) -> str:
    """What a field's own node is called: its name, and which of several."""
    return " ".join(str(step + 1 if isinstance(step, int) else step) for step in at)

"""Models from the nodes that load them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ..graph import Link, Node
from ..stages.families import FAMILIES, Family, by_file_names
from .found import ModelFound
from .wires import Wires, number, text, wire

_COUNTS = {"": 1, "Dual": 2, "Triple": 3, "Quadruple": 4}
_SHIFTERS = {family.shifter for family in FAMILIES.values() if family.shifter}
# Files of families that the language does not have, though what they begin from may look the same.
_OTHER = re.compile(
    r"(?<![a-z0-9])v?2[-_.][01](?![0-9])|(?<![0-9])(?:512|768)(?![0-9])|cascade|lumina|svd|ltx|hunyuan|pixart|audio|ace_step",
    re.IGNORECASE,
)
_SMALL = 800  # the shorter side of what SD 1.5 is asked for is seldom longer


@dataclass(frozen=True)
class LoraAt:
    """A LoRA on a model's way to its sampler; `clip` is its strength on the text encoders, None without any."""

    node: str
    file: str
    strength: float
    clip: float | None


@dataclass(frozen=True)
class Peeled:
    """A model's way from its loader to its sampler, taken apart."""

    base: Link
    loras: tuple[LoraAt, ...]
    shifter: str = ""
    shift: Any = None
    differential: bool = False


@dataclass(frozen=True)
class Asked:
    """What a stage tells of its model's family: a family that would lower to other nodes is not it."""

    shifters: tuple[str, ...] = ("",)
    guided: bool = False
    clip_skip: bool = False
    empty_latent: str = ""
    control_vae: bool | None = None
    pads: bool = True
    looks_at: str = ""
    latent: str = ""
    video: bool | None = None

    def fits(self, family: Family) -> bool:
        """Whether a family lowers to what was seen."""
        shifted = all(
            shifter == family.shifter if shifter else family.shift is None or not family.shifter
            for shifter in self.shifters
        )
        return (
            shifted
            and (family.guided or not self.guided)
            and (family.has_clip or not self.clip_skip)
            and self.empty_latent in ("", family.empty_latent)
            and self.control_vae in (None, family.control_vae)
            and self.pads == family.pads
            and self.looks_at in ("", family.name)
            and self.latent in ("", family.latent)
            and self.video in (None, bool(family.frames))
        )


@dataclass
class Loaders:
    """The models of a graph, as stages ask for them."""

    wires: Wires
    refused: Collection[str] = ()
    found: dict[str, ModelFound] = field(default_factory=dict)

    def peeled(self, model: Link) -> Peeled | None:
        """A model without what is set on it; None where something is that no stage sets."""
        differential = shifter = shift = None
        if node := self.wires.origin(model, "DifferentialDiffusion"):
            if node.inputs.get("strength", 1.0) != 1.0 or not (below := wire(node, "model")):
                return None
            differential, model = True, below
        if node := self.wires.origin(model, *_SHIFTERS):
            shifter, shift, below = node.type, _shift(node), wire(node, "model")
            if shift is None or below is None:
                return None
            model = below
        loras: list[LoraAt] = []
        seen: set[str] = set()
        while (node := self.wires.origin(model, "LoraLoader", "LoraLoaderModelOnly")) and node.id not in seen:
            seen.add(node.id)
            lora, below = _lora(node), wire(node, "model")
            if lora is None or below is None:
                return None
            loras.append(lora)
            model = below
        return Peeled(model, tuple(reversed(loras)), shifter or "", shift, bool(differential))

    def clip_below(self, clip: Link, loras: tuple[LoraAt, ...]) -> Link | None:
        """The text encoders below the same LoRAs as the model's; None where theirs are others."""
        for lora in reversed([lora for lora in loras if lora.clip is not None]):
            node = self.wires.origin(clip, "LoraLoader", output=1)
            below = wire(node, "clip") if node is not None and node.id == lora.node else None
            if below is None:
                return None
            clip = below
        return clip

    def model(self, base: Link, clip: Link, vae: Link | None, asked: Asked, extra: Mapping[str, Any]) -> _Found | None:
        """The model of these loaders with the family that was asked for."""
        if node := self.wires.origin(base, "CheckpointLoaderSimple"):
            return self._checkpoint(node, clip, vae, asked)
        node = self.wires.origin(base, "UNETLoader", "UnetLoaderGGUF")
        if node is None or (file := text(node, "unet_name")) is None:
            return None
        block: dict[str, Any] = {"diffusion_model": file}
        dtype = text(node, "weight_dtype")
        return self._in_parts(block, dtype, {"model": base}, clip, vae, asked, extra, node)

    def experts(
        self, high: Link, low: Link, switch: int | None, clip: Link, vae: Link | None, asked: Asked
    ) -> _Found | None:  # fmt: skip
        """The model of two experts."""
        nodes = [self.wires.origin(link, "UNETLoader", "UnetLoaderGGUF") for link in (high, low)]
        files = [text(node, "unet_name") if node else None for node in nodes]
        dtypes = {text(node, "weight_dtype") for node in nodes if node}
        if None in files or nodes[0] is None or len(dtypes) != 1:
            return None
        block: dict[str, Any] = {"experts": {"high": files[0], "low": files[1]}}
        if switch is not None:
            block["experts"]["switch"] = switch
        outputs = {"model": high, "high": high, "low": low}
        return self._in_parts(block, dtypes.pop(), outputs, clip, vae, asked, {}, nodes[0])

    def _checkpoint(self, node: Node, clip: Link, vae: Link | None, asked: Asked) -> _Found | None:
        file, own = text(node, "ckpt_name"), Link(node.id, 2)
        if file is None or clip != Link(node.id, 1):
            return None
        block: dict[str, Any] = {"checkpoint": file}
        if vae is not None and vae != own:
            loader = self.wires.origin(vae, "VAELoader")
            if loader is None or (name := text(loader, "vae_name")) is None:
                return None
            block["vae"] = name
        family = _family(asked, (file,), self._likely(file))
        if family is None:
            return None
        outputs = {"model": Link(node.id, 0), "clip": clip, "vae": vae or own}
        return self._kept("checkpoint", block, (file,), family, outputs, node)

    def _in_parts(
        self, block: dict[str, Any], dtype: str | None, outputs: dict[str, Link], clip: Link, vae: Link | None,
        asked: Asked, extra: Mapping[str, Any], node: Node,
    ) -> _Found | None:  # fmt: skip
        vae = vae or self._only("VAELoader")
        loader = self.wires.origin(vae, "VAELoader")
        encoders = self._encoders(clip)
        if loader is None or vae is None or encoders is None or (name := text(loader, "vae_name")) is None:
            return None
        files, kind, padded = encoders
        likely = [f for f in FAMILIES.values() if f.encoders.get(len(files)) == kind and f.pads == padded]
        experts = block.get("experts")
        names = (*((experts["high"], experts["low"]) if experts else (block["diffusion_model"],)), *files)
        family = _family(asked, names, likely)
        if family is None:
            return None
        block |= {"text_encoders": list(files), "vae": name}
        if dtype not in (None, "default"):
            block["dtype"] = dtype
        block |= extra
        word = "experts" if experts else "diffusion_model"
        return self._kept(word, block, names, family, {**outputs, "clip": clip, "vae": vae}, node)

    def _encoders(self, clip: Link) -> tuple[tuple[str, ...], str, bool] | None:
        """The files, the loader's type and whether T5 is left to pad."""
        padded = True
        if (options := self.wires.origin(clip, "T5TokenizerOptions")) and (below := wire(options, "clip")):
            padded, clip = False, below
        for prefix, count in _COUNTS.items():
            if node := self.wires.origin(clip, f"{prefix}CLIPLoader", f"{prefix}CLIPLoaderGGUF"):
                keys = ["clip_name"] if count == 1 else [f"clip_name{n}" for n in range(1, count + 1)]
                files = [text(node, key) for key in keys]
                if any(file is None for file in files):
                    return None
                return tuple(file for file in files if file is not None), text(node, "type") or "", padded
        return None

    def _only(self, type: str) -> Link | None:
        """The first output of the one node of a class."""
        ids = [node.id for node in self.wires.graph.nodes.values() if node.type == type]
        return Link(ids[0], 0) if len(ids) == 1 else None

    def _kept(
        self, kind: str, block: dict[str, Any], names: tuple[str, ...], family: Family, outputs: Mapping[str, Link],
        node: Node,
    ) -> _Found | None:  # fmt: skip
        if outputs["model"].node in self.refused:
            return None
        if by_file_names(names) is not family:
            block["family"] = family.name
        model = ModelFound(kind, block, outputs, node.title)
        return _Found(self.found.setdefault(repr((kind, block)), model), family)

    def _likely(self, checkpoint: str) -> list[Family]:
        """The families that a checkpoint may be of, the likeliest first: the one that its name tells, else a guess.

        Without a sign of one there are none: what a wrong family says of memory and settings is worse than nodes.
        """
        if told := by_file_names((checkpoint,)):
            return [told]
        if _OTHER.search(checkpoint):
            return []
        begun = any(node.type == "EmptyLatentImage" for node in self.wires.graph.nodes.values())
        usual = [FAMILIES[name] for name in (("sd15", "sdxl") if self._small else ("sdxl", "sd15"))]
        return [*self._hints, *(usual if begun else [])]

    @cached_property
    def _hints(self) -> list[Family]:
        """The families that the names of what goes with a model tell."""
        keys = ("control_net_name", "lora_name")
        nodes = self.wires.graph.nodes.values()
        files = [file for node in nodes for key in keys if (file := text(node, key)) is not None]
        return [family for file in files if (family := by_file_names((file,))) is not None]

    @cached_property
    def _small(self) -> bool:
        """Whether a picture is begun that small."""
        nodes = [node for node in self.wires.graph.nodes.values() if node.type == "EmptyLatentImage"]
        sides = [number(node, side) for node in nodes for side in ("width", "height")]
        return min((side for side in sides if side), default=_SMALL) < _SMALL

    def simple(self, link: Link | None, type: str, key: str, kind: str) -> ModelFound | None:
        """A model of one file, such as a ControlNet, of the node that loads it."""
        node = self.wires.origin(link, type)
        file = text(node, key) if node else None
        return None if node is None or file is None else ModelFound(kind, {kind: file}, {}, node.title)

    def unused(self) -> Iterator[ModelFound]:
        """The checkpoints and, where it is plain what belongs to it, the diffusion model that no stage samples with."""
        taken = {link for model in self.found.values() for link in model.outputs.values()}
        if not taken and (pair := self._pair()) is not None:
            yield pair.model
            return
        for node in list(self.wires.graph.nodes.values()):
            base = Link(node.id, 0)
            if base in taken:
                continue
            found = None
            if node.type == "CheckpointLoaderSimple" and by_file_names((text(node, "ckpt_name") or "",)):
                found = self._checkpoint(node, Link(node.id, 1), None, _ANY)
            elif node.type in ("UNETLoader", "UnetLoaderGGUF") and self._only(node.type) == base:
                clips = [link for link in map(self._only, _CLIP_LOADERS) if link]
                if len(clips) == 1 and by_file_names((text(node, "unet_name") or "",)):
                    found = self.model(base, clips[0], None, _ANY, {})
            if found is not None:
                yield found.model

    def _pair(self) -> _Found | None:
        """The two experts of a graph that has no other diffusion model."""
        nodes = [node for node in self.wires.graph.nodes.values() if node.type in ("UNETLoader", "UnetLoaderGGUF")]
        names = [(text(node, "unet_name") or "").casefold() for node in nodes]
        clips = [link for link in map(self._only, _CLIP_LOADERS) if link]
        if len(nodes) != 2 or len(clips) != 1 or by_file_names(names) is None:
            return None
        places = [next((n for n, name in enumerate(names) if word in name), -1) for word in ("high", "low")]
        if sorted(places) != [0, 1]:
            return None
        high, low = (Link(nodes[place].id, 0) for place in places)
        return self.experts(high, low, None, clips[0], None, _ANY)


@dataclass(frozen=True)
class _Found:
    model: ModelFound
    family: Family


_CLIP_LOADERS = [f"{prefix}CLIPLoader{suffix}" for prefix in _COUNTS for suffix in ("", "GGUF")]


@dataclass(frozen=True)
class _Any(Asked):
    def fits(self, family: Family) -> bool:
        return True


_ANY = _Any()


def _family(asked: Asked, names: tuple[str, ...], likely: list[Family]) -> Family | None:
    """The family that the file names tell if it fits, else the likeliest that does."""
    told = by_file_names(names)
    fitting = [family for family in likely if asked.fits(family)]
    return told if told in fitting else fitting[0] if fitting else None


def _shift(node: Node) -> Any:
    """The shift that a node sets; None where it is one that no stage sets."""
    if node.type != "ModelSamplingFlux":
        return number(node, "shift")
    shift = number(node, "max_shift")
    plain = (number(node, "base_shift"), number(node, "width"), number(node, "height"))
    return shift if plain == (shift, 1024, 1024) else None


def _lora(node: Node) -> LoraAt | None:
    file, strength = text(node, "lora_name"), number(node, "strength_model")
    clip = number(node, "strength_clip") if node.type == "LoraLoader" else None
    if file is None or strength is None or (node.type == "LoraLoader" and not clip):
        return None
    return LoraAt(node.id, file, strength, clip)

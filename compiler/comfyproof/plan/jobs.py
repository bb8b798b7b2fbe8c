"""Jobs: what the nodes of a graph make a ComfyUI load and calculate, in the order in which it runs them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ..catalog.pinned import Catalog
from ..facts.kinds import upscale_factor
from ..facts.read import facts_of
from ..graph import Graph, Link, Node

UNKNOWN_PICTURE = (1024, 1024)
_SEAMS = {"None": 0, "Band Pass": 1, "Half Tile": 2, "Half Tile + Intersections": 3}


@dataclass(frozen=True, slots=True)
class Picture:
    """Images or a latent: size in pixels, how many images long one is, and how many there are."""

    width: int
    height: int
    frames: int = 1
    count: int = 1


@dataclass(frozen=True, slots=True)
class Job:
    """One thing a node does.

    `kind` is "load model", "load checkpoint", "load text encoders", "load vae", "encode text", "vae encode",
    "vae decode", "sample", "upscale" or "tiles". `loaders` are the ids of the nodes that loaded what it uses: model,
    text encoders or VAE first, ControlNets after; `vae` the VAE's of tiles. `files` are what it loads or, of an upscale
    model, uses. `patches` are the LoRAs on the model. `tile` is in pixels, 0 for none, `times` how often it runs.
    `references` are the pixels of the pictures that the positive and the negative conditioning refer to.
    """

    kind: str
    node: Node
    loaders: tuple[str, ...] = ()
    vae: str = ""
    files: tuple[str, ...] = ()
    patches: tuple[str, ...] = ()
    picture: Picture = Picture(0, 0)
    steps: int = 0
    cfg: float = 1.0
    sampler: str = ""
    tile: int = 0
    times: int = 1
    scale: float = 4
    dtype: str = "default"
    references: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True)
class _Flow:
    """What flows along a link, of whatever type."""

    loader: str = ""
    patches: tuple[str, ...] = ()
    picture: Picture | None = None
    controls: tuple[str, ...] = ()
    file: str = ""
    cfg: float | None = None
    references: tuple[int, int] = (0, 0)


_NOTHING = _Flow()
_MODELS = {
    "UNETLoader": "unet_name",
    "UnetLoaderGGUF": "unet_name",
    "UnetLoaderGGUFAdvanced": "unet_name",
}
_CHECKPOINTS = {
    "CheckpointLoaderSimple": "ckpt_name",
    "CheckpointLoader": "ckpt_name",
    "unCLIPCheckpointLoader": "ckpt_name",
    "ImageOnlyCheckpointLoader": "ckpt_name",
}
_TEXTS = ("CLIPLoader", "DualCLIPLoader", "TripleCLIPLoader", "QuadrupleCLIPLoader")
_SAMPLERS = ("KSampler", "KSamplerAdvanced", "SamplerCustom", "SamplerCustomAdvanced")
_TILERS = ("UltimateSDUpscale", "UltimateSDUpscaleNoUpscale", "UltimateSDUpscaleCustomSample")


def jobs_of(graph: Graph, catalog: Catalog, pictures: Mapping[str, tuple[int, int]] | None = None) -> list[Job]:
    """The jobs of a graph in the server's order; `pictures` are the sizes of the images that it loads, by name.

    An image of unknown size counts as 1024 x 1024.
    """
    return _Reader(graph, catalog, pictures or {}).read()


def server_order(graph: Graph, catalog: Catalog) -> list[Node]:
    """The nodes that lead to an output, as ComfyUI 0.3.64 runs them: outputs as soon as they can be had."""
    outputs = {id for id, node in graph.nodes.items() if (kind := catalog.get(node.type)) and kind.is_output}
    waiting: dict[str, set[str]] = {}
    stack: list[str]
    for output in graph.nodes:
        stack = [output] if output in outputs else []
        while stack:
            id = stack.pop()
            if id not in waiting:
                waiting[id] = set(graph.producers(id))
                stack += [value.node for _, value in graph.nodes[id].links() if value.node in graph.nodes]
    order: list[Node] = []
    while waiting:
        ready = [id for id, needed in waiting.items() if not needed]
        if not ready:
            break  # a cycle
        id = _best(ready, outputs, graph, waiting)
        del waiting[id]
        order.append(graph.nodes[id])
        for fed in graph.consumers[id]:
            if fed in waiting:
                waiting[fed].discard(id)
    return order


def _best(ready: list[str], outputs: set[str], graph: Graph, waiting: Mapping[str, set[str]]) -> str:
    reach = [(id, {id}) for id in ready]
    for _ in range(3):
        for id, reached in reach:
            if reached & outputs:
                return id
        reach = [
            (id, {fed for source in reached for fed in graph.consumers[source] if fed in waiting})
            for id, reached in reach
        ]
    return ready[0]


@dataclass
class _Reader:
    graph: Graph
    catalog: Catalog
    pictures: Mapping[str, tuple[int, int]]
    jobs: list[Job] = field(default_factory=list)
    flows: dict[tuple[str, int], _Flow] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.facts = facts_of(self.graph, self.catalog)

    def read(self) -> list[Job]:
        for node in server_order(self.graph, self.catalog):
            self._reader(node)(node)
        return self.jobs

    def _reader(self, node: Node) -> Callable[[Node], None]:
        kind = node.type
        if kind in _MODELS:
            return self._load_model
        if kind in _CHECKPOINTS:
            return self._load_checkpoint
        if kind.removesuffix("GGUF") in _TEXTS:
            return self._load_texts
        if kind in _SAMPLERS:
            return self._sample
        if kind in _TILERS:
            return self._tiles
        return {
            "VAELoader": self._load_vae,
            "ControlNetLoader": self._load_control,
            "UpscaleModelLoader": self._load_upscaler,
            "LoraLoader": self._lora,
            "LoraLoaderModelOnly": self._lora,
            "LoadImage": self._load_image,
            "ImageUpscaleWithModel": self._upscale,
            "ReferenceLatent": self._refer,
            "TextEncodeQwenImageEdit": self._edit,
            "TextEncodeQwenImageEditPlus": self._edit,
            "BasicGuider": self._guider,
            "CFGGuider": self._guider,
            "ControlNetApply": self._control,
            "ControlNetApplyAdvanced": self._control,
            "VAEDecode": self._decode,
            "VAEDecodeTiled": self._decode,
        }.get(kind, self._other)

    # What a node is given

    def flow(self, node: Node, *names: str) -> _Flow:
        for name in names:
            value = node.inputs.get(name)
            if isinstance(value, Link):
                return self.flows.get((value.node, value.output), _NOTHING)
        return _NOTHING

    def number(self, node: Node, name: str, otherwise: float) -> float:
        found = self.facts.setting(node, name).number
        return otherwise if found is None else found

    def text(self, node: Node, name: str) -> str:
        return self.facts.setting(node, name).text or ""

    def give(self, node: Node, *flows: _Flow) -> None:
        for at, flow in enumerate(flows):
            self.flows[node.id, at] = flow

    def job(self, kind: str, node: Node, **rest: Any) -> None:
        self.jobs.append(Job(kind, node, **rest))

    # Loaders

    def _load_model(self, node: Node) -> None:
        file = self.text(node, _MODELS[node.type])
        self.job("load model", node, files=(file,), dtype=self.text(node, "weight_dtype") or "default")
        self.give(node, _Flow(node.id))

    def _load_checkpoint(self, node: Node) -> None:
        self.job("load checkpoint", node, files=(self.text(node, _CHECKPOINTS[node.type]),))
        self.give(node, _Flow(node.id), _Flow(node.id), _Flow(node.id))

    def _load_texts(self, node: Node) -> None:
        names = [name for name in node.inputs if name.startswith("clip_name")]
        self.job("load text encoders", node, files=tuple(self.text(node, name) for name in names))
        self.give(node, _Flow(node.id))

    def _load_vae(self, node: Node) -> None:
        self.job("load vae", node, files=(self.text(node, "vae_name"),))
        self.give(node, _Flow(node.id))

    def _load_control(self, node: Node) -> None:
        self.job("load controlnet", node, files=(self.text(node, "control_net_name"),))
        self.give(node, _Flow(node.id))

    def _load_upscaler(self, node: Node) -> None:
        self.give(node, _Flow(node.id, file=self.text(node, "model_name")))

    def _lora(self, node: Node) -> None:
        model, clip = self.flow(node, "model"), self.flow(node, "clip")
        if self.number(node, "strength_model", 1.0):
            model = replace(model, patches=(*model.patches, node.id))
        if self.number(node, "strength_clip", 1.0):
            clip = replace(clip, patches=(*clip.patches, node.id))
        self.give(node, model, clip)

    def _load_image(self, node: Node) -> None:
        value = node.inputs.get("image")
        name = str(getattr(value, "name", value))
        self.give(node, _Flow(picture=Picture(*self.pictures.get(name, UNKNOWN_PICTURE))))

    # Work

    def _picture(self, node: Node, *names: str) -> Picture:
        known = None
        for name in names:
            known = known or self.facts.size(node.inputs.get(name))
        found = self.flow(node, *names).picture
        if found is None:
            return Picture(*(known or UNKNOWN_PICTURE))
        return found

    def _upscale(self, node: Node) -> None:
        picture, model = self._picture(node, "image"), self.flow(node, "upscale_model")
        scale = upscale_factor(model.file) or 4
        self.job("upscale", node, files=(model.file,), picture=picture, scale=scale)
        self.give(node, _Flow(picture=_scaled(picture, scale)))

    def _decode(self, node: Node) -> None:
        picture = self._picture(node, "samples")
        tile = int(self.number(node, "tile_size", 512)) if node.type == "VAEDecodeTiled" else 0
        self.job("vae decode", node, loaders=(self.flow(node, "vae").loader,), picture=picture, tile=tile)
        self.give(node, _Flow(picture=picture))

    def _guider(self, node: Node) -> None:
        model = self.flow(node, "model")
        positive = self.flow(node, "conditioning", "positive")
        cfg = 1.0 if node.type == "BasicGuider" else self.number(node, "cfg", 1.0)
        self.give(node, replace(model, controls=positive.controls, cfg=cfg, references=self._referred(node)))

    def _referred(self, node: Node) -> tuple[int, int]:
        positive, negative = self.flow(node, "conditioning", "positive"), self.flow(node, "negative")
        return positive.references[0], negative.references[0]

    def _refer(self, node: Node) -> None:
        """A conditioning that refers to one more latent."""
        flow, picture = self.flow(node, "conditioning"), self._picture(node, "latent")
        self.give(node, replace(flow, references=(flow.references[0] + picture.width * picture.height, 0)))

    def _edit(self, node: Node) -> None:
        """Text and pictures for Qwen, which are scaled to a megapixel and encoded too."""
        pictures = [name for name, _ in node.links() if name.startswith("image")]
        vae = self.flow(node, "vae").loader
        if vae:
            for _ in pictures:
                self.job("vae encode", node, loaders=(vae,), picture=Picture(1024, 1024))
        self._encode(node)
        self.give(node, _Flow(references=(len(pictures) * 1024 * 1024 if vae else 0, 0)))

    def _control(self, node: Node) -> None:
        loader = self.flow(node, "control_net").loader
        for at, name in enumerate(("positive", "negative") if "positive" in node.inputs else ("conditioning",)):
            flow = self.flow(node, name)
            controls = flow.controls if loader in flow.controls else (*flow.controls, loader)
            self.flows[node.id, at] = replace(flow, controls=controls)

    def _sample(self, node: Node) -> None:
        guider = self.flow(node, "guider")
        model = guider if guider.loader else self.flow(node, "model")
        cfg = guider.cfg if guider.cfg is not None else self.number(node, "cfg", 1.0)
        picture = self._picture(node, "latent_image")
        if not self.flow(node, "latent_image").picture:
            latent = self.facts.latent(node.inputs.get("latent_image"))
            width, height = latent.size or UNKNOWN_PICTURE
            picture = Picture(width, height, latent.length or 1, latent.batch or 1)
        found = next((one for one in self.facts.samplers if one.node is node), None)
        steps = int((found.count if found else 0) or self.number(node, "steps", 20))
        if node.type == "KSamplerAdvanced":
            first, last = self.number(node, "start_at_step", 0), self.number(node, "end_at_step", steps)
            steps = max(0, int(min(last, steps) - first))
        self.job(
            "sample",
            node,
            loaders=(model.loader, *(model.controls or self.flow(node, "positive").controls)),
            patches=model.patches,
            references=guider.references if guider.loader else self._referred(node),
            picture=picture,
            steps=steps,
            cfg=cfg,
            sampler=(found.sampler.text or "") if found and found.sampler else "",
        )
        self.give(node, _Flow(picture=picture), _Flow(picture=picture))

    def _tiles(self, node: Node) -> None:
        picture, model = self._picture(node, "image", "upscaled_image"), self.flow(node, "model")
        if node.type != "UltimateSDUpscaleNoUpscale":
            upscaler = self.flow(node, "upscale_model")
            if upscaler.loader:
                scale = upscale_factor(upscaler.file) or 4
                self.job("upscale", node, files=(upscaler.file,), picture=picture, scale=scale)
            picture = _scaled(picture, self.number(node, "upscale_by", 2.0), 8)
        if self.text(node, "mode_type") != "None":
            self._tiled(node, picture, model)
        self.give(node, _Flow(picture=picture))

    def _tiled(self, node: Node, picture: Picture, model: _Flow) -> None:
        wide, high = int(self.number(node, "tile_width", 512)), int(self.number(node, "tile_height", 512))
        padding = int(self.number(node, "tile_padding", 32))
        columns, rows = -(-picture.width // max(wide, 8)), -(-picture.height // max(high, 8))
        times = columns * rows
        seam = _SEAMS.get(self.text(node, "seam_fix_mode"), 0)
        if seam == 1:
            times += max(0, rows + columns - 2)
        elif seam:
            times += rows * (columns - 1) + (rows - 1) * columns + (seam == 3) * (rows - 1) * (columns - 1)
        self.job(
            "tiles",
            node,
            loaders=(model.loader, *self.flow(node, "positive").controls),
            vae=self.flow(node, "vae").loader,
            patches=model.patches,
            picture=Picture(_eight(wide + padding), _eight(high + padding), 1, picture.count),
            steps=int(self.number(node, "steps", 20)),
            cfg=self.number(node, "cfg", 1.0),
            sampler=self.text(node, "sampler_name"),
            times=times * picture.count,
        )

    def _other(self, node: Node) -> None:
        """Any other node: what it does follows from what goes in and out."""
        declared = self.catalog.get(node.type)
        if declared is None:
            return
        out = [output.type for output in declared.outputs]
        if "CONDITIONING" in out and isinstance(node.inputs.get("clip"), Link):
            self._encode(node)
        if isinstance(node.inputs.get("vae"), Link) and "LATENT" in out:
            name = next((name for name in self.facts.view.linked(node, "IMAGE")), "")
            if name:
                picture = self._picture(node, name)
                tile = int(self.number(node, "tile_size", 512)) if "Tiled" in node.type else 0
                self.job("vae encode", node, loaders=(self.flow(node, "vae").loader,), picture=picture, tile=tile)
        for at, kind in enumerate(out):
            self.flows[node.id, at] = self._passed(node, at, str(kind))

    def _encode(self, node: Node) -> None:
        clip = self.flow(node, "clip")
        self.job("encode text", node, loaders=(clip.loader,), patches=clip.patches)

    def _passed(self, node: Node, at: int, kind: str) -> _Flow:
        """What comes out is what went in, unless the graph says more."""
        link = Link(node.id, at)
        if kind == "LATENT":
            latent = self.facts.latent(link)
            came = self.flow(node, *self.facts.view.linked(node, "LATENT", "IMAGE")).picture or Picture(
                *UNKNOWN_PICTURE
            )
            length = int(self.number(node, "length", 0)) or latent.length or came.frames
            count = latent.batch or int(self.number(node, "batch_size", came.count))
            width, height = latent.size or self._sides(node, came)
            return _Flow(picture=Picture(width, height, max(1, length), max(1, count)))
        if kind in ("IMAGE", "MASK"):
            came = self.flow(node, *self.facts.view.linked(node, kind)).picture or Picture(*UNKNOWN_PICTURE)
            width, height = self.facts.size(link) or self._sides(node, came)
            return _Flow(picture=replace(came, width=width, height=height))
        names = self.facts.view.linked(node, kind)
        return self.flow(node, *names) if names else _NOTHING

    def _sides(self, node: Node, came: Picture) -> tuple[int, int]:
        """The size that a node scales to: by a factor, to sides, or to an area."""
        factor = self.number(node, "scale_by", 0) or self.number(node, "upscale_by", 0)
        if factor > 0:
            return round(came.width * factor), round(came.height * factor)
        if (area := self.number(node, "megapixels", 0)) > 0:
            factor = (area * 1024 * 1024 / max(1, came.width * came.height)) ** 0.5
            return round(came.width * factor), round(came.height * factor)
        width, height = int(self.number(node, "width", 0)), int(self.number(node, "height", 0))
        if width > 0 and height > 0:
            return width, height
        return came.width, came.height


def _eight(side: int) -> int:
    return -(-side // 8) * 8


def _scaled(picture: Picture, factor: float, step: int = 1) -> Picture:
    width, height = round(picture.width * factor), round(picture.height * factor)
    return replace(picture, width=-(-width // step) * step, height=-(-height // step) * step)

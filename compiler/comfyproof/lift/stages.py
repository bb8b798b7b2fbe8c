"""Stages from the nodes that they end in."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from ..graph import Link, Node
from ..stages.families import FAMILIES
from ..stages.models import UpscaleModel
from ..stages.upscale import REDRAW, SEAMS
from .found import FileInput, Flow, StageFound, Want
from .loaders import Loaders
from .sampling import Context, Reader, Sampled
from .wires import Wires, number, text, wire

_EMPTY = {family.empty_latent: bool(family.frames) for family in FAMILIES.values()}
_RESAMPLERS = ("nearest-exact", "bilinear", "area", "bicubic", "lanczos")


@dataclass
class Stages:
    """Every stage that a graph can be read as, but those whose last node was refused.

    A node may take part in several; which of them a spec needs, its outputs say.
    """

    wires: Wires
    loaders: Loaders
    refused: Collection[str] = ()
    flows: dict[Link, StageFound] = field(default_factory=dict)
    sinks: dict[str, StageFound] = field(default_factory=dict)

    def read(self) -> Stages:
        """The stages found, producers before consumers."""
        self.reader = Reader(self.wires, self.loaders)
        kinds: Mapping[str, Callable[[Node], StageFound | None]] = {
            "LoadImage": self._load, "GetVideoComponents": self._load_video, "KSampler": self._sampler,
            "KSamplerAdvanced": self._experts, "LatentUpscaleBy": self._latent_upscale,
            "ImageUpscaleWithModel": self._by_model, "ImageScaleBy": self._scale_by, "ImageScale": self._scale,
            "UltimateSDUpscale": self._ultimate, "ImageCompositeMasked": self._paste,
            "SaveImage": self._save, "PreviewImage": self._preview, "SaveVideo": self._save_mp4,
            "SaveWEBM": self._save_webm, "SaveAnimatedWEBP": self._save_webp,
        }  # fmt: skip
        for id in self.wires.graph.order:
            node = self.wires.graph.nodes[id]
            found = kinds[node.type](node) if node.type in kinds and id not in self.refused else None
            if found is None:
                continue
            if found.kind in ("save", "preview"):
                self.sinks[id] = found
            elif found.flow is not None:
                self.flows[found.flow.link] = found
        return self

    def giving(self, link: Link | None, type: str) -> StageFound | None:
        """The stage that gives an output, as a picture or as a latent."""
        if link is None:
            return None
        found = self.flows.get(link)
        if found is not None and found.flow is not None:
            return found if found.flow.pixels == (type == "IMAGE") else None
        decode = self.wires.origin(link, "VAEDecode") if type == "IMAGE" else None
        latent = self.flows.get(samples) if decode and (samples := wire(decode, "samples")) else None
        if decode is None or latent is None or latent.flow is None or latent.flow.pixels:
            return None
        return latent if latent.flow.vae == wire(decode, "vae") else None

    def _video(self, link: Link, type: str = "IMAGE") -> StageFound | None:
        given = self.giving(link, type)
        return given.flow.video if given and given.flow else None

    def _pixels(self, node: Node, kind: str, fields: dict[str, Any], image: Link | None) -> StageFound | None:
        """A stage that takes pixels and gives pixels."""
        if image is None or any(value is None for value in fields.values()):
            return None
        flow = Flow(Link(node.id, 0), True, video=self._video(image))
        return StageFound(kind, node.id, fields, Want(image, "IMAGE"), flow)

    def _load(self, node: Node) -> StageFound | None:
        file = file_input(node, "image", "image")
        return None if file is None else StageFound("load", node.id, {"image": file}, flow=Flow(Link(node.id, 0), True))

    def _load_video(self, node: Node) -> StageFound | None:
        loader = self.wires.origin(node.inputs.get("video"), "LoadVideo")
        file = file_input(loader, "file", "video") if loader else None
        if file is None:
            return None
        found = StageFound("load", node.id, {"video": file})
        found.flow = Flow(Link(node.id, 0), True, video=found)
        return found

    def _scale(self, node: Node) -> StageFound | None:
        width, height, method = number(node, "width"), number(node, "height"), text(node, "upscale_method")
        crop = {"disabled": "stretch", "center": "crop"}.get(text(node, "crop") or "")
        if not width or not height or crop is None or method not in _RESAMPLERS:
            return None
        fields: dict[str, Any] = {"size": f"{width}x{height}", "fit": crop, "method": method}
        fields = {name: value for name, value in fields.items() if value not in ("stretch", "lanczos")}
        return self._pixels(node, "resize", fields, wire(node, "image"))

    def _scale_by(self, node: Node) -> StageFound | None:
        by, method, image = number(node, "scale_by"), text(node, "upscale_method"), wire(node, "image")
        if not by or method not in _RESAMPLERS:
            return None
        large = self.wires.origin(image, "ImageUpscaleWithModel")
        if large is not None and method == "lanczos" and image is not None and len(self.wires.takers[image]) == 1:
            found = self.flows.get(image)
            block = UpscaleModel(**found.fields["with"].fields) if found else None
            factor = block.known_factor() if block else None
            if found and factor and (wanted := _product(by, factor)) and wanted / factor == by:
                flow = Flow(Link(node.id, 0), True, video=found.flow.video if found.flow else None)
                return StageFound("upscale", node.id, {**found.fields, "by": wanted}, found.source, flow)
        if by > 1:
            fields = {"by": by} if method == "lanczos" else {"by": by, "method": method}
            return self._pixels(node, "upscale", fields, image)
        return self._pixels(node, "resize", {"by": by} if method == "lanczos" else {"by": by, "method": method}, image)

    def _by_model(self, node: Node) -> StageFound | None:
        model = self.loaders.simple(
            wire(node, "upscale_model"), "UpscaleModelLoader", "model_name", "upscale_model"
        )  # fmt: skip
        return self._pixels(node, "upscale", {"with": model}, wire(node, "image"))

    def _latent_upscale(self, node: Node) -> StageFound | None:
        samples, by = wire(node, "samples"), number(node, "scale_by")
        given = self.giving(samples, "LATENT")
        if samples is None or given is None or given.flow is None or not by:
            return None
        if text(node, "upscale_method") != "nearest-exact":
            return None
        was = given.flow
        flow = Flow(Link(node.id, 0), False, was.vae, was.kind, was.masked, was.video)
        return StageFound("upscale", node.id, {"method": "latent", "by": by}, Want(samples, "LATENT"), flow)

    def _ultimate(self, node: Node) -> StageFound | None:
        vae, image = wire(node, "vae"), wire(node, "image")
        context = Context(wire(node, "positive"), wire(node, "negative"), vae)
        sampled = self.reader.sampled(node, context) if vae and image else None
        model = self.loaders.simple(
            wire(node, "upscale_model"), "UpscaleModelLoader", "model_name", "upscale_model"
        )  # fmt: skip
        tile = number(node, "tile_width")
        if sampled is None or sampled.differential or model is None or tile != number(node, "tile_height"):
            return None
        redraw = {word: key for key, word in REDRAW.items()}.get(text(node, "mode_type") or "")
        seams = {word: key for key, word in SEAMS.items()}.get(text(node, "seam_fix_mode") or "")
        fields: dict[str, Any] = {"with": model, "by": number(node, "upscale_by"), "method": "ultimate", "tile": tile}
        fields |= {"overlap": number(node, "tile_padding"), "redraw": redraw}
        if number(node, "mask_blur") != self._usual(node, "mask_blur"):
            fields["blur"] = number(node, "mask_blur")
        if node.inputs.get("seam_fix_mode") != self._usual(node, "seam_fix_mode"):
            fields["seams"] = seams
        settings = {name: value for name, value in sampled.fields.items() if name != "references"}
        return self._pixels(node, "upscale", {**fields, **settings}, image)

    def _usual(self, node: Node, name: str) -> Any:
        """The value that a class takes where a spec says nothing."""
        declared = self.wires.catalog.get(node.type)
        return declared.inputs[name].default if declared and name in declared.inputs else None

    def _sampler(self, node: Node) -> StageFound | None:
        sampled: Callable[[Context], Sampled | None] = lambda context: self.reader.sampled(node, context)  # noqa: E731
        latent = wire(node, "latent_image")
        return None if latent is None else self._sampling(node, latent, node, sampled)

    def _experts(self, node: Node) -> StageFound | None:
        """Two samplers, of which this is the second."""
        high = self.wires.origin(node.inputs.get("latent_image"), "KSamplerAdvanced")
        latent = wire(high, "latent_image") if high else None
        if high is None or latent is None:
            return None
        return self._sampling(node, latent, high, lambda context: self.reader.by_experts(high, node, context))

    def _sampling(
        self, node: Node, latent: Link, first: Node, sampled: Callable[[Context], Sampled | None]
    ) -> StageFound | None:
        """A stage that samples, by what its latent comes from; `first` is the sampler that takes the latent."""
        positive, negative = wire(first, "positive"), wire(first, "negative")
        start = self.wires.graph.nodes.get(latent.node)
        if start is None:
            return None
        if start.type in _EMPTY or start.type in ("WanImageToVideo", "WanFirstLastFrameToVideo"):
            found = self._generate(node, start, positive, negative, sampled)
            if found is not None or start.type.startswith("Wan"):
                return found
        lifted = self.giving(self._lifted(latent), "LATENT")
        if lifted and lifted.flow and lifted.flow.masked:
            return self._refine(node, latent, positive, negative, sampled)
        if start.type in ("SetLatentNoiseMask", "InpaintModelConditioning"):
            found = self._inpaint(node, start, positive, negative, sampled)
            if found is not None or start.type == "InpaintModelConditioning":
                return found
        return self._refine(node, latent, positive, negative, sampled)

    def _generate(
        self, node: Node, start: Node, positive: Link | None, negative: Link | None,
        sampled: Callable[[Context], Sampled | None],
    ) -> StageFound | None:  # fmt: skip
        video = _EMPTY.get(start.type, True)
        width, height, batch = number(start, "width"), number(start, "height"), number(start, "batch_size")
        if not width or not height or batch is None:
            return None
        fields: dict[str, Any] = {"size": f"{width}x{height}", "batch": batch}
        extra: tuple[tuple[str, Any], ...] = ()
        if video:
            fields["frames"] = number(start, "length")
            if (image := wire(start, "start_image")) is not None:
                fields["start"] = Want(image, "IMAGE")
        if start.type.startswith("WanImage") or start.type.startswith("WanFirst"):
            if positive != Link(start.id, 0) or negative != Link(start.id, 1) or "start" not in fields:
                return None
            positive, negative = wire(start, "positive"), wire(start, "negative")
            extra = tuple(self._vision(start))
            if (image := wire(start, "end_image")) is not None:
                fields["end"] = Want(image, "IMAGE")
        vae = wire(start, "vae") or self.wires.vae_behind(Link(node.id, 0))
        empty = start.type if start.type in _EMPTY else ""
        found = sampled(Context(positive, negative, vae, empty, video=video, extra=extra))
        if found is None or found.differential or (start.type.startswith("Wan") and not found.family.frames):
            return None
        if fields["batch"] == 1:
            del fields["batch"]
        settings = {name: value for name, value in found.fields.items() if (name, value) != ("denoise", 1)}
        words = {"model": settings.pop("model"), **fields, **settings}
        made = StageFound("generate", node.id, words)
        moving = made if video and (fields["frames"] or 0) > 1 else None
        made.flow = Flow(Link(node.id, 0), False, found.vae, found.family.latent or None, video=moving)
        return made

    def _vision(self, start: Node) -> list[tuple[str, Any]]:
        """The CLIP vision model that sees the first picture, as a field of the model."""
        for name in ("clip_vision_output", "clip_vision_start_image"):
            seen = self.wires.origin(start.inputs.get(name), "CLIPVisionEncode")
            loader = self.wires.origin(seen.inputs.get("clip_vision"), "CLIPVisionLoader") if seen else None
            if loader is not None and (file := text(loader, "clip_name")) is not None:
                return [("clip_vision", file)]
        return []

    def _refine(
        self, node: Node, latent: Link, positive: Link | None, negative: Link | None,
        sampled: Callable[[Context], Sampled | None],
    ) -> StageFound | None:  # fmt: skip
        encode = self.wires.origin(latent, "VAEEncode")
        vae = wire(encode, "vae") if encode else self.wires.vae_behind(Link(node.id, 0))
        given = None if encode else self.giving(self._lifted(latent) or latent, "LATENT")
        kind = given.flow.kind if given and given.flow else None
        found = sampled(Context(positive, negative, vae, latent=kind or ""))
        if found is None or found.differential or "references" in found.fields:
            return None
        source = self._source(latent, encode, found)
        return None if source is None else self._refined(node, found, source)

    def _lifted(self, latent: Link) -> Link | None:
        """The latent below a mask that lets all of it through, with which a mask of an earlier stage is lifted."""
        masked = self.wires.origin(latent, "SetLatentNoiseMask")
        whole = self.wires.origin(masked.inputs.get("mask"), "SolidMask") if masked else None
        if masked is None or whole is None or number(whole, "value") != 1:
            return None
        return wire(masked, "samples")

    def _source(self, latent: Link, encode: Node | None, found: Sampled, *, masked: bool = False) -> Want | None:
        """What a stage takes that samples a latent; None where a spec would make other nodes of it.

        A mask that the latent carries has to be lifted first, unless it is `masked` anew.
        """
        kind = found.family.latent or None
        if encode is not None:
            pixels = wire(encode, "pixels")
            given = self.giving(pixels, "IMAGE")
            if pixels is None or wire(encode, "vae") != found.vae:
                return None
            if given and given.flow and not given.flow.pixels and given.flow.kind in (None, kind):
                return Want(pixels, "PIXELS")  # through pixels although it need not: by the node that decodes
            return Want(pixels, "IMAGE")
        below = None if masked else self._lifted(latent)
        given = self.giving(below, "LATENT")
        if below is not None and given and given.flow and given.flow.masked and given.flow.kind in (None, kind):
            return Want(below, "LATENT")
        given = self.giving(latent, "LATENT")
        if given and given.flow:
            plain = masked or not given.flow.masked
            return Want(latent, "LATENT") if plain and given.flow.kind in (None, kind) else None
        return Want(latent, "LATENT") if self.wires.type_of(latent) == "LATENT" else None

    def _refined(self, node: Node, found: Sampled, source: Want, *, masked: bool = False) -> StageFound:
        given = self.giving(source.link, source.type)
        video = given.flow.video if given and given.flow else None
        flow = Flow(Link(node.id, 0), False, found.vae, found.family.latent or None, masked, video)
        picture = source.link if source.type == "IMAGE" else None
        return StageFound("refine", node.id, dict(found.fields), source, flow, picture)

    def _inpaint(
        self, node: Node, start: Node, positive: Link | None, negative: Link | None,
        sampled: Callable[[Context], Sampled | None],
    ) -> StageFound | None:  # fmt: skip
        mask = wire(start, "mask")
        softened = self._softened(mask) if mask else None
        if mask is None or softened is None:
            return None
        made_for_it = start.type == "InpaintModelConditioning"
        encode = None if made_for_it else self.wires.origin(start.inputs.get("samples"), "VAEEncode")
        vae = wire(start, "vae") if made_for_it else wire(encode, "vae") if encode else None
        if made_for_it:
            if positive != Link(start.id, 0) or negative != Link(start.id, 1):
                return None
            positive, negative = wire(start, "positive"), wire(start, "negative")
        found = sampled(Context(positive, negative, vae or self.wires.vae_behind(Link(node.id, 0))))
        if found is None or found.differential != ("feather" in softened) or "references" in found.fields:
            return None
        samples, pixels = wire(start, "samples"), wire(start, "pixels")
        if made_for_it:
            source = Want(pixels, "IMAGE") if pixels else None
        else:
            source = self._source(samples, encode, found, masked=True) if samples else None
        if source is None:
            return None
        refined = self._refined(node, found, source, masked=True)
        refined.fields = {"model": refined.fields.pop("model"), **softened, **refined.fields}
        refined.mask = mask
        return refined

    def _softened(self, mask: Link) -> dict[str, Any] | None:
        """A mask's fields: where it comes from, how far it was grown and faded."""
        fields: dict[str, Any] = {}
        image = self.wires.origin(self._input(mask, "ImageToMask", "image"), "ImageBlur")
        drawn = self._input(wire(image, "image"), "MaskToImage", "mask") if image else None
        if image is not None and drawn is not None and (radius := number(image, "blur_radius")):
            fields["feather"], mask = radius, drawn
        grown = self.wires.origin(mask, "GrowMask")
        if grown is not None and (below := wire(grown, "mask")) and number(grown, "expand"):
            fields, mask = {"grow": number(grown, "expand"), **fields}, below
        loader = self.wires.origin(mask, "LoadImageMask")
        file = file_input(loader, "image", "mask") if loader and text(loader, "channel") == "red" else None
        return {"mask": file or Want(mask, "MASK"), **fields}

    def _input(self, value: Link | None, type: str, name: str) -> Link | None:
        node = self.wires.origin(value, type)
        return wire(node, name) if node else None

    def _paste(self, node: Node) -> StageFound | None:
        """What a refinement under a mask leaves, with the picture round it put back."""
        source, mask, under = wire(node, "source"), wire(node, "mask"), wire(node, "destination")
        refined = self.giving(source, "IMAGE")
        if refined is None or refined.kind != "refine" or refined.flow is None or refined.flow.pixels or mask is None:
            return None
        given = refined.picture
        if given is None and refined.source is not None and refined.source.type == "LATENT":
            decode = self.wires.origin(under, "VAEDecode")
            given = under if decode and wire(decode, "samples") == refined.source.link else None
        if refined.mask != mask or given is None or given != under:
            return None
        first: dict[str, Any]
        first = {name: refined.fields[name] for name in ("model", "mask", "grow", "feather") if name in refined.fields}
        flow = Flow(Link(node.id, 0), True, video=refined.flow.video)
        return StageFound("refine", node.id, {**first, "paste": True, **refined.fields}, refined.source, flow)

    def _save(self, node: Node) -> StageFound | None:
        images = wire(node, "images")
        fields: dict[str, Any] = {"prefix": text(node, "filename_prefix")}
        if images is not None and self._video(images):
            fields["format"] = "png"
        return self._sink(node, "save", fields, images)

    def _preview(self, node: Node) -> StageFound | None:
        return self._sink(node, "preview", {}, wire(node, "images"))

    def _sink(self, node: Node, kind: str, fields: dict[str, Any], images: Link | None) -> StageFound | None:
        if images is None or any(value is None for value in fields.values()):
            return None
        return StageFound(kind, node.id, fields, Want(images, "IMAGE"))

    def _save_mp4(self, node: Node) -> StageFound | None:
        made = self.wires.origin(node.inputs.get("video"), "CreateVideo")
        plain = (text(node, "format"), text(node, "codec")) == ("mp4", "h264")
        return self._save_video(node, made, {}) if made and plain else None

    def _save_webm(self, node: Node) -> StageFound | None:
        plain = (text(node, "codec"), number(node, "crf")) == ("vp9", 32)
        return self._save_video(node, node, {"format": "webm"}) if plain else None

    def _save_webp(self, node: Node) -> StageFound | None:
        plain = (node.inputs.get("lossless"), number(node, "quality"), text(node, "method")) == (False, 90, "default")
        return self._save_video(node, node, {"format": "webp"}) if plain else None

    def _save_video(self, node: Node, made: Node, fields: dict[str, Any]) -> StageFound | None:
        """A stage that saves a video, if its speed is the one that the frames' own stage says, or may say."""
        images, fps, audio = wire(made, "images"), made.inputs.get("fps"), wire(made, "audio")
        video = self._video(images) if images else None
        if video is None:
            return None
        if video.kind == "load":
            sound = Link(video.anchor, 1) if made.type == "CreateVideo" else None
            if (fps, audio) != (Link(video.anchor, 2), sound):
                return None
        elif audio is not None or not isinstance(fps, int | float) or video.fields.get("fps", fps) != fps:
            return None
        else:
            video.fields = _behind(video.fields, "frames", "fps", fps)
        return self._sink(node, "save", {"prefix": text(node, "filename_prefix"), **fields}, images)


def file_input(node: Node, name: str, type: str) -> FileInput | None:
    """The file that a node reads, if a run can give another: a name without folders."""
    file = text(node, name)
    if not file or "\0" in file or any(sign in file for sign in "/\\:") or PurePosixPath(file).name != file:
        return None
    return None if file.endswith(("]", " ")) else FileInput(type, file, node.title)


def _behind(fields: dict[str, Any], before: str, name: str, value: Any) -> dict[str, Any]:
    """The fields with one more, right behind another."""
    found = {key: old for key, old in fields.items() if key != name}
    at = list(found).index(before) + 1
    return dict([*list(found.items())[:at], (name, value), *list(found.items())[at:]])


def _product(by: Any, factor: float) -> Any:
    """How much larger by a model's factor and a scale, whole where it is."""
    wanted = by * factor
    return int(wanted) if wanted == int(wanted) else wanted

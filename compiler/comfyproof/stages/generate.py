"""generate: sample a picture, or a video, from noise."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ..diagnostics import Path
from ..graph import Link, Value
from .blocks import AnyPicture, PictureSize, Sampling, Size
from .conditioning import conditioning
from .loading import Parts, model_parts
from .sampling import sampled
from .site import HOLE, UNTOLD, WRONG_KIND, Flow, Latent, Motion, Site


class Generate(Sampling):
    """A new picture, from a prompt and noise; with a video model a video, from a picture too."""

    size: PictureSize | None = Field(
        default=None, description="width and height in pixels; the family's own, unless said"
    )
    batch: int = Field(default=1, ge=1, le=4096, description="how many pictures at once")
    references: Annotated[tuple[AnyPicture, ...], Field(strict=False)] = Field(
        default=(), description="pictures that an editing model looks at, such as [$image]"
    )
    frames: int | None = Field(default=None, ge=1, le=16384, description="video: how many pictures long")
    fps: float | None = Field(default=None, ge=1, le=120, description="video: how many pictures a second")
    start: AnyPicture | None = Field(default=None, description="video: the picture it begins with, such as $image")
    end: AnyPicture | None = Field(default=None, description="video: the picture it ends with, such as $last")

    def lower(self, site: Site) -> Flow:
        """An empty latent, or one that holds the first picture, and a sampler."""
        loaded = model_parts(site, self)
        family = loaded.family
        self._refuse_unused(site, loaded)
        prompts = conditioning(site, self, loaded, self.references)
        latent = HOLE
        if loaded.known:
            latent, prompts = self._beginning(site, loaded, prompts)
        motion = None
        if family.frames and self._frames(loaded) > 1:
            motion = Motion(self.fps if self.fps is not None else family.fps)
        link = sampled(site, self, loaded, prompts, latent, 1.0 if self.denoise is None else self.denoise)
        return Latent(link, loaded.vae, family.latent or None, motion)

    def _refuse_unused(self, site: Site, loaded: Parts) -> None:
        family = loaded.family
        given = [name for name in ("frames", "fps", "start", "end") if name in self.model_fields_set]
        if given and loaded.known and not family.frames:
            message = f'"{given[0]}" is for video models, and "{self.model}" is of the family {family.name}'
            site.report(WRONG_KIND, (given[0],), message, f'remove "{given[0]}"')
        elif self.end is not None and self.start is None:
            site.report(
                UNTOLD, ("end",), f'"{site.name}" says how the video ends, and not how it begins', 'add "start"'
            )
        elif self.end is not None and family.latent == "wan22":
            site.report(WRONG_KIND, ("end",), f'"{family.name}" takes no last picture', 'remove "end"')
        if family.frames and self.frames is not None and self.frames % 4 != 1:
            near = self.frames // 4 * 4 + 1
            message = f'"frames" is {self.frames}; "{self.model}" makes one more than a multiple of 4'
            site.report(UNTOLD, ("frames",), message, f"say {near} or {near + 4}")

    def _frames(self, loaded: Parts) -> int:
        return loaded.family.frames if self.frames is None else self.frames

    def _beginning(
        self, site: Site, loaded: Parts, prompts: tuple[Link, Link]
    ) -> tuple[Link, tuple[Link, Link]]:  # fmt: skip
        """The latent to sample from, and the prompts with what the first picture adds to them."""
        family = loaded.family
        size = self.size or Size(*family.size)
        inputs: dict[str, Value | None] = {"width": size.width, "height": size.height, "batch_size": self.batch}
        fields: dict[str, str | Path] = {"width": "size", "height": "size", "batch_size": "batch"}
        if not family.frames:
            return site.add("empty latent", family.empty_latent, inputs, fields), prompts
        inputs, fields = {**inputs, "length": self._frames(loaded)}, {**fields, "length": "frames", "vae": "model"}
        start = None if self.start is None else site.picture(self.start, ("start",))
        if family.latent == "wan22":
            inputs = {"vae": loaded.vae, **inputs, "start_image": start}
            return site.add("empty latent", family.empty_latent, inputs, {**fields, "start_image": "start"}), prompts
        if start is None:
            return site.add("empty latent", family.empty_latent, inputs, fields), prompts
        return self._from_picture(site, loaded, prompts, {**inputs, "start_image": start}, fields)

    def _from_picture(
        self,
        site: Site,
        loaded: Parts,
        prompts: tuple[Link, Link],
        inputs: dict[str, Value | None],
        fields: dict[str, str | Path],
    ) -> tuple[Link, tuple[Link, Link]]:
        last = None if self.end is None else site.picture(self.end, ("end",))
        seen = ("clip_vision_output",) if last is None else ("clip_vision_start_image", "clip_vision_end_image")
        pictures = [("start", inputs["start_image"]), ("end", last)]
        for name, (at, picture) in zip(seen, pictures, strict=False):
            inputs[name] = _seen(site, self.model, loaded, at, picture)
            fields[name] = at
        inputs = {"positive": prompts[0], "negative": prompts[1], "vae": loaded.vae, **inputs, "end_image": last}
        fields |= {"start_image": "start", "end_image": "end"}
        node = "WanImageToVideo" if last is None else "WanFirstLastFrameToVideo"
        link = site.add("first picture", node, inputs, fields)
        return Link(link.node, 2), (link, Link(link.node, 1))


def _seen(site: Site, model: str | None, loaded: Parts, at: str, picture: Value) -> Link | None:
    """What a CLIP vision model sees in a picture, for the models that take it."""
    file = getattr(loaded.block, "clip_vision", None)
    if file is None or model is None:
        return None
    path: Path = ("models", model)
    vision = site.workshop.add(
        model, path, "CLIP vision", "CLIPVisionLoader", {"clip_name": file}, {"clip_name": "clip_vision"}
    )
    inputs: dict[str, Value | None] = {"clip_vision": vision, "image": picture, "crop": "none"}
    fields: dict[str, str | Path] = {"clip_vision": "model", "image": at, "crop": at}
    return site.add(f"{at} seen", "CLIPVisionEncode", inputs, fields)

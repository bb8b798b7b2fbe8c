"""save: keep the picture, or the video."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ..diagnostics import Path
from ..graph import Link, Value
from .blocks import Prefix, Taking
from .site import WRONG_KIND, Flow, Motion, Pixels, Site
from .verification import Verification


class Save(Taking):
    """A picture or video that the run brings back, and what must hold of it."""

    prefix: Prefix = Field(default="picture", description="what its file's name begins with")
    format: Literal["png", "mp4", "webm", "webp"] | None = Field(
        default=None, description="png, or for videos also mp4, webm and webp; png for pictures and mp4 for videos"
    )
    verify: Verification | None = Field(
        default=None, description="what must hold of this picture, besides what the spec says"
    )

    def lower(self, site: Site) -> Flow:
        """A node that saves; what flowed in flows on, a latent as a latent."""
        images, motion = site.pixels(), site.motion
        form = self.format or ("png" if motion is None else "mp4")
        if form == "png" or motion is None:
            if form != "png":
                site.report(WRONG_KIND, ("format",), f'"{form}" is for videos, and a picture flows here', "say png")
            self._saved(site, "SaveImage", {"images": images}, {})
        elif form == "mp4":
            self._mp4(site, images, motion)
        elif form == "webm":
            self._saved(site, "SaveWEBM", {"images": images, "fps": motion.fps}, {"codec": "vp9", "crf": 32.0})
        else:
            still: dict[str, Value | None] = {"lossless": False, "quality": 90, "method": "default"}
            self._saved(site, "SaveAnimatedWEBP", {"images": images, "fps": motion.fps}, still)
        return site.given or Pixels(images)

    def _mp4(self, site: Site, images: Link, motion: Motion) -> None:
        inputs: dict[str, Value | None] = {"images": images, "fps": motion.fps, "audio": motion.audio}
        video = site.add("video", "CreateVideo", inputs, dict.fromkeys(inputs, ()))
        self._saved(site, "SaveVideo", {"video": video}, {"format": "mp4", "codec": "h264"})

    def _saved(self, site: Site, node: str, given: dict[str, Value | None], settings: dict[str, Value | None]) -> None:
        fields: dict[str, str | Path] = {**dict.fromkeys(given, ()), **dict.fromkeys(settings, "format")}
        inputs = {**given, "filename_prefix": self.prefix, **settings}
        site.add("save", node, inputs, {**fields, "filename_prefix": "prefix"})

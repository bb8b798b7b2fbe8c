"""load: bring a picture or a video in."""

from __future__ import annotations

from pydantic import Field

from ..graph import Link
from .blocks import Picture, Stage, Video
from .site import HOLE, UNTOLD, Flow, Motion, Pixels, Site


class Load(Stage):
    """A picture or video of the author's, as the pipeline's beginning."""

    image: Picture | None = Field(default=None, description="an input of the type image, such as $image")
    video: Video | None = Field(default=None, description="instead: an input of the type video, such as $clip")

    def lower(self, site: Site) -> Flow:
        """A LoadImage node, or the frames of a LoadVideo node."""
        if (self.image is None) == (self.video is None):
            message = f'"{site.name}" should load either a picture or a video'
            site.report(UNTOLD, (), message, 'give one of "image" and "video"')
            return Pixels(HOLE)
        if self.image is not None:
            return Pixels(site.add("image", "LoadImage", {"image": self.image}))
        video = site.add("video", "LoadVideo", {"file": self.video}, {"file": "video"})
        frames = site.add("frames", "GetVideoComponents", {"video": video})
        return Pixels(frames, Motion(Link(frames.node, 2), Link(frames.node, 1)))

"""load: bring a picture in."""

from __future__ import annotations

from pydantic import Field

from .blocks import Picture, Stage
from .site import Flow, Pixels, Site


class Load(Stage):
    """A picture of the author's, as the pipeline's beginning."""

    image: Picture = Field(description="an input of the type image, such as $image")

    def lower(self, site: Site) -> Flow:
        """A LoadImage node."""
        return Pixels(site.add("image", "LoadImage", {"image": self.image}))

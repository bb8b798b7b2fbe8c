"""save: keep the picture."""

from __future__ import annotations

from pydantic import Field

from .blocks import Stage
from .site import Flow, Pixels, Site
from .verification import Verification


class Save(Stage):
    """A picture that the run brings back, and what must hold of it."""

    prefix: str = Field(default="picture", min_length=1, description="what its file's name begins with")
    verify: Verification | None = Field(
        default=None, description="what must hold of this picture, besides what the spec says"
    )

    def lower(self, site: Site) -> Flow:
        """A SaveImage node; the picture flows on."""
        image = site.pixels()
        site.add(
            "save",
            "SaveImage",
            {"images": image, "filename_prefix": self.prefix},
            {"images": (), "filename_prefix": "prefix"},
        )
        return Pixels(image)

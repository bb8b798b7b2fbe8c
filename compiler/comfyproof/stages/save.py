"""save: keep the picture."""

from __future__ import annotations

from pydantic import Field

from .blocks import Prefix, Taking
from .site import Flow, Pixels, Site
from .verification import Verification


class Save(Taking):
    """A picture that the run brings back, and what must hold of it."""

    prefix: Prefix = Field(default="picture", description="what its file's name begins with")
    verify: Verification | None = Field(
        default=None, description="what must hold of this picture, besides what the spec says"
    )

    def lower(self, site: Site) -> Flow:
        """A SaveImage node; what flowed in flows on, a latent as a latent."""
        image = site.pixels()
        site.add(
            "save",
            "SaveImage",
            {"images": image, "filename_prefix": self.prefix},
            {"images": (), "filename_prefix": "prefix"},
        )
        return site.given or Pixels(image)

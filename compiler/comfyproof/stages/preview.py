"""preview: show the picture in ComfyUI, and keep none."""

from __future__ import annotations

from .blocks import Taking
from .site import Flow, Pixels, Site


class Preview(Taking):
    """A picture in the server's temporary folder."""

    def lower(self, site: Site) -> Flow:
        """A PreviewImage node; what flowed in flows on, a latent as a latent."""
        image = site.pixels()
        site.add("preview", "PreviewImage", {"images": image}, {"images": ()})
        return site.given or Pixels(image)

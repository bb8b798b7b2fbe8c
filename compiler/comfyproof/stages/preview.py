"""preview: show the picture in ComfyUI, and keep none."""

from __future__ import annotations

from .blocks import Stage
from .site import Flow, Pixels, Site


class Preview(Stage):
    """A picture in the server's temporary folder."""

    def lower(self, site: Site) -> Flow:
        """A PreviewImage node; the picture flows on."""
        image = site.pixels()
        site.add("preview", "PreviewImage", {"images": image}, {"images": ()})
        return Pixels(image)

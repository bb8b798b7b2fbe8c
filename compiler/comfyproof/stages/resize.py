"""resize: bring what flows in to a size, without adding anything."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ..graph import Value
from .blocks import Factor, PictureSize, Taking
from .site import UNTOLD, Flow, Pixels, Site


class Resize(Taking):
    """A picture of another size."""

    size: PictureSize | None = Field(default=None, description="width and height in pixels")
    by: Factor | None = Field(
        default=None, description="instead of a size: how much larger or smaller each side becomes"
    )
    fit: Literal["stretch", "crop"] = Field(default="stretch", description="what happens where the aspect differs")
    method: Literal["nearest-exact", "bilinear", "area", "bicubic", "lanczos"] = Field(
        default="lanczos", description="how it is resampled"
    )

    def lower(self, site: Site) -> Flow:
        """An ImageScale or ImageScaleBy node."""
        if (self.size is None) == (self.by is None):
            site.report(
                UNTOLD, (), f'"{site.name}" should say either a size or a factor', 'give one of "size" and "by"'
            )
        image = site.pixels()
        if self.size is None:
            if "fit" in self.model_fields_set:
                site.report(UNTOLD, ("fit",), '"fit" is for a size, and a factor keeps the aspect', 'remove "fit"')
            by: dict[str, Value | None] = {"image": image, "upscale_method": self.method, "scale_by": self.by}
            fields = {"upscale_method": "method", "scale_by": "by"}
            return Pixels(site.add("scale", "ImageScaleBy", by, {"image": (), **fields}), site.motion)
        crop = "center" if self.fit == "crop" else "disabled"
        inputs: dict[str, Value | None] = {
            "image": image,
            "upscale_method": self.method,
            "width": self.size.width,
            "height": self.size.height,
            "crop": crop,
        }
        fields = {"upscale_method": "method", "width": "size", "height": "size", "crop": "fit"}
        return Pixels(site.add("scale", "ImageScale", inputs, {"image": (), **fields}), site.motion)

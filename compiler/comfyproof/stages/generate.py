"""generate: sample a picture from noise."""

from __future__ import annotations

from pydantic import Field

from .blocks import PictureSize, Sampling, Size
from .sampling import SAMPLED_FIELDS, model_parts, sampled
from .site import HOLE, Flow, Latent, Site


class Generate(Sampling):
    """A new picture, from a prompt and noise alone."""

    size: PictureSize | None = Field(
        default=None, description="width and height in pixels; the family's own, unless said"
    )
    batch: int = Field(default=1, ge=1, le=4096, description="how many pictures at once")

    def lower(self, site: Site) -> Flow:
        """An empty latent and a KSampler."""
        loaded = model_parts(site, self)
        if loaded is None:
            return Latent(HOLE, HOLE)
        size = self.size or Size(loaded.family.size, loaded.family.size)
        empty = site.add(
            "empty latent",
            loaded.family.empty_latent,
            {"width": size.width, "height": size.height, "batch_size": self.batch},
            {"width": "size", "height": "size", "batch_size": "batch"},
        )
        inputs = {
            **sampled(site, self, loaded),
            "latent_image": empty,
            "denoise": 1.0 if self.denoise is None else self.denoise,
        }
        return Latent(
            site.add("sampler", "KSampler", inputs, {**SAMPLED_FIELDS, "latent_image": ()}),
            loaded.vae,
            loaded.family.name,
        )

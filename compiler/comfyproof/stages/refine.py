"""refine: sample what flows in anew, in part."""

from __future__ import annotations

from pydantic import Field

from .blocks import Denoise, Sampling, Taking
from .sampling import SAMPLED_FIELDS, model_parts, sampled
from .site import HOLE, Flow, Latent, Site


class Refine(Sampling, Taking):
    """Image-to-image: the picture keeps its structure, how much so depends on denoise."""

    denoise: Denoise = Field(description="how much is sampled anew, from 0 (nothing) to 1 (everything)")

    def lower(self, site: Site) -> Flow:
        """A KSampler on the latent that flows in, encoded first where a picture does."""
        loaded = model_parts(site, self)
        if loaded is None:
            return Latent(HOLE, HOLE)
        latent = site.latent(loaded.vae, loaded.family.name)
        inputs = {**sampled(site, self, loaded), "latent_image": latent, "denoise": self.denoise}
        return Latent(
            site.add("sampler", "KSampler", inputs, {**SAMPLED_FIELDS, "latent_image": ()}),
            loaded.vae,
            loaded.family.name,
        )

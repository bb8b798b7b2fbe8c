"""refine: sample what flows in anew, in part; under a mask, only there."""

from __future__ import annotations

from pydantic import Field

from ..graph import Link, Value
from .blocks import AnyMask, Denoise, Sampling, Taking
from .conditioning import conditioning
from .loading import Parts, model_parts
from .models import inpaints
from .sampling import sampled
from .site import HOLE, UNTOLD, Flow, Latent, Pixels, Site

# The fields that say something of a mask.
_OF_MASKS = ("grow", "feather", "paste")


class Refine(Sampling, Taking):
    """Image-to-image: the picture keeps its structure, how much so depends on denoise."""

    denoise: Denoise = Field(description="how much is sampled anew, from 0 (nothing) to 1 (everything)")
    mask: AnyMask | None = Field(
        default=None, description="where it is sampled anew, such as $mask; everywhere, unless said"
    )
    grow: int = Field(default=0, ge=-16384, le=16384, description="mask: by how many pixels it grows on each side")
    feather: int = Field(default=0, ge=0, le=31, description="mask: over how many pixels its border fades")
    paste: bool = Field(
        default=False, description="mask: whether what lies outside it is taken from the picture that flowed in"
    )

    def lower(self, site: Site) -> Flow:
        """A sampler on the latent that flows in, encoded first where a picture does."""
        loaded = model_parts(site, self)
        prompts = conditioning(site, self, loaded)
        kind = loaded.family.latent or None
        if self.mask is None:
            for name in _OF_MASKS:
                if name in self.model_fields_set:
                    site.report(UNTOLD, (name,), f'"{name}" is about a mask, and none is named', 'add "mask"')
            latent = site.latent(loaded.vae, kind)
            return Latent(self._sampled(site, loaded, prompts, latent), loaded.vae, kind, site.motion)
        return self._inpainted(site, loaded, prompts, kind)

    def _sampled(self, site: Site, loaded: Parts, prompts: tuple[Link, Link], latent: Link) -> Link:
        return sampled(site, self, loaded, prompts, latent, self.denoise)

    def _inpainted(self, site: Site, loaded: Parts, prompts: tuple[Link, Link], kind: str | None) -> Flow:
        assert self.mask is not None
        mask = self._softened(site, self._grown(site, site.mask(self.mask, ("mask",))))
        if self.feather:  # samples more of the border with every step, which is what a soft mask means
            loaded = _differential(site, loaded)
        if loaded.block is not None and inpaints(loaded.block):
            inputs: dict[str, Value | None] = {
                "positive": prompts[0],
                "negative": prompts[1],
                "vae": loaded.vae,
                "pixels": site.pixels(),
                "mask": mask,
                "noise_mask": True,
            }
            fields = {"vae": "model", "noise_mask": "mask"}
            link = site.add("inpaint", "InpaintModelConditioning", inputs, {**fields, "pixels": ()})
            prompts, latent = (link, Link(link.node, 1)), Link(link.node, 2)
        else:
            inputs = {"samples": site.latent(loaded.vae, kind, masked=True), "mask": mask}
            latent = site.add("masked", "SetLatentNoiseMask", inputs, {"samples": ()})
        made = Latent(self._sampled(site, loaded, prompts, latent), loaded.vae, kind, site.motion, masked=True)
        return self._pasted(site, made, mask) if self.paste else made

    def _grown(self, site: Site, mask: Link) -> Link:
        if not self.grow:
            return mask
        inputs: dict[str, Value | None] = {"mask": mask, "expand": self.grow, "tapered_corners": True}
        return site.add("grown mask", "GrowMask", inputs, {"expand": "grow", "tapered_corners": "grow"})

    def _softened(self, site: Site, mask: Link) -> Link:
        """The mask with its border faded; only pictures can be blurred."""
        if not self.feather:
            return mask
        image = site.add("mask as image", "MaskToImage", {"mask": mask}, {"mask": "feather"})
        inputs: dict[str, Value | None] = {
            "image": image,
            "blur_radius": self.feather,
            "sigma": max(0.1, round(self.feather / 3, 1)),
        }
        blurred = site.add("soft mask", "ImageBlur", inputs, dict.fromkeys(inputs, "feather"))
        back: dict[str, Value | None] = {"image": blurred, "channel": "red"}
        return site.add("feathered mask", "ImageToMask", back, dict.fromkeys(back, "feather"))

    def _pasted(self, site: Site, made: Latent, mask: Link) -> Flow:
        if made.link == HOLE:
            return Pixels(HOLE, made.motion)
        inputs: dict[str, Value | None] = {
            "destination": site.pixels(),
            "source": site.decoded(made),
            "x": 0,
            "y": 0,
            "resize_source": True,  # what comes back is cropped to multiples of 8
            "mask": mask,
        }
        link = site.add("paste", "ImageCompositeMasked", inputs, dict.fromkeys(inputs, "paste"))
        return Pixels(link, made.motion)


def _differential(site: Site, loaded: Parts) -> Parts:
    """The model with a node that lets masks have grays."""
    fields = {"model": "model", "strength": "feather"}

    def patched(role: str, model: Link) -> Link:
        return site.add(role, "DifferentialDiffusion", {"model": model, "strength": 1.0}, fields)

    if loaded.low is None:
        return loaded._replace(model=patched("differential", loaded.model))
    high, low = patched("differential high", loaded.model), patched("differential low", loaded.low)
    return loaded._replace(model=high, low=low)

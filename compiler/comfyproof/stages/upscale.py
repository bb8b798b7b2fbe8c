"""upscale: enlarge what flows in, by a model, by resampling, or tile by tile with a diffusion model."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ..graph import Link, Value
from .blocks import SAMPLING_FIELDS, Factor, Sampling, Taking
from .conditioning import conditioning
from .loading import model_parts
from .models import Checkpoint, DiffusionModel, UpscaleModel
from .sampling import SAMPLED_FIELDS, settled
from .site import HOLE, NOTHING_FLOWS, UNTOLD, Flow, Latent, Pixels, Site

Method = Literal["ultimate", "model", "latent", "lanczos", "bicubic", "bilinear", "area", "nearest-exact"]
# Words of the language for UltimateSDUpscale's own.
REDRAW = {"linear": "Linear", "chess": "Chess", "none": "None"}
SEAMS = {"none": "None", "band": "Band Pass", "half": "Half Tile", "half-and-corners": "Half Tile + Intersections"}


# The fields for the method `ultimate` alone.
_ULTIMATE = ("like", *SAMPLING_FIELDS, "tile", "overlap", "blur", "redraw", "seams")


class Upscale(Sampling, Taking):
    """A larger picture. The sampling settings are for the method `ultimate` alone."""

    with_: str | None = Field(default=None, alias="with", description="the name of an upscale model under models")
    by: Factor | None = Field(
        default=None, description="how much larger each side becomes; the model's own factor, unless said"
    )
    method: Method | None = Field(
        default=None, description="how; with the upscale model where one is named, else lanczos"
    )
    tile: int | None = Field(
        default=None, ge=64, le=8192, multiple_of=8, description="ultimate: a tile's side in pixels"
    )
    overlap: int | None = Field(
        default=None, ge=0, le=8192, multiple_of=8, description="ultimate: pixels of context round a tile"
    )
    blur: int | None = Field(
        default=None, ge=0, le=64, description="ultimate: pixels over which a tile's border is blended"
    )
    redraw: Literal["linear", "chess", "none"] | None = Field(
        default=None, description="ultimate: the order of the tiles"
    )
    seams: Literal["none", "band", "half", "half-and-corners"] | None = Field(
        default=None, description="ultimate: how seams between tiles are redrawn"
    )

    def lower(self, site: Site) -> Flow:
        """The nodes of the method."""
        method = self.method or ("model" if self.with_ else "lanczos")
        if method == "ultimate":
            return Pixels(self._ultimate(site), site.motion)
        self._refuse_unused(site, method)
        if method == "model":
            return Pixels(self._by_model(site), site.motion)
        if self.by is None:
            return Pixels(site.report(UNTOLD, (), f'"{site.name}" does not say how much larger', 'add "by"'))
        if method == "latent":
            return self._latent(site, self.by)
        return Pixels(_scaled(site, site.pixels(), method, self.by), site.motion)

    def _refuse_unused(self, site: Site, method: str) -> None:
        useless = [*_ULTIMATE, *(["with_"] if method != "model" else [])]
        for name in (name for name in useless if name in self.model_fields_set):
            word = name.removesuffix("_")
            message = f'"{word}" has no meaning for the method "{method}"'
            help = 'say "method: ultimate", or remove it' if name in _ULTIMATE else "remove it"
            site.report(UNTOLD, (word,), message, help)
            return

    def _upscaler(self, site: Site) -> tuple[Link, UpscaleModel] | None:
        if self.with_ is None:
            site.report(UNTOLD, (), f'"{site.name}" needs an upscale model', 'name one with "with"')
            return None
        block = site.find(self.with_, ("with",), UpscaleModel)
        if block is None:
            return None
        inputs = {"model_name": block.upscale_model}
        fields = {"model_name": "upscale_model"}
        path = ("models", self.with_)
        return site.workshop.add(self.with_, path, "upscale model", "UpscaleModelLoader", inputs, fields), block

    def _by_model(self, site: Site) -> Link:
        """ImageUpscaleWithModel enlarges by the model's factor alone; what differs is resampled after it."""
        upscaler = self._upscaler(site)
        if upscaler is None:
            return HOLE
        link, block = upscaler
        large = site.add(
            "upscaler",
            "ImageUpscaleWithModel",
            {"upscale_model": link, "image": site.pixels()},
            {"upscale_model": "with", "image": ()},
        )
        factor = block.known_factor()
        if self.by is None or self.by == factor:
            return large
        if factor is None:
            return site.report(
                UNTOLD,
                ("by",),
                f'the name of "{self.with_}" does not tell how much it enlarges',
                f'add "factor" to "{self.with_}" under "models"',
            )
        return _scaled(site, large, "lanczos", self.by / factor)

    def _ultimate(self, site: Site) -> Link:
        upscaler, loaded = self._upscaler(site), model_parts(site, self, Checkpoint, DiffusionModel)
        link, block = upscaler or (HOLE, None)
        by: Value = self.by if self.by is not None else block.known_factor() if block else HOLE
        if by is None:
            by = site.report(UNTOLD, (), f'"{site.name}" does not say how much larger', 'add "by"')
        inputs = {
            **settled(self, loaded, *conditioning(site, self, loaded)),
            "image": site.pixels(),
            "vae": loaded.vae,
            "upscale_model": link,
            "upscale_by": by,
            "denoise": self.denoise,
            "tile_width": self.tile,
            "tile_height": self.tile,
            "tile_padding": self.overlap,
            "mask_blur": self.blur,
            "mode_type": REDRAW[self.redraw] if self.redraw else None,
            "seam_fix_mode": SEAMS[self.seams] if self.seams else None,
        }
        return site.add(
            "upscaler",
            "UltimateSDUpscale",
            inputs,
            {
                **SAMPLED_FIELDS,
                "image": (),
                "upscale_model": "with",
                "upscale_by": "by",
                "tile_width": "tile",
                "tile_height": "tile",
                "tile_padding": "overlap",
                "mask_blur": "blur",
                "mode_type": "redraw",
                "seam_fix_mode": "seams",
            },
        )

    def _latent(self, site: Site, by: float) -> Flow:
        if not isinstance(site.given, Latent):
            site.report(
                NOTHING_FLOWS,
                ("method",),
                f'"{site.name}" enlarges a latent, and none flows here',
                'choose another method, or put it after "generate" or "refine"',
            )
            return Latent(HOLE, HOLE)
        link = site.add(
            "upscaler",
            "LatentUpscaleBy",
            {"samples": site.given.link, "upscale_method": "nearest-exact", "scale_by": by},
            {"samples": (), "upscale_method": "method", "scale_by": "by"},
        )
        return site.given._replace(link=link)


def _scaled(site: Site, image: Link, method: str, by: float) -> Link:
    return site.add(
        "scale",
        "ImageScaleBy",
        {"image": image, "upscale_method": method, "scale_by": by},
        {"image": (), "upscale_method": "method", "scale_by": "by"},
    )

"""Checkpoints: a diffusion model with its VAE and text encoders in one file, or only some of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from . import vaes
from .diffusion import Diffusion, native, unet_prefix
from .diffusion_classes import CLASSES, ModelClass
from .diffusion_variants import younger
from .header import Header


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A checkpoint as ComfyUI's loader takes it.

    `vae_tensors`, `clip_tensors` and `clip_vision_tensors` count what it has of these parts: 0 means that the part
    is not in the file, so that the loader's output fails when it is used. `clip_class` is the text encoder that
    ComfyUI builds, "" where it takes none from a checkpoint; `vae` what the VAE is, None where there is none.
    """

    diffusion: Diffusion
    vae_tensors: int = 0
    clip_tensors: int = 0
    clip_vision_tensors: int = 0
    clip_class: str = ""
    vae: vaes.Vae | None = None

    @property
    def families(self) -> tuple[str, ...]:
        """The families that the diffusion model may be of."""
        return self.diffusion.families

    @property
    def variants(self) -> tuple[str, ...]:
        """The models of the family that the diffusion model may be."""
        return self.diffusion.variants


# The text encoders that ComfyUI builds for a checkpoint of each class.
_TEXT = {
    **dict.fromkeys(("SD15", "SD15_instructpix2pix"), "SD1ClipModel"),
    **dict.fromkeys(("SD20", "SD21UnclipL", "SD21UnclipH", "LotusD", "SD_X4Upscaler"), "SD2ClipModel"),
    **dict.fromkeys(
        ("SDXL", "SDXL_instructpix2pix", "SSD1B", "KOALA_700M", "KOALA_1B", "Segmind_Vega"), "SDXLClipModel"
    ),
    **{"SDXLRefiner": "SDXLRefinerClipModel", "SD3": "SD3ClipModel_", "StableAudio": "SAT5Model"},
    **dict.fromkeys(("Stable_Cascade_C", "Stable_Cascade_B"), "StableCascadeClipModel"),
    **{"AuraFlow": "AuraT5Model", "GenmoMochi": "MochiTEModel_", "LTXV": "MochiTEModel_", "Lumina2": "LuminaTEModel_"},
    **dict.fromkeys(("PixArtAlpha", "PixArtSigma"), "PixArtT5XXL"),
    **dict.fromkeys(("HunyuanDiT", "HunyuanDiT1"), "HyditModel"),
    **dict.fromkeys(("FluxInpaint", "Flux", "FluxSchnell"), "FluxClipModel_"),
    **dict.fromkeys(("HunyuanVideo", "HunyuanVideoI2V", "HunyuanVideoSkyreelsI2V"), "HunyuanVideoClipModel_"),
    **{"HunyuanImage21Refiner": "HunyuanVideoClipModel_", "HunyuanImage21": "QwenImageTEModel_"},
    **dict.fromkeys(("CosmosT2V", "CosmosI2V", "CosmosT2IPredict2", "CosmosI2VPredict2"), "CosmosTEModel_"),
    **{each.name: "WanTEModel" for each in CLASSES if each.name.startswith("WAN")},
    **dict.fromkeys(("Chroma", "ChromaRadiance"), "PixArtTEModel_"),
    **{"ACEStep": "AceT5Model", "Omnigen2": "Omnigen2TEModel_", "QwenImage": "QwenImageTEModel_"},
}
_SPLIT = (".attn.in_proj_weight", ".attn.in_proj_bias")  # ComfyUI makes three tensors of each of these
_OPEN_CLIP = ("conditioner.embedders.0.model.", "cond_stage_model.model.", "conditioner.embedders.1.model.")


def detect(header: Header, prefix: str = "") -> Checkpoint | None:
    """What a checkpoint loader makes of a file; None where it is a diffusion model alone, or no model."""
    found = as_checkpoint(header, prefix)
    if found is None:
        return None
    whole = found.vae_tensors or found.clip_tensors or found.clip_vision_tensors
    unet = found.diffusion.unet_config.get("model_channels") and "image_model" not in found.diffusion.unet_config
    return found if whole or (unet and found.diffusion.prefix == "model.diffusion_model.") else None


def as_checkpoint(header: Header, prefix: str = "") -> Checkpoint | None:
    """What a checkpoint loader makes of a file, though there be no other part in it; None where it knows no class."""
    if header.format == "gguf":
        return None
    prefix = prefix or unet_prefix(header)
    bare = header.under(prefix)
    model = native(bare, header, prefix) if bare.tensors else None
    if model is None:
        return None
    real = younger(bare)
    if real:
        model = replace(model, families=(real,), variants=(), taken_for=model.families[0])
    chosen = next(each for each in CLASSES if each.name == model.model_class)
    vae = header.under(chosen.vae)
    return Checkpoint(
        model,
        len(vae.tensors),
        _text_tensors(header, chosen),
        sum(name.startswith(chosen.vision) for name in header.tensors) if chosen.vision else 0,
        _TEXT.get(chosen.name, ""),
        vaes.detect(vae) if vae.tensors else None,
    )


def _text_tensors(header: Header, chosen: ModelClass) -> int:
    """The tensors of the text encoders as ComfyUI splits them."""
    count = 0
    for name in header.tensors:
        if name.startswith(chosen.text):
            split = name.endswith(_SPLIT) and name.startswith(_OPEN_CLIP)
            count += 3 if split else 1
    return count

"""Which function stands for which node class, and what any other class gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np
from PIL import Image, ImageDraw

from ..catalog.nodes import NodeType
from . import models, pixels_files, pixels_image, pixels_latent, pixels_sample, pixels_upscale
from .values import Conditioning, Latent, Model, Picture, Run, Shown, StandIn, check_size

Function: TypeAlias = Callable[..., "tuple[Any, ...] | Shown"]

# What these give is what ComfyUI gives, to a rounding.
REAL: Mapping[str, Function] = {
    "LoadImage": pixels_files.load_image,
    "LoadImageOutput": pixels_files.load_image_output,
    "LoadImageMask": pixels_files.load_image_mask,
    "SaveImage": pixels_files.save_image,
    "PreviewImage": pixels_files.preview_image,
    "ImageScale": pixels_image.image_scale,
    "ImageScaleBy": pixels_image.image_scale_by,
    "ImageScaleToTotalPixels": pixels_image.image_scale_to_total_pixels,
    "ImageScaleToMaxDimension": pixels_image.image_scale_to_max_dimension,
    "ImageInvert": pixels_image.image_invert,
    "ImageBlur": pixels_image.image_blur,
    "ImageSharpen": pixels_image.image_sharpen,
    "ImageBlend": pixels_image.image_blend,
    "ImageCrop": pixels_image.image_crop,
    "EmptyImage": pixels_image.empty_image,
    "ImageBatch": pixels_image.image_batch,
    "ImageFromBatch": pixels_image.image_from_batch,
    "RepeatImageBatch": pixels_image.repeat_image_batch,
    "ImagePadForOutpaint": pixels_image.image_pad_for_outpaint,
    "ImageToMask": pixels_image.image_to_mask,
    "MaskToImage": pixels_image.mask_to_image,
    "SolidMask": pixels_image.solid_mask,
    "InvertMask": pixels_image.invert_mask,
    "EmptyLatentImage": pixels_latent.empty_latent,
    "EmptySD3LatentImage": pixels_latent.empty_latent,
    "RepeatLatentBatch": pixels_latent.repeat_latent_batch,
    "LatentFromBatch": pixels_latent.latent_from_batch,
    "SetLatentNoiseMask": pixels_latent.set_latent_noise_mask,
}

# These give the right kind of thing in the right size, but no model runs.
STAND_INS: Mapping[str, Function] = {
    "UNETLoader": models.unet_loader,
    "UnetLoaderGGUF": models.unet_loader,
    "UnetLoaderGGUFAdvanced": models.unet_loader,
    "CLIPLoader": models.clip_loader,
    "CLIPLoaderGGUF": models.clip_loader,
    "DualCLIPLoader": models.clip_loader,
    "DualCLIPLoaderGGUF": models.clip_loader,
    "TripleCLIPLoader": models.clip_loader,
    "QuadrupleCLIPLoader": models.clip_loader,
    "VAELoader": models.vae_loader,
    "CheckpointLoaderSimple": models.checkpoint_loader,
    "CheckpointLoader": models.checkpoint_loader,
    "LoraLoader": models.lora_loader,
    "LoraLoaderModelOnly": models.lora_loader_model_only,
    "UpscaleModelLoader": models.upscale_model_loader,
    "CLIPTextEncode": models.clip_text_encode,
    "FluxGuidance": models.flux_guidance,
    "VAEEncode": pixels_latent.vae_encode,
    "VAEEncodeTiled": pixels_latent.vae_encode_tiled,
    "VAEEncodeForInpaint": pixels_latent.vae_encode_for_inpaint,
    "VAEDecode": pixels_latent.vae_decode,
    "VAEDecodeTiled": pixels_latent.vae_decode_tiled,
    "LatentUpscale": pixels_latent.latent_upscale,
    "LatentUpscaleBy": pixels_latent.latent_upscale_by,
    "KSampler": pixels_sample.ksampler,
    "KSamplerAdvanced": pixels_sample.ksampler_advanced,
    "ImageUpscaleWithModel": pixels_upscale.image_upscale_with_model,
    "UltimateSDUpscale": pixels_upscale.ultimate_sd_upscale,
    "UltimateSDUpscaleCustomSample": pixels_upscale.ultimate_sd_upscale,
    "UltimateSDUpscaleNoUpscale": pixels_upscale.ultimate_sd_upscale_no_upscale,
}


def function_of(kind: NodeType) -> Function:
    """The function that runs a node class."""
    known = REAL.get(kind.name) or STAND_INS.get(kind.name)
    return known if known is not None else _stand_in(kind)


def is_stand_in(class_name: str) -> bool:
    """Whether a class's result is a stand-in for what ComfyUI would give."""
    return class_name not in REAL


def _stand_in(kind: NodeType) -> Function:
    def run_it(run: Run, **inputs: Any) -> tuple[Any, ...] | Shown:
        for name in inputs:
            if name not in kind.inputs:
                raise TypeError(f"{kind.name} got an unexpected keyword argument '{name}'")
        outputs = tuple(_output(kind, output.type, inputs) for output in kind.outputs)
        return Shown({"text": [f"stand-in: {kind.name}"]}, outputs) if kind.is_output else outputs

    return run_it


def _output(kind: NodeType, type: str, inputs: Mapping[str, Any]) -> Any:
    """A value of an output's type: what came in of that type, or else something made up."""
    same = next((inputs[n] for n, i in kind.inputs.items() if i.type == type and inputs.get(n) is not None), None)
    if type == "IMAGE":
        return _labelled(kind.name, same if isinstance(same, np.ndarray) else None)
    if same is not None:
        return same
    made: Mapping[str, Callable[[], Any]] = {
        "MASK": lambda: np.zeros((1, 64, 64), np.float32),
        "LATENT": lambda: Latent(512, 512),
        "MODEL": lambda: Model("diffusion_model", (kind.name,)),
        "CLIP": lambda: Model("text_encoders", (kind.name,)),
        "VAE": lambda: Model("vae", (kind.name,)),
        "UPSCALE_MODEL": lambda: Model("upscale_model", (kind.name,)),
        "CONDITIONING": lambda: Conditioning(repr(sorted((k, str(v)[:200]) for k, v in inputs.items()))),
        "INT": lambda: 0,
        "FLOAT": lambda: 0.0,
        "BOOLEAN": lambda: False,
        "STRING": lambda: f"stand-in: {kind.name}",
    }
    return made.get(type, lambda: StandIn(type, kind.name))()


def _labelled(name: str, like: Picture | None) -> Picture:
    """A picture with its class's name on it, of the size of another or 512x512."""
    batch, height, width = (1, 512, 512) if like is None else like.shape[:3]
    check_size(width, height, batch)
    base = np.full((height, width, 3), 0.35, np.float32) if like is None else like[0, ..., :3]
    drawn = Image.fromarray(np.clip(base * 255.0, 0, 255).astype(np.uint8))
    size = max(10, min(width, height) // 16)
    ImageDraw.Draw(drawn).text(
        (width / 2, height / 2), f"stand-in: {name}", fill="white", anchor="mm", font_size=size, stroke_width=2,
        stroke_fill="black",
    )  # fmt: skip
    picture = np.asarray(drawn, dtype=np.float32) / np.float32(255.0)
    return np.repeat(picture[None], batch, axis=0)

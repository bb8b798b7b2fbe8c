"""Which function stands for which node class, and what any other class gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from ..catalog.nodes import NodeType
from . import (
    models,
    pixels_custom,
    pixels_edges,
    pixels_files,
    pixels_image,
    pixels_latent,
    pixels_mask,
    pixels_sample,
    pixels_upscale,
    pixels_video,
    plain,
)
from .stand_ins import stand_in
from .values import Shown

Function: TypeAlias = Callable[..., "tuple[Any, ...] | Shown"]

# What these give is what ComfyUI gives, to a rounding.
REAL: Mapping[str, Function] = {
    "LoadImage": pixels_files.load_image,
    "LoadImageOutput": pixels_files.load_image_output,
    "LoadImageMask": pixels_files.load_image_mask,
    "SaveImage": pixels_files.save_image,
    "SaveAnimatedPNG": pixels_files.save_animated_png,
    "SaveAnimatedWEBP": pixels_files.save_animated_webp,
    "PreviewImage": pixels_files.preview_image,
    "MaskPreview": pixels_files.mask_preview,
    "LoadVideo": pixels_video.load_video,
    "GetVideoComponents": pixels_video.get_video_components,
    "CreateVideo": pixels_video.create_video,
    "SaveVideo": pixels_video.save_video,
    "SaveWEBM": pixels_video.save_webm,
    "ImageScale": pixels_image.image_scale,
    "ImageScaleBy": pixels_image.image_scale_by,
    "ImageScaleToTotalPixels": pixels_image.image_scale_to_total_pixels,
    "ImageScaleToMaxDimension": pixels_image.image_scale_to_max_dimension,
    "FluxKontextImageScale": pixels_image.flux_kontext_image_scale,
    "Canny": pixels_edges.canny,
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
    "ResizeAndPadImage": pixels_image.resize_and_pad_image,
    "ImageFlip": pixels_image.image_flip,
    "ImageRotate": pixels_image.image_rotate,
    "GetImageSize": pixels_image.get_image_size,
    "ImageToMask": pixels_mask.image_to_mask,
    "ImageColorToMask": pixels_mask.image_color_to_mask,
    "MaskToImage": pixels_mask.mask_to_image,
    "SolidMask": pixels_mask.solid_mask,
    "InvertMask": pixels_mask.invert_mask,
    "CropMask": pixels_mask.crop_mask,
    "ThresholdMask": pixels_mask.threshold_mask,
    "GrowMask": pixels_mask.grow_mask,
    "FeatherMask": pixels_mask.feather_mask,
    "MaskComposite": pixels_mask.mask_composite,
    "ImageCompositeMasked": pixels_mask.image_composite_masked,
    "JoinImageWithAlpha": pixels_mask.join_image_with_alpha,
    "SplitImageWithAlpha": pixels_mask.split_image_with_alpha,
    "PrimitiveBoolean": plain.primitive,
    "PrimitiveFloat": plain.primitive,
    "PrimitiveInt": plain.primitive,
    "PrimitiveString": plain.primitive,
    "PrimitiveStringMultiline": plain.primitive,
    "StringConcatenate": plain.string_concatenate,
    "StringReplace": plain.string_replace,
    "StringSubstring": plain.string_substring,
    "StringLength": plain.string_length,
    "StringTrim": plain.string_trim,
    "EmptyLatentImage": pixels_latent.empty_latent,
    "EmptySD3LatentImage": pixels_latent.empty_latent,
    "EmptyHunyuanLatentVideo": pixels_video.empty_hunyuan_latent_video,
    "RepeatLatentBatch": pixels_latent.repeat_latent_batch,
    "LatentFromBatch": pixels_latent.latent_from_batch,
    "SetLatentNoiseMask": pixels_latent.set_latent_noise_mask,
}

_SCHEDULERS = (
    "AlignYourStepsScheduler",
    "BasicScheduler",
    "BetaSamplingScheduler",
    "ExponentialScheduler",
    "GITSScheduler",
    "KarrasScheduler",
    "LTXVScheduler",
    "LaplaceScheduler",
    "OptimalStepsScheduler",
    "PolyexponentialScheduler",
    "SDTurboScheduler",
    "VPScheduler",
)

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
    "InpaintModelConditioning": pixels_latent.inpaint_model_conditioning,
    "WanImageToVideo": pixels_video.wan_image_to_video,
    "WanFirstLastFrameToVideo": pixels_video.wan_first_last_frame_to_video,
    "Wan22ImageToVideoLatent": pixels_video.wan22_image_to_video_latent,
    "VAEDecode": pixels_latent.vae_decode,
    "VAEDecodeTiled": pixels_latent.vae_decode_tiled,
    "LatentUpscale": pixels_latent.latent_upscale,
    "LatentUpscaleBy": pixels_latent.latent_upscale_by,
    "LatentCrop": pixels_latent.latent_crop,
    "LatentRotate": pixels_latent.latent_rotate,
    "LatentFlip": pixels_latent.latent_flip,
    "LatentBatch": pixels_latent.latent_batch,
    "RandomNoise": pixels_custom.random_noise,
    "DisableNoise": pixels_custom.disable_noise,
    "BasicGuider": pixels_custom.basic_guider,
    "CFGGuider": pixels_custom.cfg_guider,
    "SplitSigmas": pixels_custom.split_sigmas,
    "SplitSigmasDenoise": pixels_custom.split_sigmas_denoise,
    "SamplerCustom": pixels_custom.sampler_custom,
    "SamplerCustomAdvanced": pixels_custom.sampler_custom_advanced,
    "KSampler": pixels_sample.ksampler,
    "KSamplerAdvanced": pixels_sample.ksampler_advanced,
    "ImageUpscaleWithModel": pixels_upscale.image_upscale_with_model,
    **dict.fromkeys(_SCHEDULERS, pixels_custom.scheduler),
    "PreviewAny": plain.preview_any,
    "UltimateSDUpscale": pixels_upscale.ultimate_sd_upscale,
    "UltimateSDUpscaleCustomSample": pixels_upscale.ultimate_sd_upscale,
    "UltimateSDUpscaleNoUpscale": pixels_upscale.ultimate_sd_upscale_no_upscale,
}


def function_of(kind: NodeType) -> Function:
    """The function that runs a node class."""
    known = REAL.get(kind.name) or STAND_INS.get(kind.name)
    return known if known is not None else stand_in(kind)


def is_stand_in(class_name: str) -> bool:
    """Whether a class's result is a stand-in for what ComfyUI would give."""
    return class_name not in REAL

# ruff: noqa
# fmt: off
"""The node classes of comfyui-0.3.64. Written by `comfyproof catalog stubs`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from comfyproof.python.handles import Handle, Node

class Nodes:
    # By node(...) alone: 'Epsilon Scaling'

    def __init__(self, add: Callable[..., Node]) -> None: ...

    def APG(
        self,
        *,
        model: Handle,
        eta: float | Handle = 1.0,
        norm_threshold: float | Handle = 5.0,
        momentum: float | Handle = 0.0,
        as_: str | None = None,
    ) -> Node:
        """Adaptive Projected Guidance (sampling/custom_sampling); gives MODEL"""

    def AddNoise(
        self,
        *,
        model: Handle,
        noise: Handle,
        sigmas: Handle,
        latent_image: Handle,
        as_: str | None = None,
    ) -> Node:
        """AddNoise (_for_testing/custom_sampling/noise); gives LATENT"""

    def AlignYourStepsScheduler(
        self,
        *,
        model_type: Literal['SD1', 'SDXL', 'SVD'] | Handle = 'SD1',
        steps: int | Handle = 10,
        denoise: float | Handle = 1.0,
        as_: str | None = None,
    ) -> Node:
        """AlignYourStepsScheduler (sampling/custom_sampling/schedulers); gives SIGMAS"""

    def AudioAdjustVolume(self, *, audio: Handle, volume: int | Handle = ..., as_: str | None = None) -> Node:
        """Audio Adjust Volume (audio); gives AUDIO"""

    def AudioConcat(
        self,
        *,
        audio1: Handle,
        audio2: Handle,
        direction: Literal['after', 'before'] | Handle = 'after',
        as_: str | None = None,
    ) -> Node:
        """Audio Concat (audio); gives AUDIO"""

    def AudioEncoderEncode(self, *, audio_encoder: Handle, audio: Handle, as_: str | None = None) -> Node:
        """AudioEncoderEncode (conditioning); gives AUDIO_ENCODER_OUTPUT"""

    def AudioEncoderLoader(self, *, audio_encoder_name: str | Handle, as_: str | None = None) -> Node:
        """AudioEncoderLoader (loaders); gives AUDIO_ENCODER"""

    def AudioMerge(
        self,
        *,
        audio1: Handle,
        audio2: Handle,
        merge_method: Literal['add', 'mean', 'subtract', 'multiply'] | Handle = 'add',
        as_: str | None = None,
    ) -> Node:
        """Audio Merge (audio); gives AUDIO"""

    def BasicGuider(self, *, model: Handle, conditioning: Handle, as_: str | None = None) -> Node:
        """BasicGuider (sampling/custom_sampling/guiders); gives GUIDER"""

    def BasicScheduler(
        self,
        *,
        model: Handle,
        scheduler: Literal['simple', 'sgm_uniform', 'karras', 'exponential', 'ddim_uniform', 'beta', 'normal', 'linear_quadratic', 'kl_optimal'] | Handle = 'simple',
        steps: int | Handle = 20,
        denoise: float | Handle = 1.0,
        as_: str | None = None,
    ) -> Node:
        """BasicScheduler (sampling/custom_sampling/schedulers); gives SIGMAS"""

    def BetaSamplingScheduler(
        self,
        *,
        model: Handle,
        steps: int | Handle = 20,
        alpha: float | Handle = 0.6,
        beta: float | Handle = 0.6,
        as_: str | None = None,
    ) -> Node:
        """BetaSamplingScheduler (sampling/custom_sampling/schedulers); gives SIGMAS"""

    def ByteDanceFirstLastFrameNode(
        self,
        *,
        prompt: str | Handle,
        first_frame: Handle,
        last_frame: Handle,
        model: Literal['seedance-1-0-pro-250528', 'seedance-1-0-lite-i2v-250428'] | Handle = 'seedance-1-0-lite-i2v-250428',
        resolution: Literal['480p', '720p', '1080p'] | Handle = '480p',
        aspect_ratio: Literal['adaptive', '16:9', '4:3', '1:1', '3:4', '9:16', '21:9'] | Handle = 'adaptive',
        duration: int | Handle = 5,
        seed: int | Handle = 0,
        camera_fixed: bool | Handle = False,
        watermark: bool | Handle = True,
        as_: str | None = None,
    ) -> Node:
        """ByteDance First-Last-Frame to Video (api node/video/ByteDance); gives VIDEO"""

    def ByteDanceImageEditNode(
        self,
        *,
        image: Handle,
        model: Literal['seededit-3-0-i2i-250628'] | Handle = 'seededit-3-0-i2i-250628',
        prompt: str | Handle = '',
        seed: int | Handle = 0,
        guidance_scale: float | Handle = 5.5,
        watermark: bool | Handle = True,
        as_: str | None = None,
    ) -> Node:
        """ByteDance Image Edit (api node/image/ByteDance); gives IMAGE"""

    def ByteDanceImageNode(
        self,
        *,
        prompt: str | Handle,
        model: Literal['seedream-3-0-t2i-250415'] | Handle = 'seedream-3-0-t2i-250415',
        size_preset: Literal['1024x1024 (1:1)', '864x1152 (3:4)', '1152x864 (4:3)', '1280x720 (16:9)', '720x1280 (9:16)', '832x1248 (2:3)', '1248x832 (3:2)', '1512x648 (21:9)', '2048x2048 (1:1)', 'Custom'] | Handle = '1024x1024 (1:1)',
        width: int | Handle = 1024,
        height: int | Handle = 1024,
        seed: int | Handle = 0,
        guidance_scale: float | Handle = 2.5,
        watermark: bool | Handle = True,
        as_: str | None = None,
    ) -> Node:
        """ByteDance Image (api node/image/ByteDance); gives IMAGE"""

    def ByteDanceImageReferenceNode(
        self,
        *,
        prompt: str | Handle,
        images: Handle,
        model: Literal['seedance-1-0-lite-i2v-250428'] | Handle = 'seedance-1-0-lite-i2v-250428',
        resolution: Literal['480p', '720p'] | Handle = '480p',
        aspect_ratio: Literal['adaptive', '16:9', '4:3', '1:1', '3:4', '9:16', '21:9'] | Handle = 'adaptive',
        duration: int | Handle = 5,
        seed: int | Handle = 0,
        watermark: bool | Handle = True,
        as_: str | None = None,
    ) -> Node:
        """ByteDance Reference Images to Video (api node/video/ByteDance); gives VIDEO"""

    def ByteDanceImageToVideoNode(
        self,
        *,
        prompt: str | Handle,
        image: Handle,
        model: Literal['seedance-1-0-pro-250528', 'seedance-1-0-lite-i2v-250428'] | Handle = 'seedance-1-0-pro-250528',
        resolution: Literal['480p', '720p', '1080p'] | Handle = '480p',
        aspect_ratio: Literal['adaptive', '16:9', '4:3', '1:1', '3:4', '9:16', '21:9'] | Handle = 'adaptive',
        duration: int | Handle = 5,
        seed: int | Handle = 0,
        camera_fixed: bool | Handle = False,
        watermark: bool | Handle = True,
        as_: str | None = None,
    ) -> Node:
        """ByteDance Image to Video (api node/video/ByteDance); gives VIDEO"""

    def ByteDanceSeedreamNode(
        self,
        *,
        model: Literal['seedream-4-0-250828'] | Handle = 'seedream-4-0-250828',
        prompt: str | Handle = '',
        size_preset: Literal['2048x2048 (1:1)', '2304x1728 (4:3)', '1728x2304 (3:4)', '2560x1440 (16:9)', '1440x2560 (9:16)', '2496x1664 (3:2)', '1664x2496 (2:3)', '3024x1296 (21:9)', '4096x4096 (1:1)', 'Custom'] | Handle = '2048x2048 (1:1)',
        image: Handle = ...,
        width: int | Handle = 2048,
        height: int | Handle = 2048,
        sequential_image_generation: Literal['disabled', 'auto'] | Handle = 'disabled',
        max_images: int | Handle = 1,
        seed: int | Handle = 0,
        watermark: bool | Handle = True,
        fail_on_partial: bool | Handle = True,
        as_: str | None = None,
    ) -> Node:
        """ByteDance Seedream 4 (api node/image/ByteDance); gives IMAGE"""

    def ByteDanceTextToVideoNode(
        self,
        *,
        prompt: str | Handle,
        model: Literal['seedance-1-0-pro-250528', 'seedance-1-0-lite-t2v-250428'] | Handle = 'seedance-1-0-pro-250528',
        resolution: Literal['480p', '720p', '1080p'] | Handle = '480p',
        aspect_ratio: Literal['16:9', '4:3', '1:1', '3:4', '9:16', '21:9'] | Handle = '16:9',
        duration: int | Handle = 5,
        seed: int | Handle = 0,
        camera_fixed: bool | Handle = False,
        watermark: bool | Handle = True,
        as_: str | None = None,
    ) -> Node:
        """ByteDance Text to Video (api node/video/ByteDance); gives VIDEO"""

    def CFGGuider(
        self,
        *,
        model: Handle,
        positive: Handle,
        negative: Handle,
        cfg: float | Handle = 8.0,
        as_: str | None = None,
    ) -> Node:
        """CFGGuider (sampling/custom_sampling/guiders); gives GUIDER"""

    def CFGNorm(self, *, model: Handle, strength: float | Handle = 1.0, as_: str | None = None) -> Node:
        """CFGNorm (advanced/guidance); gives patched_model (MODEL)"""

    def CFGZeroStar(self, *, model: Handle, as_: str | None = None) -> Node:
        """CFGZeroStar (advanced/guidance); gives patched_model (MODEL)"""

    def CLIPAttentionMultiply(
        self,
        *,
        clip: Handle,
        q: float | Handle = 1.0,
        k: float | Handle = 1.0,
        v: float | Handle = 1.0,
        out: float | Handle = 1.0,
        as_: str | None = None,
    ) -> Node:
        """CLIPAttentionMultiply (_for_testing/attention_experiments); gives CLIP"""

    def CLIPLoader(
        self,
        *,
        clip_name: str | Handle,
        type: Literal['stable_diffusion', 'stable_cascade', 'sd3', 'stable_audio', 'mochi', 'ltxv', 'pixart', 'cosmos', 'lumina2', 'wan', 'hidream', 'chroma', 'ace', 'omnigen2', 'qwen_image', 'hunyuan_image'] | Handle = 'stable_diffusion',
        device: Literal['default', 'cpu'] | Handle = 'default',
        as_: str | None = None,
    ) -> Node:
        """Load CLIP (advanced/loaders); gives CLIP"""

    def CLIPLoaderGGUF(
        self,
        *,
        clip_name: str | Handle,
        type: Literal['stable_diffusion', 'stable_cascade', 'sd3', 'stable_audio', 'mochi', 'ltxv', 'pixart', 'cosmos', 'lumina2', 'wan', 'hidream', 'chroma', 'ace', 'omnigen2', 'qwen_image', 'hunyuan_image'] | Handle = 'stable_diffusion',
        as_: str | None = None,
    ) -> Node:
        """CLIPLoader (GGUF) (bootleg); gives CLIP"""

    def CLIPMergeAdd(self, *, clip1: Handle, clip2: Handle, as_: str | None = None) -> Node:
        """CLIPMergeAdd (advanced/model_merging); gives CLIP"""

    def CLIPMergeSimple(
        self,
        *,
        clip1: Handle,
        clip2: Handle,
        ratio: float | Handle = 1.0,
        as_: str | None = None,
    ) -> Node:
        """CLIPMergeSimple (advanced/model_merging); gives CLIP"""

    def CLIPMergeSubtract(
        self,
        *,
        clip1: Handle,
        clip2: Handle,
        multiplier: float | Handle = 1.0,
        as_: str | None = None,
    ) -> Node:
        """CLIPMergeSubtract (advanced/model_merging); gives CLIP"""

    def CLIPSave(self, *, clip: Handle, filename_prefix: str | Handle = 'clip/ComfyUI', as_: str | None = None) -> Node:
        """CLIPSave (advanced/model_merging); gives nothing"""

    def CLIPSetLastLayer(self, *, clip: Handle, stop_at_clip_layer: int | Handle = -1, as_: str | None = None) -> Node:
        """CLIP Set Last Layer (conditioning); gives CLIP"""

    def CLIPTextEncode(self, *, text: str | Handle, clip: Handle, as_: str | None = None) -> Node:
        """CLIP Text Encode (Prompt) (conditioning); gives CONDITIONING"""

    def CLIPTextEncodeControlnet(
        self,
        *,
        clip: Handle,
        conditioning: Handle,
        text: str | Handle,
        as_: str | None = None,
    ) -> Node:
        """CLIPTextEncodeControlnet (_for_testing/conditioning); gives CONDITIONING"""

    def CLIPTextEncodeFlux(
        self,
        *,
        clip: Handle,
        clip_l: str | Handle,
        t5xxl: str | Handle,
        guidance: float | Handle = 3.5,
        as_: str | None = None,
    ) -> Node:
        """CLIPTextEncodeFlux (advanced/conditioning/flux); gives CONDITIONING"""

    def CLIPTextEncodeHiDream(
        self,
        *,
        clip: Handle,
        clip_l: str | Handle,
        clip_g: str | Handle,
        t5xxl: str | Handle,
        llama: str | Handle,
        as_: str | None = None,
    ) -> Node:
        """CLIPTextEncodeHiDream (advanced/conditioning); gives CONDITIONING"""

    def CLIPTextEncodeHunyuanDiT(
        self,
        *,
        clip: Handle,
        bert: str | Handle,
        mt5xl: str | Handle,
        as_: str | None = None,
    ) -> Node:
        """CLIPTextEncodeHunyuanDiT (advanced/conditioning); gives CONDITIONING"""

    def CLIPTextEncodeLumina2(
        self,
        *,
        user_prompt: str | Handle,
        clip: Handle,
        system_prompt: Literal['superior', 'alignment'] | Handle = 'superior',
        as_: str | None = None,
    ) -> Node:
        """CLIP Text Encode for Lumina2 (conditioning); gives CONDITIONING"""

    def CLIPTextEncodePixArtAlpha(
        self,
        *,
        text: str | Handle,
        clip: Handle,
        width: int | Handle = 1024,
        height: int | Handle = 1024,
        as_: str | None = None,
    ) -> Node:
        """CLIPTextEncodePixArtAlpha (advanced/conditioning); gives CONDITIONING"""

    def CLIPTextEncodeSD3(
        self,
        *,
        clip: Handle,
        clip_l: str | Handle,
        clip_g: str | Handle,
        t5xxl: str | Handle,
        empty_padding: Literal['none', 'empty_prompt'] | Handle = 'none',
        as_: str | None = None,
    ) -> Node:
        """CLIPTextEncodeSD3 (advanced/conditioning); gives CONDITIONING"""

    def CLIPTextEncodeSDXL(
        self,
        *,
        clip: Handle,
        text_g: str | Handle,
        text_l: str | Handle,
        width: int | Handle = 1024,
        height: int | Handle = 1024,
        crop_w: int | Handle = 0,
        crop_h: int | Handle = 0,
        target_width: int | Handle = 1024,
        target_height: int | Handle = 1024,
        as_: str | None = None,
    ) -> Node:
        """CLIPTextEncodeSDXL (advanced/conditioning); gives CONDITIONING"""

    def CLIPTextEncodeSDXLRefiner(
        self,
        *,
        text: str | Handle,
        clip: Handle,
        ascore: float | Handle = 6.0,
        width: int | Handle = 1024,
        height: int | Handle = 1024,
        as_: str | None = None,
    ) -> Node:
        """CLIPTextEncodeSDXLRefiner (advanced/conditioning); gives CONDITIONING"""

    def CLIPVisionEncode(
        self,
        *,
        clip_vision: Handle,
        image: Handle,
        crop: Literal['center', 'none'] | Handle = 'center',
        as_: str | None = None,
    ) -> Node:
        """CLIP Vision Encode (conditioning); gives CLIP_VISION_OUTPUT"""

    def CLIPVisionLoader(self, *, clip_name: str | Handle, as_: str | None = None) -> Node:
        """Load CLIP Vision (loaders); gives CLIP_VISION"""

    def Canny(
        self,
        *,
        image: Handle,
        low_threshold: float | Handle = 0.4,
        high_threshold: float | Handle = 0.8,
        as_: str | None = None,
    ) -> Node:
        """Canny (image/preprocessors); gives IMAGE"""

    def CaseConverter(
        self,
        *,
        string: str | Handle,
        mode: Literal['UPPERCASE', 'lowercase', 'Capitalize', 'Title Case'] | Handle = 'UPPERCASE',
        as_: str | None = None,
    ) -> Node:
        """Case Converter (utils/string); gives STRING"""

    def CheckpointLoader(self, *, config_name: str | Handle, ckpt_name: str | Handle, as_: str | None = None) -> Node:
        """Load Checkpoint With Config (DEPRECATED) (advanced/loaders); gives MODEL, CLIP, VAE"""

    def CheckpointLoaderSimple(self, *, ckpt_name: str | Handle, as_: str | None = None) -> Node:
        """Load Checkpoint (loaders); gives MODEL, CLIP, VAE"""

    def CheckpointSave(
        self,
        *,
        model: Handle,
        clip: Handle,
        vae: Handle,
        filename_prefix: str | Handle = 'checkpoints/ComfyUI',
        as_: str | None = None,
    ) -> Node:
        """Save Checkpoint (advanced/model_merging); gives nothing"""

    def ChromaRadianceOptions(
        self,
        *,
        model: Handle,
        preserve_wrapper: bool | Handle = True,
        start_sigma: float | Handle = 1.0,
        end_sigma: float | Handle = 0.0,
        nerf_tile_size: int | Handle = -1,
        as_: str | None = None,
    ) -> Node:
        """ChromaRadianceOptions (model_patches/chroma_radiance); gives MODEL"""

    def CombineHooks2(self, *, hooks_A: Handle = ..., hooks_B: Handle = ..., as_: str | None = None) -> Node:
        """Combine Hooks [2] (advanced/hooks/combine); gives HOOKS"""

    def CombineHooks4(
        self,
        *,
        hooks_A: Handle = ...,
        hooks_B: Handle = ...,
        hooks_C: Handle = ...,
        hooks_D: Handle = ...,
        as_: str | None = None,
    ) -> Node:
        """Combine Hooks [4] (advanced/hooks/combine); gives HOOKS"""

    def CombineHooks8(
        self,
        *,
        hooks_A: Handle = ...,
        hooks_B: Handle = ...,
        hooks_C: Handle = ...,
        hooks_D: Handle = ...,
        hooks_E: Handle = ...,
        hooks_F: Handle = ...,
        hooks_G: Handle = ...,
        hooks_H: Handle = ...,
        as_: str | None = None,
    ) -> Node:
        """Combine Hooks [8] (advanced/hooks/combine); gives HOOKS"""

    def ConditioningAverage(
        self,
        *,
        conditioning_to: Handle,
        conditioning_from: Handle,
        conditioning_to_strength: float | Handle = 1.0,
        as_: str | None = None,
    ) -> Node:
        """ConditioningAverage (conditioning); gives CONDITIONING"""

    def ConditioningCombine(self, *, conditioning_1: Handle, conditioning_2: Handle, as_: str | None = None) -> Node:
        """Conditioning (Combine) (conditioning); gives CONDITIONING"""

    def ConditioningConcat(self, *, conditioning_to: Handle, conditioning_from: Handle, as_: str | None = None) -> Node:
        """Conditioning (Concat) (conditioning); gives CONDITIONING"""

    def ConditioningSetArea(
        self,
        *,
        conditioning: Handle,
        width: int | Handle = 64,
        height: int | Handle = 64,
        x: int | Handle = 0,
        y: int | Handle = 0,
        strength: float | Handle = 1.0,
        as_: str | None = None,
    ) -> Node:
        """Conditioning (Set Area) (conditioning); gives CONDITIONING"""

    def ConditioningSetAreaPercentage(
        self,
        *,
        conditioning: Handle,
        width: float | Handle = 1.0,
        height: float | Handle = 1.0,
        x: float | Handle = 0,
        y: float | Handle = 0,
        strength: float | Handle = 1.0,
        as_: str | None = None,
    ) -> Node:
        """Conditioning (Set Area with Percentage) (conditioning); gives CONDITIONING"""

    def ConditioningSetAreaPercentageVideo(
        self,
        *,
        conditioning: Handle,
        width: float | Handle = 1.0,
        height: float | Handle = 1.0,
        temporal: float | Handle = 1.0,
        x: float | Handle = 0,
        y: float | Handle = 0,
        z: float | Handle = 0,
        strength: float | Handle = 1.0,
        as_: str | None = None,
    ) -> Node:
        """ConditioningSetAreaPercentageVideo (conditioning); gives CONDITIONING"""

    def ConditioningSetAreaStrength(
        self,
        *,
        conditioning: Handle,
        strength: float | Handle = 1.0,
        as_: str | None = None,
    ) -> Node:
        """ConditioningSetAreaStrength (conditioning); gives CONDITIONING"""

    def ConditioningSetDefaultCombine(
        self,
        *,
        cond: Handle,
        cond_DEFAULT: Handle,
        hooks: Handle = ...,
        as_: str | None = None,
    ) -> Node:
        """Cond Set Default Combine (advanced/hooks/cond single); gives CONDITIONING"""

    def ConditioningSetMask(
        self,
        *,
        conditioning: Handle,
        mask: Handle,
        strength: float | Handle = 1.0,
        set_cond_area: Literal['default', 'mask bounds'] | Handle = 'default',
        as_: str | None = None,
    ) -> Node:
        """Conditioning (Set Mask) (conditioning); gives CONDITIONING"""

    def ConditioningSetProperties(
        self,
        *,
        cond_NEW: Handle,
        strength: float | Handle = 1.0,
        set_cond_area: Literal['default', 'mask bounds'] | Handle = 'default',
        mask: Handle = ...,
        hooks: Handle = ...,
        timesteps: Handle = ...,
        as_: str | None = None,
    ) -> Node:
        """Cond Set Props (advanced/hooks/cond single); gives CONDITIONING"""

    def ConditioningSetPropertiesAndCombine(
        self,
        *,
        cond: Handle,
        cond_NEW: Handle,
        strength: float | Handle = 1.0,
        set_cond_area: Literal['default', 'mask bounds'] | Handle = 'default',
        mask: Handle = ...,
        hooks: Handle = ...,
        timesteps: Handle = ...,
        as_: str | None = None,
    ) -> Node:
        """Cond Set Props Combine (advanced/hooks/cond single); gives CONDITIONING"""

    def ConditioningSetTimestepRange(
        self,
        *,
        conditioning: Handle,
        start: float | Handle = 0.0,
        end: float | Handle = 1.0,
        as_: str | None = None,
    ) -> Node:
        """ConditioningSetTimestepRange (advanced/conditioning); gives CONDITIONING"""

    def ConditioningStableAudio(
        self,
        *,
        positive: Handle,
        negative: Handle,
        seconds_start: float | Handle = 0.0,
        seconds_total: float | Handle = 47.0,
        as_: str | None = None,
    ) -> Node:
        """ConditioningStableAudio (conditioning); gives positive (CONDITIONING), negative (CONDITIONING)"""

    def ConditioningTimestepsRange(
        self,
        *,
        start_percent: float | Handle = 0.0,
        end_percent: float | Handle = 1.0,
        as_: str | None = None,
    ) -> Node:
        """Timesteps Range (advanced/hooks); gives TIMESTEPS_RANGE, BEFORE_RANGE (TIMESTEPS_RANGE), AFTER_RANGE (TIMESTEPS_RANGE)"""

    def ConditioningZeroOut(self, *, conditioning: Handle, as_: str | None = None) -> Node:
        """ConditioningZeroOut (advanced/conditioning); gives CONDITIONING"""

    def ContextWindowsManual(
        self,
        *,
        model: Handle,
        context_length: int | Handle = 16,
        context_overlap: int | Handle = 4,
        context_schedule: Literal['standard_static', 'standard_uniform', 'looped_uniform', 'batched'] | Handle = 'standard_static',
        context_stride: int | Handle = 1,
        closed_loop: bool | Handle = False,
        fuse_method: Literal['pyramid', 'relative', 'flat', 'overlap-linear'] | Handle = 'pyramid',
        dim: int | Handle = 0,
        as_: str | None = None,
    ) -> Node:
        """Context Windows (Manual) (context); gives MODEL"""

    def ControlNetApply(
        self,
        *,
        conditioning: Handle,
        control_net: Handle,
        image: Handle,
        strength: float | Handle = 1.0,
        as_: str | None = None,
    ) -> Node:
        """Apply ControlNet (OLD) (conditioning/controlnet); gives CONDITIONING"""

    def ControlNetApplyAdvanced(
        self,
        *,
        positive: Handle,
        negative: Handle,
        control_net: Handle,
        image: Handle,
        strength: float | Handle = 1.0,
        start_percent: float | Handle = 0.0,
        end_percent: float | Handle = 1.0,
        vae: Handle = ...,
        as_: str | None = None,
    ) -> Node:
        """Apply ControlNet (conditioning/controlnet); gives positive (CONDITIONING), negative (CONDITIONING)"""

    def ControlNetApplySD3(
        self,
        *,
        positive: Handle,
        negative: Handle,
        control_net: Handle,
        vae: Handle,
        image: Handle,
        strength: float | Handle = 1.0,
        start_percent: float | Handle = 0.0,
        end_percent: float | Handle = 1.0,
        as_: str | None = None,
    ) -> Node:
        """Apply Controlnet with VAE (conditioning/controlnet); gives positive (CONDITIONING), negative (CONDITIONING)"""

    def ControlNetInpaintingAliMamaApply(
        self,
        *,
        positive: Handle,
        negative: Handle,
        control_net: Handle,
        vae: Handle,
        image: Handle,
        mask: Handle,
        strength: float | Handle = 1.0,
        start_percent: float | Handle = 0.0,
        end_percent: float | Handle = 1.0,
        as_: str | None = None,
    ) -> Node:
        """ControlNetInpaintingAliMamaApply (conditioning/controlnet); gives positive (CONDITIONING), negative (CONDITIONING)"""

    def ControlNetLoader(self, *, control_net_name: str | Handle, as_: str | None = None) -> Node:
        """Load ControlNet Model (loaders); gives CONTROL_NET"""

    def CosmosImageToVideoLatent(
        self,
        *,
        vae: Handle,
        width: int | Handle = 1280,
        height: int | Handle = 704,
        length: int | Handle = 121,
        batch_size: int | Handle = 1,
        start_image: Handle = ...,
        end_image: Handle = ...,
        as_: str | None = None,
    ) -> Node:
        """CosmosImageToVideoLatent (conditioning/inpaint); gives LATENT"""

    def CosmosPredict2ImageToVideoLatent(
        self,
        *,
        vae: Handle,
        width: int | Handle = 848,
        height: int | Handle = 480,
        length: int | Handle = 93,
        batch_size: int | Handle = 1,
        start_image: Handle = ...,
        end_image: Handle = ...,
        as_: str | None = None,
    ) -> Node:
        """CosmosPredict2ImageToVideoLatent (conditioning/inpaint); gives LATENT"""

    def CreateHookKeyframe(
        self,
        *,
        strength_mult: float | Handle = 1.0,
        start_percent: float | Handle = 0.0,
        prev_hook_kf: Handle = ...,
        as_: str | None = None,
    ) -> Node:
        """Create Hook Keyframe (advanced/hooks/scheduling); gives HOOK_KF (HOOK_KEYFRAMES)"""

    def CreateHookKeyframesFromFloats(
        self,
        *,
        floats_strength: Handle = ...,
        start_percent: float | Handle = 0.0,
        end_percent: float | Handle = 1.0,
        print_keyframes: bool | Handle = False,
        prev_hook_kf: Handle = ...,
        as_: str | None = None,
    ) -> Node:
        """Create Hook Keyframes From Floats (advanced/hooks/scheduling); gives HOOK_KF (HOOK_KEYFRAMES)"""

    def CreateHookKeyframesInterpolated(
        self,
        *,
        strength_start: float | Handle = 1.0,
        strength_end: float | Handle = 1.0,
        interpolation: Literal['linear', 'ease_in', 'ease_out', 'ease_in_out'] | Handle = 'linear',
        start_percent: float | Handle = 0.0,
        end_percent: float | Handle = 1.0,
        keyframes_count: int | Handle = 5,
        print_keyframes: bool | Handle = False,
        prev_hook_kf: Handle = ...,
        as_: str | None = None,
    ) -> Node:
        """Create Hook Keyframes Interp. (advanced/hooks/scheduling); gives HOOK_KF (HOOK_KEYFRAMES)"""

    def CreateHookLora(
        self,
        *,
        lora_name: str | Handle,
        strength_model: float | Handle = 1.0,
        strength_clip: float | Handle = 1.0,
        prev_hooks: Handle = ...,
        as_: str | None = None,
    ) -> Node:
        """Create Hook LoRA (advanced/hooks/create); gives HOOKS"""

    def CreateHookLoraModelOnly(
        self,
        *,
        lora_name: str | Handle,
        strength_model: float | Handle = 1.0,
        prev_hooks: Handle = ...,
        as_: str | None = None,
    ) -> Node:
        """Create Hook LoRA (MO) (advanced/hooks/create); gives HOOKS"""

    def CreateHookModelAsLora(
        self,
        *,
        ckpt_name: str | Handle,
        strength_model: float | Handle = 1.0,
        strength_clip: float | Handle = 1.0,
        prev_hooks: Handle = ...,
        as_: str | None = None,
    ) -> Node:
        """Create Hook Model as LoRA (advanced/hooks/create); gives HOOKS"""

    def CreateHookModelAsLoraModelOnly(
        self,
        *,
        ckpt_name: str | Handle,
        strength_model: float | Handle = 1.0,
        prev_hooks: Handle = ...,
        as_: str | None = None,
    ) -> Node:
        """Create Hook Model as LoRA (MO) (advanced/hooks/create); gives HOOKS"""

    def CreateVideo(
        self,
        *,
        images: Handle,
        fps: float | Handle = 30.0,
        audio: Handle = ...,
        as_: str | None = None,
    ) -> Node:
        """Create Video (image/video); gives VIDEO"""

    def CropMask(
        self,
        *,
        mask: Handle,
        x: int | Handle = 0,
        y: int | Handle = 0,
        width: int | Handle = 512,
        height: int | Handle = 512,
        as_: str | None = None,
    ) -> Node:
        """CropMask (mask); gives MASK"""

    def DiffControlNetLoader(self, *, model: Handle, control_net_name: str | Handle, as_: str | None = None) -> Node:
        """Load ControlNet Model (diff) (loaders); gives CONTROL_NET"""

    def DifferentialDiffusion(self, *, model: Handle, strength: float | Handle = 1.0, as_: str | None = None) -> Node:
        """Differential Diffusion (_for_testing); gives MODEL"""

    def DiffusersLoader(self, *, model_path: str | Handle, as_: str | None = None) -> Node:
        """DiffusersLoader (advanced/loaders/deprecated); gives MODEL, CLIP, VAE"""

    def DisableNoise(self, *, as_: str | None = None) -> Node:
        """DisableNoise (sampling/custom_sampling/noise); gives NOISE"""

    def DualCFGGuider(
        self,
        *,
        model: Handle,
        cond1: Handle,
        cond2: Handle,
        negative: Handle,
        cfg_conds: float | Handle = 8.0,
        cfg_cond2_negative: float | Handle = 8.0,
        style: Literal['regular', 'nested'] | Handle = 'regular',
        as_: str | None = None,
    ) -> Node:
        """DualCFGGuider (sampling/custom_sampling/guiders); gives GUIDER"""

    def DualCLIPLoader(
        self,
        *,
        clip_name1: str | Handle,
        clip_name2: str | Handle,
        type: Literal['sdxl', 'sd3', 'flux', 'hunyuan_video', 'hidream', 'hunyuan_image'] | Handle = 'sdxl',
        device: Literal['default', 'cpu'] | Handle = 'default',
        as_: str | None = None,
    ) -> Node:
        """DualCLIPLoader (advanced/loaders); gives CLIP"""

    def DualCLIPLoaderGGUF(
        self,
        *,
        clip_name1: str | Handle,
        clip_name2: str | Handle,
        type: Literal['sdxl', 'sd3', 'flux', 'hunyuan_video', 'hidream', 'hunyuan_image'] | Handle = 'sdxl',
        as_: str | None = None,
    ) -> Node:
        """DualCLIPLoader (GGUF) (bootleg); gives CLIP"""

    def EasyCache(
        self,
        *,
        model: Handle,
        reuse_threshold: float | Handle = 0.2,
        start_percent: float | Handle = 0.15,
        end_percent: float | Handle = 0.95,
        verbose: bool | Handle = False,
        as_: str | None = None,
    ) -> Node:
        """EasyCache (advanced/debug/model); gives MODEL"""

    def EmptyAceStepLatentAudio(
        self,
        *,
        seconds: float | Handle = 120.0,
        batch_size: int | Handle = 1,
        as_: str | None = None,
    ) -> Node:
        """EmptyAceStepLatentAudio (latent/audio); gives LATENT"""

    def EmptyAudio(
        self,
        *,
        duration: float | Handle = 60.0,
        sample_rate: int | Handle = 44100,
        channels: int | Handle = 2,
        as_: str | None = None,
    ) -> Node:
        """Empty Audio (audio); gives AUDIO"""

    def EmptyChromaRadianceLatentImage(
        self,
        *,
        width: int | Handle = 1024,
        height: int | Handle = 1024,
        batch_size: int | Handle = 1,
        as_: str | None = None,
    ) -> Node:
        """EmptyChromaRadianceLatentImage (latent/chroma_radiance); gives LATENT"""

    def EmptyCosmosLatentVideo(
        self,
        *,
        width: int | Handle = 1280,
        height: int | Handle = 704,
        length: int | Handle = 121,
        batch_size: int | Handle = 1,
        as_: str | None = None,
    ) -> Node:
        """EmptyCosmosLatentVideo (latent/video); gives LATENT"""

    def EmptyHunyuanImageLatent(
        self,
        *,
        width: int | Handle = 2048,
        height: int | Handle = 2048,
        batch_size: int | Handle = 1,
        as_: str | None = None,
    ) -> Node:
        """EmptyHunyuanImageLatent (latent); gives LATENT"""

    def EmptyHunyuanLatentVideo(
        self,
        *,
        width: int | Handle = 848,
        height: int | Handle = 480,
        length: int | Handle = 25,
        batch_size: int | Handle = 1,
        as_: str | None = None,
    ) -> Node:
        """EmptyHunyuanLatentVideo (latent/video); gives LATENT"""

    def EmptyImage(
        self,
        *,
        width: int | Handle = 512,
        height: int | Handle = 512,
        batch_size: int | Handle = 1,
        color: int | Handle = 0,
        as_: str | None = None,
    ) -> Node:
        """EmptyImage (image); gives IMAGE"""

    def EmptyLTXVLatentVideo(
        self,
        *,
        width: int | Handle = 768,
        height: int | Handle = 512,
        length: int | Handle = 97,
        batch_size: int | Handle = 1,
        as_: str | None = None,
    ) -> Node:
        """EmptyLTXVLatentVideo (latent/video/ltxv); gives LATENT"""

    def EmptyLatentAudio(
        self,
        *,
        seconds: float | Handle = 47.6,
        batch_size: int | Handle = 1,
        as_: str | None = None,
    ) -> Node:
        """Empty Latent Audio (latent/audio); gives LATENT"""

    def EmptyLatentHunyuan3Dv2(
        self,
        *,
        resolution: int | Handle = 3072,
        batch_size: int | Handle = 1,
        as_: str | None = None,
    ) -> Node:
        """EmptyLatentHunyuan3Dv2 (latent/3d); gives LATENT"""

    def EmptyLatentImage(
        self,
        *,
        width: int | Handle = 512,
        height: int | Handle = 512,
        batch_size: int | Handle = 1,
        as_: str | None = None,
    ) -> Node:
        """Empty Latent Image (latent); gives LATENT"""

    def EmptyMochiLatentVideo(
        self,
        *,
        width: int | Handle = 848,
        height: int | Handle = 480,
        length: int | Handle = 25,
        batch_size: int | Handle = 1,
        as_: str | None = None,
    ) -> Node:
        """EmptyMochiLatentVideo (latent/video); gives LATENT"""

    def EmptySD3LatentImage(
        self,
        *,
        width: int | Handle = 1024,
        height: int | Handle = 1024,
        batch_size: int | Handle = 1,
        as_: str | None = None,
    ) -> Node:
        """EmptySD3LatentImage (latent/sd3); gives LATENT"""

    def ExponentialScheduler(
        self,
        *,
        steps: int | Handle = 20,
        sigma_max: float | Handle = 14.614642,
        sigma_min: float | Handle = 0.0291675,
        as_: str | None = None,
    ) -> Node:
        """ExponentialScheduler (sampling/custom_sampling/schedulers); gives SIGMAS"""

    def ExtendIntermediateSigmas(
        self,
        *,
        sigmas: Handle,
        steps: int | Handle = 2,
        start_at_sigma: float | Handle = -1.0,
        end_at_sigma: float | Handle = 12.0,
        spacing: Literal['linear', 'cosine', 'sine'] | Handle = 'linear',
        as_: str | None = None,
    ) -> Node:
        """ExtendIntermediateSigmas (sampling/custom_sampling/sigmas); gives SIGMAS"""

    def FeatherMask(
        self,
        *,
        mask: Handle,
        left: int | Handle = 0,
        top: int | Handle = 0,
        right: int | Handle = 0,
        bottom: int | Handle = 0,
        as_: str | None = None,
    ) -> Node:
        """FeatherMask (mask); gives MASK"""

    def FlipSigmas(self, *, sigmas: Handle, as_: str | None = None) -> Node:
        """FlipSigmas (sampling/custom_sampling/sigmas); gives SIGMAS"""

    def FluxDisableGuidance(self, *, conditioning: Handle, as_: str | None = None) -> Node:
        """FluxDisableGuidance (advanced/conditioning/flux); gives CONDITIONING"""

    def FluxGuidance(self, *, conditioning: Handle, guidance: float | Handle = 3.5, as_: str | None = None) -> Node:
        """FluxGuidance (advanced/conditioning/flux); gives CONDITIONING"""

    def FluxKontextImageScale(self, *, image: Handle, as_: str | None = None) -> Node:
        """FluxKontextImageScale (advanced/conditioning/flux); gives IMAGE"""

    def FluxKontextMaxImageNode(
        self,
        *,
        prompt: str | Handle = '',
        aspect_ratio: str | Handle = '16:9',
        guidance: float | Handle = 3.0,
        steps: int | Handle = 50,
        seed: int | Handle = 1234,
        prompt_upsampling: bool | Handle = False,
        input_image: Handle = ...,
        as_: str | None = None,
    ) -> Node:
        """Flux.1 Kontext [max] Image (api node/image/BFL); gives IMAGE"""

    def FluxKontextMultiReferenceLatentMethod(
        self,
        *,
        conditioning: Handle,
        reference_latents_method: Literal['offset', 'index', 'uxo/uno'] | Handle = 'offset',
        as_: str | None = None,
    ) -> Node:
        """FluxKontextMultiReferenceLatentMethod (advanced/conditioning/flux); gives CONDITIONING"""

    def FluxKontextProImageNode(
        self,
        *,
        prompt: str | Handle = '',
        aspect_ratio: str | Handle = '16:9',
        guidance: float | Handle = 3.0,
        steps: int | Handle = 50,
        seed: int | Handle = 1234,
        prompt_upsampling: bool | Handle = False,
        input_image: Handle = ...,
        as_: str | None = None,
    ) -> Node:
        """Flux.1 Kontext [pro] Image (api node/image/BFL); gives IMAGE"""

    def FluxProCannyNode(
        self,
        *,
        control_image: Handle,
        prompt: str | Handle = '',
        prompt_upsampling: bool | Handle = False,
        canny_low_threshold: float | Handle = 0.1,
        canny_high_threshold: float | Handle = 0.4,
        skip_preprocessing: bool | Handle = False,
        guidance: float | Handle = 30,
        steps: int | Handle = 50,
        seed: int | Handle = 0,
        as_: str | None = None,
    ) -> Node:
        """Flux.1 Canny Control Image (api node/image/BFL); gives IMAGE"""

    def FluxProDepthNode(
        self,
        *,
        control_image: Handle,
        prompt: str | Handle = '',
        prompt_upsampling: bool | Handle = False,
        skip_preprocessing: bool | Handle = False,
        guidance: float | Handle = 15,
        steps: int | Handle = 50,
        seed: int | Handle = 0,
        as_: str | None = None,
    ) -> Node:
        """Flux.1 Depth Control Image (api node/image/BFL); gives IMAGE"""

    def FluxProExpandNode(
        self,
        *,
        image: Handle,
        prompt: str | Handle = '',
        prompt_upsampling: bool | Handle = False,
        top: int | Handle = 0,
        bottom: int | Handle = 0,
        left: int | Handle = 0,
        right: int | Handle = 0,
        guidance: float | Handle = 60,
        steps: int | Handle = 50,
        seed: int | Handle = 0,
        as_: str | None = None,
    ) -> Node:
        """Flux.1 Expand Image (api node/image/BFL); gives IMAGE"""

    def FluxProFillNode(
        self,
        *,
        image: Handle,
        mask: Handle,
        prompt: str | Handle = '',
        prompt_upsampling: bool | Handle = False,
        guidance: float | Handle = 60,
        steps: int | Handle = 50,
        seed: int | Handle = 0,
        as_: str | None = None,
    ) -> Node:
        """Flux.1 Fill Image (api node/image/BFL); gives IMAGE"""

    def FluxProUltraImageNode(
        self,
        *,
        prompt: str | Handle = '',
        prompt_upsampling: bool | Handle = False,
        seed: int | Handle = 0,
        aspect_ratio: str | Handle = '16:9',
        raw: bool | Handle = False,
        image_prompt: Handle = ...,
        image_prompt_strength: float | Handle = 0.1,
        as_: str | None = None,
    ) -> Node:
        """Flux 1.1 [pro] Ultra Image (api node/image/BFL); gives IMAGE"""

    def FreSca(
        self,
        *,
        model: Handle,
        scale_low: float | Handle = 1.0,
        scale_high: float | Handle = 1.25,
        freq_cutoff: int | Handle = 20,
        as_: str | None = None,
    ) -> Node:
        """FreSca (_for_testing); gives MODEL"""

    def FreeU(
        self,
        *,
        model: Handle,
        b1: float | Handle = 1.1,
        b2: float | Handle = 1.2,
        s1: float | Handle = 0.9,
        s2: float | Handle = 0.2,
        as_: str | None = None,
    ) -> Node:
        """FreeU (model_patches/unet); gives MODEL"""

    def FreeU_V2(
        self,
        *,
        model: Handle,
        b1: float | Handle = 1.3,
        b2: float | Handle = 1.4,
        s1: float | Handle = 0.9,
        s2: float | Handle = 0.2,
        as_: str | None = None,
    ) -> Node:
        """FreeU_V2 (model_patches/unet); gives MODEL"""

    def GITSScheduler(
        self,
        *,
        coeff: float | Handle = 1.2,
        steps: int | Handle = 10,
        denoise: float | Handle = 1.0,
        as_: str | None = None,
    ) -> Node:
        """GITSScheduler (sampling/custom_sampling/schedulers); gives SIGMAS"""

    def GLIGENLoader(self, *, gligen_name: str | Handle, as_: str | None = None) -> Node:
        """GLIGENLoader (loaders); gives GLIGEN"""

    def GLIGENTextBoxApply(
        self,
        *,
        conditioning_to: Handle,
        clip: Handle,
        gligen_textbox_model: Handle,
        text: str | Handle,
        width: int | Handle = 64,
        height: int | Handle = 64,
        x: int | Handle = 0,
        y: int | Handle = 0,
        as_: str | None = None,
    ) -> Node:
        """GLIGENTextBoxApply (conditioning/gligen); gives CONDITIONING"""

    def GeminiImageNode(
        self,
        *,
        prompt: str | Handle = '',
        model: Literal['gemini-2.5-flash-image-preview', 'gemini-2.5-flash-image'] | Handle = 'gemini-2.5-flash-image',
        seed: int | Handle = 42,
        images: Handle = ...,
        files: Handle = ...,
        aspect_ratio: Literal['auto', '1:1', '2:3', '3:2', '3:4', '4:3', '4:5', '5:4', '9:16', '16:9', '21:9'] | Handle = 'auto',
        as_: str | None = None,
    ) -> Node:
        """Google Gemini Image (api node/image/Gemini); gives IMAGE, STRING"""

    def GeminiInputFiles(self, *, file: str | Handle, GEMINI_INPUT_FILES: Handle = ..., as_: str | None = None) -> Node:
        """Gemini Input Files (api node/text/Gemini); gives GEMINI_INPUT_FILES"""

    def GeminiNode(
        self,
        *,
        prompt: str | Handle = '',
        model: Literal['gemini-2.5-pro-preview-05-06', 'gemini-2.5-flash-preview-04-17', 'gemini-2.5-pro', 'gemini-2.5-flash'] | Handle = 'gemini-2.5-pro',
        seed: int | Handle = 42,
        images: Handle = ...,
        audio: Handle = ...,
        video: Handle = ...,
        files: Handle = ...,
        as_: str | None = None,
    ) -> Node:
        """Google Gemini (api node/text/Gemini); gives STRING"""

    def GetImageSize(self, *, image: Handle, as_: str | None = None) -> Node:
        """Get Image Size (image); gives width (INT), height (INT), batch_size (INT)"""

    def GetVideoComponents(self, *, video: Handle, as_: str | None = None) -> Node:
        """Get Video Components (image/video); gives images (IMAGE), audio (AUDIO), fps (FLOAT)"""

    def GrowMask(
        self,
        *,
        mask: Handle,
        expand: int | Handle = 0,
        tapered_corners: bool | Handle = True,
        as_: str | None = None,
    ) -> Node:
        """GrowMask (mask); gives MASK"""

    def Hunyuan3Dv2Conditioning(self, *, clip_vision_output: Handle, as_: str | None = None) -> Node:
        """Hunyuan3Dv2Conditioning (conditioning/video_models); gives positive (CONDITIONING), negative (CONDITIONING)"""

    def Hunyuan3Dv2ConditioningMultiView(
        self,
        *,
        front: Handle = ...,
        left: Handle = ...,
        back: Handle = ...,
        right: Handle = ...,
        as_: str | None = None,
    ) -> Node:
        """Hunyuan3Dv2ConditioningMultiView (conditioning/video_models); gives positive (CONDITIONING), negative (CONDITIONING)"""

    def HunyuanImageToVideo(
        self,
        *,
        positive: Handle,
        vae: Handle,
        width: int | Handle = 848,
        height: int | Handle = 480,
        length: int | Handle = 53,
        batch_size: int | Handle = 1,
        guidance_type: Literal['v1 (concat)', 'v2 (replace)', 'custom'] | Handle = 'v1 (concat)',
        start_image: Handle = ...,
        as_: str | None = None,
    ) -> Node:
        """HunyuanImageToVideo (conditioning/video_models); gives positive (CONDITIONING), latent (LATENT)"""

    def HunyuanRefinerLatent(
        self,
        *,
        positive: Handle,
        negative: Handle,
        latent: Handle,
        noise_augmentation: float | Handle = 0.1,
        as_: str | None = None,
    ) -> Node:
        """HunyuanRefinerLatent (sd); gives positive (CONDITIONING), negative (CONDITIONING), latent (LATENT)"""

    def HyperTile(
        self,
        *,
        model: Handle,
        tile_size: int | Handle = 256,
        swap_size: int | Handle = 2,
        max_depth: int | Handle = 0,
        scale_depth: bool | Handle = False,
        as_: str | None = None,
    ) -> Node:
        """HyperTile (model_patches/unet); gives MODEL"""

    def HypernetworkLoader(
        self,
        *,
        model: Handle,
        hypernetwork_name: str | Handle,
        strength: float | Handle = 1.0,
        as_: str | None = None,
    ) -> Node:
        """HypernetworkLoader (loaders); gives MODEL"""

    def IdeogramV1(
        self,
        *,
        prompt: str | Handle = '',
        turbo: bool | Handle = False,
        aspect_ratio: Literal['1:1', '4:3', '3:4', '16:9', '9:16', '2:1', '1:2', '3:2', '2:3', '4:5', '5:4'] | Handle = '1:1',
        magic_prompt_option: Literal['AUTO', 'ON', 'OFF'] | Handle = 'AUTO',
        seed: int | Handle = 0,
        negative_prompt: str | Handle = '',
        num_images: int | Handle = 1,
        as_: str | None = None,
    ) -> Node:
        """Ideogram V1 (api node/image/Ideogram); gives IMAGE"""

    def IdeogramV2(
        self,
        *,
        prompt: str | Handle = '',
        turbo: bool | Handle = False,
        aspect_ratio: Literal['1:1', '4:3', '3:4', '16:9', '9:16', '2:1', '1:2', '3:2', '2:3', '4:5', '5:4'] | Handle = '1:1',
        resolution: str | Handle = 'Auto',
        magic_prompt_option: Literal['AUTO', 'ON', 'OFF'] | Handle = 'AUTO',
        seed: int | Handle = 0,
        style_type: Literal['AUTO', 'GENERAL', 'REALISTIC', 'DESIGN', 'RENDER_3D', 'ANIME'] | Handle = ...,
        negative_prompt: str | Handle = '',
        num_images: int | Handle = 1,
        as_: str | None = None,
    ) -> Node:
        """Ideogram V2 (api node/image/Ideogram); gives IMAGE"""

    def IdeogramV3(
        self,
        *,
        prompt: str | Handle = '',
        image: Handle = ...,
        mask: Handle = ...,
        aspect_ratio: Literal['1:3', '3:1', '1:2', '2:1', '9:16', '16:9', '10:16', '16:10', '2:3', '3:2', '3:4', '4:3', '4:5', '5:4', '1:1'] | Handle = '1:1',
        resolution: str | Handle = 'Auto',
        magic_prompt_option: Literal['AUTO', 'ON', 'OFF'] | Handle = 'AUTO',
        seed: int | Handle = 0,
        num_images: int | Handle = 1,
        rendering_speed: Literal['DEFAULT', 'TURBO', 'QUALITY'] | Handle = 'DEFAULT',
        character_image: Handle = ...,
        character_mask: Handle = ...,
        as_: str | None = None,
    ) -> Node:
        """Ideogram V3 (api node/image/Ideogram); gives IMAGE"""

    def ImageAddNoise(
        self,
        *,
        image: Handle,
        seed: int | Handle = 0,
        strength: float | Handle = 0.5,
        as_: str | None = None,
    ) -> Node:
        """ImageAddNoise (image); gives IMAGE"""

    def ImageBatch(self, *, image1: Handle, image2: Handle, as_: str | None = None) -> Node:
        """Batch Images (image); gives IMAGE"""

    def ImageBlend(
        self,
        *,
        image1: Handle,
        image2: Handle,
        blend_factor: float | Handle = 0.5,
        blend_mode: Literal['normal', 'multiply', 'screen', 'overlay', 'soft_light', 'difference'] | Handle = 'normal',
        as_: str | None = None,
    ) -> Node:
        """ImageBlend (image/postprocessing); gives IMAGE"""

    def ImageBlur(
        self,
        *,
        image: Handle,
        blur_radius: int | Handle = 1,
        sigma: float | Handle = 1.0,
        as_: str | None = None,
    ) -> Node:
        """ImageBlur (image/postprocessing); gives IMAGE"""

    def ImageColorToMask(self, *, image: Handle, color: int | Handle = 0, as_: str | None = None) -> Node:
        """ImageColorToMask (mask); gives MASK"""

    def ImageCompositeMasked(
        self,
        *,
        destination: Handle,
        source: Handle,
        x: int | Handle = 0,
        y: int | Handle = 0,
        resize_source: bool | Handle = False,
        mask: Handle = ...,
        as_: str | None = None,
    ) -> Node:
        """ImageCompositeMasked (image); gives IMAGE"""

    def ImageCrop(
        self,
        *,
        image: Handle,
        width: int | Handle = 512,
        height: int | Handle = 512,
        x: int | Handle = 0,
        y: int | Handle = 0,
        as_: str | None = None,
    ) -> Node:
        """Image Crop (image/transform); gives IMAGE"""

    def ImageFlip(
        self,
        *,
        image: Handle,
        flip_method: Literal['x-axis: vertically', 'y-axis: horizontally'] | Handle = 'x-axis: vertically',
        as_: str | None = None,
    ) -> Node:
        """ImageFlip (image/transform); gives IMAGE"""

    def ImageFromBatch(
        self,
        *,
        image: Handle,
        batch_index: int | Handle = 0,
        length: int | Handle = 1,
        as_: str | None = None,
    ) -> Node:
        """ImageFromBatch (image/batch); gives IMAGE"""

    def ImageInvert(self, *, image: Handle, as_: str | None = None) -> Node:
        """Invert Image (image); gives IMAGE"""

    def ImageOnlyCheckpointLoader(self, *, ckpt_name: str | Handle, as_: str | None = None) -> Node:
        """Image Only Checkpoint Loader (img2vid model) (loaders/video_models); gives MODEL, CLIP_VISION, VAE"""

    def ImageOnlyCheckpointSave(
        self,
        *,
        model: Handle,
        clip_vision: Handle,
        vae: Handle,
        filename_prefix: str | Handle = 'checkpoints/ComfyUI',
        as_: str | None = None,
    ) -> Node:
        """ImageOnlyCheckpointSave (advanced/model_merging); gives nothing"""

    def ImagePadForOutpaint(
        self,
        *,
        image: Handle,
        left: int | Handle = 0,
        top: int | Handle = 0,
        right: int | Handle = 0,
        bottom: int | Handle = 0,
        feathering: int | Handle = 40,
        as_: str | None = None,
    ) -> Node:
        """Pad Image for Outpainting (image); gives IMAGE, MASK"""

    def ImageQuantize(
        self,
        *,
        image: Handle,
        colors: int | Handle = 256,
        dither: Literal['none', 'floyd-steinberg', 'bayer-2', 'bayer-4', 'bayer-8', 'bayer-16'] | Handle = 'none',
        as_: str | None = None,
    ) -> Node:
        """ImageQuantize (image/postprocessing); gives IMAGE"""

    def ImageRGBToYUV(self, *, image: Handle, as_: str | None = None) -> Node:
        """ImageRGBToYUV (image/batch); gives Y (IMAGE), U (IMAGE), V (IMAGE)"""

    def ImageRotate(
        self,
        *,
        image: Handle,
        rotation: Literal['none', '90 degrees', '180 degrees', '270 degrees'] | Handle = 'none',
        as_: str | None = None,
    ) -> Node:
        """ImageRotate (image/transform); gives IMAGE"""

    def ImageScale(
        self,
        *,
        image: Handle,
        upscale_method: Literal['nearest-exact', 'bilinear', 'area', 'bicubic', 'lanczos'] | Handle = 'nearest-exact',
        width: int | Handle = 512,
        height: int | Handle = 512,
        crop: Literal['disabled', 'center'] | Handle = 'disabled',
        as_: str | None = None,
    ) -> Node:
        """Upscale Image (image/upscaling); gives IMAGE"""

    def ImageScaleBy(
        self,
        *,
        image: Handle,
        upscale_method: Literal['nearest-exact', 'bilinear', 'area', 'bicubic', 'lanczos'] | Handle = 'nearest-exact',
        scale_by: float | Handle = 1.0,
        as_: str | None = None,
    ) -> Node:
        """Upscale Image By (image/upscaling); gives IMAGE"""

    def ImageScaleToMaxDimension(
        self,
        *,
        image: Handle,
        upscale_method: Literal['area', 'lanczos', 'bilinear', 'nearest-exact', 'bicubic'] | Handle = 'area',
        largest_size: int | Handle = 512,
        as_: str | None = None,
    ) -> Node:
        """ImageScaleToMaxDimension (image/upscaling); gives IMAGE"""

    def ImageScaleToTotalPixels(
        self,
        *,
        image: Handle,
        upscale_method: Literal['nearest-exact', 'bilinear', 'area', 'bicubic', 'lanczos'] | Handle = 'nearest-exact',
        megapixels: float | Handle = 1.0,
        as_: str | None = None,
    ) -> Node:
        """ImageScaleToTotalPixels (image/upscaling); gives IMAGE"""

    def ImageSharpen(
        self,
        *,
        image: Handle,
        sharpen_radius: int | Handle = 1,
        sigma: float | Handle = 1.0,
        alpha: float | Handle = 1.0,
        as_: str | None = None,
    ) -> Node:
        """ImageSharpen (image/postprocessing); gives IMAGE"""

    def ImageStitch(
        self,
        *,
        image1: Handle,
        direction: Literal['right', 'down', 'left', 'up'] | Handle = 'right',
        match_image_size: bool | Handle = True,
        spacing_width: int | Handle = 0,
        spacing_color: Literal['white', 'black', 'red', 'green', 'blue'] | Handle = 'white',
        image2: Handle = ...,
        as_: str | None = None,
    ) -> Node:
        """Image Stitch (image/transform); gives IMAGE"""

    def ImageToMask(
        self,
        *,
        image: Handle,
        channel: Literal['red', 'green', 'blue', 'alpha'] | Handle = 'red',
        as_: str | None = None,
    ) -> Node:
        """Convert Image to Mask (mask); gives MASK"""

    def ImageUpscaleWithModel(self, *, upscale_model: Handle, image: Handle, as_: str | None = None) -> Node:
        """Upscale Image (using Model) (image/upscaling); gives IMAGE"""

    def ImageYUVToRGB(self, *, Y: Handle, U: Handle, V: Handle, as_: str | None = None) -> Node:
        """ImageYUVToRGB (image/batch); gives IMAGE"""

    def InpaintModelConditioning(
        self,
        *,
        positive: Handle,
        negative: Handle,
        vae: Handle,
        pixels: Handle,
        mask: Handle,
        noise_mask: bool | Handle = True,
        as_: str | None = None,
    ) -> Node:
        """InpaintModelConditioning (conditioning/inpaint); gives positive (CONDITIONING), negative (CONDITIONING), latent (LATENT)"""

    def InstructPixToPixConditioning(
        self,
        *,
        positive: Handle,
        negative: Handle,
        vae: Handle,
        pixels: Handle,
        as_: str | None = None,
    ) -> Node:
        """InstructPixToPixConditioning (conditioning/instructpix2pix); gives positive (CONDITIONING), negative (CONDITIONING), latent (LATENT)"""

    def InvertMask(self, *, mask: Handle, as_: str | None = None) -> Node:
        """InvertMask (mask); gives MASK"""

    def JoinImageWithAlpha(self, *, image: Handle, alpha: Handle, as_: str | None = None) -> Node:
        """Join Image with Alpha (mask/compositing); gives IMAGE"""

    def KSampler(
        self,
        *,
        model: Handle,
        positive: Handle,
        negative: Handle,
        latent_image: Handle,
        seed: int | Handle = 0,
        steps: int | Handle = 20,
        cfg: float | Handle = 8.0,
        sampler_name: Literal['euler', 'euler_cfg_pp', 'euler_ancestral', 'euler_ancestral_cfg_pp', 'heun', 'heunpp2', 'dpm_2', 'dpm_2_ancestral', 'lms', 'dpm_fast', 'dpm_adaptive', 'dpmpp_2s_ancestral', 'dpmpp_2s_ancestral_cfg_pp', 'dpmpp_sde', 'dpmpp_sde_gpu', 'dpmpp_2m', 'dpmpp_2m_cfg_pp', 'dpmpp_2m_sde', 'dpmpp_2m_sde_gpu', 'dpmpp_2m_sde_heun', 'dpmpp_2m_sde_heun_gpu', 'dpmpp_3m_sde', 'dpmpp_3m_sde_gpu', 'ddpm', 'lcm', 'ipndm', 'ipndm_v', 'deis', 'res_multistep', 'res_multistep_cfg_pp', 'res_multistep_ancestral', 'res_multistep_ancestral_cfg_pp', 'gradient_estimation', 'gradient_estimation_cfg_pp', 'er_sde', 'seeds_2', 'seeds_3', 'sa_solver', 'sa_solver_pece', 'ddim', 'uni_pc', 'uni_pc_bh2'] | Handle = 'euler',
        scheduler: Literal['simple', 'sgm_uniform', 'karras', 'exponential', 'ddim_uniform', 'beta', 'normal', 'linear_quadratic', 'kl_optimal'] | Handle = 'simple',
        denoise: float | Handle = 1.0,
        as_: str | None = None,
    ) -> Node:
        """KSampler (sampling); gives LATENT"""

    def KSamplerAdvanced(
        self,
        *,
        model: Handle,
        positive: Handle,
        negative: Handle,
        latent_image: Handle,
        add_noise: Literal['enable', 'disable'] | Handle = 'enable',
        noise_seed: int | Handle = 0,
        steps: int | Handle = 20,
        cfg: float | Handle = 8.0,
        sampler_name: Literal['euler', 'euler_cfg_pp', 'euler_ancestral', 'euler_ancestral_cfg_pp', 'heun', 'heunpp2', 'dpm_2', 'dpm_2_ancestral', 'lms', 'dpm_fast', 'dpm_adaptive', 'dpmpp_2s_ancestral', 'dpmpp_2s_ancestral_cfg_pp', 'dpmpp_sde', 'dpmpp_sde_gpu', 'dpmpp_2m', 'dpmpp_2m_cfg_pp', 'dpmpp_2m_sde', 'dpmpp_2m_sde_gpu', 'dpmpp_2m_sde_heun', 'dpmpp_2m_sde_heun_gpu', 'dpmpp_3m_sde', 'dpmpp_3m_sde_gpu', 'ddpm', 'lcm', 'ipndm', 'ipndm_v', 'deis', 'res_multistep', 'res_multistep_cfg_pp', 'res_multistep_ancestral', 'res_multistep_ancestral_cfg_pp', 'gradient_estimation', 'gradient_estimation_cfg_pp', 'er_sde', 'seeds_2', 'seeds_3', 'sa_solver', 'sa_solver_pece', 'ddim', 'uni_pc', 'uni_pc_bh2'] | Handle = 'euler',
        scheduler: Literal['simple', 'sgm_uniform', 'karras', 'exponential', 'ddim_uniform', 'beta', 'normal', 'linear_quadratic', 'kl_optimal'] | Handle = 'simple',
        start_at_step: int | Handle = 0,
        end_at_step: int | Handle = 10000,
        return_with_leftover_noise: Literal['disable', 'enable'] | Handle = 'disable',
        as_: str | None = None,
    ) -> Node:
        """KSampler (Advanced) (sampling); gives LATENT"""

    def KSamplerSelect(
        self,
        *,
        sampler_name: Literal['euler', 'euler_cfg_pp', 'euler_ancestral', 'euler_ancestral_cfg_pp', 'heun', 'heunpp2', 'dpm_2', 'dpm_2_ancestral', 'lms', 'dpm_fast', 'dpm_adaptive', 'dpmpp_2s_ancestral', 'dpmpp_2s_ancestral_cfg_pp', 'dpmpp_sde', 'dpmpp_sde_gpu', 'dpmpp_2m', 'dpmpp_2m_cfg_pp', 'dpmpp_2m_sde', 'dpmpp_2m_sde_gpu', 'dpmpp_2m_sde_heun', 'dpmpp_2m_sde_heun_gpu', 'dpmpp_3m_sde', 'dpmpp_3m_sde_gpu', 'ddpm', 'lcm', 'ipndm', 'ipndm_v', 'deis', 'res_multistep', 'res_multistep_cfg_pp', 'res_multistep_ancestral', 'res_multistep_ancestral_cfg_pp', 'gradient_estimation', 'gradient_estimation_cfg_pp', 'er_sde', 'seeds_2', 'seeds_3', 'sa_solver', 'sa_solver_pece', 'ddim', 'uni_pc', 'uni_pc_bh2'] | Handle = 'euler',
        as_: str | None = None,
    ) -> Node:
        """KSamplerSelect (sampling/custom_sampling/samplers); gives SAMPLER"""

    def KarrasScheduler(
        self,
        *,
        steps: int | Handle = 20,
        sigma_max: float | Handle = 14.614642,
        sigma_min: float | Handle = 0.0291675,
        rho: float | Handle = 7.0,
        as_: str | None = None,
    ) -> Node:
        """KarrasScheduler (sampling/custom_sampling/schedulers); gives SIGMAS"""

    def KlingCameraControlI2VNode(
        self,
        *,
        start_frame: Handle,
        prompt: str | Handle,
        negative_prompt: str | Handle,
        camera_control: Handle,
        cfg_scale: float | Handle = 0.75,
        aspect_ratio: Literal['16:9', '9:16', '1:1'] | Handle = '16:9',
        as_: str | None = None,
    ) -> Node:
        """Kling Image to Video (Camera Control) (api node/video/Kling); gives VIDEO, video_id (STRING), duration (STRING)"""

    def KlingCameraControlT2VNode(
        self,
        *,
        prompt: str | Handle,
        negative_prompt: str | Handle,
        camera_control: Handle,
        cfg_scale: float | Handle = 0.75,
        aspect_ratio: Literal['16:9', '9:16', '1:1'] | Handle = '16:9',
        as_: str | None = None,
    ) -> Node:
        """Kling Text to Video (Camera Control) (api node/video/Kling); gives VIDEO, video_id (STRING), duration (STRING)"""

    def KlingCameraControls(
        self,
        *,
        camera_control_type: Literal['simple', 'down_back', 'forward_up', 'right_turn_forward', 'left_turn_forward'] | Handle = 'simple',
        horizontal_movement: float | Handle = 0.0,
        vertical_movement: float | Handle = 0.0,
        pan: float | Handle = 0.5,
        tilt: float | Handle = 0.0,
        roll: float | Handle = 0.0,
        zoom: float | Handle = 0.0,
        as_: str | None = None,
    ) -> Node:
        """Kling Camera Controls (api node/video/Kling); gives camera_control (CAMERA_CONTROL)"""

    def KlingDualCharacterVideoEffectNode(
        self,
        *,
        image_left: Handle,
        image_right: Handle,
        effect_scene: Literal['hug', 'kiss', 'heart_gesture'] | Handle = 'hug',
        model_name: Literal['kling-v1', 'kling-v1-5', 'kling-v1-6'] | Handle = 'kling-v1',
        mode: Literal['std', 'pro'] | Handle = 'std',
        duration: Literal['5', '10'] | Handle = '5',
        as_: str | None = None,
    ) -> Node:
        """Kling Dual Character Video Effects (api node/video/Kling); gives VIDEO, duration (STRING)"""

    def KlingImage2VideoNode(
        self,
        *,
        start_frame: Handle,
        prompt: str | Handle,
        negative_prompt: str | Handle,
        model_name: Literal['kling-v1', 'kling-v1-5', 'kling-v1-6', 'kling-v2-master', 'kling-v2-1', 'kling-v2-1-master', 'kling-v2-5-turbo'] | Handle = 'kling-v2-master',
        cfg_scale: float | Handle = 0.8,
        mode: Literal['std', 'pro'] | Handle = 'std',
        aspect_ratio: Literal['16:9', '9:16', '1:1'] | Handle = '16:9',
        duration: Literal['5', '10'] | Handle = '5',
        as_: str | None = None,
    ) -> Node:
        """Kling Image to Video (api node/video/Kling); gives VIDEO, video_id (STRING), duration (STRING)"""

    def KlingImageGenerationNode(
        self,
        *,
        prompt: str | Handle,
        negative_prompt: str | Handle,
        image_type: Literal['subject', 'face'] | Handle = 'subject',
        image_fidelity: float | Handle = 0.5,
        human_fidelity: float | Handle = 0.45,
        model_name: Literal['kling-v1', 'kling-v1-5', 'kling-v2'] | Handle = 'kling-v1',
        aspect_ratio: Literal['16:9', '9:16', '1:1', '4:3', '3:4', '3:2', '2:3', '21:9'] | Handle = '16:9',
        n: int | Handle = 1,
        image: Handle = ...,
        as_: str | None = None,
    ) -> Node:
        """Kling Image Generation (api node/image/Kling); gives IMAGE"""

    def KlingLipSyncAudioToVideoNode(
        self,
        *,
        video: Handle,
        audio: Handle,
        voice_language: Literal['zh', 'en'] | Handle = 'en',
        as_: str | None = None,
    ) -> Node:
        """Kling Lip Sync Video with Audio (api node/video/Kling); gives VIDEO, video_id (STRING), duration (STRING)"""

    def KlingLipSyncTextToVideoNode(
        self,
        *,
        video: Handle,
        text: str | Handle,
        voice: str | Handle = 'Melody',
        voice_speed: float | Handle = 1,
        as_: str | None = None,
    ) -> Node:
        """Kling Lip Sync Video with Text (api node/video/Kling); gives VIDEO, video_id (STRING), duration (STRING)"""

    def KlingSingleImageVideoEffectNode(
        self,
        *,
        image: Handle,
        effect_scene: Literal['bloombloom', 'dizzydizzy', 'fuzzyfuzzy', 'squish', 'expansion'] | Handle = 'bloombloom',
        model_name: Literal['kling-v1-6'] | Handle = 'kling-v1-6',
        duration: Literal['5', '10'] | Handle = '5',
        as_: str | None = None,
    ) -> Node:
        """Kling Video Effects (api node/video/Kling); gives VIDEO, video_id (STRING), duration (STRING)"""

    def KlingStartEndFrameNode(
        self,
        *,
        start_frame: Handle,
        end_frame: Handle,
        prompt: str | Handle,
        negative_prompt: str | Handle,
        cfg_scale: float | Handle = 0.5,
        aspect_ratio: Literal['16:9', '9:16', '1:1'] | Handle = '16:9',
        mode: Literal['standard mode / 5s duration / kling-v1', 'pro mode / 5s duration / kling-v1', 'pro mode / 5s duration / kling-v1-5', 'pro mode / 10s duration / kling-v1-5', 'pro mode / 5s duration / kling-v1-6', 'pro mode / 10s duration / kling-v1-6', 'pro mode / 5s duration / kling-v2-1', 'pro mode / 10s duration / kling-v2-1'] | Handle = 'pro mode / 5s duration / kling-v1-5',
        as_: str | None = None,
    ) -> Node:
        """Kling Start-End Frame to Video (api node/video/Kling); gives VIDEO, video_id (STRING), duration (STRING)"""

    def KlingTextToVideoNode(
        self,
        *,
        prompt: str | Handle,
        negative_prompt: str | Handle,
        cfg_scale: float | Handle = 1.0,
        aspect_ratio: Literal['16:9', '9:16', '1:1'] | Handle = '16:9',
        mode: Literal['standard mode / 5s duration / kling-v1', 'standard mode / 10s duration / kling-v1', 'pro mode / 5s duration / kling-v1', 'pro mode / 10s duration / kling-v1', 'standard mode / 5s duration / kling-v1-6', 'standard mode / 10s duration / kling-v1-6', 'pro mode / 5s duration / kling-v2-master', 'pro mode / 10s duration / kling-v2-master', 'standard mode / 5s duration / kling-v2-master', 'standard mode / 10s duration / kling-v2-master', 'pro mode / 5s duration / kling-v2-1-master', 'pro mode / 10s duration / kling-v2-1-master', 'pro mode / 5s duration / kling-v2-5-turbo', 'pro mode / 10s duration / kling-v2-5-turbo'] | Handle = 'standard mode / 5s duration / kling-v1-6',
        as_: str | None = None,
    ) -> Node:
        """Kling Text to Video (api node/video/Kling); gives VIDEO, video_id (STRING), duration (STRING)"""

    def KlingVideoExtendNode(
        self,
        *,
        prompt: str | Handle,
        negative_prompt: str | Handle,
        video_id: str | Handle,
        cfg_scale: float | Handle = 0.5,
        as_: str | None = None,
    ) -> Node:
        """Kling Video Extend (api node/video/Kling); gives VIDEO, video_id (STRING), duration (STRING)"""

    def KlingVirtualTryOnNode(
        self,
        *,
        human_image: Handle,
        cloth_image: Handle,
        model_name: Literal['kolors-virtual-try-on-v1', 'kolors-virtual-try-on-v1-5'] | Handle = 'kolors-virtual-try-on-v1',
        as_: str | None = None,
    ) -> Node:
        """Kling Virtual Try On (api node/image/Kling); gives IMAGE"""

    def LTXVAddGuide(
        self,
        *,
        positive: Handle,
        negative: Handle,
        vae: Handle,
        latent: Handle,
        image: Handle,
        frame_idx: int | Handle = 0,
        strength: float | Handle = 1.0,
        as_: str | None = None,
    ) -> Node:
        """LTXVAddGuide (conditioning/video_models); gives positive (CONDITIONING), negative (CONDITIONING), latent (LATENT)"""

    def LTXVConditioning(
        self,
        *,
        positive: Handle,
        negative: Handle,
        frame_rate: float | Handle = 25.0,
        as_: str | None = None,
    ) -> Node:
        """LTXVConditioning (conditioning/video_models); gives positive (CONDITIONING), negative (CONDITIONING)"""

    def LTXVCropGuides(self, *, positive: Handle, negative: Handle, latent: Handle, as_: str | None = None) -> Node:
        """LTXVCropGuides (conditioning/video_models); gives positive (CONDITIONING), negative (CONDITIONING), latent (LATENT)"""

    def LTXVImgToVideo(
        self,
        *,
        positive: Handle,
        negative: Handle,
        vae: Handle,
        image: Handle,
        width: int | Handle = 768,
        height: int | Handle = 512,
        length: int | Handle = 97,
        batch_size: int | Handle = 1,
        strength: float | Handle = 1.0,
        as_: str | None = None,
    ) -> Node:
        """LTXVImgToVideo (conditioning/video_models); gives positive (CONDITIONING), negative (CONDITIONING), latent (LATENT)"""

    def LTXVPreprocess(self, *, image: Handle, img_compression: int | Handle = 35, as_: str | None = None) -> Node:
        """LTXVPreprocess (image); gives output_image (IMAGE)"""

    def LTXVScheduler(
        self,
        *,
        steps: int | Handle = 20,
        max_shift: float | Handle = 2.05,
        base_shift: float | Handle = 0.95,
        stretch: bool | Handle = True,
        terminal: float | Handle = 0.1,
        latent: Handle = ...,
        as_: str | None = None,
    ) -> Node:
        """LTXVScheduler (sampling/custom_sampling/schedulers); gives SIGMAS"""

    def LaplaceScheduler(
        self,
        *,
        steps: int | Handle = 20,
        sigma_max: float | Handle = 14.614642,
        sigma_min: float | Handle = 0.0291675,
        mu: float | Handle = 0.0,
        beta: float | Handle = 0.5,
        as_: str | None = None,
    ) -> Node:
        """LaplaceScheduler (sampling/custom_sampling/schedulers); gives SIGMAS"""

    def LatentAdd(self, *, samples1: Handle, samples2: Handle, as_: str | None = None) -> Node:
        """LatentAdd (latent/advanced); gives LATENT"""

    def LatentApplyOperation(self, *, samples: Handle, operation: Handle, as_: str | None = None) -> Node:
        """LatentApplyOperation (latent/advanced/operations); gives LATENT"""

    def LatentApplyOperationCFG(self, *, model: Handle, operation: Handle, as_: str | None = None) -> Node:
        """LatentApplyOperationCFG (latent/advanced/operations); gives MODEL"""

    def LatentBatch(self, *, samples1: Handle, samples2: Handle, as_: str | None = None) -> Node:
        """LatentBatch (latent/batch); gives LATENT"""

    def LatentBatchSeedBehavior(
        self,
        *,
        samples: Handle,
        seed_behavior: Literal['random', 'fixed'] | Handle = 'fixed',
        as_: str | None = None,
    ) -> Node:
        """LatentBatchSeedBehavior (latent/advanced); gives LATENT"""

    def LatentBlend(
        self,
        *,
        samples1: Handle,
        samples2: Handle,
        blend_factor: float | Handle = 0.5,
        as_: str | None = None,
    ) -> Node:
        """Latent Blend (_for_testing); gives LATENT"""

    def LatentComposite(
        self,
        *,
        samples_to: Handle,
        samples_from: Handle,
        x: int | Handle = 0,
        y: int | Handle = 0,
        feather: int | Handle = 0,
        as_: str | None = None,
    ) -> Node:
        """Latent Composite (latent); gives LATENT"""

    def LatentCompositeMasked(
        self,
        *,
        destination: Handle,
        source: Handle,
        x: int | Handle = 0,
        y: int | Handle = 0,
        resize_source: bool | Handle = False,
        mask: Handle = ...,
        as_: str | None = None,
    ) -> Node:
        """LatentCompositeMasked (latent); gives LATENT"""

    def LatentConcat(
        self,
        *,
        samples1: Handle,
        samples2: Handle,
        dim: Literal['x', '-x', 'y', '-y', 't', '-t'] | Handle = 'x',
        as_: str | None = None,
    ) -> Node:
        """LatentConcat (latent/advanced); gives LATENT"""

    def LatentCrop(
        self,
        *,
        samples: Handle,
        width: int | Handle = 512,
        height: int | Handle = 512,
        x: int | Handle = 0,
        y: int | Handle = 0,
        as_: str | None = None,
    ) -> Node:
        """Crop Latent (latent/transform); gives LATENT"""

    def LatentCut(
        self,
        *,
        samples: Handle,
        dim: Literal['x', 'y', 't'] | Handle = 'x',
        index: int | Handle = 0,
        amount: int | Handle = 1,
        as_: str | None = None,
    ) -> Node:
        """LatentCut (latent/advanced); gives LATENT"""

    def LatentFlip(
        self,
        *,
        samples: Handle,
        flip_method: Literal['x-axis: vertically', 'y-axis: horizontally'] | Handle = 'x-axis: vertically',
        as_: str | None = None,
    ) -> Node:
        """Flip Latent (latent/transform); gives LATENT"""

    def LatentFromBatch(
        self,
        *,
        samples: Handle,
        batch_index: int | Handle = 0,
        length: int | Handle = 1,
        as_: str | None = None,
    ) -> Node:
        """Latent From Batch (latent/batch); gives LATENT"""

    def LatentInterpolate(
        self,
        *,
        samples1: Handle,
        samples2: Handle,
        ratio: float | Handle = 1.0,
        as_: str | None = None,
    ) -> Node:
        """LatentInterpolate (latent/advanced); gives LATENT"""

    def LatentMultiply(self, *, samples: Handle, multiplier: float | Handle = 1.0, as_: str | None = None) -> Node:
        """LatentMultiply (latent/advanced); gives LATENT"""

    def LatentOperationSharpen(
        self,
        *,
        sharpen_radius: int | Handle = 9,
        sigma: float | Handle = 1.0,
        alpha: float | Handle = 0.1,
        as_: str | None = None,
    ) -> Node:
        """LatentOperationSharpen (latent/advanced/operations); gives LATENT_OPERATION"""

    def LatentOperationTonemapReinhard(self, *, multiplier: float | Handle = 1.0, as_: str | None = None) -> Node:
        """LatentOperationTonemapReinhard (latent/advanced/operations); gives LATENT_OPERATION"""

    def LatentRotate(
        self,
        *,
        samples: Handle,
        rotation: Literal['none', '90 degrees', '180 degrees', '270 degrees'] | Handle = 'none',
        as_: str | None = None,
    ) -> Node:
        """Rotate Latent (latent/transform); gives LATENT"""

    def LatentSubtract(self, *, samples1: Handle, samples2: Handle, as_: str | None = None) -> Node:
        """LatentSubtract (latent/advanced); gives LATENT"""

    def LatentUpscale(
        self,
        *,
        samples: Handle,
        upscale_method: Literal['nearest-exact', 'bilinear', 'area', 'bicubic', 'bislerp'] | Handle = 'nearest-exact',
        width: int | Handle = 512,
        height: int | Handle = 512,
        crop: Literal['disabled', 'center'] | Handle = 'disabled',
        as_: str | None = None,
    ) -> Node:
        """Upscale Latent (latent); gives LATENT"""

    def LatentUpscaleBy(
        self,
        *,
        samples: Handle,
        upscale_method: Literal['nearest-exact', 'bilinear', 'area', 'bicubic', 'bislerp'] | Handle = 'nearest-exact',
        scale_by: float | Handle = 1.5,
        as_: str | None = None,
    ) -> Node:
        """Upscale Latent By (latent); gives LATENT"""

    def LazyCache(
        self,
        *,
        model: Handle,
        reuse_threshold: float | Handle = 0.2,
        start_percent: float | Handle = 0.15,
        end_percent: float | Handle = 0.95,
        verbose: bool | Handle = False,
        as_: str | None = None,
    ) -> Node:
        """LazyCache (advanced/debug/model); gives MODEL"""

    def Load3D(
        self,
        *,
        model_file: str | Handle,
        image: Handle,
        width: int | Handle = 1024,
        height: int | Handle = 1024,
        as_: str | None = None,
    ) -> Node:
        """Load 3D (3d); gives image (IMAGE), mask (MASK), mesh_path (STRING), normal (IMAGE), lineart (IMAGE), camera_info (LOAD3D_CAMERA), recording_video (VIDEO)"""

    def Load3DAnimation(
        self,
        *,
        model_file: str | Handle,
        image: Handle,
        width: int | Handle = 1024,
        height: int | Handle = 1024,
        as_: str | None = None,
    ) -> Node:
        """Load 3D - Animation (3d); gives image (IMAGE), mask (MASK), mesh_path (STRING), normal (IMAGE), camera_info (LOAD3D_CAMERA), recording_video (VIDEO)"""

    def LoadAudio(self, *, audio: str | Handle, as_: str | None = None) -> Node:
        """Load Audio (audio); gives AUDIO"""

    def LoadImage(self, *, image: str | Handle, as_: str | None = None) -> Node:
        """Load Image (image); gives IMAGE, MASK"""

    def LoadImageMask(
        self,
        *,
        image: str | Handle,
        channel: Literal['alpha', 'red', 'green', 'blue'] | Handle = 'alpha',
        as_: str | None = None,
    ) -> Node:
        """Load Image (as Mask) (mask); gives MASK"""

    def LoadImageOutput(self, *, image: str | Handle, as_: str | None = None) -> Node:
        """Load Image (from Outputs) (image); gives IMAGE, MASK"""

    def LoadImageSetFromFolderNode(
        self,
        *,
        folder: str | Handle,
        resize_method: Literal['None', 'Stretch', 'Crop', 'Pad'] | Handle = 'None',
        as_: str | None = None,
    ) -> Node:
        """Load Image Dataset from Folder (loaders); gives IMAGE"""

    def LoadImageTextSetFromFolderNode(
        self,
        *,
        folder: str | Handle,
        clip: Handle,
        resize_method: Literal['None', 'Stretch', 'Crop', 'Pad'] | Handle = 'None',
        width: int | Handle = -1,
        height: int | Handle = -1,
        as_: str | None = None,
    ) -> Node:
        """Load Image and Text Dataset from Folder (loaders); gives IMAGE, CONDITIONING"""

    def LoadLatent(self, *, latent: str | Handle, as_: str | None = None) -> Node:
        """LoadLatent (_for_testing); gives LATENT"""

    def LoadVideo(self, *, file: str | Handle, as_: str | None = None) -> Node:
        """Load Video (image/video); gives VIDEO"""

    def LoraLoader(
        self,
        *,
        model: Handle,
        clip: Handle,
        lora_name: str | Handle,
        strength_model: float | Handle = 1.0,
        strength_clip: float | Handle = 1.0,
        as_: str | None = None,
    ) -> Node:
        """Load LoRA (loaders); gives MODEL, CLIP"""

    def LoraLoaderModelOnly(
        self,
        *,
        model: Handle,
        lora_name: str | Handle,
        strength_model: float | Handle = 1.0,
        as_: str | None = None,
    ) -> Node:
        """LoraLoaderModelOnly (loaders); gives MODEL"""

    def LoraModelLoader(
        self,
        *,
        model: Handle,
        lora: Handle,
        strength_model: float | Handle = 1.0,
        as_: str | None = None,
    ) -> Node:
        """Load LoRA Model (loaders); gives MODEL"""

    def LoraSave(
        self,
        *,
        filename_prefix: str | Handle = 'loras/ComfyUI_extracted_lora',
        rank: int | Handle = 8,
        lora_type: Literal['standard', 'full_diff'] | Handle = 'standard',
        bias_diff: bool | Handle = True,
        model_diff: Handle = ...,
        text_encoder_diff: Handle = ...,
        as_: str | None = None,
    ) -> Node:
        """Extract and Save Lora (_for_testing); gives nothing"""

    def LossGraphNode(
        self,
        *,
        loss: Handle = ...,
        filename_prefix: str | Handle = 'loss_graph',
        as_: str | None = None,
    ) -> Node:
        """Plot Loss Graph (training); gives nothing"""

    def LotusConditioning(self, *, as_: str | None = None) -> Node:
        """LotusConditioning (conditioning/lotus); gives conditioning (CONDITIONING)"""

    def LumaConceptsNode(
        self,
        *,
        concept1: Literal['None', 'truck_left', 'pan_right', 'pedestal_down', 'low_angle', 'pedestal_up', 'selfie', 'pan_left', 'roll_right', 'zoom_in', 'over_the_shoulder', 'orbit_right', 'orbit_left', 'static', 'tiny_planet', 'high_angle', 'bolt_cam', 'dolly_zoom', 'overhead', 'zoom_out', 'handheld', 'roll_left', 'pov', 'aerial_drone', 'push_in', 'crane_down', 'truck_right', 'tilt_down', 'elevator_doors', 'tilt_up', 'ground_level', 'pull_out', 'aerial', 'crane_up', 'eye_level'] | Handle = 'None',
        concept2: Literal['None', 'truck_left', 'pan_right', 'pedestal_down', 'low_angle', 'pedestal_up', 'selfie', 'pan_left', 'roll_right', 'zoom_in', 'over_the_shoulder', 'orbit_right', 'orbit_left', 'static', 'tiny_planet', 'high_angle', 'bolt_cam', 'dolly_zoom', 'overhead', 'zoom_out', 'handheld', 'roll_left', 'pov', 'aerial_drone', 'push_in', 'crane_down', 'truck_right', 'tilt_down', 'elevator_doors', 'tilt_up', 'ground_level', 'pull_out', 'aerial', 'crane_up', 'eye_level'] | Handle = 'None',
        concept3: Literal['None', 'truck_left', 'pan_right', 'pedestal_down', 'low_angle', 'pedestal_up', 'selfie', 'pan_left', 'roll_right', 'zoom_in', 'over_the_shoulder', 'orbit_right', 'orbit_left', 'static', 'tiny_planet', 'high_angle', 'bolt_cam', 'dolly_zoom', 'overhead', 'zoom_out', 'handheld', 'roll_left', 'pov', 'aerial_drone', 'push_in', 'crane_down', 'truck_right', 'tilt_down', 'elevator_doors', 'tilt_up', 'ground_level', 'pull_out', 'aerial', 'crane_up', 'eye_level'] | Handle = 'None',
        concept4: Literal['None', 'truck_left', 'pan_right', 'pedestal_down', 'low_angle', 'pedestal_up', 'selfie', 'pan_left', 'roll_right', 'zoom_in', 'over_the_shoulder', 'orbit_right', 'orbit_left', 'static', 'tiny_planet', 'high_angle', 'bolt_cam', 'dolly_zoom', 'overhead', 'zoom_out', 'handheld', 'roll_left', 'pov', 'aerial_drone', 'push_in', 'crane_down', 'truck_right', 'tilt_down', 'elevator_doors', 'tilt_up', 'ground_level', 'pull_out', 'aerial', 'crane_up', 'eye_level'] | Handle = 'None',
        luma_concepts: Handle = ...,
        as_: str | None = None,
    ) -> Node:
        """Luma Concepts (api node/video/Luma); gives luma_concepts (LUMA_CONCEPTS)"""

    def LumaImageModifyNode(
        self,
        *,
        image: Handle,
        prompt: str | Handle = '',
        image_weight: float | Handle = 0.1,
        model: Literal['photon-1', 'photon-flash-1'] | Handle = 'photon-1',
        seed: int | Handle = 0,
        as_: str | None = None,
    ) -> Node:
        """Luma Image to Image (api node/image/Luma); gives IMAGE"""

    def LumaImageNode(
        self,
        *,
        prompt: str | Handle = '',
        model: Literal['photon-1', 'photon-flash-1'] | Handle = 'photon-1',
        aspect_ratio: Literal['1:1', '16:9', '9:16', '4:3', '3:4', '21:9', '9:21'] | Handle = '16:9',
        seed: int | Handle = 0,
        style_image_weight: float | Handle = 1.0,
        image_luma_ref: Handle = ...,
        style_image: Handle = ...,
        character_image: Handle = ...,
        as_: str | None = None,
    ) -> Node:
        """Luma Text to Image (api node/image/Luma); gives IMAGE"""

    def LumaImageToVideoNode(
        self,
        *,
        prompt: str | Handle = '',
        model: Literal['ray-2', 'ray-flash-2', 'ray-1-6'] | Handle = 'ray-2',
        resolution: Literal['540p', '720p', '1080p', '4k'] | Handle = '540p',
        duration: Literal['5s', '9s'] | Handle = '5s',
        loop: bool | Handle = False,
        seed: int | Handle = 0,
        first_image: Handle = ...,
        last_image: Handle = ...,
        luma_concepts: Handle = ...,
        as_: str | None = None,
    ) -> Node:
        """Luma Image to Video (api node/video/Luma); gives VIDEO"""

    def LumaReferenceNode(
        self,
        *,
        image: Handle,
        weight: float | Handle = 1.0,
        luma_ref: Handle = ...,
        as_: str | None = None,
    ) -> Node:
        """Luma Reference (api node/image/Luma); gives luma_ref (LUMA_REF)"""

    def LumaVideoNode(
        self,
        *,
        prompt: str | Handle = '',
        model: Literal['ray-2', 'ray-flash-2', 'ray-1-6'] | Handle = 'ray-2',
        aspect_ratio: Literal['1:1', '16:9', '9:16', '4:3', '3:4', '21:9', '9:21'] | Handle = '16:9',
        resolution: Literal['540p', '720p', '1080p', '4k'] | Handle = '540p',
        duration: Literal['5s', '9s'] | Handle = '5s',
        loop: bool | Handle = False,
        seed: int | Handle = 0,
        luma_concepts: Handle = ...,
        as_: str | None = None,
    ) -> Node:
        """Luma Text to Video (api node/video/Luma); gives VIDEO"""

    def Mahiro(self, *, model: Handle, as_: str | None = None) -> Node:
        """Mahiro is so cute that she deserves a better guidance function!! (?????) (_for_testing); gives patched_model (MODEL)"""

    def MaskComposite(
        self,
        *,
        destination: Handle,
        source: Handle,
        x: int | Handle = 0,
        y: int | Handle = 0,
        operation: Literal['multiply', 'add', 'subtract', 'and', 'or', 'xor'] | Handle = 'multiply',
        as_: str | None = None,
    ) -> Node:
        """MaskComposite (mask); gives MASK"""

    def MaskPreview(self, *, mask: Handle, as_: str | None = None) -> Node:
        """MaskPreview (mask); gives nothing"""

    def MaskToImage(self, *, mask: Handle, as_: str | None = None) -> Node:
        """Convert Mask to Image (mask); gives IMAGE"""

    def MinimaxHailuoVideoNode(
        self,
        *,
        prompt_text: str | Handle = '',
        seed: int | Handle = 0,
        first_frame_image: Handle = ...,
        prompt_optimizer: bool | Handle = True,
        duration: Literal[6, 10] | Handle = 6,
        resolution: Literal['768P', '1080P'] | Handle = '768P',
        as_: str | None = None,
    ) -> Node:
        """MiniMax Hailuo Video (api node/video/MiniMax); gives VIDEO"""

    def MinimaxImageToVideoNode(
        self,
        *,
        image: Handle,
        prompt_text: str | Handle = '',
        model: Literal['I2V-01-Director', 'I2V-01', 'I2V-01-live'] | Handle = 'I2V-01',
        seed: int | Handle = 0,
        as_: str | None = None,
    ) -> Node:
        """MiniMax Image to Video (api node/video/MiniMax); gives VIDEO"""

    def MinimaxTextToVideoNode(
        self,
        *,
        prompt_text: str | Handle = '',
        model: Literal['T2V-01', 'T2V-01-Director'] | Handle = 'T2V-01',
        seed: int | Handle = 0,
        as_: str | None = None,
    ) -> Node:
        """MiniMax Text to Video (api node/video/MiniMax); gives VIDEO"""

    def ModelComputeDtype(
        self,
        *,
        model: Handle,
        dtype: Literal['default', 'fp32', 'fp16', 'bf16'] | Handle = 'default',
        as_: str | None = None,
    ) -> Node:
        """ModelComputeDtype (advanced/debug/model); gives MODEL"""

    def ModelMergeAdd(self, *, model1: Handle, model2: Handle, as_: str | None = None) -> Node:
        """ModelMergeAdd (advanced/model_merging); gives MODEL"""

    def ModelMergeAuraflow(
        self,
        *,
        model1: Handle,
        model2: Handle,
        positional_encoding: float | Handle = 1.0,
        register_tokens: float | Handle = 1.0,
        as_: str | None = None,
        **others: Any,
    ) -> Node:
        """ModelMergeAuraflow (advanced/model_merging/model_specific); gives MODEL"""

    def ModelMergeBlocks(
        self,
        *,
        model1: Handle,
        model2: Handle,
        input: float | Handle = 1.0,
        middle: float | Handle = 1.0,
        out: float | Handle = 1.0,
        as_: str | None = None,
    ) -> Node:
        """ModelMergeBlocks (advanced/model_merging); gives MODEL"""

    def ModelMergeCosmos14B(self, *, model1: Handle, model2: Handle, as_: str | None = None, **others: Any) -> Node:
        """ModelMergeCosmos14B (advanced/model_merging/model_specific); gives MODEL"""

    def ModelMergeCosmos7B(self, *, model1: Handle, model2: Handle, as_: str | None = None, **others: Any) -> Node:
        """ModelMergeCosmos7B (advanced/model_merging/model_specific); gives MODEL"""

    def ModelMergeCosmosPredict2_14B(
        self,
        *,
        model1: Handle,
        model2: Handle,
        as_: str | None = None,
        **others: Any,
    ) -> Node:
        """ModelMergeCosmosPredict2_14B (advanced/model_merging/model_specific); gives MODEL"""

    def ModelMergeCosmosPredict2_2B(
        self,
        *,
        model1: Handle,
        model2: Handle,
        as_: str | None = None,
        **others: Any,
    ) -> Node:
        """ModelMergeCosmosPredict2_2B (advanced/model_merging/model_specific); gives MODEL"""

    def ModelMergeFlux1(
        self,
        *,
        model1: Handle,
        model2: Handle,
        guidance_in: float | Handle = 1.0,
        as_: str | None = None,
        **others: Any,
    ) -> Node:
        """ModelMergeFlux1 (advanced/model_merging/model_specific); gives MODEL"""

    def ModelMergeLTXV(
        self,
        *,
        model1: Handle,
        model2: Handle,
        scale_shift_table: float | Handle = 1.0,
        as_: str | None = None,
        **others: Any,
    ) -> Node:
        """ModelMergeLTXV (advanced/model_merging/model_specific); gives MODEL"""

    def ModelMergeMochiPreview(self, *, model1: Handle, model2: Handle, as_: str | None = None, **others: Any) -> Node:
        """ModelMergeMochiPreview (advanced/model_merging/model_specific); gives MODEL"""

    def ModelMergeQwenImage(self, *, model1: Handle, model2: Handle, as_: str | None = None, **others: Any) -> Node:
        """ModelMergeQwenImage (advanced/model_merging/model_specific); gives MODEL"""

    def ModelMergeSD1(self, *, model1: Handle, model2: Handle, as_: str | None = None, **others: Any) -> Node:
        """ModelMergeSD1 (advanced/model_merging/model_specific); gives MODEL"""

    def ModelMergeSD2(self, *, model1: Handle, model2: Handle, as_: str | None = None, **others: Any) -> Node:
        """ModelMergeSD2 (advanced/model_merging/model_specific); gives MODEL"""

    def ModelMergeSD35_Large(self, *, model1: Handle, model2: Handle, as_: str | None = None, **others: Any) -> Node:
        """ModelMergeSD35_Large (advanced/model_merging/model_specific); gives MODEL"""

    def ModelMergeSD3_2B(self, *, model1: Handle, model2: Handle, as_: str | None = None, **others: Any) -> Node:
        """ModelMergeSD3_2B (advanced/model_merging/model_specific); gives MODEL"""

    def ModelMergeSDXL(self, *, model1: Handle, model2: Handle, as_: str | None = None, **others: Any) -> Node:
        """ModelMergeSDXL (advanced/model_merging/model_specific); gives MODEL"""

    def ModelMergeSimple(
        self,
        *,
        model1: Handle,
        model2: Handle,
        ratio: float | Handle = 1.0,
        as_: str | None = None,
    ) -> Node:
        """ModelMergeSimple (advanced/model_merging); gives MODEL"""

    def ModelMergeSubtract(
        self,
        *,
        model1: Handle,
        model2: Handle,
        multiplier: float | Handle = 1.0,
        as_: str | None = None,
    ) -> Node:
        """ModelMergeSubtract (advanced/model_merging); gives MODEL"""

    def ModelMergeWAN2_1(self, *, model1: Handle, model2: Handle, as_: str | None = None, **others: Any) -> Node:
        """ModelMergeWAN2_1 (advanced/model_merging/model_specific); gives MODEL"""

    def ModelPatchLoader(self, *, name: str | Handle, as_: str | None = None) -> Node:
        """ModelPatchLoader (advanced/loaders); gives MODEL_PATCH"""

    def ModelSamplingAuraFlow(self, *, model: Handle, shift: float | Handle = 1.73, as_: str | None = None) -> Node:
        """ModelSamplingAuraFlow (advanced/model); gives MODEL"""

    def ModelSamplingContinuousEDM(
        self,
        *,
        model: Handle,
        sampling: Literal['v_prediction', 'edm', 'edm_playground_v2.5', 'eps', 'cosmos_rflow'] | Handle = 'v_prediction',
        sigma_max: float | Handle = 120.0,
        sigma_min: float | Handle = 0.002,
        as_: str | None = None,
    ) -> Node:
        """ModelSamplingContinuousEDM (advanced/model); gives MODEL"""

    def ModelSamplingContinuousV(
        self,
        *,
        model: Handle,
        sampling: Literal['v_prediction'] | Handle = 'v_prediction',
        sigma_max: float | Handle = 500.0,
        sigma_min: float | Handle = 0.03,
        as_: str | None = None,
    ) -> Node:
        """ModelSamplingContinuousV (advanced/model); gives MODEL"""

    def ModelSamplingDiscrete(
        self,
        *,
        model: Handle,
        sampling: Literal['eps', 'v_prediction', 'lcm', 'x0', 'img_to_img'] | Handle = 'eps',
        zsnr: bool | Handle = False,
        as_: str | None = None,
    ) -> Node:
        """ModelSamplingDiscrete (advanced/model); gives MODEL"""

    def ModelSamplingFlux(
        self,
        *,
        model: Handle,
        max_shift: float | Handle = 1.15,
        base_shift: float | Handle = 0.5,
        width: int | Handle = 1024,
        height: int | Handle = 1024,
        as_: str | None = None,
    ) -> Node:
        """ModelSamplingFlux (advanced/model); gives MODEL"""

    def ModelSamplingLTXV(
        self,
        *,
        model: Handle,
        max_shift: float | Handle = 2.05,
        base_shift: float | Handle = 0.95,
        latent: Handle = ...,
        as_: str | None = None,
    ) -> Node:
        """ModelSamplingLTXV (advanced/model); gives MODEL"""

    def ModelSamplingSD3(self, *, model: Handle, shift: float | Handle = 3.0, as_: str | None = None) -> Node:
        """ModelSamplingSD3 (advanced/model); gives MODEL"""

    def ModelSamplingStableCascade(self, *, model: Handle, shift: float | Handle = 2.0, as_: str | None = None) -> Node:
        """ModelSamplingStableCascade (advanced/model); gives MODEL"""

    def ModelSave(
        self,
        *,
        model: Handle,
        filename_prefix: str | Handle = 'diffusion_models/ComfyUI',
        as_: str | None = None,
    ) -> Node:
        """ModelSave (advanced/model_merging); gives nothing"""

    def MoonvalleyImg2VideoNode(
        self,
        *,
        image: Handle,
        prompt: str | Handle,
        negative_prompt: str | Handle = ...,
        resolution: Literal['16:9 (1920 x 1080)', '9:16 (1080 x 1920)', '1:1 (1152 x 1152)', '4:3 (1536 x 1152)', '3:4 (1152 x 1536)'] | Handle = '16:9 (1920 x 1080)',
        prompt_adherence: float | Handle = 4.5,
        seed: int | Handle = 9,
        steps: int | Handle = 33,
        as_: str | None = None,
    ) -> Node:
        """Moonvalley Marey Image to Video (api node/video/Moonvalley Marey); gives VIDEO"""

    def MoonvalleyTxt2VideoNode(
        self,
        *,
        prompt: str | Handle,
        negative_prompt: str | Handle = ...,
        resolution: Literal['16:9 (1920 x 1080)', '9:16 (1080 x 1920)', '1:1 (1152 x 1152)', '4:3 (1536 x 1152)', '3:4 (1152 x 1536)', '21:9 (2560 x 1080)'] | Handle = '16:9 (1920 x 1080)',
        prompt_adherence: float | Handle = 4.0,
        seed: int | Handle = 9,
        steps: int | Handle = 33,
        as_: str | None = None,
    ) -> Node:
        """Moonvalley Marey Text to Video (api node/video/Moonvalley Marey); gives VIDEO"""

    def MoonvalleyVideo2VideoNode(
        self,
        *,
        prompt: str | Handle,
        video: Handle,
        negative_prompt: str | Handle = ...,
        seed: int | Handle = 9,
        steps: int | Handle = 33,
        control_type: Literal['Motion Transfer', 'Pose Transfer'] | Handle = 'Motion Transfer',
        motion_intensity: int | Handle = 100,
        as_: str | None = None,
    ) -> Node:
        """Moonvalley Marey Video to Video (api node/video/Moonvalley Marey); gives VIDEO"""

    def Morphology(
        self,
        *,
        image: Handle,
        operation: Literal['erode', 'dilate', 'open', 'close', 'gradient', 'bottom_hat', 'top_hat'] | Handle = 'erode',
        kernel_size: int | Handle = 3,
        as_: str | None = None,
    ) -> Node:
        """ImageMorphology (image/postprocessing); gives IMAGE"""

    def OpenAIChatConfig(
        self,
        *,
        truncation: Literal['auto', 'disabled'] | Handle = 'auto',
        max_output_tokens: int | Handle = 4096,
        instructions: str | Handle = ...,
        as_: str | None = None,
    ) -> Node:
        """OpenAI ChatGPT Advanced Options (api node/text/OpenAI); gives OPENAI_CHAT_CONFIG"""

    def OpenAIChatNode(
        self,
        *,
        model: Literal['o4-mini', 'o1', 'o3', 'o1-pro', 'gpt-4o', 'gpt-4.1', 'gpt-4.1-mini', 'gpt-4.1-nano', 'gpt-5', 'gpt-5-mini', 'gpt-5-nano'] | Handle,
        prompt: str | Handle = '',
        persist_context: bool | Handle = True,
        images: Handle = ...,
        files: Handle = ...,
        advanced_options: Handle = ...,
        as_: str | None = None,
    ) -> Node:
        """OpenAI ChatGPT (api node/text/OpenAI); gives STRING"""

    def OpenAIDalle2(
        self,
        *,
        prompt: str | Handle = '',
        seed: int | Handle = 0,
        size: Literal['256x256', '512x512', '1024x1024'] | Handle = '1024x1024',
        n: int | Handle = 1,
        image: Handle = ...,
        mask: Handle = ...,
        as_: str | None = None,
    ) -> Node:
        """OpenAI DALL?E 2 (api node/image/OpenAI); gives IMAGE"""

    def OpenAIDalle3(
        self,
        *,
        prompt: str | Handle = '',
        seed: int | Handle = 0,
        quality: Literal['standard', 'hd'] | Handle = 'standard',
        style: Literal['natural', 'vivid'] | Handle = 'natural',
        size: Literal['1024x1024', '1024x1792', '1792x1024'] | Handle = '1024x1024',
        as_: str | None = None,
    ) -> Node:
        """OpenAI DALL?E 3 (api node/image/OpenAI); gives IMAGE"""

    def OpenAIGPTImage1(
        self,
        *,
        prompt: str | Handle = '',
        seed: int | Handle = 0,
        quality: Literal['low', 'medium', 'high'] | Handle = 'low',
        background: Literal['opaque', 'transparent'] | Handle = 'opaque',
        size: Literal['auto', '1024x1024', '1024x1536', '1536x1024'] | Handle = 'auto',
        n: int | Handle = 1,
        image: Handle = ...,
        mask: Handle = ...,
        as_: str | None = None,
    ) -> Node:
        """OpenAI GPT Image 1 (api node/image/OpenAI); gives IMAGE"""

    def OpenAIInputFiles(self, *, file: str | Handle, OPENAI_INPUT_FILES: Handle = ..., as_: str | None = None) -> Node:
        """OpenAI ChatGPT Input Files (api node/text/OpenAI); gives OPENAI_INPUT_FILES"""

    def OpenAIVideoSora2(
        self,
        *,
        model: Literal['sora-2', 'sora-2-pro'] | Handle = 'sora-2',
        prompt: str | Handle = '',
        size: Literal['720x1280', '1280x720', '1024x1792', '1792x1024'] | Handle = '1280x720',
        duration: Literal[4, 8, 12] | Handle = 8,
        image: Handle = ...,
        seed: int | Handle = 0,
        as_: str | None = None,
    ) -> Node:
        """OpenAI Sora - Video (api node/video/Sora); gives VIDEO"""

    def OptimalStepsScheduler(
        self,
        *,
        model_type: Literal['FLUX', 'Wan', 'Chroma'] | Handle = 'FLUX',
        steps: int | Handle = 20,
        denoise: float | Handle = 1.0,
        as_: str | None = None,
    ) -> Node:
        """OptimalStepsScheduler (sampling/custom_sampling/schedulers); gives SIGMAS"""

    def PairConditioningCombine(
        self,
        *,
        positive_A: Handle,
        negative_A: Handle,
        positive_B: Handle,
        negative_B: Handle,
        as_: str | None = None,
    ) -> Node:
        """Cond Pair Combine (advanced/hooks/cond pair); gives positive (CONDITIONING), negative (CONDITIONING)"""

    def PairConditioningSetDefaultCombine(
        self,
        *,
        positive: Handle,
        negative: Handle,
        positive_DEFAULT: Handle,
        negative_DEFAULT: Handle,
        hooks: Handle = ...,
        as_: str | None = None,
    ) -> Node:
        """Cond Pair Set Default Combine (advanced/hooks/cond pair); gives positive (CONDITIONING), negative (CONDITIONING)"""

    def PairConditioningSetProperties(
        self,
        *,
        positive_NEW: Handle,
        negative_NEW: Handle,
        strength: float | Handle = 1.0,
        set_cond_area: Literal['default', 'mask bounds'] | Handle = 'default',
        mask: Handle = ...,
        hooks: Handle = ...,
        timesteps: Handle = ...,
        as_: str | None = None,
    ) -> Node:
        """Cond Pair Set Props (advanced/hooks/cond pair); gives positive (CONDITIONING), negative (CONDITIONING)"""

    def PairConditioningSetPropertiesAndCombine(
        self,
        *,
        positive: Handle,
        negative: Handle,
        positive_NEW: Handle,
        negative_NEW: Handle,
        strength: float | Handle = 1.0,
        set_cond_area: Literal['default', 'mask bounds'] | Handle = 'default',
        mask: Handle = ...,
        hooks: Handle = ...,
        timesteps: Handle = ...,
        as_: str | None = None,
    ) -> Node:
        """Cond Pair Set Props Combine (advanced/hooks/cond pair); gives positive (CONDITIONING), negative (CONDITIONING)"""

    def PatchModelAddDownscale(
        self,
        *,
        model: Handle,
        block_number: int | Handle = 3,
        downscale_factor: float | Handle = 2.0,
        start_percent: float | Handle = 0.0,
        end_percent: float | Handle = 0.35,
        downscale_after_skip: bool | Handle = True,
        downscale_method: Literal['bicubic', 'nearest-exact', 'bilinear', 'area', 'bislerp'] | Handle = 'bicubic',
        upscale_method: Literal['bicubic', 'nearest-exact', 'bilinear', 'area', 'bislerp'] | Handle = 'bicubic',
        as_: str | None = None,
    ) -> Node:
        """PatchModelAddDownscale (Kohya Deep Shrink) (model_patches/unet); gives MODEL"""

    def PerpNeg(
        self,
        *,
        model: Handle,
        empty_conditioning: Handle,
        neg_scale: float | Handle = 1.0,
        as_: str | None = None,
    ) -> Node:
        """Perp-Neg (DEPRECATED by PerpNegGuider) (_for_testing); gives MODEL"""

    def PerpNegGuider(
        self,
        *,
        model: Handle,
        positive: Handle,
        negative: Handle,
        empty_conditioning: Handle,
        cfg: float | Handle = 8.0,
        neg_scale: float | Handle = 1.0,
        as_: str | None = None,
    ) -> Node:
        """PerpNegGuider (_for_testing); gives GUIDER"""

    def PerturbedAttentionGuidance(self, *, model: Handle, scale: float | Handle = 3.0, as_: str | None = None) -> Node:
        """PerturbedAttentionGuidance (model_patches/unet); gives MODEL"""

    def PhotoMakerEncode(
        self,
        *,
        photomaker: Handle,
        image: Handle,
        clip: Handle,
        text: str | Handle = 'photograph of photomaker',
        as_: str | None = None,
    ) -> Node:
        """PhotoMakerEncode (_for_testing/photomaker); gives CONDITIONING"""

    def PhotoMakerLoader(self, *, photomaker_model_name: str | Handle, as_: str | None = None) -> Node:
        """PhotoMakerLoader (_for_testing/photomaker); gives PHOTOMAKER"""

    def PikaImageToVideoNode2_2(
        self,
        *,
        image: Handle,
        prompt_text: str | Handle,
        negative_prompt: str | Handle,
        seed: int | Handle,
        resolution: Literal['1080p', '720p'] | Handle = '1080p',
        duration: Literal[5, 10] | Handle = 5,
        as_: str | None = None,
    ) -> Node:
        """Pika Image to Video (api node/video/Pika); gives VIDEO"""

    def PikaScenesV2_2(
        self,
        *,
        prompt_text: str | Handle,
        negative_prompt: str | Handle,
        seed: int | Handle,
        resolution: Literal['1080p', '720p'] | Handle = '1080p',
        duration: Literal[5, 10] | Handle = 5,
        ingredients_mode: Literal['creative', 'precise'] | Handle = 'creative',
        aspect_ratio: float | Handle = 1.7777777777777777,
        image_ingredient_1: Handle = ...,
        image_ingredient_2: Handle = ...,
        image_ingredient_3: Handle = ...,
        image_ingredient_4: Handle = ...,
        image_ingredient_5: Handle = ...,
        as_: str | None = None,
    ) -> Node:
        """Pika Scenes (Video Image Composition) (api node/video/Pika); gives VIDEO"""

    def PikaStartEndFrameNode2_2(
        self,
        *,
        image_start: Handle,
        image_end: Handle,
        prompt_text: str | Handle,
        negative_prompt: str | Handle,
        seed: int | Handle,
        resolution: Literal['1080p', '720p'] | Handle = '1080p',
        duration: Literal[5, 10] | Handle = 5,
        as_: str | None = None,
    ) -> Node:
        """Pika Start and End Frame to Video (api node/video/Pika); gives VIDEO"""

    def PikaTextToVideoNode2_2(
        self,
        *,
        prompt_text: str | Handle,
        negative_prompt: str | Handle,
        seed: int | Handle,
        resolution: Literal['1080p', '720p'] | Handle = '1080p',
        duration: Literal[5, 10] | Handle = 5,
        aspect_ratio: float | Handle = 1.7777777777777777,
        as_: str | None = None,
    ) -> Node:
        """Pika Text to Video (api node/video/Pika); gives VIDEO"""

    def Pikadditions(
        self,
        *,
        video: Handle,
        image: Handle,
        prompt_text: str | Handle,
        negative_prompt: str | Handle,
        seed: int | Handle,
        as_: str | None = None,
    ) -> Node:
        """Pikadditions (Video Object Insertion) (api node/video/Pika); gives VIDEO"""

    def Pikaffects(
        self,
        *,
        image: Handle,
        prompt_text: str | Handle,
        negative_prompt: str | Handle,
        seed: int | Handle,
        pikaffect: Literal['Cake-ify', 'Crumble', 'Crush', 'Decapitate', 'Deflate', 'Dissolve', 'Explode', 'Eye-pop', 'Inflate', 'Levitate', 'Melt', 'Peel', 'Poke', 'Squish', 'Ta-da', 'Tear'] | Handle = 'Cake-ify',
        as_: str | None = None,
    ) -> Node:
        """Pikaffects (Video Effects) (api node/video/Pika); gives VIDEO"""

    def Pikaswaps(
        self,
        *,
        video: Handle,
        image: Handle = ...,
        mask: Handle = ...,
        prompt_text: str | Handle = ...,
        negative_prompt: str | Handle = ...,
        seed: int | Handle = ...,
        region_to_modify: str | Handle = ...,
        as_: str | None = None,
    ) -> Node:
        """Pika Swaps (Video Object Replacement) (api node/video/Pika); gives VIDEO"""

    def PixverseImageToVideoNode(
        self,
        *,
        image: Handle,
        prompt: str | Handle = '',
        quality: Literal['360p', '540p', '720p', '1080p'] | Handle = '540p',
        duration_seconds: Literal[5, 8] | Handle = 5,
        motion_mode: Literal['normal', 'fast'] | Handle = 'normal',
        seed: int | Handle = 0,
        negative_prompt: str | Handle = '',
        pixverse_template: Handle = ...,
        as_: str | None = None,
    ) -> Node:
        """PixVerse Image to Video (api node/video/PixVerse); gives VIDEO"""

    def PixverseTemplateNode(
        self,
        *,
        template: Literal['Microwave', 'Suit Swagger', 'Anything, Robot', 'Subject 3 Fever', 'kiss kiss'] | Handle = 'Microwave',
        as_: str | None = None,
    ) -> Node:
        """PixVerse Template (api node/video/PixVerse); gives pixverse_template (PIXVERSE_TEMPLATE)"""

    def PixverseTextToVideoNode(
        self,
        *,
        prompt: str | Handle = '',
        aspect_ratio: Literal['16:9', '4:3', '1:1', '3:4', '9:16'] | Handle = '16:9',
        quality: Literal['360p', '540p', '720p', '1080p'] | Handle = '540p',
        duration_seconds: Literal[5, 8] | Handle = 5,
        motion_mode: Literal['normal', 'fast'] | Handle = 'normal',
        seed: int | Handle = 0,
        negative_prompt: str | Handle = '',
        pixverse_template: Handle = ...,
        as_: str | None = None,
    ) -> Node:
        """PixVerse Text to Video (api node/video/PixVerse); gives VIDEO"""

    def PixverseTransitionVideoNode(
        self,
        *,
        first_frame: Handle,
        last_frame: Handle,
        prompt: str | Handle = '',
        quality: Literal['360p', '540p', '720p', '1080p'] | Handle = '540p',
        duration_seconds: Literal[5, 8] | Handle = 5,
        motion_mode: Literal['normal', 'fast'] | Handle = 'normal',
        seed: int | Handle = 0,
        negative_prompt: str | Handle = '',
        as_: str | None = None,
    ) -> Node:
        """PixVerse Transition Video (api node/video/PixVerse); gives VIDEO"""

    def PolyexponentialScheduler(
        self,
        *,
        steps: int | Handle = 20,
        sigma_max: float | Handle = 14.614642,
        sigma_min: float | Handle = 0.0291675,
        rho: float | Handle = 1.0,
        as_: str | None = None,
    ) -> Node:
        """PolyexponentialScheduler (sampling/custom_sampling/schedulers); gives SIGMAS"""

    def PorterDuffImageComposite(
        self,
        *,
        source: Handle,
        source_alpha: Handle,
        destination: Handle,
        destination_alpha: Handle,
        mode: Literal['ADD', 'CLEAR', 'DARKEN', 'DST', 'DST_ATOP', 'DST_IN', 'DST_OUT', 'DST_OVER', 'LIGHTEN', 'MULTIPLY', 'OVERLAY', 'SCREEN', 'SRC', 'SRC_ATOP', 'SRC_IN', 'SRC_OUT', 'SRC_OVER', 'XOR'] | Handle = 'DST',
        as_: str | None = None,
    ) -> Node:
        """Porter-Duff Image Composite (mask/compositing); gives IMAGE, MASK"""

    def Preview3D(self, *, model_file: str | Handle = '', camera_info: Handle = ..., as_: str | None = None) -> Node:
        """Preview 3D (3d); gives nothing"""

    def Preview3DAnimation(
        self,
        *,
        model_file: str | Handle = '',
        camera_info: Handle = ...,
        as_: str | None = None,
    ) -> Node:
        """Preview 3D - Animation (3d); gives nothing"""

    def PreviewAny(self, *, source: Any, as_: str | None = None) -> Node:
        """Preview Any (utils); gives nothing"""

    def PreviewAudio(self, *, audio: Handle, as_: str | None = None) -> Node:
        """Preview Audio (audio); gives nothing"""

    def PreviewImage(self, *, images: Handle, as_: str | None = None) -> Node:
        """Preview Image (image); gives nothing"""

    def PrimitiveBoolean(self, *, value: bool | Handle, as_: str | None = None) -> Node:
        """Boolean (utils/primitive); gives BOOLEAN"""

    def PrimitiveFloat(self, *, value: float | Handle, as_: str | None = None) -> Node:
        """Float (utils/primitive); gives FLOAT"""

    def PrimitiveInt(self, *, value: int | Handle, as_: str | None = None) -> Node:
        """Int (utils/primitive); gives INT"""

    def PrimitiveString(self, *, value: str | Handle, as_: str | None = None) -> Node:
        """String (utils/primitive); gives STRING"""

    def PrimitiveStringMultiline(self, *, value: str | Handle, as_: str | None = None) -> Node:
        """String (Multiline) (utils/primitive); gives STRING"""

    def QuadrupleCLIPLoader(
        self,
        *,
        clip_name1: str | Handle,
        clip_name2: str | Handle,
        clip_name3: str | Handle,
        clip_name4: str | Handle,
        as_: str | None = None,
    ) -> Node:
        """QuadrupleCLIPLoader (advanced/loaders); gives CLIP"""

    def QuadrupleCLIPLoaderGGUF(
        self,
        *,
        clip_name1: str | Handle,
        clip_name2: str | Handle,
        clip_name3: str | Handle,
        clip_name4: str | Handle,
        as_: str | None = None,
    ) -> Node:
        """QuadrupleCLIPLoader (GGUF) (bootleg); gives CLIP"""

    def QwenImageDiffsynthControlnet(
        self,
        *,
        model: Handle,
        model_patch: Handle,
        vae: Handle,
        image: Handle,
        strength: float | Handle = 1.0,
        mask: Handle = ...,
        as_: str | None = None,
    ) -> Node:
        """QwenImageDiffsynthControlnet (advanced/loaders/qwen); gives MODEL"""

    def RandomNoise(self, *, noise_seed: int | Handle = 0, as_: str | None = None) -> Node:
        """RandomNoise (sampling/custom_sampling/noise); gives NOISE"""

    def RebatchImages(self, *, images: Handle, batch_size: int | Handle = 1, as_: str | None = None) -> Node:
        """Rebatch Images (image/batch); gives IMAGE"""

    def RebatchLatents(self, *, latents: Handle, batch_size: int | Handle = 1, as_: str | None = None) -> Node:
        """Rebatch Latents (latent/batch); gives LATENT"""

    def RecordAudio(self, *, audio: Handle, as_: str | None = None) -> Node:
        """Record Audio (audio); gives AUDIO"""

    def RecraftColorRGB(
        self,
        *,
        r: int | Handle = 0,
        g: int | Handle = 0,
        b: int | Handle = 0,
        recraft_color: Handle = ...,
        as_: str | None = None,
    ) -> Node:
        """Recraft Color RGB (api node/image/Recraft); gives recraft_color (RECRAFT_COLOR)"""

    def RecraftControls(self, *, colors: Handle = ..., background_color: Handle = ..., as_: str | None = None) -> Node:
        """Recraft Controls (api node/image/Recraft); gives recraft_controls (RECRAFT_CONTROLS)"""

    def RecraftCreativeUpscaleNode(self, *, image: Handle, as_: str | None = None) -> Node:
        """Recraft Creative Upscale Image (api node/image/Recraft); gives IMAGE"""

    def RecraftCrispUpscaleNode(self, *, image: Handle, as_: str | None = None) -> Node:
        """Recraft Crisp Upscale Image (api node/image/Recraft); gives IMAGE"""

    def RecraftImageInpaintingNode(
        self,
        *,
        image: Handle,
        mask: Handle,
        prompt: str | Handle = '',
        n: int | Handle = 1,
        seed: int | Handle = 0,
        recraft_style: Handle = ...,
        negative_prompt: str | Handle = '',
        as_: str | None = None,
    ) -> Node:
        """Recraft Image Inpainting (api node/image/Recraft); gives IMAGE"""

    def RecraftImageToImageNode(
        self,
        *,
        image: Handle,
        prompt: str | Handle = '',
        n: int | Handle = 1,
        strength: float | Handle = 0.5,
        seed: int | Handle = 0,
        recraft_style: Handle = ...,
        negative_prompt: str | Handle = '',
        recraft_controls: Handle = ...,
        as_: str | None = None,
    ) -> Node:
        """Recraft Image to Image (api node/image/Recraft); gives IMAGE"""

    def RecraftRemoveBackgroundNode(self, *, image: Handle, as_: str | None = None) -> Node:
        """Recraft Remove Background (api node/image/Recraft); gives IMAGE, MASK"""

    def RecraftReplaceBackgroundNode(
        self,
        *,
        image: Handle,
        prompt: str | Handle = '',
        n: int | Handle = 1,
        seed: int | Handle = 0,
        recraft_style: Handle = ...,
        negative_prompt: str | Handle = '',
        as_: str | None = None,
    ) -> Node:
        """Recraft Replace Background (api node/image/Recraft); gives IMAGE"""

    def RecraftStyleV3DigitalIllustration(
        self,
        *,
        substyle: Literal['None', '2d_art_poster', '2d_art_poster_2', 'antiquarian', 'bold_fantasy', 'child_book', 'child_books', 'cover', 'crosshatch', 'digital_engraving', 'engraving_color', 'expressionism', 'freehand_details', 'grain', 'grain_20', 'graphic_intensity', 'hand_drawn', 'hand_drawn_outline', 'handmade_3d', 'hard_comics', 'infantile_sketch', 'long_shadow', 'modern_folk', 'multicolor', 'neon_calm', 'noir', 'nostalgic_pastel', 'outline_details', 'pastel_gradient', 'pastel_sketch', 'pixel_art', 'plastic', 'pop_art', 'pop_renaissance', 'seamless', 'street_art', 'tablet_sketch', 'urban_glow', 'urban_sketching', 'vanilla_dreams', 'young_adult_book', 'young_adult_book_2'] | Handle = 'None',
        as_: str | None = None,
    ) -> Node:
        """Recraft Style - Digital Illustration (api node/image/Recraft); gives recraft_style (RECRAFT_V3_STYLE)"""

    def RecraftStyleV3InfiniteStyleLibrary(self, *, style_id: str | Handle = '', as_: str | None = None) -> Node:
        """Recraft Style - Infinite Style Library (api node/image/Recraft); gives recraft_style (RECRAFT_V3_STYLE)"""

    def RecraftStyleV3LogoRaster(
        self,
        *,
        substyle: Literal['emblem_graffiti', 'emblem_pop_art', 'emblem_punk', 'emblem_stamp', 'emblem_vintage'] | Handle = 'emblem_graffiti',
        as_: str | None = None,
    ) -> Node:
        """Recraft Style - Logo Raster (api node/image/Recraft); gives recraft_style (RECRAFT_V3_STYLE)"""

    def RecraftStyleV3RealisticImage(
        self,
        *,
        substyle: Literal['None', 'b_and_w', 'enterprise', 'evening_light', 'faded_nostalgia', 'forest_life', 'hard_flash', 'hdr', 'motion_blur', 'mystic_naturalism', 'natural_light', 'natural_tones', 'organic_calm', 'real_life_glow', 'retro_realism', 'retro_snapshot', 'studio_portrait', 'urban_drama', 'village_realism', 'warm_folk'] | Handle = 'None',
        as_: str | None = None,
    ) -> Node:
        """Recraft Style - Realistic Image (api node/image/Recraft); gives recraft_style (RECRAFT_V3_STYLE)"""

    def RecraftTextToImageNode(
        self,
        *,
        prompt: str | Handle = '',
        size: Literal['1024x1024', '1365x1024', '1024x1365', '1536x1024', '1024x1536', '1820x1024', '1024x1820', '1024x2048', '2048x1024', '1434x1024', '1024x1434', '1024x1280', '1280x1024', '1024x1707', '1707x1024'] | Handle = '1024x1024',
        n: int | Handle = 1,
        seed: int | Handle = 0,
        recraft_style: Handle = ...,
        negative_prompt: str | Handle = '',
        recraft_controls: Handle = ...,
        as_: str | None = None,
    ) -> Node:
        """Recraft Text to Image (api node/image/Recraft); gives IMAGE"""

    def RecraftTextToVectorNode(
        self,
        *,
        prompt: str | Handle = '',
        substyle: Literal['None', 'bold_stroke', 'chemistry', 'colored_stencil', 'contour_pop_art', 'cosmics', 'cutout', 'depressive', 'editorial', 'emotional_flat', 'engraving', 'infographical', 'line_art', 'line_circuit', 'linocut', 'marker_outline', 'mosaic', 'naivector', 'roundish_flat', 'seamless', 'segmented_colors', 'sharp_contrast', 'thin', 'vector_photo', 'vivid_shapes'] | Handle = 'None',
        size: Literal['1024x1024', '1365x1024', '1024x1365', '1536x1024', '1024x1536', '1820x1024', '1024x1820', '1024x2048', '2048x1024', '1434x1024', '1024x1434', '1024x1280', '1280x1024', '1024x1707', '1707x1024'] | Handle = '1024x1024',
        n: int | Handle = 1,
        seed: int | Handle = 0,
        negative_prompt: str | Handle = '',
        recraft_controls: Handle = ...,
        as_: str | None = None,
    ) -> Node:
        """Recraft Text to Vector (api node/image/Recraft); gives SVG"""

    def RecraftVectorizeImageNode(self, *, image: Handle, as_: str | None = None) -> Node:
        """Recraft Vectorize Image (api node/image/Recraft); gives SVG"""

    def ReferenceLatent(self, *, conditioning: Handle, latent: Handle = ..., as_: str | None = None) -> Node:
        """ReferenceLatent (advanced/conditioning/edit_models); gives CONDITIONING"""

    def RegexExtract(
        self,
        *,
        string: str | Handle,
        regex_pattern: str | Handle,
        mode: Literal['First Match', 'All Matches', 'First Group', 'All Groups'] | Handle = 'First Match',
        case_insensitive: bool | Handle = True,
        multiline: bool | Handle = False,
        dotall: bool | Handle = False,
        group_index: int | Handle = 1,
        as_: str | None = None,
    ) -> Node:
        """Regex Extract (utils/string); gives STRING"""

    def RegexMatch(
        self,
        *,
        string: str | Handle,
        regex_pattern: str | Handle,
        case_insensitive: bool | Handle = True,
        multiline: bool | Handle = False,
        dotall: bool | Handle = False,
        as_: str | None = None,
    ) -> Node:
        """Regex Match (utils/string); gives matches (BOOLEAN)"""

    def RegexReplace(
        self,
        *,
        string: str | Handle,
        regex_pattern: str | Handle,
        replace: str | Handle,
        case_insensitive: bool | Handle = True,
        multiline: bool | Handle = False,
        dotall: bool | Handle = False,
        count: int | Handle = 0,
        as_: str | None = None,
    ) -> Node:
        """Regex Replace (utils/string); gives STRING"""

    def RenormCFG(
        self,
        *,
        model: Handle,
        cfg_trunc: float | Handle = 100,
        renorm_cfg: float | Handle = 1.0,
        as_: str | None = None,
    ) -> Node:
        """RenormCFG (advanced/model); gives MODEL"""

    def RepeatImageBatch(self, *, image: Handle, amount: int | Handle = 1, as_: str | None = None) -> Node:
        """RepeatImageBatch (image/batch); gives IMAGE"""

    def RepeatLatentBatch(self, *, samples: Handle, amount: int | Handle = 1, as_: str | None = None) -> Node:
        """Repeat Latent Batch (latent/batch); gives LATENT"""

    def RescaleCFG(self, *, model: Handle, multiplier: float | Handle = 0.7, as_: str | None = None) -> Node:
        """RescaleCFG (advanced/model); gives MODEL"""

    def ResizeAndPadImage(
        self,
        *,
        image: Handle,
        target_width: int | Handle = 512,
        target_height: int | Handle = 512,
        padding_color: Literal['white', 'black'] | Handle = 'white',
        interpolation: Literal['area', 'bicubic', 'nearest-exact', 'bilinear', 'lanczos'] | Handle = 'area',
        as_: str | None = None,
    ) -> Node:
        """ResizeAndPadImage (image/transform); gives IMAGE"""

    def Rodin3D_Detail(
        self,
        *,
        Images: Handle,
        Seed: int | Handle = 0,
        Material_Type: Literal['PBR', 'Shaded'] | Handle = 'PBR',
        Polygon_count: Literal['4K-Quad', '8K-Quad', '18K-Quad', '50K-Quad', '200K-Triangle'] | Handle = '18K-Quad',
        as_: str | None = None,
    ) -> Node:
        """Rodin 3D Generate - Detail Generate (api node/3d/Rodin); gives 3D Model Path (STRING)"""

    def Rodin3D_Gen2(
        self,
        *,
        Images: Handle,
        TAPose: bool | Handle = False,
        Seed: int | Handle = 0,
        Material_Type: Literal['PBR', 'Shaded'] | Handle = 'PBR',
        Polygon_count: Literal['4K-Quad', '8K-Quad', '18K-Quad', '50K-Quad', '2K-Triangle', '20K-Triangle', '150K-Triangle', '500K-Triangle'] | Handle = '500K-Triangle',
        as_: str | None = None,
    ) -> Node:
        """Rodin 3D Generate - Gen-2 Generate (api node/3d/Rodin); gives 3D Model Path (STRING)"""

    def Rodin3D_Regular(
        self,
        *,
        Images: Handle,
        Seed: int | Handle = 0,
        Material_Type: Literal['PBR', 'Shaded'] | Handle = 'PBR',
        Polygon_count: Literal['4K-Quad', '8K-Quad', '18K-Quad', '50K-Quad', '200K-Triangle'] | Handle = '18K-Quad',
        as_: str | None = None,
    ) -> Node:
        """Rodin 3D Generate - Regular Generate (api node/3d/Rodin); gives 3D Model Path (STRING)"""

    def Rodin3D_Sketch(self, *, Images: Handle, Seed: int | Handle = 0, as_: str | None = None) -> Node:
        """Rodin 3D Generate - Sketch Generate (api node/3d/Rodin); gives 3D Model Path (STRING)"""

    def Rodin3D_Smooth(
        self,
        *,
        Images: Handle,
        Seed: int | Handle = 0,
        Material_Type: Literal['PBR', 'Shaded'] | Handle = 'PBR',
        Polygon_count: Literal['4K-Quad', '8K-Quad', '18K-Quad', '50K-Quad', '200K-Triangle'] | Handle = '18K-Quad',
        as_: str | None = None,
    ) -> Node:
        """Rodin 3D Generate - Smooth Generate (api node/3d/Rodin); gives 3D Model Path (STRING)"""

    def RunwayFirstLastFrameNode(
        self,
        *,
        start_frame: Handle,
        end_frame: Handle,
        prompt: str | Handle = '',
        duration: Literal[5, 10] | Handle = 5,
        ratio: Literal['768:1280', '1280:768'] | Handle = '768:1280',
        seed: int | Handle = 0,
        as_: str | None = None,
    ) -> Node:
        """Runway First-Last-Frame to Video (api node/video/Runway); gives VIDEO"""

    def RunwayImageToVideoNodeGen3a(
        self,
        *,
        start_frame: Handle,
        prompt: str | Handle = '',
        duration: Literal[5, 10] | Handle = 5,
        ratio: Literal['768:1280', '1280:768'] | Handle = '768:1280',
        seed: int | Handle = 0,
        as_: str | None = None,
    ) -> Node:
        """Runway Image to Video (Gen3a Turbo) (api node/video/Runway); gives VIDEO"""

    def RunwayImageToVideoNodeGen4(
        self,
        *,
        start_frame: Handle,
        prompt: str | Handle = '',
        duration: Literal[5, 10] | Handle = 5,
        ratio: Literal['1280:720', '720:1280', '1104:832', '832:1104', '960:960', '1584:672'] | Handle = '1280:720',
        seed: int | Handle = 0,
        as_: str | None = None,
    ) -> Node:
        """Runway Image to Video (Gen4 Turbo) (api node/video/Runway); gives VIDEO"""

    def RunwayTextToImageNode(
        self,
        *,
        prompt: str | Handle = '',
        ratio: Literal['1920:1080', '1080:1920', '1024:1024', '1360:768', '1080:1080', '1168:880', '1440:1080', '1080:1440', '1808:768', '2112:912'] | Handle = '1920:1080',
        reference_image: Handle = ...,
        as_: str | None = None,
    ) -> Node:
        """Runway Text to Image (api node/image/Runway); gives IMAGE"""

    def SDTurboScheduler(
        self,
        *,
        model: Handle,
        steps: int | Handle = 1,
        denoise: float | Handle = 1.0,
        as_: str | None = None,
    ) -> Node:
        """SDTurboScheduler (sampling/custom_sampling/schedulers); gives SIGMAS"""

    def SD_4XUpscale_Conditioning(
        self,
        *,
        images: Handle,
        positive: Handle,
        negative: Handle,
        scale_ratio: float | Handle = 4.0,
        noise_augmentation: float | Handle = 0.0,
        as_: str | None = None,
    ) -> Node:
        """SD_4XUpscale_Conditioning (conditioning/upscale_diffusion); gives positive (CONDITIONING), negative (CONDITIONING), latent (LATENT)"""

    def SV3D_Conditioning(
        self,
        *,
        clip_vision: Handle,
        init_image: Handle,
        vae: Handle,
        width: int | Handle = 576,
        height: int | Handle = 576,
        video_frames: int | Handle = 21,
        elevation: float | Handle = 0.0,
        as_: str | None = None,
    ) -> Node:
        """SV3D_Conditioning (conditioning/3d_models); gives positive (CONDITIONING), negative (CONDITIONING), latent (LATENT)"""

    def SVD_img2vid_Conditioning(
        self,
        *,
        clip_vision: Handle,
        init_image: Handle,
        vae: Handle,
        width: int | Handle = 1024,
        height: int | Handle = 576,
        video_frames: int | Handle = 14,
        motion_bucket_id: int | Handle = 127,
        fps: int | Handle = 6,
        augmentation_level: float | Handle = 0.0,
        as_: str | None = None,
    ) -> Node:
        """SVD_img2vid_Conditioning (conditioning/video_models); gives positive (CONDITIONING), negative (CONDITIONING), latent (LATENT)"""

    def SamplerCustom(
        self,
        *,
        model: Handle,
        positive: Handle,
        negative: Handle,
        sampler: Handle,
        sigmas: Handle,
        latent_image: Handle,
        add_noise: bool | Handle = True,
        noise_seed: int | Handle = 0,
        cfg: float | Handle = 8.0,
        as_: str | None = None,
    ) -> Node:
        """SamplerCustom (sampling/custom_sampling); gives output (LATENT), denoised_output (LATENT)"""

    def SamplerCustomAdvanced(
        self,
        *,
        noise: Handle,
        guider: Handle,
        sampler: Handle,
        sigmas: Handle,
        latent_image: Handle,
        as_: str | None = None,
    ) -> Node:
        """SamplerCustomAdvanced (sampling/custom_sampling); gives output (LATENT), denoised_output (LATENT)"""

    def SamplerDPMAdaptative(
        self,
        *,
        order: int | Handle = 3,
        rtol: float | Handle = 0.05,
        atol: float | Handle = 0.0078,
        h_init: float | Handle = 0.05,
        pcoeff: float | Handle = 0.0,
        icoeff: float | Handle = 1.0,
        dcoeff: float | Handle = 0.0,
        accept_safety: float | Handle = 0.81,
        eta: float | Handle = 0.0,
        s_noise: float | Handle = 1.0,
        as_: str | None = None,
    ) -> Node:
        """SamplerDPMAdaptative (sampling/custom_sampling/samplers); gives SAMPLER"""

    def SamplerDPMPP_2M_SDE(
        self,
        *,
        solver_type: Literal['midpoint', 'heun'] | Handle = 'midpoint',
        eta: float | Handle = 1.0,
        s_noise: float | Handle = 1.0,
        noise_device: Literal['gpu', 'cpu'] | Handle = 'gpu',
        as_: str | None = None,
    ) -> Node:
        """SamplerDPMPP_2M_SDE (sampling/custom_sampling/samplers); gives SAMPLER"""

    def SamplerDPMPP_2S_Ancestral(
        self,
        *,
        eta: float | Handle = 1.0,
        s_noise: float | Handle = 1.0,
        as_: str | None = None,
    ) -> Node:
        """SamplerDPMPP_2S_Ancestral (sampling/custom_sampling/samplers); gives SAMPLER"""

    def SamplerDPMPP_3M_SDE(
        self,
        *,
        eta: float | Handle = 1.0,
        s_noise: float | Handle = 1.0,
        noise_device: Literal['gpu', 'cpu'] | Handle = 'gpu',
        as_: str | None = None,
    ) -> Node:
        """SamplerDPMPP_3M_SDE (sampling/custom_sampling/samplers); gives SAMPLER"""

    def SamplerDPMPP_SDE(
        self,
        *,
        eta: float | Handle = 1.0,
        s_noise: float | Handle = 1.0,
        r: float | Handle = 0.5,
        noise_device: Literal['gpu', 'cpu'] | Handle = 'gpu',
        as_: str | None = None,
    ) -> Node:
        """SamplerDPMPP_SDE (sampling/custom_sampling/samplers); gives SAMPLER"""

    def SamplerER_SDE(
        self,
        *,
        solver_type: Literal['ER-SDE', 'Reverse-time SDE', 'ODE'] | Handle = 'ER-SDE',
        max_stage: int | Handle = 3,
        eta: float | Handle = 1.0,
        s_noise: float | Handle = 1.0,
        as_: str | None = None,
    ) -> Node:
        """SamplerER_SDE (sampling/custom_sampling/samplers); gives SAMPLER"""

    def SamplerEulerAncestral(
        self,
        *,
        eta: float | Handle = 1.0,
        s_noise: float | Handle = 1.0,
        as_: str | None = None,
    ) -> Node:
        """SamplerEulerAncestral (sampling/custom_sampling/samplers); gives SAMPLER"""

    def SamplerEulerAncestralCFGPP(
        self,
        *,
        eta: float | Handle = 1.0,
        s_noise: float | Handle = 1.0,
        as_: str | None = None,
    ) -> Node:
        """SamplerEulerAncestralCFG++ (sampling/custom_sampling/samplers); gives SAMPLER"""

    def SamplerEulerCFGpp(
        self,
        *,
        version: Literal['regular', 'alternative'] | Handle = 'regular',
        as_: str | None = None,
    ) -> Node:
        """SamplerEulerCFG++ (_for_testing); gives SAMPLER"""

    def SamplerLCMUpscale(
        self,
        *,
        scale_ratio: float | Handle = 1.0,
        scale_steps: int | Handle = -1,
        upscale_method: Literal['bislerp', 'nearest-exact', 'bilinear', 'area', 'bicubic'] | Handle = 'bislerp',
        as_: str | None = None,
    ) -> Node:
        """SamplerLCMUpscale (sampling/custom_sampling/samplers); gives SAMPLER"""

    def SamplerLMS(self, *, order: int | Handle = 4, as_: str | None = None) -> Node:
        """SamplerLMS (sampling/custom_sampling/samplers); gives SAMPLER"""

    def SamplerSASolver(
        self,
        *,
        model: Handle,
        use_pece: bool | Handle,
        simple_order_2: bool | Handle,
        eta: float | Handle = 1.0,
        sde_start_percent: float | Handle = 0.2,
        sde_end_percent: float | Handle = 0.8,
        s_noise: float | Handle = 1.0,
        predictor_order: int | Handle = 3,
        corrector_order: int | Handle = 4,
        as_: str | None = None,
    ) -> Node:
        """SamplerSASolver (sampling/custom_sampling/samplers); gives SAMPLER"""

    def SamplingPercentToSigma(
        self,
        *,
        model: Handle,
        sampling_percent: float | Handle = 0.0,
        return_actual_sigma: bool | Handle = False,
        as_: str | None = None,
    ) -> Node:
        """SamplingPercentToSigma (sampling/custom_sampling/sigmas); gives sigma_value (FLOAT)"""

    def SaveAnimatedPNG(
        self,
        *,
        images: Handle,
        filename_prefix: str | Handle = 'ComfyUI',
        fps: float | Handle = 6.0,
        compress_level: int | Handle = 4,
        as_: str | None = None,
    ) -> Node:
        """SaveAnimatedPNG (image/animation); gives nothing"""

    def SaveAnimatedWEBP(
        self,
        *,
        images: Handle,
        filename_prefix: str | Handle = 'ComfyUI',
        fps: float | Handle = 6.0,
        lossless: bool | Handle = True,
        quality: int | Handle = 80,
        method: Literal['default', 'fastest', 'slowest'] | Handle = 'default',
        as_: str | None = None,
    ) -> Node:
        """SaveAnimatedWEBP (image/animation); gives nothing"""

    def SaveAudio(
        self,
        *,
        audio: Handle,
        filename_prefix: str | Handle = 'audio/ComfyUI',
        as_: str | None = None,
    ) -> Node:
        """Save Audio (FLAC) (audio); gives nothing"""

    def SaveAudioMP3(
        self,
        *,
        audio: Handle,
        filename_prefix: str | Handle = 'audio/ComfyUI',
        quality: Literal['V0', '128k', '320k'] | Handle = 'V0',
        as_: str | None = None,
    ) -> Node:
        """Save Audio (MP3) (audio); gives nothing"""

    def SaveAudioOpus(
        self,
        *,
        audio: Handle,
        filename_prefix: str | Handle = 'audio/ComfyUI',
        quality: Literal['64k', '96k', '128k', '192k', '320k'] | Handle = '128k',
        as_: str | None = None,
    ) -> Node:
        """Save Audio (Opus) (audio); gives nothing"""

    def SaveGLB(self, *, mesh: Handle, filename_prefix: str | Handle = 'mesh/ComfyUI', as_: str | None = None) -> Node:
        """SaveGLB (3d); gives nothing"""

    def SaveImage(self, *, images: Handle, filename_prefix: str | Handle = 'ComfyUI', as_: str | None = None) -> Node:
        """Save Image (image); gives nothing"""

    def SaveImageWebsocket(self, *, images: Handle, as_: str | None = None) -> Node:
        """SaveImageWebsocket (api/image); gives nothing"""

    def SaveLatent(
        self,
        *,
        samples: Handle,
        filename_prefix: str | Handle = 'latents/ComfyUI',
        as_: str | None = None,
    ) -> Node:
        """SaveLatent (_for_testing); gives nothing"""

    def SaveLoRANode(
        self,
        *,
        lora: Handle,
        prefix: str | Handle = 'loras/ComfyUI_trained_lora',
        steps: int | Handle = ...,
        as_: str | None = None,
    ) -> Node:
        """Save LoRA Weights (loaders); gives nothing"""

    def SaveSVGNode(
        self,
        *,
        svg: Handle,
        filename_prefix: str | Handle = 'svg/ComfyUI',
        as_: str | None = None,
    ) -> Node:
        """SaveSVGNode (image/save); gives nothing"""

    def SaveVideo(
        self,
        *,
        video: Handle,
        filename_prefix: str | Handle = 'video/ComfyUI',
        format: Literal['auto', 'mp4'] | Handle = 'auto',
        codec: Literal['auto', 'h264'] | Handle = 'auto',
        as_: str | None = None,
    ) -> Node:
        """Save Video (image/video); gives nothing"""

    def SaveWEBM(
        self,
        *,
        images: Handle,
        filename_prefix: str | Handle = 'ComfyUI',
        codec: Literal['vp9', 'av1'] | Handle = 'vp9',
        fps: float | Handle = 24.0,
        crf: float | Handle = 32.0,
        as_: str | None = None,
    ) -> Node:
        """SaveWEBM (image/video); gives nothing"""

    def SelfAttentionGuidance(
        self,
        *,
        model: Handle,
        scale: float | Handle = 0.5,
        blur_sigma: float | Handle = 2.0,
        as_: str | None = None,
    ) -> Node:
        """Self-Attention Guidance (_for_testing); gives MODEL"""

    def SetClipHooks(
        self,
        *,
        clip: Handle,
        apply_to_conds: bool | Handle = True,
        schedule_clip: bool | Handle = False,
        hooks: Handle = ...,
        as_: str | None = None,
    ) -> Node:
        """Set CLIP Hooks (advanced/hooks/clip); gives CLIP"""

    def SetFirstSigma(self, *, sigmas: Handle, sigma: float | Handle = 136.0, as_: str | None = None) -> Node:
        """SetFirstSigma (sampling/custom_sampling/sigmas); gives SIGMAS"""

    def SetHookKeyframes(self, *, hooks: Handle, hook_kf: Handle = ..., as_: str | None = None) -> Node:
        """Set Hook Keyframes (advanced/hooks/scheduling); gives HOOKS"""

    def SetLatentNoiseMask(self, *, samples: Handle, mask: Handle, as_: str | None = None) -> Node:
        """Set Latent Noise Mask (latent/inpaint); gives LATENT"""

    def SetUnionControlNetType(
        self,
        *,
        control_net: Handle,
        type: Literal['auto', 'openpose', 'depth', 'hed/pidi/scribble/ted', 'canny/lineart/anime_lineart/mlsd', 'normal', 'segment', 'tile', 'repaint'] | Handle = 'auto',
        as_: str | None = None,
    ) -> Node:
        """SetUnionControlNetType (conditioning/controlnet); gives CONTROL_NET"""

    def SkipLayerGuidanceDiT(
        self,
        *,
        model: Handle,
        double_layers: str | Handle = '7, 8, 9',
        single_layers: str | Handle = '7, 8, 9',
        scale: float | Handle = 3.0,
        start_percent: float | Handle = 0.01,
        end_percent: float | Handle = 0.15,
        rescaling_scale: float | Handle = 0.0,
        as_: str | None = None,
    ) -> Node:
        """SkipLayerGuidanceDiT (advanced/guidance); gives MODEL"""

    def SkipLayerGuidanceDiTSimple(
        self,
        *,
        model: Handle,
        double_layers: str | Handle = '7, 8, 9',
        single_layers: str | Handle = '7, 8, 9',
        start_percent: float | Handle = 0.0,
        end_percent: float | Handle = 1.0,
        as_: str | None = None,
    ) -> Node:
        """SkipLayerGuidanceDiTSimple (advanced/guidance); gives MODEL"""

    def SkipLayerGuidanceSD3(
        self,
        *,
        model: Handle,
        layers: str | Handle = '7, 8, 9',
        scale: float | Handle = 3.0,
        start_percent: float | Handle = 0.01,
        end_percent: float | Handle = 0.15,
        as_: str | None = None,
    ) -> Node:
        """SkipLayerGuidanceSD3 (advanced/guidance); gives MODEL"""

    def SolidMask(
        self,
        *,
        value: float | Handle = 1.0,
        width: int | Handle = 512,
        height: int | Handle = 512,
        as_: str | None = None,
    ) -> Node:
        """SolidMask (mask); gives MASK"""

    def SplitAudioChannels(self, *, audio: Handle, as_: str | None = None) -> Node:
        """Split Audio Channels (audio); gives left (AUDIO), right (AUDIO)"""

    def SplitImageWithAlpha(self, *, image: Handle, as_: str | None = None) -> Node:
        """Split Image with Alpha (mask/compositing); gives IMAGE, MASK"""

    def SplitSigmas(self, *, sigmas: Handle, step: int | Handle = 0, as_: str | None = None) -> Node:
        """SplitSigmas (sampling/custom_sampling/sigmas); gives high_sigmas (SIGMAS), low_sigmas (SIGMAS)"""

    def SplitSigmasDenoise(self, *, sigmas: Handle, denoise: float | Handle = 1.0, as_: str | None = None) -> Node:
        """SplitSigmasDenoise (sampling/custom_sampling/sigmas); gives high_sigmas (SIGMAS), low_sigmas (SIGMAS)"""

    def StabilityAudioInpaint(
        self,
        *,
        audio: Handle,
        model: Literal['stable-audio-2.5'] | Handle = 'stable-audio-2.5',
        prompt: str | Handle = '',
        duration: int | Handle = 190,
        seed: int | Handle = 0,
        steps: int | Handle = 8,
        mask_start: int | Handle = 30,
        mask_end: int | Handle = 190,
        as_: str | None = None,
    ) -> Node:
        """Stability AI Audio Inpaint (api node/audio/Stability AI); gives AUDIO"""

    def StabilityAudioToAudio(
        self,
        *,
        audio: Handle,
        model: Literal['stable-audio-2.5'] | Handle = 'stable-audio-2.5',
        prompt: str | Handle = '',
        duration: int | Handle = 190,
        seed: int | Handle = 0,
        steps: int | Handle = 8,
        strength: float | Handle = 1,
        as_: str | None = None,
    ) -> Node:
        """Stability AI Audio To Audio (api node/audio/Stability AI); gives AUDIO"""

    def StabilityStableImageSD_3_5Node(
        self,
        *,
        prompt: str | Handle = '',
        model: Literal['sd3.5-large', 'sd3.5-medium'] | Handle = 'sd3.5-large',
        aspect_ratio: Literal['1:1', '16:9', '9:16', '3:2', '2:3', '5:4', '4:5', '21:9', '9:21'] | Handle = '1:1',
        style_preset: Literal['None', '3d-model', 'analog-film', 'anime', 'cinematic', 'comic-book', 'digital-art', 'enhance', 'fantasy-art', 'isometric', 'line-art', 'low-poly', 'modeling-compound', 'neon-punk', 'origami', 'photographic', 'pixel-art', 'tile-texture'] | Handle = 'None',
        cfg_scale: float | Handle = 4.0,
        seed: int | Handle = 0,
        image: Handle = ...,
        negative_prompt: str | Handle = '',
        image_denoise: float | Handle = 0.5,
        as_: str | None = None,
    ) -> Node:
        """Stability AI Stable Diffusion 3.5 Image (api node/image/Stability AI); gives IMAGE"""

    def StabilityStableImageUltraNode(
        self,
        *,
        prompt: str | Handle = '',
        aspect_ratio: Literal['1:1', '16:9', '9:16', '3:2', '2:3', '5:4', '4:5', '21:9', '9:21'] | Handle = '1:1',
        style_preset: Literal['None', '3d-model', 'analog-film', 'anime', 'cinematic', 'comic-book', 'digital-art', 'enhance', 'fantasy-art', 'isometric', 'line-art', 'low-poly', 'modeling-compound', 'neon-punk', 'origami', 'photographic', 'pixel-art', 'tile-texture'] | Handle = 'None',
        seed: int | Handle = 0,
        image: Handle = ...,
        negative_prompt: str | Handle = '',
        image_denoise: float | Handle = 0.5,
        as_: str | None = None,
    ) -> Node:
        """Stability AI Stable Image Ultra (api node/image/Stability AI); gives IMAGE"""

    def StabilityTextToAudio(
        self,
        *,
        model: Literal['stable-audio-2.5'] | Handle = 'stable-audio-2.5',
        prompt: str | Handle = '',
        duration: int | Handle = 190,
        seed: int | Handle = 0,
        steps: int | Handle = 8,
        as_: str | None = None,
    ) -> Node:
        """Stability AI Text To Audio (api node/audio/Stability AI); gives AUDIO"""

    def StabilityUpscaleConservativeNode(
        self,
        *,
        image: Handle,
        prompt: str | Handle = '',
        creativity: float | Handle = 0.35,
        seed: int | Handle = 0,
        negative_prompt: str | Handle = '',
        as_: str | None = None,
    ) -> Node:
        """Stability AI Upscale Conservative (api node/image/Stability AI); gives IMAGE"""

    def StabilityUpscaleCreativeNode(
        self,
        *,
        image: Handle,
        prompt: str | Handle = '',
        creativity: float | Handle = 0.3,
        style_preset: Literal['None', '3d-model', 'analog-film', 'anime', 'cinematic', 'comic-book', 'digital-art', 'enhance', 'fantasy-art', 'isometric', 'line-art', 'low-poly', 'modeling-compound', 'neon-punk', 'origami', 'photographic', 'pixel-art', 'tile-texture'] | Handle = 'None',
        seed: int | Handle = 0,
        negative_prompt: str | Handle = '',
        as_: str | None = None,
    ) -> Node:
        """Stability AI Upscale Creative (api node/image/Stability AI); gives IMAGE"""

    def StabilityUpscaleFastNode(self, *, image: Handle, as_: str | None = None) -> Node:
        """Stability AI Upscale Fast (api node/image/Stability AI); gives IMAGE"""

    def StableCascade_EmptyLatentImage(
        self,
        *,
        width: int | Handle = 1024,
        height: int | Handle = 1024,
        compression: int | Handle = 42,
        batch_size: int | Handle = 1,
        as_: str | None = None,
    ) -> Node:
        """StableCascade_EmptyLatentImage (latent/stable_cascade); gives stage_c (LATENT), stage_b (LATENT)"""

    def StableCascade_StageB_Conditioning(
        self,
        *,
        conditioning: Handle,
        stage_c: Handle,
        as_: str | None = None,
    ) -> Node:
        """StableCascade_StageB_Conditioning (conditioning/stable_cascade); gives CONDITIONING"""

    def StableCascade_StageC_VAEEncode(
        self,
        *,
        image: Handle,
        vae: Handle,
        compression: int | Handle = 42,
        as_: str | None = None,
    ) -> Node:
        """StableCascade_StageC_VAEEncode (latent/stable_cascade); gives stage_c (LATENT), stage_b (LATENT)"""

    def StableCascade_SuperResolutionControlnet(self, *, image: Handle, vae: Handle, as_: str | None = None) -> Node:
        """StableCascade_SuperResolutionControlnet (_for_testing/stable_cascade); gives controlnet_input (IMAGE), stage_c (LATENT), stage_b (LATENT)"""

    def StableZero123_Conditioning(
        self,
        *,
        clip_vision: Handle,
        init_image: Handle,
        vae: Handle,
        width: int | Handle = 256,
        height: int | Handle = 256,
        batch_size: int | Handle = 1,
        elevation: float | Handle = 0.0,
        azimuth: float | Handle = 0.0,
        as_: str | None = None,
    ) -> Node:
        """StableZero123_Conditioning (conditioning/3d_models); gives positive (CONDITIONING), negative (CONDITIONING), latent (LATENT)"""

    def StableZero123_Conditioning_Batched(
        self,
        *,
        clip_vision: Handle,
        init_image: Handle,
        vae: Handle,
        width: int | Handle = 256,
        height: int | Handle = 256,
        batch_size: int | Handle = 1,
        elevation: float | Handle = 0.0,
        azimuth: float | Handle = 0.0,
        elevation_batch_increment: float | Handle = 0.0,
        azimuth_batch_increment: float | Handle = 0.0,
        as_: str | None = None,
    ) -> Node:
        """StableZero123_Conditioning_Batched (conditioning/3d_models); gives positive (CONDITIONING), negative (CONDITIONING), latent (LATENT)"""

    def StringCompare(
        self,
        *,
        string_a: str | Handle,
        string_b: str | Handle,
        mode: Literal['Starts With', 'Ends With', 'Equal'] | Handle = 'Starts With',
        case_sensitive: bool | Handle = True,
        as_: str | None = None,
    ) -> Node:
        """Compare (utils/string); gives BOOLEAN"""

    def StringConcatenate(
        self,
        *,
        string_a: str | Handle,
        string_b: str | Handle,
        delimiter: str | Handle = '',
        as_: str | None = None,
    ) -> Node:
        """Concatenate (utils/string); gives STRING"""

    def StringContains(
        self,
        *,
        string: str | Handle,
        substring: str | Handle,
        case_sensitive: bool | Handle = True,
        as_: str | None = None,
    ) -> Node:
        """Contains (utils/string); gives contains (BOOLEAN)"""

    def StringLength(self, *, string: str | Handle, as_: str | None = None) -> Node:
        """Length (utils/string); gives length (INT)"""

    def StringReplace(
        self,
        *,
        string: str | Handle,
        find: str | Handle,
        replace: str | Handle,
        as_: str | None = None,
    ) -> Node:
        """Replace (utils/string); gives STRING"""

    def StringSubstring(
        self,
        *,
        string: str | Handle,
        start: int | Handle,
        end: int | Handle,
        as_: str | None = None,
    ) -> Node:
        """Substring (utils/string); gives STRING"""

    def StringTrim(
        self,
        *,
        string: str | Handle,
        mode: Literal['Both', 'Left', 'Right'] | Handle = 'Both',
        as_: str | None = None,
    ) -> Node:
        """Trim (utils/string); gives STRING"""

    def StyleModelApply(
        self,
        *,
        conditioning: Handle,
        style_model: Handle,
        clip_vision_output: Handle,
        strength: float | Handle = 1.0,
        strength_type: Literal['multiply', 'attn_bias'] | Handle = 'multiply',
        as_: str | None = None,
    ) -> Node:
        """Apply Style Model (conditioning/style_model); gives CONDITIONING"""

    def StyleModelLoader(self, *, style_model_name: str | Handle, as_: str | None = None) -> Node:
        """Load Style Model (loaders); gives STYLE_MODEL"""

    def T5TokenizerOptions(
        self,
        *,
        clip: Handle,
        min_padding: int | Handle = 0,
        min_length: int | Handle = 0,
        as_: str | None = None,
    ) -> Node:
        """T5TokenizerOptions (_for_testing/conditioning); gives CLIP"""

    def TCFG(self, *, model: Handle, as_: str | None = None) -> Node:
        """Tangential Damping CFG (advanced/guidance); gives patched_model (MODEL)"""

    def TextEncodeAceStepAudio(
        self,
        *,
        clip: Handle,
        tags: str | Handle,
        lyrics: str | Handle,
        lyrics_strength: float | Handle = 1.0,
        as_: str | None = None,
    ) -> Node:
        """TextEncodeAceStepAudio (conditioning); gives CONDITIONING"""

    def TextEncodeHunyuanVideo_ImageToVideo(
        self,
        *,
        clip: Handle,
        clip_vision_output: Handle,
        prompt: str | Handle,
        image_interleave: int | Handle = 2,
        as_: str | None = None,
    ) -> Node:
        """TextEncodeHunyuanVideo_ImageToVideo (advanced/conditioning); gives CONDITIONING"""

    def TextEncodeQwenImageEdit(
        self,
        *,
        clip: Handle,
        prompt: str | Handle,
        vae: Handle = ...,
        image: Handle = ...,
        as_: str | None = None,
    ) -> Node:
        """TextEncodeQwenImageEdit (advanced/conditioning); gives CONDITIONING"""

    def TextEncodeQwenImageEditPlus(
        self,
        *,
        clip: Handle,
        prompt: str | Handle,
        vae: Handle = ...,
        image1: Handle = ...,
        image2: Handle = ...,
        image3: Handle = ...,
        as_: str | None = None,
    ) -> Node:
        """TextEncodeQwenImageEditPlus (advanced/conditioning); gives CONDITIONING"""

    def ThresholdMask(self, *, mask: Handle, value: float | Handle = 0.5, as_: str | None = None) -> Node:
        """ThresholdMask (mask); gives MASK"""

    def TomePatchModel(self, *, model: Handle, ratio: float | Handle = 0.3, as_: str | None = None) -> Node:
        """TomePatchModel (model_patches/unet); gives MODEL"""

    def TorchCompileModel(
        self,
        *,
        model: Handle,
        backend: Literal['inductor', 'cudagraphs'] | Handle = 'inductor',
        as_: str | None = None,
    ) -> Node:
        """TorchCompileModel (_for_testing); gives MODEL"""

    def TrainLoraNode(
        self,
        *,
        model: Handle,
        latents: Handle,
        positive: Handle,
        batch_size: int | Handle = 1,
        grad_accumulation_steps: int | Handle = 1,
        steps: int | Handle = 16,
        learning_rate: float | Handle = 0.0005,
        rank: int | Handle = 8,
        optimizer: Literal['AdamW', 'Adam', 'SGD', 'RMSprop'] | Handle = 'AdamW',
        loss_function: Literal['MSE', 'L1', 'Huber', 'SmoothL1'] | Handle = 'MSE',
        seed: int | Handle = 0,
        training_dtype: Literal['bf16', 'fp32'] | Handle = 'bf16',
        lora_dtype: Literal['bf16', 'fp32'] | Handle = 'bf16',
        algorithm: Literal['LoRA', 'LoHa', 'LoKr', 'OFT'] | Handle = 'LoRA',
        gradient_checkpointing: bool | Handle = True,
        existing_lora: str | Handle = ...,
        as_: str | None = None,
    ) -> Node:
        """Train LoRA (training); gives model_with_lora (MODEL), lora (LORA_MODEL), loss (LOSS_MAP), steps (INT)"""

    def TrimAudioDuration(
        self,
        *,
        audio: Handle,
        start_index: float | Handle = 0.0,
        duration: float | Handle = 60.0,
        as_: str | None = None,
    ) -> Node:
        """Trim Audio Duration (audio); gives AUDIO"""

    def TrimVideoLatent(self, *, samples: Handle, trim_amount: int | Handle = 0, as_: str | None = None) -> Node:
        """TrimVideoLatent (latent/video); gives LATENT"""

    def TripleCLIPLoader(
        self,
        *,
        clip_name1: str | Handle,
        clip_name2: str | Handle,
        clip_name3: str | Handle,
        as_: str | None = None,
    ) -> Node:
        """TripleCLIPLoader (advanced/loaders); gives CLIP"""

    def TripleCLIPLoaderGGUF(
        self,
        *,
        clip_name1: str | Handle,
        clip_name2: str | Handle,
        clip_name3: str | Handle,
        as_: str | None = None,
    ) -> Node:
        """TripleCLIPLoader (GGUF) (bootleg); gives CLIP"""

    def TripoConversionNode(
        self,
        *,
        original_model_task_id: Handle,
        format: Literal['GLTF', 'USDZ', 'FBX', 'OBJ', 'STL', '3MF'] | Handle = 'GLTF',
        quad: bool | Handle = False,
        face_limit: int | Handle = -1,
        texture_size: int | Handle = 4096,
        texture_format: Literal['BMP', 'DPX', 'HDR', 'JPEG', 'OPEN_EXR', 'PNG', 'TARGA', 'TIFF', 'WEBP'] | Handle = 'JPEG',
        as_: str | None = None,
    ) -> Node:
        """Tripo: Convert model (api node/3d/Tripo); gives nothing"""

    def TripoImageToModelNode(
        self,
        *,
        image: Handle,
        model_version: Literal['v2.5-20250123', 'v2.0-20240919', 'v1.4-20240625'] | Handle = ...,
        style: Literal['person:person2cartoon', 'animal:venom', 'object:clay', 'object:steampunk', 'object:christmas', 'object:barbie', 'gold', 'ancient_bronze', 'None'] | Handle = 'None',
        texture: bool | Handle = True,
        pbr: bool | Handle = True,
        model_seed: int | Handle = 42,
        orientation: Literal['align_image', 'default'] | Handle = 'default',
        texture_seed: int | Handle = 42,
        texture_quality: Literal['standard', 'detailed'] | Handle = 'standard',
        texture_alignment: Literal['original_image', 'geometry'] | Handle = 'original_image',
        face_limit: int | Handle = -1,
        quad: bool | Handle = False,
        as_: str | None = None,
    ) -> Node:
        """Tripo: Image to Model (api node/3d/Tripo); gives model_file (STRING), model task_id (MODEL_TASK_ID)"""

    def TripoMultiviewToModelNode(
        self,
        *,
        image: Handle,
        image_left: Handle = ...,
        image_back: Handle = ...,
        image_right: Handle = ...,
        model_version: Literal['v2.5-20250123', 'v2.0-20240919', 'v1.4-20240625'] | Handle = ...,
        orientation: Literal['align_image', 'default'] | Handle = 'default',
        texture: bool | Handle = True,
        pbr: bool | Handle = True,
        model_seed: int | Handle = 42,
        texture_seed: int | Handle = 42,
        texture_quality: Literal['standard', 'detailed'] | Handle = 'standard',
        texture_alignment: Literal['original_image', 'geometry'] | Handle = 'original_image',
        face_limit: int | Handle = -1,
        quad: bool | Handle = False,
        as_: str | None = None,
    ) -> Node:
        """Tripo: Multiview to Model (api node/3d/Tripo); gives model_file (STRING), model task_id (MODEL_TASK_ID)"""

    def TripoRefineNode(self, *, model_task_id: Handle, as_: str | None = None) -> Node:
        """Tripo: Refine Draft model (api node/3d/Tripo); gives model_file (STRING), model task_id (MODEL_TASK_ID)"""

    def TripoRetargetNode(
        self,
        *,
        original_model_task_id: Handle,
        animation: Literal['preset:idle', 'preset:walk', 'preset:climb', 'preset:jump', 'preset:slash', 'preset:shoot', 'preset:hurt', 'preset:fall', 'preset:turn'] | Handle = 'preset:idle',
        as_: str | None = None,
    ) -> Node:
        """Tripo: Retarget rigged model (api node/3d/Tripo); gives model_file (STRING), retarget task_id (RETARGET_TASK_ID)"""

    def TripoRigNode(self, *, original_model_task_id: Handle, as_: str | None = None) -> Node:
        """Tripo: Rig model (api node/3d/Tripo); gives model_file (STRING), rig task_id (RIG_TASK_ID)"""

    def TripoTextToModelNode(
        self,
        *,
        prompt: str | Handle,
        negative_prompt: str | Handle = ...,
        model_version: Literal['v2.5-20250123', 'v2.0-20240919', 'v1.4-20240625'] | Handle = 'v2.5-20250123',
        style: Literal['person:person2cartoon', 'animal:venom', 'object:clay', 'object:steampunk', 'object:christmas', 'object:barbie', 'gold', 'ancient_bronze', 'None'] | Handle = 'None',
        texture: bool | Handle = True,
        pbr: bool | Handle = True,
        image_seed: int | Handle = 42,
        model_seed: int | Handle = 42,
        texture_seed: int | Handle = 42,
        texture_quality: Literal['standard', 'detailed'] | Handle = 'standard',
        face_limit: int | Handle = -1,
        quad: bool | Handle = False,
        as_: str | None = None,
    ) -> Node:
        """Tripo: Text to Model (api node/3d/Tripo); gives model_file (STRING), model task_id (MODEL_TASK_ID)"""

    def TripoTextureNode(
        self,
        *,
        model_task_id: Handle,
        texture: bool | Handle = True,
        pbr: bool | Handle = True,
        texture_seed: int | Handle = 42,
        texture_quality: Literal['standard', 'detailed'] | Handle = 'standard',
        texture_alignment: Literal['original_image', 'geometry'] | Handle = 'original_image',
        as_: str | None = None,
    ) -> Node:
        """Tripo: Texture model (api node/3d/Tripo); gives model_file (STRING), model task_id (MODEL_TASK_ID)"""

    def UNETLoader(
        self,
        *,
        unet_name: str | Handle,
        weight_dtype: Literal['default', 'fp8_e4m3fn', 'fp8_e4m3fn_fast', 'fp8_e5m2'] | Handle = 'default',
        as_: str | None = None,
    ) -> Node:
        """Load Diffusion Model (advanced/loaders); gives MODEL"""

    def UNetCrossAttentionMultiply(
        self,
        *,
        model: Handle,
        q: float | Handle = 1.0,
        k: float | Handle = 1.0,
        v: float | Handle = 1.0,
        out: float | Handle = 1.0,
        as_: str | None = None,
    ) -> Node:
        """UNetCrossAttentionMultiply (_for_testing/attention_experiments); gives MODEL"""

    def UNetSelfAttentionMultiply(
        self,
        *,
        model: Handle,
        q: float | Handle = 1.0,
        k: float | Handle = 1.0,
        v: float | Handle = 1.0,
        out: float | Handle = 1.0,
        as_: str | None = None,
    ) -> Node:
        """UNetSelfAttentionMultiply (_for_testing/attention_experiments); gives MODEL"""

    def UNetTemporalAttentionMultiply(
        self,
        *,
        model: Handle,
        self_structural: float | Handle = 1.0,
        self_temporal: float | Handle = 1.0,
        cross_structural: float | Handle = 1.0,
        cross_temporal: float | Handle = 1.0,
        as_: str | None = None,
    ) -> Node:
        """UNetTemporalAttentionMultiply (_for_testing/attention_experiments); gives MODEL"""

    def USOStyleReference(
        self,
        *,
        model: Handle,
        model_patch: Handle,
        clip_vision_output: Handle,
        as_: str | None = None,
    ) -> Node:
        """USOStyleReference (advanced/model_patches/flux); gives MODEL"""

    def UltimateSDUpscale(
        self,
        *,
        image: Handle,
        model: Handle,
        positive: Handle,
        negative: Handle,
        vae: Handle,
        upscale_model: Handle,
        upscale_by: float | Handle = 2,
        seed: int | Handle = 0,
        steps: int | Handle = 20,
        cfg: float | Handle = 8.0,
        sampler_name: Literal['euler', 'euler_cfg_pp', 'euler_ancestral', 'euler_ancestral_cfg_pp', 'heun', 'heunpp2', 'dpm_2', 'dpm_2_ancestral', 'lms', 'dpm_fast', 'dpm_adaptive', 'dpmpp_2s_ancestral', 'dpmpp_2s_ancestral_cfg_pp', 'dpmpp_sde', 'dpmpp_sde_gpu', 'dpmpp_2m', 'dpmpp_2m_cfg_pp', 'dpmpp_2m_sde', 'dpmpp_2m_sde_gpu', 'dpmpp_2m_sde_heun', 'dpmpp_2m_sde_heun_gpu', 'dpmpp_3m_sde', 'dpmpp_3m_sde_gpu', 'ddpm', 'lcm', 'ipndm', 'ipndm_v', 'deis', 'res_multistep', 'res_multistep_cfg_pp', 'res_multistep_ancestral', 'res_multistep_ancestral_cfg_pp', 'gradient_estimation', 'gradient_estimation_cfg_pp', 'er_sde', 'seeds_2', 'seeds_3', 'sa_solver', 'sa_solver_pece', 'ddim', 'uni_pc', 'uni_pc_bh2'] | Handle = 'euler',
        scheduler: Literal['simple', 'sgm_uniform', 'karras', 'exponential', 'ddim_uniform', 'beta', 'normal', 'linear_quadratic', 'kl_optimal'] | Handle = 'simple',
        denoise: float | Handle = 0.2,
        mode_type: Literal['Linear', 'Chess', 'None'] | Handle = 'Linear',
        tile_width: int | Handle = 512,
        tile_height: int | Handle = 512,
        mask_blur: int | Handle = 8,
        tile_padding: int | Handle = 32,
        seam_fix_mode: Literal['None', 'Band Pass', 'Half Tile', 'Half Tile + Intersections'] | Handle = 'None',
        seam_fix_denoise: float | Handle = 1.0,
        seam_fix_width: int | Handle = 64,
        seam_fix_mask_blur: int | Handle = 8,
        seam_fix_padding: int | Handle = 16,
        force_uniform_tiles: bool | Handle = True,
        tiled_decode: bool | Handle = False,
        batch_size: int | Handle = 1,
        as_: str | None = None,
    ) -> Node:
        """Ultimate SD Upscale (image/upscaling); gives IMAGE"""

    def UltimateSDUpscaleCustomSample(
        self,
        *,
        image: Handle,
        model: Handle,
        positive: Handle,
        negative: Handle,
        vae: Handle,
        upscale_by: float | Handle = 2,
        seed: int | Handle = 0,
        steps: int | Handle = 20,
        cfg: float | Handle = 8.0,
        sampler_name: Literal['euler', 'euler_cfg_pp', 'euler_ancestral', 'euler_ancestral_cfg_pp', 'heun', 'heunpp2', 'dpm_2', 'dpm_2_ancestral', 'lms', 'dpm_fast', 'dpm_adaptive', 'dpmpp_2s_ancestral', 'dpmpp_2s_ancestral_cfg_pp', 'dpmpp_sde', 'dpmpp_sde_gpu', 'dpmpp_2m', 'dpmpp_2m_cfg_pp', 'dpmpp_2m_sde', 'dpmpp_2m_sde_gpu', 'dpmpp_2m_sde_heun', 'dpmpp_2m_sde_heun_gpu', 'dpmpp_3m_sde', 'dpmpp_3m_sde_gpu', 'ddpm', 'lcm', 'ipndm', 'ipndm_v', 'deis', 'res_multistep', 'res_multistep_cfg_pp', 'res_multistep_ancestral', 'res_multistep_ancestral_cfg_pp', 'gradient_estimation', 'gradient_estimation_cfg_pp', 'er_sde', 'seeds_2', 'seeds_3', 'sa_solver', 'sa_solver_pece', 'ddim', 'uni_pc', 'uni_pc_bh2'] | Handle = 'euler',
        scheduler: Literal['simple', 'sgm_uniform', 'karras', 'exponential', 'ddim_uniform', 'beta', 'normal', 'linear_quadratic', 'kl_optimal'] | Handle = 'simple',
        denoise: float | Handle = 0.2,
        mode_type: Literal['Linear', 'Chess', 'None'] | Handle = 'Linear',
        tile_width: int | Handle = 512,
        tile_height: int | Handle = 512,
        mask_blur: int | Handle = 8,
        tile_padding: int | Handle = 32,
        seam_fix_mode: Literal['None', 'Band Pass', 'Half Tile', 'Half Tile + Intersections'] | Handle = 'None',
        seam_fix_denoise: float | Handle = 1.0,
        seam_fix_width: int | Handle = 64,
        seam_fix_mask_blur: int | Handle = 8,
        seam_fix_padding: int | Handle = 16,
        force_uniform_tiles: bool | Handle = True,
        tiled_decode: bool | Handle = False,
        batch_size: int | Handle = 1,
        upscale_model: Handle = ...,
        custom_sampler: Handle = ...,
        custom_sigmas: Handle = ...,
        as_: str | None = None,
    ) -> Node:
        """Ultimate SD Upscale (Custom Sample) (image/upscaling); gives IMAGE"""

    def UltimateSDUpscaleNoUpscale(
        self,
        *,
        upscaled_image: Handle,
        model: Handle,
        positive: Handle,
        negative: Handle,
        vae: Handle,
        seed: int | Handle = 0,
        steps: int | Handle = 20,
        cfg: float | Handle = 8.0,
        sampler_name: Literal['euler', 'euler_cfg_pp', 'euler_ancestral', 'euler_ancestral_cfg_pp', 'heun', 'heunpp2', 'dpm_2', 'dpm_2_ancestral', 'lms', 'dpm_fast', 'dpm_adaptive', 'dpmpp_2s_ancestral', 'dpmpp_2s_ancestral_cfg_pp', 'dpmpp_sde', 'dpmpp_sde_gpu', 'dpmpp_2m', 'dpmpp_2m_cfg_pp', 'dpmpp_2m_sde', 'dpmpp_2m_sde_gpu', 'dpmpp_2m_sde_heun', 'dpmpp_2m_sde_heun_gpu', 'dpmpp_3m_sde', 'dpmpp_3m_sde_gpu', 'ddpm', 'lcm', 'ipndm', 'ipndm_v', 'deis', 'res_multistep', 'res_multistep_cfg_pp', 'res_multistep_ancestral', 'res_multistep_ancestral_cfg_pp', 'gradient_estimation', 'gradient_estimation_cfg_pp', 'er_sde', 'seeds_2', 'seeds_3', 'sa_solver', 'sa_solver_pece', 'ddim', 'uni_pc', 'uni_pc_bh2'] | Handle = 'euler',
        scheduler: Literal['simple', 'sgm_uniform', 'karras', 'exponential', 'ddim_uniform', 'beta', 'normal', 'linear_quadratic', 'kl_optimal'] | Handle = 'simple',
        denoise: float | Handle = 0.2,
        mode_type: Literal['Linear', 'Chess', 'None'] | Handle = 'Linear',
        tile_width: int | Handle = 512,
        tile_height: int | Handle = 512,
        mask_blur: int | Handle = 8,
        tile_padding: int | Handle = 32,
        seam_fix_mode: Literal['None', 'Band Pass', 'Half Tile', 'Half Tile + Intersections'] | Handle = 'None',
        seam_fix_denoise: float | Handle = 1.0,
        seam_fix_width: int | Handle = 64,
        seam_fix_mask_blur: int | Handle = 8,
        seam_fix_padding: int | Handle = 16,
        force_uniform_tiles: bool | Handle = True,
        tiled_decode: bool | Handle = False,
        batch_size: int | Handle = 1,
        as_: str | None = None,
    ) -> Node:
        """Ultimate SD Upscale (No Upscale) (image/upscaling); gives IMAGE"""

    def UnetLoaderGGUF(self, *, unet_name: str | Handle, as_: str | None = None) -> Node:
        """Unet Loader (GGUF) (bootleg); gives MODEL"""

    def UnetLoaderGGUFAdvanced(
        self,
        *,
        unet_name: str | Handle,
        dequant_dtype: Literal['default', 'target', 'float32', 'float16', 'bfloat16'] | Handle = 'default',
        patch_dtype: Literal['default', 'target', 'float32', 'float16', 'bfloat16'] | Handle = 'default',
        patch_on_device: bool | Handle = False,
        as_: str | None = None,
    ) -> Node:
        """Unet Loader (GGUF/Advanced) (bootleg); gives MODEL"""

    def UpscaleModelLoader(self, *, model_name: str | Handle, as_: str | None = None) -> Node:
        """Load Upscale Model (loaders); gives UPSCALE_MODEL"""

    def VAEDecode(self, *, samples: Handle, vae: Handle, as_: str | None = None) -> Node:
        """VAE Decode (latent); gives IMAGE"""

    def VAEDecodeAudio(self, *, samples: Handle, vae: Handle, as_: str | None = None) -> Node:
        """VAE Decode Audio (latent/audio); gives AUDIO"""

    def VAEDecodeHunyuan3D(
        self,
        *,
        samples: Handle,
        vae: Handle,
        num_chunks: int | Handle = 8000,
        octree_resolution: int | Handle = 256,
        as_: str | None = None,
    ) -> Node:
        """VAEDecodeHunyuan3D (latent/3d); gives VOXEL"""

    def VAEDecodeTiled(
        self,
        *,
        samples: Handle,
        vae: Handle,
        tile_size: int | Handle = 512,
        overlap: int | Handle = 64,
        temporal_size: int | Handle = 64,
        temporal_overlap: int | Handle = 8,
        as_: str | None = None,
    ) -> Node:
        """VAE Decode (Tiled) (_for_testing); gives IMAGE"""

    def VAEEncode(self, *, pixels: Handle, vae: Handle, as_: str | None = None) -> Node:
        """VAE Encode (latent); gives LATENT"""

    def VAEEncodeAudio(self, *, audio: Handle, vae: Handle, as_: str | None = None) -> Node:
        """VAE Encode Audio (latent/audio); gives LATENT"""

    def VAEEncodeForInpaint(
        self,
        *,
        pixels: Handle,
        vae: Handle,
        mask: Handle,
        grow_mask_by: int | Handle = 6,
        as_: str | None = None,
    ) -> Node:
        """VAE Encode (for Inpainting) (latent/inpaint); gives LATENT"""

    def VAEEncodeTiled(
        self,
        *,
        pixels: Handle,
        vae: Handle,
        tile_size: int | Handle = 512,
        overlap: int | Handle = 64,
        temporal_size: int | Handle = 64,
        temporal_overlap: int | Handle = 8,
        as_: str | None = None,
    ) -> Node:
        """VAE Encode (Tiled) (_for_testing); gives LATENT"""

    def VAELoader(self, *, vae_name: str | Handle, as_: str | None = None) -> Node:
        """Load VAE (loaders); gives VAE"""

    def VAESave(
        self,
        *,
        vae: Handle,
        filename_prefix: str | Handle = 'vae/ComfyUI_vae',
        as_: str | None = None,
    ) -> Node:
        """VAESave (advanced/model_merging); gives nothing"""

    def VPScheduler(
        self,
        *,
        steps: int | Handle = 20,
        beta_d: float | Handle = 19.9,
        beta_min: float | Handle = 0.1,
        eps_s: float | Handle = 0.001,
        as_: str | None = None,
    ) -> Node:
        """VPScheduler (sampling/custom_sampling/schedulers); gives SIGMAS"""

    def Veo3VideoGenerationNode(
        self,
        *,
        prompt: str | Handle = '',
        aspect_ratio: Literal['16:9', '9:16'] | Handle = '16:9',
        negative_prompt: str | Handle = '',
        duration_seconds: int | Handle = 8,
        enhance_prompt: bool | Handle = True,
        person_generation: Literal['ALLOW', 'BLOCK'] | Handle = 'ALLOW',
        seed: int | Handle = 0,
        image: Handle = ...,
        model: Literal['veo-3.0-generate-001', 'veo-3.0-fast-generate-001'] | Handle = 'veo-3.0-generate-001',
        generate_audio: bool | Handle = False,
        as_: str | None = None,
    ) -> Node:
        """Google Veo 3 Video Generation (api node/video/Veo); gives VIDEO"""

    def VeoVideoGenerationNode(
        self,
        *,
        prompt: str | Handle = '',
        aspect_ratio: Literal['16:9', '9:16'] | Handle = '16:9',
        negative_prompt: str | Handle = '',
        duration_seconds: int | Handle = 5,
        enhance_prompt: bool | Handle = True,
        person_generation: Literal['ALLOW', 'BLOCK'] | Handle = 'ALLOW',
        seed: int | Handle = 0,
        image: Handle = ...,
        model: Literal['veo-2.0-generate-001'] | Handle = 'veo-2.0-generate-001',
        as_: str | None = None,
    ) -> Node:
        """Google Veo 2 Video Generation (api node/video/Veo); gives VIDEO"""

    def VideoLinearCFGGuidance(self, *, model: Handle, min_cfg: float | Handle = 1.0, as_: str | None = None) -> Node:
        """VideoLinearCFGGuidance (sampling/video_models); gives MODEL"""

    def VideoTriangleCFGGuidance(self, *, model: Handle, min_cfg: float | Handle = 1.0, as_: str | None = None) -> Node:
        """VideoTriangleCFGGuidance (sampling/video_models); gives MODEL"""

    def ViduImageToVideoNode(
        self,
        *,
        image: Handle,
        model: Literal['viduq1'] | Handle = 'viduq1',
        prompt: str | Handle = '',
        duration: int | Handle = 5,
        seed: int | Handle = 0,
        resolution: Literal['1080p'] | Handle = '1080p',
        movement_amplitude: Literal['auto', 'small', 'medium', 'large'] | Handle = 'auto',
        as_: str | None = None,
    ) -> Node:
        """Vidu Image To Video Generation (api node/video/Vidu); gives VIDEO"""

    def ViduReferenceVideoNode(
        self,
        *,
        images: Handle,
        prompt: str | Handle,
        model: Literal['viduq1'] | Handle = 'viduq1',
        duration: int | Handle = 5,
        seed: int | Handle = 0,
        aspect_ratio: Literal['16:9', '9:16', '1:1'] | Handle = '16:9',
        resolution: Literal['1080p'] | Handle = '1080p',
        movement_amplitude: Literal['auto', 'small', 'medium', 'large'] | Handle = 'auto',
        as_: str | None = None,
    ) -> Node:
        """Vidu Reference To Video Generation (api node/video/Vidu); gives VIDEO"""

    def ViduStartEndToVideoNode(
        self,
        *,
        first_frame: Handle,
        end_frame: Handle,
        model: Literal['viduq1'] | Handle = 'viduq1',
        prompt: str | Handle = ...,
        duration: int | Handle = 5,
        seed: int | Handle = 0,
        resolution: Literal['1080p'] | Handle = '1080p',
        movement_amplitude: Literal['auto', 'small', 'medium', 'large'] | Handle = 'auto',
        as_: str | None = None,
    ) -> Node:
        """Vidu Start End To Video Generation (api node/video/Vidu); gives VIDEO"""

    def ViduTextToVideoNode(
        self,
        *,
        prompt: str | Handle,
        model: Literal['viduq1'] | Handle = 'viduq1',
        duration: int | Handle = 5,
        seed: int | Handle = 0,
        aspect_ratio: Literal['16:9', '9:16', '1:1'] | Handle = '16:9',
        resolution: Literal['1080p'] | Handle = '1080p',
        movement_amplitude: Literal['auto', 'small', 'medium', 'large'] | Handle = 'auto',
        as_: str | None = None,
    ) -> Node:
        """Vidu Text To Video Generation (api node/video/Vidu); gives VIDEO"""

    def VoxelToMesh(
        self,
        *,
        voxel: Handle,
        algorithm: Literal['surface net', 'basic'] | Handle = 'surface net',
        threshold: float | Handle = 0.6,
        as_: str | None = None,
    ) -> Node:
        """VoxelToMesh (3d); gives MESH"""

    def VoxelToMeshBasic(self, *, voxel: Handle, threshold: float | Handle = 0.6, as_: str | None = None) -> Node:
        """VoxelToMeshBasic (3d); gives MESH"""

    def Wan22FunControlToVideo(
        self,
        *,
        positive: Handle,
        negative: Handle,
        vae: Handle,
        width: int | Handle = 832,
        height: int | Handle = 480,
        length: int | Handle = 81,
        batch_size: int | Handle = 1,
        ref_image: Handle = ...,
        control_video: Handle = ...,
        as_: str | None = None,
    ) -> Node:
        """Wan22FunControlToVideo (conditioning/video_models); gives positive (CONDITIONING), negative (CONDITIONING), latent (LATENT)"""

    def Wan22ImageToVideoLatent(
        self,
        *,
        vae: Handle,
        width: int | Handle = 1280,
        height: int | Handle = 704,
        length: int | Handle = 49,
        batch_size: int | Handle = 1,
        start_image: Handle = ...,
        as_: str | None = None,
    ) -> Node:
        """Wan22ImageToVideoLatent (conditioning/inpaint); gives LATENT"""

    def WanAnimateToVideo(
        self,
        *,
        positive: Handle,
        negative: Handle,
        vae: Handle,
        width: int | Handle = 832,
        height: int | Handle = 480,
        length: int | Handle = 77,
        batch_size: int | Handle = 1,
        continue_motion_max_frames: int | Handle = 5,
        video_frame_offset: int | Handle = 0,
        clip_vision_output: Handle = ...,
        reference_image: Handle = ...,
        face_video: Handle = ...,
        pose_video: Handle = ...,
        background_video: Handle = ...,
        character_mask: Handle = ...,
        continue_motion: Handle = ...,
        as_: str | None = None,
    ) -> Node:
        """WanAnimateToVideo (conditioning/video_models); gives positive (CONDITIONING), negative (CONDITIONING), latent (LATENT), trim_latent (INT), trim_image (INT), video_frame_offset (INT)"""

    def WanCameraEmbedding(
        self,
        *,
        camera_pose: Literal['Static', 'Pan Up', 'Pan Down', 'Pan Left', 'Pan Right', 'Zoom In', 'Zoom Out', 'Anti Clockwise (ACW)', 'ClockWise (CW)'] | Handle = 'Static',
        width: int | Handle = 832,
        height: int | Handle = 480,
        length: int | Handle = 81,
        speed: float | Handle = 1.0,
        fx: float | Handle = 0.5,
        fy: float | Handle = 0.5,
        cx: float | Handle = 0.5,
        cy: float | Handle = 0.5,
        as_: str | None = None,
    ) -> Node:
        """WanCameraEmbedding (camera); gives camera_embedding (WAN_CAMERA_EMBEDDING), width (INT), height (INT), length (INT)"""

    def WanCameraImageToVideo(
        self,
        *,
        positive: Handle,
        negative: Handle,
        vae: Handle,
        width: int | Handle = 832,
        height: int | Handle = 480,
        length: int | Handle = 81,
        batch_size: int | Handle = 1,
        clip_vision_output: Handle = ...,
        start_image: Handle = ...,
        camera_conditions: Handle = ...,
        as_: str | None = None,
    ) -> Node:
        """WanCameraImageToVideo (conditioning/video_models); gives positive (CONDITIONING), negative (CONDITIONING), latent (LATENT)"""

    def WanContextWindowsManual(
        self,
        *,
        model: Handle,
        context_length: int | Handle = 81,
        context_overlap: int | Handle = 30,
        context_schedule: Literal['standard_static', 'standard_uniform', 'looped_uniform', 'batched'] | Handle = 'standard_static',
        context_stride: int | Handle = 1,
        closed_loop: bool | Handle = False,
        fuse_method: Literal['pyramid', 'relative', 'flat', 'overlap-linear'] | Handle = 'pyramid',
        as_: str | None = None,
    ) -> Node:
        """WAN Context Windows (Manual) (context); gives MODEL"""

    def WanFirstLastFrameToVideo(
        self,
        *,
        positive: Handle,
        negative: Handle,
        vae: Handle,
        width: int | Handle = 832,
        height: int | Handle = 480,
        length: int | Handle = 81,
        batch_size: int | Handle = 1,
        clip_vision_start_image: Handle = ...,
        clip_vision_end_image: Handle = ...,
        start_image: Handle = ...,
        end_image: Handle = ...,
        as_: str | None = None,
    ) -> Node:
        """WanFirstLastFrameToVideo (conditioning/video_models); gives positive (CONDITIONING), negative (CONDITIONING), latent (LATENT)"""

    def WanFunControlToVideo(
        self,
        *,
        positive: Handle,
        negative: Handle,
        vae: Handle,
        width: int | Handle = 832,
        height: int | Handle = 480,
        length: int | Handle = 81,
        batch_size: int | Handle = 1,
        clip_vision_output: Handle = ...,
        start_image: Handle = ...,
        control_video: Handle = ...,
        as_: str | None = None,
    ) -> Node:
        """WanFunControlToVideo (conditioning/video_models); gives positive (CONDITIONING), negative (CONDITIONING), latent (LATENT)"""

    def WanFunInpaintToVideo(
        self,
        *,
        positive: Handle,
        negative: Handle,
        vae: Handle,
        width: int | Handle = 832,
        height: int | Handle = 480,
        length: int | Handle = 81,
        batch_size: int | Handle = 1,
        clip_vision_output: Handle = ...,
        start_image: Handle = ...,
        end_image: Handle = ...,
        as_: str | None = None,
    ) -> Node:
        """WanFunInpaintToVideo (conditioning/video_models); gives positive (CONDITIONING), negative (CONDITIONING), latent (LATENT)"""

    def WanHuMoImageToVideo(
        self,
        *,
        positive: Handle,
        negative: Handle,
        vae: Handle,
        width: int | Handle = 832,
        height: int | Handle = 480,
        length: int | Handle = 97,
        batch_size: int | Handle = 1,
        audio_encoder_output: Handle = ...,
        ref_image: Handle = ...,
        as_: str | None = None,
    ) -> Node:
        """WanHuMoImageToVideo (conditioning/video_models); gives positive (CONDITIONING), negative (CONDITIONING), latent (LATENT)"""

    def WanImageToImageApi(
        self,
        *,
        image: Handle,
        model: Literal['wan2.5-i2i-preview'] | Handle = 'wan2.5-i2i-preview',
        prompt: str | Handle = '',
        negative_prompt: str | Handle = '',
        seed: int | Handle = 0,
        watermark: bool | Handle = True,
        as_: str | None = None,
    ) -> Node:
        """Wan Image to Image (api node/image/Wan); gives IMAGE"""

    def WanImageToVideo(
        self,
        *,
        positive: Handle,
        negative: Handle,
        vae: Handle,
        width: int | Handle = 832,
        height: int | Handle = 480,
        length: int | Handle = 81,
        batch_size: int | Handle = 1,
        clip_vision_output: Handle = ...,
        start_image: Handle = ...,
        as_: str | None = None,
    ) -> Node:
        """WanImageToVideo (conditioning/video_models); gives positive (CONDITIONING), negative (CONDITIONING), latent (LATENT)"""

    def WanImageToVideoApi(
        self,
        *,
        image: Handle,
        model: Literal['wan2.5-i2v-preview'] | Handle = 'wan2.5-i2v-preview',
        prompt: str | Handle = '',
        negative_prompt: str | Handle = '',
        resolution: Literal['480P', '720P', '1080P'] | Handle = '480P',
        duration: int | Handle = 5,
        audio: Handle = ...,
        seed: int | Handle = 0,
        generate_audio: bool | Handle = False,
        prompt_extend: bool | Handle = True,
        watermark: bool | Handle = True,
        as_: str | None = None,
    ) -> Node:
        """Wan Image to Video (api node/video/Wan); gives VIDEO"""

    def WanPhantomSubjectToVideo(
        self,
        *,
        positive: Handle,
        negative: Handle,
        vae: Handle,
        width: int | Handle = 832,
        height: int | Handle = 480,
        length: int | Handle = 81,
        batch_size: int | Handle = 1,
        images: Handle = ...,
        as_: str | None = None,
    ) -> Node:
        """WanPhantomSubjectToVideo (conditioning/video_models); gives positive (CONDITIONING), negative_text (CONDITIONING), negative_img_text (CONDITIONING), latent (LATENT)"""

    def WanSoundImageToVideo(
        self,
        *,
        positive: Handle,
        negative: Handle,
        vae: Handle,
        width: int | Handle = 832,
        height: int | Handle = 480,
        length: int | Handle = 77,
        batch_size: int | Handle = 1,
        audio_encoder_output: Handle = ...,
        ref_image: Handle = ...,
        control_video: Handle = ...,
        ref_motion: Handle = ...,
        as_: str | None = None,
    ) -> Node:
        """WanSoundImageToVideo (conditioning/video_models); gives positive (CONDITIONING), negative (CONDITIONING), latent (LATENT)"""

    def WanSoundImageToVideoExtend(
        self,
        *,
        positive: Handle,
        negative: Handle,
        vae: Handle,
        video_latent: Handle,
        length: int | Handle = 77,
        audio_encoder_output: Handle = ...,
        ref_image: Handle = ...,
        control_video: Handle = ...,
        as_: str | None = None,
    ) -> Node:
        """WanSoundImageToVideoExtend (conditioning/video_models); gives positive (CONDITIONING), negative (CONDITIONING), latent (LATENT)"""

    def WanTextToImageApi(
        self,
        *,
        model: Literal['wan2.5-t2i-preview'] | Handle = 'wan2.5-t2i-preview',
        prompt: str | Handle = '',
        negative_prompt: str | Handle = '',
        width: int | Handle = 1024,
        height: int | Handle = 1024,
        seed: int | Handle = 0,
        prompt_extend: bool | Handle = True,
        watermark: bool | Handle = True,
        as_: str | None = None,
    ) -> Node:
        """Wan Text to Image (api node/image/Wan); gives IMAGE"""

    def WanTextToVideoApi(
        self,
        *,
        model: Literal['wan2.5-t2v-preview'] | Handle = 'wan2.5-t2v-preview',
        prompt: str | Handle = '',
        negative_prompt: str | Handle = '',
        size: Literal['480p: 1:1 (624x624)', '480p: 16:9 (832x480)', '480p: 9:16 (480x832)', '720p: 1:1 (960x960)', '720p: 16:9 (1280x720)', '720p: 9:16 (720x1280)', '720p: 4:3 (1088x832)', '720p: 3:4 (832x1088)', '1080p: 1:1 (1440x1440)', '1080p: 16:9 (1920x1080)', '1080p: 9:16 (1080x1920)', '1080p: 4:3 (1632x1248)', '1080p: 3:4 (1248x1632)'] | Handle = '480p: 1:1 (624x624)',
        duration: int | Handle = 5,
        audio: Handle = ...,
        seed: int | Handle = 0,
        generate_audio: bool | Handle = False,
        prompt_extend: bool | Handle = True,
        watermark: bool | Handle = True,
        as_: str | None = None,
    ) -> Node:
        """Wan Text to Video (api node/video/Wan); gives VIDEO"""

    def WanTrackToVideo(
        self,
        *,
        positive: Handle,
        negative: Handle,
        vae: Handle,
        start_image: Handle,
        tracks: str | Handle = '[]',
        width: int | Handle = 832,
        height: int | Handle = 480,
        length: int | Handle = 81,
        batch_size: int | Handle = 1,
        temperature: float | Handle = 220.0,
        topk: int | Handle = 2,
        clip_vision_output: Handle = ...,
        as_: str | None = None,
    ) -> Node:
        """WanTrackToVideo (conditioning/video_models); gives positive (CONDITIONING), negative (CONDITIONING), latent (LATENT)"""

    def WanVaceToVideo(
        self,
        *,
        positive: Handle,
        negative: Handle,
        vae: Handle,
        width: int | Handle = 832,
        height: int | Handle = 480,
        length: int | Handle = 81,
        batch_size: int | Handle = 1,
        strength: float | Handle = 1.0,
        control_video: Handle = ...,
        control_masks: Handle = ...,
        reference_image: Handle = ...,
        as_: str | None = None,
    ) -> Node:
        """WanVaceToVideo (conditioning/video_models); gives positive (CONDITIONING), negative (CONDITIONING), latent (LATENT), trim_latent (INT)"""

    def WebcamCapture(
        self,
        *,
        image: Handle,
        width: int | Handle = 0,
        height: int | Handle = 0,
        capture_on_queue: bool | Handle = True,
        as_: str | None = None,
    ) -> Node:
        """Webcam Capture (image); gives IMAGE"""

    def unCLIPCheckpointLoader(self, *, ckpt_name: str | Handle, as_: str | None = None) -> Node:
        """unCLIPCheckpointLoader (loaders); gives MODEL, CLIP, VAE, CLIP_VISION"""

    def unCLIPConditioning(
        self,
        *,
        conditioning: Handle,
        clip_vision_output: Handle,
        strength: float | Handle = 1.0,
        noise_augmentation: float | Handle = 0.0,
        as_: str | None = None,
    ) -> Node:
        """unCLIPConditioning (conditioning); gives CONDITIONING"""

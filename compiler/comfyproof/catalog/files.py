"""Which inputs of which nodes name files, and the folder that a server lists for them.

A server's /object_info mixes two kinds of choice: options the code fixes (samplers) and
files found on that machine. Only the code tells them apart: `folder_paths.get_filename_list`
in ComfyUI 0.3.64, UltimateSDUpscale 1.7.1 and ComfyUI-GGUF.
"""

from __future__ import annotations

from collections.abc import Mapping

_CLIPS = {f"clip_name{n}": "text_encoders" for n in range(1, 5)}

FILE_INPUTS: Mapping[str, Mapping[str, str]] = {
    "AudioEncoderLoader": {"audio_encoder_name": "audio_encoders"},
    "CheckpointLoader": {"ckpt_name": "checkpoints", "config_name": "configs"},
    "CheckpointLoaderSimple": {"ckpt_name": "checkpoints"},
    "CLIPLoader": {"clip_name": "text_encoders"},
    "CLIPLoaderGGUF": {"clip_name": "text_encoders"},
    "CLIPVisionLoader": {"clip_name": "clip_vision"},
    "ControlNetLoader": {"control_net_name": "controlnet"},
    "CreateHookLora": {"lora_name": "loras"},
    "CreateHookLoraModelOnly": {"lora_name": "loras"},
    "CreateHookModelAsLora": {"ckpt_name": "checkpoints"},
    "CreateHookModelAsLoraModelOnly": {"ckpt_name": "checkpoints"},
    "DiffControlNetLoader": {"control_net_name": "controlnet"},
    "DiffusersLoader": {"model_path": "diffusers"},
    "DualCLIPLoader": _CLIPS,
    "DualCLIPLoaderGGUF": _CLIPS,
    "GeminiInputFiles": {"file": "input"},
    "GLIGENLoader": {"gligen_name": "gligen"},
    "HypernetworkLoader": {"hypernetwork_name": "hypernetworks"},
    "ImageOnlyCheckpointLoader": {"ckpt_name": "checkpoints"},
    "Load3D": {"model_file": "input"},
    "Load3DAnimation": {"model_file": "input"},
    "LoadAudio": {"audio": "input"},
    "LoadImage": {"image": "input"},
    "LoadImageMask": {"image": "input"},
    "LoadImageOutput": {"image": "output"},
    "LoadImageSetFromFolderNode": {"folder": "input"},
    "LoadImageTextSetFromFolderNode": {"folder": "input"},
    "LoadLatent": {"latent": "input"},
    "LoadVideo": {"file": "input"},
    "LoraLoader": {"lora_name": "loras"},
    "LoraLoaderModelOnly": {"lora_name": "loras"},
    "ModelPatchLoader": {"name": "model_patches"},
    "OpenAIInputFiles": {"file": "input"},
    "PhotoMakerLoader": {"photomaker_model_name": "photomaker"},
    "QuadrupleCLIPLoader": _CLIPS,
    "QuadrupleCLIPLoaderGGUF": _CLIPS,
    "StyleModelLoader": {"style_model_name": "style_models"},
    "TrainLoraNode": {"existing_lora": "loras"},
    "TripleCLIPLoader": _CLIPS,
    "TripleCLIPLoaderGGUF": _CLIPS,
    "unCLIPCheckpointLoader": {"ckpt_name": "checkpoints"},
    "UNETLoader": {"unet_name": "diffusion_models"},
    "UnetLoaderGGUF": {"unet_name": "diffusion_models"},
    "UnetLoaderGGUFAdvanced": {"unet_name": "diffusion_models"},
    "UpscaleModelLoader": {"model_name": "upscale_models"},
    "VAELoader": {"vae_name": "vae"},
}

# What an input that names a file takes besides those in its folder.
NO_FILES: Mapping[str, tuple[str, ...]] = {"existing_lora": ("[None]",), "vae_name": ("pixel_space",)}

"""The configs that ComfyUI 0.3.64 reads off the tensors of a diffusion model, family by family."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from math import isqrt, prod
from typing import Any

from .diffusion_unet import unet_config
from .header import Header

Config = dict[str, Any]


def config_of(header: Header) -> Config | None:
    """The config of a diffusion model whose tensors have no prefix; None where ComfyUI sees none in them."""
    for sign, read in _SIGNS:
        if sign in header:
            return read(header)
    if _FLUX_SIGN in header and ("img_in.weight" in header or _CHROMA_SIGNS[0] in header):
        return _flux(header)
    for sign, read in _LATER_SIGNS:
        if sign in header:
            return read(header)
    return unet_config(header)


def _sd3(header: Header) -> Config:
    image = header.shape("x_embedder.proj.weight")
    patch = header.dim("x_embedder.proj.weight", 2)
    config: Config = {"in_channels": image[1] if len(image) > 1 else 0, "patch_size": patch}
    if "final_layer.linear.weight" in header and patch:
        config["out_channels"] = header.dim("final_layer.linear.weight", 0) // (patch * patch)
    config |= {"depth": header.dim("x_embedder.proj.weight", 0) // 64, "input_size": None}
    if "y_embedder.mlp.0.weight" in header:
        config["adm_in_channels"] = header.dim("y_embedder.mlp.0.weight", 1)
    if "context_embedder.weight" in header:
        width, wide = header.dim("context_embedder.weight", 1), header.dim("context_embedder.weight", 0)
        linear = {"target": "torch.nn.Linear", "params": {"in_features": width, "out_features": wide}}
        config["context_embedder_config"] = linear
    if "pos_embed" in header:
        patches = header.dim("pos_embed", 1)
        config |= {"num_patches": patches, "pos_embed_max_size": round(patches**0.5)}
    if "joint_blocks.0.context_block.attn.ln_q.weight" in header:
        config["qk_norm"] = "rms"
    config["pos_embed_scaling_factor"] = None
    if "context_processor.layers.0.attn.qkv.weight" in header:
        config["context_processor_layers"] = header.count("context_processor.layers.")
    doubled = [name.split(".") for name in header.tensors if name.endswith(".x_block.attn2.qkv.weight")]
    config["x_block_self_attn_layers"] = [int(p[1]) for p in doubled if p[0] == "joint_blocks" and p[1].isdigit()]
    return config


def _cascade(header: Header) -> Config:
    if "clip_txt_mapper.weight" in header:
        width = header.dim("clip_txt_mapper.weight", 0)
        config: Config = {"stable_cascade_stage": "c", **({"c_cond": width} if width in (1536, 2048) else {})}
        if width == 1536:
            config |= {"c_hidden": [1536, 1536], "nhead": [24, 24], "blocks": [[4, 12], [12, 4]]}
        return config
    if "clip_mapper.weight" not in header:
        return {}
    width = header.dim("down_blocks.1.0.channelwise.0.weight", -1)
    sizes = {
        640: ([320, 640, 1280, 1280], [-1, -1, 20, 20], [2, 6, 28, 6], [3, 3, 2, 2]),
        576: ([320, 576, 1152, 1152], [-1, 9, 18, 18], [2, 4, 14, 4], [2, 2, 2, 2]),
    }
    if width not in sizes:
        return {"stable_cascade_stage": "b"}
    hidden, heads, blocks, repeat = sizes[width]
    more = {"blocks": [blocks, blocks[::-1]], "block_repeat": [[1, 1, 1, 1], repeat]}
    return {"stable_cascade_stage": "b", "c_hidden": hidden, "nhead": heads, **more}


def _aura(header: Header) -> Config:
    double, single = header.count("double_layers."), header.count("single_layers.")
    length, width = header.dim("positional_encoding", 1), header.dim("cond_seq_linear.weight", 1)
    return {"max_seq": length, "cond_seq_dim": width, "n_double_layers": double, "n_layers": double + single}


def _hunyuan_dit(header: Header) -> Config:
    depth, hidden = header.count("blocks."), header.dim("x_embedder.proj.weight", 0)
    config: Config = {"image_model": "hydit", "depth": depth, "hidden_size": hidden}
    if (hidden, depth) == (1408, 40):
        config["mlp_ratio"] = 4.3637
    if header.dim("extra_embedder.0.weight", 1) == 3968:
        config |= {"size_cond": True, "use_style_cond": True, "image_model": "hydit1"}
    return config


def _hunyuan_video(header: Header) -> Config:
    image = header.shape("img_in.proj.weight")
    patch = list(image[2:])
    hidden = header.dim("img_in.proj.weight", 0)
    return {
        "image_model": "hunyuan_video",
        "in_channels": header.dim("img_in.proj.weight", 1),
        "patch_size": patch,
        "out_channels": header.dim("final_layer.linear.weight", 0) // max(prod(patch), 1),
        "vec_in_dim": 768 if header.has_under("vector_in.") else None,
        "axes_dim": [64, 64] if len(patch) == 2 else [16, 56, 56],
        "meanflow": header.has_under("time_r_in."),
        "context_in_dim": header.dim("txt_in.input_embedder.weight", 1),
        "hidden_size": hidden,
        "mlp_ratio": 4.0,
        "num_heads": hidden // 128,
        "depth": header.count("double_blocks."),
        "depth_single_blocks": header.count("single_blocks."),
        "theta": 256,
        "qkv_bias": True,
        "byt5": "byt5_in.fc1.weight" in header,
        "guidance_embed": header.has_under("guidance_in."),
    }


_FLUX_SIGN = "double_blocks.0.img_attn.norm.key_norm.scale"
_CHROMA_SIGNS = ("distilled_guidance_layer.norms.0.scale", "distilled_guidance_layer.0.norms.0.scale")
_RADIANCE = {
    **{"image_model": "chroma_radiance", "in_channels": 3, "out_channels": 3, "patch_size": 16},
    **{"nerf_hidden_size": 64, "nerf_mlp_ratio": 4, "nerf_depth": 4, "nerf_max_freqs": 8, "nerf_tile_size": 32},
    "nerf_embedder_dtype": "F32",
}


def _flux(header: Header) -> Config:
    channels = header.dim("img_in.weight", 1) // 4 if "img_in.weight" in header else 16
    config: Config = {"image_model": "flux", "in_channels": channels, "patch_size": 2, "out_channels": 16}
    if "vector_in.in_layer.weight" in header:
        config["vec_in_dim"] = header.dim("vector_in.in_layer.weight", 1)
    config |= {"context_in_dim": 4096, "hidden_size": 3072, "mlp_ratio": 4.0, "num_heads": 24}
    config |= {"depth": header.count("double_blocks."), "depth_single_blocks": header.count("single_blocks.")}
    config |= {"axes_dim": [16, 56, 56], "theta": 10000, "qkv_bias": True}
    if not any(sign in header for sign in _CHROMA_SIGNS):
        return config | {"guidance_embed": "guidance_in.in_layer.weight" in header}
    config |= {"image_model": "chroma", "in_channels": 64, "out_channels": 64}
    config |= {"in_dim": 64, "out_dim": 3072, "hidden_dim": 5120, "n_layers": 5}
    if "nerf_blocks.0.norm.scale" in header:
        head = "conv" if "nerf_final_layer_conv.norm.scale" in header else "linear"
        config |= {**_RADIANCE, "nerf_final_head_type": head}
    return config


_MOCHI = {
    **{"image_model": "mochi_preview", "depth": 48, "patch_size": 2, "num_heads": 24, "hidden_size_x": 3072},
    **{"hidden_size_y": 1536, "mlp_ratio_x": 4.0, "mlp_ratio_y": 4.0, "learn_sigma": False, "in_channels": 12},
    **{"qk_norm": True, "qkv_bias": False, "out_bias": True, "attn_drop": 0.0, "patch_embed_bias": True},
    **{"posenc_preserve_area": True, "timestep_mlp_bias": True, "attend_to_padding": False, "timestep_scale": 1000.0},
    **{"use_t5": True, "t5_feat_dim": 4096, "t5_token_length": 256, "rope_theta": 10000.0},
}
_ACE = {
    **{"audio_model": "ace", "attention_head_dim": 128, "in_channels": 8, "inner_dim": 2560, "max_height": 16},
    **{"max_position": 32768, "max_width": 32768, "mlp_ratio": 2.5, "num_attention_heads": 20, "num_layers": 24},
    **{"out_channels": 8, "patch_size": [16, 1], "rope_theta": 1000000.0, "speaker_embedding_dim": 512},
    **{"text_embedding_dim": 768, "ssl_encoder_depths": [8, 8], "ssl_latent_dims": [1024, 768]},
    **{"ssl_names": ["mert", "m-hubert"], "lyric_encoder_vocab_size": 6693, "lyric_hidden_size": 1024},
}
_HIDREAM = {
    **{"image_model": "hidream", "attention_head_dim": 128, "axes_dims_rope": [64, 32, 32]},
    **{"caption_channels": [4096, 4096], "max_resolution": [128, 128], "in_channels": 16},
    **{"llama_layers": [*range(32), *[31] * 16], "num_attention_heads": 20, "num_routed_experts": 4},
    **{"num_activated_experts": 2, "num_layers": 16, "num_single_layers": 32, "out_channels": 16, "patch_size": 2},
    "text_emb_dim": 2048,
}
_OMNIGEN = {
    **{"image_model": "omnigen2", "axes_dim_rope": [40, 40, 40], "axes_lens": [1024, 1664, 1664]},
    **{"ffn_dim_multiplier": None, "hidden_size": 2520, "in_channels": 16, "multiple_of": 256, "norm_eps": 1e-05},
    **{"num_attention_heads": 21, "num_kv_heads": 7, "num_layers": 32, "num_refiner_layers": 2},
    **{"out_channels": None, "patch_size": 2, "text_feat_dim": 2048, "timestep_scale": 1000.0},
}
_LUMINA = {
    **{"image_model": "lumina2", "patch_size": 2, "in_channels": 16, "dim": 2304, "n_heads": 24, "n_kv_heads": 8},
    **{"qk_norm": True, "axes_dims": [32, 32, 32], "axes_lens": [300, 512, 512]},
}


def _ltxv(header: Header) -> Config | None:
    if "pos_embed.proj.bias" in header:  # PixArt, with the names of diffusers
        return None
    heads, width = header.dim(_LTXV_KEY, 0) // 32, header.dim(_LTXV_KEY, 1)
    layers = header.count("transformer_blocks.")
    config: Config = {"image_model": "ltxv", "num_layers": layers, "attention_head_dim": heads}
    config["cross_attention_dim"] = width
    return config | _written(header.metadata)


_LTXV_KEY = "transformer_blocks.0.attn2.to_k.weight"


def _written(metadata: Mapping[str, Any]) -> Config:
    """What the file itself says of its transformer, which wins over its shapes."""
    try:
        written = json.loads(metadata.get("config", "{}")).get("transformer", {})
    except (ValueError, TypeError, AttributeError, RecursionError):
        return {}
    return dict(written) if isinstance(written, dict) else {}


def _pixart(header: Header) -> Config:
    config: Config = {"num_heads": 16, "patch_size": 2, "hidden_size": 1152, "in_channels": 4}
    config["depth"] = header.count("blocks.")
    if "y_embedder.y_embedding" in header:
        config["model_max_length"] = header.dim("y_embedder.y_embedding", 0)
    if "pos_embed" in header:
        size = isqrt(header.dim("pos_embed", 1)) * 2
        config |= {"input_size": size, "pe_interpolation": size // 64}
    alpha = "ar_embedder.mlp.0.weight" in header
    return config | {"image_model": "pixart_alpha" if alpha else "pixart_sigma", "micro_condition": alpha}


_COSMOS = {
    **{"max_img_h": 240, "max_img_w": 240, "max_frames": 128, "out_channels": 16, "patch_spatial": 2},
    **{"patch_temporal": 1, "concat_padding_mask": True, "pos_emb_cls": "rope3d", "pos_emb_interpolation": "crop"},
    **{"use_adaln_lora": True, "adaln_lora_dim": 256},
}


def _ropes(kind: str, *ratios: float) -> Config:
    return {f"{kind}_{axis}_extrapolation_ratio": ratio for axis, ratio in zip("hwt", ratios, strict=True)}


def _cosmos(header: Header) -> Config:
    width = header.dim("blocks.block0.blocks.0.block.attn.to_q.0.weight", 0)
    config: Config = {**_COSMOS, "image_model": "cosmos", "model_channels": width, "block_config": "FA-CA-MLP"}
    config["in_channels"] = header.dim("x_embedder.proj.1.weight", 1) // 4 - 1
    config |= {"pos_emb_learnable": False, "block_x_format": "THWBD", "affline_emb_norm": True}
    config |= {"extra_per_block_abs_pos_emb": True, "extra_per_block_abs_pos_emb_type": "learnable"}
    if width == 4096:
        return config | {"num_blocks": 28, "num_heads": 32, **_ropes("rope", 1.0, 1.0, 2.0)}
    return config | {
        "num_blocks": 36,
        "num_heads": 40,
        **_ropes("rope", 2.0, 2.0, 2.0),
        **_ropes("extra", 2.0, 2.0, 2.0),
    }


def _cosmos2(header: Header) -> Config:
    width, channels = header.dim("x_embedder.proj.1.weight", 0), header.dim("x_embedder.proj.1.weight", 1) // 4 - 1
    config: Config = {**_COSMOS, "image_model": "cosmos_predict2", "in_channels": channels, "model_channels": width}
    config |= {"crossattn_emb_channels": 1024, "pos_emb_learnable": True, "min_fps": 1, "max_fps": 30}
    sizes = {2048: (28, 16), 5120: (36, 40)}
    if width in sizes:
        config |= dict(zip(("num_blocks", "num_heads"), sizes[width], strict=True))
    if channels == 16:
        config |= {"extra_per_block_abs_pos_emb": False, **_ropes("rope", 4.0, 4.0, 1.0)}
    elif channels == 17 and width == 2048:
        config |= {"extra_per_block_abs_pos_emb": False, **_ropes("rope", 3.0, 3.0, 1.0)}
    elif channels == 17 and width == 5120:
        config |= _ropes("rope", 2.0, 2.0, 0.8333333333333334)
    return config | {**_ropes("extra", 1.0, 1.0, 1.0), "rope_enable_fps_modulation": False}


def _lumina(header: Header) -> Config:
    return {**_LUMINA, "cap_feat_dim": header.dim("cap_embedder.1.weight", 1), "n_layers": header.count("layers.")}


# What tells the kinds of Wan apart, in the order in which ComfyUI asks.
_WAN_KINDS = (
    ("casual_audio_encoder.encoder.final_linear.weight", "s2v"),
    ("audio_proj.audio_proj_glob_1.layer.bias", "humo"),
    ("face_adapter.fuser_blocks.0.k_norm.weight", "animate"),
    ("img_emb.proj.0.bias", "i2v"),
)


def _wan(header: Header) -> Config:
    dim = header.dim("head.modulation", -1)
    config: Config = {
        **{"image_model": "wan2.1", "dim": dim, "out_dim": header.dim("head.head.weight", 0) // 4},
        **{"num_heads": dim // 128, "ffn_dim": header.dim("blocks.0.ffn.0.weight", 0)},
        **{"num_layers": header.count("blocks."), "patch_size": [1, 2, 2], "freq_dim": 256, "window_size": [-1, -1]},
        **{"qk_norm": True, "cross_attn_norm": True, "eps": 1e-06, "in_dim": header.dim("patch_embedding.weight", 1)},
    }
    if "vace_patch_embedding.weight" in header:
        width, layers = header.dim("vace_patch_embedding.weight", 1), header.count("vace_blocks.")
        config |= {"model_type": "vace", "vace_in_dim": width, "vace_layers": layers}
    elif "control_adapter.conv.weight" in header:
        config["model_type"] = "camera" if "img_emb.proj.0.bias" in header else "camera_2.2"
    else:
        config["model_type"] = next((kind for sign, kind in _WAN_KINDS if sign in header), "t2v")
    if "img_emb.emb_pos" in header:
        config["flf_pos_embed_token_number"] = header.dim("img_emb.emb_pos", 1)
    if "ref_conv.weight" in header:
        config["in_dim_ref_conv"] = header.dim("ref_conv.weight", 1)
    return config


def _hunyuan3d(header: Header) -> Config:
    return {
        **{"image_model": "hunyuan3d2", "in_channels": header.dim("latent_in.weight", 1)},
        **{"context_in_dim": header.dim("cond_in.weight", 1), "hidden_size": header.dim("latent_in.weight", 0)},
        **{"mlp_ratio": 4.0, "num_heads": 16, "depth": header.count("double_blocks."), "qkv_bias": True},
        "depth_single_blocks": header.count("single_blocks."),
        "guidance_embed": "guidance_in.in_layer.weight" in header,
    }


def _hunyuan3d_21(header: Header) -> Config:
    return {
        **{"image_model": "hunyuan3d2_1", "in_channels": header.dim("x_embedder.weight", 1), "context_dim": 1024},
        **{"hidden_size": header.dim("x_embedder.weight", 0), "mlp_ratio": 4.0, "num_heads": 16},
        **{"depth": header.count("blocks."), "qkv_bias": False, "guidance_cond_proj_dim": None},
    }


def _qwen(header: Header) -> Config:
    channels, layers = header.dim("img_in.weight", 1), header.count("transformer_blocks.")
    return {"image_model": "qwen_image", "in_channels": channels, "num_layers": layers}


def _same(config: Config) -> Callable[[Header], Config]:
    return lambda header: dict(config)


_Sign = tuple[str, Callable[[Header], Config | None]]
_SIGNS: tuple[_Sign, ...] = (
    ("joint_blocks.0.context_block.attn.qkv.weight", _sd3),
    ("clf.1.weight", _cascade),
    ("transformer.rotary_pos_emb.inv_freq", _same({"audio_model": "dit1.0"})),
    ("double_layers.0.attn.w1q.weight", _aura),
    ("mlp_t5.0.weight", _hunyuan_dit),
    ("txt_in.individual_token_refiner.blocks.0.norm1.weight", _hunyuan_video),
)
_LATER_SIGNS: tuple[_Sign, ...] = (
    ("t5_yproj.weight", _same(_MOCHI)),
    ("adaln_single.emb.timestep_embedder.linear_1.bias", _ltxv),
    ("genre_embedder.weight", _same(_ACE)),
    ("t_block.1.weight", _pixart),
    ("blocks.block0.blocks.0.block.attn.to_q.0.weight", _cosmos),
    ("cap_embedder.1.weight", _lumina),
    ("head.modulation", _wan),
    ("latent_in.weight", _hunyuan3d),
    ("t_embedder.mlp.2.weight", _hunyuan3d_21),
    ("caption_projection.0.linear.weight", _same(_HIDREAM)),
    ("blocks.0.mlp.layer1.weight", _cosmos2),
    ("time_caption_embed.timestep_embedder.linear_1.bias", _same(_OMNIGEN)),
    ("txt_norm.weight", _qwen),
)

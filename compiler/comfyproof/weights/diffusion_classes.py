"""The diffusion models that ComfyUI 0.3.64 knows: what tells them apart and what it takes them for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_HALF = ("F16", "BF16", "F32")
_BRAIN = ("BF16", "F32")
_BOTH = ("BF16", "F16", "F32")


@dataclass(frozen=True, slots=True)
class Latent:
    """The latents of a model: channels, dimensions (2 for pictures, 3 for videos), scale and shift of their values."""

    name: str
    channels: int = 4
    dimensions: int = 2
    scale: float = 1.0
    shift: float | None = None
    per_channel: bool = False


LATENTS: Mapping[str, Latent] = {
    latent.name: latent
    for latent in (
        Latent("SD15", scale=0.18215),
        Latent("SDXL", scale=0.13025),
        Latent("SD_X4", scale=0.08333),
        Latent("SC_Prior", 16),
        Latent("SC_B", scale=1 / 0.43),
        Latent("SD3", 16, scale=1.5305, shift=0.0609),
        Latent("StableAudio1", 64, 1),
        Latent("Flux", 16, scale=0.3611, shift=0.1159),
        Latent("Mochi", 12, 3, per_channel=True),
        Latent("LTXV", 128, 3),
        Latent("HunyuanVideo", 16, 3, 0.476986),
        Latent("Cosmos1CV8x8x8", 16, 3),
        Latent("Wan21", 16, 3, per_channel=True),
        Latent("Wan22", 48, 3, per_channel=True),
        Latent("HunyuanImage21", 64, 2, 0.75289),
        Latent("HunyuanImage21Refiner", 64, 3, 1.03682),
        Latent("Hunyuan3Dv2", 64, 1, 0.9990943042622529),
        Latent("Hunyuan3Dv2_1", 64, 1, 1.0039506158752403),
        Latent("Hunyuan3Dv2mini", 64, 1, 1.0188137142395404),
        Latent("ACEAudio", 8, 2),
        Latent("ChromaRadiance", 3),
    )
}


@dataclass(frozen=True, slots=True)
class ModelClass:
    """A model as ComfyUI sorts them: `match` is what its config must have.

    `base` is the class that runs it, `type` how it measures noise; `factor` scales its memory estimate. `vae`, `text`
    and `vision` are where a checkpoint of it keeps these parts.
    """

    name: str
    family: str
    variants: tuple[str, ...]
    latent: str
    match: Mapping[str, Any]
    base: str = ""
    type: str = "EPS"
    factor: float = 2.0
    dtypes: tuple[str, ...] = _HALF
    extra: Mapping[str, Any] = field(default_factory=dict)
    vae: str = "vae."
    text: tuple[str, ...] = ("text_encoders.",)
    vision: str = ""
    needs: tuple[str, ...] = ()


_EIGHT_HEADS = {"num_heads": 8, "num_head_channels": -1}
_HEADS_OF_64 = {"num_heads": -1, "num_head_channels": 64}
_PRECISE = {**_HEADS_OF_64, "attn_precision": "F32"}
_CLIP_L = ("cond_stage_model.",)
_CLIP_H = ("conditioner.embedders.0.model.", "cond_stage_model.model.")
_CLIP_LG = ("conditioner.embedders.0.transformer.text_model", "conditioner.embedders.1.model.")


def _unet(context: int | None, adm: int | None, linear: bool, channels: int = 320, **more: Any) -> dict[str, Any]:
    """What the config of a UNet must have."""
    wanted = {"model_channels": channels, "use_linear_in_transformer": linear, "adm_in_channels": adm, **more}
    wanted.setdefault("use_temporal_attention", False)
    return wanted if context is None else {**wanted, "context_dim": context}


def _sd(name: str, family: str, variants: tuple[str, ...], match: dict[str, Any], **more: Any) -> ModelClass:
    given = {"latent": "SD15", "factor": 1.0, "vae": "first_stage_model.", "text": _CLIP_L, "extra": _HEADS_OF_64}
    return ModelClass(name, family, variants, match=match, **{**given, **more})


def _xl(name: str, variant: str, depth: list[int], base: str = "SDXL", **more: Any) -> ModelClass:
    match = _unet(2048, 2816, True, transformer_depth=depth, **more)
    variants = (variant,) if variant else ()
    return _sd(name, "sdxl", variants, match, base=base, latent="SDXL", factor=0.8, text=_CLIP_LG)


def _video(name: str, variant: str, adm: int) -> ModelClass:
    depth = [1, 1, 1, 1, 1, 1, 0, 0]
    match = _unet(1024, adm, True, in_channels=8, transformer_depth=depth, use_temporal_attention=True)
    vae = "first_stage_model." if name == "SVD_img2vid" else "conditioner.embedders.1.encoder."
    vision = "conditioner.embedders.0.open_clip.model.visual."
    kind, match = "V_PREDICTION_EDM", {**match, "use_temporal_resblock": True}
    more = {"base": name, "type": kind, "factor": 2.0, "vae": vae, "vision": vision}
    return _sd(name, "svd", (variant,), match, extra=_PRECISE, text=(), **more)


def _dit(name: str, family: str, latent: str, image: str, variants: tuple[str, ...] = (), **more: Any) -> ModelClass:
    """A transformer; keywords in capitals are the model's, the others are what its config must have."""
    own = {key: more.pop(key) for key in tuple(more) if key in ModelClass.__dataclass_fields__}
    given = {"base": name, "type": "FLOW", **own}
    return ModelClass(name, family, variants, latent, {"image_model": image, **more}, **given)


def _wan(name: str, variants: tuple[str, ...], kind: str, base: str = "WAN21", **match: Any) -> ModelClass:
    wanted = {"image_model": "wan2.1", "model_type": kind, **match}
    return ModelClass(name, "wan", variants, "Wan21", wanted, base=base, type="FLOW", factor=0.9)


_SD_MODELS = (
    _sd("LotusD", "sd2", ("lotus",), _unet(None, 4, True, in_channels=4), base="Lotus", type="IMG_TO_IMG",
        extra={"num_classes": "sequential"}, text=_CLIP_H),
    _sd("Stable_Zero123", "sd15", ("zero123",), _unet(768, None, False, in_channels=8), base="Stable_Zero123",
        extra=_EIGHT_HEADS, factor=2.0, text=(), vision="cond_stage_model.model.visual.",
        needs=("cc_projection.weight", "cc_projection.bias")),
    _sd("SD15_instructpix2pix", "sd15", ("ip2p",), _unet(768, None, False, in_channels=8), base="SD15_instructpix2pix",
        extra=_EIGHT_HEADS),
    _sd("SD15", "sd15", (), _unet(768, None, False), base="BaseModel", extra=_EIGHT_HEADS),
    _sd("SD20", "sd2", (), _unet(1024, None, True), base="BaseModel", extra=_PRECISE, text=_CLIP_H),
    _sd("SD21UnclipL", "sd2", ("unclip-l",), _unet(1024, 1536, True), base="SD21UNCLIP", extra=_PRECISE, text=_CLIP_H,
        vision="embedder.model.visual."),
    _sd("SD21UnclipH", "sd2", ("unclip-h",), _unet(1024, 2048, True), base="SD21UNCLIP", extra=_PRECISE, text=_CLIP_H,
        vision="embedder.model.visual."),
    _xl("SDXL_instructpix2pix", "ip2p", [0, 0, 2, 2, 10, 10], "SDXL_instructpix2pix", in_channels=8),
    _sd("SDXLRefiner", "sdxl-refiner", (), _unet(1280, 2560, True, 384, transformer_depth=[0, 0, 4, 4, 4, 4, 0, 0]),
        base="SDXLRefiner", latent="SDXL", text=("conditioner.embedders.0.model.",)),
    _xl("SDXL", "", [0, 0, 2, 2, 10, 10]),
    _xl("SSD1B", "ssd-1b", [0, 0, 2, 2, 4, 4]),
    _xl("KOALA_700M", "koala-700m", [0, 2, 5]),
    _xl("KOALA_1B", "koala-1b", [0, 2, 6]),
    _xl("Segmind_Vega", "vega", [0, 0, 1, 1, 2, 2]),
    _sd("SD_X4Upscaler", "sd-x4-upscaler", (), _unet(1024, None, True, 256, in_channels=7), base="SD_X4Upscaler",
        type="V_PREDICTION", latent="SD_X4", text=_CLIP_H,
        extra={"disable_self_attentions": [True, True, True, False], "num_classes": 1000, **_EIGHT_HEADS}),
    ModelClass("Stable_Cascade_C", "cascade", ("stage-c",), "SC_Prior", {"stable_cascade_stage": "c"},
               "StableCascade_C", "STABLE_CASCADE", dtypes=_BRAIN, text=("text_encoder.",), vision="clip_l_vision."),
    ModelClass("Stable_Cascade_B", "cascade", ("stage-b",), "SC_B", {"stable_cascade_stage": "b"},
               "StableCascade_B", "STABLE_CASCADE", text=("text_encoder.",)),
    _video("SV3D_u", "sv3d-u", 256),
    _video("SV3D_p", "sv3d-p", 1280),
)  # fmt: skip

_PICTURE_MODELS = (
    ModelClass("SD3", "sd3", (), "SD3", {"in_channels": 16, "pos_embed_scaling_factor": None}, "SD3", "FLOW", 1.2,
               vae="first_stage_model."),
    ModelClass("StableAudio", "stable-audio", (), "StableAudio1", {"audio_model": "dit1.0"}, "StableAudio1",
               "V_PREDICTION_CONTINUOUS", vae="pretransform.model."),
    ModelClass("AuraFlow", "auraflow", (), "SDXL", {"cond_seq_dim": 2048}, "AuraFlow", "FLOW"),
    _dit("PixArtAlpha", "pixart-alpha", "SD15", "pixart_alpha", base="PixArt", type="EPS", factor=0.5),
    _dit("PixArtSigma", "pixart-sigma", "SDXL", "pixart_sigma", base="PixArt", type="EPS", factor=0.5),
    _dit("HunyuanDiT", "hunyuan-dit", "SDXL", "hydit", type="V_PREDICTION", factor=1.3,
         extra={"attn_precision": "F32"}),
    _dit("HunyuanDiT1", "hunyuan-dit", "SDXL", "hydit1", ("1.0",), base="HunyuanDiT", type="V_PREDICTION", factor=1.3),
    _dit("FluxInpaint", "flux", "Flux", "flux", ("fill",), base="Flux", type="FLUX", factor=3.1, dtypes=_BRAIN,
         guidance_embed=True, in_channels=96),
    _dit("Flux", "flux", "Flux", "flux", type="FLUX", factor=3.1, dtypes=_BOTH, guidance_embed=True),
    _dit("FluxSchnell", "flux-schnell", "Flux", "flux", base="Flux", factor=3.1, dtypes=_BOTH, guidance_embed=False),
)  # fmt: skip

_VIDEO_MODELS = (
    _dit("GenmoMochi", "mochi", "Mochi", "mochi_preview", dtypes=_BRAIN),
    _dit("LTXV", "ltxv", "LTXV", "ltxv", type="FLUX", factor=5.5, dtypes=_BRAIN),
    _dit("HunyuanImage21Refiner", "hunyuan-image-refiner", "HunyuanImage21Refiner", "hunyuan_video", factor=1.8,
         dtypes=_BRAIN, patch_size=[1, 1, 1], vec_in_dim=None),
    _dit("HunyuanImage21", "hunyuan-image", "HunyuanImage21", "hunyuan_video", factor=7.7, dtypes=_BRAIN,
         vec_in_dim=None),
    _dit("HunyuanVideoSkyreelsI2V", "hunyuan-video", "HunyuanVideo", "hunyuan_video", ("skyreels-i2v",), factor=1.8,
         dtypes=_BRAIN, in_channels=32),
    _dit("HunyuanVideoI2V", "hunyuan-video", "HunyuanVideo", "hunyuan_video", ("i2v",), factor=1.8, dtypes=_BRAIN,
         in_channels=33),
    _dit("HunyuanVideo", "hunyuan-video", "HunyuanVideo", "hunyuan_video", ("t2v",), factor=1.8, dtypes=_BRAIN),
    _dit("CosmosT2V", "cosmos", "Cosmos1CV8x8x8", "cosmos", ("t2v",), base="CosmosVideo", type="EDM", factor=1.6,
         dtypes=_BOTH, in_channels=16),
    _dit("CosmosI2V", "cosmos", "Cosmos1CV8x8x8", "cosmos", ("i2v",), base="CosmosVideo", type="EDM", factor=1.6,
         dtypes=_BOTH, in_channels=17),
    _dit("CosmosT2IPredict2", "cosmos2", "Wan21", "cosmos_predict2", ("t2i",), base="CosmosPredict2",
         type="FLOW_COSMOS", dtypes=_BRAIN, in_channels=16, vae="first_stage_model.", text=_CLIP_L),
    _dit("CosmosI2VPredict2", "cosmos2", "Wan21", "cosmos_predict2", ("i2v",), base="CosmosPredict2",
         type="FLOW_COSMOS", dtypes=_BRAIN, in_channels=17, vae="first_stage_model.", text=_CLIP_L),
    _dit("Lumina2", "lumina2", "Flux", "lumina2", factor=1.2, dtypes=_BRAIN),
    ModelClass("WAN22_T2V", "wan22-5b", (), "Wan22", {"image_model": "wan2.1", "model_type": "t2v", "out_dim": 48},
               "WAN22", "FLOW", 0.9),
    _wan("WAN21_T2V", (), "t2v"),
    _wan("WAN21_I2V", ("2.1-i2v",), "i2v", in_dim=36),
    _wan("WAN21_FunControl2V", ("fun-control",), "i2v", in_dim=48),
    _wan("WAN21_Vace", ("vace",), "vace", "WAN21_Vace"),
    _wan("WAN21_Camera", ("camera",), "camera", "WAN21_Camera", in_dim=32),
    _wan("WAN22_Camera", ("2.2-camera",), "camera_2.2", "WAN21_Camera", in_dim=36),
    _wan("WAN22_S2V", ("s2v",), "s2v", "WAN22_S2V"),
    _wan("WAN21_HuMo", ("humo",), "humo", "WAN21_HuMo"),
    _wan("WAN22_Animate", ("animate",), "animate", "WAN22_Animate"),
)  # fmt: skip

_SHAPE = {"factor": 3.5, "text": (), "vision": "conditioner.main_image_encoder.model."}
_LATER_MODELS = (
    _dit("Hunyuan3Dv2mini", "hunyuan3d", "Hunyuan3Dv2mini", "hunyuan3d2", ("mini",), base="Hunyuan3Dv2", depth=8,
         **_SHAPE),
    _dit("Hunyuan3Dv2", "hunyuan3d", "Hunyuan3Dv2", "hunyuan3d2", ("2.0",), **_SHAPE),
    _dit("Hunyuan3Dv2_1", "hunyuan3d", "Hunyuan3Dv2_1", "hunyuan3d2_1", ("2.1",), **_SHAPE),
    _dit("HiDream", "hidream", "Flux", "hidream", ("full", "dev", "fast"), dtypes=_BRAIN, text=()),
    _dit("Chroma", "chroma", "Flux", "chroma", type="FLUX", factor=3.2, dtypes=_BOTH, vae="first_stage_model.",
         text=_CLIP_L),
    _dit("ChromaRadiance", "chroma-radiance", "ChromaRadiance", "chroma_radiance", type="FLUX", factor=0.038,
         dtypes=_BOTH, vae="first_stage_model.", text=_CLIP_L),
    ModelClass("ACEStep", "ace-step", (), "ACEAudio", {"audio_model": "ace"}, "ACEStep", "FLOW", 0.5, _BRAIN),
    _dit("Omnigen2", "omnigen2", "Flux", "omnigen2", factor=1.65, dtypes=_HALF),
    _dit("QwenImage", "qwen-image", "Wan21", "qwen_image", ("base", "edit", "edit-2509"), type="FLUX", factor=1.8,
         dtypes=_BRAIN),
    _video("SVD_img2vid", "svd", 768),
)  # fmt: skip

# In the order in which ComfyUI tries them.
CLASSES: tuple[ModelClass, ...] = (*_SD_MODELS, *_PICTURE_MODELS, *_VIDEO_MODELS, *_LATER_MODELS)


def class_of(config: Mapping[str, Any], has: Any) -> ModelClass | None:
    """The class whose `match` a config has; `has` says whether the file has a tensor. None where ComfyUI has none."""
    absent = object()
    for each in CLASSES:
        if all(config.get(key, absent) == value for key, value in each.match.items()) and all(map(has, each.needs)):
            return each
    return None


def memory_factor(chosen: ModelClass, config: Mapping[str, Any]) -> float:
    """How ComfyUI scales its memory estimate for a model of this size."""
    if chosen.name == "LTXV":
        return float(config.get("cross_attention_dim", 2048)) / 2048 * 5.5
    if chosen.base == "CosmosPredict2":
        return float(config.get("model_channels", 2048)) / 2048 * 0.9
    if config.get("image_model") == "wan2.1":
        size = float(config.get("dim", 2000)) / 2222
        return 1.2 * size if chosen.name == "WAN21_Vace" else size
    return chosen.factor

"""Rules on sizes and lengths: are they what the model is made for?"""

from __future__ import annotations

from collections.abc import Iterator

from ..catalog.pinned import Catalog
from ..diagnostics import NotExamined, Severity
from ..facts.read import facts_of
from ..facts.samplers import SAMPLER_TYPES
from ..graph import Graph
from .latents import APART, surely_of
from .rule import Problem, Remedy, rule

_WHOLE_STEPS = {"hunyuan-video": 4, "wan21": 4, "wan22": 4, "ltxv": 8, "mochi": 6}
_PATCHED = ("flux", "flux-schnell", "chroma", "sd3", "qwen-image", "wan")


@rule("CP556", "far-from-native-size", Severity.WARNING, classes=SAMPLER_TYPES)
def far_from_native_size(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """A picture is made from noise at a size far from what the model was trained on.

    Much larger, and Stable Diffusion repeats its subject while others lose the whole; much smaller, and details turn
    to mush. Make it near the native size, and enlarge it then. Nothing is said where a picture leads, as with a
    ControlNet. More than 2.25 times or less than half of the native area is far.

    Source: the native sizes of diffusers 0.42.1; the cards of FLUX.1 Krea (1024 to 1280 pixels) and of SDXL.

    Bad:

        models: {sd: {checkpoint: v1-5-pruned-emaonly.safetensors}}
        stages: [{generate: {model: sd, positive: a lighthouse, negative: fog, size: 1536x1536}}, {save: {}}]

    Good:

        models: {sd: {checkpoint: v1-5-pruned-emaonly.safetensors}}
        stages: [{generate: {model: sd, positive: a lighthouse, negative: fog, size: 512x768}}, {save: {}}]
    """
    told: set[str] = set()
    for sampling in facts_of(graph, catalog).samplers:
        kind, latent, prompt = sampling.model.kind, sampling.latent, sampling.positive
        if kind is None or not kind.pixels or latent.source != "empty" or latent.resized or latent.node is None:
            continue
        if (
            latent.size is None
            or prompt is None
            or prompt.pictured
            or not surely_of(sampling, kind)
            or latent.node.id in told
        ):
            continue
        if latent.latents is None or latent.latents.name in APART:
            continue
        area = latent.size[0] * latent.size[1] / kind.pixels
        # Turbo models of XL were trained at a quarter of its area.
        small = 0.2 if sampling.model.accelerators else 0.5
        if small <= area <= 2.25:
            continue
        told.add(latent.node.id)
        side = round(kind.pixels**0.5)
        what = "repeats its subject" if area > 1 and kind.unet else "loses the whole" if area > 1 else "loses details"
        made = f"{latent.size[0]}x{latent.size[1]}"
        message = f"{made}, and {sampling.model.word} was trained on about {side}x{side}: it {what}"
        yield Problem(
            latent.node,
            "width",
            message,
            f"make it of about {side}x{side} pixels" + (", and enlarge it then" if area > 1 else ""),
        )


@rule("CP557", "size-is-cut", Severity.INFO, classes=(*SAMPLER_TYPES, "VAEEncode", "VAEEncodeTiled"))
def size_is_cut(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """A size that is no multiple of what the model works on.

    A VAE cuts a picture to a multiple of 8 pixels before it encodes it, and Flux, Stable Diffusion 3, Qwen-Image, Wan
    and Chroma work on patches of 16 pixels: what is over is padded, and may show at the border.

    Source: ComfyUI 0.3.64, `vae_encode_crop_pixels` in `comfy/sd.py`; the patch size of the models.

    Bad:

        models: {flux: {diffusion_model: flux1-dev.safetensors, text_encoders: [clip_l.safetensors,
          t5xxl_fp16.safetensors], vae: ae.safetensors}}
        stages: [{generate: {model: flux, positive: a lighthouse, guidance: 3.5, size: 1000x1000}}, {save: {}}]

    Good:

        models: {flux: {diffusion_model: flux1-dev.safetensors, text_encoders: [clip_l.safetensors,
          t5xxl_fp16.safetensors], vae: ae.safetensors}}
        stages: [{generate: {model: flux, positive: a lighthouse, guidance: 3.5, size: 1008x1008}}, {save: {}}]
    """
    facts = facts_of(graph, catalog)
    told: set[str] = set()
    for sampling in facts.samplers:
        latent, kind = sampling.latent, sampling.model.kind
        if latent.size is None or latent.node is None or kind is None or latent.node.id in told:
            continue
        if latent.source != "empty" or kind.name not in _PATCHED or latent.resized:
            continue
        for name, side in zip(("width", "height"), latent.size, strict=True):
            if side % 16:
                told.add(latent.node.id)
                message = f"{side} is no multiple of 16, on which {kind.name} works: the border is padded"
                yield Problem(
                    latent.node,
                    name,
                    message,
                    f"take {side // 16 * 16} or {side // 16 * 16 + 16}",
                    remedy=Remedy((side + 8) // 16 * 16),
                )
    for node in graph.nodes.values():
        size = facts.size(node.inputs.get("pixels")) if node.type in ("VAEEncode", "VAEEncodeTiled") else None
        if size is not None and (size[0] % 8 or size[1] % 8):
            left = f"{size[0] // 8 * 8}x{size[1] // 8 * 8}"
            message = f"the picture has {size[0]}x{size[1]} pixels, and a VAE cuts it to {left}"
            yield Problem(node, "pixels", message, "scale it to multiples of 8")


@rule("CP558", "frames-are-cut", Severity.INFO, classes=SAMPLER_TYPES)
def frames_are_cut(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """A number of frames that a video model cannot make: it makes fewer.

    A latent holds several frames to a cell, and one alone: Wan and HunyuanVideo make one more than a multiple of 4,
    Mochi of 6 and LTX-Video of 8.

    Source: ComfyUI 0.3.64, `comfy_extras/nodes_wan.py`, `nodes_hunyuan.py`, `nodes_lt.py` and `nodes_mochi.py`.

    Bad:

        nodes:
          model: {UNETLoader: {unet_name: wan2.1_t2v_14B_fp16.safetensors, weight_dtype: default}}
          text: {CLIPLoader: {clip_name: umt5_xxl_fp8_e4m3fn_scaled.safetensors, type: wan}}
          vae: {VAELoader: {vae_name: wan_2.1_vae.safetensors}}
          good: {CLIPTextEncode: {clip: $text, text: a lighthouse}}
          bad: {CLIPTextEncode: {clip: $text, text: fog}}
          empty: {EmptyHunyuanLatentVideo: {width: 832, height: 480, length: 80, batch_size: 1}}
          made: {KSampler: {model: $model, seed: 1, steps: 20, cfg: 5, sampler_name: euler, scheduler: simple,
            positive: $good, negative: $bad, latent_image: $empty, denoise: 1.0}}
          out: {VAEDecode: {samples: $made, vae: $vae}}
          kept: {SaveImage: {images: $out, filename_prefix: kept}}
        stages: []

    Good:

        models: {sd: {checkpoint: v1-5-pruned-emaonly.safetensors}}
        stages: [{generate: {model: sd, positive: a lighthouse, negative: fog}}, {save: {}}]
    """
    told: set[str] = set()
    for sampling in facts_of(graph, catalog).samplers:
        kind, latent = sampling.model.kind, sampling.latent
        each = _WHOLE_STEPS.get(kind.latents.name, 0) if kind else 0
        if not each or latent.node is None or latent.length is None or latent.node.id in told:
            continue
        if latent.source in ("empty", "prepared") and (latent.length - 1) % each:
            told.add(latent.node.id)
            made = (latent.length - 1) // each * each + 1
            message = f"{latent.length} frames, of which the model makes {made}: one more than a multiple of {each}"
            yield Problem(latent.node, "length", message, f"take {made} or {made + each}")


@rule("CP559", "refined-beyond-native-size", Severity.INFO, classes=SAMPLER_TYPES)
def refined_beyond_native_size(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """A picture is refined in one piece at a size far beyond what the model was trained on.

    Said of models without a UNet, such as Flux, and of more than 2.25 times the native area. ComfyUI leaves their shift
    where it is for a megapixel. With little denoise that goes well, since the picture leads; time and memory rise with
    the area, and faster than it for attention.

    Source: the native sizes of diffusers 0.42.1; the card of FLUX.1 Krea (1024 to 1280 pixels).

    Bad:

        models: {flux: {diffusion_model: flux1-dev.safetensors, text_encoders: [clip_l.safetensors,
          t5xxl_fp16.safetensors], vae: ae.safetensors}}
        nodes: {large: {EmptyImage: {width: 1664, height: 1664, batch_size: 1, color: 0}}}
        stages: [{refine: {from: large, model: flux, positive: a lighthouse, guidance: 3.5, denoise: 0.05}}, {save: {}}]

    Good:

        models: {flux: {diffusion_model: flux1-dev.safetensors, text_encoders: [clip_l.safetensors,
          t5xxl_fp16.safetensors], vae: ae.safetensors}}
        nodes: {plain: {EmptyImage: {width: 1024, height: 1024, batch_size: 1, color: 0}}}
        stages: [{refine: {from: plain, model: flux, positive: a lighthouse, guidance: 3.5, denoise: 0.05}}, {save: {}}]
    """
    told: set[str] = set()
    for sampling in facts_of(graph, catalog).samplers:
        kind, size, prompt = sampling.model.kind, sampling.latent.size, sampling.positive
        if kind is None or not kind.pixels or size is None or sampling.latent.source != "picture" or sampling.tiled:
            continue
        if prompt is None or prompt.pictured or not surely_of(sampling, kind) or sampling.node.id in told:
            continue
        if kind.unet:  # much used so, with the tiles of a ControlNet or without
            continue
        if size[0] * size[1] > 2.25 * kind.pixels:
            told.add(sampling.node.id)
            side = round(kind.pixels**0.5)
            made = f"{size[0]}x{size[1]}"
            message = f"{made} in one piece, and {sampling.model.word} was trained on about {side}x{side}"
            yield Problem(sampling.node, "latent_image", message, f"refine it in tiles of about {side} pixels")


SIZE_RULES = (
    far_from_native_size,
    size_is_cut,
    frames_are_cut,
    refined_beyond_native_size,
)

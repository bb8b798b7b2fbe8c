"""Rules on enlarging and on tiles: do the factor, the tile and the picture go together?"""

from __future__ import annotations

from collections.abc import Iterator

from ..catalog.pinned import Catalog
from ..diagnostics import NotExamined, Severity
from ..facts.read import facts_of
from ..facts.samplers import TILED
from ..graph import Graph
from .rule import Problem, Remedy, rule

_MOST_ASIDE = 12  # GiB
_LIKE_SD = ("sd", "sdxl", "sd3", "flux")  # latents of VAEs that are built like Stable Diffusion's
_SMALLEST = 768  # pixels of a tile's side under which models made for a megapixel lose much


@rule("CP561", "enlarged-beyond-model", Severity.WARNING, classes=TILED)
def enlarged_beyond_model(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """UltimateSDUpscale is to enlarge more than its upscale model does.

    What the model does not give is made by plain resampling after it, which adds no detail. By how much a model
    enlarges is read from its file's name.

    Source: UltimateSDUpscale 1.7.1, `upscale` in its script.

    Bad:

        models: {sd: {checkpoint: v1-5-pruned-emaonly.safetensors}, up: {upscale_model: 2x_NMKD.pth}}
        stages: [{load: {image: $image}}, {upscale: {with: up, by: 4, method: ultimate, model: sd,
          positive: a lighthouse, negative: fog, tile: 512, overlap: 32, denoise: 0.2}}, {save: {}}]

    Good:

        models: {sd: {checkpoint: v1-5-pruned-emaonly.safetensors}, up: {upscale_model: 4x_NMKD.pth}}
        stages: [{load: {image: $image}}, {upscale: {with: up, by: 4, method: ultimate, model: sd,
          positive: a lighthouse, negative: fog, tile: 512, overlap: 32, denoise: 0.2}}, {save: {}}]
    """
    facts = facts_of(graph, catalog)
    for node in graph.nodes.values():
        if "upscale_by" not in node.inputs:
            continue
        factor, wanted = facts.factor(node.inputs.get("upscale_model")), facts.setting(node, "upscale_by").number
        if factor is not None and wanted is not None and wanted > factor:
            message = (
                f"it is to enlarge {wanted:g} times, and its model does {factor} times: the rest is only resampled"
            )
            yield Problem(
                node, "upscale_by", message, f"take a model that enlarges {wanted:g} times, or enlarge by {factor}"
            )


@rule("CP562", "enlarged-and-shrunk", Severity.INFO, classes=TILED)
def enlarged_and_shrunk(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """UltimateSDUpscale is to enlarge less than its upscale model does, and shrinks what that gives.

    The result is sound. It costs time: a model for 4 times does four times the work of one for 2.

    Source: UltimateSDUpscale 1.7.1, `upscale` in its script.

    Bad:

        models: {sd: {checkpoint: v1-5-pruned-emaonly.safetensors}, up: {upscale_model: 4x_NMKD.pth}}
        stages: [{load: {image: $image}}, {upscale: {with: up, by: 2, method: ultimate, model: sd,
          positive: a lighthouse, negative: fog, tile: 512, overlap: 32, denoise: 0.2}}, {save: {}}]

    Good:

        models: {sd: {checkpoint: v1-5-pruned-emaonly.safetensors}, up: {upscale_model: 2x_NMKD.pth}}
        stages: [{load: {image: $image}}, {upscale: {with: up, by: 2, method: ultimate, model: sd,
          positive: a lighthouse, negative: fog, tile: 512, overlap: 32, denoise: 0.2}}, {save: {}}]
    """
    facts = facts_of(graph, catalog)
    for node in graph.nodes.values():
        if "upscale_by" not in node.inputs:
            continue
        factor, wanted = facts.factor(node.inputs.get("upscale_model")), facts.setting(node, "upscale_by").number
        if factor is not None and wanted is not None and 0 < wanted < factor:
            message = f"its model enlarges {factor} times, and the result is shrunk to {wanted:g} times"
            yield Problem(node, "upscale_by", message, f"take a model that enlarges {wanted:g} times, which is quicker")


@rule("CP563", "small-tiles", Severity.WARNING, classes=TILED)
def small_tiles(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """Tiles much smaller than what the model was trained on.

    Each tile is sampled as a picture of its own, of the tile's size and its padding together. Models that were
    trained on a megapixel, such as XL and Flux, give soft tiles below 768 pixels.

    Source: the native sizes of the models; UltimateSDUpscale 1.7.1 for the size of its tiles.

    Bad:

        models: {sdxl: {checkpoint: sd_xl_base_1.0.safetensors}, up: {upscale_model: 2x_NMKD.pth}}
        stages: [{load: {image: $image}}, {upscale: {with: up, by: 2, method: ultimate, model: sdxl,
          positive: a lighthouse, negative: fog, tile: 512, overlap: 32, denoise: 0.2}}, {save: {}}]

    Good:

        models: {sdxl: {checkpoint: sd_xl_base_1.0.safetensors}, up: {upscale_model: 2x_NMKD.pth}}
        stages: [{load: {image: $image}}, {upscale: {with: up, by: 2, method: ultimate, model: sdxl,
          positive: a lighthouse, negative: fog, tile: 1024, overlap: 32, denoise: 0.2}}, {save: {}}]
    """
    facts = facts_of(graph, catalog)
    for sampling in facts.samplers:
        kind = sampling.model.kind
        if not sampling.tiled or kind is None or not sampling.model.certain or kind.pixels < 1024 * 1024:
            continue
        padding = facts.setting(sampling.node, "tile_padding").number or 0
        width, height = (facts.setting(sampling.node, name).number for name in ("tile_width", "tile_height"))
        if width is None or height is None or max(width, height) + padding >= _SMALLEST:
            continue
        message = (
            f"tiles of {width + padding:g}x{height + padding:g} pixels with their padding, "
            f"and {sampling.model.word} was trained on about 1024x1024"
        )
        yield Problem(sampling.node, "tile_width", message, "take tiles of 1024 pixels")


@rule("CP564", "tile-larger-than-picture", Severity.WARNING, classes=("VAEDecodeTiled", "UltimateSDUpscale"))
def tile_larger_than_picture(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """A tile that is as large as the whole picture: nothing is tiled, and no memory is saved.

    Source: ComfyUI 0.3.64, `decode_tiled` in `comfy/sd.py`; UltimateSDUpscale 1.7.1.

    Bad:

        nodes:
          model: {CheckpointLoaderSimple: {ckpt_name: v1-5-pruned-emaonly.safetensors}}
          good: {CLIPTextEncode: {clip: $model.CLIP, text: a lighthouse}}
          bad: {CLIPTextEncode: {clip: $model.CLIP, text: fog}}
          empty: {EmptyLatentImage: {width: 512, height: 512, batch_size: 1}}
          made: {KSampler: {model: $model.MODEL, seed: 1, steps: 20, cfg: 7, sampler_name: euler, scheduler: normal,
            positive: $good, negative: $bad, latent_image: $empty, denoise: 1.0}}
          out: {VAEDecodeTiled: {samples: $made, vae: $model.VAE, tile_size: 1024, overlap: 64, temporal_size: 64,
            temporal_overlap: 8}}
          kept: {SaveImage: {images: $out, filename_prefix: kept}}
        stages: []

    Good:

        models: {sd: {checkpoint: v1-5-pruned-emaonly.safetensors}}
        stages: [{generate: {model: sd, positive: a lighthouse, negative: fog}}, {save: {}}]
    """
    facts = facts_of(graph, catalog)
    for node in graph.nodes.values():
        if node.type == "VAEDecodeTiled":
            latent = facts.latent(node.inputs.get("samples"))
            size, name = (latent.size if latent.length is None else None), "tile_size"
            tile = facts.setting(node, name).number
        elif node.type == "UltimateSDUpscale":
            before, by = facts.size(node.inputs.get("image")), facts.setting(node, "upscale_by").number
            size, name = ((round(before[0] * by), round(before[1] * by)) if before and by else None), "tile_width"
            sides = [facts.setting(node, side).number for side in ("tile_width", "tile_height")]
            tile = None if None in sides else min(side for side in sides if side is not None)
        else:
            continue
        if size is not None and tile is not None and tile >= max(size):
            message = f"a tile of {tile:g} pixels, and the picture has {size[0]}x{size[1]}: nothing is tiled"
            yield Problem(
                node, name, message, f"take a tile of less than {max(size)} pixels, or the node without tiles"
            )


@rule("CP565", "uneven-tiles-in-batches", Severity.ERROR, classes=TILED)
def uneven_tiles_in_batches(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """UltimateSDUpscale is to sample several tiles at once that may differ in size, and stops with an error.

    Source: UltimateSDUpscale 1.7.1 asserts `force_uniform_tiles` where `batch_size` is above 1.

    Bad:

        nodes:
          model: {CheckpointLoaderSimple: {ckpt_name: v1-5-pruned-emaonly.safetensors}}
          up: {UpscaleModelLoader: {model_name: 2x_NMKD.pth}}
          good: {CLIPTextEncode: {clip: $model.CLIP, text: a lighthouse}}
          bad: {CLIPTextEncode: {clip: $model.CLIP, text: fog}}
          large: {UltimateSDUpscale: {image: $load, model: $model.MODEL, positive: $good, negative: $bad,
            vae: $model.VAE, upscale_by: 2.0, seed: 1, steps: 20, cfg: 7, sampler_name: euler, scheduler: normal,
            denoise: 0.2, upscale_model: $up, mode_type: Linear, tile_width: 512, tile_height: 512, mask_blur: 8,
            tile_padding: 32, seam_fix_mode: None, seam_fix_denoise: 1.0, seam_fix_width: 64, seam_fix_mask_blur: 8,
            seam_fix_padding: 16, force_uniform_tiles: false, tiled_decode: false, batch_size: 4}}
          kept: {SaveImage: {images: $large, filename_prefix: kept}}
        stages: [{load: {image: $image}}]

    Good:

        models: {sd: {checkpoint: v1-5-pruned-emaonly.safetensors}, up: {upscale_model: 2x_NMKD.pth}}
        stages: [{load: {image: $image}}, {upscale: {with: up, by: 2, method: ultimate, model: sd,
          positive: a lighthouse, negative: fog, tile: 512, overlap: 32, denoise: 0.2}}, {save: {}}]
    """
    facts = facts_of(graph, catalog)
    for node in graph.nodes.values():
        if node.type not in TILED or facts.setting(node, "force_uniform_tiles").value is not False:
            continue
        batch = facts.setting(node, "batch_size").number
        if batch is not None and batch > 1:
            message = f"it samples {batch:g} tiles at once, which must all be of one size, and they need not be"
            yield Problem(
                node, "force_uniform_tiles", message, "set force_uniform_tiles to true", remedy=Remedy(True, safe=True)
            )


@rule("CP566", "tiles-invent", Severity.WARNING, classes=TILED)
def tiles_invent(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """Tiles are sampled with so much denoise that each makes up a picture of its own.

    Each tile follows the whole prompt. Above 0.5 they no longer hold together, and the subject appears in each.

    Source: the default of UltimateSDUpscale 1.7.1 is 0.2; practice.

    Bad:

        models: {sd: {checkpoint: v1-5-pruned-emaonly.safetensors}, up: {upscale_model: 2x_NMKD.pth}}
        stages: [{load: {image: $image}}, {upscale: {with: up, by: 2, method: ultimate, model: sd,
          positive: a lighthouse, negative: fog, tile: 512, overlap: 32, denoise: 0.8}}, {save: {}}]

    Good:

        models: {sd: {checkpoint: v1-5-pruned-emaonly.safetensors}, up: {upscale_model: 2x_NMKD.pth}}
        stages: [{load: {image: $image}}, {upscale: {with: up, by: 2, method: ultimate, model: sd,
          positive: a lighthouse, negative: fog, tile: 512, overlap: 32, denoise: 0.2}}, {save: {}}]
    """
    facts = facts_of(graph, catalog)
    for sampling in facts.samplers:
        amount = sampling.amount
        if (
            not sampling.tiled
            or sampling.denoise is None
            or amount is None
            or amount <= 0.5
            or sampling.positive is None
        ):
            continue
        if sampling.positive.pictured or facts.setting(sampling.node, "mode_type").text == "None":
            continue
        message = f"a denoise of {amount:g} for tiles: each makes up a picture of its own"
        yield Problem(
            sampling.denoise.node,
            sampling.denoise.input,
            message,
            "set denoise to 0.2 to 0.4, or lead it with a ControlNet",
        )


@rule("CP567", "seams-made-anew", Severity.WARNING, classes=TILED)
def seams_made_anew(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """The seams between tiles are redrawn from nothing: `seam_fix_denoise` is 1, where its default leaves it.

    Source: UltimateSDUpscale 1.7.1, the default of `seam_fix_denoise`.

    Bad:

        nodes:
          model: {CheckpointLoaderSimple: {ckpt_name: v1-5-pruned-emaonly.safetensors}}
          up: {UpscaleModelLoader: {model_name: 2x_NMKD.pth}}
          good: {CLIPTextEncode: {clip: $model.CLIP, text: a lighthouse}}
          bad: {CLIPTextEncode: {clip: $model.CLIP, text: fog}}
          large: {UltimateSDUpscale: {image: $load, model: $model.MODEL, positive: $good, negative: $bad,
            vae: $model.VAE, upscale_by: 2.0, seed: 1, steps: 20, cfg: 7, sampler_name: euler, scheduler: normal,
            denoise: 0.2, upscale_model: $up, mode_type: Linear, tile_width: 512, tile_height: 512, mask_blur: 8,
            tile_padding: 32, seam_fix_mode: Half Tile, seam_fix_denoise: 1.0, seam_fix_width: 64,
            seam_fix_mask_blur: 8, seam_fix_padding: 16, force_uniform_tiles: true, tiled_decode: false,
            batch_size: 1}}
          kept: {SaveImage: {images: $large, filename_prefix: kept}}
        stages: [{load: {image: $image}}]

    Good:

        models: {sd: {checkpoint: v1-5-pruned-emaonly.safetensors}, up: {upscale_model: 2x_NMKD.pth}}
        stages: [{load: {image: $image}}, {upscale: {with: up, by: 2, method: ultimate, model: sd,
          positive: a lighthouse, negative: fog, tile: 512, overlap: 32, denoise: 0.2}}, {save: {}}]
    """
    facts = facts_of(graph, catalog)
    for node in graph.nodes.values():
        if node.type not in TILED or facts.setting(node, "seam_fix_mode").text in (None, "None"):
            continue
        amount = facts.setting(node, "seam_fix_denoise").number
        if amount is not None and amount > 0.9:
            message = f"seam_fix_denoise is {amount:g}: the seams are made up anew, and match nothing beside them"
            yield Problem(node, "seam_fix_denoise", message, "set it to what denoise is")


@rule("CP568", "blur-beyond-padding", Severity.WARNING, classes=TILED)
def blur_beyond_padding(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """The border of a tile is blended over more pixels than the tile has beside it, and seams show.

    Source: practice with UltimateSDUpscale.

    Bad:

        models: {sd: {checkpoint: v1-5-pruned-emaonly.safetensors}, up: {upscale_model: 2x_NMKD.pth}}
        stages: [{load: {image: $image}}, {upscale: {with: up, by: 2, method: ultimate, model: sd,
          positive: a lighthouse, negative: fog, tile: 512, overlap: 16, blur: 48, denoise: 0.2}}, {save: {}}]

    Good:

        models: {sd: {checkpoint: v1-5-pruned-emaonly.safetensors}, up: {upscale_model: 2x_NMKD.pth}}
        stages: [{load: {image: $image}}, {upscale: {with: up, by: 2, method: ultimate, model: sd,
          positive: a lighthouse, negative: fog, tile: 512, overlap: 32, blur: 8, denoise: 0.2}}, {save: {}}]
    """
    facts = facts_of(graph, catalog)
    for node in graph.nodes.values():
        if node.type not in TILED:
            continue
        blur, padding = (facts.setting(node, name).number for name in ("mask_blur", "tile_padding"))
        if blur is not None and padding is not None and blur > padding:
            message = f"a tile is blended over {blur:g} pixels, and has {padding:g} beside it: seams show"
            yield Problem(node, "mask_blur", message, f"set it to {padding:g} or less", remedy=Remedy(int(padding)))


@rule("CP569", "decoded-in-one-piece", Severity.INFO, classes=("VAEDecode",))
def decoded_in_one_piece(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """A large picture is decoded in one piece, for which ComfyUI sets aside more memory than most cards have.

    For 2048x2048 pixels it counts on 17 GiB, in bfloat16, and moves the other models out of the way; less than a third
    is used. Encoding it takes 13.8 GiB in the same way. What does not fit is done again in tiles.

    Source: ComfyUI 0.3.64, `memory_used_decode` and `memory_used_encode` in `comfy/sd.py`.

    Bad:

        models: {sdxl: {checkpoint: sd_xl_base_1.0.safetensors}}
        nodes:
          model: {CheckpointLoaderSimple: {ckpt_name: sd_xl_base_1.0.safetensors}}
          large: {EmptyLatentImage: {width: 2048, height: 2048, batch_size: 1}}
          out: {VAEDecode: {samples: $large, vae: $model.VAE}}
          kept: {SaveImage: {images: $out, filename_prefix: kept}}
        stages: []

    Good:

        models: {sdxl: {checkpoint: sd_xl_base_1.0.safetensors}}
        nodes:
          model: {CheckpointLoaderSimple: {ckpt_name: sd_xl_base_1.0.safetensors}}
          large: {EmptyLatentImage: {width: 2048, height: 2048, batch_size: 1}}
          out: {VAEDecodeTiled: {samples: $large, vae: $model.VAE, tile_size: 512, overlap: 64, temporal_size: 64,
            temporal_overlap: 8}}
          kept: {SaveImage: {images: $out, filename_prefix: kept}}
        stages: []
    """
    facts = facts_of(graph, catalog)
    for node in graph.nodes.values():
        if node.type != "VAEDecode":
            continue
        latent, vae = facts.latent(node.inputs.get("samples")), facts.vae(node.inputs.get("vae"))
        if latent.size is None or latent.length is not None or vae is None or vae.name not in _LIKE_SD:
            continue
        aside = 2178 * latent.size[0] * latent.size[1] * 2 / 2**30
        if aside > _MOST_ASIDE:
            width, height = latent.size
            message = f"ComfyUI sets {aside:.1f} GiB aside to decode {width}x{height} pixels in one piece"
            yield Problem(node, "samples", message, "decode with VAEDecodeTiled where memory is short")


TILE_RULES = (
    enlarged_beyond_model,
    enlarged_and_shrunk,
    small_tiles,
    tile_larger_than_picture,
    uneven_tiles_in_batches,
    tiles_invent,
    seams_made_anew,
    blur_beyond_padding,
    decoded_in_one_piece,
)

"""Rules on latents: are they of the kind that the model and the VAE work on?"""

from __future__ import annotations

from collections.abc import Iterator

from ..catalog.pinned import Catalog
from ..diagnostics import NotExamined, Severity
from ..facts.kinds import Kind, Latents
from ..facts.latents import EMPTY, SAMPLERS, sampled_latents
from ..facts.read import Facts, facts_of
from ..facts.samplers import SAMPLER_TYPES, Sampling
from ..graph import Graph, Node
from .matching import is_at_hand
from .rule import Problem, rule

# Latents of which neither channels nor size are a picture's or a video's as those of others are.
# Latents of which neither channels nor size are a picture's or a video's as those of others are.
APART = ("stable-audio", "ace-step", "hunyuan3d", "cascade", "flux2", "pixels", "cosmos")


@rule("CP551", "wrong-empty-latent", Severity.WARNING, classes=SAMPLER_TYPES)
def wrong_empty_latent(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """An empty latent whose cells are of another size than the model's, or that has a time axis for a picture model.

    A sampler sets the number of channels of an empty latent right, and nothing else. One cell is 8 pixels wide for most
    models, 16 for Wan 2.2 5B and 32 for LTX-Video and HunyuanImage: with a latent made for 8, their picture comes out
    two or four times as large as was asked for. A video's latent stops a picture model with an error.

    Source: ComfyUI 0.3.64, `fix_empty_latent_channels` in `comfy/sample.py`; `comfy/latent_formats.py`.

    Bad:

        nodes:
          model: {CheckpointLoaderSimple: {ckpt_name: v1-5-pruned-emaonly.safetensors}}
          good: {CLIPTextEncode: {clip: $model.CLIP, text: a lighthouse}}
          bad: {CLIPTextEncode: {clip: $model.CLIP, text: fog}}
          empty: {EmptyLTXVLatentVideo: {width: 768, height: 512, length: 97, batch_size: 1}}
          made: {KSampler: {model: $model.MODEL, seed: 1, steps: 20, cfg: 7, sampler_name: euler, scheduler: normal,
            positive: $good, negative: $bad, latent_image: $empty, denoise: 1.0}}
          out: {VAEDecode: {samples: $made, vae: $model.VAE}}
          kept: {SaveImage: {images: $out, filename_prefix: kept}}
        stages: []

    Good:

        models: {sd: {checkpoint: v1-5-pruned-emaonly.safetensors}}
        stages: [{generate: {model: sd, positive: a lighthouse, negative: fog}}, {save: {}}]
    """
    for sampling in facts_of(graph, catalog).samplers:
        kind, latent = sampling.model.kind, sampling.latent
        if latent.source != "empty" or latent.latents is None or not surely_of(sampling, kind) or kind is None:
            continue
        wanted = kind.latents
        if latent.latents.name in APART:
            continue
        if latent.latents.cell != wanted.cell:
            message = (
                f'"{_type(latent.node)}" makes latents of {latent.latents.cell} pixels to a cell, '
                f"and {kind.name} works on {wanted.cell}"
            )
        elif latent.latents.pace and not wanted.pace:
            message = f'"{_type(latent.node)}" makes the latent of a video, and {kind.name} makes pictures'
        else:
            continue
        yield Problem(sampling.node, "latent_image", message, f'take "{_maker(wanted)}"')


@rule("CP552", "foreign-latent", Severity.WARNING, classes=SAMPLER_TYPES)
def foreign_latent(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """A model is given a latent of another kind: from another model's VAE, or from another model.

    A latent with something in it is not converted. Stable Diffusion's has 4 channels, Flux's and that of Stable
    Diffusion 3 has 16; sampling fails. To go from one to the other, decode the latent and encode the picture.

    Source: ComfyUI 0.3.64, `comfy/latent_formats.py` and `fix_empty_latent_channels` in `comfy/sample.py`.

    Bad:

        nodes:
          model: {CheckpointLoaderSimple: {ckpt_name: v1-5-pruned-emaonly.safetensors}}
          vae: {VAELoader: {vae_name: ae.safetensors}}
          good: {CLIPTextEncode: {clip: $model.CLIP, text: a lighthouse}}
          bad: {CLIPTextEncode: {clip: $model.CLIP, text: fog}}
          seen: {VAEEncode: {pixels: $load, vae: $vae}}
          made: {KSampler: {model: $model.MODEL, seed: 1, steps: 20, cfg: 7, sampler_name: euler, scheduler: normal,
            positive: $good, negative: $bad, latent_image: $seen, denoise: 0.5}}
          out: {VAEDecode: {samples: $made, vae: $model.VAE}}
          kept: {SaveImage: {images: $out, filename_prefix: kept}}
        stages: [{load: {image: $image}}]

    Good:

        models: {sd: {checkpoint: v1-5-pruned-emaonly.safetensors}}
        stages: [{load: {image: $image}}, {refine: {model: sd, positive: a lighthouse, negative: fog,
          denoise: 0.5}}, {save: {}}]
    """
    for sampling, given, wanted in _given(facts_of(graph, catalog)):
        if _unlike(given, wanted):
            message = f"it is given {_words(given)}, and {sampling.model.word} works on {_words(wanted)}"
            yield Problem(
                sampling.node,
                "latent_image",
                message,
                "decode the latent, and encode the picture with this model's VAE",
            )


@rule("CP553", "latent-of-a-relative", Severity.WARNING, classes=SAMPLER_TYPES)
def latent_of_a_relative(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """A model is given a latent of the same shape that means something else.

    Stable Diffusion 1 and XL both have 4 channels, Flux and Stable Diffusion 3 both 16, and nothing fails; but what is
    in them differs, so that colours and details are off.

    Source: ComfyUI 0.3.64, `comfy/latent_formats.py`.

    Bad:

        nodes:
          model: {CheckpointLoaderSimple: {ckpt_name: sd_xl_base_1.0.safetensors}}
          vae: {VAELoader: {vae_name: vae-ft-mse-840000-ema-pruned.safetensors}}
          good: {CLIPTextEncode: {clip: $model.CLIP, text: a lighthouse}}
          bad: {CLIPTextEncode: {clip: $model.CLIP, text: fog}}
          seen: {VAEEncode: {pixels: $load, vae: $vae}}
          made: {KSampler: {model: $model.MODEL, seed: 1, steps: 20, cfg: 7, sampler_name: euler, scheduler: normal,
            positive: $good, negative: $bad, latent_image: $seen, denoise: 0.5}}
          out: {VAEDecode: {samples: $made, vae: $model.VAE}}
          kept: {SaveImage: {images: $out, filename_prefix: kept}}
        stages: [{load: {image: $image}}]

    Good:

        models: {sd: {checkpoint: v1-5-pruned-emaonly.safetensors}}
        stages: [{load: {image: $image}}, {refine: {model: sd, positive: a lighthouse, negative: fog,
          denoise: 0.5}}, {save: {}}]
    """
    for sampling, given, wanted in _given(facts_of(graph, catalog)):
        if not _unlike(given, wanted) and given.name != wanted.name:
            message = (
                f"it is given a latent of {given.name}, and {sampling.model.word} reads it as one of its own: "
                "colours are off"
            )
            yield Problem(
                sampling.node,
                "latent_image",
                message,
                "decode the latent, and encode the picture with this model's VAE",
            )


@rule("CP554", "vae-does-not-fit", Severity.WARNING, classes=SAMPLER_TYPES)
def vae_does_not_fit(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """A latent is decoded by the VAE of another family, which fails for the number of its channels.

    Only VAEs under the names by which they are published are judged.

    Source: ComfyUI 0.3.64, `comfy/latent_formats.py` and `comfy/sd.py`.

    Bad:

        nodes:
          model: {CheckpointLoaderSimple: {ckpt_name: v1-5-pruned-emaonly.safetensors}}
          vae: {VAELoader: {vae_name: ae.safetensors}}
          good: {CLIPTextEncode: {clip: $model.CLIP, text: a lighthouse}}
          bad: {CLIPTextEncode: {clip: $model.CLIP, text: fog}}
          empty: {EmptyLatentImage: {width: 512, height: 512, batch_size: 1}}
          made: {KSampler: {model: $model.MODEL, seed: 1, steps: 20, cfg: 7, sampler_name: euler, scheduler: normal,
            positive: $good, negative: $bad, latent_image: $empty, denoise: 1.0}}
          out: {VAEDecode: {samples: $made, vae: $vae}}
          kept: {SaveImage: {images: $out, filename_prefix: kept}}
        stages: []

    Good:

        nodes:
          model: {CheckpointLoaderSimple: {ckpt_name: v1-5-pruned-emaonly.safetensors}}
          vae: {VAELoader: {vae_name: vae-ft-mse-840000-ema-pruned.safetensors}}
          good: {CLIPTextEncode: {clip: $model.CLIP, text: a lighthouse}}
          bad: {CLIPTextEncode: {clip: $model.CLIP, text: fog}}
          empty: {EmptyLatentImage: {width: 512, height: 512, batch_size: 1}}
          made: {KSampler: {model: $model.MODEL, seed: 1, steps: 20, cfg: 7, sampler_name: euler, scheduler: normal,
            positive: $good, negative: $bad, latent_image: $empty, denoise: 1.0}}
          out: {VAEDecode: {samples: $made, vae: $vae}}
          kept: {SaveImage: {images: $out, filename_prefix: kept}}
        stages: []
    """
    for node, given, wanted in _decoded(graph, facts_of(graph, catalog)):
        if _unlike(given, wanted) and not _vae_is_at_hand(graph, catalog, node):
            message = f"this VAE decodes {_words(wanted)}, and is given {_words(given)}"
            yield Problem(node, "vae", message, f"take the VAE of {given.name}")


@rule("CP555", "vae-of-a-relative", Severity.WARNING, classes=SAMPLER_TYPES)
def vae_of_a_relative(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """A latent is decoded by a VAE of the same shape that was made for another family: colours are off.

    Source: ComfyUI 0.3.64, the scales of `comfy/latent_formats.py`.

    Bad:

        nodes:
          model: {CheckpointLoaderSimple: {ckpt_name: sd_xl_base_1.0.safetensors}}
          vae: {VAELoader: {vae_name: vae-ft-mse-840000-ema-pruned.safetensors}}
          good: {CLIPTextEncode: {clip: $model.CLIP, text: a lighthouse}}
          bad: {CLIPTextEncode: {clip: $model.CLIP, text: fog}}
          empty: {EmptyLatentImage: {width: 1024, height: 1024, batch_size: 1}}
          made: {KSampler: {model: $model.MODEL, seed: 1, steps: 20, cfg: 7, sampler_name: euler, scheduler: normal,
            positive: $good, negative: $bad, latent_image: $empty, denoise: 1.0}}
          out: {VAEDecode: {samples: $made, vae: $vae}}
          kept: {SaveImage: {images: $out, filename_prefix: kept}}
        stages: []

    Good:

        models: {sd: {checkpoint: v1-5-pruned-emaonly.safetensors}}
        stages: [{generate: {model: sd, positive: a lighthouse, negative: fog}}, {save: {}}]
    """
    for node, given, wanted in _decoded(graph, facts_of(graph, catalog)):
        if not _unlike(given, wanted) and given.name != wanted.name:
            message = f"this VAE is for {wanted.name}, and is given a latent of {given.name}: colours are off"
            yield Problem(node, "vae", message, f"take the VAE of {given.name}")


LATENT_RULES = (wrong_empty_latent, foreign_latent, latent_of_a_relative, vae_does_not_fit, vae_of_a_relative)


def surely_of(sampling: Sampling, kind: Kind | None) -> bool:
    """Whether a model is by its own file's name of a family whose latents are like others'."""
    model = sampling.model
    return kind is not None and model.certain and not model.opaque and kind.latents.name not in APART


def _given(facts: Facts) -> Iterator[tuple[Sampling, Latents, Latents]]:
    """Samplers with the latents that they are surely given, full ones, and those of their model."""
    for sampling in facts.samplers:
        kind, given = sampling.model.kind, sampling.latent.latents
        if sampling.tiled or sampling.latent.source not in ("picture", "sampler") or given is None or kind is None:
            continue
        if given.name and given.name not in APART and surely_of(sampling, kind):
            yield sampling, given, kind.latents


def _decoded(graph: Graph, facts: Facts) -> Iterator[tuple[Node, Latents, Latents]]:
    """What decodes a sampler's latents, with these and those that its VAE is for."""
    for node in graph.nodes.values():
        if node.type not in ("VAEDecode", "VAEDecodeTiled"):
            continue
        wanted = facts.vae(node.inputs.get("vae"))
        origin = facts.view.origin(node.inputs.get("samples")) if wanted else None
        if wanted is None or origin is None or origin[0].type not in SAMPLERS:
            continue
        sampling = next((each for each in facts.samplers if each.node.id == origin[0].id), None)
        given = sampled_latents(facts.view, origin[0])
        if (
            sampling is not None
            and given is not None
            and surely_of(sampling, sampling.model.kind)
            and wanted.name not in APART
        ):
            yield node, given, wanted


def _vae_is_at_hand(graph: Graph, catalog: Catalog, node: Node) -> bool:
    """Whether the VAE's own tensors are looked at, by CP579."""
    origin = facts_of(graph, catalog).view.origin(node.inputs.get("vae"))
    file = origin[0].inputs.get("vae_name") if origin else None
    return isinstance(file, str) and is_at_hand(catalog, "vae", file)


def _unlike(given: Latents, wanted: Latents) -> bool:
    """Whether nothing that is made for the one can take the other."""
    return (given.channels, given.cell) != (wanted.channels, wanted.cell)


def _words(latents: Latents) -> str:
    return f"latents of {latents.name} with {latents.channels} channels"


def _type(node: Node | None) -> str:
    return node.type if node is not None else "it"


def _maker(wanted: Latents) -> str:
    """The node that makes empty latents of a kind."""
    same = [
        name
        for name, latents in EMPTY.items()
        if (latents.channels, latents.cell, latents.pace) == (wanted.channels, wanted.cell, wanted.pace)
    ]
    return same[0] if same else "Wan22ImageToVideoLatent" if wanted.name == "wan22" else "EmptyLatentImage"

"""Rules on samplers that take a part of the steps each, one after the other."""

from __future__ import annotations

from collections.abc import Iterator

from ..catalog.pinned import Catalog
from ..diagnostics import NotExamined, Severity
from ..facts.read import Facts, facts_of
from ..facts.samplers import Sampling
from ..graph import Graph
from .rule import Problem, rule


@rule("CP521", "no-steps", Severity.WARNING, classes=("KSamplerAdvanced",))
def no_steps(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """A sampler is told to end before it begins: it takes no step, and returns what it was given.

    KSamplerAdvanced takes the steps from `start_at_step` up to `end_at_step`, out of `steps`.

    Source: ComfyUI 0.3.64, `KSampler.sample` in `comfy/samplers.py`.

    Bad:

        nodes:
          model: {CheckpointLoaderSimple: {ckpt_name: v1-5-pruned-emaonly.safetensors}}
          good: {CLIPTextEncode: {clip: $model.CLIP, text: a lighthouse}}
          bad: {CLIPTextEncode: {clip: $model.CLIP, text: fog}}
          empty: {EmptyLatentImage: {width: 512, height: 512, batch_size: 1}}
          made: {KSamplerAdvanced: {model: $model.MODEL, add_noise: enable, noise_seed: 1, steps: 20, cfg: 7,
            sampler_name: euler, scheduler: normal, positive: $good, negative: $bad, latent_image: $empty,
            start_at_step: 20, end_at_step: 10000, return_with_leftover_noise: disable}}
          out: {VAEDecode: {samples: $made, vae: $model.VAE}}
          kept: {SaveImage: {images: $out, filename_prefix: kept}}
        stages: []

    Good:

        nodes:
          model: {CheckpointLoaderSimple: {ckpt_name: v1-5-pruned-emaonly.safetensors}}
          good: {CLIPTextEncode: {clip: $model.CLIP, text: a lighthouse}}
          bad: {CLIPTextEncode: {clip: $model.CLIP, text: fog}}
          empty: {EmptyLatentImage: {width: 512, height: 512, batch_size: 1}}
          made: {KSamplerAdvanced: {model: $model.MODEL, add_noise: enable, noise_seed: 1, steps: 20, cfg: 7,
            sampler_name: euler, scheduler: normal, positive: $good, negative: $bad, latent_image: $empty,
            start_at_step: 0, end_at_step: 10000, return_with_leftover_noise: disable}}
          out: {VAEDecode: {samples: $made, vae: $model.VAE}}
          kept: {SaveImage: {images: $out, filename_prefix: kept}}
        stages: []
    """
    for sampling in facts_of(graph, catalog).samplers:
        if not _idle(sampling) or sampling.start is None:
            continue
        start, end = _range(sampling) or (0, 0)
        message = f"it begins at step {start} and ends at step {end}: it takes none, and returns what it was given"
        yield Problem(sampling.node, "start_at_step", message, "begin earlier, or remove the sampler")


@rule("CP522", "noise-taken-away", Severity.WARNING, classes=("KSamplerAdvanced",))
def noise_taken_away(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """A sampler that stops early takes all noise away, and the one that goes on adds none.

    The second then begins at a step where it expects noise, and finds none: the picture comes out smooth and pale.

    Source: ComfyUI 0.3.64, `force_full_denoise` in `comfy/samplers.py`.

    Bad:

        nodes:
          model: {CheckpointLoaderSimple: {ckpt_name: v1-5-pruned-emaonly.safetensors}}
          good: {CLIPTextEncode: {clip: $model.CLIP, text: a lighthouse}}
          bad: {CLIPTextEncode: {clip: $model.CLIP, text: fog}}
          empty: {EmptyLatentImage: {width: 512, height: 512, batch_size: 1}}
          first: {KSamplerAdvanced: {model: $model.MODEL, add_noise: enable, noise_seed: 1, steps: 20, cfg: 7,
            sampler_name: euler, scheduler: normal, positive: $good, negative: $bad, latent_image: $empty,
            start_at_step: 0, end_at_step: 10, return_with_leftover_noise: disable}}
          made: {KSamplerAdvanced: {model: $model.MODEL, add_noise: disable, noise_seed: 1, steps: 20, cfg: 7,
            sampler_name: euler, scheduler: normal, positive: $good, negative: $bad, latent_image: $first,
            start_at_step: 10, end_at_step: 10000, return_with_leftover_noise: disable}}
          out: {VAEDecode: {samples: $made, vae: $model.VAE}}
          kept: {SaveImage: {images: $out, filename_prefix: kept}}
        stages: []

    Good:

        nodes:
          model: {CheckpointLoaderSimple: {ckpt_name: v1-5-pruned-emaonly.safetensors}}
          good: {CLIPTextEncode: {clip: $model.CLIP, text: a lighthouse}}
          bad: {CLIPTextEncode: {clip: $model.CLIP, text: fog}}
          empty: {EmptyLatentImage: {width: 512, height: 512, batch_size: 1}}
          first: {KSamplerAdvanced: {model: $model.MODEL, add_noise: enable, noise_seed: 1, steps: 20, cfg: 7,
            sampler_name: euler, scheduler: normal, positive: $good, negative: $bad, latent_image: $empty,
            start_at_step: 0, end_at_step: 10, return_with_leftover_noise: enable}}
          made: {KSamplerAdvanced: {model: $model.MODEL, add_noise: disable, noise_seed: 1, steps: 20, cfg: 7,
            sampler_name: euler, scheduler: normal, positive: $good, negative: $bad, latent_image: $first,
            start_at_step: 10, end_at_step: 10000, return_with_leftover_noise: disable}}
          out: {VAEDecode: {samples: $made, vae: $model.VAE}}
          kept: {SaveImage: {images: $out, filename_prefix: kept}}
        stages: []
    """
    for before, after in _pairs(facts_of(graph, catalog)):
        if _stops_early(before) and before.leftover is False and after.noised is False:
            yield Problem(
                before.node,
                "return_with_leftover_noise",
                f'it takes all noise away at step {_range(before)[1]}, and "{after.node.title or after.node.id}" '  # type: ignore[index]
                "goes on without adding any",
                'say "enable"',
            )


@rule("CP523", "noise-added-twice", Severity.WARNING, classes=("KSamplerAdvanced",))
def noise_added_twice(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """A sampler adds noise to a latent in which the one before it has left noise.

    The picture then has more noise in it than the step expects, and keeps what is too much.

    Source: ComfyUI 0.3.64, `common_ksampler` in `nodes.py`.

    Bad:

        nodes:
          model: {CheckpointLoaderSimple: {ckpt_name: v1-5-pruned-emaonly.safetensors}}
          good: {CLIPTextEncode: {clip: $model.CLIP, text: a lighthouse}}
          bad: {CLIPTextEncode: {clip: $model.CLIP, text: fog}}
          empty: {EmptyLatentImage: {width: 512, height: 512, batch_size: 1}}
          first: {KSamplerAdvanced: {model: $model.MODEL, add_noise: enable, noise_seed: 1, steps: 20, cfg: 7,
            sampler_name: euler, scheduler: normal, positive: $good, negative: $bad, latent_image: $empty,
            start_at_step: 0, end_at_step: 10, return_with_leftover_noise: enable}}
          made: {KSamplerAdvanced: {model: $model.MODEL, add_noise: enable, noise_seed: 1, steps: 20, cfg: 7,
            sampler_name: euler, scheduler: normal, positive: $good, negative: $bad, latent_image: $first,
            start_at_step: 10, end_at_step: 10000, return_with_leftover_noise: disable}}
          out: {VAEDecode: {samples: $made, vae: $model.VAE}}
          kept: {SaveImage: {images: $out, filename_prefix: kept}}
        stages: []

    Good:

        nodes:
          model: {CheckpointLoaderSimple: {ckpt_name: v1-5-pruned-emaonly.safetensors}}
          good: {CLIPTextEncode: {clip: $model.CLIP, text: a lighthouse}}
          bad: {CLIPTextEncode: {clip: $model.CLIP, text: fog}}
          empty: {EmptyLatentImage: {width: 512, height: 512, batch_size: 1}}
          first: {KSamplerAdvanced: {model: $model.MODEL, add_noise: enable, noise_seed: 1, steps: 20, cfg: 7,
            sampler_name: euler, scheduler: normal, positive: $good, negative: $bad, latent_image: $empty,
            start_at_step: 0, end_at_step: 10, return_with_leftover_noise: enable}}
          made: {KSamplerAdvanced: {model: $model.MODEL, add_noise: disable, noise_seed: 1, steps: 20, cfg: 7,
            sampler_name: euler, scheduler: normal, positive: $good, negative: $bad, latent_image: $first,
            start_at_step: 10, end_at_step: 10000, return_with_leftover_noise: disable}}
          out: {VAEDecode: {samples: $made, vae: $model.VAE}}
          kept: {SaveImage: {images: $out, filename_prefix: kept}}
        stages: []
    """
    for before, after in _pairs(facts_of(graph, catalog)):
        if _stops_early(before) and before.leftover and after.noised:
            name = before.node.title or before.node.id
            message = f'it adds noise to what "{name}" gives, which has its noise still in it'
            yield Problem(after.node, "add_noise", message, 'say "disable"')


@rule("CP524", "noise-left-in-picture", Severity.WARNING, classes=("KSamplerAdvanced",))
def noise_left_in_picture(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """A sampler stops early and leaves its noise in, and what comes after it makes a picture of that.

    Source: ComfyUI 0.3.64, `KSampler.sample` in `comfy/samplers.py`.

    Bad:

        nodes:
          model: {CheckpointLoaderSimple: {ckpt_name: v1-5-pruned-emaonly.safetensors}}
          good: {CLIPTextEncode: {clip: $model.CLIP, text: a lighthouse}}
          bad: {CLIPTextEncode: {clip: $model.CLIP, text: fog}}
          empty: {EmptyLatentImage: {width: 512, height: 512, batch_size: 1}}
          made: {KSamplerAdvanced: {model: $model.MODEL, add_noise: enable, noise_seed: 1, steps: 20, cfg: 7,
            sampler_name: euler, scheduler: normal, positive: $good, negative: $bad, latent_image: $empty,
            start_at_step: 0, end_at_step: 10, return_with_leftover_noise: enable}}
          out: {VAEDecode: {samples: $made, vae: $model.VAE}}
          kept: {SaveImage: {images: $out, filename_prefix: kept}}
        stages: []

    Good:

        nodes:
          model: {CheckpointLoaderSimple: {ckpt_name: v1-5-pruned-emaonly.safetensors}}
          good: {CLIPTextEncode: {clip: $model.CLIP, text: a lighthouse}}
          bad: {CLIPTextEncode: {clip: $model.CLIP, text: fog}}
          empty: {EmptyLatentImage: {width: 512, height: 512, batch_size: 1}}
          made: {KSamplerAdvanced: {model: $model.MODEL, add_noise: enable, noise_seed: 1, steps: 20, cfg: 7,
            sampler_name: euler, scheduler: normal, positive: $good, negative: $bad, latent_image: $empty,
            start_at_step: 0, end_at_step: 20, return_with_leftover_noise: enable}}
          out: {VAEDecode: {samples: $made, vae: $model.VAE}}
          kept: {SaveImage: {images: $out, filename_prefix: kept}}
        stages: []
    """
    facts = facts_of(graph, catalog)
    early = {each.node.id: each for each in facts.samplers if each.leftover and _stops_early(each)}
    if not early:
        return
    for node in graph.nodes.values():
        if node.type not in ("VAEDecode", "VAEDecodeTiled"):
            continue
        origin = facts.view.origin(node.inputs.get("samples"))
        sampling = early.pop(origin[0].id, None) if origin else None
        stop = _range(sampling) if sampling is not None else None
        if sampling is not None and stop is not None:
            message = (
                f"it stops at step {stop[1]} of {sampling.count} and leaves its noise in, "
                "and the next node makes a picture of that"
            )
            yield Problem(sampling.node, "return_with_leftover_noise", message, 'say "disable"')


@rule("CP525", "gap-in-steps", Severity.WARNING, classes=("KSamplerAdvanced",))
def gap_in_steps(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """Two samplers share a schedule, and the second does not begin where the first ends.

    Steps between them are left out, or taken twice, and what noise is in the latent is not what the second expects.

    Source: ComfyUI 0.3.64, `KSampler.sample` in `comfy/samplers.py`.

    Bad:

        nodes:
          model: {CheckpointLoaderSimple: {ckpt_name: v1-5-pruned-emaonly.safetensors}}
          good: {CLIPTextEncode: {clip: $model.CLIP, text: a lighthouse}}
          bad: {CLIPTextEncode: {clip: $model.CLIP, text: fog}}
          empty: {EmptyLatentImage: {width: 512, height: 512, batch_size: 1}}
          first: {KSamplerAdvanced: {model: $model.MODEL, add_noise: enable, noise_seed: 1, steps: 20, cfg: 7,
            sampler_name: euler, scheduler: normal, positive: $good, negative: $bad, latent_image: $empty,
            start_at_step: 0, end_at_step: 10, return_with_leftover_noise: enable}}
          made: {KSamplerAdvanced: {model: $model.MODEL, add_noise: disable, noise_seed: 1, steps: 20, cfg: 7,
            sampler_name: euler, scheduler: normal, positive: $good, negative: $bad, latent_image: $first,
            start_at_step: 15, end_at_step: 10000, return_with_leftover_noise: disable}}
          out: {VAEDecode: {samples: $made, vae: $model.VAE}}
          kept: {SaveImage: {images: $out, filename_prefix: kept}}
        stages: []

    Good:

        nodes:
          model: {CheckpointLoaderSimple: {ckpt_name: v1-5-pruned-emaonly.safetensors}}
          good: {CLIPTextEncode: {clip: $model.CLIP, text: a lighthouse}}
          bad: {CLIPTextEncode: {clip: $model.CLIP, text: fog}}
          empty: {EmptyLatentImage: {width: 512, height: 512, batch_size: 1}}
          first: {KSamplerAdvanced: {model: $model.MODEL, add_noise: enable, noise_seed: 1, steps: 20, cfg: 7,
            sampler_name: euler, scheduler: normal, positive: $good, negative: $bad, latent_image: $empty,
            start_at_step: 0, end_at_step: 10, return_with_leftover_noise: enable}}
          made: {KSamplerAdvanced: {model: $model.MODEL, add_noise: disable, noise_seed: 1, steps: 20, cfg: 7,
            sampler_name: euler, scheduler: normal, positive: $good, negative: $bad, latent_image: $first,
            start_at_step: 10, end_at_step: 10000, return_with_leftover_noise: disable}}
          out: {VAEDecode: {samples: $made, vae: $model.VAE}}
          kept: {SaveImage: {images: $out, filename_prefix: kept}}
        stages: []
    """
    for before, after in _pairs(facts_of(graph, catalog)):
        first, second = _range(before), _range(after)
        if (
            first is None
            or second is None
            or before.count != after.count
            or not before.leftover
            or after.noised is not False
        ):
            continue
        if _stops_early(before) and first[1] != second[0] and not _idle(after):
            name = before.node.title or before.node.id
            message = f'it begins at step {second[0]}, and "{name}" ends at step {first[1]}'
            yield Problem(after.node, "start_at_step", message, f"begin at step {first[1]}")


STRETCH_RULES = (no_steps, noise_taken_away, noise_added_twice, noise_left_in_picture, gap_in_steps)


def _range(sampling: Sampling) -> tuple[int, int] | None:
    """The step at which a sampler begins and the one before which it ends, within its schedule."""
    start = sampling.start.number if sampling.start else None
    end = sampling.end.number if sampling.end else None
    if start is None or end is None or sampling.count is None:
        return None
    return int(start), min(int(end), sampling.count)


def _idle(sampling: Sampling) -> bool:
    stretch = _range(sampling)
    return stretch is not None and stretch[0] >= stretch[1]


def _stops_early(sampling: Sampling) -> bool:
    stretch = _range(sampling)
    return stretch is not None and sampling.count is not None and stretch[1] < sampling.count


def _pairs(facts: Facts) -> Iterator[tuple[Sampling, Sampling]]:
    """Samplers of a part of the steps of which one goes on with what the other gives."""
    parts = {each.node.id: each for each in facts.samplers if each.start is not None}
    for after in parts.values():
        origin = facts.view.origin(after.node.inputs.get("latent_image"))
        if origin is not None and origin[0].id in parts:
            yield parts[origin[0].id], after

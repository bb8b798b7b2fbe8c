"""Rules on denoise: how much noise does sampling begin with, and what is left of the picture then?"""

from __future__ import annotations

from collections.abc import Iterator

from ..catalog.pinned import Catalog
from ..diagnostics import NotExamined, Severity
from ..facts.read import facts_of
from ..facts.samplers import SAMPLER_TYPES, Sampling
from ..graph import Graph
from .rule import Problem, Remedy, rule

_NOTHING = 0.05  # a first sigma below which sampling changes nothing that can be seen
_STRONG = 0.7  # one above which little more than the layout is left
_STEEP = ("karras", "exponential")


@rule("CP511", "denoise-without-effect", Severity.WARNING, classes=SAMPLER_TYPES)
def denoise_without_effect(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """A schedule that leaves a denoise below 1 without effect: the sampler returns what it was given.

    Flux, Stable Diffusion 3, Qwen-Image, Wan, Chroma and other flow models measure noise from 1 to 0. The schedules
    "karras" and "exponential" are made for the scale of Stable Diffusion, which goes from 14.6, and spend almost
    all their steps near 0 here. With Flux, 12 steps and denoise 0.3 sampling begins at a sigma of 0.009 with
    "karras", and at 0.575 with "simple".

    Source: the schedulers of ComfyUI 0.3.64, run for the family's noise scale.

    Bad:

        models: {flux: {diffusion_model: flux1-dev.safetensors, text_encoders: [clip_l.safetensors,
          t5xxl_fp16.safetensors], vae: ae.safetensors}}
        stages: [{load: {image: $image}}, {refine: {model: flux, positive: a lighthouse, guidance: 3.5, steps: 20,
          denoise: 0.3, scheduler: karras}}, {save: {}}]

    Good:

        models: {sd: {checkpoint: v1-5-pruned-emaonly.safetensors}}
        stages: [{load: {image: $image}}, {refine: {model: sd, positive: a lighthouse, negative: fog, steps: 20,
          denoise: 0.3, scheduler: karras}}, {save: {}}]
    """
    for sampling in facts_of(graph, catalog).samplers:
        if not _steep(sampling) or sampling.scheduler is None or not _lost(sampling):
            continue
        yield Problem(
            sampling.scheduler.node,
            sampling.scheduler.input,
            f'with "{sampling.scheduler.text}" a denoise of {sampling.amount:g} begins at a sigma of '
            f"{sampling.first:.3f} of 1: {sampling.model.family or 'this model'} changes next to nothing",
            'take the scheduler "simple"',
            remedy=Remedy("simple"),
        )


@rule("CP512", "scheduler-of-other-models", Severity.WARNING, classes=SAMPLER_TYPES)
def scheduler_of_other_models(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """The schedule "karras" or "exponential" for a flow model, such as Flux, Stable Diffusion 3, Qwen-Image or Wan.

    Their noise goes from 1 to 0. These schedules hurry through the upper half, where a picture is laid out, and spend
    most steps where nothing changes: with 20 steps, 17 of them are below a sigma of 0.5.

    Source: the schedulers of ComfyUI 0.3.64, run for the family's noise scale.

    Bad:

        models: {flux: {diffusion_model: flux1-dev.safetensors, text_encoders: [clip_l.safetensors,
          t5xxl_fp16.safetensors], vae: ae.safetensors}}
        stages: [{generate: {model: flux, positive: a lighthouse, guidance: 3.5, scheduler: karras}}, {save: {}}]

    Good:

        models: {flux: {diffusion_model: flux1-dev.safetensors, text_encoders: [clip_l.safetensors,
          t5xxl_fp16.safetensors], vae: ae.safetensors}}
        stages: [{generate: {model: flux, positive: a lighthouse, guidance: 3.5, scheduler: simple}}, {save: {}}]
    """
    for sampling in facts_of(graph, catalog).samplers:
        if not _steep(sampling) or sampling.scheduler is None or _lost(sampling):
            continue
        yield Problem(
            sampling.scheduler.node,
            sampling.scheduler.input,
            f'"{sampling.scheduler.text}" is made for the noise of Stable Diffusion; '
            f"{sampling.model.family or 'a flow model'} spends most steps on next to nothing with it",
            'take the scheduler "simple"',
            remedy=Remedy("simple"),
        )


@rule("CP513", "denoise-with-linear-quadratic", Severity.WARNING, classes=SAMPLER_TYPES)
def denoise_with_linear_quadratic(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """A denoise below 1 with the schedule "linear_quadratic", which begins with far more noise than it says.

    It takes its first half in tiny steps near the top. With a denoise of 0.3 it begins at a sigma of 0.81 of 1 for
    flow models, and at 11.9 of 14.6 for Stable Diffusion, so that next to nothing of the picture is left.

    Source: the schedulers of ComfyUI 0.3.64, run for the family's noise scale.

    Bad:

        models: {sd: {checkpoint: v1-5-pruned-emaonly.safetensors}}
        stages: [{load: {image: $image}}, {refine: {model: sd, positive: a lighthouse, negative: fog, steps: 20,
          denoise: 0.3, scheduler: linear_quadratic}}, {save: {}}]

    Good:

        models: {sd: {checkpoint: v1-5-pruned-emaonly.safetensors}}
        stages: [{load: {image: $image}}, {refine: {model: sd, positive: a lighthouse, negative: fog, steps: 20,
          denoise: 0.3, scheduler: normal}}, {save: {}}]
    """
    for sampling in facts_of(graph, catalog).samplers:
        amount = sampling.amount
        if sampling.scheduler is None or sampling.scheduler.text != "linear_quadratic":
            continue
        if amount is not None and 0 < amount < 0.9 and sampling.first is not None and sampling.kept is not None:
            message = (
                f'with "linear_quadratic" a denoise of {amount:g} begins at a sigma of {sampling.first:.2f}, '
                f"which keeps {sampling.kept:.0%} of the picture"
            )
            yield Problem(
                sampling.scheduler.node,
                sampling.scheduler.input,
                message,
                'take the scheduler "simple"',
                remedy=Remedy("simple"),
            )


@rule("CP514", "no-denoise", Severity.WARNING, classes=SAMPLER_TYPES)
def no_denoise(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """A denoise of 0: the sampler has no step to take, and returns what it was given.

    Source: ComfyUI 0.3.64, `set_steps` in `comfy/samplers.py`.

    Bad:

        models: {sd: {checkpoint: v1-5-pruned-emaonly.safetensors}}
        nodes:
          model: {CheckpointLoaderSimple: {ckpt_name: v1-5-pruned-emaonly.safetensors}}
          good: {CLIPTextEncode: {clip: $model.CLIP, text: a lighthouse}}
          bad: {CLIPTextEncode: {clip: $model.CLIP, text: fog}}
          seen: {VAEEncode: {pixels: $load, vae: $model.VAE}}
          made: {KSampler: {model: $model.MODEL, seed: 1, steps: 20, cfg: 7, sampler_name: euler, scheduler: normal,
            positive: $good, negative: $bad, latent_image: $seen, denoise: 0.0}}
          out: {VAEDecode: {samples: $made, vae: $model.VAE}}
          kept: {SaveImage: {images: $out, filename_prefix: kept}}
        stages: [{load: {image: $image}}]

    Good:

        models: {sd: {checkpoint: v1-5-pruned-emaonly.safetensors}}
        stages: [{load: {image: $image}}, {refine: {model: sd, positive: a lighthouse, negative: fog,
          denoise: 0.3}}, {save: {}}]
    """
    for sampling in facts_of(graph, catalog).samplers:
        if sampling.amount == 0 and sampling.denoise is not None and not sampling.tiled:
            message = "a denoise of 0 leaves no step to take: what comes out is what went in"
            yield Problem(
                sampling.denoise.node, sampling.denoise.input, message, "raise denoise, or remove the sampler"
            )


@rule("CP515", "little-denoise", Severity.WARNING, classes=SAMPLER_TYPES)
def little_denoise(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """A denoise so small that sampling changes nothing that can be seen, and takes all its steps for it.

    Source: ComfyUI 0.3.64, `set_steps` in `comfy/samplers.py`: denoise changes where a schedule begins, and not how
    many steps it has.

    Bad:

        models: {sd: {checkpoint: v1-5-pruned-emaonly.safetensors}}
        stages: [{load: {image: $image}}, {refine: {model: sd, positive: a lighthouse, negative: fog,
          denoise: 0.02}}, {save: {}}]

    Good:

        models: {sd: {checkpoint: v1-5-pruned-emaonly.safetensors}}
        stages: [{load: {image: $image}}, {refine: {model: sd, positive: a lighthouse, negative: fog,
          denoise: 0.3}}, {save: {}}]
    """
    for sampling in facts_of(graph, catalog).samplers:
        amount = sampling.amount
        if sampling.denoise is not None and amount is not None and 0 < amount < 0.05 and not _lost(sampling):
            message = f"a denoise of {amount:g} changes next to nothing, and takes all steps for it"
            yield Problem(
                sampling.denoise.node, sampling.denoise.input, message, "raise denoise, or remove the sampler"
            )


@rule("CP516", "denoise-of-nothing", Severity.WARNING, classes=SAMPLER_TYPES)
def denoise_of_nothing(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """A denoise below 1 on an empty latent.

    Denoise below 1 leaves a part of what is there, and in an empty latent there is grey. The picture comes out dull
    or noisy.

    Source: ComfyUI 0.3.64, `noise_scaling` in `comfy/model_sampling.py`.

    Bad:

        models: {sd: {checkpoint: v1-5-pruned-emaonly.safetensors}}
        stages: [{generate: {model: sd, positive: a lighthouse, negative: fog, denoise: 0.5}}, {save: {}}]

    Good:

        models: {sd: {checkpoint: v1-5-pruned-emaonly.safetensors}}
        stages: [{generate: {model: sd, positive: a lighthouse, negative: fog}}, {save: {}}]
    """
    for sampling in facts_of(graph, catalog).samplers:
        amount = sampling.amount
        if sampling.denoise is None or amount is None or not 0 < amount < 0.95 or sampling.part:
            continue
        if sampling.latent.source == "empty" and sampling.noised:
            message = f"denoise is {amount:g}, and the latent is empty: the picture is mixed with grey"
            yield Problem(sampling.denoise.node, sampling.denoise.input, message, "set denoise to 1", remedy=Remedy(1))


@rule("CP517", "picture-not-used", Severity.WARNING, classes=SAMPLER_TYPES)
def picture_not_used(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """A picture is encoded for a sampler whose denoise of 1 leaves nothing of it.

    With a denoise of 1 a sampler begins with noise alone, and of the picture only the size is left. Nothing is said
    where the picture counts in another way: through a mask, a ControlNet, or a model that looks at it.

    Source: ComfyUI 0.3.64, `max_denoise` in `comfy/samplers.py`.

    Bad:

        models: {sd: {checkpoint: v1-5-pruned-emaonly.safetensors}}
        stages: [{load: {image: $image}}, {refine: {model: sd, positive: a lighthouse, negative: fog,
          denoise: 1.0}}, {save: {}}]

    Good:

        models: {sd: {checkpoint: v1-5-pruned-emaonly.safetensors}}
        stages: [{load: {image: $image}}, {refine: {model: sd, positive: a lighthouse, negative: fog,
          denoise: 0.4}}, {save: {}}]
    """
    facts = facts_of(graph, catalog)
    for sampling in facts.samplers:
        prompt, latent, model = sampling.positive, sampling.latent, sampling.model
        if sampling.amount != 1 or sampling.denoise is None or sampling.part or sampling.tiled or not sampling.noised:
            continue
        if latent.source != "picture" or latent.masked or model.opaque or prompt is None or not prompt.complete:
            continue
        looks = prompt.pictured or any(facts.view.linked(node, "IMAGE", "LATENT") for node in model.patches)
        if not looks:
            message = "denoise is 1: sampling begins with noise alone, and nothing is left of the picture but its size"
            yield Problem(sampling.denoise.node, sampling.denoise.input, message, "set denoise to 0.3 to 0.7")


@rule("CP518", "what-denoise-keeps", Severity.INFO, classes=SAMPLER_TYPES)
def what_denoise_keeps(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """What a denoise below 1 means for a flow model: it keeps much less of the picture than the number says.

    Denoise cuts off the beginning of a schedule. Where that begins then depends on the schedule and on the model's
    shift: with Flux, "simple" and 0.3 at a sigma of 0.575, so that 42 percent of the picture go in, and not 70. All
    steps are taken, whatever denoise is.

    Source: the schedulers of ComfyUI 0.3.64, run for the family's noise scale.

    Bad:

        models: {flux: {diffusion_model: flux1-dev.safetensors, text_encoders: [clip_l.safetensors,
          t5xxl_fp16.safetensors], vae: ae.safetensors}}
        stages: [{load: {image: $image}}, {refine: {model: flux, positive: a lighthouse, guidance: 3.5,
          denoise: 0.3}}, {save: {}}]

    Good:

        models: {sd: {checkpoint: v1-5-pruned-emaonly.safetensors}}
        stages: [{load: {image: $image}}, {refine: {model: sd, positive: a lighthouse, negative: fog,
          denoise: 0.3}}, {save: {}}]
    """
    for sampling in facts_of(graph, catalog).samplers:
        if not _refining(sampling) or sampling.denoise is None or sampling.first is None or sampling.kept is None:
            continue
        amount = sampling.amount or 0.0
        if _lost(sampling) or _strong(sampling) or abs(sampling.kept - (1 - amount)) <= 0.1:
            continue
        message = (
            f"a denoise of {amount:g} begins at a sigma of {sampling.first:.3f}: it keeps {sampling.kept:.0%} "
            f"of the picture, and takes all {sampling.count} steps"
        )
        yield Problem(sampling.denoise.node, sampling.denoise.input, message, _other(sampling))


@rule("CP519", "denoise-stronger-than-it-reads", Severity.WARNING, classes=SAMPLER_TYPES)
def denoise_stronger(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """A small denoise that begins with so much noise that little more than the layout of the picture is left.

    A high shift moves the whole schedule up: with a shift of 8, which Wan has, a denoise of 0.3 begins at a sigma of
    0.77, and after ModelSamplingFlux for 2048x2048 at 0.92.

    Source: the schedulers of ComfyUI 0.3.64, run for the family's noise scale.

    Bad:

        models: {flux: {diffusion_model: flux1-dev.safetensors, text_encoders: [clip_l.safetensors,
          t5xxl_fp16.safetensors], vae: ae.safetensors}}
        stages: [{load: {image: $image}}, {refine: {model: flux, positive: a lighthouse, guidance: 3.5,
          denoise: 0.5, shift: 2.0}}, {save: {}}]

    Good:

        models: {sd: {checkpoint: v1-5-pruned-emaonly.safetensors}}
        stages: [{load: {image: $image}}, {refine: {model: sd, positive: a lighthouse, negative: fog,
          denoise: 0.5}}, {save: {}}]
    """
    for sampling in facts_of(graph, catalog).samplers:
        if _strong(sampling) and sampling.denoise is not None and sampling.first is not None:
            message = (
                f"a denoise of {sampling.amount:g} begins at a sigma of {sampling.first:.2f} with this schedule and "
                f"shift: it keeps {sampling.kept:.0%} of the picture"
            )
            yield Problem(sampling.denoise.node, sampling.denoise.input, message, _other(sampling))


DENOISE_RULES = (
    denoise_without_effect,
    scheduler_of_other_models,
    denoise_with_linear_quadratic,
    no_denoise,
    little_denoise,
    denoise_of_nothing,
    picture_not_used,
    what_denoise_keeps,
    denoise_stronger,
)


def _steep(sampling: Sampling) -> bool:
    """Whether a flow model is sampled on a schedule that is none of its own."""
    noise = sampling.model.noise
    if noise is None or not noise.flow or sampling.model.opaque or sampling.scheduler is None:
        return False
    return sampling.scheduler.text in _STEEP


def _refining(sampling: Sampling) -> bool:
    """Whether a flow model changes a picture, at a known share of noise."""
    noise, amount = sampling.model.noise, sampling.amount
    if noise is None or not noise.flow or amount is None or not 0.05 <= amount < 0.95 or sampling.part:
        return False
    named = sampling.scheduler is not None and sampling.scheduler.text not in (*_STEEP, "linear_quadratic")
    return named and sampling.latent.source in ("picture", "sampler")


def _lost(sampling: Sampling) -> bool:
    amount = sampling.amount
    if not _steep(sampling) or amount is None or not 0 < amount < 1 or sampling.part:
        return False
    return sampling.first is not None and sampling.first < _NOTHING


def _strong(sampling: Sampling) -> bool:
    if not _refining(sampling) or (sampling.amount or 1) > 0.5:
        return False
    return sampling.first is not None and sampling.first > _STRONG


def _other(sampling: Sampling) -> str:
    """Help: the denoise that keeps what this one seems to."""
    wanted = sampling.amount or 0.0
    for amount in (n / 100 for n in range(int(wanted * 100), 1, -1)):
        found = sampling.schedule(amount)
        if found and found[0] <= wanted + 0.01:
            return f"set denoise to {amount:g} to keep {1 - wanted:.0%}"
    return "set a smaller denoise to keep more"

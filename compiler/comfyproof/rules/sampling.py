"""Rules on steps and samplers, and on nodes that change how a model samples."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..catalog.pinned import Catalog
from ..diagnostics import NotExamined, Severity
from ..facts.read import facts_of
from ..facts.samplers import SAMPLER_TYPES, Sampling
from ..graph import Graph
from .rule import Problem, Remedy, rule

# How often these samplers ask the model for n steps.
_CALLS = {
    **dict.fromkeys(("heun", "dpm_2", "dpm_2_ancestral", "dpmpp_2s_ancestral", "dpmpp_2s_ancestral_cfg_pp"), 2),
    **dict.fromkeys(("dpmpp_sde", "dpmpp_sde_gpu", "seeds_2", "sa_solver_pece"), 2),
    **dict.fromkeys(("heunpp2", "seeds_3"), 3),
}


_UNET_ONLY = ("FreeU", "FreeU_V2")
_FLOW_ONLY = ("ModelSamplingSD3", "ModelSamplingAuraFlow", "ModelSamplingFlux")
_TRANSFORMERS = ("flux", "flux-schnell", "chroma", "sd3", "qwen-image", "wan", "wan22-5b")
_EXPERT = re.compile(r"(high|low)[-_. ]?noise", re.IGNORECASE)


@rule("CP526", "few-steps", Severity.WARNING, classes=SAMPLER_TYPES)
def few_steps(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """Far fewer steps than the family of the model needs, and nothing by whose name it is made for that.

    Source: a third of the steps that ComfyUI's own workflows take (25 for Stable Diffusion 1, 30 for XL, 28 for Flux
    and 3, 20 for Qwen-Image and Wan); diffusers 0.42.1 takes 28 to 50.

    Bad:

        models: {sd: {checkpoint: v1-5-pruned-emaonly.safetensors}}
        stages: [{generate: {model: sd, positive: a lighthouse, negative: fog, steps: 4}}, {save: {}}]

    Good:

        models: {sd: {checkpoint: v1-5-pruned-emaonly.safetensors}}
        stages: [{generate: {model: sd, positive: a lighthouse, negative: fog, steps: 25}}, {save: {}}]
    """
    for sampling in facts_of(graph, catalog).samplers:
        model, kind = sampling.model, sampling.model.kind
        if sampling.steps is None or sampling.count is None or kind is None or not model.certain or model.loras:
            continue
        if (
            model.opaque
            or model.accelerators
            or sampling.part
            or sampling.amount != 1
            or sampling.latent.source != "empty"
        ):
            continue
        if sampling.count * 3 < kind.steps:
            message = f"{sampling.count} steps, and {model.word} needs about {kind.steps}: the picture stays rough"
            yield Problem(
                sampling.steps.node,
                sampling.steps.input,
                message,
                f"take {kind.steps} steps",
                remedy=Remedy(kind.steps),
            )


@rule("CP527", "many-steps", Severity.INFO, classes=SAMPLER_TYPES)
def many_steps(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """More than three times the steps that the family of the model is used with: time without gain.

    Source: the defaults of diffusers 0.42.1 and of ComfyUI's own workflows.

    Bad:

        models: {sd: {checkpoint: v1-5-pruned-emaonly.safetensors}}
        stages: [{generate: {model: sd, positive: a lighthouse, negative: fog, steps: 150}}, {save: {}}]

    Good:

        models: {sd: {checkpoint: v1-5-pruned-emaonly.safetensors}}
        stages: [{generate: {model: sd, positive: a lighthouse, negative: fog, steps: 25}}, {save: {}}]
    """
    for sampling in facts_of(graph, catalog).samplers:
        kind = sampling.model.kind
        if (
            sampling.steps is None
            or sampling.count is None
            or kind is None
            or not kind.steps
            or sampling.model.accelerators
        ):
            continue
        if sampling.count > 3 * max(kind.steps, 20):
            message = f"{sampling.count} steps, and {sampling.model.word} is used with about {kind.steps}"
            yield Problem(
                sampling.steps.node,
                sampling.steps.input,
                message,
                f"take {kind.steps} steps",
                remedy=Remedy(kind.steps),
            )


@rule("CP528", "steps-of-accelerator", Severity.WARNING, classes=SAMPLER_TYPES)
def steps_of_accelerator(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """A model or LoRA that was made for a number of steps, with fewer or with more than twice as many.

    With fewer the picture stays unfinished; many more bring no detail, and burn it. The number is read from the file's
    name, or known: 4 for Flux schnell, 8 for FLUX.1-Turbo-Alpha.

    Source: the model cards of SDXL-Lightning ("use the correct checkpoint for the steps"), FLUX.1-Turbo-Alpha and
    FLUX.1 schnell.

    Bad:

        models: {sdxl: {checkpoint: sdxl_lightning_8step.safetensors}}
        stages: [{generate: {model: sdxl, positive: a lighthouse, negative: fog, steps: 30, cfg: 1.5}}, {save: {}}]

    Good:

        models: {sdxl: {checkpoint: sdxl_lightning_8step.safetensors}}
        stages: [{generate: {model: sdxl, positive: a lighthouse, negative: fog, steps: 8, cfg: 1.5}}, {save: {}}]
    """
    for sampling in facts_of(graph, catalog).samplers:
        model = sampling.model
        known = [each for each in model.accelerators if each.steps]
        if sampling.steps is None or sampling.count is None or not known or sampling.tiled or _weak(sampling):
            continue
        least = min(known, key=lambda each: each.steps)
        most = max(known, key=lambda each: each.steps)
        if sampling.count > 2 * most.steps:
            message = f'{sampling.count} steps, and "{most.file}" is made for {most.steps}'
            yield Problem(
                sampling.steps.node,
                sampling.steps.input,
                message,
                f"take {most.steps} steps",
                remedy=Remedy(most.steps),
            )
        elif sampling.count < least.steps and sampling.amount == 1 and not model.opaque:
            message = (
                f'{sampling.count} steps, and "{least.file}" is made for {least.steps}: the picture stays unfinished'
            )
            yield Problem(
                sampling.steps.node,
                sampling.steps.input,
                message,
                f"take {least.steps} steps",
                remedy=Remedy(least.steps),
            )


@rule("CP529", "costly-sampler", Severity.INFO, classes=SAMPLER_TYPES)
def costly_sampler(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """A sampler that asks the model more than once in each step, or as often as it likes.

    heun, dpm_2, dpmpp_2s_ancestral, dpmpp_sde, seeds_2 and sa_solver_pece ask it twice, heunpp2 and seeds_3 three
    times; dpm_adaptive goes by its own measure, whatever `steps` says.

    Source: the samplers of ComfyUI 0.3.64, their calls counted.

    Bad:

        models: {sd: {checkpoint: v1-5-pruned-emaonly.safetensors}}
        stages: [{generate: {model: sd, positive: a lighthouse, negative: fog, sampler: heun, scheduler: normal}},
          {save: {}}]

    Good:

        models: {sd: {checkpoint: v1-5-pruned-emaonly.safetensors}}
        stages: [{generate: {model: sd, positive: a lighthouse, negative: fog, sampler: euler, scheduler: normal}},
          {save: {}}]
    """
    for sampling in facts_of(graph, catalog).samplers:
        name = sampling.sampler.text if sampling.sampler else None
        if sampling.sampler is None or name is None:
            continue
        at = (sampling.sampler.node, sampling.sampler.input)
        if name == "dpm_adaptive":
            yield Problem(
                *at,
                '"dpm_adaptive" takes as many steps as it likes, whatever "steps" says',
                "take another sampler to set them",
            )
        elif name in _CALLS and sampling.count:
            calls = _CALLS[name] * sampling.count - _CALLS[name] + 1
            message = f'"{name}" asks the model about {calls} times in {sampling.count} steps'
            yield Problem(*at, message, "take fewer steps than with euler for the same time")


@rule("CP530", "lcm-without-lcm", Severity.WARNING, classes=SAMPLER_TYPES)
def lcm_without_lcm(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """The sampler "lcm" with a model by whose name it is not made for few steps.

    It throws away the noise of every step and adds new one, which only models that were distilled for it can follow;
    others give soft, empty pictures.

    Source: practice with LCM models.

    Bad:

        models: {sd: {checkpoint: v1-5-pruned-emaonly.safetensors}}
        stages: [{generate: {model: sd, positive: a lighthouse, negative: fog, sampler: lcm, scheduler: normal}},
          {save: {}}]

    Good:

        models: {sd: {checkpoint: v1-5-pruned-emaonly.safetensors}}
        stages: [{generate: {model: sd, positive: a lighthouse, negative: fog, sampler: euler, scheduler: normal}},
          {save: {}}]
    """
    for sampling in facts_of(graph, catalog).samplers:
        model = sampling.model
        if sampling.sampler is None or sampling.sampler.text != "lcm" or not model.certain or model.opaque:
            continue
        if model.family in ("sd15", "sdxl") and not model.accelerators and not model.loras:
            message = f'the sampler "lcm" is for models made for few steps, and nothing makes "{model.file}" one'
            yield Problem(
                sampling.sampler.node,
                sampling.sampler.input,
                message,
                'take "euler", or add an LCM LoRA',
                remedy=Remedy("euler"),
            )


@rule("CP531", "node-for-unets", Severity.WARNING, classes=SAMPLER_TYPES)
def node_for_unets(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """FreeU on a model that is no UNet, with which it fails when it runs.

    FreeU works on the layers of Stable Diffusion 1, 2 and XL. Flux, Stable Diffusion 3, Qwen-Image, Wan and the like
    have none of the kind, and the node stops with an error.

    Source: ComfyUI 0.3.64, `comfy_extras/nodes_freelunch.py`.

    Bad:

        nodes:
          model: {UNETLoader: {unet_name: flux1-dev.safetensors, weight_dtype: default}}
          text: {DualCLIPLoader: {clip_name1: clip_l.safetensors, clip_name2: t5xxl_fp16.safetensors, type: flux}}
          vae: {VAELoader: {vae_name: ae.safetensors}}
          free: {FreeU_V2: {model: $model, b1: 1.3, b2: 1.4, s1: 0.9, s2: 0.2}}
          good: {CLIPTextEncode: {clip: $text, text: a lighthouse}}
          guided: {FluxGuidance: {conditioning: $good, guidance: 3.5}}
          bad: {ConditioningZeroOut: {conditioning: $good}}
          empty: {EmptySD3LatentImage: {width: 1024, height: 1024, batch_size: 1}}
          made: {KSampler: {model: $free, seed: 1, steps: 20, cfg: 1, sampler_name: euler, scheduler: simple,
            positive: $guided, negative: $bad, latent_image: $empty, denoise: 1.0}}
          out: {VAEDecode: {samples: $made, vae: $vae}}
          kept: {SaveImage: {images: $out, filename_prefix: kept}}
        stages: []

    Good:

        nodes:
          model: {CheckpointLoaderSimple: {ckpt_name: v1-5-pruned-emaonly.safetensors}}
          free: {FreeU_V2: {model: $model.MODEL, b1: 1.3, b2: 1.4, s1: 0.9, s2: 0.2}}
          good: {CLIPTextEncode: {clip: $model.CLIP, text: a lighthouse}}
          bad: {CLIPTextEncode: {clip: $model.CLIP, text: fog}}
          empty: {EmptyLatentImage: {width: 512, height: 512, batch_size: 1}}
          made: {KSampler: {model: $free, seed: 1, steps: 20, cfg: 7, sampler_name: euler, scheduler: normal,
            positive: $good, negative: $bad, latent_image: $empty, denoise: 1.0}}
          out: {VAEDecode: {samples: $made, vae: $model.VAE}}
          kept: {SaveImage: {images: $out, filename_prefix: kept}}
        stages: []
    """
    told: set[str] = set()
    for sampling in facts_of(graph, catalog).samplers:
        model = sampling.model
        node = model.patched(*_UNET_ONLY)
        if node is not None and model.certain and model.family in _TRANSFORMERS and node.id not in told:
            told.add(node.id)
            message = f'"{node.type}" works on UNets, and {model.word} is none: it fails when it runs'
            yield Problem(node, "model", message, "remove it")


@rule("CP532", "sampling-of-other-models", Severity.WARNING, classes=SAMPLER_TYPES)
def sampling_of_other_models(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """A node changes how a model measures noise to what the model was not trained with.

    ModelSamplingSD3, ModelSamplingAuraFlow and ModelSamplingFlux are for flow models, and ModelSamplingDiscrete for
    Stable Diffusion up to XL. The wrong one gives noise or grey, but for the few models that were retrained for it.

    Source: ComfyUI 0.3.64, `comfy_extras/nodes_model_advanced.py`.

    Bad:

        nodes:
          model: {CheckpointLoaderSimple: {ckpt_name: v1-5-pruned-emaonly.safetensors}}
          moved: {ModelSamplingSD3: {model: $model.MODEL, shift: 3.0}}
          good: {CLIPTextEncode: {clip: $model.CLIP, text: a lighthouse}}
          bad: {CLIPTextEncode: {clip: $model.CLIP, text: fog}}
          empty: {EmptyLatentImage: {width: 512, height: 512, batch_size: 1}}
          made: {KSampler: {model: $moved, seed: 1, steps: 20, cfg: 7, sampler_name: euler, scheduler: normal,
            positive: $good, negative: $bad, latent_image: $empty, denoise: 1.0}}
          out: {VAEDecode: {samples: $made, vae: $model.VAE}}
          kept: {SaveImage: {images: $out, filename_prefix: kept}}
        stages: []

    Good:

        nodes:
          model: {CheckpointLoaderSimple: {ckpt_name: v1-5-pruned-emaonly.safetensors}}
          good: {CLIPTextEncode: {clip: $model.CLIP, text: a lighthouse}}
          bad: {CLIPTextEncode: {clip: $model.CLIP, text: fog}}
          empty: {EmptyLatentImage: {width: 512, height: 512, batch_size: 1}}
          made: {KSampler: {model: $model.MODEL, seed: 1, steps: 20, cfg: 7, sampler_name: euler, scheduler: normal,
            positive: $good, negative: $bad, latent_image: $empty, denoise: 1.0}}
          out: {VAEDecode: {samples: $made, vae: $model.VAE}}
          kept: {SaveImage: {images: $out, filename_prefix: kept}}
        stages: []
    """
    told: set[str] = set()
    for sampling in facts_of(graph, catalog).samplers:
        model, kind = sampling.model, sampling.model.kind
        if kind is None or not model.certain or kind.noise not in ("flow", "flux", "discrete"):
            continue
        wrong = _FLOW_ONLY if kind.noise == "discrete" else ("ModelSamplingDiscrete",)
        node = model.patched(*wrong)
        if node is not None and node.id not in told:
            told.add(node.id)
            what = "Stable Diffusion up to XL" if kind.noise != "discrete" else "flow models"
            yield Problem(
                node, None, f'"{node.type}" is for {what}, and "{model.file}" is by its name {model.word}', "remove it"
            )


@rule("CP533", "one-expert-alone", Severity.WARNING, classes=SAMPLER_TYPES)
def one_expert_alone(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """One of the two experts of Wan 2.2 samples the whole way.

    The model comes in two files: one was trained for the noisy part of the schedule and the other for the rest. Each
    alone does badly in the other's part.

    Source: the configuration of Wan 2.2 A14B (`boundary_ratio` 0.875 for text to video).

    Bad:

        nodes:
          model: {UNETLoader: {unet_name: wan2.2_t2v_high_noise_14B_fp16.safetensors, weight_dtype: default}}
          text: {CLIPLoader: {clip_name: umt5_xxl_fp8_e4m3fn_scaled.safetensors, type: wan}}
          vae: {VAELoader: {vae_name: wan_2.1_vae.safetensors}}
          good: {CLIPTextEncode: {clip: $text, text: a lighthouse}}
          bad: {CLIPTextEncode: {clip: $text, text: fog}}
          empty: {EmptyHunyuanLatentVideo: {width: 832, height: 480, length: 81, batch_size: 1}}
          made: {KSampler: {model: $model, seed: 1, steps: 20, cfg: 5, sampler_name: euler, scheduler: simple,
            positive: $good, negative: $bad, latent_image: $empty, denoise: 1.0}}
          out: {VAEDecode: {samples: $made, vae: $vae}}
          kept: {SaveImage: {images: $out, filename_prefix: kept}}
        stages: []

    Good:

        nodes:
          model: {UNETLoader: {unet_name: wan2.1_t2v_14B_fp16.safetensors, weight_dtype: default}}
          text: {CLIPLoader: {clip_name: umt5_xxl_fp8_e4m3fn_scaled.safetensors, type: wan}}
          vae: {VAELoader: {vae_name: wan_2.1_vae.safetensors}}
          good: {CLIPTextEncode: {clip: $text, text: a lighthouse}}
          bad: {CLIPTextEncode: {clip: $text, text: fog}}
          empty: {EmptyHunyuanLatentVideo: {width: 832, height: 480, length: 81, batch_size: 1}}
          made: {KSampler: {model: $model, seed: 1, steps: 20, cfg: 5, sampler_name: euler, scheduler: simple,
            positive: $good, negative: $bad, latent_image: $empty, denoise: 1.0}}
          out: {VAEDecode: {samples: $made, vae: $vae}}
          kept: {SaveImage: {images: $out, filename_prefix: kept}}
        stages: []
    """
    samplers = facts_of(graph, catalog).samplers
    named = {(said[1].casefold()) for each in samplers if (said := _EXPERT.search(each.model.file))}
    if len(named) != 1 or any(each.model.opaque for each in samplers):
        return
    for sampling in samplers:
        model = sampling.model
        said = _EXPERT.search(model.file)
        if said is None or model.family != "wan" or sampling.part or sampling.amount != 1 or model.loader is None:
            continue
        other = "low" if said[1].casefold() == "high" else "high"
        message = f'"{model.file}" is one of two experts, and samples the whole way'
        yield Problem(
            sampling.node,
            "model",
            message,
            f"take the last steps with the expert for {other} noise"
            if other == "low"
            else f"take the first steps with the expert for {other} noise",
        )


SAMPLING_RULES = (
    few_steps,
    many_steps,
    steps_of_accelerator,
    costly_sampler,
    lcm_without_lcm,
    node_for_unets,
    sampling_of_other_models,
    one_expert_alone,
)


def _weak(sampling: Sampling) -> bool:
    """Whether a LoRA that makes a model fast is put in at a part of its strength only, or more than one is."""
    model = sampling.model
    files = {each.file for each in model.accelerators}
    return any(
        lora.file.replace("\\", "/").rsplit("/", 1)[-1] in files and (lora.strength.number or 0) < 0.9
        for lora in model.loras
    )

"""Rules on cfg, guidance and the negative prompt: does the model that samples make anything of them?"""

from __future__ import annotations

from collections.abc import Iterator

from ..catalog.pinned import Catalog
from ..diagnostics import NotExamined, Severity
from ..facts.models import Model
from ..facts.read import facts_of
from ..facts.samplers import SAMPLER_TYPES, Sampling
from ..graph import Graph
from .rule import Problem, Remedy, rule

# Models of these variants learned to follow the prompt in one look; the others of a family may not have.
_DISTILLED = {
    "flux": ("dev", "krea", "kontext", "fill", "control"),
    "hunyuan-video": ("",),
    "hidream": ("dev", "fast"),
}
_HIGHEST_ACCELERATED = 2.5
# Where a guidance beside cfg is surely read by nothing.
_UNGUIDED = ("flux-schnell", "chroma", "sd15", "sd2", "sdxl", "sdxl-refiner", "sd3", "wan", "wan22-5b")
# These look at the negative prompt whatever cfg is.
_ALWAYS_TWICE = ("PerpNeg", "SelfAttentionGuidance")
# Guidance that pictures are known to be made with, by the variant of Flux.
_GUIDANCE = {
    "dev": (1.0, 10.0),
    "krea": (1.0, 10.0),
    "kontext": (1.0, 10.0),
    "fill": (10.0, 100.0),
    "control": (5.0, 100.0),
}


@rule("CP501", "cfg-on-distilled", Severity.WARNING, classes=SAMPLER_TYPES)
def cfg_on_distilled(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """A cfg other than 1 with a model into which guidance was distilled, such as Flux dev and what is made of it.

    Such a model follows its prompt in one look, and has a guidance of its own. A cfg above 1 makes it look a
    second time in every step, which doubles the time, and pushes contrast and colour too far. Which model it is
    is read from its file's name.

    Source: diffusers 0.42.1, `true_cfg_scale` of FluxPipeline is 1; the README of FLUX.1 Krea ("CFG-distilled").

    Bad:

        models: {flux: {diffusion_model: flux1-dev.safetensors, text_encoders: [clip_l.safetensors,
          t5xxl_fp16.safetensors], vae: ae.safetensors}}
        stages: [{generate: {model: flux, positive: a lighthouse, negative: fog, guidance: 3.5, cfg: 4}}, {save: {}}]

    Good:

        models: {flux: {diffusion_model: flux1-dev.safetensors, text_encoders: [clip_l.safetensors,
          t5xxl_fp16.safetensors], vae: ae.safetensors}}
        stages: [{generate: {model: flux, positive: a lighthouse, guidance: 3.5, cfg: 1}}, {save: {}}]
    """
    for sampling in facts_of(graph, catalog).samplers:
        if sampling.cfg is not None and (sampling.strength or 0) > 1 and _distilled(sampling.model):
            unread = sampling.negative is not None and sampling.negative.texts and not sampling.negative.empty
            yield Problem(
                sampling.cfg.node,
                sampling.cfg.input,
                f"cfg is {sampling.strength:g}, and {sampling.model.word} has its guidance built in: "
                "each step takes twice the time, and colours are pushed too far",
                'set cfg to 1; how closely the prompt is followed is said by "guidance"'
                + (", and nothing reads the negative prompt then" if unread else ""),
                remedy=Remedy(1),
            )


@rule("CP502", "cfg-on-accelerated", Severity.WARNING, classes=SAMPLER_TYPES)
def cfg_on_accelerated(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """A high cfg with a model or LoRA that was made for few steps.

    Turbo, Lightning, LCM, Hyper, DMD and their like were taught to give with a cfg between 1 and 2 what others give
    with much more. With more, pictures burn. That it is one of them is read from the file's name.

    Source: the model cards of SDXL-Lightning merges (cfg 1 to 2); practice.

    Bad:

        models: {sdxl: {checkpoint: sdxl_lightning_8step.safetensors}}
        stages: [{generate: {model: sdxl, positive: a lighthouse, negative: fog, steps: 8, cfg: 7}}, {save: {}}]

    Good:

        models: {sdxl: {checkpoint: sdxl_lightning_8step.safetensors}}
        stages: [{generate: {model: sdxl, positive: a lighthouse, negative: fog, steps: 8, cfg: 1.5}}, {save: {}}]
    """
    for sampling in facts_of(graph, catalog).samplers:
        model = sampling.model
        if sampling.cfg is None or (sampling.strength or 0) <= _HIGHEST_ACCELERATED or _distilled(model):
            continue
        if model.accelerators and model.family not in ("", "hunyuan3d") and not _weak(model):
            made = model.accelerators[0]
            yield Problem(
                sampling.cfg.node,
                sampling.cfg.input,
                f'cfg is {sampling.strength:g}, and "{made.file}" is by its name made for few steps, '
                "with a cfg of 1 to 2",
                "set cfg to 1",
                remedy=Remedy(1),
            )


@rule("CP503", "unused-negative", Severity.WARNING, classes=SAMPLER_TYPES)
def unused_negative(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """A negative prompt that nothing reads, since cfg is 1.

    With a cfg of 1 a sampler looks at the positive prompt alone, and never evaluates the negative one.

    Source: ComfyUI 0.3.64, `comfy/samplers.py`, `sampling_function`.

    Bad:

        models: {flux: {diffusion_model: flux1-dev.safetensors, text_encoders: [clip_l.safetensors,
          t5xxl_fp16.safetensors], vae: ae.safetensors}}
        stages: [{generate: {model: flux, positive: a lighthouse, negative: fog, guidance: 3.5, cfg: 1}}, {save: {}}]

    Good:

        models: {flux: {diffusion_model: flux1-dev.safetensors, text_encoders: [clip_l.safetensors,
          t5xxl_fp16.safetensors], vae: ae.safetensors}}
        stages: [{generate: {model: flux, positive: a lighthouse, guidance: 3.5, cfg: 1}}, {save: {}}]
    """
    samplers = facts_of(graph, catalog).samplers
    read: set[str] = set()
    for sampling in samplers:
        for prompt in (sampling.positive, None if _once(sampling) else sampling.negative):
            read |= {node.id for node in prompt.encoders} if prompt else set()
    told: set[str] = set()
    for sampling in samplers:
        said = sampling.negative.said if sampling.negative else None
        if said is None or not _once(sampling) or said.node.id in read | told:
            continue
        told.add(said.node.id)
        yield Problem(
            said.node,
            said.input,
            "nothing reads this negative prompt: with a cfg of 1 only the positive one counts",
            "remove it, or raise cfg where the model is made for it",
        )


@rule("CP504", "cfg-below-one", Severity.WARNING, classes=SAMPLER_TYPES)
def cfg_below_one(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """A cfg below 1, which leads towards the negative prompt.

    cfg says how far to go from the negative prompt to the positive one. At 0.5 the picture is halfway between
    them, and at 0 the positive prompt has no part in it.

    Source: ComfyUI 0.3.64, `comfy/samplers.py`, `cfg_function`.

    Bad:

        models: {sd: {checkpoint: v1-5-pruned-emaonly.safetensors}}
        stages: [{generate: {model: sd, positive: a lighthouse, negative: fog, cfg: 0.5}}, {save: {}}]

    Good:

        models: {sd: {checkpoint: v1-5-pruned-emaonly.safetensors}}
        stages: [{generate: {model: sd, positive: a lighthouse, negative: fog, cfg: 7}}, {save: {}}]
    """
    for sampling in facts_of(graph, catalog).samplers:
        strength = sampling.strength
        if sampling.cfg is None or strength is None or not 0 <= strength < 1:
            continue
        what = (
            "the positive prompt has no part in the picture"
            if strength == 0
            else "the picture leans to the negative prompt"
        )
        yield Problem(
            sampling.cfg.node,
            sampling.cfg.input,
            f"cfg is {strength:g}: {what}",
            "set cfg to 1 or more",
            remedy=Remedy(1),
        )


@rule("CP505", "cfg-too-high", Severity.WARNING, classes=SAMPLER_TYPES)
def cfg_too_high(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """A cfg far above what the family of the model is used with, at which pictures burn.

    Above 15 for Stable Diffusion 1 and 2, 12 for XL, 9 for 3 and Wan, 8 for Chroma, 7 for Qwen-Image.

    Source: the defaults of diffusers 0.42.1 (7.5, 5, 7, 5, 5 and 4); practice.

    Bad:

        models: {sd: {checkpoint: v1-5-pruned-emaonly.safetensors}}
        stages: [{generate: {model: sd, positive: a lighthouse, negative: fog, cfg: 25}}, {save: {}}]

    Good:

        models: {sd: {checkpoint: v1-5-pruned-emaonly.safetensors}}
        stages: [{generate: {model: sd, positive: a lighthouse, negative: fog, cfg: 7}}, {save: {}}]
    """
    for sampling in facts_of(graph, catalog).samplers:
        model = sampling.model
        kind = model.kind
        if sampling.cfg is None or kind is None or not kind.most or (sampling.strength or 0) <= kind.most:
            continue
        tamed = model.patched("RescaleCFG", "APG", "TCFG", "RenormCFG", "LatentApplyOperationCFG", "Mahiro")
        if not model.opaque and tamed is None and not model.accelerators:
            message = f"cfg is {sampling.strength:g}, and {model.word} is used with {kind.cfg:g}: pictures burn"
            yield Problem(
                sampling.cfg.node, sampling.cfg.input, message, f"set cfg to {kind.cfg:g}", remedy=Remedy(kind.cfg)
            )


@rule("CP506", "unread-guidance", Severity.WARNING, classes=SAMPLER_TYPES)
def unread_guidance(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """A guidance for a model that reads none.

    Flux dev and what is made of it take a guidance beside cfg; Flux schnell, Chroma, Wan and all Stable Diffusion
    have no such input, and the number does nothing.

    Source: ComfyUI 0.3.64, `guidance_embed` in `comfy/model_detection.py`.

    Bad:

        models: {sd: {checkpoint: v1-5-pruned-emaonly.safetensors}}
        nodes:
          model: {CheckpointLoaderSimple: {ckpt_name: v1-5-pruned-emaonly.safetensors}}
          good: {CLIPTextEncode: {clip: $model.CLIP, text: a lighthouse}}
          guided: {FluxGuidance: {conditioning: $good, guidance: 3.5}}
          bad: {CLIPTextEncode: {clip: $model.CLIP, text: fog}}
          empty: {EmptyLatentImage: {width: 512, height: 512, batch_size: 1}}
          made: {KSampler: {model: $model.MODEL, seed: 1, steps: 20, cfg: 7, sampler_name: euler, scheduler: normal,
            positive: $guided, negative: $bad, latent_image: $empty, denoise: 1.0}}
          out: {VAEDecode: {samples: $made, vae: $model.VAE}}
          kept: {SaveImage: {images: $out, filename_prefix: kept}}
        stages: []

    Good:

        models: {sd: {checkpoint: v1-5-pruned-emaonly.safetensors}}
        stages: [{generate: {model: sd, positive: a lighthouse, negative: fog, cfg: 7}}, {save: {}}]
    """
    told: set[str] = set()
    for sampling in facts_of(graph, catalog).samplers:
        guidance = sampling.positive.guidance if sampling.positive else None
        model = sampling.model
        if guidance is None or guidance.node.type != "FluxGuidance" or guidance.node.id in told:
            continue
        if model.certain and model.family in _UNGUIDED:
            told.add(guidance.node.id)
            message = f"{model.word} reads no guidance: this changes nothing"
            yield Problem(guidance.node, guidance.input, message, "remove it; cfg is what this model follows")


@rule("CP507", "guidance-out-of-range", Severity.WARNING, classes=SAMPLER_TYPES)
def guidance_out_of_range(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """A guidance that the model was not made for.

    Flux dev, Krea and Kontext are used with 1 to 10, by their cards 2.5 to 5. Flux Fill is made for 30, and so are
    the models for edges and depth; much less, and they ignore what they are given.

    Source: diffusers 0.42.1 (30 for FluxFillPipeline); the model cards of FLUX.1 Krea and FLUX.1 Canny.

    Bad:

        models: {flux: {diffusion_model: flux1-dev.safetensors, text_encoders: [clip_l.safetensors,
          t5xxl_fp16.safetensors], vae: ae.safetensors}}
        stages: [{generate: {model: flux, positive: a lighthouse, guidance: 30, cfg: 1}}, {save: {}}]

    Good:

        models: {flux: {diffusion_model: flux1-dev.safetensors, text_encoders: [clip_l.safetensors,
          t5xxl_fp16.safetensors], vae: ae.safetensors}}
        stages: [{generate: {model: flux, positive: a lighthouse, guidance: 3.5, cfg: 1}}, {save: {}}]
    """
    told: set[str] = set()
    for sampling in facts_of(graph, catalog).samplers:
        guidance = sampling.positive.guidance if sampling.positive else None
        model = sampling.model
        if guidance is None or guidance.number is None or model.family != "flux" or guidance.node.id in told:
            continue
        low, high = _GUIDANCE.get(model.variant, (0.0, 100.0))
        if not low <= guidance.number <= high:
            told.add(guidance.node.id)
            usual = 30 if model.variant in ("fill", "control") else 3.5
            message = f"a guidance of {guidance.number:g}, and {model.word} is made for about {usual:g}"
            yield Problem(guidance.node, guidance.input, message, f"set it to {usual:g}", remedy=Remedy(usual))


@rule("CP508", "guidance-left-alone", Severity.INFO, classes=SAMPLER_TYPES)
def guidance_left_alone(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """A model with guidance built in is told none, and takes 3.5.

    Source: ComfyUI 0.3.64, `extra_conds` of Flux in `comfy/model_base.py`.

    Bad:

        models: {flux: {diffusion_model: flux1-krea-dev.safetensors, text_encoders: [clip_l.safetensors,
          t5xxl_fp16.safetensors], vae: ae.safetensors}}
        stages: [{generate: {model: flux, positive: a lighthouse, cfg: 1}}, {save: {}}]

    Good:

        models: {flux: {diffusion_model: flux1-krea-dev.safetensors, text_encoders: [clip_l.safetensors,
          t5xxl_fp16.safetensors], vae: ae.safetensors}}
        stages: [{generate: {model: flux, positive: a lighthouse, cfg: 1, guidance: 4.5}}, {save: {}}]
    """
    for sampling in facts_of(graph, catalog).samplers:
        model, prompt = sampling.model, sampling.positive
        if prompt is None or prompt.guidance is not None or prompt.disabled or not prompt.complete or model.opaque:
            continue
        if model.family == "flux" and model.variant in _DISTILLED["flux"] and prompt.encoders:
            usual = (
                "30" if model.variant in ("fill", "control") else "3.5 to 5" if model.variant == "krea" else "2.5 to 4"
            )
            message = f"nothing says the guidance, so it is 3.5; {model.word} is used with {usual}"
            yield Problem(sampling.node, "positive", message, 'say it: "guidance" in a spec, FluxGuidance in a graph')


@rule("CP509", "cfg-with-cfg-pp", Severity.WARNING, classes=SAMPLER_TYPES)
def cfg_with_cfg_pp(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """A sampler of the kind "cfg_pp" with a cfg of the usual size.

    These samplers use cfg in another way, and want it near 1; with 5 or 7 pictures burn.

    Source: practice with the samplers of that name.

    Bad:

        models: {sd: {checkpoint: v1-5-pruned-emaonly.safetensors}}
        stages: [{generate: {model: sd, positive: a lighthouse, negative: fog, cfg: 7, sampler: euler_cfg_pp,
          scheduler: normal}}, {save: {}}]

    Good:

        models: {sd: {checkpoint: v1-5-pruned-emaonly.safetensors}}
        stages: [{generate: {model: sd, positive: a lighthouse, negative: fog, cfg: 1.5, sampler: euler_cfg_pp,
          scheduler: normal}}, {save: {}}]
    """
    for sampling in facts_of(graph, catalog).samplers:
        name = sampling.sampler.text if sampling.sampler else None
        if name and name.endswith("_cfg_pp") and sampling.cfg is not None and (sampling.strength or 0) > 2:
            message = f'cfg is {sampling.strength:g}, and the sampler "{name}" wants it near 1'
            yield Problem(sampling.cfg.node, sampling.cfg.input, message, "set cfg to 1", remedy=Remedy(1))


GUIDANCE_RULES = (
    cfg_on_distilled,
    cfg_on_accelerated,
    unused_negative,
    cfg_below_one,
    cfg_too_high,
    unread_guidance,
    guidance_out_of_range,
    guidance_left_alone,
    cfg_with_cfg_pp,
)


def _distilled(model: Model) -> bool:
    return model.certain and model.variant in _DISTILLED.get(model.family, ())


def _weak(model: Model) -> bool:
    """Whether what makes a model fast is put in at a part of its strength, which is neither one nor the other."""
    return any((lora.strength.number or 0) < 0.9 for lora in model.loras if lora.file in _files(model))


def _files(model: Model) -> set[str]:
    return {each.file for each in model.accelerators}


def _once(sampling: Sampling) -> bool:
    """Whether a sampler surely looks at the positive prompt alone."""
    name = sampling.sampler.text if sampling.sampler else None
    if sampling.strength != 1 or sampling.model.opaque or name is None or name.endswith("_cfg_pp"):
        return False
    return sampling.model.patched(*_ALWAYS_TWICE) is None

"""Rules on what goes with a model: are its LoRAs, ControlNets and text encoders by their names of its family?"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..catalog.pinned import Catalog
from ..diagnostics import NotExamined, Severity
from ..facts.kinds import accelerator_of, family_of
from ..facts.read import facts_of
from ..facts.samplers import SAMPLER_TYPES
from ..facts.view import View
from ..graph import Graph, Node
from .rule import Problem, Remedy, rule

# Families whose parts go from one to the other, whole or for the most part.
_KIN = (
    {"flux", "flux-schnell", "chroma"},
    {"sdxl", "sdxl-refiner"},
    {"sd15", "sd2"},
    {"cosmos", "cosmos2"},
)
# How the loader of text encoders is told for which family they are, by its class.
_TYPES = {
    "flux": {"DualCLIPLoader": ("flux",), "DualCLIPLoaderGGUF": ("flux",)},
    "flux-schnell": {"DualCLIPLoader": ("flux",), "DualCLIPLoaderGGUF": ("flux",)},
    "sdxl": {"DualCLIPLoader": ("sdxl",)},
    "sd3": {"DualCLIPLoader": ("sd3",), "CLIPLoader": ("sd3",)},
    "wan": {"CLIPLoader": ("wan",)},
    "wan22-5b": {"CLIPLoader": ("wan",)},
    "qwen-image": {"CLIPLoader": ("qwen_image",)},
    "hunyuan-video": {"DualCLIPLoader": ("hunyuan_video",)},
    "ltxv": {"CLIPLoader": ("ltxv",)},
}
_FOR_FLUX_DEV = re.compile(r"turbo[-_. ]?alpha|hyper[-_. ]?flux", re.IGNORECASE)


@rule("CP541", "lora-of-another-family", Severity.WARNING, classes=SAMPLER_TYPES)
def lora_of_another_family(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """A LoRA that by its file's name is for models of another family than the one it is put on.

    Its layers then have no counterpart in the model. ComfyUI says so in its log alone, and makes the picture without
    it.

    Source: ComfyUI 0.3.64, "lora key not loaded" in `comfy/lora.py`.

    Bad:

        models:
          sd: {checkpoint: v1-5-pruned-emaonly.safetensors}
          ink: {lora: sdxl-ink.safetensors}
        stages: [{generate: {model: sd, loras: [{use: ink}], positive: a lighthouse, negative: fog}}, {save: {}}]

    Good:

        models:
          sd: {checkpoint: v1-5-pruned-emaonly.safetensors}
          ink: {lora: sd15-ink.safetensors}
        stages: [{generate: {model: sd, loras: [{use: ink}], positive: a lighthouse, negative: fog}}, {save: {}}]
    """
    told: set[str] = set()
    for sampling in facts_of(graph, catalog).samplers:
        model = sampling.model
        if not model.certain:
            continue
        for lora in model.loras:
            if is_at_hand(catalog, "loras", lora.file):
                continue
            family, _ = family_of(lora.file)
            if _strangers(family, model.family) and lora.strength.number != 0 and lora.node.id not in told:
                told.add(lora.node.id)
                message = f'"{lora.file}" is by its name for {family}, and "{model.file}" is {model.word}'
                yield Problem(lora.node, "lora_name", message, f"take a LoRA made for {model.family}, or remove it")


@rule("CP542", "controlnet-of-another-family", Severity.WARNING, classes=SAMPLER_TYPES)
def controlnet_of_another_family(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """A ControlNet that by its file's name is for models of another family: sampling fails, or it does nothing.

    Source: ComfyUI 0.3.64, `comfy/controlnet.py`: a ControlNet has the widths of the model that it was made for.

    Bad:

        models:
          sd: {checkpoint: sd_xl_base_1.0.safetensors}
          edges: {controlnet: control_v11p_sd15_canny_fp16.safetensors}
        stages:
          - generate:
              {model: sd, positive: a lighthouse, negative: fog, control: [{use: edges, image: $image,
                preprocess: canny}]}
          - save: {}

    Good:

        models:
          sd: {checkpoint: v1-5-pruned-emaonly.safetensors}
          edges: {controlnet: control_v11p_sd15_canny_fp16.safetensors}
        stages:
          - generate:
              {model: sd, positive: a lighthouse, negative: fog, control: [{use: edges, image: $image,
                preprocess: canny}]}
          - save: {}
    """
    view = facts_of(graph, catalog).view
    told: set[str] = set()
    for sampling in facts_of(graph, catalog).samplers:
        model = sampling.model
        if not model.certain or model.opaque or sampling.positive is None:
            continue
        for node in sampling.positive.controls:
            loader = loader_of(view, node, "control_net", ("ControlNetLoader", "DiffControlNetLoader"))
            file = view.setting(loader, "control_net_name").text if loader else None
            family, _ = family_of(file or "")
            if file is not None and is_at_hand(catalog, "controlnet", file):
                continue
            if loader is None or not _strangers(family, model.family) or loader.id in told:
                continue
            told.add(loader.id)
            message = f'"{file}" is by its name for {family}, and "{model.file}" is {model.word}'
            yield Problem(loader, "control_net_name", message, f"take a ControlNet made for {model.family}")


@rule("CP543", "encoders-of-another-family", Severity.WARNING, classes=SAMPLER_TYPES)
def encoders_of_another_family(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """Text encoders are loaded for another family than the model's, which cannot read what they make of a prompt.

    The `type` of a loader decides how text becomes numbers. With the wrong one sampling fails, or the prompt counts for
    nothing.

    Source: ComfyUI 0.3.64, `load_text_encoder_state_dicts` in `comfy/sd.py`.

    Bad:

        nodes:
          model: {UNETLoader: {unet_name: flux1-dev.safetensors, weight_dtype: default}}
          text: {DualCLIPLoader: {clip_name1: clip_l.safetensors, clip_name2: t5xxl_fp16.safetensors, type: sd3}}
          vae: {VAELoader: {vae_name: ae.safetensors}}
          good: {CLIPTextEncode: {clip: $text, text: a lighthouse}}
          guided: {FluxGuidance: {conditioning: $good, guidance: 3.5}}
          bad: {ConditioningZeroOut: {conditioning: $good}}
          empty: {EmptySD3LatentImage: {width: 1024, height: 1024, batch_size: 1}}
          made:
            KSampler: {model: $model, seed: 1, steps: 20, cfg: 1, sampler_name: euler, scheduler: simple,
              positive: $guided, negative: $bad, latent_image: $empty, denoise: 1.0}
          out: {VAEDecode: {samples: $made, vae: $vae}}
          kept: {SaveImage: {images: $out, filename_prefix: kept}}
        stages: []

    Good:

        models:
          flux:
            diffusion_model: flux1-dev.safetensors
            text_encoders: [clip_l.safetensors, t5xxl_fp16.safetensors]
            vae: ae.safetensors
        stages: [{generate: {model: flux, positive: a lighthouse, guidance: 3.5}}, {save: {}}]
    """
    view = facts_of(graph, catalog).view
    told: set[str] = set()
    for sampling in facts_of(graph, catalog).samplers:
        model = sampling.model
        if not model.certain or model.opaque or sampling.positive is None:
            continue
        for node in sampling.positive.encoders:
            right = _TYPES.get(model.family, {})
            loader = loader_of(view, node, "clip", tuple(right))
            given = view.setting(loader, "type").text if loader else None
            if loader is None or given is None or given in right[loader.type] or loader.id in told:
                continue
            told.add(loader.id)
            message = f'text is encoded for "{given}", and "{model.file}" is {model.word}'
            yield Problem(
                loader,
                "type",
                message,
                f'set the type to "{right[loader.type][0]}"',
                remedy=Remedy(right[loader.type][0]),
            )


@rule("CP544", "accelerator-at-part-strength", Severity.WARNING, classes=SAMPLER_TYPES)
def accelerator_at_part_strength(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """A LoRA that makes a model fast, at half its strength and with the few steps of its full one.

    Such a LoRA was trained at a strength of 1, for its own number of steps. At half of it the model needs steps between
    that and its own number, and with few of them pictures stay unfinished.

    Source: the model card of FLUX.1-Turbo-Alpha (8 steps, `lora_scale` 1).

    Bad:

        models:
          flux:
            diffusion_model: flux1-dev.safetensors
            text_encoders: [clip_l.safetensors, t5xxl_fp16.safetensors]
            vae: ae.safetensors
          turbo: {lora: FLUX.1-Turbo-Alpha.safetensors}
        stages:
          - generate:
              {model: flux, loras: [{use: turbo, strength: 0.5}], positive: a lighthouse, guidance: 3.5, steps: 8}
          - save: {}

    Good:

        models:
          flux:
            diffusion_model: flux1-dev.safetensors
            text_encoders: [clip_l.safetensors, t5xxl_fp16.safetensors]
            vae: ae.safetensors
          turbo: {lora: FLUX.1-Turbo-Alpha.safetensors}
        stages: [{generate: {model: flux, loras: [{use: turbo}], positive: a lighthouse, guidance: 3.5, steps: 8}},
          {save: {}}]
    """
    told: set[str] = set()
    for sampling in facts_of(graph, catalog).samplers:
        kind = sampling.model.kind
        known = [(lora, made) for lora in sampling.model.loras if (made := accelerator_of(lora.file)) and made.steps]
        if kind is None or sampling.count is None or len(known) != 1:
            continue
        lora, made = known[0]
        strength = lora.strength.number
        if strength is None or not 0 < strength <= 0.7 or lora.node.id in told or kind.steps <= made.steps:
            continue
        # Between its steps and the model's own, by how much of it is there.
        needed = round(made.steps + (kind.steps - made.steps) * (1 - strength))
        if sampling.count < needed:
            told.add(lora.node.id)
            message = (
                f'"{made.file}" is made for {made.steps} steps at a strength of 1; '
                f"at {strength:g} about {needed} are needed, and there are {sampling.count}"
            )
            yield Problem(
                lora.node, "strength_model", message, f"set it to 1, with {made.steps} steps", remedy=Remedy(1)
            )


@rule("CP545", "accelerator-of-another-base", Severity.WARNING, classes=SAMPLER_TYPES)
def accelerator_of_another_base(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """A LoRA that makes Flux dev fast, on another model of its kind.

    FLUX.1-Turbo-Alpha and Hyper-FLUX were made of Flux dev. On Krea, Kontext, Fill and schnell they fit by shape, and
    nobody says how well they do.

    Source: the model card of FLUX.1-Turbo-Alpha (`base_model`: FLUX.1-dev).

    Bad:

        models:
          krea:
            diffusion_model: flux1-krea-dev.safetensors
            text_encoders: [clip_l.safetensors, t5xxl_fp16.safetensors]
            vae: ae.safetensors
          turbo: {lora: FLUX.1-Turbo-Alpha.safetensors}
        stages: [{generate: {model: krea, loras: [{use: turbo}], positive: a lighthouse, guidance: 3.5, steps: 8}},
          {save: {}}]

    Good:

        models:
          flux:
            diffusion_model: flux1-dev.safetensors
            text_encoders: [clip_l.safetensors, t5xxl_fp16.safetensors]
            vae: ae.safetensors
          turbo: {lora: FLUX.1-Turbo-Alpha.safetensors}
        stages: [{generate: {model: flux, loras: [{use: turbo}], positive: a lighthouse, guidance: 3.5, steps: 8}},
          {save: {}}]
    """
    told: set[str] = set()
    for sampling in facts_of(graph, catalog).samplers:
        model = sampling.model
        other = model.family == "flux-schnell" or (
            model.family == "flux" and model.variant in ("krea", "kontext", "fill")
        )
        for lora in model.loras if other and model.certain else ():
            if _FOR_FLUX_DEV.search(lora.file) and lora.strength.number != 0 and lora.node.id not in told:
                told.add(lora.node.id)
                message = f'"{lora.file}" was made of Flux dev, and "{model.file}" is {model.word}'
                yield Problem(
                    lora.node, "lora_name", message, "try it beside the model's own steps before you rely on it"
                )


MATCHING_RULES = (
    lora_of_another_family,
    controlnet_of_another_family,
    encoders_of_another_family,
    accelerator_at_part_strength,
    accelerator_of_another_base,
)


def kin(one: str, other: str) -> bool:
    """Whether two families are the same or have most of their parts in common."""
    return one == other or any({one, other} <= relatives for relatives in _KIN)


def is_at_hand(catalog: Catalog, folder: str, name: str) -> bool:
    """Whether a file's tensors can be looked at, which tell more than its name."""
    return catalog.shelf is not None and catalog.shelf.weights(folder, name) is not None


def _strangers(one: str, other: str) -> bool:
    """Whether two families are known, and have nothing in common."""
    return bool(one and other) and not kin(one, other)


def loader_of(view: View, node: Node, name: str, kinds: tuple[str, ...]) -> Node | None:
    """The loader at the end of a chain of links through inputs of one name."""
    for _ in range(32):
        found = view.origin(node.inputs.get(name))
        if found is None:
            return None
        node = found[0]
        if node.type in kinds:
            return node
    return None

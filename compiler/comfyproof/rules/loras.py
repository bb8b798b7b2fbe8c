"""Rules on LoRAs: does each do something, and do they go together?"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..catalog.pinned import Catalog
from ..diagnostics import NotExamined, Severity
from ..graph import Graph, Link, Node, Value
from .rule import Problem, nodes_of, rule

_LOADERS = ("LoraLoader", "LoraLoaderModelOnly")
_STRONG = 3  # some that make a model quick are used at that
# What makes a model need few steps; the names that their authors gave to what they published.
_ACCELERATOR = re.compile(
    r"(?<![a-z])(?:turbo|lightning|hyper[-_ ]?(?:sd|flux|sdxl|[0-9])|lcm|dmd2?|lightx2v|causvid|accvid|fusionx"
    r"|self[-_ ]?forcing|(?<![0-9])[0-9]{1,2}[-_ ]?steps?)(?![a-z])",
    re.IGNORECASE,
)
_MODEL_ONLY = re.compile(r"turbo[-_. ]?alpha", re.IGNORECASE)
_SLIDER = re.compile(r"slider|detail|tweak", re.IGNORECASE)


@rule("CP621", "lora-without-strength", Severity.INFO, classes=_LOADERS)
def lora_without_strength(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """A LoRA has strength 0, so that the node hands on what it got.

    ComfyUI does not even open the file then.

    Source: ComfyUI 0.3.64, `LoraLoader` in `nodes.py`.

    Bad:

        models: {sdxl: {checkpoint: sd_xl_base_1.0.safetensors}, ink: {lora: ink.safetensors}}
        stages:
          - generate:
              {model: sdxl, loras: [{use: ink, strength: 0}], size: 1024x1024, positive: a hut, negative: blurry}
          - save: {}

    Good:

        models: {sdxl: {checkpoint: sd_xl_base_1.0.safetensors}, ink: {lora: ink.safetensors}}
        stages:
          - generate:
              {model: sdxl, loras: [{use: ink, strength: 0.8}], size: 1024x1024, positive: a hut, negative: blurry}
          - save: {}
    """
    for node in nodes_of(graph, _LOADERS):
        strengths = _strengths(node)
        if strengths and not any(strengths):
            message = f'"{node.inputs.get("lora_name")}" has strength 0 and does nothing'
            yield Problem(node, "strength_model", message, "give it a strength, or take it out")


@rule("CP622", "lora-twice", Severity.WARNING, classes=_LOADERS)
def lora_twice(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """A LoRA is put onto a model that has it already, so that its strengths add up.

    0.8 and 0.8 are 1.6, which is more than most LoRAs bear.

    Source: ComfyUI 0.3.64, `add_patches` in `comfy/model_patcher.py`: patches are added one to the other.

    Bad:

        models: {sdxl: {checkpoint: sd_xl_base_1.0.safetensors}, ink: {lora: ink.safetensors}}
        stages:
          - generate:
              model: sdxl
              loras: [{use: ink, strength: 0.8}, {use: ink, strength: 0.7}]
              size: 1024x1024
              positive: a lighthouse
              negative: blurry
          - save: {}

    Good:

        models:
          sdxl: {checkpoint: sd_xl_base_1.0.safetensors}
          ink: {lora: ink.safetensors}
          fog: {lora: fog.safetensors}
        stages:
          - generate:
              model: sdxl
              loras: [{use: ink, strength: 0.8}, {use: fog, strength: 0.7}]
              size: 1024x1024
              positive: a lighthouse
              negative: blurry
          - save: {}
    """
    for node in nodes_of(graph, _LOADERS):
        name = node.inputs.get("lora_name")
        if isinstance(name, str) and any(_strengths(node)) and name in map(_file_of, _before(graph, node)):
            message = f'"{name}" is on this model already, and its strengths add up'
            yield Problem(node, "lora_name", message, "load it once, with the strength that you want")


@rule("CP623", "two-accelerators", Severity.WARNING, classes=_LOADERS)
def two_accelerators(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """A model gets two LoRAs that each make it need few steps.

    Each was trained alone, for a number of steps of its own; together they overshoot. What a LoRA is for is read
    from its file's name here.

    Source: practice with such LoRAs, whose cards give steps for each alone.

    Bad:

        models:
          sdxl: {checkpoint: sd_xl_base_1.0.safetensors}
          lcm: {lora: lcm-lora-sdxl.safetensors}
          lightning: {lora: sdxl_lightning_8step_lora.safetensors}
        stages:
          - generate:
              model: sdxl
              loras: [{use: lcm, strength: 1}, {use: lightning, strength: 1}]
              size: 1024x1024
              positive: a lighthouse
              negative: blurry
              steps: 8
              cfg: 1.5
              sampler: lcm
              scheduler: sgm_uniform
          - save: {}

    Good:

        models:
          sdxl: {checkpoint: sd_xl_base_1.0.safetensors}
          lightning: {lora: sdxl_lightning_8step_lora.safetensors}
        stages:
          - generate:
              model: sdxl
              loras: [{use: lightning, strength: 1}]
              size: 1024x1024
              positive: a lighthouse
              steps: 8
              cfg: 1
              sampler: euler
              scheduler: sgm_uniform
          - save: {}
    """
    for node in nodes_of(graph, _LOADERS):
        if not _accelerates(node):
            continue
        for earlier in _before(graph, node):
            if _accelerates(earlier) and _file_of(earlier) != _file_of(node):
                message = f'"{_file_of(node)}" makes a model quick that "{_file_of(earlier)}" has made quick already'
                yield Problem(node, "lora_name", message, "take one of them out")
                break


@rule("CP624", "unused-clip", Severity.INFO, classes=("LoraLoader",))
def unused_clip(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """Nothing takes the text encoder that a LoRA was put onto, so that strength_clip does nothing.

    Where the texts are encoded with the one from before, the LoRA works on the model alone.

    Source: ComfyUI 0.3.64, `LoraLoader` in `nodes.py` gives both back, changed.

    Bad:

        nodes:
          start: {CheckpointLoaderSimple: {ckpt_name: sd_xl_base_1.0.safetensors}}
          ink:
            LoraLoader:
              {model: $start.0, clip: $start.1, lora_name: ink.safetensors, strength_model: 1, strength_clip: 1}
          kept: {ModelSave: {model: $ink, filename_prefix: kept}}

    Good:

        nodes:
          start: {CheckpointLoaderSimple: {ckpt_name: sd_xl_base_1.0.safetensors}}
          ink: {LoraLoaderModelOnly: {model: $start, lora_name: ink.safetensors, strength_model: 1}}
          kept: {ModelSave: {model: $ink, filename_prefix: kept}}
    """
    for node in nodes_of(graph, ("LoraLoader",)):
        strength = node.inputs.get("strength_clip")
        if strength != 0 and 0 in (taken := _taken(graph, node)) and 1 not in taken:
            message = f"nothing takes the text encoder from here, so that strength_clip {strength} does nothing"
            yield Problem(node, "strength_clip", message, "encode the prompts with it, or use LoraLoaderModelOnly")


@rule("CP625", "unused-lora", Severity.INFO, classes=("LoraLoader",))
def unused_lora(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """A LoRA is on the text encoder that is used, but not on the model: nothing takes the model from its loader.

    Most of a LoRA is for the model, unless it was made for a text encoder alone.

    Source: ComfyUI 0.3.64, `LoraLoader` in `nodes.py` gives both back, changed.

    Bad:

        nodes:
          start: {CheckpointLoaderSimple: {ckpt_name: sd_xl_base_1.0.safetensors}}
          ink:
            LoraLoader:
              {model: $start.0, clip: $start.1, lora_name: ink.safetensors, strength_model: 1, strength_clip: 1}
          kept: {CLIPSave: {clip: $ink.1, filename_prefix: kept}}

    Good:

        nodes:
          start: {CheckpointLoaderSimple: {ckpt_name: sd_xl_base_1.0.safetensors}}
          ink:
            LoraLoader:
              {model: $start.0, clip: $start.1, lora_name: ink.safetensors, strength_model: 0, strength_clip: 1}
          kept: {CLIPSave: {clip: $ink.1, filename_prefix: kept}}
    """
    for node in nodes_of(graph, ("LoraLoader",)):
        strength = node.inputs.get("strength_model")
        if strength != 0 and 1 in (taken := _taken(graph, node)) and 0 not in taken:
            message = f'nothing takes the model from here, so that "{_file_of(node)}" is only in the texts'
            yield Problem(
                node, "strength_model", message, "give the sampler the model from here, or set strength_model to 0"
            )


@rule("CP626", "strong-lora", Severity.WARNING, classes=_LOADERS)
def strong_lora(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """A LoRA has a strength beyond 3, at which most burn the picture.

    They are trained at 1. Files that are made to be turned far, by their name, are left alone.

    Source: practice.

    Bad:

        models: {sdxl: {checkpoint: sd_xl_base_1.0.safetensors}, ink: {lora: ink.safetensors}}
        stages:
          - generate:
              {model: sdxl, loras: [{use: ink, strength: 8}], size: 1024x1024, positive: a hut, negative: blurry}
          - save: {}

    Good:

        models: {sdxl: {checkpoint: sd_xl_base_1.0.safetensors}, ink: {lora: ink.safetensors}}
        stages:
          - generate:
              {model: sdxl, loras: [{use: ink, strength: 0.8}], size: 1024x1024, positive: a hut, negative: blurry}
          - save: {}
    """
    for node in nodes_of(graph, _LOADERS):
        strength = node.inputs.get("strength_model")
        if isinstance(strength, int | float) and abs(strength) > _STRONG and not _SLIDER.search(_file_of(node)):
            yield Problem(
                node, "strength_model", f'"{_file_of(node)}" has strength {strength}; 1 is full', "try 1 or less"
            )


@rule("CP627", "lora-without-text-part", Severity.INFO, classes=("LoraLoader",))
def lora_without_text_part(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """strength_clip is set for a LoRA that has nothing for the text encoder, so that it does nothing.

    FLUX.1-Turbo-Alpha changes the diffusion model alone.

    Source: the tensors of FLUX.1-Turbo-Alpha.

    Bad:

        nodes:
          model: {UNETLoader: {unet_name: flux1-dev.safetensors, weight_dtype: default}}
          text: {DualCLIPLoader: {clip_name1: clip_l.safetensors, clip_name2: t5xxl_fp16.safetensors, type: flux}}
          turbo:
            LoraLoader:
              {model: $model, clip: $text, lora_name: FLUX.1-Turbo-Alpha.safetensors, strength_model: 1,
               strength_clip: 1}
          kept: {ModelSave: {model: $turbo.0, filename_prefix: kept}}
          also: {CLIPSave: {clip: $turbo.1, filename_prefix: kept}}

    Good:

        nodes:
          model: {UNETLoader: {unet_name: flux1-dev.safetensors, weight_dtype: default}}
          turbo:
            LoraLoaderModelOnly: {model: $model, lora_name: FLUX.1-Turbo-Alpha.safetensors, strength_model: 1}
          kept: {ModelSave: {model: $turbo, filename_prefix: kept}}
    """
    for node in nodes_of(graph, ("LoraLoader",)):
        strength = node.inputs.get("strength_clip")
        both = node.place("strength_model") == node.place("strength_clip")  # a spec has one strength for the two
        if strength != 0 and not both and _MODEL_ONLY.search(_file_of(node)):
            message = f'"{_file_of(node)}" has nothing for the text encoder, so that strength_clip does nothing'
            yield Problem(node, "strength_clip", message, "use LoraLoaderModelOnly")


LORA_RULES = (
    lora_without_strength,
    lora_twice,
    two_accelerators,
    unused_clip,
    unused_lora,
    strong_lora,
    lora_without_text_part,
)


def _file_of(node: Node) -> str:
    return str(node.inputs.get("lora_name", ""))


def _strengths(node: Node) -> list[Value]:
    """The strengths of a loader that are known; a link may bring any."""
    names = ("strength_model", "strength_clip") if node.type == "LoraLoader" else ("strength_model",)
    return [node.inputs.get(name) for name in names]


def _accelerates(node: Node) -> bool:
    return bool(_ACCELERATOR.search(_file_of(node))) and node.inputs.get("strength_model") != 0


def _before(graph: Graph, node: Node) -> Iterator[Node]:
    """The loaders of LoRAs through which a model came, with any strength, the nearest first."""
    seen = {node.id}
    link = node.inputs.get("model")
    while isinstance(link, Link) and link.node in graph.nodes and link.node not in seen:
        seen.add(link.node)
        earlier = graph.nodes[link.node]
        if earlier.type in _LOADERS and any(_strengths(earlier)):
            yield earlier
        link = earlier.inputs.get("model")


def _taken(graph: Graph, node: Node) -> set[int]:
    """The outputs of a node that something takes."""
    return {
        link.output for id in graph.consumers[node.id] for _, link in graph.nodes[id].links() if link.node == node.id
    }

"""Rules on what is in a model file: is it whole, harmless, and what its loader takes?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from ..catalog.files import FILE_INPUTS
from ..catalog.listing import NO_MODELS
from ..catalog.pinned import Catalog
from ..diagnostics import NotExamined, Severity
from ..facts.read import facts_of
from ..graph import Graph, Link, Node
from .rule import Problem, Remedy, kept, rule

if TYPE_CHECKING:
    from ..weights.identify import Weights
    from ..weights.index import Found

# What a loader of each folder takes. A CLIP with both its halves is either of two.
_TAKEN = {
    "checkpoints": ("checkpoint", "diffusion"),
    "clip_vision": ("clip_vision",),
    "controlnet": ("controlnet",),
    "diffusion_models": ("diffusion", "checkpoint"),
    "loras": ("lora",),
    "style_models": ("style_model",),
    "text_encoders": ("text_encoder", "clip_vision"),
    "upscale_models": ("upscaler",),
    "vae": ("vae",),
}
_WORDS = {
    "checkpoint": "a checkpoint",
    "clip_vision": "a vision encoder",
    "controlnet": "a ControlNet",
    "diffusion": "a diffusion model without its other parts",
    "embedding": "an embedding",
    "lora": "a LoRA",
    "style_model": "a style model",
    "text_encoder": "a text encoder",
    "upscaler": "an upscale model",
    "vae": "a VAE",
}
_LOADERS = {
    "checkpoint": "CheckpointLoaderSimple",
    "clip_vision": "CLIPVisionLoader",
    "controlnet": "ControlNetLoader",
    "diffusion": "UNETLoader",
    "lora": "LoraLoader",
    "style_model": "StyleModelLoader",
    "text_encoder": "CLIPLoader",
    "upscaler": "UpscaleModelLoader",
    "vae": "VAELoader",
}
# What says more of who looks than of the file.
_OURS = ("missing", "changed", "unreadable")
_DOWNLOAD = ("truncated", "empty", "lfs_pointer", "web_page")
_CHECKPOINTS = ("CheckpointLoaderSimple", "CheckpointLoader")


class Held(NamedTuple):
    """A model file that a node names and that is at hand."""

    node: Node
    input: str
    folder: str
    name: str
    found: Found

    @property
    def weights(self) -> Weights | None:
        """What it is; None where it is no whole model file."""
        return None if self.found.problem else self.found.weights


def held(graph: Graph, catalog: Catalog) -> list[Held]:
    """The model files of a graph that are at hand; none without folders of them."""
    return kept(graph, catalog, _held)


def _held(graph: Graph, catalog: Catalog) -> list[Held]:
    shelf = catalog.shelf
    if shelf is None:
        return []
    return [
        Held(node, name, folder, value, found)
        for node in graph.nodes.values()
        for name, folder in FILE_INPUTS.get(node.type, {}).items()
        if folder not in NO_MODELS and isinstance(value := node.inputs.get(name), str)
        if (found := shelf.found(folder, value)) is not None
    ]


@rule("CP572", "broken-model-file", Severity.ERROR, classes=FILE_INPUTS)
def broken_model_file(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """A model file is cut off, is something else, or says of itself what cannot be; loading it fails.

    Most are downloads that ended early, and pages that a login or an error stands on. Only headers are read, so that
    a file whose numbers alone are damaged is not found.

    Source: the safetensors and GGUF formats; ComfyUI 0.3.64, `load_torch_file` in `comfy/utils.py`.

    Bad:

        nodes: {sdxl: {CheckpointLoaderSimple: {ckpt_name: cut_off.safetensors}}}

    Good:

        nodes: {sdxl: {CheckpointLoaderSimple: {ckpt_name: sd_xl_base_1.0.safetensors}}}
    """
    for each in held(graph, catalog):
        problem = each.found.problem
        if problem in _OURS:
            yield NotExamined(f'file "{each.name}"', each.found.message, kind="file", node=each.node.id)
        elif problem:
            help = "download it again" if problem in _DOWNLOAD else "take another file, from where it is published"
            yield Problem(each.node, each.input, f'"{each.name}" {each.found.message}', help)


@rule("CP573", "pickle-with-code", Severity.ERROR, classes=FILE_INPUTS)
def pickle_with_code(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """A pickle calls what no model needs: whoever loads it runs the code of a stranger.

    It was looked at without being executed. ComfyUI with PyTorch 2.4 or newer refuses to load it; older ones, and other
    programs, run it.

    Source: picklescan's list of dangerous calls; ComfyUI 0.3.64, `ALWAYS_SAFE_LOAD` in `comfy/utils.py`.

    Bad:

        nodes: {big: {UpscaleModelLoader: {model_name: harmful.pth}}}

    Good:

        nodes: {big: {UpscaleModelLoader: {model_name: 4x_NMKD-Siax_200k.pth}}}
    """
    for each in held(graph, catalog):
        weights = each.found.weights
        if weights is not None and weights.dangers:
            message = f'"{each.name}" is a pickle that calls "{weights.dangers[0]}" when it is loaded'
            yield Problem(each.node, each.input, message, "delete it, and take the model as safetensors")


@rule("CP574", "pickle-that-is-refused", Severity.WARNING, classes=FILE_INPUTS)
def pickle_that_is_refused(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """A pickle uses names that PyTorch does not look up for a file of weights, harmless ones for all that is known.

    With PyTorch 2.4 or newer ComfyUI does not load it.

    Source: `torch.load(weights_only=True)`; ComfyUI 0.3.64, `ALWAYS_SAFE_LOAD` in `comfy/utils.py`.

    Bad:

        nodes: {big: {UpscaleModelLoader: {model_name: with_settings.pth}}}

    Good:

        nodes: {big: {UpscaleModelLoader: {model_name: 4x_NMKD-Siax_200k.pth}}}
    """
    for each in held(graph, catalog):
        weights = each.found.weights
        if weights is not None and weights.calls and not weights.dangers:
            message = f'"{each.name}" is a pickle that uses "{weights.calls[0]}", which PyTorch refuses to load'
            yield Problem(each.node, each.input, message, "take the model as safetensors")


@rule("CP575", "another-kind-of-model", Severity.ERROR, classes=FILE_INPUTS)
def another_kind_of_model(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """A file holds another kind of model than its loader takes; loading fails, or gives something useless.

    Source: the names of the tensors, as ComfyUI 0.3.64's own loaders tell files apart (`comfy/sd.py`,
    `comfy/model_detection.py`, `comfy/controlnet.py`).

    Bad:

        models: {sd: {checkpoint: ink_sd15.safetensors}}
        stages: [{generate: {model: sd, positive: a lighthouse, negative: fog}}, {save: {}}]

    Good:

        models: {sd: {checkpoint: v1-5-pruned-emaonly.safetensors}}
        stages: [{generate: {model: sd, positive: a lighthouse, negative: fog}}, {save: {}}]
    """
    for each in held(graph, catalog):
        weights, taken = each.weights, _TAKEN.get(each.folder)
        if weights is None or taken is None or weights.kind in taken:
            continue
        if weights.kind not in _WORDS:
            gap = "its tensors are those of no kind of model that is known"
            yield NotExamined(f'file "{each.name}"', gap, kind="file", node=each.node.id)
            continue
        loader = _LOADERS.get(weights.kind)
        message = f'"{each.name}" is {_WORDS[weights.kind]}, and "{each.node.type}" takes {_WORDS[taken[0]]}'
        yield Problem(each.node, each.input, message, f'load it with "{loader}"' if loader else "take another file")


@rule("CP576", "checkpoint-without-part", Severity.ERROR, classes=_CHECKPOINTS)
def checkpoint_without_part(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """A checkpoint's text encoder or VAE is used, and the file has none: ComfyUI gives nothing there, and the node that
    uses it fails.

    Source: ComfyUI 0.3.64, `load_state_dict_guess_config` in `comfy/sd.py`, which says so in its log alone.

    Bad:

        models: {sdxl: {checkpoint: sdxl_without_vae.safetensors}}
        stages: [{generate: {model: sdxl, positive: a lighthouse, negative: fog}}, {save: {}}]

    Good:

        models: {sdxl: {checkpoint: sdxl_without_vae.safetensors, vae: sdxl_vae.safetensors}}
        stages: [{generate: {model: sdxl, positive: a lighthouse, negative: fog}}, {save: {}}]
    """
    view = facts_of(graph, catalog).view
    for each in held(graph, catalog):
        weights = each.weights
        if each.node.type not in _CHECKPOINTS or weights is None or weights.kind not in _TAKEN["checkpoints"]:
            continue
        detail = weights.detail if weights.kind == "checkpoint" else None
        for output, tensors, word, field in (
            (1, "clip_tensors", "text encoder", "clip"),
            (2, "vae_tensors", "VAE", "vae"),
        ):
            if detail is not None and getattr(detail, tensors):
                continue
            users = (node for node in graph.nodes.values() if "lora_name" not in node.inputs)
            if any(_comes_from(view.origin(node.inputs.get(field)), each.node, output, graph) for node in users):
                loader = _LOADERS["vae" if field == "vae" else "text_encoder"]
                message = f'"{each.name}" has no {word}, and its {word} is used'
                yield Problem(each.node, each.input, message, f'load one of its own with "{loader}"')


def _comes_from(found: tuple[Node, int] | None, loader: Node, output: int, graph: Graph) -> bool:
    """Whether a link leads to an output of a loader, through LoRAs."""
    for _ in range(64):
        if found is None:
            return False
        node, at = found
        if node is loader:
            return at == output
        link = node.inputs.get("clip") if "lora_name" in node.inputs else None
        found = (graph.nodes[link.node], link.output) if isinstance(link, Link) and link.node in graph.nodes else None
    return False


@rule("CP584", "upscaler-of-several-pictures", Severity.ERROR, classes=("UpscaleModelLoader",))
def upscaler_of_several_pictures(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """An upscale model that wants more than a picture, such as a mask: ComfyUI's loader refuses it.

    Source: ComfyUI 0.3.64, `UpscaleModelLoader` in `comfy_extras/nodes_upscale_model.py`.

    Bad:

        nodes: {big: {UpscaleModelLoader: {model_name: big-lama.pt}}}

    Good:

        nodes: {big: {UpscaleModelLoader: {model_name: 4x_NMKD-Siax_200k.pth}}}
    """
    for each in held(graph, catalog):
        weights = each.weights
        if weights is not None and weights.kind == "upscaler" and not weights.detail.single_image:
            message = f'"{each.name}" ({weights.detail.arch}) wants more than a picture, and the loader refuses it'
            yield Problem(each.node, each.input, message, "take a model that enlarges single pictures")


@rule("CP585", "quantised-twice", Severity.WARNING, classes=("UNETLoader",))
def quantised_twice(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """A diffusion model that is stored in scaled fp8 is asked to become fp8 on loading.

    The file has its own scales. What is not scaled in it becomes fp8 without any, which costs quality and saves little.

    Source: ComfyUI 0.3.64, `UNETLoader` in `nodes.py` and `scaled_fp8` in `comfy/model_detection.py`.

    Bad:

        nodes: {krea: {UNETLoader: {unet_name: flux1-krea-dev_fp8_scaled.safetensors, weight_dtype: fp8_e5m2}}}

    Good:

        nodes: {krea: {UNETLoader: {unet_name: flux1-krea-dev_fp8_scaled.safetensors, weight_dtype: default}}}
    """
    for each in held(graph, catalog):
        weights, chosen = each.weights, each.node.inputs.get("weight_dtype")
        if weights is None or weights.kind != "diffusion" or not isinstance(chosen, str):
            continue
        # The fast one has scaled fp8 multiplied as fp8, too, which is what it is for.
        if chosen in ("fp8_e4m3fn", "fp8_e5m2") and weights.detail.scaled_fp8:
            message = f'"{each.name}" is scaled fp8 already, and "{chosen}" makes fp8 of the rest without scales'
            yield Problem(each.node, "weight_dtype", message, 'set it to "default"', remedy=Remedy("default"))


@rule("CP586", "model-younger-than-comfyui", Severity.WARNING, classes=FILE_INPUTS)
def model_younger_than_comfyui(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """A model of a family that ComfyUI 0.3.64 does not know: it takes it for another one, and loading it fails.

    A younger ComfyUI may know it.

    Source: ComfyUI 0.3.64, `detect_unet_config` in `comfy/model_detection.py`.

    Bad:

        nodes: {young: {UNETLoader: {unet_name: z_image_turbo.safetensors, weight_dtype: default}}}

    Good:

        nodes: {krea: {UNETLoader: {unet_name: flux1-krea-dev_fp8_scaled.safetensors, weight_dtype: default}}}
    """
    if catalog.shelf is None or _is_younger(catalog):
        return
    for each in held(graph, catalog):
        weights = each.weights
        if weights is None or weights.kind not in ("diffusion", "checkpoint"):
            continue
        model = weights.detail if weights.kind == "diffusion" else weights.detail.diffusion
        if model.taken_for and weights.families:
            message = f'"{each.name}" is {weights.families[0]}, which ComfyUI 0.3.64 takes for {model.taken_for}'
            yield Problem(each.node, each.input, message, "use a ComfyUI that knows it, and pin its catalog")


def _is_younger(catalog: Catalog) -> bool:
    """Whether a catalog is that of a ComfyUI younger than 0.3.64: it has text encoders that this one lacks."""
    from ..weights.text_encoders import LOADER_TYPES

    loader = catalog.get("CLIPLoader")
    wanted = loader.inputs.get("type") if loader else None
    return wanted is not None and any(option not in LOADER_TYPES[1] for option in wanted.options or ())


MODEL_FILE_RULES = (
    broken_model_file,
    pickle_with_code,
    pickle_that_is_refused,
    another_kind_of_model,
    checkpoint_without_part,
    upscaler_of_several_pictures,
    quantised_twice,
    model_younger_than_comfyui,
)

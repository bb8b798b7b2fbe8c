"""Rules on model files that go together: do the LoRA, the VAE, the text encoders and the ControlNet fit the model?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from ..catalog.files import FILE_INPUTS
from ..catalog.pinned import Catalog
from ..diagnostics import NotExamined, Severity
from ..facts.kinds import KINDS
from ..facts.models import Lora, Model
from ..facts.read import facts_of
from ..facts.samplers import SAMPLER_TYPES, Sampling
from ..facts.view import View
from ..graph import Graph, Node
from .matching import kin, loader_of
from .model_files import Held, held
from .rule import Problem, kept, rule

if TYPE_CHECKING:
    from ..weights.clip_loading import Loaded
    from ..weights.diffusion import Diffusion
    from ..weights.header import Header
    from ..weights.keymaps import Base
    from ..weights.loras import Coverage
    from ..weights.vaes import Vae

_SCARCELY, _ENOUGH = 0.05, 0.95
_CONTROLS = ("ControlNetLoader", "DiffControlNetLoader")
_DECODERS = ("VAEDecode", "VAEDecodeTiled")
_ENCODERS = ("VAEEncode", "VAEEncodeTiled", "VAEEncodeForInpaint")
_TEXT_LOADERS = tuple(name for name, inputs in FILE_INPUTS.items() if "text_encoders" in inputs.values())
# Loaders without a type are for one family each.
_TYPE_OF = {"TripleCLIPLoader": "sd3", "QuadrupleCLIPLoader": "hidream"}


@rule("CP577", "lora-does-not-fit", Severity.ERROR, classes=SAMPLER_TYPES)
def lora_does_not_fit(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """Next to nothing of a LoRA has a counterpart in the model that it is put on: it is for another family.

    ComfyUI says "lora key not loaded" in its log, and makes the picture as if the LoRA were not there.

    Source: ComfyUI 0.3.64, `load_lora` in `comfy/lora.py`, by names and shapes of tensors.

    Bad:

        models: {sd: {checkpoint: v1-5-pruned-emaonly.safetensors}, ink: {lora: ink_sdxl.safetensors}}
        stages: [{generate: {model: sd, loras: [{use: ink}], positive: a lighthouse, negative: fog}}, {save: {}}]

    Good:

        models: {sd: {checkpoint: v1-5-pruned-emaonly.safetensors}, ink: {lora: ink_sd15.safetensors}}
        stages: [{generate: {model: sd, loras: [{use: ink}], positive: a lighthouse, negative: fog}}, {save: {}}]
    """
    for lora, model, covered in kept(graph, catalog, _covered):
        if isinstance(covered, str):
            yield NotExamined(f'file "{lora.file}"', covered, kind="file", node=lora.node.id)
        elif _share(covered) < _SCARCELY:
            of = f"{_applied(covered)} of {covered.modules} layers"
            message = f'"{lora.file}" changes {of} of "{model.file}": {_made_for(catalog, lora)}'
            yield Problem(lora.node, "lora_name", message, _other_lora(model))


@rule("CP578", "lora-fits-in-part", Severity.WARNING, classes=SAMPLER_TYPES)
def lora_fits_in_part(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """A part of a LoRA has no counterpart in the model that it is put on, or another shape there, and is left out.

    It may have been made for a relative of the model, and do some of what it should.

    Source: ComfyUI 0.3.64, `load_lora` in `comfy/lora.py`, by names and shapes of tensors.

    Bad:

        models:
          chroma: {diffusion_model: chroma.safetensors, text_encoders: [t5xxl_fp16.safetensors], vae: ae.safetensors}
          ink: {lora: ink_flux.safetensors}
        stages: [{generate: {model: chroma, loras: [{use: ink}], positive: a lighthouse, negative: fog}}, {save: {}}]

    Good:

        models:
          krea:
            diffusion_model: flux1-krea-dev_fp8_scaled.safetensors
            text_encoders: [clip_l.safetensors, t5xxl_fp16.safetensors]
            vae: ae.safetensors
          ink: {lora: ink_flux.safetensors}
        stages: [{generate: {model: krea, loras: [{use: ink}], positive: a lighthouse, guidance: 4}}, {save: {}}]
    """
    for lora, model, covered in kept(graph, catalog, _covered):
        if not isinstance(covered, str) and _SCARCELY <= _share(covered) < _ENOUGH:
            of = f"{_applied(covered)} of its {covered.modules} layers"
            message = f'"{lora.file}" changes "{model.file}" with {of} only; the others have no place there'
            yield Problem(lora.node, "lora_name", message, _other_lora(model))


@rule("CP579", "vae-of-other-latents", Severity.ERROR, classes=SAMPLER_TYPES)
def vae_of_other_latents(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """A VAE reads latents of another shape than the model makes: decoding fails, or gives noise.

    Source: the tensors of both files; ComfyUI 0.3.64, `VAE` in `comfy/sd.py` and `comfy/latent_formats.py`.

    Bad:

        models: {sdxl: {checkpoint: sd_xl_base_1.0.safetensors, vae: ae.safetensors}}
        stages: [{generate: {model: sdxl, positive: a lighthouse, negative: fog}}, {save: {}}]

    Good:

        models: {sdxl: {checkpoint: sd_xl_base_1.0.safetensors, vae: sdxl_vae.safetensors}}
        stages: [{generate: {model: sdxl, positive: a lighthouse, negative: fog}}, {save: {}}]
    """
    facts, told = facts_of(graph, catalog), set[str]()
    for sampling, user in _decoding(graph, facts.samplers, facts.view):
        loader = facts.view.origin(user.inputs.get("vae"))
        vae = _file_of(graph, catalog, loader[0], "vae_name") if loader else None
        families = _families(catalog, sampling.model)
        if vae is None or vae.weights is None or vae.weights.kind != "vae" or not families or vae.node.id in told:
            continue
        found: Vae = vae.weights.detail
        if set(found.families) & set(families):
            continue
        if found.channels and all(_unlike(found, family) for family in families):
            told.add(vae.node.id)
            latents = KINDS[families[0]].latents
            theirs, ours = (
                _shape(found.channels, int(found.up), found.dim == 3),
                _shape(latents.channels, latents.cell, latents.pace > 0),
            )
            message = f'"{vae.name}" reads latents of {theirs}, and "{sampling.model.file}" makes {ours}'
            yield Problem(vae.node, vae.input, message, f"take a VAE made for {families[0]}")


@rule("CP581", "text-encoder-not-loaded", Severity.ERROR, classes=_TEXT_LOADERS)
def text_encoder_not_loaded(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """A loader cannot put a text encoder's file where its type wants it: it fails on the shapes, or, without a word,
    keeps random numbers, and prompts mean nothing.

    Source: ComfyUI 0.3.64, `load_text_encoder_state_dicts` in `comfy/sd.py`, by names and shapes of tensors.

    Bad:

        models:
          krea:
            diffusion_model: flux1-krea-dev_fp8_scaled.safetensors
            text_encoders: [t5xxl_fp8_e4m3fn.safetensors, t5xxl_fp16.safetensors]
            vae: ae.safetensors
        stages: [{generate: {model: krea, positive: a lighthouse, guidance: 4}}, {save: {}}]

    Good:

        models:
          krea:
            diffusion_model: flux1-krea-dev_fp8_scaled.safetensors
            text_encoders: [clip_l.safetensors, t5xxl_fp16.safetensors]
            vae: ae.safetensors
        stages: [{generate: {model: krea, positive: a lighthouse, guidance: 4}}, {save: {}}]
    """
    for files, kind, loaded in kept(graph, catalog, _encoders):
        node, first = files[0].node, files[0].input
        if isinstance(loaded, str):
            yield NotExamined(f'file "{files[0].name}"', loaded, kind="file", node=node.id)
            continue
        if loaded.error:
            yield Problem(node, first, f'"{node.type}" cannot load these files for "{kind}": {loaded.error}')
            continue
        for file, part in zip(files, loaded.files, strict=True):
            if part.error:
                message = f'"{file.name}" does not fit "{kind}": another shape of "{part.error}"'
                yield Problem(node, file.input, message, f'take the text encoder that is published for "{kind}"')
            elif part.all_missing:
                message = f'"{file.name}" has nothing of the {part.into} that "{kind}" wants, which stays random'
                yield Problem(node, file.input, message, f'take the text encoder that is published for "{kind}"')
        for name in loaded.never_loaded:
            message = f'no file is the {name} that "{kind}" wants, which stays random'
            yield Problem(node, first, message, f"load a {name} beside the other")


@rule("CP582", "text-encoder-in-part", Severity.WARNING, classes=_TEXT_LOADERS)
def text_encoder_in_part(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """A text encoder's file lacks some of the tensors that its loader wants; ComfyUI leaves these random.

    Source: ComfyUI 0.3.64, `load_text_encoder_state_dicts` in `comfy/sd.py`, by names and shapes of tensors.

    Bad:

        models:
          krea:
            diffusion_model: flux1-krea-dev_fp8_scaled.safetensors
            text_encoders: [clip_l.safetensors, t5xxl_without_a_layer.safetensors]
            vae: ae.safetensors
        stages: [{generate: {model: krea, positive: a lighthouse, guidance: 4}}, {save: {}}]

    Good:

        models:
          krea:
            diffusion_model: flux1-krea-dev_fp8_scaled.safetensors
            text_encoders: [clip_l.safetensors, t5xxl_fp16.safetensors]
            vae: ae.safetensors
        stages: [{generate: {model: krea, positive: a lighthouse, guidance: 4}}, {save: {}}]
    """
    for files, kind, loaded in kept(graph, catalog, _encoders):
        if isinstance(loaded, str) or loaded.error:
            continue
        for file, part in zip(files, loaded.files, strict=True):
            if part.missing and not part.all_missing and not part.error:
                message = f'"{file.name}" lacks {part.missing} tensors of the {part.into} that "{kind}" wants'
                yield Problem(files[0].node, file.input, message, "download it again, or take another one")


@rule("CP583", "controlnet-does-not-fit", Severity.ERROR, classes=SAMPLER_TYPES)
def controlnet_does_not_fit(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """A ControlNet has the widths of another family's models: sampling fails when it is put in.

    Source: the tensors of both files; ComfyUI 0.3.64, `comfy/controlnet.py`.

    Bad:

        models:
          sd: {checkpoint: sd_xl_base_1.0.safetensors}
          edges: {controlnet: edges_sd15.safetensors}
        stages:
          - generate:
              {model: sd, positive: a lighthouse, negative: fog, control: [{use: edges, image: $image,
                preprocess: canny}]}
          - save: {}

    Good:

        models:
          sd: {checkpoint: v1-5-pruned-emaonly.safetensors}
          edges: {controlnet: edges_sd15.safetensors}
        stages:
          - generate:
              {model: sd, positive: a lighthouse, negative: fog, control: [{use: edges, image: $image,
                preprocess: canny}]}
          - save: {}
    """
    facts, told = facts_of(graph, catalog), set[str]()
    for sampling in facts.samplers:
        families = _families(catalog, sampling.model)
        for node in sampling.positive.controls if sampling.positive and families else ():
            loader = loader_of(facts.view, node, "control_net", _CONTROLS)
            file = _file_of(graph, catalog, loader, "control_net_name") if loader else None
            weights = file.weights if file else None
            if file is None or weights is None or weights.kind != "controlnet" or file.node.id in told:
                continue
            made_for = weights.detail.families
            if made_for and not any(kin(one, other) for one in made_for for other in families):
                told.add(file.node.id)
                message = f'"{file.name}" is made for {made_for[0]}, and "{sampling.model.file}" is {families[0]}'
                yield Problem(file.node, file.input, message, f"take a ControlNet made for {families[0]}")


FITTING_RULES = (
    lora_does_not_fit,
    lora_fits_in_part,
    vae_of_other_latents,
    text_encoder_not_loaded,
    text_encoder_in_part,
    controlnet_does_not_fit,
)


def _file_of(graph: Graph, catalog: Catalog, node: Node, name: str) -> Held | None:
    return next((each for each in held(graph, catalog) if each.node is node and each.input == name), None)


def _model_file(catalog: Catalog, model: Model) -> tuple[str, Diffusion] | None:
    """The folder of a model's file, and what the file holds; None where it isn't at hand."""
    loader, shelf = model.loader, catalog.shelf
    folders = FILE_INPUTS.get(loader.type, {}) if loader else {}
    if loader is None or shelf is None:
        return None
    folder = next((folder for name, folder in folders.items() if loader.inputs.get(name) == model.file), "")
    weights = shelf.weights(folder, model.file) if folder else None
    if weights is None or weights.kind not in ("diffusion", "checkpoint"):
        return None
    return folder, weights.detail if weights.kind == "diffusion" else weights.detail.diffusion


def _families(catalog: Catalog, model: Model) -> tuple[str, ...]:
    """The families that a model may be of by its file, those that are known; none where a node may have changed it."""
    found = _model_file(catalog, model) if not model.opaque else None
    return tuple(family for family in found[1].families if family in KINDS) if found else ()


_Covered = tuple[Lora, Model, "Coverage | str"]


def _covered(graph: Graph, catalog: Catalog) -> list[_Covered]:
    """Each LoRA on each model, both at hand, with how much of it applies, or why that cannot be told."""
    shelf = catalog.shelf
    if shelf is None:
        return []
    from ..weights.loras import BASES, base_of, coverage

    found, seen = list[_Covered](), set[tuple[str, str]]()
    for sampling in facts_of(graph, catalog).samplers:
        model = sampling.model
        at_hand = _model_file(catalog, model)
        if at_hand is None:
            continue
        folder, detail = at_hand
        for lora in model.loras:
            weights = shelf.weights("loras", lora.file)
            header = shelf.header("loras", lora.file)
            base = shelf.header(folder, model.file)
            if weights is None or weights.kind != "lora" or header is None or base is None or not lora.strength.number:
                continue
            if (lora.node.id, model.file) in seen:
                continue
            seen.add((lora.node.id, model.file))
            if detail.layout != "native" or not detail.model_class or detail.taken_for:
                found.append((lora, model, f'the names of "{model.file}" are not ComfyUI\'s own'))
                continue
            texts = next((texts for family, texts in BASES.values() if family in detail.families), ())
            weights_of = base_of(base, texts, detail.prefix)
            found.append((lora, model, coverage(_without_pictures(header, weights_of), weights_of)))
    return found


def _without_pictures(lora: Header, base: Base) -> Header:
    """A LoRA without its layers for a picture's embedding, where a Wan model has none: it does the rest without them.

    Those for Wan 2.1's picture to video are in use on all of its kin.
    """
    if "head.modulation" not in base.unet or any(name.startswith("img_emb.") for name in base.unet):
        return lora
    parts = ("k_img", "v_img", "img_emb")
    left = {name: tensor for name, tensor in lora.tensors.items() if not any(part in name for part in parts)}
    return replace(lora, tensors=left)


def _applied(covered: Coverage) -> int:
    """The layers that are changed: those with a counterpart, less those of another shape."""
    return max(0, covered.matched - covered.shape_bad)


def _share(covered: Coverage) -> float:
    return _applied(covered) / covered.modules if covered.modules else 1.0


def _made_for(catalog: Catalog, lora: Lora) -> str:
    weights = catalog.shelf.weights("loras", lora.file) if catalog.shelf else None
    if weights is not None and weights.families:
        return f"it is made for {weights.families[0]}"
    return "it is for models of another family, or has names that ComfyUI does not know"


def _other_lora(model: Model) -> str:
    return f"take a LoRA made for {model.family}, or remove it" if model.family else "take another one, or remove it"


def _decoding(graph: Graph, samplers: tuple[Sampling, ...], view: View) -> Iterator[tuple[Sampling, Node]]:
    """Samplers with the nodes that use a VAE on their latents; those that have one themselves, with themselves."""
    by_id = {sampling.node.id: sampling for sampling in samplers}
    for sampling in samplers:
        given = view.origin(sampling.node.inputs.get("latent_image"))
        if given is not None and given[0].type in _ENCODERS:
            yield sampling, given[0]
    for node in graph.nodes.values():
        if node.id in by_id and "vae" in node.inputs:
            yield by_id[node.id], node
        origin = view.origin(node.inputs.get("samples")) if node.type in _DECODERS else None
        if origin is not None and origin[0].id in by_id:
            yield by_id[origin[0].id], node


def _unlike(vae: Vae, family: str) -> bool:
    latents = KINDS[family].latents
    return (vae.channels, vae.up, vae.dim == 3) != (latents.channels, latents.cell, latents.pace > 0)


def _shape(channels: int, cell: int, timed: bool) -> str:
    return f"{channels} channels, {cell} pixels a cell{' and a time axis' if timed else ''}"


_Encoders = tuple[list[Held], str, "Loaded | str"]


def _encoders(graph: Graph, catalog: Catalog) -> list[_Encoders]:
    """Each loader of text encoders whose files are all at hand, with its type and what comes of them, or why nobody
    can tell: a type, or a single encoder, that is younger than what is known.
    """
    shelf = catalog.shelf
    if shelf is None:
        return []
    from ..weights.clip_loading import clip_loader
    from ..weights.text_encoders import LOADER_TYPES

    found: list[_Encoders] = []
    for node in graph.nodes.values():
        names = [name for name, folder in FILE_INPUTS.get(node.type, {}).items() if folder == "text_encoders"]
        files = [each for each in held(graph, catalog) if each.node is node and each.input in names]
        kind = node.inputs.get("type", _TYPE_OF.get(node.type.removesuffix("GGUF")))
        wanted = [name for name in names if name in node.inputs]
        if not files or len(files) != len(wanted) or not isinstance(kind, str):
            continue
        headers = [shelf.header("text_encoders", each.name) for each in files]
        kinds = {each.weights.kind if each.weights else "" for each in files}
        if not all(headers) or not kinds <= {"text_encoder", "clip_vision"}:
            continue
        if kind not in LOADER_TYPES.get(len(files), ()):
            continue  # that the type is unknown is said elsewhere
        if len(files) == 1 and _is_young(files[0]):
            found.append((files, kind, "ComfyUI 0.3.64 has no text encoder of its family"))
        else:
            found.append((files, kind, clip_loader(headers, kind)))
    return found


def _is_young(file: Held) -> bool:
    """Whether a text encoder is a Llama's like of a family that ComfyUI 0.3.64 lacks, and takes for a Llama 3."""
    weights = file.weights
    if weights is None or weights.kind != "text_encoder" or weights.detail.te_model not in ("", "LLAMA3_8"):
        return False
    return not {"hidream", "hunyuan-video"} & {*weights.families}

"""Rules on model files: does the machine have them where their loaders look?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ..catalog.files import FILE_INPUTS, NO_FILES
from ..catalog.listing import NO_MODELS
from ..catalog.nodes import Input
from ..catalog.pinned import Catalog
from ..diagnostics import NotExamined, Severity, did_you_mean
from ..graph import Graph, Node
from .rule import Problem, rule
from .values import doubtful, spelled

# Who else reads what lies in a folder; an embedding has no loader, it is named in a prompt.
_LOADERS = {
    "checkpoints": "CheckpointLoaderSimple",
    "clip_vision": "CLIPVisionLoader",
    "controlnet": "ControlNetLoader",
    "diffusion_models": "UNETLoader",
    "loras": "LoraLoader",
    "style_models": "StyleModelLoader",
    "text_encoders": "CLIPLoader",
    "upscale_models": "UpscaleModelLoader",
    "vae": "VAELoader",
}


@rule("CP571", "model-file-missing", Severity.ERROR, classes=FILE_INPUTS)
def model_file_missing(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """A model file is not in the folder where its loader looks; a server refuses the workflow.

    Looked for among the files that the catalog of a server lists, or in the folders of `--models`. Where neither is
    named, files are not examined.

    Source: ComfyUI 0.3.64, `get_filename_list` in `folder_paths.py` and `validate_inputs` in `execution.py`.

    Bad:

        nodes: {base: {CheckpointLoaderSimple: {ckpt_name: sdxl_base.safetensors}}}

    Good:

        nodes: {base: {CheckpointLoaderSimple: {ckpt_name: sd_xl_base_1.0.safetensors}}}
    """
    for node, wanted, value in doubtful(graph, catalog):
        if wanted.folder is None or wanted.folder in NO_MODELS or not isinstance(value, str):
            continue
        if value in (wanted.options or ()) or value in NO_FILES.get(wanted.name, ()):
            continue
        if wanted.options is None and catalog.unlisted and not catalog.lister:
            yield NotExamined(f'file "{value}"', catalog.unlisted, kind="file", node=node.id)
            continue
        if catalog.lister:
            message = f'"{value}" is not in the folder "{wanted.folder}" of {catalog.lister}'
        else:
            message = f'"{value}" is not among the server\'s {wanted.folder}'
        message += "" if wanted.options else ", of which there are none"
        remedy = spelled(value, map(str, wanted.options or ()))
        yield Problem(node, wanted.name, message, _help(node, wanted, value, catalog), remedy=remedy)


def _help(node: Node, wanted: Input, value: str, catalog: Catalog) -> str:
    options = [str(option) for option in wanted.options or () if option not in NO_FILES.get(wanted.name, ())]
    last = _last(value)
    if same := next((option for option in options if _last(option) == last), None):
        return f'it lies there as "{same}"'
    elsewhere = {folder: name for folder, names in _listed(catalog).items() for name in names if _last(name) == last}
    elsewhere.pop(wanted.folder or "", None)
    for folder, name in elsewhere.items():
        loader = _LOADERS.get(folder)
        return f'it lies in "{folder}"' + (f', where "{loader}" reads it as "{name}"' if loader else "")
    return did_you_mean(value, options, "there are") or f'put the file into the folder "{wanted.folder}"'


def _last(name: str) -> str:
    """The name without its folders and letter case, which are what is mistaken most."""
    return name.replace("\\", "/").rpartition("/")[2].casefold()


def _listed(catalog: Catalog) -> Mapping[str, list[str]]:
    """The model files that a catalog lists, by folder."""
    found: dict[str, list[str]] = {}
    for name, inputs in FILE_INPUTS.items():
        declared = catalog.get(name)
        for key, folder in inputs.items():
            wanted = declared.inputs.get(key) if declared else None
            if wanted is not None and wanted.options and folder not in NO_MODELS:
                found.setdefault(folder, []).extend(map(str, wanted.options))
    return found


MISSING_RULES = (model_file_missing,)

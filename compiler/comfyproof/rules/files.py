"""Rules on the names of files: can the server's loader take this one?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from ..catalog.files import FILE_INPUTS, NO_FILES
from ..catalog.pinned import Catalog
from ..diagnostics import NotExamined, Severity
from ..files import IO_FOLDERS
from ..graph import Graph, Node
from .rule import Problem, Remedy, kept, known, nodes_of, rule

# What ComfyUI lists in its model folders: folder_paths.supported_pt_extensions.
_MODELS = (".safetensors", ".sft", ".ckpt", ".pt", ".pt2", ".pth", ".bin", ".pkl")
_PICKLES = (".ckpt", ".pt", ".pt2", ".pth", ".bin", ".pkl")
_GGUF: dict[str, tuple[str, ...]] = {
    "UnetLoaderGGUF": (".gguf",),
    "UnetLoaderGGUFAdvanced": (".gguf",),
    "CLIPLoaderGGUF": (".gguf", *_MODELS),
    "DualCLIPLoaderGGUF": (".gguf", *_MODELS),
    "TripleCLIPLoaderGGUF": (".gguf", *_MODELS),
    "QuadrupleCLIPLoaderGGUF": (".gguf", *_MODELS),
}
_QUANTISED = re.compile(r"[-_.](I?Q[2-8]_(?:0|1|K(?:_[SML])?))\.", re.IGNORECASE)
_INSTEAD = {
    "UNETLoader": "UnetLoaderGGUF",
    "CLIPLoader": "CLIPLoaderGGUF",
    "DualCLIPLoader": "DualCLIPLoaderGGUF",
    "TripleCLIPLoader": "TripleCLIPLoaderGGUF",
    "QuadrupleCLIPLoader": "QuadrupleCLIPLoaderGGUF",
    "UnetLoaderGGUF": "UNETLoader",
    "UnetLoaderGGUFAdvanced": "UNETLoader",
}
# Folders that hold something else than model files.
_OTHER_FOLDERS = (*IO_FOLDERS, "configs", "diffusers")
# Tiny VAEs that a server puts together of two files each, by a name of their own.
_TINY = ("taesd", "taesdxl", "taesd3", "taef1", *NO_FILES["vae_name"])
_ABSOLUTE = re.compile(r"[/\\]|[A-Za-z]:[/\\]")
_VIDEO = (".mp4", ".webm", ".mkv", ".mov", ".avi", ".m4v")
_SOUND = (".mp3", ".wav", ".flac", ".ogg", ".opus", ".m4a", ".aac")
_PICTURE = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".avif")
_OTHER = (".txt", ".json", ".yaml", ".zip", ".pdf", ".safetensors")
_UNREADABLE = {
    "LoadImage": (*_VIDEO, *_SOUND, *_OTHER),
    "LoadImageMask": (*_VIDEO, *_SOUND, *_OTHER),
    "LoadAudio": (*_PICTURE, *_OTHER),
    "LoadVideo": _OTHER[1:],
}
# What a file is by its name, where such files lie, and the folders for which the name says nothing.
_VAE = r"^(?:ae|.*(?<![a-z])vae)(?:[-_.][^/]*)?\.(?:safetensors|sft|pt)$"
_ENCODER = r"(?<![a-z0-9])(?:u?mt5[-_]?xxl|t5[-_]?xxl|clip_[lg]|llava_llama3|qwen_2\.5_vl|gemma_2_2b)"
_CONTROL = r"control[-_]?net|control_v1[01][pefu]|t2i[-_]?adapter"
_WHOLE = (
    r"^(?:sd_xl_(?:base|refiner|turbo)_1|v1-5-pruned|v2-1_(?:512|768)|512-inpainting"
    r"|sd3(?:\.5)?_\w*_incl_clips)"
)
_KINDS = tuple(
    (kind, re.compile(pattern, re.IGNORECASE), folder, (folder, *fine))
    for kind, pattern, folder, fine in (
        ("a LoRA", r"(?<![a-z])(?:lora|lycoris|locon)(?![a-z])", "loras", ("checkpoints", "diffusion_models")),
        ("a VAE", _VAE, "vae", ("checkpoints", "loras")),
        ("a text encoder", _ENCODER, "text_encoders", ("clip_vision", "checkpoints", "loras")),
        ("a ControlNet", _CONTROL, "controlnet", ("model_patches", "loras", "diffusion_models")),
        ("a whole checkpoint", _WHOLE, "checkpoints", ("diffusion_models", "loras")),
    )
)


@rule("CP631", "backslash-in-name", Severity.WARNING, classes=FILE_INPUTS)
def backslash_in_name(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    r"""A file's name has backslashes between its folders, as a server on Windows lists it, and no other.

    ComfyUI compares names as they are: `sdxl\base.safetensors` is not in the list of a server on Linux or macOS. Said
    where no server's files are known.

    Source: ComfyUI 0.3.64, `get_filename_list` in `folder_paths.py`.

    Bad:

        nodes:
          start: {CheckpointLoaderSimple: {ckpt_name: 'sdxl\sd_xl_base_1.0.safetensors'}}
          kept: {ModelSave: {model: $start, filename_prefix: kept}}

    Good:

        nodes:
          start: {CheckpointLoaderSimple: {ckpt_name: sdxl/sd_xl_base_1.0.safetensors}}
          kept: {ModelSave: {model: $start, filename_prefix: kept}}
    """
    for node, name, file, _ in kept(graph, catalog, _named):
        if "\\" in file and not _outside(file):
            message = f'only a server on Windows has a file "{file}"'
            yield Problem(
                node,
                name,
                message,
                f'write "{file.replace(chr(92), "/")}" for any other',
                remedy=_slashed(node, name, file, catalog),
            )


def _slashed(node: Node, name: str, file: str, catalog: Catalog) -> Remedy:
    """A file's name with slashes: surely what is meant where the server lists it so."""
    declared = catalog.get(node.type)
    options = (declared.inputs[name].options if declared and name in declared.inputs else None) or ()
    slashed = file.replace("\\", "/")
    return Remedy(slashed, safe=slashed in options)


@rule("CP632", "outside-model-folder", Severity.ERROR, classes=FILE_INPUTS)
def outside_model_folder(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """A model file is named by a path that leads out of the server's model folders, where no loader looks.

    A server lists the files in its folders by their path from there, and takes no other name.

    Source: ComfyUI 0.3.64, `get_filename_list` in `folder_paths.py`.

    Bad:

        nodes:
          start: {CheckpointLoaderSimple: {ckpt_name: /models/sd_xl_base_1.0.safetensors}}
          kept: {ModelSave: {model: $start, filename_prefix: kept}}

    Good:

        nodes:
          start: {CheckpointLoaderSimple: {ckpt_name: sd_xl_base_1.0.safetensors}}
          kept: {ModelSave: {model: $start, filename_prefix: kept}}
    """
    for node, name, file, folder in kept(graph, catalog, _named):
        if folder not in _OTHER_FOLDERS and _outside(file) and _is_checked(node, name, catalog):
            message = f'"{file}" is no file of the server\'s folder "{folder}", and no loader looks elsewhere'
            yield Problem(node, name, message, f'put it there, and name it by its path in "{folder}"')


@rule("CP633", "wrong-file-type", Severity.ERROR, classes=FILE_INPUTS)
def wrong_file_type(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """A loader is given a file of a type that it does not read.

    ComfyUI's loaders list .safetensors, .sft, .ckpt, .pt, .pth and .bin; .gguf is for the loaders of ComfyUI-GGUF,
    which read nothing else where they load a diffusion model. LoadImage opens pictures, and no videos.

    Source: ComfyUI 0.3.64, `supported_pt_extensions` in `folder_paths.py`; ComfyUI-GGUF, `nodes.py`.

    Bad:

        nodes:
          start: {UNETLoader: {unet_name: flux1-dev-Q8_0.gguf, weight_dtype: default}}
          kept: {ModelSave: {model: $start, filename_prefix: kept}}

    Good:

        nodes:
          start: {UnetLoaderGGUF: {unet_name: flux1-dev-Q8_0.gguf}}
          kept: {ModelSave: {model: $start, filename_prefix: kept}}
    """
    for node, name, file, folder in kept(graph, catalog, _named):
        ending = _ending(file)
        if folder in _OTHER_FOLDERS:
            if ending in _UNREADABLE.get(node.type, ()):
                yield Problem(
                    node, name, f'"{node.type}" cannot open "{file}"', "name a file of the kind that it opens"
                )
            continue
        if not _is_checked(node, name, catalog) or (folder == "vae" and file in _TINY):
            continue
        types = _GGUF.get(node.type, _MODELS)
        if ending not in types:
            message = f'"{node.type}" reads no {ending or "file without an ending"}: it takes {", ".join(types[:4])}'
            other = _INSTEAD.get(node.type) if ".gguf" in (ending, *types[:1]) else None
            yield Problem(node, name, message, f"load it with {other}" if other else "name a file of such a type")


@rule("CP634", "pickle", Severity.INFO, classes=FILE_INPUTS)
def pickle(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """A model comes as a pickle, a kind of file that can hold a program.

    ComfyUI reads such files with care, but not every node pack does, and most models are there as .safetensors, too.
    Upscale models, which are hardly published otherwise, are left alone.

    Source: ComfyUI 0.3.64, `load_torch_file` in `comfy/utils.py`.

    Bad:

        nodes:
          start: {CheckpointLoaderSimple: {ckpt_name: v1-5-pruned.ckpt}}
          kept: {ModelSave: {model: $start, filename_prefix: kept}}

    Good:

        nodes:
          start: {CheckpointLoaderSimple: {ckpt_name: v1-5-pruned.safetensors}}
          kept: {ModelSave: {model: $start, filename_prefix: kept}}
    """
    for node in nodes_of(graph, FILE_INPUTS):
        for name, folder in FILE_INPUTS[node.type].items():
            file = node.inputs.get(name)
            if (
                folder not in (*_OTHER_FOLDERS, "upscale_models")
                and isinstance(file, str)
                and _ending(file) in _PICKLES
            ):
                yield Problem(
                    node, name, f'"{file}" is a pickle, which can hold a program', "take a .safetensors of it"
                )


@rule("CP635", "file-of-another-kind", Severity.WARNING, classes=FILE_INPUTS)
def file_of_another_kind(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """A loader is given a file that is something else by its name: a LoRA where a checkpoint belongs, a text encoder
    where a VAE does.

    What a file holds is read from its name here, which may be wrong.

    Source: the names under which such files are published.

    Bad:

        nodes:
          start: {UNETLoader: {unet_name: t5xxl_fp16.safetensors, weight_dtype: default}}
          kept: {ModelSave: {model: $start, filename_prefix: kept}}

    Good:

        nodes:
          start: {UNETLoader: {unet_name: flux1-dev.safetensors, weight_dtype: default}}
          kept: {ModelSave: {model: $start, filename_prefix: kept}}
    """
    for node in nodes_of(graph, FILE_INPUTS):
        for name, folder in FILE_INPUTS[node.type].items():
            file = node.inputs.get(name)
            if not isinstance(file, str) or folder in _OTHER_FOLDERS:
                continue
            for kind, own, fine in _kinds_of(file):
                if folder not in fine:
                    message = f'"{file}" is {kind} by its name, and "{node.type}" loads from "{folder}"'
                    yield Problem(node, name, message, f'load it from "{own}", or name another file')
                    break


@rule("CP636", "encoder-twice", Severity.WARNING, classes=("DualCLIPLoader", "DualCLIPLoaderGGUF"))
def encoder_twice(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """A loader of two text encoders is given the same file twice, so that one of the two is missing.

    ComfyUI tells the two apart by what they hold, in any order, and says nothing where one is not there.

    Source: ComfyUI 0.3.64, `load_text_encoder_state_dicts` in `comfy/sd.py`.

    Bad:

        nodes:
          both: {DualCLIPLoader: {clip_name1: clip_l.safetensors, clip_name2: clip_l.safetensors, type: flux}}
          kept: {CLIPSave: {clip: $both, filename_prefix: kept}}

    Good:

        nodes:
          both: {DualCLIPLoader: {clip_name1: clip_l.safetensors, clip_name2: t5xxl_fp16.safetensors, type: flux}}
          kept: {CLIPSave: {clip: $both, filename_prefix: kept}}
    """
    for node in nodes_of(graph, ("DualCLIPLoader", "DualCLIPLoaderGGUF")):
        file = node.inputs.get("clip_name1")
        if isinstance(file, str) and file == node.inputs.get("clip_name2"):
            message = f'both text encoders are "{file}", so that one is missing'
            yield Problem(
                node, "clip_name2", message, "name the other one here, such as t5xxl_fp16.safetensors for flux"
            )


@rule("CP637", "gguf-by-another-name", Severity.WARNING, classes=("UNETLoader",))
def gguf_by_another_name(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """A diffusion model is named as GGUF files are, but for its ending: such a file is hardly there.

    Q8_0 and Q4_K_M are ways in which GGUF files hold weights. They end in .gguf, and UNETLoader does not list those.

    Source: the files of city96/FLUX.1-dev-gguf; ComfyUI 0.3.64, `supported_pt_extensions` in `folder_paths.py`.

    Bad:

        nodes:
          start: {UNETLoader: {unet_name: flux1-dev-Q8_0.safetensors, weight_dtype: default}}
          kept: {ModelSave: {model: $start, filename_prefix: kept}}

    Good:

        nodes:
          start: {UnetLoaderGGUF: {unet_name: flux1-dev-Q8_0.gguf}}
          kept: {ModelSave: {model: $start, filename_prefix: kept}}
    """
    for node, name, file, _ in kept(graph, catalog, _named):
        found = _QUANTISED.search(file) if node.type == "UNETLoader" else None
        if found and _ending(file) in _MODELS and _is_checked(node, name, catalog):
            message = f'"{found[1]}" is a way in which .gguf files hold weights, and "{file}" ends otherwise'
            yield Problem(node, name, message, "load the .gguf file with UnetLoaderGGUF")


FILE_RULES = (
    backslash_in_name,
    outside_model_folder,
    wrong_file_type,
    pickle,
    file_of_another_kind,
    encoder_twice,
    gguf_by_another_name,
)


def _named(graph: Graph, catalog: Catalog) -> list[tuple[Node, str, str, str]]:
    """Each file that is named where the catalog doesn't list any: its node, input, name and folder.

    Where a server's files are listed, a name that is not among them is told as that.
    """
    found = []
    for node, declared in known(graph, catalog):
        for name, folder in FILE_INPUTS.get(node.type, {}).items():
            file, wanted = node.inputs.get(name), declared.inputs.get(name)
            if isinstance(file, str) and wanted and wanted.options is None and file not in NO_FILES.get(name, ()):
                found.append((node, name, file, folder))
    return found


def _is_checked(node: Node, name: str, catalog: Catalog) -> bool:
    """Whether a server holds a name against its list: where it doesn't, it looks for the file under any name."""
    declared = catalog.get(node.type)
    return declared is not None and declared.inputs[name].checked


def _outside(file: str) -> bool:
    return bool(_ABSOLUTE.match(file)) or ".." in re.split(r"[/\\]", file)


@lru_cache(maxsize=4096)
def _kinds_of(file: str) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
    """What a file may be by its name: each with the folder for it, and those where it is no wonder."""
    plain = _base(file)
    return tuple((kind, own, fine) for kind, pattern, own, fine in _KINDS if pattern.search(plain))


@lru_cache(maxsize=4096)
def _base(file: str) -> str:
    return re.split(r"[/\\]", file)[-1]


def _ending(file: str) -> str:
    base = _base(file)
    return base[base.rindex(".") :].casefold() if "." in base[1:] else ""

"""Model files that the emulator pretends to have, and nodes that load them."""

from __future__ import annotations

import mimetypes
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..catalog.files import FILE_INPUTS
from ..catalog.listing import Listing, filled, offered
from ..catalog.pinned import Catalog
from .families import family_of
from .values import Conditioning, Model, Part, Run

WEIGHTS = (".safetensors", ".sft", ".ckpt", ".pt", ".pt2", ".pth", ".bin", ".pkl", ".gguf")
ENDINGS: Mapping[str, tuple[str, ...]] = {"configs": (".yaml",), "diffusers": ("",)}

# The folders of a fresh installation in the order in which it lists them, with names that other clients will know.
WELL_KNOWN: Listing = {
    "checkpoints": ("sd_xl_base_1.0.safetensors", "v1-5-pruned-emaonly-fp16.safetensors"),
    "configs": ("v1-inference.yaml",),
    "loras": ("FLUX.1-Turbo-Alpha.safetensors",),
    "vae": ("ae.safetensors", "vae-ft-mse-840000-ema-pruned.safetensors"),
    "text_encoders": ("clip_l.safetensors", "t5xxl_fp16.safetensors", "t5xxl_fp8_e4m3fn.safetensors"),
    "diffusion_models": ("flux1-dev.safetensors", "flux1-krea-dev_fp8_scaled.safetensors"),
    "clip_vision": ("clip_vision_h.safetensors",),
    "style_models": (),
    "embeddings": (),
    "diffusers": (),
    "vae_approx": (),
    "controlnet": ("diffusion_pytorch_model.safetensors",),
    "gligen": (),
    "upscale_models": ("4x-UltraSharp.pth", "4x_NMKD-Siax_200k.pth", "RealESRGAN_x2.pth"),
    "hypernetworks": (),
    "photomaker": (),
    "classifiers": (),
    "model_patches": (),
    "audio_encoders": (),
}


def listing_of(models: Listing | None, named: Listing | None = None) -> Listing:
    """What `/models` lists: the given files, sorted; where any name goes, the well-known ones and those `named`."""
    if models is None:
        more = named or {}
        return {folder: tuple(dict.fromkeys((*names, *more.get(folder, ())))) for folder, names in WELL_KNOWN.items()}
    listed = {folder: tuple(sorted(models.get(folder, ()))) for folder in WELL_KNOWN}
    return {**listed, **{folder: tuple(sorted(names)) for folder, names in models.items()}}


def with_files(catalog: Catalog, listing: Listing, uploads: Iterable[str]) -> Catalog:
    """The catalog with these files as the options of the inputs that name files.

    `uploads` are the paths below the input folder.
    """
    # an editor insists on a description, which a pinned catalog leaves out
    nodes: dict[str, Mapping[str, Any]] = {name: {"description": "", **node} for name, node in catalog.raw.items()}
    uploaded = _uploaded(list(uploads))
    for name, inputs in FILE_INPUTS.items():
        if name in nodes:
            options = {key: offered(name, folder, listing) for key, folder in inputs.items() if folder in listing}
            nodes[name] = filled(nodes[name], {**options, **uploaded.get(name, {})})
    return replace(catalog, raw=nodes, unlisted="", lister="", _read={})


def _uploaded(paths: Sequence[str]) -> Mapping[str, Mapping[str, Sequence[str]]]:
    """What the classes that read uploads offer: the files right in the input folder, by kind."""
    files = sorted(path for path in paths if "/" not in path)
    kinds = {file: (mimetypes.guess_type(file)[0] or "").partition("/")[0] for file in files}

    def of(*wanted: str) -> list[str]:
        return [file for file in files if kinds[file] in wanted]

    folders = sorted({path.partition("/")[0] for path in paths if "/" in path})
    models = sorted(path for path in paths if path.startswith("3d/"))
    return {
        "LoadImage": {"image": of("image")},
        "LoadImageMask": {"image": files},
        "LoadAudio": {"audio": of("audio", "video")},
        "LoadVideo": {"file": of("video")},
        "LoadLatent": {"latent": [file for file in files if file.endswith(".latent")]},
        "Load3D": {"model_file": models},
        "Load3DAnimation": {"model_file": models},
        "LoadImageSetFromFolderNode": {"folder": folders},
        "LoadImageTextSetFromFolderNode": {"folder": folders},
    }


def unet_loader(run: Run, *, unet_name: str, weight_dtype: str = "default", **_: Any) -> tuple[Model]:
    """A diffusion model."""
    return (Model("diffusion_model", (unet_name,)),)


def clip_loader(run: Run, **names: Any) -> tuple[Model]:
    """A text encoder of one to four files."""
    return (Model("text_encoders", tuple(v for k, v in sorted(names.items()) if k.startswith("clip_name"))),)


def vae_loader(run: Run, *, vae_name: str) -> tuple[Model]:
    """A VAE."""
    return (Model("vae", (vae_name,)),)


def upscale_model_loader(run: Run, *, model_name: str) -> tuple[Model]:
    """An upscale model, its factor read from its name."""
    return (Model("upscale_model", (model_name,)),)


def checkpoint_loader(run: Run, *, ckpt_name: str, config_name: str = "") -> tuple[Model, Model, Model]:
    """The three parts of a checkpoint."""
    return tuple(Model(kind, (ckpt_name,)) for kind in ("diffusion_model", "text_encoders", "vae"))  # type: ignore[return-value]


def lora_loader(
    run: Run, *, model: Model, clip: Model, lora_name: str, strength_model: float, strength_clip: float
) -> tuple[Model, Model]:
    """A model and its text encoder with a LoRA on each, where its strength is not zero."""
    return _with_lora(model, lora_name, strength_model), _with_lora(clip, lora_name, strength_clip)


def lora_loader_model_only(run: Run, *, model: Model, lora_name: str, strength_model: float) -> tuple[Model]:
    """A model with a LoRA, where its strength is not zero."""
    return (_with_lora(model, lora_name, strength_model),)


def _with_lora(model: Model, name: str, strength: float) -> Model:
    return replace(model, loras=(*model.loras, (name, strength))) if strength else model


def clip_text_encode(run: Run, *, clip: Model | None, text: str) -> tuple[Conditioning]:
    """A text as conditioning."""
    if clip is None:
        raise RuntimeError(
            "ERROR: clip input is invalid: None\n\nIf the clip is from a checkpoint loader node your checkpoint "
            "does not contain a valid clip or text encoder model."
        )
    family = family_of(clip.kind, clip.files[0]) if clip.files else None
    return (Conditioning((Part(text, (repr(clip),), width=family.text if family else None),)),)


def conditioned(conditioning: Conditioning, what: str, facts: str) -> Conditioning:
    """A conditioning of which something more was said, so that sampling by it gives another picture."""
    return conditioning.noted(f"{what} {facts}")

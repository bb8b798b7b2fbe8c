"""Which files a machine has, put into a catalog as the options of the inputs that name them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

from .files import FILE_INPUTS
from .pinned import Catalog

if TYPE_CHECKING:
    from ..weights.shelf import Shelf

Listing: TypeAlias = Mapping[str, Sequence[str]]

# What an input of these folders names is no model, but a picture or the like of one's own.
NO_MODELS = ("input", "output")
_TINY = ("taesd", "taesdxl", "taesd3", "taef1")


def with_models(catalog: Catalog, listing: Listing, where: str, shelf: Shelf | None = None) -> Catalog:
    """The catalog of a machine that has these model files and no other; `where` says whose they are, for messages.

    `listing` has the names by folder, "loras" for one, each as ComfyUI lists it: relative to the folder. Of pictures
    and other inputs nothing is said. `shelf` has the files themselves, where they are at hand.
    """
    nodes = dict(catalog.raw)
    for name, inputs in FILE_INPUTS.items():
        if name in nodes:
            folders = {key: folder for key, folder in inputs.items() if folder not in NO_MODELS}
            nodes[name] = filled(nodes[name], {key: offered(name, f, listing) for key, f in folders.items()})
    unlisted = catalog.unlisted or "no server was named to look for it"
    from hashlib import sha256

    listed = json.dumps([catalog.sha256, sorted(listing.items())])
    own = sha256(listed.encode("utf-8", "surrogatepass")).hexdigest()
    return replace(catalog, sha256=own, raw=nodes, unlisted=unlisted, lister=where, shelf=shelf, _read={}, _faces={})


def offered(name: str, folder: str, listing: Listing) -> list[str]:
    """The files of a folder as a class offers them."""
    files = listing.get(folder, ())
    if name.startswith("UnetLoaderGGUF"):
        return [file for file in listing.get("unet_gguf", files) if file.endswith(".gguf")]
    if name.endswith("CLIPLoaderGGUF"):
        return sorted({*files, *listing.get("clip_gguf", ())})
    if name == "TrainLoraNode":
        return [*files, "[None]"]
    if name != "VAELoader":
        return list(files)
    approximate = {file.partition(".")[0] for file in listing.get("vae_approx", ())}
    tiny = [t for t in _TINY if {f"{t}_encoder", f"{t}_decoder"} <= approximate]
    return [*files, *tiny, "pixel_space"]


def filled(node: Mapping[str, Any], options: Mapping[str, Sequence[str]]) -> Mapping[str, Any]:
    """A class's description with these options of its inputs, in the spelling that each input has."""
    sections = {}
    for section, declared in node["input"].items():
        sections[section] = {
            key: _with_options(spec, options[key]) if key in options else spec for key, spec in (declared or {}).items()
        }
    return {**node, "input": sections}


def _with_options(spec: Sequence[Any], options: Iterable[str]) -> list[Any]:
    if isinstance(spec[0], list):
        return [list(options), *spec[1:]]
    config = spec[1] if len(spec) > 1 else {}
    return [spec[0], {**config, "options": list(options)}, *spec[2:]]

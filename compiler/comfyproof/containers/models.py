"""Meshes and tensors: glTF, safetensors and ComfyUI's latents. Their texts stand in JSON."""

from __future__ import annotations

import json
from typing import Any

from .window import MAX_JSON, BrokenFile, Texts, Window


def glb(file: Window) -> Texts:
    """What ComfyUI adds to a binary glTF's description of itself."""
    if file.take(16, 4) != b"JSON":
        raise BrokenFile("it does not begin with its description")
    asset = _json(file, 20, file.number(12, 4, "little")).get("asset")
    yield from _texts(asset.get("extras") if isinstance(asset, dict) else None)


def safetensors(file: Window) -> Texts:
    """The metadata of a file of tensors."""
    yield from _texts(_json(file, 8, file.number(0, 8, "little")).get("__metadata__"))


def _json(file: Window, at: int, length: int) -> dict[str, Any]:
    if length > MAX_JSON and at + length <= file.size:
        raise BrokenFile(f"its header has {length:,} bytes, over the limit of {MAX_JSON:,}")
    try:
        found = json.loads(file.take(at, length))
    except (ValueError, RecursionError) as problem:
        if isinstance(problem, BrokenFile):
            raise
        raise BrokenFile("its header is not JSON") from None
    if not isinstance(found, dict):
        raise BrokenFile("its header is no mapping")
    return found


def _texts(found: Any) -> Texts:
    for name, text in found.items() if isinstance(found, dict) else ():
        yield name, text if isinstance(text, str) else json.dumps(text)

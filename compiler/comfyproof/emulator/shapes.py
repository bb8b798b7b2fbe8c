"""Drawings and meshes: what they are, and the nodes that write them to files."""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .folders import save_place
from .values import Run, Shown

_FLOATS, _NUMBERS, _POINTS, _INDICES = 5126, 5125, 34962, 34963  # as glTF calls them


@dataclass(frozen=True)
class Drawing:
    """SVG texts."""

    texts: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Mesh:
    """Corners [batch, n, 3] and, by their numbers, triangles [batch, m, 3]."""

    vertices: NDArray[np.float32]
    faces: NDArray[np.uint32]


def stand_in_drawing(name: str) -> Drawing:
    """A drawing with a name on it."""
    label = f'<text x="8" y="32">stand-in: {name}</text>'
    return Drawing((f'<svg xmlns="http://www.w3.org/2000/svg" width="256" height="64">{label}</svg>',))


def stand_in_mesh() -> Mesh:
    """A pyramid."""
    corners = [[-1, 0, -1], [1, 0, -1], [1, 0, 1], [-1, 0, 1], [0, 1.5, 0]]
    faces = [[0, 1, 2], [0, 2, 3], [1, 0, 4], [2, 1, 4], [3, 2, 4], [0, 3, 4]]
    return Mesh(np.array([corners], np.float32), np.array([faces], np.uint32))


def save_svg(run: Run, *, svg: Drawing, filename_prefix: str = "svg/ComfyUI") -> Shown:
    """Drawings in the output folder, with the prompt in them."""
    place = save_place(run.folders, "output", filename_prefix, 0, 0)
    metadata = json.dumps({"prompt": run.prompt, **(run.extra_pnginfo or {})}, indent=2)
    told = f"\n  <metadata>\n<![CDATA[\n{metadata}\n]]>\n  </metadata>\n"
    saved = []
    for number, text in enumerate(svg.texts):
        name = place.name.replace("%batch_num%", str(number))
        file = f"{name}_{place.counter + number:05}_.svg"
        with_prompt = re.sub(r"<svg[^>]*>", lambda tag: tag.group(0) + told, text)
        run.folders.inside("output", place.subfolder, file).write_text(with_prompt, "utf-8", newline="")
        saved.append({"filename": file, "subfolder": place.subfolder, "type": "output"})
    return Shown({"images": saved})


def save_glb(run: Run, *, mesh: Mesh, filename_prefix: str) -> Shown:
    """Meshes as binary glTF in the output folder, with the prompt in them."""
    place = save_place(run.folders, "output", filename_prefix, 0, 0)
    texts = {"prompt": run.prompt, **(run.extra_pnginfo or {})}
    extras = {key: json.dumps(value) for key, value in texts.items()}
    saved = []
    for number in range(len(mesh.vertices)):
        file = f"{place.name}_{place.counter + number:05}_.glb"
        data = _glb(mesh.vertices[number], mesh.faces[number], extras)
        run.folders.inside("output", place.subfolder, file).write_bytes(data)
        saved.append({"filename": file, "subfolder": place.subfolder, "type": "output"})
    return Shown({"3d": saved})


def _glb(vertices: NDArray[np.float32], faces: NDArray[np.uint32], extras: Mapping[str, str]) -> bytes:
    points, indices = vertices.astype("<f4").tobytes(), faces.astype("<u4").tobytes()
    told: dict[str, Any] = {
        "asset": {"version": "2.0", "generator": "comfyproof", "extras": extras},
        "buffers": [{"byteLength": len(points) + len(indices)}],
        "bufferViews": [
            {"buffer": 0, "byteOffset": 0, "byteLength": len(points), "target": _POINTS},
            {"buffer": 0, "byteOffset": len(points), "byteLength": len(indices), "target": _INDICES},
        ],
        "accessors": [
            {
                "bufferView": 0, "componentType": _FLOATS, "count": len(vertices), "type": "VEC3",
                "min": vertices.min(axis=0).tolist(), "max": vertices.max(axis=0).tolist(),
            },
            {"bufferView": 1, "componentType": _NUMBERS, "count": faces.size, "type": "SCALAR"},
        ],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}, "indices": 1, "mode": 4}]}],
        "nodes": [{"mesh": 0}],
        "scenes": [{"nodes": [0]}],
        "scene": 0,
    }  # fmt: skip
    text = json.dumps(told).encode()
    text += b" " * (-len(text) % 4)
    body = points + indices
    parts = struct.pack("<II", len(text), 0x4E4F534A) + text + struct.pack("<II", len(body), 0x004E4942) + body
    return struct.pack("<III", 0x46546C67, 2, 12 + len(parts)) + parts

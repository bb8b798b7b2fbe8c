"""What nodes leave on a server: of which kind it is, which of it is fetched, and what it is called here."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..diagnostics import NotExamined
from ..graph import Graph, Node
from ..verify.kinds import DRAWING, LATENT, MODEL, PICTURE, SOUND, VIDEO, ending_of, named
from .answers import OutputFile
from .folder import safe_name
from .prepare import own_suffix

MAX_FILE = 2**30
MAX_FILES = 10_000
# The nodes whose files are told of, and what each file is.
SAVING = {
    "SaveImage": PICTURE,
    "SaveAnimatedPNG": PICTURE,
    "SaveAnimatedWEBP": VIDEO,
    "SaveVideo": VIDEO,
    "SaveWEBM": VIDEO,
    "SaveAudio": SOUND,
    "SaveAudioMP3": SOUND,
    "SaveAudioOpus": SOUND,
    "SaveGLB": MODEL,
    "SaveLatent": LATENT,
    "SaveSVGNode": DRAWING,
}
# The nodes whose files are only fetched where no other node saves anything.
SHOWING = {"PreviewImage": PICTURE, "MaskPreview": PICTURE, "LossGraphNode": PICTURE, "PreviewAudio": SOUND}
# The nodes that give a text.
TELLING = frozenset({"PreviewAny", "Preview3D", "Preview3DAnimation"})
# The nodes that save a file and do not tell its name, so that nobody can ask for it.
UNTOLD = frozenset(
    {"CLIPSave", "CheckpointSave", "ImageOnlyCheckpointSave", "LoraSave", "ModelSave", "SaveLoRANode", "VAESave"}
    | {"SaveImageWebsocket", "TripoConversionNode", "TripoImageToModelNode", "TripoMultiviewToModelNode"}
    | {"TripoRefineNode", "TripoRetargetNode", "TripoRigNode", "TripoTextToModelNode", "TripoTextureNode"}
)


def kept(outputs: Sequence[OutputFile], order: Sequence[str]) -> list[OutputFile]:
    """The saved files, else the previews, in the order of the graph: a server's own order changes."""
    saved = [file for file in outputs if file.type == "output"]
    files = saved or [file for file in outputs if file.type == "temp"]
    at = {node_id: place for place, node_id in enumerate(order)}
    return sorted(files, key=lambda file: at.get(file.node_id, len(at)))


def kind_wanted(node: Node | None, filename: str) -> str:
    """What a file is to be, by the node that made it or by the name it has on the server; empty if neither tells."""
    known = {**SAVING, **SHOWING}.get(node.type) if node else None
    return known or named(filename)


def free_path(folder: Path, node: Node | None, file: OutputFile, data: bytes, prompt_id: str) -> Path:
    """A name of our own that no file has yet: a server's file names never become paths here."""
    prefix = node.inputs.get("filename_prefix") if node else None
    wanted = prefix.removesuffix(own_suffix(prompt_id)) if isinstance(prefix, str) else ""
    stem, ending = safe_name(wanted or "preview", "picture"), ending_of(data, file.filename)
    path = folder / f"{stem}{ending}"
    count = 1
    while path.is_symlink() or path.exists():
        count += 1
        path = folder / f"{stem}-{count}{ending}"
    return path


def untold(graph: Graph) -> list[NotExamined]:
    """The nodes whose files stay on the server, where nobody can examine them."""
    return [
        NotExamined(
            f'the file of "{node.stage}"', f'"{node.type}" does not tell where on the server it saves', kind="file"
        )
        for node in graph.nodes.values()
        if node.type in UNTOLD
    ]


def makes_files(graph: Graph) -> bool:
    """Whether any of the nodes at the end of a graph is to leave a file that can be fetched."""
    ends = [node.type for id, node in graph.nodes.items() if not graph.consumers.get(id)]
    return any(kind not in TELLING | UNTOLD for kind in ends)

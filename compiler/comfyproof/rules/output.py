"""Rules on what is saved: under which name, and where."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from ..catalog.pinned import Catalog
from ..diagnostics import NotExamined, Severity
from ..graph import Graph, Link, Node
from .rule import Problem, Remedy, kept, known, nodes_of, rule, written

_PREFIX = "filename_prefix"
_FILLED = re.compile(
    r"%(?!(?:width|height|year|month|day|hour|minute|second|batch_num)%)"
    r"(date:[^%\n]*|[\w ]+\.[\w ]+|date|time|timestamp|seed)%"
)
_DRIVE = re.compile(r"[A-Za-z]:[/\\]")


@rule("CP641", "outside-output-folder", Severity.ERROR)
def outside_output_folder(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """A prefix leads out of the server's output folder, and the node fails after all the work is done.

    A server takes the prompt, runs it, and refuses to save: "Saving image outside the output folder is not allowed".
    One that may come back into that folder is told by CP646.

    Source: ComfyUI 0.3.64, `get_save_image_path` in `folder_paths.py`.

    Bad:

        nodes: {kept: {SaveImage: {images: $load, filename_prefix: ../kept}}}

    Good:

        nodes: {kept: {SaveImage: {images: $load, filename_prefix: holiday/kept}}}
    """
    for node, prefix in _prefixes(graph, catalog):
        if _leads(prefix) == "out":
            message = f'"{prefix}" leads out of the server\'s output folder, where nothing may be saved'
            yield Problem(
                node, _PREFIX, message, "name a folder in it, as in renders/lighthouse", remedy=_inside(prefix)
            )


@rule("CP646", "perhaps-outside-output-folder", Severity.WARNING)
def perhaps_outside_output_folder(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """A prefix leads out of the server's output folder, unless that lies just where it leads.

    Which folder a server saves into is for who starts it to say. "../renders/kept" and "/data/kept" fail after all the
    work is done, but on a server whose output folder is "renders" or "/data".

    Source: ComfyUI 0.3.64, `get_save_image_path` in `folder_paths.py`.

    Bad:

        nodes: {kept: {SaveImage: {images: $load, filename_prefix: ../renders/kept}}}

    Good:

        nodes: {kept: {SaveImage: {images: $load, filename_prefix: renders/kept}}}
    """
    for node, prefix in _prefixes(graph, catalog):
        if _leads(prefix) == "perhaps":
            message = f'"{prefix}" leads out of the server\'s output folder, unless that lies there'
            yield Problem(
                node, _PREFIX, message, "name a folder in it, as in renders/lighthouse", remedy=_inside(prefix)
            )


def _inside(prefix: str) -> Remedy | None:
    """The prefix without what leads out of the folder."""
    parts = [part for part in prefix.split("/") if part not in ("", ".", "..")]
    return Remedy("/".join(parts)) if parts else None


def _with_slashes(prefix: str) -> Remedy | None:
    slashed = re.sub(r"[\\/]+", "/", prefix)
    return None if _DRIVE.match(prefix) or slashed.startswith("/") or ".." in slashed else Remedy(slashed)


def _dated(prefix: str, found: re.Match[str]) -> Remedy | None:
    dated = f"{prefix[: found.start()]}%year%-%month%-%day%{prefix[found.end() :]}"
    return Remedy(dated) if found[1].startswith("date:yyyy-MM-dd") else None


def _leads(prefix: str) -> str:
    """Where a prefix leads: "out" of whatever folder a server saves into, "perhaps" out of it, or nowhere else."""
    plain = posixpath.normpath(prefix)
    folders = posixpath.dirname(plain).split("/")
    if folders[0] == ".." and set(folders) == {".."}:
        return "out"
    away = plain.startswith("../") or (plain.startswith("/") and plain.strip("/") != "")
    return "perhaps" if away and "output" not in folders else ""


@rule("CP642", "windows-prefix", Severity.WARNING)
def windows_prefix(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    r"""A prefix has backslashes, which part folders on Windows alone; elsewhere they end up in the file's name.

    Source: ComfyUI 0.3.64, `get_save_image_path` in `folder_paths.py`: the path is taken apart as the server's system
    has it.

    Bad:

        stages: [{load: {image: $image}}, {save: {prefix: 'renders\kept'}}]

    Good:

        stages: [{load: {image: $image}}, {save: {prefix: renders/kept}}]
    """
    for node, prefix in _prefixes(graph, catalog):
        if "\\" in prefix or _DRIVE.match(prefix):
            message = f'"{prefix}" names folders on a server on Windows, and on any other a file with "\\" in its name'
            yield Problem(
                node,
                _PREFIX,
                message,
                "write / between folders, from the server's output folder on",
                remedy=_with_slashes(prefix),
            )


@rule("CP643", "unfilled-prefix", Severity.WARNING)
def unfilled_prefix(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """A prefix has a part that only ComfyUI's editor fills in; a server saves under the words as they stand.

    A server knows %year%, %month%, %day%, %hour%, %minute%, %second%, %width% and %height%. %date:yyyy-MM-dd% and
    %KSampler.seed% are the editor's.

    Source: ComfyUI 0.3.64, `get_save_image_path` in `folder_paths.py`.

    Bad:

        nodes: {kept: {SaveImage: {images: $load, filename_prefix: "%date:yyyy-MM-dd%/kept"}}}

    Good:

        nodes: {kept: {SaveImage: {images: $load, filename_prefix: "%year%-%month%-%day%/kept"}}}
    """
    for node, prefix in _prefixes(graph, catalog):
        if found := _FILLED.search(prefix):
            help = "write %year%-%month%-%day%" if found[1][:4] in ("date", "time") else "write the value itself"
            yield Problem(
                node,
                _PREFIX,
                f'a server does not fill in "{found[0]}", and saves under these words',
                help,
                remedy=_dated(prefix, found),
            )


@rule("CP644", "no-name", Severity.WARNING)
def no_name(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """A prefix ends without a name, so that files are called by a number alone, or are hidden.

    With an empty prefix ComfyUI saves "._00001_.png", which most systems hide; with "renders/" it saves as
    "renders_00001_.png", beside the folder that was meant.

    Source: seen on ComfyUI 0.3.64.

    Bad:

        stages: [{load: {image: $image}}, {save: {prefix: renders/}}]

    Good:

        stages: [{load: {image: $image}}, {save: {prefix: renders/kept}}]
    """
    for node, prefix in _prefixes(graph, catalog):
        if prefix in ("", ".") or prefix.endswith("/"):
            what = "is empty: the file is hidden" if prefix in ("", ".") else f'"{prefix}" ends with a folder'
            yield Problem(
                node,
                _PREFIX,
                f"the prefix {what}",
                "say how the file's name begins, as in renders/lighthouse",
                remedy=Remedy(f"{prefix.removesuffix('.')}ComfyUI"),
            )


@rule("CP645", "same-prefix", Severity.INFO)
def same_prefix(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """Two nodes save different pictures under one prefix, so that only the running number tells them apart.

    None overwrites the other. Which number is whose depends on what ran first.

    Source: seen on ComfyUI 0.3.64.

    Bad:

        stages: [{load: {image: $image}}, {save: {prefix: kept}}, {resize: {by: 2}}, {save: {as: large, prefix: kept}}]

    Good:

        stages: [{load: {image: $image}}, {save: {prefix: kept}}, {resize: {by: 2}}, {save: {as: large, prefix: large}}]
    """
    first: dict[tuple[str, str], Node] = {}
    for node, prefix in _prefixes(graph, catalog):
        earlier = first.setdefault((node.type, prefix), node)
        if earlier is not node and prefix and written(node, _PREFIX):
            message = (
                f'"{earlier.title or earlier.id}" saves under "{prefix}", too, and only numbers tell the files apart'
            )
            yield Problem(node, _PREFIX, message, "give each a prefix of its own")


@rule("CP647", "shown-and-saved", Severity.INFO, classes=("PreviewImage",))
def shown_and_saved(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """A picture is saved, and shown by PreviewImage besides, which writes it a second time.

    SaveImage shows what it saves. PreviewImage writes the same picture into the server's folder for temporary files.
    No harm is done, but that a program which fetches the results gets each picture twice.
    A stage "preview" of a spec is left alone.

    Source: ComfyUI 0.3.64, `PreviewImage` in `nodes.py`.

    Bad:

        {
          "1": {"class_type": "LoadImage", "inputs": {"image": "photograph.jpg"}},
          "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "kept"}},
          "3": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}}
        }

    Good:

        {
          "1": {"class_type": "LoadImage", "inputs": {"image": "photograph.jpg"}},
          "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "kept"}}
        }
    """
    saves = ((node.inputs.get("images"), node) for node in nodes_of(graph, ("SaveImage",)))
    saved = {picture: node for picture, node in saves if type(picture) is Link}
    for node in nodes_of(graph, ("PreviewImage",)):
        picture = node.inputs.get("images")
        if type(picture) is Link and picture in saved and not node.stage:
            saving = saved[picture]
            message = f'"{saving.title or saving.id}" saves this picture, and shows it, too'
            yield Problem(node, None, message, "take it out, unless a picture for show alone is wanted")


OUTPUT_RULES = (
    outside_output_folder,
    windows_prefix,
    unfilled_prefix,
    no_name,
    same_prefix,
    perhaps_outside_output_folder,
    shown_and_saved,
)


def _prefixes(graph: Graph, catalog: Catalog) -> list[tuple[Node, str]]:
    """The outputs that save files, with what their names begin with."""
    return kept(graph, catalog, _saving)


def _saving(graph: Graph, catalog: Catalog) -> list[tuple[Node, str]]:
    return [
        (node, prefix)
        for node, declared in known(graph, catalog)
        if declared.is_output and isinstance(prefix := node.inputs.get(_PREFIX), str) and _PREFIX in declared.inputs
    ]

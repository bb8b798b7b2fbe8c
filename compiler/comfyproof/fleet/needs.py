"""What a graph needs of a server: few things, and the same for most jobs of a batch."""

from __future__ import annotations

from typing import NamedTuple

from ..catalog.files import FILE_INPUTS, NO_FILES
from ..catalog.pinned import Catalog
from ..graph import Graph

_INPUTS = ("input", "output")


class Needs(NamedTuple):
    """Node classes, and what some of their inputs are given: the class, the input, and a file's name or a choice.

    `inputs` are those that are given something other than their default. Equal for graphs that can run on the same
    servers, as far as memory allows.
    """

    classes: frozenset[str]
    files: frozenset[tuple[str, str, str]] = frozenset()
    choices: frozenset[tuple[str, str, str]] = frozenset()
    inputs: frozenset[tuple[str, str]] = frozenset()


def needs_of(graph: Graph, catalog: Catalog) -> Needs:
    """What a graph needs; `catalog` is the one that it was compiled against, and tells which inputs have choices."""
    classes, files, choices, inputs = set(), set(), set(), set()
    for node in graph.nodes.values():
        classes.add(node.type)
        folders = FILE_INPUTS.get(node.type, {})
        declared = catalog.get(node.type)
        for name, value in node.inputs.items():
            wanted = declared.inputs.get(name) if declared else None
            if wanted is not None and value != wanted.default:
                inputs.add((node.type, name))
            if type(value) is not str:
                continue
            if name in folders:
                # What lies in a folder of the inputs is not listed, and found all the same.
                if value not in NO_FILES.get(name, ()) and not (folders[name] in _INPUTS and set("/\\[") & set(value)):
                    files.add((node.type, name, value))
            elif wanted is not None and wanted.options is not None:
                choices.add((node.type, name, value))
    return Needs(frozenset(classes), frozenset(files), frozenset(choices), frozenset(inputs))


def classes_of(needs: list[Needs] | set[Needs]) -> frozenset[str]:
    """All node classes that several graphs need."""
    return frozenset().union(*(each.classes for each in needs))

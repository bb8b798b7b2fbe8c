"""What of a graph is at hand for a plan: the headers of its model files, and the sizes of its pictures."""

from __future__ import annotations

from collections.abc import Mapping

from ..catalog.files import FILE_INPUTS
from ..catalog.listing import NO_MODELS
from ..catalog.pinned import Catalog
from ..containers.sizes import Size, picture_size
from ..graph import Asset, Graph
from ..weights import Header
from .calibration import Calibration
from .machine import Machine
from .predict import NONE, Plan, predict


def plan_of(graph: Graph, catalog: Catalog, machine: Machine, calibration: Calibration = NONE) -> Plan:
    """The plan of a graph on a machine, with the model files and the pictures that are at hand."""
    return predict(graph, catalog, machine, headers_of(graph, catalog), pictures_of(graph), calibration)


def headers_of(graph: Graph, catalog: Catalog) -> Mapping[str, Header]:
    """The headers of the model files that a graph names and that are at hand, by name."""
    shelf = catalog.shelf
    found = {}
    for node in graph.nodes.values() if shelf is not None else ():
        for name, folder in FILE_INPUTS.get(node.type, {}).items():
            file = node.inputs.get(name)
            if isinstance(file, str) and folder not in NO_MODELS and shelf is not None:
                header = shelf.header(folder, file)
                if header is not None:
                    found[file] = header
    return found


def pictures_of(graph: Graph) -> Mapping[str, Size]:
    """The sizes of the pictures that a graph loads from files of one's own, by the name that a plan knows them by."""
    assets = [value for node in graph.nodes.values() for value in node.inputs.values() if isinstance(value, Asset)]
    sizes = {str(getattr(asset, "name", asset)): picture_size(asset.path) for asset in assets if asset.kind == "image"}
    return {name: size for name, size in sizes.items() if size is not None}

"""UI JSON: the form of a workflow that ComfyUI's web editor opens and saves."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..catalog.pinned import Catalog
from ..diagnostics import Diagnostic
from ..graph import Graph, Link
from ..layout import Box, Gaps, Layout, Spot, Wire, arrange
from .looks import Kind, kind_of
from .ui_write_nodes import MAX_OUTPUTS, TITLE, Written, size_of, slots_of, write_node

_GAPS = Gaps(column=80, row=30, pad=20, title=50, frame=50)
_GROUP_COLORS = ("#3f789e", "#b06634", "#8A8", "#8f6fb5", "#88A", "#b58b2a")
_NODE_COLORS: Mapping[Kind, tuple[str, str]] = {
    Kind.LOAD: ("#2a363b", "#3f5159"),
    Kind.POSITIVE: ("#232", "#353"),
    Kind.NEGATIVE: ("#322", "#533"),
    Kind.SAMPLE: ("#323", "#535"),
    Kind.OUTPUT: ("#223", "#335"),
}
_NOTE_COLORS = ("#432", "#653")
_NOTE_SIZE = (400, 110)
_PREVIEW = 230
# What flows through a pipeline from end to end, whose wires should run straight.
_MAIN_TYPES = frozenset({"IMAGE", "LATENT", "VIDEO"})
_NUMBER_ID = re.compile(r"[1-9][0-9]{0,14}")
_WORD_ID = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
# Words that every JavaScript object knows already.
_TAKEN = frozenset({"__proto__", "constructor", "toString", "valueOf", "hasOwnProperty", "isPrototypeOf"})


@dataclass(frozen=True)
class Drawn:
    """A graph as UI JSON, with what the editor would not export as the graph has it."""

    ui: dict[str, Any]
    findings: tuple[Diagnostic, ...]

    def text(self) -> str:
        """The JSON, a line for each node and link, the same bytes every time."""
        return _dump(self.ui)


def draw(graph: Graph, catalog: Catalog, origin: str = "") -> Drawn:
    """A graph as UI JSON of version 0.4; a note says it was compiled from `origin`, unless that is empty."""
    # The name of a file may be bytes that are no text.
    return _Drawing(graph, catalog).drawn(origin.encode(errors="backslashreplace").decode())


def to_ui(graph: Graph, catalog: Catalog, origin: str = "") -> dict[str, Any]:
    """The UI JSON of a graph, as `draw` gives it."""
    return draw(graph, catalog, origin).ui


def dump_ui(graph: Graph, catalog: Catalog, origin: str = "") -> str:
    """The UI JSON of a graph as text, the same bytes every time."""
    return draw(graph, catalog, origin).text()


def _dump(ui: Mapping[str, Any]) -> str:
    def line(value: Any) -> str:
        return json.dumps(value, ensure_ascii=False)

    parts = []
    for key, value in ui.items():
        if isinstance(value, list) and value:
            items = ",\n".join(f"    {line(each)}" for each in value)
            parts.append(f"  {line(key)}: [\n{items}\n  ]")
        else:
            parts.append(f"  {line(key)}: {line(value)}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


@dataclass(frozen=True, slots=True)
class _Wired:
    """A link with its number, from an output to an input by their places among the slots."""

    id: int
    link: Link
    target: str
    slot: int
    type: str


class _Drawing:
    def __init__(self, graph: Graph, catalog: Catalog) -> None:
        self.graph = graph
        self.catalog = catalog
        self.ids = _editor_ids(graph)
        self.written = {id: self._write(id) for id in graph.nodes}
        self.wired = list(self._wire())
        self.into: dict[str, list[_Wired]] = defaultdict(list)
        self.out: dict[str, list[_Wired]] = defaultdict(list)
        for wired in self.wired:
            self.into[wired.target].append(wired)
            self.out[wired.link.node].append(wired)
        self.sizes = {id: size_of(written) for id, written in self.written.items()}

    def _write(self, id: str) -> Written:
        graph, node = self.graph, self.graph.nodes[id]
        types = {name: self._type(link) for name, link in node.links()}
        slots = [
            link.output
            for consumer in graph.consumers[id]
            for _, link in graph.nodes[consumer].links()
            if link.node == id and _exists(link)
        ]
        return write_node(node, self.catalog, max(slots, default=-1) + 1, types)

    def _type(self, link: Link) -> str:
        source = self.graph.nodes.get(link.node)
        declared = self.catalog.get(source.type) if source else None
        known = declared is not None and _exists(link) and link.output < len(declared.outputs)
        return declared.outputs[link.output].type if declared and known else "*"

    def _wire(self) -> Iterator[_Wired]:
        count = 0
        for id, written in self.written.items():
            for slot, name in enumerate(written.inputs):
                link = self.graph.nodes[id].inputs.get(name)
                if not isinstance(link, Link):
                    continue
                if link.node in self.graph.nodes and _exists(link):
                    count += 1
                    yield _Wired(count, link, id, slot, self._type(link))
                else:
                    what = f'"{name}" of "{written.title}" is linked to an output that does not exist'
                    written.say(name, what, "link it to a node of the workflow")

    def drawn(self, origin: str) -> Drawn:
        layout = self._layout()
        order = {id: n for n, id in enumerate(dict.fromkeys((*self.graph.order, *self.graph.nodes)))}
        nodes = [self._node(id, order[id], layout.boxes[id]) for id in self.graph.nodes]
        numbers = [id for id in self.ids.values() if isinstance(id, int)]
        last = max(numbers, default=0)
        if origin:
            last += 1
            nodes.append(_note(last, len(nodes), origin, layout))
        ui = {
            "last_node_id": last,
            "last_link_id": len(self.wired),
            "nodes": nodes,
            "links": [
                [w.id, self.ids[w.link.node], w.link.output, self.ids[w.target], w.slot, w.type] for w in self.wired
            ],
            "groups": list(_groups(layout)),
            "config": {},
            "extra": {},
            "version": 0.4,
        }
        return Drawn(ui, tuple(finding for written in self.written.values() for finding in written.findings))

    def _layout(self) -> Layout:
        boxes = {
            id: Box(width, height + TITLE + self._room(id), self.graph.nodes[id].stage)
            for id, (width, height) in self.sizes.items()
        }
        wires = [
            Wire(w.link.node, w.target, _slot_y(w.link.output), self._input_y(w), 4 if w.type in _MAIN_TYPES else 1)
            for w in self.wired
        ]
        return arrange(boxes, wires, _GAPS)

    def _room(self, id: str) -> int:
        """The height that is kept free below a node for what it shows while it runs."""
        return _PREVIEW if kind_of(self.graph, self.graph.nodes[id], self.catalog) is Kind.SAMPLE else 0

    def _input_y(self, wired: _Wired) -> float:
        sockets = len(self.written[wired.target].sockets)
        return _slot_y(wired.slot) if wired.slot < sockets else self.sizes[wired.target][1] / 2 + TITLE

    def _node(self, id: str, order: int, spot: Spot) -> dict[str, Any]:
        written = self.written[id]
        node = written.node
        inputs = list(slots_of(written))
        outputs: list[dict[str, Any]] = [
            {"name": name, "type": type, "links": [], "slot_index": slot}
            for slot, (name, type) in enumerate(written.outputs)
        ]
        for wired in self.into[id]:
            inputs[wired.slot]["link"] = wired.id
        for wired in self.out[id]:
            outputs[wired.link.output]["links"].append(wired.id)
        colors = _NODE_COLORS.get(kind_of(self.graph, node, self.catalog))
        return {
            "id": self.ids[id],
            "type": node.type,
            "title": written.title,
            "pos": [round(spot.x), round(spot.y + TITLE)],
            "size": list(self.sizes[id]),
            "flags": {},
            "order": order,
            "mode": 0,
            "inputs": inputs,
            "outputs": outputs,
            "properties": {"Node name for S&R": node.type},
            "widgets_values": written.values,
            **({"color": colors[0], "bgcolor": colors[1]} if colors else {}),
        }


def _exists(link: Link) -> bool:
    return 0 <= link.output < MAX_OUTPUTS


def _slot_y(slot: int) -> float:
    """How far below a box's top the middle of a slot is."""
    return TITLE + 20 * slot + 14


def _groups(layout: Layout) -> Iterator[dict[str, Any]]:
    for n, (title, frame) in enumerate(layout.frames.items()):
        yield {
            "id": n + 1,
            "title": title,
            "bounding": [round(frame.x), round(frame.y), round(frame.width), round(frame.height)],
            "color": _GROUP_COLORS[n % len(_GROUP_COLORS)],
            "font_size": 24,
            "flags": {},
        }


def _note(id: int, order: int, origin: str, layout: Layout) -> dict[str, Any]:
    """A note above the left upper corner of the drawing, which the editor leaves out when it exports."""
    spots = (*layout.boxes.values(), *layout.frames.values())
    left, top = min((spot.x for spot in spots), default=0), min((spot.y for spot in spots), default=0)
    width, height = _NOTE_SIZE
    return {
        "id": id,
        "type": "Note",
        "title": "Where this comes from",
        "pos": [round(left), round(top) - height - 2 * TITLE],
        "size": [width, height],
        "flags": {},
        "order": order,
        "mode": 0,
        "inputs": [],
        "outputs": [],
        "properties": {},
        "widgets_values": [f"Compiled by comfyproof from {origin}. What is changed here does not change that."],
        "color": _NOTE_COLORS[0],
        "bgcolor": _NOTE_COLORS[1],
    }


def _editor_ids(graph: Graph) -> dict[str, int | str]:
    """The id of each node in the editor: its own, but a new number where that would be taken for something else.

    An id like 12:3 is one of a node within a subgraph, and it is the graph that has no such thing.
    """
    ids: dict[str, int | str] = {}
    for id in graph.nodes:
        if _NUMBER_ID.fullmatch(id):
            ids[id] = int(id)
        elif _WORD_ID.fullmatch(id) and id not in _TAKEN:
            ids[id] = id
    free = max((id for id in ids.values() if isinstance(id, int)), default=0)
    for id in graph.nodes:
        if id not in ids:
            free += 1
            ids[id] = free
    return {id: ids[id] for id in graph.nodes}

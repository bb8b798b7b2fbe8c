"""Where boxes stand in a drawing: in columns from left to right, those that belong together in a frame."""

from __future__ import annotations

import heapq
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

# How often the columns are gone through, to and fro, to straighten the wires.
_SWEEPS = 6
# A column that would become taller than this, or than the drawing is wide, is laid out as several.
_TALL = 2000
_WIDEST_STRETCH = 440
# The height that a wire takes in a column it crosses, and how many such crossings to a box are made room for.
_LANE = 20
_MOST_LANES = 3
# An output with more wires than this gets no lanes: among so many, none is followed by eye.
_MANY_WIRES = 12


@dataclass(frozen=True, slots=True)
class Box:
    """What takes room: its size, and the name of the group it belongs to, if any."""

    width: float
    height: float
    group: str = ""


@dataclass(frozen=True, slots=True)
class Wire:
    """A line from one box to another; `out` and `into` are how far below each one's top it starts and ends."""

    source: str
    target: str
    out: float = 0
    into: float = 0
    weight: float = 1


@dataclass(frozen=True, slots=True)
class Gaps:
    """The room between things; `title` is what a frame's title takes above its boxes, `pad` what is around them."""

    column: float = 80
    row: float = 40
    pad: float = 20
    title: float = 50
    frame: float = 60


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a box or frame stands: its left upper corner, and its size."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Layout:
    """Where every box stands, and the frame of every group, in the order in which the groups first appear."""

    boxes: Mapping[str, Spot]
    frames: Mapping[str, Spot]


_Key: TypeAlias = tuple[str, str]


def arrange(boxes: Mapping[str, Box], wires: Iterable[Wire], gaps: Gaps = Gaps()) -> Layout:
    """Places for all boxes, none on another, and no frame on another or on a box of another group.

    The same input gives the same layout. Boxes in one column may be made wider, to the column's width.
    """
    known = [wire for wire in wires if wire.source in boxes and wire.target in boxes]
    members: dict[str, dict[str, Box]] = defaultdict(dict)
    for id, box in boxes.items():
        if box.group:
            members[box.group][id] = box
    within: dict[str, list[Wire]] = defaultdict(list)
    for wire in known:
        if boxes[wire.source].group == boxes[wire.target].group:
            within[boxes[wire.source].group].append(wire)
    blocks: dict[_Key, Box] = {}
    inner: dict[str, dict[str, Spot]] = {}
    block_of: dict[str, _Key] = {}
    for id, box in boxes.items():
        block_of[id] = key = ("group", box.group) if box.group else ("box", id)
        if box.group and box.group not in inner:
            inner[box.group] = _layered(members[box.group], within[box.group], gaps.column, gaps.row)
            width, height = _extent(inner[box.group].values())
            blocks[key] = Box(width + 2 * gaps.pad, height + gaps.title + gaps.pad)
        elif not box.group:
            blocks[key] = box
    outer = _components(blocks, _between(known, block_of, inner, gaps), gaps, bool(inner))
    return _composed(boxes, outer, block_of, inner, gaps)


def _between(
    wires: Iterable[Wire], block_of: Mapping[str, _Key], inner: Mapping[str, Mapping[str, Spot]], gaps: Gaps
) -> list[tuple[_Key, _Key, Wire]]:
    """The wires from one block to another, with their ends as far below the block's top as they are."""
    found = []
    for wire in wires:
        ends = block_of[wire.source], block_of[wire.target]
        if ends[0] != ends[1]:
            out, into = wire.out, wire.into
            if ends[0][0] == "group":
                out += inner[ends[0][1]][wire.source].y + gaps.title
            if ends[1][0] == "group":
                into += inner[ends[1][1]][wire.target].y + gaps.title
            found.append((*ends, replace(wire, out=out, into=into)))
    return found


def _composed(
    boxes: Mapping[str, Box],
    outer: Mapping[_Key, Spot],
    block_of: Mapping[str, _Key],
    inner: Mapping[str, Mapping[str, Spot]],
    gaps: Gaps,
) -> Layout:
    places: dict[str, Spot] = {}
    frames: dict[str, Spot] = {}
    for id, box in boxes.items():
        block = outer[block_of[id]]
        if not box.group:
            places[id] = block
            continue
        spot = inner[box.group][id]
        places[id] = replace(spot, x=block.x + gaps.pad + spot.x, y=block.y + gaps.title + spot.y)
        # A frame is no wider than what is in it, be its column ever so wide.
        width = _extent(inner[box.group].values())[0] + 2 * gaps.pad
        frames.setdefault(box.group, replace(block, width=width) if block.width > width else block)
    return Layout(places, frames)


def _extent(spots: Iterable[Spot]) -> tuple[float, float]:
    spots = list(spots)
    return max(spot.x + spot.width for spot in spots), max(spot.y + spot.height for spot in spots)


def _components(
    blocks: Mapping[_Key, Box], wires: Sequence[tuple[_Key, _Key, Wire]], gaps: Gaps, framed: bool
) -> dict[_Key, Spot]:
    """What hangs together laid out together; the parts beside and below each other, about as wide as a screen."""
    root = {key: key for key in blocks}

    def find(key: _Key) -> _Key:
        while root[key] != key:
            root[key] = root[root[key]]
            key = root[key]
        return key

    for source, target, _ in wires:
        root[find(source)] = find(target)
    parts: dict[_Key, dict[str, Box]] = defaultdict(dict)
    names = {key: str(n) for n, key in enumerate(blocks)}
    keys = {name: key for key, name in names.items()}
    for key, box in blocks.items():
        parts[find(key)][names[key]] = box
    inside: dict[_Key, list[Wire]] = defaultdict(list)
    for source, target, wire in wires:
        inside[find(source)].append(replace(wire, source=names[source], target=names[target]))
    row_gap = gaps.frame if framed else gaps.row
    laid = [_layered(part, inside[part_of], gaps.column, row_gap) for part_of, part in parts.items()]
    return {keys[name]: spot for name, spot in _shelves(laid, max(gaps.column, row_gap)).items()}


def _shelves(parts: Sequence[Mapping[str, Spot]], gap: float) -> dict[str, Spot]:
    sizes = [_extent(part.values()) for part in parts]
    limit = max([math.sqrt(2 * sum(w * h for w, h in sizes)), *(w for w, _ in sizes)], default=0)
    found: dict[str, Spot] = {}
    x = y = tallest = 0.0
    for part, (width, height) in zip(parts, sizes, strict=True):
        if x and x + width > limit:
            x, y, tallest = 0.0, y + tallest + gap, 0.0
        for id, spot in part.items():
            found[id] = replace(spot, x=spot.x + x, y=spot.y + y)
        x, tallest = x + width + gap, max(tallest, height)
    return found


def _layered(boxes: Mapping[str, Box], wires: Sequence[Wire], column_gap: float, row_gap: float) -> dict[str, Spot]:
    """Boxes in columns, each to the right of what feeds it, with the left upper corner at 0, 0."""
    columns = _columns(boxes, wires, row_gap)
    lanes, bent = _lanes(columns, wires, len(boxes), row_gap)
    tops = _straightened(columns, {**boxes, **lanes}, bent, row_gap)
    highest = min(tops[id] for id in boxes)
    places: dict[str, Spot] = {}
    x = 0.0
    for column in columns:
        real = [id for id in column if id in boxes]
        width = max(boxes[id].width for id in real)
        for id in real:
            own = boxes[id].width
            stretched = width if width <= _WIDEST_STRETCH else own
            places[id] = Spot(x, _grid(tops[id] - highest), stretched, boxes[id].height)
        x += _grid(width + column_gap)
    return {id: places[id] for id in boxes}


def _lanes(
    columns: list[list[str]], wires: Sequence[Wire], count: int, row_gap: float
) -> tuple[dict[str, Box], list[Wire]]:
    """Narrow room for wires in the columns that they cross, put into those; and the wires, led through it.

    All wires of one output share a lane. In a graph where lanes would outnumber the boxes by far, there are none.
    """
    place = {id: n for n, column in enumerate(columns) for id in column}
    outputs: dict[tuple[str, float], list[Wire]] = defaultdict(list)
    for wire in wires:
        outputs[wire.source, wire.out].append(wire)
    reach = {
        key: max(place[wire.target] for wire in together)
        for key, together in outputs.items()
        if len(together) <= _MANY_WIRES
    }
    if sum(max(0, end - place[source] - 1) for (source, _), end in reach.items()) > _MOST_LANES * count:
        return {}, list(wires)
    lanes: dict[str, Box] = {}
    bent: list[Wire] = []
    for (source, out), together in outputs.items():
        before, through = source, {}
        for column in range(place[source] + 1, reach.get((source, out), 0)):
            through[column] = lane = f"{source}\0{out}\0{column}"
            lanes[lane] = Box(0, _LANE - row_gap)
            # In the middle, as a lane that is wanted where others are would push all after it to one side.
            columns[column].insert(len(columns[column]) // 2, lane)
            bent.append(Wire(before, lane, 0 if through.get(column - 1) else out))
            before = lane
        for wire in together:
            lane = through.get(place[wire.target] - 1, "")
            bent.append(Wire(lane, wire.target, 0, wire.into) if lane else wire)
    return lanes, bent


def _grid(value: float) -> float:
    """A whole number of tens, no smaller: the editor's own grid."""
    return math.ceil(value / 10) * 10


def _columns(boxes: Mapping[str, Box], wires: Sequence[Wire], row_gap: float) -> list[list[str]]:
    order = _order(boxes, wires)
    position = {id: n for n, id in enumerate(order)}
    # A wire that leads back, on a cycle, has no say in what stands left of what.
    forward = [wire for wire in wires if position[wire.source] < position[wire.target]]
    into: dict[str, set[str]] = defaultdict(set)
    out: dict[str, set[str]] = defaultdict(set)
    for wire in forward:
        into[wire.target].add(wire.source)
        out[wire.source].add(wire.target)
    layer: dict[str, int] = {}
    for id in order:
        layer[id] = 1 + max((layer[source] for source in into[id]), default=-1)
    for id in reversed(order):
        # What feeds more than it takes stands right before the first that needs it.
        if out[id] and len(into[id]) <= len(out[id]):
            layer[id] = min(layer[target] for target in out[id]) - 1
    layers: dict[int, list[str]] = defaultdict(list)
    for id in order:
        layers[layer[id]].append(id)
    area = sum((box.width + 80) * (box.height + row_gap) for box in boxes.values())
    limit = max(_TALL, 1.2 * math.sqrt(area))
    return [part for _, ids in sorted(layers.items()) for part in _cut(ids, boxes, row_gap, limit)]


def _cut(ids: list[str], boxes: Mapping[str, Box], row_gap: float, limit: float) -> list[list[str]]:
    """One layer as columns of about the same height, none taller than a limit, but for single boxes."""
    total = sum(boxes[id].height + row_gap for id in ids)
    share = total / max(1, math.ceil(total / limit))
    parts: list[list[str]] = [[]]
    height = 0.0
    for id in ids:
        own = boxes[id].height + row_gap
        if parts[-1] and height + own > share + 1:
            parts.append([])
            height = 0.0
        parts[-1].append(id)
        height += own
    return parts


def _order(boxes: Mapping[str, Box], wires: Sequence[Wire]) -> list[str]:
    """The boxes with sources before targets, else as they stand; a cycle is entered at its first box."""
    ids = list(boxes)
    position = {id: n for n, id in enumerate(ids)}
    waiting = dict.fromkeys(ids, 0)
    out: dict[str, list[str]] = defaultdict(list)
    for source, target in dict.fromkeys((wire.source, wire.target) for wire in wires):
        if source != target:
            waiting[target] += 1
            out[source].append(target)
    ready = [position[id] for id, count in waiting.items() if count == 0]
    done: set[str] = set()
    order: list[str] = []
    first = 0
    while len(order) < len(ids):
        if not ready:
            while ids[first] in done:
                first += 1
            ready.append(first)
        id = ids[heapq.heappop(ready)]
        if id in done:
            continue
        done.add(id)
        order.append(id)
        for target in out[id]:
            waiting[target] -= 1
            if waiting[target] == 0 and target not in done:
                heapq.heappush(ready, position[target])
    return order


def _straightened(
    columns: list[list[str]], boxes: Mapping[str, Box], wires: Sequence[Wire], gap: float
) -> dict[str, float]:
    """How high each box stands, the columns sorted so that wires run straight and cross little."""
    place = {id: n for n, column in enumerate(columns) for id in column}
    ends: dict[str, list[tuple[str, float, float]]] = defaultdict(list)
    for wire in wires:
        if wire.source != wire.target:
            shift = wire.out - wire.into
            ends[wire.target].append((wire.source, shift, wire.weight))
            ends[wire.source].append((wire.target, -shift, wire.weight))
    tops: dict[str, float] = {}
    for column in columns:
        tops |= _stacked(column, dict.fromkeys(column, 0.0), boxes, gap)
    best, least = dict(tops), math.inf
    kept = [list(column) for column in columns]
    for sweep in range(_SWEEPS):
        rightwards = sweep % 2 == 0
        for column in columns if rightwards else reversed(columns):
            wanted = {id: _wanted(id, ends[id], tops, place, rightwards, sweep) for id in column}
            column.sort(key=wanted.__getitem__)
            tops |= _stacked(column, wanted, boxes, gap)
        length = sum(wire.weight * abs(tops[wire.source] + wire.out - tops[wire.target] - wire.into) for wire in wires)
        if length < least:
            best, least = dict(tops), length
            kept = [list(column) for column in columns]
    columns[:] = kept
    return best


def _wanted(
    id: str,
    ends: Sequence[tuple[str, float, float]],
    tops: Mapping[str, float],
    place: Mapping[str, int],
    rightwards: bool,
    sweep: int,
) -> float:
    """Where a box would stand by its neighbours on the side that was placed last; on all sides in the end."""
    own = place[id]
    side = [end for end in ends if (place[end[0]] < own) == rightwards or sweep >= _SWEEPS - 2]
    total = sum(weight for _, _, weight in side)
    return sum((tops[other] + shift) * weight for other, shift, weight in side) / total if total else tops[id]


def _stacked(
    column: Sequence[str], wanted: Mapping[str, float], boxes: Mapping[str, Box], gap: float
) -> dict[str, float]:
    """The boxes of a column, in its order, as near to where they are wanted as they fit without touching."""
    runs: list[tuple[float, int]] = []  # of boxes that touch: the mean of what they want, and how many they are
    above = 0.0
    offsets = []
    for id in column:
        offsets.append(above)
        runs.append((wanted[id] - above, 1))
        while len(runs) > 1 and runs[-2][0] >= runs[-1][0]:
            (mean, count), (before, more) = runs.pop(), runs.pop()
            runs.append(((before * more + mean * count) / (more + count), more + count))
        above += _grid(boxes[id].height + gap)
    starts = [mean for mean, count in runs for _ in range(count)]
    return {id: start + offset for id, start, offset in zip(column, starts, offsets, strict=True)}

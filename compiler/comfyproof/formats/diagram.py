"""Diagrams of a graph for people: Mermaid for Markdown, SVG for anything that shows pictures."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from ..catalog.pinned import Catalog
from ..graph import Graph, Link, Node
from ..layout import Box, Gaps, Layout, Spot, Wire, arrange
from .looks import Kind, kind_of, short, telling, text_of

# The colours that ComfyUI's editor gives links of a type.
_TYPE_COLORS: Mapping[str, str] = {
    "MODEL": "#b39ddb",
    "CLIP": "#e6b800",
    "VAE": "#ff6e6e",
    "CONDITIONING": "#ffa931",
    "LATENT": "#f08cea",
    "IMAGE": "#64b5f6",
    "MASK": "#81c784",
    "CONTROL_NET": "#3ecf9a",
    "UPSCALE_MODEL": "#a1a86b",
}
_OTHER_COLOR = "#9e9e9e"
# Fill and stroke of a node: light, with dark ink on it, so that it can be read on any ground.
_KIND_COLORS: Mapping[Kind, tuple[str, str]] = {
    Kind.LOAD: ("#dbe7ee", "#4f7a94"),
    Kind.POSITIVE: ("#dcefdc", "#3f8a4a"),
    Kind.NEGATIVE: ("#f6dede", "#b04a4a"),
    Kind.SAMPLE: ("#eadcf0", "#8a4fa3"),
    Kind.OUTPUT: ("#dfe1f7", "#4a55b0"),
    Kind.OTHER: ("#eeeeee", "#808080"),
}
_STAGE_COLORS = ("#3f789e", "#b06634", "#4f9a4f", "#a1309b", "#7a7ab0", "#b58b2a")

_WIDTH, _HEIGHT = 230, 60
_SIGNS = 30  # how many fit on a line of a box
_MARGIN = 24
_GAPS = Gaps(column=70, row=24, pad=16, title=36, frame=36)
_TOOLTIP_LINES = 12


def dump_mermaid(graph: Graph, catalog: Catalog) -> str:
    """A graph as a Mermaid flowchart from left to right, a subgraph for each stage.

    Mermaid itself draws no more than 500 links and 50,000 characters.
    """
    ids = {id: f"n{n}" for n, id in enumerate(graph.nodes, 1)}
    lines = ["flowchart LR"]
    for n, (stage, nodes) in enumerate(_by_stage(graph).items(), 1):
        drawn = [f"{ids[node.id]}{_mermaid_shape(graph, node, catalog)}" for node in nodes]
        if stage:
            lines += [f'  subgraph s{n}["{_mermaid_text(stage)}"]', *(f"    {line}" for line in drawn), "  end"]
        else:
            lines += [f"  {line}" for line in drawn]
    by_type: dict[str, list[int]] = defaultdict(list)
    for number, (source, target, type) in enumerate(_links(graph, catalog)):
        lines.append(f"  {ids[source]} --> {ids[target]}")
        by_type[type].append(number)
    for type, numbers in sorted(by_type.items()):
        listed = ",".join(map(str, numbers))
        lines.append(f"  linkStyle {listed} stroke:{_TYPE_COLORS.get(type, _OTHER_COLOR)},stroke-width:2px")
    by_kind: dict[Kind, list[str]] = defaultdict(list)
    for id, node in graph.nodes.items():
        by_kind[kind_of(graph, node, catalog)].append(ids[id])
    for kind, members in sorted(by_kind.items()):
        fill, stroke = _KIND_COLORS[kind]
        lines.append(f"  classDef {kind} fill:{fill},stroke:{stroke},color:#1c1c1c")
        lines.append(f"  class {','.join(members)} {kind}")
    return "\n".join(lines) + "\n"


def _mermaid_shape(graph: Graph, node: Node, catalog: Catalog) -> str:
    value = telling(node, catalog.get(node.type))
    label = _mermaid_text(short(node.title or node.type))
    if value:
        label += f"<br/>{_mermaid_text(value)}"
    kind = kind_of(graph, node, catalog)
    left, right = {Kind.LOAD: ("[(", ")]"), Kind.OUTPUT: ("([", "])")}.get(kind, ("[", "]"))
    return f'{left}"{label}"{right}'


def _mermaid_text(text: str) -> str:
    """A text within quotes, every sign that could mean something in Mermaid or HTML as its number."""
    return "".join(sign if sign.isalnum() or sign in " .,:/+-_()" else f"#{ord(sign)};" for sign in text)


def _by_stage(graph: Graph) -> dict[str, list[Node]]:
    stages: dict[str, list[Node]] = defaultdict(list)
    for node in graph.nodes.values():
        stages[node.stage].append(node)
    return stages


def _links(graph: Graph, catalog: Catalog) -> Iterator[tuple[str, str, str]]:
    """From which node to which something flows, and of what type, each once."""
    seen = set()
    for id, node in graph.nodes.items():
        for _, link in node.links():
            if link.node in graph.nodes:
                found = (link.node, id, _type_of(graph, link, catalog))
                if found not in seen:
                    seen.add(found)
                    yield found


def _type_of(graph: Graph, link: Link, catalog: Catalog) -> str:
    declared = catalog.get(graph.nodes[link.node].type)
    known = declared is not None and 0 <= link.output < len(declared.outputs)
    return declared.outputs[link.output].type if declared and known else "*"


@dataclass(frozen=True, slots=True)
class _Curve:
    """A link in the picture: its ends, as nodes and how far below their tops, and its type."""

    source: str
    target: str
    out: float
    into: float
    type: str


def dump_svg(graph: Graph, catalog: Catalog) -> str:
    """A graph as a picture on its own: boxes by stage, links in the colours of their types, no script in it."""
    curves = _curves(graph, catalog)
    boxes = {id: Box(_WIDTH, _HEIGHT, node.stage) for id, node in graph.nodes.items()}
    wires = [Wire(c.source, c.target, c.out, c.into, 3 if c.type in ("IMAGE", "LATENT") else 1) for c in curves]
    layout = arrange(boxes, wires, _GAPS)
    spots = (*layout.boxes.values(), *layout.frames.values())
    left, top = min((s.x for s in spots), default=0) - _MARGIN, min((s.y for s in spots), default=0) - _MARGIN
    width = max((s.x + s.width for s in spots), default=0) + _MARGIN - left
    height = max((s.y + s.height for s in spots), default=0) + _MARGIN - top
    types = sorted({curve.type for curve in curves} - {"*"}, key=lambda type: (type not in _TYPE_COLORS, type))
    rows = list(_legend_rows(types, max(width, 320) - 2 * _MARGIN))
    foot = 22 * len(rows) + (_MARGIN / 2 if rows else 0)
    width, height = max(width, 320), height + foot
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}" height="{height:g}"',
        f' viewBox="{left:g} {top:g} {width:g} {height:g}" role="img" font-family="sans-serif">\n',
        f"<style>{_STYLE}</style>\n",
        f'<rect class="ground" x="{left:g}" y="{top:g}" width="{width:g}" height="{height:g}" rx="10"/>\n',
        *_frames(layout),
        *(_curve(curve, layout.boxes) for curve in curves),
        *(_box(graph, node, catalog, layout.boxes[node.id]) for node in graph.nodes.values()),
        *_legend(rows, left + _MARGIN, top + height - foot),
        "</svg>\n",
    ]
    return "".join(parts)


_STYLE = """
.ground{fill:#fdfdfd}.frame{fill-opacity:.10;stroke-opacity:.55}.stage,.key{fill:#333}
.name,.value{fill:#1c1c1c}.value{opacity:.75}.link{fill:none;stroke-width:2.2;stroke-opacity:.9}
@media (prefers-color-scheme:dark){.ground{fill:#1d1f21}.frame{fill-opacity:.22}.stage,.key{fill:#ddd}}
"""


def _curves(graph: Graph, catalog: Catalog) -> list[_Curve]:
    """The links, their ends spread over the sides of the boxes."""
    into: dict[str, list[Link]] = {}
    out: dict[str, list[int]] = defaultdict(list)
    for id, node in graph.nodes.items():
        into[id] = [link for _, link in node.links() if link.node in graph.nodes]
        for link in into[id]:
            if link.output not in out[link.node]:
                out[link.node].append(link.output)
    found = []
    for id, links in into.items():
        for n, link in enumerate(links):
            slots = sorted(out[link.node])
            leaves = _spread(slots.index(link.output), len(slots))
            found.append(_Curve(link.node, id, leaves, _spread(n, len(links)), _type_of(graph, link, catalog)))
    return found


def _spread(n: int, count: int) -> float:
    return round(_HEIGHT * (n + 1) / (count + 1), 1)


def _frames(layout: Layout) -> Iterator[str]:
    for n, (stage, spot) in enumerate(layout.frames.items()):
        color = _STAGE_COLORS[n % len(_STAGE_COLORS)]
        yield (
            f'<rect class="frame" {_at(spot)} rx="8" fill="{color}" stroke="{color}"/>'
            f'<text class="stage" x="{spot.x + 14:g}" y="{spot.y + 23:g}" font-size="15" font-weight="600">'
            f"{_svg_text(_fitted(stage, int(spot.width / 9)))}</text>\n"
        )


def _curve(curve: _Curve, boxes: Mapping[str, Spot]) -> str:
    source, target = boxes[curve.source], boxes[curve.target]
    x1, y1 = source.x + source.width, source.y + curve.out
    x2, y2 = target.x, target.y + curve.into
    bend = max(40, abs(x2 - x1) / 2)
    color = _TYPE_COLORS.get(curve.type, _OTHER_COLOR)
    path = f"M{x1:g} {y1:g}C{x1 + bend:g} {y1:g} {x2 - bend:g} {y2:g} {x2:g} {y2:g}"
    return f'<path class="link" d="{path}" stroke="{color}"/>\n'


def _box(graph: Graph, node: Node, catalog: Catalog, spot: Spot) -> str:
    fill, stroke = _KIND_COLORS[kind_of(graph, node, catalog)]
    title = node.title or node.type
    value = telling(node, catalog.get(node.type)) or (node.type if node.type != title else "")
    return (
        f"<g><title>{_svg_text(_tooltip(node))}</title>"
        f'<rect {_at(spot)} rx="7" fill="{fill}" stroke="{stroke}" stroke-width="1.4"/>'
        f'<text class="name" x="{spot.x + 12:g}" y="{spot.y + 26:g}" font-size="13" font-weight="600">'
        f"{_svg_text(_fitted(title, _SIGNS - 4))}</text>"
        f'<text class="value" x="{spot.x + 12:g}" y="{spot.y + 45:g}" font-size="11.5">'
        f"{_svg_text(_fitted(value, _SIGNS + 2))}</text></g>\n"
    )


def _tooltip(node: Node) -> str:
    given = [(name, value) for name, value in node.inputs.items() if not isinstance(value, Link)]
    lines = [f"{name}: {short(text_of(value))}" for name, value in given[:_TOOLTIP_LINES]]
    return "\n".join((node.type, *lines, *(["…"] if len(given) > _TOOLTIP_LINES else [])))


def _legend_rows(types: Sequence[str], width: float) -> Iterator[list[tuple[str, float]]]:
    """The types in rows that fit, each with its distance from the left."""
    row: list[tuple[str, float]] = []
    x = 0.0
    for type in types:
        name = _fitted(type, 40)
        needed = 30 + 9.0 * len(name)
        if row and x + needed > width:
            yield row
            row, x = [], 0.0
        row.append((type, x))
        x += needed
    if row:
        yield row


def _legend(rows: Sequence[Sequence[tuple[str, float]]], left: float, top: float) -> Iterator[str]:
    for n, row in enumerate(rows):
        y = top + 22 * n
        for type, x in row:
            color = _TYPE_COLORS.get(type, _OTHER_COLOR)
            yield (
                f'<circle cx="{left + x + 6:g}" cy="{y:g}" r="5" fill="{color}"/>'
                f'<text class="key" x="{left + x + 17:g}" y="{y + 4:g}" font-size="11.5">'
                f"{_svg_text(_fitted(type, 40))}</text>\n"
            )


def _at(spot: Spot) -> str:
    return f'x="{spot.x:g}" y="{spot.y:g}" width="{spot.width:g}" height="{spot.height:g}"'


def _fitted(text: str, signs: int) -> str:
    """As much of a text as fits where so many Latin letters would."""
    wide = sum(unicodedata.east_asian_width(sign) in "WF" for sign in text[:signs])
    return short(text, max(4, signs - wide))


def _svg_text(text: str) -> str:
    """A text with nothing in it that is markup, or that XML has no sign for."""
    return escape("".join(sign if sign == "\n" or _in_xml(sign) else "\ufffd" for sign in text))


def _in_xml(sign: str) -> bool:
    code = ord(sign)
    return code >= 32 and not (0xD800 <= code <= 0xDFFF or code in (0xFFFE, 0xFFFF))

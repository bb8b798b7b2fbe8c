"""One node of UI JSON: its sockets, its widgets' values in the editor's order, and the room that it takes."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..catalog.nodes import NodeType
from ..catalog.pinned import Catalog
from ..catalog.widgets import FILLED_PREFIX, Face, Socket, Widget
from ..diagnostics import Diagnostic, Rule, Severity
from ..graph import Asset, Link, Node, Secret, Value
from .ui_escape import escaped, holds

NOT_IN_EDITOR = Rule(
    "CP122",
    "not-in-editor",
    Severity.WARNING,
    "ComfyUI's editor has no place for a value, or changes it when it exports, so that the workflow that it sends "
    "is not quite the one that was written.",
)
RULES = (NOT_IN_EDITOR,)

TITLE = 30  # the height of a node's title bar, above its place
_ROW, _WIDGET, _AREA = 20, 24, 54
_LEAST_WIDTH = 270
_TEXT_WIDTH = 400
_PICTURE = 280
_TALL_WIDGETS = frozenset(
    {"SHOWN", "WEBCAM", "AUDIO_RECORD", "LOAD_3D", "LOAD_3D_ANIMATION", "PREVIEW_3D", "PREVIEW_3D_ANIMATION"}
)
_SHOWN_TYPES = frozenset({"IMAGE", "VIDEO", "MASK"})
_LARGEST_EXACT = 2**53
# No node has more outputs; a link that asks for a later one than this leads nowhere.
MAX_OUTPUTS = 1000


@dataclass
class Written:
    """A node on its way into UI JSON; `findings` are what the editor would not export as it is."""

    node: Node
    title: str
    declared: NodeType | None
    sockets: list[Socket] = field(default_factory=list)
    converted: list[Widget] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)
    outputs: list[tuple[str, str]] = field(default_factory=list)
    areas: list[str] = field(default_factory=list)
    rows: int = 0
    spare: int = 0
    findings: list[Diagnostic] = field(default_factory=list)

    def say(self, name: str | None, what: str, help: str) -> None:
        """Adds a finding, at an input or at the node itself."""
        self.findings.append(NOT_IN_EDITOR.at(self.node.place(name), what, help))

    @property
    def inputs(self) -> list[str]:
        """The names of the inputs that have a slot, in order."""
        return [*(socket.name for socket in self.sockets), *(widget.name for widget in self.converted)]


def write_node(node: Node, catalog: Catalog, used: int, types: Mapping[str, str]) -> Written:
    """A node's slots and values; `used` outputs are linked, and `types` are those of what is linked to inputs."""
    declared, face = catalog.get(node.type), catalog.face(node.type)
    title = node.title or (declared.display_name if declared else node.type)
    written = Written(node, title, declared)
    if declared is None or face is None:
        _unknown(written, types)
    else:
        written.outputs = [(each.name, each.type) for each in declared.outputs]
        placed = _place(written, face)
        _leftovers(written, placed, types)
    written.outputs += [("*", "*")] * (used - len(written.outputs))
    return written


def _unknown(written: Written, types: Mapping[str, str]) -> None:
    """A class that nobody described: links are sockets, values are widgets in the order given."""
    node = written.node
    written.sockets = [Socket(name, types.get(name, "*")) for name, _ in node.links()]
    written.values = [_json(value) for value in node.inputs.values() if not isinstance(value, Link)]
    written.rows, written.spare = len(written.values), 2
    if written.values:
        what = f'the class "{node.type}" is not in the catalog, so its values are written in the order they were given'
        written.say(None, what, 'pin the catalog of a server that has it: "comfyproof catalog pin URL"')


def _place(written: Written, face: Face) -> set[str]:
    """Puts a class's sockets and widgets in place, those of dynamic combos after their own; gives what was placed."""
    node, placed = written.node, set[str]()
    _sockets(written, face, 0)
    waiting = [(widget, 0) for widget in reversed(face.widgets)]
    while waiting:
        widget, depth = waiting.pop()
        given = widget.name in node.inputs and (widget.sent or widget.declared)
        value: Value = node.inputs[widget.name] if given else _default(widget)
        placed.add(widget.name)
        if isinstance(value, Link):
            written.converted.append(widget)
            if depth > 1:
                _lost(written, widget.name)
            value = _default(widget)
        elif given:
            value = _held(written, widget, value)
        elif widget.sent and widget.saved and widget.declared and not widget.optional:
            written.say(
                widget.name,
                f'"{written.title}" has no "{widget.name}", and the editor would send its default',
                f'give "{widget.name}" a value',
            )
        if widget.saved:
            written.values.append(value)
        _take_row(written, widget, value)
        if widget.choices and isinstance(value, str) and value in widget.choices:
            chosen = widget.choices[value]
            _sockets(written, chosen, depth + 1)
            waiting += [(each, depth + 1) for each in reversed(chosen.widgets)]
    return placed | {socket.name for socket in written.sockets if isinstance(node.inputs.get(socket.name), Link)}


def _sockets(written: Written, face: Face, depth: int) -> None:
    """Puts sockets in place, of those that grow the ones that are linked, with room for those the editor adds."""
    linked = {name for name, _ in written.node.links()}
    for socket in face.sockets:
        if not socket.grown or socket.name in linked:
            written.sockets.append(socket)
        written.spare += bool(socket.grown)
        first = depth > 0 and socket.grown[:1] == (socket.name,)
        lost = [name for name in socket.grown[socket.least + 1 :] if name in linked] if first else []
        lost += [socket.name] if depth > 1 and socket.name in linked else []
        for name in lost:
            _lost(written, name)


def _lost(written: Written, name: str) -> None:
    """Of a link that the editor does not hold on to: that of an input that a choice brings, within another."""
    what = f'the editor loses the link of "{name}" of "{written.title}" when it opens the workflow'
    written.say(name, what, "link it by hand in the editor")


def _take_row(written: Written, widget: Widget, value: Any) -> None:
    if widget.multiline:
        written.areas.append(value if isinstance(value, str) else "")
    elif widget.type in _TALL_WIDGETS or widget.several or widget.config.get("display") == "gradientslider":
        written.areas.append("")
    else:
        written.rows += 1


def _leftovers(written: Written, placed: set[str], types: Mapping[str, str]) -> None:
    """Links to inputs that the class does not declare, or that grow, get a socket; values have no place."""
    for name, value in written.node.inputs.items():
        if name in placed:
            continue
        if isinstance(value, Link):
            written.sockets.append(Socket(name, types.get(name, "*")))
            continue
        if any(socket.name == name for socket in written.sockets):
            what, help = "only takes a link", "link a node that gives the value"
        else:
            what, help = f'is no input of the class "{written.node.type}"', f'remove "{name}"'
        written.say(name, f'"{name}" {what}, so the editor has no place for its value', help)


def _default(widget: Widget) -> Any:
    return "fixed" if widget.type == "CONTROL" else widget.default


def _held(written: Written, widget: Widget, value: Value) -> Any:
    """A value as the file holds it, with a finding where the editor will not export it so."""
    found = _json(value)
    name, title = widget.name, written.title
    if widget.type == "CURVE" and isinstance(found, dict) and "__value__" in found:
        return found["__value__"]
    if isinstance(found, str):
        if widget.dynamic:
            if not holds(found):
                what = f'the editor exports "{name}" of "{title}" with "undefined" at its end, after a backslash'
                written.say(name, what, "leave out the backslash at its end")
            return escaped(found)
        if name == "filename_prefix" and written.node.type in FILLED_PREFIX and _is_filled(found):
            what = f'the editor puts a date or a value in place of %...% in "{name}" of "{title}" when it exports'
            written.say(name, what, "write %year%, %month% and %day%, which the server fills in")
    elif widget.multiline:
        written.say(name, f'the editor exports "{name}" of "{title}" as text', "write the value in quotes")
    elif found is None:
        what = f'the editor may put a default in place of the empty "{name}" of "{title}"'
        written.say(name, what, f'give "{name}" a value')
    elif isinstance(found, int) and abs(found) > _LARGEST_EXACT and not _is_double(found):
        what = f'the editor rounds the number in "{name}" of "{title}", as it is larger than 2^53'
        written.say(name, what, "choose a smaller number, such as a seed of up to 15 digits")
    return found


def _is_double(value: int) -> bool:
    try:
        return int(float(value)) == value
    except OverflowError:
        return False


def _is_filled(prefix: str) -> bool:
    """Whether there is %date:...% or %Node.widget% in a file name."""
    return any("." in part or part.startswith("date:") for part in prefix.split("%")[1::2])


def _json(value: Value) -> Any:
    if isinstance(value, Asset):
        return value.name
    if isinstance(value, Secret):
        return str(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def size_of(written: Written) -> tuple[int, int]:
    """Width and height of a node below its title bar, no smaller than the editor would make it."""
    # Editors of before 2025-04 give a widget that is linked a row of its own.
    lines = max(len(written.inputs) + written.spare, len(written.outputs))
    widgets = written.rows + len(written.areas)
    width = max(
        _LEAST_WIDTH if widgets else 200,
        _text_width(written.title) + 50,
        _widest(written.inputs) + _widest([name for name, _ in written.outputs]) + 50,
    )
    height = _ROW * lines + _WIDGET * written.rows + (14 if widgets else 8)
    if written.areas:
        width = max(width, _TEXT_WIDTH)
        height += sum(_area(text, width) for text in written.areas)
    if _shows_picture(written.declared):
        width, height = max(width, 320), height + _PICTURE
    return round(width), math.ceil(height)


def _area(text: str, width: float) -> int:
    """The height of an area of text: enough for what is in it, within reason."""
    lines = sum(1 + _text_width(line) // (width - 40) for line in text[:2000].split("\n")[:12])
    return int(max(_AREA + 16, min(18 * lines + 24, 240)))


def _shows_picture(declared: NodeType | None) -> bool:
    if declared is None:
        return False
    inputs = declared.inputs.values()
    loads = any(each.config.get("image_upload") or each.config.get("video_upload") for each in inputs)
    models = any(each.type.startswith("LOAD_3D") or each.name == "model_file" for each in inputs)
    return loads or models or (declared.is_output and any(each.type in _SHOWN_TYPES for each in inputs))


def _widest(names: Sequence[str]) -> float:
    return max(map(_text_width, names), default=0)


def _text_width(text: str) -> float:
    """About how wide a text is in the editor, rather more than less: fonts differ."""
    return sum(map(_sign_width, text[:300]))


def _sign_width(sign: str) -> float:
    if sign.isascii():
        return 11.5 if sign.isupper() or sign in "mw@%" else 5 if sign in "iljtf.,:;'|!() " else 8.5
    return 16 if unicodedata.east_asian_width(sign) in "WFA" else 9.5


def slots_of(written: Written) -> Iterator[dict[str, Any]]:
    """The inputs as UI JSON has them, without their links."""
    for socket in written.sockets:
        slot: dict[str, Any] = {"name": socket.name, "type": socket.type, "link": None}
        yield {**slot, "shape": 7} if socket.optional else slot
    for widget in written.converted:
        yield {"name": widget.name, "type": widget.type, "link": None, "widget": {"name": widget.name}}

"""The editor's JSON as a graph: what ComfyUI's web editor would send to the server, told without a browser."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, cast

from ..catalog.pinned import Catalog
from ..catalog.widgets import NEWER, Editor
from ..diagnostics import Diagnostic, Path, Place, Text, did_you_mean, edit_distance, nearest
from ..graph import Graph, Link, Node, Value
from .broken import BROKEN_WORKFLOW, Findings
from .ui_groups import group_definition, group_of
from .ui_links import SILENCED, VIRTUAL, Held, follow
from .ui_promoted import NOTHING, promote
from .ui_rules import (
    DRAWN,
    EDITOR_SLIP,
    FILLED_LATER,
    IGNORED_VALUES,
    KEPT_UNKNOWN,
    LOST_INPUT,
    MISFIT_VALUE,
    PICKED,
    UNKNOWN_CLASS,
)
from .ui_scopes import (
    BYPASSED,
    MUTED,
    SUBGRAPH_CYCLE,
    Definition,
    RawNode,
    Scope,
    root_of,
    subgraphs_of,
)
from .ui_texts import as_text, chosen, filled_in, is_dynamic
from .ui_values import CONTROLS, RENAMED, Plan, Seat, Seated, held, plan_of, seated

MAX_NODES = 50_000
INPUT_SIZE = 128  # what an input counts for
MAX_SIZE = 64 * 2**20  # of all values in subgraphs: one that a file holds once can be used thousands of times
MAX_DEPTH = 32
_DRAWN = {"Load3D": "image", "Load3DAnimation": "image", "WebcamCapture": "image"}


@dataclass
class UiReader:
    """Reads workflows of the editor against a catalog, as one generation of the editor would; it learns as it goes."""

    catalog: Catalog
    editor: Editor = NEWER
    _plans: dict[str, Plan | None] = field(default_factory=dict)

    def read(
        self, document: Mapping[str, Any], source: Text | None = None, *, keep_unknown: bool = False
    ) -> tuple[Graph | None, list[Diagnostic]]:
        """The graph of a parsed workflow, with what is wrong in it; None where it is too broken to have one."""
        return _Reading(self, document, Findings(source), keep_unknown).graph()

    def plan(self, kind: str) -> Plan | None:
        """How to read the nodes of a class; None where the catalog has none of that name."""
        if kind not in self._plans:
            name = RENAMED.get(kind, kind)
            raw = self.catalog.raw.get(kind) or self.catalog.raw.get(name)
            self._plans[kind] = None if raw is None else plan_of(name if raw is not None else kind, raw, self.editor)
        return self._plans[kind]


class _Reading:
    """One workflow being read."""

    def __init__(self, reader: UiReader, document: Mapping[str, Any], findings: Findings, keep_unknown: bool) -> None:
        self.editor, self.plan = reader.editor, reader.plan
        self.catalog, self.document, self.findings = reader.catalog, document, findings
        self.keep_unknown = keep_unknown
        self.definitions: dict[str, Definition] = {}
        self.nodes: dict[str, Node] = {}
        self.size = self.scopes = self.steps = 0
        self.chosen: dict[str, tuple[str, bool]] = {}
        self.root: Scope | None = None

    def graph(self) -> tuple[Graph | None, list[Diagnostic]]:
        names = self._slot_names if self.editor == NEWER else None
        self.definitions = subgraphs_of(self.document, self.findings, names)
        definition = root_of(self.document, self.findings, names)
        if definition is None:
            return None, self.findings.found
        self._take_groups(definition)
        self.root = Scope(definition)
        self._emit(self.root)
        if len(self.nodes) >= MAX_NODES or self.scopes >= MAX_NODES:
            self.findings.add(BROKEN_WORKFLOW, (), f"the workflow has more than {MAX_NODES:,} nodes")
        if self.size >= MAX_SIZE:
            message = f"the nodes in its subgraphs hold more than {MAX_SIZE:,} characters"
            self.findings.add(BROKEN_WORKFLOW, (), message)
        return Graph(self.nodes), self.findings.found

    def _take_groups(self, root: Definition) -> None:
        for id, node in root.nodes.items():
            group = group_of(self.document, node) if node["type"].startswith("workflow") else None
            if group is not None and self.scopes < MAX_NODES:
                self.scopes += len(group.get("nodes") or ()) if isinstance(group.get("nodes"), list) else 0
                definition = group_definition(group, node, root.path, self.plan, self.findings)
                if definition is not None:
                    self.definitions[f"group node {id}"] = definition
                    root.nodes[id] = {**node, "type": f"group node {id}", "widgets_values": []}

    def _emit(self, scope: Scope) -> None:
        for id, node in scope.definition.nodes.items():
            kind = node["type"]
            if max(len(self.nodes), self.scopes) >= MAX_NODES or self.size >= MAX_SIZE:
                return
            if scope.parent is not None:
                self.size += INPUT_SIZE * len(node.get("inputs") or ())
            if kind in VIRTUAL:
                continue
            silent = node.get("mode") in (MUTED, BYPASSED)
            if self.definitions and kind in self.definitions:
                # The newer editor leaves out what lies in a silent instance at the root, and only there.
                left_out = silent and self.editor == NEWER and scope.parent is None
                if not left_out and (inner := self.child(scope, id)) is not None:
                    self._emit(inner)
            elif not silent:
                plan = self.plan(kind)
                self._known(scope, id, node, plan) if plan is not None else self._unknown(scope, id, node)

    def _known(self, scope: Scope, id: str, node: RawNode, plan: Plan) -> None:
        inputs: dict[str, Value] = {}
        values = node.get("widgets_values")
        if type(values) is list and len(values) == len(plan.seats) and not plan.dynamic and plan.holes is None:
            seats = plan.seats
        else:
            found = seated(plan, values)
            seats, values = tuple(found.seats), found.values
            if found.surplus and plan.seats:
                self._ignored(scope, id, plan, values, found)
        for seat, value in zip(seats, values, strict=True):
            if seat.sent:
                inputs[seat.name] = value if seat.plain else self._sent(scope, id, plan, seat, value)
        for name, value in plan.rest:
            inputs[name] = value
        if scope.given:
            _take_given(scope, id, seats, inputs)
        for slot in node.get("inputs") or ():
            if slot.get("link") is not None:
                self._link(scope, id, plan, slot, seats, inputs)
        for seat in seats:
            if seat.sent and seat.name in inputs and not seat.takes(inputs[seat.name]):
                self._misfit(scope, id, plan, seat, inputs[seat.name])
        if plan.type in _DRAWN:
            self._drawn(scope, id, plan)
        title = node.get("title")
        self._add(scope, id, node, plan.type, inputs, title if title and isinstance(title, str) else plan.title)

    def _add(self, scope: Scope, id: str, node: RawNode, kind: str, inputs: dict[str, Value], title: str) -> None:
        full = scope.prefix + id
        path = scope.definition.node_path(id)
        if full in self.nodes:
            self.findings.add(BROKEN_WORKFLOW, (*path, "id"), f'the id "{full}" is that of a node in a subgraph, too')
            return
        if scope.parent is not None:
            self.size += len(full) + len(title) + _size(inputs)
        origins: tuple[Place, ...] = ()
        places: Mapping[str, Place] = {}
        if self.findings.source is not None:
            origins = (Place(self.findings.source, (*path, "type")),)
            places = _Places(self.findings.source, path, node, self.plan(node["type"]))
        self.nodes[full] = Node(full, kind, inputs, title, "", origins, places)

    def _link(
        self,
        scope: Scope,
        id: str,
        plan: Plan,
        slot: Mapping[str, Any],
        seats: tuple[Seat, ...],
        inputs: dict[str, Value],
    ) -> None:
        name = slot["name"]
        wanted = plan.slots.get(name)
        if wanted is None:
            if slot.get("widget") and "." not in name:
                self._lost(scope, id, plan, name)
                return
            wanted = slot.get("type")
            wanted = wanted if isinstance(wanted, str) else "COMBO" if isinstance(wanted, list) else "*"
        found = follow(self, scope, slot["link"], wanted, id)
        if found.__class__ is Link:
            inputs[name] = found
        elif isinstance(found, Held):
            seat = next((each for each in seats if each.name == name), None)
            if seat is not None and found.raw:
                unset = found.value is None and seat.widget.type == "COMBO" and self.editor == NEWER
                inputs[name] = seat.widget.default if unset else found.value
                if self.editor != NEWER and seat.widget.multiline:
                    inputs[name] = as_text(found.value)
            elif seat is not None:
                value = held(seat.widget, found.value)
                inputs[name] = value if seat.plain else self._sent(scope, id, plan, seat, value)
        elif found is SILENCED:
            inputs.pop(name, None)

    def _sent(self, scope: Scope, id: str, plan: Plan, seat: Seat, value: Any) -> Value:
        """A value as the editor sends it."""
        widget = seat.widget
        if widget.multiline and not isinstance(value, str):
            value = as_text(value)
        if widget.multiline and self.editor != NEWER and "\r" in value:
            value = value.replace("\r\n", "\n").replace("\r", "\n")
        if widget.type == "COMBO" and value is None and self.editor == NEWER:
            return cast(Value, widget.default)
        if not isinstance(value, str):
            return cast(Value, value)
        if widget.dynamic and is_dynamic(value):
            given = value
            if value not in self.chosen:  # a text in a subgraph is read once, however often it is used
                self.chosen[value] = chosen(value)
            value, choice = self.chosen[value]
            if value.endswith("\\undefined") and not given.endswith("\\undefined"):
                message = f'the editor sends "{seat.name}" with "undefined" at its end, for the backslash there'
                path = self._value_path(scope, id, plan, seat)
                self.findings.add(EDITOR_SLIP, path, message, "take the backslash away")
            if choice:
                message = f'"{seat.name}" leaves a choice; the first of each is taken here'
                self.findings.add(
                    PICKED, self._value_path(scope, id, plan, seat), message, "write one of them, or make it an input"
                )
        elif seat.name == "filename_prefix" and "%" in value:
            value = self._filled(scope, id, plan, seat, value)
        elif seat.name == "sampler_name" and value.startswith("sample_"):
            value = value.removeprefix("sample_")
        return str(value)

    def _filled(self, scope: Scope, id: str, plan: Plan, seat: Seat, text: str) -> str:
        filled, left = filled_in(text, self._widget_value)
        for each in left:
            self.findings.add(
                FILLED_LATER,
                self._value_path(scope, id, plan, seat),
                f'only the editor fills in "{each}", and a server leaves it as it is',
                "write yyyy, MM, dd, hh, mm and ss, which a server fills in, too",
            )
        return filled

    def _widget_value(self, wanted: str, widget: str) -> object:
        """The value of a widget of the node that is called so, by its class or else by its title."""
        node = self._named.get(wanted)
        plan = self.plan(node["type"]) if node else None
        if node is None or plan is None:
            return None
        found = seated(plan, node.get("widgets_values"))
        return next((v for s, v in zip(found.seats, found.values, strict=True) if s.name == widget), None)

    @cached_property
    def _named(self) -> Mapping[str, RawNode]:
        """The first node of each name: the class that it is searched by, or else its title."""
        assert self.root is not None
        parts = (self.root.definition, *self.definitions.values())
        nodes = [node for part in parts for node in part.nodes.values()]
        found: dict[str, RawNode] = {}
        for name_of in (_search_name, _title):
            found.update({name: node for node in reversed(nodes) if (name := name_of(node)) and name not in found})
        return found

    def child(self, scope: Scope, id: str) -> Scope | None:
        """The inside of a node that is an instance of a subgraph; None where it is none."""
        if id in scope.children:
            return scope.children[id]
        node = scope.definition.nodes[id]
        definition = self.definitions.get(node["type"])
        inner = None
        if definition is not None:
            path = (*scope.definition.node_path(id), "type")
            if scope.holds(definition):
                message = f'the subgraph "{definition.name}" holds itself'
                self.findings.add(SUBGRAPH_CYCLE, path, message, "take this node out of it")
            elif scope.depth >= MAX_DEPTH:
                self.findings.add(BROKEN_WORKFLOW, path, f"subgraphs lie more than {MAX_DEPTH} deep in each other")
            elif self.scopes < MAX_NODES:
                self.scopes += 1
                inner = Scope(definition, f"{scope.prefix}{id}:", scope, node)
        scope.children[id] = inner
        if inner is not None:
            promote(self, inner, id)
        return inner

    def promoted(self, scope: Scope, slot: int) -> Held | None:
        """What an instance sets an input of its subgraph to, if it sets it."""
        value = scope.promoted.get(slot, NOTHING) if scope.promoted else NOTHING
        return None if value is NOTHING else Held(value, raw=True)

    def _slot_names(self, node: RawNode) -> list[str]:
        return [name for name, _, _ in self.slots(node)]

    def slots(self, node: RawNode) -> list[tuple[str, str, Any]]:
        """The inputs of a node in the editor's order: name, type, link."""
        own = {slot["name"]: slot for slot in node.get("inputs") or ()}
        kinds = {name: str(slot.get("type", "*")) for name, slot in own.items()}
        plan = self.plan(node["type"])
        if plan is not None:
            kinds = {**plan.slots, **{name: kind for name, kind in kinds.items() if name not in plan.slots}}
        elif node["type"] in self.definitions:
            inputs = self.definitions[node["type"]].inputs
            first = {str(each.get("name")): str(each.get("type", "*")) for each in inputs}
            kinds = {**first, **{name: kind for name, kind in kinds.items() if name not in first}}
        return [(name, kind, own[name].get("link") if name in own else None) for name, kind in kinds.items()]

    def output_type(self, node: RawNode, slot: int) -> str:
        """The type of an output."""
        plan = self.plan(node["type"])
        if plan is not None and 0 <= slot < len(plan.outputs):
            return plan.outputs[slot]
        outputs = node.get("outputs") or ()
        given = outputs[slot] if 0 <= slot < len(outputs) else None
        kind = given.get("type") if isinstance(given, dict) else None
        return kind if isinstance(kind, str) else "*"

    def _unknown(self, scope: Scope, id: str, node: RawNode) -> None:
        """A node of a class that the catalog lacks: its links are sure, its values are where the file names them."""
        kind = node["type"]
        values, sure = _named_values(node)
        inputs: dict[str, Value] = dict(values)
        for slot in node.get("inputs") or ():
            if slot.get("link") is not None:
                wanted = slot.get("type")
                found = follow(self, scope, slot["link"], wanted if isinstance(wanted, str) else "*", id)
                if found.__class__ is Link:
                    inputs[slot["name"]] = found
                elif isinstance(found, Held) and slot.get("widget"):
                    inputs[slot["name"]] = found.value
        path = (*scope.definition.node_path(id), "type")
        if self.keep_unknown:
            how = "its values are named after its inputs" if sure else "which values are which is not known"
            if not node.get("widgets_values"):
                how = "it has no values"
            self.findings.add(KEPT_UNKNOWN, path, f'"{kind}" is not in the catalog and was kept: {how}')
        else:
            message, help = f'there is no node "{kind}" in the catalog', self._help_for(node)
            self.findings.add(UNKNOWN_CLASS, path, message, help)
        title = node.get("title")
        self._add(scope, id, node, kind, inputs, title if title and isinstance(title, str) else kind)

    def _help_for(self, node: RawNode) -> str:
        kind = node["type"]
        near = nearest(kind, self.catalog.names())
        if near and edit_distance(near.casefold(), kind.casefold()) <= 2:
            return f'did you mean "{near}"?'
        properties = node.get("properties")
        pack = properties.get("cnr_id") or properties.get("aux_id") if isinstance(properties, dict) else None
        of = f' of "{pack}"' if isinstance(pack, str) else ""
        return f"give --catalog the /object_info of a server that has the node{of}, or keep it with --keep-unknown"

    def _value_path(self, scope: Scope, id: str, plan: Plan, seat: Seat) -> Path:
        node, path = scope.definition.nodes[id], scope.definition.node_path(id)
        found = seated(plan, node.get("widgets_values"))
        places = {each.name: at for each, at in zip(found.seats, found.positions, strict=True)}
        at = places.get(seat.name)
        return (*path, "type") if at is None else (*path, "widgets_values", at)

    def _lost(self, scope: Scope, id: str, plan: Plan, name: str) -> None:
        self.findings.add(
            LOST_INPUT,
            (*scope.definition.node_path(id), "type"),
            f'"{plan.type}" has no input "{name}" in this catalog, and its link is left out',
            "give --catalog the /object_info of the server that the workflow is for",
        )

    def _ignored(self, scope: Scope, id: str, plan: Plan, values: Any, found: Seated) -> None:
        path = (*scope.definition.node_path(id), "widgets_values")
        many = found.surplus
        if any(isinstance(at, str) for at in found.positions):
            message = f'{many} of the values are no widgets of "{plan.type}"'
        elif all(at is None for at in found.positions):
            message = f'the values of "{plan.type}" stand by name, which the editor ignores: all are at their defaults'
        else:
            count = len(found.seats)
            left = "the last of the values is" if many == 1 else f"the last {many} of the values are"
            message = f'"{plan.type}" has {count} widget{"" if count == 1 else "s"} here; {left} left out'
        self.findings.add(IGNORED_VALUES, path, message)

    def _misfit(self, scope: Scope, id: str, plan: Plan, seat: Seat, value: Value) -> None:
        if value.__class__ is Link:
            return
        message = f'"{seat.name}" of "{plan.type}" cannot be {_shortened(value)}'
        help = (
            did_you_mean(value, map(str, seat.options), "it can be") if seat.options and isinstance(value, str) else ""
        )
        help = help or f"{_KINDS.get(seat.widget.type, 'one of its options')} belongs here"
        self.findings.add(MISFIT_VALUE, self._value_path(scope, id, plan, seat), message, help)

    def _drawn(self, scope: Scope, id: str, plan: Plan) -> None:
        name = _DRAWN[plan.type]
        message = (
            f'the editor draws the "{name}" of "{plan.type}" when it sends the workflow; the file does not hold it'
        )
        path = (*scope.definition.node_path(id), "type")
        self.findings.add(DRAWN, path, message, "load a picture in its place")


def _take_given(scope: Scope, id: str, seats: tuple[Seat, ...], inputs: dict[str, Value]) -> None:
    """Values that the instance of the subgraph shows and sets in the nodes of it."""
    for seat in seats:
        if seat.sent and (id, seat.name) in scope.given:
            inputs[seat.name] = scope.given[id, seat.name]


_KINDS = {"INT": "a number", "FLOAT": "a number", "BOOLEAN": "true or false", "STRING": "text"}


def _shortened(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "..."


def _size(value: object) -> int:
    """About how many characters a value has when it is written."""
    if type(value) is str:
        return len(value)
    if type(value) is dict:
        return sum(INPUT_SIZE + len(name) + _size(each) for name, each in value.items())
    return sum(INPUT_SIZE + _size(each) for each in value) if type(value) is list else 4


def _search_name(node: RawNode) -> str:
    properties = node.get("properties")
    return _text(properties.get("Node name for S&R")) if isinstance(properties, dict) else ""


def _title(node: RawNode) -> str:
    return _text(node.get("title"))


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _named_values(node: RawNode) -> tuple[dict[str, Value], bool]:
    """The values of a node of an unknown class by input, and whether the file says which is which.

    Newer files keep a socket for each widget, in the order of the values.
    """
    values = node.get("widgets_values")
    if isinstance(values, dict):
        return dict(values), True
    if not isinstance(values, list):
        return {}, True
    names = [slot["name"] for slot in node.get("inputs") or () if slot.get("widget")]
    found: dict[str, Value] = {}
    left = list(values)
    for name in names:
        if not left:
            break
        found[name] = left.pop(0)
        if name in ("seed", "noise_seed") and left and left[0] in CONTROLS:
            left.pop(0)
    if len(found) == len(names) and left in ([], ["image"], [""]):
        return found, True
    return {"UNKNOWN" if n == 0 else f"UNKNOWN_{n}": value for n, value in enumerate(values)}, False


class _Places(Mapping[str, Place]):
    """Where each input of a node stands in the file, found only when it is asked for."""

    def __init__(self, source: Text, path: Path, node: RawNode, plan: Plan | None) -> None:
        self._parts = (source, path, node, plan)

    def _found(self) -> dict[str, Place]:
        source, path, node, plan = self._parts
        found: dict[str, Place] = {}
        if plan is not None:
            values = seated(plan, node.get("widgets_values"))
            for seat, at in zip(values.seats, values.positions, strict=True):
                if at is not None:
                    found[seat.name] = Place(source, (*path, "widgets_values", at))
        for n, slot in enumerate(node.get("inputs") or ()):
            if slot.get("link") is not None:
                found[slot["name"]] = Place(source, (*path, "inputs", n, "link"))
        return found

    def __getitem__(self, name: str) -> Place:
        return self._found()[name]

    def __contains__(self, name: object) -> bool:
        return name in self._found()

    def __iter__(self) -> Iterator[str]:
        return iter(self._found())

    def __len__(self) -> int:
        return len(self._found())

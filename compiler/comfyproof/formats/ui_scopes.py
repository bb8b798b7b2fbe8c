"""The parts of the editor's JSON, taken apart: nodes and links of the root, of subgraphs and of group nodes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from ..diagnostics import Path, Rule, Severity
from .broken import BROKEN_WORKFLOW, Findings

RawNode = dict[str, Any]

LOOSE_LINK = Rule(
    "CP112",
    "loose-link",
    Severity.WARNING,
    "A link that an input asks for is not in the workflow's table of links. Newer editors leave the input "
    "unconnected without a word, older ones refuse the whole workflow.",
)
SUBGRAPH_CYCLE = Rule(
    "CP113",
    "subgraph-cycle",
    Severity.ERROR,
    "A subgraph holds itself, directly or through others.",
)
RULES = (LOOSE_LINK, SUBGRAPH_CYCLE)

# What the links of a subgraph call its own inputs.
INPUT_SIDE = "-10"
MUTED, BYPASSED = 2, 4


@dataclass(slots=True)
class Definition:
    """A row of nodes with the links between them; `inputs` and `outputs` are a subgraph's own.

    `links` maps the id of a link to the node it comes from, as text, and the output there, `targets` to the node
    and the index of the input that the table says it goes to.
    """

    path: Path
    name: str
    nodes: dict[str, RawNode]
    links: dict[Any, tuple[str, int]]
    places: dict[str, int]
    inputs: list[dict[str, Any]] = field(default_factory=list)
    outputs: list[dict[str, Any]] = field(default_factory=list)
    targets: dict[Any, tuple[str, Any]] = field(default_factory=dict)
    _named: dict[str, list[int]] | None = None

    def inputs_named(self, name: Any) -> Sequence[int]:
        """Which of a subgraph's inputs have a name."""
        if self._named is None:
            self._named = {}
            for n, each in enumerate(self.inputs):
                if isinstance(own := each.get("name"), str):
                    self._named.setdefault(own, []).append(n)
        return self._named.get(name, ()) if isinstance(name, str) else ()

    def node_path(self, id: str) -> Path:
        """Where a node stands in the file."""
        return (*self.path, "nodes", self.places.get(id, 0))


@dataclass(slots=True, eq=False)
class Scope:
    """One use of a definition: the root, or an instance of a subgraph in the scope above it."""

    definition: Definition
    prefix: str = ""
    parent: Scope | None = None
    instance: RawNode | None = None
    children: dict[str, Scope | None] = field(default_factory=dict)
    promoted: dict[int, Any] | None = None
    given: dict[tuple[str, str], Any] = field(default_factory=dict)
    _outer: dict[str, Mapping[str, Any]] | None = None

    def outer(self, name: Any) -> Mapping[str, Any] | None:
        """The instance's own input of a name, the first of them."""
        if self._outer is None:
            slots = self.instance.get("inputs") or () if self.instance else ()
            self._outer = {slot["name"]: slot for slot in reversed(slots)}
        return self._outer.get(name) if isinstance(name, str) else None

    @property
    def depth(self) -> int:
        """How many definitions deep it is."""
        return 0 if self.parent is None else self.parent.depth + 1

    def holds(self, definition: Definition) -> bool:
        """Whether it is, or lies in, a use of a definition."""
        scope: Scope | None = self
        while scope is not None:
            if scope.definition is definition:
                return True
            scope = scope.parent
        return False


# The names of a node's inputs in the editor's order, by which the table of links counts them.
Names: TypeAlias = Callable[[RawNode], list[str]]


def root_of(document: Mapping[str, Any], findings: Findings, names: Names | None) -> Definition | None:
    """The nodes and links of the workflow itself; None where it has none.

    With `names`, links that only the table knows are put into the inputs they go to, as newer editors do.
    """
    return _definition(document, (), "", findings, names)


def subgraphs_of(document: Mapping[str, Any], findings: Findings, names: Names | None) -> dict[str, Definition]:
    """The definitions of subgraphs by their ids; `names` as for the root."""
    part = document.get("definitions")
    listed = part.get("subgraphs") if isinstance(part, dict) else None
    if listed is None:
        return {}
    if not isinstance(listed, list):
        findings.add(BROKEN_WORKFLOW, ("definitions", "subgraphs"), "the definitions of subgraphs must be a list")
        return {}
    found: dict[str, Definition] = {}
    for n, raw in enumerate(listed):
        path: Path = ("definitions", "subgraphs", n)
        if not isinstance(raw, dict) or not isinstance(raw.get("id"), str):
            findings.add(BROKEN_WORKFLOW, path, "a subgraph must be a mapping with an id")
            continue
        definition = _definition(raw, path, str(raw.get("name") or raw["id"]), findings, names)
        if definition is not None:
            definition.inputs = list(_slots(raw, "inputs", path, findings))
            definition.outputs = list(_slots(raw, "outputs", path, findings))
            found[raw["id"]] = definition
    return found


def _definition(
    raw: Mapping[str, Any], path: Path, name: str, findings: Findings, names: Names | None
) -> Definition | None:
    listed = raw.get("nodes")
    if not isinstance(listed, list):
        findings.add(BROKEN_WORKFLOW, path, 'the workflow has no list of "nodes"')
        return None
    nodes: dict[str, RawNode] = {}
    places: dict[str, int] = {}
    wanted: set[Any] = set()
    for n, node in enumerate(listed):
        problem = _problem_of(node)
        if problem:
            findings.add(BROKEN_WORKFLOW, (*path, "nodes", n), problem)
            continue
        id = str(node["id"])
        if id in nodes:
            findings.add(BROKEN_WORKFLOW, (*path, "nodes", n, "id"), f'the id "{id}" is there twice')
            continue
        nodes[id], places[id] = node, n
        for slot in node.get("inputs") or ():
            if (link := slot.get("link")) is not None:
                wanted.add(link)
    definition = Definition(path, name, nodes, {}, places)
    _read_links(raw, definition, findings)
    if names and len(wanted) != len(definition.targets):
        _repair(definition, wanted, names)
    return definition


def _problem_of(node: Any) -> str:
    """Why a node cannot be read, if it cannot."""
    if not isinstance(node, dict):
        return "a node must be a mapping"
    if not isinstance(node.get("id"), int | str) or isinstance(node["id"], bool):
        return 'the node has no "id" that is a number or text'
    if not isinstance(node.get("type"), str):
        return 'the node has no "type"'
    slots = node.get("inputs")
    if slots is not None:
        if not isinstance(slots, list):
            return 'the "inputs" of the node must be a list'
        for slot in slots:
            if type(slot) is not dict or not isinstance(slot.get("name"), str):
                return 'each of the "inputs" of the node must be a mapping with a name'
            if not isinstance(slot.get("link"), int | str | None):
                return f'the "link" of the input "{slot["name"]}" must be the id of a link'
    if not isinstance(node.get("outputs"), list | None):
        return 'the "outputs" of the node must be a list'
    return ""


def _read_links(raw: Mapping[str, Any], definition: Definition, findings: Findings) -> None:
    listed = raw.get("links")
    if listed is None:
        return
    path: Path = (*definition.path, "links")
    if not isinstance(listed, list):
        findings.add(BROKEN_WORKFLOW, path, 'the "links" must be a list')
        return
    links, targets = definition.links, definition.targets
    for n, link in enumerate(listed):
        if type(link) is list and len(link) >= 5:
            id, origin, slot, target, target_slot = link[:5]
        elif type(link) is dict:
            id, origin, slot = link.get("id"), link.get("origin_id"), link.get("origin_slot")
            target, target_slot = link.get("target_id"), link.get("target_slot")
        else:
            findings.add(BROKEN_WORKFLOW, (*path, n), "a link must be a list of six parts, or a mapping")
            continue
        if type(id) not in _ID or type(origin) not in _ID or type(target) not in _ID or type(slot) is not int:
            findings.add(BROKEN_WORKFLOW, (*path, n), "a link must name its id, both of its nodes and the output")
            continue
        links[id] = (str(origin), slot)
        targets[id] = (str(target), target_slot)


_ID = (int, str)


def _repair(definition: Definition, wanted: set[Any], names: Names) -> None:
    lost: dict[str, list[tuple[Any, int]]] = {}
    for id, (target, slot) in definition.targets.items():
        if id not in wanted and target in definition.nodes and type(slot) is int:
            lost.setdefault(target, []).append((id, slot))
    for target, links in lost.items():
        node = definition.nodes[target]
        known = names(node)
        own = {each["name"]: each for each in node.get("inputs") or ()}
        for id, slot in links:
            name = known[slot] if 0 <= slot < len(known) else None
            if name is not None and own.get(name, {}).get("link") is None:
                own[name] = {**own.get(name, {"name": name}), "link": id}
        definition.nodes[target] = {**node, "inputs": list(own.values())}


def _slots(raw: Mapping[str, Any], side: str, path: Path, findings: Findings) -> Iterator[dict[str, Any]]:
    listed = raw.get(side)
    if not isinstance(listed, list | None):
        findings.add(BROKEN_WORKFLOW, (*path, side), f'the "{side}" of a subgraph must be a list')
        return
    for n, slot in enumerate(listed or ()):
        links = slot.get("linkIds") if isinstance(slot, dict) else 0
        if not isinstance(links, list | None) or not all(type(each) in _ID for each in links or ()):
            findings.add(BROKEN_WORKFLOW, (*path, side, n), f'each of the "{side}" must be a mapping with links')
            yield {}
        else:
            yield slot

"""Which server can run what, and what keeps it from the others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from ..catalog.files import FILE_INPUTS
from ..catalog.listing import NO_MODELS
from ..catalog.pinned import Catalog
from ..diagnostics import Severity
from ..graph import Asset, Graph, Link
from ..plan.calibration import Calibration
from ..plan.contract import MAY_NOT_FIT, WILL_NOT_FIT, WILL_PAGE, Contract, judged
from ..plan.given import plan_of
from ..plan.machine import Machine
from ..run.prepare import held
from ..run.problems import clean
from ..run.rules import UNREADABLE_INPUT, UNSET_SECRET
from .needs import Needs, needs_of
from .servers import Server
from .survey import Surveyed, as_slashes

if TYPE_CHECKING:
    from ..weights.shelf import Shelf

Lack: TypeAlias = Literal["away", "class", "input", "file", "choice", "refused", "memory"]
# What every job has in its own way, and what takes no memory.
_FREE = ("seed", "noise_seed")


class Unplaced(NamedTuple):
    """What keeps a server from running something: of what kind, which name, and why in a sentence.

    `sure` is false where it rests on a guess: the server may be used where there is no other.
    """

    server: str
    kind: Lack
    name: str
    reason: str
    help: str = ""
    sure: bool = True


def unplaced(needs: Needs, seen: Surveyed) -> tuple[Unplaced, ...]:
    """All that a server lacks of what is needed; nothing where it lacks nothing. Memory does not count."""
    return tuple(_lacking(needs, seen))


def _lacking(needs: Needs, seen: Surveyed) -> Iterator[Unplaced]:
    server = seen.server.name
    if not seen.reachable:
        yield Unplaced(server, "away", "", f'"{server}" {seen.problem}', seen.help)
        return
    there = {*seen.catalog.raw, *seen.catalog.left_out}
    for name in sorted(needs.classes - there):
        yield Unplaced(server, "class", name, f'"{server}" lacks the node class "{name}"')
    for kind, input_name in sorted(needs.inputs):
        declared = seen.catalog.get(kind)
        if declared is not None and input_name not in declared.inputs:
            # It would be accepted, and what was meant by it ignored.
            yield Unplaced(server, "input", input_name, f'the "{kind}" of "{server}" has no input "{input_name}"')
    told = set()
    for kind, input_name, value in sorted(needs.files):
        listed = seen.lists(kind, input_name)
        folder = FILE_INPUTS[kind][input_name]
        if listed is None or as_slashes(value) in listed or (folder, value) in told:
            continue
        told.add((folder, value))
        what = "file" if folder in NO_MODELS else "model"
        other = _elsewhere(value, listed)
        help = f'it has "{clean(other, 200)}"' if other else ""
        yield Unplaced(server, "file", value, f'"{server}" lacks the {what} "{value}" ({folder})', help)
    for kind, input_name, value in sorted(needs.choices):
        listed = seen.lists(kind, input_name)
        if listed is not None and as_slashes(value) not in listed:
            reason = f'"{server}" does not know "{value}" for "{input_name}" of "{kind}"'
            yield Unplaced(server, "choice", value, reason)


def _elsewhere(name: str, listed: Iterable[str]) -> str:
    """The same file in another folder."""
    base = as_slashes(name).rpartition("/")[2]
    return min((each for each in listed if each.rpartition("/")[2] == base), default="")


@dataclass
class Placement:
    """Where graphs can run: each kind of graph is held against each server once.

    `catalog` is what the graphs were compiled against, and `calibration` what was learned of cards. `problems` are
    model folders of the settings that could not be read, a sentence each.
    """

    seen: Sequence[Surveyed]
    catalog: Catalog
    calibration: Calibration = field(default_factory=Calibration)
    problems: list[str] = field(default_factory=list)
    _needs: dict[tuple[Needs, str], tuple[Unplaced, ...]] = field(default_factory=dict)
    _memory: dict[tuple[Any, Machine, int], Unplaced | None] = field(default_factory=dict)
    _shelves: dict[str, Shelf | None] = field(default_factory=dict)

    def of(self, graph: Graph, needs: Needs | None = None) -> Mapping[str, tuple[Unplaced, ...]]:
        """By server, what keeps it from running a graph; nothing where it can."""
        needs = needs or needs_of(graph, self.catalog)
        shape = shape_of(graph, needs)
        return {each.server.name: self._on(graph, needs, shape, each) for each in self.seen}

    def servers(self, graph: Graph, needs: Needs | None = None) -> tuple[str, ...]:
        """The servers that can run a graph; where there are none, those of which only a guess says that they cannot."""
        found = self.of(graph, needs)
        able = tuple(name for name, lacking in found.items() if not lacking)
        return able or tuple(name for name, lacking in found.items() if not any(each.sure for each in lacking))

    def _on(self, graph: Graph, needs: Needs, shape: Any, seen: Surveyed) -> tuple[Unplaced, ...]:
        name = seen.server.name
        if (needs, name) not in self._needs:
            self._needs[needs, name] = unplaced(needs, seen) or tuple(_refused(graph, seen))
        lacking = self._needs[needs, name]
        short = self._short(graph, shape, seen) if not lacking else None
        return (short,) if short else lacking

    def _short(self, graph: Graph, shape: Any, seen: Surveyed) -> Unplaced | None:
        """Whether a server has too little memory, as far as the plan tells."""
        if seen.machine is None:
            return None
        shelf = self._shelf(seen.server)
        key = (shape, seen.machine, id(shelf))
        if key not in self._memory:
            self._memory[key] = _too_small(graph, replace(self.catalog, shelf=shelf), seen.machine, self.calibration)
        found = self._memory[key]
        name = seen.server.name
        return found._replace(server=name, reason=f'"{name}" is too small: {found.reason}') if found else None

    def _shelf(self, server: Server) -> Shelf | None:
        """The model files of a server, where they are at hand."""
        if server.models is None:
            return self.catalog.shelf
        key = str(server.models)
        if key not in self._shelves:
            from ..weights.folders import BadTree
            from ..weights.shelf import read_shelf

            try:
                self._shelves[key] = read_shelf(key)
            except BadTree as problem:
                self._shelves[key] = None
                self.problems.append(f'the models of "{server.name}": {problem}')
        return self._shelves[key]


def _refused(graph: Graph, seen: Surveyed) -> Iterator[Unplaced]:
    """What a run there would find wrong before it sends anything."""
    _, findings, _ = held(graph, seen.catalog)
    name = seen.server.name
    for each in findings:
        # What is missing here is missing for every server, and told by the job.
        if each.rule.severity is Severity.ERROR and each.rule not in (UNREADABLE_INPUT, UNSET_SECRET):
            yield Unplaced(name, "refused", each.node, f'"{name}" would refuse it: {each.message}', each.help)


def _too_small(graph: Graph, catalog: Catalog, machine: Machine, calibration: Calibration) -> Unplaced | None:
    plan = plan_of(graph, catalog, machine, calibration)
    for finding in judged(plan, Contract(machine), lambda field: None):
        if finding.rule in (WILL_NOT_FIT, WILL_PAGE, MAY_NOT_FIT):
            sure = finding.rule is not MAY_NOT_FIT
            return Unplaced("", "memory", "", finding.message, finding.help, sure)
    return None


def shape_of(graph: Graph, needs: Needs) -> Any:
    """What a plan depends on of a graph: its nodes, links and numbers, but neither texts nor seeds. Hashable."""
    from ..containers.sizes import picture_size

    told = {value for _, _, value in (*needs.files, *needs.choices)}
    shape = []
    for id, node in graph.nodes.items():
        inputs: list[Any] = []
        for name, value in node.inputs.items():
            kept: Any = value
            if isinstance(value, Asset):
                kept = picture_size(value.path) if value.kind == "image" else value.name
            elif isinstance(value, str):
                kept = value if value in told else ""
            elif name in _FREE and not isinstance(value, Link):
                kept = 0
            elif isinstance(value, list | dict):
                kept = repr(value)
            inputs.append((name, kept))
        shape.append((id, node.type, tuple(inputs)))
    return tuple(shape)


def differing(seen: Sequence[Surveyed]) -> str:
    """That servers run different ComfyUIs, where they do: the same job may then give another picture."""
    versions: dict[str, list[str]] = {}
    for each in seen:
        if each.reachable:
            versions.setdefault(each.version or "an unknown version", []).append(f'"{each.server.name}"')
    if len(versions) < 2:
        return ""
    told = "; ".join(f"{version} on {', '.join(names)}" for version, names in sorted(versions.items()))
    return f"the servers run different ComfyUIs ({told}): which one runs a job may show in its picture"

"""Importing a workflow: the spec that compiles to it, proven by compiling it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path as FilePath

from .canonical import Meaning, declared_input, encoded, fingerprint
from .catalog.pinned import Catalog, built_in
from .diagnostics import Diagnostic, NotExamined, Path, Severity, has_errors, in_reading_order
from .formats.api import from_api, to_api
from .graph import Graph, Link, Node, Value
from .lift.as_python import dump_python
from .lift.as_yaml import dump_yaml
from .lift.graph import Lifted, lift
from .lift.limits import UNSAYABLE, called, sayable
from .lower import lower
from .passes.number import number_nodes
from .passes.pipeline import PASSES, run_passes
from .rules.registry import check, live_nodes
from .source import MAX_BYTES, Source, parse_source
from .spec.inputs import MISSING_FILE
from .spec.pipeline import Changes, read_spec

MAX_ROUNDS = 12  # of guesses refused one by one; then all at once
_EXACT = 2**53
_LEFT_OUT = "left out"


@dataclass(frozen=True)
class Imported:
    """A workflow as a spec.

    `equal` says whether it was proven that the spec compiles to the graph, after the same passes. `findings` are
    what keeps it from being equal, and what the rules find in the workflow, with places in the workflow's own text;
    `notes` say what the import left out, filled in or took for granted.
    """

    lifted: Lifted
    text: str
    graph: Graph
    equal: bool
    findings: tuple[Diagnostic, ...]
    not_examined: tuple[NotExamined, ...]
    notes: tuple[str, ...]
    comments: tuple[str, ...]

    def summary(self) -> str:
        """In one line how many nodes became stages, and how many are nodes still."""
        whole, nodes = len(self.graph.nodes), len(self.lifted.nodes)
        counts = {"stage": len(self.lifted.stages), "model": len(self.lifted.data.get("models", ()))}
        into = " and ".join(_counted(count, word) for word, count in counts.items() if count) or "inputs"
        inside = max(0, whole - nodes)
        parts = [*([f"{inside} in {into}"] if inside else []), *([f"{nodes} as nodes"] if nodes else [])]
        return f"{_counted(whole, 'node')}: {', '.join(parts) or 'none'}"

    def python(self) -> str | None:
        """The spec as a Python script; None where an input's name cannot be an argument's."""
        return dump_python(self.lifted.data, self.comments)


def _counted(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"


def spec_name(file: str) -> str:
    """What to call the spec of a workflow: as its file, without what only says which form that is in."""
    return shown_name(FilePath(file).stem.removesuffix(".api").removesuffix(".ui"))


def shown_name(name: str) -> str:
    """A file's name as text: Linux lets it be bytes that are none."""
    return name.encode(errors="backslashreplace").decode()


def import_graph(
    graph: Graph, catalog: Catalog, name: str, file: str, comments: Sequence[str] = (), *, stages: bool = True
) -> Imported:
    """The spec of a graph, with as many stages as can be proven; `file` is what findings in its text are shown in.

    What the graph is compared with is the graph after the passes that every spec goes through: defaults filled in,
    equal nodes one, and without what feeds no output.
    """
    unsayable: list[Diagnostic] = []
    wanted, notes = _prepared(graph, catalog, unsayable)
    refused: set[str] = set() if stages else set(wanted.nodes)
    mark = fingerprint(wanted, catalog)
    lifted = lift(wanted, catalog, name, refused)
    for turn in range(MAX_ROUNDS + 1):
        made, said = _compiled(Source(file, "", dict(lifted.data)), catalog)
        if made is not None and not has_errors(said) and fingerprint(made, catalog) == mark:
            break
        suspects = {*lifted.stages, *lifted.models.values()}
        if not suspects - refused:
            break
        blamed = _blamed(wanted, made, lifted, said, catalog) - refused if turn < MAX_ROUNDS - 1 else set()
        refused |= blamed or set(wanted.nodes)
        lifted = lift(wanted, catalog, name, refused)
    told = [*comments, *(note for note in notes if note.startswith(_LEFT_OUT))]
    return _proven(wanted, mark, lifted, catalog, file, notes, told, unsayable)


def _proven(
    wanted: Graph, mark: str, lifted: Lifted, catalog: Catalog, file: str, notes: list[str],
    comments: Sequence[str], unsayable: list[Diagnostic],
) -> Imported:  # fmt: skip
    """The import, its text read back and compiled once more as whoever has it will do."""
    text = dump_yaml(lifted.data, comments)
    source, findings = parse_source(file, text)
    made, said = _compiled(source, catalog) if source else (None, [])
    findings = [*unsayable, *findings, *(each for each in said if each.rule is not MISSING_FILE)]
    if not wanted.nodes:
        message = "no node of this workflow saves or shows anything, so that nothing of it would run"
        findings = [*unsayable, UNSAYABLE.at(None, message, "add a node that does, and import that")]
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        message = f"the spec has more than {MAX_BYTES >> 20} MiB, which is the most that is read of one"
        findings.append(UNSAYABLE.at(None, message, "keep what is that large in files of its own"))
    equal = made is not None and fingerprint(made, catalog) == mark and not has_errors(findings)
    if not equal and not has_errors(findings):
        message = "the spec of this workflow does not compile to the same graph"
        findings.append(UNSAYABLE.at(None, message, "please report the workflow: this is a fault of the import"))
    found, not_examined = check(wanted, catalog)
    notes = [*notes, *_assumed(lifted)]
    findings = in_reading_order([*findings, *found])
    return Imported(lifted, text, wanted, equal, tuple(findings), tuple(not_examined), tuple(notes), tuple(comments))


def _assumed(lifted: Lifted) -> Iterator[str]:
    """What the import takes for granted: families that no file name tells, and files that are not here."""
    for name, block in lifted.data.get("models", {}).items():
        if "family" in block:
            family = f'"{name}" is taken for {block["family"]}, which its file name does not tell'
            yield f'{family}: correct "family" if it is another'
    inputs = lifted.data.get("inputs", {}).values()
    if files := [f'"{each["default"]}"' for each in inputs if each["type"] != "text"]:
        yield f"a run wants these files beside the spec, or others by --input: {', '.join(files)}"


def _compiled(source: Source, catalog: Catalog) -> tuple[Graph | None, list[Diagnostic]]:
    """The graph of a spec, and what reading and lowering it says; whether a server would take it does not matter."""
    findings: list[Diagnostic] = []
    spec = read_spec(source, Changes({}), findings)
    if spec is None:
        return None, findings
    lowered = lower(spec, catalog, findings)
    return None if has_errors(findings) else from_api(to_api(run_passes(lowered, catalog))), findings


def _prepared(graph: Graph, catalog: Catalog, unsayable: list[Diagnostic]) -> tuple[Graph, list[str]]:
    """The graph that the spec is to compile to, and what is left out of it and filled in."""
    notes: list[str] = []
    live = live_nodes(graph, catalog)
    said = (sayable(graph, node, unsayable if id in live else []) for id, node in graph.nodes.items())
    told = Graph({node.id: _plain(node, catalog, notes) for node in said})
    passed = told
    for each in PASSES:
        passed = passed if each is number_nodes else each(passed, catalog)  # the nodes keep the ids they are known by
    order = passed.order
    passed = Graph({id: passed.nodes[id] for id in dict.fromkeys([*order, *passed.nodes])})
    needed = live_nodes(told, catalog)
    unused = [told.nodes[id] for id in told.nodes if id not in needed]
    if unused:
        notes.append(f"{_LEFT_OUT}, since they feed no output: {_listed(unused)}")
    if double := len(needed) - len(passed.nodes):
        notes.append(f"{double} node{' is' if double == 1 else 's are'} equal to others, and one with them")
    filled = _filled(told, catalog, needed)
    if filled:
        notes.append(f"filled in with what goes without saying: {', '.join(filled)}")
    if len(order) < len(passed.nodes):
        notes.append("nodes feed each other in a circle")
    return passed, notes


def _filled(graph: Graph, catalog: Catalog, needed: Collection[str]) -> list[str]:
    """The required inputs that a workflow does not have, where their class has a default for them."""
    found = []
    for id in needed:
        node = graph.nodes[id]
        declared = catalog.get(node.type)
        for name, wanted in declared.inputs.items() if declared else ():
            if wanted.required and name not in node.inputs and wanted.default is not None:
                found.append(f'"{name}" of {called(node)}')
    return sorted(found)


def _plain(node: Node, catalog: Catalog, notes: list[str]) -> Node:
    """A node without values that its class does not take, and its whole numbers as its class takes them."""
    declared = catalog.get(node.type)
    if declared is None:
        return node
    inputs: dict[str, Value] = {}
    for name, value in node.inputs.items():
        wanted = declared_input(declared, node, name)
        if wanted is None and node.type in built_in().raw and not isinstance(value, Link):
            notes.append(f'{_LEFT_OUT}, since {node.type} has no such input: "{name}" of {called(node)}')
            continue
        whole = isinstance(value, int) and not isinstance(value, bool) and abs(value) < _EXACT
        inputs[name] = float(str(value)) if wanted and wanted.type == "FLOAT" and whole else value
    return replace(node, inputs=inputs)


def _listed(nodes: Sequence[Node]) -> str:
    shown = ", ".join(called(node) for node in nodes[:9])
    return shown if len(nodes) < 10 else f"{shown} and {len(nodes) - 9} more"


def _blamed(
    wanted: Graph, made: Graph | None, lifted: Lifted, findings: Sequence[Diagnostic], catalog: Catalog
) -> set[str]:
    """The stages and models whose nodes are not those of the graph, or of which a finding speaks."""
    blamed: set[str] = set()
    for finding in findings:
        if finding.rule.severity is Severity.ERROR and finding.place is not None:
            blamed |= _at(finding.place.path, lifted)
    if made is None or blamed:
        return blamed
    known = set(_parts(wanted, catalog).values())
    parts = _parts(made, catalog)
    owners = {**lifted.models, **_stage_names(lifted)}
    for id in made.order:
        node = made.nodes[id]
        if parts[id] not in known and all(parts.get(each) in known for each in made.producers(id)):
            owner = owners.get(node.title.split(":")[0])
            blamed |= {owner} if owner else set()
    return blamed


def _at(path: Path, lifted: Lifted) -> set[str]:
    """What is to blame for a finding at a path."""
    if path[:1] == ("stages",) and len(path) > 1 and isinstance(path[1], int) and path[1] < len(lifted.stages):
        return {lifted.stages[path[1]]}
    if path[:1] == ("models",) and len(path) > 1 and path[1] in lifted.models:
        return {lifted.models[str(path[1])]}
    return set()


def _stage_names(lifted: Lifted) -> Mapping[str, str]:
    """The node that each stage ends in, by what the stage is called."""
    names: dict[str, str] = {}
    counts: dict[str, int] = {}
    for anchor, stage in zip(lifted.stages, lifted.data.get("stages", ()), strict=True):
        kind, body = next(iter(stage.items()))
        counts[kind] = counts.get(kind, 0) + ("as" not in body)
        name = body.get("as") or (kind if counts[kind] == 1 else f"{kind}-{counts[kind]}")
        names[name] = anchor
    return names


def _parts(graph: Graph, catalog: Catalog) -> Mapping[str, str]:
    """What each node is and is made of, as text or hash; not those on circles."""
    import hashlib

    meaning = Meaning(graph, catalog)
    parts: dict[str, str] = {}
    for id in graph.order:
        links = sorted(_feeds(meaning.links[id], parts))
        parts[id] = hashlib.sha256(encoded([meaning.looks[id], links]).encode()).hexdigest()
    return parts


def _feeds(links: Mapping[str, Link], parts: Mapping[str, str]) -> Iterator[list[object]]:
    for name, link in links.items():
        yield [name, parts.get(link.node, ""), link.output]

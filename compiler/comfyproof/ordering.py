"""Ordering jobs so that a server has most of each at hand from the one before.

A ComfyUI keeps the results of the last prompt's nodes and no others: under a node's class, its values, and all that
feeds it, whatever the ids. So neighbors should have as much as possible in common, most of all what takes long.

How long a node takes is a guess here, by its class and its steps: it only has to tell the heavy from the light. What
a plan predicts is better, and takes thousands of times as long to get for thousands of jobs.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from hashlib import blake2b
from itertools import pairwise
from typing import Any, NamedTuple

from .canonical import encoded
from .catalog.files import FILE_INPUTS
from .catalog.listing import NO_MODELS
from .catalog.pinned import Catalog
from .facts.samplers import SAMPLER_TYPES, TILED
from .graph import Asset, Graph, Link, Node, Secret

MOST_IN_SHARD = 20

# Seconds, guessed: of loading a file of a folder, a step of a sampler, and what else takes long.
_LOADS = {
    "checkpoints": 15.0,
    "diffusion_models": 20.0,
    "text_encoders": 10.0,
    "controlnet": 5.0,
    "loras": 2.0,
    "vae": 1.0,
    "upscale_models": 1.0,
}
_LOAD, _STEP, _TILES, _UPSCALE, _ASKED, _CODE, _LIGHT = 3.0, 0.5, 4, 5.0, 30.0, 1.0, 0.01
_STEPS = 20
_MODELS = {"MODEL", "CLIP", "VAE", "CONTROL_NET", "UPSCALE_MODEL", "CLIP_VISION", "STYLE_MODEL"}
_CODES = {"CONDITIONING", "LATENT"}
# Files of these change what a model does; they are no model that a server has to make room for.
_TRIFLES = {*NO_MODELS, "loras", "configs", "hypernetworks"}
# The classes that are computed anew every time, whatever they are given.
_NEVER_KEPT = {"SaveImageWebsocket"}
# As much as is looked at of graphs that differ in many ways.
_MOST_COLUMNS = 32


class Work(NamedTuple):
    """What a node does: its part in the graph, "load", "sample", "upscale" or "other", and guessed seconds."""

    part: int
    kind: str
    seconds: float


class Profile(NamedTuple):
    """What of a graph matters to its neighbors.

    `model` stands for the model files that it needs. `signatures` are those of the nodes that a server may have from
    the prompt before, each with its `works`; `apart` counts the others, which run every time.
    """

    model: str
    signatures: tuple[int, ...]
    works: tuple[Work, ...]
    apart: int = 0


class Shard(NamedTuple):
    """Jobs that one server takes one after the other.

    `groups` are the same jobs cut where much less is shared: each has a costly prefix in common.
    """

    model: str
    indices: tuple[int, ...]
    groups: tuple[tuple[int, ...], ...]


class Share(NamedTuple):
    """Of so many nodes, and guessed seconds, how many a server has from the job before."""

    nodes: int = 0
    shared: int = 0
    seconds: float = 0.0
    shared_seconds: float = 0.0


class Sharing(NamedTuple):
    """What neighbors have in common, by what nodes do; `switches` counts the changes of model files."""

    jobs: int
    switches: int
    whole: Share
    kinds: Mapping[str, Share]

    def __str__(self) -> str:
        """What a report says of it."""
        parts = [
            f"{share.shared:,} of {share.nodes:,} {kind}s" for kind, share in self.kinds.items() if kind != "other"
        ]
        parts.append(f"{self.whole.shared:,} of {self.whole.nodes:,} nodes")
        part = self.whole.shared_seconds / self.whole.seconds if self.whole.seconds else 0.0
        return f"shared with the job before: {', '.join(parts)}, about {part:.0%} of the work by a guess"


def profile_of(graph: Graph, catalog: Catalog, content: Callable[[Asset], str] = lambda asset: asset.path) -> Profile:
    """The profile of a graph as it is sent.

    `content` tells files apart: the same for two paths means that both hold the same. A save node is told another
    prefix in every run, so it always runs. Nodes of classes that the catalog lacks count as kept, though theirs may be
    a class that is computed anew every time, which no catalog says.
    """
    parts = _parts(graph)
    signatures = _signatures(graph, catalog, content)
    kept = []
    apart = 0
    for id in graph.order:
        if id in signatures:
            kept.append((parts[id], signatures[id], _work(graph.nodes[id], parts[id], catalog)))
        else:
            apart += 1
    kept.sort()
    works = _one(tuple(work for _, _, work in kept))
    return Profile(_models(graph), tuple(signature for _, signature, _ in kept), works, apart)


def order(profiles: Sequence[Profile]) -> list[int]:
    """The indices of the jobs in the order in which they should run: the same every time.

    Model files change as seldom as possible, and then neighbors have as much work in common as is found quickly; never
    less than in the order given. Equal jobs stand together.
    """
    alike: dict[tuple[str, tuple[int, ...]], list[int]] = {}
    for n, profile in enumerate(profiles):
        alike.setdefault((profile.model, tuple(sorted(profile.signatures))), []).append(n)
    equals = {indices[0]: indices for indices in alike.values()}
    given = list(equals)
    found = _by_model(given, profiles)
    if _rank(given, profiles) > _rank(found, profiles):
        found = given
    return [n for first in found for n in equals[first]]


def shared(profiles: Iterable[Profile]) -> Sharing:
    """What each of some jobs has in common with the one before it."""
    jobs = switches = 0
    counts: dict[str, list[float]] = {}
    before: Profile | None = None
    for profile in profiles:
        jobs += 1
        switches += before is not None and before.model != profile.model
        at_hand = set(before.signatures) if before is not None else set()
        for signature, work in zip(profile.signatures, profile.works, strict=True):
            count = counts.setdefault(work.kind, [0, 0, 0.0, 0.0])
            count[0] += 1
            count[2] += work.seconds
            if signature in at_hand:
                count[1] += 1
                count[3] += work.seconds
        if profile.apart:
            count = counts.setdefault("other", [0, 0, 0.0, 0.0])
            count[0] += profile.apart
            count[2] += profile.apart * _LIGHT
        before = profile
    kinds = {kind: Share(int(a), int(b), c, d) for kind, (a, b, c, d) in sorted(counts.items())}
    whole = Share(*(sum(values) for values in zip(*kinds.values(), strict=True))) if kinds else Share()
    return Sharing(jobs, switches, whole, kinds)


def shards(profiles: Sequence[Profile], order: Sequence[int], most: int = MOST_IN_SHARD) -> list[Shard]:
    """The jobs in this order, cut into shards of one set of model files, each of at most so many jobs.

    A group is only cut where it is larger than a shard. There are as few shards as that permits, and of the places to
    cut those are taken where the least work is shared.
    """
    found: list[Shard] = []
    start = 0
    for end in range(1, len(order) + 1):
        if end < len(order) and profiles[order[end]].model == profiles[order[start]].model:
            continue
        stretch = list(order[start:end])
        common = [_common(profiles[a], profiles[b]) for a, b in pairwise(stretch)]
        begins = _begins([prefix for _, prefix in common])
        for first, last in _cuts([whole for whole, _ in common], begins, most):
            edges = [first, *(n for n in range(first + 1, last) if n in begins), last]
            groups = tuple(tuple(stretch[a:b]) for a, b in pairwise(edges))
            found.append(Shard(profiles[stretch[0]].model, tuple(stretch[first:last]), groups))
        start = end
    return found


def _cuts(lost: Sequence[float], begins: set[int], most: int) -> list[tuple[int, int]]:
    """Where to cut a stretch of jobs, of which groups begin at some; `lost` is what a cut behind each job costs."""
    # Of the jobs up to each: how many groups are cut, how many shards there are, what is lost, where the last begins.
    best: list[tuple[int, int, float, int]] = [(0, 0, 0.0, 0)]
    for end in range(1, len(lost) + 2):
        options = []
        for start in range(max(0, end - most), end):
            cut, number, before, _ = best[start]
            options.append((
                cut + (start not in begins), number + 1, before + (lost[start - 1] if start else 0.0), start
            ))  # fmt: skip
        best.append(min(options))
    found = []
    end = len(lost) + 1
    while end:
        found.append((best[end][3], end))
        end = best[end][3]
    return found[::-1]


def _begins(prefixes: Sequence[float]) -> set[int]:
    """The jobs that begin a group; `prefixes` is what neighbors have in common beyond loading.

    A job is of a group with the neighbor with which it has most in common, and with both where it has half of that in
    common with the other.
    """
    padded = [0.0, *prefixes, 0.0]
    best = [max(left, right) for left, right in pairwise(padded)]
    return {0} | {
        n for n in range(1, len(best)) if not padded[n] or padded[n] < max(best[n - 1], best[n]) / 2
    }  # fmt: skip


def _common(one: Profile, other: Profile) -> tuple[float, float]:
    """The guessed seconds that two jobs have in common, all and without loading."""
    at_hand = set(one.signatures)
    whole = prefix = 0.0
    for signature, work in zip(other.signatures, other.works, strict=True):
        if signature in at_hand:
            whole += work.seconds
            prefix += work.seconds if work.kind != "load" else 0.0
    return whole, prefix


def _rank(indices: Sequence[int], profiles: Sequence[Profile]) -> tuple[int, float]:
    """How good an order is: fewer changes of model files first, then more work in common."""
    pairs = [(profiles[a], profiles[b]) for a, b in pairwise(indices)]
    return -sum(a.model != b.model for a, b in pairs), sum(_common(a, b)[0] for a, b in pairs)


def _by_model(rows: Sequence[int], profiles: Sequence[Profile]) -> list[int]:
    """The rows by their model files, these side by side where they have most in common."""
    models: dict[str, list[int]] = {}
    for row in rows:
        models.setdefault(profiles[row].model, []).append(row)
    firsts = [members[0] for members in models.values()]
    stretches = [models[profiles[first].model] for first in _Table(firsts, profiles).arranged()]
    return _joined([_Table(stretch, profiles).arranged() for stretch in stretches], profiles)


def _joined(stretches: Sequence[list[int]], profiles: Sequence[Profile]) -> list[int]:
    """The rows of all stretches, each forwards or backwards, so that where two meet they have most in common."""
    # For a stretch forwards and one backwards: the most in common at all joints so far, and how the one before goes.
    best: list[tuple[tuple[float, int], tuple[float, int]]] = []
    for n, stretch in enumerate(stretches):
        ways = []
        for first in (stretch[0], stretch[-1]):
            options = [(0.0, 0)]
            if n:
                ends = (stretches[n - 1][-1], stretches[n - 1][0])
                options = [
                    (best[-1][way][0] + _common(profiles[end], profiles[first])[0], -way)
                    for way, end in enumerate(ends)
                ]
            ways.append(max(options))
        best.append((ways[0], ways[1]))
    found: list[list[int]] = []
    way = 0 if not best or best[-1][0][0] >= best[-1][1][0] else 1
    for stretch, both in zip(reversed(stretches), reversed(best), strict=True):
        found.append(stretch[::-1] if way else stretch)
        way = -both[way][1]
    return [row for stretch in reversed(found) for row in stretch]


class _Table:
    """Rows of jobs, whose columns are parts that nodes play: in each cell is the node that plays it."""

    def __init__(self, rows: Sequence[int], profiles: Sequence[Profile]) -> None:
        self._rows, self._profiles = list(rows), profiles
        columns: dict[int, dict[int, int]] = {}
        weights: dict[int, float] = {}
        for row in rows:
            profile = profiles[row]
            for signature, work in zip(profile.signatures, profile.works, strict=True):
                columns.setdefault(work.part, {})[row] = signature
                weights[work.part] = max(weights.get(work.part, 0.0), work.seconds)
        # Columns that tell the same rows apart are one, such as those of a picture and of all that is made of it alone.
        united: dict[tuple[int, ...], tuple[float, dict[int, int]]] = {}
        for part in sorted(columns):
            labels = _labels(columns[part].get(row) for row in rows)
            if 1 < max(labels, default=0) + 1 < len(rows):
                weight, column = united.get(labels, (0.0, dict(zip(rows, labels, strict=True))))
                united[labels] = (weight + weights[part], column)
        heaviest = sorted(united.values(), key=lambda each: -each[0])
        self._columns = heaviest[:_MOST_COLUMNS]

    def arranged(self) -> list[int]:
        """The rows, those side by side that have most in common."""
        return self._arranged(self._rows, tuple(range(len(self._columns))))

    def _arranged(self, rows: list[int], columns: tuple[int, ...]) -> list[int]:
        """Rows by the column of which most is lost otherwise: its groups side by side, and each arranged in itself."""
        best, saved = -1, 0.0
        for n in columns:
            weight, column = self._columns[n]
            different = len({column[row] for row in rows})
            if different > 1 and weight * (len(rows) - different) > saved:
                best, saved = n, weight * (len(rows) - different)
        if best < 0:
            return rows
        rest = tuple(n for n in columns if n != best)
        groups: dict[int, list[int]] = {}
        for row in rows:
            groups.setdefault(self._columns[best][1][row], []).append(row)
        of = {members[0]: members for members in groups.values()}
        stretches = [self._arranged(of[first], rest) for first in self._arranged(list(of), rest)]
        return _joined(stretches, self._profiles)


def _labels(cells: Iterable[int | None]) -> tuple[int, ...]:
    """Small numbers for cells, the same for the same; an empty one is like no other."""
    known: dict[int | object | None, int] = {}
    return tuple(known.setdefault(object() if cell is None else cell, len(known)) for cell in cells)


@lru_cache(maxsize=4096)
def _one(works: tuple[Work, ...]) -> tuple[Work, ...]:
    """The same object for all that are equal: thousands of jobs have a handful of forms."""
    return works


def _models(graph: Graph) -> str:
    """What stands for the model files of a graph."""
    files = {
        (folder, str(node.inputs[name]))
        for node in graph.nodes.values()
        for name, folder in FILE_INPUTS.get(node.type, {}).items()
        if folder not in _TRIFLES and name in node.inputs
    }
    return f"{_hash(sorted(files)):016x}"


def _work(node: Node, part: int, catalog: Catalog) -> Work:
    """What a node does, and how long it may take."""
    kind, seconds = _guess(node, catalog)
    return Work(part, kind, seconds)


def _guess(node: Node, catalog: Catalog) -> tuple[str, float]:
    declared = catalog.get(node.type)
    outputs = {output.type for output in declared.outputs} if declared else set()
    folders = [folder for folder in FILE_INPUTS.get(node.type, {}).values() if folder not in NO_MODELS]
    if folders:
        return "load", max(_LOADS.get(folder, _LOAD) for folder in folders)
    if outputs & _MODELS and not any(node.links()):
        return "load", _LOAD
    steps = node.inputs.get("steps")
    count = steps if isinstance(steps, int) and not isinstance(steps, bool) else _STEPS
    if node.type in TILED:
        return "upscale", _STEP * _TILES * count + _UPSCALE
    if node.type in SAMPLER_TYPES:
        return "sample", _STEP * count
    if node.type == "ImageUpscaleWithModel":
        return "upscale", _UPSCALE
    if catalog.raw.get(node.type, {}).get("api_node"):
        return "other", _ASKED
    return "other", _CODE if outputs & _CODES and any(node.links()) else _LIGHT


def _parts(graph: Graph) -> dict[str, int]:
    """The part that each node plays, whatever its values: in other forms of a spec its counterpart plays the same."""
    found: dict[str, int] = {}
    seen: dict[int, int] = {}
    for id in graph.order:
        node = graph.nodes[id]
        links = sorted((name, found.get(link.node, 0), link.output) for name, link in node.links())
        part = _hash([node.type, links])
        number = seen[part] = seen.get(part, 0) + 1
        found[id] = part if number == 1 else _hash([part, number])
    return found


def _signatures(graph: Graph, catalog: Catalog, content: Callable[[Asset], str]) -> dict[str, int]:
    """What a server keeps each node's results under, without those that it cannot have from the prompt before."""
    alike: dict[str, int] = {}
    for id in graph.order:
        node = graph.nodes[id]
        facts = []
        for name, value in sorted(node.inputs.items()):
            if isinstance(value, Link):
                facts.append([name, alike.get(value.node, value.node), value.output])
            else:
                facts.append([name, _plain(value, content)])
        declared = catalog.get(node.type)
        alike[id] = _hash([node.type, id if declared is not None and declared.own_id else None, facts])
    if len(set(alike.values())) < len(alike):
        alike = {id: _told_apart(graph, id, alike) for id in alike}
    anew: set[str] = set()
    for id in graph.order:
        if _runs_anew(graph.nodes[id], catalog) or any(other in anew for other in graph.producers(id)):
            anew.add(id)
    return {id: signature for id, signature in alike.items() if id not in anew}


def _told_apart(graph: Graph, id: str, alike: Mapping[str, int]) -> int:
    """A signature that also says whether two equal nodes behind a node are one or two, as a server's does."""
    numbers: dict[str, int] = {}
    waiting = [iter(_feeding(graph, id))]
    while waiting:
        other = next(waiting[-1], None)
        if other is None:
            waiting.pop()
        elif other not in numbers:
            numbers[other] = len(numbers)
            waiting.append(iter(_feeding(graph, other)))
    if len({alike[other] for other in numbers}) == len(numbers):
        return alike[id]
    links = [[numbers[fed] for fed in _feeding(graph, other)] for other in (id, *numbers)]
    return _hash([alike[id], links])


def _feeding(graph: Graph, id: str) -> list[str]:
    """The nodes that a node links to, by its inputs' names."""
    return [link.node for _, link in sorted(graph.nodes[id].links()) if link.node in graph.nodes]


def _runs_anew(node: Node, catalog: Catalog) -> bool:
    declared = catalog.get(node.type)
    saves = declared is not None and declared.is_output and isinstance(node.inputs.get("filename_prefix"), str)
    return saves or node.type in _NEVER_KEPT


def _plain(value: Any, content: Callable[[Asset], str]) -> Any:
    """A value as a server compares it: 1.0 and True are 1."""
    if isinstance(value, Asset):
        return ["file", content(value)]
    if isinstance(value, Secret):
        return ["secret", *value.parts]
    if isinstance(value, list | dict):
        return ["value", encoded(value)]
    return int(value) if isinstance(value, bool) or (isinstance(value, float) and value.is_integer()) else value


def _hash(facts: Any) -> int:
    """64 bits: among a million signatures two that differ are the same once in tens of millions of times."""
    text = json.dumps(facts, sort_keys=True, separators=(",", ":"))
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest())

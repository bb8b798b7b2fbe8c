"""Which lane runs what next: few model loads, no lane idle, no lane with a long tail. Pure: no clock, no threads."""

from __future__ import annotations

import heapq
import math
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import NamedTuple

_RECENT = 15  # samples that a median is taken of: a server that slows down is soon seen to
_SLOW = 3  # so many times slower than the others is "much slower"


class Bundle(NamedTuple):
    """Jobs that share a costly beginning: one server runs them one after the other. `models` names what they load."""

    keys: tuple[str, ...]
    models: str


@dataclass
class _Pile:
    """Bundles not taken that load the same models and can run on the same servers."""

    models: str
    order: int
    bundles: deque[list[str]] = field(default_factory=deque)
    left: int = 0


@dataclass
class _Reach:
    """Where jobs can run: on `allowed` (None: anywhere), and on those of `avoided` only if no other is there."""

    allowed: frozenset[str] | None
    avoided: frozenset[str]
    piles: dict[str, _Pile] = field(default_factory=dict)
    left: int = 0
    able: frozenset[str] = frozenset()  # of the lanes that take part
    # By how much is left for a lane that would join; entries that are no longer so are passed over.
    best: list[tuple[float, int, str]] = field(default_factory=list)

    def among(self, lanes: frozenset[str]) -> frozenset[str]:
        able = lanes if self.allowed is None else lanes & self.allowed
        return able - self.avoided or able


class Scheduler:
    """The jobs of a batch that are not done, and the lanes that may take them. Not for several threads at once.

    `placeable` gives the servers that a job can run on, None for any. A shard has at most `most` jobs.
    """

    def __init__(
        self, bundles: Iterable[Bundle], placeable: Callable[[str], Collection[str] | None], most: int = 20
    ) -> None:
        self._most, self._placeable = most, placeable
        self._lanes: frozenset[str] = frozenset()
        self._models: dict[str, str] = {}
        self._bundle: dict[str, int] = {}
        self._at: dict[str, str | None] = {}  # of each job not settled, the lane that has it
        self._avoided: dict[str, frozenset[str]] = {}
        self._reach: dict[str, _Reach] = {}
        self._reaches: dict[tuple[frozenset[str] | None, frozenset[str]], _Reach] = {}
        self._left = 0
        self._loaded: dict[str, str] = {}
        self._on: Counter[str] = Counter()  # lanes that have models loaded
        self._seconds = _Seconds()
        number = 0
        for bundle in bundles:
            keys = [key for key in dict.fromkeys(bundle.keys) if key not in self._models]
            for start in range(0, len(keys), most):
                number += 1
                for key in keys[start : start + most]:
                    self._models[key], self._bundle[key], self._at[key] = bundle.models, number, ""
                self._lay(keys[start : start + most])

    # Who takes part.

    @property
    def taking_part(self) -> frozenset[str]:
        """The servers that take part now."""
        return self._lanes

    def lanes(self, servers: Iterable[str]) -> None:
        """Says which servers take part from now on; one that is away or in quarantine does not."""
        self._lanes = frozenset(servers)
        self._on = Counter(self._loaded[server] for server in self._lanes if server in self._loaded)
        for reach in self._reaches.values():
            reach.able = reach.among(self._lanes)
            reach.best = [self._rank(pile) for pile in reach.piles.values() if pile.left]
            heapq.heapify(reach.best)

    @property
    def left(self) -> int:
        """How many jobs no lane has taken."""
        return self._left

    @property
    def unplaced(self) -> list[str]:
        """The jobs that no lane has taken and none of those that take part can run."""
        return [
            key
            for reach in self._reaches.values()
            if reach.left and not reach.able
            for pile in reach.piles.values()
            for bundle in pile.bundles
            for key in bundle
            if self._is_left(key, reach)
        ]

    # Work for a lane.

    def take(self, server: str) -> list[str]:
        """The jobs of the next shard of a lane; empty where there is nothing for it now.

        It stays with the models that it has loaded as long as there is work for them, then goes to those with most
        left and fewest lanes on them. Shards get smaller towards the end.
        """
        found = self._best_pile(server)
        if found is None:
            return []
        reach, pile = found
        runnable = sum(each.left for each in self._reaches.values() if server in each.able)
        size = min(self._most, math.ceil(runnable / (2 * len(self._lanes))))
        taken: list[str] = []
        while pile.left:
            bundle = [key for key in pile.bundles[0] if self._is_left(key, reach)]
            if taken and len(taken) + len(bundle) > size:
                break
            pile.bundles.popleft()
            self._lift(bundle, server)
            taken += bundle
        self._load(server, pile.models)
        return taken

    def _best_pile(self, server: str) -> tuple[_Reach, _Pile] | None:
        reaches = [reach for reach in self._reaches.values() if reach.left and server in reach.able]
        # What only a few lanes can run is not left for last, when the others would stand idle.
        urgent = [reach for reach in reaches if 2 * reach.left * len(self._lanes) > self._left * len(reach.able)]
        urgent = [reach for reach in urgent if len(reach.able) < len(self._lanes)]
        if urgent:
            reaches = [max(urgent, key=lambda reach: reach.left / len(reach.able))]
        loaded = self._loaded.get(server, "")
        for reach in sorted(reaches, key=lambda reach: len(reach.able)):
            if (pile := reach.piles.get(loaded)) and pile.left:
                return reach, pile
        tops = [(rank, reach) for reach in reaches if (rank := self._top(reach)) is not None]
        if not tops:
            return None
        (_, _, models), reach = min(tops, key=lambda top: top[0])
        return reach, reach.piles[models]

    def _top(self, reach: _Reach) -> tuple[float, int, str] | None:
        while reach.best:
            pile = reach.piles[reach.best[0][2]]
            if pile.left and self._rank(pile) == reach.best[0]:
                return reach.best[0]
            heapq.heappop(reach.best)
        return None

    def _rank(self, pile: _Pile) -> tuple[float, int, str]:
        return -pile.left / (1 + self._on[pile.models]), pile.order, pile.models

    def _ranked_anew(self, models: str) -> None:
        for reach in self._reaches.values():
            if (pile := reach.piles.get(models)) and pile.left:
                heapq.heappush(reach.best, self._rank(pile))

    def _load(self, server: str, models: str) -> None:
        before = self._loaded.get(server)
        self._loaded[server] = models
        if before != models and server in self._lanes:
            self._on[models] += 1
            if before is not None:
                self._on[before] -= 1
                self._ranked_anew(before)
        self._ranked_anew(models)

    # Work from another lane.

    def steal(self, server: str, begun: Mapping[str, Sequence[str]]) -> tuple[str, list[str]]:
        """Another lane's name and the rear part of its jobs, for a lane that `take` has nothing for.

        `begun` gives the jobs of each lane that are not submitted yet, in order. It is the lane with most time left
        that is taken from, by whole bundles, and about so much that both are done at the same time; ("", []) where it
        would help nobody. `moved` makes it so.
        """
        if server not in self._lanes:
            return "", []
        times = {other: sum(self._expected(other, key) for key in keys) for other, keys in begun.items() if keys}
        for victim in sorted(times, key=lambda other: (-times[other], other)):
            if victim != server and (keys := self._rear(begun[victim], victim, server)):
                return victim, keys
        return "", []

    def _rear(self, keys: Sequence[str], victim: str, thief: str) -> list[str]:
        """The part of a lane's jobs that another had better run."""
        # What runs there now is half done, as far as anybody knows.
        before = sum(self._expected(victim, key) for key in keys) + self._expected(victim, keys[0]) / 2
        stays, goes = before, 0.0
        best = split = (before, len(keys))
        loaded = self._loaded.get(thief)
        for n in range(len(keys) - 1, -1, -1):
            key = keys[n]
            if thief not in self._reach[key].able:
                break
            stays -= self._expected(victim, key)
            goes += self._expected(thief, key)
            if self._models[key] != loaded:
                goes += self._seconds.load(self._models[key])
                loaded = self._models[key]
            over = (max(stays, goes), n)
            if n and self._bundle[keys[n - 1]] == self._bundle[key]:
                split = min(split, over)
            else:
                best = min(best, over)
        # In a split bundle the costly beginning is run twice: that must gain more than it takes.
        if split[0] + self._expected(thief, keys[-1]) < best[0]:
            best = split
        return list(keys[best[1] :]) if best[0] < before else []

    def moved(self, keys: Iterable[str], server: str) -> None:
        """Notes that a lane has jobs now, be they another's, or claimed for it before there was this scheduler."""
        last = None
        for key in keys:
            if key in self._at:
                self._lift([key], server)
                last = key
        if last is not None:
            self._load(server, self._models[last])

    def back(self, keys: Sequence[str], avoid: str | None = None) -> None:
        """Takes jobs back that are to be run again, not on the server to `avoid` if another is there."""
        parts: dict[tuple[int, frozenset[str]], list[str]] = {}
        for key in keys:
            if self._at.get(key) is None:  # settled, or here already
                continue
            if avoid is not None:
                self._avoided[key] = self._avoided.get(key, frozenset()) | {avoid}
            parts.setdefault((self._bundle[key], self._avoided.get(key, frozenset())), []).append(key)
        for part in parts.values():
            self._lay(part)

    def settled(self, key: str, server: str, seconds: float | None) -> None:
        """Notes that a job is done or failed for good; `seconds` are what it took, if that says anything."""
        if key not in self._at:
            return
        if seconds is not None:
            self._seconds.took(server, self._models[key], seconds)
        self._lift([key], "")
        del self._at[key], self._reach[key]
        self._avoided.pop(key, None)

    def is_free(self, key: str) -> bool:
        """Whether a job waits here for a lane to take it."""
        return self._at.get(key, "") is None

    def may_prefetch(self, server: str) -> bool:
        """Whether a second prompt should wait on a server behind the one that runs.

        Not near the end, when another lane could run it at once, and not on a server much slower than the others.
        """
        if len(self._at) <= 2 * len(self._lanes):
            return False
        own = self._seconds.of(server)
        others = [each for other in self._lanes if other != server and (each := self._seconds.of(other)) is not None]
        return own is None or not others or own <= _SLOW * median(others)

    def _expected(self, server: str, key: str) -> float:
        return self._seconds.expected(server, self._models[key])

    # Where jobs are.

    def _is_left(self, key: str, reach: _Reach) -> bool:
        return self._at.get(key, "") is None and self._reach[key] is reach

    def _lay(self, keys: list[str]) -> None:
        """Puts jobs of one bundle on the pile that they belong to."""
        by_place: dict[frozenset[str] | None, list[str]] = defaultdict(list)
        for key in keys:
            able = self._placeable(key)
            by_place[None if able is None else frozenset(able)].append(key)
        for allowed, part in by_place.items():
            avoided, models = self._avoided.get(part[0], frozenset()), self._models[part[0]]
            reach = self._reaches.get((allowed, avoided))
            if reach is None:
                reach = self._reaches[allowed, avoided] = _Reach(allowed, avoided)
                reach.able = reach.among(self._lanes)
            pile = reach.piles.setdefault(models, _Pile(models, len(reach.piles)))
            pile.bundles.append(part)
            for key in part:
                self._at[key], self._reach[key] = None, reach
            pile.left += len(part)
            reach.left += len(part)
            self._left += len(part)
            heapq.heappush(reach.best, self._rank(pile))

    def _lift(self, keys: Iterable[str], server: str) -> None:
        """Gives jobs to a lane, from a pile or from another lane."""
        for key in keys:
            if self._at[key] is None:
                reach = self._reach[key]
                reach.piles[self._models[key]].left -= 1
                reach.left -= 1
                self._left -= 1
            self._at[key] = server


class _Seconds:
    """What jobs have taken: medians for each server and models, and what loading models takes on top."""

    def __init__(self) -> None:
        self._warm: dict[tuple[str, str], deque[float]] = defaultdict(lambda: deque(maxlen=_RECENT))
        self._cold: dict[str, deque[float]] = defaultdict(lambda: deque(maxlen=_RECENT))
        self._servers: dict[str, deque[float]] = defaultdict(lambda: deque(maxlen=_RECENT))
        self._all: deque[float] = deque(maxlen=_RECENT)
        self._last: dict[str, str] = {}

    def took(self, server: str, models: str, seconds: float) -> None:
        if self._last.get(server) != models:  # it had to load them
            self._last[server] = models
            self._cold[models].append(seconds)
            return
        for samples in (self._warm[server, models], self._servers[server], self._all):
            samples.append(seconds)

    def of(self, server: str) -> float | None:
        samples = self._servers.get(server)
        return median(samples) if samples else None

    def expected(self, server: str, models: str) -> float:
        """The seconds that a job will take; where nothing is known, all take the same."""
        samples = self._warm.get((server, models)) or self._servers.get(server) or self._all
        return median(samples) if samples else 1.0

    def load(self, models: str) -> float:
        """The seconds that loading models will take."""
        cold = self._cold.get(models)
        if not cold:
            return 0.0
        warm = [median(samples) for (_, each), samples in self._warm.items() if each == models and samples]
        return max(0.0, median(cold) - min(warm)) if warm else 0.0

"""What is tried again, where and how often; and when a server is left alone. Pure: times are passed in."""

from __future__ import annotations

import random
from collections import Counter, defaultdict, deque
from collections.abc import Collection, Sequence
from typing import Literal, NamedTuple

Action = Literal["again", "elsewhere", "failed"]


# Statuses of proxies, and of a server that is asked too often: it is the server that is in trouble then, not the job.
_PASSING = (0, 200, 429, 502, 503, 504)
_REFUSALS = 3
_BREAKS = 4  # so often may it break off over the same job


class Decision(NamedTuple):
    """What becomes of a job after an attempt that did not come right; `free`: its server is to free memory first."""

    action: Action
    free: bool
    reason: str


class _Policy(NamedTuple):
    """How often a job is tried again after one outcome: at first where it was, then on another server."""

    here: int
    elsewhere: int
    free: bool = False
    alone: bool = False  # with no other server, the same one will do


# What a server refuses it refuses again, and what it says of the graph holds for every server with the same nodes.
_POLICIES = {
    "refused": _Policy(0, 0),
    "error": _Policy(0, 1, alone=True),
    "oom": _Policy(1, 1, free=True),
    "lost": _Policy(2, 0),  # what was running when three servers went down is what took them down
    "timeout": _Policy(0, 1, alone=True),
    "not-as-promised": _Policy(0, 1),  # the same server would make the same
    "interrupted": _Policy(2, 0),
    "damaged": _Policy(1, 1),
    "gone": _Policy(1, 1),
}


def decide(outcome: str, past: Sequence[tuple[str, str]], servers: Collection[str], here: str) -> Decision:
    """What is to be done about a job that ended so `here`.

    `past` are its attempts before this one, as (outcome, server), without those before somebody had it retried (see
    `since_asked_for`); `servers` are those that take part and can run it.
    """
    outcome = outcome.replace(" ", "-")
    policy = _POLICIES.get(outcome, _POLICIES["error"])
    before = sum(each.replace(" ", "-") == outcome for each, _ in past)
    if before < policy.here:
        return Decision("again", policy.free, f"{outcome}: tried again")
    if before < policy.here + policy.elsewhere:
        if set(servers) - {here}:
            return Decision("elsewhere", False, f"{outcome}: tried on another server")
        if policy.alone:
            return Decision("again", policy.free, f"{outcome}: tried again, there is no other server")
    times = "once" if not before else f"{before + 1} times"
    return Decision("failed", False, f"{outcome}, {times}")


def since_asked_for(past: Sequence[tuple[int, str, str]], epoch: int) -> list[tuple[str, str]]:
    """The attempts, given as (epoch, outcome, server), that led to this epoch without anybody asking for a retry.

    An attempt raises the epoch by one, and so does asking for a retry, which leaves a gap.
    """
    found = []
    for number, outcome, server in sorted(past, reverse=True):
        if number >= epoch:
            continue
        if number != epoch - 1:
            break
        found.append((outcome, server))
        epoch = number
    return found[::-1]


class Breaker:
    """Whether to ask a server that did not answer: pauses that grow, with jitter, so that lanes don't come in step."""

    def __init__(self, jitter: random.Random, *, first: float = 0.5, longest: float = 60.0, after: int = 3) -> None:
        self._jitter, self._first, self._longest, self._after = jitter, first, longest, after
        self._failures = 0
        self._until = 0.0

    def failed(self, now: float) -> None:
        """Notes that the server did not answer."""
        self._failures += 1
        pause = min(self._longest, self._first * 2.0 ** min(self._failures - 1, 32))
        self._until = now + pause * self._jitter.uniform(0.5, 1.0)

    def answered(self) -> None:
        """Notes that it did."""
        self._failures, self._until = 0, 0.0

    def pause(self, now: float) -> float:
        """For how many seconds not to ask it."""
        return max(0.0, self._until - now)

    def state(self, now: float) -> Literal["closed", "open", "half-open"]:
        """Closed: it answers. Open: it is not asked. Half-open: asked once, and what it says decides."""
        if self._failures < self._after:
            return "closed"
        return "open" if self.pause(now) else "half-open"


class Refusals:
    """How often a server that is well would not take a job or give its files: another may have to run it."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._suspect = ""

    def are_enough(self, job: str, status: int, *, passing: bool = True) -> bool:
        """Notes one more, with its HTTP status, 0 where no answer came; true where it is not to be asked again.

        Without `passing`, what may be a proxy's trouble does not count, however often.
        """
        if not passing and status in _PASSING:
            return False
        if status not in _PASSING:
            self._counts[job] += 1
            return self._counts[job] >= _REFUSALS
        self._suspect = job
        return self._counts[job] >= _BREAKS

    def was_there(self) -> None:
        """Notes that the server answered as soon as it was asked something else: it was the job."""
        if self._suspect:
            self._counts[self._suspect] += 1
        self._suspect = ""

    def was_away(self) -> None:
        """Notes that it did not answer to anything: it was not the job."""
        self._suspect = ""

    def forget(self, job: str) -> None:
        """Notes that a job is no longer here."""
        self._counts.pop(job, None)


class Health:
    """Which servers fail jobs that others don't."""

    def __init__(self, *, most: int = 3, recent: int = 8) -> None:
        self._most = most
        self._failed: dict[str, set[str]] = defaultdict(set)  # server -> jobs
        self._succeeded: dict[str, str] = {}  # job -> server
        self._recent: dict[str, deque[bool]] = defaultdict(lambda: deque(maxlen=recent))

    def failed(self, job: str, server: str) -> None:
        """Notes that a job failed on a server, by what it made or said; not that the server went away."""
        self._failed[server].add(job)
        self._recent[server].append(False)

    def succeeded(self, job: str, server: str) -> None:
        """Notes that a job came right on a server."""
        self._succeeded[job] = server
        self._failed[server].discard(job)
        self._recent[server].append(True)

    def quarantined(self, server: str) -> bool:
        """Whether a server is to get no more jobs: three failed there that came right elsewhere, or all of late did."""
        elsewhere = sum(job in self._succeeded for job in self._failed[server])
        if elsewhere >= self._most:
            return True
        recent = self._recent[server]
        all_fail = len(recent) == recent.maxlen and not any(recent)
        return all_fail and any(any(each) for other, each in self._recent.items() if other != server)


class Budget:
    """The attempts that a batch may lose: a pack of nodes that is broken everywhere fails early, not job after job.

    Each job that comes right earns one back. What a server that went away cost is not spent here: it says nothing about
    the jobs, and is bounded for each.
    """

    def __init__(self, jobs: int, *, least: int = 20, share: float = 0.1) -> None:
        self.left = self._most = max(least, int(jobs * share))

    def earn(self) -> None:
        """Notes that a job came right."""
        self.left = min(self._most, self.left + 1)

    def spend(self) -> bool:
        """Whether one more attempt may come to nothing."""
        if self.left <= 0:
            return False
        self.left -= 1
        return True

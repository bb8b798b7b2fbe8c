"""Waiting for a prompt to end: the history and the queue say how, the websocket only says when to look.

To a client a prompt is in one of five states. Four a look can show: absent, pending, running, terminal. The fifth,
lost, is an absence that lasts: `{}` from a history means nothing by itself.
"""

from __future__ import annotations

import contextlib
import queue
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias

from .answers import Interrupted, Lost, Outcome, TimedOut, read_outcome
from .events import Ended, Event, Story, Told
from .problems import ServerMisbehaved, ServerProblem, ServerUnreachable, ServerUntrusted

State: TypeAlias = Literal["absent", "pending", "running", "terminal"]

_FIRST_PAUSE = 0.05
_LONGEST_PAUSE = 1.0
# A server serves one request at a time; what it spends on our looking it cannot spend on others.
_SHARE = 4
_LONGEST_REST = 10.0
ASKED_TOO_OFTEN = 429
_MOST_MESSAGES = 2000


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long to wait for what, in seconds.

    `read` is for a whole answer, `transfer` for a file up or down; an answer that keeps coming, at 64 KiB a
    second or more, may take longer. `job` is for a prompt from the start of waiting, `no_progress` for any
    sign that it gets on, `grace` for a server that went away while we waited, or asks for a pause. A prompt
    that a server denies twice, `lost` seconds apart, is lost.
    """

    connect: float = 5.0
    read: float = 30.0
    transfer: float = 600.0
    job: float = 6 * 3600.0
    no_progress: float = 1800.0
    grace: float = 15.0
    lost: float = 2.0

    def within(self, seconds: float) -> Timeouts:
        """The same for a job that may take so long: no wait on its way is longer."""
        shorter = {name: min(getattr(self, name), seconds) for name in ("connect", "read", "transfer", "grace")}
        return replace(self, job=seconds, **shorter)


USUAL = Timeouts()


@dataclass(frozen=True, slots=True)
class Sighting:
    """What one look shows: where a server has a prompt.

    `prompt_id` is the id the server knows it by, `entry` its history, `running` what the server works on.
    """

    state: State
    prompt_id: str = ""
    entry: Mapping[str, Any] = field(default_factory=dict)
    running: tuple[str, ...] = ()


class Patience:
    """How long silence, absence and outages are still borne."""

    def __init__(self, timeouts: Timeouts) -> None:
        self._timeouts = timeouts
        self._began = self._progress = time.monotonic()
        self._outage: float | None = None
        self._missing: float | None = None
        self._signs: object = None
        self.was_away = False

    def failed(self, problem: ServerProblem) -> None:
        """Notes that the server did not answer; raises the problem where that has lasted too long, or will for ever."""
        if isinstance(problem, ServerUntrusted):
            raise problem
        now = time.monotonic()
        self._outage = now if self._outage is None else self._outage
        self.was_away = self.was_away or isinstance(problem, ServerUnreachable)
        if now - self._outage >= self._timeouts.grace:
            raise problem

    def rest(self, problem: ServerMisbehaved, before: float) -> float:
        """How many seconds to leave a server alone, after so many before: as long as it says, up to the grace."""
        asked = min(problem.pause, self._timeouts.grace)
        if problem.status != ASKED_TOO_OFTEN:
            return asked
        return max(asked, min(max(2 * before, _FIRST_PAUSE), _LONGEST_REST))

    def is_lost(self, sighting: Sighting) -> bool:
        """Notes an answer; true where the prompt has been missing for too long."""
        now = time.monotonic()
        self._outage = None
        if sighting.state != "absent":
            self._missing, self.was_away = None, False
            signs = (sighting.state, sighting.running)
            if signs != self._signs:
                self._signs, self._progress = signs, now
            return False
        self._missing = now if self._missing is None else self._missing
        return now - self._missing >= self._timeouts.lost and now > self._missing

    def progressed(self) -> None:
        """Notes a sign that the prompt gets on."""
        self._progress = time.monotonic()

    def ran_out(self) -> TimedOut | None:
        """The deadline that has passed, if one has."""
        now, limits = time.monotonic(), self._timeouts
        if now - self._began >= limits.job:
            return TimedOut(f"it did not end in {limits.job:g} s")
        if now - self._progress >= limits.no_progress:
            return TimedOut(f"it showed no progress for {limits.no_progress:g} s")
        return None


class Inbox:
    """What the websocket brings, by prompt: what is told of one is kept while another is waited for.

    Filled by one thread and read by another.
    """

    def __init__(self) -> None:
        self._new: queue.SimpleQueue[tuple[str, Sequence[Told]]] = queue.SimpleQueue()
        self._kept: dict[str, deque[Sequence[Told]]] = {}

    def put(self, prompt_id: str, told: Sequence[Told]) -> None:
        """Adds what is told of a prompt."""
        if self._new.qsize() >= _MOST_MESSAGES:  # nobody reads them: the newest are worth most
            with contextlib.suppress(queue.Empty):
                self._new.get_nowait()
        self._new.put((prompt_id, told))

    def expect(self, prompt_id: str) -> None:
        """Keeps what is told of a prompt until it is asked for; of others nothing is kept."""
        self._kept.setdefault(prompt_id, deque(maxlen=_MOST_MESSAGES))

    def forget(self, prompt_id: str) -> None:
        """Keeps nothing more of a prompt."""
        self._kept.pop(prompt_id, None)

    def get(self, prompt_id: str, seconds: float) -> Sequence[Told]:
        """The next that is told of a prompt, within so many seconds. Raises queue.Empty."""
        end = time.monotonic() + seconds
        while not (mine := self._kept.get(prompt_id)):
            left = end - time.monotonic()
            if left < 0:
                raise queue.Empty
            self._sort(*self._new.get(timeout=left), prompt_id)
        return mine.popleft()

    def rest(self, prompt_id: str) -> Sequence[Sequence[Told]]:
        """All that has been told of a prompt so far."""
        for _ in range(self._new.qsize()):
            self._sort(*self._new.get_nowait(), prompt_id)
        return self._kept.pop(prompt_id, ())

    def _sort(self, whose: str, told: Sequence[Told], awaited: str) -> None:
        if whose == awaited:
            self.expect(whose)
        if whose in self._kept:
            self._kept[whose].append(told)


class Vigil:
    """Watching one prompt until it ends."""

    def __init__(
        self, prompt_id: str, look: Callable[[str], Sighting], inbox: Inbox, patience: Patience, cancelled: Set[str]
    ) -> None:
        self._prompt_id, self._look, self._inbox, self._cancelled = prompt_id, look, inbox, cancelled
        self._patience = patience
        self._story = Story()
        self._cost = 0.0
        self._rest = 0.0

    def until_over(self, on_event: Callable[[Event], None]) -> Outcome:
        """How the prompt ended; `on_event` hears what happens until then. Raises ServerProblem."""
        pause = _FIRST_PAUSE
        while True:
            # Listening comes first: a prompt taken just now is hardly over, and the end of a short one is heard.
            hinted = self._hear(max(pause, self._rest, min(_SHARE * self._cost, _LONGEST_REST)), on_event)
            outcome = self._seen() or self._patience.ran_out()
            if outcome is not None:
                for told in self._inbox.rest(self._prompt_id):
                    self._pass_on(told, on_event)
                return outcome
            pause = _FIRST_PAUSE if hinted else min(1.5 * pause, _LONGEST_PAUSE)

    def _seen(self) -> Outcome | None:
        began, self._cost = time.monotonic(), 0.0
        try:
            sighting = self._look(self._prompt_id)
            self._cost, self._rest = time.monotonic() - began, 0.0
        except ServerProblem as problem:
            if isinstance(problem, ServerMisbehaved):
                self._rest = self._patience.rest(problem, self._rest)
            if isinstance(problem, ServerMisbehaved) and problem.status == ASKED_TOO_OFTEN:
                return None
            # A server that holds the connection and says nothing is busy, not dead.
            if not (isinstance(problem, ServerUnreachable) and problem.silent):
                self._failed(problem)
            return None
        if sighting.state == "terminal":
            return read_outcome(sighting.entry)
        if sighting.state == "absent" and self._prompt_id in self._cancelled:
            return Interrupted("")
        if not self._patience.is_lost(sighting):
            return None
        if self._patience.was_away:
            return Lost("the server restarted, it seems: it was away for a while and no longer knows the prompt")
        return Lost("the server has the prompt neither in its queue nor in its history")

    def _failed(self, problem: ServerProblem) -> None:
        try:
            self._patience.failed(problem)
        except ServerProblem:
            problem.what += f'; prompt "{self._prompt_id}" was submitted there and may be unfinished'
            raise

    def _hear(self, seconds: float, on_event: Callable[[Event], None]) -> bool:
        """Passes on what the websocket brings; true as soon as it says that the prompt is over."""
        end = time.monotonic() + seconds
        with contextlib.suppress(queue.Empty):
            while (left := end - time.monotonic()) >= 0:
                if self._pass_on(self._inbox.get(self._prompt_id, left), on_event):
                    return True
        return False

    def _pass_on(self, told: Sequence[Told], on_event: Callable[[Event], None]) -> bool:
        """Passes on what is news; true where the prompt is over."""
        for event in told:
            if self._story.is_news(event):
                self._patience.progressed()
                if isinstance(event, Ended):
                    return True
                on_event(event)
        return False

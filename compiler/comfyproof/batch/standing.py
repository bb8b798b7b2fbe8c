"""How a batch stands: what is done, what is left, who works on it, and why jobs failed; nothing is written for it."""

from __future__ import annotations

import fcntl
import json
import os
import re
import socket
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from statistics import median
from typing import Any, NamedTuple

from .folder import BatchFolder
from .ledger import Ledger

STATES = ("todo", "claimed", "done", "failed", "cancelled")
# Of a log only its end can matter: a server that is away says so again.
_MAX_LOG = 2**26
_MAX_LINE = 2**16
_RECENT = 600.0  # seconds before a server's last picture, over which its pace is measured
_NAMED = 3
_NUMBER = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|\d[\d.,]*")
_WHO = re.compile(r"process (\d+) on (\S+), ")


class ServerStanding(NamedTuple):
    """One server's part: jobs done and claimed, the median of their seconds, and pictures a minute of late.

    `holder` is the coordinator that may submit to it now. `state` is "away", "quarantined" or "changed" where the log
    says so, with the reason.
    """

    name: str
    done: int
    claimed: int
    seconds: float | None
    per_minute: float | None
    holder: str
    state: str
    reason: str


class Failure(NamedTuple):
    """A reason for which jobs failed, how many did, and the names of the first."""

    reason: str
    jobs: int
    names: tuple[str, ...]


class Standing(NamedTuple):
    """How a batch stands. `left` are the seconds that it still takes, if nothing changes; None where nobody can say."""

    batch: str
    counts: Mapping[str, int]
    unexamined: int
    servers: tuple[ServerStanding, ...]
    failures: tuple[Failure, ...]
    working: str
    left: float | None

    @property
    def jobs(self) -> int:
        """All jobs of the latest command."""
        return sum(self.counts.values())

    @property
    def open(self) -> int:
        """The jobs that are still to be done."""
        return self.counts["todo"] + self.counts["claimed"]


class Tail:
    """What the log last said of each server; read once, and from then on only what is new."""

    def __init__(self, folder: BatchFolder) -> None:
        self._path = folder.events
        self._at = 0
        self.servers: dict[str, tuple[str, str]] = {}

    def read(self) -> None:
        """Takes in what the log holds by now; a log that cannot be read says nothing."""
        with suppress(OSError), self._path.open("rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            if size < self._at:
                self._at, self.servers = 0, {}
            if size - self._at > _MAX_LOG:
                self._at = size - _MAX_LOG
            stream.seek(self._at)
            while (line := stream.readline(_MAX_LINE)).endswith(b"\n"):
                self._at += len(line)
                if b'"server"' in line or b'"began"' in line:
                    self._take(line)
            if len(line) == _MAX_LINE:  # no event is so long
                self._at += len(line)

    def _take(self, line: bytes) -> None:
        try:
            event = json.loads(line)
        except (ValueError, RecursionError):
            return
        if not isinstance(event, dict):
            return
        if event.get("event") == "began":
            self.servers = {}
        elif event.get("event") == "server" and isinstance(event.get("server"), str):
            self.servers[event["server"]] = (str(event.get("state", "")), str(event.get("reason", "")))


@dataclass
class _Part:
    """A server's part, as the rows are read."""

    claimed: int = 0
    seconds: list[float] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)

    def per_minute(self) -> float | None:
        """Pictures a minute, of late."""
        if len(self.ended) < 2:
            return None
        last = _at(max(self.ended))
        recent = [at for at in map(_at, sorted(self.ended)[-200:]) if last - at <= _RECENT]
        took = last - min(recent)
        return (len(recent) - 1) / took * 60 if took > 0 else None


def standing(folder: BatchFolder, ledger: Ledger, batch: str, tail: Tail) -> Standing:
    """How a batch stands now. Raises LedgerProblem, NoBatch."""
    tail.read()
    counts = dict.fromkeys(STATES, 0)
    parts: dict[str, _Part] = {}
    failed: dict[str, tuple[str, list[str]]] = {}
    unexamined = 0
    for row in ledger.rows():
        counts[row.state] = counts.get(row.state, 0) + 1
        if row.state == "failed":
            reason = row.reason or "for a reason that nobody noted"
            failed.setdefault(_NUMBER.sub("#", reason), (reason, []))[1].append(row.key)
        if row.server and row.state in ("done", "claimed"):
            part = parts.setdefault(row.server, _Part())
            if row.state == "claimed":
                part.claimed += 1
                continue
            unexamined += row.verdict == "not fully examined"
            part.ended.append(row.ended or "")
            if row.seconds:
                part.seconds.append(row.seconds)
    holders = ledger.holders()
    working = worked_on(folder) or ", ".join(sorted(set(holders.values())))
    servers = tuple(
        _server(name, parts.get(name) or _Part(), holders.get(name, ""), tail.servers.get(name, ("", "")))
        for name in sorted({*parts, *holders, *tail.servers})
    )
    everything = [second for part in parts.values() for second in part.seconds]
    left = _left(counts["todo"] + counts["claimed"], servers, median(everything) if everything else None)
    return Standing(batch, counts, unexamined, servers, tuple(_failures(ledger, failed)), working, left)


def _server(name: str, part: _Part, holder: str, said: tuple[str, str]) -> ServerStanding:
    state, reason = said if said[0] != "back" else ("", "")
    seconds = median(part.seconds) if part.seconds else None
    return ServerStanding(name, len(part.ended), part.claimed, seconds, part.per_minute(), holder, state, reason)


def _left(open: int, servers: tuple[ServerStanding, ...], usual: float | None) -> float | None:
    """The seconds that so many jobs take, on the servers that are neither away nor quarantined."""
    if not open:
        return 0.0
    taken = [server.seconds or usual for server in servers if server.state not in ("away", "quarantined")]
    pace = sum(1 / seconds for seconds in taken if seconds)
    if not pace:
        return None
    # No other server takes what one has claimed already and runs now.
    return max(open / pace, *(server.seconds or usual or 0.0 for server in servers if server.claimed), 0.0)


def _failures(ledger: Ledger, failed: Mapping[str, tuple[str, list[str]]]) -> Iterator[Failure]:
    """The reasons, the most frequent first."""
    for reason, keys in sorted(failed.values(), key=lambda found: -len(found[1])):
        names = (next((name for name, _, _ in ledger.names(key)), key[:16]) for key in keys[:_NAMED])
        yield Failure(reason, len(keys), tuple(names))


def worked_on(folder: BatchFolder) -> str:
    """Who works on a batch now, on this machine or alone; empty if nobody does. Raises NoBatch."""
    try:
        lock = (folder.own / "lock").open("rb")
    except OSError:
        return ""
    with lock:
        who = lock.read(300).decode(errors="replace").strip()
        # Who works says so in the file, and takes it out again at the end. Only a process that was killed leaves it
        # there, so that nobody is disturbed by our trying whether the lock is free.
        if not who:
            return ""
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return who
    # Those who share a ledger share the lock, which then is free to try.
    return who if folder.about().get("ledger") and _lives(who) else ""


def _lives(who: str) -> bool:
    """Whether a process of this machine, which shares the lock with others, is still there."""
    found = _WHO.match(who)
    if found is None or found[2] != socket.gethostname():
        return False
    try:
        os.kill(int(found[1]), 0)
    except PermissionError:
        return True
    except (OSError, OverflowError):
        return False
    return True


def as_data(found: Standing) -> dict[str, Any]:
    """The same for programs; docs/batch.md says what it holds."""
    return {
        "schema": SCHEMA,
        "batch": found.batch,
        "working": found.working or None,
        "jobs": found.jobs,
        "counts": dict(found.counts),
        "not_fully_examined": found.unexamined,
        "seconds_left": None if found.left is None else round(found.left, 1),
        "servers": [{**s._asdict(), "holder": s.holder or None, "state": s.state or None} for s in found.servers],
        "failures": [{**f._asdict(), "names": list(f.names)} for f in found.failures],
    }


SCHEMA = "comfyproof/batch-status/1"


def _at(ended: str) -> float:
    try:
        return datetime.fromisoformat(ended).timestamp()
    except ValueError:
        return 0.0

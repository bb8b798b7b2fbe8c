"""What a batch promised, proven from what it left behind: its log of events and its folder, and nothing else.

    python history_checker.py FOLDER [--exit CODE] [--canary TEXT]...

Reads FOLDER/.comfyproof/events.ndjson and the files of FOLDER, writes a line for each broken promise, and exits with 1
where there is any. It knows nothing of the program that it judges, so that the two cannot agree on a mistake.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import struct
import sys
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

OWN = ".comfyproof"
SIGNATURE = b"\x89PNG\r\n\x1a\n"
HEX = re.compile(r"[0-9a-f]{64}")
MEDIA = {".png", ".jpg", ".jpeg", ".webp", ".gif", ".mp4", ".webm", ".flac", ".mp3", ".opus", ".wav", ".bin"}
# What each event must say, in its own words.
FIELDS = {
    "began": ("batch", "coordinator", "jobs", "servers"), "claimed": ("shard", "server", "jobs"),
    "submitted": ("job", "prompt_id", "server", "epoch"), "found": ("job", "prompt_id", "server", "state"),
    "executed": ("job", "prompt_id", "server"), "released": ("server", "jobs"), "ledger": ("state",),
    "repeated": ("jobs",), "queue": ("server", "prompts"),
    "lost": ("job", "prompt_id", "server"), "attempt": ("job", "prompt_id", "server", "outcome"),
    "accepted": ("job", "output", "sha256", "bytes"), "conflict": ("job", "output", "sha256"),
    "done": ("job", "verdict"), "failed": ("job", "reason"), "cancelled": ("job",),
    "server": ("server", "state"), "ended": ("done", "failed", "left", "exit"),
}  # fmt: skip
OUTCOMES = {"refused", "error", "oom", "timeout", "not-as-promised", "interrupted", "lost", "damaged", "gone", "fused"}


def check(events: Path, folder: Path, ended: int | None, *, canaries: Iterable[bytes] = (), most: int = 2) -> list[str]:
    """The promises that were broken, each in a line; empty where all were kept.

    `ended` is the exit code of the last process, None where it was killed. `canaries` are secrets that must be nowhere.
    At most so many prompts may be under way on one server.
    """
    log = _Log(folder, most)
    log.said += _read(events, log)
    log.judge_end(ended)
    return [*log.said, *_store(folder), *_names(folder, log), *_secrets(folder, tuple(canaries))]


def _read(events: Path, log: _Log) -> Iterator[str]:
    """Hands each event to the log; complains of lines that are none."""
    try:
        lines = events.read_bytes().split(b"\n")
    except OSError as problem:
        yield f"the log cannot be read: {problem.strerror}"
        return
    torn = 0
    for number, line in enumerate(lines, 1):
        if not line:
            continue
        try:
            event = json.loads(line)
            kind = event["event"]
            lacking = [name for name in ("at", *FIELDS[kind]) if name not in event]
        except (ValueError, KeyError, TypeError, RecursionError):
            if torn:
                yield f"line {torn} of the log is no event"
            torn = number
            continue
        if torn:  # a kill may tear the last line that a process wrote, and no other
            if kind != "began":
                yield f"line {torn} of the log is no event, and no new beginning follows it"
            torn = 0
        if lacking:
            yield f'line {number}: "{kind}" does not say {", ".join(lacking)}'
            continue
        try:
            yield from [f"line {number}: {complaint}" for complaint in log.take(event)]
        except (TypeError, AttributeError):
            yield f'line {number}: "{kind}" says something of a wrong kind'


class _Log:
    """What the events told so far amount to."""

    def __init__(self, folder: Path, most: int) -> None:
        self.folder, self.most = folder, most
        self.said: list[str] = []
        self.accepted: dict[tuple[str, Any], dict[str, Any]] = {}
        self.done: set[str] = set()
        self.failed: set[str] = set()
        self.cancelled: set[str] = set()
        self.jobs: set[str] = set()  # that were claimed or sent
        self.expected: int | None = None
        self.end: dict[str, Any] | None = None
        self._beginnings = 0
        # Of each job: the last prompt sent with its server and epoch, in which process, and whether it is judged.
        self._sent: dict[str, tuple[str, str, Any, int]] = {}
        self._ids: dict[str, set[str]] = defaultdict(set)
        self._judged: set[tuple[str, str]] = set()
        self._under_way: dict[str, set[tuple[str, str]]] = defaultdict(set)
        self._failed_at: dict[str, int] = {}
        self._accepted_at: dict[tuple[str, Any], int] = {}

    def take(self, event: dict[str, Any]) -> Iterator[str]:
        """Takes one event; gives what is wrong with it after all that came before."""
        kind = event["event"]
        if kind != "ended":
            self.end = None
        if isinstance(event.get("job"), str):
            self.jobs.add(event["job"])
        handler = getattr(self, f"_{kind}", None)
        if handler is not None:
            yield from handler(event)

    def _began(self, event: dict[str, Any]) -> Iterator[str]:
        self._beginnings += 1
        jobs = event["jobs"]
        self.expected = len(jobs) if isinstance(jobs, list) else jobs if isinstance(jobs, int) else None
        yield from ()

    def _claimed(self, event: dict[str, Any]) -> Iterator[str]:
        self.jobs.update(job for job in event["jobs"] if isinstance(job, str))
        yield from ()

    def _submitted(self, event: dict[str, Any]) -> Iterator[str]:
        job, id, server, epoch = event["job"], event["prompt_id"], event["server"], event["epoch"]
        if job in self.done:
            yield f"{job} is sent though it is done"
        if job in self._sent:
            before, where, old, when = self._sent[job]
            judged = (job, before) in self._judged or job in self.failed
            if id != before and not judged:
                yield f"{job} is sent again as {id}, and nobody has said what became of {before}"
            elif id == before and where != server and not judged:
                yield f"{job} is sent to {server} while {where} has the same prompt"
            elif id == before and where == server and not judged and when == self._beginnings:
                yield f"{job} is sent twice to {server} by one process"
            if isinstance(epoch, int) and isinstance(old, int):
                if epoch < old:
                    yield f"{job} goes back from epoch {old} to {epoch}"
                elif epoch > old and not judged:
                    yield f"{job} comes to epoch {epoch} without a verdict on epoch {old}"
        self._sent[job] = (id, server, epoch, self._beginnings)
        self._ids[job].add(id)
        yield from self._on_its_way(job, id, server)

    def _found(self, event: dict[str, Any]) -> Iterator[str]:
        job, id, server = event["job"], event["prompt_id"], event["server"]
        self._ids[job].add(id)
        _, _, epoch, _ = self._sent.get(job, ("", "", None, 0))
        if self._sent.get(job, (id,))[0] != id and (job, self._sent[job][0]) not in self._judged:
            yield f"{job} is found as {id} while {self._sent[job][0]} is under way"
        self._sent[job] = (id, server, epoch, self._beginnings)
        if event["state"] == "terminal":
            self._over(job, id)
        else:
            yield from self._on_its_way(job, id, server)

    def _on_its_way(self, job: str, id: str, server: str) -> Iterator[str]:
        self._over(job, id)
        there = self._under_way[server]
        there.add((job, id))
        ids = {id for _, id in there}  # several jobs may share one
        if len(ids) > self.most:
            yield f"{len(ids)} prompts are under way on {server}: {', '.join(sorted(id for _, id in there))}"

    def _over(self, job: str, id: str | None = None) -> None:
        for there in self._under_way.values():
            there -= {each for each in there if each[0] == job and id in (None, each[1])}

    def _queue(self, event: dict[str, Any]) -> Iterator[str]:
        """What a server has of ours, as it says itself: the rest is over there, or forgotten."""
        there = self._under_way[event["server"]]
        there -= {each for each in there if each[1] not in event["prompts"]}
        yield from ()

    def _executed(self, event: dict[str, Any]) -> Iterator[str]:
        """It has ended on its server, and is still to be fetched."""
        self._over(event["job"], event["prompt_id"])
        yield from ()

    def _released(self, event: dict[str, Any]) -> Iterator[str]:
        """Its server is given up: another may have the job."""
        for job in event["jobs"]:
            if job in self._sent:
                self._judged.add((job, self._sent[job][0]))
            self._over(job)
        yield from ()

    def _lost(self, event: dict[str, Any]) -> Iterator[str]:
        yield from self._verdict(event)

    def _attempt(self, event: dict[str, Any]) -> Iterator[str]:
        if event["outcome"] not in OUTCOMES:
            yield f'"{event["outcome"]}" is no outcome of an attempt'
        yield from self._verdict(event)

    def _verdict(self, event: dict[str, Any]) -> Iterator[str]:
        job, id = event["job"], event["prompt_id"]
        if id not in self._ids[job]:
            yield f"{id} of {job} is judged and was never sent"
        self._judged.add((job, id))
        self._over(job, id)

    def _accepted(self, event: dict[str, Any]) -> Iterator[str]:
        job, key, hash = event["job"], (event["job"], event["output"]), event["sha256"]
        id = event.get("prompt_id")
        if id and self._ids[job] and id not in self._ids[job]:
            yield f"{job} has a result of {id}, which was never sent for it"
        if key in self.accepted:
            same = all(self.accepted[key].get(name) == event.get(name) for name in ("sha256", "bytes"))
            # A process that was killed between the deed and the next line may say it once more.
            if not same or self._accepted_at[key] == self._beginnings:
                yield f"{job} has a second accepted result for its output {event['output']}"
        self.accepted[key], self._accepted_at[key] = event, self._beginnings
        self._over(job, id or None)
        yield from _object(self.folder, event, hash)

    def _done(self, event: dict[str, Any]) -> Iterator[str]:
        job = event["job"]
        if not any(key[0] == job for key in self.accepted):
            yield f"{job} is done and has no accepted result"
        if job in self.failed and self._failed_at[job] == self._beginnings:
            yield f"{job} is done after it had failed"
        self.failed.discard(job)
        self.cancelled.discard(job)
        self.done.add(job)
        self._over(job)

    def _failed(self, event: dict[str, Any]) -> Iterator[str]:
        job = event["job"]
        if job in self.done:
            yield f"{job} fails though it is done"
        self.failed.add(job)
        self._failed_at[job] = self._beginnings
        self._over(job)

    def _cancelled(self, event: dict[str, Any]) -> Iterator[str]:
        if event["job"] in self.done:
            yield f"{event['job']} is cancelled though it is done"
        self.cancelled.add(event["job"])
        self._over(event["job"])

    def _ended(self, event: dict[str, Any]) -> Iterator[str]:
        self.end = event
        if event["exit"] == 0 and (event["failed"] or event["left"]):
            yield f"success is told, with {event['failed']} failed and {event['left']} left"
        if event["exit"] == 0:
            yield from (f"success is told, and {job} is not done" for job in sorted(self.jobs - self.done))
            if isinstance(self.expected, int) and len(self.done) < self.expected:
                yield f"success is told, and {len(self.done)} of {self.expected} jobs are done"
        if isinstance(event["done"], int) and event["done"] > len(self.done):
            yield f"{event['done']} are told to be done, and {len(self.done)} are"

    def judge_end(self, ended: int | None) -> None:
        """Adds what is wrong with how it all ended."""
        if self.end is not None:
            finished = {job for job, _ in self.accepted}
            self.said += [
                f"{job} has a result, and nobody says what became of the job"
                for job in sorted(finished - self.done - self.failed - self.cancelled)
            ]
        if ended is None:
            return
        if self.end is None and ended == 0:
            self.said.append("it exits with 0 and does not say that it ended")
        if self.end is not None and self.end["exit"] != ended:
            self.said.append(f"it exits with {ended} and says {self.end['exit']}")


def _object(folder: Path, event: dict[str, Any], hash: Any) -> Iterator[str]:
    """What is wrong with the file of an accepted result."""
    job = event["job"]
    if not isinstance(hash, str) or not HEX.fullmatch(hash):
        yield f"{job} has a result whose sha256 is none"
        return
    found = [path for path in (folder / OWN / "objects" / hash[:2]).glob(f"{hash[2:]}*") if path.stem == hash[2:]]
    if not found or found[0].is_symlink() or not found[0].is_file():
        yield f"the accepted result {hash} of {job} is not in the store"
        return
    data = found[0].read_bytes()
    if len(data) != event["bytes"]:
        yield f"the accepted result {hash} of {job} has {len(data)} bytes, not {event['bytes']}"
    if hashlib.sha256(data).hexdigest() != hash:
        yield f"the accepted result {hash} of {job} has other bytes"
    elif data.startswith(SIGNATURE) or found[0].suffix == ".png":
        try:
            texts = _walked(data)
        except ValueError as problem:
            yield f"the accepted result {hash} of {job} is no whole picture: {problem}"
        else:
            yield from _whose(texts.get("prompt"), event)


def _walked(data: bytes) -> dict[str, str]:
    """The plain texts of a PNG that is whole to its last byte. Raises ValueError."""
    if not data.startswith(SIGNATURE):
        raise ValueError("it is no PNG")
    at, texts, kind, packed = 8, {}, b"", b""
    while kind != b"IEND":
        if at + 12 > len(data):
            raise ValueError("it ends too early")
        (length,) = struct.unpack_from(">I", data, at)
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        if at + 12 + length > len(data):
            raise ValueError("it ends within a chunk")
        if zlib.crc32(kind + body) != struct.unpack_from(">I", data, at + 8 + length)[0]:
            raise ValueError(f"the checksum of the chunk at byte {at} is wrong")
        if kind == b"tEXt":
            name, _, text = body.partition(b"\0")
            texts[name.decode("latin-1")] = text.decode("latin-1")
        packed += body if kind == b"IDAT" else b""
        at += 12 + length
    if at != len(data):
        raise ValueError(f"{len(data) - at} bytes follow its end")
    try:
        zlib.decompress(packed)
    except zlib.error as problem:
        raise ValueError(f"its pixels cannot be unpacked: {problem}") from None
    return texts


def _whose(prompt: str | None, event: dict[str, Any]) -> Iterator[str]:
    """Whether a picture is of the prompt that it was accepted for: a save node of that has an ending of its own."""
    id = event.get("prompt_id")
    if prompt is None or not id:
        return
    try:
        nodes = json.loads(prompt).values()
        prefixes = [node["inputs"]["filename_prefix"] for node in nodes if "filename_prefix" in node.get("inputs", {})]
    except (ValueError, AttributeError, TypeError, RecursionError):
        yield f"the result of {event['job']} carries a prompt that is none"
        return
    if prefixes and not any(str(prefix).endswith(f"_{id[:8]}") for prefix in prefixes):
        yield f"the result of {event['job']} was made by another prompt than {id}"


def _store(folder: Path) -> Iterator[str]:
    """Files of the store that are not what their names say."""
    for path in sorted((folder / OWN / "objects").rglob("*")):
        if path.is_symlink():
            yield f"{path.name} in the store is a link"
        elif path.is_file() and not path.name.startswith("."):
            hash = path.parent.name + path.name.partition(".")[0]
            if hashlib.sha256(path.read_bytes()).hexdigest() != hash:
                yield f"the object {hash} in the store has other bytes"


def _names(folder: Path, log: _Log) -> Iterator[str]:
    """Names in the folder that lead elsewhere, are of nobody, or have other bytes than were accepted for them."""
    hashes = {event["sha256"] for event in log.accepted.values()}
    wanted = {str(e["file"]): e for e in log.accepted.values() if isinstance(e.get("file"), str)}
    for name in sorted(wanted):
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or "\\" in name:
            yield f'"{name}" is a name outside the folder'
        elif log.end is not None and log.end["exit"] == 0 and not (folder / name).is_file():
            yield f'"{name}" was accepted and is not in the folder'
        elif (folder / name).is_file() and _hash(folder / name) != wanted[name]["sha256"]:
            yield f'"{name}" has other bytes than were accepted for it'
    for path in sorted(folder.rglob("*")):
        if OWN in path.relative_to(folder).parts:
            continue
        if path.is_symlink():
            yield f'"{path.relative_to(folder)}" is a link'
        elif path.is_file() and path.suffix in MEDIA and _hash(path) not in hashes:
            yield f'"{path.relative_to(folder)}" was never accepted'


def _secrets(folder: Path, canaries: tuple[bytes, ...]) -> Iterator[str]:
    for path in sorted(folder.rglob("*")) if canaries else []:
        if path.is_file():
            data = path.read_bytes()
            yield from (f'a secret is in "{path.relative_to(folder)}"' for canary in canaries if canary in data)


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--exit", type=int, default=None, help="the exit code of the last process")
    parser.add_argument("--canary", action="append", default=[], help="a text that must be nowhere")
    given = parser.parse_args()
    canaries = [text.encode() for text in given.canary]
    broken = check(given.folder / OWN / "events.ndjson", given.folder, given.exit, canaries=canaries)
    print("\n".join(broken) if broken else "all promises kept")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())

"""Examining a server: what works, what is worth knowing, what is wrong; it is only asked, and nothing is changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..driver import Compiled
from ..files import IO_FOLDERS
from .access import Access
from .client import Client
from .doctor_address import look_at_address, look_at_clock, look_at_login, look_at_round_trip
from .doctor_models import folders_of, of_folders, of_slashes
from .doctor_nodes import files_by_folder, look_at_nodes
from .doctor_queue import look_at_history, look_at_queue
from .doctor_socket import look_at_websocket
from .doctor_specs import look_at_missing, look_at_spec, secrets_of
from .doctor_system import argv_of, look_at_prompt_ids, look_at_system
from .observations import PATIENT, Deadlines, Observation, State, discreet, ok, size, unknown
from .problems import ServerProblem
from .waiting import USUAL
from .wire import Wire

_REACH = ("name", "port", "tls", "http")


@dataclass(frozen=True)
class Verdict:
    """What an examination comes to: "fine", "wrong", "not examined" or "unreachable", and the same in a sentence."""

    word: str
    sentence: str


def examine(
    url: str,
    access: Access,
    specs: Sequence[Compiled],
    looking: Callable[[str], None],
    limits: Deadlines = PATIENT,
) -> Iterator[Observation]:
    """What there is to see of a server, bit by bit; `looking` hears what is looked at. Raises ValueError.

    Only GET requests are sent, and a websocket is opened: nothing is queued, uploaded or changed.
    """
    wire = Wire(url, limits.connect, access)
    client = Client(url, access=access, timeouts=replace(USUAL, connect=limits.connect, read=limits.read))
    secrets = {**secrets_of(specs), **access.secrets()}
    try:
        for seen in _Examination(wire, client, access, limits, specs, looking).run_through():
            yield discreet(seen, secrets)
    finally:
        wire.close()
        client.close()


@dataclass
class _Examination:
    """One look at a server, in its order."""

    wire: Wire
    client: Client
    access: Access
    limits: Deadlines
    specs: Sequence[Compiled]
    looking: Callable[[str], None]
    folders: dict[str, list[str]] = field(default_factory=dict)

    def run_through(self) -> Iterator[Observation]:
        self.looking("the address")
        reached = yield from look_at_address(self.wire, self.access, self.limits)
        if reached is None:
            return
        self.looking("the way there")
        yield from look_at_round_trip(self.wire, self.limits)
        yield from look_at_login(self.wire, self.access, argv_of(reached.stats), self.limits)
        yield look_at_clock(reached)
        yield from look_at_system(reached.stats)
        self.looking("the websocket")
        yield look_at_websocket(self.wire.url, self.access, self.limits)
        self.looking("the queue and the history")
        yield from look_at_prompt_ids(reached.stats, self._jobs())
        yield from look_at_queue(self.wire, self.limits)
        yield look_at_history(self.wire, self.limits)
        self.looking("all nodes, which may take minutes")
        catalog = yield from look_at_nodes(self.wire, self.limits)
        self.looking("the model folders")
        yield from self._models(reached.stats, files_by_folder(catalog) if catalog else {})
        largest = self._largest()
        yield _uploads(largest)
        yield unknown("disk", "ComfyUI does not tell how much room there is", matters=False)
        held = []
        for each in self.specs:
            self.looking(f'"{each.file}"')
            held.append(look_at_spec(each, self.client, reached.stats, self.folders, largest))
            yield held[-1]
        yield from look_at_missing(held)

    def _jobs(self) -> bool | None:
        """Whether newer ComfyUI's list of jobs is there; None where that cannot be told."""
        try:
            answer = self.wire.get("/api/jobs", self.limits.read, params={"limit": "1"})
        except ServerProblem:
            return None
        return {200: True, 404: False}.get(answer.status)

    def _models(self, stats: Mapping[str, Any], listed: Mapping[str, list[str]]) -> Iterator[Observation]:
        system = stats["system"]
        emulator = system.get("comfyproof_emulator")
        unread, why = 0, None
        try:
            self.folders, unread = folders_of(self.wire, self.limits)
        except ServerProblem as problem:
            self.folders, why = {name: list(files) for name, files in listed.items() if name not in IO_FOLDERS}, problem
        if self.folders or why is None:
            yield from of_folders(self.folders, unread, isinstance(emulator, Mapping))
        else:
            yield unknown("models", why.what, why.help)
        yield of_slashes([name for files in self.folders.values() for name in files], str(system.get("os", "")))

    def _largest(self) -> int | None:
        """The bytes that an upload may have; None where it is not told."""
        try:
            features = self.wire.json(self.wire.get("/features", self.limits.read), "a question about its features")
        except ServerProblem:
            return None
        found = features.get("max_upload_size") if isinstance(features, dict) else None
        return int(found) if isinstance(found, int | float) and size(found) else None


def judged(seen: Sequence[Observation]) -> Verdict:
    """What an examination comes to."""
    bad = [each for each in seen if each.state is State.WRONG]
    gaps = list(dict.fromkeys(each.name for each in seen if each.state is State.UNKNOWN and each.matters))
    if any(each.name in _REACH for each in bad):
        return Verdict("unreachable", "No ComfyUI was reached.")
    specs = [each for each in seen if each.name == "spec"]
    if bad:
        unfit = sum(1 for each in specs if each.state is State.WRONG)
        names = dict.fromkeys(each.name for each in bad if each.name != "spec")
        which = "the spec" if len(specs) == 1 else f"{unfit} of {len(specs)} specs"
        what = [*names, *([which] if unfit else [])]
        return Verdict("wrong", f"Something is wrong: {', '.join(what)}.")
    if gaps:
        return Verdict("not examined", f"Nothing wrong was found, but not all could be looked at: {', '.join(gaps)}.")
    notes = any(each.state is State.NOTE for each in seen)
    fits = {0: "", 1: ", and the spec can run here"}.get(len(specs), f", and all {len(specs)} specs can run here")
    return Verdict("fine", f"Nothing is wrong{fits}." + (" The notes are good to know." if notes else ""))


def _uploads(largest: int | None) -> Observation:
    if largest is None:
        return unknown("uploads", "it does not tell how large a file it takes", matters=False)
    return ok("uploads", f"files up to {size(largest)}; none was tried", facts={"most_bytes": largest})

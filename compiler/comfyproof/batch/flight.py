"""A prompt on its way, of one job or of several: prepared for a server, submitted, brought home and verified."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..catalog.pinned import Catalog
from ..diagnostics import Diagnostic, Severity, has_errors
from ..driver import Program
from ..fusing import fuse
from ..graph import Graph
from ..run.answers import Failed, Interrupted, Lost, Outcome, Refusal, Succeeded, TimedOut
from ..run.client import Client
from ..run.job import Run
from ..run.outcome import refused, went_wrong
from ..run.prepare import prepared
from ..run.problems import ServerMisbehaved
from ..run.proof import Proof
from ..run.record import write_record
from ..run.secrets import hidden, known_secrets
from ..run.waiting import State
from ..verify.expected import Verdict
from .failpoints import passed
from .ledger import Output, Row
from .store import Store, pixels_of


class NotTaken(Exception):
    """A server will not run a job; the message says why."""


class Unfit(Exception):
    """A server cannot run a job, which it was not asked to; the message says why."""


@dataclass
class Member:
    """One job of a flight, and the run that it has become; `nodes` are the outputs that are its own, all if None."""

    row: Row
    run: Run
    folder: Path
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    nodes: frozenset[str] | None = None

    def bring_home(self, outcome: Succeeded, client: Client) -> tuple[str, str]:
        """Fetches and verifies what the server made: what came of it, and why.

        "verified" and "not fully examined" are good; the rest are words of the retry table. Raises ServerUnreachable,
        OSError.
        """
        passed("before-fetch")
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self.run.folder = self.folder
        proof = Proof(self.run, client, self.secrets)
        try:
            proof.take(self._own(outcome))
        except ServerMisbehaved as problem:
            return "gone", hidden(problem.what, self.secrets)
        proof.judge()
        if any(picture.checks and _is_damaged(picture.checks) for picture in self.run.pictures):
            return "damaged", _first(self.run.findings)
        if self.run.verdict == "failed":
            return "gone", _first(self.run.findings)
        return self.run.verdict.replace("not as promised", "not-as-promised"), _first(self.run.findings)

    def _own(self, outcome: Succeeded) -> Succeeded:
        if self.nodes is None:
            return outcome
        files = tuple(file for file in outcome.outputs if file.node_id in self.nodes)
        return Succeeded(files, tuple(text for text in outcome.texts if text.node_id in self.nodes))

    def outputs(self, store: Store) -> list[Output]:
        """The files, taken into the store. Raises OSError."""
        found = []
        for number, picture in enumerate(self.run.pictures):
            checks = [
                {"name": c.name, "verdict": c.verdict.value, "expected": c.expected, "measured": c.measured}
                for c in picture.checks
            ]
            stored, pixels = store.take(picture.path), pixels_of(picture.path)
            found.append(Output(self.row.key, number, stored, picture.stage, checks, pixels))
        return found

    def landed(self) -> None:
        """Leaves nothing behind."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def keep_evidence(self, folder: Path) -> None:
        """Keeps what came of a job that is not as promised, with the record of it. Raises OSError."""
        if self.run.folder is None or not self.folder.exists():
            return
        passed("before-evidence")
        write_record(self.run, self.folder / "run.json", self.secrets)
        folder.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(folder, ignore_errors=True)
        self.folder.rename(folder)
        passed("after-evidence")


@dataclass
class Flight:
    """One prompt on its way, for one job, or for several that share work."""

    prompt_id: str  # the server's own, where it is too old to take ours
    members: tuple[Member, ...]
    client: Client
    begun: float = field(default_factory=time.monotonic)

    @property
    def keys(self) -> list[str]:
        """The jobs."""
        return [member.row.key for member in self.members]

    def wait(self) -> Outcome:
        """How it ended on the server. Raises ServerProblem."""
        return self.client.wait(self.prompt_id, lambda _: None)


def _is_damaged(checks: tuple[Any, ...]) -> bool:
    complete = next((check for check in checks if check.name == "complete"), None)
    return complete is not None and complete.verdict is Verdict.FAILED


def board(
    jobs: Sequence[tuple[Row, Program]],
    client: Client,
    catalog: Catalog,
    upload: Callable[[Path], str],
    work: Path,
) -> Flight:
    """Jobs prepared for a server, as one prompt, under the id that their rows have. Raises Unfit, ServerProblem."""
    prompt_id = jobs[0][0].prompt_id
    assert prompt_id is not None
    first = jobs[0][1]
    fused = fuse([program.graph for _, program in jobs], first.catalog)
    ready = prepared(fused.graph, catalog, upload, prompt_id)
    secrets = {**client.secrets(), **known_secrets(fused.graph)}
    if has_errors(ready.findings):
        raise Unfit(hidden(_first(ready.findings), secrets))
    members = []
    for number, (row, program) in enumerate(jobs):
        run = Run(program, client.url, prompt_id, datetime.now(UTC))
        run.prompt, run.sent = ready.prompt, ready.sent
        own = None
        run.graph = ready.graph
        if len(jobs) > 1:
            wanted = set(fused.nodes[number].values())
            run.graph = Graph({id: node for id, node in ready.graph.nodes.items() if id in wanted})
            own = frozenset(id for id, (member, _) in fused.outputs.items() if member == number)
        run.not_examined += [*ready.not_examined, *program.not_examined]
        members.append(Member(row, run, work / f"{prompt_id}-{number}", secrets, own))
    return Flight(prompt_id, tuple(members), client)


def submit(flight: Flight, *, unsure: bool) -> State:
    """Hands a prompt over to its server; where that had it, unless "absent". Raises NotTaken, ServerProblem."""
    client, first = flight.client, flight.members[0]
    passed("before-submit")
    client.expect(flight.prompt_id)
    state, prompt_id = client.sight(flight.prompt_id) if unsure else ("absent", "")
    if state == "absent":
        submission = client.submit(first.run.sent, flight.prompt_id, new=True)
        if isinstance(submission, Refusal):
            raise NotTaken(hidden(_first(refused(submission, first.run.graph)), first.secrets))
        prompt_id = submission.prompt_id
    if prompt_id != flight.prompt_id:
        flight.prompt_id = prompt_id
        client.expect(prompt_id)
    for member in flight.members:
        member.run.verdict = "submitted"
    passed("after-submit")
    return state


def told(outcome: Outcome, flight: Flight) -> tuple[str, str]:
    """The retry table's word for how a prompt ended that did not succeed, and why."""
    first = flight.members[0]
    reason = hidden(_first(went_wrong(outcome, first.run)), first.secrets)
    if isinstance(outcome, Failed):
        return ("oom" if outcome.out_of_memory else "error"), reason
    for kind, word in ((Interrupted, "interrupted"), (Lost, "lost"), (TimedOut, "timeout")):
        if isinstance(outcome, kind):
            return word, reason
    raise AssertionError(outcome)


def _first(findings: list[Diagnostic] | tuple[Diagnostic, ...]) -> str:
    """The worst of some findings, in one line."""
    errors = [each for each in findings if each.rule.severity is Severity.ERROR] or list(findings)
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return errors[0].message + more if errors else ""

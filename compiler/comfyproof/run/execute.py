"""One job on one server: prepare, submit, wait, fetch, verify, and a record of it all."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias

from ..diagnostics import has_errors
from ..driver import Program
from .answers import Outcome, Refusal, Succeeded, TimedOut
from .client import Client
from .events import Event
from .folder import new_run_folder, safe_name
from .job import Run
from .measured import Meter
from .outcome import refused, went_wrong
from .prepare import new_prompt_id, prepare
from .problems import ServerProblem
from .proof import Proof
from .record import write_record
from .secrets import hidden, known_secrets, without_secrets


@dataclass(frozen=True, slots=True)
class Phase:
    """The job has come to its next part."""

    name: str


Told: TypeAlias = "Phase | Event"


def new_run(program: Program, client: Client) -> Run:
    """A run that has not begun."""
    return Run(program, client.url, new_prompt_id(), datetime.now(UTC))


def execute(run: Run, client: Client, out: Path, tell: Callable[[Told], None]) -> None:
    """Runs a program on a server; its pictures and its record lie in a new folder under `out`.

    `tell` hears how it gets on, and `run` holds what came of it, also after an exception. Raises
    ServerProblem, and OSError where the pictures cannot be kept. If it is stopped on the way, the
    prompt is withdrawn from the server.
    """
    job = _Job(run, client, out, tell, {**client.secrets(), **known_secrets(run.program.graph)})
    try:
        job.run_through()
    except BaseException as problem:
        if isinstance(problem, ServerProblem):
            problem.what = hidden(problem.what, job.secrets)
            problem.args = (problem.url, problem.what, problem.help)
        if run.verdict == "submitted":
            run.verdict = "interrupted" if isinstance(problem, KeyboardInterrupt) else f"unfinished: {problem}"
            job.record_if_possible()
        raise


@dataclass
class _Job:
    run: Run
    client: Client
    out: Path
    tell: Callable[[Told], None]
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)

    def run_through(self) -> None:
        run = self.run
        self._phase("prepare")
        run.system = self.client.system_stats()
        prepared = prepare(run.program.graph, self.client, run.prompt_id, run.system)
        run.graph, run.prompt, run.sent = prepared.graph, prepared.prompt, prepared.sent
        run.findings += prepared.findings
        run.not_examined += [*prepared.not_examined, *run.program.not_examined]
        self._hide()
        if has_errors(prepared.findings):
            run.verdict = "refused"
            return
        run.folder = new_run_folder(self.out / safe_name(run.program.spec.name, "pipeline"))  # before it costs anything
        outcome = self._executed()
        if outcome is not None:
            proof = Proof(run, self.client, self.secrets)
            self._phase("fetch")
            proof.take(outcome)
            self._phase("verify")
            proof.judge()
        self._record()

    def _phase(self, name: str) -> None:
        self.run.seconds[name] = time.monotonic()
        self.tell(Phase(name))

    def _executed(self) -> Succeeded | None:
        """What the server made; None, with findings, where it did not come that far."""
        run = self.run
        with self.client.listen():
            self._phase("submit")
            run.verdict = "submitted"  # from here on the server may have it, whatever it answers
            prompt_id = run.prompt_id
            try:
                submission = self.client.submit(run.sent, prompt_id, new=True)
                if isinstance(submission, Refusal):
                    run.verdict = "refused"
                    run.findings += refused(submission, run.graph)
                    return None
                prompt_id = submission.prompt_id
                self._phase("execute")
                outcome = self._measured(prompt_id)
            except ServerProblem:
                raise
            except BaseException:
                self._withdraw(prompt_id)
                raise
            if isinstance(outcome, TimedOut):  # nobody waits for it any more
                self._withdraw(prompt_id)
        if isinstance(outcome, Succeeded):
            return outcome
        run.verdict = "failed"
        run.findings += went_wrong(outcome, run)
        return None

    def _measured(self, prompt_id: str) -> Outcome:
        """How the prompt ended, and what it took."""
        meter = self.run.meter = Meter(self.client.system_stats)
        meter.begin(self.run.system)

        def heard(event: Event) -> None:
            meter.heard(event)
            self.tell(event)

        outcome = self.client.wait(prompt_id, heard)
        meter.end()
        return outcome

    def _withdraw(self, prompt_id: str) -> None:
        with contextlib.suppress(ServerProblem):  # that it may run on is said
            self.client.cancel(prompt_id)
            self.run.withdrawn = True

    def _record(self) -> None:
        self.run.seconds["end"] = time.monotonic()
        assert self.run.folder is not None
        record = self.run.folder / "run.json"
        self._hide()
        write_record(self.run, record, self.secrets)
        self.run.record = record

    def _hide(self) -> None:
        """Takes secrets out of what was found; a server may repeat them anywhere."""
        run = self.run
        run.findings = without_secrets(run.findings, self.secrets)
        run.not_examined = [replace(each, reason=hidden(each.reason, self.secrets)) for each in run.not_examined]

    def record_if_possible(self) -> None:
        """The record of a job that was stopped, so that its prompt can be found again; the stop comes first."""
        try:
            self._record()
        except OSError:
            self.run.record = None

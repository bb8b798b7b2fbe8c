"""One job on one server: prepare, submit, wait, fetch, verify, and a record of it all."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias

from ..diagnostics import NotExamined, has_errors
from ..driver import Program
from ..verify.checks import count_check, verify_file
from ..verify.expected import Check, Verdict
from .answers import Outcome, OutputFile, Refusal, Succeeded, TimedOut
from .client import Client
from .events import Event
from .expectations import expected, promise_of
from .folder import new_run_folder, safe_name, write_whole
from .job import Picture, Run, Text
from .measured import Meter
from .outcome import refused, went_wrong
from .prepare import new_prompt_id, prepare
from .problems import ServerMisbehaved, ServerProblem, ServerUnreachable, clean
from .record import write_record
from .results import MAX_FILE, MAX_FILES, SAVING, free_path, kept, kind_wanted, makes_files, untold
from .rules import NO_RESULT, NOT_AS_PROMISED
from .secrets import hidden, known_secrets, without_secrets

# A proxy's statuses, and what a server says that is asked too often: the file may come a little later.
_PASSING = (429, 502, 503, 504)
_PAUSE = 0.5


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
            self._phase("fetch")
            run.texts = [Text(self._stage(each.node_id), each.key, each.text) for each in outcome.texts]
            self._keep(kept(outcome.outputs, list(run.graph.nodes)))
            self._phase("verify")
            self._verify()
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

    def _keep(self, files: list[OutputFile]) -> None:
        """Writes each file as soon as it is here: what was won is not to be lost over the next one, or over a check."""
        if len(files) > MAX_FILES:
            raise ServerMisbehaved(self.client.url, f"lists {len(files):,} files of one prompt")
        problems: list[ServerMisbehaved] = []
        for file in files:
            try:
                data = self._fetched(file)
            except ServerMisbehaved as problem:
                problems.append(problem)
            else:
                self.run.pictures.append(self._written(file, data))
        if problems:
            raise problems[0]

    def _fetched(self, file: OutputFile) -> bytes:
        """A file's bytes, asked for again as long as they may still come: no job is to be run again for them."""
        patience = self.client.patience()
        while True:
            try:
                return self.client.fetch(file, limit_bytes=MAX_FILE)
            except ServerProblem as problem:
                passing = isinstance(problem, ServerMisbehaved) and problem.status in _PASSING
                if not passing and not (isinstance(problem, ServerUnreachable) and not problem.silent):
                    raise
                problem.what += f'; the files of prompt "{self.run.prompt_id}" are still to be fetched there'
                patience.failed(problem)
            time.sleep(_PAUSE)

    def _written(self, file: OutputFile, data: bytes) -> Picture:
        run = self.run
        assert run.folder is not None
        node = run.graph.nodes.get(file.node_id)
        path = free_path(run.folder, node, file, data, run.prompt_id)
        write_whole(path, data)
        what = kind_wanted(node, file.filename)
        return Picture(path, self._stage(file.node_id), file, (), what)

    def _stage(self, node_id: str) -> str:
        """The stage that a node belongs to; of one that nobody sent, what the server calls it."""
        node = self.run.graph.nodes.get(node_id)
        return node.stage if node else hidden(clean(node_id, 100), self.secrets)

    def _verify(self) -> None:
        run = self.run
        run.not_examined += untold(run.graph)
        if not run.pictures and makes_files(run.graph):
            run.verdict = "failed"
            place = run.graph.nodes[list(run.graph.nodes)[-1]].place()
            help = "look into the server's output folder, and run it again"
            run.findings.append(NO_RESULT.at(place, "the server says that all went well, and made no file", help))
            return
        if not run.pictures:
            run.not_examined += [
                NotExamined(f'the text of "{t.stage}"', "nothing is promised of it") for t in run.texts
            ]
        for n, picture in enumerate(run.pictures):
            run.pictures[n] = self._examined(picture)
        self._count()
        for picture in run.pictures:
            run.findings += promise_of(run.program.spec, picture.stage).failures(picture.checks)
        unseen = [(p, c) for p in run.pictures for c in p.checks if c.verdict is Verdict.NOT_EXAMINED]
        run.not_examined += [NotExamined(f'"{check.name}" of "{p.path.name}"', check.measured) for p, check in unseen]
        if any(finding.rule is NOT_AS_PROMISED for finding in run.findings):
            run.verdict = "not as promised"
        else:
            # A server may leave out metadata, which nobody promised otherwise.
            whole = run.pictures and not untold(run.graph) and all(c.name == "prompt" for _, c in unseen)
            run.verdict = "verified" if whole else "not fully examined"

    def _examined(self, picture: Picture) -> Picture:
        """A file with its checks; one that is damaged is fetched once more, for it may have been so on its way."""
        checks = self._checks(picture)
        if checks[0].verdict is Verdict.FAILED:
            with contextlib.suppress(ServerProblem):
                data = self.client.fetch(picture.file, limit_bytes=MAX_FILE)
                if data != picture.path.read_bytes():
                    picture.path.unlink()
                    picture = self._written(picture.file, data)
                    checks = self._checks(picture)
        return replace(picture, checks=checks)

    def _checks(self, picture: Picture) -> tuple[Check, ...]:
        run = self.run
        wanted = expected(promise_of(run.program.spec, picture.stage), run.program.spec, run.sent)
        found = verify_file(picture.path.read_bytes(), wanted, picture.what)
        return tuple(replace(check, measured=hidden(check.measured, self.secrets)) for check in found)

    def _count(self) -> None:
        """Whether each saving stage gave as many pictures or videos as the spec says, and none of them nothing."""
        run, spec = self.run, self.run.program.spec
        saving = {n.stage: SAVING[n.type] for n in run.graph.nodes.values() if n.type in SAVING}
        for stage, what in sorted(saving.items()):
            promise = promise_of(spec, stage)
            found = sum(1 for picture in run.pictures if picture.stage == stage)
            wanted = promise.verification.count
            check = count_check(wanted if wanted is not None else max(found, 1), found, what)
            if not found:
                run.findings += promise.failures([check])
            for n, picture in enumerate(run.pictures):
                if picture.stage == stage:
                    run.pictures[n] = replace(picture, checks=(check, *picture.checks))
                    break

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

"""One job on one server: prepare, submit, wait, fetch, verify, and a record of it all."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias

from ..diagnostics import NotExamined, has_errors
from ..driver import Program
from ..verify.checks import count_check, verify_picture
from ..verify.expected import Check, Verdict
from ..verify.picture import format_of
from .answers import OutputFile, Refusal, Succeeded
from .client import Client
from .events import Event
from .expectations import expected, promise_of
from .folder import new_run_folder, safe_name, write_whole
from .job import Picture, Run
from .outcome import refused, went_wrong
from .prepare import new_prompt_id, own_suffix, prepare
from .problems import ServerProblem
from .record import write_record
from .rules import NO_RESULT, NOT_AS_PROMISED
from .secrets import hidden, known_secrets, without_secrets

MAX_PICTURE = 2**30
# The nodes that save, and what each of their files is.
SAVING = {"SaveImage": "picture", "SaveVideo": "video", "SaveWEBM": "video", "SaveAnimatedWEBP": "video"}


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
    job = _Job(run, client, out, tell)
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
        self.secrets = known_secrets(run.graph)
        run.findings += prepared.findings
        run.not_examined += [*prepared.not_examined, *run.program.not_examined]
        if has_errors(prepared.findings):
            run.verdict = "refused"
            return
        run.folder = new_run_folder(self.out / safe_name(run.program.spec.name, "pipeline"))  # before it costs anything
        outputs = self._executed()
        if outputs is not None:
            self._phase("fetch")
            self._keep(_kept(outputs, list(run.graph.nodes)))
            self._phase("verify")
            self._verify()
        self._record()

    def _phase(self, name: str) -> None:
        self.run.seconds[name] = time.monotonic()
        self.tell(Phase(name))

    def _executed(self) -> tuple[OutputFile, ...] | None:
        """The files that the server made; None, with findings, where it did not come that far."""
        run = self.run
        with self.client.listen():
            self._phase("submit")
            run.verdict = "submitted"  # from here on the server may have it, whatever it answers
            prompt_id = run.prompt_id
            try:
                submission = self.client.submit(run.sent, prompt_id)
                if isinstance(submission, Refusal):
                    run.verdict = "refused"
                    run.findings += without_secrets(refused(submission, run.graph), self.secrets)
                    return None
                prompt_id = submission.prompt_id
                self._phase("execute")
                outcome = self.client.wait(prompt_id, self.tell)
            except KeyboardInterrupt:
                self.client.cancel(prompt_id)
                run.withdrawn = True
                raise
        if isinstance(outcome, Succeeded):
            return outcome.outputs
        run.verdict = "failed"
        run.findings += without_secrets(went_wrong(outcome, run.graph), self.secrets)
        return None

    def _keep(self, files: list[OutputFile]) -> None:
        """Writes each file as soon as it is here: what was won is not to be lost over the next one, or over a check."""
        folder = self.run.folder
        assert folder is not None
        for file in files:
            data = self.client.fetch(file, limit_bytes=MAX_PICTURE)
            node = self.run.graph.nodes.get(file.node_id)
            prefix = node.inputs.get("filename_prefix") if node else None
            wanted = prefix.removesuffix(own_suffix(self.run.prompt_id)) if isinstance(prefix, str) else ""
            path = _free_path(folder, wanted, data)
            write_whole(path, data)
            what = SAVING.get(node.type if node else "", "picture")
            self.run.pictures.append(Picture(path, node.stage if node else file.node_id, file.node_id, (), what))

    def _verify(self) -> None:
        run, spec = self.run, self.run.program.spec
        if not run.pictures:
            run.verdict = "failed"
            place = run.graph.nodes[list(run.graph.nodes)[-1]].place()
            run.findings.append(NO_RESULT.at(place, "the server says that all went well, and made no file"))
            return
        for n, picture in enumerate(run.pictures):
            promise = promise_of(spec, picture.stage)
            found = verify_picture(picture.path.read_bytes(), expected(promise, spec, run.sent))
            checks = tuple(self._without_secrets(check) for check in found)
            run.findings += promise.failures(checks)
            run.pictures[n] = replace(picture, checks=checks)
        self._count()
        unseen = [(p, c) for p in run.pictures for c in p.checks if c.verdict is Verdict.NOT_EXAMINED]
        run.not_examined += [NotExamined(f'"{check.name}" of "{p.path.name}"', check.measured) for p, check in unseen]
        if any(finding.rule is NOT_AS_PROMISED for finding in run.findings):
            run.verdict = "not as promised"
        else:
            # A server may leave out metadata, which nobody promised otherwise.
            run.verdict = "not fully examined" if any(c.name != "prompt" for _, c in unseen) else "verified"

    def _without_secrets(self, check: Check) -> Check:
        """The one check that shows what was sent, without the secrets in it."""
        return replace(check, measured=hidden(check.measured, self.secrets)) if check.name == "prompt" else check

    def _count(self) -> None:
        """Whether each saving stage gave as many pictures or videos as the spec says, and none of them nothing."""
        run, spec = self.run, self.run.program.spec
        saving = {n.stage: SAVING[n.type] for n in run.graph.nodes.values() if n.type in SAVING}
        for stage, what in sorted(saving.items()):
            promise = promise_of(spec, stage)
            found = sum(1 for picture in run.pictures if picture.stage == stage)
            wanted = promise.verification.count
            check = count_check(wanted if wanted is not None else max(found, 1), found, what)
            run.findings += promise.failures([check])
            for n, picture in enumerate(run.pictures):
                if picture.stage == stage:
                    run.pictures[n] = replace(picture, checks=(check, *picture.checks))
                    break

    def _record(self) -> None:
        self.run.seconds["end"] = time.monotonic()
        assert self.run.folder is not None
        record = self.run.folder / "run.json"
        write_record(self.run, record)
        self.run.record = record

    def record_if_possible(self) -> None:
        """The record of a job that was stopped, so that its prompt can be found again; the stop comes first."""
        try:
            self._record()
        except OSError:
            self.run.record = None


def _kept(outputs: tuple[OutputFile, ...], order: list[str]) -> list[OutputFile]:
    """The saved files, else the previews, in the order of the graph: a server's own order changes."""
    saved = [file for file in outputs if file.type == "output"]
    kept = saved or [file for file in outputs if file.type == "temp"]
    return sorted(kept, key=lambda file: order.index(file.node_id) if file.node_id in order else len(order))


def _free_path(folder: Path, prefix: str, data: bytes) -> Path:
    """A name of our own: a server's file names never become paths here."""
    stem, suffix = safe_name(prefix or "preview", "picture"), _suffix(data)
    path = folder / f"{stem}{suffix}"
    count = 1
    while path.exists():
        count += 1
        path = folder / f"{stem}-{count}{suffix}"
    return path


def _suffix(data: bytes) -> str:
    """A file's ending by its first bytes."""
    if kind := format_of(data):
        return {"JPEG": ".jpg"}.get(kind, f".{kind.casefold()}")
    if data.startswith(b"\x1a\x45\xdf\xa3"):
        return ".webm"
    return ".mp4" if data[4:8] == b"ftyp" else ".bin"

"""The proof of a run: the files that came of it, fetched, kept and held against what the spec promises."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ..diagnostics import NotExamined
from ..verify.checks import count_check, verify_file
from ..verify.expected import Check, Verdict
from .answers import OutputFile, Succeeded
from .client import Client
from .expectations import expected, promise_of
from .folder import write_whole
from .job import Picture, Run, Text
from .problems import ServerMisbehaved, ServerProblem, ServerUnreachable, clean
from .results import MAX_FILE, MAX_FILES, SAVING, free_path, kept, kind_wanted, makes_files, untold
from .rules import NO_RESULT, NOT_AS_PROMISED
from .secrets import hidden

# A proxy's statuses, and what a server says that is asked too often: the file may come a little later.
_PASSING = (429, 502, 503, 504)
_PAUSE = 0.5


@dataclass
class Proof:
    """Fills a run in: its files in `run.folder`, its checks, findings and verdict."""

    run: Run
    client: Client
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)

    def take(self, outcome: Succeeded) -> None:
        """Keeps what a server made. Raises ServerProblem, OSError; what came before lies in the folder then."""
        run = self.run
        run.texts = [Text(self._stage(each.node_id), each.key, each.text) for each in outcome.texts]
        self._keep(kept(outcome.outputs, list(run.graph.nodes)))

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

    def judge(self) -> None:
        """Holds what was kept against what the spec promises, and says so in the run."""
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

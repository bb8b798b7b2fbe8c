"""like: a stage takes the sampling settings of another, where it has none of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..diagnostics import Diagnostic, Path, Rule, Severity, did_you_mean
from ..stages.blocks import SAMPLING_FIELDS
from ..stages.site import UNKNOWN_NAME, WRONG_KIND
from ..stages.vocabulary import STAGES
from .document import Document, Moved
from .names import StageAt, Stages

LIKE_CYCLE = Rule("CP210", "like-cycle", Severity.ERROR, "Stages take their settings from each other in a circle.")
RULES = (LIKE_CYCLE,)


def with_likes(document: Document, stages: Stages, holes: set[Path], findings: list[Diagnostic]) -> Document:
    """The document with those settings put in. A stage whose `like` means nothing becomes a hole."""
    return _Likes(document, stages, holes, findings).taken()


@dataclass
class _Likes:
    document: Document
    stages: Stages
    holes: set[Path]
    findings: list[Diagnostic]

    def taken(self) -> Document:
        self.bodies: dict[Path, dict[str, Any]] = {}
        self.moved = dict(self.document.moved)
        self.moves_in: dict[Path, list[Path]] = {}
        for path in self.document.moved:
            self.moves_in.setdefault(path[:3], []).append(path)
        done: set[Path] = set()
        for stage in self.stages.all:
            chain = self._chain(stage, done)
            for taker, giver in reversed(chain):
                self._take(taker, giver)
        return Document(self.document.source, self._data(), self.moved)

    def _chain(self, stage: StageAt, done: set[Path]) -> list[tuple[StageAt, StageAt]]:
        """Who takes from whom, beginning with a stage, as far as it was not followed before."""
        chain: list[tuple[StageAt, StageAt]] = []
        open_paths: set[Path] = set()
        at: StageAt | None = stage
        while at is not None and at.path not in done:
            done.add(at.path)
            open_paths.add(at.path)
            giver = self._giver(at)
            if giver is not None and giver.path in open_paths:
                place = self.document.place((*at.path, "like"))
                message = f'"{at.name}" and "{giver.name}" take their settings from each other'
                self.findings.append(LIKE_CYCLE.at(place, message, 'give one of them its own, and no "like"'))
                self.holes |= open_paths
            elif giver is not None:
                chain.append((at, giver))
            at = giver
        return chain

    def _giver(self, stage: StageAt) -> StageAt | None:
        kind = STAGES.get(stage.kind)
        body = self.document.get(stage.path)
        wanted = body.get("like") if isinstance(body, Mapping) else None
        if kind is None or "like" not in kind.model_fields or not isinstance(wanted, str):
            return None
        place = self.document.place((*stage.path, "like"))
        before = len(self.findings)
        giver = self.stages.meant(wanted.removeprefix("$"), place, self.findings, but=stage)
        if giver is None:
            self.holes.add(stage.path)
            if len(self.findings) == before:
                help = did_you_mean(wanted, [s.name for s in self.stages.all if s is not stage], "stages")
                self.findings.append(UNKNOWN_NAME.at(place, f'no other stage is named "{wanted}"', help))
        elif giver.kind in STAGES and "model" not in STAGES[giver.kind].model_fields:
            message = f'"{giver.name}" samples nothing, and has no settings to take'
            self.findings.append(WRONG_KIND.at(place, message, "name a stage that generates, refines or upscales"))
        return giver

    def _take(self, taker: StageAt, giver: StageAt) -> None:
        given, own = self._body(giver), self._body(taker)
        if given is None or own is None:
            return
        for name in SAMPLING_FIELDS:
            # A generated picture has nothing to keep: how much a refinement kept is not for it.
            if name not in given or name in own or (name == "denoise" and taker.kind == "generate"):
                continue
            self.bodies[taker.path] = own = {**own, name: given[name]}
            source, target = (*giver.path, name), (*taker.path, name)
            self.moved[target] = Moved(Document(self.document.source, None, self.moved).place(source), False)
            for path in self.moves_in.get(giver.path, ()):
                if path[: len(source)] == source and path != source:
                    self.moved[(*target, *path[len(source) :])] = self.moved[path]
            self.holes |= {(*target, *h[len(source) :]) for h in self.holes if h[: len(source)] == source}

    def _body(self, stage: StageAt) -> dict[str, Any] | None:
        body = self.bodies.get(stage.path, self.document.get(stage.path))
        return dict(body) if isinstance(body, Mapping) else None

    def _data(self) -> Any:
        data = self.document.data
        if not self.bodies:
            return data
        stages = list(data["stages"])
        for (_, n, kind), body in self.bodies.items():
            stages[int(n)] = {kind: body}
        return {**data, "stages": stages}

"""What a spec promises of each picture, in the terms of the checks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..diagnostics import Diagnostic, Place
from ..graph import Asset
from ..spec.pipeline import Spec
from ..stages.blocks import Size
from ..stages.save import Save
from ..stages.verification import Times, Verification
from ..verify.expected import Check, ColorShift, Exactly, Expected, Similarity, Verdict
from ..verify.expected import Times as TimesOf
from .rules import NOT_AS_PROMISED


@dataclass(frozen=True)
class Promise:
    """The checks of one stage's pictures, and where each was asked for."""

    verification: Verification
    stage: str
    places: Mapping[str, Place]

    def failures(self, checks: list[Check] | tuple[Check, ...]) -> list[Diagnostic]:
        """A finding for every check that a picture failed, at the line that asks for it."""
        return [
            NOT_AS_PROMISED.at(
                self.places.get(check.name),
                f'"{check.name}" of "{self.stage}": expected {check.expected}, measured {check.measured}',
                check.help,
            )
            for check in checks
            if check.verdict is Verdict.FAILED
        ]


def promise_of(spec: Spec, stage: str) -> Promise:
    """What a spec promises of a stage's pictures: what it says of all, and what the stage says besides."""
    step = next((step for step in spec.steps if step.name == stage), None)
    own = step.block.verify if step and isinstance(step.block, Save) else None
    said = {name: getattr(spec.verify, name) for name in spec.verify.model_fields_set}
    places = {name: spec.document.place(("verify", name)) for name in said}
    if own is not None and step is not None:
        said.update({name: getattr(own, name) for name in own.model_fields_set})
        places.update({name: spec.document.place((*step.path, "verify", name)) for name in own.model_fields_set})
    whole = Verification.model_validate({})
    return Promise(whole.model_copy(update=said), stage, places)


def expected(promise: Promise, spec: Spec, prompt: Mapping[str, Any]) -> Expected:
    """The promise as checks."""
    wanted = promise.verification
    return Expected(
        size=_size(wanted.size, spec),
        aspect_of=_aspect_of(wanted, spec),
        not_blank=wanted.not_blank,
        ssim=Similarity(wanted.ssim.min, Path(wanted.ssim.to.path)) if wanted.ssim else None,
        delta_e=ColorShift(wanted.delta_e.max, Path(wanted.delta_e.to.path)) if wanted.delta_e else None,
        prompt=prompt,
        frames=wanted.frames,
        fps=wanted.fps,
    )


def _size(size: Times | Size | None, spec: Spec) -> Exactly | TimesOf | None:
    if isinstance(size, Times):
        picture = _picture(spec, size.of)
        return TimesOf(size.factor, picture) if picture else None
    return Exactly(size.width, size.height) if size else None


def _aspect_of(wanted: Verification, spec: Spec) -> Path | None:
    if wanted.aspect is None:
        return None
    named = wanted.size.of if isinstance(wanted.size, Times) else ""
    return _picture(spec, named) or next(iter(pictures(spec)), None)


def pictures(spec: Spec) -> list[Path]:
    """The pictures among a spec's inputs, in order."""
    return [
        Path(found.value.path)
        for found in spec.inputs.values()
        if isinstance(found.value, Asset) and found.value.kind == "image"
    ]


def _picture(spec: Spec, name: str) -> Path | None:
    found = spec.inputs.get(name)
    return Path(found.value.path) if found and isinstance(found.value, Asset) else None

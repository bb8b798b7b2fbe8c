"""Calibration: how much longer or shorter stages really took on a card than the clock says, learned from runs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import Any

_LEARNS = 0.3  # how much of what is known a new run replaces
_LIMITS = (0.02, 50.0)  # beyond these it was not the stage that took the time
_MAX_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Calibration:
    """`factors` are measured seconds over predicted ones, by card and kind of stage ("rtx-3090 sample flux")."""

    factors: Mapping[str, float] = field(default_factory=dict)

    def factor(self, gpu: str, work: str) -> float:
        """What to multiply a predicted time with; 1 where nothing was learned."""
        return self.factors.get(f"{gpu} {work}", 1.0)

    def learned(self, gpu: str, work: str, predicted: float, measured: float) -> Calibration:
        """With one more measurement; `predicted` is without calibration. Senseless ones change nothing."""
        if not (predicted > 0 and measured > 0 and isfinite(measured / predicted)):
            return self
        seen = measured / predicted
        if not _LIMITS[0] <= seen <= _LIMITS[1]:
            return self
        key = f"{gpu} {work}"
        known = self.factors.get(key)
        factor = seen if known is None else known * (1 - _LEARNS) + seen * _LEARNS
        return Calibration({**self.factors, key: factor})


def read_calibration(file: str | Path) -> Calibration:
    """The calibration in a file; an empty one where there is none or it cannot be read as one."""
    try:
        with Path(file).open("rb") as opened:
            found: Any = json.loads(opened.read(_MAX_BYTES))
    except (OSError, ValueError, RecursionError):
        return Calibration()
    factors = found.get("factors") if isinstance(found, dict) else None
    if not isinstance(factors, dict):
        return Calibration()
    return Calibration(
        {
            key: float(value)
            for key, value in factors.items()
            if isinstance(value, int | float) and not isinstance(value, bool) and _LIMITS[0] <= value <= _LIMITS[1]
        }
    )


def write_calibration(calibration: Calibration, file: str | Path) -> None:
    """Write a calibration, whole or not at all. Raises OSError."""
    target = Path(file)
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_name(f"{target.name}.new")
    text = json.dumps(
        {"factors": {key: round(value, 4) for key, value in sorted(calibration.factors.items())}}, indent=2
    )
    fresh.write_text(text + "\n", encoding="utf-8")
    fresh.replace(target)

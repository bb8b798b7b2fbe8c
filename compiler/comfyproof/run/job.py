"""One job: what was sent where, what came back, and what was found of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from ..diagnostics import Diagnostic, NotExamined
from ..driver import Program
from ..graph import Graph
from ..verify.expected import Check


@dataclass(frozen=True)
class Picture:
    """One file that came back: where it lies now, which stage made it, what was found of it, and what it was to be."""

    path: Path
    stage: str
    node_id: str
    checks: tuple[Check, ...]
    what: str = "picture"


@dataclass
class Run:
    """One job: what was sent where, what came back, and what is wrong with it.

    `prompt` is what was sent, with the names of its secrets; `sent` has their values, and is kept nowhere.
    """

    program: Program
    server: str
    prompt_id: str
    started: datetime
    folder: Path | None = None
    graph: Graph = field(default_factory=lambda: Graph({}))
    prompt: Mapping[str, Any] = field(default_factory=dict)
    sent: Mapping[str, Any] = field(default_factory=dict, repr=False)
    system: Mapping[str, Any] = field(default_factory=dict)
    verdict: str = "unfinished"
    findings: list[Diagnostic] = field(default_factory=list)
    not_examined: list[NotExamined] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    record: Path | None = None
    withdrawn: bool = False

    @property
    def good(self) -> bool:
        """Whether there are pictures, and every promise of them was examined and kept."""
        return self.verdict == "verified"

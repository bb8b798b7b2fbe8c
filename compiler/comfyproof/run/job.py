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
from .answers import OutputFile
from .measured import Meter


@dataclass(frozen=True)
class Picture:
    """One file that came back: where it lies now, and which stage made it.

    `file` is what the server calls it, `checks` what was found of it, and `what` the kind of file that it was to
    be, such as a picture or a sound; empty where nobody knows.
    """

    path: Path
    stage: str
    file: OutputFile
    checks: tuple[Check, ...]
    what: str


@dataclass(frozen=True)
class Text:
    """One text that came back: which stage gave it, and under which key."""

    stage: str
    key: str
    text: str


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
    texts: list[Text] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    meter: Meter | None = None
    record: Path | None = None
    withdrawn: bool = False

    @property
    def good(self) -> bool:
        """Whether there are pictures, and every promise of them was examined and kept."""
        return self.verdict == "verified"

"""What is wrong with a workflow's JSON itself, whichever of ComfyUI's two formats it is in."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..diagnostics import Diagnostic, Path, Place, Rule, Severity, Text

BROKEN_WORKFLOW = Rule(
    "CP111",
    "broken-workflow",
    Severity.ERROR,
    "A part of the workflow is missing, is of the wrong kind, or contradicts another, so that ComfyUI's editor "
    "could not load it either.",
)
RULES = (BROKEN_WORKFLOW,)


@dataclass
class Findings:
    """What was found so far, and the text that it was found in."""

    source: Text | None
    found: list[Diagnostic] = field(default_factory=list)
    _said: set[tuple[str, Path, str]] = field(default_factory=set)

    def add(self, rule: Rule, path: Path, message: str, help: str = "") -> None:
        """Adds one, at a path; once, since what is wrong in a subgraph is found wherever it is used."""
        if (rule.code, path, message) in self._said:
            return
        self._said.add((rule.code, path, message))
        self.found.append(rule.at(Place(self.source, path) if self.source else None, message, help))

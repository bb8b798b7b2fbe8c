"""Names: which stage, node, model or input a word in a spec means."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from ..diagnostics import Diagnostic, Path, Place, Rule, Severity
from .document import Document
from .dollars import NAME
from .problems import WRONG_VALUE

AMBIGUOUS_NAME = Rule(
    "CP207", "ambiguous-name", Severity.ERROR, "A path or name could mean several stages; `as` gives each its own name."
)
NAME_TWICE = Rule("CP216", "name-twice", Severity.ERROR, "Two things have the same name, so that it means neither.")
RULES = (AMBIGUOUS_NAME, NAME_TWICE)


def distinct(name: str, taken: set[str]) -> str:
    """The name, numbered where another has it already; it is taken from then on."""
    free, count = name, 1
    while free in taken:
        count += 1
        free = f"{name}-{count}"
    taken.add(free)
    return free


class StageAt(NamedTuple):
    """A stage's name, kind, and path in the data; `own` where its author gave it the name."""

    name: str
    kind: str
    path: Path
    own: bool


def stages_of(document: Document) -> list[StageAt]:
    """The stages that can be recognized, each under a name that no other has."""
    stages = document.get(("stages",))
    named: list[tuple[int, str, str | None]] = []
    for n, item in enumerate(stages if isinstance(stages, list) else ()):
        if isinstance(item, Mapping) and len(item) == 1:
            kind, body = next(iter(item.items()))
            wanted = body.get("as") if isinstance(body, Mapping) else None
            named.append((n, kind, wanted if isinstance(wanted, str) else None))
    taken = {wanted for _, _, wanted in named if wanted}
    counts: dict[str, int] = {}
    found = []
    for n, kind, wanted in named:
        name = wanted or _free_name(kind, taken, counts)
        taken.add(name)
        found.append(StageAt(name, kind, ("stages", n, kind), wanted is not None))
    return found


def _free_name(kind: str, taken: set[str], counts: dict[str, int]) -> str:
    name = kind
    while name in taken:
        counts[kind] = counts.get(kind, 1) + 1
        name = f"{kind}-{counts[kind]}"
    return name


@dataclass
class Stages:
    """The stages of a document, to be asked for by name or kind."""

    all: list[StageAt]

    def __post_init__(self) -> None:
        self._named: dict[str, list[StageAt]] = {}
        for stage in self.all:
            self._know(stage)

    def add(self, stage: StageAt) -> None:
        """One more stage."""
        self.all.append(stage)
        self._know(stage)

    def _know(self, stage: StageAt) -> None:
        for word in {stage.name, stage.kind}:
            self._named.setdefault(word, []).append(stage)

    @property
    def words(self) -> list[str]:
        """What stages can be called."""
        return list(self._named)

    def meant(
        self, word: str, place: Place, findings: list[Diagnostic], *, but: StageAt | None = None
    ) -> StageAt | None:
        """The one stage of that name or kind; None where there is none, and, with a finding, for several."""
        found = [stage for stage in self._named.get(word, ()) if stage is not but]
        exact = [stage for stage in found if stage.name == word and stage.own]
        if len(exact) == 1 or len(found) == 1:
            return (exact or found)[0]
        if found:
            names = ", ".join(stage.name for stage in found[:9])
            message = f'"{word}" could be any of {len(found)} stages: {names}'
            findings.append(AMBIGUOUS_NAME.at(place, message, 'give the stage you mean a name of its own with "as"'))
        return None


def check_names(document: Document, stages: Iterable[StageAt], findings: list[Diagnostic]) -> None:
    """Whether every name can be written, and means one thing: inputs, models, stages and nodes share one space."""
    named: list[tuple[str, str, Path]] = [(name, "an input", ("inputs", name)) for name in document.keys("inputs")]
    automatic = []
    for stage in stages:
        if stage.own:
            named.append((stage.name, "a stage", (*stage.path, "as")))
        else:
            automatic.append(stage.name)
    named += [(name, "a model", ("models", name)) for name in document.keys("models")]
    named += [(name, "a node", ("nodes", name)) for name in document.keys("nodes")]
    seen: dict[str, str] = {}
    for name, what, path in named:
        place = document.place(path, key=path[-1] == name)
        if not re.fullmatch(NAME, name):
            message = f'"{name[:60]}" cannot be a name'
            findings.append(
                WRONG_VALUE.at(place, message, "begin with a letter, and use letters, digits, - and _ alone")
            )
        earlier = seen.get(name) or ("a stage" if what in ("a model", "a node") and name in automatic else None)
        if earlier:
            findings.append(NAME_TWICE.at(place, f'"{name}" is the name of {earlier} already', "choose another name"))
        seen.setdefault(name, what)

"""The jobs that a command names: every form of a spec, by its key, compiled again when its turn comes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from ..diagnostics import Diagnostic, NotExamined
from ..driver import Compiled, Program
from ..fleet.needs import Needs, needs_of
from ..fleet.placement import Placement, Unplaced, shape_of
from ..graph import Graph
from ..ordering import Profile, order, profile_of
from ..variants import Variants
from .identities import Identities
from .job import Contents, key_of
from .ledger import NewJob

if TYPE_CHECKING:
    from ..spec.forms import Form

# Jobs of one sort run on the same servers.
Sort: TypeAlias = "tuple[Needs, Any]"


@dataclass
class Jobs:
    """The forms of a spec, sound or not.

    `models` tells which model files are meant by their names; None: by the names alone. Of a form only its key, its
    name and what it shares with others are kept: a batch of any size takes little memory.
    """

    variants: Variants
    models: Identities | None = None
    forms: dict[str, Form] = field(default_factory=dict)
    names: dict[str, list[str]] = field(default_factory=dict)
    findings: list[Diagnostic] = field(default_factory=list)
    not_examined: list[NotExamined] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    profiles: dict[str, Profile] = field(default_factory=dict)
    sort: dict[str, Sort] = field(default_factory=dict)
    sorts: dict[Sort, Graph] = field(default_factory=dict)
    _contents: Contents = field(default_factory=Contents)
    _same: dict[Sort, Sort] = field(default_factory=dict)  # large, and few: each is kept once

    def read(self, tell: Callable[[int], None]) -> None:
        """Compiles every form; `tell` hears how many are through."""
        said: set[Any] = set()
        for count, (form, compiled) in enumerate(self.variants.programs(), 1):
            self._note(form, compiled, said)
            tell(count)
        ordered = order([self.profiles[key] for key in self.keys])
        self.keys = [self.keys[n] for n in ordered]

    def _note(self, form: Form, compiled: Compiled, said: set[Any]) -> None:
        for finding in compiled.findings:
            if (shown := (finding.rule.code, finding.message, finding.place and finding.place.span())) not in said:
                said.add(shown)
                self.findings.append(finding)
        if compiled.program is None:
            self.broken.append(form.name)
            return
        self.not_examined += [each for each in compiled.program.not_examined if each not in self.not_examined]
        key = self._key(compiled.program)
        self.names.setdefault(key, []).append(form.name)
        if key not in self.forms:
            graph, catalog = compiled.program.graph, self.variants.catalog
            self.forms[key] = form
            self.keys.append(key)
            self.profiles[key] = profile_of(graph, catalog, lambda asset: self._contents.sha256(asset.path))
            needs = needs_of(graph, catalog)
            sort = (needs, shape_of(graph, needs))
            self.sorts.setdefault(sort, graph)
            self.sort[key] = self._same.setdefault(sort, sort)

    def _key(self, program: Program) -> str:
        return key_of(program, self._contents, self.models.of(program.graph) if self.models else {})

    def named(self) -> Iterator[NewJob]:
        """The jobs as the ledger takes them, in the order in which they should run."""
        for key in self.keys:
            for name in self.names[key]:
                yield NewJob(key, name, self.profiles[key].model, self.variants.values(self.forms[key]))

    def lacks(self, placement: Placement) -> dict[Sort, Mapping[str, tuple[Unplaced, ...]]]:
        """What keeps each server from running jobs of each sort."""
        return {sort: placement.of(graph, sort[0]) for sort, graph in self.sorts.items()}

    def program(self, key: str) -> Program:
        """One job compiled. Raises ValueError where it no longer is the same."""
        compiled = self.variants.compiled(self.forms[key])
        if compiled.program is None:
            message = next((each.message for each in compiled.findings), "it cannot be compiled")
            raise ValueError(f"it no longer compiles: {message}")
        if self._key(compiled.program) != key:
            raise ValueError("a file that it reads has changed since the batch was planned")

        return compiled.program

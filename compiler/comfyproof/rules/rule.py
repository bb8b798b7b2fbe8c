"""What a rule over graphs is: a function that yields what it found, and what it could not examine."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from ..catalog.pinned import Catalog
from ..diagnostics import NotExamined, Rule, Severity
from ..graph import Graph, Node


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with a node, or with one input of it; `named` where it is the input's name that is wrong."""

    node: Node
    input: str | None
    message: str
    help: str = ""
    named: bool = False


Check: TypeAlias = "Callable[[Graph, Catalog], Iterator[Problem | NotExamined]]"


@dataclass(frozen=True, slots=True)
class GraphRule:
    """A rule with the check that finds its problems."""

    rule: Rule
    check: Check


def rule(code: str, name: str, severity: Severity) -> Callable[[Check], GraphRule]:
    """Makes a rule of a check; the check's docstring is the rule's page."""

    def make(check: Check) -> GraphRule:
        return GraphRule(Rule(code, name, severity, inspect.getdoc(check) or ""), check)

    return make

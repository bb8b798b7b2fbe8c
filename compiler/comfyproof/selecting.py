"""Which rules count, where: by their codes, families of codes and names."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, TypeAlias

from .diagnostics import Rule, Severity, did_you_mean
from .patterns import Pattern, Patterns

# All rules there are, asked for only where a rule is named: the list takes longer to load than a file to lint.
KnownRules: TypeAlias = Callable[[], Sequence[Rule]]

_FAMILY = re.compile(r"CP[0-9]{0,2}")


def is_fixed(rule: Rule) -> bool:
    """Whether a rule always counts: its findings say that a text could not be read, and so what was not examined."""
    return rule.severity is Severity.ERROR and rule.code.startswith("CP1")


def code_of(word: str, rules: Iterable[Rule]) -> str | None:
    """The code, or how the codes of a family begin, that a code, a family or a rule's name stands for, in any case."""
    upper, lower = word.strip().upper(), word.strip().lower()
    family = bool(_FAMILY.fullmatch(upper))
    for rule in rules:
        if rule.code == upper or rule.name == lower:
            return rule.code
        if family and rule.code.startswith(upper):
            return upper
    return None


def nearest_rule(word: str, rules: Iterable[Rule]) -> str:
    """Help for a rule that there is not."""
    names = () if word.strip()[-1:].isdigit() else (name for rule in rules for name in (rule.code, rule.name))
    return did_you_mean(word.strip(), names) or 'see "comfyproof rules" for their codes and names'


class Selection(NamedTuple):
    """Which rules count: the longest of `select` and `ignore` that a rule's code begins with decides.

    `per_file` are files, as patterns below the folder `root`, with the rules that do not count in them.
    """

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    per_file: tuple[tuple[Pattern, tuple[str, ...]], ...] = ()
    root: str = ""

    def counts(self, rule: Rule, file: str) -> bool:
        """Whether a rule counts in a file."""
        if is_fixed(rule):
            return True
        chosen = _length(rule.code, self.select) if self.select else 0
        return chosen > _length(rule.code, self.ignore) and not self._is_left_out(rule, file)

    def _is_left_out(self, rule: Rule, file: str) -> bool:
        if not any(rule.code.startswith(codes) for _, codes in self.per_file):
            return False
        path = names_below(self.root, file)
        return path is not None and any(
            rule.code.startswith(codes) and Patterns((pattern,)).excluding(path) for pattern, codes in self.per_file
        )


def names_below(root: str, file: str) -> tuple[str, ...] | None:
    """The names of a path from a folder down, None where it does not lie in it."""
    path = os.path.relpath(file, root)
    names = tuple(path.split(os.sep))
    return None if path == os.curdir or names[0] == os.pardir else names


def _length(code: str, beginnings: Iterable[str]) -> int:
    """How long the longest of these is that a code begins with; -1 where it begins with none."""
    return max((len(each) for each in beginnings if code.startswith(each)), default=-1)

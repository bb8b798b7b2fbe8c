"""All rules that there are, for what speaks of them without raising any; it loads whatever raises one."""

from __future__ import annotations

from . import config, ignores, source, workflow
from .diagnostics import Rule
from .formats import broken, ui_rules, ui_scopes, ui_write_nodes
from .lift import limits
from .plan import contract
from .python import file as python_file
from .rules.registry import GRAPH_RULES
from .run import rules as of_runs
from .spec import changes, dollars, each, filling, inputs, likes, matrix, names, pipeline, problems, uses
from .stages import site

_RAISING = (
    *(source, config, ignores, python_file, workflow),
    *(broken, ui_rules, ui_scopes, ui_write_nodes, limits),
    *(problems, changes, names, filling, likes, pipeline, site, inputs, dollars, each, matrix, uses),
    *(contract, of_runs),
)
RULES: tuple[Rule, ...] = tuple(
    sorted(
        (
            *(rule for module in _RAISING for rule in module.RULES),
            *(graph_rule.rule for graph_rule in GRAPH_RULES),
        ),
        key=lambda rule: rule.code,
    )
)

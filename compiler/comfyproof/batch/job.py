"""A job: one form of a spec, known by a key that says all that its pictures depend on."""

from __future__ import annotations

import hashlib
import json
import os
import uuid
from collections.abc import Mapping
from typing import Any

from ..driver import Program
from ..graph import Asset
from ..stages.save import Save
from .store import sha256_of

# Part of every key: jobs of a comfyproof that judged otherwise are others.
_FORMAT = 1
_NAMESPACE = uuid.UUID("6d6e2c0e-9d7c-5b0e-8a55-c0f1b7a7e0d1")


def prompt_id_of(batch: str, key: str, epoch: int) -> str:
    """The id under which a server knows an attempt: the same after any crash, another after a verdict."""
    return str(uuid.uuid5(_NAMESPACE, f"{batch}:{key}:{epoch}"))


class Contents:
    """The sha256 of files, each read once as long as it does not change."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[int, int, str]] = {}

    def sha256(self, path: str) -> str:
        """A file's, or "missing"."""
        try:
            facts = os.stat(path)
            size, changed, known = self._known.get(path, (-1, -1, ""))
            if (size, changed) == (facts.st_size, facts.st_mtime_ns):
                return known
            if not os.path.isfile(path):
                return "missing"
            from pathlib import Path

            found = sha256_of(Path(path))
        except (OSError, ValueError):
            return "missing"
        self._known[path] = (facts.st_size, facts.st_mtime_ns, found)
        return found


def key_of(program: Program, contents: Contents, models: Mapping[str, str]) -> str:
    """The key of a compiled form: its graph with inputs as hashes, its promises, and which model files are meant.

    `models` says what is known of model files besides their names.
    """

    def told(value: Any) -> Any:
        if isinstance(value, Asset):
            return {"sha256": contents.sha256(value.path)}
        if hasattr(value, "model_dump"):
            return value.model_dump(exclude_defaults=True)
        return str(value)

    spec = program.spec
    nodes = {}
    for node in program.graph.nodes.values():
        nodes[node.id] = [node.type, {name: _value(value) for name, value in node.inputs.items()}]
    saves = [(step.name, step.block) for step in spec.steps if isinstance(step.block, Save)]
    promises = [[name, block.verify] for name, block in saves if block.verify]
    inputs = {name: found.value for name, found in spec.inputs.items() if isinstance(found.value, Asset)}
    whole = [_FORMAT, nodes, spec.verify, promises, inputs, models]
    text = json.dumps(whole, sort_keys=True, separators=(",", ":"), default=told)
    return hashlib.sha256(text.encode()).hexdigest()


def _value(value: Any) -> Any:
    # A named tuple would be written as a list, like a literal one.
    return value if isinstance(value, bool | int | float | str | Asset) or value is None else _marked(value)


def _marked(value: Any) -> Any:
    return {type(value).__name__: value}

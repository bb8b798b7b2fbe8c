"""ComfyUI's own nodes as calls. The classes of the built-in catalog stand in nodes.pyi, written by `make stubs`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .handles import Node


class Nodes:
    """Every node class as a method of its name."""

    def __init__(self, add: Callable[..., Node]) -> None:
        self._add = add

    def __getattr__(self, type: str) -> Callable[..., Node]:
        if type.startswith("_"):
            raise AttributeError(f"there is no node class {type!r}")

        def add(*others: Any, as_: str | None = None, **inputs: Any) -> Node:
            if others:
                raise TypeError(f'"{type}" takes its inputs by name, as in {type}(name=value)')
            return self._add(type, as_, inputs, None)

        return add

"""What an author calls on a pipeline. Which fields each call takes stands in methods.pyi, written by `make stubs`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .handles import Input, Model, Stage


class Methods:
    """The words of the language as methods: any field is taken, and what is wrong with it is the language's to say."""

    def input(self, name: str, /, **fields: Any) -> Input:
        """Declares an input, which a run may set."""
        self._declare("inputs", name, fields)
        return Input(self, name)

    def model(self, name: str, /, **fields: Any) -> Model:
        """Declares a model."""
        self._declare("models", name, fields)
        return Model(self, name)

    def verify(self, **fields: Any) -> None:
        """Says what must hold of every saved picture."""
        self._verify(fields)

    def __getattr__(self, kind: str) -> Callable[..., Stage]:
        if kind.startswith("_"):
            raise AttributeError(f"{type(self).__name__!r} has no attribute {kind!r}")

        def add(*others: Any, **fields: Any) -> Stage:
            if others:
                raise TypeError(f'"{kind}" takes its fields by name, as in {kind}(name=value)')
            return self._stage(kind, fields)

        return add

"""Handles: what stands in an author's code for an input, model, stage or node, and becomes its name in the data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .calls import Call, running_call


@dataclass(frozen=True, eq=False)
class Handle:
    """A part of a pipeline, to be handed to other parts; with `part`, one of its outputs.

    In a text, as in f"{prompt}, sharp", it stands for the value of an input.
    """

    owner: object = field(repr=False)
    name: str
    part: str | None = None

    def output(self, name: str | int) -> Handle:
        """One of its outputs, by name, type or number."""
        return Handle(self.owner, self.name, str(name))

    def __getattr__(self, name: str) -> Handle:
        if name.startswith("_"):
            raise AttributeError(f"{type(self).__name__!r} has no attribute {name!r}")
        return self.output(name)

    def __str__(self) -> str:
        return f"${{{self.path}}}"

    def __format__(self, how: str) -> str:
        if how:
            raise ValueError(f'"{self.name}" has its value only in a run, and cannot be formatted as "{how}"')
        return str(self)

    @property
    def path(self) -> str:
        """The name as the language writes it behind a dollar."""
        return self.name if self.part is None else f"{self.name}.{self.part}"


class Input(Handle):
    """An input, declared with `input`."""

    def output(self, name: str | int) -> Handle:
        """Nothing: an input is one value. Raises AttributeError."""
        raise AttributeError(f'the input "{self.name}" is one value, and has no "{name}"')


class Node(Handle):
    """A node of ComfyUI's own."""


class Model(Handle):
    """A model, declared with `model`."""

    def at(self, strength: float | Handle | None = None, /, **fields: Any) -> Use:
        """This model at work with a strength and more settings, as an item of `loras` or `control`."""
        return Use(self, strength, fields, running_call())


@dataclass(frozen=True, eq=False)
class Stage(Handle):
    """A stage. It has a name of its own only if it is given one with `as_`, or if it is referred to."""

    number: int = 0

    def output(self, name: str | int) -> Handle:
        """One of its outputs: image, latent, or another of its last node's."""
        return Stage(self.owner, self.name, str(name), self.number)


@dataclass(frozen=True, eq=False)
class Use:
    """A model at work somewhere, with its settings."""

    model: Model
    strength: float | Handle | None
    fields: Mapping[str, Any]
    call: Call

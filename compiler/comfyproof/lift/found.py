"""What is recognized in a graph: stages with their fields, the models they use, and what flows out of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..graph import Link


@dataclass(frozen=True)
class Want:
    """An output that a field names, as the type that is wanted there."""

    link: Link
    type: str


@dataclass(frozen=True)
class FileInput:
    """A file that a run may exchange, and so an input of the spec; `title` is what its loader is called."""

    type: str
    file: str
    title: str = field(default="", compare=False)


@dataclass(frozen=True)
class ModelFound:
    """A model: its block in the language, and, of a diffusion model, the outputs of its loaders by name."""

    kind: str
    fields: Mapping[str, Any] = field(hash=False)
    outputs: Mapping[str, Link] = field(hash=False, compare=False, default_factory=dict)
    title: str = field(default="", compare=False)

    def __hash__(self) -> int:
        return hash((self.kind, str(self.fields)))


@dataclass(frozen=True)
class Flow:
    """What leaves a stage: pixels or a latent, and with a latent the VAE and the kind that a spec gives it.

    `video` is the stage that made pictures a video, where it is one.
    """

    link: Link
    pixels: bool
    vae: Link | None = None
    kind: str | None = None
    masked: bool = False
    video: StageFound | None = None


@dataclass(eq=False)
class StageFound:
    """A stage: the node that it ends in, its fields, and what flows in; values may be Want, FileInput, ModelFound."""

    kind: str
    anchor: str
    fields: dict[str, Any]
    source: Want | None = None
    flow: Flow | None = None
    picture: Link | None = None
    mask: Link | None = None

    def parts(self) -> Iterator[Any]:
        """The outputs, files and models that it names, what flows in first."""
        if self.source is not None:
            yield self.source
        yield from _parts(self.fields)


def _parts(value: Any) -> Iterator[Any]:
    if isinstance(value, Want | FileInput | ModelFound):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _parts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _parts(inner)

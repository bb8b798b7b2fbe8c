"""Embeddings: textual inversions, and the text encoders whose width they have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .header import Header

# The text encoders that have a table of words of a width, and the families of embeddings of that width alone.
ENCODERS: Mapping[int, tuple[str, ...]] = {768: ("clip_l",), 1024: ("clip_h",), 1280: ("clip_g",), 4096: ("t5xxl",)}
_FAMILIES = {768: ("sd15",), 1024: ("sd2",), 1280: ("sdxl", "sdxl-refiner"), 4096: ("sd3", "flux")}
_KEYS = frozenset(("emb_params", "clip_l", "clip_g", "clip_h", "t5xxl", "llama"))
_STARTS = ("string_to_param", "<")
_FEW = 8
_MOST_VECTORS = 2048


@dataclass(frozen=True, slots=True)
class Embedding:
    """A textual inversion: how many words it takes and how wide they are, by the key of each text encoder."""

    vectors: int
    widths: Mapping[str, int]
    families: tuple[str, ...] = ()
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict, repr=False, compare=False)

    def loaded(self, key: str) -> tuple[int, ...]:
        """The shape that ComfyUI takes for the text encoder of a key ("clip_l"), whatever width that one has."""
        first = next((name for name in self.shapes if name.startswith("string_to_param")), "")
        return self.shapes[first] if first else self.shapes.get(key, next(iter(self.shapes.values())))

    def width(self, key: str) -> int:
        """The width of the words that ComfyUI takes for the text encoder of a key: another width than the encoder's
        is dropped with a warning in the server's log.
        """
        return self.loaded(key)[-1]


def detect(header: Header, prefix: str = "") -> Embedding | None:
    """The textual inversion of a file; None if it is none."""
    if len(header.tensors) > _FEW or header.format == "gguf":
        return None
    tensors = header.under(prefix).tensors
    shapes = {name: shape for name, (dtype, shape) in tensors.items() if not dtype.startswith(("I", "U"))}
    named = any(name in _KEYS or name.startswith(_STARTS) for name in shapes)
    if not shapes or not (named or len(shapes) == 1):
        return None
    for shape in shapes.values():
        if len(shape) not in (1, 2) or shape[-1] not in ENCODERS or (len(shape) > 1 and shape[0] > _MOST_VECTORS):
            return None
    widths = {name: shape[-1] for name, shape in shapes.items()}
    vectors = max(shape[0] if len(shape) > 1 else 1 for shape in shapes.values())
    return Embedding(vectors, widths, _families(widths), shapes)


def _families(widths: Mapping[str, int]) -> tuple[str, ...]:
    if "clip_l" in widths and "clip_g" in widths:
        return ("sdxl",)
    return _FAMILIES.get(next(iter(widths.values())), ())

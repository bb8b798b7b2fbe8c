"""identify: what a model file is, from its header alone."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import import_module
from math import prod
from typing import Any

from .diffusion import quantisation
from .header import BITS, Header
from .narrowing import narrowed
from .pickled import dangers

# Kind first, family second. A LoRA has its base's names in it, so that it is asked for before the models; a control
# LoRA is both.
_KINDS = (
    ("lora", "loras"),
    ("style_model", "style_models"),
    ("controlnet", "controlnets"),
    ("embedding", "embeddings"),
    ("checkpoint", "checkpoints"),
    ("diffusion", "diffusion"),
    ("vae", "vaes"),
    ("clip_vision", "clip_vision"),
    ("text_encoder", "text_encoders"),
    ("upscaler", "upscalers"),
)
# Tensors that a model has once though its file may have them twice.
_TIED = (
    ("encoder.embed_tokens.weight", "shared.weight"),
    ("decoder.embed_tokens.weight", "shared.weight"),
    ("lm_head.weight", "model.embed_tokens.weight"),
)
_GGUF_VISION = frozenset({"clip-vision", "mmproj"})


@dataclass(frozen=True, slots=True)
class Weights:
    """What a model file is.

    `families` are all that are left, by the names of `facts.kinds.KINDS`, `variants` the same within the family
    ("dev", "krea", "kontext"); `told_by` is the weakest evidence that was needed: "header", "metadata", "name" or
    "sha256". `dtype` is what most elements are stored as, `quantisation` how they are packed, or "". `stored` and
    `resident` are bytes, on disk and loaded as they are; what tensors share counts once. `calls` are the names that a
    pickle uses and PyTorch refuses, `dangers` those of them that are known to do harm. `detail` is the dataclass of
    its kind.
    """

    kind: str
    families: tuple[str, ...] = ()
    variants: tuple[str, ...] = ()
    told_by: str = "header"
    format: str = ""
    dtype: str = ""
    quantisation: str = ""
    parameters: int = 0
    stored: int = 0
    resident: int = 0
    calls: tuple[str, ...] = ()
    dangers: tuple[str, ...] = ()
    detail: Any = None


def identify(header: Header, name: str = "", sha256: str = "") -> Weights:
    """What the file of a header is; its name and its checksum help where the header leaves several models."""
    plain = _plain(header)
    families, variants, told_by = narrowed(plain.families, plain.variants, header.metadata, name, sha256)
    return replace(plain, families=families, variants=variants, told_by=told_by)


_MOST_REMEMBERED = 256
_remembered: OrderedDict[tuple[bytes, object], Weights] = OrderedDict()


def _plain(header: Header) -> Weights:
    """What the tensors alone tell; of files that have the same ones it is found out once."""
    key = header.structure, header.metadata.get("config")
    if not header.structure or header.values or not isinstance(key[1], str | None):
        return _examine(header)
    if key not in _remembered:
        _remembered[key] = _examine(header)
        while len(_remembered) > _MOST_REMEMBERED:
            _remembered.popitem(last=False)
    _remembered.move_to_end(key)
    return _remembered[key]


def _examine(header: Header) -> Weights:
    kind, detail = _kind(header)
    stored = header.stored
    return Weights(
        kind,
        tuple(getattr(detail, "families", ())),
        tuple(getattr(detail, "variants", ())),
        "header",
        header.format,
        header.dtype,
        quantisation(header),
        header.parameters,
        stored,
        stored - _tied(header),
        header.calls,
        dangers(header.calls) if header.calls else (),
        detail,
    )


def _kind(header: Header) -> tuple[str, Any]:
    if header.metadata.get("general.type") in _GGUF_VISION and header.format == "gguf":
        return "clip_vision", None
    kinds = _KINDS if "lora_controlnet" not in header else (_KINDS[2],)
    for kind, module in kinds:
        detail = _detector(module)(header)
        if detail is not None:
            return kind, detail
    return "unknown", None


@lru_cache(maxsize=len(_KINDS))
def _detector(module: str) -> Callable[[Header], Any]:
    detect: Callable[[Header], Any] = import_module(f".{module}", __package__).detect
    return detect


def _tied(header: Header) -> int:
    """The bytes of tensors that are loaded once though they are stored twice."""
    tensors, twice = header.tensors, 0
    for copy, owner in _TIED:
        if copy in tensors and tensors.get(owner) == tensors[copy] and copy not in header.shared:
            dtype, shape = tensors[copy]
            twice += int(prod(shape) * BITS.get(dtype, 32)) // 8
    return twice

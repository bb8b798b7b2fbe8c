"""What narrows a file down where its header leaves several models: its metadata, then its name, then its checksum."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

# What a text says of the family; of several that match, the one that is written furthest to the left in this table.
_FAMILIES = tuple(
    (family, re.compile(pattern, re.IGNORECASE))
    for family, pattern in (
        ("sdxl-refiner", r"xl.{0,12}refiner"),
        ("sdxl", r"sd_?xl|stable-diffusion-xl|(?<![a-z])xl(?![a-z])|pony|illustrious|noobai"),
        ("sd3", r"sd[-_. ]?3|stable[-_. ]?diffusion[-_. ]?3"),
        ("cascade", r"cascade"),
        ("sd2", r"sd[-_. ]?v?2|stable-diffusion-v2|v2-1"),
        ("sd15", r"sd[-_. ]?v?1|stable-diffusion-v1|v1-5|sd15"),
        ("flux2", r"flux[-_. ]?2(?!\d)"),
        ("chroma-radiance", r"radiance"),
        ("chroma", r"chroma"),
        ("flux-schnell", r"schnell"),
        ("flux", r"flux"),
        ("qwen-image", r"qwen"),
        ("wan22-5b", r"wan[-_. ]?2[._]?2.*5b"),
        ("wan", r"wan"),
        ("hunyuan-image", r"hunyuan[-_. ]?image"),
        ("hunyuan3d", r"hunyuan[-_. ]?3d"),
        ("hunyuan-dit", r"hunyuan[-_. ]?dit|hydit"),
        ("hunyuan-video", r"hunyuan|hyvid"),
        ("z-image", r"z[-_. ]?image"),
        ("ltxv", r"ltx"),
        ("hidream", r"hidream"),
        ("lumina2", r"lumina"),
        ("omnigen2", r"omnigen"),
        ("auraflow", r"aura"),
        ("pixart-sigma", r"sigma"),
        ("pixart-alpha", r"pixart"),
        ("mochi", r"mochi"),
        ("cosmos2", r"predict[-_. ]?2"),
        ("cosmos", r"cosmos"),
        ("ace-step", r"ace[-_. ]?step"),
        ("stable-audio", r"audio"),
    )
)
# The surer word first: "flux1-krea-dev" is Krea.
_VARIANTS = tuple(
    (variant, re.compile(pattern, re.IGNORECASE))
    for variant, pattern in (
        ("kontext", r"kontext"),
        ("krea", r"krea"),
        ("dev", r"dev"),
        ("canny", r"canny"),
        ("depth", r"depth"),
        ("full", r"full"),
        ("fast", r"fast"),
        ("edit-2509", r"edit.{0,3}2509"),
        ("edit", r"edit"),
        ("2.2-t2v-high", r"high"),
        ("2.2-t2v-low", r"low(?!ra|vram)"),
        ("2.2-i2v-high", r"high"),
        ("2.2-i2v-low", r"low(?!ra|vram)"),
        ("2.1-t2v", r"2[._]?1"),
    )
)
_SPOKEN = (
    "modelspec.architecture",
    "modelspec.title",
    "ss_base_model_version",
    "ss_sd_model_name",
    "general.name",
    "general.basename",
)
_MOST_TEXT = 300
# Files as ComfyUI's own templates name them, of which others share the header.
_KNOWN: Mapping[str, tuple[str, str]] = {
    "afc8e28272cd15db3919bacdb6918ce9c1ed22e96cb12c4d5ed0fba823529e38": ("flux", ""),
    "2fc39d31359a4b0a64f55876d8ff7fa8d780956ae2cb13463b0223e15148976b": ("wan", ""),
    "b645503c5d5d583a135d7e77c655237ebc6dc132d49d763759c1dd51683bd1dd": ("hidream", "full"),
    "868fe7b343cc8f3a19dbcfcafbc3d5f888802be3f89bd81b65b3621a066ce8f3": ("flux2", ""),
}


def narrowed(
    families: tuple[str, ...], variants: tuple[str, ...], metadata: Mapping[str, Any], name: str, sha256: str
) -> tuple[tuple[str, ...], tuple[str, ...], str]:
    """The families and variants that are left, and by what: "header", "metadata", "name" or "sha256".

    Nothing here adds a candidate that the header rules out.
    """
    by = "header"
    known = _KNOWN.get(sha256.lower())
    if known and (known[0] in families or not families):
        return (known[0],), (known[1],) if known[1] in variants else variants, "sha256"
    spoken = [metadata[key][:_MOST_TEXT] for key in _SPOKEN if isinstance(metadata.get(key), str)]
    for texts, told in ((spoken, "metadata"), ([name[-_MOST_TEXT:]], "name")):
        if len(families) > 1:
            only = _first(_FAMILIES, families, texts)
            families, by = ((only,), told) if only else (families, by)
        if len(variants) > 1:
            only = _first(_VARIANTS, variants, texts)
            variants, by = ((only,), told) if only else (variants, by)
    return families, variants, by


def _first(table: Iterable[tuple[str, re.Pattern[str]]], candidates: tuple[str, ...], texts: list[str]) -> str:
    """The first of the table's rows that a text speaks of, if it is a candidate."""
    for text in texts:
        for word, pattern in table:
            if word in candidates and pattern.search(text):
                return word
    return ""

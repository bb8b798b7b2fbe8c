"""Any text as the name of a file, on every system."""

from __future__ import annotations

import re
import unicodedata
from itertools import groupby

_MARKS = "._=,+-"
# Names that Windows keeps for devices, whatever ending follows.
_DEVICE = re.compile(r"(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9¹²³])(?:\.|$)", re.IGNORECASE)


def file_name(text: str, max_bytes: int, fallback: str = "unnamed") -> str:
    """A text as a file's name of at most so many bytes: letters and digits of all scripts, and a few marks.

    It is composed (NFC), no device's name, and neither hidden nor an option. `fallback` where nothing is left.
    """
    composed = unicodedata.normalize("NFC", text.encode(errors="replace").decode())
    runs = groupby(composed, lambda letter: letter in _MARKS or unicodedata.category(letter)[0] in "LMN")
    name = "".join("".join(letters) if fit else "_" for fit, letters in runs)
    name = cut(name.lstrip(".-"), max_bytes).rstrip(".")
    if not name.strip("_"):
        return fallback
    return cut(f"_{name}", max_bytes) if _DEVICE.match(name) else name


def cut(text: str, max_bytes: int) -> str:
    """The beginning of a text that fits into so many bytes of UTF-8, never half a letter."""
    return text.encode()[:max_bytes].decode(errors="ignore")

"""The Python form of a spec: calls that write down the same data as YAML does, and where each value was written."""

from __future__ import annotations

import os


def is_python(file: str | os.PathLike[str]) -> bool:
    """Whether a spec is in Python, by its name."""
    return os.path.splitext(file)[1].casefold() == ".py"

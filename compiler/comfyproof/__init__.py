"""comfyproof: compile, prove and run ComfyUI pipelines written as code."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .catalog.pinned import load_catalog
    from .pipeline import NotCompiled, Pipeline
    from .verdict import server_verdict

__version__ = "0.1.0"
__all__ = ["NotCompiled", "Pipeline", "__version__", "load_catalog", "server_verdict"]

# What the package offers, each imported when it is first asked for: a start costs nothing that it does not need.
_OFFERED = {
    "NotCompiled": "pipeline",
    "Pipeline": "pipeline",
    "load_catalog": "catalog.pinned",
    "server_verdict": "verdict",
}


def __getattr__(name: str) -> Any:
    if name not in _OFFERED:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_OFFERED[name]}", __name__), name)

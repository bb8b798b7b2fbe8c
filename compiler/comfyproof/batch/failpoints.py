"""Named points at which a test can end the process as a power cut would: COMFYPROOF_FAIL=NAME:N, at the Nth passage."""

from __future__ import annotations

import os
import threading
from collections import Counter

# In the order in which a job comes by.
NAMES = (
    "before-plan", "after-plan", "before-claim", "after-claim", "before-submit", "after-submit", "before-fetch",
    "before-object", "after-object", "before-commit", "after-commit", "before-name", "after-name", "after-shard",
)  # fmt: skip

_wanted, _, _times = os.environ.get("COMFYPROOF_FAIL", "").partition(":")
_passages: Counter[str] = Counter()
_lock = threading.Lock()


def passed(name: str) -> None:
    """Notes that a point is passed, and ends the process there if it was asked for."""
    if name != _wanted:
        return
    with _lock:
        _passages[name] += 1
        if _passages[name] == int(_times or 1):
            os._exit(9)

"""Named points at which a test can end the process as a power cut would: COMFYPROOF_FAIL=NAME:N, at the Nth passage."""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Callable
from functools import cache

# In the order in which a job comes by.
NAMES = (
    "after-folder", "after-batch", "before-plan", "after-plan", "before-restore", "after-adopt", "before-claim",
    "after-claim", "half-line", "after-bind", "before-submit", "after-submit", "before-fetch", "before-evidence",
    "after-evidence", "before-object", "half-object", "after-object", "before-commit", "after-commit", "before-note",
    "after-note", "after-accepted", "before-name", "after-link", "after-name", "after-release", "after-shard",
    "before-end", "after-end",
)  # fmt: skip

_passages: Counter[str] = Counter()
_lock = threading.Lock()


@cache
def _wanted() -> tuple[str, int]:
    name, _, times = os.environ.get("COMFYPROOF_FAIL", "").partition(":")
    return name, int(times or 1)


def passed(name: str, last: Callable[[], object] = lambda: None) -> None:
    """Notes that a point is passed, and ends the process there if it was asked for, after a `last` deed."""
    wanted, time = _wanted()
    if name != wanted:
        return
    with _lock:
        _passages[name] += 1
        if _passages[name] == time:
            last()
            os._exit(9)

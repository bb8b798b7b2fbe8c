"""The exit codes that scripts may rely on."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """What a command's exit status means."""

    FINE = 0
    FINDINGS = 1
    USAGE = 2
    NOT_EXAMINED = 3
    UNREACHABLE = 4
    LOCKED = 5
    DISK = 6
    INTERRUPTED = 130

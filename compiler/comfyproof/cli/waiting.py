"""What is waited for, told on a terminal."""

from __future__ import annotations

import sys
import threading
import time
from types import TracebackType
from typing import Self

import click

from ..report.text import clean

_PATIENCE = 1.0  # seconds
_PACE = 0.2


class Counting:
    """Says on a terminal how many of how many are done, once that takes longer than a moment; a context, to end it."""

    def __init__(self, doing: str) -> None:
        self._doing = doing
        self._next = time.monotonic() + _PATIENCE
        self._shown = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._shown:
            click.echo("\r\x1b[K", nl=False, err=True)

    def says(self, done: int, of: int) -> None:
        """How many are done by now."""
        if time.monotonic() < self._next or not sys.stderr.isatty():
            return
        self._next, self._shown = time.monotonic() + _PACE, True
        click.echo(f"\r\x1b[K{self._doing}: {done} of {of}", nl=False, err=True)


class Waiting:
    """Says on a terminal what is waited for, once that takes longer than a moment."""

    def __init__(self, doing: str) -> None:
        self._doing = doing
        self._timer: threading.Timer | None = None
        self._line = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.says("")

    def says(self, what: str) -> None:
        """What is waited for from now on; nothing, to be silent."""
        if not sys.stderr.isatty():
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer.join()
        if self._line:
            click.echo("\r\x1b[K", nl=False, err=True)
            self._line = False
        self._timer = threading.Timer(_PATIENCE, self._show, (what,)) if what else None
        if self._timer is not None:
            self._timer.daemon = True
            self._timer.start()

    def _show(self, what: str) -> None:
        self._line = True
        click.echo(clean(f"{self._doing}{what} ..."), nl=False, err=True)

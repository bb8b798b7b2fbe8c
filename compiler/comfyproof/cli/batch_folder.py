"""What the commands on a batch share: its folder, its ledger, and what is said where either cannot be used."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from .exits import Exit
from .terminal import stop

if TYPE_CHECKING:
    from ..batch.folder import BatchFolder
    from ..batch.ledger import Ledger
    from ..batch.store import Store

F = TypeVar("F", bound=Callable[..., Any])
_POSTGRESQL = re.compile(r"postgres(?:ql)?(?:\+psycopg)?://", re.IGNORECASE)
_SECRET_PART = 3


@dataclass(frozen=True)
class Batch:
    """A batch that is there: its folder, ledger, store and id; `shared` where several may work on it at once."""

    folder: BatchFolder
    ledger: Ledger
    store: Store
    id: str
    shared: bool
    _stack: ExitStack = field(repr=False)

    def lock(self, *, alone: bool = False) -> None:
        """Keeps others from working on it until the command ends. Raises Locked where somebody does already.

        A ledger that is made for several keeps them apart by itself, but for what must be done `alone`.
        """
        from ..batch.folder import Lock, Locked

        if self.shared and not alone:
            return
        self._stack.callback(Lock(self.folder, shared=False).release)
        if alone and (holders := self.ledger.holders()):
            raise Locked(f"somebody else works on the batch: {', '.join(sorted(set(holders.values())))}")


def batch_folder(command: F) -> F:
    """The argument DIR and the option --ledger."""
    for option in (
        click.option(
            "--ledger",
            "ledger_url",
            metavar="URL",
            help="The PostgreSQL database that holds the ledger; what the batch itself says, unless given.",
        ),
        click.argument("folder", metavar="DIR", type=click.Path()),
    ):
        command = option(command)
    return command


@contextmanager
def opened(folder: str, ledger_url: str | None, *, writes: bool = False) -> Iterator[Batch]:
    """A batch, for as long as a command takes. Exits with the code that says why it cannot be used.

    Without `writes` nothing is written, and the folder may be one that cannot be written.
    """
    from ..batch.folder import BatchFolder, Locked, NoBatch
    from ..batch.ledger import Ledger, LedgerProblem
    from ..batch.store import Store

    found = BatchFolder(Path(folder))
    typed = ledger_url
    try:
        about = found.about()
        ledger_url = postgresql(ledger_url or str(about.get("ledger") or ""))
        with ExitStack() as stack:
            url = ledger_url or _sqlite(found, writes=writes)
            ledger = Ledger(url, about["batch"], readonly=not writes)
            stack.callback(ledger.close)
            yield Batch(found, ledger, Store(found.objects), about["batch"], bool(ledger_url), stack)
    except NoBatch as problem:
        stop(Exit.NOT_EXAMINED, str(problem), _other_batch(Path(folder)))
    except Locked as problem:
        stop(Exit.LOCKED, str(problem), _WAIT)
    except LedgerProblem as problem:
        stop(Exit.DISK, _without_secret(problem.what, ledger_url or typed or ""), problem.help)


_WAIT = "wait until it is done, or stop it"


def postgresql(url: str) -> str:
    """The address as the database's driver takes it; empty for SQLite in the folder."""
    if not url:
        return ""
    if not _POSTGRESQL.match(url):
        raise click.UsageError("--ledger takes the address of a database, as in postgresql://name@host/database")
    # A batch says where its ledger is, but not the password: libpq finds that in PGPASSWORD or ~/.pgpass.
    url = _POSTGRESQL.sub("postgresql+psycopg://", url, count=1).replace(":***@", "@")
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        make_url(url)
    except (ArgumentError, ValueError):
        raise click.UsageError("--ledger is no address of a database; write an @ in a password as %40") from None
    return url


def same_ledger(one: str, other: str) -> bool:
    """Whether two addresses are of one database, whatever they say of passwords."""
    from sqlalchemy import make_url

    if not (one and other):
        return one == other
    return make_url(postgresql(one)).set(password=None) == make_url(postgresql(other)).set(password=None)


def _sqlite(folder: BatchFolder, *, writes: bool) -> str:
    """The address of the ledger in a folder, which is there. Raises LedgerProblem."""
    from ..batch.folder import sqlite_url
    from ..batch.ledger import LedgerProblem

    path = folder.own / "ledger.sqlite"
    if not path.is_file():
        raise LedgerProblem(
            f'there is no ledger "{path}"', "give the command that started the batch: what is verified is found again"
        )
    if writes and not os.access(folder.own, os.W_OK):
        raise LedgerProblem(
            f'"{folder.own}" cannot be written', "look whose it is, and whether its disk can be written"
        )
    if writes:
        return folder.ledger_url()
    # In a folder that cannot be written, SQLite can only read a ledger that nobody changes meanwhile.
    frozen = not os.access(folder.own, os.W_OK) and not (folder.own / "ledger.sqlite-shm").exists()
    return sqlite_url(path, immutable="1") if frozen else sqlite_url(path, mode="ro")


def _without_secret(text: str, url: str) -> str:
    """What a driver says of an address, without the password in it."""
    login = url.partition("://")[2].rpartition("@")[0]
    password = login.partition(":")[2]
    parts = [part for part in re.split(r"[@/:]", password) if len(part) >= _SECRET_PART]
    if any(part in text for part in (password, *parts) if part):
        return "the ledger cannot be used: the database cannot be reached at the address that was given"
    return text


def _other_batch(folder: Path) -> str:
    """The batch that may have been meant."""
    from ..batch.folder import OWN
    from ..diagnostics import nearest

    if folder.name == OWN:
        return f'did you mean "{folder.parent}"?'
    with suppress(OSError):
        batches = [path.name for path in sorted(folder.parent.iterdir())[:1000] if (path / OWN / "batch.json").exists()]
        if near := nearest(folder.name, batches):
            return f'did you mean "{folder.parent / near}"?'
    return "name the folder that was given as --out"

"""The ledger of a batch: the truth about its jobs, in SQLite beside the pictures or in PostgreSQL for several."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from .failpoints import passed
from .store import Stored
from .tables import ATTEMPT, BATCH, FORMAT, JOB, LANE, NAME, OUTPUT, metadata

# What a job is that nobody has.
_FREE: Mapping[str, Any] = {"state": "todo", "coordinator": None, "shard": None, "prompt_id": None}
_PART = 500  # rows in a statement
_MAKING = 0x636F6D6679  # PostgreSQL's lock for making the tables


class LedgerProblem(Exception):
    """The ledger cannot be read or written: `what` is wrong, and `help`, one thing to do about it."""

    def __init__(self, what: str, help: str = "") -> None:
        super().__init__(what)
        self.what, self.help = what, help


class NewJob(NamedTuple):
    """A job as a command names it. `changes` are the values that make it, for people."""

    key: str
    name: str
    models: str
    changes: Mapping[str, Any]


class Row(NamedTuple):
    """A job as the ledger knows it. `state` is todo, claimed, done, failed or cancelled; `seconds` it took."""

    key: str
    position: int
    models: str
    state: str
    epoch: int
    server: str | None
    coordinator: str | None
    shard: str | None
    verdict: str | None
    reason: str | None
    seconds: float | None
    prompt_id: str | None
    ended: str | None


class Output(NamedTuple):
    """One accepted file of a job: what it is, which stage made it, and what was measured of it.

    `pixels` is the same for files that show the same, whatever their metadata; empty where that is not known.
    """

    key: str
    number: int
    stored: Stored
    stage: str
    checks: Sequence[Mapping[str, Any]]
    pixels: str = ""


class Attempt(NamedTuple):
    """One attempt that did not come right, and why."""

    key: str
    epoch: int
    prompt_id: str
    server: str
    outcome: str
    reason: str


class Ledger:
    """The jobs of one batch. For several threads, and with PostgreSQL for several processes. Raises LedgerProblem."""

    def __init__(self, url: str, batch: str, *, readonly: bool = False) -> None:
        self._batch = batch
        self._local = url.startswith("sqlite")
        # SQLite has one writer: better to wait for one another here than to be told that it is busy.
        self._one = threading.RLock()
        with told():
            self._engine = _engine(url)
            if self._local:
                self._look_through()
            self._prepare(readonly)

    def close(self) -> None:
        """Closes the connections."""
        self._engine.dispose()

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        with told():
            if not self._local:
                with self._engine.begin() as connection:
                    yield connection
                return
            with self._one, self._engine.begin() as connection:
                yield connection

    def _read(self, query: sa.Select[Any]) -> Iterator[Any]:
        with (
            told(),
            self._engine.connect() as connection,
            # A reader may stop early, and PostgreSQL keeps a cursor open until it is told.
            connection.execution_options(yield_per=_PART).execute(query) as found,
        ):
            yield from found

    def _look_through(self) -> None:
        with self._engine.connect() as connection:
            if (found := connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()) != "ok":
                raise LedgerProblem(f"the ledger is damaged: {found}", _MOVE_AWAY)

    @contextmanager
    def _alone(self) -> Iterator[sa.Connection]:
        """To write several rows, one after the other: two who did so in other orders would wait for each other."""
        with self._writing() as connection:
            if not self._local:
                connection.execute(sa.select(BATCH.c.format).where(BATCH.c.batch == self._batch).with_for_update())
            yield connection

    def _prepare(self, readonly: bool) -> None:
        with self._engine.begin() as connection:
            if not readonly:
                if not self._local:  # two who begin together would both make the tables
                    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MAKING)))
                metadata.create_all(connection)
            found = connection.execute(sa.select(BATCH.c.format).where(BATCH.c.batch == self._batch)).scalar()
            if found is None and not readonly:
                connection.execute(BATCH.insert().values(batch=self._batch, format=FORMAT))
            elif found is not None and found > FORMAT:
                raise LedgerProblem("the ledger is of a newer comfyproof", "update comfyproof, or choose another --out")

    # Jobs.

    def name_jobs(self, jobs: Iterable[NewJob]) -> None:
        """Makes these the jobs of the batch, in this order; what the ledger knows of them already stands."""
        passed("before-plan")
        with self._alone() as connection:
            connection.execute(JOB.update().where(JOB.c.batch == self._batch).values(position=-1))
            connection.execute(NAME.delete().where(NAME.c.batch == self._batch))
            known = set(connection.execute(sa.select(JOB.c.key).where(JOB.c.batch == self._batch)).scalars())
            position = 0
            for part in _parts(jobs):
                new, named, kept = [], [], []
                for job in part:
                    named.append({"batch": self._batch, "name": job.name, "key": job.key, "changes": dict(job.changes)})
                    if job.key in known:
                        kept.append({"k": job.key, "p": position})
                    else:
                        known.add(job.key)
                        row = {"batch": self._batch, "key": job.key, "position": position, "models": job.models}
                        new.append({**row, "state": "todo", "epoch": 0})
                    position += 1
                if new:
                    connection.execute(JOB.insert(), new)
                if kept:
                    mine = (JOB.c.batch == self._batch) & (JOB.c.key == sa.bindparam("k")) & (JOB.c.position == -1)
                    connection.execute(JOB.update().where(mine).values(position=sa.bindparam("p")), kept)
                connection.execute(NAME.insert(), named)
        passed("after-plan")

    def rows(self, *, all: bool = False) -> Iterator[Row]:
        """The jobs that the latest command names, in its order; or all that the batch ever had."""
        query = sa.select(*(JOB.c[name] for name in Row._fields)).where(JOB.c.batch == self._batch)
        if not all:
            query = query.where(JOB.c.position >= 0)
        yield from (Row(*found) for found in self._read(query.order_by(JOB.c.position)))

    def row(self, key: str) -> Row | None:
        """One job."""
        with told(), self._engine.connect() as connection:
            found = connection.execute(_ROW, self._of(key)).first()
        return Row(*found) if found else None

    def names(self, key: str | None = None) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
        """What jobs are called: name, key, and the values that make it."""
        query = sa.select(NAME.c.name, NAME.c.key, NAME.c.changes).where(NAME.c.batch == self._batch)
        yield from map(tuple, self._read(query if key is None else query.where(NAME.c.key == key)))

    def outputs(self, key: str | None = None) -> Iterator[Output]:
        """The accepted files, of one job or of all."""
        query = sa.select(OUTPUT).where(OUTPUT.c.batch == self._batch).order_by(OUTPUT.c.key, OUTPUT.c.number)
        for found in self._read(query if key is None else query.where(OUTPUT.c.key == key)):
            stored = Stored(found.sha256, found.bytes, found.ending)
            yield Output(found.key, found.number, stored, found.stage, found.checks, found.pixels)

    def repeated(self) -> list[list[str]]:
        """The jobs of the latest command whose pictures show exactly the same, group by group."""
        here = (OUTPUT.c.batch == self._batch) & (OUTPUT.c.pixels != "")
        named = (JOB.c.batch == OUTPUT.c.batch) & (JOB.c.key == OUTPUT.c.key) & (JOB.c.position >= 0)
        several = sa.select(OUTPUT.c.pixels).join(JOB, named).where(here).group_by(OUTPUT.c.pixels)
        several = several.having(sa.func.count(sa.distinct(OUTPUT.c.key)) > 1)
        query = sa.select(OUTPUT.c.pixels, OUTPUT.c.key).join(JOB, named).where(here, OUTPUT.c.pixels.in_(several))
        groups: dict[str, list[str]] = {}
        for pixels, key in self._read(query.order_by(JOB.c.position)):
            groups.setdefault(pixels, []).append(key)
        return list(groups.values())

    def attempts(self, key: str | None = None) -> Iterator[Attempt]:
        """The attempts that did not come right, of one job or of all, the oldest first."""
        query = sa.select(*(ATTEMPT.c[name] for name in Attempt._fields)).where(ATTEMPT.c.batch == self._batch)
        query = query.order_by(ATTEMPT.c.key, ATTEMPT.c.epoch)
        yield from (Attempt(*f) for f in self._read(query if key is None else query.where(ATTEMPT.c.key == key)))

    def counts(self) -> dict[str, int]:
        """How many of the named jobs are in each state."""
        query = sa.select(JOB.c.state, sa.func.count()).where(JOB.c.batch == self._batch, JOB.c.position >= 0)
        return {str(state): int(count) for state, count in self._read(query.group_by(JOB.c.state))}

    # What becomes of them.

    def claim(self, keys: Sequence[str], server: str, coordinator: str, shard: str) -> list[str]:
        """Those of the jobs that nobody else has, which are now this coordinator's to run on this server.

        None where another has come to hold the server's lane, as after a long sleep of this one.
        """
        passed("before-claim")
        values = {"state": "claimed", "server": server, "coordinator": coordinator, "shard": shard}
        with self._alone() as connection:
            free = self._is_free(connection, server, coordinator)
            claimed = [key for key in keys if free and connection.execute(_CLAIM, self._of(key) | values).rowcount]
        passed("after-claim")
        return claimed

    def bind(self, keys: Iterable[str], prompt_id: str | None) -> None:
        """Notes that jobs are about to be sent together, so that they are found again together; None: they are not."""
        self._change(keys, JOB.c.state == "claimed", {"prompt_id": prompt_id})
        passed("after-bind")

    def bound(self, prompt_id: str) -> list[Row]:
        """The jobs that were sent as one prompt, in their order, done or not."""
        query = sa.select(*(JOB.c[name] for name in Row._fields))
        query = query.where(JOB.c.batch == self._batch, JOB.c.prompt_id == prompt_id).order_by(JOB.c.position)
        return [Row(*found) for found in self._read(query)]

    def move(self, keys: Iterable[str], server: str, coordinator: str, shard: str) -> None:
        """Hands jobs that this coordinator has claimed and not begun to another of its lanes."""
        values = {"server": server, "shard": shard}
        with self._alone() as connection:
            if not self._is_free(connection, server, coordinator):
                return
            mine = (JOB.c.state == "claimed") & (JOB.c.coordinator == coordinator)
            for key in keys:
                connection.execute(JOB.update().where(*self._is(JOB, key), mine).values(**values))

    def adopt(self, server: str, coordinator: str, shard: str, wanted: Collection[str]) -> list[str]:
        """Takes over what others had claimed for a server, by whoever holds its lane now: the jobs, in order.

        Only what is `wanted`: what an earlier command named and this one does not stays theirs, for it may be running.
        """
        others = (JOB.c.state == "claimed") & (JOB.c.server == server) & (JOB.c.coordinator != coordinator)
        query = sa.select(JOB.c.key).where(JOB.c.batch == self._batch, others).order_by(JOB.c.position)
        with self._alone() as connection:
            found = [key for key in connection.execute(query).scalars() if key in wanted]
            for key in found:
                change = JOB.update().where(*self._is(JOB, key), others)
                connection.execute(change.values(coordinator=coordinator, shard=shard))
        if found:
            passed("after-adopt")
        return found

    def abandon(self, servers: Collection[str]) -> list[str]:
        """Frees what is claimed for servers that are not among these and that nobody holds: the jobs."""
        held = {*servers, *self.holders()}
        gone = (JOB.c.state == "claimed") & JOB.c.server.not_in(held)
        change = JOB.update().where(JOB.c.batch == self._batch, gone).values(**_FREE)
        with self._alone() as connection:
            return list(connection.execute(change.returning(JOB.c.key)).scalars())

    def release(self, keys: Iterable[str], coordinator: str) -> None:
        """Makes jobs that this coordinator has claimed free again."""
        mine = (JOB.c.state == "claimed") & (JOB.c.coordinator == coordinator)
        self._change(keys, mine, {"state": "todo", "coordinator": None, "shard": None, "prompt_id": None})
        passed("after-release")

    def cancel(self, keys: Iterable[str]) -> None:
        """Takes jobs that are not done out of the batch, until somebody retries them."""
        self._change(
            keys, JOB.c.state.in_(("todo", "claimed", "failed")), {"state": "cancelled", "reason": "cancelled"}
        )

    def retry(self, keys: Iterable[str]) -> None:
        """Makes failed and cancelled jobs to be run again, as if for the first time, under new ids."""
        values = {"state": "todo", "reason": None, "coordinator": None, "epoch": JOB.c.epoch + 1}
        self._change(keys, JOB.c.state.in_(("failed", "cancelled")), {**values, "prompt_id": None})

    def redo(self, keys: Iterable[str]) -> None:
        """Makes done jobs whose files are no longer whole to be run again, under new ids."""
        with self._alone() as connection:
            for key in keys:
                connection.execute(OUTPUT.delete().where(*self._is(OUTPUT, key)))
                values = {"state": "todo", "coordinator": None, "verdict": None, "epoch": JOB.c.epoch + 1}
                connection.execute(JOB.update().where(*self._is(JOB, key)).values(**values, prompt_id=None))

    def forget(self, keys: Iterable[str]) -> None:
        """Takes jobs out of the ledger, with all that is known of them."""
        with self._alone() as connection:
            for key in keys:
                for table in (OUTPUT, ATTEMPT, JOB):
                    connection.execute(table.delete().where(*self._is(table, key)))

    def _change(self, keys: Iterable[str], condition: sa.ColumnElement[bool], values: Mapping[str, Any]) -> None:
        change = JOB.update().where(*_IS, condition).values(**values)
        with self._alone() as connection:
            for key in keys:
                connection.execute(change, self._of(key))

    def accept(self, row: Row, outputs: Sequence[Output], verdict: str, seconds: float) -> bool:
        """Notes a job as done with these files, which are verified and on disk; false where it was done already."""
        values = {"state": "done", "verdict": verdict, "seconds": seconds, "reason": None, "ended": _now()}
        values |= {"server": row.server, "prompt_id": row.prompt_id}
        passed("before-commit")
        with self._writing() as connection:
            if not connection.execute(_DONE, self._of(row.key) | values).rowcount:
                return False
            connection.execute(
                _PUT,
                [
                    {
                        "batch": self._batch,
                        "key": row.key,
                        "number": each.number,
                        **each.stored._asdict(),
                        "stage": each.stage,
                        "checks": list(each.checks),
                        "pixels": each.pixels,
                    }
                    for each in outputs
                ],
            )
        passed("after-commit")
        return True

    def note(self, attempt: Attempt, state: str) -> None:
        """Notes an attempt that did not come right, and what the job is now: todo, under a new id, or failed."""
        values = {"state": state, "epoch": attempt.epoch + 1, "reason": attempt.reason}
        values |= {"coordinator": None, "prompt_id": None}
        if state == "failed":
            values["ended"] = _now()
        passed("before-note")
        with self._writing() as connection:
            # What another noted already is not noted again, and what was cancelled meanwhile stays so.
            current = (JOB.c.epoch == attempt.epoch) & JOB.c.state.in_(("todo", "claimed"))
            change = JOB.update().where(*self._is(JOB, attempt.key), current)
            if connection.execute(change.values(**values)).rowcount:
                connection.execute(ATTEMPT.insert().values(batch=self._batch, ended=_now(), **attempt._asdict()))
        passed("after-note")

    # Lanes.

    def hold_lane(self, server: str, coordinator: str, seconds: float) -> bool:
        """Whether this coordinator alone may submit to a server, for so many seconds from now."""
        mine = (LANE.c.batch == self._batch) & (LANE.c.server == server)
        with self._writing() as connection:
            now = _clock(connection)
            free = mine & ((LANE.c.coordinator == coordinator) | (LANE.c.until < now))
            values = {"coordinator": coordinator, "until": now + seconds}
            if connection.execute(LANE.update().where(free).values(**values)).rowcount:
                return True
            if connection.execute(sa.select(LANE.c.server).where(mine)).first():
                return False
            try:
                with connection.begin_nested():
                    connection.execute(LANE.insert().values(batch=self._batch, server=server, **values))
            except sa.exc.IntegrityError:  # another was quicker
                return False
            return True

    def _is_free(self, connection: sa.Connection, server: str, coordinator: str) -> bool:
        """Whether no other coordinator holds a server's lane, and none comes to before this transaction ends."""
        mine = (LANE.c.batch == self._batch) & (LANE.c.server == server)
        found = connection.execute(sa.select(LANE.c.coordinator, LANE.c.until).where(mine).with_for_update()).first()
        return found is None or found.coordinator == coordinator or found.until < _clock(connection)

    def leave_lane(self, server: str, coordinator: str) -> None:
        """Lets others submit to a server."""
        mine = (LANE.c.batch == self._batch) & (LANE.c.server == server) & (LANE.c.coordinator == coordinator)
        with self._writing() as connection:
            connection.execute(LANE.delete().where(mine))

    def holders(self) -> dict[str, str]:
        """Which coordinator holds each server's lane now."""
        with self._writing() as connection:
            now = _clock(connection)
            query = sa.select(LANE.c.server, LANE.c.coordinator).where(LANE.c.batch == self._batch, LANE.c.until >= now)
            return {str(server): str(coordinator) for server, coordinator in connection.execute(query)}

    def _of(self, key: str) -> dict[str, Any]:
        """The values of a statement about one job."""
        return {"of_batch": self._batch, "of_key": key}

    def _is(self, table: sa.Table, key: str) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
        return table.c.batch == self._batch, table.c.key == key


def copy_ledger(source: Path, target: Path) -> None:
    """Copies a ledger in SQLite, whole, also while somebody writes to it. Raises LedgerProblem."""
    try:
        whence = f"{source.resolve().as_uri()}?mode=ro"
        with closing(sqlite3.connect(whence, uri=True)) as here, closing(sqlite3.connect(target)) as there:
            here.backup(there)
    except sqlite3.Error as problem:
        raise LedgerProblem(f"the ledger cannot be read: {problem}", _help(str(problem))) from None


# What is said for every job: SQLAlchemy knows a statement again, and spares the work of putting it together.
_IS = (JOB.c.batch == sa.bindparam("of_batch"), JOB.c.key == sa.bindparam("of_key"))
_ROW = sa.select(*(JOB.c[name] for name in Row._fields)).where(*_IS)
_CLAIM = JOB.update().where(*_IS, JOB.c.state == "todo")
_DONE = JOB.update().where(*_IS, JOB.c.state != "done")
_PUT = OUTPUT.insert()

_MOVE_AWAY = "move it away and give the same command: what is verified is found again in the store"


def _engine(url: str) -> sa.Engine:
    if not url.startswith("sqlite"):
        return sa.create_engine(url, pool_size=4, max_overflow=16, pool_pre_ping=True)
    engine = sa.create_engine(url, connect_args={"timeout": 30, "check_same_thread": False})

    @sa.event.listens_for(engine, "connect")
    def _(connection: Any, _record: Any) -> None:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")  # what is committed outlives a power cut

    return engine


@contextmanager
def told() -> Iterator[None]:
    """Tells of what the database says against what is done within as a LedgerProblem."""
    try:
        yield
    except DBAPIError as problem:
        said = str(problem.orig).strip().splitlines() or [""]
        raise LedgerProblem(f"the ledger cannot be used: {said[0]}", _help(said[0])) from None
    except SQLAlchemyError as problem:
        raise LedgerProblem(f"the ledger cannot be used: {str(problem).splitlines()[0]}") from None


def _help(said: str) -> str:
    if "malformed" in said or "not a database" in said:
        return _MOVE_AWAY
    if "full" in said or "I/O" in said:
        return "make room on the disk, and give the same command"
    return "look whether the database is there and can be written"


def _clock(connection: sa.Connection) -> float:
    """Now, by the database's clock: those who share a ledger need not agree on the time."""
    if connection.dialect.name == "sqlite":
        return float(connection.exec_driver_sql("SELECT (julianday('now') - 2440587.5) * 86400.0").scalar_one())
    return float(connection.exec_driver_sql("SELECT extract(epoch FROM clock_timestamp())").scalar_one())


def _parts(jobs: Iterable[NewJob]) -> Iterator[list[NewJob]]:
    part: list[NewJob] = []
    for job in jobs:
        part.append(job)
        if len(part) == _PART:
            yield part
            part = []
    if part:
        yield part


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")

"""The jobs of a batch as a table or as JSON, for other programs."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, Any, NamedTuple

from ..texts.keys import masked
from .folder import BatchFolder
from .ledger import Ledger, Output, Row
from .store import Store
from .view import placed_names

SCHEMA = "comfyproof/batch-export/1"
COLUMNS = (
    "name", "state", "stage", "file", "sha256", "bytes", "server", "seconds", "verdict", "checks", "attempts", "reason",
    "ended", "prompt_id", "key",
)  # fmt: skip
# With these a spreadsheet begins a formula, also where blanks or a quotation mark stand before them.
_FORMULA = re.compile(r"[\s\"']*[=+\-@＝＋－＠|%]")
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_WORST = ("failed", "not examined")


class Named(NamedTuple):
    """A job under one of its names, with what made it and what came of it."""

    name: str
    changes: Mapping[str, Any]
    row: Row
    attempts: int
    outputs: tuple[tuple[Output, str], ...]


def named_jobs(folder: BatchFolder, ledger: Ledger, store: Store) -> Iterator[Named]:
    """The jobs of the latest command in its order, once for each name; files are told from the folder on.

    Raises LedgerProblem.
    """
    names: dict[str, list[tuple[str, Mapping[str, Any]]]] = {}
    for name, key, changes in ledger.names():
        names.setdefault(key, []).append((name, changes))
    attempts = Counter(attempt.key for attempt in ledger.attempts())
    for row in ledger.rows():
        outputs = list(ledger.outputs(row.key)) if row.state == "done" else []
        tried = attempts[row.key] + (row.state == "done")
        for name, changes in sorted(names.get(row.key, [])):
            paths = placed_names(folder, store, row.key, [name], outputs)
            # Without a name, the object itself can still be opened.
            files = [path or store.path(output.stored) for path, output in zip(paths, outputs, strict=True)]
            found = tuple((o, str(f.relative_to(folder.out))) for o, f in zip(outputs, files, strict=True))
            yield Named(name, changes, row, tried, found)


def varied(ledger: Ledger) -> list[str]:
    """What varies between the jobs, in order of first mention."""
    found: dict[str, None] = {}
    for _, _, changes in ledger.names():
        found.update(dict.fromkeys(changes))
    return list(found)


def write_csv(stream: IO[str], jobs: Iterator[Named], varied: Sequence[str]) -> None:
    """A line for every file of every job, and one for a job without any.

    No cell begins as a spreadsheet's formula would: an apostrophe stands before it.
    """
    writer = csv.writer(stream)
    writer.writerow([*COLUMNS[:2], *(_cell(_column(each)) for each in varied), *COLUMNS[2:]])
    for job in jobs:
        own = [_cell(job.changes.get(each)) for each in varied]
        for output in job.outputs or (None,):
            line = _line(job, output)
            writer.writerow([*(_cell(line[c]) for c in COLUMNS[:2]), *own, *(_cell(line[c]) for c in COLUMNS[2:])])


def write_json(stream: IO[str], jobs: Iterator[Named], batch: str) -> None:
    """One JSON document, a job on each line of it."""
    stream.write(f'{{"schema": "{SCHEMA}", "batch": {json.dumps(batch)}, "jobs": [')
    for number, job in enumerate(jobs):
        stream.write((",\n" if number else "\n") + json.dumps(_entry(job)))
    stream.write("\n]}\n")


def _column(name: str) -> str:
    return f"{name} (varied)" if name in COLUMNS else name


def _line(job: Named, found: tuple[Output, str] | None) -> dict[str, Any]:
    row = job.row
    line: dict[str, Any] = dict.fromkeys(COLUMNS)
    line |= {
        "name": job.name,
        "state": row.state,
        "server": row.server,
        "seconds": _rounded(row.seconds),
        "key": row.key,
    }
    line |= {"verdict": row.verdict, "attempts": job.attempts, "reason": masked(row.reason or "")}
    line |= {"ended": row.ended, "prompt_id": row.prompt_id}
    if found:
        output, file = found
        line |= {"stage": output.stage, "file": file, "sha256": output.stored.sha256, "bytes": output.stored.bytes}
        line["checks"] = "; ".join(f"{c.get('name')}: {_told(c)}" for c in output.checks)
    return line


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)


def _told(check: Mapping[str, Any]) -> str:
    wanted = f" (expected {check['expected']})" if check.get("verdict") in _WORST else ""
    return f"{check.get('verdict')}, {check.get('measured')}{wanted}"


def _entry(job: Named) -> dict[str, Any]:
    row = job.row
    return {
        "name": job.name,
        "key": row.key,
        "state": row.state,
        "changes": dict(job.changes),
        "server": row.server,
        "seconds": _rounded(row.seconds),
        "verdict": row.verdict,
        "attempts": job.attempts,
        "reason": masked(row.reason) if row.reason else None,
        "ended": row.ended,
        "prompt_id": row.prompt_id,
        "outputs": [
            {"stage": o.stage, "file": file, **o.stored._asdict(), "checks": [dict(check) for check in o.checks]}
            for o, file in job.outputs
        ],
    }


def _cell(value: Any) -> Any:
    """A value as a cell that no spreadsheet takes for a formula."""
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
        return value
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = text.replace("\0", "")
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text

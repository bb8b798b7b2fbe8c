"""batch export: a batch as a table, as JSON, or as contact sheets."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO, StringIO
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

from ..report.text import clean
from .batch_folder import Batch, batch_folder, opened
from .exits import Exit
from .waiting import Counting

if TYPE_CHECKING:
    from ..batch.sheet import Tile

_WORDS = {"todo": "to do", "claimed": "running", "done": "done", "failed": "failed", "cancelled": "cancelled"}
_FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG"}


@click.command("export", short_help="Write a table, JSON or contact sheets of the jobs.")
@batch_folder
@click.option("--to", "form", type=click.Choice(["csv", "json", "sheet"]), required=True, help="What to make of it.")
@click.option(
    "-o",
    "out",
    metavar="FILE",
    type=click.Path(),
    help="Where to write it: stdout for csv and json, DIR-sheet.jpg for sheets, unless given.",
)
def export_command(folder: str, ledger_url: str | None, form: str, out: str | None) -> int:
    """Write the jobs of the batch in DIR with what came of them, for a spreadsheet, a program, or to look at.

    A sheet shows the pictures with their names, a hundred on a page; of several pages each gets a number. Cells of a
    table that a spreadsheet would take for a formula begin with an apostrophe.
    """
    if form == "sheet":
        path = Path(out or f"{Path(folder).resolve().name}-sheet.jpg")
        if path.suffix.lower() not in _FORMATS:
            raise click.UsageError(f'a sheet is written as .png or .jpg, and "{clean(str(path))}" is neither')
        with opened(folder, ledger_url) as batch:
            _sheets(batch, path)
        return Exit.FINE
    with opened(folder, ledger_url) as batch, _written(out) as stream:
        _export(batch, form, stream)
    return Exit.FINE


def _export(batch: Batch, form: str, stream: IO[str]) -> None:
    from ..batch.exporting import Named, named_jobs, varied, write_csv, write_json

    total = sum(batch.ledger.counts().values())

    def counted(counting: Counting) -> Iterator[Named]:
        for done, job in enumerate(named_jobs(batch.folder, batch.ledger, batch.store), 1):
            counting.says(done, max(done, total))
            yield job

    with Counting("exporting") as counting:
        if form == "csv":
            write_csv(stream, counted(counting), varied(batch.ledger))
        else:
            write_json(stream, counted(counting), batch.id)


@contextmanager
def _written(out: str | None) -> Iterator[IO[str]]:
    """A stream for text: stdout, or a file that is there whole at the end or not at all. Raises OSError."""
    if out in (None, "-"):
        yield sys.stdout
        return
    from ..run.folder import write_whole

    held = StringIO(newline="")
    yield held
    write_whole(Path(str(out)), held.getvalue().encode("utf-8", "replace"))


def _sheets(batch: Batch, path: Path) -> None:
    """Draws and writes the pages, one after the other, and tells their names."""
    from ..batch.sheet import PAGE, draw, pages
    from ..run.folder import write_whole

    total = sum(1 for _ in _tiles(batch))
    title = batch.folder.out.resolve().name
    said = ", ".join(
        f"{count:,} {_WORDS.get(state, state)}" for state, count in sorted(batch.ledger.counts().items()) if count
    )
    with Counting("drawing pages") as counting:
        for number, page in enumerate(pages(_tiles(batch), title, said, total), 1):
            counting.says(number, -(-total // PAGE))
            held = BytesIO()
            draw(page).save(held, _FORMATS[path.suffix.lower()], quality=90)
            target = path if total <= PAGE else path.with_name(f"{path.stem}-{number:03}{path.suffix}")
            write_whole(target, held.getvalue())
            click.echo(target)
    if not total:
        click.echo("there are no jobs to show", err=True)


def _tiles(batch: Batch) -> Iterator[Tile]:
    from ..batch.exporting import named_jobs
    from ..batch.sheet import Tile

    for job in named_jobs(batch.folder, batch.ledger, batch.store):
        state = str(job.row.verdict) if job.row.state == "done" else job.row.state
        if not job.outputs:
            yield Tile(job.name, state, None)
        for output, file in job.outputs:
            name = job.name if len(job.outputs) == 1 else f"{job.name} · {output.stage}"
            yield Tile(name, state, batch.folder.out / file)

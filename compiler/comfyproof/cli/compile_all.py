"""compile --all: every form of a spec in a folder, with an index of what is in which file."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from .exits import Exit
from .terminal import show_summary, show_work, stop

if TYPE_CHECKING:
    from ..catalog.pinned import Catalog
    from ..spec.forms import Form
    from ..spec.pipeline import Changes
    from ..variants import Variants

# More than so many have to be confirmed, and more than so many are never begun.
ASKED_ABOVE = 1_000
MAX_FORMS = 100_000
MAX_SHOWN = 20
INDEX = "index"
# The index of a run that is not at its end; of one that was stopped it tells the next which files are its own.
UNFINISHED = ".index.part"
_MAX_LINE = 2**20
# What a spreadsheet would take for a command.
_FORMULA = re.compile(r"[=+\-@\t\r\n]")
_NUMBER = re.compile(r"-?[0-9][0-9.e+-]*")


def compile_all(
    spec: str, catalog: Catalog, changes: Changes, forms: tuple[str, ...], folder: Path, names: str | None, yes: bool
) -> int:
    """Writes each form of a spec that compiles, and says what keeps the others from it."""
    from ..spec.forms import count_forms
    from ..variants import read_variants

    variants = read_variants(spec, catalog, changes, names=names)
    if variants.base.spec is None or variants.base.program is None:
        show_work(variants.base.findings, sys.stderr)
        show_summary(variants.base.findings, variants.base.not_examined, sys.stderr)
        return Exit.FINDINGS if variants.base.readable else Exit.NOT_EXAMINED
    if variants.problems:
        show_work(variants.problems, sys.stderr)
        return Exit.FINDINGS
    count = count_forms(variants.base.spec, changes, MAX_FORMS)
    if count.total > MAX_FORMS:
        message = f"this makes {count}, over the limit of {MAX_FORMS:,}"
        stop(Exit.USAGE, message, "leave out values of the matrix")
    click.echo(str(count), err=True)
    if count.total > ASKED_ABOVE and not yes:
        _confirm(f"{count.total:,}")
    folder.mkdir(parents=True, exist_ok=True)
    return _written(variants, forms, folder)


def _confirm(count: str) -> None:
    """Asks whether so many are wanted; exits where they are not, or where nobody can be asked."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        stop(Exit.USAGE, f"{count} workflows are not begun unasked", "say --yes if so many are wanted")
    if not click.confirm("write them?", err=True):
        raise click.exceptions.Exit(Exit.USAGE)


def _written(variants: Variants, forms: tuple[str, ...], folder: Path) -> int:
    from ..converting import SUFFIXES, converted, stops

    # What is not of YAML, Python or a diagram is .json, whatever it is for.
    suffixes = {form: f".{form}{SUFFIXES[form]}" if form in ("api", "ui") else SUFFIXES[form] for form in forms}
    written = 0
    failed: list[str] = []
    with _Index.begun(folder, variants) as index:
        for each, compiled in variants.programs():
            made = [(form, converted(compiled, form)) for form in forms]
            for _, result in made:
                if result.text is None or stops(result):
                    if len(failed) < MAX_SHOWN:
                        click.echo(f"{each.name}:", err=True)
                        show_work(result.findings, sys.stderr)
                    failed.append(each.name)
                    break
            else:
                for form, result in made:
                    assert result.text is not None
                    index.put(each, form, f"{each.name}{suffixes[form]}", result.text.encode())
                written += 1
        kept = index.finished(failed)
    click.echo(f"{folder}: {written:,} workflow{'' if written == 1 else 's'}", err=True)
    if index.removed:
        click.echo(f"removed, since the spec makes them no more: {index.removed:,}", err=True)
    for name in kept[:MAX_SHOWN]:
        click.echo(f'left alone, since it was changed: "{folder / name}"', err=True)
    if len(kept) > MAX_SHOWN:
        click.echo(f"left alone, since they were changed: {len(kept) - MAX_SHOWN:,} more", err=True)
    if failed:
        click.echo(f"{len(failed):,} not written, for the findings above", err=True)
    return Exit.FINDINGS if failed else Exit.FINE


def put_file(folder: Path, name: str, data: bytes) -> None:
    """Puts a file in place whole, as far as other programs see.

    It is not forced to the disk: what a power cut takes can be compiled again, and 10,000 times waiting for a disk
    would be all that the time goes to. The index has every file's hash.
    """
    part = os.path.join(folder, ".comfyproof-part")
    with open(part, "wb", buffering=0) as stream:
        stream.write(data)
    os.replace(part, os.path.join(folder, name))


@dataclass
class _Index:
    """What is in a folder: written as it goes, so that a run that is stopped leaves no file that nobody knows."""

    folder: Path
    stream: IO[str]
    table: IO[str]
    variants: Variants
    before: tuple[tuple[str, str], ...]
    columns: list[str]
    made: set[str] = field(default_factory=set)
    removed: int = 0

    @classmethod
    def begun(cls, folder: Path, variants: Variants) -> _Index:
        """An index that has nothing in it, and knows what an earlier one had."""
        listed = dict.fromkeys([*_listed(folder / f"{INDEX}.json"), *_listed(folder / UNFINISHED)])
        with (folder / f"{UNFINISHED}.old").open("w", encoding="utf-8") as kept:
            kept.writelines(_line({"file": file, "sha256": sha256}) + "\n" for file, sha256 in listed)
        os.replace(kept.name, folder / UNFINISHED)
        stream = (folder / UNFINISHED).open("a", encoding="utf-8", buffering=1)
        table = (folder / f"{UNFINISHED}.csv").open("w", encoding="utf-8", newline="")
        columns = variants.paths()
        csv.writer(table, lineterminator="\n").writerow(["name", "form", "file", "sha256", *map(_cell, columns)])
        return cls(folder, stream, table, variants, tuple(listed), columns)

    def __enter__(self) -> _Index:
        return self

    def __exit__(self, *problem: object) -> None:
        self.stream.close()
        self.table.close()

    def put(self, form: Form, kind: str, file: str, data: bytes) -> None:
        """Writes a file and its line of the index; the line first, since a file that is in none is never removed."""
        values = self.variants.values(form)
        sha256 = hashlib.sha256(data).hexdigest()
        line = {"name": form.name, "form": kind, "file": file, "sha256": sha256, "values": values}
        self.stream.write(_line(line) + "\n")
        row = [form.name, kind, file, sha256, *(_cell(values[path]) if path in values else "" for path in self.columns)]
        csv.writer(self.table, lineterminator="\n").writerow(row)
        put_file(self.folder, file, data)
        self.made.add(file)

    def finished(self, failed: list[str]) -> list[str]:
        """Removes what an earlier run wrote and this did not, and puts the index in place; what it left alone."""
        kept, known = [], frozenset(self.before)
        for file in dict.fromkeys(file for file, _ in self.before if file not in self.made):
            path = self.folder / file
            if path.is_symlink() or (path.exists() and (file, _hash(path)) not in known):
                kept.append(file)
            elif path.exists():
                path.unlink()
                self.removed += 1
        self.stream.close()
        self.table.close()
        whole = self.folder / f"{UNFINISHED}.json"
        head = {"comfyproof": "variants/1", "spec": Path(self.variants.file).name, "not_written": failed}
        with whole.open("w", encoding="utf-8") as stream:
            stream.write(f'{_line(head)[:-1]}, "workflows": [')
            for n, line in enumerate(self._lines()):
                stream.write(f"{',' if n else ''}\n{line}")
            stream.write("\n]}\n")
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(f"{self.folder / UNFINISHED}.csv", self.folder / f"{INDEX}.csv")
        os.replace(whole, self.folder / f"{INDEX}.json")
        (self.folder / UNFINISHED).unlink()
        return kept

    def _lines(self) -> Iterator[str]:
        """The lines of this run, which stand behind those of what was there before."""
        with (self.folder / UNFINISHED).open(encoding="utf-8") as stream:
            for n, line in enumerate(stream):
                if n >= len(self.before):
                    yield line.rstrip("\n")


def _line(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def _listed(index: Path) -> Iterator[tuple[str, str]]:
    """The files that an index lists, each with its hash; whatever else stands in it, as anyone may have written it."""
    with suppress(OSError, UnicodeDecodeError), index.open(encoding="utf-8") as stream:
        while line := stream.readline(_MAX_LINE):
            with suppress(ValueError, RecursionError):
                entry = json.loads(line.strip().rstrip(","))
                file, sha256 = (entry.get("file"), entry.get("sha256")) if isinstance(entry, dict) else (None, None)
                if isinstance(file, str) and isinstance(sha256, str) and file == re.split(r"[/\\:\0]", file)[-1]:
                    yield file, sha256


def _hash(path: Path) -> str | None:
    with suppress(OSError), path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
    return None


def _cell(value: Any) -> str:
    """A value in a table: as an author would write it, and never as a command to a spreadsheet."""
    from ..spec.dollars import as_text

    text = "" if value is None else _line(value) if isinstance(value, list | Mapping) else as_text(value)
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text

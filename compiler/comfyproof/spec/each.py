"""each: one run a row, whose values are listed, found by a pattern, or stand in a CSV or JSONL file."""

from __future__ import annotations

import csv
import io
import json
import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from itertools import islice
from pathlib import Path as FilePath
from typing import Any, NamedTuple, TypeAlias

from ..diagnostics import Diagnostic, Path, Place, Rule, Severity, Span, Spot, did_you_mean
from ..source import Source, Words, read_text
from .document import Document
from .dollars import NAME
from .inputs import FILES, UNKNOWN_INPUT, Given
from .names import distinct
from .problems import WRONG_TYPE, describe
from .series import Counted, is_series, read_series, values_of

BROKEN_ROWS = Rule(
    "CP225", "broken-rows", Severity.ERROR, "The rows under `each` cannot be read, or do not go together."
)
NO_ROWS = Rule("CP226", "no-rows", Severity.WARNING, "There is nothing to run for `each`: no file, row or value.")
RULES = (BROKEN_ROWS, NO_ROWS)

_QUOTES = "put quotes round a value with a comma, a quote or a line end in it"
_FROM_HERE = "look for it from the current folder, where it begins"
_ROW = 'write it as {"input": value}'
MAX_ROWS = 200_000
MAX_SEEN = 200_000
MAX_BYTES = 64 * 2**20
_PATTERN = re.compile(r"[*?\[]")
_FIELD = re.compile(r"\{([A-Za-z_][\w-]*)(?:\.(stem|name|suffix|parent))?\}")

Values: TypeAlias = "Mapping[str, Given]"


class Row(NamedTuple):
    """The inputs of one run, and what it is called."""

    name: str
    values: Values


def read_rows(document: Document, findings: list[Diagnostic]) -> tuple[Row, ...]:
    """The rows that `each` says; none where it says nothing, or what cannot be."""
    each = document.get(("each",))
    if each is None:
        return ()
    if not isinstance(each, Mapping) or not each:
        message = f'"each" should be a mapping of inputs to their values, not {describe(each)}'
        findings.append(WRONG_TYPE.at(document.place(("each",)), message, "write it as each: {image: photos/*.png}"))
        return ()
    return _Rows(document, each, findings).rows()


def patterns_over(source: Source, document: Document, wanted: Sequence[str], findings: list[Diagnostic]) -> Source:
    """The spec with its rows made of the files that patterns name, such as photos/*.png or image=photos/*.png.

    Without a name a pattern is of the one input that takes a file. What the spec has of other inputs that is made for
    each row stays: captions beside the pictures, seeds counted up. Patterns begin at the current folder.
    """
    declared = document.get(("inputs",))
    blocks = declared if isinstance(declared, Mapping) else {}
    takers = [name for name, each in blocks.items() if isinstance(each, Mapping) and each.get("type") in FILES]
    found: dict[str, Any] = {}
    elsewhere = dict(source.elsewhere)
    for text in wanted:
        place = Place(Words("--inputs", text))
        name = _taker(text, takers, place, findings)
        pattern = text.partition("=")[2] if _is_named(text) else text
        if name is None:
            continue
        # What is there by that very name is meant, even a[1].png.
        there = [pattern] if os.path.isfile(pattern) else []
        files = there or (_matching(place, pattern) if _PATTERN.search(pattern) else [])
        if not files:
            message, help = f'no file is found for "{pattern}"', _FROM_HERE
            if files is None:
                message = f'"{pattern}" looks through more than {MAX_SEEN:,} files'
            elif os.path.isdir(pattern):
                message, help = f'"{pattern}" is a folder', f"name the files in it, as in '{pattern.rstrip('/')}/*.png'"
            findings.append(BROKEN_ROWS.at(place, message, help))
            continue
        found[name] = list(dict.fromkeys([*found.get(name, ()), *files]))
        elsewhere[("each", name)] = place
    each = document.get(("each",))
    for name, column in each.items() if isinstance(each, Mapping) else ():
        if name not in found and isinstance(column, Mapping) and not _has_length(column):
            elsewhere[("each", name)] = document.place(("each", name))
            found[name] = column
    data = {**source.data, "each": found} if isinstance(source.data, Mapping) else source.data
    return replace(source, data=data, elsewhere=elsewhere)


def _is_named(text: str) -> bool:
    name, equals, _ = text.partition("=")
    return bool(equals and re.fullmatch(NAME, name.strip()))


def _taker(text: str, takers: Sequence[str], place: Place, findings: list[Diagnostic]) -> str | None:
    """The input that a pattern's files are for; None, with a finding, where that is not said."""
    name = text.partition("=")[0].strip()
    if _is_named(text) and name not in takers:
        help = did_you_mean(name, takers, "inputs of files") or "put ./ before a file with = in its name"
        findings.append(UNKNOWN_INPUT.at(place, f'the spec has no input "{name}" that takes a file', help))
        return None
    if not _is_named(text) and len(takers) != 1:
        message = f"the spec has {len(takers) or 'no'} inputs that take a file"
        help = f"say for which it is, as in {takers[0]}={text}" if takers else 'declare one under "inputs"'
        findings.append(UNKNOWN_INPUT.at(place, message, help))
        return None
    return name if _is_named(text) else takers[0]


def _has_length(column: Mapping[str, Any]) -> bool:
    """Whether a column says itself how many rows there are."""
    return column.get("count") is not None or "to" in column


@dataclass
class _Rows:
    document: Document
    each: Mapping[str, Any]
    findings: list[Diagnostic]

    def rows(self) -> tuple[Row, ...]:
        before = len(self.findings)
        listed = (
            list(islice(self._table(), MAX_ROWS + 1)) if isinstance(self.each.get("rows"), str) else self._columns()
        )
        if len(self.findings) > before:
            return ()
        if len(listed) > MAX_ROWS:
            self._complain(f"there are more than {MAX_ROWS:,} rows", "each", help="part them into several tables")
            return ()
        if not listed:
            help = "look for the files: a pattern begins at the spec's own folder"
            self.findings.append(NO_ROWS.at(self._place("each"), 'there is no row under "each"', help))
        made = [self._with_files(values) for values in listed]
        if len(self.findings) == before:
            self._number(made)
        return tuple(_named(made)) if len(self.findings) == before else ()

    def _place(self, *path: str | int) -> Place:
        return self.document.place(path)

    def _columns(self) -> list[dict[str, Given]]:
        """The rows of values that stand in columns, all of one length."""
        columns: dict[str, list[Given]] = {}
        for name, wanted in self.each.items():
            self._check_name(name, self.document.place(("each", name), key=True))
            if not isinstance(wanted, Mapping) or _has_length(wanted):
                columns[name] = list(self._column(name, wanted))
        if any(not column for column in columns.values()):
            return []
        lengths = {name: len(column) for name, column in columns.items()}
        if len(set(lengths.values())) > 1:
            counts = ", ".join(f'"{name}" has {count}' for name, count in lengths.items())
            help = 'what is to be combined belongs under "matrix"'
            self._complain(f"these go together row by row, and differ in number: {counts}", "each", help=help)
            return []
        return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]

    def _column(self, name: str, wanted: Any) -> Iterator[Given]:
        if isinstance(wanted, list):
            for n, value in enumerate(wanted):
                yield Given(value, self._place("each", name, n))
        elif isinstance(wanted, str) and _PATTERN.search(wanted):
            place = self._place("each", name)
            found = _matching(place, wanted)
            if found is None:
                message = f'"{wanted}" looks through more than {MAX_SEEN:,} files'
                self._complain(message, name, help="begin it with the folder that the files are in")
            for file in found or ():
                yield Given(file, place)
        elif isinstance(wanted, Mapping):
            place = self._place("each", name)
            yield from (Given(value, place) for value in values_of(self.document, ("each", name), self.findings))
        else:
            help = "write a list, a pattern such as photos/*.png, or {file: ...}"
            self._complain(f'"{name}" should have several values, and this is {describe(wanted)}', name, help=help)

    def _table(self) -> Iterator[dict[str, Given]]:
        """The rows of a CSV or JSONL file."""
        place, name = self._place("each", "rows"), str(self.each["rows"])
        file = FilePath(place.source.file).parent / name
        for other in self.each:
            if other != "rows":
                self._check_name(other, self.document.place(("each", other), key=True))
            if other != "rows" and not isinstance(self.each[other], Mapping):
                self._complain(
                    f'"{other}" stands beside "rows", which has all the values', other, help="put it into the table"
                )
        text, problems = read_text(file, MAX_BYTES)
        if text is None:
            self._complain(problems[0].message, "rows", help="say where it is, beginning at the spec's folder")
        elif name.casefold().endswith((".jsonl", ".ndjson")):
            yield from self._jsonl(str(file), text)
        elif name.casefold().endswith((".csv", ".tsv")):
            yield from self._csv(str(file), text, "\t" if name.casefold().endswith(".tsv") else ",")
        else:
            self._complain(f'"{name}" is none of the kinds of table that can be read', "rows", help="save it as .csv")

    def _csv(self, file: str, text: str, delimiter: str) -> Iterator[dict[str, Given]]:
        reader = csv.reader(io.StringIO(text), delimiter=delimiter, strict=True)
        names: list[str] | None = None
        line = 1
        try:
            for cells in reader:
                place = _at_line(file, text, line, reader.line_num)
                line = reader.line_num + 1
                if names is None:
                    names = [cell.strip() for cell in cells]
                    for name in names:
                        self._check_name(name, place)
                    if twice := next((name for name in names if names.count(name) > 1), None):
                        message = f'"{twice}" heads two columns'
                        self.findings.append(BROKEN_ROWS.at(place, message, "keep one of the two"))
                elif not cells:
                    continue
                elif len(cells) != len(names):
                    message = f"this row has {len(cells)} values, and the first has {len(names)} names"
                    self.findings.append(BROKEN_ROWS.at(place, message, _QUOTES))
                else:
                    yield {name: Given(cell, place, as_text=True) for name, cell in zip(names, cells, strict=True)}
        except csv.Error as problem:
            self.findings.append(
                BROKEN_ROWS.at(_at_line(file, text, line, line), f"this is no CSV: {problem}", _QUOTES)
            )

    def _jsonl(self, file: str, text: str) -> Iterator[dict[str, Given]]:
        for n, row in enumerate(text.split("\n"), 1):
            if not row.strip():
                continue
            place = _at_line(file, text, n, n)
            try:
                values = json.loads(row, object_pairs_hook=_once)
            except (ValueError, RecursionError) as problem:
                self.findings.append(BROKEN_ROWS.at(place, f"this is not JSON: {problem}", "write a mapping a line"))
                return
            if not isinstance(values, dict):
                self.findings.append(BROKEN_ROWS.at(place, f"a row is a mapping, and this is {describe(values)}", _ROW))
                return
            for name in values:
                self._check_name(name, place)
            yield {name: Given(value, place) for name, value in values.items()}

    def _check_name(self, name: str, place: Place) -> None:
        known = self.document.keys("inputs")
        if name not in known and not (name == "rows" and isinstance(self.each.get(name), str)):
            message = f'"each" gives "{name}", and the spec has no such input'
            self.findings.append(UNKNOWN_INPUT.at(place, message, did_you_mean(name, known, "inputs")))

    def _with_files(self, values: dict[str, Given]) -> dict[str, Given]:
        """A row with the texts that stand in files named after it, such as the caption of a picture."""
        whole = dict(values)
        for name, wanted in self.each.items():
            if not isinstance(wanted, Mapping) or is_series(wanted):
                continue
            pattern = wanted.get("file")
            if set(wanted) != {"file"} or not isinstance(pattern, str):
                help = 'write it as {file: "{image.stem}.txt"}'
                self._complain(f'"{name}" should say which file holds it', name, help=help)
                break
            text = self._text_of(name, pattern, values)
            if text is None:
                break
            whole[name] = Given(text, self._place("each", name))
        return whole

    def _number(self, rows: list[dict[str, Given]]) -> None:
        """Gives each row its number of the series that go on as long as there are rows.

        One drawn from a hash hangs on the row's own values alone, so that rows come and go without changing others'.
        """
        numbered = {}
        for name, wanted in self.each.items():
            if rows and is_series(wanted) and name not in rows[0]:
                series = read_series(self.document, ("each", name), self.findings)
                if series is not None:
                    numbered[name] = (series, self._place("each", name))
        counted = {n: list(s.values(len(rows))) for n, (s, _) in numbered.items() if isinstance(s, Counted)}
        seen: Counter[str] = Counter()
        for n, row in enumerate(rows if numbered else ()):
            own = json.dumps({name: given.value for name, given in row.items()}, sort_keys=True, default=str)
            seen[own] += 1
            for name, (series, place) in numbered.items():
                number = counted[name][n] if isinstance(series, Counted) else series.seed([own, seen[own]])
                row[name] = Given(number, place)

    def _text_of(self, name: str, pattern: str, values: Values) -> str | None:
        beside = self._place("each", name)
        folder = FilePath(beside.source.file).parent
        for mentioned, _ in _FIELD.findall(pattern):
            if mentioned not in values:
                help = did_you_mean(mentioned, values, "there are")
                self._complain(f'"{{{mentioned}}}" is none of the values of a row', name, help=help)
                return None
            given = values[mentioned]
            folder = FilePath(given.place.source.file).parent / FilePath(str(given.value)).parent
        file = folder / _FIELD.sub(lambda found: _part(str(values[found[1]].value), found[2] or ""), pattern)
        text, problems = read_text(file)
        if text is None:
            help = "put it there, beside the file that it is named after"
            self._complain(f'of "{name}", {problems[0].message}', name, help=help)
            return None
        return text.removesuffix("\n").removesuffix("\r")

    def _complain(self, message: str, name: str, *, help: str = "") -> None:
        path: Path = ("each",) if name == "each" else ("each", name)
        self.findings.append(BROKEN_ROWS.at(self.document.place(path), message, help))


def _matching(place: Place, pattern: str) -> list[str] | None:
    """The files that a pattern names, relative to the text it stands in, in order; None where it looks too far."""
    folder = FilePath(place.source.file).parent
    steps = pattern.split("/")
    fixed = next(n for n, step in enumerate(steps) if _PATTERN.search(step))
    start = "/".join(steps[:fixed]) or ("/" if pattern.startswith("/") else "")
    rest, found, seen = steps[fixed:], [], 0
    # Links to folders are not followed: they may lead in circles.
    for at, folders, files in os.walk(folder / start):
        seen += len(folders) + len(files)
        if seen > MAX_SEEN:
            return None
        way = FilePath(at).relative_to(folder / start).parts
        folders[:] = [each for each in folders if "**" in rest or len(way) + 1 < len(rest)]
        found += ["/".join(filter(None, [start.rstrip("/"), *way, f])) for f in files if _fits([*way, f], rest)]
    return sorted(file for file in found if (folder / file).is_file())


def _fits(way: Sequence[str], steps: Sequence[str]) -> bool:
    """Whether a way through folders is one of those that a pattern's steps mean; `**` is any number of them."""
    if not steps:
        return not way
    if steps[0] == "**":
        return _fits(way, steps[1:]) or (bool(way) and not way[0].startswith(".") and _fits(way[1:], steps))
    hidden = bool(way) and way[0].startswith(".") and not steps[0].startswith(".")
    return bool(way) and not hidden and fnmatchcase(way[0], steps[0]) and _fits(way[1:], steps[1:])


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    mapping = dict(pairs)
    if len(mapping) < len(pairs):
        raise ValueError("a name stands in it twice")
    return mapping


def _part(value: str, part: str) -> str:
    path = FilePath(value)
    return {"": value, "stem": path.stem, "name": path.name, "suffix": path.suffix, "parent": str(path.parent)}[part]


def _at_line(file: str, text: str, line: int, end_line: int) -> Place:
    row = text.split("\n", line)[line - 1] if line <= 1000 else ""  # not for every row of a long table
    return Place(Spot(file, text, Span(line, 1, max(line, end_line), len(row) + 1)))


def _named(rows: Sequence[Values]) -> Iterator[Row]:
    """The rows with names that no two share: the first file's, else their numbers."""
    taken: set[str] = set()
    for n, values in enumerate(rows, 1):
        first = next(iter(values.values()), None)
        text = first.value if first and isinstance(first.value, str) else ""
        name = FilePath(text).stem if re.search(r"\.\w{2,5}$", text) else f"{n:04}"
        yield Row(distinct(name, taken), values)

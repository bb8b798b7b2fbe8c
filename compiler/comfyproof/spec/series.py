"""Series of numbers: counted up, as in {from: 1, count: 20}, or drawn from a hash, as in {hash: 7, count: 20}."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, NamedTuple, TypeAlias

from ..diagnostics import Diagnostic, Path, Place, did_you_mean
from .document import Document
from .problems import OUT_OF_RANGE, UNKNOWN_FIELD, WRONG_TYPE, WRONG_VALUE, describe

MAX_VALUES = 100_000
# What a seed drawn from a hash is below: the editor keeps numbers as JavaScript does, exactly up to this one.
SEEDS = 2**53
_FIELDS = ("from", "to", "step", "count", "hash")
_EXAMPLE = "write it as {from: 1, count: 20}, {from: 0.2, to: 0.5, step: 0.1} or {hash: 7, count: 20}"

Number: TypeAlias = "int | float"


class Counted(NamedTuple):
    """Numbers from a first one, a step apart; without a `length` there are as many as are asked for."""

    first: Number
    step: Number
    length: int | None

    def values(self, count: int) -> Iterator[Number]:
        """The first so many. Steps are added as they are written, so that 0.1 three times is 0.3."""
        if isinstance(self.first, int) and isinstance(self.step, int):
            yield from (self.first + n * self.step for n in range(count))
        else:
            first, step = Decimal(repr(self.first)), Decimal(repr(self.step))
            yield from (float(first + n * step) for n in range(count))


class Hashed(NamedTuple):
    """Seeds drawn from a hash of a base and of what each is for, the same on every machine."""

    base: int | str
    length: int | None

    def seed(self, what: Any) -> int:
        """The seed for something that JSON can say."""
        text = json.dumps([self.base, what], sort_keys=True, default=str)
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) % SEEDS


Series: TypeAlias = Counted | Hashed


def is_series(value: Any) -> bool:
    """Whether a mapping is meant for a series, and not for a file."""
    return isinstance(value, Mapping) and "file" not in value


def read_series(document: Document, path: Path, findings: list[Diagnostic]) -> Series | None:
    """The series that a mapping says; None, with a finding, where it says none."""
    wanted = document.get(path)
    assert isinstance(wanted, Mapping)
    for name in wanted:
        if name not in _FIELDS:
            place = document.place((*path, name), key=True)
            findings.append(UNKNOWN_FIELD.at(place, f'unknown field "{name}"', did_you_mean(name, _FIELDS, "fields")))
            return None
    problem = _problem(document, path, wanted)
    if problem is None and "hash" not in wanted and "from" not in wanted:
        problem = WRONG_VALUE.at(document.place(path), 'a series begins with "from" or "hash"', _EXAMPLE)
    if problem is not None:
        findings.append(problem)
        return None
    if "hash" in wanted:
        return Hashed(wanted["hash"], wanted.get("count"))
    return _counted(document.place(path), wanted, findings)


def _problem(document: Document, path: Path, wanted: Mapping[str, Any]) -> Diagnostic | None:
    kinds: Mapping[str, tuple[Any, str]] = {"count": (int, "a whole number"), "hash": ((int, str), "a number or text")}
    for name, value in wanted.items():
        place = document.place((*path, name))
        kind, words = kinds.get(name, ((int, float), "a number"))
        if not isinstance(value, kind) or isinstance(value, bool):
            return WRONG_TYPE.at(place, f'"{name}" should be {words}, not {describe(value)}', f"give it {words}")
        if isinstance(value, int | float) and not abs(value) <= 2**64:
            return OUT_OF_RANGE.at(place, f'"{name}" is too large', "write a smaller number")
        if name == "count" and not 1 <= value <= MAX_VALUES:
            return OUT_OF_RANGE.at(place, f'"count" is {value}', f"choose a number from 1 to {MAX_VALUES:,}")
    twice = [
        pair for pair in (("hash", "from"), ("hash", "to"), ("hash", "step"), ("to", "count")) if {*pair} <= {*wanted}
    ]
    if twice:
        first, second = twice[0]
        message = f'"{first}" and "{second}" do not go together'
        return WRONG_VALUE.at(document.place((*path, second), key=True), message, f'remove "{second}"')
    return None


def _counted(place: Place, wanted: Mapping[str, Any], findings: list[Diagnostic]) -> Counted | None:
    first, step = wanted["from"], wanted.get("step", 1)
    if "to" not in wanted:
        return Counted(first, step, wanted.get("count"))
    whole = (Decimal(repr(wanted["to"])) - Decimal(repr(first))) / (Decimal(repr(step)) or 1)
    if step == 0 or whole < 0:
        message = f"no step of {step} leads from {first} to {wanted['to']}"
        findings.append(WRONG_VALUE.at(place, message, "give it a step in that direction"))
        return None
    if whole >= MAX_VALUES:
        findings.append(OUT_OF_RANGE.at(place, f"these are more than {MAX_VALUES:,} values", "take a larger step"))
        return None
    return Counted(first, step, int(whole) + 1)


def values_of(document: Document, path: Path, findings: list[Diagnostic]) -> list[Number]:
    """The values of a series that says itself how many there are; none, with a finding, where it does not."""
    series = read_series(document, path, findings)
    if series is None:
        return []
    if series.length is None:
        findings.append(WRONG_VALUE.at(document.place(path), "this series does not say where it ends", 'add "count"'))
        return []
    if isinstance(series, Hashed):
        return [series.seed(n) for n in range(series.length)]
    return list(series.values(series.length))

"""Fixing files: the fixes of their findings made in the text, looked at again, and written whole or not at all."""

from __future__ import annotations

import difflib
import errno
import os
import stat
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

from .diagnostics import Diagnostic, Edit, Severity
from .edits import CannotEdit, edited, possible
from .report.findings import from_here
from .selecting import is_fixed

MAX_ROUNDS = 10
MAX_TRIES = 100
_BOM = "\ufeff"

Look: TypeAlias = "Callable[[str], Sequence[Diagnostic]]"


class FileChanged(Exception):
    """A file is another one than was looked at, and is left as it is."""


@dataclass(frozen=True)
class Fixed:
    """A file's text before and after, the findings that were fixed, those that are left, and fixes that were undone.

    A fix is undone where the text had a new error after it, or could not be read any more. `mark` is the byte order
    mark that stands in front of both texts, or nothing.
    """

    file: str
    before: str
    text: str
    applied: tuple[Diagnostic, ...] = ()
    left: tuple[Diagnostic, ...] = ()
    undone: tuple[Diagnostic, ...] = ()
    mark: str = ""

    @property
    def changed(self) -> bool:
        """Whether anything in the text is another than before."""
        return self.before != self.text

    def diff(self) -> str:
        """What changes, as `git diff` shows it and `git apply` and `patch -p1` take it; nothing where nothing does."""
        if not self.changed:
            return ""
        old, new = (_rows(self.mark + each) for each in (self.before, self.text))
        lines = list(difflib.unified_diff(old, new, n=3))[2:]
        path = from_here(self.file).lstrip("/")
        head = f"--- {_quoted('a/' + path)}\n+++ {_quoted('b/' + path)}\n"
        return head + "".join(
            each if each.endswith("\n") else f"{each}\n\\ No newline at end of file\n" for each in lines
        )


def _rows(text: str) -> list[str]:
    """The lines of a text as a diff counts them, which end with a line feed and with nothing else."""
    *rows, rest = text.split("\n")
    return [*(f"{row}\n" for row in rows), *([rest] if rest else [])]


def _quoted(path: str) -> str:
    """A path as the head of a diff has it: one with blanks ends with a tab, one with what is odd is in quotes."""
    if path.isprintable() and not set(path) & {'"', "\\"}:
        return f"{path}\t" if " " in path else path
    octets = path.encode("utf-8", "surrogateescape")
    return '"' + "".join(chr(c) if 32 <= c < 127 and c not in b'"\\' else f"\\{c:03o}" for c in octets) + '"'


def is_fixable(finding: Diagnostic, file: str, *, unsafe: bool) -> bool:
    """Whether a finding can be fixed in a file: one in another that it takes over is not."""
    fix = finding.fix
    return fix is not None and (fix.safe or unsafe) and all(edit.place.source.file == file for edit in fix.edits)


def fix_text(file: str, text: str, look: Look, *, unsafe: bool) -> Fixed:
    """A text with its findings fixed, round after round until nothing more is; `look` gives the findings of a text."""
    first, now = text, list(look(text))
    applied: list[Diagnostic] = []
    undone: list[Diagnostic] = []
    for _ in range(MAX_ROUNDS):
        harmful = {_named(each) for each in undone}
        wanted = _agreeing(
            each for each in now if is_fixable(each, file, unsafe=unsafe) and _named(each) not in harmful
        )
        done, made, after, bad = _made(file, text, now, wanted, look)
        undone += bad
        if not done and not bad:
            break
        applied, text, now = applied + done, made, after
    return Fixed(file, first, text, tuple(applied), tuple(now), tuple(undone))


def _named(finding: Diagnostic) -> tuple[object, ...]:
    """What tells a finding from others while its text changes round it."""
    place = finding.place
    return finding.rule.code, place.path if place else (), finding.fix.title if finding.fix else ""


def _agreeing(findings: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Those whose edits no other contradicts, safe ones first."""
    found = list(findings)
    values: dict[object, set[object]] = {}
    for each in found:
        for edit in each.fix.edits if each.fix else ():
            values.setdefault((edit.place.path, edit.place.key, edit.place.span()), set()).add(repr(edit.value))
    agreed = [
        each
        for each in found
        if each.fix and all(len(values[e.place.path, e.place.key, e.place.span()]) == 1 for e in each.fix.edits)
    ]
    return sorted(agreed, key=lambda each: not (each.fix and each.fix.safe))


def _made(
    file: str, text: str, now: list[Diagnostic], findings: Sequence[Diagnostic], look: Look
) -> tuple[list[Diagnostic], str, list[Diagnostic], list[Diagnostic]]:
    """As many of the fixes as can be made together, the text after them, what is found then, and those that do harm.

    Where all together cannot be, each half is tried, and so on; what there are no tries left for meets the next round.
    """
    room = possible(file, text, [_edits([each]) for each in findings]) if findings else []
    waiting = [[findings[number] for number in room]] if room else []
    done: list[Diagnostic] = []
    bad: list[Diagnostic] = []
    made = text
    for _ in range(MAX_TRIES):
        if not waiting:
            break
        part = waiting.pop()
        try:
            tried = edited(file, text, _edits([*done, *part]))
        except CannotEdit:
            after = None
        else:
            after = list(look(tried)) if tried != made else None
        if after is not None and not _is_worse(now, after, part):
            done, made, now = done + part, tried, after
        elif len(part) > 1:
            half = len(part) // 2
            waiting += (part[half:], part[:half])
        elif after is not None:
            bad += part
    return done, made, now, bad


def _edits(findings: Iterable[Diagnostic]) -> list[Edit]:
    return [edit for each in findings if each.fix for edit in each.fix.edits]


def _is_worse(before: Sequence[Diagnostic], after: Sequence[Diagnostic], fixed: Sequence[Diagnostic]) -> bool:
    """Whether there is an error that was not there, or the text cannot be read to its end any more.

    Of a node whose class was not known, and of an input under a wrong name, nothing was known: what is found in them
    after the name is right was there before.
    """
    known = {(each.rule.code, each.place.path if each.place else ()) for each in before}
    if any(is_fixed(each.rule) for each in after) and not any(is_fixed(each.rule) for each in before):
        return True
    nodes = {each.node for each in fixed if each.rule.name == "unknown-node"}
    inputs = {(each.node, edit.value) for each in fixed for edit in _edits([each]) if edit.place.key}
    errors = (each for each in after if each.rule.severity is Severity.ERROR)
    return any(
        (each.rule.code, each.place.path if each.place else ()) not in known
        and each.node not in nodes
        and (each.node, each.input) not in inputs
        for each in errors
    )


def fix_file(file: str, look: Look, *, unsafe: bool, write: bool) -> Fixed:
    """A file with its findings fixed; with `write`, also on the disk. Raises OSError, FileChanged.

    Its byte order mark, line ends, mode and the symbolic links that lead to it stay. One that is read-only is left,
    also for a user who may write everything.
    """
    raw = Path(file).read_bytes()
    try:
        whole = raw.decode()
    except UnicodeDecodeError:
        return Fixed(file, "", "")
    text = whole.removeprefix(_BOM)
    fixed = replace(fix_text(file, text, look, unsafe=unsafe), mark=_BOM if text != whole else "")
    if write and fixed.changed:
        from .run.folder import write_whole

        if Path(file).read_bytes() != raw:
            raise FileChanged(f'"{file}" was changed by someone else in the meantime, and is left as it is')
        if not os.access(file, os.W_OK) or not os.stat(file).st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH):
            raise PermissionError(errno.EACCES, "it is read-only", file)
        write_whole(Path(file), (fixed.mark + fixed.text).encode())
    return fixed


def told(fixed: Sequence[Fixed], *, unsafe: bool, would: bool = False) -> str:
    """In one line what was fixed, or `would` be, and how much more with unsafe fixes."""
    many, files = sum(len(each.applied) for each in fixed), sum(each.changed for each in fixed)
    said = f"{'would fix' if would else 'fixed'} {_counted(many, 'finding')} in {_counted(files, 'file')}"
    left = [finding for each in fixed for finding in each.left if is_fixable(finding, each.file, unsafe=True)]
    more = sum(1 for each in left if each.fix and not each.fix.safe)  # a safe one that is left cannot be made
    return said + (f"; {more} more with --unsafe-fixes" if more and not unsafe else "")


def _counted(many: int, what: str) -> str:
    return f"{many} {what}{'' if many == 1 else 's'}"

"""The options --fix, --diff and --unsafe-fixes, and what they do to the files that lint looked at."""

from __future__ import annotations

import contextlib
import functools
import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, TypeVar

import click

from .exits import Exit
from .selection import UNDECIDED
from .terminal import all_rules, stop

if TYPE_CHECKING:
    from ..config import Settings
    from ..diagnostics import Diagnostic, NotExamined
    from ..fixing import Fixed
    from ..lint import Examined, Examiner
    from ..report.findings import Report

F = TypeVar("F", bound=Callable[..., Any])
_MARK = b"\xef\xbb\xbf"


class Fixing(NamedTuple):
    """What is wanted of fixes: in the files, or only shown; and whether those that change what is made count, too."""

    write: bool
    show: bool
    unsafe: bool


def fixing_options(command: F) -> F:
    """The options --fix, --diff and --unsafe-fixes, as `fixing`; None where neither of the first two is given."""

    @functools.wraps(command)
    def called(*arguments: Any, fix: bool, diff: bool, unsafe_fixes: bool, **given: Any) -> Any:
        if unsafe_fixes and not (fix or diff):
            raise click.UsageError("--unsafe-fixes says which fixes count; give --fix or --diff with it")
        fixing = Fixing(fix and not diff, diff, unsafe_fixes) if fix or diff else None
        return command(*arguments, fixing=fixing, **given)

    for option in (
        click.option("--unsafe-fixes", is_flag=True, help="Also fix what changes the picture, or is guessed."),
        click.option("--diff", is_flag=True, help="Show what --fix would change, and exit with 1 if anything."),
        click.option("--fix", is_flag=True, help="Fix in the files what can be; - is fixed onto standard output."),
    ):
        called = option(called)
    return called  # type: ignore[return-value]


class Stream(NamedTuple):
    """What came on standard input: the name that it goes by, and its bytes, of which there may be more to read."""

    name: str
    read: bytes

    def pass_on(self) -> None:
        """Writes it to standard output as it came."""
        import shutil

        sys.stdout.buffer.write(self.read)
        shutil.copyfileobj(sys.stdin.buffer, sys.stdout.buffer)


def fix_examined(
    examined: Sequence[Examined],
    examiner: Examiner,
    held: Settings,
    fixing: Fixing | None,
    stream: Stream | None,
    unreadable: Sequence[NotExamined],
) -> list[Examined]:
    """The files as they are after fixing, and as they were without; `unreadable` are those that are not there.

    What came on standard input goes to standard output, fixed, or as it was where that cannot be, and what else is
    said to the other. With --diff it shows what would change, and exits.
    """
    if fixing is None:
        return list(examined)
    from ..fixing import is_fixable, told

    fixed: list[Fixed] = []
    after: list[Examined] = []
    if stream is not None and fixing.write and all(each.file != stream.name for each in examined):
        stream.pass_on()  # it is excluded
    done: set[str] = set()  # a file may go by several names
    for each in examined:
        look = functools.partial(_counting, each.file, examiner, held)
        made, now = None, each
        if stream is not None and each.file == stream.name:
            made = _on_stream(each, look, fixing, stream)
            now = examiner.text(each.file, made.text) if made is not None and made.changed else each
        elif any(is_fixable(finding, each.file, unsafe=True) for finding in _judged(each, held)):
            if (real := os.path.realpath(each.file)) not in done:
                done.add(real)
                made = _on_disk(each.file, look, fixing, fixed)
            now = examiner.file(each.file) if fixing.write else each
        if made is not None:
            fixed.append(made)
        after.append(now)
    if fixing.show:
        _show(fixed)
    click.echo(told(fixed, unsafe=fixing.unsafe, would=fixing.show), err=True)
    _tell_undone(fixed)
    if fixing.show:
        _exit_shown(fixed, _unread(examined, unreadable))
    return after


def _tell_undone(fixed: Sequence[Fixed]) -> None:
    from ..report.text import clean_name

    for every in fixed:
        for undone in every.undone:
            said = f"{clean_name(every.file)}: the fix of {undone.rule.code} made it worse, and was taken back"
            click.echo(said, err=True)


def _show(fixed: Sequence[Fixed]) -> None:
    """Writes what would change: for a program as it is, byte for byte, and on a terminal clean."""
    from ..report.text import clean

    shown = "".join(each.diff() for each in fixed)
    if sys.stdout.isatty():
        sys.stdout.write("".join(f"{clean(line)}\n" for line in shown.splitlines()))
    else:
        sys.stdout.buffer.write(shown.encode("utf-8", "surrogateescape"))
        sys.stdout.buffer.flush()


def _unread(examined: Sequence[Examined], unreadable: Sequence[NotExamined]) -> Report:
    """What says that a file could not be read, or not to its end."""
    from ..report.findings import Report
    from ..selecting import is_fixed

    return Report([f for each in examined for f in each.findings if is_fixed(f.rule)], [], unreadable)


def _exit_shown(fixed: Sequence[Fixed], unread: Report) -> NoReturn:
    """Exits as --diff does; nobody knows what would change in what could not be read."""
    from ..report.lines import as_concise

    if unread.findings or unread.not_examined:
        click.echo(as_concise(unread), nl=False, err=True)
        raise click.exceptions.Exit(Exit.NOT_EXAMINED)
    raise click.exceptions.Exit(Exit.FINDINGS if any(each.changed for each in fixed) else Exit.FINE)


def _on_stream(
    examined: Examined, look: Callable[[str], Sequence[Diagnostic]], fixing: Fixing, stream: Stream
) -> Fixed | None:
    """The text of standard input, fixed; None where there was no text to be had."""
    from ..fixing import fix_text

    text = next((text.text for text in examined.texts if text.file == examined.file), None)
    made = fix_text(examined.file, text, look, unsafe=fixing.unsafe) if text is not None else None
    if fixing.write:
        if made is None or not made.changed:
            stream.pass_on()
        else:
            mark = _MARK if stream.read.startswith(_MARK) else b""
            sys.stdout.buffer.write(mark + made.text.encode())
        sys.stdout.buffer.flush()
        click.get_current_context().with_resource(contextlib.redirect_stdout(sys.stderr))
    return made


def _on_disk(file: str, look: Callable[[str], Sequence[Diagnostic]], fixing: Fixing, before: Sequence[Fixed]) -> Fixed:
    """A file, fixed. Exits where that cannot be, after saying what has been fixed before it."""
    from ..fixing import FileChanged, fix_file, told

    try:
        return fix_file(file, look, unsafe=fixing.unsafe, write=fixing.write)
    except FileChanged as problem:
        code, why, help = Exit.NOT_EXAMINED, str(problem), "run it again"
    except OSError as problem:
        code, why = Exit.DISK, f'"{problem.filename}" cannot be written: {problem.strerror}'
        help = "make room, or the file writable"
    if any(each.changed for each in before):
        click.echo(told(before, unsafe=fixing.unsafe), err=True)
    stop(code, why, help)


def _counting(file: str, examiner: Examiner, held: Settings, text: str) -> Sequence[Diagnostic]:
    """The findings of a text that count: what is not selected, or ignored, is not fixed either."""
    return _judged(examiner.text(file, text), held)


def _judged(examined: Examined, held: Settings) -> tuple[Diagnostic, ...]:
    from ..ignores import judge

    return judge(examined.findings, examined.texts, held.selection, all_rules, UNDECIDED).kept

"""Specs in Python files: running one, and taking the pipeline that it defines."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from pathlib import Path as FilePath
from types import ModuleType, TracebackType

from ..diagnostics import Diagnostic, Place, Rule, Severity, Span, Spot
from ..source import Source, read_text
from .calls import Call, is_ours
from .draft import Draft
from .positions import Module
from .source import PythonSource, source_of

BROKEN_PYTHON = Rule(
    "CP106", "broken-python", Severity.ERROR, "A spec in Python, or a module that it imports, is not valid Python."
)
FAILING_PYTHON = Rule(
    "CP107",
    "failing-python",
    Severity.ERROR,
    "A spec in Python is run to read it. Its code raised an exception, or ended the process.",
)
NO_PIPELINE = Rule(
    "CP108", "no-pipeline", Severity.ERROR, "A spec in Python holds no Pipeline under a name at its top level."
)
SEVERAL_PIPELINES = Rule(
    "CP109",
    "several-pipelines",
    Severity.ERROR,
    "A spec in Python holds more than one Pipeline at its top level, and a file is one spec.",
)
RULES = (BROKEN_PYTHON, FAILING_PYTHON, NO_PIPELINE, SEVERAL_PIPELINES)

# Not __main__, so that what a file does only as a script is left out.
_NAME = "__spec_in_python__"


def read_python(file: str | FilePath) -> tuple[Source | None, list[Diagnostic]]:
    """What a Python file says, which is run for that; None, with what is wrong, where it gives no pipeline."""
    name = str(file)
    text, findings = read_text(file)
    if text is None:
        return None, findings
    running = _Running(name, text)
    namespace = running.run()
    if namespace is None:
        return None, running.findings
    found: dict[int, tuple[str, Draft]] = {}
    for word, value in namespace.items():
        if isinstance(value, Draft):
            found.setdefault(id(value), (word, value))
    pipelines = list(found.values())
    if len(pipelines) != 1:
        return None, [_not_one(pipelines, running)]
    return pipelines[0][1].read(name, text)


def _not_one(pipelines: list[tuple[str, Draft]], running: _Running) -> Diagnostic:
    if not pipelines:
        message = f'"{running.file}" defines no pipeline at its top level'
        return NO_PIPELINE.at(running.spot(Span(1, 1, 1, 1)), message, 'give one a name there: p = Pipeline("name")')
    names = ", ".join(f'"{word}"' for word, _ in pipelines)
    place = Place(pipelines[1][1].read(running.file, running.text)[0])
    return SEVERAL_PIPELINES.at(place, f"there are several pipelines here: {names}", "keep one a file")


class _Running:
    """One Python file, being run."""

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.text = text
        self.path = os.path.abspath(file)
        self.folder = os.path.dirname(self.path)
        self.findings: list[Diagnostic] = []

    def run(self) -> dict[str, object] | None:
        """The names that the file defines at its top level; None, with a finding, where it does not get so far."""
        module = ModuleType(_NAME)
        module.__file__ = self.path
        try:
            code = compile(self.text, self.path, "exec", dont_inherit=True)
            with _as_program(module, self.folder):
                exec(code, module.__dict__)  # noqa: S102 - to name a Python file is to ask for it to be run
        except KeyboardInterrupt:
            raise
        except SyntaxError as problem:
            self.findings.append(self._broken(problem))
            return None
        except BaseException as problem:
            self.findings.append(self._failed(problem))
            return None
        return module.__dict__

    def spot(self, span: Span) -> Place:
        """A stretch of the file."""
        return Place(Spot(self.file, self.text, span))

    def _broken(self, problem: SyntaxError) -> Diagnostic:
        """What Python says of a text that it cannot read: of this file, or of one that it imports."""
        source = self._source(problem.filename or self.path)
        start, end = (problem.offset or 1) - 1, (problem.end_offset or 0) - 1
        line = problem.lineno or 1
        end_line = problem.end_lineno or line
        span = Module(source.text).at(line, max(0, start), end_line, max(end, start + 1))
        message = f"this is not valid Python: {problem.msg}"
        return BROKEN_PYTHON.at(Place(Spot(source.file, source.text, span)), message, "look at the line before it, too")

    def _failed(self, problem: BaseException) -> Diagnostic:
        """An exception at the author's last line on the way to it."""
        place = self.spot(Span(1, 1, 1, 1))
        call = self._last_call(problem.__traceback__)
        if call is not None:
            source = self._source(call.file)
            place = Place(Spot(source.file, source.text, Module(source.text).stretch(call)))
        if isinstance(problem, SystemExit):
            return FAILING_PYTHON.at(place, "the file ends the process here", "let it run to its end")
        help = "run it with python, which shows the way there"
        return FAILING_PYTHON.at(place, f"the file stops here: {_told(problem)}", help)

    def _last_call(self, traceback: TracebackType | None) -> Call | None:
        """The last instruction that is the author's own: of this file, or of one beside it."""
        last = None
        while traceback is not None:
            frame = traceback.tb_frame
            if _is_beside(frame.f_code.co_filename, self.folder) and not is_ours(frame.f_globals):
                last = Call(frame.f_code, traceback.tb_lasti)
            traceback = traceback.tb_next
        return last

    def _source(self, file: str) -> PythonSource:
        if file == self.path:
            return source_of({}, None, file, self.file, self.text)
        return source_of({}, None, file)


def _told(problem: BaseException) -> str:
    """An exception in one line, as Python would print it."""
    try:
        words = str(problem).strip().partition("\n")[0]
    except Exception:
        words = ""
    name = type(problem).__name__
    return f"{name}: {words}" if words else name


def _is_beside(file: str, folder: str) -> bool:
    """Whether a file is an author's own: in the spec's folder, and no part of an installation that lies there too."""
    installed = any(file.startswith(prefix + os.sep) for prefix in (sys.prefix, sys.base_prefix))
    return file.startswith(folder.rstrip(os.sep) + os.sep) and not installed and "site-packages" not in file


@contextmanager
def _as_program(module: ModuleType, folder: str) -> Iterator[None]:
    """Lets a file run as a program of its own would, and leaves nothing of that behind.

    What lies beside it can be imported. What it prints goes to standard error: standard output is for results.
    """
    before, path, arguments, here = set(sys.modules), list(sys.path), sys.argv, os.getcwd()
    sys.modules[module.__name__] = module
    sys.path.insert(0, folder)
    sys.argv = [str(module.__file__)]
    try:
        with redirect_stdout(sys.stderr), _stdout_to_stderr():
            yield
    finally:
        os.chdir(here)
        sys.argv = arguments
        sys.path[:] = path
        for name in set(sys.modules) - before:
            # The next file may have another module of that name beside it.
            loaded = sys.modules[name]
            if _is_beside(str(getattr(loaded, "__file__", "")), folder) and not is_ours(vars(loaded)):
                del sys.modules[name]
        sys.modules.pop(module.__name__, None)


@contextmanager
def _stdout_to_stderr() -> Iterator[None]:
    """Sends there too what programs print that an author's code starts."""
    try:
        kept = os.dup(1)
    except OSError:  # it is closed
        yield
        return
    try:
        with suppress(OSError, ValueError):
            sys.stdout.flush()
            os.dup2(2, 1)
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)

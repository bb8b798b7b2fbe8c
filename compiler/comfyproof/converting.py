"""Turning a spec or a workflow into any of the forms that there are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .catalog.pinned import Catalog
from .diagnostics import Diagnostic, NotExamined, has_errors, in_reading_order
from .formats.api import dump_api
from .graph import Graph
from .workflow import NO_WORKFLOW, Workflow, WorkflowReader

if TYPE_CHECKING:
    from .driver import Compiled
    from .spec.pipeline import Changes

# How each form's files end.
SUFFIXES: Mapping[str, str] = {
    "api": ".json",
    "ui": ".json",
    "yaml": ".yaml",
    "python": ".py",
    "mermaid": ".mmd",
    "svg": ".svg",
}


@dataclass(frozen=True)
class Converted:
    """What became of a file: its text in another form, None where something is wrong that stopped it."""

    file: str
    text: str | None
    findings: tuple[Diagnostic, ...]
    not_examined: tuple[NotExamined, ...]
    readable: bool = True

    @property
    def is_workflow(self) -> bool:
        """Whether the file was a spec or workflow at all."""
        return not any(finding.rule is NO_WORKFLOW for finding in self.findings)


@dataclass(frozen=True)
class Graphs:
    """Where a graph comes from: files of all kinds, against one catalog.

    `changes` are for specs; None stands for none, and then inputs may lack a value unless they are `needed`.
    """

    reader: WorkflowReader
    changes: Changes | None = None
    needed: bool = True

    @property
    def catalog(self) -> Catalog:
        """The catalog that they are read against."""
        return self.reader.catalog

    def convert(self, file: str, form: str) -> Converted:
        """A file in another form."""
        workflow = self.reader.read(file)
        if workflow.kind == "spec":
            return converted(self._compiled(file), form)
        if workflow.graph is None or not workflow.sound:
            return Converted(file, None, workflow.findings, (), workflow.readable)
        text, said, not_examined = render(workflow.graph, form, file, self.catalog)
        findings = tuple(in_reading_order([*workflow.findings, *said]))
        return Converted(file, text, findings, not_examined)

    def graph(self, file: str) -> Workflow:
        """The graph of a file of any kind, with what is wrong in it."""
        workflow = self.reader.read(file)
        if workflow.kind != "spec":
            return workflow
        compiled = self._compiled(file)
        return Workflow(file, "spec", compiled.graph, compiled.findings, compiled.readable)

    def _compiled(self, file: str) -> Compiled:
        # Here, since a workflow does without the language, which takes longer to load than a workflow to convert.
        from .driver import compile_spec
        from .spec.pipeline import Changes

        return compile_spec(file, self.catalog, self.changes or Changes({}, needed=self.needed))


def converted(compiled: Compiled, form: str) -> Converted:
    """A compiled spec in a form."""
    if compiled.program is None:
        return Converted(compiled.file, None, compiled.findings, compiled.not_examined, compiled.readable)
    program = compiled.program
    text, said, not_examined = render(program.graph, form, compiled.file, program.catalog)
    findings = tuple(in_reading_order([*compiled.findings, *said])) if said else compiled.findings
    return Converted(compiled.file, text, findings, tuple(dict.fromkeys((*compiled.not_examined, *not_examined))))


def render(
    graph: Graph, form: str, file: str, catalog: Catalog
) -> tuple[str | None, list[Diagnostic], tuple[NotExamined, ...]]:
    """A graph in a form, the same bytes every time, with what that form does not hold of it."""
    if form == "api":
        return dump_api(graph), [], ()
    return _FORMS[form](graph, file, catalog)


_Rendered = tuple[str | None, list[Diagnostic], tuple[NotExamined, ...]]


def _ui(graph: Graph, file: str, catalog: Catalog) -> _Rendered:
    from .formats.ui_write import draw

    drawn = draw(graph, catalog, Path(file).name)
    return drawn.text(), list(drawn.findings), ()


def _mermaid(graph: Graph, file: str, catalog: Catalog) -> _Rendered:
    from .formats.diagram import dump_mermaid

    return dump_mermaid(graph, catalog), [], ()


def _svg(graph: Graph, file: str, catalog: Catalog) -> _Rendered:
    from .formats.diagram import dump_svg

    return dump_svg(graph, catalog), [], ()


def _yaml(graph: Graph, file: str, catalog: Catalog) -> _Rendered:
    return _spec(graph, file, catalog, python=False)


def _python(graph: Graph, file: str, catalog: Catalog) -> _Rendered:
    return _spec(graph, file, catalog, python=True)


def _spec(graph: Graph, file: str, catalog: Catalog, *, python: bool) -> _Rendered:
    from .importing import import_graph, shown_name, spec_name
    from .lift.limits import UNSAYABLE

    name = spec_name(file)
    imported = import_graph(graph, catalog, name, f"{name}.yaml", (f"From {shown_name(Path(file).name)}.",))
    findings = list(imported.findings)
    text = imported.python() if python else imported.text
    if text is None:
        message = "an input has a name that no argument in Python can have"
        findings.append(UNSAYABLE.at(None, message, "write it as YAML, with --to yaml"))
    return text if imported.equal else None, findings, imported.not_examined


_FORMS: Mapping[str, Callable[[Graph, str, Catalog], _Rendered]] = {
    "ui": _ui,
    "mermaid": _mermaid,
    "svg": _svg,
    "yaml": _yaml,
    "python": _python,
}


def files_in(folder: Path, without: Path | None) -> list[str]:
    """The files of a folder that may be specs or workflows, sorted; not those in the folder `without`.

    Specs in Python are not among them: they are run to be read, so that each has to be named.
    """
    found = (path for path in folder.rglob("*") if path.suffix.casefold() in _READ and path.is_file())
    kept = (path for path in found if without is None or not path.resolve().is_relative_to(without.resolve()))
    return sorted(str(path) for path in kept)


_READ = (".yaml", ".yml", ".json", ".png", ".webp")


def stops(converted: Converted) -> bool:
    """Whether there is nothing to write."""
    return converted.text is None or has_errors(converted.findings)

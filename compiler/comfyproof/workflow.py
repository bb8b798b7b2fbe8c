"""Reading a workflow from whatever ComfyUI saves it in: API JSON, the editor's JSON, pictures, sounds, videos."""

from __future__ import annotations

import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from .catalog.pinned import Catalog
from .catalog.widgets import NEWER, Editor
from .containers.window import BrokenFile
from .diagnostics import Diagnostic, Place, Rule, Severity, Span, Spot, has_errors, in_reading_order
from .embedded import HEAD, kind_of, read_embedded
from .formats.api import read_api
from .graph import Graph
from .source import UNREADABLE, Source, parse_source, read_text

if TYPE_CHECKING:
    from .formats.ui_read import UiReader

Kind: TypeAlias = Literal["api", "ui", "spec", ""]

NO_WORKFLOW = Rule(
    "CP110",
    "no-workflow",
    Severity.ERROR,
    "The file holds no workflow: neither API JSON, nor the JSON of ComfyUI's editor, nor a picture, sound or video "
    "with one of them in it.",
)
RULES = (NO_WORKFLOW,)

MAX_BYTES = 32 * 2**20
SPEC_SUFFIXES = (".yaml", ".yml", ".py")
# ComfyUI before 0.3 wrote NaN beside a node's inputs; it says nothing of the workflow.
_CHANGED = re.compile(r'("is_changed"\s*:\s*\[\s*)NaN(\s*\])')


class Workflow(NamedTuple):
    """A workflow that was read: which format it was in, its graph, and what is wrong with it.

    `kind` is "spec" for a spec of ours, which is compiled and not read here, and "" where it is none of these.
    `graph` is None where there is none to speak of; `readable` is false where there was no text.
    """

    file: str
    kind: Kind
    graph: Graph | None
    findings: tuple[Diagnostic, ...] = ()
    readable: bool = True

    @property
    def sound(self) -> bool:
        """Whether its graph is just what the file says."""
        return self.graph is not None and not has_errors(self.findings)


@dataclass
class WorkflowReader:
    """Reads workflows against one catalog, as one generation of ComfyUI's editor would send them.

    With `keep_unknown`, nodes of the editor's JSON whose class the catalog lacks are taken as far as the file says
    what their values are, with a warning; without it they are errors.
    """

    catalog: Catalog
    editor: Editor = NEWER
    keep_unknown: bool = False

    @cached_property
    def _ui(self) -> UiReader:
        from .formats.ui_read import UiReader  # here, since API JSON does without it

        return UiReader(self.catalog, self.editor)

    def read(self, file: str) -> Workflow:
        """The workflow of a file, whatever it is in."""
        if Path(file).suffix.casefold() in SPEC_SUFFIXES:
            return Workflow(file, "spec", None)
        if kind_of(_head(file)) is not None:
            return self._saved(file)
        text, findings = read_text(file, MAX_BYTES)
        if text is None:
            return Workflow(file, "", None, tuple(findings), readable=False)
        return self._text(file, file, text)

    def text(self, name: str, text: str) -> Workflow:
        """The workflow of a text that is in no file, by this name."""
        return self._text(name, name, text)

    def _text(self, file: str, name: str, text: str) -> Workflow:
        source, findings = parse_source(name, _CHANGED.sub(r"\g<1>0.0\2", text))
        if source is None:
            return Workflow(file, "", None, tuple(in_reading_order(findings)))
        kind, at = _kind(source.data)
        found: list[Diagnostic] = []
        graph: Graph | None = None
        if kind == "api":
            graph, found = read_api(_inside(source.data, at), source, at)
        elif kind == "ui":
            graph, found = self._ui.read(_inside(source.data, at), source, keep_unknown=self.keep_unknown)
        elif kind == "":
            found = [_nothing(source)]
        return Workflow(file, kind, graph, tuple(in_reading_order([*findings, *found])))

    def _saved(self, file: str) -> Workflow:
        """The workflow in a picture, sound or video: the prompt that was run, or else what the editor had open."""
        spot = Place(Spot(file, "", Span(1, 1, 1, 1)))
        try:
            embedded = read_embedded(file)
        except BrokenFile as problem:
            return Workflow(file, "", None, (UNREADABLE.at(spot, f'"{file}" cannot be read: {problem}'),), False)
        except OSError as problem:
            why = problem.strerror or str(problem)
            return Workflow(file, "", None, (UNREADABLE.at(spot, f'"{file}" cannot be read: {why}'),), False)
        for part, text in (("prompt", embedded.prompt), ("workflow", embedded.workflow)):
            if text is not None:
                return self._text(file, f"{file} ({part})", text)._replace(file=file)
        message = f'"{file}" has no workflow in it'
        if embedded.parameters is not None:
            message += "; another program made it, and wrote its settings as text"
        return Workflow(file, "", None, (NO_WORKFLOW.at(spot, message, _WHY_NONE),))


_WHY_NONE = "take the file as ComfyUI saved it: what copies pictures, or shows them online, often drops the workflow"


def _head(file: str) -> bytes:
    """How a file begins; nothing where it is no regular file that can be read, which is said later."""
    try:
        if not stat.S_ISREG(Path(file).stat().st_mode):
            return b""
        with Path(file).open("rb") as stream:
            return stream.read(HEAD)
    except (OSError, ValueError):
        return b""


def _kind(data: Any) -> tuple[Kind, tuple[str, ...]]:
    """What a parsed text is, and where in it the workflow stands."""
    if not isinstance(data, Mapping):
        return "", ()
    if isinstance(data.get("nodes"), list):
        return "ui", ()
    if "comfyproof" in data:
        return "spec", ()
    if any(isinstance(each, Mapping) and "class_type" in each for each in data.values()):
        return "api", ()
    # What is sent to a server, and what some programs save, has the prompt or the workflow one level down.
    for part in ("prompt", "workflow"):
        inner, _ = _kind(data.get(part)) if isinstance(data.get(part), Mapping) else ("", ())
        if inner in ("api", "ui"):
            return inner, (part,)
    return "", ()


def _inside(data: Any, at: tuple[str, ...]) -> Mapping[str, Any]:
    for part in at:
        data = data[part]
    found: Mapping[str, Any] = data
    return found


def _nothing(source: Source) -> Diagnostic:
    help = "save it in ComfyUI with Export, or with Export (API)"
    if isinstance(source.data, Mapping) and not source.data:
        return NO_WORKFLOW.at(Place(source), "there are no nodes in this workflow", help)
    return NO_WORKFLOW.at(Place(source), "this is no workflow of ComfyUI", help)

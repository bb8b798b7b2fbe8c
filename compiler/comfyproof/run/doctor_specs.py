"""Whether a server can run a spec: held against its nodes and files as a run would be, and nothing sent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..catalog.pinned import Catalog
from ..diagnostics import Diagnostic, NotExamined, Severity, in_reading_order
from ..driver import Compiled
from ..graph import Graph
from ..report.json import as_entry, as_gap
from .client import Client
from .observations import Observation, counted, note, ok, size, unknown, wrong
from .prepare import assets, held, server_catalog
from .problems import ServerProblem
from .secrets import known_secrets


def look_at_spec(
    compiled: Compiled,
    client: Client,
    stats: Mapping[str, Any],
    folders: Mapping[str, Sequence[str]],
    largest: int | None,
) -> Observation:
    """Whether the server can run a spec; `folders` are its model files, `largest` the bytes that an upload may have."""
    program = compiled.program
    if program is None:
        return _not_compiled(compiled)
    try:
        catalog = server_catalog(client, program.graph, stats)
    except ServerProblem as problem:
        return unknown("spec", f'"{compiled.file}": {problem.what}', problem.help, facts={"file": compiled.file})
    graph, findings, not_examined = held(program.graph, catalog)
    found, large = in_reading_order(findings), list(_too_large(graph, largest))
    gaps = [*not_examined, *program.not_examined]
    errors = sum(1 for each in found if each.rule.severity is Severity.ERROR) + len(large)
    facts = _facts(compiled.file, not errors, found, gaps) | {"missing": _missing(graph, catalog)}
    lines = (
        *(_line(each, compiled.file) for each in found),
        *_elsewhere(graph, catalog, folders),
        *large,
        *(f"not examined: {each.what}: {each.reason}" for each in gaps),
    )
    if errors:
        text = f'"{compiled.file}" does not fit this server: {counted(errors, "error")}'
        return wrong("spec", text, lines=lines, facts=facts)
    text = f'"{compiled.file}" fits this server'
    return note("spec", text, lines=lines, facts=facts) if lines else ok("spec", text, facts=facts)


def look_at_missing(specs: Sequence[Observation]) -> Iterator[Observation]:
    """What several specs miss on a server, together."""
    lacking = [each.facts["missing"] for each in specs if each.facts.get("missing")]
    classes = sorted({name for each in lacking for name in each["classes"]})
    files: dict[str, set[str]] = {}
    for each in lacking:
        for folder, names in each["files"].items():
            files.setdefault(folder, set()).update(names)
    if len(specs) < 2 or not (classes or files):
        return
    lines = [f"node classes: {', '.join(classes)}"] if classes else []
    lines += [f"{folder}: {', '.join(sorted(names))}" for folder, names in sorted(files.items())]
    facts = {"classes": classes, "files": {folder: sorted(names) for folder, names in sorted(files.items())}}
    count = counted(sum(map(len, files.values())), "file")
    nodes = f" and {counted(len(classes), 'node class', 'node classes')}" if classes else ""
    yield note("missing", f"{count}{nodes} for all of them", lines=tuple(lines), facts=facts)


def secrets_of(compiled: Sequence[Compiled]) -> dict[str, str]:
    """The values of secrets in some specs, and what is to stand for them."""
    found: dict[str, str] = {}
    for each in compiled:
        if each.program is not None:
            found |= known_secrets(each.program.graph)
    return found


def _not_compiled(compiled: Compiled) -> Observation:
    findings = list(compiled.findings)
    facts = _facts(compiled.file, False, findings, list(compiled.not_examined))
    lines = tuple(_line(each, compiled.file) for each in findings if each.rule.severity is Severity.ERROR)
    if not compiled.readable:
        facts["fits"] = None
        return unknown("spec", f'"{compiled.file}" cannot be read', lines=lines, facts=facts)
    help = f"comfyproof lint {compiled.file} shows where."
    text = f'"{compiled.file}" does not compile: {counted(len(lines), "error")}'
    return wrong("spec", text, help, lines=lines, facts=facts)


def _facts(file: str, fits: bool, findings: Sequence[Diagnostic], gaps: Sequence[NotExamined]) -> dict[str, Any]:
    return {
        "file": file,
        "fits": fits,
        "findings": [as_entry(each) for each in findings],
        "not_examined": [as_gap(each) for each in gaps],
    }


def _line(finding: Diagnostic, file: str) -> str:
    place, where = finding.place, ""
    if place is not None:
        other = "" if place.source.file == file else f"{place.source.file} "
        where = f"{other}line {place.span().line}: "
    help = f" ({finding.help})" if finding.help else ""
    return f"{where}{finding.rule.severity.value}[{finding.rule.code}]: {finding.message}{help}"


def _files(graph: Graph, catalog: Catalog) -> Iterator[tuple[str, str]]:
    """The model files that a graph names and the server does not list, with the folder that each is looked for in."""
    if catalog.unlisted:
        return
    for node in graph.nodes.values():
        declared = catalog.get(node.type)
        for name, value in node.inputs.items():
            wanted = declared.inputs.get(name) if declared else None
            if wanted is not None and wanted.folder and isinstance(value, str) and value not in (wanted.options or ()):
                yield wanted.folder, value


def _missing(graph: Graph, catalog: Catalog) -> dict[str, Any]:
    """What the server lacks, for programs: node classes, and files by folder."""
    files: dict[str, list[str]] = {}
    for folder, name in dict.fromkeys(_files(graph, catalog)):
        files.setdefault(folder, []).append(name)
    known = {*catalog.raw, *catalog.left_out}
    return {"classes": sorted({node.type for node in graph.nodes.values()} - known), "files": files}


def _elsewhere(graph: Graph, catalog: Catalog, folders: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Where else a file lies that is not in the folder it is looked for in."""
    for folder, name in dict.fromkeys(_files(graph, catalog)):
        base = _base(name)
        for other, files in folders.items():
            for file in files:
                if _base(file) == base and (other, file) != (folder, name):
                    yield f'"{name}" is looked for in "{folder}"; there is "{file}" in "{other}"'


def _base(name: str) -> str:
    return name.replace("\\", "/").rsplit("/", 1)[-1].casefold()


def _too_large(graph: Graph, largest: int | None) -> Iterator[str]:
    for path in assets(graph) if largest is not None else ():
        length = _length(path)
        if largest is not None and length > largest:
            yield f'the file "{path}" has {size(length)}; the server takes {size(largest)} (--max-upload-size)'


def _length(path: Path) -> int:
    try:
        return path.stat().st_size
    except (OSError, ValueError):
        return 0

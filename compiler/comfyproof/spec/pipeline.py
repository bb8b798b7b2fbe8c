"""A spec read whole: its models, stages, nodes and checks, each value with its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from pydantic import Field

from ..diagnostics import Diagnostic, NotExamined, Path, Rule, Severity, did_you_mean, nearest
from ..graph import Asset
from ..source import Source
from ..stages.blocks import Block
from ..stages.models import MODEL_KINDS, ModelBlock
from ..stages.save import Save
from ..stages.site import UNKNOWN_NAME, UNTOLD
from ..stages.verification import Times, Verification
from ..stages.vocabulary import STAGES, AnyStage
from .changes import normalized, with_settings, with_variant
from .document import Document, document_of
from .each import Row, read_rows
from .filling import Filling
from .inputs import Given, Inputs, InputValue
from .likes import with_likes
from .matrix import Cell, Matrix, read_matrix, with_cell
from .names import Stages, check_names, stages_of
from .naming import Template, read_names
from .problems import MISSING_FIELD, UNKNOWN_FIELD, WRONG_TYPE, WRONG_VALUE, describe, read_block, read_in_part
from .uses import with_uses

UNKNOWN_STAGE = Rule("CP215", "unknown-stage", Severity.ERROR, "A stage is of a kind that the language does not have.")
RULES = (UNKNOWN_STAGE,)

FIELDS = (
    "comfyproof", "name", "use", "target", "inputs", "models", "stages", "nodes", "verify", "variants",
    "each", "matrix", "names",
)  # fmt: skip


class Target(Block):
    """The machine that a pipeline is meant for."""

    gpu: str | None = Field(default=None, description="a graphics card, such as rtx-3090")
    vram: str | None = Field(default=None, description="its memory, such as 24 GiB")
    ram: str | None = Field(default=None, description="the machine's memory, such as 32 GiB")
    time: str | None = Field(default=None, description="how long a run may take, such as 5 min")


class Step(NamedTuple):
    """One stage, read; a hole, without a block, where it could not be, and `broken` where single fields could not."""

    name: str
    path: Path
    block: AnyStage | None
    broken: frozenset[str]


class RawNode(NamedTuple):
    """One node of ComfyUI's own, by class and inputs."""

    name: str
    type: str
    inputs: Mapping[str, Any]
    path: Path


@dataclass(frozen=True)
class Spec:
    """A pipeline as its author means it, with one variant's changes and one run's inputs in it.

    `holes` are the paths of which a finding has said that nothing can be made of them; `incomplete` says
    that a file it uses could not be taken over.
    """

    document: Document
    name: str
    changes: Changes
    variants: tuple[str, ...]
    rows: tuple[Row, ...]
    matrix: Matrix
    names: Template | None
    inputs: Mapping[str, InputValue]
    models: Mapping[str, ModelBlock]
    steps: tuple[Step, ...]
    nodes: tuple[RawNode, ...]
    verify: Verification
    target: Target | None
    holes: frozenset[Path]
    not_examined: tuple[NotExamined, ...]
    incomplete: bool


@dataclass(frozen=True)
class Changes:
    """What a run wants otherwise than the spec says; without `needed`, inputs may lack a value.

    A row comes before a variant, a variant before a cell of the matrix, and what a run sets last.
    """

    inputs: Mapping[str, str]
    settings: Sequence[tuple[str, str]] = ()
    variant: str | None = None
    needed: bool = True
    row: Row | None = None
    cell: Cell | None = None

    @property
    def is_base(self) -> bool:
        """Whether this is the spec as it stands, of which rows and matrix are read."""
        return self.row is None and self.cell is None


def read_spec(source: Source, changes: Changes, findings: list[Diagnostic]) -> Spec | None:
    """The spec that a source holds, changed as wanted. What is wrong is added to `findings`."""
    document = document_of(source)
    if not _is_spec(document, findings):
        return None
    document, whole = with_uses(document, findings)
    base = document = normalized(document)
    rows = read_rows(document, findings) if changes.is_base else ()
    matrix = read_matrix(document, findings) if changes.is_base else Matrix((), (), ())
    names = read_names(document, findings) if changes.is_base else None
    document = with_variant(document, changes.variant, findings)
    document = with_cell(document, changes.cell, findings)
    document = with_settings(document, changes.settings, findings)
    document = normalized(document)
    _check_sections(document, changes.needed, findings)
    not_examined: list[NotExamined] = []
    if _is_part(document.data) and not changes.needed and "stages" not in map(_meant, document.data):
        not_examined.append(NotExamined("the pipeline", "there are no stages: it is taken for a part of others"))
    row = _row(changes.row, base, document)
    inputs = Inputs(document, changes.inputs, row, changes.needed, findings, not_examined).read()
    stages = Stages(stages_of(document))
    check_names(document, stages.all, findings)
    unset = frozenset(document.keys("inputs")) - set(inputs)
    others = frozenset([*document.keys("models"), *document.keys("nodes")])
    filling = Filling(document, inputs, unset, others, stages, findings)
    document = filling.filled(("models", "stages", "nodes", "verify", "target"))
    holes = filling.holes
    document = with_likes(document, stages, holes, findings)
    models = dict(_models(document, findings, holes))
    steps = tuple(_steps(document, stages, findings, holes))
    nodes = tuple(_nodes(document, findings, holes))
    verify = read_block(Verification, document, ("verify",), findings, holes)
    for path, each in [((), verify), *((s.path, s.block.verify) for s in steps if isinstance(s.block, Save))]:
        if each is not None and not _is_part(document.data):
            _check_reference(document, (*path, "verify"), each, inputs, unset, findings)
    target = document.get(("target",)) is not None
    variants = document.get(("variants",))
    return Spec(
        document=document,
        name=_name(document, findings),
        changes=changes,
        variants=tuple(variants) if isinstance(variants, Mapping) else (),
        rows=rows,
        matrix=matrix,
        names=names,
        inputs=inputs,
        models=models,
        steps=steps,
        nodes=nodes,
        verify=verify or Verification(),
        target=read_block(Target, document, ("target",), findings, holes) if target else None,
        holes=frozenset(holes),
        not_examined=tuple(not_examined),
        incomplete=not whole,
    )


def _row(row: Row | None, base: Document, document: Document) -> Mapping[str, Given]:
    """The values of a row, but for the inputs that a variant, a cell or the run has changed since."""
    values = row.values if row else {}
    paths: dict[str, Path] = {name: ("inputs", name, "default") for name in values}
    return {name: value for name, value in values.items() if document.place(paths[name]) == base.place(paths[name])}


def _is_spec(document: Document, findings: list[Diagnostic]) -> bool:
    """Whether the text is a spec at all, and of this version."""
    data, place = document.data, document.place(())
    if not isinstance(data, Mapping):
        message = f"a spec is a mapping, and this is {describe(data)}"
        findings.append(WRONG_TYPE.at(place, message, 'begin with "comfyproof: 1"'))
        return False
    version = data.get("comfyproof")
    if version == 1 and not isinstance(version, bool):
        return True
    if "comfyproof" in data:
        message = f"the version is {describe(version)}, and this comfyproof reads version 1"
        findings.append(WRONG_VALUE.at(document.place(("comfyproof",)), message, 'write "comfyproof: 1"'))
    elif any(isinstance(value, Mapping) and "class_type" in value for value in data.values()):
        message = "this is API JSON, which a server takes, and not a spec"
        findings.append(MISSING_FIELD.at(place, message, "comfyproof import FILE writes the spec of it"))
    elif isinstance(data.get("nodes"), list) and "links" in data:
        message = "this is a workflow of ComfyUI's editor, and not a spec"
        findings.append(MISSING_FIELD.at(place, message, "comfyproof import FILE writes the spec of it"))
    else:
        findings.append(MISSING_FIELD.at(place, 'a spec begins with "comfyproof: 1"', 'add "comfyproof: 1"'))
    return False


def _check_sections(document: Document, needed: bool, findings: list[Diagnostic]) -> None:
    data = document.data
    for key in data:
        if key not in FIELDS:
            help = did_you_mean(key, FIELDS, "fields")
            findings.append(UNKNOWN_FIELD.at(document.place((key,), key=True), f'unknown field "{key}"', help))
    for key in ("inputs", "models", "nodes"):
        if data.get(key) is not None and not isinstance(data[key], Mapping):
            message = f'"{key}" should be a mapping, not {describe(data[key])}'
            findings.append(WRONG_TYPE.at(document.place((key,)), message, "write it as name: {field: value}"))
    if not isinstance(data.get("stages"), list | None):
        message = f'"stages" should be a list, not {describe(data["stages"])}'
        help = 'begin each stage with a dash, as in "- save: {}"'
        findings.append(WRONG_TYPE.at(document.place(("stages",), key=True), message, help))
    elif needed and _is_part(data) and "stages" not in map(_meant, data):
        findings.append(MISSING_FIELD.at(document.place(()), 'the spec has no "stages"', 'add "stages"'))


def _is_part(data: Mapping[str, Any]) -> bool:
    """Whether a spec makes nothing by itself, as a file that others use."""
    return not data.get("stages") and not data.get("nodes")


def _meant(key: str) -> str | None:
    """The section that a misspelled one was probably meant for."""
    return None if key in FIELDS else nearest(key, FIELDS)


def _name(document: Document, findings: list[Diagnostic]) -> str:
    name = document.get(("name",))
    if isinstance(name, str) and name:
        return name
    if name is not None:
        message = f'"name" should be text, not {describe(name)}'
        findings.append(WRONG_TYPE.at(document.place(("name",)), message, "write it in quotes"))
    return document.source.file.replace("\\", "/").rsplit("/", 1)[-1].rsplit(".", 1)[0] or "pipeline"


def _models(document: Document, findings: list[Diagnostic], holes: set[Path]) -> Iterator[tuple[str, ModelBlock]]:
    for name in document.keys("models"):
        path: Path = ("models", name)
        data = document.get(path)
        kinds = [key for key in MODEL_KINDS if isinstance(data, Mapping) and key in data]
        if len(kinds) > 1:
            message = f'"{name}" says {len(kinds)} kinds of model: {", ".join(kinds)}'
            findings.append(WRONG_VALUE.at(document.place(path, key=True), message, "keep one of them"))
        elif not kinds:
            near = (
                [did_you_mean(key, MODEL_KINDS) for key in data if key not in kinds]
                if isinstance(data, Mapping)
                else []
            )
            help = next((text for text in near if text), f"give it one of {', '.join(MODEL_KINDS)}")
            findings.append(
                MISSING_FIELD.at(
                    document.place(path, key=True), f'"{name}" does not say what kind of model it is', help
                )
            )
        elif block := read_block(MODEL_KINDS[kinds[0]], document, path, findings, holes):
            yield name, block


def _steps(document: Document, stages: Stages, findings: list[Diagnostic], holes: set[Path]) -> Iterator[Step]:
    items = document.get(("stages",))
    for n, item in enumerate(items if isinstance(items, list) else ()):
        if not isinstance(item, Mapping) or len(item) != 1:
            what = "several" if isinstance(item, Mapping) and item else "none"
            message = f"each stage is one kind with its fields, and this has {what}"
            place = document.place(("stages", n))
            findings.append(WRONG_TYPE.at(place, message, "write it as - kind: {field: value}"))
    for stage in stages.all:
        if stage.kind not in STAGES:
            place = document.place(stage.path, key=True)
            help = did_you_mean(stage.kind, STAGES, "stages")
            findings.append(UNKNOWN_STAGE.at(place, f'there is no stage "{stage.kind}"', help))
        known = STAGES.get(stage.kind)
        block, broken = read_in_part(known, document, stage.path, findings, holes) if known else (None, frozenset())
        yield Step(stage.name, stage.path, block, broken)


def _check_reference(
    document: Document, path: Path, wanted: Verification, inputs: Mapping[str, InputValue],
    unset: frozenset[str], findings: list[Diagnostic],
) -> None:  # fmt: skip
    """Whether what a picture is to be measured by is a picture."""
    pictures = [n for n, found in inputs.items() if isinstance(found.value, Asset) and found.value.kind == "image"]
    if isinstance(wanted.size, Times) and wanted.size.of not in pictures:
        if wanted.size.of not in unset:
            help = did_you_mean(wanted.size.of, pictures, "inputs of that type")
            message = f'"{wanted.size.of}" is no input of the type image'
            findings.append(UNKNOWN_NAME.at(document.place((*path, "size")), message, help))
    elif wanted.aspect is not None and not pictures and not unset:
        place = document.place((*path, "aspect"))
        findings.append(UNTOLD.at(place, "there is no picture whose aspect could be kept", 'remove "aspect"'))


def _nodes(document: Document, findings: list[Diagnostic], holes: set[Path]) -> Iterator[RawNode]:
    for name in document.keys("nodes"):
        path: Path = ("nodes", name)
        data = document.get(path)
        if not isinstance(data, Mapping) or len(data) != 1:
            message = f'"{name}" should be one node class with its inputs'
            help = f"write it as {name}: {{ClassName: {{input: value}}}}"
            findings.append(WRONG_TYPE.at(document.place(path, key=True), message, help))
            holes.add(path)
            continue
        type, inputs = next(iter(data.items()))
        if inputs is not None and not isinstance(inputs, Mapping):
            message = f'the inputs of "{name}" should be a mapping, not {describe(inputs)}'
            findings.append(WRONG_TYPE.at(document.place((*path, type)), message, "write it as {input: value}"))
            holes.add(path)
            continue
        yield RawNode(name, type, inputs or {}, (*path, type))
